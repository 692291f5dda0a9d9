//! Golden bytes: what version 1 of every form that is stored, hashed or signed looks like, for ever. A change
//! here is a new version (SPEC.md), never an edit of a file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests, which may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use automerge::ActorId;
use automerge::AutoCommit;
use automerge::ScalarValue;
use automerge::transaction::CommitOptions;
use automerge::transaction::Transactable;
use ed25519_dalek::Signer;
use ed25519_dalek::SigningKey;
use sync_protocol::bundle::BundleKind;
use sync_protocol::bundle::Certificate;
use sync_protocol::bundle::Head;
use sync_protocol::bundle::Header;
use sync_protocol::bundle::Part;
use sync_protocol::bundle::Recipient;
use sync_protocol::compress;
use sync_protocol::context::Context;
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
use sync_protocol::range::Comparison;
use sync_protocol::range::Member;
use sync_protocol::range::Place;
use sync_protocol::run::ChangeRun;
use sync_protocol::run::EntryRun;
use sync_protocol::run::FeedRun;
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

/// A log's and a document's name, as a machine gives them.
fn names() -> Vec<u8> {
    [BootId::mint(NODE, [0x21; 12]).0, DocId::mint(NODE, AT, [0x22; 6]).0].concat()
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
        series_left: None,
        scrub: false,
        dictionary: 0,
    }))
}

/// A hello that says how many number series are left.
fn hello_of_series() -> Frame {
    let Frame::Hello(hello) = hello() else { unreachable!("it is one") };
    Frame::Hello(Box::new(Hello { series_left: Some(1), ..*hello }))
}

/// A hello that asks for everything to be compared.
fn hello_of_scrub() -> Frame {
    let Frame::Hello(hello) = hello() else { unreachable!("it is one") };
    Frame::Hello(Box::new(Hello { scrub: true, ..*hello }))
}

/// A hello that says which dictionaries are known.
fn hello_of_dictionaries() -> Frame {
    let Frame::Hello(hello) = hello() else { unreachable!("it is one") };
    Frame::Hello(Box::new(Hello { dictionary: 1, ..*hello }))
}

/// The same of an answer.
fn hello_ack_of_dictionaries() -> Frame {
    let Frame::HelloAck(ack) = hello_ack() else { unreachable!("it is one") };
    Frame::HelloAck(Box::new(HelloAck { dictionary: 1, ..*ack }))
}

/// An answer that grants it.
fn hello_ack_compares() -> Frame {
    let open = Standing {
        want_heads: false,
        feed: FeedHead { id: Some(FeedId([0x06; 16])), position: 4711, digest: Digest([0x09; 32]) },
        items: ItemsHead { n: 12, hash: Hash([0x0e; 32]) },
        proof_n: 7,
        compares: true,
    };
    let session = 0x0102_0304_0506_0708;
    Frame::HelloAck(Box::new(HelloAck {
        session,
        logs: vec![],
        clock: AT,
        fresh: None,
        open: Some(open),
        dictionary: 0,
    }))
}

/// Of two documents.
fn four() -> [Member; 4] {
    let member = |doc: u8, lsn: u8| Member {
        doc: DocId([doc; 16]),
        hash: ChangeHash([0x50 + lsn; 32]),
        log: BOOT,
        lsn: lsn.into(),
    };
    [member(4, 2), member(4, 3), member(5, 1), member(5, 4)]
}

fn set(members: &[Member]) -> BTreeMap<Place, Member> {
    members.iter().map(|member| (member.place(), *member)).collect()
}

/// What opens a comparison: everything in one sum.
fn ranges_sum() -> Frame {
    let ranges = Comparison::new(PROVINCE, 7).begin(&mut set(&four())).unwrap();
    Frame::Ranges(Ranges { ranges })
}

