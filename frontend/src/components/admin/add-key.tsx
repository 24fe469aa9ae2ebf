import { Button, Checkbox, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { type SubmitEvent, useState } from "react";
import { createKey } from "../../api/admin";
import type { ApiKey, ApiScope, NewApiKey } from "../../api/admin-types";
import "@mantine/core/styles/Checkbox.layer.css";
import { useText } from "../../text/text";
import { Dialog } from "../dialog";
import css from "../form.module.css";
import { Icon } from "../icon";
import admin from "./admin.module.css";
import { KeyShown } from "./key-shown";
import { ProblemLine, problemsOf } from "./problem";
import { useChange } from "./use-change";
import "../../text/manage";

const SCOPES: readonly ApiScope[] = [
  "devices:read",
  "readings:read",
  "billing:read",
  "invoices:read",
  "tariffs:read",
  "accounts:read",
  "payments:write",
  "audit:read",
];
export const EXPIRIES = [7, 30, 90, 180, 366] as const;
const FIELDS = ["name", "scopes", "devices", "expires_in_days"] as const;

export function AddKey() {
  const { t } = useText("keys");
  const [open, setOpen] = useState(false);
  const [made, setMade] = useState<ApiKey | null>(null);
  const close = () => {
    setOpen(false);
    setMade(null);
  };
  return (
    <>
      <Button leftSection={<Icon name="plus" size={18} />} onClick={() => setOpen(true)}>
        {t("add")}
      </Button>
      <Dialog
        opened={open}
        title={made ? t("added", { name: made.name }) : t("add")}
        onClose={close}
        held={made !== null}
      >
        {made ? <KeyShown apiKey={made} onDone={close} /> : <AddKeyForm onMade={setMade} />}
      </Dialog>
    </>
  );
}

function AddKeyForm({ onMade }: { onMade: (made: ApiKey) => void }) {
  const { t } = useText("keys");
  const [scopes, setScopes] = useState<string[]>([]);
  const [unscoped, setUnscoped] = useState(false);
  const { change, busy, error } = useChange((body: NewApiKey) => createKey(body), [["keys"]], onMade);
  const { wrong, rest } = problemsOf(error, FIELDS);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    setUnscoped(scopes.length === 0);
    if (scopes.length === 0) return;
    const form = new FormData(event.currentTarget);
    const devices = String(form.get("devices") ?? "")
      .split(/[\s,]+/)
      .filter(Boolean);
    change({
      name: String(form.get("name") ?? "").trim(),
      scopes: SCOPES.filter((scope) => scopes.includes(scope)),
      expires_in_days: Number(form.get("expires_in_days")),
      ...(devices.length > 0 ? { devices } : {}),
    });
  };
  return (
    <form className={css.form} onSubmit={submit}>
      <ProblemLine text={rest} />
      <TextInput
        name="name"
        label={t("name")}
        description={t("nameHint")}
        required
        withAsterisk={false}
        maxLength={80}
        error={wrong("name")}
        autoComplete="off"
        data-autofocus
      />
      <Checkbox.Group
        label={t("scopesTitle")}
        value={scopes}
        onChange={setScopes}
        error={unscoped && scopes.length === 0 ? t("scopesNone") : wrong("scopes")}
      >
        <div className={admin.checks}>
          {SCOPES.map((scope) => (
            <Checkbox
              key={scope}
              value={scope}
              label={scope}
              description={t(`scopes.${scope.replace(":", "_")}` as "scopes.devices_read")}
            />
          ))}
        </div>
      </Checkbox.Group>
      <NativeSelect
        name="expires_in_days"
        label={t("expiry")}
        defaultValue={90}
        data={EXPIRIES.map((days) => ({ value: String(days), label: t("common:day", { count: days }) }))}
        error={wrong("expires_in_days")}
      />
      <Textarea
        name="devices"
        label={t("devices")}
        description={t("devicesHint")}
        autosize={false}
        rows={2}
        error={wrong("devices")}
      />
      <Button type="submit" loading={busy}>
        {t("addNow")}
      </Button>
    </form>
  );
}
