//! Parameters whose rank is known at run time only, as Burn's, whose rank is in their type.

use burn_core::module::{Devices, Module, ModuleMapper, ModuleVisitor, Param};
use burn_core::tensor::{Device, Tensor, TensorData};
use zoo_model::Tensor as Stored;
use zoo_model::exec::DispatchTensor;

/// The same for every rank that a learned parameter has: up to six axes.
macro_rules! ranks {
    ($($variant:ident = $rank:literal),*) => {
        /// A floating-point parameter.
        #[derive(Debug, Clone)]
        pub(crate) enum Parameter {
            $($variant(Param<Tensor<$rank>>)),*
        }

        impl Parameter {
            /// `stored` on `device`, to be trained; `None` for a rank that no layer has.
            pub(crate) fn new(stored: &Stored, device: &Device) -> Option<Self> {
                let data = TensorData::new(stored.to_f32(), stored.shape().to_vec());
                match stored.shape().len() {
                    $($rank => Some(Self::$variant(Param::from_data(data, device))),)*
                    _ => None,
                }
            }

            /// The tensor that the graph computes with.
            pub(crate) fn tensor(&self) -> DispatchTensor {
                match self {
                    $(Self::$variant(param) => param.val().into_dispatch()),*
                }
            }

            /// The numbers, at rest.
            pub(crate) fn stored(&self) -> Stored {
                let (shape, data) = match self {
                    $(Self::$variant(param) => {
                        let tensor = param.val();
                        (tensor.shape().to_vec(), tensor.into_data())
                    }),*
                };
                Stored::from_f32(&shape, &data.iter::<f32>().collect::<Vec<f32>>())
            }

            pub(crate) fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
                match self {
                    $(Self::$variant(param) => param.visit(visitor)),*
                }
            }

            pub(crate) fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
                match self {
                    $(Self::$variant(param) => Self::$variant(Module::map(param, mapper))),*
                }
            }

            pub(crate) fn collect_devices(&self, devices: Devices) -> Devices {
                match self {
                    $(Self::$variant(param) => param.collect_devices(devices)),*
                }
            }

            pub(crate) fn moved_to(self, device: &Device) -> Self {
                match self {
                    $(Self::$variant(param) => Self::$variant(param.to_device(device))),*
                }
            }

            pub(crate) fn fork(self, device: &Device) -> Self {
                match self {
                    $(Self::$variant(param) => Self::$variant(param.fork(device))),*
                }
            }

            pub(crate) fn train(self) -> Self {
                match self {
                    $(Self::$variant(param) => Self::$variant(param.train())),*
                }
            }

            pub(crate) fn valid(&self) -> Self {
                match self {
                    $(Self::$variant(param) => Self::$variant(param.valid())),*
                }
            }

            pub(crate) fn materialize(self) -> Self {
                match self {
                    $(Self::$variant(param) => Self::$variant(param.materialize())),*
                }
            }
        }
    };
}

ranks!(One = 1, Two = 2, Three = 3, Four = 4, Five = 5, Six = 6);
