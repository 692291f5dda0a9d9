//! UDP sockets and QUIC connections: listening at the province, dialling from a commune.
//!
//! The settings are those measured on thin links (idle 180 s, no MTU discovery, small first window, late
//! reordering thresholds); each says why beside it.

use std::io;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use quinn::VarInt;
use quinn::congestion::CubicConfig;
use quinn::crypto::rustls::HandshakeData;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::NoServerSessionStorage;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;

use super::CloseCode;
use super::Ended;
use super::Peer;
use super::Unwanted;
use super::stream::FrameReceiver;
use super::stream::FrameSender;
pub use super::verify::IsAllowed;
use super::verify::Verifier;
use crate::clock::Clock;
use crate::identity::CaPublicKey;
use crate::identity::MachineIdentity;
use crate::identity::Role;
use crate::refusal::Refusal;

/// Names the session protocol and its version.
const ALPN_SESSION: &[u8] = b"motcua/1";
/// Names the first meeting and its version.
const ALPN_ENROL: &[u8] = b"motcua-enrol/1";

/// A connection that was silent for so long is given up. The default of 30 s dies in every outage; after this
/// one the caller dials anew and resumes.
pub const IDLE_MS: u32 = 180_000;
/// How often an idle side says something, so that address translators keep the mapping.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A third of the first probe time-out rather than the round trip: below 333 ms handshakes on slow links stall.
const INITIAL_RTT: Duration = Duration::from_millis(400);
/// Fits every path; discovery would cost half of a no-op's bytes.
const MTU_BYTES: u16 = 1_200;
/// First window: about a second of a 96 kbit/s link.
const INITIAL_WINDOW_BYTES: u64 = 12_000;
/// Streams the other side may have open at once. A session uses one.
const STREAMS_MAX: VarInt = VarInt::from_u32(4);
/// Connections at one server: every node of a large province (260) four times over.
const CONNECTIONS_MAX: usize = 1_024;
/// Handshakes in progress at one server; the rest are told to come back.
const HANDSHAKES_MAX: usize = 512;
/// A handshake at 64 kbit/s and 10 % loss may take 22 s.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// Finished handshakes that wait for [`Listening::accept`].
const ARRIVALS_MAX: usize = 64;
/// Addresses that one host name may stand for.
const RESOLVED_MAX: usize = 4;
/// Ways to the province that one dial tries.
pub const ADDRESSES_MAX: usize = 8;

/// The security set-up was refused by the TLS library: our bug, or an identity file that was tampered with.
#[derive(Debug, thiserror::Error)]
#[error("secure connections cannot be set up")]
pub struct SetUpError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl SetUpError {
    pub(super) fn new(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program uses the port; choose another one or stop that program.
    #[error("port {} is taken", address.port())]
    PortTaken {
        /// What was asked for.
        address: SocketAddr,
    },
    /// The operating system does not give this address: a permission, or not this machine's.
    #[error("cannot listen on {address}")]
    Address {
        /// What was asked for.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Our bug.
    #[error(transparent)]
    SetUp(#[from] SetUpError),
}

impl ListenError {
    /// The same as a refusal of what a person asked for.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::PortTaken { address } => Refusal::new("listen-port-taken").with("address", address),
            Self::Address { address, source } => {
                Refusal::new("listen-address").with("address", address).with("why", source)
            }
            Self::SetUp(_) => Refusal::new("line-set-up"),
        }
    }
}

/// Why nobody was reached.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// No address is known: enrolment or the configuration must name one.
    #[error("no address to dial")]
    NoAddress,
    /// Nobody answered at any address. Nothing is lost; dial again later.
    #[error("nobody answered at {}", attempts.iter().map(|attempt| attempt.address.as_str()).collect::<Vec<_>>().join(", "))]
    Unreachable {
        /// What was tried, in order.
        attempts: Vec<Attempt>,
    },
    /// Somebody answered there, who is not of our province.
    #[error("{address} is not of our province")]
    NotOurProvince {
        /// Where.
        address: String,
    },
    /// The other side did not want us.
    #[error("{address} refused this machine: {why:?}")]
    Refused {
        /// Where.
        address: String,
        /// Its reason.
        why: Unwanted,
    },
    /// Somebody of our province answered whom we do not want: not the provincial server, or banned.
    #[error("{address} is not the provincial server: {why:?}")]
    Unfit {
        /// Where.
        address: String,
        /// Our reason.
        why: Unwanted,
    },
}

