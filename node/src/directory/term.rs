//! Due dates and the classes of being in time (domain.md 2.7).

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::civil::Time;
use sync_protocol::time::Millis;

use crate::clock::civil;
use crate::clock::instant;
use crate::directory::Directory;
use crate::directory::calendar::Calendars;
use crate::directory::procedure::Procedure;
use crate::directory::procedure::SupplementClock;
use crate::directory::procedure::Term;
use crate::directory::procedure::TermUnit;
use crate::refusal::Refusal;

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

words! {
    /// Where an open dossier stands (domain.md 2.7.7).
    OpenClass {
        /// Trong hạn.
        "in_term" InTerm,
        /// Sắp đến hạn: at most one working day or a fifth of the term is left.
        "due_soon" DueSoon,
        /// Quá hạn: the due day has passed.
        "overdue" Overdue,
        /// Without any term: a class of its own.
        "no_term" NoTerm,
    }
    /// How a dossier ended, by date.
    EndClass {
        /// Trước hạn.
        "before" Before,
        /// Đúng hạn.
        "on_time" OnTime,
        /// Quá hạn.
        "overdue" Overdue,
        /// Without any term: a class of its own.
        "no_term" NoTerm,
    }
}

/// A due date cannot be computed: the calendar has no working day within reach, or the date is beyond every
/// calendar. A person must look at the tables; nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no working day within reach of the calendar tables")]
pub struct NoWorkingTime;

impl From<NoWorkingTime> for Refusal {
    fn from(_: NoWorkingTime) -> Self {
        Self::new("calendar-no-working-time")
    }
}

/// The due date of something received at `received_at`, or `None` for a procedure without any term.
///
/// `same_day_cutoff` holds for same-day terms that name no hour of their own. Working days keep the time of
/// day, except that what begins at the opening of a day is due at the closing of the last day: three working
/// days from Monday 07:00 end on Wednesday 17:00. Calendar days and months are due at the closing of their
/// last day, or of the next working day.
///
/// # Errors
/// [`NoWorkingTime`] asks for a look at the calendar tables.
pub fn due(
    calendars: &Calendars,
    term: Term,
    same_day_cutoff: Time,
    received_at: Millis,
) -> Result<Option<DueDate>, NoWorkingTime> {
    if term.unit == TermUnit::None {
        return Ok(None);
    }
    let computed = start(calendars, term, same_day_cutoff, received_at).and_then(|starts_at| {
        let at = end(calendars, term, starts_at)?;
        Some(DueDate {
            at,
            starts_at,
            amount: term.amount,
            unit: term.unit,
            calendar: tables(calendars, starts_at, at)?,
        })
    });
    computed.map(Some).ok_or(NoWorkingTime)
}

fn start(calendars: &Calendars, term: Term, same_day_cutoff: Time, received_at: Millis) -> Option<Millis> {
    let cutoff = term.cutoff.or((term.unit == TermUnit::SameDay).then_some(same_day_cutoff));
    let received = civil(received_at)?;
    let is_after_cutoff = cutoff.is_some_and(|cutoff| received.time() > cutoff);
    if is_after_cutoff && calendars.is_working_day(received.date()) {
        calendars.opening(calendars.working_day_after(received.date())?)
    } else {
        calendars.start_of_counting(received_at)
    }
}

fn end(calendars: &Calendars, term: Term, starts_at: Millis) -> Option<Millis> {
    let first_day = civil(starts_at)?.date();
    let amount = i64::from(term.amount);
    match term.unit {
        TermUnit::SameDay => calendars.closing(first_day),
        TermUnit::WorkingHours => calendars.add_working_ms(starts_at, amount * HOUR_MS),
        TermUnit::WorkingDays => working_days_later(calendars, starts_at, term.amount),
        TermUnit::Days => closing_from(calendars, first_day.checked_add(amount.days()).ok()?),
        TermUnit::Months => closing_from(calendars, first_day.checked_add(amount.months()).ok()?),
        // Answered by the caller: there is nothing to compute.
        TermUnit::None => None,
    }
}

