//! A commune's disk loses what other offices wrote, and no head shows it: comparing everything finds and heals it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper that fails must fail its test")]

use motcua_tests::office::Office;
use motcua_tests::office::Province;
use motcua_tests::office::assert_even;
use motcua_tests::office::lodging_for;
use motcua_tests::office::sync_all;
use rusqlite::Connection;
use serde_json::Value;
use serde_json::json;

/// Takes a dossier out of an office's database as if it had never come, and says how many entries it had.
fn lose(office: &Office, number: &str) -> u64 {
    let database = Connection::open(office.home.dir.join("motcua.db")).unwrap();
    let doc: Vec<u8> =
        database.query_row("SELECT doc FROM dossier WHERE number = ?1", [number], |row| row.get(0)).unwrap();
    let lost = "SELECT id FROM entry WHERE doc = ?1";
    for statement in [
        format!("DELETE FROM feed_row WHERE entry IN ({lost})"),
        format!("DELETE FROM body WHERE entry IN ({lost})"),
        "DELETE FROM dossier WHERE doc = ?1".to_owned(),
        "DELETE FROM party WHERE doc = ?1".to_owned(),
    ] {
        database.execute(&statement, [&doc]).unwrap();
    }
    database.execute("DELETE FROM entry WHERE doc = ?1", [&doc]).unwrap() as u64
}

fn scrub(office: &Office) -> Value {
    office.home.done(&["sync", "now", "--wait-s", "60", "--scrub"]).value().clone()
}

#[test]
fn what_a_disk_lost_without_a_trace_comes_back_by_a_scrub_and_nothing_else_does() {
    let province = Province::new();
    let (a, b) = (province.commune("H27.101"), province.commune("H27.102"));
    let lines: Vec<Value> = (1..=12).map(|place| lodging_for("H27.101", place, "H27.102")).collect();
    let numbers = a.lodged(&lines);
    a.does(&numbers[4], &[json!({"act": "note", "note": "Ghi chú thử"})]);
    sync_all(&[&a, &b]);
    assert_even(&province.office, &[&a, &b]);
    assert_eq!(scrub(&b)["changes_received"], 0);

    let lost = lose(&b, &numbers[4]);
    assert_eq!(lost, 2);
    let quiet = b.sync();
    assert_eq!((&quiet["round_trips"], &quiet["compared"]), (&json!(1), &json!(false)), "no head shows it");
    assert_eq!(b.export().len(), 11);

    let healed = scrub(&b);
    assert_eq!((&healed["outcome"], &healed["compared"]), (&json!("converged"), &json!(true)));
    assert_eq!(healed["changes_received"], json!(lost), "the others are named only");
    assert_even(&province.office, &[&a, &b]);
    b.verify();
    let again = scrub(&b);
    assert_eq!((&again["changes_received"], &again["outcome"]), (&json!(0), &json!("converged")));
}
