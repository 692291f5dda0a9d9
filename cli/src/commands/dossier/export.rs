//! `motcua dossier export`: every dossier here in canonical form.

use motcua_node::desk::find;
use motcua_node::roles::store_failure;
use serde_json::json;

use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;

/// Runs the command. The form is JSON with or without `--json`: it is for programs.
pub(crate) fn run(context: &Context) -> Result<Exit, Failure> {
    let output = &context.output;
    let mut broken = None;
    let count = office::reader(context.dir()?)?
        .read(|view| {
            find::export_all(view, &mut |value| {
                let printed = output.line(&value, || value.to_string());
                broken = broken.take().or(printed.err());
                broken.is_none() && !output.is_reader_gone()
            })
        })
        .map_err(store_failure)?;
    if let Some(failure) = broken {
        return Err(failure);
    }
    if output.is_json {
        output.summary(json!({ "dossiers": count }), String::new)?;
    }
    Ok(Exit::Done)
}
