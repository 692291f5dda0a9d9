//! What must hold when the faults are over and everybody has synced.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use motcua_node::clock::Clock;
use motcua_node::dossier::act::Body;
use motcua_node::dossier::act::MarkKind;
use motcua_node::dossier::document::Document;
use motcua_node::dossier::document::inspect;
use motcua_node::dossier::export;
use motcua_node::dossier::fold::Standing;
use motcua_node::dossier::fold::fold;
use motcua_node::ids::AgencyCode;
use motcua_node::roles::Office;
use motcua_node::store::OpenOptions;
use motcua_node::store::Store;
use motcua_node::store::View;
use motcua_node::store::apply::reason;
use motcua_node::store::conditions;
use motcua_node::store::conditions::Condition;
use motcua_node::store::dossiers::ListFilter;
use motcua_node::store::feeds::FeedLimits;
use motcua_node::store::log::EntryState;
use motcua_node::store::projection::DossierRow;
use sync_protocol::entry::Digest;
use sync_protocol::head::feed_key;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;

use crate::faults::call::Over;
use crate::faults::chance::Chance;
use crate::faults::machine::Machine;
use crate::faults::machine::copy_folder;
use crate::sim::watch;
use crate::sim::world::Node;
use crate::sim::world::World;

/// A session without news takes no more bytes of frames than this, whatever is held.
const NO_OP_BYTES_MAX: u64 = 600;
/// Documents of which the changes are put in another order.
const SHUFFLED_DOCS: usize = 60;
/// More marks for review are never on one act: the bans of a run.
const REVIEW_MARKS_MAX: usize = 1;

/// Everything that one machine shows.
#[derive(Debug)]
struct Held {
    /// By document: the changes that took effect, and the state as people see it.
    dossiers: BTreeMap<DocId, (BTreeSet<ChangeHash>, String)>,
    numbers: BTreeMap<String, BTreeSet<DocId>>,
    /// Changes by what became of them, with whose they are.
    standings: BTreeMap<ChangeHash, (EntryState, Option<NodeId>)>,
}

impl Held {
    fn of(office: &Office, world: &World) -> Self {
        let read = |view: &View<'_>| {
            let mut numbers: BTreeMap<String, BTreeSet<DocId>> = BTreeMap::new();
            let mut standings = BTreeMap::new();
            let mut docs = BTreeSet::new();
            for (number, doc) in view.documents_by_number(None, usize::from(u16::MAX))? {
                numbers.entry(number).or_default().insert(doc);
                docs.insert(doc);
                for change in view.changes_of(doc)? {
                    let facts = change.facts;
                    if facts.state != EntryState::Duplicate || !standings.contains_key(&facts.hash) {
                        standings.insert(facts.hash, (facts.state, facts.machine));
                    }
                }
            }
            Ok((numbers, standings, docs))
        };
        let (numbers, standings, docs) = office.store.read(read).unwrap();
        let shown = |doc: &DocId| Some((*doc, watch::state_of(office, *doc, world.mistake)?));
        Self { dossiers: docs.iter().filter_map(shown).collect(), numbers, standings }
    }

    fn has(&self, change: &ChangeHash) -> bool {
        self.standings
            .get(change)
            .is_some_and(|(state, _)| matches!(state, EntryState::Applied | EntryState::Voided))
    }
}

/// Compares everything with everything.
///
/// # Panics
/// Something is not as it must be.
pub fn check(world: &mut World) {
    world.watch();
    let centre = Held::of(world.province.office(), world);
    check_nothing_is_missing(world, &centre);
    check_numbers(world, &centre);
    check_only_the_guilty_are_kept(world, &centre);
    check_adversary(world, &centre);
    check_acts(world);
    for place in 0..world.nodes.len() {
        if !world.nodes[place].is_banned {
            check_node(world, place, &centre);
        }
    }
    check_clean(world, "province", world.province.office());
    check_any_order(world);
    let province = &world.province;
    check_rebuild(world, province);
    if let Some(node) = world.nodes.iter().find(|node| !node.is_banned) {
        check_rebuild(world, &node.machine);
    }
    check_no_op(world);
    check_replays(world, &centre);
    note_worth(world, &centre);
}

