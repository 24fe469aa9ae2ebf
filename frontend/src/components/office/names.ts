import { useMemo } from "react";
import { useAccounts } from "../../api/office-queries";
import { accountName } from "../../lib/accounts";

/** What to call an account by its id: the id itself until, or if, nothing else is known. */
export function useAccountName(): (id: string | null) => string {
  const { rows } = useAccounts();
  const names = useMemo(
    () => new Map(rows?.map((account) => [account.account_id, accountName(account)])),
    [rows],
  );
  return (id) => (id === null ? "—" : (names.get(id) ?? id));
}
