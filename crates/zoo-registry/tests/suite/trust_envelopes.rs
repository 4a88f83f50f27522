//! Envelopes, keys and signatures.

use std::fs;

use zoo_registry::Error;
use zoo_registry::trust::{
    Envelope, Kind, MAX_ROOT_BYTES, PublicKey, Root, SecretKey, Signature, TrustError,
    add_signature, merge_signatures, sign_envelope,
};

use crate::trust_support::{
    Home, NOW, first_root, index, index_payload, key, keys, sign_anything, time, why,
};

fn seed(hex: &str) -> [u8; 32] {
    let bytes: Vec<u8> =
        (0..32).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap()).collect();
    bytes.try_into().unwrap()
}

/// RFC 8032, 7.1, test 1; and a file that must be the same for ever. Its signature was made
/// with another program (OpenSSL), from the same seed and the bytes that the format says.
#[test]
fn the_format_is_stable() {
    let key = SecretKey::from_seed(seed(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    ))
    .unwrap();
    let public = "zoo-key-ed25519 d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    assert_eq!(key.public().to_string(), public);
    assert_eq!(public.parse::<PublicKey>().unwrap(), key.public());
    let payload = br#"{"type":"index","schema":1,"counter":7}"#;
    let file = sign_envelope(Kind::Index, payload, &[key]).unwrap();
    let wanted = concat!(
        r#"{"signatures":[{"key":""#,
        "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9",
        r#"","sig":""#,
        "0ee7f911417cf8384af862e8333d611f6f2b10ba643cab3d121dc644823cfd7a",
        "a1129e8c480eb0817cd67d86641c1fbe35e020f9220296e15a8157fa26585d0f",
        r#""}],"signed":"#,
        "\n",
        r#"{"type":"index","schema":1,"counter":7}"#,
        "\n}\n",
    );
    assert_eq!(String::from_utf8(file).unwrap(), wanted);
}

#[test]
fn an_unsigned_tree_has_the_same_layout() {
    let file = sign_envelope(Kind::Index, index_payload(1).as_bytes(), &[]).unwrap();
    assert!(file.starts_with(b"{\"signatures\":[],\"signed\":\n{"));
    let envelope = Envelope::parse(&file).unwrap();
    assert_eq!((envelope.signatures().len(), envelope.payload()), (0, index_payload(1).as_bytes()));
    let value: serde_json::Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(value["signed"]["counter"], 1);
    // Newlines in the payload and around it are part of what is signed.
    let spread = "\n{\n}\n\n";
    let envelope = Envelope::new(vec![], spread.as_bytes()).unwrap();
    assert_eq!(Envelope::parse(&envelope.to_bytes()).unwrap().payload(), spread.as_bytes());
}

#[test]
fn any_other_layout_is_refused() {
    let good = String::from_utf8(index(1, &[10, 11])).unwrap();
    assert_eq!(Envelope::parse(good.as_bytes()).unwrap().signatures().len(), 2);
    let head = &good[..good.find(",\"signed\"").unwrap()];
    let first = &good[15..15 + 211];
    let bad = [
        String::new(),
        "{}".to_owned(),
        format!(" {good}"),
        format!("\u{feff}{good}"),
        format!("{good}\n"),
        good.trim_end().to_owned(),
        good.replace('\n', "\r\n"),
        good.replacen("\"signed\":\n", "\"signed\":", 1),
        good.replacen("\"signed\":\n", "\"signed\": \n", 1),
        good.replacen("},{", "}, {", 1),
        good.replacen("},{", "},,{", 1),
        good.replacen("},{", "}{", 1),
        good.replacen("}],", "},],", 1),
        good.replacen("[{", "[,{", 1),
        good.replacen("{\"key\"", "{\"sig\":\"\",\"key\"", 1),
        good.replacen("\"sig\":\"", "\"sig\":\"00", 1),
        good.replacen(first, &first.to_uppercase(), 1),
        good.replacen(&first[8..72], &first[8..72].to_uppercase(), 1),
        format!("{head},\"signed\":\n\n}}\n"),
        format!("{head},\"signed\":\n{{}},\"more\":{{}}\n}}\n"),
        format!("{head},\"signed\":\n{{}} {{}}\n}}\n"),
        format!("{head},\"signed\":\n}}\n"),
        "{\"signatures\":[],\"signed\":\n}\n".to_owned(),
    ];
    for (n, text) in bad.iter().enumerate() {
        let result = Envelope::parse(text.as_bytes());
        let right = matches!(result, Err(TrustError::Layout { .. } | TrustError::Payload { .. }));
        assert!(right && text != &good, "{n}: {text}: {result:?}");
    }
    // Deep nesting costs no stack here; whoever builds a value of it has limits of their own.
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let deep = |close: &str| format!("{head},\"signed\":\n{open}1{close}\n}}\n");
    assert!(Envelope::parse(deep(&close).as_bytes()).is_ok());
    assert!(Envelope::parse(deep(&close[1..]).as_bytes()).is_err());
    let mut bytes = good.into_bytes();
    let end = bytes.len() - 10;
    bytes[end] = 0xff;
    assert!(matches!(Envelope::parse(&bytes), Err(TrustError::Layout { .. })));
}

