import { LoginPage } from "./login";
import { FirstPasswordPage, LinkPage } from "./password";

/** What there is before anybody is in: signing in, and choosing a password by a link or instead of somebody else's. */
export default function SignedOut({ page }: { page: "login" | "ended" | "link" | "first" }) {
  switch (page) {
    case "link":
      return <LinkPage />;
    case "first":
      return <FirstPasswordPage />;
    default:
      return <LoginPage ended={page === "ended"} />;
  }
}
