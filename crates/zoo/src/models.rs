//! From what a person types to a model: a path, or a name in the registry.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use zoo_convert::{CONVERTER_VERSION, ConvertOptions, convert, format, labels};
use zoo_model::{Bundle, Delta, Digest, Hasher};
use zoo_registry::trust::TrustStore;
use zoo_registry::{
    Credentials, FetchOptions, FileFormat, InUse, IndexOptions, PullOptions, Pulled, Reference,
    Registry, RegistrySpec, Row, Sha256Digest, Sources, Store, default_cache_dir,
    default_config_dir,
};

use crate::cli::Global;
use crate::config::Config;
use crate::output;
use crate::preparation;
use crate::progress::Bars;

/// The starter models, of pictures, texts and recordings: the first run needs no network.
static STARTERS: [(&str, &[u8]); 3] = [
    ("efficientnet-lite0", include_bytes!("../../../registry/starter/efficientnet-lite0.zoo")),
    ("glove-6b-50d-10k", include_bytes!("../../../registry/starter/glove-6b-50d-10k.zoo")),
    ("log-mel-statistics", include_bytes!("../../../registry/starter/log-mel-statistics.zoo")),
];

fn builtin(name: &str) -> Option<&'static [u8]> {
    STARTERS.iter().find(|(known, _)| *known == name).map(|(_, bytes)| *bytes)
}

/// The folder in which everything is kept that can be made or fetched again.
pub(crate) fn cache_dir(global: &Global) -> Result<PathBuf> {
    match &global.cache_dir {
        Some(dir) => Ok(dir.clone()),
        None => Ok(default_cache_dir()?),
    }
}

/// The folder of what is no cache: whom this user trusts, keys and tokens.
pub(crate) fn config_dir(global: &Global) -> Result<PathBuf> {
    match &global.config_dir {
        Some(dir) => Ok(dir.clone()),
        None => Ok(default_config_dir()?),
    }
}

/// Whom this user trusts.
pub(crate) fn trust_store(global: &Global) -> Result<TrustStore> {
    Ok(TrustStore::new(config_dir(global)?.join("trust")))
}

/// The file of tokens.
pub(crate) fn credentials_path(global: &Global) -> Result<PathBuf> {
    Ok(config_dir(global)?.join("credentials.toml"))
}

/// Where the key for this role of the registry in `dir` is kept, if this user made it.
pub(crate) fn key_path(global: &Global, dir: &Path, role: &str) -> Result<PathBuf> {
    let dir = std::path::absolute(dir)
        .with_context(|| format!("cannot tell where {} is", dir.display()))?;
    let id = Digest::of(dir.as_os_str().as_encoded_bytes()).to_string();
    Ok(config_dir(global)?.join("keys").join(format!("{}-{role}.key", &id[..16])))
}

/// How things are fetched: with this user's tokens, and what the environment says.
pub(crate) fn fetch_options(global: &Global) -> Result<FetchOptions> {
    let mut options = FetchOptions {
        credentials: Credentials::read(&credentials_path(global)?)?,
        ca_file: std::env::var_os("SSL_CERT_FILE").map(PathBuf::from),
        ..FetchOptions::default()
    };
    if let Ok(endpoint) = std::env::var("HF_ENDPOINT") {
        endpoint.trim_end_matches('/').clone_into(&mut options.hf_endpoint);
    }
    if let Ok(token) = std::env::var("HF_TOKEN") {
        let known = Credentials::none().with(&options.hf_endpoint, token.trim());
        options.credentials = options.credentials.and(known.context("cannot use HF_TOKEN")?);
    }
    Ok(options)
}

/// How registries are opened.
pub(crate) fn index_options(global: &Global) -> Result<IndexOptions> {
    let store = Store::open(cache_dir(global)?)?;
    Ok(IndexOptions {
        offline: global.offline,
        fetch: fetch_options(global)?,
        trust: Some(trust_store(global)?),
        allow_unsigned: global.allow_unsigned,
        ..IndexOptions::new(store)
    })
}

/// The registry that the options name; or else those of `zoo.toml`, and after them the one
/// inside the program.
pub(crate) fn registry(global: &Global) -> Result<Registry> {
    let config = Config::find()?;
    let specs = if let Some(location) = &global.registry {
        vec![RegistrySpec::at(location)]
    } else {
        let named = config.registry.iter().map(|registry| RegistrySpec {
            name: registry.name.clone(),
            location: Some(registry.location.clone()),
            namespaces: registry.namespaces.clone(),
            unsigned: registry.unsigned,
        });
        named.chain([RegistrySpec::builtin()]).collect()
    };
    let registry = Registry::new(Sources::new(specs, index_options(global)?));
    let registry = registry.with_builtin(builtin);
    Ok(match config.folder {
        // A project pins what it pulls from its own registries.
        Some(folder) if global.registry.is_none() => {
            registry.with_lock_file(folder.join("zoo.lock"))
        }
        _ => registry,
    })
}

