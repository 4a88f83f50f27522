//! The command line: every argument, and its help.

mod sharing;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use zoo_model::Device;

pub(crate) use sharing::{
    BundleArgs, CacheCommand, HubCommand, LintArgs, LoginArgs, PublishArgs, ServeArgs,
    TokenCommand, TrustCommand, YankArgs,
};

/// Pull a pretrained model, adapt it to your own data, share the result.
#[derive(Parser)]
#[command(name = "zoo", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Args, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Global {
    /// Print results as JSON
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Print nothing but results and errors
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// Use only what is in the cache and in this program
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) offline: bool,
    /// Take models from this registry: a folder or an address
    #[arg(
        long,
        global = true,
        value_name = "DIR|URL",
        env = "ZOO_REGISTRY",
        help_heading = "Global options"
    )]
    pub(crate) registry: Option<String>,
    /// Take models from a registry that is not on this machine though nobody signs it
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) allow_unsigned: bool,
    /// Keep models and features here
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "ZOO_CACHE",
        help_heading = "Global options"
    )]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Keep what is trusted, keys and tokens here
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "ZOO_CONFIG",
        help_heading = "Global options"
    )]
    pub(crate) config_dir: Option<PathBuf>,
    /// Where models run
    #[arg(long, global = true, value_name = "DEVICE", default_value = "auto", help_heading = "Global options", value_parser = parse_device)]
    pub(crate) device: Device,
}

fn parse_device(text: &str) -> Result<Device, String> {
    text.parse()
}

fn parse_seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("it must be a whole number from 0 to {}", u64::MAX))
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the models of the registry
    List(ListArgs),
    /// Search names, tasks and families, and filter
    Search(SearchArgs),
    /// Show all that is known of a model
    Info(InfoArgs),
    /// Fetch models into the cache
    Pull(PullArgs),
    /// Name the class of pictures, texts or recordings
    Predict(PredictArgs),
    /// Measure a classifier on labelled examples
    Eval(EvalArgs),
    /// Convert a model or word vectors from elsewhere to a bundle
    Convert(ConvertArgs),
    /// Write a model as ONNX, safetensors or burnpack
    Export(ExportArgs),
    /// Show what is in a file, a bundle or a model
    Inspect(InspectArgs),
    /// Run a model's parity vector: do bytes, conversion and this machine agree?
    Verify(VerifyArgs),
    /// Adapt a model to your own pictures, texts or recordings
    Adapt(AdaptArgs),
    /// Ask word vectors: which words are near, what is to one word as another is to a third
    Words(WordsArgs),
    /// Measure how fast a model runs on this machine
    Bench(BenchArgs),
    /// Share a bundle through a registry
    Publish(PublishArgs),
    /// Withdraw a published version; it is never deleted
    Yank(YankArgs),
    /// Write models into a folder, for machines without a network
    Bundle(BundleArgs),
    /// Show, check and clean the cache
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Say whose signatures count for which registry
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Keep a token for an address; it is read from stdin
    Login(LoginArgs),
    /// Forget the token for an address
    Logout(LoginArgs),
    /// Make, serve and look after a registry
    #[command(subcommand)]
    Hub(HubCommand),
    /// Check the entries of a registry
    Lint(LintArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
}

#[derive(Args)]
pub(crate) struct ListArgs {
    /// Only models that are in the cache
    #[arg(long)]
    pub(crate) cached: bool,
}

#[derive(Args)]
pub(crate) struct SearchArgs {
    /// Words that name, aliases, task, family or summary must have, all of them
    pub(crate) term: Vec<String>,
    /// Only models for this task, such as image-classification
    #[arg(long)]
    pub(crate) task: Option<String>,
    /// Only models of this family, such as resnet
    #[arg(long)]
    pub(crate) family: Option<String>,
    /// Only models under this licence, such as apache
    #[arg(long, alias = "license")]
    pub(crate) licence: Option<String>,
    /// Only models that are at most so large: 500kB, 20MB, 1.5GB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_size: Option<u64>,
    /// Only models whose published top-1 accuracy is at least so many percent
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    pub(crate) min_top1: Option<f64>,
    /// Only models that this program surely runs
    #[arg(long)]
    pub(crate) works_here: bool,
}

