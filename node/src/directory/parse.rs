//! Text → directory, or every fault of the text.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::civil::Date;
use serde_json::Map;
use serde_json::Value;

use crate::directory::DIRECTORY_VERSION;
use crate::directory::Directory;
use crate::directory::Validity;
use crate::directory::agency::Agency;
use crate::directory::agency::AgencyKind;
use crate::directory::agency::Officer;
use crate::directory::agency::SeatKind;
use crate::directory::calendar::Calendar;
use crate::directory::calendar::Calendars;
use crate::directory::calendar::Season;
use crate::directory::calendar::Session;
use crate::directory::calendar::SpecialDay;
use crate::directory::canonical;
use crate::directory::fault::Fault;
use crate::directory::fault::ParseBounds;
use crate::directory::procedure::Case;
use crate::directory::procedure::Component;
use crate::directory::procedure::DecidedBy;
use crate::directory::procedure::Fee;
use crate::directory::procedure::FeePer;
use crate::directory::procedure::Field;
use crate::directory::procedure::FieldKind;
use crate::directory::procedure::OnlineLevel;
use crate::directory::procedure::Procedure;
use crate::directory::procedure::StepNeed;
use crate::directory::procedure::SupplementClock;
use crate::directory::procedure::Term;
use crate::directory::procedure::TermUnit;
use crate::directory::procedure::Waiver;
use crate::directory::record::DUPLICATE_KEY;
use crate::directory::record::Faults;
use crate::directory::record::List;
use crate::directory::record::Record;
use crate::directory::record::Strict;
use crate::directory::record::shown;
use crate::directory::rules;
use crate::directory::rules::Province;
use crate::directory::rules::RuleSet;
use crate::directory::workflow::Step;
use crate::directory::workflow::Workflow;
use crate::ids::AgencyCode;
use crate::ids::OfficerId;

const AGENCY_FORM: &str = "H27.101";
const OFFICER_FORM: &str = "H27.102/02";
const PROCEDURE_FORM: &str = "1.001193";
/// Ten years of anything: a longer term is a slip of the finger.
const TERM_AMOUNT_MAX: u64 = 3_650;
/// A thousand billion đồng: far above any fee, far below what an integer holds.
const VND_MAX: u64 = 1_000_000_000_000;

pub(super) fn parse_bytes(bytes: &[u8], bounds: &ParseBounds) -> Result<Directory, Vec<Fault>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(text, bounds),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            Err(vec![Fault { line, field: None, code: "directory-not-utf8", args: Vec::new() }])
        }
    }
}

pub(super) fn parse(text: &str, bounds: &ParseBounds) -> Result<Directory, Vec<Fault>> {
    let mut draft = Draft::new(bounds);
    draft.read(text);
    draft.link();
    draft.finish(text)
}

/// A record with the line it stands on.
#[derive(Debug)]
struct Placed<T> {
    line: u32,
    record: T,
}

/// What has been read so far.
struct Draft<'b> {
    bounds: &'b ParseBounds,
    faults: Faults,
    is_newer: bool,
    province: Option<Province>,
    rule_sets: Vec<Placed<RuleSet>>,
    calendars: Vec<Placed<Calendar>>,
    agencies: Vec<Placed<Agency>>,
    workflows: Vec<Placed<Workflow>>,
    procedures: Vec<Placed<Procedure>>,
    officers: Vec<Placed<Officer>>,
    waivers: Vec<Placed<Waiver>>,
    /// The line of the first record of a kind with a code, also when the rest of that record is faulty:
    /// references to it are then not faults of their own.
    declared: BTreeMap<(&'static str, String), u32>,
}

impl<'b> Draft<'b> {
    const fn new(bounds: &'b ParseBounds) -> Self {
        Self {
            bounds,
            faults: Faults::new(bounds.faults_max),
            is_newer: false,
            province: None,
            rule_sets: Vec::new(),
            calendars: Vec::new(),
            agencies: Vec::new(),
            workflows: Vec::new(),
            procedures: Vec::new(),
            officers: Vec::new(),
            waivers: Vec::new(),
            declared: BTreeMap::new(),
        }
    }

    fn fault(
        &mut self,
        line: u32,
        field: Option<&str>,
        code: &'static str,
        args: Vec<(&'static str, String)>,
    ) {
        self.faults.add(line, field.map(str::to_owned), code, args);
    }

    fn read(&mut self, text: &str) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > self.bounds.file_bytes_max {
            let max = self.bounds.file_bytes_max.to_string();
            return self.fault(0, None, "directory-file-too-large", vec![("max", max)]);
        }
        let mut records = 0_usize;
        for (line_text, line) in text.lines().zip(1_u32..) {
            let line_text = line_text.trim();
            if line_text.is_empty() || line_text.starts_with('#') {
                continue;
            }
            records += 1;
            if records > self.bounds.records_max {
                let max = self.bounds.records_max.to_string();
                return self.fault(line, None, "directory-too-many-records", vec![("max", max)]);
            }
            if self.faults.is_cut() {
                return;
            }
            let map = self.object_of(line, line_text);
            let is_first = records == 1;
            let Some(mut map) = map else { continue };
            let Some(kind) = self.kind_of(line, &mut map, is_first) else { continue };
            if kind == "province" && is_first && !self.may_read(line, &map) {
                return;
            }
            self.record(line, &kind, map);
        }
        if records == 0 {
            self.fault(0, None, "directory-no-records", Vec::new());
        }
    }

    fn object_of(&mut self, line: u32, text: &str) -> Option<Map<String, Value>> {
        if text.len() > self.bounds.line_bytes_max {
            let max = self.bounds.line_bytes_max.to_string();
            self.fault(line, None, "directory-line-too-long", vec![("max", max)]);
            return None;
        }
        match serde_json::from_str::<Strict>(text) {
            Ok(Strict(Value::Object(map))) => return Some(map),
            Ok(_) => self.fault(line, None, "directory-not-object", Vec::new()),
            Err(error) => {
                let message = error.to_string();
                match message.strip_prefix(DUPLICATE_KEY) {
                    Some(rest) => {
                        let key = rest.rsplit_once(" at line ").map_or(rest, |(key, _)| key);
                        self.fault(
                            line,
                            Some(&shown(key)),
                            "directory-duplicate-key",
                            vec![("value", shown(key))],
                        );
                    }
                    None => {
                        let column = error.column().to_string();
                        self.fault(line, None, "directory-syntax", vec![("column", column)]);
                    }
                }
            }
        }
        None
    }

    fn kind_of(&mut self, line: u32, map: &mut Map<String, Value>, is_first: bool) -> Option<String> {
        let kind = match map.remove("kind") {
            Some(Value::String(kind)) => kind,
            Some(_) => {
                let expected = vec![("expected", "text".to_owned())];
                self.fault(line, Some("kind"), "directory-wrong-type", expected);
                return None;
            }
            None => {
                self.fault(line, Some("kind"), "directory-missing", Vec::new());
                return None;
            }
        };
        if is_first && kind != "province" {
            self.fault(line, Some("kind"), "directory-province-first", Vec::new());
        } else if !is_first && kind == "province" {
            self.fault(line, Some("kind"), "directory-province-twice", Vec::new());
            return None;
        }
        Some(kind)
    }

