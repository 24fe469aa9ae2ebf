import { TextInput } from "@mantine/core";
import type { AlertKind, Thresholds } from "../../api/types";
import { alertTitle } from "../../lib/alerts";
import { usePlace } from "../../lib/hooks";
import {
  LIMIT_FIELDS,
  type LimitField,
  type LimitsDraft,
  limitFault,
  limitOf,
  limitWords,
} from "../../lib/limits";
import { codeWords, useText } from "../../text/text";
import css from "./alerts.module.css";

interface KindProps {
  kind: AlertKind;
  draft: LimitsDraft;
  thresholds: Thresholds;
  admin: boolean;
  /** By `kind.name`: undefined while it is well, "" where no number stands, else what the server says. */
  faultAt: (path: string) => string | undefined;
  onSwitch: (on: boolean) => void;
  onType: (path: string, text: string) => void;
}

/** What an empty field stands for; and, for an operator, what the meter's owner has put over it. */
function useHints({ kind, thresholds, admin }: Pick<KindProps, "kind" | "thresholds" | "admin">) {
  const { t } = useText("limits");
  const { currency, locale } = usePlace();
  const said = (value: Parameters<typeof limitWords>[0], unit: LimitField["unit"]) => {
    if (unit === "days" && typeof value === "number") return t("days", { count: value });
    return limitWords(value, unit, currency, locale);
  };
  return ({ name, unit }: LimitField) => {
    const { given, otherwise, thresholds: holds } = thresholds;
    const other = said(limitOf(otherwise, kind, name), unit);
    const held = limitOf(holds, kind, name);
    const owners = admin && held !== (limitOf(given, kind, name) ?? limitOf(otherwise, kind, name));
    if (owners && held !== null) return t("ownerHas", { value: said(held, unit) ?? "" });
    return other === null ? codeWords("limits", "nothing", kind) : t("otherwise", { value: other });
  };
}

/** One kind of alert: whether it is raised, and from what on. */
export function LimitKind(props: KindProps) {
  const { kind, draft, faultAt, onSwitch, onType } = props;
  const { t } = useText("limits");
  const { currency, locale } = usePlace();
  const hint = useHints(props);
  const on = draft.on[kind];
  const fault = (path: string, unit: LimitField["unit"]) => {
    const said = faultAt(path);
    if (said === undefined) return undefined;
    if (said === "") return t("fault.number");
    const known = limitFault(said, unit, locale);
    if (known?.key === "range") return t("fault.range", { from: known.from, to: known.to });
    return known ? t(`fault.${known.key}`) : said;
  };
  const field = (of: LimitField) => {
    const path = `${kind}.${of.name}`;
    return (
      <TextInput
        key={of.name}
        name={path}
        type={of.unit === "clock" ? "time" : "text"}
        inputMode={of.unit === "clock" ? undefined : "decimal"}
        autoComplete="off"
        disabled={!on}
        label={t(`field.${of.name}` as "field.from", { currency })}
        description={hint(of)}
        inputWrapperOrder={["label", "input", "description", "error"]}
        value={draft.text[path] ?? ""}
        error={fault(path, of.unit)}
        onChange={({ currentTarget: { value } }) => onType(path, value)}
      />
    );
  };
  const fields = LIMIT_FIELDS[kind];
  const fine = fields.filter((of) => of.fine);
  const plain = fields.filter((of) => !of.fine);
  const wrong = fine.some(({ name }) => faultAt(`${kind}.${name}`) !== undefined);
  return (
    <fieldset className={`panel ${css.limit}`} data-kind={kind}>
      <legend>
        <label className={css.check}>
          <input
            type="checkbox"
            name={`${kind}.enabled`}
            checked={on}
            onChange={({ currentTarget: { checked } }) => onSwitch(checked)}
          />
          {alertTitle(kind)}
        </label>
      </legend>
      <p>{t(`what.${kind}`)}</p>
      {plain.length > 0 && <div className={css.fields}>{plain.map(field)}</div>}
      {on && fine.length > 0 && (
        <details open={wrong || undefined}>
          <summary>{t("fine")}</summary>
          <div className={`${css.fields} ${css.fine}`}>{fine.map(field)}</div>
        </details>
      )}
    </fieldset>
  );
}
