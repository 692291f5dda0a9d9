//! The power fails at any moment of a write, a sync or a checkpoint; a disk refuses a sync, or is full for a while.
//! Whatever was answered is there afterwards, no number is used twice, and the file is whole.
//!
//! `MOTCUA_KILLS` says how many failures for each kind of moment (default 4), `MOTCUA_SEED` which ones; both are printed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use motcua_node::roles;
use motcua_node::store::OpenOptions;
use motcua_node::store::StoreError;
use motcua_node::store::dossiers::ListFilter;
use motcua_node::store::open::FILE_NAME;
use motcua_node::store::open::Role;
use motcua_tests::disk::Disk;
use motcua_tests::disk::Effect;
use motcua_tests::disk::Fault;
use motcua_tests::disk::Point;
use motcua_tests::disk::Survival;
use motcua_tests::faults::chance::Chance;
use motcua_tests::faults::machine::copy_folder;
use motcua_tests::office::Province;
use motcua_tests::office::lodging;
use motcua_tests::program::from_variable;

const WAL_NAME: &str = "motcua.db-wal";
/// How often people come while a process lives, if nothing fails: enough for the write-ahead log to be carried over.
const TURNS: usize = 70;
/// How many come at once at most.
const PEOPLE_MAX: usize = 4;

/// A commune's machine with directory and series, at work once and then stopped.
fn set_up(place: &Path) -> PathBuf {
    let province = Province::new();
    let office = province.commune("H27.101");
    office.sync();
    let folder = place.join("set-up");
    copy_folder(&office.home.dir, &folder.join("data"));
    std::fs::copy(&office.home.witness, folder.join("witness")).unwrap();
    folder
}

fn open(folder: &Path) -> roles::Office {
    let options = OpenOptions::new(folder.join("witness"));
    roles::Office::open_with(&folder.join("data"), |_| options).unwrap()
}

/// What was printed: the number of each request.
type Printed = BTreeMap<String, String>;

/// Officers take in dossiers until something fails or they go home.
fn work(
    office: &roles::Office,
    chance: &mut Chance,
    next: &mut usize,
    printed: &mut Printed,
) -> Option<StoreError> {
    let mut failed = None;
    for _ in 0..TURNS {
        let lines: Vec<_> = (0..=chance.place(PEOPLE_MAX)).map(|at| lodging("H27.101", *next + at)).collect();
        *next += lines.len();
        let answers: Vec<_> = lines.iter().map(|line| office.desk.lodge(&line.to_string(), false)).collect();
        for (line, answer) in lines.iter().zip(answers) {
            match answer.wait() {
                Ok(slip) => {
                    let request = line["request_id"].as_str().unwrap().to_owned();
                    printed.insert(request, slip["number"].as_str().unwrap().to_owned());
                }
                Err(error) => failed = Some(error),
            }
        }
        if failed.is_some() {
            break;
        }
    }
    failed
}

/// Everything printed is there under its number, nothing else has that number, and the file is whole.
fn assert_kept(office: &roles::Office, printed: &Printed, moment: &str) {
    let rows = office.store.read(|view| view.list(&ListFilter::default())).unwrap();
    let held: Vec<_> = rows.iter().filter_map(|row| row.number.clone()).collect();
    let numbers: BTreeSet<_> = held.iter().collect();
    assert_eq!(numbers.len(), held.len(), "{moment}: a number stands twice");
    for (request, number) in printed {
        assert!(numbers.contains(number), "{moment}: {request} was answered {number}");
    }
    let findings = office.store.read(|view| view.verify(Role::Commune)).unwrap();
    assert!(findings.is_empty(), "{moment}: {findings:?}");
}

/// One machine whose power fails there, several times over, each time with its next process.
fn fail_at(below: &Path, set_up: &Path, moments: &[Point], survival: Survival, chance: &mut Chance) {
    let mut here = below.join("0");
    copy_folder(set_up, &here);
    let (mut printed, mut next) = (Printed::new(), 0);
    for (life, point) in moments.iter().enumerate() {
        let moment = format!("{point:?}, {survival:?}, life {life}");
        let disk = Disk::below(&here);
        let office = open(&here);
        disk.plan(*point, Fault::Power);
        let failed = work(&office, chance, &mut next, &mut printed);
        drop(office);
        assert!(disk.has_struck(), "{moment}: never came; {failed:?}");

        let after = below.join((life + 1).to_string());
        copy_folder(&here, &after);
        let _ = std::fs::remove_file(after.join("data").join(format!("{FILE_NAME}-shm")));
        disk.salvage(&after, survival, chance);
        here = after;
        let office = open(&here);
        assert_kept(&office, &printed, &moment);
        for (request, number) in &printed {
            let place = request.rsplit('-').next().unwrap().parse().unwrap();
            let again = office.desk.lodge(&lodging("H27.101", place).to_string(), false).wait().unwrap();
            assert_eq!(&again["number"], number, "{moment}: {request} is known");
        }
    }
    work(&open(&here), chance, &mut next, &mut printed);
    assert_kept(&open(&here), &printed, "at the end");
}