impl DialError {
    /// Whether dialling again, with nothing changed by a person, can help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { why, .. } => why.is_retryable(),
            Self::NoAddress | Self::NotOurProvince { .. } | Self::Unfit { .. } => false,
        }
    }

    /// The same as a refusal of what a person asked for.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::NoAddress => Refusal::new("line-no-address"),
            Self::Unreachable { attempts } => {
                let tried: Vec<&str> = attempts.iter().map(|attempt| attempt.address.as_str()).collect();
                Refusal::new("line-unreachable").with("addresses", tried.join(", "))
            }
            Self::NotOurProvince { address } => {
                Refusal::new("line-not-our-province").with("address", address)
            }
            Self::Refused { address, why } => Refusal::new(why.code()).with("address", address),
            Self::Unfit { address, .. } => Refusal::new("line-peer-unfit").with("address", address),
        }
    }
}

/// One address that did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// As it was given.
    pub address: String,
    /// What happened.
    pub fault: AttemptFault,
}

/// What happened at an address that did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptFault {
    /// The host name has no address, or no name server answered.
    Unresolved,
    /// This machine has no way there (no interface, no socket).
    NoWay,
    /// Nothing came back in time, or the connection broke at once.
    Silent,
}

/// What setting up a connection cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeFigures {
    /// UDP payload bytes both ways until the connection could carry our first frame.
    pub bytes: u64,
    /// Round trips until then: QUIC with TLS 1.3 takes one (this server never asks for a second by Retry).
    pub round_trips: u32,
}

/// Round trips of a full handshake.
const HANDSHAKE_ROUND_TRIPS: u32 = 1;

/// An open connection to a machine that proved who it is.
#[derive(Clone, Debug)]
pub struct Connection {
    quinn: quinn::Connection,
    peer: Peer,
    handshake: HandshakeFigures,
}

impl Connection {
    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Where the other end is now; it may move.
    #[must_use]
    pub fn remote_address(&self) -> SocketAddr {
        self.quinn.remote_address()
    }

    /// What the connection cost.
    #[must_use]
    pub fn handshake(&self) -> HandshakeFigures {
        self.handshake
    }

    /// Opens a stream. The other side learns of it with the first frame.
    ///
    /// # Errors
    /// How the connection ended.
    pub async fn open_stream(&self) -> Result<(FrameSender, FrameReceiver), Ended> {
        let (send, receive) = self.quinn.open_bi().await.map_err(|error| Ended::of(&error))?;
        Ok((FrameSender::new(send), FrameReceiver::new(receive)))
    }

    /// Waits for the other side to open a stream and send its first frame.
    ///
    /// # Errors
    /// How the connection ended.
    pub async fn accept_stream(&self) -> Result<(FrameSender, FrameReceiver), Ended> {
        let (send, receive) = self.quinn.accept_bi().await.map_err(|error| Ended::of(&error))?;
        Ok((FrameSender::new(send), FrameReceiver::new(receive)))
    }

    /// Closes at once; what was not sent yet is lost. An extra call does no harm.
    pub fn close(&self, code: CloseCode) {
        self.quinn.close(code.number(), b"");
    }

    /// Closes, and waits until the other side has been told (one datagram, which may get lost).
    pub(super) async fn close_and_tell(&self, code: CloseCode) {
        close_and_tell(&self.quinn, code).await;
    }

    /// Waits until the connection has ended, and says how.
    pub async fn closed(&self) -> Ended {
        Ended::of(&self.quinn.closed().await)
    }
}

