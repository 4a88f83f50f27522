//! Encoders of texts: BERT and its family, and DistilBERT, by the names that Hugging Face's
//! transformers gives their parameters.
//!
//! A sentence's feature is the mean of its tokens behind the last layer, scaled to length one, as
//! Reimers and Gurevych have it (*Sentence-BERT*, 2019). Sources: Devlin et al.: *BERT*, 2018;
//! Sanh et al.: *DistilBERT*, 2019; transformers' `models/{bert,distilbert}`.

use zoo_model::graph::Value;
use zoo_model::ops::Binary;
use zoo_model::{Graph, GraphBuilder, Weights};

use super::transformer::{Names, Norms, Shape};

/// What differs between the two: names, and whether tokens have types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Bert,
    DistilBert,
}

/// How large an encoder is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sizes {
    words: usize,
    pub(super) positions: usize,
    types: usize,
    layers: usize,
    shape: Shape,
}

/// The word embeddings, by which a checkpoint is known.
pub(super) const ANCHOR: &str = "embeddings.word_embeddings.weight";

/// Added to variances; transformers' default for both.
const EPSILON: f32 = 1e-12;

impl Family {
    /// Whose parameters these are; names without a prefix.
    pub(super) fn of(weights: &Weights) -> Option<Self> {
        weights.get(ANCHOR)?;
        [Self::Bert, Self::DistilBert]
            .into_iter()
            .find(|family| weights.get(&format!("{}.weight", family.names(0).query)).is_some())
    }

    fn names(self, layer: usize) -> Names {
        match self {
            Self::Bert => {
                let part = |part: &str| format!("encoder.layer.{layer}.{part}");
                Names {
                    query: part("attention.self.query"),
                    key: part("attention.self.key"),
                    value: part("attention.self.value"),
                    output: part("attention.output.dense"),
                    attention_norm: part("attention.output.LayerNorm"),
                    wide: part("intermediate.dense"),
                    narrow: part("output.dense"),
                    norm: part("output.LayerNorm"),
                }
            }
            Self::DistilBert => {
                let part = |part: &str| format!("transformer.layer.{layer}.{part}");
                Names {
                    query: part("attention.q_lin"),
                    key: part("attention.k_lin"),
                    value: part("attention.v_lin"),
                    output: part("attention.out_lin"),
                    attention_norm: part("sa_layer_norm"),
                    wide: part("ffn.lin1"),
                    narrow: part("ffn.lin2"),
                    norm: part("output_layer_norm"),
                }
            }
        }
    }

    /// The sizes of the checkpoint with these parameters; `heads` where something else says how many
    /// there are. Otherwise they are of 64 channels, as all of BERT's are, or, in networks of 384
    /// channels, of 32, as those of MiniLM are. `None` where a matrix is missing.
    pub(super) fn sizes(self, weights: &Weights, heads: Option<usize>) -> Option<Sizes> {
        let matrix = |name: &str| match weights.get(name)?.shape() {
            &[rows, columns] => Some([rows, columns]),
            _ => None,
        };
        let [words, channels] = matrix(ANCHOR)?;
        let [positions, _] = matrix("embeddings.position_embeddings.weight")?;
        let types = matrix("embeddings.token_type_embeddings.weight").map_or(0, |[rows, _]| rows);
        let [wide, _] = matrix(&format!("{}.weight", self.names(0).wide))?;
        let has = |layer: &usize| matrix(&format!("{}.weight", self.names(*layer).query)).is_some();
        let layers = (0..weights.len()).take_while(has).count();
        let head = if channels == 384 { 32 } else { 64 };
        let heads = heads.unwrap_or((channels / head).max(1));
        let fits = heads > 0 && channels % heads == 0;
        let shape =
            Shape { channels, wide, heads, norms: Norms::Behind, epsilon: EPSILON, key_bias: true };
        fits.then_some(Sizes { words, positions, types, layers, shape })
    }

    /// The graph: inputs `input_ids [?, tokens]`, `attention_mask [?, tokens]` and, where tokens
    /// have types, `token_type_ids [?, tokens]`; output `feature [?, channels]`.
    pub(super) fn build(self, sizes: &Sizes) -> Result<Graph, zoo_model::Error> {
        let mut b = GraphBuilder::new();
        let tokens = b.tokens("input_ids");
        let mask = b.mask("attention_mask");
        let words = b.weight(ANCHOR, &[sizes.words, sizes.shape.channels]);
        let mut x = b.look_up(&words, &tokens);
        if sizes.types > 0 {
            let types = b.tokens("token_type_ids");
            let table = b.weight(
                "embeddings.token_type_embeddings.weight",
                &[sizes.types, sizes.shape.channels],
            );
            let types = b.look_up(&table, &types);
            x = b.combine(Binary::Add, &x, &types);
        }
        let positions = b.weight(
            "embeddings.position_embeddings.weight",
            &[sizes.positions, sizes.shape.channels],
        );
        let positions = b.first_rows(&positions, &tokens, 1);
        x = b.combine(Binary::Add, &x, &positions);
        x = b.layer_norm("embeddings.LayerNorm", &x, EPSILON);
        let bias = mask_bias(&mut b, &mask);
        for layer in 0..sizes.layers {
            x = sizes.shape.layer(&mut b, &self.names(layer), &x, Some(&bias));
        }
        let feature = b.mean_of_tokens(&x, &mask, None);
        let feature = b.unit_length(&feature);
        b.finish(&[("feature", &feature)])
    }
}

/// What is added to the scores of each key: nothing for tokens that count, so much for others that
/// nothing is left of them.
fn mask_bias(b: &mut GraphBuilder, mask: &Value) -> Value {
    let one = b.constant(&[1], &[1.0]);
    let absent = b.combine(Binary::Sub, mask, &one);
    let bias = b.scale(&absent, 1e9);
    let bias = b.unsqueeze(&bias, 1);
    b.unsqueeze(&bias, 1)
}
