//! The first meeting of a new machine with its province: a one-time code becomes a certificate.
//!
//! The machine has a [`Token`] and keys of its own, nothing else. It calls the province, checks that the
//! province's authority has certified whoever answers, hands over the code and proves its keys; the province
//! answers with a certificate or the reason why not. What a code is worth is decided at the [`EnrolDesk`],
//! which records its use durably before it answers; the same machine with the same code may ask again after a
//! lost answer and gets the same certificate. This room does not know how tokens are stored.

mod token;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use minicbor::Decode;
use minicbor::Encode;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::ProvinceId;
use sync_protocol::time::Millis;

pub use self::token::EnrolCode;
pub use self::token::Token;
pub use self::token::TokenError;
pub use self::token::is_address;
use super::CloseCode;
use super::Ended;
use super::Unwanted;
use super::endpoint::Connection;
use super::endpoint::DialError;
use super::endpoint::Dialer;
use super::endpoint::SetUpError;
use super::endpoint::Stranger;
use super::stream::StreamError;
use crate::clock::Clock;
use crate::identity::CertificateRequest;
use crate::identity::IdentityError;
use crate::identity::MachineIdentity;
use crate::identity::PublicKeys;
use crate::identity::Role;
use crate::identity::SecretKeys;
use crate::identity::to_cbor;
use crate::identity::version_of;
use crate::ids::AgencyCode;
use crate::refusal::Refusal;

/// The newest form of both messages that this program writes and reads.
const VERSION: u8 = 1;
/// Largest request or answer; ours have under 600 bytes.
const MESSAGE_BYTES_MAX: u32 = 16 * 1024;
/// How long either side waits for the other's message, and the desk may take.
const EXCHANGE: Duration = Duration::from_secs(30);
/// Longest name of a province that is believed, in bytes.
const PROVINCE_NAME_BYTES_MAX: usize = 512;

/// Why the province does not enrol a machine. The numbers travel and are never given another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EnrolRefusal {
    /// Another machine has used the code.
    Used,
    /// The code's time is over.
    Expired,
    /// This province never gave out such a code.
    UnknownToken,
    /// The token belongs to another province.
    WrongProvince,
    /// The seat already has an active machine, which this one was not meant to replace.
    SeatTaken,
    /// The seat works on the provincial server's pages and has no machine.
    NotANodeSeat,
    /// The province cannot record it now: try again later.
    Unavailable,
    /// The request cannot be read, or its proof does not hold: our bug, or an attack.
    BadRequest,
    /// One of the two programs is too old.
    Version,
    /// A reason that a newer province has and this program does not know.
    Unknown,
}

impl EnrolRefusal {
    const fn number(self) -> u8 {
        match self {
            Self::Used => 1,
            Self::Expired => 2,
            Self::UnknownToken => 3,
            Self::WrongProvince => 4,
            Self::SeatTaken => 5,
            Self::NotANodeSeat => 6,
            Self::Unavailable => 7,
            Self::BadRequest => 8,
            Self::Version => 9,
            Self::Unknown => u8::MAX,
        }
    }

    pub(super) const fn read(number: u8) -> Self {
        match number {
            1 => Self::Used,
            2 => Self::Expired,
            3 => Self::UnknownToken,
            4 => Self::WrongProvince,
            5 => Self::SeatTaken,
            6 => Self::NotANodeSeat,
            7 => Self::Unavailable,
            8 => Self::BadRequest,
            9 => Self::Version,
            _ => Self::Unknown,
        }
    }

    /// The name of the message for people.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Used => "enrol-used",
            Self::Expired => "enrol-expired",
            Self::UnknownToken => "enrol-unknown-token",
            Self::WrongProvince => "enrol-wrong-province",
            Self::SeatTaken => "enrol-seat-taken",
            Self::NotANodeSeat => "enrol-not-a-node-seat",
            Self::Unavailable => "enrol-unavailable",
            Self::BadRequest => "enrol-bad-request",
            Self::Version => "enrol-version",
            Self::Unknown => "enrol-unknown-reason",
        }
    }
}