fn closing_from(calendars: &Calendars, day: Date) -> Option<Millis> {
    calendars.closing(calendars.working_day_from(day)?)
}

/// The same time of day, `amount` working days later, brought into the hours of that day; an opening is
/// given as the closing before it, which is the same moment in working time.
fn working_days_later(calendars: &Calendars, starts_at: Millis, amount: u32) -> Option<Millis> {
    let starts = civil(starts_at)?;
    let mut day = starts.date();
    for _ in 0..amount {
        day = calendars.working_day_after(day)?;
    }
    let is_at_opening = calendars.opening(starts.date()) == Some(starts_at);
    let same_time = instant(day.to_datetime(starts.time()))?;
    let latest_here = if is_at_opening { None } else { last_moment_until(calendars, day, same_time) };
    match latest_here {
        Some(at) => Some(at),
        None => calendars.closing(calendars.working_day_before(day)?),
    }
}

/// The last moment of work on a day that is not after `at`; `None` when work only begins then or later.
fn last_moment_until(calendars: &Calendars, day: Date, at: Millis) -> Option<Millis> {
    let mut latest = None;
    for session in calendars.sessions_on(day) {
        let open = instant(day.to_datetime(session.open))?;
        let close = instant(day.to_datetime(session.close))?;
        let is_first = latest.is_none();
        if open < at || (open == at && !is_first) {
            latest = Some(at.min(close));
        }
    }
    latest
}

fn tables(calendars: &Calendars, from: Millis, to: Millis) -> Option<String> {
    let (first, last) = (civil(from)?.year(), civil(to)?.year());
    let name = calendars.name_of(first);
    if first == last { Some(name) } else { Some(format!("{name}+{}", calendars.name_of(last))) }
}

/// The due date after a pause: the old one plus the working time from request to resumption.
///
/// # Errors
/// [`NoWorkingTime`] as for [`due`].
pub fn due_after_pause(
    calendars: &Calendars,
    old: &DueDate,
    paused_at: Millis,
    resumed_at: Millis,
) -> Result<DueDate, NoWorkingTime> {
    let pause_ms = calendars.working_ms_between(paused_at, resumed_at);
    let at = if pause_ms == 0 { Some(old.at) } else { calendars.add_working_ms(old.at, pause_ms) };
    let at = at.ok_or(NoWorkingTime)?;
    let calendar = tables(calendars, old.starts_at, at).ok_or(NoWorkingTime)?;
    Ok(DueDate { at, calendar, ..old.clone() })
}

/// Where an open dossier stands at `now`. Overdue counts by date: the whole due day is in term.
#[must_use]
pub fn open_class(calendars: &Calendars, due: Option<&DueDate>, now: Millis) -> OpenClass {
    let Some(due) = due else { return OpenClass::NoTerm };
    if civil(now).map(|now| now.date()) > civil(due.at).map(|due| due.date()) {
        return OpenClass::Overdue;
    }
    let left_ms = calendars.working_ms_between(now, due.at);
    let whole_ms = calendars.working_ms_between(due.starts_at, due.at);
    if left_ms <= WORKING_DAY_MS || left_ms.saturating_mul(5) <= whole_ms {
        OpenClass::DueSoon
    } else {
        OpenClass::InTerm
    }
}

/// How a dossier ended, by date: this is what the law and the reports count.
#[must_use]
pub fn end_class(due_at: Option<Millis>, ended_at: Millis) -> EndClass {
    let Some(due_at) = due_at else { return EndClass::NoTerm };
    let day = |at| civil(at).map(|local| local.date());
    match day(ended_at).cmp(&day(due_at)) {
        std::cmp::Ordering::Less => EndClass::Before,
        std::cmp::Ordering::Equal => EndClass::OnTime,
        std::cmp::Ordering::Greater => EndClass::Overdue,
    }
}

