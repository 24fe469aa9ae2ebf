import { Button } from "@mantine/core";
import { Link } from "wouter";
import { importPayments } from "../api/office";
import { CsvImport } from "../components/office/csv-import";
import css from "../components/office/office.module.css";
import { BillingTabs } from "../components/office/tabs";
import { usePlace, useTitle } from "../lib/hooks";
import { formatMoney } from "../lib/money";
import "../text/office";
import { useText } from "../text/text";

export default function BillingPaymentsPage() {
  const { t } = useText("run");
  const { locale, currency } = usePlace();
  useTitle(t("payments"));
  const send = async (csv: string, dryRun: boolean) => {
    const { payments, added, known, amount } = await importPayments(csv, dryRun);
    return { count: payments, added, known, amount: formatMoney(amount, currency, locale) };
  };
  return (
    <>
      <div className={css.head}>
        <div>
          <h1>{t("title")}</h1>
          <p className="soft">{t("paymentsMotto")}</p>
        </div>
      </div>
      <BillingTabs />
      <div className={css.column}>
        <section className={`panel ${css.panel}`} aria-labelledby="one">
          <h2 id="one">{t("paymentsOne")}</h2>
          <div className={css.rows}>
            <p className="soft">{t("paymentsOneHint")}</p>
            <div className={css.tools}>
              <Button component={Link} href="/accounts" variant="default">
                {t("paymentsAccounts")}
              </Button>
            </div>
          </div>
        </section>
        <section className={`panel ${css.panel}`} aria-labelledby="file">
          <h2 id="file">{t("paymentsFile")}</h2>
          <CsvImport id="payments-file" hint={t("paymentsFileHint")} send={send} />
        </section>
      </div>
    </>
  );
}
