//! The stick at both ends: which bundle goes to whom, and what is done with one that comes.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use sync_protocol::bundle;
use sync_protocol::bundle::BundleKind;
use sync_protocol::bundle::Part;
use sync_protocol::frame::Frame;
use sync_protocol::frame::FreshProof;
use sync_protocol::ids::NodeId;
use sync_protocol::limits::BUNDLE_PARTS_MAX;

use crate::bundle::BundleFault;
use crate::bundle::Desk;
use crate::bundle::Range;
use crate::bundle::Ranges;
use crate::bundle::changes;
use crate::bundle::file;
use crate::bundle::file::PART_BYTES_DEFAULT;
use crate::bundle::file::PART_MB_MAX;
use crate::bundle::file::part_path;
use crate::bundle::returned;
use crate::control::Failure;
use crate::identity::MachineIdentity;
use crate::identity::node_of;
use crate::ids::AgencyCode;
use crate::refusal::Refusal;
use crate::roles::Office;
use crate::roles::ban::known_machine;
use crate::roles::province;
use crate::roles::store_failure;
use crate::store::Role;
use crate::store::peers::Machine;
use crate::sync::line::proof_json;
use crate::sync::node_store::stored_proof;

/// A bundle's fault as the end of a command.
#[must_use]
pub fn bundle_failure(error: BundleFault) -> Failure {
    match error {
        BundleFault::Refused(refusal) => Failure::Refused(refusal),
        BundleFault::Store(error) => store_failure(error),
        BundleFault::File { path, source } => {
            Failure::Machine(Refusal::new("bundle-file").with("path", path.display()).with("why", source))
        }
        BundleFault::Bug(what) => {
            tracing::error!(what, "a mistake of the program in a bundle");
            Failure::Bug(Refusal::new("store-bug").with("what", what))
        }
    }
}

pub(super) fn desk_of(office: &Office) -> Desk {
    Desk {
        store: Arc::clone(&office.store),
        identity: Arc::clone(&office.identity),
        random: Arc::clone(&office.random),
    }
}

/// Writes what the other side lacks. At the province `node` or `agency` says for whom.
///
/// # Errors
/// Nobody, or more than one machine, is meant; the file is there already or cannot be written.
pub fn export(
    office: &Office,
    out: &Path,
    part_mb: Option<u32>,
    node: Option<&str>,
    agency: Option<&str>,
) -> Result<Value, Failure> {
    let megabytes = |mb: u32| usize::try_from(mb.min(PART_MB_MAX)).unwrap_or(1) * 1024 * 1024;
    let part_bytes = part_mb.map_or(PART_BYTES_DEFAULT, megabytes);
    let desk = desk_of(office);
    let value = match office.store.identity().role {
        Role::Commune if node.is_some() || agency.is_some() => {
            return Err(Refusal::of_field("bundle-one-province", "--node").into());
        }
        Role::Commune => changes::export(&desk, out, part_bytes),
        Role::Province => returned::export(&desk, &machine_meant(office, node, agency)?, out, part_bytes),
    };
    let value = value.map_err(bundle_failure)?;
    office.store.write(|tx| tx.audit_row("bundle-export", None, None)).map_err(store_failure)?;
    Ok(value)
}

fn machine_meant(office: &Office, node: Option<&str>, agency: Option<&str>) -> Result<Machine, Failure> {
    if let Some(node) = node {
        return known_machine(office, node);
    }
    let Some(agency) = agency else { return Err(Refusal::of_field("bundle-for-whom", "--agency").into()) };
    let agency: AgencyCode = agency.parse().map_err(|_| Refusal::of_field("line-not-agency", "--agency"))?;
    let machines = office.store.read(|view| view.machines()).map_err(store_failure)?;
    let active = machines.into_iter().find(|machine| machine.seat == agency && machine.banned_at.is_none());
    Ok(active.ok_or_else(|| Refusal::of_field("bundle-no-machine", "--agency").with("agency", &agency))?)
}

