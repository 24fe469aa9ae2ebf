import { type Html, html, inline } from "./html.ts";
import type { Schema } from "./types.ts";

const nameOf = (ref: string) => ref.slice(ref.lastIndexOf("/") + 1);

function choices(schemas: Schema[]): Html {
  return html`${schemas.map((s, i) => html`${i > 0 && " or "}${typeOf(s)}`)}`;
}

/** A schema in a few words: "array of Reading", "string, date", "admin or consumer". */
export function typeOf(schema: Schema | undefined): Html {
  if (!schema) return html`anything`;
  if (schema.$ref) {
    const name = nameOf(schema.$ref);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  const several = schema.oneOf ?? schema.anyOf;
  if (several) return choices(several);
  if (schema.allOf) return html`${schema.allOf.map((s, i) => html`${i > 0 && " and "}${typeOf(s)}`)}`;
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`;
  if (schema.enum)
    return html`${schema.enum.map((v, i) => html`${i > 0 && " · "}<code>${String(v)}</code>`)}`;
  if (schema.items) return html`array of ${typeOf(schema.items)}`;
  const type = [schema.type ?? "anything"].flat().join(" or ");
  return html`${type}${schema.format && `, ${schema.format}`}${range(schema)}`;
}

function range({ minimum, maximum, maxLength }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return `, ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `, from ${minimum}`;
  if (maximum !== undefined) return `, up to ${maximum}`;
  return maxLength === undefined ? "" : `, up to ${maxLength} characters`;
}

/** The members inside of a schema that are described in place, not by name. */
function inside(schema: Schema): Schema | undefined {
  if (schema.properties) return schema;
  if (schema.items) return inside(schema.items);
  return (schema.oneOf ?? schema.anyOf)?.map(inside).find((s) => s !== undefined);
}

function member(name: string, schema: Schema, required: boolean): Html {
  const more = schema.default === undefined ? "" : ` By default ${JSON.stringify(schema.default)}.`;
  const nested = inside(schema);
  return html`<tr>
<th scope="row"><code>${name}</code>${!required && html` <small>optional</small>`}</th>
<td>${typeOf(schema)}</td>
<td>${inline(schema.description)}${more}${nested && members(nested)}</td>
</tr>`;
}

/** A table of members; of an allOf those of all its parts that are described in place. */
export function members(schema: Schema): Html {
  if (schema.allOf) return html`${schema.allOf.map((part) => members(part))}`;
  const found = inside(schema);
  if (!found) return html`<p>${typeOf(schema)}</p>`;
  const rows = Object.entries(found.properties ?? {});
  return html`<div class="scroll" tabindex="0"><table>
<thead><tr><th scope="col">member</th><th scope="col">type</th><th scope="col">meaning</th></tr></thead>
<tbody>${rows.map(([name, s]) => member(name, s, found.required?.includes(name) ?? false))}</tbody>
</table></div>`;
}

export function schemaSection(name: string, schema: Schema): Html {
  const described = schema.properties || schema.allOf || schema.items || schema.oneOf;
  return html`<article class="schema" id="schema-${name}">
<h3><a href="#schema-${name}">${name}</a></h3>
<p>${inline(schema.description)}</p>
${described ? members(schema) : html`<p>${typeOf(schema)}${schema.pattern && html`, <code>${schema.pattern}</code>`}</p>`}
</article>`;
}
