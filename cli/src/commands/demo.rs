//! `motcua demo`: a whole province on this machine, with a line that is cut and restored.
//!
//! Every office is a process of this same program with a directory of its own, and they talk over real QUIC on
//! the loopback. The demo does what people would do: it lodges, acts, looks, and asks for a session. It knows
//! the offices only by what their commands print.

mod interrupt;
mod line;
mod oracles;
mod program;
mod stream;
mod work;

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

use motcua_node::clock::Clock;
use motcua_node::clock::SystemClock;
use motcua_node::directory::Directory;
use motcua_node::ids::AgencyCode;
use motcua_node::refusal::Refusal;
use serde_json::Value;
use serde_json::json;

use crate::args::Demo;
use crate::commands::Context;
use crate::commands::demo::interrupt::INTERRUPTED;
use crate::commands::demo::interrupt::Interrupt;
use crate::commands::demo::line::Line;
use crate::commands::demo::oracles::Collected;
use crate::commands::demo::oracles::Oracle;
use crate::commands::demo::oracles::Outage;
use crate::commands::demo::oracles::Printed;
use crate::commands::demo::oracles::Replica;
use crate::commands::demo::program::Home;
use crate::commands::demo::program::Program;
use crate::commands::demo::program::Serving;
use crate::commands::demo::program::child_failed;
use crate::commands::demo::program::no_place;
use crate::commands::demo::stream::Plan;
use crate::commands::demo::work::Progress;
use crate::commands::demo::work::Seen;
use crate::commands::demo::work::Tally;
use crate::exit::Exit;
use crate::exit::Failure;

pub(crate) use crate::commands::demo::stream::SEED_DEFAULT;

/// The province of the sample directory.
const PROVINCE: &str = "H27";
/// The department of the sample that works on the provincial server.
const DEPARTMENT: &str = "H27.02";
/// Communes that take part first, by their national codes: a ward in the city, then two far away.
const COMMUNES_FIRST: [&str; 3] = ["18073", "18196", "18844"];
/// How long the offices may take to come to one state once nothing new happens and the line is there, beside
/// the outage's own length: a machine that was cut off dials again only after a while.
const SETTLE_MS_MAX: u64 = 90_000;
/// How long the demo waits when nobody had anything to do, in milliseconds.
const PAUSE_MS: u64 = 200;
/// How many portions are lodged before the line is cut, and while it is.
const PORTIONS: usize = 3;

/// Runs the command.
///
/// # Errors
/// A process of the demo did not do what it should, the machine gives no place for it, or the person
/// interrupted. Oracles that do not hold are no error here but [`Exit::Findings`].
pub(crate) fn run(context: &Context, args: &Demo) -> Result<Exit, Failure> {
    let interrupt = Interrupt::listen()?;
    let place =
        tempfile::Builder::new().prefix("motcua-demo-").tempdir().map_err(|error| no_place(&error))?;
    let outcome = played(context, args, place.path(), &interrupt);
    let is_kept = match &outcome {
        Ok(Exit::Done) => false,
        Ok(_) => true,
        Err(failure) => failure.refusal.code != INTERRUPTED,
    };
    if is_kept {
        let kept = place.keep();
        context.output.note(&context.output.text("demo-kept", &[("place", &kept.display().to_string())]));
    }
    outcome
}

fn played(context: &Context, args: &Demo, place: &Path, interrupt: &Arc<Interrupt>) -> Result<Exit, Failure> {
    let clock = SystemClock::new();
    let program = Program::this(context.output.language, clock, Arc::clone(interrupt))?;
    let stage = Stage { context, program, clock, interrupt: Arc::clone(interrupt) };
    let mut world = World::open(&stage, args, place)?;
    world.run(args)
}

/// What everybody in the demo needs.
#[derive(Debug)]
struct Stage<'a> {
    context: &'a Context,
    program: Program,
    clock: SystemClock,
    interrupt: Arc<Interrupt>,
}

