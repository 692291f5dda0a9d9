//! Entries → documents: the life of an entry from arriving to taking effect (design 5).
//!
//! received → waiting for what it builds on → applied, or quarantined or refused with a reason. A change that the
//! document library cannot take is set aside alone; what builds on it waits with it, nothing else does.

use std::collections::BTreeSet;
use std::collections::VecDeque;

use rusqlite::OptionalExtension;
use sync_protocol::entry;
use sync_protocol::entry::Entry;
use sync_protocol::entry::EntryKind;
use sync_protocol::entry::Lsn;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::NodeId;
use sync_protocol::limits::ENTRY_BODY_BYTES_MAX;
use sync_protocol::time::Millis;

use crate::dossier::act::Act;
use crate::dossier::act::Body;
use crate::dossier::act::Kind;
use crate::dossier::admit::AdmitError;
use crate::dossier::admit::admit;
use crate::dossier::document::AuthorError;
use crate::dossier::document::Document;
use crate::dossier::document::DocumentError;
use crate::dossier::document::Step;
use crate::dossier::document::Writing;
use crate::dossier::fold::State;
use crate::dossier::fold::fold;
use crate::ids::AgencyCode;
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::store::conditions;
use crate::store::log;
use crate::store::log::BootBody;
use crate::store::log::EntryState;
use crate::store::log::NewEntry;
use crate::store::meta;
use crate::store::open::Role;
use crate::store::projection;
use crate::store::sql;
use crate::store::view::View;
use crate::store::writer::WriteTx;

/// Why an entry waits, is quarantined or refused: stable names for listings.
pub mod reason {
    /// The body is not what the entry's hash names. Healed when the right body comes.
    pub const BODY_HASH: &str = "entry-body-hash";
    /// The body is larger than any of ours.
    pub const BODY_SIZE: &str = "entry-body-size";
    /// The body was erased by law.
    pub const BODY_ERASED: &str = "entry-body-erased";
    /// Written for a newer program; tried again by it.
    pub const NEWER_PROGRAM: &str = "entry-newer-program";
    /// A change without a document.
    pub const NO_DOCUMENT: &str = "entry-no-document";
    /// Not decodable.
    pub const UNDECODABLE: &str = "entry-undecodable";
    /// Against the document's structure.
    pub const STRUCTURE: &str = "entry-structure";
    /// The document library failed on it.
    pub const LIBRARY_FAILED: &str = "entry-library-failed";
    /// The program ended at it, twice; tried again by `rebuild`.
    pub const ENDS_PROGRAM: &str = "entry-ends-program";
    /// The document cannot be computed with it.
    pub const NOT_COMPUTABLE: &str = "entry-not-computable";
    /// Its machine is banned.
    pub const BANNED: &str = "entry-banned";
    /// A boot entry that names another machine.
    pub const OTHER_MACHINE: &str = "entry-other-machine";
    /// A person at the province decided so.
    pub const DECIDED: &str = "entry-refused-by-person";
    /// A second beginning of a document that has one: it would make its author a party to another's dossier.
    pub const SECOND_ROOT: &str = "entry-second-root";
    /// It begins a document of which the name says that another machine begins it.
    pub const OTHER_BEGINS: &str = "entry-other-begins";
    /// A kind that belongs to no document and names one.
    pub const STRAY_DOCUMENT: &str = "entry-stray-document";
    /// The document holds changes of the losing history of a log of this machine; waits until those have left it.
    pub const FORKED: &str = "entry-forked";
    /// Its machine wrote it again under another boot, or gave it up.
    pub const REISSUED: &str = "entry-reissued";
    /// Lost by a restore of the province, and sent back by another machine than its own.
    pub const RETURNED: &str = "entry-returned";
    /// An act for a seat that is not the machine's.
    pub const OTHER_SEAT: &str = "entry-other-seat";
    /// An act that only the province may do.
    pub const PROVINCE_ONLY: &str = "entry-province-only";
}

/// Says whether a machine may write an act; the error is a stable name like those of [`reason`].
pub type Rights<'a> = dyn Fn(&Act) -> Result<(), &'static str> + 'a;

/// The rights of a machine that runs for `seats`: acts of these seats, and `mark` and `reassign` for the province.
pub fn seat_rights(
    seats: BTreeSet<AgencyCode>,
    is_province: bool,
) -> impl Fn(&Act) -> Result<(), &'static str> {
    move |act| {
        if !is_province && matches!(act.kind(), Some(Kind::Mark | Kind::Reassign)) {
            return Err(reason::PROVINCE_ONLY);
        }
        if seats.contains(&act.seat) { Ok(()) } else { Err(reason::OTHER_SEAT) }
    }
}

