import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";
import { ApiError } from "../../api/http";
import { addUtilityBill } from "../../api/office";
import { useMoneyMoved } from "../../api/office-queries";
import { useDevices, useTariffs } from "../../api/queries";
import { usePlace } from "../../lib/hooks";
import { minorDigits } from "../../lib/money";
import { type UtilityDraft, utilityFaults, utilityOf } from "../../lib/utility";
import { addDays, addMonths, type LocalMonth } from "../../lib/zone";
import { useText } from "../../text/text";
import css from "./office.module.css";
import { Trouble } from "./parts";

const SPLITS = ["equal", "use", "load"] as const;

function emptyDraft(month: LocalMonth): UtilityDraft {
  return {
    supplier: "",
    number: "",
    from: `${month}-01`,
    to: addDays(`${addMonths(month, 1)}-01`, -1),
    kwh: "",
    amount: "",
    tax: "",
    mainMeter: "",
    split: "use",
    tariff: "",
  };
}

/** A supplier's bill, as it stands on paper. */
export function UtilityForm({ month, onDone }: { month: LocalMonth; onDone: (id: string) => void }) {
  const { t } = useText("utility");
  const { currency } = usePlace();
  const moved = useMoneyMoved();
  const { devices } = useDevices();
  const { tariffs } = useTariffs();
  const [draft, setDraft] = useState(() => emptyDraft(month));
  const [sent, setSent] = useState(false);
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => addUtilityBill(utilityOf(draft)),
    onSuccess: ({ utility_id }) => {
      moved();
      onDone(utility_id);
    },
  });
  const faults = utilityFaults(draft, minorDigits(currency));
  const said = error instanceof ApiError ? (error.problem?.errors ?? []) : [];
  const names: Partial<Record<string, keyof UtilityDraft>> = { main_meter: "mainMeter", tariffs: "tariff" };
  const wrong = (name: keyof UtilityDraft) =>
    said.find(({ field }) => (names[field] ?? field) === name)?.message ??
    (sent && faults.includes(name) && t("decimal"));
  const unplaced = said.length === 0 || said.some(({ field }) => !((names[field] ?? field) in draft));
  const set = (name: keyof UtilityDraft) => ({
    value: draft[name],
    error: wrong(name),
    onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) =>
      setDraft((before) => ({ ...before, [name]: value })),
  });
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    setSent(true);
    if (faults.length === 0) mutate();
  };
  const tariffNames = [...new Set(tariffs?.map(({ name }) => name))];
  const needed = { required: true, withAsterisk: false, maxLength: 80 };
  return (
    <form className={css.rows} onSubmit={submit}>
      {unplaced && <Trouble what={t("notEntered")} error={error} />}
      <div className={css.row}>
        <TextInput label={t("supplier")} {...needed} {...set("supplier")} data-autofocus />
        <TextInput label={t("number")} {...needed} {...set("number")} />
      </div>
      <div className={css.row}>
        <TextInput type="date" label={t("from")} required withAsterisk={false} {...set("from")} />
        <TextInput type="date" label={t("to")} required withAsterisk={false} {...set("to")} />
      </div>
      <div className={css.row}>
        <TextInput label={t("kwh")} inputMode="decimal" {...set("kwh")} />
        <TextInput label={t("amount")} inputMode="decimal" {...set("amount")} />
        <TextInput label={t("tax")} inputMode="decimal" {...set("tax")} />
      </div>
      <NativeSelect
        label={t("mainMeter")}
        description={t("mainMeterHint")}
        data={[
          { value: "", label: t("mainMeterNone") },
          ...(devices ?? []).map(({ device_id, name }) => ({ value: device_id, label: name ?? device_id })),
        ]}
        {...set("mainMeter")}
      />
      <NativeSelect
        label={t("whom")}
        data={[
          { value: "", label: t("whomAll") },
          ...tariffNames.map((name) => ({ value: name, label: t("whomTariff", { name }) })),
        ]}
        {...set("tariff")}
      />
      <NativeSelect
        label={t("split")}
        data={SPLITS.map((value) => ({ value, label: t(`splits.${value}`) }))}
        {...set("split")}
      />
      <div className={css.tools}>
        <Button type="submit" loading={isPending}>
          {t("enter")}
        </Button>
      </div>
    </form>
  );
}
