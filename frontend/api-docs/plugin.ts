import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { renderPage } from "./render.ts";

/** Writes `api-docs.html`, which the server answers `/api/docs` with, out of contracts/openapi.json. */
export function apiDocs(): Plugin {
  const read = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");
  return {
    name: "api-docs",
    apply: "build",
    generateBundle() {
      const sheet = this.emitFile({ type: "asset", name: "api-docs.css", source: read("./api-docs.css") });
      const page = renderPage(
        JSON.parse(read("../../contracts/openapi.json")),
        `/${this.getFileName(sheet)}`,
      );
      this.emitFile({ type: "asset", fileName: "api-docs.html", source: page });
    },
  };
}
