import { Button, Skeleton } from "@mantine/core";
import { endUserSession } from "../../api/admin";
import { useSessionsOf } from "../../api/admin-queries";
import type { SessionEntry } from "../../api/admin-types";
import { dateTime } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { useText } from "../../text/text";
import { Failure } from "../notice";
import css from "./admin.module.css";
import { ProblemLine, problemsOf } from "./problem";
import { useChange } from "./use-change";
import "../../text/manage";

export function PersonSessions({ id }: { id: string }) {
  const { t } = useText("people");
  const { data, error, refetch } = useSessionsOf(id);
  return (
    <section className={`panel ${css.card}`} aria-labelledby="person-sessions">
      <h2 id="person-sessions">{t("sessions")}</h2>
      {error && <Failure what={t("sessionsFailed")} error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={56} radius={10} />}
      {data?.length === 0 && <p className="soft">{t("noSessions")}</p>}
      {data && data.length > 0 && (
        <ul className={css.list}>
          {data.map((session) => (
            <SessionRow key={session.id} id={id} session={session} />
          ))}
        </ul>
      )}
    </section>
  );
}

function SessionRow({ id, session }: { id: string; session: SessionEntry }) {
  const { t } = useText("people");
  const { timezone, locale } = usePlace();
  const { change, busy, error } = useChange(
    () => endUserSession(id, session.id),
    [["people", id, "sessions"]],
  );
  const began = dateTime(session.began_at, timezone, locale);
  return (
    <li>
      <span className={css.grow}>
        {t("began", { at: began })}
        {session.current && <span className={css.tag}>{t("current")}</span>}
        <small>{t("renewed", { at: dateTime(session.renewed_at, timezone, locale) })}</small>
        <ProblemLine text={problemsOf(error, []).rest} />
      </span>
      <Button
        variant="default"
        size="xs"
        loading={busy}
        disabled={session.current}
        aria-label={t("endOne", { at: began })}
        onClick={() => change(undefined)}
      >
        {t("end")}
      </Button>
    </li>
  );
}
