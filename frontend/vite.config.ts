import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { apiDocs } from "./api-docs/plugin.ts";
import { firstPicture } from "./first.ts";
import { squeezed } from "./squeeze.ts";
import { themeCss } from "./theme-css.ts";
import { shellWorker } from "./worker.ts";

const apiPort = process.env.SMARTMETER_HTTP_PORT ?? "5000";
const api = { target: `http://127.0.0.1:${apiPort}`, ws: true };

const any = (...parts: string[]) => new RegExp(parts.join("|").replaceAll("/", "[\\\\/]"));

/** What all begin with. */
const BASE = any(
  "rolldown/runtime",
  "node_modules/(i18next|react-i18next|wouter|regexparam|clsx|@tanstack/(query-core|react-query)|@mantine/hooks)/",
  "@mantine/core/esm/core/",
  "@mantine/core/esm/components/(ActionIcon|Button|Loader|Skeleton|UnstyledButton|Transition)/",
  "src/(api/(http|session|endpoints|queries)|text/(text|faults)|first/\\w+|live/\\w+|app)\\.",
  "src/lib/(clock|format|zone|staleness|presence|decimal|money|tariff|bill-words|hooks|at)\\.",
  "src/pages/(parts|login\\.module)\\.",
  "src/components/(figure|theme-toggle|notice|waiting|away|brand|boundary|icon)\\.",
);
/** What those need who are not signed in yet, and all forms. */
const DOOR = any(
  "@mantine/core/esm/components/(Input|InputBase|TextInput|PasswordInput|NativeSelect|CloseButton)/",
  "src/pages/(signed-out|login|password)\\.",
  "src/components/(language-choice|password-form)\\.",
);
/** What a resident sees first. */
const RESIDENT = any(
  "src/(signed-in|pages/meter)\\.",
  "src/components/(shell|meter-header|now-\\w+|presence|sparkline|connection|alerts/bell)\\.",
);

export default defineConfig({
  plugins: [react(), themeCss(), apiDocs(), firstPicture(), shellWorker(), squeezed()],
  server: { port: 3000, strictPort: true, proxy: { "/api": api } },
  build: {
    // The policy has no `data:`, so nothing may be inlined into style sheets.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // Few files for the first screen: on a phone each round of requests costs more than what is in it.
          groups: [
            { name: "react", test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/, priority: 9 },
            { name: "chart", test: /node_modules[\\/](chart\.js|@kurkle)[\\/]/, priority: 8 },
            { name: "base", test: BASE, priority: 7 },
            { name: "door", test: DOOR, priority: 6 },
            { name: "resident", test: RESIDENT, priority: 5 },
          ],
        },
      },
    },
  },
});
