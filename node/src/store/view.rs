//! A consistent look at the store. Each room file of `store/` adds its own questions to [`View`].

use rusqlite::Connection;

/// What can be asked, by a reader and inside a write job alike; all answers come from one transaction.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(crate) connection: &'a Connection,
}
