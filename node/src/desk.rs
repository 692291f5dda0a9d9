//! What a person can do: every page, line and command passes through here, so that nothing skips the rules.
//!
//! Each request is decided inside one commit of the store: load the dossier, ask the table of acts, compute the
//! legal effects from the directory, write. What is refused writes nothing.

mod act;
pub mod find;
pub mod line;
mod receive;
pub mod shelf;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use jiff::civil::Date;
use serde_json::Value;
use serde_json::json;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::time::Millis;

use crate::clock::Clock;
use crate::clock::civil;
use crate::clock::rfc3339;
use crate::desk::act::Bench;
use crate::desk::act::doing;
use crate::desk::line::ActLine;
use crate::desk::line::LodgeLine;
use crate::desk::line::act_line;
use crate::desk::line::lodge_line;
use crate::desk::receive::Intake;
use crate::desk::receive::receiving;
use crate::desk::shelf::Held;
use crate::desk::shelf::Shelf;
use crate::directory::agency::SeatKind;
use crate::dossier::act::Act;
use crate::dossier::act::ActId;
use crate::dossier::act::Anchor;
use crate::dossier::act::Attestation;
use crate::dossier::act::Body;
use crate::dossier::act::Mark;
use crate::dossier::act::MarkKind;
use crate::dossier::document::Document;
use crate::dossier::document::Writing;
use crate::dossier::export;
use crate::dossier::fold::State;
use crate::dossier::fold::fold;
use crate::dossier::fold::may_do;
use crate::dossier::number::Series;
use crate::dossier::number::compose;
use crate::ids::AgencyCode;
use crate::ids::OfficerId;
use crate::refusal::Refusal;
use crate::store::Role;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::Ticket;
use crate::store::WriteTx;
use crate::store::projection;
use crate::store::projection::DossierRow;
use crate::store::quarantine::Decision;

/// Where officers of this machine's seats do their work.
#[derive(Clone, Debug)]
pub struct Desk {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    shelf: Arc<Shelf>,
    anchor: Arc<Mutex<Option<HeardTime>>>,
}

/// The province's last signed time, with this machine's monotonic time when it came.
#[derive(Clone, Copy, Debug)]
struct HeardTime {
    at: Millis,
    heard_ms: u64,
}

/// The answer to one line, once it is durable.
#[derive(Debug)]
pub struct Answer(Result<Ticket<Value>, Refusal>);

impl Answer {
    /// An answer that was clear before anything was decided.
    #[must_use]
    pub const fn refused(refusal: Refusal) -> Self {
        Self(Err(refusal))
    }

    /// Waits for the commit.
    ///
    /// # Errors
    /// [`StoreError::Refused`] concerns this line only; anything else concerns the machine.
    pub fn wait(self) -> Result<Value, StoreError> {
        self.0?.wait()
    }
}

impl Desk {
    /// The desk over an open store.
    #[must_use]
    pub fn new(store: Arc<Store>, shelf: Arc<Shelf>) -> Self {
        let clock = Arc::clone(store.clock());
        Self { store, clock, shelf, anchor: Arc::new(Mutex::new(None)) }
    }

    /// Notes a time that the province signed; later acts carry it.
    pub fn hear_time(&self, at: Millis) {
        let heard = HeardTime { at, heard_ms: self.clock.monotonic_ms() };
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
    }

    /// The seats whose officers work on this machine: its own, or at the province the hosted ones and the province's.
    #[must_use]
    pub fn seats(&self, held: &Held) -> BTreeSet<AgencyCode> {
        let own = self.store.identity().seat.clone();
        let hosted = held.directory.agencies().filter(|agency| agency.seat == SeatKind::Hosted);
        match self.store.identity().role {
            Role::Commune => BTreeSet::from([own]),
            Role::Province => hosted.map(|agency| agency.code.clone()).chain([own]).collect(),
        }
    }

    /// Takes in one dossier. Lines may be given one after the other without waiting; they are committed in groups.
    #[must_use]
    pub fn lodge(&self, text: &str, is_historic: bool) -> Answer {
        Answer(lodge_line(text).and_then(|line| {
            let held = self.held_for(&line.officer)?;
            let desk = self.clone();
            Ok(self.store.submit(move |tx| desk.receive(tx, &held, &line, is_historic)))
        }))
    }

    /// Does one act.
    #[must_use]
    pub fn act(&self, text: &str, is_historic: bool) -> Answer {
        Answer(act_line(text).and_then(|line| {
            let held = self.held_for(&line.officer)?;
            let desk = self.clone();
            Ok(self.store.submit(move |tx| desk.do_act(tx, &held, &line, is_historic)))
        }))
    }

    fn held_for(&self, officer: &OfficerId) -> Result<Arc<Held>, Refusal> {
        let held = self.shelf.held()?;
        let seats = self.seats(&held);
        if seats.contains(&officer.seat) {
            return Ok(held);
        }
        let named: Vec<&str> = seats.iter().map(AgencyCode::as_str).collect();
        Err(Refusal::of_field("desk-not-our-seat", "officer").with("seats", named.join(", ")))
    }

