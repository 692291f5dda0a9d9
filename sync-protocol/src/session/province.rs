//! The province's end of a session: it answers, takes in the machine's own entries, sends items, proofs and the
//! seat's feed, and proves what both sides hold.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;

use crate::context::Context;
use crate::dictionary;
use crate::entry;
use crate::entry::Digest;
use crate::entry::Entry;
use crate::entry::Lsn;
use crate::frame::Ack;
use crate::frame::Aside;
use crate::frame::Bye;
use crate::frame::ByeCode;
use crate::frame::Changes;
use crate::frame::Cut;
use crate::frame::Feed;
use crate::frame::Frame;
use crate::frame::FrameKind;
use crate::frame::FreshProof;
use crate::frame::HeadsAck;
use crate::frame::Hello;
use crate::frame::HelloAck;
use crate::frame::Items;
use crate::frame::LogAck;
use crate::frame::LogState;
use crate::frame::LogStatus;
use crate::frame::Message;
use crate::frame::PROTOCOL_VERSION;
use crate::frame::Proofs;
use crate::frame::Ranges;
use crate::frame::Standing;
use crate::frame::StoredCounts;
use crate::frame::Wanted;
use crate::head::FeedHead;
use crate::head::ItemsHead;
use crate::head::LogHead;
use crate::head::LogsSummary;
use crate::head::ProofHead;
use crate::ids::BootId;
use crate::ids::FeedId;
use crate::ids::Hash;
use crate::ids::NodeId;
use crate::ids::ProvinceId;
use crate::ids::PublicKey;
use crate::item::Item;
use crate::item::PlacedItem;
use crate::limits;
use crate::proof::Proof;
use crate::range::Compared;
use crate::range::Comparison;
use crate::range::Range;
use crate::run;
use crate::run::ChangeRun;
use crate::run::EntryRun;
use crate::run::FeedRun;
use crate::session::SessionError;
use crate::session::node::after;
use crate::session::node::elapsed_ms;
use crate::session::pace::Pace;
use crate::session::pull::Assembler;
use crate::session::push::BatchSize;
use crate::session::push::items_frames;
use crate::time::Millis;

