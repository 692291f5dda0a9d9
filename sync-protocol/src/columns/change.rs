//! One uncompressed change chunk, taken apart by the published layout and put together again.
//!
//! Taken apart it has a *shape*, which many changes share (columns, keys, types of values), and what is its own.
//! It knows nothing of what an operation means.

use sha2::Digest as _;
use sha2::Sha256;

use crate::chunk;
use crate::columns::bytes::Bytes;
use crate::columns::bytes::put;
use crate::columns::bytes::put_bytes;
use crate::columns::bytes::put_len;
use crate::columns::bytes::put_signed;
use crate::columns::runs;
use crate::ids::ChangeHash;
use crate::limits::BATCH_OPS_MAX;
use crate::limits::ENTRY_BODY_BYTES_MAX;

/// Column numbers of the published layout.
const KEYS: u64 = 0x15;
const VALUE_KINDS: u64 = 0x56;
const VALUE_BYTES: u64 = 0x57;

/// Most columns, dependencies or further actors of a change that is taken apart; ours have 8, 1 and 0.
const COLUMNS_MAX: usize = 32;
pub(super) const DEPS_MAX: usize = 256;
pub(super) const ACTORS_MAX: usize = 256;

/// How one column of a change is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// By its bytes.
    Plain,
    /// One number in every row.
    Same(u64),
    /// False in every row.
    False,
    /// The keys of the shape.
    Keys,
    /// The types of the shape with the sizes of the values.
    ValueKinds,
    /// The values.
    Values,
}

/// What changes have in common.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Shape<'a> {
    pub(super) columns: Vec<(u64, Layout)>,
    pub(super) keys: Vec<Option<&'a [u8]>>,
    pub(super) types: Vec<u8>,
}

/// One change without what the receiver recomputes.
#[derive(Clone, Debug, Default)]
pub(super) struct Change<'a> {
    pub(super) deps: Vec<ChangeHash>,
    pub(super) actor: &'a [u8],
    pub(super) seq: u64,
    pub(super) start_op: u64,
    pub(super) at: i64,
    pub(super) message: &'a [u8],
    pub(super) others: Vec<&'a [u8]>,
    pub(super) plain: Vec<&'a [u8]>,
    pub(super) values: Vec<&'a [u8]>,
}

/// What is written while one change is looked at, kept from one to the next: a batch has thousands.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    contents: Vec<u8>,
    heads: Vec<u8>,
    columns: Vec<u8>,
    kinds: Vec<Option<u64>>,
}

/// Takes a chunk's contents apart, or `None` when it would not come out identical.
pub(super) fn take_apart<'a>(contents: &'a [u8], scratch: &mut Scratch) -> Option<(Shape<'a>, Change<'a>)> {
    let (shape, change) = parse(contents, scratch)?;
    write_contents(scratch, &shape, &change, change.values.iter().copied())?;
    (scratch.contents == contents).then_some((shape, change))
}

fn parse<'a>(contents: &'a [u8], scratch: &mut Scratch) -> Option<(Shape<'a>, Change<'a>)> {
    let mut bytes = Bytes(contents);
    let mut change = Change::default();
    for _ in 0..bytes.counted(DEPS_MAX)? {
        change.deps.push(ChangeHash(bytes.array()?));
    }
    change.actor = bytes.bytes()?;
    change.seq = bytes.number()?;
    change.start_op = bytes.number()?;
    change.at = bytes.signed()?;
    change.message = bytes.bytes()?;
    for _ in 0..bytes.counted(ACTORS_MAX)? {
        change.others.push(bytes.bytes()?);
    }
    let count = bytes.counted(COLUMNS_MAX)?;
    let mut heads = bytes;
    for _ in 0..count {
        bytes.number()?;
        bytes.length()?;
    }
    let mut columns = Vec::with_capacity(count);
    for _ in 0..count {
        columns.push((heads.number()?, bytes.take(heads.length()?)?));
    }
    let column = |wanted: u64| columns.iter().find(|(column, _)| *column == wanted).map(|(_, data)| *data);
    let kinds = &mut scratch.kinds;
    runs::read_numbers(column(VALUE_KINDS)?, BATCH_OPS_MAX, kinds)?;
    let ops = kinds.len();
    let mut shape =
        Shape { columns: Vec::with_capacity(count), types: Vec::with_capacity(ops), ..Shape::default() };
    change.values.reserve(ops);
    let mut raw = Bytes(column(VALUE_BYTES).unwrap_or_default());
    for kind in kinds {
        let kind = (*kind)?;
        shape.types.push(kind.to_le_bytes()[0] & 0x0f);
        change.values.push(raw.take(usize::try_from(kind >> 4).ok()?)?);
    }
    let mut keys = Vec::with_capacity(ops);
    let has_keys = column(KEYS).and_then(|data| runs::read_texts(data, ops, &mut keys)).is_some();
    let has_keys = has_keys && keys.len() == ops;
    shape.keys = if has_keys { keys } else { vec![None; ops] };
    for (number, data) in columns {
        let layout = match number {
            VALUE_KINDS => Layout::ValueKinds,
            VALUE_BYTES => Layout::Values,
            KEYS if has_keys => Layout::Keys,
            _ => layout_of(data, ops, &mut scratch.columns),
        };
        if layout == Layout::Plain {
            change.plain.push(data);
        }
        shape.columns.push((number, layout));
    }
    bytes.is_empty().then_some((shape, change))
}

fn layout_of(data: &[u8], ops: usize, again: &mut Vec<u8>) -> Layout {
    again.clear();
    put_len(again, ops);
    if data == again.as_slice() {
        return Layout::False;
    }
    let mut bytes = Bytes(data);
    let Some((_, value)) = bytes.signed().zip(bytes.number()) else { return Layout::Plain };
    again.clear();
    runs::write_same(again, ops, value);
    if data == again.as_slice() { Layout::Same(value) } else { Layout::Plain }
}

