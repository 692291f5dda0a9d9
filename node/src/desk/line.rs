//! Lines for `dossier lodge` and `dossier act`: JSON text → checked requests (contract.md).
//!
//! Text becomes types here, once. A refusal names the first field that is wrong, as the contract spells it.

use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;
use sync_protocol::time::Millis;

use crate::clock::parse_rfc3339;
use crate::dossier::act::ActId;
use crate::dossier::act::Channel;
use crate::dossier::act::Evidence;
use crate::dossier::act::ExternalId;
use crate::dossier::act::FileHash;
use crate::dossier::act::FinishResult;
use crate::dossier::act::Kind;
use crate::dossier::act::MarkKind;
use crate::dossier::act::PayMethod;
use crate::dossier::act::Payment;
use crate::dossier::act::Reason;
use crate::dossier::act::ReturnHow;
use crate::dossier::act::SignMode;
use crate::dossier::act::SupplementItem;
use crate::dossier::number::is_number;
use crate::dossier::paper::PAPER_VERSION;
use crate::dossier::paper::Paper;
use crate::dossier::paper::PaperKind;
use crate::dossier::table::COMMON_KEYS;
use crate::dossier::table::row_of;
use crate::ids::AgencyCode;
use crate::ids::OfficerId;
use crate::ids::ProcedureCode;
use crate::refusal::Refusal;

/// Longest line that is read, in bytes.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// Longest short text (names, references), in characters.
const SHORT_MAX: usize = 500;
/// Longest remark or answer, in characters.
const LONG_MAX: usize = 2000;
/// Most papers, items, ids or reasons in one line.
const LIST_MAX: usize = 100;

/// A dossier to take in.
#[derive(Clone, Debug)]
pub struct LodgeLine {
    /// The caller's own id of the request.
    pub request_id: Option<String>,
    /// `receive`; the other outcomes come with slips.
    pub outcome: Outcome,
    /// The procedure.
    pub procedure: ProcedureCode,
    /// Its case.
    pub case: Option<String>,
    /// The competent agency, where the line names one.
    pub competent: Option<AgencyCode>,
    /// How it comes in.
    pub channel: Channel,
    /// Who takes it in.
    pub officer: OfficerId,
    /// `owner.*`, `submitter.*`, `fields.*` and `summary`, by the register's name.
    pub registers: Vec<(String, String)>,
    /// Number of sets.
    pub sets: u16,
    /// Papers handed in.
    pub papers: Vec<Paper>,
    /// What was paid.
    pub payment: Option<Payment>,
    /// The return place; the receiving seat where `None`.
    pub return_at: Option<AgencyCode>,
    /// How the result goes out.
    pub return_how: ReturnHow,
    /// Numbers in other systems.
    pub external_ids: Vec<ExternalId>,
    /// The parent dossier.
    pub parent: Option<String>,
    /// When it was really received; only with `--historic`.
    pub received_at: Option<Millis>,
    /// A fee the caller expects; a different one is an error.
    pub fee_vnd: Option<u64>,
}

/// How a visit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Received: a number and a due date.
    Receive,
    /// Mẫu 02, no number.
    Supplement,
    /// Mẫu 03, no number.
    Refuse,
}

/// An act to do.
#[derive(Clone, Debug)]
pub struct ActLine {
    /// The dossier, by its number.
    pub number: String,
    /// The act.
    pub kind: Kind,
    /// Who does it.
    pub officer: OfficerId,
    /// The role claimed.
    pub role: Option<String>,
    /// A remark.
    pub note: Option<String>,
    /// When it really happened.
    pub occurred_at: Option<Millis>,
    /// What shows that.
    pub evidence: Option<Evidence>,
    /// Who approved.
    pub approved_by: Option<OfficerId>,
    /// The act's own keys.
    pub detail: Detail,
}

