use crate::Buffer;

/// What a thread keeps between calls, so that nothing is allocated once everything has run.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) pointers: Vec<*const f32>,
    pub(crate) side: Vec<f32>,
    pub(crate) transformed: Buffer,
    pub(crate) ring: Buffer,
}
