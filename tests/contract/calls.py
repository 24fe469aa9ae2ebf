"""The calls of every operation, in the order in which they build on each other. A new route needs one here:

    @of("listThings")
    def list_things(w):
        w.call("listThings", 200)                                   # as the admin
        w.call("listThings", 404, "resident", path=["absent"])      # an error that only this operation gives

`w.call` says which status must come; that status, the media type, the headers and the body are then held against the document.
What is alike for all (401, 403, an unknown query member, a wrong media type, a body that is too large or no JSON) is called
by always.py. What concerns people, one meter, and API keys and the audit log is in calls_people.py, calls_meters.py and
calls_keys.py. The world before the first call is made by tests/blackbox/contract_test.sh: meters m1 and m2 are the resident's,
m3 is somebody else's, January 2026 is invoiced for all three, one message was refused."""
import os
import socket
import sys
import time

from calling import CALLS, again, of, walk  # noqa: F401 CALLS is check.py's

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "blackbox"))
import websocket  # noqa: E402

# Of overload and of a failing store: other tests make them come.
NEVER = {"429", "500", "503"}
# (operation, status) that can't be had here: why.
UNSEEN = {("getApiDocs", "404"): "the dashboard is there",
          ("beginBillingRun", "409"): "a run of three accounts is over before another can be asked for"}

# Top members of an answer that are there only sometimes; all others are required, so that a missing one is seen.
MAY_BE_ABSENT = {"getBill": ("explanations", "invoice", "segments", "days"), "createUser": ("link",),
                 "setNotifications": ("webhook_secret",), "getNotifications": ("webhook_secret",),
                 "listAlerts": ("acknowledged_by",), "acknowledgeAlert": ("acknowledged_by",)}

JANUARY = {"from": "2026-01-01T00:00:00+05:30", "to": "2026-02-01T00:00:00+05:30"}
ELSEWHERE = {"Origin": "https://evil.example"}


# --- auth ---


@of("login")
def login(w):
    who = {"email": os.environ["RESIDENT"], "password": os.environ["RESIDENT_PASSWORD"]}
    answer = w.call("login", 200, "nobody", body=who, headers={"Accept-Encoding": "gzip, br"})
    w.report("a token is never squeezed", answer.headers.get("Content-Encoding") or "")
    w.cookie = answer.headers["Set-Cookie"].split(";")[0]
    w.call("login", 401, "nobody", body={**who, "password": "wrong horse battery staple"})
    w.call("login", 422, "nobody", body={})


@of("refresh")
def refresh(w):
    w.call("refresh", 401, "nobody")
    w.call("refresh", 403, "nobody", headers={"Cookie": w.cookie, **ELSEWHERE})
    answer = w.call("refresh", 200, "nobody", headers={"Cookie": w.cookie})
    w.cookie = answer.headers["Set-Cookie"].split(";")[0]


@of("logout")
def logout(w):
    w.call("logout", 403, "nobody", headers={"Cookie": w.cookie, **ELSEWHERE})
    w.call("logout", 204, "nobody", headers={"Cookie": w.cookie})
    w.call("refresh", 401, "nobody", headers={"Cookie": w.cookie}, why="the session has ended")


# --- site and devices ---


@of("getSite")
def get_site(w):
    again(w, "getSite", "nobody")


@of("listUserSessions")
def list_user_sessions(w):
    people = w.call("listUsers", 200, query={"email": os.environ["RESIDENT"]}).json["users"]
    w.kept["resident"] = people[0]["id"]
    w.call("listUserSessions", 200, path=[w.kept["resident"]])
    w.call("listUserSessions", 404, path=["u_nobodys"])


@of("endUserSession")
def end_user_session(w):
    login = {"email": os.environ["RESIDENT"], "password": os.environ["RESIDENT_PASSWORD"]}
    w.call("login", 200, "nobody", body=login)
    newest = w.call("listUserSessions", 200, path=[w.kept["resident"]]).json["sessions"][0]
    w.call("endUserSession", 204, path=[w.kept["resident"], newest["id"]])
    w.call("endUserSession", 404, path=[w.kept["resident"], newest["id"]])


