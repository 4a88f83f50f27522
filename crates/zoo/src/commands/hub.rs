//! `zoo hub`: making, serving and looking after a registry.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;
use zoo_hub::{HubObserver, HubOptions, TokenFile, serve};
use zoo_registry::publish::{InitOptions, Signing, TreeWriter};
use zoo_registry::trust::{Kind, Root, RootBuilder, SecretKey, Timestamp, sign_envelope};

use super::publish::{check_upload, signing};
use crate::cli::{Global, HubCommand, ServeArgs, TokenCommand};
use crate::{models, output};

pub(crate) fn run(global: &Global, command: HubCommand) -> Result<ExitCode> {
    match command {
        HubCommand::Init { dir, unsigned, root_key, index_key, threshold, days } => {
            if unsigned {
                init(global, &dir, None)
            } else {
                let keys = Keys { root: root_key, index: index_key, threshold, days };
                init(global, &dir, Some(keys))
            }
        }
        HubCommand::Serve(args) => serve_hub(global, &args),
        HubCommand::Key { file } => {
            let key = SecretKey::generate()?;
            key.save(&file)?;
            output::line(key.public().to_string())?;
            Ok(ExitCode::SUCCESS)
        }
        HubCommand::Sign { dir, key } => {
            let writer = TreeWriter::open(&dir)?;
            let signing = signing(global, &writer, &key)?;
            let published = writer.resign(&signing, Timestamp::now())?;
            output::status(global, "Signed", format!("index {}", published.counter));
            Ok(ExitCode::SUCCESS)
        }
        HubCommand::Rotate { dir, root_key, index_key, new_root_key, threshold, days } => {
            let next = if new_root_key.is_empty() { root_key.clone() } else { new_root_key };
            let keys = Keys { root: next, index: index_key, threshold, days };
            rotate(global, &dir, &root_key, &keys)
        }
        HubCommand::Token(command) => token(global, command),
    }
}

/// The keys of a root.
struct Keys {
    root: Vec<PathBuf>,
    index: Vec<PathBuf>,
    threshold: usize,
    days: u64,
}

fn load(paths: &[PathBuf]) -> Result<Vec<SecretKey>> {
    Ok(paths.iter().map(|path| SecretKey::load(path)).collect::<Result<_, _>>()?)
}

fn expiry(days: u64) -> Timestamp {
    Timestamp::now().after(Duration::from_hours(days.saturating_mul(24).min(24 * 365_000)))
}

