//! Whatever arrives is read or refused, without a panic and within bounds of memory: many cases, half of them valid
//! frames with something changed. `DECODER_CASES` says how many (the default is what every run of the tests can pay).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests, which may panic")]

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::cell::Cell;

use automerge::ActorId;
use automerge::AutoCommit;
use automerge::ScalarValue;
use automerge::transaction::CommitOptions;
use automerge::transaction::Transactable;
use sync_protocol::codec::DecodeError;
use sync_protocol::compress;
use sync_protocol::context::Context;
use sync_protocol::dictionary;
use sync_protocol::entry;
use sync_protocol::entry::Digest;
use sync_protocol::entry::Entry;
use sync_protocol::entry::EntryKind;
use sync_protocol::frame::*;
use sync_protocol::head::*;
use sync_protocol::ids::*;
use sync_protocol::item::Item;
use sync_protocol::limits;
use sync_protocol::proof::Proof;
use sync_protocol::range;
use sync_protocol::run::ChangeRun;
use sync_protocol::run::EntryRun;
use sync_protocol::run::FeedRun;
use sync_protocol::time::Millis;

/// How many cases a run without `DECODER_CASES` looks at.
const CASES_DEFAULT: u64 = 60_000;
/// The most that reading one message may hold at any moment beside the message: the unpacked content, the entries with
/// their bodies, and the tables of columns.
const HELD_BYTES_MAX: usize = 48 * 1024 * 1024;

thread_local! {
    /// What this thread holds, and the most it has held since [`measured`] began.
    static HELD: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// The system's allocator, which also counts.
struct Counting;

fn note(change: impl FnOnce(usize) -> usize) {
    // At a thread's end there is nothing left to count for.
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        let now = change(now);
        held.set((now, most.max(now)));
    });
}

#[expect(unsafe_code, reason = "only an allocator sees every allocation; it passes each on as it came")]
// SAFETY: every method calls the system's allocator with the arguments it was given.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(|held| held.saturating_add(layout.size()));
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        note(|held| held.saturating_sub(layout.size()));
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both are held while one is copied to the other.
        note(|held| held.saturating_add(size));
        note(|held| held.saturating_sub(layout.size()));
        // SAFETY: the caller keeps the contract of `GlobalAlloc::realloc`.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that was held meanwhile, beyond what was held before.
fn measured<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.with(|held| {
        held.set((held.get().0, held.get().0));
        held.get().0
    });
    let done = work();
    (done, HELD.with(|held| held.get().1).saturating_sub(before))
}

const LOG: BootId = BootId([3; 16]);
const PROVINCE: ProvinceId = ProvinceId([1; 16]);
const AT: Millis = Millis(1_772_411_732_000);

/// A small generator: the cases are many, so they must be cheap.
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

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }
}

/// Entries like those of an office's morning: changes of some dossiers, one without body, one of another kind.
fn entries() -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let next = |entries: &[Entry]| entries.len() as u64 + 1;
    for doc in 1..4u8 {
        let mut document = AutoCommit::new().with_actor(ActorId::from(LOG.as_bytes().as_slice()));
        for act in 0..3u8 {
            let value = vec![
                0xa4,
                0,
                1,
                1,
                0x18,
                0x20 + act,
                2,
                0x43,
                0xa1,
                0,
                0x60 & doc,
                3,
                0x82,
                0x61,
                b'x',
                0x01,
            ];
            document.put(automerge::ROOT, format!("a{act}"), ScalarValue::Bytes(value)).unwrap();
            document.put(automerge::ROOT, "f.owner.name", "Trần Thị Thử").unwrap();
            document.put(automerge::ROOT, "n", i64::from(doc) * 1_000_000_000_000).unwrap();
            document.commit_with(CommitOptions::default().with_time(AT.0 + i64::from(act)));
        }
        for change in document.get_changes(&[]) {
            let (lsn, body) = (next(&entries), change.raw_bytes().to_vec());
            let hash = entry::hash_of(EntryKind::CHANGE, &body).unwrap();
            let (kind, doc) = (EntryKind::CHANGE, DocId([doc; 16]));
            entries.push(Entry { log: LOG, lsn, kind, doc, hash, min_reader: 1, body: Some(body) });
        }
    }
    let body = b"a key".to_vec();
    let (kind, hash) = (EntryKind::KEY, entry::body_hash(&body));
    let lsn = next(&entries);
    entries.push(Entry { log: LOG, lsn, kind, doc: DocId::NONE, hash, min_reader: 1, body: Some(body) });
    let (lsn, doc, hash) = (next(&entries), DocId([9; 16]), ChangeHash([5; 32]));
    entries.push(Entry { log: LOG, lsn, kind: EntryKind::CHANGE, doc, hash, min_reader: 2, body: None });
    entries
}

