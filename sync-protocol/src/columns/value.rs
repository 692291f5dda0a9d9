//! One value by its structure: a *signature* that many values share, and its leaves.
//!
//! Byte strings that are well-formed deterministic CBOR maps or lists are taken apart, nested ones too; everything
//! else is one leaf. What is taken apart is written again and compared by whoever uses this.

use crate::columns::bytes::Bytes;
use crate::columns::bytes::put;
use crate::columns::bytes::put_len;

/// Longest signature; a value with a longer one is a single leaf.
const SIGNATURE_BYTES_MAX: usize = 2048;
/// Most leaves of one value.
const LEAVES_MAX: usize = 512;
/// How deep maps, lists and byte strings may lie in each other.
const DEPTH_MAX: usize = 8;

const WHOLE: u8 = 0;
const UNSIGNED: u8 = 1;
const NEGATIVE: u8 = 2;
const TEXT: u8 = 3;
const BYTES: u8 = 4;
const MAP: u8 = 5;
const LIST: u8 = 6;
const NESTED: u8 = 7;
const SIMPLE: u8 = 8;

/// The signature of a value that is not taken apart.
pub(super) const WHOLE_SIGNATURE: &[u8] = &[WHOLE];
/// The signature of a value that is one number.
pub(super) const NUMBER_SIGNATURE: &[u8] = &[UNSIGNED];

/// One leaf of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf<'a> {
    Number(u64),
    Data(&'a [u8]),
}

/// A value taken apart.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    pub(super) signature: Vec<u8>,
    pub(super) leaves: Vec<Leaf<'a>>,
}

impl<'a> Parts<'a> {
    /// One leaf under this signature, and nothing of before.
    pub(super) fn be(&mut self, signature: &[u8], leaf: Leaf<'a>) {
        self.clear();
        self.signature.extend_from_slice(signature);
        self.leaves.push(leaf);
    }

    fn clear(&mut self) {
        self.signature.clear();
        self.leaves.clear();
    }
}

/// Takes a byte string apart.
pub(super) fn take_apart<'a>(value: &'a [u8], parts: &mut Parts<'a>) {
    parts.clear();
    let mut bytes = Bytes(value);
    let is_apart = starts_structure(value)
        && structure(&mut bytes, parts, DEPTH_MAX).is_some()
        && bytes.is_empty()
        && parts.signature.len() <= SIGNATURE_BYTES_MAX;
    if !is_apart {
        parts.be(WHOLE_SIGNATURE, Leaf::Data(value));
    }
}

fn starts_structure(value: &[u8]) -> bool {
    value.first().is_some_and(|first| (0x80..=0xb7).contains(first))
}

/// Major type and argument of a head in its shortest form.
fn head(bytes: &mut Bytes<'_>) -> Option<(u8, u64)> {
    let first = bytes.byte()?;
    let (argument, least) = match first & 0x1f {
        small @ 0..=23 => (u64::from(small), 0),
        24 => (u64::from(bytes.byte()?), 24),
        25 => (u64::from(u16::from_be_bytes(bytes.array()?)), 0x100),
        26 => (u64::from(u32::from_be_bytes(bytes.array()?)), 0x1_0000),
        27 => (u64::from_be_bytes(bytes.array()?), 0x1_0000_0000),
        _ => return None,
    };
    (argument >= least).then_some((first >> 5, argument))
}

fn put_head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    let be = argument.to_be_bytes();
    let (info, width) = match argument {
        0..=23 => return out.push(major | be[7]),
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    out.push(major | info);
    out.extend_from_slice(be.get(8 - width..).unwrap_or_default());
}

fn structure<'a>(bytes: &mut Bytes<'a>, parts: &mut Parts<'a>, depth: usize) -> Option<()> {
    if depth == 0 || parts.leaves.len() >= LEAVES_MAX || parts.signature.len() > SIGNATURE_BYTES_MAX {
        return None;
    }
    let start = *bytes;
    let (major, argument) = head(bytes)?;
    match major {
        0 => {
            parts.signature.push(UNSIGNED);
            parts.leaves.push(Leaf::Number(argument));
        }
        1 => {
            parts.signature.push(NEGATIVE);
            parts.leaves.push(Leaf::Number(argument));
        }
        2 => {
            let data = bytes.take(usize::try_from(argument).ok()?)?;
            nested(data, parts, depth);
        }
        3 => {
            parts.signature.push(TEXT);
            parts.leaves.push(Leaf::Data(bytes.take(usize::try_from(argument).ok()?)?));
        }
        4 => {
            parts.signature.push(LIST);
            put(&mut parts.signature, argument);
            for _ in 0..argument {
                structure(bytes, parts, depth - 1)?;
            }
        }
        5 => {
            parts.signature.push(MAP);
            put(&mut parts.signature, argument);
            for _ in 0..argument {
                let (0, key) = head(bytes)? else { return None };
                put(&mut parts.signature, key);
                structure(bytes, parts, depth - 1)?;
            }
        }
        7 if (20..=23).contains(&argument) => {
            parts.signature.push(SIMPLE);
            parts.signature.push(start.0.first().copied()?);
        }
        _ => return None,
    }
    Some(())
}

