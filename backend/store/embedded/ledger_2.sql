-- The ledger, version 2: edits and manual readings. docs/ledger-schema.md says what each table is for.

-- What a person says about a meter's register, beside the readings, which stay as they came. raw_wh
-- is the reading that is voided or corrected, wh what the register was. A 'withdraw' takes the row
-- `withdraws` back.
CREATE TABLE reading_edit (
  edit_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  device_no INTEGER NOT NULL REFERENCES device,
  channel INTEGER NOT NULL CHECK (channel BETWEEN 0 AND 255),
  ts_ms INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('manual', 'void', 'correct', 'withdraw')),
  raw_wh INTEGER CHECK (raw_wh >= 0),
  wh INTEGER CHECK (wh >= 0),
  withdraws INTEGER UNIQUE REFERENCES reading_edit,
  reason TEXT NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  made_ms INTEGER NOT NULL,
  made_by TEXT NOT NULL CHECK (made_by <> ''),
  CHECK ((raw_wh IS NOT NULL) = (kind IN ('void', 'correct'))),
  CHECK ((wh IS NOT NULL) = (kind IN ('manual', 'correct'))),
  CHECK ((withdraws IS NOT NULL) = (kind = 'withdraw'))
) STRICT;
CREATE INDEX reading_edit_instant ON reading_edit (device_no, channel, ts_ms, edit_no);

CREATE TRIGGER reading_edit_keep BEFORE UPDATE ON reading_edit
  BEGIN SELECT RAISE(ABORT, 'an edit is never changed'); END;
CREATE TRIGGER reading_edit_stay BEFORE DELETE ON reading_edit
  BEGIN SELECT RAISE(ABORT, 'an edit is never deleted'); END;
CREATE TRIGGER reading_edit_once BEFORE INSERT ON reading_edit
  WHEN EXISTS (SELECT 1 FROM reading_edit WHERE edit_no = NEW.edit_no)
    OR EXISTS (SELECT 1 FROM reading_edit WHERE withdraws = NEW.withdraws)
  BEGIN SELECT RAISE(ABORT, 'an edit is never replaced'); END;
-- One edit at most holds for an instant of a register.
CREATE TRIGGER reading_edit_alone BEFORE INSERT ON reading_edit
  WHEN NEW.kind <> 'withdraw' AND EXISTS (SELECT 1 FROM reading_edit e
    WHERE e.device_no = NEW.device_no AND e.channel = NEW.channel AND e.ts_ms = NEW.ts_ms
      AND e.kind <> 'withdraw'
      AND NOT EXISTS (SELECT 1 FROM reading_edit w WHERE w.withdraws = e.edit_no))
  BEGIN SELECT RAISE(ABORT, 'an edit of that instant holds already'); END;
CREATE TRIGGER reading_edit_withdraw BEFORE INSERT ON reading_edit
  WHEN NEW.kind = 'withdraw' AND NOT EXISTS (SELECT 1 FROM reading_edit e
    WHERE e.edit_no = NEW.withdraws AND e.kind <> 'withdraw' AND e.device_no = NEW.device_no
      AND e.channel = NEW.channel AND e.ts_ms = NEW.ts_ms)
  BEGIN SELECT RAISE(ABORT, 'only an edit can be withdrawn'); END;
