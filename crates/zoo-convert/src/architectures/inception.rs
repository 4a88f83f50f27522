//! What all Inceptions are made of: convolutions, each with norm and ReLU, in branches.

use zoo_model::GraphBuilder;
use zoo_model::graph::{ConvSpec, Value};
use zoo_model::ops::Padding;

/// A convolution without padding.
pub(super) fn valid(outputs: usize, kernel: usize) -> ConvSpec {
    ConvSpec::new(outputs, kernel).padding(Padding::symmetric(0, 2))
}

/// A graph of such convolutions.
pub(super) struct Inception(pub(super) GraphBuilder);

impl Inception {
    /// Convolution, batch norm, ReLU.
    pub(super) fn conv(&mut self, name: &str, x: &Value, spec: ConvSpec) -> Value {
        let x = self.0.conv(&format!("{name}.conv"), x, spec);
        let x = self.0.batch_norm(&format!("{name}.bn"), &x, 1e-3);
        self.0.relu(&x)
    }

    /// One convolution after the other, each with its name within the block.
    pub(super) fn chain(&mut self, block: &str, x: &Value, convs: &[(&str, ConvSpec)]) -> Value {
        convs.iter().fold(x.clone(), |x, (name, spec)| {
            self.conv(&format!("{block}.{name}"), &x, spec.clone())
        })
    }

    /// One convolution after the other, called by their numbers; where there is only one, by the
    /// branch alone.
    pub(super) fn branch(&mut self, name: &str, x: &Value, convs: &[ConvSpec]) -> Value {
        if let [only] = convs {
            return self.conv(name, x, only.clone());
        }
        convs.iter().enumerate().fold(x.clone(), |x, (number, spec)| {
            self.conv(&format!("{name}.{number}"), &x, spec.clone())
        })
    }

    /// The branches `{block}.branch0`, `{block}.branch1`, ...
    pub(super) fn branches(
        &mut self,
        block: &str,
        x: &Value,
        branches: &[&[ConvSpec]],
    ) -> Vec<Value> {
        let number = |(number, convs): (usize, &&[ConvSpec])| {
            self.branch(&format!("{block}.branch{number}"), x, convs)
        };
        branches.iter().enumerate().map(number).collect()
    }

    /// The channels of `values` one after the other.
    pub(super) fn concat(&mut self, values: &[Value]) -> Value {
        let values: Vec<&Value> = values.iter().collect();
        self.0.concat(&values)
    }
}
