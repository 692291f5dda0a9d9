//! A whole province: its machines, who works on them, what they answered, and how each step of a plan is carried out.

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
use std::sync::Mutex;

use motcua_node::dossier::table::row_of;
use motcua_node::identity::MachineIdentity;
use motcua_node::identity::SecretKeys;
use motcua_node::ids::AgencyCode;
use motcua_node::refusal::Refusal;
use motcua_node::roles::Office;
use motcua_node::roles::ban;
use motcua_node::roles::commune;
use motcua_node::roles::province;
use motcua_node::store::Reader;
use motcua_node::store::StoreError;
use motcua_node::store::View;
use motcua_node::store::dossiers::ListFilter;
use motcua_node::store::log::EntryState;
use motcua_node::transport::enrol::EnrolAsk;
use motcua_node::transport::enrol::Token;
use serde_json::Value;
use serde_json::json;
use sync_protocol::entry;
use sync_protocol::entry::Digest;
use sync_protocol::entry::EntryKind;
use sync_protocol::frame::ByeCode;
use sync_protocol::head::feed_key;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::FeedId;
use sync_protocol::ids::NodeId;
use sync_protocol::session::node::NodeStatistics;
use sync_protocol::time::Millis;
use tempfile::TempDir;

use crate::faults::call::Call;
use crate::faults::call::Delivery;
use crate::faults::call::Over;
use crate::faults::call::When;
use crate::faults::chance::Chance;
use crate::faults::chance::SeededRandom;
use crate::faults::machine::BEGINNING;
use crate::faults::machine::Files;
use crate::faults::machine::Machine;
use crate::faults::planted::Memory;
use crate::faults::planted::Mistake;
use crate::faults::planted::Plant;
use crate::faults::work;
use crate::sim::adversary::Adversary;
use crate::sim::coverage::Coverage;
use crate::sim::directory;
use crate::sim::directory::HOSTED;
use crate::sim::directory::NODE_SEATS;
use crate::sim::plan::Plan;
use crate::sim::plan::Step;
use crate::sim::plan::What;
use crate::sim::watch;
use crate::sim::watch::Standings;

const DAY_MS: i64 = 24 * 3_600_000;
/// Sessions at once, of all machines.
const CALLS_MAX: usize = 10;
/// Copies of one machine at work beside the original.
const CLONES_MAX: usize = 2;
/// Rounds in which everybody syncs with everything, at most, until nothing moves.
const ROUNDS_MAX: usize = 12;
/// Machines banned, at most.
const BANS_MAX: usize = 2;
/// How often everything is looked at while faults go on, in steps.
const WATCH_EVERY_STEPS: usize = 60;
/// Documents on which machines are compared each time.
const COMPARED_DOCS: usize = 6;
/// More is never under way in one direction of a session: what a link takes in, and one frame.
const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// One machine of a commune: the enrolled one, or a copy of its directory that went to work, too.
#[derive(Debug)]
pub struct Node {
    /// The machine.
    pub machine: Machine,
    /// Its seat.
    pub seat: AgencyCode,
    /// Who it is.
    pub id: NodeId,
    /// Whether it is a copy.
    pub is_clone: bool,
    /// Whether the province has shut it out.
    pub is_banned: bool,
    /// Until which step it cannot reach the province.
    cut_off_until: usize,
    copies: Vec<Copied>,
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
    /// Its document.
    pub doc: DocId,
    /// The change that received it.
    pub change: ChangeHash,
    /// Which machine answered.
    pub by: NodeId,
}

/// A change that an officer was told is saved.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Its document.
    pub doc: DocId,
    /// The change.
    pub change: ChangeHash,
    /// Which machine answered.
    pub by: NodeId,
    /// Whether a paper, money or a result left the office with it.
    pub is_printed: bool,
}

/// What the program said, so that it can be held to it.
#[derive(Debug, Default)]
pub struct Model {
    /// Every number that was answered, by number.
    pub lodged: BTreeMap<String, Lodged>,
    /// Every change that was answered.
    pub answered: Vec<Answered>,
    /// Changes that existed only on a disk that is no more: they may be missing.
    pub gone: BTreeSet<ChangeHash>,
    /// Machines of which an image went to work.
    pub imaged: BTreeSet<NodeId>,
    /// Numbers that two images printed.
    pub namesakes: BTreeSet<String>,
    /// Whether the province has been put back: what it said before may not hold until all have called.
    pub is_province_behind: bool,
}

