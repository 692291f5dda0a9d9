//! The provincial server is put back to an older copy of its directory, and goes on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use motcua_node::clock::SystemClock;
use motcua_node::store::Reader;
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
use sync_protocol::item::Item;
use sync_protocol::item::ItemKind;

/// An older copy of the province's directory, with its witness file; and a backup of the same time.
struct Backup {
    dir: PathBuf,
    witness: PathBuf,
    file: PathBuf,
}

/// Makes a backup while the server works, then copies the directory while it stands still.
fn back_up(province: &mut Province, name: &str) -> Backup {
    let place = province.place().join(name);
    std::fs::create_dir(&place).expect("a folder");
    let backup =
        Backup { dir: place.join("dir"), witness: place.join("witness"), file: place.join("backup") };
    province.office.home.done(&["backup", "create", "--out", backup.file.to_str().unwrap()]);
    province.office.stop();
    copy_folder(&province.office.home.dir, &backup.dir);
    std::fs::copy(&province.office.home.witness, &backup.witness).expect("a witness");
    province.start();
    backup
}

/// Puts the province back to an older copy and starts it again: to the copied files with their witness, or to the
/// backup.
fn put_back(province: &mut Province, backup: &Backup, is_witness_too: bool) {
    province.office.kill();
    let home = &province.office.home;
    if is_witness_too {
        std::fs::remove_dir_all(&home.dir).expect("the directory");
        copy_folder(&backup.dir, &home.dir);
        std::fs::copy(&backup.witness, &home.witness).expect("a witness");
    } else {
        let broken = backup.file.with_extension("broken");
        std::fs::rename(&home.dir, &broken).expect("the directory");
        let keys = broken.to_str().unwrap();
        home.done(&["backup", "restore", backup.file.to_str().unwrap(), "--keys", keys]);
    }
    province.start();
}

fn reader(office: &Office) -> Reader {
    Reader::open(&office.home.dir, &SystemClock::new()).unwrap()
}

fn items(office: &Office) -> BTreeSet<(u64, String)> {
    let all = reader(office)
        .read(|view| view.items_beyond(sync_protocol::ids::Hash([0; 32]), 0, usize::MAX))
        .unwrap();
    all.iter().map(|(_, item)| (item.n, item.hash.to_string())).collect()
}

fn joins(office: &Office) -> usize {
    reader(office).read(|view| view.items_of_kind(ItemKind::JOIN.0)).unwrap().len()
}

/// The series of a dossier number of the sample: the last part's first three digits.
fn series(number: &str) -> String {
    number.rsplit('-').next().unwrap()[..3].to_owned()
}

/// The series that each machine may number under, and no two of them the same.
fn granted(offices: &[&Office]) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for office in offices {
        let held = reader(office).read(|view| view.series()).unwrap();
        for (series, state) in held {
            if matches!(state.name(), "unused" | "in_use") {
                all.entry(series).or_default().push(office.home.dir.display().to_string());
            }
        }
    }
    all
}

fn publish(province: &Office, name: &str) -> Value {
    let shown = reader(province)
        .read(|view| {
            Ok(view.effective_directory(motcua_node::clock::Clock::wall(&SystemClock::new()))?.unwrap().body)
        })
        .unwrap();
    let text = String::from_utf8(shown).unwrap();
    let changed = text.replacen("Tỉnh Hà Tĩnh", name, 1).replacen("Tỉnh Thử Một", name, 1);
    let file = province.home.dir.with_extension("jsonl");
    std::fs::write(&file, changed).unwrap();
    province.home.done(&["directory", "import", file.to_str().unwrap()]);
    province.home.done(&["directory", "publish"]).value().clone()
}

