//! The inputs to begin with: one small sound file a container, and a few that are odd.

mod wire;

use std::fs;
use std::path::Path;

use anyhow::Result;
use zoo_convert::export::{ExportFormat, export};
use zoo_model::graph::ConvSpec;
use zoo_model::{Bundle, Card, Graph, GraphBuilder, Tensor, Weights};

/// Writes the corpora into `folder`, one folder a target. They are the same every time.
pub(crate) fn write(folder: &Path) -> Result<()> {
    let small = bundle(classifier()?);
    let attention = bundle(attention()?);
    let put = |name: &str, bytes: &[u8]| -> Result<()> {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        Ok(fs::write(path, bytes)?)
    };
    put("graph_json/classifier.json", small.graph.to_json().as_bytes())?;
    put("graph_json/attention.json", attention.graph.to_json().as_bytes())?;
    small.write(folder.join("zoo_bundle/classifier.zoo"))?;
    fs::create_dir_all(folder.join("onnx"))?;
    export(&small, ExportFormat::Onnx, &folder.join("onnx/classifier.onnx"))?;
    fs::create_dir_all(folder.join("safetensors"))?;
    for (name, bundle) in [("classifier", &small), ("attention", &attention)] {
        let path = folder.join(format!("safetensors/{name}.safetensors"));
        export(bundle, ExportFormat::Safetensors, &path)?;
    }
    put("onnx/loop.onnx", &wire::onnx_loop())?;
    let control = zoo_convert::onnx::load(&folder.join("onnx/loop.onnx"))?;
    put("graph_json/control.json", control.graph.to_json().as_bytes())?;
    put("onnx/external.onnx", &wire::onnx_external())?;
    put("caffemodel/classifier.caffemodel", &wire::caffe())?;
    // Written by Keras itself: there is no writer of HDF5 here.
    put("h5/layers.h5", include_bytes!("../../../crates/zoo-convert/tests/data/keras.h5"))?;
    put("words/glove.vec", b"the 0.1 -2 3e-4 4\ncat 0 1 0 1\n. . . 1 2 3 4\n")?;
    put("words/fasttext.vec", b"2 4\nthe 0.1 -2 3e-4 4\ncat 0 1 0 1\n")?;
    let binary: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    put("words/word2vec.vec", &[b"2 4\nthe ", &binary[..], b"\ncat ", &binary, b"\n"].concat())?;
    put("tokenizer/wordpiece.json", TOKENIZER.as_bytes())?;
    let wave: Vec<f32> = (0..800).map(|index| (index as f32 / 9.0).sin() / 2.0).collect();
    put("sound/tone.wav", &zoo_sound::to_wav(&wave, 8000))?;
    for name in ["two-tones.flac", "two-tones.mp3", "two-tones.ogg"] {
        let recordings = Path::new(env!("CARGO_MANIFEST_DIR"));
        let recordings = recordings.join("../crates/zoo-sound/tests/recordings");
        if let Ok(bytes) = fs::read(recordings.join(name)) {
            put(&format!("sound/{name}"), &bytes)?;
        }
    }
    put("table/texts.csv", b"label,text,split\na,\"one, two\",train\nb,three,test\nb,four,\n")?;
    let pickle = wire::state_dict();
    put("pth/bare.pth", &wire::plain_pickle())?;
    put("pth/zip.pth", &wire::zip(&[("a/data.pkl", &pickle), ("a/data/0", &[0; 24])]))?;
    put("pth/legacy.pth", &wire::legacy(&pickle, &[0; 24]))
}

/// A tokenizer of a few pieces.
const TOKENIZER: &str = r###"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[{"id":1,"content":"[CLS]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"[CLS]":{"id":"[CLS]","ids":[1],"tokens":["[CLS]"]}}},"decoder":null,"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[UNK]":0,"[CLS]":1,"a":2,"text":3,"##s":4,"ein":5}}}"###;

/// Every kind of layer of a convolutional network, over images of 8 by 8.
fn classifier() -> Result<Graph> {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(3), Some(8), Some(8)]);
    let x = b.conv("stem", &x, ConvSpec::new(4, 3));
    let x = b.batch_norm("norm", &x, 1e-5);
    let x = b.relu(&x);
    let y = b.conv("body", &x, ConvSpec::new(4, 3).groups(2));
    let x = b.add(&x, &y);
    let z = b.max_pool(&x, 2, 2, 0);
    let z = b.relu6(&z);
    let x = b.concat(&[&z, &z]);
    let x = b.global_average(&x);
    let y = b.linear("fc", &x, 8, 3);
    Ok(b.finish(&[("logits", &y)])?)
}

/// Attention over four places of an image.
fn attention() -> Result<Graph> {
    let mut b = GraphBuilder::new();
    let x = b.input("x", &[None, Some(4), Some(2), Some(2)]);
    let x = b.channels_last(&x);
    let x = b.reshape(&x, &[0, 4, 4]);
    let x = b.layer_norm("norm", &x, 1e-5);
    let x = b.project("qkv", &x, 12);
    let [queries, keys, values] = b.split_heads(&x, 2);
    let scores = b.similarities(&queries, &keys);
    let x = b.attend(&scores, &values, 2);
    let x = b.gelu(&x);
    let x = b.pick(&x, 1, 0);
    let x = b.linear("head", &x, 4, 2);
    Ok(b.finish(&[("logits", &x)])?)
}

fn bundle(graph: Graph) -> Bundle {
    let weights: Weights = graph
        .parameters
        .iter()
        .map(|(name, parameter)| {
            let values = zoo_model::bundle::rule_tensor(name, parameter.elements());
            // Variances must not be negative.
            let values: Vec<f32> = values.iter().map(|x| 1.0 + *x as f32 / 2.0).collect();
            (name.clone(), Tensor::from_f32(&parameter.shape, &values))
        })
        .collect();
    Bundle::new(Card::new("corpus", "image-classification", "MIT"), graph, weights)
}
