//! History → state. See ARCHITECTURE.md for the rules in words; domain.md 2.5 "Validity".

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use sync_protocol::ids::ChangeHash;
use sync_protocol::time::Millis;

use crate::dossier::act::Act;
use crate::dossier::act::ActId;
use crate::dossier::act::Due;
use crate::dossier::act::Receive;
use crate::dossier::custody::Custody;
use crate::dossier::document::History;
use crate::dossier::paper::Paper;
use crate::ids::AgencyCode;

/// How an act counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Counts,
    /// Done twice apart with equal result; another one counts.
    Repeated,
    /// A recall that a take-over done apart beat.
    TooLate,
    /// Its own causal past, or a provincial mark, shows that it could not be done. The code names why.
    Void(&'static str),
    /// Done apart from an act that excludes it, or built on one side only; a person must settle.
    Contested,
    /// A settlement chose the other side.
    SetAside,
    /// Written for a newer program.
    Unknown,
}

/// One act with how it counts.
#[derive(Clone, Debug)]
pub struct JudgedAct {
    /// Its id.
    pub id: ActId,
    /// When its author's machine recorded it.
    pub recorded_at: Millis,
    /// The act.
    pub act: Act,
    /// How it counts.
    pub standing: Standing,
    /// Whether it counts for now while contested.
    pub is_provisional: bool,
}

/// One value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldValue {
    /// The value.
    pub value: String,
    /// The act that wrote it.
    pub by: ActId,
}

/// A dossier's state: a function of its history and nothing else.
#[derive(Clone, Debug)]
pub struct State {
    /// What `receive` said, once there is one.
    pub receive: Option<Receive>,
    /// The receiving seat.
    pub receiving: Option<AgencyCode>,
    /// When it was received, as the law counts.
    pub received_at: Option<Millis>,
    /// National status 1-10 (domain.md 2.4); 0 while there is no receipt here.
    pub status: u8,
    /// The local state that refines it, for example `DANG_THU_LY`.
    pub local: &'static str,
    /// Where the dossier is.
    pub custody: Custody,
    /// Grows by one with every act that changes custody.
    pub generation: u32,
    /// The due date in force.
    pub due: Option<Due>,
    /// The workflow step.
    pub step: Option<String>,
    /// The officer in charge.
    pub assignee: Option<String>,
    /// When the clock ended.
    pub finished_at: Option<Millis>,
    /// When the result was handed out.
    pub returned_at: Option<Millis>,
    /// The seats entitled to the dossier; they only grow while it is open.
    pub parties: BTreeSet<AgencyCode>,
    /// All acts, each after what it builds on, equal on every machine.
    pub acts: Vec<JudgedAct>,
    /// Fields, each with every value that stands. More than one value waits for a settlement.
    pub fields: BTreeMap<String, Vec<FieldValue>>,
    /// Papers by key. Two papers under one key were added apart; both stand.
    pub papers: Vec<(String, Paper)>,
    /// Acts that exclude each other and wait for a settlement.
    pub contested: Vec<ActId>,
    /// Whether a newer program is needed to know the state.
    pub is_computable: bool,
    /// Heads of the history, sorted.
    pub heads: Vec<ChangeHash>,
}

impl State {
    /// Whether a person must decide something before the dossier can go on.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        !self.contested.is_empty() || self.fields.values().any(|values| values.len() > 1)
    }
}

/// Computes a dossier's state. The same changes in any order give the same state on every machine.
#[must_use]
pub fn fold(_history: &History) -> State {
    todo!()
}
