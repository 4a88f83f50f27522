//! Signed indexes: what is believed, and what is remembered of it.

use zoo_registry::Sha256Digest;
use zoo_registry::trust::{Envelope, Kind, TrustError, sign_envelope};

use crate::trust_support::{
    CREATED, EXPIRES, Home, LATER, NOW, accept, after, first_root, index, index_payload, key,
    sign_anything, signed_root, time, update, with_keys,
};

#[test]
fn a_good_index() {
    let (home, mut trusted) = Home::trusting(&first_root());
    let verified = accept(&mut trusted, &index(7, &[10])).unwrap();
    assert_eq!(verified.payload, index_payload(7).as_bytes());
    assert_eq!(verified.digest, Sha256Digest::of(index_payload(7).as_bytes()));
    assert_eq!((verified.counter, verified.expired), (7, false));
    assert_eq!((verified.created, verified.expires), (time(CREATED), time(EXPIRES)));
    let seen = home.get().unwrap().seen().unwrap().clone();
    assert_eq!((seen.counter, seen.sha256, seen.at), (7, verified.digest, time(NOW)));
    assert_eq!(trusted.seen(), Some(&seen));
    // The same again is fine, with another valid set of signatures too.
    assert!(accept(&mut trusted, &index(7, &[10])).is_ok());
    assert!(accept(&mut trusted, &index(7, &[10, 42])).is_ok());
    assert!(accept(&mut trusted, &index(8, &[10])).is_ok());
}

#[test]
fn nothing_is_remembered_before_the_commit() {
    let (home, trusted) = Home::trusting(&first_root());
    trusted.verify_index(&index(7, &[10]), time(NOW), false).unwrap();
    assert!(home.get().unwrap().seen().is_none());
}

#[test]
fn fault_137_unsigned_index_of_a_trusted_registry() {
    let (_home, trusted) = Home::trusting(&first_root());
    for signers in [&[][..], &[1], &[11], &[1, 11, 12]] {
        let error = trusted.verify_index(&index(1, signers), time(NOW), false).unwrap_err();
        assert!(matches!(error, TrustError::Threshold { got: 0, needed: 1, .. }), "{error}");
    }
}

#[test]
fn fault_139_wrong_type() {
    let (_home, trusted) = Home::trusting(&first_root());
    // A root in the place of the index, signed by the index key as an index.
    let payload = index_payload(1).replace("\"type\":\"index\"", "\"type\":\"root\"");
    let error =
        trusted.verify_index(&sign_anything(Kind::Index, &payload, &[10]), time(NOW), false);
    assert!(matches!(error, Err(TrustError::WrongType { wanted: "index", .. })));
    // The index, signed by its key as a root.
    let file = sign_anything(Kind::Root, &index_payload(1), &[10]);
    let error = trusted.verify_index(&file, time(NOW), false).unwrap_err();
    assert!(matches!(error, TrustError::BadSignature { .. }), "{error}");
    // And the root itself.
    assert!(trusted.verify_index(&first_root(), time(NOW), false).is_err());
}

#[test]
fn fault_140_expired_index() {
    let (home, mut trusted) = Home::trusting(&first_root());
    let long = time("2040-01-01T00:00:00Z");
    let two = zoo_registry::trust::RootBuilder::after(trusted.root(), long);
    update(&mut trusted, &[first_root(), signed_root(two, &[1])]).unwrap();
    let error = trusted.verify_index(&index(1, &[10]), time(LATER), false).unwrap_err();
    let wanted = format!("the index expired on {EXPIRES}, and this machine's clock says {LATER}");
    assert_eq!(error.to_string(), wanted);
    // Offline, only what was verified before it expired.
    assert!(trusted.verify_index(&index(1, &[10]), time(LATER), true).is_err());
    accept(&mut trusted, &index(1, &[10])).unwrap();
    let old = home.get().unwrap().verify_index(&index(1, &[10]), time(LATER), true).unwrap();
    assert!(old.expired);
    trusted.commit(&old, time(LATER)).unwrap();
    assert!(trusted.verify_index(&index(1, &[10]), time(LATER), false).is_err());
    assert!(trusted.verify_index(&index(2, &[10]), time(LATER), true).is_err());
    // Online and offline are the same before.
    assert!(!trusted.verify_index(&index(2, &[10]), time(NOW), true).unwrap().expired);
}

#[test]
fn fault_140_expired_root_offline() {
    let (_home, mut trusted) = Home::trusting(&first_root());
    accept(&mut trusted, &index(1, &[10])).unwrap();
    assert!(trusted.verify_index(&index(1, &[10]), time(LATER), true).unwrap().expired);
    let error = trusted.verify_index(&index(1, &[10]), time(LATER), false).unwrap_err();
    assert!(matches!(error, TrustError::Expired { what: "root", .. }), "{error}");
}

