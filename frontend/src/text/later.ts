import { add } from "./text";

/** The English words of a resident's other pages (history, bill, profile): imported by what says them. */
add(
  "en",
  import.meta.glob(["./en/charts.json", "./en/money.json", "./en/profile.json"], {
    eager: true,
    import: "default",
  }),
);
