/** The languages that all of the dashboard's words are there in. */
export const LANGUAGES = ["en", "hi"] as const;
export type Language = (typeof LANGUAGES)[number];

/** Each by its own name: whoever looks for it may read no other. */
export const languageNames: Record<Language, string> = { en: "English", hi: "हिन्दी" };

export function asLanguage(text: string | null | undefined): Language | null {
  return LANGUAGES.find((language) => language === text) ?? null;
}

/** What was chosen here, else the first of the browser's languages that there are words in, else English. */
export function firstLanguage(chosen: string | null, browser: readonly string[]): Language {
  const spoken = browser.map((tag) => asLanguage(tag.split("-")[0]?.toLowerCase()));
  return asLanguage(chosen) ?? spoken.find((language) => language !== null) ?? "en";
}
