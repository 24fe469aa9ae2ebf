-- The ledger, version 7: passwords that must be changed, one-time links, and what a running server must hear of. docs/ledger-schema.md
-- says what each table is for.

-- The password was made by somebody else: until it is changed, nothing but that is possible.
ALTER TABLE user ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0 CHECK (must_change IN (0, 1));
ALTER TABLE user ADD COLUMN language TEXT CHECK (language IN ('en', 'hi'));

-- When the login was that a session's tokens came from; NULL: before this was kept.
ALTER TABLE session ADD COLUMN began_ms INTEGER;

-- A link with which its bearer sets a password, once; by its SHA-256. A row is there while it is good.
CREATE TABLE password_link (
  link_hash BLOB NOT NULL PRIMARY KEY CHECK (length(link_hash) = 32),
  site_no INTEGER NOT NULL REFERENCES site,
  user_no INTEGER NOT NULL UNIQUE REFERENCES user,
  made_by TEXT NOT NULL CHECK (made_by <> ''),
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL CHECK (expires_ms > created_ms)
) STRICT, WITHOUT ROWID;

-- A number that grows with each change that may shut somebody out: what a process remembers of people holds while it stands.
CREATE TABLE people_version (
  site_no INTEGER PRIMARY KEY REFERENCES site,
  version INTEGER NOT NULL
) STRICT;
INSERT INTO people_version (site_no, version) SELECT site_no, 1 FROM site;
CREATE TRIGGER people_site AFTER INSERT ON site
  BEGIN INSERT INTO people_version (site_no, version) VALUES (NEW.site_no, 1); END;
CREATE TRIGGER people_user_change AFTER UPDATE OF role, disabled, password_hash, must_change ON user
  BEGIN UPDATE people_version SET version = version + 1 WHERE site_no = NEW.site_no; END;
CREATE TRIGGER people_user_gone AFTER DELETE ON user
  BEGIN UPDATE people_version SET version = version + 1 WHERE site_no = OLD.site_no; END;
CREATE TRIGGER people_session_gone AFTER DELETE ON session
  BEGIN UPDATE people_version SET version = version + 1 WHERE site_no = OLD.site_no; END;
