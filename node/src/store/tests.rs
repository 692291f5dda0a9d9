//! Stores in real files: groups and savepoints, witness and numbers, entries to feeds and back, and what `verify` sees.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use jiff::civil::Date;
use proptest::prelude::*;
use rusqlite::StatementStatus;
use sync_protocol::entry::Digest;
use sync_protocol::entry::Entry;
use sync_protocol::entry::EntryKind;
use sync_protocol::entry::Lsn;
use sync_protocol::ids::BootId;
use sync_protocol::ids::DocId;
use sync_protocol::ids::Hash;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::ProvinceId;
use sync_protocol::time::Millis;
use tempfile::TempDir;

use super::*;
use crate::clock::Clock;
use crate::dossier::act::Act;
use crate::dossier::act::Attestation;
use crate::dossier::act::Body;
use crate::dossier::act::Channel;
use crate::dossier::act::CorrectField;
use crate::dossier::act::DirectoryRef;
use crate::dossier::act::Finish;
use crate::dossier::act::FinishResult;
use crate::dossier::act::MoveStep;
use crate::dossier::act::Note;
use crate::dossier::act::Receive;
use crate::dossier::act::ReturnHow;
use crate::dossier::act::ReturnResult;
use crate::dossier::act::TakeOver;
use crate::dossier::act::Transfer;
use crate::dossier::document::Document;
use crate::dossier::document::Writing;
use crate::dossier::fold::fold;
use crate::dossier::number;
use crate::dossier::number::Series;
use crate::dossier::paper::PAPER_VERSION;
use crate::dossier::paper::Paper;
use crate::dossier::paper::PaperKind;
use crate::golden;
use crate::ids::AgencyCode;
use crate::store::apply::Ingested;
use crate::store::apply::Origin;
use crate::store::apply::reason;
use crate::store::apply::seat_rights;
use crate::store::conditions::NO_WITNESS;
use crate::store::conditions::OTHER_COPY;
use crate::store::conditions::ROLLED_BACK;
use crate::store::dossiers::ListFilter;
use crate::store::feeds::FeedBatch;
use crate::store::feeds::FeedLimits;
use crate::store::feeds::FeedPiece;
use crate::store::feeds::FeedStored;
use crate::store::items::DirectoryVersion;
use crate::store::items::Item;
use crate::store::items::ItemStored;
use crate::store::log::BootBody;
use crate::store::log::EntryState;
use crate::store::numbers::DayNumber;
use crate::store::numbers::SeriesBlock;
use crate::store::numbers::SeriesState;
use crate::store::proofs::StoredProof;
use crate::store::quarantine::Decision;
use crate::store::witness::Record;
use crate::store::witness::WitnessFile;

const EVERYTHING: usize = 1 << 24;

#[derive(Debug)]
struct TestClock {
    wall: AtomicI64,
    monotonic: AtomicU64,
}

impl Clock for TestClock {
    fn wall(&self) -> Millis {
        // Each look is later than the last, so that nothing depends on equal times.
        Millis(self.wall.fetch_add(1, Ordering::Relaxed))
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic.load(Ordering::Relaxed)
    }

    fn wait_ms(&self, _duration_ms: u64) {}
}

/// Different for every machine and every call, the same in every run.
#[derive(Debug)]
struct TestRandom(AtomicU64);

impl Random for TestRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), StoreError> {
        let drawn = self.0.fetch_add(1, Ordering::Relaxed);
        blake3::Hasher::new().update(&drawn.to_le_bytes()).finalize_xof().fill(bytes);
        Ok(())
    }
}

fn code(text: &str) -> AgencyCode {
    text.parse().unwrap()
}

fn day() -> Date {
    Date::constant(2026, 3, 2)
}

/// One machine's place on a disk. Its store is opened and dropped like a process that starts and ends.
struct Place {
    root: TempDir,
    dir: PathBuf,
    witness: PathBuf,
    identity: Identity,
    clock: Arc<TestClock>,
    random: Arc<TestRandom>,
}

impl Place {
    fn new(number: u8, seat: &str, role: Role) -> Self {
        let root = tempfile::tempdir().unwrap();
        let identity =
            Identity { province: ProvinceId([9; 16]), machine: NodeId([number; 16]), seat: code(seat), role };
        Self {
            dir: root.path().join("data"),
            witness: root.path().join("state/witness"),
            root,
            identity,
            clock: Arc::new(TestClock {
                wall: AtomicI64::new(1_772_400_000_000),
                monotonic: AtomicU64::new(0),
            }),
            random: Arc::new(TestRandom(AtomicU64::new(u64::from(number) << 32))),
        }
    }

    fn commune() -> Self {
        Self::new(1, "H27.101", Role::Commune)
    }

