import { Redirect } from "wouter";
import { useDevices } from "../api/queries";
import { useUser } from "../lib/hooks";
import { HomePage } from "./home";

/** Who has one meter begins with it: a list of one is no choice. */
export function StartPage() {
  const { role } = useUser();
  const { devices, hasNextPage } = useDevices();
  const [only] = devices ?? [];
  if (role !== "admin" && only && devices?.length === 1 && !hasNextPage)
    return <Redirect to={`/meters/${only.device_id}`} replace />;
  return <HomePage />;
}
