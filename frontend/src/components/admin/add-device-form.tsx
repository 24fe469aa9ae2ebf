import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";
import { finishCredentials, makeCredentials } from "../../api/admin";
import type { DeviceCredentials } from "../../api/admin-types";
import { createDevice } from "../../api/endpoints";
import { useTariffs } from "../../api/queries";
import type { CreatedDevice, NewDevice } from "../../api/types";
import { useText } from "../../text/text";
import css from "../form.module.css";
import { explain } from "../notice";
import { ProblemLine, problemsOf } from "./problem";
import "../../text/manage";

type Kind = "password" | "psk" | "certificate";
const FIELDS = ["device_id", "name", "owner", "tariff"] as const;

interface Added {
  device: CreatedDevice;
  credentials: DeviceCredentials | null;
  note?: string | undefined;
}

/** Only what was filled in: an absent member has its default, an empty one is an error. */
function read(form: FormData): NewDevice {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const body: NewDevice = { device_id: text("device_id") };
  for (const name of ["name", "owner", "tariff"] as const) if (text(name)) body[name] = text(name);
  return body;
}

/** The meter comes with a password; where a key was asked for, that takes the password's place. */
async function add(body: NewDevice, kind: Kind): Promise<Added> {
  const device = await createDevice(body);
  if (kind !== "psk" || !device.credentials) return { device, credentials: device.credentials };
  try {
    const { credentials } = await makeCredentials(device.device_id, { kind, grace_days: 0 });
    await finishCredentials(device.device_id);
    return { device, credentials };
  } catch (error) {
    // The meter is there, with its password: that is shown, and why there is no key.
    return { device, credentials: device.credentials, note: explain(error as Error) };
  }
}

export function AddDeviceForm({ deviceId, onAdded }: { deviceId?: string; onAdded: (added: Added) => void }) {
  const { t } = useText("device");
  const client = useQueryClient();
  const { tariffs } = useTariffs();
  const [kind, setKind] = useState<Kind>("password");
  const names = [...new Set(tariffs?.map(({ name }) => name))];
  const { mutate, isPending, error } = useMutation({
    mutationFn: ({ body }: { body: NewDevice }) => add(body, kind),
    onSuccess: (added) => {
      void client.invalidateQueries({ queryKey: ["devices"] });
      void client.invalidateQueries({ queryKey: ["rejects"] });
      onAdded(added);
    },
  });
  const { wrong, rest } = problemsOf(error, FIELDS);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    mutate({ body: read(new FormData(event.currentTarget)) });
  };
  return (
    <form className={css.form} onSubmit={submit}>
      <ProblemLine text={rest} />
      <TextInput
        name="device_id"
        label={t("id")}
        description={t("idHint")}
        pattern="[A-Za-z0-9_\-]{1,64}"
        required
        withAsterisk={false}
        defaultValue={deviceId}
        readOnly={deviceId !== undefined}
        error={wrong("device_id")}
        autoComplete="off"
        data-autofocus
      />
      <TextInput
        name="name"
        label={t("name")}
        placeholder={t("nameExample")}
        error={wrong("name")}
        maxLength={80}
      />
      <TextInput
        name="owner"
        type="email"
        label={t("ownerEmail")}
        description={t("ownerHint")}
        error={wrong("owner")}
      />
      <NativeSelect
        name="tariff"
        label={t("tariff")}
        data={[{ value: "", label: t("tariffUsual") }, ...names]}
        error={wrong("tariff")}
      />
      <NativeSelect
        label={t("login")}
        description={t(`kindHint.${kind}`)}
        value={kind}
        onChange={(event) => setKind(event.currentTarget.value as Kind)}
        data={[
          { value: "password", label: t("kind.password") },
          { value: "psk", label: t("kind.psk") },
          { value: "certificate", label: t("kind.certificate") },
        ]}
      />
      {kind === "certificate" ? <CertificateHint deviceId={deviceId ?? "ID"} /> : null}
      <Button type="submit" loading={isPending}>
        {t("submit")}
      </Button>
    </form>
  );
}

/** The authority's key stays out of the server: these come from where that key is. */
export function CertificateHint({ deviceId }: { deviceId: string }) {
  const { t } = useText("device");
  return (
    <div>
      <p className="soft">{t("certificateHint")}</p>
      <pre className={css.pem}>
        {`smartmeter device rotate --id ${deviceId} --certificate --out FOLDER\nsmartmeter device rotate --id ${deviceId} --csr FILE --out FOLDER`}
      </pre>
    </div>
  );
}
