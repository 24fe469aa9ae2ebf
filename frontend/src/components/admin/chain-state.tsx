import { Button } from "@mantine/core";
import { useAuditCheck } from "../../api/admin-queries";
import type { AuditChain } from "../../api/admin-types";
import { whole } from "../../lib/format";
import { usePlace } from "../../lib/hooks";
import { useText } from "../../text/text";
import { Failure, Notice } from "../notice";
import css from "./admin.module.css";
import "../../text/manage";

/** Whether the log is as it was written: what is signed, and the whole of it checked when asked. */
export function ChainState({ chain }: { chain: AuditChain | undefined }) {
  const { t } = useText("audit");
  const { locale } = usePlace();
  const { data: checked, error, refetch, isFetching } = useAuditCheck();
  const said = checked ?? chain;
  return (
    <section className={`panel ${css.card}`} aria-labelledby="audit-chain">
      <div className={css.head}>
        <h2 id="audit-chain">{t("chain")}</h2>
        <Button variant="default" size="xs" loading={isFetching} onClick={() => void refetch()}>
          {t("check")}
        </Button>
      </div>
      {said && (
        <p className="soft">
          {said.signed === 0
            ? t("unsigned")
            : t("signed", { n: whole(said.signed, locale), head: said.short })}
        </p>
      )}
      <div role="status">
        {checked?.whole === true && (
          <p className={css.saved}>{t("isWhole", { n: whole(checked.checked ?? 0, locale) })}</p>
        )}
      </div>
      {checked?.whole === false && (
        <Notice icon="alert" tone="bad" title={t("isBroken")}>
          {checked.problem} {checked.at !== undefined && t("brokenAt", { no: checked.at })}
        </Notice>
      )}
      {error && <Failure what={t("checkFailed")} error={error} onRetry={() => void refetch()} />}
    </section>
  );
}
