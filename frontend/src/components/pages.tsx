import { Suspense } from "react";
import { Link, useLocation } from "wouter";
import { currentPage } from "../lib/at";
import { adminMenus } from "../pages/parts";
import { useText } from "../text/text";
import css from "./shell.module.css";

/** What everybody has. */
const everybody = [
  { href: "/", name: "meters" },
  { href: "/tariffs", name: "tariffs" },
] as const;

export function Pages({ admin }: { admin: boolean }) {
  const { t } = useText("shell");
  const [location] = useLocation();
  return (
    <nav className={css.nav} aria-label={t("pages")}>
      {everybody.map(({ href, name }) => (
        <Link key={href} href={href} className={css.link} aria-current={currentPage(location, href)}>
          {t(name)}
        </Link>
      ))}
      {admin && (
        <Suspense fallback={null}>
          <adminMenus.Part />
        </Suspense>
      )}
    </nav>
  );
}
