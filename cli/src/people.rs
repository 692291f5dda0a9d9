//! Values as people read them: offices and officers by name, times day first, money with dots, acts in words.
//! JSON output never comes through here.

use motcua_node::clock;
use motcua_node::directory::Directory;
use motcua_node::i18n;
use motcua_node::refusal::Refusal;
use serde_json::Value;

use crate::commands::Context;
use crate::office;
use crate::output::Output;

/// What stands where a value is not known.
const UNKNOWN: &str = "–";

/// Says values in the language of an output, with the names of the directory in force.
#[derive(Debug)]
pub(crate) struct People<'a> {
    output: &'a Output,
    directory: Option<Directory>,
}

impl<'a> People<'a> {
    /// Without a directory that can be read, codes stand for names. For JSON none is read.
    pub(crate) fn of(context: &'a Context) -> Self {
        let output = &context.output;
        let dir = context.dir().ok().filter(|_| !output.is_json);
        let directory = dir.and_then(|dir| office::directory_in_force(dir).ok()).flatten();
        Self { output, directory: directory.map(|(directory, _)| directory) }
    }

    /// For tests that need no names.
    #[cfg(test)]
    pub(crate) const fn without_directory(output: &'a Output) -> Self {
        Self { output, directory: None }
    }

    /// The text under `key`.
    pub(crate) fn text(&self, key: &str, args: &[(&str, &str)]) -> String {
        self.output.text(key, args)
    }

    /// The line that stands over every paper and list of a directory that is not for real work.
    pub(crate) fn watermark(&self) -> Option<String> {
        let watermark = self.directory.as_ref()?.province().watermark.as_deref()?;
        Some(self.text("watermark-line", &[("watermark", watermark)]))
    }

    /// `text` below the watermark, where there is one.
    pub(crate) fn watermarked(&self, text: String) -> String {
        self.watermark().map_or_else(|| text.clone(), |watermark| format!("{watermark}\n{text}"))
    }

    /// An office by name and code.
    pub(crate) fn agency(&self, code: &str) -> String {
        let name = self.agency_name(code);
        name.map_or_else(
            || code.to_owned(),
            |name| self.text("agency-named", &[("name", name), ("code", code)]),
        )
    }

    /// An office by its name alone, where lines are short.
    pub(crate) fn agency_short(&self, code: &str) -> String {
        self.agency_name(code).unwrap_or(code).to_owned()
    }

    fn agency_name(&self, code: &str) -> Option<&str> {
        let agency = self.directory.as_ref()?.agency(&code.parse().ok()?)?;
        Some(agency.display_name())
    }

    /// An officer by name and id.
    pub(crate) fn officer(&self, id: &str) -> String {
        let known = self.directory.as_ref().zip(id.parse().ok());
        let officer = known.and_then(|(directory, id)| directory.officer(&id));
        officer.map_or_else(
            || id.to_owned(),
            |officer| self.text("officer-named", &[("name", &officer.name), ("code", id)]),
        )
    }

    /// A national status in words.
    pub(crate) fn status(&self, status: impl std::fmt::Display) -> String {
        self.text(&i18n::status_key(status), &[])
    }

    /// An act in words; its canonical name where a newer program wrote it.
    pub(crate) fn act(&self, act: &str) -> String {
        let key = i18n::act_key(act);
        if i18n::has(self.output.language, &key) { self.text(&key, &[]) } else { act.to_owned() }
    }

    /// Where a dossier is, as the export gives it.
    pub(crate) fn custody(&self, custody: &Value) -> String {
        let place = |key: &str| custody[key].as_str().map(|code| self.agency(code)).unwrap_or_default();
        let places = ["holder", "from", "to", "agency", "by", "place"].map(|key| (key, place(key)));
        let args = places.each_ref().map(|(key, place)| (*key, place.as_str()));
        self.text(&key_of("custody", &custody["kind"]), &args)
    }

    /// A workflow step of a procedure by name and code.
    pub(crate) fn step(&self, procedure: &str, code: &str) -> String {
        let step = self.directory.as_ref().and_then(|directory| {
            let versions = directory.procedure_versions(&procedure.parse().ok()?).iter().rev();
            versions.filter_map(|version| directory.workflow_of(version)?.step(code)).next()
        });
        step.map_or_else(
            || code.to_owned(),
            |step| self.text("step-named", &[("name", &step.name), ("code", code)]),
        )
    }

