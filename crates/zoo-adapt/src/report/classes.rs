//! Precision, recall and F1 of every class, as bars, the weakest class first.

use super::Report;
use super::format::percent;
use super::html::Html;

/// Classes that are shown at once; the rest can be unfolded.
const SHOWN: usize = 30;

pub(super) fn write(html: &mut Html, report: &Report) {
    let measured = &report.evaluation.per_class;
    let mut order: Vec<usize> = (0..measured.len()).collect();
    // Stable: equals stay in the order of the classes.
    order.sort_by(|&a, &b| measured[a].f1.total_cmp(&measured[b].f1));
    html.raw("<section>\n<h2>Class by class</h2>\n<p class=\"note\">The weakest first. ");
    html.raw("Precision: of what is called this class, how much is. ");
    html.raw("Recall: of what is this class, how much is found.</p>\n");
    let (shown, folded) = order.split_at(order.len().min(SHOWN));
    table(html, report, shown);
    if !folded.is_empty() {
        html.raw("<details><summary>").number(folded.len());
        html.raw(" more classes, all at least as good</summary>\n");
        table(html, report, folded);
        html.raw("</details>\n");
    }
    html.raw("</section>\n");
}

fn table(html: &mut Html, report: &Report, classes: &[usize]) {
    html.raw("<div class=\"scroll\"><table class=\"classes\">\n<thead><tr><th>Class</th>");
    html.raw("<th>Precision</th><th>Recall</th><th>F1</th><th class=\"right\">Examples</th>");
    html.raw("</tr></thead>\n<tbody>\n");
    for &class in classes {
        let measured = &report.evaluation.per_class[class];
        html.raw("<tr><th scope=\"row\">").text(report.class(class)).raw("</th>");
        bar(html, "precision", measured.precision);
        bar(html, "recall", measured.recall);
        bar(html, "f1", measured.f1);
        html.raw("<td class=\"right\">").number(measured.support).raw("</td></tr>\n");
    }
    html.raw("</tbody>\n</table></div>\n");
}

fn bar(html: &mut Html, kind: &str, part: f64) {
    html.raw("<td><span class=\"measure\"><svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    html.raw("<rect class=\"track\" width=\"100\" height=\"8\"/><rect class=\"");
    html.raw(kind).raw("\" height=\"8\" width=\"");
    html.number(format!("{:.1}", part.clamp(0.0, 1.0) * 100.0));
    html.raw("\"/></svg><span class=\"digits\">");
    html.number(percent(part)).raw("</span></span></td>");
}
