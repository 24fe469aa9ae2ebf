import { Button } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { whole } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { useText } from "../../text/text";
import css from "./office.module.css";

const STEP = 100;

/** What follows a list's pages at the server; of a list that is there as a whole there is nothing of it. */
interface Following {
  hasNextPage?: boolean;
  isFetchingNextPage?: boolean;
  isError?: boolean;
  fetchNextPage?: () => unknown;
}

/**
 * As many rows of a long list as somebody has come down to. `of` names what is listed: something else begins anew.
 * `more` goes below the table, into <MoreRows>.
 */
export function useRows<T>(rows: readonly T[], of: string, following: Following = {}) {
  const [seen, setSeen] = useState({ of, count: STEP });
  const count = seen.of === of ? seen.count : STEP;
  const { hasNextPage = false, isFetchingNextPage = false, isError = false, fetchNextPage } = following;
  const onMore = () => {
    if (count < rows.length) setSeen({ of, count: count + STEP });
    else if (hasNextPage && !isFetchingNextPage) void fetchNextPage?.();
  };
  const shown = rows.slice(0, count);
  const more = {
    shown: shown.length,
    all: rows.length,
    following: hasNextPage,
    busy: isFetchingNextPage,
    failed: isError,
    onMore,
  };
  return { shown, more };
}

interface MoreProps {
  shown: number;
  all: number;
  /** The server has more than are counted here. */
  following: boolean;
  busy: boolean;
  failed: boolean;
  onMore: () => void;
}

/** Brings the next rows before the end of those that are there is in sight; by a button for who goes by keys. */
export function MoreRows({ shown, all, following, busy, failed, onMore }: MoreProps) {
  const { t } = useText("common");
  const { locale } = usePlace();
  const end = useRef<HTMLDivElement>(null);
  const act = useRef(onMore);
  act.current = onMore;
  const done = shown >= all && !following;
  // What failed is asked for again by the button alone.
  const watched = !done && !busy && !failed;
  // biome-ignore lint/correctness/useExhaustiveDependencies: after new rows it is looked again whether the end is in sight
  useEffect(() => {
    if (!end.current || !watched) return;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) act.current();
      },
      { rootMargin: "800px" },
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [watched, shown, all]);
  if (done) return null;
  const total = `${whole(all, locale)}${following ? "+" : ""}`;
  return (
    <div ref={end} className={css.following}>
      <span className="soft">{t("shownOf", { shown: whole(shown, locale), all: total })}</span>
      <Button variant="default" size="sm" loading={busy} onClick={onMore}>
        {t("more")}
      </Button>
    </div>
  );
}
