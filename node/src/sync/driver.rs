//! Carries out what a session asks for, over a store: one step takes one input and leaves messages and events.
//!
//! The step itself does no input or output and reads no clock; stores are a trait so that the simulation's twin and
//! the real store run the same code. Answers are given in the order of the questions, as the sessions demand.

use std::collections::VecDeque;

use sync_protocol::entry::Digest;
use sync_protocol::entry::Entry;
use sync_protocol::entry::Lsn;
use sync_protocol::frame::ByeCode;
use sync_protocol::frame::Feed;
use sync_protocol::frame::Hello;
use sync_protocol::frame::LogAck;
use sync_protocol::frame::Message;
use sync_protocol::frame::StoredCounts;
use sync_protocol::head::FeedHead;
use sync_protocol::head::ItemsHead;
use sync_protocol::head::LogHead;
use sync_protocol::head::SignedHead;
use sync_protocol::ids::BootId;
use sync_protocol::ids::FeedId;
use sync_protocol::item::Item;
use sync_protocol::item::PlacedItem;
use sync_protocol::proof::Proof;
use sync_protocol::range::Compared;
use sync_protocol::range::Comparison;
use sync_protocol::range::Range;
use sync_protocol::run::ChangeRun;
use sync_protocol::run::EntryRun;
use sync_protocol::session::NodeSession;
use sync_protocol::session::ProvinceSession;
use sync_protocol::session::SessionError;
use sync_protocol::session::node::CutFacts;
use sync_protocol::session::node::NodeInput;
use sync_protocol::session::node::NodeOutcome;
use sync_protocol::session::node::NodeOutput;
use sync_protocol::session::province::FeedEntry;
use sync_protocol::session::province::LogFacts;
use sync_protocol::session::province::NotEqual;
use sync_protocol::session::province::ProofRequest;
use sync_protocol::session::province::ProvinceFacts;
use sync_protocol::session::province::ProvinceInput;
use sync_protocol::session::province::ProvinceOutcome;
use sync_protocol::session::province::ProvinceOutput;
use sync_protocol::time::Millis;

/// Why a step could not be carried out. What was stored stays stored.
#[derive(Debug, thiserror::Error)]
pub enum DriveError<E: std::error::Error + 'static> {
    /// The session ended; see whether it is retryable.
    #[error(transparent)]
    Session(SessionError),
    /// The store failed. Nothing was acknowledged; dial again when it is well.
    #[error("the store failed during a session")]
    Store(#[source] E),
}

/// What a node's session needs of its store. Each call is durable before it returns.
pub trait NodeStore {
    /// How the store fails.
    type Error: std::error::Error + 'static;

    /// A page of own-identity log heads by ascending boot, and whether it is the last.
    fn heads(&mut self, after: Option<BootId>) -> Result<(Vec<LogHead>, bool), Self::Error>;
    /// Entries of one own log after a position, with the signed head at the last of them.
    fn log(
        &mut self,
        boot: BootId,
        after_lsn: Lsn,
        bytes_max: usize,
        entries_max: usize,
    ) -> Result<(Vec<Entry>, Option<SignedHead>), Self::Error>;
    /// Stores provincial items.
    fn store_items(&mut self, items: Vec<Item>) -> Result<(), Self::Error>;
    /// Items that are here beyond the first of `held` that is here as well, after a place.
    fn items(
        &mut self,
        held: &[ItemsHead],
        after_place: u64,
        bytes_max: usize,
    ) -> Result<Vec<PlacedItem>, Self::Error>;
    /// Stores earlier proofs.
    fn store_proofs(&mut self, proofs: Vec<Proof>) -> Result<(), Self::Error>;
    /// Notes another feed, at position 0.
    fn begin_feed(&mut self, feed: FeedId) -> Result<(), Self::Error>;
    /// Stores a stretch of the feed and answers its last stored position.
    fn store_feed(&mut self, feed: Feed) -> Result<u64, Self::Error>;
    /// Stores own entries that this machine lost and its feed does not bring.
    fn store_aside(&mut self, runs: Vec<EntryRun>) -> Result<(), Self::Error>;
    /// Compares what is here and not of this identity's logs; `None` when it moved meanwhile.
    fn compare_entries(
        &mut self,
        comparison: Comparison,
        theirs: Option<&[Range]>,
    ) -> Result<Option<Compared>, Self::Error>;
    /// Changes of other machines' logs that are not in the feed, after a place, and the place of the last of them.
    fn aside(
        &mut self,
        after_place: u64,
        bytes_max: usize,
        entries_max: usize,
    ) -> Result<(Vec<Entry>, u64), Self::Error>;
    /// Where everything stands for a cut.
    fn cut(&mut self) -> Result<CutFacts, Self::Error>;
    /// Stores the newest proof.
    fn store_proof(&mut self, proof: Proof, is_renewal: bool) -> Result<(), Self::Error>;
    /// The province has own entries up to here.
    fn acked(&mut self, logs: &[LogAck], counts: Option<StoredCounts>) -> Result<(), Self::Error>;
    /// The province knows another history under these names, up to where it says.
    fn forked(&mut self, logs: &[LogAck]) -> Result<(), Self::Error>;
}

