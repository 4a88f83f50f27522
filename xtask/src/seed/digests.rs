//! The digests of a row, each with who published it.

use anyhow::{Context, Result, bail};
use zoo_registry::{Evidence, EvidenceKind};

use super::row::SeedRow;
use super::table::Publisher;

/// Every digest that `row` has of its file.
pub(super) fn evidence(row: &SeedRow, publisher: &Publisher) -> Result<Vec<Evidence>> {
    let mut found = Vec::new();
    let kind = match row.digest_kind.as_str() {
        "sha256" => EvidenceKind::Sha256,
        "sha256-prefix" => EvidenceKind::Sha256Prefix,
        "sha384" => EvidenceKind::Sha384,
        "sha1" => EvidenceKind::Sha1,
        "md5" => EvidenceKind::Md5,
        other => bail!("digest of the unknown kind {other:?}"),
    };
    let is_sha256 = matches!(kind, EvidenceKind::Sha256 | EvidenceKind::Sha256Prefix);
    if let Some(prefix) =
        prefix_in(row.file_name()).filter(|p| is_sha256 && row.digest.starts_with(p))
    {
        found.push(Evidence::new(EvidenceKind::Sha256Prefix, prefix, who_named(row), 1)?);
    }
    if kind != EvidenceKind::Sha256Prefix {
        found.push(Evidence::new(kind, &row.digest, who(row, publisher), sources(row))?);
    } else if found.is_empty() {
        bail!("the file's name does not have the prefix {}", row.digest);
    }
    if let Some(md5) = row.noted("keras md5=") {
        found.push(Evidence::new(
            EvidenceKind::Md5,
            md5,
            "keras-team/keras, keras/src/applications",
            1,
        )?);
    }
    if let Some(sha384) = row.noted("sha384=") {
        let source = cited(&row.source_of_digest);
        let file = source.split(" @").next().context("no source")?;
        let who = format!("{file} @HEAD; one registry, not the publisher");
        found.push(Evidence::new(EvidenceKind::Sha384, sha384, who, 1)?);
    }
    Ok(found)
}

/// The digits that `PyTorch`'s hub checks: 8 or more between the last `-` and the ending.
fn prefix_in(file_name: &str) -> Option<&str> {
    let (stem, _) = file_name.rsplit_once('.')?;
    let (_, digits) = stem.rsplit_once('-')?;
    let hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (hex && digits.len() >= 8).then_some(digits)
}

/// Who put the digits into the file's name.
fn who_named(row: &SeedRow) -> String {
    let module = row.source_of_digest.find("torchvision/models/").map(|at| {
        let rest = &row.source_of_digest[at..];
        rest.split([';', ' ']).next().unwrap_or(rest)
    });
    match (row.publisher(), module) {
        ("torchvision", Some(module)) => format!("torchvision, {module}"),
        ("torchvision" | "torchvision-legacy", None) => {
            "torchvision, in the file's name".to_owned()
        }
        ("timm-release", _) => "timm, in the file's name".to_owned(),
        _ => "the publisher, in the file's name".to_owned(),
    }
}

/// Who published the digest, and where.
fn who(row: &SeedRow, publisher: &Publisher) -> String {
    if let Some(package) = row.url.strip_prefix("pypi:") {
        let (package, _) = package.split_once('!').unwrap_or((package, ""));
        return format!("the Python package {}, hashed from its wheel", package.replace("==", " "));
    }
    let one_registry = row.confidence.contains("OMZ");
    let mut who = match &publisher.digest {
        Some(who) if !one_registry && row.source_of_digest.contains("id") => who.clone(),
        Some(who) if row.publisher() == "glove" => who.clone(),
        _ => cited(&row.source_of_digest),
    };
    let doubt = match &publisher.doubt {
        Some(doubt) => Some(doubt.as_str()),
        None if one_registry || row.confidence.starts_with("1 registry") => {
            Some("one registry, not the publisher")
        }
        None if row.confidence.contains("UNVALIDATED") => Some("the model itself is not validated"),
        None => None,
    };
    if let Some(doubt) = doubt {
        who = format!("{who}; {doubt}");
    }
    who
}

/// `REPOSITORY FILE` as `REPOSITORY, FILE`, without what is only a note to ourselves.
fn cited(source: &str) -> String {
    let source = source.split("; keras md5=").next().unwrap_or(source);
    let source = source.split(" (find_string").next().unwrap_or(source);
    let source = source.split(" (+1 older").next().unwrap_or(source);
    let source = match source.split_once("; id") {
        Some((before, _)) => before,
        None => source,
    };
    if source.starts_with("open_model_zoo ") {
        return format!("openvinotoolkit/{}", source.replacen(' ', ", ", 1));
    }
    if source.starts_with("ids ") || source.starts_with("id ") {
        return "public repositories that build on this file".to_owned();
    }
    source.replacen(' ', ", ", 1)
}

/// In how many independent places it was found.
fn sources(row: &SeedRow) -> u32 {
    let confidence = row.confidence.as_str();
    let number = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
    let counted = match confidence.split_once("full=") {
        Some((_, rest)) => number(rest),
        None if ["public hit", "registries"].iter().any(|what| confidence.contains(what)) => {
            number(confidence)
        }
        None => None,
    };
    counted.unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_in_file_names() {
        assert_eq!(prefix_in("resnet18-f37072fd.pth"), Some("f37072fd"));
        assert_eq!(prefix_in("mnasnet0.5_top1_67.823-3ffadce67e.pth"), Some("3ffadce67e"));
        for name in ["vgg16-7.onnx", "model.safetensors", "a-ABCDEF01.pth", "f37072fd.pth"] {
            assert_eq!(prefix_in(name), None, "{name}");
        }
    }

    #[test]
    fn sources_without_notes_to_ourselves() {
        for (source, said) in [
            (
                "openvinotoolkit/open_model_zoo models/public/x/model.yml @HEAD",
                "openvinotoolkit/open_model_zoo, models/public/x/model.yml @HEAD",
            ),
            (
                "open_model_zoo x-tf/model.yml @HEAD; keras md5=00",
                "openvinotoolkit/open_model_zoo, x-tf/model.yml @HEAD",
            ),
            ("somebody/repository table (find_string id 1)", "somebody/repository, table"),
            ("ids 1(with bytes),2", "public repositories that build on this file"),
        ] {
            assert_eq!(cited(source), said);
        }
    }
}
