use std::marker::PhantomData;

/// Pixels of one or more images, channels last: `[pixels, channels]`, with `stride` numbers from one
/// pixel to the next, since they may lie in a wider buffer.
#[derive(Debug, Clone, Copy)]
pub struct Pixels<'a> {
    data: *const f32,
    len: usize,
    stride: usize,
    channels: usize,
    owner: PhantomData<&'a [f32]>,
}

// SAFETY: it is a `&[f32]` in all but its rows' gaps.
unsafe impl Send for Pixels<'_> {}
// SAFETY: as above.
unsafe impl Sync for Pixels<'_> {}

impl<'a> Pixels<'a> {
    /// `data` holds a row of `channels` numbers at each multiple of `stride`.
    ///
    /// # Panics
    /// Where a row is wider than the stride.
    pub fn new(data: &'a [f32], stride: usize, channels: usize) -> Self {
        assert!(channels <= stride && stride > 0, "{channels} channels in a stride of {stride}");
        let (len, data) = (count(data.len(), stride, channels), data.as_ptr());
        Self { data, len, stride, channels, owner: PhantomData }
    }

    /// `pixels` of them from `data` on, in memory whose gaps between them others may write.
    ///
    /// # Safety
    /// For `'a`, `pixels` rows of `channels` numbers, at multiples of `stride`, must be valid for
    /// reads, and nobody may write to them.
    pub unsafe fn from_raw(
        data: *const f32,
        pixels: usize,
        stride: usize,
        channels: usize,
    ) -> Self {
        assert!(channels <= stride && stride > 0, "{channels} channels in a stride of {stride}");
        Self { data, len: pixels, stride, channels, owner: PhantomData }
    }

    /// Pixels that lie one after the other.
    pub fn dense(data: &'a [f32], channels: usize) -> Self {
        Self::new(data, channels, channels)
    }

    /// How many whole pixels there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no pixel.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many numbers a pixel has.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// How many numbers lie from one pixel to the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The numbers of pixel `index`.
    pub fn pixel(&self, index: usize) -> &'a [f32] {
        assert!(index < self.len, "pixel {index} of {}", self.len);
        // SAFETY: pixels below `len` are valid, as its makers vouch.
        unsafe { std::slice::from_raw_parts(self.data.add(index * self.stride), self.channels) }
    }

    pub(crate) fn as_ptr(&self) -> *const f32 {
        self.data
    }
}

/// Pixels that are written, laid out like [`Pixels`].
#[derive(Debug)]
pub struct PixelsMut<'a> {
    data: *mut f32,
    len: usize,
    stride: usize,
    channels: usize,
    owner: PhantomData<&'a mut [f32]>,
}

// SAFETY: it is a `&mut [f32]` in all but its rows' gaps.
unsafe impl Send for PixelsMut<'_> {}
// SAFETY: what writes through a shared reference is `unsafe`, and says what it writes.
unsafe impl Sync for PixelsMut<'_> {}

impl<'a> PixelsMut<'a> {
    /// `data` holds a row of `channels` numbers at each multiple of `stride`.
    ///
    /// # Panics
    /// Where a row is wider than the stride.
    pub fn new(data: &'a mut [f32], stride: usize, channels: usize) -> Self {
        assert!(channels <= stride && stride > 0, "{channels} channels in a stride of {stride}");
        let (len, data) = (count(data.len(), stride, channels), data.as_mut_ptr());
        Self { data, len, stride, channels, owner: PhantomData }
    }

    /// Pixels that lie one after the other.
    pub fn dense(data: &'a mut [f32], channels: usize) -> Self {
        Self::new(data, channels, channels)
    }

    /// `pixels` of them from `data` on, in memory that others write as well.
    ///
    /// # Safety
    /// For `'a`, `pixels` rows of `channels` numbers, at multiples of `stride`, must be valid for
    /// reads and writes, and nobody else may touch those that are written through this.
    pub unsafe fn from_raw(data: *mut f32, pixels: usize, stride: usize, channels: usize) -> Self {
        assert!(channels <= stride && stride > 0, "{channels} channels in a stride of {stride}");
        Self { data, len: pixels, stride, channels, owner: PhantomData }
    }

    /// How many whole pixels there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no pixel.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many numbers a pixel has.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// How many numbers lie from one pixel to the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The numbers of pixel `index`.
    pub fn pixel(&mut self, index: usize) -> &mut [f32] {
        assert!(index < self.len, "pixel {index} of {}", self.len);
        // SAFETY: pixels below `len` are valid and this one's alone, as its makers vouch.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(index * self.stride), self.channels) }
    }

    pub(crate) fn as_mut_ptr(&self) -> *mut f32 {
        self.data
    }
}

fn count(len: usize, stride: usize, channels: usize) -> usize {
    if len < channels { 0 } else { (len - channels) / stride + 1 }
}
