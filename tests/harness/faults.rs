//! A province and its communes in one thread: the real engine, driver and stores in real files, with an in-memory
//! line that a seed cuts anywhere, machines that die, directories that are put back or copied, clocks that lie.
//!
//! What the program answered is kept beside it as a model; [`oracle`] compares the two when the faults are over.

pub mod call;
pub mod chance;
pub mod hostile;
pub mod machine;
pub mod oracle;
pub mod planted;
pub mod work;
pub mod world;
