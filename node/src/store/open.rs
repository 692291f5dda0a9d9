//! Creating and opening: the directory's lock, the file, its settings, who this machine is, and what the witness
//! says about it all.

use std::fmt::Debug;
use std::fs::File;
use std::fs::OpenOptions as OpenFile;
use std::fs::TryLockError;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use minicbor::Decode;
use minicbor::Encode;
use rusqlite::Connection;
use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use sync_protocol::ids::BootId;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::ProvinceId;
use sync_protocol::time::Millis;

use crate::clock::Clock;
use crate::ids::AgencyCode;
use crate::store::StoreError;
use crate::store::conditions;
use crate::store::copy;
use crate::store::copy::Restoration;
use crate::store::log;
use crate::store::meta;
use crate::store::migrate;
use crate::store::numbers;
use crate::store::restored;
use crate::store::trying::Trying;
use crate::store::view::View;
use crate::store::witness::NoWitness;
use crate::store::witness::Record;
use crate::store::witness::WitnessFile;
use crate::store::writer::Env;
use crate::store::writer::Growth;
use crate::store::writer::Memory;
use crate::store::writer::Subscription;
use crate::store::writer::Ticket;
use crate::store::writer::WriteTx;
use crate::store::writer::Writer;

/// The database's name in its directory.
pub const FILE_NAME: &str = "motcua.db";
/// The lock's name: held by the one process that may write.
pub const LOCK_NAME: &str = "motcua.lock";
/// Older SQLite loses data when a WAL is reset at the wrong moment.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// Reading connections kept open between questions.
const READERS_KEPT_MAX: usize = 8;
/// How long a statement waits for another process's short lock.
const BUSY_WAIT_MS: u32 = 10_000;
const STATEMENTS_CACHED: usize = 160;
/// Under it: the boot of the witness at which this database was last told that it shares it with another copy.
const TOLD_SHARED_KEY: &str = "told_shared";

/// What the machine that owns a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// A commune node: one seat, one feed, its own numbers.
    #[n(1)]
    Commune,
    /// The provincial server: everyone's logs, a feed per node seat, the chain of items.
    #[n(2)]
    Province,
}

/// Who the machine that owns a directory is. Given at creation, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Identity {
    /// The province.
    #[n(0)]
    pub province: ProvinceId,
    /// The machine.
    #[n(1)]
    pub machine: NodeId,
    /// The seat it runs for.
    #[n(2)]
    pub seat: AgencyCode,
    /// What it is.
    #[n(3)]
    pub role: Role,
}

/// Makes an office's directory for its owner alone: it holds citizens' data. One that exists keeps its permissions.
///
/// # Errors
/// [`StoreError::NotWritable`] or [`StoreError::DiskFull`].
pub fn create_private(dir: &Path) -> Result<(), StoreError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| StoreError::from_file(error, dir))
}

/// Where random bytes come from; tests bring their own.
pub trait Random: Debug + Send + Sync {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// When the machine cannot give random bytes; nothing may be minted then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), StoreError>;
}

/// The operating system's random source.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), StoreError> {
        getrandom::fill(bytes)
            .map_err(|error| StoreError::Io(Arc::new(std::io::Error::other(error.to_string()))))
    }
}

/// What a process brings to a store.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// The witness, outside the directory, one per identity.
    pub witness: PathBuf,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub random: Arc<dyn Random>,
    /// The program's version, written into each boot entry.
    pub program: String,
    /// The most pages the file may have; one that has more already stays as it is and does not grow. `None`: as many
    /// as the disk has room for.
    pub pages_max: Option<u32>,
}

impl OpenOptions {
    /// The machine's own clock and random source, and this program's version.
    #[must_use]
    pub fn new(witness: impl Into<PathBuf>) -> Self {
        Self {
            witness: witness.into(),
            clock: Arc::new(crate::clock::SystemClock::new()),
            random: Arc::new(SystemRandom),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            pages_max: None,
        }
    }
}

/// A store open for writing. Dropping it ends the writing thread in order and gives the directory back.
#[derive(Debug)]
pub struct Store {
    reader: Reader,
    identity: Identity,
    env: Arc<Env>,
    // The lock is given back after the writer has ended: fields drop in this order.
    writer: Writer,
    _lock: File,
}

