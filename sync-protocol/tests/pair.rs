//! Two session ends and two stores in memory: whatever the line does, both sides end with the same entries, and
//! nothing is acknowledged or proved that is not so.

#[path = "pair/world.rs"]
mod world;

use sync_protocol::frame::CONTEXT_VERSION;
use sync_protocol::frame::DICTIONARY_VERSION;
use sync_protocol::ids::BootId;
use sync_protocol::ids::DocId;
use sync_protocol::ids::FeedId;
use sync_protocol::limits;
use sync_protocol::proof::Proof;
use sync_protocol::session::node::NodeOptions;
use sync_protocol::session::node::NodeOutcome;
use world::World;

#[test]
fn everything_arrives_both_ways_and_the_proof_says_so() {
    let mut world = World::new(1, 3);
    for n in 0..60 {
        world.append(n % 3, 0b111, 100 * (n % 7));
    }
    world.sync_all();
    world.check();
    assert_eq!(world.written.len(), 63, "60 and the first entry of each log");
    assert!(world.offices.iter().all(|office| office.statistics.changes_sent == 0), "nothing is sent twice");
}

#[test]
fn what_a_session_holds_does_not_grow_with_the_backlog() {
    const BODY_BYTES: usize = 4 * 1024;
    let held = |backlog_bytes: usize| {
        let mut world = World::new(3, 2);
        // Both are parties: the first office sends all of it, the second one reads all of it.
        let entries = backlog_bytes / BODY_BYTES;
        for n in 0..entries {
            let World { offices, random, .. } = &mut world;
            let mut doc = [3; 16];
            (doc[0], doc[1]) = (0b11, u8::try_from(n % 5).unwrap());
            offices[0].store.append(random, DocId(doc), BODY_BYTES);
        }
        let sent = world.sync(0).changes_sent;
        let received = world.sync(1).changes_received;
        assert!(sent > entries as u64 && received >= entries as u64, "{sent} sent, {received} received");
        world.held_bytes_max
    };
    let (day, months) = (held(2 * limits::BATCH_RAW_BYTES), held(20 * limits::BATCH_RAW_BYTES));
    assert!(day > limits::BATCH_RAW_BYTES / 2, "{day}: what is held is seen");
    assert!(months <= 2 * limits::BATCH_RAW_BYTES, "{months} bytes instead of {day}");
}

#[test]
fn nothing_is_lost_over_a_line_that_is_cut_at_any_frame() {
    let (mut cuts, mut entries) = (0, 0);
    for seed in 0..150 {
        let mut world = World::new(seed, 3);
        world.aside_percent = 10;
        let is_live = seed % 2 == 0;
        for _ in 0..40 {
            let office = usize::try_from(world.random.below(3)).unwrap();
            match world.random.below(12) {
                0 => world.disconnect(office),
                1 => world.add_item(vec![5; 700]),
                2 => {
                    // A restart: the next append begins a new log.
                    world.disconnect(office);
                    world.offices[office].store.boot = None;
                }
                3..6 if !world.is_connected(office) => world.connect(office, is_live),
                _ => {
                    let parties = u8::try_from(world.random.below(8)).unwrap();
                    let body_bytes = usize::try_from(world.random.below(3000)).unwrap();
                    world.append(office, parties, body_bytes);
                }
            }
            let steps = world.random.below(60);
            world.run_some(steps);
        }
        // All at once and to the end, while what one brings still makes the others' feeds grow.
        for office in 0..3 {
            world.disconnect(office);
            world.connect(office, true);
        }
        world.settle();
        assert!((0..3).all(|office| world.is_connected(office)), "seed {seed}");
        world.check();
        (0..3).for_each(|office| world.disconnect(office));
        world.sync_all();
        world.check();
        cuts += world.cuts;
        entries += world.written.len();
    }
    assert!(cuts > 500 && entries > 2000, "{cuts} cuts, {entries} entries: the seeds are worth their time");
}

#[test]
fn a_no_op_is_one_round_trip_and_the_same_bytes_for_any_history() {
    let mut sizes = Vec::new();
    for (entries, logs) in [(10, 1), (500, 3), (5000, 90)] {
        let mut world = World::new(7, 2);
        for n in 0..entries {
            if n % (entries / logs) == 0 {
                world.offices[0].store.boot = None;
            }
            world.append(0, 0b11, 20);
        }
        world.sync_all();
        world.check();
        let proofs = world.offices[0].store.proofs.clone();
        let (first, second) = (world.sync(0), world.sync(0));
        let again = &world.offices[0].store.proofs;
        assert_eq!(again.len(), proofs.len(), "a renewal adds no link");
        assert!(again.last().unwrap().at() >= proofs.last().unwrap().at());
        assert_eq!(first, second);
        assert_eq!((first.round_trips, first.sent_frames, first.received_frames), (1, 1, 1));
        sizes.push((first.sent_bytes, first.received_bytes));
    }
    println!("no-op: {} bytes sent, {} received", sizes[0].0, sizes[0].1);
    assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
    assert!(sizes[0].0 + sizes[0].1 <= 600, "{sizes:?}");
}

