import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useRef } from "react";
import type { Order } from "../../lib/fleet";
import css from "./virtual-table.module.css";

export interface Column<T, K extends string> {
  key: K;
  label: string;
  cell: (row: T) => ReactNode;
  sorts?: boolean;
  /** Numbers, to the right. */
  end?: boolean;
  /** `wide`: not on a phone; `widest`: only where there is much room. */
  on?: "all" | "wide" | "widest";
}

interface VirtualTableProps<T, K extends string> {
  /** What it is a table of, for screen readers. */
  name: string;
  columns: readonly Column<T, K>[];
  rows: readonly T[];
  keyOf: (row: T) => string;
  order?: Order<K>;
  onOrder?(order: Order<K>): void;
  /** True where more rows are on their way: their number is not known then. */
  more?: boolean;
}

const ROW = 60;

/** Shows the rows that are on the screen; the first column names its row. */
export function VirtualTable<T, K extends string>(props: VirtualTableProps<T, K>) {
  const { name, columns, rows, keyOf, order, onOrder, more = false } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const top = body.current ? body.current.getBoundingClientRect().top + window.scrollY : 0;
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW,
    overscan: 10,
    scrollMargin: top,
  });
  const items = virtual.getVirtualItems();
  const before = (items[0]?.start ?? top) - top;
  const after = virtual.getTotalSize() - ((items.at(-1)?.end ?? top) - top);
  return (
    <div className={`panel ${css.frame}`}>
      <table className={css.table} aria-label={name} aria-rowcount={more ? -1 : rows.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map(({ key, label, sorts, end, on = "all" }) => {
              const sorted = order?.by === key ? (order.down ? "descending" : "ascending") : undefined;
              return (
                <th
                  key={key}
                  scope="col"
                  data-on={on}
                  data-end={end || undefined}
                  aria-sort={sorts ? (sorted ?? "none") : undefined}
                >
                  {sorts && onOrder ? (
                    <button
                      type="button"
                      className={css.sort}
                      onClick={() => onOrder({ by: key, down: sorted === "ascending" })}
                    >
                      {label}
                      <span aria-hidden="true">
                        {sorted === "ascending" ? "↑" : sorted === "descending" ? "↓" : ""}
                      </span>
                    </button>
                  ) : (
                    label
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody ref={body}>
          {before > 0 && <Gap height={before} span={columns.length} />}
          {items.map(({ index }) => {
            const row = rows[index];
            if (row === undefined) return null;
            return (
              <tr key={keyOf(row)} className={css.row} aria-rowindex={index + 2}>
                {columns.map(({ key, cell, end, on = "all" }, place) =>
                  place === 0 ? (
                    <th key={key} scope="row" data-on={on}>
                      {cell(row)}
                    </th>
                  ) : (
                    <td key={key} data-on={on} data-end={end || undefined}>
                      {cell(row)}
                    </td>
                  ),
                )}
              </tr>
            );
          })}
          {after > 0 && <Gap height={after} span={columns.length} />}
        </tbody>
      </table>
    </div>
  );
}

/** In the place of the rows that are not on the screen. */
function Gap({ height, span }: { height: number; span: number }) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it can be focused
    <tr className={css.gap} aria-hidden="true">
      <td colSpan={span} style={{ height }} />
    </tr>
  );
}
