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
        let workflows: BTreeMap<String, Workflow> =
            self.workflows.iter().map(|placed| (placed.record.code.clone(), placed.record.clone())).collect();
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
    for (at, season) in seasons.iter().enumerate() {
        if season.from > season.to {
            record.fault(&format!("seasons[{at}].to"), "directory-dates-reversed", Vec::new());
        }
        if is_outside(season.from) || is_outside(season.to) {
            record.fault(&format!("seasons[{at}].from"), "directory-other-year", Vec::new());
        }
        if seasons.iter().take(at).any(|other| other.from <= season.to && season.from <= other.to) {
            record.fault(&format!("seasons[{at}].from"), "directory-seasons-overlap", Vec::new());
        }
    }
    let mut seen = BTreeSet::new();
    for (at, day) in days.iter().enumerate() {
        if is_outside(day.date) {
            record.fault(&format!("days[{at}].date"), "directory-other-year", Vec::new());
        }
        if !seen.insert(day.date) {
            let args = vec![("value", day.date.to_string())];
            record.fault(&format!("days[{at}].date"), "directory-listed-twice", args);
        }
    }
    let extensions = record.finish();
    let mut days = days;
    days.sort_by_key(|day| day.date);
    let mut seasons = seasons;
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
    for (at, session) in sessions.iter().enumerate() {
        if session.open >= session.close {
            record.fault(&format!("{key}[{at}].close"), "directory-hours-reversed", Vec::new());
        }
        let before = at.checked_sub(1).and_then(|before| sessions.get(before));
        if before.is_some_and(|before| session.open < before.close) {
            record.fault(&format!("{key}[{at}].open"), "directory-sessions-overlap", Vec::new());
        }
    }
    if is_given && sessions.is_empty() {
        record.fault(key, "directory-empty", Vec::new());
    }
    sessions
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
    record.unique("steps", "code", steps.iter().map(|step| step.code.as_str()));
    let extensions = record.finish();
    Some(Workflow { code: code?, name: name?, steps, extensions })
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

    record.unique("cases", "code", cases.iter().map(|case| case.code.as_str()));
    record.unique("components", "code", components.iter().map(|component| component.code.as_str()));
    record.unique("fields", "name", fields.iter().map(|field| field.name.as_str()));
    if workflow.is_none() && !needs_line.is_empty() {
        record.fault("needs_line", "directory-not-with", vec![("value", "workflow: null".to_owned())]);
    }
    let case_lists = components
        .iter()
        .enumerate()
        .map(|(at, component)| (format!("components[{at}].cases"), &component.cases))
        .chain(fees.iter().enumerate().map(|(at, fee)| (format!("fees[{at}].cases"), &fee.cases)));
    for (path, listed) in case_lists {
        for (at, code) in listed.iter().enumerate() {
            if !cases.iter().any(|case| case.code == *code) {
                let args = vec![("value", shown(code)), ("kind", "case".to_owned())];
                record.fault(&format!("{path}[{at}]"), "directory-dangling", args);
            }
        }
    }
    for (at, fee) in fees.iter().enumerate() {
        if let Some(name) = &fee.count_field
            && !fields.iter().any(|field| field.name == *name && field.kind == FieldKind::Number)
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
        cases,
        components,
        are_papers_required,
        fees,
        fields,
        workflow,
        needs_line,
        is_lodgeable_anywhere,
        online,
        valid,
        legal_basis,
        supplement_clock,
        form_set,
        extensions,
    })
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
    let roles = record.words("roles");
    if !has_roles {
        record.fault("roles", "directory-missing", Vec::new());
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
