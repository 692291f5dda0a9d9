//! When to dial next: a pure function of what happened, the monotonic clock and random bits.
//!
//! The waits double up to a cap that is short, because some lines are up for ten seconds in every quarter of
//! an hour, and are spread at random, because a province's nodes all lose and find the line together. Only a
//! session that ended well makes the waits short again: a line that breaks at once is no success.

/// The first wait after a failure, in ms; doubled by each further one.
pub const FIRST_WAIT_MS: u64 = 1_000;
/// The longest wait while nobody answers, in ms. A call that nobody answers costs some 4 kB.
pub const WAIT_MS_MAX: u64 = 30_000;
/// The first wait after a refusal that only a person can lift, in ms.
pub const FIRST_REFUSED_WAIT_MS: u64 = 60_000;
/// The longest wait after such refusals, in ms: an office that was let in again notices without a visit.
pub const REFUSED_WAIT_MS_MAX: u64 = 600_000;
/// How far the first calls after a start or a lost line are spread, in ms: 260 nodes make 52 calls a second.
pub const SPREAD_MS: u64 = 5_000;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallEnd {
    /// The session had converged when the line ended, by whoever's wish.
    Converged,
    /// Nobody was reached, or the line broke before the session had converged.
    Failed,
    /// One side did not want the other; a person has to do something.
    Refused,
}

/// When this node calls the province. Times are ms on the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    due_ms: u64,
    failures: u32,
    refusals: u32,
}

impl Schedule {
    /// The schedule of a process that starts now. `random` spreads the starts of many nodes after a power cut.
    #[must_use]
    pub const fn new(now_ms: u64, random: u64) -> Self {
        Self { due_ms: now_ms.saturating_add(random % (SPREAD_MS + 1)), failures: 0, refusals: 0 }
    }

    /// When to call next. Meaningless while a call is going on.
    #[must_use]
    pub const fn due_ms(&self) -> u64 {
        self.due_ms
    }

    /// How long to wait from now; 0 when it is time.
    #[must_use]
    pub const fn wait_ms(&self, now_ms: u64) -> u64 {
        self.due_ms.saturating_sub(now_ms)
    }

    /// How many calls have failed since the last that converged.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures.saturating_add(self.refusals)
    }

    /// Takes note of how a call ended, now, and sets the time of the next.
    pub const fn on_end(&mut self, end: CallEnd, now_ms: u64, random: u64) {
        let wait_ms = match end {
            CallEnd::Converged => {
                self.failures = 0;
                self.refusals = 0;
                // The line was good a moment ago: come back soon, but not all at once.
                spread(SPREAD_MS, random)
            }
            CallEnd::Failed => {
                self.failures = self.failures.saturating_add(1);
                spread(doubled(FIRST_WAIT_MS, self.failures, WAIT_MS_MAX), random)
            }
            CallEnd::Refused => {
                self.refusals = self.refusals.saturating_add(1);
                spread(doubled(FIRST_REFUSED_WAIT_MS, self.refusals, REFUSED_WAIT_MS_MAX), random)
            }
        };
        self.due_ms = now_ms.saturating_add(wait_ms);
    }

    /// A person asked, or the machine has a network again: call now. The waits after a further failure stay
    /// as long as they were. An extra call does no harm.
    pub const fn ask_now(&mut self, now_ms: u64) {
        if self.due_ms > now_ms {
            self.due_ms = now_ms;
        }
    }
}

/// `first_ms` doubled for each time beyond the first, at most `cap_ms`.
const fn doubled(first_ms: u64, times: u32, cap_ms: u64) -> u64 {
    let exponent = times.saturating_sub(1);
    let exponent = if exponent > 20 { 20 } else { exponent };
    let wait_ms = first_ms.saturating_mul(1 << exponent);
    if wait_ms < cap_ms { wait_ms } else { cap_ms }
}

