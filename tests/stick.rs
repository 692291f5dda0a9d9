//! Some weeks there is only a stick: what a commune wrote and what the province answers travel as files, carried by
//! somebody without any right, damaged, twice, in the wrong order, to the wrong place.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::path::Path;
use std::path::PathBuf;

use motcua_tests::office::Office;
use motcua_tests::office::Province;
use motcua_tests::office::assert_even;
use motcua_tests::office::lodging;
use motcua_tests::office::lodging_for;
use serde_json::Value;
use serde_json::json;

/// Files on a stick.
struct Stick<'a>(&'a Path);

impl Stick<'_> {
    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// `bundle export` with further arguments; what it says.
    fn written(&self, from: &Office, name: &str, more: &[&str]) -> Value {
        let path = self.file(name);
        let mut arguments = vec!["bundle", "export", "--out", path.to_str().unwrap()];
        arguments.extend(more);
        from.home.done(&arguments).value().clone()
    }

    /// `bundle import` that must end with this outcome; what it says.
    fn taken(&self, at: &Office, name: &str, outcome: &str) -> Value {
        let path = self.file(name);
        let answer = at.home.run(&["bundle", "import", path.to_str().unwrap()]);
        let code = if outcome == "partial" { 3 } else { 0 };
        let said = (answer.code, &answer.value()["outcome"]);
        assert_eq!(said, (Some(code), &Value::from(outcome)), "{name}: {}\n{}", answer.text, answer.told);
        answer.value().clone()
    }

    /// The code with which `bundle import` refuses a file.
    fn refused(&self, at: &Office, name: &str) -> String {
        let path = self.file(name);
        let answer = at.home.run(&["bundle", "import", path.to_str().unwrap()]);
        assert_eq!(answer.code, Some(2), "{name}: {}\n{}", answer.text, answer.told);
        answer.error_code().unwrap().to_owned()
    }
}

/// Takes one dossier in.
fn lodged(at: &Office, place: usize) {
    assert_eq!(at.lodged(&[lodging(&at.code, place)]).len(), 1);
}

/// Carries everything from a commune to the province and the answer back, and gives the proof.
fn round(stick: &Stick<'_>, province: &Office, commune: &Office, name: &str) -> Value {
    let (up, down) = (format!("{name}-up"), format!("{name}-down"));
    stick.written(commune, &up, &[]);
    let path = stick.file(&up);
    province.home.done(&["bundle", "import", path.to_str().unwrap()]);
    stick.written(province, &down, &["--agency", &commune.code]);
    let path = stick.file(&down);
    let taken = commune.home.done(&["bundle", "import", path.to_str().unwrap()]).value().clone();
    assert_eq!(taken["is_proved"], true, "{taken}");
    taken["proof"].clone()
}

fn assert_all_is_proved(office: &Office) {
    let status = office.status();
    assert_eq!((&status["waiting_changes"], &status["waiting_dossiers"]), (&json!(0), &json!(0)), "{status}");
    assert_eq!(status["conditions"], json!([]), "{status}");
    for key in ["waiting", "quarantined", "refused"] {
        assert_eq!(status["last_proof"][key], 0, "{status}");
    }
}

#[test]
fn a_stick_carries_everything_both_ways_and_brings_the_proof() {
    let mut province = Province::new();
    let (a, b) = (province.commune("H27.101"), province.commune("H27.102"));
    let place = province.place().to_owned();
    let stick = Stick(&place);
    let numbers = a.lodged(&[lodging("H27.101", 1), lodging_for("H27.101", 2, "H27.102")]);
    a.does(&numbers[1], &[json!({"act": "transfer", "to": "H27.102"})]);
    let written = stick.written(&a, "a1", &[]);
    assert_eq!(written["kind"], "changes");
    assert!(written["changes"].as_u64().unwrap() >= 3, "{written}");

    // The running server takes it in through its own door; twice does no harm.
    let taken = stick.taken(&province.office, "a1", "imported");
    assert_eq!((&taken["changes"], &taken["agency"]), (&written["changes"], &json!("H27.101")), "{taken}");
    let again = stick.taken(&province.office, "a1", "nothing_new");
    assert_eq!((&again["changes"], &again["known"]), (&json!(0), &written["changes"]), "{again}");

    // The answer proves it all.
    assert!(a.status()["waiting_changes"].as_u64().unwrap() > 0);
    let proof = stick.written(&province.office, "a2", &["--agency", "H27.101"])["proof"].clone();
    let taken = stick.taken(&a, "a2", "imported");
    assert_eq!((&taken["is_proved"], &taken["proof"]), (&json!(true), &proof), "{taken}");
    assert_eq!(a.status()["last_proof"], proof);
    assert_all_is_proved(&a);
    stick.taken(&a, "a2", "nothing_new");

    // The other office gets its dossier, works on it and hands it back, all by stick.
    round(&stick, &province.office, &b, "b1");
    b.does(&numbers[1], &[json!({"act": "take_over"}), json!({"act": "finish"})]);
    round(&stick, &province.office, &b, "b2");
    round(&stick, &province.office, &a, "a3");
    let acts = a.show(&numbers[1])["acts"].as_array().unwrap().len();
    assert!(acts >= 4, "{}", a.show(&numbers[1]));
    assert_even(&province.office, &[&a, &b]);
    for office in [&a, &b] {
        assert_all_is_proved(office);
        office.verify();
    }

    // A line that comes back later finds nothing to do but go on.
    assert_eq!(a.sync()["changes_sent"], 0);
    province.office.stop();
    province.office.verify();
}

