//! The only file that knows the Automerge paths: raw changes in, a readable history out, and new changes.
//!
//! Automerge runs behind a boundary here: our own bounds are checked before it sees bytes, and a panic inside it
//! becomes an error on this one document.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use automerge::ActorId;
use automerge::Automerge;
use automerge::Change;
use automerge::ROOT;
use automerge::ScalarValue;
use automerge::legacy::Key;
use automerge::legacy::ObjectId;
use automerge::legacy::OpType;
use automerge::transaction::CommitOptions;
use automerge::transaction::Transactable;
use sync_protocol::entry::Digest;
use sync_protocol::ids::BootId;
use sync_protocol::ids::ChangeHash;
use sync_protocol::limits::ENTRY_BODY_BYTES_MAX;
use sync_protocol::time::Millis;

use crate::dossier::act::Act;
use crate::dossier::act::to_cbor;
use crate::dossier::admit::AdmitError;
use crate::dossier::admit::admit;
use crate::dossier::paper::Paper;

/// Most operations in one change: a receipt with all its fields and papers has about 60.
pub const CHANGE_OPS_MAX: u64 = 512;

/// Most changes in one document. Ten are usual, a few hundred the longest cases.
pub const DOCUMENT_CHANGES_MAX: usize = 4096;

/// Key prefixes of the document's sections, all at the root: nested objects would put the other actors' ids into
/// every change.
pub(crate) const ACT_PREFIX: &str = "a";
/// Papers, each under a key written once.
pub(crate) const PAPER_PREFIX: &str = "p";
/// Registers.
pub(crate) const FIELD_PREFIX: &str = "f.";
/// What the document is; written once, by its first change.
pub(crate) const HEAD_KEY: &str = "h";

/// The document layout this program writes.
pub const LAYOUT_VERSION: u16 = 1;

/// One Automerge change as an uncompressed chunk, with the hash it is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawChange {
    /// The change's own hash (SHA-256 of its chunk).
    pub hash: ChangeHash,
    /// The uncompressed chunk.
    pub bytes: Vec<u8>,
}

/// What can be read of a change without its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeInfo {
    /// Its hash.
    pub hash: ChangeHash,
    /// The boot that wrote it.
    pub actor: Vec<u8>,
    /// Its place among that actor's changes of this document, from 1.
    pub seq: u64,
    /// The changes it builds on directly.
    pub deps: Vec<ChangeHash>,
    /// The wall clock of its author.
    pub at: Millis,
}

/// Why a document could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are not a change, or not one our documents may contain. Refuse the change.
    #[error("not a readable change: {0}")]
    Malformed(String),
    /// A change it builds on is not here. Keep it waiting.
    #[error("a change it builds on is missing")]
    MissingDependency,
    /// Automerge panicked on it. Set the change aside and tell a person.
    #[error("the document library failed on this change: {0}")]
    Panicked(String),
}

/// What one commit writes into a document.
#[derive(Clone, Debug, Default)]
pub struct Writing {
    /// Registers to set, by field name without prefix.
    pub fields: Vec<(String, String)>,
    /// Papers to add; they get the next free keys, in order.
    pub papers: Vec<Paper>,
    /// Acts to add, in order.
    pub acts: Vec<Act>,
}

/// What a document is, under its head key.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Head {
    /// The layout.
    #[n(0)]
    pub layout: u16,
    /// The lowest layout a reader must know.
    #[n(1)]
    pub min_reader: u16,
    /// 1 for a dossier; slips and office notes get their own numbers.
    #[n(2)]
    pub kind: u8,
}

/// One change of a history, read.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it is and builds on.
    pub info: ChangeInfo,
    /// Its acts, in order.
    pub acts: Vec<Act>,
    /// The registers it sets.
    pub fields: Vec<(String, String)>,
    /// The papers it adds, with their keys.
    pub papers: Vec<(String, Paper)>,
}

/// A document's changes in an order in which each follows what it builds on, equal on every machine.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The changes.
    pub steps: Vec<Step>,
}

/// A document open for reading and writing.
#[derive(Debug, Default)]
pub struct Document {
    history: History,
    changes: Vec<Change>,
    /// Built when first needed: reading needs only the history.
    merged: Option<Automerge>,
}