/// How a dossier ended, by the minute: for the office itself.
#[must_use]
pub fn is_late_by_the_minute(due_at: Millis, ended_at: Millis) -> bool {
    ended_at.0.div_euclid(60_000) > due_at.0.div_euclid(60_000)
}

/// Whether an apology (Mẫu 04) given at `at` is in time: at least one day before the due day
/// (domain.md 2.7.8). A late one is allowed and marked.
#[must_use]
pub fn is_extension_in_time(due_at: Millis, at: Millis) -> bool {
    let day = |at| civil(at).map(|local| local.date());
    day(at) < day(due_at)
}

impl Directory {
    /// The due date of a request received at `received_at` under this procedure and case, or `None` for a
    /// procedure without any term.
    ///
    /// # Errors
    /// [`NoWorkingTime`] as for [`due`].
    pub fn due_of(
        &self,
        procedure: &Procedure,
        case: Option<&str>,
        received_at: Millis,
    ) -> Result<Option<DueDate>, NoWorkingTime> {
        let cutoff = self.rule_set(civil(received_at).ok_or(NoWorkingTime)?.date()).same_day_cutoff;
        due(self.calendars(), procedure.term_of(case), cutoff, received_at)
    }

    /// What the clock does during a supplement of a dossier received on `on`.
    #[must_use]
    pub fn supplement_clock(&self, procedure: &Procedure, on: Date) -> SupplementClock {
        procedure.supplement_clock.unwrap_or(self.rule_set(on).supplement_clock)
    }

    /// The due date once a supplement is complete at `resumed_at`, by the clock that the request named.
    ///
    /// # Errors
    /// [`NoWorkingTime`] as for [`due`].
    pub fn due_after_supplement(
        &self,
        clock: SupplementClock,
        old: &DueDate,
        requested_at: Millis,
        resumed_at: Millis,
    ) -> Result<DueDate, NoWorkingTime> {
        match clock {
            SupplementClock::Pause => due_after_pause(self.calendars(), old, requested_at, resumed_at),
            SupplementClock::Restart => {
                let term = Term { amount: old.amount, unit: old.unit, cutoff: None };
                let cutoff = self.rule_set(civil(resumed_at).ok_or(NoWorkingTime)?.date()).same_day_cutoff;
                due(self.calendars(), term, cutoff, resumed_at)?.ok_or(NoWorkingTime)
            }
        }
    }
}

const HOUR_MS: i64 = 3_600_000;
/// A working day is eight working hours (domain.md 2.7.1).
const WORKING_DAY_MS: i64 = 8 * HOUR_MS;

#[cfg(test)]
mod tests {
    use jiff::civil::time;
    use proptest::prelude::*;

    use super::*;
    use crate::directory::calendar::tests::any_moment;
    use crate::directory::calendar::tests::at;
    use crate::directory::calendar::tests::calendars;
    use crate::directory::calendar::tests::is_in_or_at_the_end_of_a_session;
    use crate::directory::calendar::tests::text;

    const CUTOFF: Time = time(15, 0, 0, 0);

    fn term(amount: u32, unit: TermUnit) -> Term {
        Term { amount, unit, cutoff: None }
    }

    fn due_in(term: Term, received: &str) -> DueDate {
        due(&calendars(), term, CUTOFF, at(received)).unwrap().unwrap()
    }

