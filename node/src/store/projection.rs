//! State → rows: what lists, search and counters read. Computed from [`State`] and nothing else, so that `rebuild`
//! gives the same rows.

use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use sync_protocol::ids::ChangeHash;
use sync_protocol::ids::DocId;
use sync_protocol::time::Millis;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::dossier::fold::State;
use crate::dossier::fold::fold;
use crate::ids::AgencyCode;
use crate::ids::ProcedureCode;
use crate::store::StoreError;
use crate::store::apply::library;
use crate::store::apply::reason;
use crate::store::conditions;
use crate::store::open::Role;
use crate::store::sql;
use crate::store::view::View;
use crate::store::writer::WriteTx;

/// The field of a dossier that holds its owner's name.
pub const OWNER_NAME_FIELD: &str = "owner.name";
/// The field of a dossier that holds its owner's personal id number, or a business's code.
pub const OWNER_ID_FIELD: &str = "owner.id_no";
/// The field of a dossier that holds its owner's birth date.
pub const OWNER_BIRTH_FIELD: &str = "owner.dob";

/// What the lists know of one document.
#[derive(Clone, PartialEq, Eq)]
pub struct DossierRow {
    /// The document.
    pub doc: DocId,
    /// Its number, once received.
    pub number: Option<String>,
    /// The caller's id of the request.
    pub request_id: Option<String>,
    /// The citizen's look-up secret. Never in lists, exports or logs.
    pub lookup_code: Option<String>,
    /// Its procedure.
    pub procedure: Option<ProcedureCode>,
    /// National status, 0 before receipt.
    pub status: u8,
    /// The local state that refines it.
    pub local: String,
    /// The custody's word (`held`, `in_transit`, …).
    pub custody: String,
    /// The seat that must act next.
    pub holder: Option<AgencyCode>,
    /// The custody generation.
    pub generation: u32,
    /// The seat competent to decide.
    pub competent: Option<AgencyCode>,
    /// The seat that received it.
    pub receiving: Option<AgencyCode>,
    /// Where the result is handed out.
    pub return_place: Option<AgencyCode>,
    /// When it was received, as the law counts.
    pub received_at: Option<Millis>,
    /// The due date in force.
    pub due_at: Option<Millis>,
    /// When the clock ended.
    pub finished_at: Option<Millis>,
    /// When the result was handed out.
    pub returned_at: Option<Millis>,
    /// When its newest act was recorded, by its author's clock.
    pub changed_at: Millis,
    /// The owner's name: personal data, never in logs.
    pub owner_name: Option<String>,
    /// The owner's id number in one form, for finding what was lodged twice: personal data.
    pub owner_id_no: Option<String>,
    /// The owner's birth date in one form, likewise.
    pub owner_born: Option<String>,
    /// Whether a person must decide something.
    pub needs_person: bool,
    /// Whether acts exclude each other.
    pub is_contested: bool,
    /// Whether this program can compute its state.
    pub is_computable: bool,
    /// Digest of the heads of its history; equal on machines that hold the same changes.
    pub heads: [u8; 32],
}

impl std::fmt::Debug for DossierRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither the owner nor the look-up secret.
        f.debug_struct("DossierRow")
            .field("doc", &self.doc)
            .field("number", &self.number)
            .field("status", &self.status)
            .field("custody", &self.custody)
            .field("holder", &self.holder)
            .finish_non_exhaustive()
    }
}

