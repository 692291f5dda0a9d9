//! What the program says to people, in Vietnamese and English.
//!
//! The texts are Fluent files under `node/i18n/LANGUAGE/ROOM.ftl`, built into the program. A key is a message's
//! name; the message of a [`Refusal`] has the refusal's code as its key and the attributes `.rule` (the rule and
//! its legal basis) and `.next` (what to do now). This room knows no other room's codes: tests compare the
//! languages with each other and the codes in the sources with the files.
//!
//! Values are put into texts as they are given: whoever calls formats dates and money for people.

use std::sync::LazyLock;

use fluent_bundle::FluentArgs;
use fluent_bundle::FluentResource;
use fluent_bundle::concurrent::FluentBundle;
use unic_langid::LanguageIdentifier;

use crate::refusal::Refusal;

/// A language the program speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// Vietnamese, the offices' language and the default.
    #[default]
    Vi,
    /// English.
    En,
}

impl Language {
    /// Every language, the offices' own first.
    pub const ALL: [Self; 2] = [Self::Vi, Self::En];

    /// The language's code, as `--lang` takes it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }

    /// The language with this code.
    #[must_use]
    pub fn by_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }
}

/// A refusal as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What happened.
    pub message: String,
    /// The rule behind it and its basis, where there is one.
    pub rule: Option<String>,
    /// What to do now, where there is something to do.
    pub next: Option<String>,
}

/// The text under `key` with `args` put in.
///
/// A key without a text gives the key itself: a page with an ugly word is better than none. A value that the
/// text asks for and `args` lacks shows as its name in braces.
#[must_use]
pub fn text(language: Language, key: &str, args: &[(&str, &str)]) -> String {
    Spoken::find(language, key)
        .and_then(|spoken| spoken.value(&fluent_args(args)))
        .unwrap_or_else(|| key.to_owned())
}

/// Whether `language` has a text under `key`.
#[must_use]
pub fn has(language: Language, key: &str) -> bool {
    bundle(language).has_message(key)
}

/// A refusal in a person's language. A code without a text shows as the code.
#[must_use]
pub fn say(language: Language, refusal: &Refusal) -> Said {
    let mut args = FluentArgs::new();
    if let Some(field) = &refusal.field {
        args.set("field", field.as_str());
    }
    for (name, value) in &refusal.args {
        args.set(name.as_ref(), value.as_str());
    }
    let spoken = Spoken::find(language, &refusal.code);
    Said {
        message: spoken
            .as_ref()
            .and_then(|spoken| spoken.value(&args))
            .unwrap_or_else(|| refusal.code.clone().into_owned()),
        rule: spoken.as_ref().and_then(|spoken| spoken.attribute("rule", &args)),
        next: spoken.as_ref().and_then(|spoken| spoken.attribute("next", &args)),
    }
}

/// One message of one language.
struct Spoken {
    bundle: &'static FluentBundle<FluentResource>,
    message: fluent_bundle::FluentMessage<'static>,
}

impl Spoken {
    fn find(language: Language, key: &str) -> Option<Self> {
        let bundle = bundle(language);
        bundle.get_message(key).map(|message| Self { bundle, message })
    }

    fn value(&self, args: &FluentArgs<'_>) -> Option<String> {
        let pattern = self.message.value()?;
        Some(self.bundle.format_pattern(pattern, Some(args), &mut Vec::new()).into_owned())
    }

    fn attribute(&self, name: &str, args: &FluentArgs<'_>) -> Option<String> {
        let pattern = self.message.get_attribute(name)?.value();
        Some(self.bundle.format_pattern(pattern, Some(args), &mut Vec::new()).into_owned())
    }
}

fn fluent_args<'a>(args: &[(&'a str, &'a str)]) -> FluentArgs<'a> {
    args.iter().copied().collect()
}

fn bundle(language: Language) -> &'static FluentBundle<FluentResource> {
    static VI: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| load(Language::Vi));
    static EN: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| load(Language::En));
    match language {
        Language::Vi => &VI,
        Language::En => &EN,
    }
}

