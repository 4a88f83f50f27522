//! The top of the page: how good, and what was done.

use super::Report;
use super::format::{duration, percent};
use super::html::Html;

/// Marks a fact that is set in a fixed width.
const CODE: &str = " class=\"code\"";

pub(super) fn write(html: &mut Html, report: &Report) {
    html.raw("<header>\n<p class=\"eyebrow\">Model report</p>\n<h1>");
    html.text(&report.title).raw("</h1>\n</header>\n");
    html.raw("<section class=\"top\">\n");
    headline(html, report);
    tiles(html, report);
    html.raw("</section>\n<section>\n<h2>What was done</h2>\n<div class=\"columns\">\n");
    facts(html, report);
    timings(html, report);
    html.raw("</div>\n</section>\n");
}

fn headline(html: &mut Html, report: &Report) {
    let evaluation = &report.evaluation;
    let interval = evaluation.accuracy_interval;
    html.raw("<div class=\"headline\">\n<div class=\"label\">Accuracy</div>\n<div class=\"big\">");
    html.number(percent(evaluation.accuracy)).raw("</div>\n");
    // A scale from 0 to 1 with the interval as a band and the accuracy as a mark.
    html.raw("<svg class=\"scale\" viewBox=\"0 0 300 14\" role=\"img\" aria-label=\"");
    html.number(percent(interval.low)).raw(" to ");
    html.number(percent(interval.high)).raw("\">");
    html.raw("<rect class=\"track\" x=\"0\" y=\"5\" width=\"300\" height=\"4\" rx=\"2\"/>");
    html.raw("<rect class=\"band\" x=\"");
    html.number(format!("{:.1}", interval.low * 300.0));
    html.raw("\" y=\"3\" height=\"8\" rx=\"4\" width=\"");
    html.number(format!("{:.1}", (interval.high - interval.low).max(0.0) * 300.0));
    html.raw("\"/><circle class=\"mark\" cy=\"7\" r=\"5\" cx=\"");
    html.number(format!("{:.1}", (evaluation.accuracy * 300.0).clamp(5.0, 295.0)));
    html.raw("\"/></svg>\n<p class=\"note\">95% interval ");
    html.number(percent(interval.low)).raw(" to ");
    html.number(percent(interval.high)).raw(", from ");
    html.number(evaluation.confusion.correct()).raw(" right of ");
    html.number(evaluation.examples);
    html.raw(" held-out examples</p>\n</div>\n");
}

fn tiles(html: &mut Html, report: &Report) {
    let evaluation = &report.evaluation;
    let mut tiles = vec![("Macro F1", percent(evaluation.macro_f1), "all classes counted alike")];
    if let Some(accuracy) = evaluation.top_5_accuracy {
        tiles.push(("Top-5 accuracy", percent(accuracy), "right class among five"));
    }
    tiles.push(("Log-loss", format!("{:.3}", evaluation.log_loss), "lower is better"));
    tiles.push((
        "Calibration error",
        percent(evaluation.calibration_error),
        "confidence against accuracy",
    ));
    html.raw("<div class=\"tiles\">\n");
    for (name, value, note) in tiles {
        html.raw("<div class=\"tile\"><div class=\"label\">").raw(name);
        html.raw("</div><div class=\"value\">").number(value);
        html.raw("</div><div class=\"note\">").raw(note).raw("</div></div>\n");
    }
    html.raw("</div>\n");
}

fn facts(html: &mut Html, report: &Report) {
    html.raw("<dl>\n");
    let mut fact = |name: &str, value: &str, class: &str| {
        if !value.is_empty() {
            html.raw("<dt>").text(name).raw("</dt><dd");
            html.raw(class).raw(">").text(value).raw("</dd>\n");
        }
    };
    fact("Starting model", &report.parent, "");
    fact("Its digest", &report.parent_digest, CODE);
    for (setting, value) in &report.recipe {
        fact(setting, value, "");
    }
    fact("Seed", &report.seed.to_string(), "");
    fact("Classes", &report.class_names.len().to_string(), "");
    fact("Learned from", &report.train_examples.to_string(), "");
    fact("Held out", &report.evaluation.examples.to_string(), "");
    if let Some((accuracy, interval)) = report.folds {
        let [accuracy, low, high] = [accuracy, interval.low, interval.high].map(percent);
        fact("Accuracy in folds", &format!("{accuracy} ({low} to {high}), of a probe"), "");
    }
    fact("Data digest", &report.data_digest, CODE);
    html.raw("</dl>\n");
}

fn timings(html: &mut Html, report: &Report) {
    if report.timings.is_empty() {
        return;
    }
    html.raw("<table class=\"timings\">\n<thead><tr><th>Step</th><th class=\"right\">Time</th></tr></thead>\n<tbody>\n");
    let row = |html: &mut Html, name: &str, seconds: f64| {
        html.raw("<tr><td>").text(name).raw("</td><td class=\"right\">");
        html.number(duration(seconds)).raw("</td></tr>\n");
    };
    for timing in &report.timings {
        row(html, &timing.step, timing.seconds);
    }
    html.raw("</tbody>\n<tfoot>\n");
    row(html, "Together", report.timings.iter().map(|timing| timing.seconds).sum());
    html.raw("</tfoot>\n</table>\n");
}
