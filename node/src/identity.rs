//! Keys and certificates of this machine (a leaf: no room below it).
//!
//! A machine holds three keys (signing, TLS, seal) and one certificate of its province's authority that binds
//! them to exactly one seat and role. Who a machine is, is read from that certificate and never from a message.
//! The room owns the files in the directory's `identity` folder. It does not know lines, stores or bans.

mod certificate;
mod files;
mod keys;
pub mod seal;

use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use minicbor::Decode;
use minicbor::Encode;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::ProvinceId;
use sync_protocol::time::Millis;

pub use self::certificate::CertificateFault;
pub use self::certificate::Certified;
pub use self::certificate::Role;
pub use self::certificate::Terms;
pub use self::certificate::Validity;
pub use self::certificate::read as read_certificate;
pub use self::keys::CaPublicKey;
pub use self::keys::CertificateRequest;
pub use self::keys::PublicKeys;
pub use self::keys::RequestBody;
pub use self::keys::RequestFault;
pub use self::keys::SecretKeys;
use self::keys::StoredKeys;
pub use self::keys::is_signed_by;
pub use self::keys::node_of;
pub(crate) use self::keys::to_cbor;
pub(crate) use self::keys::version_of;
use crate::ids::AgencyCode;
use crate::refusal::Refusal;

/// Why this machine's identity cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Nothing is there: the machine has not been enrolled, or this is not the province's own server.
    #[error("{file} is not in this directory")]
    Missing {
        /// The file's name.
        file: &'static str,
    },
    /// Written by a newer program, which must be used here.
    #[error("{file} has form {found}, this program reads up to {FILE_VERSION}")]
    Newer {
        /// The file's name.
        file: &'static str,
        /// The form's number.
        found: u8,
    },
    /// Not what this program wrote: restore the directory from a backup, or enrol again.
    #[error("{file} is damaged")]
    Damaged {
        /// The file's name.
        file: &'static str,
    },
    /// The disk or a permission; a person must look.
    #[error("cannot use {}", path.display())]
    File {
        /// What was read or written.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The certificate is not for these keys: the answer to another machine's request.
    #[error("certificate names other keys than this machine's")]
    OtherKeys,
    /// The certificate cannot be accepted.
    #[error("certificate cannot be accepted")]
    Certificate(#[from] CertificateFault),
    /// The request for a certificate cannot be granted.
    #[error("request cannot be granted")]
    Request(#[from] RequestFault),
    /// The request asks another province.
    #[error("request asks province {asked}")]
    OtherProvince {
        /// The province it names.
        asked: ProvinceId,
    },
    /// The certificate could not be written: our bug.
    #[error("certificate cannot be written")]
    Writing(#[from] rcgen::Error),
}

impl IdentityError {
    /// The name of the message for people.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "identity-missing",
            Self::Newer { .. } => "identity-newer",
            Self::Damaged { .. } => "identity-damaged",
            Self::File { .. } => "identity-file",
            Self::OtherKeys | Self::Certificate(_) | Self::Writing(_) => "identity-certificate",
            Self::Request(_) | Self::OtherProvince { .. } => "identity-request",
        }
    }

    /// The same as a refusal of what a person asked for.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let refusal = Refusal::new(self.code());
        match self {
            Self::Missing { file } | Self::Damaged { file } => refusal.with("file", file),
            Self::Newer { file, found } => refusal.with("file", file).with("found", found),
            Self::File { path, source } => refusal.with("path", path.display()).with("why", source),
            Self::OtherKeys
            | Self::Certificate(_)
            | Self::Request(_)
            | Self::OtherProvince { .. }
            | Self::Writing(_) => refusal,
        }
    }
}

/// The province's certificate authority. Its key lives in the provincial server's directory and nowhere else.
#[derive(Clone)]
pub struct Authority {
    key: ed25519_dalek::SigningKey,
    code: AgencyCode,
    certificate: Vec<u8>,
}

