//! One machine: its files, its clock, and its process while one runs. Processes end in order or die; directories are
//! copied and put back as files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use motcua_node::clock::Clock;
use motcua_node::roles::Office;
use motcua_node::store::OpenOptions;
use motcua_node::store::Reader;
use motcua_node::store::numbers::SeriesState;
use motcua_node::store::open::FILE_NAME;
use sync_protocol::time::Millis;

use crate::faults::chance::Chance;
use crate::faults::chance::SeededRandom;

/// Monday 2 March 2026, 08:00 in Vietnam.
pub const BEGINNING: Millis = Millis(1_772_413_200_000);

/// A clock that stands still unless the world moves it, and lies when it is told to.
#[derive(Debug)]
pub struct WorldClock {
    wall: AtomicI64,
    monotonic: AtomicU64,
}

impl WorldClock {
    /// A clock at [`BEGINNING`].
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { wall: AtomicI64::new(BEGINNING.0), monotonic: AtomicU64::new(0) })
    }

    /// Time passes.
    pub fn pass(&self, passed_ms: u64) {
        self.wall.fetch_add(i64::try_from(passed_ms).unwrap_or(0), Ordering::Relaxed);
        self.monotonic.fetch_add(passed_ms, Ordering::Relaxed);
    }

    /// It shows what another one shows.
    pub fn follow(&self, other: &Self) {
        self.wall.store(other.wall.load(Ordering::Relaxed), Ordering::Relaxed);
        self.monotonic.store(other.monotonic.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The wall clock is set by somebody, or by an empty battery.
    pub fn set(&self, wall: Millis) {
        self.wall.store(wall.0, Ordering::Relaxed);
    }
}

impl Clock for WorldClock {
    fn wall(&self) -> Millis {
        // Each look is later than the last, so that nothing rests on two equal times.
        Millis(self.wall.fetch_add(1, Ordering::Relaxed))
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic.load(Ordering::Relaxed)
    }

    fn wait_ms(&self, duration_ms: u64) {
        self.pass(duration_ms);
    }
}

/// Where a machine's files lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its directory.
    pub dir: PathBuf,
    /// Its witness.
    pub witness: PathBuf,
}

impl Place {
    fn database(&self) -> PathBuf {
        self.dir.join(FILE_NAME)
    }

    fn beside_database(&self, suffix: &str) -> PathBuf {
        let mut path = self.database().into_os_string();
        path.push(suffix);
        path.into()
    }

    fn wal(&self) -> PathBuf {
        self.beside_database("-wal")
    }
}

/// The files that a commit writes, as they were before it.
#[derive(Clone, Debug)]
pub struct Files {
    database: Vec<u8>,
    wal: Vec<u8>,
    witness: Option<Vec<u8>>,
}

impl Files {
    /// The files as they are now.
    #[must_use]
    pub fn read(place: &Place) -> Self {
        Self {
            database: std::fs::read(place.database()).unwrap_or_default(),
            wal: std::fs::read(place.wal()).unwrap_or_default(),
            witness: std::fs::read(&place.witness).ok(),
        }
    }

    /// Makes the files what a power failure during the commit leaves: a beginning of what was written to the
    /// write-ahead log, and the witness, which is written beside it, before or after.
    ///
    /// # Panics
    /// The files cannot be written.
    fn tear(&self, place: &Place, chance: &mut Chance) {
        let now = Self::read(place);
        // Behind a checkpoint the commit was durable.
        if now.database == self.database && now.wal != self.wal {
            let is_new = |at: &usize| now.wal.get(*at) != self.wal.get(*at);
            let first = (0..now.wal.len()).find(is_new).unwrap_or(0);
            let cut = first + chance.place(now.wal.len() - first + 1);
            let old = self.wal.get(cut..).unwrap_or_default();
            std::fs::write(place.wal(), [&now.wal[..cut], old].concat()).unwrap();
            // The index of the log is made anew by whoever opens it first.
            let _ = std::fs::remove_file(place.beside_database("-shm"));
        }
        if let (Some(witness), true) = (&self.witness, chance.percent(50)) {
            std::fs::write(&place.witness, witness).unwrap();
        }
    }
}

/// One machine.
#[derive(Debug)]
pub struct Machine {
    /// Its name in reports.
    pub name: String,
    /// Its directory.
    pub dir: PathBuf,
    /// Its witness.
    pub witness: PathBuf,
    /// Its clock.
    pub clock: Arc<WorldClock>,
    /// Its process, while one runs.
    pub office: Option<Arc<Office>>,
    /// Whether its disk has no room left.
    pub is_disk_full: bool,
    processes: u64,
}

