//! A seeded world: what happens in it, one event after the other, until the faults are over and everybody syncs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use motcua_node::directory::Directory;
use motcua_node::identity::MachineIdentity;
use motcua_node::identity::SecretKeys;
use motcua_node::ids::AgencyCode;
use motcua_node::refusal::Refusal;
use motcua_node::roles::Office;
use motcua_node::roles::commune;
use motcua_node::roles::province;
use motcua_node::store::StoreError;
use motcua_node::store::View;
use motcua_node::store::dossiers::ListFilter;
use motcua_node::transport::enrol::EnrolAsk;
use motcua_node::transport::enrol::Token;
use serde_json::Value;
use sync_protocol::frame::ByeCode;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::NodeId;
use sync_protocol::time::Millis;
use tempfile::TempDir;

use crate::faults::call::Call;
use crate::faults::call::Delivery;
use crate::faults::call::Over;
use crate::faults::call::When;
use crate::faults::chance::Chance;
use crate::faults::machine::BEGINNING;
use crate::faults::machine::Machine;
use crate::faults::work;
use crate::faults::work::HOSTED;
use crate::faults::work::NODE_SEATS;

const DAY_MS: i64 = 24 * 3_600_000;
/// Sessions at once, of all machines.
const CALLS_MAX: usize = 6;
/// Copies of one machine at work beside the original.
const CLONES_MAX: usize = 2;
/// Rounds in which everybody syncs with everything, at most, until nothing moves.
const ROUNDS_MAX: usize = 12;

/// One machine of a commune: the enrolled one, or a copy of its directory that went to work, too.
#[derive(Debug)]
pub struct Node {
    /// The machine.
    pub machine: Machine,
    /// Its seat.
    pub seat: AgencyCode,
    /// Who it is.
    pub id: NodeId,
    /// Earlier copies of its directory.
    copies: Vec<Copied>,
    /// Whether it is one.
    pub is_clone: bool,
}

#[derive(Debug)]
struct Copied {
    dir: PathBuf,
    /// Series that had been begun by then.
    begun: BTreeSet<String>,
}

/// A dossier as `lodge` answered it.
#[derive(Clone, Debug)]
pub struct Lodged {
    /// Its number.
    pub number: String,
    /// Its document.
    pub doc: DocId,
    /// The change that received it.
    pub change: ChangeHash,
    /// Where it was lodged.
    pub seat: AgencyCode,
}

/// An act as `act` answered it.
#[derive(Clone, Debug)]
pub struct Acted {
    /// The dossier's number.
    pub number: String,
    /// The change that carries it.
    pub change: ChangeHash,
}

/// What the program said, so that it can be held to it.
#[derive(Debug, Default)]
pub struct Model {
    /// Every number that was answered, by number.
    pub lodged: BTreeMap<String, Lodged>,
    /// Every act that was answered.
    pub acted: Vec<Acted>,
    /// Changes that existed only on a disk that is no more: they may be missing.
    pub gone: BTreeSet<ChangeHash>,
}

/// How often each thing happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(pub BTreeMap<&'static str, u64>);

impl Counters {
    /// It happened once more.
    pub fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    /// It happened so many times.
    pub fn add(&mut self, what: &'static str, times: u64) {
        *self.0.entry(what).or_default() += times;
    }

    /// Both together.
    pub fn merge(&mut self, other: &Self) {
        for (what, times) in &other.0 {
            self.add(what, *times);
        }
    }
}

/// A world.
#[derive(Debug)]
pub struct World {
    /// Everything random.
    pub chance: Chance,
    /// The provincial server.
    pub province: Machine,
    /// The communes' machines.
    pub nodes: Vec<Node>,
    /// What the program answered.
    pub model: Model,
    /// What happened how often.
    pub counters: Counters,
    /// What happened, in order.
    pub trail: Vec<String>,
    calls: Vec<Call>,
    requests: Vec<(AgencyCode, String)>,
    snapshots: usize,
    place: TempDir,
}

