//! The layers that transformers are made of, whoever named their parameters.

use zoo_model::GraphBuilder;
use zoo_model::graph::Value;
use zoo_model::ops::Binary;

/// Where the norms of a layer stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Norms {
    /// Before attention and perceptron, beside which the residual passes.
    Before,
    /// Behind the sums with the residuals, as at first.
    Behind,
}

/// What all layers of a network share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub(super) channels: usize,
    pub(super) wide: usize,
    pub(super) heads: usize,
    pub(super) norms: Norms,
    /// Added to the variances of norms.
    pub(super) epsilon: f32,
    /// Whether keys have a bias.
    pub(super) key_bias: bool,
}

/// The parameters of one layer, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) query: String,
    pub(super) key: String,
    pub(super) value: String,
    pub(super) output: String,
    pub(super) attention_norm: String,
    pub(super) wide: String,
    pub(super) narrow: String,
    pub(super) norm: String,
}

impl Names {
    /// As transformers calls those of wav2vec 2.0, Whisper and others: behind `prefix`, attention is
    /// called `attention`; the others are the two linear maps and the two norms.
    pub(super) fn projections(
        prefix: &str,
        attention: &str,
        [wide, narrow]: [&str; 2],
        [attention_norm, norm]: [&str; 2],
    ) -> Self {
        let part = |name: &str| format!("{prefix}.{name}");
        let projection = |name: &str| format!("{prefix}.{attention}.{name}_proj");
        Self {
            query: projection("q"),
            key: projection("k"),
            value: projection("v"),
            output: projection("out"),
            attention_norm: part(attention_norm),
            wide: part(wide),
            narrow: part(narrow),
            norm: part(norm),
        }
    }
}

impl Shape {
    /// One layer over `x [batch, tokens, channels]`: attention and perceptron, each with a residual
    /// around it. `bias`, where there is one, is added to the scores `[batch, heads, tokens, tokens]`.
    pub(super) fn layer(
        &self,
        b: &mut GraphBuilder,
        names: &Names,
        x: &Value,
        bias: Option<&Value>,
    ) -> Value {
        match self.norms {
            Norms::Before => {
                let y = b.layer_norm(&names.attention_norm, x, self.epsilon);
                let y = self.attention(b, names, &y, bias);
                let x = b.combine(Binary::Add, x, &y);
                let y = b.layer_norm(&names.norm, &x, self.epsilon);
                let y = b.perceptron([&names.wide, &names.narrow], &y, self.wide);
                b.combine(Binary::Add, &x, &y)
            }
            Norms::Behind => {
                let y = self.attention(b, names, x, bias);
                let y = b.combine(Binary::Add, &y, x);
                let x = b.layer_norm(&names.attention_norm, &y, self.epsilon);
                let y = b.perceptron([&names.wide, &names.narrow], &x, self.wide);
                let y = b.combine(Binary::Add, &y, &x);
                b.layer_norm(&names.norm, &y, self.epsilon)
            }
        }
    }

    fn attention(
        &self,
        b: &mut GraphBuilder,
        names: &Names,
        x: &Value,
        bias: Option<&Value>,
    ) -> Value {
        let head = self.channels / self.heads;
        let parts = [(&names.query, true), (&names.key, self.key_bias), (&names.value, true)];
        let [queries, keys, values] = parts.map(|(name, biased)| {
            let y = if biased {
                b.project(name, x, self.channels)
            } else {
                b.project_unbiased(name, x, self.channels)
            };
            let y = b.reshape(&y, &[0, 0, self.heads as i64, head as i64]);
            b.permute(&y, &[0, 2, 1, 3])
        });
        let queries = b.scale(&queries, (head as f64).powf(-0.5));
        let mut scores = b.similarities(&queries, &keys);
        if let Some(bias) = bias {
            scores = b.combine(Binary::Add, &scores, bias);
        }
        let y = b.attend(&scores, &values, self.heads);
        b.project(&names.output, &y, self.channels)
    }
}
