//! What a pickle names besides data: the globals that evaluating it would import and call.
//!
//! Nothing is evaluated here. The opcodes are walked over once, which is enough to list every
//! global: a reader that only knows tensors refuses the others, and a person wants to see
//! which they are. Source of the opcodes: CPython's `Lib/pickletools.py`.

mod members;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use crate::Error;

/// Most bytes of a file that are walked over: pickles come first, and are small.
const MAX_SCANNED: u64 = 256 << 20;

/// Most texts that a pickle has remembered: a checkpoint has some ten for each tensor.
const MAX_MEMO: usize = 1 << 20;

/// Whether checkpoints of tensors name this global as a rule.
fn is_harmless(name: &str) -> bool {
    let plain = [
        "collections.OrderedDict",
        "torch.Size",
        "torch.device",
        "torch._tensor._rebuild_from_type_v2",
    ];
    let rebuilds = name.strip_prefix("torch._utils.").is_some_and(|f| f.starts_with("_rebuild_"));
    let direct = name.strip_prefix("torch.").filter(|rest| !rest.contains('.'));
    let is_type = |rest: &str| {
        rest.ends_with("Storage")
            || ["float", "bfloat", "int", "uint"].iter().any(|t| {
                rest.strip_prefix(t).is_some_and(|bits| bits.bytes().all(|b| b.is_ascii_digit()))
            })
    };
    plain.contains(&name) || rebuilds || direct.is_some_and(is_type)
}

/// A global that a pickle names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Global {
    /// Module and name, such as `collections.OrderedDict`.
    pub name: String,
    /// Whether checkpoints of tensors name it as a rule. Any other can run code when Python
    /// loads the file.
    pub harmless: bool,
}

/// Every global that the pickles of a PyTorch file name, in order and once each.
///
/// The members of a zip or tar are searched; any other file is walked over from its beginning,
/// through all the pickles that it begins with.
pub fn globals(path: &Path) -> Result<Vec<Global>, Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(MAX_SCANNED).read_to_end(&mut bytes).map_err(io)?;
    let mut names = BTreeSet::new();
    // Members may lie within each other.
    let mut left = MAX_SCANNED as usize;
    for pickles in members::pickles(&bytes) {
        left = left.saturating_sub(walk_all(&pickles[..pickles.len().min(left)], &mut names));
        if left == 0 {
            names.insert("(pickles after which nothing was read)".to_owned());
            break;
        }
    }
    Ok(names.into_iter().map(|name| Global { harmless: is_harmless(&name), name }).collect())
}

/// Walks over the pickles that `bytes` begin with. A legacy checkpoint is several of them, then
/// the storages, which are none. How many bytes it went is returned.
fn walk_all(bytes: &[u8], names: &mut BTreeSet<String>) -> usize {
    /// The pickles of a legacy checkpoint: magic number, version, system, state, keys.
    const LEGACY: usize = 5;
    // From protocol 2 on, each says that it is one; before, only its place does.
    let marked = bytes.starts_with(b"\x80");
    let mut walker = Walker { bytes, ..Walker::default() };
    let mut number = 0;
    while walker.bytes[walker.at..].starts_with(b"\x80") || !marked && number < LEGACY {
        number += 1;
        if walker.walk(names).is_none() {
            break;
        }
    }
    walker.at
}

/// Walks over the opcodes of one pickle, remembering texts only, and those by where they stand:
/// a file may have one remembered a million times.
#[derive(Default)]
struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The texts pushed last; `STACK_GLOBAL` takes two of them.
    strings: Vec<Range<usize>>,
    /// The text that was last pushed when each memo was set.
    memo: HashMap<usize, Range<usize>>,
}

