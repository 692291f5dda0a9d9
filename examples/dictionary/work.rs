//! A province at work in a temporary directory: two communes with the real desk, store and sessions, whose officers do
//! what the words of [`words`](crate::words) allow. The same seed gives the same entries.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

use motcua_node::clock::Clock;
use motcua_node::clock::rfc3339;
use motcua_node::directory::Directory;
use motcua_node::directory::fault::ParseBounds;
use motcua_node::roles::Office;
use motcua_node::roles::beside;
use motcua_node::roles::province;
use motcua_node::store::OpenOptions;
use motcua_node::store::Random;
use motcua_node::store::StoreError;
use serde_json::Value;
use serde_json::json;
use sync_protocol::entry::Entry;
use sync_protocol::time::Millis;

use crate::words;

/// A stream of numbers that looks like chance and is the same for the same seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of `choices`, which are never none.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let place = self.below(choices.len());
        #[expect(
            clippy::indexing_slicing,
            reason = "the place is below the length of a list that is not empty"
        )]
        &choices[place]
    }
}

/// A clock that stands until it is set.
#[derive(Debug)]
struct SetClock(AtomicI64);

impl SetClock {
    fn pass(&self, ms: usize) {
        self.0.fetch_add(i64::try_from(ms).unwrap_or(0), Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn wall(&self) -> Millis {
        Millis(self.0.load(Ordering::Relaxed))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.wall().0 - BEGINS.0).unwrap_or(0)
    }

    fn wait_ms(&self, _duration_ms: u64) {}
}

/// Random bytes of a seed.
#[derive(Debug)]
struct SeededRandom(Mutex<Chance>);

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), StoreError> {
        let mut chance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.chunks_mut(8) {
            let random = chance.next().to_le_bytes();
            piece.copy_from_slice(random.get(..piece.len()).unwrap_or_default());
        }
        Ok(())
    }
}

/// Monday, 5 January 2026, 08:00.
const BEGINS: Millis = Millis(1_767_574_800_000);
const PROVINCE: &str = "H63";
const COMMUNES: [&str; 2] = ["H63.207", "H63.315"];
const OFFICERS: usize = 9;

#[derive(Debug)]
struct Procedure {
    code: String,
    name: String,
    area: String,
    fields: Vec<(&'static str, &'static str, &'static [&'static str])>,
    has_fee: bool,
    days: usize,
}

fn procedures(chance: &mut Chance, count: usize) -> Vec<Procedure> {
    let mut all = Vec::new();
    for place in 0..count {
        let (object, area) = *chance.pick(words::OBJECTS);
        let verb = chance.pick(words::VERBS);
        let mut fields: Vec<(&str, &str, &[&str])> = Vec::new();
        for _ in 0..chance.below(5) {
            let field = *chance.pick(words::FIELDS);
            if !fields.iter().any(|(name, ..)| *name == field.0) {
                fields.push(field);
            }
        }
        all.push(Procedure {
            code: format!("{}.{:06}", 1 + chance.below(3), 10_000 + place * 13 + chance.below(13)),
            name: format!("{verb} {object}"),
            area: area.to_owned(),
            fields,
            has_fee: chance.once_in(3),
            days: 1 + chance.below(30),
        });
    }
    all
}

