//! `motcua dossier lodge`: takes dossiers in, one per line.

use crate::args::Lines;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs the command.
pub(crate) fn run(_context: &Context, _args: &Lines) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua dossier lodge"))
}
