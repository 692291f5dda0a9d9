//! Frames from anywhere: what was written is read again, and nothing that arrives can make a reader panic or
//! read beyond its bounds.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests, which may panic")]

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use sync_protocol::codec::DecodeError;
use sync_protocol::compress;
use sync_protocol::context::Context;
use sync_protocol::dictionary;
use sync_protocol::entry::Digest;
use sync_protocol::entry::Entry;
use sync_protocol::entry::EntryKind;
use sync_protocol::entry::body_hash;
use sync_protocol::frame::*;
use sync_protocol::head::*;
use sync_protocol::ids::*;
use sync_protocol::limits;
use sync_protocol::proof::EntryCounts;
use sync_protocol::proof::Proof;
use sync_protocol::proof::ProofContent;
use sync_protocol::run::ChangeRun;
use sync_protocol::run::EntryRun;
use sync_protocol::run::FeedRun;
use sync_protocol::time::Millis;

fn id16() -> impl Strategy<Value = [u8; 16]> {
    any::<[u8; 16]>()
}

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn signature() -> impl Strategy<Value = Signature> {
    vec(any::<u8>(), 64).prop_map(|bytes| Signature::from_slice(&bytes).unwrap())
}

fn millis() -> impl Strategy<Value = Millis> {
    any::<i64>().prop_map(Millis)
}

fn log_head() -> impl Strategy<Value = LogHead> {
    (id16(), any::<u64>(), hash()).prop_map(|(boot, lsn, chain)| LogHead { boot: BootId(boot), lsn, chain })
}

fn summary() -> impl Strategy<Value = LogsSummary> {
    (any::<u64>(), digest()).prop_map(|(count, digest)| LogsSummary { count, digest })
}

fn feed_head() -> impl Strategy<Value = FeedHead> {
    (option::of(id16().prop_map(FeedId)), any::<u64>(), digest())
        .prop_map(|(id, position, digest)| FeedHead { id, position, digest })
}

fn items_head() -> impl Strategy<Value = ItemsHead> {
    (any::<u64>(), hash()).prop_map(|(n, hash)| ItemsHead { n, hash })
}

fn log_state() -> impl Strategy<Value = LogState> {
    let status = prop_oneof![
        Just(LogStatus::Known),
        Just(LogStatus::Unknown),
        Just(LogStatus::Behind),
        Just(LogStatus::Ahead),
        Just(LogStatus::Forked),
    ];
    (id16(), any::<u64>(), status).prop_map(|(boot, lsn, status)| LogState {
        boot: BootId(boot),
        lsn,
        status,
    })
}

fn proof() -> impl Strategy<Value = Proof> {
    let ids = (id16(), id16(), id16(), id16());
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>());
    let counts = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>());
    (ids, numbers, hash(), digest(), summary(), counts, millis(), signature()).prop_map(
        |(ids, (n, position, items_n), previous, digest, logs, counts, at, signature)| {
            let content = ProofContent {
                version: 1,
                province: ProvinceId(ids.0),
                machine: NodeId(ids.1),
                n,
                previous,
                feed: FeedId(ids.2),
                position,
                digest,
                logs,
                counts: EntryCounts {
                    applied: counts.0,
                    waiting: counts.1,
                    quarantined: counts.2,
                    refused: counts.3,
                },
                items_n,
                boot: BootId(ids.3),
            };
            Proof::sign_with(content, at, |_| signature.0)
        },
    )
}

fn fresh_proof() -> impl Strategy<Value = FreshProof> {
    prop_oneof![
        proof().prop_map(|proof| FreshProof::Link(Box::new(proof))),
        (any::<u64>(), millis(), signature()).prop_map(|(n, at, signature)| FreshProof::Renewal {
            n,
            at,
            signature
        }),
    ]
}

fn run() -> impl Strategy<Value = EntryRun> {
    let entry =
        (any::<u8>(), option::of(id16()), any::<u16>(), any::<[u8; 32]>(), 0..3u8, vec(any::<u8>(), 0..40));
    (id16(), 1..1_000_000u64, vec(entry, 1..6)).prop_map(|(log, first, entries)| {
        let entries = (first..).zip(entries).map(|(lsn, (kind, doc, min_reader, hash, form, body))| {
            let (hash, body) = match form {
                0 => (ChangeHash(hash), None),
                1 => (ChangeHash(hash), Some(body)),
                _ => (body_hash(&body), Some(body)),
            };
            let doc = doc.map_or(DocId::NONE, DocId);
            Entry { log: BootId(log), lsn, kind: EntryKind(kind), doc, hash, min_reader, body }
        });
        EntryRun::new(entries.collect()).unwrap()
    })
}

