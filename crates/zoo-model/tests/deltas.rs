//! A delta and its parent give the published bytes, and nothing else gives anything.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use zoo_model::bundle::{DeltaError, DeltaHeader, Origin};
use zoo_model::{Bundle, Card, DType, Delta, Digest, Error, GraphBuilder, Tensor, Weights};

fn parent() -> Bundle {
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", &[None, Some(3)]);
    let hidden = builder.linear("trunk", &x, 3, 64);
    let y = builder.linear("fc", &hidden, 64, 2);
    let graph = builder.finish(&[("y", &y)]).unwrap();
    let tensor = |name: &str, shape: &[usize]| {
        let values = zoo_model::bundle::rule_tensor(name, shape.iter().product());
        Tensor::from_f32(shape, &values.iter().map(|x| *x as f32).collect::<Vec<_>>())
    };
    let weights = graph
        .parameters
        .iter()
        .map(|(name, parameter)| (name.clone(), tensor(name, &parameter.shape)))
        .collect::<Weights>()
        .to_float(DType::F16);
    Bundle::new(Card::new("parent", "image-classification", "MIT"), graph, weights)
}

/// The parent with another head, which is not of half precision.
fn child() -> Bundle {
    let mut child = parent();
    "child".clone_into(&mut child.card.name);
    child.card.labels = (0..40).map(|class| format!("class {class}")).collect();
    child.weights.insert("fc.weight", Tensor::from_f32(&[2, 64], &[0.25; 128]));
    child.weights.insert("fc.bias", Tensor::from_f32(&[2], &[0.5, -0.5]));
    child
}

/// Both bundles and the delta, on disk.
struct Files {
    folder: tempfile::TempDir,
    parent: Bundle,
    child: PathBuf,
    delta: PathBuf,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        parent().write(path("parent.zoo")).unwrap();
        child().write(path("child.zoo")).unwrap();
        let parent = Bundle::open(path("parent.zoo")).unwrap();
        child().write_delta(path("child.zoodelta"), &parent).unwrap();
        let (child, delta) = (path("child.zoo"), path("child.zoodelta"));
        Self { folder, parent, child, delta }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out/composed.zoo")
    }

    /// Fails unless `delta` is refused without a trace; why it was.
    #[track_caller]
    fn refused(&self, delta: Vec<u8>, parent: &Bundle) -> Error {
        let delta = Delta::from_bytes("given.zoodelta", delta);
        let error = delta.and_then(|delta| delta.compose(parent, self.out())).unwrap_err();
        assert!(!self.out().parent().unwrap().exists(), "{error}: something was written");
        error
    }
}

/// The members of an archive: name and bytes.
fn unpack(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut members = Vec::new();
    let mut at = 0;
    while archive[at] != 0 {
        let text = |from: usize, to: usize| {
            let field = &archive[at + from..at + to];
            String::from_utf8(field[..field.iter().position(|b| *b == 0).unwrap()].to_vec())
        };
        let size = usize::from_str_radix(&text(124, 136).unwrap(), 8).unwrap();
        let (start, name) = (at + 512, text(0, 100).unwrap());
        members.push((name, archive[start..start + size].to_vec()));
        at = (start + size).next_multiple_of(512);
    }
    members
}