/// Whatever was answered is at the province, or lies on the disk of a banned machine, or was lost with a disk.
fn check_nothing_is_missing(world: &World, centre: &Held) {
    let on_banned = on_banned(world);
    let waiting_for_banned = waiting_for_banned(world, centre);
    let province = world.province.office();
    for answered in &world.model.answered {
        let again = province.store.read(|view| view.reissued_as(answered.change)).unwrap();
        // What the province had and lost may be on the disk of a machine that was banned before it called again.
        let is_on_banned = |(machine, changes): (&NodeId, &BTreeSet<ChangeHash>)| {
            let may_be_there = *machine == answered.by || world.model.has_province_been_behind;
            may_be_there && changes.contains(&answered.change)
        };
        let facts = |change| province.store.read(|view| view.change_facts(answered.doc, change)).unwrap();
        let is_kept = [Some(answered.change), again].into_iter().flatten().any(|change| {
            // What came of a banned machine is kept for a person, also when its disk was put back since.
            let is_for_a_person =
                || facts(change).is_some_and(|facts| facts.reason.as_deref() == Some(reason::BANNED));
            centre.has(&change) || waiting_for_banned.contains_key(&change) || is_for_a_person()
        }) || on_banned.iter().any(is_on_banned);
        assert!(
            is_kept || world.model.gone.contains(&answered.change),
            "what was answered is missing at the province: {answered:?}, there it is {:?}",
            facts(answered.change)
        );
    }
}

/// What lies on the disks of banned machines.
fn on_banned(world: &World) -> BTreeMap<NodeId, BTreeSet<ChangeHash>> {
    let mut on_banned: BTreeMap<NodeId, BTreeSet<ChangeHash>> = BTreeMap::new();
    for node in world.nodes.iter().filter(|node| node.is_banned) {
        let held = Held::of(node.machine.office(), world);
        on_banned.entry(node.id).or_default().extend(held.standings.into_keys());
    }
    on_banned
}

/// The changes that wait at the province for what a ban keeps there for a person, or for what it lost in a restore and had
/// of machines that are banned now, on whose disks it is; with whose they are.
fn waiting_for_banned(world: &World, centre: &Held) -> BTreeMap<ChangeHash, Option<NodeId>> {
    let mut absent: BTreeSet<ChangeHash> = if world.model.has_province_been_behind {
        on_banned(world).into_values().flatten().collect()
    } else {
        BTreeSet::new()
    };
    absent.retain(|hash| !centre.has(hash));
    let mut waiting = BTreeMap::new();
    // Where the beginning is kept for a person, the dossier is in no list.
    let docs: BTreeSet<DocId> = world.model.answered.iter().map(|answered| answered.doc).collect();
    let read = |view: &View<'_>| {
        for doc in docs {
            let changes = view.changes_of(doc)?;
            let banned =
                changes.iter().filter(|change| change.facts.reason.as_deref() == Some(reason::BANNED));
            absent.extend(banned.map(|change| change.facts.hash));
            let mut left: Vec<_> = changes
                .iter()
                .filter(|change| change.facts.state == EntryState::Waiting)
                .filter_map(|change| Some((&change.facts, inspect(change.body.as_deref()?).ok()?.deps)))
                .collect();
            // They lie in the order in which they came.
            loop {
                let (found, rest): (Vec<_>, Vec<_>) =
                    left.into_iter().partition(|(_, deps)| deps.iter().any(|dep| absent.contains(dep)));
                if found.is_empty() {
                    break;
                }
                absent.extend(found.iter().map(|(facts, _)| facts.hash));
                waiting.extend(found.iter().map(|(facts, _)| (facts.hash, facts.machine)));
                left = rest;
            }
        }
        Ok(())
    };
    world.province.office().store.read(read).unwrap();
    waiting
}

