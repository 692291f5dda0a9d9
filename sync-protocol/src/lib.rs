//! How two offices reconcile: what an entry is, what travels, when a session is over and what the
//! province's proof says.
//!
//! The crate does no input or output, reads no clock and draws no random bytes: the caller brings frames,
//! time and answers of its store, and carries out what the session asks for.

pub mod chunk;
pub mod codec;
pub mod compress;
pub mod entry;
pub mod frame;
pub mod head;
pub mod ids;
pub mod item;
pub mod limits;
pub mod position;
pub mod proof;
pub mod run;
pub mod session;
pub mod time;
