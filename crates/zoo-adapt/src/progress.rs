//! What a long task tells while it runs. This crate never prints: who calls decides how an
//! event looks.

/// A part of adapting that takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reading and checking the files.
    Check,
    /// Running the trunk.
    Features,
    /// Choosing the regularisation and solving the head.
    Head,
    /// Training the last stages.
    Finetune,
}

impl Step {
    /// A word for progress bars and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Features => "features",
            Self::Head => "head",
            Self::Finetune => "fine-tune",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A step begins; it has `total` parts.
    Started {
        /// The step.
        step: Step,
        /// How many parts, such as images.
        total: usize,
    },
    /// So many parts of a step are done, in all.
    Advanced {
        /// The step.
        step: Step,
        /// How many parts.
        done: usize,
    },
    /// A step is over.
    Finished {
        /// The step.
        step: Step,
        /// What came of it, in a few words.
        summary: String,
    },
    /// Something that a person should know.
    Warning(String),
}

/// Who is told. Events come from several threads.
pub trait Observer: Sync {
    /// Takes an event; quickly, since work waits for it.
    fn event(&self, event: Event);
}

/// Nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: Event) {}
}
