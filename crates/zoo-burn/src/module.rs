use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use burn_backend::TensorMetadata;
use burn_core::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
};
use burn_core::tensor::{Device, Tensor};
use zoo_model::ops::Layout;
use zoo_model::{Bundle, Executor, Graph, Node, Op, Weights};

use crate::Error;
use crate::parameter::Parameter;

/// A graph with its parameters, as a module of Burn.
///
/// What the graph calls trainable is a `Param` under its upstream name (`layer1.0.conv1.weight`)
/// and requires gradients until it is frozen; the rest, such as running statistics, stays as it
/// is. Batch norms take their running statistics and nothing is dropped, in training as well:
/// that suits the small data for which a pretrained network is taken.
#[derive(Clone)]
pub struct ZooModule {
    executor: Arc<Executor>,
    parameters: BTreeMap<String, Parameter>,
}

impl ZooModule {
    /// All of `bundle`, up to its outputs.
    pub fn whole(bundle: &Bundle, device: &Device) -> Result<Self, Error> {
        Self::new(bundle.graph.clone(), &bundle.weights, device)
    }

    /// The trunk of `bundle`: from its input to the feature, as `[batch, length]`. The length
    /// comes back as well.
    ///
    /// Fails where the card does not say where the head begins.
    pub fn trunk(bundle: &Bundle, device: &Device) -> Result<(Self, usize), Error> {
        let no_head = || Error::NoHead { model: bundle.card.name.clone() };
        let cuts = bundle.card.cuts.as_ref().ok_or_else(no_head)?;
        let mut graph = bundle.graph.until(&cuts.feature);
        // Pooling may have left it as [batch, length, 1, 1].
        let flat = format!("{}.flat", cuts.feature);
        graph.nodes.push(Node {
            name: flat.clone(),
            op: Op::Layout(Layout::Flatten { axis: 1 }),
            inputs: graph.outputs.clone(),
            outputs: vec![flat.clone()],
        });
        graph.outputs = vec![flat];
        Ok((Self::new(graph, &bundle.weights, device)?, cuts.feature_length))
    }

    /// Any graph with its weights, which may hold more than it names.
    pub fn new(graph: Graph, weights: &Weights, device: &Device) -> Result<Self, Error> {
        let trained = |name: &String| Parameter::new(weights.get(name)?, device);
        let parameters = graph
            .parameters
            .iter()
            .filter(|(_, parameter)| parameter.trainable && parameter.dtype.is_float())
            .filter_map(|(name, _)| Some((name.clone(), trained(name)?)))
            .collect();
        let executor = Executor::new_on(graph, weights, device)?;
        Ok(Self { executor: Arc::new(executor), parameters })
    }

    /// The graph that this runs.
    pub fn graph(&self) -> &Graph {
        self.executor.graph()
    }

    /// The graph's first output for its only input.
    ///
    /// Fails where the shape does not fit, and where the output has another rank than `OUT`.
    pub fn forward<const IN: usize, const OUT: usize>(
        &self,
        x: Tensor<IN>,
    ) -> Result<Tensor<OUT>, Error> {
        let parameters = self.parameters.iter();
        let parameters = parameters.map(|(name, parameter)| (name.clone(), parameter.tensor()));
        let outputs = self.executor.run_tensors(vec![x.into_dispatch()], parameters)?;
        let name = || self.graph().outputs.first().cloned().unwrap_or_default();
        let wrong = |found: String| Error::Output { name: name(), rank: OUT, found };
        let output = outputs.into_iter().next().ok_or_else(|| wrong("nothing".to_owned()))?;
        let (dtype, rank) = (output.dtype(), output.shape().num_dims());
        if !dtype.is_float() || rank != OUT {
            return Err(wrong(format!("a {dtype:?} tensor of rank {rank}")));
        }
        Ok(Tensor::from_dispatch(output))
    }

    /// The trainable parameters as they stand, under their upstream names: to be put back into
    /// the bundle that they came from.
    pub fn weights(&self) -> Weights {
        let each = self.parameters.iter();
        each.map(|(name, parameter)| (name.clone(), parameter.stored())).collect()
    }

    /// The same with every parameter changed by `change`.
    fn each(self, change: impl Fn(Parameter) -> Parameter) -> Self {
        let each = self.parameters.into_iter();
        let parameters = each.map(|(name, parameter)| (name, change(parameter))).collect();
        Self { executor: self.executor, parameters }
    }

    /// The same with the executor on `device`.
    fn executed_on(self, device: &Device) -> Self {
        Self { executor: Arc::new(self.executor.to_device(device)), ..self }
    }
}

/// What Burn's visitors call the places of parameters.
const CONTAINER: &str = "Struct:ZooModule";

impl Module for ZooModule {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        for (name, parameter) in &self.parameters {
            visitor.enter_module(name, CONTAINER);
            parameter.visit(visitor);
            visitor.exit_module(name, CONTAINER);
        }
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let mut parameters = BTreeMap::new();
        for (name, parameter) in self.parameters {
            mapper.enter_module(&name, CONTAINER);
            let parameter = parameter.map(mapper);
            mapper.exit_module(&name, CONTAINER);
            parameters.insert(name, parameter);
        }
        Self { executor: self.executor, parameters }
    }

    fn collect_devices(&self, devices: Devices) -> Devices {
        let each = self.parameters.values();
        each.fold(devices, |devices, parameter| parameter.collect_devices(devices))
    }

    fn to_device(self, device: &Device) -> Self {
        self.each(|parameter| parameter.moved_to(device)).executed_on(device)
    }

    fn fork(self, device: &Device) -> Self {
        self.each(|parameter| parameter.fork(device)).executed_on(device)
    }

    fn train(self) -> Self {
        self.each(Parameter::train)
    }

    fn valid(&self) -> Self {
        self.clone().each(|parameter| parameter.valid())
    }

    fn materialize(self) -> Self {
        self.each(Parameter::materialize)
    }
}

impl ModuleDisplayDefault for ZooModule {
    fn content(&self, content: Content) -> Option<Content> {
        content
            .add("nodes", &self.graph().nodes.len())
            .add("trainable", &self.graph().trainable_elements())
            .optional()
    }
}

impl ModuleDisplay for ZooModule {}

impl fmt::Debug for ZooModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZooModule")
            .field("nodes", &self.graph().nodes.len())
            .field("parameters", &self.parameters.keys())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ZooModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ModuleDisplay::format(self, burn_core::module::DisplaySettings::new()))
    }
}
