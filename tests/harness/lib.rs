//! What every test here shares.

pub mod disk;
pub mod faults;
pub mod office;
pub mod program;
pub mod sim;
pub mod sources;
