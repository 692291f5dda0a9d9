//! `motcua dossier act`: does acts, one per line.

use motcua_node::control::Command;

use crate::args::Lines;
use crate::commands::Context;
use crate::commands::dossier::lines;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs the command.
pub(crate) fn run(context: &Context, args: &Lines) -> Result<Exit, Failure> {
    lines::run(context, args, Command::Act { historic: args.historic }, |value| {
        let number = value["number"].as_str().unwrap_or_default().to_owned();
        let status = context.output.text(&format!("status-{}", value["status"]), &[]);
        context.output.text("done-act", &[("number", &number), ("status", &status)])
    })
}