    /// A field of a dossier under a procedure by the name it has on paper, with its name in lines.
    pub(crate) fn field_of(&self, procedure: &str, name: &str) -> String {
        let label =
            self.directory.as_ref().zip(name.strip_prefix("fields.")).and_then(|(directory, asked)| {
                let versions = directory.procedure_versions(&procedure.parse().ok()?).iter().rev();
                let mut fields = versions.flat_map(|version| &version.fields);
                fields.find(|field| field.name == asked).map(|field| field.label.as_str())
            });
        label.map_or_else(|| self.field(name), |label| format!("{label} [{name}]"))
    }

    /// A field's value: dates day first, words of ours in the person's language, everything else as it was given.
    pub(crate) fn field_value(&self, name: &str, value: &str) -> String {
        let key = format!("value-{value}");
        if (name.ends_with(".kind") || name.ends_with(".id_type")) && i18n::has(self.output.language, &key) {
            return self.text(&key, &[]);
        }
        match value.split('-').collect::<Vec<_>>()[..] {
            [year, month, day] if year.len() == 4 && value.len() == 10 && is_digits(value) => {
                format!("{day}/{month}/{year}")
            }
            [year, month] if name.ends_with(".dob") && year.len() == 4 && is_digits(value) => {
                format!("{month}/{year}")
            }
            _ => value.to_owned(),
        }
    }

    /// A field of a dossier by the name it has on paper, with its name in lines where that differs.
    pub(crate) fn field(&self, name: &str) -> String {
        let (of, name_there) = match (name.strip_prefix("owner."), name.strip_prefix("submitter.")) {
            (Some(rest), _) => (Some("box-of-owner"), rest),
            (_, Some(rest)) => (Some("box-of-submitter"), rest),
            (None, None) => (None, name),
        };
        let key = format!("box-{}", name_there.replace(['_', '.'], "-"));
        if !i18n::has(self.output.language, &key) {
            return name.to_owned();
        }
        let label = self.text(&key, &[]);
        let label = of.map_or_else(|| label.clone(), |of| self.text(of, &[("box", &label)]));
        format!("{label} [{name}]")
    }

