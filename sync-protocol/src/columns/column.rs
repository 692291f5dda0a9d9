//! One column of leaves: numbers or byte strings of one place in values of one signature.
//!
//! The writer looks at the whole column and takes the form that comes out smallest; the reader is told which.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::hash::Hasher;

use crate::columns::bytes::Bytes;
use crate::columns::bytes::put;
use crate::columns::bytes::put_bytes;
use crate::columns::bytes::put_len;
use crate::columns::bytes::unzigzag;

/// From here on a number counts as large: probably a time, which later ones of the document are near to.
pub(super) const LARGE_LEAST: u64 = 1 << 32;

/// What a number may be foretold from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Near {
    /// The last large number of the document, else the change's time.
    pub(super) large: u64,
    /// The change's time.
    pub(super) at: u64,
    /// The log it lies in, by number: each process has a clock of its own since its start.
    pub(super) log: usize,
}

/// Spreads numbers that are counted up from 0, which nobody can choose.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, number: usize) {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        self.0 = (self.0.rotate_left(8) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// What of a column was seen before.
#[derive(Debug, Default)]
struct Seen {
    last: u64,
    /// By log, how far the last number lay beyond its change's time.
    beyond: HashMap<usize, u64, BuildHasherDefault<NumberHasher>>,
}

impl Seen {
    fn foretell(&self, form: u8, near: Near) -> u64 {
        match form {
            FROM_LAST => self.last,
            FROM_LARGE => near.large,
            FROM_TIME => near.at.wrapping_add(self.beyond.get(&near.log).copied().unwrap_or(0)),
            _ => 0,
        }
    }

    fn pass(&mut self, form: u8, near: Near, value: u64) {
        self.last = value;
        if form == FROM_TIME {
            self.beyond.insert(near.log, value.wrapping_sub(near.at));
        }
    }
}

/// Forms of a column of numbers. Whatever is foretold, the difference is divided by a common factor.
const SAME: u8 = 0;
const FROM_LEAST: u8 = 1;
const FROM_LAST: u8 = 2;
const FROM_LARGE: u8 = 3;
const FROM_TIME: u8 = 4;
/// Every difference is 0, so none is sent.
const EXACT: u8 = 0x80;

/// Forms of a column of byte strings.
const SAME_DATA: u8 = 0;
const FIXED: u8 = 1;
const ENDED: u8 = 2;
const SIZED: u8 = 3;
const LISTED: u8 = 4;
/// As [`FIXED`], with bytes that look random: nothing compresses them, so they stay apart from the others.
const RANDOM: u8 = 5;

/// Ends a byte string of a column in which it does not occur; no byte of UTF-8.
const END: u8 = 0xff;
/// Most different byte strings that are listed; the index is one byte, and 0 is "not listed".
const LISTED_MAX: usize = 255;

/// A column as it travels: how it is written, one symbol or small number per value, and longer bytes.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) head: Vec<u8>,
    pub(super) symbols: Vec<u8>,
    pub(super) data: Vec<u8>,
    pub(super) random: Vec<u8>,
}

/// What is left of the three parts that columns are written to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sources<'a> {
    pub(super) symbols: Bytes<'a>,
    pub(super) data: Bytes<'a>,
    pub(super) random: Bytes<'a>,
}

const fn common_factor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// About how many bits these bytes take when each is coded by its frequency.
fn entropy_bits(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    let coded = |count: &u32| f64::from(*count) * (total / f64::from(*count)).log2() + 6.0;
    counts.iter().filter(|count| **count > 0).map(coded).sum()
}

/// Writes a column of numbers.
pub(super) fn write_numbers(cells: &[(u64, Near)]) -> Written {
    let least = cells.iter().map(|(value, _)| *value).min().unwrap_or(0);
    if cells.iter().all(|(value, _)| *value == least) {
        let mut head = vec![SAME];
        put(&mut head, least);
        return Written { head, ..Written::default() };
    }
    let mut best: Option<(f64, Written)> = None;
    for form in [FROM_LEAST, FROM_LAST, FROM_LARGE, FROM_TIME] {
        let written = write_form(form, cells, least);
        let cost = entropy_bits(&written.symbols);
        if best.as_ref().is_none_or(|(lowest, _)| cost < *lowest) {
            best = Some((cost, written));
        }
    }
    best.map(|(_, written)| written).unwrap_or_default()
}

