//! The only file that knows the Automerge paths: raw changes in, a readable history out, and new changes.
//!
//! Automerge runs behind a boundary here: our own bounds are checked before it sees bytes, and a panic inside it
//! becomes an error on this one document.

mod chunk;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use automerge::ActorId;
use automerge::Automerge;
use automerge::Change;
use automerge::ObjId as ExId;
use automerge::ROOT;
use automerge::ReadDoc;
use automerge::ScalarValue;
use automerge::Value;
use automerge::legacy;
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
use crate::dossier::admit::ACT_BYTES_MAX;
use crate::dossier::admit::AdmitError;
use crate::dossier::admit::FIELD_BYTES_MAX;
use crate::dossier::admit::PAPER_BYTES_MAX;
use crate::dossier::admit::admit;
use crate::dossier::paper::Paper;
use crate::dossier::places::Places;

/// Most operations in one change: a receipt with all its fields and papers has about 60.
pub const CHANGE_OPS_MAX: u64 = 512;

/// Most acts in one change. One is usual.
pub const CHANGE_ACTS_MAX: usize = 32;

/// Most changes in one document. Ten are usual, a few hundred the longest cases.
pub const DOCUMENT_CHANGES_MAX: usize = 2048;

/// Most acts in one document. Judging them takes time in the square of their number when they were done apart.
pub const DOCUMENT_ACTS_MAX: usize = 2048;

/// Key prefixes of the document's sections, all at the root: nested objects would put the other actors' ids into
/// every change.
pub(crate) const ACT_PREFIX: &str = "a";
/// Papers, each under a key written once.
pub(crate) const PAPER_PREFIX: &str = "p";
/// Registers.
pub(crate) const FIELD_PREFIX: &str = "f.";
/// What the document is; written once, by its first change.
pub(crate) const HEAD_KEY: &str = "h";

/// What [`Head::kind`] is in a dossier.
pub(crate) const DOSSIER_KIND: u8 = 1;

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
    /// The number of its first operation: one more than the last one its author had seen.
    pub first_op: u64,
    /// How many operations it has.
    pub ops: u64,
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

/// Why a change could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorError {
    /// It would be larger than other machines admit, or the document is full. Refuse the request.
    #[error("what is written is too large")]
    TooLarge,
    /// The document cannot be written. Our bug.
    #[error(transparent)]
    Document(#[from] DocumentError),
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is and builds on.
    pub info: ChangeInfo,
    /// Its acts, in order.
    pub acts: Vec<Act>,
    /// The registers it sets.
    pub fields: Vec<(String, String)>,
    /// The papers it adds, with their keys.
    pub papers: Vec<(String, Paper)>,
    /// The number its first act's key has. Acts are numbered on from those their author had seen.
    pub first_act: usize,
    /// The number its first paper's key has; likewise.
    pub first_paper: usize,
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
    /// In the order in which they came here, each after what it builds on.
    changes: Vec<Change>,
    nodes: HashMap<ChangeHash, Node>,
    acts: usize,
    papers: usize,
    /// Built when first needed: reading needs only the history.
    merged: Option<Automerge>,
}

/// What the next changes need to know of one that is here.
#[derive(Clone, Debug)]
struct Node {
    /// Its place among [`Document::changes`].
    place: usize,
    /// The places of everything it builds on.
    past: Places,
    author: BootId,
    last_op: u64,
    acts: usize,
    papers: usize,
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
    chunk::read(bytes).map_err(malformed)
}

/// Reads a change with its operations.
pub(crate) fn operations(bytes: &[u8]) -> Result<(ChangeInfo, Vec<Operation>), DocumentError> {
    let (info, change) = parse(bytes)?;
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
    Ok((info, operations))
}

fn parse(bytes: &[u8]) -> Result<(ChangeInfo, Change), DocumentError> {
    let info = inspect(bytes)?;
    let change =
        guarded(|| Change::try_from(bytes))?.map_err(|error| DocumentError::Malformed(error.to_string()))?;
    Ok((info, change))
}