    fn receive(
        &self,
        tx: &mut WriteTx<'_>,
        held: &Held,
        line: &LodgeLine,
        is_historic: bool,
    ) -> Result<Value, StoreError> {
        if let Some(request_id) = &line.request_id
            && let Some(row) = tx.dossier_by_request(&line.officer.seat, request_id)?
            && let Some(document) = tx.document(row.doc)?
        {
            return lodged(tx, &row, &fold(document.history()), held);
        }
        let now = tx.now();
        let is_province = self.store.identity().role == Role::Province;
        let intake = Intake { directory: &held.directory, now, is_historic, is_province };
        let mut receiving = receiving(&intake, line)?;
        let day = if line.received_at.is_some() { receiving.day } else { day_for_number(tx, receiving.day)? };
        let number = tx.next_number(day)?;
        let series = Series::parse(&number.series).ok_or_else(|| StoreError::Bug("series".to_owned()))?;
        receiving.body.number = compose(&receiving.body.competent, day, series, number.counter);
        receiving.body.lookup_code = lookup_code(tx.random::<8>()?);
        let doc = DocId::mint(tx.identity().machine, now, tx.random()?);
        let act = self.common(held, &line.officer, 0, is_historic, receiving.body.into());
        let writing =
            Writing { fields: line.registers.clone(), papers: line.papers.clone(), acts: vec![act] };
        let appended = tx.append_change(doc, &mut Document::new(), &writing, now)?;
        tx.audit_row("receive", Some(&line.officer), Some(doc))?;
        let row = projection::row_of(doc, &appended.state);
        lodged(tx, &row, &appended.state, held)
    }

    fn do_act(
        &self,
        tx: &mut WriteTx<'_>,
        held: &Held,
        line: &ActLine,
        is_historic: bool,
    ) -> Result<Value, StoreError> {
        let unknown = || Refusal::of_field("desk-no-number", "number").with("number", &line.number);
        let doc = tx.dossiers_by_number(&line.number)?.first().map(|row| row.doc).ok_or_else(unknown)?;
        let mut document = tx.document(doc)?.ok_or_else(unknown)?;
        let state = fold(document.history());
        if !state.is_computable || tx.awaits_newer_program(doc)? {
            return Err(Refusal::new("desk-not-computable").into());
        }
        let now = tx.now();
        let paper_keys = (0..line.detail.papers.len()).map(|place| document.next_paper_key(place)).collect();
        let version = state.acts.first().map_or(held.reference.version, |act| act.act.directory.version);
        let pinned = self.shelf.version(version)?;
        let pinned = pinned.as_ref().map_or(&held.directory, |pinned| &pinned.directory);
        let bench = Bench { directory: &held.directory, pinned, state: &state, now, is_historic, paper_keys };
        let doing = doing(&bench, line)?;
        let mut act = self.common(held, &line.officer, state.process.generation, is_historic, doing.body);
        act.role.clone_from(&line.role);
        act.occurred_at = line.occurred_at;
        act.evidence.clone_from(&line.evidence);
        act.note.clone_from(&line.note);
        act.approved_by = line.approved_by.as_ref().map(ToString::to_string);
        may_do(document.history(), &state, &act).map_err(|code| refused(code, &state, line))?;
        let writing = Writing { fields: doing.fields, papers: doing.papers, acts: vec![act] };
        let appended = tx.append_change(doc, &mut document, &writing, now)?;
        tx.audit_row(line.kind.name(), Some(&line.officer), Some(doc))?;
        let process = &appended.state.process;
        Ok(json!({
            "number": line.number,
            "act_id": ActId { change: appended.hash, index: 0 }.to_string(),
            "status": process.status,
            "custody": export::custody(&process.custody),
        }))
    }

    /// Applies a quarantined change at the province and marks its acts void, in one commit. Answers the mark's id.
    ///
    /// # Errors
    /// Nothing under this row waits for a decision, or the store fails.
    pub fn void_quarantined(
        &self,
        tx: &mut WriteTx<'_>,
        held: &Held,
        row: i64,
        why: &str,
    ) -> Result<Option<String>, StoreError> {
        let kept = tx.quarantine(None, usize::from(u16::MAX))?;
        let entry = kept.into_iter().find(|entry| entry.id == row);
        let entry = entry.ok_or_else(|| Refusal::new("quarantine-not-found").with("id", row))?;
        tx.decide(row, Decision::Void)?;
        let Some(mut document) = tx.document(entry.doc)? else { return Ok(None) };
        let acts: Vec<ActId> = fold(document.history())
            .acts
            .iter()
            .filter(|act| act.id.change == entry.hash)
            .map(|act| act.id)
            .collect();
        if acts.is_empty() {
            // What it builds on is not here: a mark could not be written beside it.
            return Err(Refusal::new("quarantine-builds-on-missing").with("id", row).into());
        }
        let mark = Mark { acts, mark: MarkKind::Void, basis: why.to_owned() };
        let id = self.mark(tx, held, entry.doc, &mut document, mark)?;
        tx.audit_row("quarantine-void", None, Some(entry.doc))?;
        Ok(Some(id.to_string()))
    }

