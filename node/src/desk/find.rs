//! Reading: one dossier whole, lists, and what the export says, all from one moment of the store.
