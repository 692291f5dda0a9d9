//! Logs and their entries: append under this process's boot, read back, chains, and the facts about logs that a
//! session needs.

use std::cell::RefCell;

use minicbor::Decode;
use minicbor::Encode;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use sync_protocol::entry;
use sync_protocol::entry::Entry;
use sync_protocol::entry::EntryKind;
use sync_protocol::entry::Lsn;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::ProvinceId;
use sync_protocol::limits::ENTRY_BODY_BYTES_MAX;
use sync_protocol::run::weight_bytes;
use sync_protocol::time::Millis;
use zstd::bulk::Decompressor;

use crate::clock;
use crate::ids::AgencyCode;
use crate::store::StoreError;
use crate::store::conditions;
use crate::store::conditions::Condition;
use crate::store::meta;
use crate::store::sql;
use crate::store::view::View;
use crate::store::writer::OwnBoot;
use crate::store::writer::WriteTx;

/// The form of a boot entry's body that this program writes.
pub const BOOT_BODY_VERSION: u16 = 1;
/// Entries a question returns at most, whatever their bytes.
const ENTRIES_MAX: usize = 8192;
/// Heads a boot entry names at most; the rest stays unlinked and is linked by the next boot.
const LINKS_MAX: usize = 64;
/// The body stands as it came.
const CODEC_RAW: i64 = 0;
/// The body is one zstd frame.
const CODEC_ZSTD: i64 = 1;

/// The body of the first entry of every log (design 3.2).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BootBody {
    /// The form's version.
    #[n(0)]
    pub version: u16,
    /// Whose log it is.
    #[n(1)]
    pub machine: NodeId,
    /// The seat it runs for.
    #[n(2)]
    pub seat: AgencyCode,
    /// The heads of this machine's logs that no other log it knew had linked.
    #[n(3)]
    pub links: Vec<LogLink>,
    /// The program's version.
    #[n(4)]
    pub program: String,
    /// The machine's wall clock as it stood.
    #[n(5)]
    pub at: Millis,
    /// The province.
    #[n(6)]
    pub province: ProvinceId,
}

/// The head of an earlier log, as a later one names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LogLink {
    /// The log.
    #[n(0)]
    pub boot: BootId,
    /// Its last entry.
    #[n(1)]
    pub lsn: Lsn,
    /// Its chain there.
    #[n(2)]
    pub chain: Hash,
}

/// What is known of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// The log.
    pub boot: BootId,
    /// Whose it is, once its boot entry is here.
    pub machine: Option<NodeId>,
    /// Whether this database wrote it, rather than received it.
    pub is_written_here: bool,
    /// The end of the prefix without gaps.
    pub lsn: Lsn,
    /// The chain there.
    pub chain: Hash,
    /// Up to where the province acknowledged it.
    pub acked_lsn: Lsn,
    /// Up to where the last proof covers it.
    pub proved_lsn: Lsn,
}

/// Where an entry stands between arriving and taking effect (design 5, "life of an entry").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryState {
    /// Something it builds on has not taken effect here; tried again when that arrives.
    Waiting,
    /// It took effect and is in the feeds it belongs to.
    Applied,
    /// As applied, and the province marked its acts void.
    Voided,
    /// The same change stands in another place; this one adds nothing.
    Duplicate,
    /// Kept and not applied until a person decides.
    Quarantined,
    /// Kept and never applied: undecodable, out of bounds or against the structure.
    Refused,
    /// Kept and never applied: its own machine wrote its acts again, or gave them up.
    Superseded,
}

impl EntryState {
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Waiting => 1,
            Self::Applied => 2,
            Self::Voided => 3,
            Self::Duplicate => 4,
            Self::Quarantined => 5,
            Self::Refused => 6,
            Self::Superseded => 7,
        }
    }

    pub(crate) fn from_code(code: i64) -> Result<Self, StoreError> {
        let all = [
            Self::Waiting,
            Self::Applied,
            Self::Voided,
            Self::Duplicate,
            Self::Quarantined,
            Self::Refused,
            Self::Superseded,
        ];
        all.into_iter()
            .find(|state| state.code() == code)
            .ok_or_else(|| StoreError::Corrupt { what: "an entry's state".to_owned() })
    }

    /// The word in listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Applied => "applied",
            Self::Voided => "voided",
            Self::Duplicate => "duplicate",
            Self::Quarantined => "quarantined",
            Self::Refused => "refused",
            Self::Superseded => "superseded",
        }
    }
}

