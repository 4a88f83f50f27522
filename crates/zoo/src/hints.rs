//! What to do about an error: one line below it.

use zoo_convert::architectures;

/// The hints for an error, by its cause.
pub(crate) fn of(error: &anyhow::Error) -> Vec<String> {
    error.chain().find_map(of_cause).into_iter().collect()
}

fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    let registry = cause.downcast_ref().and_then(of_registry);
    let conversion = || cause.downcast_ref().and_then(of_conversion);
    let model = || cause.downcast_ref().and_then(of_model);
    registry.or_else(conversion).or_else(model).or_else(|| cause.downcast_ref().and_then(of_data))
}

fn of_registry(error: &zoo_registry::Error) -> Option<String> {
    use zoo_registry::Error;
    use zoo_registry::publish::PublishError;
    Some(match error {
        Error::NotFound { suggestions, .. } if !suggestions.is_empty() => {
            format!("did you mean {}?", any_of(suggestions))
        }
        Error::NotFound { .. } => "`zoo list` shows all models".to_owned(),
        Error::Offline { .. } | Error::OfflineIndex { .. } => {
            "run it again without --offline, where there is a network".to_owned()
        }
        Error::DigestMismatch { .. } => {
            "the server sent other bytes than were published; nothing was kept".to_owned()
        }
        Error::Transport { .. } | Error::RetriesExhausted { .. } | Error::Truncated { .. } => {
            "run it again: what has arrived is kept, and the rest is fetched".to_owned()
        }
        Error::Untrusted { location } => format!(
            "ask its owner for the fingerprint of its root, then `zoo trust add {location} \
             --fingerprint ...`; or take it as it is with --allow-unsigned"
        ),
        Error::Unauthorized { origin, token_sent: false, .. } => {
            format!("`zoo login {origin}` keeps a token for it")
        }
        Error::Unauthorized { origin, .. } => {
            format!("the token was refused: `zoo login {origin}` keeps another")
        }
        Error::Publish(PublishError::Refused { url, problem }) if problem.status == 401 => {
            let origin = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
            format!("`zoo login {origin}` keeps the token that its owner gave you")
        }
        Error::Publish(PublishError::Refused { problem, .. }) if problem.status == 403 => {
            "a token speaks for certain owners only: publish under one of those".to_owned()
        }
        Error::DiskFull { .. } => {
            "make room, or `zoo cache gc`, and run it again: what has arrived is kept".to_owned()
        }
        Error::Store(zoo_registry::StoreError::Busy { .. }) => {
            "another zoo is using the cache: wait for it, or use --wait SECONDS".to_owned()
        }
        Error::OtherRegistry { .. } | Error::PinMismatch { .. } => {
            "if this is meant, take the pin out of zoo.lock".to_owned()
        }
        Error::Sha256Unknown { .. } => {
            "without --require-sha256 what comes first is pinned, with a warning".to_owned()
        }
        Error::Git { .. } => "`git clone` of the same address says more".to_owned(),
        _ => return None,
    })
}

fn of_conversion(error: &zoo_convert::Error) -> Option<String> {
    use zoo_convert::Error;
    if let Error::Model(error) = error {
        return of_model(error);
    }
    let known = || architectures::ALL.iter().map(|a| a.name.to_owned()).collect::<Vec<_>>();
    Some(match error {
        Error::UnknownArchitecture { suggestions, .. } if !suggestions.is_empty() => {
            format!("did you mean {}?", any_of(suggestions))
        }
        Error::UnknownArchitecture { .. } => format!("there are {}", known().join(", ")),
        Error::NoArchitectureFits { .. } => {
            format!("say which with --arch; there are {}", known().join(", "))
        }
        Error::Ambiguous { .. } => "say which with --arch; timm's names for networks that were \
             trained in TensorFlow begin with `tf_`"
            .to_owned(),
        Error::Digest { .. } => "fetch the file again".to_owned(),
        Error::NoCounterpart { .. } | Error::TooLarge { .. } => {
            "--format safetensors and burnpack hold the parameters of any model".to_owned()
        }
        _ => return None,
    })
}

fn of_model(error: &zoo_model::Error) -> Option<String> {
    use zoo_model::Error;
    use zoo_model::bundle::ParityError;
    Some(match error {
        Error::Device { .. } => "use --device cpu, or build with `--features gpu`".to_owned(),
        Error::Bundle { .. } => "fetch or write the bundle again".to_owned(),
        Error::Parity(ParityError::Absent { .. }) => {
            "convert or adapt it again: bundles get a vector when they are made".to_owned()
        }
        _ => return None,
    })
}

fn of_data(error: &zoo_adapt::Error) -> Option<String> {
    use zoo_adapt::Error;
    Some(match error {
        // What is transparent is no cause of its own.
        Error::Model(error) => return of_model(error),
        Error::PathMissing { .. } | Error::NoClasses { .. } | Error::OneClass { .. } => {
            "the data is a folder with one folder for each class, or a table with the columns label and \
             text or path"
                .to_owned()
        }
        Error::EmptyClass { .. } => "remove the folder, or put examples into it".to_owned(),
        Error::TooFewExamples { .. } => {
            "remove the class, or give it more examples that can be read".to_owned()
        }
        Error::TooFewToFinetune { .. } => {
            "hold out less (--held-out), give it more examples, or use --strategy probe".to_owned()
        }
        Error::Headless { .. } => "`zoo adapt MODEL --data DIR` puts a head on it".to_owned(),
        Error::OnlyHeldOut { .. } | Error::NothingHeldOut => {
            "hold out another share (--held-out), or group by something else (--group-by)".to_owned()
        }
        Error::Columns { .. } => "the first line names the columns; others are passed over".to_owned(),
        Error::NoHead { .. } | Error::NoReader { .. } | Error::OtherKind { .. } => {
            "`zoo inspect` shows what the model is".to_owned()
        }
        _ => return None,
    })
}

fn any_of(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(" or ")
}
