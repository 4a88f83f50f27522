use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use zoo_adapt::adapt::{AdaptOptions, Outcome, Strategy, adapt};
use zoo_adapt::dataset::{Content, Dataset, Grouping};
use zoo_adapt::finetune::FinetuneOptions;
use zoo_model::{Bundle, Kind, Reader};

use crate::cli::{AdaptArgs, Global, StrategyName};
use crate::config::{self, Config};
use crate::progress::Bars;
use crate::{models, output};

/// Beyond these a head is all zeros, or as if it were not regularised at all.
const REGULARISATION: RangeInclusive<f64> = 1e-10..=1e10;

/// The arguments, completed by `zoo.toml` and checked.
struct Plan {
    model: String,
    data: PathBuf,
    out: PathBuf,
    options: AdaptOptions,
}

pub(crate) fn run(global: &Global, args: AdaptArgs) -> Result<ExitCode> {
    let plan = plan(global, args)?;
    if !plan.data.exists() {
        bail!(zoo_adapt::Error::PathMissing { path: plan.data });
    }
    let parent = models::open(global, &plan.model)?;
    let kind = reader(&parent)?.kind();
    let folder = Dataset::open(&plan.data, kind)?;
    // Found out before the work, not after it.
    if let Some(dir) = plan.out.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    ensure!(!plan.out.is_dir(), "{} is a folder", plan.out.display());
    let card = &parent.card;
    let what = format!("{}@{} to {}", card.name, card.version, plan.data.display());
    output::status(global, "Adapting", what);
    let outcome = adapt(&parent, &folder, &plan.options, &Bars::new(global))?;
    let digest = outcome.bundle.write(&plan.out)?;
    let report = plan.out.with_extension("html");
    outcome.write_report(&report)?;
    if global.json {
        output::json(&json!({
            "out": plan.out,
            "report": report,
            "digest": digest,
            "strategy": plan.options.strategy.name(),
            "train": outcome.train_examples,
            "computed_features": outcome.computed_features,
            "evaluation": outcome.evaluation,
            "folds": outcome.folds,
            "card": outcome.bundle.card.adapted,
        }))?;
    } else {
        show(global, &plan, &outcome, &report)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn plan(global: &Global, args: AdaptArgs) -> Result<Plan> {
    let config = Config::find()?.adapt;
    let missing = |what: &str, how: &str| {
        format!("no {what} is given: {how}, or write it into {}", config::FILE)
    };
    let Some(model) = args.model.or(config.model) else {
        bail!(missing("model", "name one, as in `zoo adapt efficientnet-lite0 --data DIR`"));
    };
    let Some(data) = args.data.or(config.data) else {
        bail!(missing("data", "use --data DIR, a folder of folders, or a table"));
    };
    let named = || Path::new("out").join(format!("{}.zoo", stem(&data)));
    let out = args.out.or(config.out).unwrap_or_else(named);
    ensure!(
        out.extension().is_some_and(|extension| extension == "zoo"),
        "{} must end in .zoo",
        out.display()
    );
    let held_out = args.held_out.or(config.held_out).unwrap_or(0.2);
    ensure!(
        held_out > 0.0 && held_out < 1.0,
        "--held-out must lie between 0 and 1, not {held_out:?}"
    );
    if let Some(c) = args.regularisation {
        ensure!(
            REGULARISATION.contains(&c),
            "--regularisation must lie between {:?} and {:?}, not {c:?}",
            REGULARISATION.start(),
            REGULARISATION.end()
        );
    }
    let usual = FinetuneOptions::default();
    if let Some(rate) = args.learning_rate {
        ensure!(
            rate > 0.0 && rate <= 1.0,
            "--learning-rate must be above 0 and at most 1, not {rate:?}"
        );
    }
    ensure!(args.epochs != Some(0), "--epochs must be at least 1");
    ensure!(args.stages != Some(0), "--stages must be at least 1");
    let strategy = match args.strategy.or(config.strategy).unwrap_or(StrategyName::Probe) {
        StrategyName::Probe => Strategy::Probe,
        StrategyName::Finetune => Strategy::Finetune(FinetuneOptions {
            stages: args.stages.unwrap_or(usual.stages),
            epochs: args.epochs.unwrap_or(usual.epochs),
            learning_rate: args.learning_rate,
            ..usual
        }),
    };
    let mut options = AdaptOptions::new(&stem(&out));
    options.strategy = strategy;
    options.seed = args.seed.or(config.seed).unwrap_or(0);
    options.held_out = held_out;
    let pattern = args.group_by.or(config.group_by);
    options.group_by = pattern.as_deref().map(Grouping::new).transpose()?;
    options.folds = args.folds.or(config.folds).unwrap_or(0);
    ensure!(options.folds != 1, "--folds must be 0 or at least 2");
    options.head.c = args.regularisation;
    options.device = global.device;
    options.cache = (!args.no_cache)
        .then(|| models::cache_dir(global).map(|dir| dir.join("features")))
        .transpose()?;
    Ok(Plan { model, data, out, options })
}

/// How the examples of `bundle` are read.
fn reader(bundle: &Bundle) -> Result<Reader> {
    let model = || bundle.card.name.clone();
    Ok(Reader::of(bundle)?.ok_or_else(|| zoo_adapt::Error::NoReader { model: model() })?)
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .map_or_else(|| "adapted".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

fn show(global: &Global, plan: &Plan, outcome: &Outcome, report: &Path) -> Result<()> {
    let kind = outcome.kind;
    super::eval::show(&outcome.evaluation, &outcome.bundle.card.labels, kind)?;
    if let Some(folds) = &outcome.folds {
        output::line(format!(
            "in {} folds, each predicted by a probe of the others: accuracy {:.1} % of {} {}",
            plan.options.folds,
            folds.accuracy * 100.0,
            folds.examples,
            kind.plural(),
        ))?;
    }
    let out = plan.out.display();
    output::line(format!("model  {out}"))?;
    output::line(format!("report {}", report.display()))?;
    let example = match outcome.mistakes.first().map(|wrong| &wrong.content) {
        Some(Content::File(path)) => path.display().to_string(),
        _ if kind == Kind::Text => "'some text'".to_owned(),
        _ => plan.data.display().to_string(),
    };
    output::status(global, "Next", format!("zoo predict {out} {example}"));
    Ok(())
}