fn feed_run() -> impl Strategy<Value = FeedRun> {
    prop_oneof![
        run().prop_map(FeedRun::Bytes),
        (id16(), 1..u64::MAX / 2, 1..900u64).prop_map(|(log, first_lsn, count)| FeedRun::Own {
            log: BootId(log),
            first_lsn,
            count
        }),
    ]
}

fn log_ack() -> impl Strategy<Value = LogAck> {
    (id16(), any::<u64>()).prop_map(|(boot, lsn)| LogAck { boot: BootId(boot), lsn })
}

fn hello() -> impl Strategy<Value = Hello> {
    let last = option::of((any::<u64>(), hash()).prop_map(|(n, hash)| ProofHead { n, hash }));
    let whole = (any::<u16>(), any::<u64>(), id16(), id16(), vec(log_head(), 0..5));
    (whole, summary(), feed_head(), items_head(), last, millis(), option::of(any::<u32>())).prop_map(
        |((protocol, session, province, node, logs), older, feed, items, last_proof, clock, series_left)| {
            Hello {
                protocol,
                session,
                province: ProvinceId(province),
                node: NodeId(node),
                logs,
                older,
                feed,
                items,
                last_proof,
                clock,
                series_left,
                scrub: protocol % 2 == 0,
                dictionary: protocol.to_le_bytes()[0],
            }
        },
    )
}

fn frame() -> impl Strategy<Value = Frame> {
    let standing = (any::<bool>(), feed_head(), items_head(), any::<u64>(), any::<bool>()).prop_map(
        |(want_heads, feed, items, proof_n, compares)| Standing {
            want_heads,
            feed,
            items,
            proof_n,
            compares,
        },
    );
    let hello_ack =
        (any::<u64>(), vec(log_state(), 0..5), millis(), option::of(fresh_proof()), option::of(standing))
            .prop_map(|(session, logs, clock, fresh, open)| {
                let dictionary = clock.0.to_le_bytes()[0];
                Frame::HelloAck(Box::new(HelloAck { session, logs, clock, fresh, open, dictionary }))
            });
    let part = (any::<u64>(), any::<u32>(), any::<u32>(), vec(any::<u8>(), 0..50))
        .prop_map(|(n, total_bytes, offset_bytes, bytes)| ItemPart { n, total_bytes, offset_bytes, bytes });
    let change_run =
        (run(), hash(), signature()).prop_map(|(run, chain, signature)| ChangeRun { run, chain, signature });
    let feed = (id16(), 1..u64::MAX / 2, vec(feed_run(), 1..5), digest(), any::<u64>()).prop_map(
        |(feed, first_position, runs, end_digest, head_position)| {
            Frame::Feed(Feed { feed: FeedId(feed), first_position, runs, end_digest, head_position })
        },
    );
    let counts = option::of((any::<u64>(), any::<u64>(), any::<u64>())).prop_map(|counts| {
        counts.map(|(waiting, quarantined, refused)| StoredCounts { waiting, quarantined, refused })
    });
    let asides = prop_oneof![Just(0), any::<u64>()];
    let ack = (vec(log_ack(), 0..5), counts, any::<u64>(), any::<u64>(), asides.clone(), asides).prop_map(
        |(logs, counts, feed_position, items_n, asides, items)| {
            Frame::Ack(Ack { logs, counts, feed_position, items_n, asides, items })
        },
    );
    let cut = (any::<u64>(), feed_head(), summary(), any::<u64>(), items_head()).prop_map(
        |(session, feed, logs, waiting, items)| Frame::Cut(Cut { session, feed, logs, waiting, items }),
    );
    prop_oneof![
        hello().prop_map(|hello| Frame::Hello(Box::new(hello))),
        hello_ack,
        (vec(log_head(), 0..9), any::<bool>())
            .prop_map(|(heads, is_last)| Frame::Heads(Heads { heads, is_last })),
        (vec(log_state(), 0..9), any::<bool>())
            .prop_map(|(logs, is_answer)| Frame::HeadsAck(HeadsAck { logs, is_answer })),
        vec(part, 0..5).prop_map(|parts| Frame::Items(Items { parts })),
        vec(proof(), 0..4).prop_map(|proofs| Frame::Proofs(Proofs { proofs })),
        vec(change_run, 1..5).prop_map(|runs| Frame::Changes(Changes { runs })),
        feed,
        ack,
        cut,
        fresh_proof().prop_map(|proof| Frame::Proof(Box::new(proof))),
        (
            prop_oneof![Just(ByeCode::Busy), Just(ByeCode::NoContext), (12..=255u8).prop_map(ByeCode::Other)],
            vec(any::<u64>(), 0..8)
        )
            .prop_map(|(code, args)| Frame::Bye(Bye { code, args })),
        vec(run(), 1..5).prop_map(|runs| Frame::Aside(Aside { runs })),
        vec(items_head(), 0..9).prop_map(|held| Frame::Wanted(Wanted { held })),
    ]
}

