//! A registry without a network: a host that carries out one exchange after the other, on a store in memory.

mod body;
mod label;
mod manifest;
mod run;
mod store;

pub use body::{Body, Piece};
pub use label::label;
pub use manifest::{image, index};
pub use run::{Reply, Run, Step};
pub use store::{Object, Store, Trouble};

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use wharfinger_core::access::{Access, Peer, Verdict};
use wharfinger_core::exchange::{BodyLength, Exchange, Given, RequestHead};
use wharfinger_core::oci::{Algorithm, Digest};
use wharfinger_core::upload::Secret;
use wharfinger_core::{Config, Limits};

/// A registry, its store, and how its host behaves.
#[derive(Clone)]
pub struct Registry {
    pub config: Config,
    pub store: Store,
    pub host: Host,
    /// Seconds of Unix time.
    pub now: u64,
    requests: u64,
}

/// What a host is free to do one way or the other.
#[derive(Clone, Copy)]
pub struct Host {
    /// The store's answer is told before the end of the body that it answers.
    pub head_before_fed: bool,
    /// Memory is granted.
    pub memory: bool,
    /// So many retries are granted.
    pub retries: u32,
    /// There are URLs of blobs.
    pub locations: bool,
    /// The client takes no more of the reply than so many bytes.
    pub reply_bytes_max: Option<usize>,
    /// Bytes that move at once.
    pub chunk_bytes: usize,
    /// What comes of every password; `None` where they are looked at.
    pub verdict: Option<Verdict>,
}

impl Registry {
    pub fn new() -> Self {
        let config = Config {
            secret: Secret::new(b"a secret of tests"),
            access: Access::open(),
            sparse_manifests: false,
            redirects: false,
            store_md5: true,
            limits: Limits::default(),
        };
        let host = Host {
            head_before_fed: false,
            memory: true,
            retries: u32::MAX,
            locations: true,
            reply_bytes_max: None,
            chunk_bytes: 7,
            verdict: None,
        };
        Self { config, store: Store::default(), host, now: 1_800_000_000, requests: 0 }
    }

    /// Starts an exchange.
    pub fn start(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Run {
        let body = body.into();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        self.requests += 1;
        let mut entropy = [0; 16];
        entropy[8..].copy_from_slice(&self.requests.to_be_bytes());
        let length = body.promised.map_or(BodyLength::Unknown, BodyLength::Exactly);
        let head =
            RequestHead { method: &method, target, headers: &headers, body: length, peer: Peer::default() };
        let config = Arc::new(self.config.clone());
        let exchange = Exchange::new(&config, &head, Given { now: self.now, entropy });
        Run::new(exchange, method == Method::HEAD, body, self.host)
    }

    /// Lives a whole exchange.
    pub fn send(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut run = self.start(method, target, fields, body);
        while run.turn(&mut self.store) {}
        run.into_reply()
    }

    pub fn get(&mut self, target: &str) -> Reply {
        self.send("GET", target, &[], ())
    }

    pub fn head(&mut self, target: &str) -> Reply {
        self.send("HEAD", target, &[], ())
    }

    pub fn delete(&mut self, target: &str) -> Reply {
        self.send("DELETE", target, &[], ())
    }

    /// Starts an upload; tells its Location.
    pub fn begin(&mut self, repository: &str) -> String {
        let reply = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], ());
        assert_eq!(reply.status, 202);
        reply.location()
    }

    /// Sends a chunk; tells the next Location.
    pub fn patch(&mut self, location: &str, body: impl Into<Body>) -> String {
        let reply = self.send("PATCH", location, &[], body);
        assert_eq!(reply.status, 202, "{}", reply.text());
        reply.location()
    }

    /// Ends an upload.
    pub fn put(&mut self, location: &str, digest: &Digest, body: impl Into<Body>) -> Reply {
        self.send("PUT", &format!("{location}&digest={digest}"), &[], body)
    }

    /// Pushes a blob in one request.
    pub fn push(&mut self, repository: &str, content: &[u8]) -> Digest {
        let digest = sha256(content);
        let target = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        assert_eq!(self.send("POST", &target, &[], content).status, 201);
        digest
    }

    /// Pushes a manifest.
    pub fn push_manifest(&mut self, repository: &str, reference: &str, manifest: &[u8]) -> Digest {
        let reply = self.send("PUT", &format!("/v2/{repository}/manifests/{reference}"), &[], manifest);
        assert_eq!(reply.status, 201, "{}", reply.text());
        sha256(manifest)
    }

    /// Pushes a config and a layer, and an image of them; tells the image and its digest.
    pub fn push_image(&mut self, repository: &str, reference: &str, seed: &str) -> (Vec<u8>, Digest) {
        let manifest = self.image_of(repository, seed);
        let digest = self.push_manifest(repository, reference, &manifest);
        (manifest, digest)
    }

    /// Pushes an image whose manifest has this many bytes, and some more.
    pub fn push_long_image(&mut self, repository: &str, reference: &str, length: usize) -> (Vec<u8>, Digest) {
        let mut manifest = self.image_of(repository, "image");
        manifest.truncate(manifest.len() - 1);
        let text = "x".repeat(length);
        manifest.extend_from_slice(format!(",\"annotations\":{{\"a\":\"{text}\"}}}}").as_bytes());
        let digest = self.push_manifest(repository, reference, &manifest);
        (manifest, digest)
    }

    /// Pushes a config and a layer; tells an image of them.
    pub fn image_of(&mut self, repository: &str, seed: &str) -> Vec<u8> {
        let config = format!("config of {seed}");
        let layer = format!("layer of {seed}");
        self.push(repository, config.as_bytes());
        self.push(repository, layer.as_bytes());
        image(config.as_bytes(), &[layer.as_bytes()], None)
    }
}

pub fn sha256(content: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, content)
}

pub fn sha512(content: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha512, content)
}

/// Bytes that differ from place to place.
pub fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}
