//! What an office's officers do next with a dossier, from what their own machine shows them: the demo knows
//! where a dossier is meant to go, but an office acts only on what has reached it.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use crate::commands::demo::stream::Plan;

/// One dossier as an office's machine shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its number.
    pub(crate) number: String,
    /// Its national status.
    pub(crate) status: u64,
    /// Where it is.
    pub(crate) place: Place,
}

/// Where a dossier is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// With this seat.
    Held(String),
    /// On its way to this seat.
    ComingTo(String),
    /// Its result waits at this seat.
    ToReturn(String),
    /// At its end, or somewhere the demo never sends it.
    Elsewhere,
}

impl Seen {
    /// Reads a line of `dossier export`; `None` for what is no dossier.
    pub(crate) fn read(line: &Value) -> Option<Self> {
        let custody = line.get("custody")?;
        let seat = |key| custody.get(key).and_then(Value::as_str).map(str::to_owned);
        let place = match custody.get("kind")?.as_str()? {
            "held" => Place::Held(seat("holder")?),
            "in_transit" => Place::ComingTo(seat("to")?),
            "to_return" => Place::ToReturn(seat("place")?),
            _ => Place::Elsewhere,
        };
        Some(Self {
            number: line.get("number")?.as_str()?.to_owned(),
            status: line.get("status")?.as_u64()?,
            place,
        })
    }
}

/// How far a dossier has come, as the demo saw it happen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// How many of its transfers were done.
    pub(crate) transfers: usize,
    /// Whether the supplement was asked for.
    pub(crate) has_asked: bool,
    /// Whether the wrong office declined it.
    pub(crate) is_declined: bool,
}

impl Progress {
    /// Remembers an act that was done.
    pub(crate) fn did(&mut self, act: &str) {
        match act {
            "transfer" => self.transfers += 1,
            "request_supplement" => self.has_asked = true,
            "decline" => self.is_declined = true,
            _ => {}
        }
    }
}

/// The lines for `dossier act` that the officers of `me` write now, in order; none when it is not their turn.
pub(crate) fn next_acts(me: &str, seen: &Seen, plan: &Plan, progress: &Progress) -> Vec<Value> {
    let by = |act: &str, officer: &str| json!({"number": seen.number, "act": act, "officer": format!("{me}/{officer}")});
    match &seen.place {
        Place::ComingTo(to) if to == me => {
            if plan.declined_by.as_deref() == Some(me) && !progress.is_declined {
                let reason = "Không thuộc thẩm quyền giải quyết của đơn vị";
                vec![with(by("decline", "02"), &[("reason", json!(reason))])]
            } else {
                vec![by("take_over", "03"), by("move_step", "03")]
            }
        }
        Place::Held(holder) if holder == me => {
            let next = plan.route.get(progress.transfers).filter(|_| plan.lodged_at == me);
            match (next, seen.status) {
                (Some(to), 2 | 4) => vec![with(by("transfer", "03"), &[("to", json!(to))])],
                (None, 2) => vec![by("move_step", "03")],
                (None, 4) if plan.asks_supplement && !progress.has_asked => {
                    let items = json!([{"what": "Bản sao giấy tờ chứng minh nơi cư trú"}]);
                    let approved = json!(format!("{me}/01"));
                    vec![with(by("request_supplement", "04"), &[("items", items), ("approved_by", approved)])]
                }
                (None, 4) => decision(plan, &by),
                (None, 5) => {
                    let papers =
                        json!([{"name": "Giấy tờ bổ sung", "kind": "copy", "copies": 1, "pages": 1}]);
                    vec![with(by("receive_supplement", "03"), &[("papers", papers)])]
                }
                (Some(_) | None, _) => Vec::new(),
            }
        }
        Place::ToReturn(place) if place == me => vec![by("return_result", "06")],
        Place::ComingTo(_) | Place::Held(_) | Place::ToReturn(_) | Place::Elsewhere => Vec::new(),
    }
}

