//! History → state, and nothing else: no clock, directory or account list.
//!
//! Every act is judged once, against the view of its own causal past (what its author's machine had seen), so the
//! judgement is the same on every machine and for ever. The state of a set of changes is then built from the acts
//! that hold, in causal order. Acts done apart that exclude each other are both *contested*; one branch counts
//! for now, by rank and never by clock or arrival, until a person settles (domain.md 2.5, "Validity").
//!
//! `judge` knows who had seen what and what excludes what, `past` what an act's own past says of it, and `resolve`
//! what counts in a set of acts.

mod judge;
mod past;
mod resolve;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use sync_protocol::ids::ChangeHash;
use sync_protocol::time::Millis;

use crate::dossier::act::Act;
use crate::dossier::act::ActId;
use crate::dossier::act::Body;
use crate::dossier::act::Due;
use crate::dossier::act::Receive;
use crate::dossier::custody::Custody;
use crate::dossier::document::History;
use crate::dossier::fold::judge::Judge;
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

impl Standing {
    /// The word in outputs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Counts => "counts",
            Self::Repeated => "repeated",
            Self::TooLate => "too_late",
            Self::Void(_) => "void",
            Self::Contested => "contested",
            Self::SetAside => "set_aside",
            Self::Unknown => "unknown",
        }
    }

    /// Why, where there is more to say than the word. A kebab-case code with a message in every language.
    #[must_use]
    pub const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Void(code) => Some(code),
            Self::Contested => Some("act-done-apart"),
            Self::Repeated => Some("act-repeated"),
            Self::TooLate => Some("act-too-late"),
            Self::SetAside => Some("act-set-aside"),
            Self::Unknown => Some("act-unknown"),
            Self::Counts => None,
        }
    }
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
    /// Whether its effect is part of the state: it counts, or it counts for now while contested.
    pub is_effective: bool,
}

/// One value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldValue {
    /// The value.
    pub value: String,
    /// The act that wrote it.
    pub by: ActId,
}

/// The part of the state that acts change; also what an act's author saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
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
    /// The officer in charge, as `H27.101/04`.
    pub assignee: Option<String>,
    /// Whether the result is signed.
    pub is_signed: bool,
    /// Since when a supplement is awaited.
    pub paused_at: Option<Millis>,
    /// When the clock ended.
    pub finished_at: Option<Millis>,
    /// When the result was handed out.
    pub returned_at: Option<Millis>,
    /// The seats entitled to the dossier; they only grow while it is open.
    pub parties: BTreeSet<AgencyCode>,
    /// The competent seat.
    pub competent: Option<AgencyCode>,
    /// The return place.
    pub return_at: Option<AgencyCode>,
    /// Acts that exclude each other and wait for a settlement, with what was built on one side only.
    pub contested: Vec<ActId>,
    /// The transfer under way, which take_over, decline and recall answer.
    transfer: Option<ActId>,
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
    /// Status, custody, dates and parties.
    pub process: Process,
    /// All acts, each after what it builds on, equal on every machine.
    pub acts: Vec<JudgedAct>,
    /// Fields, each with every value that stands. More than one value waits for a settlement.
    pub fields: BTreeMap<String, Vec<FieldValue>>,
    /// Papers by key. Two papers under one key were added apart; both stand.
    pub papers: Vec<(String, Paper)>,
    /// Acts that the province marked for a person to look at. They count.
    pub review: Vec<ActId>,
    /// Whether a newer program is needed to know the state.
    pub is_computable: bool,
    /// Heads of the history, sorted.
    pub heads: Vec<ChangeHash>,
}

impl State {
    /// Whether a person must decide something before the dossier can go on.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        !self.process.contested.is_empty()
            || !self.review.is_empty()
            || self.fields.values().any(|values| values.len() > 1)
    }

    /// A field's value, the first one while several stand.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(|values| values.first()).map(|value| value.value.as_str())
    }
}

/// Computes a dossier's state. The same changes in any order give the same state on every machine.
#[must_use]
pub fn fold(history: &History) -> State {
    let judge = Judge::over(history);
    let everything = judge.everything();
    let outcome = judge.resolve(&everything);
    let mut receive = None;
    let mut receiving = None;
    let mut received_at = None;
    let mut acts = Vec::with_capacity(judge.items.len());
    let mut is_computable = true;
    for (place, item) in judge.items.iter().enumerate() {
        let standing = judge.standing(place, &outcome);
        is_computable &= standing != Standing::Unknown;
        let is_effective = outcome.effective.has(place);
        if let (Some(body), true, None) = (receipt_of(&item.act.body), is_effective, &receive) {
            receive = Some(body.clone());
            receiving = Some(item.act.seat.clone());
            received_at = Some(body.received_at.unwrap_or(item.recorded_at));
        }
        acts.push(JudgedAct {
            id: item.id,
            recorded_at: item.recorded_at,
            act: item.act.clone(),
            standing,
            is_effective,
        });
    }
    let fields = judge
        .field_names()
        .map(|name| (name.to_owned(), judge.field_values(name, &everything)))
        .filter(|(_, values)| !values.is_empty())
        .collect();
    let papers = history.steps.iter().flat_map(|step| step.papers.iter().cloned()).collect();
    State {
        receive,
        receiving,
        received_at,
        process: outcome.process,
        acts,
        fields,
        papers,
        review: judge.to_review(&everything),
        is_computable,
        heads: history.heads(),
    }
}

fn receipt_of(body: &Body) -> Option<&Receive> {
    if let Body::RegisterOnline(online) = body {
        return Some(&online.receive);
    }
    if let Body::Receive(receipt) = body { Some(receipt) } else { None }
}

/// What the table says of an act before it is done: the desk asks here, so that what it lets through always holds.
///
/// # Errors
/// The code of the rule it breaks.
pub fn may_do(history: &History, state: &State, act: &Act) -> Result<(), &'static str> {
    Judge::over(history).may_do(&state.process, act)
}

#[cfg(test)]
mod tests;