    /// Whether this program may read the file at all. A newer file that says so is read with its unknown
    /// kinds and fields left aside.
    fn may_read(&mut self, line: u32, map: &Map<String, Value>) -> bool {
        let own = u64::from(DIRECTORY_VERSION);
        let version = map.get("v").and_then(Value::as_u64).unwrap_or(own);
        let min_reader = map.get("min_reader").and_then(Value::as_u64).unwrap_or(version);
        if min_reader > own {
            let args = vec![("value", min_reader.to_string()), ("own", own.to_string())];
            self.fault(line, Some("v"), "directory-too-new", args);
            return false;
        }
        self.is_newer = version > own;
        true
    }

    fn record(&mut self, line: u32, kind: &str, map: Map<String, Value>) {
        let Some(known) = KINDS.iter().find(|known| known.name == kind) else {
            if !self.is_newer {
                let allowed: Vec<&str> = KINDS.iter().map(|known| known.name).collect();
                let args = vec![("value", shown(kind)), ("allowed", allowed.join(", "))];
                self.fault(line, Some("kind"), "directory-unknown-kind", args);
            }
            return;
        };
        self.declare(line, known, &map);
        let mut record = Record::new(line, map, &mut self.faults, self.bounds, self.is_newer);
        match known.name {
            "province" => self.province = province(&mut record),
            "rule_set" => keep(&mut self.rule_sets, line, rule_set(&mut record)),
            "calendar" => keep(&mut self.calendars, line, calendar(&mut record)),
            "agency" => keep(&mut self.agencies, line, agency(&mut record, self.province.as_ref())),
            "workflow" => keep(&mut self.workflows, line, workflow(&mut record)),
            "procedure" => keep(&mut self.procedures, line, procedure(&mut record)),
            "officer" => keep(&mut self.officers, line, officer(&mut record)),
            _ => keep(&mut self.waivers, line, waiver(&mut record)),
        }
    }

    fn declare(&mut self, line: u32, kind: &KindOfRecord, map: &Map<String, Value>) {
        let code = match map.get(kind.key) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => return,
        };
        let first_line = *self.declared.entry((kind.name, code.clone())).or_insert(line);
        // Versions of one procedure may follow each other; they are compared by their dates later.
        if first_line != line && kind.name != "procedure" {
            let args = vec![("value", shown(&code)), ("first_line", first_line.to_string())];
            self.fault(line, Some(kind.key), "directory-duplicate", args);
        }
    }

    fn is_declared(&self, kind: &'static str, code: &str) -> bool {
        self.declared.contains_key(&(kind, code.to_owned()))
    }

    fn dangling(&mut self, line: u32, field: &str, kind: &'static str, code: &str) {
        if !self.is_declared(kind, code) {
            let args = vec![("value", shown(code)), ("kind", kind.to_owned())];
            self.fault(line, Some(field), "directory-dangling", args);
        }
    }

    /// Checks what needs more than one record.
    fn link(&mut self) {
        self.link_agencies();
        self.link_procedures();
        self.link_people();
        let rule_sets: Vec<_> =
            self.rule_sets.iter().map(|placed| ("", placed.record.valid, placed.line)).collect();
        self.overlapping(rule_sets);
        let versions: Vec<_> = self
            .procedures
            .iter()
            .map(|placed| (placed.record.code.as_str().to_owned(), placed.record.valid, placed.line))
            .collect();
        self.overlapping(versions);
    }

    /// Notes records of one code that are in force on the same day.
    fn overlapping<C: Ord>(&mut self, mut records: Vec<(C, Validity, u32)>) {
        records.sort_by(|a, b| (&a.0, a.1.from, a.2).cmp(&(&b.0, b.1.from, b.2)));
        let pairs: Vec<(u32, u32)> = records
            .iter()
            .zip(records.iter().skip(1))
            .filter(|(a, b)| a.0 == b.0 && a.1.overlaps(&b.1))
            .map(|(a, b)| (a.2.min(b.2), a.2.max(b.2)))
            .collect();
        for (first_line, line) in pairs {
            let args = vec![("first_line", first_line.to_string())];
            self.fault(line, Some("valid_from"), "directory-both-in-force", args);
        }
    }

    fn link_agencies(&mut self) {
        let mut references = Vec::new();
        for Placed { line, record } in &self.agencies {
            for (field, code) in [("parent", &record.parent), ("successor", &record.successor)] {
                if let Some(code) = code {
                    references.push((*line, field, code.as_str().to_owned()));
                }
            }
        }
        for (line, field, code) in references {
            self.dangling(line, field, "agency", &code);
        }
        self.cycles("successor", |agency| agency.successor.as_ref());
        self.cycles("parent", |agency| agency.parent.as_ref());
    }

    /// Notes each agency that is reached again by following a reference from it.
    fn cycles(&mut self, field: &'static str, next: impl Fn(&Agency) -> Option<&AgencyCode>) {
        let by_code: BTreeMap<&AgencyCode, &Agency> =
            self.agencies.iter().map(|placed| (&placed.record.code, &placed.record)).collect();
        let mut done = BTreeSet::new();
        let mut lines = Vec::new();
        for Placed { line, record } in &self.agencies {
            let mut path = BTreeSet::new();
            let mut at = Some(record);
            while let Some(agency) = at {
                if !path.insert(&agency.code) {
                    lines.push((*line, agency.code.as_str().to_owned()));
                    break;
                }
                if done.contains(&agency.code) {
                    break;
                }
                at = next(agency).and_then(|code| by_code.get(code).copied());
            }
            done.extend(path);
        }
        for (line, code) in lines {
            self.fault(line, Some(field), "directory-cycle", vec![("value", code)]);
        }
    }

    fn link_procedures(&mut self) {
        // A process with a fault of its own may have lost steps; it is not measured.
        let workflows: BTreeMap<String, Workflow> = self
            .workflows
            .iter()
            .filter(|placed| !self.faults.is_faulty(placed.line))
            .map(|placed| (placed.record.code.clone(), placed.record.clone()))
            .collect();
        let procedures = std::mem::take(&mut self.procedures);
        for Placed { line, record } in &procedures {
            if let DecidedBy::Agency(code) = &record.decided_by {
                self.dangling(*line, "decided_by", "agency", code.as_str());
            }
            let Some(code) = &record.workflow else { continue };
            self.dangling(*line, "workflow", "workflow", code);
            if let Some(workflow) = workflows.get(code) {
                self.link_workflow(*line, record, workflow);
            }
        }
        self.procedures = procedures;
    }

    fn link_workflow(&mut self, line: u32, procedure: &Procedure, workflow: &Workflow) {
        for (at, need) in procedure.needs_line.iter().enumerate() {
            if workflow.step(&need.step).is_none() {
                let args = vec![("value", shown(&need.step)), ("kind", "step".to_owned())];
                self.fault(line, Some(&format!("needs_line[{at}].step")), "directory-dangling", args);
            }
        }
        let hours = |minutes: u64| format!("{}", minutes.div_ceil(60));
        if let Some(term) = term_minutes(procedure.term)
            && workflow.counted_minutes() > term
        {
            let args = vec![("hours", hours(workflow.counted_minutes())), ("term_hours", hours(term))];
            self.fault(line, Some("workflow"), "directory-hours-exceed-term", args);
        }
    }

    fn link_people(&mut self) {
        let external: BTreeSet<AgencyCode> = self
            .agencies
            .iter()
            .filter(|placed| placed.record.seat == SeatKind::External)
            .map(|placed| placed.record.code.clone())
            .collect();
        let officers = std::mem::take(&mut self.officers);
        for Placed { line, record } in &officers {
            let seat = &record.id.seat;
            self.dangling(*line, "id", "agency", seat.as_str());
            if external.contains(seat) {
                self.fault(
                    *line,
                    Some("id"),
                    "directory-officer-external",
                    vec![("value", seat.to_string())],
                );
            }
        }
        self.officers = officers;
        let waivers = std::mem::take(&mut self.waivers);
        for Placed { line, record } in &waivers {
            for (at, code) in record.procedures.iter().enumerate() {
                self.dangling(*line, &format!("procedures[{at}]"), "procedure", code.as_str());
            }
        }
        self.waivers = waivers;
    }

    fn finish(self, text: &str) -> Result<Directory, Vec<Fault>> {
        let province = match self.province {
            Some(province) if self.faults.is_empty() => province,
            // Without a province there is a fault: the first record was something else, or not readable.
            Some(_) | None => return Err(self.faults.into_sorted()),
        };
        let records = |placed: Vec<Placed<RuleSet>>| placed.into_iter().map(|placed| placed.record);
        let mut rule_sets: Vec<RuleSet> = records(self.rule_sets).collect();
        rule_sets.sort_by_key(|rules| rules.valid.from);
        let mut procedures: BTreeMap<_, Vec<Procedure>> = BTreeMap::new();
        for Placed { record, .. } in self.procedures {
            procedures.entry(record.code.clone()).or_default().push(record);
        }
        for versions in procedures.values_mut() {
            versions.sort_by_key(|procedure| procedure.valid.from);
        }
        let mut directory = Directory {
            province,
            rule_sets,
            calendars: Calendars { by_year: by_key(self.calendars, |calendar| calendar.year) },
            agencies: by_key(self.agencies, |agency| agency.code.clone()),
            workflows: by_key(self.workflows, |workflow| workflow.code.clone()),
            procedures,
            officers: by_key(self.officers, |officer| officer.id.clone()),
            waivers: by_key(self.waivers, |waiver| waiver.code.clone()),
            newer_text: self.is_newer.then(|| text.to_owned()),
            content_hash: [0; 32],
        };
        directory.content_hash = blake3::hash(&canonical::bytes(&directory)).into();
        Ok(directory)
    }
}

