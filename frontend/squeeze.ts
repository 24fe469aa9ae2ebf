import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const TEXT = /\.(html|js|css|svg|json|map|txt|webmanifest)$/;
const WORTH_BYTES = 1024;

function squeeze(file: string): void {
  const bytes = readFileSync(file);
  if (bytes.length < WORTH_BYTES) return;
  const hint = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: hint }));
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
}

/** Leaves `.br` and `.gz` beside each text file of the build: the server sends those, and squeezes none itself. */
export function squeezed(): Plugin {
  let folder = "";
  return {
    name: "squeezed",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle() {
      // It is called after a build that failed, too, whose own error is the one to be seen.
      if (!existsSync(folder)) return;
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }))
        if (TEXT.test(name) && statSync(join(folder, name)).isFile()) squeeze(join(folder, name));
    },
  };
}
