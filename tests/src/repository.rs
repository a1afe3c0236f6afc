//! The dialogues of a pushing and pulling client, spoken over raw HTTP.

use crate::digest::{named, sha256};
use crate::http::{Connection, Response};
use crate::random::Random;
use sha2::{Digest, Sha256};
use std::io::{self, Error, ErrorKind};
use std::net::SocketAddr;

/// One repository of a registry. Every call opens a connection of its own, so that one value can serve many threads.
#[derive(Clone, Debug)]
pub struct Repository {
    address: SocketAddr,
    name: String,
}

impl Repository {
    /// The repository `name` of the registry at `address`.
    pub fn new(address: SocketAddr, name: &str) -> Self {
        Self { address, name: name.to_owned() }
    }

    /// Opens a connection to the registry.
    ///
    /// # Errors
    /// Whatever connecting fails with.
    pub fn connect(&self) -> io::Result<Connection> {
        Connection::open(self.address)
    }

    /// Pushes so many MiB in chunked coding, as docker does, made as they leave; answers the digest. Another seed makes other
    /// bytes.
    ///
    /// # Errors
    /// When the registry does not store it.
    pub fn push_mib(&self, seed: u64, mib: u64) -> io::Result<String> {
        let mut piece = Random::new(seed).bytes(1 << 20);
        let mut sum = Sha256::new();
        let mut connection = self.connect()?;
        let begun = self.begin(&mut connection)?;
        connection.send_head("PATCH", &begun, &[OCTETS, ("Transfer-Encoding", "chunked")])?;
        for number in 0..mib {
            piece[..8].copy_from_slice(&number.to_le_bytes());
            sum.update(&piece);
            connection.send(format!("{:x}\r\n", piece.len()).as_bytes())?;
            connection.send(&piece)?;
            connection.send(b"\r\n")?;
        }
        connection.send(b"0\r\n\r\n")?;
        let target = location(&connection.read_response("PATCH")?.expect(202)?)?;
        let digest = named(sum.finalize().as_slice());
        connection.request("PUT", &finishing(&target, &digest), &[], b"")?.expect(201)?;
        Ok(digest)
    }

    /// Sends one request for `/v2/<name>/<rest>`.
    ///
    /// # Errors
    /// Whatever the connection fails with; a status is never an error.
    pub fn ask(&self, method: &str, rest: &str) -> io::Result<Response> {
        self.connect()?.request(method, &format!("/v2/{}/{rest}", self.name), &[], b"")
    }

    /// Begins an upload and answers where it continues.
    ///
    /// # Errors
    /// When the answer is not 202 with a Location.
    pub fn begin(&self, connection: &mut Connection) -> io::Result<String> {
        let target = format!("/v2/{}/blobs/uploads/", self.name);
        location(&connection.request("POST", &target, &[], b"")?.expect(202)?)
    }

    /// Uploads a blob with POST and one PUT, and answers the response of the last request sent.
    ///
    /// # Errors
    /// Whatever the connection fails with.
    pub fn push_whole(&self, bytes: &[u8]) -> io::Result<Response> {
        let mut connection = self.connect()?;
        let begun = connection.request("POST", &format!("/v2/{}/blobs/uploads/", self.name), &[], b"")?;
        if begun.status() != 202 {
            return Ok(begun);
        }
        let target = finishing(&location(&begun)?, &sha256(bytes));
        connection.request("PUT", &target, &[OCTETS], bytes)
    }

