//! Doing an act: a checked line, the dossier's state and the directory become what is written.
//!
//! The table of acts and the dossier's own past decide whether it may be done; the directory gives the legal
//! effects, which the act carries as facts.

use std::collections::BTreeMap;

use sync_protocol::time::Millis;

use crate::clock::civil;
use crate::desk::line::ActLine;
use crate::desk::line::Detail;
use crate::desk::receive::CLOCK_SLACK_MS;
use crate::desk::receive::due_fact;
use crate::directory::Directory;
use crate::directory::agency::Role;
use crate::directory::agency::SeatKind;
use crate::directory::intake::check_fields;
use crate::directory::person::PartyLine;
use crate::directory::person::check_party;
use crate::directory::procedure::Procedure;
use crate::directory::procedure::SupplementClock;
use crate::directory::procedure::TermUnit;
use crate::directory::term::DueDate;
use crate::dossier::act::Assign;
use crate::dossier::act::AttachPaper;
use crate::dossier::act::Body;
use crate::dossier::act::ClockPolicy;
use crate::dossier::act::CorrectField;
use crate::dossier::act::Decline;
use crate::dossier::act::Due;
use crate::dossier::act::Finish;
use crate::dossier::act::FinishResult;
use crate::dossier::act::Issue;
use crate::dossier::act::Kind;
use crate::dossier::act::Mark;
use crate::dossier::act::MoveStep;
use crate::dossier::act::Note;
use crate::dossier::act::PayMethod;
use crate::dossier::act::Recall;
use crate::dossier::act::ReceiveSupplement;
use crate::dossier::act::RequestSupplement;
use crate::dossier::act::ReturnResult;
use crate::dossier::act::Settle;
use crate::dossier::act::Sign;
use crate::dossier::act::SignMode;
use crate::dossier::act::TakeOver;
use crate::dossier::act::Transfer;
use crate::dossier::fold::State;
use crate::dossier::paper::Paper;
use crate::ids::AgencyCode;
use crate::ids::OfficerId;
use crate::refusal::Refusal;

/// What the desk knows when an act is done.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    /// The version in force: offices and officers.
    pub(crate) directory: &'a Directory,
    /// The version the dossier was received under: its procedure and workflow never change under it.
    pub(crate) pinned: &'a Directory,
    pub(crate) state: &'a State,
    pub(crate) now: Millis,
    pub(crate) is_historic: bool,
    /// The keys that papers of this act will get, by their place.
    pub(crate) paper_keys: Vec<String>,
}

/// What an act writes beside itself.
#[derive(Debug)]
pub(crate) struct Doing {
    pub(crate) body: Body,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) papers: Vec<Paper>,
}

impl From<Body> for Doing {
    fn from(body: Body) -> Self {
        Self { body, fields: Vec::new(), papers: Vec::new() }
    }
}