/// What a new machine says.
#[derive(Encode, Decode)]
struct EnrolRequest {
    #[n(0)]
    version: u8,
    #[n(1)]
    code: EnrolCode,
    #[n(2)]
    agency: AgencyCode,
    #[n(3)]
    request: CertificateRequest,
}

/// What the province answers: a grant, or the number of a refusal.
#[derive(Encode, Decode)]
struct EnrolAnswer {
    #[n(0)]
    version: u8,
    #[n(1)]
    grant: Option<EnrolGrant>,
    #[n(2)]
    refusal: Option<u8>,
}

/// What a machine gets that is enrolled.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EnrolGrant {
    /// Its certificate in DER.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub certificate: Vec<u8>,
    /// The province's name, for people.
    #[n(1)]
    pub province_name: String,
}

/// A request whose form, province and proof are in order, for the desk to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolAsk {
    /// The hash of the one-time code; see [`EnrolCode::hash`].
    pub code_hash: Hash,
    /// The seat that the machine believes it will work for.
    pub agency: AgencyCode,
    /// The machine.
    pub node: NodeId,
    /// Its public keys.
    pub keys: PublicKeys,
    /// For [`crate::identity::Authority::sign`].
    pub request: CertificateRequest,
}

/// Where the province decides and records. Called on a thread that may block.
pub trait EnrolDesk: Send + Sync + 'static {
    /// Decides about a machine. Before a grant is returned, the use of the code by this machine and the
    /// certificate are on disk; asked again by the same machine with the same code, the same certificate is
    /// returned. [`judge`] has the rule.
    ///
    /// # Errors
    /// Why not; the machine is told.
    fn decide(&self, ask: &EnrolAsk) -> Result<EnrolGrant, EnrolRefusal>;
}

/// What the province knows of a code that it has given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCode {
    /// The seat it was given out for.
    pub seat: AgencyCode,
    /// Until when it may be used for the first time.
    pub expires_at: Millis,
    /// The machine that has used it.
    pub used_by: Option<NodeId>,
    /// Whether the seat is one that has a machine of its own.
    pub is_node_seat: bool,
    /// Whether another machine of the seat is active that this code was not given out to replace.
    pub is_seat_taken: bool,
}

/// What to do about a machine that shows a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Sign a certificate, record it and the code's use, return it.
    Sign,
    /// Return the certificate that was recorded when this machine used the code.
    Repeat,
    /// Do not enrol it.
    Refuse(EnrolRefusal),
}

/// The rule of one-time codes (contract: `enrol new`; domain 2.10a: one active machine per seat).
#[must_use]
pub fn judge(issued: Option<&IssuedCode>, ask: &EnrolAsk, now: Millis) -> Verdict {
    let Some(issued) = issued else { return Verdict::Refuse(EnrolRefusal::UnknownToken) };
    match issued.used_by {
        // Its answer was lost; how long ago does not matter.
        Some(node) if node == ask.node => Verdict::Repeat,
        Some(_) => Verdict::Refuse(EnrolRefusal::Used),
        None if ask.agency != issued.seat => Verdict::Refuse(EnrolRefusal::BadRequest),
        None if now > issued.expires_at => Verdict::Refuse(EnrolRefusal::Expired),
        None if !issued.is_node_seat => Verdict::Refuse(EnrolRefusal::NotANodeSeat),
        None if issued.is_seat_taken => Verdict::Refuse(EnrolRefusal::SeatTaken),
        None => Verdict::Sign,
    }
}

/// The request of a machine without a line, as its file holds it.
#[must_use]
pub fn request_bytes(token: &Token, keys: &SecretKeys) -> Vec<u8> {
    to_cbor(&EnrolRequest {
        version: VERSION,
        code: token.code,
        agency: token.agency.clone(),
        request: keys.request(token.province()),
    })
}

