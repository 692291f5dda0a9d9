//! Brings an older file to this program's schema, step by step, and refuses a newer one.

use rusqlite::Connection;
use rusqlite::TransactionBehavior;
use sync_protocol::time::Millis;

use crate::store::StoreError;

/// One step of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number, from 1 without gaps.
    pub version: u32,
    /// Its name, as in the file name.
    pub name: &'static str,
    /// Its SQL.
    pub sql: &'static str,
}

/// Every step, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "first", sql: include_str!("../../migrations/0001_first.sql") },
    Migration { version: 2, name: "contact", sql: include_str!("../../migrations/0002_contact.sql") },
    Migration { version: 3, name: "reissue", sql: include_str!("../../migrations/0003_reissue.sql") },
    Migration { version: 4, name: "restored", sql: include_str!("../../migrations/0004_restored.sql") },
    Migration { version: 5, name: "returned", sql: include_str!("../../migrations/0005_returned.sql") },
];

/// The version this program writes.
#[must_use]
pub fn newest() -> u32 {
    MIGRATIONS.last().map_or(0, |last| last.version)
}

/// The file's version; 0 for an empty file.
///
/// # Errors
/// [`StoreError::Newer`] when a newer program wrote it: touch nothing.
pub(crate) fn version(connection: &Connection) -> Result<u32, StoreError> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    let ours = newest();
    if found > ours { Err(StoreError::Newer { found, ours }) } else { Ok(found) }
}

/// Runs what is missing, one transaction each, and checks what was run before.
///
/// # Errors
/// [`StoreError::Newer`], or [`StoreError::Corrupt`] when an earlier step was another text than ours.
pub(crate) fn migrate(connection: &mut Connection, at: Millis) -> Result<(), StoreError> {
    migrate_with(connection, MIGRATIONS, at)
}

fn migrate_with(connection: &mut Connection, steps: &[Migration], at: Millis) -> Result<(), StoreError> {
    let found = version(connection)?;
    for step in steps {
        let checksum = *blake3::hash(step.sql.as_bytes()).as_bytes();
        if step.version <= found {
            let stored: [u8; 32] = connection.query_row(
                "SELECT checksum FROM migration WHERE version = ?1",
                [step.version],
                |row| row.get(0),
            )?;
            if stored != checksum {
                return Err(StoreError::Corrupt {
                    what: format!("migration {} was another text", step.version),
                });
            }
            continue;
        }
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(
            "CREATE TABLE IF NOT EXISTS migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, \
             checksum BLOB NOT NULL, applied_at INTEGER NOT NULL) STRICT",
        )?;
        tx.execute_batch(step.sql)?;
        tx.execute(
            "INSERT INTO migration (version, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)",
            (step.version, step.name, checksum, at.0),
        )?;
        tx.execute_batch(&format!("PRAGMA user_version = {}", step.version))?;
        tx.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_gaps_and_every_table_is_strict() {
        for (index, step) in MIGRATIONS.iter().enumerate() {
            assert_eq!(step.version as usize, index + 1);
        }
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Millis(1)).unwrap();
        let loose: Vec<String> = connection
            .prepare(
                "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0",
            )
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .filter(|name: &String| !name.starts_with("sqlite_"))
            .collect();
        assert_eq!(loose, Vec::<String>::new());
    }

    /// What a file's schema is, whatever order its tables were made in.
    fn schema(connection: &Connection) -> Vec<(String, Option<String>)> {
        let mut statement =
            connection.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name, sql").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    #[test]
    fn a_file_of_every_step_comes_to_the_same_schema() {
        let mut fresh = Connection::open_in_memory().unwrap();
        migrate(&mut fresh, Millis(1)).unwrap();
        for steps in 1..MIGRATIONS.len() {
            let mut older = Connection::open_in_memory().unwrap();
            migrate_with(&mut older, &MIGRATIONS[..steps], Millis(1)).unwrap();
            assert_ne!(schema(&older), schema(&fresh), "step {} does nothing", steps + 1);
            migrate(&mut older, Millis(2)).unwrap();
            assert_eq!(schema(&older), schema(&fresh), "from step {steps}");
        }
    }

    #[test]
    fn a_step_runs_once_wholly_and_is_checked_later() {
        let good = Migration { version: 1, name: "a", sql: "CREATE TABLE a (x INTEGER) STRICT" };
        let broken = Migration { version: 2, name: "b", sql: "CREATE TABLE b (x INTEGER) STRICT; nonsense" };
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(migrate_with(&mut connection, &[good, broken], Millis(1)).is_err());
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name IN ('a', 'b')", [], |row| row.get(0))
            .unwrap();
        assert_eq!((tables, version(&connection).unwrap()), (1, 1));
        migrate_with(&mut connection, &[good], Millis(2)).unwrap();
        let other = Migration { sql: "CREATE TABLE c (x INTEGER) STRICT", ..good };
        assert!(matches!(
            migrate_with(&mut connection, &[other], Millis(3)),
            Err(StoreError::Corrupt { .. })
        ));
    }
}
