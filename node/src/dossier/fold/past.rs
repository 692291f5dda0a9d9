//! What an act's own causal past says of it: whether the law's table allows it, and what it changes.

use sync_protocol::time::Millis;

use crate::dossier::act::ActId;
use crate::dossier::act::Body;
use crate::dossier::act::Due;
use crate::dossier::act::FileHash;
use crate::dossier::act::FinishResult;
use crate::dossier::act::Kind;
use crate::dossier::act::MarkKind;
use crate::dossier::act::Receive;
use crate::dossier::act::Settle;
use crate::dossier::custody::Custody;
use crate::dossier::fold::Process;
use crate::dossier::fold::judge::Item;
use crate::dossier::fold::judge::Judge;
use crate::dossier::fold::judge::written_by;
use crate::dossier::places::Places;
use crate::dossier::table::Row;
use crate::dossier::table::Who;
use crate::ids::AgencyCode;

/// What an act that holds changes. `None` leaves a part as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Effect {
    pub(super) status: Option<u8>,
    pub(super) custody: Option<Custody>,
    pub(super) local: Option<&'static str>,
    pub(super) generation: Option<u32>,
    /// The generation after it in its author's view, changed or not.
    pub(super) stands_under: u32,
    pub(super) due: Option<Option<Due>>,
    pub(super) step: Option<Option<String>>,
    pub(super) assignee: Option<Option<String>>,
    pub(super) is_signed: Option<bool>,
    pub(super) paused_at: Option<Option<Millis>>,
    pub(super) finished_at: Option<Option<Millis>>,
    pub(super) returned_at: Option<Millis>,
    pub(super) parties: Vec<AgencyCode>,
    pub(super) competent: Option<AgencyCode>,
    pub(super) return_at: Option<AgencyCode>,
    pub(super) transfer: Option<Option<ActId>>,
    /// Status and custody as they stood after the act in its author's view, changed or not.
    pub(super) result: Option<(u8, Custody)>,
    /// Whether it changed them.
    pub(super) has_moved: bool,
    /// The transfer that a take-over, decline or recall answers.
    pub(super) answers: Option<ActId>,
    /// What it decided, signed or numbered: two that differ are two decisions.
    pub(super) decision: Option<Part>,
    /// Whether a paper, money or a result left the office with it.
    pub(super) is_printed: bool,
    /// For a settlement of acts: the act that counts, or the mark that stands.
    pub(super) settled: Option<usize>,
    /// For a settlement of a field: its name, and the act that first wrote the value that counts.
    pub(super) settled_field: Option<(String, usize)>,
    /// For a provincial mark.
    pub(super) mark: Option<(MarkKind, Vec<ActId>)>,
    /// The registers it writes.
    pub(super) written: Vec<String>,
}

/// One part of the state with the value that an act gives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// Status and custody.
    Stands((u8, Custody)),
    Due(Option<Millis>),
    Step(Option<String>),
    Assignee(Option<String>),
    Decided(bool, Option<FileHash>),
    Signed(String, Option<String>, Option<String>, Option<FileHash>),
    Issued(Option<String>),
}

impl Effect {
    /// The effect of an act that changes nothing of the process.
    pub(super) fn of_bystander(item: &Item<'_>) -> Self {
        let is_printed = item.row.is_some_and(|row| row.is_printed);
        let mut effect = Self { is_printed, ..Self::default() };
        if let Body::Mark(body) = &item.act.body {
            effect.mark = Some((body.mark, body.acts.clone()));
        }
        effect
    }

    /// The parts of the state it sets.
    pub(super) fn parts(&self) -> Vec<Part> {
        let stands = self.result.clone().filter(|_| self.has_moved).map(Part::Stands);
        let due = self.due.as_ref().map(|due| Part::Due(due.as_ref().map(|due| due.at)));
        let step = self.step.clone().map(Part::Step);
        let assignee = self.assignee.clone().map(Part::Assignee);
        [stands, due, step, assignee, self.decision.clone()].into_iter().flatten().collect()
    }
}

/// Whether this code is the province itself: level 1, without a second part.
pub(super) fn is_province(seat: &AgencyCode) -> bool {
    !seat.as_str().contains('.')
}

