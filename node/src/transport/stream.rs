//! Frames over one QUIC stream, and the bridge between the network's tasks and a thread of the caller.
//!
//! A frame is its length (4 bytes, little-endian) and that many bytes. Sessions run on a thread of their own,
//! because they touch SQLite and Automerge: the thread holds a [`Link`], sends without touching the network
//! and sleeps in [`Link::receive`] until a frame, a wake-up from elsewhere in the program, or the end comes.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use quinn::ReadError;
use quinn::ReadExactError;
use quinn::WriteError;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::CloseCode;
use super::Ended;
use super::Peer;
use super::endpoint::Connection;
use super::endpoint::HandshakeFigures;
use crate::shutdown::Stop;

/// Largest frame that is sent or taken, in bytes. A batch of changes is cut to fit well below.
pub const FRAME_BYTES_MAX: u32 = 4 * 1024 * 1024;

/// Why a frame did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// A frame of ours is larger than the bound: our bug, nothing was sent.
    #[error("frame of {size_bytes} bytes is larger than the bound")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
    },
    /// The other side announced a frame above the bound, or stopped in the middle of one.
    #[error("peer broke the framing")]
    Broken,
    /// The connection has ended.
    #[error("the line has ended: {0:?}")]
    Ended(Ended),
}

/// The sending half of a stream.
#[derive(Debug)]
pub struct FrameSender {
    stream: quinn::SendStream,
}

impl FrameSender {
    pub(super) fn new(stream: quinn::SendStream) -> Self {
        Self { stream }
    }

    /// Hands a frame to the connection; waits while the window is full. A dropped call may leave half a frame
    /// on the stream, which is then good for nothing.
    ///
    /// # Errors
    /// See [`StreamError`].
    pub async fn send(&mut self, frame: Vec<u8>) -> Result<(), StreamError> {
        let size_bytes = frame.len();
        let length = u32::try_from(size_bytes)
            .ok()
            .filter(|length| *length <= FRAME_BYTES_MAX)
            .ok_or(StreamError::TooLarge { size_bytes })?;
        // Together, so that the length does not travel in a datagram of its own.
        let mut chunks = [length.to_le_bytes().to_vec().into(), frame.into()];
        self.stream.write_all_chunks(&mut chunks).await.map_err(|error| write_fault(&error))
    }

    /// Says that no frame will follow, and waits until the other side has everything.
    ///
    /// # Errors
    /// The connection ended before.
    pub async fn finish(mut self) -> Result<(), StreamError> {
        self.stream.finish().map_err(|_| StreamError::Ended(Ended::Lost))?;
        match self.stream.stopped().await {
            Ok(_) => Ok(()),
            Err(quinn::StoppedError::ConnectionLost(error)) => Err(StreamError::Ended(Ended::of(&error))),
            Err(quinn::StoppedError::ZeroRttRejected) => Err(StreamError::Ended(Ended::Lost)),
        }
    }
}

fn write_fault(error: &WriteError) -> StreamError {
    match error {
        WriteError::ConnectionLost(error) => StreamError::Ended(Ended::of(error)),
        WriteError::Stopped(_) | WriteError::ClosedStream => StreamError::Ended(Ended::Done),
        WriteError::ZeroRttRejected => StreamError::Ended(Ended::Lost),
    }
}

/// The receiving half of a stream.
#[derive(Debug)]
pub struct FrameReceiver {
    stream: quinn::RecvStream,
}

impl FrameReceiver {
    pub(super) fn new(stream: quinn::RecvStream) -> Self {
        Self { stream }
    }

