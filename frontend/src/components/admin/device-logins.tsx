import { Button, NativeSelect, Skeleton, TextInput } from "@mantine/core";
import { type SubmitEvent, useState } from "react";
import { finishCredentials, makeCredentials } from "../../api/admin";
import { useCredentials } from "../../api/admin-queries";
import type { Credential, CredentialOrder, MadeCredentials } from "../../api/admin-types";
import { dateTime } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { useText } from "../../text/text";
import { Dialog } from "../dialog";
import { Failure } from "../notice";
import { CertificateHint } from "./add-device-form";
import css from "./admin.module.css";
import { typedNumber } from "./device-details";
import { LoginShown } from "./login-shown";
import { ProblemLine, problemsOf } from "./problem";
import { useChange } from "./use-change";
import "../../text/manage";

const GRACE_DAYS = 7;

function LoginRow({ login }: { login: Credential }) {
  const { t } = useText("device");
  const { timezone, locale } = usePlace();
  const { kind, username, serial, not_after, ends } = login;
  return (
    <li>
      <span className={css.grow}>
        {t(`kind.${kind}`)}
        <small>{[username, serial].filter(Boolean).join(" · ")}</small>
      </span>
      <span className="soft num">
        {ends
          ? t("ends", { at: dateTime(ends, timezone, locale) })
          : not_after
            ? t("goodUntil", { at: dateTime(not_after, timezone, locale) })
            : t("stays")}
      </span>
    </li>
  );
}

/** What the meter logs in by, another login beside it, and the end of the old one. */
export function DeviceLogins({ id, revoked }: { id: string; revoked: boolean }) {
  const { t } = useText("device");
  const { data, error, refetch, isPending } = useCredentials(id);
  const [open, setOpen] = useState(false);
  const finish = useChange(() => finishCredentials(id), [["credentials", id]]);
  const ending = data?.some(({ ends }) => ends !== null) ?? false;
  return (
    <section className={`panel ${css.card}`} aria-labelledby="device-logins">
      <h2 id="device-logins">{t("logins")}</h2>
      {isPending && <Skeleton height={60} radius={10} />}
      {error && <Failure what={t("loginsFailed")} error={error} onRetry={() => void refetch()} />}
      {data === null && <p className="soft">{t("noBroker")}</p>}
      {data?.length === 0 && <p className="soft">{t("noLogin")}</p>}
      {data && data.length > 0 && (
        <ul className={css.list}>
          {data.map((login) => (
            <LoginRow key={`${login.kind} ${login.username ?? ""} ${login.serial ?? ""}`} login={login} />
          ))}
        </ul>
      )}
      <ProblemLine text={problemsOf(finish.error, []).rest} />
      {!revoked && data !== null && (
        <div className={css.actions}>
          <Button variant="default" onClick={() => setOpen(true)}>
            {t("rotate")}
          </Button>
          {ending && (
            <Button variant="default" loading={finish.busy} onClick={() => finish.change(undefined)}>
              {t("finish")}
            </Button>
          )}
        </div>
      )}
      <NewLogin id={id} opened={open} onClose={() => setOpen(false)} />
    </section>
  );
}

function NewLogin({ id, opened, onClose }: { id: string; opened: boolean; onClose: () => void }) {
  const { t } = useText("device");
  const [made, setMade] = useState<MadeCredentials | null>(null);
  const [kind, setKind] = useState<"password" | "psk" | "certificate">("password");
  const { change, busy, error } = useChange(
    (body: CredentialOrder) => makeCredentials(id, body),
    [["credentials", id]],
    setMade,
  );
  const { wrong, rest } = problemsOf(error, ["kind", "grace_days"]);
  const close = () => {
    setMade(null);
    onClose();
  };
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (kind === "certificate") return;
    const grace = typedNumber(String(new FormData(event.currentTarget).get("grace") ?? ""));
    change({ kind, grace_days: grace ?? GRACE_DAYS });
  };
  return (
    <Dialog opened={opened} title={t(made ? "rotated" : "rotate")} onClose={close} held={made !== null}>
      {made ? (
        <LoginShown deviceId={id} credentials={made.credentials} onDone={close} />
      ) : (
        <form className={css.form} onSubmit={submit}>
          <ProblemLine text={rest} />
          <NativeSelect
            label={t("login")}
            description={t(`kindHint.${kind}`)}
            value={kind}
            onChange={(event) => setKind(event.currentTarget.value as typeof kind)}
            data={[
              { value: "password", label: t("kind.password") },
              { value: "psk", label: t("kind.psk") },
              { value: "certificate", label: t("kind.certificate") },
            ]}
            error={wrong("kind")}
          />
          {kind === "certificate" ? (
            <CertificateHint deviceId={id} />
          ) : (
            <>
              <TextInput
                name="grace"
                label={t("grace")}
                description={t("graceHint")}
                inputMode="decimal"
                defaultValue={GRACE_DAYS}
                error={wrong("grace_days")}
              />
              <Button type="submit" loading={busy}>
                {t("make")}
              </Button>
            </>
          )}
        </form>
      )}
    </Dialog>
  );
}
