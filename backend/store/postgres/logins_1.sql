-- How often logins were tried, for all servers (auth/throttle.h), version 1. Tags are keyed hashes of an account, an
-- address, or both. Not logged: after a crash of the database, or on a standby that becomes the primary, everybody may
-- try again, and nothing is written twice for a wrong password.

CREATE UNLOGGED TABLE login_bucket (
  tag bigint PRIMARY KEY,
  full_ms bigint NOT NULL -- when the bucket is full again: then its row says nothing any more
);

-- Where somebody has got into an account.
CREATE UNLOGGED TABLE login_known (
  tag bigint PRIMARY KEY,
  seen_ms bigint NOT NULL
);
