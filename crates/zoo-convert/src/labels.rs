//! The classes of data sets that many models were trained on.

/// The 1000 classes of ImageNet-1k, in the order of every model's logits.
///
/// Each is a WordNet synset: its synonyms, joined by commas.
pub fn imagenet_1k() -> Vec<String> {
    include_str!("labels/imagenet-1k.txt").lines().map(str::to_owned).collect()
}
