use std::fmt;
use std::str::FromStr;

use burn_dispatch::DispatchDevice;

use crate::Error;

/// Where a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Device {
    /// All cores of the processor.
    #[default]
    Cpu,
    /// The graphics processor that wgpu finds (Vulkan, Metal, DirectX). Needs the cargo
    /// feature `gpu`.
    Gpu,
    /// The first CUDA device. Needs the cargo feature `cuda`.
    Cuda,
}

impl Device {
    /// The best device of this build: CUDA, then GPU, then CPU.
    pub fn auto() -> Self {
        if cfg!(feature = "cuda") {
            Self::Cuda
        } else if cfg!(feature = "gpu") {
            Self::Gpu
        } else {
            Self::Cpu
        }
    }

    /// The name, as `--device` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Cuda => "cuda",
        }
    }

    pub(crate) fn open(self) -> Result<DispatchDevice, Error> {
        let missing = |device, feature| Error::Device {
            device,
            reason: format!("this build lacks the cargo feature `{feature}`"),
        };
        match self {
            Self::Cpu => Ok(burn_tensor::Device::flex().as_dispatch().clone()),
            #[cfg(feature = "gpu")]
            Self::Gpu => Ok(burn_tensor::Device::wgpu(burn_tensor::DeviceKind::DefaultDevice)
                .as_dispatch()
                .clone()),
            #[cfg(not(feature = "gpu"))]
            Self::Gpu => Err(missing("gpu", "gpu")),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok(burn_tensor::Device::cuda(0usize).as_dispatch().clone()),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda => Err(missing("cuda", "cuda")),
            #[allow(unreachable_patterns, reason = "depends on the features of the build")]
            _ => Err(missing("such", "gpu")),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::auto()),
            "cpu" => Ok(Self::Cpu),
            "gpu" => Ok(Self::Gpu),
            "cuda" => Ok(Self::Cuda),
            other => Err(format!("`{other}` is no device: use auto, cpu, gpu or cuda")),
        }
    }
}
