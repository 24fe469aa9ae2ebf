-- The ledger, version 6: signed heads of the audit log.

-- One for each transaction that added entries: its last one.
CREATE TABLE audit_head (
  audit_no INTEGER PRIMARY KEY REFERENCES audit,
  site_no INTEGER NOT NULL REFERENCES site,
  at_ms INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  kid TEXT NOT NULL CHECK (kid <> ''),
  signature BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT;
CREATE INDEX audit_subject ON audit (subject);

CREATE TRIGGER audit_head_keep BEFORE UPDATE ON audit_head
  BEGIN SELECT RAISE(ABORT, 'a signed head is never changed'); END;
CREATE TRIGGER audit_head_stay BEFORE DELETE ON audit_head
  BEGIN SELECT RAISE(ABORT, 'a signed head is never deleted'); END;
CREATE TRIGGER audit_head_end BEFORE INSERT ON audit_head
  WHEN NEW.audit_no IS NOT (SELECT max(audit_no) FROM audit)
    OR NEW.hash IS NOT (SELECT hash FROM audit WHERE audit_no = NEW.audit_no)
    OR NEW.audit_no <= coalesce((SELECT max(audit_no) FROM audit_head), 0)
  BEGIN SELECT RAISE(ABORT, 'the end of the audit log is signed, once'); END;

-- API keys; their secrets are known by hash alone.
CREATE TABLE api_key (
  key_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  key_id TEXT NOT NULL UNIQUE CHECK (key_id <> ''),
  name TEXT NOT NULL CHECK (name <> ''),
  scopes TEXT NOT NULL CHECK (scopes <> ''),
  devices TEXT CHECK (devices <> ''),
  created_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL CHECK (created_by <> ''),
  revoked_ms INTEGER,
  last_used_ms INTEGER
) STRICT;
CREATE TABLE api_secret (
  hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
  site_no INTEGER NOT NULL REFERENCES site,
  key_no INTEGER NOT NULL REFERENCES api_key,
  made_no INTEGER NOT NULL,
  ends_ms INTEGER NOT NULL,
  UNIQUE (key_no, made_no)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER api_key_keep BEFORE UPDATE ON api_key
  WHEN OLD.revoked_ms IS NOT NULL OR NEW.key_id IS NOT OLD.key_id OR NEW.scopes IS NOT OLD.scopes
    OR NEW.devices IS NOT OLD.devices OR NEW.created_ms IS NOT OLD.created_ms
    OR NEW.created_by IS NOT OLD.created_by
  BEGIN SELECT RAISE(ABORT, 'a key keeps what it may, and stays revoked'); END;
CREATE TRIGGER api_key_stay BEFORE DELETE ON api_key
  BEGIN SELECT RAISE(ABORT, 'a key is revoked, not deleted'); END;

-- A person who was erased: the row stays, since invoices and entries lead to it.
ALTER TABLE user ADD COLUMN erased_ms INTEGER;

-- What is written once stays, but for the seal of a name (another key) and free texts of a person.
DROP TRIGGER invoice_keep;
CREATE TRIGGER invoice_keep BEFORE UPDATE ON invoice
  WHEN NEW.invoice_no IS NOT OLD.invoice_no OR NEW.site_no IS NOT OLD.site_no
    OR NEW.account_no IS NOT OLD.account_no OR NEW.device_no IS NOT OLD.device_no
    OR NEW.kind IS NOT OLD.kind OR NEW.month IS NOT OLD.month OR NEW.revision IS NOT OLD.revision
    OR NEW.series IS NOT OLD.series OR NEW.financial_year IS NOT OLD.financial_year
    OR NEW.serial IS NOT OLD.serial OR NEW.number IS NOT OLD.number
    OR NEW.total_minor IS NOT OLD.total_minor OR NEW.tax_minor IS NOT OLD.tax_minor
    OR NEW.currency IS NOT OLD.currency OR NEW.issued_ms IS NOT OLD.issued_ms
    OR NEW.due_ms IS NOT OLD.due_ms OR NEW.body IS NOT OLD.body
    OR json_remove(NEW.snapshot, '$.payer.person_sealed', '$.payer.name_sealed',
        '$.payer.email_sealed')
      IS NOT json_remove(OLD.snapshot, '$.payer.person_sealed', '$.payer.name_sealed',
        '$.payer.email_sealed')
    OR (json_extract(NEW.snapshot, '$.payer.person_sealed') IS NULL)
      <> (json_extract(OLD.snapshot, '$.payer.person_sealed') IS NULL)
    OR (json_extract(NEW.snapshot, '$.payer.name_sealed') IS NULL)
      <> (json_extract(OLD.snapshot, '$.payer.name_sealed') IS NULL)
    OR (json_extract(NEW.snapshot, '$.payer.email_sealed') IS NULL)
      <> (json_extract(OLD.snapshot, '$.payer.email_sealed') IS NULL)
  BEGIN SELECT RAISE(ABORT, 'an issued invoice is never changed'); END;
DROP TRIGGER entry_keep;
CREATE TRIGGER entry_keep BEFORE UPDATE ON entry
  WHEN NEW.entry_no IS NOT OLD.entry_no OR NEW.site_no IS NOT OLD.site_no
    OR NEW.account_no IS NOT OLD.account_no OR NEW.kind IS NOT OLD.kind
    OR NEW.amount_minor IS NOT OLD.amount_minor OR NEW.currency IS NOT OLD.currency
    OR NEW.invoice_no IS NOT OLD.invoice_no OR NEW.at_ms IS NOT OLD.at_ms
    OR NEW.posted_ms IS NOT OLD.posted_ms OR NEW.made_by IS NOT OLD.made_by
    OR NEW.method IS NOT OLD.method OR NEW.reference IS NOT OLD.reference
    OR NEW.request_key IS NOT OLD.request_key OR NEW.part IS NOT OLD.part
    OR NEW.reverses IS NOT OLD.reverses
    OR json_remove(NEW.note, '$.reason') IS NOT json_remove(OLD.note, '$.reason')
    OR coalesce(json_extract(NEW.note, '$.reason'), 'sealed:') NOT LIKE 'sealed:%'
  BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END;
DROP TRIGGER dispute_keep;
CREATE TRIGGER dispute_keep BEFORE UPDATE ON dispute
  WHEN NEW.dispute_no IS NOT OLD.dispute_no OR NEW.site_no IS NOT OLD.site_no
    OR NEW.account_no IS NOT OLD.account_no OR NEW.invoice_no IS NOT OLD.invoice_no
    OR NEW.opened_ms IS NOT OLD.opened_ms OR NEW.opened_by IS NOT OLD.opened_by
    OR NEW.explanation IS NOT OLD.explanation
    OR (NEW.text IS NOT OLD.text AND NEW.text NOT LIKE 'sealed:%' AND NEW.text <> '(erased)')
    OR (OLD.resolved_ms IS NOT NULL AND (NEW.resolved_ms IS NOT OLD.resolved_ms
      OR NEW.resolved_by IS NOT OLD.resolved_by OR (NEW.resolution IS NOT OLD.resolution
        AND NEW.resolution NOT LIKE 'sealed:%' AND NEW.resolution <> '(erased)')))
  BEGIN SELECT RAISE(ABORT, 'a dispute is resolved once, and nothing else of it changes'); END;
