//! `motcua dossier show`: one dossier whole.

use crate::args::DossierShow;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs the command.
pub(crate) fn run(_context: &Context, _args: &DossierShow) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua dossier show"))
}
