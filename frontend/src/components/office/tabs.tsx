import { Link, useLocation } from "wouter";
import { useText } from "../../text/text";
import css from "./office.module.css";

const tabs = [
  { href: "/billing", name: "run" },
  { href: "/billing/invoices", name: "invoices" },
  { href: "/billing/corrections", name: "corrections" },
  { href: "/billing/payments", name: "payments" },
] as const;

/** The parts of billing: each is an address, so that going back does what a person expects. */
export function BillingTabs() {
  const { t } = useText("run");
  const [location] = useLocation();
  return (
    <nav className={css.tabs} aria-label={t("tabs")}>
      {tabs.map(({ href, name }) => (
        <Link
          key={href}
          href={href}
          className={css.tab}
          aria-current={location === href ? "page" : undefined}
        >
          {t(name)}
        </Link>
      ))}
    </nav>
  );
}
