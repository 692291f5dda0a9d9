//! `motcua dossier act`: does acts, one per line.

use motcua_node::control::Command;

use crate::args::Lines;
use crate::commands::Context;
use crate::commands::dossier::lines;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::people;
use crate::people::People;

/// Runs the command.
pub(crate) fn run(context: &Context, args: &Lines) -> Result<Exit, Failure> {
    let people = People::of(context);
    lines::run(context, args, Command::Act { historic: args.historic }, &people, |value| {
        people.text(
            "done-act",
            &[
                ("number", people::word(&value["number"])),
                ("status", &people.status(&value["status"])),
                ("custody", &people.custody(&value["custody"])),
            ],
        )
    })
}