    #[test]
    fn the_worked_examples_of_the_law_hold() {
        use TermUnit::{Days, Months, SameDay, WorkingDays, WorkingHours};
        for (received, amount, unit, starts, ends) in [
            ("2025-11-21T16:30", 4, WorkingHours, "2025-11-21T16:30", "2025-11-24T10:30"),
            ("2025-11-21T17:20", 3, WorkingDays, "2025-11-24T07:00", "2025-11-26T17:00"),
            ("2025-11-24T07:00", 3, WorkingDays, "2025-11-24T07:00", "2025-11-26T17:00"),
            ("2025-11-25T09:10", 3, WorkingDays, "2025-11-25T09:10", "2025-11-28T09:10"),
            ("2025-11-25T12:10", 1, WorkingDays, "2025-11-25T13:30", "2025-11-26T13:30"),
            // Over a holiday (Monday 2 March), onto a working Saturday, onto a half Saturday.
            ("2026-02-27T10:00", 1, WorkingDays, "2026-02-27T10:00", "2026-03-03T10:00"),
            ("2026-03-06T10:00", 1, WorkingDays, "2026-03-06T10:00", "2026-03-07T10:00"),
            ("2026-03-13T15:00", 1, WorkingDays, "2026-03-13T15:00", "2026-03-14T11:00"),
            // Into and out of summer hours, which begin and end half an hour earlier in the morning.
            ("2026-04-30T07:00", 1, WorkingDays, "2026-04-30T07:00", "2026-04-30T17:00"),
            ("2026-04-29T11:20", 2, WorkingDays, "2026-04-29T11:20", "2026-05-01T11:00"),
            ("2026-08-31T06:45", 1, WorkingDays, "2026-08-31T06:45", "2026-08-31T17:00"),
            // Same day, in time, at 15:00 sharp, after it, in the lunch break, after closing, on a day off.
            ("2025-11-21T09:00", 0, SameDay, "2025-11-21T09:00", "2025-11-21T17:00"),
            ("2025-11-21T15:00", 0, SameDay, "2025-11-21T15:00", "2025-11-21T17:00"),
            ("2025-11-20T15:10", 0, SameDay, "2025-11-21T07:00", "2025-11-21T17:00"),
            ("2025-11-21T15:10", 0, SameDay, "2025-11-24T07:00", "2025-11-24T17:00"),
            ("2025-11-21T12:00", 0, SameDay, "2025-11-21T13:30", "2025-11-21T17:00"),
            ("2025-11-21T18:00", 0, SameDay, "2025-11-24T07:00", "2025-11-24T17:00"),
            ("2025-11-22T16:00", 0, SameDay, "2025-11-24T07:00", "2025-11-24T17:00"),
            ("2026-03-14T08:00", 0, SameDay, "2026-03-14T08:00", "2026-03-14T11:00"),
            // Calendar days: the seventh is a Sunday, the last one a holiday.
            ("2025-11-23T09:00", 6, Days, "2025-11-24T07:00", "2025-12-01T17:00"),
            ("2026-02-20T09:00", 10, Days, "2026-02-20T09:00", "2026-03-03T17:00"),
            ("2026-01-30T09:00", 1, Months, "2026-01-30T09:00", "2026-03-03T17:00"),
        ] {
            let found = due_in(term(amount, unit), received);
            assert_eq!(
                (text(found.starts_at), text(found.at)),
                (starts.to_owned(), ends.to_owned()),
                "{received} + {amount} {unit:?}"
            );
        }
    }

    #[test]
    fn a_term_may_have_a_cutoff_of_its_own() {
        let late = Term { cutoff: Some(time(15, 0, 0, 0)), ..term(1, TermUnit::WorkingDays) };
        assert_eq!(text(due_in(late, "2025-11-20T15:01").at), "2025-11-21T17:00");
        assert_eq!(text(due_in(late, "2025-11-20T14:59").at), "2025-11-21T14:59");
        let noon = Term { cutoff: Some(time(11, 0, 0, 0)), ..term(0, TermUnit::SameDay) };
        assert_eq!(text(due_in(noon, "2025-11-20T11:01").at), "2025-11-21T17:00");
    }

    #[test]
    fn no_term_has_no_due_date() {
        assert_eq!(due(&calendars(), term(0, TermUnit::None), CUTOFF, at("2025-11-20T15:01")), Ok(None));
    }

