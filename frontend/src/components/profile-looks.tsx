import { SegmentedControl, useMantineColorScheme } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { updateMe } from "../api/endpoints";
import { updateUser } from "../api/session";
import type { User } from "../api/types";
import css from "../pages/profile.module.css";
import { asLanguage, LANGUAGES, type Language, languageNames } from "../text/language";
import { chooseLanguage, useLanguage, useText } from "../text/text";
import { explain } from "./notice";
import "../text/later";

const schemes = ["auto", "light", "dark"] as const;

/** Language, which goes with the person to every device, and colours, which are this device's. */
export function ProfileLooks({ user }: { user: User }) {
  const { t } = useText("profile");
  const spoken = useLanguage();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { mutate, isPending, error } = useMutation({
    mutationFn: async (language: Language) => {
      // First the words: who cannot have them keeps the language that is there.
      await chooseLanguage(language);
      await updateMe({ language });
      return language;
    },
    onSuccess: (language) => updateUser({ language }),
    onError: () => void chooseLanguage(asLanguage(user.language) ?? spoken),
  });
  return (
    <section aria-labelledby="looks">
      <h2 id="looks">{t("show")}</h2>
      <div className={`panel ${css.form}`}>
        {error && (
          <p className={css.error} role="alert">
            {explain(error)}
          </p>
        )}
        <div className={css.choice}>
          <span className={css.label} id="language">
            {t("language")}
          </span>
          <SegmentedControl
            aria-labelledby="language"
            value={spoken}
            disabled={isPending}
            data={LANGUAGES.map((value) => ({
              value,
              label: <span lang={value}>{languageNames[value]}</span>,
            }))}
            onChange={mutate}
          />
        </div>
        <div className={css.choice}>
          <span className={css.label} id="colours">
            {t("colours")}
          </span>
          <SegmentedControl
            aria-labelledby="colours"
            value={colorScheme}
            data={schemes.map((value) => ({ value, label: t(value) }))}
            onChange={setColorScheme}
          />
        </div>
      </div>
    </section>
  );
}
