//! Which bad inputs the tests try: `docs/faults.md`, from the names of the tests.
//!
//! `docs/faults.toml` numbers the cases. A test that tries one has its number in its name
//! (`fault_036_truncated_body`, `fault_043_and_046_redirects`), or is named in that file.
//! Everything else there must have a reason why nothing tries it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

const CASES: &str = "docs/faults.toml";
const TABLE: &str = "docs/faults.md";

/// Folders of tests: what follows the last `*` is looked through with all that is below it.
const PLACES: [&str; 3] = ["crates/*/src", "crates/*/tests", "tests/tests"];

const HEAD: &str = "\
# Bad inputs and faults

Made by `cargo xtask faults` from the names of the tests and from [faults.toml](faults.toml):
change those. `cargo xtask faults --check` fails where this page is not what they say.
";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    group: Vec<Group>,
}

/// Cases of one kind, by their numbers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    cases: BTreeMap<String, String>,
    /// Tests without the number in their names, as `PATH::FUNCTION`.
    #[serde(default)]
    tests: BTreeMap<String, Vec<String>>,
    /// Why nothing tries a case.
    #[serde(default)]
    left_out: BTreeMap<String, String>,
}

/// A test function, by file and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Test {
    file: String,
    name: String,
}

/// Writes the table below `repository`, or compares it with what is there.
pub(crate) fn run(repository: &Path, check: bool) -> Result<String> {
    let read = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let cases: Cases = toml::from_str(&read(&repository.join(CASES))?)
        .with_context(|| format!("cannot read {CASES}"))?;
    let (page, totals) = render(&cases, &all_tests(repository)?)?;
    let path = repository.join(TABLE);
    if !check {
        fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    } else if read(&path)? != page {
        bail!("{TABLE} is not what the tests say: run `cargo xtask faults`");
    }
    Ok(totals)
}

/// The page and its last line, or everything that does not fit.
fn render(cases: &Cases, tests: &BTreeSet<Test>) -> Result<(String, String)> {
    let mut problems = Vec::new();
    let mut known = BTreeSet::new();
    for key in cases.group.iter().flat_map(|group| group.cases.keys()) {
        match number(key) {
            Some(number) if known.insert(number) => {}
            _ => problems.push(format!("{CASES}: `{key}` is no number, or there twice")),
        }
    }
    let mut by_number: BTreeMap<u16, Vec<&Test>> = BTreeMap::new();
    for test in tests {
        match numbers(&test.name, &known) {
            Ok(numbers) => {
                for number in numbers {
                    by_number.entry(number).or_default().push(test);
                }
            }
            Err(why) => problems.push(format!("{}: `{}`: {why}", test.file, test.name)),
        }
    }
    let mut page = HEAD.to_owned();
    let (mut covered, mut left_out, mut used) = (0, 0, BTreeSet::new());
    for group in &cases.group {
        for key in group.tests.keys().chain(group.left_out.keys()) {
            if !group.cases.contains_key(key) {
                problems.push(format!("{CASES}: {key} is no case of `{}`", group.name));
            }
        }
        write!(page, "\n## {}\n\n| | case | tests |\n|---|---|---|\n", group.name)?;
        for (key, case) in &group.cases {
            let mut found = number(key).and_then(|n| by_number.remove(&n)).unwrap_or_default();
            for named in group.tests.get(key).into_iter().flatten() {
                match tests.iter().find(|test| format!("{}::{}", test.file, test.name) == *named) {
                    Some(test) if !found.contains(&test) => found.push(test),
                    Some(_) => problems.push(format!("{key}: `{named}` has the number already")),
                    None => problems.push(format!("{key}: there is no test `{named}`")),
                }
            }
            used.extend(found.iter().copied());
            let last = match (group.left_out.get(key), found.is_empty()) {
                (None, false) => cell(found),
                (Some(why), true) => format!("left out: {why}"),
                (None, true) => {
                    problems.push(format!("{key} has no test and no reason why not: {case}"));
                    continue;
                }
                (Some(_), false) => {
                    problems.push(format!(
                        "{key} has a reason why nothing tries it, and {}",
                        cell(found)
                    ));
                    continue;
                }
            };
            *(if last.starts_with("left out") { &mut left_out } else { &mut covered }) += 1;
            writeln!(page, "| {} | {case} | {last} |", key.trim_start_matches('0'))?;
        }
    }
    if !problems.is_empty() {
        bail!("the tests and {CASES} do not fit:\n  {}", problems.join("\n  "));
    }
    let totals = format!(
        "{} cases: {covered} covered by {} tests, {left_out} left out.",
        covered + left_out,
        used.len()
    );
    write!(page, "\n{totals}\n")?;
    Ok((page, totals))
}

