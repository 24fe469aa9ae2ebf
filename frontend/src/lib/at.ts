/** Pages that belong to another one of the navigation. */
const homes = ["/meters", "/devices"];

/** Whether an address is of the page at `href`, or of one that belongs to it. */
export function isAt(location: string, href: string): boolean {
  if (href === "/") return location === "/" || homes.some((home) => location.startsWith(home));
  return location === href || location.startsWith(`${href}/`);
}

/** For `aria-current`. */
export function currentPage(location: string, href: string): "page" | undefined {
  return isAt(location, href) ? "page" : undefined;
}