    fn options_with(&self, witness: &Path) -> OpenOptions {
        OpenOptions {
            witness: witness.to_owned(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            program: "test".to_owned(),
            pages_max: None,
        }
    }

    fn options(&self) -> OpenOptions {
        self.options_with(&self.witness)
    }

    fn create(&self) -> Store {
        Store::create(&self.dir, &self.identity, self.options()).unwrap()
    }

    fn open(&self) -> Store {
        Store::open(&self.dir, self.options()).unwrap()
    }

    /// Copies the directory as it stands, without the witness.
    fn copy_to(&self, name: &str) -> PathBuf {
        let to = self.root.path().join(name);
        copy_dir(&self.dir, &to);
        to
    }

    fn restore_from(&self, copy: &Path) {
        std::fs::remove_dir_all(&self.dir).unwrap();
        copy_dir(copy, &self.dir);
    }
}

fn copy_dir(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

fn append(store: &Store, text: &str) -> Lsn {
    let body = text.as_bytes().to_vec();
    store.write(move |tx| tx.append_entry(EntryKind::ANCHOR, &body)).unwrap()
}

fn conditions(store: &Store) -> Vec<String> {
    store.read(|view| view.conditions()).unwrap().into_iter().map(|condition| condition.code).collect()
}

fn findings(store: &Store) -> Vec<&'static str> {
    let role = store.identity().role;
    store.read(|view| view.verify(role)).unwrap().into_iter().map(|finding| finding.code).collect()
}

// ---- groups, savepoints, opening -------------------------------------------------------------------------------

#[test]
fn jobs_that_wait_share_a_commit() {
    let place = Place::commune();
    let store = place.create();
    let (release, held) = mpsc::channel::<()>();
    let first = store.submit(move |_| {
        held.recv().unwrap();
        Ok(())
    });
    let tickets: Vec<_> = (0..100)
        .map(|n| store.submit(move |tx| tx.append_entry(EntryKind::ANCHOR, format!("{n}").as_bytes())))
        .collect();
    let before = store.commits();
    release.send(()).unwrap();
    first.wait().unwrap();
    let lsns: Vec<Lsn> = tickets.into_iter().map(|ticket| ticket.wait().unwrap()).collect();
    assert_eq!(lsns, (2..=101).collect::<Vec<_>>());
    assert!(store.commits() - before <= 3, "{} commits", store.commits() - before);
}

#[test]
fn a_refused_job_takes_back_only_itself_and_its_boot() {
    let place = Place::commune();
    let store = place.create();
    let (release, held) = mpsc::channel::<()>();
    let hold = store.submit(move |_| {
        held.recv().unwrap();
        Ok(())
    });
    let refused = store.submit(|tx| {
        tx.append_entry(EntryKind::ANCHOR, b"never")?;
        tx.put_meta("never", b"x")?;
        Err::<(), _>(Refusal::new("act-not-holder").into())
    });
    let panicking = store.submit(|tx| {
        tx.put_meta("never", b"y")?;
        if tx.identity().role == Role::Commune {
            panic!("planted");
        }
        Ok(())
    });
    let kept = store.submit(|tx| tx.append_entry(EntryKind::ANCHOR, b"kept"));
    release.send(()).unwrap();
    hold.wait().unwrap();
    assert!(matches!(refused.wait(), Err(StoreError::Refused(refusal)) if refusal.code == "act-not-holder"));
    assert!(matches!(panicking.wait(), Err(StoreError::Bug(text)) if text == "planted"));
    assert_eq!(kept.wait().unwrap(), 2, "boot entry, then the kept one");
    let (logs, never) = store.read(|view| Ok((view.own_logs()?, view.meta("never")?))).unwrap();
    assert_eq!((logs.len(), never), (1, None));
    assert_eq!(store.current_boot(), Some(logs[0].boot));
    assert_eq!(findings(&store), Vec::<&str>::new());
}

#[test]
fn reading_refusing_and_idling_mint_no_boot() {
    let place = Place::commune();
    drop(place.create());
    let store = place.open();
    store.read(|view| view.list(&ListFilter::default())).unwrap();
    assert!(store.write(|_| Err::<(), _>(Refusal::new("act-not-holder").into())).is_err());
    store.write(|tx| tx.put_meta("draft", b"x")).unwrap();
    assert_eq!(store.current_boot(), None);
    drop(store);
    assert_eq!(place.open().read(|view| view.own_logs()).unwrap(), []);
}

#[test]
fn each_process_has_a_log_that_links_the_one_before() {
    let place = Place::commune();
    let store = place.create();
    append(&store, "one");
    drop(store);
    for n in 2..=4 {
        let store = place.open();
        append(&store, &n.to_string());
        let boot = store.current_boot().unwrap();
        let (logs, entries) =
            store.read(|view| Ok((view.own_logs()?, view.entries_after(boot, 0, EVERYTHING)?))).unwrap();
        assert_eq!(logs.len(), n);
        let body: BootBody = minicbor::decode(entries[0].body.as_ref().unwrap()).unwrap();
        let before = &logs[n - 2];
        assert_eq!(body.links.len(), 1, "only the newest head is not linked yet");
        assert_eq!(
            (body.links[0].boot, body.links[0].lsn, body.links[0].chain),
            (before.boot, before.lsn, before.chain)
        );
        assert_eq!(body.machine, place.identity.machine);
        assert_eq!(findings(&store), Vec::<&str>::new());
    }
    assert_eq!(conditions(&place.open()), Vec::<String>::new());
}

#[test]
fn bodies_of_entries_and_small_records_keep_their_first_form() {
    let (machine, boot) = (NodeId([1; 16]), BootId([2; 16]));
    let link = log::LogLink { boot, lsn: 7, chain: Hash([3; 32]) };
    golden::keeps(
        "entry-boot",
        &BootBody {
            version: log::BOOT_BODY_VERSION,
            machine,
            seat: code("H27.101"),
            links: vec![link],
            program: "0.1.0".to_owned(),
            at: Millis(1_772_411_732_123),
            province: ProvinceId([9; 16]),
        },
    );
    let again = |new| reissue::Reissued {
        doc: DocId([4; 16]),
        log: boot,
        lsn: 8,
        old: sync_protocol::ids::ChangeHash([5; 32]),
        new,
    };
    let changes = vec![again(Some(sync_protocol::ids::ChangeHash([6; 32]))), again(None)];
    golden::keeps("entry-reissue", &reissue::ReissueBody { version: 1, cause: 2, changes });
    let mut record = Record::new(machine);
    record.sequence = 12;
    (record.boot, record.confirmed, record.in_flight) = (Some(boot), 7, 9);
    record.previous = Some((BootId([7; 16]), 5));
    record.series = Some("102".to_owned());
    record.counters = [(("102".to_owned(), 20_261_122), 3)].into();
    record.floors = [("101".to_owned(), 4)].into();
    (record.lacked, record.shared_at) = (Some((boot, 6)), Some(boot));
    record.items = Some(witness::ItemsSeen { confirmed: 10, in_flight: 11 });
    golden::keeps("witness-record", &record);
    let series = copy::SeriesOfGrant { given: vec!["104".to_owned()], left: vec!["102".to_owned()] };
    let (copied_at, restored_at) = (Millis(1_772_411_732_123), Millis(1_772_411_732_456));
    golden::keeps("restoration", &copy::Restoration::new(copied_at, restored_at, Some(series)));
    golden::keeps("identity-of-store", &Place::new(1, "H27.101", Role::Commune).identity);
}

#[test]
fn a_copy_is_of_one_moment_whatever_is_written_meanwhile() {
    let place = Place::new(1, "H27.101", Role::Commune);
    let store = place.create();
    append(&store, "before");
    // Enough for several steps of the copy.
    store.write(|tx| tx.put_meta("large", &vec![7; 12 << 20])).unwrap();
    let province = place.identity.province;
    let before = store.read(|view| view.record_head(province)).unwrap();
    let file = place.root.path().join("copy");
    let mut steps = 0;
    store
        .reader()
        .copy_to(&file, &mut |_, _| {
            steps += 1;
            append(&store, &format!("meanwhile {steps}"));
            let filler = vec![u8::try_from(steps).unwrap(); 12 << 20];
            store.write(move |tx| tx.put_meta("large", &filler)).unwrap();
        })
        .unwrap();
    assert!(steps > 2, "only {steps} steps");
    let copy = Reader::of_copy(&file, Millis(1)).unwrap();
    let (head, large) = copy.read(|view| Ok((view.record_head(province)?, view.meta("large")?))).unwrap();
    assert_eq!(head, before);
    assert!(large.unwrap().iter().all(|byte| *byte == 7), "no page of a later moment");
    assert_eq!(copy.read(|view| view.verify(Role::Commune)).unwrap(), Vec::new());
    let after = store.read(|view| view.record_head(province)).unwrap();
    assert_eq!(after.position, before.position + steps, "nobody who wrote had to wait");
    let again = store.reader().copy_to(&file, &mut |_, _| {});
    assert!(again.is_err(), "never over another file");
}

#[test]
fn a_newer_file_is_refused_untouched_by_writers_and_readers() {
    let place = Place::commune();
    drop(place.create());
    let path = place.dir.join(open::FILE_NAME);
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 999").unwrap();
    let before = std::fs::read(&path).unwrap();
    let newer = |error| matches!(error, StoreError::Newer { found: 999, ours } if ours == migrate::newest());
    assert!(newer(Store::open(&place.dir, place.options()).unwrap_err()));
    assert!(newer(Reader::open(&place.dir, place.clock.as_ref()).unwrap_err()));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn one_process_writes_and_others_read_meanwhile() {
    let place = Place::commune();
    let store = place.create();
    append(&store, "one");
    assert!(matches!(Store::open(&place.dir, place.options()), Err(StoreError::Locked)));
    let reader = Reader::open(&place.dir, place.clock.as_ref()).unwrap();
    assert_eq!(reader.identity().unwrap(), place.identity);
    let lsn_seen = |reader: &Reader| reader.read(|view| Ok(view.own_logs()?[0].lsn)).unwrap();
    assert_eq!(lsn_seen(&reader), 2);
    let (lsn_before, lsn_after) = reader
        .read(|view| {
            let before = view.own_logs()?[0].lsn;
            append(&store, "two");
            Ok((before, view.own_logs()?[0].lsn))
        })
        .unwrap();
    assert_eq!((lsn_before, lsn_after), (2, 2), "all answers of one look are from one moment");
    assert_eq!(lsn_seen(&reader), 3);
    assert!(reader.read(|view| Ok(view.connection.execute("DELETE FROM entry", []).is_err())).unwrap());
    drop(store);
    assert_eq!(lsn_seen(&Reader::open(&place.dir, place.clock.as_ref()).unwrap()), 3);
}

#[test]
fn creating_and_opening_say_what_is_in_the_way() {
    let place = Place::commune();
    assert!(matches!(Store::open(&place.dir, place.options()), Err(StoreError::Absent { .. })));
    assert!(matches!(Reader::open(&place.dir, place.clock.as_ref()), Err(StoreError::Absent { .. })));
    drop(place.create());
    let again = Store::create(&place.dir, &place.identity, place.options());
    assert!(matches!(again, Err(StoreError::Exists { .. })));
    let file = place.root.path().join("file");
    std::fs::write(&file, b"x").unwrap();
    let under_a_file = Store::create(&file.join("dir"), &place.identity, place.options());
    assert!(matches!(under_a_file, Err(StoreError::NotWritable { .. })), "{under_a_file:?}");
    std::fs::write(place.dir.join(open::FILE_NAME), vec![7; 8192]).unwrap();
    assert!(matches!(Store::open(&place.dir, place.options()), Err(StoreError::Corrupt { .. })));
}

#[test]
fn a_full_disk_fails_the_group_and_nothing_else() {
    let place = Place::commune();
    let store = place.create();
    append(&store, "before");
    store
        .write(|tx| {
            let pages: i64 = tx.connection().query_row("PRAGMA page_count", [], |row| row.get(0))?;
            tx.connection().query_row(&format!("PRAGMA max_page_count = {}", pages + 4), [], |_| Ok(()))?;
            Ok(())
        })
        .unwrap();
    let filled = store.write(|tx| tx.put_meta("large", &vec![1; 1 << 20]));
    assert!(matches!(filled, Err(StoreError::DiskFull)), "{filled:?}");
    store
        .write(|tx| Ok(tx.connection().query_row("PRAGMA max_page_count = 1000000", [], |_| Ok(()))?))
        .unwrap();
    assert_eq!(append(&store, "after"), 3);
    assert_eq!(store.read(|view| view.meta("large")).unwrap(), None);
    assert_eq!(findings(&store), Vec::<&str>::new());
}

#[test]
fn subscribers_learn_what_grew_until_they_are_dropped() {
    let place = Place::commune();
    let store = place.create();
    let (sender, heard) = mpsc::channel();
    let subscription = store.subscribe(move |growth| sender.send(growth.clone()).unwrap());
    append(&store, "one");
    let boot = store.current_boot().unwrap();
    assert_eq!(heard.try_iter().map(|growth| growth.own).collect::<Vec<_>>(), [Some((boot, 2))]);
    store.write(|tx| tx.put_meta("quiet", b"x")).unwrap();
    store.write(|tx| tx.store_item(&item(1, &[])).map(|_| ())).unwrap();
    let items: Vec<_> = heard.try_iter().map(|growth| (growth.own, growth.item)).collect();
    assert_eq!(items, [(None, Some(1))]);
    drop(subscription);
    append(&store, "unheard");
    assert!(heard.try_iter().next().is_none());
}

#[test]
fn a_kept_statement_is_not_planned_anew_for_other_values() {
    let place = Place::commune();
    let store = place.create();
    let planned_anew = store.write(|tx| {
        let sql = "SELECT e.lsn FROM entry e JOIN log l ON l.id = e.log \
                   LEFT JOIN body b ON b.entry = e.id WHERE e.doc = ?1 AND e.kind = ?2";
        for doc in 0..3 {
            tx.connection().prepare_cached(sql)?.query(([doc; 16], 1))?.next()?;
        }
        Ok(tx.connection().prepare_cached(sql)?.get_status(StatementStatus::RePrepare))
    });
    assert_eq!(planned_anew.unwrap(), 0);
}

// ---- witness and numbers ---------------------------------------------------------------------------------------

fn grant(store: &Store, series: &[&str]) {
    let series: Vec<String> = series.iter().map(|one| (*one).to_owned()).collect();
    store.write(move |tx| tx.grant_series(&series)).unwrap();
}

fn draw(store: &Store) -> DayNumber {
    store.write(|tx| tx.next_number(day())).unwrap()
}

fn drawn(series: &str, counter: u32) -> DayNumber {
    DayNumber { series: series.to_owned(), counter }
}

fn state_of(store: &Store, series: &str) -> SeriesState {
    let all = store.read(|view| view.series()).unwrap();
    all.into_iter().find(|(one, _)| one == series).unwrap().1
}

#[test]
fn numbers_count_per_day_and_go_on_in_the_next_process() {
    let place = Place::commune();
    let store = place.create();
    let refused = store.write(|tx| tx.next_number(day()));
    assert!(matches!(refused, Err(StoreError::Refused(refusal)) if refusal.code == "number-no-series"));
    grant(&store, &["069", "9001"]);
    assert_eq!([draw(&store), draw(&store)], [drawn("069", 1), drawn("069", 2)]);
    let taken_back = store.write(|tx| {
        tx.next_number(day())?;
        Err::<(), _>(Refusal::new("act-not-holder").into())
    });
    assert!(taken_back.is_err());
    assert_eq!(draw(&store), drawn("069", 3), "a refused line uses no number");
    let other_day = store.write(|tx| tx.next_number(Date::constant(2026, 3, 3))).unwrap();
    assert_eq!(other_day, drawn("069", 1));
    drop(store);
    let store = place.open();
    grant(&store, &["069"]);
    assert_eq!(draw(&store), drawn("069", 4));
    assert_eq!(conditions(&store), Vec::<String>::new());
}

#[test]
fn a_clock_before_the_century_counts_the_day_that_its_numbers_print() {
    let place = Place::commune();
    let store = place.create();
    grant(&store, &["069"]);
    let on = |year| store.write(move |tx| tx.next_number(Date::constant(year, 1, 2))).unwrap();
    // Both print 700102.
    assert_eq!([on(1970), on(2070), on(1970)], [drawn("069", 1), drawn("069", 2), drawn("069", 3)]);
}

#[test]
fn a_database_put_back_is_noticed_and_its_numbers_go_on_behind_the_lost_ones() {
    let place = Place::commune();
    let store = place.create();
    grant(&store, &["069", "070"]);
    draw(&store);
    append(&store, "in the backup");
    drop(store);
    let backup = place.copy_to("backup");
    for _ in 0..2 {
        let store = place.open();
        append(&store, "lost");
        draw(&store);
    }
    place.restore_from(&backup);
    let store = place.open();
    assert_eq!(conditions(&store), [ROLLED_BACK]);
    assert_eq!(draw(&store), drawn("069", 4));
    assert_eq!(state_of(&store, "069"), SeriesState::InUse);
}

#[test]
fn one_group_between_database_and_witness_is_a_crash_and_no_rollback() {
    let place = Place::commune();
    let store = place.create();
    grant(&store, &["069"]);
    append(&store, "one");
    draw(&store);
    drop(store);
    let before = place.copy_to("before");
    let witness_before = std::fs::read(&place.witness).unwrap();
    let store = place.open();
    store
        .write(|tx| {
            tx.append_entry(EntryKind::ANCHOR, b"in flight")?;
            tx.next_number(day())
        })
        .unwrap();
    drop(store);
    let after = place.copy_to("after");
    // The witness was written, the commit was not.
    place.restore_from(&before);
    let (mut file, mut record) = WitnessFile::open(&place.witness, place.identity.machine).unwrap();
    record.in_flight = record.confirmed;
    record.confirmed = 0;
    record.sequence += 1;
    file.write(&record).unwrap();
    drop(file);
    let store = place.open();
    assert_eq!(conditions(&store), Vec::<String>::new());
    assert_eq!(draw(&store), drawn("069", 3), "the number in flight is skipped");
    drop(store);
    // The commit was written, the witness was not.
    place.restore_from(&after);
    std::fs::write(&place.witness, witness_before).unwrap();
    let store = place.open();
    assert_eq!(conditions(&store), Vec::<String>::new());
    assert_eq!(draw(&store), drawn("069", 3));
}

#[test]
fn without_its_witness_a_machine_leaves_the_series_for_ever() {
    let place = Place::commune();
    let store = place.create();
    grant(&store, &["069", "070", "071"]);
    assert_eq!(draw(&store), drawn("069", 1));
    drop(store);
    std::fs::remove_file(&place.witness).unwrap();
    let store = place.open();
    assert_eq!(conditions(&store), [NO_WITNESS]);
    assert_eq!(state_of(&store, "069"), SeriesState::Retired);
    assert_eq!([draw(&store), draw(&store)], [drawn("070", 1), drawn("070", 2)]);
    drop(store);
    // The new witness vouches from now on.
    let store = place.open();
    assert_eq!(draw(&store), drawn("070", 3));
    drop(store);
    std::fs::write(&place.witness, b"neither slot can be read").unwrap();
    let store = place.open();
    assert_eq!(draw(&store), drawn("071", 1));
    drop(store);
    std::fs::remove_file(&place.witness).unwrap();
    let refused = place.open().write(|tx| tx.next_number(day()));
    assert!(matches!(refused, Err(StoreError::Refused(refusal)) if refusal.code == "number-no-series"));
}

#[test]
fn the_same_old_copy_put_back_twice_repeats_no_number_of_the_time_between() {
    for numbers_before in [0, 1] {
        let place = Place::commune();
        let store = place.create();
        grant(&store, &["069", "070", "071"]);
        for _ in 0..numbers_before {
            draw(&store);
        }
        drop(store);
        let old = place.copy_to("old");
        let store = place.open();
        let lost = draw(&store);
        drop(store);
        // Put back without the witness; nothing is written. Then put back once more, with the witness made since.
        std::fs::remove_file(&place.witness).unwrap();
        place.restore_from(&old);
        assert_eq!(conditions(&place.open()), [NO_WITNESS]);
        place.restore_from(&old);
        let drawn = draw(&place.open());
        assert_ne!(drawn, lost, "{numbers_before} numbers before the copy");
        assert_ne!(drawn.series, lost.series);
    }
}

#[test]
fn a_copy_from_before_the_first_number_does_not_begin_where_the_original_does() {
    let place = Place::commune();
    let store = place.create();
    grant(&store, &["069", "070"]);
    drop(store);
    let copy_dir = place.copy_to("copy");
    let copy = Store::open(&copy_dir, place.options_with(&place.root.path().join("other"))).unwrap();
    assert_eq!((draw(&place.open()), draw(&copy)), (drawn("069", 1), drawn("070", 1)));
}

#[test]
fn a_witness_held_by_a_copy_or_by_another_machine_counts_as_none_and_is_left_alone() {
    let place = Place::commune();
    let store = place.create();
    grant(&store, &["069", "070", "071", "072"]);
    assert_eq!(draw(&store), drawn("069", 1));
    drop(store);
    let copy_dir = place.copy_to("copy");
    let original = place.open();
    let copy = Store::open(&copy_dir, place.options()).unwrap();
    assert_eq!(conditions(&copy), [NO_WITNESS]);
    assert_eq!(draw(&copy), drawn("070", 1));
    assert_eq!([draw(&original), draw(&copy)], [drawn("069", 2), drawn("070", 2)]);
    drop(copy);
    drop(original);
    assert_eq!(conditions(&place.open()), Vec::<String>::new(), "the original never lost its witness");

    let foreign = place.root.path().join("foreign");
    drop(WitnessFile::create(&foreign, &Record::new(NodeId([8; 16]))).unwrap());
    let before = std::fs::read(&foreign).unwrap();
    let store = Store::open(&copy_dir, place.options_with(&foreign)).unwrap();
    assert_eq!(draw(&store), drawn("071", 1));
    drop(store);
    assert_eq!(std::fs::read(&foreign).unwrap(), before);
}

#[test]
fn a_copy_worked_by_turns_with_the_same_witness_never_repeats_a_number() {
    let place = Place::commune();
    let store = place.create();
    grant(&store, &["069"]);
    append(&store, "one");
    draw(&store);
    drop(store);
    let copy_dir = place.copy_to("copy");
    let mut numbers = BTreeSet::new();
    for _ in 0..3 {
        for dir in [&place.dir, &copy_dir] {
            let store = Store::open(dir, place.options()).unwrap();
            append(&store, "x");
            let number = draw(&store);
            assert!(numbers.insert((number.series, number.counter)), "{numbers:?}");
        }
    }
}

#[test]
fn old_days_that_the_witness_dropped_go_on_behind_all_of_them() {
    let place = Place::commune();
    let store = place.create();
    grant(&store, &["069"]);
    append(&store, "one");
    drop(store);
    let backup = place.copy_to("backup");
    let first = Date::constant(2025, 1, 1);
    let store = place.open();
    store
        .write(move |tx| {
            tx.append_entry(EntryKind::ANCHOR, b"lost")?;
            for offset in 0..400 {
                let day = first.saturating_add(jiff::Span::new().days(offset));
                tx.next_number(day)?;
            }
            tx.next_number(first)
        })
        .unwrap();
    drop(store);
    place.restore_from(&backup);
    let store = place.open();
    let again = store.write(move |tx| tx.next_number(first)).unwrap();
    assert!(again.counter > 2, "{again:?}");
}

#[derive(Clone, Debug)]
enum Step {
    Lodge(u8),
    Backup,
    Restore,
    LoseWitness,
    TearWitness,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn no_number_is_drawn_twice_whatever_is_put_back(
        steps in proptest::collection::vec(
            prop_oneof![
                4 => (1u8..4).prop_map(Step::Lodge),
                1 => Just(Step::Backup),
                2 => Just(Step::Restore),
                1 => Just(Step::LoseWitness),
                1 => Just(Step::TearWitness),
            ],
            1..14,
        )
    ) {
        let place = Place::commune();
        let store = place.create();
        let series: Vec<String> = (100..130).map(|value| Series::new(value).unwrap().to_string()).collect();
        store.write(move |tx| tx.grant_series(&series)).unwrap();
        append(&store, "first");
        drop(store);
        let mut backup = place.copy_to("backup");
        let mut numbers = BTreeSet::new();
        // A backup that is put back *and* a lost witness together are beyond what a machine can notice.
        let (mut is_blind, mut is_behind) = (false, false);
        for step in steps {
            match step {
                Step::Lodge(count) => {
                    let store = place.open();
                    for _ in 0..count {
                        append(&store, "x");
                        let number = draw(&store);
                        prop_assert!(numbers.insert((number.series.clone(), number.counter)), "{number:?}");
                    }
                    (is_blind, is_behind) = (false, false);
                }
                Step::Backup => backup = place.copy_to("backup"),
                Step::Restore if !is_blind => {
                    place.restore_from(&backup);
                    is_behind = true;
                }
                Step::LoseWitness if !is_behind => {
                    let _ = std::fs::remove_file(&place.witness);
                    // What the database knows now is all that is known: no older one may be put back.
                    backup = place.copy_to("backup");
                    is_blind = true;
                }
                Step::TearWitness => {
                    drop(place.open());
                    (is_blind, is_behind) = (false, false);
                    let mut bytes = std::fs::read(&place.witness).unwrap();
                    let (_, record) = WitnessFile::open(&place.witness, place.identity.machine).unwrap();
                    // The slot that the next write will take, as a crash in the middle of it leaves it.
                    let torn = usize::from(record.sequence % 2 == 0) * 8192;
                    bytes[torn + 100..torn + 4096].fill(0xee);
                    std::fs::write(&place.witness, bytes).unwrap();
                }
                Step::Restore | Step::LoseWitness => {}
            }
        }
    }
}

#[test]
fn allotted_series_are_given_once_and_again_only_long_after_release() {
    let place = Place::new(1, "H27", Role::Province);
    let store = place.create();
    let block = SeriesBlock { first: 898, last: 9001 };
    let allot = |node: u8, how_many| {
        store
            .write(move |tx| tx.allot_series(NodeId([node; 16]), how_many, block))
            .map_err(|error| error.code().to_owned())
    };
    assert_eq!(allot(1, 2).unwrap(), ["898", "899"]);
    assert_eq!(allot(2, 2).unwrap(), ["9000", "9001"]);
    assert_eq!(allot(3, 1), Err("number-block-empty".to_owned()));
    store.write(|tx| tx.release_series(NodeId([1; 16]))).unwrap();
    assert_eq!(allot(3, 1), Err("number-block-empty".to_owned()));
    place.clock.wall.fetch_add(41 * 24 * 3_600_000, Ordering::Relaxed);
    assert_eq!(allot(3, 1).unwrap(), ["898"]);
}

/// Seeds 62002 and 63002 of the simulation: the province's clock was a year ahead, and a banned machine still numbered.
#[test]
fn what_nobody_had_is_given_before_a_series_that_was_released() {
    let place = Place::new(1, "H27", Role::Province);
    let store = place.create();
    let block = SeriesBlock { first: 100, last: 101 };
    store.write(move |tx| tx.allot_series(NodeId([1; 16]), 2, block)).unwrap();
    store.write(|tx| tx.release_series(NodeId([1; 16]))).unwrap();
    place.clock.wall.fetch_add(41 * 24 * 3_600_000, Ordering::Relaxed);
    let order = store.read(|view| view.series_in_order(&[100, 101, 102, 103])).unwrap();
    assert_eq!(order, [102, 103, 100, 101]);
}

#[test]
fn a_series_is_spare_until_its_own_machine_has_begun_it_or_a_later_one() {
    let (_p, centre) = province();
    let nodes = [node(1, "H27.101", "100"), node(2, "H27.102", "101")];
    for (_, node) in &nodes {
        enrol(&centre, node);
    }
    let allot = |machine: u8, first, how_many: usize| {
        let block = SeriesBlock { first, last: 899 };
        centre.write(move |tx| tx.allot_series(NodeId([machine; 16]), how_many, block)).unwrap()
    };
    assert_eq!(
        (allot(1, 100, 3), allot(2, 103, 1)),
        (["100", "101", "102"].map(str::to_owned).to_vec(), vec!["103".to_owned()])
    );
    let spare = |machine: u8| centre.read(|view| view.spare_series(NodeId([machine; 16]))).unwrap();
    assert_eq!((spare(1), spare(2)), (3, 1));
    let (_, first) = &nodes[0];
    lodge(first, "H27.101", "Nguyễn Văn Thử");
    push(first, &centre);
    assert_eq!((spare(1), spare(2)), (2, 1), "100 is begun");
    // The second machine prints under one of the first.
    let (_, second) = &nodes[1];
    lodge(second, "H27.102", "Nguyễn Văn Thử");
    push(second, &centre);
    assert_eq!((spare(1), spare(2)), (2, 1), "nobody uses up another's series");
    first.write(|tx| tx.grant_series(&["102".to_owned()])).unwrap();
    first.write(|tx| tx.execute("UPDATE series SET state = 4 WHERE series = '100'", [])).unwrap();
    lodge(first, "H27.101", "Nguyễn Văn Thử");
    push(first, &centre);
    assert_eq!(spare(1), 0, "101 was left before 102 was begun");
}

// ---- documents, feeds, quarantine --------------------------------------------------------------------------------

fn act(seat: &AgencyCode, generation: u32, body: Body) -> Act {
    Act {
        seat: seat.clone(),
        officer: "02".to_owned(),
        role: None,
        generation,
        occurred_at: None,
        evidence: None,
        note: None,
        directory: DirectoryRef { version: 1, hash: [0; 8] },
        attestation: Attestation::Unattested,
        up_ms: 0,
        anchor: None,
        cause: None,
        historic: false,
        approved_by: None,
        signature: None,
        body,
    }
}

fn receipt(number: &str, competent: &str, return_at: &str, request_id: Option<&str>) -> Receive {
    Receive {
        number: number.to_owned(),
        request_id: request_id.map(str::to_owned),
        procedure: "1.001193".parse().unwrap(),
        procedure_name: "Thủ tục thử".to_owned(),
        case: None,
        competent: code(competent),
        channel: Channel::Direct,
        return_at: code(return_at),
        return_how: ReturnHow::Counter,
        received_at: None,
        due: None,
        lookup_code: "0000ABCD".to_owned(),
        fee_vnd: 0,
        payment: None,
        sets: 1,
        external_ids: Vec::new(),
        parent: None,
        identity_check: None,
        form_set: "tt-03-2025".to_owned(),
        rule_set: "nd-118-2025".to_owned(),
        step: None,
    }
}

/// Takes in a dossier for `competent` under the next number.
fn lodge(store: &Store, competent: &str, owner: &str) -> (DocId, String) {
    let (competent, owner) = (competent.to_owned(), owner.to_owned());
    store
        .write(move |tx| {
            let seat = tx.identity().seat.clone();
            let drawn = tx.next_number(day())?;
            let series = Series::parse(&drawn.series).unwrap();
            let number = number::compose(&code(&competent), day(), series, drawn.counter);
            let doc = DocId::mint(tx.identity().machine, tx.now(), tx.random()?);
            let receive = receipt(&number, &competent, seat.as_str(), Some(&format!("request {number}")));
            let writing = Writing {
                fields: vec![("owner.name".to_owned(), owner)],
                papers: Vec::new(),
                acts: vec![act(&seat, 0, receive.into())],
            };
            let at = tx.now();
            tx.append_change(doc, &mut Document::new(), &writing, at)?;
            Ok((doc, number))
        })
        .unwrap()
}

/// Writes an act into a dossier for the store's own seat, or for another one.
fn write_for(store: &Store, seat: &AgencyCode, doc: DocId, body: impl Into<Body>) {
    let (seat, body) = (seat.clone(), body.into());
    store
        .write(move |tx| {
            let mut document = tx.document(doc)?.unwrap();
            let generation = fold(document.history()).process.generation;
            let writing = Writing { acts: vec![act(&seat, generation, body)], ..Writing::default() };
            let at = tx.now();
            tx.append_change(doc, &mut document, &writing, at)
        })
        .unwrap();
}

fn write(store: &Store, doc: DocId, body: impl Into<Body>) {
    let seat = store.identity().seat.clone();
    write_for(store, &seat, doc, body);
}

fn transfer(to: &str) -> Transfer {
    Transfer { to: code(to), consignment: None, reason: None }
}

fn province() -> (Place, Store) {
    let place = Place::new(9, "H27", Role::Province);
    let store = place.create();
    (place, store)
}

fn node(number: u8, seat: &str, series: &str) -> (Place, Store) {
    let place = Place::new(number, seat, Role::Commune);
    let store = place.create();
    grant(&store, &[series]);
    (place, store)
}

fn enrol(province: &Store, node: &Store) {
    let identity = node.identity().clone();
    province
        .write(move |tx| {
            tx.store_machine(identity.machine, &identity.seat, b"certificate")?;
            tx.open_feed(&identity.seat)
        })
        .unwrap();
}

fn own_entries(node: &Store) -> Vec<Entry> {
    let boots: Vec<BootId> = node.read(|view| view.own_logs()).unwrap().iter().map(|log| log.boot).collect();
    boots
        .into_iter()
        .flat_map(|boot| node.read(|view| view.entries_after(boot, 0, EVERYTHING)).unwrap())
        .collect()
}

fn deliver(province: &Store, node: &Store, entries: Vec<Entry>) -> Ingested {
    let identity = node.identity().clone();
    province
        .write(move |tx| {
            let rights = seat_rights([identity.seat.clone()].into(), false);
            let origin = Origin::Node { machine: identity.machine, seat: &identity.seat, rights: &rights };
            tx.ingest(&entries, &origin)
        })
        .unwrap()
}

fn push(node: &Store, province: &Store) -> Ingested {
    deliver(province, node, own_entries(node))
}

/// Brings a node's feed up to date in stretches of about `bytes_max`.
fn pull(node: &Store, province: &Store, bytes_max: usize) {
    let identity = node.identity().clone();
    loop {
        let mine = node.read(|view| view.feed_head(&identity.seat)).unwrap();
        let theirs = province.read(|view| view.feed_head(&identity.seat)).unwrap().unwrap();
        let after = mine.filter(|mine| mine.feed == theirs.feed).map_or(0, |mine| mine.position);
        let page = province
            .read(|view| view.feed_after(&identity.seat, after, &FeedLimits { bytes_max, ..FeedLimits::ALL }))
            .unwrap()
            .unwrap();
        if page.rows.is_empty() {
            if mine.is_none() {
                node.write(move |tx| tx.begin_feed(theirs.feed)).unwrap();
            }
            assert_eq!(node.read(|view| view.feed_head(&identity.seat)).unwrap(), Some(theirs));
            return;
        }
        let pieces = page
            .rows
            .into_iter()
            .map(|row| {
                let entry = row.entry;
                let known = node.read(|view| view.log_head(entry.log)).unwrap();
                let is_held =
                    row.machine == Some(identity.machine) && known.is_some_and(|log| log.lsn >= entry.lsn);
                if is_held {
                    FeedPiece::OwnRun { log: entry.log, first: entry.lsn, last: entry.lsn }
                } else {
                    FeedPiece::Entry(entry)
                }
            })
            .collect();
        let batch = FeedBatch { feed: theirs.feed, after, pieces };
        let again = batch.clone();
        let stored = node.write(move |tx| tx.store_feed(&batch)).unwrap();
        let FeedStored::Stored { head, .. } = stored else { panic!("{stored:?}") };
        assert_eq!(head.digest, page.end_digest);
        let repeated = node.write(move |tx| tx.store_feed(&again)).unwrap();
        assert_eq!(repeated, FeedStored::NotNext { head: Some(head) }, "a repeated stretch moves nothing");
    }
}

fn sync(node: &Store, province: &Store) {
    push(node, province);
    pull(node, province, 700);
}

fn rows(store: &Store) -> Vec<projection::DossierRow> {
    store.read(|view| view.list(&ListFilter::default())).unwrap()
}

/// Everything a row says, for comparing replicas.
fn summary(row: &projection::DossierRow) -> String {
    format!("{row:?} {:?} {:?} {:?} {}", row.owner_name, row.heads, row.changed_at, row.generation)
}

fn summaries(store: &Store) -> Vec<String> {
    rows(store).iter().map(summary).collect()
}

#[test]
fn an_own_change_is_in_log_rows_and_questions_at_once() {
    let (place, store) = node(1, "H27.101", "069");
    let (doc, number) = lodge(&store, "H27.101", "Nguyễn Văn Thử");
    assert_eq!(number, "H27.101-260302-0690001");
    let row = store.read(|view| view.dossier(doc)).unwrap().unwrap();
    assert_eq!((row.status, row.custody.as_str(), row.holder.clone()), (2, "held", Some(code("H27.101"))));
    assert_eq!(row.owner_name.as_deref(), Some("Nguyễn Văn Thử"));
    let by_request =
        store.read(|view| view.dossier_by_request(&code("H27.101"), &format!("request {number}"))).unwrap();
    assert_eq!(by_request.map(|row| row.doc), Some(doc));
    let by_code = store.read(|view| view.dossier_by_lookup_code("0000ABCD")).unwrap();
    assert_eq!(by_code.map(|row| row.doc), Some(doc));
    assert_eq!(store.read(|view| view.dossiers_by_number(&number)).unwrap(), [row]);
    let changes = store.read(|view| view.changes_of(doc)).unwrap();
    assert_eq!((changes.len(), changes[0].facts.state, changes[0].facts.lsn), (1, EntryState::Applied, 2));
    write(&store, doc, Note {});
    let state = store.read(|view| view.state(doc)).unwrap().unwrap();
    assert_eq!(state.acts.len(), 2);
    assert_eq!(findings(&store), Vec::<&str>::new());
    drop(store);
    let store = place.open();
    assert_eq!(store.read(|view| view.changes_of(doc)).unwrap().len(), 2);
    write(&store, doc, Note {});
    assert_eq!(findings(&store), Vec::<&str>::new());
}

#[test]
fn a_stale_document_is_not_written_on() {
    let (_place, store) = node(1, "H27.101", "069");
    let (doc, _) = lodge(&store, "H27.101", "Nguyễn Văn Thử");
    let stale = store.write(move |tx| Ok(tx.document(doc)?.unwrap())).unwrap();
    write(&store, doc, Note {});
    let refused = store.write(move |tx| {
        let mut stale = stale;
        let seat = tx.identity().seat.clone();
        let writing = Writing { acts: vec![act(&seat, 1, Note {}.into())], ..Writing::default() };
        let at = tx.now();
        tx.append_change(doc, &mut stale, &writing, at).map(|_| ())
    });
    assert!(matches!(refused, Err(StoreError::Bug(_))), "{refused:?}");
}

#[test]
fn a_dossier_reaches_its_parties_whole_and_the_feeds_have_no_gaps() {
    let (_p, province) = province();
    let (_a, a) = node(1, "H27.101", "069");
    let (_b, b) = node(2, "H27.102", "070");
    let (_c, c) = node(3, "H27.103", "071");
    for one in [&a, &b, &c] {
        enrol(&province, one);
    }
    let (doc, _) = lodge(&a, "H27.102", "Nguyễn Văn Thử");
    let (other, _) = lodge(&a, "H27.101", "Trần Thị Giả");
    write(&a, doc, Note {});
    sync(&a, &province);
    sync(&b, &province);
    sync(&c, &province);
    assert_eq!(rows(&b).len(), 1);
    assert_eq!(rows(&c).len(), 0);
    // C becomes a party in the middle of the dossier's life.
    write(&a, doc, transfer("H27.103"));
    sync(&a, &province);
    sync(&c, &province);
    write(&c, doc, TakeOver { step: None });
    for _ in 0..2 {
        for one in [&c, &b, &a] {
            sync(one, &province);
        }
    }
    let at = |store: &Store, doc| store.read(|view| view.dossier(doc)).unwrap().map(|row| summary(&row));
    for one in [&a, &b, &c] {
        assert_eq!(at(one, doc), at(&province, doc));
        assert_eq!(findings(one), Vec::<&str>::new());
    }
    assert_eq!((at(&b, other), at(&c, other)), (None, None));
    assert_eq!(at(&a, other), at(&province, other));
    assert_eq!(findings(&province), Vec::<&str>::new());
    let holder = province.read(|view| view.dossier(doc)).unwrap().unwrap().holder;
    assert_eq!(holder, Some(code("H27.103")));
}

#[test]
fn a_seat_enrolled_late_gets_the_history_of_its_dossiers() {
    let (_p, province) = province();
    let (_a, a) = node(1, "H27.101", "069");
    let (_b, b) = node(2, "H27.102", "070");
    enrol(&province, &a);
    for _ in 0..3 {
        lodge(&a, "H27.102", "Nguyễn Văn Thử");
    }
    sync(&a, &province);
    enrol(&province, &b);
    sync(&b, &province);
    assert_eq!(summaries(&b), summaries(&province));
    assert_eq!(rows(&b).len(), 3);
    assert_eq!(findings(&province), Vec::<&str>::new());
}

#[test]
fn a_machine_that_has_nothing_gets_open_dossiers_first_and_the_newest_of_them() {
    let (_p, province) = province();
    let (_a, a) = node(1, "H27.101", "069");
    enrol(&province, &a);
    let mut docs: Vec<DocId> = (0..4).map(|_| lodge(&a, "H27.101", "Nguyễn Văn Thử").0).collect();
    docs.sort_unstable();
    let closed = docs.remove(2);
    write(&a, closed, MoveStep { step: String::new(), is_back: false, assignee: None });
    write(&a, closed, Finish { result: FinishResult::Granted, reasons: Vec::new(), hash: None });
    write(&a, closed, ReturnResult { collector: None, signature_kind: None, is_settled: true });
    write(&a, docs[0], Note {});
    sync(&a, &province);
    let seat = code("H27.101");
    let before = province.read(|view| view.feed_head(&seat)).unwrap().unwrap();

    let place = Place::new(3, "H27.101", Role::Commune);
    let replacement = place.create();
    let machine = replacement.identity().machine;
    enrol(&province, &replacement);
    let lay_out = || {
        let seat = seat.clone();
        province.write(move |tx| tx.feed_for_newcomer(&seat, machine)).unwrap()
    };
    let head = lay_out();
    assert_ne!(head.feed, before.feed);
    assert_eq!(head.position, before.position);
    assert_eq!(lay_out(), head, "once for one machine");
    let page = province.read(|view| view.feed_after(&seat, 0, &FeedLimits::ALL)).unwrap().unwrap();
    let mut order: Vec<DocId> = page.rows.iter().map(|row| row.entry.doc).collect();
    order.dedup();
    assert_eq!(order, [DocId::NONE, docs[2], docs[1], docs[0], closed]);

    lodge(&a, "H27.101", "Nguyễn Văn Thử");
    push(&a, &province);
    pull(&replacement, &province, 700);
    assert_eq!(summaries(&replacement), summaries(&province));
    assert_eq!(rows(&replacement).len(), 5);
    assert_eq!(findings(&province), Vec::<&str>::new());
    assert_eq!(findings(&replacement), Vec::<&str>::new());
    // What the machine has stored once and then lost is a reason to begin again.
    province.write(move |tx| tx.set_acked_position(machine, 1)).unwrap();
    assert_ne!(lay_out().feed, head.feed);
    assert_eq!(findings(&province), Vec::<&str>::new());
}

#[test]
fn acts_of_the_province_itself_reach_the_parties() {
    let (_p, province) = province();
    grant(&province, &["800"]);
    let (_a, a) = node(1, "H27.101", "069");
    enrol(&province, &a);
    let (doc, _) = lodge(&a, "H27.02", "Nguyễn Văn Thử");
    write(&a, doc, transfer("H27.02"));
    sync(&a, &province);
    write_for(&province, &code("H27.02"), doc, TakeOver { step: None });
    sync(&a, &province);
    assert_eq!(summaries(&a), summaries(&province));
    assert_eq!(rows(&a)[0].holder, Some(code("H27.02")));
    assert_eq!(findings(&a), Vec::<&str>::new());
    assert_eq!(findings(&province), Vec::<&str>::new());
}

#[test]
fn repeated_batches_change_nothing() {
    let (_p, province) = province();
    let (_a, a) = node(1, "H27.101", "069");
    enrol(&province, &a);
    let (doc, _) = lodge(&a, "H27.101", "Nguyễn Văn Thử");
    write(&a, doc, Note {});
    let first = push(&a, &province);
    assert_eq!((first.new, first.applied, first.repeated), (3, 3, 0));
    let before = (summaries(&province), province.read(|view| view.feed_head(&code("H27.101"))).unwrap());
    let again = push(&a, &province);
    assert_eq!((again.new, again.applied, again.repeated), (0, 0, 3));
    assert_eq!(
        (summaries(&province), province.read(|view| view.feed_head(&code("H27.101"))).unwrap()),
        before
    );
    let counts = province.read(|view| view.entry_counts(NodeId([1; 16]))).unwrap();
    assert_eq!((counts.applied, counts.waiting), (3, 0));
}

/// Two dossiers with several changes each, written by one node in two processes.
fn some_entries() -> (Store, Place, Vec<Entry>) {
    let (place, store) = node(1, "H27.101", "069");
    let (one, _) = lodge(&store, "H27.101", "Nguyễn Văn Thử");
    write(&store, one, Note {});
    let (two, _) = lodge(&store, "H27.102", "Trần Thị Giả");
    drop(store);
    let store = place.open();
    write(&store, one, transfer("H27.102"));
    write(&store, two, Note {});
    write(&store, two, Note {});
    let entries = own_entries(&store);
    (store, place, entries)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_repetition_of_arrival_gives_the_same_rows(
        order in Just((0..8usize).collect::<Vec<_>>()).prop_shuffle(),
        batch in 1usize..5,
        doubled in 0usize..8,
    ) {
        let (node, _node_place, entries) = some_entries();
        prop_assert_eq!(entries.len(), 8);
        let (_p, province) = province();
        enrol(&province, &node);
        let mut arriving: Vec<Entry> = order.iter().map(|index| entries[*index].clone()).collect();
        arriving.push(entries[doubled].clone());
        for piece in arriving.chunks(batch) {
            deliver(&province, &node, piece.to_vec());
        }
        prop_assert_eq!(summaries(&province), summaries(&node));
        let logs = province.read(|view| view.logs_of(NodeId([1; 16]))).unwrap();
        let heads: BTreeSet<_> = logs.iter().map(|log| (log.boot, log.lsn, log.chain)).collect();
        let own = node.read(|view| view.own_logs()).unwrap();
        prop_assert_eq!(heads, own.iter().map(|log| (log.boot, log.lsn, log.chain)).collect());
        prop_assert_eq!(province.read(|view| view.waiting_entries()).unwrap(), 0);
        prop_assert_eq!(findings(&province), Vec::<&str>::new());
        // A node that follows the feed has the same, although its order differs from the log's.
        pull(&node, &province, 400);
        prop_assert_eq!(findings(&node), Vec::<&str>::new());
    }
}

#[test]
fn what_arrives_before_what_it_builds_on_waits_and_is_in_no_feed() {
    let (node, _place, entries) = some_entries();
    let (_p, province) = province();
    enrol(&province, &node);
    // The last two changes of the second dossier, without the first.
    let done = deliver(&province, &node, entries[6..].to_vec());
    assert_eq!((done.waiting, done.applied), (2, 0));
    let counts = province.read(|view| view.entry_counts(NodeId([1; 16]))).unwrap();
    assert_eq!((counts.waiting, counts.applied), (2, 0));
    assert_eq!(province.read(|view| view.feed_head(&code("H27.101"))).unwrap().unwrap().position, 0);
    assert_eq!(rows(&province).len(), 0);
    let done = deliver(&province, &node, entries.clone());
    assert_eq!((done.waiting, done.applied, done.repeated), (0, 8, 2));
}

#[test]
fn acts_of_another_seat_are_quarantined_and_only_what_builds_on_them_waits() {
    let (_p, province) = province();
    let (_a, a) = node(1, "H27.101", "069");
    enrol(&province, &a);
    let (poisoned, _) = lodge(&a, "H27.101", "Nguyễn Văn Thử");
    let (healthy, _) = lodge(&a, "H27.101", "Trần Thị Giả");
    write_for(&a, &code("H27.102"), poisoned, Note {});
    write(&a, poisoned, Note {});
    write(&a, healthy, Note {});
    let done = push(&a, &province);
    assert_eq!((done.quarantined, done.waiting, done.applied), (1, 1, 4));
    let acts = |doc| province.read(|view| view.state(doc)).unwrap().unwrap().acts.len();
    assert_eq!((acts(poisoned), acts(healthy)), (1, 2));
    let listed = province.read(|view| view.quarantine(None, 10)).unwrap();
    assert_eq!((listed.len(), listed[0].reason.as_deref()), (1, Some(reason::OTHER_SEAT)));
    assert_eq!(province.read(|view| view.quarantine(Some(NodeId([7; 16])), 10)).unwrap(), []);
    assert_eq!(findings(&province), Vec::<&str>::new());
    let id = listed[0].id;
    let decided = province.write(move |tx| tx.decide(id, Decision::Release)).unwrap();
    assert_eq!(decided.applied, 2);
    assert_eq!(acts(poisoned), 3);
    let twice = province.write(move |tx| tx.decide(id, Decision::Refuse));
    assert!(matches!(twice, Err(StoreError::Refused(refusal)) if refusal.code == "quarantine-not-found"));
    pull(&a, &province, 700);
    assert_eq!(summaries(&a), summaries(&province));
    assert_eq!(findings(&province), Vec::<&str>::new());
}

#[test]
fn what_concerns_a_document_and_is_released_comes_to_all_its_parties() {
    let (_p, province) = province();
    let (_a, a) = node(1, "H27.101", "069");
    let (_b, b) = node(2, "H27.102", "070");
    enrol(&province, &a);
    enrol(&province, &b);
    let (doc, _) = lodge(&a, "H27.102", "Nguyễn Văn Thử");
    push(&a, &province);
    // A kind of a newer program that names a document.
    let (log, body) = (BootId::mint(NodeId([1; 16]), [0x5a; 12]), b"newer".to_vec());
    let stray = |lsn, kind, doc, body: Vec<u8>| Entry {
        log,
        lsn,
        kind,
        doc,
        hash: sync_protocol::entry::body_hash(&body),
        min_reader: 1,
        body: Some(body),
    };
    let boot = own_entries(&a)[0].body.clone().unwrap();
    let entries = vec![stray(1, EntryKind::BOOT, DocId::NONE, boot), stray(2, EntryKind(77), doc, body)];
    assert_eq!(deliver(&province, &a, entries).quarantined, 1);
    let id = province.read(|view| view.quarantine(None, 10)).unwrap()[0].id;
    province.write(move |tx| tx.decide(id, Decision::Release)).unwrap();
    assert_eq!(findings(&province), Vec::<&str>::new());
    pull(&b, &province, 700);
    let position = |store: &Store| {
        let seat = code("H27.102");
        store.read(|view| view.feed_head(&seat)).unwrap().map(|head| head.position)
    };
    assert_eq!((position(&b), position(&province)), (Some(2), Some(2)));
}

#[test]
fn a_banned_machine_is_heard_and_nothing_of_it_applied() {
    let (_p, province) = province();
    let (_a, a) = node(1, "H27.101", "069");
    enrol(&province, &a);
    lodge(&a, "H27.101", "Nguyễn Văn Thử");
    push(&a, &province);
    province.write(|tx| tx.ban_machine(NodeId([1; 16]), "stolen")).unwrap();
    lodge(&a, "H27.101", "Trần Thị Giả");
    let done = push(&a, &province);
    assert_eq!((done.quarantined, done.applied), (1, 0));
    assert_eq!(rows(&province).len(), 1);
    let listed = province.read(|view| view.quarantine(Some(NodeId([1; 16])), 10)).unwrap();
    assert_eq!(listed[0].reason.as_deref(), Some(reason::BANNED));
}

#[test]
fn what_waits_of_a_banned_machine_is_quarantined_and_can_be_released() {
    let (node, _place, entries) = some_entries();
    let (_p, province) = province();
    enrol(&province, &node);
    // The last two changes of the second dossier wait for its first one.
    let done = deliver(&province, &node, entries[6..].to_vec());
    assert_eq!((done.waiting, done.applied), (2, 0));
    let machine = node.identity().machine;
    province.write(move |tx| tx.ban_machine(machine, "lost")).unwrap();
    let counts = province.read(|view| view.entry_counts(machine)).unwrap();
    assert_eq!((counts.waiting, counts.quarantined), (0, 2));
    let done = deliver(&province, &node, entries);
    assert_eq!(done.applied, 2, "only the boot entries, which say nothing of a dossier");
    assert_eq!(rows(&province).len(), 0);
    // Released in the order of arrival: the two wait again until their beginning is released too.
    let kept = province.read(|view| view.quarantined_rows(machine)).unwrap();
    assert_eq!(kept.len(), 6);
    for id in kept {
        province.write(move |tx| tx.decide(id, Decision::Release)).unwrap();
    }
    let counts = province.read(|view| view.entry_counts(machine)).unwrap();
    assert_eq!((counts.waiting, counts.quarantined, counts.applied), (0, 0, 8));
    assert_eq!(summaries(&node), summaries(&province));
    assert_eq!(findings(&province), Vec::<&str>::new());
}

#[test]
fn releasing_what_a_ban_kept_does_not_release_what_the_machine_had_no_right_to() {
    let (_p, province) = province();
    let (_a, a) = node(1, "H27.101", "069");
    enrol(&province, &a);
    let (doc, _) = lodge(&a, "H27.101", "Nguyễn Văn Thử");
    push(&a, &province);
    province.write(|tx| tx.ban_machine(NodeId([1; 16]), "stolen")).unwrap();
    write_for(&a, &code("H27.102"), doc, Note {});
    push(&a, &province);
    let id = province.read(|view| view.quarantined_rows(NodeId([1; 16]))).unwrap()[0];
    let acts = || province.read(|view| view.state(doc)).unwrap().unwrap().acts.len();
    let done = province.write(move |tx| tx.decide(id, Decision::Release)).unwrap();
    assert_eq!((done.applied, done.quarantined, acts()), (0, 1, 1));
    let listed = province.read(|view| view.entry_facts(id)).unwrap().unwrap();
    assert_eq!((listed.state, listed.reason.as_deref()), (EntryState::Quarantined, Some(reason::OTHER_SEAT)));
    let done = province.write(move |tx| tx.decide(id, Decision::Release)).unwrap();
    assert_eq!((done.applied, acts()), (1, 2), "a person who has read that reason decides");
}

#[test]
fn what_is_suspect_goes_by_when_it_arrived_here_and_took_effect() {
    let (_p, province) = province();
    let (_a, a) = node(1, "H27.101", "069");
    enrol(&province, &a);
    let (doc, _) = lodge(&a, "H27.101", "Nguyễn Văn Thử");
    push(&a, &province);
    let arrived = province.read(|view| view.changes_of(doc)).unwrap()[0].facts.arrived_at;
    let since = |from| province.read(|view| view.applied_since(NodeId([1; 16]), from)).unwrap();
    assert_eq!(since(arrived).keys().collect::<Vec<_>>(), [&doc]);
    assert_eq!(since(Millis(arrived.0 + 1)).len(), 0);
}

#[test]
fn unreadable_entries_are_refused_the_rest_flows_and_a_wrong_body_is_healed() {
    let (node, _place, entries) = some_entries();
    let (_p, province) = province();
    enrol(&province, &node);
    let mut broken = entries.clone();
    // The second dossier's first change comes with the body of another, and one change is garbage by its own hash.
    broken[3].body = entries[1].body.clone();
    let garbage = Entry {
        hash: sync_protocol::ids::ChangeHash([3; 32]),
        body: Some(b"garbage".to_vec()),
        ..entries[7].clone()
    };
    broken[7] = garbage;
    let done = deliver(&province, &node, broken);
    assert_eq!((done.refused, done.waiting), (2, 1), "{done:?}");
    assert_eq!(rows(&province).len(), 1);
    let reasons: BTreeSet<_> = province
        .read(|view| view.quarantine(None, 10))
        .unwrap()
        .into_iter()
        .map(|entry| entry.reason.unwrap())
        .collect();
    assert_eq!(reasons, [reason::BODY_HASH.to_owned(), reason::UNDECODABLE.to_owned()].into());
    let done = deliver(&province, &node, entries[..7].to_vec());
    assert_eq!((done.repeated, done.applied, done.refused), (7, 2, 0), "{done:?}");
    assert_eq!(rows(&province).len(), 2);
    let forked = deliver(&province, &node, entries[7..].to_vec());
    assert_eq!(forked.forked, [(entries[7].log, entries[7].lsn)], "the first history stays");
    assert_eq!(findings(&province), Vec::<&str>::new());
}

#[test]
fn a_change_under_another_machines_log_or_boot_is_not_taken() {
    let (node_a, _place, entries) = some_entries();
    let (_b, b) = node(2, "H27.102", "070");
    let (_p, province) = province();
    enrol(&province, &node_a);
    enrol(&province, &b);
    deliver(&province, &node_a, entries.clone());
    let stolen_log = deliver(&province, &b, vec![Entry { lsn: 20, ..entries[1].clone() }]);
    assert_eq!(stolen_log.foreign, [entries[1].log].into());
    let log = BootId::mint(NodeId([2; 16]), [5; 12]);
    let claimed = deliver(&province, &b, vec![Entry { log, lsn: 1, ..entries[0].clone() }]);
    assert_eq!(claimed.quarantined, 1, "a boot entry that names another machine");
    let copied =
        deliver(&province, &b, vec![Entry { log, lsn: 2, doc: DocId([8; 16]), ..entries[1].clone() }]);
    assert_eq!(copied.refused, 1, "its author is not the log it stands in");
    assert_eq!(rows(&province).len(), 2);
}

/// A change that begins a document, by whoever writes this log.
fn beginning(log: BootId, lsn: u64, doc: DocId, seat: &str) -> Entry {
    let writing = Writing { acts: vec![act(&code(seat), 0, Note {}.into())], ..Writing::default() };
    let change = Document::new().author(log, Millis(1_772_413_200_000), &writing).unwrap();
    Entry {
        log,
        lsn,
        kind: EntryKind::CHANGE,
        doc,
        hash: change.hash,
        min_reader: 1,
        body: Some(change.bytes),
    }
}

#[test]
fn a_log_and_a_beginning_are_taken_only_from_the_machine_that_the_name_says() {
    let (node_a, _place, entries) = some_entries();
    let (_b, b) = node(2, "H27.102", "070");
    let (_p, province) = province();
    enrol(&province, &node_a);
    enrol(&province, &b);
    let (id_a, id_b) = (node_a.identity().machine, b.identity().machine);
    // Nobody has heard of these logs: one is a's by its name, one nobody's.
    for log in [entries[0].log, BootId::mint(id_a, [9; 12]), BootId([9; 16])] {
        let stolen = deliver(&province, &b, vec![Entry { log, ..entries[0].clone() }]);
        assert_eq!((stolen.new, stolen.foreign), (0, [log].into()));
        assert_eq!(province.read(|view| view.log_head(log)).unwrap(), None, "nothing of it is kept");
    }
    // What a person let count of a log does not make it anybody's who asks.
    let some = entries[1].clone();
    province.write(move |tx| tx.ingest(&[some], &Origin::Feed)).unwrap();
    assert_eq!(deliver(&province, &b, entries[..1].to_vec()).foreign, [entries[0].log].into());
    let log = BootId::mint(id_b, [5; 12]);
    let old = DocId([0x70; 16]);
    let begun = |place: u64, doc| deliver(&province, &b, vec![beginning(log, place, doc, "H27.102")]);
    let theirs = entries.iter().map(|entry| entry.doc).find(|doc| *doc != DocId::NONE).unwrap();
    for (place, doc) in [(1, theirs), (2, DocId::mint(id_a, Millis(1), [9; 6])), (3, DocId([9; 16]))] {
        assert_eq!(begun(place, doc).refused, 1, "{doc}");
    }
    for (place, doc) in [(4, DocId::mint(id_b, Millis(1), [9; 6])), (5, old)] {
        assert_eq!(begun(place, doc).applied, 1, "{doc}");
    }
    let listed = province.read(|view| view.quarantine(None, 10)).unwrap();
    assert!(listed.iter().all(|entry| entry.reason.as_deref() == Some(reason::OTHER_BEGINS)), "{listed:?}");
    // The owner's work stands.
    let done = deliver(&province, &node_a, entries.clone());
    assert_eq!((done.waiting, done.quarantined, done.refused, done.forked.len()), (0, 0, 0, 0));
    let row = |store: &Store| store.read(|view| view.dossier(theirs)).unwrap();
    assert!(row(&node_a).is_some());
    assert_eq!(row(&province), row(&node_a));
    // This machine would not write what the province refuses.
    let wrong = b.write(move |tx| {
        let writing = Writing { acts: vec![act(&code("H27.102"), 0, Note {}.into())], ..Writing::default() };
        let at = tx.now();
        tx.append_change(DocId::mint(id_a, at, [9; 6]), &mut Document::new(), &writing, at)
    });
    assert!(matches!(wrong, Err(StoreError::Bug(_))), "{wrong:?}");
}

/// Programs once named logs by chance alone. Nobody can say whose such a name is; what the province has of them stays, and
/// what it never saw is written again.
#[test]
fn a_log_that_names_nobody_is_written_again_under_a_name_that_does() {
    let (_place, a) = node(1, "H27.101", "069");
    let (_p, province) = province();
    enrol(&province, &a);
    let boot = BootId([9; 16]);
    a.write(move |tx| tx.begin_nameless_log(boot)).unwrap();
    let (doc, _) = lodge(&a, "H27.101", "Nguyễn Văn Thử");
    write(&a, doc, Note {});
    let before = rows(&a);
    let sent = push(&a, &province);
    assert_eq!((sent.new, sent.foreign), (0, [boot].into()));
    // The session tells it as it tells of a forked log.
    a.write(move |tx| tx.note_fork(boot, 0)).unwrap();
    a.write(|tx| tx.settle_forks(false)).unwrap();
    let machine = a.identity().machine;
    let held = own_entries(&a);
    assert!(held.iter().all(|entry| entry.log.is_of(machine)), "{held:?}");
    let sent = push(&a, &province);
    assert_eq!((sent.waiting, sent.quarantined, sent.refused, sent.foreign.len()), (0, 0, 0, 0));
    let changes = |store: &Store| store.read(|view| view.state(doc)).unwrap().unwrap().acts.len();
    assert_eq!((changes(&a), changes(&province)), (2, 2));
    assert_eq!((rows(&a).len(), rows(&province).len()), (before.len(), before.len()));
    assert!(conditions(&a).contains(&conditions::LOG_REISSUED.to_owned()), "{:?}", conditions(&a));
    // One that the province has is not asked for its name again.
    let one = held[0].clone();
    province.write(move |tx| tx.execute("UPDATE log SET boot = ?1", [boot.0])).unwrap();
    assert_eq!(deliver(&province, &a, vec![Entry { log: boot, ..one }]).repeated, 1);
}

#[test]
fn what_others_send_back_begins_no_dossier_that_is_not_its_logs_machines() {
    let (node_a, _place, entries) = some_entries();
    let (_b, b) = node(2, "H27.102", "070");
    let (_p, province) = province();
    enrol(&province, &node_a);
    enrol(&province, &b);
    let (id_a, id_b) = (node_a.identity().machine, b.identity().machine);
    let theirs = entries[1].doc;
    let unknown = NodeId([7; 16]);
    let made_up = [
        beginning(BootId::mint(id_b, [1; 12]), 2, theirs, "H27.102"),
        beginning(BootId::mint(id_a, [1; 12]), 2, DocId([9; 16]), "H27.102"),
    ];
    let kept = [
        entries[1].clone(),
        // Enrolled in the time that was lost, or of before names said whose they are: a person decides.
        beginning(BootId::mint(unknown, [1; 12]), 2, theirs, "H27.103"),
        beginning(BootId([9; 16]), 2, DocId([0x70; 16]), "H27.103"),
    ];
    let all = [made_up, [kept[0].clone(), kept[1].clone()]].concat().into_iter().chain([kept[2].clone()]);
    let all: Vec<Entry> = all.collect();
    province.write(move |tx| tx.keep_returned(id_b, &all)).unwrap();
    let returned = province.read(|view| view.returned(None, 10)).unwrap();
    let hashes: BTreeSet<_> = returned.iter().map(|entry| entry.hash).collect();
    assert_eq!(hashes, kept.iter().map(|entry| entry.hash).collect());
    // One turns out to be another machine's when its own is known.
    province.write(move |tx| tx.store_machine(unknown, &code("H27.103"), b"certificate")).unwrap();
    let release = |place: usize| {
        let id = returned.iter().find(|entry| entry.hash == kept[place].hash).unwrap().id;
        province.write(move |tx| tx.release_returned(id))
    };
    assert!(matches!(release(1), Err(StoreError::Refused(refusal)) if refusal.code == reason::OTHER_BEGINS));
    for place in [0, 2] {
        assert_eq!(release(place).unwrap().state, EntryState::Applied);
    }
}

#[test]
fn rebuild_gives_the_rows_that_stood_there() {
    let (node, _place, _) = some_entries();
    let before = summaries(&node);
    node.write(|tx| {
        tx.connection()
            .execute_batch("UPDATE dossier SET status = 9, owner_name = 'x'; DELETE FROM party;")?;
        Ok(())
    })
    .unwrap();
    assert_eq!(findings(&node), ["verify-view", "verify-view"]);
    assert_eq!(node.write(|tx| tx.rebuild()).unwrap(), 2);
    assert_eq!(summaries(&node), before);
    assert_eq!(findings(&node), Vec::<&str>::new());
}

#[test]
fn a_machine_put_back_gets_its_own_entries_from_its_feed_and_works_on() {
    let (_p, province) = province();
    let (place, a) = node(1, "H27.101", "069");
    enrol(&province, &a);
    lodge(&a, "H27.101", "Nguyễn Văn Thử");
    sync(&a, &province);
    drop(a);
    let backup = place.copy_to("backup");
    let a = place.open();
    let (lost, _) = lodge(&a, "H27.101", "Trần Thị Giả");
    write(&a, lost, Note {});
    sync(&a, &province);
    drop(a);
    place.restore_from(&backup);
    let a = place.open();
    assert_eq!(conditions(&a), [ROLLED_BACK]);
    let (_, number) = lodge(&a, "H27.101", "Lê Văn Mẫu");
    assert_eq!(number, "H27.101-260302-0690003", "behind the lost one");
    sync(&a, &province);
    assert_eq!(conditions(&a), Vec::<String>::new(), "what was lost has come back");
    write(&a, lost, Note {});
    sync(&a, &province);
    assert_eq!(summaries(&a), summaries(&province));
    assert_eq!(rows(&a).len(), 3);
    assert_eq!(findings(&a), Vec::<&str>::new());
    assert_eq!(findings(&province), Vec::<&str>::new());
}

#[test]
fn two_copies_at_work_lose_nothing_repeat_no_number_and_are_both_told() {
    let (_p, province) = province();
    let (place, a) = node(1, "H27.101", "069");
    grant(&a, &["070"]);
    enrol(&province, &a);
    lodge(&a, "H27.101", "Nguyễn Văn Thử");
    sync(&a, &province);
    drop(a);
    let copy_dir = place.copy_to("copy");
    let original = place.open();
    let copy = Store::open(&copy_dir, place.options_with(&place.root.path().join("other"))).unwrap();
    let (_, ours) = lodge(&original, "H27.101", "Trần Thị Giả");
    let (_, theirs) = lodge(&copy, "H27.101", "Lê Văn Mẫu");
    assert_eq!((ours.as_str(), theirs.as_str()), ("H27.101-260302-0690002", "H27.101-260302-0700001"));
    for _ in 0..2 {
        sync(&original, &province);
        sync(&copy, &province);
    }
    assert_eq!(summaries(&original), summaries(&province));
    assert_eq!(summaries(&copy), summaries(&province));
    assert_eq!(rows(&province).len(), 3);
    assert_eq!(conditions(&original), [OTHER_COPY]);
    assert_eq!(conditions(&copy), [NO_WITNESS, OTHER_COPY]);
    assert_eq!(state_of(&original, "070"), SeriesState::UsedElsewhere, "never begun here");
    assert_eq!(findings(&original), Vec::<&str>::new());
}

#[test]
fn a_perfect_image_that_repeats_a_number_is_told_and_left_behind() {
    let (_p, province) = province();
    let (place, a) = node(1, "H27.101", "069");
    grant(&a, &["070", "071"]);
    enrol(&province, &a);
    append(&a, "boot");
    sync(&a, &province);
    drop(a);
    let image_dir = place.copy_to("image");
    let image_witness = place.root.path().join("image-witness");
    std::fs::copy(&place.witness, &image_witness).unwrap();
    let a = place.open();
    let image = Store::open(&image_dir, place.options_with(&image_witness)).unwrap();
    let (_, ours) = lodge(&a, "H27.101", "Nguyễn Văn Thử");
    let (_, theirs) = lodge(&image, "H27.101", "Trần Thị Giả");
    assert_eq!(ours, theirs, "nothing could tell them apart");
    sync(&a, &province);
    sync(&image, &province);
    sync(&a, &province);
    for one in [&a, &image] {
        assert_eq!(conditions(one), ["other-copy", "duplicate-series", "duplicate-number"]);
        assert_eq!(rows(one).len(), 2, "both are kept");
        assert_eq!(findings(one), ["verify-number-twice"]);
        assert_eq!(state_of(one, "069"), SeriesState::Retired);
    }
    assert_eq!(conditions(&province), ["duplicate-number"]);
}

/// An image of a running machine, with its witness: it goes on under the same boot.
fn image_of(
    place: &Place,
    (from, its_witness): (&Path, &Path),
    running: &Store,
    name: &str,
) -> (PathBuf, PathBuf, Store) {
    let dir = place.root.path().join(name);
    copy_dir(from, &dir);
    let witness = place.root.path().join(format!("{name}-witness"));
    std::fs::copy(its_witness, &witness).unwrap();
    let boot = running.write(|tx| Ok(tx.memory.boot)).unwrap();
    let image = Store::open(&dir, place.options_with(&witness)).unwrap();
    image
        .write(move |tx| {
            tx.memory.boot = boot;
            Ok(())
        })
        .unwrap();
    (dir, witness, image)
}

/// What a session does when the province says that a log has another history there.
fn tell_of_fork(node: &Store, province: &Store, boot: BootId) {
    let there = province.read(|view| view.log_head(boot)).unwrap().unwrap();
    node.write(move |tx| tx.note_fork(boot, there.lsn)).unwrap();
}

fn acts_of(store: &Store, doc: DocId) -> Vec<String> {
    let state = store.read(|view| view.state(doc)).unwrap().unwrap();
    let name = |act: &crate::dossier::fold::JudgedAct| {
        format!("{} {:?}", act.act.body.kind().unwrap().name(), act.standing)
    };
    let mut acts: Vec<String> = state.acts.iter().map(name).collect();
    acts.sort();
    acts
}

/// An office whose running machine was imaged, and both went on: the image, the boot of both, the dossier on which both
/// worked, and what the image did with it.
struct Imaged {
    province: (Place, Store),
    b: (Place, Store),
    place: Place,
    original: Store,
    image: (PathBuf, PathBuf, Store),
    boot: BootId,
    shared: DocId,
    image_doc: DocId,
}

fn imaged() -> Imaged {
    let province = province();
    let (place, original) = node(1, "H27.101", "069");
    let b = node(2, "H27.102", "080");
    grant(&original, &["070", "071"]);
    enrol(&province.1, &original);
    enrol(&province.1, &b.1);
    let (shared, _) = lodge(&original, "H27.102", "Nguyễn Văn Thử");
    sync(&original, &province.1);
    // Not yet at the province when the image is taken: both have it.
    write(&original, shared, Note {});
    let (dir, witness, image) = image_of(&place, (&place.dir, &place.witness), &original, "image");
    let boot = original.current_boot().unwrap();
    let (_, ours) = lodge(&original, "H27.101", "Trần Thị Giả");
    write(&original, shared, transfer("H27.102"));
    let (image_doc, theirs) = lodge(&image, "H27.101", "Lê Văn Mẫu");
    assert_eq!(ours, theirs, "nothing could tell them apart");
    write(&image, shared, Note {});
    write(&image, image_doc, transfer("H27.102"));
    write(&image, shared, Note {});
    sync(&original, &province.1);
    Imaged { province, b, place, original, image: (dir, witness, image), boot, shared, image_doc }
}

#[test]
fn a_fork_ends_although_the_province_was_put_back_since_it_told_of_it() {
    let it = imaged();
    let (boot, image) = (it.boot, &it.image.2);
    // It had more of that history then than it ever will again.
    image.write(move |tx| tx.note_fork(boot, 1_000)).unwrap();
    pull(image, &it.province.1, 700);
    image.write(|tx| tx.settle_forks(false)).unwrap();
    assert!(image.read(|view| view.has_open_fork()).unwrap(), "more may be on its way");
    image.write(|tx| tx.settle_forks(true)).unwrap();
    assert!(!image.read(|view| view.has_open_fork()).unwrap());
    assert_all_is_there(&it, image);
}

#[test]
fn a_branch_that_a_restored_province_lost_stops_no_other_office() {
    let it = imaged();
    let (b, province, image) = (&it.b.1, &it.province.1, &it.image.2);
    // Before it was put back the province had the image's history, and another office worked on top of it.
    let (_lost_place, lost) = self::province();
    // In another order, so that the feeds have other names.
    enrol(&lost, b);
    enrol(&lost, image);
    sync(image, &lost);
    sync(b, &lost);
    write(b, it.image_doc, Note {});
    sync(b, &lost);
    assert_eq!(rows(b).len(), 2);
    sync(b, province);
    assert_eq!(conditions(b), [conditions::OTHERS_FORKED]);
    assert_eq!(summaries(b).len(), 1, "the lost branch has left, and what the province has is here");
    assert_eq!(acts_of(b, it.shared), acts_of(province, it.shared));
    let waiting = |store: &Store| store.read(|view| view.entry_counts(NodeId([2; 16]))).unwrap().waiting;
    assert_eq!(waiting(province), 1, "its own note waits, kept whole");
    assert_eq!(findings(b), Vec::<&str>::new());
}

#[test]
fn a_feed_that_shows_a_fork_further_back_begins_anew_and_goes_on() {
    let (_p, province) = province();
    let (_a, a) = node(1, "H27.101", "069");
    enrol(&province, &a);
    append(&a, "one");
    sync(&a, &province);
    append(&a, "two");
    append(&a, "three");
    let boot = a.current_boot().unwrap();
    // The province acknowledged the other history, and this one was held to share it up to there.
    a.write(move |tx| tx.set_acked(boot, 4)).unwrap();
    a.write(move |tx| tx.note_fork(boot, 5)).unwrap();
    let head = a.read(|view| view.feed_head(&code("H27.101"))).unwrap().unwrap();
    assert!(head.position > 0);
    let body = b"another history".to_vec();
    let hash = sync_protocol::entry::body_hash(&body);
    let entry = Entry {
        log: boot,
        lsn: 3,
        kind: EntryKind::KEY,
        doc: DocId::NONE,
        hash,
        min_reader: 1,
        body: Some(body),
    };
    let batch = FeedBatch { feed: head.feed, after: head.position, pieces: vec![FeedPiece::Entry(entry)] };
    let stored = a.write(move |tx| tx.store_feed(&batch)).unwrap();
    let FeedStored::NotNext { head: Some(now) } = stored else { panic!("{stored:?}") };
    assert_eq!((now.feed, now.position), (head.feed, 0), "asked for again, from its beginning");
}

fn assert_all_is_there(it: &Imaged, image: &Store) {
    let (province, b, original) = (&it.province.1, &it.b.1, &it.original);
    for _ in 0..2 {
        sync(b, province);
        sync(original, province);
        sync(image, province);
    }
    for one in [original, image] {
        assert_eq!(summaries(one), summaries(province));
    }
    assert_eq!(rows(b).len(), 2);
    for one in [province, original, image] {
        assert_eq!(rows(one).len(), 3, "nothing of either is lost");
        assert_eq!(findings(one), ["verify-number-twice"]);
        assert!(conditions(one).contains(&"duplicate-number".to_owned()));
        // The transfer and the image's notes were done apart, as they were.
        assert_eq!(
            acts_of(one, it.shared),
            ["note Counts", "note Counts", "note Counts", "receive Counts", "transfer Counts"]
        );
        assert_eq!(acts_of(one, it.image_doc), ["receive Counts", "transfer Counts"]);
    }
    let counts = province.read(|view| view.entry_counts(NodeId([1; 16]))).unwrap();
    assert_eq!((counts.waiting, counts.quarantined, counts.refused), (0, 0, 0));
    write(image, it.image_doc, Note {});
    write(original, it.shared, Note {});
    sync(image, province);
    sync(original, province);
    sync(image, province);
    assert_eq!(summaries(image), summaries(province));
}

#[test]
fn the_image_of_a_running_machine_writes_its_history_again_under_another_boot() {
    let it = imaged();
    let image = &it.image.2;
    let before = image.read(|view| view.changes_of(it.shared)).unwrap();
    tell_of_fork(image, &it.province.1, it.boot);
    assert_eq!(conditions(image), [conditions::FORKED_LOG]);
    assert_eq!(rows(image).len(), 2, "what was printed stays to be seen");
    pull(image, &it.province.1, 700);
    image.write(|tx| tx.settle_forks(false)).unwrap();
    let mut told = conditions(image);
    told.retain(|code| code != "duplicate-series");
    assert_eq!(told, [OTHER_COPY, conditions::DUPLICATE_NUMBER, conditions::LOG_REISSUED]);
    assert_all_is_there(&it, image);
    // What was printed with an old act's id is found.
    let old: Vec<_> = before.iter().map(|change| change.facts.hash).collect();
    let lost: Vec<_> =
        old.iter().filter(|hash| image.read(|view| view.reissued_as(**hash)).unwrap().is_some()).collect();
    assert_eq!(lost.len(), 2, "the image's two notes, not what both had");
    for store in [image, &it.province.1, &it.original] {
        let new = store.read(|view| view.reissued_as(*lost[0])).unwrap().unwrap();
        assert_eq!(store.read(|view| view.reissued_from(new)).unwrap(), [*lost[0]]);
    }
    assert!(!conditions(&it.province.1).contains(&conditions::FORKED_LOG.to_owned()));
}

#[test]
fn work_on_a_losing_history_in_a_later_process_is_written_again_with_it() {
    let Imaged { province, b, place, original, image: (dir, witness, image), boot, shared, image_doc } =
        imaged();
    drop(image);
    let later = Store::open(&dir, place.options_with(&witness)).unwrap();
    write(&later, image_doc, Note {});
    let (late, _) = lodge(&later, "H27.101", "Phạm Thị Thử");
    // All of it goes to the province before anybody knows of the fork: the late process's note waits there.
    // The session stops what stands in the forked log.
    let sent = own_entries(&later).into_iter().filter(|entry| entry.log != boot).collect();
    deliver(&province.1, &later, sent);
    let counts = province.1.read(|view| view.entry_counts(NodeId([1; 16]))).unwrap();
    assert_eq!(counts.waiting, 1);
    tell_of_fork(&later, &province.1, boot);
    drop(later);
    let later = Store::open(&dir, place.options_with(&witness)).unwrap();
    assert!(!conditions(&later).contains(&ROLLED_BACK.to_owned()), "{:?}", conditions(&later));
    sync(&later, &province.1);
    later.write(|tx| tx.settle_forks(false)).unwrap();
    for _ in 0..2 {
        sync(&original, &province.1);
        sync(&later, &province.1);
    }
    sync(&b.1, &province.1);
    let counts = province.1.read(|view| view.entry_counts(NodeId([1; 16]))).unwrap();
    assert_eq!((counts.waiting, counts.quarantined, counts.refused), (0, 0, 0));
    for one in [&original, &later] {
        assert_eq!(summaries(one), summaries(&province.1));
        assert_eq!(acts_of(one, image_doc), ["note Counts", "receive Counts", "transfer Counts"]);
        assert_eq!(acts_of(one, late), ["receive Counts"]);
        assert_eq!(acts_of(one, shared).len(), 5);
    }
}

/// One session as the protocol runs it: heads compared, what the province lacks sent, items aside, the feed and what it
/// does not bring taken in.
fn session(node: &Store, province: &Store) {
    let seat = node.identity().seat.clone();
    for _ in 0..4 {
        for head in node.read(|view| view.own_logs()).unwrap() {
            let there = province.read(|view| view.log_head(head.boot)).unwrap();
            let there_lsn = there.map_or(0, |there| there.lsn);
            let at = there_lsn.min(head.lsn);
            let chain = |store: &Store| store.read(|view| view.chain_at(head.boot, at)).unwrap();
            if at > 0 && chain(node) != chain(province) {
                node.write(move |tx| tx.note_fork(head.boot, there_lsn)).unwrap();
            } else if head.lsn > there_lsn {
                let entries = node.read(|view| view.entries_after(head.boot, there_lsn, EVERYTHING)).unwrap();
                deliver(province, node, entries);
            }
        }
        pull(node, province, 700);
        for log in province.read(|view| view.logs_of(node.identity().machine)).unwrap() {
            let held = node.read(|view| view.log_head(log.boot)).unwrap().map_or(0, |head| head.lsn);
            let aside = province
                .read(|view| view.entries_outside_feed(&seat, log.boot, held, EVERYTHING, 1000))
                .unwrap();
            node.write(move |tx| tx.ingest(&aside, &Origin::Returned)).unwrap();
        }
        if !node.read(|view| view.has_open_fork()).unwrap() {
            return;
        }
        node.write(|tx| tx.settle_forks(false)).unwrap();
    }
    panic!("a fork does not end: {:?}", conditions(node));
}

/// Writes an act whose note is `mark`, on a dossier that is here.
fn write_marked(store: &Store, doc: DocId, body: Body, mark: &str) {
    let (seat, mark) = (store.identity().seat.clone(), mark.to_owned());
    store
        .write(move |tx| {
            let mut document = tx.document(doc)?.unwrap();
            let generation = fold(document.history()).process.generation;
            let mut act = act(&seat, generation, body);
            let is_correction = matches!(act.body, Body::CorrectField(_));
            let fields = is_correction.then(|| ("summary".to_owned(), mark.clone())).into_iter().collect();
            act.note = Some(mark);
            let writing = Writing { acts: vec![act], fields, ..Writing::default() };
            let at = tx.now();
            tx.append_change(doc, &mut document, &writing, at)
        })
        .unwrap();
}

/// One run: an office, images of it taken while it runs, another office; everybody works, restarts and calls at random.
fn forked_at_random(seed: u64) {
    let draws = std::cell::Cell::new(0_u64);
    let below = |count: usize| {
        draws.set(draws.get() + 1);
        let mixed = blake3::hash(format!("{seed} {}", draws.get()).as_bytes());
        usize::from(u16::from_le_bytes([mixed.as_bytes()[0], mixed.as_bytes()[1]])) % count
    };
    let (_p, province) = province();
    let (place, original) = node(1, "H27.101", "069");
    let (_b, b) = node(2, "H27.102", "080");
    grant(&original, &["070", "071", "072"]);
    enrol(&province, &original);
    enrol(&province, &b);
    let mut stores = vec![Some((place.dir.clone(), place.witness.clone(), original))];
    stores.push(Some((PathBuf::new(), PathBuf::new(), b)));
    let mut marks = BTreeSet::new();
    for step in 0..60 {
        let at = below(stores.len());
        let (dir, witness, store) = stores[at].take().unwrap();
        let mut store = store;
        match below(12) {
            0..=2 => {
                let competent = ["H27.101", "H27.102"][below(2)];
                lodge(&store, competent, "Nguyễn Văn Thử");
            }
            3..=7 => {
                let docs: Vec<DocId> = rows(&store).iter().map(|row| row.doc).collect();
                if !docs.is_empty() {
                    let mark = format!("{step} tại {at}");
                    let body: Body = match below(4) {
                        0 => transfer(["H27.101", "H27.102"][below(2)]).into(),
                        1 => TakeOver { step: None }.into(),
                        2 => CorrectField { field: "summary".to_owned() }.into(),
                        _ => Note {}.into(),
                    };
                    write_marked(&store, docs[below(docs.len())], body, &mark);
                    marks.insert(mark);
                }
            }
            8 if at != 1 && stores.len() < 5 && store.current_boot().is_some() => {
                stores.push(Some(image_of(&place, (&dir, &witness), &store, &format!("image-{step}"))));
            }
            9 if at != 1 => {
                drop(store);
                store = Store::open(&dir, place.options_with(&witness)).unwrap();
            }
            _ => session(&store, &province),
        }
        stores[at] = Some((dir, witness, store));
    }
    let stores: Vec<Store> = stores.into_iter().map(|one| one.unwrap().2).collect();
    for _ in 0..3 {
        stores.iter().for_each(|store| session(store, &province));
    }
    for machine in [NodeId([1; 16]), NodeId([2; 16])] {
        let counts = province.read(|view| view.entry_counts(machine)).unwrap();
        assert_eq!((counts.waiting, counts.quarantined, counts.refused), (0, 0, 0), "seed {seed}");
    }
    for (place, store) in stores.iter().enumerate() {
        let seat = store.identity().seat.clone();
        let mut entitled = rows(&province);
        entitled.retain(|row| province.read(|view| view.parties_of(row.doc)).unwrap().contains(&seat));
        let entitled: BTreeSet<String> = entitled.iter().map(summary).collect();
        let held: BTreeSet<String> = summaries(store).into_iter().collect();
        let apart: Vec<&String> = held.symmetric_difference(&entitled).collect();
        assert!(apart.is_empty(), "seed {seed}, machine {place}: {apart:#?}");
        let found: BTreeSet<&str> = findings(store).into_iter().collect();
        assert!(found.iter().all(|code| *code == "verify-number-twice"), "seed {seed}: {found:?}");
    }
    let mut seen = Vec::new();
    for row in rows(&province) {
        let state = province.read(|view| view.state(row.doc)).unwrap().unwrap();
        seen.extend(state.acts.iter().filter_map(|act| act.act.note.clone()));
    }
    seen.sort();
    assert_eq!(seen, marks.into_iter().collect::<Vec<_>>(), "seed {seed}: each act once, none lost");
}

#[test]
fn whatever_images_of_running_machines_do_each_act_is_there_once() {
    (0..12).for_each(forked_at_random);
}

#[test]
fn an_idle_image_that_hears_of_its_own_boot_goes_on_under_another() {
    let (_p, province) = province();
    let (place, a) = node(1, "H27.101", "069");
    grant(&a, &["070"]);
    enrol(&province, &a);
    let (doc, _) = lodge(&a, "H27.101", "Nguyễn Văn Thử");
    sync(&a, &province);
    let (_, _, image) = image_of(&place, (&place.dir, &place.witness), &a, "image");
    write(&a, doc, Note {});
    sync(&a, &province);
    pull(&image, &province, 700);
    assert_eq!(conditions(&image), [OTHER_COPY]);
    write(&image, doc, Note {});
    assert_ne!(image.current_boot(), a.current_boot());
    sync(&image, &province);
    sync(&a, &province);
    assert_eq!(summaries(&image), summaries(&province));
    assert_eq!(summaries(&a), summaries(&province));
    assert_eq!(acts_of(&a, doc).len(), 3);
}

fn refuse(province: &Store, id: i64) -> Vec<(BootId, Lsn, sync_protocol::ids::ChangeHash)> {
    province.write(move |tx| tx.decide(id, Decision::Refuse)).unwrap();
    let entry = province.read(|view| view.entry_facts(id)).unwrap().unwrap();
    vec![(entry.log, entry.lsn, entry.hash)]
}

#[test]
fn what_is_refused_leaves_its_dossier_and_what_was_done_later_is_written_again() {
    let (_p, province) = province();
    let (_a, a) = node(1, "H27.101", "069");
    enrol(&province, &a);
    let (doc, number) = lodge(&a, "H27.101", "Nguyễn Văn Thử");
    let (calm, _) = lodge(&a, "H27.101", "Trần Thị Giả");
    let boot = a.current_boot().unwrap();
    let paper = |name: &str| Writing {
        papers: vec![Paper {
            version: PAPER_VERSION,
            name: name.to_owned(),
            component: None,
            kind: PaperKind::Original,
            copies: 1,
            pages: None,
            hash: None,
            size_bytes: None,
        }],
        ..Writing::default()
    };
    let attach = |seat: &str, name: &str, key: &str| {
        let (seat, mut writing) = (code(seat), paper(name));
        let body = crate::dossier::act::AttachPaper { papers: vec![key.to_owned()] };
        writing.acts = vec![act(&seat, 0, body.into())];
        a.write(move |tx| {
            let mut document = tx.document(doc)?.unwrap();
            let at = tx.now();
            tx.append_change(doc, &mut document, &writing, at)
        })
        .unwrap()
        .hash
    };
    let wrong = attach("H27.102", "Của đơn vị khác", "p0");
    let right = attach("H27.101", "Của đơn vị mình", "p1");
    // This one decides about what is refused: it cannot be said again.
    let of_wrong = crate::dossier::act::ActId { change: wrong, index: 0 };
    write(&a, doc, crate::dossier::act::Attest { act: of_wrong, what: "x".to_owned() });
    write(&a, doc, transfer("H27.102"));
    write(&a, calm, Note {});
    sync(&a, &province);
    let machine = NodeId([1; 16]);
    let counts = || province.read(|view| view.entry_counts(machine)).unwrap();
    assert_eq!((counts().quarantined, counts().waiting), (1, 3), "dependants wait with it, nothing else");
    let id = province.read(|view| view.quarantined_rows(machine)).unwrap()[0];
    let refused = refuse(&province, id);
    let again = province.write(move |tx| tx.decide(id, Decision::Refuse)).unwrap_err();
    assert_eq!(again.code(), "quarantine-not-found", "it is decided");
    let untouched = a.read(|view| view.dossier(calm)).unwrap().map(|row| summary(&row));
    for _ in 0..2 {
        let refused = refused.clone();
        a.write(move |tx| tx.take_refusal(&refused, "sai đơn vị")).unwrap();
        assert_eq!(
            acts_of(&a, doc),
            ["attach_paper Counts", "receive Counts", "transfer Counts"],
            "once, however often it is told"
        );
    }
    assert_ne!(a.current_boot(), Some(boot), "under another boot");
    assert_eq!(a.read(|view| view.dossier(calm)).unwrap().map(|row| summary(&row)), untouched);
    let state = a.read(|view| view.state(doc)).unwrap().unwrap();
    let papers: Vec<_> =
        state.papers.iter().map(|(key, paper)| (key.as_str(), paper.name.as_str())).collect();
    assert_eq!(papers, [("p0", "Của đơn vị mình")]);
    let new = a.read(|view| view.reissued_as(right)).unwrap().unwrap();
    let attached = state.acts.iter().find(|act| act.id.change == new).unwrap();
    let Body::AttachPaper(attached) = &attached.act.body else { panic!("{attached:?}") };
    assert_eq!(attached.papers, ["p0"], "acts name papers as they are called now");
    assert_eq!(a.read(|view| view.reissued_as(wrong)).unwrap(), None);
    let told = a.read(|view| view.conditions()).unwrap().remove(0);
    let arg = |name: &str| told.args.iter().find(|(known, _)| known == name).unwrap().1.clone();
    assert_eq!(told.code, conditions::WORK_REFUSED);
    assert_eq!((arg("number"), arg("again"), arg("lost")), (number, "2".to_owned(), "2".to_owned()));
    let kept = a.read(|view| view.entry_facts_of(wrong)).unwrap().unwrap();
    assert_eq!((kept.state, kept.reason.as_deref()), (EntryState::Superseded, Some(reason::DECIDED)));
    sync(&a, &province);
    assert_eq!((counts().quarantined, counts().waiting, counts().refused), (0, 0, 0));
    assert_eq!(summaries(&a), summaries(&province));
    write(&a, doc, Note {});
    sync(&a, &province);
    assert_eq!(summaries(&a), summaries(&province));
    assert_eq!((findings(&a), findings(&province)), (vec![], vec![]));
}

#[test]
fn a_refused_beginning_takes_its_dossier_and_keeps_its_bytes() {
    let (_p, province) = province();
    let (_a, a) = node(1, "H27.101", "069");
    enrol(&province, &a);
    let (doc, number) = lodge(&a, "H27.101", "Nguyễn Văn Thử");
    write(&a, doc, Note {});
    let entries = own_entries(&a);
    province.write(|tx| tx.ban_machine(NodeId([1; 16]), "x")).unwrap();
    push(&a, &province);
    let id = province.read(|view| view.quarantined_rows(NodeId([1; 16]))).unwrap()[0];
    let refused = refuse(&province, id);
    a.write(move |tx| tx.take_refusal(&refused, "không phải hồ sơ")).unwrap();
    assert_eq!(rows(&a).len(), 0);
    let told = a.read(|view| view.conditions()).unwrap().remove(0);
    assert!(told.args.contains(&("number".to_owned(), number)), "{told:?}");
    assert_eq!(own_entries(&a)[..entries.len()], entries, "every byte is kept");
    assert_eq!(findings(&a), Vec::<&str>::new());
}

/// The process that ends at a change, as the test that starts it says.
#[test]
#[ignore = "run by a_change_that_ends_the_program_twice_is_set_aside_and_the_rest_flows, in a process of its own"]
fn child_that_takes_in_what_ends_it() {
    let dir = PathBuf::from(std::env::var("MOTCUA_TEST_DIR").unwrap());
    let place = Place::new(9, "H27", Role::Province);
    let province = Store::open(&dir, place.options_with(&dir.with_extension("witness"))).unwrap();
    let (node, _place, entries) = some_entries();
    deliver(&province, &node, entries);
}

#[test]
fn a_change_that_ends_the_program_twice_is_set_aside_and_the_rest_flows() {
    let (place, province) = province();
    let (node, _node_place, entries) = some_entries();
    enrol(&province, &node);
    drop(province);
    let witness = place.dir.with_extension("witness");
    std::fs::rename(&place.witness, &witness).unwrap();
    let run = |end_at: Option<&Entry>| {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", "store::tests::child_that_takes_in_what_ends_it", "--ignored"])
            .env("MOTCUA_TEST_DIR", &place.dir)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        if let Some(entry) = end_at {
            child.env(trying::tests::END_AT, entry.hash.to_string());
        }
        child.status().unwrap().success()
    };
    let poison = &entries[1];
    assert!(!run(Some(poison)), "it ends the process");
    assert!(!run(Some(poison)), "and the next one");
    assert!(run(Some(poison)), "not the third");
    let province = Store::open(&place.dir, place.options_with(&witness)).unwrap();
    assert_eq!(conditions(&province), [conditions::DEADLY_CHANGE]);
    let kept = province.read(|view| view.quarantine(None, 9)).unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].hash, kept[0].reason.as_deref()), (poison.hash, Some(reason::ENDS_PROGRAM)));
    assert_eq!(rows(&province).len(), 1, "only its own dossier lacks it");
    let counts = province.read(|view| view.entry_counts(NodeId([1; 16]))).unwrap();
    assert_eq!(counts.quarantined, 1);
    // A newer program that can take it.
    province.write(|tx| tx.rebuild()).unwrap();
    assert_eq!(conditions(&province), Vec::<String>::new());
    assert_eq!(rows(&province).len(), 2);
    assert_eq!(findings(&province), Vec::<&str>::new());
}

