import { Link } from "wouter";
import { useUser } from "../lib/hooks";
import { useText } from "../text/text";

/** From what a meter measured to what it is; for administrators alone. */
export function ManageLink({ id }: { id: string }) {
  const { t } = useText("meter");
  const { role } = useUser();
  return role === "admin" ? <Link href={`/devices/${id}`}>{t("manage")}</Link> : null;
}
