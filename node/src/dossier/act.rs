//! Every act of a dossier's life (domain.md 2.5) and what it carries, as it is packed into the document.
//!
//! One act is one packed scalar: a CBOR map with integer keys, its version first. The common part is
//! [`Act`]; what each kind adds is a [`Body`]. Acts carry their computed legal effects as facts (due date, fee,
//! number), so that folding a dossier needs no clock, directory or account list. A field is never
//! reused for another meaning; new ones are added with new keys, which older programs pass over. What they may
//! not pass over, a new word of a list among them, raises `min_reader`: such a change waits at them. A kind this
//! program does not know is kept as [`Body::Unknown`] and makes the state "not computable here", never void.

use minicbor::Decode;
use minicbor::Decoder;
use minicbor::Encode;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::time::Millis;

use crate::ids::AgencyCode;
use crate::ids::ProcedureCode;

/// The act format this program writes.
pub const ACT_VERSION: u16 = 1;

/// Names one act for ever: the change that brought it and its place among that change's acts.
///
/// Derived, never stored. Text form: the change hash in hex, `.`, the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ActId {
    /// The Automerge change.
    #[n(0)]
    pub change: ChangeHash,
    /// Its place among the acts of that change, from 0.
    #[n(1)]
    pub index: u16,
}

impl std::fmt::Display for ActId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.change, self.index)
    }
}

impl std::str::FromStr for ActId {
    type Err = sync_protocol::ids::ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (change, index) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self {
            change: change.parse()?,
            index: index.parse().map_err(|_| sync_protocol::ids::ParseIdError { expected: 64 })?,
        })
    }
}

/// Which published directory the officer's machine held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DirectoryRef {
    /// Its version number.
    #[n(0)]
    pub version: u32,
    /// The first 8 bytes of its content hash.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub hash: [u8; 8],
}

/// The last time the province signed, beside how long ago that was by this machine's monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Anchor {
    /// The province's time.
    #[n(0)]
    pub at: Millis,
    /// Milliseconds between receiving it and this act.
    #[n(1)]
    pub age_ms: u64,
}

/// What shows when something really happened (domain.md 2.7.9).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Evidence {
    /// `signed_pdf`, `register`, `scan`, `hand_over_slip` or another kind by name.
    #[n(0)]
    pub kind: String,
    /// A reference a person can follow: issue number and date, slip number.
    #[n(1)]
    pub reference: Option<String>,
    /// Hash of the file that shows it.
    #[n(2)]
    pub hash: Option<FileHash>,
}

/// How far the author's identity was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Attestation {
    /// Written from the command line; nobody signed in.
    #[n(0)]
    Unattested,
    /// The officer had signed in on this machine.
    #[n(1)]
    SignedIn,
}

/// A file's hash with its kind: BLAKE3 for scans we hold, SHA-256 for files known only by name elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum FileHash {
    /// BLAKE3, written `b3:…`.
    #[n(0)]
    Blake3(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]),
    /// SHA-256, written `sha256:…`.
    #[n(1)]
    Sha256(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]),
}

impl std::fmt::Display for FileHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Blake3(bytes) => write!(f, "b3:{}", ChangeHash(*bytes)),
            Self::Sha256(bytes) => write!(f, "sha256:{}", ChangeHash(*bytes)),
        }
    }
}

impl std::str::FromStr for FileHash {
    type Err = sync_protocol::ids::ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(hex) = text.strip_prefix("b3:") {
            return hex.parse::<ChangeHash>().map(|hash| Self::Blake3(hash.0));
        }
        if let Some(hex) = text.strip_prefix("sha256:") {
            return hex.parse::<ChangeHash>().map(|hash| Self::Sha256(hash.0));
        }
        Err(sync_protocol::ids::ParseIdError { expected: 64 })
    }
}