/// A world.
#[derive(Debug)]
pub struct World {
    /// Everything random in the step that is carried out.
    pub chance: Chance,
    /// The provincial server.
    pub province: Machine,
    /// The communes' machines.
    pub nodes: Vec<Node>,
    /// The machine whose owner means harm.
    pub adversary: Adversary,
    /// What the program answered.
    pub model: Model,
    /// What it was worth.
    pub coverage: Coverage,
    /// What happened, in order.
    pub trail: Vec<String>,
    /// How many steps have been carried out.
    pub step: usize,
    /// A mistake of ours that the oracles must find.
    pub mistake: Option<Mistake>,
    memory: Arc<Mutex<Memory>>,
    calls: Vec<Call>,
    requests: Vec<(AgencyCode, String)>,
    standings: BTreeMap<String, Standings>,
    province_copies: Vec<PathBuf>,
    versions: u32,
    copies: usize,
    bans: usize,
    joined: BTreeSet<(Vec<u8>, i64)>,
    place: TempDir,
}

/// A certificate for a new machine of a seat, given as the program gives it but for the line.
///
/// # Panics
/// The province refuses it.
#[must_use]
pub fn certified(centre: &Arc<Office>, seat: &str, chance: &mut Chance) -> MachineIdentity {
    let answer = province::enrol_new(centre, seat, &["localhost:1".to_owned()], 24).unwrap();
    let token = Token::from_text(answer["token"].as_str().unwrap()).unwrap();
    let mut seeds = [[0; 32]; 3];
    for byte in seeds.iter_mut().flatten() {
        *byte = chance.draw().to_le_bytes()[0];
    }
    let keys = SecretKeys::from_seeds(&seeds);
    let ask = EnrolAsk {
        code_hash: token.code.hash(),
        agency: token.agency.clone(),
        node: keys.node(),
        keys: keys.public(),
        request: keys.request(centre.identity.province()),
    };
    let grant = province::enrol_desk(centre).unwrap().decide(&ask).unwrap();
    MachineIdentity::new(keys, grant.certificate, token.ca).unwrap()
}

impl World {
    /// The world of a plan at its beginning: a province, its communes with a machine each, all even, and an
    /// adversary with a certificate.
    ///
    /// # Panics
    /// A machine cannot be made.
    #[must_use]
    pub fn new(plan: &Plan, mistake: Option<Mistake>) -> Self {
        let place = scratch();
        let mut chance = Chance::new(plan.seed ^ 0x5eed);
        let mut province = Machine::new(place.path(), "province");
        let options = province.options(chance.draw());
        let witness = province.witness.clone();
        let code = directory::PROVINCE.parse().unwrap();
        let office =
            province::init_with(&province.dir, options, |_| witness, &code, "Tỉnh Thử", &directory::first());
        province.office = Some(Arc::new(office.unwrap()));
        let hostile = certified(province.office(), directory::ADVERSARY, &mut chance);
        let mut world = Self {
            chance,
            province,
            nodes: Vec::new(),
            adversary: Adversary::new(Arc::new(hostile)),
            model: Model::default(),
            coverage: Coverage::default(),
            trail: Vec::new(),
            step: 0,
            mistake,
            memory: Arc::default(),
            calls: Vec::new(),
            requests: Vec::new(),
            standings: BTreeMap::new(),
            province_copies: Vec::new(),
            versions: 1,
            copies: 0,
            bans: 0,
            joined: BTreeSet::new(),
            place,
        };
        for seat in NODE_SEATS.iter().take(plan.communes) {
            world.enrol(seat);
        }
        world
    }

    /// Enrols a machine for a seat and lets it sync once.
    ///
    /// # Panics
    /// The province refuses it.
    pub fn enrol(&mut self, seat: &str) {
        let centre = Arc::clone(self.province.office());
        let identity = certified(&centre, seat, &mut self.chance);
        drop(centre);
        let name = format!("{seat}-{}", self.nodes.len());
        let mut machine = Machine::new(self.place.path(), &name);
        if self.mistake == Some(Mistake::CounterWithoutWitness) {
            machine.witness = machine.dir.join("witness");
        }
        std::fs::create_dir_all(&machine.dir).unwrap();
        identity.save(&machine.dir).unwrap();
        let options = machine.options(self.chance.draw());
        let id = identity.node();
        machine.office = Some(Arc::new(commune::create(&machine.dir, identity, |_| options).unwrap()));
        let seat = seat.parse().unwrap();
        self.add(machine, seat, id, false);
        let over = self.sync(self.nodes.len() - 1).0;
        assert_eq!(over, Over::Converged, "the first session of {name}");
    }

    fn add(&mut self, machine: Machine, seat: AgencyCode, id: NodeId, is_clone: bool) {
        let node =
            Node { machine, seat, id, is_clone, is_banned: false, cut_off_until: 0, copies: Vec::new() };
        self.nodes.push(node);
    }

    fn note(&mut self, what: impl Into<String>) {
        self.trail.push(format!("{:>4} {}", self.step, what.into()));
    }