/// One operation of a change as admission sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operation {
    /// The key at the root, or `None` for anything elsewhere.
    pub(crate) root_key: Option<String>,
    /// The scalar put there, or `None` for any other operation.
    pub(crate) value: Option<OperationValue>,
    /// Whether it replaces earlier operations.
    pub(crate) has_predecessors: bool,
}

/// A scalar that our documents may contain.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OperationValue {
    /// Packed CBOR.
    Bytes(Vec<u8>),
    /// Text.
    Text(String),
    /// Anything else, which no section allows.
    Other,
}

/// Reads a change's outer facts.
///
/// # Errors
/// [`DocumentError::Malformed`] when the bytes are no uncompressed change chunk within our bounds.
pub fn inspect(bytes: &[u8]) -> Result<ChangeInfo, DocumentError> {
    parse(bytes).map(|change| info_of(&change))
}

/// Reads a change with its operations.
pub(crate) fn operations(bytes: &[u8]) -> Result<(ChangeInfo, Vec<Operation>), DocumentError> {
    let change = parse(bytes)?;
    let expanded = guarded(|| change.decode())?;
    let operations = expanded
        .operations
        .into_iter()
        .map(|op| {
            let is_root = op.obj == ObjectId::Root && !op.insert;
            Operation {
                root_key: match op.key {
                    Key::Map(key) if is_root => Some(key.to_string()),
                    Key::Map(_) | Key::Seq(_) => None,
                },
                value: match op.action {
                    OpType::Put(ScalarValue::Bytes(bytes)) => Some(OperationValue::Bytes(bytes)),
                    OpType::Put(ScalarValue::Str(text)) => Some(OperationValue::Text(text.to_string())),
                    OpType::Put(_) => Some(OperationValue::Other),
                    OpType::Make(_)
                    | OpType::Delete
                    | OpType::Increment(_)
                    | OpType::MarkBegin(_)
                    | OpType::MarkEnd(_) => None,
                },
                has_predecessors: !op.pred.is_empty(),
            }
        })
        .collect();
    Ok((info_of(&change), operations))
}

fn parse(bytes: &[u8]) -> Result<Change, DocumentError> {
    chunk::check(bytes).map_err(|what| DocumentError::Malformed(what.to_owned()))?;
    guarded(|| Change::try_from(bytes))?.map_err(|error| DocumentError::Malformed(error.to_string()))
}

fn info_of(change: &Change) -> ChangeInfo {
    ChangeInfo {
        hash: ChangeHash(change.hash().0),
        actor: change.actor_id().to_bytes().to_vec(),
        seq: change.seq(),
        deps: change.deps().iter().map(|hash| ChangeHash(hash.0)).collect(),
        at: Millis(change.timestamp()),
    }
}

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside the boundary round Automerge, where a panic becomes an error on one document.
/// The program's panic hook asks, and ends the process for panics elsewhere.
#[must_use]
pub fn is_guarded() -> bool {
    IS_GUARDED.get()
}

fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, DocumentError> {
    let before = IS_GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(before);
    // The panic's text may quote document contents, so it is not kept.
    outcome.map_err(|_| DocumentError::Panicked("it stopped in an unexpected state".to_owned()))
}

