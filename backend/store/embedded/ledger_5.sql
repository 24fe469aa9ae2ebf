-- The ledger, version 5: what landlords bring and pay. docs/ledger-schema.md says what each table is for.

-- Accounts that came from a file: the file's own name for each, so that it may come again.
CREATE TABLE account_import (
  site_no INTEGER NOT NULL REFERENCES site,
  key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 80),
  account_no INTEGER NOT NULL UNIQUE REFERENCES account,
  content_hash BLOB NOT NULL CHECK (length(content_hash) = 32),
  made_ms INTEGER NOT NULL,
  PRIMARY KEY (site_no, key)
) STRICT, WITHOUT ROWID;

-- A bill that the landlord has from a supplier, and the accounts that it is recovered from.
CREATE TABLE utility_bill (
  utility_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  utility_id TEXT NOT NULL UNIQUE CHECK (utility_id <> ''),
  device_no INTEGER REFERENCES device,
  supplier TEXT NOT NULL CHECK (supplier <> ''),
  number TEXT NOT NULL CHECK (number <> ''),
  from_date TEXT NOT NULL CHECK (date(from_date) IS from_date),
  to_date TEXT NOT NULL CHECK (date(to_date) IS to_date),
  energy_wh INTEGER NOT NULL CHECK (energy_wh >= 0),
  amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
  tax_minor INTEGER NOT NULL CHECK (tax_minor >= 0),
  currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
  split TEXT NOT NULL CHECK (split IN ('equal', 'use', 'load')),
  made_ms INTEGER NOT NULL,
  made_by TEXT NOT NULL CHECK (made_by <> ''),
  cancelled_ms INTEGER,
  cancelled_by TEXT CHECK (cancelled_by <> ''),
  cancel_reason TEXT CHECK (cancel_reason <> ''),
  CHECK (from_date < to_date),
  CHECK ((cancelled_ms IS NULL) = (cancelled_by IS NULL)),
  CHECK ((cancelled_ms IS NULL) = (cancel_reason IS NULL))
) STRICT;
CREATE UNIQUE INDEX utility_bill_once ON utility_bill (site_no, supplier, number)
  WHERE cancelled_ms IS NULL;

CREATE TABLE utility_member (
  utility_no INTEGER NOT NULL REFERENCES utility_bill,
  account_no INTEGER NOT NULL REFERENCES account,
  site_no INTEGER NOT NULL REFERENCES site,
  PRIMARY KEY (utility_no, account_no)
) STRICT, WITHOUT ROWID;

-- The common part of a bill put on its accounts, once, until it is taken back.
CREATE TABLE utility_posting (
  posting_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  utility_no INTEGER NOT NULL REFERENCES utility_bill,
  posted_ms INTEGER NOT NULL,
  posted_by TEXT NOT NULL CHECK (posted_by <> ''),
  reversed_ms INTEGER,
  reversed_by TEXT CHECK (reversed_by <> ''),
  reverse_reason TEXT CHECK (reverse_reason <> ''),
  CHECK ((reversed_ms IS NULL) = (reversed_by IS NULL)),
  CHECK ((reversed_ms IS NULL) = (reverse_reason IS NULL))
) STRICT;
CREATE UNIQUE INDEX utility_posting_alone ON utility_posting (utility_no) WHERE reversed_ms IS NULL;
CREATE INDEX utility_posting_bill ON utility_posting (utility_no);