fn directory(procedures: &[Procedure]) -> Result<Directory, Box<dyn Error>> {
    let sessions = json!([{ "open": "07:30", "close": "11:30" }, { "open": "13:30", "close": "17:00" }]);
    let mut lines = vec![
        json!({ "kind": "province", "v": 1, "code": PROVINCE, "name": "Tỉnh thử", "watermark": "DỮ LIỆU THỬ" }),
        json!({ "kind": "rule_set", "code": "nd-118-2025", "form_set": "tt-03-2025" }),
        json!({ "kind": "agency", "code": PROVINCE, "name": "Tỉnh thử", "level": "province", "type": "province", "seat": "hosted" }),
    ];
    lines.extend((2026..2030).map(
        |year| json!({ "kind": "calendar", "year": year, "name": format!("{PROVINCE}-{year}"), "sessions": sessions }),
    ));
    let roles =
        json!(["receiving", "assigning_leader", "case_officer", "leader", "registrar", "returning", "fee"]);
    for code in COMMUNES {
        lines.push(json!({ "kind": "agency", "code": code, "name": format!("Xã thử {code}"), "level": "commune", "type": "commune", "seat": "node" }));
        lines.extend((1..=OFFICERS).map(|number| {
            json!({ "kind": "officer", "id": format!("{code}/{number:02}"), "name": format!("Công chức Thử {number}"), "roles": roles })
        }));
    }
    lines.extend(procedures.iter().map(|one| {
        let fields: Vec<Value> = one
            .fields
            .iter()
            .map(|(name, label, _)| json!({ "name": name, "label": label, "kind": "text", "max": 200 }))
            .collect();
        let mut line = json!({
            "kind": "procedure", "code": one.code, "name": one.name, "area": one.area, "decided_by": "any",
            "term": { "amount": one.days, "unit": "working_days" }, "fields": fields,
            "papers_required": false, "lodgeable_anywhere": true,
        });
        if let Some(line) = line.as_object_mut().filter(|_| one.has_fee) {
            let fee = json!([{ "name": "Lệ phí", "kind": "charge", "vnd": 8000, "when": "receipt" }]);
            line.insert("fees".to_owned(), fee);
        }
        line
    }));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Directory::parse(&text, &ParseBounds::default()).map_err(|faults| format!("{faults:?}").into())
}

/// Where a dossier is in the work.
#[derive(Clone, Debug)]
struct Dossier {
    number: String,
    at: usize,
    home: usize,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Received,
    Worked,
    Coming,
    Asked,
    Signed,
    Finished,
    Returned,
}

struct World {
    chance: Chance,
    clock: Arc<SetClock>,
    offices: Vec<Office>,
    procedures: Vec<Procedure>,
}

/// What the two communes wrote in `rounds` of about `a_round` new dossiers each, log by log.
pub(crate) fn entries(
    place: &Path,
    seed: u64,
    rounds: usize,
    a_round: usize,
) -> Result<Vec<Vec<Entry>>, Box<dyn Error>> {
    let mut chance = Chance(seed);
    let clock = Arc::new(SetClock(AtomicI64::new(BEGINS.0)));
    let procedures = procedures(&mut chance, 160);
    let random = Arc::new(SeededRandom(Mutex::new(Chance(seed ^ 0x5eed))));
    let options = |name: &str| OpenOptions {
        clock: Arc::<SetClock>::clone(&clock),
        random: Arc::<SeededRandom>::clone(&random),
        ..OpenOptions::new(place.join(format!("{name}.witness")))
    };
    let witness = place.join("province.witness");
    let directory = directory(&procedures)?;
    let province = province::init_with(
        &place.join("province"),
        options("province"),
        |_| witness,
        &PROVINCE.parse()?,
        "Tỉnh thử",
        &directory,
    )
    .map_err(failed)?;
    let mut offices = Vec::new();
    for code in COMMUNES {
        let dir = place.join(code);
        drop(
            beside::enrol(&province, &dir, |_| place.join(format!("{code}.witness")), &code.parse()?)
                .map_err(failed)?,
        );
        let office = Office::open_with(&dir, |_| options(code)).map_err(failed)?;
        beside::session(&office, &province).map_err(failed)?;
        offices.push(office);
    }
    let mut world = World { chance, clock, offices, procedures };
    let mut dossiers: Vec<Dossier> = Vec::new();
    for round in 0..rounds {
        for number in 0..a_round {
            let is_historic = round == 0 && number % 2 == 0;
            dossiers.extend(world.lodge(number, round, is_historic)?);
        }
        for dossier in &mut dossiers {
            if dossier.stage == Stage::Coming {
                world.take_over(dossier)?;
                continue;
            }
            let at = dossier.at;
            for _ in 0..1 + world.chance.below(3) {
                if dossier.at == at {
                    world.act(dossier)?;
                }
            }
        }
        for office in world.offices.iter().chain(world.offices.first()) {
            beside::session(office, &province).map_err(failed)?;
            office.desk.hear_time(world.clock.wall());
        }
        world.clock.pass(43_200_000 + world.chance.below(400_000_000));
    }
    world.offices.iter().map(own_entries).collect()
}

