//! `motcua enrol`: machines of communes, at the province.

use crate::args::Enrol;
use crate::args::EnrolBan;
use crate::args::EnrolGrant;
use crate::args::EnrolNew;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Enrol) -> Result<Exit, Failure> {
    match command {
        Enrol::New(args) => new(context, args),
        Enrol::Grant(args) => grant(context, args),
        Enrol::List => list(context),
        Enrol::Ban(args) => ban(context, args),
    }
}

fn new(_context: &Context, args: &EnrolNew) -> Result<Exit, Failure> {
    if args.pack.is_some() {
        return Err(Failure::not_in_this_version("motcua enrol new --pack"));
    }
    Err(Failure::not_in_this_version("motcua enrol new"))
}

fn grant(_context: &Context, _args: &EnrolGrant) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua enrol grant"))
}

fn list(_context: &Context) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua enrol list"))
}

fn ban(_context: &Context, _args: &EnrolBan) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua enrol ban"))
}
