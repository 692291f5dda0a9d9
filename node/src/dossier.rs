//! What a dossier is: an Automerge document of acts, fields and papers, and the pure rules that turn its
//! history into a state. Nothing here reads a clock, a file, a directory or an account list.

pub mod act;
pub mod admit;
pub mod custody;
pub mod document;
pub mod export;
pub mod fold;
pub mod number;
pub mod paper;
mod places;
pub mod table;

#[cfg(test)]
pub(crate) mod specimen;
