//! The province's directory in a world: the sample's rules with few offices and procedures, and versions of it that
//! differ in what they make of a dossier.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a helper that fails must fail its test")]

use motcua_node::directory::Directory;
use motcua_node::directory::fault::ParseBounds;
use motcua_node::directory::sample::SAMPLE;
use serde_json::Value;
use serde_json::json;

/// Seats with a machine of their own, in the order in which they get one.
pub const NODE_SEATS: [&str; 14] = [
    "H27.101", "H27.102", "H27.103", "H27.104", "H27.105", "H27.106", "H27.107", "H27.108", "H27.109",
    "H27.110", "H27.111", "H27.112", "H27.113", "H27.114",
];
/// Departments whose officers work on the province's machine.
pub const HOSTED: [&str; 2] = ["H27.02", "H27.03"];
/// The seat of the machine whose owner means harm.
pub const ADVERSARY: &str = "H27.115";
/// The province itself.
pub const PROVINCE: &str = "H27";

const PROCEDURES: [&str; 4] = ["1.001193", "2.000488", "1.004884", "1.009994"];

/// A version's file, from version 1 on.
///
/// # Panics
/// The sample is not what it was.
#[must_use]
pub fn text(version: u32) -> String {
    let lines = SAMPLE.lines().filter(|line| line.starts_with('{')).filter_map(|line| {
        let mut record: Value = serde_json::from_str(line).expect("a line of the sample");
        let word = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_kept = match word("kind").as_str() {
            "province" | "rule_set" | "calendar" | "workflow" => true,
            "agency" => is_seat(&word("code")),
            "procedure" => PROCEDURES.contains(&word("code").as_str()),
            "officer" => word("id").split_once('/').is_some_and(|(seat, _)| is_seat(seat)),
            _ => false,
        };
        // Another version gives other terms, so that the same request is due at another time.
        let is_changed = word("code") == "1.004884" || word("code") == "2.000488";
        if is_changed && word("kind") == "procedure" {
            record["term"] = json!({ "unit": "working_days", "amount": 10 + version % 17 });
        }
        is_kept.then(|| record.to_string())
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// The first version.
///
/// # Panics
/// It cannot be read.
#[must_use]
pub fn first() -> Directory {
    Directory::parse(&text(1), &ParseBounds::default()).expect("a directory")
}

fn is_seat(code: &str) -> bool {
    code == PROVINCE || code == ADVERSARY || NODE_SEATS.contains(&code) || HOSTED.contains(&code)
}
