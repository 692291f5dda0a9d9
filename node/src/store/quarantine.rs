//! What was kept and not applied, and what a person decides about it.

use rusqlite::OptionalExtension;
use sync_protocol::entry::EntryKind;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::NodeId;

use crate::dossier::document;
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::store::apply::Ingested;
use crate::store::apply::reason;
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

impl WriteTx<'_> {
    /// Carries out a decision about a quarantined entry, named by its row. What builds on it follows.
    ///
    /// # Errors
    /// Refused with `quarantine-not-found` when it is not (or no more) quarantined, and with
    /// `quarantine-builds-on-missing` when it cannot take effect now and so cannot be marked.
    pub fn decide(&mut self, id: i64, decision: Decision) -> Result<Ingested, StoreError> {
        let found: Option<([u8; 16], u8, [u8; 32])> = self
            .connection()
            .prepare_cached("SELECT doc, kind, hash FROM entry WHERE id = ?1 AND state = 5")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((doc, kind, hash)) = found else {
            return Err(Refusal::new("quarantine-not-found").with("id", id).into());
        };
        let (doc, hash) = (DocId(doc), ChangeHash(hash));
        let mut done = Ingested::default();
        match decision {
            Decision::Refuse => {
                self.set_state(id, EntryState::Refused, Some(reason::DECIDED))?;
                done.refused += 1;
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
                done.applied += 1;
            }
        }
        tracing::info!(entry.hash = %hash, decision = ?decision, "a quarantined entry was decided");
        Ok(done)
    }

    /// What a quarantined change builds on is looked up only when it is released.
    fn note_dependencies(&mut self, id: i64, doc: DocId) -> Result<(), StoreError> {
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
