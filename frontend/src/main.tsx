import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode, startTransition } from "react";
import { createRoot } from "react-dom/client";
import "./theme/mantine.css";
import "virtual:theme.css";
import "./theme/tokens.css";
import "./theme/base.css";
import { newQueryClient } from "./api/queries";
import { App } from "./app";
import { askEarly } from "./early";
import { beginText } from "./text/text";
import { theme } from "./theme/theme";
import { keepShell } from "./worker/register";

const client = newQueryClient();
const enough = askEarly(client);
const root = document.getElementById("root");
if (!root) throw new Error("no #root in the page");

// No style element at run time: the variables are in a style sheet (theme-css.ts), and the classes
// that `hiddenFrom` and its kind need are not used.
const page = (
  <StrictMode>
    <QueryClientProvider client={client}>
      <MantineProvider
        theme={theme}
        defaultColorScheme="auto"
        withCssVariables={false}
        withGlobalClasses={false}
      >
        <App />
      </MantineProvider>
    </QueryClientProvider>
  </StrictMode>
);
// In pieces, between which the page answers: it is much to make at once for a small phone.
void Promise.all([beginText(), enough]).then(() => startTransition(() => createRoot(root).render(page)));
keepShell();
