//! A copy of a machine's directory for the bad day: the database as it stands in one moment, and the identity folder,
//! sealed to the machine itself and to its province. The witness stays outside: by it a restored machine knows how far
//! its numbers had come.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use minicbor::Decode;
use minicbor::Encode;
use serde_json::Value;
use serde_json::json;
use sync_protocol::bundle;
use sync_protocol::bundle::BundleKind;
use sync_protocol::bundle::Certificate;
use sync_protocol::bundle::Head;
use sync_protocol::bundle::Header;
use sync_protocol::bundle::Part;
use sync_protocol::head::LogsSummary;
use sync_protocol::ids::BundleId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::limits::BUNDLE_PARTS_MAX;
use sync_protocol::time::Millis;

use crate::bundle::BundleFault;
use crate::bundle::file;
use crate::bundle::file::Letter;
use crate::bundle::file::PART_BYTES_DEFAULT;
use crate::bundle::file::Parts;
use crate::bundle::file::To;
use crate::bundle::file::part_path;
use crate::clock::rfc3339;
use crate::identity;
use crate::identity::FILES;
use crate::identity::FOLDER;
use crate::identity::MachineIdentity;
use crate::identity::SecretKeys;
use crate::identity::seal;
use crate::identity::to_cbor;
use crate::identity::version_of;
use crate::ids::AgencyCode;
use crate::refusal::Refusal;
use crate::store::Random;
use crate::store::Reader;
use crate::store::copy::RecordHead;
use crate::store::copy::remove_database;
use crate::store::open::FILE_NAME;
use crate::sync::province_keys::province_keys;

/// The form of a backup that this program writes and reads.
const BACKUP_VERSION: u8 = 1;
/// Plain bytes in one piece of a file.
const PIECE_BYTES: usize = 1024 * 1024;
/// Where the copy of the database lies while it is sealed or looked at, in the directory of its machine.
const COPY_NAME: &str = ".backup-copy.db";

/// What a backup says of itself; the files follow it in their order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Manifest {
    #[n(0)]
    version: u8,
    /// Whose it is.
    #[n(1)]
    pub machine: NodeId,
    /// The seat it works for.
    #[n(2)]
    pub seat: AgencyCode,
    /// When it was made.
    #[n(3)]
    pub at: Millis,
    /// Entries of all logs in it.
    #[n(4)]
    pub position: u64,
    /// All logs in it.
    #[n(5)]
    pub logs: LogsSummary,
    #[n(6)]
    files: Vec<Listed>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Listed {
    #[n(0)]
    name: String,
    #[n(1)]
    size_bytes: u64,
    #[n(2)]
    hash: Hash,
}

impl Manifest {
    fn read(message: &[u8], path: &Path) -> Result<Self, BundleFault> {
        if version_of(message).is_some_and(|version| version > BACKUP_VERSION) {
            return Err(file::refusal_of(path, "bundle-unreadable"));
        }
        let damaged = || file::refusal_of(path, "bundle-damaged");
        let manifest: Self = minicbor::decode(message).map_err(|_| damaged())?;
        if manifest.version != BACKUP_VERSION || !manifest.has_known_files() {
            return Err(damaged());
        }
        Ok(manifest)
    }

    /// Nothing but what a machine's directory has, each once, the database first.
    fn has_known_files(&self) -> bool {
        let mut names: Vec<&str> = self.files.iter().map(|file| file.name.as_str()).collect();
        let is_known = |name: &str| {
            name.strip_prefix(FOLDER)
                .and_then(|name| name.strip_prefix('/'))
                .is_some_and(|name| FILES.contains(&name))
        };
        let are_known = names.first() == Some(&FILE_NAME)
            && names.iter().skip(1).all(|name| is_known(name))
            && self.files.iter().all(|file| file.size_bytes > 0);
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        are_known && names.len() == count
    }

