//! One JSON object of a directory file, read field by field with every fault noted.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Date;
use jiff::civil::Time;
use serde::de;
use serde_json::Map;
use serde_json::Number;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::is_nfc_quick;

use crate::directory::Extensions;
use crate::directory::Validity;
use crate::directory::Word;
use crate::directory::fault::Fault;
use crate::directory::fault::ParseBounds;

/// The faults found so far, at most [`ParseBounds::faults_max`] of them.
#[derive(Debug)]
pub(super) struct Faults {
    list: Vec<Fault>,
    lines: BTreeSet<u32>,
    max: usize,
    is_cut: bool,
}

impl Faults {
    pub(super) const fn new(max: usize) -> Self {
        Self { list: Vec::new(), lines: BTreeSet::new(), max, is_cut: false }
    }

    pub(super) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.list.is_empty() && !self.is_cut
    }

    /// Whether a line has a fault already.
    pub(super) fn is_faulty(&self, line: u32) -> bool {
        self.lines.contains(&line)
    }

    pub(super) fn add(
        &mut self,
        line: u32,
        field: Option<String>,
        code: &'static str,
        args: Vec<(&'static str, String)>,
    ) {
        self.lines.insert(line);
        if self.list.len() < self.max {
            self.list.push(Fault { line, field, code, args });
        } else {
            self.is_cut = true;
        }
    }

    /// The faults by line, with a last one where the list was cut.
    pub(super) fn into_sorted(mut self) -> Vec<Fault> {
        self.list.sort_by_key(|fault| fault.line);
        if self.is_cut {
            self.list.push(Fault {
                line: 0,
                field: None,
                code: "directory-too-many-faults",
                args: vec![("max", self.max.to_string())],
            });
        }
        self.list
    }
}

/// A JSON value in NFC, in which no object names a key twice: `serde_json` alone would keep the last one and
/// say nothing.
pub(super) struct Strict(pub(super) Value);

impl<'de> de::Deserialize<'de> for Strict {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

/// How a duplicate key is told apart from bad syntax in the text of an error.
pub(super) const DUPLICATE_KEY: &str = "duplicate key ";

impl<'de> de::Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(nfc(text)))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let key = nfc(&key);
            let Strict(value) = entries.next_value()?;
            if map.contains_key(&key) {
                return Err(de::Error::custom(format_args!("{DUPLICATE_KEY}{key}")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

fn nfc(text: &str) -> String {
    if is_nfc_quick(text.chars()) == unicode_normalization::IsNormalized::Yes {
        text.to_owned()
    } else {
        text.nfc().collect()
    }
}

/// One object being read. Fields are taken out of it; what is left in the end is unknown.
pub(super) struct Record<'f> {
    pub(super) line: u32,
    path: String,
    map: Map<String, Value>,
    faults: &'f mut Faults,
    bounds: &'f ParseBounds,
    /// The file is of a newer program that lets this one read it: unknown fields are no fault.
    is_newer: bool,
}

impl<'f> Record<'f> {
    pub(super) const fn new(
        line: u32,
        map: Map<String, Value>,
        faults: &'f mut Faults,
        bounds: &'f ParseBounds,
        is_newer: bool,
    ) -> Self {
        Self { line, path: String::new(), map, faults, bounds, is_newer }
    }

    /// Notes a fault at a field of this object.
    pub(super) fn fault(&mut self, key: &str, code: &'static str, args: Vec<(&'static str, String)>) {
        let field = self.path_of(key);
        self.faults.add(self.line, Some(field), code, args);
    }

    /// Whether a field is given, with whatever value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_null())
    }

    pub(super) fn is_empty_list(&self, key: &str) -> bool {
        self.map.get(key).and_then(Value::as_array).is_some_and(Vec::is_empty)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// A value where there is one; `null` is the same as none.
    fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key).filter(|value| !value.is_null())
    }

    fn missing(&mut self, key: &str) {
        self.fault(key, "directory-missing", Vec::new());
    }

    fn wrong_type(&mut self, key: &str, expected: &'static str) {
        self.fault(key, "directory-wrong-type", vec![("expected", expected.to_owned())]);
    }

