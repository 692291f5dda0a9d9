//! The one small X.509 certificate of a machine: written by the province's authority, read by everyone.
//!
//! Standard fields carry what TLS needs (the TLS key, dates, the authority's Ed25519 signature). Everything
//! that is ours sits in one extension as CBOR, so that no X.509 naming rule decides who a machine is.

use minicbor::Decode;
use minicbor::Encode;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CustomExtension;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyUsagePurpose;
use rcgen::PublicKeyData;
use rcgen::SerialNumber;
use rcgen::SignatureAlgorithm;
use rcgen::SigningKey as CertificateSigner;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::ProvinceId;
use sync_protocol::time::Millis;
use x509_parser::prelude::FromDer;
use x509_parser::prelude::X509Certificate;

use super::keys::CaPublicKey;
use super::keys::PublicKeys;
use super::keys::is_signed_by;
use super::keys::to_cbor;
use super::keys::version_of;
use crate::ids::AgencyCode;

/// What a machine is in its province.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// A node in a commune's office.
    #[n(0)]
    Commune,
    /// The provincial server.
    #[n(1)]
    Province,
}

/// From when until when a certificate is meant to be used. Advice: a machine whose clock died still connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Validity {
    /// First instant.
    #[n(0)]
    pub from: Millis,
    /// Last instant.
    #[n(1)]
    pub until: Millis,
}

impl Validity {
    /// From `from` for `days` days.
    #[must_use]
    pub fn days(from: Millis, days: u32) -> Self {
        Self { from, until: Millis(from.0.saturating_add(i64::from(days) * 86_400_000)) }
    }

    /// Whether `at` lies outside.
    #[must_use]
    pub fn is_outside(&self, at: Millis) -> bool {
        at < self.from || at > self.until
    }
}

/// What the authority decides about a machine whose request it grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What the machine will be.
    pub role: Role,
    /// The one seat it will work for.
    pub seat: AgencyCode,
    /// Advisory dates.
    pub validity: Validity,
    /// A number that this authority has not given to another certificate; 64 random bits will do.
    pub serial: u64,
}

/// Who a machine is, read from a certificate whose signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// The machine.
    pub node: NodeId,
    /// The province whose authority says so.
    pub province: ProvinceId,
    /// What it is.
    pub role: Role,
    /// The one seat it works for.
    pub seat: AgencyCode,
    /// Its public keys.
    pub keys: PublicKeys,
    /// The authority's number for this certificate.
    pub serial: u64,
    /// Advisory dates.
    pub validity: Validity,
}

/// Why a certificate says nothing to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Not a certificate of this program.
    #[error("certificate cannot be read")]
    Unreadable,
    /// Another province's authority, or nobody's, has signed it.
    #[error("certificate is not signed by this province")]
    OtherProvince,
    /// Made for a newer program; this one must be updated.
    #[error("certificate has form {found}, this program reads up to {CERTIFICATE_VERSION}")]
    Newer {
        /// The form's number.
        found: u8,
    },
    /// Signed by the authority, yet its parts contradict each other: our bug.
    #[error("certificate contradicts itself")]
    Inconsistent,
}

/// The newest form of the extension that this program writes and reads.
const CERTIFICATE_VERSION: u8 = 1;

/// Largest certificate that is looked at; ours have about 450 bytes.
const CERTIFICATE_BYTES_MAX: usize = 2_048;

/// Our extension's name: a private arc below 2.25, drawn at random. (`2.25` takes any UUID as an integer; this
/// one has only its lower 62 bits set, because the writing library keeps each part of a name in 64 bits.)
const EXTENSION_OID: [u64; 3] = [2, 25, 3_350_277_512_864_021_939];

/// What the extension carries.
#[derive(Encode, Decode)]
struct Extension {
    #[n(0)]
    version: u8,
    #[n(1)]
    province: ProvinceId,
    #[n(2)]
    node: NodeId,
    #[n(3)]
    role: Role,
    #[n(4)]
    seat: AgencyCode,
    #[cbor(n(5), with = "minicbor::bytes")]
    signing: [u8; 32],
    #[cbor(n(6), with = "minicbor::bytes")]
    seal: [u8; 32],
    #[n(7)]
    serial: u64,
}

