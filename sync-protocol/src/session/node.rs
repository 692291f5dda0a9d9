//! The node's end of a session: it opens, sends its own entries, takes in items, proofs and its feed, and asks
//! for a proof when it believes that both sides hold the same.

use std::collections::VecDeque;

use crate::context::Context;
use crate::dictionary;
use crate::entry::Entry;
use crate::entry::Lsn;
use crate::frame::Ack;
use crate::frame::Aside;
use crate::frame::Bye;
use crate::frame::ByeCode;
use crate::frame::Cut;
use crate::frame::Feed;
use crate::frame::Frame;
use crate::frame::FrameKind;
use crate::frame::FreshProof;
use crate::frame::Heads;
use crate::frame::HeadsAck;
use crate::frame::Hello;
use crate::frame::HelloAck;
use crate::frame::LogAck;
use crate::frame::LogState;
use crate::frame::LogStatus;
use crate::frame::Message;
use crate::frame::PROTOCOL_VERSION;
use crate::frame::Ranges;
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
use crate::item::PlacedItem;
use crate::limits;
use crate::proof::Proof;
use crate::proof::ProofError;
use crate::range::Compared;
use crate::range::Comparison;
use crate::range::Range;
use crate::run;
use crate::run::EntryRun;
use crate::session::SessionError;
use crate::session::pace::Pace;
use crate::session::pull::FeedPull;
use crate::session::pull::ItemsPull;
use crate::session::pull::ProofsPull;
use crate::session::push::Push;
use crate::session::push::PushStep;
use crate::session::push::items_frames;
use crate::time::Millis;

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
    /// How many number series this machine can still begin; `None` leaves it unsaid.
    pub series_left: Option<u32>,
    /// Whether the seat's feed has begun anew since the province was last given what no feed brings.
    pub may_hold_lost: bool,
}

