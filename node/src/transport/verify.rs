//! Who may be at the other end: the authority's signature, the role and the ban decide; dates only advise.
//!
//! TLS asks these verifiers in the middle of a handshake, so a machine that is not wanted is turned away
//! before it has said anything. The reason travels as the TLS alert that stands for it.

use std::fmt;
use std::sync::Arc;

use rustls::CertificateError;
use rustls::DigitallySignedStruct;
use rustls::DistinguishedName;
use rustls::Error;
use rustls::PeerIncompatible;
use rustls::SignatureScheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use rustls::server::danger::ClientCertVerified;
use rustls::server::danger::ClientCertVerifier;
use sync_protocol::ids::NodeId;

use super::Unwanted;
use crate::identity::CaPublicKey;
use crate::identity::CertificateFault;
use crate::identity::Certified;
use crate::identity::Role;
use crate::identity::read_certificate;

/// Whether a machine may connect (it is not banned). Asked on the network's threads: answers from memory.
pub type IsAllowed = Arc<dyn Fn(NodeId) -> bool + Send + Sync>;

/// What is asked of the certificate at the other end.
#[derive(Clone)]
pub(super) struct Verifier {
    ca: CaPublicKey,
    wanted: Role,
    is_allowed: IsAllowed,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(
        ca: CaPublicKey,
        wanted: Role,
        is_allowed: IsAllowed,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Self {
        Self { ca, wanted, is_allowed, algorithms }
    }

    /// The whole rule.
    pub(super) fn check(&self, der: &[u8]) -> Result<Certified, Unwanted> {
        let certified = read_certificate(der, &self.ca).map_err(|fault| match fault {
            CertificateFault::OtherProvince => Unwanted::OtherProvince,
            CertificateFault::Newer { .. } => Unwanted::NewerCertificate,
            CertificateFault::Unreadable | CertificateFault::Inconsistent => Unwanted::BadCertificate,
        })?;
        if certified.role != self.wanted {
            return Err(Unwanted::WrongRole);
        }
        if !(self.is_allowed)(certified.node) {
            return Err(Unwanted::Banned);
        }
        Ok(certified)
    }

    fn answer(&self, der: &[u8], intermediates: &[CertificateDer<'_>]) -> Result<(), Error> {
        let verdict = if intermediates.is_empty() { self.check(der) } else { Err(Unwanted::BadCertificate) };
        verdict.map(drop).map_err(|why| Error::InvalidCertificate(alerting(why)))
    }

    fn verify_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }
}

/// The certificate error whose alert [`Unwanted::from_alert`] reads back as `why`.
const fn alerting(why: Unwanted) -> CertificateError {
    match why {
        Unwanted::OtherProvince => CertificateError::UnknownIssuer,
        Unwanted::Banned => CertificateError::Revoked,
        Unwanted::WrongRole => CertificateError::ApplicationVerificationFailure,
        Unwanted::NewerCertificate => CertificateError::InvalidPurpose,
        Unwanted::BadCertificate
        | Unwanted::NoCertificate
        | Unwanted::OtherVersion
        | Unwanted::Busy
        | Unwanted::Unexplained => CertificateError::BadEncoding,
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({:?} of {:?})", self.wanted, self.ca)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        // A machine is known by its key, not by the address it was found at.
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.answer(end_entity, intermediates).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for Verifier {
    /// A machine that comes to enrol has no certificate yet. The endpoint sees to it that one without a
    /// certificate gets no further than enrolment.
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.answer(end_entity, intermediates).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
