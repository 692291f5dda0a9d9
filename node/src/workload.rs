//! The workload generator's operations as our lines: a directory file, lines to lodge, lines of acts.
//!
//! The information is kept, the words are ours: `create` becomes a lodging, each `event` one act in legal
//! order with the event's `what`, `note` and a foreign `unit` as its note and its `t` as the time it happened.
//! Number, due date, fee and status are ours to compute and are dropped. All lines are for `--historic`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::BufRead;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// Longest line that is read, in bytes: twenty times what the generator writes.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Most lines that are read: a province's year.
const LINES_MAX: usize = 10_000_000;

/// The officer's number of the leader who approves, at every office of the workload.
const LEADER: &str = "LD";

/// Why a file is not a workload, or not the answer to its lodging.
#[derive(Debug)]
pub enum WorkloadError {
    /// It cannot be read.
    Unreadable(std::io::Error),
    /// A line is not what it should be. Lines count from 1.
    Line {
        /// Which line.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The answer has another number of lines than dossiers were lodged.
    Answers {
        /// Dossiers in the workload.
        dossiers: usize,
        /// Lines in the answer, without the summary.
        answers: usize,
    },
}

impl std::fmt::Display for WorkloadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "the file cannot be read: {error}"),
            Self::Line { line, what } => write!(f, "line {line}: {what}"),
            Self::Answers { dossiers, answers } => {
                write!(f, "{dossiers} dossiers were to be lodged, {answers} answers came")
            }
        }
    }
}

impl std::error::Error for WorkloadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(error) => Some(error),
            Self::Line { .. } | Self::Answers { .. } => None,
        }
    }
}

/// One operation of the workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A dossier is lodged.
    Create(Create),
    /// A step is done on it.
    Event(Event),
}

/// A dossier as the generator has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// The generator's id of the dossier.
    pub id: String,
    /// When, without offset.
    pub at: String,
    /// Who.
    pub officer: Officer,
    /// The generator's document.
    pub document: Value,
}

/// A step as the generator has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The generator's id of the dossier.
    pub id: String,
    /// When, without offset.
    pub at: String,
    /// Who.
    pub officer: Officer,
    /// What was done, in words.
    pub what: String,
    /// A remark.
    pub note: Option<String>,
    /// The office that is said to have done it.
    pub unit: String,
}

/// An officer: `H27.31.01` of the workload is `H27.31/01` with us.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Officer {
    /// The office.
    pub seat: String,
    /// The number there.
    pub number: String,
}

impl std::fmt::Display for Officer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.seat, self.number)
    }
}

/// Reads the generator's file.
///
/// # Errors
/// [`WorkloadError`] for the first line that is not an operation.
pub fn operations(file: impl BufRead) -> Result<Vec<Operation>, WorkloadError> {
    let mut operations = Vec::new();
    for (line, value) in json_lines(file)? {
        operations.push(operation(&value).ok_or(WorkloadError::Line { line, what: "not an operation" })?);
    }
    Ok(operations)
}

/// The directory that the workload needs, as lines of a directory file: the offices, procedures and officers
/// that it names, a leader at each office, any term that the due dates show, no fees, no workflows.
#[must_use]
pub fn directory(operations: &[Operation]) -> Vec<Value> {
    let names = Names::of(operations);
    let mut lines = vec![
        json!({ "kind": "province", "v": 1, "code": names.province(), "name": "Tỉnh thử", "watermark": "DỮ LIỆU THỬ" }),
        json!({ "kind": "rule_set", "code": "nd-118-2025", "form_set": "tt-03-2025" }),
    ];
    let sessions = json!([{ "open": "07:00", "close": "11:30" }, { "open": "13:30", "close": "17:00" }]);
    lines.extend(names.years.iter().map(|year| {
        json!({ "kind": "calendar", "year": year, "name": format!("{}-{year}", names.province()), "sessions": sessions })
    }));
    lines.extend(names.seats.iter().map(|code| {
        json!({ "kind": "agency", "code": code, "name": format!("Xã thử {code}"), "level": "commune", "type": "commune", "seat": "node" })
    }));
    lines.extend(names.units.difference(&names.seats).map(|code| {
        json!({ "kind": "agency", "code": code, "name": format!("Sở thử {code}"), "level": "province", "type": "department", "seat": "hosted" })
    }));
    lines.extend(names.procedures.iter().map(|(code, procedure)| {
        json!({
            "kind": "procedure", "code": code, "name": procedure.name, "area": procedure.area, "decided_by": "any",
            "term": { "amount": procedure.days, "unit": "working_days" },
            "papers_required": false, "lodgeable_anywhere": true,
        })
    }));
    // Everybody may do everything: who does what is the generator's draw.
    let roles =
        json!(["receiving", "assigning_leader", "case_officer", "leader", "registrar", "returning", "fee"]);
    lines.extend(names.officers.iter().map(|officer| {
        json!({ "kind": "officer", "id": officer.to_string(), "name": format!("Công chức Thử {}", officer.number), "roles": roles })
    }));
    lines.extend(names.seats.iter().map(|seat| {
        json!({ "kind": "officer", "id": format!("{seat}/{LEADER}"), "name": "Lãnh đạo Thử", "roles": ["leader", "assigning_leader"] })
    }));
    lines
}

