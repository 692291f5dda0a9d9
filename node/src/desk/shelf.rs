//! The directory in force on this machine, read once per version and shared.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::clock::Clock;
use crate::directory::Directory;
use crate::directory::fault::ParseBounds;
use crate::dossier::act::DirectoryRef;
use crate::refusal::Refusal;
use crate::store::Reader;
use crate::store::StoreError;

/// Older versions kept ready, the last used first: open dossiers pin few of them.
const PINNED_MAX: usize = 4;

/// One version, ready for use.
#[derive(Debug)]
pub struct Held {
    /// The version as acts name it.
    pub reference: DirectoryRef,
    /// Its content.
    pub directory: Directory,
}

/// Keeps the newest version that was read.
#[derive(Debug)]
pub struct Shelf {
    reader: Reader,
    clock: Arc<dyn Clock>,
    newest: Mutex<Option<Arc<Held>>>,
    pinned: Mutex<Vec<Arc<Held>>>,
}

impl Shelf {
    /// A shelf over a store's reading side.
    #[must_use]
    pub fn new(reader: Reader, clock: Arc<dyn Clock>) -> Self {
        Self { reader, clock, newest: Mutex::new(None), pinned: Mutex::new(Vec::new()) }
    }

    /// The newest version in force, or `None` when the province has not published one that came here.
    ///
    /// # Errors
    /// The store cannot be read, or holds a directory that this program cannot read.
    pub fn newest(&self) -> Result<Option<Arc<Held>>, StoreError> {
        let now = self.clock.wall();
        let in_force = self.reader.read(|view| view.effective_directory_version(now))?;
        let Some((version, _hash)) = in_force else { return Ok(None) };
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = newest.as_ref().filter(|held| held.reference.version == version) {
            return Ok(Some(Arc::clone(held)));
        }
        let Some(held) = self.read(version)?.map(Arc::new) else { return Ok(None) };
        *newest = Some(Arc::clone(&held));
        Ok(Some(held))
    }

    /// One version, for a dossier that was received under it; `None` when it has not come here.
    ///
    /// # Errors
    /// As [`Shelf::newest`].
    pub fn version(&self, version: u32) -> Result<Option<Arc<Held>>, StoreError> {
        let mut pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = pinned.iter().find(|held| held.reference.version == version) {
            return Ok(Some(Arc::clone(held)));
        }
        let Some(held) = self.read(version)?.map(Arc::new) else { return Ok(None) };
        pinned.truncate(PINNED_MAX - 1);
        pinned.insert(0, Arc::clone(&held));
        Ok(Some(held))
    }

    fn read(&self, version: u32) -> Result<Option<Held>, StoreError> {
        let Some(stored) = self.reader.read(|view| view.directory(version))? else { return Ok(None) };
        let directory = Directory::parse_bytes(&stored.body, &ParseBounds::default())
            .map_err(|_faults| StoreError::Corrupt { what: format!("directory version {version}") })?;
        let mut hash = [0; 8];
        hash.copy_from_slice(directory.content_hash().first_chunk::<8>().unwrap_or(&[0; 8]));
        Ok(Some(Held { reference: DirectoryRef { version, hash }, directory }))
    }

    /// The newest version for work at a desk.
    ///
    /// # Errors
    /// There is none yet.
    pub fn held(&self) -> Result<Arc<Held>, Refusal> {
        self.newest().ok().flatten().ok_or_else(|| Refusal::new("desk-no-directory"))
    }
}
