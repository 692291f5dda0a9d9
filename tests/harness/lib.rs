//! What every test here shares.

pub mod sources;
