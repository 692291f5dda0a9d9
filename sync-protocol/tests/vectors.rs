//! Golden bytes: what version 1 of every form that is stored, hashed or signed looks like, for ever. A change
//! here is a new version (SPEC.md), never an edit of a file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests, which may panic")]

use std::fs;
use std::path::PathBuf;

use ed25519_dalek::Signer;
use ed25519_dalek::SigningKey;
use sync_protocol::entry;
use sync_protocol::entry::Digest;
use sync_protocol::entry::Entry;
use sync_protocol::entry::EntryKind;
use sync_protocol::frame::*;
use sync_protocol::head::*;
use sync_protocol::ids::*;
use sync_protocol::item::Item;
use sync_protocol::item::ItemKind;
use sync_protocol::proof::EntryCounts;
use sync_protocol::proof::Proof;
use sync_protocol::proof::ProofContent;
use sync_protocol::proof::ProofState;
use sync_protocol::run::ChangeRun;
use sync_protocol::run::EntryRun;
use sync_protocol::time::Millis;

const PROVINCE: ProvinceId = ProvinceId([0x01; 16]);
const NODE: NodeId = NodeId([0x02; 16]);
const BOOT: BootId = BootId([0x03; 16]);
const AT: Millis = Millis(1_772_411_732_123);

fn sign(bytes: &[u8]) -> [u8; 64] {
    SigningKey::from_bytes(&[0x77; 32]).sign(bytes).to_bytes()
}

fn entries() -> Vec<Entry> {
    let body = b"one key".to_vec();
    let key = Entry {
        log: BOOT,
        lsn: 1,
        kind: EntryKind::KEY,
        doc: DocId::NONE,
        hash: entry::body_hash(&body),
        min_reader: 1,
        body: Some(body),
    };
    let erased = Entry {
        log: BOOT,
        lsn: 2,
        kind: EntryKind::CHANGE,
        doc: DocId([0x04; 16]),
        hash: ChangeHash([0x05; 32]),
        min_reader: 1,
        body: None,
    };
    vec![key, erased]
}

/// Everything that chains, digests and signatures are computed from.
fn entry_hashes() -> Vec<u8> {
    let links: Vec<Hash> = entries().iter().map(Entry::link).collect();
    let chain = links.iter().fold(entry::chain_start(BOOT), |chain, link| entry::chain_next(chain, *link));
    let feed_key = feed_key(FeedId([0x06; 16]));
    let digest = links.iter().fold(Digest::default(), |digest, link| digest.plus(&feed_key, *link));
    let log = LogHead { boot: BOOT, lsn: 2, chain };
    let summary = LogsSummary::of(PROVINCE, [&log]);
    let parts: [&[u8]; 7] = [
        &links[0].0,
        &links[1].0,
        &entry::chain_start(BOOT).0,
        &chain.0,
        &digest.0,
        &summary.digest.0,
        &log.signed_bytes(PROVINCE),
    ];
    parts.concat()
}

fn item() -> Item {
    Item::sign_with(2, ItemKind::DIRECTORY, vec![Hash([0x08; 32])], b"a directory".to_vec(), BOOT, AT, sign)
}

fn proof() -> Proof {
    let state = ProofState {
        province: PROVINCE,
        machine: NODE,
        feed: FeedId([0x06; 16]),
        position: 4711,
        digest: Digest([0x09; 32]),
        logs: LogsSummary { count: 3, digest: Digest([0x0a; 32]) },
        counts: EntryCounts { applied: 4000, waiting: 3, quarantined: 2, refused: 1 },
        items_n: 12,
    };
    let told = ProofHead { n: 6, hash: Hash([0x0b; 32]) };
    Proof::sign_with(ProofContent::next(&state, None, Some(told), BOOT), AT, sign)
}

fn hello() -> Frame {
    Frame::Hello(Box::new(Hello {
        protocol: PROTOCOL_VERSION,
        session: 0x0102_0304_0506_0708,
        province: PROVINCE,
        node: NODE,
        logs: vec![LogHead { boot: BOOT, lsn: 2, chain: Hash([0x0c; 32]) }],
        older: LogsSummary { count: 2, digest: Digest([0x0d; 32]) },
        feed: FeedHead { id: Some(FeedId([0x06; 16])), position: 4711, digest: Digest([0x09; 32]) },
        items: ItemsHead { n: 12, hash: Hash([0x0e; 32]) },
        last_proof: Some(ProofHead { n: 7, hash: Hash([0x0f; 32]) }),
        clock: AT,
    }))
}