#[test]
fn a_feed_is_taken_in_order_and_begins_anew_under_another_id() {
    let (node, _place, _) = some_entries();
    let (_p, first) = province();
    enrol(&first, &node);
    sync(&node, &first);
    let head = node.read(|view| view.feed_head(&code("H27.101"))).unwrap().unwrap();
    let batch = |feed, after, pieces| FeedBatch { feed, after, pieces };
    let store = |batch: FeedBatch| node.write(move |tx| tx.store_feed(&batch)).unwrap();
    assert_eq!(store(batch(head.feed, head.position + 1, vec![])), FeedStored::NotNext { head: Some(head) });
    let other = sync_protocol::ids::FeedId([4; 16]);
    assert_eq!(store(batch(other, 3, vec![])), FeedStored::NotNext { head: Some(head) });
    let log = own_entries(&node)[0].log;
    let run = FeedPiece::OwnRun { log, first: 1, last: 99 };
    let missing = store(batch(head.feed, head.position, vec![run]));
    assert!(matches!(missing, FeedStored::MissingOwn { last: 99, .. }), "{missing:?}");
    let fork = Entry { hash: sync_protocol::ids::ChangeHash([1; 32]), ..own_entries(&node)[1].clone() };
    let forked = store(batch(head.feed, head.position, vec![FeedPiece::Entry(fork)]));
    assert!(matches!(forked, FeedStored::Forked { .. }), "{forked:?}");
    // A province that was put back went on in another way: what comes next stands further back here.
    let last = own_entries(&node).last().unwrap().clone();
    let differs = store(batch(head.feed, head.position, vec![FeedPiece::Entry(last)]));
    assert_eq!(differs, FeedStored::Differs { head: Some(head) });
    // A restored province gives another id: position 0, entries stay.
    let (_p2, second) = province();
    enrol(&second, &node);
    push(&node, &second);
    let before = summaries(&node);
    pull(&node, &second, 700);
    assert_eq!(summaries(&node), before);
    assert_eq!(findings(&node), Vec::<&str>::new());
    node.write(move |tx| tx.begin_feed(other)).unwrap();
    let head = node.read(|view| view.feed_head(&code("H27.101"))).unwrap().unwrap();
    assert_eq!((head.feed, head.position, head.digest), (other, 0, Digest::default()));
}

