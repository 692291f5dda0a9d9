//! An office that never has a line: set up by a pack, it receives from the first hour and holds the province's proof
//! for everything, by stick alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use motcua_tests::office::Office;
use motcua_tests::office::Province;
use motcua_tests::office::assert_even;
use motcua_tests::office::lodging;
use motcua_tests::office::lodging_for;
use motcua_tests::program::Home;
use serde_json::Value;
use serde_json::json;

/// A pack on a stick and its token.
struct Pack {
    file: PathBuf,
    token: String,
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn pack(province: &Province, seat: &str, name: &str) -> Pack {
    let file = province.place().join(name);
    let answer = province.office.home.done(&[
        "enrol",
        "new",
        "--agency",
        seat,
        // Nobody will ever reach it.
        "--address",
        "203.0.113.1:9",
        "--pack",
        text(&file),
    ]);
    Pack { file, token: answer.value()["token"].as_str().unwrap().to_owned() }
}

/// `commune init --pack`, with a request beside; the machine.
fn set_up(province: &Province, pack: &Pack, seat: &str, name: &str) -> (Office, PathBuf) {
    let home = Home::below(province.place(), name);
    let request = province.place().join(format!("{name}-request"));
    let answer = home.done(&[
        "commune",
        "init",
        "--pack",
        text(&pack.file),
        "--token",
        &pack.token,
        "--request",
        text(&request),
    ]);
    assert_eq!(answer.value()["missing"], json!(["sync"]), "{}", answer.text);
    (Office { code: seat.to_owned(), home, serving: None }, request)
}

fn refused(office: &Office, arguments: &[&str]) -> String {
    let answer = office.home.run(arguments);
    assert_eq!(answer.code, Some(2), "{}\n{}", answer.text, answer.told);
    answer.error_code().unwrap().to_owned()
}

fn export(from: &Office, place: &Path, name: &str, more: &[&str]) -> PathBuf {
    let path = place.join(name);
    let mut arguments = vec!["bundle", "export", "--out", text(&path)];
    arguments.extend(more);
    from.home.done(&arguments);
    path
}

fn import(at: &Office, path: &Path) -> Value {
    at.home.done(&["bundle", "import", text(path)]).value().clone()
}

/// Up and down once; what the commune took in.
fn round(place: &Path, province: &Office, commune: &Office, name: &str) -> Value {
    let up = export(commune, place, &format!("{name}-up"), &[]);
    import(province, &up);
    let down = export(province, place, &format!("{name}-down"), &["--agency", &commune.code]);
    import(commune, &down)
}

#[test]
fn an_office_that_never_has_a_line_works_and_holds_proofs_by_stick_alone() {
    let mut province = Province::new();
    let place = province.place().to_owned();
    let b = province.commune("H27.102");
    let given = pack(&province, "H27.101", "pack");
    let (mut a, request) = set_up(&province, &given, "H27.101", "a");

    // Lawful intake from the first hour, also while a program serves; what does not work says why.
    let mut numbers = a.lodged(&[lodging("H27.101", 1), lodging_for("H27.101", 2, "H27.102")]);
    assert_eq!(a.conditions(), ["machine-not-granted"]);
    assert_eq!(refused(&a, &["sync", "now"]), "machine-not-granted");
    a.start();
    numbers.extend(a.lodged(&[lodging("H27.101", 3)]));
    assert_eq!(refused(&a, &["sync", "now"]), "machine-not-granted");
    let early = export(&a, &place, "early", &[]);
    a.stop();

    // Its bundle comes before anybody knows it; then its request, then the bundle again.
    assert_eq!(refused(&province.office, &["bundle", "import", text(&early)]), "bundle-unknown-machine");
    let grant = place.join("grant");
    province.office.home.done(&["enrol", "grant", text(&request), "--out", text(&grant)]);
    assert_eq!(import(&province.office, &early)["outcome"], "imported");
    let answer = export(&province.office, &place, "answer", &["--agency", "H27.101"]);

    // The answer may come before the grant.
    assert_eq!(import(&a, &answer)["is_proved"], true);
    let done = a.home.done(&["commune", "init", "--grant", text(&grant)]);
    assert_eq!(done.value()["missing"], json!([]), "{}", done.text);
    assert_eq!(a.conditions(), Vec::<String>::new());

    // Both ways, an office apart works on what the other received.
    a.does(&numbers[1], &[json!({"act": "transfer", "to": "H27.102"})]);
    round(&place, &province.office, &a, "one");
    b.sync();
    b.does(&numbers[1], &[json!({"act": "take_over"}), json!({"act": "finish"})]);
    b.sync();
    let taken = round(&place, &province.office, &a, "two");
    assert_eq!(taken["is_proved"], true, "{taken}");
    let status = a.status();
    assert_eq!((&status["waiting_changes"], &status["last_proof"]["quarantined"]), (&json!(0), &json!(0)));
    assert_even(&province.office, &[&a, &b]);

    // Numbers are of the series in the pack, which nobody else has.
    let series = |number: &String| number.rsplit('-').next().unwrap()[..3].to_owned();
    let mine: BTreeSet<String> = numbers.iter().map(series).collect();
    let theirs = b.lodged(&[lodging("H27.102", 1)]);
    assert!(!mine.contains(&series(&theirs[0])), "{mine:?} {theirs:?}");
    a.verify();
    province.office.stop();
    province.office.verify();
}

#[test]
fn a_machine_made_by_a_pack_that_gets_a_line_works_as_any_other() {
    let province = Province::new();
    let place = province.place().to_owned();
    let file = place.join("pack");
    let token = province.office.home.done(&[
        "enrol",
        "new",
        "--agency",
        "H27.101",
        "--address",
        province.address(),
        "--pack",
        text(&file),
    ]);
    let given = Pack { file, token: token.value()["token"].as_str().unwrap().to_owned() };
    let (a, request) = set_up(&province, &given, "H27.101", "a");
    let first = a.lodged(&[lodging("H27.101", 1)]);
    // The same token over the line completes it, with the keys it has.
    a.home.done(&["commune", "init", "--token", &given.token]);
    assert_eq!(a.conditions(), Vec::<String>::new());
    a.sync();
    assert!(province.office.export().contains_key(&first[0]));
    assert_eq!(a.sync()["round_trips"], 1);
    // Its request, carried meanwhile, gives it the same certificate again.
    let grant = place.join("grant");
    province.office.home.done(&["enrol", "grant", text(&request), "--out", text(&grant)]);
    a.home.done(&["commune", "init", "--grant", text(&grant)]);
    a.sync();
    assert_eq!(province.machines("H27.101").len(), 1);
    assert_even(&province.office, &[&a]);
}

#[test]
fn a_pack_of_others_changed_or_used_twice_is_refused_with_the_reason() {
    let province = Province::new();
    let elsewhere = Province::new();
    let place = province.place().to_owned();
    let given = pack(&province, "H27.101", "pack");
    let theirs = pack(&elsewhere, "H27.101", "theirs");
    let other = pack(&province, "H27.102", "other");
    let nobody = Office { code: "H27.101".to_owned(), home: Home::below(&place, "nobody"), serving: None };
    let init = |file: &Path, token: &str| {
        refused(&nobody, &["commune", "init", "--pack", text(file), "--token", token])
    };
    assert_eq!(init(&theirs.file, &given.token), "bundle-other-province");
    assert_eq!(init(&given.file, &other.token), "pack-other-token");
    let mut bytes = std::fs::read(&given.file).unwrap();
    let at = bytes.len() - 100;
    bytes[at] ^= 1;
    let changed = place.join("changed");
    std::fs::write(&changed, bytes).unwrap();
    assert_eq!(init(&changed, &given.token), "bundle-damaged");

    // Two machines are set up with one pack: the province grants the first that asks.
    let (a, request) = set_up(&province, &given, "H27.101", "a");
    let (_second, again) = set_up(&province, &given, "H27.101", "second");
    assert_eq!(init(&request, &given.token), "pack-not-a-pack");
    let grant = place.join("grant");
    province.office.home.done(&["enrol", "grant", text(&request), "--out", text(&grant)]);
    let refuse = |file: &Path, out: &str| {
        let out = place.join(out);
        refused(&province.office, &["enrol", "grant", text(file), "--out", text(&out)])
    };
    assert_eq!(refuse(&again, "g2"), "enrol-used");
    assert_eq!(refuse(&given.file, "g3"), "pack-not-a-request");
    assert_eq!(refused(&a, &["commune", "init", "--grant", text(&request)]), "pack-not-a-grant");
    let second = Office { code: "H27.101".to_owned(), home: Home::below(&place, "second"), serving: None };
    assert_eq!(refused(&second, &["commune", "init", "--grant", text(&grant)]), "bundle-other-machine");
    a.home.done(&["commune", "init", "--grant", text(&grant)]);
    // A machine that is complete is not made anew.
    let token = ["commune", "init", "--pack", text(&given.file), "--token", &given.token];
    assert_eq!(a.home.run(&token).error_code(), Some("store-exists"));
}

#[test]
fn a_ban_keeps_what_was_not_accepted_and_a_leader_releases_it_in_bulk() {
    let mut province = Province::new();
    let place = province.place().to_owned();
    let given = pack(&province, "H27.101", "pack");
    let (a, request) = set_up(&province, &given, "H27.101", "a");
    let accepted = a.lodged(&[lodging("H27.101", 0)]);
    let grant = place.join("grant");
    province.office.home.done(&["enrol", "grant", text(&request), "--out", text(&grant)]);
    a.home.done(&["commune", "init", "--grant", text(&grant)]);
    assert_eq!(round(&place, &province.office, &a, "one")["is_proved"], true);

    let lines: Vec<Value> = (1..=200).map(|place| lodging("H27.101", place)).collect();
    let held = a.lodged(&lines);
    let node = province.machines("H27.101").remove(0);
    province.office.home.done(&["enrol", "ban", &node, "--why", "máy bị lấy trộm"]);

    // What it had is brought on a stick by whoever finds it: kept, and applied by nobody's mere possession.
    let up = export(&a, &place, "two-up", &[]);
    let taken = import(&province.office, &up);
    assert_eq!(taken["is_banned"], true, "{taken}");
    // All but the entry that says whose log it is.
    assert_eq!((&taken["changes"], &taken["quarantined"]), (&json!(201), &json!(200)), "{taken}");
    let there: Vec<String> = province.office.export().into_keys().collect();
    assert_eq!(there, accepted, "what was accepted stays, nothing else counts");
    let out = place.join("never");
    let refusal = ["bundle", "export", "--node", &node, "--out", text(&out)];
    assert_eq!(refused(&province.office, &refusal), "bundle-to-banned");
    assert!(!out.exists());

    province.office.home.done(&["quarantine", "release", "--machine", &node]);
    let there: BTreeSet<String> = province.office.export().into_keys().collect();
    assert_eq!(there, accepted.into_iter().chain(held).collect());
    assert!(province.office.home.done(&["quarantine", "list"]).lines().is_empty());
    province.office.stop();
    province.office.verify();
}
