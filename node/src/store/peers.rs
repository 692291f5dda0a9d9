//! Machines the province knows, how they stand, and the codes they enrol with.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use rusqlite::OptionalExtension;
use rusqlite::Row;
use sync_protocol::entry::EntryKind;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::time::Millis;

use crate::ids::AgencyCode;
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::store::apply::reason;
use crate::store::log::EntryState;
use crate::store::sql;
use crate::store::view::View;
use crate::store::writer::WriteTx;

/// One enrolled machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The machine.
    pub node: NodeId,
    /// Its seat.
    pub seat: AgencyCode,
    /// Its newest certificate, DER.
    pub certificate: Vec<u8>,
    /// When it was enrolled.
    pub enrolled_at: Millis,
    /// When it was last in touch.
    pub last_contact_at: Option<Millis>,
    /// The position of its feed that it acknowledged.
    pub acked_position: u64,
    /// Since when it is banned.
    pub banned_at: Option<Millis>,
    /// Why.
    pub ban_reason: Option<String>,
}

/// One enrolment code, known by its hash only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// BLAKE3 of the code.
    pub code_hash: Hash,
    /// The seat it enrols a machine for.
    pub agency: AgencyCode,
    /// When it was made.
    pub created_at: Millis,
    /// Until when it can be used.
    pub expires_at: Millis,
    /// When it was used.
    pub used_at: Option<Millis>,
    /// By which machine.
    pub used_by: Option<NodeId>,
}

/// How many entries of a machine stand in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryCounts {
    /// Took effect, or add nothing to what did.
    pub applied: u64,
    /// Wait.
    pub waiting: u64,
    /// Kept for a person to decide.
    pub quarantined: u64,
    /// Refused.
    pub refused: u64,
}

const MACHINE_COLUMNS: &str =
    "node, seat, certificate, enrolled_at, last_contact_at, acked_position, banned_at, ban_reason";
const ENROLMENT_COLUMNS: &str = "code_hash, agency, created_at, expires_at, used_at, used_by";

fn machine(row: &Row<'_>) -> Result<Machine, StoreError> {
    Ok(Machine {
        node: NodeId(row.get(0)?),
        seat: sql::parsed(&row.get::<_, String>(1)?)?,
        certificate: row.get(2)?,
        enrolled_at: Millis(row.get(3)?),
        last_contact_at: row.get::<_, Option<i64>>(4)?.map(Millis),
        acked_position: sql::uint_at(row, 5)?,
        banned_at: row.get::<_, Option<i64>>(6)?.map(Millis),
        ban_reason: row.get(7)?,
    })
}

fn enrolment(row: &Row<'_>) -> Result<Enrolment, StoreError> {
    Ok(Enrolment {
        code_hash: Hash(row.get(0)?),
        agency: sql::parsed(&row.get::<_, String>(1)?)?,
        created_at: Millis(row.get(2)?),
        expires_at: Millis(row.get(3)?),
        used_at: row.get::<_, Option<i64>>(4)?.map(Millis),
        used_by: row.get::<_, Option<[u8; 16]>>(5)?.map(NodeId),
    })
}

/// Entries of one machine that are kept and not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// How many.
    pub entries: u64,
    /// What their bodies count together.
    pub size_bytes: u64,
}