impl Store {
    /// Makes a store and its witness in `dir`, which may not exist yet, and opens it.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when there is one already, [`StoreError::NotWritable`] with the path to correct,
    /// [`StoreError::Locked`], [`StoreError::DiskFull`].
    pub fn create(dir: &Path, identity: &Identity, options: OpenOptions) -> Result<Self, StoreError> {
        create_private(dir)?;
        let lock = lock(dir)?;
        let path = dir.join(FILE_NAME);
        if path.exists() {
            return Err(StoreError::Exists { path: dir.to_owned() });
        }
        // Built under another name, so that a crash leaves no half store behind the real one.
        let building = dir.join("motcua.db.new");
        for leftover in [&building, &dir.join("motcua.db.new-wal"), &dir.join("motcua.db.new-shm")] {
            match std::fs::remove_file(leftover) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::from_file(error, leftover));
                }
                Ok(()) | Err(_) => {}
            }
        }
        // Made by us before SQLite opens it, so that nobody else on the machine may read it or its side files.
        OpenFile::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&building)
            .map_err(|error| StoreError::from_file(error, &building))?;
        let mut connection = open_writing(&building)?;
        migrate::migrate(&mut connection, options.clock.wall())?;
        meta::put(&connection, meta::IDENTITY, &meta::to_cbor(identity))?;
        drop(connection);
        match WitnessFile::create(&options.witness, &Record::new(identity.machine)) {
            // Somebody else's file is left alone; the condition is set below, when the store is opened.
            Ok(_) | Err(NoWitness::Locked | NoWitness::OtherMachine) => {}
            Err(NoWitness::Missing | NoWitness::Unreadable | NoWitness::NotWritable) => {
                return Err(StoreError::NotWritable { path: options.witness });
            }
        }
        std::fs::rename(&building, &path).map_err(|error| StoreError::from_file(error, &path))?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| StoreError::from_file(error, dir))?;
        Self::open_locked(dir, options, lock)
    }

    /// Opens the store in `dir` for writing: takes the directory's lock, brings the file up to date, and asks the
    /// witness whether it was rolled back or copied.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process writes, [`StoreError::Newer`], [`StoreError::Absent`],
    /// [`StoreError::NotWritable`], [`StoreError::Corrupt`].
    pub fn open(dir: &Path, options: OpenOptions) -> Result<Self, StoreError> {
        if !dir.join(FILE_NAME).exists() {
            return Err(StoreError::Absent { path: dir.to_owned() });
        }
        let lock = lock(dir)?;
        Self::open_locked(dir, options, lock)
    }

    fn open_locked(dir: &Path, options: OpenOptions, lock: File) -> Result<Self, StoreError> {
        let path = dir.join(FILE_NAME);
        let mut connection = open_writing(&path)?;
        migrate::migrate(&mut connection, options.clock.wall())?;
        let identity = read_identity(&connection)?;
        let trying = Trying::open(dir, &connection, options.clock.wall())?;
        let env = Arc::new(Env {
            trying,
            identity: identity.clone(),
            clock: options.clock,
            random: options.random,
            program: options.program,
        });
        if let Some(pages_max) = options.pages_max {
            connection.query_row(&format!("PRAGMA max_page_count = {pages_max}"), [], |_| Ok(()))?;
        }
        let (witness, record, is_vouched) = ask_witness(&mut connection, &env, &options.witness)?;
        let memory = Memory::new(record, is_vouched);
        let writer = Writer::start(connection, Arc::clone(&env), memory, witness)?;
        let reader = Reader::new(path);
        Ok(Self { reader, identity, env, writer, _lock: lock })
    }

    /// Who this machine is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The clock this store was opened with.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.env.clock
    }

    /// The reading side, which may be cloned and shared.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Asks questions, all answered from one moment. Never waits for the writer.
    ///
    /// # Errors
    /// What `questions` returns, or why the file cannot be read.
    pub fn read<T>(
        &self,
        questions: impl FnOnce(&View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.reader.read(questions)
    }

    /// Runs `job` on the writing thread and waits until it is durable. Blocks; never call it from an async task.
    ///
    /// # Errors
    /// What `job` returns, and then nothing of it was written; or why the commit failed.
    pub fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.submit(job).wait()
    }

    /// Hands `job` to the writing thread; several jobs handed in share one commit. Blocks only while the queue is
    /// full.
    pub fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Ticket<T> {
        self.writer.submit(job)
    }

    /// As [`Store::submit`], and `done` is called on the writing thread with the answer. It must not block.
    pub fn submit_then<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
        done: impl FnOnce(Result<T, StoreError>) + Send + 'static,
    ) {
        self.writer.submit_then(job, done);
    }

    /// Calls `notice` after each commit that made something grow, on the writing thread and before the answers to its
    /// jobs, until the subscription is dropped. It must be quick: wake somebody, or put it where somebody looks.
    pub fn subscribe(&self, notice: impl Fn(&Growth) + Send + Sync + 'static) -> Subscription {
        self.writer.subscribe(Arc::new(notice))
    }

    /// The log this process appends to, once an own append is durable.
    #[must_use]
    pub fn current_boot(&self) -> Option<BootId> {
        self.writer.current_boot()
    }

    /// How many commits this process has made; for tests and figures.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }
}

