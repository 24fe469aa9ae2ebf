import { NativeSelect } from "@mantine/core";
import { useState } from "react";
import { asLanguage, LANGUAGES, languageNames } from "../text/language";
import { chooseLanguage, useLanguage, useText } from "../text/text";

/** For those who are not signed in; a person's own choice is in the profile. */
export function LanguageChoice() {
  const { t } = useText("shell");
  const language = useLanguage();
  const [failed, setFailed] = useState(false);
  const choose = (text: string) => {
    const next = asLanguage(text);
    if (next)
      void chooseLanguage(next).then(
        () => setFailed(false),
        () => setFailed(true),
      );
  };
  return (
    <NativeSelect
      size="sm"
      aria-label={t("language")}
      value={language}
      error={failed && t("languageFailed")}
      data={LANGUAGES.map((value) => ({ value, label: languageNames[value] }))}
      onChange={(event) => choose(event.currentTarget.value)}
    />
  );
}
