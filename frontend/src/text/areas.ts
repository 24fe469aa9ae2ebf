/** Each `en/AREA.json`, for the types of its keys: one line a file. `hi/AREA.json` has the same keys (text.test.ts). */
export interface Areas {
  admin: typeof import("./en/admin.json");
  alerts: typeof import("./en/alerts.json");
  audit: typeof import("./en/audit.json");
  bill: typeof import("./en/bill.json");
  charts: typeof import("./en/charts.json");
  common: typeof import("./en/common.json");
  device: typeof import("./en/device.json");
  editor: typeof import("./en/editor.json");
  fault: typeof import("./en/fault.json");
  firmware: typeof import("./en/firmware.json");
  fleet: typeof import("./en/fleet.json");
  keys: typeof import("./en/keys.json");
  ledger: typeof import("./en/ledger.json");
  limits: typeof import("./en/limits.json");
  meter: typeof import("./en/meter.json");
  money: typeof import("./en/money.json");
  now: typeof import("./en/now.json");
  people: typeof import("./en/people.json");
  profile: typeof import("./en/profile.json");
  reject: typeof import("./en/reject.json");
  run: typeof import("./en/run.json");
  settings: typeof import("./en/settings.json");
  shell: typeof import("./en/shell.json");
  signin: typeof import("./en/signin.json");
  tariff: typeof import("./en/tariff.json");
  utility: typeof import("./en/utility.json");
}
