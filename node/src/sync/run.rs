//! Runs one session on a thread of its own: frames and wake-ups in, the driver's messages out.
//!
//! The thread may block on the store; the network's runtime never does.

use std::collections::VecDeque;

use sync_protocol::entry::Lsn;
use sync_protocol::frame::Message;
use sync_protocol::ids::BootId;
use sync_protocol::session::NodeSession;
use sync_protocol::session::ProvinceSession;
use sync_protocol::session::SessionError;
use sync_protocol::session::node::NodeInput;
use sync_protocol::session::node::NodeOutcome;
use sync_protocol::session::province::ProvinceInput;
use sync_protocol::session::province::ProvinceOutcome;
use sync_protocol::time::Millis;

use crate::clock::Clock;
use crate::sync::driver::DriveError;
use crate::sync::driver::NodeStep;
use crate::sync::driver::NodeStore;
use crate::sync::driver::ProvinceStep;
use crate::sync::driver::ProvinceStore;
use crate::sync::driver::step_node;
use crate::sync::driver::step_province;
use crate::transport::Ended;
use crate::transport::stream::Link;
use crate::transport::stream::NotSent;
use crate::transport::stream::Received;

/// Longest sleep without looking at the session again.
const LOOK_AGAIN_MS: u64 = 60_000;

/// What wakes a node's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeWake {
    /// This machine committed own entries.
    Appended(BootId, Lsn),
    /// Somebody wants the session to end now.
    Leave,
}

/// What wakes a province's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvinceWake {
    /// The seat's feed has grown to this position.
    Grown(u64),
    /// Provincial items have been added up to this number.
    ItemsGrown(u64),
}

/// Why a session's thread ended without an outcome.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E: std::error::Error + 'static> {
    /// The line ended first. What was stored stays stored.
    #[error("the line ended: {0:?}")]
    Line(Ended),
    /// The session or the store failed.
    #[error(transparent)]
    Drive(#[from] DriveError<E>),
}

impl<E: std::error::Error + 'static> RunError<E> {
    /// Whether dialling again, with nothing changed by a person, can help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Line(ended) => ended.is_retryable(),
            Self::Drive(DriveError::Session(error)) => SessionError::is_retryable(error),
            Self::Drive(DriveError::Store(_)) => true,
        }
    }
}

/// Messages that wait for room on the line. The session bounds them: it keeps few batches in flight.
#[derive(Debug, Default)]
struct Outbox(VecDeque<Vec<u8>>);

impl Outbox {
    fn take<T>(&mut self, link: &Link<T>, messages: &mut Vec<Message>) {
        self.0.extend(messages.drain(..).map(|message| message.bytes));
        self.send(link);
    }

    fn send<T>(&mut self, link: &Link<T>) {
        while let Some(bytes) = self.0.pop_front() {
            match link.try_send(bytes) {
                Ok(()) => {}
                Err(NotSent::Full(bytes)) => {
                    self.0.push_front(bytes);
                    return;
                }
                // What was not sent is sent in the next session.
                Err(NotSent::Closed) => self.0.clear(),
            }
        }
    }
}

/// How long to sleep until the session wants to be looked at, on the wall clock the session is given.
fn sleep_ms(clock: &dyn Clock, wake_at: Option<Millis>) -> u64 {
    wake_at.map_or(LOOK_AGAIN_MS, |at| {
        u64::try_from(at.0.saturating_sub(clock.wall().0)).unwrap_or(0).min(LOOK_AGAIN_MS)
    })
}

/// Runs a node's session until it has an outcome, or until `until_ms` on the monotonic clock. `converged` is called
/// after each stored proof.
///
/// # Errors
/// [`RunError`]; nothing is lost, dial again if it is retryable.
pub fn run_node<S: NodeStore>(
    link: &mut Link<NodeWake>,
    session: &mut NodeSession,
    store: &mut S,
    clock: &dyn Clock,
    until_ms: Option<u64>,
    converged: &mut dyn FnMut(),
) -> Result<NodeOutcome, RunError<S::Error>> {
    let mut outbox = Outbox::default();
    let mut step = NodeStep::default();
    let mut input = NodeInput::Tick;
    loop {
        let stepped = step_node(session, store, clock.wall(), input, &mut step);
        outbox.take(link, &mut step.messages);
        if std::mem::take(&mut step.has_converged) {
            converged();
        }
        if let Some(outcome) = step.outcome.take() {
            return Ok(outcome);
        }
        stepped?;
        input = loop {
            let left_ms = until_ms.map_or(LOOK_AGAIN_MS, |until| until.saturating_sub(clock.monotonic_ms()));
            if left_ms == 0 {
                break NodeInput::Close;
            }
            match link.receive(sleep_ms(clock, session.wake_at()).min(left_ms)) {
                Received::Frame(bytes) => break NodeInput::Message(bytes),
                Received::Wake(NodeWake::Appended(boot, lsn)) => break NodeInput::Appended { boot, lsn },
                Received::Wake(NodeWake::Leave) | Received::Stopping => break NodeInput::Close,
                Received::Room => outbox.send(link),
                Received::Quiet => break NodeInput::Tick,
                Received::Closed(ended) => {
                    let mut last = NodeStep::default();
                    step_node(session, store, clock.wall(), NodeInput::Close, &mut last)?;
                    return match last.outcome {
                        Some(outcome @ NodeOutcome::Refused { .. }) => Ok(outcome),
                        Some(NodeOutcome::Converged | NodeOutcome::Partial) | None => {
                            Err(RunError::Line(ended))
                        }
                    };
                }
            }
        };
    }
}

/// Runs a province's session until it has an outcome.
///
/// # Errors
/// [`RunError`]; nothing is lost, the node dials again.
pub fn run_province<S: ProvinceStore>(
    link: &mut Link<ProvinceWake>,
    session: &mut ProvinceSession,
    store: &mut S,
    clock: &dyn Clock,
) -> Result<ProvinceOutcome, RunError<S::Error>> {
    let mut outbox = Outbox::default();
    let mut step = ProvinceStep::default();
    let mut input = ProvinceInput::Tick;
    loop {
        let stepped = step_province(session, store, clock.wall(), input, &mut step);
        outbox.take(link, &mut step.messages);
        if let Some(outcome) = step.outcome.take() {
            return Ok(outcome);
        }
        stepped?;
        input = loop {
            match link.receive(sleep_ms(clock, session.wake_at())) {
                Received::Frame(bytes) => break ProvinceInput::Message(bytes),
                Received::Wake(ProvinceWake::Grown(feed_position)) => {
                    break ProvinceInput::Grown { feed_position };
                }
                Received::Wake(ProvinceWake::ItemsGrown(n)) => break ProvinceInput::ItemsGrown { n },
                Received::Stopping => break ProvinceInput::Close,
                Received::Room => outbox.send(link),
                Received::Quiet => break ProvinceInput::Tick,
                Received::Closed(ended) => {
                    let mut last = ProvinceStep::default();
                    step_province(session, store, clock.wall(), ProvinceInput::Close, &mut last)?;
                    return last.outcome.ok_or(RunError::Line(ended));
                }
            }
        };
    }
}