/// Whether an act may be done in sight of acts that exclude each other: notes, papers, what slips bring, and what
/// ends it.
const fn is_allowed_while_contested(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Note
            | Kind::AttachPaper
            | Kind::SendPaper
            | Kind::ReceivePaper
            | Kind::RequestWithdrawal
            | Kind::Reassign
            | Kind::Settle
            | Kind::Mark
    )
}

impl<'h> Judge<'h> {
    /// Judges acts that ask for nothing but to be a party's: no view of the state is needed. `None` for others.
    pub(super) fn legal_by_parties(&self, item: &Item<'h>, row: Row) -> Option<Result<(), &'static str>> {
        if !matches!(
            row.kind,
            Kind::Note | Kind::AttachPaper | Kind::SendPaper | Kind::ReceivePaper | Kind::Mark
        ) {
            return None;
        }
        let seat = &item.act.seat;
        let is_party = || {
            self.joiners(&item.past)
                .members()
                .any(|joiner| self.effect(joiner).is_some_and(|effect| effect.parties.contains(seat)))
        };
        Some(if !self.is_received(&item.past) {
            Err("act-not-received")
        } else if is_province(seat) || (row.who == Who::Party && is_party()) {
            Ok(())
        } else {
            Err(refusal_of(row.who))
        })
    }

    /// Whether the table allows the act in its author's view.
    pub(super) fn legal(&self, item: &Item<'h>, row: Row, view: &Process) -> Result<(), &'static str> {
        let act = item.act;
        let is_new = matches!(row.kind, Kind::Receive | Kind::RegisterOnline);
        if is_new != (view.status == 0) {
            return Err(if is_new { "act-already-received" } else { "act-not-received" });
        }
        may_act(row, &act.seat, view)?;
        if !row.from.is_empty() && !row.from.contains(&view.status) {
            return Err("act-wrong-status");
        }
        if !view.contested.is_empty() && !is_allowed_while_contested(row.kind) {
            return Err("act-contested");
        }
        let is_custody_bound = row.is_state_act && !is_new && row.who != Who::Province;
        if is_custody_bound && act.generation != view.generation {
            return Err("act-wrong-generation");
        }
        if matches!(&act.body, Body::Issue(_)) && !view.is_signed {
            return Err("act-not-signed");
        }
        if matches!(&act.body, Body::Transfer(body) if body.to == act.seat) {
            return Err("act-transfer-to-self");
        }
        if let Body::Settle(body) = &act.body {
            return if body.field.is_some() {
                self.field_settlement(item, body).map(|_| ())
            } else {
                self.settlement(item, body, view).map(|_| ())
            };
        }
        if let Body::CorrectField(body) = &act.body {
            if self.field_values(&body.field, &item.past).len() > 1 {
                return Err("act-field-contested");
            }
            if !item.writes.iter().any(|(name, _)| *name == body.field) {
                return Err("act-field-unchanged");
            }
        }
        Ok(())
    }

    /// The act that a settlement lets count.
    ///
    /// It names one contested act and another one done apart from it, and chooses one of them. Against an act that is
    /// contested by a provincial mark the mark itself may be chosen. An act that an open settlement has chosen
    /// stands for that settlement.
    fn settlement(&self, item: &Item<'h>, body: &Settle, view: &Process) -> Result<usize, &'static str> {
        if !body.acts.contains(&body.choice) {
            return Err("act-settle-unknown");
        }
        let mut named = Places::default();
        let mut choice = None;
        for id in &body.acts {
            let place =
                self.place_of(*id).filter(|place| item.past.has(*place)).ok_or("act-settle-unknown")?;
            let side = self.side_of(place, view);
            if *id == body.choice {
                choice = side.or_else(|| self.standing_mark(place, &item.past, view));
            }
            if let Some(side) = side {
                named.add(side);
            }
        }
        let choice = choice.ok_or("act-settle-nothing")?;
        let contested: Places = view.contested.iter().filter_map(|id| self.place_of(*id)).collect();
        if self.effect(choice).is_some_and(|effect| effect.mark.is_some()) {
            return if named.is_empty() { Err("act-settle-nothing") } else { Ok(choice) };
        }
        let has_other_side =
            self.apart(choice, &contested).is_empty() || !self.apart(choice, &named).is_empty();
        if has_other_side { Ok(choice) } else { Err("act-settle-nothing") }
    }

    /// The contested act that a named one stands for: itself, or the open settlement that chose it.
    fn side_of(&self, place: usize, view: &Process) -> Option<usize> {
        let id = self.id(place)?;
        if view.contested.contains(&id) {
            return Some(place);
        }
        view.contested
            .iter()
            .filter_map(|id| self.place_of(*id))
            .find(|open| self.effect(*open).is_some_and(|effect| effect.settled == Some(place)))
    }

    /// The place itself when it is a void mark that makes an act contested.
    fn standing_mark(&self, place: usize, past: &Places, view: &Process) -> Option<usize> {
        let is_open = |target: usize| self.id(target).is_some_and(|id| view.contested.contains(&id));
        self.voided(past)
            .into_iter()
            .any(|(target, marks)| marks.has(place) && is_open(target))
            .then_some(place)
    }

    /// The act that first wrote the value that a settlement of a field lets count.
    fn field_settlement(&self, item: &Item<'h>, body: &Settle) -> Result<(String, usize), &'static str> {
        let name = body.field.as_deref().unwrap_or_default();
        let is_seen = |id: &ActId| self.place_of(*id).is_some_and(|place| item.past.has(place));
        if !body.acts.contains(&body.choice) || !body.acts.iter().all(is_seen) {
            return Err("act-settle-unknown");
        }
        let open = self.field_values(name, &item.past);
        let names_all = open.iter().all(|value| body.acts.contains(&value.by));
        let chosen =
            open.iter().find(|value| value.by == body.choice).and_then(|value| self.place_of(value.by));
        match chosen {
            Some(chosen) if names_all && open.len() > 1 => Ok((name.to_owned(), self.original_write(chosen))),
            Some(_) | None => Err("act-settle-nothing"),
        }
    }

    /// What an act that holds changes.
    pub(super) fn effect_of(&self, item: &Item<'h>, row: Row, view: &Process) -> Effect {
        let act = item.act;
        let seat = act.seat.clone();
        let counts_at =
            if act.historic { act.occurred_at.unwrap_or(item.recorded_at) } else { item.recorded_at };
        let mut effect =
            Effect { written: written_by(item), stands_under: view.generation, ..Effect::of_bystander(item) };
        let mut custody = view.custody.clone();
        let mut status = row.to.unwrap_or(view.status);
        match &act.body {
            Body::Receive(body) => {
                receipt(body, &seat, &mut effect);
                custody = Custody::Held { seat };
                effect.local = Some("DA_TIEP_NHAN");
            }
            Body::RegisterOnline(body) => {
                receipt(&body.receive, &seat, &mut effect);
                custody = Custody::Held { seat: body.receive.competent.clone() };
                effect.local = Some("CHO_TIEP_NHAN");
            }
            Body::AcceptOnline(body) => {
                effect.due = Some(body.due.clone());
                effect.local = Some("DA_TIEP_NHAN");
            }
            Body::AskBeforeReceipt(_) => {
                effect.local = Some("CHO_BO_SUNG");
                effect.paused_at = Some(Some(counts_at));
            }
            Body::RefuseReceipt(_) => {
                custody = Custody::Closed;
                effect.local = Some("TU_CHOI");
                effect.finished_at = Some(Some(counts_at));
            }
            Body::Assign(body) => {
                effect.assignee = Some(Some(body.assignee.clone()));
                effect.local = Some("DANG_THU_LY");
            }
            Body::MoveStep(body) => {
                effect.step = Some(Some(body.step.clone()).filter(|step| !step.is_empty()));
                if body.assignee.is_some() {
                    effect.assignee = Some(body.assignee.clone());
                }
                effect.local = Some("DANG_THU_LY");
            }
            Body::Transfer(body) => {
                custody = Custody::InTransit { from: seat, to: body.to.clone() };
                effect.parties.push(body.to.clone());
                effect.transfer = Some(Some(item.id));
                effect.local = Some("CHUYEN_LIEN_THONG");
            }
            Body::TakeOver(body) => {
                custody = Custody::Held { seat };
                effect.answers = view.transfer;
                effect.local = Some("CHO_PHAN_CONG");
                effect.assignee = Some(None);
                effect.step = Some(body.step.clone());
            }
            Body::Decline(_) | Body::Recall(_) => {
                if let Custody::InTransit { from, .. } = &view.custody {
                    custody = Custody::Held { seat: from.clone() };
                }
                effect.answers = view.transfer;
                effect.local = Some("DANG_THU_LY");
            }
            Body::HandOverExternal(body) => {
                custody = Custody::Outside { agency: body.to.clone(), by: seat };
                effect.local = Some("CHUYEN_LIEN_THONG");
            }
            Body::ReceiveResultExternal(_) | Body::TakeBackExternal(_) => {
                custody = Custody::Held { seat };
                effect.local = Some("DANG_THU_LY");
            }
            Body::Reassign(body) => {
                effect.parties.push(body.to.clone());
                // The status is kept, so the one who goes on is the one the status asks for.
                custody = match &view.custody {
                    Custody::ToReturn { .. } => {
                        effect.return_at = Some(body.to.clone());
                        Custody::ToReturn { place: body.to.clone() }
                    }
                    Custody::Closed => {
                        effect.competent = Some(body.to.clone());
                        Custody::Closed
                    }
                    Custody::Held { .. } | Custody::InTransit { .. } | Custody::Outside { .. } => {
                        Custody::Held { seat: body.to.clone() }
                    }
                };
            }
            Body::RequestSupplement(_) => {
                effect.paused_at = Some(Some(counts_at));
                effect.local = Some("CHO_BO_SUNG");
            }
            Body::ReceiveSupplement(body) => {
                effect.due = Some(body.due.clone());
                effect.paused_at = Some(None);
                effect.local = Some("DANG_THU_LY");
            }
            Body::ExpireSupplement(body) => {
                status = if body.is_refused { 3 } else { 8 };
                custody = Custody::Closed;
                effect.paused_at = Some(None);
                effect.finished_at = Some(Some(counts_at));
                effect.local = Some(if body.is_refused { "TU_CHOI" } else { "DA_DUNG" });
            }
            Body::RequestPayment(_) => {
                effect.paused_at = Some(Some(counts_at));
                effect.local = Some("CHO_NOP_PHI");
            }
            Body::ConfirmPayment(_) if view.status != 6 => return effect,
            Body::ConfirmPayment(body) => {
                status = 4;
                effect.due = Some(body.due.clone());
                effect.paused_at = Some(None);
                effect.local = Some("DANG_THU_LY");
            }
            Body::AcceptWithdrawal(_) => {
                custody = Custody::Closed;
                effect.finished_at = Some(Some(counts_at));
                effect.local = Some("DA_RUT");
            }
            Body::Stop(_) => {
                custody = Custody::Closed;
                effect.finished_at = Some(Some(counts_at));
                effect.local = Some("DA_DUNG");
            }
            Body::Resume(body) => {
                custody = Custody::Held { seat };
                effect.due = Some(body.due.clone());
                effect.finished_at = Some(None);
                effect.local = Some("DANG_THU_LY");
            }
            Body::Extend(body) => {
                effect.due = Some(Some(body.due.clone()));
                return effect;
            }
            Body::SubmitForSignature(_) => effect.local = Some("CHO_KY"),
            Body::Sign(body) => {
                effect.is_signed = Some(true);
                effect.local = Some("CHO_BAN_HANH");
                effect.decision = Some(Part::Signed(
                    body.signer.clone(),
                    body.ref_no.clone(),
                    body.signed_on.clone(),
                    body.hash,
                ));
            }
            Body::Issue(body) => {
                effect.local = Some("DA_BAN_HANH");
                effect.decision = Some(Part::Issued(body.register_no.clone()));
            }
            Body::Finish(body) => {
                let place = view.return_at.clone().unwrap_or(seat);
                custody = Custody::ToReturn { place };
                effect.finished_at = Some(Some(counts_at));
                effect.local = Some("CO_KET_QUA");
                effect.decision = Some(Part::Decided(body.result == FinishResult::Granted, body.hash));
                // Mẫu 03 or a letter went out.
                effect.is_printed |= body.result == FinishResult::Refused;
            }
            Body::ReturnResult(_) => {
                custody = Custody::Closed;
                effect.returned_at = Some(counts_at);
                effect.local = Some("DA_TRA");
            }
            Body::SendByPost(_) => effect.local = Some("CHUYEN_BCCI"),
            Body::Settle(body) => {
                if body.field.is_some() {
                    effect.settled_field = self.field_settlement(item, body).ok();
                } else {
                    effect.settled = self.settlement(item, body, view).ok();
                    effect.stands_under = self.generation_after(body, view);
                    effect.generation = Some(effect.stands_under);
                }
                return effect;
            }
            Body::Mark(_)
            | Body::WaiveFee(_)
            | Body::Refund(_)
            | Body::CancelReceipt(_)
            | Body::RequestWithdrawal(_)
            | Body::ReceiveResult(_)
            | Body::Note(_)
            | Body::AttachPaper(_)
            | Body::CorrectField(_)
            | Body::Attest(_)
            | Body::Link(_)
            | Body::Rate(_)
            | Body::ReplaceNumber(_)
            | Body::SendPaper(_)
            | Body::ReceivePaper(_)
            | Body::Unknown { .. } => return effect,
        }
        let is_custody_act = custody != view.custody || row.kind == Kind::Reassign;
        if is_custody_act {
            effect.stands_under = view.generation.saturating_add(1);
            effect.generation = Some(effect.stands_under);
            effect.custody = Some(custody.clone());
            if effect.transfer.is_none() {
                effect.transfer = Some(None);
            }
        }
        effect.has_moved = is_custody_act || status != view.status;
        // A reassignment keeps the status, whatever it turns out to be.
        if effect.has_moved && row.kind != Kind::Reassign {
            effect.status = Some(status);
        }
        effect.result = Some((status, custody));
        effect
    }

    /// `settle` = the highest generation it names, plus one. What an act claims beyond its past does not count.
    fn generation_after(&self, body: &Settle, view: &Process) -> u32 {
        let named = body
            .acts
            .iter()
            .filter_map(|id| self.place_of(*id))
            .filter(|place| self.binding.has(*place))
            .filter_map(|place| self.effect(place).map(|effect| effect.stands_under))
            .max()
            .unwrap_or(0);
        named.max(view.generation).saturating_add(1)
    }
}

fn receipt(body: &Receive, seat: &AgencyCode, effect: &mut Effect) {
    effect.due = Some(body.due.clone());
    effect.step = Some(body.step.clone());
    effect.competent = Some(body.competent.clone());
    effect.return_at = Some(body.return_at.clone());
    effect.parties = vec![seat.clone(), body.competent.clone(), body.return_at.clone()];
}

/// Whether the seat is the one the table names. The code says why not.
fn may_act(row: Row, seat: &AgencyCode, view: &Process) -> Result<(), &'static str> {
    let may = match row.who {
        Who::Receiver => true,
        Who::Holder => matches!(&view.custody, Custody::Held { seat: holder } if holder == seat),
        Who::TransferTarget => matches!(&view.custody, Custody::InTransit { to, .. } if to == seat),
        Who::TransferSender => matches!(&view.custody, Custody::InTransit { from, .. } if from == seat),
        Who::ExternalSender => matches!(&view.custody, Custody::Outside { by, .. } if by == seat),
        Who::ReturnPlace => matches!(&view.custody, Custody::ToReturn { place } if place == seat),
        Who::Competent => view.competent.as_ref() == Some(seat),
        Who::Party => view.parties.contains(seat) || is_province(seat),
        Who::Province => is_province(seat),
        Who::HolderOrProvince => {
            view.custody.holder().or(view.competent.as_ref()) == Some(seat) || is_province(seat)
        }
    };
    if may { Ok(()) } else { Err(refusal_of(row.who)) }
}

const fn refusal_of(who: Who) -> &'static str {
    match who {
        Who::Receiver | Who::Holder => "act-not-holder",
        Who::TransferTarget => "act-not-transferred-here",
        Who::TransferSender => "act-not-sent-from-here",
        Who::ExternalSender => "act-not-outside",
        Who::ReturnPlace => "act-not-to-return-here",
        Who::Competent => "act-not-competent",
        Who::Party => "act-not-party",
        Who::Province => "act-province-only",
        Who::HolderOrProvince => "act-not-settler",
    }
}
