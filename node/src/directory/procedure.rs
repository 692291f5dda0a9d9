//! Procedures (thủ tục hành chính): what is asked of the citizen, who decides, how long and for how much.

use jiff::civil::Time;

use crate::directory::Extensions;
use crate::directory::Validity;
use crate::ids::AgencyCode;
use crate::ids::ProcedureCode;

words! {
    /// What a term is counted in (domain.md 2.7.1).
    TermUnit {
        /// Ngày làm việc.
        "working_days" WorkingDays,
        /// Giờ làm việc.
        "working_hours" WorkingHours,
        /// Ngày (calendar days).
        "days" Days,
        /// Tháng.
        "months" Months,
        /// Within the day; received after the cut-off hour within the next working day.
        "same_day" SameDay,
        /// No term at all: a class of its own, never counted as in time.
        "none" None,
    }
    /// How a paper may be handed in.
    PaperKind {
        /// The original is kept.
        "original" Original,
        /// A copy is kept.
        "copy" Copy,
        /// An electronic file.
        "electronic" Electronic,
        /// Only shown and given back.
        "shown" Shown,
    }
    /// What a fee is in law.
    FeeKind {
        /// Phí.
        "fee" Fee,
        /// Lệ phí.
        "charge" Charge,
        /// Phí thẩm định.
        "appraisal" Appraisal,
        /// Tiền in bản sao.
        "printing" Printing,
    }
    /// What a fee is counted by.
    FeePer {
        /// Once for the dossier.
        "dossier" Dossier,
        /// Each copy issued; how many is said by a field, else one.
        "copy" Copy,
        /// Each page of each copy of the papers.
        "page" Page,
    }
    /// When a fee is collected (HinhThucThu).
    FeeWhen {
        /// At receipt (1).
        "receipt" Receipt,
        /// With a supplement (2); not known at receipt.
        "supplement" Supplement,
        /// When the result is returned (4).
        "return" Return,
    }
    /// What the value of a field is.
    FieldKind {
        /// Free text.
        "text" Text,
        /// A day: `2026-03-02` or `02/03/2026`.
        "date" Date,
        /// A birth date, which may lack day or month: `1955`.
        "birth" Birth,
        /// A whole number, not negative.
        "number" Number,
        /// Whole đồng.
        "money" Money,
        /// One of the choices.
        "choice" Choice,
        /// A personal id number of 12 digits.
        "id_no" IdNo,
        /// A phone number.
        "phone" Phone,
        /// `yes` or `no`.
        "yes_no" YesNo,
    }
    /// What a step needs the line for (domain.md 2.5, "Needs a line").
    LineNeed {
        /// Nothing.
        "none" None,
        /// A number that a central system gives.
        "number" Number,
        /// A look-up in a central database.
        "lookup" Lookup,
        /// A result that a central system issues.
        "result" Result,
        /// A remote signature.
        "e_sign" ESign,
    }
    /// What the legal clock does while a supplement is awaited (domain.md 2.7.6).
    SupplementClock {
        /// The new due date is the old one plus the waiting time.
        "pause" Pause,
        /// The term is counted anew once complete.
        "restart" Restart,
    }
    /// How far a procedure can be done online.
    OnlineLevel {
        /// Toàn trình.
        "full" Full,
        /// Một phần.
        "partial" Partial,
        /// Not online.
        "none" None,
    }
}

/// Who is competent to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// A commune: the one named when lodging, by default the receiving one.
    Commune,
    /// Any office that receives, or the one named when lodging.
    Any,
    /// One agency.
    Agency(AgencyCode),
}

/// How long the office may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// How many units; 0 with [`TermUnit::SameDay`] and [`TermUnit::None`].
    pub amount: u32,
    /// Which.
    pub unit: TermUnit,
    /// Received after this hour, the term starts on the next working day. For same-day procedures without an
    /// own hour the rule set's holds.
    pub cutoff: Option<Time>,
}

/// One procedure as it is in force between two dates.
#[derive(Clone, Debug, PartialEq)]
pub struct Procedure {
    /// Its national code.
    pub code: ProcedureCode,
    /// Its name.
    pub name: String,
    /// Lĩnh vực.
    pub area: String,
    /// Who decides.
    pub decided_by: DecidedBy,
    /// How long that may take, unless the case says otherwise.
    pub term: Term,
    /// Its cases (trường hợp), each code once; may be empty.
    pub cases: Vec<Case>,
    /// The papers that belong to it.
    pub components: Vec<Component>,
    /// Whether a dossier without its required papers is refused. Where not, what is missing is only shown.
    pub are_papers_required: bool,
    /// What it costs.
    pub fees: Vec<Fee>,
    /// What is asked beyond the citizen's own data.
    pub fields: Vec<Field>,
    /// The code of its internal process.
    pub workflow: Option<String>,
    /// The steps that cannot be done without the line.
    pub needs_line: Vec<StepNeed>,
    /// Whether any centre of the province may receive it (phi địa giới).
    pub is_lodgeable_anywhere: bool,
    /// How far it can be done online.
    pub online: OnlineLevel,
    /// When it is in force.
    pub valid: Validity,
    /// The decisions and laws it rests on.
    pub legal_basis: Vec<String>,
    /// What the clock does during a supplement, where it differs from the rule set.
    pub supplement_clock: Option<SupplementClock>,
    /// The set of forms, where it differs from the rule set.
    pub form_set: Option<String>,
    /// Fields for others.
    pub extensions: Extensions,
}

