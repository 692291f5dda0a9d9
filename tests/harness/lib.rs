//! What every test here shares.

pub mod office;
pub mod program;
pub mod sources;
