//! Enrolment without a line: a pack makes a machine that works at once, its request and the grant make it a member.
//!
//! The pack carries the province's word (its server's certificate, everything it published) and number series set
//! aside for the code. The machine that has it receives dossiers from the first hour, under its own key. Its request
//! goes to the province on the stick, and the grant comes back the same way; bundles may travel before and beside.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use minicbor::Decode;
use minicbor::Encode;
use serde_json::Value;
use serde_json::json;
use sync_protocol::bundle;
use sync_protocol::bundle::BundleKind;
use sync_protocol::bundle::Header;
use sync_protocol::bundle::ItemJoiner;
use sync_protocol::bundle::Part;
use sync_protocol::frame::Frame;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::PublicKey;
use sync_protocol::item::Item;
use sync_protocol::limits::BATCH_RAW_BYTES;
use sync_protocol::limits::FRAME_BYTES_MAX;
use sync_protocol::time::Millis;

use crate::bundle::BundleFault;
use crate::bundle::file;
use crate::bundle::file::Letter;
use crate::bundle::file::To;
use crate::clock::rfc3339;
use crate::control::Failure;
use crate::identity;
use crate::identity::CaPublicKey;
use crate::identity::IdentityError;
use crate::identity::MachineIdentity;
use crate::identity::PublicKeys;
use crate::identity::Role;
use crate::identity::SecretKeys;
use crate::identity::seal;
use crate::identity::to_cbor;
use crate::identity::version_of;
use crate::identity::waiting_keys;
use crate::ids::AgencyCode;
use crate::refusal::Refusal;
use crate::roles::Office;
use crate::roles::backup;
use crate::roles::commune;
use crate::roles::fresh_seeds;
use crate::roles::identity_failure;
use crate::roles::province;
use crate::roles::province::require_province;
use crate::roles::stick::bundle_failure;
use crate::roles::store_failure;
use crate::store::OpenOptions;
use crate::store::StoreError;
use crate::store::open::create_private;
use crate::sync::line::ADDRESSES_KEY;
use crate::sync::node_store::placed_items;
use crate::sync::node_store::take_item;
use crate::sync::province_keys::keep_province_keys;
use crate::transport::enrol::EnrolCode;
use crate::transport::enrol::EnrolRefusal;
use crate::transport::enrol::Token;
use crate::transport::enrol::grant_bytes;
use crate::transport::enrol::read_grant;
use crate::transport::enrol::read_request;
use crate::transport::enrol::request_bytes;

/// Standing condition of a machine that was set up by a pack: its grant has not come yet.
pub const NOT_GRANTED: &str = "machine-not-granted";

/// The form of a pack that this program writes and reads.
const PACK_VERSION: u8 = 1;
/// Most series in a pack.
const PACK_SERIES_MAX: usize = 16;

/// What a pack says; what the province published follows it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct PackBody {
    /// [`PACK_VERSION`].
    #[n(0)]
    version: u8,
    /// The province's authority.
    #[n(1)]
    ca: CaPublicKey,
    /// The province's name, for people.
    #[n(2)]
    province_name: String,
    /// The seat the machine will work for.
    #[n(3)]
    agency: AgencyCode,
    /// Number series set aside for the code.
    #[n(4)]
    series: Vec<String>,
    /// Until when a machine may be set up with it.
    #[n(5)]
    expires_at: Millis,
    /// The first administrator's one-time PIN; a version in which people sign in writes it.
    #[n(6)]
    administrator_pin: Option<String>,
}

/// The seal key that belongs to a one-time code: whoever has the token can open its pack.
fn pack_secret(code: &EnrolCode) -> [u8; 32] {
    blake3::derive_key("motcua pack seal key, of its one-time code, v1", &code.0)
}

/// What stands for the machine that nobody knows yet: its series are set aside under it.
pub(super) fn stand_in(code_hash: Hash) -> NodeId {
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(code_hash.0) {
        *to = from;
    }
    NodeId(half)
}