/// An entry without its body, as it stands here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryFacts {
    /// Its row here; meaningless elsewhere.
    pub id: i64,
    /// Its log.
    pub log: BootId,
    /// Whose log that is, once known.
    pub machine: Option<NodeId>,
    /// Its position there.
    pub lsn: Lsn,
    /// What it is.
    pub kind: EntryKind,
    /// Its document.
    pub doc: DocId,
    /// Its hash.
    pub hash: ChangeHash,
    /// Where it stands.
    pub state: EntryState,
    /// Why, for waiting, quarantined and refused ones: a stable name.
    pub reason: Option<String>,
    /// When it came here.
    pub arrived_at: Millis,
}

/// What is not yet covered by a proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unproved {
    /// Changes of this machine's logs.
    pub changes: u64,
    /// Documents they belong to.
    pub dossiers: u64,
    /// When the oldest of them was written.
    pub oldest_at: Option<Millis>,
}

const HEAD_COLUMNS: &str = "boot, machine, is_written_here, lsn, chain, acked_lsn, proved_lsn";

fn read_head(row: &Row<'_>) -> rusqlite::Result<LogHead> {
    Ok(LogHead {
        boot: BootId(row.get(0)?),
        machine: row.get::<_, Option<[u8; 16]>>(1)?.map(NodeId),
        is_written_here: row.get(2)?,
        lsn: sql::uint_at(row, 3)?,
        chain: Hash(row.get(4)?),
        acked_lsn: sql::uint_at(row, 5)?,
        proved_lsn: sql::uint_at(row, 6)?,
    })
}

/// The columns [`facts`] reads, from `entry e JOIN log l`.
pub(crate) const FACT_COLUMNS: &str =
    "e.id, l.boot, l.machine, e.lsn, e.kind, e.doc, e.hash, e.state, e.reason, e.arrived_at";

pub(crate) fn facts(row: &Row<'_>) -> rusqlite::Result<Result<EntryFacts, StoreError>> {
    let state = EntryState::from_code(row.get(7)?);
    let facts = |state| -> rusqlite::Result<EntryFacts> {
        Ok(EntryFacts {
            id: row.get(0)?,
            log: BootId(row.get(1)?),
            machine: row.get::<_, Option<[u8; 16]>>(2)?.map(NodeId),
            lsn: sql::uint_at(row, 3)?,
            kind: EntryKind(row.get(4)?),
            doc: DocId(row.get(5)?),
            hash: ChangeHash(row.get(6)?),
            state,
            reason: row.get(8)?,
            arrived_at: Millis(row.get(9)?),
        })
    };
    state.map_or_else(|error| Ok(Err(error)), |state| facts(state).map(Ok))
}

