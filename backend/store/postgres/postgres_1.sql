-- The ledger on PostgreSQL, version 1: what ledger_1.sql to ledger_11.sql of the embedded store make
-- together, with the same checks and the same refusals. docs/ledger-schema.md says what each table is
-- for. Texts are compared by their bytes (COLLATE "C"), as everywhere in the program.

-- ---- what SQLite has as functions, for the statements that both engines share ----

CREATE FUNCTION iif(boolean, anycompatible, anycompatible) RETURNS anycompatible
  LANGUAGE sql IMMUTABLE AS 'SELECT CASE WHEN $1 THEN $2 ELSE $3 END';
CREATE FUNCTION max(bigint, bigint) RETURNS bigint
  LANGUAGE sql IMMUTABLE AS 'SELECT CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL ELSE greatest($1, $2) END';
CREATE FUNCTION min(bigint, bigint) RETURNS bigint
  LANGUAGE sql IMMUTABLE AS 'SELECT CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL ELSE least($1, $2) END';
CREATE FUNCTION max(text, text, text, text) RETURNS text
  LANGUAGE sql IMMUTABLE AS 'SELECT greatest($1 COLLATE "C", $2, $3, $4)';
CREATE FUNCTION min(text, text, text, text) RETURNS text
  LANGUAGE sql IMMUTABLE AS 'SELECT least($1 COLLATE "C", $2, $3, $4)';
CREATE FUNCTION date(day text, step text) RETURNS text
  LANGUAGE sql STABLE AS $$ SELECT to_char(day::date + step::interval, 'YYYY-MM-DD') $$;
