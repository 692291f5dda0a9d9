//! The provincial server: creating it, publishing, giving out codes and series, and serving sessions.

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use sync_protocol::ids::NodeId;
use sync_protocol::item::ItemKind;
use sync_protocol::limits::ITEM_BODY_BYTES_MAX;
use sync_protocol::session::ProvinceSession;
use sync_protocol::session::province::ProvinceOptions;
use sync_protocol::time::Millis;
use tokio::runtime::Handle;
use tokio::runtime::Runtime;

use crate::clock::rfc3339;
use crate::control::Failure;
use crate::directory::Directory;
use crate::directory::agency::SeatKind;
use crate::directory::fault::ParseBounds;
use crate::identity::Authority;
use crate::identity::CertificateRequest;
use crate::identity::MachineIdentity;
use crate::identity::SecretKeys;
use crate::identity::Terms;
use crate::identity::Validity;
use crate::ids::AgencyCode;
use crate::provincial::BODY_VERSION;
use crate::provincial::PublishedDirectory;
use crate::provincial::Refused;
use crate::provincial::RefusedEntry;
use crate::provincial::SeriesGrant;
use crate::provincial::to_bytes;
use crate::refusal::Refusal;
use crate::roles::AUTHORITY_DAYS;
use crate::roles::CERTIFICATE_DAYS;
use crate::roles::Office;
use crate::roles::SERIES_AT_ENROLMENT;
use crate::roles::ban;
use crate::roles::ban::WHY_BYTES_MAX;
use crate::roles::fresh_seeds;
use crate::roles::identity_failure;
use crate::roles::pack;
use crate::roles::store_failure;
use crate::shutdown::Stop;
use crate::store::Identity;
use crate::store::OpenOptions;
use crate::store::Role;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::View;
use crate::store::WriteTx;
use crate::store::log::EntryFacts;
use crate::store::numbers::SeriesBlock;
use crate::store::open::create_private;
use crate::store::quarantine::Decision;
use crate::sync::province_store::ProvinceSide;
use crate::sync::province_store::Refill;
use crate::sync::province_store::append_item;
use crate::sync::run::ProvinceWake;
use crate::sync::run::run_province;
use crate::transport::CloseCode;
use crate::transport::endpoint::Arrival;
use crate::transport::endpoint::Connection;
use crate::transport::endpoint::listen;
use crate::transport::enrol::EnrolAsk;
use crate::transport::enrol::EnrolCode;
use crate::transport::enrol::EnrolDesk;
use crate::transport::enrol::EnrolDoor;
use crate::transport::enrol::EnrolGrant;
use crate::transport::enrol::EnrolRefusal;
use crate::transport::enrol::IssuedCode;
use crate::transport::enrol::Token;
use crate::transport::enrol::Verdict;
use crate::transport::enrol::is_address;
use crate::transport::enrol::judge;
use crate::transport::stream::Link;
use crate::transport::stream::spawn_link;

/// Where the province's name for people is kept.
const NAME_KEY: &str = "province-name";
/// Where the draft directory is kept.
const DRAFT_KEY: &str = "directory-draft";
/// New machines that are heard per minute.
const ENROLMENTS_PER_MINUTE: usize = 60;
/// Sessions open at once: every node of a large province twice over.
const SESSIONS_MAX: usize = 520;

/// Creates a provincial server in an empty directory and publishes its first directory version.
///
/// # Errors
/// [`Failure::Refused`] when code and directory do not fit; [`Failure::Machine`] for disk and permissions.
pub fn init(
    dir: &Path,
    witness_of: impl FnOnce(NodeId) -> PathBuf,
    code: &AgencyCode,
    name: &str,
    directory: &Directory,
) -> Result<Office, Failure> {
    init_with(dir, OpenOptions::new(""), witness_of, code, name, directory)
}