impl Stage<'_> {
    /// Tells what happens now.
    fn tell(&self, key: &str, args: &[(&str, &str)]) {
        let text = self.context.output.text(key, args);
        let at_ms = self.clock.monotonic_ms();
        self.context.output.note(&format!("[{:>4}.{} s] {text}", at_ms / 1000, at_ms % 1000 / 100));
    }

    /// Waits a moment, less when the person interrupts.
    fn pause(&self) -> Result<(), Failure> {
        self.interrupt.check()?;
        self.clock.wait_ms(PAUSE_MS);
        self.interrupt.check()
    }
}

/// One commune's office. Fields are dropped in this order: the program stops before its line ends.
#[derive(Debug)]
struct Office {
    seat: stream::Commune,
    home: Home,
    serving: Option<Serving>,
    line: Line,
}

/// The whole province. Fields are dropped in this order: communes stop before the province.
#[derive(Debug)]
struct World<'a> {
    stage: &'a Stage<'a>,
    offices: Vec<Office>,
    _province_serving: Serving,
    province: Home,
    department: String,
    plans: Vec<Plan>,
    /// The plans that were lodged, by number.
    lodged: BTreeMap<String, (usize, Progress)>,
    printed: Vec<Printed>,
    done: Tally,
}

/// What the figures say beside the oracles.
#[derive(Debug, Default)]
struct Figures {
    seconds: f64,
    up_bytes: u64,
    down_bytes: u64,
    caught_up_ms: u64,
    sessions: Vec<Value>,
    digests: Vec<Value>,
}

impl<'a> World<'a> {
    /// Creates and starts every office.
    fn open(stage: &'a Stage<'a>, args: &Demo, place: &Path) -> Result<Self, Failure> {
        let directory = Directory::sample();
        let communes = communes(&directory, stage.clock, usize::from(args.communes));
        let department = name_of(&directory, DEPARTMENT);
        let dossiers = args.dossiers.to_string();
        stage.tell("demo-told-start", &[("dossiers", &dossiers), ("seed", &args.seed.to_string())]);

        let province = Home::below(place, "province");
        let name = directory.province().name.clone();
        stage.program.done(
            &province,
            &["province", "init", "--code", PROVINCE, "--name", &name, "--sample"],
            "",
        )?;
        let serving = stage.program.serve(&province, &["--listen", "127.0.0.1:0"])?;
        let address = serving.quic().ok_or_else(|| child_failed("serve", None, "no QUIC address"))?;
        let shown = address.to_string();
        let told =
            [("name", name.as_str()), ("department", department.as_str()), ("address", shown.as_str())];
        stage.tell("demo-told-province", &told);

        let mut world = Self {
            stage,
            offices: Vec::new(),
            _province_serving: serving,
            province,
            department: DEPARTMENT.to_owned(),
            plans: stream::plans(args.seed, &communes, DEPARTMENT, args.dossiers),
            lodged: BTreeMap::new(),
            printed: Vec::new(),
            done: Tally::default(),
        };
        for seat in communes {
            let line = Line::open(address).map_err(|error| no_place(&error))?;
            let through = line.address().to_string();
            let enrol = ["enrol", "new", "--agency", &seat.code, "--address", &through];
            let answer = stage.program.done(&world.province, &enrol, "")?;
            let token = text_of(answer.value(), "token").unwrap_or_default().to_owned();
            let home = Home::below(place, &seat.code);
            stage.program.done(&home, &["commune", "init", "--token", &token], "")?;
            let serving = Some(stage.program.serve(&home, &[])?);
            stage.tell("demo-told-commune", &[("name", &seat.name), ("code", &seat.code)]);
            world.offices.push(Office { seat, home, serving, line });
        }
        stage.tell("demo-told-no-pages", &[]);
        Ok(world)
    }

