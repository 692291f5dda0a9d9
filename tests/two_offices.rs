//! A dossier between two offices as people live it: the line is there now and then, and never for both at once.
//!
//! Communes here have no running program: they are offline except while `sync now` runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use motcua_tests::office::Office;
use motcua_tests::office::Province;
use motcua_tests::office::act_line;
use motcua_tests::office::assert_even;
use motcua_tests::office::lodging;
use motcua_tests::office::lodging_for;
use motcua_tests::office::sync_all;
use motcua_tests::program::Running;
use serde_json::Value;
use serde_json::json;

/// The dossier as everybody shows it: without what is true of one machine only.
fn shown_to_all(office: &Office, number: &str) -> Value {
    let mut shown = office.show(number);
    let whole = shown.as_object_mut().expect("a dossier");
    whole.shift_remove("ladder");
    shown
}

fn custody(office: &Office, number: &str) -> String {
    let dossier = office.dossier(number);
    dossier["custody"]["kind"].as_str().expect("a custody").to_owned()
}

/// How far the delivery ladder says the dossier has got.
fn stage(office: &Office, number: &str) -> String {
    let shown = office.show(number);
    shown["ladder"]["stage"].as_str().unwrap_or_else(|| panic!("no ladder: {shown}")).to_owned()
}

#[test]
fn a_dossier_crosses_while_each_party_is_offline_at_some_moment() {
    let mut province = Province::new();
    let (a, b) = (province.commune("H27.101"), province.commune("H27.102"));

    // The province is down while A lodges for B and sends it on its way.
    province.office.stop();
    let number = a.lodged(&[lodging_for("H27.101", 1, "H27.102")]).remove(0);
    assert!(number.starts_with("H27.102-"), "{number} carries the competent agency's code");
    a.does(&number, &[json!({"act": "transfer", "to": "H27.102"})]);
    let unreached = a.try_sync();
    assert_eq!(unreached.code, Some(3), "{unreached:?}");
    assert_eq!(stage(&a, &number), "saved");
    assert_eq!(a.status()["waiting_dossiers"], 1);

    // B hears of it only when it syncs itself.
    province.start();
    a.sync();
    assert_eq!(stage(&a, &number), "at_province");
    assert!(b.export().is_empty());
    b.sync();
    assert_eq!(custody(&b, &number), "in_transit");

    // B decides without a line; A sees nothing of that yet.
    b.does(
        &number,
        &[
            json!({"act": "take_over"}),
            json!({"act": "move_step"}),
            json!({"act": "sign"}),
            json!({"act": "issue"}),
            json!({"act": "finish"}),
        ],
    );
    a.sync();
    assert_eq!(custody(&a, &number), "in_transit");
    b.sync();

    // B is offline from here on; A returns the result all the same.
    a.sync();
    assert_eq!(custody(&a, &number), "to_return");
    assert_eq!(stage(&a, &number), "decided");
    a.does(&number, &[json!({"act": "return_result"})]);
    a.sync();
    assert_eq!(custody(&province.office, &number), "closed");
    assert_eq!(custody(&b, &number), "to_return");
    assert_eq!(stage(&b, &number), "decided", "B has heard of nothing later");
    b.sync();
    assert_eq!(stage(&b, &number), "returned");
    assert_eq!(b.dossier(&number)["status"], 10);

    sync_all(&[&a, &b]);
    assert_even(&province.office, &[&a, &b]);
    let shown = shown_to_all(&province.office, &number);
    for office in [&a, &b] {
        assert_eq!(shown_to_all(office, &number), shown, "{}", office.code);
        office.verify();
    }
    province.office.verify();
}

#[test]
fn the_wrong_commune_declines_and_the_dossier_goes_on_under_its_number() {
    let province = Province::new();
    let (a, b, c) = (province.commune("H27.101"), province.commune("H27.102"), province.commune("H27.103"));
    let number = a.lodged(&[lodging_for("H27.101", 1, "H27.102")]).remove(0);
    a.does(&number, &[json!({"act": "transfer", "to": "H27.102"})]);
    a.sync();
    b.sync();
    b.does(&number, &[json!({"act": "decline", "reason": "Không thuộc địa bàn"})]);
    b.sync();
    a.sync();
    assert_eq!(a.dossier(&number)["custody"], json!({"kind": "held", "holder": "H27.101"}));
    a.does(&number, &[json!({"act": "transfer", "to": "H27.103"})]);
    a.sync();
    c.sync();
    c.does(
        &number,
        &[
            json!({"act": "take_over"}),
            json!({"act": "move_step"}),
            json!({"act": "sign"}),
            json!({"act": "issue"}),
            json!({"act": "finish"}),
        ],
    );
    c.sync();
    a.sync();
    a.does(&number, &[json!({"act": "return_result"})]);
    sync_all(&[&a, &b, &c]);
    assert_even(&province.office, &[&a, &b, &c]);
    let shown = shown_to_all(&province.office, &number);
    assert_eq!((&shown["number"], &shown["status"]), (&Value::from(number.as_str()), &Value::from(10)));
    for office in [&a, &b, &c] {
        assert_eq!(shown_to_all(office, &number), shown, "{}", office.code);
    }
}

