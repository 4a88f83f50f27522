//! From a row to a file: its format, its archive, its places.

use anyhow::{Context, Result, bail};
use zoo_registry::{
    ArchiveKind, ArchiveMember, Evidence, EvidenceKind, FileFormat, FileSize, ModelFile,
    Sha256Digest,
};

use super::digests;
use super::row::SeedRow;
use super::table::{Facts, VersionPlan};

/// The file of `row`, as `plan` has it.
pub(super) fn file(plan: &VersionPlan, row: &SeedRow, facts: &Facts) -> Result<ModelFile> {
    let about = facts.publisher.get(row.publisher()).context("the publisher is not known")?;
    let (format, wrapped) = format(row)?;
    let mut evidence = digests::evidence(row, about)?;
    let mut archive = plan.archive.or(wrapped).map(|kind| ArchiveMember {
        kind,
        member: plan.member.clone().unwrap_or_default(),
        sha256: None,
        evidence: Vec::new(),
    });
    // MXNet publishes the digest of what is inside its zips.
    if let Some(inside) = archive.as_mut().filter(|_| row.publisher() == "gluon") {
        inside.evidence = std::mem::take(&mut evidence);
        inside.member = row.file_name().replace(".zip", ".params");
    }
    let full = |e: &&Evidence| e.kind() == EvidenceKind::Sha256;
    let sha256: Option<Sha256Digest> =
        evidence.iter().find(full).map(|e| e.value().parse()).transpose()?;
    let mut urls = vec![row.url.clone()];
    urls.extend(row.mirror().map(str::to_owned));
    Ok(ModelFile {
        path: plan.path.clone().unwrap_or_else(|| row.file_name().to_owned()),
        size: row.bytes.map(|bytes| FileSize { bytes, exact: row.bytes_exact }),
        sha256,
        format: plan.format.unwrap_or(format),
        urls,
        evidence,
        archive,
        composed: None,
    })
}

/// What the bytes are, and the archive they lie in.
fn format(row: &SeedRow) -> Result<(FileFormat, Option<ArchiveKind>)> {
    use FileFormat as F;
    let name = row.file_name();
    let mut endings = name.rsplit('.');
    let wrapped = match (endings.next(), endings.next()) {
        (Some("gz"), Some("tar")) | (Some("tgz"), _) => Some(ArchiveKind::TarGz),
        (Some("zip"), _) => Some(ArchiveKind::Zip),
        (Some("gz"), _) => Some(ArchiveKind::Gz),
        _ => None,
    };
    let format = match row.format.as_str() {
        text if text.starts_with("pytorch-") => F::Pytorch,
        "onnx" | "onnx.tar.gz" => F::Onnx,
        "safetensors" => F::Safetensors,
        "keras-h5" => F::KerasH5,
        "caffe" | "caffemodel" => F::Caffemodel,
        "mxnet-params" | "mxnet-params.gz" => F::MxnetParams,
        "flux-bson.tar.gz" => F::FluxBson,
        "torchscript.gz" | "torchscript-pt" => F::Torchscript,
        "tflite" => F::Tflite,
        "ggml-bin" => F::Ggml,
        "nemo" => F::Nemo,
        "word2vec-txt.gz" | "fasttext-vec" | "fasttext-vec.zip" => F::Word2vecText,
        "word2vec-bin.gz" => F::Word2vecBinary,
        "glove-txt.zip" => F::GloveText,
        "fasttext-bin" => F::FasttextBinary,
        "fasttext-ftz" | "fasttext-ftz(quantised)" => F::FasttextQuantised,
        "tf-ckpt.tgz" if wrapped.is_some() => F::TensorflowCheckpoint,
        // Frozen graphs, whatever the row calls them.
        "tf-ckpt.tgz" | "tf-frozen-pb.tgz" | "tf" | "tf.tgz" | "tflite+pb.tgz" | "tf-pbmm"
        | "tgz" => F::TensorflowGraph,
        other => bail!("the format {other:?} is not known"),
    };
    Ok((format, wrapped))
}