#[test]
fn digests_in_the_middle_of_a_long_feed_are_those_of_a_plain_sum() {
    let (_p, province) = province();
    let (_a, a) = node(1, "H27.101", "069");
    enrol(&province, &a);
    let tickets: Vec<_> = (0..200)
        .map(|n| a.submit(move |tx| tx.append_entry(EntryKind::ANCHOR, format!("{n}").as_bytes())))
        .collect();
    tickets.into_iter().for_each(|ticket| {
        ticket.wait().unwrap();
    });
    push(&a, &province);
    let seat = code("H27.101");
    let page = province.read(|view| view.feed_after(&seat, 0, &FeedLimits::ALL)).unwrap().unwrap();
    assert_eq!(page.rows.len(), 201);
    let key = sync_protocol::head::feed_key(page.head.feed);
    let mut digest = Digest::default();
    for row in &page.rows {
        digest = digest.plus(&key, row.entry.link());
        let told = province.read(|view| view.feed_digest_at(&seat, row.position)).unwrap();
        assert_eq!(told, Some(digest), "{}", row.position);
    }
    assert_eq!((digest, digest), (page.head.digest, page.end_digest));
    assert_eq!(province.read(|view| view.feed_digest_at(&seat, 202)).unwrap(), None);
    let marks: i64 = province
        .read(|view| Ok(view.connection.query_row("SELECT count(*) FROM feed_mark", [], |row| row.get(0))?))
        .unwrap();
    assert_eq!(marks, 3, "at 64, 128 and 192, so that no question sums the whole feed");
    let limits = FeedLimits { holds: &|_position, _log, lsn| lsn >= 199, ..FeedLimits::ALL };
    let own = province.read(|view| view.feed_after(&seat, 198, &limits)).unwrap().unwrap();
    assert_eq!(own.rows.iter().map(|row| row.entry.body.is_some()).collect::<Vec<_>>(), [false; 3]);
}

