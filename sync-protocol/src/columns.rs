//! The batch codec: entries of a batch as columns, each kind of thing beside its like, for zstd to work on.
//!
//! What the receiver can recompute is left out: magic bytes, checksums and lengths of chunks, hashes of changes
//! (dependencies travel as "the change before"), authors that are the entry's log, positions. Changes travel
//! grouped by document; values that are CBOR are taken apart by their structure. SPEC.md has the layout.
//!
//! It knows the published layout of chunks and the structure of CBOR, not what changes or values mean. What
//! does not come out identical travels as it is.

pub(crate) mod bytes;
mod change;
mod column;
mod runs;
mod value;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::hash::Hash;

use crate::chunk;
use crate::columns::bytes::Bytes;
use crate::columns::bytes::put;
use crate::columns::bytes::put_bytes;
use crate::columns::bytes::put_len;
use crate::columns::bytes::unzigzag;
use crate::columns::bytes::zigzag;
use crate::columns::change::ACTORS_MAX;
use crate::columns::change::Change;
use crate::columns::change::DEPS_MAX;
use crate::columns::change::Scratch;
use crate::columns::change::Shape;
use crate::columns::column::Data;
use crate::columns::column::LARGE_LEAST;
use crate::columns::column::Near;
use crate::columns::column::NumberHasher;
use crate::columns::column::Numbers;
use crate::columns::column::Sources;
use crate::columns::column::Written;
use crate::columns::value::Leaf;
use crate::columns::value::Parts;
use crate::columns::value::Place;
use crate::entry;
use crate::entry::Entry;
use crate::entry::EntryKind;
use crate::ids::BootId;
use crate::ids::ChangeHash;
use crate::ids::DocId;
use crate::limits::BATCH_BODIES_BYTES_MAX;
use crate::limits::BATCH_COLUMNS_MAX;
use crate::limits::BATCH_LEAVES_MAX;
use crate::limits::BATCH_OPS_MAX;
use crate::limits::ENTRY_BODY_BYTES_MAX;

/// Names a part of the content, in the order in which they lie in it.
macro_rules! parts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        enum Part { $($(#[$doc])* $name,)* }

        impl Part {
            const ALL: &'static [Self] = &[$(Self::$name,)*];
        }

        /// What each part takes before compression, by name, for measurements.
        const PART_NAMES: &[&str] = &[$(stringify!($name),)*];
    };
}

parts! {
    /// Definitions: heads of entries, shapes of changes, signatures of values, and which occur where.
    Heads,
    Shapes,
    Signatures,
    SignaturesOfClasses,
    /// How each column is written.
    ColumnHeads,
    /// Per entry in the batch's order: its head, its document, its time.
    EntryHeads,
    Documents,
    Times,
    /// Per change, grouped by document.
    ShapeNumbers,
    Deps,
    Actors,
    Seqs,
    StartOps,
    Others,
    Messages,
    PlainColumns,
    Verbatim,
    /// The columns of values.
    Symbols,
    Data,
    /// What nothing compresses.
    DocumentIds,
    Hashes,
    ActorIds,
    Random,
}

/// Numbers things in the order in which they first occur, and writes each down then.
#[derive(Debug)]
struct Numbered<K>(HashMap<K, usize>);

impl<K: Eq + Hash> Numbered<K> {
    fn new() -> Self {
        Self(HashMap::new())
    }

    /// Its number, and whether it is new.
    fn number(&mut self, key: K) -> (usize, bool) {
        let next = self.0.len();
        let number = *self.0.entry(key).or_insert(next);
        (number, number == next)
    }
}

/// What an entry is beside its place, document and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Head {
    kind: EntryKind,
    min_reader: u16,
    has_doc: bool,
    has_hash: bool,
    form: BodyForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum BodyForm {
    /// Erased.
    None,
    /// As it is.
    Verbatim,
    /// A change taken apart.
    Apart,
}

impl Head {
    fn write(self, out: &mut Vec<u8>) {
        out.push(self.kind.0);
        put(out, u64::from(self.min_reader));
        let form = match self.form {
            BodyForm::None => 0,
            BodyForm::Verbatim => 1,
            BodyForm::Apart => 2,
        };
        out.push(u8::from(self.has_doc) | u8::from(self.has_hash) << 1 | form << 2);
    }

    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        let kind = EntryKind(bytes.byte()?);
        let min_reader = u16::try_from(bytes.number()?).ok()?;
        let flags = bytes.byte()?;
        let form = match flags >> 2 {
            0 => BodyForm::None,
            1 => BodyForm::Verbatim,
            2 => BodyForm::Apart,
            _ => return None,
        };
        let head = Self { kind, min_reader, has_doc: flags & 1 != 0, has_hash: flags & 2 != 0, form };
        let is_change = form == BodyForm::Apart;
        (!is_change || (kind == EntryKind::CHANGE && head.has_doc && !head.has_hash)).then_some(head)
    }
}

/// Where values of one kind lie: the key without its number, and the type.
type Class = (Vec<u8>, u8);

