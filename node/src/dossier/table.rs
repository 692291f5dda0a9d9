//! The table of acts (domain.md 2.5): one row per act, used by the fold, the desk and `acts --help` alike.

use crate::dossier::act::Kind;

/// Who may do an act, by custody and not by role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The office that creates the dossier.
    Receiver,
    /// The seat that holds it.
    Holder,
    /// The seat a transfer goes to.
    TransferTarget,
    /// The seat a transfer comes from.
    TransferSender,
    /// The seat that handed it to an external agency.
    ExternalSender,
    /// The seat at the return place, while the result waits there.
    ReturnPlace,
    /// The competent seat.
    Competent,
    /// Any seat that is a party.
    Party,
    /// The province alone.
    Province,
    /// The holder, or the province.
    HolderOrProvince,
}

impl Who {
    /// The word in `acts --help --json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receiver => "receiver",
            Self::Holder => "holder",
            Self::TransferTarget => "transfer_target",
            Self::TransferSender => "transfer_sender",
            Self::ExternalSender => "external_sender",
            Self::ReturnPlace => "return_place",
            Self::Competent => "competent",
            Self::Party => "party",
            Self::Province => "province",
            Self::HolderOrProvince => "holder_or_province",
        }
    }
}

/// How an act weighs against another done apart; the larger one counts until a person settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Everything without a rank of its own.
    Rest,
    /// Custody acts other than those below.
    Custody,
    /// take_over.
    TakeOver,
    /// reassign.
    Reassign,
    /// stop, withdrawal, refusal.
    Ending,
    /// sign.
    Sign,
    /// issue.
    Issue,
    /// finish.
    Finish,
    /// send_by_post.
    SendByPost,
    /// return_result.
    ReturnResult,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The act.
    pub kind: Kind,
    /// Row of the law's table, `T1`…`T20`, or `-`.
    pub basis: &'static str,
    /// National statuses it may start from; empty for "any".
    pub from: &'static [u8],
    /// National status it leads to, or `None` when it stays.
    pub to: Option<u8>,
    /// Who may do it.
    pub who: Who,
    /// Whether it acts on the state, which only one seat may do at a time.
    pub is_state_act: bool,
    /// Whether a paper, money or a result left the office with it: such an act is never void.
    pub is_printed: bool,
    /// Its weight against an act done apart.
    pub rank: Rank,
    /// Whether this version of the program lets an officer do it.
    pub is_working: bool,
    /// Flat keys of an act line that must be there.
    pub required: &'static [&'static str],
    /// Flat keys of an act line that may be there.
    pub optional: &'static [&'static str],
}

const OPEN: &[u8] = &[2, 4, 5, 6];
const WORKED: &[u8] = &[2, 4];

const fn row(kind: Kind, basis: &'static str, from: &'static [u8], to: Option<u8>, who: Who) -> Row {
    Row {
        kind,
        basis,
        from,
        to,
        who,
        is_state_act: true,
        is_printed: false,
        rank: Rank::Rest,
        is_working: false,
        required: &[],
        optional: &[],
    }
}

impl Row {
    const fn stateless(mut self) -> Self {
        self.is_state_act = false;
        self
    }

    const fn printed(mut self) -> Self {
        self.is_printed = true;
        self
    }

    const fn ranked(mut self, rank: Rank) -> Self {
        self.rank = rank;
        self
    }

    const fn working(mut self) -> Self {
        self.is_working = true;
        self
    }

    const fn keys(mut self, required: &'static [&'static str], optional: &'static [&'static str]) -> Self {
        self.required = required;
        self.optional = optional;
        self
    }
}

