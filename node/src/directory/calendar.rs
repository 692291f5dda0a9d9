//! Working time on the signed yearly tables (domain.md 2.7.2-2.7.5).

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::civil::Time;
use jiff::civil::Weekday;
use sync_protocol::time::Millis;

use crate::clock::civil;
use crate::clock::instant;
use crate::directory::Extensions;

/// One stretch of working time within a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// When it begins.
    pub open: Time,
    /// When it ends; the end itself still counts as inside for a due date, not for the start of one.
    pub close: Time,
}

/// A part of the year with hours of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Season {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// Its hours.
    pub sessions: Vec<Session>,
}

/// A day that differs from its weekday.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecialDay {
    /// The day.
    pub date: Date,
    /// A working Saturday in place of another day, rather than a holiday.
    pub is_working: bool,
    /// Its own hours, where they differ from the season's.
    pub sessions: Vec<Session>,
    /// What it is: `Tết`, `làm bù`.
    pub name: Option<String>,
    /// By which notice.
    pub basis: Option<String>,
}

/// The table of one year: Monday to Friday except holidays, and the days worked in their place.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// The year.
    pub year: i16,
    /// Its name in dossiers, such as `H27-2026`.
    pub name: String,
    /// The hours of every working day outside the seasons.
    pub sessions: Vec<Session>,
    /// Parts of the year with other hours; they do not overlap.
    pub seasons: Vec<Season>,
    /// Holidays and days worked in their place, by date.
    pub days: Vec<SpecialDay>,
    /// By which decision.
    pub legal_basis: Vec<String>,
    /// Fields for others.
    pub extensions: Extensions,
}

/// Every table the province has published. For a year without one the plain weekly rule holds: Monday to
/// Friday, 07:00-11:30 and 13:30-17:00, and no holidays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calendars {
    pub(super) by_year: BTreeMap<i16, Calendar>,
}
