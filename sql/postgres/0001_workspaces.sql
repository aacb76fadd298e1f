-- Workspaces (tenants), their keys, and facts that are fixed once for the whole installation.
CREATE TABLE settings (
  name  text PRIMARY KEY,
  value text NOT NULL
);

CREATE TABLE workspaces (
  workspace_id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name            text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9_-]{1,64}$'),
  timezone        text NOT NULL DEFAULT 'UTC',
  country         text,
  -- Contact ids are dense and never reused: blocks are taken from here outside the writing transaction.
  next_contact_id integer NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now()
);

-- Only the SHA-256 of a key is stored; `prefix` (its first characters) lets an operator recognise it.
CREATE TABLE api_keys (
  key_id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace_id integer NOT NULL REFERENCES workspaces,
  name         text NOT NULL,
  key_hash     bytea NOT NULL UNIQUE,
  prefix       text NOT NULL,
  scopes       text[] NOT NULL,
  -- Items a second; NULL = no limit.
  rate_limit   integer CHECK (rate_limit > 0),
  created_at   timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  revoked_at   timestamptz
);
CREATE INDEX api_keys_workspace ON api_keys (workspace_id);
