//! Archives that other people's tools make, where those tools are.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use zoo_registry::archive::{ArchiveKind, Limits, MemberKind, extract, list};

use super::content;

/// Runs a tool in `dir`; `false`, with a word about it, where there is none.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn run(dir: &Path, program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.current_dir(dir).args(arguments).stdin(Stdio::null());
    if let Ok(output) = command.output() {
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {text}");
        return true;
    }
    eprintln!("skipped: there is no `{program}`");
    false
}

/// Whether `tar` is GNU's: others know other formats.
fn tar_is_gnu() -> bool {
    let version = Command::new("tar").arg("--version").output();
    version.is_ok_and(|output| output.stdout.starts_with(b"tar (GNU tar)"))
}

/// Files with short and long names, empty and not.
fn files() -> Vec<(String, Vec<u8>)> {
    let long = format!("data/{}/{}.bin", "d".repeat(80), "f".repeat(120));
    vec![
        ("data/model.bin".to_owned(), content(100_000)),
        ("data/empty".to_owned(), Vec::new()),
        ("data/zeros".to_owned(), vec![0; 5000]),
        ("data/block".to_owned(), content(512)),
        (long, content(700)),
        ("data/模型.txt".to_owned(), b"unicode".to_vec()),
    ]
}

fn folder(files: &[(String, Vec<u8>)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir
}

/// The archive has these files and no others, and each comes out equal.
#[track_caller]
fn check(archive: &Path, kind: ArchiveKind, files: &[(String, Vec<u8>)]) {
    let limits = Limits::default();
    assert_eq!(ArchiveKind::detect_file(archive).unwrap(), Some(kind), "{}", archive.display());
    let members = list(archive, kind, &limits)
        .unwrap_or_else(|error| panic!("{}: {:?}", archive.display(), error.fault));
    let count = members.iter().filter(|member| member.kind == MemberKind::File).count();
    assert_eq!(count, files.len());
    for (name, content) in files {
        let mut out = Vec::new();
        extract(archive, kind, name, &limits, &mut out).unwrap();
        assert!(out == *content, "{name} of {}", archive.display());
    }
}

#[test]
fn tars_of_tar() {
    let files = files();
    let dir = folder(&files);
    let formats: &[&str] = if tar_is_gnu() { &["gnu", "pax", "oldgnu"] } else { &["pax"] };
    for format in formats {
        let option = format!("--format={format}");
        for (kind, flags, name) in [
            (ArchiveKind::Tar, "-cf", format!("{format}.tar")),
            (ArchiveKind::TarGz, "-czf", format!("{format}.tgz")),
        ] {
            for root in ["data", "./data"] {
                if !run(dir.path(), "tar", &[&option, flags, &name, root]) {
                    return;
                }
                check(&dir.path().join(&name), kind, &files);
            }
        }
    }
    // These cannot store the long name.
    let short = [&files[..4], &files[5..]].concat();
    let dir = folder(&short);
    for format in ["ustar", "v7"].iter().filter(|_| tar_is_gnu()) {
        let option = format!("--format={format}");
        run(dir.path(), "tar", &[&option, "-cf", "short.tar", "data"]);
        check(&dir.path().join("short.tar"), ArchiveKind::Tar, &short);
    }
}

#[test]
fn gzips_of_gzip() {
    let dir = folder(&[("a".to_owned(), content(100_000)), ("b".to_owned(), content(10))]);
    if !run(dir.path(), "gzip", &["-9", "a", "b"]) {
        return;
    }
    let [a, b] = ["a.gz", "b.gz"].map(|name| fs::read(dir.path().join(name)).unwrap());
    let both = dir.path().join("both.gz");
    fs::write(&both, [a, b].concat()).unwrap();
    let mut out = Vec::new();
    extract(&both, ArchiveKind::Gz, "", &Limits::default(), &mut out).unwrap();
    assert!(out == [content(100_000), content(10)].concat());
}

#[test]
fn zips_of_zip() {
    let files = files();
    let dir = folder(&files);
    for (name, arguments) in [
        ("plain.zip", &["-qr", "plain.zip", "data"][..]),
        ("stored.zip", &["-qr0", "stored.zip", "data"]),
        ("zip64.zip", &["-qr", "-fz", "zip64.zip", "data"]),
        ("streamed.zip", &["-qr", "-fd", "streamed.zip", "data"]),
        ("bare.zip", &["-qrXD", "bare.zip", "data"]),
    ] {
        if !run(dir.path(), "zip", arguments) {
            return;
        }
        check(&dir.path().join(name), ArchiveKind::Zip, &files);
    }
    // To a pipe, where sizes come after the content.
    if run(dir.path(), "sh", &["-c", "zip -qr - data | cat > piped.zip"]) {
        check(&dir.path().join("piped.zip"), ArchiveKind::Zip, &files);
    }
}

/// `zipfile` and `tarfile`: zip64 by force, to a pipe that cannot seek, sizes in pax headers.
const PYTHON: &str = r#"
import os, sys, tarfile, zipfile
names = [os.path.join(d, f) for d, _, fs in os.walk("data") for f in fs]
for method, word in [(zipfile.ZIP_STORED, "stored"), (zipfile.ZIP_DEFLATED, "deflated")]:
    with zipfile.ZipFile(word + ".zip", "w", method) as z:
        for name in names:
            z.write(name)
    with zipfile.ZipFile(word + "64.zip", "w", method) as z:
        z.comment = b"a comment"
        for name in names:
            with z.open(zipfile.ZipInfo(name), "w", force_zip64=True) as out:
                out.write(open(name, "rb").read())
    class Pipe:
        def __init__(self, path): self.file = open(path, "wb")
        def write(self, data): return self.file.write(data)
        def flush(self): self.file.flush()
        def close(self): self.file.close()
    for force in [False, True]:
        pipe = Pipe(word + ("64" if force else "") + "-piped.zip")
        with zipfile.ZipFile(pipe, "w", method) as z:
            for name in names:
                info = zipfile.ZipInfo(name)
                info.compress_type = method
                with z.open(info, "w", force_zip64=force) as out:
                    out.write(open(name, "rb").read())
        pipe.close()
for format, word in [(tarfile.PAX_FORMAT, "pax"), (tarfile.GNU_FORMAT, "gnu")]:
    with tarfile.open(word + ".tar", "w", format=format) as t:
        t.add("data")
    with tarfile.open(word + ".tar.gz", "w:gz", format=format) as t:
        t.add("data")
"#;

#[test]
fn archives_of_python() {
    let files = files();
    let dir = folder(&files);
    if !run(dir.path(), "python3", &["-c", PYTHON]) {
        return;
    }
    let mut count = 0;
    for path in crate::support::list(dir.path()) {
        let kind = match path.extension().and_then(|extension| extension.to_str()) {
            Some("zip") => ArchiveKind::Zip,
            Some("tar") => ArchiveKind::Tar,
            Some("gz") => ArchiveKind::TarGz,
            _ => continue,
        };
        check(&path, kind, &files);
        count += 1;
    }
    assert_eq!(count, 12);
}
