import { Trans } from "react-i18next";
import { Link } from "wouter";
import { Notice } from "../components/notice";
import { useTitle } from "../lib/hooks";
import { useText } from "../text/text";

export function NotFoundPage() {
  const { t } = useText("common");
  useTitle(t("notFound"));
  return (
    <Notice icon="empty" whole title={t("nothingHere")}>
      <Trans t={t} i18nKey="backToMeters" components={{ meters: <Link href="/" /> }} />
    </Notice>
  );
}
