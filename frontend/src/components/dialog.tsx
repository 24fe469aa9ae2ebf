import { Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { useText } from "../text/text";
import css from "./dialog.module.css";

interface DialogProps {
  opened: boolean;
  title: string;
  onClose: () => void;
  size?: "lg" | "xl";
  /** Something is typed in it: a stray click must not close it. */
  typed?: boolean;
  /** What is in it is shown this once: nothing but its own button closes it. */
  held?: boolean;
  children: ReactNode;
}

export function Dialog({ opened, title, onClose, size, typed = false, held = false, children }: DialogProps) {
  const { t } = useText("common");
  return (
    // Locking the scroll would need a style element, which the policy forbids.
    <Modal.Root
      opened={opened}
      onClose={onClose}
      lockScroll={false}
      {...(size && { size })}
      closeOnClickOutside={!held && !typed}
      closeOnEscape={!held}
    >
      <Modal.Overlay />
      <Modal.Content>
        {/* Not Mantine's own head, a <header>: that is a banner, of which a page has one. */}
        <div className={css.head}>
          <Modal.Title>{title}</Modal.Title>
          <Modal.CloseButton aria-label={t("close")} />
        </div>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
