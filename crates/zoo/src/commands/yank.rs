use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use zoo_registry::publish::{TreeWriter, commit_to_git, is_in_git};
use zoo_registry::trust::Timestamp;
use zoo_registry::{Reference, Wanted};

use super::publish::{hub, is_hub, signing};
use crate::cli::{Global, YankArgs};
use crate::output;

pub(crate) fn run(global: &Global, args: &YankArgs) -> Result<ExitCode> {
    let reference: Reference = args.name.parse()?;
    let Some(Wanted::Version(version)) = reference.wanted else {
        bail!("say which version: {}@1.0.0", reference.name);
    };
    let name = reference.name;
    if is_hub(&args.to) {
        hub(global, &args.to)?.yank(&name, &version, !args.undo)?;
    } else {
        let writer = TreeWriter::open(Path::new(&args.to))?;
        let signing = signing(global, &writer, &args.key)?;
        writer.yank(&name, &version, !args.undo, &signing, Timestamp::now())?;
        if is_in_git(writer.dir()) {
            let verb = if args.undo { "Restore" } else { "Withdraw" };
            commit_to_git(&writer, &name, &version, &format!("{verb} {name}@{version}"))?;
        }
    }
    let verb = if args.undo { "Restored" } else { "Withdrew" };
    output::status(global, verb, format!("{name}@{version}"));
    Ok(ExitCode::SUCCESS)
}