@of("getSettings")
def get_settings(w):
    w.call("getSettings", 200)


@of("updateSettings")
def update_settings(w):
    w.call("updateSettings", 200, body={"main_meters": ["m3"], "supply_rate_per_kwh": "7.20"})
    w.call("updateSettings", 422, body={"main_meters": ["absent"]})
    w.call("updateSettings", 422, body={"supply_rate_per_kwh": "dear"})


@of("getLosses")
def get_losses(w):
    w.call("getLosses", 200, query={"month": "2026-01"})
    w.call("getLosses", 400, query={"month": "2099-01"})


@of("createDevice")
def create_device(w):
    w.call("createDevice", 201, body={"device_id": "new-1"})
    w.call("createDevice", 201, body={"device_id": "new-2", "name": "Pump", "owner": "new@example.org", "tariff": "LT-1 Domestic"})
    w.call("createDevice", 409, body={"device_id": "new-1"})
    w.call("createDevice", 422, body={"device_id": "has blanks"})


@of("listDevices")
def list_devices(w):
    whole = w.call("listDevices", 200).json["devices"]
    walk(w, "listDevices", "devices", whole)
    own = w.call("listDevices", 200, "resident").json["devices"]
    w.report("a resident sees their own", "" if [d["device_id"] for d in own] == ["m1", "m2"] else str(own))


@of("listReadings")
def list_readings(w):
    raw = w.call("listReadings", 200, path=["m1"], query=JANUARY).json["readings"]
    walk(w, "listReadings", "readings", raw, "resident", ["m1"], JANUARY)
    for agg in ("1m", "15m", "1h", "1d", "1M"):
        w.call("listReadings", 200, "resident", ["m1"], {**JANUARY, "agg": agg})
    w.call("listReadings", 400, "resident", ["m1"], {"agg": "2h"})
    w.call("listReadings", 400, "resident", ["m1"], {"from": "yesterday"})
    w.call("listReadings", 404, "resident", ["m3"])


@of("createEdit")
def create_edit(w):
    edit = {"at": "2026-03-01T00:00:00+05:30", "kind": "manual", "kwh": 1200.5, "reason": "read at the door"}
    w.kept["edit"] = w.call("createEdit", 201, path=["m1"], body=edit).json["no"]
    w.call("createEdit", 201, path=["m1"], body={**edit, "at": "2026-03-02T00:00:00+05:30", "kwh": 1201})
    w.call("createEdit", 409, path=["m1"], body=edit)
    w.call("createEdit", 422, path=["m1"], body={**edit, "kind": "guess"})
    w.call("createEdit", 404, path=["absent"], body=edit)


@of("withdrawEdit")
def withdraw_edit(w):
    reason = {"reason": "it was the neighbour's"}
    w.call("withdrawEdit", 422, path=["m1", w.kept["edit"]], body={})
    w.call("withdrawEdit", 200, path=["m1", w.kept["edit"]], body=reason)
    w.call("withdrawEdit", 409, path=["m1", w.kept["edit"]], body=reason)
    w.call("withdrawEdit", 404, path=["m2", w.kept["edit"]], body=reason)


@of("listEdits")
def list_edits(w):
    query = {"from": "2026-01-01T00:00:00Z", "to": "2026-06-01T00:00:00Z", "withdrawn": 1}
    whole = w.call("listEdits", 200, path=["m1"], query=query).json["edits"]
    walk(w, "listEdits", "edits", whole, path=["m1"], query=query)
    w.call("listEdits", 200, "resident", ["m1"], query)
    w.call("listEdits", 404, "resident", ["m3"])


# --- bills ---


