use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use burn_dispatch::{DispatchDevice, DispatchTensor};

use super::flex::Products;
use super::frame::Frame;
use super::lookup::Lookups;
use super::{Context, Device, primitive};
use crate::graph::Facts;
use crate::plan::{Packed, Plan, PlanTime};
use crate::{DType, Error, Fact, Graph, Parameter, Tensor, Weights};

/// What computes a graph's outputs where nothing is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Engine {
    /// A plan of our own kernels, on the processor; Burn for what they do not know, and on other
    /// devices.
    #[default]
    Plan,
    /// Burn, node by node.
    Burn,
}

impl Engine {
    /// The name, as `--engine` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Burn => "burn",
        }
    }
}

/// A graph with its parameters on a device, ready to run.
pub struct Executor {
    /// What runs: without the lookups.
    graph: Graph,
    lookups: Lookups,
    /// The constants that shapes may depend on stay here as well.
    constants: Weights,
    parameters: BTreeMap<String, DispatchTensor>,
    device: DispatchDevice,
    engine: Engine,
    packed: Packed,
    /// Products that Burn's part of a run makes with `parameters`.
    products: Products,
    /// How inputs are computed, by their shapes.
    plans: Mutex<HashMap<Vec<Vec<usize>>, Planned>>,
}

/// How inputs of known shapes are computed.
#[derive(Clone)]
enum Planned {
    /// By Burn: kernels know nothing of it.
    Burn,
    /// By one plan.
    Whole(Arc<Plan>),
    /// So many samples at a time.
    Parts(usize),
}

impl Executor {
    /// Checks that `weights` hold every parameter of `graph` in its shape, and brings them to
    /// `device`. Weights that the graph does not name are left out.
    pub fn new(graph: Graph, weights: &Weights, device: &Device) -> Result<Self, Error> {
        Self::on(graph, weights, device.open()?)
    }

    /// The same for inference alone: tables in which inputs look up rows, as those of words are,
    /// stay where they lie, and only the rows that are asked for are brought to the device.
    pub fn with_tables_in_place(
        mut graph: Graph,
        weights: &Weights,
        device: &Device,
    ) -> Result<Self, Error> {
        graph.check()?;
        let lookups = Lookups::take(&mut graph, weights);
        Ok(Self { lookups, ..Self::on(graph, weights, device.open()?)? })
    }

    /// The same on a device of Burn's; see [`Executor::run_tensors`].
    pub fn new_on(
        graph: Graph,
        weights: &Weights,
        device: &burn_tensor::Device,
    ) -> Result<Self, Error> {
        Self::on(graph, weights, device.clone().without_autodiff().as_dispatch().clone())
    }

    fn on(graph: Graph, weights: &Weights, device: DispatchDevice) -> Result<Self, Error> {
        graph.check()?;
        let mut parameters = BTreeMap::new();
        let mut constants = Weights::new();
        for (name, parameter) in &graph.parameters {
            let tensor =
                weights.get(name).ok_or_else(|| Error::MissingParameter { name: name.clone() })?;
            if tensor.shape() != parameter.shape
                || Fact::computed(tensor.dtype()) != Fact::computed(parameter.dtype)
            {
                return Err(Error::ParameterShape {
                    name: name.clone(),
                    expected: parameter.shape.clone(),
                    found: tensor.shape().to_vec(),
                });
            }
            if !tensor.dtype().is_float() {
                constants.insert(name, tensor.clone());
            }
            parameters.insert(name.clone(), primitive::upload(tensor, &device));
        }
        let device_is_cpu = device == Device::Cpu.open()?;
        let engine = if device_is_cpu { Engine::Plan } else { Engine::Burn };
        Ok(Self {
            graph,
            lookups: Lookups::default(),
            constants,
            products: Products::of(parameters.values()),
            parameters,
            device,
            engine,
            packed: Packed::default(),
            plans: Mutex::default(),
        })
    }

    /// The same, its outputs computed by `engine`; on a device other than the processor it is
    /// Burn that computes.
    #[must_use]
    pub fn with_engine(mut self, engine: Engine) -> Self {
        if self.engine != Engine::Burn {
            self.engine = engine;
        }
        self
    }

    /// The same with its parameters on another device.
    #[must_use]
    pub fn to_device(&self, device: &burn_tensor::Device) -> Self {
        let device = device.clone().without_autodiff().as_dispatch().clone();
        let moved = |(name, tensor): (&String, &DispatchTensor)| {
            (name.clone(), primitive::to_device(tensor.clone(), &device))
        };
        Self {
            graph: self.graph.clone(),
            lookups: self.lookups.clone(),
            constants: self.constants.clone(),
            parameters: self.parameters.iter().map(moved).collect(),
            device,
            engine: Engine::Burn,
            packed: Packed::default(),
            products: Products::default(),
            plans: Mutex::default(),
        }
    }