impl View<'_> {
    /// Every enrolled machine, by seat and time of enrolment.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn machines(&self) -> Result<Vec<Machine>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {MACHINE_COLUMNS} FROM machine ORDER BY seat, enrolled_at, node"
        ))?;
        let mut rows = statement.query([])?;
        let mut machines = Vec::new();
        while let Some(row) = rows.next()? {
            machines.push(machine(row)?);
        }
        Ok(machines)
    }

    /// One machine.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn machine(&self, node: NodeId) -> Result<Option<Machine>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {MACHINE_COLUMNS} FROM machine WHERE node = ?1"))?;
        let mut rows = statement.query([node.0])?;
        rows.next()?.map(machine).transpose()
    }

    /// Every banned machine, also one that is not in the list of machines.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn banned_machines(&self) -> Result<BTreeSet<NodeId>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT node FROM machine WHERE banned_at IS NOT NULL UNION SELECT node FROM banned",
        )?;
        Ok(statement.query_map([], |row| row.get(0).map(NodeId))?.collect::<Result<_, _>>()?)
    }

    /// Whether a machine is banned, also one that is not in the list of machines.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn is_banned(&self, node: NodeId) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM machine WHERE node = ?1 AND banned_at IS NOT NULL) \
             OR EXISTS (SELECT 1 FROM banned WHERE node = ?1)",
        )?;
        Ok(statement.query_row([node.0], |row| row.get(0))?)
    }

    /// The changes of a machine that took effect here and arrived at or after `from`, by this store's own clock: what
    /// a suspect machine's clock says is no evidence. Ordered by document.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn applied_since(
        &self,
        machine: NodeId,
        from: Millis,
    ) -> Result<BTreeMap<DocId, BTreeSet<ChangeHash>>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT e.doc, e.hash FROM log l JOIN entry e ON e.log = l.id \
             WHERE l.machine = ?1 AND e.kind = ?2 AND e.state = ?3 AND e.arrived_at >= ?4",
        )?;
        let values = (machine.0, EntryKind::CHANGE.0, EntryState::Applied.code(), from.0);
        let mut rows = statement.query(values)?;
        let mut found: BTreeMap<DocId, BTreeSet<ChangeHash>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            found.entry(DocId(row.get(0)?)).or_default().insert(ChangeHash(row.get(1)?));
        }
        Ok(found)
    }

    /// How many entries of a machine's logs stand in each state.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entry_counts(&self, machine: NodeId) -> Result<EntryCounts, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FILTER (WHERE e.state = 1), count(*) FILTER (WHERE e.state = 5), \
             count(*) FILTER (WHERE e.state = 6) FROM log l JOIN entry e ON e.log = l.id \
             WHERE l.machine = ?1 AND e.state IN (1, 5, 6)",
        )?;
        let (waiting, quarantined, refused) = statement.query_row([machine.0], |row| {
            Ok((sql::uint_at(row, 0)?, sql::uint_at(row, 1)?, sql::uint_at(row, 2)?))
        })?;
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT coalesce(sum(l.lsn + (SELECT count(*) FROM entry e WHERE e.log = l.id AND e.lsn > l.lsn)), 0) \
                 FROM log l WHERE l.machine = ?1",
            )?;
        let all = statement.query_row([machine.0], |row| sql::uint_at(row, 0))?;
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM reissue r JOIN log l ON l.boot = r.old_log AND l.machine = r.machine \
             JOIN entry e ON e.log = l.id AND e.lsn = r.old_lsn AND e.hash = r.old_hash \
             WHERE r.machine = ?1 AND e.state = 7",
        )?;
        let superseded = statement.query_row([machine.0], |row| sql::uint_at(row, 0))?;
        let applied = all.saturating_sub(waiting + quarantined + refused + superseded);
        Ok(EntryCounts { applied, waiting, quarantined, refused })
    }

    /// What is kept of a machine and not applied.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn kept_of(&self, machine: NodeId) -> Result<Kept, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*), coalesce(sum(b.size_bytes), 0) FROM log l JOIN entry e ON e.log = l.id \
             LEFT JOIN body b ON b.entry = e.id WHERE l.machine = ?1 AND e.state IN (1, 5, 6)",
        )?;
        Ok(statement.query_row([machine.0], |row| {
            Ok(Kept { entries: sql::uint_at(row, 0)?, size_bytes: sql::uint_at(row, 1)? })
        })?)
    }

    /// How many entries of any log wait here.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn waiting_entries(&self) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT count(*) FROM entry WHERE state = 1")?;
        Ok(statement.query_row([], |row| sql::uint_at(row, 0))?)
    }

    /// Every enrolment code, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn enrolments(&self) -> Result<Vec<Enrolment>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {ENROLMENT_COLUMNS} FROM enrolment ORDER BY created_at DESC, code_hash"
        ))?;
        let mut rows = statement.query([])?;
        let mut enrolments = Vec::new();
        while let Some(row) = rows.next()? {
            enrolments.push(enrolment(row)?);
        }
        Ok(enrolments)
    }

    /// One enrolment code.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn enrolment(&self, code_hash: Hash) -> Result<Option<Enrolment>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {ENROLMENT_COLUMNS} FROM enrolment WHERE code_hash = ?1"))?;
        let mut rows = statement.query([code_hash.0])?;
        rows.next()?.map(enrolment).transpose()
    }
}

