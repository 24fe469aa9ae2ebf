import { Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { useText } from "../../text/text";

interface DialogProps {
  opened: boolean;
  title: string;
  onClose: () => void;
  /** What is in it is gone with it: a stray click must not close it. */
  held?: boolean;
  size?: string;
  children: ReactNode;
}

export function Dialog({ opened, title, onClose, held = false, size, children }: DialogProps) {
  const { t } = useText("common");
  return (
    // Locking the scroll would need a style element, which the policy forbids.
    <Modal
      opened={opened}
      onClose={onClose}
      title={title}
      lockScroll={false}
      closeOnClickOutside={!held}
      closeOnEscape={!held}
      closeButtonProps={{ "aria-label": t("close") }}
      {...(size ? { size } : {})}
    >
      {children}
    </Modal>
  );
}
