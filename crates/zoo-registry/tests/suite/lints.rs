//! Each rule of lint finds what it is for, and nothing in a good entry.

use zoo_registry::{Entry, Finding, Level, lint};

const FULL: &str = "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889";
const OTHER: &str = "7ebf99e03e254b273379b23edca7ec0da9f48273b23a332b93c1c99d49e86e8f";

/// A good entry, named `name`, whose one file has the sha256 `digest`.
fn good(name: &str, digest: &str) -> String {
    format!(
        r#"
schema = 1
name = "{name}"
aliases = ["{name}-x"]
summary = "A network"
task = "image-classification"
family = "net"
architecture = "net"
parameters = 1000000
input = "3x224x224"
classes = 1000
licence = "BSD-3-Clause"
citation = "Somebody: A Network"
upstream = "https://example.org/{name}"
labels = "imagenet-1k"
preparation = "RGB"
default = "1.0.0"

[[version]]
version = "1.0.0"
weights = "first"

[[version.files]]
path = "{name}.pth"
size = {{ bytes = 4000100, exact = true }}
sha256 = "{digest}"
format = "pytorch"
urls = ["https://example.org/{name}.pth"]
evidence = [
  {{ kind = "sha256-prefix", value = "{prefix}", publisher = "the author", sources = 1 }},
]
"#,
        prefix = &digest[..8]
    )
}

fn found(texts: &[&str]) -> Vec<Finding> {
    let entries: Vec<Entry> =
        texts.iter().map(|text| Entry::from_toml(text, "test").unwrap()).collect();
    lint(&entries, &Entry::is_convertible)
}

/// The rules that `text` breaks, with their levels; notes that count are left out.
fn broken(text: &str) -> Vec<(Level, &'static str)> {
    broken_of(&[text])
}

fn broken_of(texts: &[&str]) -> Vec<(Level, &'static str)> {
    let mut rules: Vec<_> = found(texts)
        .iter()
        .filter(|finding| finding.entry.is_some())
        .map(|finding| (finding.level, finding.rule))
        .collect();
    rules.dedup();
    rules
}

/// The good entry with `from` replaced, which must be in it.
fn with(from: &str, to: &str) -> String {
    let text = good("net", FULL);
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[test]
fn a_good_entry_has_no_findings_but_a_missing_vector() {
    let findings = found(&[&good("net", FULL), &good("other", OTHER)]);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((findings[0].rule, findings[0].level), ("parity", Level::Note));
    assert_eq!(
        findings[0].to_string(),
        "note[parity]: 2 of 2 versions that run lack a parity vector"
    );
    let proved = "weights = \"first\"\nparity = { rule = \"tiles\", shape = [1, 3, 8, 8], \
                  expected = [0.5], deviation = 1.0 }";
    assert_eq!(found(&[&with("weights = \"first\"", proved)]), []);
}

#[test]
fn schema() {
    let text = with("default = \"1.0.0\"", "default = \"2.0.0\"");
    assert_eq!(broken(&text), [(Level::Error, "schema")]);
    let text = with("summary = \"A network\"", "summary = \" \"");
    assert_eq!(broken(&text), [(Level::Error, "schema")]);
    let text = with("citation = \"Somebody: A Network\"", "citation = \"\"");
    assert_eq!(broken(&text), [(Level::Error, "schema")]);
}

#[test]
fn no_version_to_choose() {
    let text = with("weights = \"first\"", "weights = \"first\"\nyanked = true");
    let rules = broken(&text);
    assert!(rules.contains(&(Level::Error, "default")), "{rules:?}");
    assert!(rules.contains(&(Level::Error, "schema")), "{rules:?}");
}

#[test]
fn digests_of_nothing() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(broken(&good("net", empty)), [(Level::Error, "empty-digest")]);
    for (kind, value) in [
        ("md5", "d41d8cd98f00b204e9800998ecf8427e"),
        ("sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        (
            "sha384",
            "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
        ),
    ] {
        let line = format!(
            "evidence = [\n  {{ kind = \"{kind}\", value = \"{value}\", publisher = \"x\", sources = 1 }},"
        );
        let text = with("evidence = [", &line);
        assert_eq!(broken(&text), [(Level::Error, "empty-digest")], "{kind}");
    }
    // A prefix of it alone, and inside an archive.
    let sha256 = format!("sha256 = \"{FULL}\"\n");
    let text = with(&sha256, "").replace(&FULL[..8], &empty[..8]);
    assert_eq!(broken(&text), [(Level::Error, "empty-digest")]);
    let inside =
        format!("format = \"pytorch\"\narchive = {{ kind = \"gz\", sha256 = \"{empty}\" }}");
    assert_eq!(broken(&with("format = \"pytorch\"", &inside)), [(Level::Error, "empty-digest")]);
}

