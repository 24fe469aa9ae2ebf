import {
  convertCssVariables,
  DEFAULT_THEME,
  defaultCssVariablesResolver,
  mergeMantineTheme,
} from "@mantine/core";
import type { Plugin } from "vite";
import { theme } from "./src/theme/theme.ts";

const NAME = "virtual:theme.css";

/**
 * Writes the theme's variables into a style sheet while building. Mantine would otherwise put them
 * into a <style> element at run time, which would take `style-src 'unsafe-inline'`.
 */
export function themeCss(): Plugin {
  return {
    name: "theme-css",
    resolveId: (id) => (id === NAME ? `\0${NAME}` : null),
    load: (id) =>
      id === `\0${NAME}`
        ? convertCssVariables(defaultCssVariablesResolver(mergeMantineTheme(DEFAULT_THEME, theme)))
        : null,
  };
}
