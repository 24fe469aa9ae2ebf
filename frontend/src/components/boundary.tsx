import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";
import { Notice } from "./notice";

/** Keeps a page that broke, or a part of the program that a newer version has replaced, from blanking it all. */
export class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Notice icon="alert" tone="bad" title="This page could not be shown">
        <p>There may be a newer version of the dashboard. Loading it again usually mends this.</p>
        <Button variant="default" mt="sm" onClick={() => window.location.reload()}>
          Load again
        </Button>
      </Notice>
    );
  }
}
