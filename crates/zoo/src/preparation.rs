//! How pictures become the input of a model of the registry.

use anyhow::Result;
use zoo_convert::Preparation;
use zoo_registry::{Entry, EntryVersion};

/// What the entry says of `version`. Words are for people: where an entry has only them, nothing
/// is guessed in their place.
pub(crate) fn of(entry: &Entry, version: &EntryVersion) -> Result<Preparation> {
    Ok(match (entry.preprocessing_of(version), entry.preparation_of(version)) {
        // The registry does not know zoo-model: both write preprocessing in the same way.
        (Some(stated), _) => {
            Preparation::Stated(serde_json::from_value(serde_json::to_value(stated)?)?)
        }
        (None, Some(_)) => Preparation::Untold,
        (None, None) => Preparation::Usual,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use zoo_convert::Preparation;
    use zoo_registry::Entry;

    const STATED: &str = r#"preprocessing = { resize = { shorter = 256 }, filter = "bilinear", antialias = true, crop = [224, 224], color = "rgb", scale = 1.0, mean = [0.0, 0.0, 0.0], std = [1.0, 1.0, 1.0] }"#;
    const WORDS: &str =
        r#"preparation = "BGR less a mean; the publisher says nothing of resizing""#;

    /// An entry that says `whole` of itself and `own` of its version.
    fn of(whole: &str, own: &str) -> Preparation {
        let text = format!(
            r#"
schema = 1
name = "net"
summary = "A network"
task = "image-classification"
family = "net"
architecture = "resnet-18"
input = "3x224x224"
licence = "MIT"
citation = "none"
upstream = "https://example.org"
default = "1.0.0"
{whole}

[[version]]
version = "1.0.0"
weights = "first"
{own}

[[version.files]]
path = "net.pth"
format = "pytorch"
urls = ["https://example.org/net.pth"]
evidence = []
"#
        );
        let entry = Entry::from_toml(&text, "test").unwrap();
        super::of(&entry, &entry.versions[0]).unwrap()
    }

    #[test]
    fn what_is_told_only_in_words_is_not_guessed() {
        assert!(matches!(of("", WORDS), Preparation::Untold));
        assert!(matches!(of(WORDS, ""), Preparation::Untold));
        // The words of a version take the place of what the entry states.
        assert!(matches!(of(STATED, WORDS), Preparation::Untold));
    }

    #[test]
    fn what_is_stated_is_taken_and_what_is_not_said_is_the_usual() {
        for (whole, own) in [(STATED, ""), ("", STATED), (WORDS, STATED)] {
            let Preparation::Stated(stated) = of(whole, own) else { panic!("not stated") };
            assert_eq!((stated.crop, stated.mean), (Some([224, 224]), vec![0.0; 3]));
        }
        assert!(matches!(of("", ""), Preparation::Usual));
    }
}
