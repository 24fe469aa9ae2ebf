import { Button, Skeleton } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { endSession } from "../api/endpoints";
import { useSessions } from "../api/queries";
import type { SessionEntry } from "../api/types";
import { dateTime } from "../lib/format";
import { useNow, usePlace } from "../lib/hooks";
import { ago } from "../lib/staleness";
import css from "../pages/profile.module.css";
import { useText } from "../text/text";
import { Failure } from "./notice";
import "../text/later";

interface SessionProps {
  session: SessionEntry;
  busy: boolean;
  onEnd: () => void;
}

function Session({ session, busy, onEnd }: SessionProps) {
  const { t } = useText("profile");
  const { locale, timezone } = usePlace();
  const now = useNow(60_000);
  const began = dateTime(session.began_at, timezone, locale);
  return (
    <li className={css.session}>
      <div>
        <p>
          {t("began", { at: began })}
          {session.current && <span className={css.this}>{t("thisOne")}</span>}
        </p>
        <p className="soft">{t("lastUsed", { ago: ago(Date.parse(session.renewed_at), now) })}</p>
      </div>
      {!session.current && (
        <Button
          variant="default"
          size="sm"
          disabled={busy}
          aria-label={t("endOf", { at: began })}
          onClick={onEnd}
        >
          {t("end")}
        </Button>
      )}
    </li>
  );
}

/** One's own sessions, the latest first: a device that is lost or lent can be signed out from here. */
export function SessionList() {
  const { t } = useText("profile");
  const client = useQueryClient();
  const { data, error, refetch } = useSessions();
  const ending = useMutation({
    mutationFn: (ids: string[]) => Promise.all(ids.map(endSession)),
    onSettled: () => client.invalidateQueries({ queryKey: ["sessions"] }),
  });
  const others = data?.sessions.filter(({ current }) => !current) ?? [];
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">{t("sessions")}</h2>
      <p className={`soft ${css.hint}`}>{t("sessionsHint")}</p>
      {error && !data && <Failure what={t("sessionsFailed")} error={error} onRetry={() => void refetch()} />}
      {ending.error && <Failure what={t("endFailed")} error={ending.error} />}
      {!data && !error && <Skeleton height={140} radius={14} aria-label={t("sessionsLoading")} />}
      {data && (
        <ul className={`panel ${css.sessions}`}>
          {data.sessions.map((session) => (
            <Session
              key={session.id}
              session={session}
              busy={ending.isPending}
              onEnd={() => ending.mutate([session.id])}
            />
          ))}
        </ul>
      )}
      {others.length > 1 && (
        <Button
          variant="default"
          mt="md"
          loading={ending.isPending}
          onClick={() => ending.mutate(others.map(({ id }) => id))}
        >
          {t("endOthers")}
        </Button>
      )}
    </section>
  );
}