/// The row of an act.
#[must_use]
pub const fn row_of(kind: Kind) -> Row {
    match kind {
        Kind::Receive => row(kind, "T1", &[0], Some(2), Who::Receiver).printed().working(),
        Kind::Mark => row(kind, "-", &[], None, Who::Province)
            .stateless()
            .working()
            .keys(&["acts", "mark", "basis"], &[]),
        Kind::RegisterOnline => row(kind, "T2", &[0], Some(1), Who::Province),
        Kind::AcceptOnline => row(kind, "T2", &[1], Some(2), Who::Holder).printed(),
        Kind::AskBeforeReceipt => row(kind, "T3", &[1], Some(5), Who::Holder).printed(),
        Kind::RefuseReceipt => row(kind, "T4", &[1], Some(3), Who::Holder).printed().ranked(Rank::Ending),
        Kind::Assign => row(kind, "T5", WORKED, Some(4), Who::Holder).working().keys(&["assignee"], &[]),
        Kind::MoveStep => {
            row(kind, "T6", WORKED, Some(4), Who::Holder).working().keys(&[], &["step", "assignee"])
        }
        Kind::Transfer => row(kind, "T5", WORKED, Some(4), Who::Holder)
            .ranked(Rank::Custody)
            .working()
            .keys(&["to"], &["consignment", "reason"]),
        Kind::TakeOver => {
            row(kind, "T5", WORKED, Some(4), Who::TransferTarget).ranked(Rank::TakeOver).working()
        }
        Kind::Decline => row(kind, "T19", WORKED, Some(4), Who::TransferTarget)
            .ranked(Rank::Custody)
            .working()
            .keys(&["reason"], &[]),
        Kind::Recall => row(kind, "T19", WORKED, Some(4), Who::TransferSender)
            .ranked(Rank::Custody)
            .working()
            .keys(&[], &["reason"]),
        Kind::HandOverExternal => row(kind, "T5", WORKED, Some(4), Who::Holder)
            .ranked(Rank::Custody)
            .keys(&["to"], &["ref_no", "consignment"]),
        Kind::ReceiveResultExternal => row(kind, "T5", &[4], Some(4), Who::ExternalSender)
            .ranked(Rank::Custody)
            .keys(&["ref_no"], &["signed_on", "hash"]),
        Kind::TakeBackExternal => {
            row(kind, "T19", &[4], Some(4), Who::ExternalSender).ranked(Rank::Custody).keys(&[], &["reason"])
        }
        Kind::Reassign => {
            row(kind, "-", &[], None, Who::Province).ranked(Rank::Reassign).keys(&["to", "basis"], &[])
        }
        Kind::RequestSupplement => row(kind, "T7", &[4], Some(5), Who::Holder)
            .printed()
            .working()
            .keys(&["items"], &["deadline", "approved_by"]),
        Kind::ReceiveSupplement => {
            row(kind, "T8", &[5], Some(4), Who::Holder).printed().working().keys(&[], &["papers"])
        }
        Kind::ExpireSupplement => {
            row(kind, "T9", &[5], Some(8), Who::Holder).printed().ranked(Rank::Ending).keys(&["reasons"], &[])
        }
        Kind::RequestPayment => row(kind, "T10", WORKED, Some(6), Who::Holder)
            .printed()
            .keys(&["amount_vnd", "what"], &["deadline"]),
        Kind::ConfirmPayment => {
            row(kind, "T11", &[], None, Who::Party).printed().keys(&["amount_vnd", "method"], &["receipt_no"])
        }
        Kind::WaiveFee => {
            row(kind, "T11", &[], None, Who::Party).stateless().keys(&["amount_vnd", "reason"], &[])
        }
        Kind::Refund => row(kind, "-", &[], None, Who::Party)
            .stateless()
            .printed()
            .keys(&["amount_vnd", "reason"], &["receipt_no"]),
        Kind::CancelReceipt => row(kind, "-", &[], None, Who::Party)
            .stateless()
            .printed()
            .keys(&["receipt_no", "reason", "approved_by"], &[]),
        Kind::RequestWithdrawal => row(kind, "T12", OPEN, None, Who::Party).stateless().keys(&[], &["slip"]),
        Kind::AcceptWithdrawal => row(kind, "T12", OPEN, Some(7), Who::Holder)
            .printed()
            .ranked(Rank::Ending)
            .keys(&[], &["register_no"]),
        Kind::Stop => row(kind, "T13", OPEN, Some(8), Who::Holder)
            .printed()
            .ranked(Rank::Ending)
            .keys(&["reasons"], &[]),
        Kind::Resume => {
            row(kind, "-", &[7, 8], Some(4), Who::Competent).ranked(Rank::Custody).keys(&["basis"], &[])
        }
        Kind::Extend => {
            row(kind, "T16", &[2, 4], None, Who::Holder).printed().keys(&["deadline", "reasons"], &[])
        }
        Kind::SubmitForSignature => {
            row(kind, "T14", &[4], Some(4), Who::Holder).keys(&[], &["signer", "hash"])
        }
        Kind::Sign => row(kind, "T14", &[4], Some(4), Who::Holder)
            .ranked(Rank::Sign)
            .working()
            .keys(&[], &["mode", "signer", "ref_no", "signed_on", "hash"]),
        Kind::Issue => row(kind, "T14", &[4], Some(4), Who::Holder)
            .printed()
            .ranked(Rank::Issue)
            .working()
            .keys(&[], &["register_no"]),
        Kind::Finish => row(kind, "T14/T15", &[4], Some(9), Who::Holder)
            .ranked(Rank::Finish)
            .working()
            .keys(&[], &["result", "reasons", "hash"]),
        Kind::ReceiveResult => {
            row(kind, "T17", &[9], Some(9), Who::ReturnPlace).stateless().keys(&[], &["consignment"])
        }
        Kind::ReturnResult => row(kind, "T18", &[9], Some(10), Who::ReturnPlace)
            .printed()
            .ranked(Rank::ReturnResult)
            .working()
            .keys(&[], &["collector"]),
        Kind::SendByPost => row(kind, "T18", &[9], Some(9), Who::ReturnPlace)
            .printed()
            .ranked(Rank::SendByPost)
            .keys(&["consignment"], &[]),
        Kind::Note => row(kind, "T20", &[], None, Who::Party).stateless().working().keys(&["note"], &[]),
        Kind::AttachPaper => {
            row(kind, "T20", &[], None, Who::Party).stateless().working().keys(&["papers"], &[])
        }
        Kind::CorrectField => {
            row(kind, "T20", &[], None, Who::Party).stateless().working().keys(&["field", "value"], &[])
        }
        Kind::Attest => row(kind, "T20", &[], None, Who::Party).stateless().keys(&["act_id", "what"], &[]),
        Kind::Link => row(kind, "T20", &[], None, Who::Party).stateless().keys(&["linked", "relation"], &[]),
        Kind::Rate => row(kind, "T20", &[], None, Who::Party).stateless().keys(&["level"], &[]),
        Kind::Settle => row(kind, "C8/C9", &[], None, Who::HolderOrProvince)
            .stateless()
            .working()
            .keys(&["settles", "choice"], &["field", "basis"]),
        Kind::ReplaceNumber => {
            row(kind, "C6", &[], None, Who::Party).stateless().printed().keys(&["replacement", "reason"], &[])
        }
        Kind::SendPaper => {
            row(kind, "T20", &[], None, Who::Party).stateless().keys(&["to"], &["consignment"])
        }
        Kind::ReceivePaper => {
            row(kind, "T20", &[], None, Who::Party).stateless().keys(&[], &["from", "consignment"])
        }
    }
}

/// Flat keys that every act line may carry.
pub const COMMON_KEYS: &[&str] =
    &["number", "act", "officer", "role", "note", "occurred_at", "evidence", "approved_by"];