pub(crate) fn own_entries(office: &Office) -> Result<Vec<Entry>, Box<dyn Error>> {
    let read = office.store.read(|view| {
        let mut all = Vec::new();
        for log in view.own_logs()? {
            let mut after = 0;
            loop {
                let page = view.entries_after(log.boot, after, 1 << 20)?;
                let Some(last) = page.last() else { break };
                after = last.lsn;
                all.extend(page);
            }
        }
        Ok::<_, StoreError>(all)
    });
    Ok(read?)
}

pub(crate) fn failed(failure: motcua_node::control::Failure) -> Box<dyn Error> {
    format!("{failure:?}").into()
}

impl World {
    fn officer(&mut self, at: usize) -> String {
        let code = COMMUNES.get(at).copied().unwrap_or_default();
        format!("{code}/{:02}", 1 + self.chance.below(OFFICERS))
    }

    fn person(&mut self) -> Value {
        let chance = &mut self.chance;
        let name = format!("{} {} Thử", chance.pick(words::FAMILIES), chance.pick(words::MIDDLES));
        let (place, commune) = (chance.pick(words::PLACES), chance.pick(words::COMMUNES));
        let province = chance.pick(words::PROVINCES);
        let year = 45 + chance.below(55);
        let mut person = json!({
            "kind": chance.pick(&["citizen", "citizen", "citizen", "household", "business", "organisation"]),
            "name": name,
            "address": { "text": format!("{place}, {commune}, {province}") },
        });
        let is_citizen = person.get("kind").and_then(Value::as_str) == Some("citizen");
        let Some(more) = person.as_object_mut() else { return person };
        if is_citizen {
            let sex = chance.below(2);
            let district = chance.below(97);
            let id = format!("{district:03}{sex}{year:02}9{:05}", chance.below(100_000));
            more.insert("id_type".to_owned(), json!("cccd"));
            more.insert("id_no".to_owned(), json!(id));
            let born = format!("19{year:02}-{:02}-{:02}", 1 + chance.below(12), 1 + chance.below(28));
            more.insert("dob".to_owned(), json!(born));
            if chance.once_in(2) {
                more.insert("sex".to_owned(), json!(if sex == 1 { "Nữ" } else { "Nam" }));
            }
        }
        if !chance.once_in(4) {
            more.insert("phone".to_owned(), json!(format!("0999{:06}", chance.below(1_000_000))));
        }
        if chance.once_in(9) {
            more.insert("email".to_owned(), json!(format!("thu{}@example.vn", chance.below(1000))));
        }
        person
    }

    fn papers(&mut self, most: usize) -> Vec<Value> {
        let chance = &mut self.chance;
        let count = 1 + chance.below(most);
        (0..count)
            .map(|_| {
                let kind = chance.pick(&["original", "copy", "electronic", "shown"]);
                let mut paper = json!({
                    "name": chance.pick(words::PAPERS), "kind": kind, "copies": 1 + chance.below(3),
                });
                if let Some(paper) = paper.as_object_mut() {
                    if chance.once_in(2) {
                        paper.insert("pages".to_owned(), json!(1 + chance.below(12)));
                    }
                    if chance.once_in(2) {
                        let tag = if chance.once_in(2) { "sha256" } else { "b3" };
                        let hash: String = (0..4).map(|_| format!("{:016x}", chance.next())).collect();
                        paper.insert("hash".to_owned(), json!(format!("{tag}:{hash}")));
                        paper.insert("size_bytes".to_owned(), json!(30_000 + chance.below(3_000_000)));
                    }
                }
                paper
            })
            .collect()
    }