    /// Waits for the next frame of at most [`FRAME_BYTES_MAX`]; `None` when the other side has finished. A
    /// dropped call may lose half a frame.
    ///
    /// # Errors
    /// See [`StreamError`]; the stream is good for nothing afterwards.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StreamError> {
        self.next_within(FRAME_BYTES_MAX).await
    }

    /// The same with a lower bound, for exchanges whose frames are known to be small.
    ///
    /// # Errors
    /// The same.
    pub async fn next_within(&mut self, bytes_max: u32) -> Result<Option<Vec<u8>>, StreamError> {
        match self.length(bytes_max).await? {
            Some(length) => self.body(length).await.map(Some),
            None => Ok(None),
        }
    }

    async fn length(&mut self, bytes_max: u32) -> Result<Option<u32>, StreamError> {
        let mut prefix = [0; 4];
        match self.stream.read_exact(&mut prefix).await {
            Ok(()) => {}
            Err(ReadExactError::FinishedEarly(0)) => return Ok(None),
            Err(ReadExactError::FinishedEarly(_)) => return Err(StreamError::Broken),
            Err(ReadExactError::ReadError(error)) => return Err(read_fault(&error)),
        }
        let length = u32::from_le_bytes(prefix);
        if length > bytes_max { Err(StreamError::Broken) } else { Ok(Some(length)) }
    }

    /// Memory grows with what has come, not with what was announced.
    async fn body(&mut self, length: u32) -> Result<Vec<u8>, StreamError> {
        let mut missing = usize::try_from(length).map_err(|_| StreamError::Broken)?;
        let mut frame = Vec::with_capacity(missing.min(FIRST_BYTES));
        while missing > 0 {
            match self.stream.read_chunk(missing, true).await {
                Ok(Some(chunk)) => {
                    missing = missing.saturating_sub(chunk.bytes.len());
                    frame.extend_from_slice(&chunk.bytes);
                }
                Ok(None) => return Err(StreamError::Broken),
                Err(error) => return Err(read_fault(&error)),
            }
        }
        Ok(frame)
    }
}

/// Room taken for a frame before its first byte has come.
const FIRST_BYTES: usize = 16 * 1024;

fn read_fault(error: &ReadError) -> StreamError {
    match error {
        ReadError::ConnectionLost(error) => StreamError::Ended(Ended::of(error)),
        ReadError::Reset(_)
        | ReadError::ClosedStream
        | ReadError::IllegalOrderedRead
        | ReadError::ZeroRttRejected => StreamError::Ended(Ended::Lost),
    }
}

/// Frames that wait to be sent before [`Link::send`] blocks.
const OUTGOING_FRAMES_MAX: usize = 16;
/// Bytes that wait in memory to be received before the line is held back.
const INCOMING_BYTES_MAX: u32 = 2 * FRAME_BYTES_MAX;
/// What a frame counts for at least, so that tiny ones are bounded too.
const INCOMING_BYTES_LEAST: u32 = 64 * 1024;
/// Wake-ups that wait to be received.
pub const WAKES_MAX: usize = 64;
/// Room for every event that the bounds above admit, and for `Room`, `Stopping` and `Closed`.
const EVENTS_MAX: usize = 128 + WAKES_MAX + 8;
/// How long a closing link waits for the other side to have everything.
const FINISH: Duration = Duration::from_secs(10);

/// What a thread hears from its [`Link`].
#[derive(Debug, PartialEq, Eq)]
pub enum Received<T> {
    /// A frame from the other side.
    Frame(Vec<u8>),
    /// Something happened in this program; see [`Waker`].
    Wake(T),
    /// There is room again after [`Link::try_send`] found none.
    Room,
    /// This program is being stopped: end the session soon. Comes once.
    Stopping,
    /// Nothing came in time.
    Quiet,
    /// No frame will come any more. Comes again on every further call.
    Closed(Ended),
}

enum Event<T> {
    Frame(Vec<u8>, u32),
    Wake(T),
    Room,
    Stopping,
    Closed(Ended),
}

/// Why [`Link::try_send`] did not take a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum NotSent {
    /// The queue is full: keep the frame, go on receiving, try again after [`Received::Room`].
    Full(Vec<u8>),
    /// The line has ended; [`Link::receive`] says how.
    Closed,
}

/// The line has ended; [`Link::receive`] says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the line has ended")]
pub struct LinkClosed;

/// A thread's end of one session's line. Dropping it ends the session as [`Link::close`] with
/// [`CloseCode::Done`] does, without waiting.
pub struct Link<T> {
    connection: Connection,
    outgoing: Option<mpsc::Sender<Vec<u8>>>,
    events: std_mpsc::Receiver<Event<T>>,
    waker: Waker<T>,
    shared: Arc<Shared>,
    written: std_mpsc::Receiver<()>,
    ended: Option<Ended>,
}

struct Shared {
    /// Bytes of [`INCOMING_BYTES_MAX`] that are free.
    incoming: Semaphore,
    wants_room: AtomicBool,
    close_code: Mutex<CloseCode>,
}

impl Shared {
    fn close_code(&self) -> CloseCode {
        *self.close_code.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Link<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link(to {}, ended {:?})", self.connection.peer().node, self.ended)
    }
}

/// Wakes the thread that waits on a [`Link`], from any other thread or task.
pub struct Waker<T> {
    events: std_mpsc::SyncSender<Event<T>>,
    free: Arc<Semaphore>,
}

