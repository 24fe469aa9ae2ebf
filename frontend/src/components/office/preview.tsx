import { Button, NativeSelect } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { previewTariff } from "../../api/office";
import type { NewTariff, TariffPreview } from "../../api/types";
import { monthName } from "../../lib/format";
import { useNow, usePlace } from "../../lib/hooks";
import { addMonths, dateOf, monthOf } from "../../lib/zone";
import { useText } from "../../text/text";
import css from "./office.module.css";
import { Trouble } from "./parts";
import { PreviewTable } from "./preview-table";

export type PreviewRow = TariffPreview["accounts"][number];

const MONTHS = 24;

interface PreviewProps {
  tariff: NewTariff;
  /** The tariff that it is the next version of, if any. */
  on: string | null;
  /** Whether the draft can be billed by at all. */
  ready: boolean;
}

/** A real past month, billed by what is in force and by the draft. */
export function Preview({ tariff, on, ready }: PreviewProps) {
  const { t } = useText("editor");
  const { locale, timezone } = usePlace();
  const current = monthOf(dateOf(useNow(60_000), timezone));
  const [month, setMonth] = useState(addMonths(current, -1));
  const [whom, setWhom] = useState(on ? "on" : "all");
  const [sofar, setSofar] = useState(0);
  const { mutate, data, isPending, error } = useMutation({
    mutationFn: async () => {
      const rows: PreviewRow[] = [];
      const request = { tariff, month, ...(whom === "on" && on !== null && { on }) };
      let cursor: string | undefined;
      do {
        setSofar(rows.length);
        const page = await previewTariff(request, cursor);
        rows.push(...page.accounts);
        cursor = page.next ?? undefined;
      } while (cursor);
      return { rows, month, tariff };
    },
  });
  const months = Array.from({ length: MONTHS }, (_, i) => addMonths(current, -1 - i));
  return (
    <section className={`panel ${css.panel}`} aria-labelledby="preview">
      <h2 id="preview">{t("preview")}</h2>
      <div className={css.rows}>
        <p className="soft">{t("previewHint")}</p>
        <div className={css.tools}>
          <NativeSelect
            label={t("previewMonth")}
            value={month}
            data={months.map((value) => ({ value, label: monthName(value, locale) }))}
            onChange={({ currentTarget: { value } }) => setMonth(value)}
          />
          <NativeSelect
            label={t("previewWhom")}
            value={whom}
            data={[
              ...(on === null ? [] : [{ value: "on", label: t("previewOn", { name: on }) }]),
              { value: "all", label: t("previewAll") },
            ]}
            onChange={({ currentTarget: { value } }) => setWhom(value)}
          />
          <Button variant="default" disabled={!ready} loading={isPending} onClick={() => mutate()}>
            {t("previewRun")}
          </Button>
        </div>
        <div aria-live="polite">
          {isPending && sofar > 0 && <p className="soft">{t("previewMore", { count: sofar })}</p>}
          <Trouble what={t("previewFailed")} error={error} />
          {data?.rows.length === 0 && <p className="soft">{t("previewNobody")}</p>}
        </div>
        {data && data.rows.length > 0 && (
          <PreviewTable rows={data.rows} month={data.month} tariff={data.tariff} />
        )}
      </div>
    </section>
  );
}
