use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use zoo_registry::Credentials;

use crate::cli::{Global, LoginArgs};
use crate::{models, output};

/// Most bytes of a token.
const MAX_TOKEN_BYTES: u64 = 64 << 10;

pub(crate) fn login(global: &Global, args: &LoginArgs) -> Result<ExitCode> {
    if io::stdin().is_terminal() {
        output::status(
            global,
            "Token",
            format!("for {}: paste it, then press Ctrl-D", args.origin),
        );
    }
    let mut token = String::new();
    let read = io::stdin().lock().take(MAX_TOKEN_BYTES).read_to_string(&mut token);
    read.context("cannot read the token from stdin")?;
    let path = models::credentials_path(global)?;
    Credentials::store(&path, &args.origin, token.trim())?;
    output::status(global, "Kept", format!("a token for {} in {}", args.origin, path.display()));
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn logout(global: &Global, args: &LoginArgs) -> Result<ExitCode> {
    if !Credentials::remove(&models::credentials_path(global)?, &args.origin)? {
        bail!("there is no token for {}", args.origin);
    }
    output::status(global, "Forgot", format!("the token for {}", args.origin));
    Ok(ExitCode::SUCCESS)
}
