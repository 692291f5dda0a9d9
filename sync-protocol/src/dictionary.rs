//! Dictionaries for batches too small to teach zstd their own words: what both ends know before the first one.
//!
//! Each has a number and never changes; a program that knows one knows all before it. They were trained on made-up work
//! by `examples/dictionary`.

/// The newest dictionary that this program knows.
pub const NEWEST: u8 = 1;

/// Largest dictionary, in bytes: packing and unpacking of a small batch take what reading it takes.
pub const DICTIONARY_BYTES_MAX: usize = 32 * 1024;

/// The dictionary of a number; `None` for 0 and for one that only a later program knows.
pub(crate) const fn bytes_of(number: u8) -> Option<&'static [u8]> {
    match number {
        1 => Some(include_bytes!("../dictionaries/batch-1.zdict")),
        _ => None,
    }
}

/// The newest that both this program and the other side know, by what that side said; 0 for none.
#[must_use]
pub const fn shared_with(theirs: u8) -> u8 {
    if theirs < NEWEST { theirs } else { NEWEST }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By number, for ever. A new dictionary is a new number and a new line here.
    const HASHES: &[&str] = &["d1b8a996a1e5c56f15afb24eb9f4497c749a41da94bb53cf19a674cdb9a68c25"];

    #[test]
    fn dictionaries_keep_their_bytes() {
        assert_eq!(usize::from(NEWEST), HASHES.len());
        for (number, hash) in (1..=NEWEST).zip(HASHES) {
            let bytes = bytes_of(number).unwrap();
            assert!(bytes.len() <= DICTIONARY_BYTES_MAX);
            assert_eq!(crate::entry::body_hash(bytes).to_string(), *hash, "{number}");
        }
        assert!(bytes_of(0).is_none() && bytes_of(NEWEST + 1).is_none());
    }

    #[test]
    fn both_sides_use_the_newest_that_both_know() {
        assert_eq!([0, 1, NEWEST, 200].map(shared_with), [0, 1, NEWEST, NEWEST]);
    }
}