    #[test]
    fn the_tables_used_are_named() {
        for (received, tables) in [
            ("2026-03-03T08:00", "H27-2026"),
            ("2025-12-31T08:00", "H27-2025+H27-2026"),
            ("2026-12-31T08:00", "H27-2026+default-2027"),
            ("2031-01-06T08:00", "default-2031"),
        ] {
            assert_eq!(due_in(term(2, TermUnit::WorkingDays), received).calendar, tables, "{received}");
        }
    }

    #[test]
    fn a_pause_moves_the_due_date_and_a_restart_counts_anew() {
        let old = due_in(term(3, TermUnit::WorkingDays), "2025-11-24T07:00");
        let pause =
            |from: &str, to: &str| text(due_after_pause(&calendars(), &old, at(from), at(to)).unwrap().at);
        assert_eq!(pause("2025-11-24T16:00", "2025-11-25T09:00"), "2025-11-27T10:00");
        assert_eq!(pause("2025-11-24T16:00", "2025-11-24T16:00"), "2025-11-26T17:00");
        assert_eq!(pause("2025-11-24T17:00", "2025-11-25T06:00"), "2025-11-26T17:00");
        assert_eq!(pause("2025-11-24T16:00", "2025-11-24T15:00"), "2025-11-26T17:00");
        assert_eq!(pause("2025-11-28T17:00", "2025-11-30T10:00"), "2025-11-26T17:00");
    }

    #[test]
    fn the_directory_brings_term_rules_and_calendar_together() {
        let sample = Directory::sample();
        let on = jiff::civil::date(2026, 3, 2);
        let due_of = |code: &str, case, received| {
            let procedure = sample.procedure(&code.parse().unwrap(), on).unwrap();
            sample.due_of(procedure, case, at(received)).unwrap()
        };
        for (code, case, received, ends) in [
            ("1.001193", None, "2026-03-02T07:35", "2026-03-02T17:00"),
            ("1.001193", None, "2026-03-02T15:10", "2026-03-03T17:00"),
            ("1.000894", Some("xac-minh"), "2026-03-02T07:00", "2026-03-06T17:00"),
            ("1.004873", None, "2026-02-13T08:00", "2026-02-25T08:00"),
            ("1.012994", None, "2026-08-10T08:00", "2026-09-03T17:00"),
        ] {
            assert_eq!(text(due_of(code, case, received).unwrap().at), ends, "{code} {received}");
        }
        assert_eq!(due_of("9.900005", None, "2026-03-02T07:35"), None);

        let old = due_of("1.004873", None, "2026-03-02T07:00").unwrap();
        let after = |clock| {
            let (asked, complete) = (at("2026-03-03T07:00"), at("2026-03-10T07:00"));
            text(sample.due_after_supplement(clock, &old, asked, complete).unwrap().at)
        };
        assert_eq!(text(old.at), "2026-03-04T17:00");
        assert_eq!(after(SupplementClock::Pause), "2026-03-11T17:00");
        assert_eq!(after(SupplementClock::Restart), "2026-03-12T17:00");
        let procedure = sample.procedure(&"1.004873".parse().unwrap(), on).unwrap();
        assert_eq!(sample.supplement_clock(procedure, on), SupplementClock::Pause);
        assert_eq!(
            sample.supplement_clock(procedure, jiff::civil::date(2025, 6, 30)),
            SupplementClock::Restart
        );
    }