/// The lines to lodge, in the order of the workload.
#[must_use]
pub fn lodgings(operations: &[Operation]) -> Vec<Value> {
    creates(operations).map(lodging).collect()
}

/// The lines of acts, in the order of the workload, and how many events were left out because their dossier
/// was refused. `lodged` is what `dossier lodge --json` said.
///
/// # Errors
/// `lodged` is not the answer to this workload's lodging.
pub fn acts(operations: &[Operation], lodged: impl BufRead) -> Result<(Vec<Value>, usize), WorkloadError> {
    let mut work = Work { numbers: numbers(operations, lodged)?, ..Work::default() };
    let (mut lines, mut left_out) = (Vec::new(), 0);
    for event in operations.iter().filter_map(Operation::as_event) {
        match work.act(event) {
            Some(line) => lines.push(line),
            None => left_out += 1,
        }
    }
    Ok((lines, left_out))
}

/// How far the workload's dossiers have come, for whoever does its operations one after the other.
#[derive(Clone, Debug, Default)]
pub struct Work {
    numbers: BTreeMap<String, String>,
    stages: BTreeMap<String, Stage>,
}

impl Work {
    /// Notes the number that a lodged dossier was given.
    pub fn lodged(&mut self, create: &Create, number: &str) {
        self.numbers.insert(create.id.clone(), number.to_owned());
    }

    /// The line of the act for an event, or `None` when its dossier was not lodged.
    #[must_use]
    pub fn act(&mut self, event: &Event) -> Option<Value> {
        let number = self.numbers.get(&event.id)?;
        let stage = self.stages.entry(event.id.clone()).or_default();
        let (act, next) = choose(*stage, &event.what);
        *stage = next;
        Some(act_line(number, act, event))
    }
}

/// How far a dossier has come, as the national statuses that the workload reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// 2
    #[default]
    Received,
    /// 4
    Worked,
    /// 5
    SupplementAsked,
    /// 9
    Finished,
    /// 10
    Returned,
}

/// The act for an event, and where the dossier stands after it. What is not legal yet becomes a step; where no
/// step is legal, a note.
fn choose(stage: Stage, what: &str) -> (&'static str, Stage) {
    match (stage, what) {
        (Stage::Worked, "Yêu cầu bổ sung giấy tờ") => ("request_supplement", Stage::SupplementAsked),
        (Stage::Worked, "Đã ký số kết quả") => ("sign", Stage::Worked),
        (Stage::Worked, "Đã chuyển Bộ phận Một cửa") => ("finish", Stage::Finished),
        (Stage::SupplementAsked, "Công dân đã bổ sung") => ("receive_supplement", Stage::Worked),
        (Stage::Finished, "Đã trả kết quả") => ("return_result", Stage::Returned),
        (Stage::Received | Stage::Worked, _) => ("move_step", Stage::Worked),
        (Stage::SupplementAsked | Stage::Finished | Stage::Returned, _) => ("note", stage),
    }
}

fn act_line(number: &str, act: &str, event: &Event) -> Value {
    let mut note = event.what.clone();
    if let Some(more) = &event.note {
        note = format!("{note}: {more}");
    }
    if event.unit != event.officer.seat {
        note = format!("{note} ({})", event.unit);
    }
    let mut line = json!({
        "number": number,
        "act": act,
        "officer": event.officer.to_string(),
        "note": note,
        "occurred_at": with_offset(&event.at),
    });
    if let Value::Object(line) = &mut line
        && act == "request_supplement"
    {
        line.insert("items".to_owned(), json!([event.what]));
        line.insert("approved_by".to_owned(), json!(format!("{}/{LEADER}", event.officer.seat)));
    }
    line
}