async fn close_and_tell(connection: &quinn::Connection, code: CloseCode) {
    let sent_before = connection.stats().udp_tx.datagrams;
    connection.close(code.number(), b"");
    // quinn gives no sign that the last datagram has left; it leaves with the driver's next turn.
    for _ in 0..FAREWELL_TURNS {
        if connection.stats().udp_tx.datagrams > sent_before {
            break;
        }
        tokio::time::sleep(FAREWELL_TURN).await;
    }
}

/// How long [`close_and_tell`] waits at most: turns, and the length of one.
const FAREWELL_TURNS: u32 = 50;
const FAREWELL_TURN: Duration = Duration::from_millis(2);

/// A machine that came to enrol: it has shown no certificate and may do nothing else.
#[derive(Debug)]
pub struct Stranger {
    quinn: quinn::Connection,
}

impl Stranger {
    /// Where it is.
    #[must_use]
    pub fn remote_address(&self) -> SocketAddr {
        self.quinn.remote_address()
    }

    pub(super) async fn accept_stream(&self) -> Result<(FrameSender, FrameReceiver), Ended> {
        let (send, receive) = self.quinn.accept_bi().await.map_err(|error| Ended::of(&error))?;
        Ok((FrameSender::new(send), FrameReceiver::new(receive)))
    }

    pub(super) async fn close_and_tell(&self, code: CloseCode) {
        close_and_tell(&self.quinn, code).await;
    }
}

/// Who has come to a listening server.
#[derive(Debug)]
pub enum Arrival {
    /// A machine of this province, for a session.
    Session(Connection),
    /// A machine without a certificate, for enrolment.
    Enrolment(Stranger),
    /// Somebody who was turned away or turned away, for the log.
    TurnedAway {
        /// From where.
        address: SocketAddr,
        /// Who did not want whom, and why.
        ended: Ended,
    },
}

/// A server's open port.
#[derive(Debug)]
pub struct Listening {
    endpoint: quinn::Endpoint,
    local_addr: SocketAddr,
    arrivals: mpsc::Receiver<Arrival>,
}

/// Opens the province's port. Handshakes run on `runtime`; a slow one holds up nobody else.
///
/// # Errors
/// See [`ListenError`]; nothing is left open.
pub fn listen(
    runtime: &Handle,
    address: SocketAddr,
    identity: &MachineIdentity,
    is_allowed: IsAllowed,
    clock: Arc<dyn Clock>,
) -> Result<Listening, ListenError> {
    let verifier = verifier(*identity.ca(), Role::Commune, is_allowed);
    let config = server_config(identity, &verifier)?;
    let socket = UdpSocket::bind(address).map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            ListenError::PortTaken { address }
        } else {
            ListenError::Address { address, source }
        }
    })?;
    let _entered = runtime.enter();
    let tokio = Arc::new(quinn::TokioRuntime);
    let endpoint = quinn::Endpoint::new(quinn::EndpointConfig::default(), Some(config), socket, tokio)
        .map_err(|source| ListenError::Address { address, source })?;
    let local_addr = endpoint.local_addr().map_err(|source| ListenError::Address { address, source })?;
    let (sender, arrivals) = mpsc::channel(ARRIVALS_MAX);
    runtime.spawn(receive_all(endpoint.clone(), verifier, clock, sender));
    Ok(Listening { endpoint, local_addr, arrivals })
}

impl Listening {
    /// The address that others can dial; the port is real when 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Waits for the next one to come; `None` once the port is closed. Can be dropped and called again.
    pub async fn accept(&mut self) -> Option<Arrival> {
        self.arrivals.recv().await
    }

    /// Tells everyone that this server is being stopped and waits, at most `wait_ms`, until they know.
    pub async fn close(self, wait_ms: u64) {
        self.endpoint.close(CloseCode::Stopping.number(), b"");
        // Running out of time is no fault: the others notice by their idle time-out.
        let _ = tokio::time::timeout(Duration::from_millis(wait_ms), self.endpoint.wait_idle()).await;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.endpoint.close(CloseCode::Stopping.number(), b"");
    }
}

