//! The node's end of a session: it opens, sends its own entries, takes in items, proofs and its feed, and asks
//! for a proof when it believes that both sides hold the same.

use crate::entry::Entry;
use crate::entry::Lsn;
use crate::frame::ByeCode;
use crate::frame::Feed;
use crate::frame::LogAck;
use crate::frame::Message;
use crate::frame::StoredCounts;
use crate::head::FeedHead;
use crate::head::ItemsHead;
use crate::head::LogHead;
use crate::head::LogsSummary;
use crate::head::SignedHead;
use crate::ids::BootId;
use crate::ids::FeedId;
use crate::ids::NodeId;
use crate::ids::ProvinceId;
use crate::ids::PublicKey;
use crate::item::Item;
use crate::proof::Proof;

/// Where everything stands at the node when the session begins, read in one transaction.
#[derive(Clone, Debug)]
pub struct NodeFacts {
    /// The province this node belongs to.
    pub province: ProvinceId,
    /// The province's public key, from the enrolment.
    pub province_key: PublicKey,
    /// This machine.
    pub node: NodeId,
    /// Random, new for every session.
    pub session: u64,
    /// Heads of own-identity logs that the last proof does not cover, newest first. More than
    /// [`NAMED_LOGS_MAX`](crate::limits::NAMED_LOGS_MAX) belong into `older`.
    pub logs: Vec<LogHead>,
    /// All other own-identity logs held here.
    pub older: LogsSummary,
    /// The head of the log that this process appends to, if it has one yet; wherever it is counted above.
    pub current: Option<LogHead>,
    /// The seat's feed here.
    pub feed: FeedHead,
    /// The newest provincial item here.
    pub items: ItemsHead,
    /// The newest proof here.
    pub last_proof: Option<Proof>,
}

/// How the session is to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeOptions {
    /// Stay open after the proof, push own appends as they come and ask for new proofs; otherwise finish after
    /// the first proof.
    pub is_live: bool,
}

/// Where everything stands at the node when it wants to cut, read in one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutFacts {
    /// The seat's feed here.
    pub feed: FeedHead,
    /// All own-identity logs here.
    pub logs: LogsSummary,
    /// The head of the log that this process appends to, if it has one yet.
    pub current: Option<LogHead>,
    /// Entries that wait here for what they depend on.
    pub waiting: u64,
    /// The newest provincial item here.
    pub items: ItemsHead,
}

/// What happened outside.
#[derive(Debug)]
pub enum NodeInput {
    /// A message arrived.
    Message(Vec<u8>),
    /// Answer to [`NodeOutput::LoadHeads`]: at most
    /// [`HEADS_PER_FRAME_MAX`](crate::limits::HEADS_PER_FRAME_MAX) heads by ascending id.
    HeadsLoaded {
        /// The heads.
        heads: Vec<LogHead>,
        /// Whether no more follow.
        is_last: bool,
    },
    /// Answer to [`NodeOutput::LoadLog`].
    LogLoaded {
        /// The log asked for.
        boot: BootId,
        /// Its entries after the position asked for, without gaps; none when there are no more.
        entries: Vec<Entry>,
        /// The head at the last of them, signed by the machine; `None` with no entries.
        head: Option<SignedHead>,
    },
    /// Answer to [`NodeOutput::StoreItems`]: they are on disk.
    ItemsStored,
    /// Answer to [`NodeOutput::StoreProofs`]: they are on disk.
    ProofsStored,
    /// Answer to [`NodeOutput::StoreFeed`]: on disk up to here.
    FeedStored {
        /// The feed's last stored position.
        position: u64,
    },
    /// Answer to [`NodeOutput::LoadCut`].
    CutLoaded(CutFacts),
    /// Answer to [`NodeOutput::StoreProof`]: it is on disk.
    ProofStored,
    /// This machine committed own entries. Early, late and repeated news do no harm; news that never comes is
    /// made good at the next cut.
    Appended {
        /// The log.
        boot: BootId,
        /// Its last entry.
        lsn: Lsn,
    },
    /// The time named by `wake_at` has come. An early or repeated tick does nothing.
    Tick,
    /// The line is gone, or this program stops.
    Close,
}

/// What the caller does next, in order.
#[derive(Debug)]
pub enum NodeOutput {
    /// Hand the message to the transport.
    Send(Message),
    /// Load heads of all own-identity logs after this id (from the first with `None`), ascending; answer with
    /// [`NodeInput::HeadsLoaded`].
    LoadHeads {
        /// The last id of the page before.
        after: Option<BootId>,
    },
    /// Load entries of one log and sign the head at the last of them; answer with [`NodeInput::LogLoaded`].
    LoadLog {
        /// The log.
        boot: BootId,
        /// The position before the first one wanted.
        after_lsn: Lsn,
        /// Stop before the sum of [`weight_bytes`](crate::run::weight_bytes) exceeds this, but load one entry at
        /// least.
        bytes_max: usize,
        /// Load at most so many entries.
        entries_max: usize,
    },
    /// Store these provincial items (verified, in order, repeatable); answer with [`NodeInput::ItemsStored`].
    StoreItems(Vec<Item>),
    /// Store these proofs (verified, in order, repeatable); answer with [`NodeInput::ProofsStored`].
    StoreProofs(Vec<Proof>),
    /// The seat has another feed than the stored one (the first, or a restored province's): note its id and
    /// begin at position 0 with the digest of nothing. Entries stay. No answer.
    BeginFeed(FeedId),
    /// Store this stretch of the feed in one commit: entries that are here already are not stored again, own
    /// runs are looked up; position and digest advance over all of them. Answer with [`NodeInput::FeedStored`].
    StoreFeed(Feed),
    /// Read [`CutFacts`]; answer with [`NodeInput::CutLoaded`].
    LoadCut,
    /// Store the newest proof (verified); answer with [`NodeInput::ProofStored`].
    StoreProof {
        /// The proof.
        proof: Proof,
        /// Whether it only replaces time and signature of the last one.
        is_renewal: bool,
    },
    /// The province has durably stored own entries up to here. For the delivery ladder; no answer.
    Acked {
        /// The logs and how far.
        logs: Vec<LogAck>,
        /// How this machine's entries fare there, when it said so.
        counts: Option<StoredCounts>,
    },
    /// The province knows another history under these logs' names: rotate to a new boot and write the own
    /// entries again under it. No answer.
    Forked(Vec<BootId>),
    /// Both sides held the same, and the proof is stored. A live session stays open.
    Converged,
    /// The session is over. Nothing follows.
    Finished(NodeOutcome),
}

/// How a session ended without an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeOutcome {
    /// With a stored proof and nothing new since.
    Converged,
    /// The line went before that. What was stored stays; dial again.
    Partial,
    /// The province left, with a reason; dial again if [`ByeCode::is_retryable`].
    Refused {
        /// Why.
        code: ByeCode,
        /// Numbers that belong to the code.
        args: Vec<u64>,
    },
}

/// What a session moved. Bytes are those of frame messages as handed to the transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeStatistics {
    /// Sent bytes.
    pub sent_bytes: u64,
    /// Received bytes.
    pub received_bytes: u64,
    /// Sent messages.
    pub sent_frames: u64,
    /// Received messages.
    pub received_frames: u64,
    /// How often a message came after something had been sent since the last one.
    pub round_trips: u64,
    /// Own entries sent.
    pub changes_sent: u64,
    /// Entries that came as bytes.
    pub changes_received: u64,
}

/// The node's end of one session.
#[derive(Debug)]
pub struct NodeSession {}
