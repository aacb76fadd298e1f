-- Custom events are mutable: nothing mutable but the contact id is in a sort key; when the contact changes, the row under the
-- old contact gets a tombstone (is_deleted = 1).
CREATE TABLE IF NOT EXISTS custom_events (
  workspace_id UInt32,
  event_name LowCardinality(String),
  external_id String,
  contact_id UInt32,
  occurred_at DateTime64(3, 'UTC'),
  accepted_at DateTime64(6, 'UTC'),
  ord UInt32,
  goal_name LowCardinality(String),
  goal_type LowCardinality(String),
  goal_value Nullable(Decimal(38, 4)),
  properties String,
  deleted_at Nullable(DateTime64(3, 'UTC')),
  version UInt64,
  is_deleted UInt8
) ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (workspace_id, event_name, external_id);

CREATE TABLE IF NOT EXISTS custom_events_by_contact (
  workspace_id UInt32,
  event_name LowCardinality(String),
  external_id String,
  contact_id UInt32,
  occurred_at DateTime64(3, 'UTC'),
  accepted_at DateTime64(6, 'UTC'),
  ord UInt32,
  goal_name LowCardinality(String),
  goal_type LowCardinality(String),
  goal_value Nullable(Decimal(38, 4)),
  properties String,
  deleted_at Nullable(DateTime64(3, 'UTC')),
  version UInt64,
  is_deleted UInt8
) ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (workspace_id, contact_id, event_name, external_id);
