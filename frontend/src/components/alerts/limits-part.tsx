import { Skeleton } from "@mantine/core";
import { useThresholds } from "../../api/alerts";
import { useUser } from "../../lib/hooks";
import "../../text/alerts";
import { useText } from "../../text/text";
import { Failure } from "../notice";
import css from "./alerts.module.css";
import { LimitsForm } from "./limits-form";

/** What a meter's alerts are judged by: loaded, and then a form. */
export function LimitsPart({ id }: { id: string }) {
  const { t } = useText("limits");
  const admin = useUser().role === "admin";
  const { data, error, refetch } = useThresholds(id);
  return (
    <section className={`${css.part} ${css.below}`} aria-labelledby="limits">
      <div>
        <h2 id="limits">{t("title")}</h2>
        <p className="soft">{t(admin ? "hintAdmin" : "hintOwn")}</p>
      </div>
      {error && !data && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton role="status" aria-label={t("loading")} height={320} radius={14} />}
      {data && <LimitsForm thresholds={data} admin={admin} />}
    </section>
  );
}
