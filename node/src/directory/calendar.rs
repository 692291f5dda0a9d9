//! Working time on the signed yearly tables (domain.md 2.7.2-2.7.5).

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::civil::Time;
use jiff::civil::Weekday;
use jiff::civil::time;
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

impl Calendar {
    /// The hours of a day of this year; none on a day off.
    #[must_use]
    pub fn sessions_on(&self, day: Date) -> &[Session] {
        let special = self.days.binary_search_by_key(&day, |special| special.date).ok();
        let special = special.and_then(|at| self.days.get(at));
        match special {
            Some(special) if !special.is_working => &[],
            Some(special) if !special.sessions.is_empty() => &special.sessions,
            Some(_) => self.usual_sessions(day),
            None if is_weekend(day) => &[],
            None => self.usual_sessions(day),
        }
    }

    fn usual_sessions(&self, day: Date) -> &[Session] {
        let season = self.seasons.iter().find(|season| (season.from..=season.to).contains(&day));
        season.map_or(&self.sessions, |season| &season.sessions)
    }
}

impl Calendars {
    /// The table of a year.
    #[must_use]
    pub fn of_year(&self, year: i16) -> Option<&Calendar> {
        self.by_year.get(&year)
    }

    /// All tables, by year.
    pub fn iter(&self) -> impl Iterator<Item = &Calendar> {
        self.by_year.values()
    }

    /// Whether a year has no table, so that its due dates rest on the plain weekly rule.
    #[must_use]
    pub fn is_table_missing(&self, year: i16) -> bool {
        !self.by_year.contains_key(&year)
    }

    /// The year whose table must be asked for: this one, or from November the next one (domain.md 2.7.5).
    #[must_use]
    pub fn year_to_ask_for(&self, today: Date) -> Option<i16> {
        let next = today.year().saturating_add(1);
        if self.is_table_missing(today.year()) {
            Some(today.year())
        } else {
            (today.month() >= 11 && self.is_table_missing(next)).then_some(next)
        }
    }

    /// The name of a year's table, `default-2028` where the plain weekly rule stands in for it.
    #[must_use]
    pub fn name_of(&self, year: i16) -> String {
        self.of_year(year).map_or_else(|| format!("default-{year}"), |calendar| calendar.name.clone())
    }

    /// The hours of a day; none on a day off.
    #[must_use]
    pub fn sessions_on(&self, day: Date) -> &[Session] {
        match self.of_year(day.year()) {
            Some(calendar) => calendar.sessions_on(day),
            None if is_weekend(day) => &[],
            None => &DEFAULT_SESSIONS,
        }
    }

    /// Whether any work is done on a day.
    #[must_use]
    pub fn is_working_day(&self, day: Date) -> bool {
        !self.sessions_on(day).is_empty()
    }