    /// Carries out one step.
    ///
    /// # Panics
    /// Something happens that never may.
    pub fn carry_out(&mut self, step: Step) {
        self.chance = Chance::new(step.draw);
        self.step += 1;
        let passed_ms = self.chance.below(40_000);
        self.pass(passed_ms);
        match step.what {
            What::Lodge => self.lodge(),
            What::Act => self.act(),
            What::ActHosted => self.act_hosted(),
            What::Province => self.act_as_province(),
            What::Dial => self.dial(),
            What::Talk => self.talk(),
            What::Exchange => self.exchange(),
            What::Cut => self.cut(),
            What::AckLost => self.lose_ack(),
            What::Partition => self.partition(),
            What::PowerInSession => self.doom(),
            What::PowerAtDesk => self.fail_at_desk(),
            What::Doubled => self.double(),
            What::RestartNode => self.restart_node(),
            What::RestartProvince => self.restart_province(),
            What::Copy => self.copy(),
            What::PutBack => self.put_back(),
            What::Clone => self.clone_machine(),
            What::Image => self.image(),
            What::RestoreProvince => self.restore_province(),
            What::Clock => self.set_clock(),
            What::DiskFull => self.fill_disk(),
            What::Publish => self.publish(),
            What::Enrol => self.enrol_late(),
            What::Replace => self.replace(),
            What::Adversary => self.attack(),
            What::Decide => self.decide(),
        }
        self.bury();
        if self.mistake == Some(Mistake::JoinMisses) {
            self.miss_joins();
        }
        if self.step.is_multiple_of(WATCH_EVERY_STEPS) {
            self.watch();
        }
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

    /// What a machine is about at this moment, for the table of what faults fell into.
    fn state_of(&self, place: usize) -> &'static str {
        let Some(office) = &self.nodes[place].machine.office else { return "off" };
        match self.calls.iter().find(|call| call.node == place) {
            Some(call) => call.phase.name(),
            None if office.store.read(|view| view.unproved()).unwrap().changes > 0 => "unsent work",
            None => "even",
        }
    }

