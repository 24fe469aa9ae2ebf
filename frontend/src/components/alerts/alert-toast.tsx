import { CloseButton } from "@mantine/core";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import type { Alert } from "../../api/types";
import { alertSentence, alertTitle } from "../../lib/alerts";
import { usePlace } from "../../lib/hooks";
import "../../text/alerts";
import { useText } from "../../text/text";
import css from "./alerts.module.css";
import { MeterName } from "./meter-name";

const STAYS_MS = 12_000;

/** Says what was raised, and goes by itself; who points at it, or is in it by keys, keeps it. */
export default function AlertToast({ alerts, onDone }: { alerts: readonly Alert[]; onDone: () => void }) {
  const { t } = useText("alerts");
  const place = usePlace();
  const [held, setHeld] = useState(false);
  const newest = alerts.at(-1);
  useEffect(() => {
    if (held || !newest) return;
    const timer = setTimeout(onDone, STAYS_MS);
    return () => clearTimeout(timer);
  }, [held, newest, onDone]);
  if (!newest) return null;
  const many = alerts.length > 1;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only stays longer
    <div
      className={css.toast}
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <div className={css.toastText}>
        <p className={css.kind}>
          {many ? t("toast.many", { count: alerts.length }) : alertTitle(newest.kind)}
        </p>
        <p>
          {many && `${alertTitle(newest.kind)} · `}
          <MeterName alert={newest} />
        </p>
        {!many && <p className="soft">{alertSentence(newest, place)}</p>}
        <Link href="/alerts" onClick={onDone}>
          {t(many ? "toast.lookMany" : "toast.look")}
        </Link>
      </div>
      <CloseButton aria-label={t("common:close")} onClick={onDone} />
    </div>
  );
}
