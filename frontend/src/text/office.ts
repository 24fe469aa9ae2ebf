import { add } from "./text";

/** The English words of the admin's screens about money: imported by those, so that nobody else loads them. */
add(
  "en",
  import.meta.glob(["./en/editor.json", "./en/run.json", "./en/ledger.json", "./en/utility.json"], {
    eager: true,
    import: "default",
  }),
);
