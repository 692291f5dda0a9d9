//! A province under faults: the real engine, driver and stores without sockets, and what must hold afterwards.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use motcua_node::control::Failure;
use motcua_node::dossier::act::Finish;
use motcua_node::dossier::act::FinishResult;
use motcua_node::dossier::act::Mark;
use motcua_node::dossier::act::MarkKind;
use motcua_node::dossier::act::Note;
use motcua_node::dossier::act::Reassign;
use motcua_node::dossier::document::Document;
use motcua_node::dossier::fold::fold;
use motcua_node::roles::province;
use motcua_tests::faults::call::Over;
use motcua_tests::faults::hostile::Hostile;
use motcua_tests::faults::hostile::change;
use motcua_tests::faults::oracle;
use motcua_tests::faults::oracle::Holdings;
use motcua_tests::faults::world::Counters;
use motcua_tests::faults::world::World;
use serde_json::Value;
use serde_json::json;
use sync_protocol::entry::Entry;
use sync_protocol::entry::EntryKind;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::NodeId;
use sync_protocol::session::node::NodeOutcome;

/// Seeds of the suite; `MOTCUA_SEEDS=N` runs so many instead.
const SEEDS: u64 = 40;
/// Things that happen in each before the faults are over.
const EVENTS: usize = 220;
/// What must have happened so often in all of them, or the seeds are not worth their time.
const WORTH: [(&str, u64); 17] = [
    ("acted", 1000),
    ("converged", 150),
    ("copy put back, witness ahead", 10),
    ("copy put back, witness missing", 5),
    ("directory cloned", 20),
    ("directory published", 20),
    ("dossiers", 1000),
    ("dossiers on which offices acted apart", 20),
    ("enrolled late", 10),
    ("line cut", 50),
    ("lodged", 1000),
    ("news lost", 300),
    ("node killed", 100),
    ("power failed at a node in a session", 20),
    ("power failed at the province in a session", 20),
    ("province killed", 30),
    ("second session of one machine", 20),
];
/// What is printed of a world that failed.
const TRAIL_LINES: usize = 60;

/// Runs one world and says which seed and which step it was when something is not as it must be.
fn run(seed: u64, communes: usize, events: usize) -> (Counters, u64) {
    let mut world = None;
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let world = world.insert(World::new(seed, communes));
        world.live(events);
        world.heal();
        let no_op_bytes = oracle::check(world);
        (world.counters.clone(), no_op_bytes)
    }));
    ran.unwrap_or_else(|panic| {
        let trail = world.map(|world| world.trail).unwrap_or_default();
        let step = trail.len();
        println!("seed {seed} failed at step {step}; the last steps:");
        for line in trail.iter().skip(step.saturating_sub(TRAIL_LINES)) {
            println!("  {line}");
        }
        println!(
            "again: MOTCUA_SEED={seed} cargo test --test reconcile -- --nocapture a_province_under_faults"
        );
        resume_unwind(panic)
    })
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn a_province_under_faults_loses_nothing_and_ends_even() {
    let seeds: Vec<u64> = match (number_of("MOTCUA_SEED"), number_of("MOTCUA_SEEDS")) {
        (Some(one), _) => vec![one],
        (None, many) => (0..many.unwrap_or(SEEDS)).collect(),
    };
    let next = AtomicUsize::new(0);
    let work = || {
        let mut counters = Counters::default();
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            counters.merge(&run(*seed, 3, EVENTS).0);
        }
        counters
    };
    let all = std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        let mut all = Counters::default();
        for thread in threads {
            match thread.join() {
                Ok(counters) => all.merge(&counters),
                Err(panic) => resume_unwind(panic),
            }
        }
        all
    });
    if seeds.len() as u64 >= SEEDS {
        for (what, least) in WORTH {
            let times = all.0.get(what).copied().unwrap_or(0);
            assert!(times >= least, "{what}: {times} times in {} seeds", seeds.len());
        }
    }
    println!("{} seeds:", seeds.len());
    for (what, times) in &all.0 {
        println!("{times:>8} {what}");
    }
}

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
    let mut world = World::new(77, 3);
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
    let boot = BootId([0x66; 16]);
    hostile.begin(boot, a);
    let mut document = hostile.document(ours);
    let note = hostile.write(boot, ours, &mut document, &seat_a, Note {});
    let finish = Finish { result: FinishResult::Granted, reasons: Vec::new(), hash: None };
    let forged = hostile.write(boot, ours, &mut document, &seat_b, finish.clone());
    let on_forged = hostile.write(boot, ours, &mut document, &seat_a, Note {});
    let mut document = hostile.document(theirs);
    let first = fold(document.history()).acts[0].id;
    let mark = Mark { acts: vec![first], mark: MarkKind::Void, basis: "not ours".to_owned() };
    hostile.write(boot, theirs, &mut document, &seat_a, mark);
    let mut document = hostile.document(theirs);
    let reassign = Reassign { to: seat_a.clone(), basis: "not ours".to_owned() };
    hostile.write(boot, theirs, &mut document, &seat_a, reassign);
    // The beginning of a dossier that it has never seen.
    let mut second_root = Document::new();
    hostile.write(boot, secret, &mut second_root, &seat_a, Note {});
    // What nobody can read, and what is not what it says.
    let junk = b"no change at all".to_vec();
    hostile.append(boot, EntryKind::CHANGE, ours, ChangeHash([1; 32]), Some(junk.clone()));
    let (_, bytes) = change(boot, &mut hostile.document(ours), &seat_a, Note {});
    hostile.append(boot, EntryKind::CHANGE, ours, ChangeHash([2; 32]), Some(bytes));
    hostile.append(boot, EntryKind::KEY, DocId::NONE, ChangeHash([3; 32]), Some(junk.clone()));
    // What builds on something that never comes: by itself, and forged at that.
    let mut document = hostile.document(ours);
    let _never_sent = change(boot, &mut document, &seat_a, finish.clone());
    hostile.write(boot, ours, &mut document, &seat_a, Note {});
    let orphan = hostile.write(boot, ours, &mut document, &seat_b, finish);
    // Logs that are another machine's, by name or by right.
    let other = BootId([0x67; 16]);
    hostile.begin(other, b);
    let theirs_log = world.nodes[OTHERS].machine.office().store.current_boot().unwrap();
    let fake = Entry {
        log: theirs_log,
        lsn: 1,
        kind: EntryKind::KEY,
        doc: DocId::NONE,
        hash: sync_protocol::entry::body_hash(&junk),
        min_reader: 1,
        body: Some(junk.clone()),
    };
    hostile.stolen.insert(theirs_log, vec![fake]);
    // And very much of it.
    let flood = BootId([0x68; 16]);
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

    let expected = [
        ("entry-other-seat", 2),
        ("entry-province-only", 2),
        ("entry-second-root", 1),
        ("entry-undecodable", 10_001),
        ("entry-body-hash", 2),
        ("entry-other-machine", 1),
    ];
    let expected = expected.map(|(reason, count)| (reason.to_owned(), count)).into();
    assert_eq!(kept(&world, a), expected, "all of it is listed");
    let proof = world.province.office().store.read(|view| view.last_proof(a)).unwrap().unwrap();
    assert_eq!((proof.waiting, proof.quarantined, proof.refused), (2, 6, 10_003), "the proof says so");
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
