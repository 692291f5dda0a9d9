//! At the province: entries that a restore lost, and that machines sent back whose own they are not.
//!
//! Nobody has signed them: they are kept apart, in no log, until the machine whose they are sends them itself, or a
//! person at the province lets them count.

use rusqlite::OptionalExtension;
use rusqlite::Row;
use sync_protocol::entry;
use sync_protocol::entry::Entry;
use sync_protocol::entry::EntryKind;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::NodeId;
use sync_protocol::limits::ENTRY_BODY_BYTES_MAX;
use sync_protocol::time::Millis;

use crate::dossier::document;
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::store::apply::Origin;
use crate::store::apply::reason;
use crate::store::conditions;
use crate::store::log::EntryFacts;
use crate::store::log::EntryState;
use crate::store::open;
use crate::store::sql;
use crate::store::view::View;
use crate::store::writer::WriteTx;

/// Entries that are kept for one machine that sent them back: the worst outage of all that one office is a party to.
pub const RETURNED_MAX: u64 = 100_000;
/// Their rows are told from those of other quarantined entries by their size.
const ROWS_FROM: i64 = 1 << 48;

/// Whether all of a batch was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnedKept {
    /// What was not here is kept now.
    All,
    /// There is no room for more of this machine.
    Full,
}

const COLUMNS: &str = "id, boot, lsn, doc, hash, sender, arrived_at";

fn facts(row: &Row<'_>) -> rusqlite::Result<EntryFacts> {
    Ok(EntryFacts {
        id: row.get::<_, i64>(0)?.saturating_add(ROWS_FROM),
        log: BootId(row.get(1)?),
        machine: Some(NodeId(row.get(5)?)),
        lsn: sql::uint_at(row, 2)?,
        kind: EntryKind::CHANGE,
        doc: DocId(row.get(3)?),
        hash: ChangeHash(row.get(4)?),
        state: EntryState::Quarantined,
        reason: Some(reason::RETURNED.to_owned()),
        arrived_at: Millis(row.get(6)?),
    })
}

impl View<'_> {
    /// Entries that came back, oldest first, at most `limit`; of one machine that sent them, or of all. Their machine
    /// is the one that sent them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn returned(&self, sender: Option<NodeId>, limit: usize) -> Result<Vec<EntryFacts>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM returned WHERE ?1 IS NULL OR sender = ?1 ORDER BY id LIMIT ?2"
        ))?;
        let rows = statement.query_map((sender.map(|sender| sender.0), sql::len(limit)), facts)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn count_returned(&self, sender: Option<NodeId>) -> Result<u64, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT count(*) FROM returned WHERE ?1 IS NULL OR sender = ?1")?;
        Ok(statement.query_row([sender.map(|sender| sender.0)], |row| sql::uint_at(row, 0))?)
    }

    /// Whether an entry begins a document that the machine whose log it names may not begin: somebody made it up. Not
    /// answered for machines that are not known here, and for logs of before names said whose they are.
    fn begins_anothers(&self, entry: &Entry) -> Result<bool, StoreError> {
        let info = entry.body.as_deref().map(document::inspect);
        if !matches!(info, Some(Ok(info)) if info.deps.is_empty()) {
            return Ok(false);
        }
        let mut statement =
            self.connection.prepare_cached("SELECT node FROM machine UNION SELECT node FROM banned")?;
        let known = statement.query_map([], |row| row.get(0).map(NodeId))?.collect::<Result<Vec<_>, _>>()?;
        let this = open::read_identity(self.connection)?.machine;
        let whose = known.into_iter().chain([this]).find(|machine| entry.log.is_of(*machine));
        Ok(whose.is_some_and(|machine| !entry.doc.may_be_begun_by(machine)))
    }

    /// Whether a row of the quarantine is one of an entry that came back.
    #[must_use]
    pub const fn is_returned_row(row: i64) -> bool {
        row >= ROWS_FROM
    }
}

