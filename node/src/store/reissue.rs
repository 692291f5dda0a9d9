//! Own work written again under a new boot: after a log turned out to have two histories, and after the province
//! refused a change on which later ones build.
//!
//! Automerge never takes two changes of one actor with one number, so nothing is put back: the losing changes leave
//! their documents, keep their bytes, and their acts become new changes whose causal past is what the old ones had.
//! An entry of kind 6 says which new change stands for which old one. Everything happens in the commit that completes
//! what must be known for it, so a crash leaves the state before or the state after.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use minicbor::Decode;
use minicbor::Encode;
use rusqlite::OptionalExtension;
use sync_protocol::entry;
use sync_protocol::entry::Entry;
use sync_protocol::entry::EntryKind;
use sync_protocol::entry::Lsn;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;

use crate::dossier::act::ActId;
use crate::dossier::admit::admit;
use crate::dossier::document;
use crate::dossier::document::AuthorError;
use crate::dossier::document::Document;
use crate::dossier::document::Step;
use crate::dossier::document::Writing;
use crate::dossier::fold::fold;
use crate::store::StoreError;
use crate::store::apply::Ingested;
use crate::store::apply::library;
use crate::store::apply::reason;
use crate::store::conditions;
use crate::store::log;
use crate::store::log::EntryState;
use crate::store::meta;
use crate::store::open::Role;
use crate::store::sql;
use crate::store::view::View;
use crate::store::writer::WriteTx;

/// The form of a reissue entry's body that this program writes.
pub const REISSUE_BODY_VERSION: u16 = 1;
/// Changes one reissue entry names at most: about 130 bytes each, well within a body.
const NAMED_MAX: usize = 1000;

/// Why own work was written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReissueCause {
    /// Its log has two histories, and the province has the other.
    Forked,
    /// The province refused a change.
    Refused,
}

impl ReissueCause {
    const fn code(self) -> u8 {
        match self {
            Self::Forked => 1,
            Self::Refused => 2,
        }
    }
}

/// The body of an entry of kind 6.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReissueBody {
    /// The form's version.
    #[n(0)]
    pub version: u16,
    /// Why: 1 the log forked, 2 a change was refused.
    #[n(1)]
    pub cause: u8,
    /// What was written again or given up, in causal order.
    #[n(2)]
    pub changes: Vec<Reissued>,
}

/// One change that never takes effect, and what stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Reissued {
    /// Its document.
    #[n(0)]
    pub doc: DocId,
    /// The log it stood in.
    #[n(1)]
    pub log: BootId,
    /// Its position there.
    #[n(2)]
    pub lsn: Lsn,
    /// Its hash.
    #[n(3)]
    pub old: ChangeHash,
    /// The change with its acts; none when it was given up.
    #[n(4)]
    pub new: Option<ChangeHash>,
}

/// A log whose losing part is kept aside and not yet written again.
struct OpenFork {
    alias: i64,
    log: i64,
    boot: BootId,
    after_lsn: Lsn,
    there_lsn: Lsn,
}

/// A change that must leave its document.
struct Losing {
    id: i64,
    log: BootId,
    lsn: Lsn,
    is_own: bool,
    hash: ChangeHash,
    step: Step,
}

/// A change that stays, with what it builds on.
struct Kept {
    body: Vec<u8>,
    deps: Vec<ChangeHash>,
}

