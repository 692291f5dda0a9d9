//! `motcua doctor`: finds what a person here can fix. A later step brings it.

use crate::args::Doctor;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs the command.
pub(crate) fn run(_context: &Context, _args: &Doctor) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua doctor"))
}
