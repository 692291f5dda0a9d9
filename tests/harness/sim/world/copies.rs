//! Directories that are copied, put back, cloned or imaged.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use motcua_node::store::Reader;
use motcua_node::store::StoreError;
use motcua_node::store::View;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::NodeId;
use sync_protocol::time::Millis;

use crate::faults::chance::SeededRandom;
use crate::faults::machine::BEGINNING;
use crate::faults::machine::Machine;
use crate::faults::planted::Mistake;
use crate::sim::plan::What;
use crate::sim::world::Copied;
use crate::sim::world::World;

/// Copies of one machine at work beside the original.
const CLONES_MAX: usize = 2;

impl World {
    pub(super) fn copy(&mut self) {
        self.copies += 1;
        let dir = self.place.path().join(format!("copy-{}", self.copies));
        if self.chance.percent(25) {
            self.province.copy_to(&dir);
            self.province_copies.push(dir);
            self.note("the province is copied");
            return;
        }
        let place = self.chance.place(self.nodes.len());
        let node = &mut self.nodes[place];
        node.machine.copy_to(&dir);
        let begun = node.machine.begun_series();
        node.copies.push(Copied { dir, begun });
        self.note(format!("{} is copied", self.nodes[place].machine.name));
    }

    /// Whether a directory in which these series had been begun may go to work without its witness at this place
    /// (beside all, when there is none) and no number can repeat: no other copy draws from, or will draw from, what
    /// it takes next. Otherwise nobody can know of the other: domain.md 2.6, case C6.
    pub(super) fn is_detectable(&self, id: NodeId, begun: &BTreeSet<String>, place: Option<usize>) -> bool {
        let family = self.nodes.iter().enumerate().filter(|(_, node)| node.id == id);
        family.clone().all(|(_, node)| node.machine.begun_series() == *begun)
            && family
                .filter(|(other, _)| Some(*other) != place)
                .all(|(_, node)| node.machine.has_series_in_use())
    }

    /// An earlier copy takes the place of the directory; what only the newer one held is gone.
    pub(super) fn put_back(&mut self) {
        let place = self.chance.place(self.nodes.len());
        let is_imaged = self.model.imaged.contains(&self.nodes[place].id);
        if self.nodes[place].copies.is_empty() || self.nodes[place].is_banned || is_imaged {
            return;
        }
        let copy = self.chance.place(self.nodes[place].copies.len());
        let state = self.state_of(place);
        self.end_node(place);
        let copied = &self.nodes[place].copies[copy];
        let (dir, begun) = (copied.dir.clone(), copied.begun.clone());
        let is_detectable = self.is_detectable(self.nodes[place].id, &begun, Some(place));
        let is_witness_kept = !is_detectable || self.chance.percent(50);
        let before = self.changes_at(&self.nodes[place].machine);
        let elsewhere = self.changes_elsewhere(place);
        self.nodes[place].machine.put_back(&dir, is_witness_kept);
        self.disturb(self.nodes[place].id);
        let after = self.changes_at(&self.nodes[place].machine);
        self.model
            .gone
            .extend(before.difference(&after).filter(|change| !elsewhere.contains(*change)).copied());
        let fault =
            if is_witness_kept { "copy put back, witness kept" } else { "copy put back without witness" };
        self.coverage.fault(fault, state);
        let name = self.nodes[place].machine.name.clone();
        self.standings.remove(&name);
        self.note(format!("{name} put back from {}, witness kept {is_witness_kept}", dir.display()));
        self.start_node(place);
    }

    /// Who works under this identity may be told that it was copied or put back.
    fn disturb(&mut self, id: NodeId) {
        self.nodes.iter_mut().filter(|node| node.id == id).for_each(|node| node.is_disturbed = true);
    }

    pub(super) fn changes_at(&self, machine: &Machine) -> BTreeSet<ChangeHash> {
        let reader = Reader::open(&machine.dir, machine.clock.as_ref()).unwrap();
        reader.read(changes).unwrap()
    }

    /// Every change that is anywhere but on this machine.
    pub(super) fn changes_elsewhere(&self, place: usize) -> BTreeSet<ChangeHash> {
        let others = self.nodes.iter().enumerate().filter(|(other, _)| *other != place);
        let machines = others.map(|(_, node)| &node.machine).chain([&self.province]);
        machines.flat_map(|machine| self.changes_at(machine)).collect()
    }

