//! What the officers of a world do: lines to lodge, and acts that mostly fit where a dossier stands.

#![allow(clippy::indexing_slicing, reason = "a helper that fails must fail its test")]

use motcua_node::store::projection::DossierRow;
use serde_json::Value;
use serde_json::json;

use crate::faults::chance::Chance;

/// Seats with a machine of their own.
pub const NODE_SEATS: [&str; 4] = ["H27.101", "H27.102", "H27.103", "H27.104"];
/// A department whose officers work on the province's machine.
pub const HOSTED: &str = "H27.02";

/// A line for `dossier lodge` at this seat.
#[must_use]
pub fn lodging(chance: &mut Chance, seat: &str, request_id: &str) -> String {
    let mut line = json!({
        "request_id": request_id,
        "procedure": "1.001193",
        "officer": format!("{seat}/03"),
        "owner": { "kind": "citizen", "name": format!("Nguyễn Văn Thử {request_id}") },
        "summary": "hồ sơ thử",
    });
    match chance.below(4) {
        0 => line["competent"] = json!(chance.pick(&NODE_SEATS)),
        1 => {
            line["procedure"] = json!("2.000488");
            line["papers"] =
                json!([{ "name": "Tờ khai theo mẫu", "kind": "original", "copies": 1, "pages": 2 }]);
        }
        _ => {}
    }
    line.to_string()
}

/// A line for `dossier act` by an officer of this seat, for a dossier as the seat's machine lists it.
#[must_use]
pub fn act(chance: &mut Chance, seat: &str, row: &DossierRow) -> String {
    let number = row.number.clone().unwrap_or_default();
    let holder = row.holder.as_ref().map(ToString::to_string).unwrap_or_default();
    let is_ours = holder == seat;
    let by = |act: &str, officer: &str, more: Value| {
        let mut line = json!({ "number": number, "act": act, "officer": format!("{seat}/{officer}") });
        if let (Some(line), Some(more)) = (line.as_object_mut(), more.as_object()) {
            line.extend(more.clone());
        }
        line.to_string()
    };
    let plain = |act: &str, officer: &str| by(act, officer, json!({}));
    let note =
        |chance: &mut Chance| by("note", "03", json!({ "note": format!("ghi chú {}", chance.below(1000)) }));
    let decline = || by("decline", "02", json!({ "reason": "không thuộc thẩm quyền" }));
    let transfer = |chance: &mut Chance| {
        let others: Vec<&str> = NODE_SEATS.into_iter().filter(|other| *other != seat).collect();
        let to = if chance.percent(25) { HOSTED } else { others[chance.place(others.len())] };
        by("transfer", "03", json!({ "to": to }))
    };
    let supplement = || {
        by(
            "request_supplement",
            "04",
            json!({ "items": [{ "what": "bản sao" }], "approved_by": format!("{seat}/01") }),
        )
    };
    let rename = |chance: &mut Chance| {
        by(
            "correct_field",
            "03",
            json!({ "field": "owner.name", "value": format!("Trần Thị Thử {}", chance.below(50)) }),
        )
    };
    match (row.custody.as_str(), is_ours) {
        ("in_transit", true) => {
            if chance.percent(80) {
                plain("take_over", "03")
            } else {
                decline()
            }
        }
        ("in_transit", false) => {
            if chance.percent(50) {
                plain("recall", "03")
            } else {
                note(chance)
            }
        }
        ("to_return", true) => plain("return_result", "06"),
        ("held", true) if row.status == 5 => plain("receive_supplement", "03"),
        ("held", true) => match chance.below(12) {
            0..=2 => plain("move_step", "03"),
            3..=5 => transfer(chance),
            6 => supplement(),
            7 => plain("sign", "01"),
            8 | 9 => plain("finish", "04"),
            10 => rename(chance),
            _ => note(chance),
        },
        (_, _) => {
            if chance.percent(85) {
                note(chance)
            } else {
                plain("finish", "04")
            }
        }
    }
}
