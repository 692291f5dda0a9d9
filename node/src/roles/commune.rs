//! A commune node: enrolling it and keeping its line.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use sync_protocol::ids::NodeId;
use tokio::runtime::Handle;
use tokio::runtime::Runtime;

use crate::control::Failure;
use crate::identity::IdentityError;
use crate::identity::MachineIdentity;
use crate::identity::waiting_keys;
use crate::refusal::Refusal;
use crate::roles::Office;
use crate::roles::fresh_seeds;
use crate::roles::identity_failure;
use crate::roles::pack::NOT_GRANTED;
use crate::roles::store_failure;
use crate::shutdown::Stop;
use crate::store::Identity;
use crate::store::OpenOptions;
use crate::store::Role;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::open::create_private;
use crate::sync::driver::DriveError;
use crate::sync::line::ADDRESSES_KEY;
use crate::sync::line::CallError;
use crate::sync::line::Caller;
use crate::sync::run::RunError;
use crate::transport::enrol::Token;
use crate::transport::enrol::enrol;

/// Longest wait for the province at enrolment.
const DIAL_MS: u64 = 10_000;
/// Longest wait for the first session, which brings the directory.
const FIRST_SESSION_MS: u64 = 120_000;

/// Creates a commune node by a one-time code, with the line up: it is complete when this returns.
///
/// Repeated after a lost answer it goes on where it was.
///
/// # Errors
/// The token cannot be used, the province was not reached ([`Failure::NotReached`]), or the disk is in the way.
pub fn init(
    dir: &Path,
    witness_of: impl Fn(NodeId) -> PathBuf,
    token: &str,
    runtime: &Runtime,
) -> Result<Office, Failure> {
    let token = Token::from_text(token).map_err(|error| error.refusal())?;
    create_private(dir).map_err(store_failure)?;
    if dir.join(crate::store::open::FILE_NAME).exists() {
        let is_pending = MachineIdentity::load(dir).is_ok_and(|identity| !identity.is_granted());
        return if is_pending {
            complete_by_line(dir, witness_of, &token, runtime)
        } else {
            go_on(dir, witness_of, runtime)
        };
    }
    let defaults = OpenOptions::new("");
    let (random, clock) = (Arc::clone(&defaults.random), Arc::clone(&defaults.clock));
    let identity = match MachineIdentity::load(dir) {
        Ok(identity) => identity,
        Err(IdentityError::Missing { .. }) => {
            let keys = waiting_keys(dir, &fresh_seeds(random.as_ref())?).map_err(identity_failure)?;
            let enrolled = runtime.block_on(enrol(&token, keys, DIAL_MS, clock)).map_err(|error| {
                let refusal = error.refusal();
                if error.is_retryable() { Failure::NotReached(refusal) } else { Failure::Refused(refusal) }
            })?;
            enrolled.identity.save(dir).map_err(identity_failure)?;
            enrolled.identity
        }
        Err(error) => return Err(identity_failure(error)),
    };
    let office = create(dir, identity, |machine| OpenOptions::new(witness_of(machine)))?;
    let addresses = serde_json::to_vec(&token.addresses).map_err(|_| Refusal::new("token-damaged"))?;
    office.store.write(move |tx| tx.put_meta(ADDRESSES_KEY, &addresses)).map_err(store_failure)?;
    let caller = caller(&office, runtime.handle().clone(), Stop::new(5_000))?;
    caller.once(FIRST_SESSION_MS, false).map_err(|error| call_failure(&error))?;
    Ok(office)
}

/// Makes the office of an identity that the province has certified. It has no directory yet: the first session
/// brings it.
///
/// # Errors
/// The disk or a permission is in the way, or there is an office already.
pub fn create(
    dir: &Path,
    identity: MachineIdentity,
    options_of: impl FnOnce(NodeId) -> OpenOptions,
) -> Result<Office, Failure> {
    let facts = Identity {
        province: identity.province(),
        machine: identity.node(),
        seat: identity.seat().clone(),
        role: Role::Commune,
    };
    let options = options_of(identity.node());
    let random = Arc::clone(&options.random);
    let store = Store::create(dir, &facts, options).map_err(store_failure)?;
    Office::assemble(dir, store, identity, random)
}

/// A machine that was set up by a pack has a line before its grant came: it enrols over it, with the keys it has.
fn complete_by_line(
    dir: &Path,
    witness_of: impl Fn(NodeId) -> PathBuf,
    token: &Token,
    runtime: &Runtime,
) -> Result<Office, Failure> {
    let office = Office::open(dir, &witness_of)?;
    if *office.identity.ca() != token.ca || *office.identity.seat() != token.agency {
        return Err(store_failure(StoreError::Exists { path: dir.to_owned() }));
    }
    let (keys, clock) = (office.identity.keys().clone(), Arc::clone(office.clock()));
    let enrolled = runtime.block_on(enrol(token, keys, DIAL_MS, clock)).map_err(|error| {
        let refusal = error.refusal();
        if error.is_retryable() { Failure::NotReached(refusal) } else { Failure::Refused(refusal) }
    })?;
    enrolled.identity.save(dir).map_err(identity_failure)?;
    let addresses = serde_json::to_vec(&token.addresses).map_err(|_| Refusal::new("token-damaged"))?;
    office
        .store
        .write(move |tx| {
            tx.put_meta(ADDRESSES_KEY, &addresses)?;
            tx.clear_condition(NOT_GRANTED, "")
        })
        .map_err(store_failure)?;
    drop(office);
    let office = Office::open(dir, witness_of)?;
    let caller = caller(&office, runtime.handle().clone(), Stop::new(5_000))?;
    caller.once(FIRST_SESSION_MS, false).map_err(|error| call_failure(&error))?;
    Ok(office)
}

/// Goes on with an enrolment whose first session did not come through.
fn go_on(dir: &Path, witness_of: impl Fn(NodeId) -> PathBuf, runtime: &Runtime) -> Result<Office, Failure> {
    let office = Office::open(dir, witness_of)?;
    if office.store.identity().role != Role::Commune
        || office.shelf.newest().map_err(store_failure)?.is_some()
    {
        return Err(store_failure(StoreError::Exists { path: dir.to_owned() }));
    }
    let caller = caller(&office, runtime.handle().clone(), Stop::new(5_000))?;
    caller.once(FIRST_SESSION_MS, false).map_err(|error| call_failure(&error))?;
    Ok(office)
}

/// What calls the province from this office.
///
/// # Errors
/// The identity does not fit the TLS library, or the machine has no certificate yet.
pub fn caller(office: &Office, runtime: Handle, stop: Stop) -> Result<Caller, Failure> {
    if !office.identity.is_granted() {
        return Err(Refusal::new(NOT_GRANTED).into());
    }
    let desk = office.desk.clone();
    Caller::new(
        Arc::clone(&office.store),
        Arc::clone(&office.identity),
        Arc::clone(&office.random),
        runtime,
        stop,
        Arc::new(move |at| desk.hear_time(at)),
    )
    .map_err(|error| {
        tracing::error!(%error, "secure connections cannot be set up");
        Failure::Bug(Refusal::new("line-set-up"))
    })
}

/// A call that did not work out, as the end of a command.
#[must_use]
pub fn call_failure(error: &CallError) -> Failure {
    if let CallError::Store(error) | CallError::Session(RunError::Drive(DriveError::Store(error))) = error {
        return store_failure(error.clone());
    }
    if error.is_final() { Failure::Refused(error.refusal()) } else { Failure::NotReached(error.refusal()) }
}
