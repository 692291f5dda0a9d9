//! Questions about documents: one, lists, search, counts, histories, and how far each change has got.

use std::collections::BTreeSet;

use rusqlite::OptionalExtension;
use rusqlite::types::Value;
use sync_protocol::entry::EntryKind;
use sync_protocol::entry::Lsn;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::time::Millis;

use crate::clock;
use crate::ids::AgencyCode;
use crate::store::StoreError;
use crate::store::apply::reason;
use crate::store::log;
use crate::store::log::EntryFacts;
use crate::store::projection;
use crate::store::projection::DossierRow;
use crate::store::sql;
use crate::store::view::View;

/// Rows a list returns at most.
pub const LIST_ROWS_MAX: usize = 1000;
/// Possible duplicates of one dossier that are told.
pub const DUPLICATES_MAX: usize = 20;

/// Which dossiers a list shows. The default shows all.
#[derive(Clone, Debug, Default)]
pub struct ListFilter {
    /// With this national status.
    pub status: Option<u8>,
    /// Where this seat must act next.
    pub holder: Option<AgencyCode>,
    /// Still open and due on a day before the one of this instant.
    pub overdue_at: Option<Millis>,
    /// Where a person must decide something.
    pub needs_person: bool,
    /// Whose number or owner's name contains this, without marks and case.
    pub query: Option<String>,
    /// After this one in number order: number and document of the last row shown.
    pub after: Option<(String, DocId)>,
    /// At most so many; [`LIST_ROWS_MAX`] bounds it.
    pub limit: Option<usize>,
}

/// One change of a document, with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChange {
    /// What and where it is.
    pub facts: EntryFacts,
    /// The uncompressed change chunk; `None` when it was erased.
    pub body: Option<Vec<u8>>,
}

/// How far one change has got (the delivery ladder).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The change.
    pub hash: ChangeHash,
    /// Its log.
    pub log: BootId,
    /// Its position there.
    pub lsn: Lsn,
    /// Whether it is this machine's own.
    pub is_own: bool,
    /// When it was saved here.
    pub saved_at: Millis,
    /// Whether the province acknowledged it.
    pub is_acked: bool,
    /// The first proof that covers it.
    pub proof: Option<u64>,
}

