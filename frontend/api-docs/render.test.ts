import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { html, inline } from "./html.ts";
import { entriesOf, renderPage, whoMay } from "./render.ts";
import { typeOf } from "./schema.ts";
import type { Document } from "./types.ts";

const source = readFileSync(new URL("../../contracts/openapi.json", import.meta.url), "utf8");
const document = JSON.parse(source) as Document;
const page = renderPage(document, "/assets/api-docs-12345678.css");

test("every operation and every schema has its place, once", () => {
  for (const { operation } of entriesOf(document))
    expect(page.split(`id="${operation.operationId}"`)).toHaveLength(2);
  for (const name of Object.keys(document.components.schemas))
    expect(page.split(`id="schema-${name}"`)).toHaveLength(2);
});

test("links inside the page lead somewhere", () => {
  for (const [, id] of page.matchAll(/href="#([^"]+)"/g)) expect(page).toContain(`id="${id}"`);
});

test("nothing in it needs more than the policy gives", () => {
  expect(page).not.toMatch(
    /<script|<style|\sstyle=|\son[a-z]+=|(?:src|href|action)="(?:https?:)?\/\/|javascript:/,
  );
});

test("what the document says is text, not markup", () => {
  expect(html`${'<b>&"'}`.text).toBe("&lt;b&gt;&amp;&quot;");
  expect(inline("a `<b>` c").text).toBe("a <code>&lt;b&gt;</code> c");
});

test("a schema in a few words", () => {
  expect(typeOf({ type: "array", items: { $ref: "#/components/schemas/Reading" } }).text).toBe(
    'array of <a href="#schema-Reading">Reading</a>',
  );
  expect(typeOf({ type: ["string", "null"], format: "date" }).text).toBe("string or null, date");
  expect(typeOf({ type: "integer", minimum: 1, maximum: 1000 }).text).toBe("integer, 1 to 1000");
});

test("who may is told", () => {
  const of = (id: string) => {
    const found = entriesOf(document).find((e) => e.operation.operationId === id);
    return found && whoMay(document, found.operation);
  };
  expect(of("getSite")).toEqual(["open to all"]);
  expect(of("refresh")).toEqual(["by the refresh cookie"]);
  expect(of("getMe")).toEqual(["everybody, what is their own"]);
  expect(of("listDevices")).toEqual(["everybody, what is their own", "API key: devices:read"]);
  expect(of("listAudit")).toEqual(["admins", "API key: audit:read"]);
  expect(of("createDevice")).toEqual(["admins"]);
});
