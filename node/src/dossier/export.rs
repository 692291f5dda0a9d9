//! A dossier's state as JSON, in one canonical order and form: equal replicas give equal bytes.
//!
//! Look-up codes, an office's own notes and anything only one machine knows stay out.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::clock::rfc3339;
use crate::dossier::act::Act;
use crate::dossier::act::ActId;
use crate::dossier::act::Body;
use crate::dossier::act::Due;
use crate::dossier::act::Payment;
use crate::dossier::act::Reason;
use crate::dossier::act::Receive;
use crate::dossier::act::SupplementItem;
use crate::dossier::custody::Custody;
use crate::dossier::fold::JudgedAct;
use crate::dossier::fold::State;
use crate::dossier::paper::Paper;
use sync_protocol::time::Millis;

/// The export's form. A reader checks it first.
pub const EXPORT_VERSION: u32 = 1;

/// One dossier whole. `null` stands where a fact is not known here.
#[must_use]
pub fn export(state: &State) -> Value {
    let process = &state.process;
    let receive = state.receive.as_ref();
    json!({
        "v": EXPORT_VERSION,
        "number": receive.map(|receive| &receive.number),
        "heads": state.heads.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "is_computable": state.is_computable,
        "procedure": receive.map(|receive| receive.procedure.as_str()),
        "procedure_name": receive.map(|receive| &receive.procedure_name),
        "receiving": state.receiving.as_ref().map(ToString::to_string),
        "competent": process.competent.as_ref().map(ToString::to_string),
        "return_at": process.return_at.as_ref().map(ToString::to_string),
        "received_at": time(state.received_at),
        "status": process.status,
        "local": process.local,
        "custody": custody(&process.custody),
        "generation": process.generation,
        "due": process.due.as_ref().map(due),
        "step": process.step,
        "assignee": process.assignee,
        "is_signed": process.is_signed,
        "paused_at": time(process.paused_at),
        "finished_at": time(process.finished_at),
        "returned_at": time(process.returned_at),
        "parties": process.parties.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "contested": ids(&process.contested),
        "review": ids(&state.review),
        "fields": fields(state),
        "papers": state.papers.iter().map(|(key, paper)| paper_json(key, paper)).collect::<Vec<_>>(),
        "acts": state.acts.iter().map(judged).collect::<Vec<_>>(),
        "slips": [],
    })
}

/// Where a dossier is.
#[must_use]
pub fn custody(custody: &Custody) -> Value {
    match custody {
        Custody::Held { seat } => json!({"kind": custody.name(), "holder": seat.as_str()}),
        Custody::InTransit { from, to } => {
            json!({"kind": custody.name(), "from": from.as_str(), "to": to.as_str()})
        }
        Custody::Outside { agency, by } => {
            json!({"kind": custody.name(), "agency": agency.as_str(), "by": by.as_str()})
        }
        Custody::ToReturn { place } => json!({"kind": custody.name(), "place": place.as_str()}),
        Custody::Closed => json!({"kind": custody.name()}),
    }
}

/// Every value of every field, each with the act that wrote it.
fn fields(state: &State) -> Value {
    state
        .fields
        .iter()
        .map(|(name, values)| {
            let values: Vec<Value> = values
                .iter()
                .map(|value| json!({"value": value.value, "act": value.by.to_string()}))
                .collect();
            (name.clone(), Value::Array(values))
        })
        .collect::<Map<_, _>>()
        .into()
}

fn paper_json(key: &str, paper: &Paper) -> Value {
    json!({
        "key": key,
        "name": paper.name,
        "component": paper.component,
        "kind": paper.kind.name(),
        "copies": paper.copies,
        "pages": paper.pages,
        "hash": paper.hash.map(|hash| hash.to_string()),
        "size_bytes": paper.size_bytes,
    })
}

/// An act with how it counts.
#[must_use]
pub fn judged(act: &JudgedAct) -> Value {
    let mut out = Map::new();
    out.insert("id".to_owned(), act.id.to_string().into());
    out.insert(
        "act".to_owned(),
        act.act
            .kind()
            .map_or_else(|| format!("unknown-{}", act.act.body.code()), |kind| kind.name().to_owned())
            .into(),
    );
    out.insert("standing".to_owned(), act.standing.name().into());
    out.insert("reason".to_owned(), act.standing.reason().into());
    out.insert("is_effective".to_owned(), act.is_effective.into());
    out.insert("recorded_at".to_owned(), rfc3339(act.recorded_at).into());
    common(&act.act, &mut out);
    if let Value::Object(body) = body_json(&act.act.body) {
        out.extend(body);
    }
    Value::Object(out)
}

