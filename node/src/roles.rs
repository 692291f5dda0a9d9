//! What a machine is: its parts put together from its directory on disk, started and stopped in order.

pub mod backup;
pub mod ban;
pub mod beside;
pub mod commune;
pub mod operations;
pub mod pack;
pub mod province;
pub mod stick;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use sync_protocol::ids::NodeId;

use crate::clock::Clock;
use crate::control::Failure;
use crate::desk::Desk;
use crate::desk::shelf::Shelf;
use crate::identity::Authority;
use crate::identity::IdentityError;
use crate::identity::MachineIdentity;
use crate::refusal::Refusal;
use crate::store::OpenOptions;
use crate::store::Random;
use crate::store::Role;
use crate::store::Store;
use crate::store::StoreError;

/// Number series a machine is given at enrolment (domain.md 2.6: at least two).
pub const SERIES_AT_ENROLMENT: usize = 2;
/// How long a certificate is meant to last. Its dates only advise, and nothing renews it yet.
pub const CERTIFICATE_DAYS: u32 = 730;
/// How long the authority's own certificate is meant to last.
pub const AUTHORITY_DAYS: u32 = 7_300;

/// One machine, open for work by this process alone.
#[derive(Debug)]
pub struct Office {
    /// Its directory on disk.
    pub dir: PathBuf,
    /// Its record.
    pub store: Arc<Store>,
    /// Who it is.
    pub identity: Arc<MachineIdentity>,
    /// Where its officers work.
    pub desk: Desk,
    /// The province's directory as it holds it.
    pub shelf: Arc<Shelf>,
    /// On the provincial server: what certifies machines.
    pub authority: Option<Arc<Authority>>,
    /// The random source.
    pub random: Arc<dyn Random>,
}

impl Office {
    /// Opens the machine that lives in a directory. `witness_of` names its witness file.
    ///
    /// # Errors
    /// [`Failure::Machine`] when there is none, another process has it, or the disk or a version is in the way.
    pub fn open(dir: &Path, witness_of: impl FnOnce(NodeId) -> PathBuf) -> Result<Self, Failure> {
        Self::open_with(dir, |machine| OpenOptions::new(witness_of(machine)))
    }

    /// The same with a clock and a random source of the caller's.
    ///
    /// # Errors
    /// As [`Office::open`].
    pub fn open_with(dir: &Path, options_of: impl FnOnce(NodeId) -> OpenOptions) -> Result<Self, Failure> {
        let identity = MachineIdentity::load(dir).map_err(identity_failure)?;
        let options = options_of(identity.node());
        let random = Arc::clone(&options.random);
        let store = Store::open(dir, options).map_err(store_failure)?;
        Self::assemble(dir, store, identity, random)
    }

    pub(crate) fn assemble(
        dir: &Path,
        store: Store,
        identity: MachineIdentity,
        random: Arc<dyn Random>,
    ) -> Result<Self, Failure> {
        let store = Arc::new(store);
        let authority = match store.identity().role {
            Role::Commune => None,
            Role::Province => Some(Arc::new(Authority::load(dir).map_err(identity_failure)?)),
        };
        let shelf = Arc::new(Shelf::new(store.reader().clone(), Arc::clone(store.clock())));
        let desk = Desk::new(Arc::clone(&store), Arc::clone(&shelf));
        Ok(Self { dir: dir.to_owned(), store, identity: Arc::new(identity), desk, shelf, authority, random })
    }

    /// The clock the machine goes by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        self.store.clock()
    }
}

/// A store's error as the end of a command.
#[must_use]
pub fn store_failure(error: StoreError) -> Failure {
    let code = error.code().to_owned();
    match error {
        StoreError::Refused(refusal) => Failure::Refused(refusal),
        StoreError::Bug(what) => {
            tracing::error!(what, "a mistake of the program in the store");
            Failure::Bug(Refusal::new("store-bug").with("what", what))
        }
        StoreError::Newer { found, ours } => {
            Failure::Machine(Refusal::new("store-newer").with("found", found).with("ours", ours))
        }
        StoreError::Absent { path } => {
            Failure::Machine(Refusal::new("store-absent").with("path", path.display()))
        }
        StoreError::Exists { path } => {
            Failure::Machine(Refusal::new("store-exists").with("path", path.display()))
        }
        StoreError::NotWritable { path } => {
            Failure::Machine(Refusal::new("store-not-writable").with("path", path.display()))
        }
        StoreError::Corrupt { what } => Failure::Machine(Refusal::new("store-corrupt").with("what", what)),
        StoreError::Locked => Failure::Machine(Refusal::new("store-locked")),
        StoreError::DiskFull => Failure::Machine(Refusal::new("store-disk-full")),
        StoreError::Io(cause) => {
            tracing::error!(%cause, code, "reading or writing failed");
            Failure::Machine(Refusal::new("store-io"))
        }
    }
}

/// An identity's error as the end of a command.
#[must_use]
pub fn identity_failure(error: IdentityError) -> Failure {
    tracing::debug!(%error, "this machine's identity cannot be used");
    let refusal = Refusal::new(error.code());
    Failure::Machine(match error {
        IdentityError::Missing { file } | IdentityError::Damaged { file } => refusal.with("file", file),
        IdentityError::Newer { file, found } => refusal.with("file", file).with("found", found),
        IdentityError::File { path, source } => refusal.with("path", path.display()).with("why", source),
        IdentityError::OtherKeys
        | IdentityError::Certificate(_)
        | IdentityError::Request(_)
        | IdentityError::OtherProvince { .. }
        | IdentityError::Writing(_) => refusal,
    })
}

/// Fresh seeds for a machine's three keys.
pub(crate) fn fresh_seeds(random: &dyn Random) -> Result<[[u8; 32]; 3], Failure> {
    let mut seeds = [[0; 32]; 3];
    for seed in &mut seeds {
        random.fill(seed).map_err(store_failure)?;
    }
    Ok(seeds)
}
