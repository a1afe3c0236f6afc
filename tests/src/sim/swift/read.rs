use std::rc::Rc;

use bytes::Bytes;

use super::message::{http_date, timestamp_text};
use super::versions::Content;
use super::{Answer, Ask, Nodes, Swift, Version};

impl Swift {
    /// GET and HEAD.
    pub(super) fn read(&mut self, ask: &Ask, now: u64, nodes: Nodes) -> Answer {
        let version = match self.look(&ask.path, ask.is_newest(), nodes) {
            Ok(version) => version,
            Err(status) => return Answer::new(status, now).text(&ask.method, "Not Found"),
        };
        let Some(content) = version.content.clone() else { return Answer::new(404, now) };
        if ask.query("multipart-manifest") == Some("get") {
            return described(&content, &version, now).body(&ask.method, content.rows(&version));
        }
        let quoted = format!("\"{}\"", content.etag());
        let matches = |tags: &str| {
            tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_matches('"') == content.etag())
        };
        if ask.field("if-match").is_some_and(|tags| !matches(tags)) {
            return Answer::new(412, now).with("etag", &quoted);
        }
        if ask.field("if-none-match").is_some_and(matches) {
            return Answer::new(304, now).with("etag", &quoted);
        }
        let size = content.size();
        let (status, first, end) =
            match ask.field("range").filter(|_| ask.method != "HEAD").map(|text| range(text, size)) {
                Some(Ranged::Part(first, end)) => (206, first, end),
                Some(Ranged::Never) => {
                    return Answer::new(416, now).with("content-range", &format!("bytes */{size}"));
                }
                Some(Ranged::Whole) | None => (200, 0, size),
            };
        let mut answer =
            described(&content, &version, now).with("content-length", &(end - first).to_string());
        answer.status = status;
        if status == 206 {
            answer = answer.with("content-range", &format!("bytes {first}-{}/{size}", end - 1));
        }
        if ask.method == "HEAD" {
            return answer;
        }
        let mut bytes = Vec::with_capacity(end - first);
        let whole = self.gather(&content, first, end, nodes, &mut bytes);
        if !whole && bytes.is_empty() {
            return Answer::new(409, now)
                .text("GET", "There was a conflict when trying to complete your request.");
        }
        answer.body = bytes.into();
        answer.broken = !whole;
        answer
    }

    /// Collects the bytes from `first` up to `end`, as far as the segments are there.
    fn gather(
        &mut self,
        content: &Rc<Content>,
        first: usize,
        end: usize,
        nodes: Nodes,
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(large) = &content.large else {
            // What lost its tail still tells its length.
            let have = content.bytes.len();
            out.extend_from_slice(&content.bytes[first.min(have)..end.min(have)]);
            return end <= have;
        };
        let mut at = 0;
        for entry in &large.entries {
            let length = entry.end - entry.first;
            let (from, to) = (first.max(at), end.min(at + length));
            if from < to {
                let found = self.look(&entry.path, false, nodes).ok().and_then(|version| version.content);
                let Some(segment) = found.filter(|segment| segment.is_what(entry)) else { return false };
                let (from, to) = (entry.first + from - at, entry.first + to - at);
                if !self.gather(&segment, from, to, nodes, out) {
                    return false;
                }
            }
            at += length;
        }
        true
    }
}

/// The fields that tell what an object is.
fn described(content: &Content, version: &Version, now: u64) -> Answer {
    let mut answer = Answer::new(200, now)
        .with("content-type", &content.content_type)
        .with("accept-ranges", "bytes")
        .with("x-timestamp", &timestamp_text(version.touched))
        .with("last-modified", &http_date(version.touched.div_ceil(100_000)))
        .with("etag", content.etag());
    if content.large.is_some() {
        answer = answer
            .with("etag", &format!("\"{}\"", content.etag()))
            .with("x-static-large-object", "True")
            .with("x-manifest-etag", &content.md5);
    }
    answer
}

enum Ranged {
    Whole,
    Part(usize, usize),
    Never,
}

fn range(text: &str, size: usize) -> Ranged {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ranged::Whole;
    };
    match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if last < first => Ranged::Whole,
        (Ok(first), _) if first >= size => Ranged::Never,
        (Ok(first), Ok(last)) => Ranged::Part(first, size.min(last + 1)),
        (Ok(first), Err(_)) => Ranged::Part(first, size),
        (Err(_), Ok(0)) => Ranged::Never,
        (Err(_), Ok(_)) if size == 0 => Ranged::Whole,
        (Err(_), Ok(count)) => Ranged::Part(size.saturating_sub(count), size),
        (Err(_), Err(_)) => Ranged::Whole,
    }
}

impl Content {
    /// The manifest as `?multipart-manifest=get` shows it; an object without segments shows itself.
    fn rows(&self, version: &Version) -> Bytes {
        let Some(large) = &self.large else { return self.bytes.clone() };
        let rows = large.entries.iter().map(|entry| {
            let mut row = serde_json::json!({
                "name": entry.path, "bytes": entry.size, "hash": entry.etag,
                "content_type": "application/octet-stream",
                "last_modified": super::message::iso_date(version.at),
            });
            if entry.has_range {
                row["range"] = format!("{}-{}", entry.first, entry.end - 1).into();
            }
            if entry.is_large {
                row["sub_slo"] = true.into();
            }
            row
        });
        serde_json::Value::from(rows.collect::<Vec<_>>()).to_string().into()
    }
}