@of("getBill")
def get_bill(w):
    again(w, "getBill", "resident", ["m1"], {"month": "2026-01"})
    running = w.call("getBill", 200, "resident", ["m1"])
    w.report("a running month is not kept", "" if running.headers["Cache-Control"] == "no-store" else running.headers["Cache-Control"])
    w.call("getBill", 400, "resident", ["m1"], {"month": "2026-13"})
    w.call("getBill", 400, "resident", ["m1"], {"month": "2099-01"})
    w.call("getBill", 404, "resident", ["m3"], {"month": "2026-01"})


@of("comingTariff")
def coming_tariff(w):
    w.call("comingTariff", 200, "resident", ["m1"])
    w.call("comingTariff", 404, "resident", ["m3"])


@of("explainBill")
def explain_bill(w):
    w.call("explainBill", 200, "resident", ["m1"], {"month": "2026-01"})
    w.call("explainBill", 404, "resident", ["m3"], {"month": "2026-01"})


@of("listInvoices")
def list_invoices(w):
    whole = again(w, "listInvoices", path=["m1"]).json["invoices"]
    walk(w, "listInvoices", "invoices", whole, "resident", ["m1"])
    w.kept["invoice"], w.kept["account"] = whole[0]["number"], whole[0]["account_id"]
    w.kept["other"] = w.call("listInvoices", 200, "resident", ["m2"]).json["invoices"][0]
    w.kept["foreign"] = w.call("listInvoices", 200, path=["m3"]).json["invoices"][0]
    w.call("listInvoices", 404, "resident", ["m3"])


@of("getInvoice")
def get_invoice(w):
    again(w, "getInvoice", "resident", ["m1", w.kept["invoice"]])
    w.call("getInvoice", 404, "resident", ["m1", w.kept["foreign"]["number"]])
    w.call("getInvoice", 404, "resident", ["m3", w.kept["foreign"]["number"]])


@of("getInvoicePdf")
def get_invoice_pdf(w):
    first = again(w, "getInvoicePdf", "resident", ["m1", w.kept["invoice"]])
    w.report("a page is a PDF", "" if first.body.startswith(b"%PDF-") else "it is not")
    squeezed = w.call("getInvoicePdf", 200, "resident", ["m1", w.kept["invoice"]], headers={"Accept-Encoding": "gzip, br"})
    w.report("a page is never squeezed", squeezed.headers.get("Content-Encoding") or "")
    w.call("getInvoicePdf", 200, "resident", ["m1", w.kept["invoice"]], {"lang": "hi"})
    w.call("getInvoicePdf", 400, "resident", ["m1", w.kept["invoice"]], {"lang": "tlh"})
    w.call("getInvoicePdf", 404, "resident", ["m3", w.kept["foreign"]["number"]])


@of("findInvoices")
def find_invoices(w):
    whole = w.call("findInvoices", 200).json["invoices"]
    walk(w, "findInvoices", "invoices", whole)
    w.call("findInvoices", 200, query={"month": "2026-01", "kind": "invoice", "status": "cancelled", "q": "flat"})
    w.call("findInvoices", 400, query={"status": "wrong"})


@of("beginBillingRun")
def begin_billing_run(w):
    w.call("beginBillingRun", 422, body={})
    w.call("beginBillingRun", 202, body={"month": "2026-01", "dry_run": True})


@of("getBillingRun")
def get_billing_run(w):
    while w.call("getBillingRun", 200).json["state"] == "running":
        pass


@of("listBillingRunAccounts")
def list_billing_run_accounts(w):
    whole = w.call("listBillingRunAccounts", 200, query={"look": 0}).json["accounts"]
    walk(w, "listBillingRunAccounts", "accounts", whole, query={"look": 0})
    w.call("listBillingRunAccounts", 400, query={"look": 2})