    fn province_state(&mut self) -> &'static str {
        if self.province.office.is_none() {
            return "off";
        }
        let phases: Vec<_> = self.calls.iter().map(|call| call.phase.name()).collect();
        self.chance.pick(&phases).copied().unwrap_or("even")
    }

    // ---- officers ------------------------------------------------------------------------------------------------

    fn lodge(&mut self) {
        let Some(place) = self.running() else { return };
        for _ in 0..1 + self.chance.below(7) {
            self.lodge_at(place);
        }
    }

    fn lodging(&mut self, place: usize) -> (String, String) {
        let seat = self.nodes[place].seat.clone();
        let known = if self.chance.percent(5) { self.chance.pick(&self.requests).cloned() } else { None };
        let request = known.filter(|(of, _)| *of == seat).map_or_else(
            || {
                let request = format!("{seat}-{}-{}", self.step, self.requests.len());
                self.requests.push((seat.clone(), request.clone()));
                request
            },
            |(_, request)| request,
        );
        let mut line: Value =
            serde_json::from_str(&work::lodging(&mut self.chance, seat.as_str(), &request)).unwrap();
        match self.chance.below(6) {
            0 => {
                line["procedure"] = json!("1.001193");
                line["competent"] = json!(self.chance.pick(&NODE_SEATS));
            }
            1 if self.chance.percent(30) => {
                line["procedure"] = json!("1.001193");
                line["competent"] = json!(directory::ADVERSARY);
            }
            _ => {}
        }
        (request, line.to_string())
    }

    fn lodge_at(&mut self, place: usize) {
        let (request, line) = self.lodging(place);
        let node = &self.nodes[place];
        let (office, seat) = (Arc::clone(node.machine.office()), node.seat.clone());
        let known = office.store.read(|view| view.dossier_by_request(&seat, &request)).unwrap();
        match office.desk.lodge(&line, false).wait() {
            Ok(answer) => {
                let known = known.and_then(|row| row.number);
                assert!(known.is_none_or(|known| answer["number"] == *known), "a request was answered anew");
                self.answered_lodging(place, &answer);
            }
            Err(error) => self.refused(place, "lodge", &error),
        }
    }

    fn answered_lodging(&mut self, place: usize, answer: &Value) {
        let number = answer["number"].as_str().unwrap().to_owned();
        let doc: DocId = answer["id"].as_str().unwrap().parse().unwrap();
        let (office, by) = (Arc::clone(self.nodes[place].machine.office()), self.nodes[place].id);
        let first = office.store.read(|view| view.changes_of(doc)).unwrap();
        let change = first.first().unwrap().facts.hash;
        self.lodged(place, number, Lodged { doc, change, by });
    }

    fn lodged(&mut self, place: usize, number: String, lodged: Lodged) {
        self.note(format!("{} lodged {number}", self.nodes[place].machine.name));
        match self.model.lodged.get(&number) {
            None => {
                self.coverage.count("lodged");
                let (doc, change, by) = (lodged.doc, lodged.change, lodged.by);
                self.model.answered.push(Answered { doc, change, by, is_printed: true });
                self.model.lodged.insert(number, lodged);
            }
            // Two images cannot know of each other until one of them has called.
            Some(before) if before.doc != lodged.doc && self.model.imaged.contains(&lodged.by) => {
                self.coverage.count("a number printed by two images");
                let (doc, change, by) = (lodged.doc, lodged.change, lodged.by);
                self.model.answered.push(Answered { doc, change, by, is_printed: true });
                self.model.namesakes.insert(number);
            }
            Some(before) => {
                assert_eq!(before.doc, lodged.doc, "the number {number} was answered for two dossiers");
                self.coverage.count("a request repeated");
            }
        }
    }

    /// What an officer is told when a line is not done. Everything but a full disk is a rule.
    fn refused(&mut self, place: usize, what: &str, error: &StoreError) {
        let is_full = self.nodes.get(place).is_some_and(|node| node.machine.is_disk_full)
            || (place >= self.nodes.len() && self.province.is_disk_full);
        match error {
            StoreError::Refused(refusal) => self.told(what, refusal),
            StoreError::DiskFull if is_full => self.coverage.count("refused for a full disk"),
            StoreError::DiskFull
            | StoreError::Bug(_)
            | StoreError::Newer { .. }
            | StoreError::Absent { .. }
            | StoreError::Exists { .. }
            | StoreError::NotWritable { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Locked
            | StoreError::Io(_) => panic!("{what}: {error:?}"),
        }
    }

    fn told(&mut self, what: &str, refusal: &Refusal) {
        *self.coverage.refusals.entry(refusal.code.to_string()).or_default() += 1;
        self.note(format!("refused, {}: {what}", refusal.code));
    }

    fn act(&mut self) {
        let Some(place) = self.running() else { return };
        for _ in 0..3 + self.chance.below(14) {
            let node = &self.nodes[place];
            let (office, seat) = (Arc::clone(node.machine.office()), node.seat.clone());
            self.act_at(place, &office, seat.as_str(), None);
        }
    }

    fn act_hosted(&mut self) {
        if let Some(office) = self.province.office.clone() {
            for _ in 0..3 + self.chance.below(12) {
                let seat = *self.chance.pick(&HOSTED).unwrap_or(&HOSTED[0]);
                self.act_at(usize::MAX, &office, seat, Some(seat.parse().unwrap()));
            }
        }
    }

    fn act_at(&mut self, place: usize, office: &Office, seat: &str, holder: Option<AgencyCode>) {
        let filter = ListFilter { holder, ..ListFilter::default() };
        let mut rows = office.store.read(|view| view.list(&filter)).unwrap();
        // Offices work on what is new.
        rows.sort_unstable_by_key(|row| (std::cmp::Reverse(row.changed_at), row.doc));
        rows.truncate(30);
        let Some(row) = self.chance.pick(&rows).cloned() else { return };
        let is_settling = row.needs_person && self.chance.percent(40);
        let line = if is_settling {
            settlement(office, row.doc, &format!("{seat}/01"), &row.number.clone().unwrap_or_default())
        } else {
            Some(work::act(&mut self.chance, seat, &row))
        };
        if let Some(line) = line {
            self.does(place, office, row.doc, &line);
        }
    }

    fn does(&mut self, place: usize, office: &Office, doc: DocId, line: &str) {
        match office.desk.act(line, false).wait() {
            Ok(answer) => {
                let id = answer["act_id"].as_str().unwrap();
                let state = office.store.read(|view| view.state(doc)).unwrap().unwrap();
                let Some(done) = state.acts.iter().find(|act| act.id.to_string() == id) else {
                    // Two dossiers under one number: it was done on the other one.
                    self.coverage.count("acted on a namesake");
                    return;
                };
                self.coverage.count("acted");
                let by = self.nodes.get(place).map_or(office.identity.node(), |node| node.id);
                let is_printed = done.act.kind().is_some_and(|kind| row_of(kind).is_printed);
                self.model.answered.push(Answered { doc, change: done.id.change, by, is_printed });
                self.note(format!("done: {line}"));
            }
            Err(error) => self.refused(place, line, &error),
        }
    }

    fn act_as_province(&mut self) {
        let Some(office) = self.province.office.clone() else { return };
        let needs_person = self.chance.percent(70);
        let rows = office
            .store
            .read(|view| view.list(&ListFilter { needs_person, ..ListFilter::default() }))
            .unwrap();
        let Some(row) = self.chance.pick(&rows).cloned() else { return };
        let number = row.number.clone().unwrap_or_default();
        let line = if needs_person {
            settlement(&office, row.doc, "H27/01", &number)
        } else {
            let state = office.store.read(|view| view.state(row.doc)).unwrap().unwrap();
            let act = self.chance.pick(&state.acts).map(|act| act.id.to_string());
            let mark = if self.chance.percent(50) { "void" } else { "review" };
            act.map(|act| {
                json!({ "number": number, "act": "mark", "officer": "H27/01", "acts": [act], "mark": mark,
                        "basis": "kiểm tra thử" })
                .to_string()
            })
        };
        if let Some(line) = line {
            self.does(usize::MAX, &office, row.doc, &line);
        }
    }

    // ---- sessions ------------------------------------------------------------------------------------------------

    fn plant(&self, node: NodeId) -> Option<Plant> {
        self.mistake.map(|mistake| Plant::new(mistake, node, &self.memory))
    }

    fn call(&mut self, place: usize, is_live: bool) -> Call {
        let number = self.chance.draw();
        let office = Arc::clone(self.nodes[place].machine.office());
        let planted = self.plant(self.nodes[place].id);
        Call::with(place, &office, self.province.office(), is_live, number, planted)
    }

    fn dial(&mut self) {
        let Some(place) = self.running() else { return };
        if self.province.office.is_none() || self.calls.len() >= CALLS_MAX {
            return;
        }
        if self.nodes[place].cut_off_until > self.step {
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
    fn talk(&mut self) {
        for _ in 0..1 + self.chance.below(160) {
            if !self.deliver_one() {
                return;
            }
        }
    }

    fn deliver_one(&mut self) -> bool {
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

    fn exchange(&mut self) {
        for place in 0..self.nodes.len() {
            let node = &self.nodes[place];
            let can = node.machine.office.is_some() && node.cut_off_until <= self.step && !node.is_banned;
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
    fn bury(&mut self) {
        while let Some(at) = self.calls.iter().position(|call| call.over.is_some()) {
            let mut call = self.calls.remove(at);
            let (place, phase) = (call.node, call.phase.name());
            let over = call.over.clone().unwrap_or(Over::Partial);
            let files = call.take_files();
            assert!(call.line_bytes_max <= LINE_BYTES_MAX, "{} bytes were under way", call.line_bytes_max);
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
    fn hear_time(&self, place: usize) {
        if let (Some(office), Some(centre)) = (&self.nodes[place].machine.office, &self.province.office) {
            office.desk.hear_time(centre.clock().wall());
        }
    }

    /// A machine's sessions end with its process.
    fn hang_up(&mut self, place: usize) {
        let (ended, open): (Vec<Call>, Vec<Call>) =
            std::mem::take(&mut self.calls).into_iter().partition(|call| call.node == place);
        self.calls = open;
        ended.into_iter().for_each(Call::hang_up);
    }

    // ---- faults --------------------------------------------------------------------------------------------------

    fn cut(&mut self) {
        if self.calls.is_empty() {
            return;
        }
        let at = self.chance.place(self.calls.len());
        let call = self.calls.remove(at);
        self.note(format!("the line of {} is cut: {call:?}", self.nodes[call.node].machine.name));
        self.coverage.fault(What::Cut.name(), call.phase.name());
        call.hang_up();
    }

    fn lose_ack(&mut self) {
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

    fn partition(&mut self) {
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

    fn doom(&mut self) {
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
    fn fail_at_desk(&mut self) {
        let Some(place) = self.running() else { return };
        self.coverage.fault(What::PowerAtDesk.name(), self.state_of(place));
        self.hang_up(place);
        let office = Arc::clone(self.nodes[place].machine.office());
        let before = Files::read(&self.nodes[place].machine.place());
        let (_, line) = self.lodging(place);
        let _nobody_is_told = office.desk.lodge(&line, false).wait();
        drop(office);
        self.note(format!("the power of {} fails at the desk", self.nodes[place].machine.name));
        self.kill_node(place, Some(&before));
        self.start_node(place);
    }

    fn double(&mut self) {
        if self.calls.is_empty() {
            return;
        }
        let at = self.chance.place(self.calls.len());
        let is_node = self.chance.percent(50);
        self.calls[at].double(is_node);
        self.coverage.fault(What::Doubled.name(), self.calls[at].phase.name());
        self.note(format!("session {at} delivers twice, to the node {is_node}"));
    }

    fn kill_node(&mut self, place: usize, during: Option<&Files>) {
        let chance = &mut self.chance;
        let machine = &mut self.nodes[place].machine;
        match during {
            Some(files) => machine.kill_during(files, chance),
            None => machine.kill(),
        }
    }

    fn kill_province(&mut self, during: Option<&Files>) {
        self.calls.clear();
        match during {
            Some(files) => self.province.kill_during(files, &mut self.chance),
            None => self.province.kill(),
        }
    }

    fn start_node(&mut self, place: usize) {
        let seed = self.chance.draw();
        self.nodes[place].machine.start(seed);
        self.check_answers_held(place);
    }

    /// What a machine answered is on its disk whenever it starts.
    fn check_answers_held(&self, place: usize) {
        let node = &self.nodes[place];
        let office = node.machine.office();
        let is_alone = self.nodes.iter().filter(|other| other.id == node.id).count() == 1;
        let recent = self.model.answered.iter().rev().filter(|answered| answered.by == node.id && is_alone);
        for answered in recent.take(12).filter(|answered| !self.model.gone.contains(&answered.change)) {
            let facts = office.store.read(|view| view.change_facts(answered.doc, answered.change)).unwrap();
            // What was put back comes from the province again, and may not have yet.
            assert!(
                facts.is_some() || self.province_has(answered),
                "{}: what was answered is not there: {answered:?}",
                node.machine.name
            );
        }
    }

    fn province_has(&self, answered: &Answered) -> bool {
        let machine = &self.province;
        let reader = Reader::open(&machine.dir, machine.clock.as_ref()).unwrap();
        reader.read(|view| view.change_facts(answered.doc, answered.change)).unwrap().is_some()
    }

    fn start_province(&mut self) {
        let seed = self.chance.draw();
        self.province.start(seed);
        self.check_acks();
    }

    /// The province holds what it said it holds, whenever its process ended.
    fn check_acks(&self) {
        if self.model.is_province_behind {
            return;
        }
        let centre = self.province.office();
        for node in &self.nodes {
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

    fn end_node(&mut self, place: usize) {
        self.hang_up(place);
        if self.chance.percent(50) {
            self.nodes[place].machine.stop();
        } else {
            self.kill_node(place, None);
        }
    }

    /// One that runs ends; most of the time it starts again at once. One that does not run is started.
    fn restart_node(&mut self) {
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

    fn restart_province(&mut self) {
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

    fn copy(&mut self) {
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

    fn changes_at(&self, machine: &Machine) -> BTreeSet<ChangeHash> {
        let reader = Reader::open(&machine.dir, machine.clock.as_ref()).unwrap();
        reader.read(changes).unwrap()
    }

    /// Every change that is anywhere but on this machine.
    fn changes_elsewhere(&self, place: usize) -> BTreeSet<ChangeHash> {
        let others = self.nodes.iter().enumerate().filter(|(other, _)| *other != place);
        let machines = others.map(|(_, node)| &node.machine).chain([&self.province]);
        machines.flat_map(|machine| self.changes_at(machine)).collect()
    }

    /// A copy of a directory goes to work beside the original, without its witness.
    fn clone_machine(&mut self) {
        let place = self.chance.place(self.nodes.len());
        let (id, seat) = (self.nodes[place].id, self.nodes[place].seat.clone());
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
        self.add(machine, seat, id, true);
        self.coverage.fault(What::Clone.name(), state);
        self.note(format!("{name} went to work"));
    }

    /// A perfect image of a running machine goes on beside it: the same process, boot and witness, as far as both know.
    /// Two processes with the same files, clock and random bytes do the same until their random bytes part.
    fn image(&mut self) {
        let place = self.chance.place(self.nodes.len());
        let (id, seat) = (self.nodes[place].id, self.nodes[place].seat.clone());
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
        self.model.imaged.insert(id);
        self.add(image, seat, id, true);
        self.coverage.fault(What::Image.name(), state);
        self.note(format!("{name} goes on beside the original"));
    }

    fn restore_province(&mut self) {
        let Some(copy) = self.chance.pick(&self.province_copies).cloned() else { return };
        let state = self.province_state();
        self.calls.clear();
        self.province.stop();
        let is_witness_kept = self.chance.percent(50);
        self.province.put_back(&copy, is_witness_kept);
        self.model.is_province_behind = true;
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

    fn set_clock(&mut self) {
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
    fn fill_disk(&mut self) {
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
        if self.province.office.is_some() && !self.nodes[place].is_banned {
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

    fn publish(&mut self) {
        let Some(centre) = self.province.office.clone() else { return };
        self.versions += 1;
        province::import(&centre, &directory::text(self.versions)).unwrap();
        province::publish(&centre, None).unwrap();
        self.coverage.fault(What::Publish.name(), "at work");
        self.note(format!("directory {} is published", self.versions));
        // Now machines hold different ones.
        self.compare_states();
    }

    fn enrol_late(&mut self) {
        if self.province.office.is_none() {
            return;
        }
        let is_free = |seat: &str| self.nodes.iter().all(|node| node.seat.as_str() != seat);
        if let Some(seat) = NODE_SEATS.into_iter().find(|seat| is_free(seat)) {
            self.enrol(seat);
            self.coverage.fault(What::Enrol.name(), "at work");
            self.note(format!("{seat} is enrolled"));
        }
    }

    /// A machine is lost; the province bans it and enrols another one for its seat. Whoever has it works on.
    fn replace(&mut self) {
        let Some(centre) = self.province.office.clone() else { return };
        let place = self.chance.place(self.nodes.len());
        let id = self.nodes[place].id;
        if self.bans >= BANS_MAX || self.nodes[place].is_banned {
            return;
        }
        self.coverage.fault(What::Replace.name(), self.state_of(place));
        self.bans += 1;
        let suspect_from = self.chance.percent(60).then_some(BEGINNING);
        let suspect_from = suspect_from.filter(|from| *from <= centre.clock().wall());
        let answer = ban::ban(&centre, &id.to_string(), "máy bị mất", suspect_from).unwrap();
        self.note(format!("{id} is banned: {}", answer["suspect_dossiers"]));
        if self.mistake == Some(Mistake::DoubledMark) {
            mark_again(&centre, id);
        }
        self.coverage.add("dossiers marked for review", answer["suspect_dossiers"].as_u64().unwrap_or(0));
        for place in 0..self.nodes.len() {
            if self.nodes[place].id == id {
                self.nodes[place].is_banned = true;
                // The door closes the sessions of a banned machine.
                self.hang_up(place);
            }
        }
        let seat = self.nodes[place].seat.to_string();
        drop(centre);
        self.enrol(&seat);
    }

    fn attack(&mut self) {
        let Some(centre) = self.province.office.clone() else { return };
        self.coverage.fault(What::Adversary.name(), "at work");
        for part in 0..2 {
            let planted = self.plant(self.adversary.id);
            let outcome =
                self.adversary.sync(&centre, planted).unwrap_or_else(|why| panic!("adversary: {why}"));
            self.note(format!("the adversary's session: {outcome:?}"));
            for _ in 0..(1 - part) * (1 + self.chance.below(6)) {
                let what = self.adversary.write(&mut self.chance);
                self.coverage.count(what);
                self.note(format!("the adversary writes {what}"));
            }
        }
    }

    fn decide(&mut self) {
        let Some(centre) = self.province.office.clone() else { return };
        let kept = centre.store.read(|view| view.quarantine(None, 400)).unwrap();
        let open: Vec<i64> = kept
            .iter()
            .filter(|entry| entry.state == EntryState::Quarantined)
            .map(|entry| entry.id)
            .collect();
        let Some(id) = self.chance.pick(&open).map(ToString::to_string) else { return };
        if self.chance.percent(50) {
            let decided = province::quarantine_release(&centre, &[id], None).unwrap();
            self.note(format!("released: {decided}"));
            self.coverage.count("quarantine released");
        } else {
            match province::quarantine_void(&centre, &[id], "thử") {
                Ok(decided) => self.note(format!("voided: {decided}")),
                Err(failure) => self.note(format!("not voided: {failure:?}")),
            }
            self.coverage.count("quarantine voided");
        }
    }

    // ---- oracles while it goes on --------------------------------------------------------------------------------

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
                watch::check_moves("province", &before, &now, &mut self.coverage);
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
                watch::check_moves(&name, &before, &now, &mut self.coverage);
            }
        }
        self.compare_states();
    }

    fn compare_states(&mut self) {
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

    /// The mistake of [`Mistake::JoinMisses`]: a dossier whose history has just come into a feed lacks one entry there,
    /// and position and digest agree with that.
    fn miss_joins(&mut self) {
        if self.province.office.is_none() || !self.calls.is_empty() {
            return;
        }
        let path = self.province.dir.join(motcua_node::store::open::FILE_NAME);
        let mut connection = rusqlite::Connection::open(path).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        for (doc, feed, seat) in joins(&connection) {
            if !self.joined.insert((doc.clone(), feed)) {
                continue;
            }
            let seat: AgencyCode = seat.parse().unwrap();
            let here = |node: &Node| {
                let reader = Reader::open(&node.machine.dir, node.machine.clock.as_ref()).unwrap();
                reader.read(|view| view.feed_head(&seat)).unwrap().map_or(0, |head| head.position)
            };
            let known = self.nodes.iter().filter(|node| node.seat == seat).map(here).max().unwrap_or(0);
            leave_out(&mut connection, feed, &doc, known);
        }
    }

    // ---- the end -------------------------------------------------------------------------------------------------

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
        for round in 1..=ROUNDS_MAX {
            let mut has_moved = false;
            for place in 0..self.nodes.len() {
                let (over, moved) = self.sync(place);
                let name = self.nodes[place].machine.name.clone();
                self.note(format!("round {round}: {name} {over:?} {moved:?}"));
                if self.nodes[place].is_banned {
                    assert_eq!(over, Over::Refused(ByeCode::Banned), "{name} in round {round}");
                    continue;
                }
                if over == Over::Moved && self.model.imaged.contains(&self.nodes[place].id) {
                    // It has just learned that its log has two histories, and calls again.
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
            if !has_moved {
                self.coverage.add("rounds until all were even", round as u64);
                self.model.is_province_behind = false;
                return;
            }
        }
        panic!("after {ROUNDS_MAX} rounds there is still something to move");
    }

    /// A folder for an oracle's own files.
    #[must_use]
    pub fn folder(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }
}

/// A line that settles what stands open on a dossier, if anything does.
fn settlement(office: &Office, doc: DocId, officer: &str, number: &str) -> Option<String> {
    let state = office.store.read(|view| view.state(doc)).unwrap()?;
    let open = state.fields.iter().find(|(_, values)| values.len() > 1);
    let (settles, field): (Vec<String>, Option<&String>) = match open {
        Some((name, values)) => (values.iter().map(|value| value.by.to_string()).collect(), Some(name)),
        None => (state.process.contested.iter().map(ToString::to_string).collect(), None),
    };
    let choice = settles.first()?.clone();
    let mut line = json!({
        "number": number, "act": "settle", "officer": officer, "settles": settles, "choice": choice,
        "basis": "đã đối chiếu",
    });
    if let Some(field) = field {
        line["field"] = json!(field);
    }
    Some(line.to_string())
}

/// Marks for review a second time what a ban has marked: the mistake of [`Mistake::DoubledMark`].
fn mark_again(centre: &Arc<Office>, id: NodeId) {
    let held = centre.shelf.held().unwrap();
    let desk = centre.desk.clone();
    centre
        .store
        .write(move |tx| {
            for (doc, changes) in tx.applied_since(id, Millis(BEGINNING.0))? {
                desk.mark_for_review(tx, &held, doc, &changes, "máy bị mất")?;
            }
            Ok(())
        })
        .unwrap();
}

/// Every document in every feed, with the feed's seat.
fn joins(connection: &rusqlite::Connection) -> Vec<(Vec<u8>, i64, String)> {
    let mut statement = connection
        .prepare("SELECT d.doc, d.feed, f.seat FROM feed_doc d JOIN feed f ON f.id = d.feed ORDER BY d.feed, d.doc")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// Takes the second entry of a document out of a feed, if there is one and no machine has got so far.
fn leave_out(connection: &mut rusqlite::Connection, feed: i64, doc: &[u8], known: u64) {
    let tx = connection.transaction().unwrap();
    let second = tx.query_row(
        "SELECT r.position, e.kind, e.hash, f.feed, f.digest FROM feed_row r JOIN entry e ON e.id = r.entry \
         JOIN feed f ON f.id = r.feed WHERE r.feed = ?1 AND e.doc = ?2 ORDER BY r.position LIMIT 1 OFFSET 1",
        (feed, doc),
        |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
    );
    let Ok((position, kind, hash, id, digest)) = second else { return };
    if u64::try_from(position).unwrap() <= known {
        return;
    }
    let link = entry::link(EntryKind(kind), DocId(doc.try_into().unwrap()), ChangeHash(hash));
    let digest = Digest(digest).minus(&feed_key(FeedId(id)), link);
    tx.execute("DELETE FROM feed_mark WHERE feed = ?1 AND position >= ?2", (feed, position)).unwrap();
    tx.execute("DELETE FROM feed_row WHERE feed = ?1 AND position = ?2", (feed, position)).unwrap();
    let behind: Vec<i64> = {
        let mut rows = tx
            .prepare("SELECT position FROM feed_row WHERE feed = ?1 AND position > ?2 ORDER BY position")
            .unwrap();
        let rows = rows.query_map((feed, position), |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    for position in behind {
        tx.execute(
            "UPDATE feed_row SET position = ?2 - 1 WHERE feed = ?1 AND position = ?2",
            (feed, position),
        )
        .unwrap();
    }
    tx.execute("UPDATE feed SET position = position - 1, digest = ?2 WHERE id = ?1", (feed, digest.0))
        .unwrap();
    tx.commit().unwrap();
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
