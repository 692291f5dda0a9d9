//! Feeds: everything one seat is entitled to, in the province's order. At the province one per node seat, at a node its
//! own.
//!
//! Positions are gap-free and given in the transaction in which an entry takes effect, so they become visible in
//! commit order. A seat that becomes a party gets the document's whole history in the same transaction.

use std::collections::BTreeSet;

use rusqlite::OptionalExtension;
use sync_protocol::entry;
use sync_protocol::entry::Digest;
use sync_protocol::entry::Entry;
use sync_protocol::entry::EntryKind;
use sync_protocol::entry::Lsn;
use sync_protocol::head::feed_key;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::FeedId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::range::Member;
use sync_protocol::range::Place;
use sync_protocol::run::weight_bytes;

use crate::ids::AgencyCode;
use crate::store::StoreError;
use crate::store::apply::Ingested;
use crate::store::apply::Origin;
use crate::store::log;
use crate::store::open::Role;
use crate::store::quarantine::Decision;
use crate::store::sql;
use crate::store::view::View;
use crate::store::writer::WriteTx;

/// How far apart digests are kept.
const MARK_EVERY: u64 = 64;
/// Rows a question returns at most, whatever their bytes.
const ROWS_MAX: usize = 8192;

/// Stands while a feed of before may have brought what the present one does not.
const BEGUN_ANEW_KEY: &str = "feed-begun-anew";

/// Where a feed stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedHead {
    /// The feed.
    pub feed: FeedId,
    /// Its last position; 0 while it is empty.
    pub position: u64,
    /// The digest of everything up to there.
    pub digest: Digest,
}

/// One row of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRow {
    /// Its position.
    pub position: u64,
    /// Whose entry it is, where known.
    pub machine: Option<NodeId>,
    /// The entry.
    pub entry: Entry,
}

/// How much of a feed is asked for at once.
pub struct FeedLimits<'a> {
    /// Stop before the sum of the entries' [`weight_bytes`] exceeds this, but give one at least.
    pub bytes_max: usize,
    /// Give at most so many.
    pub entries_max: usize,
    /// Entries that the reader has, by position, log and place there: they come without their bodies.
    pub holds: &'a dyn Fn(u64, BootId, Lsn) -> bool,
}

impl FeedLimits<'_> {
    /// Everything with its bodies, as much as one question gives.
    pub const ALL: FeedLimits<'static> =
        FeedLimits { bytes_max: usize::MAX, entries_max: usize::MAX, holds: &|_position, _log, _lsn| false };
}

impl std::fmt::Debug for FeedLimits<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FeedLimits")
            .field("bytes_max", &self.bytes_max)
            .field("entries_max", &self.entries_max)
            .finish_non_exhaustive()
    }
}

/// A piece of a feed for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// Where the feed ends now.
    pub head: FeedHead,
    /// Rows without a gap.
    pub rows: Vec<FeedRow>,
    /// The digest after the last of them, or after the position asked for when there is none.
    pub end_digest: Digest,
}

/// Consecutive rows of a feed as they come over the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedPiece {
    /// One entry with its bytes.
    Entry(Entry),
    /// Entries of the reader's own log, which it should have.
    OwnRun {
        /// The log.
        log: BootId,
        /// The first position.
        first: Lsn,
        /// The last position.
        last: Lsn,
    },
}

/// A stretch of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedBatch {
    /// The feed.
    pub feed: FeedId,
    /// The position before its first row.
    pub after: u64,
    /// Its rows.
    pub pieces: Vec<FeedPiece>,
}

/// What became of a stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedStored {
    /// It is durable with this commit.
    Stored {
        /// Where this node now stands.
        head: FeedHead,
        /// What became of its entries.
        ingested: Ingested,
    },
    /// It does not begin where this node stands; nothing was stored.
    NotNext {
        /// Where this node stands.
        head: Option<FeedHead>,
    },
    /// It names own entries that this machine lost; ask for their bytes. Nothing was stored.
    MissingOwn {
        /// The log.
        log: BootId,
        /// The first position that is missing.
        first: Lsn,
        /// The last position of the run.
        last: Lsn,
    },
    /// Its rows stand further back in this machine's feed: the province was put back, and its feed went on in another
    /// way. The entries are here; they are not in the feed.
    Differs {
        /// Where this node stands.
        head: Option<FeedHead>,
    },
    /// It holds another entry than this machine at one position of a log; nothing was stored.
    Forked {
        /// The log.
        log: BootId,
        /// The position.
        lsn: Lsn,
    },
}

