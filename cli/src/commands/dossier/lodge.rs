//! `motcua dossier lodge`: takes dossiers in, one per line.

use motcua_node::control::Command;

use crate::args::Lines;
use crate::commands::Context;
use crate::commands::dossier::lines;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs the command.
pub(crate) fn run(context: &Context, args: &Lines) -> Result<Exit, Failure> {
    lines::run(context, args, Command::Lodge { historic: args.historic }, |value| {
        let text = |key: &str| value[key].as_str().unwrap_or("–").to_owned();
        context.output.text(
            "done-lodge",
            &[
                ("number", &text("number")),
                ("due", &text("due_at")),
                ("code", &text("lookup_code")),
                ("fee", &value["fee_vnd"].to_string()),
            ],
        )
    })
}
