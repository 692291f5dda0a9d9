//! What other machines may send: hostile changes written with Automerge directly, bytes made by hand, and bytes
//! changed at random. Whatever is refused leaves the document as it was.

use automerge::ObjType;
use automerge::transaction::Transaction;
use proptest::prelude::*;
use sha2::Digest as _;
use sha2::Sha256;
use sync_protocol::limits::ENTRY_BODY_BYTES_MAX;

use super::*;
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::dossier::act::Assign;
use crate::dossier::act::AttachPaper;
use crate::dossier::act::CorrectField;
use crate::dossier::act::Note;
use crate::dossier::admit::ACT_BYTES_MAX;
use crate::dossier::admit::FIELD_BYTES_MAX;
use crate::dossier::admit::FIELD_NAME_BYTES_MAX;
use crate::dossier::admit::PAPER_BYTES_MAX;
use crate::dossier::specimen;

const HOME: BootId = BootId([1; 16]);
const STRANGER: BootId = BootId([2; 16]);

fn note() -> Act {
    specimen::plain("H27.101", 1, Note {})
}

fn correction(field: &str) -> Act {
    specimen::plain("H27.101", 1, CorrectField { field: field.to_owned() })
}

fn writing(acts: Vec<Act>) -> Writing {
    Writing { acts, ..Writing::default() }
}

/// A receipt with a register and a paper, then a note: acts 0 and 1, paper 0.
fn dossier() -> Document {
    let mut document = Document::new();
    let receipt = Writing {
        fields: vec![("owner.name".to_owned(), "Nguyễn Văn Thử".to_owned())],
        papers: vec![specimen::paper("Tờ khai")],
        acts: vec![specimen::plain("H27.101", 0, specimen::receipt("H27.101", "H27.101"))],
    };
    document.author(HOME, Millis(1), &receipt).unwrap();
    document.author(HOME, Millis(2), &writing(vec![note()])).unwrap();
    document
}