    /// The graph that this runs.
    pub fn graph(&self) -> &Graph {
        self.lookups.whole().unwrap_or(&self.graph)
    }

    /// The type and shape of every value for inputs of these shapes.
    pub fn facts(&self, inputs: &[Vec<usize>]) -> Result<Facts, Error> {
        self.inner_facts(&self.lookups.shapes(inputs))
    }

    /// The same from the shapes of what runs, looked-up rows included.
    fn inner_facts(&self, inputs: &[Vec<usize>]) -> Result<Facts, Error> {
        self.graph.infer(&self.constants, inputs)
    }

    /// Computes the graph's outputs, without gradients, dropout or batch statistics.
    ///
    /// `inputs` are the graph's, in order; any floating-point type is computed as `F32`.
    /// Fails where a shape does not fit, before anything is computed.
    pub fn infer(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        let inputs = &self.lookups.inputs(inputs)?;
        if self.engine == Engine::Plan
            && let Some(outputs) = self.infer_planned(inputs, None)?
        {
            return Ok(outputs);
        }
        let kernels = self.engine == Engine::Plan;
        let mut context = self.context().with_kernels(kernels);
        let outputs = self.run(inputs, &self.parameters, &mut context)?;
        Ok(outputs.into_iter().map(primitive::download).collect())
    }

    /// Computes the graph's outputs by a plan, and tells how long each part of it took; `None` where
    /// the engine is Burn, or there is nothing that our kernels know.
    pub fn infer_timed(&self, inputs: &[Tensor]) -> Result<Option<Vec<PlanTime>>, Error> {
        if self.engine != Engine::Plan {
            return Ok(None);
        }
        let inputs = &self.lookups.inputs(inputs)?;
        let mut times = Vec::new();
        let outputs = self.infer_planned(inputs, Some(&mut times))?;
        Ok(outputs.map(|_| times))
    }

    /// Products and sums that our kernels take for inputs of these shapes, each counted as one
    /// operation, without those that Burn computes.
    pub fn operations(&self, inputs: &[Vec<usize>]) -> Result<u64, Error> {
        self.operations_of(&self.lookups.shapes(inputs))
    }

    fn operations_of(&self, inputs: &[Vec<usize>]) -> Result<u64, Error> {
        Ok(match self.planned(inputs)? {
            Planned::Burn => 0,
            Planned::Whole(plan) => plan.operations(),
            Planned::Parts(_) => {
                let (count, rest) = inputs[0].split_first().unwrap_or((&0, &[]));
                *count as u64 * self.operations_of(&[[&[1], rest].concat()])?
            }
        })
    }

    fn infer_planned(
        &self,
        inputs: &[Tensor],
        times: Option<&mut Vec<PlanTime>>,
    ) -> Result<Option<Vec<Tensor>>, Error> {
        let shapes: Vec<Vec<usize>> = inputs.iter().map(|tensor| tensor.shape().to_vec()).collect();
        let planned = self.planned(&shapes)?;
        self.check_types(inputs.iter().map(|tensor| Fact::computed(tensor.dtype())))?;
        match planned {
            Planned::Burn => Ok(None),
            Planned::Whole(plan) => self.run_plan(&plan, inputs, times).map(Some),
            Planned::Parts(most) => {
                let (input, mut times) = (&inputs[0], times);
                let (count, mut parts) = (shapes[0][0], Vec::new());
                for first in (0..count).step_by(most) {
                    let part = input.samples(first..count.min(first + most));
                    let Planned::Whole(plan) = self.planned(&[part.shape().to_vec()])? else {
                        return Ok(None);
                    };
                    parts.push(self.run_plan(&plan, &[part], times.as_deref_mut())?);
                }
                Ok(Some(Tensor::join_samples(&parts)))
            }
        }
    }