fn by_key<K: Ord, T>(placed: Vec<Placed<T>>, key: impl Fn(&T) -> K) -> BTreeMap<K, T> {
    placed.into_iter().map(|placed| (key(&placed.record), placed.record)).collect()
}

fn keep<T>(list: &mut Vec<Placed<T>>, line: u32, record: Option<T>) {
    list.extend(record.map(|record| Placed { line, record }));
}

/// A kind of record and the field that names one.
struct KindOfRecord {
    name: &'static str,
    key: &'static str,
}

const KINDS: &[KindOfRecord] = &[
    KindOfRecord { name: "province", key: "code" },
    KindOfRecord { name: "rule_set", key: "code" },
    KindOfRecord { name: "calendar", key: "year" },
    KindOfRecord { name: "agency", key: "code" },
    KindOfRecord { name: "workflow", key: "code" },
    KindOfRecord { name: "procedure", key: "code" },
    KindOfRecord { name: "officer", key: "id" },
    KindOfRecord { name: "waiver", key: "code" },
];

/// The working time of a term, in minutes, for comparison with the hours of a process; a calendar day counts
/// as 8 hours, as the published processes do (21 days = 168 hours). `None` without any term.
fn term_minutes(term: Term) -> Option<u64> {
    const DAY_MINUTES: u64 = 480;
    let amount = u64::from(term.amount);
    match term.unit {
        TermUnit::WorkingDays | TermUnit::Days => Some(amount * DAY_MINUTES),
        TermUnit::WorkingHours => Some(amount * 60),
        TermUnit::Months => Some(amount * 30 * DAY_MINUTES),
        TermUnit::SameDay => Some(DAY_MINUTES),
        TermUnit::None => None,
    }
}

// Each reader takes every field before it gives up on one, so that all faults of a record are noted.

fn province(record: &mut Record<'_>) -> Option<Province> {
    let version = record.number("v", 1, u64::from(u16::MAX)).and_then(|v| u16::try_from(v).ok());
    let min_reader =
        record.optional_number("min_reader", 1, u64::from(u16::MAX)).and_then(|v| u16::try_from(v).ok());
    let code: Option<AgencyCode> = record.parsed("code", "H27");
    let name = record.text("name");
    let region = record.optional_text("region");
    let seats = record.word_map::<AgencyKind, SeatKind>("seats");
    let series_block = record.optional_parsed("series_block", "100-899").unwrap_or_default();
    let watermark = record.optional_text("watermark");
    if let Some(code) = &code
        && code.as_str().contains('.')
    {
        record.wrong_form("code", code.as_str(), "H27");
    }
    if let Some(region) = &region
        && !(region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_digit()))
    {
        record.wrong_form("region", region, "42");
    }
    let extensions = record.finish();
    let version = version?;
    Some(Province {
        version,
        min_reader: min_reader.unwrap_or(version),
        code: code?,
        name: name?,
        region,
        seats,
        series_block,
        watermark,
        extensions,
    })
}

fn rule_set(record: &mut Record<'_>) -> Option<RuleSet> {
    let code = record.code("code");
    let valid = record.validity();
    let legal_basis = record.texts("legal_basis");
    let form_set = record.code("form_set");
    let supplement_clock = record.optional_word("supplement_clock").unwrap_or(SupplementClock::Pause);
    let same_day_cutoff = record.optional_time("same_day_cutoff").unwrap_or(rules::SAME_DAY_CUTOFF);
    let duplicate_days = record.optional_number("duplicate_days", 0, 3_650);
    let extensions = record.finish();
    Some(RuleSet {
        code: code?,
        valid,
        legal_basis,
        form_set: form_set?,
        supplement_clock,
        same_day_cutoff,
        duplicate_days: duplicate_days
            .and_then(|days| u16::try_from(days).ok())
            .unwrap_or(rules::DUPLICATE_DAYS),
        extensions,
    })
}

fn calendar(record: &mut Record<'_>) -> Option<Calendar> {
    let year = record.number("year", 1990, 2200).and_then(|year| i16::try_from(year).ok());
    let name = record.code("name");
    let has_sessions = record.has("sessions");
    let sessions = sessions(record, "sessions");
    if !has_sessions {
        record.fault("sessions", "directory-missing", Vec::new());
    }
    let seasons = record.objects("seasons", season);
    let days = record.objects("days", special_day);
    let legal_basis = record.texts("legal_basis");
    let is_outside = |date: Date| year.is_some_and(|year| date.year() != year);
    for (at, season) in seasons.iter() {
        if season.from > season.to {
            record.fault(&format!("seasons[{at}].to"), "directory-dates-reversed", Vec::new());
        }
        if is_outside(season.from) || is_outside(season.to) {
            record.fault(&format!("seasons[{at}].from"), "directory-other-year", Vec::new());
        }
        let mut before = seasons.iter().take_while(|(other_at, _)| *other_at < at);
        if before.any(|(_, other)| other.from <= season.to && season.from <= other.to) {
            record.fault(&format!("seasons[{at}].from"), "directory-seasons-overlap", Vec::new());
        }
    }
    for (at, day) in days.iter() {
        if is_outside(day.date) {
            record.fault(&format!("days[{at}].date"), "directory-other-year", Vec::new());
        }
    }
    record.unique("days", "date", &days, |day| day.date.to_string());
    let extensions = record.finish();
    let mut days = days.into_vec();
    days.sort_by_key(|day| day.date);
    let mut seasons = seasons.into_vec();
    seasons.sort_by_key(|season| season.from);
    Some(Calendar { year: year?, name: name?, sessions, seasons, days, legal_basis, extensions })
}

