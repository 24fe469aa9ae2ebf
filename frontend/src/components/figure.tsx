import type { ReactNode } from "react";
import css from "./figure.module.css";

/** A name and its value, within a <dl>. */
export function Figure({ name, value, note }: { name: string; value: ReactNode; note?: string | undefined }) {
  return (
    <div className={css.figure}>
      <dt>{name}</dt>
      <dd className="num">
        {value}
        {note && <small>{note}</small>}
      </dd>
    </div>
  );
}