async fn receive_all(
    endpoint: quinn::Endpoint,
    verifier: Verifier,
    clock: Arc<dyn Clock>,
    arrivals: mpsc::Sender<Arrival>,
) {
    let slots = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    while let Some(incoming) = endpoint.accept().await {
        let slot = Arc::clone(&slots).try_acquire_owned();
        let Ok(slot) = slot
            .map_err(drop)
            .and_then(|slot| if endpoint.open_connections() < CONNECTIONS_MAX { Ok(slot) } else { Err(()) })
        else {
            incoming.refuse();
            continue;
        };
        let (verifier, clock, arrivals) = (verifier.clone(), Arc::clone(&clock), arrivals.clone());
        tokio::spawn(async move {
            let address = incoming.remote_address();
            let shaken = tokio::time::timeout(HANDSHAKE, shake(incoming, &verifier, clock.as_ref())).await;
            let arrival = match shaken {
                Ok(Ok(arrival)) => arrival,
                Ok(Err(ended)) => Arrival::TurnedAway { address, ended },
                Err(_) => Arrival::TurnedAway { address, ended: Ended::Lost },
            };
            drop(slot);
            // Nobody listens any more when the server is being stopped.
            let _ = arrivals.send(arrival).await;
        });
    }
}

async fn shake(incoming: quinn::Incoming, verifier: &Verifier, clock: &dyn Clock) -> Result<Arrival, Ended> {
    let quinn = incoming.await.map_err(|error| Ended::of(&error))?;
    match protocol_of(&quinn).as_deref() {
        Some(ALPN_ENROL) => Ok(Arrival::Enrolment(Stranger { quinn })),
        Some(_) | None => match known(&quinn, verifier, clock) {
            Ok(connection) => Ok(Arrival::Session(connection)),
            Err(why) => {
                close_and_tell(&quinn, CloseCode::NoCertificate).await;
                Err(Ended::ByUs(why))
            }
        },
    }
}

fn protocol_of(connection: &quinn::Connection) -> Option<Vec<u8>> {
    connection.handshake_data()?.downcast::<HandshakeData>().ok()?.protocol
}