    /// Uploads a blob with POST, PATCHes of `piece_bytes` each, and a PUT without a body; answers the first response that
    /// is not a success, or the last one.
    ///
    /// # Errors
    /// Whatever the connection fails with.
    pub fn push_pieces(&self, bytes: &[u8], piece_bytes: usize) -> io::Result<Response> {
        let mut connection = self.connect()?;
        let begun = connection.request("POST", &format!("/v2/{}/blobs/uploads/", self.name), &[], b"")?;
        if begun.status() != 202 {
            return Ok(begun);
        }
        let mut at = location(&begun)?;
        for piece in bytes.chunks(piece_bytes) {
            let patched = connection.request("PATCH", &at, &[OCTETS], piece)?;
            if patched.status() != 202 {
                return Ok(patched);
            }
            at = location(&patched)?;
        }
        connection.request("PUT", &finishing(&at, &sha256(bytes)), &[], b"")
    }

    /// The size of a blob, or `None` if the registry does not have it.
    ///
    /// # Errors
    /// When the answer is neither 200 with a length nor 404.
    pub fn stat(&self, digest: &str) -> io::Result<Option<u64>> {
        let response = self.ask("HEAD", &format!("blobs/{digest}"))?;
        if response.status() == 404 {
            return Ok(None);
        }
        let length = response.expect(200)?.head.length();
        length.map(Some).ok_or_else(|| invalid("a HEAD without Content-Length"))
    }

    /// A blob, or `None` if the registry does not have it.
    ///
    /// # Errors
    /// When the answer is neither 200 with bytes of that digest nor 404.
    pub fn read(&self, digest: &str) -> io::Result<Option<Vec<u8>>> {
        let response = self.ask("GET", &format!("blobs/{digest}"))?;
        if response.status() == 404 {
            return Ok(None);
        }
        let body = response.expect(200)?.body;
        if sha256(&body) == digest {
            return Ok(Some(body));
        }
        Err(invalid(&format!("GET of {digest} answered {} bytes of {}", body.len(), sha256(&body))))
    }

    /// Uploads a manifest under a tag or digest.
    ///
    /// # Errors
    /// Whatever the connection fails with.
    pub fn push_manifest(&self, reference: &str, media_type: &str, bytes: &[u8]) -> io::Result<Response> {
        let target = format!("/v2/{}/manifests/{reference}", self.name);
        self.connect()?.request("PUT", &target, &[("Content-Type", media_type)], bytes)
    }

    /// A manifest by tag or digest, or `None` if the registry does not have it.
    ///
    /// # Errors
    /// When the answer is neither 200 nor 404.
    pub fn read_manifest(&self, reference: &str) -> io::Result<Option<Vec<u8>>> {
        let target = format!("/v2/{}/manifests/{reference}", self.name);
        let response = self.connect()?.request("GET", &target, &[("Accept", MANIFEST_TYPES)], b"")?;
        if response.status() == 404 {
            return Ok(None);
        }
        Ok(Some(response.expect(200)?.body))
    }
}

/// What a client accepts as a manifest.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";
/// The field that clients send with the bytes of a blob.
pub const OCTETS: (&str, &str) = ("Content-Type", "application/octet-stream");

/// The path and query of a Location, whether it is relative or absolute.
///
/// # Errors
/// When there is none.
pub fn location(response: &Response) -> io::Result<String> {
    let text = response.head.field("location").ok_or_else(|| invalid("an answer without a Location"))?;
    let path = text.split_once("://").map_or(text, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    Ok(path.to_owned())
}

/// The target of the PUT that finishes an upload.
pub fn finishing(location: &str, digest: &str) -> String {
    let joint = if location.contains('?') { '&' } else { '?' };
    format!("{location}{joint}digest={digest}")
}

/// Fails unless `response` is a refusal of that status in the form of the distribution specification.
///
/// # Errors
/// `InvalidData`, with what came.
pub fn refused(response: Response, status: u16) -> io::Result<()> {
    let response = response.expect(status)?;
    let json: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let first = &json["errors"][0];
    let typed = response.head.field("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    if typed && first["code"].is_string() && first["message"].is_string() {
        return Ok(());
    }
    Err(invalid(&format!("not an error body of the specification: {}", response.text())))
}

fn invalid(text: &str) -> Error {
    Error::new(ErrorKind::InvalidData, text)
}
