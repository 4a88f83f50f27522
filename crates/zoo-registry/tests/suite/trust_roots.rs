//! Roots: signatures, rotation, expiry.

use zoo_registry::Error;
use zoo_registry::trust::{
    Kind, MAX_ROOT_STEPS, Root, RootBuilder, SecretKey, TrustError, add_signature, sign_envelope,
};

use crate::trust_support::{
    EXPIRES, Home, LATER, NOW, accept, after, first_root, index, key, sign_anything, signed_root,
    time, update, why, with_keys, without_keys,
};

/// The payload of version 1 as JSON, changed by hand and signed by root key 1.
fn forged(change: impl FnOnce(&mut serde_json::Value)) -> Result<Root, TrustError> {
    let mut value: serde_json::Value = serde_json::from_slice(&first_root()).unwrap();
    change(&mut value["signed"]);
    Root::verify(&sign_anything(Kind::Root, &value["signed"].to_string(), &[1]))
}

#[test]
fn the_first_root() {
    let root = forged(|_| ()).unwrap();
    assert_eq!((root.version(), root.expires()), (1, time(EXPIRES)));
    assert_eq!(root.root_role().keys(), [key(1).public().id()]);
    assert_eq!(root.index_role().threshold(), 1);
    assert_eq!(root.key(&key(10).public().id()), Some(key(10).public()));
    assert_eq!(first_root(), first_root());
}

#[test]
fn fault_137_unsigned_root() {
    let payload = with_keys(RootBuilder::new(time(EXPIRES)), &[1, 10]).build().unwrap();
    let unsigned = sign_envelope(Kind::Root, &payload, &[]).unwrap();
    let home = Home::new();
    let error = home.store.add("https://h/r", "test", &unsigned, None).unwrap_err();
    assert!(matches!(why(error), TrustError::Threshold { what: "root", got: 0, needed: 1, .. }));
    assert!(home.store.list().unwrap().is_empty());
    // The index key is not a root key.
    let by_other = sign_envelope(Kind::Root, &payload, &[key(10)]).unwrap();
    assert!(matches!(Root::verify(&by_other), Err(TrustError::Threshold { got: 0, .. })));
    // Nor is a later root trusted unsigned.
    let (_home, mut trusted) = Home::trusting(&first_root());
    let next = signed_root(after(&first_root()), &[]);
    let error = update(&mut trusted, &[first_root(), next]).unwrap_err();
    assert!(matches!(why(error), TrustError::Threshold { what: "root", .. }));
    assert_eq!(trusted.root().version(), 1);
}

#[test]
fn fault_139_wrong_type() {
    // Signed as a root and saying that it is an index: by itself, and as the next one.
    let error = forged(|root| root["type"] = "index".into()).unwrap_err();
    assert!(matches!(error, TrustError::WrongType { wanted: "root", .. }), "{error}");
    // Saying that it is a root and signed as an index.
    let payload = with_keys(RootBuilder::new(time(EXPIRES)), &[1, 10]).build().unwrap();
    let file = sign_anything(Kind::Index, std::str::from_utf8(&payload).unwrap(), &[1]);
    assert!(matches!(Root::verify(&file), Err(TrustError::BadSignature { .. })));
}

#[test]
fn fault_143_threshold_unmet_and_duplicate_keys() {
    let builder = with_keys(RootBuilder::new(time(EXPIRES)), &[1, 2, 3, 10]);
    let payload = builder.threshold(Kind::Root, 2).build().unwrap();
    let one = sign_envelope(Kind::Root, &payload, &[key(1)]).unwrap();
    assert!(matches!(Root::verify(&one), Err(TrustError::Threshold { got: 1, needed: 2, .. })));
    let text = std::str::from_utf8(&payload).unwrap();
    let twice = sign_anything(Kind::Root, text, &[1, 1, 1, 9]);
    assert!(matches!(Root::verify(&twice), Err(TrustError::Threshold { got: 1, .. })));
    let two = add_signature(Kind::Root, &one, &key(3)).unwrap();
    assert_eq!(Root::verify(&two).unwrap().version(), 1);
    // A threshold that nobody need meet, or nobody can; a key that would count twice.
    let id = key(1).public().id().to_hex();
    for (threshold, keys) in [(0, vec![&id]), (2, vec![&id]), (2, vec![&id, &id]), (1, vec![])] {
        let error = forged(|root| {
            root["roles"]["root"] = serde_json::json!({ "keys": keys, "threshold": threshold });
        });
        assert!(matches!(error, Err(TrustError::Invalid { .. })), "{threshold} of {keys:?}");
    }
    for threshold in [0, 2] {
        let builder = with_keys(RootBuilder::new(time(EXPIRES)), &[1, 10]);
        assert!(builder.threshold(Kind::Index, threshold).build().is_err());
    }
    // One key under two names would count twice.
    let error = forged(|root| {
        let keys = root["keys"].as_object_mut().unwrap();
        let one = keys[&id].clone();
        keys.insert("0".repeat(64), one);
        root["roles"]["root"]["keys"] = serde_json::json!([id, "0".repeat(64)]);
        root["roles"]["root"]["threshold"] = 2.into();
    });
    assert!(matches!(error, Err(TrustError::Invalid { .. })));
}

