//! Projects: which registry answers for which owner, what is locked, and models that travel on
//! a stick.
#![allow(clippy::unwrap_used, reason = "here a panic is how a test fails")]

use std::fs;

use zoo_tests::Zoo;
use zoo_tests::sharing::{Hub, adapted, adapted_otherwise, copy_folder, init, publish, pulled};

/// A table of `zoo.toml`.
fn registry(name: &str, location: &str, namespaces: &str) -> String {
    format!("[[registry]]\nname = \"{name}\"\nlocation = \"{location}\"\n{namespaces}\n")
}

/// `pypi`'s and `npm`'s trouble: a public registry that shows a private name.
#[test]
fn fault_146_only_the_registry_of_an_owner_answers_for_its_models() {
    let zoo = Zoo::new();
    init(&zoo, "hers");
    init(&zoo, "other");
    publish(&zoo, adapted(), "hers", "alice/emoji@1.0.0", "").succeeds();
    publish(&zoo, adapted_otherwise(), "other", "alice/emoji@2.0.0", "").succeeds();
    publish(&zoo, adapted_otherwise(), "other", "alice/extra@1.0.0", "").succeeds();
    publish(&zoo, adapted_otherwise(), "other", "bob/emoji@1.0.0", "").succeeds();
    publish(&zoo, adapted(), "hers", "bob/emoji@2.0.0", "").succeeds();
    let other = registry("other", "other", "");
    let hers = registry("hers", "hers", "namespaces = [\"alice\"]");
    // In any order.
    for tables in [format!("{other}{hers}"), format!("{hers}{other}")] {
        zoo.write("zoo.toml", tables);
        let _ = fs::remove_file(zoo.path("zoo.lock"));
        assert!(pulled(zoo.line("pull alice/emoji --json")) == adapted());
        zoo.line("pull alice/extra").fails().says(&["alice/extra"]);
        zoo.line("pull alice/emoji@2.0.0").fails();
        // Who has names of its own answers for no others.
        assert!(pulled(zoo.line("pull bob/emoji --json")) == adapted_otherwise());
        // The registry in the program is asked as well.
        zoo.line("pull efficientnet-lite0 --offline").succeeds();
        let listed = zoo.line("search emoji --json").succeeds().json();
        let names: Vec<&str> =
            listed.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["alice/emoji", "bob/emoji"]);
    }
}

#[test]
fn a_lock_pins_and_needs_no_hub() {
    let alice = Zoo::new();
    let fingerprint = init(&alice, "tree");
    publish(&alice, adapted(), "tree", "alice/emoji@1.0.0", "").succeeds();
    fs::write(alice.path("tokens"), "{\"schema\":1,\"tokens\":[]}").unwrap();
    let mut hub = Hub::start(&alice, "tree");
    let bob = Zoo::new();
    bob.run(["trust", "add", hub.origin(), "--fingerprint", &fingerprint]).succeeds();
    bob.write("zoo.toml", registry("hers", hub.origin(), ""));
    assert!(pulled(bob.line("pull alice/emoji --json")) == adapted());
    let lock = fs::read_to_string(bob.path("zoo.lock")).unwrap();
    let digest = zoo_tests::registry::sha256(adapted());
    for pinned in ["alice/emoji", "1.0.0", "hers", &digest] {
        assert!(lock.contains(pinned), "no {pinned} in\n{lock}");
    }
    publish(&alice, adapted_otherwise(), "tree", "alice/emoji@1.1.0", "").succeeds();
    // A newer version is there, and the project stays with its own; others get the newer.
    assert!(pulled(bob.line("pull alice/emoji --json")) == adapted());
    let carol = Zoo::new();
    carol.run(["trust", "add", hub.origin(), "--fingerprint", &fingerprint]).succeeds();
    carol.write("zoo.toml", registry("hers", hub.origin(), ""));
    assert!(pulled(carol.line("pull alice/emoji --json")) == adapted_otherwise());
    hub.kill();
    assert!(pulled(bob.line("pull alice/emoji --offline --json")) == adapted());
    bob.line("pull alice/emoji").fails();
    assert_eq!(fs::read_to_string(bob.path("zoo.lock")).unwrap(), lock);
}

#[test]
fn fault_026_another_registry_or_other_bytes_are_refused_by_the_lock() {
    let zoo = Zoo::new();
    init(&zoo, "hers");
    init(&zoo, "other");
    publish(&zoo, adapted(), "hers", "alice/emoji@1.0.0", "").succeeds();
    publish(&zoo, adapted_otherwise(), "other", "alice/emoji@1.0.0", "").succeeds();
    zoo.write("zoo.toml", registry("hers", "hers", ""));
    zoo.line("pull alice/emoji").succeeds();
    zoo.write("zoo.toml", registry("other", "other", ""));
    zoo.line("pull alice/emoji").fails().says(&["hers", "other", "hint: ", "zoo.lock"]);
    // Under the same name, the digest tells.
    zoo.write("zoo.toml", registry("hers", "other", ""));
    let run = zoo.line("pull alice/emoji").fails().says(&["hint: ", "zoo.lock"]);
    assert!(run.stderr.contains(&zoo_tests::registry::sha256(adapted())), "{run}");
    fs::remove_file(zoo.path("zoo.lock")).unwrap();
    assert!(pulled(zoo.line("pull alice/emoji --json")) == adapted_otherwise());
}

/// To a machine without a network: a folder, copied.
#[test]
fn models_travel_on_a_stick() {
    let alice = Zoo::new();
    init(&alice, "tree");
    publish(&alice, adapted(), "tree", "alice/emoji@1.0.0", "--delta").succeeds();
    publish(&alice, adapted_otherwise(), "tree", "alice/other@1.0.0", "").succeeds();
    alice.line("bundle alice/emoji alice/other --out usb --registry tree").succeeds();
    alice.line("bundle alice/emoji --out usb --registry tree").fails().says(&["usb"]);
    let bob = Zoo::new();
    copy_folder(&alice.path("usb"), &bob.path("usb"));
    drop(alice);
    assert!(pulled(bob.line("--offline pull alice/emoji --from usb --json")) == adapted());
    assert!(
        pulled(bob.line("--offline pull alice/other --from usb --json")) == adapted_otherwise()
    );
    bob.line("--offline pull alice/third --from usb").fails().says(&["alice/third"]);
    bob.line("--offline lint usb").succeeds();
    // The parent of a delta came along, though every zoo carries this one.
    bob.line("--offline pull efficientnet-lite0 --from usb").succeeds();
}