/// One act as an officer did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// The office whose act it is.
    pub seat: AgencyCode,
    /// The officer's number at that office (`02` of `H27.102/02`).
    pub officer: String,
    /// The role the officer claimed, by its directory name.
    pub role: Option<String>,
    /// The custody generation the act is done under.
    pub generation: u32,
    /// When it really happened, where the officer says otherwise than the recorded time.
    pub occurred_at: Option<Millis>,
    /// What shows that.
    pub evidence: Option<Evidence>,
    /// A remark for the file.
    pub note: Option<String>,
    /// The directory the officer's machine held.
    pub directory: DirectoryRef,
    /// How far the author was checked.
    pub attestation: Attestation,
    /// Milliseconds since the recording process started, on its monotonic clock.
    pub up_ms: u64,
    /// The last provincial time that machine knew.
    pub anchor: Option<Anchor>,
    /// The slip that caused the act, for acts the program appends by itself.
    pub cause: Option<DocId>,
    /// Entered afterwards with `--historic`; times are then what the line said.
    pub historic: bool,
    /// The leader or second person who approved, as `H27.102/01`.
    pub approved_by: Option<String>,
    /// The officer's own signature over the packed act without this field, where there is one.
    pub signature: Option<Vec<u8>>,
    /// What this kind of act carries.
    pub body: Body,
}

/// The packed form of [`Act`]; see there for what the fields mean.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Packed {
    #[n(0)]
    version: u16,
    #[n(1)]
    min_reader: u16,
    #[n(2)]
    kind: u16,
    #[n(3)]
    seat: AgencyCode,
    #[n(4)]
    officer: String,
    #[n(5)]
    role: Option<String>,
    #[n(6)]
    generation: u32,
    #[n(7)]
    occurred_at: Option<Millis>,
    #[n(8)]
    evidence: Option<Evidence>,
    #[n(9)]
    note: Option<String>,
    #[n(10)]
    directory: DirectoryRef,
    #[n(11)]
    attestation: Attestation,
    #[n(12)]
    up_ms: u64,
    #[n(13)]
    anchor: Option<Anchor>,
    #[n(14)]
    cause: Option<DocId>,
    #[n(15)]
    historic: Option<bool>,
    #[n(16)]
    approved_by: Option<String>,
    #[cbor(n(17), with = "minicbor::bytes")]
    signature: Option<Vec<u8>>,
    #[cbor(n(18), with = "minicbor::bytes")]
    body: Vec<u8>,
}

/// Why bytes are not an act this program can read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// Not CBOR of the expected shape. The change that carries it is refused.
    #[error("an act is not readable: {0}")]
    Malformed(String),
    /// Written for a newer program. The dossier's state cannot be computed here.
    #[error("an act needs a program that reads act version {0}")]
    TooNew(u16),
}

impl Act {
    /// The packed form, as it stands in the document.
    #[must_use]
    pub fn pack(&self) -> Vec<u8> {
        let packed = Packed {
            version: ACT_VERSION,
            min_reader: ACT_VERSION,
            kind: self.body.code(),
            seat: self.seat.clone(),
            officer: self.officer.clone(),
            role: self.role.clone(),
            generation: self.generation,
            occurred_at: self.occurred_at,
            evidence: self.evidence.clone(),
            note: self.note.clone(),
            directory: self.directory,
            attestation: self.attestation,
            up_ms: self.up_ms,
            anchor: self.anchor,
            cause: self.cause,
            historic: self.historic.then_some(true),
            approved_by: self.approved_by.clone(),
            signature: self.signature.clone(),
            body: self.body.pack(),
        };
        to_cbor(&packed)
    }

    /// Reads the packed form.
    ///
    /// # Errors
    /// [`ActError::TooNew`] asks for a newer program; [`ActError::Malformed`] means nobody can read it.
    pub fn unpack(bytes: &[u8]) -> Result<Self, ActError> {
        let packed: Packed = from_cbor(bytes)?;
        if packed.min_reader > ACT_VERSION {
            return Err(ActError::TooNew(packed.min_reader));
        }
        Ok(Self {
            seat: packed.seat,
            officer: packed.officer,
            role: packed.role,
            generation: packed.generation,
            occurred_at: packed.occurred_at,
            evidence: packed.evidence,
            note: packed.note,
            directory: packed.directory,
            attestation: packed.attestation,
            up_ms: packed.up_ms,
            anchor: packed.anchor,
            cause: packed.cause,
            historic: packed.historic.unwrap_or(false),
            approved_by: packed.approved_by,
            signature: packed.signature,
            body: Body::unpack(packed.kind, packed.body)?,
        })
    }