/// Reads a request, from a line or from a file, and checks that its maker holds the keys it names.
///
/// # Errors
/// It is not to be decided about.
pub fn read_request(message: &[u8], province: ProvinceId) -> Result<EnrolAsk, EnrolRefusal> {
    match version_of(message) {
        Some(VERSION) => {}
        Some(found) if found > VERSION => return Err(EnrolRefusal::Version),
        Some(_) | None => return Err(EnrolRefusal::BadRequest),
    }
    let EnrolRequest { version: _, code, agency, request } =
        minicbor::decode(message).map_err(|_| EnrolRefusal::BadRequest)?;
    let agency: AgencyCode = agency.as_str().parse().map_err(|_| EnrolRefusal::BadRequest)?;
    let body = request.open().map_err(|_| EnrolRefusal::BadRequest)?;
    if body.province != province {
        return Err(EnrolRefusal::WrongProvince);
    }
    Ok(EnrolAsk { code_hash: code.hash(), agency, node: body.keys.node(), keys: body.keys, request })
}

/// A grant as its file holds it.
#[must_use]
pub fn grant_bytes(grant: &EnrolGrant) -> Vec<u8> {
    to_cbor(&EnrolAnswer { version: VERSION, grant: Some(grant.clone()), refusal: None })
}

/// Reads a grant from a file; `None` when it is none that this program can use.
#[must_use]
pub fn read_grant(message: &[u8]) -> Option<EnrolGrant> {
    let answer: EnrolAnswer = minicbor::decode(message).ok()?;
    answer
        .grant
        .filter(|grant| answer.version == VERSION && grant.province_name.len() <= PROVINCE_NAME_BYTES_MAX)
}

/// The province's door for new machines.
pub struct EnrolDoor {
    province: ProvinceId,
    desk: Arc<dyn EnrolDesk>,
    clock: Arc<dyn Clock>,
    rate: Mutex<Rate>,
}

impl std::fmt::Debug for EnrolDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EnrolDoor(province {})", self.province)
    }
}

/// One visit at the door, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnrolVisit {
    /// From where.
    pub address: SocketAddr,
    /// The machine, once its request was read and proven.
    pub node: Option<NodeId>,
    /// How it went.
    pub outcome: EnrolOutcome,
}

/// How a visit went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrolOutcome {
    /// It was granted. `is_delivered` tells whether the machine has the answer; if not, it will ask again.
    Granted {
        /// Whether the machine has the answer.
        is_delivered: bool,
    },
    /// It was refused and told why.
    Refused(EnrolRefusal),
    /// Too many came within a minute; it was told to come back.
    TooMany,
    /// It left, or said nothing that could be answered.
    Left(Ended),
}

impl EnrolDoor {
    /// A door for `province` that lets at most `visits_per_minute` machines in.
    #[must_use]
    pub fn new(
        province: ProvinceId,
        desk: Arc<dyn EnrolDesk>,
        visits_per_minute: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { province, desk, clock, rate: Mutex::new(Rate::new(visits_per_minute)) }
    }

    /// Hears one machine out and answers it; ends within about a minute. The desk works on a blocking thread.
    pub async fn answer(&self, stranger: Stranger) -> EnrolVisit {
        let address = stranger.remote_address();
        let now_ms = self.clock.monotonic_ms();
        if !self.rate.lock().unwrap_or_else(PoisonError::into_inner).admit(now_ms) {
            stranger.close_and_tell(CloseCode::Busy).await;
            return EnrolVisit { address, node: None, outcome: EnrolOutcome::TooMany };
        }
        let (node, outcome) = self.converse(&stranger).await;
        EnrolVisit { address, node, outcome }
    }