/// Somewhere between half of `wait_ms` and all of it.
const fn spread(wait_ms: u64, random: u64) -> u64 {
    let half_ms = wait_ms / 2;
    wait_ms - random % (half_ms + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The waits after so many failures in a row, with the random bits that give the longest and the shortest.
    fn waits(end: CallEnd, times: usize) -> Vec<(u64, u64)> {
        let longest = 0;
        let (mut slow, mut quick) = (Schedule::new(0, 0), Schedule::new(0, 0));
        (0..times)
            .map(|_| {
                slow.on_end(end, 0, longest);
                let cap = slow.wait_ms(0);
                quick.on_end(end, 0, cap / 2);
                (quick.wait_ms(0), cap)
            })
            .collect()
    }

    #[test]
    fn waits_double_up_to_the_cap_and_are_spread_over_their_upper_half() {
        assert_eq!(
            waits(CallEnd::Failed, 7),
            [
                (500, 1_000),
                (1_000, 2_000),
                (2_000, 4_000),
                (4_000, 8_000),
                (8_000, 16_000),
                (15_000, 30_000),
                (15_000, 30_000)
            ]
        );
        assert_eq!(
            waits(CallEnd::Refused, 5),
            [
                (30_000, 60_000),
                (60_000, 120_000),
                (120_000, 240_000),
                (240_000, 480_000),
                (300_000, 600_000)
            ]
        );
    }

    #[test]
    fn only_a_converged_session_makes_the_waits_short_again() {
        let mut schedule = Schedule::new(0, 0);
        for _ in 0..10 {
            schedule.on_end(CallEnd::Failed, 0, 0);
        }
        schedule.ask_now(100);
        assert_eq!(schedule.wait_ms(100), 0);
        schedule.on_end(CallEnd::Failed, 100, 0);
        assert_eq!(schedule.wait_ms(100), WAIT_MS_MAX, "asking does not shorten the waits that follow");
        schedule.on_end(CallEnd::Converged, 200, 0);
        assert_eq!((schedule.wait_ms(200), schedule.failures()), (SPREAD_MS, 0));
        schedule.on_end(CallEnd::Failed, 300, 0);
        assert_eq!(schedule.wait_ms(300), FIRST_WAIT_MS);
    }

    #[test]
    fn asking_never_puts_a_call_off() {
        let mut schedule = Schedule::new(1_000, 0);
        schedule.ask_now(5_000);
        assert_eq!(schedule.due_ms(), 1_000);
    }

    #[test]
    fn a_province_of_nodes_does_not_call_in_one_moment() {
        // An outage ends for 260 nodes at once; the random bits are a plain sequence.
        let mut calls_per_second = [0_u32; 31];
        for node in 0..260_u64 {
            let mut schedule = Schedule::new(0, 0);
            for _ in 0..9 {
                schedule.on_end(CallEnd::Failed, 0, node.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            }
            calls_per_second[usize::try_from(schedule.wait_ms(0) / 1_000).unwrap()] += 1;
        }
        let most = calls_per_second.iter().max().unwrap();
        println!("at most {most} calls in one second");
        assert!(*most <= 40, "{calls_per_second:?}");
    }

    proptest! {
        #[test]
        fn whatever_happened_the_next_call_comes_within_its_bound(
            history in prop::collection::vec((0..3_u8, any::<u64>(), 0..10_000_000_u64), 1..60),
            start in any::<u32>(),
        ) {
            let mut now_ms = u64::from(start);
            let mut schedule = Schedule::new(now_ms, u64::from(start));
            prop_assert!(schedule.wait_ms(now_ms) <= SPREAD_MS);
            for (end, random, passed_ms) in history {
                now_ms += passed_ms;
                let (end, bound) = match end {
                    0 => (CallEnd::Converged, SPREAD_MS),
                    1 => (CallEnd::Failed, WAIT_MS_MAX),
                    _ => (CallEnd::Refused, REFUSED_WAIT_MS_MAX),
                };
                schedule.on_end(end, now_ms, random);
                let wait_ms = schedule.wait_ms(now_ms);
                prop_assert!(wait_ms <= bound);
                prop_assert!(wait_ms >= FIRST_WAIT_MS / 2, "never a hot loop");
            }
        }

        #[test]
        fn a_line_that_is_back_is_noticed_within_the_cap(
            outage_ms in 0..1_000_000_000_u64,
            randoms in prop::collection::vec(any::<u64>(), 16),
        ) {
            let mut now_ms = 0;
            let mut schedule = Schedule::new(0, randoms[0]);
            let mut calls = 0_usize;
            loop {
                now_ms = schedule.due_ms().max(now_ms);
                if now_ms >= outage_ms {
                    break;
                }
                calls += 1;
                schedule.on_end(CallEnd::Failed, now_ms, randoms[calls % randoms.len()]);
            }
            prop_assert!(now_ms - outage_ms <= WAIT_MS_MAX);
            prop_assert!(calls as u64 <= outage_ms / (WAIT_MS_MAX / 2) + 8);
        }
    }
}
