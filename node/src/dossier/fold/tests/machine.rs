//! Machines of several seats, each with its own copy of one dossier, that exchange changes or do not.

use std::collections::BTreeSet;

use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::time::Millis;

use crate::dossier::act::Act;
use crate::dossier::act::ActId;
use crate::dossier::act::Body;
use crate::dossier::act::CorrectField;
use crate::dossier::document::Document;
use crate::dossier::document::RawChange;
use crate::dossier::document::Writing;
use crate::dossier::fold::Standing;
use crate::dossier::fold::State;
use crate::dossier::fold::fold;
use crate::dossier::fold::may_do;
use crate::dossier::specimen;
use crate::ids::AgencyCode;

pub(super) struct Machine {
    pub(super) boot: BootId,
    pub(super) seat: AgencyCode,
    pub(super) document: Document,
    pub(super) changes: Vec<RawChange>,
    known: BTreeSet<ChangeHash>,
    clock: i64,
}

impl Machine {
    pub(super) fn new(number: u8, seat: &str) -> Self {
        Self {
            boot: BootId([number; 16]),
            seat: specimen::code(seat),
            document: Document::new(),
            changes: Vec::new(),
            known: BTreeSet::new(),
            clock: i64::from(number),
        }
    }

    /// Another machine that holds what this one holds.
    pub(super) fn twin(&self, number: u8, seat: &str) -> Self {
        let mut twin = Self::new(number, seat);
        twin.hear(self);
        twin
    }

    pub(super) fn state(&self) -> State {
        fold(self.document.history())
    }

    pub(super) fn act(&self, body: impl Into<Body>) -> Act {
        specimen::plain(self.seat.as_str(), self.state().process.generation, body)
    }

    /// Writes an act without asking whether it may be done.
    pub(super) fn write(&mut self, body: impl Into<Body>) -> ActId {
        let act = self.act(body);
        self.commit(vec![act], Vec::new())
    }

    pub(super) fn commit(&mut self, acts: Vec<Act>, fields: Vec<(String, String)>) -> ActId {
        self.clock += 1000;
        let writing = Writing { fields, papers: Vec::new(), acts };
        let change = self.document.author(self.boot, Millis(self.clock), &writing).unwrap();
        let id = ActId { change: change.hash, index: 0 };
        self.known.insert(change.hash);
        self.changes.push(change);
        id
    }

    /// Writes an act if the desk would.
    pub(super) fn try_write(&mut self, body: impl Into<Body>) -> Result<ActId, &'static str> {
        let act = self.act(body);
        may_do(self.document.history(), &self.state(), &act)?;
        Ok(self.commit(vec![act], Vec::new()))
    }

    /// As [`Machine::try_write`], where the table must allow it.
    pub(super) fn does(&mut self, body: impl Into<Body>) -> ActId {
        let body = body.into();
        self.try_write(body.clone()).unwrap_or_else(|code| panic!("{code}: {body:?}"))
    }

    pub(super) fn try_correct(&mut self, field: &str, value: &str) -> Result<ActId, &'static str> {
        let act = self.act(CorrectField { field: field.to_owned() });
        may_do(self.document.history(), &self.state(), &act)?;
        Ok(self.commit(vec![act], vec![(field.to_owned(), value.to_owned())]))
    }

    pub(super) fn receive(&mut self, competent: &str) -> ActId {
        let act = self.act(specimen::receipt(self.seat.as_str(), competent));
        self.commit(vec![act], vec![("owner.name".to_owned(), "Nguyễn Văn Thử".to_owned())])
    }

    pub(super) fn hear(&mut self, other: &Self) {
        self.take(&other.changes);
    }

    /// Takes in changes, each after what it builds on.
    pub(super) fn take(&mut self, changes: &[RawChange]) {
        for change in changes {
            if self.known.insert(change.hash) {
                self.document.apply(&change.bytes).unwrap();
                self.changes.push(change.clone());
            }
        }
    }

    pub(super) fn standing(&self, id: ActId) -> Standing {
        self.state().acts.into_iter().find(|act| act.id == id).unwrap().standing
    }

    pub(super) fn contested(&self) -> BTreeSet<ActId> {
        self.state().process.contested.into_iter().collect()
    }
}

/// Both hear each other, and then see the same.
pub(super) fn meet(one: &mut Machine, other: &mut Machine) {
    one.hear(other);
    other.hear(one);
    assert_eq!(summary(&one.state()), summary(&other.state()));
}

/// Everybody hears everybody.
pub(super) fn gather(machines: &mut [&mut Machine]) {
    for _round in 0..2 {
        for place in 1..machines.len() {
            let (before, rest) = machines.split_at_mut(place);
            let Some(here) = rest.first_mut() else { continue };
            for other in before {
                here.hear(other);
                other.hear(here);
            }
        }
    }
    let states: BTreeSet<String> = machines.iter().map(|machine| summary(&machine.state())).collect();
    assert_eq!(states.len(), 1);
}

/// All that must be equal on machines that hold the same changes.
pub(super) fn summary(state: &State) -> String {
    let acts: Vec<_> = state.acts.iter().map(|act| (act.id, &act.standing, act.is_effective)).collect();
    format!(
        "{:?} {acts:?} {:?} {:?} {:?} {:?} {}",
        state.process, state.fields, state.review, state.received_at, state.heads, state.is_computable
    )
}
