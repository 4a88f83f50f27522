//! Versions on their way into a hub.

use std::sync::Arc;
use std::thread;

use zoo_hub::{Rate, TokenFile};
use zoo_registry::publish::{Signing, TreeWriter};
use zoo_registry::trust::Timestamp;
use zoo_registry::{Index, ModelName, Query};

use crate::support::{Running, entry, files};

fn names(hub: &Running) -> usize {
    Index::from_dir(&hub.tree()).unwrap().search(&Query::default()).len()
}

#[test]
fn fault_151_and_161_a_version_is_published_once() {
    let hub = Running::new();
    hub.put_blob(b"one");
    hub.put_blob(b"two");
    let first = entry("alice/flowers", "1.0.0", b"one");
    assert_eq!(hub.put_entry(&first).status, 201);
    assert_eq!(hub.put_entry(&first).status, 200);
    let other = entry("alice/flowers", "1.0.0", b"two");
    assert!(hub.put_entry(&other).refused(409).detail.contains("other files"));
    let yank = hub.ask("POST /api/v1/models/alice/flowers/1.0.0/yank", &hub.bearer(), b"");
    assert_eq!(yank.status, 200);
    hub.put_entry(&other).refused(409);
    assert_eq!(names(&hub), 0);
    let unyank = hub.ask("POST /api/v1/models/alice/flowers/1.0.0/unyank", &hub.bearer(), b"");
    assert_eq!((unyank.status, names(&hub)), (200, 1));
    hub.ask("POST /api/v1/models/alice/flowers/9.0.0/yank", &hub.bearer(), b"").refused(404);
}

#[test]
fn fault_152_and_155_whose_models_they_are() {
    let hub = Running::new();
    let tokens = TokenFile::new(hub.dir.path().join("tokens.json"));
    let bob = tokens.add(&["bob".to_owned()], "").unwrap();
    hub.put_blob(b"one");
    let hers = entry("alice/flowers", "1.0.0", b"one");
    let json = serde_json::to_vec(&hers).unwrap();
    let line = "PUT /api/v1/models/alice/flowers/1.0.0";
    let before = files(&hub.tree());
    for headers in [
        String::new(),
        "Authorization: Bearer\r\n".to_owned(),
        "Authorization: Bearer zoo_wrong\r\n".to_owned(),
        format!("Authorization: Basic {}\r\n", hub.token),
        format!("Authorization: Bearer {}x\r\n", hub.token),
    ] {
        let answer = hub.ask(line, &headers, &json);
        answer.refused(401);
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
    }
    let as_bob = format!("Authorization: Bearer {bob}\r\n");
    hub.ask(line, &as_bob, &json).refused(403);
    assert_eq!(files(&hub.tree()), before);
    assert_eq!(hub.put_entry(&hers).status, 201);
    // Nor once she has withdrawn all of it.
    hub.ask(&line.replace("PUT", "POST").replace("1.0.0", "1.0.0/yank"), &hub.bearer(), b"");
    hub.ask(line, &as_bob, &json).refused(403);
    hub.ask("POST /api/v1/models/alice/flowers/1.0.0/unyank", &as_bob, b"").refused(403);
    // And official names are nobody's here.
    hub.ask("PUT /api/v1/models/resnet-50/1.0.0", &hub.bearer(), b"{}").refused(404);
    // A token that was taken back is worth nothing at once.
    let digest = zoo_registry::Sha256Digest::of(hub.token.as_bytes()).to_hex();
    assert_eq!(tokens.revoke(&digest).unwrap().len(), 1);
    hub.put_entry(&hers).refused(401);
}

#[test]
fn fault_153_and_154_and_157_what_does_not_fit() {
    let hub = Running::new();
    hub.put_blob(b"one");
    let before = files(&hub.tree());
    let send = |name: &str, version: &str, change: &dyn Fn(&mut zoo_registry::Entry)| {
        let mut entry = entry("alice/flowers", "1.0.0", b"one");
        change(&mut entry);
        let line = format!("PUT /api/v1/models/{name}/{version}");
        hub.ask(&line, &hub.bearer(), &serde_json::to_vec(&entry).unwrap())
    };
    let fine = |_: &mut zoo_registry::Entry| {};
    let problem = |answer: crate::support::Answer| answer.refused(422).problems.join("; ");
    assert!(problem(send("alice/trees", "1.0.0", &fine)).contains("not of `alice/trees`"));
    assert!(problem(send("alice/flowers", "1.0.1", &fine)).contains("not 1.0.1"));
    let none = problem(send("alice/flowers", "1.0.0", &|e| e.licence = String::new()));
    assert!(none.contains("licence is empty"), "{none}");
    let absent = problem(send("alice/flowers", "1.0.0", &|e| {
        e.versions[0].files[0].sha256 = Some(zoo_registry::Sha256Digest::of(b"absent"));
    }));
    assert!(absent.contains("was not sent"), "{absent}");
    // All that is wrong at once.
    let both = send("alice/flowers", "1.0.0", &|e| {
        e.licence = String::new();
        e.summary = String::new();
    });
    assert!(both.refused(422).problems.len() >= 2);
    let line = "PUT /api/v1/models/alice/flowers/1.0.0";
    hub.ask(line, &hub.bearer(), b"{").refused(400);
    hub.ask(line, &hub.bearer(), b"[]").refused(400);
    hub.ask(line, &hub.bearer(), &vec![b' '; 2 << 20]).refused(413);
    assert_eq!(files(&hub.tree()), before);
}