impl Walker<'_> {
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn number(&mut self, size: usize) -> Option<usize> {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(self.take(size)?);
        usize::try_from(u64::from_le_bytes(bytes)).ok()
    }

    fn line(&mut self) -> Option<Range<usize>> {
        let length = self.bytes.get(self.at..)?.iter().position(|&byte| byte == b'\n')?;
        let start = self.at;
        self.take(length + 1)?;
        Some(start..start + length)
    }

    /// A number in digits on a line.
    fn line_number(&mut self) -> Option<usize> {
        let line = self.line()?;
        self.said(&line).trim().parse().ok()
    }

    fn said(&self, text: &Range<usize>) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes.get(text.clone()).unwrap_or_default())
    }

    fn push(&mut self, text: Range<usize>) {
        /// Module and name are pushed one right after the other.
        const KEPT: usize = 64;
        if self.strings.len() == 2 * KEPT {
            self.strings.drain(..KEPT);
        }
        self.strings.push(text);
    }

    fn text(&mut self, size: usize) -> Option<()> {
        let length = self.number(size)?;
        let start = self.at;
        self.take(length)?;
        self.push(start..start + length);
        Some(())
    }

    fn remember(&mut self, index: usize) {
        if let Some(text) = self.strings.last() {
            self.memo.insert(index, text.clone());
        }
    }

    fn recall(&mut self, index: usize) {
        if let Some(text) = self.memo.get(&index) {
            self.push(text.clone());
        }
    }

    /// One pickle, up to its `STOP`; `None` where it ends before or is no pickle.
    fn walk(&mut self, names: &mut BTreeSet<String>) -> Option<()> {
        self.strings.clear();
        self.memo.clear();
        let mut memoized = 0;
        loop {
            if self.memo.len() > MAX_MEMO {
                names.insert(format!("(more than {MAX_MEMO} memos, after which nothing was read)"));
                return None;
            }
            match self.take(1)?[0] {
                b'.' => return Some(()),
                // GLOBAL and INST: module and name, a line each.
                b'c' | b'i' => {
                    let (module, name) = (self.line()?, self.line()?);
                    names.insert(format!("{}.{}", self.said(&module), self.said(&name)));
                }
                // STACK_GLOBAL: module and name are the last two texts.
                0x93 => {
                    let (name, module) = (self.strings.pop()?, self.strings.pop()?);
                    names.insert(format!("{}.{}", self.said(&module), self.said(&name)));
                }
                // EXT1, EXT2, EXT4: a number that stands for a global.
                code @ 0x82..=0x84 => {
                    let number = self.number(1 << (code - 0x82))?;
                    names.insert(format!("copyreg.extension_{number}"));
                }
                // Texts and bytes after a length of 1, 4 or 8 bytes.
                b'U' | 0x8c | b'C' => self.text(1)?,
                b'X' | b'T' | b'B' => self.text(4)?,
                0x8d | 0x8e | 0x96 => self.text(8)?,
                // Texts on a line.
                b'V' | b'S' => {
                    let line = self.line()?;
                    self.push(line);
                }
                // Memo: by number on a line, in 1 byte, in 4, or the next.
                b'p' => {
                    let index = self.line_number()?;
                    self.remember(index);
                }
                b'q' => {
                    let index = self.number(1)?;
                    self.remember(index);
                }
                b'r' => {
                    let index = self.number(4)?;
                    self.remember(index);
                }
                0x94 => {
                    self.remember(memoized);
                    memoized += 1;
                }
                b'g' => {
                    let index = self.line_number()?;
                    self.recall(index);
                }
                b'h' => {
                    let index = self.number(1)?;
                    self.recall(index);
                }
                b'j' => {
                    let index = self.number(4)?;
                    self.recall(index);
                }
                // Numbers and persistent ids on a line.
                b'I' | b'L' | b'F' | b'P' => {
                    self.line()?;
                }
                // Operands of a fixed size: protocol, integers, floats, frames.
                0x80 | b'K' => {
                    self.take(1)?;
                }
                b'M' => {
                    self.take(2)?;
                }
                b'J' => {
                    self.take(4)?;
                }
                b'G' | 0x95 => {
                    self.take(8)?;
                }
                // Long integers after a length of 1 or 4 bytes.
                0x8a => {
                    let length = self.number(1)?;
                    self.take(length)?;
                }
                0x8b => {
                    let length = self.number(4)?;
                    self.take(length)?;
                }
                // Everything else has no operand.
                _ => {}
            }
        }
    }
}