const TYPE_UNSIGNED: u8 = 3;
const TYPES_SIGNED: [u8; 3] = [4, 8, 9];
const TYPE_BYTES: u8 = 7;

fn class_of(key: Option<&[u8]>, kind: u8) -> Class {
    let key = key.unwrap_or_default();
    let digits = key.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    (key.get(..key.len().saturating_sub(digits)).unwrap_or_default().to_vec(), kind)
}

fn classes_of(shape: &Shape<'_>, classes: &mut Numbered<Class>) -> Vec<usize> {
    shape
        .keys
        .iter()
        .copied()
        .zip(&shape.types)
        .map(|(key, kind)| classes.number(class_of(key, *kind)).0)
        .collect()
}

/// The columns of values while they are filled.
#[derive(Debug)]
enum Filling<'a> {
    Numbers(Vec<(u64, Near)>),
    Data(Vec<&'a [u8]>),
}

/// One class while its columns are filled.
#[derive(Debug)]
struct ClassFilling {
    /// Where the column of its signatures is.
    choice: usize,
    /// Its signatures in the order in which they first occur.
    signatures: Vec<usize>,
    /// By signature: its place in that order, and where the columns of its leaves begin.
    places: HashMap<usize, (usize, usize), BuildHasherDefault<NumberHasher>>,
}

/// Names a column: first the numbers, then bytes; like beside like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ColumnName {
    is_data: bool,
    class: usize,
    place: Vec<u64>,
    signature: usize,
    leaf: usize,
}

/// A number of a value as Automerge has it, or `None` when it is not in shortest form.
fn number_of(kind: u8, value: &[u8]) -> Option<u64> {
    let mut bytes = Bytes(value);
    let number = match kind {
        TYPE_UNSIGNED => bytes.number()?,
        _ => bytes.signed()?.cast_unsigned(),
    };
    let mut again = Vec::new();
    put_number(&mut again, kind, number);
    (again == value).then_some(number)
}

fn put_number(out: &mut Vec<u8>, kind: u8, number: u64) {
    match kind {
        TYPE_UNSIGNED => put(out, number),
        _ => bytes::put_signed(out, number.cast_signed()),
    }
}

/// Takes a value of an operation apart.
fn take_value_apart<'a>(kind: u8, value: &'a [u8], parts: &mut Parts<'a>) {
    let number =
        (kind == TYPE_UNSIGNED || TYPES_SIGNED.contains(&kind)).then(|| number_of(kind, value)).flatten();
    match (kind, number) {
        (TYPE_BYTES, _) => value::take_apart(value, parts),
        (_, Some(number)) => parts.be(value::NUMBER_SIGNATURE, Leaf::Number(number)),
        (_, None) => parts.be(value::WHOLE_SIGNATURE, Leaf::Data(value)),
    }
}

/// Content ready for compression.
#[derive(Debug)]
pub struct Content {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Where in them something of another nature begins, ascending.
    pub cuts: Vec<usize>,
    /// The parts by name with their sizes in bytes, in the order in which they lie behind the first cut.
    pub parts: Vec<(&'static str, usize)>,
}

#[derive(Debug)]
struct Writer<'a> {
    parts: Vec<Vec<u8>>,
    signatures: Numbered<Vec<u8>>,
    places: Vec<Vec<Place>>,
    classes: Vec<ClassFilling>,
    columns: Vec<(ColumnName, Filling<'a>)>,
    actors: Numbered<Vec<u8>>,
    hashes: Numbered<ChangeHash>,
    /// Of each entry the hash that its body has.
    computed: Vec<Option<ChangeHash>>,
}

/// What is known of a document so far in the batch. A document has few changes in one batch, so they are looked for
/// from the last one on.
#[derive(Debug, Default)]
struct Known {
    /// Each change, and the operation after its last where that is known.
    changes: Vec<(ChangeHash, Option<u64>)>,
    /// The same of changes beyond the first few.
    ends: HashMap<ChangeHash, u64>,
    seqs: Vec<(Vec<u8>, u64)>,
    large: Option<u64>,
    /// The log of the change at hand, by number.
    log: usize,
}

/// So many changes are looked through one by one.
const FEW: usize = 16;

impl Known {
    /// How many changes ago it was.
    fn back(&self, hash: &ChangeHash) -> Option<usize> {
        self.changes.iter().rev().position(|(one, _)| one == hash)
    }

    fn start_op(&self, deps: &[ChangeHash]) -> u64 {
        let few = self.changes.get(..self.changes.len().min(FEW)).unwrap_or_default();
        let of_few = |dep: &ChangeHash| few.iter().rev().find_map(|(one, end)| end.filter(|_| one == dep));
        let end = |dep: &ChangeHash| self.ends.get(dep).copied().or_else(|| of_few(dep));
        deps.iter().filter_map(end).max().unwrap_or(1)
    }

    fn next_seq(&self, actor: &[u8]) -> u64 {
        let last = self.seqs.iter().find(|(one, _)| one == actor);
        last.map_or(1, |(_, seq)| seq.wrapping_add(1))
    }