@of("getInvoicesZip")
def get_invoices_zip(w):
    # A ZIP is made beside the requests for it: 503 until it is there.
    deadline = time.monotonic() + 60
    while w.send("GET", "/api/invoices.zip?month=2026-01", "admin").status == 503 and time.monotonic() < deadline:
        time.sleep(0.05)
    answer = w.call("getInvoicesZip", 200, query={"month": "2026-01"})
    w.report("a month is a ZIP", "" if answer.body.startswith(b"PK") else "it is not")
    w.call("getInvoicesZip", 400)
    w.call("getInvoicesZip", 404, query={"month": "2020-01"})


@of("disputeInvoice")
def dispute_invoice(w):
    other = ["m2", w.kept["other"]["number"]]
    w.call("disputeInvoice", 422, "resident", other, body={})
    w.kept["dispute"] = w.call("disputeInvoice", 201, "resident", other, body={"text": "The lift is on my meter"}).json["no"]
    w.call("disputeInvoice", 409, "resident", other, body={"text": "again"})
    w.call("disputeInvoice", 404, "resident", ["m3", w.kept["foreign"]["number"]], body={"text": "mine"})


@of("getThresholds")
def get_thresholds(w):
    w.call("getThresholds", 200, "resident", ["m1"])
    w.call("getThresholds", 200, path=["m3"])
    w.call("getThresholds", 404, "resident", ["m3"])


@of("setThresholds")
def set_thresholds(w):
    own = {"voltage_low": {"below_v": 200.5}, "odd_hours": {"above_w": 500, "from": "22:00", "to": "06:00"}, "budget_money": {"month_total": "1500.00"}}
    answer = w.call("setThresholds", 200, "resident", ["m1"], body={"thresholds": own}).json
    w.report("setThresholds: what is given is kept", "" if answer["given"] == own else str(answer["given"]))
    w.report("setThresholds: it holds", "" if answer["thresholds"]["voltage_low"]["below_v"] == 200.5 else str(answer["thresholds"]))
    w.report("setThresholds: what would hold without it is told", "" if answer["otherwise"]["voltage_low"]["below_v"] == 207 else str(answer["otherwise"]))
    w.call("setThresholds", 200, path=["m1"], body={"thresholds": {"silent": {"after_s": 600}}})
    w.call("setThresholds", 200, "resident", ["m1"], body={"thresholds": {}})
    w.call("setThresholds", 404, "resident", ["m3"], body={"thresholds": {}})
    w.call("setThresholds", 422, "resident", ["m1"], body={"thresholds": {"silent": {"after_s": 1}}})
    w.call("setThresholds", 422, "resident", ["m1"], body={})


@of("listAlerts")
def list_alerts(w):
    whole = w.call("listAlerts", 200).json["alerts"]
    walk(w, "listAlerts", "alerts", whole)
    walk(w, "listAlerts", "alerts", whole[::-1], query={"order": "newest"})
    w.report("listAlerts: there is one", "" if whole else "none")
    w.kept["alert"] = next((a["id"] for a in whole if a["device_id"] == "m1"), 0)
    w.call("listAlerts", 200, "resident", query={"state": "unended", "device": "m1", "kind": "voltage_high"})
    for query in ({"state": "closed"}, {"kind": "thunder"}, {"order": "up"}):
        w.call("listAlerts", 400, query=query)


@of("acknowledgeAlert")
def acknowledge_alert(w):
    w.call("acknowledgeAlert", 200, "resident", [w.kept["alert"]])
    w.call("acknowledgeAlert", 200, path=[w.kept["alert"]])
    w.call("acknowledgeAlert", 404, "resident", [999])


@of("getNotifications")
def get_notifications(w):
    w.call("getNotifications", 200, "resident")