    fn size_bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.size_bytes))
    }

    /// As outputs give it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let file = |file: &Listed| json!({ "name": file.name, "bytes": file.size_bytes });
        json!({
            "node": self.machine.to_string(),
            "agency": self.seat.as_str(),
            "at": rfc3339(self.at),
            "position": self.position,
            "digest": Hash(self.logs.digest.0).to_string(),
            "files": self.files.iter().map(file).collect::<Value>(),
        })
    }
}

/// Long work as it goes on: what is being done, how many bytes of how many.
pub type Told<'a> = dyn FnMut(Stage, u64, u64) + 'a;

/// What long work is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The database is copied.
    Copying,
    /// Parts are sealed and written.
    Writing,
    /// Parts are read and opened.
    Reading,
}

/// Writes a backup of the machine in `dir`, also while a program serves it.
///
/// # Errors
/// The file is there already, the disk is full, or another backup of this directory is being made or looked at.
pub fn create(
    dir: &Path,
    reader: &Reader,
    identity: &MachineIdentity,
    random: &dyn Random,
    at: Millis,
    out: &Path,
    told: &mut Told<'_>,
) -> Result<Value, BundleFault> {
    let own = To { machine: identity.node(), seal: identity.keys().public().seal };
    let province = reader.read(province_keys)?.filter(|keys| keys.node() != own.machine);
    let mut to = vec![own];
    to.extend(province.map(|keys| To { machine: keys.node(), seal: keys.seal }));
    let letter = Letter {
        kind: BundleKind::BACKUP,
        province: identity.province(),
        keys: identity.keys(),
        certificate: identity.is_granted().then(|| identity.certificate().to_vec()),
        to,
        at,
    };
    // First of all: nothing is copied for a file that cannot be written.
    let mut parts = Parts::new(&letter, random, out, PART_BYTES_DEFAULT, &[])?;
    let place = CopyPlace::take(dir)?;
    reader.copy_to(&place.copy, &mut |done, all| told(Stage::Copying, done, all))?;
    let copied = Reader::of_copy(&place.copy, at)?;
    let head = copied.read(|view| view.record_head(identity.province()))?;
    drop(copied);
    let mut sources = vec![(FILE_NAME.to_owned(), place.copy.clone())];
    for name in FILES {
        let path = dir.join(FOLDER).join(name);
        if path.exists() {
            sources.push((format!("{FOLDER}/{name}"), path));
        }
    }
    let files = sources.iter().map(|(name, path)| listed(name, path)).collect::<Result<_, _>>()?;
    let manifest = Manifest {
        version: BACKUP_VERSION,
        machine: identity.node(),
        seat: identity.seat().clone(),
        at,
        position: head.position,
        logs: head.logs,
        files,
    };
    parts.push_bytes(&[&to_cbor(&manifest)])?;
    let (mut done, all) = (0, manifest.size_bytes());
    for (_, path) in &sources {
        let mut source = open(path)?;
        loop {
            let bytes = match next_piece(&mut source, path) {
                Ok(bytes) => bytes,
                Err(fault) => return Err(parts.abandon(fault)),
            };
            if bytes.is_empty() {
                break;
            }
            parts.push_bytes(&[&bytes])?;
            done += bytes.len() as u64;
            told(Stage::Writing, done, all);
        }
    }
    let written = parts.finish()?;
    let mut value = manifest.to_json();
    if let Value::Object(map) = &mut value {
        map.insert("bundle".to_owned(), written.bundle.to_string().into());
        map.insert("parts".to_owned(), written.files_json());
        map.insert("is_for_province".to_owned(), (letter.to.len() > 1).into());
    }
    Ok(value)
}

/// The place for one copy of the database, held by one process at a time.
struct CopyPlace {
    copy: PathBuf,
    _held: File,
}

impl CopyPlace {
    fn take(dir: &Path) -> Result<Self, BundleFault> {
        let held = open(dir)?;
        match held.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(Refusal::of_field("backup-running", "--dir").with("path", dir.display()).into());
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(failed(dir)(error)),
        }
        let copy = dir.join(COPY_NAME);
        // Of a process that was killed.
        remove_database(&copy);
        Ok(Self { copy, _held: held })
    }
}

