//! Reading: one dossier whole, lists, what the export says, and where this office's work stands.

use serde_json::Value;
use serde_json::json;
use sync_protocol::ids::NodeId;

use crate::clock::rfc3339;
use crate::directory::rules::DUPLICATE_DAYS;
use crate::dossier::act::ActId;
use crate::dossier::act::Body;
use crate::dossier::export;
use crate::dossier::fold::State;
use crate::refusal::Refusal;
use crate::store::Role;
use crate::store::StoreError;
use crate::store::View;
use crate::store::dossiers::Delivery;
use crate::store::dossiers::ListFilter;
use crate::store::projection::DossierRow;

/// One dossier whole: everything the export has, and what only this machine knows.
///
/// # Errors
/// There is no dossier of this number here, or the store fails.
pub fn show(view: &View<'_>, role: Role, number: &str) -> Result<Value, StoreError> {
    let unknown = || Refusal::of_field("desk-no-number", "number").with("number", number);
    let rows = view.dossiers_by_number(number)?;
    let row = rows.first().ok_or_else(unknown)?;
    let state = view.state(row.doc)?.ok_or_else(unknown)?;
    let mut shown = export::export(&state);
    if let Value::Object(map) = &mut shown {
        map.insert("id".to_owned(), row.doc.to_string().into());
        map.insert("lookup_code".to_owned(), row.lookup_code.clone().into());
        map.insert("dimensions".to_owned(), dimensions(&state));
        map.insert("ladder".to_owned(), ladder(&state, role, &view.delivery_of(row.doc)?));
        let duplicates = view.possible_duplicates(row, DUPLICATE_DAYS)?;
        map.insert("items".to_owned(), items(&state, rows.len(), &duplicates));
        for act in map.get_mut("acts").and_then(Value::as_array_mut).into_iter().flatten() {
            let id = act["id"].as_str().and_then(|id| id.parse::<ActId>().ok());
            let Some((id, act)) = id.zip(act.as_object_mut()) else { continue };
            let formerly = view.reissued_from(id.change)?.into_iter();
            let formerly: Vec<String> = formerly.map(|change| ActId { change, ..id }.to_string()).collect();
            if !formerly.is_empty() {
                act.insert("formerly".to_owned(), formerly.into());
            }
        }
    }
    Ok(shown)
}

/// The five separate states (domain.md 2.4): they are never mixed in one field.
fn dimensions(state: &State) -> Value {
    let fee = state.receive.as_ref().map_or(0, |receive| receive.fee_vnd);
    let paid = state
        .receive
        .as_ref()
        .and_then(|receive| receive.payment.as_ref())
        .is_some_and(|payment| payment.method != crate::dossier::act::PayMethod::None);
    let money = match (fee, paid) {
        (0, _) => "none_due",
        (_, true) => "paid",
        (_, false) => "unpaid",
    };
    let scanned = state.papers.iter().filter(|(_, paper)| paper.hash.is_some()).count();
    let digitisation = match (state.papers.len(), scanned) {
        (0, _) => "nothing_to_scan",
        (all, some) if all == some => "complete",
        (_, 0) => "waiting",
        (_, _) => "partial",
    };
    let delivery = match state.process.status {
        10 => "returned",
        9 => "waiting_at_return_place",
        _ => "not_yet",
    };
    json!({
        "business": state.process.local,
        "money": money,
        "paper_custody": state.process.custody.holder().map(ToString::to_string),
        "digitisation": digitisation,
        "delivery": delivery,
    })
}

/// How far the dossier has got on its way, in order; the last reached one is its stage.
fn ladder(state: &State, role: Role, delivery: &[Delivery]) -> Value {
    let own: Vec<&Delivery> = delivery.iter().filter(|change| change.is_own).collect();
    let is_at_province = role == Role::Province || own.iter().all(|change| change.is_acked);
    let proof = own.iter().map(|change| change.proof).max().flatten();
    let is_proved = role == Role::Province || own.iter().all(|change| change.proof.is_some());
    let takes = state.acts.iter().filter(|act| act.is_effective && matches!(act.act.body, Body::TakeOver(_)));
    let taken_by: Vec<String> = takes.map(|act| act.act.seat.to_string()).collect();
    let is_crossing = state.process.competent != state.receiving;
    let mut steps = vec![
        json!({"stage": "saved", "reached": true}),
        json!({"stage": "at_province", "reached": is_at_province, "proved": is_proved, "proof": proof}),
    ];
    if is_crossing || !taken_by.is_empty() {
        steps.push(json!({"stage": "taken_over", "reached": !taken_by.is_empty(), "seats": taken_by}));
    }
    steps.push(json!({"stage": "decided", "reached": state.process.finished_at.is_some()}));
    steps.push(json!({"stage": "returned", "reached": state.process.returned_at.is_some()}));
    let stage = steps
        .iter()
        .filter(|step| step["reached"] == true)
        .filter_map(|step| step["stage"].as_str())
        .next_back()
        .unwrap_or("saved")
        .to_owned();
    json!({ "stage": stage, "steps": steps, "unsent_changes": own.iter().filter(|change| !change.is_acked).count() })
}

