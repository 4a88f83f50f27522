//! What is looked for in an index.

use crate::index::Row;
use crate::name::fold;

/// Conditions that a model must meet, all of them; without any, every model does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    words: Vec<String>,
    /// The task, or a part of its name.
    pub task: Option<String>,
    /// The family, or a part of its name.
    pub family: Option<String>,
    /// The licence, or a part of it, such as `apache`.
    pub licence: Option<String>,
    /// Most bytes to fetch. A model of unknown size does not meet it.
    pub max_bytes: Option<u64>,
    /// Least published top-1 accuracy, in percent. A model without one does not meet it.
    pub min_top1: Option<f64>,
}

impl Query {
    /// Every word of `term` must occur in the name, an alias, the task, the family or the
    /// summary, whatever the case and the separators.
    pub fn words(term: &str) -> Self {
        let words = term.split_whitespace().map(fold).filter(|word| !word.is_empty()).collect();
        Self { words, ..Self::default() }
    }

    /// Whether `row` meets all conditions.
    pub fn matches(&self, row: &Row) -> bool {
        let contains = |text: &str, part: &Option<String>| {
            part.as_ref().is_none_or(|part| fold(text).contains(&fold(part)))
        };
        contains(&row.task, &self.task)
            && contains(&row.family, &self.family)
            && contains(&row.licence, &self.licence)
            && self.max_bytes.is_none_or(|most| row.bytes.is_some_and(|bytes| bytes <= most))
            && self.min_top1.is_none_or(|least| row.top1.is_some_and(|top1| top1 >= least))
            && self.matches_words(row)
    }

    fn matches_words(&self, row: &Row) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let mut texts = vec![fold(row.name.as_str()), fold(&row.task), fold(&row.family)];
        texts.push(fold(&row.summary));
        texts.extend(row.aliases.iter().map(|alias| fold(alias.as_str())));
        self.words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
    }
}
