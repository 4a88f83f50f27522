//! Real models and reference numbers, where the machine has them.

use std::env;
use std::path::PathBuf;

/// The variable that names their folder.
pub const VARIABLE: &str = "ZOO_FIXTURES";

/// The folder of fixtures; its README.md says what is in it.
pub struct Fixtures(PathBuf);

/// The fixtures. Where the environment names none, says that `test` is skipped.
pub fn fixtures(test: &str) -> Option<Fixtures> {
    let Some(folder) = env::var_os(VARIABLE) else {
        skipped(test);
        return None;
    };
    let folder = PathBuf::from(folder);
    let found = folder.canonicalize();
    Some(Fixtures(found.unwrap_or_else(|error| panic!("{VARIABLE}={}: {error}", folder.display()))))
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skipped(test: &str) {
    eprintln!("skipped: {test}: {VARIABLE} is not set");
}

impl Fixtures {
    /// A model as its publisher wrote it.
    #[track_caller]
    pub fn model(&self, name: &str) -> PathBuf {
        self.file("models", name)
    }

    /// A photo.
    #[track_caller]
    pub fn photo(&self, name: &str) -> PathBuf {
        self.file("photos", name)
    }

    /// Numbers that another program computed.
    #[track_caller]
    pub fn reference(&self, name: &str) -> PathBuf {
        self.file("reference", name)
    }

    /// The folder of torchvision's numbers for weights that are made by a rule.
    pub fn parity(&self) -> PathBuf {
        self.0.join("parity")
    }

    /// A file or folder in one of the folders.
    #[track_caller]
    pub fn file(&self, folder: &str, name: &str) -> PathBuf {
        let path = self.0.join(folder).join(name);
        assert!(path.exists(), "{VARIABLE} is set, but there is no {}", path.display());
        path
    }
}