impl Procedure {
    /// A case by its code.
    #[must_use]
    pub fn case(&self, code: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.code == code)
    }

    /// The term of a case, or of the procedure where there is no case or the case has none of its own.
    #[must_use]
    pub fn term_of(&self, case: Option<&str>) -> Term {
        case.and_then(|code| self.case(code)).and_then(|case| case.term).unwrap_or(self.term)
    }

    /// A component by its code.
    #[must_use]
    pub fn component(&self, code: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.code == code)
    }

    /// The components that belong to a case.
    pub fn components_of<'a>(&'a self, case: Option<&'a str>) -> impl Iterator<Item = &'a Component> {
        self.components.iter().filter(move |component| applies(&component.cases, case))
    }

    /// A field by its name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// What a step needs the line for, where it needs it.
    #[must_use]
    pub fn need_of(&self, step: &str) -> Option<&StepNeed> {
        self.needs_line.iter().find(|need| need.step == step)
    }

    /// Whether the record says that its code is made up for trying out.
    #[must_use]
    pub fn is_synthetic(&self) -> bool {
        self.extensions.get("x_synthetic").and_then(serde_json::Value::as_bool).unwrap_or(false)
    }
}

/// Whether something limited to some cases belongs to this one. No limit: to all.
pub(super) fn applies(cases: &[String], case: Option<&str>) -> bool {
    cases.is_empty() || case.is_some_and(|code| cases.iter().any(|one| one == code))
}

/// One case of a procedure.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its code, unique in the procedure.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its own term, for example with verification.
    pub term: Option<Term>,
}

/// One paper that belongs to a procedure (thành phần hồ sơ).
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Its code, unique in the procedure; the national one where it exists.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Whether it must be there (B).
    pub is_required: bool,
    /// How it may be handed in; any way where empty.
    pub kinds: Vec<PaperKind>,
    /// How many are handed in.
    pub copies: u16,
    /// Only shown and given back.
    pub is_show_only: bool,
    /// The cases it belongs to; all where empty.
    pub cases: Vec<String>,
    /// The code of a form to fill in.
    pub form: Option<String>,
    /// The database whose look-up replaces it while the line is up (NQ 66.7/2025/NQ-CP).
    pub replaced_by: Option<String>,
}

/// One thing to pay.
#[derive(Clone, Debug, PartialEq)]
pub struct Fee {
    /// What it is called on the slip.
    pub name: String,
    /// What it is in law.
    pub kind: FeeKind,
    /// Đồng for one unit.
    pub vnd: u64,
    /// What it is counted by.
    pub per: FeePer,
    /// With [`FeePer::Page`]: the first page that costs `further_vnd`, counted from 1.
    pub further_from_page: Option<u32>,
    /// With [`FeePer::Page`]: đồng for each page from that one on.
    pub further_vnd: u64,
    /// The most that one copy may cost, in đồng.
    pub max_per_copy_vnd: Option<u64>,
    /// With [`FeePer::Copy`]: the field that says how many copies.
    pub count_field: Option<String>,
    /// When it is collected.
    pub when: FeeWhen,
    /// The cases it belongs to; all where empty.
    pub cases: Vec<String>,
    /// A remark for the counter.
    pub note: Option<String>,
}

/// One thing that is asked when lodging.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name in lines, unique in the procedure.
    pub name: String,
    /// Its label on the page.
    pub label: String,
    /// What its value is.
    pub kind: FieldKind,
    /// Whether it must be given.
    pub is_required: bool,
    /// With [`FieldKind::Choice`]: the values.
    pub choices: Vec<String>,
    /// The most characters of a text, or the greatest number.
    pub max: Option<u64>,
}

/// What a step needs the line for.
#[derive(Clone, Debug, PartialEq)]
pub struct StepNeed {
    /// The step of the procedure's workflow.
    pub step: String,
    /// What for.
    pub need: LineNeed,
    /// By which rule.
    pub basis: Option<String>,
    /// What may be done on paper meanwhile.
    pub paper_fallback: Option<String>,
}

/// A ground on which a fee is not, or not fully, collected.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiver {
    /// Its code, as `payment.waiver` names it.
    pub code: String,
    /// For whom.
    pub name: String,
    /// How much is waived, in percent: 1-100.
    pub percent: u8,
    /// The procedures it holds for; all where empty.
    pub procedures: Vec<ProcedureCode>,
    /// Whether `payment.evidence` must say what shows the right to it.
    pub is_evidence_required: bool,
    /// By which rule.
    pub legal_basis: Vec<String>,
    /// When it holds.
    pub valid: Validity,
    /// Fields for others.
    pub extensions: Extensions,
}
