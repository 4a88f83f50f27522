#![allow(clippy::unwrap_used)]

use super::*;
use crate::check::Finding;
use crate::metrics::evaluate;
use zoo_model::SplitMix64;

fn report(names: &[&str]) -> Report {
    let classes = names.len();
    let mut random = SplitMix64::new(5);
    let mut probabilities = Vec::new();
    let labels: Vec<usize> = (0..classes * 12).map(|row| row % classes).collect();
    for &label in &labels {
        let mut row: Vec<f32> = (0..classes).map(|_| random.unit() as f32).collect();
        row[label] += 0.9;
        let sum: f32 = row.iter().sum();
        probabilities.extend(row.iter().map(|value| value / sum));
    }
    Report {
        title: "flowers".to_owned(),
        parent: "resnet-50@1.0.0".to_owned(),
        parent_digest: "ab".repeat(32),
        recipe: vec![("Strategy".to_owned(), "probe".to_owned())],
        seed: 42,
        data_digest: "cd".repeat(32),
        train_examples: 340,
        timings: vec![
            Timing { step: "features".to_owned(), seconds: 71.2 },
            Timing { step: "solve".to_owned(), seconds: 0.41 },
        ],
        class_names: names.iter().map(ToString::to_string).collect(),
        evaluation: evaluate(&probabilities, &labels, classes).unwrap(),
        folds: None,
        mistakes: vec![Mistake {
            name: "rose/1.jpg".to_owned(),
            label: 0,
            predicted: 1,
            probability: 0.93,
            exhibit: Exhibit::Picture(vec![1, 2, 3]),
        }],
        data: DataReport::default(),
        tool: "zoo 0.1.0".to_owned(),
    }
}

#[test]
fn shows_what_was_measured_and_done() {
    let html = report(&["daisy", "rose", "tulip"]).to_html().unwrap();
    for expected in [
        "<h1>flowers</h1>",
        "resnet-50@1.0.0",
        "<dd>probe</dd>",
        "<dd>42</dd>",
        "1 min 11 s",
        "data:image/png;base64,AQID",
        "93.0%",
        "95% interval",
        "No unreadable files",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
}

#[test]
fn loads_and_runs_nothing() {
    let html = report(&["a", "b"]).to_html().unwrap();
    for absent in ["<script", "<link", "http://", "https://", "url(", "@import", "<iframe"] {
        assert!(!html.contains(absent), "{absent}");
    }
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn everything_from_outside_is_escaped() {
    let evil = "<script>alert(1)</script>";
    let mut report = report(&[evil, "\"><img src=x onerror='x'>", "R&D"]);
    report.title = evil.to_owned();
    report.parent = evil.to_owned();
    report.parent_digest = evil.to_owned();
    report.data_digest = evil.to_owned();
    report.tool = evil.to_owned();
    report.recipe.push((evil.to_owned(), evil.to_owned()));
    report.timings[0].step = evil.to_owned();
    report.mistakes[0].name = "\" onmouseover=\"x' <b>\u{202e}gpj.exe\0".to_owned();
    report.mistakes[0].exhibit = Exhibit::Nothing;
    report.data.errors.push(Finding::Unreadable { path: evil.to_owned(), reason: evil.to_owned() });
    report
        .data
        .warnings
        .push(Finding::Duplicate { paths: vec![evil.to_owned()], class: evil.to_owned() });
    let html = report.to_html().unwrap();
    assert!(!html.contains("<script"));
    assert!(!html.contains("<img"));
    assert!(!html.contains("onmouseover=\""));
    assert!(!html.contains(['\u{202e}', '\0']));
    assert!(html.contains("R&amp;D"));
    assert!(html.contains("title=\"&quot; onmouseover=&quot;x&#39; &lt;b&gt;"));
}

#[test]
fn tags_are_balanced() {
    let html = report(&["a", "b", "c"]).to_html().unwrap();
    for tag in ["section", "div", "table", "svg", "g", "ul", "figure", "text", "span", "td", "th"] {
        let opened =
            html.matches(&format!("<{tag} ")).count() + html.matches(&format!("<{tag}>")).count();
        assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn a_hundred_classes_fold_and_stay_small() {
    let names: Vec<String> = (0..100).map(|class| format!("species number {class}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let html = report(&names).to_html().unwrap();
    assert!(html.contains("70 more classes"));
    assert!(html.len() < 1_000_000, "{}", html.len());
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    let report = report(&["a", "b"]);
    assert_eq!(report.to_html().unwrap(), report.clone().to_html().unwrap());
}

#[test]
fn sizes_must_agree() {
    let mut wrong = report(&["a", "b"]);
    wrong.class_names.pop();
    assert!(matches!(wrong.to_html(), Err(Error::Size { .. })));
    let mut wrong = report(&["a", "b"]);
    wrong.mistakes[0].predicted = 2;
    assert!(matches!(wrong.to_html(), Err(Error::LabelOutOfRange { .. })));
}
