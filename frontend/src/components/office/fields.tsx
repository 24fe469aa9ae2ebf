import { ActionIcon, TextInput, type TextInputProps } from "@mantine/core";
import { createContext, type ReactNode, use } from "react";
import type { TariffDraft } from "../../lib/tariff-draft";
import { useText } from "../../text/text";
import { Icon } from "../icon";
import css from "./office.module.css";

export interface Editor {
  draft: TariffDraft;
  /** Changes the draft; what the server said of the field at `path` is done with. */
  edit: (path: string, change: (draft: TariffDraft) => TariffDraft) => void;
  /** What to say at the field, once it was left or the whole was sent. */
  fault: (path: string) => string | undefined;
  leave: (path: string) => void;
}

export const EditorContext = createContext<Editor | null>(null);

export function useEditor(): Editor {
  const editor = use(EditorContext);
  if (!editor) throw new Error("useEditor outside of EditorContext");
  return editor;
}

interface TextProps extends Omit<TextInputProps, "onChange" | "error"> {
  path: string;
  onText: (draft: TariffDraft, text: string) => TariffDraft;
}

/** A field of the draft, with what is wrong with it below. */
export function DraftText({ path, onText, ...props }: TextProps) {
  const { edit, fault, leave } = useEditor();
  return (
    <TextInput
      {...props}
      name={path}
      error={fault(path)}
      autoComplete="off"
      onChange={({ currentTarget: { value } }) => edit(path, (draft) => onText(draft, value))}
      onBlur={() => leave(path)}
    />
  );
}

/** A number as text: its decimals are the person's, not the browser's. */
export function DraftNumber(props: TextProps) {
  return <DraftText inputMode="decimal" {...props} />;
}

interface ItemProps {
  title: string;
  onRemove?: (() => void) | undefined;
  children: ReactNode;
}

/** One row of a list in the draft: its fields, and the way to be rid of it. */
export function DraftItem({ title, onRemove, children }: ItemProps) {
  const { t } = useText("editor");
  return (
    <fieldset className={css.item}>
      <legend>{title}</legend>
      {onRemove && (
        <ActionIcon
          variant="subtle"
          size={32}
          onClick={onRemove}
          aria-label={t("remove", { what: title })}
          style={{ justifySelf: "end" }}
        >
          <Icon name="cross" size={16} />
        </ActionIcon>
      )}
      {children}
    </fieldset>
  );
}

interface ChecksProps {
  legend: string;
  hint: string;
  options: readonly { value: string; label: string }[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
}

/** Several of a few; none stands for all, as `hint` says. */
export function Checks({ legend, hint, options, chosen, onChange }: ChecksProps) {
  return (
    <fieldset className={css.checks}>
      <legend>
        {legend} <small className="soft">{hint}</small>
      </legend>
      {options.map(({ value, label }) => (
        <label key={value} className={css.check}>
          <input
            type="checkbox"
            checked={chosen.includes(value)}
            onChange={({ currentTarget: { checked } }) =>
              onChange(
                options.map((o) => o.value).filter((v) => (v === value ? checked : chosen.includes(v))),
              )
            }
          />
          {label}
        </label>
      ))}
    </fieldset>
  );
}