fn malformed(what: &str) -> DocumentError {
    DocumentError::Malformed(what.to_owned())
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
        let mut read = BTreeMap::new();
        for bytes in changes {
            let (step, change) = read_change(bytes)?;
            read.insert(step.info.hash, (step, change));
            if read.len() > DOCUMENT_CHANGES_MAX {
                return Err(malformed("the document has too many changes"));
            }
        }
        let mut document = Self::new();
        for hash in causal_order(&read)? {
            let Some((step, change)) = read.remove(&hash) else { continue };
            let node = document.place_for(&step)?;
            // The order of the whole is the order in which they come here.
            let at = document.history.steps.len();
            document.insert(at, step, change, node);
        }
        Ok(document)
    }

    /// Adds one admitted change. A change that is already here does no harm.
    ///
    /// # Errors
    /// See [`DocumentError`]; the document is unchanged after an error.
    pub fn apply(&mut self, change: &[u8]) -> Result<ChangeHash, DocumentError> {
        let info = inspect(change)?;
        if self.nodes.contains_key(&info.hash) {
            return Ok(info.hash);
        }
        let (step, parsed) = read_change(change)?;
        let node = self.place_for(&step)?;
        let mut merged = self.take_merged()?;
        let outcome = guarded(|| merged.apply_changes([parsed.clone()]))
            .and_then(|applied| applied.map_err(|error| DocumentError::Malformed(error.to_string())));
        // After a failure the merged document may hold half of the change: it is rebuilt when next needed.
        outcome?;
        self.add(step, parsed, node);
        self.merged = Some(merged);
        Ok(info.hash)
    }

    /// Writes one change by `boot` at `at`, on top of everything here.
    ///
    /// # Errors
    /// See [`AuthorError`]; the document is unchanged after an error.
    pub fn author(&mut self, boot: BootId, at: Millis, writing: &Writing) -> Result<RawChange, AuthorError> {
        let puts = self.puts(writing)?;
        let mut merged = self.take_merged()?;
        let (change, has_more) = guarded(|| {
            merged.set_actor(ActorId::from(boot.as_bytes().as_slice()));
            let mut by_hand = Vec::new();
            let mut plain = Vec::new();
            for (key, value) in &puts {
                match repeated(&merged, key, value)? {
                    Some(operation) => by_hand.push(operation),
                    None => plain.push((key, value)),
                }
            }
            let mut tx = merged.transaction();
            for (key, value) in plain {
                tx.put(ROOT, key.as_str(), value.clone())?;
            }
            tx.commit_with(CommitOptions::default().with_time(at.0));
            let change = merged.get_last_local_change();
            let has_more = !by_hand.is_empty();
            Ok::<_, automerge::AutomergeError>((change.map(|change| with_more(change, by_hand)), has_more))
        })?
        .map_err(|error| DocumentError::Malformed(error.to_string()))?;
        let change = change.ok_or_else(|| malformed("nothing was written"))?;
        let raw = RawChange { hash: ChangeHash(change.hash().0), bytes: change.raw_bytes().to_vec() };
        if raw.bytes.len() > ENTRY_BODY_BYTES_MAX {
            return Err(AuthorError::TooLarge);
        }
        let (step, change) = read_change(&raw.bytes)?;
        let node = self.place_for(&step)?;
        self.add(step, change, node);
        // The merged document has the change as Automerge wrote it.
        self.merged = (!has_more).then_some(merged);
        Ok(raw)
    }

    /// What a writing puts at the root, in order.
    fn puts(&self, writing: &Writing) -> Result<Vec<(String, ScalarValue)>, AuthorError> {
        let mut puts = Vec::new();
        if self.history.steps.is_empty() {
            let head = Head { layout: LAYOUT_VERSION, min_reader: LAYOUT_VERSION, kind: DOSSIER_KIND };
            puts.push((HEAD_KEY.to_owned(), ScalarValue::Bytes(to_cbor(&head))));
        }
        let bytes = |packed: Vec<u8>, most: usize| {
            if packed.len() > most { Err(AuthorError::TooLarge) } else { Ok(ScalarValue::Bytes(packed)) }
        };
        for (offset, act) in writing.acts.iter().enumerate() {
            puts.push((format!("{ACT_PREFIX}{}", self.acts + offset), bytes(act.pack(), ACT_BYTES_MAX)?));
        }
        for (name, value) in &writing.fields {
            if value.len() > FIELD_BYTES_MAX {
                return Err(AuthorError::TooLarge);
            }
            puts.push((format!("{FIELD_PREFIX}{name}"), ScalarValue::Str(value.as_str().into())));
        }
        for (offset, paper) in writing.papers.iter().enumerate() {
            let packed = bytes(to_cbor(paper), PAPER_BYTES_MAX)?;
            puts.push((format!("{PAPER_PREFIX}{}", self.papers + offset), packed));
        }
        let is_full = puts.len() as u64 > CHANGE_OPS_MAX
            || writing.acts.len() > CHANGE_ACTS_MAX
            || self.acts + writing.acts.len() > DOCUMENT_ACTS_MAX
            || self.history.steps.len() >= DOCUMENT_CHANGES_MAX;
        if is_full { Err(AuthorError::TooLarge) } else { Ok(puts) }
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
        format!("{PAPER_PREFIX}{}", self.papers + offset)
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

    /// Whether a change fits onto what is here, and what the next ones need to know of it.
    ///
    /// What a change's own bytes cannot show is checked here, against its causal past only, so that every machine
    /// judges alike: one first change, and numbers that go on where its author had stood. Without the last, one
    /// hostile number would make every later honest change collide or overflow.
    fn place_for(&self, step: &Step) -> Result<Node, DocumentError> {
        let author =
            BootId::from_slice(&step.info.actor).ok_or_else(|| malformed("the author is not a boot"))?;
        let mut past = Places::default();
        for dep in &step.info.deps {
            let node = self.nodes.get(dep).ok_or(DocumentError::MissingDependency)?;
            past.join(&node.past);
            past.add(node.place);
        }
        if step.info.deps.is_empty() != self.history.steps.is_empty() {
            return Err(malformed("a document has one first change"));
        }
        let acts_here = self.acts + step.acts.len();
        if self.history.steps.len() >= DOCUMENT_CHANGES_MAX || acts_here > DOCUMENT_ACTS_MAX {
            return Err(malformed("the document has too many changes"));
        }
        let (mut acts, mut papers, mut last_op, mut own_seen, mut own_here) = (0, 0, 0, 0, 0);
        for node in self.nodes.values() {
            let is_own = node.author == author;
            own_here += u64::from(is_own);
            if past.has(node.place) {
                acts += node.acts;
                papers += node.papers;
                last_op = last_op.max(node.last_op);
                own_seen += u64::from(is_own);
            }
        }
        if step.info.seq != own_seen + 1 || own_here != own_seen {
            return Err(malformed("an author writes one change after the other"));
        }
        if step.info.first_op != last_op + 1 {
            return Err(malformed("operations are numbered on from those the author had seen"));
        }
        let has_acts_right = step.acts.is_empty() || step.first_act == acts;
        let has_papers_right = step.papers.is_empty() || step.first_paper == papers;
        if !has_acts_right || !has_papers_right {
            return Err(malformed("acts and papers are numbered on from those the author had seen"));
        }
        let last_op = last_op.saturating_add(step.info.ops);
        let (acts, papers) = (step.acts.len(), step.papers.len());
        Ok(Node { place: self.changes.len(), past, author, last_op, acts, papers })
    }

    /// Adds a change that fits, at its place in the order.
    fn add(&mut self, step: Step, change: Change, node: Node) {
        // It is free once the last change it builds on has been taken, and then waits until it is the smallest.
        let after =
            self.history.steps.iter().rposition(|earlier| step.info.deps.contains(&earlier.info.hash));
        let free_at = after.map_or(0, |last| last + 1);
        let later =
            self.history.steps.iter().skip(free_at).position(|other| other.info.hash > step.info.hash);
        let at = later.map_or(self.history.steps.len(), |wait| free_at + wait);
        self.insert(at, step, change, node);
    }

    fn insert(&mut self, at: usize, step: Step, change: Change, node: Node) {
        self.acts += node.acts;
        self.papers += node.papers;
        self.nodes.insert(step.info.hash, node);
        self.history.steps.insert(at, step);
        self.changes.push(change);
    }
}

