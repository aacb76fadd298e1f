-- Mirror of the profiles: highest version wins, an erased contact keeps a tombstone (version = max, is_deleted = 1) for ever.
CREATE TABLE IF NOT EXISTS contacts (
  workspace_id UInt32,
  contact_id UInt32,
  email String,
  external_id Nullable(String),
  created_at DateTime64(3, 'UTC'),
  updated_at DateTime64(3, 'UTC'),
  first_name Nullable(String), last_name Nullable(String), full_name Nullable(String), job_title Nullable(String),
  address_line_1 Nullable(String), address_line_2 Nullable(String), phone Nullable(String), timezone Nullable(String),
  language Nullable(String), country Nullable(String), state Nullable(String), postcode Nullable(String),
  custom_string_1 Nullable(String), custom_string_2 Nullable(String), custom_string_3 Nullable(String),
  custom_string_4 Nullable(String), custom_string_5 Nullable(String),
  custom_number_1 Nullable(Float64), custom_number_2 Nullable(Float64), custom_number_3 Nullable(Float64),
  custom_number_4 Nullable(Float64), custom_number_5 Nullable(Float64),
  custom_datetime_1 Nullable(DateTime64(3, 'UTC')), custom_datetime_2 Nullable(DateTime64(3, 'UTC')),
  custom_datetime_3 Nullable(DateTime64(3, 'UTC')), custom_datetime_4 Nullable(DateTime64(3, 'UTC')),
  custom_datetime_5 Nullable(DateTime64(3, 'UTC')),
  custom_json_1 Nullable(String), custom_json_2 Nullable(String), custom_json_3 Nullable(String),
  custom_json_4 Nullable(String), custom_json_5 Nullable(String),
  version UInt64,
  is_deleted UInt8
) ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (workspace_id, contact_id);

CREATE TABLE IF NOT EXISTS contact_lists (
  workspace_id UInt32,
  list_id LowCardinality(String),
  contact_id UInt32,
  status LowCardinality(String),
  decided_at DateTime64(6, 'UTC'),
  created_at DateTime64(3, 'UTC'),
  updated_at DateTime64(3, 'UTC'),
  version UInt64,
  is_deleted UInt8
) ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (workspace_id, list_id, contact_id);
