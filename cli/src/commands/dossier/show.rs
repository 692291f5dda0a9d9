//! `motcua dossier show`: one dossier whole.

use motcua_node::desk::find;
use motcua_node::i18n;
use motcua_node::i18n::Language;
use motcua_node::roles::store_failure;
use serde_json::Value;

use crate::args::DossierShow;
use crate::commands::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::office;
use crate::people;
use crate::people::People;
use crate::people::key_of;
use crate::people::word;

/// Runs the command.
pub(crate) fn run(context: &Context, args: &DossierShow) -> Result<Exit, Failure> {
    let reader = office::reader(context.dir()?)?;
    let role = reader.identity().map_err(store_failure)?.role;
    let value = reader.read(|view| find::show(view, role, &args.number)).map_err(store_failure)?;
    let people = People::of(context);
    let text = text(&people, context.output.language, &value);
    context.output.result(value, || people.watermarked(text))?;
    Ok(Exit::Done)
}

/// The dossier as a person reads it: the facts of the slip, then content, papers, history, what waits.
fn text(people: &People<'_>, language: Language, value: &Value) -> String {
    let mut lines = vec![format!("{}  {}", word(&value["number"]), people.status(&value["status"]))];
    if value["is_computable"] == false {
        lines.push(format!("  ! {}", people.text("show-not-computable", &[])));
    }
    let facts = facts(people, value);
    lines.extend(facts.into_iter().map(|(key, shown)| format!("  {}: {shown}", people.text(key, &[]))));
    let procedure = word(&value["procedure"]);
    let sections = [
        ("show-fields", fields(people, value)),
        ("show-papers", papers(people, value)),
        (
            "show-acts",
            members(&value["acts"]).flat_map(|act| act_lines(people, language, procedure, act)).collect(),
        ),
        ("show-items", members(&value["items"]).map(|item| item_line(people, procedure, item)).collect()),
    ];
    for (key, shown) in sections.into_iter().filter(|(_, shown)| !shown.is_empty()) {
        lines.push(format!("{}:", people.text(key, &[])));
        lines.extend(shown.into_iter().map(|line| format!("  {line}")));
    }
    lines.join("\n")
}

/// Name and value of each fact that is known.
fn facts(people: &People<'_>, value: &Value) -> Vec<(&'static str, String)> {
    let agency = |key: &str| value[key].as_str().map(|code| people.agency(code));
    let time = |value: &Value| value.is_string().then(|| people::time(value));
    let procedure = format!("{} {}", word(&value["procedure"]), word(&value["procedure_name"]));
    [
        ("show-procedure", Some(procedure)),
        ("show-receiving", agency("receiving")),
        ("show-competent", agency("competent")),
        ("show-return-at", agency("return_at")),
        ("show-custody", Some(people.custody(&value["custody"]))),
        ("show-assignee", value["assignee"].as_str().map(|officer| people.officer(officer))),
        ("show-received", time(&value["received_at"])),
        ("show-due", Some(time(&value["due"]["at"]).unwrap_or_else(|| people.text("due-none", &[])))),
        ("show-finished", time(&value["finished_at"])),
        ("show-returned", time(&value["returned_at"])),
        ("show-code", value["lookup_code"].as_str().map(str::to_owned)),
        ("show-ladder", Some(ladder(people, &value["ladder"]))),
    ]
    .into_iter()
    .filter_map(|(key, shown)| Some((key, shown?)))
    .collect()
}

/// Every step of the way, those not reached yet marked as such in words.
fn ladder(people: &People<'_>, ladder: &Value) -> String {
    let steps = members(&ladder["steps"]).map(|step| {
        let proof = step["proof"].as_u64().filter(|_| step["proved"] == true).map(|proof| proof.to_string());
        let seats: Vec<String> =
            members(&step["seats"]).map(|seat| people.agency_short(word(seat)).to_owned()).collect();
        let said = match (word(&step["stage"]), proof) {
            ("at_province", Some(proof)) => people.text("ladder-proved", &[("proof", &proof)]),
            ("taken_over", _) if seats.is_empty() => people.text("ladder-taken-over-nobody", &[]),
            _ => people.text(&key_of("ladder", &step["stage"]), &[("seats", &seats.join(", "))]),
        };
        if step["reached"] == true { said } else { people.text("ladder-not-yet", &[("step", &said)]) }
    });
    steps.collect::<Vec<_>>().join(" → ")
}

