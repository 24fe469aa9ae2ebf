/* What must hold of entries, corrections and disputes, as queries. */
#include "store/ledger/ledger_internal.h"

const sm_ledger_rule sm_ledger_money_rules[] = {
    {"entry", "entries",
     "SELECT r.entry_no, 'it is not the opposite of the entry that it takes back'"
     " FROM entry r LEFT JOIN entry e ON e.entry_no = r.reverses WHERE r.kind = 'reversal'"
     " AND (e.account_no IS NOT r.account_no OR e.amount_minor IS NOT -r.amount_minor"
     " OR e.currency IS NOT r.currency)"},
    {"entry", "entries",
     "SELECT reverses, format('it is taken back %s times', count(*)) FROM entry"
     " WHERE reverses IS NOT NULL GROUP BY reverses HAVING count(*) > 1"},
    {"entry", "entries",
     "SELECT min(entry_no), format('the same payment is there %s times', count(*)) FROM entry"
     " WHERE reference IS NOT NULL GROUP BY account_no, reference HAVING count(*) > 1"},
    {"entry", "entries",
     "SELECT min(entry_no), format('the same request is there %s times', count(*)) FROM entry"
     " WHERE request_key IS NOT NULL GROUP BY site_no, request_key HAVING count(*) > 1"},
    {"entry", "entries",
     "SELECT i.number, format('it has %s late fees for its overdue month %s', count(*), e.part)"
     " FROM entry e JOIN invoice i USING (invoice_no) WHERE e.kind = 'fee'"
     " GROUP BY e.invoice_no, e.part, i.number HAVING count(*) > 1"},
    {"entry", "entries",
     "SELECT i.number, 'a late fee was written down while it was disputed'"
     " FROM entry e JOIN dispute d USING (invoice_no) JOIN invoice i USING (invoice_no)"
     " WHERE e.kind = 'fee' AND e.posted_ms > d.opened_ms"
     " AND (d.resolved_ms IS NULL OR e.posted_ms < d.resolved_ms)"},
    {"invoice", "invoices",
     "SELECT n.number, 'it does not give back what the invoice is about' FROM invoice n"
     " JOIN invoice i ON i.account_no = n.account_no AND i.kind = 'invoice' AND i.month = n.month"
     " AND i.revision = n.revision WHERE n.kind = 'credit_note'"
     " AND (n.total_minor <> i.total_minor OR n.tax_minor <> i.tax_minor"
     " OR n.currency <> i.currency)"},
    {"exception", "corrections",
     "SELECT exception_no, format('it stands on %s invoices', count(*)) FROM settled"
     " GROUP BY exception_no HAVING count(*) > 1"},
    {"exception", "corrections",
     "SELECT e.exception_no, 'it stands on an invoice, and is not meant to'"
     " FROM settled s JOIN exception e USING (exception_no)"
     " JOIN invoice i ON i.invoice_no = s.invoice_no"
     " WHERE e.state <> 'true_up' OR i.account_no <> e.account_no"},
    {"exception", "corrections",
     "SELECT e.exception_no, 'it waits, but its invoice was taken back' FROM exception e"
     " JOIN invoice i USING (invoice_no) WHERE e.cause <> 'credit'"
     " AND e.state IN ('open', 'true_up') AND EXISTS (" SM_LEDGER_CREDIT_NOTE ")"
     " AND NOT EXISTS (SELECT 1 FROM settlement s WHERE s.exception_no = e.exception_no)"},
    {"exception", "corrections",
     "SELECT exception_no, 'its taxes do not add up' FROM exception WHERE tax_minor IS NOT"
     " (SELECT coalesce(sum(CAST(json_extract(value, '$.amount_minor') AS INTEGER)), 0) FROM "
     "json_each(taxes))"},
    {"exception", "corrections",
     "SELECT i.number, 'its lines of kind true_up are not the corrections that stand on it'"
     " FROM invoice i WHERE i.kind = 'invoice' AND json_valid(i.body)"
     " AND (SELECT coalesce(sum(CAST(replace(json_extract(value, '$.amount'), '.', '') AS "
     "INTEGER)),"
     " 0) FROM json_each(i.body, '$.lines') WHERE json_extract(value, '$.kind') = 'true_up')"
     " <> (SELECT coalesce(sum(e.net_minor), 0) FROM settlement s JOIN exception e"
     " USING (exception_no) WHERE s.invoice_no = i.invoice_no)"},
    {"utility", "utility bills",
     "SELECT b.utility_id, format('account %s takes %s minor units of it, and its entry does not "
     "say"
     " so', a.account_id, s.common_minor) FROM utility_share s JOIN account a USING (account_no)"
     " JOIN utility_posting p USING (posting_no) JOIN utility_bill b USING (utility_no)"
     " LEFT JOIN entry e ON e.entry_no = s.entry_no WHERE s.common_minor <> 0"
     " AND (e.kind IS NOT 'common' OR e.account_no IS NOT s.account_no"
     " OR e.amount_minor IS NOT s.common_minor OR e.currency IS NOT b.currency)"},
    {"utility", "utility bills",
     "SELECT e.entry_no, 'it is part of no utility bill that is posted' FROM entry e"
     " WHERE e.kind = 'common'"
     " AND NOT EXISTS (SELECT 1 FROM utility_share s WHERE s.entry_no = e.entry_no)"},
    {"utility", "utility bills",
     "SELECT b.utility_id, format('entry %s of it is %s', s.entry_no, iif(p.reversed_ms IS NULL,"
     " 'taken back, though it is posted', 'not taken back, though it is'))"
     " FROM utility_share s JOIN utility_posting p USING (posting_no)"
     " JOIN utility_bill b USING (utility_no) WHERE s.entry_no IS NOT NULL"
     " AND (p.reversed_ms IS NULL) ="
     " EXISTS (SELECT 1 FROM entry r WHERE r.reverses = s.entry_no)"},
    {"utility", "utility bills",
     "SELECT b.utility_id, format('its parts add up to %s minor units, and it costs %s',"
     " sum(s.energy_minor + s.common_minor), b.amount_minor + b.tax_minor)"
     " FROM utility_share s JOIN utility_posting p USING (posting_no)"
     " JOIN utility_bill b USING (utility_no) GROUP BY p.posting_no, b.utility_id, b.amount_minor, "
     "b.tax_minor"
     " HAVING sum(s.energy_minor + s.common_minor) <> b.amount_minor + b.tax_minor"},
    {"dispute", "disputes",
     "SELECT d.dispute_no, 'it is open, and its invoice was taken back' FROM dispute d"
     " JOIN invoice i USING (invoice_no) WHERE d.resolved_ms IS NULL"
     " AND EXISTS (" SM_LEDGER_CREDIT_NOTE ")"},
    {"dispute", "disputes",
     "SELECT i.number, format('%s disputes of it are open', count(*)) FROM dispute d"
     " JOIN invoice i USING (invoice_no) WHERE d.resolved_ms IS NULL"
     " GROUP BY d.invoice_no, i.number HAVING count(*) > 1"},
    {"dispute", "disputes",
     "SELECT d.dispute_no, 'it belongs to an invoice of another account' FROM dispute d"
     " JOIN invoice i USING (invoice_no) WHERE i.account_no <> d.account_no"},
};

const size_t sm_ledger_money_rule_count =
    sizeof sm_ledger_money_rules / sizeof sm_ledger_money_rules[0];