    async fn converse(&self, stranger: &Stranger) -> (Option<NodeId>, EnrolOutcome) {
        let heard = tokio::time::timeout(EXCHANGE, async {
            let (sender, mut receiver) = stranger.accept_stream().await.map_err(StreamError::Ended)?;
            let message = receiver.next_within(MESSAGE_BYTES_MAX).await?;
            Ok((sender, message.ok_or(StreamError::Broken)?))
        });
        let (mut sender, message) = match heard.await {
            Ok(Ok(heard)) => heard,
            Ok(Err(StreamError::Ended(ended))) => return (None, EnrolOutcome::Left(ended)),
            Ok(Err(StreamError::Broken | StreamError::TooLarge { .. })) => {
                stranger.close_and_tell(CloseCode::Misbehaved).await;
                return (None, EnrolOutcome::Left(Ended::Misbehaved));
            }
            Err(_) => return (None, EnrolOutcome::Left(Ended::Lost)),
        };
        let (node, decision) = match read_request(&message, self.province) {
            Ok(ask) => (Some(ask.node), self.decide(ask).await),
            Err(refusal) => (None, Err(refusal)),
        };
        let answer = EnrolAnswer {
            version: VERSION,
            refusal: decision.as_ref().err().map(|refusal| refusal.number()),
            grant: decision.as_ref().ok().cloned(),
        };
        let told = tokio::time::timeout(EXCHANGE, async {
            sender.send(to_cbor(&answer)).await?;
            sender.finish().await
        });
        let is_delivered = matches!(told.await, Ok(Ok(())));
        stranger.close_and_tell(CloseCode::Done).await;
        match decision {
            Ok(_) => (node, EnrolOutcome::Granted { is_delivered }),
            Err(refusal) => (node, EnrolOutcome::Refused(refusal)),
        }
    }

    async fn decide(&self, ask: EnrolAsk) -> Result<EnrolGrant, EnrolRefusal> {
        let desk = Arc::clone(&self.desk);
        let deciding = tokio::task::spawn_blocking(move || desk.decide(&ask));
        match tokio::time::timeout(EXCHANGE, deciding).await {
            Ok(Ok(decision)) => decision,
            Ok(Err(_)) | Err(_) => Err(EnrolRefusal::Unavailable),
        }
    }
}

/// At most so many visits within any minute.
struct Rate {
    per_minute: usize,
    admitted_ms: VecDeque<u64>,
}

impl Rate {
    fn new(per_minute: usize) -> Self {
        Self { per_minute, admitted_ms: VecDeque::new() }
    }

    fn admit(&mut self, now_ms: u64) -> bool {
        while self.admitted_ms.front().is_some_and(|admitted| now_ms.saturating_sub(*admitted) >= 60_000) {
            self.admitted_ms.pop_front();
        }
        let is_admitted = self.admitted_ms.len() < self.per_minute;
        if is_admitted {
            self.admitted_ms.push_back(now_ms);
        }
        is_admitted
    }
}

/// Why a machine was not enrolled, on its own side.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The province was not reached, or another one was.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The province said no.
    #[error("the province refused: {0:?}")]
    Refused(EnrolRefusal),
    /// The line broke before the answer was here. Do the same again with the same keys.
    #[error("the line ended before the answer came: {0:?}")]
    Cut(Ended),
    /// The answer is not a certificate for these keys, this seat and this province: the province's bug.
    #[error("the province's answer does not fit")]
    Unfit(#[source] Option<IdentityError>),
    /// Our bug.
    #[error(transparent)]
    SetUp(#[from] SetUpError),
}

impl EnrolError {
    /// Whether doing the same again, with nothing changed by a person, can help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Dial(error) => error.is_retryable(),
            Self::Cut(ended) => ended.is_retryable(),
            Self::Refused(EnrolRefusal::Unavailable) => true,
            Self::Refused(_) | Self::Unfit(_) | Self::SetUp(_) => false,
        }
    }

    /// The same as a refusal of what a person asked for.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            // The person holds a token, so the token is what has to be told.
            Self::Dial(DialError::NotOurProvince { address }) => {
                Refusal::of_field(EnrolRefusal::WrongProvince.code(), "token").with("address", address)
            }
            Self::Dial(error) => error.refusal(),
            Self::Refused(refusal) => Refusal::of_field(refusal.code(), "token"),
            Self::Cut(Ended::ByPeer(Unwanted::Busy)) => Refusal::new(Unwanted::Busy.code()),
            Self::Cut(_) => Refusal::new("enrol-cut"),
            Self::Unfit(_) => Refusal::new("enrol-unfit"),
            Self::SetUp(_) => Refusal::new("line-set-up"),
        }
    }
}

