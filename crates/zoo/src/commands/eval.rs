use std::process::ExitCode;

use anyhow::Result;
use zoo_adapt::classifier::Classifier;
use zoo_adapt::dataset::Dataset;
use zoo_adapt::metrics::Evaluation;
use zoo_model::Kind;

use crate::cli::{EvalArgs, Global};
use crate::progress::Bars;
use crate::{models, output};

pub(crate) fn run(global: &Global, args: &EvalArgs) -> Result<ExitCode> {
    let bundle = models::open(global, &args.model)?;
    let classifier = Classifier::new(&bundle, global.device)?;
    let data = Dataset::open(&args.data, classifier.kind())?;
    let evaluation = classifier.evaluate(&data, &Bars::new(global))?;
    if let Some(adapted) = &bundle.card.adapted
        && adapted.metrics.held_out != evaluation.examples
        && !global.quiet
    {
        output::warning(
            "if the model learned from some of these examples, this flatters it: \
             its card has the accuracy on held-out ones",
        );
    }
    if global.json {
        output::json(&evaluation)?;
    } else {
        show(&evaluation, &bundle.card.labels, classifier.kind())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Accuracy, then a line for each class.
pub(crate) fn show(evaluation: &Evaluation, labels: &[String], kind: Kind) -> Result<()> {
    let interval = &evaluation.accuracy_interval;
    output::line(format!(
        "accuracy {:.1} % of {} {} (95 % interval {:.1} to {:.1})",
        evaluation.accuracy * 100.0,
        evaluation.examples,
        kind.plural(),
        interval.low * 100.0,
        interval.high * 100.0,
    ))?;
    output::line(format!(
        "macro F1 {:.3}, log-loss {:.3}, calibration error {:.3}",
        evaluation.macro_f1, evaluation.log_loss, evaluation.calibration_error
    ))?;
    let examples = kind.plural().to_uppercase();
    let head = ["CLASS", "PRECISION", "RECALL", "F1", &examples];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for (label, class) in labels.iter().zip(&evaluation.per_class) {
        if class.support > 0 {
            let numbers = [class.precision, class.recall, class.f1].map(|n| format!("{n:.3}"));
            table.push(
                [vec![label.clone()], numbers.to_vec(), vec![class.support.to_string()]].concat(),
            );
        }
    }
    output::table(&table)
}