/// The flat keys of acts, each where the act allows it.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    /// `assignee`
    pub assignee: Option<OfficerId>,
    /// `step`: next, back or a code
    pub step: Option<String>,
    /// `to`
    pub to: Option<AgencyCode>,
    /// `consignment`
    pub consignment: Option<String>,
    /// `reason`
    pub reason: Option<String>,
    /// `reasons`
    pub reasons: Vec<Reason>,
    /// `items`
    pub items: Vec<SupplementItem>,
    /// `deadline`
    pub deadline: Option<Millis>,
    /// `papers`
    pub papers: Vec<Paper>,
    /// `field`
    pub field: Option<String>,
    /// `value`
    pub value: Option<String>,
    /// `settles` or `acts`
    pub acts: Vec<ActId>,
    /// `choice`
    pub choice: Option<ActId>,
    /// `basis`
    pub basis: Option<String>,
    /// `mark`
    pub mark: Option<MarkKind>,
    /// `mode`
    pub mode: Option<SignMode>,
    /// `signer`
    pub signer: Option<OfficerId>,
    /// `ref_no`
    pub ref_no: Option<String>,
    /// `signed_on`, a date
    pub signed_on: Option<String>,
    /// `hash`
    pub hash: Option<FileHash>,
    /// `register_no`
    pub register_no: Option<String>,
    /// `result`
    pub result: Option<FinishResult>,
    /// `collector`
    pub collector: Option<String>,
}

/// A JSON object being read: remembers which keys were asked for, so that a misspelt one is told.
struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
    asked: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    fn of(path: &str, map: &'a Map<String, Value>) -> Self {
        Self { path: path.to_owned(), map, asked: BTreeSet::new() }
    }

    fn name(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.asked.insert(key);
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn text(&mut self, key: &'static str, most: usize) -> Result<Option<String>, Refusal> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => {
                let text = tidy(text);
                if text.chars().count() > most {
                    return Err(Refusal::of_field("line-too-long", self.name(key)).with("most", most));
                }
                Ok((!text.is_empty()).then_some(text))
            }
            Some(_) => Err(Refusal::of_field("line-not-text", self.name(key))),
        }
    }

    fn required(&mut self, key: &'static str, most: usize) -> Result<String, Refusal> {
        self.text(key, most)?.ok_or_else(|| Refusal::of_field("line-missing", self.name(key)))
    }

    fn parsed<T>(
        &mut self,
        key: &'static str,
        code: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(key, SHORT_MAX)? else { return Ok(None) };
        match read(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(Refusal::of_field(code, self.name(key))),
        }
    }

    fn agency(&mut self, key: &'static str) -> Result<Option<AgencyCode>, Refusal> {
        self.parsed(key, "line-not-agency", |text| text.parse().ok())
    }

    fn officer(&mut self, key: &'static str) -> Result<Option<OfficerId>, Refusal> {
        self.parsed(key, "line-not-officer", |text| text.parse().ok())
    }

    fn time(&mut self, key: &'static str) -> Result<Option<Millis>, Refusal> {
        self.parsed(key, "line-not-time", parse_rfc3339)
    }

    fn hash(&mut self, key: &'static str) -> Result<Option<FileHash>, Refusal> {
        self.parsed(key, "line-not-hash", |text| text.parse().ok())
    }

    fn count(&mut self, key: &'static str, most: u64) -> Result<Option<u64>, Refusal> {
        self.count_from(key, 0, most)
    }

    fn count_from(&mut self, key: &'static str, least: u64, most: u64) -> Result<Option<u64>, Refusal> {
        match self.value(key) {
            None => Ok(None),
            Some(value) => match value.as_u64() {
                Some(count) if (least..=most).contains(&count) => Ok(Some(count)),
                _ => Err(Refusal::of_field("line-not-count", self.name(key))
                    .with("least", least)
                    .with("most", most)),
            },
        }
    }

    fn object(&mut self, key: &'static str) -> Result<Option<Fields<'a>>, Refusal> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields::of(&self.name(key), map))),
            Some(_) => Err(Refusal::of_field("line-not-object", self.name(key))),
        }
    }

    fn list(&mut self, key: &'static str) -> Result<Vec<(String, &'a Value)>, Refusal> {
        match self.value(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) if values.len() <= LIST_MAX => {
                let name = self.name(key);
                Ok(values
                    .iter()
                    .enumerate()
                    .map(|(place, value)| (format!("{name}[{place}]"), value))
                    .collect())
            }
            Some(Value::Array(_)) => {
                Err(Refusal::of_field("line-list-too-long", self.name(key)).with("most", LIST_MAX))
            }
            Some(_) => Err(Refusal::of_field("line-not-list", self.name(key))),
        }
    }

    /// Refuses keys that nobody asked for: they are misspelt or of another version.
    fn nothing_else(&self) -> Result<(), Refusal> {
        match self.map.keys().find(|key| !self.asked.contains(key.as_str())) {
            Some(key) => Err(Refusal::of_field("line-unknown-field", self.name(key))),
            None => Ok(()),
        }
    }
}