/// What became of a machine's own entries at the province: acks, how all its entries fare, the seat's last feed position.
pub type Stored = (Vec<LogAck>, StoredCounts, u64);

/// What a province's session needs of its store. Each call is durable before it returns.
pub trait ProvinceStore {
    /// How the store fails.
    type Error: std::error::Error + 'static;

    /// Compares a hello with what is here, or says why the machine is not served.
    fn facts(&mut self, hello: &Hello) -> Result<Result<ProvinceFacts, ByeCode>, Self::Error>;
    /// Compares a page of heads with what is here.
    fn check_heads(&mut self, heads: &[LogHead]) -> Result<Vec<LogFacts>, Self::Error>;
    /// Compares in one transaction and stores a proof if equal.
    fn make_proof(&mut self, request: &ProofRequest) -> Result<Result<Proof, NotEqual>, Self::Error>;
    /// Items that are neither `beyond` nor before it, after a place.
    fn items(
        &mut self,
        beyond: ItemsHead,
        after_place: u64,
        bytes_max: usize,
    ) -> Result<Vec<PlacedItem>, Self::Error>;
    /// Takes up items that this province signed and lost; with the last of them it joins what it signed since.
    /// Answers the newest number.
    fn adopt_items(&mut self, items: Vec<Item>, is_last: bool) -> Result<u64, Self::Error>;
    /// Compares the entries of the seat's feed up to a position that are not of the machine's own logs; `None` when they
    /// moved meanwhile.
    fn compare_entries(
        &mut self,
        comparison: Comparison,
        theirs: &[Range],
        upto: u64,
    ) -> Result<Option<Compared>, Self::Error>;
    /// Gives the seat's feed another id, with the same rows.
    fn renew_feed(&mut self) -> Result<FeedHead, Self::Error>;
    /// Proofs of the machine after a number.
    fn proofs(&mut self, after_n: u64, proofs_max: usize) -> Result<Vec<Proof>, Self::Error>;
    /// The seat's feed after a position: entries, the digest after the last of them, the last position. Entries that
    /// the node holds are only named to it and come without their bodies.
    fn feed(
        &mut self,
        after_position: u64,
        bytes_max: usize,
        entries_max: usize,
        holds: &dyn Fn(u64, BootId, Lsn) -> bool,
    ) -> Result<(Vec<FeedEntry>, Digest, u64), Self::Error>;
    /// Entries of one of the machine's logs after a position that its seat's feed does not hold, in order; the feed
    /// is the one that `facts` answered.
    fn aside(
        &mut self,
        boot: BootId,
        after_lsn: Lsn,
        bytes_max: usize,
        entries_max: usize,
    ) -> Result<Vec<Entry>, Self::Error>;
    /// Keeps entries of others that this province lost; or says why not.
    fn store_aside(&mut self, runs: Vec<EntryRun>) -> Result<Result<(), ByeCode>, Self::Error>;
    /// Stores own entries of the machine: acks, how its entries fare, the seat's last feed position; or says why nothing
    /// of them was stored.
    fn store_changes(&mut self, runs: Vec<ChangeRun>) -> Result<Result<Stored, ByeCode>, Self::Error>;
    /// The node has its feed up to here.
    fn feed_acked(&mut self, position: u64) -> Result<(), Self::Error>;
    /// These logs have another history here.
    fn forked(&mut self, logs: &[BootId]) -> Result<(), Self::Error>;
}

