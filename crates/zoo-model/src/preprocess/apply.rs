//! Carrying out a preprocessing.

use std::path::Path;

use super::geometry::Window;
use super::normalize::Kept;
use super::validate::MAX_OUTPUT_PIXELS;
use super::{Error, Pixels, Planes, Preprocess, Resize, decode_bytes, decode_file, resize};

impl Preprocess {
    /// Decodes the image in a file and preprocesses it: `[channels, height, width]`.
    ///
    /// # Errors
    ///
    /// Those of [`decode_file`] and of [`Preprocess::apply`].
    pub fn load(&self, path: &Path) -> Result<Planes, Error> {
        let kept = self.resample(&decode_file(path)?)?;
        Ok(self.normalize(&kept))
    }

    /// Decodes an image from memory and preprocesses it: `[channels, height, width]`.
    ///
    /// # Errors
    ///
    /// Those of [`decode_bytes`] and of [`Preprocess::apply`].
    pub fn load_bytes(&self, bytes: &[u8]) -> Result<Planes, Error> {
        let kept = self.resample(&decode_bytes(bytes)?)?;
        Ok(self.normalize(&kept))
    }

    /// Preprocesses a decoded image: `[channels, height, width]`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] as [`Preprocess::validate`]; [`Error::OutputTooLarge`] if there is
    /// no crop and the image's shape leads to more than [`MAX_OUTPUT_PIXELS`] pixels.
    pub fn apply(&self, image: &Pixels) -> Result<Planes, Error> {
        Ok(self.normalize(&self.resample(image)?))
    }

    /// All but the last step. The decoded image can be given up before that one, which keeps
    /// down how much memory is held at once: enough to matter, since the C library may hand
    /// back to the system what is free, only to ask for it again for the next image.
    fn resample(&self, image: &Pixels) -> Result<Kept, Error> {
        self.validate()?;
        let upright = if self.exif { image.upright() } else { std::borrow::Cow::Borrowed(image) };
        let [rows, columns] = self.windows(&upright);
        let (height, width) = (rows.length as u64, columns.length as u64);
        if height * width > MAX_OUTPUT_PIXELS {
            return Err(Error::OutputTooLarge { height, width, limit: MAX_OUTPUT_PIXELS });
        }
        let image = self.color.reduce(self.alpha.remove(&upright));
        let pixels = resize::resize_window(
            &image,
            self.target(&image),
            rows.kept.clone(),
            columns.kept.clone(),
            self.filter,
            self.antialias,
        );
        Ok(Kept { pixels, rows, columns })
    }

    /// `[height, width]` of this image once resized, before the crop.
    fn target(&self, image: &Pixels) -> [usize; 2] {
        let unchanged = [image.height, image.width];
        self.resize.map_or(unchanged, |resize: Resize| resize.target(image.height, image.width))
    }

    /// The rows and the columns of the resized image that the output shows.
    fn windows(&self, image: &Pixels) -> [Window; 2] {
        let [height, width] = self.target(image);
        match self.crop {
            None => [Window::whole(height), Window::whole(width)],
            Some([crop_height, crop_width]) => [
                Window::center(height, crop_height as usize),
                Window::center(width, crop_width as usize),
            ],
        }
    }
}