    fn add(&mut self, hash: ChangeHash, change: &Change<'_>, ops: usize) {
        let ops = u64::try_from(ops).unwrap_or(u64::MAX);
        let end = change.start_op.wrapping_add(ops);
        if self.changes.len() >= FEW {
            self.ends.insert(hash, end);
        }
        self.changes.push((hash, Some(end)));
        match self.seqs.iter_mut().find(|(one, _)| one == change.actor) {
            Some((_, seq)) => *seq = change.seq,
            None => self.seqs.push((change.actor.to_vec(), change.seq)),
        }
    }

    fn near(&self, at: i64) -> Near {
        Near { large: self.large.unwrap_or(at.cast_unsigned()), at: at.cast_unsigned(), log: self.log }
    }

    fn pass(&mut self, number: u64) {
        if (LARGE_LEAST..1 << 63).contains(&number) {
            self.large = Some(number);
        }
    }
}

/// Lays entries out as columns; the reader is told their logs otherwise. `None` when they would not come out of the
/// columns as they are.
pub(crate) fn write(entries: &[&Entry]) -> Option<Content> {
    let (content, hashes) = write_unread(entries);
    gives(&content.bytes, entries, &hashes).then_some(content)
}

/// As [`write`], without reading again; and of each entry the hash that its body has.
fn write_unread(entries: &[&Entry]) -> (Content, Vec<Option<ChangeHash>>) {
    let mut writer = Writer {
        parts: vec![Vec::new(); Part::ALL.len()],
        signatures: Numbered::new(),
        places: Vec::new(),
        classes: Vec::new(),
        columns: Vec::new(),
        actors: Numbered::new(),
        hashes: Numbered::new(),
        computed: Vec::with_capacity(entries.len()),
    };
    writer.entries(entries);
    let computed = std::mem::take(&mut writer.computed);
    (writer.finish(), computed)
}

/// Whether [`read`] would give exactly these entries, of which the bodies have these hashes.
fn gives(content: &[u8], entries: &[&Entry], hashes: &[Option<ChangeHash>]) -> bool {
    let places: Vec<(BootId, u64)> = entries.iter().map(|entry| (entry.log, entry.lsn)).collect();
    let is_of = |entry: &Entry, cell: &Cell| {
        let has_body = cell.head.form != BodyForm::None;
        entry.kind == cell.head.kind
            && entry.min_reader == cell.head.min_reader
            && entry.doc == cell.doc
            && Some(entry.hash) == cell.hash
            && entry.body.is_some() == has_body
    };
    read_cells(content, &places, Bodies::Compared(entries, hashes)).is_some_and(|cells| {
        cells.len() == entries.len() && entries.iter().zip(&cells).all(|(entry, cell)| is_of(entry, cell))
    })
}

/// A body as it is written.
#[derive(Debug)]
enum Apart<'a> {
    Change(Shape<'a>, Box<Change<'a>>),
    Other,
}

impl<'a> Writer<'a> {
    fn part(&mut self, part: Part) -> &mut Vec<u8> {
        #[expect(clippy::indexing_slicing, reason = "there is one for each")]
        &mut self.parts[part as usize]
    }