/// Dossiers of which a banned machine has what does not count at the province, though it may have before a restore: until a
/// person decides about it, others go on with what they had from the province then.
fn undecided(world: &World, centre: &Held) -> BTreeSet<DocId> {
    let mut undecided = BTreeSet::new();
    if !world.model.has_province_been_behind {
        return undecided;
    }
    let docs: BTreeSet<DocId> = world.model.answered.iter().map(|answered| answered.doc).collect();
    for node in world.nodes.iter().filter(|node| node.is_banned) {
        let read = |view: &View<'_>| {
            for doc in &docs {
                if view.changes_of(*doc)?.iter().any(|change| !centre.has(&change.facts.hash)) {
                    undecided.insert(*doc);
                }
            }
            Ok(())
        };
        node.machine.office().store.read(read).unwrap();
    }
    undecided
}

/// No number stands on two dossiers but those that two images printed, and those a person is told of.
fn check_numbers(world: &World, centre: &Held) {
    let standing = world.province.office().store.read(|view| view.conditions()).unwrap();
    for (number, docs) in &centre.numbers {
        let is_namesake = world.model.namesakes.contains(number);
        assert!(docs.len() == 1 || is_namesake, "the number {number} stands on {docs:?}");
        let is_told = standing
            .iter()
            .any(|condition| condition.code == conditions::DUPLICATE_NUMBER && condition.subject == *number);
        assert_eq!(is_told, docs.len() > 1, "whether the province is told of {number} on {docs:?}");
    }
    for (number, lodged) in &world.model.lodged {
        let there = centre.numbers.get(number);
        let is_same =
            there.is_none_or(|docs| docs.contains(&lodged.doc)) || world.model.namesakes.contains(number);
        assert!(is_same, "the number {number} was answered for {} and stands on {there:?}", lodged.doc);
    }
}

/// What the province keeps back is the adversary's, or a banned machine's.
fn check_only_the_guilty_are_kept(world: &mut World, centre: &Held) {
    let guilty: BTreeSet<NodeId> = world
        .nodes
        .iter()
        .filter(|node| node.is_banned)
        .map(|node| node.id)
        .chain([world.adversary.id])
        .collect();
    let waiting_for_banned = waiting_for_banned(world, centre);
    for (hash, (state, machine)) in &centre.standings {
        world.coverage.add(state.name(), 1);
        let is_guilty = machine.is_some_and(|machine| guilty.contains(&machine));
        let is_right = *state == EntryState::Applied
            || is_written_again(world, *state, machine.as_ref())
            || waiting_for_banned.contains_key(hash)
            || (*state == EntryState::Voided && is_misused(world, *hash));
        let is_fine = is_right || is_guilty;
        assert!(is_fine, "{hash} of the honest {machine:?} is at the province: {}", why_kept(world, hash));
    }
}

/// Whether a program that is not ours wrote it in another's name, or a copy of that machine wrote such a change again before
/// it heard that it was refused. Only that copy may know: of two that say what stands for one change the first is heard.
fn is_misused(world: &World, hash: ChangeHash) -> bool {
    let machines = world.nodes.iter().map(|node| &node.machine).chain([&world.province]);
    let mut formerly =
        machines.flat_map(|machine| machine.office().store.read(|view| view.reissued_from(hash)).unwrap());
    world.model.misused.contains(&hash) || formerly.any(|old| world.model.misused.contains(&old))
}

/// What the province says about a change, for whoever reads why it stands so.
fn why_kept(world: &World, hash: &ChangeHash) -> String {
    let office = world.province.office();
    let find = |view: &View<'_>| {
        let mut facts = Vec::new();
        for (_, doc) in view.documents_by_number(None, usize::from(u16::MAX))? {
            facts.extend(view.change_facts(doc, *hash)?);
        }
        Ok(facts)
    };
    let facts = office.store.read(find).unwrap();
    let is_misused = is_misused(world, *hash);
    let hostile = &world.adversary.hostile;
    let is_adversarys = hostile.logs.values().flatten().any(|entry| entry.hash == *hash);
    format!("{facts:?}, misused {is_misused}, the adversary's {is_adversarys}")
}

/// Whether it was given up by a machine that has to: its log had two histories, or something was refused.
fn is_written_again(world: &World, state: EntryState, machine: Option<&NodeId>) -> bool {
    let model = &world.model;
    state == EntryState::Superseded
        && (machine.is_some_and(|machine| model.imaged.contains(machine) || model.corrected.contains(machine))
            // What builds on a branch that the province lost is written again by whoever wrote it.
            || (model.has_province_been_behind && !model.imaged.is_empty()))
}

