//! `motcua dossier acts`: the act table, from the same table that the code uses.

use motcua_node::dossier::act::Kind;
use motcua_node::dossier::table::COMMON_KEYS;
use motcua_node::dossier::table::Row;
use motcua_node::dossier::table::row_of;
use motcua_node::i18n;
use motcua_node::i18n::Language;
use serde_json::Value;
use serde_json::json;

use crate::args::DossierActs;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;

/// Columns of the table for people.
const COLUMNS: usize = 6;

/// Runs the command. `--help` gives the same table: whoever asks for help here wants the acts.
pub(crate) fn run(context: &Context, _args: &DossierActs) -> Result<Exit, Failure> {
    context.output.result(acts_json(), || acts_table(context.output.language))?;
    Ok(Exit::Done)
}

/// The act table as people read it, in the order of the law's table: act, row of the law's table, statuses,
/// who may, and the keys of its line; acts of later versions are marked.
pub(crate) fn acts_table(language: Language) -> String {
    let says = |key: &str| i18n::text(language, key, &[]);
    let heading = [
        says("acts-act"),
        says("acts-name"),
        "T".to_owned(),
        says("acts-status"),
        says("acts-who"),
        says("acts-keys"),
    ];
    let mut rows = vec![heading];
    rows.extend(Kind::ALL.iter().map(|kind| cells(language, &row_of(*kind))));
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| width(&rows, column));
    let mut lines = vec![says("acts-title")];
    lines.extend(rows.iter().map(|row| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("  {}", padded.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    }));
    lines.push(i18n::text(language, "acts-common-keys", &[("keys", &COMMON_KEYS.join(", "))]));
    lines.push(says("acts-later-note"));
    lines.join("\n")
}

fn width(rows: &[[String; COLUMNS]], column: usize) -> usize {
    rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
}

fn cells(language: Language, row: &Row) -> [String; COLUMNS] {
    let statuses = |list: &[u8]| list.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    let from = if row.from.is_empty() { "*".to_owned() } else { statuses(row.from) };
    let status = row.to.map_or_else(|| from.clone(), |to| format!("{from} → {to}"));
    let who = i18n::text(language, &format!("acts-who-{}", row.who.name().replace('_', "-")), &[]);
    let optional = row.optional.iter().map(|key| format!("[{key}]"));
    let keys: Vec<String> = row.required.iter().map(|key| (*key).to_owned()).chain(optional).collect();
    let mark = if row.is_working { "" } else { " *" };
    let name = i18n::text(language, &i18n::act_key(row.kind.name()), &[]);
    [format!("{}{mark}", row.kind.name()), name, row.basis.to_owned(), status, who, keys.join(" ")]
}

fn acts_json() -> Value {
    let acts: Vec<Value> = Kind::ALL
        .iter()
        .map(|kind| {
            let row = row_of(*kind);
            json!({
                "act": kind.name(),
                "basis": row.basis,
                "from": row.from,
                "to": row.to,
                "who": row.who.name(),
                "required": row.required,
                "optional": row.optional,
                "in_this_version": row.is_working,
            })
        })
        .collect();
    json!({ "common": COMMON_KEYS, "acts": acts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_stands_in_the_table_in_both_languages_with_words_for_all() {
        for language in Language::ALL {
            let table = acts_table(language);
            assert!(!table.contains("acts-") && !table.contains("kind-"), "{table}");
            for kind in Kind::ALL {
                assert!(
                    table.lines().any(|line| line.trim_start().starts_with(kind.name())),
                    "{}",
                    kind.name()
                );
            }
        }
    }

    #[test]
    fn json_names_who_may_when_and_with_what() {
        let value = acts_json();
        let acts = value["acts"].as_array().unwrap();
        let finish = acts.iter().find(|act| act["act"] == "finish").unwrap();
        assert_eq!(
            (&finish["from"], &finish["to"], &finish["who"]),
            (&json!([4]), &json!(9), &json!("holder"))
        );
        assert_eq!(finish["in_this_version"], true);
    }
}