impl World {
    /// A province with the sample directory and communes with a machine each, all reachable and even.
    ///
    /// # Panics
    /// A machine cannot be made.
    #[must_use]
    pub fn new(seed: u64, communes: usize) -> Self {
        let place = scratch();
        let mut chance = Chance::new(seed);
        let mut province = Machine::new(place.path(), "province");
        let options = province.options(chance.draw());
        let witness = province.witness.clone();
        let (code, directory) = ("H27".parse().unwrap(), Directory::sample());
        let office =
            province::init_with(&province.dir, options, |_| witness, &code, "Tỉnh Thử", &directory).unwrap();
        province.office = Some(Arc::new(office));
        let mut world = Self {
            chance,
            province,
            nodes: Vec::new(),
            model: Model::default(),
            counters: Counters::default(),
            trail: Vec::new(),
            calls: Vec::new(),
            requests: Vec::new(),
            snapshots: 0,
            place,
        };
        for seat in NODE_SEATS.iter().take(communes) {
            world.enrol(seat);
        }
        world
    }

    /// Enrols a machine for a seat, as the program does but for the line, and lets it sync once.
    ///
    /// # Panics
    /// The province refuses it.
    pub fn enrol(&mut self, seat: &str) {
        let centre = Arc::clone(self.province.office());
        let answer = province::enrol_new(&centre, seat, &["localhost:1".to_owned()], 24).unwrap();
        let token = Token::from_text(answer["token"].as_str().unwrap()).unwrap();
        let mut seeds = [[0; 32]; 3];
        for byte in seeds.iter_mut().flatten() {
            *byte = self.chance.draw().to_le_bytes()[0];
        }
        let keys = SecretKeys::from_seeds(&seeds);
        let ask = EnrolAsk {
            code_hash: token.code.hash(),
            agency: token.agency.clone(),
            node: keys.node(),
            keys: keys.public(),
            request: keys.request(centre.identity.province()),
        };
        let grant = province::enrol_desk(&centre).unwrap().decide(&ask).unwrap();
        let identity = MachineIdentity::new(keys, grant.certificate, token.ca).unwrap();
        let mut machine = Machine::new(self.place.path(), seat);
        std::fs::create_dir_all(&machine.dir).unwrap();
        identity.save(&machine.dir).unwrap();
        let options = machine.options(self.chance.draw());
        let id = identity.node();
        machine.office = Some(Arc::new(commune::create(&machine.dir, identity, |_| options).unwrap()));
        let seat = seat.parse().unwrap();
        self.nodes.push(Node { machine, seat, id, copies: Vec::new(), is_clone: false });
        let place = self.nodes.len() - 1;
        drop(centre);
        let over = self.sync(place).0;
        assert_eq!(over, Over::Converged, "the first session");
    }

    /// Notes what happens.
    fn note(&mut self, what: impl Into<String>) {
        self.trail.push(what.into());
    }

    /// Lets so many things happen.
    ///
    /// # Panics
    /// Something happens that never may.
    pub fn live(&mut self, events: usize) {
        for _ in 0..events {
            self.event();
        }
    }

    fn event(&mut self) {
        let passed_ms = self.chance.below(30_000);
        self.pass(passed_ms);
        match self.chance.below(100) {
            0..=13 => self.lodge(),
            14..=33 => self.act(),
            34..=36 => self.act_hosted(),
            37..=47 => self.dial(),
            48..=77 => self.talk(),
            78..=80 => self.cut(),
            81..=85 => self.fail_power(),
            86..=89 => self.restart_node(),
            90 | 91 => self.restart_province(),
            92 | 93 => self.copy(),
            94 | 95 => self.put_back(),
            96 => self.clone_machine(),
            97 => self.set_clock(),
            98 => self.publish(),
            _ => self.enrol_late(),
        }
        self.bury();
    }

    /// Time passes for everybody.
    fn pass(&mut self, passed_ms: u64) {
        self.province.clock.pass(passed_ms);
        for node in &self.nodes {
            node.machine.clock.pass(passed_ms);
        }
    }

    fn running(&mut self) -> Option<usize> {
        let running: Vec<usize> =
            (0..self.nodes.len()).filter(|place| self.nodes[*place].machine.office.is_some()).collect();
        self.chance.pick(&running).copied()
    }

