-- The ledger, version 4: payments, late fees, corrections, disputes. docs/ledger-schema.md says what
-- each table is for.

-- An account's own ledger again, with more kinds and what they need: posted_ms is when an entry was
-- written down (NULL: at_ms), part the overdue month that a fee is for, reverses the entry that a
-- reversal takes back.
ALTER TABLE entry RENAME TO entry_before;
CREATE TABLE entry (
  entry_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  account_no INTEGER NOT NULL REFERENCES account,
  kind TEXT NOT NULL CHECK (kind IN
    ('invoice', 'payment', 'credit', 'fee', 'prepayment', 'opening', 'common', 'reversal')),
  amount_minor INTEGER NOT NULL,
  currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
  invoice_no INTEGER REFERENCES invoice,
  at_ms INTEGER NOT NULL,
  note TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(note)),
  posted_ms INTEGER,
  made_by TEXT CHECK (made_by <> ''),
  method TEXT CHECK (method <> ''),
  reference TEXT CHECK (reference <> ''),
  request_key TEXT CHECK (request_key <> ''),
  part INTEGER CHECK (part > 0),
  reverses INTEGER REFERENCES entry,
  CHECK (kind <> 'invoice' OR invoice_no IS NOT NULL),
  CHECK (kind NOT IN ('payment', 'prepayment') OR amount_minor <= 0),
  CHECK (kind <> 'common' OR amount_minor > 0),
  CHECK (kind <> 'fee' OR (invoice_no IS NOT NULL AND part IS NOT NULL AND amount_minor > 0)),
  CHECK ((reverses IS NOT NULL) = (kind = 'reversal'))
) STRICT;
INSERT INTO entry (entry_no, site_no, account_no, kind, amount_minor, currency, invoice_no, at_ms, note)
  SELECT entry_no, site_no, account_no, kind, amount_minor, currency, invoice_no, at_ms, note
  FROM entry_before;
DROP TABLE entry_before;
CREATE INDEX entry_account ON entry (account_no);
CREATE INDEX entry_invoice ON entry (invoice_no);
CREATE UNIQUE INDEX entry_once ON entry (invoice_no) WHERE kind = 'invoice';
CREATE UNIQUE INDEX entry_fee ON entry (invoice_no, part) WHERE kind = 'fee';
CREATE UNIQUE INDEX entry_reversed ON entry (reverses) WHERE reverses IS NOT NULL;
-- What is sent twice is there once.
CREATE UNIQUE INDEX entry_request ON entry (site_no, request_key) WHERE request_key IS NOT NULL;
CREATE UNIQUE INDEX entry_reference ON entry (account_no, reference) WHERE reference IS NOT NULL;

CREATE TRIGGER entry_keep BEFORE UPDATE ON entry
  BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END;
CREATE TRIGGER entry_stay BEFORE DELETE ON entry
  BEGIN SELECT RAISE(ABORT, 'an entry is never deleted'); END;
CREATE TRIGGER entry_once_only BEFORE INSERT ON entry
  WHEN EXISTS (SELECT 1 FROM entry WHERE entry_no = NEW.entry_no)
    OR (NEW.kind = 'invoice' AND EXISTS (SELECT 1 FROM entry
      WHERE invoice_no = NEW.invoice_no AND kind = 'invoice'))
  BEGIN SELECT RAISE(ABORT, 'an entry is never replaced'); END;
-- The same for what only some entries have, which INSERT OR REPLACE would else delete for.
CREATE TRIGGER entry_reference_once BEFORE INSERT ON entry
  WHEN NEW.reference IS NOT NULL AND EXISTS (SELECT 1 FROM entry
    WHERE account_no = NEW.account_no AND reference = NEW.reference)
  BEGIN SELECT RAISE(ABORT, 'a reference is counted once'); END;
CREATE TRIGGER entry_request_once BEFORE INSERT ON entry
  WHEN NEW.request_key IS NOT NULL AND EXISTS (SELECT 1 FROM entry
    WHERE site_no = NEW.site_no AND request_key = NEW.request_key)
  BEGIN SELECT RAISE(ABORT, 'a request is counted once'); END;
-- A reversal is the opposite of one entry that a person or the fee job made, once.
CREATE TRIGGER entry_opposite BEFORE INSERT ON entry
  WHEN NEW.kind = 'reversal' AND (NOT EXISTS (SELECT 1 FROM entry e
      WHERE e.entry_no = NEW.reverses AND e.account_no = NEW.account_no
        AND e.kind IN ('payment', 'prepayment', 'fee', 'opening', 'common')
        AND e.amount_minor = -NEW.amount_minor AND e.currency = NEW.currency
        AND e.invoice_no IS NEW.invoice_no)
    OR EXISTS (SELECT 1 FROM entry r WHERE r.reverses = NEW.reverses))
  BEGIN SELECT RAISE(ABORT, 'a reversal is the opposite of one entry'); END;

