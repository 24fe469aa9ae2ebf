import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ComponentType, memo } from "react";
import { Trans } from "react-i18next";
import { Link } from "wouter";
import { acknowledgeAlert, putIntoLists } from "../../api/alerts";
import type { Alert } from "../../api/types";
import { alertSentence, alertTitle, lasted } from "../../lib/alerts";
import { clockTime, dateTime } from "../../lib/format";
import { useNow, usePlace } from "../../lib/hooks";
import { dateOf } from "../../lib/zone";
import { useText } from "../../text/text";
import { explain } from "../notice";
import css from "./alerts.module.css";

/** Shows who it was, to those who may know. */
export type Who = ComponentType<{ id: string }>;

interface RowProps {
  alert: Alert;
  /** What to call its meter; null where the page is of that meter alone. */
  meter: string | null;
  who?: Who | undefined;
}

function When({ alert }: { alert: Alert }) {
  const { t } = useText("alerts");
  const { locale, timezone } = usePlace();
  const now = useNow(60_000);
  const at = dateTime(alert.opened_at, timezone, locale);
  const length = lasted(alert, now, locale);
  if (!alert.ended_at) return <p className={css.when}>{t("since", { at, length })}</p>;
  const [began, ended] = [Date.parse(alert.opened_at), Date.parse(alert.ended_at)];
  const end =
    dateOf(began, timezone) === dateOf(ended, timezone)
      ? clockTime(ended, timezone, locale)
      : dateTime(ended, timezone, locale);
  return <p className={css.when}>{t("was", { at, end, length })}</p>;
}

function Acknowledged({ alert, who: Who }: { alert: Alert; who?: Who | undefined }) {
  const { t } = useText("alerts");
  const { locale, timezone } = usePlace();
  if (!alert.acknowledged_at) return null;
  const at = dateTime(alert.acknowledged_at, timezone, locale);
  return (
    <p className={css.when}>
      {Who && alert.acknowledged_by ? (
        <Trans
          t={t}
          i18nKey="acknowledgedBy"
          values={{ at }}
          components={{ who: <Who id={alert.acknowledged_by} /> }}
        />
      ) : (
        t("acknowledged", { at })
      )}
    </p>
  );
}

/** One alert: what happened, where, since when, and whether somebody has seen it. */
export const AlertRow = memo(function AlertRow({ alert, meter, who }: RowProps) {
  const { t } = useText("alerts");
  const place = usePlace();
  const client = useQueryClient();
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => acknowledgeAlert(alert.id),
    onSuccess: (fresh) => {
      putIntoLists(client, fresh);
      void client.invalidateQueries({ queryKey: ["alerts", "open"] });
    },
  });
  const title = alertTitle(alert.kind);
  return (
    <li className={css.row} data-alert={alert.id} data-kind={alert.kind} data-state={alert.state}>
      <div className={css.what}>
        <p className={css.head}>
          <span className={css.kind}>{title}</span>
          {meter !== null &&
            (alert.device_id ? <Link href={`/meters/${alert.device_id}`}>{meter}</Link> : t("site"))}
          <span className={css.tag} data-state={alert.state}>
            {t(`tag.${alert.state}`)}
          </span>
        </p>
        <p>{alertSentence(alert, place)}</p>
        <When alert={alert} />
        <Acknowledged alert={alert} who={who} />
        {error && (
          <p className={css.error} role="alert">
            {t("acknowledgeFailed")}. {explain(error)}
          </p>
        )}
      </div>
      {!alert.acknowledged_at && (
        <Button
          className={css.act}
          size="sm"
          variant={alert.state === "open" ? "default" : "subtle"}
          loading={isPending}
          aria-label={t("acknowledgeOne", { what: meter ? `${title}, ${meter}` : title })}
          onClick={() => mutate()}
        >
          {t("acknowledge")}
        </Button>
      )}
    </li>
  );
});
