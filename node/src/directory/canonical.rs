//! Directory → the one text that stands for it.

use serde_json::Map;
use serde_json::Value;

use crate::directory::Directory;
use crate::directory::Extensions;
use crate::directory::Validity;
use crate::directory::agency::Agency;
use crate::directory::agency::Officer;
use crate::directory::calendar::Calendar;
use crate::directory::calendar::Session;
use crate::directory::procedure::Component;
use crate::directory::procedure::DecidedBy;
use crate::directory::procedure::Fee;
use crate::directory::procedure::FeePer;
use crate::directory::procedure::Field;
use crate::directory::procedure::OnlineLevel;
use crate::directory::procedure::Procedure;
use crate::directory::procedure::Term;
use crate::directory::procedure::TermUnit;
use crate::directory::procedure::Waiver;
use crate::directory::record::time_text;
use crate::directory::rules::Province;
use crate::directory::rules::RuleSet;
use crate::directory::workflow::Workflow;

pub(super) fn bytes(directory: &Directory) -> Vec<u8> {
    if let Some(text) = &directory.newer_text {
        return text.clone().into_bytes();
    }
    let mut lines = vec![province(&directory.province)];
    lines.extend(directory.rule_sets.iter().map(rule_set));
    lines.extend(directory.calendars.by_year.values().map(calendar));
    lines.extend(directory.agencies().map(agency));
    lines.extend(directory.workflows().map(workflow));
    lines.extend(directory.procedures().map(procedure));
    lines.extend(directory.officers().map(officer));
    lines.extend(directory.waivers().map(waiver));
    let mut bytes = Vec::new();
    for line in lines {
        // The text form of a JSON value needs no escapes of ours and cannot fail.
        bytes.extend_from_slice(Value::Object(line.map).to_string().as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

/// One object being written; what equals its default is left out.
struct Object {
    map: Map<String, Value>,
}

impl Object {
    fn new() -> Self {
        Self { map: Map::new() }
    }

    fn of_kind(kind: &str) -> Self {
        Self::new().with("kind", kind)
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.map.insert(key.to_owned(), value.into());
        self
    }

    fn with_some(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    fn with_unless<T: Into<Value> + PartialEq>(self, key: &str, value: T, default: T) -> Self {
        if value == default { self } else { self.with(key, value) }
    }

    fn with_list<T: Into<Value>>(self, key: &str, list: impl IntoIterator<Item = T>) -> Self {
        let list: Vec<Value> = list.into_iter().map(Into::into).collect();
        if list.is_empty() { self } else { self.with(key, list) }
    }

    fn valid(self, valid: Validity) -> Self {
        self.with_some("valid_from", valid.from.map(|date| date.to_string()))
            .with_some("valid_to", valid.to.map(|date| date.to_string()))
    }

    fn extensions(mut self, extensions: &Extensions) -> Self {
        self.map.extend(extensions.iter().map(|(key, value)| (key.clone(), value.clone())));
        self
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.map)
    }
}

fn province(province: &Province) -> Object {
    let seats =
        province.seats.iter().map(|(kind, seat)| (kind.name().to_owned(), seat.name().into())).collect();
    let object = Object::of_kind("province")
        .with("v", province.version)
        .with_unless("min_reader", province.min_reader, province.version)
        .with("code", province.code.as_str())
        .with("name", province.name.as_str())
        .with_some("region", province.region.as_deref());
    let object = if province.seats.is_empty() { object } else { object.with("seats", Value::Object(seats)) };
    object
        .with("series_block", province.series_block.to_string())
        .with_some("watermark", province.watermark.as_deref())
        .extensions(&province.extensions)
}

fn rule_set(rules: &RuleSet) -> Object {
    Object::of_kind("rule_set")
        .with("code", rules.code.as_str())
        .valid(rules.valid)
        .with_list("legal_basis", rules.legal_basis.iter().map(String::as_str))
        .with("form_set", rules.form_set.as_str())
        .with("supplement_clock", rules.supplement_clock.name())
        .with("same_day_cutoff", time_text(rules.same_day_cutoff))
        .with("duplicate_days", rules.duplicate_days)
        .extensions(&rules.extensions)
}

fn sessions(sessions: &[Session]) -> impl Iterator<Item = Object> {
    sessions.iter().map(|session| {
        Object::new().with("open", time_text(session.open)).with("close", time_text(session.close))
    })
}

fn calendar(calendar: &Calendar) -> Object {
    let seasons = calendar.seasons.iter().map(|season| {
        Object::new()
            .with("from", season.from.to_string())
            .with("to", season.to.to_string())
            .with_list("sessions", sessions(&season.sessions))
    });
    let days = calendar.days.iter().map(|day| {
        Object::new()
            .with("date", day.date.to_string())
            .with_unless("is_working", day.is_working, false)
            .with_list("sessions", sessions(&day.sessions))
            .with_some("name", day.name.as_deref())
            .with_some("basis", day.basis.as_deref())
    });
    Object::of_kind("calendar")
        .with("year", calendar.year)
        .with("name", calendar.name.as_str())
        .with_list("sessions", sessions(&calendar.sessions))
        .with_list("seasons", seasons)
        .with_list("days", days)
        .with_list("legal_basis", calendar.legal_basis.iter().map(String::as_str))
        .extensions(&calendar.extensions)
}

fn agency(agency: &Agency) -> Object {
    Object::of_kind("agency")
        .with("code", agency.code.as_str())
        .with("name", agency.name.as_str())
        .with_some("short_name", agency.short_name.as_deref())
        .with("level", agency.level.name())
        .with("type", agency.kind.name())
        .with("seat", agency.seat.name())
        .valid(agency.valid)
        .with_some("successor", agency.successor.as_ref().map(ToString::to_string))
        .with_some("parent", agency.parent.as_ref().map(ToString::to_string))
        .with_some("commune_code", agency.commune_code.as_deref())
        .with_some("hotline", agency.hotline.as_deref())
        .with_some("address", agency.address.as_deref())
        .with_some("province_id", agency.province_id.map(|id| id.to_string()))
        .extensions(&agency.extensions)
}

fn workflow(workflow: &Workflow) -> Object {
    let steps = workflow.steps.iter().map(|step| {
        let object = Object::new()
            .with("code", step.code.as_str())
            .with("name", step.name.as_str())
            .with("role", step.role.name());
        let object = if step.minutes.is_multiple_of(60) {
            object.with("hours", step.minutes / 60)
        } else {
            object.with("hours", f64::from(step.minutes) / 60.0)
        };
        object.with_unless("counted", step.is_counted, true)
    });
    Object::of_kind("workflow")
        .with("code", workflow.code.as_str())
        .with("name", workflow.name.as_str())
        .with_list("steps", steps)
        .extensions(&workflow.extensions)
}

fn procedure(procedure: &Procedure) -> Object {
    let decided_by = match &procedure.decided_by {
        DecidedBy::Commune => "commune",
        DecidedBy::Any => "any",
        DecidedBy::Agency(code) => code.as_str(),
    };
    let cases = procedure.cases.iter().map(|case| {
        Object::new()
            .with("code", case.code.as_str())
            .with("name", case.name.as_str())
            .with_some("term", case.term.map(term))
    });
    let needs = procedure.needs_line.iter().map(|need| {
        Object::new()
            .with("step", need.step.as_str())
            .with("need", need.need.name())
            .with_some("basis", need.basis.as_deref())
            .with_some("paper_fallback", need.paper_fallback.as_deref())
    });
    Object::of_kind("procedure")
        .with("code", procedure.code.as_str())
        .with("name", procedure.name.as_str())
        .with("area", procedure.area.as_str())
        .with("decided_by", decided_by)
        .with("term", term(procedure.term))
        .with_list("cases", cases)
        .with_list("components", procedure.components.iter().map(component))
        .with_unless("papers_required", procedure.are_papers_required, true)
        .with_list("fees", procedure.fees.iter().map(fee))
        .with_list("fields", procedure.fields.iter().map(field))
        .with_some("workflow", procedure.workflow.as_deref())
        .with_list("needs_line", needs)
        .with_unless("lodgeable_anywhere", procedure.is_lodgeable_anywhere, false)
        .with_unless("online", procedure.online.name(), OnlineLevel::None.name())
        .valid(procedure.valid)
        .with_list("legal_basis", procedure.legal_basis.iter().map(String::as_str))
        .with_some("supplement_clock", procedure.supplement_clock.map(|clock| clock.name()))
        .with_some("form_set", procedure.form_set.as_deref())
        .extensions(&procedure.extensions)
}

fn term(term: Term) -> Object {
    let object = Object::new().with("unit", term.unit.name());
    let object = match term.unit {
        TermUnit::SameDay | TermUnit::None => object,
        TermUnit::WorkingDays | TermUnit::WorkingHours | TermUnit::Days | TermUnit::Months => {
            object.with("amount", term.amount)
        }
    };
    object.with_some("cutoff", term.cutoff.map(time_text))
}

fn component(component: &Component) -> Object {
    Object::new()
        .with("code", component.code.as_str())
        .with("name", component.name.as_str())
        .with_unless("required", component.is_required, false)
        .with_list("kinds", component.kinds.iter().map(|kind| kind.name()))
        .with_unless("copies", component.copies, 1)
        .with_unless("show_only", component.is_show_only, false)
        .with_list("cases", component.cases.iter().map(String::as_str))
        .with_some("form", component.form.as_deref())
        .with_some("replaced_by", component.replaced_by.as_deref())
}

fn fee(fee: &Fee) -> Object {
    Object::new()
        .with("name", fee.name.as_str())
        .with("kind", fee.kind.name())
        .with("vnd", fee.vnd)
        .with_unless("per", fee.per.name(), FeePer::Dossier.name())
        .with_some("further_from_page", fee.further_from_page)
        .with_some("further_vnd", fee.further_from_page.map(|_| fee.further_vnd))
        .with_some("max_per_copy_vnd", fee.max_per_copy_vnd)
        .with_some("count_field", fee.count_field.as_deref())
        .with("when", fee.when.name())
        .with_list("cases", fee.cases.iter().map(String::as_str))
        .with_some("note", fee.note.as_deref())
}

fn field(field: &Field) -> Object {
    Object::new()
        .with("name", field.name.as_str())
        .with("label", field.label.as_str())
        .with("kind", field.kind.name())
        .with_unless("required", field.is_required, false)
        .with_list("choices", field.choices.iter().map(String::as_str))
        .with_some("max", field.max)
}

fn officer(officer: &Officer) -> Object {
    Object::of_kind("officer")
        .with("id", officer.id.to_string())
        .with("name", officer.name.as_str())
        .with_some("title", officer.title.as_deref())
        .with_list("roles", officer.roles.iter().map(|role| role.name()))
        .valid(officer.valid)
        .with_unless("active", officer.is_active, true)
        .extensions(&officer.extensions)
}

fn waiver(waiver: &Waiver) -> Object {
    Object::of_kind("waiver")
        .with("code", waiver.code.as_str())
        .with("name", waiver.name.as_str())
        .with("percent", waiver.percent)
        .with_list("procedures", waiver.procedures.iter().map(ToString::to_string))
        .with_unless("evidence_required", waiver.is_evidence_required, false)
        .with_list("legal_basis", waiver.legal_basis.iter().map(String::as_str))
        .valid(waiver.valid)
        .extensions(&waiver.extensions)
}
