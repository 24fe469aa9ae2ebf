import { TextInput } from "@mantine/core";
import { useCallback, useMemo, useState } from "react";
import type { NewTariff } from "../../api/types";
import { curveOptions } from "../../lib/chart-options";
import { whole } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { formatMoney, minorDigits, scaled, unscaled } from "../../lib/money";
import { type CurvePoint, curveSteps, monthPrice, priceCurve } from "../../lib/price";
import { useText } from "../../text/text";
import type { Palette } from "../time-chart";
import { CurveCanvas } from "./curve-canvas";
import css from "./office.module.css";
import { TableRegion } from "./parts";

interface CurveProps {
  draft: NewTariff;
  /** What is in force, to draw beside it. */
  current: NewTariff | null;
}

interface LinesProps {
  label: string;
  points: readonly CurvePoint[];
  of: "total" | "next";
  before: readonly string[] | null;
}

function Lines({ label, points, of, before }: LinesProps) {
  const { t } = useText("editor");
  const { locale, currency } = usePlace();
  const config = useCallback(
    (palette: Palette) => {
      const stepped = of === "next";
      const line = { pointRadius: 0, pointHitRadius: 8, borderWidth: 2.5, stepped };
      const [energy, peak] = [palette.color("--energy"), palette.color("--peak")];
      return {
        type: "line" as const,
        data: {
          labels: points.map(({ kwh }) => whole(kwh, locale)),
          datasets: [
            {
              ...line,
              label: t("new"),
              // A place on the canvas, not an amount: what is said is formatted from the text itself.
              data: points.map((point) => Number(point[of])),
              borderColor: energy,
              backgroundColor: energy,
            },
            ...(before
              ? [
                  {
                    ...line,
                    label: t("now"),
                    data: before.map(Number),
                    borderColor: peak,
                    backgroundColor: peak,
                    borderWidth: 1.5,
                  },
                ]
              : []),
          ],
        },
        options: curveOptions(palette, {
          unit: currency,
          title: (index) => `${whole(points[index]?.kwh ?? 0, locale)} kWh`,
          value: (value) => formatMoney(value.toFixed(minorDigits(currency)), currency, locale),
        }),
      };
    },
    [points, of, before, t, locale, currency],
  );
  return <CurveCanvas label={label} config={config} />;
}

function Figures({ points, before }: { points: readonly CurvePoint[]; before: readonly string[] | null }) {
  const { t } = useText("editor");
  const { locale, currency } = usePlace();
  const money = (amount: string) => formatMoney(amount, currency, locale);
  return (
    <details className={css.figures}>
      <summary>{t("figures")}</summary>
      <TableRegion label={t("curve")}>
        <thead>
          <tr>
            <th scope="col">{t("used")}</th>
            <th scope="col" className={css.num}>
              {t("month")}
            </th>
            {before && (
              <th scope="col" className={css.num}>
                {t("monthNow")}
              </th>
            )}
            <th scope="col" className={css.num}>
              {t("oneMore")}
            </th>
          </tr>
        </thead>
        <tbody>
          {points.map(({ kwh, total, next }, i) => (
            <tr key={kwh}>
              <th scope="row">{whole(kwh, locale)} kWh</th>
              <td className={css.num}>{money(total)}</td>
              {before && <td className={css.num}>{money(before[i] ?? "0")}</td>}
              <td className={css.num}>{money(next)}</td>
            </tr>
          ))}
        </tbody>
      </TableRegion>
    </details>
  );
}

/** What a month costs and what the next unit costs, against the use; what is in force beside it. */
export function PriceCurve({ draft, current }: CurveProps) {
  const { t } = useText("editor");
  const { currency } = usePlace();
  const [load, setLoad] = useState("1");
  const perKw = Boolean(draft.fixed_per_kw || current?.fixed_per_kw);
  const kw = perKw && scaled(load, 3) !== null ? Number(load) : 0;
  const digits = minorDigits(currency);
  const points = useMemo(() => priceCurve(draft, digits, kw), [draft, digits, kw]);
  const before = useMemo(() => {
    if (!current) return null;
    const at = (kwh: number) => monthPrice(current, kwh, digits, kw).total;
    const text = (minor: bigint) => unscaled(minor, digits);
    const steps = curveSteps(draft.slabs);
    return {
      total: steps.map((kwh) => text(at(kwh))),
      next: steps.map((kwh) => text(at(kwh + 1) - at(kwh))),
    };
  }, [draft, current, digits, kw]);
  return (
    <div className={css.charts}>
      <p className="soft">{t("curveHint")}</p>
      {perKw && (
        <TextInput
          label={t("curveLoad")}
          inputMode="decimal"
          value={load}
          onChange={({ currentTarget: { value } }) => setLoad(value)}
        />
      )}
      <div>
        <h3>{t("curveMonth")}</h3>
        <Lines label={t("curveMonth")} points={points} of="total" before={before?.total ?? null} />
      </div>
      <div>
        <h3>{t("curveNext")}</h3>
        <Lines label={t("curveNext")} points={points} of="next" before={before?.next ?? null} />
      </div>
      <Figures points={points} before={before?.total ?? null} />
    </div>
  );
}