/// The line to lodge a dossier.
#[must_use]
pub fn lodging(create: &Create) -> Value {
    let document = &create.document;
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
    let applicant = |key: &str| document.get("applicant").and_then(|applicant| applicant.get(key));
    let papers: Vec<Value> =
        document.get("papers").and_then(Value::as_array).into_iter().flatten().map(paper).collect();
    json!({
        "request_id": create.id,
        "procedure": text("procedure"),
        "channel": if text("channel") == "online" { "direct" } else { text("channel") },
        "officer": create.officer.to_string(),
        "owner": {
            "kind": "citizen",
            "name": applicant("name"),
            "id_type": "cccd",
            "id_no": applicant("id_no"),
            "dob": applicant("dob"),
            "phone": applicant("phone"),
            "address": { "text": applicant("address") },
        },
        "summary": text("summary"),
        "papers": papers,
        "received_at": with_offset(&create.at),
    })
}

fn paper(paper: &Value) -> Value {
    let text = |key: &str| paper.get(key).and_then(Value::as_str).unwrap_or_default();
    let kind = match text("kind") {
        "bản chính" => "original",
        "bản sao" => "copy",
        _ => "electronic",
    };
    json!({
        "name": text("name"),
        "kind": kind,
        "copies": paper.get("copies"),
        "hash": format!("sha256:{}", text("blob")),
        "size_bytes": paper.get("size"),
    })
}

/// The generator's times are Vietnam's, without saying so.
fn with_offset(at: &str) -> String {
    format!("{at}+07:00")
}

/// The number each dossier was given, by the generator's id. Refused dossiers have none.
fn numbers(
    operations: &[Operation],
    lodged: impl BufRead,
) -> Result<BTreeMap<String, String>, WorkloadError> {
    let mut answers = json_lines(lodged)?;
    answers.retain(|(_, answer)| answer.get("summary").is_none());
    let ids: Vec<&String> = creates(operations).map(|create| &create.id).collect();
    if answers.len() != ids.len() {
        return Err(WorkloadError::Answers { dossiers: ids.len(), answers: answers.len() });
    }
    let mut numbers = BTreeMap::new();
    for ((line, answer), id) in answers.into_iter().zip(ids) {
        let text = |key: &str| answer.get(key).and_then(Value::as_str);
        match (text("number"), answer.get("error")) {
            (Some(number), None) => {
                let id = text("request_id").map_or_else(|| id.clone(), str::to_owned);
                numbers.insert(id, number.to_owned());
            }
            (None, Some(_)) => {}
            (Some(_), Some(_)) | (None, None) => {
                return Err(WorkloadError::Line { line, what: "neither a number nor an error" });
            }
        }
    }
    Ok(numbers)
}

impl Operation {
    /// When it was done, without offset.
    #[must_use]
    pub fn at(&self) -> &str {
        match self {
            Self::Create(create) => &create.at,
            Self::Event(event) => &event.at,
        }
    }

    /// Moves it to another office.
    pub fn move_to(&mut self, seat: &str) {
        let officer = match self {
            Self::Create(create) => &mut create.officer,
            Self::Event(event) => {
                if event.unit == event.officer.seat {
                    seat.clone_into(&mut event.unit);
                }
                &mut event.officer
            }
        };
        seat.clone_into(&mut officer.seat);
    }

    /// The office that did it.
    #[must_use]
    pub fn seat(&self) -> &str {
        match self {
            Self::Create(create) => &create.officer.seat,
            Self::Event(event) => &event.officer.seat,
        }
    }

    /// The dossier, where one is lodged.
    #[must_use]
    pub const fn as_create(&self) -> Option<&Create> {
        match self {
            Self::Create(create) => Some(create),
            Self::Event(_) => None,
        }
    }

    /// The step, where one is done.
    #[must_use]
    pub const fn as_event(&self) -> Option<&Event> {
        match self {
            Self::Event(event) => Some(event),
            Self::Create(_) => None,
        }
    }
}

fn creates(operations: &[Operation]) -> impl Iterator<Item = &Create> {
    operations.iter().filter_map(Operation::as_create)
}

/// What the workload names.
#[derive(Debug, Default)]
struct Names {
    seats: BTreeSet<String>,
    units: BTreeSet<String>,
    officers: BTreeSet<Officer>,
    procedures: BTreeMap<String, Procedure>,
    years: BTreeSet<u32>,
}

#[derive(Debug, Default)]
struct Procedure {
    name: String,
    area: String,
    days: i32,
}

