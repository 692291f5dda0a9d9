//! Everything an office runs: the dossier and its rules, the directory, the store, the line to the province
//! and the roles that tie them together. ARCHITECTURE.md says why; `tests/layers.rs` enforces who may use whom.
//!
//! | room | owns | does not know |
//! |---|---|---|
//! | [`dossier`] | acts, the table of acts, the document, admission, history → state | storage, lines, the directory, the time |
//! | [`directory`] | the province's catalogue, its checks, working time and due dates | dossiers, signatures, the time |
//! | [`store`] | the SQLite file, logs, feeds, rows, numbers, the witness | sessions, lines of input, rights of officers |
//! | [`transport`] | sockets, TLS, who may connect, framing, enrolment | what a frame says, when to dial |
//! | [`sync`] | sessions carried out over store and line, when to dial | the desk, what is in a dossier |
//! | [`bundle`] | the stick: files of a bundle, what goes into them and how it is taken in | commands, rights |
//! | [`desk`] | what an officer can do: line → decision → commit; what is shown | lines to the province, how commands come |
//! | [`control`] | the local socket of a running program | how commands are carried out |
//! | [`roles`] | the parts put together: commune, province, the commands that write | the command line |
//!
//! Leaves, which every room may use: [`ids`], [`clock`], [`shutdown`], [`identity`], [`i18n`], [`refusal`],
//! [`provincial`] (what the province's items say).
//!
//! # Where to begin
//!
//! What a dossier is: [`dossier::act`], then [`dossier::fold`]. What happens to a line of input:
//! [`desk::Desk::lodge`]. What happens to an entry from elsewhere: [`store::apply`]. What happens when the line is
//! back: [`sync::line`]. A history becomes a state like this:
//!
//! ```
//! use motcua_node::dossier::document::Document;
//! use motcua_node::dossier::fold::fold;
//!
//! let empty = Document::new();
//! let state = fold(empty.history());
//! assert_eq!(state.process.status, 0, "nothing was received yet");
//! ```

pub mod bundle;
pub mod clock;
pub mod control;
pub mod desk;
pub mod directory;
pub mod dossier;
#[cfg(test)]
mod golden;
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
