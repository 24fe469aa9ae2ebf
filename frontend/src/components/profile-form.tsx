import { Button, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { SubmitEvent } from "react";
import { updateMe } from "../api/endpoints";
import { ApiError } from "../api/http";
import { updateUser } from "../api/session";
import type { User } from "../api/types";
import css from "../pages/profile.module.css";
import { useText } from "../text/text";
import { explain } from "./notice";
import "../text/later";

export function ProfileForm({ user }: { user: User }) {
  const { t } = useText("profile");
  const { mutate, isPending, isSuccess, error } = useMutation({
    mutationFn: updateMe,
    onSuccess: ({ name }) => updateUser({ name: name ?? "" }),
  });
  const said = error instanceof ApiError ? error.problem?.errors?.[0]?.message : undefined;
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("name")).trim();
    mutate({ name: name || null });
  };
  return (
    <section aria-labelledby="you">
      <h2 id="you">{t("you")}</h2>
      <form className={`panel ${css.form}`} onSubmit={submit}>
        <TextInput
          name="name"
          label={t("name")}
          description={t("nameHint")}
          autoComplete="name"
          maxLength={80}
          defaultValue={user.name}
          error={error && (said ?? explain(error))}
        />
        <TextInput label={t("email")} description={t("emailHint")} value={user.email} readOnly />
        <div className={css.foot}>
          <Button type="submit" loading={isPending}>
            {t("common:save")}
          </Button>
          <output>{isSuccess && t("common:saved")}</output>
        </div>
      </form>
    </section>
  );
}
