//! Whatever a batch holds comes out identical; whatever arrives is read within bounds.

use automerge::ActorId;
use automerge::AutoCommit;
use automerge::ObjType;
use automerge::ReadDoc;
use automerge::ScalarValue;
use automerge::transaction::CommitOptions;
use automerge::transaction::Transactable;
use proptest::collection::vec;
use proptest::prelude::*;
use sha2::Digest as _;
use sha2::Sha256;

use super::*;
use crate::limits::BATCH_ENTRIES_MAX;

const LOG: BootId = BootId([3; 16]);

fn change_entry(log: BootId, lsn: u64, doc: u8, chunk: &[u8]) -> Entry {
    let hash = entry::hash_of(EntryKind::CHANGE, chunk).unwrap_or(ChangeHash([9; 32]));
    let doc = DocId([doc; 16]);
    Entry { log, lsn, kind: EntryKind::CHANGE, doc, hash, min_reader: 1, body: Some(chunk.to_vec()) }
}

fn places(entries: &[Entry]) -> Vec<(BootId, u64)> {
    entries.iter().map(|entry| (entry.log, entry.lsn)).collect()
}

/// Writes and reads, and tells how many bytes of bodies travelled as they were.
fn again(entries: &[Entry]) -> usize {
    let content = write(&entries.iter().collect::<Vec<_>>()).expect("comes back");
    let read = read(&content.bytes, &places(entries)).expect("readable");
    assert_eq!(read, entries);
    content.parts.iter().find(|(name, _)| *name == "Verbatim").map_or(0, |(_, size)| *size)
}

/// A step in the life of documents that our own code never makes.
#[derive(Clone, Debug)]
enum Step {
    Put(String, ScalarValue),
    Nest(String),
    Insert(u8, String),
    Delete(String),
    Count(i64),
    Splice(String),
    /// Times far apart make Automerge itself overflow (hexane, delta columns), so they stay within 2^44.
    Commit(i64, Option<String>),
    Meet,
}

