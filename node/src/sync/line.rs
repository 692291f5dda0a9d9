//! A commune's line to the province: one thread that dials, runs a live session while there is a line, and answers
//! whoever wants a session now.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use sync_protocol::codec::DecodeError;
use sync_protocol::dictionary;
use sync_protocol::frame::ByeCode;
use sync_protocol::ids::PublicKey;
use sync_protocol::session::NodeSession;
use sync_protocol::session::SessionError;
use sync_protocol::session::node::NodeOptions;
use sync_protocol::session::node::NodeOutcome;
use sync_protocol::session::node::NodeStatistics;
use sync_protocol::time::Millis;
use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::clock::rfc3339;
use crate::identity::MachineIdentity;
use crate::refusal::Refusal;
use crate::shutdown::Stop;
use crate::store::Random;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::Subscription;
use crate::store::proofs::StoredProof;
use crate::sync::driver::DriveError;
use crate::sync::node_store::NodeSide;
use crate::sync::province_keys::keep_province_keys;
use crate::sync::run::NodeWake;
use crate::sync::run::RunError;
use crate::sync::run::run_node;
use crate::sync::schedule::Schedule;
use crate::transport::CloseCode;
use crate::transport::Ended;
use crate::transport::Unwanted;
use crate::transport::endpoint::Connection;
use crate::transport::endpoint::DialError;
use crate::transport::endpoint::Dialer;
use crate::transport::endpoint::HandshakeFigures;
use crate::transport::stream::Link;
use crate::transport::stream::Waker;
use crate::transport::stream::spawn_link;

/// Where the province's addresses are kept in the store: a JSON list of `HOST:PORT`.
pub const ADDRESSES_KEY: &str = "province-addresses";
/// Standing condition of a commune's machine: the province has shut it out.
pub const MACHINE_BANNED: &str = "machine-banned";
/// Standing condition of a commune's machine: the province keeps so much of it undecided that it takes no more.
pub const PROVINCE_FULL: &str = "province-full";
/// Longest wait for one address to answer.
const DIAL_MS: u64 = 10_000;
/// Longest wait until the province knows that a session is over.
const CLOSE_MS: u64 = 5_000;
/// How soon a live session is asked again to leave.
const ASK_AGAIN_MS: u64 = 200;
/// Sessions in a row at most to fetch the other history of a forked log, before the ordinary waits apply.
const FORK_SESSIONS_MAX: u32 = 3;
/// How often all entries are compared with the province: 30 days.
const SCRUB_EVERY_MS: u64 = 30 * 24 * 3_600_000;
/// Longest time that is given to it.
const SCRUB_MS: u64 = 600_000;
/// When they were, in milliseconds since 1970, big-endian.
const SCRUBBED_KEY: &str = "scrubbed-at";
/// Rest between two sessions, so that a province that leaves at once is not called without pause.
const REST_MS: u64 = 1_000;

/// Why a session could not be had, or ended early. Nothing is lost in any case.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody was reached, or who answered is not the province.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The line ended during the session.
    #[error("the line ended: {0:?}")]
    Line(Ended),
    /// The session ended with an error of one side.
    #[error("the session failed")]
    Session(#[source] RunError<StoreError>),
    /// This machine's store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The province said that it does not serve this machine.
    #[error("the province refused: {0:?}")]
    Refused(ByeCode),
}

impl CallError {
    /// The same as a refusal of what a person asked for.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Dial(error) => error.refusal(),
            Self::Line(ended) => Refusal::new(ended.code()),
            Self::Session(_) => Refusal::new("sync-failed"),
            Self::Store(error) => Refusal::new("sync-store").with("why", error.code()),
            Self::Refused(code) => Refusal::new(bye_code(*code)),
        }
    }

    /// Whether the province says that this machine is banned.
    const fn is_ban(&self) -> bool {
        matches!(
            self,
            Self::Dial(DialError::Refused { why: Unwanted::Banned, .. })
                | Self::Line(Ended::ByPeer(Unwanted::Banned))
                | Self::Refused(ByeCode::Banned)
        )
    }

    /// Whether the two sides remembered different things of the session: the next one must do without.
    const fn is_without_context(&self) -> bool {
        matches!(
            self,
            Self::Refused(ByeCode::NoContext)
                | Self::Session(RunError::Drive(DriveError::Session(SessionError::Decode(
                    DecodeError::NoContext
                ))))
        )
    }

    /// Whether the other side was reached and said no, so that a person must act.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Dial(error) => !error.is_retryable(),
            Self::Refused(code) => !code.is_retryable(),
            Self::Line(ended) => !ended.is_retryable(),
            Self::Session(_) | Self::Store(_) => false,
        }
    }
}

