import { Button, Skeleton } from "@mantine/core";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { useUtilityBills } from "../api/office-queries";
import { Dialog } from "../components/dialog";
import { Icon } from "../components/icon";
import { Failure, Notice } from "../components/notice";
import css from "../components/office/office.module.css";
import { TableRegion, Tag } from "../components/office/parts";
import { UtilityForm } from "../components/office/utility-form";
import { daySpan } from "../lib/format";
import { useNow, usePlace, useTitle } from "../lib/hooks";
import { formatMoney, sumMoney } from "../lib/money";
import { addMonths, dateOf, monthOf } from "../lib/zone";
import "../text/office";
import { useText } from "../text/text";

/** Bills of suppliers. */
export default function UtilityPage() {
  const { t } = useText("utility");
  const { locale, timezone } = usePlace();
  useTitle(t("title"));
  const [, navigate] = useLocation();
  const month = addMonths(monthOf(dateOf(useNow(60_000), timezone)), -1);
  const { rows, error, refetch } = useUtilityBills();
  const [opened, setOpened] = useState(false);
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>{t("title")}</h1>
          <p className="soft">{t("motto")}</p>
        </div>
        <Button leftSection={<Icon name="plus" size={18} />} onClick={() => setOpened(true)}>
          {t("add")}
        </Button>
      </div>
      {error && !rows && <Failure what={t("failed")} error={error} onRetry={() => void refetch()} />}
      {!rows && !error && <Skeleton height={240} radius={14} aria-label={t("common:loading")} />}
      {rows?.length === 0 && (
        <Notice icon="empty" title={t("none")}>
          {t("noneHint")}
        </Notice>
      )}
      {rows && rows.length > 0 && (
        <div className="panel">
          <TableRegion label={t("title")}>
            <thead>
              <tr>
                <th scope="col">{t("number")}</th>
                <th scope="col">{t("period")}</th>
                <th scope="col" className={css.num}>
                  {t("kwh")}
                </th>
                <th scope="col" className={css.num}>
                  {t("cost")}
                </th>
                <th scope="col">{t("state")}</th>
              </tr>
            </thead>
            <tbody>
              {rows.toReversed().map((bill) => (
                <tr key={bill.utility_id}>
                  <th scope="row">
                    <Link href={`/utility/${bill.utility_id}`}>{bill.number}</Link>
                    <small>{bill.supplier}</small>
                  </th>
                  <td>{daySpan(bill.from, bill.to, locale)}</td>
                  <td className={css.num}>{bill.kwh}</td>
                  <td className={css.num}>
                    {formatMoney(sumMoney([bill.amount, bill.tax], bill.currency), bill.currency, locale)}
                  </td>
                  <td>
                    <Tag
                      {...(bill.status === "posted"
                        ? { tone: "good" as const }
                        : bill.status === "cancelled" && { tone: "warn" as const })}
                    >
                      {t(`status.${bill.status}`)}
                    </Tag>
                  </td>
                </tr>
              ))}
            </tbody>
          </TableRegion>
        </div>
      )}
      <Dialog opened={opened} onClose={() => setOpened(false)} title={t("add")} size="lg" typed>
        <UtilityForm month={month} onDone={(id) => navigate(`/utility/${id}`)} />
      </Dialog>
    </>
  );
}
