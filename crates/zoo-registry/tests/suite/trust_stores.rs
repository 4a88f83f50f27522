//! What is remembered about trusted registries, and what happens to it.

use std::fs;
use std::thread;

use zoo_registry::trust::{Root, TrustError};
use zoo_registry::{Error, Sha256Digest};

use crate::trust_support::{
    Home, LOCATION, NOW, accept, after, first_root, index, signed_root, time, update, why,
    with_keys, without_keys,
};

/// Another root, of other people.
fn other_root() -> Vec<u8> {
    let builder = zoo_registry::trust::RootBuilder::new(time("2028-01-01T00:00:00Z"));
    signed_root(with_keys(builder, &[5, 15]), &[5])
}

#[test]
fn add_get_list_remove() {
    let home = Home::new();
    assert!(home.store.get(LOCATION).unwrap().is_none());
    assert!(home.store.list().unwrap().is_empty());
    let fingerprint = *Root::verify(&first_root()).unwrap().fingerprint();
    home.store.add(LOCATION, "work", &first_root(), Some(&fingerprint)).unwrap();
    home.store.add("/models", "home", &other_root(), None).unwrap();
    // Twice is once, however it is spelled; the first name stays.
    let again = home.store.add(&format!("{LOCATION}/"), "again", &first_root(), None).unwrap();
    assert_eq!((again.name(), again.location()), ("work", LOCATION));
    fs::create_dir(home.store.dir().join(".zoo-left-over")).unwrap();
    fs::write(home.store.dir().join("README"), "").unwrap();
    let all = home.store.list().unwrap();
    let names: Vec<_> = all.iter().map(|one| one.as_ref().unwrap().name()).collect();
    assert_eq!(names, ["home", "work"]);
    assert!(home.store.get("HTTPS://zoo.EXAMPLE:443/registry/").unwrap().is_some());
    assert!(home.store.remove(LOCATION).unwrap());
    assert!(!home.store.remove(LOCATION).unwrap());
    assert!(home.store.get(LOCATION).unwrap().is_none());
    assert_eq!(home.store.list().unwrap().len(), 1);
}

#[test]
fn another_root_needs_the_old_one_removed() {
    let (home, mut trusted) = Home::trusting(&first_root());
    accept(&mut trusted, &index(7, &[10])).unwrap();
    let error = home.store.add(LOCATION, "test", &other_root(), None).unwrap_err();
    assert!(matches!(why(error), TrustError::AlreadyTrusted { .. }));
    assert_eq!(home.get().unwrap().seen().unwrap().counter, 7);
}

#[test]
fn fault_138_wrong_hash_of_the_first_root() {
    let home = Home::new();
    let announced = *Root::verify(&other_root()).unwrap().fingerprint();
    let error = home.store.add(LOCATION, "test", &first_root(), Some(&announced)).unwrap_err();
    let found = Root::verify(&first_root()).unwrap();
    assert_eq!(
        error.to_string(),
        format!("the root has fingerprint {} instead of {announced}", found.fingerprint())
    );
    assert!(home.store.get(LOCATION).unwrap().is_none());
}

/// Whatever bit of what is remembered changes: an error that says what to do, never a
/// registry that nothing is remembered of, never another counter.
#[test]
fn fault_138_a_changed_state() {
    let (home, mut trusted) = Home::trusting(&first_root());
    accept(&mut trusted, &index(7, &[10])).unwrap();
    for file in ["state.json", "root.json"] {
        let path = home.folder().join(file);
        let good = fs::read(&path).unwrap();
        // Every byte; each bit of them in turn.
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, &bytes).unwrap();
            let error = why(home.get().unwrap_err());
            assert!(matches!(error, TrustError::StateDamaged { .. }), "{file} byte {at}");
        }
        for bytes in [&b""[..], b"{}", &good[..good.len() - 1], &vec![b'x'; 2 << 20]] {
            fs::write(&path, bytes).unwrap();
            let error = why(home.get().unwrap_err());
            assert!(error.to_string().contains("add it again"), "{error}");
        }
        fs::write(&path, &good).unwrap();
        assert_eq!(home.get().unwrap().seen(), trusted.seen());
    }
}

