//! History → state, and nothing else: no clock, directory or account list.
//!
//! Every act is judged once, against the view of its own causal past (what its author's machine had seen), so the
//! judgement is the same on every machine and for ever. The state of a set of changes is then built from the acts
//! that hold, in causal order. Acts done apart that exclude each other are both *contested*; one branch counts
//! for now, by rank and never by clock or arrival, until a person settles (domain.md 2.5, "Validity").

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

use sync_protocol::ids::ChangeHash;
use sync_protocol::time::Millis;

use crate::dossier::act::Act;
use crate::dossier::act::ActId;
use crate::dossier::act::Body;
use crate::dossier::act::Due;
use crate::dossier::act::Kind;
use crate::dossier::act::MarkKind;
use crate::dossier::act::Receive;
use crate::dossier::custody::Custody;
use crate::dossier::document::History;
use crate::dossier::paper::Paper;
use crate::dossier::table::Rank;
use crate::dossier::table::Row;
use crate::dossier::table::Who;
use crate::dossier::table::row_of;
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
    /// Acts that exclude each other and wait for a settlement.
    pub contested: Vec<ActId>,
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
    /// Whether a newer program is needed to know the state.
    pub is_computable: bool,
    /// Heads of the history, sorted.
    pub heads: Vec<ChangeHash>,
}

impl State {
    /// Whether a person must decide something before the dossier can go on.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        !self.process.contested.is_empty() || self.fields.values().any(|values| values.len() > 1)
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
    let outcome = judge.outcome(&everything);
    let mut receive = None;
    let mut receiving = None;
    let mut received_at = None;
    let mut acts = Vec::with_capacity(judge.acts.len());
    let mut is_computable = true;
    for (index, item) in judge.acts.iter().enumerate() {
        let standing = judge.standing(index, &outcome);
        is_computable &= standing != Standing::Unknown;
        let is_effective = outcome.effective.has(index);
        if let (Body::Receive(body), true, None) = (&item.act.body, is_effective, &receive) {
            receive = Some(body.as_ref().clone());
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
        .into_iter()
        .map(|name| {
            let values = judge.field_values(&name, &everything);
            (name, values)
        })
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
        is_computable,
        heads: history.heads(),
    }
}

/// A set of acts, by their place in the causal order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Set(Vec<u64>);

impl Set {
    fn has(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    fn add(&mut self, index: usize) {
        if self.0.len() <= index / 64 {
            self.0.resize(index / 64 + 1, 0);
        }
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    fn join(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    fn members(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(place, word)| {
            let word = *word;
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| place * 64 + bit)
        })
    }
}

/// One act in the causal order.
#[derive(Debug)]
struct Item<'h> {
    id: ActId,
    recorded_at: Millis,
    act: &'h Act,
    row: Option<Row>,
    /// The registers its change sets.
    writes: &'h [(String, String)],
    /// Every act its author's machine had seen.
    past: Set,
    verdict: Verdict,
}

/// What an act's own causal past says of it.
#[derive(Clone, Debug)]
enum Verdict {
    Holds(Box<Effect>),
    Void(&'static str),
    Unknown,
}

/// What an act that holds changes. `None` leaves a part as it is.
#[derive(Clone, Debug, Default, PartialEq)]
struct Effect {
    main: Option<(u8, Custody)>,
    local: Option<&'static str>,
    generation: Option<u32>,
    due: Option<Option<Due>>,
    step: Option<Option<String>>,
    assignee: Option<Option<String>>,
    is_signed: Option<bool>,
    paused_at: Option<Option<Millis>>,
    finished_at: Option<Option<Millis>>,
    returned_at: Option<Millis>,
    parties: Vec<AgencyCode>,
    competent: Option<AgencyCode>,
    return_at: Option<AgencyCode>,
    /// Status and custody as they stood after the act in its author's view, changed or not.
    result: Option<(u8, Custody)>,
}

/// A set of acts, resolved.
#[derive(Clone, Debug)]
struct Outcome {
    process: Process,
    effective: Set,
    standings: BTreeMap<usize, Standing>,
}

#[derive(Debug)]
struct Judge<'h> {
    acts: Vec<Item<'h>>,
}

impl Process {
    fn empty() -> Self {
        Self {
            status: 0,
            local: "",
            custody: Custody::Closed,
            generation: 0,
            due: None,
            step: None,
            assignee: None,
            is_signed: false,
            paused_at: None,
            finished_at: None,
            returned_at: None,
            parties: BTreeSet::new(),
            competent: None,
            return_at: None,
            contested: Vec::new(),
        }
    }

