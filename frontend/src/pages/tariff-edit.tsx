import { Skeleton } from "@mantine/core";
import { useMemo, useState } from "react";
import { Link, useSearchParams } from "wouter";
import type { ApiError } from "../api/http";
import { useTariffs } from "../api/queries";
import type { Tariff } from "../api/types";
import { Failure } from "../components/notice";
import { type Editor, EditorContext } from "../components/office/fields";
import css from "../components/office/office.module.css";
import { Preview } from "../components/office/preview";
import { PriceCurve } from "../components/office/price-curve";
import { SaveTariff } from "../components/office/save-tariff";
import { TariffForm } from "../components/office/tariff-form";
import { useNow, usePlace, useTitle } from "../lib/hooks";
import { inForce } from "../lib/tariff";
import { draftOf, emptyDraft, faultsOf, type TariffDraft, tariffOf } from "../lib/tariff-draft";
import { addMonths, dateOf, monthOf } from "../lib/zone";
import "../text/office";
import { useText } from "../text/text";

/** The paths that have a field of their own; what else the server names is said above the button. */
const shownPath = (path: string) => path.replace(/^tariff\./, "");

function EditTariff({ base }: { base: Tariff | null }) {
  const { t } = useText("editor");
  const { timezone } = usePlace();
  const next = `${addMonths(monthOf(dateOf(useNow(60_000), timezone)), 1)}-01`;
  const [draft, setDraft] = useState(() => (base ? draftOf(base, next) : emptyDraft(next)));
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [sent, setSent] = useState(false);
  const [said, setSaid] = useState<Record<string, string>>({});
  const faults = faultsOf(draft);
  const tariff = useMemo(() => tariffOf(draft), [draft]);
  // Name and day have no part in prices: the curve is there before them.
  const priced = Object.keys(faults).every((path) => path === "name" || path === "effective_from");
  const editor: Editor = {
    draft,
    edit: (path: string, change: (draft: TariffDraft) => TariffDraft) => {
      setDraft(change);
      setSaid((before) => (path in before ? { ...before, [path]: "" } : before));
    },
    leave: (path) => setLeft((before) => new Set(before).add(path)),
    fault: (path) => {
      const own = faults[path];
      if (own && (sent || left.has(path))) return t(`fault.${own}`);
      return said[path] || undefined;
    },
  };
  const refused = (error: ApiError) =>
    setSaid(
      Object.fromEntries(
        (error.problem?.errors ?? []).map(({ field, message }) => [shownPath(field), message]),
      ),
    );
  const count = Object.keys(faults).length;
  const unplaced = Object.entries(said).filter(([, message]) => message !== "");
  return (
    <EditorContext value={editor}>
      <div className={css.split}>
        <form className={`panel ${css.panel}`} onSubmit={(event) => event.preventDefault()} noValidate>
          <div className={css.rows}>
            <TariffForm />
            {sent && count > 0 && (
              <p className={css.error} role="alert">
                {t("wrong", { count })}
              </p>
            )}
            {count === 0 && unplaced.length > 0 && (
              <div className={css.error} role="alert">
                {t("failed")}
                <ul>
                  {unplaced.map(([path, message]) => (
                    <li key={path}>
                      {path} {message}
                    </li>
                  ))}
                </ul>
              </div>
            )}
            <SaveTariff
              tariff={tariff}
              onSend={() => {
                setSent(true);
                return count === 0;
              }}
              onRefused={refused}
            />
          </div>
        </form>
        <div className={css.side}>
          <section className={`panel ${css.panel}`} aria-labelledby="curve">
            <h2 id="curve">{t("curve")}</h2>
            {priced ? (
              <PriceCurve draft={tariff} current={base} />
            ) : (
              <p className="soft">{t("curveWaiting")}</p>
            )}
          </section>
        </div>
      </div>
      <div style={{ marginTop: "var(--gap)" }}>
        <Preview tariff={tariff} on={base?.name ?? null} ready={count === 0} />
      </div>
    </EditorContext>
  );
}

/** A new tariff, or the next version of `?of=NAME`. */
export default function TariffEditPage() {
  const { t } = useText("editor");
  const { timezone } = usePlace();
  const [params] = useSearchParams();
  const of = params.get("of");
  useTitle(of ? t("titleNext", { name: of }) : t("title"));
  const today = dateOf(useNow(60_000), timezone);
  const { tariffs, error, refetch, hasNextPage } = useTariffs();
  const versions = tariffs?.filter(({ name }) => name === of) ?? [];
  const base = inForce(versions, today) ?? versions.at(-1) ?? null;
  return (
    <>
      <div className={css.head}>
        <div>
          <p>
            <Link href="/tariffs">{t("back")}</Link>
          </p>
          <h1>{of ? t("titleNext", { name: of }) : t("title")}</h1>
          <p className="soft">{t("motto")}</p>
        </div>
      </div>
      {error && !tariffs && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
      {(!tariffs || hasNextPage) && !error && (
        <Skeleton height={480} radius={14} aria-label={t("common:loading")} />
      )}
      {tariffs && !hasNextPage && <EditTariff key={of} base={base} />}
    </>
  );
}
