//! `motcua dossier list`: lists and searches.

use crate::args::DossierList;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs the command.
pub(crate) fn run(_context: &Context, _args: &DossierList) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua dossier list"))
}
