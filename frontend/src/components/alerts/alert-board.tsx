import { NativeSelect, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { useSearchParams } from "wouter";
import type { AlertQuery } from "../../api/endpoints";
import type { Device } from "../../api/types";
import { ALERT_KINDS, alertTitle, matchingMeters, meterMeant } from "../../lib/alerts";
import { useSettled, useTitle } from "../../lib/hooks";
import "../../text/alerts";
import { useText } from "../../text/text";
import { AlertList } from "./alert-list";
import type { Who } from "./alert-row";
import css from "./alerts.module.css";

const STATES = ["unended", "open", "acknowledged", "ended", "all"] as const;
type State = (typeof STATES)[number];

/** Of so many meters one is typed, not chosen. */
const CHOSEN = 20;
const OFFERED = 20;

interface MeterProps {
  meters: readonly Device[];
  chosen: string;
  onChange: (id: string) => void;
}

function MeterChoice({ meters, chosen, onChange }: MeterProps) {
  const { t } = useText("alerts");
  return (
    <NativeSelect
      label={t("meter")}
      value={chosen}
      data={[
        { value: "", label: t("allMeters") },
        ...meters.map(({ device_id, name }) => ({ value: device_id, label: name ?? device_id })),
      ]}
      onChange={({ currentTarget: { value } }) => onChange(value)}
    />
  );
}

/** By id or name, with those that fit what is typed so far. */
function MeterSearch({ meters, chosen, onChange }: MeterProps) {
  const { t } = useText("alerts");
  const [text, setText] = useState(chosen);
  const meant = meterMeant(meters, text);
  // What was typed before the meters were there is one of them now.
  useEffect(() => {
    if (chosen === text && meant !== text) onChange(meant);
  }, [chosen, text, meant, onChange]);
  return (
    <>
      <TextInput
        type="search"
        list="meters"
        label={t("meter")}
        placeholder={t("meterHint")}
        value={text}
        onChange={({ currentTarget: { value } }) => {
          setText(value);
          onChange(meterMeant(meters, value));
        }}
      />
      <datalist id="meters">
        {matchingMeters(meters, text, OFFERED).map(({ device_id, name }) => (
          <option key={device_id} value={device_id} label={name ?? device_id} />
        ))}
      </datalist>
    </>
  );
}

interface BoardProps {
  meters: readonly Device[] | undefined;
  /** There may be more than a list to choose from can hold. */
  many?: boolean;
  who?: Who;
}

/** All alerts that somebody may see, with what of them they want to see in the address. */
export function AlertBoard({ meters = [], many = false, who }: BoardProps) {
  const { t } = useText("alerts");
  useTitle(t("title"));
  const [params, setParams] = useSearchParams();
  const asked = params.get("state");
  const state: State = STATES.find((name) => name === asked) ?? "unended";
  const kind = params.get("kind") ?? "";
  const device = params.get("meter") ?? "";
  const settled = useSettled(device, 250);
  const choose = (name: string, value: string) =>
    setParams(
      (before) => {
        if (value) before.set(name, value);
        else before.delete(name);
        return before;
      },
      { replace: true },
    );
  const query: AlertQuery = {
    ...(state !== "all" && { state }),
    ...(kind && { kind }),
    ...(settled && { device: settled }),
  };
  const searched = many || meters.length > CHOSEN;
  const MeterFilter = searched ? MeterSearch : MeterChoice;
  return (
    <div className={css.page}>
      <div>
        <h1>{t("title")}</h1>
        <p className={css.motto}>{t("motto")}</p>
      </div>
      <search className={css.filters} aria-label={t("filters")}>
        <NativeSelect
          label={t("state")}
          value={state}
          data={STATES.map((value) => ({ value, label: t(`states.${value}`) }))}
          onChange={({ currentTarget: { value } }) => choose("state", value === "unended" ? "" : value)}
        />
        <NativeSelect
          label={t("kinds")}
          value={kind}
          data={[
            { value: "", label: t("allKinds") },
            ...ALERT_KINDS.map((value) => ({ value: value as string, label: alertTitle(value) })),
          ]}
          onChange={({ currentTarget: { value } }) => choose("kind", value)}
        />
        {(searched || meters.length > 1 || device !== "") && (
          <MeterFilter meters={meters} chosen={device} onChange={(id) => choose("meter", id)} />
        )}
      </search>
      <AlertList query={query} changing={device !== settled} meters={meters} who={who} />
    </div>
  );
}