#[test]
fn missing_files_are_not_a_new_registry() {
    for file in ["state.json", "root.json"] {
        let (home, mut trusted) = Home::trusting(&first_root());
        home.store.add("/models", "fine", &other_root(), None).unwrap();
        let other = home.store.get("/models").unwrap().unwrap();
        let folder = crate::support::list(home.store.dir())
            .into_iter()
            .find(|folder| fs::read(folder.join("root.json")).unwrap() == first_root())
            .unwrap();
        fs::remove_file(folder.join(file)).unwrap();
        assert!(matches!(why(home.get().unwrap_err()), TrustError::StateDamaged { .. }));
        let error = home.store.add(LOCATION, "test", &first_root(), None).unwrap_err();
        assert!(matches!(why(error), TrustError::StateDamaged { .. }));
        let verified = trusted.verify_index(&index(7, &[10]), time(NOW), false).unwrap();
        assert!(trusted.commit(&verified, time(NOW)).is_err());
        assert!(!folder.join(file).exists());
        // The others are still there, and it can be removed and added.
        let all = home.store.list().unwrap();
        assert_eq!(all[0].as_ref().unwrap().location(), other.location());
        assert!(all[1].is_err());
        assert!(home.store.remove(LOCATION).unwrap());
        home.store.add(LOCATION, "test", &first_root(), None).unwrap();
    }
}

#[test]
fn a_state_of_another_registry() {
    let (home, _) = Home::trusting(&first_root());
    let folder = home.folder();
    home.store.remove("/models").unwrap();
    fs::rename(&folder, home.store.dir().join(Sha256Digest::of(b"/models").to_hex())).unwrap();
    let error = why(home.store.get("/models").unwrap_err());
    assert!(error.to_string().contains("of another registry"), "{error}");
}

#[test]
fn fault_025_a_state_from_the_future() {
    let (home, _) = Home::trusting(&first_root());
    let path = home.folder().join("state.json");
    let state = r#"{"schema":2,"everything":"is different"}"#;
    let digest = Sha256Digest::of(state.as_bytes());
    fs::write(&path, format!("{{\"sha256\":\"{digest}\",\"state\":\n{state}\n}}\n")).unwrap();
    let error = home.get().unwrap_err();
    assert!(matches!(error, Error::FutureSchema { found: 2, supported: 1, .. }), "{error}");
    // An older program must not write over it.
    assert!(home.store.add(LOCATION, "test", &first_root(), None).is_err());
    assert!(fs::read_to_string(&path).unwrap().contains("is different"));
}

#[test]
fn names_and_places_that_are_refused() {
    let home = Home::new();
    for name in ["", "a b", "a/b", "é", "\u{1b}[31m", &"x".repeat(65)] {
        let error = home.store.add(LOCATION, name, &first_root(), None).unwrap_err();
        assert!(matches!(why(error), TrustError::Name { .. }), "{name:?}");
    }
    for location in ["", "ftp://h/r", "https://me:pw@h/r", "https://h/r?token=pw"] {
        for result in [
            home.store.add(location, "test", &first_root(), None).map(drop),
            home.store.get(location).map(drop),
            home.store.remove(location).map(drop),
        ] {
            let error = result.unwrap_err();
            assert!(!error.to_string().contains("pw"), "{error}");
            assert!(matches!(why(error), TrustError::Location { .. }), "{location:?}");
        }
    }
    assert!(!home.store.dir().exists());
}

/// The highest counter stays, whoever comes last.
#[test]
fn fault_062_many_at_once() {
    let (home, _) = Home::trusting(&first_root());
    thread::scope(|scope| {
        for worker in 0..8 {
            let home = &home;
            scope.spawn(move || {
                for round in 0..6 {
                    let counter = 1 + (worker * 7 + round * 5) % 48;
                    let mut trusted = home.get().unwrap();
                    let file = index(counter, &[10]);
                    let before = trusted.seen().map_or(0, |seen| seen.counter);
                    match trusted.verify_index(&file, time(NOW), false) {
                        Ok(index) => trusted.commit(&index, time(NOW)).unwrap(),
                        Err(error) => assert!(matches!(error, TrustError::Rollback { .. })),
                    }
                    let now = home.get().unwrap().seen().unwrap().counter;
                    assert!(now >= counter.max(before));
                }
            });
        }
    });
    let highest = (0..8).flat_map(|w| (0..6).map(move |r| 1 + (w * 7 + r * 5) % 48)).max();
    assert_eq!(home.get().unwrap().seen().map(|seen| seen.counter), highest);
}