-- Not in SQL: that would be planned anew for each row that is checked.
CREATE FUNCTION is_date(day text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN day ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' AND to_char(to_date(day, 'YYYY-MM-DD'), 'YYYY-MM-DD') = day;
END $$;
CREATE FUNCTION instr(words text, part text) RETURNS bigint
  LANGUAGE sql IMMUTABLE AS 'SELECT strpos(words, part)::bigint';
CREATE FUNCTION unicode(words text) RETURNS bigint
  LANGUAGE sql IMMUTABLE AS 'SELECT ascii(words)::bigint';
CREATE FUNCTION json_valid(document text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM document::json;
  RETURN true;
EXCEPTION WHEN data_exception THEN
  RETURN false;
END $$;
-- For checks: what is no JSON is an error instead of false, which spares each row a subtransaction.
CREATE FUNCTION is_json(document text) RETURNS boolean
  LANGUAGE sql IMMUTABLE AS 'SELECT document::json IS NOT NULL OR document IS NULL';
-- Paths are '$.name.name' alone.
CREATE FUNCTION json_extract(document text, path text) RETURNS text
  LANGUAGE sql IMMUTABLE AS $$ SELECT document::json #>> string_to_array(substr(path, 3), '.') $$;
CREATE FUNCTION json_set(document text, path text, value text) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT jsonb_set(document::jsonb, string_to_array(substr(path, 3), '.'), to_jsonb(value))::text $$;
CREATE FUNCTION json_remove(document text, VARIADIC paths text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  rest jsonb := document;
  path text;
BEGIN
  FOREACH path IN ARRAY paths LOOP
    rest := rest #- string_to_array(substr(path, 3), '.');
  END LOOP;
  RETURN rest::text;
END $$;
-- Members of an object, or elements of a list in the order of `key`.
CREATE FUNCTION json_each(document text) RETURNS TABLE (key text, value text) LANGUAGE sql IMMUTABLE AS $$
  SELECT e.key, e.value FROM pg_catalog.json_each_text(
    CASE json_typeof(document::json) WHEN 'object' THEN document::json ELSE '{}' END) e
  UNION ALL SELECT to_char(a.no, 'FM0000000000'), a.value FROM json_array_elements_text(
    CASE json_typeof(document::json) WHEN 'array' THEN document::json ELSE '[]' END)
    WITH ORDINALITY a (value, no)
$$;
CREATE FUNCTION json_each(document text, path text) RETURNS TABLE (key text, value text) LANGUAGE sql IMMUTABLE
  AS $$ SELECT * FROM json_each((document::json #> string_to_array(substr(path, 3), '.'))::text) $$;

-- {"before": {...}, "after": {...}} of the members that are not the same in both.
CREATE FUNCTION json_members_beyond(one json, other jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT '{' || coalesce(string_agg(to_json(key)::text || ':' || value::text, ',' ORDER BY key), '') || '}'
    FROM pg_catalog.json_each(one) WHERE value::jsonb IS DISTINCT FROM other -> key
$$;
CREATE FUNCTION json_difference(before text, after text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT '{"before":' || json_members_beyond(before::json, after::jsonb)
    || ',"after":' || json_members_beyond(after::json, before::jsonb) || '}'
$$;

-- What a trigger refuses: the transaction that asked for it is over.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0];
END $$;

-- ---- tables ----


CREATE TABLE site (
  site_no bigint PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  zone text COLLATE "C" NOT NULL CHECK (zone <> ''),
  currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  landlord text COLLATE "C" NOT NULL DEFAULT '{}' CHECK (is_json(landlord)),
  demo bigint NOT NULL DEFAULT 0 CHECK (demo IN (0, 1)),
  created_ms bigint NOT NULL
);

CREATE TABLE setting (
  site_no bigint NOT NULL REFERENCES site,
  key text COLLATE "C" NOT NULL CHECK (key <> ''),
  value text COLLATE "C" NOT NULL,
  PRIMARY KEY (site_no, key)
);

CREATE TABLE "user" (
  user_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  user_id text COLLATE "C" NOT NULL UNIQUE CHECK (user_id <> ''),
  email_hash bytea NOT NULL UNIQUE CHECK (length(email_hash) = 32),
  email_sealed bytea,
  name_sealed bytea,
  phone_sealed bytea,
  role text COLLATE "C" NOT NULL CHECK (role IN ('consumer', 'admin')),
  password_hash text COLLATE "C" CHECK (password_hash <> ''),
  disabled bigint NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
  created_ms bigint NOT NULL,
  erased_ms bigint,
  must_change bigint NOT NULL DEFAULT 0 CHECK (must_change IN (0, 1)),
  language text COLLATE "C" CHECK (language IN ('en', 'hi'))
);

CREATE TABLE session (
  token_hash bytea NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
  site_no bigint NOT NULL REFERENCES site,
  user_no bigint NOT NULL REFERENCES "user",
  family text COLLATE "C" NOT NULL CHECK (family <> ''),
  created_ms bigint NOT NULL,
  expires_ms bigint NOT NULL,
  uses bigint NOT NULL DEFAULT 0 CHECK (uses BETWEEN 0 AND 2),
  used_ms bigint,
  successor bytea CHECK (length(successor) = 32),
  began_ms bigint,
  CHECK ((uses = 0) = (used_ms IS NULL)),
  CHECK ((uses = 0) = (successor IS NULL))
);
CREATE INDEX session_family ON session (family);
CREATE INDEX session_of_user ON session (user_no);
CREATE INDEX session_expires ON session (expires_ms);

CREATE TABLE device (
  device_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  device_id text COLLATE "C" NOT NULL UNIQUE
    CHECK (length(device_id) BETWEEN 1 AND 64 AND device_id !~ '[^A-Za-z0-9_-]'),
  name text COLLATE "C",
  modulus_wh bigint NOT NULL DEFAULT 10000000 CHECK (modulus_wh > 0),
  max_power_w bigint NOT NULL DEFAULT 23000 CHECK (max_power_w > 0),
  ct_ratio_milli bigint NOT NULL DEFAULT 1000 CHECK (ct_ratio_milli > 0),
  channel_note text COLLATE "C",
  created_ms bigint NOT NULL,
  revoked_ms bigint,
  changed_no bigint NOT NULL UNIQUE CHECK (changed_no > 0),
  disabled_ms bigint,
  cohort text COLLATE "C" NOT NULL DEFAULT 'all' CHECK (length(cohort) BETWEEN 1 AND 32)
);

CREATE TABLE place (
  place_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  name text COLLATE "C" NOT NULL CHECK (name <> ''),
  address_sealed bytea,
  UNIQUE (site_no, name)
);

CREATE TABLE account (
  account_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  account_id text COLLATE "C" NOT NULL UNIQUE CHECK (account_id <> ''),
  user_no bigint REFERENCES "user",
  place_no bigint REFERENCES place,
  person_sealed bytea,
  from_date text COLLATE "C" CHECK (is_date(from_date)),
  to_date text COLLATE "C" CHECK (is_date(to_date)),
  sanctioned_load_w bigint NOT NULL DEFAULT 0 CHECK (sanctioned_load_w >= 0),
  created_ms bigint NOT NULL,
  changed_no bigint NOT NULL DEFAULT 0,
  CHECK (from_date IS NULL OR to_date IS NULL OR from_date <= to_date)
);
CREATE INDEX account_user ON account (user_no);
CREATE INDEX account_place ON account (place_no);

CREATE TABLE account_meter (
  meter_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  account_no bigint NOT NULL REFERENCES account,
  device_no bigint NOT NULL REFERENCES device,
  channel bigint NOT NULL DEFAULT 0 CHECK (channel BETWEEN 0 AND 255),
  from_ms bigint,
  to_ms bigint,
  sign bigint NOT NULL CHECK (sign IN (1, -1)),
  multiplier_milli bigint NOT NULL CHECK (multiplier_milli > 0),
  CHECK (from_ms IS NULL OR to_ms IS NULL OR from_ms <= to_ms)
);
CREATE INDEX account_meter_account ON account_meter (account_no);
CREATE INDEX account_meter_device ON account_meter (device_no);

CREATE TABLE tariff (
  tariff_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  name text COLLATE "C" NOT NULL CHECK (name <> ''),
  UNIQUE (site_no, name)
);

CREATE TABLE tariff_version (
  tariff_no bigint NOT NULL REFERENCES tariff,
  version bigint NOT NULL CHECK (version > 0),
  site_no bigint NOT NULL REFERENCES site,
  effective_from text COLLATE "C" NOT NULL CHECK (is_date(effective_from)),
  body text COLLATE "C" NOT NULL CHECK (is_json(body)),
  created_ms bigint NOT NULL,
  PRIMARY KEY (tariff_no, version)
);
CREATE INDEX tariff_version_day ON tariff_version (tariff_no, effective_from, version);

CREATE TABLE account_tariff (
  account_no bigint NOT NULL REFERENCES account,
  from_date text COLLATE "C" NOT NULL CHECK (from_date = '' OR is_date(from_date)),
  site_no bigint NOT NULL REFERENCES site,
  tariff_no bigint NOT NULL REFERENCES tariff,
  PRIMARY KEY (account_no, from_date)
);
CREATE INDEX account_tariff_tariff ON account_tariff (tariff_no);

CREATE TABLE invoice_series (
  site_no bigint NOT NULL REFERENCES site,
  series text COLLATE "C" NOT NULL CHECK (length(series) BETWEEN 1 AND 5 AND series !~ '[^A-Z0-9]'),
  financial_year text COLLATE "C" NOT NULL CHECK (financial_year ~ '^[0-9]{4}$'),
  last_serial bigint NOT NULL CHECK (last_serial BETWEEN 1 AND 999999),
  PRIMARY KEY (site_no, series, financial_year)
);

CREATE TABLE invoice (
  invoice_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  account_no bigint NOT NULL REFERENCES account,
  device_no bigint REFERENCES device,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('invoice', 'credit_note')),
  month text COLLATE "C" NOT NULL CHECK (is_date(month || '-01')),
  revision bigint NOT NULL CHECK (revision > 0),
  series text COLLATE "C" NOT NULL,
  financial_year text COLLATE "C" NOT NULL,
  serial bigint NOT NULL CHECK (serial BETWEEN 1 AND 999999),
  number text COLLATE "C" NOT NULL UNIQUE,
  total_minor bigint NOT NULL,
  tax_minor bigint NOT NULL,
  currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  issued_ms bigint NOT NULL,
  due_ms bigint NOT NULL,
  body text COLLATE "C" NOT NULL CHECK (is_json(body)),
  snapshot text COLLATE "C" NOT NULL CHECK (is_json(snapshot)),
  UNIQUE (account_no, kind, month, revision),
  UNIQUE (site_no, series, financial_year, serial),
  FOREIGN KEY (site_no, series, financial_year) REFERENCES invoice_series,
  CHECK (number = series || financial_year || '-' || lpad(serial::text, 6, '0'))
);

CREATE TABLE audit (
  audit_no bigint PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  at_ms bigint NOT NULL,
  actor text COLLATE "C" NOT NULL CHECK (actor <> ''),
  action text COLLATE "C" NOT NULL CHECK (action <> ''),
  subject text COLLATE "C" NOT NULL,
  detail text COLLATE "C" NOT NULL CHECK (is_json(detail)),
  previous_hash bytea NOT NULL CHECK (length(previous_hash) = 32),
  hash bytea NOT NULL CHECK (length(hash) = 32)
);

CREATE TABLE reading_edit (
  edit_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  device_no bigint NOT NULL REFERENCES device,
  channel bigint NOT NULL CHECK (channel BETWEEN 0 AND 255),
  ts_ms bigint NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('manual', 'void', 'correct', 'withdraw')),
  raw_wh bigint CHECK (raw_wh >= 0),
  wh bigint CHECK (wh >= 0),
  withdraws bigint UNIQUE REFERENCES reading_edit,
  reason text COLLATE "C" NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  made_ms bigint NOT NULL,
  made_by text COLLATE "C" NOT NULL CHECK (made_by <> ''),
  CHECK ((raw_wh IS NOT NULL) = (kind IN ('void', 'correct'))),
  CHECK ((wh IS NOT NULL) = (kind IN ('manual', 'correct'))),
  CHECK ((withdraws IS NOT NULL) = (kind = 'withdraw'))
);
CREATE INDEX reading_edit_instant ON reading_edit (device_no, channel, ts_ms, edit_no);

CREATE TABLE invoice_use (
  account_no bigint NOT NULL REFERENCES account,
  month text COLLATE "C" NOT NULL,
  revision bigint NOT NULL,
  use_wh bigint NOT NULL,
  days bigint NOT NULL CHECK (days >= 0),
  measured bigint NOT NULL CHECK (measured IN (0, 1)),
  PRIMARY KEY (account_no, month, revision)
);

CREATE TABLE lease (
  site_no bigint NOT NULL REFERENCES site,
  name text COLLATE "C" NOT NULL CHECK (name <> ''),
  holder text COLLATE "C" NOT NULL CHECK (holder <> ''),
  until_ms bigint NOT NULL,
  PRIMARY KEY (site_no, name)
);

CREATE TABLE entry (
  entry_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  account_no bigint NOT NULL REFERENCES account,
  kind text COLLATE "C" NOT NULL CHECK (kind IN
    ('invoice', 'payment', 'credit', 'fee', 'prepayment', 'opening', 'common', 'reversal')),
  amount_minor bigint NOT NULL,
  currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  invoice_no bigint REFERENCES invoice,
  at_ms bigint NOT NULL,
  note text COLLATE "C" NOT NULL DEFAULT '{}' CHECK (is_json(note)),
  posted_ms bigint,
  made_by text COLLATE "C" CHECK (made_by <> ''),
  method text COLLATE "C" CHECK (method <> ''),
  reference text COLLATE "C" CHECK (reference <> ''),
  request_key text COLLATE "C" CHECK (request_key <> ''),
  part bigint CHECK (part > 0),
  reverses bigint REFERENCES entry,
  CHECK (kind <> 'invoice' OR invoice_no IS NOT NULL),
  CHECK (kind NOT IN ('payment', 'prepayment') OR amount_minor <= 0),
  CHECK (kind <> 'common' OR amount_minor > 0),
  CHECK (kind <> 'fee' OR (invoice_no IS NOT NULL AND part IS NOT NULL AND amount_minor > 0)),
  CHECK ((reverses IS NOT NULL) = (kind = 'reversal'))
);
CREATE INDEX entry_account ON entry (account_no);
CREATE INDEX entry_invoice ON entry (invoice_no);
CREATE UNIQUE INDEX entry_once ON entry (invoice_no) WHERE kind = 'invoice';
CREATE UNIQUE INDEX entry_fee ON entry (invoice_no, part) WHERE kind = 'fee';
CREATE UNIQUE INDEX entry_reversed ON entry (reverses) WHERE reverses IS NOT NULL;
CREATE UNIQUE INDEX entry_request ON entry (site_no, request_key) WHERE request_key IS NOT NULL;
CREATE UNIQUE INDEX entry_reference ON entry (account_no, reference) WHERE reference IS NOT NULL;

CREATE TABLE exception (
  exception_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  account_no bigint NOT NULL REFERENCES account,
  invoice_no bigint NOT NULL REFERENCES invoice,
  cause text COLLATE "C" NOT NULL CHECK (cause IN ('readings', 'tariff', 'credit')),
  readings_hash text COLLATE "C" NOT NULL,
  net_minor bigint NOT NULL,
  tax_minor bigint NOT NULL,
  taxes text COLLATE "C" NOT NULL CHECK (is_json(taxes)),
  currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  new_total_minor bigint NOT NULL,
  body text COLLATE "C" NOT NULL CHECK (is_json(body)),
  found_ms bigint NOT NULL,
  state text COLLATE "C" NOT NULL CHECK (state IN
    ('open', 'true_up', 'reissue', 'dismissed', 'superseded', 'void')),
  decided_ms bigint,
  decided_by text COLLATE "C" CHECK (decided_by <> ''),
  reason text COLLATE "C" CHECK (reason <> ''),
  CHECK ((state = 'open') = (decided_ms IS NULL)),
  CHECK ((decided_ms IS NULL) = (decided_by IS NULL))
);
CREATE INDEX exception_invoice ON exception (invoice_no);
CREATE INDEX exception_account ON exception (account_no) WHERE state = 'true_up';
CREATE UNIQUE INDEX exception_alone ON exception (invoice_no) WHERE state = 'open';

CREATE TABLE settlement (
  exception_no bigint NOT NULL REFERENCES exception,
  invoice_no bigint NOT NULL REFERENCES invoice,
  site_no bigint NOT NULL REFERENCES site,
  PRIMARY KEY (exception_no, invoice_no)
);
CREATE INDEX settlement_invoice ON settlement (invoice_no);
CREATE VIEW settled AS SELECT s.exception_no, s.invoice_no FROM settlement s
  JOIN invoice i ON i.invoice_no = s.invoice_no
  WHERE NOT EXISTS (SELECT 1 FROM invoice c WHERE c.account_no = i.account_no
    AND c.kind = 'credit_note' AND c.month = i.month AND c.revision = i.revision);

CREATE TABLE rebill (
  invoice_no bigint NOT NULL REFERENCES invoice,
  tariff_no bigint NOT NULL,
  version bigint NOT NULL,
  site_no bigint NOT NULL REFERENCES site,
  done_ms bigint,
  PRIMARY KEY (invoice_no, tariff_no, version),
  FOREIGN KEY (tariff_no, version) REFERENCES tariff_version
);
CREATE INDEX rebill_due ON rebill (invoice_no) WHERE done_ms IS NULL;

CREATE TABLE dispute (
  dispute_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  account_no bigint NOT NULL REFERENCES account,
  invoice_no bigint NOT NULL REFERENCES invoice,
  opened_ms bigint NOT NULL,
  opened_by text COLLATE "C" NOT NULL CHECK (opened_by <> ''),
  text text COLLATE "C" NOT NULL CHECK (text <> ''),
  explanation text COLLATE "C" NOT NULL CHECK (is_json(explanation)),
  resolved_ms bigint,
  resolved_by text COLLATE "C" CHECK (resolved_by <> ''),
  resolution text COLLATE "C" CHECK (resolution <> ''),
  CHECK ((resolved_ms IS NULL) = (resolution IS NULL)),
  CHECK ((resolved_ms IS NULL) = (resolved_by IS NULL)),
  CHECK (resolved_ms IS NULL OR resolved_ms >= opened_ms)
);
CREATE UNIQUE INDEX dispute_open ON dispute (invoice_no) WHERE resolved_ms IS NULL;
CREATE INDEX dispute_invoice ON dispute (invoice_no);
CREATE INDEX dispute_account ON dispute (account_no);

CREATE TABLE account_import (
  site_no bigint NOT NULL REFERENCES site,
  key text COLLATE "C" NOT NULL CHECK (length(key) BETWEEN 1 AND 80),
  account_no bigint NOT NULL UNIQUE REFERENCES account,
  content_hash bytea NOT NULL CHECK (length(content_hash) = 32),
  made_ms bigint NOT NULL,
  PRIMARY KEY (site_no, key)
);

CREATE TABLE utility_bill (
  utility_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  utility_id text COLLATE "C" NOT NULL UNIQUE CHECK (utility_id <> ''),
  device_no bigint REFERENCES device,
  supplier text COLLATE "C" NOT NULL CHECK (supplier <> ''),
  number text COLLATE "C" NOT NULL CHECK (number <> ''),
  from_date text COLLATE "C" NOT NULL CHECK (is_date(from_date)),
  to_date text COLLATE "C" NOT NULL CHECK (is_date(to_date)),
  energy_wh bigint NOT NULL CHECK (energy_wh >= 0),
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  tax_minor bigint NOT NULL CHECK (tax_minor >= 0),
  currency text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  split text COLLATE "C" NOT NULL CHECK (split IN ('equal', 'use', 'load')),
  made_ms bigint NOT NULL,
  made_by text COLLATE "C" NOT NULL CHECK (made_by <> ''),
  cancelled_ms bigint,
  cancelled_by text COLLATE "C" CHECK (cancelled_by <> ''),
  cancel_reason text COLLATE "C" CHECK (cancel_reason <> ''),
  CHECK (from_date < to_date),
  CHECK ((cancelled_ms IS NULL) = (cancelled_by IS NULL)),
  CHECK ((cancelled_ms IS NULL) = (cancel_reason IS NULL))
);
CREATE UNIQUE INDEX utility_bill_once ON utility_bill (site_no, supplier, number)
  WHERE cancelled_ms IS NULL;

CREATE TABLE utility_member (
  utility_no bigint NOT NULL REFERENCES utility_bill,
  account_no bigint NOT NULL REFERENCES account,
  site_no bigint NOT NULL REFERENCES site,
  PRIMARY KEY (utility_no, account_no)
);

CREATE TABLE utility_posting (
  posting_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  utility_no bigint NOT NULL REFERENCES utility_bill,
  posted_ms bigint NOT NULL,
  posted_by text COLLATE "C" NOT NULL CHECK (posted_by <> ''),
  reversed_ms bigint,
  reversed_by text COLLATE "C" CHECK (reversed_by <> ''),
  reverse_reason text COLLATE "C" CHECK (reverse_reason <> ''),
  CHECK ((reversed_ms IS NULL) = (reversed_by IS NULL)),
  CHECK ((reversed_ms IS NULL) = (reverse_reason IS NULL))
);
CREATE UNIQUE INDEX utility_posting_alone ON utility_posting (utility_no) WHERE reversed_ms IS NULL;
CREATE INDEX utility_posting_bill ON utility_posting (utility_no);

CREATE TABLE utility_share (
  posting_no bigint NOT NULL REFERENCES utility_posting,
  account_no bigint NOT NULL REFERENCES account,
  site_no bigint NOT NULL REFERENCES site,
  use_wh bigint NOT NULL CHECK (use_wh >= 0),
  load_w bigint NOT NULL CHECK (load_w >= 0),
  energy_minor bigint NOT NULL CHECK (energy_minor >= 0),
  common_minor bigint NOT NULL CHECK (common_minor >= 0),
  entry_no bigint UNIQUE REFERENCES entry,
  PRIMARY KEY (posting_no, account_no),
  CHECK ((entry_no IS NULL) = (common_minor = 0))
);

CREATE TABLE audit_head (
  audit_no bigint PRIMARY KEY REFERENCES audit,
  site_no bigint NOT NULL REFERENCES site,
  at_ms bigint NOT NULL,
  hash bytea NOT NULL CHECK (length(hash) = 32),
  kid text COLLATE "C" NOT NULL CHECK (kid <> ''),
  signature bytea NOT NULL CHECK (length(signature) = 64)
);
CREATE INDEX audit_subject ON audit (subject);

CREATE TABLE api_key (
  key_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  key_id text COLLATE "C" NOT NULL UNIQUE CHECK (key_id <> ''),
  name text COLLATE "C" NOT NULL CHECK (name <> ''),
  scopes text COLLATE "C" NOT NULL CHECK (scopes <> ''),
  devices text COLLATE "C" CHECK (devices <> ''),
  created_ms bigint NOT NULL,
  created_by text COLLATE "C" NOT NULL CHECK (created_by <> ''),
  revoked_ms bigint,
  last_used_ms bigint
);

CREATE TABLE api_secret (
  hash bytea NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
  site_no bigint NOT NULL REFERENCES site,
  key_no bigint NOT NULL REFERENCES api_key,
  made_no bigint NOT NULL,
  ends_ms bigint NOT NULL,
  UNIQUE (key_no, made_no)
);

CREATE TABLE password_link (
  link_hash bytea NOT NULL PRIMARY KEY CHECK (length(link_hash) = 32),
  site_no bigint NOT NULL REFERENCES site,
  user_no bigint NOT NULL UNIQUE REFERENCES "user",
  made_by text COLLATE "C" NOT NULL CHECK (made_by <> ''),
  created_ms bigint NOT NULL,
  expires_ms bigint NOT NULL CHECK (expires_ms > created_ms)
);

CREATE TABLE people_version (
  site_no bigint PRIMARY KEY REFERENCES site,
  version bigint NOT NULL
);

CREATE TABLE alert (
  alert_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  device_no bigint REFERENCES device,
  kind text COLLATE "C" NOT NULL CHECK (kind <> ''),
  subject text COLLATE "C" NOT NULL,
  opened_ms bigint NOT NULL,
  found_ms bigint NOT NULL,
  value bigint NOT NULL,
  limit_value bigint NOT NULL,
  ended_ms bigint,
  acknowledged_ms bigint,
  acknowledged_by text COLLATE "C" CHECK (acknowledged_by <> ''),
  CHECK ((acknowledged_ms IS NULL) = (acknowledged_by IS NULL)),
  CHECK ((device_no IS NULL) = (subject <> ''))
);
CREATE UNIQUE INDEX alert_open ON alert (coalesce(device_no, 0), kind, subject) WHERE ended_ms IS NULL;
CREATE INDEX alert_device ON alert (device_no, alert_no);

CREATE TABLE alert_threshold (
  threshold_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  device_no bigint NOT NULL REFERENCES device,
  user_no bigint REFERENCES "user",
  body text COLLATE "C" NOT NULL CHECK (is_json(body)),
  changed_ms bigint NOT NULL
);
CREATE UNIQUE INDEX alert_threshold_one ON alert_threshold (device_no, coalesce(user_no, 0));
CREATE INDEX alert_threshold_user ON alert_threshold (user_no);

CREATE TABLE notice (
  notice_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  user_no bigint NOT NULL UNIQUE REFERENCES "user",
  email bigint NOT NULL CHECK (email IN (0, 1)),
  webhook_sealed bytea,
  kinds text COLLATE "C" CHECK (kinds <> ''),
  quiet_from bigint CHECK (quiet_from BETWEEN 0 AND 1439),
  quiet_to bigint CHECK (quiet_to BETWEEN 0 AND 1439),
  changed_ms bigint NOT NULL,
  CHECK ((quiet_from IS NULL) = (quiet_to IS NULL))
);

CREATE TABLE alert_message (
  message_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  alert_no bigint NOT NULL REFERENCES alert,
  user_no bigint NOT NULL REFERENCES "user",
  channel text COLLATE "C" NOT NULL CHECK (channel IN ('email', 'webhook')),
  event text COLLATE "C" NOT NULL CHECK (event IN ('opened', 'ended')),
  state text COLLATE "C" NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed', 'dropped')),
  due_ms bigint NOT NULL,
  tries bigint NOT NULL DEFAULT 0,
  done_ms bigint,
  problem text COLLATE "C",
  UNIQUE (alert_no, user_no, channel, event),
  CHECK ((state = 'waiting') = (done_ms IS NULL))
);
CREATE INDEX alert_message_due ON alert_message (due_ms) WHERE state = 'waiting';
CREATE INDEX alert_message_user ON alert_message (user_no, channel) WHERE state = 'waiting';

CREATE TABLE alert_version (
  site_no bigint PRIMARY KEY REFERENCES site,
  version bigint NOT NULL
);

-- A logo that invoices were issued with, or an image of firmware, by the SHA-256 of its bytes.
CREATE TABLE file (
  file_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('logo', 'firmware')),
  sha256 text COLLATE "C" NOT NULL CHECK (length(sha256) = 64),
  size bigint NOT NULL CHECK (size > 0),
  created_ms bigint NOT NULL,
  UNIQUE (kind, sha256)
);

-- Its bytes, cut up: no row is large, whichever engine keeps it or takes it somewhere else.
CREATE TABLE file_part (
  file_no bigint NOT NULL REFERENCES file,
  part_no bigint NOT NULL CHECK (part_no >= 0),
  bytes bytea NOT NULL CHECK (length(bytes) BETWEEN 1 AND 16384),
  PRIMARY KEY (file_no, part_no)
);

-- A release: an image (a file, named by its SHA-256) for one hardware and cohort, and how it goes out.
CREATE TABLE firmware (
  firmware_no bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  site_no bigint NOT NULL REFERENCES site,
  product text COLLATE "C" NOT NULL CHECK (product <> ''),
  hardware text COLLATE "C" NOT NULL CHECK (hardware <> ''),
  version text COLLATE "C" NOT NULL CHECK (version <> ''),
  counter bigint NOT NULL CHECK (counter BETWEEN 0 AND 4294967295),
  from_counter bigint NOT NULL CHECK (from_counter BETWEEN 0 AND 4294967295),
  size bigint NOT NULL CHECK (size > 0),
  sha256 text COLLATE "C" NOT NULL CHECK (length(sha256) = 64),
  expires_ms bigint NOT NULL,
  cohort text COLLATE "C" NOT NULL CHECK (cohort <> ''),
  key_id text COLLATE "C" NOT NULL,
  manifest bytea NOT NULL CHECK (length(manifest) BETWEEN 1 AND 1024),
  signature bytea NOT NULL CHECK (length(signature) BETWEEN 1 AND 96),
  stages text COLLATE "C" NOT NULL,
  share_percent bigint NOT NULL CHECK (share_percent BETWEEN 1 AND 100),
  failed_percent bigint NOT NULL CHECK (failed_percent BETWEEN 0 AND 100),
  least bigint NOT NULL CHECK (least >= 1),
  hold_ms bigint NOT NULL CHECK (hold_ms >= 0),
  state text COLLATE "C" NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'halted', 'superseded', 'expired')),
  reason text COLLATE "C",
  stage bigint NOT NULL DEFAULT 0 CHECK (stage >= 0),
  stage_ms bigint NOT NULL,
  judged_from_ms bigint NOT NULL,
  published_ms bigint NOT NULL,
  CHECK ((state = 'halted') = (reason IS NOT NULL))
);
CREATE UNIQUE INDEX firmware_one ON firmware (product, hardware, cohort) WHERE state IN ('active', 'halted');
CREATE INDEX firmware_image ON firmware (sha256);

-- A meter that a release is, or was, offered to.
CREATE TABLE firmware_device (
  firmware_no bigint NOT NULL REFERENCES firmware,
  device_no bigint NOT NULL REFERENCES device,
  stage bigint NOT NULL,
  offered_ms bigint NOT NULL,
  phase text COLLATE "C" NOT NULL DEFAULT 'offered' CHECK (phase IN ('offered', 'taken', 'confirmed', 'failed', 'refused')),
  result text COLLATE "C" CHECK (result <> ''),
  phase_ms bigint NOT NULL,
  PRIMARY KEY (firmware_no, device_no)
);
CREATE INDEX firmware_device_open ON firmware_device (device_no) WHERE phase IN ('offered', 'taken');
CREATE INDEX firmware_device_phase ON firmware_device (firmware_no, phase, phase_ms);

-- What a meter said last of its firmware; which release the broker is to hold for it (0: none), and which it does (-1: nobody knows).
CREATE TABLE device_firmware (
  device_no bigint PRIMARY KEY REFERENCES device,
  site_no bigint NOT NULL REFERENCES site,
  product text COLLATE "C" NOT NULL,
  hardware text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL,
  counter bigint NOT NULL,
  state bigint NOT NULL CHECK (state BETWEEN 0 AND 3),
  offer_version text COLLATE "C",
  offer_counter bigint,
  offer_result bigint CHECK (offer_result BETWEEN 0 AND 10),
  offer_at bigint,
  seen_ms bigint NOT NULL,
  wanted_no bigint NOT NULL DEFAULT 0,
  told_no bigint NOT NULL DEFAULT 0,
  told_ms bigint NOT NULL DEFAULT 0,
  CHECK ((offer_version IS NULL) = (offer_counter IS NULL)),
  CHECK ((offer_version IS NULL) = (offer_result IS NULL))
);
CREATE INDEX device_firmware_untold ON device_firmware (device_no) WHERE wanted_no <> told_no;
CREATE INDEX device_firmware_wanted ON device_firmware (device_no) WHERE wanted_no <> 0;

-- ---- what is refused, and what follows from a change ----

CREATE TRIGGER tariff_keep BEFORE UPDATE ON tariff FOR EACH ROW
  EXECUTE FUNCTION refuse('a tariff is never changed');
CREATE TRIGGER tariff_stay BEFORE DELETE ON tariff FOR EACH ROW
  EXECUTE FUNCTION refuse('a tariff is never deleted');
CREATE TRIGGER tariff_stay_all BEFORE TRUNCATE ON tariff EXECUTE FUNCTION refuse('a tariff is never deleted');
CREATE TRIGGER tariff_version_keep BEFORE UPDATE ON tariff_version FOR EACH ROW
  EXECUTE FUNCTION refuse('a tariff version is never changed');
CREATE TRIGGER tariff_version_stay BEFORE DELETE ON tariff_version FOR EACH ROW
  EXECUTE FUNCTION refuse('a tariff version is never deleted');
CREATE TRIGGER tariff_version_stay_all BEFORE TRUNCATE ON tariff_version EXECUTE FUNCTION refuse('a tariff version is never deleted');
CREATE TRIGGER invoice_stay BEFORE DELETE ON invoice FOR EACH ROW
  EXECUTE FUNCTION refuse('an issued invoice is never deleted');
CREATE TRIGGER invoice_stay_all BEFORE TRUNCATE ON invoice EXECUTE FUNCTION refuse('an issued invoice is never deleted');
CREATE TRIGGER audit_keep BEFORE UPDATE ON audit FOR EACH ROW
  EXECUTE FUNCTION refuse('the audit log is never changed');
CREATE TRIGGER audit_stay BEFORE DELETE ON audit FOR EACH ROW
  EXECUTE FUNCTION refuse('the audit log is never deleted');
CREATE TRIGGER audit_stay_all BEFORE TRUNCATE ON audit EXECUTE FUNCTION refuse('the audit log is never deleted');
CREATE FUNCTION tariff_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM tariff WHERE tariff_no = NEW.tariff_no)
    OR EXISTS (SELECT 1 FROM tariff WHERE site_no = NEW.site_no AND name = NEW.name) THEN
    RAISE EXCEPTION 'a tariff is never replaced';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER tariff_once BEFORE INSERT ON tariff FOR EACH ROW EXECUTE FUNCTION tariff_once();
