-- Profiles. `fields` holds the fields that have a value (SPEC: a removed value is absent), so a merge writes one column and
-- a new profile field needs no migration here; ClickHouse holds them as typed columns for filters.
CREATE TABLE contacts (
  workspace_id     integer NOT NULL,
  contact_id       integer NOT NULL CHECK (contact_id > 0),
  email            text NOT NULL,
  external_id      text,
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL,
  -- Steps by one with every item that changed the profile; the mirror keeps the highest.
  version          integer NOT NULL DEFAULT 1,
  -- Created by an event and not yet upserted: the first upsert may still set created_at.
  created_by_event boolean NOT NULL DEFAULT false,
  fields           jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (workspace_id, contact_id)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX contacts_email ON contacts (workspace_id, email);
CREATE UNIQUE INDEX contacts_external_id ON contacts (workspace_id, external_id) WHERE external_id IS NOT NULL;

CREATE TABLE lists (
  workspace_id    integer NOT NULL REFERENCES workspaces,
  list_id         text NOT NULL CHECK (list_id ~ '^[a-z0-9_-]{1,32}$'),
  name            text NOT NULL,
  description     text NOT NULL DEFAULT '',
  is_double_optin boolean NOT NULL DEFAULT false,
  is_public       boolean NOT NULL DEFAULT false,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  -- Set = hidden everywhere; the row goes when its memberships have been worked off, and only then is the id free.
  deleted_at      timestamptz,
  PRIMARY KEY (workspace_id, list_id)
);

CREATE TABLE contact_lists (
  workspace_id integer NOT NULL,
  contact_id   integer NOT NULL,
  list_id      text NOT NULL,
  status       text NOT NULL CHECK (status IN ('active', 'pending', 'unsubscribed', 'bounced', 'complained')),
  removed      boolean NOT NULL DEFAULT false,
  -- Acceptance (microseconds) of the item that decided the status: an older side effect never overrides it.
  decided_at   bigint NOT NULL,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  version      integer NOT NULL DEFAULT 1,
  PRIMARY KEY (workspace_id, contact_id, list_id)
);
CREATE INDEX contact_lists_list ON contact_lists (workspace_id, list_id, contact_id);

-- The mutable head of each custom event: who it belongs to and which version is the latest (the event itself is in ClickHouse).
CREATE TABLE custom_event_heads (
  workspace_id integer NOT NULL,
  -- First 16 bytes of SHA-256 over (event_name, external_id).
  key_hash     bytea NOT NULL,
  contact_id   integer NOT NULL,
  version      integer NOT NULL,
  occurred_at  timestamptz NOT NULL,
  accepted_at  bigint NOT NULL,
  PRIMARY KEY (workspace_id, key_hash)
);
CREATE INDEX custom_event_heads_contact ON custom_event_heads (workspace_id, contact_id);
