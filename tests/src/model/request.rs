use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use wharfinger_core::Config;
use wharfinger_core::exchange::{BodyLength, Exchange, Given, RequestHead};

/// A request as a client sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The target.
    pub target: String,
    /// The body.
    pub body: Bytes,
    /// Whether the head states the body's length.
    pub length_stated: bool,
}

impl Request {
    /// A request without a body.
    pub fn new(method: Method, target: String) -> Self {
        Self { method, target, body: Bytes::new(), length_stated: true }
    }

    /// The exchange that it starts. All requests come in the same second.
    pub fn start(&self, config: &Arc<Config>, entropy: [u8; 16]) -> Exchange {
        self.start_at(config, Given { now: 1_000_000, entropy })
    }

    /// The exchange that it starts.
    pub fn start_at(&self, config: &Arc<Config>, given: Given) -> Exchange {
        let headers = HeaderMap::new();
        let body = match self.length_stated {
            true => BodyLength::Exactly(self.body.len() as u64),
            false => BodyLength::Unknown,
        };
        let head = RequestHead {
            method: &self.method,
            target: &self.target,
            headers: &headers,
            body,
            peer: wharfinger_core::access::Peer::default(),
        };
        Exchange::new(config, &head, given)
    }
}