CREATE FUNCTION tariff_version_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM tariff_version
    WHERE tariff_no = NEW.tariff_no AND version = NEW.version) THEN
    RAISE EXCEPTION 'a tariff version is never replaced';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER tariff_version_once BEFORE INSERT ON tariff_version FOR EACH ROW EXECUTE FUNCTION tariff_version_once();
CREATE FUNCTION invoice_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM invoice WHERE invoice_no = NEW.invoice_no)
    OR EXISTS (SELECT 1 FROM invoice WHERE number = NEW.number)
    OR EXISTS (SELECT 1 FROM invoice WHERE account_no = NEW.account_no AND kind = NEW.kind
      AND month = NEW.month AND revision = NEW.revision) THEN
    RAISE EXCEPTION 'an issued invoice is never replaced';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER invoice_once BEFORE INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION invoice_once();
CREATE TRIGGER invoice_series_first BEFORE INSERT ON invoice_series
  FOR EACH ROW WHEN (NEW.last_serial <> 1)
  EXECUTE FUNCTION refuse('a series of invoices begins at 1');
CREATE TRIGGER invoice_series_next BEFORE UPDATE ON invoice_series
  FOR EACH ROW WHEN (NEW.last_serial <> OLD.last_serial + 1 OR NEW.site_no <> OLD.site_no
    OR NEW.series <> OLD.series OR NEW.financial_year <> OLD.financial_year)
  EXECUTE FUNCTION refuse('a series of invoices goes up by one');
