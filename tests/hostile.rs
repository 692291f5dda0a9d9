//! Everything that the owner of a stolen key can write, in one session, and whom it hurts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use motcua_node::control::Failure;
use motcua_node::dossier::act::Finish;
use motcua_node::dossier::act::FinishResult;
use motcua_node::dossier::act::Mark;
use motcua_node::dossier::act::MarkKind;
use motcua_node::dossier::act::Note;
use motcua_node::dossier::act::Reassign;
use motcua_node::dossier::document::Document;
use motcua_node::dossier::fold::fold;
use motcua_node::roles::Office;
use motcua_node::roles::province;
use motcua_node::store::View;
use motcua_tests::faults::call::Over;
use motcua_tests::faults::chance::Chance;
use motcua_tests::faults::hostile::Hostile;
use motcua_tests::faults::hostile::change;
use motcua_tests::sim::coverage::Coverage;
use motcua_tests::sim::oracle;
use motcua_tests::sim::plan::Plan;
use motcua_tests::sim::plan::Step;
use motcua_tests::sim::plan::What;
use motcua_tests::sim::run::run;
use motcua_tests::sim::watch::state_of;
use motcua_tests::sim::world::World;
use serde_json::Value;
use serde_json::json;
use sync_protocol::entry::EntryKind;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::NodeId;
use sync_protocol::session::node::NodeOutcome;
use sync_protocol::time::Millis;

/// Worlds in which a hostile machine calls first after restores; in each so many restores, with so many copies and
/// rounds of work before each.
const SEEDS: u64 = 4;
const RESTORES: usize = 3;
const COPIES: usize = 5;
const ROUNDS: usize = 8;
/// What it must have tried in them, or they prove less than they seem to.
const TRIED_MIN: [(&str, u64); 4] = [
    ("a beginning in another machine's name", 5),
    ("a new log in another machine's name", 5),
    ("a second beginning", 5),
    ("another machine's log", 10),
];
const OURS: usize = 0;
const OTHERS: usize = 1;

fn lodge(world: &World, place: usize, request_id: &str, competent: &str) -> (String, DocId) {
    let node = &world.nodes[place];
    let line = json!({
        "request_id": request_id,
        "procedure": "1.001193",
        "competent": competent,
        "officer": format!("{}/03", node.seat),
        "owner": { "kind": "citizen", "name": "Nguyễn Văn Thử" },
    });
    let answer = node.machine.office().desk.lodge(&line.to_string(), false).wait().unwrap();
    (answer["number"].as_str().unwrap().to_owned(), answer["id"].as_str().unwrap().parse().unwrap())
}

/// What a machine shows of every dossier, and the changes that took effect there.
struct Holdings {
    exports: BTreeMap<DocId, String>,
    changes: BTreeSet<ChangeHash>,
}

impl Holdings {
    fn of(office: &Office) -> Self {
        let listed = |view: &View<'_>| view.documents_by_number(None, usize::from(u16::MAX));
        let mut held = Self { exports: BTreeMap::new(), changes: BTreeSet::new() };
        for (_, doc) in office.store.read(listed).unwrap() {
            let (changes, export) = state_of(office, doc, None).unwrap();
            held.exports.insert(doc, export);
            held.changes.extend(changes);
        }
        held
    }
}

/// How many entries of a machine the province keeps for which reason.
fn kept(world: &World, machine: NodeId) -> BTreeMap<String, usize> {
    let list = world.province.office().store.read(|view| view.quarantine(Some(machine), 20_000)).unwrap();
    let mut reasons = BTreeMap::new();
    for entry in list {
        *reasons.entry(entry.reason.unwrap_or_default()).or_default() += 1;
    }
    reasons
}

