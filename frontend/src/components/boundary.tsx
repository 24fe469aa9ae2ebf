import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";
import { words } from "../text/text";
import { Notice } from "./notice";

/** Keeps a page that broke, or a part of the program that a newer version has replaced, from blanking it all. */
export class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    const t = words("common");
    return (
      <Notice icon="alert" tone="bad" title={t("broken")}>
        <p>{t("brokenHint")}</p>
        <Button variant="default" mt="sm" onClick={() => window.location.reload()}>
          {t("loadAgain")}
        </Button>
      </Notice>
    );
  }
}