impl View<'_> {
    /// Every log of this machine's identity, whoever wrote it, in the order in which they came to be known.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn own_logs(&self) -> Result<Vec<LogHead>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {HEAD_COLUMNS} FROM log WHERE is_own = 1 ORDER BY id"))?;
        Ok(statement.query_map([], read_head)?.collect::<Result<_, _>>()?)
    }

    /// Every log known of a machine.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn logs_of(&self, machine: NodeId) -> Result<Vec<LogHead>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {HEAD_COLUMNS} FROM log WHERE machine = ?1 ORDER BY id"))?;
        Ok(statement.query_map([machine.0], read_head)?.collect::<Result<_, _>>()?)
    }

    /// One log.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log_head(&self, boot: BootId) -> Result<Option<LogHead>, StoreError> {
        let mut statement =
            self.connection.prepare_cached(&format!("SELECT {HEAD_COLUMNS} FROM log WHERE boot = ?1"))?;
        Ok(statement.query_row([boot.0], read_head).optional()?)
    }

    /// The chain of a log at `lsn`, recomputed from its entries; `None` when one is missing.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn chain_at(&self, boot: BootId, lsn: Lsn) -> Result<Option<Hash>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT e.lsn, e.kind, e.doc, e.hash FROM entry e JOIN log l ON l.id = e.log \
             WHERE l.boot = ?1 AND e.lsn <= ?2 ORDER BY e.lsn",
        )?;
        let mut rows = statement.query((boot.0, sql::int(lsn)))?;
        let mut chain = entry::chain_start(boot);
        let mut at = 0;
        while let Some(row) = rows.next()? {
            if sql::uint_at(row, 0)? != at + 1 {
                return Ok(None);
            }
            at += 1;
            let link = entry::link(EntryKind(row.get(1)?), DocId(row.get(2)?), ChangeHash(row.get(3)?));
            chain = entry::chain_next(chain, link);
        }
        Ok((at == lsn).then_some(chain))
    }

    /// Entries of a log after `after`, in order and without a gap, with bodies, while the sum of their
    /// [`weight_bytes`] stays within `bytes_max`; at least one when there is one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entries_after(
        &self,
        boot: BootId,
        after: Lsn,
        bytes_max: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT e.lsn, e.kind, e.doc, e.hash, e.min_reader, b.codec, b.size_bytes, b.bytes \
             FROM entry e JOIN log l ON l.id = e.log LEFT JOIN body b ON b.entry = e.id \
             WHERE l.boot = ?1 AND e.lsn > ?2 ORDER BY e.lsn LIMIT ?3",
        )?;
        let mut rows = statement.query((boot.0, sql::int(after), sql::len(ENTRIES_MAX)))?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut size_bytes = 0usize;
        while let Some(row) = rows.next()? {
            let lsn = sql::uint_at(row, 0)?;
            let expected = entries.last().map_or(after, |last| last.lsn) + 1;
            if lsn != expected {
                break;
            }
            let entry = Entry {
                log: boot,
                lsn,
                kind: EntryKind(row.get(1)?),
                doc: DocId(row.get(2)?),
                hash: ChangeHash(row.get(3)?),
                min_reader: row.get(4)?,
                body: body_at(row, 5)?,
            };
            size_bytes = size_bytes.saturating_add(weight_bytes(&entry));
            if !entries.is_empty() && size_bytes > bytes_max {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// How many logs of a machine no later log of it follows. One is normal: each boot links what came before.
    /// More mean that a directory was copied, or that an older one was put back, until a later boot joins them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open_histories(&self, machine: NodeId) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM log l WHERE l.machine = ?1 AND l.lsn > 0 AND NOT EXISTS \
             (SELECT 1 FROM log_link k WHERE k.boot = l.boot AND k.lsn >= l.lsn)",
        )?;
        Ok(statement.query_row([machine.0], |row| sql::uint_at(row, 0))?)
    }

    /// What of this machine's own work no proof covers yet.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unproved(&self) -> Result<Unproved, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*), count(DISTINCT e.doc), min(e.arrived_at) FROM log l \
             JOIN entry e ON e.log = l.id AND e.lsn > l.proved_lsn \
             WHERE l.lsn > l.proved_lsn AND e.kind = ?1 AND e.state <> 7 \
             AND (l.is_own = 1 OR EXISTS (SELECT 1 FROM log_fork f JOIN log o ON o.id = f.log \
             WHERE f.alias = l.id AND o.is_own = 1))",
        )?;
        Ok(statement.query_row([EntryKind::CHANGE.0], |row| {
            Ok(Unproved {
                changes: sql::uint_at(row, 0)?,
                dossiers: sql::uint_at(row, 1)?,
                oldest_at: row.get::<_, Option<i64>>(2)?.map(Millis),
            })
        })?)
    }
}

