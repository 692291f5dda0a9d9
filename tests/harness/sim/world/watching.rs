//! What is looked at while faults go on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use motcua_node::roles::Office;
use motcua_node::store::Reader;
use sync_protocol::ids::DocId;
use sync_protocol::ids::NodeId;

use crate::sim::watch;
use crate::sim::world::Answered;
use crate::sim::world::World;

/// Documents on which machines are compared each time.
const COMPARED_DOCS: usize = 6;

impl World {
    /// Looks at every machine that runs.
    ///
    /// # Panics
    /// Something is not as it must be at any moment.
    pub fn watch(&mut self) {
        let machines: Vec<NodeId> =
            self.nodes.iter().map(|node| node.id).chain([self.adversary.id]).collect();
        if let Some(centre) = self.province.office.clone() {
            let all: Vec<NodeId> = machines.iter().copied().chain([centre.identity.node()]).collect();
            let now = watch::standings("province", &centre, &all);
            if let Some(before) = self.standings.insert("province".to_owned(), now.clone()) {
                watch::check_moves("province", &before, &now, false, &mut self.coverage);
            }
            if !self.model.is_province_behind {
                self.check_acks();
            }
        }
        for place in 0..self.nodes.len() {
            let Some(office) = self.nodes[place].machine.office.clone() else { continue };
            let name = self.nodes[place].machine.name.clone();
            let now = watch::standings(&name, &office, &[self.nodes[place].id]);
            if let Some(before) = self.standings.insert(name.clone(), now.clone()) {
                let has_been_behind = self.model.has_province_been_behind;
                watch::check_moves(&name, &before, &now, has_been_behind, &mut self.coverage);
            }
        }
        self.compare_states();
    }

    pub(super) fn compare_states(&mut self) {
        let docs: Vec<DocId> = self.model.lodged.values().map(|lodged| lodged.doc).collect();
        let docs: Vec<DocId> = (0..COMPARED_DOCS).filter_map(|_| self.chance.pick(&docs).copied()).collect();
        let offices: Vec<(&str, &Office)> = self
            .nodes
            .iter()
            .map(|node| &node.machine)
            .chain([&self.province])
            .filter_map(|machine| Some((machine.name.as_str(), machine.office.as_deref()?)))
            .collect();
        watch::check_same_sets_show_the_same(&offices, &docs, self.mistake, &mut self.coverage);
    }

    /// What a machine answered is on its disk whenever it starts.
    pub(super) fn check_answers_held(&self, place: usize) {
        let node = &self.nodes[place];
        let office = node.machine.office();
        let is_alone = self.nodes.iter().filter(|other| other.id == node.id).count() == 1;
        let recent = self.model.answered.iter().rev().filter(|answered| answered.by == node.id && is_alone);
        for answered in recent.take(12).filter(|answered| !self.model.gone.contains(&answered.change)) {
            let facts = office.store.read(|view| view.change_facts(answered.doc, answered.change)).unwrap();
            // What was put back comes from the province again, and may not have yet; that was perhaps put back, too.
            let is_elsewhere = || {
                self.model.has_province_been_behind
                    && self.changes_elsewhere(place).contains(&answered.change)
            };
            assert!(
                facts.is_some() || self.province_has(answered) || is_elsewhere(),
                "{}: what was answered is not there: {answered:?}",
                node.machine.name
            );
        }
    }

    pub(super) fn province_has(&self, answered: &Answered) -> bool {
        let machine = &self.province;
        let reader = Reader::open(&machine.dir, machine.clock.as_ref()).unwrap();
        reader.read(|view| view.change_facts(answered.doc, answered.change)).unwrap().is_some()
    }

    /// The province holds what it said it holds, whenever its process ended.
    pub(super) fn check_acks(&self) {
        if self.model.is_province_behind {
            return;
        }
        let centre = self.province.office();
        let has_been_behind = self.model.has_province_been_behind;
        // A banned machine does not hear of it any more.
        for node in self.nodes.iter().filter(|node| !(node.is_banned && has_been_behind)) {
            let Some(office) = &node.machine.office else { continue };
            for log in office.store.read(|view| view.own_logs()).unwrap() {
                let here =
                    centre.store.read(|view| view.log_head(log.boot)).unwrap().map_or(0, |head| head.lsn);
                let told = log.acked_lsn.max(log.proved_lsn);
                let name = &node.machine.name;
                assert!(
                    told <= here,
                    "{name} was told that {told} entries of a log are at the province: {here} are"
                );
            }
        }
    }
}
