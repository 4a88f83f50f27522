//! Finding models in a tree.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{
    INDEX_SCHEMA, IndexFile, Line, MAX_PAGE_BYTES, MAX_PAGES, Page, TreeReader, page_of, page_path,
    shard_path,
};
use crate::digest::Sha256Digest;
use crate::entry::{Entry, MAX_ENTRY_BYTES};
use crate::error::Error;
use crate::index::{Row, Suggestions};
use crate::name::ModelName;
use crate::schema::SchemaOnly;

/// Pages that are fetched for the sake of a suggestion or a search without a second thought:
/// those of sixteen thousand models.
const FEW_PAGES: usize = 64;

/// A tree whose `index.json` was read.
#[derive(Debug)]
pub(crate) struct Tree {
    reader: Box<dyn TreeReader>,
    /// The digest of each page; `None` for one without lines.
    pages: Vec<Option<Sha256Digest>>,
    models: u64,
}

impl Tree {
    /// The tree of `payload`, what `index.json` says without its signatures.
    pub(crate) fn new(
        origin: &str,
        payload: &[u8],
        reader: Box<dyn TreeReader>,
    ) -> Result<Self, Error> {
        let origin = format!("index.json of {origin}");
        let file = read_index(payload, &origin)?;
        let pages = file
            .pages
            .iter()
            .map(|page| if page.is_empty() { Ok(None) } else { page.parse().map(Some) })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { reader, pages, models: file.models })
    }

    /// How many models there are.
    pub(crate) fn models(&self) -> u64 {
        self.models
    }

    /// The entry with this name or alias. What is wrong with other lines of its page goes to
    /// `rejected`.
    pub(crate) fn lookup(
        &self,
        name: &ModelName,
        rejected: &mut Vec<Error>,
    ) -> Result<Option<Entry>, Error> {
        let mut found = self.find(name, rejected)?;
        if let Some(Line::Alias { of, .. }) = &found {
            found = self.find(of, rejected)?;
        }
        match found {
            Some(Line::Model { shard, name, .. }) => self.entry(&name, &shard).map(Some),
            // An alias of an alias means nothing.
            _ => Ok(None),
        }
    }

    fn find(&self, name: &ModelName, rejected: &mut Vec<Error>) -> Result<Option<Line>, Error> {
        let Some(digest) = &self.pages[page_of(name, self.pages.len())] else { return Ok(None) };
        let (path, bytes) = self.page(digest)?;
        let mut alias = None;
        for line in Page::new(&bytes, &path).lines() {
            match line {
                Ok(line) if line.key() == name => match line {
                    // A name wins over an alias, wherever it stands.
                    Line::Model { .. } => return Ok(Some(line)),
                    Line::Alias { .. } => alias = alias.or(Some(line)),
                },
                Ok(_) => {}
                Err(error) => rejected.push(error),
            }
        }
        Ok(alias)
    }

    fn page(&self, digest: &Sha256Digest) -> Result<(String, Vec<u8>), Error> {
        let path = page_path(digest);
        let bytes = self.reader.object(&path, digest, MAX_PAGE_BYTES)?;
        Ok((path, bytes))
    }

    /// The entry called `name`, as its shard says.
    fn entry(&self, name: &ModelName, shard: &Sha256Digest) -> Result<Entry, Error> {
        let path = shard_path(name, shard);
        let bytes = self.reader.object(&path, shard, MAX_ENTRY_BYTES)?;
        let entry = Entry::from_json(&bytes, &path)?;
        entry.validate(&path)?;
        if entry.name != *name {
            return Err(Error::NameConflict {
                origin: path,
                name: entry.name,
                why: format!("it stands under `{name}`"),
            });
        }
        Ok(entry)
    }

    /// Gives every row to `visit`, in no order, from several threads. Lines and pages that
    /// cannot be read go to `rejected`.
    pub(crate) fn rows(&self, visit: &(dyn Fn(Row) + Sync), rejected: &mut Vec<Error>) {
        self.lines(
            &|_| true,
            &|line| {
                if let Line::Model { row: Some(row), .. } = line {
                    visit(*row);
                }
            },
            rejected,
        );
    }

    /// Considers every name, or of a large tree that is far away those that are at hand.
    pub(crate) fn suggest(&self, suggestions: &mut Suggestions) {
        let shared = Mutex::new(suggestions);
        let few = self.pages.len() <= FEW_PAGES;
        let wanted = |digest: &Sha256Digest| few || self.reader.is_at_hand(digest);
        let consider = |line: Line| {
            let Ok(mut suggestions) = shared.lock() else { return };
            match line {
                Line::Alias { alias, of } => suggestions.consider(&alias, &of),
                Line::Model { name, row, .. } => {
                    suggestions.consider(&name, &name);
                    for alias in row.iter().flat_map(|row| &row.aliases) {
                        suggestions.consider(alias, &name);
                    }
                }
            }
        };
        // Where nothing can be suggested, nothing is: the name was not found either way.
        self.lines(&wanted, &consider, &mut Vec::new());
    }

    fn lines(
        &self,
        wanted: &(dyn Fn(&Sha256Digest) -> bool + Sync),
        visit: &(dyn Fn(Line) + Sync),
        rejected: &mut Vec<Error>,
    ) {
        let pages: Vec<&Sha256Digest> = self.pages.iter().flatten().filter(|d| wanted(d)).collect();
        let next = AtomicUsize::new(0);
        let errors = Mutex::new(Vec::new());
        let work = || {
            while let Some(digest) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut wrong = Vec::new();
                match self.page(digest) {
                    Ok((path, bytes)) => {
                        for line in Page::new(&bytes, &path).lines() {
                            match line {
                                Ok(line) => visit(line),
                                Err(error) => wrong.push(error),
                            }
                        }
                    }
                    Err(error) => wrong.push(error),
                }
                if let Ok(mut errors) = errors.lock() {
                    errors.append(&mut wrong);
                }
            }
        };
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(pages.len());
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        rejected.extend(errors.into_inner().unwrap_or_default());
    }
}

/// What `index.json` says, checked. `origin` names it in errors.
pub(crate) fn read_index(payload: &[u8], origin: &str) -> Result<IndexFile, Error> {
    let broken = |source| Error::Json { origin: origin.to_owned(), source };
    let schema: SchemaOnly = serde_json::from_slice(payload).map_err(broken)?;
    schema.check(origin, INDEX_SCHEMA)?;
    let file: IndexFile = serde_json::from_slice(payload).map_err(broken)?;
    let invalid = |why: String| Error::IndexInvalid { origin: origin.to_owned(), why };
    if file.kind != "index" {
        return Err(invalid(format!("its type is {:?}", file.kind)));
    }
    if !file.pages.len().is_power_of_two() || file.pages.len() > MAX_PAGES {
        return Err(invalid(format!("it has {} pages", file.pages.len())));
    }
    Ok(file)
}
