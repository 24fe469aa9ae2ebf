import { NativeSelect } from "@mantine/core";
import { ROUNDINGS } from "../../lib/tariff-draft";
import { useText } from "../../text/text";
import { DraftNumber, DraftText, useEditor } from "./fields";
import css from "./office.module.css";
import { SlabFields } from "./slab-fields";
import { SurchargeFields, TaxFields } from "./tax-fields";
import { WindowFields } from "./window-fields";

function Basics() {
  const { t } = useText("editor");
  const { draft } = useEditor();
  return (
    <div className={css.row}>
      <DraftText
        path="name"
        label={t("name")}
        description={t("nameHint")}
        value={draft.name}
        onText={(d, name) => ({ ...d, name })}
      />
      <DraftText
        path="effective_from"
        type="date"
        label={t("from")}
        description={t("fromHint")}
        value={draft.effectiveFrom}
        onText={(d, effectiveFrom) => ({ ...d, effectiveFrom })}
      />
    </div>
  );
}

function Charges() {
  const { t } = useText("editor");
  const { draft, edit } = useEditor();
  return (
    <fieldset className={css.group}>
      <legend>{t("charges")}</legend>
      <div className={css.row}>
        <DraftNumber
          path="fixed_charge"
          label={t("fixed")}
          value={draft.fixed}
          onText={(d, fixed) => ({ ...d, fixed })}
        />
        <DraftNumber
          path="fixed_per_kw"
          label={t("fixedPerKw")}
          description={t("optional")}
          value={draft.fixedPerKw}
          onText={(d, fixedPerKw) => ({ ...d, fixedPerKw })}
        />
        <DraftNumber
          path="minimum_charge"
          label={t("minimum")}
          description={t("optional")}
          value={draft.minimum}
          onText={(d, minimum) => ({ ...d, minimum })}
        />
        <NativeSelect
          name="round_total_to"
          label={t("round")}
          value={draft.roundTo}
          data={[...new Set([...ROUNDINGS, draft.roundTo])]}
          onChange={({ currentTarget: { value } }) =>
            edit("round_total_to", (d) => ({ ...d, roundTo: value }))
          }
        />
      </div>
    </fieldset>
  );
}

function Demand() {
  const { t } = useText("editor");
  const { draft, edit } = useEditor();
  return (
    <fieldset className={css.group}>
      <legend>{t("demand")}</legend>
      <div className={css.row}>
        <DraftNumber
          path="demand.rate_per_kw"
          label={t("demandRate")}
          description={t("optional")}
          value={draft.demandRate}
          onText={(d, demandRate) => ({ ...d, demandRate })}
        />
        <NativeSelect
          name="demand.window_minutes"
          label={t("demandMinutes")}
          value={draft.demandMinutes}
          data={["15", "30", "60"].map((value) => ({ value, label: t("minutes", { count: Number(value) }) }))}
          onChange={({ currentTarget: { value } }) =>
            edit("demand.window_minutes", (d) => ({ ...d, demandMinutes: value }))
          }
        />
      </div>
    </fieldset>
  );
}

/** All that a tariff has, in the order in which a bill adds it up. */
export function TariffForm() {
  return (
    <div className={css.rows}>
      <Basics />
      <SlabFields />
      <Charges />
      <WindowFields />
      <Demand />
      <SurchargeFields />
      <TaxFields />
    </div>
  );
}
