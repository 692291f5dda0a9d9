//! What goes wrong with lines, power, clocks and disks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::sync::Arc;

use sync_protocol::time::Millis;

use crate::faults::call::Call;
use crate::faults::call::When;
use crate::faults::machine::BEGINNING;
use crate::faults::machine::Files;
use crate::sim::plan::What;
use crate::sim::world::World;

const DAY_MS: i64 = 24 * 3_600_000;

impl World {
    pub(super) fn cut(&mut self) {
        if self.calls.is_empty() {
            return;
        }
        let at = self.chance.place(self.calls.len());
        let call = self.calls.remove(at);
        self.note(format!("the line of {} is cut: {call:?}", self.nodes[call.node].machine.name));
        self.coverage.fault(What::Cut.name(), call.phase.name());
        call.hang_up();
    }

    pub(super) fn lose_ack(&mut self) {
        for _ in 0..60 {
            if let Some(at) = self.calls.iter().position(Call::has_ack_under_way) {
                let call = self.calls.remove(at);
                self.note(format!("an ack to {} is lost", self.nodes[call.node].machine.name));
                self.coverage.fault(What::AckLost.name(), call.phase.name());
                call.hang_up();
                return;
            }
            if !self.deliver_one() {
                return;
            }
        }
    }

    pub(super) fn partition(&mut self) {
        let (until, share) = (self.step + 5 + self.chance.place(60), self.chance.below(100));
        for place in 0..self.nodes.len() {
            if self.chance.percent(share) {
                self.coverage.fault(What::Partition.name(), self.state_of(place));
                self.nodes[place].cut_off_until = until;
                self.hang_up(place);
            }
        }
        self.note(format!("a partition until step {until}"));
    }

    pub(super) fn doom(&mut self) {
        if self.calls.is_empty() {
            return;
        }
        let at = self.chance.place(self.calls.len());
        let (is_node, calls) = (self.chance.percent(55), self.chance.below(6));
        let machine = if is_node { &self.nodes[self.calls[at].node].machine } else { &self.province };
        let when = match self.chance.below(3) {
            0 => When::Before,
            1 => When::After,
            _ => When::During(machine.place()),
        };
        let name = machine.name.clone();
        self.note(format!("the power of {name} fails after {calls} calls of its store"));
        self.calls[at].doom(is_node, calls, when);
    }

    /// The power fails while an officer's work is written: nobody was told, so it may be there or not, but whole.
    pub(super) fn fail_at_desk(&mut self) {
        let Some(place) = self.running() else { return };
        self.coverage.fault(What::PowerAtDesk.name(), self.state_of(place));
        self.hang_up(place);
        let office = Arc::clone(self.nodes[place].machine.office());
        let before = Files::read(&self.nodes[place].machine.place());
        let (_, line) = self.lodging(place);
        let nobody_is_told = office.desk.lodge(&line, false).wait();
        drop(office);
        if let Ok(answer) = nobody_is_told
            && self.model.imaged.contains(&self.nodes[place].id)
        {
            // What became of it is not known, and the other image draws the same number.
            self.model.namesakes.extend(answer["number"].as_str().map(str::to_owned));
        }
        self.note(format!("the power of {} fails at the desk", self.nodes[place].machine.name));
        self.kill_node(place, Some(&before));
        self.start_node(place);
    }

    pub(super) fn double(&mut self) {
        if self.calls.is_empty() {
            return;
        }
        let at = self.chance.place(self.calls.len());
        let is_node = self.chance.percent(50);
        self.calls[at].double(is_node);
        self.coverage.fault(What::Doubled.name(), self.calls[at].phase.name());
        self.note(format!("session {at} delivers twice, to the node {is_node}"));
    }

    pub(super) fn set_clock(&mut self) {
        let shift_ms = match self.chance.below(6) {
            0 => DAY_MS * 400,
            1 => -DAY_MS * 40,
            2 => -BEGINNING.0,
            3 => DAY_MS,
            4 => -DAY_MS,
            _ => -3_600_000,
        };
        let place = self.chance.place(self.nodes.len() + 2);
        let state = match self.nodes.get(place) {
            Some(_) => self.state_of(place),
            None => self.province_state(),
        };
        let machine = self.nodes.get(place).map_or(&self.province, |node| &node.machine);
        machine.clock.set(Millis(BEGINNING.0 + shift_ms));
        let name = machine.name.clone();
        self.coverage.fault(What::Clock.name(), state);
        self.note(format!("the clock of {name} jumps to {shift_ms} ms after the beginning"));
    }

    /// A disk is full: its machine works on as far as it can, until there is room again.
    pub(super) fn fill_disk(&mut self) {
        let place = self.chance.place(self.nodes.len() + 1);
        if place == self.nodes.len() {
            let Some(_running) = &self.province.office else { return };
            let state = self.province_state();
            self.coverage.fault("disk full at the province", state);
            std::mem::take(&mut self.calls).into_iter().for_each(Call::hang_up);
            self.province.stop();
            self.province.is_disk_full = true;
            self.start_province();
            self.note("the province's disk is full");
            self.exchange();
            self.act_hosted();
            std::mem::take(&mut self.calls).into_iter().for_each(Call::hang_up);
            self.province.stop();
            self.province.is_disk_full = false;
            self.start_province();
            return;
        }
        if self.nodes[place].machine.office.is_none() {
            return;
        }
        self.coverage.fault(What::DiskFull.name(), self.state_of(place));
        self.hang_up(place);
        self.nodes[place].machine.stop();
        self.nodes[place].machine.is_disk_full = true;
        self.start_node(place);
        self.note(format!("the disk of {} is full", self.nodes[place].machine.name));
        for _ in 0..3 + self.chance.below(20) {
            self.lodge_at(place);
        }
        if self.province.office.is_some() && !self.nodes[place].is_banned && self.can_dial(place) {
            let call = self.call(place, false);
            self.calls.push(call);
            for _ in 0..200 {
                if !self.deliver_one() {
                    break;
                }
            }
        }
        self.hang_up(place);
        if self.nodes[place].machine.office.is_some() {
            self.end_node(place);
        }
        self.nodes[place].machine.is_disk_full = false;
        self.start_node(place);
    }
}