    fn lodge(
        &mut self,
        number: usize,
        round: usize,
        is_historic: bool,
    ) -> Result<Option<Dossier>, Box<dyn Error>> {
        self.clock.pass(20_000 + number % 7 * 9_000);
        let at = self.chance.below(COMMUNES.len());
        let place = self.chance.below(self.procedures.len());
        let (owner, officer, papers) = (self.person(), self.officer(at), self.papers(6));
        let submitter = self.chance.once_in(8).then(|| self.person());
        let Some(procedure) = self.procedures.get(place) else { return Ok(None) };
        let chance = &mut self.chance;
        let owner_name = owner.get("name").and_then(Value::as_str).unwrap_or_default();
        let summary = match chance.below(3) {
            0 => procedure.name.clone(),
            1 => format!("{} - {owner_name}", procedure.name),
            _ => format!("{}: {}", procedure.area, procedure.name),
        };
        let mut line = json!({
            "procedure": procedure.code, "officer": officer, "owner": owner, "summary": summary, "papers": papers,
            "channel": if chance.once_in(6) { "post" } else { "direct" },
        });
        let Some(more) = line.as_object_mut() else { return Ok(None) };
        if chance.once_in(2) {
            more.insert(
                "request_id".to_owned(),
                json!(format!("c{}-{round:03}{number:04}", 1 + chance.below(9))),
            );
        }
        if !procedure.fields.is_empty() {
            let fields = procedure
                .fields
                .iter()
                .map(|(name, _, values)| ((*name).to_owned(), json!(chance.pick(values))));
            more.insert("fields".to_owned(), Value::Object(fields.collect()));
        }
        if let Some(submitter) = submitter {
            more.insert("submitter".to_owned(), submitter);
        }
        if procedure.has_fee {
            more.insert("payment".to_owned(), json!({ "method": "cash", "payer": "citizen" }));
        }
        if chance.once_in(7) {
            let competent = COMMUNES.get(1 - at).copied().unwrap_or_default();
            more.insert("competent".to_owned(), json!(competent));
        }
        if chance.once_in(12) {
            more.insert("sets".to_owned(), json!(2));
        }
        if chance.once_in(10) {
            let ids = json!([{ "system": "igate", "number": format!("HS{:06}", chance.below(1_000_000)) }]);
            more.insert("external_ids".to_owned(), ids);
        }
        if is_historic {
            let ago = i64::try_from(chance.below(30_000_000)).unwrap_or(0);
            let received = rfc3339(Millis(self.clock.wall().0 - ago));
            more.insert("received_at".to_owned(), json!(received));
        }
        let Some(office) = self.offices.get(at) else { return Ok(None) };
        let answer = office
            .desk
            .lodge(&line.to_string(), is_historic)
            .wait()
            .map_err(|error| format!("{line}: {error:?}"))?;
        let number = answer.get("number").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Some(Dossier { number, at, home: at, stage: Stage::Received }))
    }

    fn note(&mut self) -> String {
        let chance = &mut self.chance;
        let mut note = (*chance.pick(words::NOTES)).to_owned();
        if chance.once_in(2) {
            note = format!("{note} {}", chance.pick(words::MORE));
        }
        if chance.once_in(5) {
            note = format!("{note}; {}", chance.pick(words::NOTES).to_lowercase());
        }
        if chance.once_in(6) {
            note = format!("{note} ngày {:02}/{:02}/2026", 1 + chance.below(28), 1 + chance.below(12));
        }
        note
    }

    /// The next act of a dossier, if it is anybody's turn who knows of it.
    fn act(&mut self, dossier: &mut Dossier) -> Result<(), Box<dyn Error>> {
        self.clock.pass(5_000 + dossier.number.len() * 1_700);
        let (at, other) = (dossier.at, 1 - dossier.at);
        let officer = self.officer(at);
        let mut line = json!({ "number": dossier.number, "officer": officer });
        let chance = self.chance.below(100);
        let reason = json!(self.chance.pick(words::REASONS));
        let (act, next, more): (&str, Stage, Vec<(&str, Value)>) = match (dossier.stage, chance) {
            (Stage::Coming | Stage::Returned, _) => return Ok(()),
            (_, 0..12) => ("note", dossier.stage, vec![("note", json!(self.note()))]),
            (_, 12..17) => ("attach_paper", dossier.stage, vec![("papers", json!(self.papers(2)))]),
            (_, 17..20) => {
                let place =
                    format!("{}, {}", self.chance.pick(words::PLACES), self.chance.pick(words::COMMUNES));
                let value = json!(place);
                (
                    "correct_field",
                    dossier.stage,
                    vec![("field", json!("owner.address.text")), ("value", value)],
                )
            }
            (Stage::Received | Stage::Worked, 20..28) => {
                let to = json!(COMMUNES.get(other));
                ("transfer", Stage::Coming, vec![("to", to), ("reason", reason)])
            }
            (Stage::Received, 28..60) => {
                ("assign", Stage::Worked, vec![("assignee", json!(self.officer(at)))])
            }
            (Stage::Received, _) | (Stage::Worked, 28..62) => ("move_step", Stage::Worked, Vec::new()),
            (Stage::Worked, 62..72) => {
                let items = vec![("items", json!([reason])), ("approved_by", json!(self.officer(at)))];
                ("request_supplement", Stage::Asked, items)
            }
            (Stage::Worked, _) => ("sign", Stage::Signed, Vec::new()),
            (Stage::Asked, _) => {
                ("receive_supplement", Stage::Worked, vec![("papers", json!(self.papers(3)))])
            }
            (Stage::Signed, 20..60) => {
                let number = format!("{}/QĐ-UBND", 1 + self.chance.below(900));
                ("issue", Stage::Signed, vec![("register_no", json!(number))])
            }
            (Stage::Signed, _) => ("finish", Stage::Finished, Vec::new()),
            (Stage::Finished, _) if at != dossier.home => return Ok(()),
            (Stage::Finished, _) => ("return_result", Stage::Returned, Vec::new()),
        };
        let Some(keys) = line.as_object_mut() else { return Ok(()) };
        keys.insert("act".to_owned(), json!(act));
        keys.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
        if act != "note" && self.chance.once_in(2) {
            let note = json!(self.note());
            keys.insert("note".to_owned(), note);
        }
        let is_historic = self.chance.once_in(5);
        if is_historic {
            let before = i64::try_from(self.chance.below(4_000)).unwrap_or(0);
            keys.insert("occurred_at".to_owned(), json!(rfc3339(Millis(self.clock.wall().0 - before))));
        }
        let Some(office) = self.offices.get(at) else { return Ok(()) };
        office
            .desk
            .act(&line.to_string(), is_historic)
            .wait()
            .map_err(|error| format!("{line}: {error:?}"))?;
        dossier.stage = next;
        if act == "transfer" || act == "finish" {
            // What happens next happens elsewhere, after the next round of sessions.
            dossier.at = if act == "transfer" { other } else { dossier.home };
        }
        Ok(())
    }

    /// What came to another office is taken over or declined there.
    fn take_over(&mut self, dossier: &mut Dossier) -> Result<(), Box<dyn Error>> {
        self.clock.pass(9_000);
        let (at, officer) = (dossier.at, self.officer(dossier.at));
        let mut line = json!({ "number": dossier.number, "officer": officer, "act": "take_over" });
        if self.chance.once_in(5) {
            let reason = self.chance.pick(words::REASONS);
            line =
                json!({ "number": dossier.number, "officer": officer, "act": "decline", "reason": reason });
            dossier.at = 1 - at;
        }
        let Some(office) = self.offices.get(at) else { return Ok(()) };
        office.desk.act(&line.to_string(), false).wait().map_err(|error| format!("{line}: {error:?}"))?;
        dossier.stage = Stage::Worked;
        Ok(())
    }
}
