/** A detail of an audit entry as rows: what is nested gets a path for its name. */
export interface DetailRow {
  path: string;
  value: string;
}

function text(value: unknown): string {
  if (value === null) return "—";
  if (typeof value === "string") return value;
  return JSON.stringify(value);
}

const isTree = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function detailRows(detail: Record<string, unknown>, head = ""): DetailRow[] {
  return Object.entries(detail).flatMap(([name, value]) =>
    isTree(value) ? detailRows(value, `${head}${name} · `) : [{ path: head + name, value: text(value) }],
  );
}

/** In one line, for the list. */
export function detailLine(detail: Record<string, unknown>): string {
  return detailRows(detail)
    .map(({ path, value }) => `${path}: ${value}`)
    .join(", ");
}

/** What the log tells of who did it: a user's id, `cli`, `server`, or an API key. */
export type ActorKind = "server" | "cli" | "key" | "user";

export function actorKind(actor: string): ActorKind {
  if (actor === "server" || actor === "cli") return actor;
  return actor.startsWith("key:") ? "key" : "user";
}