/// Writes the pack of a code, with series that are set aside already.
///
/// # Errors
/// The file is there or cannot be written, or the store fails.
pub(super) fn write(
    office: &Office,
    out: &Path,
    code: &EnrolCode,
    agency: &AgencyCode,
    series: Vec<String>,
    expires_at: Millis,
) -> Result<(), Failure> {
    let authority = require_province(office)?;
    let body = PackBody {
        version: PACK_VERSION,
        ca: authority.public_key(),
        province_name: province::name_of(office)?,
        agency: agency.clone(),
        series,
        expires_at,
        administrator_pin: None,
    };
    let mut content = Vec::new();
    bundle::push_message(&mut content, &to_cbor(&body));
    let mut after = 0;
    loop {
        let items = office
            .store
            .read(|view| placed_items(view, Hash([0; 32]), after, BATCH_RAW_BYTES))
            .map_err(store_failure)?;
        let Some(last) = items.last().map(|placed| placed.place) else { break };
        for placed in items {
            for frame in bundle::item_frames(&placed.item).map_err(|error| bug(&error))? {
                bundle::push_message(&mut content, &frame.encode().map_err(|error| bug(&error))?.bytes);
            }
        }
        after = last;
    }
    let letter = Letter {
        kind: BundleKind::PACK,
        province: office.identity.province(),
        keys: office.identity.keys(),
        certificate: Some(office.identity.certificate().to_vec()),
        to: vec![To { machine: stand_in(code.hash()), seal: seal::seal_public(&pack_secret(code)) }],
        at: office.clock().wall(),
    };
    letter.write_whole(out, &content, office.random.as_ref()).map_err(bundle_failure)?;
    Ok(())
}

fn bug(error: &dyn std::fmt::Display) -> Failure {
    bundle_failure(BundleFault::Bug(error.to_string()))
}

/// A pack that was opened and checked.
struct Pack {
    body: PackBody,
    items: Vec<Item>,
    province: PublicKeys,
}

impl Pack {
    fn read(path: &Path, token: &Token, now: Millis) -> Result<Self, Failure> {
        let bytes = file::read_file(path).map_err(bundle_failure)?;
        let part = file::check(path, &bytes, token.province()).map_err(bundle_failure)?;
        if part.header.kind != BundleKind::PACK {
            return Err(refused("pack-not-a-pack", path));
        }
        let province = from_province(path, &part, &token.ca)?;
        let header = &part.header;
        let info = Header::seal_info(&header.from, header.bundle, header.part);
        let secret = pack_secret(&token.code);
        let content = header
            .to
            .iter()
            .filter(|to| to.machine == stand_in(token.code.hash()))
            .find_map(|to| seal::open_with(part.sealed, &to.key, &info, &secret).ok())
            .ok_or_else(|| refused("pack-other-token", path))?;
        let damaged = || refused("bundle-damaged", path);
        let messages = bundle::messages(&content).map_err(|_| damaged())?;
        let (first, items) = messages.split_first().ok_or_else(damaged)?;
        if version_of(first).is_some_and(|version| version > PACK_VERSION) {
            return Err(refused("bundle-unreadable", path));
        }
        let body: PackBody = minicbor::decode(first).map_err(|_| damaged())?;
        if body.ca != token.ca || body.agency != token.agency || body.series.len() > PACK_SERIES_MAX {
            return Err(damaged());
        }
        if now > body.expires_at {
            let at = crate::clock::for_people(body.expires_at);
            return Err(Refusal::of_field("pack-expired", "--pack").with("at", at).into());
        }
        let items = read_items(items, &PublicKey(province.signing)).ok_or_else(damaged)?;
        Ok(Self { body, items, province })
    }
}

/// The items of a pack, each the province's, after those that it names as parents.
fn read_items(messages: &[&[u8]], key: &PublicKey) -> Option<Vec<Item>> {
    let (mut joiner, mut items) = (ItemJoiner::default(), Vec::<Item>::new());
    for message in messages {
        let Ok(Frame::Items(frame)) = Frame::decode(message) else { return None };
        for piece in &frame.parts {
            let Some(item) = joiner.take(piece).ok()? else { continue };
            item.verify(key).ok()?;
            items.push(item);
        }
    }
    Some(items)
}

/// The keys of the provincial server, when it is what has signed a file.
pub(super) fn from_province(path: &Path, part: &Part<'_>, ca: &CaPublicKey) -> Result<PublicKeys, Failure> {
    let certificate = part.header.certificate.as_ref();
    certificate
        .and_then(|certificate| identity::read_certificate(&certificate.0, ca).ok())
        .filter(|certified| certified.role == Role::Province && certified.keys.signing == part.header.from.0)
        .map(|certified| certified.keys)
        .ok_or_else(|| refused("bundle-not-from-province", path))
}