fn init(global: &Global, dir: &Path, keys: Option<Keys>) -> Result<ExitCode> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let now = Timestamp::now();
    let Some(mut keys) = keys else {
        let options = InitOptions { root: None, signing: &Signing::Unsigned, now };
        TreeWriter::init(dir, &options)?;
        output::status(global, "Made", format!("{}: an unsigned registry", dir.display()));
        return Ok(ExitCode::SUCCESS);
    };
    if dir.join("config.json").exists() {
        bail!("{} is a registry already", dir.display());
    }
    for (role, paths) in [("root", &mut keys.root), ("index", &mut keys.index)] {
        if paths.is_empty() {
            let path = models::key_path(global, dir, role)?;
            if !path.exists() {
                SecretKey::generate()?.save(&path)?;
                output::status(global, "Made", format!("the {role} key {}", path.display()));
            }
            paths.push(path);
        }
    }
    let (root_keys, index_keys) = (load(&keys.root)?, load(&keys.index)?);
    let mut builder = RootBuilder::new(expiry(keys.days)).threshold(Kind::Root, keys.threshold);
    for key in &root_keys {
        builder = builder.add_key(Kind::Root, &key.public());
    }
    for key in &index_keys {
        builder = builder.add_key(Kind::Index, &key.public());
    }
    let root = sign_envelope(Kind::Root, &builder.build()?, &root_keys)?;
    let signing = Signing::keys(index_keys);
    TreeWriter::init(dir, &InitOptions { root: Some(&root), signing: &signing, now })?;
    let fingerprint = Root::verify(&root)?.fingerprint().to_hex();
    output::status(global, "Made", format!("{}: a signed registry", dir.display()));
    output::status(global, "Next", "tell its users: zoo trust add LOCATION --fingerprint");
    if global.json {
        output::json(&json!({ "dir": dir, "fingerprint": fingerprint }))?;
    } else {
        output::line(fingerprint)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn rotate(global: &Global, dir: &Path, signers: &[PathBuf], next: &Keys) -> Result<ExitCode> {
    let writer = TreeWriter::open(dir)?;
    let path = dir.join("root.json");
    let old = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let old = Root::verify(&old)?;
    let (root_keys, index_keys) = (load(&next.root)?, load(&next.index)?);
    let mut builder = RootBuilder::after(&old, expiry(next.days));
    for (kind, keys) in [(Kind::Root, &root_keys), (Kind::Index, &index_keys)] {
        let role = if kind == Kind::Root { old.root_role() } else { old.index_role() };
        for id in role.keys() {
            builder = builder.remove_key(kind, id);
        }
        for key in keys {
            builder = builder.add_key(kind, &key.public());
        }
    }
    let payload = builder.threshold(Kind::Root, next.threshold).build()?;
    let mut signing_keys = load(signers)?;
    let signs = |key: &SecretKey, keys: &[SecretKey]| {
        keys.iter().any(|other| other.public() == key.public())
    };
    for key in root_keys {
        if !signs(&key, &signing_keys) {
            signing_keys.push(key);
        }
    }
    let root = sign_envelope(Kind::Root, &payload, &signing_keys)?;
    let root = writer.rotate_root(&root, &Signing::keys(index_keys))?;
    output::status(global, "Rotated", format!("to root {}", root.version()));
    output::line(root.fingerprint().to_hex())?;
    Ok(ExitCode::SUCCESS)
}

/// Tells of requests on stderr.
struct Log(Global);

impl HubObserver for Log {
    fn answered(&self, method: &str, path: &str, status: u16) {
        output::status(&self.0, method, format!("{path} {status}"));
    }

    fn failed(&self, error: &zoo_registry::Error) {
        output::warning(error.to_string());
    }
}

fn serve_hub(global: &Global, args: &ServeArgs) -> Result<ExitCode> {
    let writer = TreeWriter::open(&args.dir)?;
    let takes = args.tokens.is_some() && !args.read_only;
    let signing = if takes { signing(global, &writer, &args.key)? } else { Signing::Unsigned };
    let options = HubOptions {
        listen: args.listen,
        tokens: args.tokens.clone(),
        max_blob_bytes: args.max_size,
        read_only: !takes,
        validate: Arc::new(check_upload),
        observer: Arc::new(Log(global.clone())),
        ..HubOptions::new(&args.dir, signing)
    };
    serve(options, |address| {
        output::status(global, "Serving", format!("{} at http://{address}", args.dir.display()));
    })?;
    Ok(ExitCode::SUCCESS)
}

fn token(global: &Global, command: TokenCommand) -> Result<ExitCode> {
    match command {
        TokenCommand::Add { tokens, owners } => {
            output::line(TokenFile::new(tokens).add(&owners, "")?)?;
            output::status(global, "Note", "it is shown only now: `zoo login` keeps it");
        }
        TokenCommand::Remove { tokens, start } => {
            let gone = TokenFile::new(tokens).revoke(&start)?;
            if gone.is_empty() {
                bail!("no token begins with {start}");
            }
            for grant in gone {
                output::status(global, "Revoked", grant.namespaces.join(", "));
            }
        }
        TokenCommand::List { tokens } => {
            let grants = TokenFile::new(tokens).list()?;
            if global.json {
                output::json(&grants)?;
            } else {
                let mut table = vec![["SHA256", "OWNERS"].map(str::to_owned).to_vec()];
                table.extend(grants.iter().map(|grant| {
                    vec![grant.sha256.to_hex()[..12].to_owned(), grant.namespaces.join(", ")]
                }));
                output::table(&table)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
