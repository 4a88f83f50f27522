//! Word vectors row by row.

use std::io::{self, BufRead, Chain, Cursor, Read as _};

use super::binary::{self, Word};
use super::header::Header;
use super::layout::{HEAD, sniff};
use super::seen::Seen;
use super::{Findings, Flaw, Layout, Malformed, Place, Policy, line};
use crate::Error;

/// The largest number of bytes of a line, or of a word of a binary file.
pub const MAX_LINE: usize = 1 << 20;

/// A row, in buffers of the reader.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    /// Line of a text file, header and blank lines counted, or row of a binary one; from 1.
    pub line: u64,
    /// The word: not empty, without line breaks, in no row before.
    pub word: &'a str,
    /// `[dimension]` finite numbers.
    pub values: &'a [f32],
}

/// Reads word vectors in any [`Layout`], row by row, in constant memory but for what finds
/// duplicates.
pub struct Reader<R: BufRead> {
    read: Chain<Cursor<Vec<u8>>, R>,
    layout: Layout,
    declared: Option<u64>,
    policy: Policy,
    /// Lines or rows that were begun.
    place: u64,
    /// A line without its line break, or a binary word.
    line: Vec<u8>,
    /// The numbers of a binary row.
    bytes: Vec<u8>,
    word: String,
    values: Vec<f32>,
    seen: Seen,
    findings: Findings,
}

impl<R: BufRead> Reader<R> {
    /// Finds out the layout of what `read` gives, unzipped, and reads its header.
    ///
    /// # Errors
    ///
    /// [`Error::NotVectors`] if it has none of the layouts, [`Error::Header`] if its header is
    /// absurd, [`Error::Read`] if reading fails.
    pub fn new(mut read: R, policy: Policy) -> Result<Self, Error> {
        let mut head = Vec::new();
        let failed = |source| Error::Read { place: Place::Line(1), source };
        read.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(failed)?;
        let header = Header::parse(&head);
        if let Some(problem) = header.and_then(|header| header.problem()) {
            return Err(Error::Header { problem });
        }
        let (layout, dimension) = sniff(&head).ok_or(Error::NotVectors)?;
        let mut head = Cursor::new(head);
        let mut place = 0;
        let mut declared = None;
        if let Some(header) = header {
            head.set_position(header.length as u64);
            place = u64::from(layout == Layout::HeaderText);
            declared = Some(header.count);
        }
        Ok(Self {
            read: head.chain(read),
            layout,
            declared,
            policy,
            place,
            line: Vec::new(),
            bytes: vec![0; if layout == Layout::Word2vecBinary { dimension * 4 } else { 0 }],
            word: String::new(),
            values: vec![0.0; dimension],
            seen: Seen::default(),
            findings: Findings { declared, ..Findings::default() },
        })
    }

    /// How the file is written.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// How many numbers each word has.
    pub fn dimension(&self) -> usize {
        self.values.len()
    }

    /// How many rows the header declares, if there is one. It may lie.
    pub fn declared(&self) -> Option<u64> {
        self.declared
    }

    /// What was found so far.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// The next row, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for a row that the policy refuses, [`Error::Truncated`] if a binary
    /// file ends before its last row does, [`Error::TooManyRows`], and [`Error::Read`].
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, Error> {
        loop {
            let is_there = match self.layout {
                Layout::Word2vecBinary => self.next_binary()?,
                Layout::HeaderText | Layout::PlainText => self.next_line()?,
            };
            let Some(checked) = is_there else { return Ok(None) };
            self.findings.present += 1;
            if self.findings.present > self.policy.max_rows {
                return Err(Error::TooManyRows { limit: self.policy.max_rows });
            }
            match checked.and_then(|()| self.check_word()) {
                Ok(()) => break,
                Err(flaw) => match self.policy.of(flaw) {
                    Malformed::Refuse => {
                        return Err(Error::Malformed { place: self.here(), flaw });
                    }
                    Malformed::Skip => self.findings.skip(self.here(), flaw),
                },
            }
        }
        self.findings.rows += 1;
        Ok(Some(Row { line: self.place, word: &self.word, values: &self.values }))
    }

    /// Reads a line that is not blank: its word to the front of `line`, its numbers to `values`.
    /// `None` at the end.
    fn next_line(&mut self) -> Result<Option<Result<(), Flaw>>, Error> {
        loop {
            self.place += 1;
            self.line.clear();
            let limit = MAX_LINE as u64 + 1;
            let read = self.read.by_ref().take(limit).read_until(b'\n', &mut self.line);
            if read.map_err(|source| self.failed(source))? == 0 {
                self.place -= 1;
                return Ok(None);
            }
            if self.line.pop_if(|&mut last| last == b'\n').is_none() && self.line.len() > MAX_LINE {
                let skipped = self.read.skip_until(b'\n');
                skipped.map_err(|source| self.failed(source))?;
                return Ok(Some(Err(Flaw::TooLong)));
            }
            self.line.pop_if(|&mut last| last == b'\r');
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        Ok(Some(line::parse(&self.line, &mut self.values).map(<[u8]>::len).map(|length| {
            self.line.truncate(length);
        })))
    }

    /// Reads a row of a binary file: its word to `line`, its numbers to `values`. `None` at
    /// the end.
    fn next_binary(&mut self) -> Result<Option<Result<(), Flaw>>, Error> {
        let declared = self.declared.unwrap_or(0);
        if self.place == declared {
            let more = binary::skip_newlines(&mut self.read);
            self.findings.goes_on = more.map_err(|source| self.failed(source))?;
            return Ok(None);
        }
        self.place += 1;
        let word = binary::read_word(&mut self.read, &mut self.line);
        match word.map_err(|source| self.failed(source))? {
            Word::Read => {}
            Word::End => return Err(Error::Truncated { row: self.place, declared }),
            // Where its numbers begin, nobody knows.
            Word::TooLong => {
                return Err(Error::Malformed { place: self.here(), flaw: Flaw::TooLong });
            }
        }
        match self.read.read_exact(&mut self.bytes) {
            Ok(()) => Ok(Some(binary::numbers(&self.bytes, &mut self.values))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Error::Truncated { row: self.place, declared })
            }
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Checks the word at `line` and puts it where rows are given from.
    fn check_word(&mut self) -> Result<(), Flaw> {
        let word = std::str::from_utf8(&self.line).map_err(|_| Flaw::NotUtf8)?;
        if word.bytes().all(|byte| byte == b' ' || byte == b'\t') {
            return Err(Flaw::EmptyWord);
        }
        if word.contains(['\n', '\r']) {
            return Err(Flaw::LineBreak);
        }
        if !self.seen.insert(word) {
            return Err(Flaw::Duplicate);
        }
        self.word.clear();
        self.word.push_str(word);
        Ok(())
    }

    fn here(&self) -> Place {
        match self.layout {
            Layout::Word2vecBinary => Place::Row(self.place),
            Layout::HeaderText | Layout::PlainText => Place::Line(self.place),
        }
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Read { place: self.here(), source }
    }
}
