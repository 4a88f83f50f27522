//! Looking into `.zoo` files without the program.

use std::fs;
use std::path::Path;

/// The digest that the list at the end of a `.zoo` file states for one of its members.
#[track_caller]
pub fn stated_digest(bundle: &Path, member: &str) -> String {
    let bytes = fs::read(bundle).unwrap();
    // Digests, the last of which is that of the weights: far less than this.
    let end = &bytes[bytes.len().saturating_sub(4096)..];
    let text = String::from_utf8_lossy(end);
    let line = text.lines().find_map(|line| line.strip_suffix(&format!("  {member}")));
    let line = line.unwrap_or_else(|| panic!("no digest of {member} in {}", bundle.display()));
    // What stands before the first digest is a header of zeros.
    line[line.len() - 64..].to_owned()
}

/// Whether both files have the same bytes.
pub fn same_bytes(a: &Path, b: &Path) -> bool {
    fs::read(a).unwrap() == fs::read(b).unwrap()
}
