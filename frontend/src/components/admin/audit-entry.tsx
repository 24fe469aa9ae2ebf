import { Link } from "wouter";
import type { AuditEntry } from "../../api/admin-types";
import { actorKind, detailLine, detailRows } from "../../lib/audit";
import { dateTime, plainWords } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { codeWords, useText } from "../../text/text";
import css from "./admin.module.css";
import "../../text/manage";

/** `device.change` in words; a new one that has none stands as it is. */
export function actionWords(action: string): string {
  return (
    codeWords("audit", "actions", action.replaceAll(".", "_")) ?? plainWords(action.replaceAll(".", " "))
  );
}

type Names = ReadonlyMap<string, string>;

function Actor({ actor, names }: { actor: string; names: Names }) {
  const { t } = useText("audit");
  const kind = actorKind(actor);
  if (kind === "server") return t("byServer");
  if (kind === "cli") return t("byOperator");
  if (kind === "key") return t("byKey", { key: actor.slice(4) });
  return <Link href={`/people/${actor}`}>{names.get(actor) ?? actor}</Link>;
}

/** One line, and behind it all that the log has of it. */
export function AuditEntryRow({ entry, names }: { entry: AuditEntry; names: Names }) {
  const { t } = useText("audit");
  const { timezone, locale } = usePlace();
  const { no, at, actor, action, subject, detail, hash } = entry;
  return (
    <details className={`panel ${css.entry}`}>
      <summary className={css.summary}>
        <strong>{actionWords(action)}</strong>
        <span className={css.subject}>{names.get(subject) ?? subject}</span>
        <time className={css.time} dateTime={at}>
          {dateTime(at, timezone, locale)}
        </time>
        <span className={`${css.line} ${css.whole}`}>{detailLine(detail)}</span>
      </summary>
      <dl className={css.details}>
        <dt>{t("who")}</dt>
        <dd>
          <Actor actor={actor} names={names} />
        </dd>
        {detailRows(detail).map(({ path, value }) => (
          <Row key={path} name={path} value={value} />
        ))}
        <Row name={t("action")} value={action} />
        <Row name={t("no")} value={String(no)} />
        <Row name={t("hash")} value={hash} />
      </dl>
    </details>
  );
}

function Row({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
