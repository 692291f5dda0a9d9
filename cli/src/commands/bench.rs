//! `motcua bench`: measurements. A later step brings it.

use crate::args::Bench;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs one of the commands.
pub(crate) fn run(_context: &Context, command: &Bench) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version(match command {
        Bench::Wire(_) => "motcua bench wire",
        Bench::Link => "motcua bench link",
        Bench::Store => "motcua bench store",
    }))
}
