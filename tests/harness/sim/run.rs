//! One seed from its plan to its verdict.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Once;

use crate::faults::planted::Mistake;
use crate::sim::coverage::Coverage;
use crate::sim::oracle;
use crate::sim::plan::Plan;
use crate::sim::world::World;

/// Steps of a seed of full weight.
pub const STEPS: usize = 740;

/// Something did not hold.
#[derive(Clone, Debug)]
pub struct Broken {
    /// What, in the words of the check.
    pub what: String,
    /// Which check.
    pub place: String,
    /// At which step; after the last one while it heals or is looked at.
    pub step: usize,
    /// What happened until then.
    pub trail: Vec<String>,
}

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
    static LAST_PANIC: Cell<Option<(String, String)>> = const { Cell::new(None) };
}

static HOOK: Once = Once::new();

/// Carries out a plan and looks at everything.
///
/// # Errors
/// What did not hold.
pub fn run(plan: &Plan, mistake: Option<Mistake>) -> Result<Coverage, Box<Broken>> {
    keep_panics_of_quiet_threads();
    let mut world: Option<World> = None;
    IS_QUIET.set(true);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let world = world.insert(World::new(plan, mistake));
        for step in &plan.steps {
            world.carry_out(*step);
        }
        world.heal();
        oracle::check(world);
    }));
    // The world's own end may panic, too, when its middle has.
    let (step, trail, coverage) = world
        .as_mut()
        .map(|world| (world.step, std::mem::take(&mut world.trail), world.coverage.clone()))
        .unwrap_or_default();
    let (what, place) = LAST_PANIC.take().unwrap_or_default();
    let _ended = catch_unwind(AssertUnwindSafe(|| drop(world)));
    IS_QUIET.set(false);
    ran.map(|()| coverage).map_err(|_panic| Box::new(Broken { what, place, step, trail }))
}

/// A panic in a thread that runs a plan is a verdict: it is kept, not printed.
fn keep_panics_of_quiet_threads() {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if IS_QUIET.get() {
                let text = panic.payload_as_str().unwrap_or("a panic without words");
                let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line()));
                LAST_PANIC.set(Some((text.to_owned(), place.unwrap_or_default())));
            } else {
                before(panic);
            }
        }));
    });
}
