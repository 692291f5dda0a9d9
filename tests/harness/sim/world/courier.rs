//! Couriers: what travels as files between offices and the province, in whatever order and state it arrives; and
//! offices that began with a pack, some of which never have a line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use motcua_node::bundle::BundleFault;
use motcua_node::bundle::Desk;
use motcua_node::bundle::changes;
use motcua_node::bundle::file::PART_BYTES_DEFAULT;
use motcua_node::bundle::returned;
use motcua_node::control::Failure;
use motcua_node::roles::Office;
use motcua_node::roles::pack;
use motcua_node::roles::province;
use motcua_node::roles::stick;
use motcua_node::sync::driver::NodeStore;
use motcua_node::sync::node_store::NodeSide;
use serde_json::Value;
use sync_protocol::frame::LogAck;
use sync_protocol::ids::NodeId;

use crate::faults::machine::Files;
use crate::faults::machine::Machine;
use crate::faults::machine::Untouched;
use crate::faults::planted::Mistake;
use crate::sim::world::Node;
use crate::sim::world::World;

/// Bundles that lie about; of more the oldest is lost.
const BUNDLES_MAX: usize = 24;
/// How large parts are made: all in one, and so that a day's work takes several.
const PARTS_BYTES: [usize; 3] = [PART_BYTES_DEFAULT, 30_000, 6_000];
/// A pack's code is good for so long: clocks here jump by years.
const PACK_HOURS: u64 = 24 * 36_500;
/// What a person is told of a file that is not as it was written.
const DAMAGED: [&str; 4] = ["bundle-damaged", "bundle-truncated", "bundle-newer", "bundle-not-a-bundle"];
/// What a person is told of a bundle that is for somebody else.
const STRANGERS: [&str; 3] = ["bundle-other-machine", "bundle-is-changes", "bundle-is-return"];

/// A bundle on its way.
#[derive(Clone, Debug)]
pub(super) struct Bundle {
    /// The commune's machine that wrote it or is to read it.
    machine: NodeId,
    is_up: bool,
    files: Vec<PathBuf>,
    is_used: bool,
}

/// What a machine that began with a pack has of its way to a certificate.
#[derive(Clone, Debug)]
pub(super) struct Papers {
    request: PathBuf,
    grant: Option<PathBuf>,
}

impl World {
    /// Sets a machine up by a pack: it works at once, and nobody has certified it yet.
    pub(super) fn enrol_by_pack(&mut self, seat: &str) {
        let centre = Arc::clone(self.province.office());
        let name = format!("{seat}-{}", self.nodes.len());
        let folder = self.folder_for_files();
        let (pack, request) = (folder.join("pack"), folder.join("request"));
        let addresses = ["localhost:1".to_owned()];
        let answer = province::enrol_pack(&centre, seat, &addresses, PACK_HOURS, &pack).unwrap();
        drop(centre);
        let mut machine = Machine::new(self.place.path(), &name);
        if self.mistake == Some(Mistake::CounterWithoutWitness) {
            machine.witness = machine.dir.join("witness");
        }
        let options = machine.options(self.chance.draw());
        let token = answer["token"].as_str().unwrap();
        let office =
            pack::init_with(&machine.dir, |_| options.clone(), token, &pack, Some(&request)).unwrap();
        let id = office.identity.node();
        machine.office = Some(Arc::new(office));
        let papers = Papers { request, grant: None };
        self.add(Node {
            papers: Some(papers),
            has_line: false,
            ..Node::new(machine, seat.parse().unwrap(), id)
        });
        self.coverage.count("machines set up by a pack");
        self.note(format!("{name} is set up by a pack"));
    }

    /// Whether this machine can dial: it has a line, and a certificate.
    pub(in crate::sim) fn can_dial(&self, place: usize) -> bool {
        let node = &self.nodes[place];
        node.has_line && node.machine.office.as_ref().is_some_and(|office| office.identity.is_granted())
    }

    /// Somebody carries something.
    pub(super) fn carry(&mut self) {
        for _ in 0..1 + self.chance.below(3) {
            match self.chance.below(12) {
                0..=2 => {
                    let place = self.traveller();
                    self.send(place, true);
                }
                3 | 4 => {
                    let place = self.traveller();
                    self.send(place, false);
                }
                5 => {
                    let place = self.traveller();
                    if self.nodes[place].machine.office.is_some() && self.province.office.is_some() {
                        self.go_round(place);
                    }
                }
                6 => self.bring_papers(),
                _ => self.hand_over(),
            }
        }
    }

