import { Button, PasswordInput } from "@mantine/core";
import { type SubmitEvent, useState } from "react";
import { ApiError } from "../api/http";
import css from "../pages/login.module.css";

/** What the server says is wrong, in a sentence; its messages begin in the middle of one. */
export function passwordProblem(error: unknown): string {
  if (!(error instanceof ApiError)) return "Something unexpected happened. Please try again.";
  if (error.status === 0) return "The server can't be reached. Check the network and try again.";
  if (error.status === 429) return "Too many attempts. Please wait a little and try again.";
  const first = error.problem?.errors?.[0];
  if (!first) return error.message;
  if (first.field === "token")
    return "This link is not good, or not any more. Ask an administrator for a new one.";
  if (first.field === "current") return "That is not your present password.";
  const verb = /^(is|must) /.test(first.message) ? "" : "is ";
  return `The new password ${verb}${first.message}.`;
}

interface Props {
  /** Ask for the present password too. */
  current: boolean;
  /** Rejects with what the server said. */
  onSave: (fresh: string, current: string) => Promise<void>;
}

export function PasswordForm({ current, onSave }: Props) {
  const [busy, setBusy] = useState(false);
  const [message, setMessage] = useState<string | null>(null);

  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const fresh = String(form.get("new"));
    if (fresh !== form.get("again")) {
      setMessage("The two new passwords are not the same.");
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
      visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
    />
  );
  return (
    <form className={`panel ${css.form}`} onSubmit={submit}>
      {message && (
        <p className={css.error} role="alert">
          {message}
        </p>
      )}
      {current && field("current", "Present password", "current-password")}
      {field("new", "New password", "new-password")}
      {field("again", "New password again", "new-password")}
      <p className="soft">At least 10 characters. A few words that only you would put together are best.</p>
      <Button type="submit" size="md" loading={busy} mt={4}>
        Save the password
      </Button>
    </form>
  );
}