/// The row of a document with this state.
#[must_use]
pub fn row_of(doc: DocId, state: &State) -> DossierRow {
    let receive = state.receive.as_ref();
    DossierRow {
        doc,
        number: receive.map(|receive| receive.number.clone()),
        request_id: receive.and_then(|receive| receive.request_id.clone()),
        lookup_code: receive.map(|receive| receive.lookup_code.clone()),
        procedure: receive.map(|receive| receive.procedure.clone()),
        status: state.process.status,
        local: state.process.local.to_owned(),
        custody: state.process.custody.name().to_owned(),
        holder: state.process.custody.holder().cloned(),
        generation: state.process.generation,
        competent: state.process.competent.clone(),
        receiving: state.receiving.clone(),
        return_place: state.process.return_at.clone(),
        received_at: state.received_at,
        due_at: state.process.due.as_ref().map(|due| due.at),
        finished_at: state.process.finished_at,
        returned_at: state.process.returned_at,
        changed_at: state.acts.iter().map(|act| act.recorded_at).max().unwrap_or_default(),
        owner_name: state.field(OWNER_NAME_FIELD).map(str::to_owned),
        owner_id_no: state.field(OWNER_ID_FIELD).and_then(one_form_of_id),
        owner_born: state.field(OWNER_BIRTH_FIELD).and_then(one_form_of_birth),
        needs_person: state.needs_person(),
        is_contested: !state.process.contested.is_empty(),
        is_computable: state.is_computable,
        heads: heads_digest(&state.heads),
    }
}