const fn bye_code(code: ByeCode) -> &'static str {
    match code {
        ByeCode::Version => "sync-bye-version",
        ByeCode::WrongProvince => "sync-bye-wrong-province",
        ByeCode::UnknownMachine => "sync-bye-unknown-machine",
        ByeCode::Banned => "sync-bye-banned",
        ByeCode::NotMySeat => "sync-bye-not-my-seat",
        ByeCode::Busy => "sync-bye-busy",
        ByeCode::Full => "sync-bye-full",
        ByeCode::Difference => "sync-bye-difference",
        ByeCode::Protocol | ByeCode::Other(_) => "sync-bye-protocol",
        ByeCode::Shutdown | ByeCode::NoContext => "sync-bye-shutdown",
    }
}

/// What one session did.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub outcome: NodeOutcome,
    /// What it moved.
    pub statistics: NodeStatistics,
    /// What the connection cost.
    pub handshake: HandshakeFigures,
    /// The newest proof here.
    pub proof: Option<StoredProof>,
}

impl Report {
    /// Whether both sides held the same at its end.
    #[must_use]
    pub const fn has_converged(&self) -> bool {
        matches!(self.outcome, NodeOutcome::Converged)
    }

    /// Why both sides did not end with the same.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self.outcome {
            NodeOutcome::Refused { code, .. } => Refusal::new(bye_code(code)),
            NodeOutcome::Converged | NodeOutcome::Partial => Refusal::new("sync-partial"),
        }
    }

    /// As the contract's `sync now` gives it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let outcome = match self.outcome {
            NodeOutcome::Converged => "converged",
            NodeOutcome::Partial => "partial",
            NodeOutcome::Refused { .. } => "refused",
        };
        json!({
            "outcome": outcome,
            "sent_bytes": self.statistics.sent_bytes,
            "received_bytes": self.statistics.received_bytes,
            "round_trips": self.statistics.round_trips,
            "handshake_bytes": self.handshake.bytes,
            "handshake_round_trips": self.handshake.round_trips,
            "changes_sent": self.statistics.changes_sent,
            "changes_received": self.statistics.changes_received,
            "compared": self.statistics.is_compared,
            "quarantined": self.proof.as_ref().map_or(0, |proof| proof.quarantined),
            "proof": self.proof.as_ref().map(proof_json),
        })
    }
}

/// A proof as the contract's outputs give it.
#[must_use]
pub fn proof_json(proof: &StoredProof) -> Value {
    json!({
        "number": proof.number,
        "at": rfc3339(proof.at),
        "position": proof.position,
        "digest": sync_protocol::ids::Hash(proof.digest.0).to_string(),
        "applied": proof.applied,
        "waiting": proof.waiting,
        "quarantined": proof.quarantined,
        "refused": proof.refused,
    })
}

/// Everything that calls the province from this machine.
pub struct Caller {
    store: Arc<Store>,
    identity: Arc<MachineIdentity>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    runtime: Handle,
    dialer: Dialer,
    stop: Stop,
    side: NodeSide,
    /// Told of every time the province signed.
    heard: Arc<dyn Fn(Millis) + Send + Sync>,
    waker: Arc<Mutex<Option<Waker<NodeWake>>>>,
    /// The same while the session is a live one, which leaves when somebody wants a session now.
    live_waker: Mutex<Option<Waker<NodeWake>>>,
    /// How many bytes a second the line took, as the last session saw it.
    line_rate: Mutex<Option<u64>>,
    /// Whether every batch must be readable by itself: once the two sides did not have the same context.
    is_plain: AtomicBool,
    _subscription: Subscription,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller").field("node", &self.identity.node()).finish_non_exhaustive()
    }
}

