import { add } from "./text";

/** The English words of alerts and of what they are judged by: imported by what shows them. */
add("en", import.meta.glob(["./en/alerts.json", "./en/limits.json"], { eager: true, import: "default" }));
