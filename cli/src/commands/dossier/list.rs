//! `motcua dossier list`: lists and searches.

use motcua_node::clock;
use motcua_node::clock::Clock;
use motcua_node::clock::SystemClock;
use motcua_node::desk::find;
use motcua_node::roles::store_failure;
use motcua_node::store::dossiers::ListFilter;
use motcua_node::store::projection::DossierRow;
use serde_json::json;

use crate::args::DossierList;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;
use crate::people::People;

/// Columns before the last ones, which take what they need: number, due date and holder.
const WIDTHS: [usize; 3] = [25, 16, 24];

/// Runs the command.
pub(crate) fn run(context: &Context, args: &DossierList) -> Result<Exit, Failure> {
    let output = &context.output;
    let people = People::of(context);
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
                    let text = line(&people, row);
                    if shown == 1 {
                        people.watermarked(format!("{}\n{text}", heading(&people)))
                    } else {
                        text
                    }
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
        let key = if shown == matching { "done-list" } else { "done-list-part" };
        let (shown, matching) = (shown.to_string(), matching.to_string());
        output.text(key, &[("count", &shown), ("shown", &shown), ("matching", &matching)])
    })?;
    Ok(Exit::Done)
}

fn heading(people: &People<'_>) -> String {
    let says = |key| people.text(key, &[]);
    let last = format!("{} | {}", says("list-heading-status"), says("list-heading-owner"));
    let first = [says("list-heading-number"), says("list-heading-due"), says("list-heading-holder")];
    columns(&first.each_ref().map(String::as_str), &last)
}

fn line(people: &People<'_>, row: &DossierRow) -> String {
    let due = row.due_at.map_or_else(|| "–".to_owned(), clock::for_people);
    let holder =
        row.holder.as_ref().map_or_else(|| "–".to_owned(), |seat| people.agency_short(seat.as_str()));
    let mut last = format!("{} | {}", people.status(row.status), row.owner_name.as_deref().unwrap_or("–"));
    if row.needs_person {
        last = format!("{last} | {}", people.text("list-needs-person", &[]));
    }
    columns(&[row.number.as_deref().unwrap_or("–"), &due, &holder], &last)
}

fn columns(first: &[&str; 3], last: &str) -> String {
    let padded = first.iter().zip(WIDTHS).map(|(text, width)| format!("{text:<width$}  "));
    format!("{}{last}", padded.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_pushes_the_next_ones_and_loses_nothing() {
        assert_eq!(columns(&["a", "b", "c"], "d").chars().count(), 25 + 16 + 24 + 6 + 1);
        let long = "Ủy ban nhân dân xã có một cái tên rất dài";
        assert!(columns(&["a", "b", long], "d").ends_with(&format!("{long}  d")));
    }
}
