//! The everyday accident: somebody copies an office's directory, and both copies go to work.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeSet;
use std::path::Path;

use motcua_tests::faults::machine::copy_folder;
use motcua_tests::office::Office;
use motcua_tests::office::Province;
use motcua_tests::office::assert_even;
use motcua_tests::office::lodging;
use motcua_tests::office::lodging_for;
use motcua_tests::office::sync_all;
use motcua_tests::program::Home;
use serde_json::Value;
use serde_json::json;

/// A copy of a stopped office's directory. The witness lies outside and is not copied.
fn copy_of(office: &Office, place: &Path) -> Office {
    let home = Home::below(place, &format!("{}-copy", office.code));
    copy_folder(&office.home.dir, &home.dir);
    Office { code: office.code.clone(), home, serving: None }
}

#[test]
fn both_copies_work_nothing_is_lost_no_number_repeats_and_both_are_told() {
    let province = Province::new();
    let mut original = province.commune("H27.101");
    let before = original.lodged(&[lodging("H27.101", 1), lodging("H27.101", 2)]);
    original.sync();
    let mut copy = copy_of(&original, province.place());

    original.start();
    copy.start();
    let at = |from: usize| (from..from + 5).map(|place| lodging("H27.101", place)).collect::<Vec<Value>>();
    let ours = original.lodged(&at(10));
    let theirs = copy.lodged(&at(20));
    let all: BTreeSet<&String> = before.iter().chain(&ours).chain(&theirs).collect();
    assert_eq!(all.len(), 12, "no number twice: {ours:?} {theirs:?}");
    sync_all(&[&original, &copy]);

    let held = province.office.export();
    assert_eq!(held.keys().collect::<BTreeSet<_>>(), all, "nothing lost");
    for office in [&original, &copy] {
        assert_eq!(office.export(), held);
        office.verify();
        let told = office.conditions();
        assert!(
            told.iter().any(|code| code == "other-copy"),
            "{} is told: {told:?}",
            office.home.dir.display()
        );
    }
    province.office.verify();
}

#[test]
fn copies_that_take_turns_under_one_witness_repeat_no_number_and_are_both_told() {
    let province = Province::new();
    let original = province.commune("H27.101");
    let before = original.lodged(&[lodging("H27.101", 1), lodging("H27.101", 2)]);
    original.sync();
    let mut copy = copy_of(&original, province.place());
    copy.home.witness.clone_from(&original.home.witness);

    let ours = original.lodged(&[lodging("H27.101", 10), lodging("H27.101", 11)]);
    let theirs = copy.lodged(&[lodging("H27.101", 20), lodging("H27.101", 21)]);
    let all: BTreeSet<&String> = before.iter().chain(&ours).chain(&theirs).collect();
    assert_eq!(all.len(), 6, "no number twice: {ours:?} {theirs:?}");
    sync_all(&[&original, &copy]);

    let held = province.office.export();
    assert_eq!(held.keys().collect::<BTreeSet<_>>(), all, "nothing lost");
    for office in [&original, &copy] {
        assert_eq!(office.export(), held);
        office.verify();
        let told = office.conditions();
        assert!(told.contains(&"other-copy".to_owned()), "{}: {told:?}", office.home.dir.display());
    }
}

#[test]
fn acts_done_apart_are_contested_everywhere_until_a_person_settles() {
    let province = Province::new();
    let (original, b) = (province.commune("H27.101"), province.commune("H27.102"));
    let number = original.lodged(&[lodging_for("H27.101", 1, "H27.102")]).remove(0);
    original.sync();
    let copy = copy_of(&original, province.place());

    // One copy sends it to B, who takes it over; the other decides it itself.
    original.does(&number, &[json!({"act": "transfer", "to": "H27.102"})]);
    original.sync();
    b.sync();
    b.does(&number, &[json!({"act": "take_over"})]);
    b.sync();
    copy.does(&number, &[json!({"act": "move_step"}), json!({"act": "sign"})]);
    sync_all(&[&original, &copy, &b]);
    assert_even(&province.office, &[&original, &copy, &b]);

    let dossier = province.office.dossier(&number);
    let contested: Vec<&str> =
        dossier["contested"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let acts = dossier["acts"].as_array().expect("acts");
    for act in ["transfer", "take_over", "move_step", "sign"] {
        let found = acts.iter().find(|one| one["act"] == act).expect("the act is shown");
        assert_eq!(
            (&found["standing"], &found["reason"]),
            (&Value::from("contested"), &Value::from("act-done-apart")),
            "{act}"
        );
        assert!(contested.contains(&found["id"].as_str().expect("an id")), "{act}");
    }
    assert_eq!(dossier["custody"], json!({"kind": "held", "holder": "H27.101"}), "sign outranks a transfer");
    assert_eq!(original.refuses(&number, &json!({"act": "issue"})), "act-contested");

    // The provisional holder's officer looks at both sides and lets the decision stand.
    let sign = acts.iter().find(|one| one["act"] == "sign").expect("shown")["id"].clone();
    let settle = json!({"act": "settle", "settles": contested, "choice": sign, "note": "Đã ký trước"});
    original.does(&number, &[settle]);
    sync_all(&[&original, &copy, &b]);
    assert_even(&province.office, &[&original, &copy, &b]);
    for office in [&province.office, &original, &copy, &b] {
        let dossier = office.dossier(&number);
        assert_eq!(dossier["contested"], json!([]), "{}", office.code);
        let acts = dossier["acts"].as_array().expect("acts");
        let transfer = acts.iter().find(|one| one["act"] == "transfer").expect("shown");
        assert_eq!(transfer["standing"], "set_aside", "{}", office.code);
    }
    original
        .does(&number, &[json!({"act": "issue"}), json!({"act": "finish"}), json!({"act": "return_result"})]);
    assert_eq!(original.dossier(&number)["status"], 10);
}
