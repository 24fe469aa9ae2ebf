import { Skeleton } from "@mantine/core";
import { useSettings } from "../api/admin-queries";
import css from "../components/admin/admin.module.css";
import { MainMeters } from "../components/admin/main-meters";
import { Figure } from "../components/figure";
import { Failure } from "../components/notice";
import { usePlace, useTitle } from "../lib/hooks";
import { useText } from "../text/text";
import "../text/manage";

export default function SettingsPage() {
  const { t } = useText("settings");
  useTitle(t("title"));
  const { name, timezone, currency } = usePlace();
  const { data, error, refetch } = useSettings();
  return (
    <>
      <div className={css.head}>
        <h1>{t("title")}</h1>
      </div>
      <div className={css.stack}>
        <section className={`panel ${css.card}`} aria-labelledby="settings-site">
          <h2 id="settings-site">{t("site")}</h2>
          <dl className={css.facts}>
            <Figure name={t("name")} value={name} />
            <Figure name={t("zone")} value={timezone} />
            <Figure name={t("currency")} value={currency} />
          </dl>
          <p className="soft">{t("siteHint")}</p>
        </section>
        {error && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
        {!data && !error && (
          <Skeleton role="status" aria-label={t("common:loading")} height={220} radius={14} />
        )}
        {data && (
          <>
            <MainMeters settings={data} />
            <section className={`panel ${css.card}`} aria-labelledby="settings-server">
              <h2 id="settings-server">{t("server")}</h2>
              <p className="soft">{t(data.environment.length > 0 ? "serverHint" : "serverNone")}</p>
              {data.environment.length > 0 && (
                <dl className={css.details}>
                  {data.environment.map(({ name, value }) => (
                    <Setting key={name} name={name} value={value} />
                  ))}
                </dl>
              )}
            </section>
          </>
        )}
      </div>
    </>
  );
}

function Setting({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>
        <code>{name}</code>
      </dt>
      <dd>{value}</dd>
    </>
  );
}
