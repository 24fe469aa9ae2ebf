import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { ApiError } from "../api/http";
import { Icon, type IconName } from "./icon";
import css from "./notice.module.css";

interface NoticeProps {
  icon: IconName;
  title: string;
  children?: ReactNode;
  tone?: "plain" | "bad" | "warn";
  onRetry?: (() => void) | undefined;
}

/** An empty page, a failure, a warning: what it is, why, and what can be done. */
export function Notice({ icon, title, children, tone = "plain", onRetry }: NoticeProps) {
  return (
    <div className={css.notice} data-tone={tone} role={tone === "bad" ? "alert" : undefined}>
      <span className={css.icon}>
        <Icon name={icon} size={26} />
      </span>
      <div>
        <p className={css.title}>{title}</p>
        {children && <div className="soft">{children}</div>}
        {onRetry && (
          <Button variant="default" size="sm" mt="sm" onClick={onRetry}>
            Try again
          </Button>
        )}
      </div>
    </div>
  );
}

export function explain(error: Error): string {
  if (!(error instanceof ApiError)) return "Something unexpected happened in this page.";
  if (error.status === 0) return "The server can't be reached. Is the network there?";
  if (error.status === 429) return "Too many requests. It goes on in a moment.";
  if (error.status === 503) return error.problem?.detail ?? "The server is busy or starting.";
  return error.message;
}

export function Failure({ what, error, onRetry }: { what: string; error: Error; onRetry?: () => void }) {
  const away = error instanceof ApiError && error.status === 0;
  return (
    <Notice icon={away ? "cloud" : "alert"} tone="bad" title={what} onRetry={onRetry}>
      {explain(error)}
    </Notice>
  );
}
