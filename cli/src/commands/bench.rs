//! `motcua bench`: measurements. Links and stores come with a later step.

mod peers;
mod wire;

use crate::args::Bench;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Bench) -> Result<Exit, Failure> {
    match command {
        Bench::Wire(args) => wire::run(context, args),
        Bench::Link => Err(Failure::not_in_this_version("motcua bench link")),
        Bench::Store => Err(Failure::not_in_this_version("motcua bench store")),
    }
}
