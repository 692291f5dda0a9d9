//! The writing thread: a bounded queue of jobs, several jobs per commit, the witness written beside it.
//!
//! Each job runs in a savepoint of its own, so that a refused one takes back only itself, in the file and in
//! memory. One commit makes the whole group durable; only then are the subscribers told what grew, and after that
//! the answers are given.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::Weak;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::hooks::Wal;
use sync_protocol::entry::Lsn;
use sync_protocol::ids::BootId;
use sync_protocol::ids::Hash;
use sync_protocol::time::Millis;

use crate::clock::Clock;
use crate::ids::AgencyCode;
use crate::store::StoreError;
use crate::store::conditions;
use crate::store::open::Identity;
use crate::store::open::Random;
use crate::store::open::Role;
use crate::store::sql;
use crate::store::trying::Trying;
use crate::store::view::View;
use crate::store::witness::NoWitness;
use crate::store::witness::Record;
use crate::store::witness::WitnessFile;

/// Jobs that may wait; who hands in more waits itself.
const QUEUE_JOBS_MAX: usize = 256;
/// Jobs that share one commit at most.
const GROUP_JOBS_MAX: usize = 128;
/// How long a group takes in further jobs before it commits.
const GROUP_FILL_MS: u64 = 50;
/// From so many pages of 4 kB in the write-ahead log on a checkpoint is made between groups.
const CHECKPOINT_WAL_PAGES: i32 = 1024;

/// What every job of this process may use.
#[derive(Debug)]
pub(crate) struct Env {
    pub(crate) trying: Trying,
    pub(crate) identity: Identity,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) program: String,
}

/// The log this process appends to, once it has appended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnBoot {
    pub(crate) boot: BootId,
    pub(crate) log: i64,
    pub(crate) lsn: Lsn,
    pub(crate) chain: Hash,
}

/// What the writing thread knows beside the file. A job that fails gets it put back.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    pub(crate) boot: Option<OwnBoot>,
    pub(crate) witness: Arc<Record>,
    /// Whether a witness vouches for the series in use, or this process itself has begun it.
    pub(crate) is_vouched: bool,
    /// Whether this group must be told to the witness.
    pub(crate) is_witness_due: bool,
    pub(crate) growth: Growth,
}

impl Memory {
    pub(crate) fn new(record: Record, is_vouched: bool) -> Self {
        Self {
            boot: None,
            witness: Arc::new(record),
            is_vouched,
            is_witness_due: false,
            growth: Growth::default(),
        }
    }

    pub(crate) fn witness_mut(&mut self) -> &mut Record {
        self.is_witness_due = true;
        Arc::make_mut(&mut self.witness)
    }
}

/// What one commit made longer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// This process's own log and its new end.
    pub own: Option<(BootId, Lsn)>,
    /// Feeds and their new last positions.
    pub feeds: BTreeMap<AgencyCode, u64>,
    /// The newest provincial item.
    pub item: Option<u64>,
    /// Whether any dossier changed.
    pub dossiers: bool,
}

/// Calls its notice until it is dropped.
#[must_use = "dropping it ends the notices"]
pub struct Subscription {
    _notice: Arc<Notice>,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscription")
    }
}

type Notice = dyn Fn(&Growth) + Send + Sync;

/// The promise of a job's answer.
#[derive(Debug)]
pub struct Ticket<T> {
    answer: Receiver<Result<T, StoreError>>,
}

impl<T> Ticket<T> {
    /// Waits until the job's commit is durable, or the job has failed.
    ///
    /// # Errors
    /// What the job returned, or why the commit failed.
    pub fn wait(self) -> Result<T, StoreError> {
        self.answer.recv().unwrap_or_else(|_| Err(stopped()))
    }
}

fn stopped() -> StoreError {
    StoreError::Bug("the writing thread has ended".to_owned())
}

/// A job inside the writing transaction. Derefs to [`View`], so every question can be asked inside it too and sees
/// what the job has written.
pub struct WriteTx<'a> {
    view: View<'a>,
    pub(crate) env: &'a Env,
    pub(crate) memory: &'a mut Memory,
    pub(crate) compressor: &'a mut zstd::bulk::Compressor<'static>,
}

impl fmt::Debug for WriteTx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteTx").field("memory", &self.memory).finish_non_exhaustive()
    }
}

impl<'a> Deref for WriteTx<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}

