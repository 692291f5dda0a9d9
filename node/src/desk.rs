//! What a person can do: every page, line and command passes through here, so that nothing skips the rules.
//!
//! Each request is decided inside one commit of the store: load the dossier, ask the table of acts, compute the
//! legal effects from the directory, write. What is refused writes nothing.

mod act;
pub mod line;
mod receive;