fn load(language: Language) -> FluentBundle<FluentResource> {
    let id: LanguageIdentifier = language.code().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Marks round every value would reach terminals, files and scripts; our texts have one direction.
    bundle.set_use_isolating(false);
    for file in FILES {
        // What can be read of a broken file is kept; the tests below let none through.
        let resource =
            FluentResource::try_new(file.of(language).to_owned()).unwrap_or_else(|(readable, _)| readable);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

/// One file of texts in all languages.
struct File {
    #[cfg(test)]
    name: &'static str,
    vi: &'static str,
    en: &'static str,
}

impl File {
    const fn of(&self, language: Language) -> &'static str {
        match language {
            Language::Vi => self.vi,
            Language::En => self.en,
        }
    }
}

macro_rules! files {
    ($($name:literal)*) => {
        &[$(File {
            #[cfg(test)]
            name: $name,
            vi: include_str!(concat!("../i18n/vi/", $name)),
            en: include_str!(concat!("../i18n/en/", $name)),
        },)*]
    };
}

/// One file per room that speaks.
const FILES: &[File] = files!(
    "directory.ftl"
    "dossier.ftl"
    "desk.ftl"
    "store.ftl"
    "transport.ftl"
    "sync.ftl"
    "cli.ftl"
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::collections::BTreeSet;

    use super::*;

    /// What a text consists of: the variables of its value and of each attribute.
    type Shape = BTreeMap<String, BTreeSet<String>>;

    /// The shapes of a file's texts, read from its source: keys start a line, attributes stand indented.
    fn shapes(source: &str) -> BTreeMap<String, Shape> {
        let mut shapes: BTreeMap<String, Shape> = BTreeMap::new();
        let (mut key, mut part) = (String::new(), String::new());
        for line in source.lines().filter(|line| !line.starts_with('#')) {
            let is_indented = line.starts_with([' ', '\t']);
            match line.split_once('=').map(|(name, _)| name.trim()) {
                Some(name) if !is_indented => {
                    (key, part) = (name.to_owned(), String::new());
                    shapes.entry(key.clone()).or_default().entry(part.clone()).or_default();
                }
                Some(name) if name.starts_with('.') => part = name.to_owned(),
                _ => {}
            }
            let variables = line.split('$').skip(1).map(|rest| {
                rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '-').collect::<String>()
            });
            if !key.is_empty() {
                shapes.entry(key.clone()).or_default().entry(part.clone()).or_default().extend(variables);
            }
        }
        shapes
    }

    #[test]
    fn every_text_exists_in_both_languages_with_the_same_parts_and_values() {
        let mut wrong = Vec::new();
        for file in FILES {
            let (vi, en) = (shapes(file.vi), shapes(file.en));
            for key in vi.keys().chain(en.keys()).collect::<BTreeSet<_>>() {
                if vi.get(key) != en.get(key) {
                    wrong.push(format!("{}: {key}: vi {:?}, en {:?}", file.name, vi.get(key), en.get(key)));
                }
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }

    #[test]
    fn every_file_is_readable_and_no_key_stands_in_two_files() {
        for language in Language::ALL {
            let mut bundle = FluentBundle::new_concurrent(vec![LanguageIdentifier::default()]);
            for file in FILES {
                let resource = FluentResource::try_new(file.of(language).to_owned());
                let resource = resource.unwrap_or_else(|(_, errors)| panic!("{} {errors:?}", file.name));
                bundle.add_resource(resource).unwrap_or_else(|errors| panic!("{} {errors:?}", file.name));
            }
        }
    }

    #[test]
    fn shapes_see_a_missing_attribute_and_a_missing_value() {
        let whole = shapes("a-b = x { $holder }\n    .next = y { $act }\n");
        assert_ne!(whole, shapes("a-b = x { $holder }\n"));
        assert_ne!(whole, shapes("a-b = x { $holder }\n    .next = y\n"));
        assert_eq!(whole, shapes("# c\na-b =\n    z = { $holder }\n    .next = { $act } w\n"));
    }

    #[test]
    fn a_key_without_text_shows_itself() {
        assert_eq!(text(Language::Vi, "no-such-key", &[]), "no-such-key");
        assert_eq!(text(Language::En, "not a key at all…", &[("a", "b")]), "not a key at all…");
        let said = say(Language::En, &Refusal::new("no-such-code"));
        assert_eq!(said, Said { message: "no-such-code".to_owned(), rule: None, next: None });
    }

    #[test]
    fn a_refusal_is_said_with_its_values_rule_and_next_step() {
        let refusal = Refusal::new("not-in-this-version").with("what", "motcua bundle inspect");
        let said = say(Language::En, &refusal);
        assert_eq!(said.message, "“motcua bundle inspect” is not in this version.");
        assert_eq!(said.rule, None);
        assert!(said.next.is_some());
        assert_ne!(say(Language::Vi, &refusal).message, said.message);
    }
}