impl Drop for CopyPlace {
    fn drop(&mut self) {
        remove_database(&self.copy);
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> BundleFault {
    let path = path.to_owned();
    move |source| BundleFault::File { path, source }
}

fn open(path: &Path) -> Result<File, BundleFault> {
    File::open(path).map_err(failed(path))
}

fn next_piece(source: &mut File, path: &Path) -> Result<Vec<u8>, BundleFault> {
    let mut bytes = Vec::new();
    source.take(PIECE_BYTES as u64).read_to_end(&mut bytes).map_err(failed(path))?;
    Ok(bytes)
}

fn listed(name: &str, path: &Path) -> Result<Listed, BundleFault> {
    let mut source = open(path)?;
    let (mut hasher, mut size_bytes) = (blake3::Hasher::new(), 0u64);
    loop {
        let bytes = next_piece(&mut source, path)?;
        if bytes.is_empty() {
            break;
        }
        size_bytes += bytes.len() as u64;
        hasher.update(&bytes);
    }
    Ok(Listed { name: name.to_owned(), size_bytes, hash: Hash(*hasher.finalize().as_bytes()) })
}

/// By what a backup is opened.
#[derive(Clone, Copy, Debug)]
pub enum Opener<'k> {
    /// By keys that it is sealed to.
    Keys(&'k SecretKeys),
    /// By its parts' own keys, of this backup, in their order.
    PartKeys(BundleId, &'k [[u8; 32]]),
}

impl Opener<'_> {
    fn open(self, path: &Path, part: &Part<'_>) -> Result<Vec<u8>, BundleFault> {
        let header = &part.header;
        match self {
            Self::Keys(keys) => file::open(path, part, keys),
            Self::PartKeys(bundle, keys) => {
                let place = usize::try_from(header.part).unwrap_or(0).checked_sub(1);
                let key = place.and_then(|place| keys.get(place)).filter(|_| bundle == header.bundle);
                let info = Header::seal_info(&header.from, header.bundle, header.part);
                key.and_then(|key| seal::open_content(part.sealed, &info, key).ok())
                    .ok_or_else(|| file::refusal_of(path, "backup-grant-other"))
            }
        }
    }
}

/// The parts of a backup, one after the other, each whole and as it was signed.
struct PartFiles {
    first: PathBuf,
    number: u64,
    bundle: Option<(BundleId, sync_protocol::ids::PublicKey)>,
}

impl PartFiles {
    fn new(first: &Path) -> Self {
        Self { first: first.to_owned(), number: 0, bundle: None }
    }

    /// Looks at the next part. `look` says whether it is the last one.
    fn next<T>(
        &mut self,
        look: impl FnOnce(&Path, &Part<'_>, &[u8]) -> Result<T, BundleFault>,
    ) -> Result<(T, bool), BundleFault> {
        self.number += 1;
        let path = part_path(&self.first, self.number);
        if self.number > BUNDLE_PARTS_MAX || (self.number > 1 && !path.exists()) {
            return Err(file::refusal_of(&path, "backup-part-missing"));
        }
        let bytes = file::read_file(&path)?;
        let part = file::read(&path, &bytes)?;
        let header = &part.header;
        if header.kind != BundleKind::BACKUP {
            return Err(file::refusal_of(&path, "backup-not-a-backup"));
        }
        let of = (header.bundle, header.from);
        if header.part != self.number || self.bundle.is_some_and(|bundle| bundle != of) {
            return Err(file::refusal_of(&path, "bundle-other-part"));
        }
        self.bundle = Some(of);
        let head = bytes.get(..bytes.len() - part.sealed.len()).unwrap_or_default();
        let is_last = header.is_last;
        Ok((look(&path, &part, head)?, is_last))
    }
}

/// What a backup says to everybody.
#[derive(Clone, Debug)]
pub struct Outside {
    /// The header of its first part.
    pub header: Header,
    /// The beginnings of all parts, up to their signatures.
    pub heads: Vec<Vec<u8>>,
    /// All its files together.
    pub size_bytes: u64,
}

impl Outside {
    /// The machine that wrote it.
    #[must_use]
    pub fn machine(&self) -> NodeId {
        identity::node_of(&self.header.from.0)
    }

    /// Whom, beside its machine, somebody without a key can ask: the province's machine and its seal key.
    #[must_use]
    pub fn province(&self) -> Option<To> {
        let other = self.header.to.iter().find(|to| to.machine != self.machine())?;
        Some(To { machine: other.machine, seal: other.seal?.0 })
    }

    /// As outputs give it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "bundle": self.header.bundle.to_string(),
            "node": self.machine().to_string(),
            "at": rfc3339(self.header.at),
            "province": self.header.province.to_string(),
            "part_count": self.heads.len(),
            "bytes": self.size_bytes,
            "is_for_province": self.province().is_some(),
        })
    }
}

