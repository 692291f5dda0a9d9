//! What the province keeps of an office's work and a person refuses: the office learns it and goes on without.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::path::Path;
use std::sync::Arc;

use motcua_node::dossier::act::Note;
use motcua_node::dossier::document::Writing;
use motcua_node::roles;
use motcua_node::sync::driver::NodeStore;
use motcua_node::sync::driver::ProvinceStore;
use motcua_node::sync::node_store::NodeSide;
use motcua_node::sync::province_store::ProvinceSide;
use motcua_node::sync::province_store::Quota;
use motcua_tests::faults::machine::copy_folder;
use motcua_tests::office::Office;
use motcua_tests::office::Province;
use motcua_tests::office::assert_even;
use motcua_tests::office::lodging;
use motcua_tests::program::Home;
use serde_json::json;
use sync_protocol::frame::ByeCode;
use sync_protocol::run::ChangeRun;
use sync_protocol::run::EntryRun;

fn opened(home: &Home) -> roles::Office {
    roles::Office::open(&home.dir, |_| home.witness.clone()).unwrap()
}

/// A program that is not ours to trust writes a note in another office's name.
fn notes_as_another(office: &Office, number: &str, seat: &str) {
    let opened = opened(&office.home);
    let doc = opened.store.read(|view| view.dossiers_by_number(number)).unwrap()[0].doc;
    let mut act = opened.store.read(|view| view.state(doc)).unwrap().unwrap().acts[0].act.clone();
    act.seat = seat.parse().unwrap();
    act.body = Note {}.into();
    let writing = Writing { acts: vec![act], ..Writing::default() };
    opened
        .store
        .write(move |tx| {
            let mut document = tx.document(doc)?.unwrap();
            let at = tx.now();
            tx.append_change(doc, &mut document, &writing, at)
        })
        .unwrap();
}

/// The acts of a dossier, in their order.
fn acts(office: &Office, number: &str) -> Vec<String> {
    let dossier = office.dossier(number);
    dossier["acts"].as_array().unwrap().iter().map(|act| act["act"].as_str().unwrap().to_owned()).collect()
}

/// A person at the province refuses the first of what is kept there.
fn refuse_the_first(province: &Province) {
    let home = &province.office.home;
    let listed = home.done(&["quarantine", "list"]).lines();
    home.done(&["quarantine", "refuse", listed[0]["id"].as_str().unwrap(), "--why", "Ghi nhầm tên đơn vị"]);
}

/// An earlier copy takes the place of the office's directory.
fn put_back(office: &Office, copy: &Path) {
    std::fs::remove_dir_all(&office.home.dir).unwrap();
    copy_folder(copy, &office.home.dir);
}

fn kept(office: &Office) -> [u64; 3] {
    let proof = &office.status()["last_proof"];
    ["waiting", "quarantined", "refused"].map(|key| proof[key].as_u64().unwrap())
}

#[test]
fn a_refused_act_leaves_the_dossier_its_office_is_told_and_later_acts_stand_again() {
    let province = Province::new();
    let office = province.commune("H27.101");
    let numbers = office.lodged(&[lodging("H27.101", 1), lodging("H27.101", 2)]);
    notes_as_another(&office, &numbers[0], "H27.102");
    let lines = [json!({"act": "move_step"}), json!({"act": "note", "note": "Đã gọi lại"})];
    office.does(&numbers[0], &lines);
    office.does(&numbers[1], &[json!({"act": "move_step"})]);
    let printed = office.show(&numbers[0])["acts"].as_array().unwrap().last().unwrap()["id"].clone();
    office.sync();
    assert_eq!(kept(&office), [2, 1, 0], "what builds on it waits, the other dossier does not");
    assert_eq!(province.office.dossier(&numbers[1])["acts"].as_array().unwrap().len(), 2);

    let home = &province.office.home;
    let listed = home.done(&["quarantine", "list"]).lines();
    let id = listed[0]["id"].as_str().unwrap();
    for (arguments, code) in [
        (&["quarantine", "refuse", "999999", "--why", "sai"][..], "quarantine-not-found"),
        (&["quarantine", "refuse", "x", "--why", "sai"], "quarantine-not-found"),
        (&["quarantine", "refuse", id, "--why", " "], "quarantine-why"),
    ] {
        let answer = home.run(arguments);
        assert_eq!((answer.code, answer.error_code()), (Some(2), Some(code)), "{}", answer.text);
    }
    let at_node = office.home.run(&["quarantine", "refuse", id, "--why", "sai"]);
    assert_eq!((at_node.code, at_node.error_code()), (Some(2), Some("province-only")));
    let decided = home.done(&["quarantine", "refuse", id, "--why", "Ghi nhầm tên đơn vị"]);
    assert_eq!(decided.value()["decided"][0]["state"], "refused");
    for word in ["release", "void"] {
        let again = home.run(&["quarantine", word, id]);
        assert_eq!(again.code, Some(2), "{word}: it is decided");
    }
    let again = home.run(&["quarantine", "refuse", id, "--why", "lần nữa"]);
    assert_eq!(again.error_code(), Some("quarantine-not-found"));

    office.sync();
    assert_eq!(kept(&office), [0, 0, 0], "everything of it is dealt with");
    assert_even(&province.office, &[&office]);
    assert_eq!(acts(&province.office, &numbers[0]), ["receive", "move_step", "note"]);
    let shown = office.show(&numbers[0]);
    assert_eq!(shown["acts"][2]["formerly"], json!([printed]), "what was printed is found");
    assert_eq!(office.conditions(), ["work-refused"]);
    let told = &office.status()["conditions"][0];
    let text = told["text"].as_str().unwrap();
    assert!(text.contains(&numbers[0]) && text.contains("Ghi nhầm tên đơn vị"), "{text}");
    office.home.done(&["condition", "dismiss", "work-refused"]);
    assert_eq!(office.conditions(), Vec::<String>::new());
    office.verify();
    province.office.verify();
    office.does(&numbers[0], &[json!({"act": "sign"})]);
    office.sync();
    assert_even(&province.office, &[&office]);
    let checked = office.home.done(&["verify"]);
    assert_eq!(checked.value()["reissued"], 2);
}