impl Caller {
    /// A caller over an open store.
    ///
    /// # Errors
    /// The identity does not fit the TLS library.
    pub fn new(
        store: Arc<Store>,
        identity: Arc<MachineIdentity>,
        random: Arc<dyn Random>,
        runtime: Handle,
        stop: Stop,
        heard: Arc<dyn Fn(Millis) + Send + Sync>,
    ) -> Result<Self, crate::transport::endpoint::SetUpError> {
        let clock = Arc::clone(store.clock());
        let dialer = Dialer::new(&identity, Arc::new(|_| true), Arc::clone(&clock))?;
        let side = NodeSide::new(Arc::clone(&store), Arc::clone(&identity));
        let waker: Arc<Mutex<Option<Waker<NodeWake>>>> = Arc::default();
        let subscription = store.subscribe({
            let waker = Arc::clone(&waker);
            move |growth| {
                if let Some((boot, lsn)) = growth.own
                    && let Some(waker) = waker.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
                {
                    // A full queue wakes the session anyway, and the cut makes good what was not said.
                    let _said_or_awake = waker.wake(NodeWake::Appended(boot, lsn));
                }
            }
        });
        Ok(Self {
            store,
            identity,
            clock,
            random,
            runtime,
            dialer,
            stop,
            side,
            heard,
            waker,
            live_waker: Mutex::new(None),
            line_rate: Mutex::default(),
            is_plain: AtomicBool::new(false),
            _subscription: subscription,
        })
    }

    fn connect(&self, wait_ms: u64) -> Result<Connection, CallError> {
        let addresses: Vec<String> = self
            .store
            .read(|view| view.meta(ADDRESSES_KEY))?
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let timeout_ms = DIAL_MS.min(wait_ms.max(1));
        self.runtime.block_on(async {
            tokio::select! {
                dialled = self.dialer.dial(&addresses, timeout_ms) => dialled.map_err(CallError::Dial),
                () = self.stop.requested() => Err(CallError::Line(Ended::Stopping)),
            }
        })
    }

    /// One session now: dial, reconcile, finish with a proof. Takes at most about `wait_ms`. With `is_scrub` all entries
    /// are compared, though the heads may be equal.
    ///
    /// # Errors
    /// [`CallError`]; nothing is lost.
    pub fn once(&self, wait_ms: u64, is_scrub: bool) -> Result<Report, CallError> {
        let until_ms = self.clock.monotonic_ms().saturating_add(wait_ms);
        let mut count = 1;
        loop {
            let left_ms = until_ms.saturating_sub(self.clock.monotonic_ms());
            let options = NodeOptions { is_live: false, is_scrub };
            let report = self.call(left_ms, options, Some(until_ms), &mut || {})?;
            if is_scrub && report.has_converged() {
                self.scrubbed()?;
            }
            if report.has_converged() || count >= FORK_SESSIONS_MAX || !self.has_open_fork()? {
                return Ok(report);
            }
            count += 1;
        }
    }

    /// Whether the other history of a log of this machine must be fetched, so that its own can be written again.
    fn has_open_fork(&self) -> Result<bool, StoreError> {
        self.store.read(|view| view.has_open_fork())
    }

    /// Whether it is a month since all entries were compared. A clock that was wrong makes it sooner or later, no more.
    fn is_scrub_due(&self) -> Result<bool, StoreError> {
        let last = self.store.read(|view| view.meta(SCRUBBED_KEY))?;
        let last = last.and_then(|bytes| Some(i64::from_be_bytes(bytes.as_slice().try_into().ok()?)));
        match last {
            Some(last) => Ok(self.clock.wall().0.abs_diff(last) > SCRUB_EVERY_MS),
            None => self.scrubbed().map(|()| false),
        }
    }

    fn scrubbed(&self) -> Result<(), StoreError> {
        let now = self.clock.wall().0.to_be_bytes();
        self.store.write(move |tx| tx.put_meta(SCRUBBED_KEY, &now))
    }

