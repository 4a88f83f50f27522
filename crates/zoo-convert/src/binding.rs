use std::cell::LazyCell;
use std::fmt;
use std::path::Path;

use zoo_model::{Graph, Weights};

use crate::Error;
use crate::architectures::constants;

/// What became of the tensors of a checkpoint, and of the parameters of an architecture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Parameters that the file gave, by the architecture's names.
    pub applied: Vec<String>,
    /// Parameters that the file lacks, each with the left-over name most like it.
    pub missing: Vec<(String, Option<String>)>,
    /// Parameters that the file lacks and that follow from the architecture alone.
    pub supplied: Vec<String>,
    /// Tensors that the architecture does not take.
    pub unused: Vec<String>,
    /// Parameters of another shape: name, what the architecture takes, what the file has.
    pub mis_shaped: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// Tensors that are left out on purpose: counters of batches, auxiliary heads.
    pub ignored: Vec<String>,
    /// What stood before every name in the file, such as `module.`; empty as a rule.
    pub prefix: String,
    /// Whose names the file has, where they are not the architecture's, such as `timm's Swin`.
    pub naming: Option<String>,
}

impl LoadReport {
    /// Whether every parameter was given in its shape.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.mis_shaped.is_empty()
    }

    /// Fails where a parameter of `architecture` was not given by the file at `path`.
    pub(crate) fn expect_complete(&self, path: &Path, architecture: &str) -> Result<(), Error> {
        if self.is_complete() {
            return Ok(());
        }
        let (path, architecture) = (path.to_owned(), architecture.to_owned());
        Err(Error::DoesNotFit { path, architecture, report: Box::new(self.clone()) })
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// As many names as a person reads; the counts tell the rest.
        const SHOWN: usize = 5;
        let more = |f: &mut fmt::Formatter<'_>, count: usize| match count.checked_sub(SHOWN) {
            Some(rest) if rest > 0 => write!(f, ", and {rest} more"),
            _ => Ok(()),
        };
        write!(f, "{} parameters applied", self.applied.len())?;
        if !self.missing.is_empty() {
            write!(f, "; {} missing:", self.missing.len())?;
            for (name, like) in self.missing.iter().take(SHOWN) {
                write!(f, " `{name}`")?;
                if let Some(like) = like {
                    write!(f, " (did you mean `{like}`?)")?;
                }
            }
            more(f, self.missing.len())?;
        }
        if !self.mis_shaped.is_empty() {
            write!(f, "; {} of another shape:", self.mis_shaped.len())?;
            for (name, takes, has) in self.mis_shaped.iter().take(SHOWN) {
                write!(f, " `{name}` takes {takes:?}, the file has {has:?}")?;
            }
            more(f, self.mis_shaped.len())?;
        }
        if !self.unused.is_empty() {
            write!(f, "; {} unused:", self.unused.len())?;
            for name in self.unused.iter().take(SHOWN) {
                write!(f, " `{name}`")?;
            }
            more(f, self.unused.len())?;
        }
        Ok(())
    }
}

/// Gives the parameters of `graph` the tensors of a checkpoint, by name.
///
/// A prefix before every name (`module.`, `state_dict.`) is found and left out. `ignored` says
/// which left-over names are no surprise. Constants of the architecture are supplied where the
/// checkpoint lacks them. What the graph does not take is dropped; whether all
/// that it takes was there is for the report to say.
pub fn bind(
    graph: &Graph,
    mut checkpoint: Weights,
    ignored: impl Fn(&str) -> bool,
) -> (Weights, LoadReport) {
    let mut report = LoadReport { prefix: prefix_of(graph, &checkpoint), ..LoadReport::default() };
    let mut weights = Weights::new();
    let mut missing = Vec::new();
    let mut constants = constants(graph);
    for (name, parameter) in &graph.parameters {
        match checkpoint.remove(&format!("{}{name}", report.prefix)) {
            None => match constants.remove(name) {
                Some(constant) => {
                    weights.insert(name, constant);
                    report.supplied.push(name.clone());
                }
                None => missing.push(name.clone()),
            },
            Some(tensor) if tensor.shape() != parameter.shape => {
                let (takes, has) = (parameter.shape.clone(), tensor.shape().to_vec());
                report.mis_shaped.push((name.clone(), takes, has));
            }
            Some(tensor) => {
                weights.insert(name, tensor);
                report.applied.push(name.clone());
            }
        }
    }
    let is_ignored = |name: &str| ignored(name.strip_prefix(&report.prefix).unwrap_or(name));
    let (left_out, unused) =
        checkpoint.names().map(str::to_owned).partition(|name: &String| is_ignored(name));
    (report.ignored, report.unused) = (left_out, unused);
    report.missing = missing
        .into_iter()
        .map(|name| {
            let like = most_like(&name, &report.unused);
            (name, like)
        })
        .collect();
    (weights, report)
}

/// Whether a checkpoint has every parameter of `graph` in its shape, as [`bind`] would find.
pub(crate) fn fits(graph: &Graph, checkpoint: &Weights) -> bool {
    let prefix = prefix_of(graph, checkpoint);
    let supplied = LazyCell::new(|| constants(graph));
    graph.parameters.iter().all(|(name, parameter)| {
        match checkpoint.get(&format!("{prefix}{name}")) {
            Some(tensor) => tensor.shape() == parameter.shape,
            None => supplied.get(name).is_some(),
        }
    })
}

/// What stands before the architecture's names in the file.
fn prefix_of(graph: &Graph, checkpoint: &Weights) -> String {
    let wanted: Vec<&String> = graph.parameters.keys().collect();
    if wanted.iter().any(|name| checkpoint.get(name).is_some()) {
        return String::new();
    }
    // The longest names are the least likely to end another by chance.
    let Some(longest) = wanted.iter().max_by_key(|name| name.len()) else { return String::new() };
    let ending = format!(".{longest}");
    let found = checkpoint.names().find(|name| name.ends_with(&ending));
    found.map_or_else(String::new, |name| name[..name.len() - longest.len()].to_owned())
}

fn most_like(name: &str, candidates: &[String]) -> Option<String> {
    /// Below this, a suggestion is noise.
    const ALIKE: f64 = 0.85;
    let best = candidates
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= ALIKE).then(|| best.1.clone())
}
