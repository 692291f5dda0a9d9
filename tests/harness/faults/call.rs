//! One session between two machines of a world: both engines, both real stores, and two queues for the line.
//!
//! Whoever drives it decides which message arrives next, which news is lost, and which call of a store is the last
//! one before the power fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use motcua_node::clock::Clock;
use motcua_node::ids::AgencyCode;
use motcua_node::roles::Office;
use motcua_node::roles::province;
use motcua_node::store::Growth;
use motcua_node::store::StoreError;
use motcua_node::store::Subscription;
use motcua_node::sync::driver::DriveError;
use motcua_node::sync::driver::NodeStep;
use motcua_node::sync::driver::NodeStore;
use motcua_node::sync::driver::ProvinceStep;
use motcua_node::sync::driver::ProvinceStore;
use motcua_node::sync::driver::Stored;
use motcua_node::sync::driver::step_node;
use motcua_node::sync::driver::step_province;
use motcua_node::sync::node_store::NodeSide;
use motcua_node::sync::province_store::ProvinceSide;
use sync_protocol::entry::Digest;
use sync_protocol::entry::Entry;
use sync_protocol::entry::Lsn;
use sync_protocol::frame::ByeCode;
use sync_protocol::frame::Feed;
use sync_protocol::frame::Frame;
use sync_protocol::frame::FrameKind;
use sync_protocol::frame::Hello;
use sync_protocol::frame::LogAck;
use sync_protocol::frame::Message;
use sync_protocol::frame::StoredCounts;
use sync_protocol::head::FeedHead;
use sync_protocol::head::ItemsHead;
use sync_protocol::head::LogHead;
use sync_protocol::head::LogsSummary;
use sync_protocol::head::SignedHead;
use sync_protocol::ids::BootId;
use sync_protocol::ids::FeedId;
use sync_protocol::ids::PublicKey;
use sync_protocol::item::Item;
use sync_protocol::item::ItemKind;
use sync_protocol::item::PlacedItem;
use sync_protocol::limits::NAMED_LOGS_MAX;
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
use sync_protocol::session::node::NodeOptions;
use sync_protocol::session::node::NodeOutcome;
use sync_protocol::session::node::NodeStatistics;
use sync_protocol::session::province::FeedEntry;
use sync_protocol::session::province::LogFacts;
use sync_protocol::session::province::NotEqual;
use sync_protocol::session::province::ProofRequest;
use sync_protocol::session::province::ProvinceFacts;
use sync_protocol::session::province::ProvinceInput;
use sync_protocol::session::province::ProvinceOptions;
use sync_protocol::session::province::ProvinceOutcome;

use crate::faults::machine::Files;
use crate::faults::machine::Place;
use crate::faults::planted::Mistake;
use crate::faults::planted::Plant;

/// When a store's call fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// Nothing of it was done.
    Before,
    /// It is durable, and nobody learns of it.
    After,
    /// While this machine's files were written: see [`Files`].
    During(Place),
}

/// A store of which one call is the last, or whose calls are all carried out twice; and the place where mistakes of
/// ours are planted, to see that they are found.
#[derive(Debug)]
pub struct Failing<S> {
    /// The real store.
    pub inner: S,
    /// How many calls still work, and how the next one fails.
    fault: Option<(u64, When)>,
    /// The files before the call that failed while they were written.
    files: Option<Files>,
    /// Whether what is stored is delivered twice.
    is_doubled: bool,
    planted: Option<Plant>,
}

impl<S> Failing<S> {
    /// A store that works, or one with a mistake in it.
    #[must_use]
    pub const fn new(inner: S, planted: Option<Plant>) -> Self {
        Self { inner, fault: None, files: None, is_doubled: false, planted }
    }

    fn call<T>(&mut self, work: impl FnOnce(&mut S) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match &mut self.fault {
            None => work(&mut self.inner),
            Some((0, when)) => {
                if let When::During(place) = when {
                    self.files = Some(Files::read(place));
                }
                if *when != When::Before {
                    let _nobody_learns = work(&mut self.inner);
                }
                Err(StoreError::Io(Arc::new(std::io::Error::other("the power failed"))))
            }
            Some((left, _)) => {
                *left -= 1;
                work(&mut self.inner)
            }
        }
    }