/// Computes what an act carries.
///
/// # Errors
/// The first rule the line breaks; nothing is written.
pub(crate) fn doing(bench: &Bench<'_>, line: &ActLine) -> Result<Doing, Refusal> {
    if line.occurred_at.is_some_and(|at| at.0 > bench.now.0 + CLOCK_SLACK_MS) {
        return Err(Refusal::of_field("desk-future", "occurred_at"));
    }
    let today = civil(bench.now).ok_or_else(|| Refusal::new("desk-future"))?.date();
    let day = line.occurred_at.filter(|_| bench.is_historic).and_then(civil).map_or(today, |at| at.date());
    let seat = &line.officer.seat;
    let directory = bench.directory;
    directory.officer_to_act(&line.officer, seat, day)?;
    let detail = &line.detail;
    Ok(match line.kind {
        Kind::Assign => {
            let assignee =
                detail.assignee.as_ref().ok_or_else(|| Refusal::of_field("line-missing", "assignee"))?;
            directory.officer_named(assignee, seat, day, "assignee")?;
            Body::from(Assign { assignee: assignee.to_string() }).into()
        }
        Kind::MoveStep => Body::from(move_step(bench, detail, seat, day)?).into(),
        Kind::Transfer => {
            let to = detail.to.clone().ok_or_else(|| Refusal::of_field("line-missing", "to"))?;
            check_transfer(directory, &to, day)?;
            Body::from(Transfer {
                to,
                consignment: detail.consignment.clone(),
                reason: detail.reason.clone(),
            })
            .into()
        }
        Kind::TakeOver => {
            let procedure = pinned_procedure(bench);
            let step = procedure.and_then(|procedure| bench.pinned.first_step(procedure));
            Body::from(TakeOver { step: step.map(|step| step.code.clone()) }).into()
        }
        Kind::Decline => {
            let reason = detail.reason.clone().ok_or_else(|| Refusal::of_field("line-missing", "reason"))?;
            Body::from(Decline { reason }).into()
        }
        Kind::Recall => Body::from(Recall { reason: detail.reason.clone() }).into(),
        Kind::RequestSupplement => {
            check_approval(directory, line, day)?;
            let asked_at = line.occurred_at.filter(|_| bench.is_historic).unwrap_or(bench.now);
            if detail.deadline.is_some_and(|deadline| deadline <= asked_at) {
                return Err(Refusal::of_field("desk-deadline-past", "deadline"));
            }
            Body::from(RequestSupplement {
                items: detail.items.clone(),
                deadline: detail.deadline,
                clock: clock_policy(bench, day),
                register_no: None,
            })
            .into()
        }
        Kind::ReceiveSupplement => {
            let counts_at = line.occurred_at.filter(|_| bench.is_historic).unwrap_or(bench.now);
            Doing {
                body: Body::from(ReceiveSupplement {
                    papers: bench.paper_keys.clone(),
                    slip: None,
                    counts_at: None,
                    due: due_after_supplement(bench, counts_at)?,
                }),
                fields: Vec::new(),
                papers: detail.papers.clone(),
            }
        }
        Kind::Sign => {
            let signer = detail.signer.as_ref().unwrap_or(&line.officer);
            directory.officer_named(signer, seat, day, "signer")?;
            // Dates are written so that they compare as text.
            if detail.signed_on.as_ref().is_some_and(|signed_on| *signed_on > today.to_string()) {
                return Err(Refusal::of_field("desk-future", "signed_on"));
            }
            Body::from(Sign {
                mode: detail.mode.unwrap_or(SignMode::Paper),
                signer: signer.to_string(),
                ref_no: detail.ref_no.clone(),
                signed_on: detail.signed_on.clone(),
                hash: detail.hash,
            })
            .into()
        }
        Kind::Issue => Body::from(Issue { register_no: detail.register_no.clone() }).into(),
        Kind::Finish => Body::from(Finish {
            result: detail.result.unwrap_or(FinishResult::Granted),
            reasons: detail.reasons.clone(),
            hash: detail.hash,
        })
        .into(),
        Kind::ReturnResult => Body::from(ReturnResult {
            collector: detail.collector.clone(),
            signature_kind: None,
            is_settled: is_settled(bench.state),
        })
        .into(),
        Kind::Note => Body::from(Note {}).into(),
        Kind::AttachPaper => Doing {
            body: Body::from(AttachPaper { papers: bench.paper_keys.clone() }),
            fields: Vec::new(),
            papers: detail.papers.clone(),
        },
        Kind::CorrectField => correct_field(bench, detail, today)?,
        Kind::Settle => {
            let choice = detail.choice.filter(|choice| detail.acts.contains(choice));
            let choice = choice.ok_or_else(|| Refusal::of_field("desk-choice-missing", "choice"))?;
            let (acts, field, basis) = (detail.acts.clone(), detail.field.clone(), detail.basis.clone());
            Body::from(Settle { acts, choice, field, basis }).into()
        }
        Kind::Mark => {
            let mark = detail.mark.ok_or_else(|| Refusal::of_field("line-missing", "mark"))?;
            let basis = detail.basis.clone().ok_or_else(|| Refusal::of_field("line-missing", "basis"))?;
            Body::from(Mark { acts: detail.acts.clone(), mark, basis }).into()
        }
        Kind::Receive
        | Kind::RegisterOnline
        | Kind::AcceptOnline
        | Kind::AskBeforeReceipt
        | Kind::RefuseReceipt
        | Kind::HandOverExternal
        | Kind::ReceiveResultExternal
        | Kind::TakeBackExternal
        | Kind::Reassign
        | Kind::ExpireSupplement
        | Kind::RequestPayment
        | Kind::ConfirmPayment
        | Kind::WaiveFee
        | Kind::Refund
        | Kind::CancelReceipt
        | Kind::RequestWithdrawal
        | Kind::AcceptWithdrawal
        | Kind::Stop
        | Kind::Resume
        | Kind::Extend
        | Kind::SubmitForSignature
        | Kind::ReceiveResult
        | Kind::SendByPost
        | Kind::Attest
        | Kind::Link
        | Kind::Rate
        | Kind::ReplaceNumber
        | Kind::SendPaper
        | Kind::ReceivePaper => {
            return Err(Refusal::of_field("not-in-this-version", "act").with("what", line.kind.name()));
        }
    })
}