#[test]
fn a_machine_put_back_before_a_refused_act_hears_of_it_and_later_acts_stand_again() {
    let province = Province::new();
    let office = province.commune("H27.101");
    let numbers = office.lodged(&[lodging("H27.101", 1)]);
    office.sync();
    let copy = province.place().join("copy");
    copy_folder(&office.home.dir, &copy);
    notes_as_another(&office, &numbers[0], "H27.102");
    office.does(&numbers[0], &[json!({"act": "move_step"}), json!({"act": "note", "note": "Đã gọi lại"})]);
    office.sync();
    assert_eq!(kept(&office), [2, 1, 0]);
    refuse_the_first(&province);
    // The refusal comes before the acts that it concerns.
    put_back(&office, &copy);
    office.sync();
    office.sync();
    assert_eq!(kept(&office), [0, 0, 0], "everything of it is dealt with");
    assert_even(&province.office, &[&office]);
    assert_eq!(acts(&province.office, &numbers[0]), ["receive", "move_step", "note"]);
    assert!(office.condition("work-refused").is_some());
    office.verify();
}

#[test]
fn what_comes_back_behind_a_refused_act_is_written_again() {
    let province = Province::new();
    let office = province.commune("H27.101");
    let numbers = office.lodged(&[lodging("H27.101", 1)]);
    notes_as_another(&office, &numbers[0], "H27.102");
    let copy = province.place().join("copy");
    copy_folder(&office.home.dir, &copy);
    office.does(&numbers[0], &[json!({"act": "move_step"}), json!({"act": "note", "note": "Đã gọi lại"})]);
    let printed = office.show(&numbers[0])["acts"].as_array().unwrap().last().unwrap()["id"].clone();
    office.sync();
    assert_eq!(kept(&office), [2, 1, 0]);
    refuse_the_first(&province);
    // The refused act stands in the copy that is put back, and leaves it before the later ones come back.
    put_back(&office, &copy);
    office.sync();
    office.sync();
    assert_eq!(kept(&office), [0, 0, 0], "nothing waits for what was given up");
    assert_even(&province.office, &[&office]);
    assert_eq!(acts(&province.office, &numbers[0]), ["receive", "move_step", "note"]);
    let formerly = office.show(&numbers[0])["acts"][2]["formerly"].clone();
    assert!(formerly.as_array().is_some_and(|ids| ids.contains(&printed)), "{formerly} is printed {printed}");
    let told = office.status()["conditions"].to_string();
    assert!(told.contains("work-refused") && told.contains("Ghi nhầm tên đơn vị"), "{told}");
    office.verify();
    province.office.verify();
}

#[test]
fn what_cannot_be_applied_is_bounded_for_each_machine_and_what_can_is_taken_all_the_same() {
    let mut province = Province::new();
    let office = province.commune("H27.101");
    let numbers = office.lodged(&[lodging("H27.101", 1)]);
    (0..3).for_each(|_| notes_as_another(&office, &numbers[0], "H27.102"));
    province.office.stop();
    let (centre, node) = (opened(&province.office.home), opened(&office.home));
    let mut runs = Vec::new();
    let mut side = NodeSide::new(Arc::clone(&node.store), Arc::clone(&node.identity));
    for log in node.store.read(|view| view.own_logs()).unwrap() {
        let (entries, head) = side.log(log.boot, 0, usize::MAX, 100).unwrap();
        let head = head.unwrap();
        let run = EntryRun::new(entries).unwrap();
        runs.push(ChangeRun { run, chain: head.head.chain, signature: head.signature });
    }
    let machine = node.identity.node();
    let side = |entries_max| {
        let seat = node.identity.seat().clone();
        let (store, identity) = (Arc::clone(&centre.store), Arc::clone(&centre.identity));
        let quota = Quota { entries_max, ..Quota::default() };
        ProvinceSide::new(store, identity, machine, seat).with_quota(quota)
    };
    let held = |code: &str| {
        let conditions = centre.store.read(|view| view.conditions()).unwrap();
        conditions.iter().any(|condition| condition.code == code)
    };
    let rightful = runs[..1].to_vec();
    assert!(side(0).store_changes(rightful).unwrap().is_ok(), "what takes effect is never too much");
    assert_eq!(side(2).store_changes(runs.clone()).unwrap(), Err(ByeCode::Full));
    let counts = || centre.store.read(|view| view.entry_counts(machine)).unwrap();
    assert_eq!((counts().waiting, counts().quarantined), (0, 0), "nothing of the batch is stored");
    assert!(held("machine-full"));
    assert!(side(3).store_changes(runs).unwrap().is_ok());
    assert_eq!((counts().quarantined, counts().waiting), (3, 0));
    assert!(!held("machine-full"));
}