/// What one step of a node's session left to do.
#[derive(Debug, Default)]
pub struct NodeStep {
    /// Messages for the line, in order.
    pub messages: Vec<Message>,
    /// The most that the session and the messages of this step held at once, in bytes.
    pub held_bytes: usize,
    /// Whether a proof was stored that covers everything.
    pub has_converged: bool,
    /// How the session ended, if it did.
    pub outcome: Option<NodeOutcome>,
}

/// Gives a node's session one input and carries out all it asks for.
///
/// # Errors
/// [`DriveError`]; messages that were due before it are still in `step` and should be sent.
pub fn step_node<S: NodeStore>(
    session: &mut NodeSession,
    store: &mut S,
    now: Millis,
    input: NodeInput,
    step: &mut NodeStep,
) -> Result<(), DriveError<S::Error>> {
    let mut inputs = VecDeque::from([input]);
    while let Some(input) = inputs.pop_front() {
        let handled = session.handle(now, input);
        step.held_bytes = step.held_bytes.max(session.held_bytes() + bytes_of(&step.messages));
        while let Some(output) = session.poll() {
            if let Some(answer) = carry_out_node(store, output, step).map_err(DriveError::Store)? {
                inputs.push_back(answer);
            }
        }
        handled.map_err(DriveError::Session)?;
    }
    Ok(())
}

fn bytes_of(messages: &[Message]) -> usize {
    messages.iter().map(|message| message.bytes.len()).sum()
}

fn carry_out_node<S: NodeStore>(
    store: &mut S,
    output: NodeOutput,
    step: &mut NodeStep,
) -> Result<Option<NodeInput>, S::Error> {
    Ok(match output {
        NodeOutput::Send(message) => {
            step.messages.push(message);
            None
        }
        NodeOutput::LoadHeads { after } => {
            let (heads, is_last) = store.heads(after)?;
            Some(NodeInput::HeadsLoaded { heads, is_last })
        }
        NodeOutput::LoadLog { boot, after_lsn, bytes_max, entries_max } => {
            let (entries, head) = store.log(boot, after_lsn, bytes_max, entries_max)?;
            Some(NodeInput::LogLoaded { boot, entries, head })
        }
        NodeOutput::StoreItems(items) => {
            store.store_items(items)?;
            Some(NodeInput::ItemsStored)
        }
        NodeOutput::LoadItems { held, after_place, bytes_max } => {
            Some(NodeInput::ItemsLoaded(store.items(&held, after_place, bytes_max)?))
        }
        NodeOutput::StoreProofs(proofs) => {
            store.store_proofs(proofs)?;
            Some(NodeInput::ProofsStored)
        }
        NodeOutput::BeginFeed(feed) => {
            store.begin_feed(feed)?;
            None
        }
        NodeOutput::StoreFeed(feed) => Some(NodeInput::FeedStored { position: store.store_feed(feed)? }),
        NodeOutput::StoreAside(runs) => {
            store.store_aside(runs)?;
            Some(NodeInput::AsideStored)
        }
        NodeOutput::Compare { comparison, theirs } => {
            let compared = store.compare_entries(*comparison, theirs.as_deref())?;
            Some(NodeInput::Compared(compared.map(Box::new)))
        }
        NodeOutput::LoadAside { after_place, bytes_max, entries_max } => {
            let (entries, last_place) = store.aside(after_place, bytes_max, entries_max)?;
            Some(NodeInput::AsideLoaded { entries, last_place })
        }
        NodeOutput::LoadCut => Some(NodeInput::CutLoaded(store.cut()?)),
        NodeOutput::StoreProof { proof, is_renewal } => {
            store.store_proof(*proof, is_renewal)?;
            Some(NodeInput::ProofStored)
        }
        NodeOutput::Acked { logs, counts } => {
            store.acked(&logs, counts)?;
            None
        }
        NodeOutput::Forked(logs) => {
            store.forked(&logs)?;
            None
        }
        NodeOutput::Converged => {
            step.has_converged = true;
            None
        }
        NodeOutput::Finished(outcome) => {
            step.outcome = Some(outcome);
            None
        }
    })
}