fn hello_ack() -> Frame {
    Frame::HelloAck(Box::new(HelloAck {
        session: 0x0102_0304_0506_0708,
        logs: vec![LogState { boot: BOOT, lsn: 1, status: LogStatus::Behind }],
        clock: AT,
        fresh: Some(FreshProof::Renewal { n: 7, at: AT, signature: Signature([0x10; 64]) }),
        open: None,
    }))
}

fn cut() -> Frame {
    Frame::Cut(Cut {
        session: 0x0102_0304_0506_0708,
        feed: FeedHead { id: Some(FeedId([0x06; 16])), position: 4711, digest: Digest([0x09; 32]) },
        logs: LogsSummary { count: 3, digest: Digest([0x0a; 32]) },
        waiting: 1,
        items: ItemsHead { n: 12, hash: Hash([0x0e; 32]) },
    })
}

fn changes() -> Frame {
    let run = EntryRun::new(entries()).unwrap();
    Frame::Changes(Changes {
        runs: vec![ChangeRun { run, chain: Hash([0x0c; 32]), signature: Signature([0x10; 64]) }],
    })
}

fn aside() -> Frame {
    Frame::Aside(Aside { runs: vec![EntryRun::new(entries()).unwrap()] })
}

fn ack() -> Frame {
    Frame::Ack(Ack { feed_position: 4711, items_n: 12, asides: 2, ..Ack::default() })
}

/// Forms whose bytes never change.
fn vectors() -> Vec<(&'static str, Vec<u8>)> {
    let frame = |frame: Frame| frame.encode().unwrap().bytes;
    vec![
        ("entry-hashes-v1", entry_hashes()),
        ("item-v1", item().to_bytes()),
        ("item-hash-v1", item().hash().0.to_vec()),
        ("proof-v1", proof().to_bytes()),
        ("proof-hash-v1", proof().hash().0.to_vec()),
        ("frame-hello-v1", frame(hello())),
        ("frame-hello-ack-v1", frame(hello_ack())),
        ("frame-cut-v1", frame(cut())),
        ("frame-ack-v1", frame(ack())),
    ]
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(format!("{name}.bin"))
}

fn read(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn bytes_are_those_of_the_released_version() {
    for (name, bytes) in vectors() {
        assert_eq!(read(name), bytes, "{name}");
    }
}

#[test]
fn released_bytes_are_read() {
    assert_eq!(Item::from_bytes(&read("item-v1")).unwrap(), item());
    assert_eq!(Proof::from_bytes(&read("proof-v1")).unwrap(), proof());
    assert_eq!(Frame::decode(&read("frame-hello-v1")).unwrap(), hello());
    assert_eq!(Frame::decode(&read("frame-hello-ack-v1")).unwrap(), hello_ack());
    assert_eq!(Frame::decode(&read("frame-cut-v1")).unwrap(), cut());
    assert_eq!(Frame::decode(&read("frame-ack-v1")).unwrap(), ack());
}

/// zstd may write other bytes in its next release; what it wrote is read for ever.
#[test]
fn a_batch_packed_by_an_earlier_release_is_read() {
    assert_eq!(Frame::decode(&read("frame-changes-v1")).unwrap(), changes());
    assert_eq!(Frame::decode(&read("frame-aside-v1")).unwrap(), aside());
}

/// Writes the files of a new version: `cargo test --test vectors -- --ignored`.
#[test]
#[ignore = "writes files; run by hand for a new version"]
fn write_vectors() {
    let changes = ("frame-changes-v1", changes().encode().unwrap().bytes);
    let aside = ("frame-aside-v1", aside().encode().unwrap().bytes);
    for (name, bytes) in vectors().into_iter().chain([changes, aside]) {
        if !path(name).exists() {
            fs::write(path(name), bytes).unwrap();
        }
    }
}
