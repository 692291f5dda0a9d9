//! What goes wrong, one thing each: a line in memory that is cut at any message, stores that fail at any call, machines
//! that die, directories that are put back or copied, clocks that lie, a machine that lies, and mistakes of our own.
//! [`crate::sim`] makes a world of them.

pub mod call;
pub mod chance;
pub mod hostile;
pub mod machine;
pub mod planted;
pub mod work;