CREATE TRIGGER invoice_series_stay BEFORE DELETE ON invoice_series FOR EACH ROW
  EXECUTE FUNCTION refuse('a series of invoices is never deleted');
CREATE TRIGGER invoice_series_stay_all BEFORE TRUNCATE ON invoice_series EXECUTE FUNCTION refuse('a series of invoices is never deleted');
CREATE FUNCTION invoice_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.serial IS DISTINCT FROM (SELECT last_serial FROM invoice_series
    WHERE site_no = NEW.site_no AND series = NEW.series AND financial_year = NEW.financial_year) THEN
    RAISE EXCEPTION 'an invoice takes the next number of its series';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER invoice_number BEFORE INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION invoice_number();
CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.audit_no IS DISTINCT FROM coalesce((SELECT max(audit_no) FROM audit), 0) + 1
    OR NEW.previous_hash IS DISTINCT FROM coalesce(
      (SELECT hash FROM audit ORDER BY audit_no DESC LIMIT 1), decode(repeat('00', 32), 'hex')) THEN
    RAISE EXCEPTION 'the audit log is only added to at its end';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_chain BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_chain();
CREATE TRIGGER reading_edit_keep BEFORE UPDATE ON reading_edit FOR EACH ROW
  EXECUTE FUNCTION refuse('an edit is never changed');