/// Reads a store, whether or not another process serves it.
#[derive(Clone, Debug)]
pub struct Reader {
    inner: Arc<ReaderInner>,
}

#[derive(Debug)]
struct ReaderInner {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Reader {
    /// Opens the store in `dir` for reading only; needs no lock. A file of an older program is brought up to date
    /// first.
    ///
    /// # Errors
    /// [`StoreError::Absent`], [`StoreError::Newer`], [`StoreError::Corrupt`]; [`StoreError::Locked`] only when the
    /// file is older and another process holds it.
    pub fn open(dir: &Path, clock: &dyn Clock) -> Result<Self, StoreError> {
        let path = dir.join(FILE_NAME);
        if !path.exists() {
            return Err(StoreError::Absent { path: dir.to_owned() });
        }
        let reader = Self::new(path.clone());
        let version = reader.with_connection(migrate::version)?;
        if version < migrate::newest() {
            let _lock = lock(dir)?;
            migrate::migrate(&mut open_writing(&path)?, clock.wall())?;
        }
        Ok(reader)
    }

    pub(super) fn new(path: PathBuf) -> Self {
        Self { inner: Arc::new(ReaderInner { path, idle: Mutex::new(Vec::new()) }) }
    }

    /// Who the machine of this store is.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn identity(&self) -> Result<Identity, StoreError> {
        self.read(|view| read_identity(view.connection))
    }

    /// Asks questions, all answered from one moment.
    ///
    /// # Errors
    /// What `questions` returns, or why the file cannot be read.
    pub fn read<T>(
        &self,
        questions: impl FnOnce(&View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with_connection(|connection| {
            let transaction = connection.unchecked_transaction()?;
            questions(&View { connection: &transaction })
        })
    }

    pub(super) fn with_connection<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_reading(&self.inner.path)?,
        };
        let answer = work(&connection);
        let mut idle = self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS_KEPT_MAX && connection.is_autocommit() {
            idle.push(connection);
        }
        answer
    }
}

pub(crate) fn read_identity(connection: &Connection) -> Result<Identity, StoreError> {
    let bytes = meta::take(connection, meta::IDENTITY)?
        .ok_or_else(|| StoreError::Corrupt { what: "the store does not say whose it is".to_owned() })?;
    meta::from_cbor(&bytes)
}

/// Takes the directory's lock for as long as the file lives.
pub(crate) fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK_NAME);
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let file = opened.map_err(|error| StoreError::from_file(error, &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked),
        Err(TryLockError::Error(error)) => Err(StoreError::from_file(error, &path)),
    }
}

pub(crate) fn open_writing(path: &Path) -> Result<Connection, StoreError> {
    assert_sqlite()?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open_with(path, flags)?;
    // Checked before anything is set: nothing is written into a newer program's file.
    migrate::version(&connection)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::NotWritable { path: path.to_owned() });
    }
    // The writing thread makes checkpoints itself, after it has answered.
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 0; \
         PRAGMA journal_size_limit = 67108864;",
    )?;
    Ok(connection)
}

