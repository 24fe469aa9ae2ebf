import { type Html, html, inline, prose } from "./html.ts";
import { schemaSection, typeOf } from "./schema.ts";
import {
  type Document,
  METHODS,
  type Media,
  type Operation,
  type Parameter,
  type Response,
} from "./types.ts";

interface Entry {
  method: string;
  path: string;
  operation: Operation;
  parameters: Parameter[];
}

function resolve<T extends { $ref?: string }>(document: Document, node: T): T {
  if (!node.$ref) return node;
  const [, , kind, name] = node.$ref.split("/");
  const target = document.components[kind ?? ""]?.[name ?? ""] as T | undefined;
  if (!target) throw new Error(`${node.$ref} leads nowhere`);
  return resolve(document, target);
}

export function entriesOf(document: Document): Entry[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      if (!operation) return [];
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
      return [
        {
          method: method.toUpperCase(),
          path,
          operation,
          parameters: parameters.map((p) => resolve(document, p)),
        },
      ];
    }),
  );
}

/** Who may call it, as the document says: by its security, and by how its description begins. */
export function whoMay(document: Document, operation: Operation): string[] {
  const security = operation.security ?? document.security;
  const ways = security.flatMap((way) => Object.keys(way));
  if (ways.length === 0) return ["open to all"];
  if (!ways.includes("bearer")) return ["by the refresh cookie"];
  const people = operation.description?.startsWith("Admin.") ? "admins" : "everybody, what is their own";
  const scopes = security.flatMap((way) => way.apiKey ?? []);
  return [people, ...scopes.map((scope) => `API key: ${scope}`)];
}

function example(media: Media): Html | false {
  if (media.example === undefined) return false;
  const text = typeof media.example === "string" ? media.example : JSON.stringify(media.example, null, 2);
  return html`<details><summary>Example</summary><pre tabindex="0">${text}</pre></details>`;
}

function content(media: Record<string, Media> | undefined): Html {
  return html`${Object.entries(media ?? {}).map(
    ([type, value]) => html`<p><code>${type}</code>: ${typeOf(value.schema)}</p>${example(value)}`,
  )}`;
}

function parameterRow(parameter: Parameter): Html {
  return html`<tr>
<th scope="row"><code>${parameter.name}</code>${!parameter.required && html` <small>optional</small>`}</th>
<td>${parameter.in}</td><td>${typeOf(parameter.schema)}</td><td>${inline(parameter.description)}</td>
</tr>`;
}

function parameterTable(parameters: Parameter[]): Html | false {
  if (parameters.length === 0) return false;
  return html`<h4>Parameters</h4>
<div class="scroll" tabindex="0"><table>
<thead><tr><th scope="col">name</th><th scope="col">in</th><th scope="col">type</th><th scope="col">meaning</th></tr></thead>
<tbody>${parameters.map(parameterRow)}</tbody>
</table></div>`;
}

function responseItem(document: Document, status: string, node: Response): Html {
  const response = resolve(document, node);
  const headers = Object.keys(response.headers ?? {});
  const kind = status < "300" ? "good" : status < "400" ? "same" : "bad";
  return html`<dt><span class="status ${kind}">${status}</span></dt>
<dd>${inline(response.description)}${headers.length > 0 && html` With ${headers.join(", ")}.`}
${status < "300" && content(response.content)}</dd>`;
}

function operationSection(document: Document, { method, path, operation, parameters }: Entry): Html {
  const responses = Object.entries(operation.responses);
  return html`<article id="${operation.operationId}">
<h3><span class="method ${method.toLowerCase()}">${method}</span> <a href="#${operation.operationId}">${path}</a></h3>
<p class="summary">${operation.summary}${whoMay(document, operation).map((who) => html` <span class="who">${who}</span>`)}</p>
${prose(operation.description)}
${parameterTable(parameters)}
${operation.requestBody && html`<h4>Body</h4>${content(operation.requestBody.content)}`}
<h4>Answers</h4>
<dl class="answers">${responses.map(([status, node]) => responseItem(document, status, node))}</dl>
</article>`;
}

function navigation(document: Document, entries: Entry[]): Html {
  const of = (tag: string) => entries.filter((e) => e.operation.tags?.includes(tag));
  return html`<nav aria-label="Operations"><details open tabindex="0"><summary>Contents</summary>
${document.tags.map(
  ({ name }) =>
    html`<h2>${name}</h2><ul>${of(name).map(
      (e) =>
        html`<li><a href="#${e.operation.operationId}"><span class="method ${e.method.toLowerCase()}">${e.method}</span> ${e.path}</a></li>`,
    )}</ul>`,
)}
<h2><a href="#schemas">schemas</a></h2></details></nav>`;
}

/** The whole page; without scripts of its own, so it needs nothing of the Content-Security-Policy. */
export function renderPage(document: Document, styleSheet: string): string {
  const entries = entriesOf(document);
  const { title, version, description } = document.info;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} API ${version}</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${styleSheet}">
</head>
<body>
<header><h1>${title} API <small>${version}</small></h1>
<p><a href="/">Dashboard</a> · <a href="/api/openapi.json">openapi.json</a></p></header>
<div class="columns">
${navigation(document, entries)}
<main>
<section>${prose(description)}</section>
${document.tags.map(
  ({ name, description: text }) => html`<section id="tag-${name}"><h2>${name}</h2>${prose(text)}
${entries.filter((e) => e.operation.tags?.includes(name)).map((e) => operationSection(document, e))}</section>`,
)}
<section id="schemas"><h2>schemas</h2>
${Object.entries(document.components.schemas).map(([name, schema]) => schemaSection(name, schema))}</section>
</main>
</div>
</body>
</html>
`;
  return page.text;
}
