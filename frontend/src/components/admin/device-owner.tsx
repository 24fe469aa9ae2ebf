import { Button, NativeSelect, SegmentedControl, TextInput } from "@mantine/core";
import { type SubmitEvent, useState } from "react";
import { updateAccount, updateDevice } from "../../api/admin";
import { useAccount, useAccounts } from "../../api/admin-queries";
import type { DevicePatch } from "../../api/admin-types";
import { useTariffs } from "../../api/queries";
import type { Account, Device } from "../../api/types";
import { usePlace } from "../../lib/hooks";
import { rfc3339, startOfDay } from "../../lib/zone";
import { useText } from "../../text/text";
import { Figure } from "../figure";
import css from "./admin.module.css";
import { ProblemLine, problemsOf } from "./problem";
import { SavedLine } from "./saved-line";
import { useChange } from "./use-change";
import "../../text/manage";

type Way = "person" | "account";

export function accountName({ person, place, email, account_id }: Account): string {
  return [place, person || email].filter(Boolean).join(", ") || account_id;
}

/** Whose meter it is and by which tariff: a person from a day on, or an account that is there. */
export function DeviceOwner({ device }: { device: Device }) {
  const { t } = useText("device");
  const account = useAccount(device.account_id).data;
  const [way, setWay] = useState<Way>("person");
  return (
    <section className={`panel ${css.card}`} aria-labelledby="device-owner">
      <h2 id="device-owner">{t("whose")}</h2>
      <dl className={css.facts}>
        <Figure name={t("owner")} value={device.owner ?? "—"} />
        <Figure name={t("account")} value={account ? accountName(account) : "—"} />
        <Figure name={t("tariff")} value={device.tariff ?? "—"} />
      </dl>
      <div className={css.form}>
        <SegmentedControl
          aria-label={t("assignTo")}
          value={way}
          onChange={(next) => setWay(next as Way)}
          data={[
            { value: "person", label: t("toPerson") },
            { value: "account", label: t("toAccount") },
          ]}
        />
        {way === "person" ? <ToPerson device={device} /> : <ToAccount device={device} />}
      </div>
    </section>
  );
}

const PERSON_FIELDS = ["owner", "tariff", "from"] as const;

function ToPerson({ device }: { device: Device }) {
  const { t } = useText("device");
  const { tariffs } = useTariffs();
  const names = [...new Set(tariffs?.map(({ name }) => name))];
  const { change, busy, error, saved } = useChange(
    (body: DevicePatch) => updateDevice(device.device_id, body),
    [["devices"], ["accounts"]],
  );
  const { wrong, rest } = problemsOf(error, PERSON_FIELDS);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const body: DevicePatch = {};
    if (text("owner") !== (device.owner ?? "")) body.owner = text("owner") || null;
    if (text("tariff") && text("tariff") !== device.tariff) body.tariff = text("tariff");
    if (text("from") && (body.owner !== undefined || body.tariff)) body.from = text("from");
    change(body);
  };
  return (
    <form className={css.form} onSubmit={submit}>
      <ProblemLine text={rest} />
      <TextInput
        name="owner"
        type="email"
        label={t("ownerEmail")}
        description={t("ownerChangeHint")}
        defaultValue={device.owner ?? ""}
        error={wrong("owner")}
      />
      <div className={css.pair}>
        <NativeSelect
          name="tariff"
          label={t("tariff")}
          defaultValue={device.tariff ?? ""}
          data={[...(device.tariff ? [] : [{ value: "", label: t("tariffUsual") }]), ...names]}
          error={wrong("tariff")}
          key={names.length}
        />
        <TextInput
          name="from"
          type="date"
          label={t("from")}
          description={t("fromHint")}
          error={wrong("from")}
        />
      </div>
      <div className={css.actions}>
        <Button type="submit" loading={busy}>
          {t("assign")}
        </Button>
        <SavedLine saved={saved} />
      </div>
    </form>
  );
}

const ACCOUNT_FIELDS = ["meters", "multiplier"] as const;
interface Assignment {
  account: Account;
  from: string;
  subtract: boolean;
}

function ToAccount({ device }: { device: Device }) {
  const { t } = useText("device");
  const { timezone } = usePlace();
  const { accounts } = useAccounts(true);
  const { change, busy, error, saved } = useChange(
    ({ account, from, subtract }: Assignment) =>
      updateAccount(account.account_id, {
        meters: [
          ...account.meters,
          {
            device_id: device.device_id,
            from: from ? rfc3339(startOfDay(from, timezone)) : null,
            sign: subtract ? -1 : 1,
          },
        ],
      }),
    [["devices"], ["accounts"]],
  );
  const { wrong, rest } = problemsOf(error, ACCOUNT_FIELDS);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const account = accounts?.find(({ account_id }) => account_id === form.get("account"));
    if (!account) return;
    const from = String(form.get("from") ?? "");
    change({ account, from, subtract: form.get("sign") === "-1" });
  };
  return (
    <form className={css.form} onSubmit={submit}>
      <ProblemLine text={rest ?? wrong("meters") ?? null} />
      <NativeSelect
        name="account"
        label={t("account")}
        required
        withAsterisk={false}
        data={[
          { value: "", label: t("chooseAccount") },
          ...(accounts ?? []).map((account) => ({
            value: account.account_id,
            label: accountName(account),
          })),
        ]}
      />
      <div className={css.pair}>
        <NativeSelect
          name="sign"
          label={t("counts")}
          data={[
            { value: "1", label: t("countsFor") },
            { value: "-1", label: t("countsAgainst") },
          ]}
        />
        <TextInput name="from" type="date" label={t("from")} description={t("fromOpenHint")} />
      </div>
      <div className={css.actions}>
        <Button type="submit" loading={busy}>
          {t("assign")}
        </Button>
        <SavedLine saved={saved} />
      </div>
    </form>
  );
}
