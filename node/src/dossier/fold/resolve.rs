//! What counts in a set of acts that is closed under causality: marks, settlements, repetitions, late recalls, and
//! for now one branch of what excludes each other.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::HashMap;

use crate::dossier::act::ActId;
use crate::dossier::custody::Custody;
use crate::dossier::fold::Process;
use crate::dossier::fold::Standing;
use crate::dossier::fold::judge::Judge;
use crate::dossier::fold::past::Effect;
use crate::dossier::places::Places;
use crate::dossier::table::Rank;

/// A set of acts, resolved.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) process: Process,
    /// Acts that count, or count for now.
    pub(super) effective: Places,
    /// How acts stand that neither count nor are void by their own past.
    pub(super) standings: BTreeMap<usize, Standing>,
}

/// A set of acts while it is being resolved.
struct Resolving<'j, 'h> {
    judge: &'j Judge<'h>,
    set: &'j Places,
    /// Acts whose effect may still count.
    live: Places,
    contested: Places,
    standings: BTreeMap<usize, Standing>,
    /// Settlements in force.
    in_force: Places,
    /// Acts done apart that cannot count beside each other, beyond those the judge knows.
    late_pairs: HashMap<usize, Places>,
}

impl Process {
    pub(super) fn empty() -> Self {
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
            parties: std::collections::BTreeSet::new(),
            competent: None,
            return_at: None,
            contested: Vec::new(),
            transfer: None,
        }
    }

    /// The process after one more act.
    pub(super) fn take(&mut self, effect: &Effect) {
        set(&mut self.status, effect.status.as_ref());
        set(&mut self.custody, effect.custody.as_ref());
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
        set(&mut self.transfer, effect.transfer.as_ref());
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

impl Judge<'_> {
    /// Resolves a set of acts that is closed under causality, as far as it bears on the state.
    pub(super) fn resolve(&self, set: &Places) -> Outcome {
        let mut resolving = Resolving {
            judge: self,
            set,
            live: set.and(&self.holding),
            contested: Places::default(),
            standings: BTreeMap::new(),
            in_force: Places::default(),
            late_pairs: HashMap::new(),
        };
        let doubts = resolving.mark();
        resolving.settle();
        resolving.doubt(&doubts);
        resolving.drop_late_recalls();
        resolving.contest();
        resolving.drop_repeated();
        resolving.finish()
    }
}

impl Resolving<'_, '_> {
    fn stands(&mut self, places: &Places, standing: &Standing) {
        for place in places.members() {
            self.standings.insert(place, standing.clone());
        }
    }

    fn ids(&self, places: &Places) -> Vec<ActId> {
        let mut ids: Vec<ActId> = places.members().filter_map(|place| self.judge.id(place)).collect();
        ids.sort_unstable();
        ids
    }

    fn binding(&self) -> Places {
        self.live.and(&self.judge.binding)
    }

    /// Voids what provincial marks void. Answers what they make contested instead, each with the marks: what was
    /// printed, and acts that relied on a voided one without having seen the mark.
    fn mark(&mut self) -> BTreeMap<usize, Places> {
        let mut doubts: BTreeMap<usize, Places> = BTreeMap::new();
        for (voided, marks) in self.judge.voided(self.set) {
            if !self.live.has(voided) {
                continue;
            }
            if self.judge.printed.has(voided) {
                doubts.entry(voided).or_default().join(&marks);
            } else {
                self.live.remove(voided);
                self.standings.insert(voided, Standing::Void("act-marked-void"));
            }
            if !self.judge.binding.has(voided) {
                continue;
            }
            let mut relied = self.judge.after(voided).and(self.set).and(&self.judge.binding);
            for mark in marks.members() {
                relied.drop_all(self.judge.after(mark));
            }
            for place in relied.members() {
                doubts.entry(place).or_default().join(&marks);
            }
        }
        doubts
    }

    /// Makes contested what marks put in doubt, unless a settlement in force had seen both.
    fn doubt(&mut self, doubts: &BTreeMap<usize, Places>) {
        for (place, marks) in doubts {
            let is_settled = self.in_force.members().any(|settlement| {
                let seen = self.judge.past(settlement);
                seen.has(*place) && marks.is_within(seen)
            });
            if self.live.has(*place) && !is_settled {
                self.contested.add(*place);
            }
        }
    }