/// A change that somebody writes onto a document without asking our code.
fn forged(onto: &Document, forge: impl FnOnce(&mut Transaction<'_>)) -> Change {
    let mut merged = Automerge::new();
    merged.apply_changes(onto.changes.clone()).unwrap();
    merged.set_actor(ActorId::from(STRANGER.as_bytes().as_slice()));
    let mut tx = merged.transaction();
    forge(&mut tx);
    tx.commit_with(CommitOptions::default().with_time(3));
    merged.get_last_local_change().unwrap()
}

fn put_bytes(tx: &mut Transaction<'_>, key: &str, bytes: Vec<u8>) {
    tx.put(ROOT, key, ScalarValue::Bytes(bytes)).unwrap();
}

fn put_act(tx: &mut Transaction<'_>, key: &str, act: &Act) {
    put_bytes(tx, key, act.pack());
}

fn as_it_is(document: &Document) -> String {
    format!("{:?}", document.history)
}

/// Neither admission nor the document takes it, and the document stays as it was and can be written on.
fn assert_refused(document: &mut Document, bytes: &[u8], name: &str) {
    let before = as_it_is(document);
    let outcome = document.apply(bytes);
    assert!(matches!(outcome, Err(DocumentError::Malformed(_))), "{name}: {outcome:?}");
    assert_eq!(as_it_is(document), before, "{name}");
    assert!(document.is_merged_equal().unwrap(), "{name}");
}

#[test]
fn a_change_of_ours_is_admitted() {
    let mut document = dossier();
    let change = forged(&document, |tx| {
        put_act(tx, "a2", &correction("owner.name"));
        tx.put(ROOT, "f.owner.name", "Trần Thị Thử").unwrap();
        put_bytes(tx, "p1", to_cbor(&specimen::paper("Bản sao")));
    });
    let step = admit(change.raw_bytes(), STRANGER).unwrap();
    assert_eq!((step.first_act, step.first_paper, step.acts.len()), (2, 1, 1));
    document.apply(change.raw_bytes()).unwrap();
    assert_eq!(document.history().steps.len(), 3);
    assert_eq!(document.next_paper_key(0), "p2");
}

#[test]
fn operations_no_section_allows_are_refused() {
    type Forge = Box<dyn Fn(&mut Transaction<'_>)>;
    let big_note = |bytes: usize| Act { note: Some("x".repeat(bytes)), ..note() };
    let with_act = |more: &'static dyn Fn(&mut Transaction<'_>)| -> Forge {
        Box::new(move |tx| {
            put_act(tx, "a2", &note());
            more(tx);
        })
    };
    let field_of = |name: String, value: String| -> Forge {
        Box::new(move |tx| {
            put_act(tx, "a2", &correction(&name));
            tx.put(ROOT, format!("{FIELD_PREFIX}{name}"), value.as_str()).unwrap();
        })
    };
    let act_under = |key: &'static str| -> Forge { Box::new(move |tx| put_act(tx, key, &note())) };
    let cases: Vec<(&str, Forge)> = vec![
        ("an act deleted", with_act(&|tx| tx.delete(ROOT, "a0").unwrap())),
        ("an act deleted alone", Box::new(|tx| tx.delete(ROOT, "a0").unwrap())),
        ("a paper deleted", with_act(&|tx| tx.delete(ROOT, "p0").unwrap())),
        ("a register deleted", with_act(&|tx| tx.delete(ROOT, "f.owner.name").unwrap())),
        ("the head deleted", with_act(&|tx| tx.delete(ROOT, HEAD_KEY).unwrap())),
        ("an act overwritten", act_under("a0")),
        ("a paper overwritten", with_act(&|tx| put_bytes(tx, "p0", to_cbor(&specimen::paper("x"))))),
        (
            "a second head",
            with_act(&|tx| {
                put_bytes(tx, HEAD_KEY, to_cbor(&Head { layout: 3, min_reader: 1, kind: 1 }));
            }),
        ),
        ("an object", with_act(&|tx| drop(tx.put_object(ROOT, "a3", ObjType::Map).unwrap()))),
        (
            "a list",
            with_act(&|tx| {
                let list = tx.put_object(ROOT, "l", ObjType::List).unwrap();
                tx.insert(&list, 0, 1).unwrap();
            }),
        ),
        (
            "an act inside an object",
            with_act(&|tx| {
                let inner = tx.put_object(ROOT, "o", ObjType::Map).unwrap();
                tx.put(&inner, "a3", ScalarValue::Bytes(note().pack())).unwrap();
            }),
        ),
        (
            "a text object",
            with_act(&|tx| {
                let inner = tx.put_object(ROOT, "f.owner.name", ObjType::Text).unwrap();
                tx.splice_text(&inner, 0, 0, "x").unwrap();
            }),
        ),
        ("a counter", with_act(&|tx| tx.put(ROOT, "f.owner.name", ScalarValue::counter(1)).unwrap())),
        (
            "an increment",
            with_act(&|tx| {
                tx.put(ROOT, "c", ScalarValue::counter(1)).unwrap();
                tx.increment(ROOT, "c", 4).unwrap();
            }),
        ),
        ("a number as an act", Box::new(|tx| tx.put(ROOT, "a2", 1).unwrap())),
        ("a text as an act", Box::new(|tx| tx.put(ROOT, "a2", "x").unwrap())),
        ("no act under the key of one", Box::new(|tx| put_bytes(tx, "a2", vec![0xa0]))),
        ("no paper under the key of one", with_act(&|tx| put_bytes(tx, "p1", vec![0xa0]))),
        ("a text as a paper", with_act(&|tx| tx.put(ROOT, "p1", "x").unwrap())),
        (
            "bytes in a register",
            Box::new(|tx| {
                put_act(tx, "a2", &correction("owner.name"));
                put_bytes(tx, "f.owner.name", vec![1]);
            }),
        ),
        (
            "a truth value in a register",
            Box::new(|tx| {
                put_act(tx, "a2", &correction("owner.name"));
                tx.put(ROOT, "f.owner.name", true).unwrap();
            }),
        ),
        ("a register no act names", with_act(&|tx| tx.put(ROOT, "f.owner.name", "x").unwrap())),
        (
            "a register another act names",
            Box::new(|tx| {
                put_act(tx, "a2", &correction("owner.name"));
                tx.put(ROOT, "f.owner.phone", "0999000001").unwrap();
            }),
        ),
        ("a register alone", Box::new(|tx| tx.put(ROOT, "f.owner.name", "x").unwrap())),
        ("a paper alone", Box::new(|tx| put_bytes(tx, "p1", to_cbor(&specimen::paper("x"))))),
        ("a register without a name", field_of(String::new(), "x".to_owned())),
        ("a register's name too long", field_of("n".repeat(FIELD_NAME_BYTES_MAX + 1), "x".to_owned())),
        ("a register's name with a blank", field_of("owner name".to_owned(), "x".to_owned())),
        ("a register's value too long", field_of("summary".to_owned(), "x".repeat(FIELD_BYTES_MAX + 1))),
        ("an unknown section", with_act(&|tx| tx.put(ROOT, "x0", "x").unwrap())),
        ("an empty key", with_act(&|tx| tx.put(ROOT, "", "x").unwrap())),
        ("an act without a number", act_under("a")),
        ("an act with a leading zero", act_under("a02")),
        ("an act with a sign", act_under("a+2")),
        ("an act with letters", act_under("a2x")),
        ("an act beyond all numbers", act_under("a99999999999999999999")),
        ("an act that takes a later number", act_under("a3")),
        (
            "a paper that takes a later number",
            with_act(&|tx| {
                put_bytes(tx, "p7", to_cbor(&specimen::paper("x")));
            }),
        ),
        (
            "acts with a gap",
            Box::new(|tx| {
                put_act(tx, "a2", &note());
                put_act(tx, "a4", &note());
            }),
        ),
        (
            "more acts than one change has",
            Box::new(|tx| {
                (0..=CHANGE_ACTS_MAX).for_each(|at| put_act(tx, &format!("a{}", 2 + at), &note()));
            }),
        ),
        (
            "more operations than one change has",
            Box::new(|tx| {
                put_act(tx, "a2", &note());
                for at in 0..CHANGE_OPS_MAX {
                    put_bytes(tx, &format!("p{}", 1 + at), to_cbor(&specimen::paper("x")));
                }
            }),
        ),
        ("an act too large", Box::new(move |tx| put_act(tx, "a2", &big_note(ACT_BYTES_MAX)))),
        (
            "a paper too large",
            with_act(&|tx| {
                put_bytes(tx, "p1", to_cbor(&specimen::paper(&"x".repeat(PAPER_BYTES_MAX))));
            }),
        ),
    ];
    let mut document = dossier();
    for (name, forge) in cases {
        let change = forged(&document, forge);
        assert_refused(&mut document, change.raw_bytes(), name);
    }
    document.author(HOME, Millis(9), &writing(vec![note()])).unwrap();
}

#[test]
fn the_largest_of_everything_is_admitted() {
    let mut document = dossier();
    let change = forged(&document, |tx| {
        let name = "n".repeat(FIELD_NAME_BYTES_MAX);
        put_act(tx, "a2", &correction(&name));
        tx.put(ROOT, format!("{FIELD_PREFIX}{name}"), "x".repeat(FIELD_BYTES_MAX)).unwrap();
        let room = ACT_BYTES_MAX - note().pack().len() - 8;
        put_act(tx, "a3", &Act { note: Some("x".repeat(room)), ..note() });
        (4..CHANGE_ACTS_MAX + 2).for_each(|at| put_act(tx, &format!("a{at}"), &note()));
        for at in 0..usize::try_from(CHANGE_OPS_MAX).unwrap() - CHANGE_ACTS_MAX - 1 {
            put_bytes(tx, &format!("p{}", 1 + at), to_cbor(&specimen::paper("x")));
        }
    });
    assert_eq!(inspect(change.raw_bytes()).unwrap().ops, CHANGE_OPS_MAX);
    document.apply(change.raw_bytes()).unwrap();
}

#[test]
fn two_acts_under_one_key_of_a_change_are_refused() {
    let mut document = dossier();
    let change = forged(&document, |tx| put_act(tx, "a2", &note()));
    let twice = reworked(&change, |expanded| {
        let mut again = expanded.operations[0].clone();
        again.pred = Vec::new().into();
        expanded.operations.push(again);
    });
    assert_refused(&mut document, twice.raw_bytes(), "one key twice");
}

#[test]
fn the_head_stands_in_the_first_change_and_nowhere_else() {
    let act = || specimen::plain("H27.101", 0, specimen::receipt("H27.101", "H27.101"));
    let head = |layout: u16, min_reader: u16, kind: u8| to_cbor(&Head { layout, min_reader, kind });
    let first = |heads: &[Vec<u8>]| {
        forged(&Document::new(), |tx| {
            put_act(tx, "a0", &act());
            heads.iter().for_each(|head| put_bytes(tx, HEAD_KEY, head.clone()));
        })
    };
    assert!(matches!(admit(first(&[]).raw_bytes(), STRANGER), Err(AdmitError::Structure(_))));
    let two = first(&[head(1, 1, 1), head(2, 1, 1)]);
    assert!(matches!(admit(two.raw_bytes(), STRANGER), Err(AdmitError::Structure(_))));
    assert!(matches!(admit(first(&[vec![1]]).raw_bytes(), STRANGER), Err(AdmitError::Structure(_))));
    assert_eq!(admit(first(&[head(2, 2, 1)]).raw_bytes(), STRANGER), Err(AdmitError::Newer));
    assert_eq!(admit(first(&[head(1, 1, 2)]).raw_bytes(), STRANGER), Err(AdmitError::Newer));
    assert!(admit(first(&[head(2, 1, 1)]).raw_bytes(), STRANGER).is_ok());
    let mut document = dossier();
    assert_refused(&mut document, first(&[head(1, 1, 1)]).raw_bytes(), "a second first change");
}

#[test]
fn another_author_than_the_log_is_refused() {
    let change = forged(&dossier(), |tx| put_act(tx, "a2", &note()));
    assert!(admit(change.raw_bytes(), STRANGER).is_ok());
    assert!(matches!(admit(change.raw_bytes(), HOME), Err(AdmitError::Structure(_))));
    let odd = reworked(&change, |expanded| expanded.actor_id = ActorId::from(&[7; 5][..]));
    assert_refused(&mut dossier(), odd.raw_bytes(), "an author that is no boot");
}

#[test]
fn an_act_of_a_later_program_waits_for_it() {
    let mut later = note().pack();
    // The map's second pair: key 1, `min_reader`.
    assert_eq!(&later[3..5], &[1, 1]);
    later[4] = 2;
    let change = forged(&dossier(), |tx| {
        put_bytes(tx, "a2", later.clone());
        tx.put(ROOT, "x0", "a section of that program").unwrap();
    });
    assert_eq!(admit(change.raw_bytes(), STRANGER), Err(AdmitError::Newer));
}

/// The same change with something else in it, sealed anew.
fn reworked(change: &Change, rework: impl FnOnce(&mut automerge::ExpandedChange)) -> Change {
    let mut expanded = change.decode();
    rework(&mut expanded);
    Change::from(expanded)
}

#[test]
fn numbers_that_do_not_go_on_from_what_the_author_had_seen_are_refused() {
    let mut document = dossier();
    let change = forged(&document, |tx| put_act(tx, "a2", &note()));
    let first_op = change.start_op().get();
    for (name, bad) in [
        ("a sequence that begins later", reworked(&change, |expanded| expanded.seq = 2)),
        ("a sequence from nought", reworked(&change, |expanded| expanded.seq = 0)),
        (
            "operations far ahead",
            reworked(&change, |expanded| {
                expanded.start_op = u64::from(u32::MAX).try_into().unwrap();
            }),
        ),
        (
            "operations one ahead",
            reworked(&change, |expanded| {
                expanded.start_op = (first_op + 1).try_into().unwrap();
            }),
        ),
        (
            "operations again",
            reworked(&change, |expanded| {
                expanded.start_op = (first_op - 1).try_into().unwrap();
            }),
        ),
        (
            "another's number again",
            reworked(&change, |expanded| {
                expanded.actor_id = ActorId::from(HOME.as_bytes().as_slice());
            }),
        ),
        ("a message", reworked(&change, |expanded| expanded.message = Some("ẩn".to_owned()))),
        ("a time beyond all calendars", reworked(&change, |expanded| expanded.time = i64::MAX)),
        ("a time before all calendars", reworked(&change, |expanded| expanded.time = i64::MIN)),
        ("bytes at the end", reworked(&change, |expanded| expanded.extra_bytes = vec![0; 100])),
    ] {
        assert_refused(&mut document, bad.raw_bytes(), name);
    }
    document.apply(change.raw_bytes()).unwrap();
    let fork = forged(&dossier(), |tx| put_act(tx, "a2", &correction("x")));
    assert_refused(&mut document, fork.raw_bytes(), "the same number of the same author");
}

/// A register says by itself what it replaces. The state never asks, and Automerge must survive it.
#[test]
fn a_register_that_claims_to_replace_something_else_does_no_harm() {
    for claimed in ["1@01010101010101010101010101010101", "999@01010101010101010101010101010101", "1@07"] {
        let mut document = dossier();
        let change = forged(&document, |tx| {
            put_act(tx, "a2", &correction("owner.name"));
            tx.put(ROOT, "f.owner.name", "Trần Thị Thử").unwrap();
        });
        let (counter, actor) = claimed.split_once('@').unwrap();
        let claims = reworked(&change, |expanded| {
            let actor: ActorId = actor.try_into().unwrap();
            let replaced = legacy::OpId::new(counter.parse().unwrap(), &actor);
            expanded.operations[1].pred = vec![replaced].into();
        });
        let before = as_it_is(&document);
        let is_taken = document.apply(claims.raw_bytes()).is_ok();
        assert_eq!(is_taken, as_it_is(&document) != before, "{claimed}");
        assert!(document.is_merged_equal().unwrap());
        document.author(HOME, Millis(9), &writing(vec![note()])).unwrap();
        assert_eq!(document.history().steps[0].acts.len(), 1);
    }
}

#[test]
fn a_change_waits_for_what_it_builds_on() {
    let mut document = dossier();
    let change = forged(&document, |tx| put_act(tx, "a2", &note()));
    for deps in [vec![[7; 32]], vec![document.changes[1].hash().0, [7; 32]]] {
        let waits = reworked(&change, |expanded| {
            expanded.deps = deps.into_iter().map(automerge::ChangeHash).collect();
        });
        let before = as_it_is(&document);
        assert_eq!(document.apply(waits.raw_bytes()), Err(DocumentError::MissingDependency));
        assert_eq!(as_it_is(&document), before);
    }
    let many = reworked(&change, |expanded| {
        expanded.deps = (0..300_u32)
            .map(|at| {
                let mut name = [0; 32];
                name[..4].copy_from_slice(&at.to_be_bytes());
                automerge::ChangeHash(name)
            })
            .collect();
    });
    assert_refused(&mut document, many.raw_bytes(), "300 dependencies");
    let twice = reworked(&change, |expanded| {
        expanded.deps = vec![document.changes[1].hash(), document.changes[1].hash()];
    });
    assert_refused(&mut document, twice.raw_bytes(), "one dependency twice");
}

#[test]
fn only_the_one_form_of_a_change_is_read() {
    let mut document = dossier();
    let mut change = forged(&document, |tx| {
        put_act(tx, "a2", &Act { note: Some("lặp lại ".repeat(80)), ..note() });
    });
    let raw = change.raw_bytes().to_vec();
    let compressed = change.bytes().into_owned();
    assert_eq!(compressed[8], 2, "Automerge compresses changes of this size");
    assert_refused(&mut document, &compressed, "a compressed chunk");
    let mut merged = document.take_merged().unwrap();
    merged.apply_changes([change]).unwrap();
    assert_refused(&mut document, &merged.save_nocompress(), "a document chunk");
    assert_refused(&mut document, &merged.save(), "a compressed document chunk");
    for cut in 0..raw.len() {
        assert!(inspect(&raw[..cut]).is_err(), "cut at {cut}");
    }
    assert_refused(&mut document, &[raw.as_slice(), &[0]].concat(), "one byte more");
    assert_refused(&mut document, &[raw.as_slice(), raw.as_slice()].concat(), "twice");
    for bit in 0..raw.len() * 8 {
        let mut flipped = raw.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(inspect(&flipped).is_err(), "bit {bit}");
    }
    document.apply(&raw).unwrap();
}

/// A chunk with these contents and the right head.
fn sealed(contents: &[u8]) -> Vec<u8> {
    let mut hashed = vec![1];
    unsigned(&mut hashed, contents.len() as u64);
    hashed.extend(contents);
    let checksum = Sha256::digest(&hashed);
    [&[0x85, 0x6f, 0x4a, 0x83], &checksum[..4], &hashed].concat()
}

fn unsigned(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn signed(out: &mut Vec<u8>, mut value: i64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if (value == 0 && low & 0x40 == 0) || (value == -1 && low & 0x40 != 0) {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// A change of no author with these columns.
fn with_columns(columns: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut contents = vec![0, 16];
    contents.extend(STRANGER.as_bytes());
    contents.extend([1, 1, 0, 0, 0]);
    unsigned(&mut contents, columns.len() as u64);
    for (spec, data) in columns {
        unsigned(&mut contents, *spec);
        unsigned(&mut contents, data.len() as u64);
    }
    columns.iter().for_each(|(_, data)| contents.extend(data));
    sealed(&contents)
}

fn run(count: i64, value: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    signed(&mut data, count);
    data.extend(value);
    data
}

#[test]
fn columns_that_claim_more_rows_than_a_change_has_never_reach_automerge() {
    let huge = 1_i64 << 40;
    let text = |bytes: usize| {
        let mut value = Vec::new();
        unsigned(&mut value, bytes as u64);
        value.extend(vec![b'a'; bytes]);
        value
    };
    let mut nulls = vec![0];
    unsigned(&mut nulls, 1 << 40);
    let mut truths = Vec::new();
    unsigned(&mut truths, 1 << 40);
    let many = i64::try_from(CHANGE_OPS_MAX).unwrap() + 1;
    for (name, spec, data, what) in [
        ("actions", 0x42, run(huge, &[1]), "too many operations"),
        ("as many as fit a number", 0x42, run(i64::MAX, &[1]), "too many operations"),
        ("one more than ours", 0x42, run(many, &[1]), "too many operations"),
        (
            "many runs",
            0x42,
            [run(huge, &[1]), run(i64::MAX, &[1]), run(i64::MAX, &[1])].concat(),
            "too many operations",
        ),
        ("different actions", 0x42, run(-huge, &[1]), "too many operations"),
        ("the smallest number", 0x42, run(i64::MIN, &[1]), "too many operations"),
        ("absent actions", 0x42, nulls.clone(), "too many operations"),
        ("absent keys", 0x15, nulls, "too many operations"),
        ("keys", 0x15, run(huge, &text(1)), "too many operations"),
        ("one long key in every row", 0x15, run(500, &text(100_000)), "a key is too long"),
        ("counters", 0x13, run(huge, &[1]), "too many operations"),
        ("inserts", 0x34, truths.clone(), "too many operations"),
        ("values", 0x56, run(huge, &[0x10]), "too many operations"),
        ("predecessors' numbers", 0x70, run(huge, &[1]), "too many operations"),
        ("predecessors' authors", 0x71, run(huge, &[0]), "too many operations"),
        ("predecessors' counters", 0x73, run(huge, &[1]), "too many operations"),
        ("marks", 0x94, truths, "too many operations"),
        ("a column of an unknown id", 0xf2, run(1, &[1]), "a column that nobody reads"),
        ("a compressed column", 0x4a, run(1, &[1]), "a column is compressed"),
        ("a run that is cut", 0x42, run(3, &[]), "the change is cut short"),
        (
            "a number too long",
            0x42,
            vec![1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1],
            "a number is too long",
        ),
    ] {
        let bytes = with_columns(&[(spec, data)]);
        assert_eq!(inspect(&bytes), Err(malformed(what)), "{name}");
    }
    let large = with_columns(&[(0x57, vec![0; ENTRY_BODY_BYTES_MAX])]);
    assert_eq!(inspect(&large), Err(malformed("the change is too large")));
    let short = with_columns(&[(0x42, run(1, &[1]))]);
    assert!(inspect(&short).is_ok());
    let columns: Vec<(u64, Vec<u8>)> = (0..33).map(|_| (0x42, run(1, &[1]))).collect();
    assert_eq!(inspect(&with_columns(&columns)), Err(malformed("too many columns")));
}

#[test]
fn our_reading_of_a_change_is_automerges() {
    let mut document = dossier();
    let mut other = Document::load(document.changes.iter().map(Change::raw_bytes)).unwrap();
    document.author(HOME, Millis(-250_000_000_000_000), &writing(vec![note(), note()])).unwrap();
    other.author(STRANGER, Millis(250_000_000_000_000), &writing(vec![note()])).unwrap();
    other.changes.iter().for_each(|change| assert!(document.apply(change.raw_bytes()).is_ok()));
    document.author(HOME, Millis(8), &writing(vec![note()])).unwrap();
    for change in &document.changes {
        let info = inspect(change.raw_bytes()).unwrap();
        assert_eq!(info.hash.0, change.hash().0);
        assert_eq!(info.actor, change.actor_id().to_bytes());
        assert_eq!((info.seq, info.at.0), (change.seq(), change.timestamp()));
        assert_eq!((info.first_op, info.ops), (change.start_op().get(), change.len() as u64));
        assert_eq!(info.deps, change.deps().iter().map(|dep| ChangeHash(dep.0)).collect::<Vec<_>>());
    }
    assert_eq!(document.changes.last().unwrap().deps().len(), 2);
}

/// Automerge leaves out a write of the text it holds already. What it holds is not always what counts: a settlement
/// may have chosen another value. So each correction writes what it says.
#[test]
fn a_register_set_to_what_automerge_holds_is_written_all_the_same() {
    let mut document = dossier();
    for value in ["Trần Thị Thử", "Trần Thị Thử", "Lê Văn Thử", "Lê Văn Thử"] {
        let fields = vec![("owner.name".to_owned(), value.to_owned())];
        let writing = Writing { fields: fields.clone(), ..writing(vec![correction("owner.name")]) };
        let change = document.author(HOME, Millis(3), &writing).unwrap();
        assert_eq!(admit(&change.bytes, HOME).unwrap().fields, fields);
        assert!(document.is_merged_equal().unwrap());
    }
    let merged = document.take_merged().unwrap();
    assert_eq!(merged.get_all(ROOT, "f.owner.name").unwrap().len(), 1, "each replaced the last");
}

/// Two texts stand beside each other in Automerge's merge for ever when a settlement chose one of them. Setting the
/// register to either is a write like any other.
#[test]
fn a_register_with_two_texts_is_set_to_either() {
    let corrected = |value: &str| Writing {
        fields: vec![("owner.name".to_owned(), value.to_owned())],
        ..writing(vec![correction("owner.name")])
    };
    for chosen in ["Trần Thị Thử", "Lê Văn Thử", "Ai khác"] {
        let (mut one, mut other) = (dossier(), dossier());
        one.author(HOME, Millis(3), &corrected("Trần Thị Thử")).unwrap();
        let apart = other.author(STRANGER, Millis(3), &corrected("Lê Văn Thử")).unwrap();
        one.apply(&apart.bytes).unwrap();
        let change = one.author(HOME, Millis(4), &corrected(chosen)).unwrap();
        let fields = admit(&change.bytes, HOME).unwrap().fields;
        assert_eq!(fields, [("owner.name".to_owned(), chosen.to_owned())]);
        assert!(one.is_merged_equal().unwrap());
        let held = one.take_merged().unwrap().get_all(ROOT, "f.owner.name").unwrap().len();
        assert_eq!(held, 1, "{chosen} replaced both");
    }
}

#[test]
fn what_others_would_not_admit_is_not_written() {
    let long = |bytes: usize| "x".repeat(bytes);
    let field = |bytes| Writing {
        fields: vec![("summary".to_owned(), long(bytes))],
        ..writing(vec![correction("summary")])
    };
    let paper = Writing { papers: vec![specimen::paper(&long(PAPER_BYTES_MAX))], ..writing(vec![note()]) };
    let papers = (0..600).map(|_| specimen::paper("x")).collect();
    let big = (0..CHANGE_ACTS_MAX).map(|_| Act { note: Some(long(ACT_BYTES_MAX - 200)), ..note() }).collect();
    for (name, writing) in [
        ("an act", writing(vec![Act { note: Some(long(ACT_BYTES_MAX)), ..note() }])),
        ("a paper", paper),
        ("a register", field(FIELD_BYTES_MAX + 1)),
        ("operations", Writing { papers, ..writing(vec![note()]) }),
        ("acts", writing((0..=CHANGE_ACTS_MAX).map(|_| note()).collect())),
        ("all of it", writing(big)),
    ] {
        let mut document = dossier();
        let before = as_it_is(&document);
        assert_eq!(document.author(HOME, Millis(3), &writing), Err(AuthorError::TooLarge), "{name}");
        assert_eq!(before, as_it_is(&document), "{name}");
        document.author(HOME, Millis(3), &field(FIELD_BYTES_MAX)).unwrap();
    }
}

/// Some documents with acts done apart, as changes in the order in which they were written.
fn histories() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec((0..3_u8, 0..3_usize), 0..20).prop_map(|moves| {
        let first = dossier();
        let mut machines: Vec<Document> =
            (0..3).map(|_| Document::load(first.changes.iter().map(Change::raw_bytes)).unwrap()).collect();
        let mut all = first.changes.clone();
        for (boot, from) in moves {
            let heard = machines[from].changes.clone();
            let machine = &mut machines[usize::from(boot)];
            for change in heard {
                machine.apply(change.raw_bytes()).unwrap();
            }
            let papers = vec![specimen::paper("Bản sao")];
            let acts = vec![specimen::plain("H27.101", 1, AttachPaper { papers: Vec::new() })];
            let writing = Writing { papers, acts, ..Writing::default() };
            machine.author(BootId([10 + boot; 16]), Millis(7), &writing).unwrap();
            all.push(machine.changes.last().unwrap().clone());
        }
        all
    })
}

proptest! {
    #[test]
    fn a_document_grown_one_by_one_is_the_one_loaded_at_once(
        changes in histories(),
        order in any::<prop::sample::Index>(),
    ) {
        let loaded = Document::load(changes.iter().map(Change::raw_bytes)).unwrap();
        let backwards = Document::load(changes.iter().rev().map(Change::raw_bytes)).unwrap();
        prop_assert_eq!(as_it_is(&loaded), as_it_is(&backwards));
        let mut waiting: Vec<&Change> = changes.iter().collect();
        waiting.rotate_left(order.index(changes.len()));
        let mut grown = Document::new();
        while !waiting.is_empty() {
            let before = waiting.len();
            waiting.retain(|change| match grown.apply(change.raw_bytes()) {
                Ok(_) => false,
                Err(DocumentError::MissingDependency) => true,
                Err(other) => panic!("{other}"),
            });
            prop_assert!(waiting.len() < before);
        }
        prop_assert_eq!(as_it_is(&loaded), as_it_is(&grown));
        prop_assert!(grown.is_merged_equal().unwrap());
        for (at, step) in grown.history().steps.iter().enumerate() {
            let earlier = &grown.history().steps[..at];
            prop_assert!(step.info.deps.iter().all(|dep| earlier.iter().any(|step| step.info.hash == *dep)));
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(inspect(&bytes).is_err());
        prop_assert!(admit(&bytes, HOME).is_err());
        prop_assert!(admit(&sealed(&bytes), HOME).is_err());
    }

    /// With the right checksum a changed change reaches Automerge: it is admitted or refused, soon, and a refused
    /// one leaves the document as it was.
    #[test]
    fn a_changed_change_never_panics_nor_takes_long_nor_leaves_half_of_itself(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in prop::option::of(any::<prop::sample::Index>()),
        is_first in any::<bool>(),
    ) {
        let clock = SystemClock::new();
        let mut document = if is_first { Document::new() } else { dossier() };
        let change = forged(&document, |tx| {
            if is_first {
                put_bytes(tx, HEAD_KEY, to_cbor(&Head { layout: 1, min_reader: 1, kind: 1 }));
            }
            let first = if is_first { 0 } else { 2 };
            put_act(tx, &format!("a{first}"), &specimen::full(correction("owner.name").body));
            put_act(tx, &format!("a{}", first + 1), &specimen::plain("H27.101", 1, Assign { assignee: "H27.101/04".to_owned() }));
            tx.put(ROOT, "f.owner.name", "Trần Thị Thử").unwrap();
            put_bytes(tx, if is_first { "p0" } else { "p1" }, to_cbor(&specimen::paper("x")));
        });
        let raw = change.raw_bytes();
        // Magic, checksum, type and a length of two bytes come before the contents.
        let mut contents = raw[11..].to_vec();
        for (at, byte) in changes {
            let at = at.index(contents.len());
            contents[at] = byte;
        }
        if let Some(cut) = cut {
            contents.truncate(cut.index(contents.len()));
        }
        let before = as_it_is(&document);
        if document.apply(&sealed(&contents)).is_err() {
            prop_assert_eq!(before, as_it_is(&document));
        }
        prop_assert!(document.is_merged_equal().unwrap());
        let acts = if document.history().steps.is_empty() {
            vec![specimen::plain("H27.101", 0, specimen::receipt("H27.101", "H27.101"))]
        } else {
            vec![note()]
        };
        document.author(HOME, Millis(9), &writing(acts)).unwrap();
        prop_assert!(clock.monotonic_ms() < 2_000, "{} ms", clock.monotonic_ms());
    }
}

/// A dossier of layout 1, one change per line in hex.
const LAYOUT_V1: &str = include_str!("../fixtures/dossier-v1.txt");

#[test]
fn a_dossier_of_layout_1_is_read() {
    let changes: Vec<Vec<u8>> = LAYOUT_V1
        .lines()
        .map(|line| {
            (0..line.len() / 2).map(|at| u8::from_str_radix(&line[at * 2..at * 2 + 2], 16).unwrap()).collect()
        })
        .collect();
    let mut document = Document::load(changes.iter().map(Vec::as_slice)).unwrap();
    assert!(document.is_merged_equal().unwrap());
    let steps = &document.history().steps;
    assert_eq!(steps.len(), 3);
    assert_eq!(steps[0].fields, [("owner.name".to_owned(), "Nguyễn Văn Thử".to_owned())]);
    assert_eq!(steps[0].papers, [("p0".to_owned(), specimen::paper("Tờ khai"))]);
    assert_eq!(steps[2].acts, [correction("owner.name")]);
    // What this program writes today has the same bytes.
    let mut today = dossier();
    let fields = vec![("owner.name".to_owned(), "Trần Thị Thử".to_owned())];
    today
        .author(STRANGER, Millis(3), &Writing { fields, ..writing(vec![correction("owner.name")]) })
        .unwrap();
    let written: Vec<&[u8]> = today.changes.iter().map(Change::raw_bytes).collect();
    assert_eq!(written, changes.iter().map(Vec::as_slice).collect::<Vec<_>>());
}
