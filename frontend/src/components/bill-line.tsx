import { UnstyledButton } from "@mantine/core";
import type { BillLine } from "../api/types";
import { kindWords, lineName, unitWords } from "../lib/bill-words";
import { usePlace } from "../lib/hooks";
import { formatDecimal, formatMoney, formatRate, trimDecimal } from "../lib/money";
import { useText, words } from "../text/text";
import css from "./bill.module.css";
import "../text/later";

/** A per-cent line has its base in `quantity`; a line of money has money there. */
function quantities({ quantity, unit, rate }: BillLine, currency: string, locale: string) {
  if (unit === "percent")
    return {
      quantity: words("bill")("onBase", { base: formatMoney(quantity, currency, locale) }),
      rate: `${trimDecimal(rate)} %`,
    };
  if (unit === currency)
    return { quantity: formatMoney(quantity, currency, locale), rate: trimDecimal(rate) };
  return {
    quantity: `${formatDecimal(quantity, locale)} ${unitWords(unit)}`,
    rate: formatRate(rate, currency, locale),
  };
}

interface BillLineRowProps {
  line: BillLine;
  currency: string;
  /** Whether what it came from is shown beneath. */
  open: boolean;
  onToggle: () => void;
}

/** One line as it was computed: quantity × rate = amount, each as the server wrote it. */
export function BillLineRow({ line, currency, open, onToggle }: BillLineRowProps) {
  const { t: say } = useText("money");
  const { locale } = usePlace();
  const { kind, amount } = line;
  const name = lineName(line.name, locale);
  const shown = quantities(line, currency, locale);
  return (
    <tr data-kind={kind}>
      <th scope="row">
        <span className={css.lineName}>{name}</span>
        {kindWords(kind).toLowerCase() !== name.toLowerCase() && <small>{kindWords(kind)}</small>}
        <UnstyledButton
          className={css.how}
          aria-expanded={open}
          aria-label={say(open ? "explain.hideLine" : "explain.showLine", { line: name })}
          onClick={onToggle}
        >
          {say(open ? "explain.hide" : "explain.show")}
        </UnstyledButton>
      </th>
      <td>{shown.quantity}</td>
      <td>{shown.rate}</td>
      <td className={css.amount}>{formatMoney(amount, currency, locale)}</td>
    </tr>
  );
}
