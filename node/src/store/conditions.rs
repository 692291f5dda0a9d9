//! Standing conditions that a person should know of, and the audit rows: who did what when.

use rusqlite::Connection;
use rusqlite::Row;
use sync_protocol::ids::DocId;
use sync_protocol::time::Millis;

use crate::ids::OfficerId;
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::store::meta;
use crate::store::sql;
use crate::store::view::View;
use crate::store::witness::NoWitness;
use crate::store::writer::WriteTx;

/// The database lacks what the witness saw committed: an older copy was put back. Args `boot`, `lsn`, `drawn` (the ends
/// of the dossier numbers given since). It ends when that has come back, or becomes [`WORK_LOST`].
pub const ROLLED_BACK: &str = "rolled-back";
/// The province has given back all it had, and some of what a rolled-back database lacked was not among it. The subject
/// is the last log concerned. Args `boot`, `lsn`, `at`, `numbers` (ends of dossier numbers that nobody has, or `none`).
pub const WORK_LOST: &str = "work-lost";
/// This machine was put back from a backup; what it had not sent since is gone until somebody enters it again. Arg
/// `at`, when the backup was made.
pub const RESTORED: &str = "restored-from-backup";
/// No witness vouches for this process; numbering moved to another series. Arg `why`.
pub const NO_WITNESS: &str = "no-witness";
/// Another copy of this directory is at work under this machine's identity. Arg `boot`.
pub const OTHER_COPY: &str = "other-copy";
/// Another copy printed numbers of the series in use here; numbering moved on. Arg `series`.
pub const DUPLICATE_SERIES: &str = "duplicate-series";
/// The province, put back since, has another history of a log of another machine than this one had from it; what was done
/// here on top of the lost one waits until that machine has written it again. The subject is the log. It ends when nothing
/// of this machine's waits any more.
pub const OTHERS_FORKED: &str = "others-log-forked";
/// A log of this machine has two histories, and the province has the other; at the province: that of a machine. The
/// subject is the log. It ends when what the province did not know is written again.
pub const FORKED_LOG: &str = "forked-log";
/// What was in the losing history of a log stands again under another boot. The subject is the log. Args `count`,
/// `dossiers`, at the province `seat`.
pub const LOG_REISSUED: &str = "log-reissued";
/// The program ended twice at one change; it is set aside. The subject is its hash. Arg `document`.
pub const DEADLY_CHANGE: &str = "deadly-change";
/// The province refused work of this machine on a dossier. The subject is the document. Args `number`, `why`, `again`
/// (later changes written again), `lost` (changes that do not count any more).
pub const WORK_REFUSED: &str = "work-refused";
/// A dossier could not be written again: its old bytes are kept and do not count. The subject is the document. Arg
/// `number`.
pub const REISSUE_FAILED: &str = "reissue-failed";
/// At the province: a machine has two histories side by side, from a copied or restored directory. The subject is
/// the machine. Arg `count`.
pub const TWO_HISTORIES: &str = "two-histories";
/// At the province: it was put back to an older copy, and so many machines have not been even with it since. Arg
/// `machines`.
pub const PROVINCE_RESTORED: &str = "province-restored";
/// At the province: so many entries that a restore lost came back from others than their own machine. Arg `entries`.
pub const ENTRIES_RETURNED: &str = "entries-returned";
/// At the province: a seat has several machines at work. The subject is the seat. Arg `seat`, `count`.
pub const SEAT_SHARED: &str = "seat-shared";
/// The province gave a series to two machines and took it back from this one; numbering moved on. The subject is the
/// series. Arg `series`.
pub const SERIES_WITHDRAWN: &str = "series-withdrawn";
/// Two dossiers carry one number (domain.md C6). The subject is the number.
pub const DUPLICATE_NUMBER: &str = "duplicate-number";

/// Conditions that tell what has happened. A person takes them away; the others end with their cause.
const DISMISSIBLE: &[&str] = &[
    WORK_LOST,
    RESTORED,
    NO_WITNESS,
    OTHER_COPY,
    DUPLICATE_SERIES,
    TWO_HISTORIES,
    LOG_REISSUED,
    REISSUE_FAILED,
    WORK_REFUSED,
];

/// One standing condition. `i18n/*/store.ftl` has words under its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What it is.
    pub code: String,
    /// What it concerns, where there can be several of one code.
    pub subject: String,
    /// Since when.
    pub since: Millis,
    /// Values for its words. Never personal data.
    pub args: Vec<(String, String)>,
}

/// One row of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// When.
    pub at: Millis,
    /// What, as a stable name.
    pub what: String,
    /// Who, as `H27.102/02`; `None` for the program itself.
    pub officer: Option<String>,
    /// The document it concerns.
    pub doc: Option<DocId>,
}

impl Condition {
    /// The value of one of its words.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<&str> {
        self.args.iter().find(|(arg, _)| arg == name).map(|(_, value)| value.as_str())
    }
}