    /// A copy of a directory goes to work beside the original, without its witness.
    pub(super) fn clone_machine(&mut self) {
        let place = self.chance.place(self.nodes.len());
        let id = self.nodes[place].id;
        let clones = self.nodes.iter().filter(|node| node.id == id && node.is_clone).count();
        let begun = self.nodes[place].machine.begun_series();
        let may = self.is_detectable(id, &begun, None) && !self.model.imaged.contains(&id);
        if clones >= CLONES_MAX || self.nodes[place].is_banned || !may {
            return;
        }
        let state = self.state_of(place);
        let is_running = self.nodes[place].machine.office.is_some();
        if is_running {
            self.end_node(place);
        }
        let name = format!("{}-clone-{}", self.nodes[place].machine.name, clones + 1);
        let mut machine = Machine::new(self.place.path(), &name);
        if self.mistake == Some(Mistake::CounterWithoutWitness) {
            machine.witness = machine.dir.join("witness");
        }
        self.nodes[place].machine.copy_to(&machine.dir);
        if is_running {
            self.start_node(place);
        }
        let apart_ms = i64::try_from(self.chance.below(3_600_000)).unwrap_or(0);
        machine.clock.set(Millis(BEGINNING.0 + apart_ms));
        machine.start(self.chance.draw());
        let clone = self.nodes[place].copy_as(machine);
        self.add(clone);
        self.disturb(id);
        self.coverage.fault(What::Clone.name(), state);
        self.note(format!("{name} went to work"));
    }

    /// A perfect image of a running machine goes on beside it: the same process, boot and witness, as far as both know.
    /// Two processes with the same files, clock and random bytes do the same until their random bytes part.
    pub(super) fn image(&mut self) {
        let place = self.chance.place(self.nodes.len());
        let id = self.nodes[place].id;
        let is_copied = self.nodes.iter().filter(|node| node.id == id).count() > 1;
        if is_copied || self.nodes[place].is_banned || self.nodes[place].machine.office.is_none() {
            return;
        }
        let state = self.state_of(place);
        self.hang_up(place);
        self.nodes[place].machine.stop();
        let name = format!("{}-image", self.nodes[place].machine.name);
        let mut image = self.nodes[place].machine.image(self.place.path(), &name);
        let seed = self.chance.draw();
        let (ours, theirs) = (Arc::new(SeededRandom::new(seed)), Arc::new(SeededRandom::new(seed)));
        self.nodes[place].machine.start_with(Arc::clone(&ours));
        image.start_with(Arc::clone(&theirs));
        for _ in 0..1 + self.chance.below(4) {
            let (_, line) = self.lodging(place);
            let [first, second] = [&self.nodes[place].machine, &image]
                .map(|machine| machine.office().desk.lodge(&line, false).wait());
            match (first, second) {
                (Ok(first), Ok(second)) => {
                    assert_eq!(first, second, "{name} is no image");
                    self.answered_lodging(place, &first);
                }
                (Err(first), Err(_)) => self.refused(place, "lodge", &first),
                (first, second) => panic!("{name} is no image: {first:?}, {second:?}"),
            }
        }
        ours.reseed(self.chance.draw());
        theirs.reseed(self.chance.draw());
        if self.mistake == Some(Mistake::ReissueKeepsBoot) {
            ours.keep_boot();
            theirs.keep_boot();
        }
        self.model.imaged.insert(id);
        let image = self.nodes[place].copy_as(image);
        self.add(image);
        self.disturb(id);
        self.coverage.fault(What::Image.name(), state);
        self.note(format!("{name} goes on beside the original"));
    }

    pub(super) fn restore_province(&mut self) {
        let Some(copy) = self.chance.pick(&self.province_copies).cloned() else { return };
        let state = self.province_state();
        self.calls.clear();
        self.province.stop();
        let is_witness_kept = self.chance.percent(50);
        let before = self.changes_at(&self.province);
        self.province.put_back(&copy, is_witness_kept);
        // What no machine holds that may still call.
        let callers = self.nodes.iter().filter(|node| !node.is_banned).map(|node| &node.machine);
        let left: BTreeSet<ChangeHash> =
            callers.chain([&self.province]).flat_map(|machine| self.changes_at(machine)).collect();
        self.model.gone.extend(before.difference(&left).copied());
        self.model.is_province_behind = true;
        self.model.has_province_been_behind = true;
        self.standings.remove("province");
        let fault = if is_witness_kept {
            "province put back, witness kept"
        } else {
            "province put back without witness"
        };
        self.coverage.fault(fault, state);
        self.note(format!("the province put back from {}", copy.display()));
        self.start_province();
    }
}

/// Every change that is here, whatever became of it.
fn changes(view: &View<'_>) -> Result<BTreeSet<ChangeHash>, StoreError> {
    let mut found = BTreeSet::new();
    for (_, doc) in view.documents_by_number(None, usize::from(u16::MAX))? {
        found.extend(view.changes_of(doc)?.into_iter().map(|change| change.facts.hash));
    }
    Ok(found)
}