#[test]
fn limits_hold_before_anything_is_read() {
    let many = |count| {
        let one = key(1).sign(Kind::Index, b"{}");
        Envelope::new(vec![one; count], b"{}").map(|envelope| envelope.to_bytes())
    };
    let most = many(64).unwrap();
    assert_eq!(Envelope::parse(&most).unwrap().signatures().len(), 64);
    assert!(many(65).is_err());
    let text = String::from_utf8(most).unwrap();
    let more = text.replacen("[{", &format!("[{},{{", &text[15..15 + 211]), 1);
    let error = Envelope::parse(more.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("more than 64 signatures"), "{error}");
    let root = vec![b' '; MAX_ROOT_BYTES + 1];
    assert!(matches!(Root::verify(&root), Err(TrustError::TooLarge { .. })));
    let index = vec![b' '; (64 << 20) + 1];
    assert!(matches!(Envelope::parse(&index), Err(TrustError::TooLarge { .. })));
}

#[test]
fn a_signature_is_of_one_key_one_kind_and_one_payload() {
    let signature = key(1).sign(Kind::Index, b"{}");
    let public = key(1).public();
    assert!(public.verifies(Kind::Index, b"{}", &signature));
    assert!(!public.verifies(Kind::Root, b"{}", &signature));
    assert!(!public.verifies(Kind::Index, b"{} ", &signature));
    assert!(!key(2).public().verifies(Kind::Index, b"{}", &signature));
    let renamed = Signature::new(key(2).public().id(), *signature.as_bytes());
    assert!(!public.verifies(Kind::Index, b"{}", &renamed));
    assert!(!key(2).public().verifies(Kind::Index, b"{}", &renamed));
}

/// Several people sign, each on a machine of their own: any order, the same file.
#[test]
fn signatures_are_added_and_merged() {
    let payload = index_payload(1);
    let sign =
        |numbers: &[u8]| sign_envelope(Kind::Index, payload.as_bytes(), &keys(numbers)).unwrap();
    let both = sign(&[10, 11]);
    assert_eq!(both, sign(&[11, 10, 11]));
    assert_eq!(both, add_signature(Kind::Index, &sign(&[11]), &key(10)).unwrap());
    assert_eq!(both, add_signature(Kind::Index, &both, &key(10)).unwrap());
    assert_eq!(both, merge_signatures(Kind::Index, &sign(&[11]), &sign(&[10])).unwrap());
    let other = index(2, &[10]);
    let error = merge_signatures(Kind::Index, &both, &other).unwrap_err();
    assert!(matches!(error, TrustError::Invalid { .. }), "{error}");
    // Nobody signs by accident what is of another kind.
    let error = sign_envelope(Kind::Root, payload.as_bytes(), &keys(&[1])).unwrap_err();
    assert!(matches!(error, TrustError::WrongType { .. }), "{error}");
    let error = add_signature(Kind::Root, &both, &key(1)).unwrap_err();
    assert!(matches!(error, TrustError::WrongType { .. }), "{error}");
}

/// Every bit of a root and of an index, each with just the signatures that it takes.
#[test]
fn fault_149_one_bit_flipped() {
    let root = first_root();
    let (_home, trusted) = Home::trusting(&root);
    let small = index(1, &[10]);
    assert!(trusted.verify_index(&small, time(NOW), false).is_ok());
    for at in 0..small.len() * 8 {
        let mut bytes = small.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        assert!(trusted.verify_index(&bytes, time(NOW), false).is_err(), "bit {at}");
    }
    for at in 0..root.len() * 8 {
        let mut bytes = root.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        assert!(Root::verify(&bytes).is_err(), "bit {at}");
    }
}

/// One signature more than it takes: what is accepted still says the same.
#[test]
fn fault_149_a_wrong_signature_among_enough() {
    let (_home, trusted) = Home::trusting(&first_root());
    let file = index(1, &[10, 11]);
    assert_eq!(trusted.verify_index(&file, time(NOW), false).unwrap().counter, 1);
    for at in 0..file.len() * 8 {
        let mut bytes = file.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        if let Ok(index) = trusted.verify_index(&bytes, time(NOW), false) {
            assert_eq!(index.payload, index_payload(1).as_bytes(), "bit {at}");
        }
    }
    // A key that counts and signed something else is refused even beside a right signature.
    let payload = index_payload(1);
    let right = key(10).sign(Kind::Index, payload.as_bytes());
    let wrong = key(10).sign(Kind::Index, b"{}");
    let file = Envelope::new(vec![right, wrong], payload.as_bytes()).unwrap().to_bytes();
    let error = trusted.verify_index(&file, time(NOW), false).unwrap_err();
    assert!(matches!(error, TrustError::BadSignature { .. }), "{error}");
}

