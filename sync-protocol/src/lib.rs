//! How two offices reconcile: what an entry is, what travels, when a session is over and what the
//! province's proof says.
//!
//! The crate does no input or output, reads no clock and draws no random bytes: the caller brings frames,
//! time and answers of its store, and carries out what the session asks for.

pub mod entry;
pub mod ids;
pub mod limits;
pub mod time;