fn scalar() -> impl Strategy<Value = ScalarValue> {
    prop_oneof![
        any::<i64>().prop_map(ScalarValue::Int),
        any::<u64>().prop_map(ScalarValue::Uint),
        any::<i64>().prop_map(ScalarValue::Timestamp),
        any::<bool>().prop_map(ScalarValue::Boolean),
        any::<f64>().prop_map(ScalarValue::F64),
        Just(ScalarValue::Null),
        ".{0,12}".prop_map(|text| ScalarValue::Str(text.into())),
        vec(prop_oneof![any::<u8>(), 0x80u8..0xa4, 0u8..3], 0..20).prop_map(ScalarValue::Bytes),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let key = || prop_oneof![Just("a0".to_owned()), Just("a1".to_owned()), "[a-z]{1,3}"];
    prop_oneof![
        4 => (key(), scalar()).prop_map(|(key, value)| Step::Put(key, value)),
        1 => key().prop_map(Step::Nest),
        2 => (any::<u8>(), ".{0,5}").prop_map(|(at, text)| Step::Insert(at, text)),
        1 => key().prop_map(Step::Delete),
        1 => any::<i32>().prop_map(|by| Step::Count(by.into())),
        1 => ".{0,8}".prop_map(Step::Splice),
        3 => (any::<i32>(), prop::option::of(".{0,9}"))
            .prop_map(|(at, message)| Step::Commit(i64::from(at) << 12, message)),
        1 => Just(Step::Meet),
    ]
}

/// All changes of two replicas that went their own ways between meetings.
fn history(steps: &[(bool, Step)]) -> Vec<Vec<u8>> {
    let mut first = AutoCommit::new().with_actor(ActorId::from(LOG.as_bytes().as_slice()));
    let list = first.put_object(automerge::ROOT, "list", ObjType::List).unwrap();
    let text = first.put_object(automerge::ROOT, "text", ObjType::Text).unwrap();
    first.put(automerge::ROOT, "count", ScalarValue::counter(1)).unwrap();
    first.commit();
    let second = first.fork().with_actor(ActorId::from(&b"someone else"[..]));
    let mut replicas = [first, second];
    for (is_second, step) in steps {
        let replica = &mut replicas[usize::from(*is_second)];
        match step {
            Step::Put(key, value) => replica.put(automerge::ROOT, key.as_str(), value.clone()).unwrap(),
            Step::Nest(key) => {
                let inner = replica.put_object(automerge::ROOT, key.as_str(), ObjType::Map).unwrap();
                replica.put(&inner, "inside", 1).unwrap();
            }
            Step::Insert(at, text) => {
                let at = usize::from(*at) % (replica.length(&list) + 1);
                replica.insert(&list, at, text.as_str()).unwrap();
            }
            Step::Delete(key) => {
                let _ = replica.delete(automerge::ROOT, key.as_str());
            }
            Step::Count(by) => replica.increment(automerge::ROOT, "count", *by).unwrap(),
            Step::Splice(added) => replica.splice_text(&text, 0, 0, added).unwrap(),
            Step::Commit(at, message) => {
                let mut options = CommitOptions::default().with_time(*at);
                options.message.clone_from(message);
                replica.commit_with(options);
            }
            Step::Meet => {
                let [first, second] = &mut replicas;
                first.merge(second).unwrap();
                second.merge(first).unwrap();
            }
        }
    }
    let [mut first, mut second] = replicas;
    first.merge(&mut second).unwrap();
    first.get_changes(&[]).iter().map(|change| change.raw_bytes().to_vec()).collect()
}

proptest! {
    #[test]
    fn any_automerge_document_comes_back_and_little_of_it_verbatim(
        steps in vec((any::<bool>(), step()), 0..30),
        documents in vec(1u8..4, 40),
        missing in 0usize..4,
    ) {
        let chunks = history(&steps);
        let entries: Vec<Entry> = (5..)
            .zip(chunks.iter().skip(missing).zip(documents.iter().cycle()))
            .map(|(lsn, (chunk, doc))| change_entry(LOG, lsn, *doc, chunk))
            .collect();
        prop_assert_eq!(again(&entries), 0, "every change could be taken apart");
    }

    #[test]
    fn entries_of_every_kind_come_back(
        entries in vec((any::<u8>(), 0u8..4, any::<u16>(), 0u8..3, vec(any::<u8>(), 0..40)), 0..20),
    ) {
        let entries: Vec<Entry> = (1..)
            .zip(entries)
            .map(|(lsn, (kind, doc, min_reader, form, body))| {
                let hash = if form == 0 { ChangeHash([doc; 32]) } else { entry::body_hash(&body) };
                let body = (form != 1).then_some(body);
                let doc = DocId([doc; 16]);
                Entry { log: LOG, lsn, kind: EntryKind(kind % 3), doc, hash, min_reader, body }
            })
            .collect();
        again(&entries);
    }
}

/// A chunk around contents, with its checksum.
fn chunk_of(contents: &[u8]) -> Vec<u8> {
    let mut hashed = vec![chunk::TYPE_CHANGE];
    put_bytes(&mut hashed, contents);
    let hash: [u8; 32] = Sha256::digest(&hashed).into();
    [&chunk::MAGIC[..], &hash[..4], &hashed].concat()
}

fn plain_chunk(text: &str) -> Vec<u8> {
    let mut document = AutoCommit::new().with_actor(ActorId::from(LOG.as_bytes().as_slice()));
    document.put(automerge::ROOT, "a0", ScalarValue::Bytes(vec![0xa2, 0, 1, 1, 0x41, 7])).unwrap();
    document.put(automerge::ROOT, "f.name", text).unwrap();
    document.commit();
    document.get_changes(&[])[0].raw_bytes().to_vec()
}

#[test]
fn what_would_not_come_out_identical_travels_as_it_is() {
    let chunk = plain_chunk("Nguyễn Văn Thử");
    let (_, contents) = chunk::read(&chunk).unwrap();
    let mut wrong_checksum = chunk.clone();
    wrong_checksum[5] ^= 1;
    // No dependencies, said in two bytes instead of one.
    let overlong = chunk_of(&[&[0x80, 0x00], &contents[1..]].concat());
    let extra = chunk_of(&[contents, b"more"].concat());
    for (name, chunk, is_apart) in [
        ("as Automerge has it", chunk.clone(), true),
        ("bytes behind the columns", extra, false),
        ("a number not in shortest form", overlong, false),
        ("another checksum", wrong_checksum, false),
        ("no chunk", b"nothing of the kind".to_vec(), false),
    ] {
        let entry = change_entry(LOG, 1, 1, &chunk);
        assert_eq!(again(std::slice::from_ref(&entry)) == 0, is_apart, "{name}");
        let without_document = Entry { doc: DocId::NONE, ..entry.clone() };
        assert!(again(&[without_document]) > 0, "{name}");
        let other_hash = Entry { hash: ChangeHash([8; 32]), ..entry };
        assert!(again(&[other_hash]) > 0, "{name}");
    }
}

#[test]
fn an_unknown_column_is_kept() {
    let chunk = plain_chunk("Thử");
    let (_, contents) = chunk::read(&chunk).unwrap();
    let (mut shape, mut change) = change::take_apart(contents, &mut Scratch::default()).unwrap();
    shape.columns.push((0xf7, change::Layout::Plain));
    change.plain.push(b"a later version's");
    let values = change.values.concat();
    let lengths: Vec<usize> = change.values.iter().map(|value| value.len()).collect();
    let mut scratch = Scratch::default();
    let contents = change::put_together(&shape, &change, &values, &lengths, &mut scratch).unwrap();
    let (chunk, _) = change::chunk_of(contents).unwrap();
    assert_eq!(again(&[change_entry(LOG, 1, 1, &chunk)]), 0);
}

#[test]
fn a_batch_that_unfolds_beyond_the_bound_is_not_read() {
    let chunk = plain_chunk(&"dài ".repeat(200));
    let entries: Vec<Entry> =
        (1..=BATCH_ENTRIES_MAX as u64).map(|lsn| change_entry(LOG, lsn, 1, &chunk)).collect();
    let all: Vec<&Entry> = entries.iter().collect();
    let (content, _) = write_unread(&all);
    assert!(content.bytes.len() < BATCH_BODIES_BYTES_MAX / 2, "the same body each time takes little");
    assert!(write(&all).is_none(), "what cannot be read is not written so");
    assert!(read(&content.bytes, &places(&entries)).is_none());
    let few = &entries[..BATCH_BODIES_BYTES_MAX / chunk.len()];
    again(few);
}

/// Everything in which what is read may differ from what was written, in every form of a body.
#[test]
fn no_difference_between_written_and_read_is_overlooked() {
    let mut entries = sample();
    let last = entries.len() as u64;
    let verbatim = Entry { kind: EntryKind::BOOT, doc: DocId::NONE, ..entries[0].clone() };
    entries.push(Entry {
        lsn: last + 1,
        hash: entry::body_hash(b"a beginning"),
        body: Some(b"a beginning".to_vec()),
        ..verbatim.clone()
    });
    entries.push(Entry { lsn: last + 2, hash: ChangeHash([5; 32]), body: None, ..verbatim });
    let (content, hashes) = write_unread(&entries.iter().collect::<Vec<_>>());
    let is_seen = |entries: &[Entry]| !gives(&content.bytes, &entries.iter().collect::<Vec<_>>(), &hashes);
    assert!(!is_seen(&entries));
    assert!(is_seen(&entries[1..]) && is_seen(&entries[..entries.len() - 1]));
    for at in 0..entries.len() {
        let was = entries[at].clone();
        let mut others = vec![
            Entry { kind: EntryKind(was.kind.0 ^ 1), ..was.clone() },
            Entry { doc: DocId([0xee; 16]), ..was.clone() },
            Entry { min_reader: was.min_reader + 1, ..was.clone() },
            Entry { body: was.body.is_none().then(Vec::new), ..was.clone() },
        ];
        for byte in [0, 4, 31] {
            let mut hash = was.hash;
            hash.0[byte] ^= 1;
            others.push(Entry { hash, ..was.clone() });
        }
        for byte in 0..was.body.as_ref().map_or(0, Vec::len) {
            let mut other = was.clone();
            other.body.as_mut().unwrap()[byte] ^= 1;
            others.push(other);
        }
        for other in others {
            entries[at] = other;
            assert!(is_seen(&entries), "{at}: {:?} instead of {was:?}", entries[at]);
        }
        entries[at] = was;
    }
}

/// Entries like those of an office's day, small enough for many runs.
fn sample() -> Vec<Entry> {
    let mut lsn = 0;
    let mut entries = Vec::new();
    for doc in 1..5u8 {
        let mut document = AutoCommit::new().with_actor(ActorId::from(LOG.as_bytes().as_slice()));
        for act in 0..3u8 {
            let value = vec![0xa3, 0, 1, 1, 0x18, 0x20 + act, 2, 0x43, 0xa1, 0, 0x60 & doc];
            document.put(automerge::ROOT, format!("a{act}"), ScalarValue::Bytes(value)).unwrap();
            document.put(automerge::ROOT, "f.name", "Trần Thị Thử").unwrap();
            document.put(automerge::ROOT, "n", i64::from(doc) * 1_000_000_000_000).unwrap();
            document.commit_with(CommitOptions::default().with_time(1_772_411_732_000 + i64::from(act)));
        }
        for change in document.get_changes(&[]) {
            lsn += 1;
            entries.push(change_entry(LOG, lsn, doc, change.raw_bytes()));
        }
    }
    lsn += 1;
    let body = b"a key".to_vec();
    let (kind, hash) = (EntryKind::KEY, entry::body_hash(&body));
    entries.push(Entry { log: LOG, lsn, kind, doc: DocId::NONE, hash, min_reader: 1, body: Some(body) });
    entries
}

/// A small generator: the cases must be many, so they must be cheap.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 1).unwrap_or(usize::MAX) % bound.max(1)
    }
}

