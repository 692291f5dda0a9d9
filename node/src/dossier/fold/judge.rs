//! Who had seen what, and what excludes what: every act of a history at its place in the causal order.

use std::collections::BTreeMap;
use std::collections::HashMap;

use sync_protocol::ids::ChangeHash;
use sync_protocol::time::Millis;

use crate::dossier::act::Act;
use crate::dossier::act::ActId;
use crate::dossier::act::Body;
use crate::dossier::act::Kind;
use crate::dossier::act::MarkKind;
use crate::dossier::document::History;
use crate::dossier::fold::FieldValue;
use crate::dossier::fold::Process;
use crate::dossier::fold::Standing;
use crate::dossier::fold::past::Effect;
use crate::dossier::fold::past::Part;
use crate::dossier::fold::past::is_province;
use crate::dossier::fold::resolve::Outcome;
use crate::dossier::places::Places;
use crate::dossier::table::Rank;
use crate::dossier::table::Row;
use crate::dossier::table::row_of;

/// One act in the causal order.
#[derive(Debug)]
pub(super) struct Item<'h> {
    pub(super) id: ActId,
    pub(super) recorded_at: Millis,
    pub(super) act: &'h Act,
    pub(super) row: Option<Row>,
    /// The registers its change sets.
    pub(super) writes: &'h [(String, String)],
    /// Every act its author's machine had seen.
    pub(super) past: Places,
    /// That, and every act done apart that repeats one of it: equal acts count once, so knowing one is knowing both.
    pub(super) known: Places,
    pub(super) verdict: Verdict,
}

/// What an act's own causal past says of it.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    Holds(Box<Effect>),
    Void(&'static str),
    Unknown,
}

/// One change, by the acts it brought.
#[derive(Debug)]
pub(super) struct Link {
    /// The changes it builds on, by their place.
    pub(super) deps: Vec<usize>,
    /// Its acts.
    pub(super) items: std::ops::Range<usize>,
}

/// The provincial marks that name one act.
#[derive(Debug, Default)]
struct Marks {
    void: Vec<usize>,
    review: Vec<usize>,
    released: Vec<usize>,
}

/// Every act of a history, judged against its own past.
#[derive(Debug, Default)]
pub(super) struct Judge<'h> {
    pub(super) items: Vec<Item<'h>>,
    pub(super) links: Vec<Link>,
    places: HashMap<ActId, usize>,
    /// For each act, the acts whose authors had seen it.
    after: Vec<Places>,
    /// For each act, those done apart that leave the same behind.
    repeats: Vec<Places>,
    /// For each act, those done apart that cannot count beside it.
    rivals: Vec<Places>,
    /// Acts that their own past allows.
    pub(super) holding: Places,
    /// Of these, the ones that change the state or settle: whoever had seen one side only is contested.
    pub(super) binding: Places,
    /// These and the provincial marks: all that a view of the state depends on.
    relevant: Places,
    unknown: Places,
    /// Settlements of acts.
    pub(super) settlements: Places,
    /// What each of them sets aside: only what its author had seen, so it stays the same for ever.
    set_aside: HashMap<usize, Places>,
    /// For each settlement, those done apart of which one sets aside what the other chose.
    contradicting: HashMap<usize, Places>,
    /// Acts that a void mark makes contested instead.
    pub(super) printed: Places,
    pub(super) recalls: Places,
    pub(super) take_overs: Places,
    /// Acts that bring a seat in.
    joiners: Places,
    /// Acts that say where a dossier stands after them, by that; and those that moved it there.
    standing_at: HashMap<Part, Places>,
    has_result: Places,
    movers: Places,
    /// Acts by each part of the state they set.
    parts: HashMap<Part, Places>,
    setters: HashMap<std::mem::Discriminant<Part>, Places>,
    /// Acts that set the same parts to the same.
    alike: HashMap<Vec<Part>, Places>,
    marks: BTreeMap<ActId, Marks>,
    /// Acts that write a register.
    writers: BTreeMap<&'h str, Places>,
    views: HashMap<Places, Process>,
}

