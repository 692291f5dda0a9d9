-- Logs of which two histories exist. `alias` is a log of this database only: it holds the entries after `after_lsn` that
-- this machine wrote and the province does not know, at the positions they had. The province is known to have the log
-- up to `there_lsn`. `ended_at` says since when all is written again under another boot.
CREATE TABLE log_fork (
    alias INTEGER PRIMARY KEY REFERENCES log (id),
    log INTEGER NOT NULL REFERENCES log (id),
    after_lsn INTEGER NOT NULL,
    there_lsn INTEGER NOT NULL,
    noticed_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX log_fork_open ON log_fork (log) WHERE ended_at IS NULL;

-- Changes that their machine wrote again, or gave up (`new_hash` is null): the old ones never take effect. `entry` says so.
CREATE TABLE reissue (
    old_hash BLOB NOT NULL CHECK (length(old_hash) = 32),
    old_log BLOB NOT NULL CHECK (length(old_log) = 16),
    old_lsn INTEGER NOT NULL,
    machine BLOB NOT NULL,
    doc BLOB NOT NULL,
    new_hash BLOB,
    entry INTEGER NOT NULL REFERENCES entry (id),
    PRIMARY KEY (old_hash, old_log, old_lsn)
) STRICT, WITHOUT ROWID;
CREATE INDEX reissue_by_new ON reissue (new_hash) WHERE new_hash IS NOT NULL;

-- Changes at which the program ended while the document library had them, and how often.
CREATE TABLE tried (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    doc BLOB NOT NULL,
    times INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