/// Everything that a machine with a stolen or misused key can write, in one session; then what of it hurts whom.
#[test]
fn a_hostile_node_hurts_nobody_but_itself() {
    let mut world = World::new(&Plan { seed: 77, communes: 3, has_packs: false, steps: Vec::new() }, None);
    let (seat_a, seat_b) = (world.nodes[OURS].seat.clone(), world.nodes[OTHERS].seat.clone());
    let (a, b) = (world.nodes[OURS].id, world.nodes[OTHERS].id);
    let (_, ours) = lodge(&world, OURS, "ours", seat_b.as_str());
    let (_, theirs) = lodge(&world, OTHERS, "theirs", seat_a.as_str());
    let (_, secret) = lodge(&world, OTHERS, "secret", seat_b.as_str());
    world.heal();
    let before = Holdings::of(world.nodes[OTHERS].machine.office());

    // Another machine comes under the same identity. It pulls what its seat is entitled to, and then it writes.
    let identity = Arc::clone(&world.nodes[OURS].machine.office().identity);
    let mut hostile = Hostile::new(identity);
    assert_eq!(hostile.sync(world.province.office()), NodeOutcome::Converged);
    assert!(hostile.received.iter().all(|entry| entry.doc != secret), "no party, no copy");
    let boot = BootId::mint(a, [0x66; 12]);
    hostile.begin(boot, a);
    let mut document = hostile.document(ours).unwrap();
    let note = hostile.write(boot, ours, &mut document, &seat_a, Note {});
    let finish = Finish { result: FinishResult::Granted, reasons: Vec::new(), hash: None };
    let forged = hostile.write(boot, ours, &mut document, &seat_b, finish.clone());
    let on_forged = hostile.write(boot, ours, &mut document, &seat_a, Note {});
    let mut document = hostile.document(theirs).unwrap();
    let first = fold(document.history()).acts[0].id;
    let mark = Mark { acts: vec![first], mark: MarkKind::Void, basis: "not ours".to_owned() };
    hostile.write(boot, theirs, &mut document, &seat_a, mark);
    let mut document = hostile.document(theirs).unwrap();
    let reassign = Reassign { to: seat_a.clone(), basis: "not ours".to_owned() };
    hostile.write(boot, theirs, &mut document, &seat_a, reassign);
    // The beginning of a dossier that it has never seen.
    let mut second_root = Document::new();
    hostile.write(boot, secret, &mut second_root, &seat_a, Note {});
    // What nobody can read, and what is not what it says.
    let junk = b"no change at all".to_vec();
    hostile.append(boot, EntryKind::CHANGE, ours, ChangeHash([1; 32]), Some(junk.clone()));
    let (_, bytes) = change(boot, &mut hostile.document(ours).unwrap(), &seat_a, Note {});
    hostile.append(boot, EntryKind::CHANGE, ours, ChangeHash([2; 32]), Some(bytes));
    hostile.append(boot, EntryKind::KEY, DocId::NONE, ChangeHash([3; 32]), Some(junk.clone()));
    // What builds on something that never comes: by itself, and forged at that.
    let mut document = hostile.document(ours).unwrap();
    let _never_sent = change(boot, &mut document, &seat_a, finish.clone());
    hostile.write(boot, ours, &mut document, &seat_a, Note {});
    let orphan = hostile.write(boot, ours, &mut document, &seat_b, finish);
    // Logs that are another machine's, by name or by right.
    let other = BootId::mint(a, [0x67; 12]);
    hostile.begin(other, b);
    let theirs_log = world.nodes[OTHERS].machine.office().store.current_boot().unwrap();
    hostile.steal(theirs_log, junk.clone());
    hostile.steal(BootId::mint(b, [0x69; 12]), junk.clone());
    hostile.steal(BootId([0x6a; 16]), junk.clone());
    // And very much of it.
    let flood = BootId::mint(a, [0x68; 12]);
    hostile.begin(flood, a);
    for n in 0..10_000_u32 {
        let mut hash = [7; 32];
        hash[..4].copy_from_slice(&n.to_be_bytes());
        hostile.append(flood, EntryKind::CHANGE, ours, ChangeHash(hash), Some(junk.clone()));
    }
    assert_eq!(
        hostile.sync(world.province.office()),
        NodeOutcome::Converged,
        "its session goes on to a proof"
    );
    assert_eq!(
        hostile.denied,
        hostile.stolen.keys().copied().collect(),
        "it is told what nothing is taken of"
    );

    let expected = [
        ("entry-other-seat", 2),
        ("entry-province-only", 2),
        ("entry-other-begins", 1),
        ("entry-undecodable", 10_001),
        ("entry-body-hash", 2),
        ("entry-other-machine", 1),
    ];
    let expected = expected.map(|(reason, count)| (reason.to_owned(), count)).into();
    assert_eq!(kept(&world, a), expected, "all of it is listed");
    let proof = world.province.office().store.read(|view| view.last_proof(a)).unwrap().unwrap();
    assert_eq!((proof.waiting, proof.quarantined, proof.refused), (2, 5, 10_004), "the proof says so");
    let standing = world.province.office().store.read(|view| view.conditions()).unwrap();
    assert!(
        standing
            .iter()
            .any(|condition| condition.code == "foreign-log" && condition.subject == a.to_string())
    );

    // The other offices go on as if nothing had been; what was rightful of it has come to them.
    assert_eq!(world.sync(OTHERS).0, Over::Converged);
    let after = Holdings::of(world.nodes[OTHERS].machine.office());
    assert!(after.changes.contains(&note) && !after.changes.contains(&on_forged));
    assert_eq!(after.changes.len(), before.changes.len() + 1);
    assert_eq!(after.exports.get(&secret), before.exports.get(&secret));
    // The rightful machine gets back what stands under its name, and differs from the province in nothing.
    assert_eq!(world.sync(OURS).0, Over::Converged);
    let centre = Holdings::of(world.province.office());
    let at_a = Holdings::of(world.nodes[OURS].machine.office());
    for (doc, export) in &at_a.exports {
        assert_eq!(Some(export), centre.exports.get(doc));
    }
    assert!(at_a.exports.keys().all(|doc| *doc != secret));
    assert_eq!(world.sync(OURS).1.round_trips, 1, "and it is quiet");

    // A person at the province decides.
    let centre = Arc::clone(world.province.office());
    let row = |hash: ChangeHash| {
        let list = centre.store.read(|view| view.quarantine(Some(a), 20_000)).unwrap();
        list.iter().find(|entry| entry.hash == hash).map(|entry| entry.id.to_string())
    };
    let void =
        |hash: ChangeHash| province::quarantine_void(&centre, &[row(hash).unwrap()], "khóa bị đánh cắp");
    let refused = |done: Result<Value, Failure>| match done {
        Err(Failure::Refused(refusal)) => refusal.code.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(void(orphan)),
        "quarantine-builds-on-missing",
        "it cannot be marked, so it stays kept"
    );
    assert!(row(orphan).is_some());
    assert_eq!(refused(void(ChangeHash([1; 32]))), "quarantine-not-found", "what is refused is refused");
    void(forged).unwrap();
    assert_eq!(row(forged), None);
    drop(centre);
    world.heal();
    let centre = Holdings::of(world.province.office());
    assert!(centre.changes.contains(&on_forged), "what built on it follows");
    for place in [OURS, OTHERS] {
        let held = Holdings::of(world.nodes[place].machine.office());
        assert_eq!(held.exports[&ours], centre.exports[&ours], "the same everywhere");
        let export: Value = serde_json::from_str(&held.exports[&ours]).unwrap();
        assert_eq!(export["status"], 2, "the forged end is none");
        let acts = export["acts"].as_array().unwrap();
        let act = acts.iter().find(|act| act["act"] == "finish").unwrap();
        assert_eq!(act["standing"], "void", "and is shown: {act}");
    }
    let role = world.province.office().store.identity().role;
    assert_eq!(world.province.office().store.read(|view| view.verify(role)).unwrap(), vec![]);
}

