//! Keeping this office and the province in step: when to call, and what runs while the line is up.

pub mod schedule;
