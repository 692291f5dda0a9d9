//! What the directory says about a citizen's request, before anything is written.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::directory::Directory;
use crate::directory::agency::Agency;
use crate::directory::agency::AgencyKind;
use crate::directory::agency::Officer;
use crate::directory::agency::SeatKind;
use crate::directory::person;
use crate::directory::procedure::DecidedBy;
use crate::directory::procedure::Fee;
use crate::directory::procedure::FeePer;
use crate::directory::procedure::FeeWhen;
use crate::directory::procedure::Field;
use crate::directory::procedure::FieldKind;
use crate::directory::procedure::PaperKind;
use crate::directory::procedure::Procedure;
use crate::directory::procedure::applies;
use crate::directory::record;
use crate::ids::AgencyCode;
use crate::ids::OfficerId;
use crate::ids::ProcedureCode;
use crate::refusal::Refusal;

/// One paper as a line names it, as far as the directory has an opinion on it.
#[derive(Clone, Copy, Debug)]
pub struct PaperLine<'a> {
    /// The component it serves.
    pub component: Option<&'a str>,
    /// How it is handed in.
    pub kind: PaperKind,
    /// How many.
    pub copies: u16,
    /// Pages declared.
    pub pages: Option<u16>,
}

/// What a fee depends on.
#[derive(Clone, Copy, Debug)]
pub struct FeeBasis<'a> {
    /// The procedure's case.
    pub case: Option<&'a str>,
    /// The fields of the line, for the number of copies.
    pub fields: &'a BTreeMap<String, String>,
    /// The papers, for the number of pages.
    pub papers: &'a [PaperLine<'a>],
    /// `payment.waiver`: the waiver claimed.
    pub waiver: Option<&'a str>,
    /// Whether `payment.evidence` says what shows the right to it.
    pub has_evidence: bool,
    /// The day of receipt.
    pub on: Date,
}

/// What a dossier costs, as far as it is known at receipt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeeQuote {
    /// To pay at receipt, in đồng, after the waiver.
    pub at_receipt_vnd: u64,
    /// To pay when the result is returned, in đồng, after the waiver.
    pub at_return_vnd: u64,
    /// Not collected because of the waiver, in đồng.
    pub waived_vnd: u64,
}

impl FeeQuote {
    /// All that is to be paid, in đồng: the fee of the dossier.
    #[must_use]
    pub const fn total_vnd(&self) -> u64 {
        self.at_receipt_vnd.saturating_add(self.at_return_vnd)
    }
}

impl Directory {
    /// The version of a procedure that can be lodged on a day.
    ///
    /// # Errors
    /// `procedure-unknown`, `procedure-not-yet` or `procedure-ended`, on the field `procedure`.
    pub fn procedure_to_lodge(&self, code: &ProcedureCode, on: Date) -> Result<&Procedure, Refusal> {
        if let Some(procedure) = self.procedure(code, on) {
            return Ok(procedure);
        }
        let refuse = |reason| Refusal::of_field(reason, "procedure").with("procedure", code);
        let versions = self.procedure_versions(code);
        let next = versions.iter().filter_map(|version| version.valid.from).find(|from| *from > on);
        let last = versions.iter().filter_map(|version| version.valid.to).rfind(|to| *to < on);
        Err(match (next, last) {
            (_, Some(to)) => refuse("procedure-ended").with("date", people_date(to)),
            (Some(from), None) => refuse("procedure-not-yet").with("date", people_date(from)),
            (None, None) => refuse("procedure-unknown"),
        })
    }