    /// The whole story.
    fn run(&mut self, args: &Demo) -> Result<Exit, Failure> {
        let enter = (!args.headless).then(enter_pressed);
        let cut = stream::cut_of(self.offices.len());

        self.lodge_portions(false, 0)?;
        self.work_until("demo-waits-transfer", SETTLE_MS_MAX, |world| world.are_transfers_taken_over())?;

        let outage = self.outage(args, cut, enter.as_ref().filter(|_| args.hold))?;
        let most_ms = SETTLE_MS_MAX + 3 * u64::from(args.outage_s) * 1000;
        let caught_up_ms = self.catch_up(cut, most_ms)?;
        self.work_until("demo-waits-return", most_ms, |world| Ok(world.is_everything_returned()))?;
        let sessions = self.settle(most_ms)?;

        let mut collected = self.collect(args.sabotage.as_deref(), outage, &sessions)?;
        corrupt(args.sabotage.as_deref(), &mut collected);
        let oracles = oracles::judge(&collected);
        let figures = self.figures(&collected, sessions, caught_up_ms);
        self.print(args, &oracles, &figures, &collected)?;
        if let Some(enter) = enter.filter(|_| !args.hold) {
            self.stage.tell("demo-told-running", &[]);
            while enter.try_recv() == Err(mpsc::TryRecvError::Empty) {
                self.stage.pause()?;
            }
        }
        let holds = oracles.iter().all(|oracle| oracle.holds);
        Ok(if holds { Exit::Done } else { Exit::Findings })
    }

    /// Lodges everything of one half in portions, with work in between that takes at least `spread_ms`.
    /// Answers what each seat did beside lodging.
    fn lodge_portions(&mut self, is_late: bool, spread_ms: u64) -> Result<BTreeMap<String, Tally>, Failure> {
        let started_ms = self.stage.clock.monotonic_ms();
        let waiting: Vec<usize> =
            (0..self.plans.len()).filter(|place| self.is_late(*place) == is_late).collect();
        let portions: Vec<Vec<usize>> =
            waiting.chunks(waiting.len().div_ceil(PORTIONS).max(1)).map(<[usize]>::to_vec).collect();
        let mut worked: BTreeMap<String, Tally> = BTreeMap::new();
        let slices = u64::try_from(portions.len()).unwrap_or(1).max(1);
        for (slice, portion) in (1..).zip(portions) {
            self.lodge(&portion)?;
            loop {
                let acts = self.round(&mut worked)?;
                let elapsed_ms = self.stage.clock.monotonic_ms().saturating_sub(started_ms);
                if elapsed_ms >= spread_ms * slice / slices {
                    break;
                }
                if acts == 0 {
                    self.stage.pause()?;
                }
            }
        }
        Ok(worked)
    }

    fn is_late(&self, place: usize) -> bool {
        self.plans.get(place).is_some_and(|plan| plan.is_late)
    }

    /// Lodges some of the plans, one process per office.
    fn lodge(&mut self, places: &[usize]) -> Result<(), Failure> {
        for office in 0..self.offices.len() {
            let Some((code, home)) = self.office(office) else { continue };
            let ours: Vec<(usize, Value)> = places
                .iter()
                .filter_map(|place| self.plans.get(*place).map(|plan| (*place, plan)))
                .filter(|(_, plan)| plan.lodged_at == code)
                .map(|(place, plan)| (place, plan.line.clone()))
                .collect();
            if ours.is_empty() {
                continue;
            }
            let lines: Vec<Value> = ours.iter().map(|(_, line)| line.clone()).collect();
            let answers = self.write(&home, "lodge", &lines)?;
            let mut tally = Tally::default();
            for ((place, _), answer) in ours.iter().zip(answers) {
                let Some(plan) = self.plans.get(*place) else { continue };
                let number = text_of(&answer, "number").unwrap_or_default().to_owned();
                self.printed.push(Printed {
                    number: number.clone(),
                    lodged_at: plan.lodged_at.clone(),
                    decided_by: plan.decided_by().to_owned(),
                });
                self.lodged.insert(number, (*place, Progress::default()));
                tally.add("receive");
            }
            self.tell_worked(&code, &tally);
            self.done.add_all(&tally);
        }
        Ok(())
    }