fn changes() -> Frame {
    let run = EntryRun::new(entries()).unwrap();
    Frame::Changes(Changes {
        runs: vec![ChangeRun { run, chain: Hash([4; 32]), signature: Signature([5; 64]) }],
    })
}

fn feed() -> Frame {
    let run = EntryRun::new(entries()).unwrap();
    let runs = vec![FeedRun::Own { log: BootId([8; 16]), first_lsn: 3, count: 9 }, FeedRun::Bytes(run)];
    let feed = FeedId([6; 16]);
    Frame::Feed(Feed { feed, first_position: 7, runs, end_digest: Digest([9; 32]), head_position: 99 })
}

/// A sum, a list of one, an answer to a list of two, and the rest settled.
const RANGES: &[u8] = &[
    1, 9, 1, 3, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 2, 9, 1, 2, 1, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5,
    5, 5, 5, 5, 5, 5, 1, 17, 3, 2, 1, 0, 0,
];

/// A batch in its first form.
fn plain(frame: &Frame) -> Vec<u8> {
    let content = match frame {
        Frame::Changes(changes) => minicbor::to_vec(changes),
        Frame::Feed(feed) => minicbor::to_vec(feed),
        Frame::Hello(_)
        | Frame::HelloAck(_)
        | Frame::Heads(_)
        | Frame::HeadsAck(_)
        | Frame::Items(_)
        | Frame::Proofs(_)
        | Frame::Ack(_)
        | Frame::Cut(_)
        | Frame::Proof(_)
        | Frame::Bye(_)
        | Frame::Aside(_)
        | Frame::Wanted(_)
        | Frame::Ranges(_) => panic!("{} has one form only", frame.kind().name()),
    };
    [&[FRAME_VERSION, frame.kind() as u8][..], &compress::pack(&content.unwrap()).unwrap()].concat()
}

/// How a batch is packed for a side that knows every dictionary.
const WITH_DICTIONARY: Packing = Packing { level: 3, dictionary: dictionary::NEWEST };

/// What a batch like those here leaves behind.
fn context() -> Context {
    let mut context = Context::default();
    changes().encode_after(WITH_DICTIONARY, &mut context).unwrap();
    context
}

/// A valid message of every kind, and for batches all of their forms.
fn messages() -> Vec<Vec<u8>> {
    let head = LogHead { boot: LOG, lsn: 2, chain: Hash([2; 32]) };
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
        session: 7,
        province: PROVINCE,
        node: NodeId([2; 16]),
        logs: vec![head; 3],
        older: LogsSummary::default(),
        feed: FeedHead { id: Some(FeedId([6; 16])), position: 1, digest: Digest([9; 32]) },
        items: ItemsHead::default(),
        last_proof: Some(ProofHead { n: 1, hash: Hash([3; 32]) }),
        clock: AT,
        series_left: Some(2),
        scrub: true,
        dictionary: 1,
    };
    let state = LogState { boot: LOG, lsn: 2, status: LogStatus::Behind };
    let fresh = FreshProof::Renewal { n: 7, at: AT, signature: Signature([1; 64]) };
    let part = ItemPart { n: 1, total_bytes: 9, offset_bytes: 0, bytes: vec![7; 9] };
    let aside = Aside { runs: vec![EntryRun::new(entries()).unwrap()] };
    let frames = [
        Frame::Hello(Box::new(hello)),
        Frame::HelloAck(Box::new(HelloAck {
            session: 7,
            logs: vec![state; 3],
            clock: AT,
            fresh: Some(fresh.clone()),
            open: None,
            dictionary: 1,
        })),
        Frame::Heads(Heads { heads: vec![head; 9], is_last: true }),
        Frame::HeadsAck(HeadsAck { logs: vec![state; 9], is_answer: true }),
        Frame::Items(Items { parts: vec![part; 3] }),
        Frame::Proofs(Proofs { proofs: Vec::new() }),
        changes(),
        feed(),
        Frame::Ack(Ack { logs: vec![LogAck { boot: LOG, lsn: 3 }], ..Ack::default() }),
        Frame::Proof(Box::new(fresh)),
        Frame::Bye(Bye { code: ByeCode::Busy, args: vec![5] }),
        Frame::Aside(aside),
        Frame::Wanted(Wanted { held: vec![ItemsHead { n: 9, hash: Hash([2; 32]) }; 3] }),
        Frame::Ranges(Ranges { ranges: range::from_bytes(RANGES).unwrap() }),
    ];
    let mut messages: Vec<Vec<u8>> = frames.iter().map(|frame| frame.encode().unwrap().bytes).collect();
    for frame in [changes(), feed()] {
        messages.push(plain(&frame));
        messages.push(frame.encode_as(WITH_DICTIONARY).unwrap().bytes);
        messages.push(frame.encode_after(WITH_DICTIONARY, &mut context()).unwrap().bytes);
    }
    messages
}

