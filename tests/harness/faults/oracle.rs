//! What must hold when the faults are over and everybody has synced.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use motcua_node::dossier::export;
use motcua_node::ids::AgencyCode;
use motcua_node::roles::Office;
use motcua_node::store::Role;
use motcua_node::store::View;
use motcua_node::store::conditions;
use motcua_node::store::dossiers::ListFilter;
use motcua_node::store::feeds::FeedLimits;
use motcua_node::store::log::EntryState;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::Hash;

use crate::faults::call::Over;
use crate::faults::world::World;

/// Everything one machine holds, as its people and its peers see it.
#[derive(Debug)]
pub struct Holdings {
    /// Documents with their exports.
    pub exports: BTreeMap<DocId, String>,
    /// Documents by number.
    pub numbers: BTreeMap<String, BTreeSet<DocId>>,
    /// Entries of every document by state.
    pub states: BTreeMap<&'static str, u64>,
    /// Changes that took effect.
    pub changes: BTreeSet<ChangeHash>,
}

impl Holdings {
    /// Reads a machine's store.
    ///
    /// # Panics
    /// It cannot be read.
    #[must_use]
    pub fn of(office: &Office) -> Self {
        let read = |view: &View<'_>| {
            let mut held = Self {
                exports: BTreeMap::new(),
                numbers: BTreeMap::new(),
                states: BTreeMap::new(),
                changes: BTreeSet::new(),
            };
            for (number, doc) in view.documents_by_number(None, usize::from(u16::MAX))? {
                let state = view.state(doc)?.expect("a listed document");
                held.exports.insert(doc, export::export(&state).to_string());
                held.numbers.entry(number).or_default().insert(doc);
                for change in view.changes_of(doc)? {
                    *held.states.entry(change.facts.state.name()).or_default() += 1;
                    if change.facts.state == EntryState::Applied {
                        held.changes.insert(change.facts.hash);
                    }
                }
            }
            Ok(held)
        };
        office.store.read(read).unwrap()
    }
}

/// The entries of a seat's feed, in order, as this machine has them.
fn feed(office: &Office, seat: &AgencyCode) -> Vec<Hash> {
    let mut links = Vec::new();
    loop {
        let after = links.len() as u64;
        let page = office
            .store
            .read(|view| view.feed_after(seat, after, &FeedLimits::ALL))
            .unwrap()
            .expect("a feed");
        if page.rows.is_empty() {
            return links;
        }
        links.extend(page.rows.iter().map(|row| row.entry.link()));
    }
}

/// Compares everything with everything. Ends with one more session of each node, which must be a no-op; answers how
/// many bytes those took, each the same.
///
/// # Panics
/// Something is not as it must be.
pub fn check(world: &mut World) -> u64 {
    let centre = Holdings::of(world.province.office());
    check_answers(world, &centre);
    assert_eq!(
        centre.states.keys().copied().collect::<Vec<_>>(),
        if centre.changes.is_empty() { vec![] } else { vec!["applied"] },
        "between machines of ours every entry is applied at the province: {:?}",
        centre.states
    );
    let contested = centre.exports.values().filter(|export| !export.contains("\"contested\":[]")).count();
    let standing = |word: &str| {
        let word = format!("\"standing\":\"{word}\"");
        centre.exports.values().map(|export| export.matches(&word).count() as u64).sum::<u64>()
    };
    world.counters.add("dossiers on which offices acted apart", contested as u64);
    world.counters.add("acts void", standing("void"));
    world.counters.add("acts too late", standing("too_late"));
    for place in 0..world.nodes.len() {
        check_node(world, place, &centre);
    }
    check_clean("the province", world.province.office());
    check_no_op(world)
}

/// Nothing that was answered is missing, and no number stands twice.
fn check_answers(world: &mut World, centre: &Holdings) {
    for (number, docs) in &centre.numbers {
        assert_eq!(docs.len(), 1, "the number {number} stands on {docs:?}");
    }
    let (mut gone, mut kept) = (0, 0);
    for lodged in world.model.lodged.values() {
        let at_province = centre.numbers.get(&lodged.number).is_some_and(|docs| docs.contains(&lodged.doc));
        if !at_province {
            assert!(
                world.model.gone.contains(&lodged.change),
                "{} is missing at the province",
                lodged.number
            );
            gone += 1;
            continue;
        }
        kept += 1;
        for node in world.nodes.iter().filter(|node| node.seat == lodged.seat) {
            let held =
                node.machine.office().store.read(|view| view.dossiers_by_number(&lodged.number)).unwrap();
            assert_eq!(held.len(), 1, "{} at {}", lodged.number, node.machine.name);
        }
    }
    world.counters.add("dossiers", kept);
    world.counters.add("dossiers lost with a disk", gone);
    for acted in &world.model.acted {
        let is_there = centre.changes.contains(&acted.change);
        assert!(
            is_there || world.model.gone.contains(&acted.change),
            "an act on {} is missing at the province",
            acted.number
        );
    }
}