impl View<'_> {
    /// One document's row.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn dossier(&self, doc: DocId) -> Result<Option<DossierRow>, StoreError> {
        self.row_where("doc = ?1", [doc.0])
    }

    /// The dossiers with a number: one, or several after an undetected copy (domain.md C6), by document id.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn dossiers_by_number(&self, number: &str) -> Result<Vec<DossierRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {} FROM dossier WHERE number = ?1 ORDER BY doc",
            projection::ROW_COLUMNS
        ))?;
        let mut rows = statement.query([number])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(projection::read_row(row)?);
        }
        Ok(found)
    }

    /// The dossier that a request made at an office; the first by document id where a copy made two. Other offices
    /// may use the same ids for requests of their own.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn dossier_by_request(
        &self,
        receiving: &AgencyCode,
        request_id: &str,
    ) -> Result<Option<DossierRow>, StoreError> {
        self.row_where(
            "request_id = ?1 AND receiving = ?2 ORDER BY doc LIMIT 1",
            [request_id, receiving.as_str()],
        )
    }

    /// Numbers of other dossiers that may be the same request of the same person (domain.md C1), in number order: the
    /// same procedure, received at most `days` apart, of the same owner's id number, or where one of the two has
    /// none, of the same name and birth date. At most [`DUPLICATES_MAX`].
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn possible_duplicates(&self, row: &DossierRow, days: u16) -> Result<Vec<String>, StoreError> {
        let (Some(procedure), Some(received_at)) = (&row.procedure, row.received_at) else {
            return Ok(Vec::new());
        };
        let apart_ms = i64::from(days) * 24 * 3_600_000;
        let (from, to) = (received_at.0.saturating_sub(apart_ms), received_at.0.saturating_add(apart_ms));
        let mut statement = self.connection.prepare_cached(
            "SELECT number FROM dossier WHERE procedure = ?1 AND owner_id_no = ?2 \
             AND received_at BETWEEN ?5 AND ?6 AND doc <> ?7 AND number IS NOT NULL \
             UNION SELECT number FROM dossier WHERE procedure = ?1 AND owner_folded = ?3 AND owner_born = ?4 \
             AND (?2 IS NULL OR owner_id_no IS NULL) \
             AND received_at BETWEEN ?5 AND ?6 AND doc <> ?7 AND number IS NOT NULL ORDER BY number LIMIT ?8",
        )?;
        let params = rusqlite::params![
            procedure.as_str(),
            row.owner_id_no,
            row.owner_name.as_deref().map(projection::fold_text),
            row.owner_born,
            from,
            to,
            row.doc.0,
            sql::len(DUPLICATES_MAX),
        ];
        Ok(statement.query_map(params, |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Whether a change of this document waits for a newer program: what is shown of it here is not all.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn awaits_newer_program(&self, doc: DocId) -> Result<bool, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM entry WHERE doc = ?1 AND state = 1 AND reason = ?2 LIMIT 1")?;
        Ok(statement.exists((doc.0, reason::NEWER_PROGRAM))?)
    }

    /// The dossier with a look-up secret.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn dossier_by_lookup_code(&self, code: &str) -> Result<Option<DossierRow>, StoreError> {
        self.row_where("lookup_code = ?1 ORDER BY doc LIMIT 1", [code])
    }

    fn row_where(
        &self,
        condition: &str,
        params: impl rusqlite::Params,
    ) -> Result<Option<DossierRow>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {} FROM dossier WHERE {condition}", projection::ROW_COLUMNS))?;
        let mut rows = statement.query(params)?;
        rows.next()?.map(projection::read_row).transpose()
    }

    /// Dossiers in number order. Documents without a number are not shown.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self, filter: &ListFilter) -> Result<Vec<DossierRow>, StoreError> {
        let (condition, mut params) = condition_of(filter);
        let limit = filter.limit.unwrap_or(LIST_ROWS_MAX).min(LIST_ROWS_MAX);
        params.push(Value::from(sql::len(limit)));
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {} FROM dossier WHERE {condition} ORDER BY number, doc LIMIT ?",
            projection::ROW_COLUMNS
        ))?;
        let mut rows = statement.query(rusqlite::params_from_iter(params))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(projection::read_row(row)?);
        }
        Ok(found)
    }

    /// How many dossiers a filter shows, without its limit.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn count(&self, filter: &ListFilter) -> Result<u64, StoreError> {
        let (condition, params) = condition_of(filter);
        let mut statement =
            self.connection.prepare_cached(&format!("SELECT count(*) FROM dossier WHERE {condition}"))?;
        Ok(statement.query_row(rusqlite::params_from_iter(params), |row| sql::uint_at(row, 0))?)
    }

    /// Every document with a number, in number order, for the export: number and document, at most `limit` after
    /// `after`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn documents_by_number(
        &self,
        after: Option<&(String, DocId)>,
        limit: usize,
    ) -> Result<Vec<(String, DocId)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT number, doc FROM dossier WHERE number IS NOT NULL AND (number, doc) > (?1, ?2) \
             ORDER BY number, doc LIMIT ?3",
        )?;
        let (number, doc) = after.map_or(("", DocId::NONE), |(number, doc)| (number.as_str(), *doc));
        let rows = statement
            .query_map((number, doc.0, sql::len(limit)), |row| Ok((row.get(0)?, DocId(row.get(1)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The seats entitled to a document.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn parties_of(&self, doc: DocId) -> Result<BTreeSet<AgencyCode>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT seat FROM party WHERE doc = ?1")?;
        let rows = statement.query_map([doc.0], |row| row.get::<_, String>(0))?;
        rows.map(|seat| sql::parsed(&seat?)).collect()
    }

    /// Every change of a document that is here, applied or not, in the order of arrival.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn changes_of(&self, doc: DocId) -> Result<Vec<StoredChange>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {}, b.codec, b.size_bytes, b.bytes FROM entry e JOIN log l ON l.id = e.log \
             LEFT JOIN body b ON b.entry = e.id WHERE e.doc = ?1 AND e.kind = ?2 ORDER BY e.id",
            log::FACT_COLUMNS
        ))?;
        let mut rows = statement.query((doc.0, EntryKind::CHANGE.0))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(StoredChange { facts: log::facts(row)??, body: log::body_at(row, 10)? });
        }
        Ok(found)
    }

    /// How far each change of a document has got, in the order in which they took effect.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn delivery_of(&self, doc: DocId) -> Result<Vec<Delivery>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT e.hash, l.boot, e.lsn, l.is_own, e.arrived_at, e.lsn <= l.acked_lsn, \
             (SELECT min(c.number) FROM proof_cover c WHERE c.log = l.id AND c.lsn >= e.lsn) \
             FROM entry e JOIN log l ON l.id = e.log \
             WHERE e.doc = ?1 AND e.kind = ?2 AND e.applied IS NOT NULL ORDER BY e.applied",
        )?;
        let rows = statement.query_map((doc.0, EntryKind::CHANGE.0), |row| {
            Ok(Delivery {
                hash: ChangeHash(row.get(0)?),
                log: BootId(row.get(1)?),
                lsn: sql::uint_at(row, 2)?,
                is_own: row.get(3)?,
                saved_at: Millis(row.get(4)?),
                is_acked: row.get(5)?,
                proof: row.get::<_, Option<i64>>(6)?.map(sql::uint),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The entry of a change, by its hash.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn change_facts(&self, doc: DocId, hash: ChangeHash) -> Result<Option<EntryFacts>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {} FROM entry e JOIN log l ON l.id = e.log WHERE e.doc = ?1 AND e.hash = ?2 AND e.state <> 4",
            log::FACT_COLUMNS
        ))?;
        statement.query_row((doc.0, hash.0), log::facts).optional()?.transpose()
    }
}

