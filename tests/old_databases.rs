//! Databases of earlier programs: opened, brought up to date and worked on by today's, without a byte of what they
//! tell changed. `node/migrations/fixtures` has, for each schema, a province's and a commune's, written by the program
//! of that time, and the export that it printed: two dossiers between two communes, synced, and one that waits.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::path::Path;
use std::path::PathBuf;

use motcua_node::clock::SystemClock;
use motcua_node::store::OpenOptions;
use motcua_node::store::Reader;
use motcua_node::store::Role;
use motcua_node::store::Store;
use motcua_node::store::migrate;
use motcua_tests::program::Home;
use motcua_tests::sources::root;
use serde_json::Value;
use serde_json::json;

/// The first schema of which a program was ever given to anybody; the first step alone never was.
const FIRST: u32 = 2;

fn fixture(name: &str) -> PathBuf {
    root().join("node/migrations/fixtures").join(name)
}

/// The database of this schema, in a directory of its own.
fn unpacked(place: &Path, schema: u32, role: &str) -> Home {
    let home = Home::below(place, &format!("{role}-{schema}"));
    std::fs::create_dir(&home.dir).unwrap();
    let packed = std::fs::read(fixture(&format!("schema-{schema}-{role}.db.zst"))).unwrap();
    assert!(packed.len() < 100_000, "fixtures stay small");
    std::fs::write(home.dir.join("motcua.db"), zstd::decode_all(packed.as_slice()).unwrap()).unwrap();
    assert_eq!(schema_of(&home), i64::from(schema), "the fixture is what its name says");
    home
}

fn schema_of(home: &Home) -> i64 {
    let connection = rusqlite::Connection::open(home.dir.join("motcua.db")).unwrap();
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

/// The dossiers of an export, without the summary at its end.
fn dossiers(export: &str) -> Vec<String> {
    let is_dossier =
        |line: &&str| serde_json::from_str::<Value>(line).is_ok_and(|value| value.get("number").is_some());
    export.lines().filter(is_dossier).map(str::to_owned).collect()
}

fn exported(home: &Home) -> Vec<String> {
    dossiers(&home.done(&["dossier", "export"]).text)
}

#[test]
fn a_database_of_every_schema_says_the_same_after_it_was_brought_up_to_date() {
    let place = tempfile::tempdir().unwrap();
    for schema in FIRST..=migrate::newest() {
        for (role, count) in [("province", 2), ("commune", 3)] {
            let what = format!("{role}, schema {schema}");
            let said = std::fs::read_to_string(fixture(&format!("schema-{schema}-{role}.jsonl")));
            let said = dossiers(&said.unwrap_or_else(|_| panic!("{what}: the newest schema has no fixture")));
            assert_eq!(said.len(), count, "{what}");
            // By a command that only reads.
            let home = unpacked(place.path(), schema, role);
            assert_eq!(exported(&home), said, "{what}");
            assert_eq!(schema_of(&home), i64::from(migrate::newest()), "{what}");
            home.done(&["verify"]);
            let reader = Reader::open(&home.dir, &SystemClock::new()).unwrap();
            let before = reader.read(|view| view.record_head(reader.identity()?.province)).unwrap();
            if role == "commune" {
                let status = home.done(&["sync", "status"]).value().clone();
                let waiting = (&status["waiting_dossiers"], &status["needs_person"], &status["conditions"]);
                assert_eq!(waiting, (&json!(1), &json!(0), &json!([])), "{what}: {status}");
                assert!(status["last_proof"]["number"].as_u64() >= Some(1), "{what}: {status}");
            }
            drop(reader);
            // By one that writes: views are computed again to the same, a further entry goes on behind.
            let store = Store::open(&home.dir, OpenOptions::new(&home.witness)).unwrap();
            let role_here = if role == "province" { Role::Province } else { Role::Commune };
            let identity = store.identity().clone();
            assert_eq!(identity.role, role_here, "{what}");
            store.write(|tx| tx.rebuild()).unwrap();
            assert_eq!(store.read(|view| view.verify(role_here)).unwrap(), Vec::new(), "{what}");
            let body = b"Nguyen Van Thu".to_vec();
            store.write(move |tx| tx.append_entry(sync_protocol::entry::EntryKind::ANCHOR, &body)).unwrap();
            let after = store.read(|view| view.record_head(identity.province)).unwrap();
            assert_eq!(after.position, before.position + 2, "{what}: its boot and itself");
            drop(store);
            assert_eq!(exported(&home), said, "{what}");
        }
    }
}

#[test]
fn a_database_of_a_newer_program_is_refused_untouched() {
    let place = tempfile::tempdir().unwrap();
    let home = unpacked(place.path(), migrate::newest(), "commune");
    let path = home.dir.join("motcua.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(&format!("PRAGMA user_version = {}", migrate::newest() + 1))
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    for arguments in [
        &["dossier", "export"][..],
        &["verify"],
        &["sync", "status"],
        &["backup", "create", "--out", place.path().join("never").to_str().unwrap()],
    ] {
        let answer = home.run(arguments);
        assert_eq!((answer.code, answer.error_code()), (Some(4), Some("store-newer")), "{arguments:?}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}