    /// The first working day from `day` on, that day included; `None` when there is none within
    /// [`SEARCH_DAYS_MAX`].
    #[must_use]
    pub fn working_day_from(&self, day: Date) -> Option<Date> {
        let mut day = day;
        for _ in 0..SEARCH_DAYS_MAX {
            if self.is_working_day(day) {
                return Some(day);
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// The first working day after `day`.
    #[must_use]
    pub fn working_day_after(&self, day: Date) -> Option<Date> {
        self.working_day_from(day.tomorrow().ok()?)
    }

    /// The last working day before `day`.
    #[must_use]
    pub fn working_day_before(&self, day: Date) -> Option<Date> {
        let mut day = day;
        for _ in 0..SEARCH_DAYS_MAX {
            day = day.yesterday().ok()?;
            if self.is_working_day(day) {
                return Some(day);
            }
        }
        None
    }

    /// When work begins on a day, or `None` on a day off.
    #[must_use]
    pub fn opening(&self, day: Date) -> Option<Millis> {
        let first = self.sessions_on(day).first()?;
        instant(day.to_datetime(first.open))
    }

    /// When work ends on a day, or `None` on a day off.
    #[must_use]
    pub fn closing(&self, day: Date) -> Option<Millis> {
        let last = self.sessions_on(day).last()?;
        instant(day.to_datetime(last.close))
    }

    /// The moment from which working time runs: `at` itself inside working hours, else the next opening. The
    /// very end of a session is no longer inside it (domain.md 2.7.3).
    ///
    /// `None` when no work is done within [`SEARCH_DAYS_MAX`] days, or outside the years -9999 to 9999.
    #[must_use]
    pub fn start_of_counting(&self, at: Millis) -> Option<Millis> {
        let day = civil(at)?.date();
        let later = self.stretches(day).find(|stretch| at < stretch.close);
        match later {
            Some(stretch) => Some(at.max(stretch.open)),
            None => self.opening(self.working_day_after(day)?),
        }
    }

    /// `at` moved on by an amount of working time. A result that falls on the end of a session is given as
    /// that end, not as the next opening. An amount of zero or less moves nothing but a moment outside working
    /// hours, which becomes the next opening.
    ///
    /// `None` as for [`start_of_counting`](Self::start_of_counting).
    #[must_use]
    pub fn add_working_ms(&self, at: Millis, working_ms: i64) -> Option<Millis> {
        let mut day = civil(at)?.date();
        let mut left_ms = working_ms.max(0);
        let mut empty_days = 0;
        while empty_days < SEARCH_DAYS_MAX {
            empty_days += 1;
            for stretch in self.stretches(day) {
                empty_days = 0;
                let from = at.max(stretch.open);
                // Outside this stretch altogether; its very end is a place to stay at, not to go on from.
                if from > stretch.close || (from == stretch.close && left_ms > 0) {
                    continue;
                }
                let here_ms = stretch.close.0 - from.0;
                if left_ms <= here_ms {
                    return Some(Millis(from.0 + left_ms));
                }
                left_ms -= here_ms;
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// The working time between two moments, in milliseconds; zero when `to` is not after `from`.
    #[must_use]
    pub fn working_ms_between(&self, from: Millis, to: Millis) -> i64 {
        let (Some(first), Some(last)) = (civil(from), civil(to)) else { return 0 };
        let mut day = first.date();
        let mut sum_ms: i64 = 0;
        while day <= last.date() {
            for stretch in self.stretches(day) {
                let here_ms = stretch.close.min(to).0.saturating_sub(stretch.open.max(from).0);
                sum_ms = sum_ms.saturating_add(here_ms.max(0));
            }
            match day.tomorrow() {
                Ok(tomorrow) => day = tomorrow,
                Err(_) => break,
            }
        }
        sum_ms
    }

    /// The sessions of a day as instants.
    fn stretches(&self, day: Date) -> impl Iterator<Item = Stretch> {
        self.sessions_on(day).iter().filter_map(move |session| {
            Some(Stretch {
                open: instant(day.to_datetime(session.open))?,
                close: instant(day.to_datetime(session.close))?,
            })
        })
    }
}

/// A session of a certain day.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    open: Millis,
    close: Millis,
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// Domain.md 2.7.2: 07:00-11:30 and 13:30-17:00, which is eight hours.
pub const DEFAULT_SESSIONS: [Session; 2] = [
    Session { open: time(7, 0, 0, 0), close: time(11, 30, 0, 0) },
    Session { open: time(13, 30, 0, 0), close: time(17, 0, 0, 0) },
];

/// How far the next working day is looked for: more than a year without work is a broken table.
pub const SEARCH_DAYS_MAX: u32 = 400;

#[cfg(test)]
pub(super) mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::clock::parse_rfc3339;
    use crate::clock::rfc3339;

    /// Vietnam's time without seconds and offset: `2025-11-21T16:30`.
    pub(crate) fn at(text: &str) -> Millis {
        parse_rfc3339(&format!("{text}:00+07:00")).unwrap()
    }

    pub(crate) fn text(at: Millis) -> String {
        rfc3339(at).replace(":00+07:00", "")
    }

    fn table(year: i16, days: Vec<SpecialDay>) -> Calendar {
        Calendar {
            year,
            name: format!("H27-{year}"),
            sessions: DEFAULT_SESSIONS.to_vec(),
            seasons: Vec::new(),
            days,
            legal_basis: Vec::new(),
            extensions: Extensions::new(),
        }
    }

    fn special(date: Date, is_working: bool, sessions: Vec<Session>) -> SpecialDay {
        SpecialDay { date, is_working, sessions, name: None, basis: None }
    }

    /// 2026 with a holiday on Monday 2 March, a Saturday worked in its place, a half Saturday, and summer
    /// hours; 2025 plain; nothing else.
    pub(crate) fn calendars() -> Calendars {
        let half = vec![Session { open: time(7, 0, 0, 0), close: time(11, 0, 0, 0) }];
        let mut this_year = table(
            2026,
            vec![
                special(date(2026, 3, 2), false, Vec::new()),
                special(date(2026, 3, 7), true, Vec::new()),
                special(date(2026, 3, 14), true, half),
            ],
        );
        this_year.seasons.push(Season {
            from: date(2026, 5, 1),
            to: date(2026, 8, 31),
            sessions: vec![
                Session { open: time(6, 30, 0, 0), close: time(11, 0, 0, 0) },
                Session { open: time(13, 30, 0, 0), close: time(17, 0, 0, 0) },
            ],
        });
        Calendars { by_year: [(2025, table(2025, Vec::new())), (2026, this_year)].into() }
    }

    #[test]
    fn working_days_follow_the_table() {
        let calendars = calendars();
        for (day, is_working) in [
            (date(2026, 3, 1), false),
            (date(2026, 3, 2), false),
            (date(2026, 3, 3), true),
            (date(2026, 3, 7), true),
            (date(2026, 3, 8), false),
            (date(2026, 3, 14), true),
            (date(2030, 1, 1), true),
            (date(2030, 1, 5), false),
        ] {
            assert_eq!(calendars.is_working_day(day), is_working, "{day}");
        }
        assert_eq!(calendars.closing(date(2026, 3, 14)), Some(at("2026-03-14T11:00")));
        assert_eq!(calendars.opening(date(2026, 6, 1)), Some(at("2026-06-01T06:30")));
        assert_eq!(calendars.opening(date(2026, 4, 30)), Some(at("2026-04-30T07:00")));
        assert_eq!(calendars.opening(date(2026, 3, 2)), None);
    }

    #[test]
    fn a_year_without_table_says_so() {
        let calendars = calendars();
        assert!(!calendars.is_table_missing(2026));
        assert!(calendars.is_table_missing(2027));
        assert_eq!(calendars.name_of(2026), "H27-2026");
        assert_eq!(calendars.name_of(2027), "default-2027");
        assert_eq!(calendars.year_to_ask_for(date(2025, 11, 1)), None);
        assert_eq!(calendars.year_to_ask_for(date(2026, 10, 31)), None);
        assert_eq!(calendars.year_to_ask_for(date(2026, 11, 1)), Some(2027));
        assert_eq!(calendars.year_to_ask_for(date(2027, 1, 1)), Some(2027));
    }

    #[test]
    fn counting_starts_at_the_next_opening() {
        let calendars = calendars();
        for (received, starts) in [
            ("2025-11-21T08:15", "2025-11-21T08:15"),
            ("2025-11-21T06:00", "2025-11-21T07:00"),
            ("2025-11-21T11:29", "2025-11-21T11:29"),
            ("2025-11-21T11:30", "2025-11-21T13:30"),
            ("2025-11-21T12:00", "2025-11-21T13:30"),
            ("2025-11-21T17:00", "2025-11-24T07:00"),
            ("2025-11-21T17:20", "2025-11-24T07:00"),
            ("2025-11-22T09:00", "2025-11-24T07:00"),
            ("2026-02-28T09:00", "2026-03-03T07:00"),
        ] {
            let found = calendars.start_of_counting(at(received)).map(text);
            assert_eq!(found.as_deref(), Some(starts), "{received}");
        }
    }

    #[test]
    fn hours_skip_lunch_nights_and_holidays() {
        let calendars = calendars();
        const HOUR_MS: i64 = 3_600_000;
        for (from, hours, to) in [
            ("2025-11-21T16:30", 4, "2025-11-24T10:30"),
            ("2025-11-21T10:30", 1, "2025-11-21T11:30"),
            ("2025-11-21T10:30", 2, "2025-11-21T14:30"),
            ("2025-11-21T07:00", 8, "2025-11-21T17:00"),
            ("2025-11-21T17:20", 24, "2025-11-26T17:00"),
            ("2026-02-27T16:00", 2, "2026-03-03T08:00"),
            ("2026-03-06T17:00", 8, "2026-03-07T17:00"),
        ] {
            let found = calendars.add_working_ms(at(from), hours * HOUR_MS).map(text);
            assert_eq!(found.as_deref(), Some(to), "{from} + {hours} h");
        }
    }

    #[test]
    fn a_calendar_without_work_gives_no_answer() {
        let mut empty = Calendars::default();
        for year in 2026..2029 {
            empty.by_year.insert(year, Calendar { sessions: Vec::new(), ..table(year, Vec::new()) });
        }
        assert_eq!(empty.start_of_counting(at("2026-03-03T08:00")), None);
        assert_eq!(empty.add_working_ms(at("2026-03-03T08:00"), 1), None);
        assert_eq!(Calendars::default().add_working_ms(Millis(i64::MAX), 1), None);
    }

    prop_compose! {
        /// Any minute from January 2025 to the end of 2027, whose last year has no table.
        pub(crate) fn any_moment()(minute in 0_i64..1_576_800) -> Millis {
            Millis(at("2025-01-01T00:00").0 + minute * 60_000)
        }
    }

    proptest! {
        #[test]
        fn working_time_can_be_added_in_parts(from in any_moment(), a in 0_i64..9_000, b in 0_i64..9_000) {
            let calendars = calendars();
            let at_once = calendars.add_working_ms(from, (a + b) * 60_000).unwrap();
            let first = calendars.add_working_ms(from, a * 60_000).unwrap();
            prop_assert_eq!(calendars.add_working_ms(first, b * 60_000).unwrap(), at_once);
        }

        #[test]
        fn what_was_added_can_be_measured(from in any_moment(), minutes in 0_i64..9_000) {
            let calendars = calendars();
            let to = calendars.add_working_ms(from, minutes * 60_000).unwrap();
            prop_assert!(to >= from);
            prop_assert_eq!(calendars.working_ms_between(from, to), minutes * 60_000);
            prop_assert!(is_in_or_at_the_end_of_a_session(&calendars, to));
        }

        #[test]
        fn later_starts_and_longer_times_never_end_earlier(
            from in any_moment(), later in 0_i64..9_000, minutes in 0_i64..9_000, more in 0_i64..9_000,
        ) {
            let calendars = calendars();
            let add = |from: Millis, minutes: i64| calendars.add_working_ms(from, minutes * 60_000).unwrap();
            prop_assert!(add(Millis(from.0 + later * 60_000), minutes) >= add(from, minutes));
            prop_assert!(add(from, minutes + more) >= add(from, minutes));
        }
    }

    pub(crate) fn is_in_or_at_the_end_of_a_session(calendars: &Calendars, at: Millis) -> bool {
        let day = civil(at).unwrap().date();
        calendars.stretches(day).any(|stretch| (stretch.open..=stretch.close).contains(&at))
    }
}
