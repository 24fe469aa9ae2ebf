import { Button, NativeSelect, TextInput } from "@mantine/core";
import type { SubmitEvent } from "react";
import { updateUser } from "../../api/admin";
import type { Person, PersonPatch } from "../../api/admin-types";
import { LANGUAGES, languageNames } from "../../text/language";
import { useText } from "../../text/text";
import css from "./admin.module.css";
import { ProblemLine, problemsOf } from "./problem";
import { SavedLine } from "./saved-line";
import { useChange } from "./use-change";
import "../../text/manage";

const FIELDS = ["name", "role", "language"] as const;

export function PersonProfile({ person }: { person: Person }) {
  const { t } = useText("people");
  const { change, busy, error, saved } = useChange(
    (body: PersonPatch) => updateUser(person.id, body),
    [["people"]],
  );
  const { wrong, rest } = problemsOf(error, FIELDS);
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    change({
      name: text("name") || null,
      role: text("role") === "admin" ? "admin" : "consumer",
      language: LANGUAGES.find((one) => one === text("language")) ?? null,
    });
  };
  return (
    <section className={`panel ${css.card}`} aria-labelledby="person-profile">
      <h2 id="person-profile">{t("profile")}</h2>
      <form className={css.form} onSubmit={submit}>
        <ProblemLine text={rest} />
        <TextInput
          name="name"
          label={t("name")}
          defaultValue={person.name ?? ""}
          maxLength={80}
          error={wrong("name")}
        />
        <div className={css.pair}>
          <NativeSelect
            name="role"
            label={t("role")}
            defaultValue={person.role}
            data={[
              { value: "consumer", label: t("roles.consumer") },
              { value: "admin", label: t("roles.admin") },
            ]}
            error={wrong("role")}
          />
          <NativeSelect
            name="language"
            label={t("language")}
            defaultValue={person.language ?? ""}
            data={[
              { value: "", label: t("languageNone") },
              ...LANGUAGES.map((value) => ({ value, label: languageNames[value] })),
            ]}
            error={wrong("language")}
          />
        </div>
        <div className={css.actions}>
          <Button type="submit" loading={busy}>
            {t("common:save")}
          </Button>
          <SavedLine saved={saved} />
        </div>
      </form>
    </section>
  );
}