fn nested<'a>(data: &'a [u8], parts: &mut Parts<'a>, depth: usize) {
    let (signature, leaves) = (parts.signature.len(), parts.leaves.len());
    if starts_structure(data) {
        parts.signature.push(NESTED);
        let mut bytes = Bytes(data);
        if structure(&mut bytes, parts, depth - 1).is_some() && bytes.is_empty() {
            return;
        }
        parts.signature.truncate(signature);
        parts.leaves.truncate(leaves);
    }
    parts.signature.push(BYTES);
    parts.leaves.push(Leaf::Data(data));
}

/// Writes a value again from its leaves, not beyond `bytes_max`. `source` gives the leaves in order and is told
/// whether a number is wanted.
pub(super) fn put_together<'a>(
    signature: &[u8],
    out: &mut Vec<u8>,
    bytes_max: usize,
    source: &mut impl FnMut(bool) -> Option<Leaf<'a>>,
) -> Option<()> {
    if signature == WHOLE_SIGNATURE {
        return append(out, data(source)?, bytes_max);
    }
    let mut bytes = Bytes(signature);
    write(&mut bytes, out, bytes_max, source, DEPTH_MAX)?;
    bytes.is_empty().then_some(())
}

fn number<'a>(source: &mut impl FnMut(bool) -> Option<Leaf<'a>>) -> Option<u64> {
    match source(true)? {
        Leaf::Number(number) => Some(number),
        Leaf::Data(_) => None,
    }
}

fn data<'a>(source: &mut impl FnMut(bool) -> Option<Leaf<'a>>) -> Option<&'a [u8]> {
    match source(false)? {
        Leaf::Data(data) => Some(data),
        Leaf::Number(_) => None,
    }
}

fn append(out: &mut Vec<u8>, data: &[u8], bytes_max: usize) -> Option<()> {
    if data.len() > bytes_max.checked_sub(out.len())? {
        return None;
    }
    out.extend_from_slice(data);
    Some(())
}

fn write<'a>(
    bytes: &mut Bytes<'_>,
    out: &mut Vec<u8>,
    bytes_max: usize,
    source: &mut impl FnMut(bool) -> Option<Leaf<'a>>,
    depth: usize,
) -> Option<()> {
    if depth == 0 {
        return None;
    }
    let framed = |out: &mut Vec<u8>, major: u8, data: &[u8]| {
        put_head(out, major, u64::try_from(data.len()).unwrap_or(u64::MAX));
        append(out, data, bytes_max)
    };
    match bytes.byte()? {
        UNSIGNED => put_head(out, 0, number(source)?),
        NEGATIVE => put_head(out, 1, number(source)?),
        TEXT => framed(out, 3, data(source)?)?,
        BYTES => framed(out, 2, data(source)?)?,
        MAP => {
            let count = bytes.counted(bytes.0.len())?;
            put_head(out, 5, u64::try_from(count).ok()?);
            for _ in 0..count {
                put_head(out, 0, bytes.number()?);
                write(bytes, out, bytes_max, source, depth - 1)?;
            }
        }
        LIST => {
            let count = bytes.counted(bytes.0.len())?;
            put_head(out, 4, u64::try_from(count).ok()?);
            for _ in 0..count {
                write(bytes, out, bytes_max, source, depth - 1)?;
            }
        }
        NESTED => {
            let start = out.len();
            write(bytes, out, bytes_max, source, depth - 1)?;
            // The length is known only now: the head is written behind and turned to the front.
            let size_bytes = out.len() - start;
            put_head(out, 2, u64::try_from(size_bytes).ok()?);
            out.get_mut(start..)?.rotate_left(size_bytes);
            if out.len() > bytes_max {
                return None;
            }
        }
        SIMPLE => out.push(bytes.byte().filter(|simple| (0xf4..=0xf7).contains(simple))?),
        _ => return None,
    }
    Some(())
}

/// Where a leaf lies in its value, and whether it is a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) is_number: bool,
    pub(super) path: Vec<u64>,
}

/// The leaves of a signature, or `None` when it is none.
pub(super) fn places(signature: &[u8]) -> Option<Vec<Place>> {
    if signature == WHOLE_SIGNATURE {
        return Some(vec![Place { is_number: false, path: Vec::new() }]);
    }
    if signature.len() > SIGNATURE_BYTES_MAX {
        return None;
    }
    let mut bytes = Bytes(signature);
    let mut found = Vec::new();
    place(&mut bytes, &mut Vec::new(), &mut found, DEPTH_MAX)?;
    (bytes.is_empty() && found.len() <= LEAVES_MAX).then_some(found)
}

