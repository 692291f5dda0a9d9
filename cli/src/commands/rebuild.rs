//! `motcua rebuild`: computes every view again from the log.

use motcua_node::roles::store_failure;
use serde_json::json;

use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;

/// Runs the command.
pub(crate) fn run(context: &Context) -> Result<Exit, Failure> {
    let office = office::alone(context)?;
    let dossiers = office.store.write(|tx| tx.rebuild()).map_err(store_failure)?;
    context.output.result(json!({ "dossiers": dossiers }), || {
        context.output.text("done-rebuild", &[("count", &dossiers.to_string())])
    })?;
    Ok(Exit::Done)
}