impl Authority {
    /// A new authority, which makes a new province: its id follows from the key. `code` is the province's
    /// agency code; `seed` holds fresh bytes from the machine's random source.
    ///
    /// # Errors
    /// [`IdentityError::Writing`] when its own certificate cannot be made.
    pub fn from_seed(code: AgencyCode, validity: Validity, seed: &[u8; 32]) -> Result<Self, IdentityError> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let certificate = certificate::issue_self_signed(&key, code.as_str(), validity)?;
        Ok(Self { key, code, certificate })
    }

    /// The key that the whole province knows.
    #[must_use]
    pub fn public_key(&self) -> CaPublicKey {
        CaPublicKey(self.key.verifying_key().to_bytes())
    }

    /// The province that this authority makes.
    #[must_use]
    pub fn province(&self) -> ProvinceId {
        self.public_key().province()
    }

    /// The province's agency code.
    #[must_use]
    pub fn code(&self) -> &AgencyCode {
        &self.code
    }

    /// The authority's own certificate in DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Grants a request: a certificate in DER for the requester's keys on these terms. The same request and
    /// terms give the same bytes.
    ///
    /// # Errors
    /// The request is not proven or asks another province; nothing was signed.
    pub fn sign(&self, request: &CertificateRequest, terms: &Terms) -> Result<Vec<u8>, IdentityError> {
        let body = request.open()?;
        if body.province != self.province() {
            return Err(IdentityError::OtherProvince { asked: body.province });
        }
        Ok(certificate::issue(&self.key, self.code.as_str(), &body.keys, terms)?)
    }

    /// Writes the authority durably into `directory`'s identity folder.
    ///
    /// # Errors
    /// The disk or a permission; the former file, if any, is whole.
    pub fn save(&self, directory: &Path) -> Result<(), IdentityError> {
        let stored = StoredAuthority {
            version: FILE_VERSION,
            seed: self.key.to_bytes(),
            code: self.code.clone(),
            certificate: self.certificate.clone(),
        };
        write_file(directory, AUTHORITY_FILE, &to_cbor(&stored))
    }

    /// Reads the authority from `directory`'s identity folder.
    ///
    /// # Errors
    /// See [`IdentityError`]; [`IdentityError::Missing`] everywhere but on the provincial server.
    pub fn load(directory: &Path) -> Result<Self, IdentityError> {
        let stored: StoredAuthority = read_file(directory, AUTHORITY_FILE)?;
        Ok(Self {
            key: ed25519_dalek::SigningKey::from_bytes(&stored.seed),
            code: stored.code,
            certificate: stored.certificate,
        })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({}, province {}, secret)", self.code, self.province())
    }
}

/// Who this machine is: its keys and the certificate that the province gave for them.
#[derive(Clone)]
pub struct MachineIdentity {
    keys: SecretKeys,
    certificate: Vec<u8>,
    certified: Certified,
    ca: CaPublicKey,
}

impl MachineIdentity {
    /// Puts a granted certificate to the keys it was asked for.
    ///
    /// # Errors
    /// The certificate is not of the province of `ca`, or not for these keys.
    pub fn new(keys: SecretKeys, certificate: Vec<u8>, ca: CaPublicKey) -> Result<Self, IdentityError> {
        let certified = read_certificate(&certificate, &ca)?;
        if certified.keys != keys.public() {
            return Err(IdentityError::OtherKeys);
        }
        Ok(Self { keys, certificate, certified, ca })
    }

    /// A machine whose certificate is on its way: set up by a pack, it works for its seat and has no line yet.
    #[must_use]
    pub fn pending(keys: SecretKeys, seat: AgencyCode, ca: CaPublicKey) -> Self {
        let never = Validity { from: Millis(0), until: Millis(0) };
        let certified = Certified {
            node: keys.node(),
            province: ca.province(),
            role: Role::Commune,
            seat,
            keys: keys.public(),
            serial: 0,
            validity: never,
        };
        Self { keys, certificate: Vec::new(), certified, ca }
    }

    /// Whether the province has certified it.
    #[must_use]
    pub const fn is_granted(&self) -> bool {
        !self.certificate.is_empty()
    }

