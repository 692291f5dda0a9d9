//! `motcua directory`: agencies, procedures, calendars and officers.

use crate::args::Directory;
use crate::args::DirectoryFile;
use crate::args::DirectoryPublish;
use crate::args::DirectoryShow;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Directory) -> Result<Exit, Failure> {
    match command {
        Directory::Check(args) => check(context, args),
        Directory::Import(args) => import(context, args),
        Directory::Publish(args) => publish(context, args),
        Directory::Show(args) => show(context, args),
    }
}

fn check(_context: &Context, _args: &DirectoryFile) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua directory check"))
}

fn import(_context: &Context, _args: &DirectoryFile) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua directory import"))
}

fn publish(_context: &Context, _args: &DirectoryPublish) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua directory publish"))
}

fn show(_context: &Context, _args: &DirectoryShow) -> Result<Exit, Failure> {
    Err(Failure::not_in_this_version("motcua directory show"))
}
