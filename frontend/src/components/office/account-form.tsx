import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";
import { ApiError } from "../../api/http";
import { addAccount, changeAccount } from "../../api/office";
import { useMoneyMoved } from "../../api/office-queries";
import { useDevices, useTariffs } from "../../api/queries";
import type { Account, NewAccount } from "../../api/types";
import { useText } from "../../text/text";
import css from "./office.module.css";
import { Trouble } from "./parts";

interface FormProps {
  /** Absent: a new one is opened. */
  account?: Account;
  onDone: (account: Account) => void;
}

const orNull = (text: string) => (text.trim() === "" ? null : text.trim());

/** A tenancy: its person, place, days and load; a new one with a meter and a tariff. */
export function AccountForm({ account, onDone }: FormProps) {
  const { t } = useText("ledger");
  const client = useQueryClient();
  const moved = useMoneyMoved();
  const { devices } = useDevices();
  const { tariffs } = useTariffs();
  const [fields, setFields] = useState({
    person: account?.person ?? "",
    email: account?.email ?? "",
    place: account?.place ?? "",
    from: account?.from ?? "",
    to: account?.to ?? "",
    load: account?.sanctioned_load_kw === null ? "" : String(account?.sanctioned_load_kw ?? ""),
    meter: "",
    tariff: "",
  });
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => {
      const body: NewAccount = {
        person: fields.person.trim(),
        email: orNull(fields.email),
        place: orNull(fields.place),
        from: orNull(fields.from),
        to: orNull(fields.to),
        sanctioned_load_kw: fields.load.trim() === "" ? null : Number(fields.load),
      };
      if (account) return changeAccount(account.account_id, body);
      const meters = fields.meter ? [{ device_id: fields.meter, sign: 1 as const, multiplier: 1 }] : [];
      const assigned = fields.tariff ? [{ name: fields.tariff }] : [];
      return addAccount({ ...body, meters, tariffs: assigned });
    },
    onSuccess: (done) => {
      moved();
      void client.invalidateQueries({ queryKey: ["devices"] });
      onDone(done);
    },
  });
  const said = error instanceof ApiError ? (error.problem?.errors ?? []) : [];
  const wrong = (field: string) => said.find((entry) => entry.field.startsWith(field))?.message;
  const shown = ["person", "email", "place", "from", "to", "sanctioned_load_kw", "meters", "tariffs"];
  const unplaced =
    said.length === 0 || said.some(({ field }) => !shown.some((name) => field.startsWith(name)));
  const set = (name: keyof typeof fields) => ({
    value: fields[name],
    onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) =>
      setFields((before) => ({ ...before, [name]: value })),
  });
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    mutate();
  };
  const names = [...new Set(tariffs?.map(({ name }) => name))];
  return (
    <form className={css.rows} onSubmit={submit}>
      {unplaced && <Trouble what={t(account ? "notChanged" : "notOpened")} error={error} />}
      <TextInput
        label={t("person")}
        required
        withAsterisk={false}
        maxLength={80}
        error={wrong("person")}
        {...set("person")}
        data-autofocus
      />
      <TextInput label={t("place")} maxLength={80} error={wrong("place")} {...set("place")} />
      <TextInput
        type="email"
        label={t("email")}
        description={t("emailHint")}
        error={wrong("email")}
        {...set("email")}
      />
      <div className={css.row}>
        <TextInput type="date" label={t("from")} error={wrong("from")} {...set("from")} />
        <TextInput
          type="date"
          label={t("to")}
          description={t("toHint")}
          inputWrapperOrder={["label", "input", "description", "error"]}
          error={wrong("to")}
          {...set("to")}
        />
      </div>
      <TextInput
        label={t("load")}
        inputMode="decimal"
        pattern="[0-9]+(\.[0-9]{1,3})?"
        error={wrong("sanctioned_load_kw")}
        {...set("load")}
      />
      {!account && (
        <div className={css.row}>
          <NativeSelect
            label={t("meter")}
            data={[
              { value: "", label: t("meterNone") },
              ...(devices ?? []).map(({ device_id, name }) => ({
                value: device_id,
                label: name ?? device_id,
              })),
            ]}
            error={wrong("meters")}
            {...set("meter")}
          />
          <NativeSelect
            label={t("tariff")}
            data={[
              { value: "", label: t("tariffDefault") },
              ...names.map((value) => ({ value, label: value })),
            ]}
            error={wrong("tariffs")}
            {...set("tariff")}
          />
        </div>
      )}
      <div className={css.tools}>
        <Button type="submit" loading={isPending}>
          {account ? t("common:save") : t("openIt")}
        </Button>
      </div>
    </form>
  );
}