#[test]
fn a_recall_that_crosses_a_take_over_is_too_late_everywhere() {
    let province = Province::new();
    let (a, b) = (province.commune("H27.101"), province.commune("H27.102"));
    let number = a.lodged(&[lodging_for("H27.101", 1, "H27.102")]).remove(0);
    a.does(&number, &[json!({"act": "transfer", "to": "H27.102"})]);
    a.sync();
    b.sync();

    // Apart: A takes it back while B takes it over.
    a.does(&number, &[json!({"act": "recall", "reason": "Chuyển nhầm"})]);
    b.does(&number, &[json!({"act": "take_over"})]);
    assert_eq!(custody(&a, &number), "held");
    sync_all(&[&a, &b]);

    assert_even(&province.office, &[&a, &b]);
    for office in [&a, &b, &province.office] {
        let dossier = office.dossier(&number);
        assert_eq!(dossier["custody"], json!({"kind": "held", "holder": "H27.102"}), "{}", office.code);
        let standing_of = |act: &str| {
            let acts = dossier["acts"].as_array().expect("acts");
            let found = acts.iter().find(|one| one["act"] == act).expect("the act is shown");
            found["standing"].clone()
        };
        assert_eq!(standing_of("recall"), "too_late", "{}", office.code);
        assert_eq!(standing_of("take_over"), "counts", "{}", office.code);
        assert_eq!(dossier["contested"], json!([]), "{}", office.code);
    }
    b.does(&number, &[json!({"act": "move_step"})]);
}

#[test]
fn the_hosted_department_decides_on_the_provinces_machine() {
    let province = Province::new();
    let a = province.commune("H27.101");
    let mut line = lodging_for("H27.101", 1, "H27.02");
    line["procedure"] = "2.000488".into();
    let number = a.lodged(&[line]).remove(0);
    a.does(&number, &[json!({"act": "transfer", "to": "H27.02"})]);
    a.sync();
    province.office.does_as(
        "H27.02",
        &number,
        &[
            json!({"act": "take_over"}),
            json!({"act": "move_step"}),
            json!({"act": "sign"}),
            json!({"act": "issue"}),
            json!({"act": "finish"}),
        ],
    );
    a.sync();
    a.does(&number, &[json!({"act": "return_result"})]);
    sync_all(&[&a]);
    assert_even(&province.office, &[&a]);
    assert_eq!(province.office.dossier(&number)["status"], 10);
}

#[test]
fn running_programs_push_news_to_each_other() {
    let province = Province::new();
    let (mut a, mut b) = (province.commune("H27.101"), province.commune("H27.102"));
    a.start();
    b.start();
    let number = a.lodged(&[lodging_for("H27.101", 1, "H27.102"), lodging("H27.101", 2)]).remove(0);
    a.does(&number, &[json!({"act": "transfer", "to": "H27.102"})]);
    // Nobody asks for a session here: the running programs talk by themselves.
    b.wait_until("B has the dossier", |b| b.export().contains_key(&number));
    b.does(&number, &[json!({"act": "take_over"})]);
    a.wait_until("A sees the take-over", |a| a.dossier(&number)["custody"]["holder"] == "H27.102");
    let refused = a.act(&[act_line("H27.101", &number, &json!({"act": "move_step"}))]);
    assert_eq!(refused.error_code(), Some("act-not-holder"), "{refused:?}");
    for office in [&mut a, &mut b] {
        office.stop();
    }
    assert_even(&province.office, &[&a, &b]);
}

#[test]
fn sessions_that_people_ask_for_at_once_all_end_well_beside_the_live_one() {
    let mut province = Province::new();
    let mut a = province.commune("H27.101");
    for round in 0..4 {
        // Asked right after the start, while the live session is just being taken up, and again beside it.
        a.start();
        let _numbers = a.lodged(&[lodging("H27.101", round)]);
        for _ in 0..2 {
            let asked: Vec<Running> = (0..3)
                .map(|_| Running::start(a.home.command(&["sync", "now", "--wait-s", "30"]), ""))
                .collect();
            for answer in asked.into_iter().map(Running::answer) {
                assert_eq!(answer.code, Some(0), "{answer:?}");
            }
        }
        if round == 1 {
            province.office.kill();
            province.start();
        }
        a.stop();
    }
    assert_even(&province.office, &[&a]);
}
