//! What is wrong with a directory file, and the bounds it is read within.

use crate::refusal::Refusal;

/// One fault of a directory file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line of the file, from 1; 0 for a fault of the file as a whole.
    pub line: u32,
    /// The field inside the record, such as `components[2].code`.
    pub field: Option<String>,
    /// Names the message in `i18n/*/directory.ftl`.
    pub code: &'static str,
    /// Values for the message.
    pub args: Vec<(&'static str, String)>,
}

impl Fault {
    /// The fault as a refusal: the same code and values, with the line as one more value.
    #[must_use]
    pub fn to_refusal(&self) -> Refusal {
        let refusal = Refusal { field: self.field.clone(), ..Refusal::new(self.code) };
        let refusal = self.args.iter().fold(refusal, |refusal, (name, value)| refusal.with(name, value));
        refusal.with("line", self.line)
    }
}

/// How much a directory file may hold. The defaults are those of the program; tests use smaller ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseBounds {
    /// Bytes of the whole file.
    pub file_bytes_max: usize,
    /// Bytes of one line.
    pub line_bytes_max: usize,
    /// Records, without comments and empty lines.
    pub records_max: usize,
    /// Characters of one text.
    pub text_chars_max: usize,
    /// Elements of one list.
    pub list_items_max: usize,
    /// Faults that are listed before the rest is left out.
    pub faults_max: usize,
}

impl Default for ParseBounds {
    fn default() -> Self {
        Self {
            file_bytes_max: 32 << 20,
            line_bytes_max: 256 << 10,
            records_max: 20_000,
            text_chars_max: 4_000,
            list_items_max: 500,
            faults_max: 1_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fluent_bundle::FluentArgs;
    use fluent_bundle::FluentBundle;
    use fluent_bundle::FluentResource;

    use super::*;

    const SOURCES: [&str; 7] = [
        include_str!("fault.rs"),
        include_str!("intake.rs"),
        include_str!("parse.rs"),
        include_str!("person.rs"),
        include_str!("record.rs"),
        include_str!("term.rs"),
        include_str!("workflow.rs"),
    ];
    const LANGUAGES: [(&str, &str); 2] = [
        ("vi", include_str!("../../i18n/vi/directory.ftl")),
        ("en", include_str!("../../i18n/en/directory.ftl")),
    ];
    /// What codes of this room begin with.
    const ROOTS: [&str; 15] = [
        "directory-",
        "calendar-",
        "procedure-",
        "case-",
        "agency-",
        "competent-",
        "officer-",
        "field-",
        "component-",
        "paper-",
        "waiver-",
        "id-no-",
        "birth-",
        "phone-",
        "email-",
    ];

    /// Every code that the sources of this room write between quotes, without their tests.
    fn codes() -> BTreeSet<&'static str> {
        SOURCES
            .iter()
            .filter_map(|source| source.split("#[cfg(test)]").next())
            .flat_map(|source| source.split('"').skip(1).step_by(2))
            .filter(|text| ROOTS.iter().any(|root| text.starts_with(root)))
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
            .collect()
    }

    fn bundle(language: &str, text: &'static str) -> FluentBundle<FluentResource> {
        let resource = FluentResource::try_new(text.to_owned()).expect("well-formed messages");
        let mut bundle = FluentBundle::new(vec![language.parse().unwrap()]);
        bundle.set_use_isolating(false);
        bundle.add_resource(resource).expect("no message twice");
        bundle
    }

    #[test]
    fn every_code_has_message_rule_and_next_step_in_both_languages() {
        let codes = codes();
        assert!(codes.len() > 60, "{codes:?}");
        for (language, text) in LANGUAGES {
            let bundle = bundle(language, text);
            for code in &codes {
                let message = bundle.get_message(code).unwrap_or_else(|| panic!("{language}: {code}"));
                assert!(message.value().is_some(), "{language}: {code}");
                for part in ["rule", "next"] {
                    assert!(message.get_attribute(part).is_some(), "{language}: {code}.{part}");
                }
            }
            let named = text.lines().filter_map(|line| line.split_once(" =")).map(|(name, _)| name);
            let unused: Vec<_> =
                named.filter(|name| !name.starts_with([' ', '#']) && !codes.contains(name)).collect();
            assert!(unused.is_empty(), "{language}: {unused:?}");
        }
    }

    #[test]
    fn both_languages_use_the_same_values() {
        let values = |text: &str| {
            let mut current = String::new();
            let mut found = BTreeSet::new();
            for line in text.lines() {
                if let Some((name, _)) = line.split_once(" =").filter(|_| !line.starts_with([' ', '#'])) {
                    current = name.to_owned();
                }
                for rest in line.split('$').skip(1) {
                    let name: String =
                        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                    found.insert((current.clone(), name));
                }
            }
            found
        };
        assert_eq!(values(LANGUAGES[0].1), values(LANGUAGES[1].1));
    }

    #[test]
    fn faults_carry_every_value_that_their_message_shows() {
        let file = r#"{"kind":"province","v":1,"code":"H27","name":"Hà Tĩnh","nmae":1,"region":"442"}
{"kind":"agency","code":"H27.101","name":7,"level":"x","type":"commune","seat":"node","parent":"H27.9","successor":"H27.77"}
{"kind":"agency","code":"H27.101"}
{"kind":"moon"}
[
[]
{"kind":"workflow","code":"Q","name":"Q","steps":[{"code":"B1","name":"B","role":"leader","hours":99},{"code":"B1","name":"B","role":"leader","hours":0.1}]}
{"kind":"procedure","code":"1.000001","name":"A","area":"B","decided_by":"H27.55","term":{"unit":"none","amount":1},"fees":[{"name":"F","kind":"fee","vnd":-1,"when":"receipt"}]}
{"kind":"procedure","code":"1.000001","name":"A","area":"B","decided_by":"any","term":{"unit":"same_day"},"a":1,"a":2}
{"kind":"province","v":1,"code":"H27","name":"Hà Tĩnh"}"#;
        let faults = crate::directory::Directory::parse(file, &ParseBounds::default()).unwrap_err();
        assert!(faults.len() >= 15, "{faults:#?}");
        for (language, text) in LANGUAGES {
            let bundle = bundle(language, text);
            for fault in &faults {
                let refusal = fault.to_refusal();
                let mut args = FluentArgs::new();
                for (name, value) in &refusal.args {
                    args.set(name.as_ref(), value.as_str());
                }
                let message = bundle.get_message(&refusal.code).unwrap();
                let parts = [message.value(), message.get_attribute("rule").map(|part| part.value())];
                for pattern in parts.into_iter().flatten() {
                    let mut errors = Vec::new();
                    let shown = bundle.format_pattern(pattern, Some(&args), &mut errors);
                    assert!(errors.is_empty(), "{language} {}: {errors:?} {shown}", refusal.code);
                }
            }
        }
    }
}
