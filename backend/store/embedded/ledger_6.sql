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
