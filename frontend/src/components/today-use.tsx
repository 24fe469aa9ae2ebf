import { useToday } from "../api/queries";
import { energy } from "../lib/format";
import { useLive, usePlace } from "../lib/hooks";
import { useText } from "../text/text";

/** Use since midnight: asked for now and then, and moved on by the live register in between. */
export function useTodayUse(id: string, enabled: boolean): { kwh: number | null; failed: boolean } {
  const { timezone } = usePlace();
  const { data, isError } = useToday(id, timezone, enabled);
  const register = useLive(id)?.reading.energy_kwh;
  if (!data) return { kwh: null, failed: isError };
  // A register that fell was reset or swapped; the next answer has it right.
  const since = data.register === null || register === undefined ? 0 : Math.max(0, register - data.register);
  return { kwh: data.used + since, failed: false };
}

export function TodayUse({ id, enabled }: { id: string; enabled: boolean }) {
  const { t } = useText("now");
  const { locale } = usePlace();
  const { kwh, failed } = useTodayUse(id, enabled);
  if (kwh === null) return <span className="num soft">{failed ? t("notAvailable") : "—"}</span>;
  return <span className="num">{energy(kwh, locale)}</span>;
}