/// The adversary's whole log is at the province, and what it was entitled to write took effect: nothing that it
/// wrote besides held it up. What is another machine's by its name never became the adversary's, and a person is told.
fn check_adversary(world: &World, centre: &Held) {
    let office = world.province.office();
    for (boot, log) in &world.adversary.hostile.logs {
        let there = office.store.read(|view| view.log_head(*boot)).unwrap().map_or(0, |head| head.lsn);
        assert_eq!(there, log.len() as u64, "the adversary's log {boot} at the province");
    }
    for (hash, doc) in &world.adversary.rightful {
        assert!(centre.has(hash), "a rightful note on {doc} is {:?}", centre.standings.get(hash));
    }
    for (hash, doc) in &world.adversary.false_beginnings {
        let there = office.store.read(|view| view.change_facts(*doc, *hash)).unwrap();
        let is_out = there.is_none_or(|facts| facts.state == EntryState::Refused);
        assert!(is_out, "the beginning {hash} of another machine's dossier {doc} counts");
    }
    let stolen = &world.adversary.hostile.stolen;
    for boot in stolen.keys() {
        let head = office.store.read(|view| view.log_head(*boot)).unwrap();
        let whose = head.and_then(|head| head.machine);
        assert_ne!(whose, Some(world.adversary.id), "{boot} is another machine's log");
    }
    assert!(stolen.keys().all(|boot| world.adversary.hostile.denied.contains(boot)), "it is told so");
    let standing = office.store.read(|view| view.conditions()).unwrap();
    let is_told = standing.iter().any(|condition| condition.code == "foreign-log");
    assert_eq!(is_told, !stolen.is_empty(), "whether the province is told of stolen logs");
}

/// What was printed counts or waits for a person, but is never void; and what the province does by itself is done once.
fn check_acts(world: &mut World) {
    let office = world.province.office();
    let printed: BTreeSet<ChangeHash> = world
        .model
        .answered
        .iter()
        .filter(|answered| answered.is_printed)
        .map(|answered| {
            let again = office.store.read(|view| view.reissued_as(answered.change)).unwrap();
            again.unwrap_or(answered.change)
        })
        .collect();
    let rows = office.store.read(|view| view.list(&ListFilter::default())).unwrap();
    let (mut acts, mut contested, mut void) = (0, 0, 0);
    for row in &rows {
        let Some(state) = office.store.read(|view| view.state(row.doc)).unwrap() else { continue };
        let mut reviewed: BTreeMap<String, usize> = BTreeMap::new();
        for act in &state.acts {
            acts += 1;
            let is_void = matches!(act.standing, Standing::Void(_));
            void += u64::from(is_void);
            contested += u64::from(act.standing == Standing::Contested);
            assert!(!(is_void && printed.contains(&act.id.change)), "{}: a printed act is void", row.doc);
            let is_automatic = act.act.officer == "tinh";
            if let (Body::Mark(mark), true) = (&act.act.body, is_automatic)
                && mark.mark == MarkKind::Review
            {
                for marked in &mark.acts {
                    *reviewed.entry(marked.to_string()).or_default() += 1;
                }
            }
        }
        for (act, times) in reviewed {
            assert!(times <= REVIEW_MARKS_MAX, "{act} was marked for review {times} times");
        }
    }
    world.coverage.add("acts", acts);
    world.coverage.add("acts contested", contested);
    world.coverage.add("acts void", void);
}

/// The entries of a seat's feed, in order, as this machine has them.
fn feed(office: &Office, seat: &AgencyCode) -> Vec<Hash> {
    let mut links = Vec::new();
    loop {
        let after = links.len() as u64;
        let page = office.store.read(|view| view.feed_after(seat, after, &FeedLimits::ALL)).unwrap();
        // A machine without a line has no feed before there is something in it.
        let Some(page) = page.filter(|page| !page.rows.is_empty()) else { return links };
        links.extend(page.rows.iter().map(|row| row.entry.link()));
    }
}

