//! Putting a backup back: on the machine's own computer by its own keys, on another one by the province's leave.
//!
//! On a computer without the keys, `request` makes a key of its own and shows the beginnings of the backup's parts to
//! the province, which can open them; `grant` answers with the parts' keys, for this one backup and sealed to that key,
//! and with number series that no copy of the machine ever had.

use std::fs::File;
use std::path::Path;
use std::path::PathBuf;

use minicbor::Decode;
use minicbor::Encode;
use serde_json::Value;
use serde_json::json;
use sync_protocol::bundle as protocol;
use sync_protocol::bundle::BundleKind;
use sync_protocol::bundle::Header;
use sync_protocol::bundle::Part;
use sync_protocol::ids::BundleId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::time::Millis;

use crate::bundle::BundleFault;
use crate::bundle::backup;
use crate::bundle::backup::Manifest;
use crate::bundle::backup::Opener;
use crate::bundle::backup::Outside;
use crate::bundle::backup::Told;
use crate::bundle::file;
use crate::bundle::file::Letter;
use crate::bundle::file::To;
use crate::clock::Clock;
use crate::clock::rfc3339;
use crate::control::Failure;
use crate::identity;
use crate::identity::FILES;
use crate::identity::FOLDER;
use crate::identity::IdentityError;
use crate::identity::MachineIdentity;
use crate::identity::Role;
use crate::identity::SecretKeys;
use crate::identity::has_waiting_keys;
use crate::identity::seal;
use crate::identity::to_cbor;
use crate::identity::version_of;
use crate::identity::waiting_keys;
use crate::refusal::Refusal;
use crate::roles::Office;
use crate::roles::SERIES_AT_ENROLMENT;
use crate::roles::fresh_seeds;
use crate::roles::identity_failure;
use crate::roles::pack::from_province;
use crate::roles::province;
use crate::roles::province::require_province;
use crate::roles::stick::bundle_failure;
use crate::roles::store_failure;
use crate::store::OpenOptions;
use crate::store::Random;
use crate::store::copy;
use crate::store::copy::Restoration;
use crate::store::copy::SeriesOfGrant;
use crate::store::open::FILE_NAME;
use crate::store::open::LOCK_NAME;
use crate::store::open::create_private;
use crate::store::open::is_witness_held;
use crate::store::verify::Finding;

/// The form of requests and grants that this program writes and reads.
const RESTORE_VERSION: u8 = 1;
/// Where a backup is unpacked before it takes its place.
const STAGING: &str = ".restoring";
/// Digits that two persons compare: 48 bits of a key's hash.
const CODE_DIGITS: usize = 12;

/// What somebody without keys asks; the beginnings of the backup's parts follow it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct AskBody {
    #[n(0)]
    version: u8,
    /// To which the answer is sealed.
    #[n(1)]
    seal: Hash,
}

/// The province's answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct GrantBody {
    #[n(0)]
    version: u8,
    #[n(1)]
    bundle: BundleId,
    #[n(2)]
    machine: NodeId,
    /// The key of each part, in their order.
    #[n(3)]
    keys: Vec<Hash>,
    #[n(4)]
    series: SeriesOfGrant,
}

fn refused(code: &'static str, path: &Path) -> Failure {
    Refusal::of_field(code, "file").with("path", path.display()).into()
}

/// What is compared over the telephone: whose key a request carries.
fn code_of(asker: NodeId) -> String {
    let text: String = asker.to_string().chars().take(CODE_DIGITS).collect();
    let groups: Vec<&str> =
        (0..CODE_DIGITS / 4).filter_map(|group| text.get(group * 4..group * 4 + 4)).collect();
    groups.join("-")
}