    #[test]
    fn classes_count_by_date() {
        let calendars = calendars();
        let due = due_in(term(10, TermUnit::WorkingDays), "2025-11-10T07:00");
        assert_eq!(text(due.at), "2025-11-21T17:00");
        for (now, class) in [
            ("2025-11-10T07:00", OpenClass::InTerm),
            ("2025-11-19T16:59", OpenClass::InTerm),
            ("2025-11-19T17:00", OpenClass::DueSoon),
            ("2025-11-21T07:00", OpenClass::DueSoon),
            ("2025-11-21T23:59", OpenClass::DueSoon),
            ("2025-11-22T00:00", OpenClass::Overdue),
        ] {
            assert_eq!(open_class(&calendars, Some(&due), at(now)), class, "{now}");
        }
        let short = due_in(term(3, TermUnit::WorkingDays), "2025-11-24T07:00");
        assert_eq!(open_class(&calendars, Some(&short), at("2025-11-25T16:59")), OpenClass::InTerm);
        assert_eq!(open_class(&calendars, Some(&short), at("2025-11-25T17:00")), OpenClass::DueSoon);
        assert_eq!(open_class(&calendars, None, at("2025-11-25T17:00")), OpenClass::NoTerm);
        for (ended, class) in [
            ("2025-11-20T23:59", EndClass::Before),
            ("2025-11-21T00:00", EndClass::OnTime),
            ("2025-11-21T23:59", EndClass::OnTime),
            ("2025-11-22T00:00", EndClass::Overdue),
        ] {
            assert_eq!(end_class(Some(due.at), at(ended)), class, "{ended}");
        }
        assert_eq!(end_class(None, at("2025-11-20T23:59")), EndClass::NoTerm);
        assert!(!is_late_by_the_minute(due.at, at("2025-11-21T17:00")));
        assert!(is_late_by_the_minute(due.at, at("2025-11-21T17:01")));
        assert!(is_extension_in_time(due.at, at("2025-11-20T23:00")));
        assert!(!is_extension_in_time(due.at, at("2025-11-21T07:00")));
    }

    fn any_term() -> impl Strategy<Value = Term> {
        let units = prop::sample::select(vec![
            TermUnit::WorkingDays,
            TermUnit::WorkingHours,
            TermUnit::Days,
            TermUnit::Months,
            TermUnit::SameDay,
        ]);
        (1_u32..30, units, prop::option::of(Just(CUTOFF))).prop_map(|(amount, unit, cutoff)| Term {
            amount,
            unit,
            cutoff,
        })
    }

    proptest! {
        #[test]
        fn due_dates_lie_in_working_time_and_after_the_start(received in any_moment(), term in any_term()) {
            let calendars = calendars();
            let found = due(&calendars, term, CUTOFF, received).unwrap().unwrap();
            prop_assert!(received <= found.starts_at && found.starts_at < found.at);
            prop_assert!(is_in_or_at_the_end_of_a_session(&calendars, found.starts_at));
            prop_assert!(is_in_or_at_the_end_of_a_session(&calendars, found.at));
        }

        #[test]
        fn later_receipts_are_never_due_earlier(
            received in any_moment(), later in 0_i64..9_000, term in any_term(),
        ) {
            let calendars = calendars();
            let early = due(&calendars, term, CUTOFF, received).unwrap().unwrap();
            let late = due(&calendars, term, CUTOFF, Millis(received.0 + later * 60_000)).unwrap().unwrap();
            prop_assert!(early.starts_at <= late.starts_at);
            prop_assert!(early.at <= late.at, "{} then {}", text(early.at), text(late.at));
        }

        #[test]
        fn a_pause_is_a_shift_in_working_time(
            received in any_moment(), term in any_term(), wait in 0_i64..9_000, pause in 0_i64..20_000,
        ) {
            let calendars = calendars();
            let old = due(&calendars, term, CUTOFF, received).unwrap().unwrap();
            let paused_at = Millis(received.0 + wait * 60_000);
            let resumed_at = Millis(paused_at.0 + pause * 60_000);
            let new = due_after_pause(&calendars, &old, paused_at, resumed_at).unwrap();
            prop_assert_eq!(
                calendars.working_ms_between(old.at, new.at),
                calendars.working_ms_between(paused_at, resumed_at)
            );
            if paused_at <= old.at {
                prop_assert_eq!(
                    calendars.working_ms_between(paused_at, old.at),
                    calendars.working_ms_between(resumed_at, new.at)
                );
            }
            prop_assert!(is_in_or_at_the_end_of_a_session(&calendars, new.at));
        }
    }
}
