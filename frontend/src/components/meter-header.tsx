import { Link } from "wouter";
import type { Device } from "../api/types";
import { useUser } from "../lib/hooks";
import { useText } from "../text/text";
import { Icon } from "./icon";
import { ManageLink } from "./manage-link";
import css from "./meter-header.module.css";

export const TABS = ["now", "history", "bill", "alerts"] as const;
export type Tab = (typeof TABS)[number];

interface MeterHeaderProps {
  device: Device;
  tab: Tab;
  /** The only one there is: no list to go back to. */
  alone: boolean;
}

/** Which meter it is, and the pages that it has. */
export function MeterHeader({ device, tab, alone }: MeterHeaderProps) {
  const { t } = useText("now");
  const { role } = useUser();
  const { device_id: id, name, owner, tariff } = device;
  // A resident knows who they are.
  const facts = [name && id, role === "admin" && owner, tariff].filter(Boolean);
  return (
    <header className={css.header}>
      {!alone && (
        <Link href="/" className={css.back}>
          <Icon name="back" size={16} /> {t("allMeters")}
        </Link>
      )}
      <div className={css.row}>
        <div className={css.who}>
          <h1>{name ?? id}</h1>
          {facts.length > 0 && <p className="soft">{facts.join(" · ")}</p>}
          <ManageLink id={id} />
        </div>
        <nav className={css.tabs} aria-label={t("pagesOf", { meter: name ?? id })}>
          {TABS.map((page) => (
            <Link
              key={page}
              href={page === "now" ? `/meters/${id}` : `/meters/${id}/${page}`}
              aria-current={page === tab ? "page" : undefined}
            >
              {t(`tab.${page}`)}
            </Link>
          ))}
        </nav>
      </div>
    </header>
  );
}
