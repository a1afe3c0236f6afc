//! A model of a whole registry: clients that push, mount, read and delete, and prunes, on a store as Swift is.
//!
//! The exchanges are real. Between two steps of the search all happens that concerns one exchange alone, so that what is
//! left to choose is which call of whom the store carries out next, how it answers, and what goes wrong. Every order of
//! the rest comes to the same: it reads and writes nothing that another one can see.

mod client;
mod cluster;
mod deed;
mod document;
mod meddling;
mod promises;
mod properties;
mod prune;
mod search;
mod steps;
mod world;

pub use client::Client;
pub use cluster::{Cluster, Mark, Rules, Version};
pub use deed::Deed;
pub use document::Document;
pub use meddling::Mutant;
pub use promises::Promises;
pub use prune::{Kinds, Protocol, Prune, Pruning};
pub use world::{Action, Fate, Late, Plan, Registry, Troubles, World};
