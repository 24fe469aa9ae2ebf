import { localeFor, measure, power, register } from "../lib/format";
import { age, presence } from "../lib/presence";
import type { Language } from "../text/language";
import type { LastSeen } from "./last";
import { firstWords } from "./words";

/** What stands in each place of the page's first picture (index.html), by its `data-first`. */
export type Places = Record<string, string>;

/**
 * A resident's meter as the program will show it (now-panel.tsx), from the same functions and words. `heard`: the
 * server has just said so; otherwise it is what was there at the last visit, and looks like it.
 */
export function places(seen: LastSeen, heard: boolean, language: Language, nowMs: number): Places {
  const { device, reading, site } = seen;
  const words = firstWords[language];
  const locale = localeFor(site.currency, language);
  const at = Math.max(Date.parse(reading.timestamp), device.last_seen ? Date.parse(device.last_seen) : 0);
  const state = presence(device.status, at, nowMs, !heard);
  const ago = age(at, nowMs, language, words.justNow);
  const { value, unit } = power(reading.power_w, locale);
  return {
    site: site.name,
    meter: device.name ?? device.device_id,
    facts: [device.name && device.device_id, device.tariff].filter(Boolean).join(" · "),
    state,
    now: words.now,
    presence: words.presence[state],
    seen: ` · ${words.lastSeen.replace("{{ago}}", ago).toLocaleLowerCase()}`,
    watts: value,
    unit,
    old: state === "silent" || state === "offline" ? words.old[state] : "",
    voltageName: words.voltage,
    voltage: measure(reading.voltage, 1, "V", locale),
    currentName: words.current,
    current: measure(reading.current, 2, "A", locale),
    powerFactorName: words.powerFactor,
    powerFactor: measure(reading.power_factor, 2, "", locale),
    frequencyName: words.frequency,
    frequency: measure(reading.frequency_hz, 1, "Hz", locale),
    registerName: words.register,
    register: register(reading.energy_kwh, locale),
    tabNow: words.tab.now,
    tabHistory: words.tab.history,
    tabBill: words.tab.bill,
    tabAlerts: words.tab.alerts,
  };
}
