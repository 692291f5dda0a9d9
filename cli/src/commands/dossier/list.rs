//! `motcua dossier list`: lists and searches.

use motcua_node::clock::Clock;
use motcua_node::clock::SystemClock;
use motcua_node::desk::find;
use motcua_node::roles::store_failure;
use motcua_node::store::dossiers::ListFilter;
use serde_json::json;

use crate::args::DossierList;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;

/// Runs the command.
pub(crate) fn run(context: &Context, args: &DossierList) -> Result<Exit, Failure> {
    let output = &context.output;
    let filter = ListFilter {
        status: args.status,
        holder: args.holder.clone(),
        overdue_at: args.overdue.then(|| SystemClock::new().wall()),
        needs_person: args.needs_person,
        query: args.query.clone(),
        after: None,
        limit: args.limit.and_then(|limit| usize::try_from(limit).ok()),
    };
    let mut shown = 0u64;
    let mut broken = None;
    let matching = office::reader(context.dir()?)?
        .read(|view| {
            find::list(view, &filter, &mut |row| {
                shown += 1;
                let printed = output.line(&find::row_json(row), || {
                    let status = output.text(&format!("status-{}", row.status), &[]);
                    let number = row.number.as_deref().unwrap_or("–");
                    format!("{number}  {status}  {}", row.owner_name.as_deref().unwrap_or("–"))
                });
                broken = broken.take().or(printed.err());
                broken.is_none() && !output.is_reader_gone()
            })
        })
        .map_err(store_failure)?;
    if let Some(failure) = broken {
        return Err(failure);
    }
    output.summary(json!({ "shown": shown, "matching": matching }), || {
        output.text("done-list", &[("shown", &shown.to_string()), ("matching", &matching.to_string())])
    })?;
    Ok(Exit::Done)
}