    /// A refusal in which offices and the field are named; for JSON as it is.
    pub(crate) fn named(&self, refusal: &Refusal) -> Refusal {
        let mut refusal = refusal.clone();
        if self.output.is_json {
            return refusal;
        }
        refusal.field = refusal.field.map(|field| self.field(&field));
        for (name, value) in &mut refusal.args {
            if OFFICES.contains(&name.as_ref()) {
                *value = self.agency(value);
            }
        }
        refusal
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// Under these names refusals carry the code of an office.
const OFFICES: [&str; 5] = ["holder", "agency", "competent", "seat", "successor"];

/// The text of a JSON value, or a dash.
pub(crate) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or(UNKNOWN)
}

/// An RFC 3339 time as people read it, or a dash.
pub(crate) fn time(value: &Value) -> String {
    let at = value.as_str().and_then(clock::parse_rfc3339);
    at.map_or_else(|| UNKNOWN.to_owned(), clock::for_people)
}

/// An amount of money as people read it, or a dash.
pub(crate) fn money(value: &Value) -> String {
    value.as_u64().map_or_else(|| UNKNOWN.to_owned(), i18n::money)
}

/// The key of a word of the program: `custody` and `in_transit` give `custody-in-transit`.
pub(crate) fn key_of(family: &str, value: &Value) -> String {
    format!("{family}-{}", word(value).replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use motcua_node::dossier::act::Kind;
    use motcua_node::i18n::Language;
    use serde_json::json;

    use super::*;

    fn people(output: &Output) -> People<'_> {
        People { output, directory: Some(Directory::sample()) }
    }

    #[test]
    fn every_status_and_act_has_words_of_its_own_in_both_languages() {
        for language in Language::ALL {
            let output = Output::new(language, false);
            let people = people(&output);
            let statuses = (0..=10).map(|status| people.status(status));
            let acts = Kind::ALL.iter().map(|kind| people.act(kind.name()));
            let words: Vec<String> = statuses.chain(acts).collect();
            for word in &words {
                assert!(!word.starts_with("status-") && !word.contains('_'), "{word}");
                assert!(word.starts_with(char::is_uppercase), "{word}");
            }
            let different: std::collections::BTreeSet<&String> = words.iter().collect();
            assert_eq!(different.len(), words.len(), "two things have one word");
        }
        let output = Output::new(Language::Vi, false);
        assert_eq!(people(&output).act("unknown-99"), "unknown-99");
    }

    #[test]
    fn offices_and_officers_are_named_and_codes_stand_where_they_are_unknown() {
        let output = Output::new(Language::Vi, false);
        let people = people(&output);
        let name = Directory::sample().agency(&"H27.101".parse().unwrap()).unwrap().display_name().to_owned();
        assert_eq!(people.agency("H27.101"), format!("{name} (H27.101)"));
        assert_eq!(people.agency_short("H27.101"), name);
        assert!(people.officer("H27.101/02").ends_with(" (H27.101/02)"));
        for unknown in ["H27.999", "none", "–", ""] {
            assert_eq!(people.agency(unknown), unknown);
        }
        assert_eq!(people.officer("H27.101/999"), "H27.101/999");
        let refusal = Refusal::of_field("act-not-holder", "owner.name");
        let refusal = refusal.with("holder", "H27.101").with("act", "H27.101");
        let named = people.named(&refusal);
        assert_eq!(named.field, Some(people.field("owner.name")));
        let json = Output::new(Language::Vi, true);
        assert_eq!(People { output: &json, directory: Some(Directory::sample()) }.named(&refusal), refusal);
        assert_eq!(named.args[0].1, format!("{name} (H27.101)"));
        assert_eq!(named.args[1].1, "H27.101", "only what names an office");
        let without = People::without_directory(&output);
        assert_eq!(without.agency("H27.101"), "H27.101");
        assert_eq!(without.watermarked("x".to_owned()), "x");
        assert_eq!(people.watermarked("x".to_owned()), "*** DỮ LIỆU THỬ ***\nx");
    }

    #[test]
    fn every_place_of_a_dossier_is_said_with_its_offices() {
        for language in Language::ALL {
            let output = Output::new(language, false);
            let people = people(&output);
            for (custody, offices) in [
                (json!({"kind": "held", "holder": "H27.101"}), vec!["H27.101"]),
                (
                    json!({"kind": "in_transit", "from": "H27.101", "to": "H27.102"}),
                    vec!["H27.101", "H27.102"],
                ),
                (json!({"kind": "outside", "agency": "H27.03", "by": "H27.101"}), vec!["H27.03", "H27.101"]),
                (json!({"kind": "to_return", "place": "H27.102"}), vec!["H27.102"]),
                (json!({"kind": "closed"}), vec![]),
            ] {
                let said = people.custody(&custody);
                assert!(!said.contains("custody") && !said.contains('{'), "{said}");
                for office in offices {
                    assert!(said.contains(&people.agency(office)), "{said}");
                }
            }
        }
    }

    #[test]
    fn fields_have_the_name_of_the_paper_and_of_the_line() {
        let output = Output::new(Language::Vi, false);
        let people = people(&output);
        for (name, expected) in [
            ("summary", "Trích yếu [summary]"),
            ("owner.name", "Chủ hồ sơ – Họ và tên [owner.name]"),
            ("submitter.address.text", "Người nộp – Địa chỉ [submitter.address.text]"),
            ("fields.xyz", "fields.xyz"),
        ] {
            assert_eq!(people.field(name), expected);
            assert_eq!(people.field_of("1.001193", name), expected);
        }
        let sample = Directory::sample();
        let (procedure, field) =
            sample.procedures().find_map(|one| Some((one, one.fields.first()?))).unwrap();
        let name = format!("fields.{}", field.name);
        let label = people.field_of(procedure.code.as_str(), &name);
        assert_eq!(label, format!("{} [{name}]", field.label));
        let workflow = sample.procedures().find_map(|one| Some((one, sample.workflow_of(one)?))).unwrap();
        let step = workflow.1.steps.first().unwrap();
        let said = people.step(workflow.0.code.as_str(), &step.code);
        assert_eq!(said, format!("{} ({})", step.name, step.code));
        assert_eq!(people.step("9.999999", "B1"), "B1");
    }

    #[test]
    fn values_of_fields_are_said_as_on_paper() {
        let output = Output::new(Language::Vi, false);
        let people = people(&output);
        for (name, value, expected) in [
            ("owner.kind", "citizen", "công dân"),
            ("owner.name", "citizen", "citizen"),
            ("owner.dob", "1990-02-28", "28/02/1990"),
            ("owner.dob", "1990-02", "02/1990"),
            ("owner.dob", "1955", "1955"),
            ("fields.day", "2026-03-02", "02/03/2026"),
            ("fields.code", "2026-03", "2026-03"),
            ("fields.text", "Tổ 3-5", "Tổ 3-5"),
        ] {
            assert_eq!(people.field_value(name, value), expected, "{name}");
        }
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        for value in [json!(null), json!("yesterday"), json!({})] {
            assert_eq!((time(&value).as_str(), money(&value).as_str()), ("–", "–"));
        }
        assert_eq!(time(&json!("2026-03-02T07:35:32+07:00")), "02/03/2026 07:35");
        assert_eq!(money(&json!(8000)), "8.000 đ");
    }
}
