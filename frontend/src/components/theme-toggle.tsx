import { ActionIcon, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useText } from "../text/text";
import { Icon } from "./icon";

/** Follows the system until it is used; choosing what the system has follows it again. */
export function ThemeToggle() {
  const { t } = useText("shell");
  const { setColorScheme } = useMantineColorScheme();
  const shown = useComputedColorScheme("light");
  const next = shown === "dark" ? "light" : "dark";
  const label = t(next === "dark" ? "useDark" : "useLight");
  const toggle = () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    setColorScheme(next === system ? "auto" : next);
  };
  return (
    <ActionIcon variant="subtle" color="gray" size="lg" onClick={toggle} aria-label={label} title={label}>
      <Icon name={next === "dark" ? "moon" : "sun"} />
    </ActionIcon>
  );
}