impl<'h> Judge<'h> {
    /// Judges every act of a history against its own past.
    pub(super) fn over(history: &'h History) -> Self {
        let mut judge = Self::default();
        let mut place_of: HashMap<ChangeHash, usize> = HashMap::new();
        for (at, step) in history.steps.iter().enumerate() {
            let deps: Vec<usize> =
                step.info.deps.iter().filter_map(|dep| place_of.get(dep).copied()).collect();
            let mut past = Places::default();
            for link in deps.iter().filter_map(|dep| judge.links.get(*dep)) {
                if let Some(last) = link.items.clone().last() {
                    past.join(judge.past(last));
                    past.add(last);
                }
            }
            let first = judge.items.len();
            for (index, act) in step.acts.iter().enumerate() {
                let id = ActId { change: step.info.hash, index: u16::try_from(index).unwrap_or(u16::MAX) };
                judge.add(id, step.info.at, act, &step.fields, past.clone());
                past.add(first + index);
            }
            place_of.insert(step.info.hash, at);
            judge.links.push(Link { deps, items: first..judge.items.len() });
        }
        judge
    }

    /// Whether an act may be done on top of everything here, where the process stands as `view`.
    pub(super) fn may_do(&self, view: &Process, act: &'h Act) -> Result<(), &'static str> {
        let Some(row) = act.kind().map(row_of) else { return Err("act-unknown") };
        let item = self.item_for(
            ActId { change: ChangeHash([0; 32]), index: 0 },
            Millis(0),
            act,
            &[],
            self.everything(),
        );
        match self.legal(&item, row, view) {
            // The desk checks itself whether a correction changes anything: its write is not in the history yet.
            Err("act-field-unchanged") => Ok(()),
            other => other,
        }
    }

    fn item_for(
        &self,
        id: ActId,
        recorded_at: Millis,
        act: &'h Act,
        writes: &'h [(String, String)],
        past: Places,
    ) -> Item<'h> {
        let mut known = past.clone();
        for seen in past.members() {
            if let Some(repeats) = self.repeats.get(seen).filter(|repeats| !repeats.is_empty()) {
                known.join(repeats);
            }
        }
        let row = act.kind().map(row_of);
        Item { id, recorded_at, act, row, writes, past, known, verdict: Verdict::Unknown }
    }

    /// Judges one act whose past is here, and notes what it changes for the others.
    fn add(
        &mut self,
        id: ActId,
        recorded_at: Millis,
        act: &'h Act,
        writes: &'h [(String, String)],
        past: Places,
    ) {
        let place = self.items.len();
        let mut item = self.item_for(id, recorded_at, act, writes, past);
        let relevant = item.past.and(&self.relevant);
        item.verdict = self.verdict(&item, &relevant);
        for seen in item.past.members() {
            if let Some(after) = self.after.get_mut(seen) {
                after.add(place);
            }
        }
        self.places.insert(id, place);
        self.after.push(Places::default());
        self.repeats.push(Places::default());
        self.rivals.push(Places::default());
        match &item.verdict {
            Verdict::Holds(effect) => {
                let effect = effect.as_ref().clone();
                self.note(place, &item, &effect);
                self.go_on(place, relevant, &effect);
            }
            Verdict::Void(_) => {}
            Verdict::Unknown => self.unknown.add(place),
        }
        self.items.push(item);
    }

    /// An act that follows everything relevant goes on from there: the next one's view need not be resolved.
    fn go_on(&mut self, place: usize, mut relevant: Places, effect: &Effect) {
        if !self.binding.has(place) || self.settlements.has(place) {
            return;
        }
        if let Some(mut view) = self.views.get(&relevant).cloned() {
            view.take(effect);
            relevant.add(place);
            self.views.insert(relevant, view);
        }
    }

    fn verdict(&mut self, item: &Item<'h>, relevant: &Places) -> Verdict {
        let Some(row) = item.row else { return Verdict::Unknown };
        let verdict = match self.legal_by_parties(item, row) {
            Some(Ok(())) => Ok(Effect::of_bystander(item)),
            Some(Err(code)) => Err(code),
            None => {
                let view = self.view(relevant);
                self.legal(item, row, &view).map(|()| self.effect_of(item, row, &view))
            }
        };
        match verdict {
            Ok(effect) => Verdict::Holds(Box::new(effect)),
            // What it rests on is for a newer program to judge.
            Err(_) if self.unknown.meets(&item.past) => Verdict::Unknown,
            Err(code) => Verdict::Void(code),
        }
    }