/// One node holds exactly what it is entitled to, and can prove it.
fn check_node(world: &World, place: usize, centre: &Held) {
    let node = &world.nodes[place];
    let (office, name) = (node.machine.office(), &node.machine.name);
    let province = world.province.office();
    let held = Held::of(office, world);
    let entitled: BTreeSet<DocId> = centre
        .dossiers
        .keys()
        .filter(|doc| province.store.read(|view| view.parties_of(**doc)).unwrap().contains(&node.seat))
        .copied()
        .collect();
    // Who was sent a dossier keeps getting it, whatever became of the transfer.
    let was_sent = |doc: &DocId| {
        let state = province.store.read(|view| view.state(*doc)).unwrap().expect("a listed dossier");
        state
            .acts
            .iter()
            .any(|act| matches!(&act.act.body, Body::Transfer(transfer) if transfer.to == node.seat))
    };
    let there: BTreeSet<DocId> = held.dossiers.keys().copied().collect();
    let undecided = undecided(world, centre);
    let apart: Vec<String> = there
        .symmetric_difference(&entitled)
        .filter(|doc| !undecided.contains(*doc))
        .filter(|doc| !(there.contains(doc) && was_sent(doc)))
        .map(|doc| {
            format!("{doc} {:?}, at the province {:?}", held.dossiers.get(doc), centre.dossiers.get(doc))
        })
        .collect();
    assert!(apart.is_empty(), "{name} does not hold what it is entitled to: {apart:?}");
    for (doc, shown) in held.dossiers.iter().filter(|(doc, _)| !undecided.contains(*doc)) {
        assert_eq!(Some(shown), centre.dossiers.get(doc), "{doc} at {name} and at the province");
    }
    for lodged in world.model.lodged.values().filter(|lodged| centre.dossiers.contains_key(&lodged.doc)) {
        let is_ours = world.nodes.iter().any(|other| other.id == lodged.by && other.seat == node.seat);
        assert!(!is_ours || there.contains(&lodged.doc), "{name} has not what its office received");
    }
    for (hash, (state, machine)) in &held.standings {
        // A machine may not know whose a log is, and the losing part of its own stands under no name.
        let known = centre.standings.get(hash).and_then(|(_, machine)| machine.as_ref());
        let whose = machine.as_ref().or(known).unwrap_or(&node.id);
        // What others built on the adversary's, or it on what was refused since, waits here as at the province.
        let waits = *state == EntryState::Waiting
            && *whose == world.adversary.id
            && world.model.has_province_been_behind
            && centre.standings.get(hash).is_none_or(|(state, _)| *state == EntryState::Waiting);
        let is_right = *state == EntryState::Applied || is_written_again(world, *state, Some(whose)) || waits;
        assert!(is_right, "{name}: {hash} of {machine:?} is {state:?}; imaged are {:?}", world.model.imaged);
    }

    // Equal digests, and equal sets: added up again from what is there.
    let (ours, theirs) = (feed(office, &node.seat), feed(province, &node.seat));
    assert_eq!(ours, theirs, "the feed of {name}");
    let head = office.store.read(|view| view.feed_head(&node.seat)).unwrap();
    assert!(head.is_some() || ours.is_empty(), "{name} has no feed");
    let (position, digest) = head.as_ref().map_or_else(Default::default, |head| (head.position, head.digest));
    if let Some(head) = &head {
        let key = feed_key(head.feed);
        let again = ours.iter().fold(Digest::default(), |digest, link| digest.plus(&key, *link));
        assert_eq!((position, digest), (ours.len() as u64, again), "the feed's head at {name}");
    }

    let ours = office.store.read(|view| view.last_proof(node.id)).unwrap().expect("a proof");
    let theirs = province.store.read(|view| view.last_proof(node.id)).unwrap().expect("a proof");
    assert_eq!(ours.hash, theirs.hash, "the proofs of {name}");
    // Of several machines under one identity each has what was said to it last.
    let is_alone = world.nodes.iter().filter(|other| other.id == node.id).count() == 1;
    assert!(!is_alone || ours.bytes == theirs.bytes, "the newest proof of {name}");
    if ours.waiting > 0 {
        let waiting = waiting_for_banned(world, centre);
        let of_node = waiting.values().filter(|machine| **machine == Some(node.id)).count() as u64;
        assert_eq!(
            ours.waiting, of_node,
            "what waits of {name} waits for a person to decide about a banned machine's"
        );
    }
    assert_eq!((ours.quarantined, ours.refused), (0, 0), "{name}");
    assert_eq!((ours.position, ours.digest), (position, digest), "{name}");
    let unproved = office.store.read(|view| view.unproved()).unwrap();
    assert_eq!(unproved.changes, 0, "{name}");

    // Every word of the province, also what this program does not know. Where it was put back, the line on which a node
    // knows it may be another one.
    let items = |office: &Office| -> BTreeSet<(u8, Vec<u8>)> {
        let read = |view: &View<'_>| view.items_beyond(Hash([0; 32]), 0, usize::MAX);
        let items = office.store.read(read).unwrap();
        items.into_iter().map(|(_, item)| (item.kind, item.bytes)).collect()
    };
    assert_eq!(items(office), items(province), "what the province published, at {name}");

    let needs_person = ListFilter { needs_person: true, ..ListFilter::default() };
    let asking = |office: &Office| office.store.read(|view| view.list(&needs_person)).unwrap();
    let listed = asking(province);
    for row in asking(office) {
        assert!(listed.iter().any(|other| other.doc == row.doc), "{} needs a person at {name} only", row.doc);
    }
    check_clean(world, name, office);
}

