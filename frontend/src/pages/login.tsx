import { Button, PasswordInput, TextInput } from "@mantine/core";
import { type SubmitEvent, useState } from "react";
import { ApiError } from "../api/http";
import { login } from "../api/session";
import { Brand } from "../components/brand";
import { LanguageChoice } from "../components/language-choice";
import { explain } from "../components/notice";
import { ThemeToggle } from "../components/theme-toggle";
import { useTitle } from "../lib/hooks";
import { useText, words } from "../text/text";
import css from "./login.module.css";
import { meterPage, signedIn } from "./parts";

function sentence(error: unknown): string {
  const t = words("signin");
  if (!(error instanceof ApiError)) return t("common:error.unexpectedRetry");
  switch (error.status) {
    case 0:
      return t("common:error.awayRetry");
    case 400:
    case 401:
    case 422:
      return t("mismatch");
    case 429:
      return t("wait", { count: Math.ceil((error.retryAfterS ?? 60) / 60) });
    case 503:
      return t("starting");
    default:
      return explain(error);
  }
}

/** Somebody is about to sign in: what they will see is loaded while they type. */
function expect(): void {
  for (const { load } of [signedIn, meterPage]) void load().catch(() => undefined);
}

export function LoginPage({ ended }: { ended: boolean }) {
  const { t } = useText("signin");
  useTitle(t("title"));
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
      <header className={css.corner}>
        <LanguageChoice />
        <ThemeToggle />
      </header>
      <main className={css.box}>
        <div className={css.head}>
          <Brand size={44} />
          <h1>Smartmeter</h1>
          <p className="soft">{t("motto")}</p>
        </div>
        <form className={`panel ${css.form}`} onSubmit={submit} onFocus={expect}>
          {ended && !message && <output className={css.ended}>{t("ended")}</output>}
          {message && (
            <p className={css.error} role="alert">
              {message}
            </p>
          )}
          <TextInput
            label={t("email")}
            name="email"
            type="email"
            autoComplete="username"
            required
            withAsterisk={false}
            size="md"
          />
          <PasswordInput
            label={t("password")}
            name="password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            size="md"
            visibilityToggleButtonProps={{ "aria-label": t("show") }}
          />
          <Button type="submit" size="md" loading={busy} mt={4}>
            {t("title")}
          </Button>
          <p className={`soft ${css.hint}`}>{t("forgot")}</p>
        </form>
      </main>
    </div>
  );
}
