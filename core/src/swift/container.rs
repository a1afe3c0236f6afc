use http::Method;

use super::draft::{Draft, Rendered};
use super::verdict::trouble;
use super::{Endpoint, HttpHead, Token, Verdict};
use crate::store::Reply;

/// The requests that create the containers; where they are there already they change nothing.
pub fn render_containers(endpoint: &Endpoint, token: &Token) -> Vec<Rendered> {
    let mut names = vec![endpoint.container(), endpoint.segments_container()];
    names.dedup();
    let put = |name| Draft::new(Method::PUT, endpoint.container_uri(name, "")).with_token(token).bare();
    names.into_iter().map(put).collect()
}

/// What Swift's answer to one of them means: [`Reply::Done`], or trouble.
pub fn classify_container(head: &HttpHead) -> Verdict {
    match head.status.as_u16() {
        // 202: it is there already.
        200..=204 => Verdict::Reply(Reply::Done),
        _ => trouble(head, true),
    }
}
