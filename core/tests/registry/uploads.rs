//! Uploads: POST, PATCH, PUT, GET, DELETE.

mod bodies;
mod finish;
mod merging;
mod mount;
mod segments;
mod session;
