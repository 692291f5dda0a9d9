//! The system of record of one machine: its logs, what it holds of others', the feeds, the provincial items and
//! every view computed from them, in one SQLite file.
//!
//! Owns the file, its schema and the only writing thread; a job given to [`Store::write`] runs in a transaction
//! whose commit is durable, together with the witness, before its answer is given. Knows neither sessions nor
//! pages nor who is signed in: callers bring entries, rights and decisions, and take facts.
//!
//! Documents are opened in two places only: [`apply`] (entries → documents) and [`projection`] (state → rows).
//! Elsewhere at most one change is looked at, for its hash or what it builds on.

pub mod apply;
pub mod conditions;
pub mod copy;
pub mod dossiers;
pub mod feeds;
pub mod items;
pub mod log;
pub mod meta;
pub mod migrate;
pub mod numbers;
pub mod open;
pub mod peers;
pub mod projection;
pub mod proofs;
pub mod quarantine;
pub mod reissue;
pub mod restored;
pub mod returned;
mod sql;
mod trying;
pub mod verify;
pub mod view;
pub mod witness;
pub mod writer;

use std::path::PathBuf;
use std::sync::Arc;

pub use crate::store::open::Identity;
pub use crate::store::open::OpenOptions;
pub use crate::store::open::Random;
pub use crate::store::open::Reader;
pub use crate::store::open::Role;
pub use crate::store::open::Store;
pub use crate::store::open::SystemRandom;
pub use crate::store::view::View;
pub use crate::store::writer::Growth;
pub use crate::store::writer::Subscription;
pub use crate::store::writer::Ticket;
pub use crate::store::writer::WriteTx;

use crate::refusal::Refusal;

/// Why the store did not do what it was asked. Variants say what the caller does next.
///
/// Every job of a failed group gets the same error, so it can be cloned.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process is writing in this directory. Stop it, or ask it through its control socket.
    #[error("another process is writing in this directory")]
    Locked,
    /// The directory holds no store. Create one first.
    #[error("there is no store in {}", path.display())]
    Absent {
        /// The directory.
        path: PathBuf,
    },
    /// The directory already holds a store; nothing was changed.
    #[error("there is already a store in {}", path.display())]
    Exists {
        /// The directory.
        path: PathBuf,
    },
    /// Written by a newer program. Install that program; nothing was changed.
    #[error("the database has version {found}, this program knows {ours}")]
    Newer {
        /// The file's version.
        found: u32,
        /// The newest version this program knows.
        ours: u32,
    },
    /// The disk is full. Nothing of this job was kept; make room and try again.
    #[error("the disk is full")]
    DiskFull,
    /// A file or directory may not be written by this program. Correct its permissions.
    #[error("{} cannot be written", path.display())]
    NotWritable {
        /// Which.
        path: PathBuf,
    },
    /// The file contradicts itself. Restore a backup or rebuild, with a person.
    #[error("the database is damaged: {what}")]
    Corrupt {
        /// What was found, without personal data.
        what: String,
    },
    /// The disk failed. Nothing of this job was acknowledged; after a failed commit nothing more is accepted until
    /// the store is opened again.
    #[error("reading or writing failed")]
    Io(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The job itself refused; nothing of it was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Our own mistake, or a panic in the job; nothing of it was written.
    #[error("a mistake of the program: {0}")]
    Bug(String),
}

impl StoreError {
    /// The name under which `i18n/*/store.ftl` has words for it.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Locked => "store-locked",
            Self::Absent { .. } => "store-absent",
            Self::Exists { .. } => "store-exists",
            Self::Newer { .. } => "store-newer",
            Self::DiskFull => "store-disk-full",
            Self::NotWritable { .. } => "store-not-writable",
            Self::Corrupt { .. } => "store-corrupt",
            Self::Io(_) => "store-io",
            Self::Refused(refusal) => &refusal.code,
            Self::Bug(_) => "store-bug",
        }
    }
}

impl StoreError {
    /// The same for a person: its code, with the values its words use.
    #[must_use]
    pub fn to_refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Locked => Refusal::new("store-locked"),
            Self::Absent { path } => Refusal::new("store-absent").with("path", path.display()),
            Self::Exists { path } => Refusal::new("store-exists").with("path", path.display()),
            Self::Newer { found, ours } => {
                Refusal::new("store-newer").with("found", found).with("ours", ours)
            }
            Self::DiskFull => Refusal::new("store-disk-full"),
            Self::NotWritable { path } => Refusal::new("store-not-writable").with("path", path.display()),
            Self::Corrupt { what } => Refusal::new("store-corrupt").with("what", what),
            Self::Io(_) => Refusal::new("store-io"),
            Self::Bug(_) => Refusal::new("store-bug"),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let Some(code) = error.sqlite_error_code() else {
            return Self::Bug(error.to_string());
        };
        #[expect(clippy::wildcard_enum_match_arm, reason = "every other code of SQLite is a mistake of ours")]
        match code {
            ErrorCode::DiskFull => Self::DiskFull,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Locked,
            ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
                Self::NotWritable { path: PathBuf::from(open::FILE_NAME) }
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt { what: error.to_string() },
            ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed => Self::Io(Arc::new(error)),
            _ => Self::Bug(error.to_string()),
        }
    }
}

impl StoreError {
    /// The error for a failed operation on a file or directory of ours.
    pub(crate) fn from_file(error: std::io::Error, path: impl Into<PathBuf>) -> Self {
        use std::io::ErrorKind;
        #[expect(clippy::wildcard_enum_match_arm, reason = "every other kind is a failing disk")]
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull,
            ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory => Self::NotWritable { path: path.into() },
            _ => Self::Io(Arc::new(error)),
        }
    }
}

#[cfg(test)]
mod tests;
