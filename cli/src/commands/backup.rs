//! `motcua backup`: copies for the bad day. A later step brings it.

use crate::args::Backup;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs one of the commands.
pub(crate) fn run(_context: &Context, command: &Backup) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version(match command {
        Backup::Create(_) => "motcua backup create",
        Backup::Restore(_) => "motcua backup restore",
        Backup::Verify(_) => "motcua backup verify",
    }))
}
