//! Which nodes our kernels compute, which ones Burn does, and the share of the time they take.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;
use zoo_model::{Bundle, Executor, PlanTime};

use super::SHOWN;
use crate::cli::Global;
use crate::output;

/// Runs before the one that is shown.
const WARM_UP: usize = 2;

pub(super) fn show(global: &Global, all: bool, bundle: &Bundle) -> Result<ExitCode> {
    let (graph, device) = (bundle.graph.clone(), &global.device);
    let executor = Executor::with_tables_in_place(graph, &bundle.weights, device)?;
    let inputs = bundle.usual_inputs(1)?;
    let mut parts = Vec::new();
    for _ in 0..=WARM_UP {
        let Some(times) = executor.infer_timed(&inputs)? else {
            bail!("there is no plan: Burn runs all of it on {}", global.device);
        };
        parts = times;
    }
    let total: Duration = parts.iter().map(|part| part.time).sum();
    let share = |time: Duration| 100.0 * time.as_secs_f64() / total.as_secs_f64();
    if global.json {
        let row = |part: &PlanTime| {
            json!({
                "nodes": part.nodes, "engine": engine(part), "operations": part.operations,
                "seconds": part.time.as_secs_f64(),
            })
        };
        output::json(&json!(parts.iter().map(row).collect::<Vec<_>>()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let by_burn = || parts.iter().filter(|part| !part.planned);
    let nodes = |part: &PlanTime| part.nodes.len();
    output::line(format!(
        "{:.2} ms; our kernels compute {} nodes in {} steps, Burn computes {} in {:.1} % of the time",
        total.as_secs_f64() * 1e3,
        parts.iter().filter(|part| part.planned).map(nodes).sum::<usize>(),
        parts.iter().filter(|part| part.planned).count(),
        by_burn().map(nodes).sum::<usize>(),
        share(by_burn().map(|part| part.time).sum()),
    ))?;
    let mut rows: Vec<&PlanTime> = parts.iter().collect();
    if !all {
        rows.sort_by_key(|part| std::cmp::Reverse(part.time));
        rows.truncate(SHOWN);
        output::line(format!("the {} parts that take the longest (--all shows all):", rows.len()))?;
    }
    let heading = ["TIME", "SHARE", "GFLOP/S", "BY", "NODES"].map(str::to_owned).to_vec();
    let table = rows.iter().map(|part| {
        let names = if part.nodes.is_empty() { "input".to_owned() } else { part.nodes.join(" ") };
        vec![
            format!("{:.3} ms", part.time.as_secs_f64() * 1e3),
            format!("{:.1} %", share(part.time)),
            format!("{:.1}", part.operations as f64 / part.time.as_secs_f64() / 1e9),
            engine(part).to_owned(),
            names,
        ]
    });
    output::table(&std::iter::once(heading).chain(table).collect::<Vec<_>>())?;
    Ok(ExitCode::SUCCESS)
}

fn engine(part: &PlanTime) -> &'static str {
    if part.planned { "plan" } else { "burn" }
}