    /// The state as somebody saw it who had seen these relevant acts.
    fn view(&mut self, relevant: &Places) -> Process {
        if let Some(view) = self.views.get(relevant) {
            return view.clone();
        }
        let view = self.resolve(relevant).process;
        self.views.insert(relevant.clone(), view.clone());
        view
    }

    /// Notes an act that holds in every index.
    fn note(&mut self, place: usize, item: &Item<'h>, effect: &Effect) {
        self.holding.add(place);
        if effect.result.is_some() || effect.due.is_some() || effect.settled.is_some() {
            self.binding.add(place);
        }
        if self.binding.has(place) || effect.mark.is_some() {
            self.relevant.add(place);
        }
        if let Some(chosen) = effect.settled {
            self.settlements.add(place);
            let aside = self.losing_to(chosen, &item.past.and(&self.binding));
            self.note_contradictions(place, chosen, &aside, &item.past);
            self.set_aside.insert(place, aside);
        }
        if effect.is_printed {
            self.printed.add(place);
        }
        match item.act.kind() {
            Some(Kind::Recall) => self.recalls.add(place),
            Some(Kind::TakeOver) => self.take_overs.add(place),
            _other => {}
        }
        if !effect.parties.is_empty() {
            self.joiners.add(place);
        }
        if let Some((kind, named)) = &effect.mark {
            for id in named {
                let marks = self.marks.entry(*id).or_default();
                match kind {
                    MarkKind::Void => marks.void.push(place),
                    MarkKind::Review => marks.review.push(place),
                    MarkKind::Released => marks.released.push(place),
                }
            }
        }
        for name in &effect.written {
            if let Some((name, _)) = item.writes.iter().find(|(field, _)| field == name) {
                self.writers.entry(name.as_str()).or_default().add(place);
            }
        }
        if let Some((name, original)) = &effect.settled_field
            && let Some(original) = self.items.get(*original)
            && let Some((name, _)) = original.writes.iter().find(|(field, _)| field == name)
        {
            self.writers.entry(name.as_str()).or_default().add(place);
        }
        self.note_rivals(place, item, effect);
    }

    fn note_contradictions(&mut self, place: usize, chosen: usize, aside: &Places, past: &Places) {
        let apart = self.settlements.without(past);
        let contradicts = |other: &usize| {
            let other_choice = self.effect(*other).and_then(|effect| effect.settled);
            self.set_aside_by(*other).has(chosen) || other_choice.is_some_and(|choice| aside.has(choice))
        };
        let others: Places = apart.members().filter(|other| *other != place).filter(contradicts).collect();
        for other in others.members() {
            self.contradicting.entry(other).or_default().add(place);
        }
        self.contradicting.insert(place, others);
    }

    /// Finds the acts done apart that repeat this one or cannot count beside it.
    fn note_rivals(&mut self, place: usize, item: &Item<'h>, effect: &Effect) {
        let parts = effect.parts();
        let mut repeats = Places::default();
        if !parts.is_empty() {
            let alike = self.alike.entry(parts.clone()).or_default();
            repeats = alike.without(&item.past);
            alike.add(place);
        }
        let mut rivals = Places::default();
        if let Some(result) = &effect.result {
            let stands = Part::Stands(result.clone());
            // An act on the state that leaves status and custody alone still excludes one that moves them away.
            let others = if effect.has_moved { &self.has_result } else { &self.movers };
            let same = self.standing_at.entry(stands).or_default();
            rivals.join(&others.without(same));
            same.add(place);
            self.has_result.add(place);
            if effect.has_moved {
                self.movers.add(place);
            }
        }
        for part in parts {
            let setters = self.setters.entry(std::mem::discriminant(&part)).or_default();
            let is_stand = matches!(part, Part::Stands(_));
            let same = self.parts.entry(part).or_default();
            if !is_stand {
                rivals.join(&setters.without(same));
            }
            setters.add(place);
            same.add(place);
        }
        // Not what it had seen, by itself or by a repetition, nor what had seen its repetition.
        rivals.drop_all(&item.known);
        rivals.drop_all(&repeats);
        for repeat in repeats.members() {
            if let Some(after) = self.after.get(repeat) {
                rivals.drop_all(after);
            }
        }
        for other in repeats.members() {
            if let Some(repeats) = self.repeats.get_mut(other) {
                repeats.add(place);
            }
            for aware in self.after.get(other).into_iter().flat_map(Places::members) {
                if let Some(item) = self.items.get_mut(aware) {
                    item.known.add(place);
                }
            }
        }
        for other in rivals.members() {
            if let Some(rivals) = self.rivals.get_mut(other) {
                rivals.add(place);
            }
        }
        if let (Some(own_repeats), Some(own_rivals)) =
            (self.repeats.get_mut(place), self.rivals.get_mut(place))
        {
            *own_repeats = repeats;
            *own_rivals = rivals;
        }
    }

