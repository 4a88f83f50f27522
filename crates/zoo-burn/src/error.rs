/// What can go wrong when a model becomes a module, or is run as one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A model of which nobody knows where its head begins.
    #[error("no head was found in `{model}`: there is no feature to end at")]
    NoHead {
        /// Its name.
        model: String,
    },
    /// An output of another rank or type than the caller wants.
    #[error("`{name}` is {found}, not a floating-point tensor of rank {rank}")]
    Output {
        /// The value's name.
        name: String,
        /// The wanted rank.
        rank: usize,
        /// What it is instead.
        found: String,
    },
    /// The model itself, or the input.
    #[error(transparent)]
    Model(#[from] zoo_model::Error),
}
