//! Dossier numbers: series granted to this machine, a counter per series and day, and the province's allotments
//! (domain.md 2.6).
//!
//! A machine numbers under one series as long as its witness agrees that nothing was rolled back; otherwise it
//! moves to its next unused one. A series is left for ever.

use std::collections::BTreeSet;

use jiff::civil::Date;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use sync_protocol::ids::DocId;
use sync_protocol::ids::NodeId;
use sync_protocol::time::Millis;

use crate::dossier::number;
use crate::dossier::number::Series;
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::store::conditions;
use crate::store::sql;
use crate::store::view::View;
use crate::store::witness::Record;
use crate::store::writer::WriteTx;

/// A series of a machine known to be gone may be given out again after this long.
pub const REUSE_AFTER_RELEASE_MS: i64 = 40 * 24 * 3_600_000;

/// Of so many numbers that a rolled-back database lacks a person is told one by one.
const LOST_NUMBERS_MAX: usize = 200;

/// One number drawn: the printed form is agency, day, `series`, then `counter` with at least 4 digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayNumber {
    /// `000` to `899`, or `9000` to `9999`.
    pub series: String,
    /// From 1 each day.
    pub counter: u32,
}

/// Where a granted series stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesState {
    /// Granted and not begun.
    Unused,
    /// Numbers are drawn from it.
    InUse,
    /// A copy of this machine has drawn from it; never begun here.
    UsedElsewhere,
    /// Left for ever.
    Retired,
}

impl SeriesState {
    const fn code(self) -> i64 {
        match self {
            Self::Unused => 1,
            Self::InUse => 2,
            Self::UsedElsewhere => 3,
            Self::Retired => 4,
        }
    }

    /// The word in listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::InUse => "in_use",
            Self::UsedElsewhere => "used_elsewhere",
            Self::Retired => "retired",
        }
    }
}

/// Consecutive series that the province may give out, agreed with the one-stop software already in use. Values from
/// 0 to 899 are written with three digits, from 9000 to 9999 with four; others are no series and are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesBlock {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// Series, day (yyyymmdd) and counter of a dossier number of ours; `None` for numbers of other systems.
pub(crate) fn parts_of(number: &str) -> Option<(String, u32, u32)> {
    let parts = number::parts(number)?;
    Some((parts.series.to_string(), 20_000_000 + parts.day.parse::<u32>().ok()?, parts.counter))
}

/// A day as numbers print it, with two digits of the year: a clock that says 1970 must not count beside 2070.
fn day_code(day: Date) -> u32 {
    let (year, month, date) = (day.year(), day.month(), day.day());
    let part = |value: i8| u32::try_from(value).unwrap_or(0);
    (2000 + u32::try_from(year.rem_euclid(100)).unwrap_or(0)) * 10_000 + part(month) * 100 + part(date)
}

impl View<'_> {
    /// At the province: a block in the order in which it is given out. What nobody ever had comes first: a machine that is
    /// held to be gone may still be at work on its own disk, and 40 days are only what this machine's clock says.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn series_in_order(&self, block: &[u16]) -> Result<Vec<u16>, StoreError> {
        let mut given = self.connection.prepare_cached("SELECT 1 FROM allotment WHERE series = ?1")?;
        let (mut first, mut then) = (Vec::new(), Vec::new());
        for value in block {
            let is_given = match Series::new(*value) {
                Some(series) => given.exists([series.to_string()])?,
                None => true,
            };
            if is_given { &mut then } else { &mut first }.push(*value);
        }
        first.append(&mut then);
        Ok(first)
    }

    /// Every series granted to this machine and where it stands.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn series(&self) -> Result<Vec<(String, SeriesState)>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT series, state FROM series ORDER BY series")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
        rows.map(|row| {
            let (series, code) = row?;
            let known =
                [SeriesState::Unused, SeriesState::InUse, SeriesState::UsedElsewhere, SeriesState::Retired];
            let state = known.into_iter().find(|state| state.code() == code);
            let damaged = || StoreError::Corrupt { what: "a series' state".to_owned() };
            Ok((series, state.ok_or_else(damaged)?))
        })
        .collect()
    }

    /// At the province: how many of the series given to a machine it can still begin, as far as is known here. A
    /// machine begins them in the order in which it got them, so those before one it has begun are left.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn spare_series(&self, machine: NodeId) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM allotment a WHERE a.machine = ?1 AND a.released_at IS NULL AND a.used_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM allotment b WHERE b.machine = ?1 AND b.released_at IS NULL \
             AND b.used_at IS NOT NULL AND b.place > a.place)",
        )?;
        Ok(statement.query_row([machine.0], |row| sql::uint_at(row, 0))?)
    }

    /// At the province: every series that a machine was ever given and that nobody else has since.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn series_of(&self, machine: NodeId) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT series FROM allotment WHERE machine = ?1 ORDER BY place")?;
        let rows = statement.query_map([machine.0], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Which of these ends of numbers (`261121-0690012`) no dossier here has.
    pub(crate) fn numbers_of_nobody(&self, ends: &[&str]) -> Result<Vec<String>, StoreError> {
        let mut missing: BTreeSet<String> = ends.iter().map(|end| (*end).to_owned()).collect();
        let mut statement = self.connection.prepare_cached("SELECT number FROM dossier")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let number: Option<String> = row.get(0)?;
            if let Some((_agency, end)) = number.as_deref().and_then(|number| number.split_once('-')) {
                missing.remove(end);
            }
        }
        Ok(missing.into_iter().collect())
    }

    /// How many granted series are unused.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unused_series(&self) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT count(*) FROM series WHERE state = 1")?;
        Ok(statement.query_row([], |row| sql::uint_at(row, 0))?)
    }
}

