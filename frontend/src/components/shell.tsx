import { type ReactNode, useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import { zoneName } from "../lib/format";
import { usePlace, useUser } from "../lib/hooks";
import { useText } from "../text/text";
import { Brand } from "./brand";
import { Connection, LostNotice } from "./connection";
import css from "./shell.module.css";
import { ThemeToggle } from "./theme-toggle";
import { UserMenu } from "./user-menu";

const pages = [
  { href: "/", name: "meters", admin: false },
  { href: "/tariffs", name: "tariffs", admin: false },
  { href: "/devices", name: "devices", admin: true },
  { href: "/rejects", name: "rejects", admin: true },
] as const;

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
  const here = (href: string) =>
    href === "/" ? location === "/" || location.startsWith("/meters") : location === href;
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
          <nav className={css.nav} aria-label={t("pages")}>
            {pages
              .filter((page) => !page.admin || role === "admin")
              .map(({ href, name }) => (
                <Link
                  key={href}
                  href={href}
                  className={css.link}
                  aria-current={here(href) ? "page" : undefined}
                >
                  {t(name)}
                </Link>
              ))}
          </nav>
          <div className={css.tools}>
            <Connection />
            <ThemeToggle />
            <UserMenu />
          </div>
        </div>
        <LostNotice />
      </header>
      <main ref={main} id="main" className={css.main} tabIndex={-1}>
        {children}
      </main>
      <footer className={css.foot}>{t("zone", { zone: zoneName(timezone, locale) })}</footer>
    </>
  );
}
