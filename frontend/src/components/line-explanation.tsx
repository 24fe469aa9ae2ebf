import { Skeleton } from "@mantine/core";
import { useExplanation } from "../api/queries";
import type { ExplainedLine, ExplainedMeter, Explanation } from "../api/types";
import { dateTime, register } from "../lib/format";
import { usePlace } from "../lib/hooks";
import type { LocalMonth } from "../lib/zone";
import { useText } from "../text/text";
import css from "./bill.module.css";
import { Failure } from "./notice";
import "../text/later";

type Edge = ExplainedMeter["stretches"][number]["edges"][number];

/** A register at an edge of the time that is billed, and the readings that it was taken from. */
function EdgeRow({ edge, rules }: { edge: Edge; rules: Map<string, string> }) {
  const { t } = useText("money");
  const { locale, timezone } = usePlace();
  const readings = [edge.before, edge.after, edge.last].filter((reading) => reading !== undefined);
  return (
    <li>
      <strong>{dateTime(edge.at, timezone, locale)}</strong>:{" "}
      <span className="num">{register(edge.kwh, locale)}</span>
      <small lang="en">{rules.get(edge.rule) ?? edge.text}</small>
      {readings.map(({ at, kwh }) => (
        <small key={at}>
          {t("explain.reading", { at: dateTime(at, timezone, locale), kwh: register(kwh, locale) })}
        </small>
      ))}
    </li>
  );
}

function Meter({ meter, rules }: { meter: ExplainedMeter; rules: Map<string, string> }) {
  const { t } = useText("money");
  return (
    <>
      <p className={css.explainHead}>{t("explain.meter", { meter: meter.device_id })}</p>
      {meter.stretches.map(({ edges }) => (
        <ul key={edges[0]?.at} className={css.edges}>
          {edges.map((edge) => (
            <EdgeRow key={edge.at} edge={edge} rules={rules} />
          ))}
        </ul>
      ))}
    </>
  );
}

function Demand({
  of: { demand },
  rules,
}: {
  of: Explanation["segments"][number];
  rules: Map<string, string>;
}) {
  const { t } = useText("money");
  const { locale, timezone } = usePlace();
  if (!demand?.from || !demand.to) return null;
  const at = (time: string) => dateTime(time, timezone, locale);
  return (
    <>
      <p className={css.explainHead}>{t("explain.demand", { from: at(demand.from), to: at(demand.to) })}</p>
      {demand.meters?.map(({ device_id, edges }) => (
        <ul key={device_id} className={css.edges}>
          {edges.map((edge) => (
            <EdgeRow key={edge.at} edge={edge} rules={rules} />
          ))}
        </ul>
      ))}
    </>
  );
}

function Window({ of, line }: { of: Explanation["segments"][number]; line: ExplainedLine }) {
  const { t } = useText("money");
  const { locale, timezone } = usePlace();
  const window = of.windows?.[line.window ?? -1];
  if (!window) return null;
  const at = (time: string) => dateTime(time, timezone, locale);
  return (
    <details className={css.times}>
      <summary>{t("explain.times", { count: window.times.length })}</summary>
      <ul className={css.edges}>
        {window.times.map((time) => (
          <li key={`${time.device_id} ${time.from}`}>
            {at(time.from)} – {at(time.to)}: {register(time.counted_from_kwh, locale)} –{" "}
            {register(time.counted_to_kwh, locale)}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** A line down to where its figures came from: the arithmetic, the rule, the registers and their times. */
export function LineExplanation({ id, month, index }: { id: string; month: LocalMonth; index: number }) {
  const { t } = useText("money");
  const { data, error, refetch } = useExplanation(id, month, true);
  if (!data && error)
    return <Failure what={t("explain.notLoaded")} error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={70} radius={8} aria-label={t("explain.loading")} />;
  const line = data.lines.find((one) => one.line === index);
  const rules = new Map(data.rules.map(({ rule, text }) => [rule, text]));
  if (!line) return <p className="soft">{t("explain.none")}</p>;
  const segment = line.segment === null ? undefined : data.segments[line.segment];
  const names = (line.of_lines ?? []).flatMap((at) => data.bill.lines[at]?.name ?? []);
  const counted = line.kind === "energy" || line.rule === "surcharge.per_kwh";
  return (
    <div className={css.explanation}>
      <p className={css.arithmetic}>{line.text}</p>
      {rules.has(line.rule) && <p lang="en">{rules.get(line.rule)}</p>}
      {names.length > 0 && <p>{t("explain.of", { lines: names.join(", ") })}</p>}
      {counted &&
        data.meters.map((meter) => (
          <Meter key={`${meter.device_id} ${meter.from}`} meter={meter} rules={rules} />
        ))}
      {line.kind === "demand" && segment && <Demand of={segment} rules={rules} />}
      {line.kind === "time_of_day" && segment && <Window of={segment} line={line} />}
      {data.invoice?.readings.changed && <p>{t("explain.changed", { number: data.invoice.number })}</p>}
    </div>
  );
}
