//! Our own bounds on a change chunk, checked before Automerge sees it: its columns are run-length coded, so a few
//! bytes could stand for billions of operations.

use sync_protocol::chunk::change_hash;
use sync_protocol::ids::ChangeHash;
use sync_protocol::limits::ENTRY_BODY_BYTES_MAX;
use sync_protocol::time::Millis;

use crate::dossier::document::CHANGE_OPS_MAX;
use crate::dossier::document::ChangeInfo;

const DEPS_MAX: u64 = 256;
const ACTORS_MAX: u64 = 256;
const COLUMNS_MAX: u64 = 32;
/// Longest key at the root: a register's prefix and name.
const KEY_BYTES_MAX: u64 = 80;
/// Predecessors one operation may name on average: the values of a register that were written apart.
const PREDECESSORS_PER_OP_MAX: u64 = 8;

/// No clock refuses, but Automerge stores differences of times and overflows far beyond the year 9999.
const TIME_MS_MAX: u64 = 253_402_207_200_000;

/// The columns of a change by their specification (id and type), as published.
mod column {
    pub(super) const KEY: u64 = 0x15;
    pub(super) const ACTION: u64 = 0x42;
    pub(super) const VALUE: u64 = 0x57;
    pub(super) const PREDECESSOR_AUTHOR: u64 = 0x71;
    pub(super) const PREDECESSOR_COUNTER: u64 = 0x73;
    /// The others that Automerge may write. A column beyond these could carry anything unseen.
    pub(super) const OTHERS: [u64; 9] = [0x01, 0x02, 0x11, 0x13, 0x34, 0x56, 0x70, 0x94, 0xa5];
    pub(super) const IS_DEFLATED: u64 = 0b1000;
}

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

/// Reads the outer facts of one uncompressed change and checks that nothing in it is larger than ours.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<ChangeInfo, &'static str> {
    if bytes.len() > ENTRY_BODY_BYTES_MAX {
        return Err("the change is too large");
    }
    // Also that it is whole, in its one canonical form, and matches its checksum.
    let hash = change_hash(bytes).map_err(|_| "not one whole uncompressed change")?;
    let mut head = Reader(bytes);
    head.take(9)?;
    let length = head.unsigned()?;
    let mut inner = Reader(head.take(length)?);
    let deps = inner.counted(DEPS_MAX, "too many dependencies")?;
    let mut names = Vec::new();
    for _dep in 0..deps {
        let name = ChangeHash::from_slice(inner.take(32)?).ok_or("the change is cut short")?;
        if names.contains(&name) {
            return Err("a dependency is named twice");
        }
        names.push(name);
    }
    let actor = inner.counted(64, "an author id is too long")?;
    let actor = inner.take(actor)?.to_vec();
    let seq = inner.unsigned()?;
    let first_op = inner.unsigned()?;
    let at = Millis(inner.signed()?);
    if at.0.unsigned_abs() > TIME_MS_MAX {
        return Err("a time beyond all calendars");
    }
    if inner.unsigned()? != 0 {
        return Err("a message that nobody reads");
    }
    for _other in 0..inner.counted(ACTORS_MAX, "too many authors")? {
        let actor = inner.counted(64, "an author id is too long")?;
        inner.take(actor)?;
    }
    let columns = (0..inner.counted(COLUMNS_MAX, "too many columns")?)
        .map(|_| Ok((inner.unsigned()?, inner.unsigned()?)))
        .collect::<Result<Vec<_>, &'static str>>()?;
    let mut ops = 0;
    for (spec, length) in columns {
        let rows = rows_of(spec, inner.take(length)?)?;
        let most = match spec {
            column::PREDECESSOR_AUTHOR | column::PREDECESSOR_COUNTER => {
                CHANGE_OPS_MAX * PREDECESSORS_PER_OP_MAX
            }
            _ => CHANGE_OPS_MAX,
        };
        if rows > most {
            return Err("too many operations");
        }
        if spec == column::ACTION {
            ops = rows;
        }
    }
    if !inner.0.is_empty() {
        return Err("bytes that nobody reads");
    }
    Ok(ChangeInfo { hash, actor, seq, deps: names, at, first_op, ops })
}

/// How many rows a column stands for.
fn rows_of(spec: u64, data: &[u8]) -> Result<u64, &'static str> {
    if spec & column::IS_DEFLATED != 0 {
        return Err("a column is compressed");
    }
    let is_known = matches!(
        spec,
        column::KEY
            | column::ACTION
            | column::VALUE
            | column::PREDECESSOR_AUTHOR
            | column::PREDECESSOR_COUNTER
    ) || column::OTHERS.contains(&spec);
    if !is_known {
        return Err("a column that nobody reads");
    }
    match spec & 0b111 {
        0..=2 | 6 => runs(data, |reader| reader.unsigned().map(|_| ())),
        3 => runs(data, |reader| reader.signed().map(|_| ())),
        4 => booleans(data),
        // One long text in a run would be copied into every row.
        5 => runs(data, |reader| {
            let length = reader.counted(KEY_BYTES_MAX, "a key is too long")?;
            reader.take(length).map(|_| ())
        }),
        _raw_values => Ok(0),
    }
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
                if literal > CHANGE_OPS_MAX * PREDECESSORS_PER_OP_MAX {
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
