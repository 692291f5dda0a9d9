//! Everything an office runs: the dossier and its rules, the directory, the store, the line to the province
//! and the roles that tie them together. ARCHITECTURE.md has the map of these rooms and who may use whom.

pub mod clock;
pub mod control;
pub mod desk;
pub mod directory;
pub mod dossier;
pub mod i18n;
pub mod identity;
pub mod ids;
pub mod provincial;
pub mod refusal;
pub mod roles;
pub mod shutdown;
pub mod store;
pub mod sync;
pub mod transport;
pub mod workload;