#[test]
fn fault_130_one_key_named_twice() {
    let root = String::from_utf8(first_root()).unwrap();
    let payload = root.split_once('\n').unwrap().1.strip_suffix("\n}\n").unwrap();
    let id = key(10).public().id().to_hex();
    let object = r#"{"algorithm":"ed25519","public":"00"}"#;
    let twice = payload.replacen("\"keys\": {", &format!("\"keys\":{{\"{id}\":{object},"), 1);
    assert_ne!(twice, payload);
    let error = Root::verify(&sign_anything(Kind::Root, &twice, &[1])).unwrap_err();
    assert!(matches!(error, TrustError::Payload { .. }), "{error}");
}

#[test]
fn fault_144_rotation() {
    let one = first_root();
    // Key 1 hands over to key 2: both sign, in either order on different machines.
    let builder = without_keys(with_keys(after(&one), &[2]), &[1]);
    let only_old = signed_root(builder.clone(), &[1]);
    let only_new = signed_root(builder.clone(), &[2]);
    let two = add_signature(Kind::Root, &only_new, &key(1)).unwrap();
    for (bad, version) in [(only_old, 2), (only_new, 1)] {
        let (_home, mut trusted) = Home::trusting(&one);
        let error = why(update(&mut trusted, &[one.clone(), bad]).unwrap_err());
        // Each of the two roots asks for its own.
        let right =
            matches!(error, TrustError::Threshold { root_version, .. } if root_version == version);
        assert!(right, "{error}");
    }
    let (home, mut trusted) = Home::trusting(&one);
    assert_eq!(update(&mut trusted, &[one.clone(), two.clone()]).unwrap(), 2);
    // The removed key signs nothing more, alone or with a friend.
    for signers in [&[1][..], &[1, 3]] {
        let three = signed_root(after(&two), signers);
        let error = why(update(&mut trusted, &[one.clone(), two.clone(), three]).unwrap_err());
        assert!(matches!(error, TrustError::Threshold { root_version: 2, .. }), "{error}");
    }
    // And the new root is what another process finds.
    assert_eq!(home.get().unwrap().root(), trusted.root());
    let three = signed_root(after(&two), &[2]);
    assert_eq!(update(&mut trusted, &[one, two, three]).unwrap(), 3);
}

#[test]
fn fault_144_a_removed_index_key() {
    let one = first_root();
    let two = signed_root(without_keys(with_keys(after(&one), &[11]), &[10]), &[1]);
    let (_home, mut trusted) = Home::trusting(&one);
    accept(&mut trusted, &index(1, &[10])).unwrap();
    assert!(trusted.verify_index(&index(2, &[11]), time(NOW), false).is_err());
    update(&mut trusted, &[one, two]).unwrap();
    let error = trusted.verify_index(&index(2, &[10]), time(NOW), false).unwrap_err();
    assert!(matches!(error, TrustError::Threshold { root_version: 2, .. }), "{error}");
    // Signed with both, as it is while users change over.
    assert!(accept(&mut trusted, &index(2, &[10, 11])).is_ok());
}

#[test]
fn fault_144_versions_follow_by_one() {
    let one = first_root();
    let two = signed_root(after(&one), &[1]);
    let three = signed_root(after(&two), &[1]);
    for (shown, found) in [(one.clone(), 1), (three.clone(), 3)] {
        let (_home, mut trusted) = Home::trusting(&one);
        let error = why(update(&mut trusted, &[one.clone(), shown]).unwrap_err());
        let right = matches!(error, TrustError::RootVersion { wanted: 2, found: f } if f == found);
        assert!(right, "{error}");
    }
    // After the last version there is none.
    let last = sign_last(&one);
    let (_home, mut trusted) = Home::trusting(&last);
    assert_eq!(trusted.update_root(time(NOW), |_| panic!("asked")).unwrap(), u64::MAX);
    assert!(trusted.root().verify_next(&last).is_err());
}

fn sign_last(root: &[u8]) -> Vec<u8> {
    let mut value: serde_json::Value = serde_json::from_slice(root).unwrap();
    value["signed"]["version"] = u64::MAX.into();
    sign_anything(Kind::Root, &value["signed"].to_string(), &[1])
}