#[test]
fn what_the_validation_says() {
    let hub = Running::with(|options| {
        options.validate = Arc::new(|path, entry, version| {
            let bytes = std::fs::read(path).map_err(|error| vec![error.to_string()])?;
            if bytes == b"bad" {
                return Err(vec![format!("{} is bad", entry.name), version.version.to_string()]);
            }
            Ok(())
        });
    });
    hub.put_blob(b"bad");
    hub.put_blob(b"good");
    let refused = hub.put_entry(&entry("alice/flowers", "1.0.0", b"bad")).refused(422);
    assert_eq!(refused.problems, ["alice/flowers is bad", "1.0.0"]);
    assert_eq!(hub.put_entry(&entry("alice/flowers", "1.0.0", b"good")).status, 201);
}

#[test]
fn fault_013_names_that_are_taken() {
    let hub = Running::new();
    hub.put_blob(b"one");
    hub.put_entry(&entry("alice/flowers", "1.0.0", b"one"));
    hub.put_entry(&entry("alice/flow.ers", "1.0.0", b"one")).refused(409);
}

#[test]
fn fault_158_many_publishers_here_and_beside() {
    let hub = Running::new();
    hub.put_blob(b"one");
    let writer = TreeWriter::open(&hub.tree()).unwrap();
    thread::scope(|scope| {
        for n in 0..6 {
            let hub = &hub;
            scope.spawn(move || {
                let answer = hub.put_entry(&entry(&format!("alice/model-{n}x"), "1.0.0", b"one"));
                assert_eq!(answer.status, 201, "{answer:?}");
            });
        }
        // The folder's owner works on it in the same moment.
        scope.spawn(|| {
            for n in 0..6 {
                let publication = zoo_registry::publish::Publication::new(
                    entry(&format!("resnet-{n}x"), "1.0.0", b"one"),
                    Vec::new(),
                );
                writer.publish(&publication, &Signing::Unsigned, Timestamp::now()).unwrap();
            }
        });
    });
    assert_eq!(names(&hub), 12);
}

#[test]
fn fault_158_a_condition_that_does_not_hold() {
    let hub = Running::new();
    hub.put_blob(b"one");
    hub.put_entry(&entry("alice/flowers", "1.0.0", b"one"));
    let name: ModelName = "alice/flowers".parse().unwrap();
    let shard = || TreeWriter::open(&hub.tree()).unwrap().model(&name).unwrap().unwrap().1;
    let seen = shard();
    hub.put_entry(&entry("alice/flowers", "2.0.0", b"one"));
    let send = |tag: &str| {
        let json = serde_json::to_vec(&entry("alice/flowers", "3.0.0", b"one")).unwrap();
        let headers = format!("{}If-Match: {tag}\r\n", hub.bearer());
        hub.ask("PUT /api/v1/models/alice/flowers/3.0.0", &headers, &json)
    };
    send(&format!("\"{seen}\"")).refused(412);
    send("\"x\"").refused(400);
    assert_eq!(send(&format!("\"{}\"", shard())).status, 201);
}

#[test]
fn fault_156_too_often() {
    let hub = Running::with(|options| options.rate = Rate { burst: 2, per_minute: 1 });
    assert_eq!(hub.put_blob(b"1").status, 201);
    assert_eq!(hub.put_blob(b"2").status, 201);
    let answer = hub.put_blob(b"3");
    answer.refused(429);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    // Reading is not counted, and guessing tokens is.
    assert_eq!(hub.get("/index.json").status, 200);
    let guess = || hub.ask("PUT /api/v1/models/a/b/1.0.0", "Authorization: Bearer x\r\n", b"{}");
    let statuses: Vec<u16> = (0..3).map(|_| guess().status).collect();
    assert_eq!(statuses, [401, 401, 429]);
}