// ---- items, proofs, machines, lists, verify ------------------------------------------------------------------------

fn item(n: u64, parents: &[Hash]) -> Item {
    let bytes = format!("item {n} after {parents:?}").into_bytes();
    Item { n, hash: Hash(*blake3::hash(&bytes).as_bytes()), parents: parents.to_vec(), kind: 3, bytes }
}

#[test]
fn items_are_taken_in_their_chain_and_others_laid_aside() {
    let (_p, store) = province();
    let one = item(1, &[]);
    let two = item(2, &[one.hash]);
    let store_item = |item: &Item| {
        let item = item.clone();
        store.write(move |tx| tx.store_item(&item)).unwrap()
    };
    assert_eq!(store_item(&two), ItemStored::Gap { n: 0 });
    assert_eq!(store_item(&one), ItemStored::Stored);
    assert_eq!(store_item(&item(2, &[Hash([7; 32])])), ItemStored::Aside);
    assert_eq!(store_item(&two), ItemStored::Stored);
    assert_eq!([store_item(&two), store_item(&one)], [ItemStored::Repeated, ItemStored::Repeated]);
    let other_first = Item { bytes: b"x".to_vec(), hash: Hash([6; 32]), ..item(1, &[]) };
    assert_eq!(store_item(&other_first), ItemStored::Aside);
    let (head, items) = store.read(|view| Ok((view.item_head()?, view.items_after(0, EVERYTHING)?))).unwrap();
    assert_eq!((head.n, head.hash), (2, Some(two.hash)));
    assert_eq!(items.iter().map(|item| item.bytes.clone()).collect::<Vec<_>>(), [one.bytes, two.bytes]);
    assert_eq!(store.read(|view| view.items_after(0, 1)).unwrap().len(), 1);
}

