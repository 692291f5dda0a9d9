//! Every bound of the protocol, with its reason. Nothing that comes from outside is read without one.

/// Largest body of one entry. A dossier's change is about 400 bytes; a long form with its papers 30 kB.
pub const ENTRY_BODY_BYTES_MAX: usize = 256 * 1024;
