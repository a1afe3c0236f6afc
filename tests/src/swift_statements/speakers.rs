use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Heard, Speaker};
use crate::http::Connection;
use crate::sim::{Ask, Swift};
use crate::swift::client::Client;

/// The simulated Swift.
pub struct SimulatedSwift {
    swift: Swift,
    now: u64,
}

impl SimulatedSwift {
    /// An empty one.
    pub fn new(seed: u64) -> Self {
        let mut swift = Swift::new(seed);
        swift.allow("token", u64::MAX);
        Self { swift, now: 1_800_000_000_000_000 }
    }

    fn heard(
        &mut self,
        token: Option<&str>,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Heard {
        let field = |(name, value): &(&str, &str)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        };
        let mut all: HeaderMap = fields.iter().map(field).collect();
        if let Some(token) = token {
            all.insert("x-auth-token", token.parse().expect("a value"));
        }
        let ask = Ask::parse(method, &format!("/v1/AUTH_sim{path}"), all, Bytes::copy_from_slice(body));
        self.now += 1000;
        let answer = self.swift.answer(&ask, self.now, [true; 3]);
        let fields = answer.fields.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Heard {
            status: answer.status,
            fields: fields.collect(),
            body: answer.body.to_vec(),
            broken: answer.broken,
        }
    }
}

impl Speaker for SimulatedSwift {
    fn ask(&mut self, method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Heard {
        self.heard(Some("token"), method, path, fields, body)
    }

    fn ask_as(&mut self, token: Option<&str>, method: &str, path: &str) -> Heard {
        self.heard(token, method, path, &[], b"")
    }

    fn stop(&mut self, node: u8) {
        self.swift.up[usize::from(node) - 1] = false;
    }

    fn start(&mut self, node: u8) {
        self.swift.up[usize::from(node) - 1] = true;
    }

    fn delete_ahead(&mut self, path: &str) {
        self.swift.delete_ahead(path, self.now + u64::from(AHEAD_SECONDS) * 1_000_000);
    }
}

/// A real Swift.
pub struct RealSwift<'a> {
    swift: &'a crate::swift::Swift,
    client: Client,
}

impl<'a> RealSwift<'a> {
    /// Logs in.
    ///
    /// # Errors
    /// When Swift does not let us in.
    pub fn new(swift: &'a crate::swift::Swift) -> Result<Self, String> {
        Ok(Self { swift, client: swift.client()? })
    }

    fn heard(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Heard {
        let target = format!("{}{path}", self.client.account());
        let length = body.len().to_string();
        let mut all = vec![("Content-Length", length.as_str())];
        all.extend(token.map(|token| ("X-Auth-Token", token)));
        all.extend_from_slice(fields);
        let mut connection = Connection::open(self.swift.proxy()).expect("Swift listens");
        connection.send_head(method, &target, &all).and_then(|()| connection.send(body)).expect("it is sent");
        let head = connection.read_head().expect("Swift answers");
        let mut heard = Vec::new();
        let whole = method == "HEAD"
            || connection.read_body(&head, &mut |piece| heard.extend_from_slice(piece)).is_ok();
        Heard { status: head.status, fields: head.fields, body: heard, broken: !whole }
    }

    fn servers(node: u8) -> [String; 2] {
        [format!("object{node}"), format!("container{node}")]
    }
}

impl Speaker for RealSwift<'_> {
    fn ask(&mut self, method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Heard {
        self.heard(Some(self.client.token()), method, path, fields, body)
    }

    fn ask_as(&mut self, token: Option<&str>, method: &str, path: &str) -> Heard {
        self.heard(token, method, path, &[], b"")
    }

    fn stop(&mut self, node: u8) {
        Self::servers(node).iter().for_each(|server| self.swift.stop(server).expect("it stops"));
    }

    fn start(&mut self, node: u8) {
        Self::servers(node).iter().for_each(|server| self.swift.restart(server).expect("it starts"));
    }

    fn delete_ahead(&mut self, path: &str) {
        self.swift.tombstone(&self.client.stored_name(path), AHEAD_SECONDS).expect("the rig does it");
    }
}

/// So far ahead a clock is that is wrong.
const AHEAD_SECONDS: u32 = 60;
