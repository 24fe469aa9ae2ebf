import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useMemo } from "react";
import { Route, Switch, useLocation } from "wouter";
import { useSite } from "./api/queries";
import type { User } from "./api/types";
import css from "./app.module.css";
import { Boundary } from "./components/boundary";
import { KeepLast } from "./components/keep-last";
import { Failure } from "./components/notice";
import { officeRoutes } from "./components/office/routes";
import { Shell } from "./components/shell";
import { Waiting } from "./components/waiting";
import { localeFor } from "./lib/format";
import { PlaceContext, UserContext } from "./lib/hooks";
import { startLive } from "./live/socket";
import { clearLive } from "./live/store";
import { NotFoundPage } from "./pages/not-found";
import { fleetPage, meterPage } from "./pages/parts";
import { StartPage } from "./pages/start";
import { useChosenLanguage, useLanguage, useText } from "./text/text";

const MeterPage = meterPage.Part;
const FleetPage = fleetPage.Part;
const AlertsPage = lazy(() => import("./pages/alerts"));
const TariffsPage = lazy(() => import("./pages/tariffs"));
const ProfilePage = lazy(() => import("./pages/profile"));
// Administrators' own: nothing of these is in what others load.
const AllAlertsPage = lazy(() => import("./pages/alerts-all"));
const AuditPage = lazy(() => import("./pages/audit"));
const DevicePage = lazy(() => import("./pages/device"));
const FirmwarePage = lazy(() => import("./pages/firmware"));
const KeysPage = lazy(() => import("./pages/keys"));
const PeoplePage = lazy(() => import("./pages/people"));
const PersonPage = lazy(() => import("./pages/person"));
const RejectsPage = lazy(() => import("./pages/rejects"));
const SettingsPage = lazy(() => import("./pages/settings"));

const administration = (
  <>
    <Route path="/">
      <FleetPage />
    </Route>
    <Route path="/devices">
      <FleetPage view="table" />
    </Route>
    <Route path="/devices/:id">{({ id }) => <DevicePage key={id} id={id} />}</Route>
    <Route path="/alerts" component={AllAlertsPage} />
    <Route path="/people" component={PeoplePage} />
    <Route path="/people/:id">{({ id }) => <PersonPage key={id} id={id} />}</Route>
    <Route path="/keys" component={KeysPage} />
    <Route path="/firmware" component={FirmwarePage} />
    <Route path="/audit" component={AuditPage} />
    <Route path="/rejects" component={RejectsPage} />
    <Route path="/settings" component={SettingsPage} />
  </>
);

export default function SignedIn({ user }: { user: User }) {
  const { t } = useText("shell");
  const client = useQueryClient();
  const site = useSite();
  const language = useLanguage();
  const spoken = useChosenLanguage(user.language);
  const [location] = useLocation();
  const place = useMemo(
    () => site.data && { ...site.data, locale: localeFor(site.data.currency, language) },
    [site.data, language],
  );

  useEffect(() => {
    const stop = startLive(() => {
      void client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "site" });
    });
    return () => {
      stop();
      clearLive();
    };
  }, [client]);

  if (site.isError)
    return (
      <div className={css.center}>
        <Failure what={t("cannotStart")} error={site.error} onRetry={() => void site.refetch()} />
      </div>
    );
  if (!place || !spoken) return <Waiting />;
  return (
    <UserContext value={user}>
      <PlaceContext value={place}>
        {user.role !== "admin" && <KeepLast />}
        <Shell>
          <Boundary key={location}>
            <Suspense fallback={<Waiting />}>
              <Switch>
                {user.role === "admin" && administration}
                <Route path="/" component={StartPage} />
                <Route path="/meters/:id/:page?">
                  {({ id, page }) => <MeterPage key={id} id={id} page={page} />}
                </Route>
                <Route path="/alerts" component={AlertsPage} />
                <Route path="/profile" component={ProfilePage} />
                <Route path="/tariffs" component={TariffsPage} />
                {user.role === "admin" && officeRoutes}
                <Route component={NotFoundPage} />
              </Switch>
            </Suspense>
          </Boundary>
        </Shell>
      </PlaceContext>
    </UserContext>
  );
}
