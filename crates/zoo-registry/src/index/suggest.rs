//! Names that may have been meant.

use crate::name::ModelName;

/// Most suggestions in [`crate::Error::NotFound`].
const MAX_SUGGESTIONS: usize = 3;

/// Least similarity of a suggestion: 1 less the share of letters that would have to change
/// (Damerau-Levenshtein).
const MIN_SIMILARITY: f64 = 0.65;

/// Collects the names closest to one that was not found, from any number of candidates.
pub(crate) struct Suggestions {
    wanted: String,
    best: Vec<(f64, String)>,
}

impl Suggestions {
    pub(crate) fn to(wanted: &ModelName) -> Self {
        Self { wanted: wanted.folded(), best: Vec::new() }
    }

    /// Considers `name`, which may also be spelled `spelling`.
    pub(crate) fn consider(&mut self, spelling: &ModelName, name: &ModelName) {
        let folded = spelling.folded();
        let Some(score) = self.score(&folded) else { return };
        let name = name.as_str();
        match self.best.iter_mut().find(|(_, known)| known == name) {
            Some((known, _)) => *known = known.max(score),
            None => self.best.push((score, name.to_owned())),
        }
        self.best.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        self.best.truncate(MAX_SUGGESTIONS);
    }

    fn score(&self, folded: &str) -> Option<f64> {
        if folded == self.wanted {
            // Above any similarity: only the separators differ.
            return Some(2.0);
        }
        // Each letter too many or too few is a change: no need to align what cannot pass.
        let (short, long) =
            (folded.len().min(self.wanted.len()), folded.len().max(self.wanted.len()));
        if (short as f64) < MIN_SIMILARITY * long as f64 {
            return None;
        }
        let score = strsim::normalized_damerau_levenshtein(folded, &self.wanted);
        (score >= MIN_SIMILARITY).then_some(score)
    }

    /// The closest names, the best first.
    pub(crate) fn into_names(self) -> Vec<String> {
        self.best.into_iter().map(|(_, name)| name).collect()
    }
}
