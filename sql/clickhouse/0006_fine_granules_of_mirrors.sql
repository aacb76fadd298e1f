-- As 0005, for the mirrors of profiles and memberships: incremental evaluation asks them for a few hundred contacts, too.
CREATE TABLE IF NOT EXISTS contacts_fine AS contacts
  ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (workspace_id, contact_id)
  SETTINGS index_granularity = 512, min_compress_block_size = 8192, max_compress_block_size = 65536;
CREATE TABLE IF NOT EXISTS contacts_coarse AS contacts;
INSERT INTO contacts_fine SELECT * FROM contacts;
INSERT INTO contacts_fine SELECT * FROM contacts_coarse;
DROP TABLE contacts_coarse;
RENAME TABLE contacts TO contacts_coarse, contacts_fine TO contacts;
INSERT INTO contacts SELECT * FROM contacts_coarse;
DROP TABLE contacts_coarse;

CREATE TABLE IF NOT EXISTS contact_lists_fine AS contact_lists
  ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY (workspace_id, list_id, contact_id)
  SETTINGS index_granularity = 512, min_compress_block_size = 8192, max_compress_block_size = 65536;
CREATE TABLE IF NOT EXISTS contact_lists_coarse AS contact_lists;
INSERT INTO contact_lists_fine SELECT * FROM contact_lists;
INSERT INTO contact_lists_fine SELECT * FROM contact_lists_coarse;
DROP TABLE contact_lists_coarse;
RENAME TABLE contact_lists TO contact_lists_coarse, contact_lists_fine TO contact_lists;
INSERT INTO contact_lists SELECT * FROM contact_lists_coarse;
DROP TABLE contact_lists_coarse;
