import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { ApiError } from "../../api/http";
import { addTariff } from "../../api/office";
import type { NewTariff, RebillEffects, TariffVersion } from "../../api/types";
import { longDate } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { useText } from "../../text/text";
import { Effects } from "./effects";
import css from "./office.module.css";
import { Trouble } from "./parts";

const PAUSE_MS = 1500;
const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/** Asks the same until it is done: looking at a town's invoices takes the server a while. */
async function untilDone(tariff: NewTariff, confirm: string | undefined, onProgress: (n: number) => void) {
  for (;;) {
    const answer = await addTariff(tariff, confirm);
    if (!("state" in answer)) return answer;
    onProgress(answer.invoices);
    await pause();
  }
}

/** It would change issued months, and nobody has agreed to that yet. */
const touchesIssued = (error: Error | null) =>
  error instanceof ApiError && error.status === 409 && (error.problem?.errors ?? []).length <= 1;

interface SaveProps {
  tariff: NewTariff;
  /** False: there are faults, which `onSend` shows. */
  onSend: () => boolean;
  onRefused: (error: ApiError) => void;
}

/** Adds the draft; where it touches issued months, only after its effects were looked at and agreed to. */
export function SaveTariff({ tariff, onSend, onRefused }: SaveProps) {
  const { t } = useText("editor");
  const client = useQueryClient();
  const [looked, setLooked] = useState(0);
  const [effects, setEffects] = useState<{ of: NewTariff; told: RebillEffects } | null>(null);
  const { mutate, data, isPending, error, variables, reset } = useMutation<
    TariffVersion | RebillEffects,
    Error,
    { rebill: boolean; confirm?: string }
  >({
    mutationFn: ({ rebill, confirm }) => untilDone({ ...tariff, rebill }, confirm, setLooked),
    onSuccess: (answer) => {
      if ("confirm" in answer) setEffects({ of: tariff, told: answer });
      else void client.invalidateQueries({ queryKey: ["tariffs"] });
    },
    onError: (refusal) => {
      if (refusal instanceof ApiError && refusal.status === 422) onRefused(refusal);
    },
  });
  const send = (wish: { rebill: boolean; confirm?: string }) => {
    setLooked(0);
    if (onSend()) mutate(wish);
    else reset();
  };
  if (data && "version" in data) return <Added version={data} from={tariff.effective_from} />;
  const asked = touchesIssued(error) && !variables?.rebill;
  const current = effects && JSON.stringify(effects.of) === JSON.stringify(tariff) ? effects.told : null;
  return (
    <div className={css.rows}>
      {!asked && !(error instanceof ApiError && error.status === 422) && (
        <Trouble what={t("failed")} error={error} />
      )}
      {asked && !current && (
        <div className={css.error} role="alert">
          <p>{t("touches")}</p>
          <p className="soft">{t("touchesHint")}</p>
        </div>
      )}
      {isPending && variables?.rebill && <p role="status">{t("looking", { count: looked })}</p>}
      {current && <Effects effects={current} />}
      <div className={css.tools}>
        {current ? (
          <Button loading={isPending} onClick={() => send({ rebill: true, confirm: current.confirm })}>
            {t("agree")}
          </Button>
        ) : (
          <Button
            loading={isPending && !variables?.rebill}
            disabled={isPending}
            onClick={() => send({ rebill: false })}
          >
            {t("save")}
          </Button>
        )}
        {asked && !current && (
          <Button variant="default" loading={isPending} onClick={() => send({ rebill: true })}>
            {t("look")}
          </Button>
        )}
      </div>
    </div>
  );
}

function Added({ version, from }: { version: TariffVersion; from: string }) {
  const { t } = useText("editor");
  const { locale } = usePlace();
  return (
    <div className={css.rows} role="status">
      <div className={css.good}>
        <p>{t("added", version)}</p>
        <p>{t("addedHint", { date: longDate(from, locale) })}</p>
      </div>
      <div className={css.tools}>
        <Button
          component={Link}
          href={`/tariffs/assign?name=${encodeURIComponent(version.name)}&from=${from}`}
        >
          {t("assignNow")}
        </Button>
        <Button variant="default" component={Link} href="/tariffs">
          {t("back")}
        </Button>
      </div>
    </div>
  );
}
