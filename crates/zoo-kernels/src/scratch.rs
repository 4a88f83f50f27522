use crate::Buffer;

/// What a thread keeps between calls, so that nothing is allocated once everything has run.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) pointers: Vec<*const f32>,
    pub(crate) side: Vec<f32>,
    /// What a step computes on the way.
    pub(crate) workspace: Buffer,
    pub(crate) ring: Buffer,
}