    /// Lets every seat look at its own machine and do what is its turn. Answers how many acts were done.
    fn round(&mut self, worked: &mut BTreeMap<String, Tally>) -> Result<u64, Failure> {
        let mut acts = 0;
        let seats: Vec<(String, Home)> = (0..self.offices.len())
            .filter_map(|office| self.office(office))
            .chain(std::iter::once((self.department.clone(), self.province.clone())))
            .collect();
        for (seat, home) in seats {
            self.stage.interrupt.check()?;
            let seen = self.seen(&home)?;
            let lines: Vec<Value> = seen
                .iter()
                .filter_map(|seen| {
                    let (place, progress) = self.lodged.get(&seen.number)?;
                    Some(work::next_acts(&seat, seen, self.plans.get(*place)?, progress))
                })
                .flatten()
                .collect();
            if lines.is_empty() {
                continue;
            }
            self.write(&home, "act", &lines)?;
            let mut tally = Tally::default();
            for line in &lines {
                let (number, act) = (text_of(line, "number"), text_of(line, "act").unwrap_or_default());
                if let Some((_, progress)) = number.and_then(|number| self.lodged.get_mut(number)) {
                    progress.did(act);
                }
                tally.add(act);
            }
            self.tell_worked(&seat, &tally);
            self.done.add_all(&tally);
            acts += tally.total();
            worked.entry(seat).or_default().add_all(&tally);
        }
        Ok(acts)
    }

    /// Rounds until something is so.
    fn work_until(
        &mut self,
        what: &'static str,
        most_ms: u64,
        is_so: impl Fn(&Self) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let started_ms = self.stage.clock.monotonic_ms();
        loop {
            let acts = self.round(&mut BTreeMap::new())?;
            if is_so(self)? {
                return Ok(());
            }
            self.check_time(what, started_ms, most_ms)?;
            if acts == 0 {
                self.stage.pause()?;
            }
        }
    }

    fn check_time(&self, what: &'static str, started_ms: u64, most_ms: u64) -> Result<(), Failure> {
        if self.stage.clock.monotonic_ms().saturating_sub(started_ms) <= most_ms {
            return Ok(());
        }
        let what = self.stage.context.output.text(what, &[]);
        Err(Failure::bug(Refusal::new("demo-not-even").with("what", what).with("seconds", most_ms / 1000)))
    }

    /// Whether every transfer so far has reached somebody: seen at the province, which sees all.
    fn are_transfers_taken_over(&self) -> Result<bool, Failure> {
        let seen = self.seen(&self.province)?;
        let is_on_its_way = |seen: &Seen| matches!(seen.place, work::Place::ComingTo(_));
        let is_all_there = self.lodged.keys().all(|number| seen.iter().any(|seen| seen.number == *number));
        Ok(is_all_there && !seen.iter().any(is_on_its_way))
    }

    /// Whether every office has returned the results of what was lodged with it.
    fn is_everything_returned(&self) -> bool {
        self.done.of("return_result") == u64::try_from(self.plans.len()).unwrap_or(u64::MAX)
    }