/// Asks the province's leave to put a backup back into `dir`, on a computer without its keys.
///
/// # Errors
/// It is no backup, is not whole, or only its own machine can open it; or the request is there already.
pub fn request(
    backup: &Path,
    dir: &Path,
    out: &Path,
    random: &dyn Random,
    clock: &dyn Clock,
) -> Result<Value, Failure> {
    let outside = backup::outside(backup).map_err(bundle_failure)?;
    let province = outside.province().ok_or_else(|| refused("backup-own-keys-only", backup))?;
    let room = Room::take(dir, outside.machine())?;
    let keys = waiting_keys(dir, &fresh_seeds(random)?).map_err(identity_failure)?;
    let mut content = Vec::new();
    let ask = AskBody { version: RESTORE_VERSION, seal: Hash(keys.public().seal) };
    protocol::push_message(&mut content, &to_cbor(&ask));
    outside.heads.iter().for_each(|head| protocol::push_message(&mut content, head));
    let letter = Letter {
        kind: BundleKind::RESTORE_REQUEST,
        province: outside.header.province,
        keys: &keys,
        certificate: None,
        to: vec![province],
        at: clock.wall(),
    };
    letter.write_whole(out, &content, random).map_err(bundle_failure)?;
    room.keep();
    let mut value = outside.to_json();
    if let Value::Object(map) = &mut value {
        map.insert("request".to_owned(), out.display().to_string().into());
        map.insert("code".to_owned(), code_of(keys.node()).into());
    }
    Ok(value)
}

/// Answers such a request at the province. A person there has made sure who asks.
///
/// # Errors
/// It does not show a backup of a machine of this province, or that machine is banned.
pub(super) fn grant(office: &Office, request: &Path, part: &Part<'_>, out: &Path) -> Result<Value, Failure> {
    let authority = require_province(office)?;
    let identity = &office.identity;
    let content = file::open(request, part, identity.keys()).map_err(bundle_failure)?;
    let damaged = || refused("bundle-damaged", request);
    let messages = protocol::messages(&content).map_err(|_| damaged())?;
    let (first, heads) = messages.split_first().ok_or_else(damaged)?;
    if version_of(first).is_some_and(|version| version > RESTORE_VERSION) {
        return Err(refused("bundle-unreadable", request));
    }
    let ask: AskBody = minicbor::decode(first).map_err(|_| damaged())?;
    let headers = backup::shown_heads(heads).ok_or_else(damaged)?;
    let backup = headers.first().ok_or_else(damaged)?;
    let certified = backup::certificate_of(backup)
        .and_then(|certificate| identity::read_certificate(certificate, &authority.public_key()).ok())
        .filter(|certified| certified.role == Role::Commune && certified.keys.signing == backup.from.0)
        .ok_or_else(|| refused("backup-machine-unknown", request))?;
    let machine = certified.node;
    if office.store.read(|view| view.is_banned(machine)).map_err(store_failure)? {
        return Err(Refusal::of_field("backup-machine-banned", "request").with("node", machine).into());
    }
    let keys: Option<Vec<Hash>> =
        headers.iter().map(|header| part_key(header, identity.keys()).map(Hash)).collect();
    let keys = keys.ok_or_else(damaged)?;
    if out.symlink_metadata().is_ok() {
        return Err(Refusal::of_field("bundle-file-exists", "--out").with("path", out.display()).into());
    }
    let series = new_series(office, machine)?;
    let given = series.given.clone();
    let body = GrantBody { version: RESTORE_VERSION, bundle: backup.bundle, machine, keys, series };
    let asker = identity::node_of(&part.header.from.0);
    let letter = Letter {
        kind: BundleKind::RESTORE_GRANT,
        province: identity.province(),
        keys: identity.keys(),
        certificate: Some(identity.certificate().to_vec()),
        to: vec![To { machine: asker, seal: ask.seal.0 }],
        at: office.clock().wall(),
    };
    let mut content = Vec::new();
    protocol::push_message(&mut content, &to_cbor(&body));
    letter.write_whole(out, &content, office.random.as_ref()).map_err(bundle_failure)?;
    Ok(json!({
        "kind": "restore",
        "node": machine.to_string(),
        "agency": certified.seat.as_str(),
        "backup": backup.bundle.to_string(),
        "backup_at": rfc3339(backup.at),
        "code": code_of(asker),
        "series": given,
        "out": out.display().to_string(),
        "at": rfc3339(office.clock().wall()),
    }))
}

fn part_key(header: &Header, keys: &SecretKeys) -> Option<[u8; 32]> {
    let info = Header::seal_info(&header.from, header.bundle, header.part);
    let mine = header.to.iter().filter(|to| to.machine == keys.node());
    mine.filter_map(|to| seal::open_key(&to.key, &info, &keys.seal().to_bytes()).ok()).next()
}

