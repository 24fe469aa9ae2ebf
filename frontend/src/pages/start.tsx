import { Skeleton } from "@mantine/core";
import { Redirect } from "wouter";
import { useDevices } from "../api/queries";
import { useUser } from "../lib/hooks";
import { useText } from "../text/text";
import { homePage } from "./parts";

/** Who has one meter begins with it: a list of one is no choice. */
export function StartPage() {
  const { role } = useUser();
  const { t } = useText("meter");
  const { devices, error, hasNextPage } = useDevices();
  const [only] = devices ?? [];
  if (role !== "admin" && only && devices?.length === 1 && !hasNextPage)
    return <Redirect to={`/meters/${only.device_id}`} replace />;
  // What it will be is not known yet: nothing is loaded for it.
  if (!devices && !error) return <Skeleton height={220} radius={14} aria-label={t("loadingAll")} />;
  return <homePage.Part />;
}
