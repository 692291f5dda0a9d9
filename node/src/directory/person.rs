//! The form of what a person says about themselves: id number, birth, phone.
