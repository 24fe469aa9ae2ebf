-- The ledger, version 10: firmware, its rollouts, and what meters say of theirs. docs/ledger-schema.md says what each table is for.

ALTER TABLE device ADD COLUMN cohort TEXT NOT NULL DEFAULT 'all' CHECK (length(cohort) BETWEEN 1 AND 32);

-- A release: an image (a file of the data folder, named by its SHA-256) for one hardware and cohort, and how it goes out.
CREATE TABLE firmware (
  firmware_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  product TEXT NOT NULL CHECK (product <> ''),
  hardware TEXT NOT NULL CHECK (hardware <> ''),
  version TEXT NOT NULL CHECK (version <> ''),
  counter INTEGER NOT NULL CHECK (counter BETWEEN 0 AND 4294967295),
  from_counter INTEGER NOT NULL CHECK (from_counter BETWEEN 0 AND 4294967295),
  size INTEGER NOT NULL CHECK (size > 0),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  expires_ms INTEGER NOT NULL,
  cohort TEXT NOT NULL CHECK (cohort <> ''),
  key_id TEXT NOT NULL,
  manifest BLOB NOT NULL CHECK (length(manifest) BETWEEN 1 AND 1024),
  signature BLOB NOT NULL CHECK (length(signature) BETWEEN 1 AND 96),
  stages TEXT NOT NULL,
  share_percent INTEGER NOT NULL CHECK (share_percent BETWEEN 1 AND 100),
  failed_percent INTEGER NOT NULL CHECK (failed_percent BETWEEN 0 AND 100),
  least INTEGER NOT NULL CHECK (least >= 1),
  hold_ms INTEGER NOT NULL CHECK (hold_ms >= 0),
  state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'halted', 'superseded', 'expired')),
  reason TEXT,
  stage INTEGER NOT NULL DEFAULT 0 CHECK (stage >= 0),
  stage_ms INTEGER NOT NULL,
  judged_from_ms INTEGER NOT NULL,
  published_ms INTEGER NOT NULL,
  CHECK ((state = 'halted') = (reason IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX firmware_one ON firmware (product, hardware, cohort) WHERE state IN ('active', 'halted');
CREATE INDEX firmware_image ON firmware (sha256);

CREATE TRIGGER firmware_keep BEFORE UPDATE ON firmware
  WHEN NEW.firmware_no IS NOT OLD.firmware_no OR NEW.site_no IS NOT OLD.site_no OR NEW.product IS NOT OLD.product
    OR NEW.hardware IS NOT OLD.hardware OR NEW.version IS NOT OLD.version OR NEW.counter IS NOT OLD.counter
    OR NEW.from_counter IS NOT OLD.from_counter OR NEW.size IS NOT OLD.size OR NEW.sha256 IS NOT OLD.sha256
    OR NEW.expires_ms IS NOT OLD.expires_ms OR NEW.cohort IS NOT OLD.cohort OR NEW.key_id IS NOT OLD.key_id
    OR NEW.manifest IS NOT OLD.manifest OR NEW.signature IS NOT OLD.signature OR NEW.published_ms IS NOT OLD.published_ms
    OR NEW.stage < OLD.stage OR (OLD.state IN ('superseded', 'expired') AND NEW.state IS NOT OLD.state)
  BEGIN SELECT RAISE(ABORT, 'of a release only how it goes out changes'); END;
CREATE TRIGGER firmware_stay BEFORE DELETE ON firmware
  BEGIN SELECT RAISE(ABORT, 'a release is never deleted'); END;

-- A meter that a release is, or was, offered to.
CREATE TABLE firmware_device (
  firmware_no INTEGER NOT NULL REFERENCES firmware,
  device_no INTEGER NOT NULL REFERENCES device,
  stage INTEGER NOT NULL,
  offered_ms INTEGER NOT NULL,
  phase TEXT NOT NULL DEFAULT 'offered' CHECK (phase IN ('offered', 'taken', 'confirmed', 'failed', 'refused')),
  result TEXT CHECK (result <> ''),
  phase_ms INTEGER NOT NULL,
  PRIMARY KEY (firmware_no, device_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX firmware_device_open ON firmware_device (device_no) WHERE phase IN ('offered', 'taken');
CREATE INDEX firmware_device_phase ON firmware_device (firmware_no, phase, phase_ms);

-- What a meter said last of its firmware; which release the broker is to hold for it (0: none), and which it does (-1: nobody knows).
CREATE TABLE device_firmware (
  device_no INTEGER PRIMARY KEY REFERENCES device,
  site_no INTEGER NOT NULL REFERENCES site,
  product TEXT NOT NULL,
  hardware TEXT NOT NULL,
  version TEXT NOT NULL,
  counter INTEGER NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
  offer_version TEXT,
  offer_counter INTEGER,
  offer_result INTEGER CHECK (offer_result BETWEEN 0 AND 10),
  offer_at INTEGER,
  seen_ms INTEGER NOT NULL,
  wanted_no INTEGER NOT NULL DEFAULT 0,
  told_no INTEGER NOT NULL DEFAULT 0,
  told_ms INTEGER NOT NULL DEFAULT 0,
  CHECK ((offer_version IS NULL) = (offer_counter IS NULL)),
  CHECK ((offer_version IS NULL) = (offer_result IS NULL))
) STRICT;
CREATE INDEX device_firmware_untold ON device_firmware (device_no) WHERE wanted_no <> told_no;
CREATE INDEX device_firmware_wanted ON device_firmware (device_no) WHERE wanted_no <> 0;
