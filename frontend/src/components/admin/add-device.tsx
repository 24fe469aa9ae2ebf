import { Button } from "@mantine/core";
import { useState } from "react";
import type { DeviceCredentials } from "../../api/admin-types";
import type { CreatedDevice } from "../../api/types";
import { useText } from "../../text/text";
import { Dialog } from "../dialog";
import { Icon } from "../icon";
import { AddDeviceForm } from "./add-device-form";
import { LoginShown } from "./login-shown";
import "../../text/manage";

interface Added {
  device: CreatedDevice;
  credentials: DeviceCredentials | null;
  note?: string | undefined;
}

interface AddDeviceDialogProps {
  opened: boolean;
  onClose: () => void;
  /** The id is known: this very meter is wanted. */
  deviceId?: string | undefined;
}

/** To be put where nothing takes it away: the login in it is shown once. */
export function AddDeviceDialog({ opened, onClose, deviceId }: AddDeviceDialogProps) {
  const { t } = useText("device");
  const [added, setAdded] = useState<Added | null>(null);
  const close = () => {
    setAdded(null);
    onClose();
  };
  return (
    <Dialog
      opened={opened}
      onClose={close}
      title={added ? t("added", { device: added.device.device_id }) : t("add")}
      held={added !== null}
    >
      {added ? (
        <LoginShown
          deviceId={added.device.device_id}
          credentials={added.credentials}
          note={added.note ?? added.device.note}
          onDone={close}
        />
      ) : (
        <AddDeviceForm {...(deviceId ? { deviceId } : {})} onAdded={setAdded} />
      )}
    </Dialog>
  );
}

export function AddDevice() {
  const { t } = useText("device");
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button leftSection={<Icon name="plus" size={18} />} onClick={() => setOpen(true)}>
        {t("add")}
      </Button>
      <AddDeviceDialog opened={open} onClose={() => setOpen(false)} />
    </>
  );
}
