import { describe, expect, it } from "vitest";
import { upiLink } from "./upi";

describe("upiLink", () => {
  const reference = "SM2627-000001";

  it("is what the invoice's own code says", () => {
    const link = upiLink({ id: "meadows@examplebank", name: "Green Meadows Society", reference }, "1888.00");
    expect(link).toBe(
      "upi://pay?pa=meadows@examplebank&pn=Green%20Meadows%20Society&am=1888.00&cu=INR&tr=SM2627-000001",
    );
  });

  it("lets no name say anything else", () => {
    expect(upiLink({ id: "a@b", name: "A&B=C? #100%+ é'", reference }, "1.00")).toContain(
      "&pn=A%26B%3DC%3F%20%23100%25%2B%20%C3%A9%27&am=1.00&",
    );
    expect(upiLink({ id: "a@b", name: null, reference }, "1.00")).not.toContain("pn=");
  });
});