impl Document {
    /// An empty document.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a document from all its admitted changes, in any order.
    ///
    /// # Errors
    /// As [`Document::apply`], for the first change that does not fit.
    pub fn load<'a>(changes: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, DocumentError> {
        let mut document = Self::new();
        for bytes in changes {
            document.read(bytes)?;
        }
        document.history.settle_order()?;
        Ok(document)
    }

    /// Adds one admitted change. A change that is already here does no harm.
    ///
    /// # Errors
    /// See [`DocumentError`]; the document is unchanged after an error.
    pub fn apply(&mut self, change: &[u8]) -> Result<ChangeHash, DocumentError> {
        let info = inspect(change)?;
        if self.history.has(info.hash) {
            return Ok(info.hash);
        }
        if !info.deps.iter().all(|dep| self.history.has(*dep)) {
            return Err(DocumentError::MissingDependency);
        }
        let parsed = parse(change)?;
        let mut merged = self.take_merged()?;
        let outcome = guarded(|| merged.apply_changes([parsed]))
            .and_then(|applied| applied.map_err(|error| DocumentError::Malformed(error.to_string())));
        // After a failure the merged document may hold half of the change: it is rebuilt when next needed.
        outcome?;
        self.read(change)?;
        self.history.settle_order()?;
        self.merged = Some(merged);
        Ok(info.hash)
    }

    /// Writes one change by `boot` at `at`, on top of everything here.
    ///
    /// # Errors
    /// [`DocumentError::Panicked`] when Automerge fails; the document must then be loaded anew.
    pub fn author(
        &mut self,
        boot: BootId,
        at: Millis,
        writing: &Writing,
    ) -> Result<RawChange, DocumentError> {
        let mut merged = self.take_merged()?;
        let first_act = self.history.steps.iter().map(|step| step.acts.len()).sum::<usize>();
        let first_paper = self.history.next_paper();
        let is_first = self.history.steps.is_empty();
        let change = guarded(|| {
            merged.set_actor(ActorId::from(boot.as_bytes().as_slice()));
            let mut tx = merged.transaction();
            if is_first {
                let head = Head { layout: LAYOUT_VERSION, min_reader: LAYOUT_VERSION, kind: 1 };
                tx.put(ROOT, HEAD_KEY, ScalarValue::Bytes(to_cbor(&head)))?;
            }
            for (offset, act) in writing.acts.iter().enumerate() {
                let key = format!("{ACT_PREFIX}{}", first_act + offset);
                tx.put(ROOT, key, ScalarValue::Bytes(act.pack()))?;
            }
            for (name, value) in &writing.fields {
                tx.put(ROOT, format!("{FIELD_PREFIX}{name}"), value.as_str())?;
            }
            for (offset, paper) in writing.papers.iter().enumerate() {
                let key = format!("{PAPER_PREFIX}{}", first_paper + offset);
                tx.put(ROOT, key, ScalarValue::Bytes(to_cbor(paper)))?;
            }
            tx.commit_with(CommitOptions::default().with_time(at.0));
            Ok::<_, automerge::AutomergeError>(merged.get_last_local_change())
        })?
        .map_err(|error| DocumentError::Malformed(error.to_string()))?
        .ok_or_else(|| DocumentError::Malformed("nothing was written".to_owned()))?;
        let raw = RawChange { hash: ChangeHash(change.hash().0), bytes: change.raw_bytes().to_vec() };
        self.read(&raw.bytes)?;
        self.history.settle_order()?;
        self.merged = Some(merged);
        Ok(raw)
    }

    /// Hashes of the changes nothing here builds on, sorted.
    #[must_use]
    pub fn heads(&self) -> Vec<ChangeHash> {
        self.history.heads()
    }

    /// Everything that was written, for the fold.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Whether the merged Automerge document holds exactly the changes of the history, for `verify`.
    ///
    /// # Errors
    /// As [`Document::apply`].
    pub fn is_merged_equal(&mut self) -> Result<bool, DocumentError> {
        let merged = self.take_merged()?;
        let mut heads: Vec<_> = merged.get_heads().iter().map(|hash| ChangeHash(hash.0)).collect();
        heads.sort_unstable();
        self.merged = Some(merged);
        Ok(heads == self.heads())
    }

    /// The key the next added paper gets.
    #[must_use]
    pub fn next_paper_key(&self, offset: usize) -> String {
        format!("{PAPER_PREFIX}{}", self.history.next_paper() + offset)
    }

    fn take_merged(&mut self) -> Result<Automerge, DocumentError> {
        if let Some(merged) = self.merged.take() {
            return Ok(merged);
        }
        let mut merged = Automerge::new();
        let changes = self.changes.clone();
        guarded(|| merged.apply_changes(changes))?
            .map_err(|error| DocumentError::Malformed(error.to_string()))?;
        Ok(merged)
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), DocumentError> {
        let change = parse(bytes)?;
        let boot = BootId::from_slice(change.actor_id().to_bytes())
            .ok_or_else(|| DocumentError::Malformed("the author is not a boot".to_owned()))?;
        let step = admit(bytes, boot).map_err(|error| match error {
            AdmitError::Structure(what) => DocumentError::Malformed(what),
            AdmitError::Document(error) => error,
        })?;
        if self.history.steps.len() >= DOCUMENT_CHANGES_MAX {
            return Err(DocumentError::Malformed("the document has too many changes".to_owned()));
        }
        if !self.history.has(step.info.hash) {
            self.history.steps.push(step);
            self.changes.push(change);
        }
        Ok(())
    }
}