    /// What is stored, once or twice: the second time must say the same.
    fn store<T: PartialEq + std::fmt::Debug>(
        &mut self,
        mut work: impl FnMut(&mut S) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if !self.is_doubled {
            return self.call(work);
        }
        self.call(|store| {
            let first = work(store)?;
            let again = work(store)?;
            assert_eq!(first, again, "a second delivery was answered otherwise");
            Ok(again)
        })
    }
}

impl NodeStore for Failing<NodeSide> {
    type Error = StoreError;

    fn heads(&mut self, after: Option<BootId>) -> Result<(Vec<LogHead>, bool), StoreError> {
        self.call(|store| store.heads(after))
    }

    fn log(
        &mut self,
        boot: BootId,
        after_lsn: Lsn,
        bytes_max: usize,
        entries_max: usize,
    ) -> Result<(Vec<Entry>, Option<SignedHead>), StoreError> {
        let page = self.call(|store| store.log(boot, after_lsn, bytes_max, entries_max))?;
        if let (Some(plant), Some(last)) = (&self.planted, page.0.last()) {
            plant.sent(boot, last.lsn);
        }
        Ok(page)
    }

    fn store_items(&mut self, mut items: Vec<Item>) -> Result<(), StoreError> {
        if self.planted.as_ref().is_some_and(|plant| plant.mistake == Mistake::UnknownItemsDropped) {
            items.retain(|item| item.header().kind.0 <= ItemKind::WITHDRAWAL.0);
        }
        self.store(|store| store.store_items(items.clone()))
    }

    fn items(
        &mut self,
        held: &[ItemsHead],
        after_place: u64,
        bytes_max: usize,
    ) -> Result<Vec<PlacedItem>, StoreError> {
        self.call(|store| NodeStore::items(store, held, after_place, bytes_max))
    }

    fn store_proofs(&mut self, proofs: Vec<Proof>) -> Result<(), StoreError> {
        self.store(|store| store.store_proofs(proofs.clone()))
    }

    fn begin_feed(&mut self, feed: FeedId) -> Result<(), StoreError> {
        self.store(|store| store.begin_feed(feed))
    }

    fn store_feed(&mut self, feed: Feed) -> Result<u64, StoreError> {
        match self.planted.clone() {
            Some(plant) => self.call(|store| plant.store_feed(store, feed)),
            None => self.store(|store| store.store_feed(feed.clone())),
        }
    }

    fn store_aside(&mut self, runs: Vec<EntryRun>) -> Result<(), StoreError> {
        self.store(|store| store.store_aside(runs.clone()))
    }

    fn compare_entries(
        &mut self,
        comparison: Comparison,
        theirs: Option<&[Range]>,
    ) -> Result<Option<Compared>, StoreError> {
        self.call(|store| NodeStore::compare_entries(store, comparison, theirs))
    }

    fn aside(
        &mut self,
        after_place: u64,
        bytes_max: usize,
        entries_max: usize,
    ) -> Result<(Vec<Entry>, u64), StoreError> {
        self.call(|store| NodeStore::aside(store, after_place, bytes_max, entries_max))
    }

    fn cut(&mut self) -> Result<CutFacts, StoreError> {
        let facts = self.call(NodeStore::cut)?;
        Ok(match &self.planted {
            Some(plant) => CutFacts { feed: plant.claimed(facts.feed), ..facts },
            None => facts,
        })
    }

    fn store_proof(&mut self, proof: Proof, is_renewal: bool) -> Result<(), StoreError> {
        self.store(|store| store.store_proof(proof.clone(), is_renewal))
    }

    fn acked(&mut self, logs: &[LogAck], counts: Option<StoredCounts>) -> Result<(), StoreError> {
        self.store(|store| store.acked(logs, counts))
    }

    fn forked(&mut self, logs: &[LogAck]) -> Result<(), StoreError> {
        self.call(|store| NodeStore::forked(store, logs))
    }
}

impl Failing<ProvinceSide> {
    /// What a planted mistake has acknowledged and not stored yet is stored now, unless the power fails first.
    fn catch_up(&mut self) -> Result<(), StoreError> {
        let is_last = matches!(self.fault, Some((0, _)));
        match &self.planted {
            Some(plant) if !is_last => plant.clone().catch_up(&mut self.inner),
            Some(_) | None => Ok(()),
        }
    }
}

impl ProvinceStore for Failing<ProvinceSide> {
    type Error = StoreError;

