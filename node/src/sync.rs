//! Reconciliation: sessions of `sync_protocol` carried out over the store and the line.
//!
//! [`driver`] turns a session's effects into calls of a store and is pure but for that store; `schedule` says when
//! to dial next; `link` runs a session on a thread of its own, away from the network runtime.

pub mod driver;
pub mod line;
pub mod node_store;
pub mod province_store;
pub mod run;
pub mod schedule;
