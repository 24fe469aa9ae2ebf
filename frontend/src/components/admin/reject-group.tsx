import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { findDevice } from "../../api/admin";
import type { Reject } from "../../api/types";
import { dateTime, plainWords, whole } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { mendOf, type RejectGroup } from "../../lib/rejects";
import { codeWords, useText } from "../../text/text";
import { Icon } from "../icon";
import css from "./admin.module.css";
import "../../text/manage";

const SHOWN = 20;

/** Whether somebody has added the meter since, and in which state it is. */
function useKnown(id: string | null) {
  return useQuery({
    queryKey: ["devices", "known", id],
    enabled: id !== null,
    queryFn: async ({ signal }) => {
      const device = await findDevice(id ?? "", signal);
      if (!device) return "absent";
      return device.revoked ? "revoked" : device.disabled ? "disabled" : "there";
    },
  });
}

interface GroupProps {
  group: RejectGroup;
  onAdd: (deviceId: string) => void;
}

/** What to do about it, with the button that does it where there is one. */
function Mend({ group, onAdd }: GroupProps) {
  const { t } = useText("reject");
  const { reason, deviceId } = group;
  const mend = mendOf(reason);
  const known = useKnown(mend === "add" ? deviceId : null).data;
  if (mend !== "add" || deviceId === null) return <p>{t(`mend.${mend === "add" ? "sender" : mend}`)}</p>;
  if (known === undefined) return null;
  return (
    <div className={css.actions}>
      <p className={css.grow}>{t(`known.${known}`)}</p>
      {known === "absent" ? (
        <Button leftSection={<Icon name="plus" size={18} />} onClick={() => onAdd(deviceId)}>
          {t("addThis")}
        </Button>
      ) : (
        <Button variant="default" component={Link} href={`/devices/${deviceId}`}>
          {t("toMeter")}
        </Button>
      )}
    </div>
  );
}

/** One thing to mend: how often, since when, what came, and what helps. */
export function RejectGroupCard({ group, onAdd }: GroupProps) {
  const { t } = useText("reject");
  const { locale, timezone } = usePlace();
  const { reason, deviceId, count, rejects } = group;
  const newest = rejects[0];
  const topic = newest?.topic ?? "";
  return (
    <article className={`panel ${css.card} ${css.group}`}>
      <div className={css.summary}>
        <h2>{codeWords("reject", "reason", reason) ?? plainWords(reason)}</h2>
        <span className={css.subject}>
          {deviceId && mendOf(reason) !== "add" ? (
            <Link href={`/devices/${deviceId}`}>{deviceId}</Link>
          ) : (
            <span>{deviceId ?? topic}</span>
          )}
        </span>
        <span className="soft num">{t("times", { count, n: whole(count, locale) })}</span>
        {newest && (
          <time className={css.time} dateTime={newest.at}>
            {t("last", { at: dateTime(newest.at, timezone, locale) })}
          </time>
        )}
      </div>
      {newest?.detail && <p className="soft">{newest.detail}</p>}
      <Mend group={group} onAdd={onAdd} />
      <details>
        <summary>{t("messages")}</summary>
        <ul className={css.stack}>
          {rejects.slice(0, SHOWN).map((reject, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: messages have no key of their own
            <li key={`${reject.at} ${place}`}>
              <RejectMessage reject={reject} />
            </li>
          ))}
        </ul>
        {rejects.length > SHOWN && (
          <p className="soft">{t("newest", { shown: SHOWN, all: whole(count, locale) })}</p>
        )}
      </details>
    </article>
  );
}

function RejectMessage({ reject }: { reject: Reject }) {
  const { t } = useText("reject");
  const { locale, timezone } = usePlace();
  const { at, topic, detail, payload, payload_encoding, payload_bytes } = reject;
  return (
    <div>
      <p className="soft">
        <small>
          {dateTime(at, timezone, locale)} · {topic} · {t("bytes", { count: payload_bytes })}
          {payload_encoding === "base64" && t("base64")}
          {detail && ` · ${detail}`}
        </small>
      </p>
      <pre className={css.payload}>{payload === "" ? t("empty") : payload}</pre>
    </div>
  );
}