/// Where entries come from.
pub enum Origin<'a> {
    /// At the province: from the machine whose logs they are.
    Node {
        /// The machine, from its certificate.
        machine: NodeId,
        /// Its seat, from its certificate.
        seat: &'a AgencyCode,
        /// What it may write.
        rights: &'a Rights<'a>,
    },
    /// At a node: from the province, which has judged rights already.
    Feed,
    /// At a node: own entries that it lost, from the province, which has not put them into any feed.
    Returned,
}

impl std::fmt::Debug for Origin<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Node { machine, .. } => {
                f.debug_struct("Node").field("machine", machine).finish_non_exhaustive()
            }
            Self::Feed => f.write_str("Feed"),
            Self::Returned => f.write_str("Returned"),
        }
    }
}

/// What became of a batch of entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Entries that were not here before.
    pub new: u64,
    /// Entries that were.
    pub repeated: u64,
    /// Entries that took effect, earlier waiting ones among them.
    pub applied: u64,
    /// New entries that wait.
    pub waiting: u64,
    /// Entries set aside for a person.
    pub quarantined: u64,
    /// Entries that will never take effect.
    pub refused: u64,
    /// Positions where another entry stands already: somebody's log has two histories.
    pub forked: Vec<(BootId, Lsn)>,
    /// Logs that are not the sender's; their entries were not kept.
    pub foreign: BTreeSet<BootId>,
}

/// What an own change became.
#[derive(Debug)]
pub struct Appended {
    /// Its hash.
    pub hash: ChangeHash,
    /// The log it stands in.
    pub boot: BootId,
    /// Its position there.
    pub lsn: Lsn,
    /// The document's state with it.
    pub state: State,
}

impl View<'_> {
    /// A document from all its changes that took effect; `None` when there are none.
    ///
    /// # Errors
    /// [`StoreError::Bug`] when the document library cannot open it.
    pub fn document(&self, doc: DocId) -> Result<Option<Document>, StoreError> {
        let bodies = self.applied_bodies(doc)?;
        if bodies.is_empty() {
            return Ok(None);
        }
        Document::load(bodies.iter().map(Vec::as_slice)).map(Some).map_err(|error| library(&error))
    }

    /// Bodies of a document's changes that took effect, each after what it builds on.
    pub(crate) fn applied_bodies(&self, doc: DocId) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT b.codec, b.size_bytes, b.bytes FROM entry e JOIN body b ON b.entry = e.id \
             WHERE e.doc = ?1 AND e.kind = ?2 AND e.state IN (2, 3) AND e.applied IS NOT NULL ORDER BY e.applied",
        )?;
        let mut rows = statement.query((doc.0, EntryKind::CHANGE.0))?;
        let mut bodies = Vec::new();
        while let Some(row) = rows.next()? {
            bodies.extend(log::body_at(row, 0)?);
        }
        Ok(bodies)
    }
}

/// An entry whose dependencies have taken effect.
struct Ready {
    id: i64,
    hash: ChangeHash,
    body: Vec<u8>,
}

/// What is known of the log an entry belongs to.
struct LogRow {
    id: i64,
    machine: Option<NodeId>,
    is_own: bool,
}

/// What a batch has touched so far.
#[derive(Default)]
struct Batch {
    done: Ingested,
    /// Logs with new entries.
    logs: BTreeSet<i64>,
    /// Documents in which something may have become ready.
    docs: BTreeSet<DocId>,
    /// Entries that were recorded as waiting; most become ready before the batch ends.
    waiting: Vec<i64>,
}

/// What an arriving entry is judged to be.
struct Verdict {
    state: EntryState,
    reason: Option<&'static str>,
    /// What it builds on, for waiting changes.
    deps: Vec<ChangeHash>,
}

impl Verdict {
    fn of(state: EntryState, reason: Option<&'static str>) -> Self {
        Self { state, reason, deps: Vec::new() }
    }
}

