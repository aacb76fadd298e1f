-- CSV imports: the file lies in MUSTER_IMPORT_DIR, everything that is to be known about it here.
CREATE TABLE imports (
  import_id    uuid PRIMARY KEY,
  workspace_id integer NOT NULL REFERENCES workspaces,
  file_name    text NOT NULL,
  -- packages/postgres/src/imports.ts draws the transitions.
  status       text NOT NULL DEFAULT 'uploading'
    CHECK (status IN ('uploading', 'uploaded', 'running', 'paused', 'completed', 'cancelled', 'failed')),
  -- Bytes of the file: as declared until it is uploaded; NULL = not known yet.
  size         bigint CHECK (size >= 0),
  received     bigint NOT NULL DEFAULT 0,
  -- Hex, as declared until the file is uploaded, then as computed.
  sha256       text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  dialect      jsonb,
  mapping      jsonb,
  options      jsonb,
  list_ids     text[] NOT NULL DEFAULT '{}',
  dry_run      boolean NOT NULL DEFAULT false,
  -- scan: the file is read and judged, nothing applied yet; apply: rows go through the lanes. NULL = not started.
  phase        text CHECK (phase IN ('scan', 'apply')),
  -- The run whose scratch files hold what the scan found.
  scan_run     uuid,
  -- Bytes of the file that the scan has read.
  scanned      bigint NOT NULL DEFAULT 0,
  -- Records found so far; final once phase is apply.
  records      bigint NOT NULL DEFAULT 0,
  -- Chunks of records there are; begun: how many were given to lanes; counted: how many of those are in the counts below.
  chunks       integer,
  begun        integer NOT NULL DEFAULT 0,
  counted      integer NOT NULL DEFAULT 0,
  -- done = created + updated + unchanged + rejected + duplicate
  done         bigint NOT NULL DEFAULT 0,
  created      bigint NOT NULL DEFAULT 0,
  updated      bigint NOT NULL DEFAULT 0,
  unchanged    bigint NOT NULL DEFAULT 0,
  rejected     bigint NOT NULL DEFAULT 0,
  duplicate    bigint NOT NULL DEFAULT 0,
  -- Membership outcomes by name.
  memberships  jsonb NOT NULL DEFAULT '{}',
  -- Rows a second of the last seconds; NULL = nothing is running.
  rate         real,
  error        jsonb,
  -- Acceptance of the rows (Redis time, microseconds): an address erased since does not come back with them.
  accepted_at  bigint,
  -- Key that created it.
  created_by   integer,
  -- Who works on it. A worker that dies lets the lease run out.
  holder       uuid,
  leased_until timestamptz NOT NULL DEFAULT '-infinity',
  created_at   timestamptz NOT NULL DEFAULT now(),
  started_at   timestamptz,
  -- Nothing more will be counted, and the files may go.
  ended_at     timestamptz,
  updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX imports_page ON imports (workspace_id, import_id DESC);
CREATE INDEX imports_sha256 ON imports (workspace_id, sha256);
CREATE INDEX imports_open ON imports (leased_until) WHERE ended_at IS NULL;

-- A finished chunk of an import that has not ended: the row's existence is the proof that its records were counted.
CREATE TABLE import_chunks (
  import_id uuid NOT NULL REFERENCES imports ON DELETE CASCADE,
  chunk     integer NOT NULL,
  PRIMARY KEY (import_id, chunk)
);

-- Rejected rows, with the cells as they were in the file; kept as long as other rejections.
CREATE TABLE import_rejects (
  import_id    uuid NOT NULL REFERENCES imports ON DELETE CASCADE,
  -- Where the record starts, 1-based.
  line         bigint NOT NULL,
  workspace_id integer NOT NULL,
  -- 0-based; NULL where no single column is to blame.
  column_index integer,
  code         text NOT NULL,
  message      text NOT NULL,
  cells        text[] NOT NULL DEFAULT '{}',
  -- Text of a row that could not be read as cells.
  raw          text,
  -- Keyed, of the address that the row names: an erasure finds it.
  email_hash   bytea,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (import_id, line)
);
CREATE INDEX import_rejects_email ON import_rejects (workspace_id, email_hash) WHERE email_hash IS NOT NULL;
CREATE INDEX import_rejects_age ON import_rejects (created_at);
