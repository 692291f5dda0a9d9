//! The built-in sample directory (domain.md 8).
