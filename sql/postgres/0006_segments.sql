-- Segments. A row stays after the segment's deletion: its uid names what the logs in ClickHouse hold, and uids are never used again.
CREATE TABLE segments (
  segment_uid   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace_id  integer NOT NULL REFERENCES workspaces,
  segment_id    text NOT NULL CHECK (segment_id ~ '^[a-z0-9_]{1,32}$'),
  name          text NOT NULL,
  color         text,
  timezone      text NOT NULL,
  tree          jsonb NOT NULL,
  -- Steps with every change of tree or timezone.
  version       integer NOT NULL DEFAULT 1,
  status        text NOT NULL DEFAULT 'building' CHECK (status IN ('building', 'active', 'failed')),
  -- Why a build is wanted; NULL = none is.
  build_reason  text CHECK (build_reason IN ('changed', 'requested', 'drifted', 'midnight', 'audit')) DEFAULT 'changed',
  -- The version whose members are shown, and the epoch of its complete set; NULL = there has never been one.
  built_version integer,
  base_epoch    bigint,
  -- The complete set was switched to, and its joins and leaves are not all in the log yet.
  unlogged      boolean NOT NULL DEFAULT false,
  users_count   integer NOT NULL DEFAULT 0,
  computed_at   timestamptz,
  error         text,
  stale_since   timestamptz,
  -- Contacts that the last audit found on the wrong side; always 0.
  audit_drift   integer,
  audited_at    timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  deleted_at    timestamptz,
  -- After its deletion: every member has left.
  emptied_at    timestamptz
);
CREATE UNIQUE INDEX segments_id ON segments (workspace_id, segment_id) WHERE deleted_at IS NULL;
CREATE INDEX segments_workspace ON segments (workspace_id) WHERE emptied_at IS NULL;

-- One evaluator per workspace. An epoch is one step of it: what the step wrote to ClickHouse counts once the epoch is committed here.
CREATE TABLE segment_evaluators (
  workspace_id integer PRIMARY KEY REFERENCES workspaces,
  epoch        bigint NOT NULL DEFAULT 0,
  committed    bigint NOT NULL DEFAULT 0,
  holder       uuid,
  leased_until timestamptz NOT NULL DEFAULT '-infinity',
  -- Steps with every change of a segment: the evaluator reads the definitions again.
  generation   bigint NOT NULL DEFAULT 1,
  -- Edges of windows were looked for up to here; the next one is due at `next_due_at` (NULL = none).
  checked_to   timestamptz,
  next_due_at  timestamptz,
  -- Counter of the marks of touched contacts that was seen last: a smaller one in Redis means that Redis lost some.
  touch_score  bigint NOT NULL DEFAULT 0
);

-- Epochs that were begun and never committed: their rows in ClickHouse do not count, whenever they arrive.
CREATE TABLE segment_void_epochs (
  workspace_id integer NOT NULL,
  epoch        bigint NOT NULL,
  PRIMARY KEY (workspace_id, epoch)
);

-- Joins and leaves per local day of the segment, and its size at the end of that day's last change.
CREATE TABLE segment_days (
  segment_uid integer NOT NULL REFERENCES segments,
  day         date NOT NULL,
  joins       integer NOT NULL DEFAULT 0,
  leaves      integer NOT NULL DEFAULT 0,
  size        integer NOT NULL,
  PRIMARY KEY (segment_uid, day)
);