/// A number of bytes, as people write it: 1000 to the power of the letter.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        other => return Err(format!("`{other}` is no unit of size: use kB, MB or GB")),
    };
    match digits.parse::<f64>() {
        Ok(number) if number >= 0.0 && number * unit < 1e18 => Ok((number * unit) as u64),
        _ => Err("it must be a number and a unit, such as 20MB".to_owned()),
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("it must be a number from 0 to 100".to_owned()),
    }
}

#[derive(Args)]
pub(crate) struct InfoArgs {
    /// NAME or NAME@VERSION
    pub(crate) name: String,
}

#[derive(Args)]
pub(crate) struct PullArgs {
    /// NAME, NAME@VERSION, NAME@WEIGHTS, or hf:OWNER/REPO/FILE; one or more
    #[arg(required = true)]
    pub(crate) names: Vec<String>,
    /// Take them from a folder that `zoo bundle` wrote
    #[arg(long, value_name = "DIR", conflicts_with = "registry")]
    pub(crate) from: Option<PathBuf>,
    /// The digest of a single file that no registry knows
    #[arg(long, value_name = "HEX")]
    pub(crate) sha256: Option<String>,
    /// Refuse files of which no full sha256 is published
    #[arg(long)]
    pub(crate) require_sha256: bool,
}

#[derive(Args)]
pub(crate) struct PredictArgs {
    /// A bundle, or NAME or NAME@VERSION
    pub(crate) model: String,
    /// Pictures or recordings, or folders of them; texts, files of them, or - for lines of stdin
    #[arg(required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// How many classes to show
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) top: u16,
}

#[derive(Args)]
pub(crate) struct EvalArgs {
    /// A bundle, or NAME or NAME@VERSION
    pub(crate) model: String,
    /// A folder of folders, one for each class; or a table (.csv, .tsv, .jsonl)
    #[arg(long)]
    pub(crate) data: PathBuf,
}