/// One node holds exactly what it is entitled to, and can prove it.
fn check_node(world: &World, place: usize, centre: &Holdings) {
    let node = &world.nodes[place];
    let (office, name) = (node.machine.office(), &node.machine.name);
    let province = world.province.office();
    let held = Holdings::of(office);
    let entitled: BTreeSet<DocId> = centre
        .exports
        .keys()
        .filter(|doc| province.store.read(|view| view.parties_of(**doc)).unwrap().contains(&node.seat))
        .copied()
        .collect();
    assert_eq!(held.exports.keys().copied().collect::<BTreeSet<_>>(), entitled, "what {name} holds");
    for (doc, export) in &held.exports {
        assert_eq!(Some(export), centre.exports.get(doc), "{doc} at {name} and at the province");
    }
    let others: Vec<_> = held.states.keys().filter(|state| **state != "applied").collect();
    assert!(others.is_empty(), "{name}: {:?}", held.states);
    assert_eq!(feed(office, &node.seat), feed(province, &node.seat), "the feed of {name}");

    let ours = office.store.read(|view| view.last_proof(node.id)).unwrap().expect("a proof");
    let theirs = province.store.read(|view| view.last_proof(node.id)).unwrap().expect("a proof");
    let is_clone = world.nodes.iter().filter(|other| other.id == node.id).count() > 1;
    assert!(ours.hash == theirs.hash && (is_clone || ours.bytes == theirs.bytes), "the proofs of {name}");
    assert_eq!((ours.waiting, ours.quarantined, ours.refused), (0, 0, 0), "{name}");
    let head = office.store.read(|view| view.feed_head(&node.seat)).unwrap().expect("a feed");
    assert_eq!((ours.position, ours.digest), (head.position, head.digest), "{name}");
    let unproved = office.store.read(|view| view.unproved()).unwrap();
    assert_eq!(unproved.changes, 0, "{name}");
    let needs_person = ListFilter { needs_person: true, ..ListFilter::default() };
    let asking = |office: &Office| office.store.read(|view| view.list(&needs_person)).unwrap();
    let listed = asking(province);
    for row in asking(office) {
        assert!(
            listed.iter().any(|other| other.doc == row.doc),
            "{:?} needs a person at {name} only",
            row.number
        );
    }
    check_clean(name, office);
}

fn check_clean(name: &str, office: &Office) {
    let role = office.store.identity().role;
    let findings = office.store.read(|view| view.verify(role)).unwrap();
    assert!(findings.is_empty(), "{name}: {findings:?}");
    let standing = office.store.read(|view| view.conditions()).unwrap();
    let never = ["digest-differs", "forked-log", "foreign-log", conditions::DUPLICATE_NUMBER];
    for condition in standing {
        assert!(!never.contains(&condition.code.as_str()), "{name}: {condition:?}");
        assert!(
            role == Role::Commune || condition.code != conditions::ROLLED_BACK,
            "{name} was never put back: {condition:?}"
        );
    }
}

/// One more session of each node is one round trip, of the same bytes whatever is held.
fn check_no_op(world: &mut World) -> u64 {
    let mut bytes = BTreeSet::new();
    for place in 0..world.nodes.len() {
        let (over, moved) = world.sync(place);
        let name = &world.nodes[place].machine.name;
        assert_eq!(over, Over::Converged, "{name}");
        assert_eq!((moved.round_trips, moved.changes_sent, moved.changes_received), (1, 0, 0), "{name}");
        bytes.insert(moved.sent_bytes + moved.received_bytes);
    }
    assert_eq!(bytes.len(), 1, "every no-op takes the same bytes: {bytes:?}");
    bytes.into_iter().next().unwrap_or(0)
}
