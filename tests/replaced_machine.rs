//! A commune's PC is lost: it is banned, another one takes its seat, and later the lost one turns up again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeSet;

use motcua_node::clock::Clock;
use motcua_node::clock::SystemClock;
use motcua_node::clock::rfc3339;
use motcua_node::provincial::Ban;
use motcua_node::roles::Office as OpenOffice;
use motcua_node::store::Reader;
use motcua_node::store::apply::Origin;
use motcua_node::store::apply::seat_rights;
use motcua_tests::office::Office;
use motcua_tests::office::Province;
use motcua_tests::office::assert_even;
use motcua_tests::office::lodging;
use motcua_tests::office::lodging_for;
use motcua_tests::office::sync_all;
use serde_json::Value;
use serde_json::json;
use sync_protocol::item::Item;
use sync_protocol::item::ItemKind;

fn reader(office: &Office) -> Reader {
    Reader::open(&office.home.dir, &SystemClock::new()).unwrap()
}

/// The series of a dossier number of the sample: the last part's first three digits.
fn series(number: &str) -> String {
    number.rsplit('-').next().unwrap()[..3].to_owned()
}

/// The bans that a machine holds of the province's chain.
fn bans(office: &Office) -> Vec<Ban> {
    let items = reader(office).read(|view| view.items_of_kind(ItemKind::BAN.0)).unwrap();
    items.iter().map(|item| Ban::read(Item::from_bytes(&item.bytes).unwrap().body()).unwrap()).collect()
}

fn refused(office: &Office, arguments: &[&str]) -> String {
    let answer = office.home.run(arguments);
    assert_eq!(answer.code, Some(2), "{}\n{}", answer.text, answer.told);
    answer.error_code().expect("an error").to_owned()
}

/// Brings what a machine wrote to the stopped province as a courier would: under the machine's own name.
fn hand_in(from: &Office, province: &Office) {
    let reader = reader(from);
    let identity = reader.identity().unwrap();
    let logs = reader.read(|view| view.own_logs()).unwrap();
    let open = OpenOffice::open(&province.home.dir, |_| province.home.witness.clone()).unwrap();
    for log in logs {
        let entries = reader.read(|view| view.entries_after(log.boot, 0, usize::MAX)).unwrap();
        let (machine, seat) = (identity.machine, identity.seat.clone());
        let ingest = move |tx: &mut motcua_node::store::WriteTx<'_>| {
            let rights = seat_rights([seat.clone()].into(), false);
            tx.ingest(&entries, &Origin::Node { machine, seat: &seat, rights: &rights })
        };
        open.store.write(ingest).unwrap();
    }
}

#[test]
fn a_replacement_has_all_the_province_had_and_the_lost_machine_is_shut_out_with_its_work_whole() {
    let mut province = Province::new();
    let (lost, b) = (province.commune("H27.101"), province.commune("H27.102"));
    let synced =
        lost.lodged(&[lodging("H27.101", 1), lodging_for("H27.101", 2, "H27.102"), lodging("H27.101", 3)]);
    lost.does(&synced[1], &[json!({"act": "transfer", "to": "H27.102"})]);
    sync_all(&[&lost, &b]);
    b.does(&synced[1], &[json!({"act": "take_over"})]);
    b.sync();
    let unsynced = lost.lodged(&[4, 5, 6].map(|place| lodging("H27.101", place)));

    // One seat, one machine: the replacement waits for the ban, and a code given out before it is no good after.
    let early = province.token("H27.101");
    let home = motcua_tests::program::Home::below(province.place(), "too-early");
    let answer = home.run(&["commune", "init", "--token", &early]);
    assert_eq!(answer.error_code(), Some("enrol-seat-taken"), "{}", answer.told);
    let machine = province.machines("H27.101").remove(0);
    let answer = province.office.home.done(&["enrol", "ban", &machine, "--why", "mất máy"]);
    let banned = answer.value();
    assert_eq!((&banned["node"], &banned["agency"]), (&json!(machine), &json!("H27.101")));
    assert_eq!((&banned["suspect_dossiers"], &banned["codes_withdrawn"]), (&json!(0), &json!(1)));
    let answer = home.run(&["commune", "init", "--token", &early]);
    assert_eq!(answer.error_code(), Some("enrol-expired"), "{}", answer.told);

    let new = province.commune_in("H27.101", "replacement");
    new.sync();
    assert_eq!(new.export().keys().collect::<BTreeSet<_>>(), synced.iter().collect::<BTreeSet<_>>());
    assert_even(&province.office, &[&new, &b]);
    // It goes on with a dossier of the lost machine, and numbers under series of its own.
    new.does(
        &synced[0],
        &[json!({"act": "note", "note": "Tiếp tục trên máy mới"}), json!({"act": "move_step"})],
    );
    new.does(
        &synced[0],
        &[json!({"act": "sign"}), json!({"act": "finish"}), json!({"act": "return_result"})],
    );
    let fresh = new.lodged(&[lodging("H27.101", 11), lodging("H27.101", 12)]);
    let of_lost: BTreeSet<String> = synced.iter().chain(&unsynced).map(|number| series(number)).collect();
    assert!(fresh.iter().all(|number| !of_lost.contains(&series(number))), "{fresh:?} {of_lost:?}");
    sync_all(&[&new, &b]);
    assert_even(&province.office, &[&new, &b]);
    assert_eq!(province.office.show(&synced[0])["status"], 10);
    for node in [&new, &b, &province.office] {
        let bans = bans(node);
        let ban = bans.first().unwrap_or_else(|| panic!("{} keeps the ban", node.code));
        assert_eq!((ban.machine.to_string(), ban.why.as_str(), bans.len()), (machine.clone(), "mất máy", 1));
    }

    // The lost one turns up again.
    for _ in 0..2 {
        let answer = lost.try_sync();
        assert_eq!((answer.code, answer.error_code()), (Some(2), Some("line-banned")), "{}", answer.told);
    }
    let told = lost.condition("machine-banned").expect("it is told that it is banned");
    assert!(told["since"].is_string() && told["next"].is_string(), "{told}");
    assert_eq!(lost.status()["waiting_dossiers"], 3);
    assert!(unsynced.iter().all(|number| lost.export().contains_key(number)), "nothing is lost there");
    assert!(unsynced.iter().all(|number| !province.office.export().contains_key(number)));
    for office in [&lost, &new, &b, &province.office] {
        office.verify();
    }

    // Whatever way its entries come in, they are kept apart until a person releases them.
    province.office.stop();
    hand_in(&lost, &province.office);
    province.start();
    assert!(unsynced.iter().all(|number| !province.office.export().contains_key(number)));
    let listed = province.office.home.done(&["quarantine", "list"]).lines();
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|line| line["reason"] == "entry-banned" && line["machine"] == machine));
    let first = listed[0]["id"].as_str().unwrap();
    let answer = province.office.home.run(&["quarantine", "release", "999999", first]);
    assert_eq!(answer.code, Some(2), "{}", answer.text);
    let decided = &answer.value()["decided"];
    assert_eq!(decided[0]["error"]["code"], "quarantine-not-found");
    assert_eq!((&decided[1]["id"], &decided[1]["state"]), (&json!(first), &json!("applied")));
    let answer = province.office.home.done(&["quarantine", "release", "--machine", &machine]);
    let decided = answer.value()["decided"].as_array().unwrap();
    assert!(decided.len() == 2 && decided.iter().all(|one| one["state"] == "applied"), "{}", answer.text);
    new.sync();
    assert!(unsynced.iter().all(|number| new.export().contains_key(number)), "the seat has all of it");
    assert_even(&province.office, &[&new]);
    province.office.verify();
}