#[test]
fn bundles_come_in_any_order_late_twice_and_beside_a_live_line() {
    let province = Province::new();
    let mut a = province.commune("H27.101");
    let place = province.place().to_owned();
    let stick = Stick(&place);
    // Without any answer each bundle brings all that may be missing.
    lodged(&a, 1);
    let first = stick.written(&a, "u1", &[])["changes"].as_u64().unwrap();
    lodged(&a, 2);
    let second = stick.written(&a, "u2", &[])["changes"].as_u64().unwrap();
    assert!(second > first, "{second} {first}");
    stick.written(&province.office, "r0", &["--agency", "H27.101"]);
    assert_eq!(stick.taken(&province.office, "u2", "imported")["changes"], second);
    stick.taken(&province.office, "u1", "nothing_new");

    // The last bundle that came was written before the second dossier: the answer begins there, and still fits.
    stick.written(&province.office, "r1", &["--agency", "H27.101"]);
    lodged(&a, 3);
    assert_eq!(stick.taken(&a, "r1", "imported")["is_proved"], true);
    let status = a.status();
    assert!(status["waiting_changes"].as_u64().unwrap() > 0, "what was done since is not proved: {status}");
    assert_eq!(status["waiting_dossiers"], 1, "{status}");
    stick.taken(&a, "r0", "older");
    assert_eq!(a.status()["last_proof"], status["last_proof"]);

    // A bundle and a live line carry the same at once.
    stick.written(&a, "u3", &[]);
    a.start();
    stick.taken(&province.office, "u1", "nothing_new");
    let path = stick.file("u3");
    province.office.home.done(&["bundle", "import", path.to_str().unwrap()]);
    lodged(&a, 4);
    stick.written(&a, "u4", &[]);
    a.wait_until("all is proved", |a| a.status()["waiting_changes"] == 0);
    stick.taken(&province.office, "u4", "nothing_new");
    stick.written(&province.office, "r2", &["--agency", "H27.101"]);
    let path = stick.file("r2");
    a.home.done(&["bundle", "import", path.to_str().unwrap()]);
    a.wait_until("all is proved", |a| a.status()["waiting_changes"] == 0);
    a.stop();
    assert_all_is_proved(&a);
    assert_even(&province.office, &[&a]);
    a.verify();
}

