//! Word vectors: a vocabulary, and a matrix with a row for each word.
//!
//! Rows go one by one into a temporary file, which is mapped: what a conversion holds in memory is
//! the words. A text's feature is the mean of its words' rows, which the graph computes; there is
//! no head, for nobody has taught the vectors any classes.

use std::io::{BufWriter, Write};
use std::path::Path;

use bytes::Bytes;
use half::{bf16, f16};
use zoo_model::bundle::{Source, map_file};
use zoo_model::{Bundle, Cuts, DType, Graph, GraphBuilder, Tensor, Weights};
use zoo_text::vectors::{Findings, Policy, Reader, detect_file};
use zoo_text::{Case, Lexicon, Text, Tokens};

use crate::convert::new_card;
use crate::{ConvertOptions, Error};

/// The matrix, by the name it has in bundles: a row for each word.
pub const VECTORS: &str = "vectors.weight";
/// How much each word counts in a text, where not all count the same.
const FREQUENCY: &str = "frequency.weight";

/// How the rows of a text's words become its feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pooling {
    /// Their mean.
    #[default]
    Mean,
    /// Their mean, in which frequent words count less: `a / (a + p)` with `a` = 0.001 and the
    /// probability `p` of the word, taken from its rank by Zipf's law, since files list the most
    /// frequent words first. Source: Arora, Liang, Ma: *A simple but tough-to-beat baseline for
    /// sentence embeddings*, 2017; without the common component, which a head that is solved on the
    /// feature leaves out by itself.
    Sif,
}

/// Whether the file at `path` holds word vectors.
pub(crate) fn are_in(path: &Path) -> Result<bool, std::io::Error> {
    Ok(detect_file(path)?.is_some())
}

/// Reads the file at `path`.
pub(crate) fn convert(
    path: &Path,
    source: Source,
    options: &ConvertOptions,
) -> Result<(Bundle, Findings), Error> {
    let policy = if options.skip_malformed { Policy::lenient() } else { Policy::default() };
    let mut reader = Reader::open(path, policy).map_err(|source| Error::text(path, source))?;
    let dimension = reader.dimension();
    let precision = options.precision.filter(|dtype| dtype.is_float()).unwrap_or(DType::F32);
    let io = |source| Error::Io { path: std::env::temp_dir(), source };
    let file = tempfile::tempfile().map_err(io)?;
    let mut rows = BufWriter::with_capacity(1 << 20, file);
    let (mut words, mut count, mut is_lower) = (Vec::new(), 0, true);
    while let Some(row) = reader.next_row().map_err(|source| Error::text(path, source))? {
        words.extend(row.word.as_bytes());
        words.push(b'\n');
        is_lower &= !row.word.chars().any(char::is_uppercase);
        count += 1;
        write_row(&mut rows, row.values, precision).map_err(io)?;
    }
    if count == 0 {
        return Err(Error::Malformed {
            path: path.to_owned(),
            format: "word vector",
            reason: "it has no row".to_owned(),
        });
    }
    let file = rows.into_inner().map_err(|error| io(error.into_error()))?;
    let bytes = map_file(&file).map_err(io)?;
    let matrix = Tensor::new(precision, vec![count, dimension], bytes);
    let matrix = matrix.ok_or_else(|| io(std::io::ErrorKind::WriteZero.into()))?;
    let mut weights = Weights::new();
    weights.insert(VECTORS, matrix);
    if options.pooling == Pooling::Sif {
        weights.insert(FREQUENCY, Tensor::from_f32(&[count, 1], &importance(count)));
    }
    let graph = graph(count, dimension, options.pooling)?;
    let mut card = new_card(path, "word-vectors", None, source, options);
    card.cuts = Cuts::of_trunk(&graph, &Weights::new(), &[vec![1, 1], vec![1, 1]])?;
    let case = if is_lower { Case::Lower } else { Case::Keep };
    card.text = Some(Text { tokens: Tokens::Words, case, max_tokens: MAX_TOKENS });
    let mut bundle = Bundle::new(card, graph, weights);
    bundle.lexicon = Some(Lexicon::Words(Bytes::from(words)));
    Ok((bundle, reader.findings().clone()))
}

/// A mean costs little: the limit only bounds memory.
const MAX_TOKENS: u32 = 1 << 16;

fn write_row(file: &mut impl Write, values: &[f32], precision: DType) -> std::io::Result<()> {
    for value in values {
        match precision {
            DType::F16 => file.write_all(&f16::from_f32(*value).to_le_bytes())?,
            DType::BF16 => file.write_all(&bf16::from_f32(*value).to_le_bytes())?,
            _ => file.write_all(&value.to_le_bytes())?,
        }
    }
    Ok(())
}

/// `a / (a + p)` for each word, the most frequent first.
fn importance(count: usize) -> Vec<f32> {
    /// The paper's.
    const A: f64 = 1e-3;
    let harmonic: f64 = (1..=count).map(|rank| 1.0 / rank as f64).sum();
    (1..=count).map(|rank| (A / (A + 1.0 / (rank as f64 * harmonic))) as f32).collect()
}

/// From the numbers of words `tokens [batch, tokens]`, and the `mask` of those that count, to the
/// feature `[batch, dimension]`.
fn graph(rows: usize, dimension: usize, pooling: Pooling) -> Result<Graph, Error> {
    let mut b = GraphBuilder::new();
    let (tokens, mask) = (b.tokens("tokens"), b.mask("mask"));
    let table = b.weight(VECTORS, &[rows, dimension]);
    let vectors = b.look_up(&table, &tokens);
    let weights = match pooling {
        Pooling::Mean => None,
        Pooling::Sif => {
            let table = b.buffer(FREQUENCY, &[rows, 1]);
            let weights = b.look_up(&table, &tokens);
            Some(b.pick(&weights, 2, 0))
        }
    };
    let feature = b.mean_of_tokens(&vectors, &mask, weights.as_ref());
    Ok(b.finish(&[("feature", &feature)])?)
}
