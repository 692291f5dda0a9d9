//! The node's own entries on their way out: which log the province has how far, what is loaded next, what is
//! under way without an acknowledgement.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use crate::entry::Entry;
use crate::entry::Lsn;
use crate::frame::ItemPart;
use crate::frame::Items;
use crate::frame::LogAck;
use crate::frame::LogState;
use crate::frame::LogStatus;
use crate::head::LogHead;
use crate::head::SignedHead;
use crate::ids::BootId;
use crate::item::Item;
use crate::limits;
use crate::run;
use crate::run::ChangeRun;
use crate::run::EntryRun;
use crate::session::SessionError;

/// How much is loaded for one batch, so that it comes out near [`limits::BATCH_PACKED_BYTES`] packed.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchSize {
    raw_bytes: usize,
    /// What the next batch is held to while the first ones grow.
    rising_bytes: usize,
}

impl BatchSize {
    /// Begins as if everything compressed to an eighth, which columns of ordinary dossiers do.
    pub(super) const fn new() -> Self {
        Self { raw_bytes: limits::BATCH_RAW_BYTES, rising_bytes: limits::BATCH_RAW_BYTES }
    }

    /// Begins with a small batch and lets the next ones grow: somebody waits for the first.
    pub(super) const fn rising() -> Self {
        Self { raw_bytes: limits::BATCH_RAW_BYTES, rising_bytes: limits::BATCH_RAW_BYTES_MIN }
    }

    pub(super) const fn raw_bytes(self) -> usize {
        if self.rising_bytes < self.raw_bytes { self.rising_bytes } else { self.raw_bytes }
    }

    /// Learns from a batch how well its like compresses. Small ones teach nothing.
    pub(super) fn learn(&mut self, raw_bytes: usize, packed_bytes: usize) {
        self.rising_bytes =
            self.rising_bytes.saturating_mul(limits::BATCH_RISES_BY).min(limits::BATCH_RAW_BYTES);
        if raw_bytes >= limits::BATCH_RAW_BYTES_MIN && packed_bytes > 0 {
            let fitting = raw_bytes.saturating_mul(limits::BATCH_PACKED_BYTES) / packed_bytes;
            self.raw_bytes = fitting.clamp(limits::BATCH_RAW_BYTES_MIN, limits::BATCH_RAW_BYTES);
        }
    }
}

/// One own log, beside what the province has of it.
#[derive(Clone, Copy, Debug)]
struct LogPush {
    /// The last entry known to be here.
    target: Lsn,
    /// Up to where it was sent or known to be there; `None` until the province has said.
    sent: Option<Lsn>,
    /// Up to where the province has stored it.
    acked: Lsn,
    /// Another history has this name there: nothing more is sent.
    is_forked: bool,
}

impl LogPush {
    fn has_unsent(&self) -> bool {
        !self.is_forked && self.sent.is_some_and(|sent| sent < self.target)
    }
}

/// A question to the driver that is not answered yet.
#[derive(Clone, Copy, Debug)]
struct Loading {
    boot: BootId,
    after_lsn: Lsn,
    /// The log's target when it was asked.
    target: Lsn,
}

/// What the session does next for its own entries.
#[derive(Debug)]
pub(super) enum PushStep {
    /// Load entries of this log.
    Load { boot: BootId, after_lsn: Lsn, bytes_max: usize, entries_max: usize },
    /// Send these as one batch, then tell [`Push::learn`] its size.
    Send { runs: Vec<ChangeRun>, raw_bytes: usize },
}

#[derive(Debug)]
pub(super) struct Push {
    logs: BTreeMap<BootId, LogPush>,
    /// The log this process appended to when the session began.
    current: Option<LogHead>,
    /// Whether logs that nobody has named are new: the province has said what it has.
    is_told: bool,
    queue: VecDeque<BootId>,
    loading: Option<Loading>,
    batch: Vec<ChangeRun>,
    batch_bytes: usize,
    batch_entries: usize,
    unacked: VecDeque<Vec<LogAck>>,
    size: BatchSize,
}

impl Push {
    pub(super) fn new(named: &[LogHead], current: Option<LogHead>) -> Self {
        let unsaid = |head: &LogHead| LogPush { target: head.lsn, sent: None, acked: 0, is_forked: false };
        Self {
            logs: named.iter().map(|head| (head.boot, unsaid(head))).collect(),
            current,
            is_told: false,
            queue: VecDeque::new(),
            loading: None,
            batch: Vec::new(),
            batch_bytes: 0,
            batch_entries: 0,
            unacked: VecDeque::new(),
            size: BatchSize::new(),
        }
    }