    fn call(
        &self,
        wait_ms: u64,
        options: NodeOptions,
        until_ms: Option<u64>,
        converged: &mut dyn FnMut(),
    ) -> Result<Report, CallError> {
        let mut run =
            || self.connect(wait_ms).and_then(|there| self.session(&there, options, until_ms, converged));
        let mut done = run();
        if done.as_ref().is_err_and(CallError::is_without_context) {
            tracing::error!("a mistake of the program: batches are sent without context from now on");
            self.is_plain.store(true, Ordering::Relaxed);
            done = run();
        }
        if matches!(done, Err(CallError::Refused(ByeCode::Full))) {
            self.store.write(|tx| tx.set_condition(PROVINCE_FULL, "", &[]))?;
        }
        if done.as_ref().is_err_and(CallError::is_ban) {
            self.store.write(|tx| tx.set_condition(MACHINE_BANNED, "", &[]))?;
        }
        done
    }

    /// The province serves this machine: it is not banned, and took all there was, whatever was heard before.
    fn forget_refusals(&self) -> Result<(), StoreError> {
        let conditions = self.store.read(|view| view.conditions())?;
        for code in [MACHINE_BANNED, PROVINCE_FULL] {
            if conditions.iter().any(|condition| condition.code == code) {
                self.store.write(move |tx| tx.clear_condition(code, ""))?;
            }
        }
        Ok(())
    }

    /// Asks the live session, where there is one, to leave. Sessions that somebody asked for go on.
    fn end_live_session(&self) {
        if let Some(waker) = self.live_waker.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            let _asked_again_soon = waker.wake(NodeWake::Leave);
        }
    }

    fn session(
        &self,
        connection: &Connection,
        options: NodeOptions,
        until_ms: Option<u64>,
        converged: &mut dyn FnMut(),
    ) -> Result<Report, CallError> {
        let handshake = connection.handshake();
        let province_key = PublicKey(connection.peer().keys.signing);
        keep_province_keys(&self.store, &connection.peer().keys)?;
        let (sender, receiver) = self.runtime.block_on(connection.open_stream()).map_err(CallError::Line)?;
        let mut link: Link<NodeWake> =
            spawn_link(&self.runtime, connection.clone(), sender, receiver, &self.stop);
        let mut number = [0; 8];
        self.random.fill(&mut number)?;
        let mut side = self.side.clone();
        // Before the facts are read, so that no commit falls between them and the news of it.
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(link.waker());
        *self.live_waker.lock().unwrap_or_else(PoisonError::into_inner) =
            options.is_live.then(|| link.waker());
        let facts = side.facts(u64::from_be_bytes(number), province_key)?;
        let dictionary = if self.is_plain.load(Ordering::Relaxed) { 0 } else { dictionary::NEWEST };
        let mut session = NodeSession::with_dictionary(self.clock.wall(), facts, options, dictionary)
            .map_err(|error| CallError::Session(RunError::Drive(DriveError::Session(error))))?;
        session.remember_rate(*self.line_rate.lock().unwrap_or_else(PoisonError::into_inner));
        let mut proved = || {
            if let Ok(Some(proof)) = self.store.read(|view| view.last_proof(self.identity.node())) {
                (self.heard)(proof.at);
            }
            if let Err(error) = self.forget_refusals() {
                tracing::warn!(%error, "a condition that is over could not be ended");
            }
            converged();
        };
        let ran = run_node(&mut link, &mut session, &mut side, self.clock.as_ref(), until_ms, &mut proved);
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.live_waker.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.line_rate.lock().unwrap_or_else(PoisonError::into_inner) = session.line_rate();
        link.close(CloseCode::Done, CLOSE_MS);
        let outcome = match ran {
            Ok(NodeOutcome::Refused { code, .. }) if code != ByeCode::Difference => {
                return Err(CallError::Refused(code));
            }
            Ok(outcome) => outcome,
            Err(RunError::Line(ended)) => return Err(CallError::Line(ended)),
            Err(error) => return Err(CallError::Session(error)),
        };
        let proof = self.store.read(|view| view.last_proof(self.identity.node()))?;
        Ok(Report { outcome, statistics: session.statistics(), handshake, proof })
    }
}

/// How the line stands.
#[derive(Clone, Debug, Default)]
pub struct LineState {
    /// Whether a session is open.
    pub is_online: bool,
    /// Why not, where that is known.
    pub last_fault: Option<Refusal>,
}

type Asked = mpsc::SyncSender<Result<Report, CallError>>;