@of("setNotifications")
def set_notifications(w):
    new = {"email": True, "webhook_url": "https://example.org/alerts", "kinds": ["silent", "overload"], "quiet_hours": {"from": "22:00", "to": "07:00"}}
    answer = w.call("setNotifications", 200, "resident", body=new).json
    w.report("setNotifications: the secret is shown", "" if answer.get("webhook_secret", "").startswith("whs_") else str(answer))
    again_ = w.call("setNotifications", 200, "resident", body=new).json
    w.report("setNotifications: once", "webhook_secret" if "webhook_secret" in again_ else "")
    w.call("setNotifications", 200, "resident", body={**new, "new_webhook_secret": True})
    w.call("setNotifications", 200, "resident", body={})
    for bad in ({"webhook_url": "http://example.org/"}, {"kinds": ["thunder"]}, {"quiet_hours": {"from": "25:00", "to": "07:00"}}, {"sms": True}):
        w.call("setNotifications", 422, "resident", body=bad)


@of("listDisputes")
def list_disputes(w):
    whole = w.call("listDisputes", 200).json["disputes"]
    walk(w, "listDisputes", "disputes", whole)
    w.call("listDisputes", 200, "resident", query={"open": 1})


@of("getDispute")
def get_dispute(w):
    w.call("getDispute", 200, "resident", [w.kept["dispute"]])
    w.call("getDispute", 200, path=[w.kept["dispute"]])
    w.call("getDispute", 404, "resident", [999])


@of("resolveDispute")
def resolve_dispute(w):
    text = {"text": "The lift has its own meter"}
    w.call("resolveDispute", 422, path=[w.kept["dispute"]], body={})
    w.call("resolveDispute", 200, path=[w.kept["dispute"]], body=text)
    w.call("resolveDispute", 409, path=[w.kept["dispute"]], body=text)
    w.call("resolveDispute", 404, path=[999], body=text)


# --- accounts and money ---


@of("createPayment")
def create_payment(w):
    part = {"amount": "100.00", "received_at": "2026-02-01T10:00:00+05:30", "method": "upi", "reference": "UTR 1"}
    account = [w.kept["account"]]
    w.kept["payment"] = w.call("createPayment", 201, path=account, body=part).json["no"]
    w.call("createPayment", 200, path=account, body=part, why="the same again")
    w.call("createPayment", 409, path=account, body={**part, "amount": "200.00"})
    w.call("createPayment", 422, path=account, body={**part, "amount": "0.00"})
    w.call("createPayment", 404, path=["a_nobodys"], body=part)
    part.pop("reference")
    w.call("createPayment", 201, path=account, body=part, headers={"Idempotency-Key": "k-1"})


@of("reverseEntry")
def reverse_entry(w):
    entry = [w.kept["account"], w.kept["payment"]]
    w.call("reverseEntry", 422, path=entry, body={})
    w.call("reverseEntry", 201, path=entry, body={"reason": "it bounced"})
    w.call("reverseEntry", 409, path=entry, body={"reason": "it bounced"})
    w.call("reverseEntry", 404, path=[w.kept["account"], 999], body={"reason": "it bounced"})


@of("listEntries")
def list_entries(w):
    whole = w.call("listEntries", 200, "resident", [w.kept["account"]]).json["entries"]
    walk(w, "listEntries", "entries", whole, "resident", [w.kept["account"]])
    w.call("listEntries", 404, "resident", [w.kept["foreign"]["account_id"]])


@of("creditInvoice")
def credit_invoice(w):
    invoice = ["m1", w.kept["invoice"]]
    w.call("creditInvoice", 422, path=invoice, body={})
    w.call("creditInvoice", 201, path=invoice, body={"reason": "a reading is missing"})
    w.call("creditInvoice", 409, path=invoice, body={"reason": "a reading is missing"})
    w.call("creditInvoice", 404, path=["m1", "SM0000-000000"], body={"reason": "a reading is missing"})


@of("issueInvoice")
def issue_invoice(w):
    month = {"month": "2026-01", "reason": "read at the door"}
    w.call("issueInvoice", 422, path=["m1"], body={})
    w.call("issueInvoice", 201, path=["m1"], body=month)
    w.call("issueInvoice", 409, path=["m1"], body=month)
    w.call("issueInvoice", 404, path=["absent"], body=month)


