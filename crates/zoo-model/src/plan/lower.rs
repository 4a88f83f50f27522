//! From the draft of a plan to steps on places.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use burn_dispatch::DispatchTensor;
use zoo_kernels::{
    Chain, Convolution, Depthwise, Isa, Kernel, Place, Program, Split, Step, Window, Winograd,
};

use super::compile::Compiler;
use super::draft::{self, Draft, Layout, Linear, MOST, Source, ValueId, allocate};
use super::{Leaving, Output, Piece, Plan};
use crate::Graph;
use crate::exec::primitive;
use crate::graph::Facts;

/// Packed weights, which plans for several shapes share.
#[derive(Default)]
pub(crate) struct Packed(Mutex<HashMap<Key, Kept>>);

/// What packed weights depend on: their parameter, how they are used, and what was folded into
/// them, which may differ from shape to shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    weight: String,
    transposed: bool,
    method: Method,
    window: Window,
    groups: usize,
    /// The bits of factors and summands.
    folded: Vec<u32>,
}

impl Key {
    fn new(linear: &Linear, method: Method) -> Self {
        let folded = linear.scale.iter().chain(&linear.bias);
        Self {
            weight: linear.weight.clone(),
            transposed: linear.transposed,
            method,
            window: linear.window,
            groups: linear.groups,
            folded: folded.map(|number| number.to_bits()).collect(),
        }
    }
}

/// How a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Method {
    Direct,
    Winograd,
}

#[derive(Clone)]
enum Kept {
    Convolution(Arc<Convolution>),
    Depthwise(Arc<Depthwise>),
    Winograd(Arc<Winograd>),
}

impl Packed {
    fn get(&self, key: Key, pack: impl FnOnce() -> Kept) -> Kept {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.entry(key).or_insert_with(pack).clone()
    }
}

impl Plan {
    /// The plan of `graph`, of whose values `facts` are known.
    pub(crate) fn new(
        graph: &Graph,
        facts: Facts,
        parameters: &BTreeMap<String, DispatchTensor>,
        packed: &Packed,
        threads: usize,
    ) -> Self {
        let mut compiler = Compiler::new(graph, &facts, parameters);
        compiler.compile();
        compiler.join_chains();
        let kept: Vec<ValueId> = graph
            .outputs
            .iter()
            .filter_map(|name| compiler.names.get(name.as_str()).copied())
            .collect();
        let mut layout = allocate(&compiler.values, &compiler.drafts, &kept);
        if layout.len > MOST {
            (compiler.drafts, layout) = (Vec::new(), Layout::default());
            compiler.names.clear();
        }
        let mut lowering = Lowering {
            isa: Isa::best(),
            compiler: &compiler,
            layout: &layout,
            parameters,
            packed,
            threads,
            sources: Vec::new(),
        };
        let (mut steps, mut step_nodes) = (Vec::new(), Vec::new());
        let (mut pieces, mut burn) = (Vec::new(), Vec::new());
        let mut burn_outputs = Vec::new();
        for draft in &compiler.drafts {
            match draft {
                Draft::Moved => {}
                Draft::Kernel { kernel, out, nodes } => {
                    if let draft::Kernel::Enter { source: Source::Burn(name), .. } = kernel {
                        burn_outputs.push(name.clone());
                    }
                    let at = steps.len();
                    steps.push(lowering.step(kernel, *out));
                    step_nodes.push(nodes.clone());
                    match pieces.last_mut() {
                        // What enters from Burn is fetched when a piece begins.
                        Some(Piece::Kernels(range)) => range.end = at + 1,
                        _ => pieces.push(Piece::Kernels(at..at + 1)),
                    }
                }
                Draft::Burn { node, reads } => {
                    let at = burn.len();
                    burn.push(graph.nodes[*node].clone());
                    let leaving = |(name, id): &(String, ValueId)| Leaving {
                        name: name.clone(),
                        place: lowering.place(*id),
                        shape: facts.get(name).map(|fact| fact.shape.clone()).unwrap_or_default(),
                    };
                    let leaving = reads.iter().map(leaving);
                    match pieces.last_mut() {
                        Some(Piece::Burn(range, all)) => {
                            range.end = at + 1;
                            for value in leaving {
                                if all.iter().all(|other| other.name != value.name) {
                                    all.push(value);
                                }
                            }
                        }
                        _ => pieces.push(Piece::Burn(at..at + 1, leaving.collect())),
                    }
                }
            }
        }
        let outputs = graph.outputs.iter().map(|name| {
            if let Some(&id) = compiler.names.get(name.as_str()) {
                return Output::Arena(Leaving {
                    name: name.clone(),
                    place: lowering.place(id),
                    shape: facts.get(name).map(|fact| fact.shape.clone()).unwrap_or_default(),
                });
            }
            burn_outputs.push(name.clone());
            Output::Burn(name.clone())
        });
        let outputs = outputs.collect();
        let sources = lowering.sources;
        let inputs = graph.inputs.iter().map(|info| info.name.clone()).collect();
        Self {
            program: Program::new(Isa::best(), steps, layout.len),
            step_nodes,
            pieces,
            sources,
            burn,
            burn_outputs,
            inputs,
            outputs,
            arenas: Mutex::default(),
            facts,
        }
    }
}

