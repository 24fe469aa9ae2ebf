import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

/** Files of public/ that a start without a network needs. */
const SHELL = ["/", "/favicon.svg", "/manifest.webmanifest"];

/**
 * Writes `sw.js`: the service worker in `src/worker/sw.js` with the names of this build's files before
 * it. A build with other files has another worker, which is how browsers find out.
 */
export function shellWorker(): Plugin {
  return {
    name: "shell-worker",
    apply: "build",
    generateBundle: {
      // After the page itself has been written.
      order: "post",
      handler(_, bundle) {
        const assets = Object.keys(bundle).filter((name) => /\.(js|css)$/.test(name));
        const html = String(bundle["index.html"]?.type === "asset" ? bundle["index.html"].source : "");
        const version = createHash("sha256")
          .update([html, ...assets].join("\n"))
          .digest("hex")
          .slice(0, 16);
        const files = [...SHELL, ...assets.map((name) => `/${name}`)];
        const head = `const VERSION = ${JSON.stringify(version)};\nconst FILES = ${JSON.stringify(files, null, 1)};\n`;
        const source = head + readFileSync(new URL("src/worker/sw.js", import.meta.url), "utf8");
        this.emitFile({ type: "asset", fileName: "sw.js", source });
      },
    },
  };
}