fn common(act: &Act, out: &mut Map<String, Value>) {
    let evidence = act.evidence.as_ref().map(|evidence| {
        json!({
            "kind": evidence.kind,
            "ref": evidence.reference,
            "hash": evidence.hash.map(|hash| hash.to_string()),
        })
    });
    let facts = [
        ("seat", Value::from(act.seat.as_str())),
        ("officer", format!("{}/{}", act.seat, act.officer).into()),
        ("role", act.role.clone().into()),
        ("generation", act.generation.into()),
        ("occurred_at", time(act.occurred_at)),
        ("evidence", evidence.into()),
        ("note", act.note.clone().into()),
        ("approved_by", act.approved_by.clone().into()),
        ("attestation", attestation(act).into()),
        ("historic", act.historic.into()),
        ("directory_version", act.directory.version.into()),
        ("cause", act.cause.map(|cause| cause.to_string()).into()),
    ];
    out.extend(facts.into_iter().map(|(name, value)| (name.to_owned(), value)));
}

const fn attestation(act: &Act) -> &'static str {
    match act.attestation {
        crate::dossier::act::Attestation::Unattested => "unattested",
        crate::dossier::act::Attestation::SignedIn => "signed_in",
    }
}

/// A due date with how it was computed.
#[must_use]
pub fn due(due: &Due) -> Value {
    json!({
        "at": rfc3339(due.at),
        "starts_at": rfc3339(due.starts_at),
        "amount": due.amount,
        "unit": due.unit,
        "calendar": due.calendar,
    })
}

fn time(at: Option<Millis>) -> Value {
    at.map(rfc3339).into()
}

fn ids(ids: &[ActId]) -> Value {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().into()
}

fn reasons(reasons: &[Reason]) -> Value {
    reasons
        .iter()
        .map(|reason| json!({"what": reason.what, "basis": reason.basis}))
        .collect::<Vec<_>>()
        .into()
}

fn items(items: &[SupplementItem]) -> Value {
    items.iter().map(|item| json!({"what": item.what, "basis": item.basis})).collect::<Vec<_>>().into()
}

fn payment(payment: &Payment) -> Value {
    json!({
        "method": payment.method.name(),
        "payer": payment.payer,
        "waiver": payment.waiver,
        "evidence": payment.evidence,
    })
}

fn receipt(body: &Receive) -> Value {
    json!({
        "number": body.number,
        "request_id": body.request_id,
        "procedure": body.procedure.as_str(),
        "procedure_name": body.procedure_name,
        "case": body.case,
        "competent": body.competent.as_str(),
        "channel": body.channel.name(),
        "return": {"at": body.return_at.as_str(), "how": body.return_how.name()},
        "received_at": time(body.received_at),
        "due": body.due.as_ref().map(due),
        "fee_vnd": body.fee_vnd,
        "payment": body.payment.as_ref().map(payment),
        "sets": body.sets,
        "external_ids": body.external_ids.iter()
            .map(|id| json!({"system": id.system, "number": id.number})).collect::<Vec<_>>(),
        "parent": body.parent,
        "identity_check": body.identity_check,
        "form_set": body.form_set,
        "rule_set": body.rule_set,
        "first_step": body.step,
    })
}