#[test]
fn fault_140_expired_root() {
    let old = "2020-01-01T00:00:00Z";
    let one = signed_root(with_keys(RootBuilder::new(time(old)), &[1, 10]), &[1]);
    let (_home, mut trusted) = Home::trusting(&one);
    let error = why(update(&mut trusted, std::slice::from_ref(&one)).unwrap_err());
    assert_eq!(
        error.to_string(),
        format!("the root expired on {old}, and this machine's clock says {NOW}")
    );
    let error = trusted.verify_index(&index(1, &[10]), time(NOW), false).unwrap_err();
    assert!(matches!(error, TrustError::Expired { what: "root", .. }), "{error}");
    // Through expired roots to one that is not.
    let expired = |root: &[u8]| RootBuilder::after(&Root::verify(root).unwrap(), time(old));
    let two = signed_root(expired(&one), &[1]);
    let three = signed_root(after(&two), &[1]);
    assert_eq!(update(&mut trusted, &[one, two, three.clone()]).unwrap(), 3);
    assert!(accept(&mut trusted, &index(1, &[10])).is_ok());
    // To the second.
    let at = |seconds| zoo_registry::trust::Timestamp::from_unix(seconds);
    let end = time(EXPIRES).as_unix();
    assert!(trusted.update_root(at(end - 1), |_| Ok(None)).is_ok());
    assert!(trusted.update_root(at(end), |_| Ok(None)).is_err());
}

#[test]
fn fault_142_recovery_from_fast_forward() {
    let one = first_root();
    let (home, mut trusted) = Home::trusting(&one);
    accept(&mut trusted, &index(u64::MAX, &[10])).unwrap();
    let error = trusted.verify_index(&index(5, &[10]), time(NOW), false).unwrap_err();
    assert!(matches!(error, TrustError::Rollback { .. }), "{error}");
    // Another key alone is no reason to forget.
    let two = signed_root(with_keys(after(&one), &[11]), &[1]);
    update(&mut trusted, &[one.clone(), two.clone()]).unwrap();
    assert!(trusted.seen().is_some());
    assert!(trusted.verify_index(&index(5, &[11]), time(NOW), false).is_err());
    // Taking the stolen one away is, and the thief cannot do it again.
    let three = signed_root(without_keys(after(&two), &[10]), &[1]);
    update(&mut trusted, &[one, two, three]).unwrap();
    assert!(trusted.seen().is_none() && home.get().unwrap().seen().is_none());
    assert!(trusted.verify_index(&index(u64::MAX, &[10]), time(NOW), false).is_err());
    accept(&mut trusted, &index(5, &[11])).unwrap();
    assert!(trusted.verify_index(&index(4, &[11]), time(NOW), false).is_err());
}

/// Taken away by one root and given back by the next, both seen in one update.
#[test]
fn fault_142_a_key_taken_away_and_given_back() {
    let one = first_root();
    let two = signed_root(without_keys(with_keys(after(&one), &[11]), &[10]), &[1]);
    let three = signed_root(with_keys(after(&two), &[10]), &[1]);
    let (home, mut trusted) = Home::trusting(&one);
    accept(&mut trusted, &index(99, &[10])).unwrap();
    update(&mut trusted, &[one, two, three]).unwrap();
    assert!(trusted.seen().is_none() && home.get().unwrap().seen().is_none());
}

#[test]
fn fault_145_unknown_algorithm() {
    // Beside keys that are known it is passed over.
    let unknown = "f".repeat(64);
    let add = |root: &mut serde_json::Value| {
        root["keys"][&unknown] =
            serde_json::json!({ "algorithm": "ml-dsa-44", "public": "xyz", "hint": 1 });
        root["roles"]["root"]["keys"].as_array_mut().unwrap().push(unknown.clone().into());
    };
    let root = forged(add).unwrap();
    assert_eq!(root.root_role().keys().len(), 2);
    assert_eq!(root.key(&unknown.parse().unwrap()), None);
    // It is kept in the next root, for programs that know it.
    let next = RootBuilder::after(&root, time(EXPIRES)).build().unwrap();
    assert!(String::from_utf8(next).unwrap().contains("ml-dsa-44"));
    // It never counts.
    let error = forged(|root| {
        add(root);
        root["roles"]["root"]["threshold"] = 2.into();
    });
    assert!(matches!(error, Err(TrustError::Threshold { got: 1, needed: 2, .. })));
    // A right ed25519 signature does not either, under another algorithm's name.
    let error = forged(|root| {
        let id = key(1).public().id().to_hex();
        root["keys"][id]["algorithm"] = "ED25519".into();
    });
    assert!(matches!(error, Err(TrustError::Threshold { got: 0, .. })));
}

