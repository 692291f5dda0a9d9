//! How the program ends: the exit codes, which never change meaning, and why a command failed as a whole.

use motcua_node::i18n;
use motcua_node::i18n::Language;
use motcua_node::refusal::Refusal;
use serde_json::Value;
use serde_json::json;

/// The exit codes. Scripts rely on them: new ones may be added, none is given another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done, possibly with remarks (which stand in the output).
    Done,
    /// 1: `verify` or `doctor` found something.
    Findings,
    /// 2: the input or the request was refused, with reasons; also when only some lines were.
    Refused,
    /// 3: the other side was not reached; nothing is lost.
    NotReached,
    /// 4: this machine cannot: disk, lock, permission, version.
    Machine,
    /// 70: our bug.
    Bug,
}

impl Exit {
    /// The number that the system is given.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Findings => 1,
            Self::Refused => 2,
            Self::NotReached => 3,
            Self::Machine => 4,
            Self::Bug => 70,
        }
    }
}

/// Why a command failed as a whole. Refused lines of a command that goes on are no failure; they are said with
/// [`said_as_json`] in their place.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How the program ends.
    pub(crate) exit: Exit,
    /// What to tell the person.
    pub(crate) refusal: Refusal,
}

impl Failure {
    /// The input or the request is refused: exit 2.
    pub(crate) const fn refused(refusal: Refusal) -> Self {
        Self { exit: Exit::Refused, refusal }
    }

    /// The other side was not reached: exit 3.
    pub(crate) const fn not_reached(refusal: Refusal) -> Self {
        Self { exit: Exit::NotReached, refusal }
    }

    /// This machine cannot: exit 4.
    pub(crate) const fn machine(refusal: Refusal) -> Self {
        Self { exit: Exit::Machine, refusal }
    }

    /// Our bug: exit 70.
    pub(crate) const fn bug(refusal: Refusal) -> Self {
        Self { exit: Exit::Bug, refusal }
    }

    /// A command or flag of a later version: exit 2. `what` is as the person would type it.
    pub(crate) fn not_in_this_version(what: &str) -> Self {
        Self::refused(Refusal::new("not-in-this-version").with("what", what))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::refused(refusal)
    }
}

/// A refusal as the contract's `{"code","message","field","rule","next"}`.
pub(crate) fn said_as_json(language: Language, refusal: &Refusal) -> Value {
    let said = i18n::say(language, refusal);
    json!({
        "code": refusal.code,
        "message": said.message,
        "field": refusal.field,
        "rule": said.rule,
        "next": said.next,
    })
}

/// A refusal as people read it: what happened, then rule, next step and code, each on a line of its own.
pub(crate) fn said_as_text(language: Language, refusal: &Refusal) -> String {
    let said = i18n::say(language, refusal);
    let mut lines = vec![said.message];
    let mut add = |key, name, value: &str| {
        lines.push(format!("  {}", i18n::text(language, key, &[(name, value)])));
    };
    if let Some(rule) = &said.rule {
        add("said-rule", "rule", rule);
    }
    if let Some(next) = &said.next {
        add("said-next", "next", next);
    }
    if let Some(field) = &refusal.field {
        add(if field.starts_with('-') { "said-option" } else { "said-field" }, "field", field);
    }
    add("said-code", "code", &refusal.code);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_in_json_has_all_five_keys() {
        let refusal = Failure::not_in_this_version("motcua scan add").refusal;
        let said = said_as_json(Language::En, &refusal);
        let keys: Vec<&String> = said.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["code", "message", "field", "rule", "next"]);
        assert_eq!(said["field"], Value::Null);
        assert_eq!(said["message"], "“motcua scan add” is not in this version.");
    }

    #[test]
    fn a_refusal_for_people_ends_with_its_code() {
        let refusal = Refusal::of_field("usage-value", "--limit").with("argument", "--limit");
        let text = said_as_text(Language::En, &refusal);
        assert!(text.ends_with("Code: usage-value"), "{text}");
        assert!(text.contains("Option: --limit"), "{text}");
        let refusal = Refusal::of_field("line-missing", "owner.name");
        assert!(said_as_text(Language::En, &refusal).contains("Field: owner.name"));
    }
}