/// The same with a clock and a random source of the caller's.
///
/// # Errors
/// As [`init`].
pub fn init_with(
    dir: &Path,
    options: OpenOptions,
    witness_of: impl FnOnce(NodeId) -> PathBuf,
    code: &AgencyCode,
    name: &str,
    directory: &Directory,
) -> Result<Office, Failure> {
    if code.as_str().contains('.') {
        return Err(Refusal::of_field("province-code-level", "code").into());
    }
    if directory.province().code != *code {
        let said = &directory.province().code;
        return Err(Refusal::of_field("province-code-differs", "code").with("code", said).into());
    }
    create_private(dir).map_err(store_failure)?;
    if dir.join(crate::store::open::FILE_NAME).exists() {
        return Err(store_failure(StoreError::Exists { path: dir.to_owned() }));
    }
    let (random, now) = (Arc::clone(&options.random), options.clock.wall());
    let mut seed = [0; 32];
    random.fill(&mut seed).map_err(store_failure)?;
    let authority = Authority::from_seed(code.clone(), Validity::days(now, AUTHORITY_DAYS), &seed)
        .map_err(identity_failure)?;
    let keys = SecretKeys::from_seeds(&fresh_seeds(random.as_ref())?);
    let mut serial = [0; 8];
    random.fill(&mut serial).map_err(store_failure)?;
    let terms = Terms {
        role: crate::identity::Role::Province,
        seat: code.clone(),
        validity: Validity::days(now, AUTHORITY_DAYS),
        serial: u64::from_be_bytes(serial),
    };
    let certificate =
        authority.sign(&keys.request(authority.province()), &terms).map_err(identity_failure)?;
    let identity =
        MachineIdentity::new(keys, certificate, authority.public_key()).map_err(identity_failure)?;
    authority.save(dir).map_err(identity_failure)?;
    identity.save(dir).map_err(identity_failure)?;
    let facts = Identity {
        province: identity.province(),
        machine: identity.node(),
        seat: code.clone(),
        role: Role::Province,
    };
    let options = OpenOptions { witness: witness_of(identity.node()), ..options };
    let store = Store::create(dir, &facts, options).map_err(store_failure)?;
    let office = Office::assemble(dir, store, identity, random)?;
    let content = directory.canonical();
    let keys = Arc::clone(&office.identity);
    let name = name.to_owned();
    let series: Vec<u16> = directory.province().series_block.iter().collect();
    let run = move |tx: &mut WriteTx<'_>| {
        tx.put_meta(NAME_KEY, name.as_bytes())?;
        publish_content(tx, &keys, &content, tx.now())?;
        grant_series(tx, &keys, keys.node(), SERIES_AT_ENROLMENT, &series)
    };
    office.store.write(run).map_err(store_failure)?;
    Ok(office)
}

/// Certifies a further machine of a seat, and gives it its feed and its first series.
///
/// # Errors
/// The request is not well-formed, or the number block is empty.
pub(crate) fn admit_machine(
    office: &Office,
    request: &CertificateRequest,
    node: NodeId,
    seat: &AgencyCode,
) -> Result<Vec<u8>, Failure> {
    let authority = require_province(office)?;
    let block: Vec<u16> = office.shelf.held()?.directory.province().series_block.iter().collect();
    let now = office.clock().wall();
    let mut serial = [0; 8];
    office.random.fill(&mut serial).map_err(store_failure)?;
    let terms = Terms {
        role: crate::identity::Role::Commune,
        seat: seat.clone(),
        validity: Validity::days(now, CERTIFICATE_DAYS),
        serial: u64::from_be_bytes(serial),
    };
    let certificate = authority.sign(request, &terms).map_err(identity_failure)?;
    let (identity, seat, stored) = (Arc::clone(&office.identity), seat.clone(), certificate.clone());
    let run = move |tx: &mut WriteTx<'_>| {
        tx.store_machine(node, &seat, &stored)?;
        tx.open_feed(&seat)?;
        grant_series(tx, &identity, node, SERIES_AT_ENROLMENT, &block)?;
        tx.audit_row("enrol", None, None)
    };
    office.store.write(run).map_err(store_failure)?;
    Ok(certificate)
}

fn publish_content(
    tx: &mut WriteTx<'_>,
    identity: &MachineIdentity,
    content: &[u8],
    effective_at: Millis,
) -> Result<u32, StoreError> {
    let version = tx.newest_directory()?.map_or(1, |(version, _)| version + 1);
    let body = PublishedDirectory::pack(version, effective_at, content)
        .map_err(|error| StoreError::Bug(format!("packing a directory: {error}")))?;
    let bytes = to_bytes(&body);
    if bytes.len() > ITEM_BODY_BYTES_MAX {
        return Err(Refusal::new("directory-too-large").with("most", ITEM_BODY_BYTES_MAX).into());
    }
    append_item(tx, identity, ItemKind::DIRECTORY, bytes)?;
    tx.audit_row("directory-publish", None, None)?;
    Ok(version)
}