/// Everything that must be so once all have called.
fn assert_whole(province: &Office, communes: &[&Office], numbers: &[String]) {
    let unique: BTreeSet<&String> = numbers.iter().collect();
    assert_eq!(unique.len(), numbers.len(), "no number twice: {numbers:?}");
    let all = province.export();
    for number in &unique {
        assert!(all.contains_key(*number), "{number} is lost");
    }
    assert_even(province, communes);
    let held = items(province);
    for office in communes {
        office.verify();
        assert_eq!(items(office), held, "{} holds every item", office.code);
        assert!(
            office.condition("province-behind").is_none() && office.condition("digest-differs").is_none()
        );
        let status = office.status();
        assert_eq!((&status["waiting_changes"], &status["last_proof"]["refused"]), (&json!(0), &json!(0)));
        assert_eq!(office.sync()["round_trips"], 1, "{} is quiet again", office.code);
    }
    province.verify();
    let everybody: Vec<&Office> = communes.iter().copied().chain([province]).collect();
    for (series, holders) in granted(&everybody) {
        assert_eq!(holders.len(), 1, "series {series} has one machine: {holders:?}");
    }
}

/// Three copies: one of before most of the work, one in the middle of it, and one that the restored server made itself
/// before it was lost again.
fn put_back_three_times(is_witness_too: bool) {
    let mut province = Province::new();
    let (a, b) = (province.commune("H27.101"), province.commune("H27.102"));
    let mut numbers = a.lodged(&[lodging("H27.101", 1), lodging_for("H27.101", 2, "H27.102")]);
    sync_all(&[&a, &b]);
    let early = back_up(&mut province, "early");

    // Work, a directory version, and series begun, so that the province gives out further ones.
    numbers.extend(b.lodged(&[lodging("H27.102", 1)]));
    a.does(&numbers[1], &[json!({"act": "transfer", "to": "H27.102"})]);
    publish(&province.office, "Tỉnh Thử Một");
    sync_all(&[&a, &b]);
    let middle = back_up(&mut province, "middle");
    b.does(&numbers[1], &[json!({"act": "take_over"}), json!({"act": "move_step"})]);
    numbers.extend(a.lodged(&[lodging("H27.101", 3)]));
    let late = province.commune("H27.103");
    numbers.extend(late.lodged(&[lodging("H27.103", 1), lodging_for("H27.103", 2, "H27.101")]));
    sync_all(&[&a, &b, &late]);
    let mut all = vec![a, b, late];

    let mut own: Option<Backup> = None;
    for (round, name) in ["middle", "own", "early"].into_iter().enumerate() {
        let copy = match name {
            "middle" => &middle,
            "early" => &early,
            _ => own.as_ref().unwrap(),
        };
        put_back(&mut province, copy, is_witness_too);
        if is_witness_too {
            assert!(province.office.condition("province-restored").is_none(), "nothing shows it yet");
        } else {
            let told = province.office.condition("province-restored").expect("it says so at once");
            assert!(told["text"].is_string() && told["next"].is_string(), "{told}");
        }
        // Before anybody who was there calls, another machine is enrolled and works; and so do all offices.
        let (seat, place) = ([104, 105, 106][round], 10 * (round + 1));
        let new = province.commune(&format!("H27.{seat}"));
        numbers.extend(new.lodged(&[lodging(&new.code, place)]));
        new.sync();
        for office in &all {
            let lines = [place, place + 1].map(|place| lodging(&office.code, place));
            numbers.extend(office.lodged(&lines));
        }
        if name == "middle" {
            own = Some(back_up(&mut province, "own"));
        }
        all[0].sync();
        let told = province.office.condition("province-restored").expect("a machine shows it");
        assert!(told["text"].as_str().unwrap().contains("not called since: "), "{told}");
        all.push(new);
        let everybody: Vec<&Office> = all.iter().collect();
        sync_all(&everybody);
        assert_eq!(province.office.condition("province-restored"), None, "all have called");
        assert_whole(&province.office, &everybody, &numbers);
        assert!(joins(&all[0]) > round, "what was signed since is joined with what was lost");
    }
}

#[test]
fn a_province_put_back_to_an_earlier_copy_shows_it_and_gets_everything_again() {
    put_back_three_times(false);
}

