//! The entries that the binary carries, so that the first run needs no network.

/// One element of [`ENTRIES`].
macro_rules! entry {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../registry/models/",
                $name,
                ".toml"
            )),
        )
    };
}

/// File stem and text of each `registry/models/*.toml`. A test compares the list with the
/// folder.
pub(crate) const ENTRIES: &[(&str, &str)] = &[
    entry!("efficientnet-lite0"),
    entry!("inception-v3"),
    entry!("mobilenet-v2"),
    entry!("resnet-101"),
    entry!("resnet-152"),
    entry!("resnet-18"),
    entry!("resnet-34"),
    entry!("resnet-50"),
];