fn open_reading(path: &Path) -> Result<Connection, StoreError> {
    assert_sqlite()?;
    let connection = open_with(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.execute_batch("PRAGMA query_only = ON;")?;
    Ok(connection)
}

fn open_with(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags).map_err(|error| named(error, path))?;
    connection
        .execute_batch(&format!(
            "PRAGMA busy_timeout = {BUSY_WAIT_MS}; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
             PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
        ))
        .map_err(|error| named(error, path))?;
    // A plan that looks at bound values is made anew whenever a kept statement gets others, which costs more than
    // most of ours take to run. So none looks at them: what a partial index is for stands in the SQL as a literal.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(|error| named(error, path))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    Ok(connection)
}

fn named(error: rusqlite::Error, path: &Path) -> StoreError {
    let mut error = StoreError::from(error);
    if let StoreError::NotWritable { path: named } = &mut error {
        path.clone_into(named);
    }
    error
}

fn assert_sqlite() -> Result<(), StoreError> {
    let version = rusqlite::version_number();
    if version >= SQLITE_VERSION_MIN {
        Ok(())
    } else {
        Err(StoreError::Bug(format!("SQLite {version} is older than {SQLITE_VERSION_MIN}")))
    }
}

/// Compares database and witness and draws the consequences, before anything else is written.
///
/// Returns the file while this process may write it, the record to go on from, and whether it vouches for the
/// series in use.
fn ask_witness(
    connection: &mut Connection,
    env: &Env,
    path: &Path,
) -> Result<(Option<WitnessFile>, Record, bool), StoreError> {
    let at = env.clock.wall();
    let machine = env.identity.machine;
    let opened = WitnessFile::open(path, machine);
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if let Some(restoration) = copy::take_restoration(&tx)? {
        return after_restore(tx, env, path, opened, &restoration);
    }
    match opened {
        Ok((mut file, mut record)) => {
            let lsn_of = |boot: BootId| log::lsn_of(&tx, boot);
            let before = record.clone();
            let is_rolled_back = record.shows_rollback(lsn_of)?;
            if record != before {
                // Noted at once: this process may append nothing, and the other copy is to be told too.
                record.sequence += 1;
                write_or_tell_again(&mut file, &record);
            }
            tell_of_other_copy(&tx, &record, at)?;
            let items_n = (View { connection: &tx }).item_head()?.n;
            let lost_items = record.lost_items(items_n);
            let is_put_back = env.identity.role == Role::Province && (is_rolled_back || lost_items > 0);
            if is_put_back {
                restored::note_restored(&tx, restored::margin_of(lost_items), at)?;
            } else if is_rolled_back {
                set_rolled_back(&tx, &record, at)?;
            } else {
                conditions::clear_unless_kept(&tx)?;
                if let Some(boot) = record.boot {
                    record.confirmed = record.confirmed.max(log::lsn_of(&tx, boot)?);
                }
            }
            numbers::merge_witness(&tx, &mut record, is_rolled_back || is_put_back, at)?;
            tx.commit()?;
            if is_put_back || is_rolled_back {
                record.go_on_from(items_n);
                record.sequence += 1;
                write_or_tell_again(&mut file, &record);
            }
            Ok((Some(file), record, true))
        }
        Err(why) => {
            conditions::set(&tx, conditions::NO_WITNESS, "", &[("why", why.name().to_owned())], at)?;
            match why {
                NoWitness::Missing | NoWitness::Unreadable => {
                    // First the series is left, durably; then a new witness may vouch for the next one.
                    numbers::leave_unvouched_series(&tx, at)?;
                    let record = numbers::record_from_database(&tx, machine)?;
                    tx.commit()?;
                    Ok(match WitnessFile::create(path, &record) {
                        Ok(file) => (Some(file), record, true),
                        Err(_) => (None, record, false),
                    })
                }
                NoWitness::Locked | NoWitness::OtherMachine | NoWitness::NotWritable => {
                    tx.commit()?;
                    Ok((None, Record::new(machine), false))
                }
            }
        }
    }
}