    /// Cuts one office's line, lets everybody go on for a while, and restores it.
    fn outage(
        &mut self,
        args: &Demo,
        cut: usize,
        enter: Option<&mpsc::Receiver<()>>,
    ) -> Result<Outage, Failure> {
        let stage = self.stage;
        let Some((code, _)) = self.office(cut) else { return Ok(Outage::default()) };
        let name = self.name(&code);
        let told: [(&str, &str); 2] = [("name", &name), ("seconds", &args.outage_s.to_string())];
        stage.tell(if enter.is_some() { "demo-told-cut-held" } else { "demo-told-cut" }, &told);
        let before = self.printed.len();
        let lost_before = self.offices.get(cut).map_or(0, |office| {
            office.line.cut();
            office.line.carried().lost
        });
        let started_ms = stage.clock.monotonic_ms();
        let outage_ms = u64::from(args.outage_s) * 1000;
        let mut worked = self.lodge_portions(true, outage_ms)?;
        loop {
            let is_over = stage.clock.monotonic_ms().saturating_sub(started_ms) >= outage_ms;
            let is_held = enter.is_some_and(|enter| enter.try_recv() == Err(mpsc::TryRecvError::Empty));
            // With no time at all the line must at least have lost something, or it was not cut.
            if is_over && !is_held && self.lost(cut) > lost_before {
                break;
            }
            if self.round(&mut worked)? == 0 {
                stage.pause()?;
            }
            self.check_time(
                "demo-waits-cut",
                started_ms,
                if is_held { u64::MAX } else { outage_ms + SETTLE_MS_MAX },
            )?;
        }
        let ours = self.printed.get(before..).unwrap_or_default();
        let lodged: Vec<String> = ours
            .iter()
            .filter(|printed| printed.lodged_at == code)
            .map(|printed| printed.number.clone())
            .collect();
        let at_province = self.seen(&self.province)?;
        let known_at_province =
            lodged.iter().filter(|number| at_province.iter().any(|seen| seen.number == **number)).count();
        let acts = worked.get(&code).map_or(0, Tally::total);
        let lost_datagrams = self.lost(cut).saturating_sub(lost_before);
        let (lodged_count, acts_count) = (lodged.len().to_string(), acts.to_string());
        if let Some(office) = self.offices.get(cut) {
            office.line.restore();
        }
        stage
            .tell("demo-told-restored", &[("name", &name), ("lodged", &lodged_count), ("acts", &acts_count)]);
        Ok(Outage { lodged, acts, known_at_province, lost_datagrams })
    }

    fn lost(&self, office: usize) -> u64 {
        self.offices.get(office).map_or(0, |office| office.line.carried().lost)
    }

    /// Works until the office that was cut off has handed everything to the province; how long that took.
    fn catch_up(&mut self, cut: usize, most_ms: u64) -> Result<u64, Failure> {
        let stage = self.stage;
        let Some((code, home)) = self.office(cut) else { return Ok(0) };
        let started_ms = stage.clock.monotonic_ms();
        loop {
            // Nobody asks for a session here: the office's own schedule has to find the line again.
            let waits = stage.program.done(&home, &["sync", "status"], "")?;
            let is_even = waits.value().get("online").and_then(Value::as_bool) == Some(true);
            if is_even && number_of(waits.value(), "waiting_changes") == Some(0) {
                let took_ms = stage.clock.monotonic_ms().saturating_sub(started_ms);
                let seconds = format!("{}.{}", took_ms / 1000, took_ms % 1000 / 100);
                stage.tell("demo-told-even", &[("name", &self.name(&code)), ("seconds", &seconds)]);
                return Ok(took_ms);
            }
            self.check_time("demo-waits-line", started_ms, most_ms)?;
            self.round(&mut BTreeMap::new())?;
            stage.pause()?;
        }
    }

    /// Asks every commune for sessions until one of each found nothing to say; those.
    fn settle(&self, most_ms: u64) -> Result<Vec<Value>, Failure> {
        let stage = self.stage;
        let started_ms = stage.clock.monotonic_ms();
        loop {
            let mut sessions = Vec::new();
            for office in &self.offices {
                let answer = stage.program.run(&office.home, &["sync", "now", "--wait-s", "10"], "")?;
                sessions.push(answer.value().clone());
            }
            let is_quiet = sessions.iter().all(|session| {
                text_of(session, "outcome") == Some("converged")
                    && number_of(session, "changes_sent") == Some(0)
                    && number_of(session, "changes_received") == Some(0)
            });
            if is_quiet {
                return Ok(sessions);
            }
            self.check_time("demo-waits-even", started_ms, most_ms)?;
            stage.pause()?;
        }
    }

