//! `motcua quarantine`: what the province kept and did not apply; a person decides.

use crate::args::Quarantine;
use crate::args::QuarantineRefuse;
use crate::args::QuarantineRelease;
use crate::args::QuarantineVoid;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Quarantine) -> Result<Exit, Failure> {
    match command {
        Quarantine::List => list(context),
        Quarantine::Release(args) => release(context, args),
        Quarantine::Void(args) => void(context, args),
        Quarantine::Refuse(args) => refuse(context, args),
    }
}

fn list(_context: &Context) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua quarantine list"))
}

fn release(_context: &Context, _args: &QuarantineRelease) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua quarantine release"))
}

fn void(_context: &Context, _args: &QuarantineVoid) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua quarantine void"))
}

fn refuse(_context: &Context, _args: &QuarantineRefuse) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua quarantine refuse"))
}