    /// Checks the case of a line: one of the procedure's, or none.
    ///
    /// # Errors
    /// `case-unknown` on the field `case`.
    pub fn check_case(&self, procedure: &Procedure, case: Option<&str>) -> Result<(), Refusal> {
        match case {
            Some(code) if procedure.case(code).is_none() => {
                let allowed: Vec<&str> = procedure.cases.iter().map(|case| case.code.as_str()).collect();
                Err(Refusal::of_field("case-unknown", "case")
                    .with("procedure", &procedure.code)
                    .with("allowed", allowed.join(", ")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// An agency that can take part on a day, whatever its seat.
    ///
    /// # Errors
    /// `agency-unknown`, `agency-not-yet`, or `agency-ended` which names the successor, on `field`.
    pub fn agency_to_use(&self, code: &AgencyCode, on: Date, field: &str) -> Result<&Agency, Refusal> {
        let Some(agency) = self.agency(code) else {
            return Err(Refusal::of_field("agency-unknown", field).with("agency", code));
        };
        if agency.valid.holds_on(on) {
            return Ok(agency);
        }
        if let Some(from) = agency.valid.from.filter(|from| on < *from) {
            return Err(Refusal::of_field("agency-not-yet", field)
                .with("agency", code)
                .with("date", people_date(from)));
        }
        let successor =
            self.agency_in_force(code, on).map_or_else(String::new, |agency| agency.code.to_string());
        Err(Refusal::of_field("agency-ended", field)
            .with("agency", code)
            .with("has_successor", if successor.is_empty() { "no" } else { "yes" })
            .with("successor", successor))
    }

    /// Who decides a request that `receiving` takes in: the agency named by the line, else the one that the
    /// procedure's rule gives. Where only one agency may decide and it has ended, its successor.
    ///
    /// # Errors
    /// On the field `competent`: an agency that is unknown or has ended, one that may not decide this
    /// procedure (`competent-wrong`), or none named where the receiving office cannot decide itself
    /// (`competent-missing`); on `procedure`: `procedure-not-here` when `receiving` may not take it in for
    /// that agency.
    pub fn competent_agency(
        &self,
        procedure: &Procedure,
        receiving: &AgencyCode,
        given: Option<&AgencyCode>,
        on: Date,
    ) -> Result<AgencyCode, Refusal> {
        let competent = match (&procedure.decided_by, given) {
            (DecidedBy::Agency(fixed), given) => {
                let fixed = self.agency_in_force(fixed, on).ok_or_else(|| {
                    Refusal::of_field("agency-ended", "competent")
                        .with("agency", fixed)
                        .with("has_successor", "no")
                        .with("successor", "")
                })?;
                if let Some(given) = given
                    && *given != fixed.code
                {
                    self.agency_to_use(given, on, "competent")?;
                    return Err(self.wrong_competent(procedure, given, fixed.code.as_str()));
                }
                fixed
            }
            (DecidedBy::Commune | DecidedBy::Any, Some(given)) => {
                let agency = self.agency_to_use(given, on, "competent")?;
                if !may_decide(&procedure.decided_by, agency) {
                    return Err(self.wrong_competent(procedure, given, procedure.decided_by.name()));
                }
                agency
            }
            (DecidedBy::Commune | DecidedBy::Any, None) => {
                let agency = self.agency_to_use(receiving, on, "competent")?;
                if !may_decide(&procedure.decided_by, agency) {
                    return Err(Refusal::of_field("competent-missing", "competent")
                        .with("procedure", &procedure.code)
                        .with("agency", receiving));
                }
                agency
            }
        };
        if competent.code != *receiving && !procedure.is_lodgeable_anywhere {
            return Err(Refusal::of_field("procedure-not-here", "procedure")
                .with("procedure", &procedure.code)
                .with("agency", receiving)
                .with("competent", &competent.code));
        }
        Ok(competent.code.clone())
    }

    fn wrong_competent(&self, procedure: &Procedure, given: &AgencyCode, allowed: &str) -> Refusal {
        Refusal::of_field("competent-wrong", "competent")
            .with("procedure", &procedure.code)
            .with("agency", given)
            .with("allowed", allowed)
    }

    /// Whether an office may take the procedure in at all, for itself or for another.
    #[must_use]
    pub fn is_lodgeable_at(&self, procedure: &Procedure, agency: &AgencyCode, on: Date) -> bool {
        let Ok(agency) = self.agency_to_use(agency, on, "agency") else { return false };
        procedure.is_lodgeable_anywhere
            || match &procedure.decided_by {
                DecidedBy::Agency(code) => {
                    self.agency_in_force(code, on).is_some_and(|fixed| fixed.code == agency.code)
                }
                DecidedBy::Commune | DecidedBy::Any => may_decide(&procedure.decided_by, agency),
            }
    }

    /// An officer who may act for `seat` on a day.
    ///
    /// # Errors
    /// `officer-unknown`, `officer-elsewhere` (works at another seat) or `officer-inactive`, on the field
    /// `officer`.
    pub fn officer_to_act(&self, id: &OfficerId, seat: &AgencyCode, on: Date) -> Result<&Officer, Refusal> {
        self.officer_named(id, seat, on, "officer")
    }

    /// As [`officer_to_act`](Self::officer_to_act), for an officer named in another field, such as
    /// `approved_by` or `assignee`.
    ///
    /// # Errors
    /// As there, on that field.
    pub fn officer_named(
        &self,
        id: &OfficerId,
        seat: &AgencyCode,
        on: Date,
        field: &str,
    ) -> Result<&Officer, Refusal> {
        let refuse = |reason| Refusal::of_field(reason, field).with("officer", id).with("seat", seat);
        let officer = self.officer(id).ok_or_else(|| refuse("officer-unknown"))?;
        if id.seat != *seat {
            Err(refuse("officer-elsewhere"))
        } else if !officer.is_active || !officer.valid.holds_on(on) {
            Err(refuse("officer-inactive"))
        } else {
            Ok(officer)
        }
    }

    /// What a dossier costs.
    ///
    /// # Errors
    /// On the field `payment.waiver`: a waiver that is unknown, not in force, or not for this procedure; on
    /// `payment.evidence`: one that must be shown and is not.
    pub fn fee_vnd(&self, procedure: &Procedure, basis: &FeeBasis<'_>) -> Result<FeeQuote, Refusal> {
        let percent = self.waived_percent(procedure, basis)?;
        let mut quote = FeeQuote::default();
        for fee in procedure.fees.iter().filter(|fee| applies(&fee.cases, basis.case)) {
            let full_vnd = fee_amount_vnd(fee, basis);
            let waived_vnd = full_vnd / 100 * percent + full_vnd % 100 * percent / 100;
            let part = match fee.when {
                FeeWhen::Receipt => &mut quote.at_receipt_vnd,
                FeeWhen::Return => &mut quote.at_return_vnd,
                // Nobody knows at receipt whether a supplement will be asked for.
                FeeWhen::Supplement => continue,
            };
            *part = part.saturating_add(full_vnd.saturating_sub(waived_vnd));
            quote.waived_vnd = quote.waived_vnd.saturating_add(waived_vnd);
        }
        Ok(quote)
    }

    fn waived_percent(&self, procedure: &Procedure, basis: &FeeBasis<'_>) -> Result<u64, Refusal> {
        let Some(code) = basis.waiver.map(str::trim).filter(|code| !code.is_empty()) else { return Ok(0) };
        let refuse =
            |reason, field: &str| Refusal::of_field(reason, field).with("waiver", record::shown(code));
        let waiver = self.waiver(code).ok_or_else(|| refuse("waiver-unknown", "payment.waiver"))?;
        if !waiver.valid.holds_on(basis.on) {
            return Err(refuse("waiver-not-in-force", "payment.waiver"));
        }
        if !waiver.procedures.is_empty() && !waiver.procedures.contains(&procedure.code) {
            return Err(refuse("waiver-other-procedure", "payment.waiver").with("procedure", &procedure.code));
        }
        if waiver.is_evidence_required && !basis.has_evidence {
            return Err(refuse("waiver-evidence-missing", "payment.evidence"));
        }
        Ok(u64::from(waiver.percent))
    }
}

impl DecidedBy {
    /// The word in files, for other agencies than a fixed one.
    const fn name(&self) -> &'static str {
        match self {
            Self::Commune => "commune",
            Self::Any => "any",
            Self::Agency(_) => "agency",
        }
    }
}

fn may_decide(rule: &DecidedBy, agency: &Agency) -> bool {
    match rule {
        DecidedBy::Commune => matches!(agency.kind, AgencyKind::Commune | AgencyKind::Branch),
        DecidedBy::Any => agency.seat != SeatKind::External,
        DecidedBy::Agency(code) => agency.code == *code,
    }
}

/// đồng, saturating: no fee of a real directory comes near the bound.
fn fee_amount_vnd(fee: &Fee, basis: &FeeBasis<'_>) -> u64 {
    match fee.per {
        FeePer::Dossier => fee.vnd,
        FeePer::Copy => {
            let said = fee.count_field.as_ref().and_then(|name| basis.fields.get(name));
            let copies = said.and_then(|text| parse_whole(text)).unwrap_or(1);
            fee.vnd.saturating_mul(copies)
        }
        FeePer::Page => {
            let of_papers = basis.papers.iter().map(|paper| {
                let one_vnd = pages_vnd(fee, u64::from(paper.pages.unwrap_or(1).max(1)));
                one_vnd.saturating_mul(u64::from(paper.copies.max(1)))
            });
            // Without papers on the line there is still something to certify: one page of it.
            if basis.papers.is_empty() { pages_vnd(fee, 1) } else { of_papers.fold(0, u64::saturating_add) }
        }
    }
}

fn pages_vnd(fee: &Fee, pages: u64) -> u64 {
    let dear = fee.further_from_page.map_or(pages, |from| pages.min(u64::from(from).saturating_sub(1)));
    let dear_vnd = fee.vnd.saturating_mul(dear);
    let further_vnd = fee.further_vnd.saturating_mul(pages - dear);
    dear_vnd.saturating_add(further_vnd).min(fee.max_per_copy_vnd.unwrap_or(u64::MAX))
}

/// Checks what a line says in `fields` against what the procedure asks: every wrong one, by name.
#[must_use]
pub fn check_fields(procedure: &Procedure, fields: &BTreeMap<String, String>) -> Vec<Refusal> {
    let unknown = fields.keys().filter(|name| procedure.field(name).is_none()).map(|name| {
        let allowed: Vec<&str> = procedure.fields.iter().map(|field| field.name.as_str()).collect();
        Refusal::of_field("field-unknown", format!("fields.{}", record::shown(name)))
            .with("procedure", &procedure.code)
            .with("has_fields", if allowed.is_empty() { "no" } else { "yes" })
            .with("allowed", allowed.join(", "))
    });
    let known = procedure.fields.iter().filter_map(|field| {
        let value = fields.get(&field.name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let path = format!("fields.{}", field.name);
        match value {
            Some(value) => check_value(field, value, &path).err(),
            None if field.is_required => {
                Some(Refusal::of_field("field-missing", path).with("label", &field.label))
            }
            None => None,
        }
    });
    unknown.chain(known).collect()
}

/// Checks one value, which is not empty, against its field's kind. Also for a later correction of the field.
///
/// # Errors
/// `field-form`, `field-too-long`, `field-too-great`, `field-choice`, `id-no-form`, `phone-form` or
/// `birth-form`, on `path`.
pub fn check_value(field: &Field, value: &str, path: &str) -> Result<(), Refusal> {
    let form = |form: &str| {
        Err(Refusal::of_field("field-form", path).with("label", &field.label).with("form", form))
    };
    let simple = |is_good: bool, code| if is_good { Ok(()) } else { Err(Refusal::of_field(code, path)) };
    match field.kind {
        FieldKind::Text => {
            let max = field
                .max
                .and_then(|max| usize::try_from(max).ok())
                .unwrap_or(TEXT_CHARS_MAX)
                .min(TEXT_CHARS_MAX);
            if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
                form("text")
            } else if value.chars().count() > max {
                Err(Refusal::of_field("field-too-long", path).with("max", max))
            } else {
                Ok(())
            }
        }
        FieldKind::Number | FieldKind::Money => match parse_whole(value) {
            None => form("0-9"),
            Some(number) if number > field.max.unwrap_or(u64::MAX) => {
                Err(Refusal::of_field("field-too-great", path).with("max", field.max.unwrap_or(u64::MAX)))
            }
            Some(_) => Ok(()),
        },
        FieldKind::Date => {
            if parse_day(value).is_some() {
                Ok(())
            } else {
                form("2026-03-02, 02/03/2026")
            }
        }
        FieldKind::YesNo => {
            if matches!(value, "yes" | "no") {
                Ok(())
            } else {
                form("yes, no")
            }
        }
        FieldKind::Choice => {
            if field.choices.iter().any(|choice| choice == value) {
                Ok(())
            } else {
                Err(Refusal::of_field("field-choice", path).with("allowed", field.choices.join(", ")))
            }
        }
        FieldKind::Birth => simple(person::parse_birth(value).is_some(), "birth-form"),
        FieldKind::Phone => simple(person::normal_phone(value).is_some(), "phone-form"),
        FieldKind::IdNo => person::check_id_no(person::IdType::Cccd, value, None, None, path).map(|_| ()),
    }
}

/// Checks the papers of a line: components the procedure does not have, kinds they may not come in, and,
/// where the procedure insists, required ones that are missing.
#[must_use]
pub fn check_papers(procedure: &Procedure, case: Option<&str>, papers: &[PaperLine<'_>]) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (at, paper) in papers.iter().enumerate() {
        let Some(code) = paper.component else { continue };
        let Some(component) = procedure.component(code) else {
            let allowed: Vec<&str> = procedure.components.iter().map(|one| one.code.as_str()).collect();
            refusals.push(
                Refusal::of_field("component-unknown", format!("papers[{at}].component"))
                    .with("component", record::shown(code))
                    .with("procedure", &procedure.code)
                    .with("allowed", allowed.join(", ")),
            );
            continue;
        };
        if !component.kinds.is_empty() && !component.kinds.contains(&paper.kind) {
            let allowed: Vec<&str> = component.kinds.iter().map(|kind| kind.name()).collect();
            refusals.push(
                Refusal::of_field("paper-kind", format!("papers[{at}].kind"))
                    .with("component", &component.name)
                    .with("allowed", allowed.join(", ")),
            );
        }
    }
    if procedure.are_papers_required {
        for component in missing_components(procedure, case, papers) {
            refusals.push(Refusal::of_field("paper-missing", "papers").with("component", component));
        }
    }
    refusals
}

/// The names of required components that no paper serves: a refusal where the procedure insists, else a list
/// for the officer.
#[must_use]
pub fn missing_components<'a>(
    procedure: &'a Procedure,
    case: Option<&'a str>,
    papers: &[PaperLine<'_>],
) -> Vec<&'a str> {
    procedure
        .components_of(case)
        .filter(|component| component.is_required)
        .filter(|component| !papers.iter().any(|paper| paper.component == Some(&component.code)))
        .map(|component| component.name.as_str())
        .collect()
}

/// A whole number of ASCII digits.
fn parse_whole(text: &str) -> Option<u64> {
    let text = text.trim();
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A day as people write it: `2026-03-02` or `02/03/2026`.
fn parse_day(text: &str) -> Option<Date> {
    let people = || Date::strptime("%d/%m/%Y", text).ok().filter(|date| people_date(*date) == text);
    record::parse_date(text).or_else(people)
}

fn people_date(date: Date) -> String {
    date.strftime("%d/%m/%Y").to_string()
}

/// The most characters of a free text without a bound of its own.
const TEXT_CHARS_MAX: usize = 2_000;

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const ON: Date = date(2026, 3, 2);

    fn agency(code: &str) -> AgencyCode {
        code.parse().unwrap()
    }

    fn procedure<'a>(sample: &'a Directory, code: &str) -> &'a Procedure {
        sample.procedure(&code.parse().unwrap(), ON).unwrap()
    }

    fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn told(refusals: &[Refusal]) -> Vec<String> {
        refusals
            .iter()
            .map(|refusal| format!("{} {}", refusal.field.as_deref().unwrap_or("-"), refusal.code))
            .collect()
    }

    #[test]
    fn the_competent_agency_follows_rule_and_line() {
        let sample = Directory::sample();
        for (code, receiving, given, expected) in [
            ("1.001193", "H27.102", None, Ok("H27.102")),
            ("1.001193", "H27.102", Some("H27.101"), Ok("H27.101")),
            ("1.001193", "H27.02", Some("H27.101"), Ok("H27.101")),
            ("1.001193", "H27.02", None, Err("competent-missing")),
            ("1.001193", "H27.102", Some("H27.02"), Err("competent-wrong")),
            ("1.001193", "H27.102", Some("H27.999"), Err("agency-unknown")),
            ("1.001193", "H27.102", Some("H27.201"), Err("agency-ended")),
            ("2.000635", "H27.02", None, Ok("H27.02")),
            ("2.000635", "H27.102", Some("H27.90"), Err("competent-wrong")),
            ("2.000488", "H27.102", None, Ok("H27.02")),
            ("2.000488", "H27.102", Some("H27.02"), Ok("H27.02")),
            ("2.000488", "H27.102", Some("H27.102"), Err("competent-wrong")),
            ("1.004222", "H27.102", None, Ok("H27.90")),
            ("1.000419", "H27.102", None, Ok("H27.102")),
            ("1.000419", "H27.102", Some("H27.101"), Err("procedure-not-here")),
        ] {
            let given = given.map(agency);
            let found =
                sample.competent_agency(procedure(&sample, code), &agency(receiving), given.as_ref(), ON);
            let found = found.map(|code| code.to_string()).map_err(|refusal| refusal.code.into_owned());
            assert_eq!(
                found,
                expected.map(str::to_owned).map_err(str::to_owned),
                "{code} at {receiving} for {given:?}"
            );
        }
    }

    #[test]
    fn offices_take_in_what_they_decide_and_what_may_be_lodged_anywhere() {
        let sample = Directory::sample();
        for (code, office, expected) in [
            ("1.001193", "H27.102", true),
            ("1.001193", "H27.02", true),
            ("2.000488", "H27.102", true),
            ("1.000419", "H27.102", true),
            ("1.000419", "H27.02", false),
            ("1.001193", "H27.201", false),
            ("1.001193", "H27.999", false),
        ] {
            let found = sample.is_lodgeable_at(procedure(&sample, code), &agency(office), ON);
            assert_eq!(found, expected, "{code} at {office}");
        }
    }

    #[test]
    fn procedures_are_lodged_while_in_force() {
        let base = r#"{"kind":"province","v":1,"code":"H27","name":"Hà Tĩnh"}
{"kind":"agency","code":"H27.101","name":"A","level":"commune","type":"commune","seat":"node","valid_from":"2026-05-01"}
{"kind":"procedure","code":"1.000001","name":"A","area":"B","decided_by":"commune","term":{"unit":"none"},"valid_from":"2026-01-01","valid_to":"2026-01-31"}
{"kind":"procedure","code":"1.000002","name":"A","area":"B","decided_by":"commune","term":{"unit":"none"},"valid_from":"2026-04-01"}"#;
        let directory = Directory::parse(base, &crate::directory::fault::ParseBounds::default()).unwrap();
        let lodge = |code: &str, on| {
            directory
                .procedure_to_lodge(&code.parse().unwrap(), on)
                .map(|found| found.code.to_string())
                .map_err(|refusal| format!("{} {}", refusal.code, refusal.args.last().unwrap().1))
        };
        assert_eq!(lodge("1.000001", date(2026, 1, 31)), Ok("1.000001".to_owned()));
        assert_eq!(lodge("1.000001", ON), Err("procedure-ended 31/01/2026".to_owned()));
        assert_eq!(lodge("1.000002", ON), Err("procedure-not-yet 01/04/2026".to_owned()));
        assert_eq!(lodge("1.000003", ON), Err("procedure-unknown 1.000003".to_owned()));
        let early = directory.agency_to_use(&agency("H27.101"), ON, "competent").unwrap_err();
        assert_eq!(early.code, "agency-not-yet");
    }

    #[test]
    fn officers_act_for_their_own_office_while_active() {
        let text = format!(
            "{}{}\n{}\n",
            crate::directory::sample::SAMPLE,
            r#"{"kind":"officer","id":"H27.102/07","name":"Thử 07","roles":["receiving"],"active":false}"#,
            r#"{"kind":"officer","id":"H27.102/08","name":"Thử 08","roles":["receiving"],"valid_to":"2026-03-01"}"#,
        );
        let directory = Directory::parse(&text, &crate::directory::fault::ParseBounds::default()).unwrap();
        for (id, seat, expected) in [
            ("H27.102/02", "H27.102", Ok(())),
            ("H27.102/02", "H27.101", Err("officer-elsewhere")),
            ("H27.102/07", "H27.102", Err("officer-inactive")),
            ("H27.102/08", "H27.102", Err("officer-inactive")),
            ("H27.102/99", "H27.102", Err("officer-unknown")),
        ] {
            let found = directory.officer_to_act(&id.parse().unwrap(), &agency(seat), ON);
            let found = found.map(|_| ()).map_err(|refusal| refusal.code.into_owned());
            assert_eq!(found, expected.map_err(str::to_owned), "{id} at {seat}");
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let sample = Directory::sample();
        let household = procedure(&sample, "1.001612");
        let good = fields(&[
            ("ten_ho_kinh_doanh", "Quán Thử"),
            ("von_vnd", "50000000"),
            ("ngay_bat_dau", "02/03/2026"),
            ("dien_thoai", "0999 123 456"),
        ]);
        assert_eq!(check_fields(household, &good), []);
        let wrong = fields(&[
            ("von_vnd", "-5"),
            ("ngay_bat_dau", "31/02/2026"),
            ("dien_thoai", "123"),
            ("ten_ho", "Quán Thử"),
        ]);
        assert_eq!(
            told(&check_fields(household, &wrong)),
            [
                "fields.ten_ho field-unknown",
                "fields.ten_ho_kinh_doanh field-missing",
                "fields.von_vnd field-form",
                "fields.ngay_bat_dau field-form",
                "fields.dien_thoai phone-form",
            ]
        );
        let birth = procedure(&sample, "1.001193");
        assert_eq!(check_fields(birth, &fields(&[])), []);
        assert_eq!(
            check_fields(
                birth,
                &fields(&[("ngay_sinh_con", "2026"), ("gioi_tinh_con", "Nữ"), ("ten_con", " ")])
            ),
            []
        );
        let long = "ă".repeat(101);
        let wrong = fields(&[("gioi_tinh_con", "nữ"), ("ten_con", &long), ("ngay_sinh_con", "hôm qua")]);
        assert_eq!(
            told(&check_fields(birth, &wrong)),
            [
                "fields.ten_con field-too-long",
                "fields.ngay_sinh_con birth-form",
                "fields.gioi_tinh_con field-choice"
            ]
        );
        let copies = procedure(&sample, "2.000635");
        assert_eq!(
            told(&check_fields(copies, &fields(&[("so_ban", "101")]))),
            ["fields.so_ban field-too-great"]
        );
    }

    #[test]
    fn papers_are_demanded_only_where_the_procedure_insists() {
        let sample = Directory::sample();
        let paper = |component, kind| PaperLine { component, kind, copies: 1, pages: None };
        let lenient = procedure(&sample, "1.001193");
        assert_eq!(check_papers(lenient, None, &[]), []);
        assert_eq!(
            missing_components(lenient, None, &[]),
            ["Tờ khai theo mẫu", "Giấy chứng sinh hoặc giấy tờ thay thế"]
        );
        assert_eq!(check_papers(lenient, None, &[paper(None, PaperKind::Copy)]), []);
        assert_eq!(
            told(&check_papers(
                lenient,
                None,
                &[paper(Some("TK"), PaperKind::Original), paper(Some("XX"), PaperKind::Copy)]
            )),
            ["papers[1].component component-unknown"]
        );
        let strict = procedure(&sample, "1.013227");
        assert_eq!(
            told(&check_papers(strict, None, &[paper(Some("DON"), PaperKind::Copy)])),
            ["papers[0].kind paper-kind", "papers paper-missing"]
        );
        let good = [paper(Some("DON"), PaperKind::Original), paper(Some("GPXD"), PaperKind::Copy)];
        assert_eq!(check_papers(strict, None, &good), []);
        assert_eq!(sample.check_case(lenient, Some("qua-han")), Ok(()));
        assert_eq!(sample.check_case(lenient, Some("x")).unwrap_err().code, "case-unknown");
    }

    #[test]
    fn fees_follow_pages_copies_cases_and_waivers() {
        let sample = Directory::sample();
        let none = fields(&[]);
        let three = fields(&[("so_ban", "3")]);
        let papers = |list: &[(u16, u16)]| -> Vec<PaperLine<'static>> {
            list.iter()
                .map(|(pages, copies)| PaperLine {
                    component: None,
                    kind: PaperKind::Shown,
                    copies: *copies,
                    pages: Some(*pages),
                })
                .collect()
        };
        let fee = |code, case, fields, papers: &[PaperLine<'_>], waiver| {
            let basis = FeeBasis { case, fields, papers, waiver, has_evidence: false, on: ON };
            sample
                .fee_vnd(procedure(&sample, code), &basis)
                .map(|quote| quote.total_vnd())
                .map_err(|refusal| refusal.code.into_owned())
        };
        let refused = |code: &str| Err(code.to_owned());
        assert_eq!(fee("1.001193", None, &none, &[], None), Ok(0));
        assert_eq!(fee("1.001193", Some("dung-han"), &none, &[], None), Ok(0));
        assert_eq!(fee("1.001193", Some("qua-han"), &none, &[], None), Ok(5_000));
        assert_eq!(fee("2.000635", None, &none, &[], None), Ok(8_000));
        assert_eq!(fee("2.000635", None, &three, &[], None), Ok(24_000));
        for (list, vnd) in [
            (vec![], 2_000),
            (vec![(1, 1)], 2_000),
            (vec![(2, 1)], 4_000),
            (vec![(3, 1)], 5_000),
            (vec![(3, 2), (1, 1)], 12_000),
            (vec![(198, 1)], 200_000),
            (vec![(500, 2)], 400_000),
        ] {
            assert_eq!(fee("2.000815", None, &none, &papers(&list), None), Ok(vnd), "{list:?}");
        }
        assert_eq!(fee("2.000635", None, &three, &[], Some("tre-em")), Ok(0));
        assert_eq!(fee("2.000635", None, &three, &[], Some("")), Ok(24_000));
        assert_eq!(fee("2.000635", None, &three, &[], Some("ho-ngheo")), refused("waiver-evidence-missing"));
        assert_eq!(fee("2.000635", None, &three, &[], Some("x")), refused("waiver-unknown"));
        assert_eq!(
            fee("2.000488", None, &none, &[], Some("dinh-danh-muc-2")),
            refused("waiver-not-in-force")
        );
    }

    #[test]
    fn a_partial_waiver_leaves_the_rest_to_pay() {
        let text = crate::directory::sample::SAMPLE
            .replace(r#""code":"tre-em","#, r#""code":"tre-em","percent":30,"procedures":["2.000635"],"#);
        let directory = Directory::parse(&text, &crate::directory::fault::ParseBounds::default()).unwrap();
        let fields = fields(&[]);
        let basis = FeeBasis {
            case: None,
            fields: &fields,
            papers: &[],
            waiver: Some("tre-em"),
            has_evidence: false,
            on: ON,
        };
        let quote = directory.fee_vnd(procedure(&directory, "2.000635"), &basis).unwrap();
        assert_eq!(quote, FeeQuote { at_receipt_vnd: 5_600, at_return_vnd: 0, waived_vnd: 2_400 });
        let other = directory.fee_vnd(procedure(&directory, "2.001035"), &basis).unwrap_err();
        assert_eq!(other.code, "waiver-other-procedure");
    }
}