/// Stands in a path for any place of a list, and for what a byte string holds.
const ANY: u64 = u64::MAX;
const INSIDE: u64 = u64::MAX - 1;

fn place(bytes: &mut Bytes<'_>, path: &mut Vec<u64>, found: &mut Vec<Place>, depth: usize) -> Option<()> {
    if depth == 0 {
        return None;
    }
    let mut below = |bytes: &mut Bytes<'_>, step: u64, found: &mut Vec<Place>| {
        path.push(step);
        let below = place(bytes, path, found, depth - 1);
        path.pop();
        below
    };
    match bytes.byte()? {
        UNSIGNED | NEGATIVE => found.push(Place { is_number: true, path: path.clone() }),
        TEXT | BYTES => found.push(Place { is_number: false, path: path.clone() }),
        MAP => {
            for _ in 0..bytes.counted(bytes.0.len())? {
                let key = bytes.number()?;
                below(bytes, key, found)?;
            }
        }
        LIST => {
            for _ in 0..bytes.counted(bytes.0.len())? {
                below(bytes, ANY, found)?;
            }
        }
        NESTED => below(bytes, INSIDE, found)?,
        SIMPLE => {
            bytes.byte()?;
        }
        _ => return None,
    }
    Some(())
}

/// The signature's end is not marked, so it travels with its length.
pub(super) fn write_signature(out: &mut Vec<u8>, signature: &[u8]) {
    put_len(out, signature.len());
    out.extend_from_slice(signature);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn apart(value: &[u8]) -> Parts<'_> {
        let mut parts = Parts::default();
        take_apart(value, &mut parts);
        parts
    }

    fn again(value: &[u8]) -> Vec<u8> {
        let parts = apart(value);
        let places = places(&parts.signature).unwrap();
        assert_eq!(places.len(), parts.leaves.len());
        let mut leaves = parts.leaves.iter();
        let mut out = Vec::new();
        put_together(&parts.signature, &mut out, value.len(), &mut |_| leaves.next().copied()).unwrap();
        assert_eq!(leaves.len(), 0);
        out
    }

    #[test]
    fn maps_lists_and_nested_maps_are_taken_apart() {
        let value = [
            &[0xa4, 0x00, 0x01, 0x03, 0x66][..],
            b"H27.31",
            &[0x0a, 0x82, 0x01, 0x43, 1, 2, 3, 0x12, 0x45, 0xa2, 0x00, 0x60, 0x01, 0xf4],
        ]
        .concat();
        let parts = apart(&value);
        assert_eq!(parts.leaves.len(), 5);
        assert!(parts.signature.contains(&NESTED));
        assert_eq!(again(&value), value);
    }

    #[test]
    fn what_is_not_deterministic_is_one_leaf() {
        for (name, value) in [
            ("number not in shortest form", &[0xa1, 0x00, 0x18, 0x01][..]),
            ("length not in shortest form", &[0xa1, 0x00, 0x78, 0x01, b'a']),
            ("without end", &[0xbf, 0x00, 0x01, 0xff]),
            ("something behind", &[0xa1, 0x00, 0x01, 0x00]),
            ("cut short", &[0xa2, 0x00, 0x01]),
            ("a text as key", &[0xa1, 0x61, b'a', 0x01]),
            ("tag", &[0xa1, 0x00, 0xc1, 0x00]),
            ("float", &[0xa1, 0x00, 0xf9, 0x00, 0x00]),
            ("nothing", &[]),
        ] {
            let parts = apart(value);
            assert_eq!(parts.signature, WHOLE_SIGNATURE, "{name}");
            assert_eq!(again(value), value, "{name}");
        }
    }

    #[test]
    fn depth_and_breadth_are_bounded() {
        let deep = [vec![0x81; 200], vec![0x01]].concat();
        let broad = [vec![0x99, 0x10, 0x00], vec![0x01; 4096]].concat();
        for value in [deep, broad] {
            assert_eq!(apart(&value).signature, WHOLE_SIGNATURE);
            assert_eq!(again(&value), value);
        }
    }

    proptest! {
        #[test]
        fn every_value_comes_back(value in prop::collection::vec(prop_oneof![any::<u8>(), 0x80u8..0xa4, 0u8..3], 0..40)) {
            prop_assert_eq!(again(&value), value);
        }

        #[test]
        fn arbitrary_signatures_never_panic(signature in prop::collection::vec(0u8..12, 0..60)) {
            let _ = places(&signature);
            let _ = put_together(&signature, &mut Vec::new(), 99, &mut |is_number| {
                Some(if is_number { Leaf::Number(1) } else { Leaf::Data(b"data") })
            });
        }
    }
}
