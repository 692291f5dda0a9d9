//! When to dial next: a pure function of how the last tries went.

/// First wait after a line that failed.
const FIRST_MS: u64 = 1_000;
/// Longest wait while the line may come back by itself.
const LONGEST_MS: u64 = 60_000;
/// Wait after an answer that only a person can change.
const FINAL_MS: u64 = 300_000;

/// How the last tries went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    failures: u32,
}

impl Schedule {
    /// Nothing was tried yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { failures: 0 }
    }

    /// A session was had.
    pub const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// A try failed. How long to wait, in milliseconds: doubling up to a cap, between half and the whole of it by
    /// `random`, so that the offices of a province do not all dial at once after a storm.
    #[must_use]
    pub fn failed(&mut self, is_final: bool, random: u64) -> u64 {
        let whole_ms = if is_final {
            FINAL_MS
        } else {
            FIRST_MS.saturating_mul(1 << self.failures.min(10)).min(LONGEST_MS)
        };
        self.failures = self.failures.saturating_add(1);
        whole_ms / 2 + random % (whole_ms / 2 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_cap_are_spread_and_start_anew_after_a_session() {
        let mut schedule = Schedule::new();
        let waits: Vec<u64> = (0..12).map(|_| schedule.failed(false, u64::MAX)).collect();
        assert!(
            waits
                .iter()
                .zip([1_000, 2_000, 4_000, 8_000])
                .all(|(wait, most)| *wait <= most && *wait >= most / 2)
        );
        assert!(waits.iter().skip(6).all(|wait| (LONGEST_MS / 2..=LONGEST_MS).contains(wait)));
        let spread: std::collections::BTreeSet<u64> =
            (0..50).map(|n| schedule.failed(false, n * 977)).collect();
        assert!(spread.len() > 25);
        schedule.succeeded();
        assert!(schedule.failed(false, 0) <= FIRST_MS);
        assert!(schedule.failed(true, 0) >= FINAL_MS / 2, "a person must act first");
    }
}