fn season(record: &mut Record<'_>) -> Option<Season> {
    let from = record.date("from");
    let to = record.date("to");
    let has_sessions = record.has("sessions");
    let sessions = sessions(record, "sessions");
    if !has_sessions {
        record.fault("sessions", "directory-missing", Vec::new());
    }
    Some(Season { from: from?, to: to?, sessions })
}

fn special_day(record: &mut Record<'_>) -> Option<SpecialDay> {
    let date = record.date("date");
    let is_working = record.flag("is_working", false);
    let sessions = sessions(record, "sessions");
    let name = record.optional_text("name");
    let basis = record.optional_text("basis");
    if !is_working && !sessions.is_empty() {
        record.fault("sessions", "directory-not-with", vec![("value", "is_working: false".to_owned())]);
    }
    Some(SpecialDay { date: date?, is_working, sessions, name, basis })
}

/// Hours as `[{"open":"07:00","close":"11:30"}, …]`: in order, not overlapping.
fn sessions(record: &mut Record<'_>, key: &str) -> Vec<Session> {
    let is_given = record.has(key);
    let sessions = record.objects(key, |record| {
        let open = record.time("open");
        let close = record.time("close");
        Some(Session { open: open?, close: close? })
    });
    let mut before: Option<Session> = None;
    for (at, session) in sessions.iter() {
        if session.open >= session.close {
            record.fault(&format!("{key}[{at}].close"), "directory-hours-reversed", Vec::new());
        }
        if before.is_some_and(|before| session.open < before.close) {
            record.fault(&format!("{key}[{at}].open"), "directory-sessions-overlap", Vec::new());
        }
        before = Some(*session);
    }
    if is_given && sessions.is_whole && sessions.is_empty() {
        record.fault(key, "directory-empty", Vec::new());
    }
    sessions.into_vec()
}

fn agency(record: &mut Record<'_>, province: Option<&Province>) -> Option<Agency> {
    let code = record.parsed("code", AGENCY_FORM);
    let name = record.text("name");
    let short_name = record.optional_text("short_name");
    let level = record.word("level");
    let kind = record.word::<AgencyKind>("type");
    let default_seat = kind.and_then(|kind| province?.seats.get(&kind).copied());
    let seat = match default_seat {
        Some(default) => record.optional_word("seat").or(Some(default)),
        None => record.word("seat"),
    };
    let valid = record.validity();
    let successor: Option<AgencyCode> = record.optional_parsed("successor", AGENCY_FORM);
    let parent = record.optional_parsed("parent", AGENCY_FORM);
    let commune_code = record.optional_code("commune_code");
    let hotline = record.optional_text("hotline");
    let address = record.optional_text("address");
    let province_id = record.optional_parsed("province_id", "32 hex");
    if successor.is_some() && valid.to.is_none() {
        record.fault("valid_to", "directory-missing", Vec::new());
    }
    let extensions = record.finish();
    Some(Agency {
        code: code?,
        name: name?,
        short_name,
        level: level?,
        kind: kind?,
        seat: seat?,
        valid,
        successor,
        parent,
        commune_code,
        hotline,
        address,
        province_id,
        extensions,
    })
}

fn workflow(record: &mut Record<'_>) -> Option<Workflow> {
    let code = record.code("code");
    let name = record.text("name");
    let has_steps = record.has("steps");
    let steps = record.objects("steps", |record| {
        let code = record.code("code");
        let name = record.text("name");
        let role = record.word("role");
        let minutes = record.hours_as_minutes("hours");
        let is_counted = record.flag("counted", true);
        Some(Step { code: code?, name: name?, role: role?, minutes: minutes?, is_counted })
    });
    if !has_steps {
        record.fault("steps", "directory-missing", Vec::new());
    }
    record.unique("steps", "code", &steps, |step| step.code.clone());
    if has_steps && steps.is_whole && steps.is_empty() {
        record.fault("steps", "directory-empty", Vec::new());
    }
    let extensions = record.finish();
    Some(Workflow { code: code?, name: name?, steps: steps.into_vec(), extensions })
}

fn procedure(record: &mut Record<'_>) -> Option<Procedure> {
    let code = record.parsed("code", PROCEDURE_FORM);
    let name = record.text("name");
    let area = record.text("area");
    let decided_by = decided_by(record);
    let has_term = record.has("term");
    let term_of_all = record.object("term", term);
    if !has_term {
        record.fault("term", "directory-missing", Vec::new());
    }
    let cases = record.objects("cases", |record| {
        let code = record.code("code");
        let name = record.text("name");
        let term = record.object("term", term);
        Some(Case { code: code?, name: name?, term })
    });
    let components = record.objects("components", component);
    let are_papers_required = record.flag("papers_required", true);
    let fees = record.objects("fees", fee);
    let fields = record.objects("fields", field);
    let workflow = record.optional_code("workflow");
    let needs_line = record.objects("needs_line", |record| {
        let step = record.code("step");
        let need = record.word("need");
        let basis = record.optional_text("basis");
        let paper_fallback = record.optional_text("paper_fallback");
        Some(StepNeed { step: step?, need: need?, basis, paper_fallback })
    });
    let is_lodgeable_anywhere = record.flag("lodgeable_anywhere", false);
    let online = record.optional_word("online").unwrap_or(OnlineLevel::None);
    let valid = record.validity();
    let legal_basis = record.texts("legal_basis");
    let supplement_clock = record.optional_word("supplement_clock");
    let form_set = record.optional_code("form_set");

    record.unique("cases", "code", &cases, |case| case.code.clone());
    record.unique("components", "code", &components, |component| component.code.clone());
    record.unique("fields", "name", &fields, |field| field.name.clone());
    if workflow.is_none() && !needs_line.is_empty() {
        record.fault("needs_line", "directory-not-with", vec![("value", "workflow: null".to_owned())]);
    }
    for (at, component) in components.iter() {
        known_cases(record, &format!("components[{at}].cases"), &component.cases, &cases);
    }
    for (at, fee) in fees.iter() {
        known_cases(record, &format!("fees[{at}].cases"), &fee.cases, &cases);
        let is_known = |name: &str| fields.any(|field| field.name == name && field.kind == FieldKind::Number);
        if let Some(name) = &fee.count_field
            && fields.is_whole
            && !is_known(name)
        {
            let args = vec![("value", shown(name)), ("kind", "field".to_owned())];
            record.fault(&format!("fees[{at}].count_field"), "directory-dangling", args);
        }
    }
    let extensions = record.finish();
    Some(Procedure {
        code: code?,
        name: name?,
        area: area?,
        decided_by: decided_by?,
        term: term_of_all?,
        cases: cases.into_vec(),
        components: components.into_vec(),
        are_papers_required,
        fees: fees.into_vec(),
        fields: fields.into_vec(),
        workflow,
        needs_line: needs_line.into_vec(),
        is_lodgeable_anywhere,
        online,
        valid,
        legal_basis,
        supplement_clock,
        form_set,
        extensions,
    })
}

