//! The image as it is collected scan by scan, and put together at the end.

use std::mem;

use super::bits::Bits;
use super::failure::{Failure, malformed};
use super::frame::{BLOCK, Component, Frame};
use super::idct::{self, Group, LANES, Steps};
use super::plane::Plane;
use super::progressive::{Ac, Coefficients, DcFirst, DcPart, DcRefinement};
use super::scan::Scan;
use super::sequential::{Part, Sequential};
use super::tables::Tables;

/// The most scans of a file. Real ones have about ten.
const MAX_SCANS: usize = 500;

/// What all scans of a file may cost a block, on average, in coefficients looked at: ten times
/// the block, or each coefficient in a scan of its own. Real files stay below 200. Scans that
/// say "nothing new here" take up almost no bytes, so the file's size does not bound them.
const MAX_COST: usize = 640;

/// What is known of a component.
#[derive(Default)]
struct State {
    /// Its quantization table: that in force when its first scan began. None before.
    quantization: Option<[u16; BLOCK]>,
    /// Whether its DC coefficients were read.
    started: bool,
    /// Its coefficients, in progressive files.
    coefficients: Coefficients,
    /// Its samples; in progressive files only at the end.
    plane: Plane,
}

/// Collects the scans of a frame.
pub(super) struct Decoder {
    pub(super) frame: Frame,
    states: Vec<State>,
    scans: usize,
    cost: usize,
}

impl Decoder {
    /// Nothing decoded yet. Allocates what the frame needs.
    pub(super) fn new(frame: Frame) -> Self {
        let state = |component: &Component| {
            let mut state = State::default();
            if frame.progressive {
                let blocks = component.padded_wide * component.padded_high;
                state.coefficients.blocks = vec![[0; BLOCK]; blocks];
                state.coefficients.wide = component.padded_wide;
            } else {
                state.plane = Plane::new(component);
            }
            state
        };
        let states = frame.components.iter().map(state).collect();
        Self { frame, states, scans: 0, cost: 0 }
    }

    /// Decodes one scan, whose data starts at `at`. Returns where to look for the next marker.
    pub(super) fn scan(
        &mut self,
        scan: &Scan,
        tables: &Tables,
        bytes: &[u8],
        at: usize,
    ) -> Result<usize, Failure> {
        self.scans += 1;
        self.cost += scan.cost(&self.frame);
        if self.scans > MAX_SCANS || self.cost > MAX_COST * self.frame.blocks().max(64) {
            return Err(malformed("there are too many scans"));
        }
        for part in &scan.parts {
            let state = &mut self.states[part.component];
            if state.quantization.is_none() {
                let number = self.frame.components[part.component].quantization;
                state.quantization = Some(tables.quantization(number)?);
            }
            state.started |= scan.start == 0 || !self.frame.progressive;
        }
        let mut bits = Bits::new(bytes, at);
        match (self.frame.progressive, scan.start, scan.high) {
            (false, ..) => self.sequential(scan, tables, &mut bits)?,
            (true, 0, 0) => self.dc_first(scan, tables, &mut bits)?,
            (true, 0, _) => self.dc_refinement(scan, tables, &mut bits)?,
            (true, _, 0) => self.ac::<false>(scan, tables, &mut bits)?,
            (true, ..) => self.ac::<true>(scan, tables, &mut bits)?,
        }
        Ok(bits.position())
    }

    fn sequential(
        &mut self,
        scan: &Scan,
        tables: &Tables,
        bits: &mut Bits<'_>,
    ) -> Result<(), Failure> {
        let mut coder = Sequential { parts: Vec::new() };
        for part in &scan.parts {
            let state = &mut self.states[part.component];
            let component = &self.frame.components[part.component];
            // A component alone comes a row of blocks at a time.
            let high = if scan.parts.len() == 1 { 1 } else { component.vertical };
            coder.parts.push(Part::new(
                [tables.dc(part.dc)?, tables.ac(part.ac)?],
                &state.quantization.unwrap_or([0; BLOCK]),
                mem::take(&mut state.plane),
                component,
                high,
            ));
        }
        scan.decode(&self.frame, tables.restart_interval, bits, &mut coder)?;
        for (part, decoded) in scan.parts.iter().zip(coder.parts) {
            self.states[part.component].plane = decoded.plane;
        }
        Ok(())
    }

    fn dc_first(
        &mut self,
        scan: &Scan,
        tables: &Tables,
        bits: &mut Bits<'_>,
    ) -> Result<(), Failure> {
        let mut coder = DcFirst { parts: Vec::new(), low: scan.low };
        for part in &scan.parts {
            let coefficients = mem::take(&mut self.states[part.component].coefficients);
            coder.parts.push(DcPart { table: tables.dc(part.dc)?, coefficients, previous: 0 });
        }
        scan.decode(&self.frame, tables.restart_interval, bits, &mut coder)?;
        for (part, decoded) in scan.parts.iter().zip(coder.parts) {
            self.states[part.component].coefficients = decoded.coefficients;
        }
        Ok(())
    }

    fn dc_refinement(
        &mut self,
        scan: &Scan,
        tables: &Tables,
        bits: &mut Bits<'_>,
    ) -> Result<(), Failure> {
        let states = scan.parts.iter().map(|part| part.component);
        let parts = states.map(|at| mem::take(&mut self.states[at].coefficients)).collect();
        let mut coder = DcRefinement { parts, low: scan.low };
        scan.decode(&self.frame, tables.restart_interval, bits, &mut coder)?;
        for (part, decoded) in scan.parts.iter().zip(coder.parts) {
            self.states[part.component].coefficients = decoded;
        }
        Ok(())
    }

    fn ac<const REFINEMENT: bool>(
        &mut self,
        scan: &Scan,
        tables: &Tables,
        bits: &mut Bits<'_>,
    ) -> Result<(), Failure> {
        for part in &scan.parts {
            let coefficients = &mut self.states[part.component].coefficients;
            let mut coder = Ac::<REFINEMENT> {
                table: tables.ac(part.ac)?,
                coefficients: mem::take(coefficients),
                start: scan.start,
                end: scan.end,
                low: scan.low,
                end_of_band_run: 0,
            };
            scan.decode(&self.frame, tables.restart_interval, bits, &mut coder)?;
            *coefficients = coder.coefficients;
        }
        Ok(())
    }

    /// The planes of the components, once all scans are read.
    pub(super) fn finish(self) -> Result<(Frame, Vec<Plane>), Failure> {
        let mut planes = Vec::new();
        for (mut state, component) in self.states.into_iter().zip(&self.frame.components) {
            let quantization = state.quantization.filter(|_| state.started);
            let quantization = quantization.ok_or(malformed("a component is missing"))?;
            if self.frame.progressive {
                state.plane = Plane::new(component);
                let steps = Steps::new(&quantization);
                let mut groups = vec![Group::EMPTY; component.padded_wide.div_ceil(LANES)];
                let rows = state.coefficients.blocks.chunks_exact(component.padded_wide);
                for (row, blocks) in rows.enumerate() {
                    for (at, block) in blocks.iter().enumerate() {
                        groups[at / LANES].set_block(at % LANES, block);
                    }
                    let (rows, stride) = state.plane.band(row);
                    idct::inverse(&mut groups, &steps, rows, stride);
                }
            }
            planes.push(state.plane);
        }
        Ok((self.frame, planes))
    }
}
