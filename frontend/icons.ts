import { readFileSync } from "node:fs";
import { chromium } from "@playwright/test";

/**
 * `npm run icons`: the PNG icons of public/icons, drawn by Chromium from favicon.svg. A maskable one fills its
 * square, and what it shows stays within the circle that every system leaves.
 */
const drawn = readFileSync(new URL("public/favicon.svg", import.meta.url), "utf8");
const art = drawn.replace(/^.*?<rect[^>]*>/s, "").replace("</svg>", "");
const ground = /fill="(#\w+)"/.exec(drawn)?.[1];
const masked =
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" fill="${ground}"/>` +
  `<g transform="translate(16 16) scale(.72) translate(-16 -15.5)">${art}</g></svg>`;

const icons: [name: string, size: number, svg: string][] = [
  ["icon-192", 192, drawn],
  ["icon-512", 512, drawn],
  ["maskable-512", 512, masked],
  ["apple-180", 180, masked],
];

const browser = await chromium.launch({
  executablePath: process.env.SMARTMETER_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
for (const [name, size, svg] of icons) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>* { margin: 0; display: block } svg { width: 100vw }</style>${svg}`);
  await page.screenshot({ path: `public/icons/${name}.png`, omitBackground: true });
}
await browser.close();