#[test]
fn a_province_whose_witness_was_put_back_too_gets_everything_again() {
    put_back_three_times(true);
}

/// Both copies of a machine were given proofs before the restore, each of its own place in the chain; what the province
/// says next cannot follow both.
#[test]
fn a_machine_and_its_copy_are_both_proved_again_by_a_province_that_was_put_back() {
    let mut province = Province::new();
    let original = province.commune("H27.101");
    let mut numbers = original.lodged(&[lodging("H27.101", 1)]);
    original.sync();
    let home = Home::below(province.place(), "copy");
    copy_folder(&original.home.dir, &home.dir);
    let copy = Office { code: original.code.clone(), home, serving: None };
    let backup = back_up(&mut province, "early");
    for (place, office) in [&original, &copy, &original].into_iter().enumerate() {
        numbers.extend(office.lodged(&[lodging("H27.101", 10 + place)]));
        office.sync();
    }
    put_back(&mut province, &backup, false);
    for (place, office) in [&original, &copy, &original, &copy].into_iter().enumerate() {
        numbers.extend(office.lodged(&[lodging("H27.101", 20 + place)]));
        office.sync();
    }
    sync_all(&[&original, &copy]);
    assert_eq!(province.office.export().len(), numbers.len());
    for office in [&original, &copy] {
        assert_eq!(office.sync()["round_trips"], json!(1), "and nothing is left to say");
        assert_eq!(office.export(), province.office.export());
        office.verify();
    }
}

/// A ban that was lost holds again as soon as one machine calls that heard of it; a machine that was enrolled in the
/// lost time is known again; and a directory version published twice under one number is told.
#[test]
fn lost_bans_machines_and_directories_hold_again_when_machines_bring_them() {
    let mut province = Province::new();
    let (stolen, b) = (province.commune("H27.101"), province.commune("H27.102"));
    let mut numbers = stolen.lodged(&[lodging("H27.101", 1)]);
    sync_all(&[&stolen, &b]);
    let backup = back_up(&mut province, "early");
    let machine = province.machines("H27.101").remove(0);
    province.office.home.done(&["enrol", "ban", &machine, "--why", "mất máy"]);
    let new = province.commune_in("H27.101", "replacement");
    numbers.extend(new.lodged(&[lodging("H27.101", 2)]));
    let first = publish(&province.office, "Tỉnh Thử Một");
    sync_all(&[&new, &b]);

    put_back(&mut province, &backup, true);
    let second = publish(&province.office, "Tỉnh Thử Hai");
    assert_eq!(first["version"], second["version"], "the number is signed a second time");
    assert_ne!(first["hash"], second["hash"]);
    // The replacement is not in the list any more; its certificate is the province's all the same.
    assert_eq!(province.machines("H27.101"), std::slice::from_ref(&machine));
    new.sync();
    assert_eq!(province.machines("H27.101").len(), 2);
    let listed = province.office.home.done(&["enrol", "list"]).lines();
    let line = listed.iter().find(|line| line["node"] == json!(machine)).unwrap();
    assert!(line.to_string().contains("mất máy"), "the ban holds again: {line}");
    assert_eq!(stolen.try_sync().error_code(), Some("line-banned"));
    assert!(province.office.condition("directory-twice").is_some());
    sync_all(&[&new, &b]);
    sync_all(&[&new, &b]);
    assert_whole(&province.office, &[&new, &b], &numbers);
    assert_eq!(province.office.condition("province-restored"), None, "a banned machine is not awaited");
    assert!(province.office.condition("seat-shared").is_none());
    let version = |office: &Office| reader(office).read(|view| view.newest_directory()).unwrap().unwrap();
    assert_eq!(version(&province.office).1.to_string(), second["hash"].as_str().unwrap());
    for office in [&new, &b] {
        assert_eq!(version(office), version(&province.office), "{}", office.code);
    }
    let kinds: Vec<u8> = {
        let all = reader(&b).read(|view| view.items_of_kind(ItemKind::BAN.0)).unwrap();
        all.iter().map(|item| Item::from_bytes(&item.bytes).unwrap().header().kind.0).collect()
    };
    assert_eq!(kinds, [ItemKind::BAN.0], "one ban, once");
}

