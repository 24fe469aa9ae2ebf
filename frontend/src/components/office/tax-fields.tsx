import { Button, NativeSelect } from "@mantine/core";
import { kindWords } from "../../lib/bill-words";
import { newKey, type SurchargeDraft, TAXED, type TariffDraft, type TaxDraft } from "../../lib/tariff-draft";
import { useText } from "../../text/text";
import { Icon } from "../icon";
import { Checks, DraftItem, DraftNumber, DraftText, useEditor } from "./fields";
import css from "./office.module.css";

type List = "surcharges" | "taxes";

/** The same change of one row, in either list. */
function withPart<L extends List>(
  draft: TariffDraft,
  list: L,
  key: number,
  part: Partial<TariffDraft[L][number]>,
): TariffDraft {
  const rows: (SurchargeDraft | TaxDraft)[] = draft[list];
  return { ...draft, [list]: rows.map((row) => (row.key === key ? { ...row, ...part } : row)) };
}

function without(draft: TariffDraft, list: List, key: number): TariffDraft {
  const rows: (SurchargeDraft | TaxDraft)[] = draft[list];
  return { ...draft, [list]: rows.filter((row) => row.key !== key) };
}

function AddButton({
  path,
  add,
  label,
}: {
  path: List;
  add: (d: TariffDraft) => TariffDraft;
  label: string;
}) {
  const { edit } = useEditor();
  return (
    <div className={css.tools}>
      <Button
        variant="default"
        size="sm"
        leftSection={<Icon name="plus" size={16} />}
        onClick={() => edit(path, add)}
      >
        {label}
      </Button>
    </div>
  );
}

export function SurchargeFields() {
  const { t } = useText("editor");
  const { draft, edit } = useEditor();
  return (
    <fieldset className={css.group}>
      <legend>{t("surcharges")}</legend>
      <div className={css.rows}>
        {draft.surcharges.length === 0 && <p className="soft">{t("surchargesNone")}</p>}
        {draft.surcharges.map(({ key, name, by, value }, i) => (
          <DraftItem
            key={key}
            title={t("surcharge", { number: i + 1 })}
            onRemove={() => edit("surcharges", (d) => without(d, "surcharges", key))}
          >
            <div className={css.row}>
              <DraftText
                path={`surcharges[${i}].name`}
                label={t("name")}
                value={name}
                onText={(d, text) => withPart(d, "surcharges", key, { name: text })}
              />
              <NativeSelect
                label={t("surchargeBy")}
                value={by}
                data={[
                  { value: "per_kwh", label: t("byKwh") },
                  { value: "percent", label: t("byPercent") },
                ]}
                onChange={({ currentTarget: { value: chosen } }) =>
                  edit(`surcharges[${i}]`, (d) =>
                    withPart(d, "surcharges", key, { by: chosen as SurchargeDraft["by"] }),
                  )
                }
              />
              <DraftNumber
                path={`surcharges[${i}].${by}`}
                label={by === "percent" ? t("percent") : t("rate")}
                value={value}
                onText={(d, text) => withPart(d, "surcharges", key, { value: text })}
              />
            </div>
          </DraftItem>
        ))}
        <AddButton
          path="surcharges"
          label={t("addSurcharge")}
          add={(d) => ({
            ...d,
            surcharges: [...d.surcharges, { key: newKey(), name: "", by: "per_kwh", value: "" }],
          })}
        />
      </div>
    </fieldset>
  );
}

export function TaxFields() {
  const { t } = useText("editor");
  const { draft, edit } = useEditor();
  const kinds = TAXED.map((value) => ({ value, label: kindWords(value) }));
  return (
    <fieldset className={css.group}>
      <legend>{t("taxes")}</legend>
      <div className={css.rows}>
        {draft.taxes.length === 0 && <p className="soft">{t("taxesNone")}</p>}
        {draft.taxes.map(({ key, name, percent, on }, i) => (
          <DraftItem
            key={key}
            title={t("tax", { number: i + 1 })}
            onRemove={() => edit("taxes", (d) => without(d, "taxes", key))}
          >
            <div className={css.row}>
              <DraftText
                path={`taxes[${i}].name`}
                label={t("name")}
                value={name}
                onText={(d, text) => withPart(d, "taxes", key, { name: text })}
              />
              <DraftNumber
                path={`taxes[${i}].percent`}
                label={t("percent")}
                value={percent}
                onText={(d, text) => withPart(d, "taxes", key, { percent: text })}
              />
            </div>
            <Checks
              legend={t("taxOn")}
              hint={t("taxOnHint")}
              options={kinds}
              chosen={on}
              onChange={(chosen) => edit(`taxes[${i}].on`, (d) => withPart(d, "taxes", key, { on: chosen }))}
            />
          </DraftItem>
        ))}
        <AddButton
          path="taxes"
          label={t("addTax")}
          add={(d) => ({ ...d, taxes: [...d.taxes, { key: newKey(), name: "", percent: "", on: [] }] })}
        />
      </div>
    </fieldset>
  );
}
