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

  it("does not guess at others", async () => {
    await chooseLanguage("hi");
    expect(faultWords("too short: at least 10 characters")).toBe("too short: at least 10 characters");
  });
});
