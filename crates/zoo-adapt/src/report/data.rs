//! What the data check found.

use super::Report;
use super::html::Html;
use crate::check::Finding;

/// Findings of each kind that are listed.
const LISTED: usize = 50;

pub(super) fn write(html: &mut Html, report: &Report) {
    html.raw("<section>\n<h2>The data</h2>\n");
    if report.data.is_clean() {
        html.raw("<p>No unreadable files, duplicates or small classes were found.</p>\n");
    }
    list(html, "Errors", "error", &report.data.errors);
    list(html, "Warnings", "warning", &report.data.warnings);
    html.raw("</section>\n");
}

fn list(html: &mut Html, heading: &str, class: &str, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    html.raw("<h3>").raw(heading).raw(" <span class=\"note\">");
    html.number(findings.len()).raw("</span></h3>\n<ul class=\"findings ");
    html.raw(class).raw("\">\n");
    for finding in findings.iter().take(LISTED) {
        html.raw("<li>").text(&finding.to_string()).raw("</li>\n");
    }
    if findings.len() > LISTED {
        html.raw("<li class=\"note\">and ").number(findings.len() - LISTED);
        html.raw(" more</li>\n");
    }
    html.raw("</ul>\n");
}