impl WriteTx<'_> {
    /// Keeps entries that a machine sent back and whose own they are not. Changes that are here already, and what is no
    /// change with its right body, or a beginning that is not its log's machine's, are left out.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn keep_returned(&mut self, sender: NodeId, entries: &[Entry]) -> Result<ReturnedKept, StoreError> {
        let at = self.now();
        let mut count = self.count_returned(Some(sender))?;
        for entry in entries {
            let Some(body) = entry.body.as_deref().filter(|body| body.len() <= ENTRY_BODY_BYTES_MAX) else {
                continue;
            };
            let is_change = entry.kind == EntryKind::CHANGE && entry.doc != DocId::NONE && entry.lsn > 0;
            let is_whole = is_change && entry::hash_of(entry.kind, body) == Some(entry.hash);
            if !is_whole || self.has_change(entry.doc, entry.hash)? || self.begins_anothers(entry)? {
                continue;
            }
            if count >= RETURNED_MAX {
                return Ok(ReturnedKept::Full);
            }
            count += self.execute(
                "INSERT OR IGNORE INTO returned (boot, lsn, doc, hash, min_reader, sender, arrived_at, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                (
                    entry.log.0,
                    sql::int(entry.lsn),
                    entry.doc.0,
                    entry.hash.0,
                    entry.min_reader,
                    sender.0,
                    at.0,
                    body,
                ),
            )?;
        }
        self.tell_returned()?;
        Ok(ReturnedKept::All)
    }

    /// Forgets what came back and has come from its own machine since.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn settle_returned(&mut self) -> Result<(), StoreError> {
        if conditions::standing(self.connection(), conditions::ENTRIES_RETURNED)?.is_none() {
            return Ok(());
        }
        self.execute(
            "DELETE FROM returned WHERE EXISTS (SELECT 1 FROM entry e \
             WHERE e.doc = returned.doc AND e.hash = returned.hash AND e.kind = 1)",
            [],
        )?;
        self.tell_returned()
    }

    /// Lets an entry that came back count, as if its machine had sent it. Answers what became of it.
    ///
    /// # Errors
    /// Refused with `quarantine-not-found` when it is not (or no more) kept so, and with [`reason::OTHER_BEGINS`] when its
    /// machine has become known since and may not begin the document.
    pub fn release_returned(&mut self, row: i64) -> Result<EntryFacts, StoreError> {
        let id = row.saturating_sub(ROWS_FROM);
        let found: Option<Entry> = self
            .connection()
            .prepare_cached("SELECT boot, lsn, doc, hash, min_reader, body FROM returned WHERE id = ?1")?
            .query_row([id], |row| {
                Ok(Entry {
                    log: BootId(row.get(0)?),
                    lsn: sql::uint_at(row, 1)?,
                    kind: EntryKind::CHANGE,
                    doc: DocId(row.get(2)?),
                    hash: ChangeHash(row.get(3)?),
                    min_reader: row.get(4)?,
                    body: Some(row.get(5)?),
                })
            })
            .optional()?;
        let not_found = || Refusal::new("quarantine-not-found").with("id", row);
        let entry = found.ok_or_else(not_found)?;
        if self.begins_anothers(&entry)? {
            return Err(Refusal::new(reason::OTHER_BEGINS).into());
        }
        self.ingest(std::slice::from_ref(&entry), &Origin::Feed)?;
        self.execute("DELETE FROM returned WHERE id = ?1", [id])?;
        self.tell_returned()?;
        let row: Option<i64> = self
            .connection()
            .prepare_cached("SELECT id FROM entry WHERE doc = ?1 AND hash = ?2 ORDER BY id LIMIT 1")?
            .query_row((entry.doc.0, entry.hash.0), |row| row.get(0))
            .optional()?;
        let facts = row.map(|row| self.entry_facts(row)).transpose()?.flatten();
        // Another entry has its place in its log: nothing was changed.
        facts.ok_or_else(|| not_found().into())
    }

    fn tell_returned(&mut self) -> Result<(), StoreError> {
        match self.count_returned(None)? {
            0 => self.clear_condition(conditions::ENTRIES_RETURNED, ""),
            count => self.set_condition(conditions::ENTRIES_RETURNED, "", &[("entries", count.to_string())]),
        }
    }
}
