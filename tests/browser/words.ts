import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What the dashboard calls something, by language and `area.key`: names of buttons differ, what they do does not. */
export function word(language: "en" | "hi", key: string): string {
  const [area = "", ...path] = key.split(".");
  const file = join(__dirname, "../../frontend/src/text", language, `${area}.json`);
  let value: unknown = JSON.parse(readFileSync(file, "utf8"));
  for (const name of path) value = (value as Record<string, unknown>)[name];
  if (typeof value !== "string") throw new Error(`no word ${key} in ${language}`);
  return value;
}

export const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };

/** How the pages of administrators are looked at: in both colours and on both screens; in Hindi where room is scarce. `schemes` as of judgeIn. */
export const looks = [
  { size: "phone", schemes: ["light", "dark"], language: "en" },
  { size: "desktop", schemes: ["dark", "light"], language: "en" },
  { size: "phone", schemes: ["light"], language: "hi" },
] as const;
