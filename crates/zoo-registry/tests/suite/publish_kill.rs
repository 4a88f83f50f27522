//! Publishers that are killed, and publishers at the same time. The publishers are processes:
//! this test binary, asked for one test and told by its environment what to do.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use zoo_registry::Silent;
use zoo_registry::publish::{Operation, PublishObserver, Signing, TreeWriter};

use crate::publish::{Tree, now, verify};
use crate::support::list;

const ORDER: &str = "ZOO_TEST_PUBLISHER";

/// Dies without a word at the step with this number.
struct Dying {
    at: usize,
    steps: AtomicUsize,
}

impl PublishObserver for Dying {
    fn done(&self, _: Operation, _: &Path) {
        if self.steps.fetch_add(1, Ordering::SeqCst) + 1 == self.at {
            std::process::abort();
        }
    }
}

/// What the others run as a process. The order is the folder, the step to die at (0: none),
/// and the owner of what it publishes.
#[test]
fn publisher() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let [dir, at, owner] = order.split('|').collect::<Vec<_>>()[..] else { panic!("{order}") };
    let at = at.parse().unwrap();
    let observer: Arc<dyn PublishObserver> =
        if at == 0 { Arc::new(Silent) } else { Arc::new(Dying { at, steps: 0.into() }) };
    let writer = TreeWriter::open(&Path::new(dir).join("tree")).unwrap().with_observer(observer);
    publish_all(Path::new(dir), &writer, owner);
}

const MODELS: usize = 3;

/// Three models, one with two versions and one with an alias.
fn publish_all(dir: &Path, writer: &TreeWriter, owner: &str) {
    let scratch = tempfile::tempdir_in(dir).unwrap();
    for (model, version) in [("a", "1.0.0"), ("b", "1.0.0"), ("a", "2.0.0"), ("c", "1.0.0")] {
        let bytes = format!("{owner}{model}{version}").repeat(20_000).into_bytes();
        let digest = zoo_registry::Sha256Digest::of(&bytes);
        let path = scratch.path().join("file");
        std::fs::write(&path, &bytes).unwrap();
        let name = format!("{owner}/{owner}-{model}");
        let mut entry = crate::publish::entry(&name, version, &bytes);
        if model == "b" {
            entry.aliases = vec![format!("{owner}/{owner}-bee").parse().unwrap()];
        }
        let publication = zoo_registry::publish::Publication::new(entry, vec![(digest, path)]);
        writer.publish(&publication, &Signing::Unsigned, now()).unwrap();
    }
}

fn start(dir: &Path, at: usize, owner: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "publish_kill::publisher", "--test-threads=1", "--quiet"])
        .env(ORDER, format!("{}|{at}|{owner}", dir.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn index_json(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("index.json")).unwrap()
}

/// What a reader sees is whole as it is, and publishing again gives what there should be.
fn survives(tree: &Tree, expected: &str) {
    verify(&tree.path());
    let writer = TreeWriter::open(&tree.path()).unwrap();
    writer.recover(Duration::ZERO).unwrap();
    assert!(temporaries(&tree.path()).is_empty());
    verify(&tree.path());
    publish_all(tree.dir.path(), &writer, "alice");
    assert_eq!(verify(&tree.path()).len(), MODELS);
    // Every change was made exactly once: the index is as if nobody had been killed.
    assert_eq!(index_json(&tree.path()), expected);
}

fn temporaries(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in list(dir) {
        if path.is_dir() {
            found.extend(temporaries(&path));
        } else if path.file_name().unwrap().to_str().unwrap().starts_with(".zoo-") {
            found.push(path);
        }
    }
    found
}

fn undisturbed() -> (String, usize) {
    let tree = Tree::unsigned();
    let counting = Arc::new(Dying { at: usize::MAX, steps: 0.into() });
    let writer = tree.writer.clone().with_observer(counting.clone());
    publish_all(tree.dir.path(), &writer, "alice");
    (index_json(&tree.path()), counting.steps.load(Ordering::SeqCst))
}

#[test]
fn fault_150_and_158_killed_after_every_step() {
    let (expected, steps) = undisturbed();
    assert!(steps > 30, "{steps}");
    for at in 1..=steps {
        let tree = Tree::unsigned();
        let status = start(tree.dir.path(), at, "alice").wait().unwrap();
        assert!(!status.success(), "step {at} was not reached");
        survives(&tree, &expected);
    }
}

#[test]
fn fault_150_and_158_killed_at_fifty_moments() {
    let (expected, _) = undisturbed();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..50 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let tree = Tree::unsigned();
        let mut child = start(tree.dir.path(), 0, "alice");
        thread::sleep(Duration::from_micros(random % 60_000));
        child.kill().unwrap();
        child.wait().unwrap();
        survives(&tree, &expected);
    }
}

