//! Which requests are broken, and how.

use std::time::Duration;

use serde_json::Value;

use super::Exchange;

/// What to do to a request. Counts of bytes are of bodies without their framing; a shorter body is left alone.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Takes the request and answers with this status and these fields; the server sees nothing of it.
    Status(u16, Vec<(&'static str, String)>),
    /// Answers with this status at once, without a look at the request's body, and closes.
    EarlyStatus(u16),
    /// Lets the server do it, then resets the connection before any of the answer.
    LostReply,
    /// Lets the server do it, then answers 503.
    Lie503,
    /// Resets the connections to client and server once the server was sent this many bytes.
    ResetRequest(u64),
    /// Resets the connection to the client after at most this many bytes of the answer's body.
    ResetResponse(u64),
    /// Closes the connection to the client after exactly this many bytes of the answer's body.
    CutResponse(u64),
    /// Pauses after this many bytes of the answer's body.
    StallResponse(u64, Duration),
    /// Waits before the server is sent anything.
    Delay(Duration),
    /// Waits before the client is sent anything.
    DelayReply(Duration),
    /// Flips one bit of the byte that this many others of the answer's body precede.
    CorruptResponse(u64),
    /// Flips one bit of the byte that this many others of the request's body precede.
    CorruptRequest(u64),
    /// Gives the first field of the answer that has this name (in lower case) another value.
    ReplaceField(&'static str, String),
    /// Removes the rows of a JSON listing whose name or prefix holds one of the texts, and adds rows, in order.
    StaleListing {
        /// The texts.
        hide: Vec<String>,
        /// The rows.
        add: Vec<Value>,
    },
}

impl Action {
    /// Its name in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status(..) => "status",
            Self::EarlyStatus(_) => "early_status",
            Self::LostReply => "lost_reply",
            Self::Lie503 => "lie_503",
            Self::ResetRequest(_) => "reset_req",
            Self::ResetResponse(_) => "reset_resp",
            Self::CutResponse(_) => "cut_resp",
            Self::StallResponse(..) => "stall_resp",
            Self::Delay(_) => "delay",
            Self::DelayReply(_) => "delay_reply",
            Self::CorruptResponse(_) => "corrupt_resp",
            Self::CorruptRequest(_) => "corrupt_req",
            Self::ReplaceField(..) => "replace_field",
            Self::StaleListing { .. } => "stale_list",
        }
    }
}

/// An action, and the requests that it is meant for: by default the first one that comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    action: Action,
    method: Option<String>,
    part: String,
    skip: u32,
    times: Option<u32>,
}

impl Rule {
    /// Does `action` once.
    pub fn new(action: Action) -> Self {
        Self { action, method: None, part: String::new(), skip: 0, times: Some(1) }
    }

    /// Only to requests of this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only to requests with this text in their target, which is percent-encoded and has the query.
    #[must_use]
    pub fn target(mut self, part: &str) -> Self {
        part.clone_into(&mut self.part);
        self
    }

    /// Not to the first `skip` requests that fit.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// To so many requests that fit.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// To all requests that fit.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// What is to be done to this request, which counts.
    pub(super) fn apply(&mut self, exchange: &Exchange) -> Option<Action> {
        let fits = self.method.as_ref().is_none_or(|method| *method == exchange.method);
        if !fits || !exchange.target.contains(&self.part) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        if let Some(times) = &mut self.times {
            *times = times.checked_sub(1)?;
        }
        Some(self.action.clone())
    }
}

/// The text of a listing with some rows less and some more.
pub(super) fn stale(listing: &[u8], hide: &[String], add: &[Value]) -> Option<Vec<u8>> {
    let name = |row: &Value| row["name"].as_str().or(row["subdir"].as_str()).unwrap_or_default().to_owned();
    let mut rows: Vec<Value> = serde_json::from_slice(listing).ok()?;
    rows.retain(|row| !hide.iter().any(|text| name(row).contains(text)));
    rows.extend_from_slice(add);
    rows.sort_by_key(name);
    serde_json::to_vec(&rows).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(method: &str, target: &str) -> Exchange {
        Exchange {
            method: method.to_owned(),
            target: target.to_owned(),
            fields: Vec::new(),
            status: None,
            request_bytes: 0,
            response_bytes: 0,
            fault: None,
            begun: std::time::Instant::now(),
            ended: None,
        }
    }

    #[test]
    fn a_rule_counts_only_what_fits() {
        let mut rule = Rule::new(Action::Lie503).method("PUT").target("/segments/").skip(1).times(2);
        let mut hits = 0;
        for (method, target, hit) in [
            ("PUT", "/v1/a/c/segments/1", false),
            ("GET", "/v1/a/c/segments/1", false),
            ("PUT", "/v1/a/c/blobs/1", false),
            ("PUT", "/v1/a/c/segments/2", true),
            ("PUT", "/v1/a/c/segments/3", true),
            ("PUT", "/v1/a/c/segments/4", false),
        ] {
            assert_eq!(rule.apply(&request(method, target)).is_some(), hit, "{method} {target}");
            hits += u32::from(hit);
        }
        assert_eq!(hits, 2);
        let mut always = Rule::new(Action::LostReply).always();
        assert!((0..100).all(|_| always.apply(&request("GET", "/")).is_some()));
    }

    #[test]
    fn a_stale_listing_stays_in_order() {
        let listing = br#"[{"name":"a"},{"subdir":"b/"},{"name":"d"}]"#;
        let stale = stale(listing, &["b/".to_owned()], &[json!({"name": "c"})]).expect("a listing");
        assert_eq!(stale, br#"[{"name":"a"},{"name":"c"},{"name":"d"}]"#);
        assert_eq!(super::stale(b"<html>", &[], &[]), None);
    }
}
