//! A disk under SQLite whose power fails, or that fills up.
//!
//! What SQLite writes below a folder goes to real files and is noted until it is synced. When the power fails, every
//! call fails from then on, and what a next process would find is written elsewhere: all that was synced, and of the
//! rest whatever chance leaves, in sectors. SQLite reaches it through a VFS of its own, which stands before the
//! system's for all files of this process; files elsewhere pass through it untouched.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]
#![expect(unsafe_code, reason = "a VFS is a table of functions for SQLite, which is C")]

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ffi::OsStr;
use std::os::raw::c_char;
use std::os::raw::c_int;
use std::os::raw::c_void;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::Once;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering;

use rusqlite::ffi;

use crate::faults::chance::Chance;

/// What a disk writes whole or not at all, in bytes.
const SECTOR_BYTES: usize = 512;

/// A disk, which is what lies below one folder. It stays registered as long as the process lives.
#[derive(Clone, Debug)]
pub struct Disk {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<PathBuf, Image>,
    effects: BTreeMap<(PathBuf, Effect), u64>,
    plan: Option<(Point, Fault)>,
    is_off: bool,
    is_full: bool,
    has_struck: bool,
}

/// A file: what is safe, and what was written since, in order.
#[derive(Clone, Debug, Default)]
struct Image {
    durable: Vec<u8>,
    pending: Vec<Written>,
}

#[derive(Clone, Debug)]
enum Written {
    Bytes { at: usize, bytes: Vec<u8> },
    Length(usize),
}

/// What a call of SQLite does to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Bytes are written.
    Write,
    /// A file is cut.
    Truncate,
    /// A file is made safe.
    Sync,
    /// A file is deleted.
    Delete,
}

/// Where something goes wrong: at the so-manieth effect of a kind on a file, counted from the plan's making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The file's name.
    pub file: &'static str,
    /// What is done to it.
    pub effect: Effect,
    /// How many of these still go well.
    pub after: u64,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The power fails: nothing works any more.
    Power,
    /// This one call fails.
    Error,
    /// The disk is full from here on, until [`Disk::make_room`].
    Full,
}

/// What of the writes that were not synced is there after the power failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// None.
    Nothing,
    /// All: the disk had been quick.
    Everything,
    /// Any sector, in any order.
    Chance,
}

impl Disk {
    /// A disk for all files that SQLite opens below this folder from now on.
    ///
    /// # Panics
    /// The folder does not exist.
    #[must_use]
    pub fn below(folder: &Path) -> Self {
        register();
        let folder = folder.canonicalize().unwrap();
        let inner = Arc::new(Inner { folder, state: Mutex::default() });
        DISKS.lock().unwrap().push(Arc::clone(&inner));
        Self { inner }
    }

    /// How often this has been done to the file of this name.
    #[must_use]
    pub fn count(&self, file: &str, effect: Effect) -> u64 {
        self.inner.state().count(file, effect)
    }

    /// Plans a fault.
    pub fn plan(&self, point: Point, fault: Fault) {
        let mut state = self.inner.state();
        let after = state.count(point.file, point.effect) + point.after;
        state.plan = Some((Point { after, ..point }, fault));
        state.has_struck = false;
    }

    /// Whether the fault that was planned last has come.
    #[must_use]
    pub fn has_struck(&self) -> bool {
        self.inner.state().has_struck
    }

    /// A full disk has room again.
    pub fn make_room(&self) {
        self.inner.state().is_full = false;
    }