/// The operation that sets a register to a text that stands in it. Automerge would write none, or one that takes away the
/// other texts of a register in which several stand. Whether what its own merge holds is what counts is for the state to
/// say, so each act writes what it says.
fn repeated(
    merged: &Automerge,
    key: &str,
    value: &ScalarValue,
) -> Result<Option<legacy::Op>, automerge::AutomergeError> {
    let held = merged.get_all(ROOT, key)?;
    let is_same = |held: &Value<'_>| matches!(held, Value::Scalar(held) if held.as_ref() == value);
    if !held.iter().any(|(held, _)| is_same(held)) {
        return Ok(None);
    }
    let id = |(_, id): (Value<'_>, ExId)| match id {
        ExId::Id(counter, author, _) => Some(legacy::OpId::new(counter, &author)),
        ExId::Root => None,
    };
    Ok(Some(legacy::Op {
        action: OpType::Put(value.clone()),
        obj: ObjectId::Root,
        key: Key::Map(key.into()),
        pred: held.into_iter().filter_map(id).collect(),
        insert: false,
    }))
}

fn with_more(change: Change, operations: Vec<legacy::Op>) -> Change {
    if operations.is_empty() {
        return change;
    }
    let mut expanded = change.decode();
    expanded.operations.extend(operations);
    Change::from(expanded)
}