    /// This machine.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.certified.node
    }

    /// The one seat it works for.
    #[must_use]
    pub fn seat(&self) -> &AgencyCode {
        &self.certified.seat
    }

    /// What it is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.certified.role
    }

    /// Its province.
    #[must_use]
    pub fn province(&self) -> ProvinceId {
        self.certified.province
    }

    /// The key by which everything of the province is checked.
    #[must_use]
    pub fn ca(&self) -> &CaPublicKey {
        &self.ca
    }

    /// Everything its certificate says.
    #[must_use]
    pub fn certified(&self) -> &Certified {
        &self.certified
    }

    /// Its certificate in DER; empty until it is granted.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Its secret keys.
    #[must_use]
    pub fn keys(&self) -> &SecretKeys {
        &self.keys
    }

    /// Writes the identity durably into `directory`'s identity folder, in place of an older one. A granted one
    /// forgets the keys that waited for it and what stood there while it was pending.
    ///
    /// # Errors
    /// The disk or a permission; the former file, if any, is whole.
    pub fn save(&self, directory: &Path) -> Result<(), IdentityError> {
        let folder = directory.join(FOLDER);
        let discard = |file| {
            files::discard(&folder, file)
                .map_err(|source| IdentityError::File { path: folder.join(file), source })
        };
        if !self.is_granted() {
            let stored = StoredPending {
                version: FILE_VERSION,
                keys: self.keys.to_stored(),
                seat: self.certified.seat.clone(),
                ca: self.ca,
            };
            return write_file(directory, PENDING_FILE, &to_cbor(&stored));
        }
        let stored = StoredMachine {
            version: FILE_VERSION,
            keys: self.keys.to_stored(),
            certificate: self.certificate.clone(),
            ca: self.ca,
        };
        write_file(directory, MACHINE_FILE, &to_cbor(&stored))?;
        discard(WAITING_FILE)?;
        discard(PENDING_FILE)
    }

    /// Reads the identity from `directory`'s identity folder.
    ///
    /// # Errors
    /// See [`IdentityError`]; [`IdentityError::Missing`] means that the machine has to be enrolled first.
    pub fn load(directory: &Path) -> Result<Self, IdentityError> {
        let stored: StoredMachine = match read_file(directory, MACHINE_FILE) {
            Err(missing @ IdentityError::Missing { .. }) => {
                let stored: StoredPending = match read_file(directory, PENDING_FILE) {
                    Err(IdentityError::Missing { .. }) => return Err(missing),
                    read => read?,
                };
                let keys = SecretKeys::from_stored(&stored.keys);
                return Ok(Self::pending(keys, stored.seat, stored.ca));
            }
            read => read?,
        };
        Self::new(SecretKeys::from_stored(&stored.keys), stored.certificate, stored.ca)
    }
}

impl fmt::Debug for MachineIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MachineIdentity({:?} {} of {}, secret)", self.role(), self.node(), self.seat())
    }
}

/// The keys that wait in `directory` for a certificate. When there are none, those made of `seeds` (fresh
/// random bytes) are written first. So an enrolment whose answer was lost is repeated with the same keys and
/// gets the same certificate.
///
/// # Errors
/// The disk or a permission, or a damaged file.
pub fn waiting_keys(directory: &Path, seeds: &[[u8; 32]; 3]) -> Result<SecretKeys, IdentityError> {
    match read_file::<StoredWaiting>(directory, WAITING_FILE) {
        Ok(stored) => return Ok(SecretKeys::from_stored(&stored.keys)),
        Err(IdentityError::Missing { .. }) => {}
        Err(error) => return Err(error),
    }
    let keys = SecretKeys::from_seeds(seeds);
    let stored = StoredWaiting { version: FILE_VERSION, keys: keys.to_stored() };
    write_file(directory, WAITING_FILE, &to_cbor(&stored))?;
    Ok(keys)
}

/// Whether keys wait in `directory` for something that was asked with them.
#[must_use]
pub fn has_waiting_keys(directory: &Path) -> bool {
    directory.join(FOLDER).join(WAITING_FILE).exists()
}

/// Forgets the keys that wait in `directory`: what was asked with them has come.
///
/// # Errors
/// The disk or a permission.
pub fn forget_waiting_keys(directory: &Path) -> Result<(), IdentityError> {
    let folder = directory.join(FOLDER);
    files::discard(&folder, WAITING_FILE)
        .map_err(|source| IdentityError::File { path: folder.join(WAITING_FILE), source })
}

/// The newest form of the files that this program writes and reads.
const FILE_VERSION: u8 = 1;

