//! `motcua dossier`: taking in, acting on, looking at and exporting dossiers.

pub(crate) mod act;
pub(crate) mod acts;
pub(crate) mod export;
pub(crate) mod lines;
pub(crate) mod list;
pub(crate) mod lodge;
pub(crate) mod show;

use crate::args::Dossier;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs one of the commands.
pub(crate) fn run(context: &Context, command: &Dossier) -> Result<Exit, Failure> {
    match command {
        Dossier::Lodge(args) => lodge::run(context, args),
        Dossier::Act(args) => act::run(context, args),
        Dossier::Show(args) => show::run(context, args),
        Dossier::List(args) => list::run(context, args),
        Dossier::Acts(args) => acts::run(context, args),
        Dossier::Export => export::run(context),
    }
}
