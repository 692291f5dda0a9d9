//! `motcua demo`: a whole province on this machine, with a line that is cut and restored.

use crate::args::Demo;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs the command.
pub(crate) fn run(_context: &Context, _args: &Demo) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua demo"))
}
