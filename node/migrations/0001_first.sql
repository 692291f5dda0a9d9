-- The record of one machine, commune node or provincial server alike. Truth first, views after.
-- Times are milliseconds since 1970 UTC, days are yyyymmdd, ids and hashes raw bytes.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per boot of a machine. `lsn` is the end of the prefix without gaps and `chain` the chain there.
CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    boot BLOB NOT NULL UNIQUE CHECK (length(boot) = 16),
    machine BLOB,
    seat TEXT,
    is_own INTEGER NOT NULL DEFAULT 0,
    is_written_here INTEGER NOT NULL DEFAULT 0,
    lsn INTEGER NOT NULL DEFAULT 0,
    chain BLOB NOT NULL,
    acked_lsn INTEGER NOT NULL DEFAULT 0,
    proved_lsn INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX log_by_machine ON log (machine, id);

-- Which heads the first entry of a log names as its past.
CREATE TABLE log_link (
    log INTEGER NOT NULL REFERENCES log (id),
    boot BLOB NOT NULL,
    lsn INTEGER NOT NULL,
    chain BLOB NOT NULL,
    PRIMARY KEY (log, boot)
) STRICT, WITHOUT ROWID;
CREATE INDEX log_link_by_boot ON log_link (boot);

-- Every entry ever received. `applied` numbers the entries in the order in which they took effect, so that
-- each comes after what it builds on.
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    log INTEGER NOT NULL REFERENCES log (id),
    lsn INTEGER NOT NULL CHECK (lsn > 0),
    kind INTEGER NOT NULL,
    doc BLOB NOT NULL CHECK (length(doc) = 16),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    min_reader INTEGER NOT NULL,
    state INTEGER NOT NULL,
    reason TEXT,
    applied INTEGER UNIQUE,
    arrived_at INTEGER NOT NULL,
    UNIQUE (log, lsn)
) STRICT;
CREATE INDEX entry_by_doc ON entry (doc, hash);
CREATE INDEX entry_by_doc_applied ON entry (doc, applied);
CREATE INDEX entry_not_applied ON entry (state, log) WHERE state IN (1, 5, 6);

