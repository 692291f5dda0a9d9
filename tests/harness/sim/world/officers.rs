//! What officers do, at their machines and at the province, and what they are told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::sync::Arc;

use motcua_node::dossier::act::Act;
use motcua_node::dossier::act::Note;
use motcua_node::dossier::document::Writing;
use motcua_node::dossier::table::row_of;
use motcua_node::ids::AgencyCode;
use motcua_node::refusal::Refusal;
use motcua_node::roles::Office;
use motcua_node::store::StoreError;
use motcua_node::store::dossiers::ListFilter;
use serde_json::Value;
use serde_json::json;
use sync_protocol::ids::DocId;

use crate::faults::work;
use crate::sim::directory;
use crate::sim::directory::HOSTED;
use crate::sim::directory::NODE_SEATS;
use crate::sim::plan::What;
use crate::sim::world::Answered;
use crate::sim::world::Lodged;
use crate::sim::world::World;

impl World {
    pub(super) fn lodge(&mut self) {
        let Some(place) = self.running() else { return };
        for _ in 0..1 + self.chance.below(7) {
            self.lodge_at(place);
        }
    }

    pub(super) fn lodging(&mut self, place: usize) -> (String, String) {
        let seat = self.nodes[place].seat.clone();
        let known = if self.chance.percent(5) { self.chance.pick(&self.requests).cloned() } else { None };
        let request = known.filter(|(of, _)| *of == seat).map_or_else(
            || {
                let request = format!("{seat}-{}-{}", self.step, self.requests.len());
                self.requests.push((seat.clone(), request.clone()));
                request
            },
            |(_, request)| request,
        );
        let mut line: Value =
            serde_json::from_str(&work::lodging(&mut self.chance, seat.as_str(), &request)).unwrap();
        match self.chance.below(6) {
            0 => {
                line["procedure"] = json!("1.001193");
                line["competent"] = json!(self.chance.pick(&NODE_SEATS));
            }
            1 if self.chance.percent(30) => {
                line["procedure"] = json!("1.001193");
                line["competent"] = json!(directory::ADVERSARY);
            }
            _ => {}
        }
        (request, line.to_string())
    }

    pub(super) fn lodge_at(&mut self, place: usize) {
        let (request, line) = self.lodging(place);
        let node = &self.nodes[place];
        let (office, seat) = (Arc::clone(node.machine.office()), node.seat.clone());
        let known = office.store.read(|view| view.dossier_by_request(&seat, &request)).unwrap();
        match office.desk.lodge(&line, false).wait() {
            Ok(answer) => {
                let known = known.and_then(|row| row.number);
                assert!(known.is_none_or(|known| answer["number"] == *known), "a request was answered anew");
                self.answered_lodging(place, &answer);
            }
            Err(error) => self.refused(place, "lodge", &error),
        }
    }

    pub(super) fn answered_lodging(&mut self, place: usize, answer: &Value) {
        let number = answer["number"].as_str().unwrap().to_owned();
        let doc: DocId = answer["id"].as_str().unwrap().parse().unwrap();
        let (office, by) = (Arc::clone(self.nodes[place].machine.office()), self.nodes[place].id);
        let first = office.store.read(|view| view.changes_of(doc)).unwrap();
        let change = first.first().unwrap().facts.hash;
        self.lodged(place, number, Lodged { doc, change, by });
    }

    pub(super) fn lodged(&mut self, place: usize, number: String, lodged: Lodged) {
        self.note(format!("{} lodged {number}", self.nodes[place].machine.name));
        match self.model.lodged.get(&number) {
            None => {
                self.coverage.count("lodged");
                let (doc, change, by) = (lodged.doc, lodged.change, lodged.by);
                self.model.answered.push(Answered { doc, change, by, is_printed: true });
                self.model.lodged.insert(number, lodged);
            }
            // Two images cannot know of each other until one of them has called.
            Some(before) if before.doc != lodged.doc && self.model.imaged.contains(&lodged.by) => {
                self.coverage.count("a number printed by two images");
                let (doc, change, by) = (lodged.doc, lodged.change, lodged.by);
                self.model.answered.push(Answered { doc, change, by, is_printed: true });
                self.model.namesakes.insert(number);
            }
            Some(before) => {
                assert_eq!(before.doc, lodged.doc, "the number {number} was answered for two dossiers");
                self.coverage.count("a request repeated");
            }
        }
    }