    /// Everything the oracles look at. With `replica` a commune first writes something that it never sends.
    fn collect(
        &mut self,
        sabotage: Option<&str>,
        outage: Outage,
        sessions: &[Value],
    ) -> Result<Collected, Failure> {
        let stage = self.stage;
        if sabotage == Some("replica") {
            self.write_unsent()?;
        }
        let export = |home: &Home| {
            let answer = stage.program.done(home, &["dossier", "export"], "")?;
            Ok::<Replica, Failure>(Replica::read(&answer.text))
        };
        let mut collected = Collected {
            printed: self.printed.clone(),
            province: export(&self.province)?,
            outage,
            ..Collected::default()
        };
        let code = stage.program.run(&self.province, &["verify"], "")?.code;
        collected.verified.push((PROVINCE.to_owned(), code));
        for (office, session) in self.offices.iter().zip(sessions) {
            let status = stage.program.done(&office.home, &["sync", "status"], "")?;
            collected.communes.push(oracles::Commune {
                code: office.seat.code.clone(),
                replica: export(&office.home)?,
                stored_proof: status.value().get("last_proof").cloned().unwrap_or_default(),
                stated_proof: session.get("proof").cloned().unwrap_or_default(),
            });
            let code = stage.program.run(&office.home, &["verify"], "")?.code;
            collected.verified.push((office.seat.code.clone(), code));
        }
        Ok(collected)
    }

    /// Stops one commune's program and adds a note to one of its dossiers that nobody else ever gets.
    fn write_unsent(&mut self) -> Result<(), Failure> {
        let Some(office) = self.offices.first_mut() else { return Ok(()) };
        office.serving = None;
        let (code, home) = (office.seat.code.clone(), office.home.clone());
        let Some(printed) = self.printed.iter().find(|printed| printed.lodged_at == code) else {
            return Ok(());
        };
        let note = json!({
            "number": printed.number, "act": "note", "officer": format!("{code}/03"), "note": "Ghi chú không gửi đi",
        });
        self.write(&home, "act", &[note]).map(|_| ())
    }

    /// Gives lines to `dossier lodge` or `dossier act`; the answers, none of which may be a refusal.
    fn write(&self, home: &Home, command: &str, lines: &[Value]) -> Result<Vec<Value>, Failure> {
        let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let answer = self.stage.program.run(home, &["dossier", command, "--from", "-"], &input)?;
        let what = format!("dossier {command}");
        if let Some(error) = answer.values.iter().find_map(|value| value.get("error")) {
            let part = |key| text_of(error, key).unwrap_or_default();
            let told = format!("{}: {} ({})", part("code"), part("message"), part("field"));
            return Err(child_failed(&what, answer.code, &told));
        }
        let answers: Vec<Value> = answer.lines().cloned().collect();
        if answer.code != Some(0) || answers.len() != lines.len() {
            let told = format!("{} / {}", answers.len(), lines.len());
            return Err(child_failed(&what, answer.code, &told));
        }
        Ok(answers)
    }

    /// What an office's machine shows.
    fn seen(&self, home: &Home) -> Result<Vec<Seen>, Failure> {
        let answer = self.stage.program.done(home, &["dossier", "export"], "")?;
        Ok(answer.values.iter().filter_map(Seen::read).collect())
    }

    fn office(&self, place: usize) -> Option<(String, Home)> {
        self.offices.get(place).map(|office| (office.seat.code.clone(), office.home.clone()))
    }

    fn name(&self, code: &str) -> String {
        let office = self.offices.iter().find(|office| office.seat.code == code);
        office.map_or_else(|| name_of(&Directory::sample(), code), |office| office.seat.name.clone())
    }

