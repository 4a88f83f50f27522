//! What preparing pictures costs: `cargo bench -p zoo-model --bench preprocess -- [FILE...]`.
//!
//! Without files, a JPEG of 500 x 375 as ImageNet has them, a PNG of 64 x 64 with transparency,
//! and a JPEG of 12.6 megapixels, which is the first one laid out as 8 x 8 tiles. With
//! `--save FOLDER` these are written there and nothing is measured, so that other programs can
//! be given the same (`benches/peers/pillow.py`).
//!
//! Each line gives milliseconds on one thread: to decode, to resize to a shorter side of 256
//! (bilinear, of which only the centre of 224 x 224 is computed), and to normalise into planes;
//! then the pictures a second that come of all three, on one thread and on all. Times are the
//! least of many, because whatever else the machine does only adds to them.
//!
//! `coffee.jpg` is scikit-image's photo of that name, by Rachel Michetti (CC0), cropped to 4:3
//! and written by Pillow at quality 95 with a restart marker after each row of blocks.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use zoo_model::Preprocess;
use zoo_model::preprocess::{Pixels, decode_bytes};

const PHOTO: &[u8] = include_bytes!("coffee.jpg");
const EMOJI: &[u8] = include_bytes!("../../../examples/noto-emoji/animal/1f408.png");

/// How long each figure is measured for.
const PATIENCE: Duration = Duration::from_millis(1500);

fn main() {
    let mut files: Vec<PathBuf> = Vec::new();
    // Cargo itself adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        if argument == "--save" {
            return save(Path::new(&arguments.next().expect("--save needs a folder")));
        }
        files.push(argument.into());
    }
    println!(
        "{:<22} {:>9} {:>9} {:>9} {:>9} {:>11} {:>11}",
        "file", "decode", "resize", "normalise", "in all", "1 thread", "all threads"
    );
    if files.is_empty() {
        for (name, bytes) in inputs() {
            measure(name, &bytes);
        }
    }
    for file in files {
        measure(&file.file_name().unwrap().to_string_lossy(), &std::fs::read(&file).unwrap());
    }
}

/// What is measured unless files are given.
fn inputs() -> [(&'static str, Vec<u8>); 3] {
    [
        ("photo-500x375.jpg", PHOTO.to_vec()),
        ("emoji-64x64.png", EMOJI.to_vec()),
        ("photo-4096x3072.jpg", tiled(PHOTO, 8)),
    ]
}

fn save(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, bytes) in inputs() {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

fn measure(name: &str, bytes: &[u8]) {
    let preprocess = Preprocess::imagenet(256, 224);
    let image = decode_bytes(bytes).unwrap();
    let kept = Pixels::new(224, 224, 3, vec![127; 224 * 224 * 3]).unwrap();
    let only_normalise = Preprocess { resize: None, ..preprocess.clone() };

    let decode = least(|| decode_bytes(bytes).unwrap());
    let apply = least(|| preprocess.apply(&image).unwrap());
    let normalise = least(|| only_normalise.apply(&kept).unwrap());
    let all = least(|| preprocess.load_bytes(bytes).unwrap());
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    println!(
        "{name:<22} {:>6.3} ms {:>6.3} ms {:>6.3} ms {:>6.3} ms {:>9.1}/s {:>9.1}/s",
        decode * 1e3,
        (apply - normalise).max(0.0) * 1e3,
        normalise * 1e3,
        all * 1e3,
        1.0 / all,
        rate(threads, || preprocess.load_bytes(bytes).unwrap()),
    );
}

/// The seconds that `run` takes, at least.
fn least<T>(run: impl Fn() -> T) -> f64 {
    let began = Instant::now();
    let mut least = f64::INFINITY;
    while began.elapsed() < PATIENCE {
        let start = Instant::now();
        black_box(run());
        least = least.min(start.elapsed().as_secs_f64());
    }
    least
}

/// How often a second several threads together `run`, at best.
fn rate<T>(threads: usize, run: impl Fn() -> T + Sync) -> f64 {
    let best = |best: f64, _| {
        let (began, runs) = (Instant::now(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while began.elapsed() < PATIENCE / 2 {
                        black_box(run());
                        runs.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        best.max(runs.into_inner() as f64 / began.elapsed().as_secs_f64())
    };
    (0..4).fold(0.0, best)
}

/// A baseline JPEG of `times` x `times` copies of `jpeg`, which has a restart marker after each
/// row of units: such rows do not depend on each other, so they can be repeated as they are.
fn tiled(jpeg: &[u8], times: usize) -> Vec<u8> {
    let find = |code: u8| jpeg.windows(2).position(|bytes| bytes == [0xFF, code]).unwrap();
    let scan = find(0xDA);
    let data = scan + 2 + usize::from(jpeg[scan + 3]);
    let end = jpeg.len() - 2;
    let mut rows: Vec<&[u8]> = Vec::new();
    let mut begin = data;
    for at in data..end - 1 {
        if jpeg[at] == 0xFF && (0xD0..=0xD7).contains(&jpeg[at + 1]) {
            rows.push(&jpeg[begin..at]);
            begin = at + 2;
        }
    }
    rows.push(&jpeg[begin..end]);

    let mut tiled = jpeg[..data].to_vec();
    let frame = find(0xC0);
    let units = usize::from(u16::from_be_bytes([jpeg[frame + 7], jpeg[frame + 8]]).div_ceil(16));
    tiled[frame + 5..][..2].copy_from_slice(&((rows.len() * times * 16) as u16).to_be_bytes());
    tiled[frame + 7..][..2].copy_from_slice(&((units * times * 16) as u16).to_be_bytes());
    let mut number = 0;
    for row in rows.repeat(times) {
        for _ in 0..times {
            tiled.extend(row);
            tiled.extend([0xFF, 0xD0 + number]);
            number = (number + 1) % 8;
        }
    }
    // The last row is followed by the end of the image instead.
    tiled.truncate(tiled.len() - 2);
    tiled.extend([0xFF, 0xD9]);
    tiled
}