impl WriteTx<'_> {
    /// Writes one change into a document and appends it to this process's log: entry, chain, projection and feeds, all
    /// in this transaction. `document` must be as [`View::document`] gives it inside this job, or new.
    ///
    /// # Errors
    /// Refused with `entry-too-large`; [`StoreError::Bug`] when `document` is older than the store or the change is
    /// not one that other machines would admit.
    pub fn append_change(
        &mut self,
        doc: DocId,
        document: &mut Document,
        writing: &Writing,
        at: Millis,
    ) -> Result<Appended, StoreError> {
        if doc == DocId::NONE {
            return Err(StoreError::Bug("a change needs a document".to_owned()));
        }
        let stored = projection::stored_heads(self.connection(), doc)?;
        if stored.is_some_and(|stored| stored != projection::heads_digest(&document.heads())) {
            return Err(StoreError::Bug("the document is not as the store has it".to_owned()));
        }
        if document.heads().is_empty() && !doc.may_be_begun_by(self.identity().machine) {
            return Err(StoreError::Bug("a document that another machine begins".to_owned()));
        }
        let boot = self.ensure_boot()?;
        let change = document.author(boot, at, writing).map_err(|error| match error {
            AuthorError::TooLarge => {
                Refusal::new("entry-too-large").with("limit_bytes", ENTRY_BODY_BYTES_MAX).into()
            }
            AuthorError::Document(error) => library(&error),
        })?;
        // What others would refuse must not leave this machine.
        admit(&change.bytes, boot).map_err(|error| StoreError::Bug(format!("own change: {error}")))?;
        let id = self.append(EntryKind::CHANGE, doc, change.hash, &change.bytes, EntryState::Applied)?;
        self.number_applied(id)?;
        let state = fold(document.history());
        self.take_effect(doc, &[id], &state)?;
        let lsn = self.memory.boot.map_or(0, |own| own.lsn);
        Ok(Appended { hash: change.hash, boot, lsn, state })
    }

    /// Takes in entries, in any order, any number of times: records them, judges each, and applies what is ready.
    ///
    /// # Errors
    /// Only when the store fails; what is wrong with an entry becomes its state.
    pub fn ingest(&mut self, entries: &[Entry], origin: &Origin<'_>) -> Result<Ingested, StoreError> {
        let mut batch = Batch::default();
        for entry in entries {
            self.take_in(entry, origin, &mut batch)?;
        }
        for log in &batch.logs {
            self.advance_log(*log)?;
        }
        let done = self.settle_batch(batch)?;
        self.settle_rollback()?;
        Ok(done)
    }

    /// Applies what became ready and counts what still waits.
    fn settle_batch(&mut self, batch: Batch) -> Result<Ingested, StoreError> {
        let mut done = batch.done;
        for doc in batch.docs {
            self.settle(doc, &mut done)?;
        }
        let mut statement = self.connection().prepare_cached("SELECT state = 1 FROM entry WHERE id = ?1")?;
        for id in batch.waiting {
            done.waiting += u64::from(statement.query_row([id], |row| row.get::<_, bool>(0))?);
        }
        Ok(done)
    }

    fn take_in(&mut self, entry: &Entry, origin: &Origin<'_>, batch: &mut Batch) -> Result<(), StoreError> {
        if entry.lsn == 0 {
            batch.done.refused += 1;
            return Ok(());
        }
        let Some(mut log) = self.log_for(entry.log, origin)? else {
            batch.done.foreign.insert(entry.log);
            return Ok(());
        };
        if let Some(existing) = self.existing(log.id, entry.lsn)? {
            if existing.link != entry.link() {
                batch.done.forked.push((entry.log, entry.lsn));
                return Ok(());
            }
            batch.done.repeated += 1;
            return self.heal(&existing, entry, &log, origin, batch);
        }
        if self.comes_back(log.id, entry)? {
            batch.logs.insert(log.id);
            batch.done.repeated += 1;
            return Ok(());
        }
        if self.memory.boot.is_some_and(|own| own.log == log.id) {
            // Another copy of this running machine wrote under this process's boot: the position is taken.
            self.rotate_boot();
        }
        if entry.kind == EntryKind::BOOT && entry.lsn == 1 {
            self.learn_owner(&mut log, entry)?;
        }
        let (verdict, step) = self.judge(entry, &log, origin)?;
        let body = entry.body.as_deref().filter(|body| body.len() <= ENTRY_BODY_BYTES_MAX);
        let id = self.insert_entry(&NewEntry {
            log: log.id,
            lsn: entry.lsn,
            kind: entry.kind,
            doc: entry.doc,
            hash: entry.hash,
            min_reader: entry.min_reader,
            body,
            state: verdict.state,
            reason: verdict.reason,
        })?;
        batch.logs.insert(log.id);
        batch.done.new += 1;
        if entry.kind == EntryKind::BOOT && verdict.state == EntryState::Applied {
            log::insert_links(self.connection(), log.id, body.unwrap_or_default())?;
        }
        self.enter(id, entry, &log, verdict, step.as_ref(), origin, batch)
    }

    /// Draws the consequences of a verdict for an entry that is recorded.
    fn enter(
        &mut self,
        id: i64,
        entry: &Entry,
        log: &LogRow,
        verdict: Verdict,
        step: Option<&Step>,
        origin: &Origin<'_>,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        match verdict.state {
            EntryState::Waiting => {
                self.note_missing(id, entry.doc, &verdict.deps)?;
                batch.waiting.push(id);
                batch.docs.insert(entry.doc);
            }
            EntryState::Applied => {
                batch.done.applied += 1;
                let seat = match origin {
                    Origin::Node { seat, .. } => Some(*seat),
                    Origin::Feed | Origin::Returned => None,
                };
                self.entry_took_effect(id, seat)?;
                if entry.doc != DocId::NONE {
                    // A kind of a newer program that concerns a document travels with it.
                    self.add_to_feeds(entry.doc, &[id], &BTreeSet::new())?;
                }
            }
            EntryState::Quarantined => batch.done.quarantined += 1,
            EntryState::Refused => batch.done.refused += 1,
            EntryState::Voided | EntryState::Duplicate | EntryState::Superseded => {}
        }
        if let (EntryKind::REISSUE, Some(body)) = (entry.kind, &entry.body) {
            // The province passes on what others wrote again, but not whose logs those are.
            let is_passed_on = matches!(origin, Origin::Feed) && self.identity().role == Role::Commune;
            if let Some(machine) = log.machine.or(is_passed_on.then_some(NodeId([0; 16]))) {
                self.note_reissued(id, machine, body)?;
            }
        }
        if log.is_own {
            self.saw_own_entry(entry, step)?;
        }
        Ok(())
    }

    /// The log an entry belongs to, made when it is new; `None` when the sender may not write it. A log that is not
    /// known as somebody's is that machine's which its name says: after a restore of the province another one may call
    /// before the owner does.
    fn log_for(&mut self, boot: BootId, origin: &Origin<'_>) -> Result<Option<LogRow>, StoreError> {
        let found: Option<LogRow> = self
            .connection()
            .prepare_cached("SELECT id, machine, is_own FROM log WHERE boot = ?1")?
            .query_row([boot.0], |row| {
                Ok(LogRow {
                    id: row.get(0)?,
                    machine: row.get::<_, Option<[u8; 16]>>(1)?.map(NodeId),
                    is_own: row.get(2)?,
                })
            })
            .optional()?;
        let this = self.identity().machine;
        let owner = match origin {
            Origin::Node { machine, seat, .. } => Some((*machine, *seat)),
            Origin::Returned => Some((this, &self.identity().seat)),
            Origin::Feed => None,
        };
        let is_named_by = |machine: NodeId| boot.is_of(machine);
        if let Some(mut log) = found {
            if let (Origin::Node { machine, seat, .. }, None) = (origin, log.machine)
                && is_named_by(*machine)
            {
                // Some of it had come back from others. Who signs for the log is whose it is.
                log.machine = Some(*machine);
                self.execute(
                    "UPDATE log SET machine = ?2, seat = ?3 WHERE id = ?1",
                    (log.id, machine.0, seat.as_str()),
                )?;
            }
            let is_senders = owner.is_none_or(|(machine, _)| log.machine == Some(machine));
            return Ok(is_senders.then_some(log));
        }
        if let Origin::Node { machine, .. } = origin
            && !is_named_by(*machine)
        {
            return Ok(None);
        }
        let id = log::insert_log(self.connection(), boot, owner, Some(this), false)?;
        let machine = owner.map(|(machine, _)| machine);
        Ok(Some(LogRow { id, machine, is_own: machine == Some(this) }))
    }

    /// A log that came by the feed says in its first entry whose it is.
    fn learn_owner(&mut self, log: &mut LogRow, entry: &Entry) -> Result<(), StoreError> {
        let body = entry.body.as_deref().unwrap_or_default();
        let Ok(body) = meta::from_cbor::<BootBody>(body) else { return Ok(()) };
        if log.machine.is_some() {
            return Ok(());
        }
        log.machine = Some(body.machine);
        log.is_own = body.machine == self.identity().machine;
        self.execute(
            "UPDATE log SET machine = ?2, seat = ?3, is_own = ?4 WHERE id = ?1",
            (log.id, body.machine.0, body.seat.as_str(), log.is_own),
        )?;
        Ok(())
    }

    fn existing(&self, log: i64, lsn: Lsn) -> Result<Option<Existing>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT e.id, e.kind, e.doc, e.hash, e.state, e.reason, b.entry IS NOT NULL FROM entry e \
             LEFT JOIN body b ON b.entry = e.id WHERE e.log = ?1 AND e.lsn = ?2",
        )?;
        let found = statement
            .query_row((log, sql::int(lsn)), |row| {
                let link = entry::link(EntryKind(row.get(1)?), DocId(row.get(2)?), ChangeHash(row.get(3)?));
                let (state, reason) = (row.get::<_, i64>(4)?, row.get::<_, Option<String>>(5)?);
                Ok((row.get(0)?, link, state, reason, row.get::<_, bool>(6)?))
            })
            .optional()?;
        found
            .map(|(id, link, state, reason, has_body)| {
                Ok(Existing { id, link, state: EntryState::from_code(state)?, reason, has_body })
            })
            .transpose()
    }

    /// An entry that stands here with a wrong or an oversized body gets the right one.
    fn heal(
        &mut self,
        existing: &Existing,
        entry: &Entry,
        log: &LogRow,
        origin: &Origin<'_>,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let is_ill = existing.state == EntryState::Refused
            && matches!(existing.reason.as_deref(), Some(reason::BODY_HASH | reason::BODY_SIZE));
        let Some(body) = entry.body.as_deref().filter(|_| is_ill) else { return Ok(()) };
        let (verdict, step) = self.judge(entry, log, origin)?;
        if matches!(verdict.reason, Some(reason::BODY_HASH | reason::BODY_SIZE)) {
            return Ok(());
        }
        if existing.has_body {
            self.execute("DELETE FROM body WHERE entry = ?1", [existing.id])?;
        }
        self.insert_body(existing.id, body)?;
        self.set_state(existing.id, verdict.state, verdict.reason)?;
        self.enter(existing.id, entry, log, verdict, step.as_ref(), origin, batch)
    }

    /// Judges an entry again that waited for a newer program, as if it had arrived now.
    pub(crate) fn judge_again(&mut self, id: i64) -> Result<(), StoreError> {
        let found: Option<(Entry, LogRow, Option<String>)> = {
            let mut statement = self.connection().prepare_cached(
                "SELECT l.boot, e.lsn, e.kind, e.doc, e.hash, e.min_reader, l.id, l.machine, l.is_own, \
                 l.seat, b.codec, b.size_bytes, b.bytes FROM entry e JOIN log l ON l.id = e.log \
                 LEFT JOIN body b ON b.entry = e.id WHERE e.id = ?1",
            )?;
            let mut rows = statement.query([id])?;
            match rows.next()? {
                None => None,
                Some(row) => {
                    let entry = Entry {
                        log: BootId(row.get(0)?),
                        lsn: sql::uint_at(row, 1)?,
                        kind: EntryKind(row.get(2)?),
                        doc: DocId(row.get(3)?),
                        hash: ChangeHash(row.get(4)?),
                        min_reader: row.get(5)?,
                        body: log::body_at(row, 10)?,
                    };
                    let log = LogRow {
                        id: row.get(6)?,
                        machine: row.get::<_, Option<[u8; 16]>>(7)?.map(NodeId),
                        is_own: row.get(8)?,
                    };
                    Some((entry, log, row.get(9)?))
                }
            }
        };
        let Some((entry, log, seat)) = found else { return Ok(()) };
        let seat = seat.map(|seat| sql::parsed::<AgencyCode>(&seat)).transpose()?;
        let is_here = self.identity().role == Role::Province && !log.is_own;
        let rights = seat_rights(seat.iter().cloned().collect(), false);
        let origin = match (log.machine, &seat) {
            (Some(machine), Some(seat)) if is_here => Origin::Node { machine, seat, rights: &rights },
            (Some(_) | None, _) => Origin::Feed,
        };
        // Its own row must not make it look like a duplicate of itself.
        self.set_state(id, EntryState::Duplicate, None)?;
        let (verdict, step) = self.judge(&entry, &log, &origin)?;
        self.set_state(id, verdict.state, verdict.reason)?;
        let mut batch = Batch::default();
        self.enter(id, &entry, &log, verdict, step.as_ref(), &origin, &mut batch)?;
        self.settle_batch(batch)?;
        Ok(())
    }

    /// Judges one entry by what it says itself; what it builds on is looked at later.
    fn judge(
        &mut self,
        entry: &Entry,
        log: &LogRow,
        origin: &Origin<'_>,
    ) -> Result<(Verdict, Option<Step>), StoreError> {
        use EntryState::Applied;
        use EntryState::Duplicate;
        use EntryState::Quarantined;
        use EntryState::Refused;
        use EntryState::Waiting;
        let plain = |state, reason| Ok((Verdict::of(state, reason), None));
        if entry.min_reader > entry::ENTRY_VERSION {
            return plain(Waiting, Some(reason::NEWER_PROGRAM));
        }
        let Some(body) = entry.body.as_deref() else {
            let is_change = entry.kind == EntryKind::CHANGE;
            return if is_change { plain(Waiting, Some(reason::BODY_ERASED)) } else { plain(Applied, None) };
        };
        if body.len() > ENTRY_BODY_BYTES_MAX {
            return plain(Refused, Some(reason::BODY_SIZE));
        }
        if entry.kind != EntryKind::CHANGE {
            if entry::body_hash(body) != entry.hash {
                return plain(Refused, Some(reason::BODY_HASH));
            }
            if entry.doc != DocId::NONE {
                return plain(Quarantined, Some(reason::STRAY_DOCUMENT));
            }
            if entry.kind == EntryKind::BOOT {
                let names = meta::from_cbor::<BootBody>(body).ok().map(|body| body.machine);
                return match (names, log.machine) {
                    (None, _) => plain(Refused, Some(reason::UNDECODABLE)),
                    (Some(named), Some(machine)) if named != machine => {
                        plain(Quarantined, Some(reason::OTHER_MACHINE))
                    }
                    (Some(_), _) => plain(Applied, None),
                };
            }
            return plain(Applied, None);
        }
        if entry.doc == DocId::NONE {
            return plain(Refused, Some(reason::NO_DOCUMENT));
        }
        if self.is_reissued(entry, log.machine)? {
            return plain(EntryState::Superseded, Some(reason::REISSUED));
        }
        if self.has_change(entry.doc, entry.hash)? {
            return plain(Duplicate, None);
        }
        if self.env.trying.is_deadly(entry.hash) {
            return plain(Quarantined, Some(reason::ENDS_PROGRAM));
        }
        let step = match self.env.trying.during(entry.doc, entry.hash, || admit(body, entry.log)) {
            Ok(step) => step,
            Err(AdmitError::Newer) => return plain(Waiting, Some(reason::NEWER_PROGRAM)),
            Err(AdmitError::Structure(_)) => return plain(Refused, Some(reason::STRUCTURE)),
            Err(AdmitError::Document(DocumentError::Panicked(_))) => {
                return plain(Quarantined, Some(reason::LIBRARY_FAILED));
            }
            Err(AdmitError::Document(DocumentError::Malformed(_) | DocumentError::MissingDependency)) => {
                return plain(Refused, Some(reason::UNDECODABLE));
            }
        };
        if step.info.hash != entry.hash {
            return plain(Refused, Some(reason::BODY_HASH));
        }
        if let Origin::Node { machine, .. } = origin
            && step.info.deps.is_empty()
            && !entry.doc.may_be_begun_by(*machine)
        {
            return plain(Refused, Some(reason::OTHER_BEGINS));
        }
        if let Some(objection) = self.objection(entry.doc, &step, origin)? {
            // What it builds on is noted for the day it is released.
            return Ok((Verdict::of(Quarantined, Some(objection)), Some(step)));
        }
        if self.is_document_forked(entry.doc)? {
            return Ok((Verdict::of(Waiting, Some(reason::FORKED)), Some(step)));
        }
        Ok((Verdict { state: Waiting, reason: None, deps: step.info.deps.clone() }, Some(step)))
    }

    /// Why a change may not take effect without a person's decision, if it may not. What the feed brings was decided.
    fn objection(
        &self,
        doc: DocId,
        step: &Step,
        origin: &Origin<'_>,
    ) -> Result<Option<&'static str>, StoreError> {
        let own_rights;
        let (is_banned, rights): (bool, &Rights<'_>) = match origin {
            Origin::Feed => return Ok(None),
            Origin::Node { machine, rights, .. } => (self.is_banned(*machine)?, *rights),
            // The province has kept it out of every feed: somebody may have written it with a stolen key.
            Origin::Returned => {
                own_rights = seat_rights([self.identity().seat.clone()].into(), false);
                (false, &own_rights)
            }
        };
        if is_banned {
            return Ok(Some(reason::BANNED));
        }
        if step.info.deps.is_empty() && self.has_beginning(doc)? {
            return Ok(Some(reason::SECOND_ROOT));
        }
        Ok(step.acts.iter().find_map(|act| rights(act).err()))
    }

    /// Whether a document has begun here.
    pub(crate) fn has_beginning(&self, doc: DocId) -> Result<bool, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT 1 FROM entry WHERE doc = ?1 AND kind = 1 AND applied IS NOT NULL LIMIT 1",
        )?;
        Ok(statement.exists([doc.0])?)
    }

    /// Whether the same change of the same document stands here and is not refused.
    pub(crate) fn has_change(&self, doc: DocId, hash: ChangeHash) -> Result<bool, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM entry WHERE doc = ?1 AND hash = ?2 AND kind = ?3 AND state NOT IN (4, 6, 7))",
        )?;
        Ok(statement.query_row((doc.0, hash.0, EntryKind::CHANGE.0), |row| row.get(0))?)
    }

    fn has_applied(&self, doc: DocId, hash: ChangeHash) -> Result<bool, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM entry WHERE doc = ?1 AND hash = ?2 AND applied IS NOT NULL)",
        )?;
        Ok(statement.query_row((doc.0, hash.0), |row| row.get(0))?)
    }

    /// Notes which of `deps` have not taken effect.
    pub(crate) fn note_missing(
        &mut self,
        id: i64,
        doc: DocId,
        deps: &[ChangeHash],
    ) -> Result<(), StoreError> {
        for dep in deps {
            if !self.has_applied(doc, *dep)? {
                self.execute(
                    "INSERT OR IGNORE INTO missing (doc, hash, entry) VALUES (?1, ?2, ?3)",
                    (doc.0, dep.0, id),
                )?;
            }
        }
        Ok(())
    }

    /// Applies every entry of a document whose dependencies have taken effect, and what becomes ready by it.
    pub(crate) fn settle(&mut self, doc: DocId, done: &mut Ingested) -> Result<(), StoreError> {
        let ready = self.ready(doc)?;
        if ready.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = ready.iter().map(|ready| ready.id).collect();
        let before = done.clone();
        match self.nested(|tx| tx.apply_ready(doc, ready, done))? {
            Ok(()) => return Ok(()),
            Err(StoreError::Bug(_)) => *done = before,
            Err(other) => return Err(other),
        }
        // One of them cannot be taken: each alone, so that only that one is set aside.
        for id in ids {
            let Some(one) = self.ready(doc)?.into_iter().find(|ready| ready.id == id) else { continue };
            let before = done.clone();
            match self.nested(|tx| tx.apply_ready(doc, vec![one], done))? {
                Ok(()) => {}
                Err(StoreError::Bug(_)) => {
                    *done = before;
                    self.set_state(id, EntryState::Quarantined, Some(reason::NOT_COMPUTABLE))?;
                    done.quarantined += 1;
                }
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    fn ready(&self, doc: DocId) -> Result<Vec<Ready>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT e.id, e.hash, b.codec, b.size_bytes, b.bytes FROM entry e JOIN body b ON b.entry = e.id \
             WHERE e.doc = ?1 AND e.state = 1 AND e.reason IS NULL \
             AND NOT EXISTS (SELECT 1 FROM missing m WHERE m.entry = e.id) ORDER BY e.id",
        )?;
        let mut rows = statement.query([doc.0])?;
        let mut ready = Vec::new();
        while let Some(row) = rows.next()? {
            if let Some(body) = log::body_at(row, 2)? {
                ready.push(Ready { id: row.get(0)?, hash: ChangeHash(row.get(1)?), body });
            }
        }
        Ok(ready)
    }

    fn apply_ready(&mut self, doc: DocId, ready: Vec<Ready>, done: &mut Ingested) -> Result<(), StoreError> {
        let mut document = self.document(doc)?.unwrap_or_default();
        let mut queue = VecDeque::from(ready);
        let mut applied = Vec::new();
        while let Some(next) = queue.pop_front() {
            let trying = &self.env.trying;
            let failed = if trying.is_deadly(next.hash) {
                Some((EntryState::Quarantined, reason::ENDS_PROGRAM))
            } else {
                match trying.during(doc, next.hash, || document.apply(&next.body)) {
                    Ok(_) => None,
                    Err(DocumentError::Malformed(_)) => Some((EntryState::Refused, reason::UNDECODABLE)),
                    Err(DocumentError::Panicked(_)) => {
                        Some((EntryState::Quarantined, reason::LIBRARY_FAILED))
                    }
                    Err(DocumentError::MissingDependency) => {
                        Some((EntryState::Quarantined, reason::NOT_COMPUTABLE))
                    }
                }
            };
            if let Some((state, reason)) = failed {
                self.set_state(next.id, state, Some(reason))?;
                let count =
                    if state == EntryState::Refused { &mut done.refused } else { &mut done.quarantined };
                *count += 1;
                document = self.document(doc)?.unwrap_or_default();
                continue;
            }
            self.set_state(next.id, EntryState::Applied, None)?;
            self.number_applied(next.id)?;
            applied.push(next.id);
            done.applied += 1;
            queue.extend(self.woken_by(doc, next.hash)?);
        }
        if applied.is_empty() {
            return Ok(());
        }
        let state = fold(document.history());
        self.take_effect(doc, &applied, &state)
    }

    /// Entries that waited for this change last.
    fn woken_by(&mut self, doc: DocId, hash: ChangeHash) -> Result<Vec<Ready>, StoreError> {
        let mut statement = self
            .connection()
            .prepare_cached("DELETE FROM missing WHERE doc = ?1 AND hash = ?2 RETURNING entry")?;
        let waiting: BTreeSet<i64> =
            statement.query_map((doc.0, hash.0), |row| row.get(0))?.collect::<Result<_, _>>()?;
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        let mut ready = self.ready(doc)?;
        ready.retain(|ready| waiting.contains(&ready.id));
        Ok(ready)
    }

    pub(crate) fn set_state(
        &mut self,
        id: i64,
        state: EntryState,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        self.execute("UPDATE entry SET state = ?2, reason = ?3 WHERE id = ?1", (id, state.code(), reason))?;
        Ok(())
    }

    /// Gives an entry its place among those that took effect.
    pub(crate) fn number_applied(&mut self, id: i64) -> Result<(), StoreError> {
        self.execute(
            "UPDATE entry SET applied = (SELECT coalesce(max(applied), 0) + 1 FROM entry) WHERE id = ?1",
            [id],
        )?;
        Ok(())
    }

    /// An entry outside any document took effect: it goes into its own seat's feed.
    pub(crate) fn entry_took_effect(&mut self, id: i64, seat: Option<&AgencyCode>) -> Result<(), StoreError> {
        self.number_applied(id)?;
        match seat {
            Some(seat) => self.add_to_feed_of(seat, &[id]),
            None => Ok(()),
        }
    }

    /// Changes of a document took effect: its rows and the feeds that carry it.
    pub(crate) fn take_effect(
        &mut self,
        doc: DocId,
        entries: &[i64],
        state: &State,
    ) -> Result<(), StoreError> {
        self.project(doc, state)?;
        self.add_to_feeds(doc, entries, &state.process.parties)?;
        self.memory.growth.dossiers = true;
        Ok(())
    }

    /// An entry of this machine's identity that this database did not write: an older state was put back here, or
    /// another copy is at work.
    fn saw_own_entry(&mut self, entry: &Entry, step: Option<&Step>) -> Result<(), StoreError> {
        let written_at = match step {
            Some(step) => Some(step.info.at),
            None => entry
                .body
                .as_deref()
                .and_then(|body| meta::from_cbor::<BootBody>(body).ok())
                .map(|body| body.at),
        };
        if let Some(written_at) = written_at {
            // What was written before the witness showed this database to be old is its own lost past. Without a
            // witness nothing tells a restored directory from a copied one, so a person is told. Clocks may lie; this
            // only chooses the words.
            let excuses = [conditions::ROLLED_BACK, conditions::WORK_LOST, conditions::RESTORED];
            let is_past = self
                .conditions()?
                .iter()
                .any(|condition| excuses.contains(&condition.code.as_str()) && written_at <= condition.since);
            if !is_past {
                let args = [("boot", entry.log.to_string())];
                self.set_condition(conditions::OTHER_COPY, "", &args)?;
            }
        }
        for act in step.map(|step| step.acts.as_slice()).unwrap_or_default() {
            if let Body::Receive(receive) = &act.body {
                let is_taken =
                    projection::number_is_elsewhere(self.connection(), &receive.number, entry.doc)?;
                self.saw_own_number(&receive.number, is_taken)?;
            }
        }
        Ok(())
    }
}

/// An entry that stands at a position already.
struct Existing {
    id: i64,
    link: sync_protocol::ids::Hash,
    state: EntryState,
    reason: Option<String>,
    has_body: bool,
}

/// A document that the library cannot open; never says what stands in it.
pub(crate) fn library(error: &DocumentError) -> StoreError {
    StoreError::Bug(match error {
        DocumentError::Malformed(_) => "a document holds an unreadable change".to_owned(),
        DocumentError::MissingDependency => "a document lacks a change".to_owned(),
        DocumentError::Panicked(_) => "the document library failed on a document".to_owned(),
    })
}
