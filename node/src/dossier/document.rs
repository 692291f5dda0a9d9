//! The only file that knows the Automerge paths: raw changes in, a readable history out, and new changes.
//!
//! Automerge runs behind a boundary here: our own bounds are checked before it sees bytes, and a panic inside it
//! becomes an error on this one document.

use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::time::Millis;

use crate::dossier::act::Act;
use crate::dossier::paper::Paper;

/// One Automerge change as an uncompressed chunk, with the hash it is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawChange {
    /// The change's own hash (SHA-256 of its chunk).
    pub hash: ChangeHash,
    /// The uncompressed chunk.
    pub bytes: Vec<u8>,
}

/// What can be read of a change without its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeInfo {
    /// Its hash.
    pub hash: ChangeHash,
    /// The boot that wrote it.
    pub actor: Vec<u8>,
    /// Its place among that actor's changes of this document, from 1.
    pub seq: u64,
    /// The changes it builds on directly.
    pub deps: Vec<ChangeHash>,
    /// The wall clock of its author.
    pub at: Millis,
}

/// Why a document could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are not a change, or not one our documents may contain. Refuse the change.
    #[error("not a readable change: {0}")]
    Malformed(String),
    /// A change it builds on is not here. Keep it waiting.
    #[error("a change it builds on is missing")]
    MissingDependency,
    /// Automerge panicked on it. Set the change aside and tell a person.
    #[error("the document library failed on this change: {0}")]
    Panicked(String),
}

/// What one commit writes into a document.
#[derive(Clone, Debug, Default)]
pub struct Writing {
    /// Registers to set, by field name without prefix.
    pub fields: Vec<(String, String)>,
    /// Papers to add; they get the next free keys, in order.
    pub papers: Vec<Paper>,
    /// Acts to add, in order.
    pub acts: Vec<Act>,
}

/// One change of a history, read.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it is and builds on.
    pub info: ChangeInfo,
    /// Its acts, in order.
    pub acts: Vec<Act>,
    /// The registers it sets.
    pub fields: Vec<(String, String)>,
    /// The papers it adds, with their keys.
    pub papers: Vec<(String, Paper)>,
}

/// A document's changes in an order in which each follows what it builds on.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The changes.
    pub steps: Vec<Step>,
}

/// A document open for reading and writing.
#[derive(Debug)]
pub struct Document {
    history: History,
}

/// Reads a change's outer facts.
///
/// # Errors
/// [`DocumentError::Malformed`] when the bytes are no uncompressed change chunk within our bounds.
pub fn inspect(_bytes: &[u8]) -> Result<ChangeInfo, DocumentError> {
    todo!()
}

impl Document {
    /// An empty document.
    #[must_use]
    pub fn new() -> Self {
        todo!()
    }

    /// Opens a document from all its admitted changes, in any order.
    ///
    /// # Errors
    /// As [`Document::apply`], for the first change that does not fit.
    pub fn load<'a>(_changes: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, DocumentError> {
        todo!()
    }

    /// Adds one admitted change. A change that is already here does no harm.
    ///
    /// # Errors
    /// See [`DocumentError`]; the document is unchanged after an error.
    pub fn apply(&mut self, _change: &[u8]) -> Result<ChangeHash, DocumentError> {
        todo!()
    }

    /// Writes one change by `boot` at `at`, on top of everything here.
    ///
    /// # Errors
    /// [`DocumentError::Panicked`] when Automerge fails; the document must then be loaded anew.
    pub fn author(
        &mut self,
        _boot: BootId,
        _at: Millis,
        _writing: &Writing,
    ) -> Result<RawChange, DocumentError> {
        todo!()
    }

    /// Hashes of the changes nothing here builds on, sorted.
    #[must_use]
    pub fn heads(&self) -> Vec<ChangeHash> {
        todo!()
    }

    /// Everything that was written, for the fold.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }
}

impl Default for Document {
    fn default() -> Self {
        Self::new()
    }
}
