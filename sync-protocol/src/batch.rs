//! Batches of entries in column form: the runs of a [`Changes`] or [`Feed`] frame, then the entries of all runs
//! as columns.
//!
//! Nothing here depends on anything sent before: a batch can be read by whoever holds nothing yet.

use std::collections::HashMap;

use crate::codec::DecodeError;
use crate::columns;
use crate::columns::Content;
use crate::columns::bytes::Bytes;
use crate::columns::bytes::put;
use crate::columns::bytes::put_bytes;
use crate::columns::bytes::put_len;
use crate::columns::bytes::unzigzag;
use crate::columns::bytes::zigzag;
use crate::entry::Digest;
use crate::entry::Entry;
use crate::entry::Lsn;
use crate::frame::Changes;
use crate::frame::Feed;
use crate::ids::BootId;
use crate::ids::FeedId;
use crate::ids::Hash;
use crate::ids::Signature;
use crate::limits::BATCH_ENTRIES_MAX;
use crate::limits::BATCH_RUNS_MAX;
use crate::run::ChangeRun;
use crate::run::EntryRun;
use crate::run::FeedRun;

const UNREADABLE: DecodeError = DecodeError::Invalid("a batch in column form");

/// Where runs lie: logs by number, each position as its distance from where the log was left.
#[derive(Debug, Default)]
struct RunsWriter {
    logs: Vec<u8>,
    positions: Vec<u8>,
    counts: Vec<u8>,
    ids: Vec<u8>,
    numbers: HashMap<BootId, usize>,
    next: HashMap<BootId, Lsn>,
}

impl RunsWriter {
    /// Notes a run; `is_named` marks one whose entries do not come.
    fn run(&mut self, log: BootId, first_lsn: Lsn, count: u64, is_named: bool) {
        let new = self.numbers.len();
        let number = *self.numbers.entry(log).or_insert(new);
        if number == new {
            self.ids.extend_from_slice(log.as_bytes());
        }
        put_len(&mut self.logs, number << 1 | usize::from(is_named));
        let expected = self.next.get(&log).copied().unwrap_or(1);
        put(&mut self.positions, zigzag(first_lsn.wrapping_sub(expected).cast_signed()));
        put(&mut self.counts, count);
        self.next.insert(log, first_lsn.wrapping_add(count));
    }

    fn finish(self, out: &mut Vec<u8>) {
        for part in [&self.logs, &self.positions, &self.counts, &self.ids] {
            put_bytes(out, part);
        }
    }
}

/// One run as it is named.
#[derive(Clone, Copy, Debug)]
struct Named {
    log: BootId,
    first_lsn: Lsn,
    count: u64,
    is_named: bool,
}

fn read_runs(bytes: &mut Bytes<'_>) -> Option<Vec<Named>> {
    let mut parts = [Bytes::default(); 4];
    for part in &mut parts {
        *part = Bytes(bytes.bytes()?);
    }
    let [mut logs, mut positions, mut counts, mut ids] = parts;
    let mut known: Vec<BootId> = Vec::new();
    let mut next: HashMap<BootId, Lsn> = HashMap::new();
    let mut runs = Vec::new();
    let mut entries = 0u64;
    while !logs.is_empty() {
        let number = logs.length()?;
        if number >> 1 == known.len() {
            known.push(BootId(ids.array()?));
        }
        let log = *known.get(number >> 1)?;
        let expected = next.get(&log).copied().unwrap_or(1);
        let first_lsn = expected.wrapping_add(unzigzag(positions.number()?).cast_unsigned());
        let count = counts.number()?;
        let end = first_lsn.checked_add(count)?;
        entries = entries.checked_add(count)?;
        let is_within = runs.len() < BATCH_RUNS_MAX && entries <= BATCH_ENTRIES_MAX as u64;
        if first_lsn == 0 || count == 0 || !is_within {
            return None;
        }
        next.insert(log, end);
        runs.push(Named { log, first_lsn, count, is_named: number & 1 == 1 });
    }
    (positions.is_empty() && counts.is_empty() && ids.is_empty()).then_some(runs)
}