impl History {
    /// Whether a change is here.
    #[must_use]
    pub fn has(&self, hash: ChangeHash) -> bool {
        self.steps.iter().any(|step| step.info.hash == hash)
    }

    /// Hashes of the changes nothing here builds on, sorted.
    #[must_use]
    pub fn heads(&self) -> Vec<ChangeHash> {
        let inner: BTreeSet<_> = self.steps.iter().flat_map(|step| step.info.deps.iter().copied()).collect();
        let all: BTreeSet<_> = self.steps.iter().map(|step| step.info.hash).collect();
        all.difference(&inner).copied().collect()
    }

    /// A short digest of the heads, for comparing views.
    #[must_use]
    pub fn heads_digest(&self) -> [u8; 32] {
        let key = [0; 32];
        let sum = self
            .heads()
            .into_iter()
            .fold(Digest::default(), |sum, head| sum.plus(&key, sync_protocol::ids::Hash(head.0)));
        sum.0
    }

    fn next_paper(&self) -> usize {
        self.steps.iter().map(|step| step.papers.len()).sum()
    }

    /// Orders the steps so that each follows what it builds on; among the free ones the smallest hash goes first.
    fn settle_order(&mut self) -> Result<(), DocumentError> {
        let mut remaining: BTreeMap<ChangeHash, Step> =
            self.steps.drain(..).map(|step| (step.info.hash, step)).collect();
        let mut followers: BTreeMap<ChangeHash, Vec<ChangeHash>> = BTreeMap::new();
        let mut missing: BTreeMap<ChangeHash, usize> = BTreeMap::new();
        let mut free = BTreeSet::new();
        for (hash, step) in &remaining {
            for dep in &step.info.deps {
                followers.entry(*dep).or_default().push(*hash);
            }
            missing.insert(*hash, step.info.deps.len());
            if step.info.deps.is_empty() {
                free.insert(*hash);
            }
        }
        while let Some(hash) = free.pop_first() {
            let Some(step) = remaining.remove(&hash) else { continue };
            self.steps.push(step);
            for follower in followers.remove(&hash).unwrap_or_default() {
                if let Some(count) = missing.get_mut(&follower) {
                    *count -= 1;
                    if *count == 0 {
                        free.insert(follower);
                    }
                }
            }
        }
        if remaining.is_empty() { Ok(()) } else { Err(DocumentError::MissingDependency) }
    }
}

/// Our own bounds on a change chunk, checked before Automerge sees it: its columns are run-length coded, so a few
/// bytes could stand for billions of operations.
mod chunk {
    use super::CHANGE_OPS_MAX;
    use super::ENTRY_BODY_BYTES_MAX;

    const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
    const CHANGE_CHUNK: u8 = 1;
    const DEPS_MAX: u64 = 256;
    const ACTORS_MAX: u64 = 256;
    const COLUMNS_MAX: u64 = 32;