/// The request first, then who asks for it, each in the order of a form.
fn fields(people: &People<'_>, value: &Value) -> Vec<String> {
    let mut fields: Vec<(&String, &Value)> = value["fields"].as_object().into_iter().flatten().collect();
    fields.sort_by_key(|(name, _)| place_on_form(name));
    fields
        .into_iter()
        .map(|(name, values)| {
            let label = people.field_of(word(&value["procedure"]), name);
            let values: Vec<String> =
                members(values).map(|one| people.field_value(name, word(&one["value"]))).collect();
            format!("{label}: {}", values.join("  ≠  "))
        })
        .collect()
}

/// Where a field stands: fields of the procedure come last, in order of their names.
fn place_on_form(name: &str) -> (usize, usize) {
    const PARTS: [&str; 3] = ["summary", "owner", "submitter"];
    const KEYS: [&str; 8] = ["kind", "name", "dob", "sex", "id_type", "id_no", "phone", "email"];
    let (part, key) = name.split_once('.').unwrap_or((name, ""));
    let place = |list: &[&str], word: &str| list.iter().position(|one| *one == word).unwrap_or(list.len());
    (place(&PARTS, part), place(&KEYS, key))
}

fn papers(people: &People<'_>, value: &Value) -> Vec<String> {
    members(&value["papers"])
        .map(|paper| {
            let kind = people.text(&key_of("paper-kind", &paper["kind"]), &[]);
            let copies = paper["copies"].to_string();
            people.text("show-paper", &[("name", word(&paper["name"])), ("kind", &kind), ("count", &copies)])
        })
        .collect()
}

/// One act: when, who, what; below it why it does not count, with the id by which a person settles it.
fn act_lines(people: &People<'_>, language: Language, procedure: &str, act: &Value) -> Vec<String> {
    let said = |key: &str, name: &str| act[name].as_str().map(|value| people.text(key, &[(name, value)]));
    let to = act["to"].as_str().map(|code| people.text("show-to", &[("to", &people.agency(code))]));
    let assignee = act["assignee"].as_str().map(|id| people.officer(id));
    let field = act["field"].as_str().map(|name| people.field_of(procedure, name));
    let step = act["step"].as_str().map(|code| people.step(procedure, code));
    let reason = act["reason_text"].as_str();
    let occurred = act["occurred_at"].is_string().then(|| people::time(&act["occurred_at"]));
    let listed = |key: &str| members(&act[key]).map(|one| word(&one["what"]).to_owned()).collect::<Vec<_>>();
    let details = [
        to,
        assignee.map(|assignee| people.text("show-assigned", &[("assignee", &assignee)])),
        step.map(|step| people.text("show-step", &[("step", &step)])),
        act["result"].as_str().map(|result| people.text(&format!("show-result-{result}"), &[])),
        field.map(|field| people.text("show-changed-field", &[("field", &field)])),
        reason.map(|reason| people.text("show-reason", &[("reason", reason)])),
        Some([listed("reasons"), listed("items")].concat().join("; ")).filter(|listed| !listed.is_empty()),
        said("show-basis", "basis"),
        said("show-note", "note"),
        occurred.map(|at| people.text("show-occurred", &[("at", &at)])),
        (act["historic"] == true).then(|| people.text("show-historic", &[])),
    ];
    let details: Vec<String> = details.into_iter().flatten().collect();
    let mut line = format!(
        "{}  {}  {}",
        people::time(&act["recorded_at"]),
        people.act(word(&act["act"])),
        people.officer(word(&act["officer"])),
    );
    if !details.is_empty() {
        line = format!("{line}; {}", details.join("; "));
    }
    let mut lines = vec![line];
    if act["standing"] != "counts" {
        let standing = people.text(&key_of("standing", &act["standing"]), &[]);
        let why = act["reason"].as_str().map(|code| i18n::say_past(language, code)).unwrap_or_default();
        lines.push(format!("    ! {standing}: {why}"));
        lines.push(format!("      {}", people.text("show-act-id", &[("id", word(&act["id"]))])));
    }
    lines
}