CREATE TRIGGER reading_edit_stay BEFORE DELETE ON reading_edit FOR EACH ROW
  EXECUTE FUNCTION refuse('an edit is never deleted');
CREATE TRIGGER reading_edit_stay_all BEFORE TRUNCATE ON reading_edit EXECUTE FUNCTION refuse('an edit is never deleted');
CREATE FUNCTION reading_edit_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM reading_edit WHERE edit_no = NEW.edit_no)
    OR EXISTS (SELECT 1 FROM reading_edit WHERE withdraws = NEW.withdraws) THEN
    RAISE EXCEPTION 'an edit is never replaced';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER reading_edit_once BEFORE INSERT ON reading_edit FOR EACH ROW EXECUTE FUNCTION reading_edit_once();
CREATE FUNCTION reading_edit_alone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.kind <> 'withdraw' AND EXISTS (SELECT 1 FROM reading_edit e
    WHERE e.device_no = NEW.device_no AND e.channel = NEW.channel AND e.ts_ms = NEW.ts_ms
      AND e.kind <> 'withdraw'
      AND NOT EXISTS (SELECT 1 FROM reading_edit w WHERE w.withdraws = e.edit_no)) THEN
    RAISE EXCEPTION 'an edit of that instant holds already';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER reading_edit_alone BEFORE INSERT ON reading_edit FOR EACH ROW EXECUTE FUNCTION reading_edit_alone();
CREATE FUNCTION reading_edit_withdraw() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.kind = 'withdraw' AND NOT EXISTS (SELECT 1 FROM reading_edit e
    WHERE e.edit_no = NEW.withdraws AND e.kind <> 'withdraw' AND e.device_no = NEW.device_no
      AND e.channel = NEW.channel AND e.ts_ms = NEW.ts_ms) THEN
    RAISE EXCEPTION 'only an edit can be withdrawn';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER reading_edit_withdraw BEFORE INSERT ON reading_edit FOR EACH ROW EXECUTE FUNCTION reading_edit_withdraw();
CREATE TRIGGER invoice_use_keep BEFORE UPDATE ON invoice_use FOR EACH ROW
  EXECUTE FUNCTION refuse('the use of an invoice is never changed');
CREATE TRIGGER invoice_use_stay BEFORE DELETE ON invoice_use FOR EACH ROW
  EXECUTE FUNCTION refuse('the use of an invoice is never deleted');
CREATE TRIGGER invoice_use_stay_all BEFORE TRUNCATE ON invoice_use EXECUTE FUNCTION refuse('the use of an invoice is never deleted');
CREATE TRIGGER entry_stay BEFORE DELETE ON entry FOR EACH ROW
  EXECUTE FUNCTION refuse('an entry is never deleted');
CREATE TRIGGER entry_stay_all BEFORE TRUNCATE ON entry EXECUTE FUNCTION refuse('an entry is never deleted');
CREATE FUNCTION entry_once_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM entry WHERE entry_no = NEW.entry_no)
    OR (NEW.kind = 'invoice' AND EXISTS (SELECT 1 FROM entry
      WHERE invoice_no = NEW.invoice_no AND kind = 'invoice')) THEN
    RAISE EXCEPTION 'an entry is never replaced';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER entry_once_only BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION entry_once_only();
CREATE FUNCTION entry_reference_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.reference IS NOT NULL AND EXISTS (SELECT 1 FROM entry
    WHERE account_no = NEW.account_no AND reference = NEW.reference) THEN
    RAISE EXCEPTION 'a reference is counted once';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER entry_reference_once BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION entry_reference_once();
CREATE FUNCTION entry_request_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.request_key IS NOT NULL AND EXISTS (SELECT 1 FROM entry
    WHERE site_no = NEW.site_no AND request_key = NEW.request_key) THEN
    RAISE EXCEPTION 'a request is counted once';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER entry_request_once BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION entry_request_once();
CREATE FUNCTION entry_opposite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.kind = 'reversal' AND (NOT EXISTS (SELECT 1 FROM entry e
      WHERE e.entry_no = NEW.reverses AND e.account_no = NEW.account_no
        AND e.kind IN ('payment', 'prepayment', 'fee', 'opening', 'common')
        AND e.amount_minor = -NEW.amount_minor AND e.currency = NEW.currency
        AND e.invoice_no IS NOT DISTINCT FROM NEW.invoice_no)
    OR EXISTS (SELECT 1 FROM entry r WHERE r.reverses = NEW.reverses)) THEN
    RAISE EXCEPTION 'a reversal is the opposite of one entry';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER entry_opposite BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION entry_opposite();
CREATE FUNCTION exception_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.exception_no IS DISTINCT FROM OLD.exception_no OR NEW.site_no IS DISTINCT FROM OLD.site_no
    OR NEW.account_no IS DISTINCT FROM OLD.account_no OR NEW.invoice_no IS DISTINCT FROM OLD.invoice_no
    OR NEW.cause IS DISTINCT FROM OLD.cause OR NEW.readings_hash IS DISTINCT FROM OLD.readings_hash
    OR NEW.net_minor IS DISTINCT FROM OLD.net_minor OR NEW.tax_minor IS DISTINCT FROM OLD.tax_minor
    OR NEW.taxes IS DISTINCT FROM OLD.taxes OR NEW.currency IS DISTINCT FROM OLD.currency
    OR NEW.new_total_minor IS DISTINCT FROM OLD.new_total_minor OR NEW.body IS DISTINCT FROM OLD.body
    OR NEW.found_ms IS DISTINCT FROM OLD.found_ms OR OLD.state NOT IN ('open', 'true_up')
    OR NEW.state = OLD.state OR NEW.state = 'open'
    OR EXISTS (SELECT 1 FROM settled WHERE exception_no = OLD.exception_no) THEN
    RAISE EXCEPTION 'an exception is decided, and nothing else of it changes';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER exception_keep BEFORE UPDATE ON exception FOR EACH ROW EXECUTE FUNCTION exception_keep();
