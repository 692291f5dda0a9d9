//! Where this office's files are: its directory, and the witness outside of it.

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use motcua_node::refusal::Refusal;
use sync_protocol::ids::NodeId;

/// Where a machine's witness is kept when neither `--witness` nor `MOTCUA_WITNESS` names a file.
///
/// It is outside the office's directory on purpose, so that a copy of the directory has none: in
/// `$XDG_STATE_HOME/motcua`, or `~/.local/state/motcua`, or for a service without a home the directory that its
/// manager names in `$STATE_DIRECTORY`, or `/var/lib/motcua`.
pub(crate) fn default_witness_path(node: NodeId) -> PathBuf {
    witness_path(node, |name| std::env::var_os(name))
}

/// The office's directory, as `--dir` or `MOTCUA_DIR` names it.
///
/// # Errors
/// Neither is given.
pub(crate) fn directory(dir: Option<&Path>) -> Result<&Path, Refusal> {
    dir.ok_or_else(|| Refusal::of_field("dir-missing", "--dir"))
}

fn witness_path(node: NodeId, variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    // Relative paths count as unset, as the XDG specification asks.
    let directory = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = directory("XDG_STATE_HOME")
        .or_else(|| directory("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("motcua"))
        .or_else(|| directory("STATE_DIRECTORY"))
        .unwrap_or_else(|| PathBuf::from("/var/lib/motcua"));
    state.join(format!("witness-{node}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_witness_has_a_place_even_without_a_home() {
        let node = NodeId([0xab; 16]);
        let name = format!("witness-{node}");
        let all = [("XDG_STATE_HOME", "/x"), ("HOME", "/h"), ("STATE_DIRECTORY", "/var/lib/private/motcua")];
        for (skipped, expected) in [
            (0, "/x/motcua/"),
            (1, "/h/.local/state/motcua/"),
            (2, "/var/lib/private/motcua/"),
            (3, "/var/lib/motcua/"),
        ] {
            let set = all.get(skipped..).unwrap_or_default();
            let variable =
                |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value));
            assert_eq!(witness_path(node, variable), PathBuf::from(format!("{expected}{name}")));
        }
    }

    #[test]
    fn a_relative_state_directory_counts_as_unset() {
        let variable = |name: &str| Some(OsString::from(if name == "HOME" { "/h" } else { "state" }));
        let path = witness_path(NodeId([0; 16]), variable);
        assert!(path.starts_with("/h/.local/state/motcua"), "{}", path.display());
    }
}
