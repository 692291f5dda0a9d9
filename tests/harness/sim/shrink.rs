//! Leaves steps out of a plan that fails, as long as it still does, until little is left to read.

use crate::faults::planted::Mistake;
use crate::sim::plan::Plan;
use crate::sim::run::Broken;
use crate::sim::run::run;

/// A plan made small.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The plan.
    pub plan: Plan,
    /// How it fails.
    pub broken: Box<Broken>,
    /// How many plans were tried.
    pub tries: usize,
}

/// Drops steps in halves, quarters and so on, at most `tries_max` times. `each` is told the steps that are left.
#[must_use]
pub fn shrink(
    plan: &Plan,
    broken: Box<Broken>,
    mistake: Option<Mistake>,
    tries_max: usize,
    each: &mut dyn FnMut(usize),
) -> Shrunk {
    let mut best = Shrunk { plan: plan.clone(), broken, tries: 0 };
    // What comes behind the step at which it failed cannot matter.
    best.plan.steps.truncate(best.broken.step);
    let mut parts = 2;
    while best.tries < tries_max && !best.plan.steps.is_empty() {
        let size = best.plan.steps.len().div_ceil(parts);
        let mut has_shrunk = false;
        let mut from = 0;
        while from < best.plan.steps.len() && best.tries < tries_max {
            let mut steps = best.plan.steps.clone();
            let to = (from + size).min(steps.len());
            steps.drain(from..to);
            let smaller = Plan { steps, ..best.plan };
            best.tries += 1;
            match run(&smaller, mistake) {
                // Only the same check: another one would be another story.
                Err(broken) if broken.place == best.broken.place => {
                    has_shrunk = true;
                    best.plan = smaller;
                    best.plan.steps.truncate(broken.step);
                    best.broken = broken;
                    each(best.plan.steps.len());
                }
                Err(_) | Ok(_) => from = to,
            }
        }
        if size == 1 && !has_shrunk {
            break;
        }
        if !has_shrunk {
            parts = (parts * 2).min(best.plan.steps.len().max(1));
        }
    }
    best
}
