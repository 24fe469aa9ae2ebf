import type { Person } from "../../api/admin-types";
import { personState } from "../../lib/people";
import { useText } from "../../text/text";
import css from "./admin.module.css";
import "../../text/manage";

const tones = { active: undefined, waiting: "warn", disabled: "bad", erased: "bad" } as const;

export function PersonTags({ person }: { person: Person }) {
  const { t } = useText("people");
  const state = personState(person);
  return (
    <span className={css.tag} data-tone={tones[state]}>
      {t(`states.${state}`)}
    </span>
  );
}
