-- At the province: changes that a restore lost and that machines sent back whose own they are not. In no log until
-- their own machine sends them or a person lets them count.
CREATE TABLE returned (
    id INTEGER PRIMARY KEY,
    boot BLOB NOT NULL CHECK (length(boot) = 16),
    lsn INTEGER NOT NULL CHECK (lsn > 0),
    doc BLOB NOT NULL CHECK (length(doc) = 16),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    min_reader INTEGER NOT NULL,
    sender BLOB NOT NULL CHECK (length(sender) = 16),
    arrived_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (doc, hash)
) STRICT;
CREATE INDEX returned_by_sender ON returned (sender);
