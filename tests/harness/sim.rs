//! A whole province in one process and in virtual time: the engine, driver, desk and stores that ship, many
//! communes, officers at work, and everything that goes wrong for them, all drawn from one seed.
//!
//! A seed gives a [`plan`], a list of steps of which each draws its chances for itself; so steps can be left out of a
//! plan that fails until little is left ([`shrink`]). What the program answers is kept as a model, and [`oracle`] and
//! [`watch`] hold the program to it, while it goes on and when the faults are over.

pub mod adversary;
pub mod coverage;
pub mod directory;
pub mod oracle;
pub mod plan;
pub mod run;
pub mod shrink;
pub mod watch;
pub mod world;