    /// Decides which settlements are in force, and sets aside what they did not choose.
    ///
    /// A later settlement overrules the earlier ones it did not choose. Of two done apart that contradict each other
    /// the province's outranks; two others are contested themselves, with what was built on one of them only.
    fn settle(&mut self) {
        let settlements = self.live.and(&self.judge.settlements);
        if settlements.is_empty() {
            return;
        }
        let judge = self.judge;
        let mut lost = Places::default();
        loop {
            let mut overruled = lost.clone();
            let mut standing = Places::default();
            for settlement in settlements.members().rev() {
                if !overruled.has(settlement) {
                    standing.add(settlement);
                    overruled.join(judge.set_aside_by(settlement));
                }
            }
            let best = standing
                .members()
                .filter(|place| judge.contradicting(*place).meets(&standing))
                .max_by_key(|place| {
                    (judge.is_by_province(*place), self.branch_rank(*place), Reverse(judge.id(*place)))
                });
            let Some(best) = best else {
                self.in_force = standing;
                break;
            };
            for loser in judge.contradicting(best).and(&standing).members() {
                lost.add(loser);
                lost.join(&self.lose_to(best, loser));
            }
        }
        let mut all_aside = Places::default();
        for settlement in self.in_force.members() {
            all_aside.join(judge.set_aside_by(settlement));
        }
        all_aside.keep(&self.live);
        self.stands(&all_aside, &Standing::SetAside);
        self.contested.drop_all(&all_aside);
        self.live.drop_all(&all_aside);
        self.live.drop_all(&lost);
        self.pair_late_arrivals();
        self.drop_repeated_settlements();
    }

    /// The highest rank of what was built on a settlement.
    fn branch_rank(&self, settlement: usize) -> Rank {
        let built = self.judge.after(settlement).and(&self.binding());
        built.members().map(|place| self.judge.rank(place)).max().unwrap_or(Rank::Rest)
    }

    /// One settlement loses against another done apart. Answers what was built on it alone, which is lost with it.
    fn lose_to(&mut self, best: usize, loser: usize) -> Places {
        let binding = self.binding();
        let only = |one: usize, other: usize| {
            let mut built = self.judge.after(one).and(&binding);
            built.drop_all(self.judge.after(other));
            built.remove(other);
            built
        };
        let built_on_loser = only(loser, best);
        let outranks = self.judge.is_by_province(best) && !self.judge.is_by_province(loser);
        if outranks && built_on_loser.is_empty() {
            self.standings.insert(loser, Standing::SetAside);
        } else {
            let built_on_best = only(best, loser);
            self.contested.add(best);
            self.contested.add(loser);
            self.contested.join(&built_on_loser);
            self.contested.join(&built_on_best);
        }
        built_on_loser
    }

    /// What was built on a side that is set aside, by somebody who knew neither the settlement nor the choice,
    /// excludes the choice.
    fn pair_late_arrivals(&mut self) {
        let binding = self.binding();
        let mut pairs = Vec::new();
        for settlement in self.in_force.members() {
            let Some(chosen) = self.judge.effect(settlement).and_then(|effect| effect.settled) else {
                continue;
            };
            let mut built = Places::default();
            for place in self.judge.set_aside_by(settlement).members() {
                built.join(self.judge.after(place));
            }
            let mut late = built.and(&binding);
            late.drop_all(self.judge.past(settlement));
            late.drop_all(self.judge.after(settlement));
            late.remove(settlement);
            if self.judge.effect(chosen).is_some_and(|effect| effect.mark.is_some()) {
                continue;
            }
            if binding.has(chosen) {
                pairs.extend(self.judge.apart(chosen, &late).members().map(|place| (place, chosen)));
            }
        }
        for (one, other) in pairs {
            self.late_pairs.entry(one).or_default().add(other);
            self.late_pairs.entry(other).or_default().add(one);
        }
    }

    /// Settlements done apart with one choice count once.
    fn drop_repeated_settlements(&mut self) {
        let mut first_by_choice: BTreeMap<usize, usize> = BTreeMap::new();
        let mut places: Vec<usize> = self.in_force.members().collect();
        places.sort_by_key(|place| self.judge.id(*place));
        for place in places {
            let Some(chosen) = self.judge.effect(place).and_then(|effect| effect.settled) else { continue };
            let first = *first_by_choice.entry(chosen).or_insert(place);
            let is_apart = !self.judge.past(place).has(first) && !self.judge.past(first).has(place);
            if first != place && is_apart && !self.contested.has(place) {
                self.standings.insert(place, Standing::Repeated);
            }
        }
    }