/// Text as it is stored: Unicode NFC, without blanks at its ends, control characters and unseen ones inside.
fn tidy(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let is_kept = |char: &char| (!char.is_control() || matches!(char, '\n' | '\t')) && !is_unseen(*char);
    let clean: String = text.nfc().filter(is_kept).collect();
    clean.trim().to_owned()
}

/// Characters without a shape of their own, which come in by copying: joiners, marks of direction (they can show a
/// name or number turned round), byte order marks. Vietnamese needs none.
const fn is_unseen(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn object_of(text: &str) -> Result<Map<String, Value>, Refusal> {
    if text.len() > LINE_BYTES_MAX {
        return Err(Refusal::new("line-too-large").with("most", LINE_BYTES_MAX));
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Refusal::new("line-not-json-object")),
        Err(error) => Err(Refusal::new("line-not-json").with("column", error.column())),
    }
}

/// Reads one line of `dossier lodge`.
///
/// # Errors
/// The first field that is wrong, with the rule it breaks.
pub fn lodge_line(text: &str) -> Result<LodgeLine, Refusal> {
    let map = object_of(text)?;
    let mut line = Fields::of("", &map);
    let outcome = line
        .parsed("outcome", "line-not-outcome", |word| match word {
            "receive" => Some(Outcome::Receive),
            "supplement" => Some(Outcome::Supplement),
            "refuse" => Some(Outcome::Refuse),
            _ => None,
        })?
        .unwrap_or(Outcome::Receive);
    let procedure = line
        .parsed("procedure", "line-not-procedure", |text| text.parse().ok())?
        .ok_or_else(|| Refusal::of_field("line-missing", "procedure"))?;
    let officer = line.officer("officer")?.ok_or_else(|| Refusal::of_field("line-missing", "officer"))?;
    let mut registers = Vec::new();
    let mut owner = line.object("owner")?.ok_or_else(|| Refusal::of_field("line-missing", "owner.name"))?;
    person(&mut owner, &mut registers, true)?;
    if let Some(mut submitter) = line.object("submitter")? {
        person(&mut submitter, &mut registers, false)?;
    }
    if let Some(form) = line.object("fields")? {
        for (key, value) in form.map {
            let name = form.name(key);
            let is_name = (1..=40).contains(&key.len())
                && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            if !is_name {
                return Err(Refusal::of_field("line-unknown-field", name));
            }
            let text = match value {
                Value::String(text) => tidy(text),
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => return Err(Refusal::of_field("line-not-text", name)),
            };
            if text.chars().count() > LONG_MAX {
                return Err(Refusal::of_field("line-too-long", name).with("most", LONG_MAX));
            }
            if !text.is_empty() {
                registers.push((name, text));
            }
        }
    }
    if let Some(summary) = line.text("summary", 1000)? {
        registers.push(("summary".to_owned(), summary));
    }
    let (return_at, return_how) = match line.object("return")? {
        None => (None, ReturnHow::Counter),
        Some(mut back) => {
            let at = back.agency("at")?;
            let how = back.parsed("how", "line-not-how", ReturnHow::by_name)?.unwrap_or(ReturnHow::Counter);
            back.nothing_else()?;
            (at, how)
        }
    };
    let payment = line.object("payment")?.map(payment).transpose()?;
    let external_ids = line
        .list("external_ids")?
        .into_iter()
        .map(|(name, value)| {
            let Value::Object(map) = value else { return Err(Refusal::of_field("line-not-object", name)) };
            let mut id = Fields::of(&name, map);
            let read = ExternalId { system: id.required("system", 40)?, number: id.required("number", 100)? };
            id.nothing_else()?;
            Ok(read)
        })
        .collect::<Result<_, _>>()?;
    let read = LodgeLine {
        request_id: line.text("request_id", 100)?,
        outcome,
        procedure,
        case: line.text("case", 100)?,
        competent: line.agency("competent")?,
        channel: line.parsed("channel", "line-not-channel", Channel::by_name)?.unwrap_or(Channel::Direct),
        officer,
        registers,
        sets: line.count_from("sets", 1, 100)?.and_then(|sets| u16::try_from(sets).ok()).unwrap_or(1),
        papers: papers(line.list("papers")?)?,
        payment,
        return_at,
        return_how,
        external_ids,
        parent: line.parsed("parent", "line-not-number", |text| is_number(text).then(|| text.to_owned()))?,
        received_at: line.time("received_at")?,
        fee_vnd: line.count("fee_vnd", 1_000_000_000_000)?,
    };
    line.nothing_else()?;
    Ok(read)
}

/// Keys of working acts that a later version brings.
const LATER_KEYS: [(Kind, &str); 1] = [(Kind::ReceiveSupplement, "slip")];