fn write_form(form: u8, cells: &[(u64, Near)], least: u64) -> Written {
    let mut seen = Seen::default();
    let differences: Vec<i64> = cells
        .iter()
        .map(|(value, near)| {
            let base = if form == FROM_LEAST { least } else { seen.foretell(form, *near) };
            seen.pass(form, *near, *value);
            value.wrapping_sub(base).cast_signed()
        })
        .collect();
    let unsigned = |difference: i64| match form {
        FROM_LEAST => difference.cast_unsigned(),
        _ => difference.unsigned_abs(),
    };
    let factor = differences.iter().fold(0, |factor, one| common_factor(factor, unsigned(*one)));
    let mut head = vec![form];
    if form == FROM_LEAST {
        put(&mut head, least);
    }
    if factor == 0 {
        head = vec![form | EXACT];
        return Written { head, ..Written::default() };
    }
    put(&mut head, factor);
    let mut symbols = Vec::with_capacity(cells.len());
    for difference in differences {
        let scaled = unsigned(difference) / factor;
        let code = match form {
            FROM_LEAST => scaled,
            _ if difference < 0 => scaled.wrapping_mul(2).wrapping_sub(1),
            _ => scaled.wrapping_mul(2),
        };
        put(&mut symbols, code);
    }
    put_len(&mut head, symbols.len());
    Written { head, symbols, ..Written::default() }
}

/// Reads a column of numbers, one after the other.
#[derive(Debug)]
pub(super) struct Numbers<'a> {
    form: u8,
    least: u64,
    factor: u64,
    seen: Seen,
    symbols: Bytes<'a>,
}

impl<'a> Numbers<'a> {
    pub(super) fn read(head: &mut Bytes<'a>, sources: &mut Sources<'a>) -> Option<Self> {
        let form = head.byte()?;
        let mut column = Self { form, least: 0, factor: 0, seen: Seen::default(), symbols: Bytes(&[]) };
        if matches!(form, SAME | FROM_LEAST) {
            column.least = head.number()?;
        }
        match form {
            SAME => {}
            FROM_LEAST | FROM_LAST | FROM_LARGE | FROM_TIME => {
                column.factor = head.number()?;
                column.symbols = Bytes(sources.symbols.take(head.length()?)?);
            }
            _ if matches!(form ^ EXACT, FROM_LAST | FROM_LARGE | FROM_TIME) => column.form = form ^ EXACT,
            _ => return None,
        }
        Some(column)
    }

    pub(super) fn next(&mut self, near: Near) -> Option<u64> {
        let value = match (self.form, self.factor) {
            (SAME, _) => self.least,
            (FROM_LEAST, factor) => self.least.wrapping_add(self.symbols.number()?.wrapping_mul(factor)),
            (form, 0) => self.seen.foretell(form, near),
            (form, factor) => {
                let difference = unzigzag(self.symbols.number()?).wrapping_mul(factor.cast_signed());
                self.seen.foretell(form, near).wrapping_add(difference.cast_unsigned())
            }
        };
        self.seen.pass(self.form, near, value);
        Some(value)
    }
}

/// Writes a column of byte strings.
pub(super) fn write_data(values: &[&[u8]]) -> Written {
    if let Some(only) = values.first().filter(|first| values.iter().all(|value| value == *first)) {
        let mut head = vec![SAME_DATA];
        put_bytes(&mut head, only);
        return Written { head, ..Written::default() };
    }
    // Each different byte string and how often it occurs, and which of them each value is.
    let mut different: Vec<(&[u8], usize)> = Vec::new();
    let mut numbers: HashMap<&[u8], usize> = HashMap::new();
    let mut number_of = |value| {
        let number = *numbers.entry(value).or_insert(different.len());
        match different.get_mut(number) {
            Some((_, count)) => *count += 1,
            None => different.push((value, 1)),
        }
        number
    };
    let of_values: Vec<usize> = values.iter().map(|value| number_of(*value)).collect();
    let mut listed: Vec<(usize, &[u8], usize)> = different
        .iter()
        .enumerate()
        .filter(|(_, (_, count))| *count > 1)
        .map(|(number, (value, count))| (number, *value, *count))
        .collect();
    listed.sort_unstable_by(|a, b| b.2.cmp(&a.2).then_with(|| a.1.cmp(b.1)));
    listed.truncate(LISTED_MAX);
    let repeats: usize = listed.iter().map(|(.., count)| count - 1).sum();
    if values.len() < 4 || repeats * 2 < values.len() {
        return write_plain(values);
    }
    let mut places = vec![0u8; different.len()];
    for ((number, ..), place) in listed.iter().zip(1u8..=u8::MAX) {
        if let Some(of_number) = places.get_mut(*number) {
            *of_number = place;
        }
    }
    let symbols: Vec<u8> = of_values.iter().map(|number| places.get(*number).copied().unwrap_or(0)).collect();
    let names = listed.iter().map(|(_, value, _)| *value);
    let others = values.iter().zip(&symbols).filter(|(_, place)| **place == 0).map(|(value, _)| *value);
    let texts: Vec<&[u8]> = names.chain(others).collect();
    let mut head = vec![LISTED];
    put_len(&mut head, listed.len());
    put_len(&mut head, symbols.len());
    let plain = write_plain(&texts);
    head.extend(plain.head);
    Written { head, symbols, data: plain.data, random: plain.random }
}

