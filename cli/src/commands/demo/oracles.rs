//! What must hold at the end of the demo, judged from nothing but what the offices' processes printed.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::json;

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Oracle {
    /// Its name, as `--sabotage` and scripts know it.
    pub(crate) name: &'static str,
    /// Whether it holds.
    pub(crate) holds: bool,
    /// How many of how many, and what is wrong.
    pub(crate) detail: String,
}

impl Oracle {
    /// As it stands in the demo's JSON.
    pub(crate) fn json(&self) -> Value {
        json!({"name": self.name, "holds": self.holds, "detail": self.detail})
    }
}

/// What was collected from the processes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collected {
    /// Every dossier that `dossier lodge` printed.
    pub(crate) printed: Vec<Printed>,
    /// The province's replica.
    pub(crate) province: Replica,
    /// The communes.
    pub(crate) communes: Vec<Commune>,
    /// The exit code of `verify` on each directory.
    pub(crate) verified: Vec<(String, Option<i32>)>,
    /// What the office without a line did.
    pub(crate) outage: Outage,
}

/// A dossier as its citizen knows it.
#[derive(Clone, Debug)]
pub(crate) struct Printed {
    /// The number on the slip.
    pub(crate) number: String,
    /// Where it was lodged, and where its result is returned.
    pub(crate) lodged_at: String,
    /// Who decides it.
    pub(crate) decided_by: String,
}

/// What one machine holds: its lines of `dossier export`, byte for byte, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replica(BTreeMap<String, String>);

impl Replica {
    /// Reads the text of `dossier export --json`.
    pub(crate) fn read(text: &str) -> Self {
        let numbered = text.lines().filter_map(|line| {
            let value: Value = serde_json::from_str(line).ok()?;
            Some((value.get("number")?.as_str()?.to_owned(), line.to_owned()))
        });
        Self(numbered.collect())
    }

    /// Whether it holds this dossier.
    pub(crate) fn holds(&self, number: &str) -> bool {
        self.0.contains_key(number)
    }

    /// How many dossiers it holds.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    fn value(&self, number: &str) -> Option<Value> {
        self.0.get(number).and_then(|line| serde_json::from_str(line).ok())
    }
}

/// One commune's machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commune {
    /// Its agency code.
    pub(crate) code: String,
    /// What it holds.
    pub(crate) replica: Replica,
    /// `last_proof` of its `sync status`.
    pub(crate) stored_proof: Value,
    /// `proof` of its last `sync now`, as the province stated it.
    pub(crate) stated_proof: Value,
}

/// The time without a line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outage {
    /// The numbers that the cut office printed meanwhile.
    pub(crate) lodged: Vec<String>,
    /// How many acts it did meanwhile.
    pub(crate) acts: u64,
    /// Which of those numbers the province knew before the line was restored: none, or the line was not cut.
    pub(crate) known_at_province: usize,
    /// Datagrams that the cut line lost.
    pub(crate) lost_datagrams: u64,
}

/// Judges everything.
pub(crate) fn judge(collected: &Collected) -> Vec<Oracle> {
    vec![
        lodged(collected),
        returned(collected),
        replica(collected),
        entitled(collected),
        number(collected),
        proof(collected),
        verify(collected),
        outage(collected),
    ]
}

/// Every lodged dossier is at the province.
fn lodged(collected: &Collected) -> Oracle {
    let missing = collected.printed.iter().map(|printed| &printed.number);
    let missing = missing.filter(|number| !collected.province.holds(number));
    counted("lodged", collected.printed.len(), missing.cloned())
}

/// Every dossier is at its end everywhere, decided by the office that should, and its result was returned by the
/// office where it was lodged.
fn returned(collected: &Collected) -> Oracle {
    let replicas = || {
        let communes = collected.communes.iter().map(|commune| (commune.code.as_str(), &commune.replica));
        std::iter::once(("", &collected.province)).chain(communes)
    };
    let wrong = collected.printed.iter().filter_map(|printed| {
        let bad = replicas().find(|(code, replica)| match replica.value(&printed.number) {
            Some(dossier) => !is_at_its_end(&dossier, printed),
            // The province and the office of the citizen must have it; others only if they are parties.
            None => code.is_empty() || *code == printed.lodged_at,
        });
        bad.map(|(code, _)| format!("{} @{}", printed.number, if code.is_empty() { "H27" } else { code }))
    });
    counted("returned", collected.printed.len(), wrong)
}

