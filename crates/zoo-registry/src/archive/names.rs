//! Names of members: what is let in, and that no two of them meet on any file system.
//!
//! Nothing is ever written to a path that an archive names, so a bad name could do no harm
//! here. It is refused still: who makes such an archive means harm to somebody, and a caller
//! may show or join the names of [`super::list`].

use std::collections::HashMap;

use super::error::ArchiveFault;
use super::limits::Limits;
use super::{Member, MemberKind};

/// Most bytes in one part of a name: what Linux, macOS and Windows can store.
const MAX_COMPONENT_BYTES: usize = 255;

/// Device names of Windows: a file cannot have them, whatever its extension.
const WINDOWS_DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// The members seen so far, in order, with the names that they occupy.
pub(super) struct Names {
    limits: Limits,
    members: Vec<Member>,
    /// Folded path of every member and of every directory above one.
    taken: HashMap<String, Taken>,
    /// Members seen, with the root directory.
    count: u64,
    /// Bytes of all strings held.
    bytes: u64,
    /// Bytes of all contents.
    total: u64,
}

struct Taken {
    /// As it was first spelled.
    path: String,
    kind: MemberKind,
    /// Whether a member has this name, or a directory is only implied by what is in it.
    own: bool,
}

impl Names {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            members: Vec::new(),
            taken: HashMap::new(),
            count: 0,
            bytes: 0,
            total: 0,
        }
    }

    /// Checks a member against the rules, the limits and all earlier members.
    ///
    /// Gives its path: the name without a leading `./` and a trailing `/`; empty for the
    /// root directory, which is not kept.
    pub(super) fn add(
        &mut self,
        name: &[u8],
        kind: MemberKind,
        size: u64,
    ) -> Result<String, ArchiveFault> {
        self.count += 1;
        self.limits.check_members(self.count)?;
        self.limits.check_member(size)?;
        self.total = self.total.saturating_add(size);
        self.limits.check_total(self.total)?;
        let path = checked_path(name, kind, &self.limits)?;
        if path.is_empty() {
            return Ok(path);
        }
        for (at, _) in path.match_indices('/') {
            self.take(&path[..at], MemberKind::Directory, false)?;
        }
        self.take(&path, kind, true)?;
        self.bytes += path.len() as u64;
        self.limits.check_directory(self.bytes)?;
        self.members.push(Member { path: path.clone(), size, kind });
        Ok(path)
    }

    /// The members in the order in which they were added.
    pub(super) fn into_members(self) -> Vec<Member> {
        self.members
    }

    fn take(&mut self, path: &str, kind: MemberKind, own: bool) -> Result<(), ArchiveFault> {
        let key = fold(path);
        let Some(taken) = self.taken.get_mut(&key) else {
            self.bytes += (path.len() + key.len()) as u64;
            self.limits.check_directory(self.bytes)?;
            self.taken.insert(key, Taken { path: path.to_owned(), kind, own });
            return Ok(());
        };
        if taken.path != path {
            return Err(refused(path, format!("it differs from {:?} in case only", taken.path)));
        }
        if taken.kind != kind {
            return Err(refused(path, "it is a file and a directory"));
        }
        if own && taken.own {
            return Err(refused(path, "two members have it"));
        }
        taken.own |= own;
        Ok(())
    }
}

/// The path that `name` means.
fn checked_path(name: &[u8], kind: MemberKind, limits: &Limits) -> Result<String, ArchiveFault> {
    let lossy = String::from_utf8_lossy(&name[..name.len().min(limits.max_path_bytes)]);
    if name.len() > limits.max_path_bytes {
        return Err(refused(&lossy, format!("it has {} bytes", name.len())));
    }
    let Ok(name) = std::str::from_utf8(name) else {
        return Err(refused(&lossy, "it is not UTF-8"));
    };
    let path = strip_dot(name);
    let path = match kind {
        MemberKind::Directory => path.strip_suffix('/').unwrap_or(path),
        MemberKind::File => path,
    };
    // `tar` of `.` begins with the directory itself.
    if matches!(path, "." | "") && kind == MemberKind::Directory && !name.is_empty() {
        return if name.starts_with('.') {
            Ok(String::new())
        } else {
            Err(refused(name, "it is absolute"))
        };
    }
    let depth = path.split('/').count();
    if depth > limits.max_path_depth {
        return Err(refused(name, format!("it has {depth} parts")));
    }
    if path.starts_with('/') {
        return Err(refused(name, "it is absolute"));
    }
    for part in path.split('/') {
        if let Some(why) = problem_of(part) {
            return Err(refused(name, why));
        }
    }
    Ok(path.to_owned())
}

/// `name` as [`Member::path`] has it: what tar calls `./a` is asked for as `a` too.
pub(super) fn strip_dot(name: &str) -> &str {
    name.strip_prefix("./").unwrap_or(name)
}

/// The rule that one part of a name breaks.
fn problem_of(part: &str) -> Option<String> {
    if part.is_empty() {
        return Some("a part of it is empty".to_owned());
    }
    if part == "." || part == ".." {
        return Some(format!("`{part}` leads elsewhere"));
    }
    if part.len() > MAX_COMPONENT_BYTES {
        return Some(format!("a part of it has {} bytes", part.len()));
    }
    // `:` separates drives (`C:`) and streams on Windows.
    if let Some(bad) = part.chars().find(|&c| c.is_control() || c == '\\' || c == ':') {
        return Some(format!("{bad:?} is not allowed"));
    }
    if part.ends_with(['.', ' ']) {
        return Some("a part of it ends with a dot or blank".to_owned());
    }
    let stem = part.split('.').next().unwrap_or(part).trim_end().to_lowercase();
    let numbered = |prefix| {
        stem.strip_prefix(prefix).is_some_and(|rest| {
            let mut chars = rest.chars();
            let digit = matches!(chars.next(), Some('0'..='9' | '¹' | '²' | '³'));
            digit && chars.next().is_none()
        })
    };
    if WINDOWS_DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt") {
        return Some(format!("`{stem}` is a device name on Windows"));
    }
    None
}

/// What is equal for names that a case-folding file system takes for one. Upper case first,
/// for letters that only meet there (`ſ`, `ß`).
fn fold(path: &str) -> String {
    path.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

fn refused(name: &str, why: impl Into<String>) -> ArchiveFault {
    ArchiveFault::Name { name: name.chars().take(120).collect(), why: why.into() }
}