    /// Tells what an office did: `Xã Sơn Kim 1: tiếp nhận 4, chuyển 2`.
    fn tell_worked(&self, code: &str, tally: &Tally) {
        let did: Vec<String> = TOLD_ACTS
            .iter()
            .filter(|(act, _)| tally.of(act) > 0)
            .map(|(act, key)| self.stage.context.output.text(key, &[("count", &tally.of(act).to_string())]))
            .collect();
        if !did.is_empty() {
            self.stage.tell("demo-told-did", &[("name", &self.name(code)), ("did", &did.join(", "))]);
        }
    }

    fn figures(&self, collected: &Collected, sessions: Vec<Value>, caught_up_ms: u64) -> Figures {
        let carried: Vec<line::Carried> = self.offices.iter().map(|office| office.line.carried()).collect();
        let digests = collected.communes.iter().map(|commune| {
            let of = |key: &str| commune.stored_proof.get(key).cloned().unwrap_or_default();
            json!({
                "agency": commune.code,
                "dossiers": commune.replica.count(),
                "number": of("number"),
                "position": of("position"),
                "digest": of("digest"),
            })
        });
        let elapsed_ms = self.stage.clock.monotonic_ms();
        Figures {
            seconds: f64::from(u32::try_from(elapsed_ms).unwrap_or(u32::MAX)) / 1000.0,
            up_bytes: carried.iter().map(|carried| carried.up_bytes).sum(),
            down_bytes: carried.iter().map(|carried| carried.down_bytes).sum(),
            caught_up_ms,
            sessions,
            digests: digests.collect(),
        }
    }

    /// The time without a line, in the person's language.
    fn told_outage(&self, outage: &Outage) -> String {
        self.stage.context.output.text(
            "demo-oracle-outage-detail",
            &[
                ("lodged", &outage.lodged.len().to_string()),
                ("acts", &outage.acts.to_string()),
                ("known", &outage.known_at_province.to_string()),
                ("lost", &outage.lost_datagrams.to_string()),
            ],
        )
    }

    fn print(
        &self,
        args: &Demo,
        oracles: &[Oracle],
        figures: &Figures,
        collected: &Collected,
    ) -> Result<(), Failure> {
        let Figures { seconds, up_bytes, down_bytes, caught_up_ms, sessions, digests } = figures;
        let dossiers = collected.printed.len();
        let acts = self.done.total();
        let value = json!({
            "seed": args.seed,
            "dossiers": dossiers,
            "acts": acts,
            "digests": digests,
            "bytes": {"sent": up_bytes, "received": down_bytes},
            "no_op": sessions.first().map(|session| json!({
                "sent_bytes": session.get("sent_bytes"),
                "received_bytes": session.get("received_bytes"),
                "round_trips": session.get("round_trips"),
            })),
            "caught_up_seconds": f64::from(u32::try_from(*caught_up_ms).unwrap_or(u32::MAX)) / 1000.0,
            "seconds": seconds,
            "oracles": oracles.iter().map(Oracle::json).collect::<Vec<_>>(),
        });
        let output = &self.stage.context.output;
        output.result(value, || {
            let mut lines = vec![
                output.text(
                    "demo-figures",
                    &[("dossiers", &dossiers.to_string()), ("acts", &acts.to_string())],
                ),
                output.text(
                    "demo-figures-line",
                    &[
                        ("up", &(up_bytes / 1000).to_string()),
                        ("down", &(down_bytes / 1000).to_string()),
                        ("seconds", &format!("{seconds:.1}")),
                    ],
                ),
            ];
            lines.extend(digests.iter().map(|digest| {
                let shown = |key: &str| digest.get(key).map(shown).unwrap_or_default();
                let name = self.name(&shown("agency"));
                let short: String = shown("digest").chars().take(16).collect();
                output.text(
                    "demo-figures-digest",
                    &[("name", &name), ("dossiers", &shown("dossiers")), ("digest", &short)],
                )
            }));
            lines.extend(oracles.iter().map(|oracle| {
                let key = if oracle.holds { "demo-oracle-holds" } else { "demo-oracle-broken" };
                let what = output.text(oracle_key(oracle.name), &[]);
                let detail = match oracle.name {
                    "outage" => self.told_outage(&collected.outage),
                    _ => oracle.detail.clone(),
                };
                output.text(key, &[("name", oracle.name), ("what", &what), ("detail", &detail)])
            }));
            lines.join("\n")
        })
    }
}