#[test]
fn fault_141_rollback() {
    let (home, mut trusted) = Home::trusting(&first_root());
    accept(&mut trusted, &index(7, &[10])).unwrap();
    for offline in [false, true] {
        let trusted = home.get().unwrap();
        let error = trusted.verify_index(&index(6, &[10]), time(NOW), offline).unwrap_err();
        assert!(matches!(error, TrustError::Rollback { found: 6, seen: 7 }), "{error}");
    }
    // A new root that takes no index key away changes nothing about that.
    let two = signed_root(with_keys(after(&first_root()), &[2, 11]), &[1, 2]);
    update(&mut trusted, &[first_root(), two]).unwrap();
    assert!(trusted.verify_index(&index(6, &[10]), time(NOW), false).is_err());
}

#[test]
fn fault_148_a_fork() {
    let (_home, mut trusted) = Home::trusting(&first_root());
    accept(&mut trusted, &index(7, &[10])).unwrap();
    let other = index_payload(7).replace("{}", r#"{"evil":1}"#);
    let other = sign_envelope(Kind::Index, other.as_bytes(), &[key(10)]).unwrap();
    let error = trusted.verify_index(&other, time(NOW), false).unwrap_err();
    assert!(matches!(error, TrustError::Fork { counter: 7, .. }), "{error}");
    // Also where two processes verify one of the two each, before either remembers it.
    let (home, mut one) = Home::trusting(&first_root());
    let mut two = home.get().unwrap();
    let seen_by_one = one.verify_index(&index(7, &[10]), time(NOW), false).unwrap();
    let seen_by_two = two.verify_index(&other, time(NOW), false).unwrap();
    one.commit(&seen_by_one, time(NOW)).unwrap();
    let error = two.commit(&seen_by_two, time(NOW)).unwrap_err();
    assert!(matches!(crate::trust_support::why(error), TrustError::Fork { .. }));
    assert_eq!(home.get().unwrap().seen(), one.seen());
}

#[test]
fn fault_016_and_023_an_index_from_the_future_and_broken_ones() {
    let (_home, trusted) = Home::trusting(&first_root());
    let verify = |payload: &str| {
        trusted.verify_index(&sign_anything(Kind::Index, payload, &[10]), time(NOW), false)
    };
    let future = r#"{"type":"index","schema":2,"counter":"elsewhere"}"#;
    assert!(matches!(verify(future), Err(TrustError::FutureSchema { found: 2, .. })));
    let good = index_payload(1);
    assert!(verify(&good).is_ok());
    for (from, to) in [
        (good.as_str(), "[]"),
        (good.as_str(), "{}"),
        ("\"counter\":1,", ""),
        ("\"counter\":1,", "\"counter\":1,\"counter\":2,"),
        ("\"counter\":1,", "\"counter\":-1,"),
        ("\"counter\":1,", "\"counter\":1.0,"),
        ("\"counter\":1,", "\"counter\":18446744073709551616,"),
        (CREATED, "2026-05-01"),
        (EXPIRES, "never"),
        (EXPIRES, CREATED),
        ("\"schema\":1", "\"schema\":0"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        let error = verify(&bad).unwrap_err();
        let right = matches!(error, TrustError::Payload { .. } | TrustError::Invalid { .. });
        assert!(right, "{bad}: {error}");
    }
}

/// What is in a payload beside the fields of trust is not looked at, but must be UTF-8: the
/// parser would skip other bytes.
#[test]
fn an_index_that_is_not_text() {
    let (_home, trusted) = Home::trusting(&first_root());
    let mut payload = index_payload(1).replace("{}", "\"x\"").into_bytes();
    let at = payload.len() - 3;
    payload[at] = 0xff;
    let file = index(1, &[10]);
    let text = String::from_utf8(file).unwrap();
    let signature = key(10).sign(Kind::Index, &payload);
    let signed = Envelope::new(vec![signature], b"{}").unwrap().to_bytes();
    let line = signed.iter().position(|byte| *byte == b'\n').unwrap();
    let mut bytes = signed[..=line].to_vec();
    bytes.extend_from_slice(&payload);
    bytes.extend_from_slice(b"\n}\n");
    let error = trusted.verify_index(&bytes, time(NOW), false).unwrap_err();
    assert!(matches!(error, TrustError::Layout { .. }), "{error}");
    assert!(trusted.verify_index(text.as_bytes(), time(NOW), false).is_ok());
}
