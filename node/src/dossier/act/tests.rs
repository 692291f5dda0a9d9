//! The packed form: every kind goes through it whole, and the bytes of released forms stay readable.

use std::collections::BTreeSet;

use minicbor::Encoder;
use proptest::prelude::*;

use super::*;
use crate::dossier::specimen;

/// One act of each kind as version 1 packed it, `kind hex` per line. To add a kind, print it with
/// `Act::pack`; lines that are there never change.
const PACKED_V1: &str = include_str!("../fixtures/acts-v1.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

#[test]
fn every_kind_goes_through_the_packed_form_whole() {
    let bodies = specimen::bodies();
    let kinds: Vec<Kind> = bodies.iter().filter_map(Body::kind).collect();
    assert_eq!(kinds, Kind::ALL, "one specimen of each kind, in the order of the table");
    for body in bodies {
        let act = specimen::full(body);
        assert_eq!(Act::unpack(&act.pack()), Ok(act));
    }
}

#[test]
fn absent_fields_stay_absent() {
    for body in specimen::bodies() {
        let act = specimen::plain("H27.101", 0, body);
        assert_eq!(Act::unpack(&act.pack()), Ok(act));
    }
}

#[test]
fn codes_and_names_of_kinds_are_unique_and_found_again() {
    let codes: BTreeSet<u16> = Kind::ALL.iter().map(|kind| kind.code()).collect();
    assert_eq!(codes, (1..=46).collect());
    for kind in Kind::ALL {
        assert_eq!(Kind::by_name(kind.name()), Some(*kind));
    }
    assert_eq!(Kind::by_name("fly"), None);
}

#[test]
fn acts_packed_by_version_1_are_read_and_written_alike() {
    let lines: Vec<(&str, &str)> = PACKED_V1.lines().filter_map(|line| line.split_once(' ')).collect();
    let written: Vec<(&str, String)> = specimen::bodies()
        .into_iter()
        .map(|body| (body.kind().unwrap().name(), hex(&specimen::full(body).pack())))
        .collect();
    let kinds: Vec<&str> = lines.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, written.iter().map(|(kind, _)| *kind).collect::<Vec<_>>());
    for ((kind, packed), (_, now)) in lines.into_iter().zip(written) {
        assert_eq!(packed, now, "{kind}: the packed form changed");
        let act = Act::unpack(&bytes_of(packed)).unwrap();
        assert_eq!(act.kind().map(Kind::name), Some(kind));
        assert_eq!(hex(&act.pack()), packed, "{kind}");
    }
}

/// An act as a later program may pack it: `extra` keys beyond those of today, in the common part and in the body.
fn of_a_later_program(min_reader: u16, kind: u16, extra: u64) -> Vec<u8> {
    let mut body = Encoder::new(Vec::new());
    body.map(1 + extra).unwrap().u8(0).unwrap().str("H27.101/04").unwrap();
    for key in 0..extra {
        body.u64(200 + key).unwrap().array(1).unwrap().str("x").unwrap();
    }
    let mut act = Encoder::new(Vec::new());
    act.map(10 + extra).unwrap();
    act.u8(0).unwrap().u16(9).unwrap();
    act.u8(1).unwrap().u16(min_reader).unwrap();
    act.u8(2).unwrap().u16(kind).unwrap();
    act.u8(3).unwrap().str("H27.101").unwrap();
    act.u8(4).unwrap().str("02").unwrap();
    act.u8(6).unwrap().u32(1).unwrap();
    act.u8(10).unwrap().array(2).unwrap().u32(1).unwrap().bytes(&[0; 8]).unwrap();
    act.u8(11).unwrap().u8(0).unwrap();
    act.u8(12).unwrap().u64(0).unwrap();
    for key in 0..extra {
        act.u64(300 + key).unwrap().map(1).unwrap().u8(0).unwrap().bytes(&[1, 2]).unwrap();
    }
    act.u8(18).unwrap().bytes(&body.into_writer()).unwrap();
    act.into_writer()
}

#[test]
fn unknown_keys_of_a_later_program_are_passed_over_when_it_allows() {
    let act = Act::unpack(&of_a_later_program(ACT_VERSION, Kind::Assign.code(), 3)).unwrap();
    assert_eq!(act, specimen::plain("H27.101", 1, Assign { assignee: "H27.101/04".to_owned() }));
}

#[test]
fn an_act_that_asks_for_a_later_program_is_too_new() {
    let packed = of_a_later_program(ACT_VERSION + 1, Kind::Assign.code(), 3);
    assert_eq!(Act::unpack(&packed), Err(ActError::TooNew(ACT_VERSION + 1)));
}

#[test]
fn kinds_of_a_later_program_are_kept_as_they_are() {
    let packed = of_a_later_program(ACT_VERSION, 999, 0);
    let act = Act::unpack(&packed).unwrap();
    assert!(matches!(&act.body, Body::Unknown { code: 999, bytes } if bytes.len() == 13), "{act:?}");
    assert_eq!(Act::unpack(&act.pack()), Ok(act));
}

#[test]
fn bytes_after_the_end_are_not_an_act() {
    let mut packed = specimen::plain("H27.101", 0, Note {}).pack();
    packed.push(0);
    assert!(matches!(Act::unpack(&packed), Err(ActError::Malformed(_))));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_an_act_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Act::unpack(&bytes);
    }

    #[test]
    fn a_changed_act_is_an_act_or_an_error(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut packed = specimen::full(which.get(&specimen::bodies()).clone()).pack();
        for (at, byte) in changes {
            let at = at.index(packed.len());
            packed[at] = byte;
        }
        let _ = Act::unpack(&packed);
        let _ = Act::unpack(&packed[..cut.index(packed.len())]);
    }
}
