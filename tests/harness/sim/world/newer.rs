//! Machines of newer versions: kinds of entries and items that this program does not know, a protocol that is too new.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::sync::Arc;

use motcua_node::store::items;
use sync_protocol::entry::EntryKind;
use sync_protocol::frame::ByeCode;
use sync_protocol::ids::BootId;
use sync_protocol::item::Item;
use sync_protocol::item::ItemKind;
use sync_protocol::session::node::NodeOutcome;

use crate::faults::machine::Untouched;
use crate::sim::world::World;

/// From here on kinds of entries and items that no program writes yet.
const UNKNOWN_KINDS_FROM: u8 = 60;

impl World {
    /// Something of another version comes along.
    pub(super) fn meet_another_version(&mut self) {
        match self.chance.below(3) {
            0 => self.append_unknown_kind(),
            1 => self.publish_unknown_kind(),
            _ => self.greet_in_a_newer_protocol(),
        }
    }

    fn unknown_kind(&mut self) -> u8 {
        UNKNOWN_KINDS_FROM + u8::try_from(self.chance.below(100)).unwrap_or(0)
    }

    /// A newer program was at work at a machine for a while.
    fn append_unknown_kind(&mut self) {
        let Some(place) = self.running() else { return };
        let (kind, body) = (EntryKind(self.unknown_kind()), self.chance.draw().to_le_bytes());
        let office = Arc::clone(self.nodes[place].machine.office());
        office.store.write(move |tx| tx.append_entry(kind, &body)).unwrap();
        self.coverage.fault("entry of a newer program", self.state_of(place));
        self.note(format!("{} has an entry of a newer program", self.nodes[place].machine.name));
    }

    /// A newer program was at work at the province for a while.
    fn publish_unknown_kind(&mut self) {
        let Some(centre) = self.province.office.clone() else { return };
        let (kind, body) = (ItemKind(self.unknown_kind()), self.chance.draw().to_le_bytes().to_vec());
        let identity = Arc::clone(&centre.identity);
        let stored = centre.store.write(move |tx| {
            let head = tx.item_head()?;
            let parents = head.hash.into_iter().collect();
            let item =
                Item::sign_with(head.n + 1, kind, parents, body, BootId([0x77; 16]), tx.now(), |bytes| {
                    identity.keys().sign(bytes)
                });
            tx.store_item(&items::Item {
                n: head.n + 1,
                hash: item.hash(),
                parents: item.header().parents.clone(),
                kind: kind.0,
                bytes: item.to_bytes(),
            })
        });
        stored.unwrap();
        let state = self.province_state();
        self.coverage.fault("item of a newer program", state);
        self.note("an item of a newer program is published");
    }

    /// A machine's program speaks a protocol that the province does not know: both say so, and nothing else happens.
    fn greet_in_a_newer_protocol(&mut self) {
        let Some(place) = self.running() else { return };
        let Some(centre) = self.province.office.clone() else { return };
        let state = self.state_of(place);
        let untouched = [Untouched::of(self.nodes[place].machine.office()), Untouched::of(&centre)];
        let outcome = self.call(place, false).greet_in_a_newer_protocol();
        let is_told = matches!(outcome, Some(NodeOutcome::Refused { code: ByeCode::Version, .. }));
        assert!(is_told, "a newer protocol is answered with {outcome:?}");
        untouched.iter().for_each(|store| store.check("a protocol that is too new"));
        self.coverage.fault("protocol too new", state);
    }
}