/// Writes the contents of the chunk with these values, one per operation.
fn write_contents<'v>(
    scratch: &mut Scratch,
    shape: &Shape<'_>,
    change: &Change<'_>,
    values: impl Iterator<Item = &'v [u8]> + Clone,
) -> Option<()> {
    let Scratch { contents, heads, columns, kinds } = scratch;
    heads.clear();
    columns.clear();
    let ops = shape.types.len();
    let mut plain = change.plain.iter();
    for (number, layout) in &shape.columns {
        let before = columns.len();
        match layout {
            Layout::Plain => columns.extend_from_slice(plain.next()?),
            Layout::Same(value) => runs::write_same(columns, ops, *value),
            Layout::False => put_len(columns, ops),
            Layout::Keys => runs::write_texts(columns, &shape.keys),
            Layout::ValueKinds => {
                kinds.clear();
                kinds.extend(
                    shape
                        .types
                        .iter()
                        .zip(values.clone())
                        .map(|(kind, value)| Some(u64::try_from(value.len()).ok()? << 4 | u64::from(*kind))),
                );
                runs::write_numbers(columns, kinds);
            }
            Layout::Values => values.clone().for_each(|value| columns.extend_from_slice(value)),
        }
        if columns.len() > ENTRY_BODY_BYTES_MAX {
            return None;
        }
        put(heads, *number);
        put_len(heads, columns.len() - before);
    }
    contents.clear();
    put_len(contents, change.deps.len());
    change.deps.iter().for_each(|dep| contents.extend_from_slice(dep.as_bytes()));
    put_bytes(contents, change.actor);
    put(contents, change.seq);
    put(contents, change.start_op);
    put_signed(contents, change.at);
    put_bytes(contents, change.message);
    put_len(contents, change.others.len());
    change.others.iter().for_each(|other| put_bytes(contents, other));
    put_len(contents, shape.columns.len());
    contents.extend_from_slice(heads);
    contents.extend_from_slice(columns);
    Some(())
}

/// The contents of a chunk, or `None` when the pieces do not fit or are too large together. `values` are the values one behind the other, `lengths` their sizes.
pub(super) fn put_together<'s>(
    shape: &Shape<'_>,
    change: &Change<'_>,
    values: &[u8],
    lengths: &[usize],
    scratch: &'s mut Scratch,
) -> Option<&'s [u8]> {
    let each = lengths.iter().scan(0, |at, length| {
        let value = values.get(*at..*at + length);
        *at += length;
        value
    });
    write_contents(scratch, shape, change, each)?;
    Some(&scratch.contents)
}

/// The chunk with these contents, and its hash.
pub(super) fn chunk_of(contents: &[u8]) -> Option<(Vec<u8>, ChangeHash)> {
    let mut out = Vec::with_capacity(contents.len() + 16);
    out.extend_from_slice(&chunk::MAGIC);
    out.extend_from_slice(&[0; CHECKSUM_BYTES]);
    out.push(chunk::TYPE_CHANGE);
    put_bytes(&mut out, contents);
    let (head, hashed) = out.split_at_mut_checked(chunk::MAGIC.len() + CHECKSUM_BYTES)?;
    let hash: [u8; 32] = Sha256::digest(hashed).into();
    head.last_chunk_mut::<CHECKSUM_BYTES>()?.copy_from_slice(hash.first_chunk::<CHECKSUM_BYTES>()?);
    Some((out, ChangeHash(hash)))
}

const CHECKSUM_BYTES: usize = 4;

impl<'a> Shape<'a> {
    /// Whether a change of this shape can be written: one value per type, and columns that can stand for them.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put_len(out, self.columns.len());
        for (number, layout) in &self.columns {
            put(out, *number);
            match layout {
                Layout::Plain => out.push(0),
                Layout::Same(value) => {
                    out.push(1);
                    put(out, *value);
                }
                Layout::False => out.push(2),
                Layout::Keys => out.push(3),
                Layout::ValueKinds => out.push(4),
                Layout::Values => out.push(5),
            }
        }
        put_len(out, self.types.len());
        for key in &self.keys {
            match key {
                None => out.push(0),
                Some(key) => {
                    put_len(out, key.len() + 1);
                    out.extend_from_slice(key);
                }
            }
        }
        out.extend_from_slice(&self.types);
    }

    pub(super) fn read(bytes: &mut Bytes<'a>) -> Option<Self> {
        let columns = (0..bytes.counted(COLUMNS_MAX)?)
            .map(|_| {
                let number = bytes.number()?;
                let layout = match bytes.byte()? {
                    0 => Layout::Plain,
                    1 => Layout::Same(bytes.number()?),
                    2 => Layout::False,
                    3 => Layout::Keys,
                    4 => Layout::ValueKinds,
                    5 => Layout::Values,
                    _ => return None,
                };
                Some((number, layout))
            })
            .collect::<Option<Vec<_>>>()?;
        // Every operation takes two bytes at least here, so what was sent bounds what is kept.
        let ops = bytes.counted(BATCH_OPS_MAX.min(bytes.0.len() / 2))?;
        let keys = (0..ops)
            .map(|_| match bytes.length()? {
                0 => Some(None),
                length => Some(Some(bytes.take(length - 1)?)),
            })
            .collect::<Option<Vec<_>>>()?;
        let types = bytes.take(ops)?.to_vec();
        Some(Self { columns, keys, types })
    }

    /// How many columns come with their bytes.
    pub(super) fn plain_columns(&self) -> usize {
        self.columns.iter().filter(|(_, layout)| *layout == Layout::Plain).count()
    }
}