-- Bodies apart, so that an erased body leaves entry, chain and digests whole.
CREATE TABLE body (
    entry INTEGER PRIMARY KEY REFERENCES entry (id),
    codec INTEGER NOT NULL,
    dictionary INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

-- What a waiting entry waits for.
CREATE TABLE missing (
    doc BLOB NOT NULL,
    hash BLOB NOT NULL,
    entry INTEGER NOT NULL REFERENCES entry (id),
    PRIMARY KEY (doc, hash, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX missing_by_entry ON missing (entry);

-- Feeds: at the province one per node seat, at a node its own.
CREATE TABLE feed (
    id INTEGER PRIMARY KEY,
    seat TEXT NOT NULL UNIQUE,
    feed BLOB NOT NULL UNIQUE CHECK (length(feed) = 16),
    position INTEGER NOT NULL DEFAULT 0,
    digest BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;
CREATE TABLE feed_row (
    feed INTEGER NOT NULL REFERENCES feed (id),
    position INTEGER NOT NULL CHECK (position > 0),
    entry INTEGER NOT NULL REFERENCES entry (id),
    PRIMARY KEY (feed, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX feed_row_by_entry ON feed_row (entry, feed);
-- The digest every 64 positions, so that one in between is found by adding at most 63 rows.
CREATE TABLE feed_mark (
    feed INTEGER NOT NULL REFERENCES feed (id),
    position INTEGER NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (feed, position)
) STRICT, WITHOUT ROWID;
-- Which documents a feed carries, for ever from the join on.
CREATE TABLE feed_doc (
    doc BLOB NOT NULL,
    feed INTEGER NOT NULL REFERENCES feed (id),
    PRIMARY KEY (doc, feed)
) STRICT, WITHOUT ROWID;

-- The province's signed chain, bytes as they came. Two items with one n are both kept.
CREATE TABLE item (
    n INTEGER NOT NULL CHECK (n > 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    kind INTEGER NOT NULL,
    is_used INTEGER NOT NULL,
    arrived_at INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (n, hash)
) STRICT;
CREATE UNIQUE INDEX item_used ON item (n) WHERE is_used = 1;
CREATE INDEX item_by_kind ON item (kind, n) WHERE is_used = 1;

CREATE TABLE directory (
    version INTEGER PRIMARY KEY,
    item INTEGER NOT NULL,
    hash BLOB NOT NULL,
    effective_at INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE proof (
    machine BLOB NOT NULL,
    number INTEGER NOT NULL,
    hash BLOB NOT NULL,
    at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    digest BLOB NOT NULL,
    applied INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (machine, number)
) STRICT;
CREATE TABLE proof_cover (
    log INTEGER NOT NULL REFERENCES log (id),
    lsn INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (log, lsn)
) STRICT, WITHOUT ROWID;

CREATE TABLE machine (
    node BLOB PRIMARY KEY CHECK (length(node) = 16),
    seat TEXT NOT NULL,
    certificate BLOB NOT NULL,
    enrolled_at INTEGER NOT NULL,
    last_contact_at INTEGER,
    acked_position INTEGER NOT NULL DEFAULT 0,
    banned_at INTEGER,
    ban_reason TEXT
) STRICT;
CREATE INDEX machine_by_seat ON machine (seat);
CREATE TABLE enrolment (
    code_hash BLOB PRIMARY KEY CHECK (length(code_hash) = 32),
    agency TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    used_by BLOB
) STRICT;

-- Number series of this machine: 1 unused, 2 in use, 3 used elsewhere, 4 retired.
CREATE TABLE series (
    series TEXT PRIMARY KEY,
    granted_at INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 1,
    changed_at INTEGER NOT NULL,
    floor INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX series_in_use ON series (state) WHERE state = 2;
CREATE TABLE counter (
    series TEXT NOT NULL,
    day INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (series, day)
) STRICT, WITHOUT ROWID;
-- The province's own list: which series went to which machine.
CREATE TABLE allotment (
    series TEXT PRIMARY KEY,
    machine BLOB NOT NULL,
    given_at INTEGER NOT NULL,
    released_at INTEGER
) STRICT;

CREATE TABLE condition (
    code TEXT NOT NULL,
    subject TEXT NOT NULL,
    since INTEGER NOT NULL,
    args BLOB NOT NULL,
    PRIMARY KEY (code, subject)
) STRICT;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    what TEXT NOT NULL,
    officer TEXT,
    doc BLOB
) STRICT;

-- Views: computed from the entries, dropped and computed again by `rebuild`.
CREATE TABLE dossier (
    id INTEGER PRIMARY KEY,
    doc BLOB NOT NULL UNIQUE CHECK (length(doc) = 16),
    number TEXT,
    number_folded TEXT,
    request_id TEXT,
    lookup_code TEXT,
    procedure TEXT,
    status INTEGER NOT NULL,
    local TEXT NOT NULL,
    custody TEXT NOT NULL,
    holder TEXT,
    generation INTEGER NOT NULL,
    competent TEXT,
    receiving TEXT,
    return_place TEXT,
    received_at INTEGER,
    due_at INTEGER,
    finished_at INTEGER,
    returned_at INTEGER,
    changed_at INTEGER NOT NULL,
    owner_name TEXT,
    owner_folded TEXT,
    owner_id_no TEXT,
    owner_born TEXT,
    needs_person INTEGER NOT NULL,
    is_contested INTEGER NOT NULL,
    is_computable INTEGER NOT NULL,
    heads BLOB NOT NULL CHECK (length(heads) = 32)
) STRICT;
CREATE INDEX dossier_by_number ON dossier (number, doc);
CREATE INDEX dossier_by_request ON dossier (request_id) WHERE request_id IS NOT NULL;
-- Who may have lodged the same twice.
CREATE INDEX dossier_by_owner_id ON dossier (procedure, owner_id_no) WHERE owner_id_no IS NOT NULL;
CREATE INDEX dossier_by_owner_name ON dossier (procedure, owner_folded, owner_born) WHERE owner_born IS NOT NULL;
CREATE INDEX dossier_by_lookup ON dossier (lookup_code) WHERE lookup_code IS NOT NULL;
CREATE INDEX dossier_open ON dossier (due_at) WHERE finished_at IS NULL;
CREATE TABLE party (
    doc BLOB NOT NULL,
    seat TEXT NOT NULL,
    PRIMARY KEY (doc, seat)
) STRICT, WITHOUT ROWID;
