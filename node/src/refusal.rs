//! Why something a person asked for was not done, in a form that can be said in their language.

use std::borrow::Cow;

/// A request that was refused, with nothing written.
///
/// `code` names a message in `i18n/*/*.ftl`: the message itself says what happened, its attribute `.rule` the
/// rule and its legal basis, and `.next` what to do now. A test checks that both languages have every code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("{code}{}", field.as_deref().map(|field| format!(" ({field})")).unwrap_or_default())]
pub struct Refusal {
    /// Stable name, kebab-case, for example `act-not-holder`.
    pub code: Cow<'static, str>,
    /// The field of the line or form that is wrong, as the contract spells it.
    pub field: Option<String>,
    /// Values for the message, by the names it uses. Never personal data.
    pub args: Vec<(Cow<'static, str>, String)>,
}

impl Refusal {
    /// A refusal that concerns the request as a whole.
    #[must_use]
    pub fn new(code: &'static str) -> Self {
        Self { code: Cow::Borrowed(code), field: None, args: Vec::new() }
    }

    /// A refusal that concerns one field.
    #[must_use]
    pub fn of_field(code: &'static str, field: impl Into<String>) -> Self {
        Self { code: Cow::Borrowed(code), field: Some(field.into()), args: Vec::new() }
    }

    /// The same refusal with one more value for its message.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.args.push((Cow::Borrowed(name), value.to_string()));
        self
    }
}