/// Series for a machine that is put back, and all that any copy of it may have printed from.
fn new_series(office: &Office, machine: NodeId) -> Result<SeriesOfGrant, Failure> {
    let held = office.shelf.held()?;
    let block: Vec<u16> = held.directory.province().series_block.iter().collect();
    let identity = std::sync::Arc::clone(&office.identity);
    office
        .store
        .write(move |tx| {
            let left = tx.series_of(machine)?;
            let given = province::allot(tx, machine, SERIES_AT_ENROLMENT, &block)?;
            province::tell_series(tx, &identity, machine, given.clone())?;
            tx.audit_row("restore-grant", None, None)?;
            Ok(SeriesOfGrant { given, left })
        })
        .map_err(store_failure)
}

/// By whose leave a backup is put back.
#[derive(Clone, Copy, Debug)]
pub enum By<'p> {
    /// The identity folder that stands in the directory itself.
    Own,
    /// The identity folder of another directory: the machine's old one, or the province's.
    Keys(&'p Path),
    /// The province's grant.
    Grant(&'p Path),
}

/// A backup that stands in its place again.
#[derive(Debug)]
pub struct Restored {
    /// What it says of itself.
    pub manifest: Manifest,
    /// What is wrong in its database, as the machine had it when it was made.
    pub findings: Vec<Finding>,
    /// Whether this computer's witness knows how far the machine had come.
    pub has_witness: bool,
    /// Series that came with the grant.
    pub given: Vec<String>,
}

impl Restored {
    /// As outputs give it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut value = self.manifest.to_json();
        if let Value::Object(map) = &mut value {
            map.insert("has_witness".to_owned(), self.has_witness.into());
            map.insert("series".to_owned(), self.given.clone().into());
        }
        value
    }
}

/// Puts a backup back into `dir`, which has nothing but perhaps an identity folder, and opens it once, so that what it
/// must know of its past stands in it before anything else is done.
///
/// # Errors
/// The directory is not empty, the machine is at work on this computer, the backup is damaged or of a newer program, or
/// nothing here opens it. Nothing is left in `dir` then.
pub fn restore(
    file: &Path,
    dir: &Path,
    by: By<'_>,
    witness_of: impl Fn(NodeId) -> PathBuf,
    told: &mut Told<'_>,
) -> Result<Restored, Failure> {
    let outside = backup::outside(file).map_err(bundle_failure)?;
    let machine = outside.machine();
    let options = OpenOptions::new(witness_of(machine));
    let room = Room::take(dir, machine)?;
    let has_witness = match is_witness_held(&options.witness, machine) {
        Some(true) => return Err(Refusal::new("backup-machine-works").with("node", machine).into()),
        Some(false) => true,
        None => false,
    };
    let (manifest, findings, series) = put(file, &outside, by, &room, options.clock.wall(), told)?;
    room.keep();
    // Opening takes the directory's lock itself.
    drop(room);
    let office = Office::open_with(dir, |_| options)?;
    if office.authority.is_some() {
        let (refill, node) = (province::refill(&office), office.identity.node());
        office.store.write(move |tx| refill(tx, node, None)).map_err(store_failure)?;
    }
    office.store.write(|tx| tx.audit_row("restore", None, None)).map_err(store_failure)?;
    let given = series.map(|series| series.given).unwrap_or_default();
    Ok(Restored { manifest, findings, has_witness, given })
}

/// Everything up to the moment in which the database stands in its place.
fn put(
    file: &Path,
    outside: &Outside,
    by: By<'_>,
    room: &Room,
    now: Millis,
    told: &mut Told<'_>,
) -> Result<(Manifest, Vec<Finding>, Option<SeriesOfGrant>), Failure> {
    let keys_of = |dir: &Path| match MachineIdentity::load(dir) {
        Ok(identity) => Ok(identity.keys().clone()),
        Err(IdentityError::Missing { .. }) => Err(refused("backup-needs-keys", file)),
        Err(error) => Err(identity_failure(error)),
    };
    let mut place = |name: &str| Some(room.staging().join(name));
    let (manifest, granted) = match by {
        By::Own => (unpack(file, Opener::Keys(&keys_of(&room.dir)?), &mut place, told)?, None),
        By::Keys(dir) => (unpack(file, Opener::Keys(&keys_of(dir)?), &mut place, told)?, None),
        By::Grant(path) => {
            let body = read_grant(path, outside, &room.dir)?;
            let keys: Vec<[u8; 32]> = body.keys.iter().map(|key| key.0).collect();
            let manifest = unpack(file, Opener::PartKeys(body.bundle, &keys), &mut place, told)?;
            (manifest, Some((path, body.series)))
        }
    };
    let identity = MachineIdentity::load(&room.staging()).map_err(identity_failure)?;
    if identity.node() != manifest.machine || identity.province() != outside.header.province {
        return Err(refused("bundle-damaged", file));
    }
    if let Some((path, _)) = &granted {
        let bytes = file::read_file(path).map_err(bundle_failure)?;
        from_province(path, &file::read(path, &bytes).map_err(bundle_failure)?, identity.ca())?;
    }
    let series = granted.map(|(_, series)| series);
    let copied = room.staging().join(FILE_NAME);
    let findings = backup::check(&copied, file, &manifest, now).map_err(bundle_failure)?;
    let restoration = Restoration::new(manifest.at, now, series.clone());
    copy::tell_restored(&copied, manifest.machine, &restoration).map_err(store_failure)?;
    room.settle(identity.is_granted()).map_err(bundle_failure)?;
    Ok((manifest, findings, series))
}