/// What waits for a person in this dossier.
fn items(state: &State, with_this_number: usize, duplicates: &[String]) -> Value {
    let mut items = Vec::new();
    if !state.process.contested.is_empty() {
        let acts: Vec<String> = state.process.contested.iter().map(ToString::to_string).collect();
        items
            .push(json!({"case": "C8", "kind": "contested_acts", "acts": acts, "settle_by": settler(state)}));
    }
    for (name, values) in state.fields.iter().filter(|(_, values)| values.len() > 1) {
        let values: Vec<Value> =
            values.iter().map(|value| json!({"value": value.value, "act": value.by.to_string()})).collect();
        items.push(json!({"case": "C9", "kind": "contested_field", "field": name, "values": values}));
    }
    if !state.review.is_empty() {
        let acts: Vec<String> = state.review.iter().map(ToString::to_string).collect();
        items.push(json!({"case": "review", "kind": "acts_to_review", "acts": acts}));
    }
    if !duplicates.is_empty() {
        items.push(json!({"case": "C1", "kind": "possible_duplicate", "numbers": duplicates}));
    }
    if with_this_number > 1 {
        items.push(json!({"case": "C6", "kind": "duplicate_number", "dossiers": with_this_number}));
    }
    items.into()
}

fn settler(state: &State) -> Option<String> {
    state.process.custody.holder().or(state.process.competent.as_ref()).map(ToString::to_string)
}

/// One row of a list.
#[must_use]
pub fn row_json(row: &DossierRow) -> Value {
    json!({
        "number": row.number,
        "id": row.doc.to_string(),
        "procedure": row.procedure.as_ref().map(ToString::to_string),
        "owner": row.owner_name,
        "status": row.status,
        "local": row.local,
        "custody": row.custody,
        "holder": row.holder.as_ref().map(ToString::to_string),
        "receiving": row.receiving.as_ref().map(ToString::to_string),
        "competent": row.competent.as_ref().map(ToString::to_string),
        "received_at": row.received_at.map(rfc3339),
        "due_at": row.due_at.map(rfc3339),
        "finished_at": row.finished_at.map(rfc3339),
        "returned_at": row.returned_at.map(rfc3339),
        "needs_person": row.needs_person,
    })
}

/// Lists dossiers, each given to `each` until it answers false. Answers how many match in all.
///
/// # Errors
/// The store fails.
pub fn list(
    view: &View<'_>,
    filter: &ListFilter,
    each: &mut dyn FnMut(&DossierRow) -> bool,
) -> Result<u64, StoreError> {
    let matching = view.count(filter)?;
    let mut left = filter.limit.unwrap_or(usize::MAX);
    let mut page = filter.clone();
    while left > 0 {
        page.limit = Some(left.min(crate::store::dossiers::LIST_ROWS_MAX));
        let rows = view.list(&page)?;
        let Some(last) = rows.last() else { break };
        page.after = last.number.clone().map(|number| (number, last.doc));
        left = left.saturating_sub(rows.len());
        if !rows.iter().all(&mut *each) {
            break;
        }
    }
    Ok(matching)
}

/// Every dossier held here in canonical order and form, each given to `each` until it answers false.
///
/// # Errors
/// The store fails.
pub fn export_all(view: &View<'_>, each: &mut dyn FnMut(Value) -> bool) -> Result<u64, StoreError> {
    const PAGE: usize = 256;
    let mut after = None;
    let mut count = 0;
    loop {
        let page = view.documents_by_number(after.as_ref(), PAGE)?;
        let Some(last) = page.last().cloned() else { return Ok(count) };
        for (_number, doc) in page {
            let Some(state) = view.state(doc)? else { continue };
            count += 1;
            if !each(export::export(&state)) {
                return Ok(count);
            }
        }
        after = Some(last);
    }
}

/// What of this office's work waits, since when, and the last proof, without the line's own state.
///
/// # Errors
/// The store fails.
pub fn status(
    view: &View<'_>,
    machine: NodeId,
    proof_json: &dyn Fn(&crate::store::proofs::StoredProof) -> Value,
) -> Result<Value, StoreError> {
    let unproved = view.unproved()?;
    let needs_person = ListFilter { needs_person: true, ..ListFilter::default() };
    let conditions = view.conditions()?;
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|condition| {
            json!({
                "code": condition.code,
                "subject": condition.subject,
                "since": rfc3339(condition.since),
                "args": condition.args,
            })
        })
        .collect();
    Ok(json!({
        "waiting_changes": unproved.changes,
        "waiting_dossiers": unproved.dossiers,
        "oldest_waiting_at": unproved.oldest_at.map(rfc3339),
        "waiting_scans": 0,
        "last_proof": view.last_proof(machine)?.as_ref().map(proof_json),
        "needs_person": view.count(&needs_person)?,
        "conditions": conditions,
    }))
}