impl<T> Clone for Waker<T> {
    fn clone(&self) -> Self {
        Self { events: self.events.clone(), free: Arc::clone(&self.free) }
    }
}

impl<T> fmt::Debug for Waker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Waker({} free)", self.free.available_permits())
    }
}

/// Why a wake-up was not delivered.
#[derive(Debug, PartialEq, Eq)]
pub enum NotWoken<T> {
    /// [`WAKES_MAX`] wake-ups wait unread, so the thread will wake anyway.
    Full(T),
    /// The link is gone.
    Gone(T),
}

impl<T> Waker<T> {
    /// Hands `what` to the thread as [`Received::Wake`]. Never blocks.
    ///
    /// # Errors
    /// See [`NotWoken`]. For a wake-up that only says "look again" both are harmless.
    pub fn wake(&self, what: T) -> Result<(), NotWoken<T>> {
        match self.free.try_acquire() {
            Ok(permit) => permit.forget(),
            Err(_) => return Err(NotWoken::Full(what)),
        }
        self.events.try_send(Event::Wake(what)).map_err(|error| match error {
            std_mpsc::TrySendError::Full(Event::Wake(what)) => NotWoken::Full(what),
            std_mpsc::TrySendError::Disconnected(Event::Wake(what)) => NotWoken::Gone(what),
            std_mpsc::TrySendError::Full(_) | std_mpsc::TrySendError::Disconnected(_) => {
                unreachable!("a channel hands back what it was given")
            }
        })
    }
}

/// Joins a stream to a [`Link`] by tasks on `runtime`. `stop` reaches the thread as [`Received::Stopping`].
#[must_use]
pub fn spawn_link<T: Send + 'static>(
    runtime: &Handle,
    connection: Connection,
    sender: FrameSender,
    receiver: FrameReceiver,
    stop: &Stop,
) -> Link<T> {
    let (outgoing, to_send) = mpsc::channel(OUTGOING_FRAMES_MAX);
    let (event_sender, events) = std_mpsc::sync_channel(EVENTS_MAX);
    let (written_sender, written) = std_mpsc::sync_channel(1);
    let permits = usize::try_from(INCOMING_BYTES_MAX).unwrap_or(usize::MAX);
    let shared = Arc::new(Shared {
        incoming: Semaphore::new(permits.min(Semaphore::MAX_PERMITS)),
        wants_room: AtomicBool::new(false),
        close_code: Mutex::new(CloseCode::Done),
    });
    runtime.spawn(read_all(receiver, connection.clone(), Arc::clone(&shared), event_sender.clone()));
    runtime.spawn(write_all(
        sender,
        connection.clone(),
        to_send,
        Arc::clone(&shared),
        event_sender.clone(),
        written_sender,
    ));
    runtime.spawn(tell_of_stop(stop.clone(), connection.clone(), event_sender.clone()));
    let waker = Waker { events: event_sender, free: Arc::new(Semaphore::new(WAKES_MAX)) };
    Link { connection, outgoing: Some(outgoing), events, waker, shared, written, ended: None }
}

async fn read_all<T>(
    mut receiver: FrameReceiver,
    connection: Connection,
    shared: Arc<Shared>,
    events: std_mpsc::SyncSender<Event<T>>,
) {
    let fault = loop {
        let length = match receiver.length(FRAME_BYTES_MAX).await {
            Ok(Some(length)) => length,
            Ok(None) => break None,
            Err(fault) => break Some(fault),
        };
        let charge = length.clamp(INCOMING_BYTES_LEAST, INCOMING_BYTES_MAX);
        // The line is held back here while the thread is busy. The semaphore is never closed.
        match shared.incoming.acquire_many(charge).await {
            Ok(permit) => permit.forget(),
            Err(_) => break Some(StreamError::Broken),
        }
        match receiver.body(length).await {
            Ok(frame) => {
                if events.try_send(Event::Frame(frame, charge)).is_err() {
                    // The link is gone, and nobody listens any more.
                    return;
                }
            }
            Err(fault) => break Some(fault),
        }
    };
    let ended = match fault {
        // A stream ends a moment before its connection, whose close says why. Only silence means that
        // the other side had nothing more to say.
        None => tokio::time::timeout(CLOSE_FOLLOWS, connection.closed()).await.unwrap_or(Ended::Done),
        Some(StreamError::Ended(ended)) => ended,
        Some(StreamError::Broken | StreamError::TooLarge { .. }) => {
            connection.close(CloseCode::Misbehaved);
            Ended::Misbehaved
        }
    };
    // The channel has room for it; a link that is gone does not mind.
    let _ = events.try_send(Event::Closed(ended));
}

