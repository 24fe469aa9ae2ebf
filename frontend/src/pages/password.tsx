import { Button } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { changePassword, redeemLink } from "../api/endpoints";
import { logout, renew } from "../api/session";
import { Brand } from "../components/brand";
import { LanguageChoice } from "../components/language-choice";
import { PasswordForm } from "../components/password-form";
import { ThemeToggle } from "../components/theme-toggle";
import { useTitle } from "../lib/hooks";
import { useText } from "../text/text";
import css from "./login.module.css";

function Frame({ title, children }: { title: string; children: ReactNode }) {
  useTitle(title);
  return (
    <div className={css.page}>
      <header className={css.corner}>
        <LanguageChoice />
        <ThemeToggle />
      </header>
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
  const { t } = useText("signin");
  const [token] = useState(() => window.location.hash.slice(1));
  const [done, setDone] = useState(false);
  useEffect(() => window.history.replaceState(null, "", window.location.pathname), []);

  const save = async (password: string) => {
    await redeemLink({ token, password });
    setDone(true);
  };
  if (!token)
    return (
      <Frame title={t("choose")}>
        <div className={`panel ${css.form}`}>
          <p className={css.error} role="alert">
            {t("badLink")}
          </p>
          <Button component="a" href="/" size="md" variant="default">
            {t("toSignIn")}
          </Button>
        </div>
      </Frame>
    );
  if (!done)
    return (
      <Frame title={t("choose")}>
        <PasswordForm current={false} onSave={save} />
        <Button component="a" href="/" variant="subtle" fullWidth mt="md">
          {t("toSignIn")}
        </Button>
      </Frame>
    );
  return (
    <Frame title={t("isSet")}>
      <div className={`panel ${css.form}`}>
        <p>{t("isSetHint")}</p>
        {/* A new start: whoever was signed in here before is not any more. */}
        <Button component="a" href="/" size="md">
          {t("title")}
        </Button>
      </div>
    </Frame>
  );
}

/** For somebody whose password an administrator made: nothing else is possible before. */
export function FirstPasswordPage() {
  const { t } = useText("signin");
  const save = async (fresh: string, current: string) => {
    await changePassword({ current, new: fresh });
    await renew();
  };
  return (
    <Frame title={t("chooseOwn")}>
      <p className={css.head}>{t("chooseOwnHint")}</p>
      <PasswordForm current onSave={save} />
      <Button variant="subtle" fullWidth mt="md" onClick={() => void logout()}>
        {t("signOut")}
      </Button>
    </Frame>
  );
}
