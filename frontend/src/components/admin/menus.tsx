import { Menu } from "@mantine/core";
import { Link, useLocation } from "wouter";
import { currentPage, isAt } from "../../lib/at";
import { useText } from "../../text/text";
import { Icon } from "../icon";
import { officeLinks } from "../office/links";
import css from "../shell.module.css";

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

/** What administrators have besides, by what they come for. */
export default function AdminMenus() {
  const { t } = useText("shell");
  const [location] = useLocation();
  return menus.map(({ name, pages }) => (
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
          <Menu.Item key={href} component={Link} href={href} aria-current={currentPage(location, href)}>
            {t(name)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  ));
}
