#![allow(unsafe_code, missing_docs, clippy::print_stdout)]
use std::time::Instant;
use zoo_kernels::*;
fn peak() -> f64 {
    #[target_feature(enable = "avx2,fma")]
    unsafe fn run(n: usize) -> f32 {
        use std::arch::x86_64::*;
        let mut a = [_mm256_set1_ps(1.0); 12];
        let (x, y) = (_mm256_set1_ps(std::hint::black_box(0.999)), _mm256_set1_ps(std::hint::black_box(0.001)));
        for (i, v) in a.iter_mut().enumerate() { *v = _mm256_set1_ps(std::hint::black_box(i as f32)); }
        for _ in 0..n { for v in a.iter_mut() { *v = _mm256_fmadd_ps(*v, x, y); } }
        let mut s = _mm256_setzero_ps();
        for v in a { s = _mm256_add_ps(s, v); }
        _mm256_cvtss_f32(s)
    }
    let mut best: f64 = 0.0;
    for _ in 0..20 {
        let t = Instant::now();
        let n = 1_000_000;
        std::hint::black_box(unsafe { run(n) });
        best = best.max((n * 12 * 16) as f64 / t.elapsed().as_secs_f64() / 1e9);
    }
    best
}
fn main() {
    let p = peak();
    println!("peak {p:.1} GFLOP/s");
    // (cin, cout, k, stride, in size, batch)
    let layers = [
        (3, 64, 7, 2, 224, 1), (64, 64, 1, 1, 56, 1), (64, 64, 3, 1, 56, 1), (64, 256, 1, 1, 56, 1), (256, 64, 1, 1, 56, 1),
        (128, 128, 3, 1, 28, 1), (512, 128, 1, 1, 28, 1), (256, 256, 3, 1, 14, 1), (1024, 256, 1, 1, 14, 1), (256, 1024, 1, 1, 14, 1),
        (512, 512, 3, 1, 7, 1), (512, 512, 3, 1, 7, 8), (2048, 512, 1, 1, 7, 8), (2048, 512, 1, 1, 7, 1), (512, 2048, 1, 1, 7, 1), (512, 1024, 1, 2, 28, 1),
        (16, 96, 1, 1, 112, 1), (96, 24, 1, 1, 56, 1), (24, 144, 1, 1, 56, 1), (144, 32, 1, 1, 28, 1), (32, 192, 1, 1, 28, 1), (64, 384, 1, 1, 14, 1), (384, 64, 1, 1, 14, 1), (320, 1280, 1, 1, 7, 1), (160, 960, 1, 1, 7, 1), (960, 160, 1, 1, 7, 1), (3, 32, 3, 2, 224, 1),
    ];
    for isa in Isa::available().into_iter().rev().take(1) {
        for (cin, cout, k, s, size, batch) in layers {
            let stem = cin == 3;
            let pad = if stem { 0 } else { k / 2 };
            let insize = if stem { size + 2 * (k / 2) } else { size };
            let out = (size + 2 * (k / 2) - k) / s + 1;
            let w: Vec<f32> = (0..cin * cout * k * k).map(|i| (i % 17) as f32 * 0.01 - 0.08).collect();
            let bias = vec![0.1; cout];
            let window = Window { kernel: [k; 2], stride: [s; 2], dilation: [1; 2], padding: [pad; 2] };
            let conv = Convolution::new(isa, window, 1, cin, &w, &bias);
            let x: Vec<f32> = (0..batch * insize * insize * cin).map(|i| (i % 13) as f32 * 0.1 - 0.6).collect();
            let mut y = Buffer::zeros(batch * out * out * cout);
            let mut scratch = Scratch::default();
            let input = Images::new(Pixels::dense(&x, cin), batch, insize, insize);
            let flops = 2.0 * (batch * out * out * cout * cin * k * k) as f64;
            let mut best = f64::MAX;
            let start = Instant::now();
            while start.elapsed().as_secs_f64() < 0.25 {
                let t = Instant::now();
                conv.run(&input, [out; 2], &mut PixelsMut::dense(&mut y, cout), &Epilogue { residual: None, activation: Activation::RELU }, &mut scratch);
                best = best.min(t.elapsed().as_secs_f64());
            }
            println!("{isa} {cin:4} -> {cout:4} {k}x{k}/{s} {size:3} b{batch}: {:6.3} ms {:6.1} GFLOP/s {:.0} %", best * 1e3, flops / best / 1e9, flops / best / 1e7 / p);
        }
    }
}