    fn facts(&mut self, hello: &Hello) -> Result<Result<ProvinceFacts, ByeCode>, StoreError> {
        self.catch_up()?;
        let planted = self.planted.clone();
        let facts = self.call(|store| ProvinceStore::facts(store, hello))?;
        Ok(match planted {
            Some(plant) => facts.map(|facts| plant.said(hello, facts)),
            None => facts,
        })
    }

    fn check_heads(&mut self, heads: &[LogHead]) -> Result<Vec<LogFacts>, StoreError> {
        self.catch_up()?;
        self.call(|store| store.check_heads(heads))
    }

    fn make_proof(&mut self, request: &ProofRequest) -> Result<Result<Proof, NotEqual>, StoreError> {
        self.catch_up()?;
        self.call(|store| store.make_proof(request))
    }

    fn items(
        &mut self,
        beyond: ItemsHead,
        after_place: u64,
        bytes_max: usize,
    ) -> Result<Vec<PlacedItem>, StoreError> {
        self.catch_up()?;
        self.call(|store| ProvinceStore::items(store, beyond, after_place, bytes_max))
    }

    fn adopt_items(&mut self, items: Vec<Item>, is_last: bool) -> Result<u64, StoreError> {
        self.catch_up()?;
        self.store(|store| store.adopt_items(items.clone(), is_last))
    }

    fn compare_entries(
        &mut self,
        comparison: Comparison,
        theirs: &[Range],
        upto: u64,
    ) -> Result<Option<Compared>, StoreError> {
        self.call(|store| ProvinceStore::compare_entries(store, comparison, theirs, upto))
    }

    fn renew_feed(&mut self) -> Result<FeedHead, StoreError> {
        self.call(ProvinceStore::renew_feed)
    }

    fn proofs(&mut self, after_n: u64, proofs_max: usize) -> Result<Vec<Proof>, StoreError> {
        self.catch_up()?;
        self.call(|store| store.proofs(after_n, proofs_max))
    }

    fn feed(
        &mut self,
        after_position: u64,
        bytes_max: usize,
        entries_max: usize,
        holds: &dyn Fn(u64, BootId, Lsn) -> bool,
    ) -> Result<(Vec<FeedEntry>, Digest, u64), StoreError> {
        self.catch_up()?;
        self.call(|store| store.feed(after_position, bytes_max, entries_max, holds))
    }

    fn aside(
        &mut self,
        boot: BootId,
        after_lsn: Lsn,
        bytes_max: usize,
        entries_max: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.catch_up()?;
        self.call(|store| store.aside(boot, after_lsn, bytes_max, entries_max))
    }

    fn store_aside(&mut self, runs: Vec<EntryRun>) -> Result<Result<(), ByeCode>, StoreError> {
        self.catch_up()?;
        self.store(|store| ProvinceStore::store_aside(store, runs.clone()))
    }

    fn store_changes(&mut self, runs: Vec<ChangeRun>) -> Result<Result<Stored, ByeCode>, StoreError> {
        match self.planted.clone() {
            Some(plant) => self.call(|store| plant.store_changes(store, runs)),
            None => self.store(|store| store.store_changes(runs.clone())),
        }
    }

    fn feed_acked(&mut self, position: u64) -> Result<(), StoreError> {
        self.catch_up()?;
        self.store(|store| store.feed_acked(position))
    }

    fn forked(&mut self, logs: &[BootId]) -> Result<(), StoreError> {
        self.call(|store| ProvinceStore::forked(store, logs))
    }
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// With a proof, and nothing new since.
    Converged,
    /// The line went before that.
    Partial,
    /// The province left, with a reason.
    Refused(ByeCode),
    /// The store moved under the session: another one was quicker. Dialling again helps.
    Moved,
    /// One end heard nothing for too long and gave up.
    Silent,
    /// The power failed at one end; true for the node's.
    PowerFailed(bool),
    /// Something that must never happen between machines of ours.
    Wrong(String),
}

/// How far a session has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The hello is not answered yet.
    Greeting,
    /// Batches travel.
    Streaming,
    /// The node has cut and waits for the proof.
    Cutting,
    /// Proved, and nothing new since.
    Resting,
}

impl Phase {
    /// The word in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Streaming => "streaming",
            Self::Cutting => "cutting",
            Self::Resting => "resting",
        }
    }
}

