//! What was kept and not applied, and what a person decides about it.

use std::collections::BTreeSet;

use rusqlite::OptionalExtension;
use sync_protocol::entry::EntryKind;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::NodeId;

use crate::dossier::admit::admit;
use crate::dossier::document;
use crate::ids::AgencyCode;
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::store::apply::Ingested;
use crate::store::apply::reason;
use crate::store::apply::seat_rights;
use crate::store::log;
use crate::store::log::EntryFacts;
use crate::store::log::EntryState;
use crate::store::sql;
use crate::store::view::View;
use crate::store::writer::WriteTx;

/// What a person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Applied as if nothing had been wrong.
    Release,
    /// Applied, and the caller marks its acts void by the provincial act `mark`.
    Void,
    /// Never applied.
    Refuse,
}

impl View<'_> {
    /// Quarantined and refused entries, of one machine or of all, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn quarantine(&self, machine: Option<NodeId>, limit: usize) -> Result<Vec<EntryFacts>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {} FROM entry e JOIN log l ON l.id = e.log \
             WHERE e.state IN (5, 6) AND (?1 IS NULL OR l.machine = ?1) ORDER BY e.id LIMIT ?2",
            log::FACT_COLUMNS
        ))?;
        let rows = statement.query_map((machine.map(|machine| machine.0), sql::len(limit)), log::facts)?;
        rows.map(|row| row?).collect()
    }
}

impl View<'_> {
    /// The rows of all quarantined entries of a machine, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn quarantined_rows(&self, machine: NodeId) -> Result<Vec<i64>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT e.id FROM entry e JOIN log l ON l.id = e.log \
             WHERE e.state = 5 AND l.machine = ?1 ORDER BY e.id",
        )?;
        Ok(statement.query_map([machine.0], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The first entry of a change, by its hash.
    ///
    /// # Errors
    /// When the file cannot be read.
    #[cfg(test)]
    pub(crate) fn entry_facts_of(&self, hash: ChangeHash) -> Result<Option<EntryFacts>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {} FROM entry e JOIN log l ON l.id = e.log WHERE e.hash = ?1 ORDER BY e.id LIMIT 1",
            log::FACT_COLUMNS
        ))?;
        statement.query_row([hash.0], log::facts).optional()?.transpose()
    }

    /// An entry by its row.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entry_facts(&self, row: i64) -> Result<Option<EntryFacts>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {} FROM entry e JOIN log l ON l.id = e.log WHERE e.id = ?1",
            log::FACT_COLUMNS
        ))?;
        statement.query_row([row], log::facts).optional()?.transpose()
    }
}

impl WriteTx<'_> {
    /// Carries out a decision about a quarantined entry, named by its row. What builds on it follows.
    ///
    /// The ban of its machine hides what else is wrong with an entry. One that is released from there with acts its
    /// machine had no right to stays quarantined, for that reason, and can then be released knowingly.
    ///
    /// # Errors
    /// Refused with `quarantine-not-found` when it is not (or no more) quarantined, and with
    /// `quarantine-builds-on-missing` when it cannot take effect now and so cannot be marked.
    pub fn decide(&mut self, id: i64, decision: Decision) -> Result<Ingested, StoreError> {
        // What was refused by itself, a person can confirm, so that its machine learns it and goes on without.
        let found: Option<([u8; 16], u8, [u8; 32])> = self
            .connection()
            .prepare_cached(
                "SELECT doc, kind, hash FROM entry WHERE id = ?1 \
                 AND (state = 5 OR (state = 6 AND ?2 AND reason <> ?3))",
            )?
            .query_row((id, decision == Decision::Refuse, reason::DECIDED), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((doc, kind, hash)) = found else {
            return Err(Refusal::new("quarantine-not-found").with("id", id).into());
        };
        let (doc, hash) = (DocId(doc), ChangeHash(hash));
        let mut done = Ingested::default();
        let objection = self.objection_beside_ban(id, doc)?;
        match decision {
            Decision::Refuse => {
                self.set_state(id, EntryState::Refused, Some(reason::DECIDED))?;
                done.refused += 1;
            }
            Decision::Release if objection.is_some() => {
                self.set_state(id, EntryState::Quarantined, objection)?;
                done.quarantined += 1;
            }
            Decision::Release | Decision::Void if EntryKind(kind) == EntryKind::CHANGE => {
                self.set_state(id, EntryState::Waiting, None)?;
                self.note_dependencies(id, doc)?;
                self.settle(doc, &mut done)?;
                if decision == Decision::Void
                    && self.execute("UPDATE entry SET state = 3 WHERE id = ?1 AND state = 2", [id])? == 0
                {
                    // It would take effect unmarked on the day that what it builds on comes.
                    return Err(Refusal::new("quarantine-builds-on-missing").with("id", id).into());
                }
            }
            Decision::Release | Decision::Void => {
                self.set_state(id, EntryState::Applied, None)?;
                let seat: Option<String> = self
                    .connection()
                    .prepare_cached("SELECT l.seat FROM entry e JOIN log l ON l.id = e.log WHERE e.id = ?1")?
                    .query_row([id], |row| row.get(0))?;
                let seat = seat.map(|seat| sql::parsed(&seat)).transpose()?;
                self.entry_took_effect(id, seat.as_ref())?;
                if doc != DocId::NONE {
                    // As when a kind of a newer program is taken in: it travels with its document.
                    self.add_to_feeds(doc, &[id], &BTreeSet::new())?;
                }
                done.applied += 1;
            }
        }
        tracing::info!(entry.hash = %hash, decision = ?decision, "a quarantined entry was decided");
        Ok(done)
    }

    /// What would have kept a change out that is kept for the ban of its machine.
    fn objection_beside_ban(&self, id: i64, doc: DocId) -> Result<Option<&'static str>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT l.boot, l.seat, b.codec, b.size_bytes, b.bytes FROM entry e JOIN log l ON l.id = e.log \
             JOIN body b ON b.entry = e.id WHERE e.id = ?1 AND e.kind = ?2 AND e.reason = ?3",
        )?;
        let mut rows = statement.query((id, EntryKind::CHANGE.0, reason::BANNED))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let (boot, seat) = (BootId(row.get(0)?), row.get::<_, Option<String>>(1)?);
        let seat = seat.map(|seat| sql::parsed::<AgencyCode>(&seat)).transpose()?;
        let Some(body) = log::body_at(row, 2)? else { return Ok(None) };
        let Ok(step) = admit(&body, boot) else { return Ok(None) };
        if step.info.deps.is_empty() && self.has_beginning(doc)? {
            return Ok(Some(reason::SECOND_ROOT));
        }
        let rights = seat_rights(seat.into_iter().collect(), false);
        Ok(step.acts.iter().find_map(|act| rights(act).err()))
    }

    /// What a quarantined change builds on is looked up only when it is released.
    pub(crate) fn note_dependencies(&mut self, id: i64, doc: DocId) -> Result<(), StoreError> {
        let mut statement =
            self.connection().prepare_cached("SELECT codec, size_bytes, bytes FROM body WHERE entry = ?1")?;
        let mut rows = statement.query([id])?;
        let body = match rows.next()? {
            Some(row) => log::body_at(row, 0)?,
            None => None,
        };
        drop(rows);
        let Some(body) = body else { return Ok(()) };
        let info = document::inspect(&body)
            .map_err(|_| StoreError::Refused(Refusal::new("quarantine-not-readable").with("id", id)))?;
        self.note_missing(id, doc, &info.deps)?;
        Ok(())
    }
}
