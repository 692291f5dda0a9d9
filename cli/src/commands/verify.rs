//! `motcua verify`: recomputes chains, digests and views and compares.

use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs the command.
pub(crate) fn run(_context: &Context) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua verify"))
}