impl WriteTx<'_> {
    /// The boot of this process; minted, with the first entry of its log, at the first call.
    ///
    /// # Errors
    /// When there are no random bytes or it cannot be written.
    pub fn ensure_boot(&mut self) -> Result<BootId, StoreError> {
        if let Some(own) = self.memory.boot {
            return Ok(own.boot);
        }
        let identity = self.identity();
        let boot = BootId::mint(identity.machine, self.random()?);
        let links = unlinked_heads(self.connection())?;
        let log = insert_log(
            self.connection(),
            boot,
            Some((identity.machine, &identity.seat)),
            Some(identity.machine),
            true,
        )?;
        self.memory.boot = Some(OwnBoot { boot, log, lsn: 0, chain: entry::chain_start(boot) });
        self.memory.witness_mut().note_boot(boot);
        let body = meta::to_cbor(&BootBody {
            version: BOOT_BODY_VERSION,
            machine: identity.machine,
            seat: identity.seat.clone(),
            links,
            program: self.env.program.clone(),
            at: self.now(),
            province: identity.province,
        });
        let hash = entry::body_hash(&body);
        let id = self.append(EntryKind::BOOT, DocId::NONE, hash, &body, EntryState::Applied)?;
        insert_links(self.connection(), log, &body)?;
        self.entry_took_effect(id, None)?;
        Ok(boot)
    }

    /// Begins a log named by chance alone, as programs did before names said whose they are.
    #[cfg(test)]
    pub(crate) fn begin_nameless_log(&mut self, boot: BootId) -> Result<(), StoreError> {
        let identity = self.identity();
        let owner = Some((identity.machine, &identity.seat));
        let log = insert_log(self.connection(), boot, owner, Some(identity.machine), true)?;
        self.memory.boot = Some(OwnBoot { boot, log, lsn: 0, chain: entry::chain_start(boot) });
        self.memory.witness_mut().note_boot(boot);
        self.append_entry(EntryKind::ANCHOR, b"before names said whose they are")?;
        Ok(())
    }

    /// Appends an entry that belongs to no document (an anchor, a key …) to this process's log.
    ///
    /// # Errors
    /// [`StoreError::Bug`] for changes, whose way is [`WriteTx::append_change`], and for a body over the bound.
    pub fn append_entry(&mut self, kind: EntryKind, body: &[u8]) -> Result<Lsn, StoreError> {
        if kind == EntryKind::CHANGE || kind == EntryKind::BOOT || body.len() > ENTRY_BODY_BYTES_MAX {
            return Err(StoreError::Bug("not an entry that can be appended by itself".to_owned()));
        }
        self.ensure_boot()?;
        let id = self.append(kind, DocId::NONE, entry::body_hash(body), body, EntryState::Applied)?;
        self.entry_took_effect(id, None)?;
        Ok(self.memory.boot.map_or(0, |own| own.lsn))
    }

    /// Appends to the own log: row, body, chain. Returns the entry's row.
    pub(crate) fn append(
        &mut self,
        kind: EntryKind,
        doc: DocId,
        hash: ChangeHash,
        body: &[u8],
        state: EntryState,
    ) -> Result<i64, StoreError> {
        let Some(mut own) = self.memory.boot else {
            return Err(StoreError::Bug("append without a boot".to_owned()));
        };
        own.lsn += 1;
        own.chain = entry::chain_next(own.chain, entry::link(kind, doc, hash));
        let id = self.insert_entry(&NewEntry {
            log: own.log,
            lsn: own.lsn,
            kind,
            doc,
            hash,
            min_reader: entry::ENTRY_VERSION,
            body: Some(body),
            state,
            reason: None,
        })?;
        self.connection().prepare_cached("UPDATE log SET lsn = ?2, chain = ?3 WHERE id = ?1")?.execute((
            own.log,
            sql::int(own.lsn),
            own.chain.0,
        ))?;
        self.memory.boot = Some(own);
        self.memory.is_witness_due = true;
        self.grew_own(own.boot, own.lsn);
        Ok(id)
    }

    pub(crate) fn insert_entry(&mut self, new: &NewEntry<'_>) -> Result<i64, StoreError> {
        let at = self.now();
        self.connection()
            .prepare_cached(
                "INSERT INTO entry (log, lsn, kind, doc, hash, min_reader, state, reason, arrived_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute((
                new.log,
                sql::int(new.lsn),
                new.kind.0,
                new.doc.0,
                new.hash.0,
                new.min_reader,
                new.state.code(),
                new.reason,
                at.0,
            ))?;
        let id = self.last_row();
        if let Some(body) = new.body {
            self.insert_body(id, body)?;
        }
        Ok(id)
    }

    pub(crate) fn insert_body(&mut self, id: i64, body: &[u8]) -> Result<(), StoreError> {
        let packed = self
            .compressor
            .compress(body)
            .map_err(|error| StoreError::Bug(format!("compressing a body: {error}")))?;
        let (codec, bytes) =
            if packed.len() < body.len() { (CODEC_ZSTD, packed.as_slice()) } else { (CODEC_RAW, body) };
        self.connection()
            .prepare_cached(
                "INSERT INTO body (entry, codec, dictionary, size_bytes, bytes) VALUES (?1, ?2, 0, ?3, ?4)",
            )?
            .execute((id, codec, sql::len(body.len()), bytes))?;
        Ok(())
    }

    /// Moves a log's contiguous end over entries that are here, after some were received.
    pub(crate) fn advance_log(&mut self, log: i64) -> Result<(), StoreError> {
        let connection = self.connection();
        let (mut lsn, chain): (i64, [u8; 32]) = connection
            .prepare_cached("SELECT lsn, chain FROM log WHERE id = ?1")?
            .query_row([log], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut chain = Hash(chain);
        let mut statement = connection.prepare_cached(
            "SELECT lsn, kind, doc, hash FROM entry WHERE log = ?1 AND lsn > ?2 ORDER BY lsn",
        )?;
        let mut rows = statement.query((log, lsn))?;
        let mut has_moved = false;
        while let Some(row) = rows.next()? {
            if row.get::<_, i64>(0)? != lsn + 1 {
                break;
            }
            lsn += 1;
            has_moved = true;
            let link = entry::link(EntryKind(row.get(1)?), DocId(row.get(2)?), ChangeHash(row.get(3)?));
            chain = entry::chain_next(chain, link);
        }
        if has_moved {
            connection
                .prepare_cached("UPDATE log SET lsn = ?2, chain = ?3 WHERE id = ?1")?
                .execute((log, lsn, chain.0))?;
        }
        Ok(())
    }

    /// Ends this process's log: the next own append mints another boot. For a log of which the province knows another
    /// history.
    pub fn rotate_boot(&mut self) {
        self.memory.boot = None;
    }

    /// Notes up to where the province acknowledged a log; never goes back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_acked(&mut self, boot: BootId, lsn: Lsn) -> Result<(), StoreError> {
        self.execute(
            "UPDATE log SET acked_lsn = max(acked_lsn, ?2) WHERE boot = ?1",
            (boot.0, sql::int(lsn)),
        )?;
        Ok(())
    }

    /// Forgets that the province acknowledged a log beyond `lsn`: it was restored and lacks it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn take_back_acked(&mut self, boot: BootId, lsn: Lsn) -> Result<(), StoreError> {
        self.execute(
            "UPDATE log SET acked_lsn = min(acked_lsn, ?2), proved_lsn = min(proved_lsn, ?2) WHERE boot = ?1",
            (boot.0, sql::int(lsn)),
        )?;
        Ok(())
    }

    /// Whether what was lost in a rollback has come back; then the condition ends.
    pub(crate) fn settle_rollback(&mut self) -> Result<(), StoreError> {
        for condition in self.lost_work()? {
            if let Some((boot, lsn)) = lost_end(&condition)
                && lsn_of(self.connection(), boot)? >= lsn
            {
                self.clear_condition(&condition.code, &condition.subject)?;
            }
        }
        Ok(())
    }

    /// The province has given back all that it had: what a rolled-back database still lacks is nowhere, and a person
    /// must know which papers to enter again.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn end_rollback(&mut self) -> Result<(), StoreError> {
        self.settle_rollback()?;
        let Some(condition) = conditions::standing(self.connection(), conditions::ROLLED_BACK)? else {
            return Ok(());
        };
        let Some((boot, lsn)) = lost_end(&condition) else { return Ok(()) };
        let drawn: Vec<&str> = condition.arg("drawn").unwrap_or_default().split_whitespace().collect();
        let missing = self.numbers_of_nobody(&drawn)?;
        let numbers = if missing.is_empty() { "none".to_owned() } else { missing.join(", ") };
        let args = [
            ("boot", boot.to_string()),
            ("lsn", lsn.to_string()),
            ("at", clock::for_people(condition.since)),
            ("numbers", numbers),
        ];
        let (connection, since) = (self.connection(), condition.since);
        conditions::set(connection, conditions::WORK_LOST, &boot.to_string(), &args, since)?;
        self.clear_condition(conditions::ROLLED_BACK, "")
    }

    fn lost_work(&self) -> Result<Vec<Condition>, StoreError> {
        let is_meant = |condition: &Condition| {
            [conditions::ROLLED_BACK, conditions::WORK_LOST].contains(&condition.code.as_str())
        };
        Ok(self.conditions()?.into_iter().filter(is_meant).collect())
    }
}

