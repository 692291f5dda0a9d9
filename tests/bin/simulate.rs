//! `simulate`: runs seeds of a simulated province and says what they were worth, or how one fails.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use indicatif::ProgressBar;
use indicatif::ProgressStyle;
use motcua_node::clock::Clock;
use motcua_node::clock::SystemClock;
use motcua_tests::faults::planted::Mistake;
use motcua_tests::sim::coverage::Coverage;
use motcua_tests::sim::coverage::median;
use motcua_tests::sim::plan::NOT_CURED;
use motcua_tests::sim::plan::Plan;
use motcua_tests::sim::plan::What;
use motcua_tests::sim::run::Broken;
use motcua_tests::sim::run::STEPS;
use motcua_tests::sim::run::run;
use motcua_tests::sim::shrink::shrink;

const USAGE: &str = "\
simulate --seeds N [--from S] [--jobs J] [--steps K] [--force FAULT]… [--plant MISTAKE] [--shrink TRIES]

Runs N seeds from S (0) on J threads (2), each with K steps (740), and prints what fell where. A seed that fails is
made small (at most TRIES runs, 80) and printed with its steps; the exit code is then 1. With --shrink 0 the other
seeds go on first.
--force   also a fault that the program does not cure yet: image, province
--plant   with a mistake of ours in it, which must be found; see tests/harness/faults/planted.rs";

struct Asked {
    seeds: u64,
    from: u64,
    jobs: usize,
    steps: usize,
    tries: usize,
    forced: Vec<What>,
    mistake: Option<Mistake>,
}

fn main() -> ExitCode {
    match asked(std::env::args().skip(1)) {
        Ok(asked) => simulate(&asked),
        Err(why) => {
            eprintln!("{why}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn asked(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked =
        Asked { seeds: 0, from: 0, jobs: 2, steps: STEPS, tries: 80, forced: Vec::new(), mistake: None };
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{word} needs a number, not {value}"));
        let size = || number().map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        match word.as_str() {
            "--seeds" => asked.seeds = number()?,
            "--from" => asked.from = number()?,
            "--jobs" => asked.jobs = size()?.clamp(1, 64),
            "--steps" => asked.steps = size()?,
            "--shrink" => asked.tries = size()?,
            "--force" if value == "image" => asked.forced.push(What::Image),
            "--force" if value == "province" => asked.forced.push(What::RestoreProvince),
            "--plant" => {
                let found = Mistake::ALL.into_iter().find(|mistake| mistake.name() == value);
                asked.mistake = Some(found.ok_or_else(|| format!("there is no mistake {value}"))?);
            }
            _ => return Err(format!("{word} {value} is unknown")),
        }
    }
    if asked.seeds == 0 { Err("how many seeds?".to_owned()) } else { Ok(asked) }
}

fn simulate(asked: &Asked) -> ExitCode {
    let clock = SystemClock::new();
    let bar = ProgressBar::new(asked.seeds);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {pos}/{len} seeds, {elapsed} of about {duration}  {msg}")
    {
        bar.set_style(style);
    }
    let next = AtomicU64::new(asked.from);
    let has_failed = AtomicBool::new(false);
    let worth: Mutex<Vec<Coverage>> = Mutex::default();
    let failure: Mutex<Option<(Plan, Box<Broken>)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..asked.jobs {
            scope.spawn(|| {
                while !has_failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= asked.from + asked.seeds {
                        return;
                    }
                    let plan = Plan::new(seed, asked.steps, &asked.forced);
                    match run(&plan, asked.mistake) {
                        Ok(coverage) => worth.lock().unwrap_or_else(PoisonError::into_inner).push(coverage),
                        Err(broken) => {
                            has_failed.store(asked.tries > 0, Ordering::Relaxed);
                            // Also where the output is no terminal and there is no bar.
                            bar.suspend(|| {
                                println!("seed {seed} fails, {}: {:.300}", broken.place, broken.what);
                            });
                            let mut first = failure.lock().unwrap_or_else(PoisonError::into_inner);
                            first.get_or_insert((plan, broken));
                        }
                    }
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let worth = worth.into_inner().unwrap_or_else(PoisonError::into_inner);
    print_worth(&worth, clock.monotonic_ms(), asked.jobs);
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        None => ExitCode::SUCCESS,
        Some((plan, broken)) => {
            print_failure(asked, &plan, broken);
            ExitCode::from(1)
        }
    }
}

fn print_worth(worth: &[Coverage], wall_ms: u64, jobs: usize) {
    let mut all = Coverage::default();
    worth.iter().for_each(|coverage| all.merge(coverage));
    println!("{all}");
    let each = |what: &str| median(worth.iter().map(|coverage| coverage.times(what)));
    println!(
        "{} seeds, median of each: {} machines, {} changes, {} faults of {} kinds",
        worth.len(),
        each("machines"),
        each("changes"),
        median(worth.iter().map(Coverage::faults_in_all)),
        median(worth.iter().map(|coverage| coverage.fault_kinds() as u64)),
    );
    let seeds = u64::try_from(worth.len()).unwrap_or(1).max(1);
    println!("{wall_ms} ms on {jobs} threads, {} ms for each seed and thread", wall_ms * jobs as u64 / seeds);
    if let Some(left_out) = (!NOT_CURED.is_empty()).then(|| NOT_CURED.map(What::name).join(", ")) {
        println!("left out unless forced: {left_out}");
    }
}

fn print_failure(asked: &Asked, plan: &Plan, broken: Box<Broken>) {
    println!("\nseed {} fails at step {}, {}: {}", plan.seed, broken.step, broken.place, broken.what);
    let bar = ProgressBar::new_spinner();
    let shrunk = shrink(plan, broken, asked.mistake, asked.tries, &mut |left| {
        bar.set_message(format!("{left} steps are left"));
        bar.tick();
    });
    bar.finish_and_clear();
    println!(
        "after {} tries {} steps are left, which fail so: {}",
        shrunk.tries,
        shrunk.plan.steps.len(),
        shrunk.broken.what
    );
    for step in &shrunk.plan.steps {
        println!("  {:<28} {:#018x}", step.what.name(), step.draw);
    }
    println!("what happened:");
    for line in &shrunk.broken.trail {
        println!("{line}");
    }
    let seed = plan.seed;
    println!(
        "\nagain: cargo run -p motcua-tests --bin simulate -- --seeds 1 --from {seed} --steps {}",
        asked.steps
    );
}
