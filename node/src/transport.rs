//! The line to the province: QUIC connections between machines that know who they talk to.
//!
//! The room owns sockets, TLS, who may connect, frames on a stream and the first meeting of a new machine. It
//! is the only user of quinn and rustls. It does not know what a frame says, what a store is, or when to dial
//! (`sync/schedule.rs`). Nothing here blocks a runtime thread: callers bring blocking work on threads of
//! their own and meet the line through a [`stream::Link`].

pub mod endpoint;
pub mod enrol;
pub mod stream;
mod verify;
#[cfg(test)]
mod world;

use quinn::ConnectionError;
use quinn::TransportErrorCode;
use quinn::VarInt;
use sync_protocol::ids::NodeId;

use crate::identity::Certified;
use crate::identity::PublicKeys;
use crate::identity::Role;
use crate::ids::AgencyCode;
use crate::refusal::Refusal;

/// The machine at the other end of a connection, as its certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The machine.
    pub node: NodeId,
    /// The one seat it works for.
    pub seat: AgencyCode,
    /// What it is.
    pub role: Role,
    /// Its public keys; signatures by this machine are checked with `keys.signing`.
    pub keys: PublicKeys,
    /// Our clock stands outside its certificate's dates: renew it, or repair a clock. Never a reason to refuse.
    pub is_expired: bool,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
}

impl Peer {
    fn new(certified: Certified, is_expired: bool, certificate: Vec<u8>) -> Self {
        let Certified { node, role, seat, keys, province: _, serial: _, validity: _ } = certified;
        Self { node, seat, role, keys, is_expired, certificate }
    }
}

/// Why one side did not want the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unwanted {
    /// The certificate is not of this province.
    OtherProvince,
    /// The machine is banned.
    Banned,
    /// A commune called a commune, or the province a province.
    WrongRole,
    /// The certificate cannot be read.
    BadCertificate,
    /// The certificate was made for a newer program.
    NewerCertificate,
    /// No certificate was shown where one is needed: enrol first.
    NoCertificate,
    /// The two programs have no version of the protocol in common.
    OtherVersion,
    /// Too many connections at this moment: dial again later.
    Busy,
    /// The connection could not be made secure and the other side did not say why.
    Unexplained,
}

impl Unwanted {
    /// Whether dialling again, with nothing changed by a person, can help.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Busy => true,
            Self::OtherProvince
            | Self::Banned
            | Self::WrongRole
            | Self::BadCertificate
            | Self::NewerCertificate
            | Self::NoCertificate
            | Self::OtherVersion
            | Self::Unexplained => false,
        }
    }

    /// The name of the message for people.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::OtherProvince => "line-other-province",
            Self::Banned => "line-banned",
            Self::WrongRole => "line-wrong-role",
            Self::BadCertificate => "line-bad-certificate",
            Self::NewerCertificate => "line-newer-certificate",
            Self::NoCertificate => "line-no-certificate",
            Self::OtherVersion => "line-other-version",
            Self::Busy => "line-busy",
            Self::Unexplained => "line-unexplained",
        }
    }

    /// The TLS alert by which a verifier tells the other side, and the reason a received one stands for.
    const fn from_alert(alert: u64) -> Self {
        match alert {
            42 => Self::BadCertificate,
            43 => Self::NewerCertificate,
            44 => Self::Banned,
            48 => Self::OtherProvince,
            49 => Self::WrongRole,
            116 => Self::NoCertificate,
            120 => Self::OtherVersion,
            _ => Self::Unexplained,
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// Both had said what they had to say.
    Done,
    /// The other side is being stopped: dial again later.
    Stopping,
    /// The line was lost, or was silent for too long: dial again.
    Lost,
    /// The other side did not want us.
    ByPeer(Unwanted),
    /// We did not want the other side.
    ByUs(Unwanted),
    /// One side broke the rules of the line. A bug or an attack: logged, dialled again only slowly.
    Misbehaved,
}

impl Ended {
    /// Whether dialling again soon, with nothing changed by a person, can help.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Done | Self::Stopping | Self::Lost => true,
            Self::ByPeer(why) | Self::ByUs(why) => why.is_retryable(),
            Self::Misbehaved => false,
        }
    }

    /// The name of the message for people.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Done => "line-done",
            Self::Stopping => "line-stopping",
            Self::Lost => "line-lost",
            Self::ByPeer(why) => why.code(),
            // Seen from here it is the other machine that has the fault.
            Self::ByUs(_) => "line-peer-unfit",
            Self::Misbehaved => "line-misbehaved",
        }
    }

    /// The same as a refusal of what a person asked for.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        Refusal::new(self.code())
    }

    fn of(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::VersionMismatch => Self::ByPeer(Unwanted::OtherVersion),
            ConnectionError::TransportError(error) => match alert_in(error.code) {
                Some(alert) => Self::ByUs(Unwanted::from_alert(alert)),
                None if error.code == TransportErrorCode::INTERNAL_ERROR => Self::Lost,
                None => Self::Misbehaved,
            },
            ConnectionError::ConnectionClosed(close) => match alert_in(close.error_code) {
                Some(alert) => Self::ByPeer(Unwanted::from_alert(alert)),
                None if close.error_code == TransportErrorCode::CONNECTION_REFUSED => {
                    Self::ByPeer(Unwanted::Busy)
                }
                None => Self::Lost,
            },
            ConnectionError::ApplicationClosed(close) => CloseCode::read(close.error_code),
            ConnectionError::Reset | ConnectionError::TimedOut | ConnectionError::CidsExhausted => Self::Lost,
            ConnectionError::LocallyClosed => Self::Done,
        }
    }
}