/// A commune's line, kept up by a thread of its own.
#[derive(Debug)]
pub struct Line {
    caller: Arc<Caller>,
    asks: mpsc::SyncSender<(u64, bool, Asked)>,
    state: Arc<Mutex<LineState>>,
}

impl Line {
    /// Starts the thread. With `is_dialling` false it only answers who asks (`serve --no-sync`).
    ///
    /// # Errors
    /// The operating system gave no thread.
    pub fn start(caller: Arc<Caller>, is_dialling: bool) -> std::io::Result<Self> {
        let (asks, asked) = mpsc::sync_channel(16);
        let state: Arc<Mutex<LineState>> = Arc::default();
        let line = Self { caller: Arc::clone(&caller), asks, state: Arc::clone(&state) };
        std::thread::Builder::new()
            .name("line".to_owned())
            .spawn(move || keep(&caller, &asked, &state, is_dialling))?;
        Ok(line)
    }

    /// How the line stands.
    #[must_use]
    pub fn state(&self) -> LineState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One session now, beside the live one, which is taken up again afterwards.
    ///
    /// # Errors
    /// [`CallError`]; nothing is lost.
    pub fn sync_now(&self, wait_ms: u64, is_scrub: bool) -> Result<Report, CallError> {
        let (reply, answer) = mpsc::sync_channel(1);
        let stopping = || CallError::Line(Ended::Stopping);
        self.asks.send((wait_ms, is_scrub, reply)).map_err(|_| stopping())?;
        loop {
            self.caller.end_live_session();
            match answer.recv_timeout(Duration::from_millis(ASK_AGAIN_MS)) {
                Ok(done) => return done,
                // A live session may have begun just now, or had its queue full: it is asked again.
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(stopping()),
            }
        }
    }
}

fn keep(
    caller: &Caller,
    asked: &mpsc::Receiver<(u64, bool, Asked)>,
    state: &Mutex<LineState>,
    is_dialling: bool,
) {
    let note = |is_online, last_fault| {
        *state.lock().unwrap_or_else(PoisonError::into_inner) = LineState { is_online, last_fault };
    };
    let mut schedule = Schedule::new();
    let mut wait_ms = Schedule::start_wait_ms(jitter(caller));
    let mut fork_sessions = 0;
    while !caller.stop.is_requested() {
        // Short waits, so that stopping is noticed.
        match asked.recv_timeout(Duration::from_millis(wait_ms.min(200))) {
            Ok((longest_ms, is_scrub, reply)) => {
                let done = caller.once(longest_ms, is_scrub);
                note(false, done.as_ref().err().map(CallError::refusal));
                let _nobody_may_wait = reply.send(done);
                schedule.succeeded();
                wait_ms = 0;
                continue;
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
        wait_ms = wait_ms.saturating_sub(200);
        if wait_ms > 0 || !is_dialling {
            wait_ms = wait_ms.max(if is_dialling { 0 } else { 200 });
            continue;
        }
        // Once a month everything is compared; if that does not work out, the office's work goes first.
        if caller.is_scrub_due().unwrap_or(false)
            && let Err(error) = caller.once(SCRUB_MS, true)
        {
            tracing::info!(why = %error, "entries could not be compared with the province");
        }
        let live = caller
            .call(DIAL_MS, NodeOptions { is_live: true, is_scrub: false }, None, &mut || note(true, None));
        match live {
            Ok(report) if report.has_converged() => {
                note(false, None);
                schedule.succeeded();
                fork_sessions = 0;
                wait_ms = REST_MS;
            }
            Ok(_) if fork_sessions < FORK_SESSIONS_MAX && caller.has_open_fork().unwrap_or(false) => {
                fork_sessions += 1;
                wait_ms = REST_MS;
            }
            Ok(report) => {
                note(false, Some(report.refusal()));
                wait_ms = schedule.failed(false, jitter(caller));
            }
            Err(error) => {
                tracing::info!(why = %error, "the line to the province is not up");
                note(false, Some(error.refusal()));
                wait_ms = schedule.failed(error.is_final(), jitter(caller));
            }
        }
    }
}

fn jitter(caller: &Caller) -> u64 {
    let mut random = [0; 8];
    let _a_fixed_jitter_will_do = caller.random.fill(&mut random);
    u64::from_be_bytes(random)
}
