import { Button, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { SubmitEvent } from "react";
import { createDevice } from "../api/endpoints";
import { ApiError } from "../api/http";
import type { CreatedDevice, NewDevice } from "../api/types";
import { useText } from "../text/text";
import css from "./form.module.css";
import { explain } from "./notice";

/** Only what was filled in: an absent member has its default, an empty one is an error. */
function read(form: FormData): NewDevice {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const body: NewDevice = { device_id: text("device_id") };
  for (const name of ["name", "owner", "tariff"] as const) if (text(name)) body[name] = text(name);
  return body;
}

export function AddDeviceForm({ onCreated }: { onCreated: (device: CreatedDevice) => void }) {
  const { t } = useText("device");
  const client = useQueryClient();
  const { mutate, isPending, error } = useMutation({
    mutationFn: createDevice,
    onSuccess: (device) => {
      void client.invalidateQueries({ queryKey: ["devices"] });
      onCreated(device);
    },
  });
  const fields = error instanceof ApiError ? (error.problem?.errors ?? []) : [];
  const wrong = (field: string) => fields.find((entry) => entry.field === field)?.message;
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    mutate(read(new FormData(event.currentTarget)));
  };
  return (
    <form className={css.form} onSubmit={submit}>
      {error && fields.length === 0 && (
        <p className={css.error} role="alert">
          {explain(error)}
        </p>
      )}
      <TextInput
        name="device_id"
        label={t("id")}
        description={t("idHint")}
        pattern="[A-Za-z0-9_\-]{1,64}"
        required
        withAsterisk={false}
        error={wrong("device_id")}
        data-autofocus
      />
      <TextInput name="name" label={t("name")} placeholder={t("nameExample")} error={wrong("name")} />
      <TextInput
        name="owner"
        type="email"
        label={t("ownerEmail")}
        description={t("ownerHint")}
        error={wrong("owner")}
      />
      <TextInput name="tariff" label={t("tariff")} description={t("tariffHint")} error={wrong("tariff")} />
      <Button type="submit" loading={isPending}>
        {t("submit")}
      </Button>
    </form>
  );
}
