import { Menu } from "@mantine/core";
import { Link, useLocation } from "wouter";
import { useText } from "../text/text";
import { Icon } from "./icon";
import { officeLinks } from "./office/links";
import css from "./shell.module.css";

/** What everybody has, and what administrators have in menus, by what they come for. */
const everybody = [
  { href: "/", name: "meters" },
  { href: "/tariffs", name: "tariffs" },
] as const;

const menus = [
  { name: "money", pages: officeLinks },
  {
    name: "manage",
    pages: [
      { href: "/people", name: "people" },
      { href: "/keys", name: "keys" },
      { href: "/rejects", name: "rejects" },
      { href: "/firmware", name: "firmware" },
      { href: "/audit", name: "audit" },
      { href: "/settings", name: "settings" },
    ],
  },
] as const;

/** Pages that belong to another one of the navigation. */
const homes = ["/meters", "/devices"];

function isAt(location: string, href: string): boolean {
  if (href === "/") return location === "/" || homes.some((home) => location.startsWith(home));
  return location === href || location.startsWith(`${href}/`);
}

export function Pages({ admin }: { admin: boolean }) {
  const { t } = useText("shell");
  const [location] = useLocation();
  const current = (href: string) => (isAt(location, href) ? ("page" as const) : undefined);
  return (
    <nav className={css.nav} aria-label={t("pages")}>
      {everybody.map(({ href, name }) => (
        <Link key={href} href={href} className={css.link} aria-current={current(href)}>
          {t(name)}
        </Link>
      ))}
      {admin &&
        menus.map(({ name, pages }) => (
          <Menu key={name} position="bottom-start" width={220} withinPortal>
            <Menu.Target>
              <button
                type="button"
                className={css.link}
                data-here={pages.some(({ href }) => isAt(location, href)) || undefined}
              >
                {t(name)}
                <Icon name="down" size={14} />
              </button>
            </Menu.Target>
            <Menu.Dropdown>
              {pages.map(({ href, name }) => (
                <Menu.Item key={href} component={Link} href={href} aria-current={current(href)}>
                  {t(name)}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
        ))}
    </nav>
  );
}
