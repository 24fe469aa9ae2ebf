/** The office's pages in the navigation. Their names are words of the area `shell`. */
export const officeLinks = [
  { href: "/billing", name: "billing" },
  { href: "/accounts", name: "accounts" },
  { href: "/utility", name: "utility" },
] as const;
