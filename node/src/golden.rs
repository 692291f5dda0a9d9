//! For tests: what the first version of each stored or sent form looks like, for ever (a leaf).
//!
//! `node/fixtures/forms-v1.txt` has a line for each: a name, and the bytes in hex. A difference is a new version with a
//! file of its own, never an edit. The protocol's own forms have theirs in `sync-protocol/tests/vectors`.

use std::fmt::Debug;

use minicbor::Decode;
use minicbor::Encode;

/// Asserts the three ways: today's writer gives the first form's bytes, today's reader reads them, and a reader of the
/// first form passes over a field that a later program adds.
pub(crate) fn keeps<T>(name: &str, value: &T)
where
    T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + Debug,
{
    let first = bytes_of(name, &minicbor::to_vec(value).unwrap());
    let read = |bytes: &[u8]| minicbor::decode::<T>(bytes).ok();
    assert_eq!(read(&first).as_ref(), Some(value), "{name}: old data");
    assert_eq!(read(&longer(&first)).as_ref(), Some(value), "{name}: a later program's field");
    for end in 0..first.len() {
        assert_ne!(read(&first[..end]).as_ref(), Some(value), "{name}: cut at {end}");
    }
}

/// Asserts that these are the bytes of the first form, and gives them.
pub(crate) fn bytes_of(name: &str, bytes: &[u8]) -> Vec<u8> {
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/forms-v1.txt"));
    let file = file.unwrap_or_default();
    let line = file.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(line, Some(hex.as_str()), "{name}: the bytes of the first version");
    bytes.to_vec()
}

/// The same structure with one more field at its end: of a map under the key 200, of an array in the next place.
pub(crate) fn longer(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let is_map = bytes[0] >> 5 == 5;
    assert!(is_map || bytes[0] >> 5 == 4, "neither map nor array");
    assert!(bytes[0] & 0x1f < 23, "a longer structure than this knows to lengthen");
    bytes[0] += 1;
    bytes.extend_from_slice(if is_map { &[0x18, 200, 0xf6] } else { &[0xf6] });
    bytes
}
