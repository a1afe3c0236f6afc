use bytes::Bytes;
use serde_json::{Value, json};
use wharfinger_core::transfer::md5_of;

use super::versions::{Content, Entry, Large};
use super::write::hex;
use super::{Answer, Ask, Nodes, Swift};
use crate::sim::Mutant;

impl Swift {
    /// PUT of a manifest: every segment is looked at, then the manifest is stored.
    pub(super) fn put_large(&mut self, ask: &Ask, now: u64, nodes: Nodes) -> Answer {
        let Ok(Value::Array(rows)) = serde_json::from_slice::<Value>(&ask.body) else {
            return Answer::new(400, now).text("PUT", "Manifest must be valid JSON.");
        };
        if rows.len() > self.segments_max {
            let text = format!("Number of object-backed segments must be <= {}", self.segments_max);
            return Answer::new(413, now).text("PUT", &text);
        }
        let mut entries = Vec::with_capacity(rows.len());
        let mut problems = Vec::new();
        let count = rows.len();
        for (at, row) in rows.iter().enumerate() {
            let Some(path) = row["path"].as_str() else {
                return Answer::new(400, now).text("PUT", "Index 0: path is required");
            };
            match self.entry(path, row, at + 1 == count, nodes) {
                Ok(entry) => entries.push(entry),
                Err(found) => problems.extend(found.into_iter().map(|problem| json!([path, problem]))),
            }
        }
        if !problems.is_empty() {
            let body = json!({"Response Status": "400 Bad Request", "Response Body": "Bad Request\n", "Errors": problems});
            let answer = Answer::new(400, now).with("content-type", "application/json");
            return answer.body("PUT", body.to_string().into());
        }
        let mut text = String::new();
        for entry in &entries {
            text.push_str(&entry.etag);
            if entry.has_range {
                text.push_str(&format!(":{}-{};", entry.first, entry.end - 1));
            }
        }
        let etag = hex(&md5_of(text.as_bytes()));
        let size = entries.iter().map(|entry| entry.end - entry.first).sum();
        let large = Some(Large { entries, etag: etag.clone(), size });
        let content_type = ask.field("content-type").unwrap_or("application/octet-stream").to_owned();
        let bytes: Bytes = ask.body.clone();
        let content = Content { md5: hex(&md5_of(&bytes)), bytes, content_type, large };
        self.store(ask, content, &etag, true, now, nodes)
    }

    /// What an entry of a manifest stands for, or what is wrong with it.
    fn entry(&mut self, path: &str, row: &Value, is_last: bool, nodes: Nodes) -> Result<Entry, Vec<String>> {
        let content = match self.look(path, false, nodes).map(|version| version.content) {
            Ok(Some(content)) => content,
            Ok(None) | Err(404) => return Err(vec!["404 Not Found".to_owned()]),
            Err(status) => return Err(vec![format!("{status} Service Unavailable")]),
        };
        let mut size = content.size();
        if self.mutant == Some(Mutant::TailLost) {
            size = row["size_bytes"].as_u64().map_or(size, |size| size as usize);
        }
        let mut problems = Vec::new();
        let stated = row["size_bytes"].as_u64().or_else(|| row["size_bytes"].as_str()?.parse().ok());
        if stated.is_some_and(|stated| stated != size as u64) {
            problems.push("Size Mismatch".to_owned());
        }
        if row["etag"].as_str().is_some_and(|etag| etag != content.etag()) {
            problems.push("Etag Mismatch".to_owned());
        }
        if size == 0 && !is_last {
            problems.push("Too Small; each segment must be at least 1 byte.".to_owned());
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let range = row["range"].as_str().and_then(|range| part(range, size));
        if row["range"].is_string() && range.is_none() {
            return Err(vec!["Unsatisfiable Range".to_owned()]);
        }
        let (first, end) = range.unwrap_or((0, size));
        Ok(Entry {
            path: path.to_owned(),
            size,
            etag: content.etag().to_owned(),
            first,
            end,
            has_range: range.is_some_and(|range| range != (0, size)),
            is_large: content.large.is_some(),
        })
    }
}

impl Large {
    pub(super) fn again(&self) -> Self {
        Self { entries: self.entries.clone(), etag: self.etag.clone(), size: self.size }
    }
}

/// The first byte of a range, and the one after its last.
fn part(range: &str, size: usize) -> Option<(usize, usize)> {
    let (first, last) = range.split_once('-')?;
    let (first, end) = match (first.parse::<usize>().ok(), last.parse::<usize>().ok()) {
        (Some(first), Some(last)) => (first, size.min(last + 1)),
        (Some(first), None) => (first, size),
        (None, Some(count)) => (size.saturating_sub(count), size),
        (None, None) => return None,
    };
    (first < end).then_some((first, end))
}