#[test]
fn what_is_damaged_cut_newer_or_for_others_is_refused_without_effect() {
    let province = Province::new();
    let (a, b) = (province.commune("H27.101"), province.commune("H27.102"));
    let elsewhere = Province::new();
    let stranger = elsewhere.commune("H27.101");
    let place = province.place().to_owned();
    let stick = Stick(&place);
    lodged(&a, 1);
    stick.written(&a, "up", &[]);
    stick.written(&stranger, "theirs", &[]);
    stick.written(&province.office, "down", &["--agency", "H27.101"]);
    let before = (province.office.export(), a.status());

    let whole = std::fs::read(stick.file("up")).unwrap();
    for (place, at) in [9, 40, 200, 400, whole.len() / 2, whole.len() - 1].into_iter().enumerate() {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        let name = format!("changed-{place}");
        std::fs::write(stick.file(&name), changed).unwrap();
        let code = stick.refused(&province.office, &name);
        assert!(["bundle-damaged", "bundle-truncated"].contains(&code.as_str()), "byte {at}: {code}");
    }
    for (place, end) in [5, 30, 300, whole.len() - 1].into_iter().enumerate() {
        let name = format!("cut-{place}");
        std::fs::write(stick.file(&name), &whole[..end]).unwrap();
        assert_eq!(stick.refused(&province.office, &name), "bundle-truncated", "cut at {end}");
    }
    let mut newer = whole.clone();
    newer[8] = 2;
    std::fs::write(stick.file("newer"), newer).unwrap();
    assert_eq!(stick.refused(&province.office, "newer"), "bundle-newer");
    std::fs::write(stick.file("text"), "H27.101").unwrap();
    assert_eq!(stick.refused(&province.office, "text"), "bundle-not-a-bundle");
    assert_eq!(stick.refused(&province.office, "theirs"), "bundle-other-province");
    assert_eq!(stick.refused(&stranger, "down"), "bundle-other-province");
    assert_eq!(stick.refused(&b, "down"), "bundle-other-machine");
    assert_eq!(stick.refused(&province.office, "down"), "bundle-is-return");
    assert_eq!(stick.refused(&b, "up"), "bundle-is-changes");
    let missing = a.home.run(&["bundle", "import", "/nowhere/at/all"]);
    assert_eq!((missing.code, missing.error_code()), (Some(4), Some("bundle-file")));
    let path = stick.file("up");
    let over = a.home.run(&["bundle", "export", "--out", path.to_str().unwrap()]);
    assert_eq!((over.code, over.error_code()), (Some(2), Some("bundle-file-exists")));
    assert_eq!(std::fs::read(&path).unwrap(), whole, "a file that is there is left as it is");
    let nobody = province.office.home.run(&["bundle", "export", "--out", "x"]);
    assert_eq!(nobody.error_code(), Some("bundle-for-whom"));
    assert_eq!((province.office.export(), a.status()), before);

    // Whoever carries it reads who and for whom, and nothing else.
    let courier = motcua_tests::program::Home::below(&place, "courier");
    let seen = courier.done(&["bundle", "inspect", path.to_str().unwrap()]).value().clone();
    assert_eq!((&seen["kind"], &seen["is_open"]), (&json!("changes"), &json!(false)), "{seen}");
    assert!(seen["content"].is_null(), "{seen}");
    let inside = province.office.home.done(&["bundle", "inspect", path.to_str().unwrap()]).value().clone();
    assert!(inside["content"]["changes"].as_u64().unwrap() > 0, "{inside}");
    assert!(!inside["content"]["ranges"].as_array().unwrap().is_empty(), "{inside}");
    let name = "Nguyễn Văn Thử".as_bytes();
    assert!(!whole.windows(name.len()).any(|window| window == name));
    stick.taken(&province.office, "up", "imported");
}

fn copy_of(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let path = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_of(&entry.path(), &path);
        } else {
            std::fs::copy(entry.path(), path).unwrap();
        }
    }
}

#[test]
fn a_restored_machine_is_told_what_its_bundle_lacks_and_the_next_round_brings_it() {
    let province = Province::new();
    let a = province.commune("H27.101");
    let place = province.place().to_owned();
    let stick = Stick(&place);
    let kept = place.join("kept");
    copy_of(&a.home.dir, &kept);
    let lost = a.lodged(&[lodging("H27.101", 1), lodging("H27.101", 2)]);
    round(&stick, &province.office, &a, "one");
    lodged(&a, 3);
    stick.written(&a, "u2", &[]);
    stick.taken(&province.office, "u2", "imported");
    stick.written(&province.office, "r2", &["--agency", "H27.101"]);

    // The disk breaks before the answer is here, and an old copy is put back.
    std::fs::remove_dir_all(&a.home.dir).unwrap();
    copy_of(&kept, &a.home.dir);
    let taken = stick.taken(&a, "r2", "partial");
    assert_eq!(taken["is_proved"], false, "{taken}");
    assert!(a.condition("bundle-gap").is_some(), "{}", a.status());
    let fresh = a.lodged(&[lodging("H27.101", 4)]);
    assert!(!lost.contains(&fresh[0]), "a number is given out once: {fresh:?} {lost:?}");

    round(&stick, &province.office, &a, "three");
    assert!(a.condition("bundle-gap").is_none(), "{}", a.status());
    assert!(a.condition("rolled-back").is_none(), "{}", a.status());
    assert_eq!(a.export().len(), 4);
    assert_even(&province.office, &[&a]);
    assert_all_is_proved(&a);
    a.verify();
}
