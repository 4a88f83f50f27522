use std::collections::BTreeMap;

use burn_dispatch::{DispatchDevice, DispatchTensor};

use super::frame::Frame;
use super::{Context, Device, primitive};
use crate::graph::Facts;
use crate::{Error, Fact, Graph, Tensor, Weights};

/// A graph with its parameters on a device, ready to run.
pub struct Executor {
    graph: Graph,
    /// The constants that shapes may depend on stay here as well.
    constants: Weights,
    parameters: BTreeMap<String, DispatchTensor>,
    device: DispatchDevice,
}

impl Executor {
    /// Checks that `weights` hold every parameter of `graph` in its shape, and brings them to
    /// `device`. Weights that the graph does not name are left out.
    pub fn new(graph: Graph, weights: &Weights, device: &Device) -> Result<Self, Error> {
        Self::on(graph, weights, device.open()?)
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
        Ok(Self { graph, constants, parameters, device })
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
            constants: self.constants.clone(),
            parameters: self.parameters.iter().map(moved).collect(),
            device,
        }
    }

    /// The graph that this runs.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The type and shape of every value for inputs of these shapes.
    pub fn facts(&self, inputs: &[Vec<usize>]) -> Result<Facts, Error> {
        self.graph.infer(&self.constants, inputs)
    }

    /// Computes the graph's outputs, without gradients, dropout or batch statistics.
    ///
    /// `inputs` are the graph's, in order; any floating-point type is computed as `F32`.
    /// Fails where a shape does not fit, before anything is computed.
    pub fn infer(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        let mut context = Context::inference(&self.device);
        let outputs = self.run(inputs, &self.parameters, &mut context)?;
        Ok(outputs.into_iter().map(primitive::download).collect())
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
        let facts = self.facts(&shapes)?;
        for (info, input) in self.graph.inputs.iter().zip(&inputs) {
            let found = primitive::kind(input);
            if found != Fact::computed(info.dtype) {
                return Err(Error::Input {
                    name: info.name.clone(),
                    expected: info.dtype.to_string(),
                    found: found.to_string(),
                });
            }
        }
        let mut frame = Frame::new(&self.graph.nodes, &self.graph.outputs, parameters, facts);
        for (info, input) in self.graph.inputs.iter().zip(inputs) {
            frame.insert(&info.name, input);
        }
        frame.run(&self.graph.nodes, context)?;
        frame.outputs(&self.graph.outputs, context)
    }
}
