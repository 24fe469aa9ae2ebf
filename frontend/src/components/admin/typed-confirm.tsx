import { Button, TextInput } from "@mantine/core";
import { type ReactNode, type SubmitEvent, useState } from "react";
import { useText } from "../../text/text";
import { Dialog } from "../dialog";
import css from "../form.module.css";
import { ProblemLine } from "./problem";
import "../../text/manage";

interface TypedConfirmProps {
  opened: boolean;
  title: string;
  /** What happens, and what does not. */
  children: ReactNode;
  /** What has to be typed. */
  word: string;
  action: string;
  busy: boolean;
  problem: string | null;
  onConfirm: () => void;
  onClose: () => void;
}

/** Before what cannot be undone: the name is typed, so that a habit of the hand does nothing. */
export function TypedConfirm(props: TypedConfirmProps) {
  const { opened, title, children, word, action, busy, problem, onConfirm, onClose } = props;
  const { t } = useText("admin");
  const [typed, setTyped] = useState("");
  const close = () => {
    setTyped("");
    onClose();
  };
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (typed.trim() === word) onConfirm();
  };
  return (
    <Dialog opened={opened} title={title} onClose={close}>
      <form className={css.form} onSubmit={submit}>
        {children}
        <ProblemLine text={problem} />
        <TextInput
          label={t("typeToConfirm", { word })}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          data-autofocus
        />
        <Button type="submit" color="red" loading={busy} disabled={typed.trim() !== word}>
          {action}
        </Button>
      </form>
    </Dialog>
  );
}