#[test]
fn a_ban_ends_the_live_session_and_marks_what_arrived_since_the_suspect_time() {
    let province = Province::new();
    let mut stolen = province.commune("H27.101");
    let before = stolen.lodged(&[lodging("H27.101", 1), lodging("H27.101", 2)]);
    stolen.sync();
    let now = SystemClock::new().wall();
    let text = rfc3339(now);
    let suspect_from = format!("{}.{:03}{}", &text[..19], now.0 % 1_000, &text[19..]);
    stolen.start();
    let after = stolen.lodged(&[lodging("H27.101", 3)]);
    stolen.does(&before[1], &[json!({"act": "note", "note": "Sau khi mất"})]);
    stolen.wait_until("the province has it all", |office| {
        let status = office.status();
        status["online"] == true && status["waiting_changes"] == 0
    });

    let machine = province.machines("H27.101").remove(0);
    let ban = ["enrol", "ban", &machine, "--why", "mất cắp", "--suspect-from", &suspect_from];
    let answer = province.office.home.done(&ban);
    let suspect = answer.value()["suspect"].as_array().unwrap().clone();
    let numbers: BTreeSet<&str> = suspect.iter().map(|one| one["number"].as_str().unwrap()).collect();
    assert_eq!(numbers, BTreeSet::from([before[1].as_str(), after[0].as_str()]), "{}", answer.text);
    assert!(suspect.iter().all(|one| one["changes"] == 1 && one["mark"].is_string()), "{}", answer.text);
    let marks = |number: &str| -> Vec<Value> {
        let dossier = province.office.dossier(number);
        let acts = dossier["acts"].as_array().unwrap();
        acts.iter().filter(|act| act["act"] == "mark").cloned().collect()
    };
    assert_eq!(marks(&before[0]), Vec::<Value>::new(), "what was here before is beyond suspicion");
    let marked = marks(&before[1]);
    assert_eq!(marked.len(), 1);
    let text = marked[0].to_string();
    assert!(text.contains("\"review\"") && text.contains("mất cắp"), "{text}");
    let shown = province.office.show(&before[1]);
    let note = shown["acts"].as_array().unwrap().iter().find(|act| act["act"] == "note").unwrap().clone();
    assert!(text.contains(note["id"].as_str().unwrap()), "the mark names the act: {text}");
    assert_eq!(note["standing"], "counts", "it counts until a person decides");

    // The open session ends without anybody calling, and no other begins.
    stolen.wait_until("the session has ended", |office| office.status()["online"] == false);
    stolen.wait_until("it is told", |office| office.condition("machine-banned").is_some());
    let late = stolen.lodged(&[lodging("H27.101", 4)]);
    assert_eq!(stolen.try_sync().error_code(), Some("line-banned"));
    assert!(!province.office.export().contains_key(&late[0]));

    assert_eq!(refused(&province.office, &ban), "enrol-ban-already");
    let unknown = "000102030405060708090a0b0c0d0e0f";
    assert_eq!(refused(&province.office, &["enrol", "ban", unknown, "--why", "mất"]), "enrol-no-machine");
    assert_eq!(refused(&stolen, &["enrol", "ban", unknown, "--why", "mất"]), "province-only");
    // The replacement sees the marks too.
    let new = province.commune_in("H27.101", "replacement");
    let other = province.machines("H27.101").remove(1);
    assert_eq!(refused(&province.office, &["enrol", "ban", &other, "--why", " "]), "enrol-ban-why");
    let future = ["enrol", "ban", &other, "--why", "mất", "--suspect-from", "2999-01-01T00:00:00+07:00"];
    assert_eq!(refused(&province.office, &future), "enrol-ban-suspect-future");
    new.sync();
    assert_even(&province.office, &[&new]);
    province.office.verify();
}