/// A bundle from one office to another, with further arguments of the export; what the import says.
fn carry(from: &Office, to: &Office, name: &str, more: &[&str]) -> Value {
    let path = from.home.dir.with_extension(name);
    let path = path.to_str().unwrap();
    from.home.done(&[&["bundle", "export", "--out", path], more].concat());
    to.home.done(&["bundle", "import", path]).value().clone()
}

/// A machine that has only a stick holds a proof of the lost time, and the province has made others since, which it never
/// saw: the next answer is proved all the same.
#[test]
fn proofs_by_stick_come_to_one_line_again_after_a_restore() {
    let mut province = Province::new();
    let (apart, b) = (province.commune("H27.101"), province.commune("H27.102"));
    b.sync();
    let down = ["--agency", "H27.101"];
    let mut numbers = apart.lodged(&[lodging("H27.101", 1)]);
    carry(&apart, &province.office, "up-1", &[]);
    assert_eq!(carry(&province.office, &apart, "down-1", &down)["is_proved"], true);
    let backup = back_up(&mut province, "early");
    numbers.extend(apart.lodged(&[lodging("H27.101", 2)]));
    carry(&apart, &province.office, "up-2", &[]);
    assert_eq!(carry(&province.office, &apart, "down-2", &down)["is_proved"], true);
    put_back(&mut province, &backup, true);
    for place in 3..6 {
        numbers.extend(b.lodged(&[lodging_for("H27.102", place, "H27.101")]));
        b.sync();
        let lost = province.place().join(format!("lost-{place}"));
        province
            .office
            .home
            .done(&[&["bundle", "export", "--out", lost.to_str().unwrap()], &down[..]].concat());
    }
    carry(&apart, &province.office, "up-3", &[]);
    assert_eq!(carry(&province.office, &apart, "down-3", &down)["is_proved"], true);
    sync_all(&[&apart, &b]);
    assert_whole(&province.office, &[&apart, &b], &numbers);
}

/// A machine that has only a stick and was enrolled in the lost time: its bundle shows whose it is. Banned in that time,
/// it is known again as a banned one.
#[test]
fn a_machine_that_was_forgotten_is_known_again_by_its_bundle() {
    let mut province = Province::new();
    let b = province.commune("H27.102");
    b.sync();
    let backup = back_up(&mut province, "early");
    let new = province.commune("H27.101");
    let numbers = new.lodged(&[lodging("H27.101", 1), lodging("H27.101", 2)]);
    put_back(&mut province, &backup, true);
    assert_eq!(province.machines("H27.101"), Vec::<String>::new());
    assert_eq!(carry(&new, &province.office, "up", &[])["outcome"], "imported");
    assert_eq!(province.machines("H27.101").len(), 1);
    assert!(province.office.condition("province-restored").is_some());
    assert_eq!(carry(&province.office, &new, "down", &["--agency", "H27.101"])["is_proved"], true);
    sync_all(&[&new, &b]);
    assert_whole(&province.office, &[&new, &b], &numbers);

    let machine = province.machines("H27.101").remove(0);
    province.office.home.done(&["enrol", "ban", &machine, "--why", "mất máy"]);
    b.sync();
    put_back(&mut province, &backup, true);
    b.sync();
    let taken = carry(&new, &province.office, "late", &[]);
    assert_eq!(taken["is_banned"], true, "its ban came first: {taken}");
    b.sync();
    assert_eq!(province.office.condition("province-restored"), None, "a banned machine is not awaited");
}

