//! The province's end of a session: it answers, takes in the machine's own entries, sends items, proofs and the
//! seat's feed, and proves what both sides hold.

use crate::entry::Digest;
use crate::entry::Entry;
use crate::entry::Lsn;
use crate::frame::ByeCode;
use crate::frame::Cut;
use crate::frame::Hello;
use crate::frame::LogAck;
use crate::frame::LogStatus;
use crate::frame::Message;
use crate::frame::StoredCounts;
use crate::head::FeedHead;
use crate::head::ItemsHead;
use crate::head::LogHead;
use crate::head::ProofHead;
use crate::ids::BootId;
use crate::ids::Hash;
use crate::ids::NodeId;
use crate::ids::ProvinceId;
use crate::ids::PublicKey;
use crate::item::Item;
use crate::proof::Proof;
use crate::run::ChangeRun;

/// Who is at the other end, from its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvinceOptions {
    /// This province.
    pub province: ProvinceId,
    /// The machine, as its certificate names it.
    pub node: NodeId,
    /// The machine's signing key, as its certificate names it.
    pub node_key: PublicKey,
}

/// How one log named by the node stands here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogFacts {
    /// The log's head here; position 0 and [`chain_start`](crate::entry::chain_start) when it is unknown.
    pub here: LogHead,
    /// Beside what the node said.
    pub status: LogStatus,
}

/// Where everything of one machine and its seat stands at the province, read in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvinceFacts {
    /// One per log named in the hello, in the same order: [`LogFacts::compare`].
    pub logs: Vec<LogFacts>,
    /// Whether the machine's other logs here are exactly the hello's `older`.
    pub is_older_equal: bool,
    /// The heads here of those other logs, when they are equal; otherwise empty.
    pub older: Vec<LogHead>,
    /// The seat's feed here. The id is never `None`.
    pub feed: FeedHead,
    /// The newest provincial item.
    pub items: ItemsHead,
    /// The machine's newest proof here.
    pub last_proof: Option<ProofHead>,
}

/// What the machine asks to be proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofClaim {
    /// Its hello: facts read again must still satisfy [`ProvinceFacts::is_even_with`].
    Hello(Box<Hello>),
    /// Its cut: [`Cut::compare`] with what is here.
    Cut(Cut),
}

/// A request for a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofRequest {
    /// What to compare.
    pub claim: ProofClaim,
    /// The newest proof the machine has, for [`ProofContent::next`](crate::proof::ProofContent::next).
    pub told: Option<ProofHead>,
}

/// Why there is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotEqual {
    /// The seat's feed has grown beyond the claim.
    FeedGrown {
        /// Its last position.
        position: u64,
    },
    /// Items have been added beyond the claim.
    ItemsGrown {
        /// The newest number.
        n: u64,
    },
    /// Positions are equal and what lies behind is not, or the node is ahead.
    Differs,
}

/// One entry of a feed, with its place there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEntry {
    /// Its position in the feed.
    pub position: u64,
    /// The entry. The body may be left out where the session says that the node has it.
    pub entry: Entry,
}

/// What happened outside.
#[derive(Debug)]
pub enum ProvinceInput {
    /// A message arrived.
    Message(Vec<u8>),
    /// Answer to [`ProvinceOutput::LoadFacts`]: the facts, or why the machine is not served.
    FactsLoaded(Result<Box<ProvinceFacts>, ByeCode>),
    /// Answer to [`ProvinceOutput::CheckHeads`]: one per head of the page, in the same order.
    HeadsChecked(Vec<LogFacts>),
    /// Answer to [`ProvinceOutput::MakeProof`]. The proof is stored before it is answered.
    ProofMade(Result<Box<Proof>, NotEqual>),
    /// Answer to [`ProvinceOutput::LoadItems`], in order.
    ItemsLoaded(Vec<Item>),
    /// Answer to [`ProvinceOutput::LoadProofs`], in order.
    ProofsLoaded(Vec<Proof>),
    /// Answer to [`ProvinceOutput::LoadFeed`].
    FeedLoaded {
        /// Entries after the position asked for, without gaps.
        entries: Vec<FeedEntry>,
        /// The feed's digest after the last of them.
        end_digest: Digest,
        /// The feed's last position.
        head_position: u64,
    },
    /// Answer to [`ProvinceOutput::StoreChanges`]: it is on disk.
    ChangesStored {
        /// For every log of the batch, its last contiguous entry here.
        acks: Vec<LogAck>,
        /// How the machine's entries fare.
        counts: StoredCounts,
        /// The last position of the seat's feed.
        feed_position: u64,
    },
    /// The seat's feed has grown. Early, late and repeated news do no harm.
    Grown {
        /// Its last position.
        feed_position: u64,
    },
    /// Provincial items were added.
    ItemsGrown {
        /// The newest number.
        n: u64,
    },
    /// The time named by `wake_at` has come. An early or repeated tick does nothing.
    Tick,
    /// The line is gone, or this program stops.
    Close,
}

