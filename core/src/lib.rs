//! The OCI registry protocol as pure data.
