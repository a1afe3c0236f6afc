//! Manifests and tags.

mod conditions;
mod delete;
mod delete_again;
mod get;
mod put;
mod references;