    fn lodge(&mut self) {
        let Some(place) = self.running() else { return };
        let count = 1 + self.chance.below(2);
        let (office, seat) = (Arc::clone(self.nodes[place].machine.office()), self.nodes[place].seat.clone());
        let mut waiting = Vec::new();
        for _ in 0..count {
            let repeated =
                if self.chance.percent(6) { self.chance.pick(&self.requests).cloned() } else { None };
            let (_, request) = repeated.filter(|(of, _)| *of == seat).unwrap_or_else(|| {
                let request = format!("{seat}-{}", self.requests.len());
                self.requests.push((seat.clone(), request.clone()));
                (seat.clone(), request)
            });
            let line = work::lodging(&mut self.chance, seat.as_str(), &request);
            let known = office.store.read(|view| view.dossier_by_request(&seat, &request)).unwrap();
            waiting.push((known.and_then(|row| row.number), office.desk.lodge(&line, false)));
        }
        for (known, answer) in waiting {
            match answer.wait() {
                Ok(answer) => {
                    assert!(
                        known.is_none_or(|number| answer["number"] == *number),
                        "a request was answered anew"
                    );
                    self.lodged(place, &office, &answer);
                }
                Err(StoreError::Refused(refusal)) => self.refused("lodge", &refusal),
                Err(error) => panic!("{}: {error}", self.nodes[place].machine.name),
            }
        }
    }

    fn lodged(&mut self, place: usize, office: &Office, answer: &Value) {
        let number = answer["number"].as_str().unwrap().to_owned();
        let doc: DocId = answer["id"].as_str().unwrap().parse().unwrap();
        let first = office.store.read(|view| view.changes_of(doc)).unwrap();
        let change = first.first().unwrap().facts.hash;
        let lodged = Lodged { number: number.clone(), doc, change, seat: self.nodes[place].seat.clone() };
        self.note(format!("{} lodged {number}", self.nodes[place].machine.name));
        match self.model.lodged.get(&number) {
            None => {
                self.counters.count("lodged");
                self.model.lodged.insert(number, lodged);
            }
            Some(before) => {
                assert_eq!(before.doc, doc, "the number {number} was answered for two dossiers");
                self.counters.count("request repeated");
            }
        }
    }

    fn refused(&mut self, what: &str, refusal: &Refusal) {
        self.counters.count("refused");
        self.note(format!("{what} refused: {}", refusal.code));
        let may_happen = refusal.code.starts_with("act-")
            || matches!(
                refusal.code.as_ref(),
                "number-no-series" | "desk-no-directory" | "desk-step-unknown" | "desk-not-computable"
            )
            || refusal.code.contains("not-in-force")
            || refusal.code.contains("calendar");
        if !may_happen {
            self.counters.count("refused for another reason");
        }
    }

    fn act(&mut self) {
        let Some(place) = self.running() else { return };
        let seat = self.nodes[place].seat.clone();
        let office = Arc::clone(self.nodes[place].machine.office());
        for _ in 0..1 + self.chance.below(3) {
            self.act_at(&office, seat.as_str(), None);
        }
    }

    fn act_hosted(&mut self) {
        if let Some(office) = self.province.office.clone() {
            for _ in 0..1 + self.chance.below(3) {
                self.act_at(&office, HOSTED, Some(HOSTED.parse().unwrap()));
            }
        }
    }