impl WriteTx<'_> {
    /// Takes over series that the province granted to this machine. One that is known already keeps its state.
    ///
    /// # Errors
    /// Refused with `number-not-a-series` when one is none.
    pub fn grant_series(&mut self, series: &[String]) -> Result<(), StoreError> {
        let at = self.now();
        for one in series {
            if Series::parse(one).is_none() {
                return Err(Refusal::new("number-not-a-series").with("series", one).into());
            }
            self.execute(
                "INSERT OR IGNORE INTO series (series, granted_at, state, changed_at) VALUES (?1, ?2, 1, ?2)",
                (one, at.0),
            )?;
        }
        Ok(())
    }

    /// Draws the next number of `day`.
    ///
    /// # Errors
    /// Refused with `number-no-series` when every granted series was left or is used by a copy.
    pub fn next_number(&mut self, day: Date) -> Result<DayNumber, StoreError> {
        let at = self.now();
        let connection = self.connection();
        if !self.memory.is_vouched {
            leave_unvouched_series(connection, at)?;
            self.memory.is_vouched = true;
        }
        let (series, floor) = match series_in_use(connection)? {
            Some(found) => found,
            None => begin_series(connection, at)?.ok_or_else(|| Refusal::new("number-no-series"))?,
        };
        let day = day_code(day);
        let last: Option<u32> = connection
            .prepare_cached("SELECT last FROM counter WHERE series = ?1 AND day = ?2")?
            .query_row((&series, day), |row| row.get(0))
            .optional()?;
        let counter = last.unwrap_or(floor) + 1;
        set_counter(connection, &series, day, counter)?;
        self.memory.witness_mut().note_number(&series, day, counter);
        Ok(DayNumber { series, counter })
    }

    /// Gives `how_many` free series of `block` to a machine, lowest first, and records it. Asking again gives
    /// further ones.
    ///
    /// # Errors
    /// Refused with `number-block-empty` when the block has not enough; nothing is given then.
    pub fn allot_series(
        &mut self,
        machine: NodeId,
        how_many: usize,
        block: SeriesBlock,
    ) -> Result<Vec<String>, StoreError> {
        let at = self.now();
        let mut given = Vec::new();
        for series in (block.first..=block.last).filter_map(Series::new) {
            let series = series.to_string();
            if given.len() == how_many {
                break;
            }
            let released: Option<Option<i64>> = self
                .connection()
                .prepare_cached("SELECT released_at FROM allotment WHERE series = ?1")?
                .query_row([&series], |row| row.get(0))
                .optional()?;
            let is_free = match released {
                None => true,
                Some(Some(released_at)) => at.0.saturating_sub(released_at) >= REUSE_AFTER_RELEASE_MS,
                Some(None) => false,
            };
            if is_free {
                given.push(series);
            }
        }
        if given.len() < how_many {
            return Err(Refusal::new("number-block-empty").with("wanted", how_many).into());
        }
        for series in &given {
            self.execute(
                "INSERT INTO allotment (series, machine, given_at, place) \
                 VALUES (?1, ?2, ?3, (SELECT coalesce(max(place), 0) + 1 FROM allotment)) \
                 ON CONFLICT (series) DO UPDATE SET machine = ?2, given_at = ?3, released_at = NULL, used_at = NULL, \
                 place = excluded.place",
                (series, machine.0, at.0),
            )?;
        }
        Ok(given)
    }

    /// At the province: the series set aside under one name become a machine's, in the order they were given. Used
    /// for those of a pack, which were given before anybody knew the machine.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn hand_over_series(&mut self, from: NodeId, to: NodeId) -> Result<Vec<String>, StoreError> {
        let series: Vec<String> = self
            .connection()
            .prepare_cached(
                "SELECT series FROM allotment WHERE machine = ?1 AND released_at IS NULL ORDER BY place",
            )?
            .query_map([from.0], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        self.execute(
            "UPDATE allotment SET machine = ?2 WHERE machine = ?1 AND released_at IS NULL",
            (from.0, to.0),
        )?;
        Ok(series)
    }

    /// At the province: a dossier with a number of ours is here, so the machine that was given its series has begun it.
    /// Only that machine's own entries count: nobody uses up another's series.
    pub(crate) fn saw_number(&mut self, number: &str, doc: DocId) -> Result<(), StoreError> {
        let Some((series, _, _)) = parts_of(number) else { return Ok(()) };
        let at = self.now();
        self.execute(
            "UPDATE allotment SET used_at = ?2 WHERE series = ?1 AND used_at IS NULL AND EXISTS \
             (SELECT 1 FROM entry e JOIN log l ON l.id = e.log WHERE e.doc = ?3 AND l.machine = allotment.machine)",
            (series, at.0, doc.0),
        )?;
        Ok(())
    }

    /// Notes that a machine is known to be gone; its series are free again after [`REUSE_AFTER_RELEASE_MS`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn release_series(&mut self, machine: NodeId) -> Result<(), StoreError> {
        let at = self.now();
        self.execute(
            "UPDATE allotment SET released_at = ?2 WHERE machine = ?1 AND released_at IS NULL",
            (machine.0, at.0),
        )?;
        Ok(())
    }

    /// A number of this machine's identity was seen that this database did not write. `is_taken` says that the same
    /// number stands on another dossier here.
    ///
    /// An unused series is then never begun. The one in use is left when the number cannot be this machine's own
    /// lost past: the witness would have known its counter, or the number is taken.
    pub(crate) fn saw_own_number(&mut self, number: &str, is_taken: bool) -> Result<(), StoreError> {
        let Some((series, day, counter)) = parts_of(number) else { return Ok(()) };
        let at = self.now();
        let connection = self.connection();
        let unused = self.execute(
            "UPDATE series SET state = 3, changed_at = ?2 WHERE series = ?1 AND state = 1",
            (&series, at.0),
        )?;
        if unused > 0 {
            return Ok(());
        }
        let Some((in_use, floor)) = series_in_use(connection)?.filter(|(in_use, _)| *in_use == series) else {
            return Ok(());
        };
        let last: Option<u32> = connection
            .prepare_cached("SELECT last FROM counter WHERE series = ?1 AND day = ?2")?
            .query_row((&series, day), |row| row.get(0))
            .optional()?;
        if is_taken || counter > last.unwrap_or(floor) {
            leave_series(connection, at)?;
            self.memory.witness_mut().series = None;
            let args = [("series", in_use)];
            conditions::set(connection, conditions::DUPLICATE_SERIES, &series, &args, at)?;
        }
        Ok(())
    }
}