impl Names {
    fn of(operations: &[Operation]) -> Self {
        let mut names = Self::default();
        for operation in operations {
            let (officer, at) = match operation {
                Operation::Create(create) => {
                    names.add_procedure(&create.document);
                    (&create.officer, &create.at)
                }
                Operation::Event(event) => {
                    names.units.insert(event.unit.clone());
                    (&event.officer, &event.at)
                }
            };
            names.seats.insert(officer.seat.clone());
            names.officers.insert(officer.clone());
            // A term that begins in December ends in the next year.
            let year = at.get(..4).and_then(|year| year.parse::<u32>().ok());
            names.years.extend(year.into_iter().flat_map(|year| [year, year.saturating_add(1)]));
        }
        names
    }

    fn add_procedure(&mut self, document: &Value) {
        let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
        let procedure = self.procedures.entry(text("procedure").to_owned()).or_default();
        procedure.name = text("procedure_name").to_owned();
        procedure.area = text("field").to_owned();
        procedure.days = days_between(text("received"), text("due")).unwrap_or(1).max(1);
    }

    /// The first part of an office's code; the workload has one province.
    fn province(&self) -> &str {
        self.seats.first().and_then(|seat| seat.split('.').next()).unwrap_or("H27")
    }
}

/// Calendar days from one time to another, each `2026-03-02T…`.
fn days_between(from: &str, to: &str) -> Option<i32> {
    Some(day_number(to)? - day_number(from)?)
}

/// The day of a date counted from a fixed one, by the civil calendar.
fn day_number(at: &str) -> Option<i32> {
    let mut parts = at.get(..10)?.split('-').map(|part| part.parse::<i32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    // March is the first month, so that the leap day is the last day of the year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Some(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day)
}

fn operation(value: &Value) -> Option<Operation> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let (id, at, officer) = (text("id")?, text("t")?, officer(&text("by")?)?);
    match text("op")?.as_str() {
        "create" => {
            let document = value.get("doc").filter(|document| document.is_object())?.clone();
            Some(Operation::Create(Create { id, at, officer, document }))
        }
        "event" => {
            let event: &Map<String, Value> = value.get("event")?.as_object()?;
            let text = |key: &str| event.get(key).and_then(Value::as_str).map(str::to_owned);
            let (what, note, unit) = (text("what")?, text("note"), text("unit")?);
            Some(Operation::Event(Event { id, at, officer, what, note, unit }))
        }
        _ => None,
    }
}

fn officer(by: &str) -> Option<Officer> {
    let (seat, number) = by.rsplit_once('.')?;
    Some(Officer { seat: seat.to_owned(), number: number.to_owned() })
}

