//! How two offices reconcile: what an entry is, what travels, when a session is over and what the
//! province's proof says.
//!
//! The crate does no input or output, reads no clock and draws no random bytes: the caller brings messages,
//! time and answers of its store, and carries out what the session asks for. `SPEC.md` beside this crate has the
//! bytes.
//!
//! # A session
//!
//! The node opens with where everything stands with it ([`frame::Hello`]); the province answers. If nothing is
//! new on either side, the answer is already the fresh proof: one round trip. Otherwise both directions stream
//! at once: the node's own entries up, provincial items, older proofs and the seat's feed down, each
//! acknowledged after the durable commit only. When the node believes that both sides hold the same it cuts,
//! and the province compares, signs and sends the proof.
//!
//! Both ends are driven by the same loop. Here two machines that hold nothing yet agree that they do:
//!
//! ```
//! use ed25519_dalek::Signer;
//! use ed25519_dalek::SigningKey;
//! use sync_protocol::head::{FeedHead, ItemsHead, LogsSummary};
//! use sync_protocol::ids::{BootId, FeedId, NodeId, ProvinceId, PublicKey};
//! use sync_protocol::proof::{EntryCounts, Proof, ProofContent, ProofState};
//! use sync_protocol::session::node::{NodeFacts, NodeInput, NodeOptions, NodeOutcome, NodeOutput};
//! use sync_protocol::session::province::{ProvinceFacts, ProvinceInput, ProvinceOptions, ProvinceOutput};
//! use sync_protocol::session::{NodeSession, ProvinceSession, SessionError};
//! use sync_protocol::time::Millis;
//!
//! let key = SigningKey::from_bytes(&[1; 32]); // the province's; a real one is random
//! let province_key = PublicKey(key.verifying_key().to_bytes());
//! let (province, node, feed) = (ProvinceId([1; 16]), NodeId([2; 16]), FeedId([3; 16]));
//! let now = Millis(1_772_411_732_000);
//!
//! let facts = NodeFacts {
//!     province, province_key, node,
//!     session: 42, // random in earnest
//!     logs: vec![],
//!     older: LogsSummary::default(),
//!     current: None,
//!     feed: FeedHead::default(),
//!     items: ItemsHead::default(),
//!     last_proof: None,
//!     series_left: None,
//!     may_hold_lost: false,
//! };
//! let mut commune = NodeSession::new(now, facts, NodeOptions::default())?;
//! let options = ProvinceOptions { province, province_key, node, node_key: PublicKey([9; 32]) };
//! let mut centre = ProvinceSession::new(now, options);
//!
//! // What a driver does with a socket and a store, done here by hand.
//! let outcome = 'session: loop {
//!     while let Some(output) = commune.poll() {
//!         match output {
//!             NodeOutput::Send(message) => centre.handle(now, ProvinceInput::Message(message.bytes))?,
//!             NodeOutput::StoreProof { proof, .. } => {
//!                 assert_eq!(proof.content().n, 1);
//!                 commune.handle(now, NodeInput::ProofStored)?; // after the commit
//!             }
//!             NodeOutput::Finished(outcome) => break 'session outcome,
//!             _ => {} // there is nothing to load or to store yet
//!         }
//!     }
//!     while let Some(output) = centre.poll() {
//!         match output {
//!             ProvinceOutput::Send(message) => commune.handle(now, NodeInput::Message(message.bytes))?,
//!             ProvinceOutput::LoadFacts(_hello) => {
//!                 let facts = ProvinceFacts {
//!                     logs: vec![],
//!                     is_older_equal: true,
//!                     older: vec![],
//!                     feed: FeedHead { id: Some(feed), ..FeedHead::default() },
//!                     items: ItemsHead::default(),
//!                     wants_items: None,
//!                     last_proof: None,
//!                 };
//!                 centre.handle(now, ProvinceInput::FactsLoaded(Ok(Box::new(facts))))?;
//!             }
//!             ProvinceOutput::MakeProof(request) => {
//!                 let state = ProofState {
//!                     province, machine: node, feed,
//!                     position: 0,
//!                     digest: Default::default(),
//!                     logs: LogsSummary::default(),
//!                     counts: EntryCounts::default(),
//!                     items_n: 0,
//!                 };
//!                 let content = ProofContent::next(&state, None, request.told, BootId([4; 16]));
//!                 let proof = Proof::sign_with(content, now, |bytes| key.sign(bytes).to_bytes());
//!                 centre.handle(now, ProvinceInput::ProofMade(Ok(Box::new(proof))))?;
//!             }
//!             _ => {}
//!         }
//!     }
//! };
//! assert_eq!(outcome, NodeOutcome::Converged);
//! assert_eq!(commune.statistics().round_trips, 1);
//! # Ok::<(), SessionError>(())
//! ```

mod batch;
pub mod bundle;
pub mod chunk;
pub mod codec;
pub mod columns;
pub mod compress;
pub mod context;
pub mod dictionary;
pub mod entry;
pub mod frame;
pub mod head;
pub mod ids;
pub mod item;
pub mod limits;
pub mod position;
pub mod proof;
pub mod range;
pub mod run;
pub mod session;
pub mod time;