    fn take(&mut self, effect: &Effect) {
        if let Some((status, custody)) = &effect.main {
            self.status = *status;
            self.custody = custody.clone();
        }
        if let Some(generation) = effect.generation {
            self.generation = self.generation.max(generation);
        }
        set(&mut self.local, effect.local.as_ref());
        set(&mut self.due, effect.due.as_ref());
        set(&mut self.step, effect.step.as_ref());
        set(&mut self.assignee, effect.assignee.as_ref());
        set(&mut self.is_signed, effect.is_signed.as_ref());
        set(&mut self.paused_at, effect.paused_at.as_ref());
        set(&mut self.finished_at, effect.finished_at.as_ref());
        if effect.returned_at.is_some() {
            self.returned_at = effect.returned_at;
        }
        if effect.competent.is_some() {
            self.competent.clone_from(&effect.competent);
        }
        if effect.return_at.is_some() {
            self.return_at.clone_from(&effect.return_at);
        }
        self.parties.extend(effect.parties.iter().cloned());
    }
}

fn set<T: Clone>(place: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        place.clone_from(value);
    }
}

/// Whether this code is the province itself: level 1, without a second part.
fn is_province(seat: &AgencyCode) -> bool {
    !seat.as_str().contains('.')
}

impl<'h> Judge<'h> {
    /// Judges every act of a history against its own past.
    fn over(history: &'h History) -> Self {
        let mut judge = Self { acts: Vec::new() };
        let mut seen_by_step: HashMap<ChangeHash, Set> = HashMap::new();
        // Outcome over "an act and all its past", so that a chain of acts is judged in one pass.
        let mut after: HashMap<Set, Process> = HashMap::new();
        for step in &history.steps {
            let mut past = Set::default();
            for dep in &step.info.deps {
                if let Some(seen) = seen_by_step.get(dep) {
                    past.join(seen);
                }
            }
            for (index, act) in step.acts.iter().enumerate() {
                let item = Item {
                    id: ActId { change: step.info.hash, index: u16::try_from(index).unwrap_or(u16::MAX) },
                    recorded_at: step.info.at,
                    act,
                    row: act.kind().map(row_of),
                    writes: &step.fields,
                    past: past.clone(),
                    verdict: Verdict::Unknown,
                };
                let view = match after.get(&past) {
                    Some(process) => process.clone(),
                    None => judge.outcome(&past).process,
                };
                let verdict = judge.verdict(&item, &view);
                let place = judge.acts.len();
                past.add(place);
                let changes_history = matches!(act.kind(), Some(Kind::Settle | Kind::Mark));
                if !changes_history {
                    let mut process = view;
                    if let Verdict::Holds(effect) = &verdict {
                        process.take(effect);
                    }
                    after.insert(past.clone(), process);
                }
                judge.acts.push(Item { verdict, ..item });
            }
            seen_by_step.insert(step.info.hash, past);
        }
        judge
    }

    fn everything(&self) -> Set {
        let mut all = Set::default();
        (0..self.acts.len()).for_each(|index| all.add(index));
        all
    }

