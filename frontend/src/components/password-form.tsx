import { Button, PasswordInput } from "@mantine/core";
import { type SubmitEvent, useState } from "react";
import { ApiError } from "../api/http";
import css from "../pages/login.module.css";
import { useText, words } from "../text/text";
import { explain } from "./notice";

/** How the server's messages about a password begin, and the words for each. */
const faults = [
  ["too short", "fault.tooShort"],
  ["too long", "fault.tooLong"],
  ["one character", "fault.repeated"],
  ["a row", "fault.row"],
  ["your own", "fault.own"],
  ["one of the commonest", "fault.common"],
] as const;

/** What the server says is wrong, in a sentence; its messages begin in the middle of one. */
export function passwordProblem(error: unknown): string {
  const t = words("signin");
  if (!(error instanceof ApiError)) return t("common:error.unexpectedRetry");
  if (error.status === 0) return t("common:error.awayRetry");
  if (error.status === 429) return t("waitLittle");
  const first = error.problem?.errors?.[0];
  if (!first) return explain(error);
  if (first.field === "token") return t("badLink");
  if (first.field === "current") return t("notPresent");
  const fault = faults.find(([begin]) => first.message.startsWith(begin));
  if (fault) return t(fault[1]);
  const verb = /^(is|must) /.test(first.message) ? "" : "is ";
  return t("newIs", { problem: `${verb}${first.message}` });
}

interface Props {
  /** Ask for the present password too. */
  current: boolean;
  /** Rejects with what the server said. */
  onSave: (fresh: string, current: string) => Promise<void>;
}

export function PasswordForm({ current, onSave }: Props) {
  const { t } = useText("signin");
  const [busy, setBusy] = useState(false);
  const [message, setMessage] = useState<string | null>(null);

  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const fresh = String(form.get("new"));
    if (fresh !== form.get("again")) {
      setMessage(t("differ"));
      return;
    }
    setBusy(true);
    setMessage(null);
    try {
      await onSave(fresh, String(form.get("current") ?? ""));
    } catch (error) {
      setMessage(passwordProblem(error));
      setBusy(false);
    }
  };

  const field = (name: string, label: string, complete: string) => (
    <PasswordInput
      label={label}
      name={name}
      autoComplete={complete}
      required
      withAsterisk={false}
      size="md"
      visibilityToggleButtonProps={{ "aria-label": t("show") }}
    />
  );
  return (
    <form className={`panel ${css.form}`} onSubmit={submit}>
      {message && (
        <p className={css.error} role="alert">
          {message}
        </p>
      )}
      {current && field("current", t("present"), "current-password")}
      {field("new", t("new"), "new-password")}
      {field("again", t("again"), "new-password")}
      <p className="soft">{t("rule")}</p>
      <Button type="submit" size="md" loading={busy} mt={4}>
        {t("savePassword")}
      </Button>
    </form>
  );
}
