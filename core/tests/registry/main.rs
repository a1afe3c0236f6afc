//! Every endpoint, told as conversations with a registry that has no network.

mod access;
mod blobs;
mod blobs_redirected;
mod calls;
mod design;
mod interleaving;
mod lists;
mod manifests;
mod routes;
mod support;
mod uploads;
