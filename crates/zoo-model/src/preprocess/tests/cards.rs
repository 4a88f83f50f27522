//! What a card may say.

use crate::preprocess::{Alpha, Color, Error, Filter, Pixels, Preprocess, Resize};

const CARD: &str = r#"
resize = { shorter = 256 }
filter = "bicubic"
antialias = false
crop = [224, 192]
color = "bgr"
alpha = "drop"
exif = true
scale = 1.0
mean = [103.939, 116.779, 123.68]
std = [1, 2, 3]
"#;

#[test]
fn a_card_round_trips_through_toml_and_json() {
    let card: Preprocess = toml::from_str(CARD).unwrap();
    assert_eq!(card.resize, Some(Resize::Shorter(256)));
    assert_eq!((card.filter, card.antialias), (Filter::Bicubic, false));
    assert_eq!((card.color, card.alpha), (Color::Bgr, Alpha::Drop));
    assert_eq!(card.output_shape(), Some([3, 224, 192]));
    for spec in [card, Preprocess::default(), Preprocess::imagenet(299, 299)] {
        spec.validate().unwrap();
        let toml: Preprocess = toml::from_str(&toml::to_string(&spec).unwrap()).unwrap();
        let json = serde_json::from_str(&serde_json::to_string(&spec).unwrap()).unwrap();
        assert_eq!((&toml, &json), (&spec, &spec));
        assert_eq!(toml.digest(), spec.digest());
    }
}

#[test]
fn unknown_fields_are_refused() {
    for card in [
        "size = 3",
        "resize = { longer = 3 }",
        "filter = \"best\"",
        "crop = [1, 2, 3]",
        "resize = { exact = [1] }",
    ] {
        assert!(toml::from_str::<Preprocess>(card).is_err(), "{card}");
    }
}

#[test]
fn wrong_values_are_named() {
    let cases = [
        ("resize = { shorter = 0 }", "resize"),
        ("resize = { exact = [8, 8193] }", "resize"),
        ("crop = [0, 5]", "crop"),
        ("scale = 0.0", "scale"),
        ("scale = inf", "scale"),
        ("mean = [0.5]", "mean"),
        ("mean = [0.5, nan, 0.5]", "mean"),
        ("std = [1.0, 0.0, 1.0]", "std"),
        ("color = \"gray\"\nstd = [1.0, 1.0, 1.0]", "std"),
        ("std = [1e-300, 1.0, 1.0]", "scale, mean, std"),
    ];
    for (card, expected) in cases {
        let card: Preprocess = toml::from_str(card).unwrap();
        match card.validate() {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
        let image = Pixels::new(1, 1, 1, vec![0]).unwrap();
        assert!(card.apply(&image).is_err());
    }
}

#[test]
fn the_canonical_form_is_complete_and_the_digest_is_its_own() {
    assert_eq!(
        Preprocess::imagenet(256, 224).canonical_json(),
        r#"{"alpha":"white","antialias":true,"color":"rgb","crop":[224,224],"exif":false,"filter":"bilinear","mean":[0.485,0.456,0.406],"resize":{"shorter":256},"revision":1,"scale":0.00392156862745098,"std":[0.229,0.224,0.225]}"#
    );
    let plain = Preprocess::default();
    let spelled_out = Preprocess { mean: vec![-0.0; 3], std: vec![1.0; 3], ..plain.clone() };
    assert_eq!(plain.digest(), spelled_out.digest());
    assert_eq!(plain.digest().len(), 64);
    let other = Preprocess { exif: true, ..plain.clone() };
    assert_ne!(plain.digest(), other.digest());
}

#[test]
fn channels_come_in_the_order_of_the_color() {
    let image = Pixels::new(1, 1, 3, vec![10, 200, 30]).unwrap();
    let values = |color| {
        let card = Preprocess { color, scale: 1.0, ..Preprocess::default() };
        card.apply(&image).unwrap().values
    };
    assert_eq!(values(Color::Rgb), [10.0, 200.0, 30.0]);
    assert_eq!(values(Color::Bgr), [30.0, 200.0, 10.0]);
    assert_eq!(values(Color::Gray), [124.0]);
    let gray = Pixels::new(1, 1, 1, vec![7]).unwrap();
    let card = Preprocess { scale: 1.0, mean: vec![1.0, 2.0, 3.0], ..Preprocess::default() };
    assert_eq!(card.apply(&gray).unwrap().values, [6.0, 5.0, 4.0]);
}

#[test]
fn padding_is_normalized_zeros() {
    let image = Pixels::new(1, 1, 1, vec![5]).unwrap();
    let card = Preprocess {
        crop: Some([2, 4]),
        color: Color::Gray,
        scale: 1.0,
        mean: vec![1.0],
        ..Preprocess::default()
    };
    let planes = card.apply(&image).unwrap();
    assert_eq!(planes.shape, [1, 2, 4]);
    assert_eq!(planes.values, [-1.0, 4.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0]);
}

#[test]
fn a_thread_of_an_image_does_not_become_a_huge_one() {
    let image = Pixels::new(16_384, 1, 1, vec![0; 16_384]).unwrap();
    let card = Preprocess { resize: Some(Resize::Shorter(256)), ..Preprocess::default() };
    assert!(matches!(card.apply(&image), Err(Error::OutputTooLarge { .. })));
    let cropped = Preprocess { crop: Some([9, 9]), ..card };
    assert_eq!(cropped.apply(&image).unwrap().values.len(), 3 * 81);
}