/// What stands in front of the columns, and what is made of both. `None` when the entries do not come out of the
/// columns as they were.
fn with_columns(mut front: Vec<u8>, entries: &[&Entry]) -> Option<Content> {
    let columns = columns::write(entries)?;
    let shift = front.len();
    front.extend_from_slice(&columns.bytes);
    let cuts = columns.cuts.into_iter().map(|cut| cut.saturating_add(shift)).collect();
    Some(Content { bytes: front, cuts, parts: columns.parts })
}

fn places_of(runs: &[Named]) -> Vec<(BootId, Lsn)> {
    let with_entries = runs.iter().filter(|run| !run.is_named);
    with_entries.flat_map(|run| (0..run.count).zip(run.first_lsn..).map(|(_, lsn)| (run.log, lsn))).collect()
}

/// The entries in column form, or `None` when they must travel in the plain form.
pub(crate) fn write_changes(changes: &Changes) -> Option<Content> {
    let mut runs = RunsWriter::default();
    let mut signed = Vec::new();
    for run in &changes.runs {
        runs.run(run.run.log(), run.run.first_lsn(), run.run.entries().len() as u64, false);
        signed.extend_from_slice(&run.chain.0);
        signed.extend_from_slice(&run.signature.0);
    }
    let mut front = Vec::new();
    runs.finish(&mut front);
    front.extend(signed);
    let entries: Vec<&Entry> = changes.runs.iter().flat_map(|run| run.run.entries()).collect();
    with_columns(front, &entries)
}

/// Reads what [`write_changes`] wrote.
pub(crate) fn read_changes(content: &[u8]) -> Result<Changes, DecodeError> {
    let read = || {
        let mut bytes = Bytes(content);
        let runs = read_runs(&mut bytes)?;
        let signed = runs
            .iter()
            .map(|_| Some((Hash(bytes.array()?), Signature(bytes.array()?))))
            .collect::<Option<Vec<_>>>()?;
        let mut entries = columns::read(bytes.0, &places_of(&runs))?.into_iter();
        let mut all = Vec::with_capacity(runs.len());
        for (named, (chain, signature)) in runs.iter().zip(signed) {
            if named.is_named {
                return None;
            }
            all.push(ChangeRun { run: take_run(&mut entries, named)?, chain, signature });
        }
        Some(Changes { runs: all })
    };
    read().ok_or(UNREADABLE)
}

fn take_run(entries: &mut std::vec::IntoIter<Entry>, named: &Named) -> Option<EntryRun> {
    EntryRun::new(entries.by_ref().take(usize::try_from(named.count).ok()?).collect())
}

/// The entries in column form, or `None` when they must travel in the plain form.
pub(crate) fn write_feed(feed: &Feed) -> Option<Content> {
    let mut runs = RunsWriter::default();
    let mut entries: Vec<&Entry> = Vec::new();
    for run in &feed.runs {
        match run {
            FeedRun::Bytes(run) => {
                runs.run(run.log(), run.first_lsn(), run.entries().len() as u64, false);
                entries.extend(run.entries());
            }
            FeedRun::Own { log, first_lsn, count } => runs.run(*log, *first_lsn, *count, true),
        }
    }
    let mut front = feed.feed.as_bytes().to_vec();
    front.extend_from_slice(&feed.end_digest.0);
    put(&mut front, feed.first_position);
    put(&mut front, feed.head_position);
    runs.finish(&mut front);
    with_columns(front, &entries)
}

/// Reads what [`write_feed`] wrote.
pub(crate) fn read_feed(content: &[u8]) -> Result<Feed, DecodeError> {
    let read = || {
        let mut bytes = Bytes(content);
        let feed = FeedId(bytes.array()?);
        let end_digest = Digest(bytes.array()?);
        let (first_position, head_position) = (bytes.number()?, bytes.number()?);
        let named = read_runs(&mut bytes)?;
        let mut entries = columns::read(bytes.0, &places_of(&named))?.into_iter();
        let mut runs = Vec::with_capacity(named.len());
        for run in &named {
            runs.push(if run.is_named {
                FeedRun::Own { log: run.log, first_lsn: run.first_lsn, count: run.count }
            } else {
                FeedRun::Bytes(take_run(&mut entries, run)?)
            });
        }
        Some(Feed { feed, first_position, runs, end_digest, head_position })
    };
    read().ok_or(UNREADABLE)
}