fn item_line(people: &People<'_>, procedure: &str, item: &Value) -> String {
    let settle_by = people.agency(item["settle_by"].as_str().unwrap_or("none"));
    let field = item["field"].as_str().map(|name| people.field_of(procedure, name)).unwrap_or_default();
    let count = match (item["values"].as_array(), item["dossiers"].as_u64()) {
        (Some(values), _) => values.len().to_string(),
        (None, dossiers) => dossiers.unwrap_or_default().to_string(),
    };
    let args = [("settle_by", settle_by.as_str()), ("field", field.as_str()), ("count", count.as_str())];
    people.text(&key_of("item", &item["kind"]), &args)
}

fn members(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::Output;

    fn contested() -> Value {
        json!({
            "number": "H27.101-260302-1010001", "status": 4, "is_computable": true,
            "procedure": "1.001193", "procedure_name": "Đăng ký khai sinh",
            "custody": {"kind": "held", "holder": "H27.101"}, "due": null,
            "ladder": {"stage": "at_province", "steps": [
                {"stage": "saved", "reached": true},
                {"stage": "at_province", "reached": true, "proved": true, "proof": 1187},
                {"stage": "taken_over", "reached": false, "seats": []},
                {"stage": "decided", "reached": false},
            ]},
            "fields": {"owner.name": [{"value": "Nguyễn Văn Thử"}, {"value": "Nguyễn Văn Thứ"}], "summary": [{"value": "x"}]},
            "papers": [],
            "acts": [
                {"id": "aa.0", "act": "transfer", "standing": "contested", "reason": "act-done-apart", "officer": "H27.101/02",
                 "recorded_at": "2026-03-02T07:35:32+07:00", "to": "H27.102", "note": "gấp", "historic": true},
                {"id": "bb.0", "act": "take_over", "standing": "void", "reason": "act-not-transferred-here",
                 "officer": "H27.103/02", "recorded_at": "2026-03-02T08:00:00+07:00"},
                {"id": "cc.0", "act": "note", "standing": "counts", "officer": "H27.101/02",
                 "recorded_at": "2026-03-02T09:00:00+07:00", "note": "gọi điện"},
            ],
            "items": [
                {"case": "C8", "kind": "contested_acts", "acts": ["aa.0", "bb.0"], "settle_by": null},
                {"case": "C9", "kind": "contested_field", "field": "owner.name", "values": [1, 2]},
                {"case": "C6", "kind": "duplicate_number", "dossiers": 2},
            ],
        })
    }

    #[test]
    fn what_does_not_count_says_why_and_by_which_id_it_is_settled() {
        for language in Language::ALL {
            let output = Output::new(language, false);
            let said = text(&People::without_directory(&output), language, &contested());
            assert!(!said.contains('{') && !said.contains("2026-03-02"), "{said}");
            for raw in
                ["contested", "take_over", "taken_over", "act-done-apart", "item-", "ladder-", "standing-"]
            {
                assert!(
                    language == Language::En && raw == "contested" || !said.contains(raw),
                    "{raw} in {said}"
                );
            }
            for part in
                ["02/03/2026 07:35", "aa.0", "bb.0", "1187", "gấp", "Nguyễn Văn Thử  ≠  Nguyễn Văn Thứ"]
            {
                assert!(said.contains(part), "{part} in {said}");
            }
            assert!(!said.contains("cc.0"), "an act that counts needs no id: {said}");
            let not_transferred = i18n::say_past(language, "act-not-transferred-here");
            assert!(said.contains(&not_transferred), "{said}");
        }
    }

    #[test]
    fn steps_that_are_not_reached_are_marked_in_words() {
        let output = Output::new(Language::Vi, false);
        let said = ladder(&People::without_directory(&output), &contested()["ladder"]);
        assert_eq!(
            said,
            "Đã lưu tại máy của đơn vị → Tỉnh đã có (xác nhận của tỉnh số 1187) → \
             Đơn vị giải quyết đã nhận (chưa) → Có kết quả (chưa)"
        );
    }

    #[test]
    fn fields_stand_in_the_order_of_a_form() {
        let mut names = ["fields.a", "owner.phone", "submitter.name", "owner.name", "summary", "owner.dob"];
        names.sort_by_key(|name| place_on_form(name));
        assert_eq!(
            names,
            ["summary", "owner.name", "owner.dob", "owner.phone", "submitter.name", "fields.a"]
        );
    }
}
