//! zstd in and out, with the size of the output bounded before it is produced.
//!
//! Nothing that is hashed or signed covers compressed bytes: zstd's output changes between its releases.

use std::io;
use std::io::Write;

use zstd::bulk::Decompressor;
use zstd::stream::write::Encoder;
use zstd::zstd_safe::DParameter;

use crate::codec::DecodeError;
use crate::columns::bytes::Bytes;
use crate::columns::bytes::put_len;
use crate::context;
use crate::context::Context;
use crate::dictionary;
use crate::limits::PACKED_RAW_BYTES_MAX;

/// Level 3: 2 ms for a fortnight of an office in columns; 19 saves a further 5 % in 60 ms.
pub const LEVEL_DEFAULT: i32 = 3;

/// For batches of some kilobytes.
pub const LEVEL_SMALL: i32 = 19;

/// A line slower than this (256 kbit/s) carries a batch in seconds: more than zstd's best takes.
const THIN_BYTES_PER_SECOND: u64 = 32_000;
const LEVEL_THIN: i32 = 19;

/// Up to 4 Mbit/s the middle levels cost less time than they save.
const MIDDLING_BYTES_PER_SECOND: u64 = 500_000;

/// For lines that are neither thin nor fast, and for batches of some ten kilobytes.
pub const LEVEL_MIDDLING: i32 = 9;

/// zstd's level for a line that takes so many bytes a second.
#[must_use]
pub const fn level_for(bytes_per_second: Option<u64>) -> i32 {
    match bytes_per_second {
        Some(rate) if rate < THIN_BYTES_PER_SECOND => LEVEL_THIN,
        Some(rate) if rate < MIDDLING_BYTES_PER_SECOND => LEVEL_MIDDLING,
        Some(_) | None => LEVEL_DEFAULT,
    }
}

/// Largest window a frame may ask for (2^21 bytes); no packed content is larger.
const WINDOW_LOG_MAX: u32 = 21;

/// Least bytes between two cuts for which zstd begins a new block: each has statistics of its own, which cost
/// some dozens of bytes.
const BLOCK_BYTES_MIN: usize = 2048;

/// How many bytes in front say the size after unpacking.
const SIZE_BYTES: usize = 4;

/// How every zstd frame begins.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The content packed: its size in 4 bytes, big-endian, then one zstd frame.
///
/// # Errors
/// zstd has no memory left, or the content is beyond [`PACKED_RAW_BYTES_MAX`].
pub fn pack(raw: &[u8]) -> Result<Vec<u8>, io::Error> {
    pack_cut(raw, &[], LEVEL_DEFAULT)
}

/// As [`pack`], at a level of zstd's, and told where in the content something of another nature begins
/// (ascending).
///
/// # Errors
/// As [`pack`].
pub fn pack_cut(raw: &[u8], cuts: &[usize], level: i32) -> Result<Vec<u8>, io::Error> {
    let size = bounded_size(raw)?;
    let mut encoder = Encoder::new(size.to_be_bytes().to_vec(), level)?;
    encoder.set_pledged_src_size(Some(u64::from(size)))?;
    encoder.window_log(WINDOW_LOG_MAX)?;
    write_cut(encoder, raw, cuts)
}

/// The content packed with a dictionary: its number (1 byte), the content's size as LEB128, then one zstd frame without
/// its first four bytes, which are always the same.
///
/// # Errors
/// As [`pack`], and for a dictionary that is not here.
pub fn pack_with(raw: &[u8], cuts: &[usize], level: i32, number: u8) -> Result<Vec<u8>, io::Error> {
    let dictionary = dictionary::bytes_of(number).ok_or(io::ErrorKind::NotFound)?;
    let mut packed = vec![number];
    packed.extend(pack_knowing(raw, cuts, level, dictionary)?);
    Ok(packed)
}

/// The same as if the dictionary ended with what a context holds; between the number and the size four bytes of the
/// context's hash.
///
/// # Errors
/// As [`pack_with`].
pub fn pack_after(
    raw: &[u8],
    cuts: &[usize],
    level: i32,
    number: u8,
    context: &Context,
) -> Result<Vec<u8>, io::Error> {
    let context = context.bytes();
    let dictionary = dictionary::bytes_of(number).ok_or(io::ErrorKind::NotFound)?;
    let mut packed = vec![number];
    packed.extend(context::check(&context));
    packed.extend(pack_knowing(raw, cuts, level, &[dictionary, &context].concat())?);
    Ok(packed)
}