fn check_clean(world: &World, name: &str, office: &Office) {
    let role = office.store.identity().role;
    let mut findings = office.store.read(|view| view.verify(role)).unwrap();
    let is_namesake =
        |(name, value): &(&str, String)| *name == "number" && world.model.namesakes.contains(value);
    findings.retain(|finding| finding.code != "verify-number-twice" || !finding.args.iter().any(is_namesake));
    assert!(findings.is_empty(), "{name}: {findings:?}");
    let standing = office.store.read(|view| view.conditions()).unwrap();
    let node = world.nodes.iter().find(|node| node.machine.name == name);
    for condition in standing {
        let is_expected = match node {
            Some(node) => is_expected_at_node(world, node, &condition),
            None => is_expected_at_province(world, &condition),
        };
        assert!(is_expected, "{name}: {condition:?}");
    }
}

/// Machines to which nothing was done have nothing to tell.
fn is_expected_at_node(world: &World, node: &Node, condition: &Condition) -> bool {
    match condition.code.as_str() {
        // What was done on top of a branch that a restored province lost is written again, too.
        conditions::LOG_REISSUED if world.model.has_province_been_behind => !world.model.imaged.is_empty(),
        conditions::FORKED_LOG | conditions::LOG_REISSUED => world.model.imaged.contains(&node.id),
        conditions::WORK_REFUSED => world.model.corrected.contains(&node.id),
        conditions::DUPLICATE_NUMBER => world.model.namesakes.contains(&condition.subject),
        "digest-differs" | "foreign-log" => false,
        // A restored province gave it to another machine before it got back its own word.
        conditions::SERIES_WITHDRAWN => world.model.has_province_been_behind,
        _ => node.is_disturbed,
    }
}

fn is_expected_at_province(world: &World, condition: &Condition) -> bool {
    let subject = &condition.subject;
    match condition.code.as_str() {
        "foreign-log" => *subject == world.adversary.id.to_string(),
        conditions::TWO_HISTORIES if *subject == world.adversary.id.to_string() => true,
        conditions::FORKED_LOG | conditions::LOG_REISSUED => !world.model.imaged.is_empty(),
        conditions::DUPLICATE_NUMBER => world.model.namesakes.contains(subject),
        conditions::TWO_HISTORIES => {
            world.nodes.iter().any(|node| node.is_disturbed && node.id.to_string() == *subject)
        }
        _ => world.model.has_province_been_behind,
    }
}

