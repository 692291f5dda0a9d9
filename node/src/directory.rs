//! What the province publishes: agencies, procedures, workflows, calendars, rules and officers.
//!
//! This room owns the directory file (JSON Lines), what makes one acceptable, its canonical form and hash, the
//! arithmetic of working time and due dates, and the checks of a citizen's request that need nothing but the
//! directory. It does not know dossiers, storage, signatures, versions on the wire or the time of day: dates
//! come in as arguments.

/// An enum whose values are words in files, lines and exports.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $text:literal $variant:ident,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub enum $name { $($(#[$variant_doc])* $variant,)* }

            impl $name {
                /// Every value, in the order of the documentation.
                pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

                /// The word in files, lines and exports.
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

            impl $crate::directory::Word for $name {
                const ALL: &'static [Self] = Self::ALL;

                fn word(self) -> &'static str {
                    self.name()
                }
            }
        )*
    };
}

pub mod agency;
pub mod calendar;
mod canonical;
pub mod fault;
pub mod intake;
mod parse;
pub mod person;
pub mod procedure;
mod record;
pub mod rules;
pub mod sample;
pub mod term;
pub mod workflow;

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::Value;

use crate::directory::agency::Agency;
use crate::directory::agency::Officer;
use crate::directory::agency::SeatKind;
use crate::directory::calendar::Calendars;
use crate::directory::fault::Fault;
use crate::directory::fault::ParseBounds;
use crate::directory::procedure::Procedure;
use crate::directory::procedure::Waiver;
use crate::directory::rules::Province;
use crate::directory::rules::RuleSet;
use crate::directory::workflow::Step;
use crate::directory::workflow::Workflow;
use crate::ids::AgencyCode;
use crate::ids::OfficerId;
use crate::ids::ProcedureCode;

/// The format version of the directory file that this program writes.
pub const DIRECTORY_VERSION: u16 = 1;

/// The `x_…` fields of a record: not used by this program, kept, hashed and written back.
pub type Extensions = BTreeMap<String, Value>;

/// A value that is a word in files, so that a wrong one can be answered with the right ones.
trait Word: Copy + 'static {
    const ALL: &'static [Self];
    fn word(self) -> &'static str;
}

/// The dates between which something is in force, both included. Open where `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
}

impl Validity {
    /// Whether it is in force on that day.
    #[must_use]
    pub fn holds_on(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }

    /// Whether both are in force on some day.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let starts_in_time = |a: &Self, b: &Self| match (a.from, b.to) {
            (Some(from), Some(to)) => from <= to,
            (None, _) | (_, None) => true,
        };
        starts_in_time(self, other) && starts_in_time(other, self)
    }
}

/// One whole, checked version of what the province publishes.
///
/// Every reference in it leads somewhere; two directories with equal [`canonical`](Self::canonical) bytes are
/// equal.
#[derive(Clone, Debug, PartialEq)]
pub struct Directory {
    province: Province,
    rule_sets: Vec<RuleSet>,
    calendars: Calendars,
    agencies: BTreeMap<AgencyCode, Agency>,
    workflows: BTreeMap<String, Workflow>,
    /// By code; the versions of one procedure by their first day.
    procedures: BTreeMap<ProcedureCode, Vec<Procedure>>,
    officers: BTreeMap<OfficerId, Officer>,
    waivers: BTreeMap<String, Waiver>,
    /// The file as it came, where a newer program wrote it: what this one does not understand is passed on.
    newer_text: Option<String>,
    content_hash: [u8; 32],
}

impl Directory {
    /// Reads a directory file: JSON Lines, one record per line, the province first; lines that are empty or
    /// begin with `#` are skipped, a byte order mark is tolerated, text is brought to NFC.
    ///
    /// # Errors
    /// Every fault of the file, by line; nothing is taken from a file with a fault. The list ends with
    /// `directory-too-many-faults` when it was cut at [`ParseBounds::faults_max`].
    pub fn parse(text: &str, bounds: &ParseBounds) -> Result<Self, Vec<Fault>> {
        parse::parse(text, bounds)
    }

