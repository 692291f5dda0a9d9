//! A mark of the change that the document library is working on, in a file beside the database.
//!
//! A panic of the library is an error on one change. What ends the whole process (an overflow of the stack, an abort,
//! memory that runs out) cannot be caught, and without a mark the same change would end every later process too. The
//! mark outlives the process, not a power cut, which no change causes. A change at which the program ended twice is set
//! aside, and everything that does not build on it goes on.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;

use rusqlite::Connection;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::time::Millis;

use crate::store::StoreError;
use crate::store::conditions;

/// The file's name in the directory.
const FILE_NAME: &str = "trying";
/// A document's id and a change's hash; zeros while nothing is tried.
const MARK_BYTES: usize = 16 + 32;
/// At so many ends of the program a change is set aside. One may be chance: a program is killed for many reasons.
const TIMES_MAX: u32 = 2;

/// The mark, and the changes that were set aside for it.
#[derive(Debug, Default)]
pub(crate) struct Trying {
    file: Mutex<Option<File>>,
    deadly: Mutex<BTreeSet<ChangeHash>>,
}

impl Trying {
    /// Reads what an earlier process left, notes it in the database, and opens the file for this one. Without a file
    /// (a full disk, a permission) the work goes on unmarked.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub(crate) fn open(dir: &Path, connection: &Connection, at: Millis) -> Result<Self, StoreError> {
        let path = dir.join(FILE_NAME);
        let opened = File::options().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = match opened {
            Ok(file) => Some(file),
            Err(error) => {
                tracing::warn!(%error, "what the document library tries cannot be marked");
                None
            }
        };
        let mut mark = [0; MARK_BYTES];
        let is_whole = file.as_mut().is_some_and(|file| file.read_exact(&mut mark).is_ok());
        let (doc, hash) = mark.split_at(16);
        if is_whole && hash.iter().any(|byte| *byte != 0) {
            let times: u32 = connection.query_row(
                "INSERT INTO tried (hash, doc, times, last_at) VALUES (?1, ?2, 1, ?3) \
                 ON CONFLICT (hash) DO UPDATE SET times = times + 1, last_at = ?3 RETURNING times",
                (hash, doc, at.0),
                |row| row.get(0),
            )?;
            tracing::error!(times, "the program ended while the document library had a change");
            if let (true, Ok(hash), Ok(doc)) = (times >= TIMES_MAX, hash.try_into(), doc.try_into()) {
                let args = [("document", DocId(doc).to_string())];
                let subject = ChangeHash(hash).to_string();
                conditions::set(connection, conditions::DEADLY_CHANGE, &subject, &args, at)?;
            }
        }
        let deadly = connection
            .prepare("SELECT hash FROM tried WHERE times >= ?1")?
            .query_map([TIMES_MAX], |row| row.get(0).map(ChangeHash))?
            .collect::<Result<_, _>>()?;
        let trying = Self { file: Mutex::new(file), deadly: Mutex::new(deadly) };
        trying.mark(&[0; MARK_BYTES]);
        Ok(trying)
    }

    /// Does work of the document library on one change, under the mark.
    pub(crate) fn during<T>(&self, doc: DocId, hash: ChangeHash, work: impl FnOnce() -> T) -> T {
        let mut mark = [0; MARK_BYTES];
        let (first, rest) = mark.split_at_mut(16);
        first.copy_from_slice(&doc.0);
        rest.copy_from_slice(&hash.0);
        self.mark(&mark);
        #[cfg(test)]
        tests::end_the_process_at(hash);
        let done = work();
        self.mark(&[0; MARK_BYTES]);
        done
    }

    /// Whether the program ended at this change too often to try it again.
    pub(crate) fn is_deadly(&self, hash: ChangeHash) -> bool {
        self.deadly.lock().unwrap_or_else(PoisonError::into_inner).contains(&hash)
    }

    /// Everything may be tried again: a newer program may do better.
    pub(crate) fn forgive(&self) {
        self.deadly.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn mark(&self, mark: &[u8; MARK_BYTES]) {
        if let Some(file) = self.file.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            let written = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(mark));
            if let Err(error) = written {
                tracing::warn!(%error, "what the document library tries cannot be marked");
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Under it a child process of a test finds the hash of the change at which it ends.
    pub(crate) const END_AT: &str = "MOTCUA_TEST_END_AT";

    /// The injected fault: what no boundary inside the process can catch.
    pub(super) fn end_the_process_at(hash: ChangeHash) {
        if std::env::var(END_AT).is_ok_and(|at| at == hash.to_string()) {
            std::process::abort();
        }
    }
}
