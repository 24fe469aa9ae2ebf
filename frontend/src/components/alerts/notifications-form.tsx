import { Button, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, type SubmitEvent, useState } from "react";
import { setNotifications } from "../../api/alerts";
import type { AlertKind, NewNotifications, Notifications } from "../../api/types";
import { ALERT_KINDS, alertTitle } from "../../lib/alerts";
import { useUser } from "../../lib/hooks";
import profile from "../../pages/profile.module.css";
import { useText } from "../../text/text";
import { ProblemLine, problemsOf } from "../admin/problem";
import { SecretList } from "../admin/secret";
import { Notice } from "../notice";
import css from "./alerts.module.css";

const FIELDS = ["email", "webhook_url", "kinds", "quiet_hours.from", "quiet_hours.to"];

interface CheckProps {
  type?: "checkbox" | "radio";
  name: string;
  checked: boolean;
  hint?: string;
  onChange: (checked: boolean) => void;
  children: ReactNode;
}

function Check({ type = "checkbox", name, checked, hint, onChange, children }: CheckProps) {
  return (
    <label className={css.check}>
      <input
        type={type}
        name={name}
        checked={checked}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
      <span className={css.light}>
        {children}
        {hint && <small>{hint}</small>}
      </span>
    </label>
  );
}

/** All of it is saved at once, as the API has it. */
export function NotificationsForm({ told }: { told: Notifications }) {
  const { t } = useText("alerts");
  const { email: address } = useUser();
  const client = useQueryClient();
  const [email, setEmail] = useState(told.email);
  const [quiet, setQuiet] = useState(told.quiet_hours !== null);
  const [hours, setHours] = useState(told.quiet_hours ?? { from: "22:00", to: "07:00" });
  const [some, setSome] = useState(told.kinds !== null);
  const [kinds, setKinds] = useState<readonly AlertKind[]>(told.kinds ?? ALERT_KINDS);
  const [url, setUrl] = useState(told.webhook_url ?? "");
  const [renew, setRenew] = useState(false);
  const [odd, setOdd] = useState(false);
  const { mutate, isPending, isSuccess, data, error } = useMutation({
    mutationFn: (body: NewNotifications) => setNotifications(body),
    onSuccess: ({ webhook_secret: _, ...fresh }) => {
      setRenew(false);
      client.setQueryData(["notifications"], fresh);
    },
  });
  const { wrong, rest } = problemsOf(error, FIELDS);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const none = some && kinds.length === 0;
    setOdd(none);
    if (none) return;
    mutate({
      email,
      quiet_hours: quiet ? hours : null,
      kinds: some ? [...kinds] : null,
      webhook_url: url.trim() || null,
      new_webhook_secret: renew && url.trim() !== "",
    });
  };
  const timeFault = (field: string) => {
    const said = wrong(field);
    if (said === undefined) return undefined;
    return t(/^must differ/.test(said) ? "fault.differ" : "fault.clock");
  };
  const hour = (name: "from" | "to") => (
    <TextInput
      type="time"
      name={`quiet_hours.${name}`}
      label={t(`told.${name}`)}
      value={hours[name]}
      error={timeFault(`quiet_hours.${name}`)}
      onChange={({ currentTarget: { value } }) => setHours({ ...hours, [name]: value })}
    />
  );
  return (
    <form className={`panel ${profile.form}`} onSubmit={submit} aria-labelledby="told" noValidate>
      <Check name="email" checked={email} hint={t("told.emailHint")} onChange={setEmail}>
        {t("told.email", { email: address })}
      </Check>
      <div className={css.part}>
        <Check name="quiet" checked={quiet} hint={t("told.quietHint")} onChange={setQuiet}>
          {t("told.quiet")}
        </Check>
        {quiet && (
          <div className={`${css.inside} ${css.fields}`}>
            {hour("from")}
            {hour("to")}
          </div>
        )}
      </div>
      <fieldset className={css.choices}>
        <legend>{t("told.which")}</legend>
        <Check type="radio" name="which" checked={!some} onChange={() => setSome(false)}>
          {t("told.whichAll")}
        </Check>
        <Check type="radio" name="which" checked={some} onChange={() => setSome(true)}>
          {t("told.whichSome")}
        </Check>
        {some && (
          <div className={css.inside}>
            {ALERT_KINDS.map((kind) => (
              <Check
                key={kind}
                name={kind}
                checked={kinds.includes(kind)}
                onChange={(on) =>
                  setKinds(ALERT_KINDS.filter((other) => (other === kind ? on : kinds.includes(other))))
                }
              >
                {alertTitle(kind)}
              </Check>
            ))}
          </div>
        )}
        {odd && some && kinds.length === 0 && <ProblemLine text={t("told.whichNone")} />}
        <ProblemLine text={wrong("kinds") ?? null} />
      </fieldset>
      <details open={told.webhook_url !== null || wrong("webhook_url") !== undefined || undefined}>
        <summary>{t("told.webhook")}</summary>
        <div className={css.part}>
          <TextInput
            type="url"
            name="webhook_url"
            label={t("told.webhookUrl")}
            description={t("told.webhookHint")}
            placeholder="https://"
            autoComplete="off"
            maxLength={1000}
            value={url}
            error={wrong("webhook_url")}
            onChange={({ currentTarget: { value } }) => setUrl(value)}
          />
          {told.webhook_url !== null && (
            <Check name="renew" checked={renew} onChange={setRenew}>
              {t("told.webhookNew")}
            </Check>
          )}
        </div>
      </details>
      {data?.webhook_secret && (
        <div className={css.part}>
          <Notice icon="alert" tone="warn" title={t("told.webhookOnce")}>
            {t("told.webhookOnceHint")}
          </Notice>
          <SecretList
            entries={[{ id: "secret", name: t("told.webhookSecret"), value: data.webhook_secret }]}
          />
        </div>
      )}
      <ProblemLine text={rest} />
      <div className={profile.foot}>
        <Button type="submit" loading={isPending}>
          {t("told.save")}
        </Button>
        <output>{isSuccess && t("common:saved")}</output>
      </div>
    </form>
  );
}
