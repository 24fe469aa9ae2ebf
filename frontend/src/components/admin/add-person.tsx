import { Button, NativeSelect, TextInput } from "@mantine/core";
import { type SubmitEvent, useState } from "react";
import { createUser } from "../../api/admin";
import type { CreatedPerson, NewPerson } from "../../api/admin-types";
import { useText } from "../../text/text";
import { Dialog } from "../dialog";
import css from "../form.module.css";
import { Icon } from "../icon";
import { LinkShown } from "./link-shown";
import { ProblemLine, problemsOf } from "./problem";
import { useChange } from "./use-change";
import "../../text/manage";

const FIELDS = ["email", "name", "role"] as const;

export function AddPerson() {
  const { t } = useText("people");
  const [open, setOpen] = useState(false);
  const [added, setAdded] = useState<CreatedPerson | null>(null);
  const close = () => {
    setOpen(false);
    setAdded(null);
  };
  return (
    <>
      <Button leftSection={<Icon name="plus" size={18} />} onClick={() => setOpen(true)}>
        {t("add")}
      </Button>
      <Dialog
        opened={open}
        title={added ? t("added", { who: added.name ?? added.email }) : t("add")}
        onClose={close}
        held={added !== null}
      >
        {added?.link ? (
          <LinkShown link={added.link} who={added.name ?? added.email} onDone={close} />
        ) : (
          <AddPersonForm onAdded={setAdded} />
        )}
      </Dialog>
    </>
  );
}

function AddPersonForm({ onAdded }: { onAdded: (added: CreatedPerson) => void }) {
  const { t } = useText("people");
  const { change, busy, error } = useChange((body: NewPerson) => createUser(body), [["people"]], onAdded);
  const { wrong, rest } = problemsOf(error, FIELDS);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const role = text("role") === "admin" ? "admin" : "consumer";
    const name = text("name");
    change({ email: text("email"), role, ...(name ? { name } : {}) });
  };
  return (
    <form className={css.form} onSubmit={submit}>
      <p className="soft">{t("addHint")}</p>
      <ProblemLine text={rest} />
      <TextInput
        name="email"
        type="email"
        label={t("email")}
        required
        withAsterisk={false}
        error={wrong("email")}
        autoComplete="off"
        data-autofocus
      />
      <TextInput name="name" label={t("name")} maxLength={80} error={wrong("name")} autoComplete="off" />
      <NativeSelect
        name="role"
        label={t("role")}
        description={t("roleHint")}
        data={[
          { value: "consumer", label: t("roles.consumer") },
          { value: "admin", label: t("roles.admin") },
        ]}
        error={wrong("role")}
      />
      <Button type="submit" loading={busy}>
        {t("addNow")}
      </Button>
    </form>
  );
}
