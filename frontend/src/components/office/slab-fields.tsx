import { Button, SegmentedControl, TextInput } from "@mantine/core";
import { type SlabDraft, type TariffDraft, withSlab } from "../../lib/tariff-draft";
import { useText } from "../../text/text";
import { Icon } from "../icon";
import { DraftItem, DraftNumber, useEditor } from "./fields";
import css from "./office.module.css";

const withPart = (draft: TariffDraft, key: number, part: Partial<SlabDraft>): TariffDraft => ({
  ...draft,
  slabs: draft.slabs.map((slab) => (slab.key === key ? { ...slab, ...part } : slab)),
});

export function SlabFields() {
  const { t } = useText("editor");
  const { draft, edit } = useEditor();
  const last = draft.slabs.length - 1;
  return (
    <fieldset className={css.group}>
      <legend>{t("slabs")}</legend>
      <div className={css.rows}>
        {draft.slabs.map(({ key, upTo, rate }, i) => (
          <DraftItem
            key={key}
            title={t("slab", { number: i + 1 })}
            onRemove={
              i < last
                ? () => edit("slabs", (d) => ({ ...d, slabs: d.slabs.filter((slab) => slab.key !== key) }))
                : undefined
            }
          >
            <div className={css.row}>
              {i < last ? (
                <DraftNumber
                  path={`slabs[${i}].up_to_kwh`}
                  label={t("upTo")}
                  value={upTo}
                  onText={(d, text) => withPart(d, key, { upTo: text })}
                />
              ) : (
                <TextInput label={t("upTo")} value={t(last === 0 ? "all" : "rest")} readOnly />
              )}
              <DraftNumber
                path={`slabs[${i}].rate`}
                label={t("rate")}
                value={rate}
                onText={(d, text) => withPart(d, key, { rate: text })}
              />
            </div>
          </DraftItem>
        ))}
        <div className={css.tools}>
          <Button
            variant="default"
            size="sm"
            leftSection={<Icon name="plus" size={16} />}
            onClick={() => edit("slabs", withSlab)}
          >
            {t("addSlab")}
          </Button>
        </div>
        <SegmentedControl
          aria-label={t("mode")}
          value={draft.mode}
          data={[
            { value: "telescopic", label: t("telescopic") },
            { value: "whole_use", label: t("wholeUse") },
          ]}
          onChange={(mode) => edit("slab_mode", (d) => ({ ...d, mode: mode as TariffDraft["mode"] }))}
        />
        <label className={css.check}>
          <input
            type="checkbox"
            checked={draft.prorate}
            onChange={({ currentTarget: { checked } }) =>
              edit("prorate_slabs", (d) => ({ ...d, prorate: checked }))
            }
          />
          {t("prorate")}
        </label>
      </div>
    </fieldset>
  );
}
