//! A province under faults: the real engine, driver and stores without sockets, and what must hold afterwards.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a helper that fails must fail its test"
)]

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::panic::resume_unwind;

use motcua_tests::faults::oracle;
use motcua_tests::faults::world::Counters;
use motcua_tests::faults::world::World;

/// Seeds of the suite; `MOTCUA_SEEDS=N` runs so many instead.
const SEEDS: u64 = 12;
/// Things that happen in each before the faults are over.
const EVENTS: usize = 220;
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
    let mut all = Counters::default();
    for seed in &seeds {
        let (counters, _) = run(*seed, 3, EVENTS);
        all.merge(&counters);
    }
    println!("{} seeds:", seeds.len());
    for (what, times) in &all.0 {
        println!("{times:>8} {what}");
    }
}
