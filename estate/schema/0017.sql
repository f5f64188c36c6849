-- A stamp that every generation of the write-ahead log renews. It tells whether a log belongs to the file beside it:
-- see store/wal.rs, which looks for `mark` in the pages of the log.
CREATE TABLE side_file_stamp (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  mark BLOB NOT NULL,
  previous BLOB NOT NULL,
  current BLOB NOT NULL
) STRICT;
INSERT INTO side_file_stamp VALUES (1, x'DFEED2F45C7F593B7C95AE9A8290B61D', randomblob(16), randomblob(16));
