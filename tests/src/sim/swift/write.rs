use std::rc::Rc;

use bytes::Bytes;
use wharfinger_core::transfer::md5_of;

use super::listing::Row;
use super::message::{http_date, timestamp_text};
use super::{Answer, Ask, Content, Nodes, REPLICAS, Swift, Version};
use crate::sim::Mutant;

impl Swift {
    pub(super) fn put(&mut self, ask: &Ask, now: u64, nodes: Nodes) -> Answer {
        let mut bytes = ask.body.clone();
        if bytes.len() > self.object_bytes_max {
            return Answer::new(413, now).text("PUT", "Your request is too large.");
        }
        if self.mutant == Some(Mutant::TailLost) && ask.path.contains("/segments/") {
            bytes.truncate(bytes.len().saturating_sub(1));
        }
        let md5 = hex(&md5_of(&ask.body));
        let content_type = ask.field("content-type").unwrap_or("application/octet-stream").to_owned();
        let content = Content { bytes, md5: md5.clone(), content_type, large: None };
        self.store(ask, content, &md5, false, now, nodes)
    }

    /// The end of every PUT: conditions, the timestamp, a quorum.
    pub(super) fn store(
        &mut self,
        ask: &Ask,
        content: Content,
        etag: &str,
        quoted: bool,
        now: u64,
        nodes: Nodes,
    ) -> Answer {
        let create_only = match ask.field("if-none-match") {
            Some("*") => true,
            Some(_) => return Answer::new(400, now).text("PUT", "If-None-Match only supports *"),
            None => false,
        };
        let reached = nodes.iter().filter(|up| **up).count();
        let replicas = self.objects.entry(ask.path.clone()).or_default();
        if create_only && replicas.count(&nodes) > 0 {
            return Answer::new(412, now).text("PUT", "Precondition Failed");
        }
        if ask.field("etag").is_some_and(|wanted| wanted.trim_matches('"') != etag) {
            return Answer::new(422, now).text("PUT", "Unable to process the contained instructions");
        }
        let at = self.timestamp(now);
        let replicas = self.objects.entry(ask.path.clone()).or_default();
        // Whoever has something newer keeps it, and the proxy tells nobody.
        if replicas.is_newer(at, &nodes) {
            return Answer::new(202, now);
        }
        let version = Version { at, touched: at, content: Some(Rc::new(content)) };
        replicas.put(&version, &nodes);
        self.changed.push(ask.path.clone());
        self.record_row(&ask.path, Row::of(&version), nodes);
        if reached < QUORUM {
            return Answer::new(503, now).text("PUT", "The server is currently unavailable.");
        }
        let etag = if quoted { format!("\"{etag}\"") } else { etag.to_owned() };
        Answer::new(201, now).with("etag", &etag).with("last-modified", &http_date(at.div_ceil(100_000)))
    }

    pub(super) fn delete(&mut self, ask: &Ask, now: u64, nodes: Nodes) -> Answer {
        let reached = nodes.iter().filter(|up| **up).count();
        let at = self.timestamp(now);
        let replicas = self.objects.entry(ask.path.clone()).or_default();
        if replicas.is_newer(at, &nodes) {
            // What was deleted later is gone all the same.
            let status = if replicas.count(&nodes) == 0 { 404 } else { 409 };
            return Answer::new(status, now).with("x-backend-timestamp", &timestamp_text(at));
        }
        let found = replicas.count(&nodes);
        let version = Version { at, touched: at, content: None };
        replicas.put(&version, &nodes);
        self.changed.push(ask.path.clone());
        self.record_row(&ask.path, Row::of(&version), nodes);
        let status = match (reached, found) {
            (0, _) => 503,
            (..QUORUM, _) => 503,
            (_, QUORUM..) => 204,
            (_, 0) => 404,
            // No quorum says the same: what is gone counts as deleted.
            (_, _) if reached < REPLICAS => 204,
            (_, _) => 404,
        };
        Answer::new(status, now)
    }

    /// POST: metadata are written anew, and the object is young.
    pub(super) fn touch(&mut self, ask: &Ask, now: u64, nodes: Nodes) -> Answer {
        let reached = nodes.iter().filter(|up| **up).count();
        let at = self.timestamp(now);
        let Some(replicas) = self.objects.get_mut(&ask.path) else {
            return Answer::new(if reached < QUORUM { 503 } else { 404 }, now);
        };
        let found = replicas.count(&nodes);
        if self.mutant != Some(Mutant::TouchIgnored) {
            replicas.touch(at, &nodes);
        }
        let row = replicas.newest(&nodes).map(Row::of);
        if let Some(row) = row.filter(|_| found > 0) {
            self.record_row(&ask.path, row, nodes);
        }
        let status = match (found, reached - found) {
            (QUORUM.., _) => 202,
            (_, QUORUM..) => 404,
            (_, _) => 503,
        };
        Answer::new(status, now).text("POST", if status == 202 { "Accepted" } else { "" })
    }

    /// COPY: of a large object its manifest alone, where the query says so, or all that it is made of.
    pub(super) fn copy(&mut self, ask: &Ask, now: u64, nodes: Nodes) -> Answer {
        let Some(destination) = ask.field("destination") else {
            return Answer::new(412, now).text("COPY", "Destination header required");
        };
        let to = Ask::parse(
            "PUT",
            &format!("/v1/a/{}", destination.trim_start_matches('/')),
            ask.fields.clone(),
            Bytes::new(),
        );
        let found = self.look(&ask.path, ask.is_newest(), nodes);
        let source = match found.map(|version| version.content) {
            Ok(Some(content)) => content,
            Ok(None) => return Answer::new(404, now),
            Err(status) => return Answer::new(status, now),
        };
        let mut to = to;
        to.fields.remove("if-none-match");
        to.fields.remove("etag");
        let content_type = source.content_type.clone();
        if ask.query("multipart-manifest") == Some("get") && source.large.is_some() {
            let large = source.large.as_ref().map(super::versions::Large::again);
            let etag = source.etag().to_owned();
            let content =
                Content { bytes: source.bytes.clone(), md5: source.md5.clone(), content_type, large };
            return self.store(&to, content, &etag, true, now, nodes);
        }
        let Some(bytes) = self.whole(&source) else { return Answer::new(409, now) };
        let md5 = hex(&md5_of(&bytes));
        let content = Content { bytes: bytes.into(), md5: md5.clone(), content_type, large: None };
        self.store(&to, content, &md5, false, now, nodes)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// So many servers have to agree.
pub(super) const QUORUM: usize = 2;
