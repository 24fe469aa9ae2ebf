-- The ledger, version 1. docs/ledger-schema.md says what each table is for.
-- Instants are ms UTC, dates 'YYYY-MM-DD' in the site's zone, money whole minor units.
-- Every row carries its site; there is one, number 1.

CREATE TABLE site (
  site_no INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  zone TEXT NOT NULL CHECK (zone <> ''),
  currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
  landlord TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(landlord)),
  demo INTEGER NOT NULL DEFAULT 0 CHECK (demo IN (0, 1)),
  created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE setting (
  site_no INTEGER NOT NULL REFERENCES site,
  key TEXT NOT NULL CHECK (key <> ''),
  value TEXT NOT NULL,
  PRIMARY KEY (site_no, key)
) STRICT, WITHOUT ROWID;

-- People who may log in or own a tenancy. Sealed columns carry the id of their key inside.
CREATE TABLE user (
  user_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  user_id TEXT NOT NULL UNIQUE CHECK (user_id <> ''),
  email_hash BLOB NOT NULL UNIQUE CHECK (length(email_hash) = 32),
  email_sealed BLOB,
  name_sealed BLOB,
  phone_sealed BLOB,
  role TEXT NOT NULL CHECK (role IN ('consumer', 'admin')),
  password_hash TEXT CHECK (password_hash <> ''),
  disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
  created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE session (
  token_hash BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
  site_no INTEGER NOT NULL REFERENCES site,
  user_no INTEGER NOT NULL REFERENCES user,
  family TEXT NOT NULL CHECK (family <> ''),
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  uses INTEGER NOT NULL DEFAULT 0 CHECK (uses BETWEEN 0 AND 2),
  used_ms INTEGER,
  successor BLOB CHECK (length(successor) = 32),
  CHECK ((uses = 0) = (used_ms IS NULL)),
  CHECK ((uses = 0) = (successor IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX session_family ON session (family);
CREATE INDEX session_user ON session (user_no);
CREATE INDEX session_expires ON session (expires_ms);

-- A meter. What it measures for whom is account_meter's. changed_no grows with every addition and
-- revocation in the whole table: what a process that keeps the ids in memory has not seen yet.
CREATE TABLE device (
  device_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  device_id TEXT NOT NULL UNIQUE
    CHECK (length(device_id) BETWEEN 1 AND 64 AND device_id NOT GLOB '*[^A-Za-z0-9_-]*'),
  name TEXT,
  modulus_wh INTEGER NOT NULL DEFAULT 10000000 CHECK (modulus_wh > 0),
  max_power_w INTEGER NOT NULL DEFAULT 23000 CHECK (max_power_w > 0),
  ct_ratio_milli INTEGER NOT NULL DEFAULT 1000 CHECK (ct_ratio_milli > 0),
  channel_note TEXT,
  created_ms INTEGER NOT NULL,
  revoked_ms INTEGER,
  changed_no INTEGER NOT NULL UNIQUE CHECK (changed_no > 0)
) STRICT;

CREATE TABLE place (
  place_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  name TEXT NOT NULL CHECK (name <> ''),
  address_sealed BLOB,
  UNIQUE (site_no, name)
) STRICT;

-- A tenancy: a person in a place from a day to a day (the day after the last; NULL is open).
CREATE TABLE account (
  account_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  account_id TEXT NOT NULL UNIQUE CHECK (account_id <> ''),
  user_no INTEGER REFERENCES user,
  place_no INTEGER REFERENCES place,
  person_sealed BLOB,
  from_date TEXT CHECK (date(from_date) IS from_date),
  to_date TEXT CHECK (date(to_date) IS to_date),
  sanctioned_load_w INTEGER NOT NULL DEFAULT 0 CHECK (sanctioned_load_w >= 0),
  created_ms INTEGER NOT NULL,
  CHECK (from_date IS NULL OR to_date IS NULL OR from_date <= to_date)
) STRICT;
CREATE INDEX account_user ON account (user_no);
CREATE INDEX account_place ON account (place_no);

CREATE TABLE account_meter (
  meter_no INTEGER PRIMARY KEY,
  site_no INTEGER NOT NULL REFERENCES site,
  account_no INTEGER NOT NULL REFERENCES account,
  device_no INTEGER NOT NULL REFERENCES device,
  channel INTEGER NOT NULL DEFAULT 0 CHECK (channel BETWEEN 0 AND 255),
  from_ms INTEGER,
  to_ms INTEGER,
  sign INTEGER NOT NULL CHECK (sign IN (1, -1)),
  multiplier_milli INTEGER NOT NULL CHECK (multiplier_milli > 0),
  CHECK (from_ms IS NULL OR to_ms IS NULL OR from_ms <= to_ms)
) STRICT;
CREATE INDEX account_meter_account ON account_meter (account_no);
CREATE INDEX account_meter_device ON account_meter (device_no);

-- A tariff is a name; what it says is in its versions, which never change.
CREATE TABLE tariff (
  tariff_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  name TEXT NOT NULL CHECK (name <> ''),
  UNIQUE (site_no, name)
) STRICT;

CREATE TABLE tariff_version (
  tariff_no INTEGER NOT NULL REFERENCES tariff,
  version INTEGER NOT NULL CHECK (version > 0),
  site_no INTEGER NOT NULL REFERENCES site,
  effective_from TEXT NOT NULL CHECK (date(effective_from) IS effective_from),
  body TEXT NOT NULL CHECK (json_valid(body)),
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (tariff_no, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX tariff_version_day ON tariff_version (tariff_no, effective_from, version);

-- Which tariff an account is on; '' is from its beginning.
CREATE TABLE account_tariff (
  account_no INTEGER NOT NULL REFERENCES account,
  from_date TEXT NOT NULL CHECK (from_date = '' OR date(from_date) IS from_date),
  site_no INTEGER NOT NULL REFERENCES site,
  tariff_no INTEGER NOT NULL REFERENCES tariff,
  PRIMARY KEY (account_no, from_date)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_tariff_tariff ON account_tariff (tariff_no);

CREATE TABLE invoice_series (
  site_no INTEGER NOT NULL REFERENCES site,
  series TEXT NOT NULL CHECK (length(series) BETWEEN 1 AND 5 AND series NOT GLOB '*[^A-Z0-9]*'),
  financial_year TEXT NOT NULL CHECK (financial_year GLOB '[0-9][0-9][0-9][0-9]'),
  last_serial INTEGER NOT NULL CHECK (last_serial BETWEEN 1 AND 999999),
  PRIMARY KEY (site_no, series, financial_year)
) STRICT, WITHOUT ROWID;

-- Issued, so never changed. A credit note has the month and revision of the invoice that it takes
-- back. Whether it is paid, overdue or cancelled follows from entries, dates and credit notes.
CREATE TABLE invoice (
  invoice_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  account_no INTEGER NOT NULL REFERENCES account,
  device_no INTEGER REFERENCES device,
  kind TEXT NOT NULL CHECK (kind IN ('invoice', 'credit_note')),
  month TEXT NOT NULL CHECK (strftime('%Y-%m', month || '-01') IS month),
  revision INTEGER NOT NULL CHECK (revision > 0),
  series TEXT NOT NULL,
  financial_year TEXT NOT NULL,
  serial INTEGER NOT NULL CHECK (serial BETWEEN 1 AND 999999),
  number TEXT NOT NULL UNIQUE,
  total_minor INTEGER NOT NULL,
  tax_minor INTEGER NOT NULL,
  currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
  issued_ms INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  body TEXT NOT NULL CHECK (json_valid(body)),
  snapshot TEXT NOT NULL CHECK (json_valid(snapshot)),
  UNIQUE (account_no, kind, month, revision),
  UNIQUE (site_no, series, financial_year, serial),
  FOREIGN KEY (site_no, series, financial_year) REFERENCES invoice_series,
  CHECK (number = printf('%s%s-%06d', series, financial_year, serial))
) STRICT;

-- An account's own ledger: what it owes is the sum (positive: owed).
CREATE TABLE entry (
  entry_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  account_no INTEGER NOT NULL REFERENCES account,
  kind TEXT NOT NULL CHECK (kind IN ('invoice', 'payment', 'credit', 'fee', 'prepayment')),
  amount_minor INTEGER NOT NULL,
  currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
  invoice_no INTEGER REFERENCES invoice,
  at_ms INTEGER NOT NULL,
  note TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(note)),
  CHECK (kind <> 'invoice' OR invoice_no IS NOT NULL),
  CHECK (kind NOT IN ('payment', 'prepayment') OR amount_minor <= 0)
) STRICT;
CREATE INDEX entry_account ON entry (account_no);
CREATE INDEX entry_invoice ON entry (invoice_no);
CREATE UNIQUE INDEX entry_once ON entry (invoice_no) WHERE kind = 'invoice';

CREATE TABLE audit (
  audit_no INTEGER PRIMARY KEY,
  site_no INTEGER NOT NULL REFERENCES site,
  at_ms INTEGER NOT NULL,
  actor TEXT NOT NULL CHECK (actor <> ''),
  action TEXT NOT NULL CHECK (action <> ''),
  subject TEXT NOT NULL,
  detail TEXT NOT NULL CHECK (json_valid(detail)),
  previous_hash BLOB NOT NULL CHECK (length(previous_hash) = 32),
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- What is written once stays.
CREATE TRIGGER tariff_keep BEFORE UPDATE ON tariff
  BEGIN SELECT RAISE(ABORT, 'a tariff is never changed'); END;
CREATE TRIGGER tariff_stay BEFORE DELETE ON tariff
  BEGIN SELECT RAISE(ABORT, 'a tariff is never deleted'); END;
CREATE TRIGGER tariff_version_keep BEFORE UPDATE ON tariff_version
  BEGIN SELECT RAISE(ABORT, 'a tariff version is never changed'); END;
CREATE TRIGGER tariff_version_stay BEFORE DELETE ON tariff_version
  BEGIN SELECT RAISE(ABORT, 'a tariff version is never deleted'); END;
CREATE TRIGGER invoice_keep BEFORE UPDATE ON invoice
  BEGIN SELECT RAISE(ABORT, 'an issued invoice is never changed'); END;
CREATE TRIGGER invoice_stay BEFORE DELETE ON invoice
  BEGIN SELECT RAISE(ABORT, 'an issued invoice is never deleted'); END;
CREATE TRIGGER entry_keep BEFORE UPDATE ON entry
  BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END;
CREATE TRIGGER entry_stay BEFORE DELETE ON entry
  BEGIN SELECT RAISE(ABORT, 'an entry is never deleted'); END;
CREATE TRIGGER audit_keep BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is never changed'); END;
CREATE TRIGGER audit_stay BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is never deleted'); END;

-- INSERT OR REPLACE deletes without asking the triggers above.
CREATE TRIGGER tariff_once BEFORE INSERT ON tariff
  WHEN EXISTS (SELECT 1 FROM tariff WHERE tariff_no = NEW.tariff_no)
    OR EXISTS (SELECT 1 FROM tariff WHERE site_no = NEW.site_no AND name = NEW.name)
  BEGIN SELECT RAISE(ABORT, 'a tariff is never replaced'); END;
CREATE TRIGGER tariff_version_once BEFORE INSERT ON tariff_version
  WHEN EXISTS (SELECT 1 FROM tariff_version
    WHERE tariff_no = NEW.tariff_no AND version = NEW.version)
  BEGIN SELECT RAISE(ABORT, 'a tariff version is never replaced'); END;
CREATE TRIGGER invoice_once BEFORE INSERT ON invoice
  WHEN EXISTS (SELECT 1 FROM invoice WHERE invoice_no = NEW.invoice_no)
    OR EXISTS (SELECT 1 FROM invoice WHERE number = NEW.number)
    OR EXISTS (SELECT 1 FROM invoice WHERE account_no = NEW.account_no AND kind = NEW.kind
      AND month = NEW.month AND revision = NEW.revision)
  BEGIN SELECT RAISE(ABORT, 'an issued invoice is never replaced'); END;
CREATE TRIGGER entry_once_only BEFORE INSERT ON entry
  WHEN EXISTS (SELECT 1 FROM entry WHERE entry_no = NEW.entry_no)
    OR (NEW.kind = 'invoice' AND EXISTS (SELECT 1 FROM entry
      WHERE invoice_no = NEW.invoice_no AND kind = 'invoice'))
  BEGIN SELECT RAISE(ABORT, 'an entry is never replaced'); END;

-- Numbers go up by one, and an invoice takes the last one given.
CREATE TRIGGER invoice_series_first BEFORE INSERT ON invoice_series WHEN NEW.last_serial <> 1
  BEGIN SELECT RAISE(ABORT, 'a series of invoices begins at 1'); END;
CREATE TRIGGER invoice_series_next BEFORE UPDATE ON invoice_series
  WHEN NEW.last_serial <> OLD.last_serial + 1 OR NEW.site_no <> OLD.site_no
    OR NEW.series <> OLD.series OR NEW.financial_year <> OLD.financial_year
  BEGIN SELECT RAISE(ABORT, 'a series of invoices goes up by one'); END;
CREATE TRIGGER invoice_series_stay BEFORE DELETE ON invoice_series
  BEGIN SELECT RAISE(ABORT, 'a series of invoices is never deleted'); END;
CREATE TRIGGER invoice_number BEFORE INSERT ON invoice
  WHEN NEW.serial IS NOT (SELECT last_serial FROM invoice_series
    WHERE site_no = NEW.site_no AND series = NEW.series AND financial_year = NEW.financial_year)
  BEGIN SELECT RAISE(ABORT, 'an invoice takes the next number of its series'); END;

-- The chain grows at its end only.
CREATE TRIGGER audit_chain BEFORE INSERT ON audit
  WHEN NEW.audit_no IS NOT coalesce((SELECT max(audit_no) FROM audit), 0) + 1
    OR NEW.previous_hash IS NOT coalesce(
      (SELECT hash FROM audit ORDER BY audit_no DESC LIMIT 1), zeroblob(32))
  BEGIN SELECT RAISE(ABORT, 'the audit log is only added to at its end'); END;
