import { Button, Textarea } from "@mantine/core";
import { weekdayName } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { DAYS, newKey, type TariffDraft, type WindowDraft } from "../../lib/tariff-draft";
import { useText } from "../../text/text";
import { Icon } from "../icon";
import { Checks, DraftItem, DraftNumber, DraftText, useEditor } from "./fields";
import css from "./office.module.css";

const withPart = (draft: TariffDraft, key: number, part: Partial<WindowDraft>): TariffDraft => ({
  ...draft,
  windows: draft.windows.map((window) => (window.key === key ? { ...window, ...part } : window)),
});

const without = (draft: TariffDraft, key: number): TariffDraft => ({
  ...draft,
  windows: draft.windows.filter((window) => window.key !== key),
});

const withOne = (draft: TariffDraft): TariffDraft => ({
  ...draft,
  windows: [...draft.windows, { key: newKey(), name: "", from: "18:00", to: "22:00", days: [], percent: "" }],
});

function WindowItem({ window, index }: { window: WindowDraft; index: number }) {
  const { t } = useText("editor");
  const { t: tariff } = useText("tariff");
  const { locale } = usePlace();
  const { edit } = useEditor();
  const { key } = window;
  const path = `time_of_day[${index}]`;
  const days = DAYS.map((value) => ({
    value,
    label: value === "holiday" ? tariff("holiday") : weekdayName(value, locale),
  }));
  return (
    <DraftItem title={t("window", { number: index + 1 })} onRemove={() => edit(path, (d) => without(d, key))}>
      <div className={css.row}>
        <DraftText
          path={`${path}.name`}
          label={t("windowName")}
          value={window.name}
          onText={(d, name) => withPart(d, key, { name })}
        />
        <DraftText
          path={`${path}.from`}
          label={t("windowFrom")}
          placeholder="18:00"
          value={window.from}
          onText={(d, from) => withPart(d, key, { from })}
        />
        <DraftText
          path={`${path}.to`}
          label={t("windowTo")}
          placeholder="22:00"
          value={window.to}
          onText={(d, to) => withPart(d, key, { to })}
        />
        <DraftNumber
          path={`${path}.percent`}
          label={t("percent")}
          description={t("windowPercentHint")}
          inputWrapperOrder={["label", "input", "description", "error"]}
          value={window.percent}
          onText={(d, percent) => withPart(d, key, { percent })}
        />
      </div>
      <Checks
        legend={t("days")}
        hint={t("daysHint")}
        options={days}
        chosen={window.days}
        onChange={(chosen) => edit(`${path}.days`, (d) => withPart(d, key, { days: chosen }))}
      />
    </DraftItem>
  );
}

export function WindowFields() {
  const { t } = useText("editor");
  const { draft, edit, fault, leave } = useEditor();
  return (
    <fieldset className={css.group}>
      <legend>{t("windows")}</legend>
      <div className={css.rows}>
        {draft.windows.length === 0 && <p className="soft">{t("windowsNone")}</p>}
        {draft.windows.map((window, i) => (
          <WindowItem key={window.key} window={window} index={i} />
        ))}
        <div className={css.tools}>
          <Button
            variant="default"
            size="sm"
            leftSection={<Icon name="plus" size={16} />}
            onClick={() => edit("time_of_day", withOne)}
          >
            {t("addWindow")}
          </Button>
        </div>
        {draft.windows.length > 0 && (
          <Textarea
            name="holidays"
            label={t("holidays")}
            description={t("holidaysHint")}
            rows={3}
            value={draft.holidays}
            error={fault("holidays")}
            onChange={({ currentTarget: { value } }) => edit("holidays", (d) => ({ ...d, holidays: value }))}
            onBlur={() => leave("holidays")}
          />
        )}
      </div>
    </fieldset>
  );
}
