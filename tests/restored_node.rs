//! A commune's directory put back to an earlier copy while its witness stands: what had been sent comes back, what had
//! not is named to a person.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use motcua_tests::faults::machine::copy_folder;
use motcua_tests::office::Office;
use motcua_tests::office::Province;
use motcua_tests::office::assert_even;
use motcua_tests::office::lodging;
use motcua_tests::office::lodging_for;
use serde_json::json;

/// The end of a dossier number, behind its agency: that much a machine knows of numbers whose dossier it has lost.
fn end_of(number: &str) -> &str {
    number.split_once('-').unwrap().1
}

/// Puts the office's directory back as it was.
fn put_back(office: &Office, copy: &std::path::Path) {
    std::fs::remove_dir_all(&office.home.dir).unwrap();
    copy_folder(copy, &office.home.dir);
}

#[test]
fn what_was_sent_comes_back_and_what_was_not_is_named_to_a_person() {
    let province = Province::new();
    let office = province.commune("H27.101");
    let copy = province.place().join("copy");
    let before = office.lodged(&[lodging("H27.101", 1)]);
    office.sync();
    copy_folder(&office.home.dir, &copy);
    let sent = office.lodged(&[lodging("H27.101", 2), lodging_for("H27.101", 3, "H27.102")]);
    office.does(&before[0], &[json!({"act": "move_step"})]);
    office.sync();
    let lost = office.lodged(&[lodging("H27.101", 4), lodging_for("H27.101", 5, "H27.102")]);

    put_back(&office, &copy);
    let after = office.lodged(&[lodging("H27.101", 6)]);
    assert_eq!(office.conditions(), ["rolled-back"], "nobody knows yet what will come back");
    office.sync();
    assert_even(&province.office, &[&office]);
    for number in before.iter().chain(&sent).chain(&after) {
        assert_eq!(&office.dossier(number)["number"], number.as_str());
    }
    assert_eq!(office.conditions(), ["work-lost"]);
    let told = office.condition("work-lost").unwrap();
    let text = told["text"].as_str().unwrap();
    let ends: Vec<&str> = lost.iter().map(|number| end_of(number)).collect();
    assert!(text.contains(&format!(": {}.", ends.join(", "))), "those and no others: {text}");

    // Another directory put back once more: it is told anew, with the same numbers and those lost since.
    let lost_later = office.lodged(&[lodging("H27.101", 7)]);
    put_back(&office, &copy);
    office.sync();
    let told = office.condition("work-lost").unwrap();
    let text = told["text"].as_str().unwrap();
    let ends: Vec<&str> = lost.iter().chain(&lost_later).map(|number| end_of(number)).collect();
    assert!(text.contains(&format!(": {}.", ends.join(", "))), "{text}");
    office.home.done(&["condition", "dismiss", "work-lost"]);
    office.sync();
    assert!(office.conditions().is_empty(), "{:?}", office.status()["conditions"]);
    office.verify();
}

#[test]
fn what_was_all_sent_comes_back_and_nothing_remains_to_tell() {
    let province = Province::new();
    let office = province.commune("H27.101");
    let copy = province.place().join("copy");
    copy_folder(&office.home.dir, &copy);
    let numbers = office.lodged(&[lodging("H27.101", 1), lodging("H27.101", 2)]);
    office.sync();
    put_back(&office, &copy);
    office.sync();
    assert!(office.conditions().is_empty(), "{:?}", office.conditions());
    assert_even(&province.office, &[&office]);
    assert_eq!(office.export().len(), numbers.len());
}
