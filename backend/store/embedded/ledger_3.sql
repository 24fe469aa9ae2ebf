-- The ledger, version 3: issuing a month for many accounts. docs/ledger-schema.md says what each table is for.

-- Grows with every change to what an account's bill is computed from, readings excepted: an invoice is refused if it
-- is not what it was when the bill was computed.
ALTER TABLE account ADD COLUMN changed_no INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER account_changed AFTER UPDATE OF user_no, place_no, person_sealed, from_date, to_date,
    sanctioned_load_w ON account
  BEGIN UPDATE account SET changed_no = changed_no + 1 WHERE account_no = NEW.account_no; END;
CREATE TRIGGER account_meter_added AFTER INSERT ON account_meter
  BEGIN UPDATE account SET changed_no = changed_no + 1 WHERE account_no = NEW.account_no; END;
CREATE TRIGGER account_meter_changed AFTER UPDATE ON account_meter
  BEGIN UPDATE account SET changed_no = changed_no + 1
    WHERE account_no IN (OLD.account_no, NEW.account_no); END;
CREATE TRIGGER account_meter_removed AFTER DELETE ON account_meter
  BEGIN UPDATE account SET changed_no = changed_no + 1 WHERE account_no = OLD.account_no; END;
CREATE TRIGGER account_tariff_added AFTER INSERT ON account_tariff
  BEGIN UPDATE account SET changed_no = changed_no + 1 WHERE account_no = NEW.account_no; END;
CREATE TRIGGER account_tariff_changed AFTER UPDATE ON account_tariff
  BEGIN UPDATE account SET changed_no = changed_no + 1
    WHERE account_no IN (OLD.account_no, NEW.account_no); END;
CREATE TRIGGER account_tariff_removed AFTER DELETE ON account_tariff
  BEGIN UPDATE account SET changed_no = changed_no + 1 WHERE account_no = OLD.account_no; END;
CREATE TRIGGER account_reading_edited AFTER INSERT ON reading_edit
  BEGIN UPDATE account SET changed_no = changed_no + 1
    WHERE account_no IN (SELECT account_no FROM account_meter WHERE device_no = NEW.device_no); END;
CREATE TRIGGER account_device_changed AFTER UPDATE OF modulus_wh, max_power_w, ct_ratio_milli ON device
  BEGIN UPDATE account SET changed_no = changed_no + 1
    WHERE account_no IN (SELECT account_no FROM account_meter WHERE device_no = NEW.device_no); END;

-- What an account used in a month, by its invoice of that revision: the bars of the next invoices, and the average
-- that goes on where a meter fell silent (`measured`: a reading of the month is in it).
CREATE TABLE invoice_use (
  account_no INTEGER NOT NULL REFERENCES account,
  month TEXT NOT NULL,
  revision INTEGER NOT NULL,
  use_wh INTEGER NOT NULL,
  days INTEGER NOT NULL CHECK (days >= 0),
  measured INTEGER NOT NULL CHECK (measured IN (0, 1)),
  PRIMARY KEY (account_no, month, revision)
) STRICT, WITHOUT ROWID;
INSERT INTO invoice_use (account_no, month, revision, use_wh, days, measured)
  SELECT account_no, month, revision,
    coalesce(CAST(round(1000 * json_extract(body, '$.consumption_kwh')) AS INTEGER), 0),
    max(0, coalesce(CAST(round(julianday(json_extract(body, '$.to'))
      - julianday(json_extract(body, '$.from'))) AS INTEGER), 0)),
    1
  FROM invoice WHERE kind = 'invoice';

CREATE TRIGGER invoice_use_keep BEFORE UPDATE ON invoice_use
  BEGIN SELECT RAISE(ABORT, 'the use of an invoice is never changed'); END;
CREATE TRIGGER invoice_use_stay BEFORE DELETE ON invoice_use
  BEGIN SELECT RAISE(ABORT, 'the use of an invoice is never deleted'); END;

-- Who does a job that only one server should do at a time. Nothing is wrong if two do it.
CREATE TABLE lease (
  site_no INTEGER NOT NULL REFERENCES site,
  name TEXT NOT NULL CHECK (name <> ''),
  holder TEXT NOT NULL CHECK (holder <> ''),
  until_ms INTEGER NOT NULL,
  PRIMARY KEY (site_no, name)
) STRICT, WITHOUT ROWID;
