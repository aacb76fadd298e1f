-- Versions of custom events start at the time of acceptance (microseconds) instead of 1: when an erasure has removed a head, the next
-- write of its key must still be newer than every row of it in ClickHouse.
ALTER TABLE custom_event_heads ALTER COLUMN version TYPE bigint;
