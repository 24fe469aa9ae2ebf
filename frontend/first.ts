import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build, type Plugin } from "vite";

/** Beside the page: what a policy without `unsafe-inline` has to name for it. The server reads it (static_files.c). */
const POLICY = "inline-policy.txt";
/** Hosts that take their policy from a file of ours. */
const HOSTS = ["vercel.json", "netlify.toml"];
/** The parts of the program that follow at once, by who is likely to be there (begin.ts). */
const PARTS = {
  out: ["src/pages/signed-out.tsx"],
  consumer: ["src/signed-in.tsx", "src/pages/meter.tsx"],
  admin: ["src/signed-in.tsx", "src/pages/fleet.tsx", "src/components/admin/menus.tsx"],
};

const ENTRY = ["src/main.tsx"];

const inFrontend = (path: string) => new URL(path, import.meta.url);

interface Inline {
  script: string;
  style: string;
}

/** What a build of one file alone makes of it. */
async function bundled(path: string) {
  const made = await build({
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    root: inFrontend(".").pathname,
    build: {
      write: false,
      modulePreload: false,
      rolldownOptions: {
        input: inFrontend(path).pathname,
        output: { format: path.endsWith(".css") ? "es" : "iife" },
      },
    },
  });
  if (!("output" in made)) throw new Error("first: no output");
  return made.output;
}

/** `src/first/begin.ts` and its style sheet, as one script and one sheet. */
async function inline(): Promise<Inline> {
  const script = (await bundled("src/first/begin.ts")).find((file) => file.type === "chunk");
  const style = (await bundled("src/first/first.css")).find(({ fileName }) => fileName.endsWith(".css"));
  if (script?.type !== "chunk" || style?.type !== "asset") throw new Error("first: no script or no style");
  return { script: script.code.trim(), style: String(style.source).trim() };
}

const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** A host whose file named other hashes would show a page without colours and without a start. */
function checkHosts({ script, style }: Inline): void {
  for (const host of HOSTS) {
    const told = readFileSync(inFrontend(host), "utf8");
    const right = told
      .replace(/script-src 'self'( 'sha256-[^']*')?/, `script-src 'self' ${hash(script)}`)
      .replace(/style-src 'self'( 'sha256-[^']*')?/, `style-src 'self' ${hash(style)}`);
    if (told === right) continue;
    if (process.env.SMARTMETER_POLICY !== "write")
      throw new Error(`${host} names other hashes than the page has: npm run policy writes them there`);
    writeFileSync(inFrontend(host), right);
  }
}

type Bundle = NonNullable<Parameters<Extract<Plugin["generateBundle"], (...all: never[]) => unknown>>[1]>;

/** The files with these modules and what they import, style sheets too, without those that the page loads anyway. */
function filesOf(bundle: Bundle, modules: readonly string[], without: ReadonlySet<string>): string[] {
  const wanted = modules.map((name) => inFrontend(name).pathname);
  const found = new Set<string>();
  const add = (name: string) => {
    const file = bundle[name];
    if (file?.type !== "chunk" || found.has(name) || without.has(name)) return;
    found.add(name);
    for (const sheet of file.viteMetadata?.importedCss ?? []) if (!without.has(sheet)) found.add(sheet);
    file.imports.forEach(add);
  };
  for (const file of Object.values(bundle))
    if (file.type === "chunk" && file.moduleIds.some((id) => wanted.includes(id))) add(file.fileName);
  return [...found];
}

/**
 * Writes the first picture's script and style into the page, so that it is painted and asks for what it needs without
 * anything else having been loaded. The style sheets stand after it: it does not wait for them, and the program does.
 */
export function firstPicture(): Plugin {
  let made: Inline | undefined;
  return {
    name: "first-picture",
    transformIndexHtml: {
      order: "post",
      async handler(html, { bundle }) {
        made = await inline();
        const api = process.env.VITE_API_URL ?? "";
        const sheets: string[] = [];
        let page = html
          // What the first picture asks of the API goes before the program.
          .replace(/<(script type="module"|link rel="modulepreload")/g, '<$1 fetchpriority="low"')
          // Evaluated one by one as they come, and not all at once before the program: between them the page answers.
          .replace(
            /<link rel="modulepreload"([^>]*) href=("[^"]*")>/g,
            '<script type="module" async$1 src=$2></script>',
          )
          .replace(/\s*<link rel="stylesheet"[^>]*>/g, (link) => {
            sheets.push(link.trim().replace("<link", '<link fetchpriority="low"'));
            return "";
          })
          .replace("</body>", () => [...sheets, "</body>"].join("\n    "));
        if (api)
          page = page.replace('name="smartmeter-api" content=""', `name="smartmeter-api" content="${api}"`);
        const entry = new Set(bundle && filesOf(bundle, ENTRY, new Set()));
        const parts = Object.entries(PARTS).flatMap(([part, modules]) =>
          bundle
            ? filesOf(bundle, modules, entry).map(
                (file) =>
                  `<link data-part="${part}" href="/${file}" crossorigin fetchpriority="low"${file.endsWith(".css") ? ' as="style"' : ""}>`,
              )
            : [],
        );
        const { script, style } = made;
        return page.replace("<!-- first -->", () =>
          [...parts, `<style>${style}</style>`, `<script>${script}</script>`].join("\n    "),
        );
      },
    },
    generateBundle: {
      order: "post",
      handler() {
        if (!made) throw new Error("first: the page has not been written");
        checkHosts(made);
        const source = `script-src ${hash(made.script)}\nstyle-src ${hash(made.style)}\n`;
        this.emitFile({ type: "asset", fileName: POLICY, source });
      },
    },
  };
}