/// Acts worth telling, and how.
const TOLD_ACTS: &[(&str, &str)] = &[
    ("receive", "demo-did-receive"),
    ("transfer", "demo-did-transfer"),
    ("take_over", "demo-did-take-over"),
    ("decline", "demo-did-decline"),
    ("request_supplement", "demo-did-request-supplement"),
    ("receive_supplement", "demo-did-receive-supplement"),
    ("finish", "demo-did-finish"),
    ("return_result", "demo-did-return"),
];

/// What an oracle says, for people.
fn oracle_key(name: &str) -> &'static str {
    match name {
        "lodged" => "demo-oracle-lodged",
        "returned" => "demo-oracle-returned",
        "replica" => "demo-oracle-replica",
        "entitled" => "demo-oracle-entitled",
        "number" => "demo-oracle-number",
        "proof" => "demo-oracle-proof",
        "verify" => "demo-oracle-verify",
        _ => "demo-oracle-outage",
    }
}

/// Corrupts what was collected, as `--sabotage number` and `proof` ask. `replica` was done to a real directory.
fn corrupt(sabotage: Option<&str>, collected: &mut Collected) {
    match sabotage {
        Some("number") => {
            // As if a second copy of the first machine had printed its number again.
            let first = collected.printed.first().map(|printed| printed.number.clone());
            if let (Some(first), Some(last)) = (first, collected.printed.last_mut()) {
                last.number = first;
            }
        }
        Some("proof") => {
            let stored = collected.communes.first_mut().map(|commune| &mut commune.stored_proof);
            if let Some(digest) = stored.and_then(|proof| proof.get_mut("digest")) {
                let flipped: String = digest
                    .as_str()
                    .unwrap_or_default()
                    .chars()
                    .map(|digit| if digit == '0' { '1' } else { '0' })
                    .collect();
                *digest = flipped.into();
            }
        }
        Some(_) | None => {}
    }
}

/// The communes that take part: far ones among the first, then by code.
fn communes(directory: &Directory, clock: SystemClock, count: usize) -> Vec<stream::Commune> {
    let today = motcua_node::clock::civil(clock.wall()).map(|now| now.date());
    let is_open = |agency: &&motcua_node::directory::agency::Agency| {
        agency.seat == motcua_node::directory::agency::SeatKind::Node
            && today.is_none_or(|today| agency.valid.holds_on(today))
    };
    let mut found: Vec<_> = directory.agencies().filter(is_open).collect();
    found.sort_by_key(|agency| {
        let first = COMMUNES_FIRST.iter().position(|code| agency.commune_code.as_deref() == Some(code));
        (first.unwrap_or(COMMUNES_FIRST.len()), agency.code.clone())
    });
    found
        .into_iter()
        .take(count)
        .map(|agency| stream::Commune {
            code: agency.code.to_string(),
            name: agency.display_name().to_owned(),
            commune_code: agency.commune_code.clone().unwrap_or_default(),
        })
        .collect()
}

fn name_of(directory: &Directory, code: &str) -> String {
    let agency = code.parse::<AgencyCode>().ok().and_then(|code| directory.agency(&code));
    agency.map_or_else(|| code.to_owned(), |agency| agency.display_name().to_owned())
}

/// Hears when the person presses Enter, or that nobody can.
fn enter_pressed() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let _without_input_it_counts_as_pressed = std::io::stdin().lock().read_line(&mut String::new());
        let _the_demo_may_have_ended = sender.send(());
    });
    receiver
}

fn text_of<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

fn number_of(value: &Value, key: &str) -> Option<u64> {
    value.get(key).and_then(Value::as_u64)
}

/// A JSON value without quotes.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