/// Reads one line of `dossier act`.
///
/// # Errors
/// The first field that is wrong, with the rule it breaks.
pub fn act_line(text: &str) -> Result<ActLine, Refusal> {
    let map = object_of(text)?;
    let mut line = Fields::of("", &map);
    let number = line
        .parsed("number", "line-not-number", |text| is_number(text).then(|| text.to_owned()))?
        .ok_or_else(|| Refusal::of_field("line-missing", "number"))?;
    let word = line.required("act", SHORT_MAX)?;
    let kind =
        Kind::by_name(&word).ok_or_else(|| Refusal::of_field("line-not-act", "act").with("act", &word))?;
    let row = row_of(kind);
    if !row.is_working {
        return Err(Refusal::of_field("not-in-this-version", "act").with("what", kind.name()));
    }
    if kind == Kind::Receive {
        return Err(Refusal::of_field("act-receive-is-lodge", "act"));
    }
    for key in row.required {
        if line.value(key).is_none() && *key != "approved_by" {
            return Err(Refusal::of_field("line-missing", *key));
        }
    }
    let allowed =
        |key: &str| COMMON_KEYS.contains(&key) || row.required.contains(&key) || row.optional.contains(&key);
    if let Some((_, key)) = LATER_KEYS.iter().find(|(of, key)| *of == kind && map.contains_key(*key)) {
        return Err(Refusal::of_field("not-in-this-version", *key).with("what", *key));
    }
    if let Some(key) = map.keys().find(|key| !allowed(key)) {
        return Err(Refusal::of_field("line-unknown-field", key.as_str()).with("act", kind.name()));
    }
    let evidence = match line.object("evidence")? {
        None => None,
        Some(mut shown) => {
            let read = Evidence {
                kind: shown.required("kind", 40)?,
                reference: shown.text("ref", SHORT_MAX)?,
                hash: shown.hash("hash")?,
            };
            shown.nothing_else()?;
            Some(read)
        }
    };
    let detail = detail(&mut line, kind)?;
    Ok(ActLine {
        number,
        kind,
        officer: line.officer("officer")?.ok_or_else(|| Refusal::of_field("line-missing", "officer"))?,
        role: line.text("role", 40)?,
        note: line.text("note", LONG_MAX)?,
        occurred_at: line.time("occurred_at")?,
        evidence,
        approved_by: line.officer("approved_by")?,
        detail,
    })
}

fn detail(line: &mut Fields<'_>, kind: Kind) -> Result<Detail, Refusal> {
    let acts_key = if kind == Kind::Mark { "acts" } else { "settles" };
    Ok(Detail {
        assignee: line.officer("assignee")?,
        step: line.text("step", 100)?,
        to: line.agency("to")?,
        consignment: line.text("consignment", 100)?,
        reason: line.text("reason", LONG_MAX)?,
        reasons: reasons(line.list("reasons")?)?,
        items: items(line.list("items")?)?,
        deadline: line.time("deadline")?,
        papers: papers(line.list("papers")?)?,
        field: line.text("field", 64)?,
        value: line.text("value", LONG_MAX)?,
        acts: act_ids(line.list(acts_key)?)?,
        choice: line.parsed("choice", "line-not-act-id", |text| text.parse().ok())?,
        basis: line.text("basis", SHORT_MAX)?,
        mark: line.parsed("mark", "line-not-mark", MarkKind::by_name)?,
        mode: line.parsed("mode", "line-not-mode", SignMode::by_name)?,
        signer: line.officer("signer")?,
        ref_no: line.text("ref_no", 100)?,
        signed_on: line.parsed("signed_on", "line-not-date", |text| {
            text.parse::<jiff::civil::Date>().ok().map(|date| date.to_string())
        })?,
        hash: line.hash("hash")?,
        register_no: line.text("register_no", 100)?,
        result: line.parsed("result", "line-not-result", FinishResult::by_name)?,
        collector: line.text("collector", SHORT_MAX)?,
    })
}

