//! The simulated province: a fixed set of seeds holds, and every planted mistake is found.
//!
//! More seeds: `cargo run -p motcua-tests --bin simulate -- --seeds 200`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a helper that fails must fail its test"
)]

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use motcua_tests::faults::planted::Mistake;
use motcua_tests::sim::coverage::Coverage;
use motcua_tests::sim::coverage::median;
use motcua_tests::sim::plan::Plan;
use motcua_tests::sim::plan::Step;
use motcua_tests::sim::plan::What;
use motcua_tests::sim::run::STEPS;
use motcua_tests::sim::run::run;
use motcua_tests::sim::shrink::shrink;

/// Seeds of the suite.
const SEEDS: u64 = 6;
/// Seeds that a mistake may hide from before it counts as not found.
const HIDING_SEEDS_MAX: u64 = 12;
/// Steps of the seeds in which mistakes are looked for.
const HIDING_STEPS: usize = 260;
/// What a seed must be worth in the middle: machines, changes, faults, kinds of faults.
const WORTH: (u64, u64, u64, u64) = (8, 1_500, 20, 6);
/// Faults that all seeds together must have met, each so often.
const FAULTS_MIN: [(&str, u64); 30] = [
    ("line cut", 20),
    ("ack lost", 5),
    ("partition", 10),
    ("power fails in a session", 7),
    ("power fails at the province", 5),
    ("power fails at a desk", 10),
    ("delivered twice", 10),
    ("node restarted", 20),
    ("province restarted", 8),
    ("copy put back, witness kept", 1),
    ("copy put back without witness", 1),
    ("directory cloned", 2),
    ("image of a running machine", 2),
    ("clock jumps", 5),
    ("disk full", 10),
    ("disk full at the province", 1),
    ("directory published", 5),
    ("enrolled late", 2),
    ("banned and replaced", 1),
    ("adversary", 15),
    ("bundle taken", 10),
    ("bundle taken twice", 5),
    ("bundle in part", 5),
    ("bundle damaged", 5),
    ("bundle for somebody else", 1),
    ("power fails at a bundle", 3),
    ("written in another's name", 10),
    ("entry of a newer program", 5),
    ("item of a newer program", 5),
    ("protocol too new", 5),
];
/// What else must have happened, or the seeds prove less than they seem to.
const COUNTS_MIN: [(&str, u64); 14] = [
    ("acted", 2_000),
    ("acts contested", 50),
    ("acts void", 5),
    ("bundles beside a session", 5),
    ("bundles of several parts", 4),
    ("dossiers folded in another order", 100),
    ("news lost", 300),
    ("quarantine refused", 5),
    ("quarantine released", 5),
    ("quarantine voided", 5),
    ("rounds of a stick", 20),
    ("second session of one machine", 3),
    ("sessions proved", 100),
    ("states compared", 200),
];