impl<'a> WriteTx<'a> {
    pub(crate) fn connection(&self) -> &'a Connection {
        self.view.connection
    }

    /// The wall clock as it stands.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.env.clock.wall()
    }

    /// Who this machine is.
    #[must_use]
    pub fn identity(&self) -> &'a Identity {
        &self.env.identity
    }

    /// Random bytes from this process's source.
    ///
    /// # Errors
    /// When there are none.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], StoreError> {
        let mut bytes = [0; N];
        self.env.random.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Runs `work` in a savepoint of its own: an error or a panic takes back what it did, here and in memory.
    pub(crate) fn nested<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Result<T, StoreError>, StoreError> {
        let connection = self.connection();
        let before = self.memory.clone();
        connection.prepare_cached("SAVEPOINT nested")?.execute([])?;
        let result = catch_unwind(AssertUnwindSafe(|| work(self)))
            .unwrap_or_else(|panic| Err(StoreError::Bug(panic_text(panic.as_ref()))));
        if result.is_err() {
            *self.memory = before;
            if connection.is_autocommit() {
                return Err(result.err().unwrap_or_else(stopped));
            }
            connection.prepare_cached("ROLLBACK TO nested")?.execute([])?;
        }
        connection.prepare_cached("RELEASE nested")?.execute([])?;
        Ok(result)
    }
}

/// What a panic said, if it said anything.
fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}

/// A job whose answer type is forgotten.
trait Job: Send {
    /// Does the work and keeps its answer for later.
    fn run(&mut self, tx: &mut WriteTx<'_>) -> Result<(), StoreError>;
    /// Gives the answer: its own, or why the group failed.
    fn answer(self: Box<Self>, group: Result<(), StoreError>);
}

struct Typed<T, Work, Done> {
    work: Option<Work>,
    kept: Option<Result<T, StoreError>>,
    done: Done,
}

impl<T, Work, Done> Job for Typed<T, Work, Done>
where
    T: Send,
    Work: FnOnce(&mut WriteTx<'_>) -> Result<T, StoreError> + Send,
    Done: FnOnce(Result<T, StoreError>) + Send,
{
    fn run(&mut self, tx: &mut WriteTx<'_>) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else { return Ok(()) };
        let result = catch_unwind(AssertUnwindSafe(|| work(tx)))
            .unwrap_or_else(|panic| Err(StoreError::Bug(panic_text(panic.as_ref()))));
        let outcome = result.as_ref().map(|_| ()).map_err(Clone::clone);
        self.kept = Some(result);
        outcome
    }

    fn answer(self: Box<Self>, group: Result<(), StoreError>) {
        let answer = match (self.kept, group) {
            (Some(Err(own)), _) => Err(own),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(stopped()),
            (Some(Ok(_)) | None, Err(error)) => Err(error),
        };
        let done = self.done;
        // Work that was not run may hold the store, and whoever is answered may want it closed.
        drop(self.work);
        // A listener that panics must not take the office's store with it.
        let _ = catch_unwind(AssertUnwindSafe(|| done(answer)));
    }
}

/// The handle to the writing thread.
pub(crate) struct Writer {
    jobs: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    notices: Mutex<Vec<Weak<Notice>>>,
    commits: AtomicU64,
    boot: Mutex<Option<BootId>>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer")
    }
}

impl Writer {
    pub(crate) fn start(
        mut connection: Connection,
        env: Arc<Env>,
        memory: Memory,
        witness: Option<WitnessFile>,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = sync_channel::<Box<dyn Job>>(QUEUE_JOBS_MAX);
        let shared = Arc::new(Shared::default());
        let witness = witness.map(WitnessThread::start).transpose()?;
        let compressor = zstd::bulk::Compressor::new(3).map_err(|error| StoreError::Io(Arc::new(error)))?;
        let wal_pages = Arc::new(AtomicI32::new(0));
        let counted = Arc::clone(&wal_pages);
        connection.wal_hook(Some(move |_: &mut Wal, pages| {
            counted.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        let state = Thread {
            connection,
            env,
            memory,
            witness,
            compressor,
            shared: Arc::clone(&shared),
            wal_pages,
            dead: None,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || state.serve(&queue))
            .map_err(|error| StoreError::Io(Arc::new(error)))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), shared })
    }

    pub(crate) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Ticket<T> {
        let (sender, answer) = sync_channel(1);
        self.submit_then(work, move |result| {
            // Nobody waits any more: the job stands all the same.
            let _ = sender.send(result);
        });
        Ticket { answer }
    }

    pub(crate) fn submit_then<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
        done: impl FnOnce(Result<T, StoreError>) + Send + 'static,
    ) {
        let job: Box<dyn Job> = Box::new(Typed { work: Some(work), kept: None, done });
        let refused = match &self.jobs {
            Some(jobs) => jobs.send(job).err().map(|unsent| unsent.0),
            None => Some(job),
        };
        if let Some(job) = refused {
            job.answer(Err(stopped()));
        }
    }

