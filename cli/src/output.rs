//! The only place that prints.
//!
//! A command's result goes to standard output: as people's text, or with `--json` as one value that carries
//! `"v":1`, or as lines of which the last is `{"summary":…}`. Progress, remarks and failures for people go to
//! standard error. When nobody reads any more (a closed pipe), printing stops quietly and the work goes on.

use std::io;
use std::io::ErrorKind;
use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use motcua_node::i18n;
use motcua_node::i18n::Language;
use motcua_node::refusal::Refusal;
use serde_json::Map;
use serde_json::Value;

use crate::exit::Failure;
use crate::exit::said_as_json;
use crate::exit::said_as_text;

/// The version of all JSON output. Additions keep it.
const JSON_VERSION: u32 = 1;

/// Where and in which form a command's output goes.
#[derive(Debug)]
pub(crate) struct Output {
    /// The language of texts for people.
    pub(crate) language: Language,
    /// Whether results are JSON.
    pub(crate) is_json: bool,
    is_reader_gone: AtomicBool,
}

impl Output {
    /// Output to this process's standard output and error.
    pub(crate) const fn new(language: Language, is_json: bool) -> Self {
        Self { language, is_json, is_reader_gone: AtomicBool::new(false) }
    }

    /// A command's whole result: `value` (an object) with `"v":1`, or `text`.
    ///
    /// # Errors
    /// Standard output cannot be written, other than because nobody reads it.
    pub(crate) fn result(&self, value: Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        self.write(|| with_version(value).to_string(), text)
    }

    /// One of many results: a JSON line, or `text`.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub(crate) fn line(&self, value: &Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        self.write(|| value.to_string(), text)
    }

    /// One line that was refused while others go on: `{"line":N,"error":{…}}`, `line` counted from 1.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub(crate) fn refused_line(&self, line: u64, refusal: &Refusal) -> Result<(), Failure> {
        let value = serde_json::json!({ "line": line, "error": said_as_json(self.language, refusal) });
        self.line(&value, || {
            let place = self.text("said-line", &[("line", &line.to_string())]);
            format!("{place}: {}", said_as_text(self.language, refusal))
        })
    }

    /// What stands after all lines: `{"summary":…}`, or `text`.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub(crate) fn summary(&self, value: Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        self.write(|| Value::from(Map::from_iter([("summary".to_owned(), value)])).to_string(), text)
    }

    /// Progress or a remark, on standard error. Never needed to understand the result.
    pub(crate) fn note(&self, text: &str) {
        print_to(io::stderr().lock(), text).ok();
    }

    /// Why the command failed: text on standard error, or with `--json` an error value on standard output.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.is_json {
            let error = said_as_json(self.language, &failure.refusal);
            let value = with_version(Value::from(Map::from_iter([("error".to_owned(), error)])));
            if print_to(io::stdout().lock(), &value.to_string()).is_ok() {
                return;
            }
        }
        // Also where standard output cannot be written, which may be the failure itself.
        let text = format!("motcua: {}", said_as_text(self.language, &failure.refusal));
        print_to(io::stderr().lock(), &text).ok();
    }

    /// Help, which is text even with `--json`.
    pub(crate) fn help(&self, text: &str) {
        print_to(io::stdout().lock(), text.trim_end()).ok();
    }

    /// Whether nobody reads standard output any more, so that a long listing may end early.
    pub(crate) fn is_reader_gone(&self) -> bool {
        self.is_reader_gone.load(Ordering::Relaxed)
    }

    /// The text under `key` in the output's language.
    pub(crate) fn text(&self, key: &str, args: &[(&str, &str)]) -> String {
        i18n::text(self.language, key, args)
    }

    fn write(&self, json: impl FnOnce() -> String, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.is_reader_gone.load(Ordering::Relaxed) {
            return Ok(());
        }
        let printed = if self.is_json { json() } else { text() };
        match print_to(io::stdout().lock(), &printed) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_reader_gone.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => Err(Failure::machine(Refusal::new("output-not-written").with("cause", error))),
        }
    }
}

/// Writes `text` and the end of the line, all the way out.
fn print_to(mut target: impl Write, text: &str) -> io::Result<()> {
    target.write_all(text.as_bytes())?;
    target.write_all(b"\n")?;
    target.flush()
}