impl Machine {
    /// A machine below a folder, without files yet.
    #[must_use]
    pub fn new(below: &Path, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            dir: below.join(name).join("data"),
            witness: below.join(name).join("state").join("witness"),
            clock: WorldClock::new(),
            office: None,
            is_disk_full: false,
            processes: 0,
        }
    }

    /// What its next process opens its store with.
    pub fn options(&mut self, seed: u64) -> OpenOptions {
        self.options_with(Arc::new(SeededRandom::new(seed)))
    }

    fn options_with(&mut self, random: Arc<SeededRandom>) -> OpenOptions {
        self.processes += 1;
        OpenOptions {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            random,
            program: format!("test {}", self.processes),
            pages_max: self.is_disk_full.then_some(1),
            ..OpenOptions::new(&self.witness)
        }
    }

    /// Starts a process.
    ///
    /// # Panics
    /// The store cannot be opened.
    pub fn start(&mut self, seed: u64) {
        self.start_with(Arc::new(SeededRandom::new(seed)));
    }

    /// Starts a process with this random source.
    ///
    /// # Panics
    /// The store cannot be opened.
    pub fn start_with(&mut self, random: Arc<SeededRandom>) {
        if self.office.is_none() {
            let options = self.options_with(random);
            let opened = Office::open_with(&self.dir, |_| options);
            self.office = Some(Arc::new(opened.unwrap_or_else(|error| panic!("{}: {error}", self.name))));
        }
    }

    /// The running process's office.
    ///
    /// # Panics
    /// None runs.
    #[must_use]
    pub fn office(&self) -> &Arc<Office> {
        self.office.as_ref().unwrap_or_else(|| panic!("{} does not run", self.name))
    }

    /// Ends the process in order. Whoever else holds the office must have dropped it.
    ///
    /// # Panics
    /// Somebody still holds it.
    pub fn stop(&mut self) {
        if let Some(office) = self.office.take() {
            let store = Arc::downgrade(&office.store);
            drop(office);
            assert!(store.upgrade().is_none(), "{}: its store is still held", self.name);
        }
    }

    /// A machine below a folder with the same files, witness and clock, that takes itself for this one.
    ///
    /// # Panics
    /// The files cannot be copied.
    #[must_use]
    pub fn image(&self, below: &Path, name: &str) -> Self {
        let image = Self { processes: self.processes, ..Self::new(below, name) };
        self.copy_to(&image.dir);
        std::fs::create_dir_all(image.witness.parent().unwrap()).unwrap();
        copy_file(&self.witness, &image.witness);
        image.clock.follow(&self.clock);
        image
    }

    /// Where its files lie.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { dir: self.dir.clone(), witness: self.witness.clone() }
    }

    /// The power fails while a commit is written that nobody was told of.
    ///
    /// # Panics
    /// The files cannot be copied.
    pub fn kill_during(&mut self, before: &Files, chance: &mut Chance) {
        self.kill();
        before.tear(&self.place(), chance);
    }

    /// The process dies: what is on the disk at this moment is what its next process finds.
    ///
    /// # Panics
    /// The files cannot be copied.
    pub fn kill(&mut self) {
        if self.office.is_some() {
            let (dir, witness) = (self.dir.with_extension("died"), self.witness.with_extension("died"));
            copy_folder(&self.dir, &dir);
            copy_file(&self.witness, &witness);
            self.stop();
            std::fs::remove_dir_all(&self.dir).unwrap();
            std::fs::rename(&dir, &self.dir).unwrap();
            if witness.exists() {
                std::fs::rename(&witness, &self.witness).unwrap();
            }
        }
    }

    /// Copies the directory, without the witness, which lies outside it.
    ///
    /// # Panics
    /// The files cannot be copied.
    pub fn copy_to(&self, to: &Path) {
        copy_folder(&self.dir, to);
    }

    /// Puts an earlier copy in the place of the directory. The process must have ended.
    ///
    /// # Panics
    /// A process runs, or the files cannot be copied.
    pub fn put_back(&mut self, copy: &Path, is_witness_kept: bool) {
        assert!(self.office.is_none(), "{} runs", self.name);
        std::fs::remove_dir_all(&self.dir).unwrap();
        copy_folder(copy, &self.dir);
        if !is_witness_kept {
            let _ = std::fs::remove_file(&self.witness);
        }
    }

    /// The series from which numbers may have been drawn in this directory.
    ///
    /// # Panics
    /// The store cannot be read.
    #[must_use]
    pub fn begun_series(&self) -> BTreeSet<String> {
        let begun = |(_, state): &(String, SeriesState)| *state != SeriesState::Unused;
        self.series().into_iter().filter(begun).map(|(name, _)| name).collect()
    }

    /// Whether the series is chosen from which the next number is drawn.
    ///
    /// # Panics
    /// The store cannot be read.
    #[must_use]
    pub fn has_series_in_use(&self) -> bool {
        self.series().iter().any(|(_, state)| *state == SeriesState::InUse)
    }

    fn series(&self) -> Vec<(String, SeriesState)> {
        let reader = Reader::open(&self.dir, self.clock.as_ref()).unwrap();
        reader.read(|view| view.series()).unwrap()
    }
}

/// Nobody writes to a store while this stands.
#[derive(Debug)]
pub struct Untouched {
    connection: rusqlite::Connection,
    version: i64,
}

impl Untouched {
    /// A store as it is now.
    ///
    /// # Panics
    /// It cannot be read.
    #[must_use]
    pub fn of(office: &Office) -> Self {
        let connection = rusqlite::Connection::open(office.dir.join(FILE_NAME)).unwrap();
        let version = Self::version(&connection);
        Self { connection, version }
    }

    /// Another number after a commit of anybody else.
    fn version(connection: &rusqlite::Connection) -> i64 {
        connection.query_row("PRAGMA data_version", [], |row| row.get(0)).unwrap()
    }

    /// Checks that nobody has written to it since.
    ///
    /// # Panics
    /// Somebody has.
    pub fn check(&self, what: &str) {
        assert_eq!(Self::version(&self.connection), self.version, "{what} had an effect");
    }
}

fn copy_file(from: &Path, to: &Path) {
    if from.exists() {
        std::fs::copy(from, to).unwrap();
    }
}

/// Copies the files of a folder and of those below it.
///
/// # Panics
/// A file cannot be copied.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