/// As [`ask_witness`] for a database that was just put back from a backup: it is old by its own word, so nothing is
/// guessed from what the witness saw last, and what it knows of numbers is all that counts. Without it every series
/// known here is left for ever.
fn after_restore(
    tx: rusqlite::Transaction<'_>,
    env: &Env,
    path: &Path,
    opened: Result<(WitnessFile, Record), NoWitness>,
    restoration: &Restoration,
) -> Result<(Option<WitnessFile>, Record, bool), StoreError> {
    let at = env.clock.wall();
    let machine = env.identity.machine;
    let items_n = (View { connection: &tx }).item_head()?.n;
    let lost_items = opened.as_ref().map_or(0, |(_, record)| record.lost_items(items_n));
    match env.identity.role {
        Role::Province => restored::note_put_back(&tx, restored::margin_of(lost_items), at)?,
        Role::Commune => copy::set_restored(&tx, restoration, at)?,
    }
    let series = restoration.series.as_ref();
    match opened {
        Ok((mut file, mut record)) => {
            record.note_put_back(|boot| log::lsn_of(&tx, boot))?;
            numbers::merge_witness(&tx, &mut record, series.is_none(), at)?;
            copy::settle_series(&tx, series, true, at)?;
            record.series = numbers::series_in_use(&tx)?.map(|(series, _)| series);
            record.go_on_from(items_n);
            record.sequence += 1;
            tx.commit()?;
            write_or_tell_again(&mut file, &record);
            Ok((Some(file), record, true))
        }
        Err(why) => {
            copy::settle_series(&tx, series, false, at)?;
            let record = numbers::record_from_database(&tx, machine)?;
            let is_gone = matches!(why, NoWitness::Missing | NoWitness::Unreadable);
            if !is_gone {
                conditions::set(&tx, conditions::NO_WITNESS, "", &[("why", why.name().to_owned())], at)?;
            }
            tx.commit()?;
            Ok(match is_gone.then(|| WitnessFile::create(path, &record)) {
                Some(Ok(file)) => (Some(file), record, true),
                Some(Err(_)) | None => (None, record, false),
            })
        }
    }
}

/// Writes a witness that has told of what was lost. Where that fails, it tells the next to open the store once more.
fn write_or_tell_again(file: &mut WitnessFile, record: &Record) {
    if let Err(error) = file.write(record) {
        tracing::error!(%error, "the witness cannot be written");
    }
}

/// Whether the machine's witness is here, and if so whether a process holds it: then that machine is at work.
#[must_use]
pub fn is_witness_held(path: &Path, machine: NodeId) -> Option<bool> {
    match WitnessFile::open(path, machine) {
        Ok(_) => Some(false),
        Err(NoWitness::Locked) => Some(true),
        Err(_) => None,
    }
}

/// Two copies of this directory take turns under one witness: said once in each of them.
fn tell_of_other_copy(connection: &Connection, record: &Record, at: Millis) -> Result<(), StoreError> {
    let Some(boot) = record.shared_at else { return Ok(()) };
    if meta::take(connection, TOLD_SHARED_KEY)?.as_deref() == Some(&boot.0) {
        return Ok(());
    }
    meta::put(connection, TOLD_SHARED_KEY, &boot.0)?;
    conditions::set(connection, conditions::OTHER_COPY, "", &[("boot", boot.to_string())], at)
}

/// Told again while it stands, what is known of the numbers that were given adds up.
fn set_rolled_back(connection: &Connection, record: &Record, at: Millis) -> Result<(), StoreError> {
    let Some((boot, lsn)) = record.lacked else { return Ok(()) };
    let mut drawn = numbers::drawn_later(connection, record)?;
    if let Some(standing) = conditions::standing(connection, conditions::ROLLED_BACK)? {
        drawn.extend(standing.arg("drawn").unwrap_or_default().split_whitespace().map(str::to_owned));
    }
    let args = [("boot", boot.to_string()), ("lsn", lsn.to_string()), ("drawn", drawn.join(" "))];
    conditions::set(connection, conditions::ROLLED_BACK, "", &args, at)
}
