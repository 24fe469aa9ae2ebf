import { Link } from "wouter";
import { Notice } from "../components/notice";
import { useTitle } from "../lib/hooks";

export function NotFoundPage() {
  useTitle("Not found");
  return (
    <Notice icon="empty" title="There is nothing at this address">
      Go back to <Link href="/">your meters</Link>.
    </Notice>
  );
}