/// The procedure version the dossier was received under.
fn pinned_procedure<'a>(bench: &Bench<'a>) -> Option<&'a Procedure> {
    let receive = bench.state.receive.as_ref()?;
    let day = civil(bench.state.received_at?)?.date();
    bench.pinned.procedure(&receive.procedure, day)
}

fn move_step(
    bench: &Bench<'_>,
    detail: &Detail,
    seat: &AgencyCode,
    day: jiff::civil::Date,
) -> Result<MoveStep, Refusal> {
    if let Some(officer) = &detail.assignee {
        bench.directory.officer_named(officer, seat, day, "assignee")?;
    }
    let assignee = detail.assignee.as_ref().map(ToString::to_string);
    let here = bench.state.process.step.as_deref();
    let workflow = pinned_procedure(bench).and_then(|procedure| bench.pinned.workflow_of(procedure));
    let asked = detail.step.as_deref().unwrap_or("next");
    // Without a workflow, and past its last step, an officer may still record that work went on.
    let step = match (workflow, asked) {
        (None, "next" | "back") => here.unwrap_or_default().to_owned(),
        (Some(workflow), "next") => {
            workflow.next(here).map(|step| step.code.as_str()).or(here).unwrap_or_default().to_owned()
        }
        (Some(workflow), "back") => here
            .and_then(|here| workflow.previous(here))
            .map(|step| step.code.clone())
            .ok_or_else(|| Refusal::of_field("desk-step-unknown", "step"))?,
        (Some(workflow), code) if workflow.step(code).is_some() => code.to_owned(),
        (_, _) => return Err(Refusal::of_field("desk-step-unknown", "step")),
    };
    Ok(MoveStep { step, is_back: asked == "back", assignee })
}

fn check_transfer(directory: &Directory, to: &AgencyCode, day: jiff::civil::Date) -> Result<(), Refusal> {
    match directory.agency_to_use(to, day, "to")?.seat {
        SeatKind::Node | SeatKind::Hosted => Ok(()),
        SeatKind::External => Err(Refusal::of_field("desk-transfer-unknown", "to")),
    }
}

/// A request for supplement is approved by a leader of the office; a leader who asks approves by doing so.
fn check_approval(directory: &Directory, line: &ActLine, day: jiff::civil::Date) -> Result<(), Refusal> {
    let is_leader = |officer: &OfficerId| {
        directory.officer(officer).is_some_and(|officer| officer.has_any(&[Role::Leader, Role::Director]))
    };
    match &line.approved_by {
        None if is_leader(&line.officer) => Ok(()),
        None => Err(Refusal::of_field("desk-approval-missing", "approved_by")),
        Some(approver) => {
            directory.officer_named(approver, &line.officer.seat, day, "approved_by")?;
            if is_leader(approver) {
                Ok(())
            } else {
                Err(Refusal::of_field("desk-approver-no-leader", "approved_by"))
            }
        }
    }
}

fn clock_policy(bench: &Bench<'_>, day: jiff::civil::Date) -> ClockPolicy {
    let received = bench.state.received_at.and_then(civil).map_or(day, |at| at.date());
    let clock = match pinned_procedure(bench) {
        Some(procedure) => bench.pinned.supplement_clock(procedure, received),
        None => bench.pinned.rule_set(received).supplement_clock,
    };
    match clock {
        SupplementClock::Pause => ClockPolicy::Pause,
        SupplementClock::Restart => ClockPolicy::Restart,
    }
}