    /// [`parse`](Self::parse) of a file's bytes, which may turn out not to be UTF-8.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_bytes(bytes: &[u8], bounds: &ParseBounds) -> Result<Self, Vec<Fault>> {
        parse::parse_bytes(bytes, bounds)
    }

    /// The same directory as bytes that depend on nothing but its content: sorted records, fixed order of
    /// fields, defaults left out. A file that [`parse`](Self::parse) reads back to an equal directory. For a
    /// file of a newer program: that file, as it came.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        canonical::bytes(self)
    }

    /// BLAKE3 of [`canonical`](Self::canonical), computed once when the directory was read.
    #[must_use]
    pub const fn content_hash(&self) -> [u8; 32] {
        self.content_hash
    }

    /// The province and its own rules.
    #[must_use]
    pub const fn province(&self) -> &Province {
        &self.province
    }

    /// The rules in force on a day. Where the file has none for it, the built-in ones.
    #[must_use]
    pub fn rule_set(&self, on: Date) -> &RuleSet {
        rules::in_force(&self.rule_sets, on)
    }

    /// All rule sets of the file, oldest first.
    #[must_use]
    pub fn rule_sets(&self) -> &[RuleSet] {
        &self.rule_sets
    }

    /// The calendar tables.
    #[must_use]
    pub const fn calendars(&self) -> &Calendars {
        &self.calendars
    }

    /// An agency, in force or not: old codes keep resolving.
    #[must_use]
    pub fn agency(&self, code: &AgencyCode) -> Option<&Agency> {
        self.agencies.get(code)
    }

    /// All agencies, by code.
    pub fn agencies(&self) -> impl Iterator<Item = &Agency> {
        self.agencies.values()
    }

    /// The office in force that has this national commune code, such as `18133`.
    #[must_use]
    pub fn commune(&self, commune_code: &str, on: Date) -> Option<&Agency> {
        self.agencies()
            .find(|agency| agency.commune_code.as_deref() == Some(commune_code) && agency.valid.holds_on(on))
    }

    /// How an agency takes part, or `None` for one that the directory does not know.
    #[must_use]
    pub fn seat_kind(&self, code: &AgencyCode) -> Option<SeatKind> {
        self.agency(code).map(|agency| agency.seat)
    }

    /// The agency that answers for `code` on a day: itself while in force, else its successor, and so on.
    /// `None` for an unknown agency and for one that ended without successor.
    #[must_use]
    pub fn agency_in_force(&self, code: &AgencyCode, on: Date) -> Option<&Agency> {
        let mut agency = self.agency(code)?;
        // Successors have no cycle, or the file would have been refused; the bound is the number of agencies.
        for _ in 0..self.agencies.len() {
            if agency.valid.holds_on(on) {
                return Some(agency);
            }
            agency = self.agency(agency.successor.as_ref()?)?;
        }
        None
    }

    /// The version of a procedure that is in force on a day.
    #[must_use]
    pub fn procedure(&self, code: &ProcedureCode, on: Date) -> Option<&Procedure> {
        self.procedure_versions(code).iter().find(|procedure| procedure.valid.holds_on(on))
    }

    /// Every version of a procedure, oldest first; empty for an unknown one.
    #[must_use]
    pub fn procedure_versions(&self, code: &ProcedureCode) -> &[Procedure] {
        self.procedures.get(code).map_or(&[], Vec::as_slice)
    }

    /// All versions of all procedures, by code and first day.
    pub fn procedures(&self) -> impl Iterator<Item = &Procedure> {
        self.procedures.values().flatten()
    }

    /// A workflow.
    #[must_use]
    pub fn workflow(&self, code: &str) -> Option<&Workflow> {
        self.workflows.get(code)
    }

    /// All workflows, by code.
    pub fn workflows(&self) -> impl Iterator<Item = &Workflow> {
        self.workflows.values()
    }

    /// The workflow of a procedure, where it has one.
    #[must_use]
    pub fn workflow_of(&self, procedure: &Procedure) -> Option<&Workflow> {
        self.workflow(procedure.workflow.as_deref()?)
    }

    /// The step that a dossier of this procedure begins at, where it has a workflow.
    #[must_use]
    pub fn first_step(&self, procedure: &Procedure) -> Option<&Step> {
        self.workflow_of(procedure)?.first()
    }

    /// An officer, active or not.
    #[must_use]
    pub fn officer(&self, id: &OfficerId) -> Option<&Officer> {
        self.officers.get(id)
    }

    /// All officers, by seat and number.
    pub fn officers(&self) -> impl Iterator<Item = &Officer> {
        self.officers.values()
    }

    /// The officers of one seat.
    pub fn officers_of<'a>(&'a self, seat: &'a AgencyCode) -> impl Iterator<Item = &'a Officer> {
        self.officers.values().filter(move |officer| officer.id.seat == *seat)
    }

    /// A waiver of fees.
    #[must_use]
    pub fn waiver(&self, code: &str) -> Option<&Waiver> {
        self.waivers.get(code)
    }

    /// All waivers, by code.
    pub fn waivers(&self) -> impl Iterator<Item = &Waiver> {
        self.waivers.values()
    }
}
