//! Images of machines: of one that stood still, with its witness, and of one that was running. All go to work.
//!
//! No process can be imaged here, so what an image is comes about in this one: two offices on copies of one directory
//! that draw the same random bytes and read the same clock are one running machine, until the sources part.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use motcua_node::clock::Clock;
use motcua_node::clock::SystemClock;
use motcua_node::roles;
use motcua_node::store::OpenOptions;
use motcua_node::store::Random;
use motcua_node::store::StoreError;
use motcua_node::sync::driver::NodeStore;
use motcua_node::sync::driver::ProvinceStore;
use motcua_node::sync::node_store::NodeSide;
use motcua_node::sync::province_store::ProvinceSide;
use motcua_tests::faults::machine::copy_folder;
use motcua_tests::office::Office;
use motcua_tests::office::Province;
use motcua_tests::office::act_line;
use motcua_tests::office::lodging;
use motcua_tests::office::lodging_for;
use motcua_tests::office::sync_all;
use motcua_tests::program::Home;
use serde_json::Value;
use serde_json::json;
use sync_protocol::frame::LogAck;
use sync_protocol::ids::PublicKey;
use sync_protocol::run::ChangeRun;
use sync_protocol::run::EntryRun;
use sync_protocol::time::Millis;

/// The same bytes for the same count of draws, until `lane` tells two machines apart.
#[derive(Debug)]
struct ImagedRandom {
    drawn: AtomicU64,
    lane: AtomicU64,
}

impl Random for ImagedRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), StoreError> {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        let lane = self.lane.load(Ordering::Relaxed);
        for (at, byte) in bytes.iter_mut().enumerate() {
            let place = u64::try_from(at).unwrap();
            let mixed = (drawn << 32 | lane << 16 | place).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            *byte = (mixed >> 40).to_le_bytes()[0];
        }
        Ok(())
    }
}

/// A clock that goes on by one millisecond whenever it is asked.
#[derive(Debug)]
struct ImagedClock {
    wall: AtomicI64,
}

impl Clock for ImagedClock {
    fn wall(&self) -> Millis {
        Millis(self.wall.fetch_add(1, Ordering::Relaxed))
    }

    fn monotonic_ms(&self) -> u64 {
        7
    }

    fn wait_ms(&self, _duration_ms: u64) {}
}

/// A running machine whose sources are ours.
struct Running {
    office: roles::Office,
    random: Arc<ImagedRandom>,
}

impl Running {
    fn open(home: &Home, at: Millis) -> Self {
        let random = Arc::new(ImagedRandom { drawn: AtomicU64::new(0), lane: AtomicU64::new(0) });
        let clock = Arc::new(ImagedClock { wall: AtomicI64::new(at.0) });
        let source = Arc::clone(&random);
        let office = roles::Office::open_with(&home.dir, |_| {
            let mut options = OpenOptions::new(home.witness.clone());
            options.random = source;
            options.clock = clock;
            options
        })
        .unwrap();
        Self { office, random }
    }

    fn lodges(&self, line: &Value) -> String {
        let answer = self.office.desk.lodge(&line.to_string(), false).wait().unwrap();
        answer["number"].as_str().unwrap().to_owned()
    }

    fn does(&self, number: &str, act: &Value) {
        let line = act_line("H27.101", number, act).to_string();
        self.office.desk.act(&line, false).wait().unwrap();
    }
}

/// What a machine would send of the log that both halves of [`Imaged`] write, after this position.
fn run_of(office: &roles::Office, after: u64) -> ChangeRun {
    let boot = office.store.read(|view| view.own_logs()).unwrap()[0].boot;
    let mut side = NodeSide::new(Arc::clone(&office.store), Arc::clone(&office.identity));
    let (entries, head) = side.log(boot, after, usize::MAX, 100).unwrap();
    let head = head.unwrap();
    ChangeRun { run: EntryRun::new(entries).unwrap(), chain: head.head.chain, signature: head.signature }
}

