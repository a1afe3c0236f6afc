//! One cell's own repository, seen through the registry that is hit by the fault, through one that is not, and in Swift.

use std::io;
use std::net::SocketAddr;

use serde_json::json;
use wharfinger_tests::digest::sha256;
use wharfinger_tests::http::Response;
use wharfinger_tests::image::{CONFIG, MANIFEST};
use wharfinger_tests::repository::Repository;
use wharfinger_tests::swift::client::Client;

use super::super::bytes;
use super::CONTAINER;

/// The tag that manifests are pushed under.
pub const TAG: &str = "v1";

/// What Swift holds of what was pushed.
pub type Held = Result<bool, String>;

/// A repository that one cell alone uses, with content that no other cell has.
pub struct Scene {
    /// The number of the cell.
    pub number: u64,
    /// The name of the repository.
    pub name: String,
    /// The registry whose requests to Swift pass the faults.
    pub faulty: Repository,
    /// Another registry on the same container.
    pub clean: Repository,
    /// Where that one listens.
    pub clean_address: SocketAddr,
    /// Swift itself.
    pub client: Client,
    /// What is touched from here on is younger, in seconds since 1970.
    pub aged: f64,
}

impl Scene {
    /// The cell's blob, of so many bytes.
    pub fn blob(&self, length: usize) -> Vec<u8> {
        bytes(1_000_000 + self.number, length)
    }

    /// The small blob that the cell's manifest needs.
    pub fn config(&self) -> Vec<u8> {
        bytes(2_000_000 + self.number, 500)
    }

    /// The cell's manifest: it refers to a subject.
    pub fn manifest(&self) -> Vec<u8> {
        let config = self.config();
        let config = json!({"mediaType": CONFIG, "digest": sha256(&config), "size": config.len()});
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config,
            "layers": [],
            "subject": {"mediaType": MANIFEST, "digest": self.subject(), "size": 7},
            "annotations": {"cell": self.name},
        });
        manifest.to_string().into_bytes()
    }

    /// What the manifest refers to.
    pub fn subject(&self) -> String {
        sha256(self.name.as_bytes())
    }

    /// The repository that blobs are mounted from.
    pub fn source(&self) -> Repository {
        Repository::new(self.clean_address, &format!("{}-source", self.name))
    }

    /// Pushes all blobs of the manifest, past the faults.
    pub fn push_config(&self) {
        pushed(self.clean.push_whole(&self.config()));
    }

    /// Pushes the manifest and what it needs, past the faults.
    pub fn push_image(&self) {
        self.push_config();
        pushed(self.clean.push_manifest(TAG, MANIFEST, &self.manifest()));
    }

    /// The object of that name, past all registries.
    pub fn object(&self, name: &str) -> Option<Vec<u8>> {
        let path = format!("/{CONTAINER}/{name}");
        let answer = self.client.request("GET", &path, &[("X-Newest", "true")], b"");
        let answer = answer.expect("Swift answers");
        match answer.status() {
            404 => None,
            200 => Some(answer.body),
            status => panic!("Swift answers {status} for {path}"),
        }
    }

    /// Whether the repository has this blob in Swift, whole; an error if it has anything else of that name.
    pub fn holds_blob(&self, blob: &[u8]) -> Held {
        let digest = sha256(blob);
        let content = self.object(&blob_name(&digest));
        if content.as_ref().is_some_and(|content| content != blob) {
            return Err("the blob has other content".to_owned());
        }
        match (self.object(&self.link_name(&digest)), content) {
            (None, _) => Ok(false),
            (Some(_), None) => Err("a link to nothing".to_owned()),
            (Some(link), Some(_)) if link == format!("{{\"size\":{}}}", blob.len()).as_bytes() => Ok(true),
            (Some(link), Some(_)) => Err(format!("a link {:?}", String::from_utf8_lossy(&link))),
        }
    }

    /// Whether Swift has the manifest under its digest and its tag, and its entry among the referrers.
    pub fn holds_image(&self) -> Held {
        let manifest = self.manifest();
        let mut all = true;
        for name in [self.manifest_name(), self.tag_name()] {
            match self.object(&name) {
                None => all = false,
                Some(record) if record.ends_with(&manifest) && record.starts_with(b"{\"mediaType\":") => {}
                Some(_) => return Err(format!("{name} is something else")),
            }
        }
        Ok(all && self.object(&self.referrer_name()).is_some())
    }

    /// Whether Swift has the manifest under its tag.
    pub fn holds_tag(&self) -> Held {
        match self.object(&self.tag_name()) {
            Some(record) if !record.ends_with(&self.manifest()) => Err("another manifest".to_owned()),
            record => Ok(record.is_some()),
        }
    }

    /// Whether Swift has nothing of the manifest any more.
    pub fn lost_image(&self) -> Held {
        let names = [self.manifest_name(), self.tag_name(), self.referrer_name()];
        Ok(names.iter().all(|name| self.object(name).is_none()))
    }

    /// Whether these objects were touched or written since all was aged.
    pub fn touched(&self, names: &[String]) -> Held {
        for name in names {
            let answer = self.client.head(&format!("/{CONTAINER}/{name}")).expect("Swift answers");
            let stamp = answer.head.field("x-timestamp").and_then(|stamp| stamp.parse::<f64>().ok());
            match stamp {
                Some(stamp) if stamp > self.aged => {}
                Some(_) => return Ok(false),
                None => return Err(format!("{name} is gone")),
            }
        }
        Ok(true)
    }

    /// The name of the link to a blob.
    pub fn link_name(&self, digest: &str) -> String {
        format!("links/{}!/{}", self.name, digest.replace(':', "/"))
    }

    /// The name of the manifest's record.
    pub fn manifest_name(&self) -> String {
        format!("manifests/{}!/{}", self.name, sha256(&self.manifest()).replace(':', "/"))
    }

    /// The name of the tag's record.
    pub fn tag_name(&self) -> String {
        format!("tags/{}!/{TAG}", self.name)
    }

    /// The name of the manifest's entry among the referrers.
    pub fn referrer_name(&self) -> String {
        let subject = self.subject().replace(':', "/");
        format!("referrers/{}!/{subject}/{}", self.name, sha256(&self.manifest()).replace(':', "/"))
    }
}

/// The name of a blob's content.
pub fn blob_name(digest: &str) -> String {
    let (algorithm, hex) = digest.split_once(':').expect("a digest");
    format!("blobs/{algorithm}/{}/{hex}", &hex[..2])
}

/// Something that has to be stored before a cell begins.
pub fn pushed(answer: io::Result<Response>) {
    answer.and_then(|answer| answer.expect(201)).expect("is stored");
}