struct FeedState {
    id: i64,
    seat: AgencyCode,
    head: FeedHead,
}

impl View<'_> {
    /// Where a seat's feed stands; `None` when the seat has none here.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn feed_head(&self, seat: &AgencyCode) -> Result<Option<FeedHead>, StoreError> {
        Ok(self.feed_of(seat)?.map(|feed| feed.head))
    }

    /// Seats that have a feed here.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn feed_seats(&self) -> Result<Vec<AgencyCode>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT seat FROM feed ORDER BY seat")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        rows.map(|seat| sql::parsed(&seat?)).collect()
    }

    fn feed_of(&self, seat: &AgencyCode) -> Result<Option<FeedState>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT id, feed, position, digest FROM feed WHERE seat = ?1")?;
        Ok(statement
            .query_row([seat.as_str()], |row| {
                Ok(FeedState {
                    id: row.get(0)?,
                    seat: seat.clone(),
                    head: FeedHead {
                        feed: FeedId(row.get(1)?),
                        position: sql::uint_at(row, 2)?,
                        digest: Digest(row.get(3)?),
                    },
                })
            })
            .optional()?)
    }

    /// Rows of a seat's feed after a position, within `limits`; at least one when there is one. `None` when the seat
    /// has no feed or it does not reach that position.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn feed_after(
        &self,
        seat: &AgencyCode,
        after: u64,
        limits: &FeedLimits<'_>,
    ) -> Result<Option<FeedPage>, StoreError> {
        let Some(feed) = self.feed_of(seat)? else { return Ok(None) };
        let Some(end_digest) = self.feed_digest_at(seat, after)? else { return Ok(None) };
        let key = feed_key(feed.head.feed);
        let mut statement = self.connection.prepare_cached(
            "SELECT r.position, l.boot, l.machine, e.lsn, e.kind, e.doc, e.hash, e.min_reader, \
             b.codec, b.size_bytes, b.bytes \
             FROM feed_row r JOIN entry e ON e.id = r.entry JOIN log l ON l.id = e.log \
             LEFT JOIN body b ON b.entry = e.id \
             WHERE r.feed = ?1 AND r.position > ?2 ORDER BY r.position LIMIT ?3",
        )?;
        let rows_max = limits.entries_max.clamp(1, ROWS_MAX);
        let mut rows = statement.query((feed.id, sql::int(after), sql::len(rows_max)))?;
        let mut page = FeedPage { head: feed.head, rows: Vec::new(), end_digest };
        let mut size_bytes = 0usize;
        while let Some(row) = rows.next()? {
            let (position, log, lsn) = (sql::uint_at(row, 0)?, BootId(row.get(1)?), sql::uint_at(row, 3)?);
            let entry = Entry {
                log,
                lsn,
                kind: EntryKind(row.get(4)?),
                doc: DocId(row.get(5)?),
                hash: ChangeHash(row.get(6)?),
                min_reader: row.get(7)?,
                body: if (limits.holds)(position, log, lsn) { None } else { log::body_at(row, 8)? },
            };
            size_bytes = size_bytes.saturating_add(weight_bytes(&entry));
            if !page.rows.is_empty() && size_bytes > limits.bytes_max {
                break;
            }
            page.end_digest = page.end_digest.plus(&key, entry.link());
            page.rows.push(FeedRow {
                position,
                machine: row.get::<_, Option<[u8; 16]>>(2)?.map(NodeId),
                entry,
            });
        }
        Ok(Some(page))
    }

    /// Shows entries here that are not of this identity's logs and were not refused, in the order of [`Place`], from one
    /// place on and before another.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn visit_foreign(
        &self,
        from: Place,
        to: Option<Place>,
        each: &mut dyn FnMut(Member),
    ) -> Result<(), StoreError> {
        let of = "FROM entry e CROSS JOIN log l ON l.id = e.log WHERE l.is_own = 0 AND e.state <> 6 \
                  AND NOT EXISTS (SELECT 1 FROM log_fork f WHERE f.alias = l.id)";
        self.visit(of, &[], from, to, each)
    }

    /// Shows entries of a seat's feed up to a position that are not of a machine's own logs, in the order of [`Place`],
    /// from one place on and before another.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn visit_feed(
        &self,
        seat: &AgencyCode,
        upto: u64,
        machine: NodeId,
        (from, to): (Place, Option<Place>),
        each: &mut dyn FnMut(Member),
    ) -> Result<(), StoreError> {
        let Some(feed) = self.feed_of(seat)? else { return Ok(()) };
        let of = "FROM entry e CROSS JOIN feed_row r ON r.entry = e.id AND r.feed = ?5 \
                  CROSS JOIN log l ON l.id = e.log WHERE r.position <= ?6 AND l.machine IS NOT ?7";
        let (upto, machine) = (sql::int(upto), machine.0);
        self.visit(of, &[&feed.id, &upto, &machine], from, to, each)
    }

    fn visit(
        &self,
        of: &str,
        more: &[&dyn rusqlite::ToSql],
        from: Place,
        to: Option<Place>,
        each: &mut dyn FnMut(Member),
    ) -> Result<(), StoreError> {
        // One question for each, so that both ends are those of a search in the index.
        let before = if to.is_some() { "AND (e.doc, e.hash) < (?3, ?4)" } else { "AND ?3 IS ?4" };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT e.doc, e.hash, l.boot, e.lsn {of} AND (e.doc, e.hash) >= (?1, ?2) {before} ORDER BY e.doc, e.hash"
        ))?;
        let (from, to) = (from.parts(), to.map(|to| to.parts()));
        let (to_doc, to_hash) = (to.map(|(doc, _)| doc.0), to.map(|(_, hash)| hash.0));
        let bounds: [&dyn rusqlite::ToSql; 4] = [&from.0.0, &from.1.0, &to_doc, &to_hash];
        let params: Vec<&dyn rusqlite::ToSql> = bounds.into_iter().chain(more.iter().copied()).collect();
        let mut rows = statement.query(params.as_slice())?;
        while let Some(row) = rows.next()? {
            each(Member {
                doc: DocId(row.get(0)?),
                hash: ChangeHash(row.get(1)?),
                log: BootId(row.get(2)?),
                lsn: sql::uint_at(row, 3)?,
            });
        }
        Ok(())
    }

    /// Entries of a log after a position that a seat's feed does not hold, in order, while the sum of their
    /// [`weight_bytes`] stays within `bytes_max`; at least one when there is one, at most `entries_max`. Those are
    /// entries that wait, are set aside, or belong to a document that the seat is no party to.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entries_outside_feed(
        &self,
        seat: &AgencyCode,
        boot: BootId,
        after: Lsn,
        bytes_max: usize,
        entries_max: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT e.lsn, e.kind, e.doc, e.hash, e.min_reader, b.codec, b.size_bytes, b.bytes \
             FROM entry e JOIN log l ON l.id = e.log LEFT JOIN body b ON b.entry = e.id \
             WHERE l.boot = ?1 AND e.lsn > ?2 AND e.lsn <= l.lsn AND NOT EXISTS ( \
               SELECT 1 FROM feed_row r JOIN feed f ON f.id = r.feed WHERE r.entry = e.id AND f.seat = ?3) \
             ORDER BY e.lsn LIMIT ?4",
        )?;
        let rows_max = entries_max.clamp(1, ROWS_MAX);
        let mut rows = statement.query((boot.0, sql::int(after), seat.as_str(), sql::len(rows_max)))?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut size_bytes = 0usize;
        while let Some(row) = rows.next()? {
            let entry = Entry {
                log: boot,
                lsn: sql::uint_at(row, 0)?,
                kind: EntryKind(row.get(1)?),
                doc: DocId(row.get(2)?),
                hash: ChangeHash(row.get(3)?),
                min_reader: row.get(4)?,
                body: log::body_at(row, 5)?,
            };
            size_bytes = size_bytes.saturating_add(weight_bytes(&entry));
            if !entries.is_empty() && size_bytes > bytes_max {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// At a node: changes of other machines' logs that are not in its feed, with their places, after a place, in the
    /// order in which they came: a feed of before brought them. What was put aside of a forked log is nobody else's.
    /// While the sum of their [`weight_bytes`] stays within `bytes_max`; at least one when there is one, at most
    /// `entries_max`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entries_in_no_feed(
        &self,
        after_place: u64,
        bytes_max: usize,
        entries_max: usize,
    ) -> Result<(Vec<Entry>, u64), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT e.id, l.boot, e.lsn, e.kind, e.doc, e.hash, e.min_reader, b.codec, b.size_bytes, b.bytes \
             FROM entry e JOIN log l ON l.id = e.log JOIN body b ON b.entry = e.id \
             WHERE e.id > ?1 AND e.kind = 1 AND l.is_own = 0 \
             AND NOT EXISTS (SELECT 1 FROM log_fork f WHERE f.alias = l.id) \
             AND NOT EXISTS (SELECT 1 FROM feed_row r WHERE r.entry = e.id) ORDER BY e.id LIMIT ?2",
        )?;
        let rows_max = entries_max.clamp(1, ROWS_MAX);
        let mut rows = statement.query((sql::int(after_place), sql::len(rows_max)))?;
        let (mut entries, mut last_place, mut size_bytes) = (Vec::new(), 0, 0usize);
        while let Some(row) = rows.next()? {
            let entry = Entry {
                log: BootId(row.get(1)?),
                lsn: sql::uint_at(row, 2)?,
                kind: EntryKind(row.get(3)?),
                doc: DocId(row.get(4)?),
                hash: ChangeHash(row.get(5)?),
                min_reader: row.get(6)?,
                body: log::body_at(row, 7)?,
            };
            size_bytes = size_bytes.saturating_add(weight_bytes(&entry));
            if !entries.is_empty() && size_bytes > bytes_max {
                break;
            }
            last_place = sql::uint_at(row, 0)?;
            entries.push(entry);
        }
        Ok((entries, last_place))
    }

    /// At a node: whether the feed has begun anew since everything was given back that it may no longer bring.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn may_hold_lost(&self) -> Result<bool, StoreError> {
        Ok(self.meta(BEGUN_ANEW_KEY)?.is_some())
    }

    /// The digest of a seat's feed at a position, recomputed from its rows; `None` when it does not reach so far.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn feed_digest_at(&self, seat: &AgencyCode, position: u64) -> Result<Option<Digest>, StoreError> {
        let Some(feed) = self.feed_of(seat)? else { return Ok(None) };
        if position == feed.head.position {
            return Ok(Some(feed.head.digest));
        }
        let marked = position - position % MARK_EVERY;
        let mut statement = self
            .connection
            .prepare_cached("SELECT digest FROM feed_mark WHERE feed = ?1 AND position = ?2")?;
        let mark =
            statement.query_row((feed.id, sql::int(marked)), |row| row.get(0).map(Digest)).optional()?;
        let (mut digest, mut count) = mark.map_or((Digest::default(), 0), |digest| (digest, marked));
        let mut statement = self.connection.prepare_cached(
            "SELECT e.kind, e.doc, e.hash FROM feed_row r JOIN entry e ON e.id = r.entry \
             WHERE r.feed = ?1 AND r.position > ?2 AND r.position <= ?3",
        )?;
        let mut rows = statement.query((feed.id, sql::int(count), sql::int(position)))?;
        let key = feed_key(feed.head.feed);
        while let Some(row) = rows.next()? {
            let link = entry::link(EntryKind(row.get(0)?), DocId(row.get(1)?), ChangeHash(row.get(2)?));
            digest = digest.plus(&key, link);
            count += 1;
        }
        Ok((count == position).then_some(digest))
    }
}

