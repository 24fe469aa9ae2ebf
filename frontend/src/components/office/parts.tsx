import { Button, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useText } from "../../text/text";
import { Dialog } from "../dialog";
import { explain } from "../notice";
import css from "./office.module.css";

/** A table that may be wider than its place: it can be moved by keys, and says what it is. */
export function TableRegion({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for the fields of a form
    <div
      className={css.scroll}
      role="group"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
      tabIndex={0}
    >
      <table className={css.table}>{children}</table>
    </div>
  );
}

/** What the server said, where a person looks for it. */
export function Trouble({ what, error }: { what?: string; error: Error | null }) {
  if (!error) return null;
  return (
    <p className={css.error} role="alert">
      {what && `${what}: `}
      {explain(error)}
    </p>
  );
}

interface AskProps {
  title: string;
  opened: boolean;
  onClose: () => void;
  /** What happens then. */
  children?: ReactNode;
  label: string;
  hint?: string;
  action: string;
  onConfirm: (text: string) => Promise<unknown>;
  onDone?: () => void;
}

/** Asks for a reason, and does it. What was typed stays when it fails. */
export function AskReason({
  title,
  opened,
  onClose,
  children,
  label,
  hint,
  action,
  onConfirm,
  onDone,
}: AskProps) {
  const { t } = useText("common");
  const [text, setText] = useState("");
  const { mutate, isPending, error, reset } = useMutation({
    mutationFn: () => onConfirm(text.trim()),
    onSuccess: () => {
      setText("");
      onClose();
      onDone?.();
    },
  });
  const close = () => {
    reset();
    onClose();
  };
  return (
    <Dialog opened={opened} onClose={close} title={title} typed={text !== ""}>
      <form
        className={css.rows}
        onSubmit={(event) => {
          event.preventDefault();
          mutate();
        }}
      >
        {children}
        <Trouble error={error} />
        <Textarea
          label={label}
          description={hint}
          rows={3}
          required
          withAsterisk={false}
          maxLength={500}
          value={text}
          onChange={({ currentTarget: { value } }) => setText(value)}
          data-autofocus
        />
        <div className={css.tools}>
          <Button type="submit" loading={isPending} disabled={text.trim() === ""}>
            {action}
          </Button>
          <Button variant="default" onClick={close}>
            {t("cancel")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

export function Tag({ tone, children }: { tone?: "good" | "warn" | "bad"; children: ReactNode }) {
  return (
    <span className={css.tag} data-tone={tone}>
      {children}
    </span>
  );
}