/// The machine that wrote it is gone, and so is the province's own memory of it. Other offices have it.
#[test]
fn what_only_other_offices_still_hold_comes_back_and_counts_when_a_person_says_so() {
    let mut province = Province::new();
    let (gone, b) = (province.commune("H27.101"), province.commune("H27.102"));
    let numbers = gone.lodged(&[lodging_for("H27.101", 1, "H27.102"), lodging_for("H27.101", 2, "H27.102")]);
    sync_all(&[&gone, &b]);
    let backup = back_up(&mut province, "early");
    gone.does(&numbers[0], &[json!({"act": "transfer", "to": "H27.102"})]);
    gone.does(&numbers[1], &[json!({"act": "note", "note": "Chỉ còn ở nơi khác"})]);
    let lost = gone.lodged(&[lodging_for("H27.101", 3, "H27.102")]);
    sync_all(&[&gone, &b]);
    let before = province.office.export();
    put_back(&mut province, &backup, true);
    b.does(&numbers[0], &[json!({"act": "take_over"})]);
    b.sync();
    assert!(!province.office.export().contains_key(&lost[0]), "nobody signed it");
    let told = province.office.condition("entries-returned").expect("it is told");
    assert!(told["text"].as_str().unwrap().contains('3'), "{told}");
    assert_eq!(b.sync()["round_trips"], 1, "it is given back once");
    let listed = province.office.home.done(&["quarantine", "list"]).lines();
    let returned = listed.iter().filter(|line| line["reason"] == "entry-returned").count();
    assert_eq!(returned, 3, "{listed:?}");
    let machine = province.machines("H27.102").remove(0);
    let answer = province.office.home.done(&["quarantine", "release", "--machine", &machine]);
    assert!(answer.value()["decided"].as_array().unwrap().iter().all(|one| one["state"] == "applied"));
    assert_eq!(province.office.condition("entries-returned"), None);
    b.sync();
    assert_even(&province.office, &[&b]);
    let after = province.office.export();
    assert_eq!(
        (after.get(&lost[0]), after.get(&numbers[1])),
        (before.get(&lost[0]), before.get(&numbers[1]))
    );
    province.office.verify();

    // It turns up again after all: what it sends is what is here, and signed now.
    gone.sync();
    sync_all(&[&gone, &b]);
    assert_whole(&province.office, &[&gone, &b], &[&numbers[..], &lost[..]].concat());
    assert!(
        province.office.condition("forked-log").is_none()
            && province.office.condition("foreign-log").is_none()
    );

    // Put back once more, it calls before anybody decides.
    put_back(&mut province, &backup, true);
    b.sync();
    assert!(province.office.condition("entries-returned").is_some());
    gone.sync();
    assert_eq!(province.office.condition("entries-returned"), None, "its own machine sent it");
    sync_all(&[&gone, &b]);
    assert_whole(&province.office, &[&gone, &b], &[&numbers[..], &lost[..]].concat());
}

/// A machine that has left a series without printing from it, or has begun its last one, gets another in the session
/// that shows it.
#[test]
fn a_machine_has_a_spare_series_after_one_session() {
    let province = Province::new();
    let office = province.commune("H27.101");
    let left = || reader(&office).read(|view| view.unused_series()).unwrap();
    let mut used = BTreeSet::new();
    for round in 0..3 {
        // The witness is lost twice: each time a series is left from which nothing was printed.
        for _ in 0..2 {
            std::fs::remove_file(&office.home.witness).unwrap();
            office.sync();
            assert!(left() > 0, "round {round}: a spare one after one session");
        }
        let numbers = office.lodged(&[lodging("H27.101", round)]);
        let fresh: BTreeSet<String> = numbers.iter().map(|number| series(number)).collect();
        assert!(used.is_disjoint(&fresh), "{fresh:?} {used:?}");
        used.extend(fresh);
        assert_eq!(office.sync()["outcome"], "converged");
        assert!(left() > 0, "round {round}: what was begun is replaced in the session that tells it");
    }
    office.verify();
}
