//! A page under construction, and the one place where text is escaped.

use std::fmt::Write as _;

/// A page under construction.
#[derive(Default)]
pub(super) struct Html {
    page: String,
}

impl Html {
    /// Adds markup of ours, as it is.
    pub(super) fn raw(&mut self, markup: &str) -> &mut Self {
        self.page.push_str(markup);
        self
    }

    /// Adds text from anywhere; safe between tags and inside double or single quotes.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.page.push_str("&amp;"),
                '<' => self.page.push_str("&lt;"),
                '>' => self.page.push_str("&gt;"),
                '"' => self.page.push_str("&quot;"),
                '\'' => self.page.push_str("&#39;"),
                // Control characters have no place in HTML, and those that turn the
                // direction of writing could make one name look like another.
                '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    self.page.push('\u{fffd}');
                }
                '\n' | '\t' => self.page.push(character),
                other if other.is_control() => self.page.push('\u{fffd}'),
                other => self.page.push(other),
            }
        }
        self
    }

    /// Adds a number, or anything else whose printed form is ours and needs no escape.
    pub(super) fn number(&mut self, number: impl std::fmt::Display) -> &mut Self {
        // Writing to a string cannot fail.
        let _ = write!(self.page, "{number}");
        self
    }

    pub(super) fn finish(self) -> String {
        self.page
    }
}
