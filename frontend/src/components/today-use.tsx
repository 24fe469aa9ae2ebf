import { useToday } from "../api/queries";
import { energy } from "../lib/format";
import { useLive, usePlace } from "../lib/hooks";
import { useText } from "../text/text";

/** Use since midnight: asked for now and then, and moved on by the live register in between. */
export function TodayUse({ id, enabled }: { id: string; enabled: boolean }) {
  const { t } = useText("meter");
  const { locale, timezone } = usePlace();
  const { data, isError } = useToday(id, timezone, enabled);
  const register = useLive(id)?.reading.energy_kwh;
  if (!data) return <span className="num soft">{isError ? t("notAvailable") : "—"}</span>;
  // A register that fell was reset or swapped; the next answer has it right.
  const since = data.register === null || register === undefined ? 0 : Math.max(0, register - data.register);
  return <span className="num">{energy(data.used + since, locale)}</span>;
}
