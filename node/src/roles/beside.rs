//! A province and its communes in one process, without a line between them: the same stores, sessions and
//! drivers, with messages handed over in memory. For measurements.

use std::collections::VecDeque;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use sync_protocol::frame::Message;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::PublicKey;
use sync_protocol::session::NodeSession;
use sync_protocol::session::ProvinceSession;
use sync_protocol::session::node::NodeInput;
use sync_protocol::session::node::NodeOptions;
use sync_protocol::session::node::NodeOutcome;
use sync_protocol::session::node::NodeStatistics;
use sync_protocol::session::province::ProvinceInput;
use sync_protocol::session::province::ProvinceOptions;

use crate::control::Failure;
use crate::identity::MachineIdentity;
use crate::identity::SecretKeys;
use crate::ids::AgencyCode;
use crate::refusal::Refusal;
use crate::roles::Office;
use crate::roles::fresh_seeds;
use crate::roles::identity_failure;
use crate::roles::province;
use crate::roles::store_failure;
use crate::store::Identity;
use crate::store::OpenOptions;
use crate::store::Role;
use crate::store::Store;
use crate::sync::driver::DriveError;
use crate::sync::driver::NodeStep;
use crate::sync::driver::ProvinceStep;
use crate::sync::driver::step_node;
use crate::sync::driver::step_province;
use crate::sync::node_store::NodeSide;
use crate::sync::province_store::ProvinceSide;

/// How one session ended.
#[derive(Debug)]
pub struct Ended {
    /// How the node's side ended.
    pub outcome: NodeOutcome,
    /// What the node's side counted.
    pub statistics: NodeStatistics,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the commune to the province.
    Up,
    /// From the province to the commune.
    Down,
}

/// Enrols a further machine of a seat with a province in this process. The machine has the directory after its
/// first session.
///
/// # Errors
/// As the enrolment over a line, without the line.
pub fn enrol(
    province: &Office,
    dir: &Path,
    witness_of: impl FnOnce(NodeId) -> PathBuf,
    seat: &AgencyCode,
) -> Result<Office, Failure> {
    let authority = province::require_province(province)?;
    std::fs::create_dir_all(dir)
        .map_err(|error| store_failure(crate::store::StoreError::from_file(error, dir)))?;
    let random = Arc::clone(&province.random);
    let keys = SecretKeys::from_seeds(&fresh_seeds(random.as_ref())?);
    let certificate =
        province::admit_machine(province, &keys.request(authority.province()), keys.node(), seat)?;
    let identity =
        MachineIdentity::new(keys, certificate, authority.public_key()).map_err(identity_failure)?;
    identity.save(dir).map_err(identity_failure)?;
    let facts = Identity {
        province: identity.province(),
        machine: identity.node(),
        seat: seat.clone(),
        role: Role::Commune,
    };
    let options = OpenOptions::new(witness_of(identity.node()));
    let store = Store::create(dir, &facts, options).map_err(store_failure)?;
    Office::assemble(dir, store, identity, random)
}

/// Runs one session between both until the node's side ends.
///
/// # Errors
/// A store failed, or the sessions stopped with nothing said: a mistake of ours.
pub fn session(commune: &Office, province: &Office) -> Result<Ended, Failure> {
    session_seen(commune, province, |_, _| {})
}

/// As [`session`], and shows each message as it is handed over; none is kept.
///
/// # Errors
/// As [`session`].
pub fn session_seen(
    commune: &Office,
    province: &Office,
    mut see: impl FnMut(Way, &Message),
) -> Result<Ended, Failure> {
    // There is no line, so no time passes on it: the work of both stores would look like a slow one.
    let now = commune.clock().wall();
    let (node, seat) = (commune.identity.node(), commune.identity.seat().clone());
    let mut number = [0; 8];
    commune.random.fill(&mut number).map_err(store_failure)?;
    let mut node_side = NodeSide::new(Arc::clone(&commune.store), Arc::clone(&commune.identity));
    let province_key = PublicKey(province.identity.keys().public().signing);
    let facts = node_side.facts(u64::from_be_bytes(number), province_key).map_err(store_failure)?;
    let mut up_session =
        NodeSession::new(now, facts, NodeOptions::default()).map_err(|error| stopped(&error))?;
    let options = ProvinceOptions {
        province: province.identity.province(),
        province_key,
        node,
        node_key: PublicKey(commune.identity.keys().public().signing),
    };
    let mut down_session = ProvinceSession::new(now, options);
    let mut province_side =
        ProvinceSide::new(Arc::clone(&province.store), Arc::clone(&province.identity), node, seat);
    let (mut to_province, mut to_node) = (VecDeque::<Vec<u8>>::new(), VecDeque::<Vec<u8>>::new());
    let mut input = NodeInput::Tick;
    loop {
        let mut step = NodeStep::default();
        step_node(&mut up_session, &mut node_side, now, input, &mut step).map_err(drive_failure)?;
        step.messages.iter().for_each(|message| see(Way::Up, message));
        to_province.extend(step.messages.into_iter().map(|message| message.bytes));
        if let Some(outcome) = step.outcome {
            return Ok(Ended { outcome, statistics: up_session.statistics() });
        }
        while let Some(bytes) = to_province.pop_front() {
            let mut step = ProvinceStep::default();
            let input = ProvinceInput::Message(bytes);
            step_province(&mut down_session, &mut province_side, now, input, &mut step)
                .map_err(drive_failure)?;
            step.messages.iter().for_each(|message| see(Way::Down, message));
            to_node.extend(step.messages.into_iter().map(|message| message.bytes));
        }
        input = NodeInput::Message(to_node.pop_front().ok_or_else(|| stopped(&"both sides wait"))?);
    }
}

fn stopped(why: &dyn std::fmt::Display) -> Failure {
    Failure::Bug(Refusal::new("store-bug").with("what", why))
}

fn drive_failure(error: DriveError<crate::store::StoreError>) -> Failure {
    match error {
        DriveError::Store(error) => store_failure(error),
        DriveError::Session(error) => stopped(&error),
    }
}
