/** Each `en/AREA.json`, for the types of its keys: one line a file. `hi/AREA.json` has the same keys (text.test.ts). */
export interface Areas {
  bill: typeof import("./en/bill.json");
  common: typeof import("./en/common.json");
  device: typeof import("./en/device.json");
  editor: typeof import("./en/editor.json");
  history: typeof import("./en/history.json");
  ledger: typeof import("./en/ledger.json");
  meter: typeof import("./en/meter.json");
  profile: typeof import("./en/profile.json");
  reject: typeof import("./en/reject.json");
  run: typeof import("./en/run.json");
  shell: typeof import("./en/shell.json");
  signin: typeof import("./en/signin.json");
  tariff: typeof import("./en/tariff.json");
  utility: typeof import("./en/utility.json");
}