impl View<'_> {
    /// Whether a log of this machine is known to have two histories and its losing part is not yet written again.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn has_open_fork(&self) -> Result<bool, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT 1 FROM log_fork WHERE ended_at IS NULL LIMIT 1")?;
        Ok(statement.exists([])?)
    }

    /// Whether own entries are kept out here: the province has kept them out, and they came back from there.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn has_own_quarantined(&self) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT 1 FROM entry e JOIN log l ON l.id = e.log WHERE e.state = 5 AND l.is_own = 1 LIMIT 1",
        )?;
        Ok(statement.exists([])?)
    }

    /// Own logs that this machine began since it was told of its forks: whoever states one of them knew of all that the
    /// province had when it told. Empty when no fork is open.
    fn begun_since_forks(&self) -> Result<Vec<BootId>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT boot FROM log WHERE is_own = 1 AND is_written_here = 1 \
             AND id > (SELECT max(alias) FROM log_fork WHERE ended_at IS NULL)",
        )?;
        let boots = statement.query_map([], |row| row.get(0).map(BootId))?.collect::<Result<_, _>>()?;
        Ok(boots)
    }

    /// Whether own changes wait for one that was written again or given up: they came back only after that.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn has_stranded(&self) -> Result<bool, StoreError> {
        Ok(!self.stranded_docs()?.is_empty())
    }

    fn stranded_docs(&self) -> Result<Vec<DocId>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT e.doc FROM missing m JOIN entry e ON e.id = m.entry JOIN log l ON l.id = e.log \
             JOIN reissue r ON r.old_hash = m.hash AND r.doc = m.doc \
             WHERE e.state = 1 AND e.reason IS NULL AND l.is_own = 1 \
             AND (r.machine = l.machine OR r.new_hash IS NULL OR EXISTS (SELECT 1 FROM entry n \
               WHERE n.doc = r.doc AND n.hash = r.new_hash AND n.applied IS NOT NULL)) \
             AND NOT EXISTS (SELECT 1 FROM feed_row f WHERE f.entry = e.id)",
        )?;
        let docs = statement.query_map([], |row| row.get(0).map(DocId))?.collect::<Result<_, _>>()?;
        Ok(docs)
    }

    /// Own changes of a document that wait for ones which their machine wrote again or gave up, and these, each after what
    /// it builds on. What waits for anything else is left out, and what the feed brought: it counts at the province.
    fn stranded(&self, doc: DocId) -> Result<Vec<Losing>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT e.id, e.lsn, e.hash, coalesce(o.boot, l.boot), e.state = 1, b.codec, b.size_bytes, b.bytes \
             FROM entry e JOIN log l ON l.id = e.log JOIN body b ON b.entry = e.id \
             LEFT JOIN log_fork a ON a.alias = l.id LEFT JOIN log o ON o.id = a.log \
             WHERE e.doc = ?1 AND e.kind = ?2 AND (l.is_own = 1 AND e.state = 1 AND e.reason IS NULL \
             AND NOT EXISTS (SELECT 1 FROM feed_row f WHERE f.entry = e.id) \
             OR EXISTS (SELECT 1 FROM reissue r WHERE r.old_hash = e.hash \
               AND r.old_log = coalesce(o.boot, l.boot) AND r.old_lsn = e.lsn)) \
             ORDER BY e.id",
        )?;
        let mut rows = statement.query((doc.0, EntryKind::CHANGE.0))?;
        let mut left: Vec<(Losing, bool)> = Vec::new();
        while let Some(row) = rows.next()? {
            let (log, is_waiting) = (BootId(row.get(3)?), row.get(4)?);
            let Some(body) = log::body_at(row, 5)? else { continue };
            let Ok(step) = admit(&body, log) else { continue };
            let (id, lsn, hash) = (row.get(0)?, sql::uint_at(row, 1)?, ChangeHash(row.get(2)?));
            left.push((Losing { id, log, lsn, is_own: true, hash, step }, is_waiting));
        }
        let standing: BTreeSet<ChangeHash> = self
            .connection
            .prepare_cached("SELECT hash FROM entry WHERE doc = ?1 AND applied IS NOT NULL")?
            .query_map([doc.0], |row| row.get(0).map(ChangeHash))?
            .collect::<Result<_, _>>()?;
        let (mut placed, mut ordered, mut has_waiting) = (BTreeSet::new(), Vec::new(), false);
        loop {
            let mut later = Vec::new();
            let before = ordered.len();
            for (one, is_waiting) in left {
                let deps = &one.step.info.deps;
                let is_stranded = !is_waiting || deps.iter().any(|dep| placed.contains(dep));
                if is_stranded && deps.iter().all(|dep| placed.contains(dep) || standing.contains(dep)) {
                    placed.insert(one.hash);
                    ordered.push(one);
                    has_waiting |= is_waiting;
                } else {
                    later.push((one, is_waiting));
                }
            }
            if ordered.len() == before {
                return Ok(if has_waiting { ordered } else { Vec::new() });
            }
            left = later;
        }
    }

    /// Why the province refused what these changes stand on; `None` when that was not refused but of a forked log.
    fn why_given_up(
        &self,
        changes: &[Losing],
        whys: &BTreeMap<ChangeHash, String>,
    ) -> Result<Option<String>, StoreError> {
        let mut saying = self.connection.prepare_cached(
            "SELECT b.codec, b.size_bytes, b.bytes FROM reissue r JOIN body b ON b.entry = r.entry \
             WHERE r.old_hash = ?1 AND r.old_log = ?2 AND r.old_lsn = ?3",
        )?;
        let mut why = None;
        for change in changes {
            let mut rows = saying.query((change.hash.0, change.log.0, sql::int(change.lsn)))?;
            let Some(body) = rows.next()?.map(|row| log::body_at(row, 0)).transpose()?.flatten() else {
                continue;
            };
            let Ok(body) = meta::from_cbor::<ReissueBody>(&body) else { continue };
            if body.cause == ReissueCause::Refused.code() {
                let known = body.changes.iter().find_map(|one| whys.get(&one.old)).cloned();
                why = Some(known.or(why).unwrap_or_default());
            }
        }
        Ok(why)
    }

    /// What stands for a change that its machine wrote again, followed to the newest.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn reissued_as(&self, hash: ChangeHash) -> Result<Option<ChangeHash>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT new_hash FROM reissue WHERE old_hash = ?1 AND new_hash IS NOT NULL LIMIT 1",
        )?;
        let mut newest = None;
        let mut seen = BTreeSet::from([hash]);
        let mut at = hash;
        while let Some(new) = statement.query_row([at.0], |row| row.get(0).map(ChangeHash)).optional()? {
            if !seen.insert(new) {
                break;
            }
            newest = Some(new);
            at = new;
        }
        Ok(newest)
    }

    /// The changes for which this one stands, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn reissued_from(&self, hash: ChangeHash) -> Result<Vec<ChangeHash>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT old_hash FROM reissue WHERE new_hash = ?1 LIMIT 1")?;
        let mut formerly = Vec::new();
        let mut at = hash;
        while let Some(old) = statement.query_row([at.0], |row| row.get(0).map(ChangeHash)).optional()? {
            if formerly.contains(&old) {
                break;
            }
            formerly.push(old);
            at = old;
        }
        formerly.reverse();
        Ok(formerly)
    }

    /// How many changes were written again under another boot.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn reissued_count(&self) -> Result<u64, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT count(*) FROM reissue WHERE new_hash IS NOT NULL")?;
        Ok(statement.query_row([], |row| sql::uint_at(row, 0))?)
    }

    /// Whether a machine has said of this entry of its own that it was written again.
    pub(crate) fn is_reissued(&self, entry: &Entry, machine: Option<NodeId>) -> Result<bool, StoreError> {
        let Some(machine) = machine else { return Ok(false) };
        let mut statement = self.connection.prepare_cached(
            "SELECT 1 FROM reissue WHERE old_hash = ?1 AND old_log = ?2 AND old_lsn = ?3 AND machine = ?4",
        )?;
        Ok(statement.exists((entry.hash.0, entry.log.0, sql::int(entry.lsn), machine.0))?)
    }

    fn open_forks(&self) -> Result<Vec<OpenFork>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT f.alias, f.log, l.boot, f.after_lsn, f.there_lsn FROM log_fork f JOIN log l ON l.id = f.log \
             WHERE f.ended_at IS NULL ORDER BY f.alias",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(OpenFork {
                alias: row.get(0)?,
                log: row.get(1)?,
                boot: BootId(row.get(2)?),
                after_lsn: sql::uint_at(row, 3)?,
                there_lsn: sql::uint_at(row, 4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether changes of a losing history stand in a document: until they have left it, nothing of others enters it.
    pub(crate) fn is_document_forked(&self, doc: DocId) -> Result<bool, StoreError> {
        if !self.has_open_fork()? {
            return Ok(false);
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT 1 FROM entry e JOIN log_fork f ON f.alias = e.log AND f.ended_at IS NULL \
             WHERE e.doc = ?1 AND e.applied IS NOT NULL",
        )?;
        Ok(statement.exists([doc.0])?)
    }

    /// What another copy of this machine has said to stand for a losing change of both, followed to what stands in the
    /// document; `Some(None)` when it was given up.
    fn said_elsewhere(
        &self,
        losing: &Losing,
        standing: &BTreeMap<ChangeHash, Kept>,
    ) -> Result<Option<Option<ChangeHash>>, StoreError> {
        let new_at = |row: &rusqlite::Row<'_>| Ok(row.get::<_, Option<[u8; 32]>>(0)?.map(ChangeHash));
        let mut first = self.connection.prepare_cached(
            "SELECT new_hash FROM reissue WHERE old_hash = ?1 AND old_log = ?2 AND old_lsn = ?3",
        )?;
        let said = first.query_row((losing.hash.0, losing.log.0, sql::int(losing.lsn)), new_at).optional()?;
        let Some(Some(mut new)) = said else { return Ok(said) };
        // That copy's log may have had two histories in its turn.
        let mut next =
            self.connection.prepare_cached("SELECT new_hash FROM reissue WHERE old_hash = ?1 LIMIT 1")?;
        let mut seen = BTreeSet::from([losing.hash]);
        while !standing.contains_key(&new) && seen.insert(new) {
            match next.query_row([new.0], new_at).optional()? {
                Some(Some(newer)) => new = newer,
                Some(None) => return Ok(Some(None)),
                None => break,
            }
        }
        Ok(Some(Some(new)))
    }

    /// Splits a document's changes that took effect: `dead` ones and all that builds on them, each after what it builds
    /// on, and the rest.
    fn split(
        &self,
        doc: DocId,
        dead: &BTreeSet<i64>,
    ) -> Result<(Vec<Losing>, BTreeMap<ChangeHash, Kept>), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT e.id, e.lsn, e.hash, coalesce(o.boot, l.boot), coalesce(o.is_own, l.is_own), \
             b.codec, b.size_bytes, b.bytes FROM entry e JOIN log l ON l.id = e.log JOIN body b ON b.entry = e.id \
             LEFT JOIN log_fork f ON f.alias = l.id LEFT JOIN log o ON o.id = f.log \
             WHERE e.doc = ?1 AND e.kind = ?2 AND e.applied IS NOT NULL ORDER BY e.applied",
        )?;
        let mut rows = statement.query((doc.0, EntryKind::CHANGE.0))?;
        let mut losing: Vec<Losing> = Vec::new();
        let mut lost = BTreeSet::new();
        let mut kept = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let (id, hash, log) = (row.get::<_, i64>(0)?, ChangeHash(row.get(2)?), BootId(row.get(3)?));
            let Some(body) = log::body_at(row, 5)? else { continue };
            let info = document::inspect(&body).map_err(|error| library(&error))?;
            if dead.contains(&id) || info.deps.iter().any(|dep| lost.contains(dep)) {
                let step = admit(&body, log)
                    .map_err(|error| StoreError::Bug(format!("a change that took effect: {error}")))?;
                lost.insert(hash);
                let (lsn, is_own) = (sql::uint_at(row, 1)?, row.get(4)?);
                losing.push(Losing { id, log, lsn, is_own, hash, step });
            } else {
                kept.insert(hash, Kept { body, deps: info.deps });
            }
        }
        Ok((losing, kept))
    }
}

