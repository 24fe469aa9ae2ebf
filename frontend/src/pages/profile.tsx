import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { changePassword } from "../api/endpoints";
import { renew } from "../api/session";
import Notifications from "../components/alerts/notifications";
import { PasswordForm } from "../components/password-form";
import { ProfileForm } from "../components/profile-form";
import { ProfileLooks } from "../components/profile-looks";
import { SessionList } from "../components/session-list";
import { useTitle, useUser } from "../lib/hooks";
import { useText } from "../text/text";
import css from "./profile.module.css";
import "../text/later";

/** What people look after themselves: name, language, colours, how they hear of alerts, password, sessions. */
export default function ProfilePage() {
  const { t } = useText("profile");
  useTitle(t("title"));
  const user = useUser();
  const client = useQueryClient();
  const [changes, setChanges] = useState(0);
  const save = async (fresh: string, current: string) => {
    await changePassword({ current, new: fresh });
    await renew();
    setChanges(changes + 1);
    void client.invalidateQueries({ queryKey: ["sessions"] });
  };
  return (
    <>
      <h1 className={css.title}>{t("title")}</h1>
      <div className={css.columns}>
        <div className={css.column}>
          <ProfileForm user={user} />
          <ProfileLooks user={user} />
          <Notifications />
        </div>
        <div className={css.column}>
          <section aria-labelledby="password">
            <h2 id="password">{t("password")}</h2>
            {changes > 0 && <output className={css.done}>{t("passwordSaved")}</output>}
            {/* A new form: what was typed is not kept. */}
            <PasswordForm key={changes} current onSave={save} />
          </section>
          <SessionList />
        </div>
      </div>
    </>
  );
}
