//! The confusion matrix as a heat map.

use super::Report;
use super::format::{counted, percent, shortened};
use super::html::Html;

/// The most frequent confusions that are listed.
const CONFUSIONS: usize = 10;

/// Measures in pixels.
struct Geometry {
    cell: f64,
    font: f64,
    margin: f64,
    label_limit: usize,
}

impl Geometry {
    fn of(report: &Report) -> Self {
        let classes = report.class_names.len();
        let cell: f64 = match classes {
            0..=6 => 64.0,
            7..=12 => 48.0,
            13..=20 => 36.0,
            21..=40 => 22.0,
            41..=80 => 13.0,
            _ => 9.0,
        };
        let font = (cell * 0.8).min(13.0);
        let label_limit = 22;
        let longest = report.class_names.iter().map(|name| name.chars().count());
        let longest = longest.max().unwrap_or(0).min(label_limit);
        Self {
            cell,
            font,
            // 0.62 em is a little more than the mean width of a letter.
            margin: 12.0 + longest as f64 * font * 0.62,
            label_limit,
        }
    }

    /// The left or upper edge of a class's cells.
    fn at(&self, class: usize) -> f64 {
        self.margin + class as f64 * self.cell
    }
}

pub(super) fn write(html: &mut Html, report: &Report) {
    let geometry = Geometry::of(report);
    let classes = report.class_names.len();
    let size = geometry.at(classes);
    html.raw(
        "<section>\n<h2>What was taken for what</h2>\n<p class=\"note\">Rows are true classes, ",
    );
    html.raw("columns predicted ones; colour is the part of the row. ");
    html.raw("<span class=\"key right-key\"></span> right <span class=\"key wrong-key\"></span> wrong</p>\n");
    // Room at the right for the last slanted column label.
    let width = size + 4.0 + geometry.margin * 0.7;
    html.raw("<div class=\"scroll\"><svg class=\"confusion\" role=\"img\" aria-label=\"confusion matrix\" width=\"");
    html.number(format!("{width:.0}")).raw("\" height=\"");
    html.number(format!("{:.0}", size + 4.0)).raw("\" viewBox=\"0 0 ");
    html.number(format!("{width:.0} {:.0}", size + 4.0)).raw("\" font-size=\"");
    html.number(format!("{:.1}", geometry.font)).raw("\">\n");
    background(html, &geometry, classes);
    for class in 0..classes {
        labels(html, report, &geometry, class);
        row(html, report, &geometry, class);
    }
    html.raw("</svg></div>\n");
    confusions(html, report);
    html.raw("</section>\n");
}

/// One rectangle and a grid of lines: far fewer elements than a rectangle a cell.
fn background(html: &mut Html, geometry: &Geometry, classes: usize) {
    let (start, end) = (geometry.margin, geometry.at(classes));
    html.raw("<rect class=\"empty\" x=\"").number(format!("{start:.1}"));
    html.raw("\" y=\"").number(format!("{start:.1}"));
    html.raw("\" width=\"").number(format!("{:.1}", end - start));
    html.raw("\" height=\"").number(format!("{:.1}", end - start));
    html.raw("\"/>\n<path class=\"grid\" d=\"");
    for class in 0..=classes {
        let at = geometry.at(class);
        html.number(format!("M{start:.1} {at:.1}H{end:.1}M{at:.1} {start:.1}V{end:.1}"));
    }
    html.raw("\"/>\n");
}

fn labels(html: &mut Html, report: &Report, geometry: &Geometry, class: usize) {
    let name = report.class(class);
    let short = shortened(name, geometry.label_limit);
    let middle = geometry.at(class) + geometry.cell / 2.0;
    let edge = geometry.margin - 6.0;
    html.raw("<text class=\"name\" text-anchor=\"end\" dominant-baseline=\"central\" x=\"");
    html.number(format!("{edge:.1}")).raw("\" y=\"");
    html.number(format!("{middle:.1}")).raw("\"><title>");
    html.text(name).raw("</title>").text(&short).raw("</text>\n");
    html.raw("<text class=\"name\" dominant-baseline=\"central\" transform=\"translate(");
    // Many narrow columns leave room for upright labels only.
    let angle = if geometry.cell < 20.0 { -90 } else { -45 };
    html.number(format!("{middle:.1} {edge:.1}) rotate({angle}"));
    html.raw(")\"><title>").text(name).raw("</title>");
    html.text(&short).raw("</text>\n");
}

fn row(html: &mut Html, report: &Report, geometry: &Geometry, label: usize) {
    let counts = report.evaluation.confusion.row(label);
    let support: usize = counts.iter().sum();
    for (predicted, &count) in counts.iter().enumerate() {
        if count == 0 {
            continue;
        }
        let part = count as f64 / support as f64;
        let (x, y) = (geometry.at(predicted), geometry.at(label));
        let kind = if predicted == label { "right-cell" } else { "wrong-cell" };
        html.raw("<g><title>").text(report.class(label)).raw(" as ");
        html.text(report.class(predicted)).raw(": ");
        html.number(format!("{count} of {support} ({})", percent(part)));
        html.raw("</title><rect class=\"").raw(kind).raw("\" x=\"");
        html.number(format!("{:.1}", x + 0.5)).raw("\" y=\"");
        html.number(format!("{:.1}", y + 0.5)).raw("\" width=\"");
        html.number(format!("{:.1}", geometry.cell - 1.0)).raw("\" height=\"");
        html.number(format!("{:.1}", geometry.cell - 1.0)).raw("\" fill-opacity=\"");
        // A single mistake among hundreds must still be seen.
        html.number(format!("{:.2}", 0.18 + 0.82 * part)).raw("\"/>");
        let digits = count.to_string().len() as f64;
        if geometry.cell >= 18.0 && digits * geometry.font * 0.6 < geometry.cell {
            let class = if part > 0.5 { "count on-dark" } else { "count" };
            html.raw("<text class=\"").raw(class);
            html.raw("\" text-anchor=\"middle\" dominant-baseline=\"central\" x=\"");
            html.number(format!("{:.1}", x + geometry.cell / 2.0)).raw("\" y=\"");
            html.number(format!("{:.1}", y + geometry.cell / 2.0)).raw("\">");
            html.number(count).raw("</text>");
        }
        html.raw("</g>\n");
    }
}

fn confusions(html: &mut Html, report: &Report) {
    let confusions = report.evaluation.confusion.confusions();
    if confusions.is_empty() {
        return;
    }
    html.raw("<h3>Most frequent confusions</h3>\n<ul class=\"confusions\">\n");
    for &(label, predicted, count) in confusions.iter().take(CONFUSIONS) {
        html.raw("<li><b>").text(report.class(label)).raw("</b> taken for <b>");
        html.text(report.class(predicted)).raw("</b> <span class=\"note\">");
        html.number(counted(count, "time", "times")).raw("</span></li>\n");
    }
    html.raw("</ul>\n");
}