    /// Who has no line is visited most.
    fn traveller(&mut self) -> usize {
        let apart: Vec<usize> = (0..self.nodes.len())
            .filter(|place| !self.nodes[*place].has_line || self.nodes[*place].cut_off_until > self.step)
            .collect();
        let is_apart = self.chance.percent(60);
        match self.chance.pick(&apart) {
            Some(place) if is_apart => *place,
            Some(_) | None => self.chance.place(self.nodes.len()),
        }
    }

    fn folder_for_files(&mut self) -> PathBuf {
        self.folders += 1;
        let folder = self.place.path().join(format!("stick-{}", self.folders));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// One end's process, by a machine's place; the province's beyond them.
    fn office_at(&self, place: usize) -> Option<&Arc<Office>> {
        self.nodes.get(place).map_or(&self.province, |node| &node.machine).office.as_ref()
    }

    fn state_at(&mut self, place: usize) -> &'static str {
        if place < self.nodes.len() { self.state_of(place) } else { self.province_state() }
    }

    /// A bundle is written, and somebody sets out with it.
    fn send(&mut self, place: usize, is_up: bool) {
        if let Some(bundle) = self.write_bundle(place, is_up) {
            if self.bundles.len() >= BUNDLES_MAX {
                self.bundles.remove(0);
                self.coverage.count("bundles lost on their way");
            }
            self.bundles.push(bundle);
        }
    }