/// A person's keys become registers `owner.…` or `submitter.…`.
fn person(
    person: &mut Fields<'_>,
    registers: &mut Vec<(String, String)>,
    is_owner: bool,
) -> Result<(), Refusal> {
    const KINDS: [&str; 5] = ["citizen", "business", "organisation", "household", "agency"];
    const ID_TYPES: [&str; 4] = ["cccd", "passport", "child", "other"];
    let mut keep = |name: String, value: Option<String>| {
        registers.extend(value.map(|value| (name, value)));
    };
    let word = |text: &str, words: &[&str]| words.contains(&text).then(|| text.to_owned());
    keep(person.name("kind"), person.parsed("kind", "line-not-owner-kind", |text| word(text, &KINDS))?);
    let name = person.text("name", 200)?;
    if name.is_none() && is_owner {
        return Err(Refusal::of_field("line-missing", person.name("name")));
    }
    keep(person.name("name"), name);
    keep(person.name("id_type"), person.parsed("id_type", "line-not-id-type", |text| word(text, &ID_TYPES))?);
    for (key, most) in [("id_no", 20), ("dob", 10), ("sex", 20), ("phone", 20), ("email", 200)] {
        keep(person.name(key), person.text(key, most)?);
    }
    if let Some(mut address) = person.object("address")? {
        for (key, most) in [("text", SHORT_MAX), ("commune", 10), ("province", 10)] {
            keep(address.name(key), address.text(key, most)?);
        }
        address.nothing_else()?;
    }
    if !is_owner {
        keep(person.name("authorisation"), person.text("authorisation", SHORT_MAX)?);
    }
    person.nothing_else()
}

fn payment(mut fields: Fields<'_>) -> Result<Payment, Refusal> {
    let read = Payment {
        method: fields.parsed("method", "line-not-method", PayMethod::by_name)?.unwrap_or(PayMethod::None),
        payer: fields.parsed("payer", "line-not-payer", |text| {
            ["citizen", "officer"].contains(&text).then(|| text.to_owned())
        })?,
        waiver: fields.text("waiver", 100)?,
        evidence: fields.text("evidence", SHORT_MAX)?,
    };
    fields.nothing_else()?;
    Ok(read)
}

fn papers(values: Vec<(String, &Value)>) -> Result<Vec<Paper>, Refusal> {
    values
        .into_iter()
        .map(|(name, value)| {
            let Value::Object(map) = value else { return Err(Refusal::of_field("line-not-object", name)) };
            let mut fields = Fields::of(&name, map);
            let small = |count: Option<u64>| count.and_then(|count| u16::try_from(count).ok());
            let paper = Paper {
                version: PAPER_VERSION,
                name: fields.required("name", 300)?,
                component: fields.text("component", 100)?,
                kind: fields
                    .parsed("kind", "line-not-paper-kind", PaperKind::by_name)?
                    .unwrap_or(PaperKind::Original),
                copies: small(fields.count("copies", 1000)?).unwrap_or(1),
                pages: small(fields.count("pages", 10_000)?),
                hash: fields.hash("hash")?,
                size_bytes: fields.count("size_bytes", 1 << 40)?,
            };
            fields.nothing_else()?;
            Ok(paper)
        })
        .collect()
}

/// A list of `{"what","basis"}` or of plain texts.
fn whats(values: Vec<(String, &Value)>) -> Result<Vec<(String, Option<String>)>, Refusal> {
    values
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) if !tidy(text).is_empty() && text.chars().count() <= LONG_MAX => {
                Ok((tidy(text), None))
            }
            Value::Object(map) => {
                let mut fields = Fields::of(&name, map);
                let read = (fields.required("what", LONG_MAX)?, fields.text("basis", SHORT_MAX)?);
                fields.nothing_else()?;
                Ok(read)
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                Err(Refusal::of_field("line-not-text", name))
            }
        })
        .collect()
}

fn items(values: Vec<(String, &Value)>) -> Result<Vec<SupplementItem>, Refusal> {
    Ok(whats(values)?.into_iter().map(|(what, basis)| SupplementItem { what, basis }).collect())
}

fn reasons(values: Vec<(String, &Value)>) -> Result<Vec<Reason>, Refusal> {
    Ok(whats(values)?.into_iter().map(|(what, basis)| Reason { what, basis }).collect())
}

