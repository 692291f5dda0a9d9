//! Due dates and the classes of being in time (domain.md 2.7).

use sync_protocol::time::Millis;

use crate::directory::procedure::TermUnit;

/// A due date and how it was computed. What a dossier keeps, so that it can be checked without a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDate {
    /// The instant; the day binds.
    pub at: Millis,
    /// From when the term is counted, after the rules on closing, lunch and the cut-off hour.
    pub starts_at: Millis,
    /// How many units.
    pub amount: u32,
    /// Of what.
    pub unit: TermUnit,
    /// The calendar tables used, by name: `H27-2026`, two joined by `+`, `default-2028` for a missing one.
    pub calendar: String,
}