#[test]
fn of_two_copies_that_send_at_once_one_history_is_taken() {
    let mut province = Province::new();
    let it = imaged(&province);
    province.office.stop();
    {
        let opened =
            |office: &Office| roles::Office::open(&office.home.dir, |_| office.home.witness.clone()).unwrap();
        let (centre, original, image) = (opened(&province.office), opened(&it.original), opened(&it.image));
        let take = |run: ChangeRun| {
            let (store, identity) = (Arc::clone(&centre.store), Arc::clone(&centre.identity));
            let (machine, seat) = (original.identity.node(), original.identity.seat().clone());
            ProvinceSide::new(store, identity, machine, seat).store_changes(vec![run])
        };
        let first = run_of(&original, 0);
        let head = first.head().head;
        assert!(take(first).is_ok());
        // The image's session began before that: its first batch was on the way, and so is what follows it.
        for after in [0, head.lsn] {
            let refused = take(run_of(&image, after));
            assert!(
                matches!(&refused, Err(StoreError::Refused(refusal)) if refusal.code == "log-forked-meanwhile"),
                "{refused:?}"
            );
            let held = centre.store.read(|view| view.log_head(head.boot)).unwrap().unwrap();
            assert_eq!((held.lsn, held.chain), (head.lsn, head.chain), "nothing of the image's is behind it");
        }
    }
    province.start();
    assert_written_again(&province, &it);
}

/// An image of a machine that stands still: directory and witness.
fn image_of(office: &Office, place: &Path, name: &str) -> Office {
    let home = Home::below(place, name);
    copy_folder(&office.home.dir, &home.dir);
    std::fs::copy(&office.home.witness, &home.witness).unwrap();
    Office { code: office.code.clone(), home, serving: None }
}

/// The dossiers of an export, line by line: two with one number stand both in it.
fn exported(office: &Office) -> Vec<String> {
    let answer = office.home.done(&["dossier", "export"]);
    let lines = answer.text.lines().filter(|line| !line.contains("\"summary\":{"));
    lines.map(str::to_owned).collect()
}

/// What is named in the conditions of every machine, and how often `export` has each number.
fn assert_told_and_even(province: &Office, machines: &[&Office], dossiers: usize, told: &[&str]) {
    let held = exported(province);
    assert_eq!(held.len(), dossiers, "nothing is lost");
    for machine in machines {
        assert_eq!(exported(machine), held, "{}", machine.home.dir.display());
        let conditions = machine.conditions();
        for code in told {
            assert!(
                conditions.iter().any(|told| told == code),
                "{} is told {code}: {conditions:?}",
                machine.home.dir.display()
            );
        }
    }
    assert!(province.condition("duplicate-number").is_some());
}

#[test]
fn a_whole_image_with_its_witness_prints_the_same_number_both_dossiers_are_kept_and_all_are_told() {
    let province = Province::new();
    let original = province.commune("H27.101");
    let _before = original.lodged(&[lodging("H27.101", 1)]);
    original.sync();
    let image = image_of(&original, province.place(), "image");
    let ours = original.lodged(&[lodging("H27.101", 2)]);
    let theirs = image.lodged(&[lodging("H27.101", 3)]);
    assert_eq!(ours, theirs, "nothing could tell them apart");
    sync_all(&[&original, &image]);
    let told = ["other-copy", "duplicate-series", "duplicate-number"];
    assert_told_and_even(&province.office, &[&original, &image], 3, &told);
    // A copy of the copy is told, too.
    original.home.done(&["condition", "dismiss", "other-copy"]);
    assert!(original.condition("other-copy").is_none());
    let second = image_of(&image, province.place(), "second");
    let _third = second.lodged(&[lodging("H27.101", 4)]);
    sync_all(&[&second, &original, &image]);
    assert_told_and_even(&province.office, &[&original, &image, &second], 4, &["other-copy"]);
    // What ends by itself is not taken away, and what does not stand cannot be.
    for (code, refused) in [("duplicate-number", "condition-stands"), ("no-such", "condition-unknown")] {
        let answer = original.home.run(&["condition", "dismiss", code]);
        assert_eq!((answer.code, answer.error_code()), (Some(2), Some(refused)));
    }
}