fn known_cases(record: &mut Record<'_>, path: &str, listed: &[String], cases: &List<Case>) {
    for (at, code) in listed.iter().enumerate() {
        if cases.is_whole && !cases.any(|case| case.code == *code) {
            let args = vec![("value", shown(code)), ("kind", "case".to_owned())];
            record.fault(&format!("{path}[{at}]"), "directory-dangling", args);
        }
    }
}

fn decided_by(record: &mut Record<'_>) -> Option<DecidedBy> {
    let text = record.text("decided_by")?;
    match text.as_str() {
        "commune" => Some(DecidedBy::Commune),
        "any" => Some(DecidedBy::Any),
        code => match code.parse() {
            Ok(code) => Some(DecidedBy::Agency(code)),
            Err(_) => {
                record.wrong_form("decided_by", &text, "commune, any, H27.02");
                None
            }
        },
    }
}

fn term(record: &mut Record<'_>) -> Option<Term> {
    let unit = record.word::<TermUnit>("unit");
    let cutoff = record.optional_time("cutoff");
    let amount = match unit {
        Some(TermUnit::SameDay | TermUnit::None) => {
            if record.has("amount") {
                record.fault("amount", "directory-not-with", vec![("value", "unit".to_owned())]);
            }
            record.optional_number("amount", 0, TERM_AMOUNT_MAX);
            Some(0)
        }
        Some(TermUnit::WorkingDays | TermUnit::WorkingHours | TermUnit::Days | TermUnit::Months) => {
            record.number("amount", 1, TERM_AMOUNT_MAX)
        }
        None => record.optional_number("amount", 0, TERM_AMOUNT_MAX),
    };
    Some(Term { amount: amount.and_then(|amount| u32::try_from(amount).ok())?, unit: unit?, cutoff })
}

fn component(record: &mut Record<'_>) -> Option<Component> {
    let code = record.code("code");
    let name = record.text("name");
    let is_required = record.flag("required", false);
    let kinds = record.words("kinds");
    let copies = record.optional_number("copies", 1, 1_000).unwrap_or(1);
    let is_show_only = record.flag("show_only", false);
    let cases = record.texts("cases");
    let form = record.optional_text("form");
    let replaced_by = record.optional_text("replaced_by");
    Some(Component {
        code: code?,
        name: name?,
        is_required,
        kinds,
        copies: u16::try_from(copies).unwrap_or(1),
        is_show_only,
        cases,
        form,
        replaced_by,
    })
}

fn fee(record: &mut Record<'_>) -> Option<Fee> {
    let name = record.text("name");
    let kind = record.word("kind");
    let vnd = record.number("vnd", 0, VND_MAX);
    let per = record.optional_word("per").unwrap_or(FeePer::Dossier);
    let further_from_page = record.optional_number("further_from_page", 2, 10_000);
    let further_vnd = record.optional_number("further_vnd", 0, VND_MAX);
    let max_per_copy_vnd = record.optional_number("max_per_copy_vnd", 0, VND_MAX);
    let count_field = record.optional_text("count_field");
    let when = record.word("when");
    let cases = record.texts("cases");
    let note = record.optional_text("note");
    let by = |record: &mut Record<'_>, key, is_given: bool, wanted: FeePer| {
        if is_given && per != wanted {
            record.fault(key, "directory-not-with", vec![("value", format!("per: {}", per.name()))]);
        }
    };
    by(record, "further_from_page", further_from_page.is_some(), FeePer::Page);
    by(record, "max_per_copy_vnd", max_per_copy_vnd.is_some(), FeePer::Page);
    by(record, "count_field", count_field.is_some(), FeePer::Copy);
    if further_from_page.is_some() != further_vnd.is_some() {
        record.fault("further_vnd", "directory-missing", Vec::new());
    }
    Some(Fee {
        name: name?,
        kind: kind?,
        vnd: vnd?,
        per,
        further_from_page: further_from_page.and_then(|page| u32::try_from(page).ok()),
        further_vnd: further_vnd.unwrap_or(0),
        max_per_copy_vnd,
        count_field,
        when: when?,
        cases,
        note,
    })
}

fn field(record: &mut Record<'_>) -> Option<Field> {
    let name = record.code("name");
    let label = record.text("label");
    let kind = record.word::<FieldKind>("kind");
    let is_required = record.flag("required", false);
    let choices = record.texts("choices");
    let max = record.optional_number("max", 1, VND_MAX);
    match kind {
        Some(FieldKind::Choice) if choices.is_empty() => {
            record.fault("choices", "directory-missing", Vec::new())
        }
        Some(kind) if kind != FieldKind::Choice && !choices.is_empty() => {
            record.fault("choices", "directory-not-with", vec![("value", format!("kind: {}", kind.name()))]);
        }
        Some(_) | None => {}
    }
    Some(Field { name: name?, label: label?, kind: kind?, is_required, choices, max })
}

fn officer(record: &mut Record<'_>) -> Option<Officer> {
    let id: Option<OfficerId> = record.parsed("id", OFFICER_FORM);
    let name = record.text("name");
    let title = record.optional_text("title");
    let has_roles = record.has("roles");
    let is_empty_list = record.is_empty_list("roles");
    let roles = record.words("roles");
    if !has_roles {
        record.fault("roles", "directory-missing", Vec::new());
    } else if is_empty_list {
        record.fault("roles", "directory-empty", Vec::new());
    }
    let valid = record.validity();
    let is_active = record.flag("active", true);
    let extensions = record.finish();
    Some(Officer { id: id?, name: name?, title, roles, valid, is_active, extensions })
}