/// What one step of a province's session left to do.
#[derive(Debug, Default)]
pub struct ProvinceStep {
    /// Messages for the line, in order.
    pub messages: Vec<Message>,
    /// The most that the session and the messages of this step held at once, in bytes.
    pub held_bytes: usize,
    /// How the session ended, if it did.
    pub outcome: Option<ProvinceOutcome>,
}

/// Gives a province's session one input and carries out all it asks for.
///
/// # Errors
/// As [`step_node`].
pub fn step_province<S: ProvinceStore>(
    session: &mut ProvinceSession,
    store: &mut S,
    now: Millis,
    input: ProvinceInput,
    step: &mut ProvinceStep,
) -> Result<(), DriveError<S::Error>> {
    let mut inputs = VecDeque::from([input]);
    while let Some(input) = inputs.pop_front() {
        let handled = session.handle(now, input);
        step.held_bytes = step.held_bytes.max(session.held_bytes() + bytes_of(&step.messages));
        while let Some(output) = session.poll() {
            let carried_out = carry_out_province(session, store, output, step);
            if let Some(answer) = carried_out.map_err(DriveError::Store)? {
                inputs.push_back(answer);
            }
        }
        handled.map_err(DriveError::Session)?;
    }
    Ok(())
}

fn carry_out_province<S: ProvinceStore>(
    session: &ProvinceSession,
    store: &mut S,
    output: ProvinceOutput,
    step: &mut ProvinceStep,
) -> Result<Option<ProvinceInput>, S::Error> {
    Ok(match output {
        ProvinceOutput::Send(message) => {
            step.messages.push(message);
            None
        }
        ProvinceOutput::LoadFacts(hello) => {
            Some(ProvinceInput::FactsLoaded(store.facts(&hello)?.map(Box::new)))
        }
        ProvinceOutput::CheckHeads(heads) => Some(ProvinceInput::HeadsChecked(store.check_heads(&heads)?)),
        ProvinceOutput::MakeProof(request) => {
            Some(ProvinceInput::ProofMade(store.make_proof(&request)?.map(Box::new)))
        }
        ProvinceOutput::LoadItems { beyond, after_place, bytes_max } => {
            Some(ProvinceInput::ItemsLoaded(store.items(beyond, after_place, bytes_max)?))
        }
        ProvinceOutput::StoreItems { items, is_last } => {
            Some(ProvinceInput::ItemsStored { n: store.adopt_items(items, is_last)? })
        }
        ProvinceOutput::LoadProofs { after_n, proofs_max } => {
            Some(ProvinceInput::ProofsLoaded(store.proofs(after_n, proofs_max)?))
        }
        ProvinceOutput::Compare { comparison, theirs, upto } => {
            let compared = store.compare_entries(*comparison, &theirs, upto)?;
            Some(ProvinceInput::Compared(compared.map(Box::new)))
        }
        ProvinceOutput::RenewFeed => Some(ProvinceInput::FeedRenewed(store.renew_feed()?)),
        ProvinceOutput::LoadFeed { after_position, bytes_max, entries_max } => {
            let holds = |position, log, lsn| session.holds(position, log, lsn);
            let (entries, end_digest, head_position) =
                store.feed(after_position, bytes_max, entries_max, &holds)?;
            Some(ProvinceInput::FeedLoaded { entries, end_digest, head_position })
        }
        ProvinceOutput::LoadAside { boot, after_lsn, bytes_max, entries_max } => {
            Some(ProvinceInput::AsideLoaded(store.aside(boot, after_lsn, bytes_max, entries_max)?))
        }
        ProvinceOutput::StoreChanges(runs) => Some(match store.store_changes(runs)? {
            Ok((acks, counts, feed_position)) => ProvinceInput::ChangesStored { acks, counts, feed_position },
            Err(code) => ProvinceInput::Refuse(code),
        }),
        ProvinceOutput::StoreAside(runs) => Some(match store.store_aside(runs)? {
            Ok(()) => ProvinceInput::AsideStored,
            Err(code) => ProvinceInput::Refuse(code),
        }),
        ProvinceOutput::FeedAcked { position } => {
            store.feed_acked(position)?;
            None
        }
        ProvinceOutput::Forked(logs) => {
            store.forked(&logs)?;
            None
        }
        ProvinceOutput::Finished(outcome) => {
            step.outcome = Some(outcome);
            None
        }
    })
}
