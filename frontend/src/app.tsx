import { useQueryClient } from "@tanstack/react-query";
import { Suspense, useEffect } from "react";
import { useLocation } from "wouter";
import { begin } from "./api/session";
import { Away } from "./components/away";
import { Waiting } from "./components/waiting";
import { useSession } from "./lib/hooks";
import { signedIn, signedOut } from "./pages/parts";

const SignedIn = signedIn.Part;
const SignedOut = signedOut.Part;

export function App() {
  const [location] = useLocation();
  return (
    <Suspense fallback={<Waiting />}>
      {location === "/password" ? <SignedOut page="link" /> : <Dashboard />}
    </Suspense>
  );
}

function Dashboard() {
  const session = useSession();
  const client = useQueryClient();
  const out = session.phase === "out";
  useEffect(begin, []);
  useEffect(() => {
    // What one person saw must not be there for the next.
    if (out) client.clear();
  }, [out, client]);
  switch (session.phase) {
    case "starting":
      return <Waiting />;
    case "away":
      return <Away />;
    case "out":
      return <SignedOut page={session.ended ? "ended" : "login"} />;
    case "in":
      if (session.user.must_change_password) return <SignedOut page="first" />;
      // A new token keeps the page; another person gets a new one.
      return <SignedIn key={session.user.id} user={session.user} />;
  }
}
