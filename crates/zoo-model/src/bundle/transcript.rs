use serde::{Deserialize, Serialize};

use crate::{Error, Graph};

/// How what a model says of each moment of a recording becomes a transcript: connectionist temporal
/// classification. Source: Graves et al.: *Connectionist temporal classification*, 2006.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    /// The graph's output `[batch, time, letters]`.
    pub output: String,
    /// The letter of moments at which nothing is written. Between two that are the same it says that
    /// they are two.
    pub blank: usize,
    /// The letter between words, written as a space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<usize>,
    /// Other letters that are not written, such as that of what is unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unwritten: Vec<usize>,
}

impl Transcript {
    /// Checks that a model with this graph and so many labels can be read like this.
    ///
    /// Fails where it has no such output, or there is no such letter.
    pub fn check(&self, graph: &Graph, labels: usize) -> Result<(), Error> {
        let refuse = |problem: String| Err(Error::Transcript { problem });
        if !graph.outputs.contains(&self.output) {
            return refuse(format!("the model has no output `{}`", self.output));
        }
        let named =
            [self.blank].into_iter().chain(self.space).chain(self.unwritten.iter().copied());
        match named.max().filter(|&most| most >= labels) {
            Some(most) => refuse(format!("there is no letter {most}, the model has {labels}")),
            None => Ok(()),
        }
    }

    /// What is written by the likeliest letter of each moment: each run of one is one letter, and
    /// words are parted by one space. `scores [time, letters]`; `labels` are the letters.
    pub fn greedy(&self, scores: &[f32], labels: &[String]) -> String {
        let mut text = String::new();
        let mut before = None;
        for moment in scores.chunks_exact(labels.len().max(1)) {
            let best = (1..moment.len())
                .fold(0, |best, at| if moment[at] > moment[best] { at } else { best });
            if before == Some(best) {
                continue;
            }
            before = Some(best);
            if self.space == Some(best) {
                text.push(' ');
            } else if best != self.blank && !self.unwritten.contains(&best) {
                text.push_str(&labels[best]);
            }
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GraphBuilder;

    fn transcript() -> Transcript {
        Transcript { output: "letters".to_owned(), blank: 0, space: Some(2), unwritten: vec![1] }
    }

    /// Scores of which the letter with this number is the greatest, moment by moment.
    fn scores(best: &[usize]) -> Vec<f32> {
        let row = |&letter: &usize| (0..5).map(move |at| if at == letter { 1.0 } else { -1.0 });
        best.iter().flat_map(row).collect()
    }

    #[test]
    fn runs_are_one_letter_and_blanks_part_what_is_the_same() {
        let labels = ["<pad>", "<unk>", "|", "A", "B"].map(str::to_owned);
        let write = |best: &[usize]| transcript().greedy(&scores(best), &labels);
        assert_eq!(write(&[3, 3, 4, 4, 4]), "AB");
        assert_eq!(write(&[0, 3, 0, 3, 0]), "AA");
        assert_eq!(write(&[2, 3, 2, 0, 2, 4, 2]), "A B");
        assert_eq!(write(&[3, 1, 4]), "AB");
        assert_eq!(write(&[]), "");
        assert_eq!(write(&[0, 0, 2]), "");
    }

    #[test]
    fn a_transcript_must_be_of_its_model() {
        let mut b = GraphBuilder::new();
        let x = b.input("x", &[None, None, Some(5)]);
        let x = b.relu(&x);
        let graph = b.finish(&[("letters", &x)]).unwrap();
        transcript().check(&graph, 5).unwrap();
        assert!(transcript().check(&graph, 2).unwrap_err().to_string().contains("no letter 2"));
        let other = Transcript { output: "x".to_owned(), ..transcript() };
        assert!(other.check(&graph, 5).unwrap_err().to_string().contains("no output `x`"));
    }
}
