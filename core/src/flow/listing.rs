use crate::oci::encode_component;

/// So many rows a listing shows at most, and where nobody says how many.
pub(crate) const ROWS_MAX: u32 = 10_000;

/// How many rows a client gets that asked for `n`.
pub(crate) fn rows(n: Option<u32>) -> u32 {
    n.unwrap_or(ROWS_MAX).min(ROWS_MAX)
}

/// The Link to what follows `last` (distribution-spec, end-8b).
pub(crate) fn link(path: &str, rows: u32, last: &str) -> String {
    format!("<{path}?n={rows}&last={}>; rel=\"next\"", encode_component(last))
}