/// The new due date, by the clock that the open request for supplement named.
fn due_after_supplement(bench: &Bench<'_>, resumed_at: Millis) -> Result<Option<Due>, Refusal> {
    let Some(old) = &bench.state.process.due else { return Ok(None) };
    let Some(paused_at) = bench.state.process.paused_at else { return Ok(Some(old.clone())) };
    let asked = bench.state.acts.iter().rev().find_map(|act| match (&act.act.body, act.is_effective) {
        (Body::RequestSupplement(body), true) => Some(body.clock),
        (_, _) => None,
    });
    let clock = match asked {
        Some(ClockPolicy::Restart) => SupplementClock::Restart,
        Some(ClockPolicy::Pause) | None => SupplementClock::Pause,
    };
    let unit = TermUnit::by_name(&old.unit).ok_or_else(|| Refusal::new("desk-not-computable"))?;
    let before = DueDate {
        at: old.at,
        starts_at: old.starts_at,
        amount: old.amount,
        unit,
        calendar: old.calendar.clone(),
    };
    let due = bench.directory.due_after_supplement(clock, &before, paused_at, resumed_at)?;
    Ok(Some(due_fact(due)))
}

/// Whether nothing is owed: no fee, or it was paid at receipt.
fn is_settled(state: &State) -> bool {
    state.receive.as_ref().is_some_and(|receive| {
        let paid = receive.payment.as_ref().map(|payment| payment.method);
        receive.fee_vnd == 0 || paid.is_some_and(|method| method != PayMethod::None)
    })
}

fn correct_field(bench: &Bench<'_>, detail: &Detail, today: jiff::civil::Date) -> Result<Doing, Refusal> {
    let state = bench.state;
    let field = detail.field.clone().ok_or_else(|| Refusal::of_field("line-missing", "field"))?;
    let value = detail.value.clone().ok_or_else(|| Refusal::of_field("line-missing", "value"))?;
    let procedure = pinned_procedure(bench);
    let is_of_form = field.strip_prefix("fields.").is_some_and(|name| {
        procedure.is_some_and(|procedure| procedure.field(name).is_some())
            || state.fields.contains_key(&field)
    });
    let is_of_person = PERSON_FIELDS
        .iter()
        .any(|name| field.strip_prefix("owner.").or_else(|| field.strip_prefix("submitter.")) == Some(name));
    if field != "summary" && !is_of_form && !is_of_person {
        return Err(Refusal::of_field("desk-field-unknown", "field"));
    }
    if state.fields.get(&field).is_some_and(|values| values.len() == 1) && state.field(&field) == Some(&value)
    {
        return Err(Refusal::of_field("act-field-unchanged", "value"));
    }
    if let Some(wrong) = wrong_value(state, procedure, &field, &value, today) {
        return Err(Refusal { field: Some("value".to_owned()), ..wrong });
    }
    Ok(Doing {
        body: Body::from(CorrectField { field: field.clone() }),
        fields: vec![(field, value)],
        papers: Vec::new(),
    })
}

/// What the directory has against a new value, in the company of the values that stand.
fn wrong_value(
    state: &State,
    procedure: Option<&Procedure>,
    field: &str,
    value: &str,
    today: jiff::civil::Date,
) -> Option<Refusal> {
    let refusals = match field.split_once('.') {
        Some(("fields", name)) => {
            let form = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            procedure.map(|procedure| check_fields(procedure, &form)).unwrap_or_default()
        }
        Some((prefix @ ("owner" | "submitter"), name)) => {
            let stands =
                |key: &str| if key == name { Some(value) } else { state.field(&format!("{prefix}.{key}")) };
            let party = PartyLine {
                kind: stands("kind"),
                name: stands("name"),
                id_type: stands("id_type"),
                id_no: stands("id_no"),
                dob: stands("dob"),
                sex: stands("sex"),
                phone: stands("phone"),
                email: stands("email"),
            };
            check_party(party, prefix, today).refusals
        }
        Some(_) | None => Vec::new(),
    };
    refusals.into_iter().find(|refusal| refusal.field.as_deref() == Some(field))
}

/// What a person's registers are called after `owner.` or `submitter.`.
const PERSON_FIELDS: [&str; 12] = [
    "kind",
    "name",
    "id_type",
    "id_no",
    "dob",
    "sex",
    "phone",
    "email",
    "address.text",
    "address.commune",
    "address.province",
    "authorisation",
];