/// How the session is to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeOptions {
    /// Stay open after the proof, push own appends as they come and ask for new proofs; otherwise finish after
    /// the first proof.
    pub is_live: bool,
    /// Compare all entries with the province's one by one, though the heads may be equal.
    pub is_scrub: bool,
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
    /// Answer to [`NodeOutput::LoadItems`], in the order of their places; none when there are no more.
    ItemsLoaded(Vec<PlacedItem>),
    /// Answer to [`NodeOutput::StoreProofs`]: they are on disk.
    ProofsStored,
    /// Answer to [`NodeOutput::StoreFeed`]: on disk up to here.
    FeedStored {
        /// The feed's last stored position.
        position: u64,
    },
    /// Answer to [`NodeOutput::StoreAside`]: they are on disk.
    AsideStored,
    /// Answer to [`NodeOutput::Compare`]; `None` when the sets moved meanwhile.
    Compared(Option<Box<Compared>>),
    /// Answer to [`NodeOutput::LoadAside`], in the order of their places; none when there are no more.
    AsideLoaded {
        /// The entries.
        entries: Vec<Entry>,
        /// The place of the last of them.
        last_place: u64,
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
    /// Store these provincial items (verified, in order, repeatable); answer with [`NodeInput::ItemsStored`]. One that
    /// does not follow the head here stands beside it, until one comes that names both among what it follows.
    StoreItems(Vec<Item>),
    /// The province was restored and lacks items that are here. Load what is here beyond the first of `held` that is
    /// here as well (everything, if none is): all that is neither it nor before it, after this place; answer with
    /// [`NodeInput::ItemsLoaded`].
    LoadItems {
        /// What the province holds, newest first.
        held: Vec<ItemsHead>,
        /// The place before the first one wanted.
        after_place: u64,
        /// Stop after the sum of the bodies exceeds this, but load one at least.
        bytes_max: usize,
    },
    /// Store these proofs (verified, in order, repeatable); answer with [`NodeInput::ProofsStored`].
    StoreProofs(Vec<Proof>),
    /// The seat has another feed than the stored one (the first, or a restored province's): note its id and
    /// begin at position 0 with the digest of nothing. Entries stay. No answer.
    BeginFeed(FeedId),
    /// Store this stretch of the feed in one commit: entries that are here already are not stored again, own
    /// runs are looked up; position and digest advance over all of them. Answer with [`NodeInput::FeedStored`].
    StoreFeed(Feed),
    /// Store these own entries, which this machine lost and no feed brings, in one commit; those that are here
    /// already are left as they are. Answer with [`NodeInput::AsideStored`].
    StoreAside(Vec<EntryRun>),
    /// Compare the entries that are here and not of this identity's logs: [`Compared::over`]; answer with
    /// [`NodeInput::Compared`].
    Compare {
        /// How far it has come.
        comparison: Box<Comparison>,
        /// The province's message; `None` at the beginning.
        theirs: Option<Vec<Range>>,
    },
    /// Load entries of other logs than this machine's that are here and not in its feed, after this place: a feed of
    /// before brought them, and the restored province lost them. Answer with [`NodeInput::AsideLoaded`].
    LoadAside {
        /// The place before the first one wanted.
        after_place: u64,
        /// Stop before the sum of [`weight_bytes`](crate::run::weight_bytes) exceeds this, but load one entry at
        /// least.
        bytes_max: usize,
        /// Load at most so many entries.
        entries_max: usize,
    },
    /// Read [`CutFacts`]; answer with [`NodeInput::CutLoaded`].
    LoadCut,
    /// Store the newest proof (verified); answer with [`NodeInput::ProofStored`].
    StoreProof {
        /// The proof.
        proof: Box<Proof>,
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
    /// The province knows another history under these logs' names, up to where it says: rotate to a new boot and
    /// write the own entries that it does not know again under it. No answer.
    Forked(Vec<LogAck>),
    /// Both sides held the same, and the proof is stored. A live session stays open.
    Converged,
    /// The session is over. Nothing follows.
    Finished(NodeOutcome),
}

impl NodeOutput {
    fn held_bytes(&self) -> usize {
        match self {
            Self::Send(message) => message.bytes.len(),
            Self::StoreItems(items) => items.iter().map(|item| item.body().len()).sum(),
            Self::StoreFeed(feed) => feed.held_bytes(),
            Self::StoreAside(runs) => run::runs_bytes(runs),
            Self::LoadHeads { .. }
            | Self::LoadLog { .. }
            | Self::LoadItems { .. }
            | Self::StoreProofs(_)
            | Self::BeginFeed(_)
            | Self::Compare { .. }
            | Self::LoadAside { .. }
            | Self::LoadCut
            | Self::StoreProof { .. }
            | Self::Acked { .. }
            | Self::Forked(_)
            | Self::Converged
            | Self::Finished(_) => 0,
        }
    }
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
    /// Whether all entries were compared one by one.
    pub is_compared: bool,
}

/// The node's end of one session.
#[derive(Debug)]
pub struct NodeSession {
    province: ProvinceId,
    province_key: PublicKey,
    node: NodeId,
    session: u64,
    is_live: bool,
    named: Vec<LogHead>,
    /// What the hello claims, in the form of a cut.
    claimed: Cut,
    last_proof: Option<Proof>,
    phase: Phase,
    outbox: VecDeque<NodeOutput>,
    push: Push,
    pace: Pace,
    /// What the batches sent and received in this session leave behind for the next ones.
    told_context: Context,
    heard_context: Context,
    heads: HeadsExchange,
    items: ItemsPull,
    items_return: ItemsReturn,
    proofs: ProofsPull,
    feed: FeedPull,
    asides: AsidePull,
    comparing: Comparing,
    asides_return: AsidesReturn,
    cutting: Cutting,
    /// The proof being stored.
    storing_proof: Option<Proof>,
    has_converged: bool,
    /// Something changed since the last cut.
    is_changed: bool,
    changed_at: Millis,
    progress_at: Millis,
    was_awaiting: bool,
    has_sent_since_receiving: bool,
    statistics: NodeStatistics,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The hello is out.
    Opening,
    /// Both directions stream.
    Streaming,
    Over,
}

/// Provincial items that the province lost, on their way back.
#[derive(Clone, Debug, Default)]
struct ItemsReturn {
    /// What the province holds, once it has said that it lacks something; `None` when all is sent, too.
    held: Option<Vec<ItemsHead>>,
    after_place: u64,
    is_loading: bool,
    sent: u64,
    acked: u64,
}

/// Entries of other machines that the province lost, on their way back.
#[derive(Clone, Copy, Debug, Default)]
struct AsidesReturn {
    /// There may be more.
    is_due: bool,
    after_place: u64,
    is_loading: bool,
    /// Frames sent, and those that the province has stored.
    sent: u64,
    acked: u64,
}

/// Own entries that come beside the feed.
#[derive(Clone, Copy, Debug, Default)]
struct AsidePull {
    storing: usize,
    stored: u64,
}

/// Comparing entries with the province.
#[derive(Debug)]
enum Comparing {
    No,
    /// The store is at it.
    Here,
    /// The province is to answer.
    There(Box<Comparison>),
}

/// Naming all logs to the province, page by page.
#[derive(Debug)]
enum HeadsExchange {
    NotWanted,
    Loading,
    Awaiting { page: Vec<LogHead>, is_last: bool },
    Done,
}

#[derive(Debug)]
enum Cutting {
    Idle,
    /// The store is asked for the facts.
    Loading,
    /// The province is asked for a proof.
    Sent(Cut),
}

impl NodeSession {
    /// Opens a session; its hello is the first output.
    ///
    /// `now` is the wall clock as it stands; if it jumps, the session ends too early or too late, no more.
    ///
    /// # Errors
    /// The facts are beyond their bounds: a bug of the caller.
    pub fn new(now: Millis, facts: NodeFacts, options: NodeOptions) -> Result<Self, SessionError> {
        Self::with_dictionary(now, facts, options, dictionary::NEWEST)
    }

    /// The same as if this program knew only dictionaries up to this number. With 0 every batch can be read by itself, in
    /// both directions.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_dictionary(
        now: Millis,
        facts: NodeFacts,
        options: NodeOptions,
        dictionary: u8,
    ) -> Result<Self, SessionError> {
        if facts.logs.len() > limits::NAMED_LOGS_MAX {
            return Err(SessionError::Misuse("more logs named than a hello holds"));
        }
        let logs_key = crate::head::logs_key(facts.province);
        let all_logs = facts.logs.iter().fold(facts.older, |all, head| all.plus(&logs_key, head));
        let proof_head = facts.last_proof.as_ref().map(Proof::head);
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            session: facts.session,
            province: facts.province,
            node: facts.node,
            logs: facts.logs.clone(),
            older: facts.older,
            feed: facts.feed,
            items: facts.items,
            last_proof: proof_head,
            clock: now,
            series_left: facts.series_left,
            scrub: options.is_scrub,
            dictionary,
        };
        let mut session = Self {
            province: facts.province,
            province_key: facts.province_key,
            node: facts.node,
            session: facts.session,
            is_live: options.is_live,
            claimed: Cut {
                session: facts.session,
                feed: facts.feed,
                logs: all_logs,
                waiting: 0,
                items: facts.items,
            },
            push: Push::new(&facts.logs, facts.current),
            pace: Pace::knowing(dictionary),
            told_context: Context::default(),
            heard_context: Context::default(),
            named: facts.logs,
            items: ItemsPull::new(facts.items),
            items_return: ItemsReturn::default(),
            proofs: ProofsPull::new(proof_head),
            feed: FeedPull::new(&facts.feed),
            asides: AsidePull::default(),
            asides_return: AsidesReturn { is_due: facts.may_hold_lost, ..AsidesReturn::default() },
            last_proof: facts.last_proof,
            phase: Phase::Opening,
            outbox: VecDeque::new(),
            heads: HeadsExchange::NotWanted,
            comparing: Comparing::No,
            cutting: Cutting::Idle,
            storing_proof: None,
            has_converged: false,
            is_changed: false,
            changed_at: now,
            progress_at: now,
            was_awaiting: true,
            has_sent_since_receiving: false,
            statistics: NodeStatistics::default(),
        };
        session.send(&Frame::Hello(Box::new(hello)))?;
        Ok(session)
    }

    /// Takes one thing that happened. An early or repeated [`NodeInput::Tick`] does nothing; after the end
    /// nothing does.
    ///
    /// # Errors
    /// The session is over; send what [`poll`](Self::poll) still holds, drop it, and dial again if
    /// [`SessionError::is_retryable`].
    pub fn handle(&mut self, now: Millis, input: NodeInput) -> Result<(), SessionError> {
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

    /// What it holds of entries, items and messages at this moment, in bytes: gathered for the next batch, pieces of an
    /// item, and what [`poll`](Self::poll) has not given yet. Within
    /// [`SESSION_HELD_BYTES_MAX`](limits::SESSION_HELD_BYTES_MAX), whatever the backlog.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let outbox: usize = self.outbox.iter().map(NodeOutput::held_bytes).sum();
        outbox + self.push.gathered_bytes() + self.items.held_bytes()
    }

    /// The next thing to do, or `None` until the next [`handle`](Self::handle).
    #[must_use]
    pub fn poll(&mut self) -> Option<NodeOutput> {
        self.outbox.pop_front()
    }

    /// When a [`NodeInput::Tick`] is due, if nothing happens before. Ask again after every
    /// [`handle`](Self::handle).
    #[must_use]
    pub fn wake_at(&self) -> Option<Millis> {
        if self.phase == Phase::Over {
            return None;
        }
        let silent_at = self.is_awaiting().then(|| after(self.progress_at, limits::SILENCE_MS));
        let quiet_at = self.wants_cut().then(|| after(self.changed_at, self.quiet_ms()));
        silent_at.into_iter().chain(quiet_at).min()
    }

    /// What the session has moved so far.
    #[must_use]
    pub const fn statistics(&self) -> NodeStatistics {
        self.statistics
    }

    fn take(&mut self, now: Millis, input: NodeInput) -> Result<(), SessionError> {
        if !matches!(input, NodeInput::Tick | NodeInput::Appended { .. }) {
            self.progress_at = now; // our own store at work is no silence of the peer
        }
        match input {
            NodeInput::Message(bytes) => self.on_message(now, &bytes),
            NodeInput::HeadsLoaded { heads, is_last } => self.on_heads_loaded(heads, is_last),
            NodeInput::LogLoaded { boot, entries, head } => self.push.loaded(boot, entries, head),
            NodeInput::ItemsStored => {
                self.items.was_stored()?;
                self.changed(now);
                self.send_ack()
            }
            NodeInput::ItemsLoaded(items) => self.on_items_loaded(now, items),
            NodeInput::ProofsStored => {
                let storing = self.proofs.storing.checked_sub(1);
                self.proofs.storing = storing.ok_or(SessionError::Misuse("proofs stored unasked"))?;
                Ok(())
            }
            NodeInput::FeedStored { position } => {
                self.feed.was_stored(position)?;
                self.changed(now);
                self.send_ack()
            }
            NodeInput::AsideStored => {
                let storing = self.asides.storing.checked_sub(1);
                self.asides.storing = storing.ok_or(SessionError::Misuse("aside stored unasked"))?;
                self.asides.stored += 1;
                self.changed(now);
                self.send_ack()
            }
            NodeInput::Compared(compared) => self.on_compared(now, compared),
            NodeInput::AsideLoaded { entries, last_place } => self.on_aside_loaded(now, entries, last_place),
            NodeInput::CutLoaded(facts) => self.on_cut_loaded(now, &facts),
            NodeInput::ProofStored => self.on_proof_stored(),
            NodeInput::Appended { boot, lsn } => {
                self.push.appended(boot, lsn);
                Ok(())
            }
            NodeInput::Tick => self.on_tick(now),
            NodeInput::Close => {
                let is_converged = self.has_converged && !self.is_changed && self.push.is_drained();
                self.finish(if is_converged { NodeOutcome::Converged } else { NodeOutcome::Partial });
                Ok(())
            }
        }
    }

    fn on_message(&mut self, now: Millis, bytes: &[u8]) -> Result<(), SessionError> {
        self.statistics.received_bytes += bytes.len() as u64;
        self.statistics.received_frames += 1;
        if std::mem::take(&mut self.has_sent_since_receiving) {
            self.statistics.round_trips += 1;
        }
        let frame = Frame::decode_after(bytes, &mut self.heard_context)?;
        let kind = frame.kind();
        let out_of_turn = |expected| Err(SessionError::OutOfTurn { expected, got: kind });
        match (self.phase, frame) {
            (_, Frame::Bye(Bye { code, args })) => {
                self.finish(NodeOutcome::Refused { code, args });
                Ok(())
            }
            (Phase::Opening, Frame::HelloAck(ack)) => self.on_hello_ack(now, *ack),
            (Phase::Streaming, Frame::HeadsAck(ack)) => self.on_heads_ack(now, ack),
            (Phase::Streaming, Frame::Items(items)) => {
                let items = self.items.received(items.parts, &self.province_key)?;
                self.cutting = self.cut_overtaken();
                if !items.is_empty() {
                    self.outbox.push_back(NodeOutput::StoreItems(items));
                }
                Ok(())
            }
            (Phase::Streaming, Frame::Wanted(wanted)) => {
                if self.items_return.held.is_some() || self.items_return.sent > 0 {
                    return out_of_turn("the province to say once what it lacks");
                }
                self.cutting = self.cut_overtaken();
                self.items_return.held = Some(wanted.held);
                self.load_items();
                Ok(())
            }
            (Phase::Streaming, Frame::Ranges(theirs)) => {
                match std::mem::replace(&mut self.comparing, Comparing::Here) {
                    Comparing::There(comparison) => {
                        let theirs = Some(theirs.ranges);
                        self.outbox.push_back(NodeOutput::Compare { comparison, theirs });
                        Ok(())
                    }
                    Comparing::No | Comparing::Here => out_of_turn("no ranges"),
                }
            }
            (Phase::Streaming, Frame::Proofs(proofs)) => self.on_proofs(proofs.proofs),
            (Phase::Streaming, Frame::Feed(feed)) => {
                if let Some(id) = self.feed_begins(&feed) {
                    self.begin_feed(id);
                }
                self.statistics.changes_received += self.feed.received(&feed)?;
                self.cutting = self.cut_overtaken();
                self.outbox.push_back(NodeOutput::StoreFeed(feed));
                Ok(())
            }
            (Phase::Streaming, Frame::Aside(aside)) => {
                if self.asides.storing >= limits::BATCHES_UNACKED_MAX {
                    let what = "more batches than may be under way";
                    return Err(SessionError::Impossible { kind, what });
                }
                self.asides.storing += 1;
                self.statistics.changes_received +=
                    aside.runs.iter().map(|run| run.entries().len() as u64).sum::<u64>();
                self.cutting = self.cut_overtaken();
                self.outbox.push_back(NodeOutput::StoreAside(aside.runs));
                Ok(())
            }
            (Phase::Streaming, Frame::Ack(ack)) => {
                let wrong = |what| SessionError::Impossible { kind, what };
                if ack.items > self.items_return.sent || ack.asides > self.asides_return.sent {
                    return Err(wrong("acknowledged what was not sent"));
                }
                self.push.acked(&ack.logs).map_err(wrong)?;
                self.pace.acked(now, self.push.unacked());
                self.items_return.acked = self.items_return.acked.max(ack.items);
                self.asides_return.acked = self.asides_return.acked.max(ack.asides);
                if self.items_return.is_acked() {
                    self.load_items();
                }
                self.feed.announced(ack.feed_position);
                self.changed(now);
                self.outbox.push_back(NodeOutput::Acked { logs: ack.logs, counts: ack.counts });
                Ok(())
            }
            (Phase::Streaming, Frame::Proof(fresh)) => {
                let Cutting::Sent(cut) = std::mem::replace(&mut self.cutting, Cutting::Idle) else {
                    return out_of_turn("anything but a proof that was not asked for");
                };
                self.on_fresh_proof(*fresh, &cut)
            }
            (Phase::Opening, _) => out_of_turn("hello-ack"),
            (Phase::Streaming, _) => out_of_turn("what a province sends"),
            (Phase::Over, _) => Ok(()),
        }
    }

    fn on_hello_ack(&mut self, now: Millis, ack: HelloAck) -> Result<(), SessionError> {
        let wrong = |what| SessionError::Impossible { kind: FrameKind::HelloAck, what };
        if ack.session != self.session {
            return Err(wrong("another session"));
        }
        self.phase = Phase::Streaming;
        self.pace.dictionary = self.pace.dictionary.min(ack.dictionary);
        let named = std::mem::take(&mut self.named);
        self.told(FrameKind::HelloAck, &named, &ack.logs)?;
        match (ack.fresh, ack.open) {
            (Some(fresh), None) => {
                if ack.logs.iter().any(|log| log.status != LogStatus::Known) {
                    return Err(wrong("a proof while logs differ"));
                }
                self.push.all_told(true);
                let claimed = self.claimed;
                self.on_fresh_proof(fresh, &claimed)
            }
            (None, Some(standing)) => {
                if let Some(id) = self.feed.opened(&standing)? {
                    self.begin_feed(id);
                }
                self.items.announced(standing.items.n);
                self.proofs.announced(standing.proof_n);
                if standing.compares {
                    self.comparing = Comparing::Here;
                    let comparison = Box::new(Comparison::new(self.province, self.session));
                    self.outbox.push_back(NodeOutput::Compare { comparison, theirs: None });
                }
                self.changed(now);
                if standing.want_heads {
                    self.heads = HeadsExchange::Loading;
                    self.outbox.push_back(NodeOutput::LoadHeads { after: None });
                } else {
                    self.push.all_told(true);
                }
                Ok(())
            }
            (Some(_), Some(_)) | (None, None) => Err(wrong("neither a proof nor an opening")),
        }
    }

    /// The province answers for these logs.
    fn told(&mut self, kind: FrameKind, named: &[LogHead], states: &[LogState]) -> Result<(), SessionError> {
        let wrong = |what| SessionError::Impossible { kind, what };
        let is_answer = named.len() == states.len()
            && named.iter().zip(states).all(|(head, state)| head.boot == state.boot);
        if !is_answer {
            return Err(wrong("other logs than were named"));
        }
        for (head, state) in named.iter().zip(states) {
            self.push.told(head, state).map_err(wrong)?;
        }
        let forked = forked_of(states);
        let stored = |(head, state): (&LogHead, &LogState)| {
            (state.status != LogStatus::Forked)
                .then(|| LogAck { boot: state.boot, lsn: state.lsn.min(head.lsn) })
        };
        let logs: Vec<LogAck> = named.iter().zip(states).filter_map(stored).collect();
        if !logs.is_empty() {
            self.outbox.push_back(NodeOutput::Acked { logs, counts: None });
        }
        if !forked.is_empty() {
            self.outbox.push_back(NodeOutput::Forked(forked));
        }
        Ok(())
    }

    fn on_heads_loaded(&mut self, heads: Vec<LogHead>, is_last: bool) -> Result<(), SessionError> {
        if !matches!(self.heads, HeadsExchange::Loading) {
            return Err(SessionError::Misuse("heads loaded unasked"));
        }
        if heads.len() > limits::HEADS_PER_FRAME_MAX || (heads.is_empty() && !is_last) {
            return Err(SessionError::Misuse("page of heads too long or empty"));
        }
        self.send(&Frame::Heads(Heads { heads: heads.clone(), is_last }))?;
        self.heads = HeadsExchange::Awaiting { page: heads, is_last };
        Ok(())
    }

    fn on_heads_ack(&mut self, now: Millis, ack: HeadsAck) -> Result<(), SessionError> {
        self.changed(now);
        if !ack.is_answer {
            let forked = forked_of(&ack.logs);
            forked.iter().for_each(|log| self.push.forked(log.boot));
            self.outbox.push_back(NodeOutput::Forked(forked));
            return Ok(());
        }
        match std::mem::replace(&mut self.heads, HeadsExchange::Done) {
            HeadsExchange::Awaiting { page, is_last } => {
                self.told(FrameKind::HeadsAck, &page, &ack.logs)?;
                if is_last {
                    self.push.all_told(false);
                } else {
                    self.heads = HeadsExchange::Loading;
                    let after = page.last().map(|head| head.boot);
                    self.outbox.push_back(NodeOutput::LoadHeads { after });
                }
                Ok(())
            }
            HeadsExchange::NotWanted | HeadsExchange::Loading | HeadsExchange::Done => {
                Err(SessionError::OutOfTurn { expected: "no answer to heads", got: FrameKind::HeadsAck })
            }
        }
    }

    /// Asks for the next items that the province lost, if it lacks any.
    fn load_items(&mut self) {
        let Some(held) = self.items_return.held.clone().filter(|_| !self.items_return.is_loading) else {
            return;
        };
        self.items_return.is_loading = true;
        self.outbox.push_back(NodeOutput::LoadItems {
            held,
            after_place: self.items_return.after_place,
            bytes_max: limits::BATCH_RAW_BYTES,
        });
    }

    fn on_items_loaded(&mut self, now: Millis, items: Vec<PlacedItem>) -> Result<(), SessionError> {
        if !std::mem::take(&mut self.items_return.is_loading) {
            return Err(SessionError::Misuse("items loaded unasked"));
        }
        self.changed(now);
        let Some(last) = items.last() else {
            self.items_return.held = None;
            return Ok(());
        };
        self.items_return.after_place = last.place;
        self.items_return.sent += items.len() as u64;
        for frame in items_frames(items.iter().map(|placed| &placed.item))? {
            self.send(&Frame::Items(frame))?;
        }
        Ok(())
    }

    fn on_compared(&mut self, now: Millis, compared: Option<Box<Compared>>) -> Result<(), SessionError> {
        if !matches!(self.comparing, Comparing::Here) {
            return Err(SessionError::Misuse("compared unasked"));
        }
        let Compared { comparison, ours } = *compared.ok_or(SessionError::Moved)?;
        if let Some(ranges) = ours {
            self.send(&Frame::Ranges(Ranges { ranges }))?;
        }
        self.changed(now);
        self.comparing = if comparison.is_over() {
            self.statistics.is_compared = true;
            Comparing::No
        } else {
            Comparing::There(Box::new(comparison))
        };
        Ok(())
    }

    /// The seat has another feed. What an earlier one brought and this one does not, the province may have lost.
    fn begin_feed(&mut self, id: FeedId) {
        self.asides_return.is_due |= self.claimed.feed.position > 0;
        self.outbox.push_back(NodeOutput::BeginFeed(id));
    }

    fn on_aside_loaded(
        &mut self,
        now: Millis,
        entries: Vec<Entry>,
        last_place: u64,
    ) -> Result<(), SessionError> {
        if !std::mem::take(&mut self.asides_return.is_loading) {
            return Err(SessionError::Misuse("aside loaded unasked"));
        }
        if entries.len() > limits::BATCH_ENTRIES_MAX {
            return Err(SessionError::Misuse("more entries loaded than asked for"));
        }
        self.changed(now);
        if entries.is_empty() {
            self.asides_return.is_due = false;
            return Ok(());
        }
        self.asides_return.after_place = last_place;
        self.asides_return.sent += 1;
        self.send(&Frame::Aside(Aside { runs: run::runs_of(entries) })).map(|_| ())
    }

    fn on_proofs(&mut self, proofs: Vec<Proof>) -> Result<(), SessionError> {
        for proof in &proofs {
            proof.verify(&self.province_key, self.province, self.node)?;
            proof.follows(self.proofs.received)?;
            self.proofs.received = Some(proof.head());
        }
        if proofs.is_empty() {
            self.proofs.given_up();
        }
        if let Some(newest) = proofs.last() {
            self.last_proof = Some(newest.clone());
            self.proofs.storing += 1;
            self.outbox.push_back(NodeOutput::StoreProofs(proofs));
        }
        Ok(())
    }

    /// The feed's id when it is another than the one known here.
    fn feed_begins(&mut self, feed: &Feed) -> Option<FeedId> {
        // Only a feed from its first entry can begin one; anything else is a gap, found by the caller.
        if feed.first_position == 1 { self.feed.begun(feed.feed) } else { None }
    }

    /// A cut that was under way when more came is void: the province lets it pass.
    fn cut_overtaken(&mut self) -> Cutting {
        match std::mem::replace(&mut self.cutting, Cutting::Idle) {
            Cutting::Loading => Cutting::Loading,
            Cutting::Sent(_) | Cutting::Idle => Cutting::Idle,
        }
    }

    fn on_fresh_proof(&mut self, fresh: FreshProof, claim: &Cut) -> Result<(), SessionError> {
        let last = self.last_proof.as_ref();
        let (proof, is_renewal) = match fresh {
            FreshProof::Link(proof) => {
                self.proofs.check(&proof)?;
                (*proof, false)
            }
            FreshProof::Renewal { n, at, signature } => {
                let last = last.filter(|last| last.content().n == n);
                let last = last.ok_or(ProofError::Chain { n, after_n: 0 })?;
                (last.renewed(at, signature), true)
            }
        };
        proof.verify(&self.province_key, self.province, self.node)?;
        let content = proof.content();
        let is_claimed = content.position == claim.feed.position
            && content.digest == claim.feed.digest
            && (claim.feed.id == Some(content.feed) || content.position == 0)
            && content.logs == claim.logs
            && content.items_n == claim.items.n;
        if !is_claimed {
            return Err(ProofError::State { n: content.n }.into());
        }
        self.proofs.received = Some(proof.head());
        self.proofs.announced(content.n);
        self.outbox.push_back(NodeOutput::StoreProof { proof: Box::new(proof.clone()), is_renewal });
        self.storing_proof = Some(proof);
        Ok(())
    }

    fn on_proof_stored(&mut self) -> Result<(), SessionError> {
        let proof = self.storing_proof.take().ok_or(SessionError::Misuse("proof stored unasked"))?;
        self.last_proof = Some(proof);
        self.has_converged = true;
        self.outbox.push_back(NodeOutput::Converged);
        // What the province lost of others is no part of a proof, and is given back all the same.
        if !self.is_live && self.asides_return.is_over() {
            self.finish(NodeOutcome::Converged);
        }
        Ok(())
    }

    fn on_cut_loaded(&mut self, now: Millis, facts: &CutFacts) -> Result<(), SessionError> {
        if !matches!(self.cutting, Cutting::Loading) {
            return Err(SessionError::Misuse("cut loaded unasked"));
        }
        self.cutting = Cutting::Idle;
        if let Some(head) = facts.current.filter(|head| self.push.lacks(head)) {
            // A commit whose news has not come yet.
            self.push.appended(head.boot, head.lsn);
            self.changed(now);
        }
        if !self.is_drained() {
            return Ok(()); // more came meanwhile; there will be another cut
        }
        if facts.feed.position != self.feed.stored_position() || facts.items != self.items.stored_head() {
            return Err(SessionError::Moved);
        }
        let cut = Cut {
            session: self.session,
            feed: facts.feed,
            logs: facts.logs,
            waiting: facts.waiting,
            items: facts.items,
        };
        self.is_changed = false;
        self.send(&Frame::Cut(cut))?;
        self.cutting = Cutting::Sent(cut);
        Ok(())
    }

    fn on_tick(&mut self, now: Millis) -> Result<(), SessionError> {
        if now < self.progress_at {
            self.progress_at = now; // the clock was set back
        }
        if now < self.changed_at {
            self.changed_at = now;
        }
        let silent_ms = elapsed_ms(self.progress_at, now);
        if self.is_awaiting() && silent_ms >= limits::SILENCE_MS {
            return Err(SessionError::Silent { silent_ms });
        }
        Ok(())
    }

    /// Does what can be done now.
    fn advance(&mut self, now: Millis) -> Result<(), SessionError> {
        if self.phase == Phase::Streaming {
            while let Some(step) = self.push.next() {
                match step {
                    PushStep::Load { boot, after_lsn, bytes_max, entries_max } => {
                        self.outbox.push_back(NodeOutput::LoadLog {
                            boot,
                            after_lsn,
                            bytes_max,
                            entries_max,
                        });
                    }
                    PushStep::Send { runs, raw_bytes } => {
                        let count: usize = runs.iter().map(|run| run.run.entries().len()).sum();
                        let size_bytes = self.send(&Frame::Changes(crate::frame::Changes { runs }))?;
                        self.push.learn(raw_bytes, size_bytes);
                        self.pace.sent(now, size_bytes);
                        self.statistics.changes_sent += count as u64;
                    }
                }
            }
            // Only when the feed has brought what it brings does it show what it does not.
            if self.asides_return.may_load() && self.is_even() {
                self.asides_return.is_loading = true;
                self.outbox.push_back(NodeOutput::LoadAside {
                    after_place: self.asides_return.after_place,
                    bytes_max: limits::BATCH_RAW_BYTES,
                    entries_max: limits::BATCH_ENTRIES_MAX,
                });
            }
            if self.wants_cut() && elapsed_ms(self.changed_at, now) >= self.quiet_ms() {
                self.cutting = Cutting::Loading;
                self.outbox.push_back(NodeOutput::LoadCut);
            }
        }
        let is_awaiting = self.is_awaiting();
        if is_awaiting && !self.was_awaiting {
            self.progress_at = now;
        }
        self.was_awaiting = is_awaiting;
        Ok(())
    }

    fn send_ack(&mut self) -> Result<(), SessionError> {
        let ack = Ack {
            feed_position: self.feed.stored_position(),
            items_n: self.items.stored_head().n,
            asides: self.asides.stored,
            items: self.items.stored_items(),
            ..Ack::default()
        };
        self.send(&Frame::Ack(ack)).map(|_| ())
    }

    fn send(&mut self, frame: &Frame) -> Result<usize, SessionError> {
        let message = frame.encode_after(self.pace.packing(), &mut self.told_context)?;
        let size_bytes = message.bytes.len();
        self.statistics.sent_bytes += size_bytes as u64;
        self.statistics.sent_frames += 1;
        self.has_sent_since_receiving = true;
        self.outbox.push_back(NodeOutput::Send(message));
        Ok(size_bytes)
    }

    fn finish(&mut self, outcome: NodeOutcome) {
        self.phase = Phase::Over;
        self.outbox.push_back(NodeOutput::Finished(outcome));
    }

    const fn changed(&mut self, now: Millis) {
        self.is_changed = true;
        self.changed_at = now;
    }

    /// Nothing unsent or unacknowledged here, and everything known to be there is stored here.
    fn is_drained(&self) -> bool {
        self.is_even() && self.asides_return.is_over()
    }

    /// The same but for what the province lost of others.
    fn is_even(&self) -> bool {
        let is_named = matches!(self.heads, HeadsExchange::NotWanted | HeadsExchange::Done);
        self.phase == Phase::Streaming
            && is_named
            && self.push.is_drained()
            && self.items.is_drained()
            && self.items_return.is_over()
            && self.proofs.is_drained()
            && self.feed.is_drained()
            && self.asides.storing == 0
            && matches!(self.comparing, Comparing::No)
            && self.storing_proof.is_none()
    }

    fn wants_cut(&self) -> bool {
        self.is_changed && matches!(self.cutting, Cutting::Idle) && self.is_drained()
    }

    /// The first proof is asked for at once; later ones when an act is likely complete.
    const fn quiet_ms(&self) -> u64 {
        if self.has_converged { limits::CUT_QUIET_MS } else { 0 }
    }

    /// Whether the province owes something.
    fn is_awaiting(&self) -> bool {
        match self.phase {
            Phase::Opening => true,
            Phase::Streaming => {
                matches!(self.heads, HeadsExchange::Awaiting { .. })
                    || matches!(self.cutting, Cutting::Sent(_))
                    || matches!(self.comparing, Comparing::There(_))
                    || self.push.awaits_ack()
                    || self.items.awaits_more()
                    || !self.items_return.is_acked()
                    || !self.asides_return.is_acked()
                    || self.proofs.awaits_more()
                    || self.feed.awaits_peer()
            }
            Phase::Over => false,
        }
    }
}

impl AsidesReturn {
    const fn is_acked(&self) -> bool {
        self.acked >= self.sent
    }

    const fn may_load(&self) -> bool {
        self.is_due && !self.is_loading && self.is_acked()
    }

    const fn is_over(&self) -> bool {
        !self.is_due && !self.is_loading && self.is_acked()
    }
}

impl ItemsReturn {
    const fn is_acked(&self) -> bool {
        self.acked >= self.sent
    }

    const fn is_over(&self) -> bool {
        self.held.is_none() && !self.is_loading && self.is_acked()
    }
}

fn forked_of(states: &[LogState]) -> Vec<LogAck> {
    let forked = states.iter().filter(|state| state.status == LogStatus::Forked);
    forked.map(|state| LogAck { boot: state.boot, lsn: state.lsn }).collect()
}

pub(super) const fn after(time: Millis, wait_ms: u64) -> Millis {
    Millis(time.0.saturating_add_unsigned(wait_ms))
}

pub(super) fn elapsed_ms(from: Millis, to: Millis) -> u64 {
    u64::try_from(to.0.saturating_sub(from.0)).unwrap_or(0)
}