CREATE TRIGGER exception_stay BEFORE DELETE ON exception FOR EACH ROW
  EXECUTE FUNCTION refuse('an exception is never deleted');
CREATE TRIGGER exception_stay_all BEFORE TRUNCATE ON exception EXECUTE FUNCTION refuse('an exception is never deleted');
CREATE FUNCTION exception_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM exception WHERE exception_no = NEW.exception_no)
    OR (NEW.state = 'open'
      AND EXISTS (SELECT 1 FROM exception WHERE invoice_no = NEW.invoice_no AND state = 'open')) THEN
    RAISE EXCEPTION 'an exception is never replaced';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER exception_once BEFORE INSERT ON exception FOR EACH ROW EXECUTE FUNCTION exception_once();
CREATE TRIGGER settlement_keep BEFORE UPDATE ON settlement FOR EACH ROW
  EXECUTE FUNCTION refuse('a settlement is never changed');
CREATE TRIGGER settlement_stay BEFORE DELETE ON settlement FOR EACH ROW
  EXECUTE FUNCTION refuse('a settlement is never deleted');
CREATE TRIGGER settlement_stay_all BEFORE TRUNCATE ON settlement EXECUTE FUNCTION refuse('a settlement is never deleted');
CREATE FUNCTION settlement_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM settled WHERE exception_no = NEW.exception_no)
    OR EXISTS (SELECT 1 FROM settlement
      WHERE exception_no = NEW.exception_no AND invoice_no = NEW.invoice_no) THEN
    RAISE EXCEPTION 'a correction is settled once';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER settlement_once BEFORE INSERT ON settlement FOR EACH ROW EXECUTE FUNCTION settlement_once();
CREATE FUNCTION settlement_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM exception e JOIN invoice i ON i.account_no = e.account_no
    WHERE e.exception_no = NEW.exception_no AND e.state = 'true_up'
      AND i.invoice_no = NEW.invoice_no AND i.kind = 'invoice' AND i.currency = e.currency) THEN
    RAISE EXCEPTION 'only a correction of the account is settled, by its invoice';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER settlement_fits BEFORE INSERT ON settlement FOR EACH ROW EXECUTE FUNCTION settlement_fits();
CREATE TRIGGER dispute_stay BEFORE DELETE ON dispute FOR EACH ROW
  EXECUTE FUNCTION refuse('a dispute is never deleted');
CREATE TRIGGER dispute_stay_all BEFORE TRUNCATE ON dispute EXECUTE FUNCTION refuse('a dispute is never deleted');
CREATE FUNCTION dispute_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM dispute WHERE dispute_no = NEW.dispute_no)
    OR (NEW.resolved_ms IS NULL AND EXISTS (SELECT 1 FROM dispute
      WHERE invoice_no = NEW.invoice_no AND resolved_ms IS NULL)) THEN
    RAISE EXCEPTION 'an invoice has one open dispute at most';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER dispute_once BEFORE INSERT ON dispute FOR EACH ROW EXECUTE FUNCTION dispute_once();
CREATE FUNCTION entry_fee_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.kind = 'fee' AND (
    EXISTS (SELECT 1 FROM dispute d WHERE d.invoice_no = NEW.invoice_no AND d.resolved_ms IS NULL)
    OR EXISTS (SELECT 1 FROM entry e WHERE e.kind = 'fee' AND e.invoice_no = NEW.invoice_no
      AND e.part = NEW.part)) THEN
    RAISE EXCEPTION 'no fee while an invoice is disputed, and none twice';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER entry_fee_frozen BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION entry_fee_frozen();
CREATE TRIGGER account_import_keep BEFORE UPDATE ON account_import FOR EACH ROW
  EXECUTE FUNCTION refuse('an imported account keeps its name');
CREATE TRIGGER account_import_stay BEFORE DELETE ON account_import FOR EACH ROW
  EXECUTE FUNCTION refuse('an imported account keeps its name');
CREATE TRIGGER account_import_stay_all BEFORE TRUNCATE ON account_import EXECUTE FUNCTION refuse('an imported account keeps its name');
CREATE FUNCTION account_import_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM account_import WHERE site_no = NEW.site_no AND key = NEW.key)
    OR EXISTS (SELECT 1 FROM account_import WHERE account_no = NEW.account_no) THEN
    RAISE EXCEPTION 'an account is imported once';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER account_import_once BEFORE INSERT ON account_import FOR EACH ROW EXECUTE FUNCTION account_import_once();
CREATE FUNCTION utility_bill_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.cancelled_ms IS NOT NULL OR NEW.cancelled_ms IS NULL
    OR NEW.utility_no IS DISTINCT FROM OLD.utility_no OR NEW.site_no IS DISTINCT FROM OLD.site_no
    OR NEW.utility_id IS DISTINCT FROM OLD.utility_id OR NEW.device_no IS DISTINCT FROM OLD.device_no
    OR NEW.supplier IS DISTINCT FROM OLD.supplier OR NEW.number IS DISTINCT FROM OLD.number
    OR NEW.from_date IS DISTINCT FROM OLD.from_date OR NEW.to_date IS DISTINCT FROM OLD.to_date
    OR NEW.energy_wh IS DISTINCT FROM OLD.energy_wh OR NEW.amount_minor IS DISTINCT FROM OLD.amount_minor
    OR NEW.tax_minor IS DISTINCT FROM OLD.tax_minor OR NEW.currency IS DISTINCT FROM OLD.currency
    OR NEW.split IS DISTINCT FROM OLD.split OR NEW.made_ms IS DISTINCT FROM OLD.made_ms
    OR NEW.made_by IS DISTINCT FROM OLD.made_by
    OR EXISTS (SELECT 1 FROM utility_posting p
      WHERE p.utility_no = OLD.utility_no AND p.reversed_ms IS NULL) THEN
    RAISE EXCEPTION 'a utility bill is cancelled once, while it is not posted';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER utility_bill_keep BEFORE UPDATE ON utility_bill FOR EACH ROW EXECUTE FUNCTION utility_bill_keep();
CREATE TRIGGER utility_bill_stay BEFORE DELETE ON utility_bill FOR EACH ROW
  EXECUTE FUNCTION refuse('a utility bill is never deleted');
CREATE TRIGGER utility_bill_stay_all BEFORE TRUNCATE ON utility_bill EXECUTE FUNCTION refuse('a utility bill is never deleted');
CREATE FUNCTION utility_bill_alone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM utility_bill WHERE utility_no = NEW.utility_no)
    OR EXISTS (SELECT 1 FROM utility_bill WHERE utility_id = NEW.utility_id)
    OR EXISTS (SELECT 1 FROM utility_bill WHERE site_no = NEW.site_no
      AND supplier = NEW.supplier AND number = NEW.number AND cancelled_ms IS NULL) THEN
    RAISE EXCEPTION 'a utility bill is entered once';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER utility_bill_alone BEFORE INSERT ON utility_bill FOR EACH ROW EXECUTE FUNCTION utility_bill_alone();
CREATE TRIGGER utility_member_keep BEFORE UPDATE ON utility_member FOR EACH ROW
  EXECUTE FUNCTION refuse('the accounts of a utility bill stay');
CREATE TRIGGER utility_member_stay BEFORE DELETE ON utility_member FOR EACH ROW
  EXECUTE FUNCTION refuse('the accounts of a utility bill stay');
CREATE TRIGGER utility_member_stay_all BEFORE TRUNCATE ON utility_member EXECUTE FUNCTION refuse('the accounts of a utility bill stay');
CREATE TRIGGER utility_posting_keep BEFORE UPDATE ON utility_posting
  FOR EACH ROW WHEN (OLD.reversed_ms IS NOT NULL OR NEW.reversed_ms IS NULL
    OR NEW.posting_no IS DISTINCT FROM OLD.posting_no OR NEW.site_no IS DISTINCT FROM OLD.site_no
    OR NEW.utility_no IS DISTINCT FROM OLD.utility_no OR NEW.posted_ms IS DISTINCT FROM OLD.posted_ms
    OR NEW.posted_by IS DISTINCT FROM OLD.posted_by)
  EXECUTE FUNCTION refuse('a posting is taken back once, and nothing else of it changes');
CREATE TRIGGER utility_posting_stay BEFORE DELETE ON utility_posting FOR EACH ROW
  EXECUTE FUNCTION refuse('a posting is never deleted');
CREATE TRIGGER utility_posting_stay_all BEFORE TRUNCATE ON utility_posting EXECUTE FUNCTION refuse('a posting is never deleted');
CREATE FUNCTION utility_posting_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM utility_posting WHERE posting_no = NEW.posting_no)
    OR EXISTS (SELECT 1 FROM utility_posting
      WHERE utility_no = NEW.utility_no AND reversed_ms IS NULL)
    OR EXISTS (SELECT 1 FROM utility_bill
      WHERE utility_no = NEW.utility_no AND cancelled_ms IS NOT NULL) THEN
    RAISE EXCEPTION 'a utility bill is posted once';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER utility_posting_once BEFORE INSERT ON utility_posting FOR EACH ROW EXECUTE FUNCTION utility_posting_once();