/// Reads what needs no key: that all parts are here, whole, and as one machine signed them.
///
/// # Errors
/// It is no backup, or damaged, cut, newer, or a part is missing.
pub fn outside(path: &Path) -> Result<Outside, BundleFault> {
    let (mut files, mut first, mut heads, mut size_bytes) = (PartFiles::new(path), None, Vec::new(), 0u64);
    loop {
        let ((header, head, bytes), is_last) = files.next(|_, part, head| {
            Ok((part.header.clone(), head.to_vec(), (head.len() + part.sealed.len()) as u64))
        })?;
        heads.push(head);
        size_bytes += bytes;
        let header = first.get_or_insert(header);
        if is_last {
            return Ok(Outside { header: header.clone(), heads, size_bytes });
        }
    }
}

/// Reads all parts of a backup, and writes each file where `place` says; others are only checked.
///
/// # Errors
/// The opener does not open it; it is damaged, cut or newer; or the disk is full.
pub fn unpack(
    path: &Path,
    opener: Opener<'_>,
    place: &mut dyn FnMut(&str) -> Option<PathBuf>,
    told: &mut Told<'_>,
) -> Result<Manifest, BundleFault> {
    let (mut files, mut unpacking) = (PartFiles::new(path), None::<Unpacking>);
    loop {
        let ((), is_last) = files.next(|path, part, _| {
            let damaged = || file::refusal_of(path, "bundle-damaged");
            let content = opener.open(path, part)?;
            for message in bundle::messages(&content).map_err(|_| damaged())? {
                match &mut unpacking {
                    Some(unpacking) => {
                        unpacking.take(message, place).map_err(|fault| fault.of(path))?;
                        told(Stage::Reading, unpacking.done_bytes, unpacking.manifest.size_bytes());
                    }
                    None => {
                        let manifest = Manifest::read(message, path)?;
                        if manifest.machine != identity::node_of(&part.header.from.0) {
                            return Err(damaged());
                        }
                        unpacking = Some(Unpacking { manifest, number: 0, open: None, done_bytes: 0 });
                    }
                }
            }
            Ok(())
        })?;
        if is_last {
            let done = unpacking.filter(Unpacking::is_done).map(|unpacking| unpacking.manifest);
            return done.ok_or_else(|| file::refusal_of(path, "bundle-damaged"));
        }
    }
}

/// Files coming out of a backup, one after the other.
struct Unpacking {
    manifest: Manifest,
    number: usize,
    open: Option<Coming>,
    done_bytes: u64,
}

/// A file that is coming.
struct Coming {
    to: Option<(PathBuf, File)>,
    left_bytes: u64,
    hasher: blake3::Hasher,
}

/// Why a piece is not taken.
enum PieceFault {
    Damaged,
    Disk(BundleFault),
}

impl PieceFault {
    fn of(self, path: &Path) -> BundleFault {
        match self {
            Self::Damaged => file::refusal_of(path, "bundle-damaged"),
            Self::Disk(fault) => fault,
        }
    }
}

impl Unpacking {
    fn is_done(&self) -> bool {
        self.open.is_none() && self.number == self.manifest.files.len()
    }