fn is_at_its_end(dossier: &Value, printed: &Printed) -> bool {
    let effective_seats = |act: &str| -> Vec<&str> {
        let acts = dossier.get("acts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        acts.iter()
            .filter(|one| one.get("act").and_then(Value::as_str) == Some(act))
            .filter(|one| one.get("is_effective").and_then(Value::as_bool) == Some(true))
            .filter_map(|one| one.get("seat").and_then(Value::as_str))
            .collect()
    };
    dossier.get("status").and_then(Value::as_u64) == Some(10)
        && effective_seats("finish") == [printed.decided_by.as_str()]
        && effective_seats("return_result") == [printed.lodged_at.as_str()]
}

/// What a commune holds, the province holds byte for byte.
fn replica(collected: &Collected) -> Oracle {
    let mut compared = 0;
    let mut different = Vec::new();
    for commune in &collected.communes {
        for (number, line) in &commune.replica.0 {
            compared += 1;
            if collected.province.0.get(number) != Some(line) {
                different.push(format!("{number} @{}", commune.code));
            }
        }
    }
    counted("replica", compared, different.into_iter())
}

/// A commune holds the dossiers it is a party to, all of them and no others.
fn entitled(collected: &Collected) -> Oracle {
    let mut expected_count = 0;
    let mut wrong = Vec::new();
    for commune in &collected.communes {
        let is_party = |dossier: &Value| {
            let parties = dossier.get("parties").and_then(Value::as_array);
            parties.is_some_and(|parties| parties.iter().any(|party| *party == commune.code))
        };
        let numbers = collected.province.0.keys();
        let expected: BTreeSet<&String> = numbers
            .filter(|number| collected.province.value(number).as_ref().is_some_and(is_party))
            .collect();
        let held: BTreeSet<&String> = commune.replica.0.keys().collect();
        expected_count += expected.len();
        wrong
            .extend(expected.symmetric_difference(&held).map(|number| format!("{number} @{}", commune.code)));
    }
    counted("entitled", expected_count, wrong.into_iter())
}

/// No number was printed twice.
fn number(collected: &Collected) -> Oracle {
    let mut met = BTreeSet::new();
    let twice = collected.printed.iter().filter(|printed| !met.insert(printed.number.as_str()));
    let twice: Vec<String> = twice.map(|printed| printed.number.clone()).collect();
    counted("number", collected.printed.len(), twice.into_iter())
}

/// Each commune keeps the proof that the province stated in the last session, and nothing waits behind it.
fn proof(collected: &Collected) -> Oracle {
    let wrong = collected.communes.iter().filter_map(|commune| {
        let (stored, stated) = (&commune.stored_proof, &commune.stated_proof);
        let rest = ["waiting", "quarantined", "refused"]
            .iter()
            .find(|key| stored.get(*key).and_then(Value::as_u64) != Some(0));
        let same = ["number", "position", "digest"];
        let differing =
            same.iter().find(|key| stored.get(*key).is_none() || stored.get(*key) != stated.get(*key));
        let cause = if stored.is_null() { Some(&"-") } else { rest.or(differing) };
        cause.map(|cause| format!("{} {cause}", commune.code))
    });
    counted("proof", collected.communes.len(), wrong)
}

/// `verify` finds nothing anywhere.
fn verify(collected: &Collected) -> Oracle {
    let wrong = collected.verified.iter().filter(|(_, code)| *code != Some(0));
    counted("verify", collected.verified.len(), wrong.map(|(name, _)| name.clone()))
}

/// The office without a line went on lodging and processing, and the line was really cut.
fn outage(collected: &Collected) -> Oracle {
    let Outage { lodged, acts, known_at_province, lost_datagrams } = &collected.outage;
    Oracle {
        name: "outage",
        holds: !lodged.is_empty() && *acts > 0 && *known_at_province == 0 && *lost_datagrams > 0,
        detail: format!(
            "lodged {}, acts {acts}, known at the province meanwhile {known_at_province}, datagrams lost {lost_datagrams}",
            lodged.len()
        ),
    }
}

/// How many faults are named at most.
const NAMED_MAX: usize = 5;

/// Holds when there is something to count and nothing is wrong with it.
fn counted(name: &'static str, total: usize, wrong: impl Iterator<Item = String>) -> Oracle {
    let wrong: Vec<String> = wrong.collect();
    let mut detail = format!("{}/{total}", total.saturating_sub(wrong.len()));
    if !wrong.is_empty() {
        let named: Vec<&str> = wrong.iter().take(NAMED_MAX).map(String::as_str).collect();
        let more = if wrong.len() > NAMED_MAX { ", …" } else { "" };
        detail = format!("{detail}: {}{more}", named.join(", "));
    }
    Oracle { name, holds: wrong.is_empty() && total > 0, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dossier(number: &str, status: u64) -> String {
        json!({
            "number": number, "status": status, "parties": ["A", "B"],
            "acts": [
                {"act": "finish", "seat": "B", "is_effective": true},
                {"act": "return_result", "seat": "A", "is_effective": true},
            ],
        })
        .to_string()
    }

    fn commune(code: &str, text: &str) -> Commune {
        let proof =
            json!({"number": 1, "position": 2, "digest": "d", "waiting": 0, "quarantined": 0, "refused": 0});
        Commune {
            code: code.to_owned(),
            replica: Replica::read(text),
            stored_proof: proof.clone(),
            stated_proof: proof,
        }
    }

    fn even() -> Collected {
        let text = format!("{}\n{}\n", dossier("1", 10), dossier("2", 10));
        let printed = |number: &str| Printed {
            number: number.to_owned(),
            lodged_at: "A".to_owned(),
            decided_by: "B".to_owned(),
        };
        Collected {
            printed: vec![printed("1"), printed("2")],
            province: Replica::read(&text),
            communes: vec![commune("A", &text), commune("B", &text)],
            verified: vec![("A".to_owned(), Some(0))],
            outage: Outage { lodged: vec!["2".to_owned()], acts: 1, known_at_province: 0, lost_datagrams: 1 },
        }
    }

    fn failing(collected: &Collected) -> Vec<&'static str> {
        judge(collected).into_iter().filter(|oracle| !oracle.holds).map(|oracle| oracle.name).collect()
    }

    #[test]
    fn everything_holds_when_all_is_even() {
        assert_eq!(failing(&even()), Vec::<&str>::new());
    }

    #[test]
    fn nothing_collected_is_no_success() {
        assert_eq!(failing(&Collected::default()).len(), 8);
    }

    #[test]
    fn each_oracle_sees_its_fault() {
        type Fault = fn(&mut Collected);
        let cases: [(&str, &[&str], Fault); 10] = [
            (
                "a lodged dossier is missing at the province",
                &["lodged", "returned", "replica", "entitled"],
                |all| {
                    all.province.0.remove("2");
                },
            ),
            ("not returned", &["returned", "replica"], |all| {
                all.province.0.insert("1".to_owned(), dossier("1", 9));
            }),
            ("one byte differs", &["replica"], |all| {
                let line = all.communes[0].replica.0["1"].replace("[\"A\"", "[ \"A\"");
                all.communes[0].replica.0.insert("1".to_owned(), line);
            }),
            ("a party lacks a dossier", &["entitled"], |all| {
                all.communes[1].replica.0.remove("1");
            }),
            ("somebody holds what is none of theirs", &["entitled"], |all| {
                all.communes[1].code = "C".to_owned();
            }),
            ("a number twice", &["number"], |all| {
                all.printed[1].number = all.printed[0].number.clone();
            }),
            ("a proof is not what the province stated", &["proof"], |all| {
                all.communes[0].stored_proof["digest"] = "e".into();
            }),
            ("something waits", &["proof"], |all| {
                all.communes[0].stored_proof["quarantined"] = 1.into();
            }),
            ("verify found something", &["verify"], |all| {
                all.verified[0].1 = Some(1);
            }),
            ("the line was not cut", &["outage"], |all| {
                all.outage.known_at_province = 1;
            }),
        ];
        for (case, expected, fault) in cases {
            let mut collected = even();
            fault(&mut collected);
            assert_eq!(failing(&collected), expected, "{case}");
        }
    }
}