/// Where the lock's file is replaced all the time, each holds another lock. The counter may
/// then be any that was verified, but none from before, and never half of one.
#[test]
fn fault_066_a_lock_that_lies() {
    let (home, mut trusted) = Home::trusting(&first_root());
    accept(&mut trusted, &index(100, &[10])).unwrap();
    let lock = home.folder().join("lock");
    thread::scope(|scope| {
        for worker in 0..8 {
            let (home, lock) = (&home, &lock);
            scope.spawn(move || {
                for round in 0..6 {
                    let mut trusted = home.get().unwrap();
                    let file = index(101 + (worker * 7 + round * 5) % 48, &[10]);
                    let _ = fs::remove_file(lock);
                    if let Ok(index) = trusted.verify_index(&file, time(NOW), false) {
                        trusted.commit(&index, time(NOW)).unwrap();
                    }
                    assert!(home.get().unwrap().seen().unwrap().counter > 100);
                }
            });
        }
    });
    assert!(trusted.verify_index(&index(99, &[10]), time(NOW), false).is_err());
}

#[test]
fn fault_062_added_by_many_at_once() {
    let home = Home::new();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| home.store.add(LOCATION, "test", &first_root(), None).unwrap());
        }
    });
    assert_eq!(crate::support::list(home.store.dir()), [home.folder()]);
}

/// A process that knows an older root than another one meanwhile learnt.
#[test]
fn a_stale_process_takes_nothing_back() {
    let one = first_root();
    let two = signed_root(without_keys(with_keys(after(&one), &[11]), &[10]), &[1]);
    let (home, mut stale) = Home::trusting(&one);
    let verified = stale.verify_index(&index(u64::MAX, &[10]), time(NOW), false).unwrap();
    let mut other = home.get().unwrap();
    update(&mut other, &[one.clone(), two.clone()]).unwrap();
    accept(&mut other, &index(3, &[11])).unwrap();
    // Its index was signed by a key that is no longer trusted.
    stale.commit(&verified, time(NOW)).unwrap();
    assert_eq!((stale.root().version(), stale.seen().unwrap().counter), (2, 3));
    assert_eq!(home.get().unwrap().seen(), other.seen());
    // And it may follow the same chain of roots again.
    let (home, mut stale) = Home::trusting(&one);
    update(&mut home.get().unwrap(), &[one.clone(), two.clone()]).unwrap();
    assert_eq!(update(&mut stale, &[one, two]).unwrap(), 2);
}

/// Killed between the new root and the state that follows from it.
#[test]
fn fault_063_killed_between_root_and_state() {
    let one = first_root();
    let two = signed_root(without_keys(with_keys(after(&one), &[11]), &[10]), &[1]);
    let three = signed_root(with_keys(after(&two), &[10]), &[1]);
    let (home, mut trusted) = Home::trusting(&one);
    accept(&mut trusted, &index(99, &[10])).unwrap();
    fs::write(home.folder().join("root.json"), &two).unwrap();
    let mut later = home.get().unwrap();
    assert!(later.seen().is_none());
    // Not even the key's return brings the counter back.
    update(&mut later, &[one, two, three]).unwrap();
    assert!(home.get().unwrap().seen().is_none());
}

/// Reading needs nothing to be written, and neither does what was seen before.
#[cfg(unix)]
#[test]
fn fault_027_a_folder_that_cannot_be_written_to() {
    let (home, mut trusted) = Home::trusting(&first_root());
    accept(&mut trusted, &index(7, &[10])).unwrap();
    // A folder in the place of the lock: nobody gets it, whatever the permissions.
    let lock = home.folder().join("lock");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let mut trusted = home.get().unwrap();
    accept(&mut trusted, &index(7, &[10])).unwrap();
    let newer = trusted.verify_index(&index(8, &[10]), time(NOW), false).unwrap();
    assert!(matches!(trusted.commit(&newer, time(NOW)), Err(Error::Io { .. })));
}