#[test]
fn a_restored_province_gets_the_newest_item_last_and_what_stands_beside_it_before() {
    let (_p, store) = province();
    let (one, beside) = (item(1, &[]), item(2, &[Hash([7; 32])]));
    let two = item(2, &[one.hash]);
    for item in [&one, &two, &beside] {
        let item = item.clone();
        store.write(move |tx| tx.store_item(&item)).unwrap();
    }
    let three = item(3, &[two.hash]);
    let (mut after, mut given) = (0, Vec::new());
    loop {
        // One at a time: the newest lies in the middle.
        let page =
            store.read(|view| view.items_beyond_ending_with(two.hash, Hash([0; 32]), after, 1)).unwrap();
        let Some((place, item)) = page.into_iter().next() else { break };
        after = place;
        given.push(item.hash);
        if given.len() == 1 {
            // Another session brings one that nobody told the province of.
            let three = three.clone();
            store.write(move |tx| tx.store_item(&three)).unwrap();
        }
    }
    assert_eq!(given, [one.hash, beside.hash, three.hash, two.hash]);
    let ends = store.read(|view| view.unjoined_items(8)).unwrap();
    assert_eq!(ends, [(2, beside.hash)], "and a joining item names it too");
}

#[test]
fn the_directory_in_force_is_the_newest_that_holds_already() {
    let (_p, store) = province();
    for (version, effective_at, signed_at) in [(1, 100, 50), (2, 200, 100), (3, 300, 100)] {
        let body = vec![u8::try_from(version).unwrap(); 5000];
        let directory = DirectoryVersion {
            version,
            item: u64::from(version),
            hash: Hash([9; 32]),
            effective_at: Millis(effective_at),
            signed_at: Millis(signed_at),
            body,
        };
        store.write(move |tx| tx.store_directory(&directory)).unwrap();
    }
    let in_force = |at| store.read(|view| view.effective_directory(Millis(at))).unwrap();
    assert_eq!(in_force(99), None);
    assert_eq!(in_force(299).map(|found| (found.version, found.body)), Some((2, vec![2; 5000])));
    assert_eq!(store.read(|view| view.newest_directory()).unwrap(), Some((3, Hash([9; 32]))));
    assert_eq!(store.read(|view| view.directory(1)).unwrap().map(|found| found.version), Some(1));
}

