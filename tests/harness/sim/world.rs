//! A whole province: its machines, who works on them, what they answered, and how each step of a plan is carried out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

mod centre;
mod copies;
mod courier;
mod ending;
mod faults;
mod misses;
mod newer;
mod officers;
mod processes;
mod sessions;
mod watching;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use motcua_node::identity::MachineIdentity;
use motcua_node::identity::SecretKeys;
use motcua_node::ids::AgencyCode;
use motcua_node::roles::Office;
use motcua_node::roles::commune;
use motcua_node::roles::province;
use motcua_node::sync::province_keys::keep_province_keys;
use motcua_node::transport::enrol::EnrolAsk;
use motcua_node::transport::enrol::Token;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::ids::NodeId;
use tempfile::TempDir;

use crate::faults::call::Call;
use crate::faults::call::Over;
use crate::faults::chance::Chance;
use crate::faults::machine::Machine;
use crate::faults::planted::Memory;
use crate::faults::planted::Mistake;
use crate::sim::adversary::Adversary;
use crate::sim::coverage::Coverage;
use crate::sim::directory;
use crate::sim::directory::NODE_SEATS;
use crate::sim::plan::Plan;
use crate::sim::plan::Step;
use crate::sim::plan::What;
use crate::sim::watch::Standings;
use crate::sim::world::courier::Bundle;
use crate::sim::world::courier::Papers;

/// Machines that begin with a pack, in a hundred.
const BY_PACK_PERCENT: u64 = 15;
/// How often everything is looked at while faults go on, in steps.
const WATCH_EVERY_STEPS: usize = 60;

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
    /// Whether its directory was put back, or another one under its identity has been at work.
    pub is_disturbed: bool,
    /// Whether it can dial at all: some have only a stick.
    pub has_line: bool,
    /// Until which step it cannot reach the province.
    cut_off_until: usize,
    copies: Vec<Copied>,
    papers: Option<Papers>,
}

impl Node {
    /// A machine to which nothing has happened yet.
    const fn new(machine: Machine, seat: AgencyCode, id: NodeId) -> Self {
        Self {
            machine,
            seat,
            id,
            is_clone: false,
            is_banned: false,
            is_disturbed: false,
            has_line: true,
            cut_off_until: 0,
            copies: Vec::new(),
            papers: None,
        }
    }

    /// Another machine with this one's identity.
    fn copy_as(&self, machine: Machine) -> Self {
        Self {
            is_clone: true,
            has_line: self.has_line,
            papers: self.papers.clone(),
            ..Self::new(machine, self.seat.clone(), self.id)
        }
    }
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
    /// Changes that a program that is not ours wrote at a machine of ours.
    pub misused: BTreeSet<ChangeHash>,
    /// Machines of which a person has refused something: they go on without it.
    pub corrected: BTreeSet<NodeId>,
    /// Numbers that two images may have printed.
    pub namesakes: BTreeSet<String>,
    /// Whether the province has been put back: what it said before may not hold until all have called.
    pub is_province_behind: bool,
    /// Whether that ever was so.
    pub has_province_been_behind: bool,
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
    bundles: Vec<Bundle>,
    folders: usize,
    place: TempDir,
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
            bundles: Vec::new(),
            folders: 0,
            place,
        };
        for seat in NODE_SEATS.iter().take(plan.communes) {
            if plan.has_packs && world.chance.percent(BY_PACK_PERCENT) {
                world.enrol_by_pack(seat);
            } else {
                world.enrol(seat);
            }
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
        let office = commune::create(&machine.dir, identity, |_| options).unwrap();
        keep_province_keys(&office.store, &self.province.office().identity.keys().public()).unwrap();
        machine.office = Some(Arc::new(office));
        self.add(Node::new(machine, seat.parse().unwrap(), id));
        let over = self.sync(self.nodes.len() - 1).0;
        assert_eq!(over, Over::Converged, "the first session of {name}");
    }

    fn add(&mut self, node: Node) {
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
            What::Carry => self.carry(),
            What::Misuse => self.misuse(),
            What::Newer => self.meet_another_version(),
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

    /// A folder for an oracle's own files.
    #[must_use]
    pub fn folder(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }
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

/// A folder in memory where there is one: a machine's death is played by copying its files, and no disk is asked.
fn scratch() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap()
}
