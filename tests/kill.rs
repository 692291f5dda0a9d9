//! kill -9 at any moment on either side: whatever `lodge` printed is there at both ends, once.
//!
//! `MOTCUA_KILLS` says how many kills (default 12), `MOTCUA_SEED` which ones; both are printed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use motcua_node::clock::Clock;
use motcua_node::clock::SystemClock;
use motcua_tests::faults::chance::Chance;
use motcua_tests::office::Office;
use motcua_tests::office::Province;
use motcua_tests::office::lodging;
use motcua_tests::office::text_of;
use motcua_tests::program::Running;
use motcua_tests::program::from_variable;
use serde_json::Value;

/// Lines given to each `lodge` process.
const LINES: usize = 60;
/// Longest time before the kill, in milliseconds: about what the process needs.
const WAIT_MS_MAX: u64 = 250;

/// How often each number stands in an office's export.
fn numbers(office: &Office) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in office.home.done(&["dossier", "export"]).lines() {
        if let Some(number) = line.get("number").and_then(Value::as_str) {
            *counts.entry(number.to_owned()).or_default() += 1;
        }
    }
    counts
}

#[test]
fn what_lodge_printed_is_at_both_ends_once_whatever_is_killed() {
    let kills = from_variable("MOTCUA_KILLS", 12);
    let seed = from_variable("MOTCUA_SEED", 20_260_302);
    println!("kills {kills}, seed {seed}");
    let mut chance = Chance::new(seed);
    let clock = SystemClock::new();
    let mut province = Province::new();
    let mut commune = province.commune("H27.101");
    let mut printed: BTreeMap<String, String> = BTreeMap::new(); // request → number
    let mut all_lines = Vec::new();
    let mut victims = [0; 3];

    for round in 0..kills {
        let place = usize::try_from(round).expect("few") * LINES;
        let lines: Vec<Value> = (place..place + LINES).map(|place| lodging("H27.101", place)).collect();
        let victim = usize::try_from(chance.below(3)).expect("few");
        victims[victim] += 1;
        // The lodging process writes itself when nothing runs; then it is the one to kill.
        if victim == 0 {
            commune.stop();
        } else if commune.serving.is_none() {
            commune.start();
        }
        let mut lodge =
            Running::start(commune.home.command(&["dossier", "lodge", "--from", "-"]), &text_of(&lines));
        clock.wait_ms(chance.below(WAIT_MS_MAX));
        match victim {
            0 => lodge.kill(),
            1 => commune.kill(),
            _ => province.office.kill(),
        }
        let answer = lodge.answer();
        for line in answer.lines() {
            if let (Some(request), Some(number)) = (line["request_id"].as_str(), line["number"].as_str()) {
                printed.insert(request.to_owned(), number.to_owned());
            }
        }
        if victim == 2 {
            assert_eq!(answer.code, Some(0), "a commune lodges without the province: {answer:?}");
            province.start();
        }
        all_lines.extend(lines);
    }
    println!("killed lodge {}, commune {}, province {}", victims[0], victims[1], victims[2]);
    println!("printed before the kills: {} of {}", printed.len(), all_lines.len());

    // People hand in again what got no answer; what did is the same dossier.
    commune.kill();
    for line in commune.lodge(&all_lines).lines() {
        let (request, number) = (line["request_id"].as_str(), line["number"].as_str());
        let (request, number) = (request.expect("a request"), number.expect("a number"));
        let before = printed.insert(request.to_owned(), number.to_owned());
        assert!(
            before.as_deref().is_none_or(|before| before == number),
            "{request}: {before:?}, then {number}"
        );
    }
    assert_eq!(printed.len(), all_lines.len());
    let distinct: BTreeSet<&String> = printed.values().collect();
    assert_eq!(distinct.len(), printed.len(), "no number twice");

    commune.sync();
    for office in [&commune, &province.office] {
        let counts = numbers(office);
        let wrong: Vec<&&String> =
            distinct.iter().filter(|number| counts.get(**number) != Some(&1)).collect();
        assert!(wrong.is_empty(), "{} lacks or repeats {wrong:?}", office.code);
        // What was committed and not yet printed came back when handed in again: nothing stands beside.
        assert_eq!(counts.len(), distinct.len(), "{}", office.code);
        office.verify();
    }
}