@of("createAccount")
def create_account(w):
    account = {"person": "Mira", "place": "Flat 7", "email": "mira@example.org", "from": "2026-01-01", "sanctioned_load_kw": 3,
               "meters": [{"device_id": "new-1"}]}
    w.kept["mira"] = w.call("createAccount", 201, body=account).json["account_id"]
    w.call("createAccount", 409, body={**account, "place": "Flat 8"}, why="the meter serves somebody")
    w.call("createAccount", 422, body={})


@of("listAccounts")
def list_accounts(w):
    whole = w.call("listAccounts", 200).json["accounts"]
    walk(w, "listAccounts", "accounts", whole)
    own = w.call("listAccounts", 200, "resident").json["accounts"]
    w.report("a resident sees their own accounts", "" if {a["email"] for a in own} == {os.environ["RESIDENT"]} else str(own))


@of("getAccount")
def get_account(w):
    w.call("getAccount", 200, "resident", [w.kept["account"]])
    w.call("getAccount", 404, "resident", [w.kept["mira"]])


@of("updateAccount")
def update_account(w):
    w.call("updateAccount", 200, path=[w.kept["mira"]], body={"place": "Flat 9", "to": "2027-01-01"})
    w.call("updateAccount", 422, path=[w.kept["mira"]], body={"to": "next year"})
    w.call("updateAccount", 409, path=[w.kept["mira"]], body={"meters": [{"device_id": "m1"}]})
    w.call("updateAccount", 404, path=["a_nobodys"], body={"place": "Flat 9"})


@of("importPayments")
def import_payments(w):
    csv = f"account,amount,received,reference\n{w.kept['account']},1.00,2026-02-01,UTR 2\n"
    w.call("importPayments", 200, query={"dry_run": 1}, body=csv, headers={"Content-Type": "text/csv"})
    w.call("importPayments", 200, body=csv, headers={"Content-Type": "text/csv"})
    w.call("importPayments", 400, body="", headers={"Content-Type": "text/csv"})
    w.call("importPayments", 422, body=csv + "absent,1.00,2026-02-01,UTR 3\n", headers={"Content-Type": "text/csv"})


@of("importAccounts")
def import_accounts(w):
    csv = "account,person,place,device\n301,Meena,Flat 301,\n"
    w.call("importAccounts", 200, query={"dry_run": 1}, body=csv, headers={"Content-Type": "text/csv"})
    w.call("importAccounts", 200, body=csv, headers={"Content-Type": "text/csv; charset=utf-8"})
    w.call("importAccounts", 400, body="", headers={"Content-Type": "text/csv"})
    w.call("importAccounts", 422, body=csv + "302,X,,absent\n", headers={"Content-Type": "text/csv"})


@of("getStatement")
def get_statement(w):
    w.call("getStatement", 200, query={"place": "Flat 9", "month": "2026-01"})
    w.call("getStatement", 400)
    w.call("getStatement", 404, "resident", query={"place": "Flat 9", "month": "2026-01"})


@of("addUtilityBill")
def add_utility_bill(w):
    bill = {"main_meter": "main", "supplier": "BESCOM", "number": "77/1", "from": "2026-01-01", "to": "2026-02-01", "kwh": 901,
            "amount": "6300.00", "tax": "567.01", "split": "use", "tariffs": ["LT-1 Domestic"]}
    w.kept["utility"] = w.call("addUtilityBill", 201, body=bill).json["utility_id"]
    w.call("addUtilityBill", 409, body=bill)
    w.call("addUtilityBill", 422, body={})
    w.kept["mistake"] = w.call("addUtilityBill", 201, body={**bill, "number": "77/2"}).json["utility_id"]


@of("listUtilityBills")
def list_utility_bills(w):
    whole = w.call("listUtilityBills", 200).json["utility_bills"]
    walk(w, "listUtilityBills", "utility_bills", whole)


