//! A province and its communes as processes on the loopback, each with its own directory and witness.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeMap;
use std::path::Path;

use motcua_node::clock::Clock;
use motcua_node::clock::SystemClock;
use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use crate::program::Answer;
use crate::program::Home;
use crate::program::Serving;

/// Longest wait for what happens by itself, in milliseconds.
const WAIT_MS_MAX: u64 = 60_000;
/// How often it is looked at, in milliseconds.
const LOOK_MS: u64 = 50;

/// A province with the built-in sample directory.
#[derive(Debug)]
pub struct Province {
    /// The provincial server's files.
    pub office: Office,
    address: String,
    place: TempDir,
}

impl Province {
    /// A new province whose server accepts work.
    ///
    /// # Panics
    /// It cannot be created.
    #[must_use]
    pub fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let home = Home::below(place.path(), "province");
        home.done(&["province", "init", "--code", "H27", "--name", "Tỉnh Thử", "--sample"]);
        let serving = Serving::start(&home, &["--listen", "127.0.0.1:0"]);
        let address = serving.quic.clone().expect("a province listens");
        Self { office: Office { code: "H27".to_owned(), home, serving: Some(serving) }, address, place }
    }

    /// Where communes find the server.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The folder that everybody's files are below.
    #[must_use]
    pub fn place(&self) -> &Path {
        self.place.path()
    }

    /// Starts the server again, at its old address.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(&mut self) {
        self.office.serving = Some(Serving::start(&self.office.home, &["--listen", &self.address]));
    }

    /// A one-time code for a machine of this seat.
    ///
    /// # Panics
    /// None is given.
    #[must_use]
    pub fn token(&self, seat: &str) -> String {
        let answer = self.office.home.done(&["enrol", "new", "--agency", seat, "--address", &self.address]);
        answer.value()["token"].as_str().expect("a token").to_owned()
    }

    /// A commune's machine: enrolled, its program not running.
    ///
    /// # Panics
    /// It cannot be created.
    #[must_use]
    pub fn commune(&self, seat: &str) -> Office {
        self.commune_in(seat, seat)
    }

    /// As [`Province::commune`], with its files under a name of their own: for a second machine of a seat.
    ///
    /// # Panics
    /// It cannot be created.
    #[must_use]
    pub fn commune_in(&self, seat: &str, name: &str) -> Office {
        let home = Home::below(self.place(), name);
        home.done(&["commune", "init", "--token", &self.token(seat)]);
        Office { code: seat.to_owned(), home, serving: None }
    }

    /// The ids of a seat's machines, in the order of their enrolment.
    ///
    /// # Panics
    /// They are not listed.
    #[must_use]
    pub fn machines(&self, seat: &str) -> Vec<String> {
        let listed = self.office.home.done(&["enrol", "list"]).lines();
        let of_seat = listed.iter().filter(|line| line["agency"] == seat);
        of_seat.map(|line| line["node"].as_str().expect("an id").to_owned()).collect()
    }
}

impl Default for Province {
    fn default() -> Self {
        Self::new()
    }
}

/// One machine.
#[derive(Debug)]
pub struct Office {
    /// Its seat.
    pub code: String,
    /// Its files.
    pub home: Home,
    /// Its program, while it runs.
    pub serving: Option<Serving>,
}