/// The province loses the time in which another machine worked, and a hostile one calls first: under the name of that
/// machine's log, with a beginning of its own for that machine's dossier, and with names that it made up.
#[test]
fn after_a_restore_nobody_bears_another_machines_name_or_begins_its_dossier() {
    let mut world = World::new(&Plan { seed: 78, communes: 2, has_packs: false, steps: Vec::new() }, None);
    let seat = world.adversary.hostile.seat();
    world.heal();
    let copy = world.folder("before");
    world.province.stop();
    world.province.copy_to(&copy);
    world.province.start(1);
    let (number, theirs) = lodge(&world, OTHERS, "theirs", seat.as_str());
    world.heal();
    let before = Holdings::of(world.nodes[OTHERS].machine.office());
    assert!(world.adversary.hostile.received.iter().any(|entry| entry.doc == theirs), "it is a party");
    let log = world.nodes[OTHERS].machine.office().store.current_boot().unwrap();

    world.province.stop();
    world.province.put_back(&copy, false);
    world.province.start(2);
    (world.model.is_province_behind, world.model.has_province_been_behind) = (true, true);
    let (adversary, victim) = (world.adversary.id, world.nodes[OTHERS].id);
    let made_up = BootId::mint(victim, [1; 12]);
    let boot = BootId::mint(adversary, [2; 12]);
    let hostile = &mut world.adversary.hostile;
    hostile.steal(log, b"one".to_vec());
    hostile.steal(made_up, b"two".to_vec());
    hostile.begin(boot, adversary);
    let begun = hostile.write(boot, theirs, &mut Document::new(), &seat, Note {});
    let unborn = DocId::mint(victim, Millis(0), [3; 6]);
    let made = hostile.write(boot, unborn, &mut Document::new(), &seat, Note {});
    let ours = DocId::mint(adversary, Millis(0), [4; 6]);
    let ours = hostile.write(boot, ours, &mut Document::new(), &seat, Note {});
    world.adversary.false_beginnings.extend([(begun, theirs), (made, unborn)]);
    world.adversary.sync(world.province.office(), None).unwrap();
    assert_eq!(kept(&world, adversary), [("entry-other-begins".to_owned(), 2)].into());
    assert_eq!(world.adversary.hostile.denied, [log, made_up].into());
    let centre = Arc::clone(world.province.office());
    assert!(centre.store.read(|view| view.log_head(log)).unwrap().is_none(), "nothing of it is kept");
    let applied = centre.store.read(|view| view.applied_since(adversary, Millis(0))).unwrap();
    assert!(applied.values().flatten().any(|change| *change == ours), "what is its own to begin counts");
    drop(centre);

    // The owner calls, and has what it had; so have the others.
    world.heal();
    let centre = Holdings::of(world.province.office());
    let after = Holdings::of(world.nodes[OTHERS].machine.office());
    assert_eq!(after.exports, before.exports, "{number}");
    assert_eq!(centre.exports.get(&theirs), before.exports.get(&theirs));
    let head = world.province.office().store.read(|view| view.log_head(log)).unwrap().unwrap();
    assert_eq!(head.machine, Some(victim));
    oracle::check(&mut world);
}