fn refused(code: &'static str, path: &Path) -> Failure {
    Refusal::of_field(code, "file").with("path", path.display()).into()
}

/// Sets a machine up by a pack: complete but for its certificate, it can receive dossiers when this returns. With
/// `request` the request for the certificate is written there. Doing it again goes on with the same keys; so does
/// another pack of the same seat, when the first one's code has expired.
///
/// # Errors
/// Token and pack do not belong together, are another province's, damaged or expired; or the directory holds a machine
/// that is complete.
pub fn init(
    dir: &Path,
    witness_of: impl Fn(NodeId) -> PathBuf,
    token: &str,
    pack: &Path,
    request: Option<&Path>,
) -> Result<Office, Failure> {
    init_with(dir, |node| OpenOptions::new(witness_of(node)), token, pack, request)
}

/// The same with a clock and a random source of the caller's.
///
/// # Errors
/// As [`init`].
pub fn init_with(
    dir: &Path,
    options_of: impl Fn(NodeId) -> OpenOptions,
    token: &str,
    pack: &Path,
    request: Option<&Path>,
) -> Result<Office, Failure> {
    let token = Token::from_text(token).map_err(|error| error.refusal())?;
    let defaults = options_of(NodeId([0; 16]));
    let pack = Pack::read(pack, &token, defaults.clock.wall())?;
    create_private(dir).map_err(store_failure)?;
    let exists = || store_failure(StoreError::Exists { path: dir.to_owned() });
    let has_store = dir.join(crate::store::open::FILE_NAME).exists();
    let identity = match MachineIdentity::load(dir) {
        Ok(identity) if identity.is_granted() || identity.seat() != &token.agency => return Err(exists()),
        Ok(identity) if *identity.ca() != token.ca => return Err(exists()),
        Ok(identity) => identity,
        Err(IdentityError::Missing { .. }) if has_store => return Err(exists()),
        Err(IdentityError::Missing { .. }) => {
            let keys =
                waiting_keys(dir, &fresh_seeds(defaults.random.as_ref())?).map_err(identity_failure)?;
            let identity = MachineIdentity::pending(keys, token.agency.clone(), token.ca);
            identity.save(dir).map_err(identity_failure)?;
            identity
        }
        Err(error) => return Err(identity_failure(error)),
    };
    let keys = identity.keys().clone();
    let office = if has_store {
        Office::open_with(dir, options_of)?
    } else {
        commune::create(dir, identity, options_of)?
    };
    keep_province_keys(&office.store, &pack.province).map_err(store_failure)?;
    take(&office, &token, &pack)?;
    if let Some(request) = request {
        write_request(&office, &keys, &token, &pack.province, request)?;
    }
    Ok(office)
}

/// Everything of a pack that belongs into the store, in one commit.
fn take(office: &Office, token: &Token, pack: &Pack) -> Result<(), Failure> {
    let addresses = serde_json::to_vec(&token.addresses).map_err(|_| Refusal::new("token-damaged"))?;
    let (items, series) = (pack.items.clone(), pack.body.series.clone());
    office
        .store
        .write(move |tx| {
            for item in &items {
                take_item(tx, item)?;
            }
            tx.grant_series(&series)?;
            tx.put_meta(ADDRESSES_KEY, &addresses)?;
            tx.set_condition(NOT_GRANTED, "", &[])
        })
        .map_err(store_failure)
}

fn write_request(
    office: &Office,
    keys: &SecretKeys,
    token: &Token,
    province: &PublicKeys,
    out: &Path,
) -> Result<(), Failure> {
    let letter = Letter {
        kind: BundleKind::REQUEST,
        province: token.province(),
        keys,
        certificate: None,
        to: vec![To { machine: province.node(), seal: province.seal }],
        at: office.clock().wall(),
    };
    let mut content = Vec::new();
    bundle::push_message(&mut content, &request_bytes(token, keys));
    letter.write_whole(out, &content, office.random.as_ref()).map_err(bundle_failure)?;
    Ok(())
}

/// The one message of a request or a grant.
fn only_message(path: &Path, content: &[u8]) -> Result<Vec<u8>, Failure> {
    match bundle::messages(content).as_deref() {
        Ok([message]) if message.len() <= FRAME_BYTES_MAX => Ok(message.to_vec()),
        Ok(_) | Err(_) => Err(refused("bundle-damaged", path)),
    }
}