    /// Writes the files that SQLite had open as the next process would find them: each below `to` where it was below the
    /// disk's folder.
    ///
    /// # Panics
    /// A file cannot be written.
    pub fn salvage(&self, to: &Path, survival: Survival, chance: &mut Chance) {
        let state = self.inner.state();
        for (path, image) in &state.files {
            let target = to.join(path.strip_prefix(&self.inner.folder).unwrap());
            std::fs::write(target, image.after(survival, chance)).unwrap();
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Notes what a call changes, unless it must not happen.
    fn note(&self, path: &Path, effect: Effect, written: Option<Written>) -> c_int {
        let mut state = self.state();
        let state = &mut *state;
        let failed = match effect {
            Effect::Write => ffi::SQLITE_IOERR_WRITE,
            Effect::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
            Effect::Sync => ffi::SQLITE_IOERR_FSYNC,
            Effect::Delete => ffi::SQLITE_IOERR_DELETE,
        };
        if state.is_off {
            return failed;
        }
        let strikes = state.plan.filter(|(point, _)| {
            let is_it = path.ends_with(point.file) && effect == point.effect;
            is_it && !state.has_struck && state.count(point.file, effect) == point.after
        });
        *state.effects.entry((path.to_owned(), effect)).or_default() += 1;
        if let Some((_, fault)) = strikes {
            state.has_struck = true;
            match fault {
                Fault::Power => {
                    state.is_off = true;
                    // The write in which the power fails may reach the disk in part.
                    state.files.entry(path.to_owned()).or_default().pending.extend(written);
                    return failed;
                }
                Fault::Error => return failed,
                Fault::Full => state.is_full = true,
            }
        }
        if state.is_full && effect == Effect::Write {
            return ffi::SQLITE_FULL;
        }
        let image = state.files.entry(path.to_owned()).or_default();
        image.pending.extend(written);
        match effect {
            Effect::Write | Effect::Truncate => {}
            Effect::Sync => image.sync(),
            Effect::Delete => {
                state.files.remove(path);
            }
        }
        ffi::SQLITE_OK
    }
}

impl State {
    fn count(&self, file: &str, effect: Effect) -> u64 {
        let counts = self.effects.iter().filter(|((path, kind), _)| path.ends_with(file) && *kind == effect);
        counts.map(|(_, count)| count).sum()
    }
}

impl Image {
    fn sync(&mut self) {
        for written in std::mem::take(&mut self.pending) {
            written.apply(&mut self.durable);
        }
    }

    fn after(&self, survival: Survival, chance: &mut Chance) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for written in &self.pending {
            match (survival, written) {
                (Survival::Nothing, _) => {}
                (Survival::Everything, _) => written.apply(&mut bytes),
                (Survival::Chance, Written::Length(_)) => {
                    if chance.percent(50) {
                        written.apply(&mut bytes);
                    }
                }
                (Survival::Chance, Written::Bytes { at, bytes: new }) => {
                    let mut from = 0;
                    while from < new.len() {
                        let to = new.len().min(from + SECTOR_BYTES - (at + from) % SECTOR_BYTES);
                        if chance.percent(50) {
                            put(&mut bytes, at + from, &new[from..to]);
                        }
                        from = to;
                    }
                }
            }
        }
        bytes
    }
}

impl Written {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Bytes { at, bytes } => put(file, *at, bytes),
            Self::Length(length) => file.resize(*length, 0),
        }
    }
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

// ---- what SQLite calls -----------------------------------------------------------------------------------------

/// All disks of this process.
static DISKS: Mutex<Vec<Arc<Inner>>> = Mutex::new(Vec::new());
/// The system's VFS.
static SYSTEM: AtomicPtr<ffi::sqlite3_vfs> = AtomicPtr::new(ptr::null_mut());

/// A file as SQLite sees it. The system's own record lies behind it in the same memory.
#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    /// Whose file it is; null for one that is not watched.
    watched: *mut Watched,
}