/// The folder in a machine's directory that holds its identity.
pub(crate) const FOLDER: &str = "identity";
const MACHINE_FILE: &str = "machine.cbor";
const AUTHORITY_FILE: &str = "authority.cbor";
const WAITING_FILE: &str = "waiting.cbor";
const PENDING_FILE: &str = "pending.cbor";
/// All that the folder may hold.
pub(crate) const FILES: &[&str] = &[MACHINE_FILE, PENDING_FILE, WAITING_FILE, AUTHORITY_FILE];

#[derive(Encode, Decode)]
struct StoredMachine {
    #[n(0)]
    version: u8,
    #[n(1)]
    keys: StoredKeys,
    #[cbor(n(2), with = "minicbor::bytes")]
    certificate: Vec<u8>,
    #[n(3)]
    ca: CaPublicKey,
}

#[derive(Encode, Decode)]
struct StoredAuthority {
    #[n(0)]
    version: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    seed: [u8; 32],
    #[n(2)]
    code: AgencyCode,
    #[cbor(n(3), with = "minicbor::bytes")]
    certificate: Vec<u8>,
}

#[derive(Encode, Decode)]
struct StoredPending {
    #[n(0)]
    version: u8,
    #[n(1)]
    keys: StoredKeys,
    #[n(2)]
    seat: AgencyCode,
    #[n(3)]
    ca: CaPublicKey,
}

#[derive(Encode, Decode)]
struct StoredWaiting {
    #[n(0)]
    version: u8,
    #[n(1)]
    keys: StoredKeys,
}

fn write_file(directory: &Path, file: &'static str, bytes: &[u8]) -> Result<(), IdentityError> {
    let folder = directory.join(FOLDER);
    files::write(&folder, file, bytes)
        .map_err(|source| IdentityError::File { path: folder.join(file), source })
}