/// The series in use and the counter that unknown days continue from.
pub(crate) fn series_in_use(connection: &Connection) -> Result<Option<(String, u32)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT series, floor FROM series WHERE state = 2")?;
    Ok(statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

fn begin_series(connection: &Connection, at: Millis) -> Result<Option<(String, u32)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE series SET state = 2, changed_at = ?1 \
         WHERE series = (SELECT series FROM series WHERE state = 1 ORDER BY rowid LIMIT 1) \
         RETURNING series, floor",
    )?;
    Ok(statement.query_row([at.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// Leaves the series in use for ever; the next number begins another.
fn leave_series(connection: &Connection, at: Millis) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE series SET state = 4, changed_at = ?1 WHERE state = 2")?
        .execute([at.0])?;
    Ok(())
}

/// Leaves what an unseen copy or lost time may have drawn from: the series in use, or, before any was begun, the one
/// that would be begun first.
pub(crate) fn leave_unvouched_series(connection: &Connection, at: Millis) -> Result<(), StoreError> {
    if series_in_use(connection)?.is_none() {
        begin_series(connection, at)?;
    }
    leave_series(connection, at)
}

fn set_counter(connection: &Connection, series: &str, day: u32, counter: u32) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO counter (series, day, last) VALUES (?1, ?2, ?3) \
             ON CONFLICT (series, day) DO UPDATE SET last = max(last, ?3)",
        )?
        .execute((series, day, counter))?;
    Ok(())
}

