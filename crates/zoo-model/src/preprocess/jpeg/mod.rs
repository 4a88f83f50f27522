//! JPEG files as photos have them, decoded to the very bytes that libjpeg-turbo (and so
//! Pillow) makes of them.
//!
//! Baseline, extended sequential and progressive files with Huffman codes and 8 bits, gray or
//! of three components. The rest is refused ([`Failure::Unsupported`]) by the frame header alone.
//! A damaged file is an error, never half an image.
//!
//! A progressive file may lack its last scans and still be complete. libjpeg then smooths the
//! blocks' borders, which is not imitated.
//!
//! The way of a file: [`markers`] cuts it into segments; [`tables`], [`frame`] and [`scan`]
//! read theirs; a scan's [`bits`] go through [`huffman`] to [`sequential`] or [`progressive`];
//! [`idct`] makes samples of coefficients, [`upsample`] pixels of samples, and [`color`] RGB
//! of those. Numbers of sections and figures are those of ITU-T T.81.

mod application;
mod bits;
mod color;
mod decoder;
mod failure;
mod frame;
mod huffman;
mod idct;
mod markers;
mod plane;
mod progressive;
mod scan;
mod sequential;
mod standard;
mod tables;
mod upsample;
mod zigzag;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub(super) use failure::Failure;

use zoo_kernels::{Work, vectorized};

use super::Pixels;
use application::Application;
use decoder::Decoder;
use frame::Frame;
use markers::{Fields, Segments};
use scan::Scan;
use tables::Tables;
use upsample::{Buffer, Upsampling};

/// Decodes a JPEG file to gray or RGB, with its orientation.
pub(super) fn decode(bytes: &[u8]) -> Result<Pixels, Failure> {
    let mut segments = Segments { bytes, at: 0 };
    let mut tables = Tables::standard()?;
    let mut application = Application::default();
    let mut decoder: Option<Decoder> = None;
    loop {
        let marker = segments.marker()?;
        if marker == markers::EOI {
            break;
        }
        if markers::stands_alone(marker) {
            continue;
        }
        let contents = segments.contents()?;
        match marker {
            markers::DQT => tables.read_quantization(contents)?,
            markers::DHT => tables.read_huffman(contents)?,
            markers::DRI => tables.read_restart_interval(contents)?,
            markers::APP0 | markers::APP1 | markers::APP14 => application.read(marker, contents.0),
            markers::SOS => {
                let decoder = decoder.as_mut().ok_or(NO_FRAME)?;
                let scan = Scan::read(&decoder.frame, contents)?;
                segments.at = decoder.scan(&scan, &tables, bytes, segments.at)?;
            }
            markers::DAC | markers::JPG => {}
            0xC0..=0xCF => {
                if decoder.is_some() {
                    return Err(failure::malformed("there are two frames"));
                }
                decoder = Some(start(marker, contents, bytes.len())?);
            }
            _ => {}
        }
    }
    let (frame, planes) = decoder.ok_or(NO_FRAME)?.finish()?;
    let mut pixels = assemble(&frame, &planes, application.is_rgb(&frame))?;
    pixels.orientation = application.orientation;
    Ok(pixels)
}

const NO_FRAME: Failure = failure::malformed("there is no frame");

fn start(marker: u8, contents: Fields<'_>, file: usize) -> Result<Decoder, Failure> {
    let frame = Frame::read(marker, contents, file)?;
    for component in &frame.components {
        Upsampling::of(component, &frame)?;
    }
    Ok(Decoder::new(frame))
}

/// Interleaves the components, each brought to the size of the image.
fn assemble(frame: &Frame, planes: &[plane::Plane], is_rgb: bool) -> Result<Pixels, Failure> {
    let (width, height, channels) = (frame.width, frame.height, planes.len());
    let mut parts = Vec::new();
    for (component, plane) in frame.components.iter().zip(planes) {
        parts.push((Upsampling::of(component, frame)?, plane, Buffer::new(width)));
    }
    let data = vec![0; height * width * channels];
    let data = vectorized(Assemble { parts, stride: width * channels, is_rgb, data });
    Ok(Pixels::from_parts(height, width, channels, data))
}

struct Assemble<'a> {
    parts: Vec<(Upsampling, &'a plane::Plane, Buffer)>,
    stride: usize,
    is_rgb: bool,
    data: Vec<u8>,
}

impl Work for Assemble<'_> {
    type Output = Vec<u8>;

    #[inline(always)]
    fn run(mut self) -> Vec<u8> {
        for (row, out) in self.data.chunks_exact_mut(self.stride).enumerate() {
            match &mut self.parts[..] {
                [first, second, third] => {
                    let mut rows = [&[][..]; 3];
                    for (samples, (upsampling, plane, buffer)) in
                        rows.iter_mut().zip([first, second, third])
                    {
                        *samples = upsampling.row(plane, row, buffer);
                    }
                    if self.is_rgb {
                        color::interleave(rows, out);
                    } else {
                        color::to_rgb(rows, out);
                    }
                }
                [(_, plane, _), ..] => out.copy_from_slice(plane.row(row)),
                [] => {}
            }
        }
        self.data
    }
}
