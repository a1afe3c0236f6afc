use serde_json::{Value, json};

use super::message::iso_date;
use super::{Answer, Ask, Nodes, REPLICAS, Swift, Version};

/// What a listing knows of an object.
#[derive(Clone, Debug)]
pub(super) struct Row {
    at: u64,
    touched: u64,
    /// Size, MD5, type and, of a large object, its Etag; `None` of what was deleted.
    shown: Option<(usize, String, String, Option<String>)>,
}

impl Row {
    pub(super) fn of(version: &Version) -> Self {
        let shown = version.content.as_ref().map(|content| {
            let etag = content.large.as_ref().map(|large| large.etag.clone());
            (content.size(), content.md5.clone(), content.content_type.clone(), etag)
        });
        Self { at: version.at, touched: version.touched, shown }
    }
}

impl Swift {
    /// Each object server tells one container server.
    pub(super) fn record_row(&mut self, path: &str, row: Row, nodes: Nodes) {
        for (at, up) in nodes.iter().enumerate() {
            if *up && self.random.word() % 1000 >= self.lag {
                self.apply_row(at, path.to_owned(), row.clone());
            } else {
                self.late_rows.push((at, path.to_owned(), row.clone()));
            }
        }
    }

    pub(super) fn apply_row(&mut self, at: usize, path: String, row: Row) {
        let known = self.rows[at].get(&path);
        if known.is_none_or(|known| (known.at, known.touched) < (row.at, row.touched)) {
            self.rows[at].insert(path, row);
        }
    }

    /// GET of a container, as one of its servers knows it.
    pub(super) fn list(&mut self, ask: &Ask, container: &str, now: u64) -> Answer {
        if !self.containers.contains(container) {
            return Answer::new(404, now).text(&ask.method, "The resource could not be found.");
        }
        let limit = ask.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(ROWS_MAX);
        if limit > ROWS_MAX {
            return Answer::new(412, now).text(&ask.method, "Maximum limit is 10000");
        }
        let server = (self.random.word() % REPLICAS as u64) as usize;
        let base = format!("/{container}/");
        let prefix = format!("{base}{}", ask.query("prefix").unwrap_or_default());
        let marker =
            ask.query("marker").filter(|marker| !marker.is_empty()).map(|marker| format!("{base}{marker}"));
        let end = ask
            .query("end_marker")
            .filter(|marker| !marker.is_empty())
            .map(|marker| format!("{base}{marker}"));
        let delimiter = ask.query("delimiter").filter(|delimiter| !delimiter.is_empty());
        let mut rows: Vec<Value> = Vec::new();
        let mut skipped: Option<String> = None;
        for (path, row) in self.rows[server].range(prefix.clone()..) {
            if rows.len() == limit
                || !path.starts_with(&prefix)
                || end.as_ref().is_some_and(|end| path >= end)
            {
                break;
            }
            let Some((size, md5, content_type, slo_etag)) = &row.shown else { continue };
            let cut = delimiter.and_then(|delimiter| {
                path[prefix.len()..].find(delimiter).map(|at| &path[..prefix.len() + at + delimiter.len()])
            });
            let name = cut.unwrap_or(path);
            let before = marker.as_ref().is_some_and(|marker| name <= marker.as_str());
            if before || (cut.is_some() && skipped.as_deref() == cut) {
                continue;
            }
            if let Some(cut) = cut {
                rows.push(json!({"subdir": &cut[base.len()..]}));
                skipped = Some(cut.to_owned());
                continue;
            }
            let mut shown = json!({
                "name": &path[base.len()..], "bytes": size, "hash": md5, "content_type": content_type,
                "last_modified": iso_date(row.touched),
            });
            if let Some(etag) = slo_etag {
                shown["slo_etag"] = format!("\"{etag}\"").into();
            }
            rows.push(shown);
        }
        self.note_hidden(&prefix, server);
        if ask.query("format") != Some("json") {
            let names = rows.iter().filter_map(|row| row["name"].as_str().or(row["subdir"].as_str()));
            let text: String = names.map(|name| format!("{name}\n")).collect();
            let status = if text.is_empty() { 204 } else { 200 };
            return Answer::new(status, now).text(&ask.method, &text);
        }
        let answer = Answer::new(200, now).with("content-type", "application/json; charset=utf-8");
        answer.body(&ask.method, Value::from(rows).to_string().into())
    }

    /// Remembers what this server does not know yet.
    fn note_hidden(&mut self, prefix: &str, server: usize) {
        self.hidden.clear();
        if self.late_rows.is_empty() {
            return;
        }
        let late = self.late_rows.iter().filter(|(at, path, _)| *at == server && path.starts_with(prefix));
        self.hidden = late.map(|(_, path, _)| path.clone()).collect();
    }
}

const ROWS_MAX: usize = 10_000;
