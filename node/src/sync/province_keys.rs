//! The provincial server's public keys as a commune keeps them: what is meant for the province is sealed to them when
//! no line is there to ask.

use crate::identity::PublicKeys;
use crate::identity::to_cbor;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::View;

/// Under which key they are kept.
const PROVINCE_KEYS: &str = "province-keys";
/// The form of that record.
const PROVINCE_KEYS_VERSION: u8 = 1;

/// Keeps the public keys of the provincial server where bundles find them. Called whenever they were checked; writes
/// only when they are others than those here.
///
/// # Errors
/// The store failed.
pub fn keep_province_keys(store: &Store, keys: &PublicKeys) -> Result<(), StoreError> {
    let bytes = to_cbor(&(PROVINCE_KEYS_VERSION, *keys));
    if store.read(|view| view.meta(PROVINCE_KEYS))?.as_ref() == Some(&bytes) {
        return Ok(());
    }
    store.write(move |tx| tx.put_meta(PROVINCE_KEYS, &bytes))
}

/// The provincial server's public keys, once they were heard of.
///
/// # Errors
/// The store failed.
pub fn province_keys(view: &View<'_>) -> Result<Option<PublicKeys>, StoreError> {
    let Some(bytes) = view.meta(PROVINCE_KEYS)? else { return Ok(None) };
    let read: Result<(u8, PublicKeys), _> = minicbor::decode(&bytes);
    match read {
        Ok((PROVINCE_KEYS_VERSION, keys)) => Ok(Some(keys)),
        Ok(_) | Err(_) => Err(StoreError::Corrupt { what: "the province's keys".to_owned() }),
    }
}