    fn item(&self, index: usize) -> Option<&Item<'h>> {
        self.acts.get(index)
    }

    fn is_before(&self, earlier: usize, later: usize) -> bool {
        self.item(later).is_some_and(|item| item.past.has(earlier))
    }

    fn is_apart(&self, one: usize, other: usize) -> bool {
        one != other && !self.is_before(one, other) && !self.is_before(other, one)
    }

    fn effect(&self, index: usize) -> Option<&Effect> {
        match &self.item(index)?.verdict {
            Verdict::Holds(effect) => Some(effect),
            Verdict::Void(_) | Verdict::Unknown => None,
        }
    }

    fn kind(&self, index: usize) -> Option<Kind> {
        self.item(index)?.act.kind()
    }

    fn rank(&self, index: usize) -> Rank {
        self.item(index).and_then(|item| item.row).map_or(Rank::Rest, |row| row.rank)
    }

    fn is_state_act(&self, index: usize) -> bool {
        self.item(index).and_then(|item| item.row).is_some_and(|row| row.is_state_act)
    }

    fn is_printed(&self, index: usize) -> bool {
        self.item(index).and_then(|item| item.row).is_some_and(|row| row.is_printed)
    }

    fn place_of(&self, id: ActId) -> Option<usize> {
        self.acts.iter().position(|item| item.id == id)
    }

    fn id(&self, index: usize) -> Option<ActId> {
        self.item(index).map(|item| item.id)
    }

    /// How an act stands once everything is resolved.
    fn standing(&self, index: usize, outcome: &Outcome) -> Standing {
        if let Some(standing) = outcome.standings.get(&index) {
            return standing.clone();
        }
        match self.item(index).map(|item| &item.verdict) {
            Some(Verdict::Holds(_)) => Standing::Counts,
            Some(Verdict::Void(code)) => Standing::Void(code),
            Some(Verdict::Unknown) | None => Standing::Unknown,
        }
    }

    /// Resolves a set of acts that is closed under causality.
    fn outcome(&self, set: &Set) -> Outcome {
        let mut standings = BTreeMap::new();
        let mut contested: BTreeSet<usize> = BTreeSet::new();
        let members: Vec<usize> = set.members().collect();
        let voided = self.voided(&members);
        let mut live = Vec::new();
        for &index in &members {
            if self.effect(index).is_none() {
                continue;
            }
            if voided.contains(&index) {
                if self.is_printed(index) {
                    contested.insert(index);
                } else {
                    standings.insert(index, Standing::Void("act-marked-void"));
                    continue;
                }
            }
            live.push(index);
        }
        // What relied on a voided act is contested, unless its author had seen the mark (then it was judged so).
        for &index in &live {
            if self.is_state_act(index) && voided.iter().any(|void| self.relied_on(index, *void, &members)) {
                contested.insert(index);
            }
        }
        let mut dropped: BTreeSet<usize> = BTreeSet::new();
        self.apply_settlements(&live, &mut dropped, &mut contested, &mut standings);
        self.drop_repeated(&live, &mut dropped, &mut standings);
        self.drop_late_recalls(&live, &mut dropped, &mut standings);
        self.contest(&live, &mut dropped, &mut contested);
        let mut process = Process::empty();
        let mut effective = Set::default();
        for &index in &live {
            let Some(effect) = self.effect(index) else { continue };
            if dropped.contains(&index) {
                // A seat that the dossier went to has it, whatever became of that way: parties only grow.
                process.parties.extend(effect.parties.iter().cloned());
                continue;
            }
            process.take(effect);
            effective.add(index);
        }
        for &index in &contested {
            standings.insert(index, Standing::Contested);
        }
        process.contested = contested.iter().filter_map(|index| self.id(*index)).collect();
        process.contested.sort_unstable();
        Outcome { process, effective, standings }
    }

    /// Acts that a provincial mark voids and no later mark releases.
    fn voided(&self, members: &[usize]) -> BTreeSet<usize> {
        let mut voided = BTreeSet::new();
        let marks = |wanted: MarkKind| {
            members.iter().copied().filter_map(move |index| {
                self.effect(index)?;
                let Body::Mark(mark) = &self.item(index)?.act.body else { return None };
                (mark.mark == wanted).then_some((index, mark))
            })
        };
        for (place, mark) in marks(MarkKind::Void) {
            for id in &mark.acts {
                let is_released = marks(MarkKind::Released)
                    .any(|(later, release)| release.acts.contains(id) && self.is_before(place, later));
                if is_released {
                    continue;
                }
                voided.extend(self.place_of(*id).filter(|target| members.contains(target)));
            }
        }
        voided
    }

    /// Whether an act was built on one that a mark its author had not seen voids.
    fn relied_on(&self, index: usize, void: usize, members: &[usize]) -> bool {
        let Some(void_id) = self.id(void) else { return false };
        self.is_before(void, index)
            && !members.iter().any(|&mark| {
                self.is_before(mark, index)
                    && matches!(self.item(mark).map(|item| &item.act.body),
                        Some(Body::Mark(body)) if body.mark == MarkKind::Void && body.acts.contains(&void_id))
            })
    }

    /// Carries out settlements of acts: what was done apart from the choice is set aside.
    fn apply_settlements(
        &self,
        live: &[usize],
        dropped: &mut BTreeSet<usize>,
        contested: &mut BTreeSet<usize>,
        standings: &mut BTreeMap<usize, Standing>,
    ) {
        let settlements: Vec<usize> = live
            .iter()
            .copied()
            .filter(|index| {
                matches!(self.item(*index).map(|item| &item.act.body),
                    Some(Body::Settle(settle)) if settle.field.is_none())
            })
            .collect();
        let mut losers = BTreeSet::new();
        for (place, &one) in settlements.iter().enumerate() {
            for &other in settlements.iter().skip(place + 1) {
                if !self.is_apart(one, other) || self.settled_choice(one) == self.settled_choice(other) {
                    continue;
                }
                let later = settlements
                    .iter()
                    .rev()
                    .find(|&&later| self.is_before(one, later) && self.is_before(other, later));
                let loser = match later {
                    Some(&later) if self.names_choice(later, one) => other,
                    Some(&later) if self.names_choice(later, other) => one,
                    Some(_) => {
                        losers.extend([one, other]);
                        continue;
                    }
                    None => match (self.is_by_province(one), self.is_by_province(other)) {
                        (true, false) => other,
                        (false, true) => one,
                        _ => {
                            contested.extend([one, other]);
                            if self.id(one) <= self.id(other) { other } else { one }
                        }
                    },
                };
                losers.insert(loser);
            }
        }
        for &settlement in &settlements {
            if losers.contains(&settlement) {
                dropped.insert(settlement);
                standings.insert(settlement, Standing::SetAside);
                continue;
            }
            let Some(choice) = self.settled_choice(settlement) else { continue };
            for &index in live {
                if !self.is_before(index, settlement) || !self.is_state_act(index) {
                    continue;
                }
                if self.is_apart(index, choice) {
                    dropped.insert(index);
                    standings.insert(index, Standing::SetAside);
                } else {
                    dropped.remove(&index);
                    standings.remove(&index);
                }
                contested.remove(&index);
            }
            for &earlier in &settlements {
                if self.is_before(earlier, settlement) {
                    contested.remove(&earlier);
                }
            }
        }
    }

    /// The act a settlement lets count; a settlement chosen by another stands for its own choice.
    fn settled_choice(&self, settlement: usize) -> Option<usize> {
        let mut place = settlement;
        for _hop in 0..8 {
            let Body::Settle(settle) = &self.item(place)?.act.body else { return Some(place) };
            place = self.place_of(settle.choice)?;
        }
        None
    }

    fn names_choice(&self, settlement: usize, choice: usize) -> bool {
        matches!(self.item(settlement).map(|item| &item.act.body),
            Some(Body::Settle(settle)) if Some(settle.choice) == self.id(choice))
    }

    fn is_by_province(&self, index: usize) -> bool {
        self.item(index).is_some_and(|item| is_province(&item.act.seat))
    }

    /// Whether two acts done apart leave the same thing behind, so that they count once.
    fn is_repetition(&self, one: usize, other: usize) -> bool {
        let (Some(left), Some(right)) = (self.effect(one), self.effect(other)) else { return false };
        self.is_apart(one, other)
            && self.is_state_act(one)
            && self.is_state_act(other)
            && self.kind(one) == self.kind(other)
            && left.result == right.result
            && left.due.as_ref().map(|due| due.as_ref().map(|due| due.at))
                == right.due.as_ref().map(|due| due.as_ref().map(|due| due.at))
            && left.step == right.step
            && left.assignee == right.assignee
    }

    fn drop_repeated(
        &self,
        live: &[usize],
        dropped: &mut BTreeSet<usize>,
        standings: &mut BTreeMap<usize, Standing>,
    ) {
        for &one in live {
            for &other in live {
                if dropped.contains(&one) || dropped.contains(&other) || self.id(one) >= self.id(other) {
                    continue;
                }
                if self.is_repetition(one, other) {
                    dropped.insert(other);
                    standings.insert(other, Standing::Repeated);
                }
            }
        }
    }

    /// Of a recall and a take-over done apart the take-over stands, unless acts were built on the recall alone.
    fn drop_late_recalls(
        &self,
        live: &[usize],
        dropped: &mut BTreeSet<usize>,
        standings: &mut BTreeMap<usize, Standing>,
    ) {
        for &recall in live {
            if self.kind(recall) != Some(Kind::Recall) || dropped.contains(&recall) {
                continue;
            }
            let beaten = live.iter().copied().find(|&take_over| {
                self.kind(take_over) == Some(Kind::TakeOver)
                    && !dropped.contains(&take_over)
                    && self.is_apart(recall, take_over)
            });
            let Some(take_over) = beaten else { continue };
            let is_built_on = live.iter().any(|&index| {
                self.is_state_act(index)
                    && !dropped.contains(&index)
                    && self.is_before(recall, index)
                    && !self.is_before(take_over, index)
            });
            if !is_built_on {
                dropped.insert(recall);
                standings.insert(recall, Standing::TooLate);
            }
        }
    }

    /// Whether two acts done apart cannot both count.
    fn exclude(&self, one: usize, other: usize) -> bool {
        let (Some(left), Some(right)) = (self.effect(one), self.effect(other)) else { return false };
        if !self.is_apart(one, other) {
            return false;
        }
        let differ = |both_change: bool, is_equal: bool| both_change && !is_equal;
        // An act on the state that leaves status and custody alone still excludes one that moves them away.
        let moves_apart = self.is_state_act(one)
            && self.is_state_act(other)
            && (left.main.is_some() || right.main.is_some())
            && left.result.is_some()
            && right.result.is_some();
        let due_of = |effect: &Effect| effect.due.as_ref().map(|due| due.as_ref().map(|due| due.at));
        differ(moves_apart, left.result == right.result)
            || differ(left.due.is_some() && right.due.is_some(), due_of(left) == due_of(right))
            || differ(left.step.is_some() && right.step.is_some(), left.step == right.step)
            || differ(left.assignee.is_some() && right.assignee.is_some(), left.assignee == right.assignee)
    }

    /// Finds what excludes each other, marks it contested, and drops for now what lost by rank.
    fn contest(&self, live: &[usize], dropped: &mut BTreeSet<usize>, contested: &mut BTreeSet<usize>) {
        let standing: Vec<usize> = live.iter().copied().filter(|index| !dropped.contains(index)).collect();
        let mut pairs = Vec::new();
        for (place, &one) in standing.iter().enumerate() {
            for &other in standing.iter().skip(place + 1) {
                if self.exclude(one, other) {
                    pairs.push((one, other));
                }
            }
        }
        for &(one, other) in &pairs {
            contested.extend([one, other]);
            contested.extend(standing.iter().copied().filter(|&index| {
                self.is_state_act(index) && self.is_before(one, index) != self.is_before(other, index)
            }));
        }
        // The branch with the highest rank counts for now, then the smaller act id; again for what is left.
        while pairs.iter().any(|(one, other)| !dropped.contains(one) && !dropped.contains(other)) {
            let winner = contested
                .iter()
                .copied()
                .filter(|index| {
                    !dropped.contains(index)
                        && pairs.iter().any(|&(one, other)| {
                            !dropped.contains(&one)
                                && !dropped.contains(&other)
                                && (self.touches(*index, one) || self.touches(*index, other))
                        })
                        && contested
                            .iter()
                            .any(|rival| !dropped.contains(rival) && self.is_apart(*index, *rival))
                })
                .max_by(|one, other| {
                    self.rank(*one).cmp(&self.rank(*other)).then_with(|| self.id(*other).cmp(&self.id(*one)))
                });
            let Some(winner) = winner else { break };
            let losers: Vec<usize> =
                contested.iter().copied().filter(|index| self.is_apart(winner, *index)).collect();
            let before = dropped.len();
            dropped.extend(losers);
            if dropped.len() == before {
                break;
            }
        }
    }

    /// Whether an act is, or is causally tied to, one side of a pair.
    fn touches(&self, index: usize, side: usize) -> bool {
        !self.is_apart(index, side)
    }

    fn field_names(&self) -> BTreeSet<String> {
        self.acts.iter().flat_map(|item| item.writes.iter().map(|(name, _)| name.clone())).collect()
    }

    /// The value an act gives a field, if it does.
    fn field_write(&self, index: usize, name: &str) -> Option<FieldValue> {
        let item = self.item(index)?;
        self.effect(index)?;
        if let Body::Settle(body) = &item.act.body {
            let chosen = self.place_of(body.choice).filter(|_| body.field.as_deref() == Some(name))?;
            return self
                .field_write(chosen, name)
                .map(|value| FieldValue { value: value.value, by: item.id });
        }
        let is_writer = matches!(&item.act.body, Body::Receive(_) | Body::RegisterOnline(_))
            || matches!(&item.act.body, Body::CorrectField(body) if body.field == name);
        let value = item
            .writes
            .iter()
            .find(|(field, _)| is_writer && field == name)
            .map(|(_, value)| value.clone())?;
        Some(FieldValue { value, by: item.id })
    }

    /// Every value of a field that no later write or settlement in the set replaces; equal values count once.
    fn field_values(&self, name: &str, set: &Set) -> Vec<FieldValue> {
        let members: Vec<usize> = set.members().collect();
        let voided = self.voided(&members);
        let writes: Vec<(usize, FieldValue)> = members
            .into_iter()
            .filter(|index| !voided.contains(index) || self.is_printed(*index))
            .filter_map(|index| self.field_write(index, name).map(|value| (index, value)))
            .collect();
        let mut values: Vec<FieldValue> = writes
            .iter()
            .filter(|(index, _)| !writes.iter().any(|(later, _)| self.is_before(*index, *later)))
            .map(|(_, value)| value.clone())
            .collect();
        values.sort_by_key(|value| value.by);
        let mut seen = BTreeSet::new();
        values.retain(|value| seen.insert(value.value.clone()));
        values
    }

    /// What an act's own past says of it.
    fn verdict(&self, item: &Item<'_>, view: &Process) -> Verdict {
        let Some(row) = item.row else { return Verdict::Unknown };
        match self.legal(item, row, view) {
            Ok(()) => Verdict::Holds(Box::new(self.effect_of(item, row, view))),
            Err(code) => Verdict::Void(code),
        }
    }

    fn legal(&self, item: &Item<'_>, row: Row, view: &Process) -> Result<(), &'static str> {
        let act = item.act;
        let seat = &act.seat;
        let is_new = matches!(row.kind, Kind::Receive | Kind::RegisterOnline);
        if is_new != (view.status == 0) {
            return Err(if is_new { "act-already-received" } else { "act-not-received" });
        }
        may_act(row, seat, view)?;
        if !row.from.is_empty() && !row.from.contains(&view.status) {
            return Err("act-wrong-status");
        }
        let is_custody_bound = row.is_state_act && !is_new && row.who != Who::Province;
        if is_custody_bound && !view.contested.is_empty() {
            return Err("act-contested");
        }
        if is_custody_bound && act.generation != view.generation {
            return Err("act-wrong-generation");
        }
        if matches!(&act.body, Body::Issue(_)) && !view.is_signed {
            return Err("act-not-signed");
        }
        if matches!(&act.body, Body::Transfer(body) if body.to == *seat) {
            return Err("act-transfer-to-self");
        }
        if let Body::Settle(body) = &act.body {
            return self.settle_is_legal(item, body, view);
        }
        if let Body::CorrectField(body) = &act.body {
            if self.field_values(&body.field, &item.past).len() > 1 {
                return Err("act-field-contested");
            }
            if !item.writes.iter().any(|(name, _)| *name == body.field) {
                return Err("act-field-unchanged");
            }
        }
        Ok(())
    }

    fn settle_is_legal(
        &self,
        item: &Item<'_>,
        body: &crate::dossier::act::Settle,
        view: &Process,
    ) -> Result<(), &'static str> {
        let is_seen = |id: &ActId| self.place_of(*id).is_some_and(|place| item.past.has(place));
        if !body.acts.iter().all(is_seen) || !body.acts.contains(&body.choice) {
            return Err("act-settle-unknown");
        }
        match &body.field {
            Some(name) => {
                let open = self.field_values(name, &item.past);
                let names_all = open.iter().all(|value| body.acts.contains(&value.by));
                let is_value = open.iter().any(|value| value.by == body.choice);
                if open.len() > 1 && names_all && is_value { Ok(()) } else { Err("act-settle-nothing") }
            }
            None => {
                let chosen = view.contested.contains(&body.choice);
                let names_both = body.acts.iter().filter(|id| view.contested.contains(id)).count() >= 2
                    || view.contested.len() == 1;
                if chosen && names_both { Ok(()) } else { Err("act-settle-nothing") }
            }
        }
    }

    /// What an act that holds changes.
    fn effect_of(&self, item: &Item<'_>, row: Row, view: &Process) -> Effect {
        let act = item.act;
        let seat = act.seat.clone();
        let counts_at =
            if act.historic { act.occurred_at.unwrap_or(item.recorded_at) } else { item.recorded_at };
        let mut effect = Effect::default();
        let mut custody = view.custody.clone();
        let mut status = row.to.unwrap_or(view.status);
        match &act.body {
            Body::Receive(body) => {
                self.receipt(body, &seat, &mut effect);
                custody = Custody::Held { seat };
                effect.local = Some("DA_TIEP_NHAN");
            }
            Body::RegisterOnline(body) => {
                self.receipt(&body.receive, &seat, &mut effect);
                custody = Custody::Held { seat: body.receive.competent.clone() };
                effect.local = Some("CHO_TIEP_NHAN");
            }
            Body::AcceptOnline(body) => {
                effect.due = Some(body.due.clone());
                effect.local = Some("DA_TIEP_NHAN");
            }
            Body::AskBeforeReceipt(_) => {
                effect.local = Some("CHO_BO_SUNG");
                effect.paused_at = Some(Some(counts_at));
            }
            Body::RefuseReceipt(_) => {
                custody = Custody::Closed;
                effect.local = Some("TU_CHOI");
                effect.finished_at = Some(Some(counts_at));
            }
            Body::Assign(body) => {
                effect.assignee = Some(Some(body.assignee.clone()));
                effect.local = Some("DANG_THU_LY");
            }
            Body::MoveStep(body) => {
                effect.step = Some(Some(body.step.clone()).filter(|step| !step.is_empty()));
                if body.assignee.is_some() {
                    effect.assignee = Some(body.assignee.clone());
                }
                effect.local = Some("DANG_THU_LY");
            }
            Body::Transfer(body) => {
                custody = Custody::InTransit { from: seat, to: body.to.clone() };
                effect.parties.push(body.to.clone());
                effect.local = Some("CHUYEN_LIEN_THONG");
            }
            Body::TakeOver(body) => {
                custody = Custody::Held { seat };
                effect.local = Some("CHO_PHAN_CONG");
                effect.assignee = Some(None);
                effect.step = Some(body.step.clone());
            }
            Body::Decline(_) | Body::Recall(_) => {
                if let Custody::InTransit { from, .. } = &view.custody {
                    custody = Custody::Held { seat: from.clone() };
                }
                effect.local = Some("DANG_THU_LY");
            }
            Body::HandOverExternal(body) => {
                custody = Custody::Outside { agency: body.to.clone(), by: seat };
                effect.local = Some("CHUYEN_LIEN_THONG");
            }
            Body::ReceiveResultExternal(_) | Body::TakeBackExternal(_) => {
                custody = Custody::Held { seat };
                effect.local = Some("DANG_THU_LY");
            }
            Body::Reassign(body) => {
                custody = Custody::Held { seat: body.to.clone() };
                effect.parties.push(body.to.clone());
            }
            Body::RequestSupplement(_) => {
                effect.paused_at = Some(Some(counts_at));
                effect.local = Some("CHO_BO_SUNG");
            }
            Body::ReceiveSupplement(body) => {
                effect.due = Some(body.due.clone());
                effect.paused_at = Some(None);
                effect.local = Some("DANG_THU_LY");
            }
            Body::ExpireSupplement(body) => {
                status = if body.is_refused { 3 } else { 8 };
                custody = Custody::Closed;
                effect.paused_at = Some(None);
                effect.finished_at = Some(Some(counts_at));
                effect.local = Some(if body.is_refused { "TU_CHOI" } else { "DA_DUNG" });
            }
            Body::RequestPayment(_) => {
                effect.paused_at = Some(Some(counts_at));
                effect.local = Some("CHO_NOP_PHI");
            }
            Body::ConfirmPayment(_) if view.status != 6 => return effect,
            Body::ConfirmPayment(body) => {
                status = 4;
                effect.due = Some(body.due.clone());
                effect.paused_at = Some(None);
                effect.local = Some("DANG_THU_LY");
            }
            Body::AcceptWithdrawal(_) => {
                custody = Custody::Closed;
                effect.finished_at = Some(Some(counts_at));
                effect.local = Some("DA_RUT");
            }
            Body::Stop(_) => {
                custody = Custody::Closed;
                effect.finished_at = Some(Some(counts_at));
                effect.local = Some("DA_DUNG");
            }
            Body::Resume(body) => {
                custody = Custody::Held { seat };
                effect.due = Some(body.due.clone());
                effect.finished_at = Some(None);
                effect.local = Some("DANG_THU_LY");
            }
            Body::Extend(body) => {
                effect.due = Some(Some(body.due.clone()));
                return effect;
            }
            Body::SubmitForSignature(_) => effect.local = Some("CHO_KY"),
            Body::Sign(_) => {
                effect.is_signed = Some(true);
                effect.local = Some("CHO_BAN_HANH");
            }
            Body::Issue(_) => effect.local = Some("DA_BAN_HANH"),
            Body::Finish(_) => {
                let place = view.return_at.clone().unwrap_or(seat);
                custody = Custody::ToReturn { place };
                effect.finished_at = Some(Some(counts_at));
                effect.local = Some("CO_KET_QUA");
            }
            Body::ReturnResult(_) => {
                custody = Custody::Closed;
                effect.returned_at = Some(counts_at);
                effect.local = Some("DA_TRA");
            }
            Body::SendByPost(_) => effect.local = Some("CHUYEN_BCCI"),
            Body::Settle(body) if body.field.is_none() => {
                effect.generation = Some(self.generation_after(body, view));
                return effect;
            }
            Body::Settle(_)
            | Body::Mark(_)
            | Body::WaiveFee(_)
            | Body::Refund(_)
            | Body::CancelReceipt(_)
            | Body::RequestWithdrawal(_)
            | Body::ReceiveResult(_)
            | Body::Note(_)
            | Body::AttachPaper(_)
            | Body::CorrectField(_)
            | Body::Attest(_)
            | Body::Link(_)
            | Body::Rate(_)
            | Body::ReplaceNumber(_)
            | Body::SendPaper(_)
            | Body::ReceivePaper(_)
            | Body::Unknown { .. } => return effect,
        }
        let is_custody_act = custody != view.custody || row.kind == Kind::Reassign;
        if is_custody_act {
            effect.generation = Some(view.generation + 1);
        }
        if is_custody_act || status != view.status {
            effect.main = Some((status, custody.clone()));
        }
        effect.result = Some((status, custody));
        effect
    }

    fn receipt(&self, body: &Receive, seat: &AgencyCode, effect: &mut Effect) {
        effect.due = Some(body.due.clone());
        effect.step = Some(body.step.clone());
        effect.competent = Some(body.competent.clone());
        effect.return_at = Some(body.return_at.clone());
        effect.parties = vec![seat.clone(), body.competent.clone(), body.return_at.clone()];
    }

    /// `settle` = the highest generation it names, plus one.
    fn generation_after(&self, body: &crate::dossier::act::Settle, view: &Process) -> u32 {
        let named = body
            .acts
            .iter()
            .filter_map(|id| self.place_of(*id))
            .filter_map(|place| {
                let own = self.item(place)?.act.generation;
                Some(own.max(self.effect(place).and_then(|effect| effect.generation).unwrap_or(0)))
            })
            .max()
            .unwrap_or(0);
        named.max(view.generation) + 1
    }
}

