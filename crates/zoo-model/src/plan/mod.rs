//! Inference at the speed of the processor: a graph compiled for the shapes of its inputs.
//!
//! Nodes become steps of a [`Program`]: batch norms are folded into the convolutions before them,
//! activations and residuals are added while sums are in registers, what is concatenated is
//! written where it will be read, images lie channels last from input to feature, weights are
//! packed once, and all values share one arena. Nodes that there is no kernel for are run by
//! Burn, between the others.
//!
//! A plan computes what its graph does; only the order of sums differs, and that depends on the
//! layers alone, so that an image gives the same bits in any batch and on any number of threads.

mod attention;
mod chains;
mod compile;
mod draft;
mod elementwise;
mod gelu;
mod layers;
mod links;
mod lower;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use burn_dispatch::DispatchTensor;
use zoo_kernels::{Buffer, Images, Pixels, Place, Program, channels_first};

pub(crate) use lower::Packed;

use draft::Source;

use crate::exec::{Context, Frame, primitive};
use crate::graph::Facts;
use crate::{Error, Node, Tensor};

/// A graph, compiled for inputs of known shapes.
pub(crate) struct Plan {
    program: Program,
    /// The nodes that each step of the program computes.
    step_nodes: Vec<Vec<String>>,
    pieces: Vec<Piece>,
    /// What enters, by number.
    sources: Vec<Source>,
    /// The nodes that Burn runs, in order.
    burn: Vec<Node>,
    /// What is read of Burn's values by name: what enters, and outputs.
    burn_outputs: Vec<String>,
    facts: Facts,
    inputs: Vec<String>,
    outputs: Vec<Output>,
    /// Arenas that nobody uses now.
    arenas: Mutex<Vec<Buffer>>,
}

/// What runs in one go.
enum Piece {
    /// Steps of the program.
    Kernels(Range<usize>),
    /// Nodes that Burn runs, and the values that they need from the arena.
    Burn(Range<usize>, Vec<Leaving>),
}

/// A value that leaves the arena.
struct Leaving {
    name: String,
    place: Place,
    shape: Vec<usize>,
}

/// Where an output of the graph is.
enum Output {
    Arena(Leaving),
    Burn(String),
}

/// How long one part of a plan took.
#[derive(Debug, Clone)]
pub struct PlanTime {
    /// The names of the nodes that it computes.
    pub nodes: Vec<String>,
    /// Whether our kernels compute it, and not Burn.
    pub planned: bool,
    /// Products and sums, each counted as one operation; 0 where Burn runs it.
    pub operations: u64,
    /// How long it took.
    pub time: Duration,
}

impl Plan {
    /// Whether there is anything that kernels compute.
    pub(crate) fn is_useful(&self) -> bool {
        !self.program.steps().is_empty()
    }

    /// Whether kernels compute all of it, each sample of a batch by itself, and what comes out has a
    /// first axis for `count` of them where `all` are the facts of all, and this is the plan for
    /// one.
    pub(crate) fn is_by_sample(&self, all: &Facts, count: usize) -> bool {
        let fits = |output: &Output| match output {
            Output::Arena(value) => {
                let shape = all.get(&value.name).map(|fact| fact.shape.as_slice());
                let whole = value.shape.split_first().map(|(_, rest)| [&[count], rest].concat());
                shape.is_some() && shape == whole.as_deref()
            }
            Output::Burn(_) => false,
        };
        self.burn.is_empty() && self.outputs.iter().all(fits)
    }

    /// How many numbers its values take.
    pub(crate) fn arena(&self) -> usize {
        self.program.arena()
    }

    /// Products and sums of all kernels, each counted as one operation.
    pub(crate) fn operations(&self) -> u64 {
        self.program.steps().iter().map(zoo_kernels::Step::operations).sum()
    }