/// What is delivered next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The oldest message from the node.
    Up,
    /// The oldest message from the province.
    Down,
    /// The oldest news of the node's own store.
    OwnNews,
    /// The oldest news of the province's store.
    ProvinceNews,
    /// Time has passed for the node.
    NodeTick,
    /// Time has passed for the province.
    ProvinceTick,
}

fn bytes_of(messages: &VecDeque<Message>) -> usize {
    messages.iter().map(|message| message.bytes.len()).sum()
}

type News = Arc<Mutex<VecDeque<Growth>>>;

/// One session.
pub struct Call {
    /// Whose, by its place in the world.
    pub node: usize,
    /// How it ended, if it has.
    pub over: Option<Over>,
    /// Whether it goes on after its first proof.
    pub is_live: bool,
    /// How far it has got.
    pub phase: Phase,
    /// The most bytes that were under way at once, in one direction.
    pub line_bytes_max: usize,
    /// The most that one end's session held at once.
    pub held_bytes_max: usize,
    seat: AgencyCode,
    near: NodeSession,
    near_store: Failing<NodeSide>,
    near_clock: Arc<dyn Clock>,
    far: ProvinceSession,
    far_store: Failing<ProvinceSide>,
    far_clock: Arc<dyn Clock>,
    up: VecDeque<Message>,
    down: VecDeque<Message>,
    own_news: News,
    province_news: News,
    near_outcome: Option<NodeOutcome>,
    far_outcome: Option<ProvinceOutcome>,
    _subscriptions: (Subscription, Subscription),
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Call(node {}, {} up, {} down, {:?})", self.node, self.up.len(), self.down.len(), self.over)
    }
}

fn listen_to(office: &Office) -> (News, Subscription) {
    let news: News = Arc::default();
    let heard = Arc::clone(&news);
    let subscription = office.store.subscribe(move |growth| {
        heard.lock().unwrap_or_else(PoisonError::into_inner).push_back(growth.clone());
    });
    (news, subscription)
}