    pub(crate) fn subscribe(&self, notice: Arc<Notice>) -> Subscription {
        self.shared.notices.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&notice));
        Subscription { _notice: notice }
    }

    pub(crate) fn current_boot(&self) -> Option<BootId> {
        *self.shared.boot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported to its jobs; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

struct Thread {
    connection: Connection,
    env: Arc<Env>,
    memory: Memory,
    witness: Option<WitnessThread>,
    compressor: zstd::bulk::Compressor<'static>,
    shared: Arc<Shared>,
    /// Pages that the write-ahead log held after the last commit. Its file does not shrink, so its size says nothing.
    wal_pages: Arc<AtomicI32>,
    /// Why nothing more is accepted until the store is opened again.
    dead: Option<StoreError>,
}

impl Thread {
    fn serve(mut self, queue: &Receiver<Box<dyn Job>>) {
        while let Ok(first) = queue.recv() {
            match &self.dead {
                Some(error) => first.answer(Err(error.clone())),
                None => self.group(first, queue),
            }
        }
        self.close();
    }

    /// One commit: `first` and what else waits.
    fn group(&mut self, first: Box<dyn Job>, queue: &Receiver<Box<dyn Job>>) {
        let before = self.memory.clone();
        if let Err(error) = self.connection.execute_batch("BEGIN IMMEDIATE") {
            first.answer(Err(error.into()));
            return;
        }
        let started_ms = self.env.clock.monotonic_ms();
        let mut jobs = Vec::new();
        let mut lost = None;
        let mut next = Some(first);
        while let Some(mut job) = next {
            let ran = self.run(job.as_mut());
            jobs.push(job);
            if let Err(error) = ran {
                lost = Some(error);
                break;
            }
            let is_full = jobs.len() >= GROUP_JOBS_MAX
                || self.env.clock.monotonic_ms().saturating_sub(started_ms) >= GROUP_FILL_MS;
            next = if is_full { None } else { queue.try_recv().ok() };
        }
        let result = match lost {
            Some(error) => Err(error),
            None => self.commit(),
        };
        if result.is_err() {
            if !self.connection.is_autocommit() {
                // Whatever stays behind ends with the connection.
                let _ = self.connection.execute_batch("ROLLBACK");
            }
            // The witness may have seen this group: what was written there is not forgotten.
            let sequence = self.memory.witness.sequence;
            self.memory = before;
            Arc::make_mut(&mut self.memory.witness).sequence = sequence;
        }
        if result.is_ok() {
            // Before the answers: whoever has one knows that everybody who listens has heard of it.
            self.tell();
        }
        for job in jobs {
            job.answer(result.clone());
        }
        if result.is_ok() {
            self.checkpoint();
        }
    }

    /// Runs one job in its savepoint. An error means that the whole group is lost.
    fn run(&mut self, job: &mut dyn Job) -> Result<(), StoreError> {
        self.connection.prepare_cached("SAVEPOINT job")?.execute([])?;
        let before = self.memory.clone();
        let mut tx = WriteTx {
            view: View { connection: &self.connection },
            env: &self.env,
            memory: &mut self.memory,
            compressor: &mut self.compressor,
        };
        if let Err(error) = job.run(&mut tx) {
            self.memory = before;
            if self.connection.is_autocommit() {
                // SQLite itself rolled everything back: a full disk or a failing one.
                return Err(error);
            }
            self.connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
        }
        self.connection.prepare_cached("RELEASE job")?.execute([])?;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let is_told = self.memory.is_witness_due && self.witness.is_some();
        if self.memory.is_witness_due {
            let in_flight = self.memory.boot.map_or(0, |own| own.lsn);
            let record = self.memory.witness_mut();
            record.sequence += 1;
            record.in_flight = in_flight.max(record.confirmed);
        }
        if let (true, Some(witness)) = (is_told, &self.witness) {
            witness.begin(Arc::clone(&self.memory.witness));
        }
        let committed = self.connection.execute_batch("COMMIT");
        let told = match (is_told, &self.witness) {
            (true, Some(witness)) => witness.end(),
            (true, None) | (false, _) => Ok(()),
        };
        if let Err(error) = committed {
            let error = StoreError::from(error);
            if matches!(error, StoreError::Io(_)) {
                // After a failed sync nobody knows what the disk holds: reopen and look.
                self.dead = Some(error.clone());
            }
            return Err(error);
        }
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        *self.shared.boot.lock().unwrap_or_else(PoisonError::into_inner) =
            self.memory.boot.map(|own| own.boot);
        if self.memory.is_witness_due {
            let record = self.memory.witness_mut();
            record.confirm();
            self.memory.is_witness_due = false;
        }
        if told.and_then(|()| self.confirm_items()).is_err() {
            self.lose_witness();
        }
        Ok(())
    }

    /// At the province the witness is told at once that an item was committed: a copy of just before must show as
    /// such, whatever became of this process. Items are few.
    fn confirm_items(&mut self) -> std::io::Result<()> {
        let is_due = self.memory.growth.item.is_some() && self.env.identity.role == Role::Province;
        let Some(witness) = self.witness.as_ref().filter(|_| is_due) else { return Ok(()) };
        Arc::make_mut(&mut self.memory.witness).sequence += 1;
        witness.begin(Arc::clone(&self.memory.witness));
        witness.end()
    }

    /// The entries are safe, but nothing vouches for the numbers any more: the next one starts a new series.
    fn lose_witness(&mut self) {
        self.witness = None;
        self.memory.is_vouched = false;
        let why = [("why", NoWitness::NotWritable.name().to_owned())];
        let at = self.env.clock.wall();
        if let Err(error) = conditions::set(&self.connection, conditions::NO_WITNESS, "", &why, at) {
            tracing::error!(error = %error, "the witness cannot be written, and this cannot be noted");
        }
        tracing::error!("the witness cannot be written; numbers go on in another series");
    }

    fn tell(&mut self) {
        let growth = std::mem::take(&mut self.memory.growth);
        if growth == Growth::default() {
            return;
        }
        let mut live = Vec::new();
        self.shared.notices.lock().unwrap_or_else(PoisonError::into_inner).retain(|notice| {
            let notice = notice.upgrade();
            let is_live = notice.is_some();
            live.extend(notice);
            is_live
        });
        for notice in live {
            let _ = catch_unwind(AssertUnwindSafe(|| notice(&growth)));
        }
    }

    fn checkpoint(&self) {
        if self.wal_pages.load(Ordering::Relaxed) >= CHECKPOINT_WAL_PAGES {
            let done = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
            if let Err(error) = done {
                tracing::warn!(error = %error, "no checkpoint could be made; the next one will be tried");
            }
        }
    }

    /// An orderly end: what was in flight is confirmed.
    fn close(mut self) {
        let Some(witness) = self.witness.take() else { return };
        let is_told = self.memory.boot.is_some() || self.memory.witness.items.is_some();
        if is_told && self.dead.is_none() {
            let record = self.memory.witness_mut();
            record.sequence += 1;
            record.in_flight = record.confirmed;
            witness.begin(Arc::clone(&self.memory.witness));
            let _ = witness.end();
        }
    }
}

/// Writes the witness beside the commit.
struct WitnessThread {
    records: Option<SyncSender<Arc<Record>>>,
    results: Receiver<std::io::Result<()>>,
    thread: Option<JoinHandle<()>>,
}

impl WitnessThread {
    fn start(mut file: WitnessFile) -> Result<Self, StoreError> {
        let (records, queue) = sync_channel::<Arc<Record>>(1);
        let (done, results) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("store-witness".to_owned())
            .spawn(move || {
                while let Ok(record) = queue.recv() {
                    if done.send(file.write(&record)).is_err() {
                        break;
                    }
                }
            })
            .map_err(|error| StoreError::Io(Arc::new(error)))?;
        Ok(Self { records: Some(records), results, thread: Some(thread) })
    }

    fn begin(&self, record: Arc<Record>) {
        if let Some(records) = &self.records {
            // If the thread is gone, `end` says so.
            let _ = records.send(record);
        }
    }

    fn end(&self) -> std::io::Result<()> {
        self.results.recv().unwrap_or_else(|_| Err(std::io::Error::other("the witness thread has ended")))
    }
}

impl Drop for WitnessThread {
    fn drop(&mut self) {
        self.records = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl WriteTx<'_> {
    pub(crate) fn grew_own(&mut self, boot: BootId, lsn: Lsn) {
        self.memory.growth.own = Some((boot, lsn));
    }

    pub(crate) fn grew_feed(&mut self, seat: &AgencyCode, position: u64) {
        self.memory.growth.feeds.insert(seat.clone(), position);
    }

    pub(crate) fn grew_items(&mut self, n: u64) {
        self.memory.growth.item = Some(n);
        if self.env.identity.role == Role::Province {
            self.memory.witness_mut().note_item(n);
        }
    }

    /// The row id of the last insert.
    pub(crate) fn last_row(&self) -> i64 {
        self.connection().last_insert_rowid()
    }

    /// The number of rows a statement changed, as it is bound to SQL elsewhere.
    pub(crate) fn execute(&self, statement: &str, params: impl rusqlite::Params) -> Result<u64, StoreError> {
        let changed = self.connection().prepare_cached(statement)?.execute(params)?;
        Ok(sql::uint(sql::len(changed)))
    }
}
