//! At the province: it was put back to an older copy. What stands until every machine has been even with it again,
//! and how what it once signed takes effect a second time (design 5, after restores).

use rusqlite::Connection;
use rusqlite::OptionalExtension;
use sync_protocol::ids::NodeId;
use sync_protocol::time::Millis;

use crate::dossier::number::Series;
use crate::ids::AgencyCode;
use crate::store::StoreError;
use crate::store::conditions;
use crate::store::meta;
use crate::store::numbers::REUSE_AFTER_RELEASE_MS;
use crate::store::numbers::series_in_use;
use crate::store::sql;
use crate::store::view::View;
use crate::store::writer::WriteTx;

/// Free series that are passed over after a restore, at least: what may have been given out between the copy and
/// the loss, and is not known again before the machines have called. A refill gives one, an enrolment two.
pub const SERIES_MARGIN: u64 = 32;
/// Most that are passed over: no copy is so old that more were given out.
const SERIES_MARGIN_MAX: u64 = 256;
/// Most series that one lost item gave out.
const SERIES_PER_ITEM: u64 = 2;
/// How many series are still to be passed over, 8 bytes, big-endian. Kept until somebody names the block.
const MARGIN_KEY: &str = "series-margin";
/// Who holds a series that is passed over.
const NOBODY: NodeId = NodeId([0; 16]);

/// What became of a series that a lost grant gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantAdopted {
    /// It is that machine's again, or was all the time.
    Kept,
    /// It had been given to another machine since. It is the first one's again; take it back from the other.
    TakenFrom(NodeId),
}

impl View<'_> {
    /// How many machines have not been even with this province since it was put back.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn awaited_machines(&self) -> Result<u64, StoreError> {
        awaited(self.connection)
    }

    /// How many machines of a seat are not banned.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn machines_of(&self, seat: &AgencyCode) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM machine m WHERE m.seat = ?1 AND m.banned_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM banned b WHERE b.node = m.node)",
        )?;
        Ok(statement.query_row([seat.as_str()], |row| sql::uint_at(row, 0))?)
    }

    /// How many free series are still to be passed over before one is given out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn series_margin(&self) -> Result<u64, StoreError> {
        let kept = meta::take(self.connection, MARGIN_KEY)?;
        let bytes = kept.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        Ok(bytes.map_or(0, u64::from_be_bytes))
    }
}