    /// What an officer is told when a line is not done. Everything but a full disk is a rule.
    pub(super) fn refused(&mut self, place: usize, what: &str, error: &StoreError) {
        let is_full = self.nodes.get(place).is_some_and(|node| node.machine.is_disk_full)
            || (place >= self.nodes.len() && self.province.is_disk_full);
        match error {
            StoreError::Refused(refusal) => self.told(what, refusal),
            StoreError::DiskFull if is_full => self.coverage.count("refused for a full disk"),
            StoreError::DiskFull
            | StoreError::Bug(_)
            | StoreError::Newer { .. }
            | StoreError::Absent { .. }
            | StoreError::Exists { .. }
            | StoreError::NotWritable { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Locked
            | StoreError::Io(_) => panic!("{what}: {error:?}"),
        }
    }

    pub(super) fn told(&mut self, what: &str, refusal: &Refusal) {
        *self.coverage.refusals.entry(refusal.code.to_string()).or_default() += 1;
        self.note(format!("refused, {}: {what}", refusal.code));
    }

    pub(super) fn act(&mut self) {
        let Some(place) = self.running() else { return };
        for _ in 0..3 + self.chance.below(14) {
            let node = &self.nodes[place];
            let (office, seat) = (Arc::clone(node.machine.office()), node.seat.clone());
            self.act_at(place, &office, seat.as_str(), None);
        }
    }

    pub(super) fn act_hosted(&mut self) {
        if let Some(office) = self.province.office.clone() {
            for _ in 0..3 + self.chance.below(12) {
                let seat = *self.chance.pick(&HOSTED).unwrap_or(&HOSTED[0]);
                self.act_at(usize::MAX, &office, seat, Some(seat.parse().unwrap()));
            }
        }
    }

    pub(super) fn act_at(&mut self, place: usize, office: &Office, seat: &str, holder: Option<AgencyCode>) {
        let filter = ListFilter { holder, ..ListFilter::default() };
        let mut rows = office.store.read(|view| view.list(&filter)).unwrap();
        // Offices work on what is new.
        rows.sort_unstable_by_key(|row| (std::cmp::Reverse(row.changed_at), row.doc));
        rows.truncate(30);
        let Some(row) = self.chance.pick(&rows).cloned() else { return };
        let is_settling = row.needs_person && self.chance.percent(40);
        let line = if is_settling {
            settlement(office, row.doc, &format!("{seat}/01"), &row.number.clone().unwrap_or_default())
        } else {
            Some(work::act(&mut self.chance, seat, &row))
        };
        if let Some(line) = line {
            self.does(place, office, row.doc, &line);
        }
    }

    pub(super) fn does(&mut self, place: usize, office: &Office, doc: DocId, line: &str) {
        match office.desk.act(line, false).wait() {
            Ok(answer) => {
                let id = answer["act_id"].as_str().unwrap();
                let state = office.store.read(|view| view.state(doc)).unwrap().unwrap();
                let Some(done) = state.acts.iter().find(|act| act.id.to_string() == id) else {
                    // Two dossiers under one number: it was done on the other one.
                    self.coverage.count("acted on a namesake");
                    return;
                };
                self.coverage.count("acted");
                let by = self.nodes.get(place).map_or(office.identity.node(), |node| node.id);
                let is_printed = done.act.kind().is_some_and(|kind| row_of(kind).is_printed);
                self.model.answered.push(Answered { doc, change: done.id.change, by, is_printed });
                self.note(format!("done: {line}"));
            }
            Err(error) => self.refused(place, line, &error),
        }
    }

    /// A program that is not ours writes a note in another office's name: the province keeps it back, and what builds
    /// on it waits.
    pub(super) fn misuse(&mut self) {
        let Some(place) = self.running() else { return };
        if self.nodes[place].is_banned || self.nodes[place].is_disturbed {
            return;
        }
        let (office, seat) = (Arc::clone(self.nodes[place].machine.office()), self.nodes[place].seat.clone());
        let rows = office.store.read(|view| view.list(&ListFilter::default())).unwrap();
        let Some(doc) = self.chance.pick(&rows).map(|row| row.doc) else { return };
        let state = office.store.read(|view| view.state(doc)).unwrap().unwrap();
        let others: Vec<_> = state.process.parties.iter().filter(|party| **party != seat).collect();
        let Some(other) = self.chance.pick(&others).map(|other| (*other).clone()) else { return };
        let act = Act { seat: other, body: Note {}.into(), ..state.acts[0].act.clone() };
        let writing = Writing { acts: vec![act], ..Writing::default() };
        let written = office.store.write(move |tx| {
            let mut document = tx.document(doc)?.unwrap();
            let at = tx.now();
            tx.append_change(doc, &mut document, &writing, at)
        });
        self.model.misused.insert(written.unwrap().hash);
        self.coverage.fault(What::Misuse.name(), self.state_of(place));
        self.note(format!("{} writes in another's name on {doc}", self.nodes[place].machine.name));
    }

    pub(super) fn act_as_province(&mut self) {
        let Some(office) = self.province.office.clone() else { return };
        let needs_person = self.chance.percent(70);
        let rows = office
            .store
            .read(|view| view.list(&ListFilter { needs_person, ..ListFilter::default() }))
            .unwrap();
        let Some(row) = self.chance.pick(&rows).cloned() else { return };
        let number = row.number.clone().unwrap_or_default();
        let line = if needs_person {
            settlement(&office, row.doc, "H27/01", &number)
        } else {
            let state = office.store.read(|view| view.state(row.doc)).unwrap().unwrap();
            let act = self.chance.pick(&state.acts).map(|act| act.id.to_string());
            let mark = if self.chance.percent(50) { "void" } else { "review" };
            act.map(|act| {
                json!({ "number": number, "act": "mark", "officer": "H27/01", "acts": [act], "mark": mark,
                        "basis": "kiểm tra thử" })
                .to_string()
            })
        };
        if let Some(line) = line {
            self.does(usize::MAX, &office, row.doc, &line);
        }
    }
}

/// A line that settles what stands open on a dossier, if anything does.
fn settlement(office: &Office, doc: DocId, officer: &str, number: &str) -> Option<String> {
    let state = office.store.read(|view| view.state(doc)).unwrap()?;
    let open = state.fields.iter().find(|(_, values)| values.len() > 1);
    let (settles, field): (Vec<String>, Option<&String>) = match open {
        Some((name, values)) => (values.iter().map(|value| value.by.to_string()).collect(), Some(name)),
        None => (state.process.contested.iter().map(ToString::to_string).collect(), None),
    };
    let choice = settles.first()?.clone();
    let mut line = json!({
        "number": number, "act": "settle", "officer": officer, "settles": settles, "choice": choice,
        "basis": "đã đối chiếu",
    });
    if let Some(field) = field {
        line["field"] = json!(field);
    }
    Some(line.to_string())
}
