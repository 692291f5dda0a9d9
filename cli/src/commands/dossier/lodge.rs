//! `motcua dossier lodge`: takes dossiers in, one per line.

use motcua_node::control::Command;
use serde_json::Value;

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
    lines::run(context, args, Command::Lodge { historic: args.historic }, &people, |value| {
        people.watermarked(text(&people, value))
    })
}

/// What the citizen is told.
fn text(people: &People<'_>, value: &Value) -> String {
    let due =
        if value["due_at"].is_null() { people.text("due-none", &[]) } else { people::time(&value["due_at"]) };
    people.text(
        "done-lodge",
        &[
            ("number", people::word(&value["number"])),
            ("due", &due),
            ("code", people::word(&value["lookup_code"])),
            ("fee", &people::money(&value["fee_vnd"])),
        ],
    )
}
