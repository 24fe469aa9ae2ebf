import { Link } from "wouter";
import { useFleet, usePerson } from "../api/admin-queries";
import { AlertBoard } from "../components/alerts/alert-board";
import { useUser } from "../lib/hooks";
import { useText } from "../text/text";

function Person({ id }: { id: string }) {
  const { t } = useText("alerts");
  const own = useUser().id === id;
  const { data } = usePerson(id);
  return <Link href={`/people/${id}`}>{own ? t("you") : (data?.name ?? data?.email ?? id)}</Link>;
}

/** An administrator's: of all meters and of the site. */
export default function AllAlertsPage() {
  const { devices } = useFleet();
  return <AlertBoard meters={devices} many who={Person} />;
}