/// Who is at the other end, from its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvinceOptions {
    /// This province.
    pub province: ProvinceId,
    /// The key this province signs with: what of its word comes back to it is checked like anybody's.
    pub province_key: PublicKey,
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
    /// The heads here of those other logs.
    pub older: Vec<LogHead>,
    /// The seat's feed here. The id is never `None`.
    pub feed: FeedHead,
    /// The newest provincial item.
    pub items: ItemsHead,
    /// When the item that the hello names is not here: what is, for [`Wanted`]. This province was restored then.
    pub wants_items: Option<Vec<ItemsHead>>,
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
    /// Answer to [`ProvinceOutput::LoadItems`], in the order of their places.
    ItemsLoaded(Vec<PlacedItem>),
    /// Answer to [`ProvinceOutput::StoreItems`]: they are on disk.
    ItemsStored {
        /// The newest number here.
        n: u64,
    },
    /// Answer to [`ProvinceOutput::LoadProofs`], in order.
    ProofsLoaded(Vec<Proof>),
    /// Answer to [`ProvinceOutput::Compare`]; `None` when the sets moved meanwhile.
    Compared(Option<Box<Compared>>),
    /// Answer to [`ProvinceOutput::RenewFeed`]: where the feed stands under its new id.
    FeedRenewed(FeedHead),
    /// Answer to [`ProvinceOutput::LoadFeed`].
    FeedLoaded {
        /// Entries after the position asked for, without gaps.
        entries: Vec<FeedEntry>,
        /// The feed's digest after the last of them.
        end_digest: Digest,
        /// The feed's last position.
        head_position: u64,
    },
    /// Answer to [`ProvinceOutput::LoadAside`]: entries of that log in their order, with gaps; none when there are
    /// no more.
    AsideLoaded(Vec<Entry>),
    /// Answer to [`ProvinceOutput::StoreAside`]: they are on disk.
    AsideStored,
    /// Answer to [`ProvinceOutput::StoreChanges`]: it is on disk.
    ChangesStored {
        /// For every log of the batch, its last contiguous entry here; 0 for a log that is not the machine's, of which
        /// nothing was stored.
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
    /// Leave with this reason (a ban, a full disk, shutdown): the node is told.
    Refuse(ByeCode),
    /// The line is gone.
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
    /// Load items that are neither `beyond` nor before it, about so many bytes, one at least; answer with
    /// [`ProvinceInput::ItemsLoaded`].
    LoadItems {
        /// The newest that the node held at its hello. It is here.
        beyond: ItemsHead,
        /// The place before the first one wanted.
        after_place: u64,
        /// Stop after the sum of the bodies exceeds this.
        bytes_max: usize,
    },
    /// Store these items in one commit, which this province signed and lost (verified, in order, repeatable), and
    /// take up what they say; answer with [`ProvinceInput::ItemsStored`].
    StoreItems {
        /// The items.
        items: Vec<Item>,
        /// Whether they are all: what was signed here since the restore is joined with them in the same commit.
        is_last: bool,
    },
    /// Load proofs of the machine after this number; answer with [`ProvinceInput::ProofsLoaded`].
    LoadProofs {
        /// The number before the first one wanted.
        after_n: u64,
        /// Load at most so many.
        proofs_max: usize,
    },
    /// Compare the entries of the seat's feed up to a position that are not of the machine's own logs:
    /// [`Compared::over`]; answer with [`ProvinceInput::Compared`].
    Compare {
        /// How far it has come.
        comparison: Box<Comparison>,
        /// The node's message.
        theirs: Vec<Range>,
        /// The last position that counts.
        upto: u64,
    },
    /// The node lacks entries that its feed has brought: give the feed a new id, with the same rows, so that it begins
    /// anew; answer with [`ProvinceInput::FeedRenewed`].
    RenewFeed,
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
    /// Load entries of one of the machine's logs after this position that its seat's feed does not hold; answer with
    /// [`ProvinceInput::AsideLoaded`].
    LoadAside {
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
    /// Store these own entries of the machine in one commit; answer with [`ProvinceInput::ChangesStored`].
    /// Chains and signatures are checked. Entries stored already (by another session of the machine) are left
    /// as they are; a log that belongs to another machine is the store's to refuse.
    StoreChanges(Vec<ChangeRun>),
    /// Keep these entries of other machines' logs, which this province lost and the node held, in one commit; answer
    /// with [`ProvinceInput::AsideStored`]. Nobody has signed them: what is here already stays as it is, and whose
    /// logs they are decides nothing.
    StoreAside(Vec<EntryRun>),
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

impl ProvinceOutput {
    fn held_bytes(&self) -> usize {
        match self {
            Self::Send(message) => message.bytes.len(),
            Self::StoreItems { items, .. } => items.iter().map(|item| item.body().len()).sum(),
            Self::StoreChanges(runs) => run::runs_bytes(runs.iter().map(|run| &run.run)),
            Self::StoreAside(runs) => run::runs_bytes(runs),
            Self::LoadFacts(_)
            | Self::CheckHeads(_)
            | Self::MakeProof(_)
            | Self::LoadItems { .. }
            | Self::LoadProofs { .. }
            | Self::Compare { .. }
            | Self::RenewFeed
            | Self::LoadFeed { .. }
            | Self::LoadAside { .. }
            | Self::FeedAcked { .. }
            | Self::Forked(_)
            | Self::Finished(_) => 0,
        }
    }
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
    pub fn compare(&self, feed: &FeedHead, logs: &LogsSummary, items: &ItemsHead) -> Result<(), NotEqual> {
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
pub struct ProvinceSession {
    options: ProvinceOptions,
    phase: Phase,
    outbox: VecDeque<ProvinceOutput>,
    hello: Option<Box<Hello>>,
    /// Kept while the hello's proof is made: what is answered if there is none.
    facts: Option<Box<ProvinceFacts>>,
    /// The machine's logs here, as far as this session has stored or asked to store them.
    logs: BTreeMap<BootId, LogHere>,
    /// The machine's own logs, as far as they are known here.
    own: BTreeSet<BootId>,
    /// Up to where the node holds each of its own logs that is also here.
    holdings: BTreeMap<BootId, Lsn>,
    /// Logs of which the node has more than is here: only its next entries show that it holds the same, and
    /// until then its feed neither names nor repeats them.
    unverified: BTreeSet<BootId>,
    heads: HeadsExchange,
    items: ItemsPush,
    /// Items that this province lost, while they come back.
    adoption: Option<Adoption>,
    proofs: ProofsPush,
    feed: FeedPush,
    pace: Pace,
    /// What the batches sent and received in this session leave behind for the next ones.
    told_context: Context,
    heard_context: Context,
    asides: AsidePush,
    comparing: Comparing,
    /// Where the feed stood at the hello.
    compares_upto: u64,
    /// Up to which position of the feed entries were compared, and which of them the node lacks: it holds the others.
    compared: Option<(u64, BTreeSet<(BootId, Lsn)>)>,
    /// Entries of others that come back: frames being stored, and stored.
    storing_asides: u64,
    stored_asides: u64,
    /// Logs of each batch that is being stored; empty where nothing of it was worth storing.
    storing_batches: u32,
    cut: Option<Cut>,
    making: Option<Making>,
    is_proved: bool,
    progress_at: Millis,
    was_awaiting: bool,
    statistics: ProvinceStatistics,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing has come yet.
    Waiting,
    /// The hello is compared with what is here, and proved if equal.
    Comparing,
    /// Both directions stream.
    Streaming,
    Over,
}

#[derive(Clone, Copy, Debug)]
struct LogHere {
    lsn: Lsn,
    chain: Hash,
    is_forked: bool,
}

/// Comparing the feed's entries with those of the node.
#[derive(Debug)]
enum Comparing {
    No,
    /// The node's next message is due.
    Awaiting(Box<Comparison>),
    /// The store is at it.
    Here,
    /// The feed is given another id.
    Renewing,
}

/// Pages of heads from the node.
#[derive(Debug)]
enum HeadsExchange {
    NotWanted,
    /// The node's next page is due.
    Awaiting,
    /// This page is compared.
    Checking {
        page: Vec<LogHead>,
        is_last: bool,
    },
}

#[derive(Debug, Default)]
struct ItemsPush {
    /// The node's newest at its hello.
    beyond: ItemsHead,
    /// The node's newest, once all that was sent is stored.
    sent: ItemsHead,
    after_place: u64,
    sent_items: u64,
    acked_items: u64,
    head_n: u64,
    is_loading: bool,
}

#[derive(Debug)]
struct Adoption {
    /// The node's newest: the last to come.
    target: ItemsHead,
    assembler: Assembler,
    /// How many items each commit under way stores, and whether they are the last.
    storing: VecDeque<(u64, bool)>,
    stored_items: u64,
    has_target: bool,
}

#[derive(Debug, Default)]
struct ProofsPush {
    /// The newest proof the node has or is sent.
    known: Option<ProofHead>,
    head_n: u64,
    is_loading: bool,
    /// The node knows that none here follows its newest.
    is_parted: bool,
    /// A proof made that waits for those before it.
    pending: Option<Box<Proof>>,
}

impl ProofsPush {
    fn known_n(&self) -> u64 {
        self.known.map_or(0, |known| known.n)
    }
}

#[derive(Debug)]
struct FeedPush {
    id: Option<FeedId>,
    sent: u64,
    head: u64,
    is_loading: bool,
    /// Load no more than so many: what follows waits for a log to be verified.
    entries_max: usize,
    /// The log that the next entry waits for.
    waits_for: Option<BootId>,
    unacked: VecDeque<u64>,
    size: BatchSize,
}

/// Own entries that the node lost and that its feed does not bring.
#[derive(Debug, Default)]
struct AsidePush {
    /// Logs here that the node has not named: it lost them, unless it still names them.
    unnamed: BTreeSet<BootId>,
    /// Logs of which the node lacks something, and up to where it holds each.
    lacking: VecDeque<(BootId, Lsn)>,
    is_loading: bool,
    /// Frames sent, and those that the node has stored.
    sent: u64,
    acked: u64,
}

/// A proof being made, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Making {
    ForHello,
    ForCut,
}

impl ProvinceSession {
    /// Waits for the hello of this machine.
    #[must_use]
    pub fn new(now: Millis, options: ProvinceOptions) -> Self {
        Self {
            options,
            phase: Phase::Waiting,
            outbox: VecDeque::new(),
            hello: None,
            facts: None,
            logs: BTreeMap::new(),
            own: BTreeSet::new(),
            holdings: BTreeMap::new(),
            unverified: BTreeSet::new(),
            heads: HeadsExchange::NotWanted,
            items: ItemsPush::default(),
            adoption: None,
            proofs: ProofsPush::default(),
            feed: FeedPush {
                id: None,
                sent: 0,
                head: 0,
                is_loading: false,
                entries_max: limits::BATCH_ENTRIES_MAX,
                waits_for: None,
                unacked: VecDeque::new(),
                size: BatchSize::new(),
            },
            pace: Pace::default(),
            told_context: Context::default(),
            heard_context: Context::default(),
            asides: AsidePush::default(),
            comparing: Comparing::No,
            compares_upto: 0,
            compared: None,
            storing_asides: 0,
            stored_asides: 0,
            storing_batches: 0,
            cut: None,
            making: None,
            is_proved: false,
            progress_at: now,
            was_awaiting: true,
            statistics: ProvinceStatistics::default(),
        }
    }

    /// Takes one thing that happened. An early or repeated [`ProvinceInput::Tick`] does nothing; after the end
    /// nothing does.
    ///
    /// # Errors
    /// The session is over; send what [`poll`](Self::poll) still holds and drop it.
    pub fn handle(&mut self, now: Millis, input: ProvinceInput) -> Result<(), SessionError> {
        if self.phase == Phase::Over {
            return Ok(());
        }
        let result = self.take(now, input).and_then(|()| self.advance(now));
        if let Err(error) = &result {
            self.phase = Phase::Over;
            if let Some(code) = error.bye() {
                // A goodbye that cannot be written is no second error.
                let _ = self.send(&Frame::Bye(Bye { code, args: Vec::new() }));
            }
        }
        result
    }

    /// Tells what an earlier session saw of the line: how many bytes a second it takes.
    pub const fn remember_rate(&mut self, bytes_per_second: Option<u64>) {
        self.pace.remember(bytes_per_second);
    }

    /// How many bytes a second the line takes, when something has shown it.
    #[must_use]
    pub const fn line_rate(&self) -> Option<u64> {
        self.pace.rate()
    }

    /// As of [`NodeSession`](crate::session::NodeSession): what it holds of entries, items and messages at this moment, in
    /// bytes, within [`SESSION_HELD_BYTES_MAX`](limits::SESSION_HELD_BYTES_MAX).
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let outbox: usize = self.outbox.iter().map(ProvinceOutput::held_bytes).sum();
        outbox + self.adoption.as_ref().map_or(0, |adoption| adoption.assembler.held_bytes())
    }

    /// The next thing to do, or `None` until the next [`handle`](Self::handle).
    #[must_use]
    pub fn poll(&mut self) -> Option<ProvinceOutput> {
        self.outbox.pop_front()
    }

    /// When a [`ProvinceInput::Tick`] is due, if nothing happens before. Ask again after every
    /// [`handle`](Self::handle).
    #[must_use]
    pub fn wake_at(&self) -> Option<Millis> {
        self.is_awaiting().then(|| after(self.progress_at, limits::SILENCE_MS))
    }

    /// Whether the node is known to hold the entry at this position of its feed, so that its feed only names it: an
    /// entry of its own logs, or one that was compared.
    #[must_use]
    pub fn holds(&self, position: u64, log: BootId, lsn: Lsn) -> bool {
        let is_compared = |(upto, lacking): &(u64, BTreeSet<(BootId, Lsn)>)| {
            position <= *upto && !lacking.contains(&(log, lsn))
        };
        if self.own.contains(&log) {
            self.holdings.get(&log).is_some_and(|held| lsn <= *held)
        } else {
            self.compared.as_ref().is_some_and(is_compared)
        }
    }

    /// What the session has moved so far.
    #[must_use]
    pub const fn statistics(&self) -> ProvinceStatistics {
        self.statistics
    }

    fn take(&mut self, now: Millis, input: ProvinceInput) -> Result<(), SessionError> {
        if !matches!(
            input,
            ProvinceInput::Tick | ProvinceInput::Grown { .. } | ProvinceInput::ItemsGrown { .. }
        ) {
            self.progress_at = now;
        }
        match input {
            ProvinceInput::Message(bytes) => self.on_message(now, &bytes),
            ProvinceInput::FactsLoaded(Ok(facts)) => self.on_facts_loaded(now, facts),
            ProvinceInput::FactsLoaded(Err(code)) | ProvinceInput::Refuse(code) => {
                self.refuse(code, Vec::new())
            }
            ProvinceInput::HeadsChecked(logs) => self.on_heads_checked(&logs),
            ProvinceInput::ProofMade(made) => self.on_proof_made(now, made),
            ProvinceInput::ItemsLoaded(items) => self.on_items_loaded(&items),
            ProvinceInput::ItemsStored { n } => self.on_items_stored(n),
            ProvinceInput::ProofsLoaded(proofs) => self.on_proofs_loaded(proofs),
            ProvinceInput::Compared(compared) => self.on_compared(compared),
            ProvinceInput::FeedRenewed(head) => self.on_feed_renewed(&head),
            ProvinceInput::FeedLoaded { entries, end_digest, head_position } => {
                self.on_feed_loaded(now, entries, end_digest, head_position)
            }
            ProvinceInput::AsideLoaded(entries) => self.on_aside_loaded(entries),
            ProvinceInput::AsideStored => {
                let storing = self.storing_asides.checked_sub(1);
                self.storing_asides = storing.ok_or(SessionError::Misuse("aside stored unasked"))?;
                self.stored_asides += 1;
                let (asides, feed_position) = (self.stored_asides, self.feed.head);
                self.send(&Frame::Ack(Ack { asides, feed_position, ..Ack::default() })).map(|_| ())
            }
            ProvinceInput::ChangesStored { acks, counts, feed_position } => {
                self.on_changes_stored(acks, counts, feed_position)
            }
            ProvinceInput::Grown { feed_position } => {
                self.feed.head = self.feed.head.max(feed_position);
                Ok(())
            }
            ProvinceInput::ItemsGrown { n } => {
                self.items.head_n = self.items.head_n.max(n);
                Ok(())
            }
            ProvinceInput::Tick => self.on_tick(now),
            ProvinceInput::Close => {
                self.finish(ProvinceOutcome::Closed { is_proved: self.is_proved });
                Ok(())
            }
        }
    }

    fn on_message(&mut self, now: Millis, bytes: &[u8]) -> Result<(), SessionError> {
        self.statistics.received_bytes += bytes.len() as u64;
        let frame = Frame::decode_after(bytes, &mut self.heard_context)?;
        let kind = frame.kind();
        let out_of_turn = |expected| Err(SessionError::OutOfTurn { expected, got: kind });
        match (self.phase, frame) {
            (_, Frame::Bye(bye)) => {
                self.finish(ProvinceOutcome::Left { code: bye.code });
                Ok(())
            }
            (Phase::Waiting, Frame::Hello(hello)) => self.on_hello(hello),
            (Phase::Streaming, Frame::Heads(heads)) => {
                if !matches!(self.heads, HeadsExchange::Awaiting) {
                    return out_of_turn("no heads");
                }
                self.outbox.push_back(ProvinceOutput::CheckHeads(heads.heads.clone()));
                self.heads = HeadsExchange::Checking { page: heads.heads, is_last: heads.is_last };
                Ok(())
            }
            (Phase::Streaming, Frame::Items(items)) => self.on_items(items),
            (Phase::Streaming, Frame::Ranges(theirs)) => {
                match std::mem::replace(&mut self.comparing, Comparing::Here) {
                    Comparing::Awaiting(comparison) => {
                        let (theirs, upto) = (theirs.ranges, self.compares_upto);
                        self.outbox.push_back(ProvinceOutput::Compare { comparison, theirs, upto });
                        Ok(())
                    }
                    Comparing::No | Comparing::Here | Comparing::Renewing => out_of_turn("no ranges"),
                }
            }
            (Phase::Streaming, Frame::Aside(aside)) => {
                if self.storing_asides >= limits::BATCHES_UNACKED_MAX as u64 {
                    let what = "more batches than may be under way";
                    return Err(SessionError::Impossible { kind, what });
                }
                self.storing_asides += 1;
                self.statistics.changes_received +=
                    aside.runs.iter().map(|run| run.entries().len() as u64).sum::<u64>();
                self.outbox.push_back(ProvinceOutput::StoreAside(aside.runs));
                Ok(())
            }
            (Phase::Streaming, Frame::Changes(changes)) => self.on_changes(changes),
            (Phase::Streaming, Frame::Ack(ack)) => self.on_ack(now, &ack),
            (Phase::Streaming, Frame::Cut(cut)) => {
                if Some(cut.session) != self.hello.as_ref().map(|hello| hello.session) {
                    return Err(SessionError::Impossible { kind, what: "another session" });
                }
                // One that crossed our wish for items is void at the node, too.
                if self.adoption.is_none() {
                    self.cut = Some(cut);
                }
                Ok(())
            }
            (Phase::Waiting, _) => out_of_turn("hello"),
            (Phase::Comparing, _) => out_of_turn("nothing before the hello is answered"),
            (Phase::Streaming, _) => out_of_turn("what a node sends"),
            (Phase::Over, _) => Ok(()),
        }
    }

    fn on_hello(&mut self, hello: Box<Hello>) -> Result<(), SessionError> {
        if hello.protocol != PROTOCOL_VERSION {
            return Err(SessionError::Version { ours: PROTOCOL_VERSION, theirs: hello.protocol });
        }
        if hello.province != self.options.province {
            return self.refuse(ByeCode::WrongProvince, Vec::new());
        }
        if hello.node != self.options.node {
            return self.refuse(ByeCode::UnknownMachine, Vec::new());
        }
        self.phase = Phase::Comparing;
        self.pace.dictionary = dictionary::shared_with(hello.dictionary);
        self.outbox.push_back(ProvinceOutput::LoadFacts(hello.clone()));
        self.hello = Some(hello);
        Ok(())
    }

    fn on_facts_loaded(&mut self, now: Millis, facts: Box<ProvinceFacts>) -> Result<(), SessionError> {
        let hello = self.hello.as_deref().filter(|_| self.phase == Phase::Comparing && self.facts.is_none());
        let hello = hello.ok_or(SessionError::Misuse("facts loaded unasked"))?;
        if facts.logs.len() != hello.logs.len() || facts.feed.id.is_none() {
            return Err(SessionError::Misuse("facts do not fit the hello"));
        }
        self.items = ItemsPush {
            beyond: hello.items,
            sent: hello.items,
            after_place: 0,
            sent_items: 0,
            acked_items: 0,
            head_n: self.items.head_n.max(facts.items.n),
            is_loading: false,
        };
        self.proofs.known = hello.last_proof;
        self.proofs.head_n = facts.last_proof.map_or(0, |proof| proof.n);
        self.feed.id = facts.feed.id;
        self.feed.head = self.feed.head.max(facts.feed.position);
        self.feed.sent = if hello.feed.id == facts.feed.id { hello.feed.position } else { 0 };
        if self.feed.sent == 0 && hello.logs.is_empty() && hello.older.count == 0 {
            self.feed.size = BatchSize::rising(); // a machine that has nothing yet
        }
        let named: Vec<LogHead> = hello.logs.clone();
        let is_even = facts.is_even_with(hello) && !hello.scrub;
        // A node whose feed begins anew holds most of it already.
        let begins_anew = hello.feed.position > 0 && hello.feed.id != facts.feed.id;
        let compares = facts.feed.position > 0 && (hello.scrub || begins_anew);
        if compares {
            let comparison = Comparison::new(self.options.province, hello.session);
            self.comparing = Comparing::Awaiting(Box::new(comparison));
            self.compares_upto = facts.feed.position;
        }
        let request =
            ProofRequest { claim: ProofClaim::Hello(Box::new(hello.clone())), told: hello.last_proof };
        self.compared(&named, &facts.logs);
        self.own.extend(named.iter().chain(&facts.older).map(|head| head.boot));
        for head in &facts.older {
            if facts.is_older_equal {
                self.logs.insert(head.boot, LogHere { lsn: head.lsn, chain: head.chain, is_forked: false });
                self.holdings.insert(head.boot, head.lsn);
            } else {
                self.asides.unnamed.insert(head.boot);
            }
        }
        self.facts = Some(facts);
        if is_even {
            self.making = Some(Making::ForHello);
            self.outbox.push_back(ProvinceOutput::MakeProof(request));
            return Ok(());
        }
        self.answer_hello(now, None)
    }

    /// Notes what is here and at the node of logs that the node named, and returns the answer.
    fn compared(&mut self, named: &[LogHead], facts: &[LogFacts]) -> Vec<LogState> {
        let mut forked = Vec::new();
        let mut states = Vec::new();
        for (there, log) in named.iter().zip(facts) {
            let is_forked = log.status == LogStatus::Forked;
            self.asides.unnamed.remove(&there.boot);
            let here = LogHere { lsn: log.here.lsn, chain: log.here.chain, is_forked };
            self.logs.insert(there.boot, here);
            if is_forked {
                forked.push(there.boot);
            } else {
                if log.status == LogStatus::Behind {
                    self.unverified.insert(there.boot);
                }
                if log.status == LogStatus::Ahead {
                    self.asides.lacking.push_back((there.boot, there.lsn));
                }
                self.holdings.insert(there.boot, there.lsn.min(here.lsn));
            }
            states.push(LogState { boot: there.boot, lsn: here.lsn, status: log.status });
        }
        if !forked.is_empty() {
            self.outbox.push_back(ProvinceOutput::Forked(forked));
        }
        states
    }

    fn answer_hello(&mut self, now: Millis, fresh: Option<FreshProof>) -> Result<(), SessionError> {
        let facts = self.facts.take().ok_or(SessionError::Misuse("hello answered twice"))?;
        let hello = self.hello.as_deref().ok_or(SessionError::Misuse("no hello to answer"))?;
        let states = hello.logs.iter().zip(&facts.logs);
        let logs = states
            .map(|(there, log)| LogState { boot: there.boot, lsn: log.here.lsn, status: log.status })
            .collect();
        let open = fresh.is_none().then_some(Standing {
            want_heads: !facts.is_older_equal,
            feed: facts.feed,
            items: facts.items,
            proof_n: self.proofs.head_n,
            compares: matches!(self.comparing, Comparing::Awaiting(_)),
        });
        if open.is_some_and(|open| open.want_heads) {
            self.heads = HeadsExchange::Awaiting;
        }
        self.phase = Phase::Streaming;
        let target = hello.items;
        let ack = HelloAck {
            session: hello.session,
            logs,
            clock: now,
            fresh,
            open,
            dictionary: dictionary::NEWEST,
        };
        self.send(&Frame::HelloAck(Box::new(ack)))?;
        let Some(held) = facts.wants_items else { return Ok(()) };
        self.adoption = Some(Adoption {
            target,
            assembler: Assembler::default(),
            storing: VecDeque::new(),
            stored_items: 0,
            has_target: false,
        });
        self.send(&Frame::Wanted(Wanted { held })).map(|_| ())
    }

    fn on_heads_checked(&mut self, logs: &[LogFacts]) -> Result<(), SessionError> {
        match std::mem::replace(&mut self.heads, HeadsExchange::NotWanted) {
            HeadsExchange::Checking { page, is_last } if page.len() == logs.len() => {
                let logs = self.compared(&page, logs);
                if is_last {
                    let lost = std::mem::take(&mut self.asides.unnamed);
                    self.asides.lacking.extend(lost.into_iter().map(|boot| (boot, 0)));
                } else {
                    self.heads = HeadsExchange::Awaiting;
                }
                self.send(&Frame::HeadsAck(HeadsAck { logs, is_answer: true })).map(|_| ())
            }
            HeadsExchange::Checking { .. } | HeadsExchange::NotWanted | HeadsExchange::Awaiting => {
                Err(SessionError::Misuse("heads checked unasked"))
            }
        }
    }

    fn on_changes(&mut self, changes: Changes) -> Result<(), SessionError> {
        let wrong = |what| SessionError::Impossible { kind: FrameKind::Changes, what };
        if usize::try_from(self.storing_batches).is_ok_and(|count| count >= limits::BATCHES_UNACKED_MAX) {
            return Err(wrong("more batches than may be under way"));
        }
        let mut runs = Vec::new();
        let mut forked = Vec::new();
        for run in changes.runs {
            let boot = run.run.log();
            self.statistics.changes_received += run.run.entries().len() as u64;
            let new = LogHere { lsn: 0, chain: entry::chain_start(boot), is_forked: false };
            self.own.insert(boot);
            let here = self.logs.entry(boot).or_insert(new);
            if here.is_forked {
                continue; // sent before the node learned it
            }
            if run.run.first_lsn() > here.lsn.saturating_add(1) {
                return Err(wrong("gap in a log"));
            }
            if !run.head().is_signed_by(&self.options.node_key, self.options.province) {
                return Err(wrong("log head not signed by the machine"));
            }
            if run.run.last_lsn() > here.lsn {
                let chain = run.run.chain_from(here.lsn, here.chain);
                self.unverified.remove(&boot);
                if chain != run.chain {
                    here.is_forked = true;
                    self.holdings.remove(&boot);
                    forked.push(LogState { boot, lsn: here.lsn, status: LogStatus::Forked });
                    continue;
                }
                (here.lsn, here.chain) = (run.run.last_lsn(), chain);
            }
            runs.push(run);
        }
        if !runs.is_empty() {
            self.storing_batches += 1;
            self.outbox.push_back(ProvinceOutput::StoreChanges(runs));
        }
        for logs in forked.chunks(limits::HEADS_PER_FRAME_MAX) {
            self.outbox.push_back(ProvinceOutput::Forked(logs.iter().map(|log| log.boot).collect()));
            self.send(&Frame::HeadsAck(HeadsAck { logs: logs.to_vec(), is_answer: false }))?;
        }
        Ok(())
    }

    fn on_compared(&mut self, compared: Option<Box<Compared>>) -> Result<(), SessionError> {
        if !matches!(self.comparing, Comparing::Here) {
            return Err(SessionError::Misuse("compared unasked"));
        }
        let Compared { comparison, ours } = *compared.ok_or(SessionError::Moved)?;
        if let Some(ranges) = ours {
            self.send(&Frame::Ranges(Ranges { ranges }))?;
        }
        if !comparison.is_over() {
            self.comparing = Comparing::Awaiting(Box::new(comparison));
            return Ok(());
        }
        self.comparing = Comparing::No;
        let lacking: BTreeSet<_> = comparison.surplus().iter().map(|one| (one.log, one.lsn)).collect();
        // What the node lacks of what its feed has brought comes only when it begins anew.
        if self.feed.sent > 0 && !lacking.is_empty() {
            self.comparing = Comparing::Renewing;
            self.outbox.push_back(ProvinceOutput::RenewFeed);
        }
        self.compared = (!comparison.is_overfull()).then_some((self.compares_upto, lacking));
        Ok(())
    }

    fn on_feed_renewed(&mut self, head: &FeedHead) -> Result<(), SessionError> {
        if !matches!(self.comparing, Comparing::Renewing) || head.id.is_none() {
            return Err(SessionError::Misuse("feed renewed unasked"));
        }
        self.comparing = Comparing::No;
        self.feed.id = head.id;
        self.feed.sent = 0;
        self.feed.head = self.feed.head.max(head.position);
        self.feed.unacked.clear();
        self.pace.forget();
        Ok(())
    }

    fn on_changes_stored(
        &mut self,
        acks: Vec<LogAck>,
        counts: StoredCounts,
        feed_position: u64,
    ) -> Result<(), SessionError> {
        let storing = self.storing_batches.checked_sub(1);
        self.storing_batches = storing.ok_or(SessionError::Misuse("changes stored unasked"))?;
        let (refused, acks): (Vec<LogAck>, Vec<LogAck>) = acks.into_iter().partition(|ack| ack.lsn == 0);
        // To the node such a log is like a forked one: what is under way of it will not be acknowledged.
        for logs in refused.chunks(limits::HEADS_PER_FRAME_MAX) {
            for log in logs {
                let start = entry::chain_start(log.boot);
                self.logs.insert(log.boot, LogHere { lsn: 0, chain: start, is_forked: true });
                self.own.remove(&log.boot);
                self.holdings.remove(&log.boot);
            }
            let state = |log: &LogAck| LogState { boot: log.boot, lsn: 0, status: LogStatus::Forked };
            let logs = logs.iter().map(state).collect();
            self.send(&Frame::HeadsAck(HeadsAck { logs, is_answer: false }))?;
        }
        for ack in &acks {
            let held = self.holdings.entry(ack.boot).or_insert(0);
            // The node sent all of it, up to what this session has seen.
            let seen = self.logs.get(&ack.boot).map_or(0, |log| log.lsn);
            *held = (*held).max(ack.lsn.min(seen));
        }
        self.feed.head = self.feed.head.max(feed_position);
        let ack = Ack { logs: acks, counts: Some(counts), feed_position: self.feed.head, ..Ack::default() };
        self.send(&Frame::Ack(ack)).map(|_| ())
    }

    fn on_ack(&mut self, now: Millis, ack: &Ack) -> Result<(), SessionError> {
        let wrong = |what| SessionError::Impossible { kind: FrameKind::Ack, what };
        let is_unsent = ack.items_n > self.items.sent.n
            || ack.items > self.items.sent_items
            || ack.asides > self.asides.sent;
        if !ack.logs.is_empty() || is_unsent {
            return Err(wrong("acknowledged what was not sent"));
        }
        self.asides.acked = self.asides.acked.max(ack.asides);
        // A node that does not count them says only how far its line of items reaches.
        let is_all = ack.items_n == self.items.sent.n;
        let items = if is_all { self.items.sent_items } else { ack.items };
        self.items.acked_items = self.items.acked_items.max(items);
        let before = self.feed.unacked.len();
        while self.feed.unacked.front().is_some_and(|end| *end <= ack.feed_position) {
            self.feed.unacked.pop_front();
        }
        self.pace.acked(now, self.feed.unacked.len());
        if self.feed.unacked.len() < before {
            self.outbox
                .push_back(ProvinceOutput::FeedAcked { position: ack.feed_position.min(self.feed.sent) });
        }
        Ok(())
    }

    fn on_items_loaded(&mut self, items: &[PlacedItem]) -> Result<(), SessionError> {
        if !std::mem::take(&mut self.items.is_loading) {
            return Err(SessionError::Misuse("items loaded unasked"));
        }
        let Some(last) = items.last() else {
            self.items.head_n = self.items.sent.n;
            return Ok(());
        };
        self.items.after_place = last.place;
        self.items.sent_items += items.len() as u64;
        for PlacedItem { item, .. } in items {
            if item.follows(self.items.sent).is_ok() {
                self.items.sent = item.head();
            }
        }
        self.items.head_n = self.items.head_n.max(self.items.sent.n);
        for frame in items_frames(items.iter().map(|placed| &placed.item))? {
            self.send(&Frame::Items(frame))?;
        }
        Ok(())
    }

    /// Items that this province signed and lost.
    fn on_items(&mut self, items: Items) -> Result<(), SessionError> {
        let expected = "items only when they were asked for";
        let out_of_turn = || SessionError::OutOfTurn { expected, got: FrameKind::Items };
        let wanted = self.adoption.as_mut().filter(|adoption| !adoption.has_target);
        let adoption = wanted.ok_or_else(out_of_turn)?;
        let mut complete = Vec::new();
        for part in items.parts {
            if adoption.has_target {
                return Err(out_of_turn());
            }
            let Some(item) = adoption.assembler.joined(part)? else { continue };
            item.verify(&self.options.province_key)?;
            adoption.has_target = item.head() == adoption.target;
            complete.push(item);
        }
        if !complete.is_empty() {
            let is_last = adoption.has_target;
            adoption.storing.push_back((complete.len() as u64, is_last));
            self.outbox.push_back(ProvinceOutput::StoreItems { items: complete, is_last });
        }
        Ok(())
    }

    fn on_items_stored(&mut self, n: u64) -> Result<(), SessionError> {
        let adoption = self.adoption.as_mut().ok_or(SessionError::Misuse("items stored unasked"))?;
        let done = adoption.storing.pop_front().ok_or(SessionError::Misuse("items stored unasked"))?;
        adoption.stored_items += done.0;
        let items = adoption.stored_items;
        if done.1 {
            self.adoption = None;
            self.items.head_n = self.items.head_n.max(n);
        }
        self.send(&Frame::Ack(Ack { items, feed_position: self.feed.head, ..Ack::default() })).map(|_| ())
    }

    fn on_proofs_loaded(&mut self, mut proofs: Vec<Proof>) -> Result<(), SessionError> {
        if !std::mem::take(&mut self.proofs.is_loading) {
            return Err(SessionError::Misuse("proofs loaded unasked"));
        }
        if let Some(pending) = &self.proofs.pending {
            proofs.retain(|proof| proof.content().n < pending.content().n);
        }
        let mut known = self.proofs.known;
        let follow = proofs.iter().all(|proof| {
            let follows = proof.follows(known).is_ok();
            known = Some(proof.head());
            follows
        });
        if proofs.is_empty() || !follow || proofs.len() > limits::PROOFS_PER_FRAME_MAX {
            // The node's newest is of before a restore, and another copy of the machine has brought its own since: none
            // leads from there to the newest here. It takes up the newest when it has been told so.
            self.proofs.head_n = self.proofs.known_n();
            self.proofs.is_parted = true;
            self.send(&Frame::Proofs(Proofs { proofs: Vec::new() }))?;
            return match self.proofs.pending.take() {
                Some(proof) => self.send_proof(proof),
                None => Ok(()),
            };
        }
        self.proofs.known = known;
        self.proofs.head_n = self.proofs.head_n.max(self.proofs.known_n());
        self.send(&Frame::Proofs(Proofs { proofs }))?;
        match self.proofs.pending.take() {
            Some(proof) => self.send_proof(proof),
            None => Ok(()),
        }
    }

    fn on_feed_loaded(
        &mut self,
        now: Millis,
        entries: Vec<FeedEntry>,
        end_digest: Digest,
        head_position: u64,
    ) -> Result<(), SessionError> {
        if !std::mem::take(&mut self.feed.is_loading) {
            return Err(SessionError::Misuse("feed loaded unasked"));
        }
        let feed = self.feed.id.ok_or(SessionError::Misuse("feed without an id"))?;
        let first_position = self.feed.sent.saturating_add(1);
        let Some(last_position) = entries.last().map(|entry| entry.position) else {
            self.feed.head = self.feed.sent; // less is here than was announced
            return Ok(());
        };
        let is_stretch = entries.iter().zip(first_position..).all(|(entry, at)| entry.position == at);
        if !is_stretch || entries.len() > limits::BATCH_ENTRIES_MAX {
            return Err(SessionError::Misuse("loaded entries are no stretch after the position asked for"));
        }
        let unverified = entries.iter().position(|at| self.unverified.contains(&at.entry.log));
        self.feed.entries_max = unverified.filter(|count| *count > 0).unwrap_or(limits::BATCH_ENTRIES_MAX);
        if let Some(count) = unverified {
            // The digest that came belongs to the last entry, so the shorter stretch is loaded anew.
            let waits_for = entries.first().map(|first| first.entry.log);
            self.feed.waits_for = waits_for.filter(|_| count == 0);
            return Ok(());
        }
        let mut raw_bytes = 0;
        let mut runs = Vec::new();
        let mut together: Vec<Entry> = Vec::new();
        let mut are_held = false;
        for FeedEntry { position, entry } in entries {
            let follows = together
                .last()
                .is_some_and(|last| last.log == entry.log && last.lsn.checked_add(1) == Some(entry.lsn));
            let is_held = self.holds(position, entry.log, entry.lsn);
            if !follows || is_held != are_held {
                runs.extend(self.feed_run(std::mem::take(&mut together), are_held)?);
            }
            are_held = is_held;
            if !is_held {
                raw_bytes += run::weight_bytes(&entry);
            }
            together.push(entry);
        }
        runs.extend(self.feed_run(together, are_held)?);
        self.feed.sent = last_position;
        self.feed.head = self.feed.head.max(head_position).max(last_position);
        self.feed.unacked.push_back(last_position);
        let frame = Feed { feed, first_position, runs, end_digest, head_position: self.feed.head };
        let size_bytes = self.send(&Frame::Feed(frame))?;
        self.feed.size.learn(raw_bytes, size_bytes);
        self.pace.sent(now, size_bytes);
        Ok(())
    }

    fn on_aside_loaded(&mut self, entries: Vec<Entry>) -> Result<(), SessionError> {
        if !std::mem::take(&mut self.asides.is_loading) {
            return Err(SessionError::Misuse("aside loaded unasked"));
        }
        let Some((boot, after_lsn)) = self.asides.lacking.front_mut() else {
            return Err(SessionError::Misuse("aside loaded of no log"));
        };
        let Some(last_lsn) = entries.last().map(|last| last.lsn) else {
            self.asides.lacking.pop_front();
            return Ok(());
        };
        let mut before = *after_lsn;
        let ascend = entries.iter().all(|entry| {
            let is_next = entry.log == *boot && entry.lsn > before;
            before = entry.lsn;
            is_next
        });
        if !ascend || entries.len() > limits::BATCH_ENTRIES_MAX {
            return Err(SessionError::Misuse("loaded entries do not follow the position asked for"));
        }
        *after_lsn = last_lsn;
        self.statistics.changes_sent += entries.len() as u64;
        self.asides.sent += 1;
        self.send(&Frame::Aside(Aside { runs: run::runs_of(entries) })).map(|_| ())
    }

    /// Entries next to each other in one log, all held by the node or none.
    fn feed_run(&mut self, entries: Vec<Entry>, are_held: bool) -> Result<Option<FeedRun>, SessionError> {
        let Some(first) = entries.first() else { return Ok(None) };
        let (log, first_lsn, count) = (first.log, first.lsn, entries.len() as u64);
        if are_held {
            return Ok(Some(FeedRun::Own { log, first_lsn, count }));
        }
        self.statistics.changes_sent += count;
        let run = EntryRun::new(entries).ok_or(SessionError::Misuse("feed entry without a position"))?;
        Ok(Some(FeedRun::Bytes(run)))
    }

    fn on_proof_made(&mut self, now: Millis, made: Result<Box<Proof>, NotEqual>) -> Result<(), SessionError> {
        let making = self.making.take().ok_or(SessionError::Misuse("proof made unasked"))?;
        match (making, made) {
            (Making::ForHello, Ok(proof)) => {
                let fresh = self.fresh_of(&proof);
                self.proofs.head_n = self.proofs.head_n.max(proof.content().n);
                if fresh.is_some() {
                    self.proofs.known = Some(proof.head());
                    self.is_proved = true;
                }
                self.answer_hello(now, fresh)
            }
            (Making::ForHello, Err(not_equal)) => {
                self.grown(not_equal);
                self.answer_hello(now, None)
            }
            (Making::ForCut, Ok(proof)) => {
                self.proofs.head_n = self.proofs.head_n.max(proof.content().n);
                self.send_proof(proof)
            }
            (Making::ForCut, Err(not_equal)) => {
                if self.grown(not_equal) {
                    Ok(())
                } else {
                    self.refuse(ByeCode::Difference, Vec::new())
                }
            }
        }
    }

    /// Notes what has been added here; false when nothing has.
    fn grown(&mut self, not_equal: NotEqual) -> bool {
        match not_equal {
            NotEqual::FeedGrown { position } if position > self.feed.sent => {
                self.feed.head = self.feed.head.max(position);
                true
            }
            NotEqual::ItemsGrown { n } if n > self.items.sent.n => {
                self.items.head_n = self.items.head_n.max(n);
                true
            }
            NotEqual::FeedGrown { .. } | NotEqual::ItemsGrown { .. } | NotEqual::Differs => false,
        }
    }

    /// The proof in the form that the node can use, or `None` while it lacks proofs before this one.
    fn fresh_of(&self, proof: &Proof) -> Option<FreshProof> {
        if self.proofs.known == Some(proof.head()) {
            let (n, at, signature) = (proof.content().n, proof.at(), *proof.signature());
            return Some(FreshProof::Renewal { n, at, signature });
        }
        proof.follows(self.proofs.known).is_ok().then(|| FreshProof::Link(Box::new(proof.clone())))
    }

    fn send_proof(&mut self, proof: Box<Proof>) -> Result<(), SessionError> {
        if let Some(fresh) = self.fresh_of(&proof) {
            self.proofs.known = Some(proof.head());
            self.is_proved = true;
            return self.send(&Frame::Proof(Box::new(fresh))).map(|_| ());
        }
        if proof.content().n <= self.proofs.known_n() {
            return self.refuse(ByeCode::Difference, Vec::new());
        }
        if self.proofs.is_parted {
            self.proofs.known = Some(proof.head());
            self.is_proved = true;
            let fresh = FreshProof::Link(proof);
            return self.send(&Frame::Proof(Box::new(fresh))).map(|_| ());
        }
        self.proofs.pending = Some(proof);
        self.load_proofs();
        Ok(())
    }

    fn load_proofs(&mut self) {
        self.proofs.is_loading = true;
        self.outbox.push_back(ProvinceOutput::LoadProofs {
            after_n: self.proofs.known_n(),
            proofs_max: limits::PROOFS_PER_FRAME_MAX,
        });
    }

    fn on_tick(&mut self, now: Millis) -> Result<(), SessionError> {
        if now < self.progress_at {
            self.progress_at = now; // the clock was set back
        }
        let silent_ms = elapsed_ms(self.progress_at, now);
        if self.is_awaiting() && silent_ms >= limits::SILENCE_MS {
            return Err(SessionError::Silent { silent_ms });
        }
        Ok(())
    }

    /// Does what can be done now: items, then proofs, then the feed, then the cut.
    fn advance(&mut self, now: Millis) -> Result<(), SessionError> {
        if self.phase == Phase::Streaming {
            self.advance_streaming();
        }
        let is_awaiting = self.is_awaiting();
        if is_awaiting && !self.was_awaiting {
            self.progress_at = now;
        }
        self.was_awaiting = is_awaiting;
        Ok(())
    }

    fn advance_streaming(&mut self) {
        // A proof stands for what was sent before it: nothing else goes out until it is made. And until this province
        // has its own word back, it has nothing to say.
        if self.making.is_some() || self.proofs.pending.is_some() || self.adoption.is_some() {
            return;
        }
        let lacks_items = self.items.sent.n < self.items.head_n;
        if lacks_items && !self.items.is_loading && self.items.acked_items >= self.items.sent_items {
            self.items.is_loading = true;
            self.outbox.push_back(ProvinceOutput::LoadItems {
                beyond: self.items.beyond,
                after_place: self.items.after_place,
                bytes_max: limits::BATCH_RAW_BYTES,
            });
        }
        let lacks_proofs = self.proofs.known_n() < self.proofs.head_n;
        if lacks_proofs && !lacks_items && !self.proofs.is_loading {
            self.load_proofs();
        }
        if !matches!(self.comparing, Comparing::No) {
            return;
        }
        let lacks_feed = self.feed.sent < self.feed.head;
        let is_named = matches!(self.heads, HeadsExchange::NotWanted);
        let has_room = self.feed.unacked.len() < limits::BATCHES_UNACKED_MAX;
        let is_verified = self.feed.waits_for.is_none_or(|log| !self.unverified.contains(&log));
        let may_load = is_named && is_verified && has_room && !self.feed.is_loading;
        if lacks_feed && !lacks_items && !lacks_proofs && may_load {
            self.feed.is_loading = true;
            self.outbox.push_back(ProvinceOutput::LoadFeed {
                after_position: self.feed.sent,
                bytes_max: self.feed.size.raw_bytes(),
                entries_max: self.feed.entries_max,
            });
        }
        // What the feed brings comes first: it is what people wait for.
        let lacks_aside = is_named && !self.asides.lacking.is_empty();
        let is_their_turn = !lacks_items && !lacks_proofs && !lacks_feed && !self.feed.is_loading;
        if lacks_aside && is_their_turn && !self.asides.is_loading && self.asides.acked == self.asides.sent {
            self.load_aside();
        }
        let is_loading =
            self.items.is_loading || self.proofs.is_loading || self.feed.is_loading || self.asides.is_loading;
        if is_loading || self.storing_batches > 0 {
            return;
        }
        let Some(cut) = self.cut else { return };
        let is_same_feed = cut.feed.id == self.feed.id || cut.feed.position == 0;
        let is_overtaken = cut.items.n < self.items.sent.n
            || !is_same_feed // it was sent before the feed began anew
            || cut.feed.position < self.feed.sent
            || self.asides.acked < self.asides.sent;
        if is_overtaken {
            self.cut = None; // what was sent makes the node cut again
        } else if !lacks_items && !lacks_proofs && !lacks_feed && !lacks_aside {
            self.cut = None;
            self.making = Some(Making::ForCut);
            self.outbox.push_back(ProvinceOutput::MakeProof(ProofRequest {
                claim: ProofClaim::Cut(cut),
                told: self.proofs.known,
            }));
        }
    }

    fn load_aside(&mut self) {
        if let Some((boot, after_lsn)) = self.asides.lacking.front().copied() {
            self.asides.is_loading = true;
            self.outbox.push_back(ProvinceOutput::LoadAside {
                boot,
                after_lsn,
                bytes_max: limits::BATCH_RAW_BYTES,
                entries_max: limits::BATCH_ENTRIES_MAX,
            });
        }
    }

    fn send(&mut self, frame: &Frame) -> Result<usize, SessionError> {
        let message = frame.encode_after(self.pace.packing(), &mut self.told_context)?;
        let size_bytes = message.bytes.len();
        self.statistics.sent_bytes += size_bytes as u64;
        self.outbox.push_back(ProvinceOutput::Send(message));
        Ok(size_bytes)
    }

    fn refuse(&mut self, code: ByeCode, args: Vec<u64>) -> Result<(), SessionError> {
        self.send(&Frame::Bye(Bye { code, args }))?;
        self.finish(ProvinceOutcome::Refused { code });
        Ok(())
    }

    fn finish(&mut self, outcome: ProvinceOutcome) {
        self.phase = Phase::Over;
        self.outbox.push_back(ProvinceOutput::Finished(outcome));
    }

    /// Whether the node owes something.
    fn is_awaiting(&self) -> bool {
        match self.phase {
            Phase::Waiting => true,
            Phase::Comparing | Phase::Over => false,
            Phase::Streaming => {
                matches!(self.heads, HeadsExchange::Awaiting)
                    || matches!(self.comparing, Comparing::Awaiting(_))
                    || !self.feed.unacked.is_empty()
                    || self.items.acked_items < self.items.sent_items
                    || self.adoption.is_some()
                    || self.asides.acked < self.asides.sent
            }
        }
    }
}