fn is_packed(kind: u8) -> bool {
    [FrameKind::Items, FrameKind::Proofs, FrameKind::Changes, FrameKind::Feed, FrameKind::Aside]
        .iter()
        .any(|packed| *packed as u8 == kind)
}

/// The content of a packed message, whatever its version.
fn unpack(message: &[u8], context: &Context) -> Vec<u8> {
    let body = &message[2..];
    let content = match message[0] {
        CONTEXT_VERSION => compress::unpack_after(body, context),
        DICTIONARY_VERSION => compress::unpack_with(body),
        _ => compress::unpack(body),
    };
    content.unwrap()
}

/// The body of a packed message, as its version has it.
fn pack(content: &[u8], version: u8, context: &Context) -> Vec<u8> {
    let dictionary = dictionary::NEWEST;
    let packed = match version {
        CONTEXT_VERSION => compress::pack_after(content, &[], 1, dictionary, context),
        DICTIONARY_VERSION => compress::pack_with(content, &[], 1, dictionary),
        _ => compress::pack_cut(content, &[], 1),
    };
    packed.unwrap()
}

/// Some bytes changed, repeated, cut out, or the end cut off.
fn mutate(bytes: &mut Vec<u8>, noise: &mut Noise) {
    for _ in 0..=noise.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = noise.below(bytes.len());
        match noise.below(8) {
            0 => bytes[at] = bytes[at].wrapping_add(1),
            1 => bytes[at] = bytes[at].wrapping_sub(1),
            2 => bytes[at] = 0xff,
            3 => bytes[at] ^= 1 << noise.below(8),
            4 => bytes[at] = noise.byte(),
            5 => {
                let piece = bytes[at..bytes.len().min(at + 1 + noise.below(40))].to_vec();
                bytes.splice(at..at, piece);
            }
            6 => drop(bytes.drain(at..bytes.len().min(at + 1 + noise.below(9)))),
            _ => bytes.truncate(bytes.len() - noise.below(9).min(bytes.len())),
        }
    }
}