impl WriteTx<'_> {
    /// At the province: gives a seat a feed, with the whole history of every document it is a party to. One that
    /// has a feed keeps it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open_feed(&mut self, seat: &AgencyCode) -> Result<FeedHead, StoreError> {
        match self.feed_head(seat)? {
            Some(head) => Ok(head),
            None => self.lay_out_feed(seat),
        }
    }

    /// At the province: the feed of a seat for a machine that has nothing of it. It is laid out anew, under another
    /// id, so that what people work on comes first; once, until that machine has stored something of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn feed_for_newcomer(&mut self, seat: &AgencyCode, machine: NodeId) -> Result<FeedHead, StoreError> {
        let key = format!("feed-laid-out-{seat}");
        let is_laid_out = self.meta(&key)?.as_deref() == Some(machine.0.as_slice());
        let has_stored = self.machine(machine)?.is_some_and(|machine| machine.acked_position > 0);
        match self.feed_head(seat)? {
            Some(head) if head.position == 0 || (is_laid_out && !has_stored) => return Ok(head),
            Some(_) | None => {}
        }
        for statement in [
            "DELETE FROM feed_row WHERE feed IN (SELECT id FROM feed WHERE seat = ?1)",
            "DELETE FROM feed_mark WHERE feed IN (SELECT id FROM feed WHERE seat = ?1)",
            "DELETE FROM feed_doc WHERE feed IN (SELECT id FROM feed WHERE seat = ?1)",
            "DELETE FROM feed WHERE seat = ?1",
        ] {
            self.execute(statement, [seat.as_str()])?;
        }
        self.set_acked_position(machine, 0)?;
        self.put_meta(&key, &machine.0)?;
        self.lay_out_feed(seat)
    }

    /// A new feed: what says whose logs there are, then open dossiers, the newest first, each whole, then the rest in
    /// the order in which it took effect.
    fn lay_out_feed(&mut self, seat: &AgencyCode) -> Result<FeedHead, StoreError> {
        let feed = FeedId(self.random()?);
        self.execute(
            "INSERT INTO feed (seat, feed, position, digest) VALUES (?1, ?2, 0, ?3)",
            (seat.as_str(), feed.0, Digest::default().0),
        )?;
        let boots = self.ids_of(
            "SELECT e.id FROM entry e JOIN log l ON l.id = e.log \
             WHERE l.seat = ?1 AND l.is_own = 0 AND e.kind <> 1 AND e.applied IS NOT NULL ORDER BY e.applied",
            [seat.as_str()],
        )?;
        self.add_to_feed_of(seat, &boots)?;
        let open: Vec<DocId> = self
            .connection()
            .prepare_cached(
                "SELECT p.doc FROM party p LEFT JOIN dossier d ON d.doc = p.doc \
                 WHERE p.seat = ?1 AND d.custody IS NOT 'closed' ORDER BY p.doc DESC",
            )?
            .query_map([seat.as_str()], |row| row.get(0).map(DocId))?
            .collect::<Result<_, _>>()?;
        for doc in open {
            self.join(doc, seat)?;
        }
        self.execute(
            "INSERT OR IGNORE INTO feed_doc (doc, feed) \
             SELECT p.doc, f.id FROM party p JOIN feed f ON f.seat = p.seat WHERE p.seat = ?1",
            [seat.as_str()],
        )?;
        let rest = self.ids_of(
            "SELECT e.id FROM party p JOIN dossier d ON d.doc = p.doc JOIN entry e ON e.doc = p.doc \
             WHERE p.seat = ?1 AND d.custody = 'closed' AND e.applied IS NOT NULL ORDER BY e.applied",
            [seat.as_str()],
        )?;
        self.add_to_feed_of(seat, &rest)?;
        self.feed_head(seat)?.ok_or_else(|| StoreError::Bug("a feed that was just opened".to_owned()))
    }

    /// At a node: begins the own feed at position 0, or begins it anew under the id that a restored province gave it.
    /// Entries stay. One that is here already is left as it is.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn begin_feed(&mut self, feed: FeedId) -> Result<(), StoreError> {
        let seat = self.identity().seat.clone();
        match self.feed_head(&seat)? {
            Some(head) if head.feed == feed => return Ok(()),
            Some(head) if head.position > 0 => self.put_meta(BEGUN_ANEW_KEY, &[])?,
            Some(_) | None => {}
        }
        self.restart_feed()?;
        self.execute(
            "INSERT INTO feed (seat, feed, position, digest) VALUES (?1, ?2, 0, ?3) \
             ON CONFLICT (seat) DO UPDATE SET feed = ?2, position = 0, digest = ?3",
            (seat.as_str(), feed.0, Digest::default().0),
        )?;
        Ok(())
    }

    /// At a node: the own feed is read again from its first position. Entries stay.
    pub(crate) fn restart_feed(&mut self) -> Result<(), StoreError> {
        let seat = self.identity().seat.clone();
        for statement in [
            "DELETE FROM feed_row WHERE feed IN (SELECT id FROM feed WHERE seat = ?1)",
            "DELETE FROM feed_mark WHERE feed IN (SELECT id FROM feed WHERE seat = ?1)",
        ] {
            self.execute(statement, [seat.as_str()])?;
        }
        self.execute(
            "UPDATE feed SET position = 0, digest = ?2 WHERE seat = ?1",
            (seat.as_str(), Digest::default().0),
        )?;
        Ok(())
    }

    /// At the province: a feed goes on under a new id, with the same rows, because somebody holds rows of it that are
    /// not here: this province was put back to an older copy. Its machines begin it anew.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn renew_feed(&mut self, seat: &AgencyCode) -> Result<(), StoreError> {
        let Some(FeedState { id, .. }) = self.feed_of(seat)? else { return Ok(()) };
        let feed = FeedId(self.random()?);
        let (connection, key) = (self.connection(), feed_key(feed));
        connection.prepare_cached("DELETE FROM feed_mark WHERE feed = ?1")?.execute([id])?;
        let mut statement = connection.prepare_cached(
            "SELECT r.position, e.kind, e.doc, e.hash FROM feed_row r JOIN entry e ON e.id = r.entry \
             WHERE r.feed = ?1 ORDER BY r.position",
        )?;
        let mut mark = connection
            .prepare_cached("INSERT INTO feed_mark (feed, position, digest) VALUES (?1, ?2, ?3)")?;
        let mut digest = Digest::default();
        let mut rows = statement.query([id])?;
        while let Some(row) = rows.next()? {
            let link = entry::link(EntryKind(row.get(1)?), DocId(row.get(2)?), ChangeHash(row.get(3)?));
            digest = digest.plus(&key, link);
            let position = sql::uint_at(row, 0)?;
            if position % MARK_EVERY == 0 {
                mark.execute((id, sql::int(position), digest.0))?;
            }
        }
        self.execute("UPDATE feed SET feed = ?2, digest = ?3 WHERE id = ?1", (id, feed.0, digest.0))?;
        self.execute("UPDATE machine SET acked_position = 0 WHERE seat = ?1", [seat.as_str()])?;
        Ok(())
    }

    /// At a node: everything has been given back that the present feed does not bring.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn note_given_back(&mut self) -> Result<(), StoreError> {
        self.remove_meta(BEGUN_ANEW_KEY)
    }

    /// At a node: stores a stretch of the own feed. Entries, position and digest become durable together; what is here
    /// already is not stored again. A stretch of another feed is taken only from its beginning, as after
    /// [`WriteTx::begin_feed`].
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn store_feed(&mut self, batch: &FeedBatch) -> Result<FeedStored, StoreError> {
        let seat = self.identity().seat.clone();
        let mine = self.feed_head(&seat)?;
        let is_next = match mine {
            Some(head) if head.feed == batch.feed => head.position == batch.after,
            Some(_) | None => batch.after == 0,
        };
        if !is_next {
            return Ok(FeedStored::NotNext { head: mine });
        }
        let mut has_parted = false;
        for piece in &batch.pieces {
            match piece {
                FeedPiece::OwnRun { log, first, last } if !has_parted => {
                    if let Some(first) = self.first_missing(*log, *first, *last)? {
                        return Ok(FeedStored::MissingOwn { log: *log, first, last: *last });
                    }
                }
                FeedPiece::OwnRun { .. } => {}
                FeedPiece::Entry(entry) => {
                    if self.is_forked(entry)? && !self.is_own_log(entry.log)? {
                        self.begin_feed(batch.feed)?;
                        self.note_others_fork(entry.log)?;
                        has_parted = true;
                    } else if self.is_forked(entry)? && entry.lsn > self.fed_lsn(entry.log)? {
                        self.note_fork(entry.log, entry.lsn)?;
                        has_parted = true;
                    }
                    if self.is_forked(entry)? {
                        return Ok(FeedStored::Forked { log: entry.log, lsn: entry.lsn });
                    }
                }
            }
        }
        if has_parted {
            // What was put aside may be named in this very stretch, or the feed begins anew: it is asked for again.
            let head = self.feed_head(&seat)?;
            let is_next = head.map_or(0, |head| head.position) == batch.after;
            if !is_next || self.lacks_named(&batch.pieces)? {
                return Ok(FeedStored::NotNext { head });
            }
        }
        self.begin_feed(batch.feed)?;
        let entries: Vec<Entry> = batch
            .pieces
            .iter()
            .filter_map(|piece| match piece {
                FeedPiece::Entry(entry) => Some(entry.clone()),
                FeedPiece::OwnRun { .. } => None,
            })
            .collect();
        let ingested = self.ingest(&entries, &Origin::Feed)?;
        let mut rows = Vec::new();
        for piece in &batch.pieces {
            let (log, first, last) = match piece {
                FeedPiece::Entry(entry) => (entry.log, entry.lsn, entry.lsn),
                FeedPiece::OwnRun { log, first, last } => (*log, *first, *last),
            };
            rows.extend(self.ids_of(
                "SELECT e.id FROM entry e JOIN log l ON l.id = e.log \
                 WHERE l.boot = ?1 AND e.lsn BETWEEN ?2 AND ?3 ORDER BY e.lsn",
                (log.0, sql::int(first), sql::int(last)),
            )?);
        }
        let count = batch.pieces.iter().fold(0u64, |count, piece| match piece {
            FeedPiece::Entry(_) => count.saturating_add(1),
            FeedPiece::OwnRun { first, last, .. } => {
                count.saturating_add(last.saturating_add(1).saturating_sub(*first))
            }
        });
        if rows.len() as u64 != count {
            return Err(StoreError::Bug("a row of a feed has no entry".to_owned()));
        }
        if self.stand_in_feed(&seat, &rows)? {
            return Ok(FeedStored::Differs { head: mine });
        }
        self.take_for_decided(&rows)?;
        let head = self.append_to_feed(&seat, &rows)?;
        Ok(FeedStored::Stored { head, ingested })
    }

    /// Whether one of these entries is in a seat's feed.
    fn stand_in_feed(&self, seat: &AgencyCode, entries: &[i64]) -> Result<bool, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT 1 FROM feed_row r JOIN feed f ON f.id = r.feed WHERE r.entry = ?2 AND f.seat = ?1",
        )?;
        for entry in entries {
            if statement.exists((seat.as_str(), entry))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the feed brings, the province has let take effect: own entries that came back and were set aside are
    /// applied now.
    fn take_for_decided(&mut self, rows: &[i64]) -> Result<(), StoreError> {
        let set_aside = self.ids_of("SELECT id FROM entry WHERE state = 5", [])?;
        if set_aside.is_empty() {
            return Ok(());
        }
        let rows: BTreeSet<i64> = rows.iter().copied().collect();
        for id in set_aside.into_iter().filter(|id| rows.contains(id)) {
            self.decide(id, Decision::Release)?;
        }
        Ok(())
    }

    fn lacks_named(&self, pieces: &[FeedPiece]) -> Result<bool, StoreError> {
        for piece in pieces {
            if let FeedPiece::OwnRun { log, first, last } = piece
                && self.first_missing(*log, *first, *last)?.is_some()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn first_missing(&self, log: BootId, first: Lsn, last: Lsn) -> Result<Option<Lsn>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT e.lsn FROM entry e JOIN log l ON l.id = e.log \
             WHERE l.boot = ?1 AND e.lsn BETWEEN ?2 AND ?3 ORDER BY e.lsn",
        )?;
        let mut rows = statement.query((log.0, sql::int(first), sql::int(last)))?;
        let mut expected = first;
        while let Some(row) = rows.next()? {
            if sql::uint_at(row, 0)? != expected {
                break;
            }
            expected += 1;
        }
        Ok((expected <= last).then_some(expected))
    }

    /// The furthest entry of a log that a feed here holds.
    pub(crate) fn fed_lsn(&self, boot: BootId) -> Result<Lsn, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT coalesce(max(e.lsn), 0) FROM log l JOIN entry e ON e.log = l.id \
             JOIN feed_row r ON r.entry = e.id WHERE l.boot = ?1",
        )?;
        Ok(statement.query_row([boot.0], |row| sql::uint_at(row, 0))?)
    }

    fn is_own_log(&self, boot: BootId) -> Result<bool, StoreError> {
        let mut statement =
            self.connection().prepare_cached("SELECT 1 FROM log WHERE boot = ?1 AND is_own = 1")?;
        Ok(statement.exists([boot.0])?)
    }

    /// Whether another entry stands at this one's position.
    fn is_forked(&self, entry: &Entry) -> Result<bool, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT e.kind, e.doc, e.hash FROM entry e JOIN log l ON l.id = e.log WHERE l.boot = ?1 AND e.lsn = ?2",
        )?;
        let link: Option<Hash> = statement
            .query_row((entry.log.0, sql::int(entry.lsn)), |row| {
                Ok(entry::link(EntryKind(row.get(0)?), DocId(row.get(1)?), ChangeHash(row.get(2)?)))
            })
            .optional()?;
        Ok(link.is_some_and(|link| link != entry.link()))
    }

    /// Puts entries of a document into every feed that carries it, and the whole document into those of new parties.
    pub(crate) fn add_to_feeds(
        &mut self,
        doc: DocId,
        entries: &[i64],
        parties: &BTreeSet<AgencyCode>,
    ) -> Result<(), StoreError> {
        if self.identity().role != Role::Province {
            return Ok(());
        }
        let carriers: Vec<String> = self
            .connection()
            .prepare_cached(
                "SELECT f.seat FROM feed_doc d JOIN feed f ON f.id = d.feed WHERE d.doc = ?1 ORDER BY f.id",
            )?
            .query_map([doc.0], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for seat in &carriers {
            self.add_to_feed_of(&sql::parsed(seat)?, entries)?;
        }
        for seat in parties.iter().filter(|seat| !carriers.iter().any(|carrier| carrier == seat.as_str())) {
            if self.feed_head(seat)?.is_some() {
                self.join(doc, seat)?;
            }
        }
        Ok(())
    }

    /// A seat becomes a party: the whole history that took effect, each entry after what it builds on.
    fn join(&mut self, doc: DocId, seat: &AgencyCode) -> Result<(), StoreError> {
        self.execute(
            "INSERT OR IGNORE INTO feed_doc (doc, feed) SELECT ?1, id FROM feed WHERE seat = ?2",
            (doc.0, seat.as_str()),
        )?;
        let history = self.ids_of(
            "SELECT id FROM entry WHERE doc = ?1 AND applied IS NOT NULL ORDER BY applied",
            [doc.0],
        )?;
        self.add_to_feed_of(seat, &history)
    }

    /// Appends entries to a seat's feed, where it has one and they are not in it yet.
    pub(crate) fn add_to_feed_of(&mut self, seat: &AgencyCode, entries: &[i64]) -> Result<(), StoreError> {
        if self.identity().role == Role::Province && !entries.is_empty() && self.feed_head(seat)?.is_some() {
            self.append_to_feed(seat, entries)?;
        }
        Ok(())
    }

    fn append_to_feed(&mut self, seat: &AgencyCode, entries: &[i64]) -> Result<FeedHead, StoreError> {
        let Some(FeedState { id, seat, mut head }) = self.feed_of(seat)? else {
            return Err(StoreError::Bug("a feed that is not here".to_owned()));
        };
        let connection = self.connection();
        let key = feed_key(head.feed);
        let mut insert = connection
            .prepare_cached("INSERT OR IGNORE INTO feed_row (feed, position, entry) VALUES (?1, ?2, ?3)")?;
        let mut link = connection.prepare_cached("SELECT kind, doc, hash FROM entry WHERE id = ?1")?;
        let mut mark = connection.prepare_cached(
            "INSERT OR REPLACE INTO feed_mark (feed, position, digest) VALUES (?1, ?2, ?3)",
        )?;
        for entry in entries {
            if insert.execute((id, sql::int(head.position + 1), entry))? == 0 {
                continue;
            }
            head.position += 1;
            let link = link.query_row([entry], |row| {
                Ok(entry::link(EntryKind(row.get(0)?), DocId(row.get(1)?), ChangeHash(row.get(2)?)))
            })?;
            head.digest = head.digest.plus(&key, link);
            if head.position % MARK_EVERY == 0 {
                mark.execute((id, sql::int(head.position), head.digest.0))?;
            }
        }
        connection.prepare_cached("UPDATE feed SET position = ?2, digest = ?3 WHERE id = ?1")?.execute((
            id,
            sql::int(head.position),
            head.digest.0,
        ))?;
        self.grew_feed(&seat, head.position);
        Ok(head)
    }

    fn ids_of(&self, statement: &str, params: impl rusqlite::Params) -> Result<Vec<i64>, StoreError> {
        let mut statement = self.connection().prepare_cached(statement)?;
        let ids = statement.query_map(params, |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ids)
    }
}