/// A machine that is enrolled, not saved yet.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// Who it is now; [`MachineIdentity::save`] it.
    pub identity: MachineIdentity,
    /// The province's name, for people.
    pub province_name: String,
}

/// Enrols this machine: calls the province of `token` at its addresses and has `keys` certified. `keys` must
/// be on disk before ([`crate::identity::waiting_keys`]), so that a lost answer can be asked for again.
///
/// # Errors
/// See [`EnrolError`]; in every case the same call may be made again with the same keys.
pub async fn enrol(
    token: &Token,
    keys: SecretKeys,
    dial_timeout_ms: u64,
    clock: Arc<dyn Clock>,
) -> Result<Enrolled, EnrolError> {
    let dialer = Dialer::for_enrolment(token.ca, clock)?;
    let connection = dialer.dial(&token.addresses, dial_timeout_ms).await?;
    let asked = tokio::time::timeout(EXCHANGE.saturating_mul(2), ask(&connection, token, &keys)).await;
    let answer = match asked {
        Ok(Ok(answer)) => answer,
        Ok(Err(StreamError::Ended(ended))) => return Err(EnrolError::Cut(ended)),
        Ok(Err(StreamError::Broken | StreamError::TooLarge { .. })) => {
            return Err(EnrolError::Cut(Ended::Misbehaved));
        }
        Err(_) => return Err(EnrolError::Cut(Ended::Lost)),
    };
    connection.close_and_tell(CloseCode::Done).await;
    if version_of(&answer).is_some_and(|version| version > VERSION) {
        return Err(EnrolError::Refused(EnrolRefusal::Version));
    }
    let answer: EnrolAnswer = minicbor::decode(&answer).map_err(|_| EnrolError::Unfit(None))?;
    if let Some(number) = answer.refusal {
        return Err(EnrolError::Refused(EnrolRefusal::read(number)));
    }
    let grant = answer.grant.ok_or(EnrolError::Unfit(None))?;
    let identity = MachineIdentity::new(keys, grant.certificate, token.ca)
        .map_err(|error| EnrolError::Unfit(Some(error)))?;
    let fits = identity.role() == Role::Commune
        && *identity.seat() == token.agency
        && grant.province_name.len() <= PROVINCE_NAME_BYTES_MAX;
    if fits {
        Ok(Enrolled { identity, province_name: grant.province_name })
    } else {
        Err(EnrolError::Unfit(None))
    }
}