/// What the witness saw given out of a day's numbers and this database has not: the ends of those numbers, as
/// `261121-0690012`, at most [`LOST_NUMBERS_MAX`] of them. The last one may never have been printed.
pub(crate) fn drawn_later(connection: &Connection, record: &Record) -> Result<Vec<String>, StoreError> {
    let mut known = connection.prepare_cached(
        "SELECT coalesce((SELECT last FROM counter WHERE series = ?1 AND day = ?2), \
         (SELECT floor FROM series WHERE series = ?1), 0)",
    )?;
    let mut drawn = Vec::new();
    for ((series, day), counter) in &record.counters {
        let last: u32 = known.query_row((series, day), |row| row.get(0))?;
        let ends = (last..*counter).map(|before| format!("{:06}-{series}{:04}", day % 1_000_000, before + 1));
        drawn.extend(ends.take(LOST_NUMBERS_MAX - drawn.len()));
    }
    Ok(drawn)
}

/// Brings database and witness to the higher counter of both. After a rollback the witness also says which series is
/// in use and from where days it no longer lists go on.
pub(crate) fn merge_witness(
    connection: &Connection,
    record: &mut Record,
    is_rolled_back: bool,
    at: Millis,
) -> Result<(), StoreError> {
    for ((series, day), counter) in &record.counters {
        set_counter(connection, series, *day, *counter)?;
    }
    for (series, floor) in &record.floors {
        connection
            .prepare_cached("UPDATE series SET floor = max(floor, ?2) WHERE series = ?1")?
            .execute((series, floor))?;
    }
    // What was begun or left in a time that this database has lost must not look unused.
    for series in record.counters.keys().map(|(series, _)| series).chain(record.floors.keys()) {
        connection
            .prepare_cached("UPDATE series SET state = 4, changed_at = ?2 WHERE series = ?1 AND state = 1")?
            .execute((series, at.0))?;
    }
    // Also without a rollback: a witness that was made anew has seen no boot yet, and left the series it knew of.
    let in_use = series_in_use(connection)?.map(|(series, _)| series);
    if in_use != record.series {
        leave_series(connection, at)?;
        if is_rolled_back && let Some(series) = &record.series {
            let floor = record.floors.get(series).copied().unwrap_or(0);
            connection
                .prepare_cached(
                    "INSERT INTO series (series, granted_at, state, changed_at, floor) VALUES (?1, ?2, 2, ?2, ?3) \
                     ON CONFLICT (series) DO UPDATE SET state = 2, changed_at = ?2",
                )?
                .execute((series, at.0, floor))?;
        }
    }
    add_database_counters(connection, record)
}

/// A record for a new witness, from what the database knows.
pub(crate) fn record_from_database(connection: &Connection, machine: NodeId) -> Result<Record, StoreError> {
    let mut record = Record::new(machine);
    add_database_counters(connection, &mut record)?;
    let mut statement = connection.prepare_cached("SELECT series, floor FROM series WHERE state <> 1")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let floor = record.floors.entry(row.get(0)?).or_default();
        *floor = row.get::<_, u32>(1)?.max(*floor);
    }
    Ok(record)
}

fn add_database_counters(connection: &Connection, record: &mut Record) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("SELECT series, day, last FROM counter ORDER BY day")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let series: String = row.get(0)?;
        record.note_number(&series, row.get(1)?, row.get(2)?);
    }
    record.series = series_in_use(connection)?.map(|(series, _)| series);
    Ok(())
}
