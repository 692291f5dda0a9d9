//! How a running program is asked to stop, and how long it may take (a leaf).
//!
//! Stopping is a signal that everyone holds and nobody owns: tasks await it, threads wait on it or look at it.
//! The first request fixes the deadline; later ones change nothing.

use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;

/// The signal to stop, cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop {
    shared: Arc<Shared>,
    watched: watch::Receiver<bool>,
}

#[derive(Debug)]
struct Shared {
    drain_ms: u64,
    deadline_ms: Mutex<Option<u64>>,
    changed: Condvar,
    watch: watch::Sender<bool>,
}

impl Stop {
    /// A signal not yet given. Once it is, the program has `drain_ms` to finish what it began (contract: 5 s
    /// for `serve`).
    #[must_use]
    pub fn new(drain_ms: u64) -> Self {
        let (watch, watched) = watch::channel(false);
        let shared = Shared { drain_ms, deadline_ms: Mutex::new(None), changed: Condvar::new(), watch };
        Self { shared: Arc::new(shared), watched }
    }

    /// Asks everyone to stop. An extra call does no harm and does not move the deadline.
    pub fn request(&self, clock: &dyn Clock) {
        let mut deadline_ms = self.lock();
        if deadline_ms.is_none() {
            *deadline_ms = Some(clock.monotonic_ms().saturating_add(self.shared.drain_ms));
            self.shared.watch.send_replace(true);
            self.shared.changed.notify_all();
        }
    }

    /// Whether stopping was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.watched.borrow()
    }

    /// Waits in a task until stopping is asked for. Can be dropped and called again.
    pub async fn requested(&self) {
        let mut watched = self.watched.clone();
        // The sender lives in `shared`, which we hold: this ends only with the signal.
        let _ = watched.wait_for(|is_requested| *is_requested).await;
    }

    /// Waits in a thread until stopping is asked for, at most `wait_ms`. Answers whether it was.
    #[must_use]
    pub fn wait_ms(&self, wait_ms: u64) -> bool {
        let guard = self.lock();
        let (guard, _) = self
            .shared
            .changed
            .wait_timeout_while(guard, Duration::from_millis(wait_ms), |deadline_ms| deadline_ms.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        guard.is_some()
    }

    /// How much of the time for finishing is left: `None` while nobody asked to stop, 0 when it is over.
    #[must_use]
    pub fn remaining_ms(&self, clock: &dyn Clock) -> Option<u64> {
        let deadline_ms = *self.lock();
        deadline_ms.map(|deadline_ms| deadline_ms.saturating_sub(clock.monotonic_ms()))
    }

    fn lock(&self) -> MutexGuard<'_, Option<u64>> {
        // Nothing can panic while it is held, so a poisoned lock still holds a true value.
        self.shared.deadline_ms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering;

    use sync_protocol::time::Millis;

    use super::*;

    #[derive(Debug, Default)]
    struct SetClock(AtomicU64);

    impl Clock for SetClock {
        fn wall(&self) -> Millis {
            Millis(0)
        }

        fn monotonic_ms(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        fn wait_ms(&self, duration_ms: u64) {
            self.0.fetch_add(duration_ms, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_first_request_fixes_the_deadline() {
        let clock = SetClock::default();
        let stop = Stop::new(5_000);
        assert_eq!((stop.is_requested(), stop.remaining_ms(&clock)), (false, None));
        assert!(!stop.wait_ms(0));
        stop.request(&clock);
        clock.wait_ms(2_000);
        stop.request(&clock);
        assert!(stop.is_requested() && stop.wait_ms(0));
        assert_eq!(stop.remaining_ms(&clock), Some(3_000));
        clock.wait_ms(10_000);
        assert_eq!(stop.remaining_ms(&clock), Some(0));
    }

    #[test]
    fn threads_and_tasks_wake_when_stopping_is_asked_for() {
        let stop = Stop::new(1_000);
        let in_thread = stop.clone();
        let thread = std::thread::spawn(move || in_thread.wait_ms(60_000));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let in_task = stop.clone();
        runtime.block_on(async move {
            let waiting = tokio::spawn(async move { in_task.requested().await });
            stop.request(&SetClock::default());
            waiting.await.unwrap();
            // Asking after the fact answers at once.
            stop.requested().await;
        });
        assert!(thread.join().unwrap());
    }
}
