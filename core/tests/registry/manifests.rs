//! Manifests and tags.

mod conditions;
mod delete;
mod get;
mod put;
mod references;