async fn ask(connection: &Connection, token: &Token, keys: &SecretKeys) -> Result<Vec<u8>, StreamError> {
    let (mut sender, mut receiver) = connection.open_stream().await.map_err(StreamError::Ended)?;
    sender.send(request_bytes(token, keys)).await?;
    match receiver.next_within(MESSAGE_BYTES_MAX).await? {
        Some(answer) => Ok(answer),
        // Closed in order, yet without an answer: the close says why.
        None => Err(StreamError::Ended(connection.closed().await)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tokio::task::JoinHandle;

    use super::super::endpoint::Arrival;
    use super::super::endpoint::Listening;
    use super::super::world;
    use super::*;
    use crate::golden;
    use crate::identity::Authority;
    use crate::identity::CaPublicKey;
    use crate::identity::Terms;
    use crate::identity::Validity;

    /// A desk with its book in memory.
    struct Book {
        authority: Authority,
        codes: Mutex<HashMap<Hash, (IssuedCode, Vec<u8>)>>,
        now: Millis,
    }

    impl EnrolDesk for Book {
        fn decide(&self, ask: &EnrolAsk) -> Result<EnrolGrant, EnrolRefusal> {
            let mut codes = self.codes.lock().unwrap();
            let entry = codes.get_mut(&ask.code_hash);
            let certificate = match judge(entry.as_ref().map(|(issued, _)| issued), ask, self.now) {
                Verdict::Refuse(refusal) => return Err(refusal),
                Verdict::Repeat => entry.unwrap().1.clone(),
                Verdict::Sign => {
                    let (issued, recorded) = entry.unwrap();
                    let terms = Terms {
                        role: Role::Commune,
                        seat: issued.seat.clone(),
                        validity: Validity::days(self.now, 398),
                        serial: 7,
                    };
                    *recorded = self.authority.sign(&ask.request, &terms).unwrap();
                    issued.used_by = Some(ask.node);
                    recorded.clone()
                }
            };
            Ok(EnrolGrant { certificate, province_name: "Tỉnh Thử Nghiệm".to_owned() })
        }
    }

    fn issued(seat: &str) -> IssuedCode {
        IssuedCode {
            seat: seat.parse().unwrap(),
            expires_at: Millis(world::NOW.0 + 86_400_000),
            used_by: None,
            is_node_seat: true,
            is_seat_taken: false,
        }
    }

    const CODE: EnrolCode = EnrolCode([3; 16]);

    /// A province that has given out [`CODE`], its door open for `visits`, and the token for it.
    fn open_door(
        province: &world::Province,
        issued: IssuedCode,
        visits: usize,
    ) -> (Token, JoinHandle<Vec<EnrolVisit>>) {
        let listening = province.listen();
        let token = Token {
            ca: province.authority.public_key(),
            code: CODE,
            addresses: vec![listening.local_addr().to_string()],
            agency: issued.seat.clone(),
        };
        let book = Book {
            authority: province.authority.clone(),
            codes: Mutex::new(HashMap::from([(CODE.hash(), (issued, Vec::new()))])),
            now: world::NOW,
        };
        let door = EnrolDoor::new(province.authority.province(), Arc::new(book), 3, world::clock());
        (token, tokio::spawn(admit(listening, door, visits)))
    }

    async fn admit(mut listening: Listening, door: EnrolDoor, visits: usize) -> Vec<EnrolVisit> {
        let mut seen = Vec::new();
        while seen.len() < visits {
            match listening.accept().await.unwrap() {
                Arrival::Enrolment(stranger) => seen.push(door.answer(stranger).await),
                Arrival::TurnedAway { address, ended } => {
                    seen.push(EnrolVisit { address, node: None, outcome: EnrolOutcome::Left(ended) });
                }
                Arrival::Session(connection) => panic!("{connection:?}"),
            }
        }
        seen
    }

    async fn enrol_with(token: &Token, keys_of: u8) -> Result<Enrolled, EnrolError> {
        enrol(token, world::keys(keys_of), 5_000, world::clock()).await
    }

    fn refusal_of(result: Result<Enrolled, EnrolError>) -> EnrolRefusal {
        match result {
            Err(EnrolError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_code_makes_one_machine_a_member_and_the_same_machine_may_ask_again() {
        let province = world::Province::new(1);
        let (token, door) = open_door(&province, issued("H27.101"), 3);
        let token = Token::from_text(&token.to_text()).unwrap();
        let first = enrol_with(&token, 50).await.unwrap();
        assert_eq!(first.province_name, "Tỉnh Thử Nghiệm");
        assert_eq!(first.identity.seat().as_str(), "H27.101");
        assert_eq!(first.identity.node(), world::keys(50).node());
        let again = enrol_with(&token, 50).await.unwrap();
        assert_eq!(again.identity.certificate(), first.identity.certificate());
        assert_eq!(refusal_of(enrol_with(&token, 51).await), EnrolRefusal::Used);

        let visits = door.await.unwrap();
        let granted = EnrolOutcome::Granted { is_delivered: true };
        let outcomes: Vec<_> = visits.iter().map(|visit| (visit.node, visit.outcome)).collect();
        assert_eq!(
            outcomes,
            [
                (Some(world::keys(50).node()), granted),
                (Some(world::keys(50).node()), granted),
                (Some(world::keys(51).node()), EnrolOutcome::Refused(EnrolRefusal::Used)),
            ]
        );

        // The certificate is good for a session.
        let mut listening = province.listen();
        let address = listening.local_addr().to_string();
        province.dialer(&first.identity).dial(&[address], 5_000).await.unwrap();
        assert!(matches!(listening.accept().await, Some(Arrival::Session(_))));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lost_answer_is_given_again() {
        let province = world::Province::new(1);
        let (token, door) = open_door(&province, issued("H27.101"), 2);
        let dialer = Dialer::for_enrolment(token.ca, world::clock()).unwrap();
        let connection = dialer.dial(&token.addresses, 5_000).await.unwrap();
        let (mut sender, receiver) = connection.open_stream().await.unwrap();
        let keys = world::keys(50);
        let request = EnrolRequest {
            version: VERSION,
            code: CODE,
            agency: token.agency.clone(),
            request: keys.request(token.province()),
        };
        sender.send(to_cbor(&request)).await.unwrap();
        sender.finish().await.unwrap();
        // The line goes down before the answer is read.
        drop(receiver);
        connection.close_and_tell(CloseCode::Done).await;
        assert!(enrol_with(&token, 50).await.is_ok());
        let visits = door.await.unwrap();
        assert!(
            visits.iter().all(|visit| matches!(visit.outcome, EnrolOutcome::Granted { .. })),
            "{visits:?}"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_reason_not_to_enrol_reaches_both_sides() {
        let province = world::Province::new(1);
        let good = issued("H27.101");
        for (issued, refusal) in [
            (IssuedCode { expires_at: Millis(world::NOW.0 - 1), ..good.clone() }, EnrolRefusal::Expired),
            (IssuedCode { is_node_seat: false, ..good.clone() }, EnrolRefusal::NotANodeSeat),
            (IssuedCode { is_seat_taken: true, ..good.clone() }, EnrolRefusal::SeatTaken),
        ] {
            let (token, door) = open_door(&province, issued, 1);
            assert_eq!(refusal_of(enrol_with(&token, 50).await), refusal);
            assert_eq!(door.await.unwrap()[0].outcome, EnrolOutcome::Refused(refusal));
        }
        let (mut token, _door) = open_door(&province, good.clone(), 2);
        token.code = EnrolCode([4; 16]);
        assert_eq!(refusal_of(enrol_with(&token, 50).await), EnrolRefusal::UnknownToken);
        token.code = CODE;
        token.agency = "H27.102".parse().unwrap();
        assert_eq!(refusal_of(enrol_with(&token, 50).await), EnrolRefusal::BadRequest);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_token_of_another_province_is_named_as_such_on_both_sides() {
        let (ours, theirs) = (world::Province::new(1), world::Province::new(2));
        let (token, _door) = open_door(&ours, issued("H27.101"), 1);
        let (their_token, their_door) = open_door(&theirs, issued("H27.101"), 1);
        let strayed = Token { addresses: their_token.addresses, ..token };
        let error = enrol_with(&strayed, 50).await.unwrap_err();
        assert!(matches!(error, EnrolError::Dial(DialError::NotOurProvince { .. })), "{error:?}");
        assert_eq!(error.refusal().code, "enrol-wrong-province");
        let outcome = their_door.await.unwrap()[0].outcome;
        assert_eq!(outcome, EnrolOutcome::Left(Ended::ByPeer(Unwanted::OtherProvince)));
    }

    #[test]
    fn what_a_new_machine_says_and_hears_keeps_its_first_form() {
        let ca = CaPublicKey([1; 32]);
        let token = Token {
            ca,
            code: EnrolCode([7; 16]),
            addresses: vec!["127.0.0.1:4272".to_owned()],
            agency: "H27.101".parse().unwrap(),
        };
        golden::bytes_of("token", token.to_text().as_bytes());
        assert_eq!(Token::from_text(&token.to_text()).ok(), Some(token.clone()));
        let keys = SecretKeys::from_seeds(&[[1; 32], [2; 32], [3; 32]]);
        let first = golden::bytes_of("enrol-request", &request_bytes(&token, &keys));
        let ask = read_request(&first, token.province()).unwrap();
        assert_eq!((ask.node, ask.code_hash), (keys.node(), token.code.hash()));
        assert!(read_request(&golden::longer(&first), token.province()).is_ok(), "a later program's field");
        let grant = EnrolGrant { certificate: vec![8; 40], province_name: "Tỉnh Thử".to_owned() };
        let first = golden::bytes_of("enrol-grant", &grant_bytes(&grant));
        assert_eq!(read_grant(&first), Some(grant.clone()));
        assert_eq!(read_grant(&golden::longer(&first)), Some(grant), "a later program's field");
        let mut newer = first;
        newer[1] = VERSION + 1;
        assert_eq!(read_grant(&newer), None);
    }

    #[test]
    fn a_request_for_another_province_or_of_a_newer_form_is_refused_by_the_door() {
        let ours = world::Province::new(1).authority.province();
        let read = |message: &[u8]| read_request(message, ours);
        let request = |version, province| {
            to_cbor(&EnrolRequest {
                version,
                code: CODE,
                agency: "H27.101".parse().unwrap(),
                request: world::keys(50).request(province),
            })
        };
        assert!(read(&request(VERSION, ours)).is_ok());
        assert_eq!(read(&request(VERSION, ProvinceId([9; 16]))), Err(EnrolRefusal::WrongProvince));
        assert_eq!(read(&request(VERSION + 1, ours)), Err(EnrolRefusal::Version));
        for nonsense in [&b""[..], b"\x84", b"hello", &[0x84, 0x01, 0xff]] {
            assert_eq!(read(nonsense), Err(EnrolRefusal::BadRequest));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn too_many_visits_within_a_minute_are_sent_away() {
        let province = world::Province::new(1);
        let (token, door) = open_door(&province, issued("H27.101"), 4);
        for _ in 0..3 {
            enrol_with(&token, 50).await.unwrap();
        }
        let error = enrol_with(&token, 50).await.unwrap_err();
        assert!(matches!(error, EnrolError::Cut(Ended::ByPeer(Unwanted::Busy))), "{error:?}");
        assert!(error.is_retryable());
        assert_eq!(door.await.unwrap()[3].outcome, EnrolOutcome::TooMany);
    }

    #[test]
    fn the_rate_counts_the_last_minute_only() {
        let mut rate = Rate::new(2);
        let admitted: Vec<bool> =
            [0, 10, 20, 59_999, 60_000, 60_005, 60_010].map(|now_ms| rate.admit(now_ms)).to_vec();
        assert_eq!(admitted, [true, true, false, false, true, false, true]);
        assert!(rate.admitted_ms.len() <= 2);
    }

    #[test]
    fn the_numbers_of_refusals_are_read_back() {
        for number in 1..=9 {
            assert_eq!(EnrolRefusal::read(number).number(), number);
        }
        assert_eq!(EnrolRefusal::read(77), EnrolRefusal::Unknown);
    }
}
