//! The USB stick: what a session would carry, as files that a courier without rights brings from one machine to the
//! other and who can read nothing of it.
//!
//! The room owns the files (parts, sealing, signature) and how their content is gathered and taken in over the same
//! store traits as a session ([`crate::sync::driver`]). It does not know commands, seats' rights or when somebody
//! drives to town. What is here already is recognised, so that a bundle can be taken in twice, in any order, in
//! parts and beside a live session.

pub mod backup;
pub mod changes;
pub mod file;
pub mod returned;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use sync_protocol::entry::Lsn;
use sync_protocol::ids::BootId;
use sync_protocol::ids::NodeId;

use crate::identity::MachineIdentity;
use crate::refusal::Refusal;
use crate::store::Random;
use crate::store::Store;
use crate::store::StoreError;

/// Most ranges that are listed to people one by one.
const RANGES_LISTED_MAX: usize = 64;

/// Why a bundle was not written or not taken in.
#[derive(Debug, thiserror::Error)]
pub enum BundleFault {
    /// It is not for this machine, damaged, too new, or cannot be made: a person reads why. Nothing was taken in.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A file could not be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The store failed. What was committed before stays; doing the same again goes on.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Our mistake.
    #[error("a mistake of the program: {0}")]
    Bug(String),
}

/// What both ends of a bundle's way need.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The machine's record.
    pub store: Arc<Store>,
    /// Who it is.
    pub identity: Arc<MachineIdentity>,
    /// The random source.
    pub random: Arc<dyn Random>,
}

/// A stretch of one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The log.
    pub log: BootId,
    /// Its first entry.
    pub first: Lsn,
    /// Its last entry.
    pub last: Lsn,
}

/// Ranges as outputs give them: at most `RANGES_LISTED_MAX`, and how many there are.
#[derive(Clone, Debug, Default)]
pub struct Ranges {
    listed: Vec<Range>,
    count: u64,
}

impl Ranges {
    /// Adds one, joined to the last where it continues it.
    pub fn push(&mut self, range: Range) {
        let last = self.listed.last_mut();
        match last.filter(|last| last.log == range.log && last.last.saturating_add(1) == range.first) {
            Some(last) => last.last = range.last,
            None => {
                self.count += 1;
                if self.listed.len() < RANGES_LISTED_MAX {
                    self.listed.push(range);
                }
            }
        }
    }

    /// As outputs give them.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let range =
            |range: &Range| json!({ "log": range.log.to_string(), "first": range.first, "last": range.last });
        self.listed.iter().map(range).collect()
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
}

/// Under which key the province keeps what a machine last said of itself by stick.
fn standing_key(machine: NodeId) -> String {
    format!("bundle-standing-{machine}")
}