#[test]
fn fault_147_missing_delegate() {
    for role in ["root", "index"] {
        let error = forged(|root| drop(root["roles"].as_object_mut().unwrap().remove(role)));
        assert!(matches!(error, Err(TrustError::MissingRole { role: r }) if r == role));
        let error = forged(|root| root["roles"][role] = serde_json::Value::Null);
        assert!(matches!(error, Err(TrustError::MissingRole { role: r }) if r == role));
    }
    // A role of a key that is not there.
    let id = key(10).public().id().to_hex();
    let error = forged(|root| drop(root["keys"].as_object_mut().unwrap().remove(&id)));
    let error = error.unwrap_err().to_string();
    assert!(error.contains(&id) && error.contains("which is not there"), "{error}");
}

#[test]
fn fault_016_a_root_from_the_future() {
    let error = forged(|root| {
        root["schema"] = 2.into();
        root["roles"] = "elsewhere".into();
    });
    assert!(matches!(error, Err(TrustError::FutureSchema { found: 2, supported: 1, .. })));
}

#[test]
fn roots_that_cannot_be_followed() {
    let bad: [fn(&mut serde_json::Value); 11] = [
        |root| root["version"] = 0.into(),
        |root| root["version"] = (-1).into(),
        |root| root["version"] = 1.5.into(),
        |root| root["version"] = "1".into(),
        |root| root["schema"] = 0.into(),
        |root| root["expires"] = "tomorrow".into(),
        |root| root["extra"] = true.into(),
        |root| root["keys"] = serde_json::json!({ "short": {} }),
        |root| root["roles"]["mirror"] = serde_json::json!({ "keys": [], "threshold": 1 }),
        |root| root["roles"]["index"]["threshold"] = (-1).into(),
        |root| *root = serde_json::json!([]),
    ];
    for (n, change) in bad.into_iter().enumerate() {
        let error = forged(change).unwrap_err();
        let right = matches!(error, TrustError::Payload { .. } | TrustError::Invalid { .. });
        assert!(right, "{n}: {error}");
    }
    let mut builder = with_keys(RootBuilder::new(time(EXPIRES)), &[1]);
    for number in 10..73 {
        builder = with_keys(builder, &[number]);
    }
    assert!(builder.clone().build().is_ok());
    let error = with_keys(builder, &[73]).build().unwrap_err();
    assert!(matches!(error, TrustError::Payload { .. }), "{error}");
}

/// Nobody is led on for ever; what was walked is kept.
#[test]
fn an_endless_chain_of_roots() {
    let mut root = first_root();
    let (home, mut trusted) = Home::trusting(&root);
    let mut endless = |_: u64| {
        root = signed_root(after(&root), &[1]);
        Ok(Some(root.clone()))
    };
    let error = why(trusted.update_root(time(NOW), &mut endless).unwrap_err());
    assert!(matches!(error, TrustError::TooManyRoots { from: 1, .. }), "{error}");
    assert_eq!(home.get().unwrap().root().version(), 1 + MAX_ROOT_STEPS);
}

#[test]
fn an_update_that_breaks_off_keeps_what_it_has() {
    let one = first_root();
    let two = signed_root(after(&one), &[1]);
    let (home, mut trusted) = Home::trusting(&one);
    let fetch = |version| match version {
        2 => Ok(Some(two.clone())),
        _ => Err(Error::OfflineIndex { url: "here".to_owned() }),
    };
    let error = trusted.update_root(time(LATER), fetch).unwrap_err();
    assert!(matches!(error, Error::OfflineIndex { .. }), "{error}");
    assert_eq!(home.get().unwrap().root().version(), 2);
}

/// Two root keys and two index keys from the start, as a registry of several people has.
#[test]
fn two_of_three_sign_from_the_first_key_to_the_index() {
    let owners: Vec<SecretKey> = (0..3).map(|_| SecretKey::generate().unwrap()).collect();
    let mut builder = RootBuilder::new(time(EXPIRES)).threshold(Kind::Root, 2);
    for owner in &owners {
        builder = builder.add_key(Kind::Root, &owner.public());
    }
    let payload = with_keys(builder.threshold(Kind::Index, 2), &[10, 11]).build().unwrap();
    let file = sign_envelope(Kind::Root, &payload, &owners[..1]).unwrap();
    let file = add_signature(Kind::Root, &file, &owners[2]).unwrap();
    let (_home, mut trusted) = Home::trusting(&file);
    assert!(accept(&mut trusted, &index(1, &[10])).is_err());
    assert!(accept(&mut trusted, &index(1, &[10, 11])).is_ok());
}