fn read_file<T: for<'b> Decode<'b, ()>>(directory: &Path, file: &'static str) -> Result<T, IdentityError> {
    let folder = directory.join(FOLDER);
    let bytes = files::read(&folder, file)
        .map_err(|source| IdentityError::File { path: folder.join(file), source })?
        .ok_or(IdentityError::Missing { file })?;
    match version_of(&bytes) {
        Some(FILE_VERSION) => {}
        Some(found) if found > FILE_VERSION => return Err(IdentityError::Newer { file, found }),
        Some(_) | None => return Err(IdentityError::Damaged { file }),
    }
    minicbor::decode(&bytes).map_err(|_| IdentityError::Damaged { file })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    fn seeds(of: u8) -> [[u8; 32]; 3] {
        [[of; 32], [of.wrapping_add(1); 32], [of.wrapping_add(2); 32]]
    }

    fn authority(of: u8) -> Authority {
        let validity = Validity::days(Millis(1_700_000_000_000), 7_300);
        Authority::from_seed("H27".parse().unwrap(), validity, &[of; 32]).unwrap()
    }

    fn terms() -> Terms {
        Terms {
            role: Role::Commune,
            seat: "H27.101".parse().unwrap(),
            validity: Validity::days(Millis(1_780_000_000_000), 398),
            serial: u64::MAX,
        }
    }

    fn enrolled(authority: &Authority, of: u8) -> MachineIdentity {
        let keys = SecretKeys::from_seeds(&seeds(of));
        let certificate = authority.sign(&keys.request(authority.province()), &terms()).unwrap();
        MachineIdentity::new(keys, certificate, authority.public_key()).unwrap()
    }

    #[test]
    fn a_certificate_says_who_a_machine_is_and_stays_small() {
        let authority = authority(9);
        let machine = enrolled(&authority, 1);
        println!(
            "leaf {} bytes, authority {} bytes",
            machine.certificate().len(),
            authority.certificate().len()
        );
        assert!(machine.certificate().len() < 500, "two leaves and a handshake must fit few packets");
        let expected = Certified {
            node: machine.keys().node(),
            province: authority.province(),
            role: Role::Commune,
            seat: "H27.101".parse().unwrap(),
            keys: machine.keys().public(),
            serial: u64::MAX,
            validity: terms().validity,
        };
        assert_eq!(read_certificate(machine.certificate(), machine.ca()), Ok(expected));
        assert_eq!(&machine.node().0, &blake3::hash(&machine.keys().public().signing).as_bytes()[..16]);
        assert_eq!(&machine.province().0, &blake3::hash(&machine.ca().0).as_bytes()[..16]);
    }

    #[test]
    fn dates_of_a_dead_clock_still_make_a_certificate() {
        let authority = authority(9);
        let request = SecretKeys::from_seeds(&seeds(1)).request(authority.province());
        for from in [Millis(i64::MIN), Millis(0), Millis(i64::MAX)] {
            let odd = Terms { validity: Validity::days(from, 398), ..terms() };
            let certificate = authority.sign(&request, &odd).unwrap();
            assert!(read_certificate(&certificate, &authority.public_key()).is_ok());
        }
    }

    #[test]
    fn another_provinces_certificate_is_refused() {
        let machine = enrolled(&authority(9), 1);
        let other = authority(8).public_key();
        assert_eq!(read_certificate(machine.certificate(), &other), Err(CertificateFault::OtherProvince));
        let keys = SecretKeys::from_seeds(&seeds(1));
        assert!(matches!(
            MachineIdentity::new(keys, machine.certificate().to_vec(), other),
            Err(IdentityError::Certificate(CertificateFault::OtherProvince))
        ));
        let keys_of_another = SecretKeys::from_seeds(&seeds(5));
        assert!(matches!(
            MachineIdentity::new(keys_of_another, machine.certificate().to_vec(), *machine.ca()),
            Err(IdentityError::OtherKeys)
        ));
    }

    #[test]
    fn no_changed_bit_of_a_certificate_passes_for_another_identity() {
        let machine = enrolled(&authority(9), 1);
        for at in 0..machine.certificate().len() {
            for bit in 0..8 {
                let mut changed = machine.certificate().to_vec();
                changed[at] ^= 1 << bit;
                // Bits outside the signed part that no reader looks at may change without a change of meaning.
                if let Ok(certified) = read_certificate(&changed, machine.ca()) {
                    assert_eq!(&certified, machine.certified(), "byte {at} bit {bit}");
                }
            }
        }
        for length in 0..machine.certificate().len() {
            assert!(read_certificate(&machine.certificate()[..length], machine.ca()).is_err());
        }
    }

    #[test]
    fn a_request_proves_its_key_and_names_its_province() {
        let authority = authority(9);
        let keys = SecretKeys::from_seeds(&seeds(1));
        let request = keys.request(authority.province());
        assert_eq!(request.open().map(|body| body.keys), Ok(keys.public()));
        assert_eq!(
            authority.sign(&request, &terms()).unwrap(),
            authority.sign(&request, &terms()).unwrap(),
            "a repeated request gets the same certificate"
        );
        for at in 0..request.body.len() {
            let mut changed = request.clone();
            changed.body[at] ^= 1;
            assert!(authority.sign(&changed, &terms()).is_err(), "byte {at}");
        }
        let stolen = CertificateRequest {
            signature: SecretKeys::from_seeds(&seeds(4)).request(authority.province()).signature,
            ..request
        };
        assert_eq!(stolen.open(), Err(RequestFault::NotProven));
        assert!(matches!(
            authority.sign(&keys.request(ProvinceId([7; 16])), &terms()),
            Err(IdentityError::OtherProvince { asked: ProvinceId([7, ..]) })
        ));
    }

    #[test]
    fn secrets_never_appear_in_debug_output() {
        let authority = authority(0xA9);
        let machine = enrolled(&authority, 0xB1);
        let said = format!("{authority:?} {machine:?} {:?} {machine:#?}", machine.keys());
        for secret in [[0xA9_u8; 32], [0xB1; 32], [0xB2; 32], [0xB3; 32]] {
            assert!(!said.contains(&format!("{:?}", &secret[..4]).replace(['[', ']'], "")), "{said}");
            assert!(!said.to_lowercase().contains(&format!("{:02x}", secret[0]).repeat(4)), "{said}");
        }
    }

    #[test]
    fn an_identity_survives_saving_and_a_newer_or_damaged_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let authority = authority(9);
        assert!(matches!(MachineIdentity::load(folder.path()), Err(IdentityError::Missing { .. })));
        let waiting = waiting_keys(folder.path(), &seeds(1)).unwrap();
        let again = waiting_keys(folder.path(), &seeds(77)).unwrap();
        assert_eq!(waiting.public(), again.public(), "a repeated enrolment uses the keys of the first");

        let machine = enrolled(&authority, 1);
        machine.save(folder.path()).unwrap();
        authority.save(folder.path()).unwrap();
        let loaded = MachineIdentity::load(folder.path()).unwrap();
        assert_eq!(loaded.certified(), machine.certified());
        assert_eq!(loaded.keys().sign(b"x"), machine.keys().sign(b"x"));
        assert_eq!(Authority::load(folder.path()).unwrap().public_key(), authority.public_key());
        assert_ne!(waiting_keys(folder.path(), &seeds(77)).unwrap().public(), waiting.public());

        let path = folder.path().join(FOLDER).join(MACHINE_FILE);
        let whole = std::fs::read(&path).unwrap();
        let mut newer = whole.clone();
        newer[1] = FILE_VERSION + 1;
        std::fs::write(&path, newer).unwrap();
        assert!(matches!(
            MachineIdentity::load(folder.path()),
            Err(IdentityError::Newer { found, .. }) if found == FILE_VERSION + 1
        ));
        for damaged in [&whole[..whole.len() - 1], b"", b"nonsense"] {
            std::fs::write(&path, damaged).unwrap();
            assert!(matches!(MachineIdentity::load(folder.path()), Err(IdentityError::Damaged { .. })));
        }
    }

    /// The files, and the certificate in one of them, as the first version wrote them.
    #[test]
    fn identity_files_and_certificates_keep_their_first_form() {
        let folder = tempfile::tempdir().unwrap();
        let (authority, machine) = (authority(9), enrolled(&authority(9), 1));
        let pending = MachineIdentity::pending(
            SecretKeys::from_seeds(&seeds(2)),
            "H27.102".parse().unwrap(),
            authority.public_key(),
        );
        let file = |name| folder.path().join(FOLDER).join(name);
        waiting_keys(folder.path(), &seeds(3)).unwrap();
        pending.save(folder.path()).unwrap();
        authority.save(folder.path()).unwrap();
        for (form, name) in
            [("waiting", WAITING_FILE), ("pending", PENDING_FILE), ("authority", AUTHORITY_FILE)]
        {
            golden::bytes_of(&format!("identity-{form}"), &std::fs::read(file(name)).unwrap());
        }
        machine.save(folder.path()).unwrap();
        let whole = std::fs::read(file(MACHINE_FILE)).unwrap();
        golden::bytes_of("identity-machine", &whole);
        golden::bytes_of("certificate", machine.certificate());
        std::fs::write(file(MACHINE_FILE), golden::longer(&whole)).unwrap();
        let read = MachineIdentity::load(folder.path()).unwrap();
        assert_eq!(read.certified(), machine.certified(), "a later program's field");
    }

    #[test]
    fn a_pending_machine_becomes_a_granted_one_under_the_same_keys() {
        let folder = tempfile::tempdir().unwrap();
        let authority = authority(9);
        let keys = waiting_keys(folder.path(), &seeds(1)).unwrap();
        let pending = MachineIdentity::pending(keys, "H27.101".parse().unwrap(), authority.public_key());
        pending.save(folder.path()).unwrap();
        let read = MachineIdentity::load(folder.path()).unwrap();
        assert!(!read.is_granted());
        assert_eq!(
            (read.node(), read.seat(), read.province()),
            (pending.node(), pending.seat(), pending.province())
        );
        assert_eq!(read.keys().public(), pending.keys().public());
        let granted = enrolled(&authority, 1);
        granted.save(folder.path()).unwrap();
        let read = MachineIdentity::load(folder.path()).unwrap();
        assert!(read.is_granted());
        assert_eq!(read.node(), pending.node());
        assert!(!folder.path().join(FOLDER).join(PENDING_FILE).exists());
    }

    #[cfg(unix)]
    #[test]
    fn identity_files_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let authority = authority(9);
        authority.save(folder.path()).unwrap();
        waiting_keys(folder.path(), &seeds(3)).unwrap();
        enrolled(&authority, 1).save(folder.path()).unwrap();
        let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.path().join(FOLDER)), 0o700);
        for file in std::fs::read_dir(folder.path().join(FOLDER)).unwrap() {
            assert_eq!(mode(file.unwrap().path()), 0o600);
        }
    }
}