/// A few thousand changes of several bytes each: never a panic, never a changed payload.
#[test]
fn fault_149_random_changes() {
    let root = first_root();
    let (_home, trusted) = Home::trusting(&root);
    let files = [index(1, &[10]), index(2, &[10, 11]), root];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % below
    };
    for round in 0..6000 {
        let original = &files[round % files.len()];
        let mut bytes = original.clone();
        for _ in 0..=random(4) {
            let (at, length) = (random(bytes.len()), random(40));
            let end = (at + length).min(bytes.len());
            match random(6) {
                0 => bytes[at] = random(256) as u8,
                1 => drop(bytes.drain(at..end)),
                2 => bytes.truncate(at + 1),
                3 => {
                    let copy = bytes[at..end].to_vec();
                    let to = random(bytes.len());
                    bytes.splice(to..to, copy);
                }
                4 => bytes.insert(at, b"{}[]\",:\n\\0f"[random(11)]),
                _ => bytes[at..end].reverse(),
            }
            if bytes.is_empty() {
                bytes.push(b'{');
            }
        }
        let payload = |bytes| Envelope::parse(bytes).unwrap().payload().to_vec();
        if let Ok(index) = trusted.verify_index(&bytes, time(NOW), false) {
            assert_eq!(index.payload, payload(original), "round {round}");
        }
        if Root::verify(&bytes).is_ok() {
            assert_eq!(payload(&bytes), payload(original), "round {round}");
        }
        let _ = Envelope::parse(&bytes);
    }
}

#[test]
fn fault_149_wrong_key_id() {
    let (_home, trusted) = Home::trusting(&first_root());
    let payload = index_payload(1);
    let signature = key(11).sign(Kind::Index, payload.as_bytes());
    let renamed = Signature::new(key(10).public().id(), *signature.as_bytes());
    let file = Envelope::new(vec![renamed], payload.as_bytes()).unwrap().to_bytes();
    let error = trusted.verify_index(&file, time(NOW), false).unwrap_err();
    assert!(matches!(error, TrustError::BadSignature { .. }), "{error}");
    // And in a root: the key under the name of another.
    let root = String::from_utf8(first_root()).unwrap();
    let payload = root.lines().skip(1).collect::<Vec<_>>().join("\n");
    let payload = payload.strip_suffix("\n}").unwrap();
    let (one, other) = (key(10).public().id().to_hex(), key(11).public().id().to_hex());
    let file = sign_anything(Kind::Root, &payload.replace(&one, &other), &[1]);
    let error = Root::verify(&file).unwrap_err();
    assert!(error.to_string().contains("is not the digest of its key"), "{error}");
}

#[test]
fn secret_keys_in_files() {
    let home = Home::new();
    let path = home.dir.path().join("keys/owner.key");
    let secret = SecretKey::generate().unwrap();
    secret.save(&path).unwrap();
    assert_eq!(SecretKey::load(&path).unwrap().public(), secret.public());
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("zoo-secret-key-ed25519 ") && text.len() == 23 + 64 + 1);
    // Never overwritten, never shown.
    assert!(matches!(key(1).save(&path), Err(Error::Io { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert!(!format!("{secret:?}").contains(&text[23..40]));
    let digits = text[23..].trim_end();
    for bad in [
        String::new(),
        digits.to_owned(),
        text.trim_end().to_owned(),
        text.to_uppercase(),
        format!("{text}{text}"),
        text.replace("secret-", ""),
        text.replace('\n', "\r\n"),
        text.replacen(digits, &digits[1..], 1),
        "\u{0}".repeat(5000),
    ] {
        fs::write(&path, &bad).unwrap();
        let error = SecretKey::load(&path).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(matches!(why(error), TrustError::InvalidSecretKey { .. }), "{bad:?}");
        assert!(!shown.contains(&digits[8..16]), "{shown}");
    }
    // A secret key pasted where a public one belongs is not repeated either.
    let error = text.parse::<PublicKey>().unwrap_err().to_string();
    assert!(!error.contains(&digits[8..16]), "{error}");
    assert!(matches!(SecretKey::load(home.dir.path()), Err(Error::Io { .. })));
    assert!(matches!(SecretKey::load(&home.dir.path().join("none")), Err(Error::Io { .. })));
}

#[cfg(unix)]
#[test]
fn fault_079_a_secret_key_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let path = home.dir.path().join("owner.key");
    key(1).save(&path).unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    for open in [0o640, 0o604, 0o620, 0o601, 0o777] {
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
        let error = why(SecretKey::load(&path).unwrap_err());
        assert!(matches!(error, TrustError::ExposedSecretKey { mode, .. } if mode == open));
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert!(SecretKey::load(&path).is_ok());
}

#[test]
fn public_keys_as_text() {
    let text = key(1).public().to_string();
    assert_eq!(format!(" {text}\n").parse::<PublicKey>().unwrap(), key(1).public());
    for bad in ["", "zoo-key-ed25519", "zoo-key-ed25519 00", &text.to_uppercase(), &text[1..]] {
        assert!(bad.parse::<PublicKey>().is_err(), "{bad}");
    }
}