#[test]
fn fault_158_two_publishers_at_once() {
    let tree = Tree::unsigned();
    let children = ["alice", "bruno", "carol"].map(|owner| start(tree.dir.path(), 0, owner));
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(verify(&tree.path()).len(), 3 * MODELS);
    // One index for each change: 1 at first, and four changes of three.
    assert!(index_json(&tree.path()).contains("\"counter\":13,"), "{}", index_json(&tree.path()));
}

/// Without the lock: publishers race for each index, and none is lost.
#[test]
fn fault_066_publishers_under_a_lock_that_lies() {
    /// Makes the lock worth nothing: each finds another file to lock.
    struct Liar(PathBuf);
    impl PublishObserver for Liar {
        fn done(&self, _: Operation, _: &Path) {
            let _ = std::fs::remove_file(self.0.join("history/.lock"));
        }
    }
    let tree = Tree::unsigned();
    thread::scope(|scope| {
        for owner in ["alice", "bruno", "carol", "dilan"] {
            let liar = Arc::new(Liar(tree.path()));
            let writer = tree.writer.clone().with_observer(liar);
            let dir = tree.dir.path();
            scope.spawn(move || publish_all(dir, &writer, owner));
        }
    });
    assert_eq!(verify(&tree.path()).len(), 4 * MODELS);
    assert!(index_json(&tree.path()).contains("\"counter\":17,"), "{}", index_json(&tree.path()));
}

/// A writer who sleeps so long between reading and claiming that the number he claims was
/// taken and swept away meanwhile.
#[test]
fn fault_158_a_writer_who_is_far_behind() {
    struct Overtaken {
        tree: PathBuf,
        once: AtomicUsize,
    }
    impl PublishObserver for Overtaken {
        fn done(&self, operation: Operation, path: &Path) {
            let claims = path.parent().unwrap().ends_with("history");
            if operation != Operation::Wrote || !claims {
                return;
            }
            if self.once.fetch_add(1, Ordering::SeqCst) == 0 {
                // The lock lies.
                std::fs::remove_file(self.tree.join("history/.lock")).unwrap();
                let dir = self.tree.parent().unwrap();
                let writer = TreeWriter::open(&self.tree).unwrap();
                for owner in ["bruno", "carol", "dilan", "edith", "frank"] {
                    publish_all(dir, &writer, owner);
                }
            }
        }
    }
    let tree = Tree::unsigned();
    let overtaken = Arc::new(Overtaken { tree: tree.path(), once: 0.into() });
    let writer = tree.writer.clone().with_observer(overtaken);
    publish_all(tree.dir.path(), &writer, "alice");
    assert_eq!(verify(&tree.path()).len(), 6 * MODELS);
    assert!(index_json(&tree.path()).contains("\"counter\":25,"), "{}", index_json(&tree.path()));
}

/// A claim that nobody put in its place is put there by the next who comes, also over an
/// index that a slow writer brought back.
#[test]
fn an_index_that_was_brought_back_is_rolled_forward() {
    let tree = Tree::unsigned();
    let old = index_json(&tree.path());
    publish_all(tree.dir.path(), &tree.writer, "alice");
    let new = index_json(&tree.path());
    std::fs::write(tree.path().join("index.json"), old).unwrap();
    assert_eq!(tree.writer.recover(Duration::MAX).unwrap(), 5);
    assert_eq!(index_json(&tree.path()), new);
}
