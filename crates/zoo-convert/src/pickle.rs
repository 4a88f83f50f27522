//! What a pickle names besides data: the globals that evaluating it would import and call.
//!
//! Nothing is evaluated here. The opcodes are walked over once, which is enough to list every
//! global: a reader that only knows tensors refuses the others, and a person wants to see
//! which they are. Source of the opcodes: CPython's `Lib/pickletools.py`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::Error;

/// Most bytes of a file that are walked over: pickles come first, and are small.
const MAX_SCANNED: u64 = 256 << 20;

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
/// A zip is searched for its `data.pkl`; any other file is walked over from its beginning,
/// through all the pickles that it begins with.
pub fn globals(path: &Path) -> Result<Vec<Global>, Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(MAX_SCANNED).read_to_end(&mut bytes).map_err(io)?;
    let mut names = BTreeSet::new();
    let pickles =
        if bytes.starts_with(b"PK\x03\x04") { stored_pickles(&bytes) } else { vec![&bytes[..]] };
    for pickle in pickles {
        let mut walker = Walker { bytes: pickle, at: 0, strings: Vec::new(), memo: Vec::new() };
        // A legacy checkpoint is several pickles, then the storages, which are none.
        while walker.bytes[walker.at..].starts_with(b"\x80") && walker.walk(&mut names).is_some() {}
    }
    Ok(names.into_iter().map(|name| Global { harmless: is_harmless(&name), name }).collect())
}

/// The members called `data.pkl` of a zip whose members are stored, as `torch.save` does.
fn stored_pickles(bytes: &[u8]) -> Vec<&[u8]> {
    const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(header) =
        bytes.get(at..at + 30).filter(|header| header.starts_with(LOCAL_HEADER))
    {
        let u16_at = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let (name, extra) = (u16_at(26), u16_at(28));
        let start = at + 30 + name + extra;
        let is_pickle = bytes.get(at + 30..at + 30 + name).is_some_and(|n| n.ends_with(b".pkl"));
        if is_pickle && let Some(rest) = bytes.get(start..) {
            found.push(rest);
        }
        // Sizes may stand after the data, so the next member is looked for, not computed.
        let Some(next) = bytes.get(start..).and_then(|rest| position(rest, LOCAL_HEADER)) else {
            break;
        };
        at = start + next;
    }
    found
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Walks over the opcodes of one pickle, remembering texts only.
struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The texts pushed so far; `STACK_GLOBAL` takes the last two.
    strings: Vec<String>,
    /// The text that was last pushed when each memo was set.
    memo: Vec<(usize, String)>,
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

    fn line(&mut self) -> Option<String> {
        let length = self.bytes.get(self.at..)?.iter().position(|&byte| byte == b'\n')?;
        let line = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.take(1)?;
        Some(line)
    }

    fn text(&mut self, size: usize) -> Option<()> {
        let length = self.number(size)?;
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.strings.push(text);
        Some(())
    }

    fn remember(&mut self, index: usize) {
        if let Some(text) = self.strings.last() {
            self.memo.push((index, text.clone()));
        }
    }

    fn recall(&mut self, index: usize) {
        if let Some((_, text)) = self.memo.iter().rev().find(|(at, _)| *at == index) {
            self.strings.push(text.clone());
        }
    }

    /// One pickle, up to its `STOP`; `None` where it ends before or is no pickle.
    fn walk(&mut self, names: &mut BTreeSet<String>) -> Option<()> {
        self.strings.clear();
        self.memo.clear();
        let mut memoized = 0;
        loop {
            match self.take(1)?[0] {
                b'.' => return Some(()),
                // GLOBAL and INST: module and name, a line each.
                b'c' | b'i' => {
                    let (module, name) = (self.line()?, self.line()?);
                    names.insert(format!("{module}.{name}"));
                }
                // STACK_GLOBAL: module and name are the last two texts.
                0x93 => {
                    let (name, module) = (self.strings.pop()?, self.strings.pop()?);
                    names.insert(format!("{module}.{name}"));
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
                    self.strings.push(line);
                }
                // Memo: by number on a line, in 1 byte, in 4, or the next.
                b'p' => {
                    let index = self.line()?.parse().ok()?;
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
                    let index = self.line()?.parse().ok()?;
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
