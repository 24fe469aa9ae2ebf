import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { ApiError } from "../api/http";
import { codeWords, language, useText, words } from "../text/text";
import { Icon, type IconName } from "./icon";
import css from "./notice.module.css";

interface NoticeProps {
  icon: IconName;
  title: string;
  /** It is all that the page has to say. */
  whole?: boolean;
  children?: ReactNode;
  tone?: "plain" | "bad" | "warn";
  onRetry?: (() => void) | undefined;
}

/** An empty page, a failure, a warning: what it is, why, and what can be done. */
export function Notice({ icon, title, whole = false, children, tone = "plain", onRetry }: NoticeProps) {
  const { t } = useText("common");
  return (
    <div className={css.notice} data-tone={tone} role={tone === "bad" ? "alert" : undefined}>
      <span className={css.icon}>
        <Icon name={icon} size={26} />
      </span>
      <div>
        {whole ? <h1 className={css.title}>{title}</h1> : <p className={css.title}>{title}</p>}
        {children && <div className="soft">{children}</div>}
        {onRetry && (
          <Button variant="default" size="sm" mt="sm" onClick={onRetry}>
            {t("retry")}
          </Button>
        )}
      </div>
    </div>
  );
}

/** A sentence for people. What the server says is English: in another language it is said whose words they are. */
export function explain(error: Error): string {
  const t = words("common");
  if (!(error instanceof ApiError)) return t("error.unexpected");
  if (error.status === 0) return t("error.away");
  if (error.status === 429) return t("error.tooMany");
  const general = codeWords("common", "error.status", String(error.status));
  if (!error.problem) return general ?? t("error.failed", { status: error.status });
  if (language() === "en") return error.message;
  const said = t("error.said", { text: error.message });
  return general ? `${general} ${said}` : said;
}

export function Failure({ what, error, onRetry }: { what: string; error: Error; onRetry?: () => void }) {
  const away = error instanceof ApiError && error.status === 0;
  return (
    <Notice icon={away ? "cloud" : "alert"} tone="bad" title={what} onRetry={onRetry}>
      {explain(error)}
    </Notice>
  );
}