/// Answers a request that came by stick: the province's side of [`init`].
///
/// # Errors
/// The request is no request, is another province's, or its code was used, has expired, or is none of this province.
pub fn grant(office: &Arc<Office>, request: &Path, out: &Path) -> Result<Value, Failure> {
    require_province(office)?;
    let bytes = file::read_file(request).map_err(bundle_failure)?;
    let part = file::check(request, &bytes, office.identity.province()).map_err(bundle_failure)?;
    if part.header.kind == BundleKind::RESTORE_REQUEST {
        return backup::grant(office, request, &part, out);
    }
    if part.header.kind != BundleKind::REQUEST {
        return Err(refused("pack-not-a-request", request));
    }
    let content = file::open(request, &part, office.identity.keys()).map_err(bundle_failure)?;
    let message = only_message(request, &content)?;
    let say = |why: EnrolRefusal| -> Failure { Refusal::of_field(why.code(), "request").into() };
    let ask = read_request(&message, office.identity.province()).map_err(say)?;
    if ask.keys.signing != part.header.from.0 {
        return Err(refused("bundle-damaged", request));
    }
    if out.symlink_metadata().is_ok() {
        return Err(Refusal::of_field("bundle-file-exists", "--out").with("path", out.display()).into());
    }
    let granted = province::enrol_desk(office)?.decide(&ask).map_err(say)?;
    let letter = Letter {
        kind: BundleKind::GRANT,
        province: office.identity.province(),
        keys: office.identity.keys(),
        certificate: Some(office.identity.certificate().to_vec()),
        to: vec![To { machine: ask.node, seal: ask.keys.seal }],
        at: office.clock().wall(),
    };
    let mut content = Vec::new();
    bundle::push_message(&mut content, &grant_bytes(&granted));
    letter.write_whole(out, &content, office.random.as_ref()).map_err(bundle_failure)?;
    Ok(json!({
        "kind": "enrolment",
        "node": ask.node.to_string(),
        "agency": ask.agency.as_str(),
        "out": out.display().to_string(),
        "at": rfc3339(office.clock().wall()),
    }))
}

/// Completes a machine that was set up by a pack.
///
/// # Errors
/// The grant is for another machine, another province's, or damaged.
pub fn complete(office: &Office, path: &Path) -> Result<MachineIdentity, Failure> {
    let identity = &office.identity;
    let bytes = file::read_file(path).map_err(bundle_failure)?;
    let part = file::check(path, &bytes, identity.province()).map_err(bundle_failure)?;
    if part.header.kind != BundleKind::GRANT {
        return Err(refused("pack-not-a-grant", path));
    }
    let province = from_province(path, &part, identity.ca())?;
    let content = file::open(path, &part, identity.keys()).map_err(bundle_failure)?;
    let message = only_message(path, &content)?;
    let grant = read_grant(&message).ok_or_else(|| refused("bundle-unreadable", path))?;
    let granted = MachineIdentity::new(identity.keys().clone(), grant.certificate, *identity.ca())
        .map_err(|_| refused("bundle-damaged", path))?;
    if granted.role() != Role::Commune || granted.seat() != identity.seat() {
        return Err(refused("bundle-damaged", path));
    }
    granted.save(&office.dir).map_err(identity_failure)?;
    keep_province_keys(&office.store, &province).map_err(store_failure)?;
    office.store.write(|tx| tx.clear_condition(NOT_GRANTED, "")).map_err(store_failure)?;
    Ok(granted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn a_pack_keeps_its_first_form_and_opens_by_its_code() {
        golden::keeps(
            "pack",
            &PackBody {
                version: PACK_VERSION,
                ca: CaPublicKey([1; 32]),
                province_name: "Tỉnh Thử".to_owned(),
                agency: "H27.101".parse().unwrap(),
                series: vec!["102".to_owned(), "103".to_owned()],
                expires_at: Millis(1_772_411_732_123),
                administrator_pin: None,
            },
        );
        // Packs of an earlier program are opened by what their token says.
        golden::bytes_of("pack-seal-key", &pack_secret(&EnrolCode([7; 16])));
        golden::bytes_of("pack-stand-in", &stand_in(EnrolCode([7; 16]).hash()).0);
    }
}
