//! What every test here shares.