fn unpack(
    file: &Path,
    opener: Opener<'_>,
    place: &mut dyn FnMut(&str) -> Option<PathBuf>,
    told: &mut Told<'_>,
) -> Result<Manifest, Failure> {
    backup::unpack(file, opener, place, told).map_err(bundle_failure)
}

/// What the province answered to the key that waits in `dir`. Whether it was the province is asked when the backup has
/// said whose province that is.
fn read_grant(path: &Path, outside: &Outside, dir: &Path) -> Result<GrantBody, Failure> {
    if !has_waiting_keys(dir) {
        return Err(Refusal::of_field("backup-not-asked", "--dir").with("path", dir.display()).into());
    }
    let keys = waiting_keys(dir, &[[0; 32]; 3]).map_err(identity_failure)?;
    let bytes = file::read_file(path).map_err(bundle_failure)?;
    let part = file::check(path, &bytes, outside.header.province).map_err(bundle_failure)?;
    if part.header.kind != BundleKind::RESTORE_GRANT {
        return Err(refused("backup-not-a-grant", path));
    }
    let content = file::open(path, &part, &keys).map_err(bundle_failure)?;
    let damaged = || refused("bundle-damaged", path);
    let messages = protocol::messages(&content).map_err(|_| damaged())?;
    let first = messages.first().ok_or_else(damaged)?;
    if version_of(first).is_some_and(|version| version > RESTORE_VERSION) {
        return Err(refused("bundle-unreadable", path));
    }
    let body: GrantBody = minicbor::decode(first).map_err(|_| damaged())?;
    if body.bundle != outside.header.bundle || body.machine != outside.machine() {
        return Err(refused("backup-grant-other", path));
    }
    Ok(body)
}

/// The directory that a backup is put into, held by this process alone. Dropped before [`Room::keep`], it is as it was.
struct Room {
    dir: PathBuf,
    is_made: bool,
    has_identity: bool,
    has_lock: bool,
    is_kept: std::cell::Cell<bool>,
    _lock: File,
}

impl Room {
    fn take(dir: &Path, machine: NodeId) -> Result<Self, Failure> {
        let not_empty = || -> Failure {
            Refusal::of_field("backup-not-empty", "--dir").with("path", dir.display()).into()
        };
        let failed = |source| bundle_failure(BundleFault::File { path: dir.to_owned(), source });
        let is_made = !dir.exists();
        let names: Vec<_> = if is_made {
            Vec::new()
        } else {
            let entries = std::fs::read_dir(dir).map_err(failed)?;
            entries
                .map(|entry| entry.map(|entry| entry.file_name()))
                .collect::<Result<_, _>>()
                .map_err(failed)?
        };
        let may_stand = [FOLDER, STAGING, LOCK_NAME];
        if names.iter().any(|name| may_stand.iter().all(|known| name != known)) {
            return Err(not_empty());
        }
        let has_identity = match MachineIdentity::load(dir) {
            Ok(identity) if identity.node() == machine => true,
            Err(IdentityError::Missing { .. }) => false,
            Ok(_) => return Err(not_empty()),
            Err(error) => return Err(identity_failure(error)),
        };
        let has_lock = names.iter().any(|name| name == LOCK_NAME);
        create_private(dir).map_err(store_failure)?;
        let lock = crate::store::open::lock(dir).map_err(store_failure)?;
        let is_kept = std::cell::Cell::new(false);
        let room = Self { dir: dir.to_owned(), is_made, has_identity, has_lock, is_kept, _lock: lock };
        // Of a process that was killed.
        let _there_may_be_none = std::fs::remove_dir_all(room.staging());
        create_private(&room.staging().join(FOLDER)).map_err(store_failure)?;
        Ok(room)
    }

