//! `motcua commune`: a commune node's directory.

use crate::args::Commune;
use crate::args::CommuneInit;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Commune) -> Result<Exit, Failure> {
    match command {
        Commune::Init(args) => init(context, args),
    }
}

fn init(_context: &Context, args: &CommuneInit) -> Result<Exit, Failure> {
    if args.pack.is_some() {
        return Err(Failure::not_in_this_version("motcua commune init --pack"));
    }
    if args.request.is_some() {
        return Err(Failure::not_in_this_version("motcua commune init --request"));
    }
    if args.grant.is_some() {
        return Err(Failure::not_in_this_version("motcua commune init --grant"));
    }
    Err(Failure::not_in_this_version("motcua commune init"))
}
