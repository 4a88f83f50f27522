//! From an example, whatever kind it is, to the inputs of a graph.
//!
//! A model is for pictures, for texts or for recordings: its card says how one becomes its input,
//! and for texts its bundle has the words. Everything behind that is the same for all of them.

use std::borrow::Cow;

use zoo_sound::Prepared;
use zoo_text::{Encoded, Encoder, Lexicon};

use crate::{Bundle, DType, Digest, Error, Graph, Hasher, Preprocess, Tensor, ValueInfo};

/// What examples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file that is a picture.
    Picture,
    /// A text in UTF-8.
    Text,
    /// A file that is a recording.
    Sound,
}

impl Kind {
    /// What several are called.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Picture => "pictures",
            Self::Text => "texts",
            Self::Sound => "recordings",
        }
    }

    /// What one is called.
    pub fn singular(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Text => "text",
            Self::Sound => "recording",
        }
    }
}

/// How examples become the inputs of a model.
pub enum Reader {
    /// Pictures, by a preprocessing.
    Picture(Preprocess),
    /// Texts, by words or a tokenizer; and the digest of both.
    Text(Box<Encoder>, Digest),
    /// Recordings.
    Sound(Box<Prepared>),
}

impl Reader {
    /// The reader of `bundle`; `None` where its card says nothing of how an input is made.
    ///
    /// Fails where what the card says cannot be carried out.
    pub fn of(bundle: &Bundle) -> Result<Option<Self>, Error> {
        let card = &bundle.card;
        if let Some(preprocess) = &card.preprocess {
            preprocess.validate()?;
            return Ok(Some(Self::Picture(preprocess.clone())));
        }
        if let Some(text) = &card.text {
            let lexicon = bundle.lexicon.clone().ok_or(Error::NoLexicon)?;
            let bytes = match &lexicon {
                Lexicon::Words(bytes) | Lexicon::Tokenizer(bytes) => bytes.clone(),
            };
            let digest = Hasher::new().piece(text.canonical()).piece(bytes).digest();
            return Ok(Some(Self::Text(Box::new(Encoder::new(text, lexicon)?), digest)));
        }
        if let Some(sound) = &card.sound {
            return Ok(Some(Self::Sound(Box::new(sound.prepare()?))));
        }
        Ok(None)
    }

    /// What its examples are.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Picture(_) => Kind::Picture,
            Self::Text(..) => Kind::Text,
            Self::Sound(_) => Kind::Sound,
        }
    }

    /// What two readers share that make the same input of the same example, and no others.
    pub fn digest(&self) -> String {
        match self {
            Self::Picture(preprocess) => preprocess.digest(),
            Self::Text(_, digest) => digest.to_string(),
            Self::Sound(prepared) => {
                Hasher::new().piece(prepared.sound().digest_input()).digest().to_string()
            }
        }
    }

    /// The inputs of `graph` that the example with these bytes becomes, a batch of one.
    ///
    /// Fails where the bytes are no such example, and where the graph takes something else.
    pub fn read(&self, bytes: &[u8], graph: &Graph) -> Result<Vec<Tensor>, Error> {
        match self {
            Self::Picture(preprocess) => {
                let planes = preprocess.load_bytes(bytes)?;
                let [channels, height, width] = planes.shape;
                Ok(vec![Tensor::from_f32(&[1, channels, height, width], &planes.values)])
            }
            Self::Text(encoder, _) => {
                let encoded = encoder.encode(text_of(bytes)?)?;
                graph.inputs.iter().map(|info| text_input(&encoded, info)).collect()
            }
            Self::Sound(prepared) => {
                let signal = prepared.load_bytes(bytes)?;
                let shape = [&[1], &signal.shape[..]].concat();
                Ok(vec![Tensor::from_f32(&fitted(shape, graph), &signal.values)])
            }
        }
    }

    /// The shapes of the inputs that examples become, with an axis of one for the batch. Where
    /// examples decide, a text is taken to be of one token and a recording of one second.
    pub fn input_shapes(&self, graph: &Graph) -> Vec<Vec<usize>> {
        let open = || graph.inputs.iter().map(|info| info.shape_with(1)).collect();
        let known = match self {
            Self::Picture(preprocess) => preprocess.output_shape().map(Vec::from),
            Self::Text(..) => None,
            Self::Sound(prepared) => {
                let sound = prepared.sound();
                let second = || vec![0.0; sound.rate as usize];
                let made = || prepared.apply(&second(), sound.rate).ok().map(|signal| signal.shape);
                sound.output_shape().or_else(made)
            }
        };
        known.map_or_else(open, |shape| vec![fitted([vec![1], shape].concat(), graph)])
    }
}

/// An example that is a text.
pub fn text_of(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|error| Error::NotUtf8 { offset: error.valid_up_to() })
}

