import { add } from "./text";

/** The English words of what administrators manage: imported by what says them, so that nobody else loads them. */
add(
  "en",
  import.meta.glob(
    [
      "./en/admin.json",
      "./en/audit.json",
      "./en/device.json",
      "./en/firmware.json",
      "./en/fleet.json",
      "./en/keys.json",
      "./en/people.json",
      "./en/reject.json",
      "./en/settings.json",
    ],
    { eager: true, import: "default" },
  ),
);
