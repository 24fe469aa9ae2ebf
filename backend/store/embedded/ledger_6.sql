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