impl WriteTx<'_> {
    /// A machine shows that this province was put back to an older copy. Told until all have been even with it again;
    /// until then free series are passed over, and this machine leaves the number series it prints from, since
    /// nothing says how far it had come. Answers false when that stands already.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn note_restored(&mut self) -> Result<bool, StoreError> {
        let is_new = note_restored(self.connection(), SERIES_MARGIN, self.now())?;
        if is_new {
            self.memory.is_vouched = false;
        }
        Ok(is_new)
    }

    /// A machine is even with this province: whatever it held that had been lost here is back.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn note_even(&mut self, machine: NodeId) -> Result<(), StoreError> {
        if self.execute("DELETE FROM awaited WHERE node = ?1", [machine.0])? > 0 {
            self.settle_restored()?;
        }
        Ok(())
    }

    /// Ends the condition when nobody is awaited any more; else says how many are.
    fn settle_restored(&mut self) -> Result<(), StoreError> {
        let code = conditions::PROVINCE_RESTORED;
        if conditions::standing(self.connection(), code)?.is_none() {
            return Ok(());
        }
        match awaited(self.connection())? {
            0 => self.clear_condition(code, ""),
            count => self.set_condition(code, "", &[("machines", count.to_string())]),
        }
    }

    /// A machine that holds a certificate of this province and is not in its list: it was enrolled in the time that
    /// was lost. It is in the list again; if its ban has come back before it, as a banned one.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn readmit_machine(
        &mut self,
        node: NodeId,
        seat: &AgencyCode,
        certificate: &[u8],
    ) -> Result<(), StoreError> {
        self.store_machine(node, seat, certificate)?;
        self.note_restored()?;
        self.execute(
            "UPDATE machine SET banned_at = (SELECT at FROM banned WHERE node = ?1) WHERE node = ?1",
            [node.0],
        )?;
        self.execute(
            "INSERT OR IGNORE INTO awaited (node) SELECT node FROM machine WHERE node = ?1 AND banned_at IS NULL",
            [node.0],
        )?;
        self.settle_restored()?;
        self.audit_row("enrol-readmit", None, None)
    }

    /// A ban that this province had signed and lost holds again, also of a machine that is not in the list.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn adopt_ban(&mut self, node: NodeId, why: &str, at: Millis) -> Result<(), StoreError> {
        self.execute("INSERT OR IGNORE INTO banned (node, at) VALUES (?1, ?2)", (node.0, at.0))?;
        self.ban_machine(node, why)?;
        self.release_series(node)?;
        if let Some(machine) = self.machine(node)? {
            self.expire_enrolments(&machine.seat)?;
        }
        self.execute("DELETE FROM awaited WHERE node = ?1", [node.0])?;
        self.settle_restored()
    }

    /// A series that this province had given to a machine, by a grant that it signed and lost, is that machine's again.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn adopt_grant(&mut self, machine: NodeId, series: &str) -> Result<GrantAdopted, StoreError> {
        let at = self.now();
        let held: Option<([u8; 16], Option<i64>)> = self
            .connection()
            .prepare_cached("SELECT machine, released_at FROM allotment WHERE series = ?1")?
            .query_row([series], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let adopted = match held {
            Some((holder, _)) if holder == machine.0 => return Ok(GrantAdopted::Kept),
            Some((holder, None)) => GrantAdopted::TakenFrom(NodeId(holder)),
            Some((_, Some(_))) | None => GrantAdopted::Kept,
        };
        let released_at = self.is_banned(machine)?.then_some(at.0);
        self.execute(
            "INSERT INTO allotment (series, machine, given_at, released_at, place) \
             VALUES (?1, ?2, ?3, ?4, (SELECT coalesce(max(place), 0) + 1 FROM allotment)) \
             ON CONFLICT (series) DO UPDATE SET machine = ?2, given_at = ?3, released_at = ?4, used_at = NULL, \
             place = excluded.place",
            (series, machine.0, at.0, released_at),
        )?;
        Ok(adopted)
    }

    /// Passes over free series of the block, in its order, as many as are due since this province was put back. They
    /// are free again after [`REUSE_AFTER_RELEASE_MS`], unless a machine brings the grant of one.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn pass_over_series(&mut self, block: &[u16]) -> Result<(), StoreError> {
        let mut due = self.series_margin()?;
        if due == 0 {
            return Ok(());
        }
        let at = self.now();
        let oldest_free = at.0.saturating_sub(REUSE_AFTER_RELEASE_MS);
        for series in block.iter().copied().filter_map(Series::new) {
            if due == 0 {
                break;
            }
            due -= self.execute(
                "INSERT INTO allotment (series, machine, given_at, released_at, place) VALUES (?1, ?2, ?3, ?3, 0) \
                 ON CONFLICT (series) DO UPDATE SET machine = ?2, given_at = ?3, released_at = ?3, used_at = NULL \
                 WHERE released_at <= ?4",
                (series.to_string(), NOBODY.0, at.0, oldest_free),
            )?;
        }
        self.connection().prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([MARGIN_KEY])?;
        Ok(())
    }

    /// Leaves series of this machine for ever: the province gave them to two machines, and takes them back from this
    /// one. One that is not here is never begun either.
    ///
    /// # Errors
    /// Only when the store fails.
    pub fn withdraw_series(&mut self, series: &[String]) -> Result<(), StoreError> {
        let at = self.now();
        let in_use = series_in_use(self.connection())?.map(|(series, _)| series);
        for one in series {
            self.execute(
                "INSERT INTO series (series, granted_at, state, changed_at) VALUES (?1, ?2, 4, ?2) \
                 ON CONFLICT (series) DO UPDATE SET state = 4, changed_at = ?2",
                (one, at.0),
            )?;
            if in_use.as_ref() == Some(one) {
                self.memory.witness_mut().series = None;
                self.set_condition(conditions::SERIES_WITHDRAWN, one, &[("series", one.clone())])?;
            }
        }
        Ok(())
    }
}

/// Notes that this province was put back, and how many series to pass over. False when that stands already.
pub(crate) fn note_restored(connection: &Connection, margin: u64, at: Millis) -> Result<bool, StoreError> {
    if conditions::standing(connection, conditions::PROVINCE_RESTORED)?.is_some() {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO awaited (node) SELECT m.node FROM machine m WHERE m.banned_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM banned b WHERE b.node = m.node)",
        )?
        .execute([])?;
    let args = [("machines", awaited(connection)?.to_string())];
    conditions::set(connection, conditions::PROVINCE_RESTORED, "", &args, at)?;
    meta::put(connection, MARGIN_KEY, &margin.min(SERIES_MARGIN_MAX).to_be_bytes())?;
    Ok(true)
}

/// As [`note_restored`] by the word of whoever put it back; nobody is awaited where no machine was known.
pub(crate) fn note_put_back(connection: &Connection, margin: u64, at: Millis) -> Result<(), StoreError> {
    // The copy may be one of a time in which it already stood: all are awaited again.
    conditions::clear(connection, conditions::PROVINCE_RESTORED, "")?;
    note_restored(connection, margin, at)?;
    if awaited(connection)? == 0 {
        conditions::clear(connection, conditions::PROVINCE_RESTORED, "")?;
    }
    Ok(())
}

/// The series to pass over when so many items were lost.
pub(crate) const fn margin_of(lost_items: u64) -> u64 {
    SERIES_MARGIN.saturating_add(lost_items.saturating_mul(SERIES_PER_ITEM))
}

fn awaited(connection: &Connection) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM awaited")?;
    Ok(statement.query_row([], |row| sql::uint_at(row, 0))?)
}
