//! ONNX's own conformance cases, run by us.
//!
//! A case is a folder with `model.onnx` and, in `test_data_set_*`, inputs and the outputs that
//! ONNX expects of them. It comes out as PASS, FAIL (other numbers), UNSUPPORTED (refused by
//! name when the file is read) or ERROR (anything else).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use zoo_convert::onnx;
use zoo_model::{DType, Device, Executor, Tensor};

/// What ONNX's own runner allows: so much of the expected number, and so much besides.
const RELATIVE: f64 = 1e-3;
const ABSOLUTE: f64 = 1e-7;
/// How far two neighbours of type bfloat16 are apart, which have eight bits.
const BFLOAT16_STEP: f64 = 1.0 / 128.0;

/// How a case came out.
enum Outcome {
    Pass,
    Fail(String),
    Unsupported(String),
    Error(String),
}

impl Outcome {
    fn text(&self) -> String {
        match self {
            Self::Pass => "PASS".to_owned(),
            Self::Fail(reason) => format!("FAIL {reason}"),
            Self::Unsupported(reason) => format!("UNSUPPORTED {reason}"),
            Self::Error(reason) => format!("ERROR {reason}"),
        }
    }
}

/// Runs every case in `dir` whose name contains `only`, a line each, and writes or checks
/// `page`, the list of what is not supported. Fails where a case fails or errs.
pub(crate) fn run(dir: &Path, only: Option<&str>, page: Option<(&Path, bool)>) -> Result<ExitCode> {
    let mut cases = Vec::new();
    find_cases(dir, &mut cases)?;
    cases.sort();
    ensure!(!cases.is_empty(), "there is no case in {}", dir.display());
    // What panics is an ERROR with the panic's message: it need not be printed as well.
    std::panic::set_hook(Box::new(|_| {}));
    let mut outcomes = BTreeMap::new();
    for case in cases {
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if only.is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| run_case(&case)))
            .unwrap_or_else(|panic| Outcome::Error(panic_text(&*panic)));
        println!("{name} {}", outcome.text());
        outcomes.insert(name, outcome);
    }
    drop(std::panic::take_hook());
    let count = |likes: fn(&Outcome) -> bool| outcomes.values().filter(|o| likes(o)).count();
    let failed = count(|o| matches!(o, Outcome::Fail(_)));
    let errors = count(|o| matches!(o, Outcome::Error(_)));
    let totals = format!(
        "{} passed, {failed} failed, {} unsupported, {errors} errors",
        count(|o| matches!(o, Outcome::Pass)),
        count(|o| matches!(o, Outcome::Unsupported(_))),
    );
    println!("onnx-conformance: {totals}");
    if let Some((page, check)) = page {
        write_page(page, check, &render(&outcomes, &totals))?;
    }
    Ok(if failed + errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The folders at or below `dir` that hold a case.
fn find_cases(dir: &Path, cases: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.join("model.onnx").is_file() {
            cases.push(path);
        } else if path.is_dir() {
            find_cases(&path, cases)?;
        }
    }
    Ok(())
}

fn run_case(case: &Path) -> Outcome {
    let model = match onnx::load(&case.join("model.onnx")) {
        Ok(model) => model,
        Err(zoo_convert::Error::UnsupportedOperators { nodes, .. }) => {
            return Outcome::Unsupported(nodes.join(", "));
        }
        Err(error) => return Outcome::Error(format!("{:#}", anyhow::Error::from(error))),
    };
    let executor = match Executor::new(model.graph, &model.weights, &Device::Cpu) {
        Ok(executor) => executor,
        Err(error) => return Outcome::Error(format!("{:#}", anyhow::Error::from(error))),
    };
    match run_data_sets(case, &executor) {
        Ok(None) => Outcome::Pass,
        Ok(Some(difference)) => Outcome::Fail(difference),
        Err(error) => Outcome::Error(format!("{error:#}")),
    }
}