fn pack_knowing(raw: &[u8], cuts: &[usize], level: i32, known: &[u8]) -> Result<Vec<u8>, io::Error> {
    let size = bounded_size(raw)?;
    let mut encoder = Encoder::with_dictionary(Vec::new(), level, known)?;
    encoder.set_pledged_src_size(Some(u64::from(size)))?;
    encoder.include_contentsize(false)?;
    encoder.include_dictid(false)?;
    let frame = write_cut(encoder, raw, cuts)?;
    let mut packed = Vec::with_capacity(frame.len());
    put_len(&mut packed, raw.len());
    packed.extend(frame.strip_prefix(&MAGIC).ok_or(io::ErrorKind::InvalidData)?);
    Ok(packed)
}

fn bounded_size(raw: &[u8]) -> Result<u32, io::Error> {
    let size = u32::try_from(raw.len()).ok().filter(|_| raw.len() <= PACKED_RAW_BYTES_MAX);
    size.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))
}

fn write_cut(mut encoder: Encoder<'_, Vec<u8>>, raw: &[u8], cuts: &[usize]) -> Result<Vec<u8>, io::Error> {
    encoder.include_checksum(false)?;
    let (mut at, mut rest) = (0, raw);
    for piece in pieces(raw.len(), cuts) {
        let (now, later) = rest.split_at_checked(piece - at).unwrap_or((rest, &[]));
        encoder.write_all(now)?;
        encoder.flush()?;
        (at, rest) = (piece, later);
    }
    encoder.write_all(rest)?;
    encoder.finish()
}

/// The cuts that are worth a new block: behind or in front of enough.
fn pieces(size_bytes: usize, cuts: &[usize]) -> Vec<usize> {
    let mut chosen = Vec::new();
    let mut last = 0;
    let ends = cuts.iter().skip(1).copied().chain([size_bytes]);
    for (cut, next) in cuts.iter().copied().zip(ends) {
        let (before, after) = (cut.saturating_sub(last), next.saturating_sub(cut));
        let is_inside = cut > last && cut < size_bytes;
        if is_inside && (before >= BLOCK_BYTES_MIN || after >= BLOCK_BYTES_MIN) {
            chosen.push(cut);
            last = cut;
        }
    }
    chosen
}

/// What [`pack`] was given.
///
/// # Errors
/// The announced size is beyond the bound or not what comes out.
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let (size, frame) =
        packed.split_first_chunk::<SIZE_BYTES>().ok_or(DecodeError::Truncated { have: packed.len() })?;
    let size_bytes = usize::try_from(u32::from_be_bytes(*size)).unwrap_or(usize::MAX);
    unfold(frame, size_bytes, &[])
}

/// What [`pack_with`] was given.
///
/// # Errors
/// As [`unpack`], and for a dictionary that only a later program knows.
pub fn unpack_with(packed: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let (number, packed) = packed.split_first().ok_or(DecodeError::Truncated { have: 0 })?;
    unpack_knowing(packed, dictionary::bytes_of(*number).ok_or(DecodeError::Invalid("dictionary"))?)
}

/// What [`pack_after`] was given.
///
/// # Errors
/// As [`unpack_with`], and [`DecodeError::NoContext`] when it was packed with another context.
pub fn unpack_after(packed: &[u8], context: &Context) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = Bytes(packed);
    let front = bytes.byte().zip(bytes.array::<{ context::CHECK_BYTES }>());
    let (number, check) = front.ok_or(DecodeError::Truncated { have: packed.len() })?;
    let dictionary = dictionary::bytes_of(number).ok_or(DecodeError::Invalid("dictionary"))?;
    let context = context.bytes();
    if check != context::check(&context) {
        return Err(DecodeError::NoContext);
    }
    unpack_knowing(bytes.0, &[dictionary, &context].concat())
}

fn unpack_knowing(packed: &[u8], known: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = Bytes(packed);
    let size_bytes = bytes.length().ok_or(DecodeError::Truncated { have: packed.len() })?;
    unfold(&[&MAGIC, bytes.0].concat(), size_bytes, known)
}

