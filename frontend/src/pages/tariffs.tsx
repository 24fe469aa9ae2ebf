import { Skeleton } from "@mantine/core";
import { useTariffs } from "../api/queries";
import type { Tariff } from "../api/types";
import { Failure, Notice } from "../components/notice";
import { dayName } from "../lib/format";
import { useNow, usePlace, useTitle } from "../lib/hooks";
import { formatRate } from "../lib/money";
import { inForce, slabName, tariffTerms } from "../lib/tariff";
import { dateOf } from "../lib/zone";
import css from "./admin.module.css";

function TariffVersion({ tariff, current }: { tariff: Tariff; current: boolean }) {
  const { locale, currency } = usePlace();
  const since = dayName(tariff.effective_from, locale).replace(/^\w+,? /, "");
  return (
    <article aria-label={`${tariff.name}, version ${tariff.version}`}>
      <p className={css.versionHead}>
        <span>
          From {since}
          {current && <span className={css.current}>In force</span>}
        </span>
        <span className="soft">Version {tariff.version}</span>
      </p>
      <table className={css.rates}>
        <tbody>
          {tariff.slabs.map((slab, i) => (
            <tr key={slabName(tariff.slabs, i)}>
              <th scope="row">{slabName(tariff.slabs, i)}</th>
              <td>{formatRate(slab.rate, currency, locale)} a kWh</td>
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
      {tariff.slab_mode === "whole_use" && (
        <p className="soft">All use at the rate of the slab that it ends in.</p>
      )}
    </article>
  );
}

export default function TariffsPage() {
  useTitle("Tariffs");
  const { timezone } = usePlace();
  const today = dateOf(useNow(60_000), timezone);
  const { tariffs, error, refetch } = useTariffs();
  const names = [...new Set(tariffs?.map(({ name }) => name))];
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>Tariffs</h1>
          <p className="soft">Every version there ever was: a bill keeps the one of its time.</p>
        </div>
      </div>
      {error && !tariffs && (
        <Failure what="The tariffs could not be loaded" error={error} onRetry={() => void refetch()} />
      )}
      {!tariffs && !error && <Skeleton height={260} radius={14} />}
      {tariffs?.length === 0 && <Notice icon="empty" title="No tariff yet" />}
      <div className={css.stack}>
        {names.map((name) => {
          const versions = (tariffs ?? []).filter((tariff) => tariff.name === name);
          const current = inForce(versions, today);
          return (
            <section key={name} className={`panel ${css.tariff}`}>
              <h2>{name}</h2>
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