-- What an invoice would be now, as far as that differs: readings that came late, or a tariff that is
-- billed again; or ('credit') a correction that has to be taken back, since its invoice was.
CREATE TABLE exception (
  exception_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  account_no INTEGER NOT NULL REFERENCES account,
  invoice_no INTEGER NOT NULL REFERENCES invoice,
  cause TEXT NOT NULL CHECK (cause IN ('readings', 'tariff', 'credit')),
  readings_hash TEXT NOT NULL,
  net_minor INTEGER NOT NULL,
  tax_minor INTEGER NOT NULL,
  taxes TEXT NOT NULL CHECK (json_valid(taxes)),
  currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
  new_total_minor INTEGER NOT NULL,
  body TEXT NOT NULL CHECK (json_valid(body)),
  found_ms INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN
    ('open', 'true_up', 'reissue', 'dismissed', 'superseded', 'void')),
  decided_ms INTEGER,
  decided_by TEXT CHECK (decided_by <> ''),
  reason TEXT CHECK (reason <> ''),
  CHECK ((state = 'open') = (decided_ms IS NULL)),
  CHECK ((decided_ms IS NULL) = (decided_by IS NULL))
) STRICT;
CREATE INDEX exception_invoice ON exception (invoice_no);
CREATE INDEX exception_account ON exception (account_no) WHERE state = 'true_up';
CREATE UNIQUE INDEX exception_alone ON exception (invoice_no) WHERE state = 'open';

