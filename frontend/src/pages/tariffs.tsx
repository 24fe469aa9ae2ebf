import { Button, Skeleton } from "@mantine/core";
import { Link } from "wouter";
import { useTariffs } from "../api/queries";
import type { Tariff } from "../api/types";
import { Icon } from "../components/icon";
import { Failure, Notice } from "../components/notice";
import { longDate } from "../lib/format";
import { useNow, usePlace, useTitle, useUser } from "../lib/hooks";
import { formatRate } from "../lib/money";
import { inForce, slabName, tariffTerms } from "../lib/tariff";
import { dateOf } from "../lib/zone";
import { useText } from "../text/text";
import css from "./tariffs.module.css";

function TariffVersion({ tariff, current }: { tariff: Tariff; current: boolean }) {
  const { t } = useText("tariff");
  const { locale, currency } = usePlace();
  return (
    <article aria-label={t("versionOf", { name: tariff.name, version: tariff.version })}>
      <p className={css.versionHead}>
        <span>
          {t("from", { date: longDate(tariff.effective_from, locale) })}
          {current && <span className={css.current}>{t("inForce")}</span>}
        </span>
        <span className="soft">{t("version", { version: tariff.version })}</span>
      </p>
      <table className={css.rates}>
        <tbody>
          {tariff.slabs.map((slab, i) => (
            <tr key={slabName(tariff.slabs, i)}>
              <th scope="row">{slabName(tariff.slabs, i)}</th>
              <td>{t("perKwh", { rate: formatRate(slab.rate, currency, locale) })}</td>
            </tr>
          ))}
          {tariffTerms(tariff, currency, locale).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {tariff.slab_mode === "whole_use" && <p className="soft">{t("wholeUse")}</p>}
    </article>
  );
}

function TariffActions({ name }: { name: string }) {
  const { t } = useText("tariff");
  const of = encodeURIComponent(name);
  return (
    <div className={css.tools}>
      <Button
        component={Link}
        href={`/tariffs/edit?of=${of}`}
        variant="default"
        size="sm"
        aria-label={t("nextVersionOf", { name })}
      >
        {t("nextVersion")}
      </Button>
      <Button
        component={Link}
        href={`/tariffs/assign?name=${of}`}
        variant="default"
        size="sm"
        aria-label={t("assignOf", { name })}
      >
        {t("assign")}
      </Button>
    </div>
  );
}

export default function TariffsPage() {
  const { t } = useText("tariff");
  useTitle(t("title"));
  const { timezone } = usePlace();
  const admin = useUser().role === "admin";
  const today = dateOf(useNow(60_000), timezone);
  const { tariffs, error, refetch } = useTariffs();
  const names = [...new Set(tariffs?.map(({ name }) => name))];
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>{t("title")}</h1>
          <p className="soft">{t("motto")}</p>
        </div>
        {admin && (
          <Button component={Link} href="/tariffs/edit" leftSection={<Icon name="plus" size={18} />}>
            {t("add")}
          </Button>
        )}
      </div>
      {error && !tariffs && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
      {!tariffs && !error && <Skeleton height={260} radius={14} />}
      {tariffs?.length === 0 && <Notice icon="empty" title={t("none")} />}
      <div className={css.stack}>
        {names.map((name) => {
          const versions = (tariffs ?? []).filter((tariff) => tariff.name === name);
          const current = inForce(versions, today);
          return (
            <section key={name} className={`panel ${css.tariff}`}>
              <div className={css.tariffHead}>
                <h2>{name}</h2>
                {admin && <TariffActions name={name} />}
              </div>
              <div className={css.versions}>
                {versions
                  .toSorted((a, b) => b.version - a.version)
                  .map((tariff) => (
                    <TariffVersion key={tariff.version} tariff={tariff} current={tariff === current} />
                  ))}
              </div>
            </section>
          );
        })}
      </div>
    </>
  );
}
