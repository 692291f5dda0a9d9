//! Sessions: who calls, what arrives, how they end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::sync::Arc;

use sync_protocol::frame::ByeCode;
use sync_protocol::ids::NodeId;
use sync_protocol::limits::SESSION_HELD_BYTES_MAX;
use sync_protocol::session::node::NodeStatistics;

use crate::faults::call::Call;
use crate::faults::call::Delivery;
use crate::faults::call::Over;
use crate::faults::planted::Plant;
use crate::sim::plan::What;
use crate::sim::world::World;

/// Sessions at once, of all machines.
const CALLS_MAX: usize = 10;
/// More is never under way in one direction of a session: what a link takes in, and one frame.
const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;

impl World {
    pub(super) fn plant(&self, node: NodeId) -> Option<Plant> {
        self.mistake.map(|mistake| Plant::new(mistake, node, &self.memory))
    }

    pub(super) fn call(&mut self, place: usize, is_live: bool) -> Call {
        let number = self.chance.draw();
        let office = Arc::clone(self.nodes[place].machine.office());
        let planted = self.plant(self.nodes[place].id);
        Call::new(place, &office, self.province.office(), is_live, number, planted)
    }

    pub(super) fn dial(&mut self) {
        let Some(place) = self.running() else { return };
        if self.province.office.is_none() || self.calls.len() >= CALLS_MAX {
            return;
        }
        if self.nodes[place].cut_off_until > self.step || !self.can_dial(place) {
            self.coverage.count("dialled in vain");
            return;
        }
        let is_second = self.calls.iter().any(|call| call.node == place);
        if is_second && !self.chance.percent(20) {
            return;
        }
        if is_second {
            self.coverage.count("second session of one machine");
        }
        let is_live = self.chance.percent(50);
        let call = self.call(place, is_live);
        self.calls.push(call);
        self.coverage.count("dialled");
        self.note(format!("{} dialled, live {is_live}", self.nodes[place].machine.name));
    }

    /// Some of what is under way arrives.
    pub(super) fn talk(&mut self) {
        for _ in 0..1 + self.chance.below(160) {
            if !self.deliver_one() {
                return;
            }
        }
    }

    pub(super) fn deliver_one(&mut self) -> bool {
        if self.calls.is_empty() {
            return false;
        }
        let at = self.chance.place(self.calls.len());
        if self.chance.percent(4) {
            self.calls[at].lose_news();
            self.coverage.count("news lost");
        }
        let mut deliverable = self.calls[at].deliverable();
        if self.chance.percent(10) {
            deliverable.extend([Delivery::NodeTick, Delivery::ProvinceTick]);
        }
        if let Some(what) = self.chance.pick(&deliverable) {
            self.calls[at].deliver(*what);
            self.coverage.count("delivered");
        }
        self.bury();
        true
    }

    pub(super) fn exchange(&mut self) {
        for place in 0..self.nodes.len() {
            let node = &self.nodes[place];
            let can = self.can_dial(place) && node.cut_off_until <= self.step && !node.is_banned;
            let is_busy = self.calls.iter().any(|call| call.node == place);
            if can && !is_busy && self.province.office.is_some() && self.calls.len() < CALLS_MAX {
                let call = self.call(place, false);
                self.calls.push(call);
            }
        }
        for _ in 0..3_000 {
            if !self.deliver_one() || self.calls.iter().all(|call| call.deliverable().is_empty()) {
                return;
            }
        }
    }

    /// Calls that are over are looked at and forgotten.
    pub(super) fn bury(&mut self) {
        while let Some(at) = self.calls.iter().position(|call| call.over.is_some()) {
            let mut call = self.calls.remove(at);
            let (place, phase) = (call.node, call.phase.name());
            let over = call.over.clone().unwrap_or(Over::Partial);
            let files = call.take_files();
            assert!(call.line_bytes_max <= LINE_BYTES_MAX, "{} bytes were under way", call.line_bytes_max);
            let held_bytes = call.held_bytes_max;
            assert!(held_bytes <= SESSION_HELD_BYTES_MAX, "a session held {held_bytes} bytes");
            if matches!(over, Over::PowerFailed(_)) {
                drop(call)
            } else {
                call.hang_up()
            }
            let name = self.nodes[place].machine.name.clone();
            self.note(format!("{name}'s session is over: {over:?}"));
            match over {
                Over::Converged => {
                    self.coverage.count("sessions proved");
                    self.hear_time(place);
                }
                Over::Partial => self.coverage.count("sessions partial"),
                Over::Moved => self.coverage.count("sessions moved"),
                Over::Silent => self.coverage.count("sessions silent for too long"),
                Over::Refused(ByeCode::Banned) => {
                    assert!(self.nodes[place].is_banned, "{name} is told that it is banned");
                    self.coverage.count("sessions of a banned machine refused");
                }
                Over::Refused(code) => {
                    self.coverage.count("sessions refused");
                    assert!(code.is_retryable(), "{name} was refused: {code:?}");
                }
                Over::PowerFailed(true) => {
                    self.coverage.fault(What::PowerInSession.name(), phase);
                    self.hang_up(place);
                    self.kill_node(place, files.as_ref());
                    self.start_node(place);
                }
                Over::PowerFailed(false) => {
                    self.coverage.fault("power fails at the province", phase);
                    self.kill_province(files.as_ref());
                    self.start_province();
                }
                Over::Wrong(what) => {
                    let is_full = self.province.is_disk_full || self.nodes[place].machine.is_disk_full;
                    assert!(is_full && what.contains("DiskFull"), "{name}: {what}");
                    self.coverage.count("sessions ended by a full disk");
                }
            }
        }
    }

    /// A machine that is in touch hears the province's time.
    pub(super) fn hear_time(&self, place: usize) {
        if let (Some(office), Some(centre)) = (&self.nodes[place].machine.office, &self.province.office) {
            office.desk.hear_time(centre.clock().wall());
        }
    }

    /// A machine's sessions end with its process.
    pub(super) fn hang_up(&mut self, place: usize) {
        let (ended, open): (Vec<Call>, Vec<Call>) =
            std::mem::take(&mut self.calls).into_iter().partition(|call| call.node == place);
        self.calls = open;
        ended.into_iter().for_each(Call::hang_up);
    }

    /// One whole session over a perfect line.
    ///
    /// # Panics
    /// The node or the province does not run.
    pub fn sync(&mut self, place: usize) -> (Over, NodeStatistics) {
        let mut call = self.call(place, false);
        let (province, nodes) = (&self.province, &self.nodes);
        let over = call.run(&mut |passed_ms| {
            province.clock.pass(passed_ms);
            nodes.iter().for_each(|node| node.machine.clock.pass(passed_ms));
        });
        let statistics = call.statistics();
        call.hang_up();
        self.hear_time(place);
        (over, statistics)
    }
}
