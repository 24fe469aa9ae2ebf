import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { apiDocs } from "./api-docs/plugin.ts";
import { squeezed } from "./squeeze.ts";
import { themeCss } from "./theme-css.ts";
import { shellWorker } from "./worker.ts";

const apiPort = process.env.SMARTMETER_HTTP_PORT ?? "5000";
const api = { target: `http://127.0.0.1:${apiPort}`, ws: true };

export default defineConfig({
  plugins: [react(), themeCss(), apiDocs(), shellWorker(), squeezed()],
  server: { port: 3000, strictPort: true, proxy: { "/api": api } },
  build: {
    // The policy has no `data:`, so nothing may be inlined into style sheets.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "react", test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/ },
            // Small, and in all that a resident sees: one request instead of five.
            {
              name: "sums",
              test: /src[\\/](lib[\\/](decimal|money|tariff|bill-words)\.ts|components[\\/]figure\.)/,
            },
            { name: "chart", test: /node_modules[\\/](chart\.js|@kurkle)[\\/]/ },
          ],
        },
      },
    },
  },
});
