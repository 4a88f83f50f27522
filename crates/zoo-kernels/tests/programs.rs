//! Programs: the same bits on any number of threads, and places that would overlap are refused.

use std::sync::Arc;

use zoo_kernels::{
    Activation, Convolution, Isa, Kernel, Place, Pooling, Program, Split, Step, Window,
};

fn place(offset: usize, stride: usize, channels: usize, batch: usize, side: usize) -> Place {
    Place { offset, stride, channels, batch, height: side, width: side }
}

fn convolution(channels: usize, outputs: usize, kernel: usize) -> Arc<Convolution> {
    let numbers = |count: usize| (0..count).map(|i| ((i * 37) % 101) as f32 / 101.0 - 0.5);
    let weight: Vec<f32> = numbers(channels * outputs * kernel * kernel).collect();
    let bias: Vec<f32> = numbers(outputs).collect();
    let window = Window { kernel: [kernel; 2], padding: [kernel / 2; 2], ..Window::POINT };
    Arc::new(Convolution::new(Isa::best(), window, 1, channels, &weight, &bias))
}

/// Enters, convolves twice into halves of one value, and pools that.
fn program(tasks: usize) -> Program {
    let input = place(0, 3, 3, 2, 9);
    let wide = 600;
    let half = |index: usize| place(wide + 20 * index, 40, 20, 2, 9);
    let step = |kernel, out, tasks| Step { kernel, out, tasks };
    let activation = Activation::RELU;
    let mut steps = vec![step(
        Kernel::Enter { source: 0, size: [9, 9], padding: [0, 0] },
        input,
        tasks.min(18),
    )];
    for (index, kernel) in [1, 3].into_iter().enumerate() {
        let split = Split { pixels: tasks, panels: 1 };
        let convolution = convolution(3, 20, kernel);
        let kernel = Kernel::Convolution { convolution, input, residual: None, activation, split };
        steps.push(step(kernel, half(index), tasks));
    }
    let window = Window { kernel: [3; 2], stride: [2; 2], padding: [1; 2], dilation: [1; 2] };
    let kernel = Kernel::Pool { window, pooling: Pooling::Max, input: place(wide, 40, 40, 2, 9) };
    steps.push(step(kernel, place(8000, 40, 40, 2, 5), tasks.min(10)));
    Program::new(Isa::best(), steps, 10_000)
}

#[test]
fn the_same_bits_come_of_any_number_of_threads_and_tasks() {
    let source: Vec<f32> = (0..2 * 3 * 81).map(|i| ((i * 53) % 97) as f32 / 97.0 - 0.4).collect();
    let run = |tasks: usize, threads: usize| {
        let program = program(tasks);
        let mut arena = vec![0.0; program.arena()];
        program.run(0..program.steps().len(), &mut arena, &[&source], threads);
        arena[8000..].iter().map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    let one = run(1, 1);
    assert!(one.iter().any(|&bits| bits != 0));
    for tasks in [2, 5, 16] {
        for threads in 1..4 {
            assert!(run(tasks, threads) == one, "{tasks} tasks, {threads} threads");
        }
    }
}

#[test]
#[should_panic(expected = "overlaps")]
fn a_step_that_writes_to_what_it_reads_is_refused() {
    let window = Window { kernel: [3; 2], padding: [1; 2], ..Window::POINT };
    let kernel = Kernel::Pool { window, pooling: Pooling::Max, input: place(0, 8, 8, 1, 4) };
    let _ = Program::new(
        Isa::best(),
        vec![Step { kernel, out: place(64, 8, 8, 1, 4), tasks: 1 }],
        4096,
    );
}

#[test]
#[should_panic(expected = "outside")]
fn a_place_outside_of_the_arena_is_refused() {
    let kernel = Kernel::PoolImages { max: true, input: place(0, 8, 8, 1, 4) };
    let _ = Program::new(
        Isa::best(),
        vec![Step { kernel, out: place(4090, 8, 8, 1, 1), tasks: 1 }],
        4096,
    );
}

#[test]
fn columns_of_one_value_may_be_read_and_written() {
    let kernel =
        Kernel::Pool { window: Window::POINT, pooling: Pooling::Max, input: place(0, 16, 8, 1, 2) };
    let steps = vec![Step { kernel, out: place(8, 16, 8, 1, 2), tasks: 1 }];
    let program = Program::new(Isa::best(), steps, 64);
    let mut arena: Vec<f32> = (0..64).map(|i| i as f32).collect();
    program.run(0..1, &mut arena, &[], 1);
    for pixel in 0..4 {
        assert_eq!(arena[pixel * 16 + 8..][..8], arena[pixel * 16..][..8]);
    }
}

#[test]
fn columns_may_lie_anywhere_in_the_arena() {
    // The whole begins at no multiple of its stride: 6400 is 16 more than one of 24.
    let (a, b) = (place(6400, 24, 12, 1, 10), place(6412, 24, 12, 1, 10));
    let kernel = Kernel::Pool { window: Window::POINT, pooling: Pooling::Max, input: a };
    let program = Program::new(Isa::best(), vec![Step { kernel, out: b, tasks: 3 }], 9000);
    let mut arena: Vec<f32> = (0..9000).map(|i| i as f32).collect();
    program.run(0..1, &mut arena, &[], 2);
    for pixel in 0..100 {
        let start = 6400 + pixel * 24;
        assert_eq!(arena[start + 12..start + 24], arena[start..start + 12]);
    }
}

#[test]
#[should_panic(expected = "overlaps")]
fn columns_that_overlap_by_one_are_refused() {
    let kernel = Kernel::Pool {
        window: Window::POINT,
        pooling: Pooling::Max,
        input: place(6400, 24, 12, 1, 10),
    };
    let out = place(6411, 24, 12, 1, 10);
    let _ = Program::new(Isa::best(), vec![Step { kernel, out, tasks: 1 }], 9000);
}

#[test]
fn a_maximum_keeps_what_is_no_number() {
    let window = Window { kernel: [2; 2], stride: [2; 2], ..Window::POINT };
    let kernel = Kernel::Pool { window, pooling: Pooling::Max, input: place(0, 1, 1, 1, 4) };
    let steps = vec![Step { kernel, out: place(32, 1, 1, 1, 2), tasks: 1 }];
    let program = Program::new(Isa::best(), steps, 48);
    for index in [0, 1, 4, 5] {
        let mut arena = vec![1.0; 48];
        arena[index] = f32::NAN;
        program.run(0..1, &mut arena, &[], 1);
        assert!(arena[32].is_nan() && arena[33] == 1.0, "{index}");
    }
}
