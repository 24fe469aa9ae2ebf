import { Button } from "@mantine/core";
import { useState } from "react";
import { createResetLink, updateUser } from "../../api/admin";
import type { PasswordLink, Person } from "../../api/admin-types";
import { personState } from "../../lib/people";
import { useText } from "../../text/text";
import { Dialog } from "../dialog";
import css from "./admin.module.css";
import { LinkShown } from "./link-shown";
import { ProblemLine, problemsOf } from "./problem";
import { useChange } from "./use-change";
import "../../text/manage";

/** The way in: a link for a new password, and shutting or opening the door. */
export function PersonAccess({ person, own }: { person: Person; own: boolean }) {
  const { t } = useText("people");
  const { id, disabled } = person;
  const [link, setLink] = useState<PasswordLink | null>(null);
  const make = useChange(() => createResetLink(id), [["people"]], setLink);
  const toggle = useChange(() => updateUser(id, { disabled: !disabled }), [["people"]]);
  const who = person.name ?? person.email;
  const state = personState(person);
  return (
    <section className={`panel ${css.card}`} aria-labelledby="person-access">
      <h2 id="person-access">{t("access")}</h2>
      <p className="soft">
        {t(`access_${state}`)} {person.must_change_password && state === "active" && t("mustChange")}
      </p>
      <ul className={css.list}>
        <li>
          <span className={css.grow}>{t("resetWhy")}</span>
          <Button
            variant="default"
            loading={make.busy}
            disabled={disabled}
            onClick={() => make.change(undefined)}
          >
            {t("reset")}
          </Button>
        </li>
        <li>
          <span className={css.grow}>{t(own ? "disableOwn" : disabled ? "enableWhy" : "disableWhy")}</span>
          <Button
            variant="default"
            loading={toggle.busy}
            disabled={own}
            onClick={() => toggle.change(undefined)}
          >
            {t(disabled ? "enable" : "disable")}
          </Button>
        </li>
      </ul>
      <ProblemLine text={problemsOf(make.error ?? toggle.error, []).rest} />
      <Dialog opened={link !== null} title={t("resetFor", { who })} onClose={() => setLink(null)} held>
        {link && <LinkShown link={link} who={who} onDone={() => setLink(null)} />}
      </Dialog>
    </section>
  );
}
