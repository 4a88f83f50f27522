//! A bundle inside a network of one's own: a trunk from the registry, layers of Burn's, trained
//! by Burn's optimiser.
#![allow(clippy::print_stdout, reason = "an example")]

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig, Relu};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor, TensorData};
use zoo_burn::{Error, ZooModule};
use zoo_model::Bundle;

#[derive(Module, Debug)]
struct Emoji {
    trunk: ZooModule,
    hidden: Linear,
    head: Linear,
}

impl Emoji {
    fn new(bundle: &Bundle, classes: usize, device: &Device) -> Result<Self, Error> {
        let (trunk, length) = ZooModule::trunk(bundle, device)?;
        let hidden = LinearConfig::new(length, 64).init(device);
        Ok(Self { trunk, hidden, head: LinearConfig::new(64, classes).init(device) })
    }

    fn forward(&self, images: Tensor<4>) -> Result<Tensor<2>, Error> {
        let features = self.hidden.forward(self.trunk.forward(images)?);
        Ok(self.head.forward(Relu::new().forward(features)))
    }
}

/// The loss before each step, of which the whole network is trained in `steps`.
fn train(steps: usize) -> Result<Vec<f32>, Box<dyn std::error::Error>> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let bundle = Bundle::open(format!("{root}/registry/starter/efficientnet-lite0.zoo"))?;
    let device = Device::flex().autodiff();
    device.seed(7);
    let mut network = Emoji::new(&bundle, 2, &device)?;

    let preprocess = bundle.card.preprocess.ok_or("the model takes no images")?;
    let mut pixels = Vec::new();
    for picture in ["animal/1f400", "animal/1f401", "food/1f32d", "food/1f32e"] {
        let path = format!("{root}/examples/noto-emoji/{picture}.png");
        pixels.extend(preprocess.load(path.as_ref())?.values);
    }
    let images = Tensor::<4>::from_data(TensorData::new(pixels, [4, 3, 224, 224]), &device);
    let classes = Tensor::<1, Int>::from_data([0, 0, 1, 1], &device);

    let loss = CrossEntropyLossConfig::new().init(&device);
    let mut optimizer = AdamWConfig::new().init();
    let mut losses = Vec::new();
    for _ in 0..steps {
        let loss = loss.forward(network.forward(images.clone())?, classes.clone());
        losses.push(loss.clone().into_scalar());
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimizer.step(2e-4, network, gradients);
    }
    Ok(losses)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for loss in train(6)? {
        println!("{loss:.4}");
    }
    Ok(())
}

#[test]
fn the_loss_goes_down() {
    let losses = train(4).expect("the starter model and its pictures");
    assert!(losses[3] < 0.5 * losses[0], "{losses:?}");
}