/// The officer drafts, the leader signs, the registrar numbers and seals, the officer ends it.
fn decision(plan: &Plan, by: &impl Fn(&str, &str) -> Value) -> Vec<Value> {
    let result = if plan.is_granted { "granted" } else { "refused" };
    let mut finish = with(by("finish", "04"), &[("result", json!(result))]);
    if !plan.is_granted {
        finish = with(finish, &[("reasons", json!([{"what": "Không đủ điều kiện theo hồ sơ đã nộp"}]))]);
    }
    vec![by("sign", "01"), by("issue", "05"), finish]
}

fn with(mut line: Value, more: &[(&str, Value)]) -> Value {
    if let Some(line) = line.as_object_mut() {
        line.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    }
    line
}

/// How often each act was done, for telling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally(BTreeMap<String, u64>);

impl Tally {
    /// One more of this act.
    pub(crate) fn add(&mut self, act: &str) {
        *self.0.entry(act.to_owned()).or_default() += 1;
    }

    /// Everything of `other` as well.
    pub(crate) fn add_all(&mut self, other: &Self) {
        for (act, count) in &other.0 {
            *self.0.entry(act.clone()).or_default() += count;
        }
    }

    /// How often this act was done.
    pub(crate) fn of(&self, act: &str) -> u64 {
        self.0.get(act).copied().unwrap_or(0)
    }

    /// All acts together.
    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(route: &[&str], declined_by: Option<&str>) -> Plan {
        Plan {
            lodged_at: "A".to_owned(),
            route: route.iter().map(|seat| (*seat).to_owned()).collect(),
            declined_by: declined_by.map(str::to_owned),
            is_late: false,
            asks_supplement: false,
            is_granted: true,
            line: Value::Null,
        }
    }

    fn acts(me: &str, status: u64, place: Place, plan: &Plan, progress: &Progress) -> Vec<String> {
        let seen = Seen { number: "N".to_owned(), status, place };
        let lines = next_acts(me, &seen, plan, progress);
        lines.iter().map(|line| line["act"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn only_the_office_whose_turn_it_is_acts() {
        let crossing = plan(&["B"], None);
        let fresh = Progress::default();
        let sent = Progress { transfers: 1, ..Progress::default() };
        let at = |seat: &str| seat.to_owned();
        for (me, status, place, progress, expected) in [
            ("A", 2, Place::Held(at("A")), &fresh, &["transfer"][..]),
            ("B", 2, Place::Held(at("A")), &fresh, &[]),
            ("A", 4, Place::ComingTo(at("B")), &sent, &[]),
            ("B", 4, Place::ComingTo(at("B")), &sent, &["take_over", "move_step"]),
            ("A", 4, Place::Held(at("B")), &sent, &[]),
            ("B", 4, Place::Held(at("B")), &sent, &["sign", "issue", "finish"]),
            ("B", 9, Place::ToReturn(at("A")), &sent, &[]),
            ("A", 9, Place::ToReturn(at("A")), &sent, &["return_result"]),
            ("A", 10, Place::Elsewhere, &sent, &[]),
        ] {
            assert_eq!(acts(me, status, place.clone(), &crossing, progress), expected, "{me} {place:?}");
        }
    }

    #[test]
    fn a_declined_dossier_is_sent_on_and_not_declined_again() {
        let plan = plan(&["B", "C"], Some("B"));
        let mut progress = Progress { transfers: 1, ..Progress::default() };
        assert_eq!(acts("B", 4, Place::ComingTo("B".to_owned()), &plan, &progress), ["decline"]);
        progress.did("decline");
        assert_eq!(acts("A", 4, Place::Held("A".to_owned()), &plan, &progress), ["transfer"]);
        progress.did("transfer");
        assert_eq!(
            acts("C", 4, Place::ComingTo("C".to_owned()), &plan, &progress),
            ["take_over", "move_step"]
        );
        assert_eq!(plan.decided_by(), "C");
    }

    #[test]
    fn a_line_of_the_export_shows_where_a_dossier_is() {
        let line =
            json!({"number": "N", "status": 4, "custody": {"kind": "in_transit", "from": "A", "to": "B"}});
        let expected = Seen { number: "N".to_owned(), status: 4, place: Place::ComingTo("B".to_owned()) };
        assert_eq!(Seen::read(&line), Some(expected));
        assert_eq!(Seen::read(&json!({"summary": {}})), None);
    }
}
