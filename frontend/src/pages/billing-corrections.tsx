import { Disputes } from "../components/office/disputes";
import { Exceptions } from "../components/office/exceptions";
import css from "../components/office/office.module.css";
import { BillingTabs } from "../components/office/tabs";
import { useTitle } from "../lib/hooks";
import "../text/office";
import { useText } from "../text/text";

/** What came up after a month was issued, and waits for somebody's word. */
export default function BillingCorrectionsPage() {
  const { t } = useText("run");
  useTitle(t("corrections"));
  return (
    <>
      <div className={css.head}>
        <h1>{t("title")}</h1>
      </div>
      <BillingTabs />
      <div className={css.column}>
        <Exceptions />
        <Disputes />
      </div>
    </>
  );
}