/// The connection with what its certificate says.
fn known(quinn: &quinn::Connection, verifier: &Verifier, clock: &dyn Clock) -> Result<Connection, Unwanted> {
    let shown = quinn
        .peer_identity()
        .and_then(|shown| shown.downcast::<Vec<CertificateDer<'static>>>().ok())
        .and_then(|chain| chain.into_iter().next())
        .ok_or(Unwanted::NoCertificate)?;
    let certified = verifier.check(&shown)?;
    let is_expired = certified.validity.is_outside(clock.wall());
    let stats = quinn.stats();
    let handshake = HandshakeFigures {
        bytes: stats.udp_tx.bytes.saturating_add(stats.udp_rx.bytes),
        round_trips: HANDSHAKE_ROUND_TRIPS,
    };
    Ok(Connection {
        quinn: quinn.clone(),
        peer: Peer::new(certified, is_expired, shown.as_ref().to_vec()),
        handshake,
    })
}

/// What a commune dials with. Made once per process and identity.
#[derive(Clone, Debug)]
pub struct Dialer {
    config: quinn::ClientConfig,
    verifier: Verifier,
    clock: Arc<dyn Clock>,
}

impl Dialer {
    /// Dials the provincial server for sessions, as `identity`.
    ///
    /// # Errors
    /// Our bug, or an identity that was tampered with.
    pub fn new(
        identity: &MachineIdentity,
        is_allowed: IsAllowed,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetUpError> {
        Self::with(*identity.ca(), Some(identity), is_allowed, clock)
    }

    /// Dials the server of the province of `ca` for enrolment, as nobody.
    ///
    /// # Errors
    /// Our bug.
    pub fn for_enrolment(ca: CaPublicKey, clock: Arc<dyn Clock>) -> Result<Self, SetUpError> {
        Self::with(ca, None, Arc::new(|_| true), clock)
    }

    fn with(
        ca: CaPublicKey,
        identity: Option<&MachineIdentity>,
        is_allowed: IsAllowed,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetUpError> {
        let verifier = verifier(ca, Role::Province, is_allowed);
        let config = client_config(identity, &verifier)?;
        Ok(Self { config, verifier, clock })
    }

    /// Dials `addresses` (`HOST:PORT`) in their order until the provincial server answers. Each resolved
    /// address gets `timeout_ms`; looking up a name gets the same again. Every attempt uses a new local port,
    /// so a path that an address translator has spoilt is not used twice. Dropping the future gives up.
    ///
    /// A server that does not want this machine may say so only after this has returned: then the connection
    /// ends with [`Ended::ByPeer`].
    ///
    /// # Errors
    /// See [`DialError`]; an address where somebody answered wrongly weighs more than silent ones.
    pub async fn dial(&self, addresses: &[String], timeout_ms: u64) -> Result<Connection, DialError> {
        let timeout = Duration::from_millis(timeout_ms);
        let mut attempts = Vec::new();
        let mut answered_wrongly = None;
        for address in addresses.iter().take(ADDRESSES_MAX) {
            let resolved = match tokio::time::timeout(timeout, tokio::net::lookup_host(address)).await {
                Ok(Ok(resolved)) => resolved.take(RESOLVED_MAX).collect(),
                Ok(Err(_)) | Err(_) => Vec::new(),
            };
            if resolved.is_empty() {
                attempts.push(Attempt { address: address.clone(), fault: AttemptFault::Unresolved });
            }
            for remote in resolved {
                let silent = |fault| Attempt { address: address.clone(), fault };
                match tokio::time::timeout(timeout, self.connect(remote)).await {
                    Ok(Ok(connection)) => return Ok(connection),
                    Ok(Err(None)) => attempts.push(silent(AttemptFault::NoWay)),
                    Ok(Err(Some(ended))) => match wrong_answer(address, ended) {
                        Some(error) => answered_wrongly = answered_wrongly.or(Some(error)),
                        None => attempts.push(silent(AttemptFault::Silent)),
                    },
                    Err(_) => attempts.push(silent(AttemptFault::Silent)),
                }
            }
        }
        Err(match answered_wrongly {
            Some(error) => error,
            None if attempts.is_empty() => DialError::NoAddress,
            None => DialError::Unreachable { attempts },
        })
    }

    /// One attempt at one address; `Err(None)` when this machine has no way there.
    async fn connect(&self, remote: SocketAddr) -> Result<Connection, Option<Ended>> {
        let local: SocketAddr = match remote {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let endpoint = quinn::Endpoint::client(local).map_err(|_| None)?;
        let connecting = endpoint.connect_with(self.config.clone(), remote, SERVER_NAME).map_err(|_| None)?;
        let quinn = connecting.await.map_err(|error| Some(Ended::of(&error)))?;
        known(&quinn, &self.verifier, self.clock.as_ref()).map_err(|why| Some(Ended::ByUs(why)))
    }
}

/// TLS wants a name; it is neither sent nor looked at.
const SERVER_NAME: &str = "motcua";

/// What an end during the handshake means for the person who dialled; `None` when it means nothing more than
/// silence.
fn wrong_answer(address: &str, ended: Ended) -> Option<DialError> {
    let address = address.to_owned();
    match ended {
        Ended::ByUs(Unwanted::OtherProvince) => Some(DialError::NotOurProvince { address }),
        Ended::ByUs(why) => Some(DialError::Unfit { address, why }),
        Ended::ByPeer(why) => Some(DialError::Refused { address, why }),
        Ended::Misbehaved => Some(DialError::Unfit { address, why: Unwanted::Unexplained }),
        Ended::Done | Ended::Stopping | Ended::Lost => None,
    }
}

fn verifier(ca: CaPublicKey, wanted: Role, is_allowed: IsAllowed) -> Verifier {
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    Verifier::new(ca, wanted, is_allowed, algorithms)
}

fn server_config(identity: &MachineIdentity, verifier: &Verifier) -> Result<quinn::ServerConfig, SetUpError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (chain, key) = chain_and_key(identity);
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(SetUpError::new)?
        .with_client_cert_verifier(Arc::new(verifier.clone()))
        .with_single_cert(chain, key)
        .map_err(SetUpError::new)?;
    tls.alpn_protocols = vec![ALPN_SESSION.to_vec(), ALPN_ENROL.to_vec()];
    // A resumed handshake would skip the verifier and with it the ban; tickets would cost bytes.
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    tls.send_tls13_tickets = 0;
    let crypto = QuicServerConfig::try_from(tls).map_err(SetUpError::new)?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport_config()));
    config.max_incoming(HANDSHAKES_MAX);
    Ok(config)
}

fn client_config(
    identity: Option<&MachineIdentity>,
    verifier: &Verifier,
) -> Result<quinn::ClientConfig, SetUpError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(SetUpError::new)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier.clone()));
    let mut tls = match identity {
        Some(identity) => {
            let (chain, key) = chain_and_key(identity);
            builder.with_client_auth_cert(chain, key).map_err(SetUpError::new)?
        }
        None => builder.with_no_client_auth(),
    };
    let protocol = if identity.is_some() { ALPN_SESSION } else { ALPN_ENROL };
    tls.alpn_protocols = vec![protocol.to_vec()];
    tls.resumption = Resumption::disabled();
    tls.enable_sni = false;
    let crypto = QuicClientConfig::try_from(tls).map_err(SetUpError::new)?;
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport_config()));
    Ok(config)
}

