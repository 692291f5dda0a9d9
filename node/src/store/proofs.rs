//! Proofs: the province's signed statements of what it holds of a machine's work, chained per machine. The bytes are kept
//! as they came; the numbers beside them are for people and lists.

use rusqlite::OptionalExtension;
use rusqlite::Row;
use sync_protocol::entry::Digest;
use sync_protocol::entry::Lsn;
use sync_protocol::ids::BootId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::time::Millis;

use crate::store::StoreError;
use crate::store::sql;
use crate::store::view::View;
use crate::store::writer::WriteTx;

/// Proofs a question returns at most.
const PROOFS_MAX: usize = 256;

/// One proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredProof {
    /// The machine it is about.
    pub machine: NodeId,
    /// Its number in that machine's chain, from 1. A no-op renews the last one under its number.
    pub number: u64,
    /// Its link in that chain.
    pub hash: Hash,
    /// When the province signed it, by the province's clock.
    pub at: Millis,
    /// The feed position it speaks of.
    pub position: u64,
    /// The feed digest there.
    pub digest: Digest,
    /// Entries of the machine that took effect.
    pub applied: u64,
    /// That wait.
    pub waiting: u64,
    /// That are kept for a person to decide.
    pub quarantined: u64,
    /// That were refused.
    pub refused: u64,
    /// The signed bytes.
    pub bytes: Vec<u8>,
}

const COLUMNS: &str =
    "machine, number, hash, at, position, digest, applied, waiting, quarantined, refused, bytes";

fn proof(row: &Row<'_>) -> rusqlite::Result<StoredProof> {
    Ok(StoredProof {
        machine: NodeId(row.get(0)?),
        number: sql::uint_at(row, 1)?,
        hash: Hash(row.get(2)?),
        at: Millis(row.get(3)?),
        position: sql::uint_at(row, 4)?,
        digest: Digest(row.get(5)?),
        applied: sql::uint_at(row, 6)?,
        waiting: sql::uint_at(row, 7)?,
        quarantined: sql::uint_at(row, 8)?,
        refused: sql::uint_at(row, 9)?,
        bytes: row.get(10)?,
    })
}

impl View<'_> {
    /// The newest proof about a machine.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_proof(&self, machine: NodeId) -> Result<Option<StoredProof>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM proof WHERE machine = ?1 ORDER BY number DESC LIMIT 1"
        ))?;
        Ok(statement.query_row([machine.0], proof).optional()?)
    }

    /// The link that a machine's chain has at a number here.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn proof_hash(&self, machine: NodeId, number: u64) -> Result<Option<Hash>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT hash FROM proof WHERE machine = ?1 AND number = ?2")?;
        Ok(statement.query_row((machine.0, sql::int(number)), |row| row.get(0).map(Hash)).optional()?)
    }

    /// Proofs about a machine after a number, in order, at most 256.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn proofs_after(&self, machine: NodeId, number: u64) -> Result<Vec<StoredProof>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM proof WHERE machine = ?1 AND number > ?2 ORDER BY number LIMIT ?3"
        ))?;
        let rows = statement.query_map((machine.0, sql::int(number), sql::len(PROOFS_MAX)), proof)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl WriteTx<'_> {
    /// Keeps a proof whose signature and chain the caller has checked, and notes up to where it covers each log.
    /// A proof under a number that is here replaces it when it is not older.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn store_proof(&mut self, proof: &StoredProof, covered: &[(BootId, Lsn)]) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO proof (machine, number, hash, at, position, digest, applied, waiting, quarantined, refused, \
             bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
             ON CONFLICT (machine, number) DO UPDATE SET hash = ?3, at = ?4, position = ?5, digest = ?6, \
             applied = ?7, waiting = ?8, quarantined = ?9, refused = ?10, bytes = ?11 WHERE ?4 >= at",
            (
                proof.machine.0,
                sql::int(proof.number),
                proof.hash.0,
                proof.at.0,
                sql::int(proof.position),
                proof.digest.0,
                sql::int(proof.applied),
                sql::int(proof.waiting),
                sql::int(proof.quarantined),
                sql::int(proof.refused),
                &proof.bytes,
            ),
        )?;
        for (boot, lsn) in covered {
            let grown = self.execute(
                "UPDATE log SET proved_lsn = ?2, acked_lsn = max(acked_lsn, ?2) WHERE boot = ?1 AND proved_lsn < ?2",
                (boot.0, sql::int(*lsn)),
            )?;
            if grown > 0 {
                self.execute(
                    "INSERT OR IGNORE INTO proof_cover (log, lsn, number) SELECT id, ?2, ?3 FROM log WHERE boot = ?1",
                    (boot.0, sql::int(*lsn), sql::int(proof.number)),
                )?;
            }
        }
        Ok(())
    }
}