    fn staging(&self) -> PathBuf {
        self.dir.join(STAGING)
    }

    /// Moves what was unpacked into its place, the database last: without it there is no office here.
    fn settle(&self, is_granted: bool) -> Result<(), BundleFault> {
        let mut moved: Vec<PathBuf> = Vec::new();
        let settled = (|| {
            let identity = self.dir.join(FOLDER);
            create_private(&identity)?;
            for name in FILES {
                let (from, to) = (self.staging().join(FOLDER).join(name), identity.join(name));
                // What stands here of this machine is as new or newer.
                if from.exists() && !(self.has_identity && to.exists()) {
                    rename(&from, &to)?;
                    moved.push(to);
                }
            }
            File::open(&identity)
                .and_then(|folder| folder.sync_all())
                .map_err(|source| BundleFault::File { path: identity.clone(), source })?;
            rename(&self.staging().join(FILE_NAME), &self.dir.join(FILE_NAME))?;
            File::open(&self.dir)
                .and_then(|folder| folder.sync_all())
                .map_err(|source| BundleFault::File { path: self.dir.clone(), source })
        })();
        if settled.is_err() {
            copy::remove_database(&self.dir.join(FILE_NAME));
            for path in &moved {
                let _nothing_else_can_be_done = std::fs::remove_file(path);
            }
        } else if is_granted && let Err(error) = identity::forget_waiting_keys(&self.dir) {
            tracing::warn!(%error, "the keys of the request stay");
        }
        settled
    }

    /// What was put here stays.
    fn keep(&self) {
        self.is_kept.set(true);
        let _it_is_empty = std::fs::remove_dir_all(self.staging());
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), BundleFault> {
    std::fs::rename(from, to).map_err(|source| BundleFault::File { path: to.to_owned(), source })
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.is_kept.get() {
            return;
        }
        let _it_is_ours = std::fs::remove_dir_all(self.staging());
        if !self.has_lock {
            let _it_is_ours = std::fs::remove_file(self.dir.join(LOCK_NAME));
        }
        if self.is_made {
            let _all_of_it_is_ours = std::fs::remove_dir_all(&self.dir);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first messages of a request and of a grant of the first form.
    const ASK_V1: &str = "820158200101010101010101010101010101010101010101010101010101010101010101";
    const GRANT_V1: &str = "850150020202020202020202020202020202025003030303030303030303030303030303825820040404040404040404\
        040404040404040404040404040404040404040404040458200505050505050505050505050505050505050505050505\
        0505050505050505058281633130348163313031";

    fn from_hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
    }

    fn to_hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_request_and_its_answer_keep_their_first_form() {
        let ask = AskBody { version: 1, seal: Hash([1; 32]) };
        assert_eq!(to_hex(&to_cbor(&ask)), ASK_V1);
        assert_eq!(minicbor::decode::<AskBody>(&from_hex(ASK_V1)).unwrap(), ask);
        let grant = GrantBody {
            version: 1,
            bundle: BundleId([2; 16]),
            machine: NodeId([3; 16]),
            keys: vec![Hash([4; 32]), Hash([5; 32])],
            series: SeriesOfGrant { given: vec!["104".to_owned()], left: vec!["101".to_owned()] },
        };
        assert_eq!(to_hex(&to_cbor(&grant)), GRANT_V1);
        assert_eq!(minicbor::decode::<GrantBody>(&from_hex(GRANT_V1)).unwrap(), grant);
        // What a newer program adds at the end is passed over.
        let mut longer = from_hex(GRANT_V1);
        longer[0] += 1;
        longer.push(0xf6);
        assert_eq!(minicbor::decode::<GrantBody>(&longer).unwrap(), grant);
    }

    #[test]
    fn two_persons_compare_twelve_digits() {
        assert_eq!(code_of(NodeId([0xab; 16])), "abab-abab-abab");
    }
}
