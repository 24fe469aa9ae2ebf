/** Each `en/AREA.json`, for the types of its keys: one line a file. `hi/AREA.json` has the same keys (text.test.ts). */
export interface Areas {
  bill: typeof import("./en/bill.json");
  charts: typeof import("./en/charts.json");
  common: typeof import("./en/common.json");
  device: typeof import("./en/device.json");
  fault: typeof import("./en/fault.json");
  meter: typeof import("./en/meter.json");
  money: typeof import("./en/money.json");
  now: typeof import("./en/now.json");
  profile: typeof import("./en/profile.json");
  reject: typeof import("./en/reject.json");
  shell: typeof import("./en/shell.json");
  signin: typeof import("./en/signin.json");
  tariff: typeof import("./en/tariff.json");
}
