import { afterEach, describe, expect, it } from "vitest";
import { faultWords } from "./faults";
import { chooseLanguage } from "./text";

describe("faultWords", () => {
  afterEach(() => chooseLanguage("en"));

  it("leaves the server its English", () => {
    expect(faultWords("is required")).toBe("is required");
  });

  it("says known faults in Hindi, with their values", async () => {
    await chooseLanguage("hi");
    expect(faultWords("is required")).toBe("यह भरना आवश्यक है");
    expect(faultWords("must be a number from 0.000 to 100.000 with at most 3 decimals")).toBe(
      "0.000 से 100.000 तक की संख्या लिखें, दशमलव के बाद अधिक से अधिक 3 अंक",
    );
    expect(faultWords("must have 1 to 80 characters on one line")).toBe("1 से 80 अक्षर लिखें");
    expect(faultWords("is not there: give the name of one from /api/tariffs")).toBe("ऐसा कोई नहीं है");
  });

  it("tells apart what looks alike", async () => {
    await chooseLanguage("hi");
    expect(faultWords("is required: the name of a place, as its accounts have it")).toBe("यह भरना आवश्यक है");
    expect(faultWords("is '2026-13': give a month such as 2026-01")).toBe("माह लिखें, जैसे 2026-01");
    expect(faultWords("is 'x': give raw, 1m, 15m, 1h, 1d or 1M")).toBe(
      "इनमें से एक होना चाहिए: raw, 1m, 15m, 1h, 1d or 1M",
    );
    expect(faultWords("is posted already")).toBe("यह पहले ही हो चुका है");
    expect(faultWords("is taken: choose another one")).toBe("यह पहले से लिया जा चुका है, दूसरा चुनें");
  });

  it("does not guess at others, and says whose words they are", async () => {
    await chooseLanguage("hi");
    expect(faultWords("too short: at least 10 characters")).toBe(
      "सही नहीं है। सर्वर का उत्तर: too short: at least 10 characters",
    );
  });
});
