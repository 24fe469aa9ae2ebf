import { useDevices } from "../api/queries";
import { AlertBoard } from "../components/alerts/alert-board";

/** A resident's: of their own meters. */
export default function AlertsPage() {
  const { devices } = useDevices();
  return <AlertBoard meters={devices} />;
}