#[test]
fn a_node_that_was_rolled_back_gets_its_own_entries_back() {
    let mut world = World::new(3, 2);
    (0..30).for_each(|_| world.append(0, 0b11, 50));
    world.sync_all();
    let backup = world.offices[0].store.clone();
    (0..30).for_each(|_| world.append(0, 0b11, 50));
    world.offices[0].store.boot = None;
    (0..5).for_each(|_| world.append(0, 0b01, 50));
    world.sync_all();
    world.offices[0].store = backup;
    world.offices[0].store.boot = None;
    world.append(0, 0b11, 50);
    world.offices[0].feed_byte_runs = 0;
    let statistics = world.sync(0);
    assert_eq!((statistics.changes_received, statistics.changes_sent), (36, 2));
    assert!(world.offices[0].feed_byte_runs > 0);
    world.sync_all();
    world.check();
}

/// Refused, quarantined or waiting entries are in no feed. A node that lost them would differ from the province for
/// ever if they did not come beside it.
#[test]
fn a_node_that_was_rolled_back_gets_back_what_its_feed_does_not_bring() {
    for (seed, is_log_lost) in [(21, false), (22, true), (23, false), (24, true)] {
        let mut world = World::new(seed, 2);
        world.aside_percent = 40;
        let empty = world.offices[0].store.clone();
        (0..20).for_each(|_| world.append(0, 0b11, 50));
        world.sync(0);
        let backup = if is_log_lost { empty } else { world.offices[0].store.clone() };
        for n in 0..40 {
            if n % 15 == 0 {
                world.offices[0].store.boot = None;
            }
            world.append(0, 0b11, 50);
            if n == 9 {
                world.sync(0);
            }
        }
        world.append(1, 0b11, 50);
        world.sync_all();
        world.offices[0].store = backup;
        world.offices[0].store.boot = None;
        world.append(0, 0b11, 50);
        assert_eq!(world.offices[0].came_aside, 0, "what is held comes only by the feed, named");
        world.sync(0);
        assert!(world.offices[0].came_aside > 0, "seed {seed}");
        world.sync(1);
        world.check();
        assert_eq!(world.sync(0).round_trips, 1, "seed {seed}: and then it is quiet");
    }
}

/// Both ends over lines that are cut, with entries that no feed brings and machines that are put back all the time.
#[test]
fn what_no_feed_brings_comes_back_over_lines_that_are_cut() {
    let mut came_aside = 0;
    for seed in 0..60 {
        let mut world = World::new(1000 + seed, 2);
        world.aside_percent = 30;
        let mut backup = world.offices[0].store.clone();
        for round in 0..6 {
            (0..8).for_each(|_| world.append(0, 0b11, 300));
            world.append(1, 0b11, 300);
            world.sync_all();
            world.check();
            if round % 2 == 0 {
                std::mem::swap(&mut backup, &mut world.offices[0].store);
                world.offices[0].store.boot = None;
            }
            for _ in 0..4 {
                world.connect(0, seed % 2 == 0);
                let steps = world.random.below(40);
                world.run_some(steps);
                world.disconnect(0);
            }
        }
        world.sync_all();
        world.check();
        came_aside += world.offices[0].came_aside;
    }
    assert!(came_aside > 500, "{came_aside}");
}

#[test]
fn a_province_that_was_rolled_back_gets_everything_again() {
    let mut world = World::new(4, 3);
    for n in 0..30 {
        world.append(n % 3, 0b111, 50);
    }
    world.sync_all();
    let backup = world.province.clone();
    for n in 0..30 {
        world.append(n % 3, 0b111, 50);
    }
    for office in &mut world.offices {
        office.store.boot = None;
    }
    world.append(1, 0b111, 50);
    world.sync_all();
    let before = world.offices[0].store.proofs.last().unwrap().head();
    world.province = backup;
    world.province.boot = BootId([0xbb; 16]);
    for (seat, feed) in &mut world.province.feeds {
        feed.0 = FeedId([0xc0 + seat; 16]);
    }
    world.append(2, 0b111, 50);
    world.sync_all();
    world.check();
    let proofs = &world.offices[0].store.proofs;
    assert!(
        proofs.iter().any(|proof| proof.follows(Some(before)).is_ok()),
        "the chain goes on behind the old head"
    );
    for office in 0..3 {
        assert_eq!(world.sync(office).round_trips, 1, "and it is quiet again");
    }
}