/// What an act carries beyond the common part, in the flat keys of act lines.
#[must_use]
pub fn body_json(body: &Body) -> Value {
    match body {
        Body::Receive(body) => receipt(body),
        Body::RegisterOnline(body) => {
            let mut out = receipt(&body.receive);
            if let Value::Object(map) = &mut out {
                map.insert("portal_id".to_owned(), body.portal_id.clone().into());
            }
            out
        }
        Body::Mark(body) => json!({"acts": ids(&body.acts), "mark": body.mark.name(), "basis": body.basis}),
        Body::AcceptOnline(body) => json!({"due": body.due.as_ref().map(due)}),
        Body::AskBeforeReceipt(body) => {
            json!({"items": items(&body.items), "register_no": body.register_no, "deadline": time(body.deadline)})
        }
        Body::RefuseReceipt(body) => {
            json!({"reasons": reasons(&body.reasons), "register_no": body.register_no})
        }
        Body::Assign(body) => json!({"assignee": body.assignee}),
        Body::MoveStep(body) => {
            json!({"step": body.step, "is_back": body.is_back, "assignee": body.assignee})
        }
        Body::Transfer(body) => {
            json!({"to": body.to.as_str(), "consignment": body.consignment, "reason_text": body.reason})
        }
        Body::TakeOver(body) => json!({"step": body.step}),
        Body::Decline(body) => json!({"reason_text": body.reason}),
        Body::Recall(body) => json!({"reason_text": body.reason}),
        Body::HandOverExternal(body) => {
            json!({"to": body.to.as_str(), "ref_no": body.ref_no, "consignment": body.consignment})
        }
        Body::ReceiveResultExternal(body) => {
            json!({"ref_no": body.ref_no, "signed_on": body.signed_on, "hash": body.hash.map(|hash| hash.to_string())})
        }
        Body::TakeBackExternal(body) => json!({"reason_text": body.reason}),
        Body::Reassign(body) => json!({"to": body.to.as_str(), "basis": body.basis}),
        Body::RequestSupplement(body) => json!({
            "items": items(&body.items),
            "deadline": time(body.deadline),
            "clock": body.clock.name(),
            "register_no": body.register_no,
        }),
        Body::ReceiveSupplement(body) => json!({
            "papers": body.papers,
            "slip": body.slip.map(|slip| slip.to_string()),
            "counts_at": time(body.counts_at),
            "due": body.due.as_ref().map(due),
        }),
        Body::ExpireSupplement(body) => json!({
            "is_refused": body.is_refused,
            "reasons": reasons(&body.reasons),
            "register_no": body.register_no,
        }),
        Body::RequestPayment(body) => {
            json!({"amount_vnd": body.amount_vnd, "what": body.what, "deadline": time(body.deadline)})
        }
        Body::ConfirmPayment(body) => json!({
            "amount_vnd": body.amount_vnd,
            "payment": payment(&body.payment),
            "receipt_no": body.receipt_no,
            "due": body.due.as_ref().map(due),
        }),
        Body::WaiveFee(body) => {
            json!({"amount_vnd": body.amount_vnd, "reasons": reasons(std::slice::from_ref(&body.reason))})
        }
        Body::Refund(body) => {
            json!({"amount_vnd": body.amount_vnd, "reason_text": body.reason, "receipt_no": body.receipt_no})
        }
        Body::CancelReceipt(body) => json!({"receipt_no": body.receipt_no, "reason_text": body.reason}),
        Body::RequestWithdrawal(body) => {
            json!({"paper": body.paper, "slip": body.slip.map(|slip| slip.to_string())})
        }
        Body::AcceptWithdrawal(body) => {
            json!({"request": body.request.map(|id| id.to_string()), "register_no": body.register_no})
        }
        Body::Stop(body) => json!({"reasons": reasons(&body.reasons), "register_no": body.register_no}),
        Body::Resume(body) => json!({"basis": body.basis, "due": body.due.as_ref().map(due)}),
        Body::Extend(body) => json!({
            "due": due(&body.due),
            "old_due_at": time(body.old_due_at),
            "reasons": reasons(&body.reasons),
            "is_late": body.is_late,
            "register_no": body.register_no,
        }),
        Body::SubmitForSignature(body) => {
            json!({"signer": body.signer, "hash": body.hash.map(|hash| hash.to_string())})
        }
        Body::Sign(body) => json!({
            "mode": body.mode.name(),
            "signer": body.signer,
            "ref_no": body.ref_no,
            "signed_on": body.signed_on,
            "hash": body.hash.map(|hash| hash.to_string()),
        }),
        Body::Issue(body) => json!({"register_no": body.register_no}),
        Body::Finish(body) => json!({
            "result": body.result.name(),
            "reasons": reasons(&body.reasons),
            "hash": body.hash.map(|hash| hash.to_string()),
        }),
        Body::ReceiveResult(body) => json!({"consignment": body.consignment}),
        Body::ReturnResult(body) => json!({
            "collector": body.collector,
            "signature_kind": body.signature_kind,
            "is_settled": body.is_settled,
        }),
        Body::SendByPost(body) => json!({"consignment": body.consignment}),
        Body::Note(_) => json!({}),
        Body::AttachPaper(body) => json!({"papers": body.papers}),
        Body::CorrectField(body) => json!({"field": body.field}),
        Body::Attest(body) => json!({"act_id": body.act.to_string(), "what": body.what}),
        Body::Link(body) => json!({"linked": body.number, "relation": body.relation}),
        Body::Rate(body) => json!({"level": body.level}),
        Body::Settle(body) => json!({
            "settles": ids(&body.acts),
            "choice": body.choice.to_string(),
            "field": body.field,
            "basis": body.basis,
        }),
        Body::ReplaceNumber(body) => json!({"replacement": body.number, "reason_text": body.reason}),
        Body::SendPaper(body) => json!({"to": body.to.as_str(), "consignment": body.consignment}),
        Body::ReceivePaper(body) => {
            json!({"from": body.from.as_ref().map(ToString::to_string), "consignment": body.consignment})
        }
        Body::Unknown { code, bytes } => json!({"code": code, "size_bytes": bytes.len()}),
    }
}
