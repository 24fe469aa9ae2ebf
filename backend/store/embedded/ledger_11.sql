-- The ledger, version 11: the files that belong to it. docs/ledger-schema.md says what each table is for.

-- A logo that invoices were issued with, or an image of firmware, by the SHA-256 of its bytes.
CREATE TABLE file (
  file_no INTEGER PRIMARY KEY AUTOINCREMENT,
  site_no INTEGER NOT NULL REFERENCES site,
  kind TEXT NOT NULL CHECK (kind IN ('logo', 'firmware')),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  size INTEGER NOT NULL CHECK (size > 0),
  created_ms INTEGER NOT NULL,
  UNIQUE (kind, sha256)
) STRICT;
CREATE TRIGGER file_keep BEFORE UPDATE ON file
  BEGIN SELECT RAISE(ABORT, 'a file never changes'); END;
CREATE TRIGGER file_stay BEFORE DELETE ON file
  BEGIN SELECT RAISE(ABORT, 'a file is never deleted'); END;

-- Its bytes, cut up: no row is large, whichever engine keeps it or takes it somewhere else.
CREATE TABLE file_part (
  file_no INTEGER NOT NULL REFERENCES file,
  part_no INTEGER NOT NULL CHECK (part_no >= 0),
  bytes BLOB NOT NULL CHECK (length(bytes) BETWEEN 1 AND 16384),
  PRIMARY KEY (file_no, part_no)
) STRICT;
CREATE TRIGGER file_part_keep BEFORE UPDATE ON file_part
  BEGIN SELECT RAISE(ABORT, 'a file never changes'); END;
CREATE TRIGGER file_part_stay BEFORE DELETE ON file_part
  BEGIN SELECT RAISE(ABORT, 'a file is never deleted'); END;
