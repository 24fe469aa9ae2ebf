import { Button } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { changePassword, redeemLink } from "../api/endpoints";
import { logout, renew } from "../api/session";
import { Brand } from "../components/brand";
import { PasswordForm } from "../components/password-form";
import { ThemeToggle } from "../components/theme-toggle";
import { useTitle } from "../lib/hooks";
import css from "./login.module.css";

function Frame({ title, children }: { title: string; children: ReactNode }) {
  useTitle(title);
  return (
    <div className={css.page}>
      <div className={css.corner}>
        <ThemeToggle />
      </div>
      <main className={css.box}>
        <div className={css.head}>
          <Brand size={44} />
          <h1>{title}</h1>
        </div>
        {children}
      </main>
    </div>
  );
}

/** What a one-time link opens: /password#TOKEN. The token is taken out of the address at once. */
export function LinkPage() {
  const [token] = useState(() => window.location.hash.slice(1));
  const [done, setDone] = useState(false);
  useEffect(() => window.history.replaceState(null, "", window.location.pathname), []);

  const save = async (password: string) => {
    await redeemLink({ token, password });
    setDone(true);
  };
  if (!done)
    return (
      <Frame title="Choose a password">
        <PasswordForm current={false} onSave={save} />
      </Frame>
    );
  return (
    <Frame title="Your password is set">
      <div className={`panel ${css.form}`}>
        <p>Sign in with your e-mail and the new password.</p>
        {/* A new start: whoever was signed in here before is not any more. */}
        <Button component="a" href="/" size="md">
          Sign in
        </Button>
      </div>
    </Frame>
  );
}

/** For somebody whose password an administrator made: nothing else is possible before. */
export function FirstPasswordPage() {
  const save = async (fresh: string, current: string) => {
    await changePassword({ current, new: fresh });
    await renew();
  };
  return (
    <Frame title="Choose your own password">
      <p className={css.head}>Yours was made by an administrator. Please change it first.</p>
      <PasswordForm current onSave={save} />
      <Button variant="subtle" fullWidth mt="md" onClick={() => void logout()}>
        Sign out
      </Button>
    </Frame>
  );
}