    /// What kind of act it is.
    #[must_use]
    pub const fn kind(&self) -> Option<Kind> {
        self.body.kind()
    }
}

/// CBOR of a value of ours, written to memory.
#[expect(
    clippy::expect_used,
    reason = "writing to a Vec cannot fail and no encoder of ours returns an error"
)]
pub(crate) fn to_cbor<T: Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("encoding to memory")
}

pub(crate) fn from_cbor<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, ActError> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder.decode().map_err(|error| ActError::Malformed(error.to_string()))?;
    if decoder.position() == bytes.len() {
        Ok(value)
    } else {
        Err(ActError::Malformed("bytes after the end".to_owned()))
    }
}

macro_rules! acts {
    ($($(#[$doc:meta])* $code:literal $name:literal $variant:ident { $($(#[$field_doc:meta])* $n:literal $field:ident: $type:ty,)* })*) => {
        /// The kinds of act, by the canonical names of domain.md 2.5.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $variant,)* }

        impl Kind {
            /// Every kind, in the order of the law's table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The canonical name, as lines and exports spell it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The number in the packed form.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self { $(Self::$variant => $code,)* }
            }

            /// The kind with this name.
            #[must_use]
            pub fn by_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }

        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
            #[cbor(map)]
            pub struct $variant { $($(#[$field_doc])* #[n($n)] pub $field: $type,)* }
        )*

        /// What an act carries beyond the common part.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Body {
            $($(#[$doc])* $variant(Box<$variant>),)*
            /// A kind of a newer program: kept, passed on, and the state is not computable here.
            Unknown {
                /// The kind's number.
                code: u16,
                /// Its bytes as they came.
                bytes: Vec<u8>,
            },
        }

        impl Body {
            /// The kind's number in the packed form.
            #[must_use]
            pub const fn code(&self) -> u16 {
                match self { $(Self::$variant(_) => $code,)* Self::Unknown { code, .. } => *code }
            }

            /// The kind, or `None` when this program does not know it.
            #[must_use]
            pub const fn kind(&self) -> Option<Kind> {
                match self { $(Self::$variant(_) => Some(Kind::$variant),)* Self::Unknown { .. } => None }
            }

            fn pack(&self) -> Vec<u8> {
                match self { $(Self::$variant(body) => to_cbor(body.as_ref()),)* Self::Unknown { bytes, .. } => bytes.clone() }
            }

            fn unpack(code: u16, bytes: Vec<u8>) -> Result<Self, ActError> {
                Ok(match code {
                    $($code => Self::$variant(Box::new(from_cbor(&bytes)?)),)*
                    _ => Self::Unknown { code, bytes },
                })
            }
        }

        $(
            impl From<$variant> for Body {
                fn from(body: $variant) -> Self {
                    Self::$variant(Box::new(body))
                }
            }
        )*
    };
}

impl Body {
    /// Calls the acts and papers that this one speaks of by other names: they were written again.
    pub fn rename(&mut self, act: &mut dyn FnMut(ActId) -> ActId, paper: &mut dyn FnMut(String) -> String) {
        let mut all = |acts: &mut Vec<ActId>| acts.iter_mut().for_each(|id| *id = act(*id));
        let mut each = |papers: &mut Vec<String>| {
            papers.iter_mut().for_each(|key| *key = paper(std::mem::take(key)));
        };
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other kinds name neither act nor paper")]
        match self {
            Self::Mark(mark) => all(&mut mark.acts),
            Self::Settle(settle) => {
                all(&mut settle.acts);
                settle.choice = act(settle.choice);
            }
            Self::Attest(attest) => attest.act = act(attest.act),
            Self::AcceptWithdrawal(accept) => accept.request = accept.request.map(act),
            Self::RequestWithdrawal(request) => request.paper = request.paper.take().map(paper),
            Self::ReceiveSupplement(receive) => each(&mut receive.papers),
            Self::AttachPaper(attach) => each(&mut attach.papers),
            _ => {}
        }
    }
}

acts! {
    /// T1: a dossier is taken in at a counter or by post; Mẫu 01.
    1 "receive" Receive {
        /// The dossier number printed on the slip (domain.md 2.6).
        0 number: String,
        /// The caller's own id of the request, so that a repeated line finds the same dossier.
        1 request_id: Option<String>,
        /// The procedure.
        2 procedure: ProcedureCode,
        /// Its name as the officer's directory had it.
        3 procedure_name: String,
        /// The procedure's case (trường hợp).
        4 case: Option<String>,
        /// The agency competent to decide.
        5 competent: AgencyCode,
        /// How it came in.
        6 channel: Channel,
        /// Where the result is handed out.
        7 return_at: AgencyCode,
        /// How the result is handed out.
        8 return_how: ReturnHow,
        /// When the law counts it as received; the recorded time where `None`.
        9 received_at: Option<Millis>,
        /// The due date and how it was computed; `None` for procedures without any term.
        10 due: Option<Due>,
        /// The secret that citizens look the dossier up with: 8 characters of Crockford base 32.
        11 lookup_code: String,
        /// Fee in đồng.
        12 fee_vnd: u64,
        /// What was paid at receipt.
        13 payment: Option<Payment>,
        /// Number of sets of papers.
        14 sets: u16,
        /// Numbers of the same dossier in other systems.
        15 external_ids: Vec<ExternalId>,
        /// The dossier this one is part of.
        16 parent: Option<String>,
        /// How the officer checked who the citizen is.
        17 identity_check: Option<String>,
        /// The forms in force at receipt: `tt-03-2025` or `tt-01-2018`.
        18 form_set: String,
        /// The rules in force at receipt, by name.
        19 rule_set: String,
        /// The workflow step the dossier begins at.
        20 step: Option<String>,
    }
    /// T-: the province marks acts whatever the causal order.
    2 "mark" Mark {
        /// The acts.
        0 acts: Vec<ActId>,
        /// What they are marked as.
        1 mark: MarkKind,
        /// The legal basis.
        2 basis: String,
    }
    /// T2: the portal registered an online dossier.
    3 "register_online" RegisterOnline {
        /// The portal's number.
        0 portal_id: String,
        /// The same facts as a receipt at the counter has, without due date.
        1 receive: Receive,
    }
    /// T2: the competent seat accepts an online dossier.
    4 "accept_online" AcceptOnline {
        /// The due date, which starts now.
        0 due: Option<Due>,
    }
    /// T3: a supplement is asked for before receipt; Mẫu 02.
    5 "ask_before_receipt" AskBeforeReceipt {
        /// What is asked.
        0 items: Vec<SupplementItem>,
        /// The paper's register number.
        1 register_no: Option<String>,
        /// Until when.
        2 deadline: Option<Millis>,
    }
    /// T4: receipt is refused; Mẫu 03.
    6 "refuse_receipt" RefuseReceipt {
        /// Why, each with its basis.
        0 reasons: Vec<Reason>,
        /// The paper's register number.
        1 register_no: Option<String>,
    }
    /// T5: an officer of the holder is put in charge.
    7 "assign" Assign {
        /// The officer, as `H27.101/04`.
        0 assignee: String,
    }
    /// T6: the dossier moves to another workflow step inside the holder's office.
    8 "move_step" MoveStep {
        /// The step it moves to; empty where the procedure has no workflow.
        0 step: String,
        /// Whether it goes back.
        1 is_back: bool,
        /// The officer now in charge, where it changes.
        2 assignee: Option<String>,
    }
    /// T5: the holder hands the dossier to another seat.
    9 "transfer" Transfer {
        /// The seat.
        0 to: AgencyCode,
        /// Consignment of the paper part.
        1 consignment: Option<String>,
        /// Why.
        2 reason: Option<String>,
    }
    /// T5: the seat it was transferred to accepts it.
    10 "take_over" TakeOver {
        /// The workflow step it begins at there.
        0 step: Option<String>,
    }
    /// T19: the seat it was transferred to declines it.
    11 "decline" Decline {
        /// Why.
        0 reason: String,
    }
    /// T19: the sender takes a transfer back before it is taken over.
    12 "recall" Recall {
        /// Why.
        0 reason: Option<String>,
    }
    /// T5: handed to an agency that keeps its own system.
    13 "hand_over_external" HandOverExternal {
        /// The agency.
        0 to: AgencyCode,
        /// Reference of the hand-over.
        1 ref_no: Option<String>,
        /// Consignment of the paper part.
        2 consignment: Option<String>,
    }
    /// T5: the external agency's result has come.
    14 "receive_result_external" ReceiveResultExternal {
        /// Its number.
        0 ref_no: String,
        /// Its date.
        1 signed_on: Option<String>,
        /// Its scan.
        2 hash: Option<FileHash>,
    }
    /// T19: an external hand-over is taken back.
    15 "take_back_external" TakeBackExternal {
        /// Why.
        0 reason: Option<String>,
    }
    /// T-: the province gives the dossier of a lost holder to another seat.
    16 "reassign" Reassign {
        /// The seat.
        0 to: AgencyCode,
        /// The legal basis.
        1 basis: String,
    }
    /// T7: the holder asks the citizen for a supplement; Mẫu 02.
    17 "request_supplement" RequestSupplement {
        /// What is asked.
        0 items: Vec<SupplementItem>,
        /// Until when.
        1 deadline: Option<Millis>,
        /// What the clock does meanwhile.
        2 clock: ClockPolicy,
        /// The paper's register number.
        3 register_no: Option<String>,
    }
    /// T8: the supplement is complete and the clock goes on.
    18 "receive_supplement" ReceiveSupplement {
        /// Papers handed in, by their keys in the document.
        0 papers: Vec<String>,
        /// The slip it came by.
        1 slip: Option<DocId>,
        /// The time that counts.
        2 counts_at: Option<Millis>,
        /// The new due date.
        3 due: Option<Due>,
    }
    /// T9: the supplement's deadline passed; Mẫu 05 or 03.
    19 "expire_supplement" ExpireSupplement {
        /// Whether it ends refused (3) rather than stopped (8).
        0 is_refused: bool,
        /// Why, each with its basis.
        1 reasons: Vec<Reason>,
        /// The paper's register number.
        2 register_no: Option<String>,
    }
    /// T10: the citizen is asked to pay.
    20 "request_payment" RequestPayment {
        /// Đồng.
        0 amount_vnd: u64,
        /// What for.
        1 what: String,
        /// Until when.
        2 deadline: Option<Millis>,
    }
    /// T11: money was received.
    21 "confirm_payment" ConfirmPayment {
        /// Đồng.
        0 amount_vnd: u64,
        /// How and by whom.
        1 payment: Payment,
        /// The money receipt's series and number.
        2 receipt_no: Option<String>,
        /// The due date after the pause.
        3 due: Option<Due>,
    }
    /// T11: a fee is waived.
    22 "waive_fee" WaiveFee {
        /// Đồng.
        0 amount_vnd: u64,
        /// Why, with its basis.
        1 reason: Reason,
    }
    /// T-: money is paid back.
    23 "refund" Refund {
        /// Đồng.
        0 amount_vnd: u64,
        /// Why.
        1 reason: String,
        /// The money receipt it undoes.
        2 receipt_no: Option<String>,
    }
    /// T-: a money receipt is cancelled with a second person.
    24 "cancel_receipt" CancelReceipt {
        /// The money receipt.
        0 receipt_no: String,
        /// Why.
        1 reason: String,
    }
    /// T12: the owner asks to withdraw.
    25 "request_withdrawal" RequestWithdrawal {
        /// The owner's paper.
        0 paper: Option<String>,
        /// The slip it came by.
        1 slip: Option<DocId>,
    }
    /// T12: the competent seat accepts the withdrawal.
    26 "accept_withdrawal" AcceptWithdrawal {
        /// The request.
        0 request: Option<ActId>,
        /// The paper's register number.
        1 register_no: Option<String>,
    }
    /// T13: the competent agency stops; Mẫu 05.
    27 "stop" Stop {
        /// Why, each with its basis.
        0 reasons: Vec<Reason>,
        /// The paper's register number.
        1 register_no: Option<String>,
    }
    /// T-: the head restores a stopped or withdrawn dossier.
    28 "resume" Resume {
        /// The basis.
        0 basis: String,
        /// The new due date.
        1 due: Option<Due>,
    }
    /// T16: apology and extension, once; Mẫu 04.
    29 "extend" Extend {
        /// The new due date.
        0 due: Due,
        /// The old one, which stays on record.
        1 old_due_at: Option<Millis>,
        /// Why, each with its basis.
        2 reasons: Vec<Reason>,
        /// Issued later than one day before the old due date.
        3 is_late: bool,
        /// The paper's register number.
        4 register_no: Option<String>,
    }
    /// T14: laid before the leader.
    30 "submit_for_signature" SubmitForSignature {
        /// The leader, as `H27.101/01`.
        0 signer: Option<String>,
        /// The draft's hash.
        1 hash: Option<FileHash>,
    }
    /// T14: the result is signed.
    31 "sign" Sign {
        /// How.
        0 mode: SignMode,
        /// Who, as `H27.101/01`.
        1 signer: String,
        /// The result's number.
        2 ref_no: Option<String>,
        /// Its date, `2026-03-02`.
        3 signed_on: Option<String>,
        /// Its file.
        4 hash: Option<FileHash>,
    }
    /// T14: the result is numbered and sealed.
    32 "issue" Issue {
        /// The register number.
        0 register_no: Option<String>,
    }
    /// T14, T15: the decision is done and the clock ends.
    33 "finish" Finish {
        /// What was decided.
        0 result: FinishResult,
        /// Reasons of a refusal, each with its basis.
        1 reasons: Vec<Reason>,
        /// The result's file.
        2 hash: Option<FileHash>,
    }
    /// T17: the paper result has reached the return place.
    34 "receive_result" ReceiveResult {
        /// Consignment.
        0 consignment: Option<String>,
    }
    /// T18: the result is handed to the citizen.
    35 "return_result" ReturnResult {
        /// Who collected it; the owner where `None`.
        0 collector: Option<String>,
        /// How the collector was checked and signed.
        1 signature_kind: Option<String>,
        /// Whether all money was settled.
        2 is_settled: bool,
    }
    /// T18: the result is sent by post.
    36 "send_by_post" SendByPost {
        /// Consignment.
        0 consignment: String,
    }
    /// T20: a remark; the text is the act's note.
    37 "note" Note {}
    /// T20: papers are added; they stand in the document under these keys.
    38 "attach_paper" AttachPaper {
        /// Their keys.
        0 papers: Vec<String>,
    }
    /// T20: a field is corrected; its new value stands in the document's register.
    39 "correct_field" CorrectField {
        /// The field's name.
        0 field: String,
    }
    /// T20: a leader confirms another act's real time or approval.
    40 "attest" Attest {
        /// The act.
        0 act: ActId,
        /// What is confirmed.
        1 what: String,
    }
    /// T20: another dossier belongs with this one.
    41 "link" Link {
        /// Its number.
        0 number: String,
        /// In which way.
        1 relation: String,
    }
    /// T20: the citizen's rating.
    42 "rate" Rate {
        /// 1 not satisfied, 2 satisfied, 3 very satisfied.
        0 level: u8,
    }
    /// C8, C9: a person decides between acts or values done apart.
    43 "settle" Settle {
        /// The acts of both sides.
        0 acts: Vec<ActId>,
        /// The one that counts.
        1 choice: ActId,
        /// The field, where values are settled rather than acts.
        2 field: Option<String>,
        /// Why.
        3 basis: Option<String>,
    }
    /// C6: a duplicated number is replaced.
    44 "replace_number" ReplaceNumber {
        /// The new number.
        0 number: String,
        /// Why.
        1 reason: String,
    }
    /// T20: the paper part is sent.
    45 "send_paper" SendPaper {
        /// To whom.
        0 to: AgencyCode,
        /// Consignment.
        1 consignment: Option<String>,
    }
    /// T20: the paper part has come.
    46 "receive_paper" ReceivePaper {
        /// From whom.
        0 from: Option<AgencyCode>,
        /// Consignment.
        1 consignment: Option<String>,
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $n:literal $text:literal $variant:ident,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
            #[cbor(index_only)]
            pub enum $name { $($(#[$variant_doc])* #[n($n)] $variant,)* }

            impl $name {
                /// The word in lines and exports.
                #[must_use]
                pub const fn name(self) -> &'static str {
                    match self { $(Self::$variant => $text,)* }
                }

                /// The value with this word.
                #[must_use]
                pub fn by_name(name: &str) -> Option<Self> {
                    match name { $($text => Some(Self::$variant),)* _ => None }
                }
            }
        )*
    };
}

words! {
    /// How a dossier comes in.
    Channel {
        /// At a counter.
        0 "direct" Direct,
        /// By public post (BCCI).
        1 "post" Post,
        /// Through the portal.
        2 "online" Online,
    }
    /// How the result goes out.
    ReturnHow {
        /// At the counter of the return place.
        0 "counter" Counter,
        /// By public post.
        1 "post" Post,
        /// Through the portal.
        2 "online" Online,
    }
    /// What a provincial mark says.
    MarkKind {
        /// The acts do not count (what was printed, paid, issued or returned becomes contested instead).
        0 "void" Void,
        /// A person must look at them; they count.
        1 "review" Review,
        /// An earlier mark is lifted.
        2 "released" Released,
    }
    /// What the legal clock does while a supplement is awaited (domain.md 2.7.6).
    ClockPolicy {
        /// The new due date is the old one plus the waiting time.
        0 "pause" Pause,
        /// The term is counted anew once complete.
        1 "restart" Restart,
    }
    /// How a result is signed.
    SignMode {
        /// By hand, with seal.
        0 "paper" Paper,
        /// With the signer's token.
        1 "token" Token,
        /// With a remote signing service.
        2 "remote" Remote,
    }
    /// What was decided.
    FinishResult {
        /// As requested.
        0 "granted" Granted,
        /// Not as requested; Mẫu 03 or a letter.
        1 "refused" Refused,
    }
    /// How a fee is paid.
    PayMethod {
        /// Nothing is paid now.
        0 "none" None,
        /// Cash.
        1 "cash" Cash,
        /// Bank transfer by VietQR.
        2 "vietqr" VietQr,
    }
}

/// A due date and how it was computed, so that it can be checked for ever without a directory.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Due {
    /// The instant; the day binds.
    #[n(0)]
    pub at: Millis,
    /// From when the term is counted, after the rules on closing, lunch and 15:00.
    #[n(1)]
    pub starts_at: Millis,
    /// How many units.
    #[n(2)]
    pub amount: u32,
    /// `working_days`, `working_hours`, `days`, `months` or `same_day`.
    #[n(3)]
    pub unit: String,
    /// The calendar table used, by name and version.
    #[n(4)]
    pub calendar: String,
}

/// What was paid at the counter.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Payment {
    /// How.
    #[n(0)]
    pub method: PayMethod,
    /// `citizen` or `officer`.
    #[n(1)]
    pub payer: Option<String>,
    /// The waiver claimed.
    #[n(2)]
    pub waiver: Option<String>,
    /// What shows the right to it.
    #[n(3)]
    pub evidence: Option<String>,
}

/// The dossier's number in another system.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ExternalId {
    /// The system, for example `igate`.
    #[n(0)]
    pub system: String,
    /// Its number there.
    #[n(1)]
    pub number: String,
}

/// One thing a citizen is asked to bring.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SupplementItem {
    /// What.
    #[n(0)]
    pub what: String,
    /// By which rule.
    #[n(1)]
    pub basis: Option<String>,
}

/// A reason with its legal basis.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Reason {
    /// Why.
    #[n(0)]
    pub what: String,
    /// By which rule.
    #[n(1)]
    pub basis: Option<String>,
}

#[cfg(test)]
mod tests;
