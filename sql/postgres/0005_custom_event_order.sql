-- Place in its request of the write that made the head: two writes of one request have the same time of acceptance.
ALTER TABLE custom_event_heads ADD COLUMN ord integer NOT NULL DEFAULT 0;