fn is_packed(kind: FrameKind) -> bool {
    matches!(
        kind,
        FrameKind::Items | FrameKind::Proofs | FrameKind::Changes | FrameKind::Feed | FrameKind::Aside
    )
}

proptest! {
    #[test]
    fn what_was_written_is_read_again(frame in frame()) {
        let message = frame.encode().unwrap();
        prop_assert_eq!(message.kind, frame.kind());
        prop_assert_eq!(Frame::decode(&message.bytes).unwrap(), frame);
    }

    #[test]
    fn how_a_frame_was_packed_changes_nothing_in_it(
        frame in frame(),
        level in 1..20,
        dictionary in 0..=dictionary::NEWEST,
    ) {
        let message = frame.encode_as(Packing { level, dictionary }).unwrap();
        prop_assert_eq!(Frame::decode(&message.bytes).unwrap(), frame);
    }

    #[test]
    fn what_follows_what_was_read_is_read(
        frames in vec(frame(), 1..12),
        dictionary in 0..=dictionary::NEWEST,
        lost in any::<prop::sample::Index>(),
    ) {
        let (mut told, mut heard) = (Context::default(), Context::default());
        let (packing, lost) = (Packing { level: 1, dictionary }, lost.index(frames.len()));
        let mut lossy = Context::default();
        for (place, frame) in frames.iter().enumerate() {
            let message = frame.encode_after(packing, &mut told).unwrap();
            if place != lost && lossy == heard {
                prop_assert_eq!(&Frame::decode_after(&message.bytes, &mut lossy).unwrap(), frame);
            } else if message.bytes[0] == CONTEXT_VERSION && lossy != heard {
                let refused = Frame::decode_after(&message.bytes, &mut lossy);
                prop_assert!(matches!(refused, Err(DecodeError::NoContext)));
            }
            prop_assert_eq!(&Frame::decode_after(&message.bytes, &mut heard).unwrap(), frame);
            prop_assert_eq!(&told, &heard);
        }
    }

    #[test]
    fn mutated_frames_never_panic(
        frame in frame(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in option::of(any::<prop::sample::Index>()),
    ) {
        let message = frame.encode().unwrap();
        let mut bytes = message.bytes;
        if is_packed(message.kind) {
            // Mutate what is inside, too: zstd itself would notice almost anything.
            let mut raw = compress::unpack(&bytes[2..]).unwrap();
            mutate(&mut raw, &changes, cut);
            let _ = Frame::decode(&[&bytes[..2], &compress::pack(&raw).unwrap()].concat());
        }
        mutate(&mut bytes[2..], &changes, None);
        bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len() + 1)));
        let _ = Frame::decode(&bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(kind in 0..15u8, body in vec(any::<u8>(), 0..300)) {
        let _ = Frame::decode(&body);
        let _ = Frame::decode(&[&[FRAME_VERSION, kind], &body[..]].concat());
        let _ = Frame::decode(&[&[FRAME_VERSION, kind], &compress::pack(&body).unwrap()[..]].concat());
        let _ = Proof::from_bytes(&body);
        let _ = sync_protocol::item::Item::from_bytes(&body);
    }
}

fn mutate(bytes: &mut [u8], changes: &[(prop::sample::Index, u8)], cut: Option<prop::sample::Index>) {
    if bytes.is_empty() {
        return;
    }
    for (at, byte) in changes {
        bytes[at.index(bytes.len())] = *byte;
    }
    if let Some(cut) = cut {
        let from = cut.index(bytes.len());
        bytes[from..].fill(0xff);
    }
}