    fn entries(&mut self, entries: &[&'a Entry]) {
        let mut heads = Numbered::new();
        let mut documents = Numbered::new();
        let mut by_document: Vec<Vec<(usize, Apart<'a>, ChangeHash)>> = Vec::new();
        let mut last_at = 0i64;
        let mut scratch = Scratch::default();
        for (index, entry) in entries.iter().enumerate() {
            let body = entry.body.as_deref();
            let read =
                body.filter(|_| entry.kind == EntryKind::CHANGE).and_then(|body| chunk::read(body).ok());
            let computed = match (read, body) {
                (Some((hash, _)), _) => Some(hash),
                (None, Some(body)) if entry.kind != EntryKind::CHANGE => Some(entry::body_hash(body)),
                (None, _) => None,
            };
            self.computed.push(computed);
            let has_doc = entry.doc != DocId::NONE;
            let has_hash = computed != Some(entry.hash);
            let apart = read
                .filter(|_| has_doc && !has_hash)
                .and_then(|(_, contents)| change::take_apart(contents, &mut scratch))
                .map_or(Apart::Other, |(shape, change)| Apart::Change(shape, Box::new(change)));
            let form = match (&apart, body) {
                (Apart::Change(..), _) => BodyForm::Apart,
                (Apart::Other, Some(_)) => BodyForm::Verbatim,
                (Apart::Other, None) => BodyForm::None,
            };
            let head = Head { kind: entry.kind, min_reader: entry.min_reader, has_doc, has_hash, form };
            let (number, is_new) = heads.number(head);
            put_len(self.part(Part::EntryHeads), number);
            if is_new {
                head.write(self.part(Part::Heads));
            }
            if has_hash {
                self.part(Part::Hashes).extend_from_slice(entry.hash.as_bytes());
            }
            if let (Apart::Other, Some(body)) = (&apart, body) {
                put_bytes(self.part(Part::Verbatim), body);
            }
            if let Apart::Change(_, change) = &apart {
                put(self.part(Part::Times), zigzag(change.at.wrapping_sub(last_at)));
                last_at = change.at;
            }
            if has_doc {
                let (number, is_new) = documents.number(entry.doc);
                let back = if is_new { 0 } else { by_document.len().saturating_sub(number) };
                put_len(self.part(Part::Documents), back);
                if is_new {
                    by_document.push(Vec::new());
                    self.part(Part::DocumentIds).extend_from_slice(entry.doc.as_bytes());
                }
                if let Some(group) = by_document.get_mut(number) {
                    group.push((index, apart, entry.hash));
                }
            }
        }
        let ids = std::mem::take(self.part(Part::DocumentIds));
        *self.part(Part::DocumentIds) = planes(&ids, 16);
        // By their written form, which says all of them.
        let mut shapes: Numbered<Vec<u8>> = Numbered::new();
        let mut written = Vec::new();
        let mut classes = Numbered::new();
        let mut classes_of_shapes = Vec::new();
        let mut logs = Numbered::new();
        let mut parts = Parts::default();
        for group in by_document {
            let mut known = Known::default();
            for (index, apart, hash) in group {
                let (Apart::Change(shape, change), Some(entry)) = (apart, entries.get(index)) else {
                    known.changes.push((hash, None));
                    continue;
                };
                let ops = shape.types.len();
                written.clear();
                shape.write(&mut written);
                let number = match shapes.0.get(&written) {
                    Some(number) => *number,
                    None => {
                        self.part(Part::Shapes).extend_from_slice(&written);
                        classes_of_shapes.push(classes_of(&shape, &mut classes));
                        shapes.number(written.clone()).0
                    }
                };
                put_len(self.part(Part::ShapeNumbers), number);
                known.log = logs.number(entry.log).0;
                self.change(entry.log, &change, &mut known);
                known.add(hash, &change, ops);
                let classes: &[usize] = classes_of_shapes.get(number).map_or(&[], Vec::as_slice);
                for ((class, kind), value) in classes.iter().copied().zip(&shape.types).zip(&change.values) {
                    take_value_apart(*kind, value, &mut parts);
                    self.value(class, &parts, change.at, &mut known);
                }
            }
        }
    }

    /// Everything of a change but its values.
    fn change(&mut self, log: BootId, change: &Change<'a>, known: &mut Known) {
        let backs: Vec<Option<usize>> = change.deps.iter().map(|dep| known.back(dep)).collect();
        match backs.as_slice() {
            [] => self.part(Part::Deps).push(0),
            [Some(0)] => self.part(Part::Deps).push(1),
            backs => {
                put_len(self.part(Part::Deps), backs.len() + 1);
                for (back, dep) in backs.iter().zip(&change.deps) {
                    match back {
                        Some(back) => put_len(self.part(Part::Deps), back + 2),
                        None => {
                            let (number, is_new) = self.hashes.number(*dep);
                            self.part(Part::Deps).push(u8::from(is_new));
                            if is_new {
                                self.part(Part::Hashes).extend_from_slice(dep.as_bytes());
                            } else {
                                put_len(self.part(Part::Deps), number);
                            }
                        }
                    }
                }
            }
        }
        if change.actor == log.as_bytes() {
            self.part(Part::Actors).push(0);
        } else {
            self.actor(Part::Actors, change.actor);
        }
        let (seq, start_op) = (known.next_seq(change.actor), known.start_op(&change.deps));
        put(self.part(Part::Seqs), zigzag(change.seq.wrapping_sub(seq).cast_signed()));
        put(self.part(Part::StartOps), zigzag(change.start_op.wrapping_sub(start_op).cast_signed()));
        put_bytes(self.part(Part::Messages), change.message);
        put_len(self.part(Part::Others), change.others.len());
        for other in &change.others {
            self.actor(Part::Others, other);
        }
        for plain in &change.plain {
            put_bytes(self.part(Part::PlainColumns), plain);
        }
    }

    fn actor(&mut self, part: Part, actor: &[u8]) {
        let (number, is_new) = self.actors.number(actor.to_vec());
        put_len(self.part(part), number + 1);
        if is_new {
            put_bytes(self.part(Part::ActorIds), actor);
        }
    }

    fn value(&mut self, class: usize, parts: &Parts<'a>, at: i64, known: &mut Known) {
        let signature = match self.signatures.0.get(&parts.signature) {
            Some(number) => *number,
            None => {
                value::write_signature(self.part(Part::Signatures), &parts.signature);
                self.places.push(value::places(&parts.signature).unwrap_or_default());
                self.signatures.number(parts.signature.clone()).0
            }
        };
        let columns = &mut self.columns;
        // Classes are numbered as their first values come.
        if class >= self.classes.len() {
            let name =
                ColumnName { is_data: false, class, place: Vec::new(), signature: 0, leaf: usize::MAX };
            let (choice, places) = (columns.len(), HashMap::default());
            columns.push((name, Filling::Numbers(Vec::new())));
            self.classes.push(ClassFilling { choice, signatures: Vec::new(), places });
        }
        let Some(of_class) = self.classes.get_mut(class) else { return };
        let places = &self.places;
        let (number, first) = *of_class.places.entry(signature).or_insert_with(|| {
            let places = places.get(signature).map(Vec::as_slice).unwrap_or_default();
            let first = columns.len();
            for (leaf, place) in places.iter().enumerate() {
                let (is_data, place) = (!place.is_number, place.path.clone());
                let name = ColumnName { is_data, class, place, signature, leaf };
                let empty = if is_data { Filling::Data(Vec::new()) } else { Filling::Numbers(Vec::new()) };
                columns.push((name, empty));
            }
            of_class.signatures.push(signature);
            (of_class.signatures.len() - 1, first)
        });
        let near = known.near(at);
        if let Some((_, Filling::Numbers(values))) = columns.get_mut(of_class.choice) {
            values.push((u64::try_from(number).unwrap_or(u64::MAX), near));
        }
        let leaves = columns.get_mut(first..).unwrap_or_default();
        for ((_, column), value) in leaves.iter_mut().zip(parts.leaves.iter().copied()) {
            match (column, value) {
                (Filling::Numbers(values), Leaf::Number(value)) => {
                    values.push((value, known.near(at)));
                    known.pass(value);
                }
                (Filling::Data(values), Leaf::Data(value)) => values.push(value),
                // A leaf of another nature than its place: reading again shows it, and the batch travels plain.
                (Filling::Numbers(_) | Filling::Data(_), _) => {}
            }
        }
    }

    fn finish(mut self) -> Content {
        for of_class in std::mem::take(&mut self.classes) {
            put_len(self.part(Part::SignaturesOfClasses), of_class.signatures.len());
            of_class
                .signatures
                .into_iter()
                .for_each(|one| put_len(self.part(Part::SignaturesOfClasses), one));
        }
        let mut cuts_inside = Vec::new();
        let mut columns = std::mem::take(&mut self.columns);
        columns.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (_, column) in columns {
            let Written { head, symbols, data, random } = match column {
                Filling::Numbers(cells) => column::write_numbers(&cells),
                Filling::Data(values) => column::write_data(&values),
            };
            self.part(Part::ColumnHeads).extend(head);
            for (part, bytes) in [(Part::Symbols, symbols), (Part::Data, data), (Part::Random, random)] {
                cuts_inside.push((part, self.part(part).len()));
                self.part(part).extend(bytes);
            }
        }
        let mut out = Vec::new();
        self.parts.iter().for_each(|part| put_len(&mut out, part.len()));
        let mut cuts = vec![out.len()];
        for (part, bytes) in Part::ALL.iter().zip(&self.parts) {
            let start = out.len();
            cuts.extend(cuts_inside.iter().filter(|(inside, _)| inside == part).map(|(_, at)| start + at));
            out.extend_from_slice(bytes);
            cuts.push(out.len());
        }
        cuts.sort_unstable();
        cuts.dedup();
        let parts = PART_NAMES.iter().copied().zip(self.parts.iter().map(Vec::len)).collect();
        Content { bytes: out, cuts, parts }
    }
}

/// Fixed-size records turned so that the first bytes of all come first.
fn planes(records: &[u8], width: usize) -> Vec<u8> {
    (0..width).flat_map(|at| records.iter().skip(at).step_by(width).copied()).collect()
}

#[derive(Debug)]
enum Column<'a> {
    Numbers(Numbers<'a>),
    Data(Data<'a>),
}

/// The columns of one class.
#[derive(Debug)]
struct ClassColumns<'a> {
    kind: u8,
    signatures: Vec<usize>,
    choice: Option<Numbers<'a>>,
    leaves: Vec<Vec<Option<Column<'a>>>>,
}

#[derive(Debug)]
struct Reader<'a> {
    parts: Vec<Bytes<'a>>,
    shapes: Vec<(Shape<'a>, Vec<usize>)>,
    signatures: Vec<&'a [u8]>,
    classes: Vec<ClassColumns<'a>>,
    actors: Vec<&'a [u8]>,
    hashes: Vec<ChangeHash>,
    leaves_left: usize,
    ops_left: usize,
    bytes_left: usize,
    /// The values of the change at hand one behind the other, their lengths, and the change as it is written.
    values: Vec<u8>,
    lengths: Vec<usize>,
    scratch: Scratch,
    bodies: Bodies<'a>,
}

/// What becomes of the bodies that are read.
#[derive(Clone, Copy, Debug)]
enum Bodies<'a> {
    Built,
    /// They are compared with those of the entries that were written, which have these hashes. So none is built, and none
    /// is hashed again, which would take as long as all the rest where a processor has no instructions for it.
    Compared(&'a [&'a Entry], &'a [Option<ChangeHash>]),
}

impl Bodies<'_> {
    /// A body that travelled as it is.
    fn verbatim(self, index: usize, body: &[u8]) -> Option<Option<Vec<u8>>> {
        match self {
            Self::Built => Some(Some(body.to_vec())),
            Self::Compared(entries, _) => (entries.get(index)?.body.as_deref() == Some(body)).then_some(None),
        }
    }