fn next_news(news: &News) -> Option<Growth> {
    news.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

impl Call {
    /// A call of this node to the province, as the programs make it; or with a mistake planted at both ends.
    ///
    /// # Panics
    /// The node's store cannot be read.
    #[must_use]
    pub fn new(
        place: usize,
        node: &Office,
        centre: &Office,
        is_live: bool,
        number: u64,
        planted: Option<Plant>,
    ) -> Self {
        let (own_news, own) = listen_to(node);
        let (province_news, theirs) = listen_to(centre);
        let mut near_store = NodeSide::new(Arc::clone(&node.store), Arc::clone(&node.identity));
        let province_key = PublicKey(centre.identity.certified().keys.signing);
        let mut facts = near_store.facts(number, province_key).unwrap();
        if let Some(plant) = &planted {
            facts.feed = plant.claimed(facts.feed);
            if plant.mistake == Mistake::NoOpGrows {
                facts.logs = near_store.heads(None).unwrap().0;
                facts.logs.truncate(NAMED_LOGS_MAX);
                facts.older = LogsSummary::default();
            }
        }
        let near_clock = Arc::clone(node.clock());
        let far_clock = Arc::clone(centre.clock());
        let near =
            NodeSession::new(near_clock.wall(), facts, NodeOptions { is_live, ..NodeOptions::default() })
                .unwrap();
        let certified = node.identity.certified();
        let options = ProvinceOptions {
            province: centre.identity.province(),
            province_key,
            node: certified.node,
            node_key: PublicKey(certified.keys.signing),
        };
        let far = ProvinceSession::new(far_clock.wall(), options);
        let far_store = ProvinceSide::new(
            Arc::clone(&centre.store),
            Arc::clone(&centre.identity),
            certified.node,
            certified.seat.clone(),
        )
        .with_certificate(node.identity.certificate().to_vec())
        .with_refill(province::refill(centre));
        let mut call = Self {
            node: place,
            over: None,
            is_live,
            phase: Phase::Greeting,
            line_bytes_max: 0,
            held_bytes_max: 0,
            seat: certified.seat.clone(),
            near,
            near_store: Failing::new(near_store, planted.clone()),
            near_clock,
            far,
            far_store: Failing::new(far_store, planted),
            far_clock,
            up: VecDeque::new(),
            down: VecDeque::new(),
            own_news,
            province_news,
            near_outcome: None,
            far_outcome: None,
            _subscriptions: (own, theirs),
        };
        call.feed_node(NodeInput::Tick);
        call
    }

    /// The power will fail at one end: after so many further calls of its store.
    pub fn doom(&mut self, is_node: bool, calls: u64, when: When) {
        let fault = Some((calls, when));
        if is_node { self.near_store.fault = fault } else { self.far_store.fault = fault }
    }

    /// From now on whatever one end stores is delivered to it twice.
    pub const fn double(&mut self, is_node: bool) {
        if is_node { self.near_store.is_doubled = true } else { self.far_store.is_doubled = true }
    }

    /// The node's program speaks a protocol that the province does not know: what the node makes of the answer.
    ///
    /// # Panics
    /// The call was under way, or the province goes on.
    pub fn greet_in_a_newer_protocol(mut self) -> Option<NodeOutcome> {
        let said = self.up.pop_front().unwrap();
        let Ok(Frame::Hello(mut hello)) = Frame::decode(&said.bytes) else { panic!("no hello: {said:?}") };
        hello.protocol += 1;
        let hello = Frame::Hello(hello).encode().unwrap();
        self.feed_province(ProvinceInput::Message(hello.bytes));
        let over = self.over.take();
        assert!(matches!(&over, Some(Over::Wrong(what)) if what.contains("Version")), "{over:?}");
        let answer = self.down.pop_front().unwrap();
        self.feed_node(NodeInput::Message(answer.bytes));
        self.near_outcome
    }

    /// The files of the machine whose power failed, as they were before the write that was under way.
    pub fn take_files(&mut self) -> Option<Files> {
        match self.near_store.files.take() {
            None => self.far_store.files.take(),
            found => found,
        }
    }

    /// Whether an acknowledgement is under way to the node.
    #[must_use]
    pub fn has_ack_under_way(&self) -> bool {
        self.down.iter().any(|message| message.kind == FrameKind::Ack)
    }

    /// The line is gone, and what either process still had to do it does.
    pub fn hang_up(mut self) {
        let _ = self.far_store.catch_up();
    }

    /// What the node's end moved.
    #[must_use]
    pub const fn statistics(&self) -> NodeStatistics {
        self.near.statistics()
    }

    /// What could be delivered now.
    #[must_use]
    pub fn deliverable(&self) -> Vec<Delivery> {
        let has_news = |news: &News| !news.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        [
            (Delivery::Up, !self.up.is_empty()),
            (Delivery::Down, !self.down.is_empty()),
            (Delivery::OwnNews, has_news(&self.own_news)),
            (Delivery::ProvinceNews, has_news(&self.province_news)),
        ]
        .into_iter()
        .filter_map(|(delivery, is_there)| is_there.then_some(delivery))
        .collect()
    }

    /// News is lost on its way: nothing may rest on it.
    pub fn lose_news(&mut self) {
        next_news(&self.own_news);
        next_news(&self.province_news);
    }

    /// Delivers one thing.
    pub fn deliver(&mut self, what: Delivery) {
        if self.over.is_some() {
            return;
        }
        match what {
            Delivery::Up => {
                if let Some(message) = self.up.pop_front() {
                    self.feed_province(ProvinceInput::Message(message.bytes));
                }
            }
            Delivery::Down => {
                if let Some(message) = self.down.pop_front() {
                    if message.kind == FrameKind::HelloAck {
                        self.phase = Phase::Streaming;
                    }
                    self.feed_node(NodeInput::Message(message.bytes));
                }
            }
            Delivery::OwnNews => {
                if let Some((boot, lsn)) = next_news(&self.own_news).and_then(|growth| growth.own) {
                    self.feed_node(NodeInput::Appended { boot, lsn });
                }
            }
            Delivery::ProvinceNews => {
                if let Some(growth) = next_news(&self.province_news) {
                    if let Some(position) = growth.feeds.get(&self.seat).copied() {
                        self.feed_province(ProvinceInput::Grown { feed_position: position });
                    }
                    if let Some(n) = growth.item {
                        self.feed_province(ProvinceInput::ItemsGrown { n });
                    }
                }
            }
            Delivery::NodeTick => self.feed_node(NodeInput::Tick),
            Delivery::ProvinceTick => self.feed_province(ProvinceInput::Tick),
        }
        self.settle();
    }

    fn feed_node(&mut self, input: NodeInput) {
        if self.near_outcome.is_some() || self.over.is_some() {
            return;
        }
        let mut step = NodeStep::default();
        let now = self.near_clock.wall();
        let stepped = step_node(&mut self.near, &mut self.near_store, now, input, &mut step);
        if step.messages.iter().any(|message| message.kind == FrameKind::Changes) {
            self.phase = Phase::Streaming;
        }
        if step.messages.iter().any(|message| message.kind == FrameKind::Cut) {
            self.phase = Phase::Cutting;
        }
        if step.has_converged {
            self.phase = Phase::Resting;
        }
        self.up.extend(step.messages);
        self.line_bytes_max = self.line_bytes_max.max(bytes_of(&self.up));
        self.held_bytes_max = self.held_bytes_max.max(step.held_bytes);
        self.near_outcome = step.outcome;
        if let Err(error) = stepped {
            self.failed(true, error);
        }
    }

    fn feed_province(&mut self, input: ProvinceInput) {
        if self.far_outcome.is_some() || self.over.is_some() {
            return;
        }
        let mut step = ProvinceStep::default();
        let now = self.far_clock.wall();
        let stepped = step_province(&mut self.far, &mut self.far_store, now, input, &mut step);
        self.down.extend(step.messages);
        self.line_bytes_max = self.line_bytes_max.max(bytes_of(&self.down));
        self.held_bytes_max = self.held_bytes_max.max(step.held_bytes);
        self.far_outcome = step.outcome;
        if let Err(error) = stepped {
            self.failed(false, error);
        }
    }

    fn failed(&mut self, is_node: bool, error: DriveError<StoreError>) {
        let end = if is_node { "node" } else { "province" };
        self.over = Some(match error {
            DriveError::Store(StoreError::Io(_)) => Over::PowerFailed(is_node),
            DriveError::Session(SessionError::Moved) => Over::Moved,
            // Both images of a machine sent the same stretch of their log at once.
            DriveError::Store(StoreError::Refused(refusal)) if refusal.code == "log-forked-meanwhile" => {
                Over::Moved
            }
            DriveError::Session(SessionError::Silent { .. }) => Over::Silent,
            DriveError::Store(error) => Over::Wrong(format!("{end}: {error:?}")),
            DriveError::Session(error) => Over::Wrong(format!("{end}: {error:?}")),
        });
    }

    /// An end that is through closes the line when the other one has all it sent.
    fn settle(&mut self) {
        if self.over.is_some() {
            return;
        }
        if let Some(outcome) = &self.near_outcome
            && self.up.is_empty()
        {
            self.over = Some(match outcome {
                NodeOutcome::Converged => Over::Converged,
                NodeOutcome::Partial => Over::Partial,
                NodeOutcome::Refused { code, .. } => Over::Refused(*code),
            });
            self.feed_province_close();
        } else if self.far_outcome.is_some() && self.down.is_empty() {
            self.feed_node(NodeInput::Close);
            self.up.clear();
            self.settle();
        }
    }

    fn feed_province_close(&mut self) {
        let mut step = ProvinceStep::default();
        let now = self.far_clock.wall();
        // Whatever the province still wanted to say, nobody hears it.
        let _ = step_province(&mut self.far, &mut self.far_store, now, ProvinceInput::Close, &mut step);
    }

    /// Lets it run over a perfect line until it is over, or, when it is live, until it rests with a proof.
    ///
    /// # Panics
    /// It does not end.
    pub fn run(&mut self, pass: &mut dyn FnMut(u64)) -> Over {
        let mut idle = 0;
        for _ in 0..200_000_u32 {
            if let Some(over) = &self.over {
                return over.clone();
            }
            if let Some(first) = self.deliverable().first() {
                idle = 0;
                self.deliver(*first);
                continue;
            }
            let wakes = self.near.wake_at().is_some() || self.far.wake_at().is_some();
            if !wakes && self.is_live {
                self.feed_node(NodeInput::Close);
                self.settle();
                continue;
            }
            idle += 1;
            // Between machines that answer at once nobody ever waits for the other longer than a cut takes.
            if idle > 5 {
                return Over::Wrong("nobody has anything to say".to_owned());
            }
            pass(3_000);
            self.deliver(Delivery::NodeTick);
            self.deliver(Delivery::ProvinceTick);
        }
        Over::Wrong("it does not end".to_owned())
    }
}