fn waiver(record: &mut Record<'_>) -> Option<Waiver> {
    let code = record.code("code");
    let name = record.text("name");
    let percent = record.optional_number("percent", 1, 100).unwrap_or(100);
    let procedures = record.parsed_list("procedures", PROCEDURE_FORM);
    let is_evidence_required = record.flag("evidence_required", false);
    let legal_basis = record.texts("legal_basis");
    let valid = record.validity();
    let extensions = record.finish();
    Some(Waiver {
        code: code?,
        name: name?,
        percent: u8::try_from(percent).unwrap_or(100),
        procedures,
        is_evidence_required,
        legal_basis,
        valid,
        extensions,
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::directory::sample::SAMPLE;

    const PROVINCE: &str = r#"{"kind":"province","v":1,"code":"H27","name":"Hà Tĩnh"}"#;
    const AGENCY: &str = r#"{"kind":"agency","code":"H27.101","name":"Xã Thử","level":"commune","type":"commune","seat":"node"}"#;
    const WORKFLOW: &str = r#"{"kind":"workflow","code":"QT","name":"QT","steps":[{"code":"B1","name":"Nhận","role":"receiving","hours":8},{"code":"B2","name":"Làm","role":"case_officer","hours":9.5}]}"#;

    fn read(lines: &[&str]) -> Result<Directory, Vec<Fault>> {
        Directory::parse(&lines.join("\n"), &ParseBounds::default())
    }

    /// The faults as `line field code`.
    fn faults(lines: &[&str]) -> Vec<String> {
        let found = read(lines).err().unwrap_or_default();
        found
            .iter()
            .map(|fault| format!("{} {} {}", fault.line, fault.field.as_deref().unwrap_or("-"), fault.code))
            .collect()
    }

    fn procedure_line(extra: &str) -> String {
        format!(
            r#"{{"kind":"procedure","code":"1.001193","name":"Khai sinh","area":"Hộ tịch","decided_by":"commune","term":{{"unit":"working_days","amount":2}}{extra}}}"#
        )
    }

    fn calendar_line(extra: &str) -> String {
        format!(
            r#"{{"kind":"calendar","year":2026,"name":"H27-2026","sessions":[{{"open":"07:00","close":"11:30"}}]{extra}}}"#
        )
    }

    #[test]
    fn a_file_with_many_faults_reports_all_of_them() {
        let found = faults(&[
            PROVINCE,
            "# a comment, then an empty line",
            "",
            r#"{"kind":"agency","code":"H27.101","name":"A","level":"commune","type":"commune","seat":"node","nmae":"B"}"#,
            r#"{"kind":"agency","code":"H27.102","#,
            r#"{"kind":"agencies","code":"H27.103"}"#,
            r#"{"kind":"agency","code":"h27.104","level":"commune","type":"comune","seat":"node"}"#,
            r#"{"kind":"agency","code":"H27.101","name":"A","level":"commune","type":"commune","seat":"node","valid_from":"2026-01-02","valid_to":"2026-01-01"}"#,
            r#"{"kind":"officer","id":"H27.199/01","name":"Nguyễn Văn Thử","roles":["boss"]}"#,
            WORKFLOW,
            &procedure_line(
                r#","workflow":"QT","fees":[{"name":"Lệ phí","kind":"charge","vnd":-5000,"when":"receipt"}],"needs_line":[{"step":"B9","need":"number"}]"#,
            ),
            &calendar_line(
                r#","days":[{"date":"2025-12-31"},{"date":"2026-13-01"}],"seasons":[{"from":"2026-05-01","to":"2026-04-01","sessions":[{"open":"07:00","close":"11:30"},{"open":"11:00","close":"10:00"}]}]"#,
            ),
            &calendar_line(""),
            r#"{"kind":"workflow","code":"QT2","name":"QT","name":"QT","steps":[]}"#,
        ]);
        assert_eq!(
            found,
            [
                "4 nmae directory-unknown-field",
                "5 - directory-syntax",
                "6 kind directory-unknown-kind",
                "7 code directory-form",
                "7 name directory-missing",
                "7 type directory-unknown-word",
                "8 code directory-duplicate",
                "8 valid_to directory-dates-reversed",
                "9 roles[0] directory-unknown-word",
                "9 id directory-dangling",
                "11 fees[0].vnd directory-number-range",
                "11 needs_line[0].step directory-dangling",
                "11 workflow directory-hours-exceed-term",
                "12 seasons[0].sessions[1].close directory-hours-reversed",
                "12 seasons[0].sessions[1].open directory-sessions-overlap",
                "12 days[1].date directory-form",
                "12 seasons[0].to directory-dates-reversed",
                "12 days[0].date directory-other-year",
                "13 year directory-duplicate",
                "14 name directory-duplicate-key",
            ]
        );
    }

    #[test]
    fn references_must_lead_somewhere() {
        let office =
            AGENCY.replace("\"seat\":\"node\"", "\"seat\":\"external\"").replace("H27.101", "H27.90");
        for (name, lines, expected) in [
            ("parent", vec![AGENCY.replace('}', r#","parent":"H27.9999"}"#)], "2 parent directory-form"),
            ("parent", vec![AGENCY.replace('}', r#","parent":"H27.99"}"#)], "2 parent directory-dangling"),
            (
                "own successor",
                vec![AGENCY.replace('}', r#","successor":"H27.101","valid_to":"2026-01-01"}"#)],
                "2 successor directory-cycle",
            ),
            (
                "successor without end",
                vec![
                    AGENCY.to_owned(),
                    AGENCY.replace("101", "102").replace('}', r#","successor":"H27.101"}"#),
                ],
                "3 valid_to directory-missing",
            ),
            ("workflow", vec![procedure_line(r#","workflow":"QT""#)], "2 workflow directory-dangling"),
            (
                "hours",
                vec![WORKFLOW.to_owned(), procedure_line(r#","workflow":"QT""#)],
                "3 workflow directory-hours-exceed-term",
            ),
            (
                "decided by",
                vec![procedure_line("").replace("\"commune\"", "\"H27.02\"")],
                "2 decided_by directory-dangling",
            ),
            (
                "case",
                vec![procedure_line(r#","components":[{"code":"A","name":"A","cases":["x"]}]"#)],
                "2 components[0].cases[0] directory-dangling",
            ),
            (
                "count field",
                vec![procedure_line(
                    r#","fees":[{"name":"L","kind":"fee","vnd":1,"when":"return","per":"copy","count_field":"n"}]"#,
                )],
                "2 fees[0].count_field directory-dangling",
            ),
            (
                "needs without workflow",
                vec![procedure_line(r#","needs_line":[{"step":"B1","need":"number"}]"#)],
                "2 needs_line directory-not-with",
            ),
            (
                "external officer",
                vec![
                    office,
                    r#"{"kind":"officer","id":"H27.90/01","name":"Thử","roles":["leader"]}"#.to_owned(),
                ],
                "3 id directory-officer-external",
            ),
            (
                "waiver",
                vec![r#"{"kind":"waiver","code":"w","name":"W","procedures":["1.001193"]}"#.to_owned()],
                "2 procedures[0] directory-dangling",
            ),
            (
                "two versions",
                vec![
                    procedure_line(r#","valid_to":"2026-06-30""#),
                    procedure_line(r#","valid_from":"2026-06-30""#),
                ],
                "3 valid_from directory-both-in-force",
            ),
            (
                "choices",
                vec![procedure_line(r#","fields":[{"name":"a","label":"A","kind":"choice"}]"#)],
                "2 fields[0].choices directory-missing",
            ),
            (
                "twice",
                vec![procedure_line(r#","cases":[{"code":"a","name":"A"},{"code":"a","name":"A"}]"#)],
                "2 cases[1].code directory-listed-twice",
            ),
            (
                "amount of a day",
                vec![procedure_line("").replace("working_days", "same_day")],
                "2 term.amount directory-not-with",
            ),
            (
                "unit",
                vec![procedure_line("").replace("working_days", "weeks")],
                "2 term.unit directory-unknown-word",
            ),
        ] {
            let mut file = vec![PROVINCE];
            file.extend(lines.iter().map(String::as_str));
            assert_eq!(faults(&file), [expected], "{name}");
        }
    }

    #[test]
    fn longer_cycles_of_successors_are_found_once() {
        let with = |code: &str, next: &str| {
            AGENCY
                .replace("H27.101", code)
                .replace('}', &format!(r#","valid_to":"2026-01-01","successor":"{next}"}}"#))
        };
        let (a, b, c) = (with("H27.101", "H27.102"), with("H27.102", "H27.103"), with("H27.103", "H27.102"));
        assert_eq!(faults(&[PROVINCE, &a, &b, &c]), ["2 successor directory-cycle"]);
    }

    #[test]
    fn a_faulty_record_does_not_make_those_that_name_it_faulty() {
        let found = faults(&[
            PROVINCE,
            r#"{"kind":"agency","code":"H27.101","level":"commune","type":"commune","seat":"node"}"#,
            r#"{"kind":"officer","id":"H27.101/01","name":"Thử","roles":["leader"]}"#,
        ]);
        assert_eq!(found, ["2 name directory-missing"]);
        let found = faults(&[
            PROVINCE,
            &WORKFLOW.replace("\"hours\":8", "\"hours\":0.1"),
            &procedure_line(
                r#","workflow":"QT","needs_line":[{"step":"B1","need":"number"}],"cases":[{"code":"a"},{"code":"b","name":"B"},{"code":"b","name":"B"}],"components":[{"code":"c","name":"C","cases":["a"]}]"#,
            ),
            r#"{"kind":"officer","id":"H27.101/01","name":"Thử","roles":[]}"#,
        ]);
        assert_eq!(
            found,
            [
                "2 steps[0].hours directory-form",
                "3 cases[0].name directory-missing",
                "3 cases[2].code directory-listed-twice",
                "4 roles directory-empty",
                "4 id directory-dangling",
            ]
        );
    }

    #[test]
    fn the_file_as_a_whole_is_checked() {
        assert_eq!(faults(&[]), ["0 - directory-no-records"]);
        assert_eq!(faults(&["# only a comment"]), ["0 - directory-no-records"]);
        assert_eq!(faults(&[AGENCY]), ["1 kind directory-province-first"]);
        assert_eq!(faults(&[PROVINCE, PROVINCE]), ["2 kind directory-province-twice"]);
        assert_eq!(faults(&[PROVINCE, "[1]", "7"]), ["2 - directory-not-object", "3 - directory-not-object"]);
        assert_eq!(
            faults(&[PROVINCE, r#"{"code":"x"}"#, r#"{"kind":7}"#]),
            ["2 kind directory-missing", "3 kind directory-wrong-type"]
        );
        assert_eq!(faults(&[PROVINCE, &format!("{AGENCY} {AGENCY}")]), ["2 - directory-syntax"]);
        assert_eq!(faults(&[PROVINCE, &"[".repeat(10_000)]), ["2 - directory-syntax"]);
        let wrong = Directory::parse_bytes(b"{}\n\n\xff", &ParseBounds::default()).unwrap_err();
        assert_eq!((wrong[0].line, wrong[0].code), (3, "directory-not-utf8"));
        let bad_block = PROVINCE.replace('}', r#","series_block":"1-99"}"#);
        assert_eq!(faults(&[&bad_block]), ["1 series_block directory-form"]);
    }

    #[test]
    fn every_bound_is_kept() {
        let bounds = ParseBounds {
            file_bytes_max: 2_000,
            line_bytes_max: 300,
            records_max: 3,
            text_chars_max: 20,
            list_items_max: 2,
            faults_max: 2,
        };
        let code = |text: &str| {
            let found = Directory::parse(text, &bounds).unwrap_err();
            (found.len(), found[0].code)
        };
        let long_name = AGENCY.replace("Xã Thử", &"ă".repeat(21));
        let long_list = r#"{"kind":"officer","id":"H27.101/01","name":"Thử","roles":["fee","fee","fee"]}"#;
        assert_eq!(code(&"x".repeat(2_001)), (1, "directory-file-too-large"));
        assert_eq!(code(&format!("{PROVINCE}\n{}", "x".repeat(301))), (1, "directory-line-too-long"));
        assert_eq!(code(&format!("{PROVINCE}\n{long_name}")), (1, "directory-too-long"));
        assert_eq!(code(&format!("{PROVINCE}\n{AGENCY}\n{long_list}")), (1, "directory-too-long"));
        assert_eq!(
            code(&format!(
                "{PROVINCE}\n{AGENCY}\n{}\n{}",
                AGENCY.replace("101", "102"),
                AGENCY.replace("101", "103")
            )),
            (1, "directory-too-many-records")
        );
        let many =
            Directory::parse(&format!("{PROVINCE}\n7\n8\n9"), &ParseBounds { records_max: 9, ..bounds })
                .unwrap_err();
        assert_eq!((many.len(), many[2].code), (3, "directory-too-many-faults"));
    }

    #[test]
    fn texts_are_brought_to_one_form_and_control_characters_refused() {
        // "Xã Thử" with separate marks, a byte order mark, carriage returns.
        let text = format!(
            "\u{feff}{PROVINCE}\r\n{}\r\n",
            AGENCY.replace("Xã Thử", " Xa\u{303} Thu\u{31b}\u{309} ")
        );
        let directory = Directory::parse(&text, &ParseBounds::default()).unwrap();
        assert_eq!(directory.agency(&"H27.101".parse().unwrap()).unwrap().name, "Xã Thử");
        assert_eq!(directory.content_hash(), read(&[PROVINCE, AGENCY]).unwrap().content_hash());
        let spoiled = AGENCY.replace("Xã Thử", "Xã\\u0007Thử");
        assert_eq!(faults(&[PROVINCE, &spoiled]), ["2 name directory-control-character"]);
    }

    #[test]
    fn a_newer_file_is_read_when_it_allows_it_and_passed_on_as_it_came() {
        let newer = |min_reader: u16| {
            format!(
                "{}\n{}\n{{\"kind\":\"planet\",\"code\":1}}\n",
                PROVINCE.replace("\"v\":1", &format!("\"v\":2,\"min_reader\":{min_reader},\"moon\":true")),
                AGENCY.replace('}', r#","colour":"red"}"#),
            )
        };
        let directory = Directory::parse(&newer(1), &ParseBounds::default()).unwrap();
        assert_eq!(directory.canonical(), newer(1).into_bytes());
        assert!(directory.agency(&"H27.101".parse().unwrap()).is_some());
        let refused = Directory::parse(&newer(2), &ParseBounds::default()).unwrap_err();
        assert_eq!((refused.len(), refused[0].code), (1, "directory-too-new"));
    }

    #[test]
    fn extensions_are_kept_in_one_form() {
        let one = AGENCY.replace('}', r#","x_a":{"b":1,"a":[{"d":1,"c":2}]}}"#);
        let other = AGENCY.replace("\"name\"", r#""x_a":{"a":[{"c":2,"d":1}],"b":1},"name""#);
        let (one, other) = (read(&[PROVINCE, &one]).unwrap(), read(&[PROVINCE, &other]).unwrap());
        assert_eq!(one, other);
        assert!(String::from_utf8(one.canonical()).unwrap().contains(r#""x_a":{"a":[{"c":2,"d":1}],"b":1}"#));
        assert_ne!(one.content_hash(), read(&[PROVINCE, AGENCY]).unwrap().content_hash());
    }

    #[test]
    fn the_canonical_form_reads_back_to_the_same_directory() {
        let sample = Directory::sample();
        let again = Directory::parse_bytes(&sample.canonical(), &ParseBounds::default()).unwrap();
        assert_eq!(again, sample);
        assert_eq!(again.canonical(), sample.canonical());
    }

    #[test]
    fn everything_a_record_can_say_survives_the_canonical_form() {
        let province = r#"{"kind":"province","v":1,"code":"H27","name":"Hà Tĩnh","region":"42","seats":{"vertical":"external"},"series_block":"9000-9100,100-199","watermark":"THỬ","x_a":1}"#;
        let calendar = r#"{"kind":"calendar","year":2026,"name":"c","sessions":[{"open":"07:00","close":"11:30"}],"seasons":[{"from":"2026-05-01","to":"2026-08-31","sessions":[{"open":"06:30","close":"11:00"}]}],"days":[{"date":"2026-03-07","is_working":true,"sessions":[{"open":"07:00","close":"10:00"}],"name":"bù","basis":"b"},{"date":"2026-01-01"}],"legal_basis":["x"]}"#;
        let rules = r#"{"kind":"rule_set","code":"r","valid_from":"2026-01-01","form_set":"f","supplement_clock":"restart","same_day_cutoff":"14:30","duplicate_days":9}"#;
        let agency = r#"{"kind":"agency","code":"H27.90","name":"A","short_name":"a","level":"ministry","type":"vertical","valid_from":"2020-01-01","valid_to":"2026-01-01","successor":"H27.91","parent":"H27.91","commune_code":"1","hotline":"2","address":"3","province_id":"000102030405060708090a0b0c0d0e0f"}"#;
        let other = r#"{"kind":"agency","code":"H27.91","name":"B","level":"province","type":"centre","seat":"hosted"}"#;
        let workflow = r#"{"kind":"workflow","code":"W","name":"W","steps":[{"code":"B1","name":"s","role":"post","hours":0.25},{"code":"B2","name":"t","role":"control","hours":3,"counted":false}]}"#;
        let procedure = r#"{"kind":"procedure","code":"2.000815.000.00.00.H61","name":"P","area":"L","decided_by":"H27.91","term":{"unit":"months","amount":2,"cutoff":"15:00"},"cases":[{"code":"k","name":"K","term":{"unit":"none"}}],"components":[{"code":"c","name":"C","required":true,"kinds":["shown","copy"],"copies":2,"show_only":true,"cases":["k"],"form":"f","replaced_by":"d"}],"papers_required":false,"fees":[{"name":"F","kind":"printing","vnd":5,"per":"page","further_from_page":3,"further_vnd":0,"max_per_copy_vnd":9,"when":"return","cases":["k"],"note":"n"},{"name":"G","kind":"appraisal","vnd":1,"per":"copy","count_field":"n","when":"supplement"}],"fields":[{"name":"n","label":"N","kind":"number","required":true,"max":7},{"name":"o","label":"O","kind":"choice","choices":["a","b"]}],"workflow":"W","needs_line":[{"step":"B1","need":"e_sign","basis":"b","paper_fallback":"p"}],"lodgeable_anywhere":true,"online":"partial","valid_from":"2026-01-01","valid_to":"2026-12-31","legal_basis":["l"],"supplement_clock":"restart","form_set":"s"}"#;
        let officer = r#"{"kind":"officer","id":"H27.91/a-1","name":"Thử","title":"T","roles":["fee","post"],"valid_from":"2026-01-01","active":false}"#;
        let waiver = r#"{"kind":"waiver","code":"w","name":"W","percent":50,"procedures":["2.000815.000.00.00.H61"],"evidence_required":true,"legal_basis":["l"],"valid_to":"2026-12-31"}"#;
        let records = [province, rules, calendar, agency, other, workflow, procedure, officer, waiver];
        let directory = read(&records).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let canonical = String::from_utf8(directory.canonical()).unwrap();
        assert_eq!(Directory::parse(&canonical, &ParseBounds::default()), Ok(directory.clone()));
        // Nothing that was said is left out: every key and word of the input stands in the output.
        for record in records {
            for word in record.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.' | '-' | ':')) {
                let is_default = matches!(word, "false" | "");
                assert!(is_default || canonical.contains(word.trim_matches(':')), "{word} of {record}");
            }
        }
        assert_eq!(directory.workflow("W").unwrap().steps[0].minutes, 15);
        assert_eq!(directory.seat_kind(&"H27.90".parse().unwrap()), Some(SeatKind::External));
    }

    #[test]
    fn versions_of_a_procedure_follow_each_other() {
        let directory = read(&[
            PROVINCE,
            &procedure_line(r#","valid_from":"2026-07-01""#).replace("Khai sinh", "Mới"),
            &procedure_line(r#","valid_to":"2026-06-30""#),
        ])
        .unwrap();
        let name =
            |on| directory.procedure(&"1.001193".parse().unwrap(), on).map(|found| found.name.as_str());
        assert_eq!(name(date(2026, 6, 30)), Some("Khai sinh"));
        assert_eq!(name(date(2026, 7, 1)), Some("Mới"));
    }

    #[test]
    fn a_large_directory_is_read_in_time() {
        let mut text = String::from(SAMPLE);
        for number in 0..2_000 {
            let line = r#"{"kind":"procedure","code":"8.NUMBER","name":"Thủ tục","area":"Lĩnh vực","decided_by":"commune","term":{"unit":"working_days","amount":3},"components":[{"code":"TK","name":"Tờ khai","required":true},{"code":"CC","name":"Thẻ căn cước"}],"fees":[{"name":"Lệ phí","kind":"charge","vnd":5000,"when":"receipt"}],"workflow":"QT-03N","legal_basis":["Luật"]}"#;
            text.push_str(&line.replace("NUMBER", &format!("{number:06}")));
            text.push('\n');
        }
        #[expect(clippy::disallowed_methods, reason = "the test measures real time")]
        let (started, elapsed) = (std::time::Instant::now(), |from: std::time::Instant| from.elapsed());
        let directory = Directory::parse(&text, &ParseBounds::default()).unwrap();
        assert!(elapsed(started).as_millis() < 1_000);
        assert!(directory.procedures().count() > 2_000);
    }

    proptest! {
        // Each case reads the whole sample.
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn the_order_of_the_lines_does_not_matter(seed in any::<u64>()) {
            let mut lines: Vec<&str> = SAMPLE.lines().collect();
            let first = lines.iter().position(|line| line.contains("\"province\"")).unwrap();
            let province = lines.remove(first);
            // A shuffle of our own: the sort key is a hash of seed and line.
            lines.sort_by_key(|line| *blake3::hash(format!("{seed}{line}").as_bytes()).as_bytes());
            lines.insert(0, province);
            prop_assert_eq!(read(&lines).unwrap().content_hash(), Directory::sample().content_hash());
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,200}", at in 0_usize..400, byte in any::<u8>()) {
            let _ = Directory::parse(&text, &ParseBounds::default());
            let mut spoiled = [PROVINCE, AGENCY, WORKFLOW, &procedure_line("")].join("\n").into_bytes();
            let at = at % spoiled.len();
            spoiled[at] = byte;
            let _ = Directory::parse_bytes(&spoiled, &ParseBounds::default());
        }
    }
}