CREATE TRIGGER utility_share_keep BEFORE UPDATE ON utility_share FOR EACH ROW
  EXECUTE FUNCTION refuse('a share is never changed');
CREATE TRIGGER utility_share_stay BEFORE DELETE ON utility_share FOR EACH ROW
  EXECUTE FUNCTION refuse('a share is never deleted');
CREATE TRIGGER utility_share_stay_all BEFORE TRUNCATE ON utility_share EXECUTE FUNCTION refuse('a share is never deleted');
CREATE FUNCTION utility_share_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM utility_share
      WHERE posting_no = NEW.posting_no AND account_no = NEW.account_no)
    OR EXISTS (SELECT 1 FROM utility_share WHERE entry_no = NEW.entry_no)
    OR NOT EXISTS (SELECT 1 FROM utility_posting p
      JOIN utility_member m ON m.utility_no = p.utility_no
      WHERE p.posting_no = NEW.posting_no AND m.account_no = NEW.account_no) THEN
    RAISE EXCEPTION 'a share is of an account of the bill, once';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER utility_share_once BEFORE INSERT ON utility_share FOR EACH ROW EXECUTE FUNCTION utility_share_once();
CREATE TRIGGER audit_head_keep BEFORE UPDATE ON audit_head FOR EACH ROW
  EXECUTE FUNCTION refuse('a signed head is never changed');
CREATE TRIGGER audit_head_stay BEFORE DELETE ON audit_head FOR EACH ROW
  EXECUTE FUNCTION refuse('a signed head is never deleted');
CREATE TRIGGER audit_head_stay_all BEFORE TRUNCATE ON audit_head EXECUTE FUNCTION refuse('a signed head is never deleted');
CREATE FUNCTION audit_head_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.audit_no IS DISTINCT FROM (SELECT max(audit_no) FROM audit)
    OR NEW.hash IS DISTINCT FROM (SELECT hash FROM audit WHERE audit_no = NEW.audit_no)
    OR NEW.audit_no <= coalesce((SELECT max(audit_no) FROM audit_head), 0) THEN
    RAISE EXCEPTION 'the end of the audit log is signed, once';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_head_end BEFORE INSERT ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_head_end();
CREATE TRIGGER api_key_keep BEFORE UPDATE ON api_key
  FOR EACH ROW WHEN (OLD.revoked_ms IS NOT NULL OR NEW.key_id IS DISTINCT FROM OLD.key_id OR NEW.scopes IS DISTINCT FROM OLD.scopes
    OR NEW.devices IS DISTINCT FROM OLD.devices OR NEW.created_ms IS DISTINCT FROM OLD.created_ms
    OR NEW.created_by IS DISTINCT FROM OLD.created_by)
  EXECUTE FUNCTION refuse('a key keeps what it may, and stays revoked');
CREATE TRIGGER api_key_stay BEFORE DELETE ON api_key FOR EACH ROW
  EXECUTE FUNCTION refuse('a key is revoked, not deleted');
CREATE TRIGGER api_key_stay_all BEFORE TRUNCATE ON api_key EXECUTE FUNCTION refuse('a key is revoked, not deleted');
CREATE TRIGGER invoice_keep BEFORE UPDATE ON invoice
  FOR EACH ROW WHEN (NEW.invoice_no IS DISTINCT FROM OLD.invoice_no OR NEW.site_no IS DISTINCT FROM OLD.site_no
    OR NEW.account_no IS DISTINCT FROM OLD.account_no OR NEW.device_no IS DISTINCT FROM OLD.device_no
    OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.month IS DISTINCT FROM OLD.month OR NEW.revision IS DISTINCT FROM OLD.revision
    OR NEW.series IS DISTINCT FROM OLD.series OR NEW.financial_year IS DISTINCT FROM OLD.financial_year
    OR NEW.serial IS DISTINCT FROM OLD.serial OR NEW.number IS DISTINCT FROM OLD.number
    OR NEW.total_minor IS DISTINCT FROM OLD.total_minor OR NEW.tax_minor IS DISTINCT FROM OLD.tax_minor
    OR NEW.currency IS DISTINCT FROM OLD.currency OR NEW.issued_ms IS DISTINCT FROM OLD.issued_ms
    OR NEW.due_ms IS DISTINCT FROM OLD.due_ms OR NEW.body IS DISTINCT FROM OLD.body
    OR json_remove(NEW.snapshot, '$.payer.person_sealed', '$.payer.name_sealed',
        '$.payer.email_sealed')
      IS DISTINCT FROM json_remove(OLD.snapshot, '$.payer.person_sealed', '$.payer.name_sealed',
        '$.payer.email_sealed')
    OR (json_extract(NEW.snapshot, '$.payer.person_sealed') IS NULL)
      <> (json_extract(OLD.snapshot, '$.payer.person_sealed') IS NULL)
    OR (json_extract(NEW.snapshot, '$.payer.name_sealed') IS NULL)
      <> (json_extract(OLD.snapshot, '$.payer.name_sealed') IS NULL)
    OR (json_extract(NEW.snapshot, '$.payer.email_sealed') IS NULL)
      <> (json_extract(OLD.snapshot, '$.payer.email_sealed') IS NULL))
  EXECUTE FUNCTION refuse('an issued invoice is never changed');
CREATE TRIGGER entry_keep BEFORE UPDATE ON entry
  FOR EACH ROW WHEN (NEW.entry_no IS DISTINCT FROM OLD.entry_no OR NEW.site_no IS DISTINCT FROM OLD.site_no
    OR NEW.account_no IS DISTINCT FROM OLD.account_no OR NEW.kind IS DISTINCT FROM OLD.kind
    OR NEW.amount_minor IS DISTINCT FROM OLD.amount_minor OR NEW.currency IS DISTINCT FROM OLD.currency
    OR NEW.invoice_no IS DISTINCT FROM OLD.invoice_no OR NEW.at_ms IS DISTINCT FROM OLD.at_ms
    OR NEW.posted_ms IS DISTINCT FROM OLD.posted_ms OR NEW.made_by IS DISTINCT FROM OLD.made_by
    OR NEW.method IS DISTINCT FROM OLD.method OR NEW.reference IS DISTINCT FROM OLD.reference
    OR NEW.request_key IS DISTINCT FROM OLD.request_key OR NEW.part IS DISTINCT FROM OLD.part
    OR NEW.reverses IS DISTINCT FROM OLD.reverses
    OR json_remove(NEW.note, '$.reason') IS DISTINCT FROM json_remove(OLD.note, '$.reason')
    OR coalesce(json_extract(NEW.note, '$.reason'), 'sealed:') NOT LIKE 'sealed:%')
  EXECUTE FUNCTION refuse('an entry is never changed');
CREATE TRIGGER dispute_keep BEFORE UPDATE ON dispute
  FOR EACH ROW WHEN (NEW.dispute_no IS DISTINCT FROM OLD.dispute_no OR NEW.site_no IS DISTINCT FROM OLD.site_no
    OR NEW.account_no IS DISTINCT FROM OLD.account_no OR NEW.invoice_no IS DISTINCT FROM OLD.invoice_no
    OR NEW.opened_ms IS DISTINCT FROM OLD.opened_ms OR NEW.opened_by IS DISTINCT FROM OLD.opened_by
    OR NEW.explanation IS DISTINCT FROM OLD.explanation
    OR (NEW.text IS DISTINCT FROM OLD.text AND NEW.text NOT LIKE 'sealed:%' AND NEW.text <> '(erased)')
    OR (OLD.resolved_ms IS NOT NULL AND (NEW.resolved_ms IS DISTINCT FROM OLD.resolved_ms
      OR NEW.resolved_by IS DISTINCT FROM OLD.resolved_by OR (NEW.resolution IS DISTINCT FROM OLD.resolution
        AND NEW.resolution NOT LIKE 'sealed:%' AND NEW.resolution <> '(erased)'))))
  EXECUTE FUNCTION refuse('a dispute is resolved once, and nothing else of it changes');
CREATE TRIGGER alert_keep BEFORE UPDATE ON alert
  FOR EACH ROW WHEN (NEW.alert_no IS DISTINCT FROM OLD.alert_no OR NEW.site_no IS DISTINCT FROM OLD.site_no OR NEW.device_no IS DISTINCT FROM OLD.device_no
    OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.subject IS DISTINCT FROM OLD.subject OR NEW.opened_ms IS DISTINCT FROM OLD.opened_ms
    OR NEW.found_ms IS DISTINCT FROM OLD.found_ms OR NEW.value IS DISTINCT FROM OLD.value OR NEW.limit_value IS DISTINCT FROM OLD.limit_value
    OR (OLD.ended_ms IS NOT NULL AND NEW.ended_ms IS DISTINCT FROM OLD.ended_ms)
    OR (OLD.acknowledged_ms IS NOT NULL AND (NEW.acknowledged_ms IS DISTINCT FROM OLD.acknowledged_ms
      OR NEW.acknowledged_by IS DISTINCT FROM OLD.acknowledged_by)))
  EXECUTE FUNCTION refuse('an alert is ended once, acknowledged once, and nothing else of it changes');
