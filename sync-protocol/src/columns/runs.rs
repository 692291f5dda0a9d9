//! The run-length coding of Automerge's operation columns: a positive count and one value, a negative count and
//! that many values, or 0 and a count of nulls.
//!
//! What is read is written again before it is used, so a coding other than this one only costs its savings.

use crate::columns::bytes::Bytes;
use crate::columns::bytes::put;
use crate::columns::bytes::put_bytes;
use crate::columns::bytes::put_len;
use crate::columns::bytes::put_signed;

/// Makes `rows` those of one column, at most `rows_max`.
fn read<'a, T: Clone>(
    column: &'a [u8],
    rows_max: usize,
    rows: &mut Vec<Option<T>>,
    mut value: impl FnMut(&mut Bytes<'a>) -> Option<T>,
) -> Option<()> {
    let mut bytes = Bytes(column);
    rows.clear();
    while !bytes.is_empty() {
        let count = bytes.signed()?;
        let is_literal = count < 0;
        let length = match count {
            0 => bytes.length()?,
            _ => usize::try_from(count.unsigned_abs()).ok()?,
        };
        if length > rows_max.saturating_sub(rows.len()) {
            return None;
        }
        if count == 0 {
            rows.resize(rows.len() + length, None);
        } else if is_literal {
            // Every value takes a byte at least, so what is left bounds what is reserved.
            rows.reserve(length.min(bytes.0.len()));
            for _ in 0..length {
                rows.push(Some(value(&mut bytes)?));
            }
        } else {
            let value = value(&mut bytes)?;
            rows.resize(rows.len() + length, Some(value));
        }
    }
    Some(())
}

fn write<T: PartialEq>(out: &mut Vec<u8>, rows: &[Option<T>], mut value: impl FnMut(&mut Vec<u8>, &T)) {
    /// Values next to each other of which each differs from its neighbours.
    fn literal<T>(out: &mut Vec<u8>, rows: &[Option<T>], value: &mut impl FnMut(&mut Vec<u8>, &T)) {
        if !rows.is_empty() {
            put_signed(out, i64::try_from(rows.len()).map_or(i64::MIN, |length| -length));
            rows.iter().flatten().for_each(|one| value(out, one));
        }
    }
    let (mut begin, mut at) = (0, 0);
    let between = |begin: usize, end: usize| rows.get(begin..end).unwrap_or_default();
    for run in rows.chunk_by(|a, b| a == b) {
        let end = at + run.len();
        match run.first() {
            Some(Some(_)) if run.len() == 1 => {}
            Some(first) => {
                literal(out, between(begin, at), &mut value);
                begin = end;
                if let Some(repeated) = first {
                    put_signed(out, i64::try_from(run.len()).unwrap_or(i64::MAX));
                    value(out, repeated);
                } else {
                    out.push(0);
                    put_len(out, run.len());
                }
            }
            None => {}
        }
        at = end;
    }
    literal(out, between(begin, at), &mut value);
}

pub(super) fn read_numbers(column: &[u8], rows_max: usize, rows: &mut Vec<Option<u64>>) -> Option<()> {
    read(column, rows_max, rows, Bytes::number)
}

pub(super) fn write_numbers(out: &mut Vec<u8>, rows: &[Option<u64>]) {
    write(out, rows, |out, value| put(out, *value));
}

pub(super) fn read_texts<'a>(
    column: &'a [u8],
    rows_max: usize,
    rows: &mut Vec<Option<&'a [u8]>>,
) -> Option<()> {
    read(column, rows_max, rows, Bytes::bytes)
}

pub(super) fn write_texts(out: &mut Vec<u8>, rows: &[Option<&[u8]>]) {
    write(out, rows, |out, value| put_bytes(out, value));
}

/// A column of one value throughout.
pub(super) fn write_same(out: &mut Vec<u8>, rows: usize, value: u64) {
    match rows {
        0 => return,
        1 => put_signed(out, -1),
        _ => put_signed(out, i64::try_from(rows).unwrap_or(i64::MAX)),
    }
    put(out, value);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(rows: &[Option<u64>]) -> Vec<u8> {
        let mut out = Vec::new();
        write_numbers(&mut out, rows);
        out
    }

    fn read(column: &[u8], rows_max: usize) -> Option<Vec<Option<u64>>> {
        let mut rows = Vec::new();
        read_numbers(column, rows_max, &mut rows).map(|()| rows)
    }

    fn same(rows: usize, value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        write_same(&mut out, rows, value);
        out
    }

    proptest! {
        #[test]
        fn rows_come_back(rows in prop::collection::vec(prop::option::of(0u64..4), 0..40)) {
            prop_assert_eq!(read(&written(&rows), 40), Some(rows));
        }

        #[test]
        fn the_same_throughout_is_written_like_any_column(rows in 0usize..40, value in any::<u64>()) {
            prop_assert_eq!(same(rows, value), written(&vec![Some(value); rows]));
        }
    }

    #[test]
    fn more_rows_than_allowed_are_not_unfolded() {
        let mut column = Vec::new();
        put_signed(&mut column, i64::MAX);
        put(&mut column, 1);
        assert_eq!(read(&column, 1000), None);
        assert_eq!(read(&same(1001, 1), 1000), None);
    }
}