/// A machine that was imaged while it ran, with work that was not sent, and what both did then.
struct Imaged {
    original: Office,
    image: Office,
    shared: String,
    number: String,
    /// An act of the image on the dossier of both.
    act_id: String,
}

fn imaged(province: &Province) -> Imaged {
    let original = province.commune("H27.101");
    let image = image_of(&original, province.place(), "image");
    let at = SystemClock::new().wall();
    let (ours, theirs) = (Running::open(&original.home, at), Running::open(&image.home, at));
    // One machine still: the same work, not sent.
    let shared = ours.lodges(&lodging_for("H27.101", 1, "H27.102"));
    assert_eq!(theirs.lodges(&lodging_for("H27.101", 1, "H27.102")), shared);
    assert_eq!(ours.office.store.current_boot(), theirs.office.store.current_boot());
    theirs.random.lane.store(1, Ordering::Relaxed);
    // Two from here on.
    let number = ours.lodges(&lodging("H27.101", 2));
    assert_eq!(theirs.lodges(&lodging("H27.101", 3)), number, "both print it");
    ours.does(&shared, &json!({"act": "transfer", "to": "H27.102"}));
    let note = act_line("H27.101", &shared, &json!({"act": "note", "note": "Công dân gọi hỏi"}));
    let act = theirs.office.desk.act(&note.to_string(), false).wait().unwrap();
    theirs.does(&shared, &json!({"act": "note", "note": "Đã trả lời"}));
    let act_id = act["act_id"].as_str().unwrap().to_owned();
    Imaged { original, image, shared, number, act_id }
}

fn assert_written_again(province: &Province, it: &Imaged) {
    sync_all(&[&it.original, &it.image]);
    assert_told_and_even(
        &province.office,
        &[&it.original, &it.image],
        3,
        &["other-copy", "duplicate-number"],
    );
    for office in [&it.image, &province.office] {
        let told = office.conditions();
        let says = |code: &str| told.iter().any(|told| told == code);
        assert!(says("log-reissued") && !says("forked-log"), "{told:?}");
    }
    let dossier = province.office.dossier(&it.shared);
    let acts: Vec<&str> =
        dossier["acts"].as_array().unwrap().iter().map(|act| act["act"].as_str().unwrap()).collect();
    let count = |name: &str| acts.iter().filter(|act| **act == name).count();
    assert_eq!((count("receive"), count("transfer"), count("note")), (1, 1, 2), "{acts:?}");
    assert_eq!(dossier["contested"], json!([]), "notes exclude nothing");
    // What was printed is found under its new id, by whoever asks.
    for office in [&it.image, &province.office] {
        let shown = office.show(&it.shared);
        let found = shown["acts"].as_array().unwrap().iter().find(|act| {
            act["formerly"].as_array().is_some_and(|ids| ids.iter().any(|id| *id == it.act_id.as_str()))
        });
        assert_eq!(found.expect("the printed act")["note"], "Công dân gọi hỏi");
    }
    for office in [&it.original, &it.image, &province.office] {
        let found = office.home.run(&["verify"]);
        let codes: Vec<&Value> =
            found.value()["findings"].as_array().unwrap().iter().map(|one| &one["code"]).collect();
        assert_eq!(codes, ["verify-number-twice"], "{}", found.text);
    }
    let proof = &it.image.status()["last_proof"];
    assert_eq!(
        (&proof["waiting"], &proof["quarantined"], &proof["refused"]),
        (&json!(0), &json!(0), &json!(0))
    );
    assert_eq!(it.image.status()["waiting_changes"], 0);
}