    /// For inference with the parameters as they are here.
    fn context(&self) -> Context<'_> {
        Context::inference(&self.device).with_products(&self.products)
    }

    fn run_plan(
        &self,
        plan: &Plan,
        inputs: &[Tensor],
        times: Option<&mut Vec<PlanTime>>,
    ) -> Result<Vec<Tensor>, Error> {
        plan.run(inputs, &self.parameters, self.context(), zoo_kernels::threads(), times)
    }

    /// Samples that are best computed at once: with more, what lies between steps leaves the
    /// processor's caches; with fewer, weights are read more often. `one` is the plan for one.
    fn samples(&self, one: &Plan) -> usize {
        let weights: usize = self.graph.parameters.values().map(Parameter::elements).sum();
        (weights / (2 * one.arena()).max(1)).clamp(1, 8)
    }

    /// How inputs of these shapes are computed, decided when they are first asked for.
    fn planned(&self, shapes: &[Vec<usize>]) -> Result<Planned, Error> {
        /// More than any program keeps in turn: each plan holds an arena.
        const KEPT: usize = 8;
        let lock = || self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(planned) = lock().get(shapes) {
            return Ok(planned.clone());
        }
        let facts = self.inner_facts(shapes)?;
        let planned = if let Some(most) = self.parts(shapes, &facts) {
            Planned::Parts(most)
        } else {
            let threads = zoo_kernels::threads();
            let plan = Plan::new(&self.graph, facts, &self.parameters, &self.packed, threads);
            if plan.is_useful() { Planned::Whole(Arc::new(plan)) } else { Planned::Burn }
        };
        let mut plans = lock();
        if plans.len() >= KEPT {
            plans.clear();
        }
        plans.insert(shapes.to_vec(), planned.clone());
        Ok(planned)
    }

    /// How many samples to compute at once, where that is fewer than there are, of whose values
    /// `facts` are known; what takes no single sample, or mixes them, is computed together.
    fn parts(&self, shapes: &[Vec<usize>], facts: &Facts) -> Option<usize> {
        let ([info], [shape]) = (self.graph.inputs.as_slice(), shapes) else { return None };
        let (&count, rest) = shape.split_first().filter(|(count, _)| **count > 1)?;
        if info.shape.first() != Some(&None) {
            return None;
        }
        let one = self.planned(&[[&[1], rest].concat()]).ok()?;
        let Planned::Whole(one) = one else { return None };
        let most = self.samples(&one);
        (one.is_by_sample(facts, count) && most < count).then_some(most)
    }

    /// Checks that inputs of these types are what the graph takes.
    fn check_types(&self, found: impl Iterator<Item = DType>) -> Result<(), Error> {
        for (info, found) in self.graph.inputs.iter().zip(found) {
            if found != Fact::computed(info.dtype) {
                return Err(Error::Input {
                    name: info.name.clone(),
                    expected: info.dtype.to_string(),
                    found: found.to_string(),
                });
            }
        }
        Ok(())
    }

    pub(super) fn device(&self) -> &DispatchDevice {
        &self.device
    }

    pub(super) fn parameters(&self) -> &BTreeMap<String, DispatchTensor> {
        &self.parameters
    }

    /// Computes the graph's outputs from Burn's own tensors on this executor's device, for a
    /// network that this graph is a part of: gradients flow from the outputs to whatever of
    /// `inputs` and `parameters` has them. `parameters` stand in for this executor's of those
    /// names. As in inference, nothing is dropped and batch norms take their running statistics.
    ///
    /// Fails where a shape does not fit, before anything is computed.
    pub fn run_tensors(
        &self,
        inputs: Vec<DispatchTensor>,
        parameters: impl IntoIterator<Item = (String, DispatchTensor)>,
    ) -> Result<Vec<DispatchTensor>, Error> {
        let mut all = self.parameters.clone();
        all.extend(parameters);
        self.run_uploaded(inputs, &all, &mut Context::inference(&self.device))
    }

    /// Brings `inputs` to the device and runs every node.
    pub(super) fn run(
        &self,
        inputs: &[Tensor],
        parameters: &BTreeMap<String, DispatchTensor>,
        context: &mut Context,
    ) -> Result<Vec<DispatchTensor>, Error> {
        let inputs = inputs.iter().map(|input| primitive::upload(input, &self.device)).collect();
        self.run_uploaded(inputs, parameters, context)
    }

    /// Runs every node once, in order.
    fn run_uploaded(
        &self,
        inputs: Vec<DispatchTensor>,
        parameters: &BTreeMap<String, DispatchTensor>,
        context: &mut Context,
    ) -> Result<Vec<DispatchTensor>, Error> {
        let shapes: Vec<Vec<usize>> = inputs.iter().map(primitive::shape).collect();
        let facts = self.inner_facts(&shapes)?;
        self.check_types(inputs.iter().map(primitive::kind))?;
        let mut frame = Frame::new(&self.graph.nodes, &self.graph.outputs, parameters, facts);
        for (info, input) in self.graph.inputs.iter().zip(inputs) {
            frame.insert(&info.name, input);
        }
        frame.run(&self.graph.nodes, context)?;
        frame.outputs(&self.graph.outputs, context)
    }
}
