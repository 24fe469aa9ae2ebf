import { Skeleton } from "@mantine/core";
import { Link } from "wouter";
import { usePerson } from "../api/admin-queries";
import { ApiError } from "../api/http";
import css from "../components/admin/admin.module.css";
import { PersonAccess } from "../components/admin/person-access";
import { PersonData } from "../components/admin/person-data";
import { PersonProfile } from "../components/admin/person-profile";
import { PersonSessions } from "../components/admin/person-sessions";
import { PersonTags } from "../components/admin/person-tags";
import { Icon } from "../components/icon";
import { Failure, Notice } from "../components/notice";
import { useTitle, useUser } from "../lib/hooks";
import { personState } from "../lib/people";
import { useText } from "../text/text";
import "../text/manage";

export default function PersonPage({ id }: { id: string }) {
  const { t } = useText("people");
  const { data: person, error, refetch } = usePerson(id);
  const own = useUser().id === id;
  const who = person?.name ?? person?.email ?? "";
  useTitle(who || t("title"));
  const gone = error instanceof ApiError && error.status === 404;
  return (
    <>
      <Link href="/people" className={css.back}>
        <Icon name="back" size={18} /> {t("all")}
      </Link>
      {gone && (
        <Notice icon="empty" title={t("noSuch")}>
          {t("noSuchHint")}
        </Notice>
      )}
      {error && !gone && !person && (
        <Failure what={t("oneFailed")} error={error} onRetry={() => void refetch()} />
      )}
      {!person && !error && (
        <div role="status" aria-busy="true" aria-label={t("common:loading")} className={css.columns}>
          <Skeleton height={240} radius={14} />
          <Skeleton height={240} radius={14} />
        </div>
      )}
      {person && (
        <>
          <div className={css.head}>
            <div>
              <h1>
                {who} <PersonTags person={person} />
              </h1>
              {person.name && <p className="soft">{person.email}</p>}
            </div>
          </div>
          {personState(person) === "erased" ? (
            <Notice icon="user" title={t("erasedTitle")}>
              {t("erasedHint")}
            </Notice>
          ) : (
            <div className={css.columns}>
              <PersonProfile person={person} />
              <PersonAccess person={person} own={own} />
              <PersonSessions id={id} />
              <PersonData person={person} own={own} />
            </div>
          )}
        </>
      )}
    </>
  );
}