/// Tells what of the registries could not be read.
pub(crate) fn warn_of_rejected(registry: &Registry) {
    for error in registry.sources().take_rejected() {
        output::warning(format!("{:#}", anyhow::Error::new(error)));
    }
}

/// Whether the model is inside this program.
pub(crate) fn is_builtin(row: &Row) -> bool {
    builtin(row.name.as_str()).is_some_and(|bytes| row.bytes == Some(bytes.len() as u64))
}

/// Held from the first pull to the end of the program: what it was handed is not collected as
/// garbage while it reads it.
static IN_USE: OnceLock<InUse> = OnceLock::new();

/// Fetches the model called `name`, if it is not there yet.
pub(crate) fn pull(global: &Global, name: &str, options: PullOptions) -> Result<Pulled> {
    let reference: Reference = name.parse()?;
    if IN_USE.get().is_none() {
        // Where another thread was quicker, its hold is as good as this one.
        let _ = IN_USE.set(Store::open(cache_dir(global)?)?.hold()?);
    }
    let registry = registry(global)?;
    let pulled = registry.pull(&reference, options, &Bars::new(global));
    warn_of_rejected(&registry);
    let pulled = pulled?;
    for warning in &pulled.warnings {
        output::warning(warning.to_string());
    }
    Ok(pulled)
}

/// The model that `target` names: a bundle, a file that can be converted, or a name of the
/// registry, which is fetched and converted if need be.
pub(crate) fn open(global: &Global, target: &str) -> Result<Bundle> {
    let path = Path::new(target);
    if path.exists() {
        return open_path(global, path);
    }
    if looks_like_path(target) {
        bail!("there is no file {target}");
    }
    let pulled = pull(global, target, pull_options(global))?;
    open_pulled(global, &pulled)
}

/// Whether this is more likely a path than a name.
pub(crate) fn looks_like_path(target: &str) -> bool {
    let extension = Path::new(target).extension().and_then(|extension| extension.to_str());
    let extensions =
        ["zoo", "pth", "pt", "onnx", "safetensors", "bin", "caffemodel", "h5", "vec", "txt", "gz"];
    let is_model = extension.is_some_and(|extension| extensions.contains(&extension));
    is_model || target.starts_with(['.', '/', '~']) || target.contains('\\')
}

pub(crate) fn pull_options(global: &Global) -> PullOptions {
    PullOptions { offline: global.offline, ..PullOptions::default() }
}

fn open_path(global: &Global, path: &Path) -> Result<Bundle> {
    if format::detect(path)? == format::Format::Zoo {
        return open_bundle(global, path);
    }
    Ok(convert(path, &ConvertOptions::default())?.bundle)
}

/// The bundle at `path`. A large one is hashed when it is first opened, and again once it looks
/// otherwise.
fn open_bundle(global: &Global, path: &Path) -> Result<Bundle> {
    /// What is hashed in some hundredths of a second.
    const SMALL: u64 = 32 << 20;
    let before = std::fs::metadata(path);
    let Some(before) = before.ok().filter(|file| file.is_file() && file.len() > SMALL) else {
        return Ok(Bundle::open(path)?);
    };
    let Ok(store) = cache_dir(global).and_then(|dir| Ok(Store::open(dir)?)) else {
        return Ok(Bundle::open(path)?);
    };
    let named = |bundle: &Bundle| bundle.digest().to_string().parse::<Sha256Digest>().ok();
    if let Ok(bundle) = Bundle::open_unhashed(path)
        && named(&bundle).is_some_and(|digest| store.is_unchanged(path, &digest))
    {
        return Ok(bundle);
    }
    let bundle = Bundle::open(path)?;
    if let Some(digest) = named(&bundle) {
        store.note_unchanged(path, &digest, &before);
    }
    Ok(bundle)
}

/// The bundle of what was fetched. A file of another format is converted once, and a delta
/// composed once; the bundle is kept by all that it follows from.
pub(crate) fn open_pulled(global: &Global, pulled: &Pulled) -> Result<Bundle> {
    open_pulled_at(global, pulled, 0)
}

/// Most deltas on top of each other: a registry must not send anyone round in circles.
const MAX_DELTAS: usize = 8;

fn open_pulled_at(global: &Global, pulled: &Pulled, depth: usize) -> Result<Bundle> {
    let format = pulled.version.files.first().map(|file| file.format);
    if format == Some(FileFormat::Zoo) {
        return Bundle::open(&pulled.path).or_else(|_| {
            // It was sound when it was stored: fetch it again.
            let again = PullOptions { verify: true, ..pull_options(global) };
            Ok(Bundle::open(pull(global, &reference(pulled), again)?.path)?)
        });
    }
    if is_delta(pulled) {
        return Ok(Bundle::open(composed(global, pulled, depth)?)?);
    }
    let options = convert_options(pulled)?;
    let cached = cached_bundle(global, pulled, &options)?;
    if cached.is_file() {
        match open_bundle(global, &cached) {
            Ok(bundle) => {
                note(global, &cached, pulled)?;
                return Ok(bundle);
            }
            Err(error) => output::warning(format!("{error}; it is converted again")),
        }
    }
    let again = PullOptions { verify: true, ..pull_options(global) };
    let pulled = pull(global, &reference(pulled), again)?;
    output::status(global, "Converting", reference(&pulled));
    let conversion = convert(&pulled.path, &options)
        .with_context(|| format!("cannot convert {}", reference(&pulled)))?;
    let mut bundle = conversion.bundle;
    if let Some(source) = &mut bundle.card.source {
        source.file.clone_from(&pulled.files[0].name);
    }
    bundle.write(&cached)?;
    note(global, &cached, &pulled)?;
    Ok(Bundle::open(&cached)?)
}

