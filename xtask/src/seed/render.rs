//! An entry as people write it: the order of a person's interest, one line a fact.

use std::fmt::Write as _;

use zoo_registry::{
    ArchiveKind, ArchiveMember, Color, EntryVersion, Evidence, Filter, ModelFile, Preprocessing,
    Resize,
};

use super::build::Built;

/// The TOML of an entry.
pub(super) fn entry(built: &Built) -> String {
    let entry = &built.entry;
    let mut out = Lines::default();
    let usual =
        "Facts: the publisher's page, and the digests that others published for the same files.";
    out.line(&format!("# {}", built.comment.as_deref().unwrap_or(usual)));
    out.raw("schema", entry.schema);
    out.text("name", Some(entry.name.as_str()));
    if !entry.aliases.is_empty() {
        let aliases: Vec<String> =
            entry.aliases.iter().map(|alias| quoted(alias.as_str())).collect();
        out.raw("aliases", format_args!("[{}]", aliases.join(", ")));
    }
    out.text("summary", Some(&entry.summary));
    out.text("task", Some(&entry.task));
    out.text("family", Some(&entry.family));
    out.text("architecture", entry.architecture.as_deref());
    out.number("parameters", entry.parameters);
    out.text("input", Some(&entry.input));
    out.number("classes", entry.classes);
    out.text("licence", Some(&entry.licence));
    out.text("licence_note", entry.licence_note.as_deref());
    out.text("citation", Some(&entry.citation));
    out.text("upstream", Some(&entry.upstream));
    out.text("labels", entry.labels.as_deref());
    out.text("preparation", entry.preparation.as_deref());
    out.text("default", entry.default.as_ref().map(ToString::to_string).as_deref());
    if let Some(image) = &entry.preprocessing {
        out.line("\n[preprocessing]");
        preprocessing(&mut out, image, built.transform_input);
    }
    for version in &entry.versions {
        self::version(&mut out, version);
    }
    out.0
}

fn version(out: &mut Lines, version: &EntryVersion) {
    out.line("\n[[version]]");
    out.text("version", Some(&version.version.to_string()));
    out.text("weights", Some(&version.weights));
    out.text("provenance", version.provenance.as_deref());
    if let Some(top1) = &version.top1 {
        let source = quoted(&top1.source);
        out.raw("top1", format_args!("{{ percent = {:?}, source = {source} }}", top1.percent));
    }
    out.text("architecture", version.architecture.as_deref());
    out.number("parameters", version.parameters);
    out.text("input", version.input.as_deref());
    out.number("classes", version.classes);
    if version.headless {
        out.raw("headless", true);
    }
    out.text("licence", version.licence.as_deref());
    out.text("licence_note", version.licence_note.as_deref());
    out.text("upstream", version.upstream.as_deref());
    out.text("preparation", version.preparation.as_deref());
    if let Some(image) = &version.preprocessing {
        out.line("\n[version.preprocessing]");
        preprocessing(out, image, false);
    }
    for file in &version.files {
        self::file(out, file);
    }
}

fn preprocessing(out: &mut Lines, image: &Preprocessing, transform_input: bool) {
    match image.resize {
        Resize::Shorter(side) => out.raw("resize", format_args!("{{ shorter = {side} }}")),
        Resize::Exact([height, width]) => {
            out.raw("resize", format_args!("{{ exact = [{height}, {width}] }}"));
        }
    }
    let filter = match image.filter {
        Filter::Nearest => "nearest",
        Filter::Box => "box",
        Filter::Bilinear => "bilinear",
        Filter::Bicubic => "bicubic",
        Filter::Lanczos => "lanczos",
    };
    out.text("filter", Some(filter));
    out.raw("antialias", image.antialias);
    if let Some([height, width]) = image.crop {
        out.raw("crop", format_args!("[{height}, {width}]"));
    }
    out.text(
        "color",
        Some(match image.color {
            Color::Rgb => "rgb",
            Color::Bgr => "bgr",
        }),
    );
    let named = if image.scale == 1.0 / 255.0 { " # 1/255" } else { "" };
    out.raw("scale", format_args!("{:?}{named}", image.scale));
    if transform_input && image.mean == [0.5; 3] {
        out.line("# torchvision normalises by ImageNet's mean and deviation, and its model undoes that first");
        out.line("# (`transform_input`): what reaches the network is scaled to -1..1.");
    }
    out.raw("mean", format_args!("{:?}", image.mean));
    out.raw("std", format_args!("{:?}", image.std));
}

fn file(out: &mut Lines, file: &ModelFile) {
    out.line("\n[[version.files]]");
    out.text("path", Some(&file.path));
    if let Some(size) = file.size {
        out.raw("size", format_args!("{{ bytes = {}, exact = {} }}", size.bytes, size.exact));
    }
    out.text("sha256", file.sha256.map(|digest| digest.to_string()).as_deref());
    out.text("format", Some(file.format.as_str()));
    let urls: Vec<String> = file.urls.iter().map(|url| quoted(url)).collect();
    match urls.as_slice() {
        [url] => out.raw("urls", format_args!("[{url}]")),
        urls => out.raw("urls", format_args!("[\n  {},\n]", urls.join(",\n  "))),
    }
    evidence(out, &file.evidence);
    if let Some(ArchiveMember { kind, member, sha256, evidence: inside }) = &file.archive {
        out.line("\n[version.files.archive]");
        out.text(
            "kind",
            Some(match kind {
                ArchiveKind::Tar => "tar",
                ArchiveKind::TarGz => "tar.gz",
                ArchiveKind::Zip => "zip",
                ArchiveKind::Gz => "gz",
            }),
        );
        out.text("member", Some(member.as_str()).filter(|member| !member.is_empty()));
        out.text("sha256", sha256.map(|digest| digest.to_string()).as_deref());
        evidence(out, inside);
    }
}

fn evidence(out: &mut Lines, evidence: &[Evidence]) {
    if evidence.is_empty() {
        return;
    }
    out.line("evidence = [");
    for one in evidence {
        out.line(&format!(
            "  {{ kind = \"{}\", value = \"{}\", publisher = {}, sources = {} }},",
            one.kind(),
            one.value(),
            quoted(one.publisher()),
            one.sources()
        ));
    }
    out.line("]");
}

/// `text` as a string of TOML: the entries have no control characters, so two escapes are enough.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn raw(&mut self, key: &str, value: impl std::fmt::Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn number<T: std::fmt::Display>(&mut self, key: &str, value: Option<T>) {
        if let Some(value) = value {
            self.raw(key, value);
        }
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.raw(key, quoted(value));
        }
    }
}
