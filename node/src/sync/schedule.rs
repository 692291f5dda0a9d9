//! When to dial next: a pure function of how the last calls ended and of random bits.
//!
//! The waits double up to a cap that is short, because some lines are up for ten seconds in every quarter of
//! an hour, and are spread at random, because a province's nodes all lose and find the line together. Only a
//! session makes the waits short again: a line that breaks at once is no success.

/// The first wait after a failure, in ms; doubled by each further one.
pub const FIRST_WAIT_MS: u64 = 1_000;
/// The longest wait while nobody answers, in ms. A call that nobody answers costs some 4 kB.
pub const WAIT_MS_MAX: u64 = 30_000;
/// The first wait after an answer that only a person can change, in ms.
pub const FIRST_FINAL_WAIT_MS: u64 = 60_000;
/// The longest wait after such answers, in ms: an office that was let in again notices without a visit.
pub const FINAL_WAIT_MS_MAX: u64 = 600_000;
/// How far the first calls of many nodes are spread, in ms: 260 of them make 130 calls a second.
pub const SPREAD_MS: u64 = 2_000;

/// How a node's last calls to the province ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    failures: u32,
    final_answers: u32,
}

impl Schedule {
    /// Nobody was called yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { failures: 0, final_answers: 0 }
    }

    /// How long to wait, in ms, before the first call of a process: power comes back for many at once.
    #[must_use]
    pub const fn start_wait_ms(random: u64) -> u64 {
        random % (SPREAD_MS + 1)
    }

    /// A session was had: the waits after the next failures begin short again.
    pub const fn succeeded(&mut self) {
        *self = Self::new();
    }

    /// A call failed, or the line broke before the session was through. Answers how long to wait from now, in
    /// ms: doubled with each failure up to a cap, between half and the whole of it by `random`. `is_final`
    /// says that the other side was reached and only a person can change its answer.
    #[must_use]
    pub const fn failed(&mut self, is_final: bool, random: u64) -> u64 {
        let whole_ms = if is_final {
            self.final_answers = self.final_answers.saturating_add(1);
            doubled(FIRST_FINAL_WAIT_MS, self.final_answers, FINAL_WAIT_MS_MAX)
        } else {
            self.failures = self.failures.saturating_add(1);
            doubled(FIRST_WAIT_MS, self.failures, WAIT_MS_MAX)
        };
        whole_ms - random % (whole_ms / 2 + 1)
    }
}

/// `first_ms` doubled for each time beyond the first, at most `cap_ms`.
const fn doubled(first_ms: u64, times: u32, cap_ms: u64) -> u64 {
    let exponent = times.saturating_sub(1);
    let exponent = if exponent > 20 { 20 } else { exponent };
    let wait_ms = first_ms.saturating_mul(1 << exponent);
    if wait_ms < cap_ms { wait_ms } else { cap_ms }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The shortest and the longest wait after each of so many failures in a row.
    fn waits(is_final: bool, times: usize) -> Vec<(u64, u64)> {
        let (mut slow, mut quick) = (Schedule::new(), Schedule::new());
        (0..times)
            .map(|_| {
                let longest = slow.failed(is_final, 0);
                (quick.failed(is_final, longest / 2), longest)
            })
            .collect()
    }

    #[test]
    fn waits_double_up_to_the_cap_and_are_spread_over_their_upper_half() {
        let expected = [(500, 1_000), (1_000, 2_000), (2_000, 4_000), (4_000, 8_000), (8_000, 16_000)];
        assert_eq!(waits(false, 7)[..5], expected);
        assert_eq!(waits(false, 7)[5..], [(15_000, 30_000); 2]);
        let expected = [(30_000, 60_000), (60_000, 120_000), (120_000, 240_000), (240_000, 480_000)];
        assert_eq!(waits(true, 6)[..4], expected);
        assert_eq!(waits(true, 6)[4..], [(300_000, 600_000); 2]);
        assert_eq!(waits(true, 5_000)[4_999], (300_000, 600_000));
    }

    #[test]
    fn only_a_session_makes_the_waits_short_again() {
        let mut schedule = Schedule::new();
        for _ in 0..10 {
            let _ = schedule.failed(false, 0);
        }
        assert_eq!(schedule.failed(true, 0), FIRST_FINAL_WAIT_MS, "a person must act first");
        assert_eq!(schedule.failed(false, 0), WAIT_MS_MAX);
        schedule.succeeded();
        assert_eq!(schedule.failed(false, 0), FIRST_WAIT_MS);
        assert_eq!(schedule.failed(true, 0), FIRST_FINAL_WAIT_MS);
    }

    #[test]
    fn a_province_of_nodes_does_not_call_in_one_moment() {
        // 260 nodes have lost the line for long and find it together; the random bits are a plain sequence.
        let randoms = (0..260_u64).map(|node| node.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let after_an_outage = |random| {
            let mut schedule = Schedule { failures: 9, final_answers: 0 };
            schedule.failed(false, random)
        };
        for (when, most_allowed, waits) in [
            ("after an outage", 40, randoms.clone().map(after_an_outage).collect::<Vec<_>>()),
            ("after a power cut", 160, randoms.map(Schedule::start_wait_ms).collect()),
        ] {
            let mut calls_per_second = [0_u32; 31];
            for wait_ms in waits {
                calls_per_second[usize::try_from(wait_ms / 1_000).unwrap()] += 1;
            }
            let most = *calls_per_second.iter().max().unwrap();
            println!("{when} at most {most} calls in one second");
            assert!(most <= most_allowed, "{when}: {calls_per_second:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_happened_the_next_call_comes_within_its_bound(
            history in prop::collection::vec((0..3_u8, any::<u64>()), 1..60),
        ) {
            let mut schedule = Schedule::new();
            for (end, random) in history {
                let (wait_ms, bound) = match end {
                    0 => {
                        schedule.succeeded();
                        continue;
                    }
                    1 => (schedule.failed(false, random), WAIT_MS_MAX),
                    _ => (schedule.failed(true, random), FINAL_WAIT_MS_MAX),
                };
                prop_assert!(wait_ms <= bound);
                prop_assert!(wait_ms >= FIRST_WAIT_MS / 2, "never a hot loop");
            }
        }

        #[test]
        fn a_line_that_is_back_is_noticed_within_the_cap(
            outage_ms in 0..1_000_000_000_u64,
            randoms in prop::collection::vec(any::<u64>(), 16),
        ) {
            let mut schedule = Schedule::new();
            let mut now_ms = Schedule::start_wait_ms(randoms[0]);
            let mut calls = 0_usize;
            while now_ms < outage_ms {
                calls += 1;
                now_ms += schedule.failed(false, randoms[calls % randoms.len()]);
            }
            prop_assert!(now_ms - outage_ms <= WAIT_MS_MAX);
            prop_assert!(calls as u64 <= outage_ms / (WAIT_MS_MAX / 2) + 8, "no more calls than the waits allow");
        }
    }
}