struct Lowering<'a> {
    isa: Isa,
    compiler: &'a Compiler<'a>,
    layout: &'a Layout,
    parameters: &'a BTreeMap<String, DispatchTensor>,
    packed: &'a Packed,
    threads: usize,
    sources: Vec<Source>,
}

/// Tasks for each thread: enough that threads end at nearly the same time.
const TASKS_PER_THREAD: usize = 4;

impl Lowering<'_> {
    /// Where a value lies.
    fn place(&self, id: ValueId) -> Place {
        let values = &self.compiler.values;
        let [batch, height, width, channels] = values[id].shape;
        let (mut whole, mut first) = (id, 0);
        while let Some((next, channel)) = values[whole].part_of {
            whole = next;
            first += channel;
        }
        let offset = self.layout.offsets[&whole] + first;
        Place { offset, stride: values[whole].shape[3], channels, batch, height, width }
    }

    fn step(&mut self, kernel: &draft::Kernel, out: ValueId) -> Step {
        let out = self.place(out);
        let lines = out.batch * out.height;
        let many = self.threads * TASKS_PER_THREAD;
        let (kernel, tasks) = match kernel {
            draft::Kernel::Enter { source, size, padding } => {
                self.sources.push(source.clone());
                let source = self.sources.len() - 1;
                (Kernel::Enter { source, size: *size, padding: *padding }, many.min(lines))
            }
            draft::Kernel::Linear { linear, input, residual, activation } => {
                let input = self.place(*input);
                let activation = *activation;
                match self.packed(linear, self.method(linear, [out.height, out.width])) {
                    Kept::Winograd(winograd) => {
                        let residual = residual.map(|id| self.place(id));
                        let tiles = out.batch * winograd.tiles([out.height, out.width]);
                        let rounds = tiles.div_ceil(winograd.block()).div_ceil(self.threads);
                        let tasks = (rounds * self.threads).min(tiles);
                        (Kernel::Winograd { winograd, input, residual, activation }, tasks)
                    }
                    Kept::Depthwise(depthwise) => {
                        (Kernel::Depthwise { depthwise, input, activation }, many.min(lines))
                    }
                    Kept::Convolution(convolution) => {
                        let residual = residual.map(|id| self.place(id));
                        let split = self.split(&convolution, out.pixels());
                        let tasks = split.pixels * split.panels;
                        let kernel =
                            Kernel::Convolution { convolution, input, residual, activation, split };
                        (kernel, tasks)
                    }
                }
            }
            draft::Kernel::Chain(draft) => {
                let kept =
                    [&draft.first, &draft.then].map(|linear| self.packed(linear, Method::Direct));
                let [Kept::Convolution(first), Kept::Depthwise(then)] = kept else {
                    unreachable!("a chain is a convolution and a depthwise one")
                };
                let (activation, middle) = (draft.between, draft.middle);
                let chain = Chain { first, activation, middle, then };
                let (input, activation) = (self.place(draft.input), draft.activation);
                // Each task begins with lines that another one makes as well: so, few of them.
                (Kernel::Chain { chain, input, activation }, self.threads.min(lines))
            }
            draft::Kernel::Pool { window, pooling, input } => {
                let (window, pooling, input) = (*window, *pooling, self.place(*input));
                (Kernel::Pool { window, pooling, input }, many.min(lines))
            }
            draft::Kernel::PoolImages { max, input } => {
                let (max, input) = (*max, self.place(*input));
                (Kernel::PoolImages { max, input }, many.min(out.batch))
            }
            draft::Kernel::Affine { scale, shift, input, activation } => {
                let (scale, shift, input) = (scale.clone(), shift.clone(), self.place(*input));
                let activation = *activation;
                (Kernel::Affine { scale, shift, input, activation }, many.min(out.pixels()))
            }
            draft::Kernel::Combine { how, a, b, spread, activation } => {
                let (a, b) = (self.place(*a), self.place(*b));
                let (how, spread, activation) = (*how, *spread, *activation);
                (Kernel::Combine { how, a, b, spread, activation }, many.min(out.pixels()))
            }
            draft::Kernel::Flatten { input } => {
                (Kernel::Flatten { input: self.place(*input) }, many.min(out.batch))
            }
            draft::Kernel::LayerNorm { scale, shift, epsilon, input } => {
                let (scale, shift, input) = (scale.clone(), shift.clone(), self.place(*input));
                let epsilon = *epsilon;
                (Kernel::LayerNorm { scale, shift, epsilon, input }, many.min(out.pixels()))
            }
            draft::Kernel::Attention { heads, tokens, bias } => {
                let [queries, keys, values] = tokens.map(|id| self.place(id));
                let bias = bias.map(|id| self.place(id));
                let attention = *heads;
                let kernel = Kernel::Attention { attention, queries, keys, values, bias };
                (kernel, attention.tasks())
            }
        };
        Step { kernel, out, tasks }
    }

    fn packed(&self, linear: &Linear, method: Method) -> Kept {
        let pack = || pack(self.isa, linear, method, self.parameters);
        self.packed.get(Key::new(linear, method), pack)
    }

    /// How `linear` is computed for an output of this size, whatever the batch.
    fn method(&self, linear: &Linear, out_size: [usize; 2]) -> Method {
        let Linear { window, groups, channels, bias, .. } = linear;
        let three = Window { kernel: [3; 2], padding: window.padding, ..Window::POINT };
        let suits = || Winograd::suits(self.isa, *channels, bias.len(), out_size);
        if *window == three && *groups == 1 && suits() { Method::Winograd } else { Method::Direct }
    }

    /// Blocks of pixels where there are more of them than columns of weights, so that each reads all
    /// weights; else columns, so that each thread reads its own.
    fn split(&self, convolution: &Convolution, pixels: usize) -> Split {
        let many = self.threads * TASKS_PER_THREAD;
        let blocks = pixels.div_ceil(convolution.block());
        if self.threads == 1 {
            return Split { pixels: blocks, panels: 1 };
        }
        if pixels >= (many * 24).max(convolution.outputs()) {
            let rounds = blocks.div_ceil(self.threads).max(2);
            return Split { pixels: rounds * self.threads, panels: 1 };
        }
        Split { pixels: 1, panels: many.min(convolution.panels()) }
    }
}