/// The first difference from what is expected, in any of the data sets.
fn run_data_sets(case: &Path, executor: &Executor) -> Result<Option<String>> {
    let mut found = 0;
    while let set = case.join(format!("test_data_set_{found}"))
        && set.is_dir()
    {
        found += 1;
        let mut inputs = tensors(&set, "input")?;
        for (info, input) in executor.graph().inputs.iter().zip(&mut inputs) {
            if info.dtype == DType::BF16 {
                *input = from_bfloat16_bits(input);
            }
        }
        let mut expected = tensors(&set, "output")?;
        // What the graph makes has no type of its own to tell by. ONNX's generator truncates what
        // should be rounded, so one step of such numbers is allowed.
        let mut relative = RELATIVE;
        if case.to_string_lossy().contains("_to_BFLOAT16") {
            for tensor in &mut expected {
                *tensor = from_bfloat16_bits(tensor);
            }
            relative = BFLOAT16_STEP;
        }
        let outputs = executor.infer(&inputs)?;
        if outputs.len() != expected.len() {
            bail!("{} outputs came out, {} are expected", outputs.len(), expected.len());
        }
        for (index, (ours, theirs)) in outputs.iter().zip(&expected).enumerate() {
            if let Some(difference) = difference(ours, theirs, relative) {
                return Ok(Some(format!("output {index}: {difference}")));
            }
        }
    }
    ensure!(found > 0, "it has no data");
    Ok(None)
}

/// ONNX's generator of these cases stores numbers of type bfloat16 as whole numbers of the same
/// 16 bits, since `NumPy` has no such type.
fn from_bfloat16_bits(tensor: &Tensor) -> Tensor {
    let Some(bits) = tensor.to_i64() else { return tensor.clone() };
    let values: Vec<f32> = bits.iter().map(|&bits| f32::from_bits((bits as u32) << 16)).collect();
    Tensor::from_f32(tensor.shape(), &values)
}

fn tensors(set: &Path, kind: &str) -> Result<Vec<Tensor>> {
    let mut tensors = Vec::new();
    while let path = set.join(format!("{kind}_{}.pb", tensors.len()))
        && path.is_file()
    {
        tensors.push(onnx::load_tensor(&path)?);
    }
    Ok(tensors)
}

/// How `ours` differs from `theirs`, if it does by more than the share `relative`. Types are compared as they are computed.
fn difference(ours: &Tensor, theirs: &Tensor, relative: f64) -> Option<String> {
    let computed = zoo_model::Fact::computed;
    if computed(ours.dtype()) != computed(theirs.dtype()) {
        return Some(format!("{} for {}", ours.dtype(), theirs.dtype()));
    }
    if ours.shape() != theirs.shape() {
        return Some(format!("{:?} for {:?}", ours.shape(), theirs.shape()));
    }
    if let (Some(ours), Some(theirs)) = (ours.to_i64(), theirs.to_i64()) {
        let at = ours.iter().zip(&theirs).position(|(a, b)| a != b)?;
        return Some(format!("{} for {} at {at}", ours[at], theirs[at]));
    }
    let (ours, theirs) = (ours.to_f32(), theirs.to_f32());
    let close = |a: f32, b: f32| {
        a == b
            || (a.is_nan() && b.is_nan())
            || f64::from((a - b).abs()) <= ABSOLUTE + relative * f64::from(b.abs())
    };
    let at = ours.iter().zip(&theirs).position(|(&a, &b)| !close(a, b))?;
    Some(format!("{} for {} at {at}", ours[at], theirs[at]))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a message"))
}

/// The page: the totals, and each case that does not pass with its reason.
fn render(outcomes: &BTreeMap<String, Outcome>, totals: &str) -> String {
    let mut page = String::from("# ONNX support\n\n");
    let _ =
        writeln!(page, "Written by `cargo xtask onnx-conformance DIR --write`; CI checks it.\n");
    let _ = writeln!(page, "Of the {} node cases of ONNX 1.12: {totals}.\n", outcomes.len());
    let mut by_reason: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, outcome) in outcomes {
        if !matches!(outcome, Outcome::Pass) {
            by_reason.entry(outcome.text()).or_default().push(name);
        }
    }
    page.push_str("## What does not run, and why\n\n| cases | reason |\n|---|---|\n");
    for (reason, names) in by_reason {
        let _ = writeln!(page, "| {} | {} |", names.join(", "), reason.replace('|', "\\|"));
    }
    page
}

fn write_page(page: &Path, check: bool, text: &str) -> Result<()> {
    if !check {
        return std::fs::write(page, text)
            .with_context(|| format!("cannot write {}", page.display()));
    }
    let there =
        std::fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    ensure!(
        there == text,
        "{} is not what the cases say: run `cargo xtask onnx-conformance DIR --write`",
        page.display()
    );
    Ok(())
}
