import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useEffect, useRef, useState } from "react";
import { setThresholds } from "../../api/alerts";
import type { AlertKind, AlertLimits, Thresholds } from "../../api/types";
import { ALERT_KINDS } from "../../lib/alerts";
import { draftOf, LIMIT_FIELDS, type LimitsDraft, limitsOf } from "../../lib/limits";
import { useText } from "../../text/text";
import { ProblemLine, problemsOf } from "../admin/problem";
import css from "./alerts.module.css";
import { LimitKind } from "./limit-kind";

const paths = ALERT_KINDS.flatMap((kind) => LIMIT_FIELDS[kind].map(({ name }) => `${kind}.${name}`));
const inBody = paths.map((path) => `thresholds.${path}`);

/** Fields that are empty have what holds otherwise; what the server says of one stands at it, and what was typed stays. */
export function LimitsForm({ thresholds, admin }: { thresholds: Thresholds; admin: boolean }) {
  const { t } = useText("limits");
  const client = useQueryClient();
  const { device_id, given, otherwise } = thresholds;
  const [draft, setDraft] = useState(() => draftOf(given, otherwise));
  const [odd, setOdd] = useState<ReadonlySet<string>>(new Set());
  /** Changed since the server spoke of them. */
  const [edited, setEdited] = useState<ReadonlySet<string>>(new Set());
  const form = useRef<HTMLFormElement>(null);
  const { mutate, isPending, isSuccess, error, reset } = useMutation({
    mutationFn: (limits: AlertLimits) => setThresholds(device_id, limits),
    onSuccess: (fresh) => {
      client.setQueryData(["thresholds", device_id], fresh);
      setDraft(draftOf(fresh.given, fresh.otherwise));
    },
  });
  const { wrong, rest } = problemsOf(error, inBody);
  const faultAt = (path: string) =>
    odd.has(path) ? "" : edited.has(path) ? undefined : wrong(`thresholds.${path}`);
  const faults = paths.filter((path) => faultAt(path) !== undefined).length;
  const looked = useRef(0);
  useEffect(() => {
    // Once a save was refused: to the first field that it was refused for.
    if (faults > 0 && looked.current === 0)
      form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
    looked.current = faults;
  }, [faults]);

  const edit = (path: string, change: (draft: LimitsDraft) => LimitsDraft) => {
    if (isSuccess) reset();
    setDraft(change);
    setEdited(new Set(edited).add(path));
    if (odd.has(path)) setOdd(new Set([...odd].filter((other) => other !== path)));
  };
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const told = limitsOf(draft, otherwise);
    setOdd(told.faults);
    setEdited(new Set());
    looked.current = 0;
    if (told.faults.size > 0) reset();
    else mutate(told.limits);
  };
  const switchOn = (kind: AlertKind, on: boolean) =>
    edit(kind, (before) => ({ ...before, on: { ...before.on, [kind]: on } }));
  const type = (path: string, text: string) =>
    edit(path, (before) => ({ ...before, text: { ...before.text, [path]: text } }));

  return (
    <form ref={form} className={css.part} onSubmit={submit} noValidate aria-labelledby="limits">
      <div className={css.limits}>
        {ALERT_KINDS.map((kind) => (
          <LimitKind
            key={kind}
            kind={kind}
            draft={draft}
            thresholds={thresholds}
            admin={admin}
            faultAt={faultAt}
            onSwitch={(on) => switchOn(kind, on)}
            onType={type}
          />
        ))}
      </div>
      {faults > 0 && <ProblemLine text={t("lookAgain", { count: faults })} />}
      <ProblemLine text={rest} />
      <div className={css.foot}>
        <Button type="submit" loading={isPending}>
          {t("save")}
        </Button>
        <Button
          variant="default"
          onClick={() => {
            reset();
            setOdd(new Set());
            setDraft(draftOf({}, otherwise));
          }}
        >
          {t("defaults")}
        </Button>
        <output>{isSuccess && t("common:saved")}</output>
      </div>
    </form>
  );
}