/// The changes of a dossier in any order that respects what they build on give the same dossier.
fn check_any_order(world: &mut World) {
    let office = Arc::clone(world.province.office());
    let docs: Vec<DocId> = world.model.lodged.values().map(|lodged| lodged.doc).collect();
    let mut chance = Chance::new(world.step as u64);
    for _ in 0..SHUFFLED_DOCS {
        let Some(doc) = chance.pick(&docs).copied() else { return };
        let changes = office.store.read(|view| view.changes_of(doc)).unwrap();
        let mut left: BTreeMap<ChangeHash, Vec<u8>> = changes
            .into_iter()
            .filter(|change| matches!(change.facts.state, EntryState::Applied | EntryState::Voided))
            .filter_map(|change| Some((change.facts.hash, change.body?)))
            .collect();
        let mut shuffled = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let is_free =
                |body: &Vec<u8>| inspect(body).unwrap().deps.iter().all(|dep| !left.contains_key(dep));
            let free: Vec<ChangeHash> =
                left.iter().filter(|(_, body)| is_free(body)).map(|(hash, _)| *hash).collect();
            let next = *chance.pick(&free).expect("changes build on one another in no circle");
            shuffled.extend(left.remove(&next));
        }
        if shuffled.is_empty() {
            continue;
        }
        let document = Document::load(shuffled.iter().map(Vec::as_slice)).unwrap();
        let again = export::export(&fold(document.history())).to_string();
        let state = office.store.read(|view| view.state(doc)).unwrap().unwrap();
        assert_eq!(again, export::export(&state).to_string(), "{doc} in another order");
        world.coverage.count("dossiers folded in another order");
    }
}

/// The rows computed again from the entries are those that stand there.
fn check_rebuild(world: &World, machine: &Machine) {
    let copy = world.folder(&format!("rebuilt-{}", machine.name));
    copy_folder(&machine.dir, &copy);
    let options = OpenOptions {
        clock: Arc::clone(&machine.clock) as Arc<dyn Clock>,
        ..OpenOptions::new(copy.join("witness-of-the-copy"))
    };
    let store = Store::open(&copy, options).unwrap();
    let rows = |store: &Store| -> Vec<(DossierRow, BTreeSet<AgencyCode>)> {
        let read = |view: &View<'_>| {
            view.documents_by_number(None, usize::from(u16::MAX))?
                .into_iter()
                .map(|(_, doc)| Ok((view.dossier(doc)?.expect("a listed dossier"), view.parties_of(doc)?)))
                .collect()
        };
        store.read(read).unwrap()
    };
    let before = rows(&store);
    store.write(|tx| tx.rebuild()).unwrap();
    assert_eq!(before, rows(&store), "{} after a rebuild", machine.name);
    drop(store);
    std::fs::remove_dir_all(&copy).unwrap();
}

/// One more session of each node is one round trip of a few bytes, the same for all whatever is held.
fn check_no_op(world: &mut World) {
    let mut bytes = BTreeSet::new();
    for place in 0..world.nodes.len() {
        if world.nodes[place].is_banned {
            continue;
        }
        if !world.can_dial(place) {
            assert!(!world.go_round(place), "a stick without news moves something");
            continue;
        }
        let (over, moved) = world.sync(place);
        let name = &world.nodes[place].machine.name;
        assert_eq!(over, Over::Converged, "{name}");
        assert_eq!((moved.round_trips, moved.changes_sent, moved.changes_received), (1, 0, 0), "{name}");
        bytes.insert(moved.sent_bytes + moved.received_bytes);
    }
    assert_eq!(bytes.len(), 1, "every session without news takes the same bytes: {bytes:?}");
    assert!(bytes.iter().all(|bytes| *bytes <= NO_OP_BYTES_MAX), "{bytes:?}");
}

/// Old bundles that come when all are even change nothing.
fn check_replays(world: &mut World, centre: &Held) {
    world.replay_bundles();
    let after = Held::of(world.province.office(), world);
    assert_eq!(after.dossiers, centre.dossiers, "what the province shows after old bundles");
}

fn note_worth(world: &mut World, centre: &Held) {
    world.coverage.add("changes", centre.standings.len() as u64);
    world.coverage.add("dossiers", centre.dossiers.len() as u64);
    world.coverage.add("machines", world.nodes.len() as u64 + 2);
    world.coverage.add("lost with a disk", world.model.gone.len() as u64);
    world.coverage.add("entries of the adversary", world.adversary.entries() as u64);
}