/// Folds factors into weights and packs them.
fn pack(
    isa: Isa,
    linear: &Linear,
    method: Method,
    parameters: &BTreeMap<String, DispatchTensor>,
) -> Kept {
    let numbers = parameters.get(&linear.weight).map(|tensor| primitive::read_f32(tensor.clone()));
    let mut weight = numbers.unwrap_or_default();
    let outputs = linear.bias.len();
    if linear.transposed {
        let inputs = linear.channels;
        weight = (0..outputs * inputs)
            .map(|index| weight[index % inputs * outputs + index / inputs])
            .collect();
    }
    let each = weight.len() / outputs;
    for (weight, scale) in weight.chunks_exact_mut(each).zip(&linear.scale) {
        if *scale != 1.0 {
            for number in weight {
                *number *= scale;
            }
        }
    }
    if method == Method::Winograd {
        let (padding, channels) = (linear.window.padding, linear.channels);
        let winograd = Winograd::new(isa, padding, channels, &weight, &linear.bias);
        return Kept::Winograd(Arc::new(winograd));
    }
    if linear.is_depthwise() {
        return Kept::Depthwise(Arc::new(Depthwise::new(
            isa,
            linear.window,
            &weight,
            &linear.bias,
        )));
    }
    Kept::Convolution(Arc::new(Convolution::new(
        isa,
        linear.window,
        linear.groups,
        linear.channels,
        &weight,
        &linear.bias,
    )))
}