/// Reads a certificate that claims to come from the province of `ca` and checks the authority's signature.
/// Dates are read, not judged.
///
/// # Errors
/// Do not talk to the machine that showed it; [`CertificateFault::Newer`] is worth telling a person.
pub fn read(der: &[u8], ca: &CaPublicKey) -> Result<Certified, CertificateFault> {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return Err(CertificateFault::Unreadable);
    }
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| CertificateFault::Unreadable)?;
    if !rest.is_empty() {
        return Err(CertificateFault::Unreadable);
    }
    let signature: &[u8; 64] =
        certificate.signature_value.data.as_ref().try_into().map_err(|_| CertificateFault::OtherProvince)?;
    if !is_signed_by(&ca.0, certificate.tbs_certificate.as_ref(), signature) {
        return Err(CertificateFault::OtherProvince);
    }
    let oid = x509_parser::der_parser::Oid::from(&EXTENSION_OID).map_err(|_| CertificateFault::Unreadable)?;
    let carried = certificate
        .extensions()
        .iter()
        .find(|extension| extension.oid == oid)
        .ok_or(CertificateFault::Unreadable)?
        .value;
    match version_of(carried) {
        Some(CERTIFICATE_VERSION) => {}
        Some(found) if found > CERTIFICATE_VERSION => return Err(CertificateFault::Newer { found }),
        Some(_) | None => return Err(CertificateFault::Unreadable),
    }
    let extension: Extension = minicbor::decode(carried).map_err(|_| CertificateFault::Unreadable)?;
    let tls: [u8; 32] = certificate
        .public_key()
        .subject_public_key
        .data
        .as_ref()
        .try_into()
        .map_err(|_| CertificateFault::Unreadable)?;
    let keys = PublicKeys { signing: extension.signing, tls, seal: extension.seal };
    // The seat came through CBOR, which does not know the form of agency codes.
    let seat: AgencyCode = extension.seat.as_str().parse().map_err(|_| CertificateFault::Inconsistent)?;
    if extension.province != ca.province() || extension.node != keys.node() {
        return Err(CertificateFault::Inconsistent);
    }
    Ok(Certified {
        node: extension.node,
        province: extension.province,
        role: extension.role,
        seat,
        keys,
        serial: extension.serial,
        validity: Validity {
            from: Millis(certificate.validity().not_before.timestamp().saturating_mul(1_000)),
            until: Millis(certificate.validity().not_after.timestamp().saturating_mul(1_000)),
        },
    })
}

/// Writes and signs the certificate of a machine.
pub(super) fn issue(
    ca: &ed25519_dalek::SigningKey,
    issuer_name: &str,
    keys: &PublicKeys,
    terms: &Terms,
) -> Result<Vec<u8>, rcgen::Error> {
    let signer = Signer::new(ca);
    let extension = Extension {
        version: CERTIFICATE_VERSION,
        province: CaPublicKey(signer.public).province(),
        node: keys.node(),
        role: terms.role,
        seat: terms.seat.clone(),
        signing: keys.signing,
        seal: keys.seal,
        serial: terms.serial,
    };
    let mut params = named(terms.seat.as_str(), terms.validity);
    params.serial_number = Some(SerialNumber::from(terms.serial));
    params.custom_extensions = vec![CustomExtension::from_oid_content(&EXTENSION_OID, to_cbor(&extension))];
    let issuer = Issuer::new(named(issuer_name, terms.validity), signer);
    Ok(params.signed_by(&TlsPublicKey(keys.tls), &issuer)?.der().to_vec())
}

/// Writes the authority's own certificate, for programs that want one (browsers, later).
pub(super) fn issue_self_signed(
    ca: &ed25519_dalek::SigningKey,
    name: &str,
    validity: Validity,
) -> Result<Vec<u8>, rcgen::Error> {
    let mut params = named(name, validity);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(params.self_signed(&Signer::new(ca))?.der().to_vec())
}

fn named(name: &str, validity: Validity) -> CertificateParams {
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, name);
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name;
    // Whole seconds between 1970 and the year 9999: what a certificate can say.
    let second = |at: Millis| {
        let seconds = u64::try_from(at.0 / 1_000).unwrap_or(0).min(LAST_SECOND);
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds)
    };
    params.not_before = second(validity.from);
    params.not_after = second(validity.until);
    params
}

/// 9999-12-31T23:59:59Z.
const LAST_SECOND: u64 = 253_402_300_799;

struct Signer<'a> {
    key: &'a ed25519_dalek::SigningKey,
    public: [u8; 32],
}

impl<'a> Signer<'a> {
    fn new(key: &'a ed25519_dalek::SigningKey) -> Self {
        Self { key, public: key.verifying_key().to_bytes() }
    }
}

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl CertificateSigner for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(ed25519_dalek::Signer::sign(self.key, message).to_bytes().to_vec())
    }
}

struct TlsPublicKey([u8; 32]);

impl PublicKeyData for TlsPublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}