    /// The province says what it has of a log that the node named.
    pub(super) fn told(&mut self, head: &LogHead, state: &LogState) -> Result<(), &'static str> {
        let has = match state.status {
            LogStatus::Known if state.lsn == head.lsn => head.lsn,
            LogStatus::Unknown if state.lsn == 0 => 0,
            LogStatus::Behind if state.lsn < head.lsn => state.lsn,
            LogStatus::Ahead if state.lsn > head.lsn => head.lsn,
            LogStatus::Forked => {
                self.forked(head.boot);
                return Ok(());
            }
            LogStatus::Known | LogStatus::Unknown | LogStatus::Behind | LogStatus::Ahead => {
                return Err("position of a log does not fit its status");
            }
        };
        let log = self.logs.entry(head.boot).or_insert(LogPush {
            target: head.lsn,
            sent: None,
            acked: 0,
            is_forked: false,
        });
        log.target = log.target.max(head.lsn);
        log.sent = Some(log.sent.map_or(has, |sent| sent.max(has)));
        log.acked = log.acked.max(has);
        // A hello names the newest first; what is sent builds on what was written before it.
        if log.has_unsent() && !self.queue.contains(&head.boot) {
            self.queue.push_front(head.boot);
        }
        Ok(())
    }

    /// The province has another history of this log. What is under way of it will not be acknowledged.
    pub(super) fn forked(&mut self, boot: BootId) {
        let log =
            self.logs.entry(boot).or_insert(LogPush { target: 0, sent: Some(0), acked: 0, is_forked: true });
        log.is_forked = true;
        self.queue.retain(|queued| *queued != boot);
        self.batch.retain(|run| run.run.log() != boot);
        self.drop_acked();
    }

    /// The province has said all it will of the logs that were named; with `is_older_equal` it also has all
    /// others.
    pub(super) fn all_told(&mut self, is_older_equal: bool) {
        self.is_told = true;
        if let Some(current) = self.current.filter(|_| is_older_equal) {
            let log = self.logs.entry(current.boot).or_insert(LogPush {
                target: current.lsn,
                sent: None,
                acked: 0,
                is_forked: false,
            });
            if log.sent.is_none() {
                (log.sent, log.acked) = (Some(current.lsn), current.lsn);
            }
        }
        let untold: Vec<BootId> =
            self.logs.iter().filter(|(_, log)| log.sent.is_none()).map(|(boot, _)| *boot).collect();
        for boot in untold {
            if let Some(log) = self.logs.get_mut(&boot) {
                log.sent = Some(0); // a log that began after the hello
            }
            self.enqueue(boot);
        }
        let all: Vec<BootId> = self.logs.keys().copied().collect();
        all.into_iter().for_each(|boot| self.enqueue(boot));
    }

    /// A commit here reached this position.
    pub(super) fn appended(&mut self, boot: BootId, lsn: Lsn) {
        let sent = self.is_told.then_some(0);
        let log = self.logs.entry(boot).or_insert(LogPush { target: 0, sent, acked: 0, is_forked: false });
        log.target = log.target.max(lsn);
        self.enqueue(boot);
    }

    /// Whether the province may lack entries up to this head.
    pub(super) fn lacks(&self, head: &LogHead) -> bool {
        match self.logs.get(&head.boot) {
            Some(log) => !log.is_forked && log.acked < head.lsn,
            None => head.lsn > 0,
        }
    }

    fn enqueue(&mut self, boot: BootId) {
        if self.logs.get(&boot).is_some_and(LogPush::has_unsent) && !self.queue.contains(&boot) {
            self.queue.push_back(boot);
        }
    }

    /// What to do next, if anything. Ask again until there is nothing.
    pub(super) fn next(&mut self) -> Option<PushStep> {
        if self.loading.is_some() || self.unacked.len() >= limits::BATCHES_UNACKED_MAX {
            return None;
        }
        let room_bytes = self.size.raw_bytes().saturating_sub(self.batch_bytes);
        let room_entries = limits::BATCH_ENTRIES_MAX.saturating_sub(self.batch_entries);
        let is_full = room_bytes < self.size.raw_bytes() / 4 || room_entries == 0;
        while let Some(boot) = self.queue.front().copied().filter(|_| !is_full) {
            let unsent = self.logs.get(&boot).filter(|log| log.has_unsent());
            if let Some((after_lsn, target)) = unsent.and_then(|log| Some((log.sent?, log.target))) {
                self.loading = Some(Loading { boot, after_lsn, target });
                return Some(PushStep::Load {
                    boot,
                    after_lsn,
                    bytes_max: room_bytes,
                    entries_max: room_entries,
                });
            }
            self.queue.pop_front();
        }
        self.take_batch()
    }

    fn take_batch(&mut self) -> Option<PushStep> {
        let runs = std::mem::take(&mut self.batch);
        let raw_bytes = std::mem::take(&mut self.batch_bytes);
        self.batch_entries = 0;
        if runs.is_empty() {
            return None;
        }
        let ends = runs.iter().map(|run| LogAck { boot: run.run.log(), lsn: run.run.last_lsn() }).collect();
        self.unacked.push_back(ends);
        Some(PushStep::Send { runs, raw_bytes })
    }

    pub(super) fn learn(&mut self, raw_bytes: usize, packed_bytes: usize) {
        self.size.learn(raw_bytes, packed_bytes);
    }

    /// The driver loaded what [`PushStep::Load`] asked for.
    pub(super) fn loaded(
        &mut self,
        boot: BootId,
        entries: Vec<Entry>,
        head: Option<SignedHead>,
    ) -> Result<(), SessionError> {
        let asked = self.loading.take().ok_or(SessionError::Misuse("log loaded unasked"))?;
        let log = self.logs.get_mut(&boot).filter(|_| boot == asked.boot);
        let log = log.ok_or(SessionError::Misuse("another log loaded than asked"))?;
        if entries.is_empty() {
            if log.target == asked.target {
                log.target = asked.after_lsn; // less is here than was announced
            }
            return Ok(());
        }
        if log.is_forked {
            return Ok(()); // learned while it was loaded
        }
        let count = entries.len();
        let bytes: usize = entries.iter().map(run::weight_bytes).sum();
        let run = EntryRun::new(entries)
            .filter(|run| run.log() == boot && run.first_lsn() == asked.after_lsn.saturating_add(1))
            .ok_or(SessionError::Misuse("loaded entries are no run after the position asked for"))?;
        let head = head
            .filter(|head| head.head.boot == boot && head.head.lsn == run.last_lsn())
            .ok_or(SessionError::Misuse("loaded head is not that of the last entry"))?;
        if count > limits::BATCH_ENTRIES_MAX.saturating_sub(self.batch_entries) {
            return Err(SessionError::Misuse("more entries loaded than asked for"));
        }
        log.sent = Some(run.last_lsn());
        log.target = log.target.max(run.last_lsn());
        self.batch_entries += count;
        self.batch_bytes = self.batch_bytes.saturating_add(bytes).saturating_add(limits::RUN_OVERHEAD_BYTES);
        self.batch.push(ChangeRun { run, chain: head.head.chain, signature: head.signature });
        Ok(())
    }

    /// The province has stored these logs up to here.
    pub(super) fn acked(&mut self, acks: &[LogAck]) -> Result<(), &'static str> {
        for ack in acks {
            let log = self.logs.get_mut(&ack.boot).ok_or("acknowledged a log that was not sent")?;
            log.acked = log.acked.max(ack.lsn.min(log.sent.unwrap_or(0)));
        }
        self.drop_acked();
        Ok(())
    }

    fn drop_acked(&mut self) {
        let logs = &self.logs;
        let is_acked =
            |end: &LogAck| logs.get(&end.boot).is_some_and(|log| log.is_forked || log.acked >= end.lsn);
        while self.unacked.front().is_some_and(|batch| batch.iter().all(is_acked)) {
            self.unacked.pop_front();
        }
    }

    /// What is gathered for the next batch.
    pub(super) const fn gathered_bytes(&self) -> usize {
        self.batch_bytes
    }

    /// How many batches are under way without an acknowledgement.
    pub(super) fn unacked(&self) -> usize {
        self.unacked.len()
    }

    /// Whether batches are under way without an acknowledgement.
    pub(super) fn awaits_ack(&self) -> bool {
        !self.unacked.is_empty()
    }

    /// Whether everything known to be here is stored there.
    pub(super) fn is_drained(&self) -> bool {
        self.is_told
            && self.loading.is_none()
            && self.batch.is_empty()
            && self.unacked.is_empty()
            && !self.logs.values().any(LogPush::has_unsent)
    }
}

