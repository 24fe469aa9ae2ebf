import { SegmentedControl, Skeleton } from "@mantine/core";
import { useState } from "react";
import { useRejects } from "../api/queries";
import type { Reject } from "../api/types";
import { Failure, Notice } from "../components/notice";
import { dateTime, plainWords } from "../lib/format";
import { usePlace, useTitle } from "../lib/hooks";
import { codeWords, useText } from "../text/text";
import css from "./admin.module.css";

const spans = [
  ["24", "hours24"],
  ["168", "days7"],
  ["720", "days30"],
] as const;
const ROWS = 200;

function RejectEntry({ reject }: { reject: Reject }) {
  const { t } = useText("reject");
  const { locale, timezone } = usePlace();
  const { at, topic, reason, detail, payload, payload_encoding, payload_bytes } = reject;
  return (
    <li className={`panel ${css.reject}`}>
      <div className={css.rejectHead}>
        <span className={css.reason}>{codeWords("reject", "reason", reason) ?? plainWords(reason)}</span>
        <span className={`soft ${css.topic}`}>{topic}</span>
        <time className={css.time} dateTime={at}>
          {dateTime(at, timezone, locale)}
        </time>
      </div>
      {detail && <p>{detail}</p>}
      <pre className={css.payload}>{payload === "" ? t("empty") : payload}</pre>
      <p className="soft">
        <small>
          {t("bytes", { count: payload_bytes })}
          {payload_encoding === "base64" && t("base64")}
        </small>
      </p>
    </li>
  );
}

export default function RejectsPage() {
  const { t } = useText("reject");
  useTitle(t("title"));
  const [hours, setHours] = useState("24");
  const { rejects, error, refetch, hasNextPage } = useRejects(Number(hours));
  // New ones come at the end, so a place counted from the oldest stays the same.
  const entries = rejects?.map((reject, place) => ({ reject, key: `${reject.at} ${place}` }));
  const newest = entries?.toReversed().slice(0, ROWS);
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>{t("title")}</h1>
          <p className="soft">{t("motto")}</p>
        </div>
        <SegmentedControl
          data={spans.map(([value, key]) => ({ value, label: t(key) }))}
          value={hours}
          onChange={setHours}
          aria-label={t("span")}
        />
      </div>
      {error && !rejects && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
      {!rejects && !error && <Skeleton height={320} radius={14} />}
      {rejects?.length === 0 && (
        <Notice icon="empty" title={t("none")}>
          {t("noneHint")}
        </Notice>
      )}
      <ul className={css.stack}>
        {newest?.map(({ reject, key }) => (
          <RejectEntry key={key} reject={reject} />
        ))}
      </ul>
      {rejects && (rejects.length > ROWS || hasNextPage) && (
        <p className={css.more}>
          {hasNextPage
            ? t("moreThan", { count: rejects.length })
            : t("newest", { shown: ROWS, all: rejects.length })}
        </p>
      )}
    </>
  );
}