-- Which invoice a correction stands on. It counts while that invoice is valid: a credit note of it
-- sets the correction free for the next one.
CREATE TABLE settlement (
  exception_no INTEGER NOT NULL REFERENCES exception,
  invoice_no INTEGER NOT NULL REFERENCES invoice,
  site_no INTEGER NOT NULL REFERENCES site,
  PRIMARY KEY (exception_no, invoice_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX settlement_invoice ON settlement (invoice_no);

CREATE VIEW settled AS SELECT s.exception_no, s.invoice_no FROM settlement s
  JOIN invoice i ON i.invoice_no = s.invoice_no
  WHERE NOT EXISTS (SELECT 1 FROM invoice c WHERE c.account_no = i.account_no
    AND c.kind = 'credit_note' AND c.month = i.month AND c.revision = i.revision);

CREATE TRIGGER exception_keep BEFORE UPDATE ON exception
  WHEN NEW.exception_no IS NOT OLD.exception_no OR NEW.site_no IS NOT OLD.site_no
    OR NEW.account_no IS NOT OLD.account_no OR NEW.invoice_no IS NOT OLD.invoice_no
    OR NEW.cause IS NOT OLD.cause OR NEW.readings_hash IS NOT OLD.readings_hash
    OR NEW.net_minor IS NOT OLD.net_minor OR NEW.tax_minor IS NOT OLD.tax_minor
    OR NEW.taxes IS NOT OLD.taxes OR NEW.currency IS NOT OLD.currency
    OR NEW.new_total_minor IS NOT OLD.new_total_minor OR NEW.body IS NOT OLD.body
    OR NEW.found_ms IS NOT OLD.found_ms OR OLD.state NOT IN ('open', 'true_up')
    OR NEW.state = OLD.state OR NEW.state = 'open'
    OR EXISTS (SELECT 1 FROM settled WHERE exception_no = OLD.exception_no)
  BEGIN SELECT RAISE(ABORT, 'an exception is decided, and nothing else of it changes'); END;
CREATE TRIGGER exception_stay BEFORE DELETE ON exception
  BEGIN SELECT RAISE(ABORT, 'an exception is never deleted'); END;
CREATE TRIGGER exception_once BEFORE INSERT ON exception
  WHEN EXISTS (SELECT 1 FROM exception WHERE exception_no = NEW.exception_no)
    OR (NEW.state = 'open'
      AND EXISTS (SELECT 1 FROM exception WHERE invoice_no = NEW.invoice_no AND state = 'open'))
  BEGIN SELECT RAISE(ABORT, 'an exception is never replaced'); END;

CREATE TRIGGER settlement_keep BEFORE UPDATE ON settlement
  BEGIN SELECT RAISE(ABORT, 'a settlement is never changed'); END;
CREATE TRIGGER settlement_stay BEFORE DELETE ON settlement
  BEGIN SELECT RAISE(ABORT, 'a settlement is never deleted'); END;
CREATE TRIGGER settlement_once BEFORE INSERT ON settlement
  WHEN EXISTS (SELECT 1 FROM settled WHERE exception_no = NEW.exception_no)
    OR EXISTS (SELECT 1 FROM settlement
      WHERE exception_no = NEW.exception_no AND invoice_no = NEW.invoice_no)
  BEGIN SELECT RAISE(ABORT, 'a correction is settled once'); END;
CREATE TRIGGER settlement_fits BEFORE INSERT ON settlement
  WHEN NOT EXISTS (SELECT 1 FROM exception e JOIN invoice i ON i.account_no = e.account_no
    WHERE e.exception_no = NEW.exception_no AND e.state = 'true_up'
      AND i.invoice_no = NEW.invoice_no AND i.kind = 'invoice' AND i.currency = e.currency)
  BEGIN SELECT RAISE(ABORT, 'only a correction of the account is settled, by its invoice'); END;

-- Invoices that a tariff version changes after the fact, until somebody has looked what it changes.
CREATE TABLE rebill (
  invoice_no INTEGER NOT NULL REFERENCES invoice,
  tariff_no INTEGER NOT NULL,
  version INTEGER NOT NULL,
  site_no INTEGER NOT NULL REFERENCES site,
  done_ms INTEGER,
  PRIMARY KEY (invoice_no, tariff_no, version),
  FOREIGN KEY (tariff_no, version) REFERENCES tariff_version
) STRICT, WITHOUT ROWID;
CREATE INDEX rebill_due ON rebill (invoice_no) WHERE done_ms IS NULL;

-- A resident's word against an invoice, and what was said to it.
CREATE TABLE dispute (
  dispute_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  account_no INTEGER NOT NULL REFERENCES account,
  invoice_no INTEGER NOT NULL REFERENCES invoice,
  opened_ms INTEGER NOT NULL,
  opened_by TEXT NOT NULL CHECK (opened_by <> ''),
  text TEXT NOT NULL CHECK (text <> ''),
  explanation TEXT NOT NULL CHECK (json_valid(explanation)),
  resolved_ms INTEGER,
  resolved_by TEXT CHECK (resolved_by <> ''),
  resolution TEXT CHECK (resolution <> ''),
  CHECK ((resolved_ms IS NULL) = (resolution IS NULL)),
  CHECK ((resolved_ms IS NULL) = (resolved_by IS NULL)),
  CHECK (resolved_ms IS NULL OR resolved_ms >= opened_ms)
) STRICT;
CREATE UNIQUE INDEX dispute_open ON dispute (invoice_no) WHERE resolved_ms IS NULL;
CREATE INDEX dispute_invoice ON dispute (invoice_no);
CREATE INDEX dispute_account ON dispute (account_no);

CREATE TRIGGER dispute_keep BEFORE UPDATE ON dispute
  WHEN OLD.resolved_ms IS NOT NULL OR NEW.dispute_no IS NOT OLD.dispute_no
    OR NEW.site_no IS NOT OLD.site_no OR NEW.account_no IS NOT OLD.account_no
    OR NEW.invoice_no IS NOT OLD.invoice_no OR NEW.opened_ms IS NOT OLD.opened_ms
    OR NEW.opened_by IS NOT OLD.opened_by OR NEW.text IS NOT OLD.text
    OR NEW.explanation IS NOT OLD.explanation
  BEGIN SELECT RAISE(ABORT, 'a dispute is resolved once, and nothing else of it changes'); END;
CREATE TRIGGER dispute_stay BEFORE DELETE ON dispute
  BEGIN SELECT RAISE(ABORT, 'a dispute is never deleted'); END;
CREATE TRIGGER dispute_once BEFORE INSERT ON dispute
  WHEN EXISTS (SELECT 1 FROM dispute WHERE dispute_no = NEW.dispute_no)
    OR (NEW.resolved_ms IS NULL AND EXISTS (SELECT 1 FROM dispute
      WHERE invoice_no = NEW.invoice_no AND resolved_ms IS NULL))
  BEGIN SELECT RAISE(ABORT, 'an invoice has one open dispute at most'); END;
CREATE TRIGGER entry_fee_frozen BEFORE INSERT ON entry
  WHEN NEW.kind = 'fee' AND (
    EXISTS (SELECT 1 FROM dispute d WHERE d.invoice_no = NEW.invoice_no AND d.resolved_ms IS NULL)
    OR EXISTS (SELECT 1 FROM entry e WHERE e.kind = 'fee' AND e.invoice_no = NEW.invoice_no
      AND e.part = NEW.part))
  BEGIN SELECT RAISE(ABORT, 'no fee while an invoice is disputed, and none twice'); END;