/// SQL and its values, in the order of its question marks.
fn condition_of(filter: &ListFilter) -> (String, Vec<Value>) {
    let mut terms = vec!["number IS NOT NULL"];
    let mut params = Vec::new();
    if let Some(status) = filter.status {
        terms.push("status = ?");
        params.push(Value::from(i64::from(status)));
    }
    if let Some(holder) = &filter.holder {
        terms.push("holder = ?");
        params.push(Value::from(holder.to_string()));
    }
    if let Some(now) = filter.overdue_at {
        terms.push("due_at < ? AND finished_at IS NULL AND custody <> 'closed'");
        params.push(Value::from(start_of_day(now).0));
    }
    if filter.needs_person {
        terms.push("needs_person = 1");
    }
    let asked = filter.query.as_deref().map(str::trim).filter(|asked| !asked.is_empty());
    match asked.map(projection::fold_text) {
        None => {}
        // Signs alone are in no name and no number.
        Some(query) if query.is_empty() => terms.push("FALSE"),
        Some(query) => {
            terms.push("(instr(owner_folded, ?) > 0 OR instr(number_folded, ?) > 0)");
            params.push(Value::from(query.clone()));
            params.push(Value::from(query));
        }
    }
    if let Some((number, doc)) = &filter.after {
        terms.push("(number, doc) > (?, ?)");
        params.push(Value::from(number.clone()));
        params.push(Value::from(doc.0.to_vec()));
    }
    (terms.join(" AND "), params)
}

/// The first instant of the day in Vietnam; the day of a due date binds, not its hour.
fn start_of_day(now: Millis) -> Millis {
    clock::civil(now).and_then(|local| clock::instant(local.date().at(0, 0, 0, 0))).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_vietnam() {
        let at = clock::parse_rfc3339("2026-03-02T06:59:59+07:00").unwrap();
        assert_eq!(clock::rfc3339(start_of_day(at)), "2026-03-02T00:00:00+07:00");
    }
}
