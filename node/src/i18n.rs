//! What the program says to people, in Vietnamese and English.
//!
//! The texts are Fluent files under `node/i18n/LANGUAGE/ROOM.ftl`, built into the program. A key is a message's
//! name; the message of a [`Refusal`] has the refusal's code as its key and the attributes `.rule` (the rule and
//! its legal basis) and `.next` (what to do now). This room knows no other room's codes: tests compare the
//! languages with each other and the codes in the sources with the files.
//!
//! Values are put into texts as they are given: whoever calls formats dates (`clock::for_people`) for people.
//! Some are the exception, because whoever refuses does not know the person's language: money (names that end in
//! `_vnd`), the operating system's reasons, and codes under the names `why`, `act` and `status`.

use std::sync::LazyLock;

use fluent_bundle::FluentArgs;
use fluent_bundle::FluentResource;
use fluent_bundle::FluentValue;
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
    let args = refusal_args(language, refusal);
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

/// The text under `code` where it is the reason of something else, such as why an act in a dossier's history does
/// not count: without the values that only the moment of refusing had. It is the attribute `.past`, or the message
/// itself where it has none.
#[must_use]
pub fn say_past(language: Language, code: &str) -> String {
    let args = FluentArgs::new();
    Spoken::find(language, code)
        .and_then(|spoken| spoken.attribute("past", &args).or_else(|| spoken.value(&args)))
        .unwrap_or_else(|| code.to_owned())
}

/// An amount of money as people read it, in every language: `8.000 đ`.
#[must_use]
pub fn money(vnd: u64) -> String {
    let digits = vnd.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text.push_str(" đ");
    text
}

fn refusal_args(language: Language, refusal: &Refusal) -> FluentArgs<'static> {
    let mut args = FluentArgs::new();
    if let Some(field) = &refusal.field {
        args.set("field", field.clone());
    }
    for (name, value) in &refusal.args {
        args.set(name.clone(), spoken_value(language, name, value));
    }
    args
}

/// A refusal's value in a person's language, where it is of a kind that has one.
fn spoken_value(language: Language, name: &str, value: &str) -> String {
    if name.ends_with("_vnd") {
        return value.parse().map_or_else(|_| value.to_owned(), money);
    }
    let key = match (os_error(value), name) {
        (Some(number), _) => format!("os-error-{number}"),
        (None, "why") if has(language, value) => return say_past(language, value),
        (None, "act") => act_key(value),
        (None, "status") => status_key(value),
        (None, _) => return value.to_owned(),
    };
    if has(language, &key) { text(language, &key, &[]) } else { value.to_owned() }
}

/// The key of an act's name: `take_over` has its words under `kind-take-over`.
#[must_use]
pub fn act_key(act: &str) -> String {
    format!("kind-{}", act.replace('_', "-"))
}

/// The key of a national status's name, 1-10: `status-4`.
#[must_use]
pub fn status_key(status: impl std::fmt::Display) -> String {
    format!("status-{status}")
}

/// The number in a reason that the operating system gave, `Permission denied (os error 13)`.
fn os_error(value: &str) -> Option<u32> {
    value.rsplit_once("(os error ")?.1.strip_suffix(')')?.parse().ok()
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

/// Values are text (a number's leading zeros stay), but for `count`, which texts may choose plurals by.
fn fluent_args<'a>(args: &[(&'a str, &'a str)]) -> FluentArgs<'a> {
    args.iter()
        .map(|(name, value)| match value.parse::<u64>() {
            Ok(count) if *name == "count" => (*name, FluentValue::from(count)),
            Ok(_) | Err(_) => (*name, FluentValue::from(*value)),
        })
        .collect()
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
    "roles.ftl"
    "stick.ftl"
    "cli.ftl"
    "output.ftl"
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
        assert!(said.rule.is_some());
        assert!(said.next.is_some());
        assert_eq!(say(Language::En, &Refusal::new("done-rebuild")).rule, None);
        assert_ne!(say(Language::Vi, &refusal).message, said.message);
    }

    #[test]
    fn counts_choose_the_plural_and_other_numbers_stay_as_they_are_written() {
        assert_eq!(text(Language::En, "done-enrol-list", &[("count", "1")]), "1 machine.");
        assert_eq!(text(Language::En, "done-enrol-list", &[("count", "1000")]), "1000 machines.");
        assert_eq!(text(Language::Vi, "done-enrol-list", &[("count", "1")]), "1 máy.");
        let series = Refusal::new("duplicate-series").with("series", "007");
        assert!(say(Language::En, &series).message.contains("series 007;"));
    }

    #[test]
    fn money_has_a_dot_at_every_thousand() {
        for (vnd, expected) in [
            (0, "0 đ"),
            (8, "8 đ"),
            (800, "800 đ"),
            (8_000, "8.000 đ"),
            (123_456, "123.456 đ"),
            (1_000_000, "1.000.000 đ"),
            (u64::MAX, "18.446.744.073.709.551.615 đ"),
        ] {
            assert_eq!(money(vnd), expected);
        }
    }

    #[test]
    fn values_that_have_words_of_their_own_are_said_in_the_persons_language() {
        let said = |language, name, value: &str| spoken_value(language, name, value);
        for language in Language::ALL {
            assert_eq!(said(language, "fee_vnd", "8000"), "8.000 đ");
            assert_eq!(said(language, "fee", "8000"), "8000");
            let denied = said(language, "why", "Permission denied (os error 13)");
            assert_eq!(denied, text(language, "os-error-13", &[]));
            assert_ne!(denied, "os-error-13");
            assert_eq!(said(language, "why", "witness-locked"), text(language, "witness-locked", &[]));
            assert_eq!(said(language, "path", "witness-locked"), "witness-locked", "only a reason is a code");
            assert_eq!(said(language, "act", "take_over"), text(language, "kind-take-over", &[]));
            assert_eq!(said(language, "act", "fly"), "fly");
            assert_eq!(said(language, "status", "4"), text(language, "status-4", &[]));
            for code in ["store-not-writable", "store-corrupt", "store-newer", "store-io", "witness-missing"]
            {
                let reason = said(language, "why", code);
                assert!(!reason.contains('{') && reason != code, "{reason}");
            }
            let strange = "Something odd (os error 4711)";
            assert_eq!(said(language, "why", strange), strange);
        }
        assert_ne!(
            said(Language::Vi, "why", "Permission denied (os error 13)"),
            said(Language::En, "why", "Permission denied (os error 13)"),
        );
    }

    #[test]
    fn the_past_is_told_without_the_values_of_the_moment() {
        let refusal = Refusal::new("act-not-holder").with("holder", "H27.101").with("act", "transfer");
        for language in Language::ALL {
            assert!(say(language, &refusal).message.contains("H27.101"));
            let past = say_past(language, "act-not-holder");
            assert!(!past.contains('{') && !past.contains("act-not-holder"), "{past}");
            assert_eq!(say_past(language, "act-repeated"), text(language, "act-repeated", &[]));
            assert_eq!(say_past(language, "no-such-code"), "no-such-code");
        }
    }
}
