//! What others need for the same work: Automerge's own sync of every document, and zstd of the operations.

use std::collections::BTreeMap;

use automerge::Automerge;
use automerge::AutomergeError;
use automerge::Change;
use automerge::sync::State;
use automerge::sync::SyncDoc;
use sync_protocol::ids::DocId;

/// Bytes of a document's id beside each of its messages, as the peers were measured.
const DOC_ID_BYTES: usize = 16;
/// Flights after which a sync that has not ended is a mistake.
const FLIGHTS_MAX: usize = 32;

/// The raw changes of documents.
pub(super) type Documents = BTreeMap<DocId, Vec<Vec<u8>>>;

/// What a sync of all documents took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Synced {
    /// From the first side to the second.
    pub(super) up_bytes: usize,
    /// From the second to the first.
    pub(super) down_bytes: usize,
    /// Flights that each depend on the one before; two are a round trip.
    pub(super) flights: usize,
}

fn open(changes: Option<&Vec<Vec<u8>>>) -> Result<Automerge, AutomergeError> {
    let mut document = Automerge::new();
    let changes = changes.into_iter().flatten();
    let parsed: Result<Vec<Change>, _> = changes.map(|bytes| Change::from_bytes(bytes.clone())).collect();
    document.apply_changes(parsed.map_err(|_| AutomergeError::Fail)?)?;
    Ok(document)
}

/// Automerge's own sync of every document, all multiplexed, from fresh states.
///
/// # Errors
/// Automerge does not take its own changes.
pub(super) fn automerge_sync(first: &Documents, second: &Documents) -> Result<Synced, AutomergeError> {
    let mut total = Synced::default();
    let docs = first.keys().chain(second.keys().filter(|doc| !first.contains_key(doc)));
    for doc in docs {
        let (mut here, mut there) = (open(first.get(doc))?, open(second.get(doc))?);
        let (mut here_state, mut there_state) = (State::new(), State::new());
        let mut flights = 0;
        for flight in 1..=FLIGHTS_MAX {
            let is_up = flight % 2 == 1;
            let message = if is_up {
                here.generate_sync_message(&mut here_state)
            } else {
                there.generate_sync_message(&mut there_state)
            };
            let Some(message) = message else {
                if flights + 2 <= flight {
                    break;
                }
                continue;
            };
            flights = flight;
            let size_bytes = message.clone().encode().len() + DOC_ID_BYTES;
            if is_up {
                total.up_bytes += size_bytes;
                there.receive_sync_message(&mut there_state, message)?;
            } else {
                total.down_bytes += size_bytes;
                here.receive_sync_message(&mut here_state, message)?;
            }
        }
        total.flights = total.flights.max(flights);
    }
    Ok(total)
}