/// Whether the seat is the one the table names. The code says why not.
fn may_act(row: Row, seat: &AgencyCode, view: &Process) -> Result<(), &'static str> {
    let is_holder = matches!(&view.custody, Custody::Held { seat: holder } if holder == seat);
    let may = match row.who {
        Who::Receiver => true,
        Who::Holder => is_holder,
        Who::TransferTarget => matches!(&view.custody, Custody::InTransit { to, .. } if to == seat),
        Who::TransferSender => matches!(&view.custody, Custody::InTransit { from, .. } if from == seat),
        Who::ExternalSender => matches!(&view.custody, Custody::Outside { by, .. } if by == seat),
        Who::ReturnPlace => matches!(&view.custody, Custody::ToReturn { place } if place == seat),
        Who::Competent => view.competent.as_ref() == Some(seat),
        Who::Party => view.parties.contains(seat) || is_province(seat),
        Who::Province => is_province(seat),
        Who::HolderOrProvince => {
            view.custody.holder().or(view.competent.as_ref()) == Some(seat) || is_province(seat)
        }
    };
    if may {
        return Ok(());
    }
    Err(match row.who {
        Who::Receiver | Who::Holder => "act-not-holder",
        Who::TransferTarget => "act-not-transferred-here",
        Who::TransferSender => "act-not-sent-from-here",
        Who::ExternalSender => "act-not-outside",
        Who::ReturnPlace => "act-not-to-return-here",
        Who::Competent => "act-not-competent",
        Who::Party => "act-not-party",
        Who::Province => "act-province-only",
        Who::HolderOrProvince => "act-not-settler",
    })
}

/// What the table says of an act before it is done: the desk asks here, so that what it lets through always holds.
///
/// # Errors
/// The code of the rule it breaks.
pub fn may_do(history: &History, state: &State, act: &Act) -> Result<(), &'static str> {
    let Some(row) = act.kind().map(row_of) else { return Err("act-unknown") };
    let judge = Judge::over(history);
    let item = Item {
        id: ActId { change: ChangeHash([0; 32]), index: 0 },
        recorded_at: Millis(0),
        act,
        row: Some(row),
        writes: &[],
        past: judge.everything(),
        verdict: Verdict::Unknown,
    };
    match judge.legal(&item, row, &state.process) {
        // The desk checks itself whether a correction changes anything: its write is not in the history yet.
        Err("act-field-unchanged") => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
