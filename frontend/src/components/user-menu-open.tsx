import { ActionIcon, Menu } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { logout } from "../api/session";
import { useUser } from "../lib/hooks";
import { useText } from "../text/text";
import { Icon } from "./icon";
import css from "./user-menu.module.css";

/** Takes the place of the button that asked for it, with its focus, and opens. */
export default function OpenUserMenu() {
  const { t } = useText("shell");
  const { name, email, role } = useUser();
  const button = useRef<HTMLButtonElement>(null);
  const [opened, setOpened] = useState(false);
  useEffect(() => {
    button.current?.focus();
    setOpened(true);
  }, []);
  // Signed out here whatever the server answers; its session ends by itself if it did not hear.
  const signOut = () => void logout().catch(() => undefined);
  return (
    <Menu opened={opened} onChange={setOpened} position="bottom-end" width={240} withinPortal>
      <Menu.Target>
        <ActionIcon
          ref={button}
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
