//! Reconciliation: sessions of `sync_protocol` carried out over the store and the line.
//!
//! The room owns how a session is driven: [`driver`] turns its wishes into calls of a store and is pure but for that
//! store, [`node_store`] and [`province_store`] are the real ones, [`run`] is the loop of a session's own thread,
//! away from the network runtime, [`mod@line`] keeps a commune's line to the province up, [`schedule`] says when to dial
//! next. It does not know the desk, commands or what is in a dossier.

pub mod driver;
pub mod line;
pub mod node_store;
pub mod province_keys;
pub mod province_store;
pub mod run;
pub mod schedule;
