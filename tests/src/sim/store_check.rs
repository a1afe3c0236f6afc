//! What stands in Swift, looked at directly whenever it changes.

use wharfinger_core::oci::Digest;

use super::names::{self, CONTAINER, REPOSITORIES, SEGMENTS};
use super::world::World;

impl World {
    /// Looks at all that has changed.
    pub fn check_changed(&mut self) {
        let mut changed = std::mem::take(&mut self.swift.changed);
        changed.sort();
        changed.dedup();
        for path in &changed {
            if let Err(what) = self.check(path) {
                self.fail(format!("{path} {what}"));
            }
        }
    }

    /// Looks at all that stands there.
    pub fn check_all(&mut self) {
        let paths: Vec<String> = self.swift.paths("/").map(str::to_owned).collect();
        self.swift.changed.extend(paths);
        self.check_changed();
    }

    fn check(&mut self, path: &str) -> Result<(), String> {
        if let Some(name) = path.strip_prefix(&format!("/{SEGMENTS}/")) {
            return self.check_segment(path, name);
        }
        let name = path.strip_prefix(&format!("/{CONTAINER}/")).unwrap_or_default();
        let (kind, rest) = name.split_once('/').unwrap_or_default();
        match kind {
            "blobs" => self.check_blob(path, rest),
            "links" => self.check_link(path, rest),
            "manifests" | "tags" => self.check_record(path, kind, rest),
            "referrers" => self.check_referrer(path, rest),
            _ => Err("has a strange name".to_owned()),
        }
    }

    /// Segments are written once.
    fn check_segment(&mut self, path: &str, name: &str) -> Result<(), String> {
        for content in self.swift.replicas(path) {
            let before = self.segment(name, content.etag());
            if before != content.etag() {
                return Err("was written again with other content".to_owned());
            }
        }
        Ok(())
    }

    /// Content is what its name says, on every replica.
    fn check_blob(&mut self, path: &str, rest: &str) -> Result<(), String> {
        let digest = rest
            .split_once('/')
            .map(|(algorithm, rest)| (algorithm, rest.rsplit('/').next().unwrap_or(rest)));
        let digest = digest.and_then(|(algorithm, hex)| Digest::parse(&format!("{algorithm}:{hex}")).ok());
        let digest = digest.ok_or("is no digest")?;
        for content in self.swift.replicas(path) {
            let bytes = self.swift.whole(&content).ok_or("lacks a segment")?;
            if Digest::of(digest.algorithm(), &bytes) != digest {
                return Err(format!("has other content: {bytes:?}"));
            }
        }
        Ok(())
    }

    /// What is linked is there, and as long as the link says.
    fn check_link(&mut self, path: &str, rest: &str) -> Result<(), String> {
        let (_, digest) = owned(rest).ok_or("is no link")?;
        for content in self.swift.replicas(path) {
            let link: serde_json::Value =
                serde_json::from_slice(&content.bytes).map_err(|error| error.to_string())?;
            let blob = self.swift.newest(&names::blob(&digest)).ok_or("has no content")?;
            if link["size"].as_u64() != Some(blob.size() as u64) {
                return Err(format!("tells a size of {}, which is {}", link["size"], blob.size()));
            }
        }
        Ok(())
    }

    /// Whether all is there of what a link names.
    pub fn stands(&self, link: &str) -> bool {
        let digest = link.splitn(4, '/').nth(3).and_then(owned).map(|(_, digest)| digest);
        let content = digest.and_then(|digest| self.swift.newest(&names::blob(&digest)));
        content.is_some_and(|content| self.swift.whole(&content).is_some())
    }

    /// A record is whole, and of a manifest that was pushed to this repository, with all that it needs.
    fn check_record(&mut self, path: &str, kind: &str, rest: &str) -> Result<(), String> {
        let repository = repository_of(rest).ok_or("is in no repository")?;
        for content in self.swift.replicas(path) {
            let digest = named(&content.bytes).ok_or("is no record")?;
            let goods = self.oracle.goods.clone();
            let image = goods.image_of(&digest.to_string()).ok_or("is of nobody")?;
            let end = content.bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            if content.bytes[end..] != image.bytes {
                return Err("holds other bytes than were pushed".to_owned());
            }
            let manifest = names::manifest(repository, &digest);
            if !self.oracle.was_pushed(&manifest, None) {
                return Err(format!("holds {digest}, which nobody pushed to {repository}"));
            }
            if kind == "manifests" && owned(rest).is_none_or(|(_, named)| named != digest) {
                return Err(format!("holds {digest}"));
            }
        }
        if kind == "manifests" { self.check_needs(path, repository) } else { Ok(()) }
    }

    fn check_needs(&mut self, path: &str, repository: &str) -> Result<(), String> {
        let Some(digest) = self.swift.newest(path).and_then(|content| named(&content.bytes)) else {
            return Ok(());
        };
        let goods = self.oracle.goods.clone();
        let Some(image) = goods.image_of(&digest.to_string()) else { return Ok(()) };
        let blobs = image.blobs.iter().map(|at| names::link(repository, &goods.blobs[*at].digest));
        let children = image.children.iter().map(|at| names::manifest(repository, &goods.images[*at].digest));
        for needed in blobs.chain(children) {
            if self.swift.newest(&needed).is_none() && self.oracle.must_be(&needed, self.step) {
                return Err(format!("needs {needed}, which is gone and was not deleted"));
            }
        }
        Ok(())
    }

    fn check_referrer(&mut self, path: &str, rest: &str) -> Result<(), String> {
        let (_, name) = rest.rsplit_once("sha256/").ok_or("names no referrer")?;
        for content in self.swift.replicas(path) {
            let row: serde_json::Value =
                serde_json::from_slice(&content.bytes).map_err(|error| error.to_string())?;
            if row["digest"].as_str() != Some(&format!("sha256:{name}")) {
                return Err(format!("tells of {}", row["digest"]));
            }
        }
        Ok(())
    }
}

/// The digest that a record's line names.
pub fn named(record: &[u8]) -> Option<Digest> {
    let end = record.iter().position(|byte| *byte == b'\n')?;
    let line: serde_json::Value = serde_json::from_slice(&record[..end]).ok()?;
    Digest::parse(line["digest"].as_str()?).ok()
}

fn repository_of(rest: &str) -> Option<&'static str> {
    let (name, _) = rest.split_once("!/")?;
    REPOSITORIES.into_iter().find(|known| *known == name)
}

fn owned(rest: &str) -> Option<(&str, Digest)> {
    let (repository, digest) = rest.split_once("!/")?;
    Some((repository, Digest::parse(&digest.replacen('/', ":", 1)).ok()?))
}