/// Examples as one batch. Where they are `masked`, those shorter than the longest are filled up
/// with zeros along their second axis: tokens, or what a network made of each token, that the mask
/// leaves out. `None` where they differ otherwise.
pub fn batch(examples: &[&[Tensor]], masked: bool) -> Option<Vec<Tensor>> {
    let count = examples.first()?.len();
    let join = |index: usize| {
        let parts: Vec<&Tensor> =
            examples.iter().map(|inputs| inputs.get(index)).collect::<Option<_>>()?;
        let first = parts[0];
        let mut longest = first.shape().to_vec();
        for part in &parts {
            let shape = part.shape();
            if part.dtype() != first.dtype() || shape.len() != longest.len() || shape[0] != 1 {
                return None;
            }
            if masked && shape.len() > 1 {
                longest[1] = longest[1].max(shape[1]);
            }
            let alike = if masked { 2.min(shape.len()) } else { 1 };
            if shape[alike..] != longest[alike..] {
                return None;
            }
        }
        let size = first.dtype().size() * longest[1..].iter().product::<usize>();
        let mut bytes = Vec::with_capacity(size * parts.len());
        for (number, part) in parts.iter().enumerate() {
            bytes.extend(part.bytes());
            bytes.resize(size * (number + 1), 0);
        }
        longest[0] = parts.len();
        Tensor::new(first.dtype(), longest, bytes.into())
    };
    (0..count).map(join).collect()
}

/// What the input `info` of a network of texts is for an encoded text, by its name: the mask of
/// tokens that count, the types of tokens, or the tokens.
fn text_input(encoded: &Encoded, info: &ValueInfo) -> Result<Tensor, Error> {
    let refuse = |found: &str| Error::Input {
        name: info.name.clone(),
        expected: format!("{} {}", info.dtype, info.shape_text()),
        found: found.to_owned(),
    };
    let name = info.name.to_ascii_lowercase();
    // A text without any known word is one token that does not count.
    let is_empty = encoded.ids.is_empty();
    let (what, numbers): (_, Cow<[i64]>) = if name.contains("mask") {
        ("a mask", vec![i64::from(!is_empty); encoded.ids.len().max(1)].into())
    } else if is_empty {
        ("tokens", vec![0].into())
    } else if name.contains("type") || name.contains("segment") {
        ("types of tokens", (&encoded.type_ids).into())
    } else {
        ("tokens", (&encoded.ids).into())
    };
    let [batch, tokens] = info.shape[..] else { return Err(refuse(what)) };
    let count = numbers.len();
    if batch.is_some_and(|batch| batch != 1) || tokens.is_some_and(|tokens| tokens != count) {
        return Err(refuse(&format!("{what} [1, {count}]")));
    }
    match info.dtype {
        DType::I64 => Ok(Tensor::from_i64(&[1, count], &numbers)),
        DType::F32 => {
            let numbers: Vec<f32> = numbers.iter().map(|&number| number as f32).collect();
            Ok(Tensor::from_f32(&[1, count], &numbers))
        }
        _ => Err(refuse(what)),
    }
}

/// A signal's shape with axes of one where the graph has one more of them: a channel before or
/// behind the samples.
fn fitted(shape: Vec<usize>, graph: &Graph) -> Vec<usize> {
    let Some(info) = graph.inputs.first() else { return shape };
    if info.shape.len() == shape.len() + 1 {
        for at in [1, shape.len()] {
            let mut with = shape.clone();
            with.insert(at, 1);
            let fits =
                |(wanted, found): (&Option<usize>, &usize)| wanted.is_none_or(|w| w == *found);
            if info.shape[at] == Some(1) && info.shape.iter().zip(&with).all(fits) {
                return with;
            }
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_batch_are_filled_up_to_the_longest() {
        let short = [Tensor::from_i64(&[1, 1], &[7]), Tensor::from_f32(&[1, 1, 2], &[1.0; 2])];
        let long = [Tensor::from_i64(&[1, 3], &[1, 2, 3]), Tensor::from_f32(&[1, 3, 2], &[1.0; 6])];
        let batch = batch(&[&short, &long], true).unwrap();
        assert_eq!(batch[0].shape(), [2, 3]);
        assert_eq!(batch[0].to_i64().unwrap(), [7, 0, 0, 1, 2, 3]);
        assert_eq!(batch[1].to_f32(), [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn other_inputs_must_have_one_shape() {
        let (a, b) = (Tensor::from_f32(&[1, 2], &[0.0; 2]), Tensor::from_f32(&[1, 3], &[0.0; 3]));
        let one = std::slice::from_ref(&a);
        assert!(batch(&[one, &[b]], false).is_none());
        assert_eq!(batch(&[one, one], false).unwrap()[0].shape(), [2, 2]);
        let (a, b) =
            (Tensor::from_f32(&[1, 1, 2], &[0.0; 2]), Tensor::from_f32(&[1, 2, 1], &[0.0; 2]));
        assert!(batch(&[&[a], &[b]], true).is_none());
    }
}
