//! Processes end, die and start.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use crate::faults::call::Call;
use crate::faults::machine::Files;
use crate::sim::plan::What;
use crate::sim::world::World;

impl World {
    pub(super) fn kill_node(&mut self, place: usize, during: Option<&Files>) {
        let chance = &mut self.chance;
        let machine = &mut self.nodes[place].machine;
        match during {
            Some(files) => machine.kill_during(files, chance),
            None => machine.kill(),
        }
    }

    pub(super) fn kill_province(&mut self, during: Option<&Files>) {
        self.calls.clear();
        match during {
            Some(files) => self.province.kill_during(files, &mut self.chance),
            None => self.province.kill(),
        }
    }

    pub(super) fn start_node(&mut self, place: usize) {
        let seed = self.chance.draw();
        self.nodes[place].machine.start(seed);
        self.check_answers_held(place);
    }

    pub(super) fn start_province(&mut self) {
        let seed = self.chance.draw();
        self.province.start(seed);
        self.check_acks();
    }

    pub(super) fn end_node(&mut self, place: usize) {
        self.hang_up(place);
        if self.chance.percent(50) {
            self.nodes[place].machine.stop();
        } else {
            self.kill_node(place, None);
        }
    }

    /// One that runs ends; most of the time it starts again at once. One that does not run is started.
    pub(super) fn restart_node(&mut self) {
        let place = self.chance.place(self.nodes.len());
        self.coverage.fault(What::RestartNode.name(), self.state_of(place));
        if self.nodes[place].machine.office.is_some() {
            self.end_node(place);
            if self.chance.percent(30) {
                return;
            }
        }
        self.start_node(place);
        self.note(format!("{} started again", self.nodes[place].machine.name));
    }

    pub(super) fn restart_province(&mut self) {
        let state = self.province_state();
        self.coverage.fault(What::RestartProvince.name(), state);
        if self.province.office.is_some() {
            if self.chance.percent(50) {
                std::mem::take(&mut self.calls).into_iter().for_each(Call::hang_up);
                self.province.stop();
            } else {
                self.kill_province(None);
            }
            if self.chance.percent(30) {
                self.note("the province is off");
                return;
            }
        }
        self.start_province();
        self.note("the province started again");
    }
}
