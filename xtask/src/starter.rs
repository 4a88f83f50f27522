//! The starter models: what the first run adapts, with no network, of each kind of example.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use flate2::read::MultiGzDecoder;
use zoo_convert::trunks::log_mel_statistics;
use zoo_convert::{ConvertOptions, convert};
use zoo_model::{Bundle, DType, Digest};

/// Where the binary takes them from.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../registry/starter");

/// As many of the most frequent words are carried.
const WORDS: usize = 10_000;

/// Converts published files below the folder `fixtures` to bundles of half precision.
pub(crate) fn run(fixtures: &Path) -> Result<ExitCode> {
    write(
        "efficientnet-lite0",
        &pictures(&fixtures.join("models/efficientnet-lite0-57934424.pth"))?,
    )?;
    write("glove-6b-50d-10k", &words(&fixtures.join("words/glove.6B.50d.first40k.txt.gz"))?)?;
    write("log-mel-statistics", &log_mel_statistics()?)?;
    Ok(ExitCode::SUCCESS)
}

fn write(name: &str, bundle: &Bundle) -> Result<()> {
    let target = format!("{FOLDER}/{name}.zoo");
    let digest = bundle.write(&target)?;
    let bytes = std::fs::read(&target)?;
    println!("{name}: bundle {digest}, file sha256 {}, {} bytes", Digest::of(&bytes), bytes.len());
    Ok(())
}

/// The first rows of a file of word vectors. Its source is the file with those rows alone, since
/// nobody publishes it: as they stand in the whole one.
fn words(path: &Path) -> Result<Bundle> {
    let mut lines = BufReader::new(MultiGzDecoder::new(File::open(path)?)).lines();
    let first: Result<Vec<String>, _> = lines.by_ref().take(WORDS).collect();
    let mut file = tempfile::Builder::new().suffix(".txt").tempfile()?;
    file.write_all((first?.join("\n") + "\n").as_bytes())?;
    let options = ConvertOptions {
        name: Some("glove-6b-50d-10k".to_owned()),
        license: Some("PDDL-1.0".to_owned()),
        precision: Some(DType::F16),
        ..ConvertOptions::default()
    };
    let mut bundle = convert(file.path(), &options)?.bundle;
    if let Some(source) = &mut bundle.card.source {
        "glove.6B.50d.txt, its first 10,000 lines".clone_into(&mut source.file);
    }
    Ok(bundle)
}

fn pictures(checkpoint: &Path) -> Result<Bundle> {
    let options = ConvertOptions {
        architecture: Some("efficientnet-lite0".to_owned()),
        license: Some("Apache-2.0".to_owned()),
        precision: Some(DType::F16),
        ..ConvertOptions::default()
    };
    Ok(convert(checkpoint, &options)?.bundle)
}
