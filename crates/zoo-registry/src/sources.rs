//! Several registries at once: which of them is asked for a name.
//!
//! A registry with namespaces answers for the models of those owners alone, and nobody else
//! does: who can publish to another registry cannot slip in a model of the same name. For
//! all other names the registries without namespaces are asked, in order; the first that has
//! the model gives it. Each is opened when it is first asked.

use std::sync::OnceLock;

use crate::entry::Entry;
use crate::error::Error;
use crate::index::{Index, IndexOptions, Query, Row, Suggestions};
use crate::name::ModelName;

/// A registry to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrySpec {
    /// What its user calls it.
    pub name: String,
    /// Where it is, as [`Index::open`] takes it; `None` is the one inside the binary.
    pub location: Option<String>,
    /// The owners whose models it alone answers for; none means any name.
    pub namespaces: Vec<String>,
    /// Take it though nobody signs it.
    pub unsigned: bool,
}

impl RegistrySpec {
    /// The registry inside the binary.
    pub fn builtin() -> Self {
        Self { name: "builtin".to_owned(), location: None, namespaces: Vec::new(), unsigned: false }
    }

    /// The registry at `location`, called so.
    pub fn at(location: &str) -> Self {
        Self { name: location.to_owned(), location: Some(location.to_owned()), ..Self::builtin() }
    }
}

/// An entry, and where it was found.
#[derive(Debug)]
pub struct Found<'a> {
    /// The entry.
    pub entry: Entry,
    /// The index that has it.
    pub index: &'a Index,
    /// What the user calls that registry.
    pub registry: &'a str,
}

#[derive(Debug)]
struct Source {
    spec: RegistrySpec,
    index: OnceLock<Index>,
}

/// Registries in the order in which they are asked.
#[derive(Debug)]
pub struct Sources {
    sources: Vec<Source>,
    options: IndexOptions,
}

impl Sources {
    /// These registries, none of them opened yet.
    pub fn new(specs: Vec<RegistrySpec>, options: IndexOptions) -> Self {
        let source = |spec| Source { spec, index: OnceLock::new() };
        Self { sources: specs.into_iter().map(source).collect(), options }
    }

    /// One registry that is open already.
    pub fn of(index: Index, options: IndexOptions) -> Self {
        let spec = RegistrySpec::at(&index.origin().to_string());
        Self { sources: vec![Source { spec, index: OnceLock::from(index) }], options }
    }

    /// How registries are opened.
    pub fn options(&self) -> &IndexOptions {
        &self.options
    }

    /// The entry with this name or alias, from the registry that answers for it.
    ///
    /// # Errors
    /// [`Error::NotFound`], with names that are close; what opening or reading a registry
    /// says. A registry that fails is not passed over: another might have a model of the
    /// same name.
    pub fn lookup(&self, name: &ModelName) -> Result<Found<'_>, Error> {
        for at in self.asked(name.owner()) {
            let index = self.open(&self.sources[at])?;
            if let Some(entry) = index.get(name)? {
                let registry = &self.sources[at].spec.name;
                return Ok(Found { entry, index, registry });
            }
        }
        let mut suggestions = Suggestions::to(name);
        for source in &self.sources {
            self.open(source)?.suggest(&mut suggestions);
        }
        Err(Error::NotFound { name: name.clone(), suggestions: suggestions.into_names() })
    }

    /// The rows of all registries that `query` matches, in the order of names. Of two models
    /// with one name, that which [`Sources::lookup`] gives.
    ///
    /// # Errors
    /// What opening a registry says.
    pub fn search(&self, query: &Query) -> Result<Vec<Row>, Error> {
        let mut rows: Vec<(usize, Row)> = Vec::new();
        for (order, source) in self.sources.iter().enumerate() {
            let found = self.open(source)?.search(query);
            let is_asked = |row: &Row| self.asked(row.name.owner()).contains(&order);
            rows.extend(found.into_iter().filter(is_asked).map(|row| (order, row)));
        }
        rows.sort_by(|a, b| (&a.1.name, a.0).cmp(&(&b.1.name, b.0)));
        rows.dedup_by(|later, first| later.1.name == first.1.name);
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// What the registries left out so far, and why.
    pub fn take_rejected(&self) -> Vec<Error> {
        let open = self.sources.iter().filter_map(|source| source.index.get());
        open.flat_map(Index::take_rejected).collect()
    }

    /// Which registries answer for the models of `owner`, in order.
    fn asked(&self, owner: Option<&str>) -> Vec<usize> {
        let claims = |source: &Source| {
            owner.is_some_and(|owner| source.spec.namespaces.iter().any(|own| own == owner))
        };
        let claimed = self.sources.iter().any(claims);
        let answers = |source: &Source| {
            if claimed { claims(source) } else { source.spec.namespaces.is_empty() }
        };
        (0..self.sources.len()).filter(|&at| answers(&self.sources[at])).collect()
    }

    fn open<'a>(&'a self, source: &'a Source) -> Result<&'a Index, Error> {
        if let Some(index) = source.index.get() {
            return Ok(index);
        }
        let index = match &source.spec.location {
            None => Index::builtin(),
            Some(location) => {
                let mut options = self.options.clone();
                options.allow_unsigned |= source.spec.unsigned;
                Index::open(location, &options)?
            }
        };
        Ok(source.index.get_or_init(|| index))
    }
}