    fn act_at(&mut self, office: &Office, seat: &str, holder: Option<AgencyCode>) {
        let filter = ListFilter { holder, ..ListFilter::default() };
        let mut rows = office.store.read(|view| view.list(&filter)).unwrap();
        // Offices work on what is new.
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.changed_at));
        rows.truncate(25);
        let Some(row) = self.chance.pick(&rows).cloned() else { return };
        let line = work::act(&mut self.chance, seat, &row);
        match office.desk.act(&line, false).wait() {
            Ok(answer) => {
                let id = answer["act_id"].as_str().unwrap();
                let change = office
                    .store
                    .read(|view| view.delivery_of(row.doc))
                    .unwrap()
                    .into_iter()
                    .map(|delivery| delivery.hash)
                    .find(|hash| id.starts_with(&hash.to_string()))
                    .expect("the act's change");
                self.counters.count("acted");
                let number = row.number.unwrap_or_default();
                self.note(format!("{seat} did {line}"));
                self.model.acted.push(Acted { number, change });
            }
            Err(StoreError::Refused(refusal)) => self.refused(&line, &refusal),
            Err(error) => panic!("{seat}: {error}"),
        }
    }

    fn dial(&mut self) {
        let Some(place) = self.running() else { return };
        let Some(centre) = self.province.office.clone() else { return };
        if self.calls.len() >= CALLS_MAX {
            return;
        }
        let is_second = self.calls.iter().any(|call| call.node == place);
        if is_second && !self.chance.percent(25) {
            return;
        }
        if is_second {
            self.counters.count("second session of one machine");
        }
        let is_live = self.chance.percent(50);
        let number = self.chance.draw();
        let office = Arc::clone(self.nodes[place].machine.office());
        self.calls.push(Call::new(place, &office, &centre, is_live, number));
        self.counters.count("dialled");
        self.note(format!("{} dialled, live {is_live}", self.nodes[place].machine.name));
    }

    /// Some of what is under way arrives.
    fn talk(&mut self) {
        for _ in 0..1 + self.chance.below(80) {
            let places: Vec<usize> = (0..self.calls.len()).collect();
            let Some(place) = self.chance.pick(&places).copied() else { return };
            if self.chance.percent(4) {
                self.calls[place].lose_news();
                self.counters.count("news lost");
            }
            let mut deliverable = self.calls[place].deliverable();
            if self.chance.percent(15) {
                deliverable.extend([Delivery::NodeTick, Delivery::ProvinceTick]);
            }
            if let Some(what) = self.chance.pick(&deliverable) {
                self.calls[place].deliver(*what);
                self.counters.count("delivered");
            }
            self.bury();
        }
    }

    /// Calls that are over are looked at and forgotten.
    fn bury(&mut self) {
        let (over, open): (Vec<Call>, Vec<Call>) =
            std::mem::take(&mut self.calls).into_iter().partition(|call| call.over.is_some());
        self.calls = open;
        for call in over {
            let name = self.nodes[call.node].machine.name.clone();
            self.note(format!("{name}'s session is over: {:?}", call.over));
            let place = call.node;
            let over = call.over.clone().unwrap_or(Over::Partial);
            drop(call);
            match over {
                Over::Converged => self.counters.count("converged"),
                Over::Partial => self.counters.count("partial"),
                Over::Moved => self.counters.count("moved"),
                Over::Silent => self.counters.count("silent for too long"),
                Over::Refused(code) => {
                    self.counters.count(if code == ByeCode::Difference {
                        "ended in a difference"
                    } else {
                        "refused session"
                    });
                    self.note(format!("{name} was refused: {code:?}"));
                    assert!(code.is_retryable(), "{name} was refused: {code:?}");
                }
                Over::PowerFailed(true) => {
                    self.counters.count("power failed at a node in a session");
                    self.hang_up(place);
                    self.nodes[place].machine.kill();
                    self.start_node(place);
                }
                Over::PowerFailed(false) => {
                    self.counters.count("power failed at the province in a session");
                    self.calls.clear();
                    self.province.kill();
                    self.start_province();
                }
                Over::Wrong(what) => panic!("{name}: {what}"),
            }
        }
    }

    fn cut(&mut self) {
        if !self.calls.is_empty() {
            let place = self.chance.place(self.calls.len());
            let call = self.calls.remove(place);
            self.note(format!("the line of {} is cut: {call:?}", self.nodes[call.node].machine.name));
            self.counters.count("line cut");
        }
    }

    fn fail_power(&mut self) {
        if !self.calls.is_empty() {
            let place = self.chance.place(self.calls.len());
            let (is_node, calls) = (self.chance.percent(60), self.chance.below(4));
            let when = if self.chance.percent(50) { When::Before } else { When::After };
            self.calls[place].doom(is_node, calls, when.clone());
            self.note(format!("call {place} is doomed: node {is_node}, {calls} calls, {when:?}"));
        }
    }

    /// A machine's sessions end with its process.
    fn hang_up(&mut self, place: usize) {
        self.calls.retain(|call| call.node != place);
    }

    fn start_node(&mut self, place: usize) {
        let seed = self.chance.draw();
        self.nodes[place].machine.start(seed);
    }

    fn start_province(&mut self) {
        let seed = self.chance.draw();
        self.province.start(seed);
        self.check_acks();
    }

    /// The province holds what it said it holds, whenever its process ended.
    ///
    /// # Panics
    /// It does not.
    fn check_acks(&self) {
        let centre = self.province.office();
        for node in &self.nodes {
            let Some(office) = &node.machine.office else { continue };
            for log in office.store.read(|view| view.own_logs()).unwrap() {
                let here =
                    centre.store.read(|view| view.log_head(log.boot)).unwrap().map_or(0, |head| head.lsn);
                assert!(
                    log.acked_lsn.max(log.proved_lsn) <= here,
                    "{} was told that {} entries of a log are at the province: {here} are",
                    node.machine.name,
                    log.acked_lsn
                );
            }
        }
    }

    fn end_node(&mut self, place: usize) {
        self.hang_up(place);
        if self.chance.percent(50) {
            self.nodes[place].machine.stop();
            self.counters.count("node stopped");
        } else {
            self.nodes[place].machine.kill();
            self.counters.count("node killed");
        }
    }

    /// One that runs ends; most of the time it starts again at once. One that does not run is started.
    fn restart_node(&mut self) {
        let place = self.chance.place(self.nodes.len());
        let name = self.nodes[place].machine.name.clone();
        if self.nodes[place].machine.office.is_some() {
            self.end_node(place);
            self.note(format!("{name} ended"));
            if self.chance.percent(30) {
                self.counters.count("node off for a while");
                return;
            }
        }
        self.start_node(place);
        self.note(format!("{name} started"));
    }

    fn restart_province(&mut self) {
        if self.province.office.is_some() {
            self.calls.clear();
            if self.chance.percent(50) {
                self.province.stop();
                self.counters.count("province stopped");
            } else {
                self.province.kill();
                self.counters.count("province killed");
            }
            self.note("the province ended");
            if self.chance.percent(30) {
                self.counters.count("province off for a while");
                return;
            }
        }
        self.start_province();
        self.note("the province started");
    }

    /// A copy of a directory is laid aside.
    fn copy(&mut self) {
        let place = self.chance.place(self.nodes.len());
        self.snapshots += 1;
        let dir = self.place.path().join(format!("copy-{}", self.snapshots));
        let node = &mut self.nodes[place];
        node.machine.copy_to(&dir);
        let begun = node.machine.begun_series();
        node.copies.push(Copied { dir, begun });
        self.counters.count("directory copied");
        let name = self.nodes[place].machine.name.clone();
        self.note(format!("{name} copied to copy-{}", self.snapshots));
    }

    /// Whether a directory in which these series had been begun may go to work without its witness at this place
    /// (beside all, when there is none) and no number can repeat: no other copy draws from, or will draw from, what
    /// it takes next. Otherwise nobody can know of the other: domain.md 2.6, case C6.
    fn is_detectable(&self, id: NodeId, begun: &BTreeSet<String>, place: Option<usize>) -> bool {
        let family = self.nodes.iter().enumerate().filter(|(_, node)| node.id == id);
        family.clone().all(|(_, node)| node.machine.begun_series() == *begun)
            && family
                .filter(|(other, _)| Some(*other) != place)
                .all(|(_, node)| node.machine.has_series_in_use())
    }

    /// An earlier copy takes the place of the directory; what only the newer one held is gone.
    fn put_back(&mut self) {
        let place = self.chance.place(self.nodes.len());
        if self.nodes[place].copies.is_empty() {
            return;
        }
        let copy = self.chance.place(self.nodes[place].copies.len());
        self.end_node(place);
        let copied = &self.nodes[place].copies[copy];
        let (dir, begun) = (copied.dir.clone(), copied.begun.clone());
        let is_detectable = self.is_detectable(self.nodes[place].id, &begun, Some(place));
        let is_witness_kept = !is_detectable || self.chance.percent(50);
        let before = self.own_changes(place);
        let at_province = self.province_changes();
        self.nodes[place].machine.put_back(&dir, is_witness_kept);
        let after = self.own_changes(place);
        let lost = before.difference(&after).filter(|change| !at_province.contains(*change)).copied();
        self.model.gone.extend(lost);
        self.counters.count(if is_witness_kept {
            "copy put back, witness ahead"
        } else {
            "copy put back, witness missing"
        });
        let name = self.nodes[place].machine.name.clone();
        self.note(format!("{name} put back from {}, witness kept {is_witness_kept}", dir.display()));
        self.start_node(place);
    }

    fn own_changes(&self, place: usize) -> BTreeSet<ChangeHash> {
        let machine = &self.nodes[place].machine;
        let reader = motcua_node::store::Reader::open(&machine.dir, machine.clock.as_ref()).unwrap();
        reader.read(changes).unwrap()
    }

    fn province_changes(&self) -> BTreeSet<ChangeHash> {
        let machine = &self.province;
        let reader = motcua_node::store::Reader::open(&machine.dir, machine.clock.as_ref()).unwrap();
        reader.read(changes).unwrap()
    }

    /// A copy of a directory goes to work beside the original, without its witness.
    fn clone_machine(&mut self) {
        let place = self.chance.place(self.nodes.len());
        let (id, seat) = (self.nodes[place].id, self.nodes[place].seat.clone());
        let clones = self.nodes.iter().filter(|node| node.id == id && node.is_clone).count();
        let begun = self.nodes[place].machine.begun_series();
        if clones >= CLONES_MAX || !self.is_detectable(id, &begun, None) {
            return;
        }
        let is_running = self.nodes[place].machine.office.is_some();
        if is_running {
            self.end_node(place);
        }
        let name = format!("{}-clone-{}", self.nodes[place].machine.name, clones + 1);
        let mut machine = Machine::new(self.place.path(), &name);
        self.nodes[place].machine.copy_to(&machine.dir);
        if is_running {
            self.start_node(place);
        }
        machine.clock.set(Millis(BEGINNING.0 + i64::try_from(self.chance.below(3_600_000)).unwrap_or(0)));
        machine.start(self.chance.draw());
        // From now on each has another series: the original keeps its own, the copy has left it.
        self.nodes.push(Node { machine, seat, id, copies: Vec::new(), is_clone: true });
        self.counters.count("directory cloned");
        self.note(format!("{name} went to work"));
    }

    fn set_clock(&mut self) {
        let shift_ms = match self.chance.below(4) {
            0 => DAY_MS * 400,
            1 => -DAY_MS * 40,
            2 => DAY_MS,
            _ => -3_600_000,
        };
        let wall = Millis(BEGINNING.0 + shift_ms);
        let place = self.chance.place(self.nodes.len() + 2);
        let machine = self.nodes.get(place).map_or(&self.province, |node| &node.machine);
        machine.clock.set(wall);
        let name = machine.name.clone();
        self.counters.count("clock set");
        self.note(format!("the clock of {name} jumped to {shift_ms} ms after the beginning"));
    }

    fn publish(&mut self) {
        let Some(centre) = self.province.office.clone() else { return };
        province::import(&centre, motcua_node::directory::sample::SAMPLE).unwrap();
        province::publish(&centre, None).unwrap();
        self.counters.count("directory published");
        self.note("a directory version was published");
    }

    fn enrol_late(&mut self) {
        let seat = NODE_SEATS[NODE_SEATS.len() - 1];
        let is_there = self.nodes.iter().any(|node| node.seat.as_str() == seat);
        if !is_there && self.province.office.is_some() && self.chance.percent(50) {
            self.enrol(seat);
            self.counters.count("enrolled late");
            self.note("a seat was enrolled late");
        }
    }

    /// One whole session over a perfect line.
    ///
    /// # Panics
    /// The node or the province does not run.
    pub fn sync(&mut self, place: usize) -> (Over, sync_protocol::session::node::NodeStatistics) {
        let number = self.chance.draw();
        let (office, centre) =
            (Arc::clone(self.nodes[place].machine.office()), Arc::clone(self.province.office()));
        let mut call = Call::new(place, &office, &centre, false, number);
        drop((office, centre));
        let (province, nodes) = (&self.province, &self.nodes);
        let over = call.run(&mut |passed_ms| {
            province.clock.pass(passed_ms);
            nodes.iter().for_each(|node| node.machine.clock.pass(passed_ms));
        });
        (over, call.statistics())
    }

    /// The faults are over: everything runs, and everybody syncs until nothing moves any more.
    ///
    /// # Panics
    /// A session does not converge, or there is always something left to move.
    pub fn heal(&mut self) {
        self.calls.clear();
        self.start_province();
        for place in 0..self.nodes.len() {
            self.start_node(place);
        }
        self.note("the faults are over");
        for round in 1..=ROUNDS_MAX {
            let mut has_moved = false;
            for place in 0..self.nodes.len() {
                let (over, moved) = self.sync(place);
                let name = self.nodes[place].machine.name.clone();
                self.note(format!("round {round}: {name} {over:?} {moved:?}"));
                assert_eq!(over, Over::Converged, "{name} in round {round}");
                has_moved |= moved.round_trips > 1;
            }
            if !has_moved {
                self.counters.add("rounds", round as u64);
                return;
            }
        }
        panic!("after {ROUNDS_MAX} rounds there is still something to move");
    }
}

/// A folder in memory where there is one: a machine's death is played by copying its files, and no disk is asked.
fn scratch() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap()
}

/// Every change that is here, whatever became of it.
fn changes(view: &View<'_>) -> Result<BTreeSet<ChangeHash>, StoreError> {
    let mut found = BTreeSet::new();
    for (_, doc) in view.documents_by_number(None, usize::from(u16::MAX))? {
        found.extend(view.changes_of(doc)?.into_iter().map(|change| change.facts.hash));
    }
    Ok(found)
}
