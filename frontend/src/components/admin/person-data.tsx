import { Button } from "@mantine/core";
import { useState } from "react";
import { useLocation } from "wouter";
import { erasePerson, exportPerson } from "../../api/admin";
import type { Person } from "../../api/admin-types";
import { saveFile } from "../../lib/save-file";
import { useText } from "../../text/text";
import css from "./admin.module.css";
import { ProblemLine, problemsOf } from "./problem";
import { TypedConfirm } from "./typed-confirm";
import { useChange } from "./use-change";
import "../../text/manage";

/** What is held about somebody, as a file; and its end, with what has to stay said before. */
export function PersonData({ person, own }: { person: Person; own: boolean }) {
  const { t } = useText("people");
  const [, navigate] = useLocation();
  const [asking, setAsking] = useState(false);
  const take = useChange(
    () => exportPerson(person.id),
    [],
    (file) => saveFile(file, `${person.email}.json`),
  );
  const erase = useChange(
    () => erasePerson(person.id),
    [["people"], ["devices"], ["accounts"]],
    () => navigate("/people"),
  );
  const parts = (group: "goes" | "stays", keys: readonly string[]) => (
    <ul className={css.reasons}>
      {keys.map((key) => (
        <li key={key}>{t(`${group}.${key}` as "goes.name")}</li>
      ))}
    </ul>
  );
  return (
    <section className={`panel ${css.card} ${css.danger}`} aria-labelledby="person-data">
      <h2 id="person-data">{t("data")}</h2>
      <ul className={css.list}>
        <li>
          <span className={css.grow}>{t("exportWhy")}</span>
          <Button variant="default" loading={take.busy} onClick={() => take.change(undefined)}>
            {t("export")}
          </Button>
        </li>
        <li>
          <span className={css.grow}>{t(own ? "eraseOwn" : "eraseWhy")}</span>
          <Button variant="default" color="red" disabled={own} onClick={() => setAsking(true)}>
            {t("erase")}
          </Button>
        </li>
      </ul>
      <ProblemLine text={problemsOf(take.error, []).rest} />
      <TypedConfirm
        opened={asking}
        title={t("eraseTitle", { who: person.name ?? person.email })}
        word={person.email}
        action={t("erase")}
        busy={erase.busy}
        problem={problemsOf(erase.error, []).rest}
        onConfirm={() => erase.change(undefined)}
        onClose={() => setAsking(false)}
      >
        <div>
          <p>{t("goesTitle")}</p>
          {parts("goes", ["name", "login", "accounts", "notes"])}
        </div>
        <div>
          <p>{t("staysTitle")}</p>
          {parts("stays", ["invoices", "readings", "audit"])}
        </div>
        <p className="soft">{t("eraseFirst")}</p>
      </TypedConfirm>
    </section>
  );
}