impl WriteTx<'_> {
    /// The province knows another history under the name of an own log, at least up to `there_lsn`. What it may not know
    /// is put aside, still in effect here, so that its own entries can come back under that name; nothing is appended to
    /// the log again. Told a second time while that is under way, it puts aside the whole log and begins the feed anew:
    /// what was held for common was not.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn note_fork(&mut self, boot: BootId, there_lsn: Lsn) -> Result<(), StoreError> {
        self.set_condition(conditions::FORKED_LOG, &boot.to_string(), &[("lsn", there_lsn.to_string())])?;
        let found: Option<(i64, Lsn, Lsn, bool)> = self
            .connection()
            .prepare_cached("SELECT id, lsn, max(acked_lsn, proved_lsn), is_own FROM log WHERE boot = ?1")?
            .query_row([boot.0], |row| {
                Ok((row.get(0)?, sql::uint_at(row, 1)?, sql::uint_at(row, 2)?, row.get(3)?))
            })
            .optional()?;
        let Some((log, lsn, safe_lsn, true)) = found else { return Ok(()) };
        if self.memory.boot.is_some_and(|own| own.boot == boot) {
            self.rotate_boot();
        }
        if let Some(open) = self.open_forks()?.into_iter().find(|open| open.log == log) {
            return self.put_all_aside(&open, there_lsn);
        }
        let after_lsn = safe_lsn.max(self.fed_lsn(boot)?).min(there_lsn.saturating_sub(1)).min(lsn);
        let alias = log::insert_log(self.connection(), BootId(self.random()?), None, None, false)?;
        let at = self.now();
        self.execute(
            "INSERT INTO log_fork (alias, log, after_lsn, there_lsn, noticed_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            (alias, log, sql::int(after_lsn), sql::int(there_lsn), at.0),
        )?;
        self.put_aside(log, boot, alias, after_lsn)?;
        tracing::warn!(log = %boot, after = after_lsn, "a log of this machine has two histories");
        Ok(())
    }

    /// At a node: the feed brings another history of a log of another machine than an earlier feed did. The province was
    /// put back since, and lost a branch. What the present feed has not brought of the log leaves its documents and keeps
    /// its bytes; own changes that build on it wait, as they do at the province, until its machine says what stands for it.
    ///
    /// # Errors
    /// Only when the store fails.
    pub(crate) fn note_others_fork(&mut self, boot: BootId) -> Result<(), StoreError> {
        let log: i64 = self
            .connection()
            .prepare_cached("SELECT id FROM log WHERE boot = ?1")?
            .query_row([boot.0], |row| row.get(0))?;
        let lost: Vec<(i64, DocId)> = self
            .connection()
            .prepare_cached(
                "SELECT e.id, e.doc FROM entry e WHERE e.log = ?1 \
                 AND NOT EXISTS (SELECT 1 FROM feed_row r WHERE r.entry = e.id) ORDER BY e.lsn",
            )?
            .query_map([log], |row| Ok((row.get(0)?, DocId(row.get(1)?))))?
            .collect::<Result<_, _>>()?;
        let mut docs: BTreeMap<DocId, BTreeSet<i64>> = BTreeMap::new();
        for (id, doc) in &lost {
            docs.entry(*doc).or_default().insert(*id);
        }
        self.leave_documents(docs)?;
        let alias = log::insert_log(self.connection(), BootId(self.random()?), None, None, false)?;
        let at = self.now();
        self.execute(
            "INSERT INTO log_fork (alias, log, after_lsn, there_lsn, noticed_at, ended_at) VALUES (?1, ?2, 0, 0, ?3, ?3)",
            (alias, log, at.0),
        )?;
        for (id, _) in &lost {
            self.set_state(*id, EntryState::Superseded, Some(reason::REISSUED))?;
            self.execute("DELETE FROM missing WHERE entry = ?1", [id])?;
            self.execute("UPDATE entry SET log = ?2, applied = NULL WHERE id = ?1", (id, alias))?;
        }
        self.execute(
            "UPDATE log SET lsn = coalesce((SELECT max(lsn) FROM entry WHERE log = ?1), 0) WHERE id = ?1",
            [alias],
        )?;
        self.execute("UPDATE log SET lsn = 0, chain = ?2 WHERE id = ?1", (log, entry::chain_start(boot).0))?;
        self.advance_log(log)?;
        self.set_condition(conditions::OTHERS_FORKED, &boot.to_string(), &[])?;
        tracing::warn!(log = %boot, entries = lost.len(), "a log of another machine has another history at the province");
        Ok(())
    }

    /// Takes changes of other machines, and all that builds on them, out of their documents; they wait there.
    fn leave_documents(&mut self, docs: BTreeMap<DocId, BTreeSet<i64>>) -> Result<(), StoreError> {
        for (doc, dead) in docs {
            let (losing, _) = self.split(doc, &dead)?;
            if losing.iter().any(|one| one.is_own) {
                // Its next change in the document must not take the place of one that has left.
                self.rotate_boot();
            }
            for one in &losing {
                self.set_state(one.id, EntryState::Waiting, None)?;
                self.execute("UPDATE entry SET applied = NULL WHERE id = ?1", [one.id])?;
            }
            for one in &losing {
                self.note_missing(one.id, doc, &one.step.info.deps)?;
            }
            if !losing.is_empty() {
                self.project_whole(doc)?;
            }
        }
        Ok(())
    }

    fn put_aside(&mut self, log: i64, boot: BootId, alias: i64, after_lsn: Lsn) -> Result<(), StoreError> {
        let chain = self
            .chain_at(boot, after_lsn)?
            .ok_or_else(|| StoreError::Corrupt { what: format!("log {boot} has a gap") })?;
        self.execute(
            "UPDATE log SET lsn = max(lsn, coalesce((SELECT max(lsn) FROM entry WHERE log = ?2), 0)) WHERE id = ?1",
            (alias, log),
        )?;
        self.execute(
            "UPDATE entry SET log = ?1 WHERE log = ?2 AND lsn > ?3",
            (alias, log, sql::int(after_lsn)),
        )?;
        self.execute(
            "UPDATE log SET lsn = ?2, chain = ?3, acked_lsn = min(acked_lsn, ?2), \
             proved_lsn = min(proved_lsn, ?2) WHERE id = ?1",
            (log, sql::int(after_lsn), chain.0),
        )?;
        Ok(())
    }

    /// Not even the part that both sides were held to share is shared, as after a restore of the province: all of the
    /// log is compared anew, entry by entry, with what the feed brings.
    fn put_all_aside(&mut self, open: &OpenFork, there_lsn: Lsn) -> Result<(), StoreError> {
        if open.after_lsn == 0 {
            return Ok(());
        }
        self.execute(
            "UPDATE log_fork SET after_lsn = 0, there_lsn = ?2 WHERE alias = ?1",
            (open.alias, sql::int(there_lsn)),
        )?;
        // What came since then is the other history; only what was held for common goes aside.
        self.execute(
            "UPDATE entry SET log = ?1 WHERE log = ?2 AND lsn <= ?3",
            (open.alias, open.log, sql::int(open.after_lsn)),
        )?;
        self.execute(
            "UPDATE log SET lsn = 0, chain = ?2, acked_lsn = 0, proved_lsn = 0 WHERE id = ?1",
            (open.log, entry::chain_start(open.boot).0),
        )?;
        self.execute("DELETE FROM proof_cover WHERE log = ?1", [open.log])?;
        self.restart_feed()
    }

    /// An entry that both histories share comes back to its place in the log; whether this is one.
    pub(crate) fn comes_back(&mut self, log: i64, entry: &Entry) -> Result<bool, StoreError> {
        let found: Option<(i64, Hash)> = self
            .connection()
            .prepare_cached(
                "SELECT e.id, e.kind, e.doc, e.hash FROM log_fork f JOIN entry e ON e.log = f.alias \
                 WHERE f.log = ?1 AND f.ended_at IS NULL AND e.lsn = ?2",
            )?
            .query_row((log, sql::int(entry.lsn)), |row| {
                let link = entry::link(EntryKind(row.get(1)?), DocId(row.get(2)?), ChangeHash(row.get(3)?));
                Ok((row.get(0)?, link))
            })
            .optional()?;
        let Some((id, _)) = found.filter(|(_, link)| *link == entry.link()) else { return Ok(false) };
        self.execute("UPDATE entry SET log = ?2 WHERE id = ?1", (id, log))?;
        Ok(true)
    }

    /// Writes again what was put aside of every log, when all is here that the province had as it told of the fork; or,
    /// `is_even`, when it holds no more than is here: it may have been put back since. For when the feed is read to its
    /// end: another copy may have written the same again, and has said so there.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn settle_forks(&mut self, is_even: bool) -> Result<(), StoreError> {
        let open = self.open_forks()?;
        for fork in &open {
            // One after the other would not do: a document may hold changes of several.
            if !is_even && log::head_lsn(self.connection(), fork.boot)? < fork.there_lsn {
                return Ok(());
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        match self.nested(|tx| tx.end_forks(&open))? {
            Err(StoreError::Bug(what)) => {
                // It stays aside, in effect and told, and is tried again; nothing else waits for it.
                tracing::error!(what, "a forked log could not be written again");
                Ok(())
            }
            other => other,
        }
    }

    /// The same when an answer by stick states these logs and the machine holds them. It may have been on the way since
    /// before the province told of a fork, and so not know what the province has: only one that states a log which was
    /// begun since shows that it has no more. There is such a log after this.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn settle_forks_by_stick(&mut self, stated: &[(BootId, Lsn)]) -> Result<(), StoreError> {
        let since = self.begun_since_forks()?;
        self.settle_forks(stated.iter().any(|(boot, _)| since.contains(boot)))?;
        if since.is_empty() && self.has_open_fork()? {
            self.rotate_boot();
            self.ensure_boot()?;
        }
        Ok(())
    }

    fn end_forks(&mut self, open: &[OpenFork]) -> Result<(), StoreError> {
        let mut dead: BTreeMap<DocId, BTreeSet<i64>> = BTreeMap::new();
        let mut others = Vec::new();
        for fork in open {
            let mut statement = self.connection().prepare_cached(
                "SELECT id, kind, doc, applied IS NOT NULL FROM entry WHERE log = ?1 ORDER BY lsn",
            )?;
            let mut rows = statement.query([fork.alias])?;
            while let Some(row) = rows.next()? {
                let (id, kind, doc) = (row.get(0)?, EntryKind(row.get(1)?), DocId(row.get(2)?));
                if kind != EntryKind::CHANGE {
                    others.push((id, kind));
                } else if row.get(3)? {
                    dead.entry(doc).or_default().insert(id);
                }
            }
        }
        // Under a boot that has written nothing into any of these documents.
        self.rotate_boot();
        let mut done = Ingested::default();
        let mut changes = Vec::new();
        for (doc, dead) in &dead {
            changes.extend(self.write_document_again(*doc, dead, &BTreeSet::new(), &mut done)?);
        }
        for (id, kind) in others {
            if kind != EntryKind::BOOT
                && let Some(body) = self.body_of(id)?
            {
                self.append_entry(kind, &body)?;
            }
        }
        let at = self.now();
        for fork in open {
            self.execute(
                "UPDATE entry SET state = ?2, reason = ?3, applied = NULL WHERE log = ?1",
                (fork.alias, EntryState::Superseded.code(), reason::REISSUED),
            )?;
            self.execute("UPDATE log_fork SET ended_at = ?2 WHERE alias = ?1", (fork.alias, at.0))?;
            if fork.there_lsn == 0 {
                // Under this name the province takes nothing: no log of this machine bears it any more.
                self.execute("UPDATE log SET is_own = 0 WHERE id = ?1 AND lsn = 0", [fork.log])?;
            }
        }
        // Also where all that was put aside has come back as the province's own.
        let waiting: Vec<DocId> = self
            .connection()
            .prepare_cached("SELECT DISTINCT doc FROM entry WHERE state = 1 AND reason = ?1")?
            .query_map([reason::FORKED], |row| row.get(0).map(DocId))?
            .collect::<Result<_, _>>()?;
        for doc in waiting {
            self.release_forked(doc, &mut done)?;
        }
        self.say_reissued(ReissueCause::Forked, &changes)?;
        let dossiers = changes.iter().map(|change| change.doc).collect::<BTreeSet<_>>().len();
        let args = [("count", changes.len().to_string()), ("dossiers", dossiers.to_string())];
        for fork in open {
            self.clear_condition(conditions::FORKED_LOG, &fork.boot.to_string())?;
            self.set_condition(conditions::LOG_REISSUED, &fork.boot.to_string(), &args)?;
        }
        self.audit_row("log-reissue", None, None)
    }

    /// Takes `dead` changes and all that builds on them out of a document, lets what waited for that take effect, and
    /// writes the acts again but for those of `given_up`. A document with which that fails keeps its bytes, and a person
    /// is told; the others go on.
    fn write_document_again(
        &mut self,
        doc: DocId,
        dead: &BTreeSet<i64>,
        given_up: &BTreeSet<i64>,
        done: &mut Ingested,
    ) -> Result<Vec<Reissued>, StoreError> {
        let before = done.clone();
        let written = self.nested(|tx| {
            let (losing, _) = tx.take_out(doc, dead, given_up, done)?;
            tx.write_again(doc, losing, given_up)
        })?;
        match written {
            Ok(changes) => Ok(changes),
            Err(StoreError::Bug(what)) => {
                *done = before;
                tracing::error!(document = %doc, what, "a dossier could not be written again");
                let (losing, _) = self.take_out(doc, dead, given_up, done)?;
                self.project_whole(doc)?;
                self.tell_reissue_failed(doc)?;
                Ok(losing.iter().filter(|one| one.is_own).map(|one| one.became(doc, None)).collect())
            }
            Err(other) => Err(other),
        }
    }

    fn take_out(
        &mut self,
        doc: DocId,
        dead: &BTreeSet<i64>,
        given_up: &BTreeSet<i64>,
        done: &mut Ingested,
    ) -> Result<(Vec<Losing>, BTreeMap<ChangeHash, Kept>), StoreError> {
        let (losing, kept) = self.split(doc, dead)?;
        for one in &losing {
            let (state, reason) = if given_up.contains(&one.id) {
                (EntryState::Refused, Some(reason::DECIDED))
            } else if one.is_own {
                (EntryState::Superseded, Some(reason::REISSUED))
            } else {
                // Another machine's work waits for what it builds on, as it does at the province.
                (EntryState::Waiting, None)
            };
            self.set_state(one.id, state, reason)?;
            self.execute("UPDATE entry SET applied = NULL WHERE id = ?1", [one.id])?;
            if state == EntryState::Waiting {
                self.note_missing(one.id, doc, &one.step.info.deps)?;
            }
        }
        self.project_whole(doc)?;
        self.release_forked(doc, done)?;
        Ok((losing, kept))
    }

    /// Changes of others wait no longer for a losing history to leave a document, once it has.
    fn release_forked(&mut self, doc: DocId, done: &mut Ingested) -> Result<(), StoreError> {
        if self.is_document_forked(doc)? {
            return Ok(());
        }
        let waiting: Vec<i64> = self
            .connection()
            .prepare_cached("SELECT id FROM entry WHERE doc = ?1 AND state = 1 AND reason = ?2 ORDER BY id")?
            .query_map((doc.0, reason::FORKED), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in &waiting {
            self.set_state(*id, EntryState::Waiting, None)?;
            self.note_dependencies(*id, doc)?;
        }
        if waiting.is_empty() { Ok(()) } else { self.settle(doc, done) }
    }

    /// Writes the acts of `losing` again, each change with the past it had. This process's boot must be new to the
    /// document.
    fn write_again(
        &mut self,
        doc: DocId,
        losing: Vec<Losing>,
        given_up: &BTreeSet<i64>,
    ) -> Result<Vec<Reissued>, StoreError> {
        let (_, mut standing) = self.split(doc, &BTreeSet::new())?;
        let mut whole = self.document(doc)?.unwrap_or_default();
        // What stands for a losing change in the past of a later one: the new change, or what it built on itself.
        let mut stands_for: BTreeMap<ChangeHash, BTreeSet<ChangeHash>> = BTreeMap::new();
        let mut names = Names::default();
        let mut last: Option<ChangeHash> = None;
        let (mut changes, mut ids) = (Vec::new(), Vec::new());
        for one in losing.into_iter().filter(|one| one.is_own) {
            let deps: BTreeSet<ChangeHash> = one
                .step
                .info
                .deps
                .iter()
                .flat_map(|dep| stands_for.get(dep).cloned().unwrap_or_else(|| [*dep].into()))
                .collect();
            if let Some(said) = self.said_elsewhere(&one, &standing)? {
                // Another copy of this machine had it too and was first: its change stands for both.
                match said {
                    Some(new) => {
                        names.changes.insert(one.hash, new);
                        let is_here = standing.contains_key(&new);
                        stands_for.insert(one.hash, if is_here { [new].into() } else { deps });
                    }
                    None => {
                        names.lose(&one);
                        stands_for.insert(one.hash, deps);
                    }
                }
                continue;
            }
            let has_lost_its_beginning = deps.is_empty() && !one.step.info.deps.is_empty();
            if given_up.contains(&one.id) || has_lost_its_beginning || names.are_lost_in(&one.step) {
                names.lose(&one);
                stands_for.insert(one.hash, deps);
                changes.push(one.became(doc, None));
                continue;
            }
            let past = past_of(&deps, &standing)?;
            if last.is_some_and(|last| !past.contains(&last)) {
                // Done apart from what this boot wrote here already.
                self.rotate_boot();
            }
            let bodies = past.iter().filter_map(|hash| standing.get(hash));
            let mut base =
                Document::load(bodies.map(|kept| kept.body.as_slice())).map_err(|error| library(&error))?;
            let writing = names.writing(&one, &base);
            let boot = self.ensure_boot()?;
            let change = base.author(boot, one.step.info.at, &writing).map_err(|error| match error {
                AuthorError::TooLarge => StoreError::Bug("a change that fitted before".to_owned()),
                AuthorError::Document(error) => library(&error),
            })?;
            admit(&change.bytes, boot).map_err(|error| StoreError::Bug(format!("own change: {error}")))?;
            whole.apply(&change.bytes).map_err(|error| library(&error))?;
            let id = self.append(EntryKind::CHANGE, doc, change.hash, &change.bytes, EntryState::Applied)?;
            self.number_applied(id)?;
            ids.push(id);
            names.gain(&one, change.hash, &base);
            stands_for.insert(one.hash, [change.hash].into());
            changes.push(one.became(doc, Some(change.hash)));
            let deps = deps.into_iter().collect();
            standing.insert(change.hash, Kept { body: change.bytes, deps });
            last = Some(change.hash);
        }
        if !ids.is_empty() {
            let state = fold(whole.history());
            self.take_effect(doc, &ids, &state)?;
        }
        Ok(changes)
    }

    /// A document's rows from what stands in it; none when nothing does.
    fn project_whole(&mut self, doc: DocId) -> Result<(), StoreError> {
        self.memory.growth.dossiers = true;
        match self.document(doc)? {
            Some(document) => {
                let state = fold(document.history());
                self.project(doc, &state)
            }
            None => {
                self.execute("DELETE FROM dossier WHERE doc = ?1", [doc.0])?;
                self.execute("DELETE FROM party WHERE doc = ?1", [doc.0])?;
                Ok(())
            }
        }
    }

    /// Says to the province and to every copy of this machine what stands for what.
    fn say_reissued(&mut self, cause: ReissueCause, changes: &[Reissued]) -> Result<(), StoreError> {
        let machine = self.identity().machine;
        for some in changes.chunks(NAMED_MAX) {
            let body =
                ReissueBody { version: REISSUE_BODY_VERSION, cause: cause.code(), changes: some.to_vec() };
            let bytes = meta::to_cbor(&body);
            self.append_entry(EntryKind::REISSUE, &bytes)?;
            let row: i64 = self
                .connection()
                .prepare_cached("SELECT max(id) FROM entry WHERE kind = ?1")?
                .query_row([EntryKind::REISSUE.0], |row| row.get(0))?;
            self.note_reissued(row, machine, &bytes)?;
        }
        Ok(())
    }

    /// A machine wrote own changes again: the old ones wait for nothing any more, here or when they come.
    pub(crate) fn note_reissued(
        &mut self,
        entry: i64,
        machine: NodeId,
        body: &[u8],
    ) -> Result<(), StoreError> {
        let Ok(body) = meta::from_cbor::<ReissueBody>(body) else { return Ok(()) };
        let is_province = self.identity().role == Role::Province;
        if is_province {
            self.pass_reissue_on(entry, machine, &body)?;
        } else {
            self.leave_reissued(&body)?;
        }
        let mut logs: BTreeMap<BootId, (u64, BTreeSet<DocId>)> = BTreeMap::new();
        for change in &body.changes {
            self.execute(
                "INSERT OR IGNORE INTO reissue (old_hash, old_log, old_lsn, machine, doc, new_hash, entry) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (
                    change.old.0,
                    change.log.0,
                    sql::int(change.lsn),
                    machine.0,
                    change.doc.0,
                    change.new.map(|new| new.0),
                    entry,
                ),
            )?;
            let waiting: Option<i64> = self
                .connection()
                .prepare_cached(
                    "SELECT e.id FROM entry e JOIN log l ON l.id = e.log WHERE l.boot = ?1 \
                     AND (l.machine = ?2 OR (?6 AND l.is_own = 0)) \
                     AND e.lsn = ?3 AND e.hash = ?4 AND e.kind = ?5 AND e.state IN (1, 5, 6)",
                )?
                .query_row(
                    (
                        change.log.0,
                        machine.0,
                        sql::int(change.lsn),
                        change.old.0,
                        EntryKind::CHANGE.0,
                        !is_province,
                    ),
                    |row| row.get(0),
                )
                .optional()?;
            if let Some(id) = waiting {
                // One that was refused and that its machine has given up is dealt with on both sides.
                self.execute(
                    "UPDATE entry SET state = ?2, reason = iif(state = 6, reason, ?3) WHERE id = ?1",
                    (id, EntryState::Superseded.code(), reason::REISSUED),
                )?;
                self.execute("DELETE FROM missing WHERE entry = ?1", [id])?;
            }
            let (count, docs) = logs.entry(change.log).or_default();
            *count += 1;
            docs.insert(change.doc);
        }
        if is_province && body.cause == ReissueCause::Forked.code() {
            let seat = self.machine(machine)?.map(|machine| machine.seat.to_string()).unwrap_or_default();
            for (log, (count, docs)) in logs {
                // The part that forked; what was built on it in later logs belongs to the same story.
                if conditions::stands(self.connection(), conditions::FORKED_LOG, &log.to_string())? {
                    self.clear_condition(conditions::FORKED_LOG, &log.to_string())?;
                    let args = [
                        ("count", count.to_string()),
                        ("dossiers", docs.len().to_string()),
                        ("seat", seat.clone()),
                    ];
                    self.set_condition(conditions::LOG_REISSUED, &log.to_string(), &args)?;
                }
            }
        }
        Ok(())
    }

    /// At the province: every party of the dossiers hears of it. Before a restore of the province it may have received
    /// what is written again now, and built on it. Only of what is the machine's own.
    fn pass_reissue_on(&mut self, entry: i64, machine: NodeId, body: &ReissueBody) -> Result<(), StoreError> {
        for change in &body.changes {
            let owner = self.log_head(change.log)?.and_then(|log| log.machine);
            if owner != Some(machine) && !change.log.is_of(machine) {
                return Ok(());
            }
        }
        for doc in body.changes.iter().map(|change| change.doc).collect::<BTreeSet<_>>() {
            self.add_to_feeds(doc, &[entry], &BTreeSet::new())?;
        }
        Ok(())
    }

    /// At a node: changes of another machine that it has written again or given up leave their documents, where the
    /// present feed does not hold them: the province was put back since they came.
    fn leave_reissued(&mut self, body: &ReissueBody) -> Result<(), StoreError> {
        let mut docs: BTreeMap<DocId, BTreeSet<i64>> = BTreeMap::new();
        for change in &body.changes {
            let found: Option<i64> = self
                .connection()
                .prepare_cached(
                    "SELECT e.id FROM entry e JOIN log l ON l.id = e.log WHERE l.boot = ?1 AND l.is_own = 0 \
                     AND e.lsn = ?2 AND e.hash = ?3 AND e.kind = ?4 AND e.applied IS NOT NULL \
                     AND NOT EXISTS (SELECT 1 FROM feed_row r WHERE r.entry = e.id)",
                )?
                .query_row((change.log.0, sql::int(change.lsn), change.old.0, EntryKind::CHANGE.0), |row| {
                    row.get(0)
                })
                .optional()?;
            if let Some(id) = found {
                docs.entry(change.doc).or_default().insert(id);
            }
        }
        self.leave_documents(docs)
    }

    /// Lets an own change take effect that came back only after a disk was put back, with all that waits for it: what was
    /// done on top of it is then written again as it would have been without the accident. Whether it did.
    fn bring_in(&mut self, id: i64, doc: DocId) -> Result<bool, StoreError> {
        let is_kept_for_rights = self
            .connection()
            .prepare_cached("SELECT 1 FROM entry WHERE id = ?1 AND state = 5 AND reason IN (?2, ?3)")?
            .exists((id, reason::OTHER_SEAT, reason::PROVINCE_ONLY))?;
        if !is_kept_for_rights {
            return Ok(false);
        }
        self.set_state(id, EntryState::Waiting, None)?;
        self.note_dependencies(id, doc)?;
        self.settle(doc, &mut Ingested::default())?;
        let mut statement =
            self.connection().prepare_cached("SELECT 1 FROM entry WHERE id = ?1 AND applied IS NOT NULL")?;
        Ok(statement.exists([id])?)
    }

    /// The province keeps entries of this machine out for good. They leave their documents; what was done later on the same
    /// dossiers is written again without them, and a person is told. Those that are not here change nothing.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn take_refusal(
        &mut self,
        entries: &[(BootId, Lsn, ChangeHash)],
        why: &str,
    ) -> Result<(), StoreError> {
        let mut docs: BTreeMap<DocId, (BTreeSet<i64>, Vec<Reissued>)> = BTreeMap::new();
        for (log, lsn, hash) in entries {
            let found: Option<(i64, DocId, bool)> = self
                .connection()
                .prepare_cached(
                    "SELECT e.id, e.doc, e.applied IS NOT NULL FROM entry e JOIN log l ON l.id = e.log \
                     WHERE l.boot = ?1 AND l.is_own = 1 AND e.lsn = ?2 AND e.hash = ?3 AND e.kind = ?4 \
                     AND e.state NOT IN (6, 7)",
                )?
                .query_row((log.0, sql::int(*lsn), hash.0, EntryKind::CHANGE.0), |row| {
                    Ok((row.get(0)?, DocId(row.get(1)?), row.get(2)?))
                })
                .optional()?;
            let Some((id, doc, is_in_effect)) = found else { continue };
            let is_in_effect = is_in_effect || self.bring_in(id, doc)?;
            let (dead, given_up) = docs.entry(doc).or_default();
            if is_in_effect {
                dead.insert(id);
            } else {
                self.set_state(id, EntryState::Refused, Some(reason::DECIDED))?;
                given_up.push(Reissued { doc, log: *log, lsn: *lsn, old: *hash, new: None });
            }
        }
        if docs.is_empty() {
            return Ok(());
        }
        self.rotate_boot();
        let mut done = Ingested::default();
        for (doc, (dead, mut changes)) in docs {
            let number = self.dossier(doc)?.and_then(|row| row.number).unwrap_or_default();
            changes.extend(self.write_document_again(doc, &dead, &dead, &mut done)?);
            self.say_reissued(ReissueCause::Refused, &changes)?;
            self.tell_work_refused(doc, number, why.to_owned(), &changes)?;
        }
        Ok(())
    }

    /// Writes own changes again that came back only after what they build on had been written again or given up: the
    /// province has kept them waiting, and nothing else would ever end that. `whys` says of refused changes why; a person
    /// is told. For when the feed is read to its end: another copy may have done it already.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn write_stranded_again(&mut self, whys: &BTreeMap<ChangeHash, String>) -> Result<(), StoreError> {
        let mut is_boot_new = false;
        for doc in self.stranded_docs()? {
            let stranded = self.stranded(doc)?;
            if stranded.is_empty() {
                continue;
            }
            let written = self.nested(|tx| {
                if !is_boot_new {
                    // It must have written nothing into the document.
                    tx.rotate_boot();
                }
                tx.write_stranded_of(doc, stranded, whys)
            })?;
            match written {
                Ok(()) => is_boot_new = true,
                Err(StoreError::Bug(what)) => {
                    // It waits on, and a person is told; the others go on.
                    tracing::error!(document = %doc, what, "waiting work could not be written again");
                    self.tell_reissue_failed(doc)?;
                }
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    fn write_stranded_of(
        &mut self,
        doc: DocId,
        stranded: Vec<Losing>,
        whys: &BTreeMap<ChangeHash, String>,
    ) -> Result<(), StoreError> {
        let number = self.dossier(doc)?.and_then(|row| row.number).unwrap_or_default();
        let why = self.why_given_up(&stranded, whys)?;
        let changes = self.write_again(doc, stranded, &BTreeSet::new())?;
        if let Some(why) = why {
            self.say_reissued(ReissueCause::Refused, &changes)?;
            return self.tell_work_refused(doc, number, why, &changes);
        }
        self.say_reissued(ReissueCause::Forked, &changes)?;
        let args = [("count", changes.len().to_string()), ("dossiers", 1.to_string())];
        for log in changes.iter().map(|change| change.log).collect::<BTreeSet<_>>() {
            self.set_condition(conditions::LOG_REISSUED, &log.to_string(), &args)?;
        }
        self.audit_row("log-reissue", None, Some(doc))
    }

    fn tell_work_refused(
        &mut self,
        doc: DocId,
        number: String,
        why: String,
        changes: &[Reissued],
    ) -> Result<(), StoreError> {
        let again = changes.iter().filter(|change| change.new.is_some()).count();
        let lost = changes.len().saturating_sub(again);
        let args =
            [("number", number), ("why", why), ("again", again.to_string()), ("lost", lost.to_string())];
        self.set_condition(conditions::WORK_REFUSED, &doc.to_string(), &args)?;
        self.audit_row("work-refused", None, Some(doc))
    }

    fn tell_reissue_failed(&mut self, doc: DocId) -> Result<(), StoreError> {
        let number = self.dossier(doc)?.and_then(|row| row.number).unwrap_or_default();
        self.set_condition(conditions::REISSUE_FAILED, &doc.to_string(), &[("number", number)])
    }

    fn body_of(&self, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement =
            self.connection().prepare_cached("SELECT codec, size_bytes, bytes FROM body WHERE entry = ?1")?;
        let mut rows = statement.query([id])?;
        match rows.next()? {
            Some(row) => log::body_at(row, 0),
            None => Ok(None),
        }
    }
}

impl Losing {
    const fn became(&self, doc: DocId, new: Option<ChangeHash>) -> Reissued {
        Reissued { doc, log: self.log, lsn: self.lsn, old: self.hash, new }
    }
}

/// What acts and papers of written-again changes are called now.
#[derive(Default)]
struct Names {
    changes: BTreeMap<ChangeHash, ChangeHash>,
    papers: BTreeMap<String, String>,
    lost: BTreeSet<ChangeHash>,
}

impl Names {
    /// Whether a change decides about one that was given up: it cannot be said again.
    fn are_lost_in(&self, step: &Step) -> bool {
        let mut is_lost = false;
        for act in &step.acts {
            act.body.clone().rename(
                &mut |id| {
                    is_lost |= self.lost.contains(&id.change);
                    id
                },
                &mut |paper| paper,
            );
        }
        is_lost
    }

    fn lose(&mut self, one: &Losing) {
        self.lost.insert(one.hash);
    }

    fn gain(&mut self, one: &Losing, new: ChangeHash, base: &Document) {
        self.changes.insert(one.hash, new);
        let new_papers = base.history().steps.iter().find(|step| step.info.hash == new);
        let new_papers = new_papers.map(|step| step.papers.as_slice()).unwrap_or_default();
        for ((old, _), (new, _)) in one.step.papers.iter().zip(new_papers) {
            self.papers.insert(old.clone(), new.clone());
        }
    }

    fn writing(&self, one: &Losing, base: &Document) -> Writing {
        let papers: BTreeMap<&String, String> = one
            .step
            .papers
            .iter()
            .enumerate()
            .map(|(offset, (key, _))| (key, base.next_paper_key(offset)))
            .collect();
        let mut acts = one.step.acts.clone();
        for act in &mut acts {
            act.body.rename(
                &mut |id| ActId { change: self.changes.get(&id.change).copied().unwrap_or(id.change), ..id },
                &mut |paper| {
                    let own = papers.get(&paper).cloned();
                    own.or_else(|| self.papers.get(&paper).cloned()).unwrap_or(paper)
                },
            );
        }
        Writing {
            fields: one.step.fields.clone(),
            papers: one.step.papers.iter().map(|(_, paper)| paper.clone()).collect(),
            acts,
        }
    }
}

/// `deps` and everything they build on.
fn past_of(
    deps: &BTreeSet<ChangeHash>,
    standing: &BTreeMap<ChangeHash, Kept>,
) -> Result<BTreeSet<ChangeHash>, StoreError> {
    let mut past = BTreeSet::new();
    let mut open: Vec<ChangeHash> = deps.iter().copied().collect();
    while let Some(hash) = open.pop() {
        if past.insert(hash) {
            let kept = standing
                .get(&hash)
                .ok_or_else(|| StoreError::Bug("a change builds on one that is not here".to_owned()))?;
            open.extend(&kept.deps);
        }
    }
    Ok(past)
}