impl Office {
    /// Starts a commune's program.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(&mut self) {
        self.serving = Some(Serving::start(&self.home, &[]));
    }

    /// Stops the program in order.
    ///
    /// # Panics
    /// It does not stop in order.
    pub fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.stop();
        }
    }

    /// Kills the program.
    pub fn kill(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.kill();
        }
    }

    /// Gives lines to `dossier lodge`.
    #[must_use]
    pub fn lodge(&self, lines: &[Value]) -> Answer {
        self.home.run_with(&["dossier", "lodge", "--from", "-"], &text_of(lines))
    }

    /// Lodges lines that are all taken in; their numbers.
    ///
    /// # Panics
    /// One is refused.
    #[must_use]
    pub fn lodged(&self, lines: &[Value]) -> Vec<String> {
        let answer = self.lodge(lines);
        assert_eq!(answer.code, Some(0), "{}\n{}", answer.text, answer.told);
        let numbers: Vec<String> =
            answer.lines().iter().map(|line| line["number"].as_str().expect("a number").to_owned()).collect();
        assert_eq!(numbers.len(), lines.len());
        numbers
    }

    /// Gives lines to `dossier act`.
    #[must_use]
    pub fn act(&self, lines: &[Value]) -> Answer {
        self.home.run_with(&["dossier", "act", "--from", "-"], &text_of(lines))
    }

    /// Does acts of this office on one dossier, all of which must be done.
    ///
    /// # Panics
    /// One is refused.
    pub fn does(&self, number: &str, acts: &[Value]) {
        self.does_as(&self.code, number, acts);
    }

    /// Does acts of another seat that works on this machine, such as a hosted department.
    ///
    /// # Panics
    /// One is refused.
    pub fn does_as(&self, seat: &str, number: &str, acts: &[Value]) {
        let lines: Vec<Value> = acts.iter().map(|act| act_line(seat, number, act)).collect();
        let answer = self.act(&lines);
        assert_eq!(answer.code, Some(0), "{}\n{}", answer.text, answer.told);
    }

    /// The code of the refusal of one act.
    ///
    /// # Panics
    /// It is not refused.
    #[must_use]
    pub fn refuses(&self, number: &str, act: &Value) -> String {
        let answer = self.act(&[act_line(&self.code, number, act)]);
        assert_eq!(answer.code, Some(2), "{}\n{}", answer.text, answer.told);
        answer.error_code().expect("an error").to_owned()
    }

    /// `dossier show`, which must find it.
    ///
    /// # Panics
    /// It does not.
    #[must_use]
    pub fn show(&self, number: &str) -> Value {
        self.home.done(&["dossier", "show", number]).value().clone()
    }

    /// `dossier export`: each dossier's line byte for byte, by number.
    ///
    /// # Panics
    /// It fails.
    #[must_use]
    pub fn export(&self) -> BTreeMap<String, String> {
        let answer = self.home.done(&["dossier", "export"]);
        answer
            .text
            .lines()
            .filter_map(|line| {
                let value: Value = serde_json::from_str(line).ok()?;
                Some((value.get("number")?.as_str()?.to_owned(), line.to_owned()))
            })
            .collect()
    }

    /// One line of the export as a value.
    ///
    /// # Panics
    /// This machine does not hold the dossier.
    #[must_use]
    pub fn dossier(&self, number: &str) -> Value {
        let export = self.export();
        let line = export.get(number).unwrap_or_else(|| panic!("{} lacks {number}", self.code));
        serde_json::from_str(line).unwrap()
    }

    /// `sync now`, whatever comes of it.
    #[must_use]
    pub fn try_sync(&self) -> Answer {
        self.home.run(&["sync", "now", "--wait-s", "30"])
    }

    /// `sync now` that must converge; what it says.
    ///
    /// # Panics
    /// It does not converge.
    pub fn sync(&self) -> Value {
        let answer = self.try_sync();
        assert_eq!(
            (answer.code, &answer.value()["outcome"]),
            (Some(0), &Value::from("converged")),
            "{} {}\n{}",
            self.code,
            answer.text,
            answer.told
        );
        answer.value().clone()
    }

    /// Waits until something is so, looking again and again.
    ///
    /// # Panics
    /// It is not so in time.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let clock = SystemClock::new();
        while !is_so(self) {
            assert!(clock.monotonic_ms() < WAIT_MS_MAX, "not within {WAIT_MS_MAX} ms: {what}");
            clock.wait_ms(LOOK_MS);
        }
    }

    /// `sync status`.
    ///
    /// # Panics
    /// It fails.
    #[must_use]
    pub fn status(&self) -> Value {
        self.home.done(&["sync", "status"]).value().clone()
    }

    /// The codes of what `sync status` tells a person, one for each condition.
    ///
    /// # Panics
    /// It fails.
    #[must_use]
    pub fn conditions(&self) -> Vec<String> {
        let status = self.status();
        let conditions = status["conditions"].as_array().unwrap();
        conditions.iter().map(|condition| condition["code"].as_str().unwrap().to_owned()).collect()
    }

    /// One of them, if it stands.
    ///
    /// # Panics
    /// `sync status` fails.
    #[must_use]
    pub fn condition(&self, code: &str) -> Option<Value> {
        let status = self.status();
        status["conditions"].as_array().unwrap().iter().find(|condition| condition["code"] == code).cloned()
    }

    /// Asserts that `verify` finds nothing.
    ///
    /// # Panics
    /// It finds something.
    pub fn verify(&self) {
        self.home.done(&["verify"]);
    }
}