@of("getUtilityBill")
def get_utility_bill(w):
    w.call("getUtilityBill", 200, path=[w.kept["utility"]])
    w.call("getUtilityBill", 404, path=["u_none"])


@of("cancelUtilityBill")
def cancel_utility_bill(w):
    w.call("cancelUtilityBill", 422, path=[w.kept["mistake"]], body={})
    w.call("cancelUtilityBill", 200, path=[w.kept["mistake"]], body={"reason": "entered twice"})
    w.call("cancelUtilityBill", 409, path=[w.kept["mistake"]], body={"reason": "entered twice"})
    w.call("cancelUtilityBill", 404, path=["u_none"], body={"reason": "entered twice"})


@of("postUtilityBill")
def post_utility_bill(w):
    w.call("postUtilityBill", 200, path=[w.kept["utility"]])
    w.call("postUtilityBill", 409, path=[w.kept["utility"]])
    w.call("postUtilityBill", 404, path=["u_none"])


@of("reverseUtilityBill")
def reverse_utility_bill(w):
    w.call("reverseUtilityBill", 422, path=[w.kept["utility"]], body={})
    w.call("reverseUtilityBill", 200, path=[w.kept["utility"]], body={"reason": "the pump was on the main meter"})
    w.call("reverseUtilityBill", 409, path=[w.kept["utility"]], body={"reason": "again"})
    w.call("reverseUtilityBill", 404, path=["u_none"], body={"reason": "again"})


# --- tariffs ---

TARIFF = {"name": "LT-1 Domestic", "effective_from": "2027-01-01", "slabs": [{"up_to_kwh": 100, "rate": "5.00"},
          {"up_to_kwh": None, "rate": "6.00"}], "fixed_charge": "10.00", "taxes": [{"name": "GST", "percent": "18"}]}
RICH = {**TARIFF, "name": "Shops", "slab_mode": "whole_use", "prorate_slabs": True, "minimum_charge": "20.00", "fixed_per_kw": "5.00",
        "time_of_day": [{"name": "Evening", "from": "18:00", "to": "22:00", "days": ["mon", "tue"], "percent": "20"}],
        "holidays": ["2027-01-26"], "demand": {"rate_per_kw": "100.00", "window_minutes": 30},
        "surcharges": [{"name": "Fuel", "per_kwh": "0.10"}, {"name": "Cess", "percent": "1"}], "round_total_to": "1.00"}


@of("createTariff")
def create_tariff(w):
    w.call("createTariff", 201, body=TARIFF)
    w.call("createTariff", 201, body=RICH)
    w.call("createTariff", 201, body=TARIFF, why="the same again is the same version")
    w.call("createTariff", 422, body={**TARIFF, "slabs": []})
    early = {**TARIFF, "effective_from": "2026-01-15"}
    w.call("createTariff", 409, body=early, why="a period that is invoiced")
    w.call("createTariff", 202, query={"wait": 0}, body={**early, "rebill": True}, why="who does not wait")
    effects = w.call("createTariff", 200, body={**early, "rebill": True}).json
    w.call("createTariff", 409, query={"confirm": "x"}, body={**early, "rebill": True})
    w.call("createTariff", 201, query={"confirm": effects["confirm"]}, body={**early, "rebill": True})


@of("listTariffs")
def list_tariffs(w):
    whole = again(w, "listTariffs").json["tariffs"]
    walk(w, "listTariffs", "tariffs", whole, "resident")
    only = w.call("listTariffs", 200, query={"name": "Shops"}).json["tariffs"]
    w.report("tariffs of one name", "" if [t["name"] for t in only] == ["Shops"] else str(only))


