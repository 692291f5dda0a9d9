//! `motcua bundle`: the USB stick. A later step brings it.

use crate::args::Bundle;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs one of the commands.
pub(crate) fn run(_context: &Context, command: &Bundle) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version(match command {
        Bundle::Export(_) => "motcua bundle export",
        Bundle::Inspect(_) => "motcua bundle inspect",
        Bundle::Import(_) => "motcua bundle import",
    }))
}
