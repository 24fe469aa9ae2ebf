import { type ReactNode, useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import { zoneName } from "../lib/format";
import { usePlace, useUser } from "../lib/hooks";
import { useText } from "../text/text";
import { AlertToasts, Bell } from "./alerts/bell";
import { Brand } from "./brand";
import { Connection, LostNotice } from "./connection";
import { Pages } from "./pages";
import css from "./shell.module.css";
import { ThemeToggle } from "./theme-toggle";
import { UserMenu } from "./user-menu";

export function Shell({ children }: { children: ReactNode }) {
  const { t } = useText("shell");
  const { name, timezone, locale } = usePlace();
  const { role } = useUser();
  const [location] = useLocation();
  const main = useRef<HTMLElement>(null);
  const before = useRef(location);
  useEffect(() => {
    if (before.current === location) return;
    before.current = location;
    // A new page begins at its top, for the eye and for a screen reader.
    window.scrollTo({ top: 0 });
    main.current?.focus({ preventScroll: true });
  }, [location]);
  return (
    <>
      <a className="skip" href="#main">
        {t("skip")}
      </a>
      <header className={css.header}>
        <div className={css.bar}>
          <Link href="/" className={css.brand} aria-label={t("home", { name })}>
            <Brand />
            <span>{name}</span>
          </Link>
          <Pages admin={role === "admin"} />
          <div className={css.tools}>
            <Connection />
            <Bell />
            <ThemeToggle />
            <UserMenu />
          </div>
        </div>
        <LostNotice />
      </header>
      <main ref={main} id="main" className={css.main} tabIndex={-1}>
        {children}
      </main>
      <AlertToasts />
      <footer className={css.foot}>{t("zone", { zone: zoneName(timezone, locale) })}</footer>
    </>
  );
}