/// Provinces put back again and again, and a hostile machine that calls first and tries everything it knows: others keep
/// their names and their dossiers.
#[test]
fn whatever_is_tried_after_restores_names_and_dossiers_stay_their_owners() {
    let mut all = Coverage::default();
    for seed in 0..SEEDS {
        let mut chance = Chance::new(seed);
        let mut steps = Vec::new();
        let mut push = |some: &[What]| {
            some.iter().for_each(|what| steps.push(Step { what: *what, draw: chance.draw() }));
        };
        for _ in 0..RESTORES {
            push(&[What::Copy; COPIES]);
            for _ in 0..ROUNDS {
                push(&[What::Lodge, What::Lodge, What::Act, What::Dial, What::Talk, What::Act]);
            }
            push(&[What::Exchange, What::Adversary, What::Adversary, What::RestoreProvince]);
            push(&[What::Adversary, What::Lodge, What::Adversary, What::Dial, What::Talk]);
        }
        let plan = Plan { seed, communes: 4, has_packs: false, steps };
        let worth = run(&plan, None).unwrap_or_else(|broken| {
            panic!(
                "seed {seed}, step {}, {}: {}\n{:#?}",
                broken.step, broken.place, broken.what, broken.trail
            )
        });
        all.merge(&worth);
    }
    for (what, least) in TRIED_MIN {
        assert!(all.times(what) >= least, "{what}: {} times", all.times(what));
    }
    let restores: u64 = ["province put back, witness kept", "province put back without witness"]
        .map(|fault| all.of_fault(fault))
        .iter()
        .sum();
    assert!(restores >= SEEDS, "{restores} restores");
}