/// `value` with `"v"` as its first key. What is no object stands under `"value"`.
fn with_version(value: Value) -> Value {
    let mut object = Map::from_iter([("v".to_owned(), Value::from(JSON_VERSION))]);
    if let Value::Object(members) = value {
        object.extend(members);
    } else {
        object.insert("value".to_owned(), value);
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_carries_its_version_first() {
        let value = with_version(serde_json::json!({ "token": "t", "expires_at": "x" }));
        assert_eq!(value.to_string(), r#"{"v":1,"token":"t","expires_at":"x"}"#);
        assert_eq!(with_version(Value::Null).to_string(), r#"{"v":1,"value":null}"#);
    }

    /// Keys that the sources give to a function that says texts, each with the names of the values beside it
    /// (`None` where those are computed).
    fn keys_said(source: &str) -> Vec<(String, Option<Vec<String>>)> {
        let product = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code: String = product.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut keys = Vec::new();
        for call in ["text(", "says("] {
            for (at, _) in code.match_indices(call).filter(|(at, _)| !code[..*at].ends_with("fn ")) {
                let arguments = arguments(&code[at + call.len()..]);
                // `i18n::text` takes the language first.
                let place = usize::from(arguments[0].trim().ends_with("language"));
                let Some(key) = arguments.get(place).map(|key| key.trim()) else { continue };
                let values = arguments.get(place + 1).map_or("&[]", |values| values.trim());
                let names = values.starts_with("&[").then(|| {
                    let names = values.split("(\"").skip(1).filter_map(|rest| rest.split('"').next());
                    names.map(str::to_owned).collect()
                });
                // A key, or a choice among keys; what is computed is tested where it is.
                let before = match key.split(' ').next() {
                    Some("if") => "{ ",
                    Some("match") => "=> ",
                    _ => "",
                };
                let choices = if before.is_empty() { vec![key] } else { key.split(before).skip(1).collect() };
                let literals =
                    choices.iter().filter_map(|choice| choice.strip_prefix('"')?.split('"').next());
                keys.extend(literals.map(|key| (key.to_owned(), names.clone())));
            }
        }
        keys
    }

    /// The arguments of a call, from behind its opening bracket.
    fn arguments(code: &str) -> Vec<String> {
        let (mut depth, mut is_text, mut arguments) = (0, false, vec![String::new()]);
        for letter in code.chars() {
            match letter {
                '"' => is_text = !is_text,
                '(' | '[' | '{' if !is_text => depth += 1,
                ')' | ']' | '}' if !is_text && depth == 0 => break,
                ')' | ']' | '}' if !is_text => depth -= 1,
                ',' if !is_text && depth == 0 => {
                    arguments.push(String::new());
                    continue;
                }
                _ => {}
            }
            arguments.last_mut().unwrap().push(letter);
        }
        arguments
    }

    fn sources(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        files.into_iter().chain(folders.iter().flat_map(|folder| sources(folder))).collect()
    }

    #[test]
    fn every_key_that_is_said_has_its_text_and_its_values_in_both_languages() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (mut wrong, mut seen) = (Vec::new(), 0);
        for path in sources(&folder) {
            for (key, names) in keys_said(&std::fs::read_to_string(&path).unwrap()) {
                seen += 1;
                let names = names.as_ref();
                let values: Vec<(&str, &str)> =
                    names.into_iter().flatten().map(|name| (name.as_str(), "1")).collect();
                for language in Language::ALL {
                    let place = format!("{} in {}: {key}", path.display(), language.code());
                    if !i18n::has(language, &key) {
                        wrong.push(format!("{place} has no text"));
                    } else if names.is_some() && i18n::text(language, &key, &values).contains("{$") {
                        wrong.push(format!("{place} lacks a value: {}", i18n::text(language, &key, &values)));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
        assert!(seen > 80, "only {seen} keys found: does the search still know how texts are said?");
    }

    #[test]
    fn keys_are_found_however_they_are_given() {
        let source = r#"
            output.text("one-key", &[("a", &b), ("c", "d")]);
            i18n::text(language, "two", &[]);
            self.text(if x { "three" } else { "four" }, &args);
            let says = |key: &str| i18n::text(language, key, &[]); says("five");
            text(&people, value); fn text(key: &str) {}
            output.text(&format!("status-{status}"), &[]);
            // output.text("comment", &[])
        "#;
        let named = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let found = keys_said(source);
        for (key, names) in [
            ("one-key", named(&["a", "c"])),
            ("two", named(&[])),
            ("three", None),
            ("four", None),
            ("five", named(&[])),
        ] {
            assert!(found.contains(&(key.to_owned(), names)), "{key} in {found:?}");
        }
        assert_eq!(found.len(), 5, "{found:?}");
    }
}
