//! One of each act with every field set, and the smallest ones that tests play with. People and papers are invented.

use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::time::Millis;

use super::act::*;
use super::paper::PAPER_VERSION;
use super::paper::Paper;
use super::paper::PaperKind;
use crate::ids::AgencyCode;

pub(crate) fn code(text: &str) -> AgencyCode {
    text.parse().unwrap()
}

/// The common part, as the command line writes it.
pub(crate) fn plain(seat: &str, generation: u32, body: impl Into<Body>) -> Act {
    Act {
        seat: code(seat),
        officer: "02".to_owned(),
        role: None,
        generation,
        occurred_at: None,
        evidence: None,
        note: None,
        directory: DirectoryRef { version: 1, hash: [0; 8] },
        attestation: Attestation::Unattested,
        up_ms: 0,
        anchor: None,
        cause: None,
        historic: false,
        approved_by: None,
        signature: None,
        body: body.into(),
    }
}

/// The common part with every field set.
pub(crate) fn full(body: Body) -> Act {
    Act {
        seat: code("H27.102"),
        officer: "02".to_owned(),
        role: Some("receiving".to_owned()),
        generation: 7,
        occurred_at: Some(Millis(1_772_400_000_000)),
        evidence: Some(Evidence {
            kind: "register".to_owned(),
            reference: Some("Số 12 ngày 02/03/2026".to_owned()),
            hash: Some(FileHash::Sha256([3; 32])),
        }),
        note: Some("Ghi chú thử".to_owned()),
        directory: DirectoryRef { version: 12, hash: [1, 2, 3, 4, 5, 6, 7, 8] },
        attestation: Attestation::SignedIn,
        up_ms: 123_456,
        anchor: Some(Anchor { at: Millis(1_772_399_000_000), age_ms: 99 }),
        cause: Some(DocId([6; 16])),
        historic: true,
        approved_by: Some("H27.102/01".to_owned()),
        signature: Some(vec![9; 64]),
        body,
    }
}

pub(crate) fn receipt(seat: &str, competent: &str) -> Receive {
    Receive {
        number: format!("{competent}-260302-0690001"),
        request_id: None,
        procedure: "1.001193".parse().unwrap(),
        procedure_name: "Thủ tục thử".to_owned(),
        case: None,
        competent: code(competent),
        channel: Channel::Direct,
        return_at: code(seat),
        return_how: ReturnHow::Counter,
        received_at: None,
        due: None,
        lookup_code: "00000000".to_owned(),
        fee_vnd: 0,
        payment: None,
        sets: 1,
        external_ids: Vec::new(),
        parent: None,
        identity_check: None,
        form_set: "tt-03-2025".to_owned(),
        rule_set: "nd-118-2025".to_owned(),
        step: None,
    }
}

pub(crate) fn due(at: i64) -> Due {
    Due {
        at: Millis(at),
        starts_at: Millis(1_772_400_000_000),
        amount: 3,
        unit: "working_days".to_owned(),
        calendar: "H27-2026".to_owned(),
    }
}

