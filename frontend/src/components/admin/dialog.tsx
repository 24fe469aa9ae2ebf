import { Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { useText } from "../../text/text";
import css from "./admin.module.css";

interface DialogProps {
  opened: boolean;
  title: string;
  onClose: () => void;
  /** What is in it is gone with it: a stray click must not close it. */
  held?: boolean;
  children: ReactNode;
}

export function Dialog({ opened, title, onClose, held = false, children }: DialogProps) {
  const { t } = useText("common");
  return (
    // Locking the scroll would need a style element, which the policy forbids.
    <Modal.Root
      opened={opened}
      onClose={onClose}
      lockScroll={false}
      closeOnClickOutside={!held}
      closeOnEscape={!held}
    >
      <Modal.Overlay />
      <Modal.Content>
        {/* Not Mantine's own head, a <header>: that is a banner, of which a page has one. */}
        <div className={css.dialogHead}>
          <Modal.Title>{title}</Modal.Title>
          <Modal.CloseButton aria-label={t("close")} />
        </div>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