/// What one writes for the other on a stick; of a province for the only machine of its first office.
fn written(from: &Office, to: &Path, name: &str) -> Value {
    let path = to.join(name);
    let mut arguments = vec!["bundle", "export", "--out", path.to_str().unwrap()];
    if from.code == "H27" {
        arguments.extend(["--agency", "H27.101"]);
    }
    from.home.done(&arguments).value().clone()
}

/// Takes in what lies on a stick, whether it is of use or not.
fn taken(at: &Office, from: &Path, name: &str) -> Value {
    let path = from.join(name);
    at.home.run(&["bundle", "import", path.to_str().unwrap()]).value().clone()
}

/// One round of the stick.
fn carried(province: &Province, commune: &Office, name: &str) -> Value {
    let (up, down) = (format!("{name}-up"), format!("{name}-down"));
    written(commune, province.place(), &up);
    taken(&province.office, province.place(), &up);
    written(&province.office, province.place(), &down);
    taken(commune, province.place(), &down)
}

/// The province says that it has this much of another history of the log that both halves of [`Imaged`] write.
fn told_of_a_fork(at: &Office, lsn: u64) {
    let office = roles::Office::open(&at.home.dir, |_| at.home.witness.clone()).unwrap();
    let boot = office.store.read(|view| view.own_logs()).unwrap()[0].boot;
    let mut side = NodeSide::new(Arc::clone(&office.store), Arc::clone(&office.identity));
    side.forked(&[LogAck { boot, lsn }]).unwrap();
}

fn is_told(office: &Office, code: &str) -> bool {
    office.conditions().iter().any(|told| told == code)
}

/// Seed 1022 of the simulation: an answer to an older hello set aside what a bundle had just brought, for good.
#[test]
fn what_is_said_of_a_history_that_is_no_longer_here_is_no_fork() {
    let province = Province::new();
    let it = imaged(&province);
    let office = roles::Office::open(&it.image.home.dir, |_| it.image.home.witness.clone()).unwrap();
    let heads = || office.store.read(|view| view.own_logs()).unwrap();
    let session = || {
        let mut side = NodeSide::new(Arc::clone(&office.store), Arc::clone(&office.identity));
        side.facts(1, PublicKey([0; 32])).unwrap();
        side
    };
    let boot = heads()[0].boot;
    session().acked(&[LogAck { boot, lsn: 2 }], None).unwrap();
    let first = heads();
    let told = [LogAck { boot, lsn: 3 }];
    let (mut slow, mut quick) = (session(), session());
    quick.forked(&told).unwrap();
    let cured = heads();
    assert_ne!(cured, first);
    slow.forked(&told).unwrap();
    assert_eq!(heads(), cured, "it is about what no longer stands there");
    // Who says it of what stands there now is heard.
    session().forked(&told).unwrap();
    assert_ne!(heads(), cured);
}

/// Seeds 20015 and 20053 of the simulation: an answer that was on the way made the machine write again what both halves
/// had written, and the province had from the other; there the second beginning was refused, and later acts waited.
#[test]
fn an_answer_that_was_on_the_way_when_a_fork_was_told_settles_nothing() {
    let province = Province::new();
    let it = imaged(&province);
    written(&province.office, province.place(), "on-the-way");
    it.original.sync();
    written(&it.image, province.place(), "up");
    assert_eq!(taken(&province.office, province.place(), "up")["outcome"], "partial");
    told_of_a_fork(&it.image, 4);
    let answer = taken(&it.image, province.place(), "on-the-way");
    assert_eq!(answer["is_proved"], true, "it states nothing that is not here: {answer}");
    assert!(is_told(&it.image, "forked-log") && !is_told(&it.image, "log-reissued"));
    it.image.sync();
    assert_written_again(&province, &it);
}

