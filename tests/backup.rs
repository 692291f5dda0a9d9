//! A backup made while the office works, put back on the bad day: on its own computer, on another one by the
//! province's leave, and that of the provincial server itself.

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
use motcua_tests::office::sync_all;
use motcua_tests::office::text_of;
use motcua_tests::program::Home;
use motcua_tests::program::Running;
use serde_json::Value;
use serde_json::json;

/// A place in the series of requests that no other lodging of these tests has.
const FAR: usize = 500;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The code with which a command is refused.
fn refused(home: &Home, arguments: &[&str]) -> String {
    let answer = home.run(arguments);
    assert!(matches!(answer.code, Some(2 | 4)), "{arguments:?}: {}\n{}", answer.text, answer.told);
    answer.error_code().unwrap().to_owned()
}

fn conditions(office: &Office) -> BTreeSet<String> {
    office.conditions().into_iter().collect()
}

fn backed_up(home: &Home, file: &Path) -> Value {
    home.done(&["backup", "create", "--out", text(file)]).value().clone()
}

/// Moves the machine's directory away, as somebody does before putting a backup back.
fn moved_away(home: &Home, name: &str) -> PathBuf {
    let old = home.dir.with_file_name(name);
    std::fs::rename(&home.dir, &old).unwrap();
    old
}

fn series(number: &str) -> String {
    number.rsplit('-').next().unwrap()[..3].to_owned()
}

