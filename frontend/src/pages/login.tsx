import { Button, PasswordInput, TextInput } from "@mantine/core";
import { type SubmitEvent, useState } from "react";
import { ApiError } from "../api/http";
import { login } from "../api/session";
import { Brand } from "../components/brand";
import { ThemeToggle } from "../components/theme-toggle";
import { useTitle } from "../lib/hooks";
import css from "./login.module.css";

function sentence(error: unknown): string {
  if (!(error instanceof ApiError)) return "Something unexpected happened. Please try again.";
  const minutes = Math.ceil((error.retryAfterS ?? 60) / 60);
  const wait = minutes === 1 ? "a minute" : `${minutes} minutes`;
  switch (error.status) {
    case 0:
      return "The server can't be reached. Check the network and try again.";
    case 400:
    case 401:
    case 422:
      return "This e-mail and password don't match.";
    case 429:
      return `Too many attempts. Please wait ${wait} and try again.`;
    case 503:
      return "The server is starting or busy. Please try again in a moment.";
    default:
      return error.message;
  }
}

export function LoginPage({ ended }: { ended: boolean }) {
  useTitle("Sign in");
  const [busy, setBusy] = useState(false);
  const [message, setMessage] = useState<string | null>(null);

  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setMessage(null);
    try {
      await login({ email: String(form.get("email")).trim(), password: String(form.get("password")) });
    } catch (error) {
      setMessage(sentence(error));
      setBusy(false);
    }
  };

  return (
    <div className={css.page}>
      <div className={css.corner}>
        <ThemeToggle />
      </div>
      <main className={css.box}>
        <div className={css.head}>
          <Brand size={44} />
          <h1>Smartmeter</h1>
          <p className="soft">Live power, history and bills of your meters.</p>
        </div>
        <form className={`panel ${css.form}`} onSubmit={submit}>
          {ended && !message && (
            <output className={css.ended}>Your session has ended. Please sign in again.</output>
          )}
          {message && (
            <p className={css.error} role="alert">
              {message}
            </p>
          )}
          <TextInput
            label="E-mail"
            name="email"
            type="email"
            autoComplete="username"
            required
            withAsterisk={false}
            size="md"
          />
          <PasswordInput
            label="Password"
            name="password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            size="md"
            visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
          />
          <Button type="submit" size="md" loading={busy} mt={4}>
            Sign in
          </Button>
        </form>
      </main>
    </div>
  );
}