#[test]
fn the_first_thing_wrong_is_named() {
    let bye = Frame::Bye(Bye { code: ByeCode::Busy, args: vec![] }).encode().unwrap().bytes;
    let changed = |at: usize, byte: u8| {
        let mut bytes = bye.clone();
        bytes[at] = byte;
        Frame::decode(&bytes).unwrap_err()
    };
    assert!(matches!(Frame::decode(&[]), Err(DecodeError::Truncated { have: 0 })));
    assert!(matches!(Frame::decode(&[1]), Err(DecodeError::Truncated { have: 1 })));
    assert!(matches!(changed(0, 2), DecodeError::Version(2)));
    assert!(matches!(changed(1, 0), DecodeError::UnknownKind(0)));
    assert!(matches!(changed(1, 99), DecodeError::UnknownKind(99)));
    assert!(matches!(changed(2, 0xff), DecodeError::Malformed(_)));
    assert!(matches!(Frame::decode(&[&bye[..], &[0]].concat()), Err(DecodeError::Invalid(_))));
    let large = vec![FRAME_VERSION; limits::FRAME_BYTES_MAX + 1];
    assert!(matches!(Frame::decode(&large), Err(DecodeError::TooLarge { .. })));
}

#[test]
fn lists_and_bodies_beyond_their_bounds_are_refused_both_ways() {
    let head = LogHead { boot: BootId([1; 16]), lsn: 1, chain: Hash([2; 32]) };
    let page = |count: usize| {
        Frame::Heads(Heads { heads: vec![head; count], is_last: true }).encode().unwrap().bytes
    };
    assert!(Frame::decode(&page(limits::HEADS_PER_FRAME_MAX)).is_ok());
    assert!(matches!(Frame::decode(&page(limits::HEADS_PER_FRAME_MAX + 1)), Err(DecodeError::Malformed(_))));
    let feed = |size: usize| {
        let body = vec![0; size];
        let entry = Entry {
            log: BootId([1; 16]),
            lsn: 1,
            kind: EntryKind::KEY,
            doc: DocId::NONE,
            hash: body_hash(&body),
            min_reader: 1,
            body: Some(body),
        };
        let runs = vec![FeedRun::Bytes(EntryRun::new(vec![entry]).unwrap())];
        let feed = FeedId([1; 16]);
        Frame::Feed(Feed { feed, first_position: 1, runs, end_digest: Digest::default(), head_position: 1 })
    };
    assert!(Frame::decode(&feed(limits::ENTRY_BODY_BYTES_MAX).encode().unwrap().bytes).is_ok());
    let beyond = feed(limits::ENTRY_BODY_BYTES_MAX + 1).encode().unwrap().bytes;
    assert!(matches!(Frame::decode(&beyond), Err(DecodeError::Malformed(_))));
    assert!(matches!(feed(2 * limits::FRAME_BYTES_MAX).encode(), Err(EncodeError::Pack { .. })));
    let own = |first_lsn, count| {
        let runs = vec![FeedRun::Own { log: BootId([1; 16]), first_lsn, count }];
        let feed = FeedId([1; 16]);
        let frame = Feed { feed, first_position: 1, runs, end_digest: Digest::default(), head_position: 1 };
        Frame::decode(&Frame::Feed(frame).encode().unwrap().bytes)
    };
    assert!(own(1, limits::BATCH_ENTRIES_MAX as u64).is_ok());
    for (first_lsn, count) in [(0, 1), (1, 0), (1, limits::BATCH_ENTRIES_MAX as u64 + 1), (u64::MAX, 1)] {
        assert!(own(first_lsn, count).is_err(), "{first_lsn} + {count}");
    }
}

#[test]
fn an_announced_length_allocates_nothing() {
    // A list that claims 2^63 heads in ten bytes, and one that claims as many as are allowed and has none.
    for claim in [&[0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0][..], &[0x99, 0x02, 0x00]] {
        let bytes = [&[FRAME_VERSION, FrameKind::Heads as u8, 0xa2, 0x00], claim].concat();
        assert!(matches!(Frame::decode(&bytes), Err(DecodeError::Malformed(_))));
    }
}

#[test]
fn a_key_of_a_later_version_is_skipped() {
    let hello = |extra: &[u8]| {
        let cut = Cut {
            session: 1,
            feed: FeedHead::default(),
            logs: LogsSummary::default(),
            waiting: 0,
            items: ItemsHead::default(),
        };
        let mut bytes = Frame::Cut(cut).encode().unwrap().bytes;
        bytes[2] += u8::from(!extra.is_empty());
        bytes.extend(extra);
        Frame::decode(&bytes).map(|frame| frame == Frame::Cut(cut))
    };
    assert!(hello(&[]).unwrap());
    assert!(hello(&[0x18, 77, 0x82, 0x01, 0xa1, 0x02, 0x03]).unwrap());
}
