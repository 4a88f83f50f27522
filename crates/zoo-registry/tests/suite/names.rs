//! Names, references, digests: what is let in.

use zoo_registry::{Error, Evidence, EvidenceKind, ModelName, Reference, Sha256Digest, Wanted};

fn accepted(text: &str) -> bool {
    text.parse::<ModelName>().is_ok()
}

#[test]
fn good_names() {
    for name in [
        "resnet-50",
        "a",
        "0",
        "alice/flowers",
        "efficientnet-lite0",
        "v1.5",
        "a1/b.c-d",
        "console",
        "com10",
        "alice/latest",
        &"a".repeat(64),
    ] {
        assert!(accepted(name), "{name:?}");
        let parsed: ModelName = name.parse().unwrap();
        assert_eq!(parsed.to_string(), name);
    }
}

#[test]
fn fault_001_empty_blank_long_and_foreign() {
    for name in [
        "",
        " ",
        "a b",
        "\t",
        "résnet",
        "模型",
        "🦓",
        "a\0b",
        "a\nb",
        "ﬁ",
        &"a".repeat(65),
        &"a/".repeat(5000),
    ] {
        assert!(!accepted(name), "{name:?}");
    }
}

#[test]
fn fault_002_reserved_words_in_any_separator() {
    for name in ["latest", "zoo", "built.in", "de-fault", "official/x"] {
        assert!(!accepted(name), "{name:?}");
    }
}

#[test]
fn fault_003_case_and_underscore_twins() {
    for name in ["ResNet-50", "resnet_50", "Alice/flowers"] {
        assert!(!accepted(name), "{name:?}");
    }
}

#[test]
fn fault_004_edges_doubles_and_parts() {
    for name in [
        ".a",
        "a.",
        "-a",
        "a-",
        "a--b",
        "a..b",
        "a.-b",
        "a/b/c",
        "/a",
        "a/",
        "a//b",
        ".git",
        "a.git",
        "flowers.zoo",
        ".",
        "..",
        "-",
    ] {
        assert!(!accepted(name), "{name:?}");
    }
}

#[test]
fn fault_005_windows_device_names() {
    for name in ["con", "nul", "aux", "prn", "com1", "lpt9", "con.txt", "alice/nul", "com0"] {
        assert!(!accepted(name), "{name:?}");
    }
}

/// Whatever is accepted stays a plain name below the folder it is joined to.
#[test]
fn fault_006_random_names() {
    let alphabet = "ab0-._/\\: ~A%\0é";
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize
    };
    for _ in 0..20_000 {
        let name: String = (0..random() % 9).map(|_| letters[random() % letters.len()]).collect();
        if accepted(&name) {
            let path = std::path::Path::new(&name);
            let plain =
                path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
            assert!(plain && path.components().count() <= 2, "{name:?}");
        }
    }
}

#[test]
fn fault_008_traversal() {
    for name in [
        "../x",
        "a/../x",
        "..\\x",
        "/abs",
        "C:\\x",
        "C:/x",
        "D:rel",
        "\\\\host\\share",
        "a/..",
        "..",
        "%2e%2e/x",
        "~/x",
    ] {
        assert!(!accepted(name), "{name:?}");
    }
}

#[test]
fn fault_010_malformed_digests() {
    let good = "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889";
    assert_eq!(good.parse::<Sha256Digest>().unwrap().to_string(), good);
    for bad in [
        "",
        "../../../etc/passwd",
        &good[1..],
        &good.to_uppercase(),
        &format!("{good}0"),
        &format!("sha256:{good}"),
        &good.replace('b', "g"),
        &"é".repeat(32),
    ] {
        assert!(bad.parse::<Sha256Digest>().is_err(), "{bad:?}");
    }
}

#[test]
fn evidence_is_as_long_as_its_kind() {
    let new = |kind, value: &str| Evidence::new(kind, value, "somebody", 1);
    assert!(new(EvidenceKind::Sha256Prefix, "b0353104").is_ok());
    assert!(new(EvidenceKind::Sha256Prefix, "b035310").is_err());
    assert!(new(EvidenceKind::Sha256Prefix, "B0353104").is_err());
    assert!(new(EvidenceKind::Sha1, &"0".repeat(40)).is_ok());
    assert!(new(EvidenceKind::Sha1, &"0".repeat(41)).is_err());
    assert!(new(EvidenceKind::Md5, &"0".repeat(32)).is_ok());
    assert!(new(EvidenceKind::Sha256, &"0".repeat(63)).is_err());
    assert!(Evidence::new(EvidenceKind::Md5, "0".repeat(32), " ", 1).is_err());
    assert!(Evidence::new(EvidenceKind::Md5, "0".repeat(32), "x", 0).is_err());
}

#[test]
fn references() {
    let reference: Reference = "alice/flowers@1.2.3-rc.1+5".parse().unwrap();
    assert_eq!(reference.name.owner(), Some("alice"));
    assert_eq!(reference.name.model(), "flowers");
    let Some(Wanted::Version(version)) = &reference.wanted else { panic!("{reference}") };
    assert_eq!(version.build.as_str(), "5");
    assert_eq!(reference.to_string(), "alice/flowers@1.2.3-rc.1+5");
    assert_eq!("a".parse::<Reference>().unwrap().wanted, None);
    let named: Reference = "a@imagenet1k-v2".parse().unwrap();
    assert_eq!(named.wanted, Some(Wanted::Weights("imagenet1k-v2".to_owned())));
    for bad in ["a@", "a@1", "a@1.0.0@2.0.0", "a@-x", "@1.0.0", "a@../x"] {
        assert!(bad.parse::<Reference>().is_err(), "{bad:?}");
    }
}

#[test]
fn messages_say_what_is_wrong_and_what_is_allowed() {
    let text = "ResNet".parse::<ModelName>().unwrap_err().to_string();
    assert!(text.contains("`R` is upper case") && text.contains("lowercase"), "{text}");
    let error = "a@1.x".parse::<Reference>().unwrap_err();
    assert!(matches!(error, Error::InvalidVersion { .. }));
    assert!(std::error::Error::source(&error).is_some());
}
