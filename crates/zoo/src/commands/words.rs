use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::json;
use zoo_convert::words::VECTORS;
use zoo_model::{Bundle, DType};
use zoo_text::{Case, Element, Lexicon, Questions, Vocabulary, WordMatrix};

use crate::cli::{Global, WordsArgs, WordsCommand};
use crate::{models, output};

/// Word vectors, ready to be asked.
struct Words {
    name: String,
    vocabulary: Vocabulary,
    matrix: WordMatrix,
    case: Case,
}

pub(crate) fn run(global: &Global, args: &WordsArgs) -> Result<ExitCode> {
    let words = Words::of(&models::open(global, &args.model)?)?;
    match &args.command {
        WordsCommand::Nearest { word, top } => {
            let row = words.row(word)?;
            let query = words.matrix.row(row)?;
            let found = words.matrix.nearest(&query, usize::from(*top), &[row])?;
            words.show(global, &found)?;
        }
        WordsCommand::Analogy { a, b, c, top } => {
            let [a, b, c] = [a, b, c].map(|word| words.row(word));
            let found = words.matrix.analogy(a?, b?, c?, usize::from(*top))?;
            words.show(global, &found)?;
        }
        WordsCommand::Eval { questions, restrict } => {
            let bytes = std::fs::read(questions)
                .with_context(|| format!("cannot read {}", questions.display()))?;
            let questions = Questions::parse(&bytes)
                .with_context(|| format!("cannot read {}", questions.display()))?;
            let sections =
                words.matrix.evaluate(&questions, &words.vocabulary, words.case, *restrict)?;
            show_sections(global, &sections)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Words {
    fn of(bundle: &Bundle) -> Result<Self> {
        let name = bundle.card.name.clone();
        let (Some(text), Some(Lexicon::Words(bytes)), Some(vectors)) =
            (&bundle.card.text, &bundle.lexicon, bundle.weights.get(VECTORS))
        else {
            bail!("{name} holds no word vectors: its task is {}", bundle.card.task);
        };
        let element = match vectors.dtype() {
            DType::F32 => Element::F32,
            DType::F16 => Element::F16,
            DType::BF16 => Element::Bf16,
            other => bail!("the word vectors of {name} are {other}"),
        };
        let [rows, dimension] = vectors.shape() else {
            bail!("the word vectors of {name} are no matrix");
        };
        let matrix = WordMatrix::new(vectors.shared_bytes(), element, *rows, *dimension)?;
        let vocabulary = Vocabulary::new(bytes.clone())?;
        if vocabulary.len() != *rows {
            bail!("{name} has {} words for {rows} rows", vocabulary.len());
        }
        Ok(Self { name, vocabulary, matrix, case: text.case })
    }

    fn row(&self, word: &str) -> Result<usize> {
        let known = self.case.apply(word);
        if let Some(row) = self.vocabulary.find(&known) {
            return Ok(row);
        }
        let near = self.vocabulary.suggest(&known, 3);
        let near = near.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
        let hint = if near.is_empty() { String::new() } else { format!(": did you mean {near}?") };
        bail!("{} does not know the word `{known}`{hint}", self.name)
    }

    fn show(&self, global: &Global, found: &[(usize, f32)]) -> Result<()> {
        let word = |row: usize| self.vocabulary.word(row).unwrap_or_default();
        if global.json {
            let rows: Vec<_> = found
                .iter()
                .map(|(row, similarity)| json!({ "word": word(*row), "similarity": similarity }))
                .collect();
            return output::json(&rows);
        }
        found.iter().try_for_each(|(row, similarity)| {
            output::line(format!("{similarity:7.4}  {}", word(*row)))
        })
    }
}

fn show_sections(global: &Global, sections: &[zoo_text::Section]) -> Result<()> {
    let sum = |of: fn(&zoo_text::Section) -> usize| sections.iter().map(of).sum::<usize>();
    let (correct, total, skipped) = (sum(|s| s.correct), sum(|s| s.total), sum(|s| s.skipped));
    if global.json {
        let rows: Vec<_> = sections
            .iter()
            .map(|section| {
                json!({
                    "section": section.name, "correct": section.correct,
                    "total": section.total, "skipped": section.skipped,
                })
            })
            .collect();
        return output::json(&json!({
            "sections": rows, "correct": correct, "total": total, "skipped": skipped,
        }));
    }
    let share = |correct: usize, total: usize| match total {
        0 => "-".to_owned(),
        total => format!("{:.1} %", 100.0 * correct as f64 / total as f64),
    };
    let head = ["SECTION", "ACCURACY", "RIGHT", "ASKED", "SKIPPED"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    let mut add = |name: &str, correct: usize, total: usize, skipped: usize| {
        let numbers = [correct, total, skipped].map(|number| number.to_string());
        table.push([vec![name.to_owned(), share(correct, total)], numbers.to_vec()].concat());
    };
    for section in sections {
        add(&section.name, section.correct, section.total, section.skipped);
    }
    add("all", correct, total, skipped);
    output::table(&table)
}