/// One file of a bundle, read.
struct Carried {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// Takes a bundle in: the file, and the further parts that lie beside its first one.
///
/// # Errors
/// A file is damaged, not for this machine, or of another kind; nothing of any of them was taken in then.
pub fn import(office: &Office, file: &Path) -> Result<Value, Failure> {
    let role = office.store.identity().role;
    let desk = desk_of(office);
    let carried = carried_with(office, file).map_err(bundle_failure)?;
    // Every part is looked at before anything is taken in.
    let mut opened = Vec::with_capacity(carried.len());
    for Carried { path, bytes } in &carried {
        let part = file::check(path, bytes, office.identity.province()).map_err(bundle_failure)?;
        let is_meant = match role {
            Role::Commune => part.header.kind == BundleKind::RETURN,
            Role::Province => part.header.kind == BundleKind::CHANGES,
        };
        if !is_meant {
            return Err(wrong_kind(path, part.header.kind).into());
        }
        let content = file::open(path, &part, office.identity.keys()).map_err(bundle_failure)?;
        opened.push((path, part, content));
    }
    let mut parts = Vec::with_capacity(opened.len());
    for (path, part, content) in opened {
        let taken = match role {
            Role::Commune => returned::import(&desk, path, &part, &content),
            Role::Province => changes::import(&desk, path, &part, &content),
        };
        parts.push(taken.map_err(bundle_failure)?);
    }
    office.store.write(|tx| tx.audit_row("bundle-import", None, None)).map_err(store_failure)?;
    match role {
        Role::Commune => {
            let node = office.identity.node();
            let proof = office.store.read(|view| view.last_proof(node)).map_err(store_failure)?;
            if let Some(proof) = proof {
                office.desk.hear_time(proof.at);
            }
        }
        Role::Province => {
            let node =
                parts.first().and_then(|part| part["from"].as_str()).and_then(|node| node.parse().ok());
            if let Some(node) = node {
                refill(office, node);
            }
        }
    }
    Ok(together(parts))
}

/// A machine that works by stick alone runs out of numbers as any other.
fn refill(office: &Office, node: NodeId) {
    let refill = province::refill(office);
    if let Err(error) = office.store.write(move |tx| refill(tx, node, None)) {
        tracing::warn!(%error, "a machine's number series could not be refilled");
    }
}

/// The file, and its bundle's further parts where it is the first one.
fn carried_with(office: &Office, first: &Path) -> Result<Vec<Carried>, BundleFault> {
    let bytes = file::read_file(first)?;
    let header = file::check(first, &bytes, office.identity.province())?.header;
    let mut carried = vec![Carried { path: first.to_owned(), bytes }];
    if header.part != 1 || header.is_last {
        return Ok(carried);
    }
    for number in 2..=BUNDLE_PARTS_MAX {
        let path = part_path(first, number);
        if !path.exists() {
            break;
        }
        let bytes = file::read_file(&path)?;
        let part = file::check(&path, &bytes, office.identity.province())?.header;
        if part.bundle != header.bundle || part.from != header.from || part.part != number {
            return Err(file::refusal_of(&path, "bundle-other-part"));
        }
        let is_last = part.is_last;
        carried.push(Carried { path, bytes });
        if is_last {
            break;
        }
    }
    Ok(carried)
}

/// What to do with a file that is no bundle to take in here.
fn wrong_kind(path: &Path, kind: BundleKind) -> Refusal {
    let code = match kind {
        BundleKind::CHANGES => "bundle-is-changes",
        BundleKind::RETURN => "bundle-is-return",
        BundleKind::RESTORE_REQUEST | BundleKind::RESTORE_GRANT => "bundle-is-for-restore",
        BundleKind::PACK | BundleKind::GRANT => "bundle-is-for-init",
        BundleKind::REQUEST => "bundle-is-request",
        BundleKind::BACKUP => "bundle-is-backup",
        BundleKind(_) => "bundle-kind-unknown",
    };
    Refusal::of_field(code, "file").with("path", path.display())
}

/// What all parts did, and each of them.
fn together(parts: Vec<Value>) -> Value {
    let is = |outcome: &str| parts.iter().any(|part| part["outcome"] == outcome);
    let is_complete = parts.last().is_some_and(|part| part["is_last"] == true)
        && parts.first().is_some_and(|part| part["part"] == 1);
    let outcome = if is("partial") || (!is_complete && !is("older")) {
        "partial"
    } else if is("imported") {
        "imported"
    } else if is("older") {
        "older"
    } else {
        "nothing_new"
    };
    let Some(Value::Object(mut whole)) = parts.last().cloned() else { return json!({}) };
    let sum = |key: &str| parts.iter().filter_map(|part| part[key].as_u64()).sum::<u64>();
    let keys = ["changes", "known", "early", "forked", "items", "feed", "proofs", "range_count"];
    for key in keys {
        if let Some(value) = whole.get_mut(key) {
            *value = sum(key).into();
        }
    }
    if let Some(value) = whole.get_mut("ranges") {
        *value = parts.iter().filter_map(|part| part["ranges"].as_array()).flatten().cloned().collect();
    }
    whole.remove("part");
    whole.remove("is_last");
    whole.insert("outcome".to_owned(), outcome.into());
    whole.insert("parts".to_owned(), parts.into());
    Value::Object(whole)
}

/// What a file says: in the clear, and inside where this machine can open it. Needs no right and changes nothing.
///
/// # Errors
/// It is no bundle, damaged, or of a newer form.
pub fn inspect(dir: Option<&Path>, path: &Path) -> Result<Value, Failure> {
    let bytes = file::read_file(path).map_err(bundle_failure)?;
    let identity = dir.and_then(|dir| MachineIdentity::load(dir).ok());
    let province = match &identity {
        Some(identity) => identity.province(),
        // Whoever only carries it belongs to none.
        None => {
            Part::read(&bytes).map_or(sync_protocol::ids::ProvinceId([0; 16]), |part| part.header.province)
        }
    };
    let part = file::check(path, &bytes, province).map_err(bundle_failure)?;
    let content = identity.as_ref().and_then(|identity| file::open(path, &part, identity.keys()).ok());
    let is_framed = [BundleKind::CHANGES, BundleKind::RETURN].contains(&part.header.kind);
    let mut value = file::header_json(&part.header);
    if let Value::Object(map) = &mut value {
        map.insert("bytes".to_owned(), bytes.len().into());
        map.insert("is_open".to_owned(), content.is_some().into());
        if let (Some(content), true) = (content, is_framed) {
            let inside = content_json(path, &part, &content).map_err(bundle_failure)?;
            map.insert("content".to_owned(), inside);
        }
    }
    Ok(value)
}

fn content_json(path: &Path, part: &Part<'_>, content: &[u8]) -> Result<Value, BundleFault> {
    let (mut changes, mut items, mut positions, mut proofs) = (0u64, 0u64, 0u64, 0u64);
    let (mut ranges, mut feed, mut proof) = (Ranges::default(), None::<(u64, u64)>, None);
    let mut machine = node_of(&part.header.from.0).to_string();
    for message in bundle::messages(content).map_err(|_| file::refusal_of(path, "bundle-damaged"))? {
        let frame = Frame::decode(message).map_err(|_| file::refusal_of(path, "bundle-unreadable"))?;
        if let Frame::Hello(hello) = frame {
            machine = hello.node.to_string();
        } else if let Frame::Changes(frame) = frame {
            for run in frame.runs {
                changes += run.run.entries().len() as u64;
                let (first, last) = (run.run.first_lsn(), run.run.last_lsn());
                ranges.push(Range { log: run.run.log(), first, last });
            }
        } else if let Frame::Items(frame) = frame {
            items += frame.parts.iter().filter(|part| part.offset_bytes == 0).count() as u64;
        } else if let Frame::Feed(frame) = frame {
            positions += frame.runs.iter().map(sync_protocol::run::FeedRun::count).sum::<u64>();
            let first = feed.map_or(frame.first_position, |(first, _)| first);
            feed = Some((first, frame.last_position()));
        } else if let Frame::Aside(frame) = frame {
            changes += frame.runs.iter().map(|run| run.entries().len() as u64).sum::<u64>();
        } else if let Frame::Proofs(frame) = frame {
            proofs += frame.proofs.len() as u64;
        } else if let Frame::Proof(fresh) = frame
            && let FreshProof::Link(link) = *fresh
        {
            machine = link.content().machine.to_string();
            proof = Some(proof_json(&stored_proof(&link)));
        }
    }
    Ok(json!({
        "machine": machine,
        "changes": changes,
        "range_count": ranges.count(),
        "ranges": ranges.to_json(),
        "items": items,
        "feed": feed.map(|(first, last)| json!({ "first": first, "last": last, "count": positions })),
        "proofs": proofs,
        "proof": proof,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::beside;
    use crate::sync::province_keys::keep_province_keys;

    /// A province and a commune that has its directory and the province's keys.
    fn offices(place: &Path) -> (Office, Office) {
        let province = province::init(
            &place.join("province"),
            |_| place.join("province-witness"),
            &"H27".parse().unwrap(),
            "Tỉnh Thử",
            &crate::directory::Directory::sample(),
        )
        .unwrap();
        let seat = "H27.101".parse().unwrap();
        let commune =
            beside::enrol(&province, &place.join("commune"), |_| place.join("commune-witness"), &seat)
                .unwrap();
        beside::session(&commune, &province).unwrap();
        keep_province_keys(&commune.store, &province.identity.keys().public()).unwrap();
        (province, commune)
    }

    fn lodge(office: &Office, count: usize) {
        for place in 0..count {
            let line = json!({
                "request_id": format!("r-{place}"), "procedure": "1.001193", "officer": "H27.101/03",
                "owner": {"kind": "citizen", "name": "Nguyễn Văn Thử", "id_type": "cccd",
                          "id_no": format!("042090{:06}", 900_000 + place), "dob": "1990-02-28",
                          "phone": format!("0999{place:06}")},
                "papers": [{"name": "Tờ khai theo mẫu", "kind": "original", "copies": 1, "pages": 2}],
            });
            office.desk.lodge(&line.to_string(), false).wait().unwrap();
        }
    }

    /// The parts of a bundle in an order of their own, each by itself.
    fn import_each(office: &Office, files: &[PathBuf]) -> Vec<Value> {
        let lone = tempfile::tempdir().unwrap();
        let take = |(place, file): (usize, &PathBuf)| {
            // Away from its siblings, which would be taken with it.
            let path = lone.path().join(place.to_string());
            std::fs::copy(file, &path).unwrap();
            import(office, &path).unwrap()
        };
        files.iter().enumerate().map(take).collect()
    }

    #[test]
    fn parts_are_used_in_any_order_and_nothing_is_stuck() {
        let place = tempfile::tempdir().unwrap();
        let (province, commune) = offices(place.path());
        let (at_province, at_commune) = (desk_of(&province), desk_of(&commune));
        lodge(&commune, 60);
        let out = place.path().join("up");
        let said = changes::export(&at_commune, &out, 1).unwrap();
        let count = said["parts"].as_array().unwrap().len();
        let changes_all = said["changes"].as_u64().unwrap();
        let parts: Vec<PathBuf> = (1..=count as u64).map(|part| part_path(&out, part)).collect();
        assert!(parts.iter().all(|part| part.exists()));

        // The first part holds the heads, the last one changes: one frame, so it can be used whatever came before.
        let mut backwards = parts.clone();
        backwards.reverse();
        let taken = import_each(&province, &backwards);
        assert_eq!(taken.iter().map(|part| part["changes"].as_u64().unwrap()).sum::<u64>(), changes_all);
        let together = import(&province, &out).unwrap();
        assert_eq!((&together["outcome"], &together["changes"]), (&json!("nothing_new"), &json!(0)));

        // The answer in as many parts as it has frames.
        let machine = known_machine(&province, &commune.identity.node().to_string()).unwrap();
        let back = place.path().join("down");
        let said = returned::export(&at_province, &machine, &back, 1).unwrap();
        let count = said["parts"].as_array().unwrap().len();
        assert!(count >= 2, "{said}");
        let mut parts: Vec<PathBuf> = (1..=count as u64).map(|part| part_path(&back, part)).collect();
        parts.reverse();
        let taken = import_each(&commune, &parts);
        assert_eq!(taken[0]["outcome"], "partial", "{}", taken[0]);
        assert!(taken.iter().all(|part| part["is_proved"] != true), "{taken:?}");
        let whole = import(&commune, &back).unwrap();
        assert_eq!((&whole["outcome"], &whole["is_proved"]), (&json!("imported"), &json!(true)), "{whole}");
        let unproved = |view: &crate::store::View<'_>| {
            Ok(view.own_logs()?.iter().filter(|log| log.proved_lsn < log.lsn).count())
        };
        assert_eq!(commune.store.read(unproved).unwrap(), 0);
        assert_eq!(commune.store.read(|view| view.conditions()).unwrap(), []);

        // A foreign part beside the first one is told and nothing is taken.
        std::fs::copy(&out, part_path(&back, 2)).unwrap();
        assert!(matches!(
            import(&commune, &back),
            Err(Failure::Refused(refusal)) if refusal.code == "bundle-other-part"
        ));
    }

    #[test]
    fn a_machine_whose_feed_holds_something_else_is_even_again_by_stick() {
        let place = tempfile::tempdir().unwrap();
        let (province, commune) = offices(place.path());
        lodge(&commune, 3);
        let round = |name: &str| {
            let (up, down) =
                (place.path().join(format!("{name}-up")), place.path().join(format!("{name}-down")));
            changes::export(&desk_of(&commune), &up, usize::MAX).unwrap();
            import(&province, &up).unwrap();
            let machine = known_machine(&province, &commune.identity.node().to_string()).unwrap();
            returned::export(&desk_of(&province), &machine, &down, usize::MAX).unwrap();
            import(&commune, &down).unwrap()
        };
        assert_eq!(round("first")["is_proved"], true);
        // As when own entries are named that a copy of this machine has written otherwise.
        commune.store.write(|tx| tx.execute("UPDATE feed SET digest = zeroblob(32)", [])).unwrap();
        lodge(&commune, 5);
        assert_eq!(round("second")["is_proved"], true);
        assert_eq!(commune.store.read(|view| view.conditions()).unwrap(), []);
        assert_eq!(round("third")["outcome"], "imported", "the renewed proof");
    }

    #[test]
    fn a_gap_that_a_bundle_left_is_over_with_the_next_proof_over_a_line() {
        let place = tempfile::tempdir().unwrap();
        let (province, commune) = offices(place.path());
        lodge(&commune, 20);
        let up = place.path().join("up");
        changes::export(&desk_of(&commune), &up, usize::MAX).unwrap();
        import(&province, &up).unwrap();
        let machine = known_machine(&province, &commune.identity.node().to_string()).unwrap();
        let back = place.path().join("down");
        let said = returned::export(&desk_of(&province), &machine, &back, 1).unwrap();
        let last = said["parts"].as_array().unwrap().len() as u64;
        let codes = || {
            let standing = commune.store.read(|view| view.conditions()).unwrap();
            standing.into_iter().map(|condition| condition.code).collect::<Vec<_>>()
        };
        import_each(&commune, &[part_path(&back, last)]);
        assert_eq!(codes(), ["bundle-gap"]);
        beside::session(&commune, &province).unwrap();
        assert_eq!(codes(), Vec::<String>::new());
    }

    #[test]
    fn a_bundle_of_a_machine_with_another_province_certificate_is_not_the_provinces() {
        let place = tempfile::tempdir().unwrap();
        let (province, commune) = offices(place.path());
        let machine = known_machine(&province, &commune.identity.node().to_string()).unwrap();
        // Another machine of the same province writes an answer and signs it with its own key.
        let seat = "H27.102".parse().unwrap();
        let other =
            beside::enrol(&province, &place.path().join("other"), |_| place.path().join("w"), &seat).unwrap();
        let out = place.path().join("forged");
        let letter = file::Letter {
            kind: BundleKind::RETURN,
            province: other.identity.province(),
            keys: other.identity.keys(),
            certificate: Some(other.identity.certificate().to_vec()),
            to: vec![file::To { machine: machine.node, seal: commune.identity.keys().public().seal }],
            at: commune.clock().wall(),
        };
        letter.write_whole(&out, b"", commune.random.as_ref()).unwrap();
        assert!(matches!(
            import(&commune, &out),
            Err(Failure::Refused(refusal)) if refusal.code == "bundle-not-from-province"
        ));
    }

    /// Of a log whose name is not its machine's nothing is taken by stick, either; over a line the machine learns it and
    /// writes its work again.
    #[test]
    fn a_log_that_names_nobody_is_left_out_by_stick_and_comes_again_by_line() {
        let place = tempfile::tempdir().unwrap();
        let (province, commune) = offices(place.path());
        let boot = sync_protocol::ids::BootId([9; 16]);
        commune.store.write(move |tx| tx.begin_nameless_log(boot)).unwrap();
        lodge(&commune, 3);
        let out = place.path().join("up");
        changes::export(&desk_of(&commune), &out, usize::MAX).unwrap();
        let taken = import(&province, &out).unwrap();
        assert_eq!(
            (&taken["outcome"], &taken["changes"], &taken["forked"]),
            (&json!("partial"), &json!(0), &json!(4))
        );
        assert_eq!(taken["range_count"], 0, "{taken}");
        let told = province.store.read(|view| view.conditions()).unwrap();
        assert_eq!(told.iter().map(|told| told.code.as_str()).collect::<Vec<_>>(), ["foreign-log"]);
        for _ in 0..3 {
            beside::session(&commune, &province).unwrap();
        }
        let numbers = |office: &Office| office.store.read(|view| view.documents_by_number(None, 10)).unwrap();
        assert_eq!((numbers(&commune).len(), numbers(&province)), (3, numbers(&commune)));
        let unproved = commune.store.read(|view| view.unproved()).unwrap();
        assert_eq!(unproved.changes, 0);
        let told = commune.store.read(|view| view.conditions()).unwrap();
        assert_eq!(told.iter().map(|told| told.code.as_str()).collect::<Vec<_>>(), ["log-reissued"]);
    }
}