#[test]
fn an_answer_that_knows_what_was_begun_since_settles_a_fork_that_the_province_lost() {
    let province = Province::new();
    let it = imaged(&province);
    told_of_a_fork(&it.image, 4);
    carried(&province, &it.image, "first");
    assert!(!is_told(&it.image, "log-reissued"), "it may have been on the way");
    carried(&province, &it.image, "second");
    assert!(is_told(&it.image, "log-reissued") && !is_told(&it.image, "forked-log"));
    assert_eq!(carried(&province, &it.image, "third")["is_proved"], true);
    assert_eq!(exported(&it.image), exported(&province.office));
    assert_eq!(exported(&province.office).len(), 2);
}

#[test]
fn work_on_a_losing_history_that_comes_back_while_it_is_cured_is_written_again() {
    let province = Province::new();
    let it = imaged(&province);
    let copy = province.place().join("copy");
    copy_folder(&it.image.home.dir, &copy);
    // The image goes on in another process, hands that in, and loses it with its disk.
    it.image.does(&it.shared, &[json!({"act": "note", "note": "Sau khi khởi động lại"})]);
    it.original.sync();
    written(&it.image, province.place(), "up");
    assert_eq!(taken(&province.office, province.place(), "up")["outcome"], "partial");
    std::fs::remove_dir_all(&it.image.home.dir).unwrap();
    copy_folder(&copy, &it.image.home.dir);
    for _ in 0..3 {
        it.image.sync();
    }
    sync_all(&[&it.original, &it.image]);
    let notes = |office: &Office| {
        let dossier = office.dossier(&it.shared);
        dossier["acts"].as_array().unwrap().iter().filter(|act| act["act"] == "note").count()
    };
    assert_eq!((notes(&province.office), notes(&it.image)), (3, 3));
    let proof = &it.image.status()["last_proof"];
    assert_eq!(proof["waiting"], 0, "nothing waits for what was written again: {proof}");
    assert!(is_told(&it.image, "log-reissued"));
}

#[test]
fn a_longer_history_of_a_copy_at_the_province_acknowledges_nothing() {
    let province = Province::new();
    let it = imaged(&province);
    // The answer is to the image, which has written more.
    carried(&province, &it.image, "image");
    let answer = taken(&it.original, province.place(), "image-down");
    assert_eq!(answer["outcome"], "partial", "{answer}");
    let up = written(&it.original, province.place(), "original-up");
    assert_eq!(up["changes"], 4, "nothing of it is known to be at the province: {up}");
    for round in 0..4 {
        carried(&province, &it.original, &format!("original-{round}"));
        carried(&province, &it.image, &format!("image-{round}"));
    }
    let held = exported(&province.office);
    assert_eq!(held.len(), 3, "nothing is lost");
    assert_eq!((exported(&it.original), exported(&it.image)), (held.clone(), held));
}

#[test]
fn an_image_of_a_running_machine_writes_its_work_again_and_all_is_at_both_ends() {
    let province = Province::new();
    let it = imaged(&province);
    it.original.sync();
    it.image.sync();
    assert_written_again(&province, &it);
    let again = it.image.lodged(&[lodging("H27.101", 9)]);
    assert_ne!(again[0], it.number);
}

#[test]
fn an_image_whose_later_process_sent_first_loses_nothing_and_serve_cures_it_by_itself() {
    let province = Province::new();
    let mut it = imaged(&province);
    // The image goes on in another process, on what the province will never take.
    it.image.does(&it.shared, &[json!({"act": "note", "note": "Sau khi khởi động lại"})]);
    it.original.sync();
    it.image.start();
    it.image.wait_until("the image has written its work again", |image| {
        image.condition("log-reissued").is_some() && image.status()["waiting_changes"] == 0
    });
    it.image.stop();
    sync_all(&[&it.original, &it.image]);
    let dossier = province.office.dossier(&it.shared);
    let notes = dossier["acts"].as_array().unwrap().iter().filter(|act| act["act"] == "note").count();
    assert_eq!(notes, 3);
    assert_told_and_even(&province.office, &[&it.original, &it.image], 3, &["other-copy"]);
    let proof = &it.image.status()["last_proof"];
    assert_eq!(proof["waiting"], 0, "what waited for the lost history waits no more: {proof}");
}
