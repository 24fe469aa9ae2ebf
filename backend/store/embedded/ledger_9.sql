-- The ledger, version 9: alerts, their thresholds, and the messages about them. docs/ledger-schema.md says what each table is for.

-- Of a device, or (device_no NULL) of something of the site that `subject` names.
CREATE TABLE alert (
  alert_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  device_no INTEGER REFERENCES device,
  kind TEXT NOT NULL CHECK (kind <> ''),
  subject TEXT NOT NULL,
  opened_ms INTEGER NOT NULL,
  found_ms INTEGER NOT NULL,
  value INTEGER NOT NULL,
  limit_value INTEGER NOT NULL,
  ended_ms INTEGER,
  acknowledged_ms INTEGER,
  acknowledged_by TEXT CHECK (acknowledged_by <> ''),
  CHECK ((acknowledged_ms IS NULL) = (acknowledged_by IS NULL)),
  CHECK ((device_no IS NULL) = (subject <> ''))
) STRICT;
CREATE UNIQUE INDEX alert_open ON alert (coalesce(device_no, 0), kind, subject) WHERE ended_ms IS NULL;
CREATE INDEX alert_device ON alert (device_no, alert_no);

CREATE TRIGGER alert_keep BEFORE UPDATE ON alert
  WHEN NEW.alert_no IS NOT OLD.alert_no OR NEW.site_no IS NOT OLD.site_no OR NEW.device_no IS NOT OLD.device_no
    OR NEW.kind IS NOT OLD.kind OR NEW.subject IS NOT OLD.subject OR NEW.opened_ms IS NOT OLD.opened_ms
    OR NEW.found_ms IS NOT OLD.found_ms OR NEW.value IS NOT OLD.value OR NEW.limit_value IS NOT OLD.limit_value
    OR (OLD.ended_ms IS NOT NULL AND NEW.ended_ms IS NOT OLD.ended_ms)
    OR (OLD.acknowledged_ms IS NOT NULL AND (NEW.acknowledged_ms IS NOT OLD.acknowledged_ms
      OR NEW.acknowledged_by IS NOT OLD.acknowledged_by))
  BEGIN SELECT RAISE(ABORT, 'an alert is ended once, acknowledged once, and nothing else of it changes'); END;
CREATE TRIGGER alert_stay BEFORE DELETE ON alert
  BEGIN SELECT RAISE(ABORT, 'an alert is never deleted'); END;

-- What somebody set for a meter: its present owner's word goes before the operator's (user_no NULL).
CREATE TABLE alert_threshold (
  threshold_no INTEGER PRIMARY KEY,
  site_no INTEGER NOT NULL REFERENCES site,
  device_no INTEGER NOT NULL REFERENCES device,
  user_no INTEGER REFERENCES user,
  body TEXT NOT NULL CHECK (json_valid(body)),
  changed_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX alert_threshold_one ON alert_threshold (device_no, coalesce(user_no, 0));
CREATE INDEX alert_threshold_user ON alert_threshold (user_no);

-- How a person wants to hear of alerts. The address and secret of their webhook are sealed.
CREATE TABLE notice (
  notice_no INTEGER PRIMARY KEY,
  site_no INTEGER NOT NULL REFERENCES site,
  user_no INTEGER NOT NULL UNIQUE REFERENCES user,
  email INTEGER NOT NULL CHECK (email IN (0, 1)),
  webhook_sealed BLOB,
  kinds TEXT CHECK (kinds <> ''),
  quiet_from INTEGER CHECK (quiet_from BETWEEN 0 AND 1439),
  quiet_to INTEGER CHECK (quiet_to BETWEEN 0 AND 1439),
  changed_ms INTEGER NOT NULL,
  CHECK ((quiet_from IS NULL) = (quiet_to IS NULL))
) STRICT;

-- What is to be sent, was, or will not be.
CREATE TABLE alert_message (
  message_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  alert_no INTEGER NOT NULL REFERENCES alert,
  user_no INTEGER NOT NULL REFERENCES user,
  channel TEXT NOT NULL CHECK (channel IN ('email', 'webhook')),
  event TEXT NOT NULL CHECK (event IN ('opened', 'ended')),
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed', 'dropped')),
  due_ms INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  done_ms INTEGER,
  problem TEXT,
  UNIQUE (alert_no, user_no, channel, event),
  CHECK ((state = 'waiting') = (done_ms IS NULL))
) STRICT;
CREATE INDEX alert_message_due ON alert_message (due_ms) WHERE state = 'waiting';
CREATE INDEX alert_message_user ON alert_message (user_no, channel) WHERE state = 'waiting';

CREATE TRIGGER alert_message_done BEFORE UPDATE ON alert_message
  WHEN OLD.state <> 'waiting'
  BEGIN SELECT RAISE(ABORT, 'what is sent or given up stays so'); END;

-- A number that grows with each change of what alerts are judged by: what the server remembers holds while it stands.
CREATE TABLE alert_version (
  site_no INTEGER PRIMARY KEY REFERENCES site,
  version INTEGER NOT NULL
) STRICT;
INSERT INTO alert_version (site_no, version) SELECT site_no, 1 FROM site;
CREATE TRIGGER alert_site AFTER INSERT ON site
  BEGIN INSERT INTO alert_version (site_no, version) VALUES (NEW.site_no, 1); END;
CREATE TRIGGER alert_threshold_new AFTER INSERT ON alert_threshold
  BEGIN UPDATE alert_version SET version = version + 1 WHERE site_no = NEW.site_no; END;
CREATE TRIGGER alert_threshold_change AFTER UPDATE ON alert_threshold
  BEGIN UPDATE alert_version SET version = version + 1 WHERE site_no = NEW.site_no; END;
CREATE TRIGGER alert_threshold_gone AFTER DELETE ON alert_threshold
  BEGIN UPDATE alert_version SET version = version + 1 WHERE site_no = OLD.site_no; END;
CREATE TRIGGER alert_account_new AFTER INSERT ON account
  BEGIN UPDATE alert_version SET version = version + 1 WHERE site_no = NEW.site_no; END;
CREATE TRIGGER alert_account_change AFTER UPDATE OF user_no, from_date, to_date, sanctioned_load_w ON account
  BEGIN UPDATE alert_version SET version = version + 1 WHERE site_no = NEW.site_no; END;
CREATE TRIGGER alert_meter_new AFTER INSERT ON account_meter
  BEGIN UPDATE alert_version SET version = version + 1 WHERE site_no = NEW.site_no; END;
CREATE TRIGGER alert_meter_change AFTER UPDATE ON account_meter
  BEGIN UPDATE alert_version SET version = version + 1 WHERE site_no = NEW.site_no; END;
CREATE TRIGGER alert_meter_gone AFTER DELETE ON account_meter
  BEGIN UPDATE alert_version SET version = version + 1 WHERE site_no = OLD.site_no; END;
CREATE TRIGGER alert_device_change AFTER UPDATE OF modulus_wh, max_power_w ON device
  BEGIN UPDATE alert_version SET version = version + 1 WHERE site_no = NEW.site_no; END;