/// How long the close of a connection may come after the end of its stream.
const CLOSE_FOLLOWS: Duration = Duration::from_secs(1);

async fn write_all<T>(
    mut sender: FrameSender,
    connection: Connection,
    mut to_send: mpsc::Receiver<Vec<u8>>,
    shared: Arc<Shared>,
    events: std_mpsc::SyncSender<Event<T>>,
    written: std_mpsc::SyncSender<()>,
) {
    while let Some(frame) = to_send.recv().await {
        if shared.wants_room.swap(false, Ordering::AcqRel) {
            let _ = events.try_send(Event::Room);
        }
        match sender.send(frame).await {
            Ok(()) => {}
            // The reader says how the line ended.
            Err(_) => return,
        }
    }
    let _ = tokio::time::timeout(FINISH, sender.finish()).await;
    connection.close_and_tell(shared.close_code()).await;
    let _ = written.try_send(());
}

/// Apart from the writer, which may be held up by a full window.
async fn tell_of_stop<T>(stop: Stop, connection: Connection, events: std_mpsc::SyncSender<Event<T>>) {
    tokio::select! {
        () = stop.requested() => {
            let _ = events.try_send(Event::Stopping);
        }
        _ = connection.closed() => {}
    }
}

impl<T> Link<T> {
    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        self.connection.peer()
    }

    /// Where the other end is now.
    #[must_use]
    pub fn remote_address(&self) -> SocketAddr {
        self.connection.remote_address()
    }

    /// What the connection cost.
    #[must_use]
    pub fn handshake(&self) -> HandshakeFigures {
        self.connection.handshake()
    }

    /// A handle by which others wake this link's thread.
    #[must_use]
    pub fn waker(&self) -> Waker<T> {
        self.waker.clone()
    }

    /// Queues a frame, and blocks while the queue is full: for threads only. Two ends that both do nothing
    /// but send can block each other; use [`Link::try_send`] where much travels both ways.
    ///
    /// # Errors
    /// The line has ended.
    pub fn send(&self, frame: Vec<u8>) -> Result<(), LinkClosed> {
        self.outgoing.as_ref().ok_or(LinkClosed)?.blocking_send(frame).map_err(|_| LinkClosed)
    }

    /// Queues a frame if there is room. Never blocks.
    ///
    /// # Errors
    /// See [`NotSent`].
    pub fn try_send(&self, frame: Vec<u8>) -> Result<(), NotSent> {
        let outgoing = self.outgoing.as_ref().ok_or(NotSent::Closed)?;
        let frame = match outgoing.try_send(frame) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(NotSent::Closed),
            Err(TrySendError::Full(frame)) => frame,
        };
        self.shared.wants_room.store(true, Ordering::Release);
        // Once more: the queue may have emptied before the wish was seen.
        match outgoing.try_send(frame) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(NotSent::Closed),
            Err(TrySendError::Full(frame)) => Err(NotSent::Full(frame)),
        }
    }

    /// Sleeps until something comes, at most `wait_ms`: for threads only.
    pub fn receive(&mut self, wait_ms: u64) -> Received<T> {
        if let Some(ended) = self.ended {
            return Received::Closed(ended);
        }
        match self.events.recv_timeout(Duration::from_millis(wait_ms)) {
            Ok(Event::Frame(frame, charge)) => {
                self.shared.incoming.add_permits(usize::try_from(charge).unwrap_or(0));
                Received::Frame(frame)
            }
            Ok(Event::Wake(what)) => {
                self.waker.free.add_permits(1);
                Received::Wake(what)
            }
            Ok(Event::Room) => Received::Room,
            Ok(Event::Stopping) => Received::Stopping,
            Ok(Event::Closed(ended)) => {
                self.ended = Some(ended);
                Received::Closed(ended)
            }
            Err(std_mpsc::RecvTimeoutError::Timeout) => Received::Quiet,
            // Cannot be: this link holds a sender in its waker. Said all the same.
            Err(std_mpsc::RecvTimeoutError::Disconnected) => Received::Closed(Ended::Lost),
        }
    }

    /// Ends the session: what was queued still goes out, then the other side is told `code`. Blocks until it
    /// has everything, at most `wait_ms`; answers whether it has.
    pub fn close(mut self, code: CloseCode, wait_ms: u64) -> bool {
        *self.shared.close_code.lock().unwrap_or_else(PoisonError::into_inner) = code;
        self.outgoing = None;
        self.written.recv_timeout(Duration::from_millis(wait_ms)).is_ok()
    }

    /// Ends the connection at once, whatever is queued.
    pub fn cut(self, code: CloseCode) {
        self.connection.close(code);
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::Arrival;
    use super::super::endpoint::Listening;
    use super::super::world;
    use super::*;
    use crate::identity::Role;

    /// Two connected machines: the commune's end and the province's.
    async fn pair() -> (Listening, Connection, Connection) {
        let province = world::Province::new(1);
        let mut listening = province.listen();
        let commune = province.machine(Role::Commune, "H27.101", 10);
        let address = listening.local_addr().to_string();
        let ours = province.dialer(&commune).dial(&[address], 5_000).await.unwrap();
        let Some(Arrival::Session(theirs)) = listening.accept().await else { panic!("no session") };
        (listening, ours, theirs)
    }

    /// The two ends of one session for two threads. The first frame has already crossed.
    async fn links(stop: &Stop) -> (Listening, Link<u32>, Link<u32>) {
        let (listening, ours, theirs) = pair().await;
        let (mut sender, receiver) = ours.open_stream().await.unwrap();
        sender.send(b"hello".to_vec()).await.unwrap();
        let (their_sender, their_receiver) = theirs.accept_stream().await.unwrap();
        let runtime = Handle::current();
        let mine = spawn_link(&runtime, ours, sender, receiver, stop);
        let mut other = spawn_link(&runtime, theirs, their_sender, their_receiver, &Stop::new(0));
        let other = tokio::task::spawn_blocking(move || {
            assert_eq!(other.receive(5_000), Received::Frame(b"hello".to_vec()));
            other
        });
        (listening, mine, other.await.unwrap())
    }

    async fn on_a_thread<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
        tokio::task::spawn_blocking(work).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn frames_of_any_size_cross_both_ways_between_threads() {
        let (_listening, mine, mut other) = links(&Stop::new(0)).await;
        let bound = usize::try_from(FRAME_BYTES_MAX).unwrap();
        let sizes = [0, 1, 1_199, 1_200, 65_536, 1_000_000, bound];
        let sending = on_a_thread(move || {
            for size in sizes {
                mine.send(vec![7; size]).unwrap();
            }
            mine
        });
        let answering = on_a_thread(move || {
            for size in sizes {
                let Received::Frame(frame) = other.receive(20_000) else { panic!("no frame of {size}") };
                assert!(frame.len() == size && frame.iter().all(|byte| *byte == 7));
                other.send(size.to_le_bytes().to_vec()).unwrap();
            }
            assert!(other.close(CloseCode::Done, 5_000));
        });
        let mut mine = sending.await;
        answering.await;
        on_a_thread(move || {
            for size in sizes {
                assert_eq!(mine.receive(5_000), Received::Frame(size.to_le_bytes().to_vec()));
            }
            assert_eq!(mine.receive(5_000), Received::Closed(Ended::Done));
            assert_eq!(mine.receive(5_000), Received::Closed(Ended::Done));
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_queued_arrives_before_the_reason_for_closing() {
        let (_listening, mine, mut other) = links(&Stop::new(0)).await;
        on_a_thread(move || {
            for number in 0..OUTGOING_FRAMES_MAX {
                mine.send(vec![u8::try_from(number).unwrap(); 10_000]).unwrap();
            }
            assert!(mine.close(CloseCode::Stopping, 10_000));
        })
        .await;
        on_a_thread(move || {
            for number in 0..OUTGOING_FRAMES_MAX {
                let expected = vec![u8::try_from(number).unwrap(); 10_000];
                assert_eq!(other.receive(5_000), Received::Frame(expected));
            }
            assert_eq!(other.receive(5_000), Received::Closed(Ended::Stopping));
            assert_eq!(other.send(vec![1]), Ok(()), "a queue that nobody empties any more still takes");
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_frame_above_the_bound_is_neither_sent_nor_taken() {
        let (_listening, ours, theirs) = pair().await;
        let (mut sender, _receiver) = ours.open_stream().await.unwrap();
        let size_bytes = usize::try_from(FRAME_BYTES_MAX).unwrap() + 1;
        assert_eq!(sender.send(vec![0; size_bytes]).await, Err(StreamError::TooLarge { size_bytes }));
        sender.stream.write_all(&(FRAME_BYTES_MAX + 1).to_le_bytes()).await.unwrap();
        let (their_sender, their_receiver) = theirs.accept_stream().await.unwrap();
        let mut link: Link<()> =
            spawn_link(&Handle::current(), theirs, their_sender, their_receiver, &Stop::new(0));
        let received = on_a_thread(move || link.receive(5_000)).await;
        assert_eq!(received, Received::Closed(Ended::Misbehaved));
        assert_eq!(ours.closed().await, Ended::Misbehaved);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn half_a_frame_is_no_frame() {
        for sent in [&[5, 0][..], &[5, 0, 0, 0], &[5, 0, 0, 0, 1, 2, 3, 4]] {
            let (_listening, ours, theirs) = pair().await;
            let (mut sender, _receiver) = ours.open_stream().await.unwrap();
            sender.stream.write_all(sent).await.unwrap();
            let (_their_sender, mut their_receiver) = theirs.accept_stream().await.unwrap();
            sender.finish().await.unwrap();
            assert_eq!(their_receiver.next().await, Err(StreamError::Broken), "{sent:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_exchange_of_small_frames_takes_no_large_one() {
        let (_listening, ours, theirs) = pair().await;
        let (mut sender, _receiver) = ours.open_stream().await.unwrap();
        sender.send(vec![1; 8]).await.unwrap();
        sender.send(vec![2; 9]).await.unwrap();
        let (_their_sender, mut their_receiver) = theirs.accept_stream().await.unwrap();
        assert_eq!(their_receiver.next_within(8).await, Ok(Some(vec![1; 8])));
        assert_eq!(their_receiver.next_within(8).await, Err(StreamError::Broken));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_busy_receiver_holds_the_sender_back_and_then_lets_it_go_on() {
        let (_listening, mut mine, mut other) = links(&Stop::new(0)).await;
        let (queued, mine) = on_a_thread(move || {
            // Far more than every bound on the way together, were there none.
            for queued in 0_u32..1_000 {
                let mut frame = vec![1; 256 * 1024];
                loop {
                    match mine.try_send(frame) {
                        Ok(()) => break,
                        Err(NotSent::Full(back)) => frame = back,
                        Err(NotSent::Closed) => panic!("closed"),
                    }
                    let received = mine.receive(300);
                    if received == Received::Quiet {
                        return (queued, mine);
                    }
                    assert_eq!(received, Received::Room);
                }
            }
            panic!("nothing held the sender back");
        })
        .await;
        println!("{queued} frames of 256 kB on the way");
        assert!(queued < 100);
        on_a_thread(move || {
            for number in 0..queued {
                assert!(matches!(other.receive(5_000), Received::Frame(_)), "{number}");
            }
        })
        .await;
        let mut mine = mine;
        assert_eq!(on_a_thread(move || mine.receive(5_000)).await, Received::Room);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_sleeping_thread_is_woken_by_others_and_by_stopping() {
        let stop = Stop::new(0);
        let (_listening, mut mine, _other) = links(&stop).await;
        let waker = mine.waker();
        let sleeping = tokio::task::spawn_blocking(move || (mine.receive(60_000), mine));
        waker.wake(42).unwrap();
        let (woken, mut mine) = sleeping.await.unwrap();
        assert_eq!(woken, Received::Wake(42));

        for number in 0..WAKES_MAX {
            waker.clone().wake(u32::try_from(number).unwrap()).unwrap();
        }
        assert_eq!(waker.wake(99), Err(NotWoken::Full(99)));
        stop.request(world::clock().as_ref());
        let mut mine = on_a_thread(move || {
            for number in 0..WAKES_MAX {
                assert_eq!(mine.receive(5_000), Received::Wake(u32::try_from(number).unwrap()));
            }
            assert_eq!(mine.receive(5_000), Received::Stopping);
            mine
        })
        .await;
        waker.wake(7).unwrap();
        assert_eq!(mine.receive(0), Received::Wake(7));
        assert_eq!(mine.receive(0), Received::Quiet);
        drop(mine);
        assert_eq!(waker.wake(8), Err(NotWoken::Gone(8)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_cut_reaches_the_other_side_with_its_reason() {
        let (_listening, mine, mut other) = links(&Stop::new(0)).await;
        mine.cut(CloseCode::Banned);
        let received = on_a_thread(move || other.receive(5_000)).await;
        assert_eq!(received, Received::Closed(Ended::ByPeer(super::super::Unwanted::Banned)));
    }
}
