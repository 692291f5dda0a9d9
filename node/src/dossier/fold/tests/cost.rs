//! How long judging takes, by this machine's clock in the profile tests run in: the best of several runs, since
//! the machine may be busy. A poison dossier must not hold up a node.

use super::bodies::*;
use super::machine::Machine;
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::dossier::act::ActId;
use crate::dossier::act::Body;
use crate::dossier::document::Document;
use crate::dossier::document::History;
use crate::dossier::document::RawChange;
use crate::dossier::document::Writing;
use crate::dossier::fold::State;
use crate::dossier::fold::fold;
use crate::dossier::specimen;
use sync_protocol::ids::BootId;
use sync_protocol::time::Millis;

/// The best of several runs, in milliseconds.
fn fold_ms(history: &History) -> (u64, State) {
    let clock = SystemClock::new();
    let mut best = (u64::MAX, fold(history));
    for _run in 0..5 {
        let before = clock.monotonic_ms();
        let state = fold(history);
        let taken = clock.monotonic_ms() - before;
        if taken < best.0 {
            best = (taken, state);
        }
    }
    best
}

/// A machine that writes without folding, for long histories.
struct Scribe {
    boot: BootId,
    document: Document,
    changes: Vec<RawChange>,
}

impl Scribe {
    fn of(machine: &Machine, number: u8) -> Self {
        let document = Document::load(machine.changes.iter().map(|change| change.bytes.as_slice())).unwrap();
        Self { boot: BootId([number; 16]), document, changes: machine.changes.clone() }
    }

    fn write(&mut self, generation: u32, body: impl Into<Body>) -> ActId {
        let acts = vec![specimen::plain("H27.102", generation, body)];
        let writing = Writing { acts, ..Writing::default() };
        let change = self.document.author(self.boot, Millis(5), &writing).unwrap();
        self.changes.push(change.clone());
        ActId { change: change.hash, index: 0 }
    }

    fn hear(&mut self, change: &RawChange) {
        if !self.changes.iter().any(|known| known.hash == change.hash) {
            self.document.apply(&change.bytes).unwrap();
            self.changes.push(change.clone());
        }
    }
}

fn scribes<const N: usize>() -> [Scribe; N] {
    let base = super::at_work();
    std::array::from_fn(|at| Scribe::of(&base, u8::try_from(10 + at).unwrap()))
}

#[test]
fn a_long_life_of_200_changes_is_folded_at_once() {
    let [mut one] = scribes();
    for at in 0..198 {
        if at % 3 == 0 {
            one.write(1, note());
        } else {
            one.write(1, step(&format!("B{at}")));
        }
    }
    assert_eq!(one.document.history().steps.len(), 200);
    let (taken_ms, state) = fold_ms(one.document.history());
    assert!(state.process.contested.is_empty());
    assert!(taken_ms < 20, "{taken_ms} ms");
}

#[test]
fn two_branches_of_500_changes_each_are_folded_in_time() {
    let [mut one, mut other] = scribes();
    for at in 0..500 {
        one.write(1, step(&format!("B{at}")));
        other.write(1, step(&format!("C{at}")));
    }
    for change in &other.changes {
        one.hear(change);
    }
    let (taken_ms, state) = fold_ms(one.document.history());
    assert_eq!(state.process.contested.len(), 1000);
    assert!(taken_ms < 400, "{taken_ms} ms");
}

/// The worst that two writers and a third who has seen another part of both each time can do: every one of his acts
/// is judged in a view of its own.
#[test]
fn views_that_differ_for_every_act_are_judged_in_time() {
    let [mut one, mut other, mut third] = scribes();
    for at in 0..330 {
        one.write(1, step(&format!("B{at}")));
        other.write(1, step(&format!("C{at}")));
    }
    for (left, right) in one.changes.iter().zip(&other.changes) {
        third.hear(left);
        third.hear(right);
        third.write(1, finish());
    }
    assert!(third.document.history().steps.len() > 980);
    let (taken_ms, state) = fold_ms(third.document.history());
    assert!(state.process.contested.len() > 600);
    assert!(taken_ms < 4_000, "{taken_ms} ms");
}

/// Conflict upon conflict, each inside the branch that the last one left open.
#[test]
fn nested_conflicts_and_settlements_are_folded_in_time() {
    let [mut one, mut other] = scribes();
    let mut generation = 1;
    for at in 0..250 {
        let left = one.write(generation, step(&format!("B{at}")));
        let right = other.write(generation, step(&format!("C{at}")));
        let (new_left, new_right) =
            (one.changes.last().unwrap().clone(), other.changes.last().unwrap().clone());
        one.hear(&new_right);
        other.hear(&new_left);
        if at % 2 == 0 {
            one.write(generation, settle(&[left, right], left));
            let settled = one.changes.last().unwrap().clone();
            other.hear(&settled);
            generation += 1;
        } else {
            let for_left = one.write(generation, settle(&[left, right], left));
            other.write(generation, settle(&[left, right], right));
            let (one_says, other_says) =
                (one.changes.last().unwrap().clone(), other.changes.last().unwrap().clone());
            one.hear(&other_says);
            other.hear(&one_says);
            one.write(generation + 1, settle(&[left, right], left));
            let ended = one.changes.last().unwrap().clone();
            other.hear(&ended);
            generation += 2;
            assert_ne!(for_left, left);
        }
    }
    let (taken_ms, state) = fold_ms(one.document.history());
    assert!(state.process.contested.is_empty(), "{}", state.process.contested.len());
    assert!(taken_ms < 4_000, "{taken_ms} ms");
}
