import { justNow as justNowEn } from "../text/en/common.json";
import { lastSeen as lastSeenEn, presence as presenceEn } from "../text/en/meter.json";
import * as nowEn from "../text/en/now.json";
import { justNow as justNowHi } from "../text/hi/common.json";
import { lastSeen as lastSeenHi, presence as presenceHi } from "../text/hi/meter.json";
import * as nowHi from "../text/hi/now.json";
import type { Language } from "../text/language";

/** The few words that stand there before the program does, of the same files as all others. */
export const firstWords = {
  en: {
    justNow: justNowEn,
    lastSeen: lastSeenEn,
    presence: presenceEn,
    now: nowEn.now,
    tab: nowEn.tab,
    old: nowEn.old,
    voltage: nowEn.voltage,
    current: nowEn.current,
    powerFactor: nowEn.powerFactor,
    frequency: nowEn.frequency,
    register: nowEn.register,
  },
  hi: {
    justNow: justNowHi,
    lastSeen: lastSeenHi,
    presence: presenceHi,
    now: nowHi.now,
    tab: nowHi.tab,
    old: nowHi.old,
    voltage: nowHi.voltage,
    current: nowHi.current,
    powerFactor: nowHi.powerFactor,
    frequency: nowHi.frequency,
    register: nowHi.register,
  },
} satisfies Record<Language, unknown>;