impl WriteTx<'_> {
    /// Enrols a machine, or gives a known one its newer certificate.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn store_machine(
        &mut self,
        node: NodeId,
        seat: &AgencyCode,
        certificate: &[u8],
    ) -> Result<(), StoreError> {
        let at = self.now();
        self.execute(
            "INSERT INTO machine (node, seat, certificate, enrolled_at) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (node) DO UPDATE SET certificate = ?3",
            (node.0, seat.as_str(), certificate, at.0),
        )?;
        Ok(())
    }

    /// Notes that a machine is in touch now.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn touch_machine(&mut self, node: NodeId) -> Result<(), StoreError> {
        let at = self.now();
        self.execute("UPDATE machine SET last_contact_at = ?2 WHERE node = ?1", (node.0, at.0))?;
        Ok(())
    }

    /// Notes up to where a machine has its feed. It may go back: the machine was restored.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn set_acked_position(&mut self, node: NodeId, position: u64) -> Result<(), StoreError> {
        self.execute("UPDATE machine SET acked_position = ?2 WHERE node = ?1", (node.0, sql::int(position)))?;
        Ok(())
    }

    /// Bans a machine; what it sends from now on is quarantined, and so is what of it still waits here for what it
    /// builds on. A banned one keeps its date.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn ban_machine(&mut self, node: NodeId, why: &str) -> Result<(), StoreError> {
        let at = self.now();
        self.execute(
            "UPDATE machine SET banned_at = ?2, ban_reason = ?3 WHERE node = ?1 AND banned_at IS NULL",
            (node.0, at.0, why),
        )?;
        // Those that wait for a newer program or a body are judged again, and then found banned, when that comes.
        self.execute(
            "UPDATE entry SET state = 5, reason = ?2 WHERE state = 1 AND reason IS NULL \
             AND log IN (SELECT id FROM log WHERE machine = ?1)",
            (node.0, reason::BANNED),
        )?;
        Ok(())
    }

    /// Ends the codes of a seat that nobody has used: one may lie on the machine that is gone. Answers how many.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn expire_enrolments(&mut self, agency: &AgencyCode) -> Result<u64, StoreError> {
        let at = self.now();
        self.execute(
            "UPDATE enrolment SET expires_at = ?2 WHERE agency = ?1 AND used_at IS NULL AND expires_at > ?2",
            (agency.as_str(), at.0),
        )
    }

    /// Keeps a new enrolment code by its hash.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn store_enrolment(
        &mut self,
        code_hash: Hash,
        agency: &AgencyCode,
        expires_at: Millis,
    ) -> Result<(), StoreError> {
        let at = self.now();
        self.execute(
            "INSERT INTO enrolment (code_hash, agency, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
            (code_hash.0, agency.as_str(), at.0, expires_at.0),
        )?;
        Ok(())
    }

    /// Uses a code once. The same machine may ask again, so that an answer lost on the line does not lock it out.
    ///
    /// # Errors
    /// Refused with `enrol-unknown-code`, `enrol-code-used` or `enrol-code-expired`.
    pub fn use_enrolment(&mut self, code_hash: Hash, node: NodeId) -> Result<AgencyCode, StoreError> {
        let at = self.now();
        let Some(found) = self.enrolment(code_hash)? else {
            return Err(Refusal::new("enrol-unknown-code").into());
        };
        match found.used_by {
            Some(by) if by == node => return Ok(found.agency),
            Some(_) => return Err(Refusal::new("enrol-code-used").into()),
            None => {}
        }
        if at >= found.expires_at {
            return Err(Refusal::new("enrol-code-expired").into());
        }
        self.execute(
            "UPDATE enrolment SET used_at = ?2, used_by = ?3 WHERE code_hash = ?1",
            (code_hash.0, at.0, node.0),
        )?;
        // Read back rather than trusted: exactly one machine has it.
        let used_by: Option<[u8; 16]> = self
            .connection()
            .prepare_cached("SELECT used_by FROM enrolment WHERE code_hash = ?1")?
            .query_row([code_hash.0], |row| row.get(0))
            .optional()?
            .flatten();
        if used_by == Some(node.0) { Ok(found.agency) } else { Err(Refusal::new("enrol-code-used").into()) }
    }
}