/// Tests as a cell of the table: each file once.
fn cell(mut tests: Vec<&Test>) -> String {
    tests.sort();
    let mut cell = String::new();
    let mut last = "";
    for test in tests {
        if test.file != last {
            let gap = if cell.is_empty() { "" } else { "<br>" };
            let _ = write!(cell, "{gap}{}:", test.file);
            last = &test.file;
        }
        let _ = write!(cell, " `{}`", test.name);
    }
    cell
}

fn number(key: &str) -> Option<u16> {
    if key.len() == 3 && key.bytes().all(|byte| byte.is_ascii_digit()) {
        key.parse().ok()
    } else {
        None
    }
}

/// The cases in the name of a test. `fault_029_500_then_fine` is about 29: a later number that
/// is no case is a word, unless `and` comes before it.
fn numbers(name: &str, known: &BTreeSet<u16>) -> Result<Vec<u16>, &'static str> {
    let Some(rest) = name.strip_prefix("fault_") else { return Ok(Vec::new()) };
    let (mut numbers, mut is_wanted) = (Vec::new(), true);
    for word in rest.split('_') {
        match number(word) {
            Some(number) if known.contains(&number) => numbers.push(number),
            Some(_) if is_wanted => return Err("it names a case that there is not"),
            None if word == "and" => {
                is_wanted = true;
                continue;
            }
            _ => break,
        }
        is_wanted = false;
    }
    if numbers.is_empty() { Err("it names no case") } else { Ok(numbers) }
}

fn all_tests(repository: &Path) -> Result<BTreeSet<Test>> {
    let mut files = Vec::new();
    for place in PLACES {
        match place.split_once("/*/") {
            None => sources(&repository.join(place), &mut files)?,
            Some((above, below)) => {
                for folder in children(&repository.join(above))? {
                    sources(&folder.join(below), &mut files)?;
                }
            }
        }
    }
    let mut tests = BTreeSet::new();
    for path in files {
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = path.strip_prefix(repository)?.to_string_lossy().replace('\\', "/");
        tests
            .extend(tests_in(&text).map(|name| Test { file: file.clone(), name: name.to_owned() }));
    }
    Ok(tests)
}

/// The functions right below `#[test]`; other attributes may stand between.
fn tests_in(text: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    text.lines().map(str::trim).filter_map(move |line| {
        if line.starts_with("#[") {
            is_test |= line == "#[test]";
            return None;
        }
        let name = line.strip_prefix("fn ").filter(|_| is_test);
        is_test = false;
        name.and_then(|rest| rest.split_once('(')).map(|(name, _)| name)
    })
}

/// All Rust files in `dir` and below, if it is there.
fn sources(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    if !dir.is_dir() {
        return Ok(());
    }
    for path in children(dir)? {
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

fn children(dir: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(dir)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .with_context(|| format!("cannot list {}", dir.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn page(cases: &str, tests: &[&str]) -> Result<(String, String)> {
        let test = |name: &&str| Test { file: "a.rs".to_owned(), name: (*name).to_owned() };
        render(&toml::from_str(cases).unwrap(), &tests.iter().map(test).collect())
    }

    const ONE: &str = "[[group]]\nname = \"G\"\ncases = { 001 = \"x\", 002 = \"y\" }\n";

    #[test]
    fn numbers_in_names() {
        let known = BTreeSet::from([14, 24, 29, 72, 73]);
        let of = |name| numbers(name, &known);
        assert_eq!(of("fault_014_and_024_x"), Ok(vec![14, 24]));
        assert_eq!(of("fault_072_073_and_014_x"), Ok(vec![72, 73, 14]));
        assert_eq!(of("fault_029_500_then_fine"), Ok(vec![29]));
        assert_eq!(of("something_014"), Ok(vec![]));
        assert!(of("fault_500_x").is_err() && of("fault_014_and_500_x").is_err());
        assert!(of("fault_x").is_err() && of("fault_14_x").is_err());
    }

    #[test]
    fn only_tests_count() {
        let text =
            "#[test]\nfn a() {}\nfn b() {}\n  #[cfg(unix)]\n  #[test]\n  #[ignore]\n  fn c() {}\n";
        assert_eq!(tests_in(text).collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let says = |cases: &str, tests: &[&str]| page(cases, tests).unwrap_err().to_string();
        assert!(says(ONE, &["fault_001_x"]).contains("002 has no test"));
        let reason = format!("{ONE}left_out = {{ 002 = \"why\" }}\n");
        assert!(
            page(&reason, &["fault_001_x"]).unwrap().1.contains("1 covered by 1 tests, 1 left")
        );
        assert!(says(&reason, &["fault_001_and_002_x"]).contains("002 has a reason"));
        let named = format!("{ONE}tests = {{ 002 = [\"a.rs::other\"] }}\n");
        assert!(page(&named, &["fault_001_x", "other"]).unwrap().0.contains("`other`"));
        assert!(says(&named, &["fault_001_x"]).contains("no test `a.rs::other`"));
        assert!(says(ONE, &["fault_001_and_002_x", "fault_003_x"]).contains("fault_003_x"));
    }
}