/// Runs seeds on two threads; what each was worth.
fn run_all(seeds: u64, steps: usize) -> Vec<Coverage> {
    let next = AtomicU64::new(0);
    let work = || {
        let mut worth = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return worth;
            }
            match run(&Plan::new(seed, steps, &[]), None) {
                Ok(coverage) => worth.push(coverage),
                Err(broken) => panic!(
                    "seed {seed} fails at step {}, {}: {}\nsee it made small: cargo run -p motcua-tests --bin \
                     simulate -- --seeds 1 --from {seed} --steps {steps}",
                    broken.step, broken.place, broken.what
                ),
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        let ended = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended.flat_map(|worth| worth.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

#[test]
fn a_whole_province_under_faults_holds_what_it_promises() {
    let worth = run_all(SEEDS, STEPS);
    let mut all = Coverage::default();
    worth.iter().for_each(|coverage| all.merge(coverage));
    println!("{all}");
    let middle = |of: &dyn Fn(&Coverage) -> u64| median(worth.iter().map(of));
    let machines = middle(&|coverage| coverage.times("machines"));
    let changes = middle(&|coverage| coverage.times("changes"));
    let faults = middle(&Coverage::faults_in_all);
    let kinds = middle(&|coverage| coverage.fault_kinds() as u64);
    println!(
        "a seed in the middle: {machines} machines, {changes} changes, {faults} faults of {kinds} kinds"
    );
    assert!(
        machines >= WORTH.0 && changes >= WORTH.1 && faults >= WORTH.2 && kinds >= WORTH.3,
        "the seeds are not worth their time"
    );
    for (fault, least) in FAULTS_MIN {
        assert!(all.of_fault(fault) >= least, "{fault}: {} times in {SEEDS} seeds", all.of_fault(fault));
    }
    for (what, least) in COUNTS_MIN {
        assert!(all.times(what) >= least, "{what}: {} times in {SEEDS} seeds", all.times(what));
    }
}

/// Some of the first seeds finds a mistake.
fn is_found(mistake: Mistake) {
    is_found_among(mistake, HIDING_STEPS, &[]);
}

/// Some of the first seeds finds a mistake, where every so many steps one of these takes the place of another.
fn is_found_among(mistake: Mistake, every: usize, instead: &[What]) {
    let found = (0..HIDING_SEEDS_MAX).find_map(|seed| {
        let mut plan = Plan::new(1_000 + seed, HIDING_STEPS, &[]);
        let replaced = plan.steps.iter_mut().skip(every / 2).step_by(every);
        replaced.zip(instead.iter().cycle()).for_each(|(step, what)| step.what = *what);
        run(&plan, Some(mistake)).err().map(|broken| (plan, broken.what))
    });
    let Some((plan, what)) = found else {
        panic!("{} was not found in {HIDING_SEEDS_MAX} seeds", mistake.name())
    };
    println!("{}: {what}", mistake.name());
    let without_it = run(&plan, None);
    assert!(without_it.is_ok(), "it was not the mistake that was found: {without_it:?}");
}

#[test]
fn a_cursor_kept_at_one_end_is_found() {
    is_found(Mistake::CursorAtOneEnd);
}

#[test]
fn a_number_counter_without_a_witness_is_found() {
    is_found_among(Mistake::CounterWithoutWitness, 8, &[What::Copy, What::PutBack]);
}

#[test]
fn a_batch_dropped_and_marked_seen_is_found() {
    is_found(Mistake::BatchDropped);
}

#[test]
fn poison_that_blocks_the_queue_is_found() {
    is_found_among(Mistake::PoisonBlocks, 8, &[What::Adversary]);
}

#[test]
fn an_equal_digest_over_unequal_sets_is_found() {
    is_found(Mistake::DigestLies);
}

#[test]
fn a_fold_that_reads_the_directory_is_found() {
    is_found(Mistake::FoldReadsDirectory);
}

#[test]
fn a_join_that_misses_a_change_is_found() {
    is_found(Mistake::JoinMisses);
}

#[test]
fn an_acknowledgement_before_the_commit_is_found() {
    is_found(Mistake::AckBeforeCommit);
}

#[test]
fn an_automatic_act_done_twice_is_found() {
    is_found_among(Mistake::DoubledMark, 60, &[What::Replace]);
}

#[test]
fn a_session_without_news_that_grows_is_found() {
    is_found(Mistake::NoOpGrows);
}

#[test]
fn a_stick_that_counts_as_sent_is_found() {
    is_found(Mistake::StickCountsAsSent);
}

#[test]
fn a_node_that_drops_what_it_does_not_know_is_found() {
    is_found(Mistake::UnknownItemsDropped);
}

#[test]
fn parts_taken_before_all_are_checked_are_found() {
    // It takes many bundles to damage one of several parts.
    is_found_among(Mistake::PartsTakenUnchecked, 2, &[What::Carry]);
}

#[test]
fn work_written_again_under_its_old_boot_is_found() {
    is_found_among(Mistake::ReissueKeepsBoot, 40, &[What::Image]);
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let plan = Plan::new(5, 120, &[]);
    let (first, second) = (run(&plan, None).unwrap(), run(&plan, None).unwrap());
    assert_eq!(first, second);
}

#[test]
fn a_plan_that_fails_is_made_small() {
    let mut plan = Plan::new(3, 60, &[]);
    plan.steps.push(Step { what: What::Replace, draw: 4 });
    let mistake = Some(Mistake::NoOpGrows);
    let broken = run(&plan, mistake).expect_err("the mistake is found");
    let small = shrink(&plan, broken.clone(), mistake, 40, &mut |_| ());
    assert!(small.plan.steps.len() < plan.steps.len() / 2, "{} steps are left", small.plan.steps.len());
    assert_eq!(small.broken.place, broken.place);
    assert!(run(&small.plan, mistake).is_err(), "it still fails");
}