fn unfold(frame: &[u8], size_bytes: usize, dictionary: &[u8]) -> Result<Vec<u8>, DecodeError> {
    if size_bytes > PACKED_RAW_BYTES_MAX {
        return Err(DecodeError::TooLarge { size_bytes, size_bytes_max: PACKED_RAW_BYTES_MAX });
    }
    let mut decompressor = Decompressor::with_dictionary(dictionary).map_err(DecodeError::Packed)?;
    decompressor.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX)).map_err(DecodeError::Packed)?;
    // The capacity is the bound: zstd stops with an error rather than write beyond it.
    let raw = decompressor.decompress(frame, size_bytes).map_err(DecodeError::Packed)?;
    if raw.len() == size_bytes { Ok(raw) } else { Err(DecodeError::Invalid("announced size is wrong")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zstd::bulk::Compressor;

    use super::*;

    proptest! {
        #[test]
        fn what_was_packed_comes_out(raw in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert_eq!(unpack(&pack(&raw).unwrap()).unwrap(), raw);
        }

        #[test]
        fn cuts_change_nothing_but_the_size(
            raw in prop::collection::vec(any::<u8>(), 0..9000),
            mut cuts in prop::collection::vec(0usize..10_000, 0..9),
            level in 1..20,
        ) {
            cuts.sort_unstable();
            prop_assert_eq!(unpack(&pack_cut(&raw, &cuts, level).unwrap()).unwrap(), raw);
        }

        #[test]
        fn what_was_packed_with_a_dictionary_comes_out(
            raw in prop::collection::vec(any::<u8>(), 0..9000),
            mut cuts in prop::collection::vec(0usize..10_000, 0..9),
            level in 1..20,
            number in 1..=dictionary::NEWEST,
        ) {
            cuts.sort_unstable();
            prop_assert_eq!(unpack_with(&pack_with(&raw, &cuts, level, number).unwrap()).unwrap(), raw);
        }

        #[test]
        fn arbitrary_bytes_never_panic(packed in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&packed);
            let _ = unpack_with(&packed);
            let _ = unpack_with(&[&[dictionary::NEWEST], &packed[..]].concat());
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_unfolds() {
        let bomb = Compressor::new(19).unwrap().compress(&vec![0; 64 * 1024 * 1024]).unwrap();
        let announced = |size: u32| [&size.to_be_bytes()[..], &bomb].concat();
        assert!(matches!(unpack(&announced(64 * 1024 * 1024)), Err(DecodeError::TooLarge { .. })));
        assert!(matches!(unpack(&announced(1000)), Err(DecodeError::Packed(_))));
        let mut packed = pack_with(&vec![0; PACKED_RAW_BYTES_MAX], &[], 3, 1).unwrap();
        assert_eq!(unpack_with(&packed).unwrap().len(), PACKED_RAW_BYTES_MAX);
        packed[3] -= 1; // the size's last seven bits are above 2^14
        assert!(matches!(unpack_with(&packed), Err(DecodeError::Packed(_))));
        packed[3] += 2;
        assert!(matches!(unpack_with(&packed), Err(DecodeError::TooLarge { .. })));
    }

    #[test]
    fn a_dictionary_that_is_not_here_is_refused() {
        let packed = pack_with(b"twelve bytes", &[], 3, 1).unwrap();
        for number in [0, dictionary::NEWEST + 1, 255] {
            assert!(pack_with(b"twelve bytes", &[], 3, number).is_err());
            let other = [&[number], &packed[1..]].concat();
            assert!(matches!(unpack_with(&other), Err(DecodeError::Invalid("dictionary"))));
        }
    }

    #[test]
    fn a_thinner_line_asks_for_more_work() {
        let levels =
            [None, Some(8_000), Some(31_999), Some(32_000), Some(499_999), Some(500_000), Some(u64::MAX)];
        assert_eq!(levels.map(level_for), [3, 19, 19, 9, 9, 3, 3]);
    }

    #[test]
    fn a_wrong_announcement_is_refused() {
        let mut packed = pack(b"twelve bytes").unwrap();
        packed[3] += 1;
        assert!(matches!(unpack(&packed), Err(DecodeError::Invalid(_))));
        packed[3] -= 2;
        assert!(matches!(unpack(&packed), Err(DecodeError::Packed(_))));
        assert!(pack(&vec![0; PACKED_RAW_BYTES_MAX]).is_ok());
        assert!(pack(&vec![0; PACKED_RAW_BYTES_MAX + 1]).is_err());
    }
}
