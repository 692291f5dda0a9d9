//! `motcua province`: a provincial server's directory.

use crate::args::Province;
use crate::args::ProvinceInit;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Province) -> Result<Exit, Failure> {
    match command {
        Province::Init(args) => init(context, args),
    }
}

fn init(_context: &Context, _args: &ProvinceInit) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua province init"))
}
