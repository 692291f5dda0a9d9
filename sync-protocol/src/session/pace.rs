//! How fast a line takes batches, seen from when they went out and when they were acknowledged.

use std::collections::VecDeque;

use crate::compress;
use crate::frame::Packing;
use crate::limits;
use crate::session::node::elapsed_ms;
use crate::time::Millis;

/// Measures the line, and says how batches for it are packed.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    /// Batches without an acknowledgement: their sizes, and when each went out.
    under_way: VecDeque<(usize, Millis)>,
    /// When the last acknowledgement came.
    acked_at: Option<Millis>,
    /// Bytes a second, when something has shown it.
    rate: Option<u64>,
    /// The newest dictionary that both sides know; 0 for none.
    pub(super) dictionary: u8,
}

impl Pace {
    /// Of a line that nothing is known of, to a side that may know dictionaries up to this one.
    pub(super) fn knowing(dictionary: u8) -> Self {
        Self { dictionary, ..Self::default() }
    }

    /// The next batch is packed like this.
    pub(super) fn packing(&self) -> Packing {
        Packing { level: compress::level_for(self.rate), dictionary: self.dictionary }
    }

    /// What is known of the line, in bytes a second.
    pub(super) const fn rate(&self) -> Option<u64> {
        self.rate
    }

    /// What an earlier session saw of it.
    pub(super) const fn remember(&mut self, rate: Option<u64>) {
        self.rate = rate;
    }

    /// A batch goes out.
    pub(super) fn sent(&mut self, now: Millis, size_bytes: usize) {
        self.under_way.push_back((size_bytes, now));
    }

    /// All but the last `left` batches are stored on the other side. The line carried the first of them since it went out
    /// or since the acknowledgement before, whichever is later: the time is that of the line and of the other side's
    /// disk. A clock that jumps, or a batch that is mostly waiting, teaches nothing.
    pub(super) fn acked(&mut self, now: Millis, left: usize) {
        let count = self.under_way.len().saturating_sub(left);
        let batches: Vec<(usize, Millis)> = self.under_way.drain(..count).collect();
        let Some((_, first_sent)) = batches.first() else { return };
        let since = self.acked_at.map_or(*first_sent, |acked| acked.max(*first_sent));
        self.acked_at = Some(now);
        let size_bytes: usize = batches.iter().map(|(size_bytes, _)| size_bytes).sum();
        let took_ms = elapsed_ms(since, now);
        if size_bytes >= limits::RATE_BYTES_MIN && took_ms > 0 {
            let seen = u64::try_from(size_bytes).unwrap_or(u64::MAX).saturating_mul(1000) / took_ms;
            self.rate = Some(self.rate.map_or(seen, |rate| rate.midpoint(seen)));
        }
    }

    /// What is under way will not be acknowledged.
    pub(super) fn forget(&mut self) {
        self.under_way.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 128 * 1024;

    #[test]
    fn the_rate_is_what_was_carried_between_acknowledgements() {
        let mut pace = Pace::default();
        assert_eq!(pace.packing(), Packing::default());
        // 64 kbit/s: three batches at once, each takes 16 s.
        for _ in 0..3 {
            pace.sent(Millis(1_000), SIZE);
        }
        for (at, left) in [(17_384, 2), (33_768, 1), (50_152, 0)] {
            pace.acked(Millis(at), left);
            assert_eq!(pace.rate(), Some(8_000), "{at}");
        }
        assert_eq!(pace.packing().level, compress::level_for(Some(8_000)));
        // Nothing under way for an hour is not the line's fault.
        pace.sent(Millis(3_600_000), SIZE);
        pace.acked(Millis(3_616_384), 0);
        assert_eq!(pace.rate(), Some(8_000));
    }

    #[test]
    fn waits_and_clocks_that_jump_teach_nothing() {
        let mut pace = Pace::default();
        pace.remember(Some(77));
        pace.sent(Millis(0), limits::RATE_BYTES_MIN - 1);
        pace.acked(Millis(600), 0);
        pace.acked(Millis(700), 0);
        pace.sent(Millis(10_000), SIZE);
        pace.acked(Millis(2_000), 0);
        pace.sent(Millis(20_000), SIZE);
        pace.forget();
        pace.acked(Millis(21_000), 0);
        assert_eq!(pace.rate(), Some(77));
    }

    #[test]
    fn a_line_that_becomes_faster_is_believed_by_halves() {
        let mut pace = Pace::default();
        pace.remember(Some(10_000));
        pace.sent(Millis(0), 30_000);
        pace.acked(Millis(1_000), 0);
        assert_eq!(pace.rate(), Some(20_000));
    }
}
