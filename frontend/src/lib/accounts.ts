import type { Account } from "../api/types";

/** What people call a tenancy: its place, its person, or, without either, its number. */
export function accountName(account: Pick<Account, "account_id" | "person" | "place">): string {
  return [account.place, account.person].filter((part) => part !== "").join(", ") || account.account_id;
}

export function accountMatches(account: Account, text: string): boolean {
  const wanted = text.trim().toLocaleLowerCase();
  return [
    account.person,
    account.place,
    account.email ?? "",
    account.account_id,
    ...account.meters.map(({ device_id }) => device_id),
    ...account.tariffs.map(({ name }) => name),
  ].some((part) => part.toLocaleLowerCase().includes(wanted));
}