/// The `.zoo` file that a delta and its parent give, with the digest that the registry says.
pub(crate) fn composed(global: &Global, pulled: &Pulled, depth: usize) -> Result<PathBuf> {
    let (Some(name), Some(expected)) =
        (parent_of(pulled), pulled.version.files.first().and_then(|file| file.composed))
    else {
        bail!("{} is a delta of nothing that its entry names", reference(pulled));
    };
    let path = cache_dir(global)?.join("bundles").join(format!("{expected}.zoo"));
    if path.is_file() && Sha256Digest::of_file(&path)? == expected {
        note(global, &path, pulled)?;
        return Ok(path);
    }
    if depth == MAX_DELTAS {
        bail!("{} is a delta of a delta, more than {MAX_DELTAS} deep", reference(pulled));
    }
    let delta = Delta::open(&pulled.path)?;
    if delta.header().result.sha256.to_string() != expected.to_hex() {
        bail!("{} composes to another file than the registry says", reference(pulled));
    }
    let (found_by, parent) = pull_parent(global, &name)
        .with_context(|| format!("cannot pull {name}, of which this is a delta"))?;
    let parent = open_pulled_at(&found_by, &parent, depth + 1)?;
    output::status(global, "Composing", format!("{} with {name}", reference(pulled)));
    delta.compose(&parent, &path)?;
    note(global, &path, pulled)?;
    Ok(path)
}

/// The parent of a delta, and how it was found: where the registry that the options name does
/// not have it, those do that are asked without the option. The delta names its parent's
/// digest, so it does not matter who has it.
pub(crate) fn pull_parent(global: &Global, name: &str) -> Result<(Global, Pulled)> {
    let pulled = pull(global, name, pull_options(global));
    let is_missing = |error: &anyhow::Error| {
        use zoo_registry::Error::{NotFound, VersionNotFound};
        matches!(error.downcast_ref(), Some(NotFound { .. } | VersionNotFound { .. }))
    };
    match pulled {
        Err(error) if global.registry.is_some() && is_missing(&error) => {
            let global = Global { registry: None, ..global.clone() };
            let pulled = pull(&global, name, pull_options(&global))?;
            Ok((global, pulled))
        }
        pulled => Ok((global.clone(), pulled?)),
    }
}

/// Notes that a file in the cache was made from what was fetched, and is being used.
fn note(global: &Global, path: &Path, pulled: &Pulled) -> Result<()> {
    let sources: Vec<Sha256Digest> = pulled.files.iter().map(|file| file.digest).collect();
    Ok(Store::open(cache_dir(global)?)?.note_derived(path, &sources)?)
}

pub(crate) fn reference(pulled: &Pulled) -> String {
    format!("{}@{}", pulled.entry.name, pulled.version.version)
}

/// Whether only what differs from its parent was fetched.
pub(crate) fn is_delta(pulled: &Pulled) -> bool {
    pulled.version.files.iter().any(|file| file.format == FileFormat::ZooDelta)
}

/// What a model was made from, by its entry.
pub(crate) fn parent_of(pulled: &Pulled) -> Option<String> {
    let parent = pulled.version.parent.as_ref()?;
    Some(format!("{}@{}", parent.name, parent.version))
}

fn cached_bundle(global: &Global, pulled: &Pulled, options: &ConvertOptions) -> Result<PathBuf> {
    let key = Hasher::new()
        .piece(pulled.digest.to_hex())
        .piece(CONVERTER_VERSION.to_le_bytes())
        .piece(format!("{options:?}"))
        .digest();
    Ok(cache_dir(global)?.join("bundles").join(format!("{key}.zoo")))
}

fn convert_options(pulled: &Pulled) -> Result<ConvertOptions> {
    let (entry, version) = (&pulled.entry, &pulled.version);
    let classes = entry.classes_of(version).map(|count| count as usize);
    let named = entry.labels.as_deref().and_then(labels::named);
    Ok(ConvertOptions {
        architecture: entry.architecture_of(version).map(str::to_owned),
        name: Some(entry.name.to_string()),
        version: Some(version.version.to_string()),
        license: Some(entry.licence_of(version).to_owned()),
        labels: named.filter(|labels| classes == Some(labels.len())),
        preparation: preparation::of(entry, version)?,
        companions: pulled
            .files
            .iter()
            .skip(1)
            .map(|file| (file.name.clone(), file.path.clone()))
            .collect(),
        ..ConvertOptions::default()
    })
}