    fn take(
        &mut self,
        bytes: &[u8],
        place: &mut dyn FnMut(&str) -> Option<PathBuf>,
    ) -> Result<(), PieceFault> {
        let listed = self.manifest.files.get(self.number).ok_or(PieceFault::Damaged)?;
        let mut coming = match self.open.take() {
            Some(coming) => coming,
            None => {
                let to = place(&listed.name).map(create_file).transpose().map_err(PieceFault::Disk)?;
                Coming { to, left_bytes: listed.size_bytes, hasher: blake3::Hasher::new() }
            }
        };
        let size_bytes = bytes.len() as u64;
        if size_bytes == 0 || size_bytes > coming.left_bytes {
            return Err(PieceFault::Damaged);
        }
        coming.hasher.update(bytes);
        coming.left_bytes -= size_bytes;
        self.done_bytes += size_bytes;
        if let Some((path, target)) = &mut coming.to {
            target.write_all(bytes).map_err(|error| PieceFault::Disk(failed(path)(error)))?;
        }
        if coming.left_bytes > 0 {
            self.open = Some(coming);
            return Ok(());
        }
        if coming.hasher.finalize().as_bytes() != &listed.hash.0 {
            return Err(PieceFault::Damaged);
        }
        if let Some((path, target)) = &coming.to {
            target.sync_all().map_err(|error| PieceFault::Disk(failed(path)(error)))?;
        }
        self.number += 1;
        Ok(())
    }
}

fn create_file(path: PathBuf) -> Result<(PathBuf, File), BundleFault> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let target = options.open(&path).map_err(failed(&path))?;
    Ok((path, target))
}

/// What a look into a backup found.
#[derive(Clone, Debug)]
pub struct Looked {
    /// What it says of itself.
    pub manifest: Manifest,
    /// What is wrong inside the database, as the machine had it.
    pub findings: Vec<crate::store::verify::Finding>,
}

/// Opens a backup and checks it from the first byte to the last: every file, and the database as `motcua verify` does.
/// The copy of the database lies in `place` meanwhile.
///
/// # Errors
/// These keys do not open it, it is damaged, or was written by a newer program.
pub fn look_inside(
    path: &Path,
    keys: &SecretKeys,
    place: &Path,
    at: Millis,
    told: &mut Told<'_>,
) -> Result<Looked, BundleFault> {
    let place = CopyPlace::take(place)?;
    let copy = |name: &str| (name == FILE_NAME).then(|| place.copy.clone());
    let manifest = unpack(path, Opener::Keys(keys), &mut copy.clone(), told)?;
    let findings = check(&place.copy, path, &manifest, at)?;
    Ok(Looked { manifest, findings })
}

/// Compares a copy of the database with what the backup says of it, and checks it as `motcua verify` does.
///
/// # Errors
/// It is not what the backup says, cannot be read, or a newer program wrote it.
pub fn check(
    copy: &Path,
    backup: &Path,
    manifest: &Manifest,
    at: Millis,
) -> Result<Vec<crate::store::verify::Finding>, BundleFault> {
    let reader = Reader::of_copy(copy, at)?;
    let identity = reader.identity()?;
    let (head, findings) =
        reader.read(|view| Ok((view.record_head(identity.province)?, view.verify(identity.role)?)))?;
    let said = RecordHead { position: manifest.position, logs: manifest.logs };
    if identity.machine != manifest.machine || head != said {
        return Err(file::refusal_of(backup, "bundle-damaged"));
    }
    Ok(findings)
}

/// The beginnings of a backup's parts as somebody shows them: all of one backup of one machine.
///
/// # Errors
/// None: `None` when they are not that.
#[must_use]
pub fn shown_heads(heads: &[&[u8]]) -> Option<Vec<Header>> {
    let mut headers: Vec<Header> = Vec::with_capacity(heads.len());
    for bytes in heads {
        let (Head { header, .. }, rest) = Head::read(bytes).ok()?;
        let part = headers.len() as u64 + 1;
        let is_next = headers.last().is_none_or(|last| {
            (last.bundle, last.from, last.province, last.is_last)
                == (header.bundle, header.from, header.province, false)
        });
        if header.kind != BundleKind::BACKUP || header.part != part || !is_next || !rest.is_empty() {
            return None;
        }
        headers.push(header);
    }
    headers.last().is_some_and(|last| last.is_last).then_some(headers)
}

