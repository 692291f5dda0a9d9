//! What the owner of a stolen key writes: some of it rightful, most of it not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use motcua_node::dossier::act::Finish;
use motcua_node::dossier::act::FinishResult;
use motcua_node::dossier::act::Mark;
use motcua_node::dossier::act::MarkKind;
use motcua_node::dossier::act::Note;
use motcua_node::dossier::act::Reassign;
use motcua_node::dossier::document::Document;
use motcua_node::dossier::fold::fold;
use motcua_node::identity::MachineIdentity;
use motcua_node::ids::AgencyCode;
use motcua_node::roles::Office;
use sha2::Digest;
use sha2::Sha256;
use sync_protocol::chunk::change_hash;
use sync_protocol::entry::EntryKind;
use sync_protocol::entry::body_hash;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::NodeId;
use sync_protocol::session::node::NodeOutcome;
use sync_protocol::time::Millis;

use crate::faults::chance::Chance;
use crate::faults::hostile::Hostile;
use crate::faults::hostile::change;
use crate::faults::planted::Plant;

/// Logs it begins at most.
const BOOTS_MAX: usize = 12;

/// The adversary.
#[derive(Debug)]
pub struct Adversary {
    /// Its disk.
    pub hostile: Hostile,
    /// Who it is.
    pub id: NodeId,
    /// What it was entitled to write, with the documents: none of it may be held up by the rest.
    pub rightful: BTreeMap<ChangeHash, DocId>,
    /// Beginnings of documents that are another machine's to begin: none of them may ever count.
    pub false_beginnings: BTreeMap<ChangeHash, DocId>,
    seat: AgencyCode,
    boot: Option<BootId>,
    boots: usize,
    /// Documents it has written to in a log: a second change there would repeat a place.
    written: BTreeSet<(BootId, DocId)>,
}

impl Adversary {
    /// One under this identity.
    #[must_use]
    pub fn new(identity: Arc<MachineIdentity>) -> Self {
        Self {
            id: identity.node(),
            seat: identity.seat().clone(),
            hostile: Hostile::new(identity),
            rightful: BTreeMap::new(),
            false_beginnings: BTreeMap::new(),
            boot: None,
            boots: 0,
            written: BTreeSet::new(),
        }
    }

    /// One session with the province.
    ///
    /// # Errors
    /// It does not end.
    pub fn sync(&mut self, centre: &Office, planted: Option<Plant>) -> Result<NodeOutcome, String> {
        self.hostile.try_sync(centre, planted)
    }