fn names_in(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn assert_no_number_twice(numbers: &[String]) {
    let unique: BTreeSet<&String> = numbers.iter().collect();
    assert_eq!(unique.len(), numbers.len(), "no number twice: {numbers:?}");
}

#[test]
fn a_backup_made_at_work_is_put_back_and_the_rest_comes_from_the_province() {
    let mut province = Province::new();
    let place = province.place().to_owned();
    let mut a = province.commune("H27.101");
    a.start();
    let mut numbers = a.lodged(&[lodging("H27.101", 1), lodging("H27.101", 2)]);
    // While others write.
    let lines: Vec<Value> = (0..30).map(|n| lodging("H27.101", FAR + n)).collect();
    let busy = Running::start(a.home.command(&["dossier", "lodge", "--from", "-"]), &text_of(&lines));
    let file = place.join("backup");
    let made = backed_up(&a.home, &file);
    let written = busy.answer();
    assert_eq!(written.code, Some(0), "{}\n{}", written.text, written.told);
    numbers.extend(written.lines().iter().map(|line| line["number"].as_str().unwrap().to_owned()));
    assert_eq!((&made["agency"], &made["is_for_province"]), (&json!("H27.101"), &json!(true)), "{made}");

    let checked = a.home.done(&["backup", "verify", text(&file)]).value().clone();
    for key in ["node", "at", "position", "digest", "files", "bundle"] {
        assert_eq!(checked[key], made[key], "{key}");
    }
    assert_eq!((&checked["is_open"], &checked["findings"]), (&json!(true), &json!([])), "{checked}");
    assert_eq!(checked["checked"], json!(["parts", "signatures", "content", "database"]));
    assert_eq!(names_in(&a.home.dir).iter().filter(|name| name.starts_with(".backup")).count(), 0);

    // What is done after it is at the province, but for the last dossier, before the disk breaks.
    numbers.extend(a.lodged(&[lodging("H27.101", 3)]));
    a.wait_until("all is proved", |a| a.status()["waiting_changes"] == 0);
    province.office.stop();
    let unsent = a.lodged(&[lodging("H27.101", 4)]);
    numbers.extend(unsent.clone());
    assert_eq!(refused(&a.home, &["backup", "restore", text(&file)]), "office-served");
    let other_dir = Home { dir: place.join("other"), ..a.home.clone() };
    let at_work = ["backup", "restore", text(&file), "--keys", text(&a.home.dir)];
    assert_eq!(refused(&other_dir, &at_work), "backup-machine-works");
    assert!(!other_dir.dir.exists(), "nothing is left");
    a.kill();
    let old = moved_away(&a.home, "old");

    let restored = a.home.done(&["backup", "restore", text(&file), "--keys", text(&old)]).value().clone();
    assert_eq!((&restored["position"], &restored["digest"]), (&made["position"], &made["digest"]));
    assert_eq!((&restored["has_witness"], &restored["findings"]), (&json!(true), &json!([])));
    assert_eq!(conditions(&a), BTreeSet::from(["restored-from-backup".to_owned()]), "it says so at once");
    let after = a.lodged(&[lodging("H27.101", 5)]);
    assert_eq!(series(&after[0]), series(&numbers[0]), "its witness knows how far it came");
    numbers.extend(after);
    assert_no_number_twice(&numbers);
    province.start();
    a.sync();
    assert_eq!(a.sync()["round_trips"], 1, "it is quiet again");
    assert_eq!(conditions(&a), BTreeSet::from(["restored-from-backup".to_owned()]), "no other copy is told");
    a.home.done(&["condition", "dismiss", "restored-from-backup"]);
    assert_eq!(conditions(&a), BTreeSet::new());
    let all = a.export();
    for number in numbers.iter().filter(|number| !unsent.contains(number)) {
        assert!(all.contains_key(number), "{number} is lost");
    }
    assert!(!all.contains_key(&unsent[0]), "what was never sent is gone, and was told");
    assert_even(&province.office, &[&a]);
    a.verify();
}

/// The database is gone and the identity folder is not; and the same backup again, after more work.
#[test]
fn the_same_backup_put_back_again_and_again_repeats_no_number() {
    let province = Province::new();
    let place = province.place().to_owned();
    let a = province.commune("H27.101");
    let mut numbers = a.lodged(&[lodging("H27.101", 1)]);
    a.sync();
    let file = place.join("backup");
    backed_up(&a.home, &file);
    for round in 0..3 {
        numbers.extend(a.lodged(&[lodging("H27.101", 10 + round), lodging("H27.101", 20 + round)]));
        if round == 1 {
            a.sync();
        }
        for name in names_in(&a.home.dir).iter().filter(|name| *name != "identity") {
            std::fs::remove_file(a.home.dir.join(name)).unwrap();
        }
        a.home.done(&["backup", "restore", text(&file)]);
        assert!(conditions(&a).contains("restored-from-backup"), "round {round}");
        numbers.extend(a.lodged(&[lodging("H27.101", 30 + round)]));
        assert_no_number_twice(&numbers);
    }
    a.sync();
    a.verify();
    assert_even(&province.office, &[&a]);
    // The keys are there and the witness is not: it numbers no more before the province has given it a series.
    moved_away(&a.home, "old");
    std::fs::remove_file(&a.home.witness).unwrap();
    let keys = text(&place.join("old")).to_owned();
    let restored = a.home.done(&["backup", "restore", text(&file), "--keys", &keys]).value().clone();
    assert_eq!(restored["has_witness"], false);
    assert_eq!(a.lodge(&[lodging("H27.101", 40)]).error_code(), Some("number-no-series"));
    a.sync();
    let fresh = a.lodged(&[lodging("H27.101", 40)]);
    assert!(numbers.iter().all(|number| series(number) != series(&fresh[0])), "{fresh:?} {numbers:?}");
    a.sync();
    a.verify();
    assert_even(&province.office, &[&a]);
}

/// Asks the province for a backup and puts it back in `home` with the answer.
fn by_grant(province: &Office, home: &Home, backup: &Path, name: &str) -> Value {
    let (request, grant) =
        (backup.with_file_name(format!("{name}-ask")), backup.with_file_name(format!("{name}-leave")));
    let asked = home.done(&["backup", "restore", text(backup), "--request", text(&request)]).value().clone();
    let granted =
        province.home.done(&["enrol", "grant", text(&request), "--out", text(&grant)]).value().clone();
    assert_eq!(granted["kind"], "restore");
    for key in ["code", "node"] {
        assert_eq!(granted[key], asked[key], "{key}: two persons compare it");
    }
    let restored = home.done(&["backup", "restore", text(backup), "--grant", text(&grant)]).value().clone();
    assert_eq!(restored["series"], granted["series"]);
    // It opens nothing a second time: the key that it was sealed to is gone.
    let again = Home::below(home.dir.parent().unwrap(), &format!("{name}-again"));
    let arguments = ["backup", "restore", text(backup), "--grant", text(&grant)];
    assert_eq!(refused(&again, &arguments), "backup-not-asked");
    assert!(!again.dir.exists(), "nothing is left");
    restored
}

#[test]
fn on_another_computer_the_province_opens_the_backup_and_gives_other_series() {
    let province = Province::new();
    let place = province.place().to_owned();
    let (a, b) = (province.commune("H27.101"), province.commune("H27.102"));
    let mut numbers = a.lodged(&[lodging("H27.101", 1), lodging_for("H27.101", 2, "H27.102")]);
    sync_all(&[&a, &b]);
    let file = place.join("backup");
    backed_up(&a.home, &file);
    numbers.extend(a.lodged(&[lodging("H27.101", 3)]));
    a.does(&numbers[1], &[json!({"act": "transfer", "to": "H27.102"})]);
    sync_all(&[&a, &b]);

    // The computer is gone. Twice another one takes its place, and the first of those is lost with unsent work.
    let first = Office { code: a.code.clone(), home: Home::below(&place, "first"), serving: None };
    assert_eq!(refused(&first.home, &["backup", "restore", text(&file)]), "backup-needs-keys");
    by_grant(&province.office, &first.home, &file, "first");
    assert_eq!(names_in(&first.home.dir.join("identity")), ["machine.cbor"]);
    let unsent = first.lodged(&[lodging("H27.101", 11)]);
    let second = Office { code: a.code.clone(), home: Home::below(&place, "second"), serving: None };
    by_grant(&province.office, &second.home, &file, "second");
    numbers.extend(second.lodged(&[lodging("H27.101", 12)]));
    let used = |numbers: &[String]| numbers.iter().map(|number| series(number)).collect::<BTreeSet<_>>();
    assert_eq!(used(&[numbers.clone(), unsent.clone()].concat()).len(), 3, "{numbers:?} {unsent:?}");
    assert_eq!(conditions(&second), BTreeSet::from(["restored-from-backup".to_owned()]));
    sync_all(&[&second, &b]);
    assert_eq!(conditions(&second), BTreeSet::from(["restored-from-backup".to_owned()]));
    b.does(&numbers[1], &[json!({"act": "take_over"})]);
    sync_all(&[&second, &b]);
    for number in &numbers {
        assert!(second.export().contains_key(number), "{number} is lost");
    }
    second.verify();
    assert_even(&province.office, &[&second, &b]);

    // One that was believed lost turns up: nothing of it is lost, no number is repeated, it is told.
    numbers.extend(unsent);
    numbers.extend(first.lodged(&[lodging("H27.101", 13)]));
    sync_all(&[&first, &second, &b]);
    assert_no_number_twice(&numbers);
    assert!(conditions(&second).contains("other-copy"), "{:?}", conditions(&second));
    for number in &numbers {
        assert!(province.office.export().contains_key(number), "{number} is lost");
    }
    assert_even(&province.office, &[&first, &second, &b]);
}

#[test]
fn a_backup_is_opened_for_nobody_who_may_not() {
    let province = Province::new();
    let place = province.place().to_owned();
    let (a, b) = (province.commune("H27.101"), province.commune("H27.102"));
    let of = |office: &Office, name: &str| {
        let file = place.join(name);
        backed_up(&office.home, &file);
        file
    };
    let (file, other) = (of(&a, "backup"), of(&b, "other-backup"));
    let (request, grant) = (place.join("ask"), place.join("leave"));
    let new = Home::below(&place, "new");
    new.done(&["backup", "restore", text(&file), "--request", text(&request)]);
    assert_eq!(names_in(&new.dir), ["identity", "motcua.lock"], "nothing is restored yet");
    let elsewhere = Province::new();
    let ask = ["enrol", "grant", text(&request), "--out", text(&grant)];
    assert_eq!(refused(&elsewhere.office.home, &ask), "bundle-other-province");
    assert_eq!(refused(&a.home, &ask), "province-only");
    province.office.home.done(&ask);
    assert_eq!(refused(&province.office.home, &ask), "bundle-file-exists");
    // The answer is for one backup and one asker, and is nothing else.
    let wrong = |home: &Home, file: &Path, grant: &Path| {
        let before = names_in(&home.dir);
        let code = refused(home, &["backup", "restore", text(file), "--grant", text(grant)]);
        assert_eq!(names_in(&home.dir), before, "{code}: nothing is left");
        code
    };
    assert_eq!(wrong(&new, &other, &grant), "backup-grant-other");
    assert_eq!(wrong(&new, &file, &request), "backup-not-a-grant");
    let stranger = Home::below(&place, "stranger");
    stranger.done(&["backup", "restore", text(&file), "--request", text(&place.join("other-ask"))]);
    assert_eq!(wrong(&stranger, &file, &grant), "bundle-other-machine");
    let mut changed = std::fs::read(&grant).unwrap();
    let at = changed.len() - 40;
    changed[at] ^= 1;
    let bad = place.join("bad-leave");
    std::fs::write(&bad, changed).unwrap();
    assert_eq!(wrong(&new, &file, &bad), "bundle-damaged");
    assert_eq!(
        refused(&province.office.home, &["bundle", "import", text(&request)]),
        "bundle-is-for-restore"
    );
    new.done(&["backup", "restore", text(&file), "--grant", text(&grant)]);

    // A machine that was shut out is not put back.
    let machine = province.machines("H27.102").remove(0);
    province.office.home.done(&["enrol", "ban", &machine, "--why", "mất máy"]);
    let request = place.join("banned-ask");
    let third = Home::below(&place, "third");
    third.done(&["backup", "restore", text(&other), "--request", text(&request)]);
    let never = place.join("never");
    let ask = ["enrol", "grant", text(&request), "--out", text(&never)];
    assert_eq!(refused(&province.office.home, &ask), "backup-machine-banned");
    // But what only it had can be looked at by the province.
    let looked = Home::below(&place, "looked");
    looked.done(&["backup", "restore", text(&other), "--keys", text(&province.office.home.dir)]);
}

#[test]
fn a_backup_that_is_damaged_cut_newer_or_of_others_is_refused_and_leaves_nothing() {
    let province = Province::new();
    let place = province.place().to_owned();
    let (a, b) = (province.commune("H27.101"), province.commune("H27.102"));
    assert_eq!(a.lodged(&[lodging("H27.101", 1)]).len(), 1);
    let file = place.join("backup");
    backed_up(&a.home, &file);
    assert_eq!(refused(&a.home, &["backup", "create", "--out", text(&file)]), "bundle-file-exists");
    let nowhere = place.join("no").join("such");
    assert_eq!(refused(&a.home, &["backup", "create", "--out", text(&nowhere)]), "bundle-file");
    let keys = text(&a.home.dir);
    let restore = |home: &Home, file: &Path, keys: &str| {
        refused(home, &["backup", "restore", text(file), "--keys", keys])
    };
    assert_eq!(restore(&b.home, &file, keys), "backup-not-empty");
    let empty = Home::below(&place, "empty");
    assert_eq!(restore(&empty, &file, text(&b.home.dir)), "bundle-other-machine");
    assert_eq!(
        refused(&b.home, &["backup", "verify", text(&file), "--keys", text(&b.home.dir)]),
        "bundle-other-machine"
    );
    // Somebody who has no key sees that it is whole.
    let outside = b.home.done(&["backup", "verify", text(&file)]).value().clone();
    assert_eq!((&outside["is_open"], &outside["checked"]), (&json!(false), &json!(["parts", "signatures"])));
    assert!(outside["position"].is_null(), "{outside}");

    let whole = std::fs::read(&file).unwrap();
    let bad = place.join("bad");
    let changed = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (bytes, code) in [
        (whole[..whole.len() - 1].to_vec(), "bundle-truncated"),
        (whole[..4].to_vec(), "bundle-truncated"),
        ([&whole[..], b"x"].concat(), "bundle-damaged"),
        (changed(whole.len() / 2), "bundle-damaged"),
        (changed(40), "bundle-damaged"),
        (changed(whole.len() - 1), "bundle-damaged"),
        ([&whole[..8], &[2], &whole[9..]].concat(), "bundle-newer"),
        (b"motcua".to_vec(), "bundle-not-a-bundle"),
        (Vec::new(), "bundle-not-a-bundle"),
    ] {
        std::fs::write(&bad, bytes).unwrap();
        assert_eq!(restore(&empty, &bad, keys), code);
        assert!(!empty.dir.exists(), "{code}: nothing is left");
        assert_eq!(refused(&a.home, &["backup", "verify", text(&bad)]), code);
    }
    let bundle = place.join("bundle");
    a.home.done(&["bundle", "export", "--out", text(&bundle)]);
    assert_eq!(restore(&empty, &bundle, keys), "backup-not-a-backup");
    assert_eq!(refused(&province.office.home, &["bundle", "import", text(&file)]), "bundle-is-backup");
    assert!(!whole.windows(6).any(|window| window == b"SQLite"), "nothing of it can be read");
    let inspected = a.home.done(&["bundle", "inspect", text(&file)]).value().clone();
    assert_eq!((&inspected["kind"], &inspected["is_open"]), (&json!("backup"), &json!(true)));

    // What a killed process left is no hindrance.
    std::fs::create_dir_all(empty.dir.join(".restoring").join("identity")).unwrap();
    std::fs::write(empty.dir.join(".restoring").join("motcua.db"), b"half").unwrap();
    empty.done(&["backup", "restore", text(&file), "--keys", keys]);
    let restored = Office { code: a.code.clone(), home: empty, serving: None };
    assert_eq!(restored.export(), a.export());
}

/// Only its own keys open the province's backup, and it goes on as the same province.
#[test]
fn a_province_put_back_from_its_backup_gets_everything_again() {
    let mut province = Province::new();
    let place = province.place().to_owned();
    let (a, b) = (province.commune("H27.101"), province.commune("H27.102"));
    let mut numbers = a.lodged(&[lodging("H27.101", 1), lodging_for("H27.101", 2, "H27.102")]);
    sync_all(&[&a, &b]);
    let file = place.join("province-backup");
    let made = backed_up(&province.office.home, &file);
    assert_eq!(made["is_for_province"], false, "{made}");
    let names: Vec<&str> =
        made["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"identity/authority.cbor"), "{names:?}");
    numbers.extend(b.lodged(&[lodging("H27.102", 1)]));
    a.does(&numbers[1], &[json!({"act": "transfer", "to": "H27.102"})]);
    let late = province.commune("H27.103");
    numbers.extend(late.lodged(&[lodging("H27.103", 1)]));
    sync_all(&[&a, &b, &late]);
    for is_witness_lost in [false, true] {
        province.office.kill();
        let old = moved_away(&province.office.home, &format!("old-{is_witness_lost}"));
        if is_witness_lost {
            std::fs::remove_file(&province.office.home.witness).unwrap();
        }
        let elsewhere = Home::below(&place, "elsewhere");
        let request = place.join("ask");
        let ask = ["backup", "restore", text(&file), "--request", text(&request)];
        assert_eq!(refused(&elsewhere, &ask), "backup-own-keys-only");
        assert!(!elsewhere.dir.exists(), "nothing is left");
        province.office.home.done(&["backup", "restore", text(&file), "--keys", text(&old)]);
        province.start();
        assert!(conditions(&province.office).contains("province-restored"), "it says so at once");
        numbers.extend(a.lodged(&[lodging("H27.101", if is_witness_lost { 4 } else { 3 })]));
        sync_all(&[&a, &b, &late]);
        assert!(!conditions(&province.office).contains("province-restored"));
        for number in &numbers {
            assert!(province.office.export().contains_key(number), "{number} is lost");
        }
        assert_no_number_twice(&numbers);
        assert_even(&province.office, &[&a, &b, &late]);
        province.office.verify();
    }
}