    /// Computes the graph's outputs; `context` is what Burn's nodes run in.
    pub(crate) fn run(
        &self,
        inputs: &[Tensor],
        parameters: &BTreeMap<String, DispatchTensor>,
        mut context: Context,
        threads: usize,
        mut times: Option<&mut Vec<PlanTime>>,
    ) -> Result<Vec<Tensor>, Error> {
        let mut arena = self.take_arena();
        let by_burn = self.outputs.iter().any(|output| matches!(output, Output::Burn(_)));
        let needed = by_burn || !self.burn.is_empty();
        let facts = if needed { self.facts.clone() } else { Facts::new() };
        let mut frame = Frame::new(&self.burn, &self.burn_outputs, parameters, facts);
        for (name, input) in self.inputs.iter().zip(inputs) {
            if frame.reads(name) {
                frame.insert(name, primitive::upload(input, context.device()));
            }
        }
        let mut entered: Vec<Vec<f32>> = vec![Vec::new(); self.sources.len()];
        for (source, values) in self.sources.iter().zip(&mut entered) {
            if let Source::Input(index) = source {
                *values = inputs[*index].to_f32();
            }
        }
        for piece in &self.pieces {
            match piece {
                Piece::Kernels(steps) => {
                    self.enter(steps, &mut frame, &context, &mut entered)?;
                    let sources: Vec<&[f32]> = entered.iter().map(Vec::as_slice).collect();
                    let Some(times) = &mut times else {
                        self.program.run(steps.clone(), &mut arena, &sources, threads);
                        continue;
                    };
                    for step in steps.clone() {
                        let start = Instant::now();
                        self.program.run(step..step + 1, &mut arena, &sources, threads);
                        times.push(PlanTime {
                            nodes: self.step_nodes[step].clone(),
                            planned: true,
                            operations: self.program.steps()[step].operations(),
                            time: start.elapsed(),
                        });
                    }
                }
                Piece::Burn(nodes, leaving) => {
                    let start = Instant::now();
                    for value in leaving {
                        let tensor = primitive::upload(&value.read(&arena), context.device());
                        frame.insert(&value.name, tensor);
                    }
                    frame.run(&self.burn[nodes.clone()], &mut context)?;
                    if let Some(times) = &mut times {
                        let names = self.burn[nodes.clone()].iter().map(|node| node.name.clone());
                        times.push(PlanTime {
                            nodes: names.collect(),
                            planned: false,
                            operations: 0,
                            time: start.elapsed(),
                        });
                    }
                }
            }
        }
        let outputs = self.outputs.iter().map(|output| match output {
            Output::Arena(value) => Ok(value.read(&arena)),
            Output::Burn(name) => {
                let mut values = frame.outputs(std::slice::from_ref(name), &context)?;
                Ok(primitive::download(values.remove(0)))
            }
        });
        let outputs = outputs.collect();
        self.arenas.lock().unwrap_or_else(PoisonError::into_inner).push(arena);
        outputs
    }

    /// Fetches what enters in these steps and was computed by Burn.
    fn enter<'a>(
        &'a self,
        steps: &Range<usize>,
        frame: &mut Frame<'a>,
        context: &Context,
        entered: &mut [Vec<f32>],
    ) -> Result<(), Error> {
        for step in &self.program.steps()[steps.clone()] {
            if let zoo_kernels::Kernel::Enter { source, .. } = step.kernel
                && let Source::Burn(name) = &self.sources[source]
            {
                let mut values = frame.outputs(std::slice::from_ref(name), context)?;
                entered[source] = primitive::read_f32(values.remove(0));
            }
        }
        Ok(())
    }

    fn take_arena(&self) -> Buffer {
        let free = self.arenas.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| Buffer::zeros(self.program.arena()))
    }
}

impl Leaving {
    /// The value as a tensor, channels first.
    fn read(&self, arena: &[f32]) -> Tensor {
        let place = &self.place;
        let data = &arena[place.offset..][..place.extent()];
        let pixels = Pixels::new(data, place.stride, place.channels);
        let images = Images::new(pixels, place.batch, place.height, place.width);
        let mut planes = vec![0.0; self.shape.iter().product()];
        channels_first(&images, &mut planes);
        Tensor::from_f32(&self.shape, &planes)
    }
}
