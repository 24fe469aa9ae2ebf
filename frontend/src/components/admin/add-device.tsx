import { Button } from "@mantine/core";
import { useState } from "react";
import type { DeviceCredentials } from "../../api/admin-types";
import type { CreatedDevice } from "../../api/types";
import { useText } from "../../text/text";
import { Icon } from "../icon";
import { AddDeviceForm } from "./add-device-form";
import { Dialog } from "./dialog";
import { LoginShown } from "./login-shown";

interface Added {
  device: CreatedDevice;
  credentials: DeviceCredentials | null;
  note?: string | undefined;
}

interface AddDeviceProps {
  /** The id is known: this very meter is wanted. */
  deviceId?: string;
  label?: string;
  size?: "xs" | "sm";
}

export function AddDevice({ deviceId, label, size = "sm" }: AddDeviceProps) {
  const { t } = useText("device");
  const [open, setOpen] = useState(false);
  const [added, setAdded] = useState<Added | null>(null);
  const close = () => {
    setOpen(false);
    setAdded(null);
  };
  return (
    <>
      <Button size={size} leftSection={<Icon name="plus" size={18} />} onClick={() => setOpen(true)}>
        {label ?? t("add")}
      </Button>
      <Dialog
        opened={open}
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
    </>
  );
}