    /// Of a recall and a take-over done apart, both of one transfer, the take-over stands, unless acts were built on
    /// the recall alone.
    fn drop_late_recalls(&mut self) {
        let binding = self.binding();
        let take_overs = self.judge.take_overs.and(&self.live);
        for recall in self.judge.recalls.and(&self.live).members() {
            let answers = |place: usize| self.judge.effect(place).and_then(|effect| effect.answers);
            let beaten_by = self
                .judge
                .apart(recall, &take_overs)
                .members()
                .find(|take_over| answers(*take_over) == answers(recall));
            let Some(take_over) = beaten_by else { continue };
            let mut built = self.judge.after(recall).and(&binding);
            built.drop_all(&self.judge.aware_of(take_over));
            if built.is_empty() {
                self.live.remove(recall);
                self.standings.insert(recall, Standing::TooLate);
            }
        }
    }

    /// Of `binding`, what cannot count beside an act.
    fn rivals(&self, place: usize, binding: &Places) -> Places {
        let mut rivals = self.judge.rivals(place).and(binding);
        if let Some(late) = self.late_pairs.get(&place) {
            rivals.join(&late.and(binding));
        }
        rivals
    }

    /// Finds what excludes each other, marks it contested, and drops for now what lost by rank.
    fn contest(&mut self) {
        let binding = self.binding();
        let rivals: HashMap<usize, Places> = binding
            .members()
            .map(|place| (place, self.rivals(place, &binding)))
            .filter(|(_, rivals)| !rivals.is_empty())
            .collect();
        if rivals.is_empty() {
            return;
        }
        let mut left = binding;
        let mut against = self.against(&left, &rivals);
        let closure: Places = against.iter().map(|(place, _)| *place).collect();
        self.contested.join(&closure);
        // The branch with the highest rank counts for now, then the smaller act id; again for what is left.
        loop {
            let winner = against
                .into_iter()
                .max_by_key(|(place, _)| (self.judge.rank(*place), Reverse(self.judge.id(*place))));
            let Some((winner, losers)) = winner else { break };
            let mut gone = losers.clone();
            for loser in losers.members() {
                gone.join(&self.judge.aware_of(loser));
            }
            gone.drop_all(self.judge.known(winner));
            gone.drop_all(&self.judge.aware_of(winner));
            gone.remove(winner);
            gone.join(&losers);
            gone.keep(&self.judge.binding);
            left.drop_all(&gone);
            self.live.drop_all(&gone);
            against = self.against(&left, &rivals);
        }
    }

    /// Acts that exclude each other, and every other one whose author knew one side only; each with what excludes it
    /// or something it was built on, and was not known to its author.
    fn against(&self, left: &Places, rivals: &HashMap<usize, Places>) -> Vec<(usize, Places)> {
        let mut found = Vec::new();
        // For each change, everything that excludes something it brings or builds on.
        let mut sums: Vec<Places> = Vec::with_capacity(self.judge.links.len());
        for link in &self.judge.links {
            let mut sum = Places::default();
            for before in link.deps.iter().filter_map(|dep| sums.get(*dep)) {
                sum.join(before);
            }
            for place in link.items.clone().filter(|place| left.has(*place)) {
                let mut own = sum.clone();
                own.join(rivals.get(&place).unwrap_or(&NOTHING));
                own.keep(left);
                own.drop_all(self.judge.known(place));
                own.remove(place);
                if !own.is_empty() {
                    found.push((place, own));
                }
                for same in self.judge.repeats(place).and(left).members().chain([place]) {
                    sum.join(rivals.get(&same).unwrap_or(&NOTHING));
                }
            }
            sums.push(sum);
        }
        found
    }

    /// Acts done apart that leave the same behind count once: the one with the smallest id.
    fn drop_repeated(&mut self) {
        let mut dropped = Places::default();
        let binding = self.binding();
        for place in binding.members() {
            let repeats = self.judge.repeats(place).and(&binding);
            let has_smaller = repeats.members().any(|other| self.judge.id(other) < self.judge.id(place));
            if has_smaller {
                dropped.add(place);
                if !self.contested.has(place) {
                    self.standings.insert(place, Standing::Repeated);
                }
            }
        }
        self.live.drop_all(&dropped);
    }

    fn finish(mut self) -> Outcome {
        let mut process = Process::empty();
        for place in self.live.members() {
            if let Some(effect) = self.judge.effect(place) {
                process.take(effect);
            }
        }
        // A seat that was brought in keeps what it has, whatever becomes of the act.
        for joiner in self.judge.joiners(self.set).members() {
            if let Some(effect) = self.judge.effect(joiner) {
                process.parties.extend(effect.parties.iter().cloned());
            }
        }
        process.contested = self.ids(&self.contested);
        let contested = std::mem::take(&mut self.contested);
        self.stands(&contested, &Standing::Contested);
        Outcome { process, effective: self.live, standings: self.standings }
    }
}

static NOTHING: Places = Places::nowhere();