#[test]
fn what_was_answered_is_there_whenever_the_power_fails() {
    let failures = from_variable("MOTCUA_KILLS", 4);
    let seed = from_variable("MOTCUA_SEED", 20_261_121);
    println!("failures {failures}, seed {seed}");
    let mut chance = Chance::new(seed);
    let place = tempfile::tempdir().unwrap();
    let set_up = set_up(place.path());
    // How often each is done while a process lives; each of these moments comes at least so often.
    let kinds = [
        (WAL_NAME, Effect::Write, 2_000),
        (WAL_NAME, Effect::Sync, 40),
        (FILE_NAME, Effect::Write, 60),
        (FILE_NAME, Effect::Sync, 1),
    ];
    for survival in [Survival::Nothing, Survival::Everything, Survival::Chance] {
        for run in 0..failures {
            let mut moments: Vec<_> = kinds
                .map(|(file, effect, most)| Point { file, effect, after: chance.below(most) })
                .into_iter()
                .collect();
            let turn = chance.place(moments.len());
            moments.rotate_left(turn);
            let below = place.path().join(format!("{survival:?}-{run}"));
            fail_at(&below, &set_up, &moments, survival, &mut chance);
        }
    }
}

#[test]
fn a_disk_that_refuses_one_sync_ends_the_process_work_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let here = set_up(place.path());
    let (mut chance, mut printed, mut next) = (Chance::new(1), Printed::new(), 0);
    let disk = Disk::below(&here);
    let office = open(&here);
    disk.plan(Point { file: WAL_NAME, effect: Effect::Sync, after: 5 }, Fault::Error);
    let failed = work(&office, &mut chance, &mut next, &mut printed);
    assert!(disk.has_struck() && matches!(failed, Some(StoreError::Io(_))), "{failed:?}");
    // What the system kept of it nobody knows: this process writes nothing on top.
    assert!(work(&office, &mut chance, &mut next, &mut printed).is_some());
    drop(office);
    let office = open(&here);
    assert_kept(&office, &printed, "the next process");
    assert!(work(&office, &mut chance, &mut next, &mut printed).is_none());
    assert_kept(&office, &printed, "after its work");
}

#[test]
fn a_disk_that_is_full_at_any_write_refuses_that_work_only() {
    let place = tempfile::tempdir().unwrap();
    let here = set_up(place.path());
    let (mut chance, mut printed, mut next) = (Chance::new(2), Printed::new(), 0);
    let disk = Disk::below(&here);
    let office = open(&here);
    for after in 0..40 {
        disk.plan(Point { file: WAL_NAME, effect: Effect::Write, after }, Fault::Full);
        let failed = work(&office, &mut chance, &mut next, &mut printed);
        assert!(matches!(failed, Some(StoreError::DiskFull)), "after {after} writes: {failed:?}");
        disk.make_room();
        assert_kept(&office, &printed, &format!("after {after} writes"));
    }
    assert!(work(&office, &mut chance, &mut next, &mut printed).is_none());
    assert_kept(&office, &printed, "at the end");
    drop(office);
    assert_kept(&open(&here), &printed, "the next process");
}

#[test]
fn a_commit_costs_one_sync_of_the_log_however_much_was_written_before() {
    let place = tempfile::tempdir().unwrap();
    let here = set_up(place.path());
    let (mut chance, mut printed, mut next) = (Chance::new(3), Printed::new(), 0);
    let disk = Disk::below(&here);
    let office = open(&here);
    let before = disk.count(WAL_NAME, Effect::Sync);
    for _ in 0..3 {
        assert!(work(&office, &mut chance, &mut next, &mut printed).is_none());
    }
    let (commits, syncs) = (office.store.commits(), disk.count(WAL_NAME, Effect::Sync) - before);
    let checkpoints = disk.count(FILE_NAME, Effect::Sync);
    assert!(checkpoints > 1, "the log was carried over more than once");
    assert!(checkpoints * 20 < commits, "{checkpoints} checkpoints for {commits} commits");
    // A checkpoint makes the log safe first, and its new beginning afterwards.
    assert!(
        syncs <= commits + 2 * checkpoints,
        "{syncs} for {commits} commits and {checkpoints} checkpoints"
    );
}