impl View<'_> {
    /// Every standing condition, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn conditions(&self) -> Result<Vec<Condition>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT code, subject, since, args FROM condition ORDER BY since, code, subject",
        )?;
        let mut rows = statement.query([])?;
        let mut conditions = Vec::new();
        while let Some(row) = rows.next()? {
            conditions.push(condition(row)?);
        }
        Ok(conditions)
    }

    /// The newest audit rows, at most `limit`, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn audit(&self, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT at, what, officer, doc FROM audit ORDER BY id DESC LIMIT ?1")?;
        let rows = statement.query_map([sql::len(limit)], |row| {
            Ok(AuditRow {
                at: Millis(row.get(0)?),
                what: row.get(1)?,
                officer: row.get(2)?,
                doc: row.get::<_, Option<[u8; 16]>>(3)?.map(DocId),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl WriteTx<'_> {
    /// Sets a condition. One that stands keeps its `since` and gets the new `args`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_condition(
        &mut self,
        code: &str,
        subject: &str,
        args: &[(&str, String)],
    ) -> Result<(), StoreError> {
        set(self.connection(), code, subject, args, self.now())
    }

    /// Ends a condition; one that does not stand is no error.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn clear_condition(&mut self, code: &str, subject: &str) -> Result<(), StoreError> {
        clear(self.connection(), code, subject)
    }

    /// A person has understood a condition and takes it away; without `subject` all of its code. It is told again when
    /// its cause shows again. Returns how many there were.
    ///
    /// # Errors
    /// Refused with `condition-stands` when it ends by itself with its cause, and with `condition-unknown` when there
    /// is none.
    pub fn dismiss_condition(&mut self, code: &str, subject: Option<&str>) -> Result<u64, StoreError> {
        let standing = self.conditions()?;
        let is_meant = |condition: &&Condition| {
            condition.code == code && subject.is_none_or(|subject| condition.subject == subject)
        };
        if !standing.iter().any(|condition| is_meant(&condition)) {
            return Err(Refusal::of_field("condition-unknown", "code").with("condition", code).into());
        }
        if !DISMISSIBLE.contains(&code) {
            return Err(Refusal::of_field("condition-stands", "code").with("condition", code).into());
        }
        let mut count = 0;
        for condition in standing.iter().filter(is_meant) {
            clear(self.connection(), code, &condition.subject)?;
            count += 1;
        }
        self.audit_row("condition-dismiss", None, None)?;
        Ok(count)
    }

    /// Writes an audit row, in the transaction of what it records.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn audit_row(
        &mut self,
        what: &str,
        officer: Option<&OfficerId>,
        doc: Option<DocId>,
    ) -> Result<(), StoreError> {
        let at = self.now();
        self.connection()
            .prepare_cached("INSERT INTO audit (at, what, officer, doc) VALUES (?1, ?2, ?3, ?4)")?
            .execute((at.0, what, officer.map(ToString::to_string), doc.map(|doc| doc.0)))?;
        Ok(())
    }
}

fn condition(row: &Row<'_>) -> Result<Condition, StoreError> {
    let args: Vec<u8> = row.get(3)?;
    Ok(Condition {
        code: row.get(0)?,
        subject: row.get(1)?,
        since: Millis(row.get(2)?),
        args: meta::from_cbor(&args)?,
    })
}

pub(crate) fn set(
    connection: &Connection,
    code: &str,
    subject: &str,
    args: &[(&str, String)],
    at: Millis,
) -> Result<(), StoreError> {
    let args: Vec<(String, String)> =
        args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    connection
        .prepare_cached(
            "INSERT INTO condition (code, subject, since, args) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (code, subject) DO UPDATE SET args = ?4",
        )?
        .execute((code, subject, at.0, meta::to_cbor(&args)))?;
    Ok(())
}

pub(crate) fn clear(connection: &Connection, code: &str, subject: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM condition WHERE code = ?1 AND subject = ?2")?
        .execute((code, subject))?;
    Ok(())
}

/// Whether a condition stands.
pub(crate) fn stands(connection: &Connection, code: &str, subject: &str) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM condition WHERE code = ?1 AND subject = ?2")?;
    Ok(statement.exists((code, subject))?)
}

/// The condition with this code and an empty subject.
pub(crate) fn standing(connection: &Connection, code: &str) -> Result<Option<Condition>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT code, subject, since, args FROM condition WHERE code = ?1 AND subject = ''",
    )?;
    let mut rows = statement.query([code])?;
    rows.next()?.map(condition).transpose()
}

/// The witness agrees again: a passing lack of it is over. A witness that was lost stays told until a person
/// dismisses it.
pub(crate) fn clear_unless_kept(connection: &Connection) -> Result<(), StoreError> {
    let Some(condition) = standing(connection, NO_WITNESS)? else { return Ok(()) };
    let is_passing = condition.args.iter().any(|(name, why)| {
        name == "why" && why != NoWitness::Missing.name() && why != NoWitness::Unreadable.name()
    });
    if is_passing { clear(connection, NO_WITNESS, "") } else { Ok(()) }
}
