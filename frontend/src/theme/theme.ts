import { createTheme, type MantineColorsTuple } from "@mantine/core";

/** Deep lake green: the one colour of actions and of energy used. */
const lake: MantineColorsTuple = [
  "#e9f4f1",
  "#d3e8e3",
  "#a9d3ca",
  "#7cbdb0",
  "#54a698",
  "#2f8d80",
  "#1b7469",
  "#0e5a55",
  "#0a4743",
  "#073532",
];

/** Lamp amber: peaks, estimates, and whatever asks for a second look. */
const lamp: MantineColorsTuple = [
  "#fdf3e0",
  "#fae5bf",
  "#f5cd86",
  "#f2b04a",
  "#e3962a",
  "#c77d17",
  "#a8640d",
  "#8a4f09",
  "#6d3e07",
  "#502d05",
];

/** Greys with a little green in them, so that dark surfaces belong to the palette. */
const dark: MantineColorsTuple = [
  "#e6eeeb",
  "#c9d5d1",
  "#9fb1ac",
  "#6f837e",
  "#3a4b47",
  "#2c3b38",
  "#1f2c2a",
  "#182321",
  "#101817",
  "#0b1110",
];

const gray: MantineColorsTuple = [
  "#f8f7f2",
  "#f0eee6",
  "#e5e2d7",
  "#d5d2c5",
  "#bab8ac",
  "#94958b",
  "#6c7069",
  "#535a55",
  "#37403d",
  "#1c2725",
];

const fonts = 'ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Ubuntu, sans-serif';

export const theme = createTheme({
  colors: { lake, lamp, dark, gray },
  primaryColor: "lake",
  primaryShade: { light: 7, dark: 6 },
  black: "#1c2725",
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  fontFamily: fonts,
  headings: { fontFamily: fonts, fontWeight: "650" },
  fontFamilyMonospace: 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace',
});
