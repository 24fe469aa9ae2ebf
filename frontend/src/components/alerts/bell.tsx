import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useState } from "react";
import { Link } from "wouter";
import { ALERTS_COUNTED, useOpenAlerts } from "../../api/queries";
import type { Alert } from "../../api/types";
import { whole } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { subscribeAlerts, told } from "../../live/alerts";
import { useText } from "../../text/text";
import { Icon } from "../icon";
import css from "./bell.module.css";

const AlertToast = lazy(() => import("./alert-toast"));

/** A storm of alerts asks once. */
const GATHER_MS = 300;

/** How many alerts wait for somebody, kept up by what comes in live. */
export function Bell() {
  const { t } = useText("shell");
  const { locale } = usePlace();
  const { data } = useOpenAlerts();
  const client = useQueryClient();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const leave = subscribeAlerts(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void client.invalidateQueries({ queryKey: ["alerts", "open"] });
      }, GATHER_MS);
    });
    return () => {
      leave();
      clearTimeout(timer);
    };
  }, [client]);
  const count = data?.alerts.length ?? 0;
  const shown = data?.next ? `${whole(ALERTS_COUNTED - 1, locale)}+` : whole(count, locale);
  const label = count === 0 ? t("alertsNone") : t("alertsOpen", { count, n: shown });
  return (
    <Link href="/alerts" className={css.bell} aria-label={label} title={label} data-count={count}>
      <Icon name="bell" />
      {count > 0 && (
        <span className={css.count} aria-hidden="true">
          {shown}
        </span>
      )}
    </Link>
  );
}

/** What is raised while somebody looks at something else. */
export function AlertToasts() {
  const { t } = useText("shell");
  const [news, setNews] = useState<readonly Alert[]>([]);
  useEffect(() => subscribeAlerts((alert) => setNews((before) => told(before, alert))), []);
  // Always there, so that what comes into it is read out.
  return (
    <section className={css.toasts} aria-live="polite" aria-label={t("alertsNew")}>
      {news.length > 0 && (
        <Suspense fallback={null}>
          <AlertToast alerts={news} onDone={() => setNews([])} />
        </Suspense>
      )}
    </section>
  );
}