/// Equal heads hide what a disk lost. A scrub looks at every entry, and what is missing comes by itself.
#[test]
fn a_scrub_brings_exactly_what_a_node_lost_without_knowing() {
    let mut world = World::new(9, 2);
    (0..300).for_each(|n| world.append(n % 2, 0b11, 50));
    world.sync_all();
    let foreign = &mut world.offices[0].store.foreign;
    let lost: Vec<_> = foreign.keys().copied().skip(17).step_by(31).collect();
    lost.iter().for_each(|place| drop(foreign.remove(place)));
    assert_eq!(world.sync(0).round_trips, 1, "nobody notices");
    let statistics = world.scrub(0);
    assert!(statistics.is_compared);
    assert_eq!(statistics.changes_received, lost.len() as u64);
    world.check();
    let statistics = world.scrub(0);
    assert_eq!((statistics.changes_received, statistics.round_trips), (0, 3));
    assert!(statistics.received_bytes < 600, "a sum, and a proof: {}", statistics.received_bytes);
    assert_eq!(world.sync(0).round_trips, 1);
}

/// After a restore the feed has another id: what the node holds of it is named, not sent again.
#[test]
fn a_feed_that_begins_anew_brings_only_what_the_node_lacks() {
    let mut world = World::new(10, 2);
    (0..300).for_each(|n| world.append(n % 2, 0b11, 50));
    world.sync_all();
    world.province.feeds.get_mut(&0).unwrap().0 = FeedId([0xc0; 16]);
    (0..4).for_each(|_| world.append(1, 0b11, 50));
    world.sync(1);
    let statistics = world.sync(0);
    assert!(statistics.is_compared);
    assert_eq!(statistics.changes_received, 4);
    world.check();
    assert_eq!(world.sync(0).round_trips, 1);
}

/// The same over lines that are cut: what is not known any more comes as bytes, and nothing is lost.
#[test]
fn a_comparison_over_lines_that_are_cut_loses_nothing() {
    for seed in 0..30 {
        let mut world = World::new(100 + seed, 3);
        (0..60).for_each(|n| world.append(n % 3, 0b111, 50));
        world.sync_all();
        world.province.feeds.get_mut(&1).unwrap().0 = FeedId([0xc1; 16]);
        let foreign = &mut world.offices[0].store.foreign;
        let lost: Vec<_> = foreign.keys().copied().skip(3).step_by(7).collect();
        lost.iter().for_each(|place| drop(foreign.remove(place)));
        for steps in [3, 9, 15, 21, 40] {
            world.connect_with(0, NodeOptions { is_live: false, is_scrub: true });
            world.connect(1, false);
            world.run_some(steps);
            world.disconnect(0);
            world.disconnect(1);
            world.append(2, 0b111, 50);
        }
        world.scrub(0);
        world.sync_all();
        world.check();
    }
}

/// The province is put back to an older copy, and goes on signing before anybody has told it: two branches of items,
/// which everybody holds whole in the end and which are one again.
#[test]
fn a_restored_province_gets_its_own_word_back_and_joins_it_with_what_it_said_since() {
    for seed in 0..120 {
        let mut world = World::new(2000 + seed, 3);
        let add = |world: &mut World, count: u64, mark: u8| {
            (0..count).for_each(|n| world.add_item(vec![mark, n.to_be_bytes()[7]]));
        };
        add(&mut world, seed % 5, 1);
        world.append(0, 0b111, 50);
        world.sync_all();
        let backup = world.province.clone();
        let lost = 1 + world.random.below(9);
        add(&mut world, lost / 2, 2);
        if seed % 2 == 0 {
            world.sync(2);
        }
        add(&mut world, lost - lost / 2, 3);
        world.append(1, 0b111, 50);
        world.sync(0);
        let head = world.offices[0].store.items_head();
        world.province = backup;
        world.province.boot = BootId([0xbb; 16]);
        for (seat, feed) in &mut world.province.feeds {
            feed.0 = FeedId([0xc0 + seat; 16]);
        }
        let since = world.random.below(12);
        add(&mut world, since, 4);
        if seed % 3 == 0 {
            // One that has seen nothing of the lost ones takes in what was said since.
            world.sync(1);
        }
        // All at once, over lines that are cut.
        for _ in 0..3 {
            (0..3).for_each(|office| world.connect(office, seed % 4 < 2));
            let steps = world.random.below(80);
            world.run_some(steps);
            (0..3).for_each(|office| world.disconnect(office));
        }
        world.sync_all();
        world.check();
        let items = &world.province.items;
        assert!(items.iter().any(|item| item.head() == head), "seed {seed}: nothing signed is lost");
        let marks = |mark: u8| items.iter().filter(|item| item.body().first() == Some(&mark)).count() as u64;
        assert_eq!((marks(2) + marks(3), marks(4)), (lost, since), "seed {seed}");
        let joins = items.iter().filter(|item| item.header().parents.len() > 1).count();
        assert!(joins <= 2 && (since > 0 || joins <= 1), "seed {seed}: {joins} joins");
        for office in 0..3 {
            assert_eq!(world.sync(office).round_trips, 1, "seed {seed}: and it is quiet again");
        }
    }
}

