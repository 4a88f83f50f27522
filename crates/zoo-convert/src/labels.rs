//! The classes of data sets that many models were trained on.

/// The 1000 classes of ImageNet-1k, in the order of every model's logits.
///
/// Each is a WordNet synset: its synonyms, joined by commas.
pub fn imagenet_1k() -> Vec<String> {
    include_str!("labels/imagenet-1k.txt").lines().map(str::to_owned).collect()
}

/// The letters of wav2vec 2.0's published models of English, in the order of their outputs.
pub fn english_letters() -> Vec<String> {
    include_str!("labels/english-letters.txt").lines().map(str::to_owned).collect()
}

/// The labels that a registry calls by `name`; `None` where they are not known here.
pub fn named(name: &str) -> Option<Vec<String>> {
    match name {
        "imagenet-1k" => Some(imagenet_1k()),
        "english-letters" => Some(english_letters()),
        _ => None,
    }
}