pub(crate) fn paper(name: &str) -> Paper {
    Paper {
        version: PAPER_VERSION,
        name: name.to_owned(),
        component: Some("TK".to_owned()),
        kind: PaperKind::Copy,
        copies: 2,
        pages: Some(3),
        hash: Some(FileHash::Blake3([4; 32])),
        size_bytes: Some(81_234),
    }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn act_id(byte: u8) -> ActId {
    ActId { change: ChangeHash([byte; 32]), index: 1 }
}

fn reasons() -> Vec<Reason> {
    vec![Reason { what: "Lý do thử".to_owned(), basis: text("Điều 5") }]
}

fn items() -> Vec<SupplementItem> {
    vec![SupplementItem { what: "Tờ khai theo mẫu".to_owned(), basis: text("Điều 5") }]
}

fn payment() -> Payment {
    Payment {
        method: PayMethod::VietQr,
        payer: text("citizen"),
        waiver: text("ho-ngheo"),
        evidence: text("Sổ hộ nghèo"),
    }
}

fn full_receipt() -> Receive {
    Receive {
        request_id: text("c7-0001"),
        case: text("dung-han"),
        channel: Channel::Post,
        return_how: ReturnHow::Online,
        received_at: Some(Millis(1_772_300_000_000)),
        due: Some(due(1_772_500_000_000)),
        lookup_code: "0A1B2C3D".to_owned(),
        fee_vnd: 8_000,
        payment: Some(payment()),
        sets: 2,
        external_ids: vec![ExternalId { system: "igate".to_owned(), number: "HS-1".to_owned() }],
        parent: text("H27.101-260302-0690009"),
        identity_check: text("cccd-qr"),
        step: text("B1"),
        ..receipt("H27.102", "H27.101")
    }
}

/// One body of each kind, every field set, in the order of the table.
pub(crate) fn bodies() -> Vec<Body> {
    let (hash, at) = (Some(FileHash::Blake3([5; 32])), Some(Millis(1_772_600_000_000)));
    let (to, slip) = (code("H27.101"), Some(DocId([8; 16])));
    let register_no = text("15/HDHS");
    vec![
        full_receipt().into(),
        Mark {
            acts: vec![act_id(1), act_id(2)], mark: MarkKind::Released, basis: "Căn cứ thử".to_owned()
        }
        .into(),
        RegisterOnline { portal_id: "G09-1".to_owned(), receive: full_receipt() }.into(),
        AcceptOnline { due: Some(due(1)) }.into(),
        AskBeforeReceipt { items: items(), register_no: register_no.clone(), deadline: at }.into(),
        RefuseReceipt { reasons: reasons(), register_no: register_no.clone() }.into(),
        Assign { assignee: "H27.101/04".to_owned() }.into(),
        MoveStep { step: "B3".to_owned(), is_back: true, assignee: text("H27.101/04") }.into(),
        Transfer { to: to.clone(), consignment: text("VN123"), reason: text("Đúng thẩm quyền") }.into(),
        TakeOver { step: text("B1") }.into(),
        Decline { reason: "Không thuộc thẩm quyền".to_owned() }.into(),
        Recall { reason: text("Chuyển nhầm") }.into(),
        HandOverExternal { to: to.clone(), ref_no: text("7"), consignment: text("VN123") }.into(),
        ReceiveResultExternal { ref_no: "8".to_owned(), signed_on: text("2026-03-02"), hash }.into(),
        TakeBackExternal { reason: text("Rút về") }.into(),
        Reassign { to: to.clone(), basis: "Máy mất".to_owned() }.into(),
        RequestSupplement {
            items: items(),
            deadline: at,
            clock: ClockPolicy::Restart,
            register_no: register_no.clone(),
        }
        .into(),
        ReceiveSupplement { papers: vec!["p3".to_owned()], slip, counts_at: at, due: Some(due(2)) }.into(),
        ExpireSupplement { is_refused: true, reasons: reasons(), register_no: register_no.clone() }.into(),
        RequestPayment { amount_vnd: 5_000, what: "Lệ phí".to_owned(), deadline: at }.into(),
        ConfirmPayment {
            amount_vnd: 5_000,
            payment: payment(),
            receipt_no: text("AB/26-1"),
            due: Some(due(3)),
        }
        .into(),
        WaiveFee { amount_vnd: 5_000, reason: reasons().remove(0) }.into(),
        Refund { amount_vnd: 5_000, reason: "Nộp hai lần".to_owned(), receipt_no: text("AB/26-1") }.into(),
        CancelReceipt { receipt_no: "AB/26-1".to_owned(), reason: "Ghi sai".to_owned() }.into(),
        RequestWithdrawal { paper: text("p4"), slip }.into(),
        AcceptWithdrawal { request: Some(act_id(3)), register_no: register_no.clone() }.into(),
        Stop { reasons: reasons(), register_no: register_no.clone() }.into(),
        Resume { basis: "Căn cứ thử".to_owned(), due: Some(due(4)) }.into(),
        Extend {
            due: due(5),
            old_due_at: at,
            reasons: reasons(),
            is_late: true,
            register_no: register_no.clone(),
        }
        .into(),
        SubmitForSignature { signer: text("H27.101/01"), hash }.into(),
        Sign {
            mode: SignMode::Token,
            signer: "H27.101/01".to_owned(),
            ref_no: text("9"),
            signed_on: text("2026-03-02"),
            hash,
        }
        .into(),
        Issue { register_no }.into(),
        Finish { result: FinishResult::Refused, reasons: reasons(), hash }.into(),
        ReceiveResult { consignment: text("VN123") }.into(),
        ReturnResult {
            collector: text("Trần Thị Thử"), signature_kind: text("paper"), is_settled: true
        }
        .into(),
        SendByPost { consignment: "VN123".to_owned() }.into(),
        Note {}.into(),
        AttachPaper { papers: vec!["p5".to_owned()] }.into(),
        CorrectField { field: "owner.name".to_owned() }.into(),
        Attest { act: act_id(4), what: "Thời điểm thật".to_owned() }.into(),
        Link { number: "H27.101-260302-0690002".to_owned(), relation: "correction".to_owned() }.into(),
        Rate { level: 3 }.into(),
        Settle {
            acts: vec![act_id(5), act_id(6)],
            choice: act_id(6),
            field: text("owner.name"),
            basis: text("Căn cứ thử"),
        }
        .into(),
        ReplaceNumber { number: "H27.101-260302-0700001".to_owned(), reason: "Trùng số".to_owned() }.into(),
        SendPaper { to: to.clone(), consignment: text("VN123") }.into(),
        ReceivePaper { from: Some(to), consignment: text("VN123") }.into(),
    ]
}