fn chain_and_key(identity: &MachineIdentity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = vec![CertificateDer::from(identity.certificate().to_vec())];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.keys().tls_pkcs8()));
    (chain, key)
}

fn transport_config() -> quinn::TransportConfig {
    let mut cubic = CubicConfig::default();
    cubic.initial_window(INITIAL_WINDOW_BYTES);
    let mut config = quinn::TransportConfig::default();
    config
        .max_idle_timeout(Some(VarInt::from_u32(IDLE_MS).into()))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .initial_rtt(INITIAL_RTT)
        .initial_mtu(MTU_BYTES)
        .mtu_discovery_config(None)
        // Radio links reorder: these two keep late packets from being taken for lost ones.
        .packet_threshold(6)
        .time_threshold(1.25)
        .congestion_controller_factory(Arc::new(cubic))
        .max_concurrent_bidi_streams(STREAMS_MAX)
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None);
    config
}

#[cfg(test)]
mod tests {
    use super::super::world;
    use super::*;
    use crate::identity::Validity;
    use sync_protocol::time::Millis;

    fn everyone() -> IsAllowed {
        Arc::new(|_| true)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_machines_know_each_other_by_their_certificates() {
        let province = world::Province::new(1);
        let mut listening = province.listen();
        let commune = province.machine(Role::Commune, "H27.101", 10);
        let dialed = province.dialer(&commune).dial(&[listening.local_addr().to_string()], 5_000).await;
        let dialed = dialed.unwrap();
        let arrival = listening.accept().await.unwrap();
        let Arrival::Session(arrived) = arrival else { panic!("{arrival:?}") };
        assert_eq!(arrived.peer().node, commune.node());
        assert_eq!(arrived.peer().seat.as_str(), "H27.101");
        assert_eq!(arrived.peer().keys, commune.keys().public());
        assert_eq!((arrived.peer().role, arrived.peer().is_expired), (Role::Commune, false));
        assert_eq!(dialed.peer().node, province.server.node());
        assert_eq!((dialed.peer().role, dialed.peer().is_expired), (Role::Province, false));
        let figures = dialed.handshake();
        println!("handshake {figures:?}");
        assert_eq!(figures.round_trips, 1);
        assert!((2_400..6_000).contains(&figures.bytes), "a cold connection costs at most 6 kB: {figures:?}");
        dialed.close_and_tell(CloseCode::Done).await;
        assert_eq!(arrived.closed().await, Ended::Done);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_of_another_province_is_not_talked_to() {
        let (ours, theirs) = (world::Province::new(1), world::Province::new(2));
        let mut listening = theirs.listen();
        let commune = ours.machine(Role::Commune, "H27.101", 10);
        let address = listening.local_addr().to_string();
        let error = ours.dialer(&commune).dial(std::slice::from_ref(&address), 5_000).await.unwrap_err();
        assert!(matches!(&error, DialError::NotOurProvince { address: at } if *at == address), "{error:?}");
        assert!(!error.is_retryable());
        let arrival = listening.accept().await.unwrap();
        assert!(
            matches!(arrival, Arrival::TurnedAway { ended: Ended::ByPeer(Unwanted::OtherProvince), .. }),
            "{arrival:?}"
        );
    }

    /// How both sides see it when the province at `server` is called by `identity`, which itself is content.
    async fn called_by(
        province: &world::Province,
        identity: Option<&MachineIdentity>,
        is_allowed: IsAllowed,
        protocol: Option<&[u8]>,
    ) -> (Ended, Ended) {
        let mut listening =
            listen(&Handle::current(), world::LOOPBACK, &province.server, is_allowed, world::clock())
                .unwrap();
        let verifier = verifier(province.authority.public_key(), Role::Province, everyone());
        let mut config = client_config(identity, &verifier).unwrap();
        if let Some(protocol) = protocol {
            let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(
                rustls::crypto::ring::default_provider(),
            ))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier.clone()))
            .with_no_client_auth();
            tls.alpn_protocols = vec![protocol.to_vec()];
            config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        }
        let dialer = Dialer { config, verifier, clock: world::clock() };
        let dialed = match dialer.connect(listening.local_addr()).await {
            Ok(connection) => connection.closed().await,
            Err(ended) => ended.unwrap(),
        };
        let arrival = listening.accept().await.unwrap();
        let Arrival::TurnedAway { ended, .. } = arrival else { panic!("{arrival:?}") };
        (dialed, ended)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_machine_that_is_not_wanted_learns_why() {
        let (ours, theirs) = (world::Province::new(1), world::Province::new(2));
        let stranger = theirs.machine(Role::Commune, "H27.101", 10);
        let twin = ours.machine(Role::Province, "H27", 11);
        let banned = ours.machine(Role::Commune, "H27.102", 12);
        let banned_node = banned.node();
        let bans: IsAllowed = Arc::new(move |node| node != banned_node);
        for (identity, protocol, why) in [
            (Some(&stranger), None, Unwanted::OtherProvince),
            (Some(&twin), None, Unwanted::WrongRole),
            (Some(&banned), None, Unwanted::Banned),
            (None, Some(ALPN_SESSION), Unwanted::NoCertificate),
        ] {
            let seen = called_by(&ours, identity, Arc::clone(&bans), protocol).await;
            assert_eq!(seen, (Ended::ByPeer(why), Ended::ByUs(why)));
        }
        let (dialed, _) = called_by(&ours, None, bans, Some(b"motcua/99")).await;
        assert_eq!(dialed, Ended::ByPeer(Unwanted::OtherVersion));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_commune_or_a_banned_server_is_not_taken_for_the_province() {
        let province = world::Province::new(1);
        let commune = province.machine(Role::Commune, "H27.101", 10);
        let listening = province.listen();
        let right = listening.local_addr().to_string();
        let server = province.server.node();
        let bans: IsAllowed = Arc::new(move |node| node != server);
        let banning = Dialer::new(&commune, bans, world::clock()).unwrap();
        let error = banning.dial(std::slice::from_ref(&right), 5_000).await.unwrap_err();
        assert!(matches!(error, DialError::Unfit { why: Unwanted::Banned, .. }), "{error:?}");

        let impostor = province.machine(Role::Commune, "H27.103", 13);
        let elsewhere =
            listen(&Handle::current(), world::LOOPBACK, &impostor, everyone(), world::clock()).unwrap();
        let wrong = elsewhere.local_addr().to_string();
        let dialer = province.dialer(&commune);
        let error = dialer.dial(std::slice::from_ref(&wrong), 5_000).await.unwrap_err();
        assert!(matches!(error, DialError::Unfit { why: Unwanted::WrongRole, .. }), "{error:?}");
        assert!(
            dialer.dial(&[wrong, right], 5_000).await.is_ok(),
            "a wrong answer does not hide a right one"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_machine_with_a_dead_clock_or_an_old_certificate_still_connects() {
        let province = world::Province::new(1);
        let mut listening = province.listen();
        let old = Validity::days(Millis(world::NOW.0 - 400 * 86_400_000), 398);
        let commune = province.machine_with(Role::Commune, "H27.101", 10, old);
        let dialer = Dialer::new(&commune, everyone(), world::clock_at(Millis(0))).unwrap();
        let dialed = dialer.dial(&[listening.local_addr().to_string()], 5_000).await.unwrap();
        assert!(dialed.peer().is_expired, "seen from 1970");
        let arrival = listening.accept().await.unwrap();
        let Arrival::Session(arrived) = arrival else { panic!("{arrival:?}") };
        assert!(arrived.peer().is_expired);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_port_that_is_taken_says_so() {
        let province = world::Province::new(1);
        let first = province.listen();
        let again =
            listen(&Handle::current(), first.local_addr(), &province.server, everyone(), world::clock());
        assert!(matches!(again, Err(ListenError::PortTaken { address }) if address == first.local_addr()));
        let elsewhere = "192.0.2.1:0".parse().unwrap();
        let foreign = listen(&Handle::current(), elsewhere, &province.server, everyone(), world::clock());
        assert!(matches!(foreign, Err(ListenError::Address { .. })));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_there_is_unreachable_and_the_next_address_is_tried() {
        let province = world::Province::new(1);
        let commune = province.machine(Role::Commune, "H27.101", 10);
        let dialer = province.dialer(&commune);
        assert!(matches!(dialer.dial(&[], 10).await, Err(DialError::NoAddress)));
        // A socket that nobody reads: packets go in and nothing comes back.
        let silent = UdpSocket::bind(world::LOOPBACK).unwrap();
        let silent = silent.local_addr().unwrap().to_string();
        let error = dialer.dial(&[silent.clone(), "no such name".to_owned()], 50).await.unwrap_err();
        let DialError::Unreachable { attempts } = &error else { panic!("{error:?}") };
        assert_eq!(
            attempts.iter().map(|attempt| attempt.fault).collect::<Vec<_>>(),
            [AttemptFault::Silent, AttemptFault::Unresolved]
        );
        assert!(error.is_retryable());

        let listening = province.listen();
        let right = format!("localhost:{}", listening.local_addr().port());
        assert!(dialer.dial(&[silent, right], 1_500).await.is_ok());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stopping_server_says_so() {
        let province = world::Province::new(1);
        let mut listening = province.listen();
        let commune = province.machine(Role::Commune, "H27.101", 10);
        let dialed = province.dialer(&commune).dial(&[listening.local_addr().to_string()], 5_000).await;
        // The caller is through before the server is; one that leaves in between is merely lost.
        let Some(Arrival::Session(_held)) = listening.accept().await else { panic!("no session") };
        listening.close(1_000).await;
        assert_eq!(dialed.unwrap().closed().await, Ended::Stopping);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn both_ends_use_ipv6_as_well() {
        let province = world::Province::new(1);
        let commune = province.machine(Role::Commune, "H27.101", 10);
        let loopback = "[::1]:0".parse().unwrap();
        match listen(&Handle::current(), loopback, &province.server, everyone(), world::clock()) {
            Ok(listening) => {
                let address = listening.local_addr().to_string();
                assert!(province.dialer(&commune).dial(&[address], 5_000).await.is_ok());
            }
            // A machine without IPv6 cannot prove it.
            Err(error) => assert!(matches!(error, ListenError::Address { .. }), "{error:?}"),
        }
    }
}