#[test]
fn digests_that_disagree() {
    let line = |kind: &str, value: &str| {
        format!(
            "  {{ kind = \"{kind}\", value = \"{value}\", publisher = \"x\", sources = 1 }},\n]"
        )
    };
    // With a full digest the schema finds it too.
    let text = with("\n]", &format!("\n{}", line("sha256", OTHER)));
    let rules = broken(&text);
    assert!(rules.contains(&(Level::Error, "digests-disagree")), "{rules:?}");
    assert!(rules.contains(&(Level::Error, "schema")), "{rules:?}");
    // Without one, only here.
    let bare = with(&format!("sha256 = \"{FULL}\"\n"), "");
    let text = bare.replacen("\n]", &format!("\n{}", line("sha256", OTHER)), 1);
    assert_eq!(broken(&text), [(Level::Error, "digests-disagree")]);
    let twice = format!("{}\n", line("md5", &"a".repeat(32)).trim_end_matches(']'));
    let text = with("\n]", &format!("\n{twice}{}", line("md5", &"b".repeat(32))));
    assert_eq!(broken(&text), [(Level::Error, "digests-disagree")]);
}

#[test]
fn a_digest_in_a_name() {
    let named = |name: &str| {
        with("path = \"net.pth\"", &format!("path = \"{name}\""))
            .replace("https://example.org/net.pth", &format!("https://example.org/{name}"))
    };
    assert_eq!(broken(&named("net-b0353104.pth")), []);
    assert_eq!(broken(&named("net-b0353105.pth")), [(Level::Warning, "digest-in-name")]);
    assert_eq!(broken(&named("net-20170101.pth")), [(Level::Warning, "digest-in-name")]);
    assert_eq!(broken(&named("net-v2.pth")), []);
}

#[test]
fn licences() {
    for bad in ["Apache 2.0", "see model card", "LicenseRef-"] {
        let text = with("licence = \"BSD-3-Clause\"", &format!("licence = \"{bad}\""));
        assert_eq!(broken(&text), [(Level::Error, "licence")], "{bad}");
    }
    let own = "licence = \"LicenseRef-unknown\"";
    let text = with("licence = \"BSD-3-Clause\"", own);
    assert_eq!(broken(&text), [(Level::Warning, "licence")]);
    let noted = format!("{own}\nlicence_note = \"nobody says\"");
    assert_eq!(broken(&with("licence = \"BSD-3-Clause\"", &noted)), []);
    // Of a version, whose note is its own.
    let text = with("weights = \"first\"", &format!("weights = \"first\"\n{own}")).replace(
        "licence = \"BSD-3-Clause\"",
        "licence = \"MIT\"\nlicence_note = \"of the entry\"",
    );
    assert_eq!(broken(&text), [(Level::Warning, "licence")]);
}

#[test]
fn how_an_image_becomes_an_input() {
    let text = with("preparation = \"RGB\"\n", "");
    assert_eq!(broken(&text), [(Level::Error, "preprocessing")]);
    let text = text.replace("image-classification", "word-vectors");
    assert_eq!(broken(&text), []);
}

#[test]
fn fault_008_schemes_of_urls() {
    let url = |url: &str| with("https://example.org/net.pth", url);
    assert_eq!(broken(&url("http://example.org/net.pth")), [(Level::Note, "url-scheme")]);
    let bare = url("http://example.org/net.pth").replace(&format!("sha256 = \"{FULL}\"\n"), "");
    assert_eq!(broken(&bare), [(Level::Warning, "url-scheme")]);
    assert_eq!(broken(&url("file:///home/net.pth")), [(Level::Error, "url-scheme")]);
    assert_eq!(broken(&url("/home/net.pth")), [(Level::Error, "url-scheme")]);
    assert_eq!(broken(&url("ftp://example.org/net.pth")), [(Level::Error, "schema")]);
    for fine in ["hf:me/net/net.pth", "builtin:net", "pypi:net==1.0!net/net.pth", "net.pth"] {
        assert_eq!(broken(&url(fine)), [], "{fine}");
    }
}

#[test]
fn names_at_the_ends_of_urls() {
    let url = |url: &str| with("https://example.org/net.pth", url);
    assert_eq!(broken(&url("https://example.org/other.pth")), [(Level::Warning, "url-name")]);
    assert_eq!(broken(&url("https://example.org/net.pth?download=1")), []);
    assert_eq!(broken(&url("https://example.org/download?id=7")), []);
    let mirror = "https://example.org/net.pth\", \"https://mirror.example.org/other.pth";
    assert_eq!(broken(&url(mirror)), []);
}

