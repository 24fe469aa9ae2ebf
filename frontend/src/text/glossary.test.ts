import { describe, expect, it } from "vitest";

/**
 * One Hindi word for one thing (docs/developing.md has the table): what an invoice calls it
 * (backend/document/words.c), which people hold beside the page. On the left the other forms of it.
 */
const others: [RegExp, string][] = [
  [/टैरिफ़/, "टैरिफ"],
  [/रक़?म/, "राशि"],
  [/महीन[ाे]|महीनों/, "माह"],
  [/दिनांक/, "तारीख"],
  [/(?<!देय )तिथि/, "तारीख, or देय तिथि of what is due"],
  [/मूल्य|दाम/, "कीमत"],
  [/डिमांड/, "अधिकतम मांग"],
  [/विवाद/, "आपत्ति"],
  [/पृष्ठ|पन्न[ाे]/, "पेज"],
  [/इस्तेमाल/, "उपयोग"],
  [/सिर्फ़?/, "केवल"],
  [/आख़?िरी/, "अंतिम"],
  [/ख़?त्म/, "समाप्त"],
  // The dot tells z from j and f from ph, which all hear; those of क ख ग are left out.
  [/[कखग]\u093c|[\u0958-\u095a]/, "क ख ग without a dot"],
  [/[\u095b\u095e]/, "ज़ and फ़ as a letter and a dot"],
];

const files = import.meta.glob("./hi/*.json", { eager: true, query: "?raw", import: "default" });

describe("Hindi words", () => {
  it("are there", () => expect(Object.keys(files).length).toBeGreaterThan(10));

  for (const [path, text] of Object.entries(files))
    it(`are the ones of the glossary in ${path}`, () => {
      const found = others.flatMap(([form, word]) => {
        const lines = String(text).split("\n");
        return lines.filter((line) => form.test(line)).map((line) => `${line.trim()}: ${word}`);
      });
      expect(found).toEqual([]);
    });
});
