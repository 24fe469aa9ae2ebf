import { Skeleton } from "@mantine/core";
import { useNotifications } from "../../api/alerts";
import { useUser } from "../../lib/hooks";
import css from "../../pages/profile.module.css";
import "../../text/alerts";
import { useText } from "../../text/text";
import { Failure } from "../notice";
import { NotificationsForm } from "./notifications-form";

/** How somebody hears of alerts when they do not look. */
export default function Notifications() {
  const { t } = useText("alerts");
  const admin = useUser().role === "admin";
  const { data, error, refetch } = useNotifications();
  return (
    <section aria-labelledby="told">
      <h2 id="told">{t("told.title")}</h2>
      <p className={`soft ${css.hint}`}>{t(admin ? "told.hintAll" : "told.hint")}</p>
      {error && !data && <Failure what={t("told.failed")} error={error} onRetry={() => void refetch()} />}
      {!data && !error && (
        <Skeleton role="status" aria-label={t("common:loading")} height={260} radius={14} />
      )}
      {data && <NotificationsForm told={data} />}
    </section>
  );
}