/// Reads a change that stands in a document of ours; whether it fits there is another question.
fn read_change(bytes: &[u8]) -> Result<(Step, Change), DocumentError> {
    let (info, change) = parse(bytes)?;
    let boot = BootId::from_slice(&info.actor).ok_or_else(|| malformed("the author is not a boot"))?;
    let step = admit(bytes, boot).map_err(|error| match error {
        AdmitError::Structure(what) => DocumentError::Malformed(what),
        AdmitError::Newer => malformed("it needs a newer program"),
        AdmitError::Document(error) => error,
    })?;
    Ok((step, change))
}

/// An order in which each change follows what it builds on; among the free ones the smallest hash goes first.
fn causal_order(read: &BTreeMap<ChangeHash, (Step, Change)>) -> Result<Vec<ChangeHash>, DocumentError> {
    let mut followers: BTreeMap<ChangeHash, Vec<ChangeHash>> = BTreeMap::new();
    let mut missing: BTreeMap<ChangeHash, usize> = BTreeMap::new();
    let mut free = BTreeSet::new();
    for (hash, (step, _)) in read {
        for dep in &step.info.deps {
            followers.entry(*dep).or_default().push(*hash);
        }
        missing.insert(*hash, step.info.deps.len());
        if step.info.deps.is_empty() {
            free.insert(*hash);
        }
    }
    let mut order = Vec::with_capacity(read.len());
    while let Some(hash) = free.pop_first() {
        order.push(hash);
        for follower in followers.remove(&hash).unwrap_or_default() {
            if let Some(count) = missing.get_mut(&follower) {
                *count -= 1;
                if *count == 0 {
                    free.insert(follower);
                }
            }
        }
    }
    if order.len() == read.len() { Ok(order) } else { Err(DocumentError::MissingDependency) }
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
}

#[cfg(test)]
mod tests;