    fn write_bundle(&mut self, place: usize, is_up: bool) -> Option<Bundle> {
        let part_bytes = self.chance.pick(&PARTS_BYTES).copied().unwrap_or(PART_BYTES_DEFAULT);
        let out = self.folder_for_files().join("bundle");
        let (machine, name) = (self.nodes[place].id, self.nodes[place].machine.name.clone());
        let office = Arc::clone(self.office_at(if is_up { place } else { usize::MAX })?);
        let desk = Desk {
            store: Arc::clone(&office.store),
            identity: Arc::clone(&office.identity),
            random: Arc::clone(&office.random),
        };
        let written = if is_up {
            changes::export(&desk, &out, part_bytes)
        } else {
            // Nobody may have heard of a machine that was set up by a pack.
            let known = office.store.read(|view| view.machine(machine)).unwrap()?;
            returned::export(&desk, &known, &out, part_bytes)
        };
        let written = match written {
            Ok(written) => written,
            Err(BundleFault::Refused(refusal)) if refusal.code == "bundle-to-banned" => {
                assert!(self.nodes[place].is_banned, "{name} is told that it is banned");
                self.coverage.count("bundles for a banned machine refused");
                return None;
            }
            Err(fault) => panic!("a bundle of {name}, up {is_up}: {fault:?}"),
        };
        if is_up && self.mistake == Some(Mistake::StickCountsAsSent) {
            count_as_sent(&office);
        }
        let files: Vec<PathBuf> = written["parts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| PathBuf::from(part["file"].as_str().unwrap()))
            .collect();
        self.coverage.count(if is_up { "bundles up written" } else { "bundles down written" });
        if files.len() > 1 {
            self.coverage.count("bundles of several parts");
        }
        self.note(format!("a bundle of {name}, up {is_up}, in {} parts", files.len()));
        Some(Bundle { machine, is_up, files, is_used: false })
    }

    /// Up and down by stick, without anything going wrong. Whether anything moved; only without faults it must not at
    /// some time.
    pub(in crate::sim) fn go_round(&mut self, place: usize) -> bool {
        self.bring_papers_of(place);
        if !self.nodes[place].machine.office().identity.is_granted() {
            return true;
        }
        let Some(up) = self.write_bundle(place, true) else { return false };
        let Some(taken) = self.take(usize::MAX, &up, &up.files[0]) else { return true };
        let mut has_moved = count(&taken, "changes") + count(&taken, "early") + count(&taken, "forked") > 0;
        let Some(down) = self.write_bundle(place, false) else { return has_moved };
        let Some(taken) = self.take(place, &down, &down.files[0]) else { return true };
        has_moved |= count(&taken, "items") + count(&taken, "feed") + count(&taken, "changes") > 0;
        has_moved |= taken["is_proved"] != true;
        self.coverage.count("rounds of a stick");
        has_moved
    }

    /// A bundle may hold what its machine's disk has lost since: such a one arrives before everything is compared.
    pub(super) fn bring_what_may_be_lost(&mut self) {
        let (lost, quiet) = std::mem::take(&mut self.bundles)
            .into_iter()
            .partition::<Vec<Bundle>, _>(|bundle| self.is_disturbed(bundle.machine));
        self.bundles = quiet;
        for bundle in lost {
            for place in self.readers_of(&bundle) {
                let _whatever_it_brings = self.take(place, &bundle, &bundle.files[0]);
            }
        }
    }

    /// Whatever still lies about arrives, twice, when all are even: nothing of it is news.
    ///
    /// # Panics
    /// Something is.
    pub(in crate::sim) fn replay_bundles(&mut self) {
        for bundle in std::mem::take(&mut self.bundles) {
            let readers = self.readers_of(&bundle);
            for place in readers.iter().chain(&readers) {
                let Some(taken) = self.take(*place, &bundle, &bundle.files[0]) else { continue };
                let is_old =
                    ["nothing_new", "older"].contains(&taken["outcome"].as_str().unwrap_or_default());
                assert!(is_old, "an old bundle brings something: {taken}");
                self.coverage.count("bundles replayed at the end");
            }
        }
    }

    /// Whether what a machine once sent may be more than what it holds.
    fn is_disturbed(&self, machine: NodeId) -> bool {
        self.nodes.iter().any(|node| node.id == machine && (node.is_disturbed || node.is_banned))
    }

    /// Where a bundle can arrive.
    fn readers_of(&self, bundle: &Bundle) -> Vec<usize> {
        let is_reader = |place: &usize| match self.nodes.get(*place) {
            Some(node) => !bundle.is_up && node.id == bundle.machine,
            None => bundle.is_up,
        };
        (0..=self.nodes.len()).filter(is_reader).collect()
    }

    /// Some bundle arrives.
    fn hand_over(&mut self) {
        let at = self.chance.place(self.bundles.len());
        let Some(bundle) = self.bundles.get(at).cloned() else { return };
        let readers = self.readers_of(&bundle);
        let Some(reader) = self.chance.pick(&readers).copied() else { return };
        if self.office_at(reader).is_none() {
            return;
        }
        let state = self.state_at(reader);
        if self.calls.iter().any(|call| self.nodes[call.node].id == bundle.machine) {
            self.coverage.count("bundles beside a session");
        }
        let fault = match self.chance.below(12) {
            0 | 1 => {
                self.damage(reader, &bundle);
                "bundle damaged"
            }
            2 => {
                self.give_to_a_stranger(&bundle);
                "bundle for somebody else"
            }
            3 | 4 => {
                self.take_in_part(reader, &bundle);
                "bundle in part"
            }
            5 => {
                self.fail_while_taking(reader, &bundle);
                "power fails at a bundle"
            }
            _ => {
                self.take_whole(reader, &bundle);
                if bundle.is_used { "bundle taken twice" } else { "bundle taken" }
            }
        };
        self.coverage.fault(fault, state);
        self.bundles[at].is_used = true;
        if self.chance.percent(50) {
            self.bundles.remove(at);
        }
    }

    /// Takes a file, and what lies beside it, in; what was said.
    fn take(&mut self, place: usize, bundle: &Bundle, file: &Path) -> Option<Value> {
        let office = Arc::clone(self.office_at(place)?);
        match stick::import(&office, file) {
            Ok(taken) => {
                let outcome = taken["outcome"].as_str().unwrap().to_owned();
                self.note(format!("a bundle of {}, up {}: {taken}", bundle.machine, bundle.is_up));
                self.coverage.count(match outcome.as_str() {
                    "imported" => "bundles with news",
                    "nothing_new" => "bundles without news",
                    "older" => "bundles that were older",
                    _ => "bundles with gaps",
                });
                Some(taken)
            }
            Err(failure) => {
                let code = failure.refusal().code.to_string();
                let known = office.store.read(|view| view.machine(bundle.machine)).unwrap();
                let is_unknown = bundle.is_up && known.is_none() && code == "bundle-unknown-machine";
                assert!(is_unknown, "a bundle of {}, up {}: {failure:?}", bundle.machine, bundle.is_up);
                self.coverage.count("bundles of an unknown machine refused");
                None
            }
        }
    }

    /// A whole bundle of a machine that nothing was done to lacks nothing: what it goes on behind is there.
    fn take_whole(&mut self, place: usize, bundle: &Bundle) {
        let Some(taken) = self.take(place, bundle, &bundle.files[0]) else { return };
        let is_disturbed = self.is_disturbed(bundle.machine);
        let is_whole = taken["outcome"] != "partial";
        assert!(
            is_whole || is_disturbed || self.model.has_province_been_behind,
            "a whole bundle of {} leaves a gap: {taken}",
            bundle.machine
        );
        if bundle.is_up && self.nodes.iter().any(|node| node.id == bundle.machine && node.is_banned) {
            self.coverage.count("bundles of a banned machine");
        }
    }

    /// Some parts arrive, each by itself and in any order.
    fn take_in_part(&mut self, place: usize, bundle: &Bundle) {
        let mut left = bundle.files.clone();
        while !left.is_empty() {
            let at = self.chance.place(left.len());
            let file = left.remove(at);
            if self.chance.percent(70) {
                let alone = self.folder_for_files().join("part");
                std::fs::copy(&file, &alone).unwrap();
                let _whatever_it_is_worth = self.take(place, bundle, &alone);
            }
        }
    }

    /// A file is not as it was written: refused, and nothing of its bundle is taken in.
    fn damage(&mut self, place: usize, bundle: &Bundle) {
        let folder = self.folder_for_files();
        let damaged = self.chance.place(bundle.files.len());
        for (at, file) in bundle.files.iter().enumerate() {
            let mut bytes = std::fs::read(file).unwrap();
            if at == damaged {
                let place = self.chance.place(bytes.len());
                match self.chance.below(4) {
                    0 => bytes.truncate(place),
                    // Of a program that is newer than this one.
                    1 => bytes[8] += 1,
                    _ => bytes[place] ^= 1 << self.chance.below(8),
                }
            }
            std::fs::write(folder.join(file.file_name().unwrap()), bytes).unwrap();
        }
        let office = Arc::clone(self.office_at(place).unwrap());
        let untouched = Untouched::of(&office);
        if self.mistake == Some(Mistake::PartsTakenUnchecked) {
            let others = bundle.files.iter().enumerate().filter(|(at, _)| *at != damaged);
            others.for_each(|(_, file)| drop(stick::import(&office, file)));
        }
        let refused = stick::import(&office, &folder.join(bundle.files[0].file_name().unwrap()));
        self.is_refused(&refused, &DAMAGED);
        untouched.check("a damaged bundle");
    }

    /// It comes to a machine that it is not for.
    fn give_to_a_stranger(&mut self, bundle: &Bundle) {
        let others: Vec<usize> = (0..=self.nodes.len())
            .filter(|place| match self.nodes.get(*place) {
                Some(node) => bundle.is_up || node.id != bundle.machine,
                None => !bundle.is_up,
            })
            .filter(|place| self.office_at(*place).is_some())
            .collect();
        let Some(place) = self.chance.pick(&others).copied() else { return };
        let office = Arc::clone(self.office_at(place).unwrap());
        let untouched = Untouched::of(&office);
        let refused = stick::import(&office, &bundle.files[0]);
        self.is_refused(&refused, &STRANGERS);
        untouched.check("a bundle for somebody else");
    }

    fn is_refused(&mut self, done: &Result<Value, Failure>, codes: &[&str]) {
        let Err(Failure::Refused(refusal)) = done else { panic!("not refused: {done:?}") };
        assert!(codes.contains(&refusal.code.as_ref()), "refused otherwise: {refusal:?}");
        *self.coverage.refusals.entry(refusal.code.to_string()).or_default() += 1;
    }

    /// The power fails while a bundle is taken in: whatever of it is there is whole.
    fn fail_while_taking(&mut self, place: usize, bundle: &Bundle) {
        let office = Arc::clone(self.office_at(place).unwrap());
        let before = Files::read(&self.nodes.get(place).map_or(&self.province, |node| &node.machine).place());
        let _nobody_is_told = stick::import(&office, &bundle.files[0]);
        drop(office);
        self.note("the power fails while a bundle is taken in");
        if place < self.nodes.len() {
            self.hang_up(place);
            self.kill_node(place, Some(&before));
            self.start_node(place);
        } else {
            self.kill_province(Some(&before));
            self.start_province();
        }
    }

    /// Somebody carries a request or a grant of one that waits for it.
    fn bring_papers(&mut self) {
        let waiting: Vec<usize> =
            (0..self.nodes.len()).filter(|place| self.nodes[*place].papers.is_some()).collect();
        if let Some(place) = self.chance.pick(&waiting).copied() {
            self.bring_papers_of(place);
            if self.nodes[place].machine.office.as_ref().is_some_and(|office| office.identity.is_granted())
                && self.chance.percent(30)
            {
                self.nodes[place].has_line = true;
            }
        }
    }

    fn bring_papers_of(&mut self, place: usize) {
        let Some(papers) = self.nodes[place].papers.clone() else { return };
        let Some(office) = self.nodes[place].machine.office.clone() else { return };
        // An earlier copy may have been put back since.
        if office.identity.is_granted() {
            return;
        }
        let name = self.nodes[place].machine.name.clone();
        let Some(grant) = papers.grant else {
            let Some(centre) = self.province.office.clone() else { return };
            let grant = self.folder_for_files().join("grant");
            match pack::grant(&centre, &papers.request, &grant) {
                Ok(_) => {}
                Err(Failure::Refused(refusal)) if refusal.code == "enrol-unknown-token" => {
                    assert!(self.model.has_province_been_behind, "{name}'s code is unknown: {refusal:?}");
                    drop((office, centre));
                    return self.bring_another_pack(place);
                }
                Err(failure) => panic!("{name} is not granted: {failure:?}"),
            }
            self.nodes[place].papers = Some(Papers { grant: Some(grant), ..papers });
            self.note(format!("{name} is granted"));
            drop((office, centre));
            return self.bring_papers_of(place);
        };
        pack::complete(&office, &grant).unwrap();
        drop(office);
        self.nodes[place].machine.stop();
        self.start_node(place);
        self.coverage.count("certificates brought by stick");
        self.note(format!("{name} has its certificate"));
    }
}

impl World {
    /// The province forgot a pack's code when it was put back. As the refusal says, somebody asks for another pack, and
    /// the machine goes on with its keys and its work.
    fn bring_another_pack(&mut self, place: usize) {
        let centre = Arc::clone(self.province.office());
        let folder = self.folder_for_files();
        let (pack, request) = (folder.join("pack"), folder.join("request"));
        let (seat, id) = (self.nodes[place].seat.to_string(), self.nodes[place].id);
        let addresses = ["localhost:1".to_owned()];
        let answer = province::enrol_pack(&centre, &seat, &addresses, PACK_HOURS, &pack).unwrap();
        drop(centre);
        let seed = self.chance.draw();
        let machine = &mut self.nodes[place].machine;
        machine.stop();
        let options = machine.options(seed);
        let token = answer["token"].as_str().unwrap();
        let office =
            pack::init_with(&machine.dir, |_| options.clone(), token, &pack, Some(&request)).unwrap();
        assert_eq!(office.identity.node(), id, "another pack makes another machine");
        machine.office = Some(Arc::new(office));
        let papers = Papers { request, grant: None };
        for node in self.nodes.iter_mut().filter(|node| node.id == id) {
            node.papers = Some(papers.clone());
        }
        self.coverage.count("packs made again for a province that forgot");
        self.note(format!("{} has another pack", self.nodes[place].machine.name));
        self.bring_papers_of(place);
    }
}

fn count(taken: &Value, key: &str) -> u64 {
    taken[key].as_u64().unwrap_or(0)
}

/// The mistake of [`Mistake::StickCountsAsSent`]: what was written for a stick counts as acknowledged.
fn count_as_sent(office: &Office) {
    let logs = office.store.read(|view| view.own_logs()).unwrap();
    let logs: Vec<LogAck> = logs.iter().map(|log| LogAck { boot: log.boot, lsn: log.lsn }).collect();
    let mut side = NodeSide::new(Arc::clone(&office.store), Arc::clone(&office.identity));
    side.acked(&logs, None).unwrap();
}