    /// A change with these contents: its body, its length and its hash.
    fn change(self, index: usize, contents: &[u8]) -> Option<(Option<Vec<u8>>, usize, ChangeHash)> {
        let (body, length, hash) = match self {
            Self::Built => {
                let (body, hash) = change::chunk_of(contents)?;
                let length = body.len();
                (Some(body), length, hash)
            }
            Self::Compared(entries, hashes) => {
                let (body, hash) = (entries.get(index)?.body.as_deref()?, (*hashes.get(index)?)?);
                chunk::holds(body, contents, &hash).then_some((None, body.len(), hash))?
            }
        };
        (length <= ENTRY_BODY_BYTES_MAX).then_some((body, length, hash))
    }
}

/// An entry without its place, as it was read.
#[derive(Debug)]
struct Cell {
    head: Head,
    doc: DocId,
    hash: Option<ChangeHash>,
    at: i64,
    body: Option<Vec<u8>>,
}

/// Reads what [`write`] wrote for entries that lie at these places, or `None` when it is not that.
pub(crate) fn read(content: &[u8], places: &[(BootId, u64)]) -> Option<Vec<Entry>> {
    let cells = read_cells(content, places, Bodies::Built)?;
    let mut entries = Vec::with_capacity(cells.len());
    for ((log, lsn), cell) in places.iter().zip(cells) {
        let Head { kind, min_reader, .. } = cell.head;
        let (doc, hash, body) = (cell.doc, cell.hash?, cell.body);
        entries.push(Entry { log: *log, lsn: *lsn, kind, doc, hash, min_reader, body });
    }
    Some(entries)
}

