import { usePlace } from "../../lib/hooks";
import { formatMoney, minorDigits, scaled } from "../../lib/money";
import { useText } from "../../text/text";

/** What an account owes; below zero it has a credit. The sign is said in a word. */
export function Balance({ amount, className }: { amount: string; className?: string }) {
  const { t } = useText("ledger");
  const { locale, currency } = usePlace();
  const minor = scaled(amount, minorDigits(currency)) ?? 0n;
  const word = minor > 0n ? t("owed") : minor < 0n ? t("credit") : t("even");
  return (
    <span className={className}>
      {formatMoney(amount.replace("-", ""), currency, locale)}
      <small>{word}</small>
    </span>
  );
}