#[test]
fn a_machine_whose_clock_is_behind_uses_what_held_when_the_province_signed_it() {
    let (_p, store) = province();
    for (version, effective_at, signed_at) in [(1, 100, 100), (2, 200, 150), (3, 160, 160)] {
        let directory = DirectoryVersion {
            version,
            item: u64::from(version),
            hash: Hash([9; 32]),
            effective_at: Millis(effective_at),
            signed_at: Millis(signed_at),
            body: vec![1; 10],
        };
        store.write(move |tx| tx.store_directory(&directory)).unwrap();
        let in_force = |at| store.read(|view| view.effective_directory_version(Millis(at))).unwrap();
        let of_1970 = in_force(0).map(|(version, _)| version);
        assert_eq!(of_1970, Some(if version == 3 { 3 } else { 1 }), "with version {version} here");
        assert_eq!(
            store.read(|view| view.effective_directory(Millis(0))).unwrap().map(|found| found.version),
            of_1970
        );
    }
}

#[test]
fn proofs_and_acks_show_how_far_each_change_has_got() {
    let (_place, store) = node(1, "H27.101", "069");
    let (doc, _) = lodge(&store, "H27.101", "Nguyễn Văn Thử");
    write(&store, doc, Note {});
    write(&store, doc, Note {});
    let boot = store.current_boot().unwrap();
    assert_eq!(store.read(|view| view.unproved()).unwrap().changes, 3);
    let proof = |number, at| StoredProof {
        machine: NodeId([1; 16]),
        number,
        hash: Hash([1; 32]),
        at: Millis(at),
        position: 1,
        digest: Digest::default(),
        applied: 1,
        waiting: 0,
        quarantined: 0,
        refused: 0,
        bytes: format!("{at}").into_bytes(),
    };
    store
        .write(move |tx| {
            tx.store_proof(&proof(1, 100), &[(boot, 2)])?;
            tx.store_proof(&proof(2, 200), &[(boot, 3)])?;
            tx.store_proof(&proof(2, 300), &[(boot, 3)])?;
            tx.store_proof(&proof(2, 250), &[(boot, 3)])?;
            tx.set_acked(boot, 4)
        })
        .unwrap();
    let ladder: Vec<_> = store
        .read(|view| view.delivery_of(doc))
        .unwrap()
        .into_iter()
        .map(|step| (step.lsn, step.is_own, step.is_acked, step.proof))
        .collect();
    assert_eq!(ladder, [(2, true, true, Some(1)), (3, true, true, Some(2)), (4, true, true, None)]);
    let (last, all, unproved) = store
        .read(|view| {
            let machine = NodeId([1; 16]);
            Ok((view.last_proof(machine)?, view.proofs_after(machine, 0)?, view.unproved()?))
        })
        .unwrap();
    assert_eq!(last.map(|last| (last.number, last.at)), Some((2, Millis(300))), "a renewal is never older");
    assert_eq!((all.len(), unproved.changes, unproved.dossiers), (2, 1, 1));
    store.write(move |tx| tx.take_back_acked(boot, 3)).unwrap();
    assert_eq!(store.read(|view| view.log_head(boot)).unwrap().map(|log| log.acked_lsn), Some(3));
}

