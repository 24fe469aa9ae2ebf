import { afterEach, describe, expect, it } from "vitest";
import { firstLanguage } from "./language";
import { chooseLanguage, codeWords, words } from "./text";

type Tree = { [key: string]: string | Tree };
const load = (files: Record<string, unknown>) =>
  new Map(Object.entries(files).map(([path, tree]) => [path.replace(/^.*\//, ""), flat(tree as Tree)]));

function flat(tree: Tree, head = ""): Map<string, string> {
  const all = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") all.set(head + key, value);
    else for (const [name, text] of flat(value, `${head}${key}.`)) all.set(name, text);
  }
  return all;
}

const en = load(import.meta.glob("./en/*.json", { eager: true, import: "default" }));
const hi = load(import.meta.glob("./hi/*.json", { eager: true, import: "default" }));

/** What a text has to keep in any language: the values that go into it, and the tags around its parts. */
const parts = (text: string) => (text.match(/\{\{\s*\w+\s*\}\}|<\/?\w+\s*\/?>/g) ?? []).sort();

describe("English and Hindi", () => {
  it("have the same areas", () => {
    expect([...hi.keys()]).toEqual([...en.keys()]);
  });

  for (const [area, english] of en) {
    const hindi = hi.get(area) ?? new Map<string, string>();

    it(`have the same keys in ${area}`, () => {
      expect([...hindi.keys()].sort()).toEqual([...english.keys()].sort());
    });

    it(`have the same values and tags in ${area}`, () => {
      for (const [key, text] of english)
        expect([key, parts(hindi.get(key) ?? "")]).toEqual([key, parts(text)]);
    });

    it(`leave nothing empty, and nothing English in Hindi, in ${area}`, () => {
      for (const [key, text] of english) expect([key, text.trim()]).not.toEqual([key, ""]);
      for (const [key, text] of hindi) {
        const bare = text.replace(/\{\{.*?\}\}|<.*?>/g, "");
        // Units and names of formats (kWh, CSV, UPI) are Latin in both.
        if (!/[ऀ-ॿ]/.test(bare)) expect([key, bare]).not.toEqual([key, expect.stringMatching(/[a-z]{3}/)]);
      }
    });
  }
});

describe("areas that come with what says them", () => {
  const sources = import.meta.glob<string>("../**/*.{ts,tsx}", {
    eager: true,
    query: "?raw",
    import: "default",
  });
  const modules = ["manage", "later"].map((name) => ({ name, source: sources[`./${name}.ts`] ?? "" }));

  it("are imported wherever they are said", () => {
    const missing: string[] = [];
    for (const { name, source } of modules)
      for (const [, area] of source.matchAll(/en\/(\w+)\.json/g))
        for (const [path, text] of Object.entries(sources))
          if (
            !path.includes(".test.") &&
            new RegExp(`(useText|words|codeWords)\\(\\s*"${area}"`).test(text) &&
            !new RegExp(`^import "[./]+/text/${name}";`, "m").test(text)
          )
            missing.push(`${path}: ${area} of text/${name}.ts`);
    expect(modules.every(({ source }) => source.includes(".json"))).toBe(true);
    expect(missing).toEqual([]);
  });
});

describe("the language", () => {
  it("is what was chosen, else the browser's first that is known, else English", () => {
    expect(firstLanguage("hi", ["en-GB"])).toBe("hi");
    expect(firstLanguage(null, ["de-DE", "hi-IN", "en"])).toBe("hi");
    expect(firstLanguage("xx", ["fr"])).toBe("en");
  });
});

describe("words", () => {
  afterEach(() => chooseLanguage("en"));

  it("follow the language, with its plurals", async () => {
    const t = words("common");
    expect([t("day", { count: 1 }), t("day", { count: 2 })]).toEqual(["1 day", "2 days"]);
    await chooseLanguage("hi");
    expect(words("common")("day", { count: 2 })).toBe("2 दिन");
    expect(words("common")("retry")).toBe("फिर कोशिश करें");
  });

  it("know when there are none for a code", () => {
    expect(codeWords("common", "reason", "phase_of_moon")).toBeNull();
  });
});