CREATE TRIGGER alert_stay BEFORE DELETE ON alert FOR EACH ROW
  EXECUTE FUNCTION refuse('an alert is never deleted');
CREATE TRIGGER alert_stay_all BEFORE TRUNCATE ON alert EXECUTE FUNCTION refuse('an alert is never deleted');
CREATE TRIGGER alert_message_done BEFORE UPDATE ON alert_message
  FOR EACH ROW WHEN (OLD.state <> 'waiting')
  EXECUTE FUNCTION refuse('what is sent or given up stays so');
CREATE TRIGGER file_keep BEFORE UPDATE ON file FOR EACH ROW
  EXECUTE FUNCTION refuse('a file never changes');
CREATE TRIGGER file_stay BEFORE DELETE ON file FOR EACH ROW
  EXECUTE FUNCTION refuse('a file is never deleted');
CREATE TRIGGER file_stay_all BEFORE TRUNCATE ON file EXECUTE FUNCTION refuse('a file is never deleted');
CREATE TRIGGER file_part_keep BEFORE UPDATE ON file_part FOR EACH ROW
  EXECUTE FUNCTION refuse('a file never changes');
CREATE TRIGGER file_part_stay BEFORE DELETE ON file_part FOR EACH ROW
  EXECUTE FUNCTION refuse('a file is never deleted');
CREATE TRIGGER file_part_stay_all BEFORE TRUNCATE ON file_part EXECUTE FUNCTION refuse('a file is never deleted');
CREATE TRIGGER firmware_keep BEFORE UPDATE ON firmware
  FOR EACH ROW WHEN (NEW.firmware_no IS DISTINCT FROM OLD.firmware_no OR NEW.site_no IS DISTINCT FROM OLD.site_no OR NEW.product IS DISTINCT FROM OLD.product
    OR NEW.hardware IS DISTINCT FROM OLD.hardware OR NEW.version IS DISTINCT FROM OLD.version OR NEW.counter IS DISTINCT FROM OLD.counter
    OR NEW.from_counter IS DISTINCT FROM OLD.from_counter OR NEW.size IS DISTINCT FROM OLD.size OR NEW.sha256 IS DISTINCT FROM OLD.sha256
    OR NEW.expires_ms IS DISTINCT FROM OLD.expires_ms OR NEW.cohort IS DISTINCT FROM OLD.cohort OR NEW.key_id IS DISTINCT FROM OLD.key_id
    OR NEW.manifest IS DISTINCT FROM OLD.manifest OR NEW.signature IS DISTINCT FROM OLD.signature OR NEW.published_ms IS DISTINCT FROM OLD.published_ms
    OR NEW.stage < OLD.stage OR (OLD.state IN ('superseded', 'expired') AND NEW.state IS DISTINCT FROM OLD.state))
  EXECUTE FUNCTION refuse('of a release only how it goes out changes');
CREATE TRIGGER firmware_stay BEFORE DELETE ON firmware FOR EACH ROW
  EXECUTE FUNCTION refuse('a release is never deleted');
CREATE TRIGGER firmware_stay_all BEFORE TRUNCATE ON firmware EXECUTE FUNCTION refuse('a release is never deleted');
CREATE FUNCTION account_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE account SET changed_no = changed_no + 1 WHERE account_no = NEW.account_no;
  RETURN NULL;
END $$;
CREATE TRIGGER account_changed AFTER UPDATE OF user_no, place_no, person_sealed, from_date, to_date, sanctioned_load_w ON account
  FOR EACH ROW EXECUTE FUNCTION account_moves();
CREATE TRIGGER account_meter_added AFTER INSERT ON account_meter
  FOR EACH ROW EXECUTE FUNCTION account_moves();
CREATE TRIGGER account_tariff_added AFTER INSERT ON account_tariff
  FOR EACH ROW EXECUTE FUNCTION account_moves();
CREATE FUNCTION account_moves_both() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE account SET changed_no = changed_no + 1 WHERE account_no IN (OLD.account_no, NEW.account_no);
  RETURN NULL;
END $$;
CREATE TRIGGER account_meter_changed AFTER UPDATE ON account_meter
  FOR EACH ROW EXECUTE FUNCTION account_moves_both();
CREATE TRIGGER account_tariff_changed AFTER UPDATE ON account_tariff
  FOR EACH ROW EXECUTE FUNCTION account_moves_both();
CREATE FUNCTION account_moves_old() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE account SET changed_no = changed_no + 1 WHERE account_no = OLD.account_no;
  RETURN NULL;
END $$;
CREATE TRIGGER account_meter_removed AFTER DELETE ON account_meter
  FOR EACH ROW EXECUTE FUNCTION account_moves_old();
CREATE TRIGGER account_tariff_removed AFTER DELETE ON account_tariff
  FOR EACH ROW EXECUTE FUNCTION account_moves_old();
CREATE FUNCTION account_moves_device() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE account SET changed_no = changed_no + 1 WHERE account_no IN (SELECT account_no FROM account_meter WHERE device_no = NEW.device_no);
  RETURN NULL;
END $$;
CREATE TRIGGER account_reading_edited AFTER INSERT ON reading_edit
  FOR EACH ROW EXECUTE FUNCTION account_moves_device();
CREATE TRIGGER account_device_changed AFTER UPDATE OF modulus_wh, max_power_w, ct_ratio_milli ON device
  FOR EACH ROW EXECUTE FUNCTION account_moves_device();
CREATE FUNCTION people_site() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO people_version (site_no, version) VALUES (NEW.site_no, 1);
  RETURN NULL;
END $$;
CREATE TRIGGER people_site AFTER INSERT ON site
  FOR EACH ROW EXECUTE FUNCTION people_site();
CREATE FUNCTION people_user_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE people_version SET version = version + 1 WHERE site_no = NEW.site_no;
  RETURN NULL;
END $$;
CREATE TRIGGER people_user_change AFTER UPDATE OF role, disabled, password_hash, must_change ON "user"
  FOR EACH ROW EXECUTE FUNCTION people_user_change();
CREATE FUNCTION people_moves_old() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE people_version SET version = version + 1 WHERE site_no = OLD.site_no;
  RETURN NULL;
END $$;
CREATE TRIGGER people_user_gone AFTER DELETE ON "user"
  FOR EACH ROW EXECUTE FUNCTION people_moves_old();
CREATE TRIGGER people_session_gone AFTER DELETE ON session
  FOR EACH ROW EXECUTE FUNCTION people_moves_old();
CREATE FUNCTION alert_site() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO alert_version (site_no, version) VALUES (NEW.site_no, 1);
  RETURN NULL;
END $$;
CREATE TRIGGER alert_site AFTER INSERT ON site
  FOR EACH ROW EXECUTE FUNCTION alert_site();
CREATE FUNCTION alert_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE alert_version SET version = version + 1 WHERE site_no = NEW.site_no;
  RETURN NULL;
END $$;
CREATE TRIGGER alert_threshold_new AFTER INSERT ON alert_threshold
  FOR EACH ROW EXECUTE FUNCTION alert_moves();
CREATE TRIGGER alert_threshold_change AFTER UPDATE ON alert_threshold
  FOR EACH ROW EXECUTE FUNCTION alert_moves();
CREATE TRIGGER alert_account_new AFTER INSERT ON account
  FOR EACH ROW EXECUTE FUNCTION alert_moves();
CREATE TRIGGER alert_account_change AFTER UPDATE OF user_no, from_date, to_date, sanctioned_load_w ON account
  FOR EACH ROW EXECUTE FUNCTION alert_moves();
CREATE TRIGGER alert_meter_new AFTER INSERT ON account_meter
  FOR EACH ROW EXECUTE FUNCTION alert_moves();
CREATE TRIGGER alert_meter_change AFTER UPDATE ON account_meter
  FOR EACH ROW EXECUTE FUNCTION alert_moves();
CREATE TRIGGER alert_device_change AFTER UPDATE OF modulus_wh, max_power_w ON device
  FOR EACH ROW EXECUTE FUNCTION alert_moves();
CREATE FUNCTION alert_moves_old() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE alert_version SET version = version + 1 WHERE site_no = OLD.site_no;
  RETURN NULL;
END $$;
CREATE TRIGGER alert_threshold_gone AFTER DELETE ON alert_threshold
  FOR EACH ROW EXECUTE FUNCTION alert_moves_old();
CREATE TRIGGER alert_meter_gone AFTER DELETE ON account_meter
  FOR EACH ROW EXECUTE FUNCTION alert_moves_old();
