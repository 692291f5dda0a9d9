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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Shape {
    pub(super) columns: Vec<(u64, Layout)>,
    pub(super) keys: Vec<Option<Vec<u8>>>,
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

/// Takes a chunk's contents apart, or `None` when it would not come out identical.
pub(super) fn take_apart(contents: &[u8]) -> Option<(Shape, Change<'_>)> {
    let (shape, change) = parse(contents)?;
    let values: Vec<u8> = change.values.concat();
    let again = write_contents(&shape, &change, &values, &lengths(&change.values))?;
    (again == contents).then_some((shape, change))
}

fn lengths(values: &[&[u8]]) -> Vec<usize> {
    values.iter().map(|value| value.len()).collect()
}

fn parse(contents: &[u8]) -> Option<(Shape, Change<'_>)> {
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
    let heads = (0..bytes.counted(COLUMNS_MAX)?)
        .map(|_| Some((bytes.number()?, bytes.length()?)))
        .collect::<Option<Vec<_>>>()?;
    let columns = heads
        .into_iter()
        .map(|(column, length)| Some((column, bytes.take(length)?)))
        .collect::<Option<Vec<_>>>()?;
    let column = |wanted: u64| columns.iter().find(|(column, _)| *column == wanted).map(|(_, data)| *data);
    let kinds = runs::read_numbers(column(VALUE_KINDS)?, BATCH_OPS_MAX)?;
    let ops = kinds.len();
    let mut shape = Shape::default();
    let mut raw = Bytes(column(VALUE_BYTES).unwrap_or_default());
    for kind in kinds {
        let kind = kind?;
        shape.types.push(kind.to_le_bytes()[0] & 0x0f);
        change.values.push(raw.take(usize::try_from(kind >> 4).ok()?)?);
    }
    let keys = column(KEYS).and_then(|data| runs::read_texts(data, ops)).filter(|keys| keys.len() == ops);
    shape.keys = match &keys {
        Some(keys) => keys.iter().map(|key| key.map(<[u8]>::to_vec)).collect(),
        None => vec![None; ops],
    };
    for (number, data) in columns {
        let layout = match number {
            VALUE_KINDS => Layout::ValueKinds,
            VALUE_BYTES => Layout::Values,
            KEYS if keys.is_some() => Layout::Keys,
            _ => layout_of(data, ops),
        };
        if layout == Layout::Plain {
            change.plain.push(data);
        }
        shape.columns.push((number, layout));
    }
    bytes.is_empty().then_some((shape, change))
}

fn layout_of(data: &[u8], ops: usize) -> Layout {
    let mut count = Vec::new();
    put_len(&mut count, ops);
    let mut bytes = Bytes(data);
    let same = (|| {
        bytes.signed()?;
        bytes.number()
    })();
    match same {
        _ if data == count => Layout::False,
        Some(value) if data == runs::write_same(ops, value) => Layout::Same(value),
        _ => Layout::Plain,
    }
}

/// The contents of the chunk; `values` are the values one behind the other, `lengths` their sizes.
fn write_contents(shape: &Shape, change: &Change<'_>, values: &[u8], lengths: &[usize]) -> Option<Vec<u8>> {
    let ops = shape.types.len();
    let mut plain = change.plain.iter();
    let mut columns = Vec::with_capacity(shape.columns.len());
    let mut size_bytes = 0usize;
    for (number, layout) in &shape.columns {
        let data = match layout {
            Layout::Plain => plain.next()?.to_vec(),
            Layout::Same(value) => runs::write_same(ops, *value),
            Layout::False => {
                let mut count = Vec::new();
                put_len(&mut count, ops);
                count
            }
            Layout::Keys => runs::write_texts(&shape.keys.iter().map(Option::as_deref).collect::<Vec<_>>()),
            Layout::ValueKinds => {
                let kinds: Vec<Option<u64>> = shape
                    .types
                    .iter()
                    .zip(lengths)
                    .map(|(kind, length)| Some(u64::try_from(*length).ok()? << 4 | u64::from(*kind)))
                    .collect();
                runs::write_numbers(&kinds)
            }
            Layout::Values => values.to_vec(),
        };
        size_bytes = size_bytes.saturating_add(data.len());
        if size_bytes > ENTRY_BODY_BYTES_MAX {
            return None;
        }
        columns.push((*number, data));
    }
    let mut out = Vec::with_capacity(size_bytes + 128);
    put_len(&mut out, change.deps.len());
    change.deps.iter().for_each(|dep| out.extend_from_slice(dep.as_bytes()));
    put_bytes(&mut out, change.actor);
    put(&mut out, change.seq);
    put(&mut out, change.start_op);
    put_signed(&mut out, change.at);
    put_bytes(&mut out, change.message);
    put_len(&mut out, change.others.len());
    change.others.iter().for_each(|other| put_bytes(&mut out, other));
    put_len(&mut out, columns.len());
    for (number, data) in &columns {
        put(&mut out, *number);
        put_len(&mut out, data.len());
    }
    columns.iter().for_each(|(_, data)| out.extend_from_slice(data));
    Some(out)
}

/// The chunk and its hash, or `None` when it is larger than an entry may be or the pieces do not fit.
pub(super) fn put_together(
    shape: &Shape,
    change: &Change<'_>,
    values: &[u8],
    lengths: &[usize],
) -> Option<(Vec<u8>, ChangeHash)> {
    let contents = write_contents(shape, change, values, lengths)?;
    let mut hashed = vec![chunk::TYPE_CHANGE];
    put_bytes(&mut hashed, &contents);
    let hash: [u8; 32] = Sha256::digest(&hashed).into();
    let mut out = Vec::with_capacity(hashed.len() + 8);
    out.extend_from_slice(&chunk::MAGIC);
    out.extend_from_slice(hash.first_chunk::<4>()?);
    out.extend_from_slice(&hashed);
    (out.len() <= ENTRY_BODY_BYTES_MAX).then_some((out, ChangeHash(hash)))
}

impl Shape {
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

    pub(super) fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
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
                length => Some(Some(bytes.take(length - 1)?.to_vec())),
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