    /// How many entries it has written.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.hostile.logs.values().map(Vec::len).sum()
    }

    fn boot(&mut self, chance: &mut Chance) -> BootId {
        let is_new = self.boot.is_none() || (self.boots < BOOTS_MAX && chance.percent(30));
        if is_new {
            let boot = BootId::mint(self.id, drawn(chance));
            let whose = if chance.percent(10) { NodeId([9; 16]) } else { self.id };
            self.hostile.begin(boot, whose);
            self.boot = (whose == self.id).then_some(boot);
            self.boots += 1;
            if self.boot.is_none() {
                return self.boot(chance);
            }
        }
        self.boot.expect("a boot was begun")
    }

    /// Writes one thing; answers what kind of thing. `others` are machines whose names it may try to bear.
    pub fn write(&mut self, chance: &mut Chance, others: &[NodeId]) -> &'static str {
        let boot = self.boot(chance);
        let docs: Vec<DocId> = self
            .hostile
            .received
            .iter()
            .filter(|entry| entry.kind == EntryKind::CHANGE)
            .map(|entry| entry.doc)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let junk = chance.draw().to_le_bytes().to_vec();
        let victim = chance.pick(others).copied().unwrap_or(NodeId([9; 16]));
        let picked = chance.pick(&docs).and_then(|doc| Some((*doc, self.hostile.document(*doc)?)));
        let Some((doc, mut document)) = picked else {
            self.hostile.append(boot, EntryKind::KEY, DocId::NONE, body_hash(&junk), Some(junk));
            return "an empty key";
        };
        let state = fold(document.history());
        let is_first = self.written.insert((boot, doc));
        let seat = self.seat.clone();
        let others: Vec<AgencyCode> =
            state.process.parties.iter().filter(|party| **party != seat).cloned().collect();
        let other = chance.pick(&others).cloned().unwrap_or_else(|| seat.clone());
        match chance.below(17) {
            0..=3 => {
                let hash = self.hostile.write(boot, doc, &mut document, &seat, Note {});
                if is_first && state.process.parties.contains(&seat) {
                    self.rightful.insert(hash, doc);
                    return "a rightful note";
                }
                "a place used twice"
            }
            4 => {
                let finish = Finish { result: FinishResult::Granted, reasons: Vec::new(), hash: None };
                self.hostile.write(boot, doc, &mut document, &other, finish);
                "an act of another seat"
            }
            5 => {
                let acts = state.acts.iter().take(1).map(|act| act.id).collect();
                let mark = Mark { acts, mark: MarkKind::Void, basis: "not ours".to_owned() };
                self.hostile.write(boot, doc, &mut document, &seat, mark);
                "an act of the province"
            }
            6 => {
                let reassign = Reassign { to: seat.clone(), basis: "not ours".to_owned() };
                self.hostile.write(boot, doc, &mut document, &seat, reassign);
                "an act of the province"
            }
            7 => {
                let hash = ChangeHash(chance_bytes(chance));
                self.hostile.append(boot, EntryKind::CHANGE, doc, hash, Some(junk));
                "not a change"
            }
            8 => {
                let (_, bytes) = change(boot, &mut document, &seat, Note {});
                self.hostile.append(
                    boot,
                    EntryKind::CHANGE,
                    doc,
                    ChangeHash(chance_bytes(chance)),
                    Some(bytes),
                );
                "a body that is another's"
            }
            9 => {
                let (hash, mut bytes) = change(boot, &mut document, &seat, Note {});
                let at = 12 + chance.place(bytes.len() - 12);
                bytes[at] ^= 1 << chance.below(8);
                let hash = rehashed(&mut bytes).unwrap_or(hash);
                self.hostile.append(boot, EntryKind::CHANGE, doc, hash, Some(bytes));
                "a changed bit"
            }
            10 => {
                // The province may have lost the first one since.
                let hash = self.hostile.write(boot, doc, &mut Document::new(), &seat, Note {});
                self.false_beginnings.insert(hash, doc);
                "a second beginning"
            }
            11 => {
                let _never_sent = change(boot, &mut document, &seat, Note {});
                self.hostile.write(boot, doc, &mut document, &seat, Note {});
                "what builds on nothing"
            }
            12 => {
                let kind = EntryKind(60 + u8::try_from(chance.below(100)).unwrap_or(0));
                let named = if chance.percent(50) { doc } else { DocId::NONE };
                self.hostile.append(boot, kind, named, body_hash(&junk), Some(junk));
                "an unknown kind"
            }
            13 => {
                let [drawn @ .., _, _, _, _, _, _] = drawn(chance);
                let doc = DocId::mint(victim, Millis(0), drawn);
                let hash = self.hostile.write(boot, doc, &mut Document::new(), &seat, Note {});
                self.false_beginnings.insert(hash, doc);
                "a beginning in another machine's name"
            }
            14 => {
                self.hostile.steal(BootId::mint(victim, drawn(chance)), junk);
                "a new log in another machine's name"
            }
            _ => {
                // Somebody else's log, as far as it came here, sent as its own: the province may have lost it since.
                let logs: BTreeSet<BootId> = self.hostile.received.iter().map(|entry| entry.log).collect();
                let logs: Vec<BootId> =
                    logs.into_iter().filter(|log| !self.hostile.logs.contains_key(log)).collect();
                if let Some(log) = chance.pick(&logs) {
                    self.hostile.steal(*log, junk);
                }
                "another machine's log"
            }
        }
    }
}

fn drawn(chance: &mut Chance) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes.iter_mut().zip(chance_bytes(chance)).for_each(|(to, from)| *to = from);
    bytes
}

fn chance_bytes(chance: &mut Chance) -> [u8; 32] {
    let mut bytes = [0; 32];
    for part in bytes.chunks_mut(8) {
        part.copy_from_slice(&chance.draw().to_le_bytes());
    }
    bytes
}

/// Writes the right checksum into a changed chunk; its hash, if it still is a chunk.
fn rehashed(bytes: &mut [u8]) -> Option<ChangeHash> {
    // The checksum is the beginning of the hash of what lies behind it.
    let hash: [u8; 32] = Sha256::digest(bytes.get(8..)?).into();
    bytes.get_mut(4..8)?.copy_from_slice(hash.first_chunk::<4>()?);
    change_hash(bytes).ok()
}
