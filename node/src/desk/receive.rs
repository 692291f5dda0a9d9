//! Taking in a dossier (T1, Mẫu 01): a checked line and the directory become the facts of a receipt.

use std::collections::BTreeMap;

use jiff::civil::Date;
use sync_protocol::time::Millis;

use crate::clock::civil;
use crate::desk::line::LodgeLine;
use crate::desk::line::Outcome;
use crate::directory::Directory;
use crate::directory::agency::SeatKind;
use crate::directory::intake::FeeBasis;
use crate::directory::intake::PaperLine;
use crate::directory::intake::check_fields;
use crate::directory::intake::check_papers;
use crate::directory::person::PartyLine;
use crate::directory::person::check_party;
use crate::directory::term::DueDate;
use crate::dossier::act::Channel;
use crate::dossier::act::Due;
use crate::dossier::act::Receive;
use crate::dossier::paper::Paper;
use crate::dossier::paper::PaperKind;
use crate::refusal::Refusal;

/// How far a time may lie ahead of the machine's clock before it counts as "in the future".
pub(crate) const CLOCK_SLACK_MS: i64 = 2 * 60 * 1000;

/// What the desk knows when it takes in a dossier.
#[derive(Debug)]
pub(crate) struct Intake<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) now: Millis,
    pub(crate) is_historic: bool,
    /// Whether this machine is the province's, where online dossiers are registered.
    pub(crate) is_province: bool,
}

/// A receipt that lacks only its number and its look-up code.
#[derive(Debug)]
pub(crate) struct Receiving {
    pub(crate) body: Receive,
    /// The day its number carries.
    pub(crate) day: Date,
}

/// Computes the receipt's legal facts.
///
/// # Errors
/// The first rule the line breaks; nothing is written.
pub(crate) fn receiving(intake: &Intake<'_>, line: &LodgeLine) -> Result<Receiving, Refusal> {
    match line.outcome {
        Outcome::Receive => {}
        Outcome::Supplement | Outcome::Refuse => {
            return Err(Refusal::of_field("not-in-this-version", "outcome").with("what", "outcome"));
        }
    }
    if line.channel == Channel::Online {
        return Err(if intake.is_province {
            Refusal::of_field("not-in-this-version", "channel").with("what", "online")
        } else {
            Refusal::of_field("desk-online-at-province-only", "channel")
        });
    }
    if line.received_at.is_some() && !intake.is_historic {
        return Err(Refusal::of_field("desk-historic-only", "received_at"));
    }
    let counts_at = line.received_at.unwrap_or(intake.now);
    if counts_at.0 > intake.now.0 + CLOCK_SLACK_MS {
        return Err(Refusal::of_field("desk-future", "received_at"));
    }
    let day = civil(counts_at).ok_or_else(|| Refusal::of_field("line-not-time", "received_at"))?.date();
    let directory = intake.directory;
    let receiving = &line.officer.seat;
    directory.officer_to_act(&line.officer, receiving, day)?;
    let procedure = directory.procedure_to_lodge(&line.procedure, day)?;
    directory.check_case(procedure, line.case.as_deref())?;
    let competent = directory.competent_agency(procedure, receiving, line.competent.as_ref(), day)?;
    check_people(line, day)?;
    let fields: BTreeMap<String, String> = line
        .registers
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("fields.")?.to_owned(), value.clone())))
        .collect();
    first(check_fields(procedure, &fields))?;
    let papers: Vec<PaperLine<'_>> = line.papers.iter().map(paper_line).collect();
    first(check_papers(procedure, line.case.as_deref(), &papers))?;
    let fee_vnd = directory
        .fee_vnd(
            procedure,
            &FeeBasis {
                case: line.case.as_deref(),
                fields: &fields,
                papers: &papers,
                waiver: line.payment.as_ref().and_then(|payment| payment.waiver.as_deref()),
                has_evidence: line.payment.as_ref().is_some_and(|payment| payment.evidence.is_some()),
                on: day,
            },
        )?
        .total_vnd();
    if line.fee_vnd.is_some_and(|expected| expected != fee_vnd) {
        return Err(Refusal::of_field("desk-fee-differs", "fee_vnd").with("fee_vnd", fee_vnd));
    }
    let return_at = line.return_at.clone().unwrap_or_else(|| receiving.clone());
    if directory.agency_to_use(&return_at, day, "return.at")?.seat == SeatKind::External {
        return Err(Refusal::of_field("desk-return-place-unknown", "return.at"));
    }
    let rules = directory.rule_set(day);
    let due = directory.due_of(procedure, line.case.as_deref(), counts_at).map_err(Refusal::from)?;
    let body = Receive {
        number: String::new(),
        request_id: line.request_id.clone(),
        procedure: procedure.code.clone(),
        procedure_name: procedure.name.clone(),
        case: line.case.clone(),
        competent,
        channel: line.channel,
        return_at,
        return_how: line.return_how,
        received_at: line.received_at,
        due: due.map(due_fact),
        lookup_code: String::new(),
        fee_vnd,
        payment: line.payment.clone(),
        sets: line.sets,
        external_ids: line.external_ids.clone(),
        parent: line.parent.clone(),
        identity_check: None,
        form_set: procedure.form_set.clone().unwrap_or_else(|| rules.form_set.clone()),
        rule_set: rules.code.clone(),
        step: directory.first_step(procedure).map(|step| step.code.clone()),
    };
    Ok(Receiving { body, day })
}

/// A computed due date as the fact an act carries.
pub(crate) fn due_fact(due: DueDate) -> Due {
    Due {
        at: due.at,
        starts_at: due.starts_at,
        amount: due.amount,
        unit: due.unit.name().to_owned(),
        calendar: due.calendar,
    }
}

/// The first of several things wrong: one answer per line.
fn first(refusals: Vec<Refusal>) -> Result<(), Refusal> {
    refusals.into_iter().next().map_or(Ok(()), Err)
}

fn check_people(line: &LodgeLine, today: Date) -> Result<(), Refusal> {
    for prefix in ["owner", "submitter"] {
        let value = |key: &str| {
            let name = format!("{prefix}.{key}");
            line.registers.iter().find(|(register, _)| *register == name).map(|(_, value)| value.as_str())
        };
        let party = PartyLine {
            kind: value("kind"),
            name: value("name"),
            id_type: value("id_type"),
            id_no: value("id_no"),
            dob: value("dob"),
            sex: value("sex"),
            phone: value("phone"),
            email: value("email"),
        };
        let is_named = line.registers.iter().any(|(name, _)| name.strip_prefix(prefix).is_some());
        if is_named {
            first(check_party(party, prefix, today).refusals)?;
        }
    }
    Ok(())
}

fn paper_line(paper: &Paper) -> PaperLine<'_> {
    use crate::directory::procedure::PaperKind as Asked;
    PaperLine {
        component: paper.component.as_deref(),
        kind: match paper.kind {
            PaperKind::Original => Asked::Original,
            PaperKind::Copy => Asked::Copy,
            PaperKind::Electronic => Asked::Electronic,
            PaperKind::Shown => Asked::Shown,
        },
        copies: paper.copies,
        pages: paper.pages,
    }
}
