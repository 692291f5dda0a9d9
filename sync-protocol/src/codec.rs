//! Bytes ⇄ values: the bounded pieces that every frame is made of.
//!
//! Numbers that must not change the size of a no-op have a fixed width; lists and byte strings are bounded
//! while they are read, so that a hostile frame cannot allocate more than a few times its own length.

use minicbor::Decode;
use minicbor::Decoder;
use minicbor::Encode;
use minicbor::Encoder;
use minicbor::decode;

/// Why bytes that arrived are not what they should be. The peer is broken or hostile: not retried.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Too short to have a version, a kind and a body.
    #[error("{have} bytes are too few")]
    Truncated {
        /// How many there were.
        have: usize,
    },
    /// Larger than the bound, which is checked before anything else is read.
    #[error("{size_bytes} bytes, at most {size_bytes_max} are allowed")]
    TooLarge {
        /// What was sent or announced.
        size_bytes: usize,
        /// The bound.
        size_bytes_max: usize,
    },
    /// A format version this program does not read.
    #[error("format version {0} is not known here")]
    Version(u8),
    /// A kind this program does not read.
    #[error("kind {0} is not known here")]
    UnknownKind(u8),
    /// The packed part does not unpack to the announced size.
    #[error("packed content is damaged")]
    Packed(#[source] std::io::Error),
    /// The structure is wrong.
    #[error("content is malformed")]
    Malformed(#[from] decode::Error),
    /// A batch was packed with what other batches said than those that came: it must come without.
    #[error("packed with a context that is not here")]
    NoContext,
    /// Well-formed, but it says something impossible.
    #[error("content is impossible: {0}")]
    Invalid(&'static str),
}

/// A `u64` as a byte string of 8 bytes, big-endian: 9 bytes on the wire whatever the value.
pub mod fixed {
    use minicbor::Decoder;
    use minicbor::Encoder;
    use minicbor::decode::Error as Unreadable;
    use minicbor::encode::Error as Unwritable;
    use minicbor::encode::Write;

    /// Writes the number.
    ///
    /// # Errors
    /// Only those of the writer.
    pub fn encode<Ctx, W: Write>(
        value: &u64,
        encoder: &mut Encoder<W>,
        _: &mut Ctx,
    ) -> Result<(), Unwritable<W::Error>> {
        encoder.bytes(&value.to_be_bytes())?.ok()
    }

    /// Reads the number.
    ///
    /// # Errors
    /// The next value is not a byte string of 8 bytes.
    pub fn decode<Ctx>(decoder: &mut Decoder<'_>, _: &mut Ctx) -> Result<u64, Unreadable> {
        let at = decoder.position();
        let bytes = decoder.bytes()?;
        bytes.try_into().map(u64::from_be_bytes).map_err(|_| Unreadable::message("expected 8 bytes").at(at))
    }
}

/// A [`Millis`](crate::time::Millis) as a byte string of 8 bytes, big-endian, two's complement.
pub mod fixed_millis {
    use minicbor::Decoder;
    use minicbor::Encoder;
    use minicbor::decode::Error as Unreadable;
    use minicbor::encode::Error as Unwritable;
    use minicbor::encode::Write;

    use crate::time::Millis;

    /// Writes the time.
    ///
    /// # Errors
    /// Only those of the writer.
    pub fn encode<Ctx, W: Write>(
        value: &Millis,
        encoder: &mut Encoder<W>,
        _: &mut Ctx,
    ) -> Result<(), Unwritable<W::Error>> {
        encoder.bytes(&value.0.to_be_bytes())?.ok()
    }

    /// Reads the time.
    ///
    /// # Errors
    /// The next value is not a byte string of 8 bytes.
    pub fn decode<Ctx>(decoder: &mut Decoder<'_>, ctx: &mut Ctx) -> Result<Millis, Unreadable> {
        super::fixed::decode(decoder, ctx).map(|value| Millis(i64::from_be_bytes(value.to_be_bytes())))
    }
}

/// Reads a list of at most `MAX` values and stops at the first one more. For `#[cbor(decode_with)]`.
pub(crate) fn list<'b, Ctx, T: Decode<'b, Ctx>, const MAX: usize>(
    decoder: &mut Decoder<'b>,
    ctx: &mut Ctx,
) -> Result<Vec<T>, decode::Error> {
    let at = decoder.position();
    let Some(length) = decoder.array()? else {
        return Err(decode::Error::message("list without length").at(at));
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > MAX {
        return Err(decode::Error::message("list too long").at(at));
    }
    // Every value takes a byte at least, so what is left bounds what is reserved.
    let mut values =
        Vec::with_capacity(length.min(decoder.input().len().saturating_sub(decoder.position())).min(64));
    for _ in 0..length {
        values.push(T::decode(decoder, ctx)?);
    }
    Ok(values)
}

/// Reads a byte string of at most `MAX` bytes. For `#[cbor(decode_with)]`.
pub(crate) fn bytes<Ctx, const MAX: usize>(
    decoder: &mut Decoder<'_>,
    _: &mut Ctx,
) -> Result<Vec<u8>, decode::Error> {
    let at = decoder.position();
    let bytes = decoder.bytes()?;
    if bytes.len() > MAX {
        return Err(decode::Error::message("byte string too long").at(at));
    }
    Ok(bytes.to_vec())
}

/// One value that fills the bytes exactly.
///
/// # Errors
/// The bytes are not such a value, or something follows it.
pub(crate) fn from_cbor<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder.decode()?;
    if decoder.position() == bytes.len() {
        Ok(value)
    } else {
        Err(DecodeError::Invalid("bytes after the end"))
    }
}

/// The bytes of one value.
pub(crate) fn to_cbor<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail, and no type here refuses to be written.
    let written: Result<(), minicbor::encode::Error<_>> = Encoder::new(&mut bytes).encode(value).map(|_| ());
    debug_assert!(written.is_ok(), "a vector takes every value");
    bytes
}