/// A machine is gone for good, and the province was put back to before it sent its last work. Who was a party has it.
#[test]
fn what_only_other_offices_still_hold_comes_back_over_lines_that_are_cut() {
    for seed in 0..40 {
        let mut world = World::new(3000 + seed, 3);
        (0..10).for_each(|_| world.append(0, 0b111, 50));
        world.sync_all();
        let backup = world.province.clone();
        for _ in 0..12 {
            world.append(0, 0b111, 50);
            world.append(1, 0b111, 50);
        }
        world.sync_all();
        world.province = backup;
        world.province.boot = BootId([0xbb; 16]);
        for (seat, feed) in &mut world.province.feeds {
            feed.0 = FeedId([0xc0 + seat; 16]);
        }
        // Office 0 never calls again.
        for _ in 0..4 {
            (1..3).for_each(|office| world.connect(office, seed % 2 == 0));
            let steps = world.random.below(60);
            world.run_some(steps);
            (1..3).for_each(|office| world.disconnect(office));
        }
        for _ in 0..2 {
            for office in 1..3 {
                world.sync(office);
            }
        }
        let here = |at: &(BootId, u64)| {
            let log = world.province.logs.get(&at.0).map_or(0, Vec::len) as u64;
            log >= at.1 || world.province.returned.get(at) == world.written.get(at)
        };
        assert!(world.written.keys().all(here), "seed {seed}: every entry is at the province");
        assert!(!world.province.returned.is_empty());
        for office in 1..3 {
            assert_eq!(world.sync(office).round_trips, 1, "seed {seed}: and it is quiet again");
        }
    }
}

#[test]
fn two_machines_under_one_identity_converge() {
    for seed in 0..20 {
        let mut world = World::new(seed, 2);
        (0..10).for_each(|_| world.append(0, 0b11, 50));
        world.sync_all();
        let copy = world.offices[0].store.clone();
        let clone = world.add_office(copy);
        world.offices[0].store.boot = None;
        world.offices[clone].store.boot = None;
        for n in 0..20 {
            world.append(if n % 2 == 0 { 0 } else { clone }, 0b11, 50);
        }
        // Both at once, live: their feeds grow by what the other brings.
        world.connect(0, true);
        world.connect(clone, true);
        world.run_some(400);
        (0..5).for_each(|_| world.append(clone, 0b11, 50));
        world.settle();
        assert!(world.is_connected(0) && world.is_connected(clone));
        world.disconnect(0);
        world.disconnect(clone);
        world.sync_all();
        world.check();
        assert_eq!(world.offices[0].store.own, world.offices[clone].store.own);
    }
}

#[test]
fn proofs_that_another_machine_of_the_identity_was_given_come_before_the_next() {
    let mut world = World::new(11, 2);
    world.append(0, 0b11, 50);
    world.sync_all();
    let copy = world.offices[0].store.clone();
    let clone = world.add_office(copy);
    world.offices[clone].store.boot = None;
    world.connect(0, true);
    world.connect(clone, true);
    world.settle();
    let before = world.offices[0].store.proofs.len();
    world.frozen = Some(0);
    for _ in 0..12 {
        world.append(clone, 0b11, 50);
        world.settle();
    }
    let given = world.offices[clone].store.proofs.clone();
    assert!(given.len() > before + 2, "some news of commits are lost, not all");
    world.frozen = None;
    world.settle();
    assert!(world.is_connected(0), "{:?}", world.offices[0].outcome);
    let heads = |proofs: &[Proof]| proofs.iter().map(Proof::head).collect::<Vec<_>>();
    assert_eq!(heads(&world.offices[0].store.proofs), heads(&given));
    world.sync_all();
    world.check();
}