    /// Notes that a field which must be there is not, and gives on what was read.
    fn required<T>(&mut self, key: &str, read: impl FnOnce(&mut Self, &str) -> Option<T>) -> Option<T> {
        if !self.has(key) {
            self.missing(key);
        }
        read(self, key)
    }

    /// A text of 1 to the bound's characters, trimmed, without control characters.
    pub(super) fn optional_text(&mut self, key: &str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => self.checked_text(key, &text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.wrong_type(key, "text");
                None
            }
        }
    }

    fn checked_text(&mut self, key: &str, text: &str) -> Option<String> {
        let text = text.trim();
        let max = self.bounds.text_chars_max;
        if text.is_empty() {
            self.fault(key, "directory-empty", Vec::new());
        } else if text.chars().count() > max {
            self.fault(key, "directory-too-long", vec![("max", max.to_string())]);
        } else if text.chars().any(char::is_control) {
            self.fault(key, "directory-control-character", Vec::new());
        } else {
            return Some(text.to_owned());
        }
        None
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        self.required(key, Self::optional_text)
    }

    /// A code of our own: 1-64 ASCII letters, digits, `-`, `_`, `.` or `/`.
    pub(super) fn optional_code(&mut self, key: &str) -> Option<String> {
        let text = self.optional_text(key)?;
        let is_good = text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'));
        if is_good {
            Some(text)
        } else {
            self.wrong_form(key, &text, "A-Z a-z 0-9 - _ . /");
            None
        }
    }

    pub(super) fn code(&mut self, key: &str) -> Option<String> {
        self.required(key, Self::optional_code)
    }

    pub(super) fn wrong_form(&mut self, key: &str, value: &str, form: &str) {
        self.fault(key, "directory-form", vec![("value", shown(value)), ("form", form.to_owned())]);
    }

    /// A text that has a form of its own, such as an agency's code.
    pub(super) fn optional_parsed<T: std::str::FromStr>(
        &mut self,
        key: &str,
        form: &'static str,
    ) -> Option<T> {
        let text = self.optional_text(key)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.wrong_form(key, &text, form);
        }
        value
    }

    pub(super) fn parsed<T: std::str::FromStr>(&mut self, key: &str, form: &'static str) -> Option<T> {
        self.required(key, |record, key| record.optional_parsed(key, form))
    }

    pub(super) fn optional_word<W: Word>(&mut self, key: &str) -> Option<W> {
        let text = self.optional_text(key)?;
        self.word_of(key, &text)
    }

    fn word_of<W: Word>(&mut self, key: &str, text: &str) -> Option<W> {
        let found = W::ALL.iter().copied().find(|word| word.word() == text);
        if found.is_none() {
            let allowed: Vec<&str> = W::ALL.iter().map(|word| word.word()).collect();
            let args = vec![("value", shown(text)), ("allowed", allowed.join(", "))];
            self.fault(key, "directory-unknown-word", args);
        }
        found
    }

    pub(super) fn word<W: Word>(&mut self, key: &str) -> Option<W> {
        self.required(key, Self::optional_word)
    }

    pub(super) fn words<W: Word>(&mut self, key: &str) -> Vec<W> {
        self.items(key, |record, key, item| match item {
            Value::String(text) => record.word_of(key, &text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                record.wrong_type(key, "text");
                None
            }
        })
        .into_vec()
    }

    pub(super) fn texts(&mut self, key: &str) -> Vec<String> {
        self.items(key, |record, key, item| match item {
            Value::String(text) => record.checked_text(key, &text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                record.wrong_type(key, "text");
                None
            }
        })
        .into_vec()
    }

    /// A list of texts that have a form of their own.
    pub(super) fn parsed_list<T: std::str::FromStr>(&mut self, key: &str, form: &'static str) -> Vec<T> {
        let texts = self.texts(key);
        let mut values = Vec::with_capacity(texts.len());
        for (at, text) in texts.iter().enumerate() {
            match text.parse() {
                Ok(value) => values.push(value),
                Err(_) => self.wrong_form(&format!("{key}[{at}]"), text, form),
            }
        }
        values
    }

    pub(super) fn flag(&mut self, key: &str, default: bool) -> bool {
        match self.take(key) {
            None => default,
            Some(Value::Bool(flag)) => flag,
            Some(_) => {
                self.wrong_type(key, "yes-no");
                default
            }
        }
    }

    /// A whole number within bounds, both included.
    pub(super) fn optional_number(&mut self, key: &str, min: u64, max: u64) -> Option<u64> {
        let value = self.take(key)?;
        let Value::Number(number) = value else {
            self.wrong_type(key, "number");
            return None;
        };
        let found = number.as_u64().filter(|number| (min..=max).contains(number));
        if found.is_none() {
            let args =
                vec![("value", number.to_string()), ("min", min.to_string()), ("max", max.to_string())];
            self.fault(key, "directory-number-range", args);
        }
        found
    }

    pub(super) fn number(&mut self, key: &str, min: u64, max: u64) -> Option<u64> {
        self.required(key, |record, key| record.optional_number(key, min, max))
    }

    /// Hours in quarters, as minutes.
    pub(super) fn hours_as_minutes(&mut self, key: &str) -> Option<u32> {
        let value = self.required(key, Self::take_number)?;
        let quarters = value.as_f64().map(|hours| hours * 4.0).filter(|quarters| {
            quarters.fract() == 0.0 && (0.0..=f64::from(HOURS_MAX * 4)).contains(quarters)
        });
        let Some(quarters) = quarters else {
            self.wrong_form(key, &value.to_string(), "0, 0.25, 0.5, 4, 112");
            return None;
        };
        // A whole number of at most 40,000, by the filter above: going through its text loses nothing.
        quarters.to_string().parse::<u32>().ok().map(|quarters| quarters * 15)
    }

    fn take_number(&mut self, key: &str) -> Option<Number> {
        match self.take(key)? {
            Value::Number(number) => Some(number),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                self.wrong_type(key, "number");
                None
            }
        }
    }

    pub(super) fn optional_date(&mut self, key: &str) -> Option<Date> {
        let text = self.optional_text(key)?;
        let date = parse_date(&text);
        if date.is_none() {
            self.wrong_form(key, &text, "2026-03-02");
        }
        date
    }

    pub(super) fn date(&mut self, key: &str) -> Option<Date> {
        self.required(key, Self::optional_date)
    }

    pub(super) fn optional_time(&mut self, key: &str) -> Option<Time> {
        let text = self.optional_text(key)?;
        let time = parse_time(&text);
        if time.is_none() {
            self.wrong_form(key, &text, "07:30");
        }
        time
    }

    pub(super) fn time(&mut self, key: &str) -> Option<Time> {
        self.required(key, Self::optional_time)
    }

    pub(super) fn validity(&mut self) -> Validity {
        let valid = Validity { from: self.optional_date("valid_from"), to: self.optional_date("valid_to") };
        if let (Some(from), Some(to)) = (valid.from, valid.to)
            && from > to
        {
            self.fault("valid_to", "directory-dates-reversed", Vec::new());
        }
        valid
    }

    /// An object in a field.
    pub(super) fn object<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Record<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(key)?;
        self.nested(key, value, read)
    }

    /// A list of objects in a field; an absent list is an empty one.
    pub(super) fn objects<T>(
        &mut self,
        key: &str,
        mut read: impl FnMut(&mut Record<'_>) -> Option<T>,
    ) -> List<T> {
        self.items(key, |record, key, item| record.nested(key, item, &mut read))
    }

    fn nested<T>(
        &mut self,
        key: &str,
        value: Value,
        read: impl FnOnce(&mut Record<'_>) -> Option<T>,
    ) -> Option<T> {
        let Value::Object(map) = value else {
            self.wrong_type(key, "object");
            return None;
        };
        let mut nested = Record {
            line: self.line,
            path: self.path_of(key),
            map,
            faults: &mut *self.faults,
            bounds: self.bounds,
            is_newer: self.is_newer,
        };
        let read = read(&mut nested);
        nested.finish_nested();
        read
    }

    fn items<T>(&mut self, key: &str, mut read: impl FnMut(&mut Self, &str, Value) -> Option<T>) -> List<T> {
        let values = match self.take(key) {
            None => return List::empty(true),
            Some(Value::Array(values)) => values,
            Some(_) => {
                self.wrong_type(key, "list");
                return List::empty(false);
            }
        };
        let max = self.bounds.list_items_max;
        if values.len() > max {
            self.fault(key, "directory-too-long", vec![("max", max.to_string())]);
            return List::empty(false);
        }
        let mut list = List::empty(true);
        for (at, value) in values.into_iter().enumerate() {
            match read(self, &format!("{key}[{at}]"), value) {
                Some(item) => list.items.push((at, item)),
                None => list.is_whole = false,
            }
        }
        list
    }

    /// Words as keys and as values: `{"commune":"node"}`.
    pub(super) fn word_map<K: Word + Ord, V: Word>(&mut self, key: &str) -> BTreeMap<K, V> {
        self.object(key, |nested| {
            let keys: Vec<String> = nested.map.keys().cloned().collect();
            let mut words = BTreeMap::new();
            for key in keys {
                let name = nested.word_of::<K>(&key, &key);
                if let (Some(name), Some(value)) = (name, nested.optional_word(&key)) {
                    words.insert(name, value);
                }
            }
            nested.map.clear();
            Some(words)
        })
        .unwrap_or_default()
    }

    /// Notes a duplicate among the codes of a list of this record.
    pub(super) fn unique<T>(&mut self, key: &str, part: &str, list: &List<T>, code: impl Fn(&T) -> String) {
        let mut seen = BTreeSet::new();
        for (at, item) in list.iter() {
            let code = code(item);
            let value = shown(&code);
            if !seen.insert(code) {
                self.fault(&format!("{key}[{at}].{part}"), "directory-listed-twice", vec![("value", value)]);
            }
        }
    }

    /// What is left: extensions are kept, everything else is unknown.
    pub(super) fn finish(&mut self) -> Extensions {
        let mut extensions = Extensions::new();
        for (key, value) in std::mem::take(&mut self.map) {
            if key.starts_with("x_") {
                extensions.insert(key, sorted(value));
            } else if !self.is_newer {
                let field = shown(&key);
                self.fault(&field, "directory-unknown-field", vec![("value", field.clone())]);
            }
        }
        extensions
    }

    /// As [`finish`](Self::finish) for an object inside a record, which has no place to keep extensions in.
    fn finish_nested(&mut self) {
        for (key, _) in std::mem::take(&mut self.map) {
            if !self.is_newer {
                let field = shown(&key);
                self.fault(&field, "directory-unknown-field", vec![("value", field.clone())]);
            }
        }
    }
}

/// A list of a record, of which faulty elements are left out.
#[derive(Debug)]
pub(super) struct List<T> {
    /// The good elements with their places in the file.
    items: Vec<(usize, T)>,
    /// Whether none was left out.
    pub(super) is_whole: bool,
}

impl<T> List<T> {
    const fn empty(is_whole: bool) -> Self {
        Self { items: Vec::new(), is_whole }
    }

    /// The elements with their places in the file.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.items.iter().map(|(at, item)| (*at, item))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn any(&self, is_it: impl Fn(&T) -> bool) -> bool {
        self.items.iter().any(|(_, item)| is_it(item))
    }

    pub(super) fn into_vec(self) -> Vec<T> {
        self.items.into_iter().map(|(_, item)| item).collect()
    }
}

/// A value with the keys of its objects sorted, so that it has one form.
pub(super) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries: BTreeMap<String, Value> =
                map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// A year of working hours and more.
const HOURS_MAX: u32 = 10_000;

/// At most 40 characters of a value, for a message.
pub(super) fn shown(value: &str) -> String {
    let short: String = value.chars().filter(|c| !c.is_control()).take(40).collect();
    if value.chars().count() > 40 { format!("{short}…") } else { short }
}

/// A day as files write it, with all its digits: `2026-03-02`.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let date = Date::strptime("%Y-%m-%d", text).ok()?;
    (date.to_string() == text).then_some(date)
}

/// A time of day to the minute: `07:30`.
pub(super) fn parse_time(text: &str) -> Option<Time> {
    let time = Time::strptime("%H:%M", text).ok()?;
    (time_text(time) == text).then_some(time)
}

/// The form that [`parse_time`] reads.
pub(super) fn time_text(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}