/// The log of which a rolled-back database lacked the end, and where that end is.
fn lost_end(condition: &Condition) -> Option<(BootId, Lsn)> {
    Some((condition.arg("boot")?.parse().ok()?, condition.arg("lsn")?.parse().ok()?))
}

/// A row of `entry` about to be written.
pub(crate) struct NewEntry<'a> {
    pub(crate) log: i64,
    pub(crate) lsn: Lsn,
    pub(crate) kind: EntryKind,
    pub(crate) doc: DocId,
    pub(crate) hash: ChangeHash,
    pub(crate) min_reader: u16,
    pub(crate) body: Option<&'a [u8]>,
    pub(crate) state: EntryState,
    pub(crate) reason: Option<&'a str>,
}

/// A new log. `owner` is known from the session or the boot entry; `this` is the own machine.
pub(crate) fn insert_log(
    connection: &Connection,
    boot: BootId,
    owner: Option<(NodeId, &AgencyCode)>,
    this: Option<NodeId>,
    is_written_here: bool,
) -> Result<i64, StoreError> {
    let is_own = owner.is_some_and(|(machine, _)| Some(machine) == this);
    connection
        .prepare_cached(
            "INSERT INTO log (boot, machine, seat, is_own, is_written_here, lsn, chain) \
             VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)",
        )?
        .execute((
            boot.0,
            owner.map(|(machine, _)| machine.0),
            owner.map(|(_, seat)| seat.as_str()),
            is_own,
            is_written_here,
            entry::chain_start(boot).0,
        ))?;
    Ok(connection.last_insert_rowid())
}