#[test]
fn own_entries_are_named_and_never_repeated_to_the_node_that_holds_them() {
    for seed in 0..30 {
        let mut world = World::new(seed, 1);
        for _ in 0..12 {
            (0..9).for_each(|_| world.append(0, 0b1, 200));
            world.connect(0, true);
            let steps = world.random.below(60);
            world.run_some(steps);
            world.disconnect(0);
            assert_eq!(world.offices[0].statistics.changes_received, 0, "seed {seed}");
        }
        assert_eq!(world.sync(0).changes_received, 0, "seed {seed}");
        world.check();
    }
}

#[test]
fn a_live_session_pushes_both_ways_and_proves_again() {
    let mut world = World::new(5, 2);
    world.connect(0, true);
    world.connect(1, true);
    world.settle();
    assert_eq!((world.offices[0].converged, world.offices[1].converged), (1, 1));
    for round in 1..6 {
        world.append(0, 0b11, 300);
        world.append(1, 0b11, 300);
        world.add_item(vec![8; 40]);
        // News of a commit may have been lost; the next one brings it along.
        world.settle();
        for office in 0..2 {
            assert!(world.is_connected(office), "round {round}: {:?}", world.offices[office].outcome);
            assert!(world.offices[office].converged > round, "round {round}");
        }
        world.check();
    }
    world.disconnect(0);
    world.disconnect(1);
}

/// What was said in a session is not said again; a side that knows nothing of that gets every batch whole.
#[test]
fn batches_of_a_live_session_build_on_each_other_if_both_sides_can() {
    let mut world = World::new(9, 2);
    for dictionary in [0, sync_protocol::dictionary::NEWEST] {
        world.dictionary = dictionary;
        world.batches.clear();
        world.connect(0, true);
        world.connect(1, true);
        for _ in 0..20 {
            world.append(0, 0b11, 100);
            world.append(1, 0b11, 100);
            world.settle();
        }
        let of = |version: u8| world.batches.get(&version).copied().unwrap_or(0);
        assert_eq!(dictionary > 0, of(CONTEXT_VERSION) > 20, "{:?}", world.batches);
        assert_eq!(dictionary > 0, of(DICTIONARY_VERSION) > 0, "{:?}", world.batches);
        world.check();
        world.disconnect(0);
        world.disconnect(1);
    }
}

#[test]
fn a_large_backlog_travels_in_bounded_batches() {
    let mut world = World::new(6, 2);
    for n in 0..300 {
        if n % 50 == 0 {
            world.offices[0].store.boot = None;
        }
        world.append(0, 0b11, if n == 17 { limits::ENTRY_BODY_BYTES_MAX - 100 } else { 4000 });
    }
    let statistics = world.sync(0);
    assert!(statistics.sent_frames > 4, "{statistics:?}");
    world.sync_all();
    world.check();
}

#[test]
fn an_item_larger_than_a_frame_arrives_whole() {
    let mut world = World::new(8, 2);
    let mut large = vec![0; 3_000_000];
    large.iter_mut().for_each(|byte| *byte = world.random.next().to_be_bytes()[0]);
    world.province.add_item(large);
    world.province.add_item(b"after it".to_vec());
    world.append(1, 0b11, 10);
    world.connect(0, false);
    world.run_some(30);
    world.disconnect(0);
    world.sync_all();
    world.check();
}

#[test]
fn a_log_that_was_forked_by_a_copy_of_a_running_machine_is_named_to_it_and_stops_nothing_else() {
    for is_longer in [false, true] {
        let mut world = World::new(9, 2);
        (0..5).for_each(|_| world.append(0, 0b11, 50));
        world.sync_all();
        let clone = world.offices[0].store.clone();
        let boot = clone.boot.unwrap();
        world.append(0, 0b11, 50);
        world.sync(0);
        let held = world.province.logs[&boot].clone();
        world.offices[0].store = clone; // the same boot goes on with another entry
        (0..if is_longer { 3 } else { 1 }).for_each(|_| world.append(0, 0b11, 50));
        world.offices[0].store.boot = None;
        world.append(0, 0b11, 50);
        let other = world.offices[0].store.boot.unwrap();
        world.connect(0, false);
        world.settle();
        assert_eq!(world.offices[0].forked, [boot], "longer: {is_longer}");
        assert_eq!(world.province.logs[&boot], held, "the first history stays");
        assert_eq!(world.province.logs[&other].len(), 2, "what is not forked arrives");
        match world.offices[0].outcome.take() {
            Some(NodeOutcome::Refused { code, .. }) => assert!(code.is_retryable()),
            other => panic!("{other:?}"),
        }
    }
}
