//! Serve a registry and take what its owners publish.
