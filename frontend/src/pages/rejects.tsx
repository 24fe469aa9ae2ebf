import { SegmentedControl, Skeleton } from "@mantine/core";
import { useState } from "react";
import { useRejects } from "../api/queries";
import type { Reject } from "../api/types";
import { Failure, Notice } from "../components/notice";
import { dateTime, plainWords } from "../lib/format";
import { usePlace, useTitle } from "../lib/hooks";
import css from "./admin.module.css";

const spans = [
  { value: "24", label: "24 hours" },
  { value: "168", label: "7 days" },
  { value: "720", label: "30 days" },
];
const ROWS = 200;

function RejectEntry({ reject }: { reject: Reject }) {
  const { locale, timezone } = usePlace();
  const { at, topic, reason, detail, payload, payload_encoding, payload_bytes } = reject;
  return (
    <li className={`panel ${css.reject}`}>
      <div className={css.rejectHead}>
        <span className={css.reason}>{plainWords(reason)}</span>
        <span className={`soft ${css.topic}`}>{topic}</span>
        <time className={css.time} dateTime={at}>
          {dateTime(at, timezone, locale)}
        </time>
      </div>
      {detail && <p>{detail}</p>}
      <pre className={css.payload}>{payload === "" ? "(empty)" : payload}</pre>
      <p className="soft">
        <small>
          {payload_bytes} byte{payload_bytes === 1 ? "" : "s"}
          {payload_encoding === "base64" && ", shown as base64: not text"}
        </small>
      </p>
    </li>
  );
}

export default function RejectsPage() {
  useTitle("Refused messages");
  const [hours, setHours] = useState("24");
  const { rejects, error, refetch, hasNextPage } = useRejects(Number(hours));
  // New ones come at the end, so a place counted from the oldest stays the same.
  const entries = rejects?.map((reject, place) => ({ reject, key: `${reject.at} ${place}` }));
  const newest = entries?.toReversed().slice(0, ROWS);
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>Refused messages</h1>
          <p className="soft">What came in and could not be taken, newest first.</p>
        </div>
        <SegmentedControl data={spans} value={hours} onChange={setHours} aria-label="Time span" />
      </div>
      {error && !rejects && (
        <Failure
          what="The refused messages could not be loaded"
          error={error}
          onRetry={() => void refetch()}
        />
      )}
      {!rejects && !error && <Skeleton height={320} radius={14} />}
      {rejects?.length === 0 && (
        <Notice icon="empty" title="Nothing was refused">
          Every message of this time was taken.
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
            ? `More than ${rejects.length} were refused. Choose a shorter time to see the newest.`
            : `The newest ${ROWS} of ${rejects.length} are shown.`}
        </p>
      )}
    </>
  );
}
