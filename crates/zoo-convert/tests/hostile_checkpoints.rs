//! Checkpoints that wish ill: small files that would fill the memory, and pickles that hide what
//! they call.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::Write as _;

use flate2::write::DeflateEncoder;
use zoo_convert::format::Format;
use zoo_convert::{Error, pickle, read_checkpoint};

/// A text in a pickle of protocol 2.
fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// `{"w0": tensor, ...}`, each of shape `[length]` over one storage of `stored` numbers, `stride`
/// numbers apart.
fn state_dict(tensors: usize, length: u32, stride: u8, stored: u32) -> Vec<u8> {
    let mut pickle = b"\x80\x02}(".to_vec();
    for number in 0..tensors {
        pickle.extend(text(&format!("w{number}")));
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        pickle.extend([text("storage"), b"ctorch\nFloatStorage\n".to_vec(), text("0")].concat());
        pickle.extend([text("cpu"), b"J".to_vec(), stored.to_le_bytes().to_vec()].concat());
        pickle.extend(b"tQK\x00J");
        pickle.extend(length.to_le_bytes());
        pickle
            .extend([b"\x85K", &[stride][..], b"\x85\x89ccollections\nOrderedDict\n)RtR"].concat());
    }
    pickle.extend(b"u.");
    pickle
}

/// A zip of members, each stored (0) or deflated (8).
fn zip(members: &[(&str, &[u8], u16)]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for (name, bytes, method) in members {
        let held = if *method == 8 { deflated(bytes) } else { bytes.to_vec() };
        let mut shared = [20_u16, 0, *method, 0, 0].map(u16::to_le_bytes).concat();
        shared.extend([0; 4]);
        shared.extend((held.len() as u32).to_le_bytes());
        shared.extend((bytes.len() as u32).to_le_bytes());
        shared.extend((name.len() as u32).to_le_bytes());
        let at = (file.len() as u32).to_le_bytes();
        let name = name.as_bytes();
        directory.extend([b"PK\x01\x02\x14\0", &shared[..], &[0; 10], &at, name].concat());
        file.extend([b"PK\x03\x04", &shared[..], name, &held].concat());
    }
    let count = (members.len() as u16).to_le_bytes();
    let (size, at) = ((directory.len() as u32).to_le_bytes(), (file.len() as u32).to_le_bytes());
    file.extend(directory);
    file.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &at, &[0, 0]].concat());
    file
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One header of a tar.
fn tar_header(name: &str, kind: u8, size: u64, real_size: u64) -> Vec<u8> {
    let mut header = vec![0; 512];
    let mut put = |at: usize, text: &str| {
        header[at..at + text.len()].copy_from_slice(text.as_bytes());
    };
    put(0, name);
    put(100, "0000644\0");
    put(124, &format!("{size:011o}\0"));
    put(257, "ustar  \0");
    // Of a sparse member: the offset and length of the one piece that is there, and its size.
    put(386, &format!("{real_size:011o}\0"));
    put(398, "00000000000\0");
    put(483, &format!("{real_size:011o}\0"));
    header[156] = kind;
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

fn read(bytes: &[u8]) -> Result<zoo_convert::Checkpoint, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.pth");
    fs::write(&path, bytes).unwrap();
    read_checkpoint(&path, Format::PyTorch)
}

#[track_caller]
fn refused(bytes: &[u8], says: &str) {
    let error = read(bytes).unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn tensors_that_share_a_storage_are_read() {
    let file = zip(&[("a/data.pkl", &state_dict(3, 4, 1, 4), 0), ("a/data/0", &[0; 16], 0)]);
    assert_eq!(read(&file).unwrap().weights.len(), 3);
}

/// A stride of zero makes one number any number of them.
#[test]
fn strides_of_zero_do_not_fill_the_memory() {
    let pickle = state_dict(16, 1 << 29, 0, 4);
    refused(&zip(&[("a/data.pkl", &pickle, 0), ("a/data/0", &[0; 16], 0)]), "cannot hold");
}

#[test]
fn zip_bombs_do_not_fill_the_memory() {
    let zeros = vec![0; 64 << 20];
    let pickle = state_dict(1, 16 << 20, 1, 16 << 20);
    let bomb = zip(&[("a/data.pkl", &pickle, 0), ("a/data/0", &zeros, 8)]);
    assert!(bomb.len() < 1 << 20);
    refused(&bomb, "cannot hold");
    // A pickle that inflates to more than any has is refused by the reader of pickles, and its
    // end is not looked for.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bomb.pth");
    let pickle = [b"\x80\x02".to_vec(), vec![b'0'; 300 << 20]].concat();
    fs::write(&path, zip(&[("a/data.pkl", &pickle, 8)])).unwrap();
    assert!(read_checkpoint(&path, Format::PyTorch).is_err());
    pickle::globals(&path).unwrap();
}

#[test]
fn sparse_members_of_a_tar_are_refused() {
    let tar = [tar_header("storages", b'S', 0, 1 << 32), vec![0; 1024]].concat();
    refused(&tar, "sparse");
    let mut record = b"30 size=1024\n".to_vec();
    record.resize(512, 0);
    let tar = [tar_header("pax", b'x', 13, 0), record, vec![0; 1024]].concat();
    refused(&tar, "extended header");
}

#[test]
fn a_call_of_os_system_is_named_wherever_it_hides() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("evil.pth");
    let call = b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.";
    let old = b"cos\nsystem\n(S'id'\ntR.";
    let padded = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes.resize(512, 0);
        bytes
    };
    let many = [&b"\x80\x04"[..], &b"K\x01".repeat(100), &call[2..]].concat();
    let cases: [(&str, Vec<u8>); 8] = [
        ("protocol 0", old.to_vec()),
        ("protocol 0, second pickle", [b"I1\n.", &old[..]].concat()),
        ("after other opcodes", many),
        ("deflated", zip(&[("a/data.pkl", call, 8)])),
        ("another name", zip(&[("a/data.bin", call, 0)])),
        ("second member", zip(&[("a/data/0", &[0; 9], 0), ("b/data.pkl", call, 0)])),
        ("protocol 0 in a zip", zip(&[("a/data.pkl", old, 0)])),
        ("tar", [tar_header("pickle", b'0', call.len() as u64, 0), padded(call)].concat()),
    ];
    for (what, bytes) in cases {
        fs::write(&path, bytes).unwrap();
        let found = pickle::globals(&path).unwrap();
        assert!(found.iter().any(|it| it.name == "os.system" && !it.harmless), "{what}: {found:?}");
        assert!(read_checkpoint(&path, Format::PyTorch).is_err(), "{what} was read");
    }
}

/// A text of a megabyte, remembered a million times, takes no more memory than the file.
#[test]
fn texts_are_not_copied_for_each_memo() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("memos.pth");
    let pickle = [b"\x80\x04".to_vec(), text(&"a".repeat(1 << 20)), vec![0x94; 1 << 20]].concat();
    fs::write(&path, [pickle, b"cos\nsystem\n.".to_vec()].concat()).unwrap();
    assert_eq!(pickle::globals(&path).unwrap()[0].name, "os.system");
}

/// Lists in lists, deeper than any stack.
#[test]
fn deep_nesting_is_refused() {
    let pickle = [b"\x80\x02".to_vec(), b"(".repeat(200_000), b"l".repeat(200_000)].concat();
    assert!(read(&[pickle, b".".to_vec()].concat()).is_err());
    let tuples = [b"\x80\x02K\x01".to_vec(), b"\x85".repeat(200_000), b".".to_vec()].concat();
    assert!(read(&tuples).is_err());
}
