//! `motcua scan`: scans of papers. A later step brings it.

use crate::args::Scan;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs one of the commands.
pub(crate) fn run(_context: &Context, command: &Scan) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version(match command {
        Scan::Add(_) => "motcua scan add",
        Scan::List => "motcua scan list",
    }))
}
