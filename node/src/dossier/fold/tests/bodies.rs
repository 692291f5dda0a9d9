//! The smallest body of each act that the tests play with.

use crate::dossier::act::*;
use crate::dossier::specimen;
use crate::dossier::specimen::code;

pub(super) fn step(name: &str) -> MoveStep {
    MoveStep { step: name.to_owned(), is_back: false, assignee: None }
}

pub(super) fn assign(officer: &str) -> Assign {
    Assign { assignee: officer.to_owned() }
}

pub(super) fn transfer(to: &str) -> Transfer {
    Transfer { to: code(to), consignment: None, reason: None }
}

pub(super) fn take_over() -> TakeOver {
    TakeOver { step: None }
}

pub(super) fn decline() -> Decline {
    Decline { reason: "Không thuộc thẩm quyền".to_owned() }
}

pub(super) fn recall() -> Recall {
    Recall { reason: None }
}

pub(super) fn reassign(to: &str) -> Reassign {
    Reassign { to: code(to), basis: "Máy mất".to_owned() }
}

pub(super) fn hand_over(to: &str) -> HandOverExternal {
    HandOverExternal { to: code(to), ref_no: None, consignment: None }
}

pub(super) fn external_result() -> ReceiveResultExternal {
    ReceiveResultExternal { ref_no: "8".to_owned(), signed_on: None, hash: None }
}

pub(super) fn take_back() -> TakeBackExternal {
    TakeBackExternal { reason: None }
}

pub(super) fn supplement() -> RequestSupplement {
    RequestSupplement {
        items: vec![SupplementItem { what: "Tờ khai".to_owned(), basis: None }],
        deadline: None,
        clock: ClockPolicy::Pause,
        register_no: None,
    }
}

pub(super) fn supplemented(due: i64) -> ReceiveSupplement {
    ReceiveSupplement { papers: Vec::new(), slip: None, counts_at: None, due: Some(specimen::due(due)) }
}

pub(super) fn expire() -> ExpireSupplement {
    ExpireSupplement { is_refused: false, reasons: Vec::new(), register_no: None }
}

pub(super) fn stop() -> Stop {
    Stop { reasons: Vec::new(), register_no: None }
}

pub(super) fn withdraw() -> AcceptWithdrawal {
    AcceptWithdrawal { request: None, register_no: None }
}

pub(super) fn resume() -> Resume {
    Resume { basis: "Căn cứ thử".to_owned(), due: None }
}

pub(super) fn extend(due: i64) -> Extend {
    Extend {
        due: specimen::due(due),
        old_due_at: None,
        reasons: Vec::new(),
        is_late: false,
        register_no: None,
    }
}

pub(super) fn sign() -> Sign {
    sign_as("1")
}

pub(super) fn sign_as(number: &str) -> Sign {
    Sign {
        mode: SignMode::Paper,
        signer: "H27.101/01".to_owned(),
        ref_no: Some(number.to_owned()),
        signed_on: None,
        hash: None,
    }
}

pub(super) fn issue() -> Issue {
    Issue { register_no: None }
}

pub(super) fn finish() -> Finish {
    Finish { result: FinishResult::Granted, reasons: Vec::new(), hash: None }
}

pub(super) fn refuse() -> Finish {
    Finish { result: FinishResult::Refused, ..finish() }
}

pub(super) fn hand_out() -> ReturnResult {
    ReturnResult { collector: None, signature_kind: None, is_settled: true }
}

pub(super) fn post() -> SendByPost {
    SendByPost { consignment: "VN123".to_owned() }
}

pub(super) fn note() -> Note {
    Note {}
}

pub(super) fn mark(kind: MarkKind, acts: &[ActId]) -> Mark {
    Mark { acts: acts.to_vec(), mark: kind, basis: "thử".to_owned() }
}

pub(super) fn void(act: ActId) -> Mark {
    mark(MarkKind::Void, &[act])
}

pub(super) fn settle(acts: &[ActId], choice: ActId) -> Settle {
    Settle { acts: acts.to_vec(), choice, field: None, basis: None }
}

pub(super) fn settle_field(field: &str, acts: &[ActId], choice: ActId) -> Settle {
    Settle { field: Some(field.to_owned()), ..settle(acts, choice) }
}