/// Gives a machine further series of the province's block, told by a signed item.
fn grant_series(
    tx: &mut WriteTx<'_>,
    identity: &MachineIdentity,
    machine: NodeId,
    how_many: usize,
    block: &[u16],
) -> Result<(), StoreError> {
    let series = allot(tx, machine, how_many, block)?;
    tell_series(tx, identity, machine, series)
}

/// Tells a machine, and everybody, which series are its.
pub(super) fn tell_series(
    tx: &mut WriteTx<'_>,
    identity: &MachineIdentity,
    machine: NodeId,
    series: Vec<String>,
) -> Result<(), StoreError> {
    let grant = SeriesGrant { format: BODY_VERSION, machine, series };
    append_item(tx, identity, ItemKind::GRANT, to_bytes(&grant))
}

/// Sets free series of the province's block aside for a machine.
pub(super) fn allot(
    tx: &mut WriteTx<'_>,
    machine: NodeId,
    how_many: usize,
    block: &[u16],
) -> Result<Vec<String>, StoreError> {
    let block = tx.series_in_order(block)?;
    tx.pass_over_series(&block)?;
    let mut series = Vec::new();
    for value in block {
        if series.len() == how_many {
            break;
        }
        match tx.allot_series(machine, 1, SeriesBlock { first: value, last: value }) {
            Ok(given) => series.extend(given),
            // Given to somebody already: the next one.
            Err(StoreError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    if series.len() < how_many {
        return Err(Refusal::new("number-block-empty").with("wanted", how_many).into());
    }
    Ok(series)
}

/// Keeps a checked directory file as the draft. Answers its content hash in hex.
///
/// # Errors
/// Every fault of the file, the first as the failure's reason; the draft stays as it was.
pub fn import(office: &Office, text: &str) -> Result<serde_json::Value, Failure> {
    require_province(office)?;
    let directory = Directory::parse(text, &ParseBounds::default()).map_err(|faults| {
        let first =
            faults.first().map_or_else(|| Refusal::new("directory-empty"), |fault| fault.to_refusal());
        first.with("faults", faults.len())
    })?;
    if directory.province().code != *office.identity.seat() {
        let said = &directory.province().code;
        return Err(Refusal::of_field("province-code-differs", "code").with("code", said).into());
    }
    let content = directory.canonical();
    let hash = sync_protocol::ids::Hash(directory.content_hash()).to_string();
    office.store.write(move |tx| tx.put_meta(DRAFT_KEY, &content)).map_err(store_failure)?;
    Ok(serde_json::json!({ "draft": true, "hash": hash }))
}

/// Publishes the draft as the next version, in force from `effective_at` or at once.
///
/// # Errors
/// There is no draft; or the store fails.
pub fn publish(office: &Office, effective_at: Option<Millis>) -> Result<serde_json::Value, Failure> {
    require_province(office)?;
    let identity = Arc::clone(&office.identity);
    let (version, hash, at) = office
        .store
        .write(move |tx| {
            let Some(content) = tx.meta(DRAFT_KEY)? else {
                return Err(Refusal::new("directory-no-draft").into());
            };
            let at = effective_at.unwrap_or_else(|| tx.now());
            let version = publish_content(tx, &identity, &content, at)?;
            tx.remove_meta(DRAFT_KEY)?;
            Ok((version, *blake3::hash(&content).as_bytes(), at))
        })
        .map_err(store_failure)?;
    let hash = sync_protocol::ids::Hash(hash).to_string();
    Ok(serde_json::json!({ "version": version, "hash": hash, "effective_at": rfc3339(at) }))
}

/// A one-time code for one machine of a seat.
///
/// # Errors
/// The seat is unknown or runs no node, an address is malformed, or the store fails.
pub fn enrol_new(
    office: &Office,
    agency: &str,
    addresses: &[String],
    valid_h: u64,
) -> Result<serde_json::Value, Failure> {
    issue(office, agency, addresses, valid_h, None)
}

/// The same with the file by which that machine can begin without a line.
///
/// # Errors
/// As [`enrol_new`], or the file is there already or cannot be written. A code whose pack could not be written can be
/// used over a line.
pub fn enrol_pack(
    office: &Office,
    agency: &str,
    addresses: &[String],
    valid_h: u64,
    pack: &Path,
) -> Result<serde_json::Value, Failure> {
    issue(office, agency, addresses, valid_h, Some(pack))
}

fn issue(
    office: &Office,
    agency: &str,
    addresses: &[String],
    valid_h: u64,
    pack: Option<&Path>,
) -> Result<serde_json::Value, Failure> {
    let authority = require_province(office)?;
    let agency: AgencyCode = agency.parse().map_err(|_| Refusal::of_field("line-not-agency", "agency"))?;
    if let Some(wrong) = addresses.iter().find(|address| !is_address(address)) {
        return Err(Refusal::of_field("enrol-address", "address").with("address", wrong).into());
    }
    if addresses.is_empty() {
        return Err(Refusal::of_field("line-missing", "address").into());
    }
    let held = office.shelf.held()?;
    let known = held.directory.agency(&agency);
    let known = known.ok_or_else(|| Refusal::of_field("agency-unknown", "agency").with("agency", &agency))?;
    if known.seat != SeatKind::Node {
        return Err(Refusal::of_field("enrol-not-a-node-seat", "agency").with("agency", &agency).into());
    }
    let mut code = [0; 16];
    office.random.fill(&mut code).map_err(store_failure)?;
    let code = EnrolCode(code);
    let valid_ms = i64::try_from(valid_h.saturating_mul(3_600_000)).unwrap_or(i64::MAX);
    let expires_at = Millis(office.clock().wall().0.saturating_add(valid_ms));
    let (hash, seat, has_pack) = (code.hash(), agency.clone(), pack.is_some());
    if let Some(out) = pack.filter(|out| out.symlink_metadata().is_ok()) {
        return Err(Refusal::of_field("bundle-file-exists", "--pack").with("path", out.display()).into());
    }
    let block: Vec<u16> = held.directory.province().series_block.iter().collect();
    let series = office
        .store
        .write(move |tx| {
            tx.store_enrolment(hash, &seat, expires_at)?;
            tx.audit_row("enrol-new", None, None)?;
            // Never taken back: a machine may number with them long before anybody hears of it.
            if has_pack {
                allot(tx, pack::stand_in(hash), SERIES_AT_ENROLMENT, &block)
            } else {
                Ok(Vec::new())
            }
        })
        .map_err(store_failure)?;
    if let Some(out) = pack {
        pack::write(office, out, &code, &agency, series, expires_at)?;
    }
    let token = Token { ca: authority.public_key(), code, addresses: addresses.to_vec(), agency };
    Ok(serde_json::json!({
        "token": token.to_text(),
        "expires_at": rfc3339(expires_at),
        "pack": pack.map(|out| out.display().to_string()),
    }))
}

pub(crate) fn require_province(office: &Office) -> Result<Arc<Authority>, Failure> {
    office.authority.clone().ok_or_else(|| Refusal::new("province-only").into())
}

/// Quarantined entries are applied and their acts marked void by the provincial act `mark`.
///
/// # Errors
/// An id is malformed or names nothing that waits for a decision; ids before it stay decided.
pub fn quarantine_void(office: &Office, ids: &[String], why: &str) -> Result<serde_json::Value, Failure> {
    require_province(office)?;
    let held = office.shelf.held()?;
    let mut decided = Vec::new();
    for id in ids {
        let row: i64 =
            id.parse().map_err(|_| Refusal::of_field("quarantine-not-found", "id").with("id", id))?;
        let desk = office.desk.clone();
        let (held, why) = (Arc::clone(&held), why.to_owned());
        let marked = office
            .store
            .write(move |tx| desk.void_quarantined(tx, &held, row, &why))
            .map_err(store_failure)?;
        decided.push(serde_json::json!({ "id": id, "state": "void", "mark": marked }));
    }
    Ok(serde_json::json!({ "decided": decided }))
}

/// Applies quarantined entries after all: those named, or all of one machine. One commit for each; what cannot be
/// released says why and stops no other.
///
/// # Errors
/// This is not the provincial server, `machine` is no machine's id, or the store fails.
pub fn quarantine_release(
    office: &Office,
    ids: &[String],
    machine: Option<&str>,
) -> Result<serde_json::Value, Failure> {
    require_province(office)?;
    let all = match machine {
        None => ids.to_vec(),
        Some(node) => {
            let node = ban::known_machine(office, node)?.node;
            let rows = office.store.read(|view| {
                let returned = view.returned(Some(node), usize::MAX)?;
                let mut rows = view.quarantined_rows(node)?;
                rows.extend(returned.iter().map(|entry| entry.id));
                Ok(rows)
            });
            rows.map_err(store_failure)?.iter().map(ToString::to_string).collect()
        }
    };
    let mut decided = Vec::with_capacity(all.len());
    for id in all {
        decided.push(match release_one(office, &id) {
            Ok(entry) => serde_json::json!({ "id": id, "state": entry.state.name(), "reason": entry.reason }),
            Err(StoreError::Refused(refusal)) => serde_json::json!({ "id": id, "refused": refusal }),
            Err(error) => return Err(store_failure(error)),
        });
    }
    Ok(serde_json::json!({ "decided": decided }))
}

/// A quarantined entry is kept out for good, or what was refused by itself is confirmed: told to all by a signed item, in
/// one commit. Its machine then goes on without it.
///
/// # Errors
/// This is not the provincial server, the id names nothing that can be refused, the reason is empty or too long, or the
/// store fails.
pub fn quarantine_refuse(office: &Office, id: &str, why: &str) -> Result<serde_json::Value, Failure> {
    require_province(office)?;
    let why = why.trim();
    if why.is_empty() || why.len() > WHY_BYTES_MAX {
        return Err(Refusal::of_field("quarantine-why", "--why").with("most", WHY_BYTES_MAX).into());
    }
    let row: i64 = id.parse().map_err(|_| Refusal::of_field("quarantine-not-found", "id").with("id", id))?;
    let (identity, why) = (Arc::clone(&office.identity), why.to_owned());
    let entry = office
        .store
        .write(move |tx| {
            tx.decide(row, Decision::Refuse)?;
            let gone = || StoreError::Bug("a decided entry is gone".to_owned());
            let entry = tx.entry_facts(row)?.ok_or_else(gone)?;
            if let Some(machine) = entry.machine {
                let entries = vec![RefusedEntry { log: entry.log, lsn: entry.lsn, hash: entry.hash }];
                let at = tx.now();
                let item = Refused { format: BODY_VERSION, machine, why, entries, at };
                append_item(tx, &identity, ItemKind::RELEASE, to_bytes(&item))?;
            }
            tx.audit_row("quarantine-refuse", None, Some(entry.doc))?;
            Ok(entry)
        })
        .map_err(store_failure)?;
    let decided = serde_json::json!([{ "id": id, "state": entry.state.name(), "reason": entry.reason }]);
    Ok(serde_json::json!({ "decided": decided }))
}

fn release_one(office: &Office, id: &str) -> Result<EntryFacts, StoreError> {
    let row: i64 = id.parse().map_err(|_| Refusal::of_field("quarantine-not-found", "id").with("id", id))?;
    office.store.write(move |tx| {
        if View::is_returned_row(row) {
            let entry = tx.release_returned(row)?;
            tx.audit_row("quarantine-release", None, Some(entry.doc))?;
            return Ok(entry);
        }
        tx.decide(row, Decision::Release)?;
        let gone = || StoreError::Bug("a decided entry is gone".to_owned());
        let entry = tx.entry_facts(row)?.ok_or_else(gone)?;
        tx.audit_row("quarantine-release", None, Some(entry.doc))?;
        Ok(entry)
    })
}

/// The door where new machines are certified.
#[derive(Debug)]
struct Door {
    office: Arc<Office>,
    authority: Arc<Authority>,
    name: String,
}

impl EnrolDesk for Door {
    fn decide(&self, ask: &EnrolAsk) -> Result<EnrolGrant, EnrolRefusal> {
        let held = self.office.shelf.held().map_err(|_| EnrolRefusal::Unavailable)?;
        let block: Vec<u16> = held.directory.province().series_block.iter().collect();
        let (authority, identity, ask) =
            (Arc::clone(&self.authority), Arc::clone(&self.office.identity), ask.clone());
        let decided = self.office.store.write(move |tx| {
            let found = tx.enrolment(ask.code_hash)?;
            let issued = match &found {
                None => None,
                Some(found) => Some(IssuedCode {
                    seat: found.agency.clone(),
                    expires_at: found.expires_at,
                    used_by: found.used_by,
                    is_node_seat: held.directory.seat_kind(&found.agency) == Some(SeatKind::Node),
                    is_seat_taken: tx
                        .machines()?
                        .iter()
                        .any(|machine| machine.seat == found.agency && machine.banned_at.is_none()),
                }),
            };
            match judge(issued.as_ref(), &ask, tx.now()) {
                Verdict::Refuse(why) => Ok(Err(why)),
                Verdict::Repeat => {
                    let machine = tx.machine(ask.node)?;
                    Ok(machine.map(|machine| machine.certificate).ok_or(EnrolRefusal::Unavailable))
                }
                // Its keys are known to be lost, whoever has a fresh code.
                Verdict::Sign if tx.is_banned(ask.node)? => Ok(Err(EnrolRefusal::BadRequest)),
                Verdict::Sign => {
                    let terms = Terms {
                        role: crate::identity::Role::Commune,
                        seat: ask.agency.clone(),
                        validity: Validity::days(tx.now(), CERTIFICATE_DAYS),
                        serial: u64::from_be_bytes(tx.random()?),
                    };
                    let Ok(certificate) = authority.sign(&ask.request, &terms) else {
                        return Ok(Err(EnrolRefusal::BadRequest));
                    };
                    tx.use_enrolment(ask.code_hash, ask.node)?;
                    tx.store_machine(ask.node, &ask.agency, &certificate)?;
                    tx.open_feed(&ask.agency)?;
                    let packed = tx.hand_over_series(pack::stand_in(ask.code_hash), ask.node)?;
                    if packed.is_empty() {
                        grant_series(tx, &identity, ask.node, SERIES_AT_ENROLMENT, &block)?;
                    } else {
                        tell_series(tx, &identity, ask.node, packed)?;
                    }
                    tx.audit_row("enrol", None, None)?;
                    Ok(Ok(certificate))
                }
            }
        });
        match decided {
            Ok(Ok(certificate)) => Ok(EnrolGrant { certificate, province_name: self.name.clone() }),
            Ok(Err(why)) => Err(why),
            Err(error) => {
                tracing::error!(%error, "enrolment could not be recorded");
                Err(EnrolRefusal::Unavailable)
            }
        }
    }
}

/// Where this province decides about new machines.
///
/// # Errors
/// This machine is not the provincial server, or its store cannot be read.
pub fn enrol_desk(office: &Arc<Office>) -> Result<Arc<dyn EnrolDesk>, Failure> {
    let authority = require_province(office)?;
    Ok(Arc::new(Door { office: Arc::clone(office), authority, name: name_of(office)? }))
}

/// The province's name, for people.
pub(super) fn name_of(office: &Office) -> Result<String, Failure> {
    let name = office.store.read(|view| view.meta(NAME_KEY)).map_err(store_failure)?;
    Ok(name.and_then(|name| String::from_utf8(name).ok()).unwrap_or_default())
}

/// Serves sessions and enrolments until `stop`. `ready` is told the address once work is accepted.
///
/// # Errors
/// The port cannot be had.
pub fn serve(
    office: &Arc<Office>,
    address: SocketAddr,
    runtime: &Runtime,
    stop: &Stop,
    ready: &mut dyn FnMut(SocketAddr),
) -> Result<(), Failure> {
    require_province(office)?;
    let (is_allowed, _bans) = ban::remembered(office)?;
    let clock = Arc::clone(office.clock());
    let mut listening = listen(runtime.handle(), address, &office.identity, is_allowed, Arc::clone(&clock))
        .map_err(|error| Failure::Machine(error.refusal()))?;
    let desk = enrol_desk(office)?;
    let door = Arc::new(EnrolDoor::new(office.identity.province(), desk, ENROLMENTS_PER_MINUTE, clock));
    ready(listening.local_addr());
    let sessions = Arc::new(tokio::sync::Semaphore::new(SESSIONS_MAX));
    runtime.block_on(async {
        loop {
            let arrival = tokio::select! {
                arrival = listening.accept() => arrival,
                () = stop.requested() => break,
            };
            match arrival {
                None => break,
                Some(Arrival::Session(connection)) => {
                    let (office, stop, sessions) = (Arc::clone(office), stop.clone(), Arc::clone(&sessions));
                    tokio::spawn(answer(office, connection, stop, sessions));
                }
                Some(Arrival::Enrolment(stranger)) => {
                    let door = Arc::clone(&door);
                    tokio::spawn(async move {
                        let visit = door.answer(stranger).await;
                        tracing::info!(address = %visit.address, outcome = ?visit.outcome, "enrolment");
                    });
                }
                Some(Arrival::TurnedAway { address, ended }) => {
                    tracing::info!(%address, ?ended, "turned away");
                }
            }
        }
        listening.close(stop.remaining_ms(office.clock().as_ref()).unwrap_or(1_000)).await;
    });
    Ok(())
}

/// Runs each stream a machine opens as a session on a thread of its own, until the machine is banned.
async fn answer(
    office: Arc<Office>,
    connection: Connection,
    stop: Stop,
    sessions: Arc<tokio::sync::Semaphore>,
) {
    let (grown, mut items) = tokio::sync::watch::channel(());
    let _subscription = office.store.subscribe(move |growth| {
        if growth.item.is_some() {
            grown.send_replace(());
        }
    });
    // Also a ban that fell between the handshake and the subscription.
    items.mark_changed();
    loop {
        let stream = tokio::select! {
            stream = connection.accept_stream() => stream,
            _ = items.changed() => {
                let (store, node) = (Arc::clone(&office.store), connection.peer().node);
                let looked = tokio::task::spawn_blocking(move || store.read(|view| view.is_banned(node)));
                if let Ok(Ok(true)) = looked.await {
                    connection.close(CloseCode::Banned);
                    return;
                }
                continue;
            }
        };
        let Ok((sender, receiver)) = stream else { return };
        let Ok(slot) = Arc::clone(&sessions).try_acquire_owned() else {
            connection.close(CloseCode::Busy);
            return;
        };
        let link = spawn_link(&Handle::current(), connection.clone(), sender, receiver, &stop);
        let office = Arc::clone(&office);
        let spawned = std::thread::Builder::new().name("session".to_owned()).spawn(move || {
            session(&office, link);
            drop(slot);
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for a session");
            connection.close(CloseCode::Busy);
            return;
        }
    }
}

fn session(office: &Arc<Office>, mut link: Link<ProvinceWake>) {
    let peer = link.peer().clone();
    let waker = link.waker();
    let seat = peer.seat.clone();
    let _subscription = office.store.subscribe(move |growth| {
        if let Some(position) = growth.feeds.get(&seat) {
            // A full queue wakes the session anyway; the cut makes good what was not said.
            let _said_or_awake = waker.wake(ProvinceWake::Grown(*position));
        }
        if let Some(n) = growth.item {
            let _said_or_awake = waker.wake(ProvinceWake::ItemsGrown(n));
        }
    });
    let options = ProvinceOptions {
        province: office.identity.province(),
        province_key: sync_protocol::ids::PublicKey(office.identity.certified().keys.signing),
        node: peer.node,
        node_key: sync_protocol::ids::PublicKey(peer.keys.signing),
    };
    let clock = office.clock();
    let mut session = ProvinceSession::new(clock.wall(), options);
    let mut side =
        ProvinceSide::new(Arc::clone(&office.store), Arc::clone(&office.identity), peer.node, peer.seat)
            .with_certificate(peer.certificate)
            .with_refill(refill(office));
    match run_province(&mut link, &mut session, &mut side, clock.as_ref()) {
        Ok(outcome) => tracing::info!(peer.id = %peer.node, ?outcome, "session over"),
        Err(error) => tracing::info!(peer.id = %peer.node, why = %error, "session ended early"),
    }
    link.close(CloseCode::Done, 1_000);
}

/// Keeps one unused series at each machine that is in touch (domain.md 2.6: refilled at contact), and at this server,
/// which numbers for its hosted offices. A machine says itself how many it has left: it may have left one of which
/// nothing was printed.
#[must_use]
pub fn refill(office: &Office) -> Arc<Refill> {
    let (shelf, identity) = (Arc::clone(&office.shelf), Arc::clone(&office.identity));
    Arc::new(move |tx, machine, told| {
        let Ok(held) = shelf.held() else { return Ok(()) };
        let block: Vec<u16> = held.directory.province().series_block.iter().collect();
        let spare = tx.spare_series(machine)?;
        if told.map_or(spare, |told| spare.min(u64::from(told))) == 0 {
            grant_series(tx, &identity, machine, 1, &block)?;
        }
        if tx.unused_series()? == 0 {
            grant_series(tx, &identity, identity.node(), 1, &block)?;
        }
        Ok(())
    })
}