struct Watched {
    disk: Arc<Inner>,
    path: PathBuf,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Without memory mapping of the file itself, which would pass by us.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Puts our VFS before the system's, once.
fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the default VFS lives as long as the process, and so does ours, which is leaked. What ours does not
        // override are the system's own functions, which get the same application data as before.
        unsafe {
            let system = ffi::sqlite3_vfs_find(ptr::null());
            assert!(!system.is_null());
            SYSTEM.store(system, Ordering::Release);
            let ours = Box::leak(Box::new(*system));
            ours.szOsFile += c_int::try_from(size_of::<Handle>()).unwrap();
            ours.pNext = ptr::null_mut();
            ours.zName = c"power".as_ptr();
            ours.xOpen = Some(open);
            ours.xDelete = Some(delete);
            assert_eq!(ffi::sqlite3_vfs_register(ours, 1), ffi::SQLITE_OK);
        }
    });
}

fn disk_of(path: &Path) -> Option<Arc<Inner>> {
    DISKS.lock().unwrap().iter().find(|disk| path.starts_with(&disk.folder)).cloned()
}

/// # Safety
/// `name` is null or ends in a zero byte.
unsafe fn path_of(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    // SAFETY: as the caller promises.
    let name = unsafe { CStr::from_ptr(name) };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

/// The system's record of a file of ours, and its functions.
///
/// # Safety
/// `file` was opened by [`open`] and is not closed.
unsafe fn system_file(file: *mut ffi::sqlite3_file) -> (*mut ffi::sqlite3_file, ffi::sqlite3_io_methods) {
    // SAFETY: SQLite gave `szOsFile` bytes, our record and behind it the system's, which `open` has filled.
    unsafe {
        let system: *mut ffi::sqlite3_file = file.cast::<u8>().add(size_of::<Handle>()).cast();
        (system, *(*system).pMethods)
    }
}

/// # Safety
/// As for [`system_file`].
unsafe fn watched<'a>(file: *mut ffi::sqlite3_file) -> Option<&'a Watched> {
    // SAFETY: `open` has set it, and `close` alone frees it.
    unsafe { (*file.cast::<Handle>()).watched.as_ref() }
}

unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives `szOsFile` bytes at `file`: room for our record and the system's behind it. The name is null
    // or ends in a zero byte, and lives as long as the file is open.
    unsafe {
        let handle: *mut Handle = file.cast();
        (*handle).base.pMethods = ptr::null();
        (*handle).watched = ptr::null_mut();
        let path = path_of(name);
        let disk = path.as_deref().and_then(disk_of);
        if disk.as_ref().is_some_and(|disk| disk.state().is_off) {
            return ffi::SQLITE_CANTOPEN;
        }
        let system_vfs = SYSTEM.load(Ordering::Acquire);
        let system: *mut ffi::sqlite3_file = file.cast::<u8>().add(size_of::<Handle>()).cast();
        let code = (*system_vfs).xOpen.unwrap()(system_vfs, name, system, flags, out_flags);
        if code != ffi::SQLITE_OK {
            return code;
        }
        if let (Some(disk), Some(path)) = (disk, path) {
            let known = || Image { durable: std::fs::read(&path).unwrap_or_default(), pending: Vec::new() };
            disk.state().files.entry(path.clone()).or_insert_with(known);
            (*handle).watched = Box::into_raw(Box::new(Watched { disk, path }));
        }
        (*handle).base.pMethods = &raw const METHODS;
        code
    }
}