/// The certificate that a backup's machine showed.
#[must_use]
pub fn certificate_of(header: &Header) -> Option<&[u8]> {
    header.certificate.as_ref().map(|Certificate(bytes)| bytes.as_slice())
}

#[cfg(test)]
mod tests {
    use sync_protocol::entry::Digest;

    use super::*;

    /// The first message of a backup of the first form.
    const MANIFEST_V1: &str = "87015001010101010101010101010101010101674832372e3130311b0000019cabf8c09b191267a20048000000000000\
        000301582002020202020202020202020202020202020202020202020202020202020202028283696d6f746375612e64\
        621a000493e05820030303030303030303030303030303030303030303030303030303030303030383756964656e7469\
        74792f6d616368696e652e63626f721902bc582003030303030303030303030303030303030303030303030303030303\
        03030303";

    fn manifest() -> Manifest {
        let file = |name: &str, size_bytes| Listed { name: name.to_owned(), size_bytes, hash: Hash([3; 32]) };
        Manifest {
            version: BACKUP_VERSION,
            machine: NodeId([1; 16]),
            seat: "H27.101".parse().unwrap(),
            at: Millis(1_772_411_732_123),
            position: 4711,
            logs: LogsSummary { count: 3, digest: Digest([2; 32]) },
            files: vec![file(FILE_NAME, 300_000), file("identity/machine.cbor", 700)],
        }
    }

    fn read(bytes: &[u8]) -> Result<Manifest, String> {
        match Manifest::read(bytes, Path::new("x")) {
            Ok(manifest) => Ok(manifest),
            Err(BundleFault::Refused(refusal)) => Err(refusal.code.into_owned()),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_manifest_keeps_its_first_form_and_a_newer_one_is_refused() {
        let first: Vec<u8> = (0..MANIFEST_V1.len() / 2)
            .map(|at| u8::from_str_radix(&MANIFEST_V1[at * 2..at * 2 + 2], 16).unwrap())
            .collect();
        let hex: String = to_cbor(&manifest()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, MANIFEST_V1, "the old writer's bytes");
        assert_eq!(read(&first), Ok(manifest()), "old data");
        // A field that a newer program adds is passed over; a newer form is not guessed at.
        let mut longer = first.clone();
        longer[0] += 1;
        longer.push(0x07);
        assert_eq!(read(&longer), Ok(manifest()));
        let mut newer = first.clone();
        newer[1] = BACKUP_VERSION + 1;
        assert_eq!(read(&newer), Err("bundle-unreadable".to_owned()));
        newer[1] = 0;
        assert_eq!(read(&newer), Err("bundle-damaged".to_owned()));
        assert_eq!(read(&first[..first.len() - 1]), Err("bundle-damaged".to_owned()));
    }

    #[test]
    fn only_files_of_a_machines_directory_come_out_of_a_backup() {
        for names in [
            &["identity/machine.cbor"][..],
            &[FILE_NAME, "../machine.cbor"],
            &[FILE_NAME, "identity/../../x"],
            &[FILE_NAME, "identity/other"],
            &[FILE_NAME, FILE_NAME],
            &[FILE_NAME, "identity/machine.cbor", "identity/machine.cbor"],
            &[],
        ] {
            let mut wrong = manifest();
            wrong.files = names
                .iter()
                .map(|name| Listed { name: (*name).to_owned(), size_bytes: 1, hash: Hash([0; 32]) })
                .collect();
            assert_eq!(read(&to_cbor(&wrong)), Err("bundle-damaged".to_owned()), "{names:?}");
        }
        let mut empty = manifest();
        empty.files[1].size_bytes = 0;
        assert_eq!(read(&to_cbor(&empty)), Err("bundle-damaged".to_owned()));
    }
}