#[test]
fn sizes_that_cannot_be() {
    let size = |bytes: &str| with("bytes = 4000100", &format!("bytes = {bytes}"));
    for bytes in ["12", "99999999999999", "400000", "17000000"] {
        assert_eq!(broken(&size(bytes)), [(Level::Warning, "size")], "{bytes}");
    }
    for bytes in ["2000100", "8000100"] {
        assert_eq!(broken(&size(bytes)), [], "{bytes}");
    }
}

#[test]
fn upstreams() {
    for line in ["upstream = \"example.org\"", "upstream = \"http://example.org\""] {
        let text = with("upstream = \"https://example.org/net\"", line);
        assert_eq!(broken(&text), [(Level::Warning, "upstream")]);
        let text = with("weights = \"first\"", &format!("weights = \"first\"\n{line}"));
        assert_eq!(broken(&text), [(Level::Warning, "upstream")]);
    }
}

#[test]
fn fault_003_twins_across_entries() {
    let twin = good("n.et", OTHER);
    assert_eq!(broken_of(&[&good("net", FULL), &twin]), [(Level::Error, "twins")]);
    let alias = good("other", OTHER).replace("\"other-x\"", "\"n-e-t\"");
    assert_eq!(broken_of(&[&good("net", FULL), &alias]), [(Level::Error, "twins")]);
}

#[test]
fn one_digest_under_two_names() {
    let two = broken_of(&[&good("net", FULL), &good("other", FULL)]);
    assert_eq!(two, [(Level::Error, "same-digest")]);
    // By another kind of digest, and by a prefix alone.
    let md5 = |name: &str, digest: &str| {
        good(name, digest).replacen(
            "evidence = [",
            "evidence = [\n  { kind = \"md5\", value = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \
             publisher = \"x\", sources = 1 },",
            1,
        )
    };
    assert_eq!(
        broken_of(&[&md5("net", FULL), &md5("other", OTHER)]),
        [(Level::Error, "same-digest")]
    );
    let prefix = good("other", FULL).replace(&format!("sha256 = \"{FULL}\"\n"), "");
    assert_eq!(broken_of(&[&good("net", FULL), &prefix]), [(Level::Error, "same-digest")]);
}

/// The second version of an entry, with the file of the first.
fn again(said: &str, bytes: u64) -> String {
    let first = good("net", FULL);
    let version = &first[first.find("[[version]]").unwrap()..];
    let second = version
        .replace("version = \"1.0.0\"\n", &format!("version = \"2.0.0\"\n{said}"))
        .replace("weights = \"first\"", "weights = \"second\"")
        .replace("https://example.org", "https://mirror.example.org")
        .replace("bytes = 4000100", &format!("bytes = {bytes}"));
    format!("{first}\n{second}")
}

#[test]
fn fault_044_one_digest_twice_in_an_entry() {
    assert_eq!(broken(&again("", 4_000_100)), [(Level::Warning, "same-digest")]);
    let said = "provenance = \"another publisher's copy\"\n";
    assert_eq!(broken(&again(said, 4_000_100)), []);
    assert_eq!(broken(&again(said, 4_000_101)), [(Level::Error, "same-digest")]);
}

#[test]
fn one_archive_has_many_members() {
    let zip =
        |name: &str, member: &str| {
            good(name, FULL)
            .replace("format = \"pytorch\"", &format!(
                "format = \"pytorch\"\narchive = {{ kind = \"zip\", member = \"{member}\" }}"
            ))
            .replace(&format!("{name}.pth"), "all.zip")
        };
    assert_eq!(broken_of(&[&zip("net", "a.pth"), &zip("other", "b.pth")]), []);
    let same = broken_of(&[&zip("net", "a.pth"), &zip("other", "a.pth")]);
    assert_eq!(same, [(Level::Error, "same-digest"), (Level::Error, "same-url")]);
    let unknown = zip("net", "a.pth").replace(", member = \"a.pth\"", "");
    assert_eq!(broken(&unknown), [(Level::Note, "archive-member")]);
}

#[test]
fn one_url_with_two_files() {
    let other = good("other", OTHER)
        .replace("example.org/other.pth", "example.org/net.pth")
        .replace("path = \"other.pth\"", "path = \"net.pth\"");
    assert_eq!(broken_of(&[&good("net", FULL), &other]), [(Level::Error, "same-url")]);
}

#[test]
fn files_without_a_sha256_are_counted() {
    let text = with(&format!("sha256 = \"{FULL}\"\n"), "");
    let findings = found(&[&text]);
    let count = findings.iter().find(|finding| finding.rule == "no-sha256").unwrap();
    assert_eq!(count.text, "1 of 1 versions have no full sha256 of every file");
}
