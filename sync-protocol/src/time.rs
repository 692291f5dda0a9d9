//! Time as the protocol carries it. There is no `now()` here on purpose: the caller brings it.

/// Milliseconds since 1970-01-01T00:00:00Z by the wall clock of the machine that wrote it, as it stood.
///
/// May be wrong by years; nothing in the protocol orders or refuses by it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode,
)]
#[cbor(transparent)]
pub struct Millis(#[n(0)] pub i64);