/// Items in pieces, as frames of a size that does not hold up the line.
pub(super) fn items_frames<'i>(
    items: impl IntoIterator<Item = &'i Item>,
) -> Result<Vec<Items>, SessionError> {
    let (mut frames, mut frame, mut frame_bytes) = (Vec::new(), Items { parts: Vec::new() }, 0);
    for item in items {
        for part in parts_of(item)? {
            let part_bytes = part.bytes.len().saturating_add(limits::ENTRY_OVERHEAD_BYTES);
            let is_full = frame_bytes + part_bytes > limits::BATCH_RAW_BYTES
                || frame.parts.len() >= limits::ITEM_PARTS_MAX;
            if is_full {
                frames.push(std::mem::replace(&mut frame, Items { parts: Vec::new() }));
                frame_bytes = 0;
            }
            frame_bytes += part_bytes;
            frame.parts.push(part);
        }
    }
    if !frame.parts.is_empty() {
        frames.push(frame);
    }
    Ok(frames)
}

/// The pieces of an item.
pub(crate) fn parts_of(item: &Item) -> Result<Vec<ItemPart>, SessionError> {
    let bytes = item.to_bytes();
    let too_large = |_| SessionError::Misuse("item too large");
    let total_bytes = u32::try_from(bytes.len()).map_err(too_large)?;
    let mut offset_bytes = 0u32;
    let mut parts = Vec::new();
    for piece in bytes.chunks(limits::ITEM_PART_BYTES_MAX) {
        let n = item.header().n;
        parts.push(ItemPart { n, total_bytes, offset_bytes, bytes: piece.to_vec() });
        offset_bytes = offset_bytes.saturating_add(u32::try_from(piece.len()).map_err(too_large)?);
    }
    Ok(parts)
}
