/** A piece of ready HTML. Whatever else is put into a template is text, and is escaped. */
export class Html {
  constructor(readonly text: string) {}
}

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

type Piece = Html | string | number | undefined | false | Piece[];

function put(piece: Piece): string {
  if (piece instanceof Html) return piece.text;
  if (Array.isArray(piece)) return piece.map(put).join("");
  if (piece === undefined || piece === false) return "";
  return String(piece).replace(/[&<>"]/g, (c) => ESCAPES[c] ?? c);
}

export function html(strings: TemplateStringsArray, ...pieces: Piece[]): Html {
  return new Html(strings.map((s, i) => s + (i < pieces.length ? put(pieces[i]) : "")).join(""));
}

/** Paragraphs, and `code`: what the document's descriptions use of Markdown. */
export function prose(text: string | undefined): Html {
  const paragraphs = (text ?? "").split(/\n\n+/).filter((p) => p !== "");
  return html`${paragraphs.map((p) => html`<p>${inline(p)}</p>`)}`;
}

export function inline(text: string | undefined): Html {
  const parts = (text ?? "").split("`");
  return html`${parts.map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}