#[test]
fn an_enrolment_code_serves_one_machine_in_time() {
    let (place, store) = province();
    let (code_hash, seat) = (Hash([1; 32]), code("H27.101"));
    let expires_at = Millis(place.clock.wall.load(Ordering::Relaxed) + 1000);
    let agency = seat.clone();
    store.write(move |tx| tx.store_enrolment(code_hash, &agency, expires_at)).unwrap();
    let late = Hash([2; 32]);
    let agency = seat.clone();
    store.write(move |tx| tx.store_enrolment(late, &agency, expires_at)).unwrap();
    let take = |code_hash, node| {
        store
            .write(move |tx| tx.use_enrolment(code_hash, NodeId([node; 16])))
            .map_err(|error| error.code().to_owned())
    };
    assert_eq!(take(Hash([3; 32]), 1), Err("enrol-unknown-code".to_owned()));
    assert_eq!(take(code_hash, 1), Ok(seat.clone()));
    assert_eq!(take(code_hash, 2), Err("enrol-code-used".to_owned()));
    place.clock.wall.fetch_add(1000, Ordering::Relaxed);
    assert_eq!(take(code_hash, 1), Ok(seat), "an answer lost on the line may be asked for again");
    assert_eq!(take(late, 1), Err("enrol-code-expired".to_owned()));
}

#[test]
fn lists_filter_search_without_marks_and_go_on_where_they_stopped() {
    let (_place, store) = node(1, "H27.101", "069");
    let mut docs = Vec::new();
    for owner in ["Nguyễn Văn Thử", "Đặng Thị Mẫu", "Trần Văn Thử"] {
        docs.push(lodge(&store, "H27.101", owner).0);
    }
    write(&store, docs[1], transfer("H27.102"));
    let list = |filter: ListFilter| -> Vec<DocId> {
        let found: Vec<DocId> =
            store.read(|view| view.list(&filter)).unwrap().iter().map(|row| row.doc).collect();
        assert_eq!(store.read(|view| view.count(&filter)).unwrap(), found.len() as u64);
        found
    };
    let query = |text: &str| list(ListFilter { query: Some(text.to_owned()), ..ListFilter::default() });
    assert_eq!(list(ListFilter::default()), docs);
    assert_eq!(query("dang thi"), [docs[1]]);
    assert_eq!(query("THU"), [docs[0], docs[2]]);
    assert_eq!(query("0690003"), [docs[2]]);
    assert_eq!(query("không có"), []);
    assert_eq!(query(" … % _ "), [], "signs alone are in no name");
    assert_eq!(query("  "), docs);
    assert_eq!(list(ListFilter { status: Some(4), ..ListFilter::default() }), [docs[1]]);
    assert_eq!(list(ListFilter { holder: Some(code("H27.102")), ..ListFilter::default() }), [docs[1]]);
    assert_eq!(list(ListFilter { needs_person: true, ..ListFilter::default() }), []);
    let first =
        store.read(|view| view.list(&ListFilter { limit: Some(2), ..ListFilter::default() })).unwrap();
    let after = first.last().map(|row| (row.number.clone().unwrap(), row.doc));
    assert_eq!(list(ListFilter { after: after.clone(), ..ListFilter::default() }), [docs[2]]);
    let page = store.read(|view| view.documents_by_number(after.as_ref(), 10)).unwrap();
    assert_eq!(page.iter().map(|(_, doc)| *doc).collect::<Vec<_>>(), [docs[2]]);
}

#[test]
fn overdue_counts_by_day_and_only_open_dossiers() {
    let (_place, store) = node(1, "H27.101", "069");
    let (doc, _) = lodge(&store, "H27.101", "Nguyễn Văn Thử");
    let due_at = crate::clock::parse_rfc3339("2026-03-05T17:00:00+07:00").unwrap();
    let overdue = |at: &str| {
        let overdue_at = crate::clock::parse_rfc3339(at);
        store.read(|view| view.count(&ListFilter { overdue_at, ..ListFilter::default() })).unwrap()
    };
    assert_eq!(overdue("2030-01-01T00:00:00+07:00"), 0, "no due date is never overdue");
    store
        .write(move |tx| tx.execute("UPDATE dossier SET due_at = ?2 WHERE doc = ?1", (doc.0, due_at.0)))
        .unwrap();
    assert_eq!(overdue("2026-03-05T23:59:59+07:00"), 0);
    assert_eq!(overdue("2026-03-06T00:00:01+07:00"), 1);
    store.write(move |tx| tx.execute("UPDATE dossier SET finished_at = 1 WHERE doc = ?1", [doc.0])).unwrap();
    assert_eq!(overdue("2026-03-06T00:00:01+07:00"), 0);
}

#[test]
fn verify_finds_every_planted_damage() {
    let plant = |statement: &'static str| {
        let (node, _place, _) = some_entries();
        let (_p, province) = province();
        enrol(&province, &node);
        push(&node, &province);
        assert_eq!(findings(&province), Vec::<&str>::new());
        province
            .write(move |tx| {
                tx.connection().execute_batch(statement)?;
                Ok(())
            })
            .unwrap();
        findings(&province).into_iter().collect::<BTreeSet<_>>()
    };
    for (statement, expected) in [
        ("UPDATE log SET chain = zeroblob(32) WHERE id = 1", "verify-chain"),
        ("UPDATE entry SET kind = 9 WHERE id = 1", "verify-chain"),
        ("UPDATE body SET bytes = x'28b52ffd' WHERE entry = 2", "verify-body"),
        (
            "UPDATE body SET bytes = (SELECT bytes FROM body WHERE entry = 2), \
          size_bytes = (SELECT size_bytes FROM body WHERE entry = 2) WHERE entry = 3",
            "verify-body",
        ),
        ("DELETE FROM feed_row WHERE position = 2", "verify-feed-gap"),
        ("UPDATE feed SET digest = zeroblob(32)", "verify-feed-digest"),
        ("UPDATE dossier SET holder = 'H27.103'", "verify-view"),
        ("DELETE FROM party WHERE seat = 'H27.102'", "verify-view"),
        (
            "INSERT INTO feed (seat, feed, digest) VALUES ('H27.102', zeroblob(16), zeroblob(32))",
            "verify-feed-missing",
        ),
        ("UPDATE dossier SET number = 'H27.101-260302-0690001'", "verify-number-twice"),
        (
            "INSERT INTO series (series, granted_at, state, changed_at) VALUES ('069', 0, 2, 0)",
            "verify-number-above-counter",
        ),
    ] {
        let found = plant(statement);
        assert!(found.contains(expected), "{statement}: {found:?}");
    }
}

#[test]
fn conditions_keep_their_beginning_and_the_audit_is_newest_first() {
    let place = Place::commune();
    let store = place.create();
    store.write(|tx| tx.set_condition("other-copy", "", &[("boot", "a".to_owned())])).unwrap();
    let since = store.read(|view| view.conditions()).unwrap()[0].since;
    store.write(|tx| tx.set_condition("other-copy", "", &[("boot", "b".to_owned())])).unwrap();
    let now = store.read(|view| view.conditions()).unwrap();
    assert_eq!((now.len(), now[0].since, now[0].args[0].1.as_str()), (1, since, "b"));
    store.write(|tx| tx.clear_condition("other-copy", "")).unwrap();
    assert_eq!(conditions(&store), Vec::<String>::new());
    store
        .write(|tx| {
            tx.audit_row("receive", Some(&"H27.101/02".parse().unwrap()), Some(DocId([1; 16])))?;
            tx.audit_row("rebuild", None, None)
        })
        .unwrap();
    let rows = store.read(|view| view.audit(10)).unwrap();
    assert_eq!(rows.iter().map(|row| row.what.as_str()).collect::<Vec<_>>(), ["rebuild", "receive"]);
    assert_eq!(rows[1].officer.as_deref(), Some("H27.101/02"));
}

#[test]
fn every_refusal_of_the_store_has_words_for_a_person() {
    let errors = [
        StoreError::Locked,
        StoreError::Absent { path: "x".into() },
        StoreError::Newer { found: 2, ours: 1 },
        StoreError::Corrupt { what: "x".to_owned() },
        StoreError::Io(Arc::new(std::io::Error::other("x"))),
    ];
    for error in errors {
        let refusal = error.to_refusal();
        assert_eq!(refusal.code, error.code());
        for language in crate::i18n::Language::ALL {
            let said = crate::i18n::say(language, &refusal);
            assert!(said.next.is_some() && !said.message.contains('{'), "{said:?}");
        }
    }
}
