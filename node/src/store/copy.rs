//! A copy of the database for a backup, and what it is told when it is put back: that it is old, and which number
//! series may go on.

use std::path::Path;
use std::path::PathBuf;

use minicbor::Decode;
use minicbor::Encode;
use rusqlite::Connection;
use rusqlite::Row;
use rusqlite::backup::Backup;
use rusqlite::backup::StepResult;
use sync_protocol::head::LogHead;
use sync_protocol::head::LogsSummary;
use sync_protocol::ids::BootId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::ProvinceId;
use sync_protocol::time::Millis;

use crate::clock;
use crate::store::Reader;
use crate::store::StoreError;
use crate::store::conditions;
use crate::store::meta;
use crate::store::migrate;
use crate::store::open::Identity;
use crate::store::open::open_writing;
use crate::store::open::read_identity;
use crate::store::sql;
use crate::store::view::View;

/// Pages that are copied between two reports: 4 MiB.
const PAGES_PER_STEP: i32 = 1024;
/// Under it, until the store is opened: what a backup was told when it was put back.
const RESTORATION_KEY: &str = "restoration";
/// The form of that record.
const RESTORATION_VERSION: u8 = 1;

/// Where a record stands: how much it holds, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHead {
    /// Entries of all logs.
    pub position: u64,
    /// Heads of all logs.
    pub logs: LogsSummary,
}

/// Number series that came with the province's leave to restore.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SeriesOfGrant {
    /// Given to this restored machine, and never to another before.
    #[n(0)]
    pub given: Vec<String>,
    /// All that the machine ever had: nobody knows how far it came in them.
    #[n(1)]
    pub left: Vec<String>,
}

/// What a database is told when it is put back; the first to open it draws the consequences.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Restoration {
    #[n(0)]
    version: u8,
    /// When the copy was made.
    #[n(1)]
    pub copied_at: Millis,
    /// When it was put back.
    #[n(2)]
    pub restored_at: Millis,
    /// The series to go on with; without them those that the witness vouches for, or none.
    #[n(3)]
    pub series: Option<SeriesOfGrant>,
}

impl Restoration {
    /// What to tell.
    #[must_use]
    pub const fn new(copied_at: Millis, restored_at: Millis, series: Option<SeriesOfGrant>) -> Self {
        Self { version: RESTORATION_VERSION, copied_at, restored_at, series }
    }
}

impl View<'_> {
    /// Where this record stands.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn record_head(&self, province: ProvinceId) -> Result<RecordHead, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT boot, lsn, chain FROM log ORDER BY id")?;
        let head = |row: &Row<'_>| {
            Ok(LogHead { boot: BootId(row.get(0)?), lsn: sql::uint_at(row, 1)?, chain: Hash(row.get(2)?) })
        };
        let heads: Vec<LogHead> = statement.query_map([], head)?.collect::<Result<_, _>>()?;
        let position = heads.iter().fold(0u64, |sum, head| sum.saturating_add(head.lsn));
        Ok(RecordHead { position, logs: LogsSummary::of(province, &heads) })
    }
}

impl Reader {
    /// Writes the database as it stands in one moment into a new file, beside those who write. `told` hears how many
    /// bytes of how many are copied.
    ///
    /// # Errors
    /// The file is there already or cannot be made, or the disk is full or failing.
    pub fn copy_to(&self, path: &Path, told: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map_err(|error| StoreError::from_file(error, path))?;
        self.with_connection(|connection| {
            // Reading once holds this moment until the transaction ends, however many steps it takes.
            let moment = connection.unchecked_transaction()?;
            let page_bytes: u64 = moment.query_row("PRAGMA page_size", [], |row| sql::uint_at(row, 0))?;
            moment.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            let mut target = Connection::open(path)?;
            let copying = Backup::new(&moment, &mut target)?;
            loop {
                let step = copying.step(PAGES_PER_STEP)?;
                let seen = copying.progress();
                let bytes = |pages: i32| u64::try_from(pages).unwrap_or(0).saturating_mul(page_bytes);
                told(bytes(seen.pagecount.saturating_sub(seen.remaining)), bytes(seen.pagecount));
                if step == StepResult::Done {
                    return Ok(());
                }
                // Nobody else knows the target, and nobody is in the way of reading the source.
                if step != StepResult::More {
                    return Err(StoreError::Bug("a copy of the database was held up".to_owned()));
                }
            }
        })
    }

    /// Reads a copy that lies by itself in a file of any name; one of an older program is brought up to date.
    ///
    /// # Errors
    /// [`StoreError::Newer`], [`StoreError::Corrupt`].
    pub fn of_copy(path: &Path, at: Millis) -> Result<Self, StoreError> {
        drop(opened(path, at)?);
        Ok(Self::new(path.to_owned()))
    }
}

/// A copy that nobody else has open, up to date.
fn opened(path: &Path, at: Millis) -> Result<Connection, StoreError> {
    let mut connection = open_writing(path)?;
    migrate::migrate(&mut connection, at)?;
    Ok(connection)
}

/// Tells a copy that it is put back, before it stands where it will be used.
///
/// # Errors
/// It is not this machine's, of a newer program, or damaged.
pub fn tell_restored(
    path: &Path,
    machine: NodeId,
    restoration: &Restoration,
) -> Result<Identity, StoreError> {
    let connection = opened(path, restoration.restored_at)?;
    let identity = read_identity(&connection)?;
    if identity.machine != machine {
        return Err(StoreError::Corrupt { what: "whose the copy of the database is".to_owned() });
    }
    meta::put(&connection, RESTORATION_KEY, &meta::to_cbor(restoration))?;
    Ok(identity)
}

/// Removes a database and what SQLite keeps beside it.
pub fn remove_database(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let _there_may_be_none = std::fs::remove_file(PathBuf::from(name));
    }
}

/// What this database was told, once.
pub(crate) fn take_restoration(connection: &Connection) -> Result<Option<Restoration>, StoreError> {
    let Some(bytes) = meta::take(connection, RESTORATION_KEY)? else { return Ok(None) };
    connection.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([RESTORATION_KEY])?;
    meta::from_cbor(&bytes).map(Some)
}

/// Says that this machine was put back, until a person has compared with the papers.
pub(crate) fn set_restored(
    connection: &Connection,
    restoration: &Restoration,
    at: Millis,
) -> Result<(), StoreError> {
    let args = [("at", clock::for_people(restoration.copied_at))];
    conditions::clear(connection, conditions::RESTORED, "")?;
    conditions::set(connection, conditions::RESTORED, "", &args, at)
}

/// Leaves every series that may have been printed from in the time that was lost, and takes over those of a grant.
/// `is_vouched` says that the witness knows how far this machine came.
pub(crate) fn settle_series(
    connection: &Connection,
    series: Option<&SeriesOfGrant>,
    is_vouched: bool,
    at: Millis,
) -> Result<(), StoreError> {
    if is_vouched && series.is_none() {
        return Ok(());
    }
    connection
        .prepare_cached("UPDATE series SET state = 4, changed_at = ?1 WHERE state <> 4")?
        .execute([at.0])?;
    let Some(series) = series else { return Ok(()) };
    for (list, state) in [(&series.left, 4), (&series.given, 1)] {
        for one in list {
            connection
                .prepare_cached(
                    "INSERT INTO series (series, granted_at, state, changed_at) VALUES (?1, ?2, ?3, ?2) \
                     ON CONFLICT (series) DO UPDATE SET state = ?3, changed_at = ?2",
                )?
                .execute((one, at.0, state))?;
        }
    }
    Ok(())
}