/// The values of a file of JSON lines with their line numbers from 1; empty lines are skipped.
fn json_lines(file: impl BufRead) -> Result<Vec<(usize, Value)>, WorkloadError> {
    let mut values = Vec::new();
    for (index, text) in file.lines().enumerate().take(LINES_MAX) {
        let (line, text) = (index + 1, text.map_err(WorkloadError::Unreadable)?);
        if text.len() > LINE_BYTES_MAX {
            return Err(WorkloadError::Line { line, what: "too long" });
        }
        if !text.trim().is_empty() {
            let value =
                serde_json::from_str(&text).map_err(|_| WorkloadError::Line { line, what: "not JSON" })?;
            values.push((line, value));
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKLOAD: &str = r#"{"op":"create","id":"H27.31-260302-0001","t":"2026-03-02T07:35:32","by":"H27.31.02","doc":{"id":"H27.31-260302-0001","procedure":"1.004873","procedure_name":"Cấp giấy xác nhận tình trạng hôn nhân","field":"Hộ tịch","channel":"online","applicant":{"name":"Nguyễn Văn Thử","id_no":"042090900001","phone":"0999000001","address":"Thôn Thử","dob":"1990-02-28"},"summary":"Thử","received":"2026-03-02T07:35:32","due":"2026-03-05T07:35:32","status":"received","fee":8000,"papers":[{"name":"Tờ khai theo mẫu","kind":"bản chính","copies":2,"blob":"0fd17164a5230fc8ed162e7c471b032c422ea4491ac1054ae6f5efe75fca946a","size":1688369}],"events":[]}}
{"op":"create","id":"H27.31-260302-0002","t":"2026-03-02T07:40:00","by":"H27.31.05","doc":{"procedure":"1.001193","procedure_name":"Đăng ký khai sinh","field":"Hộ tịch","channel":"post","applicant":{"name":"Trần Thị Thử"},"received":"2026-03-02T07:40:00","due":"2026-03-03T07:40:00","papers":[]}}
{"op":"event","id":"H27.31-260302-0001","t":"2026-03-02T08:00:00","by":"H27.31.01","set":{},"event":{"t":"2026-03-02T08:00:00","by":"H27.31.01","what":"Đang thẩm định","unit":"H27.10","note":"Thử đã kiểm tra"}}
{"op":"event","id":"H27.31-260302-0002","t":"2026-03-02T08:00:01","by":"H27.31.01","set":{},"event":{"what":"Yêu cầu bổ sung giấy tờ","unit":"H27.31"}}
{"op":"event","id":"H27.31-260302-0001","t":"2026-03-02T09:00:00","by":"H27.31.03","set":{},"event":{"what":"Yêu cầu bổ sung giấy tờ","unit":"H27.31"}}
"#;

    fn workload() -> Vec<Operation> {
        operations(WORKLOAD.as_bytes()).unwrap()
    }

    #[test]
    fn events_become_acts_in_legal_order() {
        for (name, events, expected) in [
            (
                "the whole way",
                &[
                    "Đã số hóa thành phần hồ sơ",
                    "Chuyển chuyên môn thụ lý",
                    "Đã phân công thụ lý",
                    "Đang thẩm định",
                    "Yêu cầu bổ sung giấy tờ",
                    "Công dân đã bổ sung",
                    "Trình lãnh đạo ký",
                    "Đã ký số kết quả",
                    "Đã chuyển Bộ phận Một cửa",
                    "Đã trả kết quả",
                ][..],
                &[
                    "move_step",
                    "move_step",
                    "move_step",
                    "move_step",
                    "request_supplement",
                    "receive_supplement",
                    "move_step",
                    "sign",
                    "finish",
                    "return_result",
                ][..],
            ),
            (
                "nothing is legal before work has begun",
                &["Yêu cầu bổ sung giấy tờ", "Công dân đã bổ sung", "Đã ký số kết quả"],
                &["move_step", "move_step", "sign"],
            ),
            (
                "a supplement that never comes leaves notes",
                &["Đang thẩm định", "Yêu cầu bổ sung giấy tờ", "Đã ký số kết quả", "Đã trả kết quả"],
                &["move_step", "request_supplement", "note", "note"],
            ),
            (
                "a result is returned only after it was finished",
                &["Đang thẩm định", "Đã trả kết quả"],
                &["move_step", "move_step"],
            ),
            (
                "after the end there are notes",
                &[
                    "Đang thẩm định",
                    "Đã chuyển Bộ phận Một cửa",
                    "Đang thẩm định",
                    "Đã trả kết quả",
                    "Đã trả kết quả",
                ],
                &["move_step", "finish", "note", "return_result", "note"],
            ),
        ] {
            let mut stage = Stage::default();
            let acts: Vec<&str> = events
                .iter()
                .map(|what| {
                    let (act, next) = choose(stage, what);
                    stage = next;
                    act
                })
                .collect();
            assert_eq!(acts, expected, "{name}");
        }
    }

    #[test]
    fn a_create_becomes_a_line_to_lodge() {
        let lines = lodgings(&workload());
        let expected = json!({
            "request_id": "H27.31-260302-0001",
            "procedure": "1.004873",
            "channel": "direct",
            "officer": "H27.31/02",
            "owner": {
                "kind": "citizen", "name": "Nguyễn Văn Thử", "id_type": "cccd", "id_no": "042090900001",
                "dob": "1990-02-28", "phone": "0999000001", "address": { "text": "Thôn Thử" },
            },
            "summary": "Thử",
            "papers": [{
                "name": "Tờ khai theo mẫu", "kind": "original", "copies": 2, "size_bytes": 1_688_369,
                "hash": "sha256:0fd17164a5230fc8ed162e7c471b032c422ea4491ac1054ae6f5efe75fca946a",
            }],
            "received_at": "2026-03-02T07:35:32+07:00",
        });
        assert_eq!(lines.first(), Some(&expected));
        assert_eq!(lines[1]["channel"], "post");
    }

    #[test]
    fn events_become_lines_with_their_words_as_note() {
        let lodged = r#"{"number":"H27.31-260302-0690001","id":"a"}
{"number":"H27.31-260302-0690002","id":"b"}
{"summary":{}}
"#;
        let (lines, left_out) = acts(&workload(), lodged.as_bytes()).unwrap();
        let expected = [
            json!({
                "number": "H27.31-260302-0690001", "act": "move_step", "officer": "H27.31/01",
                "note": "Đang thẩm định: Thử đã kiểm tra (H27.10)", "occurred_at": "2026-03-02T08:00:00+07:00",
            }),
            json!({
                "number": "H27.31-260302-0690002", "act": "move_step", "officer": "H27.31/01",
                "note": "Yêu cầu bổ sung giấy tờ", "occurred_at": "2026-03-02T08:00:01+07:00",
            }),
            json!({
                "number": "H27.31-260302-0690001", "act": "request_supplement", "officer": "H27.31/03",
                "note": "Yêu cầu bổ sung giấy tờ", "occurred_at": "2026-03-02T09:00:00+07:00",
                "items": ["Yêu cầu bổ sung giấy tờ"], "approved_by": "H27.31/LD",
            }),
        ];
        assert_eq!((lines.as_slice(), left_out), (&expected[..], 0));
    }

    #[test]
    fn the_desk_can_read_every_line() {
        for line in lodgings(&workload()) {
            let read = crate::desk::line::lodge_line(&line.to_string());
            assert!(read.is_ok(), "{line}: {}", read.unwrap_err());
        }
        let lodged = "{\"number\":\"H27.31-260302-0690001\"}\n{\"number\":\"H27.31-260302-0690002\"}";
        for line in acts(&workload(), lodged.as_bytes()).unwrap().0 {
            let read = crate::desk::line::act_line(&line.to_string());
            assert!(read.is_ok(), "{line}: {}", read.unwrap_err());
        }
    }

    #[test]
    fn answers_are_matched_by_request_and_refused_dossiers_left_out() {
        let lodged = r#"{"line":1,"error":{"code":"x"}}
{"request_id":"H27.31-260302-0002","number":"N2"}
{"summary":{}}"#;
        let (lines, left_out) = acts(&workload(), lodged.as_bytes()).unwrap();
        assert_eq!((lines.len(), left_out), (1, 2));
        assert_eq!(lines[0]["number"], "N2");
    }

    #[test]
    fn a_wrong_answer_is_refused() {
        for (lodged, expected) in [
            ("", "2 dossiers were to be lodged, 0 answers came"),
            ("{}\n{}", "line 1: neither a number nor an error"),
            ("nonsense", "line 1: not JSON"),
        ] {
            assert_eq!(acts(&workload(), lodged.as_bytes()).unwrap_err().to_string(), expected);
        }
        assert!(operations(r#"{"op":"delete"}"#.as_bytes()).is_err());
    }

    #[test]
    fn the_directory_has_what_the_workload_names() {
        let lines = directory(&workload());
        assert_eq!((&lines[0]["kind"], &lines[0]["code"]), (&json!("province"), &json!("H27")));
        let of_kind = |kind: &str, key: &str| -> Vec<String> {
            lines
                .iter()
                .filter(|line| line["kind"] == kind)
                .filter_map(|line| line[key].as_str().map(str::to_owned))
                .collect()
        };
        assert_eq!(of_kind("agency", "code"), ["H27.31", "H27.10"]);
        assert_eq!(of_kind("procedure", "code"), ["1.001193", "1.004873"]);
        assert_eq!(
            of_kind("officer", "id"),
            ["H27.31/01", "H27.31/02", "H27.31/03", "H27.31/05", "H27.31/LD"]
        );
        let term =
            |code: &str| lines.iter().find(|line| line["code"] == code).unwrap()["term"]["amount"].clone();
        assert_eq!((term("1.001193"), term("1.004873")), (json!(1), json!(3)));
    }

    #[test]
    fn the_directory_is_a_directory() {
        let text: String = directory(&workload()).iter().map(|line| format!("{line}\n")).collect();
        let bounds = crate::directory::fault::ParseBounds::default();
        let read = crate::directory::Directory::parse(&text, &bounds);
        assert!(read.is_ok(), "{:#?}", read.err());
    }

    #[test]
    fn days_are_counted_across_months_and_leap_years() {
        for (from, to, days) in [
            ("2026-03-02T07:35:32", "2026-03-05T07:35:32", 3),
            ("2026-02-27T00:00:00", "2026-03-01T00:00:00", 2),
            ("2024-02-27T00:00:00", "2024-03-01T00:00:00", 3),
            ("2025-12-31T00:00:00", "2026-01-20T00:00:00", 20),
        ] {
            assert_eq!(days_between(from, to), Some(days), "{from} {to}");
        }
        assert_eq!(days_between("soon", "2026-01-01"), None);
    }
}
