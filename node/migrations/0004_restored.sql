-- What each provincial item names as coming before it: after a restore of the province the chain has branches.
CREATE TABLE item_parent (
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    parent BLOB NOT NULL CHECK (length(parent) = 32),
    PRIMARY KEY (hash, parent)
) STRICT, WITHOUT ROWID;
INSERT INTO item_parent (hash, parent)
    SELECT i.hash, p.hash FROM item i JOIN item p ON p.n = i.n - 1 AND p.is_used = 1 WHERE i.is_used = 1;

CREATE INDEX item_by_hash ON item (hash);

-- Machines that a signed ban names, whether or not they are known here: a ban outlives the list of machines.
CREATE TABLE banned (
    node BLOB PRIMARY KEY CHECK (length(node) = 16),
    at INTEGER NOT NULL
) STRICT;

-- At the province: machines that have not been even with it since it was put back to an older copy.
CREATE TABLE awaited (
    node BLOB PRIMARY KEY CHECK (length(node) = 16)
) STRICT, WITHOUT ROWID;