    struct Reader<'a>(&'a [u8]);

    impl<'a> Reader<'a> {
        fn take(&mut self, count: u64) -> Result<&'a [u8], &'static str> {
            let count = usize::try_from(count).map_err(|_| "a length is too large")?;
            let (taken, rest) = self.0.split_at_checked(count).ok_or("the change is cut short")?;
            self.0 = rest;
            Ok(taken)
        }

        fn unsigned(&mut self) -> Result<u64, &'static str> {
            let mut value = 0u64;
            for shift in (0..64).step_by(7) {
                let byte = *self.take(1)?.first().ok_or("the change is cut short")?;
                let bits = u64::from(byte & 0x7f);
                if shift == 63 && bits > 1 {
                    return Err("a number is too large");
                }
                value |= bits << shift;
                if byte & 0x80 == 0 {
                    return Ok(value);
                }
            }
            Err("a number is too long")
        }

        fn signed(&mut self) -> Result<i64, &'static str> {
            let mut value = 0i64;
            for shift in (0..64).step_by(7) {
                let byte = *self.take(1)?.first().ok_or("the change is cut short")?;
                value |= i64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    if shift + 7 < 64 && byte & 0x40 != 0 {
                        value |= -1i64 << (shift + 7);
                    }
                    return Ok(value);
                }
            }
            Err("a number is too long")
        }

        fn counted(&mut self, most: u64, what: &'static str) -> Result<u64, &'static str> {
            let count = self.unsigned()?;
            if count > most { Err(what) } else { Ok(count) }
        }
    }

    pub(super) fn check(bytes: &[u8]) -> Result<(), &'static str> {
        if bytes.len() > ENTRY_BODY_BYTES_MAX {
            return Err("the change is too large");
        }
        let mut outer = Reader(bytes);
        if outer.take(4)? != MAGIC {
            return Err("not a change");
        }
        outer.take(4)?;
        if outer.take(1)? != [CHANGE_CHUNK] {
            return Err("not an uncompressed change");
        }
        let length = outer.unsigned()?;
        let mut inner = Reader(outer.take(length)?);
        if !outer.0.is_empty() {
            return Err("bytes after the change");
        }
        let deps = inner.counted(DEPS_MAX, "too many dependencies")?;
        inner.take(deps * 32)?;
        let actor = inner.counted(64, "an author id is too long")?;
        inner.take(actor)?;
        for _seq_and_start in 0..2 {
            inner.unsigned()?;
        }
        inner.signed()?;
        let message = inner.unsigned()?;
        inner.take(message)?;
        for _other in 0..inner.counted(ACTORS_MAX, "too many authors")? {
            let actor = inner.counted(64, "an author id is too long")?;
            inner.take(actor)?;
        }
        let columns = (0..inner.counted(COLUMNS_MAX, "too many columns")?)
            .map(|_| Ok((inner.unsigned()?, inner.unsigned()?)))
            .collect::<Result<Vec<_>, &'static str>>()?;
        for (spec, length) in columns {
            let data = inner.take(length)?;
            if spec & 0b1000 != 0 {
                return Err("a column is compressed");
            }
            let rows = match spec & 0b111 {
                0..=2 | 6 => runs(data, |reader| reader.unsigned().map(|_| ()))?,
                3 => runs(data, |reader| reader.signed().map(|_| ()))?,
                4 => booleans(data)?,
                5 => runs(data, |reader| {
                    let length = reader.unsigned()?;
                    reader.take(length).map(|_| ())
                })?,
                _raw_values => 0,
            };
            // A group column counts members per row, so predecessors may outnumber operations.
            if rows > CHANGE_OPS_MAX * 8 {
                return Err("too many operations");
            }
        }
        Ok(())
    }

    /// How many rows a run-length coded column stands for.
    fn runs(
        data: &[u8],
        mut value: impl FnMut(&mut Reader<'_>) -> Result<(), &'static str>,
    ) -> Result<u64, &'static str> {
        let mut reader = Reader(data);
        let mut rows = 0u64;
        while !reader.0.is_empty() {
            let count = reader.signed()?;
            let step = match count {
                0 => reader.unsigned()?,
                1.. => {
                    value(&mut reader)?;
                    count.unsigned_abs()
                }
                _ => {
                    let literal = count.unsigned_abs();
                    if literal > CHANGE_OPS_MAX * 8 {
                        return Err("too many operations");
                    }
                    for _ in 0..literal {
                        value(&mut reader)?;
                    }
                    literal
                }
            };
            rows = rows.saturating_add(step);
        }
        Ok(rows)
    }

    fn booleans(data: &[u8]) -> Result<u64, &'static str> {
        let mut reader = Reader(data);
        let mut rows = 0u64;
        while !reader.0.is_empty() {
            rows = rows.saturating_add(reader.unsigned()?);
        }
        Ok(rows)
    }
}
