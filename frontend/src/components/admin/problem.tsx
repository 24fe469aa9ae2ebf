import { ApiError } from "../../api/http";
import css from "../form.module.css";
import { explain } from "../notice";

interface FieldProblems {
  /** What the server says of a field, to stand under it. */
  wrong: (field: string) => string | undefined;
  /** What no field of the form shows. */
  rest: string | null;
}

/** Parts an error by the fields that a form has. What was typed is the form's own and stays. */
export function problemsOf(error: Error | null, fields: readonly string[]): FieldProblems {
  const entries = error instanceof ApiError ? (error.problem?.errors ?? []) : [];
  const own = (field: string) => fields.find((name) => field === name || field.startsWith(`${name}[`));
  const others = entries.filter(({ field }) => !own(field));
  const said = others.map(({ field, message }) => `${field} ${message}`).join("; ");
  return {
    wrong: (name) => entries.find(({ field }) => own(field) === name)?.message,
    rest: error === null ? null : entries.length === 0 ? explain(error) : said || null,
  };
}

export function ProblemLine({ text }: { text: string | null }) {
  return text ? (
    <p className={css.error} role="alert">
      {text}
    </p>
  ) : null;
}
