//! zstd in and out, with the size of the output bounded before it is produced.
//!
//! Nothing that is hashed or signed covers compressed bytes: zstd's output changes between its releases.

use std::io;
use std::io::Write;

use zstd::bulk::Decompressor;
use zstd::stream::write::Encoder;
use zstd::zstd_safe::DParameter;

use crate::codec::DecodeError;
use crate::limits::PACKED_RAW_BYTES_MAX;

/// Level 3: 2 ms for a fortnight of an office in columns; 19 saves a further 5 % in 60 ms.
pub const LEVEL_DEFAULT: i32 = 3;

/// Largest window a frame may ask for (2^21 bytes); no packed content is larger.
const WINDOW_LOG_MAX: u32 = 21;

/// Least bytes between two cuts for which zstd begins a new block: each has statistics of its own, which cost
/// some dozens of bytes.
const BLOCK_BYTES_MIN: usize = 2048;

/// How many bytes in front say the size after unpacking.
const SIZE_BYTES: usize = 4;

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
    let size = u32::try_from(raw.len())
        .ok()
        .filter(|_| raw.len() <= PACKED_RAW_BYTES_MAX)
        .ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let packed = size.to_be_bytes().to_vec();
    let mut encoder = Encoder::new(packed, level)?;
    encoder.include_checksum(false)?;
    encoder.set_pledged_src_size(Some(u64::from(size)))?;
    encoder.window_log(WINDOW_LOG_MAX)?;
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
    if size_bytes > PACKED_RAW_BYTES_MAX {
        return Err(DecodeError::TooLarge { size_bytes, size_bytes_max: PACKED_RAW_BYTES_MAX });
    }
    let mut decompressor = Decompressor::new().map_err(DecodeError::Packed)?;
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
        fn arbitrary_bytes_never_panic(packed in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&packed);
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_unfolds() {
        let bomb = Compressor::new(19).unwrap().compress(&vec![0; 64 * 1024 * 1024]).unwrap();
        let announced = |size: u32| [&size.to_be_bytes()[..], &bomb].concat();
        assert!(matches!(unpack(&announced(64 * 1024 * 1024)), Err(DecodeError::TooLarge { .. })));
        assert!(matches!(unpack(&announced(1000)), Err(DecodeError::Packed(_))));
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
