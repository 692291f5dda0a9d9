//! `motcua sync`: the exchange with the province.

use crate::args::Sync;
use crate::args::SyncNow;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Sync) -> Result<Exit, Failure> {
    match command {
        Sync::Now(args) => now(context, args),
        Sync::Status => status(context),
    }
}

fn now(_context: &Context, args: &SyncNow) -> Result<Exit, Failure> {
    if args.scrub {
        return Err(Failure::not_in_this_version("motcua sync now --scrub"));
    }
    Err(Failure::not_in_this_version("motcua sync now"))
}

fn status(_context: &Context) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua sync status"))
}
