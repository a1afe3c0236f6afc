//! Uploads: POST, PATCH, PUT, GET, DELETE.

mod bodies;
mod finish;
mod merging;
mod mount;
mod nesting;
mod segments;
mod session;