fn write_plain(values: &[&[u8]]) -> Written {
    let length = values.first().map_or(0, |value| value.len());
    if length > 0 && values.iter().all(|value| value.len() == length) {
        let whole = values.concat();
        let is_random = length >= 8 && entropy_bits(&whole) > 7.0 * f64_of(whole.len());
        let mut head = vec![if is_random { RANDOM } else { FIXED }];
        put_len(&mut head, length);
        put_len(&mut head, whole.len());
        return if is_random {
            Written { head, random: whole, ..Written::default() }
        } else {
            Written { head, data: whole, ..Written::default() }
        };
    }
    let mut data = Vec::new();
    let mut head = vec![if values.iter().any(|value| value.contains(&END)) { SIZED } else { ENDED }];
    if head == [ENDED] {
        for value in values {
            data.extend_from_slice(value);
            data.push(END);
        }
    } else {
        values.iter().for_each(|value| put_bytes(&mut data, value));
    }
    put_len(&mut head, data.len());
    Written { head, data, ..Written::default() }
}

fn f64_of(length: usize) -> f64 {
    u32::try_from(length).map_or(f64::INFINITY, f64::from)
}

#[derive(Debug)]
enum Plain<'a> {
    Fixed(usize, Bytes<'a>),
    Ended(Bytes<'a>),
    Sized(Bytes<'a>),
}

impl<'a> Plain<'a> {
    fn read(form: u8, head: &mut Bytes<'a>, sources: &mut Sources<'a>) -> Option<Self> {
        let length = if matches!(form, FIXED | RANDOM) { head.length()? } else { 0 };
        let source = if form == RANDOM { &mut sources.random } else { &mut sources.data };
        let data = Bytes(source.take(head.length()?)?);
        match form {
            FIXED | RANDOM if length > 0 => Some(Self::Fixed(length, data)),
            ENDED => Some(Self::Ended(data)),
            SIZED => Some(Self::Sized(data)),
            _ => None,
        }
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        match self {
            Self::Fixed(length, data) => data.take(*length),
            Self::Ended(data) => data.until(END),
            Self::Sized(data) => data.bytes(),
        }
    }
}

/// Reads a column of byte strings, one after the other.
#[derive(Debug)]
pub(super) enum Data<'a> {
    Same(&'a [u8]),
    Plain(PlainColumn<'a>),
    Listed { names: Vec<&'a [u8]>, symbols: Bytes<'a>, others: PlainColumn<'a> },
}

/// The plain form, opaque to others.
#[derive(Debug)]
pub(super) struct PlainColumn<'a>(Plain<'a>);

impl<'a> Data<'a> {
    pub(super) fn read(head: &mut Bytes<'a>, sources: &mut Sources<'a>) -> Option<Self> {
        match head.byte()? {
            SAME_DATA => head.bytes().map(Self::Same),
            LISTED => {
                let count = head.counted(LISTED_MAX)?;
                let symbols = Bytes(sources.symbols.take(head.length()?)?);
                let form = head.byte()?;
                let mut others = PlainColumn(Plain::read(form, head, sources)?);
                let names = (0..count).map(|_| others.0.next()).collect::<Option<Vec<_>>>()?;
                Some(Self::Listed { names, symbols, others })
            }
            form => Plain::read(form, head, sources).map(|plain| Self::Plain(PlainColumn(plain))),
        }
    }

    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        match self {
            Self::Same(value) => Some(value),
            Self::Plain(plain) => plain.0.next(),
            Self::Listed { names, symbols, others } => match usize::from(symbols.byte()?).checked_sub(1) {
                None => others.0.next(),
                Some(place) => names.get(place).copied(),
            },
        }
    }
}
