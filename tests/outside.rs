//! What people, scripts and other programs do to the program from outside: files that are no text, many commands at
//! once, a stop in the moment of the start.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use motcua_tests::office::Province;
use motcua_tests::office::lodging;
use motcua_tests::office::text_of;
use motcua_tests::program::Running;
use motcua_tests::program::Serving;
use serde_json::Value;
use serde_json::json;

#[test]
fn lines_that_are_too_long_or_no_text_stop_no_other_with_or_without_serve() {
    let province = Province::new();
    let mut a = province.commune("H27.101");
    let file = province.place().join("lines.jsonl");
    for is_served in [false, true] {
        if is_served {
            a.start();
        }
        let place = usize::from(is_served) * 10;
        let mut bytes = "\u{feff}".as_bytes().to_vec();
        bytes.extend_from_slice(text_of(&[lodging("H27.101", place)]).as_bytes());
        bytes.extend_from_slice(b"{\"owner\":\"Nguy\xean\"}\r\n");
        bytes.extend_from_slice(&vec![b'x'; 3_000_000]);
        bytes.extend_from_slice(b"\n\n");
        bytes.extend_from_slice(text_of(&[lodging("H27.101", place + 1)]).as_bytes());
        std::fs::write(&file, &bytes).unwrap();
        let answer = a.home.run(&["dossier", "lodge", "--from", file.to_str().unwrap()]);
        assert_eq!(answer.code, Some(2), "{answer:?}");
        let found: Vec<Option<&str>> =
            answer.values.iter().map(|value| value.pointer("/error/code").and_then(Value::as_str)).collect();
        assert_eq!(found, [None, Some("line-not-utf8"), Some("line-too-large"), None, None]);
        assert_eq!(answer.values[2]["line"], 3);
        assert_eq!(answer.values[4]["summary"], json!({"lines": 4, "done": 2, "refused": 2}));
    }
    a.stop();
}

#[test]
fn more_commands_at_once_than_are_served_wait_for_their_turn() {
    let province = Province::new();
    let mut a = province.commune("H27.101");
    a.start();
    let line = |place| text_of(&[lodging("H27.101", place)]);
    let command = || a.home.command(&["dossier", "lodge", "--from", "-"]);
    let running: Vec<Running> = (0..48).map(|place| Running::start(command(), &line(place))).collect();
    let mut numbers = std::collections::BTreeSet::new();
    for answer in running.into_iter().map(Running::answer) {
        assert_eq!(answer.code, Some(0), "{answer:?}");
        numbers.insert(answer.value()["number"].as_str().unwrap().to_owned());
    }
    assert_eq!(numbers.len(), 48);
    a.stop();
}

#[test]
fn who_said_ready_stops_in_order_at_once() {
    let province = Province::new();
    let a = province.commune("H27.101");
    for _ in 0..5 {
        // Panics unless it ends by itself with exit code 0.
        Serving::start(&a.home, &["--no-sync"]).stop();
    }
}

#[test]
fn what_cannot_be_true_or_seen_is_refused() {
    let province = Province::new();
    let a = province.commune("H27.101");
    let number = a.lodged(&[lodging("H27.101", 0)]).remove(0);
    a.does(&number, &[json!({"act": "move_step"})]);
    assert_eq!(a.refuses(&number, &json!({"act": "sign", "signed_on": "2199-01-01"})), "desk-future");
    let mut unseen = lodging("H27.101", 1);
    unseen["owner"]["name"] = "\u{200b}\u{202e}".into();
    let mut no_set = lodging("H27.101", 2);
    no_set["sets"] = 0.into();
    let answer = a.lodge(&[unseen, no_set]);
    assert_eq!(answer.code, Some(2));
    assert_eq!(answer.values[0]["error"]["field"], "owner.name", "{answer:?}");
    assert_eq!(answer.values[1]["error"]["field"], "sets", "{answer:?}");
}