/// One digest for the sorted heads of a history.
#[must_use]
pub(crate) fn heads_digest(heads: &[ChangeHash]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("motcua heads v1");
    for head in heads {
        hasher.update(head.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// Text as search compares it: no marks, no case, `đ` as `d`, everything but letters and digits a single space.
#[must_use]
pub fn fold_text(text: &str) -> String {
    let plain = text.nfkc().flat_map(char::to_lowercase).nfd().filter(|letter| !is_combining_mark(*letter));
    let mut folded = String::with_capacity(text.len());
    for letter in plain {
        let letter = if letter == 'đ' { 'd' } else { letter };
        if letter.is_alphanumeric() {
            folded.push(letter);
        } else if !folded.ends_with(' ') && !folded.is_empty() {
            folded.push(' ');
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// An id number as it is compared: letters and digits only.
fn one_form_of_id(text: &str) -> Option<String> {
    let plain: String =
        text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_uppercase).collect();
    (!plain.is_empty()).then_some(plain)
}

/// A birth date as it is compared, `1990-02-28` and `28/02/1990` alike; part of it may be unknown.
fn one_form_of_birth(text: &str) -> Option<String> {
    let mut parts: Vec<&str> =
        text.split(|letter: char| !letter.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    if parts.last().is_some_and(|last| last.len() == 4) {
        parts.reverse();
    }
    let parts: Vec<String> = parts.iter().map(|part| format!("{part:0>2}")).collect();
    (!parts.is_empty()).then(|| parts.join("-"))
}

/// The columns [`read_row`] reads.
pub(crate) const ROW_COLUMNS: &str = "doc, number, request_id, lookup_code, procedure, status, local, custody, \
     holder, generation, competent, receiving, return_place, received_at, due_at, finished_at, returned_at, \
     changed_at, owner_name, owner_id_no, owner_born, needs_person, is_contested, is_computable, heads";

pub(crate) fn read_row(row: &Row<'_>) -> Result<DossierRow, StoreError> {
    let agency = |column| -> Result<Option<AgencyCode>, StoreError> {
        row.get::<_, Option<String>>(column)?.map(|text| sql::parsed(&text)).transpose()
    };
    let procedure = row.get::<_, Option<String>>(4)?.map(|text| sql::parsed(&text)).transpose()?;
    let time =
        |column| -> rusqlite::Result<Option<Millis>> { Ok(row.get::<_, Option<i64>>(column)?.map(Millis)) };
    Ok(DossierRow {
        doc: DocId(row.get(0)?),
        number: row.get(1)?,
        request_id: row.get(2)?,
        lookup_code: row.get(3)?,
        procedure,
        status: row.get(5)?,
        local: row.get(6)?,
        custody: row.get(7)?,
        holder: agency(8)?,
        generation: row.get(9)?,
        competent: agency(10)?,
        receiving: agency(11)?,
        return_place: agency(12)?,
        received_at: time(13)?,
        due_at: time(14)?,
        finished_at: time(15)?,
        returned_at: time(16)?,
        changed_at: Millis(row.get(17)?),
        owner_name: row.get(18)?,
        owner_id_no: row.get(19)?,
        owner_born: row.get(20)?,
        needs_person: row.get(21)?,
        is_contested: row.get(22)?,
        is_computable: row.get(23)?,
        heads: row.get(24)?,
    })
}

/// The heads of a document as its row has them.
pub(crate) fn stored_heads(connection: &Connection, doc: DocId) -> Result<Option<[u8; 32]>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT heads FROM dossier WHERE doc = ?1")?;
    Ok(statement.query_row([doc.0], |row| row.get(0)).optional()?)
}

/// Whether another document carries this number.
pub(crate) fn number_is_elsewhere(
    connection: &Connection,
    number: &str,
    doc: DocId,
) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM dossier WHERE number = ?1 AND doc <> ?2)")?;
    Ok(statement.query_row((number, doc.0), |row| row.get(0))?)
}

impl View<'_> {
    /// A document's state, computed anew from its changes; `None` when it is not here.
    ///
    /// # Errors
    /// [`StoreError::Bug`] when the document library cannot open it.
    pub fn state(&self, doc: DocId) -> Result<Option<State>, StoreError> {
        Ok(self.document(doc)?.map(|document| fold(document.history())))
    }
}

impl WriteTx<'_> {
    /// Writes a document's rows.
    pub(crate) fn project(&mut self, doc: DocId, state: &State) -> Result<(), StoreError> {
        let row = row_of(doc, state);
        if let Some(number) = &row.number
            && number_is_elsewhere(self.connection(), number, doc)?
        {
            let args = [("number", number.clone())];
            conditions::set(self.connection(), conditions::DUPLICATE_NUMBER, number, &args, self.now())?;
        }
        if let Some(number) = row.number.as_ref().filter(|_| self.identity().role == Role::Province) {
            self.saw_number(number, doc)?;
        }
        self.write_row(&row)?;
        self.execute("DELETE FROM party WHERE doc = ?1", [doc.0])?;
        for seat in &state.process.parties {
            self.execute("INSERT INTO party (doc, seat) VALUES (?1, ?2)", (doc.0, seat.as_str()))?;
        }
        Ok(())
    }

    fn write_row(&mut self, row: &DossierRow) -> Result<(), StoreError> {
        let code = |agency: &Option<AgencyCode>| agency.as_ref().map(ToString::to_string);
        self.execute(
            "INSERT INTO dossier (doc, number, number_folded, request_id, lookup_code, procedure, status, local, \
             custody, holder, generation, competent, receiving, return_place, received_at, due_at, finished_at, \
             returned_at, changed_at, owner_name, owner_folded, needs_person, is_contested, is_computable, heads, \
             owner_id_no, owner_born) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, \
             ?21, ?22, ?23, ?24, ?25, ?26, ?27) \
             ON CONFLICT (doc) DO UPDATE SET number = ?2, number_folded = ?3, request_id = ?4, lookup_code = ?5, \
             procedure = ?6, status = ?7, local = ?8, custody = ?9, holder = ?10, generation = ?11, \
             competent = ?12, receiving = ?13, return_place = ?14, received_at = ?15, due_at = ?16, \
             finished_at = ?17, returned_at = ?18, changed_at = ?19, owner_name = ?20, owner_folded = ?21, \
             needs_person = ?22, is_contested = ?23, is_computable = ?24, heads = ?25, owner_id_no = ?26, \
             owner_born = ?27",
            rusqlite::params![
                row.doc.0,
                row.number,
                row.number.as_deref().map(fold_text),
                row.request_id,
                row.lookup_code,
                row.procedure.as_ref().map(ToString::to_string),
                row.status,
                row.local,
                row.custody,
                code(&row.holder),
                row.generation,
                code(&row.competent),
                code(&row.receiving),
                code(&row.return_place),
                row.received_at.map(|at| at.0),
                row.due_at.map(|at| at.0),
                row.finished_at.map(|at| at.0),
                row.returned_at.map(|at| at.0),
                row.changed_at.0,
                row.owner_name,
                row.owner_name.as_deref().map(fold_text),
                row.needs_person,
                row.is_contested,
                row.is_computable,
                row.heads,
                row.owner_id_no,
                row.owner_born,
            ],
        )?;
        Ok(())
    }

    /// Drops every view and computes it again from the entries, and tries what waited for a newer program. Returns
    /// how many documents there are.
    ///
    /// # Errors
    /// When the store fails, or a document cannot be opened at all: its entries are then quarantined by hand.
    pub fn rebuild(&mut self) -> Result<u64, StoreError> {
        self.connection().execute_batch("DELETE FROM dossier; DELETE FROM party;")?;
        let docs = self.doc_ids()?;
        let mut count = 0;
        for doc in docs {
            if let Some(document) = self.document(doc)? {
                let state = fold(document.history());
                self.project(doc, &state)?;
                count += 1;
            }
        }
        self.retry_newer()?;
        self.memory.growth.dossiers = true;
        Ok(count)
    }

    /// Entries that waited for a newer program, or that ended an older one, are judged again when this program is new enough: as if they had
    /// arrived now.
    fn retry_newer(&mut self) -> Result<(), StoreError> {
        let ids: Vec<i64> = self
            .connection()
            .prepare_cached(
                "SELECT id FROM entry WHERE (state = 1 AND reason = ?1 AND min_reader <= ?2) \
                 OR (state = 5 AND reason = ?3) ORDER BY id",
            )?
            .query_map(
                (reason::NEWER_PROGRAM, sync_protocol::entry::ENTRY_VERSION, reason::ENDS_PROGRAM),
                |row| row.get(0),
            )?
            .collect::<Result<_, _>>()?;
        // A newer program may do better with what ended an older one; if not, the mark tells again.
        self.execute("DELETE FROM tried", [])?;
        self.execute("DELETE FROM condition WHERE code = ?1", [conditions::DEADLY_CHANGE])?;
        self.env.trying.forgive();
        for id in ids {
            self.judge_again(id)?;
        }
        Ok(())
    }
}

impl View<'_> {
    /// Every document here that has a change that took effect.
    pub(crate) fn doc_ids(&self) -> Result<Vec<DocId>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT doc FROM entry WHERE kind = 1 AND applied IS NOT NULL ORDER BY doc",
        )?;
        Ok(statement.query_map([], |row| row.get(0).map(DocId))?.collect::<Result<_, _>>()?)
    }

    /// How a document's stored row differs from its state, if it does; an unreadable document differs too.
    pub(crate) fn row_differs(&self, doc: DocId) -> Result<bool, StoreError> {
        let bodies = match self.applied_bodies(doc) {
            Err(StoreError::Corrupt { .. }) => return Ok(true),
            other => other?,
        };
        let loaded = crate::dossier::document::Document::load(bodies.iter().map(Vec::as_slice));
        let Ok(document) = loaded.map_err(|error| library(&error)) else { return Ok(true) };
        let state = fold(document.history());
        let stored = self.dossier(doc)?;
        let parties = self.parties_of(doc)?;
        Ok(stored != Some(row_of(doc, &state)) || parties != state.process.parties)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_text_has_no_marks_no_case_and_single_spaces() {
        for (text, folded) in [
            ("Nguyễn Văn Thử", "nguyen van thu"),
            ("ĐẶNG  Thị Ở", "dang thi o"),
            ("hoà", "hoa"),
            ("hòa", "hoa"),
            ("H27.101-260302-0690001", "h27 101 260302 0690001"),
            ("  (x)  ", "x"),
            ("", ""),
        ] {
            assert_eq!(fold_text(text), folded);
        }
        assert_eq!(fold_text("ê\u{323}"), fold_text("ệ"));
    }

    #[test]
    fn ids_and_birth_dates_are_compared_in_one_form() {
        for (text, form) in [
            (" 042 090 900001", Some("042090900001")),
            ("b-1234567", Some("B1234567")),
            ("", None),
            ("--", None),
        ] {
            assert_eq!(one_form_of_id(text).as_deref(), form, "{text}");
        }
        for (text, form) in [
            ("1990-02-28", Some("1990-02-28")),
            ("28/02/1990", Some("1990-02-28")),
            ("28/2/1990", Some("1990-02-28")),
            ("02/1990", Some("1990-02")),
            ("1990", Some("1990")),
            ("", None),
        ] {
            assert_eq!(one_form_of_birth(text).as_deref(), form, "{text}");
        }
    }
}