/// A list in answer to a side that has nothing.
fn ranges_list() -> Frame {
    let mut five = set(&four()[2..]);
    let theirs = Comparison::new(PROVINCE, 7).begin(&mut BTreeMap::new()).unwrap();
    let ranges = Comparison::new(PROVINCE, 7).answer(&mut five, &theirs).unwrap().unwrap();
    Frame::Ranges(Ranges { ranges })
}

/// The answer to a list by a side that has half of it.
fn ranges_seen() -> Frame {
    let Frame::Ranges(theirs) = ranges_list() else { unreachable!("it is one") };
    let mut half = set(&four()[3..]);
    let ranges = Comparison::new(PROVINCE, 7).answer(&mut half, &theirs.ranges).unwrap().unwrap();
    Frame::Ranges(Ranges { ranges })
}

fn wanted() -> Frame {
    let held = [(12, 0x0e), (11, 0x11), (1, 0x08)].map(|(n, byte)| ItemsHead { n, hash: Hash([byte; 32]) });
    Frame::Wanted(Wanted { held: held.to_vec() })
}

fn ack_of_items() -> Frame {
    Frame::Ack(Ack { feed_position: 4711, items_n: 12, items: 3, ..Ack::default() })
}

fn hello_ack() -> Frame {
    Frame::HelloAck(Box::new(HelloAck {
        session: 0x0102_0304_0506_0708,
        logs: vec![LogState { boot: BOOT, lsn: 1, status: LogStatus::Behind }],
        clock: AT,
        fresh: Some(FreshProof::Renewal { n: 7, at: AT, signature: Signature([0x10; 64]) }),
        open: None,
        dictionary: 0,
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

/// A batch with what columns treat differently: two documents in turn, values of every kind, an erased body.
fn column_entries() -> Vec<Entry> {
    let mut documents = [1, 2].map(|number| (DocId([number; 16]), AutoCommit::new()));
    let mut all = entries();
    for act in 0..3u8 {
        for (doc, document) in &mut documents {
            document.set_actor(ActorId::from(BOOT.as_bytes().as_slice()));
            let packed = vec![0xa3, 0, 1, 1, 0x18, 0x20 + act, 2, 0x43, 0xa1, 0, 0x60 + (act & 1)];
            document.put(automerge::ROOT, format!("a{act}"), ScalarValue::Bytes(packed)).unwrap();
            document.put(automerge::ROOT, "f.owner.name", format!("Nguyễn Văn Thử {act}")).unwrap();
            document.put(automerge::ROOT, "n", -5 * i64::from(act)).unwrap();
            document
                .put(automerge::ROOT, "at", ScalarValue::Timestamp(AT.0 + i64::from(act) * 1000))
                .unwrap();
            document.commit_with(CommitOptions::default().with_time(AT.0 + i64::from(act)));
            let change = document.get_last_local_change().unwrap();
            all.push(Entry {
                log: BOOT,
                lsn: all.len() as u64 + 1,
                kind: EntryKind::CHANGE,
                doc: *doc,
                hash: ChangeHash(change.hash().0),
                min_reader: 1,
                body: Some(change.raw_bytes().to_vec()),
            });
        }
    }
    all
}

fn column_changes() -> Frame {
    let run = EntryRun::new(column_entries()).unwrap();
    Frame::Changes(Changes {
        runs: vec![ChangeRun { run, chain: Hash([0x0c; 32]), signature: Signature([0x10; 64]) }],
    })
}

fn column_feed() -> Frame {
    let own = FeedRun::Own { log: BootId([0x04; 16]), first_lsn: 17, count: 3 };
    Frame::Feed(Feed {
        feed: FeedId([0x06; 16]),
        first_position: 40,
        runs: vec![own, FeedRun::Bytes(EntryRun::new(column_entries()).unwrap())],
        end_digest: Digest([0x09; 32]),
        head_position: 4711,
    })
}

/// A part of a bundle; what is sealed is random in earnest.
fn bundle() -> Vec<u8> {
    let header = Header {
        kind: BundleKind::RETURN,
        province: PROVINCE,
        from: PublicKey(SigningKey::from_bytes(&[0x77; 32]).verifying_key().to_bytes()),
        to: vec![
            Recipient { machine: NODE, key: vec![0x13; 80], seal: None },
            Recipient { machine: NodeId([0x14; 16]), key: vec![0x15; 80], seal: None },
        ],
        bundle: BundleId([0x16; 16]),
        part: 2,
        is_last: true,
        at: AT,
        size_bytes: 0,
        hash: Hash([0; 32]),
        certificate: Some(Certificate(vec![0x17; 400])),
    };
    header.write(&[0x18; 100], sign)
}

/// The same of a backup, which says to whom one can write for its keys.
fn backup() -> Vec<u8> {
    let to = |machine, key, seal| Recipient { machine, key: vec![key; 80], seal: Some(Hash([seal; 32])) };
    let header = Header {
        kind: BundleKind::BACKUP,
        province: PROVINCE,
        from: PublicKey(SigningKey::from_bytes(&[0x77; 32]).verifying_key().to_bytes()),
        to: vec![to(NODE, 0x13, 0x19), to(NodeId([0x14; 16]), 0x15, 0x1a)],
        bundle: BundleId([0x16; 16]),
        part: 1,
        is_last: false,
        at: AT,
        size_bytes: 0,
        hash: Hash([0; 32]),
        certificate: Some(Certificate(vec![0x17; 400])),
    };
    header.write(&[0x18; 100], sign)
}

/// Forms whose bytes never change.
fn vectors() -> Vec<(&'static str, Vec<u8>)> {
    let frame = |frame: Frame| frame.encode().unwrap().bytes;
    vec![
        ("entry-hashes-v1", entry_hashes()),
        ("names-v1", names()),
        ("item-v1", item().to_bytes()),
        ("item-hash-v1", item().hash().0.to_vec()),
        ("proof-v1", proof().to_bytes()),
        ("proof-hash-v1", proof().hash().0.to_vec()),
        ("bundle-v1", bundle()),
        ("bundle-backup-v1", backup()),
        ("frame-hello-v1", frame(hello())),
        ("frame-hello-ack-v1", frame(hello_ack())),
        ("frame-cut-v1", frame(cut())),
        ("frame-ack-v1", frame(ack())),
        ("frame-hello-series-v1", frame(hello_of_series())),
        ("frame-wanted-v1", frame(wanted())),
        ("frame-ack-items-v1", frame(ack_of_items())),
        ("frame-hello-scrub-v1", frame(hello_of_scrub())),
        ("frame-hello-ack-compares-v1", frame(hello_ack_compares())),
        ("frame-ranges-sum-v1", frame(ranges_sum())),
        ("frame-ranges-list-v1", frame(ranges_list())),
        ("frame-ranges-seen-v1", frame(ranges_seen())),
        ("frame-hello-dictionary-v1", frame(hello_of_dictionaries())),
        ("frame-hello-ack-dictionary-v1", frame(hello_ack_of_dictionaries())),
        ("columns-changes-v2", column_changes().columns().unwrap().bytes),
        ("columns-feed-v2", column_feed().columns().unwrap().bytes),
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
    assert_eq!(Frame::decode(&read("frame-hello-series-v1")).unwrap(), hello_of_series());
    assert_eq!(Frame::decode(&read("frame-wanted-v1")).unwrap(), wanted());
    assert_eq!(Frame::decode(&read("frame-ack-items-v1")).unwrap(), ack_of_items());
    assert_eq!(Frame::decode(&read("frame-hello-scrub-v1")).unwrap(), hello_of_scrub());
    assert_eq!(Frame::decode(&read("frame-hello-ack-compares-v1")).unwrap(), hello_ack_compares());
    assert_eq!(Frame::decode(&read("frame-ranges-sum-v1")).unwrap(), ranges_sum());
    assert_eq!(Frame::decode(&read("frame-ranges-list-v1")).unwrap(), ranges_list());
    assert_eq!(Frame::decode(&read("frame-ranges-seen-v1")).unwrap(), ranges_seen());
    assert_eq!(Frame::decode(&read("frame-hello-dictionary-v1")).unwrap(), hello_of_dictionaries());
    assert_eq!(Frame::decode(&read("frame-hello-ack-dictionary-v1")).unwrap(), hello_ack_of_dictionaries());
    let file = read("bundle-v1");
    let part = Part::read(&file).unwrap();
    assert_eq!((part.header.part, part.header.to.len(), part.sealed), (2, 2, &[0x18; 100][..]));
    assert_eq!(part.header.certificate, Some(Certificate(vec![0x17; 400])));
    assert!(part.header.to.iter().all(|to| to.seal.is_none()));
    let file = read("bundle-backup-v1");
    let part = Part::read(&file).unwrap();
    let seals: Vec<_> = part.header.to.iter().map(|to| to.seal).collect();
    assert_eq!(seals, [Some(Hash([0x19; 32])), Some(Hash([0x1a; 32]))]);
    let (head, rest) = Head::read(&file).unwrap();
    assert_eq!((&head.header, rest), (&part.header, part.sealed));
    assert_eq!(Head::read(head.bytes).unwrap().1, b"", "the beginning can be shown without the content");
    for (name, kind, frame) in [
        ("columns-changes-v2", FrameKind::Changes, column_changes()),
        ("columns-feed-v2", FrameKind::Feed, column_feed()),
    ] {
        let packed = compress::pack(&read(name)).unwrap();
        let message = [&[COLUMNS_VERSION, kind as u8], &packed[..]].concat();
        assert_eq!(Frame::decode(&message).unwrap(), frame, "{name}");
    }
}

/// zstd may write other bytes in its next release; what it wrote is read for ever.
#[test]
fn a_batch_packed_by_an_earlier_release_is_read() {
    assert_eq!(Frame::decode(&read("frame-changes-v1")).unwrap(), changes());
    assert_eq!(Frame::decode(&read("frame-aside-v1")).unwrap(), aside());
    assert_eq!(Frame::decode(&read("frame-changes-v2")).unwrap(), column_changes());
    assert_eq!(Frame::decode(&read("frame-feed-v2")).unwrap(), column_feed());
    assert_eq!(Frame::decode(&read("frame-changes-v3-dictionary-1")).unwrap(), column_changes());
    assert_eq!(Frame::decode(&read("frame-feed-v3-dictionary-1")).unwrap(), column_feed());
    let mut context = Context::default();
    for name in ["frame-changes-v3-dictionary-1", "frame-changes-v4-dictionary-1"] {
        let frame = Frame::decode_after(&read(name), &mut context).unwrap();
        assert_eq!(frame, column_changes(), "{name}");
    }
}

/// Writes the files of a new version: `cargo test --test vectors -- --ignored`.
#[test]
#[ignore = "writes files; run by hand for a new version"]
fn write_vectors() {
    let packed = [
        ("frame-changes-v2", column_changes()),
        ("frame-feed-v2", column_feed()),
        ("frame-aside-v1", aside()),
    ];
    let packed = packed.map(|(name, frame)| (name, frame.encode().unwrap().bytes));
    let first = |frame: Frame| frame.encode_as(Packing { level: 19, dictionary: 1 }).unwrap().bytes;
    let with_dictionary = [
        ("frame-changes-v3-dictionary-1", first(column_changes())),
        ("frame-feed-v3-dictionary-1", first(column_feed())),
    ];
    let mut context = Context::default();
    let packing = Packing { level: 19, dictionary: 1 };
    column_changes().encode_after(packing, &mut context).unwrap();
    let after = column_changes().encode_after(packing, &mut context).unwrap().bytes;
    let with_context = [("frame-changes-v4-dictionary-1", after)];
    let with_dictionary = with_dictionary.into_iter().chain(with_context);
    for (name, bytes) in vectors().into_iter().chain(packed).chain(with_dictionary) {
        if !path(name).exists() {
            fs::write(path(name), bytes).unwrap();
        }
    }
}