#[derive(Args)]
pub(crate) struct ConvertArgs {
    /// The file, or an archive that holds it
    pub(crate) file: PathBuf,
    /// Which file of an archive; needed where it holds several
    #[arg(long, value_name = "PATH", conflicts_with = "emit")]
    pub(crate) member: Option<String>,
    /// The architecture of a checkpoint; found out if not given
    #[arg(long)]
    pub(crate) arch: Option<String>,
    /// Where to write the bundle: NAME.zoo, or a folder; with --emit, the folder for the source
    #[arg(long, short, required_unless_present = "emit")]
    pub(crate) out: Option<PathBuf>,
    /// Write source of an ONNX file instead of a bundle; needs the cargo feature `emit-rust`
    #[arg(long, value_enum, conflicts_with_all = ["arch", "name", "license", "precision"])]
    pub(crate) emit: Option<Language>,
    /// Replace source that is there (--emit)
    #[arg(long, requires = "emit")]
    pub(crate) force: bool,
    /// The model's name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The licence of the weights, as an SPDX identifier
    #[arg(long)]
    pub(crate) license: Option<String>,
    /// The floating-point type to store
    #[arg(long, value_enum)]
    pub(crate) precision: Option<Precision>,
    /// A TOML file with a section [preprocess], [text] or [sound]: how examples become the input
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// How the words of a text become one feature (word vectors)
    #[arg(long, value_enum, default_value_t = PoolingName::Mean)]
    pub(crate) pooling: PoolingName,
    /// Leave malformed rows out, and report them (word vectors)
    #[arg(long)]
    pub(crate) skip_malformed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PoolingName {
    /// The mean of all words
    Mean,
    /// The mean in which frequent words count less (SIF)
    Sif,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Language {
    /// A typed module of Burn
    Rust,
}

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// A bundle, or NAME or NAME@VERSION
    pub(crate) model: String,
    /// What to write
    #[arg(long, value_enum)]
    pub(crate) format: ExportFormatName,
    /// Where to write it; NAME.onnx, NAME.safetensors or NAME.bpk, if not given
    #[arg(long, short)]
    pub(crate) out: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ExportFormatName {
    /// Graph and parameters, for ONNX Runtime and many others
    Onnx,
    /// Parameters, for PyTorch's `load_state_dict`
    Safetensors,
    /// Parameters, for Burn
    Burnpack,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Precision {
    F32,
    F16,
    Bf16,
}

#[derive(Args)]
pub(crate) struct InspectArgs {
    /// A model file, a bundle, or NAME or NAME@VERSION
    pub(crate) target: String,
    /// Show every node and parameter
    #[arg(long)]
    pub(crate) all: bool,
    /// Run it once and show which nodes our kernels compute, which ones Burn does, and the time
    #[arg(long)]
    pub(crate) plan: bool,
}

#[derive(Args)]
pub(crate) struct VerifyArgs {
    /// A bundle, or NAME or NAME@VERSION
    pub(crate) model: String,
}

#[derive(Args)]
pub(crate) struct AdaptArgs {
    /// A bundle, or NAME or NAME@VERSION; zoo.toml says, if not given
    pub(crate) model: Option<String>,
    /// A folder of folders, one for each class; or a table (.csv, .tsv, .jsonl) with the columns
    /// `label` and `text` or `path`
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Where to write the new bundle; its report goes beside it
    #[arg(long, short)]
    pub(crate) out: Option<PathBuf>,
    /// What is trained: a new head (probe), or the last stages too (finetune)
    #[arg(long, value_enum)]
    pub(crate) strategy: Option<StrategyName>,
    /// The seed of everything that is drawn
    #[arg(long, allow_negative_numbers = true, value_parser = parse_seed)]
    pub(crate) seed: Option<u64>,
    /// The share of examples held out to measure with
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub(crate) held_out: Option<f64>,
    /// The inverse strength of regularisation; cross-validation chooses, if not given
    #[arg(long, value_name = "C", allow_negative_numbers = true)]
    pub(crate) regularisation: Option<f64>,
    /// How many stages before the head learn (finetune)
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) stages: Option<usize>,
    /// The most epochs (finetune)
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) epochs: Option<usize>,
    /// The learning rate at its peak (finetune)
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) learning_rate: Option<f64>,
    /// Examples whose names have the same {group} stay together, as in '{group}_*.wav'
    #[arg(long, value_name = "PATTERN")]
    pub(crate) group_by: Option<String>,
    /// Measure a probe of all examples as well, in so many parts, each predicted by the others
    #[arg(long, value_name = "N")]
    pub(crate) folds: Option<usize>,
    /// Keep no features for the next time
    #[arg(long)]
    pub(crate) no_cache: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StrategyName {
    Probe,
    Finetune,
}

#[derive(Args)]
pub(crate) struct WordsArgs {
    /// A bundle, a file of word vectors, or NAME or NAME@VERSION
    pub(crate) model: String,
    #[command(subcommand)]
    pub(crate) command: WordsCommand,
}

#[derive(Subcommand)]
pub(crate) enum WordsCommand {
    /// The words that are most similar to one, by cosine
    Nearest {
        /// The word
        word: String,
        /// How many
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
        top: u16,
    },
    /// The words that are to C what B is to A: `man king woman` is `queen`
    Analogy {
        /// A
        a: String,
        /// B
        b: String,
        /// C
        c: String,
        /// How many
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
        top: u16,
    },
    /// How many analogy questions are answered right, section by section
    Eval {
        /// The questions, such as word2vec's questions-words.txt
        questions: PathBuf,
        /// Take only the first so many words, which are the most frequent
        #[arg(long, value_name = "N")]
        restrict: Option<usize>,
    },
}

#[derive(Args)]
pub(crate) struct BenchArgs {
    /// A bundle, or NAME or NAME@VERSION
    pub(crate) model: String,
    /// Images in a run
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) batch: u16,
    /// Runs that are timed
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) runs: u16,
    /// Threads; as many as there are cores, if not given
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// What computes: the plan of our own kernels, or Burn alone
    #[arg(long, value_enum, default_value_t = EngineArg::Plan)]
    pub(crate) engine: EngineArg,
}

/// What computes a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum EngineArg {
    /// A plan of our own kernels, with Burn for what they do not know
    Plan,
    /// Burn, node by node
    Burn,
}

impl From<EngineArg> for zoo_model::Engine {
    fn from(engine: EngineArg) -> Self {
        match engine {
            EngineArg::Plan => Self::Plan,
            EngineArg::Burn => Self::Burn,
        }
    }
}

#[derive(Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}