/// QUIC carries TLS alerts as the codes 0x100-0x1ff.
fn alert_in(code: TransportErrorCode) -> Option<u64> {
    u64::from(code).checked_sub(0x100).filter(|alert| *alert < 0x100)
}

/// What a side says when it closes a connection. The numbers travel and are never given another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// Nothing is left to say.
    Done,
    /// This program is being stopped.
    Stopping,
    /// Too many connections.
    Busy,
    /// The machine was banned while it was connected.
    Banned,
    /// A session was asked for without a certificate.
    NoCertificate,
    /// The other side broke the rules.
    Misbehaved,
}

impl CloseCode {
    const fn number(self) -> VarInt {
        VarInt::from_u32(match self {
            Self::Done => 0,
            Self::Stopping => 1,
            Self::Busy => 2,
            Self::Banned => 3,
            Self::NoCertificate => 4,
            Self::Misbehaved => 5,
        })
    }

    fn read(number: VarInt) -> Ended {
        match number.into_inner() {
            0 => Ended::Done,
            1 => Ended::Stopping,
            2 => Ended::ByPeer(Unwanted::Busy),
            3 => Ended::ByPeer(Unwanted::Banned),
            4 => Ended::ByPeer(Unwanted::NoCertificate),
            // A newer program may have more reasons; none of them is "all is well".
            _ => Ended::Misbehaved,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use fluent_bundle::FluentResource;
    use fluent_bundle::concurrent::FluentBundle;

    use super::endpoint::DialError;
    use super::endpoint::ListenError;
    use super::endpoint::SetUpError;
    use super::enrol::EnrolError;
    use super::enrol::EnrolRefusal;
    use super::enrol::TokenError;
    use super::*;
    use crate::identity::CertificateFault;
    use crate::identity::IdentityError;
    use crate::identity::RequestFault;

    const UNWANTED: [Unwanted; 9] = [
        Unwanted::OtherProvince,
        Unwanted::Banned,
        Unwanted::WrongRole,
        Unwanted::BadCertificate,
        Unwanted::NewerCertificate,
        Unwanted::NoCertificate,
        Unwanted::OtherVersion,
        Unwanted::Busy,
        Unwanted::Unexplained,
    ];

    /// Every refusal that this room and the identity can give, with the values its message may use.
    fn refusals() -> Vec<Refusal> {
        let address = "127.0.0.1:4433".parse().unwrap();
        let host = || "a.example:4433".to_owned();
        let io = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let bug = || SetUpError::new(io());
        let mut refusals = vec![
            ListenError::PortTaken { address }.refusal(),
            ListenError::Address { address, source: io() }.refusal(),
            ListenError::SetUp(bug()).refusal(),
            DialError::NoAddress.refusal(),
            DialError::Unreachable { attempts: Vec::new() }.refusal(),
            DialError::NotOurProvince { address: host() }.refusal(),
            EnrolError::Cut(Ended::Lost).refusal(),
            EnrolError::Cut(Ended::ByPeer(Unwanted::Busy)).refusal(),
            EnrolError::Unfit(None).refusal(),
            EnrolError::SetUp(bug()).refusal(),
            EnrolError::Dial(DialError::NotOurProvince { address: host() }).refusal(),
            TokenError::Damaged.refusal(),
            TokenError::NewerVersion.refusal(),
            TokenError::NotAToken.refusal(),
        ];
        for why in UNWANTED {
            refusals.push(DialError::Refused { address: host(), why }.refusal());
            refusals.push(DialError::Unfit { address: host(), why }.refusal());
            refusals.extend([Ended::ByPeer(why), Ended::ByUs(why)].map(Ended::refusal));
        }
        refusals.extend([Ended::Done, Ended::Stopping, Ended::Lost, Ended::Misbehaved].map(Ended::refusal));
        refusals.extend((0..=9).map(|number| EnrolError::Refused(EnrolRefusal::read(number)).refusal()));
        let file = "machine.cbor";
        refusals.extend(
            [
                IdentityError::Missing { file },
                IdentityError::Newer { file, found: 2 },
                IdentityError::Damaged { file },
                IdentityError::File { path: file.into(), source: io() },
                IdentityError::OtherKeys,
                IdentityError::Certificate(CertificateFault::Unreadable),
                IdentityError::Request(RequestFault::Unreadable),
            ]
            .map(|error| error.refusal()),
        );
        refusals
    }

    #[test]
    fn every_refusal_can_be_said_in_both_languages_with_rule_and_next_step() {
        for language in ["vi", "en"] {
            let file =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("i18n").join(language).join("transport.ftl");
            let source = FluentResource::try_new(std::fs::read_to_string(file).unwrap()).unwrap();
            let mut bundle = FluentBundle::new_concurrent(vec![language.parse().unwrap()]);
            bundle.add_resource(source).unwrap();
            for refusal in refusals() {
                let message = bundle.get_message(&refusal.code);
                let message = message.unwrap_or_else(|| panic!("{language}: no text for {}", refusal.code));
                let args =
                    refusal.args.iter().map(|(name, value)| (name.to_string(), value.as_str())).collect();
                let parts = [
                    message.value(),
                    message.get_attribute("rule").map(|part| part.value()),
                    message.get_attribute("next").map(|part| part.value()),
                ];
                for part in parts {
                    let part = part.unwrap_or_else(|| panic!("{language}: a part of {} lacks", refusal.code));
                    let mut errors = Vec::new();
                    bundle.format_pattern(part, Some(&args), &mut errors);
                    assert!(errors.is_empty(), "{language}: {} {errors:?}", refusal.code);
                }
            }
        }
    }

    #[test]
    fn only_what_time_can_cure_is_tried_again_soon() {
        let retryable: Vec<Unwanted> = UNWANTED.into_iter().filter(|why| why.is_retryable()).collect();
        assert_eq!(retryable, [Unwanted::Busy]);
        assert!(Ended::Lost.is_retryable() && Ended::Stopping.is_retryable());
        assert!(!Ended::ByPeer(Unwanted::Banned).is_retryable() && !Ended::Misbehaved.is_retryable());
    }

    #[test]
    fn a_close_code_of_a_newer_program_is_never_taken_for_a_good_end() {
        for (code, ended) in [
            (CloseCode::Done, Ended::Done),
            (CloseCode::Stopping, Ended::Stopping),
            (CloseCode::Busy, Ended::ByPeer(Unwanted::Busy)),
            (CloseCode::Banned, Ended::ByPeer(Unwanted::Banned)),
            (CloseCode::NoCertificate, Ended::ByPeer(Unwanted::NoCertificate)),
            (CloseCode::Misbehaved, Ended::Misbehaved),
        ] {
            assert_eq!(CloseCode::read(code.number()), ended);
        }
        assert_eq!(CloseCode::read(VarInt::from_u32(77)), Ended::Misbehaved);
    }
}