@of("previewTariff")
def preview_tariff(w):
    w.call("previewTariff", 200, body={"tariff": TARIFF, "month": "2026-01", "device_id": "m1"})
    w.call("previewTariff", 200, body={"tariff": TARIFF, "month": "2026-01"}, query={"limit": 1})
    w.call("previewTariff", 422, body={"tariff": {**TARIFF, "fixed_charge": "x"}, "month": "2026-01"})
    w.call("previewTariff", 404, body={"tariff": TARIFF, "month": "2026-01", "device_id": "absent"})


@of("listExceptions")
def list_exceptions(w):
    whole = w.call("listExceptions", 200).json["exceptions"]
    walk(w, "listExceptions", "exceptions", whole)
    w.call("listExceptions", 200, query={"state": "open", "account": w.kept["account"]})
    w.call("listExceptions", 400, query={"state": "wrong"})
    w.kept["exceptions"] = [e["no"] for e in whole if e["decided"] is None and e["state"] == "open"]


@of("decideException")
def decide_exception(w):
    no = [w.kept["exceptions"][0]]
    w.call("decideException", 422, path=no, body={})
    w.call("decideException", 200, path=no, body={"action": "dismiss", "reason": "too small"})
    w.call("decideException", 409, path=no, body={"action": "dismiss", "reason": "too small"})
    w.call("decideException", 404, path=[99999], body={"action": "dismiss", "reason": "too small"})


# --- operations ---


@of("listRejects")
def list_rejects(w):
    whole = w.call("listRejects", 200).json["rejects"]
    w.report("refused messages are there", "" if len(whole) >= 2 else str(whole))
    walk(w, "listRejects", "rejects", whole)
    w.call("listRejects", 400, query={"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"})


@of("getOpenApi")
def get_open_api(w):
    plain = again(w, "getOpenApi", "nobody")
    for coding in ("gzip", "br"):
        answer = w.call("getOpenApi", 304, "nobody", headers={"Accept-Encoding": coding, "If-None-Match": plain.headers["ETag"]})
        w.report(f"a 304 in {coding} has no coding", answer.headers.get("Content-Encoding") or "")


@of("getApiDocs")
def get_api_docs(w):
    again(w, "getApiDocs", "nobody")


@of("health")
def health(w):
    w.call("health", 200, "nobody")


@of("ready")
def ready(w):
    w.call("ready", 200, "nobody")


@of("live")
def live(w):
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    w.call("live", 101, "nobody", headers=upgrade)
    w.call("live", 101, "nobody", headers={**upgrade, "Origin": os.environ["ALLOWED_ORIGIN"]}, why="from a named origin")
    w.call("live", 400, "nobody", headers={**upgrade, "Sec-WebSocket-Key": "x"})
    w.call("live", 400, "nobody", query={"token": "x"}, headers=upgrade, why="a token in the address")
    w.call("live", 403, "nobody", headers={**upgrade, **ELSEWHERE})
    w.call("live", 426, "nobody")
    hello = {"token": w.tokens["resident"], "devices": ["m1"]}
    w.report("the hello is as documented", w.document.wrong({"$ref": "#/components/schemas/LiveHello"}, hello))
    line = socket.create_connection(("127.0.0.1", w.port), timeout=60)
    websocket.handshake(line, w.port, "/api/live")
    websocket.send(line, 1, calls_json(hello))
    for schema in ("LiveReady", "LiveReading"):
        message = next_text(line)
        w.report(f"{schema} is as documented", w.document.wrong({"$ref": f"#/components/schemas/{schema}"}, message))
    websocket.send(line, 1, calls_json({"token": w.tokens["resident"]}))
    w.report("LiveRenewed is as documented", w.document.wrong({"$ref": "#/components/schemas/LiveRenewed"}, next_text(line)))
    line.close()


def calls_json(value):
    import json
    return json.dumps(value).encode()


def next_text(line):
    import json
    while True:
        opcode, payload = websocket.receive(line)
        if opcode == 1:
            return json.loads(payload)


# After these, for they take away what these are about.
import calls_meters  # noqa: E402, F401
import calls_people  # noqa: E402, F401
import calls_keys  # noqa: E402, F401