/// Keeps the links of a boot entry, so that the next boot links only what is not linked yet.
pub(crate) fn insert_links(connection: &Connection, log: i64, body: &[u8]) -> Result<(), StoreError> {
    let Ok(body) = meta::from_cbor::<BootBody>(body) else { return Ok(()) };
    let mut statement = connection
        .prepare_cached("INSERT OR IGNORE INTO log_link (log, boot, lsn, chain) VALUES (?1, ?2, ?3, ?4)")?;
    for link in body.links.iter().take(LINKS_MAX) {
        statement.execute((log, link.boot.0, sql::int(link.lsn), link.chain.0))?;
    }
    Ok(())
}

fn unlinked_heads(connection: &Connection) -> Result<Vec<LogLink>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT boot, lsn, chain FROM log WHERE is_own = 1 AND lsn > 0 \
         AND NOT EXISTS (SELECT 1 FROM log_link k WHERE k.boot = log.boot) ORDER BY id LIMIT ?1",
    )?;
    let rows = statement.query_map([sql::len(LINKS_MAX)], |row| {
        Ok(LogLink { boot: BootId(row.get(0)?), lsn: sql::uint_at(row, 1)?, chain: Hash(row.get(2)?) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The end of a log's prefix; 0 for a log that is not here.
pub(crate) fn head_lsn(connection: &Connection, boot: BootId) -> Result<Lsn, StoreError> {
    let mut statement = connection.prepare_cached("SELECT lsn FROM log WHERE boot = ?1")?;
    Ok(statement.query_row([boot.0], |row| sql::uint_at(row, 0)).optional()?.unwrap_or(0))
}

/// The same with what was put aside when the log turned out to have two histories: how far this database once wrote it.
pub(crate) fn lsn_of(connection: &Connection, boot: BootId) -> Result<Lsn, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT max(l.lsn, coalesce((SELECT max(a.lsn) FROM log_fork f JOIN log a ON a.id = f.alias \
         WHERE f.log = l.id), 0)) FROM log l WHERE l.boot = ?1",
    )?;
    Ok(statement.query_row([boot.0], |row| sql::uint_at(row, 0)).optional()?.unwrap_or(0))
}

/// The body whose codec, size and bytes stand at `column` and the two after it; `None` when it was erased.
pub(crate) fn body_at(row: &Row<'_>, column: usize) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(codec) = row.get::<_, Option<i64>>(column)? else { return Ok(None) };
    let size_bytes = usize::try_from(sql::uint_at(row, column + 1)?).unwrap_or(usize::MAX);
    let bytes = row.get_ref(column + 2)?.as_blob().map_err(rusqlite::Error::from)?;
    let damaged = || StoreError::Corrupt { what: "a stored body".to_owned() };
    match codec {
        CODEC_RAW => Ok(Some(bytes.to_vec())),
        CODEC_ZSTD if size_bytes <= ENTRY_BODY_BYTES_MAX => {
            unpacked(bytes, size_bytes).map(Some).map_err(|_| damaged())
        }
        _ => Err(damaged()),
    }
}

/// What one zstd frame holds, at most `size_bytes`. A context is some 100 kB to make, much more than most bodies, so
/// each thread keeps one.
fn unpacked(bytes: &[u8], size_bytes: usize) -> std::io::Result<Vec<u8>> {
    thread_local! {
        static CONTEXT: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    CONTEXT.with_borrow_mut(|slot| {
        let context = match slot {
            Some(context) => context,
            None => slot.insert(Decompressor::new()?),
        };
        context.decompress(bytes, size_bytes)
    })
}
