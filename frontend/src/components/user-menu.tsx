import { ActionIcon, Menu } from "@mantine/core";
import { Link } from "wouter";
import { logout } from "../api/session";
import { useUser } from "../lib/hooks";
import { useText } from "../text/text";
import { Icon } from "./icon";
import css from "./user-menu.module.css";

export function UserMenu() {
  const { t } = useText("shell");
  const { name, email, role } = useUser();
  // Signed out here whatever the server answers; its session ends by itself if it did not hear.
  const signOut = () => void logout().catch(() => undefined);
  return (
    <Menu position="bottom-end" width={240} withinPortal>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={t("account", { name: name || email })}
        >
          <Icon name="user" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <div className={css.who}>
          <p className={css.name}>{name || email}</p>
          {name && <p className="soft">{email}</p>}
          {role === "admin" && <p className={css.role}>{t("administrator")}</p>}
        </div>
        <Menu.Divider />
        <Menu.Item component={Link} href="/profile" leftSection={<Icon name="user" size={18} />}>
          {t("profile")}
        </Menu.Item>
        <Menu.Item leftSection={<Icon name="out" size={18} />} onClick={signOut}>
          {t("signOut")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
