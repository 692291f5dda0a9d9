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