    /// Of what a settlement's author had seen, what the choice sets aside: what was done apart from it, or, where a
    /// mark was chosen, what the mark names and what relied on it.
    fn losing_to(&self, chosen: usize, seen: &Places) -> Places {
        let Some((_, named)) = self.effect(chosen).and_then(|effect| effect.mark.as_ref()) else {
            return self.apart(chosen, seen);
        };
        let named: Places = named.iter().filter_map(|id| self.place_of(*id)).collect();
        let mut aside = named.and(seen);
        for place in named.members() {
            aside.join(&self.after(place).and(seen).without(self.after(chosen)));
        }
        aside
    }

    /// Settlements done apart that contradict one.
    pub(super) fn contradicting(&self, settlement: usize) -> &Places {
        self.contradicting.get(&settlement).unwrap_or(&NOWHERE)
    }

    /// What a settlement sets aside.
    pub(super) fn set_aside_by(&self, settlement: usize) -> &Places {
        self.set_aside.get(&settlement).unwrap_or(&NOWHERE)
    }

    pub(super) fn everything(&self) -> Places {
        Places::below(self.items.len())
    }

    pub(super) fn item(&self, place: usize) -> Option<&Item<'h>> {
        self.items.get(place)
    }

    pub(super) fn effect(&self, place: usize) -> Option<&Effect> {
        match &self.item(place)?.verdict {
            Verdict::Holds(effect) => Some(effect),
            Verdict::Void(_) | Verdict::Unknown => None,
        }
    }

    pub(super) fn rank(&self, place: usize) -> Rank {
        self.item(place).and_then(|item| item.row).map_or(Rank::Rest, |row| row.rank)
    }

    pub(super) fn place_of(&self, id: ActId) -> Option<usize> {
        self.places.get(&id).copied()
    }

    pub(super) fn id(&self, place: usize) -> Option<ActId> {
        self.item(place).map(|item| item.id)
    }

    pub(super) fn is_by_province(&self, place: usize) -> bool {
        self.item(place).is_some_and(|item| is_province(&item.act.seat))
    }

    pub(super) fn past(&self, place: usize) -> &Places {
        self.item(place).map_or(&NOWHERE, |item| &item.past)
    }

    pub(super) fn known(&self, place: usize) -> &Places {
        self.item(place).map_or(&NOWHERE, |item| &item.known)
    }

    pub(super) fn after(&self, place: usize) -> &Places {
        self.after.get(place).unwrap_or(&NOWHERE)
    }

    pub(super) fn repeats(&self, place: usize) -> &Places {
        self.repeats.get(place).unwrap_or(&NOWHERE)
    }

    pub(super) fn rivals(&self, place: usize) -> &Places {
        self.rivals.get(place).unwrap_or(&NOWHERE)
    }

    /// What had seen an act or a repetition of it.
    pub(super) fn aware_of(&self, place: usize) -> Places {
        let mut aware = self.after(place).clone();
        for repeat in self.repeats(place).members() {
            aware.join(self.after(repeat));
        }
        aware
    }

    /// Of `among`, what was done apart from an act: neither had seen the other, or a repetition of it.
    pub(super) fn apart(&self, place: usize, among: &Places) -> Places {
        let mut apart = among.without(self.known(place));
        apart.drop_all(&self.aware_of(place));
        apart.drop_all(self.repeats(place));
        apart.remove(place);
        apart
    }

    /// Whether a receipt is among these acts.
    pub(super) fn is_received(&self, past: &Places) -> bool {
        self.has_result.meets(past)
    }

    /// The acts that bring a seat in, of these acts.
    pub(super) fn joiners(&self, set: &Places) -> Places {
        let mut joiners = self.joiners.and(set);
        for (voided, _) in self.voided(set) {
            if !self.printed.has(voided) {
                joiners.remove(voided);
            }
        }
        joiners
    }

    /// Acts of the set that a provincial mark of the set voids and no later one releases, each with those marks.
    pub(super) fn voided(&self, set: &Places) -> Vec<(usize, Places)> {
        self.marked(set, |marks| &marks.void)
    }

    fn marked(&self, set: &Places, kind: impl Fn(&Marks) -> &Vec<usize>) -> Vec<(usize, Places)> {
        let mut found = Vec::new();
        for (id, marks) in &self.marks {
            let Some(target) = self.place_of(*id).filter(|target| set.has(*target)) else { continue };
            let in_force: Places = kind(marks)
                .iter()
                .copied()
                .filter(|mark| {
                    let is_lifted = |release: &usize| set.has(*release) && self.past(*release).has(*mark);
                    set.has(*mark) && !marks.released.iter().any(is_lifted)
                })
                .collect();
            // A mark is lifted by a release, not voided by another mark.
            let is_mark = self.effect(target).is_some_and(|effect| effect.mark.is_some());
            if !in_force.is_empty() && !is_mark {
                found.push((target, in_force));
            }
        }
        found
    }

    /// Acts under a review mark that no later one lifts.
    pub(super) fn to_review(&self, set: &Places) -> Vec<ActId> {
        let mut ids: Vec<ActId> = self
            .marked(set, |marks| &marks.review)
            .into_iter()
            .filter_map(|(place, _)| self.id(place))
            .collect();
        ids.sort_unstable();
        ids
    }

    /// How an act stands once everything is resolved.
    pub(super) fn standing(&self, place: usize, outcome: &Outcome) -> Standing {
        if let Some(standing) = outcome.standings.get(&place) {
            return standing.clone();
        }
        match self.item(place).map(|item| &item.verdict) {
            Some(Verdict::Holds(_)) => Standing::Counts,
            Some(Verdict::Void(code)) => Standing::Void(code),
            Some(Verdict::Unknown) | None => Standing::Unknown,
        }
    }

    pub(super) fn field_names(&self) -> impl Iterator<Item = &'h str> {
        self.writers.keys().copied()
    }

    /// The act that first wrote the value that this one gives a field.
    pub(super) fn original_write(&self, place: usize) -> usize {
        self.effect(place).and_then(|effect| effect.settled_field.as_ref()).map_or(place, |(_, first)| *first)
    }

    /// Every value of a field that no later write or settlement in the set replaces; equal values count once.
    pub(super) fn field_values(&self, name: &str, set: &Places) -> Vec<FieldValue> {
        let Some(writers) = self.writers.get(name) else { return Vec::new() };
        let mut writes = writers.and(set);
        for (voided, _) in self.voided(set) {
            if !self.printed.has(voided) {
                writes.remove(voided);
            }
        }
        let mut open: Vec<usize> =
            writes.members().filter(|write| !self.after(*write).meets(&writes)).collect();
        // Of settlements done apart the province's outranks.
        let is_settled =
            |place: usize| self.effect(place).is_some_and(|effect| effect.settled_field.is_some());
        if open.iter().any(|place| is_settled(*place) && self.is_by_province(*place)) {
            open.retain(|place| !is_settled(*place) || self.is_by_province(*place));
        }
        let value_of = |place: usize| {
            let writes = self.item(self.original_write(place))?.writes;
            writes.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone())
        };
        let mut values: Vec<FieldValue> = open
            .into_iter()
            .filter_map(|place| Some(FieldValue { value: value_of(place)?, by: self.id(place)? }))
            .collect();
        values.sort_by_key(|value| value.by);
        let mut seen = std::collections::BTreeSet::new();
        values.retain(|value| seen.insert(value.value.clone()));
        values
    }
}

/// The registers that an act itself writes: a receipt's all, a correction's own.
pub(super) fn written_by(item: &Item<'_>) -> Vec<String> {
    let names = item.writes.iter().map(|(name, _)| name);
    if let Body::CorrectField(body) = &item.act.body {
        return names.filter(|name| **name == body.field).cloned().collect();
    }
    let is_receipt = matches!(&item.act.body, Body::Receive(_) | Body::RegisterOnline(_));
    names.filter(|_| is_receipt).cloned().collect()
}

static NOWHERE: Places = Places::nowhere();