    /// Marks the acts of these changes of a dossier for review by a person, in one act of the province: they count.
    /// Answers the mark's id, or `None` when the changes did no act.
    ///
    /// # Errors
    /// When the store fails.
    pub fn mark_for_review(
        &self,
        tx: &mut WriteTx<'_>,
        held: &Held,
        doc: DocId,
        changes: &BTreeSet<ChangeHash>,
        basis: &str,
    ) -> Result<Option<ActId>, StoreError> {
        let Some(mut document) = tx.document(doc)? else { return Ok(None) };
        let state = fold(document.history());
        let acts = state.acts.iter().filter(|act| changes.contains(&act.id.change));
        let acts: Vec<ActId> = acts.map(|act| act.id).collect();
        if acts.is_empty() {
            return Ok(None);
        }
        let mark = Mark { acts, mark: MarkKind::Review, basis: basis.to_owned() };
        self.mark(tx, held, doc, &mut document, mark).map(Some)
    }

    /// Writes a provincial mark into a dossier.
    fn mark(
        &self,
        tx: &mut WriteTx<'_>,
        held: &Held,
        doc: DocId,
        document: &mut Document,
        mark: Mark,
    ) -> Result<ActId, StoreError> {
        let officer = OfficerId { seat: self.store.identity().seat.clone(), number: "tinh".to_owned() };
        let act = self.common(held, &officer, 0, false, mark.into());
        let writing = Writing { acts: vec![act], ..Writing::default() };
        let appended = tx.append_change(doc, document, &writing, tx.now())?;
        Ok(ActId { change: appended.hash, index: 0 })
    }

    /// What every act carries.
    fn common(
        &self,
        held: &Held,
        officer: &OfficerId,
        generation: u32,
        is_historic: bool,
        body: Body,
    ) -> Act {
        let up_ms = self.clock.monotonic_ms();
        let heard = *self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        Act {
            seat: officer.seat.clone(),
            officer: officer.number.clone(),
            role: None,
            generation,
            occurred_at: None,
            evidence: None,
            note: None,
            directory: held.reference,
            attestation: Attestation::Unattested,
            up_ms,
            anchor: heard.map(|heard| Anchor { at: heard.at, age_ms: up_ms.saturating_sub(heard.heard_ms) }),
            cause: None,
            historic: is_historic,
            approved_by: None,
            signature: None,
            body,
        }
    }
}

/// A rule of the table, told with what the person needs to know of the dossier.
fn refused(code: &'static str, state: &State, line: &ActLine) -> Refusal {
    let holder = state.process.custody.holder().map_or_else(|| "none".to_owned(), ToString::to_string);
    Refusal::of_field(code, "act")
        .with("act", line.kind.name())
        .with("status", state.process.status)
        .with("holder", holder)
}

/// The answer to a lodged line: the slip's facts, and what may be the same request (domain.md C1).
fn lodged(tx: &WriteTx<'_>, row: &DossierRow, state: &State, held: &Held) -> Result<Value, StoreError> {
    let receive = state.receive.as_ref();
    let written = state.acts.first().map_or(held.reference.version, |act| act.act.directory.version);
    let received_on = state.received_at.and_then(civil).map(|at| at.date());
    let days = received_on.map_or(0, |on| held.directory.rule_set(on).duplicate_days);
    Ok(json!({
        "number": receive.map(|receive| &receive.number),
        "id": row.doc.to_string(),
        "due_at": receive.and_then(|receive| receive.due.as_ref()).map(|due| rfc3339(due.at)),
        "lookup_code": receive.map(|receive| &receive.lookup_code),
        "directory_version": written,
        "fee_vnd": receive.map(|receive| receive.fee_vnd),
        "duplicates": tx.possible_duplicates(row, days)?,
        "request_id": receive.and_then(|receive| receive.request_id.as_ref()),
    }))
}

/// The day a number carries: never before one that was printed already, whatever the clock says now.
fn day_for_number(tx: &mut WriteTx<'_>, today: Date) -> Result<Date, StoreError> {
    const KEY: &str = "desk-number-day";
    let printed = tx
        .meta(KEY)?
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.parse::<Date>().ok())
        .filter(|printed| *printed > today);
    if let Some(printed) = printed {
        return Ok(printed);
    }
    tx.put_meta(KEY, today.to_string().as_bytes())?;
    Ok(today)
}

/// Eight characters of Crockford base 32.
fn lookup_code(random: [u8; 8]) -> String {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    random
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte & 31)))
        .map(|letter| char::from(*letter))
        .collect()
}

#[cfg(test)]
mod tests;
