//! What the province decides: directories, machines, quarantined entries; and the adversary's turn.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::sync::Arc;

use motcua_node::control::Failure;
use motcua_node::roles::Office;
use motcua_node::roles::ban;
use motcua_node::roles::province;
use motcua_node::store::log::EntryFacts;
use motcua_node::store::log::EntryState;
use sync_protocol::ids::NodeId;
use sync_protocol::time::Millis;

use crate::faults::machine::BEGINNING;
use crate::faults::planted::Mistake;
use crate::sim::directory;
use crate::sim::directory::NODE_SEATS;
use crate::sim::plan::What;
use crate::sim::world::World;

/// Kept entries that are looked at.
const KEPT_MAX: usize = 2_000;
/// Machines banned, at most.
const BANS_MAX: usize = 2;

impl World {
    pub(super) fn publish(&mut self) {
        let Some(centre) = self.province.office.clone() else { return };
        self.versions += 1;
        province::import(&centre, &directory::text(self.versions)).unwrap();
        province::publish(&centre, None).unwrap();
        self.coverage.fault(What::Publish.name(), "at work");
        self.note(format!("directory {} is published", self.versions));
        // Now machines hold different ones.
        self.compare_states();
    }

    pub(super) fn enrol_late(&mut self) {
        if self.province.office.is_none() {
            return;
        }
        let is_free = |seat: &str| self.nodes.iter().all(|node| node.seat.as_str() != seat);
        if let Some(seat) = NODE_SEATS.into_iter().find(|seat| is_free(seat)) {
            if self.chance.percent(40) {
                self.enrol_by_pack(seat);
            } else {
                self.enrol(seat);
            }
            self.coverage.fault(What::Enrol.name(), "at work");
            self.note(format!("{seat} is enrolled"));
        }
    }

    /// A machine is lost; the province bans it and enrols another one for its seat. Whoever has it works on.
    pub(super) fn replace(&mut self) {
        let Some(centre) = self.province.office.clone() else { return };
        let place = self.chance.place(self.nodes.len());
        let id = self.nodes[place].id;
        let is_known = centre.store.read(|view| view.machine(id)).unwrap().is_some();
        if self.bans >= BANS_MAX || self.nodes[place].is_banned || !is_known {
            return;
        }
        self.coverage.fault(What::Replace.name(), self.state_of(place));
        self.bans += 1;
        let suspect_from = self.chance.percent(60).then_some(BEGINNING);
        let suspect_from = suspect_from.filter(|from| *from <= centre.clock().wall());
        let answer = match ban::ban(&centre, &id.to_string(), "máy bị mất", suspect_from) {
            Err(Failure::Refused(refusal)) if refusal.code == "enrol-no-machine" => {
                // Put back to before its enrolment; it is in the list again once it has called.
                self.note(format!("{id} is not known and not banned"));
                return;
            }
            answer => answer.unwrap(),
        };
        self.note(format!("{id} is banned: {}", answer["suspect_dossiers"]));
        if self.mistake == Some(Mistake::DoubledMark) {
            mark_again(&centre, id);
        }
        self.coverage.add("dossiers marked for review", answer["suspect_dossiers"].as_u64().unwrap_or(0));
        for place in 0..self.nodes.len() {
            if self.nodes[place].id == id {
                self.nodes[place].is_banned = true;
                // The door closes the sessions of a banned machine.
                self.hang_up(place);
            }
        }
        let seat = self.nodes[place].seat.to_string();
        drop(centre);
        self.enrol(&seat);
    }

    pub(super) fn attack(&mut self) {
        let Some(centre) = self.province.office.clone() else { return };
        self.coverage.fault(What::Adversary.name(), "at work");
        let others: Vec<NodeId> =
            self.nodes.iter().map(|node| node.id).chain([centre.identity.node()]).collect();
        for part in 0..2 {
            let planted = self.plant(self.adversary.id);
            let outcome =
                self.adversary.sync(&centre, planted).unwrap_or_else(|why| panic!("adversary: {why}"));
            self.note(format!("the adversary's session: {outcome:?}"));
            for _ in 0..(1 - part) * (1 + self.chance.below(6)) {
                let what = self.adversary.write(&mut self.chance, &others);
                self.coverage.count(what);
                self.note(format!("the adversary writes {what}"));
            }
        }
    }

    pub(super) fn decide(&mut self) {
        let Some(centre) = self.province.office.clone() else { return };
        let kept = centre.store.read(|view| view.quarantine(None, KEPT_MAX)).unwrap();
        if let Some(entry) = self.chance.pick(&kept) {
            self.decide_about(&centre, entry);
        }
    }

    /// A person decides about everything that is kept of machines at work. Whether there was anything.
    pub(super) fn decide_about_all(&mut self) -> bool {
        let centre = Arc::clone(self.province.office());
        let kept = centre.store.read(|view| view.quarantine(None, KEPT_MAX)).unwrap();
        let is_at_work =
            |machine: NodeId| self.nodes.iter().any(|node| node.id == machine && !node.is_banned);
        let kept: Vec<EntryFacts> = kept
            .into_iter()
            .filter(|entry| entry.state == EntryState::Quarantined && entry.machine.is_some_and(is_at_work))
            .collect();
        kept.iter().for_each(|entry| self.decide_about(&centre, entry));
        !kept.is_empty()
    }

    fn decide_about(&mut self, centre: &Office, entry: &EntryFacts) {
        let id = entry.id.to_string();
        let is_open = entry.state == EntryState::Quarantined;
        match self.chance.below(3) {
            0 if is_open => {
                let decided = province::quarantine_release(centre, &[id], None).unwrap();
                self.note(format!("released: {decided}"));
                self.coverage.count("quarantine released");
            }
            1 if is_open => {
                match province::quarantine_void(centre, &[id], "thử") {
                    Ok(decided) => self.note(format!("voided: {decided}")),
                    Err(failure) => self.note(format!("not voided: {failure:?}")),
                }
                self.coverage.count("quarantine voided");
            }
            // What the province refused by itself a person can confirm.
            _ => match province::quarantine_refuse(centre, &id, "thử") {
                Ok(decided) => {
                    self.note(format!("refused: {decided}"));
                    self.coverage.count("quarantine refused");
                    self.model.corrected.extend(entry.machine);
                }
                Err(Failure::Refused(refusal)) if !is_open && refusal.code == "quarantine-not-found" => {
                    self.coverage.count("refused already");
                }
                Err(failure) => panic!("{entry:?} cannot be refused: {failure:?}"),
            },
        }
    }
}

/// Marks for review a second time what a ban has marked: the mistake of [`Mistake::DoubledMark`].
fn mark_again(centre: &Arc<Office>, id: NodeId) {
    let held = centre.shelf.held().unwrap();
    let desk = centre.desk.clone();
    centre
        .store
        .write(move |tx| {
            for (doc, changes) in tx.applied_since(id, Millis(BEGINNING.0))? {
                desk.mark_for_review(tx, &held, doc, &changes, "máy bị mất")?;
            }
            Ok(())
        })
        .unwrap();
}
