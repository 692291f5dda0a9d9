//! `motcua serve`: runs the role that the directory holds.

use crate::args::Serve;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs the command.
pub(crate) fn run(_context: &Context, args: &Serve) -> Result<Exit, Failure> {
    if args.http.is_some() {
        return Err(Failure::not_in_this_version("motcua serve --http"));
    }
    Err(Failure::not_in_this_version("motcua serve"))
}