#[test]
fn nothing_that_arrives_panics_or_takes_more_than_its_bounds() {
    let cases = std::env::var("DECODER_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(CASES_DEFAULT);
    let seed =
        std::env::var("DECODER_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0x9e37_79b9_7f4a_7c15);
    println!("{cases} cases of seed {seed}");
    let (valid, begun) = (messages(), context());
    let (mut noise, mut accepted, mut most_held) = (Noise(seed), 0u64, 0);
    for case in 0..cases {
        let mut message = if case % 2 == 0 {
            let mut message = valid[noise.below(valid.len())].clone();
            if is_packed(message[1]) && noise.below(8) > 0 {
                // What is inside, too: zstd itself would notice almost anything.
                let mut content = unpack(&message, &begun);
                mutate(&mut content, &mut noise);
                message.truncate(2);
                message.extend(pack(&content, message[0], &begun));
            } else {
                mutate(&mut message, &mut noise);
            }
            message
        } else {
            let body: Vec<u8> = (0..noise.below(120)).map(|_| noise.byte() >> noise.below(8)).collect();
            let kind = u8::try_from(noise.below(18)).unwrap();
            let version = u8::try_from(noise.below(5)).unwrap();
            let mut message = vec![version, kind];
            if is_packed(kind) {
                message.extend(pack(&body, version, &begun));
            } else {
                message.extend(body);
            }
            message
        };
        if noise.below(64) == 0 {
            message.truncate(noise.below(message.len() + 1));
        }
        let mut context = begun.clone();
        let (read, held) = measured(|| Frame::decode_after(&message, &mut context).is_ok());
        assert!(held <= HELD_BYTES_MAX, "case {case} of seed {seed} held {held} bytes");
        most_held = most_held.max(held);
        accepted += u64::from(read);
        let (_, held) = measured(|| {
            let body = message.get(2..).unwrap_or_default();
            (Proof::from_bytes(body).is_ok(), Item::from_bytes(body).is_ok(), range::from_bytes(body).is_ok())
        });
        assert!(held <= HELD_BYTES_MAX, "case {case} of seed {seed} held {held} bytes");
    }
    println!("{accepted} were read, at most {most_held} bytes were held");
    assert!(accepted > cases / 200, "mutations reach what lies behind the first check: {accepted}");
}

fn number(out: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// A `Changes` message in columns with these parts, numbered as in SPEC.md.
fn columns(parts: &[(usize, Vec<u8>)], count: u8) -> Vec<u8> {
    let mut content = Vec::new();
    for run in [&[0][..], &[0], &[count], &[3; 16]] {
        number(&mut content, run.len());
        content.extend(run);
    }
    content.extend([7; 96]);
    let part = |at: usize| parts.iter().find(|(of, _)| *of == at).map_or(&[][..], |(_, bytes)| bytes);
    (1..=23).for_each(|at| number(&mut content, part(at).len()));
    (1..=23).for_each(|at| content.extend(part(at)));
    [&[COLUMNS_VERSION, FrameKind::Changes as u8][..], &compress::pack(&content).unwrap()].concat()
}

fn repeated(bytes: &[u8], size_bytes: usize) -> Vec<u8> {
    bytes.iter().copied().cycle().take(size_bytes / bytes.len() * bytes.len()).collect()
}

/// A reader of all forms gets the same from each; a reader of earlier ones alone says which version it does not know.
#[test]
fn all_forms_of_a_batch_say_the_same() {
    for frame in [changes(), feed()] {
        let (columns, plain) = (frame.encode().unwrap().bytes, plain(&frame));
        assert_eq!((columns[0], plain[0]), (COLUMNS_VERSION, FRAME_VERSION));
        assert_eq!(Frame::decode(&columns).unwrap(), frame);
        assert_eq!(Frame::decode(&plain).unwrap(), frame);
        for number in 1..=dictionary::NEWEST {
            let packed = frame.encode_as(Packing { level: 19, dictionary: number }).unwrap().bytes;
            assert_eq!((packed[0], packed[2]), (DICTIONARY_VERSION, number));
            assert_eq!(Frame::decode(&packed).unwrap(), frame);
            let packing = Packing { level: 19, dictionary: number };
            let packed = frame.encode_after(packing, &mut context()).unwrap().bytes;
            assert_eq!((packed[0], packed[2]), (CONTEXT_VERSION, number));
            assert_eq!(Frame::decode_after(&packed, &mut context()).unwrap(), frame);
            assert!(matches!(Frame::decode(&packed), Err(DecodeError::NoContext)));
        }
        let mut later = columns;
        later[0] = CONTEXT_VERSION + 1;
        let refused = Frame::decode(&later);
        assert!(matches!(refused, Err(DecodeError::Version(version)) if version == CONTEXT_VERSION + 1));
    }
    let mut hello = messages().swap_remove(0);
    for only_batches_have_it in [COLUMNS_VERSION, DICTIONARY_VERSION, CONTEXT_VERSION] {
        hello[0] = only_batches_have_it;
        assert!(matches!(Frame::decode(&hello), Err(DecodeError::Version(it)) if it == only_batches_have_it));
    }
}

/// Found by the cases above: the position behind the last one was computed, and there is none.
#[test]
fn a_log_is_read_up_to_the_last_position_there_is() {
    let end = u64::MAX - entries().len() as u64;
    let late: Vec<Entry> =
        entries().into_iter().map(|entry| Entry { lsn: end - 1 + entry.lsn, ..entry }).collect();
    let run = EntryRun::new(late.clone()).unwrap();
    assert_eq!(run.last_lsn(), u64::MAX - 1);
    let changes = ChangeRun { run: run.clone(), chain: Hash([4; 32]), signature: Signature([5; 64]) };
    let (feed, end_digest) = (FeedId([6; 16]), Digest([9; 32]));
    let runs = vec![FeedRun::Bytes(run)];
    for frame in [
        Frame::Changes(Changes { runs: vec![changes] }),
        Frame::Feed(Feed { feed, first_position: end, runs, end_digest, head_position: u64::MAX }),
    ] {
        assert_eq!(Frame::decode(&frame.encode().unwrap().bytes).unwrap(), frame);
        assert_eq!(Frame::decode(&plain(&frame)).unwrap(), frame);
    }
}

/// Contents made to unfold: each is some kilobytes on the line.
#[test]
fn tables_made_to_unfold_are_refused_before_they_take_memory() {
    let large = limits::PACKED_RAW_BYTES_MAX - 4096;
    let mut many_leaves = vec![6];
    number(&mut many_leaves, 500);
    many_leaves.extend([1; 500]);
    let mut signature = Vec::new();
    number(&mut signature, many_leaves.len());
    signature.extend(&many_leaves);
    let mut thousand = Vec::new();
    number(&mut thousand, 1000);
    thousand.extend([0; 1000]);
    // One shape with one operation, whose class has the signature a thousand times.
    let shape = vec![0, 1, 2, b'a', 7];
    let mut wide = Vec::new();
    number(&mut wide, 0);
    number(&mut wide, 131_072);
    wide.extend(repeated(&[0], 131_072));
    wide.extend(repeated(&[7], 131_072));
    let key = |n: u32| [&[0, 1, 5, b'k'][..], &n.to_be_bytes()[1..], &[7]].concat();
    let keys: Vec<u8> = (0..100_000).flat_map(key).collect();
    let plain_record = [0xa3, 0, 4, 2, 1, 4, 0x40];
    let plain_run = |records: usize| {
        let mut run = vec![0xa3, 0, 0xa3, 0, 0x50];
        run.extend([3; 16]);
        run.extend([1, 0x48, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0x99]);
        run.extend(u16::try_from(records).unwrap().to_be_bytes());
        run.extend(repeated(&plain_record, plain_record.len() * records));
        run.extend([1, 0x58, 32]);
        run.extend([7; 32]);
        run.extend([2, 0x58, 64]);
        run.extend([7; 64]);
        run
    };
    let runs = large / plain_run(8192).len();
    let mut plain = vec![0xa1, 0, 0x98, u8::try_from(runs).unwrap()];
    (0..runs).for_each(|_| plain.extend(plain_run(8192)));
    let cases = [
        (
            "many columns",
            columns(
                &[
                    (2, shape.clone()),
                    (3, signature.clone()),
                    (4, thousand.clone()),
                    (5, vec![0; large - 4096]),
                ],
                1,
            ),
        ),
        ("wide shapes", columns(&[(2, repeated(&wide, large))], 1)),
        ("many classes", columns(&[(2, keys.clone()), (4, vec![0; 100_000]), (5, vec![0; 200_000])], 1)),
        ("many signatures", columns(&[(2, shape), (3, repeated(&signature, large)), (4, vec![0])], 1)),
        ("empty documents", columns(&[(1, vec![1, 1, 1]), (6, vec![0; 100]), (7, vec![0; 100])], 100)),
        (
            "plain entries",
            [&[FRAME_VERSION, FrameKind::Changes as u8][..], &compress::pack(&plain).unwrap()].concat(),
        ),
    ];
    for (name, message) in cases {
        let (read, held) = measured(|| Frame::decode(&message).is_ok());
        println!("{name}: {} bytes on the line, {held} held", message.len());
        assert!(!read, "{name}");
        assert!(held <= HELD_BYTES_MAX, "{name}: {held}");
    }
}
