import i18next from "i18next";
import { useEffect, useState, useSyncExternalStore } from "react";
import { initReactI18next, useTranslation } from "react-i18next";
import { LANGUAGE } from "../first/keys";
import type { Areas } from "./areas";
import { asLanguage, firstLanguage, type Language } from "./language";

/**
 * The words that people read, by area (one file a screen or feature) and key. English is part of the
 * program; another language is one file more, loaded before its first word is shown.
 */
declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    resources: Areas;
  }
}

export type Area = keyof Areas;

type Files = Record<string, unknown>;
// The others come with what says them: the office's (office.ts), what administrators manage (manage.ts), alerts
// (alerts.ts), and a resident's other pages (later.ts).
const english: Files = import.meta.glob(
  [
    "./en/bill.json",
    "./en/common.json",
    "./en/fault.json",
    "./en/meter.json",
    "./en/now.json",
    "./en/shell.json",
    "./en/signin.json",
    "./en/tariff.json",
  ],
  { eager: true, import: "default" },
);
const others: Record<Exclude<Language, "en">, () => Promise<{ default: Files }>> = {
  hi: () => import("./hi"),
};

/** Words by path, such as `./en/bill.json`. */
export function add(language: Language, files: Files): void {
  for (const [path, words] of Object.entries(files)) {
    const area = path.replace(/^.*\/|\.json$/g, "");
    i18next.addResourceBundle(language, area, words);
  }
}

void i18next.use(initReactI18next).init({
  lng: "en",
  fallbackLng: "en",
  resources: {},
  defaultNS: "common",
  initAsync: false,
  // React escapes what it shows.
  interpolation: { escapeValue: false },
  react: { useSuspense: false },
});
add("en", english);

function stored(): string | null {
  try {
    return localStorage.getItem(LANGUAGE);
  } catch {
    return null;
  }
}

async function speak(language: Language): Promise<void> {
  if (language !== "en" && !i18next.hasResourceBundle(language, "common"))
    add(language, (await others[language]()).default);
  await i18next.changeLanguage(language);
  if (typeof document !== "undefined") document.documentElement.lang = language;
}

/** Before the first screen: what was chosen here, else what the browser asks for. English if that cannot be loaded. */
export async function beginText(): Promise<void> {
  await speak(firstLanguage(stored(), navigator.languages)).catch(() => speak("en"));
}

/** From now on, and at the next visit. Throws, and changes nothing, if the words cannot be loaded. */
export async function chooseLanguage(language: Language): Promise<void> {
  await speak(language);
  try {
    localStorage.setItem(LANGUAGE, language);
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
}

export function language(): Language {
  return asLanguage(i18next.language) ?? "en";
}

function subscribe(listener: () => void): () => void {
  i18next.on("languageChanged", listener);
  return () => i18next.off("languageChanged", listener);
}

export function useLanguage(): Language {
  return useSyncExternalStore(subscribe, language);
}

/** Speaks what a person's profile says, if it says something. False while its words are under way. */
export function useChosenLanguage(chosen: string | null | undefined): boolean {
  const wanted = asLanguage(chosen);
  const [settled, setSettled] = useState<Language | null>(null);
  useEffect(() => {
    let gone = false;
    // Without its words the page stays in the language that is there.
    if (wanted)
      void chooseLanguage(wanted)
        .catch(() => undefined)
        .then(() => gone || setSettled(wanted));
    return () => {
      gone = true;
    };
  }, [wanted]);
  return wanted === null || settled === wanted || language() === wanted;
}

/**
 * `const { t } = useText("bill")`, then `t("total")`, or `t("common:retry")` for what all screens
 * say. Unknown keys do not compile.
 */
export function useText<A extends Area>(area: A) {
  return useTranslation([area, "common"] as const);
}

/** The same outside of components: speaks what is spoken when it is called. */
export function words<A extends Area>(area: A) {
  return i18next.getFixedT(null, [area, "common"] as const);
}

/** For codes that the server sends, of which there may be new ones: null if there are no words for it. */
export function codeWords(area: Area, group: string, code: string): string | null {
  const key = `${group}.${code}`;
  return i18next.exists(key, { ns: area }) ? i18next.t(key as never, { ns: area }) : null;
}