-- What each account was asked for, and the measures that it came from. No entry for nothing.
CREATE TABLE utility_share (
  posting_no INTEGER NOT NULL REFERENCES utility_posting,
  account_no INTEGER NOT NULL REFERENCES account,
  site_no INTEGER NOT NULL REFERENCES site,
  use_wh INTEGER NOT NULL CHECK (use_wh >= 0),
  load_w INTEGER NOT NULL CHECK (load_w >= 0),
  energy_minor INTEGER NOT NULL CHECK (energy_minor >= 0),
  common_minor INTEGER NOT NULL CHECK (common_minor >= 0),
  entry_no INTEGER UNIQUE REFERENCES entry,
  PRIMARY KEY (posting_no, account_no),
  CHECK ((entry_no IS NULL) = (common_minor = 0))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER account_import_keep BEFORE UPDATE ON account_import
  BEGIN SELECT RAISE(ABORT, 'an imported account keeps its name'); END;
CREATE TRIGGER account_import_stay BEFORE DELETE ON account_import
  BEGIN SELECT RAISE(ABORT, 'an imported account keeps its name'); END;
CREATE TRIGGER account_import_once BEFORE INSERT ON account_import
  WHEN EXISTS (SELECT 1 FROM account_import WHERE site_no = NEW.site_no AND key = NEW.key)
    OR EXISTS (SELECT 1 FROM account_import WHERE account_no = NEW.account_no)
  BEGIN SELECT RAISE(ABORT, 'an account is imported once'); END;

CREATE TRIGGER utility_bill_keep BEFORE UPDATE ON utility_bill
  WHEN OLD.cancelled_ms IS NOT NULL OR NEW.cancelled_ms IS NULL
    OR NEW.utility_no IS NOT OLD.utility_no OR NEW.site_no IS NOT OLD.site_no
    OR NEW.utility_id IS NOT OLD.utility_id OR NEW.device_no IS NOT OLD.device_no
    OR NEW.supplier IS NOT OLD.supplier OR NEW.number IS NOT OLD.number
    OR NEW.from_date IS NOT OLD.from_date OR NEW.to_date IS NOT OLD.to_date
    OR NEW.energy_wh IS NOT OLD.energy_wh OR NEW.amount_minor IS NOT OLD.amount_minor
    OR NEW.tax_minor IS NOT OLD.tax_minor OR NEW.currency IS NOT OLD.currency
    OR NEW.split IS NOT OLD.split OR NEW.made_ms IS NOT OLD.made_ms
    OR NEW.made_by IS NOT OLD.made_by
    OR EXISTS (SELECT 1 FROM utility_posting p
      WHERE p.utility_no = OLD.utility_no AND p.reversed_ms IS NULL)
  BEGIN SELECT RAISE(ABORT, 'a utility bill is cancelled once, while it is not posted'); END;
CREATE TRIGGER utility_bill_stay BEFORE DELETE ON utility_bill
  BEGIN SELECT RAISE(ABORT, 'a utility bill is never deleted'); END;
CREATE TRIGGER utility_bill_alone BEFORE INSERT ON utility_bill
  WHEN EXISTS (SELECT 1 FROM utility_bill WHERE utility_no = NEW.utility_no)
    OR EXISTS (SELECT 1 FROM utility_bill WHERE utility_id = NEW.utility_id)
    OR EXISTS (SELECT 1 FROM utility_bill WHERE site_no = NEW.site_no
      AND supplier = NEW.supplier AND number = NEW.number AND cancelled_ms IS NULL)
  BEGIN SELECT RAISE(ABORT, 'a utility bill is entered once'); END;

CREATE TRIGGER utility_member_keep BEFORE UPDATE ON utility_member
  BEGIN SELECT RAISE(ABORT, 'the accounts of a utility bill stay'); END;
CREATE TRIGGER utility_member_stay BEFORE DELETE ON utility_member
  BEGIN SELECT RAISE(ABORT, 'the accounts of a utility bill stay'); END;

CREATE TRIGGER utility_posting_keep BEFORE UPDATE ON utility_posting
  WHEN OLD.reversed_ms IS NOT NULL OR NEW.reversed_ms IS NULL
    OR NEW.posting_no IS NOT OLD.posting_no OR NEW.site_no IS NOT OLD.site_no
    OR NEW.utility_no IS NOT OLD.utility_no OR NEW.posted_ms IS NOT OLD.posted_ms
    OR NEW.posted_by IS NOT OLD.posted_by
  BEGIN SELECT RAISE(ABORT, 'a posting is taken back once, and nothing else of it changes'); END;
CREATE TRIGGER utility_posting_stay BEFORE DELETE ON utility_posting
  BEGIN SELECT RAISE(ABORT, 'a posting is never deleted'); END;
CREATE TRIGGER utility_posting_once BEFORE INSERT ON utility_posting
  WHEN EXISTS (SELECT 1 FROM utility_posting WHERE posting_no = NEW.posting_no)
    OR EXISTS (SELECT 1 FROM utility_posting
      WHERE utility_no = NEW.utility_no AND reversed_ms IS NULL)
    OR EXISTS (SELECT 1 FROM utility_bill
      WHERE utility_no = NEW.utility_no AND cancelled_ms IS NOT NULL)
  BEGIN SELECT RAISE(ABORT, 'a utility bill is posted once'); END;

CREATE TRIGGER utility_share_keep BEFORE UPDATE ON utility_share
  BEGIN SELECT RAISE(ABORT, 'a share is never changed'); END;
CREATE TRIGGER utility_share_stay BEFORE DELETE ON utility_share
  BEGIN SELECT RAISE(ABORT, 'a share is never deleted'); END;
CREATE TRIGGER utility_share_once BEFORE INSERT ON utility_share
  WHEN EXISTS (SELECT 1 FROM utility_share
      WHERE posting_no = NEW.posting_no AND account_no = NEW.account_no)
    OR EXISTS (SELECT 1 FROM utility_share WHERE entry_no = NEW.entry_no)
    OR NOT EXISTS (SELECT 1 FROM utility_posting p
      JOIN utility_member m ON m.utility_no = p.utility_no
      WHERE p.posting_no = NEW.posting_no AND m.account_no = NEW.account_no)
  BEGIN SELECT RAISE(ABORT, 'a share is of an account of the bill, once'); END;