fn act_ids(values: Vec<(String, &Value)>) -> Result<Vec<ActId>, Refusal> {
    values
        .into_iter()
        .map(|(name, value)| {
            let id = value.as_str().and_then(|text| text.parse().ok());
            id.ok_or_else(|| Refusal::of_field("line-not-act-id", name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<impl std::fmt::Debug, Refusal>) -> (String, Option<String>) {
        let refusal = result.unwrap_err();
        (refusal.code.into_owned(), refusal.field)
    }

    #[test]
    fn lodge_line_of_the_contract_is_read_whole() {
        let line = lodge_line(
            r#"{"request_id":"c7-0001","outcome":"receive","procedure":"1.001193","competent":"H27.101","channel":"direct",
            "officer":"H27.102/02","owner":{"kind":"citizen","name":" Nguyễn Văn Thử ","id_type":"cccd","id_no":"042090900001",
            "dob":"1990-02-28","phone":"0999000001","address":{"text":"Thôn Thử","commune":"18073","province":"42"}},
            "submitter":{"name":"Trần Thị Thử","authorisation":"GUQ 1"},"fields":{"child_name":"Thử"},"summary":"Thử","sets":1,
            "papers":[{"name":"Tờ khai theo mẫu","kind":"original","copies":1,"pages":2,"size_bytes":81234}],
            "payment":{"method":"cash","payer":"citizen"},"return":{"at":"H27.102","how":"counter"},
            "external_ids":[{"system":"igate","number":"1"}],"received_at":"2026-03-02T07:35:32+07:00"}"#,
        )
        .unwrap();
        assert!(line.registers.contains(&("owner.name".to_owned(), "Nguyễn Văn Thử".to_owned())));
        assert!(line.registers.contains(&("owner.address.commune".to_owned(), "18073".to_owned())));
        assert!(line.registers.contains(&("fields.child_name".to_owned(), "Thử".to_owned())));
        assert_eq!(line.papers.len(), 1);
    }

    #[test]
    fn wrong_lines_name_the_field_and_the_rule() {
        for (text, expected, field) in [
            ("", "line-not-json", None),
            ("[1]", "line-not-json-object", None),
            ("{}", "line-missing", Some("procedure")),
            (r#"{"procedure":"x"}"#, "line-not-procedure", Some("procedure")),
            (r#"{"procedure":"1.001193"}"#, "line-missing", Some("officer")),
            (r#"{"procedure":"1.001193","officer":"x"}"#, "line-not-officer", Some("officer")),
            (
                r#"{"procedure":"1.001193","officer":"H27.101/02","owner":{}}"#,
                "line-missing",
                Some("owner.name"),
            ),
            (
                r#"{"procedure":"1.001193","officer":"H27.101/02","owner":{"name":"Thử","nmae":1}}"#,
                "line-unknown-field",
                Some("owner.nmae"),
            ),
            (
                r#"{"procedure":"1.001193","officer":"H27.101/02","owner":{"name":"Thử"},"received_at":"hôm qua"}"#,
                "line-not-time",
                Some("received_at"),
            ),
            (
                r#"{"procedure":"1.001193","officer":"H27.101/02","owner":{"name":"Thử"},"papers":[{"name":"x","copies":-1}]}"#,
                "line-not-count",
                Some("papers[0].copies"),
            ),
        ] {
            assert_eq!(code(lodge_line(text)), (expected.to_owned(), field.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn act_lines_take_the_keys_of_their_act_only() {
        let minimal = r#"{"number":"H27.101-260302-0690001","act":"finish","officer":"H27.101/02"}"#;
        assert_eq!(act_line(minimal).unwrap().kind, Kind::Finish);
        for (text, expected, field) in [
            (r#"{"number":"x","act":"finish","officer":"H27.101/02"}"#, "line-not-number", Some("number")),
            (
                r#"{"number":"H27.101-260302-0690001","act":"fly","officer":"H27.101/02"}"#,
                "line-not-act",
                Some("act"),
            ),
            (
                r#"{"number":"H27.101-260302-0690001","act":"stop","officer":"H27.101/02"}"#,
                "not-in-this-version",
                Some("act"),
            ),
            (
                r#"{"number":"H27.101-260302-0690001","act":"receive_supplement","slip":"1","officer":"H27.101/02"}"#,
                "not-in-this-version",
                Some("slip"),
            ),
            (
                r#"{"number":"H27.101-260302-0690001","act":"transfer","officer":"H27.101/02"}"#,
                "line-missing",
                Some("to"),
            ),
            (
                r#"{"number":"H27.101-260302-0690001","act":"finish","to":"H27.102","officer":"H27.101/02"}"#,
                "line-unknown-field",
                Some("to"),
            ),
        ] {
            assert_eq!(code(act_line(text)), (expected.to_owned(), field.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn decomposed_vietnamese_is_stored_composed() {
        let line = lodge_line(
            "{\"procedure\":\"1.001193\",\"officer\":\"H27.101/02\",\"owner\":{\"name\":\"Thu\u{309}\"}}",
        )
        .unwrap();
        assert_eq!(line.registers, vec![("owner.name".to_owned(), "Thủ".to_owned())]);
    }
}