/// Half of the cases are valid content with a few bytes changed, half are arbitrary. `CODEC_CASES` runs more.
#[test]
fn content_from_anywhere_is_read_within_bounds() {
    let cases: u64 = std::env::var("CODEC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(120_000);
    let entries = sample();
    let valid = write(&entries.iter().collect::<Vec<_>>()).expect("comes back").bytes;
    let places = places(&entries);
    assert_eq!(again(&entries), 6, "only the key, with its length");
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let (mut accepted, mut changed) = (0, 0);
    for case in 0..cases {
        let mut content = valid.clone();
        if case % 2 == 0 {
            for _ in 0..=noise.below(4) {
                let at = noise.below(content.len());
                content[at] = match noise.below(3) {
                    0 => content[at].wrapping_add(1),
                    1 => 0xff,
                    _ => noise.next().to_le_bytes()[0],
                };
            }
        } else {
            // Sizes of the parts that fit, so that what lies in them is looked at.
            let head = Part::ALL.len();
            content.truncate(head + noise.below(200));
            let mut left = content.len() - head.min(content.len());
            for (at, byte) in content.iter_mut().enumerate() {
                if at + 1 < head {
                    let size = noise.below(left.min(12) + 1);
                    (*byte, left) = (size.to_le_bytes()[0], left - size);
                } else if at + 1 == head {
                    *byte = left.min(127).to_le_bytes()[0];
                } else {
                    *byte = noise.next().to_le_bytes()[0] >> noise.below(7);
                }
            }
        }
        if let Some(read) = read(&content, &places) {
            accepted += 1;
            changed += u64::from(read != entries);
            let bytes: usize = read.iter().filter_map(|entry| entry.body.as_ref()).map(Vec::len).sum();
            assert!(bytes <= BATCH_BODIES_BYTES_MAX);
            assert!(read.iter().all(|entry| entry.kind != EntryKind::CHANGE || entry.has_matching_body()));
        }
    }
    assert!(accepted > cases / 100 && changed > 0, "mutations reach the columns: {accepted}, {changed}");
}
