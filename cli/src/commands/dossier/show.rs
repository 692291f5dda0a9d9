//! `motcua dossier show`: one dossier whole.

use motcua_node::desk::find;
use motcua_node::i18n;
use motcua_node::refusal::Refusal;
use motcua_node::roles::store_failure;
use serde_json::Value;

use crate::args::DossierShow;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;

/// Runs the command.
pub(crate) fn run(context: &Context, args: &DossierShow) -> Result<Exit, Failure> {
    let reader = office::reader(context.dir()?)?;
    let role = reader.identity().map_err(store_failure)?.role;
    let value = reader.read(|view| find::show(view, role, &args.number)).map_err(store_failure)?;
    let text = text(context, &value);
    context.output.result(value, || text)?;
    Ok(Exit::Done)
}

fn text(context: &Context, value: &Value) -> String {
    let output = &context.output;
    let word = |value: &Value| value.as_str().unwrap_or("–").to_owned();
    let mut lines = vec![format!(
        "{}  {}",
        word(&value["number"]),
        output.text(&format!("status-{}", value["status"]), &[])
    )];
    let mut add = |key: &str, shown: String| lines.push(format!("  {}: {shown}", output.text(key, &[])));
    add("show-procedure", format!("{} {}", word(&value["procedure"]), word(&value["procedure_name"])));
    add("show-receiving", word(&value["receiving"]));
    add("show-competent", word(&value["competent"]));
    add("show-return-at", word(&value["return_at"]));
    let custody = &value["custody"];
    let places: Vec<String> = ["holder", "from", "to", "agency", "by", "place"]
        .iter()
        .filter_map(|key| custody[*key].as_str().map(str::to_owned))
        .collect();
    let kind = output.text(&format!("custody-{}", word(&custody["kind"]).replace('_', "-")), &[]);
    add("show-custody", format!("{kind} {}", places.join(" → ")));
    add("show-due", word(&value["due"]["at"]));
    add(
        "show-ladder",
        output.text(&format!("ladder-{}", word(&value["ladder"]["stage"]).replace('_', "-")), &[]),
    );
    for (name, values) in value["fields"].as_object().into_iter().flatten() {
        let values: Vec<String> =
            values.as_array().into_iter().flatten().map(|one| word(&one["value"])).collect();
        lines.push(format!("  {name} = {}", values.join("  ≠  ")));
    }
    for act in value["acts"].as_array().into_iter().flatten() {
        let reason = act["reason"].as_str().map(|code| {
            let said = i18n::say(
                output.language,
                &Refusal { code: code.to_owned().into(), field: None, args: Vec::new() },
            );
            format!("  [{}: {}]", word(&act["standing"]), said.message)
        });
        lines.push(format!(
            "  {}  {}  {}{}",
            word(&act["recorded_at"]),
            word(&act["officer"]),
            word(&act["act"]),
            reason.unwrap_or_default()
        ));
    }
    for item in value["items"].as_array().into_iter().flatten() {
        let key = format!("item-{}", word(&item["kind"]).replace('_', "-"));
        lines.push(format!("  ! {}", output.text(&key, &[])));
    }
    lines.join("\n")
}