unsafe extern "C" fn delete(_vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: the name ends in a zero byte; the system's VFS lives as long as the process.
    unsafe {
        if let Some(path) = path_of(name)
            && let Some(disk) = disk_of(&path)
        {
            let code = disk.note(&path, Effect::Delete, None);
            if code != ffi::SQLITE_OK {
                return code;
            }
        }
        let system_vfs = SYSTEM.load(Ordering::Acquire);
        (*system_vfs).xDelete.unwrap()(system_vfs, name, sync_folder)
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file of ours once.
    unsafe {
        let (system, methods) = system_file(file);
        let handle: *mut Handle = file.cast();
        if !(*handle).watched.is_null() {
            drop(Box::from_raw((*handle).watched));
            (*handle).watched = ptr::null_mut();
        }
        methods.xClose.unwrap()(system)
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: a file of ours; the buffer goes to the system as it came.
    unsafe {
        if watched(file).is_some_and(|watched| watched.disk.state().is_off) {
            return ffi::SQLITE_IOERR_READ;
        }
        let (system, methods) = system_file(file);
        methods.xRead.unwrap()(system, into, length, at)
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: a file of ours; SQLite gives `length` readable bytes.
    unsafe {
        if let Some(watched) = watched(file) {
            let bytes = std::slice::from_raw_parts(from.cast::<u8>(), usize::try_from(length).unwrap());
            let written = Written::Bytes { at: usize::try_from(at).unwrap(), bytes: bytes.to_vec() };
            let code = watched.disk.note(&watched.path, Effect::Write, Some(written));
            if code != ffi::SQLITE_OK {
                return code;
            }
        }
        let (system, methods) = system_file(file);
        methods.xWrite.unwrap()(system, from, length, at)
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: ffi::sqlite3_int64) -> c_int {
    // SAFETY: a file of ours.
    unsafe {
        if let Some(watched) = watched(file) {
            let written = Written::Length(usize::try_from(length).unwrap());
            let code = watched.disk.note(&watched.path, Effect::Truncate, Some(written));
            if code != ffi::SQLITE_OK {
                return code;
            }
        }
        let (system, methods) = system_file(file);
        methods.xTruncate.unwrap()(system, length)
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: a file of ours.
    unsafe {
        // What is watched is safe when we say so; the disk below is spared.
        if let Some(watched) = watched(file) {
            return watched.disk.note(&watched.path, Effect::Sync, None);
        }
        let (system, methods) = system_file(file);
        methods.xSync.unwrap()(system, flags)
    }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: a file of ours; the pointer goes to the system as it came.
    unsafe {
        let (system, methods) = system_file(file);
        methods.xFileSize.unwrap()(system, size)
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: a file of ours.
    unsafe {
        let (system, methods) = system_file(file);
        methods.xLock.unwrap()(system, level)
    }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: a file of ours.
    unsafe {
        let (system, methods) = system_file(file);
        methods.xUnlock.unwrap()(system, level)
    }
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, answer: *mut c_int) -> c_int {
    // SAFETY: a file of ours; the pointer goes to the system as it came.
    unsafe {
        let (system, methods) = system_file(file);
        methods.xCheckReservedLock.unwrap()(system, answer)
    }
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, what: c_int, value: *mut c_void) -> c_int {
    // SAFETY: a file of ours; the pointer goes to the system as it came.
    unsafe {
        let (system, methods) = system_file(file);
        methods.xFileControl.unwrap()(system, what, value)
    }
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: a file of ours.
    unsafe {
        let (system, methods) = system_file(file);
        methods.xSectorSize.unwrap()(system)
    }
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: a file of ours.
    unsafe {
        let (system, methods) = system_file(file);
        methods.xDeviceCharacteristics.unwrap()(system)
    }
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    memory: *mut *mut c_void,
) -> c_int {
    // SAFETY: a file of ours; the pointer goes to the system as it came.
    unsafe {
        let (system, methods) = system_file(file);
        methods.xShmMap.unwrap()(system, page, size, extend, memory)
    }
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, offset: c_int, n: c_int, flags: c_int) -> c_int {
    // SAFETY: a file of ours.
    unsafe {
        let (system, methods) = system_file(file);
        methods.xShmLock.unwrap()(system, offset, n, flags)
    }
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: a file of ours.
    unsafe {
        let (system, methods) = system_file(file);
        methods.xShmBarrier.unwrap()(system);
    }
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, is_deleted: c_int) -> c_int {
    // SAFETY: a file of ours.
    unsafe {
        let (system, methods) = system_file(file);
        methods.xShmUnmap.unwrap()(system, is_deleted)
    }
}
