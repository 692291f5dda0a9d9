//! The faults are over, and everybody syncs until nothing moves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::sync::Arc;

use motcua_node::roles::province;
use sync_protocol::frame::ByeCode;

use crate::faults::call::Over;
use crate::faults::chance::Chance;
use crate::sim::world::World;

/// Rounds in which everybody syncs with everything, at most, until nothing moves.
const ROUNDS_MAX: usize = 12;

impl World {
    /// The faults are over: every session that is open ends, everything runs, and everybody syncs until nothing moves
    /// any more.
    ///
    /// # Panics
    /// A session does not end or converge, or there is always something left to move.
    pub fn heal(&mut self) {
        self.chance = Chance::new(1);
        self.note("the faults are over");
        for mut call in std::mem::take(&mut self.calls) {
            let (province, nodes) = (&self.province, &self.nodes);
            let over = call.run(&mut |passed_ms| {
                province.clock.pass(passed_ms);
                nodes.iter().for_each(|node| node.machine.clock.pass(passed_ms));
            });
            if !matches!(over, Over::PowerFailed(_)) {
                assert!(!matches!(over, Over::Wrong(_)), "an open session ended so: {over:?}");
                call.hang_up();
            }
        }
        self.start_province();
        for place in 0..self.nodes.len() {
            self.start_node(place);
        }
        self.bring_what_may_be_lost();
        for round in 1..=ROUNDS_MAX {
            let mut has_moved = self.decide_about_all();
            for place in 0..self.nodes.len() {
                if !self.can_dial(place) {
                    has_moved |= !self.nodes[place].is_banned && self.go_round(place);
                    continue;
                }
                let (over, moved) = self.sync(place);
                let name = self.nodes[place].machine.name.clone();
                self.note(format!("round {round}: {name} {over:?} {moved:?}"));
                if self.nodes[place].is_banned {
                    if self.model.has_province_been_behind && over == Over::Converged {
                        // The province forgot its ban, and nobody has brought it again yet.
                        has_moved = true;
                        continue;
                    }
                    assert_eq!(over, Over::Refused(ByeCode::Banned), "{name} in round {round}");
                    continue;
                }
                let id = self.nodes[place].id;
                let has_lost_branches = self.model.has_province_been_behind && !self.model.imaged.is_empty();
                if over == Over::Moved && (self.model.imaged.contains(&id) || has_lost_branches) {
                    // It has just learned that its log, or another's, has two histories, and calls again.
                    has_moved = true;
                    continue;
                }
                let has_learned = self.model.imaged.contains(&id) || self.model.corrected.contains(&id);
                if over == Over::Refused(ByeCode::Difference) && has_learned {
                    // It has just learned that its work was refused and wrote the rest again; or that its log has two
                    // histories, of which the feed does not bring all: its next hello shows what it lacks.
                    has_moved = true;
                    continue;
                }
                assert_eq!(over, Over::Converged, "{name} in round {round}");
                has_moved |= moved.round_trips > 1;
            }
            let centre = Arc::clone(self.province.office());
            let planted = self.plant(self.adversary.id);
            let ended = self.adversary.sync(&centre, planted);
            assert!(ended.is_ok(), "the adversary's last session: {ended:?}");
            has_moved |= self.let_count_what_came_back();
            if !has_moved {
                self.coverage.add("rounds until all were even", round as u64);
                self.model.is_province_behind = false;
                return;
            }
        }
        panic!("after {ROUNDS_MAX} rounds there is still something to move");
    }

    /// A person at the province lets count what only other machines than its own had after a restore.
    fn let_count_what_came_back(&mut self) -> bool {
        let centre = Arc::clone(self.province.office());
        let returned = centre.store.read(|view| view.returned(None, usize::from(u16::MAX))).unwrap();
        let ids: Vec<String> = returned.iter().map(|entry| entry.id.to_string()).collect();
        let decided = province::quarantine_release(&centre, &ids, None).unwrap();
        let decided = decided["decided"].as_array().unwrap();
        let counted = decided.iter().filter(|entry| entry["refused"].is_null()).count();
        self.coverage.add("came back from others and counts", counted as u64);
        counted > 0
    }
}