fn read_cells<'a>(content: &'a [u8], places: &[(BootId, u64)], bodies: Bodies<'a>) -> Option<Vec<Cell>> {
    let mut bytes = Bytes(content);
    let lengths = Part::ALL.iter().map(|_| bytes.length()).collect::<Option<Vec<_>>>()?;
    let parts =
        lengths.into_iter().map(|length| bytes.take(length).map(Bytes)).collect::<Option<Vec<_>>>()?;
    if !bytes.is_empty() {
        return None;
    }
    let mut reader = Reader {
        parts,
        shapes: Vec::new(),
        signatures: Vec::new(),
        classes: Vec::new(),
        actors: Vec::new(),
        hashes: Vec::new(),
        leaves_left: BATCH_LEAVES_MAX,
        ops_left: BATCH_OPS_MAX,
        bytes_left: BATCH_BODIES_BYTES_MAX,
        values: Vec::new(),
        lengths: Vec::new(),
        scratch: Scratch::default(),
        bodies,
    };
    reader.definitions()?;
    reader.entries(places)
}

impl<'a> Reader<'a> {
    fn part(&mut self, part: Part) -> &mut Bytes<'a> {
        #[expect(clippy::indexing_slicing, reason = "there is one for each")]
        &mut self.parts[part as usize]
    }

    fn definitions(&mut self) -> Option<()> {
        let mut classes = Numbered::new();
        let mut ops = 0usize;
        while !self.part(Part::Shapes).is_empty() {
            let shape = Shape::read(self.part(Part::Shapes))?;
            // Each shape is that of a change, so all of them together have no more operations than all changes.
            ops = ops.checked_add(shape.types.len()).filter(|ops| *ops <= BATCH_OPS_MAX)?;
            let of_shape = classes_of(&shape, &mut classes);
            self.shapes.push((shape, of_shape));
        }
        let mut places = Vec::new();
        let mut leaves = 0usize;
        while !self.part(Part::Signatures).is_empty() {
            let signature = self.part(Part::Signatures).bytes()?;
            self.signatures.push(signature);
            let of_signature = value::places(signature)?;
            // Each has a column of its own at least.
            leaves = leaves.checked_add(of_signature.len()).filter(|leaves| *leaves <= BATCH_COLUMNS_MAX)?;
            places.push(of_signature);
        }
        let mut ordered: Vec<(usize, u8)> =
            classes.0.into_iter().map(|((_, kind), number)| (number, kind)).collect();
        ordered.sort_unstable();
        let mut names: Vec<(ColumnName, usize)> = Vec::new();
        for (class, kind) in ordered {
            // A shape that no change has leaves its classes without columns.
            let count = self.part(Part::SignaturesOfClasses).length()?;
            let choice =
                ColumnName { is_data: false, class, place: Vec::new(), signature: 0, leaf: usize::MAX };
            if names.len() >= BATCH_COLUMNS_MAX {
                return None;
            }
            names.push((choice, 0));
            let mut leaves = Vec::new();
            let mut signatures = Vec::new();
            for within in 0..count {
                let signature = self.part(Part::SignaturesOfClasses).length()?;
                let places = places.get(signature)?;
                if places.len() > BATCH_COLUMNS_MAX.saturating_sub(names.len()) {
                    return None;
                }
                for (leaf, place) in places.iter().enumerate() {
                    let (is_data, place) = (!place.is_number, place.path.clone());
                    names.push((ColumnName { is_data, class, place, signature, leaf }, within));
                }
                leaves.push(places.iter().map(|_| None).collect());
                signatures.push(signature);
            }
            self.classes.push(ClassColumns { kind, signatures, choice: None, leaves });
        }
        names.sort_unstable();
        self.columns(names)
    }

    /// The columns in the order of their names.
    fn columns(&mut self, names: Vec<(ColumnName, usize)>) -> Option<()> {
        let mut heads = *self.part(Part::ColumnHeads);
        let mut sources = Sources {
            symbols: *self.part(Part::Symbols),
            data: *self.part(Part::Data),
            random: *self.part(Part::Random),
        };
        for (name, within) in names {
            let class = self.classes.get_mut(name.class)?;
            if name.is_data {
                let column = Data::read(&mut heads, &mut sources)?;
                *class.leaves.get_mut(within)?.get_mut(name.leaf)? = Some(Column::Data(column));
            } else {
                let column = Numbers::read(&mut heads, &mut sources)?;
                if name.leaf == usize::MAX {
                    class.choice = Some(column);
                } else {
                    *class.leaves.get_mut(within)?.get_mut(name.leaf)? = Some(Column::Numbers(column));
                }
            }
        }
        let is_all = heads.is_empty()
            && sources.symbols.is_empty()
            && sources.data.is_empty()
            && sources.random.is_empty();
        is_all.then_some(())
    }

    fn entries(&mut self, places: &[(BootId, u64)]) -> Option<Vec<Cell>> {
        let mut heads = Vec::new();
        while !self.part(Part::Heads).is_empty() {
            heads.push(Head::read(self.part(Part::Heads))?);
        }
        let ids = self.part(Part::DocumentIds).0;
        let count = ids.len() / 16;
        let ids = if count * 16 == ids.len() { planes(ids, count) } else { return None };
        let mut ids = Bytes(&ids);
        let mut documents: Vec<(DocId, Vec<usize>)> = Vec::new();
        let mut cells = Vec::with_capacity(places.len());
        let mut last_at = 0i64;
        // Hashes of entries come before those of dependencies: this loop runs first.
        for index in 0..places.len() {
            let head = *heads.get(self.part(Part::EntryHeads).length()?)?;
            let hash = if head.has_hash { Some(ChangeHash(self.part(Part::Hashes).array()?)) } else { None };
            let mut cell = Cell { head, doc: DocId::NONE, hash, at: 0, body: None };
            match head.form {
                BodyForm::None => {}
                BodyForm::Verbatim => {
                    let body = self.part(Part::Verbatim).bytes()?;
                    self.bytes_left = self.bytes_left.checked_sub(body.len())?;
                    if body.len() > ENTRY_BODY_BYTES_MAX {
                        return None;
                    }
                    cell.hash = cell.hash.or_else(|| entry::hash_of(head.kind, body));
                    cell.body = self.bodies.verbatim(index, body)?;
                }
                BodyForm::Apart => {
                    last_at = last_at.wrapping_add(unzigzag(self.part(Part::Times).number()?));
                    cell.at = last_at;
                }
            }
            if head.has_doc {
                let number = match self.part(Part::Documents).length()? {
                    0 => {
                        documents.push((DocId(ids.array()?), Vec::new()));
                        documents.len() - 1
                    }
                    back => documents.len().checked_sub(back)?,
                };
                let (doc, members) = documents.get_mut(number)?;
                cell.doc = *doc;
                members.push(index);
            }
            cells.push(cell);
        }
        let mut logs = Numbered::new();
        for (_, members) in documents {
            let mut known = Known::default();
            for index in members {
                let ((log, _), cell) = (places.get(index)?, cells.get_mut(index)?);
                if cell.head.form == BodyForm::Apart {
                    known.log = logs.number(*log).0;
                    let (body, hash) = self.change(index, *log, cell.at, &mut known)?;
                    (cell.body, cell.hash) = (body, Some(hash));
                } else {
                    known.changes.push((cell.hash?, None));
                }
            }
        }
        let is_all = ids.is_empty()
            && self.parts.iter().enumerate().all(|(at, part)| {
                part.is_empty() || Part::ALL.get(at).is_some_and(|part| part.is_read_elsewhere())
            });
        is_all.then_some(cells)
    }

    fn change(
        &mut self,
        index: usize,
        log: BootId,
        at: i64,
        known: &mut Known,
    ) -> Option<(Option<Vec<u8>>, ChangeHash)> {
        let number = self.part(Part::ShapeNumbers).length()?;
        let ops = self.shapes.get(number)?.0.types.len();
        self.ops_left = self.ops_left.checked_sub(ops)?;
        let deps = self.deps(known)?;
        let actor = match self.part(Part::Actors).length()? {
            0 => log.as_bytes(),
            number => self.actor(number)?,
        };
        let seq = unzigzag(self.part(Part::Seqs).number()?).cast_unsigned();
        let start_op = unzigzag(self.part(Part::StartOps).number()?).cast_unsigned();
        let seq = known.next_seq(actor).wrapping_add(seq);
        let start_op = known.start_op(&deps).wrapping_add(start_op);
        let message = self.part(Part::Messages).bytes()?;
        let others = self.part(Part::Others).counted(ACTORS_MAX)?;
        let mut other_actors = Vec::new();
        for _ in 0..others {
            let number = self.part(Part::Others).length()?;
            other_actors.push(self.actor(number)?);
        }
        let plain_columns = self.shapes.get(number)?.0.plain_columns();
        let plain =
            (0..plain_columns).map(|_| self.part(Part::PlainColumns).bytes()).collect::<Option<Vec<_>>>()?;
        let (mut values, mut lengths) = (std::mem::take(&mut self.values), std::mem::take(&mut self.lengths));
        values.clear();
        lengths.clear();
        for op in 0..ops {
            let class = *self.shapes.get(number)?.1.get(op)?;
            let before = values.len();
            self.value(class, at, known, &mut values)?;
            lengths.push(values.len() - before);
        }
        let change = Change {
            deps,
            actor,
            seq,
            start_op,
            at,
            message,
            others: other_actors,
            plain,
            values: Vec::new(),
        };
        let shape = &self.shapes.get(number)?.0;
        let contents = change::put_together(shape, &change, &values, &lengths, &mut self.scratch)?;
        let (body, length, hash) = self.bodies.change(index, contents)?;
        (self.values, self.lengths) = (values, lengths);
        self.bytes_left = self.bytes_left.checked_sub(length)?;
        known.add(hash, &change, ops);
        Some((body, hash))
    }

    fn deps(&mut self, known: &Known) -> Option<Vec<ChangeHash>> {
        let back = |back: usize| {
            let at = known.changes.len().checked_sub(back.checked_add(1)?)?;
            known.changes.get(at).map(|(hash, _)| hash)
        };
        match self.part(Part::Deps).length()? {
            0 => Some(Vec::new()),
            1 => Some(vec![*back(0)?]),
            more => {
                if more > DEPS_MAX {
                    return None;
                }
                let mut deps = Vec::new();
                for _ in 1..more {
                    let dep = match self.part(Part::Deps).length()? {
                        0 => {
                            let number = self.part(Part::Deps).length()?;
                            *self.hashes.get(number)?
                        }
                        1 => {
                            let hash = ChangeHash(self.part(Part::Hashes).array()?);
                            self.hashes.push(hash);
                            hash
                        }
                        far => *back(far - 2)?,
                    };
                    deps.push(dep);
                }
                Some(deps)
            }
        }
    }

    fn actor(&mut self, number: usize) -> Option<&'a [u8]> {
        let number = number.checked_sub(1)?;
        if number == self.actors.len() {
            let actor = self.part(Part::ActorIds).bytes()?;
            self.actors.push(actor);
        }
        self.actors.get(number).copied()
    }

    fn value(&mut self, class: usize, at: i64, known: &mut Known, out: &mut Vec<u8>) -> Option<()> {
        let columns = self.classes.get_mut(class)?;
        let choice = columns.choice.as_mut()?.next(known.near(at))?;
        let within = usize::try_from(choice).ok()?;
        let signature = self.signatures.get(*columns.signatures.get(within)?)?;
        let kind = columns.kind;
        let mut leaves = columns.leaves.get_mut(within)?.iter_mut();
        let left = &mut self.leaves_left;
        let size_bytes_max = ENTRY_BODY_BYTES_MAX;
        let mut next = |is_number: bool| {
            *left = left.checked_sub(1)?;
            match leaves.next()?.as_mut()? {
                Column::Numbers(column) if is_number => {
                    let number = column.next(known.near(at))?;
                    known.pass(number);
                    Some(Leaf::Number(number))
                }
                Column::Data(column) if !is_number => column.next().map(Leaf::Data),
                Column::Numbers(_) | Column::Data(_) => None,
            }
        };
        if *signature == value::NUMBER_SIGNATURE && kind != TYPE_BYTES {
            if let Leaf::Number(number) = next(true)? {
                put_number(out, kind, number);
            }
        } else {
            value::put_together(signature, out, size_bytes_max, &mut next)?;
        }
        (out.len() <= size_bytes_max).then_some(())
    }
}

impl Part {
    /// Whether a cursor of its own reads it.
    const fn is_read_elsewhere(self) -> bool {
        matches!(self, Self::ColumnHeads | Self::Symbols | Self::Data | Self::Random | Self::DocumentIds)
    }
}

#[cfg(test)]
mod tests;
