//! Which architecture a checkpoint has, and in whose names.

use std::path::Path;

use zoo_model::{Graph, Weights};

use crate::architectures::{self, Architecture};
use crate::renaming::{Dialect, renamed};
use crate::{ConvertOptions, Error, LoadReport, Preparation, bind, companions};

/// Gives the tensors of the checkpoint at `path` to the architecture that they are of.
pub(crate) fn load_checkpoint(
    path: &Path,
    checkpoint: Weights,
    options: &ConvertOptions,
) -> Result<Found, Error> {
    let found = find(path, checkpoint, options)?
        .ok_or_else(|| Error::NoArchitectureFits { path: path.to_owned() })?;
    found.report.expect_complete(path, found.architecture.name)?;
    Ok(found)
}

/// An architecture with the parameters of a checkpoint.
pub(crate) struct Found {
    pub(crate) architecture: &'static Architecture,
    /// How it computes, where that is not as the architecture does.
    dialect: Option<&'static Dialect>,
    pub(crate) graph: Graph,
    pub(crate) weights: Weights,
    pub(crate) report: LoadReport,
}

impl Found {
    /// The same network in a dialect.
    fn spoken(mut self, dialect: Option<&'static Dialect>) -> Self {
        if let Some(dialect) = dialect {
            let before = self.graph.clone();
            dialect.apply(&mut self.graph);
            self.dialect = Some(dialect).filter(|_| self.graph != before);
        }
        self
    }

    /// The name by which [`architectures::find`] and a conversion get back to it.
    pub(crate) fn name(&self) -> String {
        self.dialect.map_or("", |dialect| dialect.prefix).to_owned() + self.architecture.name
    }
}

/// The side of the pictures that a model is stated to take, where they are squares.
fn side(options: &ConvertOptions) -> Option<usize> {
    let Preparation::Stated(stated) = &options.preparation else { return None };
    let [_, height, width] = stated.output_shape()?;
    (height == width).then_some(height)
}

/// Binds a checkpoint to the architecture that is named, or to the one that it fits: by
/// torchvision's names, or else by those of another publisher. `None` where no name is given and
/// none fits; where one is given and does not fit, the report says so. The graph is for pictures of
/// the size that is stated, where one is: many weights are used at another than the usual.
fn find(
    path: &Path,
    checkpoint: Weights,
    options: &ConvertOptions,
) -> Result<Option<Found>, Error> {
    let name = options.architecture.as_deref();
    let named = name.map(architectures::find).transpose()?;
    let stated = name.filter(|_| named.is_some_and(Architecture::is_ported));
    let stated = stated.and_then(Dialect::stated);
    let bound = |weights: Weights, naming: Option<&str>| -> Result<Option<Found>, Error> {
        let Some(architecture) = named.or_else(|| architectures::detect(&weights)) else {
            return Ok(None);
        };
        let sized = architecture.at_size(side(options).unwrap_or(architecture.size));
        let graph = sized.build(architecture.classes_in(&weights).unwrap_or(1000))?;
        let ignored = |name: &str| architecture.is_ignored(name);
        let (weights, mut report) = bind(&graph, weights, ignored);
        report.naming = naming.map(str::to_owned);
        Ok(Some(Found { architecture, dialect: None, graph, weights, report }))
    };
    let mut direct = bound(checkpoint.clone(), None)?;
    if let Some(found) = direct.take_if(|found| found.report.is_complete()) {
        return Ok(Some(found.spoken(stated)));
    }
    for (naming, weights) in renamed(&checkpoint) {
        if let Some(found) = bound(weights, Some(naming.name))?
            && found.report.is_complete()
        {
            let dialect = match (naming.dialects, stated) {
                (_, Some(stated)) => Some(stated),
                ([], None) => None,
                ([usual, ..], None) if named.is_some() => Some(*usual),
                (several, None) => Some(dialect_beside(path, options).ok_or_else(|| {
                    Error::Ambiguous {
                        path: path.to_owned(),
                        architectures: several
                            .iter()
                            .map(|dialect| format!("{}{}", dialect.prefix, found.architecture.name))
                            .collect(),
                    }
                })?),
            };
            return Ok(Some(found.spoken(dialect)));
        }
    }
    Ok(direct)
}

/// The dialect of the network that `config.json` beside a checkpoint names, as timm writes it.
fn dialect_beside(path: &Path, options: &ConvertOptions) -> Option<&'static Dialect> {
    let config = companions::json(path, options, "config.json").ok()??;
    Dialect::stated(&format!("timm.{}", config.get("architecture")?.as_str()?))
}
