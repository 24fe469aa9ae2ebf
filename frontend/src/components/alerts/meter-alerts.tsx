import { Skeleton } from "@mantine/core";
import { Link } from "wouter";
import { useAlerts } from "../../api/alerts";
import "../../text/alerts";
import { useText } from "../../text/text";
import { Failure } from "../notice";
import { useLiveAlerts } from "./alert-list";
import { AlertRow } from "./alert-row";
import css from "./alerts.module.css";
import { LimitsPart } from "./limits-part";

/** What goes on at one meter, and what its alerts are judged by. */
export default function MeterAlerts({ id }: { id: string }) {
  const { t } = useText("alerts");
  const { alerts, error, refetch } = useAlerts({ state: "unended", device: id });
  useLiveAlerts();
  return (
    <div className={css.two}>
      <section className={css.part} aria-labelledby="alerts">
        <div className={css.bar}>
          <h2 id="alerts">{t("ofMeter")}</h2>
          <Link href={`/alerts?state=all&meter=${encodeURIComponent(id)}`}>{t("ofMeterAll")}</Link>
        </div>
        {error && !alerts && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
        {!alerts && !error && <Skeleton role="status" aria-label={t("loading")} height={90} radius={14} />}
        {alerts?.length === 0 && <p className="soft">{t("ofMeterNone")}</p>}
        {alerts && alerts.length > 0 && (
          <ul className={`panel ${css.list}`} aria-label={t("ofMeter")}>
            {alerts.map((alert) => (
              <AlertRow key={alert.id} alert={alert} meter={null} />
            ))}
          </ul>
        )}
      </section>
      <LimitsPart id={id} />
    </div>
  );
}
