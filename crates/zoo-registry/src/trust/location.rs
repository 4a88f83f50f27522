//! One spelling for each place of a registry, under which its trust is remembered: with
//! two, a second spelling would be a registry nobody has heard of.

use std::path::{Path, PathBuf};

use super::error::TrustError;
use crate::url::{Source, redacted};

/// `location` with scheme and host in lower case, without the default port and without a
/// slash at the end; a directory as an absolute path.
///
/// # Errors
/// [`TrustError::Location`] for what is no place of a registry, such as a url with a
/// password or a query.
pub(super) fn normalize(location: &str) -> Result<String, TrustError> {
    let refused = |why| TrustError::Location { location: redacted(location), why };
    if let Some(repository) = location.strip_prefix("git+") {
        return Ok(format!("git+{}", of_git(repository).map_err(refused)?));
    }
    let Some((scheme, rest)) = location.split_once("://") else {
        return directory(Path::new(location)).map_err(refused);
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let (scheme, authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
    match Source::parse(&format!("{scheme}://{authority}{path}")).map_err(refused)? {
        Source::File(path) => directory(&path).map_err(refused),
        _ if path.contains(['?', '#']) => Err(refused("has a query or a fragment")),
        _ => {
            let default_port = if scheme == "http" { ":80" } else { ":443" };
            let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
            Ok(format!("{scheme}://{authority}{}", path.trim_end_matches('/')))
        }
    }
}

/// The address of a repository. Who asks (`git@`) is part of it, for ssh; a password is not.
fn of_git(repository: &str) -> Result<String, &'static str> {
    for scheme in ["ssh://", "git://"] {
        let Some(rest) = repository.strip_prefix(scheme) else { continue };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if user.contains(':') || host.is_empty() {
            return Err("has a password, or no host");
        }
        let at = if user.is_empty() { "" } else { "@" };
        let path = path.trim_end_matches('/');
        return Ok(format!("{scheme}{user}{at}{}{path}", host.to_ascii_lowercase()));
    }
    if repository.starts_with("git+") {
        return Err("is no repository's address");
    }
    normalize(repository).map_err(|_| "is no repository's address")
}

fn directory(path: &Path) -> Result<String, &'static str> {
    let absolute = std::path::absolute(path).map_err(|_| "is not the path of a directory")?;
    // Through its components, a slash at the end and `.` in the middle are gone.
    let path: PathBuf = absolute.components().collect();
    let text = path.to_str().ok_or("is not UTF-8")?;
    if text.chars().any(char::is_control) {
        return Err("has control characters");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_020_one_registry_one_spelling() {
        let wanted = "https://host.example/Zoo";
        for location in [
            "https://host.example/Zoo",
            "https://host.example/Zoo/",
            "HTTPS://Host.Example:443/Zoo//",
        ] {
            assert_eq!(normalize(location).unwrap(), wanted, "{location}");
        }
        assert_eq!(normalize("http://h:80").unwrap(), "http://h");
        assert_eq!(normalize("http://h:443/").unwrap(), "http://h:443");
        let here = normalize("my models/").unwrap();
        assert!(here.ends_with("my models") && Path::new(&here).is_absolute(), "{here}");
        assert_eq!(normalize("./my models").unwrap(), here);
    }

    #[cfg(unix)]
    #[test]
    fn repositories_of_git() {
        for (location, wanted) in [
            ("git+file:///a/b/", "git+/a/b"),
            ("git+/a/b", "git+/a/b"),
            ("git+https://Host/a/", "git+https://host/a"),
            ("git+ssh://git@Host/a/", "git+ssh://git@host/a"),
        ] {
            assert_eq!(normalize(location).unwrap(), wanted, "{location}");
        }
        for location in
            ["git+ssh://me:pw@h/r", "git+https://me:pw@h/r", "git+git+/a", "git+ssh:///a"]
        {
            let error = normalize(location).unwrap_err();
            assert!(!error.to_string().contains("pw"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_url_is_its_directory() {
        for location in ["/a b/c", "/a b/./c/", "file:///a%20b/c", "FILE://localhost/a%20b/c/"] {
            assert_eq!(normalize(location).unwrap(), "/a b/c", "{location}");
        }
    }

    #[test]
    fn fault_021_and_051_no_secrets_in_places() {
        for location in
            ["https://me:pw@h/r", "https://h/r?token=pw", "https://h/r#pw", "ftp://h", ""]
        {
            let error = normalize(location).unwrap_err();
            assert!(matches!(error, TrustError::Location { .. }), "{location}");
            assert!(!error.to_string().contains("pw"), "{error}");
        }
    }
}
