import { ActionIcon } from "@mantine/core";
import { Suspense, useState } from "react";
import { part } from "../first/part";
import { useUser } from "../lib/hooks";
import { useText } from "../text/text";
import { Icon } from "./icon";

const menu = part(() => import("./user-menu-open"));
const load = () => void menu.load().catch(() => undefined);

/** The button alone; what it opens is loaded when a hand or the focus comes near. */
export function UserMenu() {
  const { t } = useText("shell");
  const { name, email } = useUser();
  const [wanted, setWanted] = useState(false);
  const button = (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={t("account", { name: name || email })}
      aria-haspopup="menu"
      onPointerEnter={load}
      onFocus={load}
      onClick={() => setWanted(true)}
    >
      <Icon name="user" />
    </ActionIcon>
  );
  return wanted ? (
    <Suspense fallback={button}>
      <menu.Part />
    </Suspense>
  ) : (
    button
  );
}
