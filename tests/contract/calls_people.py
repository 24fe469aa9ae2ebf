"""Calls of people: oneself, everybody for an admin, what is held about somebody and its end."""
import os

from calling import of, walk

PASSWORD = "a stapled horse is correct"
WEAK = "password1234"


def log_in(w, name, email, password):
    """A session of its own, whose token goes by `name`."""
    answer = w.call("login", 200, "nobody", body={"email": email, "password": password}, why=f"as {name}")
    w.tokens[name] = answer.json["token"]


@of("createUser")
def create_user(w):
    lata = {"email": "lata@example.org", "name": "Lata", "role": "consumer"}
    made = w.call("createUser", 201, body=lata).json
    w.kept["lata"], w.kept["link"] = made["id"], made["link"]
    made = w.call("createUser", 201, body={"email": "clerk@example.org", "role": "admin", "password": PASSWORD}).json
    w.report("who has a password gets no link", str(made) if "link" in made else "")
    w.kept["clerk"] = made["id"]
    w.call("createUser", 409, body=lata)
    w.call("createUser", 422, body={"name": "Lata"})
    w.call("createUser", 422, body={"email": "weak@example.org", "password": WEAK})


@of("listUsers")
def list_users(w):
    whole = w.call("listUsers", 200).json["users"]
    walk(w, "listUsers", "users", whole)
    for query, fits in (({"role": "admin"}, lambda p: p["role"] == "admin"), ({"disabled": "true"}, lambda p: p["disabled"]),
                        ({"email": "LATA@example.org"}, lambda p: p["email"] == "lata@example.org")):
        some = w.call("listUsers", 200, query=query).json["users"]
        w.report(f"people of {query}", "" if some == [p for p in whole if fits(p)] else str(some))
    for query in ({"role": "boss"}, {"disabled": "1"}, {"email": "lata"}):
        w.call("listUsers", 400, query=query, why=str(query))


@of("getUser")
def get_user(w):
    w.call("getUser", 200, path=[w.kept["lata"]])
    w.call("getUser", 404, path=["u_nobody"])


@of("updateUser")
def update_user(w):
    lata, admin = [w.kept["lata"]], [w.call("getMe", 200).json["id"]]
    w.call("updateUser", 200, path=lata, body={"name": "Lata Rao", "disabled": True})
    w.call("createResetLink", 409, path=lata, why="they are disabled")
    w.call("updateUser", 200, path=lata, body={"disabled": False})
    w.call("updateUser", 200, path=[w.kept["clerk"]], body={"role": "consumer", "name": None})
    w.call("updateUser", 409, path=admin, body={"disabled": True}, why="the last admin")
    w.call("updateUser", 409, path=admin, body={"role": "consumer"}, why="the last admin")
    w.call("erasePerson", 409, path=admin, why="the last admin")
    w.call("updateUser", 422, path=lata, body={"email": "other@example.org"})
    w.call("updateUser", 404, path=["u_nobody"], body={})


@of("createResetLink")
def create_reset_link(w):
    w.kept["older"] = w.call("createResetLink", 201, path=[w.kept["lata"]]).json
    w.kept["link"] = w.call("createResetLink", 201, path=[w.kept["lata"]]).json
    w.call("createResetLink", 404, path=["u_nobody"])


@of("redeemLink")
def redeem_link(w):
    token, older = w.kept["link"]["url"].split("#")[1], w.kept["older"]["url"].split("#")[1]
    w.call("redeemLink", 422, "nobody", body={"token": older, "password": PASSWORD}, why="an older link")
    w.call("redeemLink", 422, "nobody", body={"token": token, "password": WEAK})
    w.call("redeemLink", 204, "nobody", body={"token": token, "password": PASSWORD})
    w.call("redeemLink", 422, "nobody", body={"token": token, "password": PASSWORD}, why="a second time")
    w.call("redeemLink", 422, "nobody", body={})
    log_in(w, "lata", "lata@example.org", PASSWORD)


@of("getMe")
def get_me(w):
    w.kept["resident"] = w.call("getMe", 200, "resident").json["id"]
    newcomer = w.call("getMe", 200, "newcomer").json
    w.report("a password of somebody else's making is to be changed", "" if newcomer["must_change_password"] else str(newcomer))


@of("updateMe")
def update_me(w):
    w.call("updateMe", 200, "resident", body={"name": "Asha Rao", "language": "hi"})
    w.call("updateMe", 200, "resident", body={"name": None, "language": None})
    w.call("updateMe", 422, "resident", body={"language": "tlh"})
    w.call("updateMe", 422, "resident", body={"role": "admin"})


@of("changePassword")
def change_password(w):
    right = {"current": os.environ["NEWCOMER_PASSWORD"], "new": PASSWORD}
    w.call("changePassword", 422, "newcomer", body={**right, "current": PASSWORD})
    w.call("changePassword", 422, "newcomer", body={**right, "new": WEAK})
    w.call("changePassword", 204, "newcomer", body=right)
    me = w.call("getMe", 200, "newcomer", why="the session goes on").json
    w.report("then nothing is to be changed", str(me) if me["must_change_password"] else "")
    w.call("listDevices", 200, "newcomer", why="all else is open then")


@of("listSessions")
def list_sessions(w):
    log_in(w, "lata elsewhere", "lata@example.org", PASSWORD)
    sessions = w.call("listSessions", 200, "lata").json["sessions"]
    w.report("two sessions, one of them this", "" if sorted(s["current"] for s in sessions) == [False, True] else str(sessions))
    w.kept["session"] = [s["id"] for s in sessions if not s["current"]]


@of("endSession")
def end_session(w):
    w.call("endSession", 404, "resident", w.kept["session"], why="somebody else's")
    w.call("endSession", 404, path=w.kept["session"], why="somebody else's, as an admin")
    w.call("endSession", 204, "lata", w.kept["session"])
    w.call("endSession", 404, "lata", w.kept["session"], why="it has ended")
    w.call("getMe", 401, "lata elsewhere", why="the session has ended")
    w.call("getMe", 200, "lata", why="this one goes on")


@of("exportPerson")
def export_person(w):
    own = w.call("exportPerson", 200, "resident", [w.kept["resident"]]).json
    empty = [name for name in ("sessions", "accounts", "invoices", "disputes", "audit_by", "audit_of") if not own[name]]
    w.report("there is something of everything in it", ", ".join(empty))
    w.call("exportPerson", 200, path=[w.kept["lata"]])
    w.call("exportPerson", 404, "resident", [w.kept["lata"]])
    w.call("exportPerson", 404, path=["u_nobody"])


@of("erasePerson")
def erase_person(w):
    w.call("erasePerson", 409, path=[w.kept["resident"]], why="a tenancy goes on")
    w.call("erasePerson", 204, path=[w.kept["lata"]])
    w.call("erasePerson", 204, path=[w.kept["lata"]], why="again")
    w.call("erasePerson", 404, path=["u_nobody"])
    w.call("getMe", 401, "lata", why="they are erased")
    gone = w.call("getUser", 200, path=[w.kept["lata"]]).json
    w.report("nothing of them is left", "" if gone["name"] is None and "lata" not in gone["email"] and gone["disabled"] else str(gone))
    w.call("exportPerson", 200, path=[w.kept["lata"]], why="what is kept")
