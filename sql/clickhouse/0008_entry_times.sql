-- When things happened, per kind, and which entry it was: a window's entries lie together, so those of a month are counted without reading
-- the kind's whole past. Without the entry, two of one contact in one millisecond were one row, and only edges could be looked for.
--
-- Can be repeated from wherever it ended: equal rows are one. An insert that was under way when the views were made does not know them, so what
-- was written lately is copied once more when it has ended; there is none where there are no rows.
CREATE TABLE IF NOT EXISTS entry_times (
  workspace_id UInt32,
  kind LowCardinality(String),
  occurred_at DateTime64(3, 'UTC'),
  contact_id UInt32,
  entry UInt64 CODEC(NONE)
) ENGINE = ReplacingMergeTree ORDER BY (workspace_id, kind, occurred_at, contact_id, entry);

CREATE MATERIALIZED VIEW IF NOT EXISTS entry_times_of_timeline TO entry_times AS
  SELECT workspace_id, kind, occurred_at, contact_id, entry FROM timeline_by_kind;

-- `custom_event.*` stands for all of them: goals are looked for whatever their event's name. Events change, so none of these is counted.
CREATE MATERIALIZED VIEW IF NOT EXISTS entry_times_of_custom_events TO entry_times AS
  SELECT workspace_id, arrayJoin([concat('custom_event.', event_name), 'custom_event.*']) AS kind, occurred_at, contact_id, toUInt64(0) AS entry
  FROM custom_events WHERE is_deleted = 0;

INSERT INTO entry_times SELECT workspace_id, kind, occurred_at, contact_id, entry FROM timeline_by_kind;
INSERT INTO entry_times
  SELECT DISTINCT workspace_id, arrayJoin([concat('custom_event.', event_name), 'custom_event.*']), occurred_at, contact_id, 0
  FROM custom_events WHERE is_deleted = 0;

SELECT sleep(3) FROM (SELECT 1 FROM timeline_by_kind LIMIT 1);
INSERT INTO entry_times
  SELECT workspace_id, kind, occurred_at, contact_id, entry FROM timeline_by_kind WHERE recorded_at > now() - INTERVAL 70 DAY;
INSERT INTO entry_times
  SELECT DISTINCT workspace_id, arrayJoin([concat('custom_event.', event_name), 'custom_event.*']), occurred_at, contact_id, 0
  FROM custom_events WHERE is_deleted = 0 AND accepted_at > now() - INTERVAL 70 DAY;

-- Processes of the version before go on reading the old name until they are replaced.
DROP VIEW IF EXISTS event_times_of_timeline;
DROP VIEW IF EXISTS event_times_of_custom_events;
DROP TABLE IF EXISTS event_times;
CREATE VIEW IF NOT EXISTS event_times AS SELECT workspace_id, kind, occurred_at, contact_id FROM entry_times;