/// Syncs all communes until nobody has news for another.
///
/// # Panics
/// They do not come to rest.
pub fn sync_all(communes: &[&Office]) {
    for _ in 0..8 {
        let sessions: Vec<Value> = communes.iter().map(|commune| commune.sync()).collect();
        if sessions.iter().all(|session| session["changes_sent"] == 0 && session["changes_received"] == 0) {
            return;
        }
    }
    panic!("the communes do not come to rest");
}

/// Asserts that each commune and the province hold the same bytes for what both hold, and the commune all that
/// it is a party to and nothing else.
///
/// # Panics
/// They do not.
pub fn assert_even(province: &Office, communes: &[&Office]) {
    let all = province.export();
    for commune in communes {
        let held = commune.export();
        for (number, line) in &held {
            assert_eq!(all.get(number), Some(line), "{number} at {} and at the province", commune.code);
        }
        let entitled: Vec<&String> = all
            .iter()
            .filter(|(_, line)| {
                let dossier: Value = serde_json::from_str(line).unwrap();
                dossier["parties"].as_array().unwrap().iter().any(|party| *party == commune.code)
            })
            .map(|(number, _)| number)
            .collect();
        assert_eq!(held.keys().collect::<Vec<_>>(), entitled, "what {} holds", commune.code);
    }
}

/// A line for `dossier lodge` at `seat`, the `place`-th there: a fictitious citizen and a procedure of the sample.
#[must_use]
pub fn lodging(seat: &str, place: usize) -> Value {
    json!({
        "request_id": format!("{seat}-{place:05}"),
        "procedure": "1.001193",
        "officer": format!("{seat}/03"),
        "owner": {
            "kind": "citizen",
            "name": "Nguyễn Văn Thử",
            "id_type": "cccd",
            "id_no": format!("042090{:06}", 900_000 + place % 100_000),
            "dob": "1990-02-28",
            "phone": format!("0999{:06}", place % 1_000_000),
        },
        "papers": [{"name": "Tờ khai theo mẫu", "kind": "original", "copies": 1, "pages": 2}],
    })
}

/// As [`lodging`], for a request that another office decides.
///
/// # Panics
/// Never: a lodging is an object.
#[must_use]
pub fn lodging_for(seat: &str, place: usize, competent: &str) -> Value {
    let mut line = lodging(seat, place);
    line["competent"] = competent.into();
    line
}

/// An act line from the act's own keys; the officer is the seat's `02` unless `act` names one.
///
/// # Panics
/// `act` is no object.
#[must_use]
pub fn act_line(seat: &str, number: &str, act: &Value) -> Value {
    let mut line = json!({"number": number, "officer": format!("{seat}/02")});
    line.as_object_mut().unwrap().extend(act.as_object().expect("an act is an object").clone());
    line
}

/// Lines as text, one per line; a string stands for itself, so that what is no JSON can be sent too.
#[must_use]
pub fn text_of(lines: &[Value]) -> String {
    lines
        .iter()
        .map(|line| format!("{}\n", line.as_str().map_or_else(|| line.to_string(), str::to_owned)))
        .collect()
}
