-- When things happened, per kind: which contacts crossed an edge of a window since the last look, and when the next edge is due.
-- Filled by views, because a row too many does no harm here: it only makes somebody look at a contact once more.
CREATE TABLE IF NOT EXISTS event_times (
  workspace_id UInt32,
  kind LowCardinality(String),
  occurred_at DateTime64(3, 'UTC'),
  contact_id UInt32
) ENGINE = ReplacingMergeTree ORDER BY (workspace_id, kind, occurred_at, contact_id);

CREATE MATERIALIZED VIEW IF NOT EXISTS event_times_of_timeline TO event_times AS
  SELECT workspace_id, kind, occurred_at, contact_id FROM timeline_by_kind;

-- `custom_event.*` stands for all of them: goals are looked for whatever their event's name.
CREATE MATERIALIZED VIEW IF NOT EXISTS event_times_of_custom_events TO event_times AS
  SELECT workspace_id, arrayJoin([concat('custom_event.', event_name), 'custom_event.*']) AS kind, occurred_at, contact_id
  FROM custom_events WHERE is_deleted = 0;

-- What was stored before the views were made. Repeating it adds nothing: equal rows are one.
INSERT INTO event_times SELECT DISTINCT workspace_id, kind, occurred_at, contact_id FROM timeline_by_kind;
INSERT INTO event_times
  SELECT DISTINCT workspace_id, arrayJoin([concat('custom_event.', event_name), 'custom_event.*']), occurred_at, contact_id
  FROM custom_events WHERE is_deleted = 0;

-- Complete sets of members, and how each differed from the set before it. Only epochs that were committed in Postgres count.
CREATE TABLE IF NOT EXISTS segment_sets (
  workspace_id UInt32,
  segment_uid UInt32,
  epoch UInt64,
  at DateTime64(3, 'UTC'),
  members AggregateFunction(groupBitmap, UInt32),
  joined AggregateFunction(groupBitmap, UInt32),
  parted AggregateFunction(groupBitmap, UInt32)
) ENGINE = ReplacingMergeTree ORDER BY (workspace_id, segment_uid, epoch);

-- Sets that are being built: read beside the old members, before they are brought up to date and become current.
CREATE TABLE IF NOT EXISTS segment_staging (
  workspace_id UInt32,
  build_id String,
  created_at DateTime DEFAULT now(),
  members AggregateFunction(groupBitmap, UInt32)
) ENGINE = MergeTree ORDER BY (workspace_id, build_id) TTL created_at + INTERVAL 1 DAY;

-- Every join (state = 1) and leave (state = 0), in two orders: by segment for the members now and at any time, by contact for profiles
-- and timelines.
CREATE TABLE IF NOT EXISTS segment_flips (
  workspace_id UInt32,
  segment_uid UInt32,
  epoch UInt64,
  contact_id UInt32,
  state UInt8,
  at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree ORDER BY (workspace_id, segment_uid, epoch, contact_id);

CREATE TABLE IF NOT EXISTS segment_flips_by_contact (
  workspace_id UInt32,
  contact_id UInt32,
  segment_uid UInt32,
  epoch UInt64,
  state UInt8,
  at DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree ORDER BY (workspace_id, contact_id, segment_uid, epoch) SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS segment_flips_to_contacts TO segment_flips_by_contact AS
  SELECT workspace_id, contact_id, segment_uid, epoch, state, at FROM segment_flips;
