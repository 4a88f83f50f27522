//! How many analogy questions the word vectors answer.

use rayon::prelude::*;

use super::scores::{Packed, QUERIES};
use super::{BLOCK, WordMatrix};
use crate::questions::Questions;
use crate::{Case, Error, Vocabulary};

/// The most queries that go over the matrix together: enough that its rows are read rarely.
const BATCH: usize = 64;

/// How a section of questions was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The section's name.
    pub name: String,
    /// Questions whose answer was right.
    pub correct: usize,
    /// Questions that were asked: all four words are known.
    pub total: usize,
    /// Questions that were not asked, because a word of theirs is out of vocabulary.
    pub skipped: usize,
}

impl Section {
    /// Right answers among those asked, 0 to 1, if any were asked.
    pub fn accuracy(&self) -> Option<f64> {
        (self.total > 0).then(|| self.correct as f64 / self.total as f64)
    }
}

/// A question in rows.
#[derive(Clone, Copy)]
struct Question {
    given: [usize; 3],
    answer: usize,
}

impl WordMatrix {
    /// Asks analogy questions: is the answer to each the first of [`WordMatrix::analogy`]? Only
    /// the first `restrict` rows are known, if given: as questions and as answers.
    ///
    /// This is what gensim's `evaluate_word_analogies` does, but for letters: there, question and
    /// vocabulary are compared in upper case; here, `case` is applied to the questions, as it is to
    /// all texts of the model, and the vocabulary stays as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Sizes`] if the vocabulary has another number of words than there are rows.
    pub fn evaluate(
        &self,
        questions: &Questions,
        vocabulary: &Vocabulary,
        case: Case,
        restrict: Option<usize>,
    ) -> Result<Vec<Section>, Error> {
        if vocabulary.len() != self.rows() {
            return Err(Error::Sizes { words: vocabulary.len(), rows: self.rows() });
        }
        let known = restrict.unwrap_or(usize::MAX).min(self.rows());
        let row = |word: &String| vocabulary.find(&case.apply(word)).filter(|&row| row < known);
        let mut sections = Vec::new();
        let mut asked = Vec::new();
        for section in &questions.sections {
            let before = asked.len();
            for [a, b, c, d] in &section.questions {
                if let (Some(a), Some(b), Some(c), Some(answer)) = (row(a), row(b), row(c), row(d))
                {
                    asked.push(Question { given: [a, b, c], answer });
                }
            }
            let total = asked.len() - before;
            let skipped = section.questions.len() - total;
            sections.push(Section { name: section.name.clone(), correct: 0, total, skipped });
        }
        let right = self.ask(&asked, known)?;
        let mut right = right.iter();
        for section in &mut sections {
            section.correct = right.by_ref().take(section.total).filter(|&&right| right).count();
        }
        Ok(sections)
    }

    /// Whether each question is answered right among the first `known` rows.
    fn ask(&self, asked: &[Question], known: usize) -> Result<Vec<bool>, Error> {
        // Few questions are spread over all threads; what is computed does not depend on it.
        let each = asked.len().div_ceil(rayon::current_num_threads()).next_multiple_of(QUERIES);
        let batches: Result<Vec<Vec<bool>>, Error> = asked
            .par_chunks(each.clamp(QUERIES, BATCH))
            .map(|batch| {
                let answers = self.answers(batch, known)?;
                Ok(batch.iter().zip(answers).map(|(q, found)| found == Some(q.answer)).collect())
            })
            .collect();
        Ok(batches?.into_iter().flatten().collect())
    }

    /// The row that is most similar to each question's offset.
    fn answers(&self, batch: &[Question], known: usize) -> Result<Vec<Option<usize>>, Error> {
        let dimension = self.dimension();
        let queries: Vec<Vec<f32>> = batch
            .iter()
            .map(|&Question { given: [a, b, c], .. }| self.offset(a, b, c))
            .collect::<Result<_, _>>()?;
        let packed = Packed::new(&queries, dimension);
        let mut similarities = vec![[f32::NEG_INFINITY; QUERIES]; batch.len().div_ceil(QUERIES)];
        let mut answers = vec![None; batch.len()];
        let mut rows = vec![0.0; BLOCK * dimension];
        for first in (0..known).step_by(BLOCK) {
            let rows = &mut rows[..BLOCK.min(known - first) * dimension];
            self.decode(first, rows);
            for (values, &norm) in rows.chunks_exact_mut(dimension).zip(&self.norms()[first..]) {
                if norm > 0.0 {
                    for value in values {
                        *value /= norm;
                    }
                } else {
                    values.fill(0.0);
                }
            }
            packed.products(rows, |group, row, products| {
                let best = &mut similarities[group];
                if products.iter().zip(&*best).all(|(product, best)| product <= best) {
                    return;
                }
                let row = first + row;
                for (lane, question) in batch[group * QUERIES..].iter().take(QUERIES).enumerate() {
                    if products[lane] > best[lane] && !question.given.contains(&row) {
                        best[lane] = products[lane];
                        answers[group * QUERIES + lane] = Some(row);
                    }
                }
            });
        }
        Ok(answers)
    }
}