/// An archive of `members` as zoo writes it, with a list of digests that is right: what
/// somebody makes who knows the format.
fn pack(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut put = |name: &str, bytes: &[u8]| {
        let mut header = vec![0; 512];
        let size = format!("{:011o}\0", bytes.len());
        for (at, text) in [
            (0, name),
            (100, "0000644\x000000000\x000000000\0"),
            (124, &size),
            (136, "00000000000\0        0"),
            (257, "ustar\x0000"),
        ] {
            header[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(header);
        archive.extend(bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    };
    let mut sums = Vec::new();
    for (name, bytes) in members.iter().filter(|(name, _)| name != "SHA256SUMS") {
        put(name, bytes);
        sums.push(format!("{}  {name}\n", Digest::of(bytes)));
    }
    put("SHA256SUMS", sums.concat().as_bytes());
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// The delta with a member changed by someone who knows the format.
fn forged(delta: &Path, member: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let mut members = unpack(&fs::read(delta).unwrap());
    let (_, bytes) = members.iter_mut().find(|(name, _)| name == member).unwrap();
    *bytes = change(std::mem::take(bytes));
    pack(&members)
}

/// The delta with a text in its header replaced.
fn forged_header(delta: &Path, from: &str, to: &str) -> Vec<u8> {
    forged(delta, "delta.toml", |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(from), "{text}");
        text.replacen(from, to, 1).into_bytes()
    })
}

#[test]
fn a_delta_and_its_parent_are_the_published_bundle_byte_for_byte() {
    let files = Files::new();
    let delta = Delta::open(&files.delta).unwrap();
    let published = fs::read(&files.child).unwrap();
    let DeltaHeader { parent, result, tensors, .. } = delta.header();
    assert_eq!((parent.name.as_str(), parent.digest), ("parent", files.parent.digest()));
    assert_eq!((result.sha256, result.size), (Digest::of(&published), published.len() as u64));
    assert_eq!(result.digest, Bundle::open(&files.child).unwrap().digest());
    let own: Vec<&str> = tensors
        .iter()
        .filter(|tensor| tensor.from == Origin::Delta)
        .map(|tensor| tensor.name.as_str())
        .collect();
    assert_eq!((own, tensors.len()), (vec!["fc.bias", "fc.weight"], 4));

    assert_eq!(delta.compose(&files.parent, files.out()).unwrap(), result.digest);
    assert!(fs::read(files.out()).unwrap() == published);
    assert_eq!(fs::read_dir(files.out().parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn the_same_bundles_give_the_same_delta_from_memory_and_from_disk() {
    let files = Files::new();
    let again = files.folder.path().join("again.zoodelta");
    Bundle::open(&files.child).unwrap().write_delta(&again, &parent()).unwrap();
    assert_eq!(fs::read(&again).unwrap(), fs::read(&files.delta).unwrap());
    assert_eq!(pack(&unpack(&fs::read(&again).unwrap())), fs::read(&again).unwrap());
}

#[test]
fn what_differs_in_nothing_or_in_everything_is_composed_too() {
    let files = Files::new();
    let mut other = child();
    other.weights = other.weights.to_float(DType::F64);
    let mut empty = parent();
    empty.weights.insert("none", Tensor::from_f32(&[0, 3], &[]));
    empty.weights.insert("neither", Tensor::from_f32(&[0], &[]));
    for (index, child) in [parent(), other, empty].into_iter().enumerate() {
        let delta = files.folder.path().join(format!("{index}.zoodelta"));
        child.write_delta(&delta, &files.parent).unwrap();
        Delta::open(&delta).unwrap().compose(&files.parent, files.out()).unwrap();
        assert_eq!(fs::read(files.out()).unwrap(), child.to_bytes());
    }
}

#[test]
fn another_parent_is_refused_with_both_names() {
    let files = Files::new();
    let delta = Delta::open(&files.delta).unwrap();
    let error = delta.compose(&child(), files.out()).unwrap_err();
    let text = error.to_string();
    for part in ["parent@1.0.0", "child@1.0.0", &files.parent.digest().to_string()] {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.contains(&child().digest().to_string()), "{text}");
    assert!(!files.out().exists());
}

#[test]
fn a_parent_that_was_changed_after_it_was_opened_is_noticed() {
    let files = Files::new();
    let delta = fs::read(&files.delta).unwrap();
    let mut parent = files.parent.clone();
    let trunk = parent.weights.remove("trunk.weight").unwrap();
    let error = files.refused(delta.clone(), &parent);
    assert!(error.to_string().contains("trunk.weight"), "{error}");
    // Wider, hence of another type.
    parent.weights.insert("trunk.weight", trunk.to_float(DType::F32).into_owned());
    let error = files.refused(delta.clone(), &parent);
    assert!(matches!(error, Error::Delta(DeltaError::MissingTensor { .. })), "{error}");
    let mut bytes = trunk.bytes().to_vec();
    bytes[7] ^= 1;
    let flipped = Tensor::new(DType::F16, trunk.shape().to_vec(), bytes.into()).unwrap();
    parent.weights.insert("trunk.weight", flipped);
    let error = files.refused(delta, &parent);
    assert!(error.to_string().contains("weights.safetensors"), "{error}");
}

#[test]
fn fault_100_a_cut_or_longer_delta_is_refused() {
    let files = Files::new();
    let bytes = fs::read(&files.delta).unwrap();
    for length in (0..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
        files.refused(bytes[..length].to_vec(), &files.parent);
    }
    files.refused([&bytes[..], &[0; 512]].concat(), &files.parent);
    let empty = files.folder.path().join("empty.zoodelta");
    fs::write(&empty, "").unwrap();
    assert!(Delta::open(&empty).unwrap_err().to_string().contains("empty.zoodelta"));
    assert!(Delta::open(files.folder.path().join("none.zoodelta")).is_err());
    // One is not the other.
    assert!(Bundle::open(&files.delta).is_err());
    assert!(Delta::open(&files.child).is_err());
}

#[test]
fn every_flipped_bit_is_refused() {
    let files = Files::new();
    let mut bytes = fs::read(&files.delta).unwrap();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            bytes[position] ^= 1 << bit;
            let refused = Delta::from_bytes("flipped", bytes.clone());
            assert!(refused.is_err(), "bit {bit} of byte {position}");
            bytes[position] ^= 1 << bit;
        }
    }
}

/// Whoever can make the digests right still cannot make another bundle of it.
#[test]
fn a_flipped_byte_under_digests_that_were_made_right_is_refused_at_the_end() {
    let files = Files::new();
    for (member, size) in
        unpack(&fs::read(&files.delta).unwrap()).iter().map(|(name, bytes)| (name, bytes.len()))
    {
        // What the parent is called is for people: its digest says which it is. These are the
        // only bytes of the header that nothing else depends on.
        if member == "SHA256SUMS" || member == "delta.toml" {
            continue;
        }
        for position in (0..size).step_by(3) {
            let delta = forged(&files.delta, member, |mut bytes| {
                bytes[position] ^= 1;
                bytes
            });
            let error = files.refused(delta, &files.parent);
            assert!(matches!(error, Error::Delta(_)), "{member}, byte {position}: {error}");
        }
    }
}

#[test]
fn a_header_that_lies_is_refused() {
    let files = Files::new();
    let result = Delta::open(&files.delta).unwrap().header().result;
    let digest = Digest::of(b"another").to_string();
    for (from, to, why) in [
        (result.digest.to_string(), digest.clone(), "composed.sums"),
        (result.sha256.to_string(), digest, ".zoo file"),
        (format!("size = {}", result.size), "size = 9000000000000000000".to_owned(), ".zoo file"),
        (format!("size = {}", result.size), "size = -1".to_owned(), "delta.toml"),
        ("format = 1".to_owned(), "format = 2".to_owned(), "update zoo"),
        ("from = \"delta\"".to_owned(), "from = \"parent\"".to_owned(), "as it is listed"),
        ("from = \"parent\"".to_owned(), "from = \"delta\"".to_owned(), "as it is listed"),
        ("from = \"parent\"".to_owned(), "from = \"elsewhere\"".to_owned(), "delta.toml"),
        ("name = \"trunk.weight\"".to_owned(), "name = \"fc.weight\"".to_owned(), "listed"),
        ("format = 1".to_owned(), "format = 1\nsurprise = true".to_owned(), "surprise"),
    ] {
        let error = files.refused(forged_header(&files.delta, &from, &to), &files.parent);
        assert!(error.to_string().contains(why), "{from} -> {to}: {error}");
    }
}

/// Sizes come from strangers: none is believed before there are as many bytes.
#[test]
fn a_layout_that_lies_is_refused() {
    let files = Files::new();
    let with = |layout: Vec<u8>| forged(&files.delta, "weights.header", |_| layout.clone());
    let json = |json: &str| [&(json.len() as u64).to_le_bytes()[..], json.as_bytes()].concat();
    for layout in [
        Vec::new(),
        u64::MAX.to_le_bytes().to_vec(),
        json("{}"),
        json("no JSON"),
        [json("{}"), vec![b' ']].concat(),
        json(r#"{"fc.bias":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#),
        json(r#"{"fc.bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#),
    ] {
        let error = files.refused(with(layout), &files.parent);
        assert!(matches!(error, Error::Delta(DeltaError::Unsound { .. })), "{error}");
    }
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let files = Files::new();
    for name in ["../parent", "a/../../b", "..", "", "/etc/passwd", "a\\\\b", "C:x", "a\\u0000b"] {
        for from in ["name = \"parent\"", "version = \"1.0.0\""] {
            let key = from.split(' ').next().unwrap();
            let delta = forged_header(&files.delta, from, &format!("{key} = \"{name}\""));
            let error = files.refused(delta, &files.parent);
            assert!(error.to_string().contains("its parent is called"), "{name}: {error}");
        }
    }
    let mut members = unpack(&fs::read(&files.delta).unwrap());
    for name in ["../model.toml", "/model.toml", "model.toml/", "notes.txt", "delta.toml"] {
        members[1].0 = name.to_owned();
        let error = files.refused(pack(&members), &files.parent);
        assert!(error.to_string().contains(name), "{error}");
    }
    let mut odd = parent();
    odd.card.name = "../elsewhere".to_owned();
    let delta = files.folder.path().join("odd.zoodelta");
    assert!(child().write_delta(&delta, &odd).is_err());
    assert!(!delta.exists());
}

/// A tensor's name is no path: nothing is opened by it.
#[test]
fn a_tensor_may_be_called_like_a_path() {
    let files = Files::new();
    let mut child = child();
    child.weights.insert("../../x", Tensor::from_f32(&[1], &[1.0]));
    let delta = files.folder.path().join("odd.zoodelta");
    child.write_delta(&delta, &files.parent).unwrap();
    Delta::open(&delta).unwrap().compose(&files.parent, files.out()).unwrap();
    assert_eq!(fs::read(files.out()).unwrap(), child.to_bytes());
}

#[test]
fn a_member_beyond_its_limit_is_refused() {
    let files = Files::new();
    for (member, limit) in [("model.toml", 1 << 20), ("composed.sums", 64 << 10)] {
        let delta = forged(&files.delta, member, |_| vec![b'#'; limit + 1]);
        let error = files.refused(delta, &files.parent);
        assert!(error.to_string().contains("is the most"), "{error}");
    }
}

/// A bundle that somebody else wrote, with spaces that we would not write, has a digest that
/// could not be composed.
#[test]
fn a_bundle_that_would_be_written_otherwise_is_refused() {
    let files = Files::new();
    let mut members = unpack(&fs::read(&files.child).unwrap());
    members[0].1.extend(b"\n\n");
    let bundle = Bundle::from_bytes("other", pack(&members)).unwrap();
    let delta = files.folder.path().join("other.zoodelta");
    let error = bundle.write_delta(&delta, &files.parent).unwrap_err();
    assert!(matches!(error, Error::Delta(DeltaError::NotCanonical { .. })), "{error}");
    assert!(!delta.exists());
    // As a parent it is as good as any other.
    child().write_delta(&delta, &bundle).unwrap();
    Delta::open(&delta).unwrap().compose(&bundle, files.out()).unwrap();
    assert_eq!(fs::read(files.out()).unwrap(), child().to_bytes());
}
