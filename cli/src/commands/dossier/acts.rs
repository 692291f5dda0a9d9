//! `motcua dossier acts`: the act table, from the same table that the code uses.

use motcua_node::dossier::act::Kind;
use motcua_node::i18n;
use motcua_node::i18n::Language;
use serde_json::Value;
use serde_json::json;

use crate::args::DossierActs;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Runs the command. `--help` gives the same table: whoever asks for help here wants the acts.
pub(crate) fn run(context: &Context, _args: &DossierActs) -> Result<Exit, Failure> {
    context.output.result(acts_json(), || acts_table(context.output.language))?;
    Ok(Exit::Done)
}

/// The act table as people read it, in the order of the law's table.
pub(crate) fn acts_table(language: Language) -> String {
    let title = i18n::text(language, "acts-title", &[]);
    let rows = Kind::ALL.iter().map(|kind| format!("  {}", kind.name()));
    std::iter::once(title).chain(rows).collect::<Vec<_>>().join("\n")
}

fn acts_json() -> Value {
    let acts: Vec<Value> = Kind::ALL.iter().map(|kind| json!({ "act": kind.name() })).collect();
    json!({ "acts": acts })
}
