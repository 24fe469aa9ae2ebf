import { Button } from "@mantine/core";
import { useState } from "react";
import { resumeRelease } from "../../api/admin";
import type { FirmwareRelease } from "../../api/admin-types";
import { dateTime, whole } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { useText } from "../../text/text";
import { Figure } from "../figure";
import css from "./admin.module.css";
import { HaltRelease } from "./halt-release";
import { ProblemLine, problemsOf } from "./problem";
import { ReleaseMeters } from "./release-meters";
import { useChange } from "./use-change";
import "../../text/manage";

const tones = { active: undefined, halted: "bad", superseded: "warn", expired: "warn" } as const;
const KIB = 1024;

export function ReleaseCard({ release }: { release: FirmwareRelease }) {
  const { t } = useText("firmware");
  const { timezone, locale } = usePlace();
  const [shown, setShown] = useState(false);
  const { no, version, hardware, state, reason, stages, stage_percent, meters } = release;
  const resume = useChange(() => resumeRelease(no), [["firmware"]]);
  const at = (instant: string) => dateTime(instant, timezone, locale);
  const share = (percent: number) => `${whole(percent, locale)} %`;
  const name = t("releaseOf", { version, hardware });
  return (
    <article className={`panel ${css.card}`} aria-label={name}>
      <div className={css.head}>
        <h2>
          {name}
          <span className={css.tag} data-tone={tones[state]}>
            {t(`states.${state}`)}
          </span>
        </h2>
        <div className={css.actions}>
          {state === "active" && <HaltRelease release={release} />}
          {state === "halted" && (
            <Button
              variant="default"
              size="xs"
              loading={resume.busy}
              aria-label={t("resumeOne", { version })}
              onClick={() => resume.change(undefined)}
            >
              {t("resume")}
            </Button>
          )}
        </div>
      </div>
      {reason && <p>{reason}</p>}
      <ProblemLine text={problemsOf(resume.error, []).rest} />
      <dl className={css.facts}>
        <Figure
          name={t("stage")}
          value={t("stageOf", { percent: share(stage_percent) })}
          note={stages.map(share).join(" → ")}
        />
        <Figure name={t("cohort")} value={release.cohort} />
        <Figure name={t("published")} value={at(release.published_at)} />
        <Figure name={t("expires")} value={at(release.expires_at)} />
        <Figure name={t("size")} value={t("kib", { count: Math.ceil(release.size / KIB) })} />
        <Figure name={t("key")} value={release.key} />
      </dl>
      <h3>{t("progress")}</h3>
      <dl className={css.counts}>
        {(["offered", "taken", "confirmed", "failed", "refused"] as const).map((step) => (
          <Figure key={step} name={t(`meterStates.${step}`)} value={whole(meters[step], locale)} />
        ))}
      </dl>
      <details onToggle={(event) => setShown(event.currentTarget.open)}>
        <summary>{t("showMeters")}</summary>
        {shown && <ReleaseMeters no={no} />}
      </details>
    </article>
  );
}
