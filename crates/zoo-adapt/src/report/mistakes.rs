//! The worst mistakes, to look at: often the label is wrong, not the model.

use super::format::percent;
use super::html::Html;
use super::{Mistake, Report};

pub(super) fn write(html: &mut Html, report: &Report) {
    html.raw("<section>\n<h2>Worst mistakes</h2>\n");
    if report.mistakes.is_empty() {
        html.raw("<p>None: every held-out example was predicted right.</p>\n</section>\n");
        return;
    }
    html.raw("<p class=\"note\">Held-out examples that the model was most sure about and got ");
    html.raw("wrong. Look whether it is the label that is wrong.</p>\n<div class=\"mistakes\">\n");
    for mistake in &report.mistakes {
        figure(html, report, mistake);
    }
    html.raw("</div>\n</section>\n");
}

fn figure(html: &mut Html, report: &Report, mistake: &Mistake) {
    html.raw("<figure>\n");
    mistake.exhibit.write(html);
    html.raw("\n<figcaption><div class=\"verdict\"><span class=\"wrong-text\">");
    html.text(report.class(mistake.predicted)).raw("</span> <span class=\"digits\">");
    html.number(percent(mistake.probability)).raw("</span></div><div>is <b>");
    html.text(report.class(mistake.label)).raw("</b></div><div class=\"file\" title=\"");
    html.text(&mistake.name).raw("\">").text(&mistake.name);
    html.raw("</div></figcaption>\n</figure>\n");
}