/// What the caller does next, in order.
#[derive(Debug)]
pub enum ProvinceOutput {
    /// Hand the message to the transport.
    Send(Message),
    /// Compare the hello with what is here; answer with [`ProvinceInput::FactsLoaded`].
    LoadFacts(Box<Hello>),
    /// Compare these heads with what is here; answer with [`ProvinceInput::HeadsChecked`].
    CheckHeads(Vec<LogHead>),
    /// Compare in one transaction, and make and store a proof if equal; answer with
    /// [`ProvinceInput::ProofMade`].
    MakeProof(ProofRequest),
    /// Load items after this number, about so many bytes, one at least; answer with
    /// [`ProvinceInput::ItemsLoaded`].
    LoadItems {
        /// The number before the first one wanted.
        after_n: u64,
        /// Stop after the sum of the bodies exceeds this.
        bytes_max: usize,
    },
    /// Load proofs of the machine after this number; answer with [`ProvinceInput::ProofsLoaded`].
    LoadProofs {
        /// The number before the first one wanted.
        after_n: u64,
        /// Load at most so many.
        proofs_max: usize,
    },
    /// Load the seat's feed after this position; answer with [`ProvinceInput::FeedLoaded`].
    LoadFeed {
        /// The position before the first one wanted.
        after_position: u64,
        /// Stop before the sum of [`weight_bytes`](crate::run::weight_bytes) exceeds this, but load one entry at
        /// least.
        bytes_max: usize,
        /// Load at most so many entries.
        entries_max: usize,
    },
    /// Store these own entries of the machine in one commit; answer with [`ProvinceInput::ChangesStored`].
    /// Chains and signatures are checked. Entries stored already (by another session of the machine) are left
    /// as they are; a log that belongs to another machine is the store's to refuse.
    StoreChanges(Vec<ChangeRun>),
    /// The node has durably stored its feed up to here. No answer.
    FeedAcked {
        /// The position.
        position: u64,
    },
    /// These logs of the machine have another history here. For the supervision page; no answer.
    Forked(Vec<BootId>),
    /// The session is over. Nothing follows.
    Finished(ProvinceOutcome),
}

/// How a session ended without an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProvinceOutcome {
    /// The line was closed. `is_proved` says whether a proof was sent in this session.
    Closed {
        /// Whether a proof was sent.
        is_proved: bool,
    },
    /// The node left, with a reason.
    Left {
        /// Why.
        code: ByeCode,
    },
    /// The province left, with a reason.
    Refused {
        /// Why.
        code: ByeCode,
    },
}

/// What a session moved. Bytes are those of frame messages as handed to the transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProvinceStatistics {
    /// Sent bytes.
    pub sent_bytes: u64,
    /// Received bytes.
    pub received_bytes: u64,
    /// Entries that came.
    pub changes_received: u64,
    /// Entries sent as bytes.
    pub changes_sent: u64,
}

impl LogFacts {
    /// How a log the node names stands here.
    ///
    /// `here` is its head here (position 0 when unknown); `chain_at` is the chain here at the node's position,
    /// asked for only when the node has less.
    #[must_use]
    pub fn compare(there: &LogHead, here: LogHead, chain_at: impl FnOnce(Lsn) -> Option<Hash>) -> Self {
        let status = match there.lsn.cmp(&here.lsn) {
            _ if here.lsn == 0 => LogStatus::Unknown,
            std::cmp::Ordering::Equal if there.chain == here.chain => LogStatus::Known,
            std::cmp::Ordering::Greater => LogStatus::Behind,
            std::cmp::Ordering::Less if chain_at(there.lsn) == Some(there.chain) => LogStatus::Ahead,
            std::cmp::Ordering::Equal | std::cmp::Ordering::Less => LogStatus::Forked,
        };
        Self { here, status }
    }
}

impl ProvinceFacts {
    /// Whether both sides hold the same, so that the hello can be answered with a proof.
    #[must_use]
    pub fn is_even_with(&self, hello: &Hello) -> bool {
        let told_n = hello.last_proof.map_or(0, |proof| proof.n);
        let lacks_no_proof = self.last_proof.is_none_or(|here| here.n <= told_n);
        self.is_older_equal
            && self.logs.len() == hello.logs.len()
            && self.logs.iter().all(|log| log.status == LogStatus::Known)
            && lacks_no_proof
            && self.items == hello.items
            && self.feed.position == hello.feed.position
            && self.feed.digest == hello.feed.digest
            && (self.feed.id == hello.feed.id || self.feed.position == 0)
    }
}

impl Cut {
    /// Whether the node holds what is here.
    ///
    /// # Errors
    /// What is missing on which side.
    pub fn compare(
        &self,
        feed: &FeedHead,
        logs: &crate::head::LogsSummary,
        items: &ItemsHead,
    ) -> Result<(), NotEqual> {
        let here = feed.position;
        if self.feed.position < here {
            return Err(NotEqual::FeedGrown { position: here });
        }
        if self.items.n < items.n {
            return Err(NotEqual::ItemsGrown { n: items.n });
        }
        let is_feed_equal = self.feed.position == here
            && self.feed.digest == feed.digest
            && (self.feed.id == feed.id || here == 0);
        if is_feed_equal && self.logs == *logs && self.items == *items {
            Ok(())
        } else {
            Err(NotEqual::Differs)
        }
    }
}

/// The province's end of one session.
#[derive(Debug)]
pub struct ProvinceSession {}
