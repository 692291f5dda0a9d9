//! The demo as the README runs it, only shorter; and that it fails when something is really wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use motcua_tests::program::Answer;
use motcua_tests::program::Running;
use motcua_tests::program::motcua;
use serde_json::Value;

fn demo(arguments: &[&str]) -> Answer {
    let mut command = std::process::Command::new(motcua());
    command.args(["demo", "--headless", "--json", "--lang", "en", "--dossiers", "12"]).args(arguments);
    Running::start(command, "").answer()
}

fn broken(answer: &Answer) -> Vec<&str> {
    let oracles = answer.value()["oracles"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
    assert!(oracles.len() >= 8, "{answer:?}");
    oracles
        .iter()
        .filter(|oracle| oracle["holds"] != true)
        .filter_map(|oracle| oracle["name"].as_str())
        .collect()
}

#[test]
fn the_demo_ends_well_by_itself() {
    let answer = demo(&["--outage-s", "3"]);
    assert_eq!(broken(&answer), Vec::<&str>::new(), "{}\n{}", answer.text, answer.told);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(answer.value()["dossiers"], 12);
    println!("{} s", answer.value()["seconds"]);
}

/// The kept directory of a failed demo, as its last words name it.
fn remove_kept(answer: &Answer) {
    let kept = answer.told.lines().find_map(|line| line.split_once("kept for a look: "));
    let (_, place) = kept.unwrap_or_else(|| panic!("a failed demo keeps its directory: {}", answer.told));
    std::fs::remove_dir_all(place.trim()).unwrap();
}

fn fails_with(sabotage: &str) {
    let answer = demo(&["--outage-s", "0", "--sabotage", sabotage]);
    assert_eq!(answer.code, Some(1), "{}\n{}", answer.text, answer.told);
    assert!(broken(&answer).contains(&sabotage), "{}", answer.text);
    assert_ne!(answer.value()["seconds"], Value::Null);
    remove_kept(&answer);
}

#[test]
fn a_replica_that_differs_is_seen() {
    fails_with("replica");
}

#[test]
fn a_number_printed_twice_is_seen() {
    fails_with("number");
}

#[test]
fn a_proof_that_is_not_the_provinces_is_seen() {
    fails_with("proof");
}
