//! A client of Swift for tests: one connection for each request, nothing retried.

use std::io;
use std::net::SocketAddr;

use serde_json::Value;

use crate::http::{Connection, Response};

/// A client with a token.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    account: String,
    token: String,
}

impl Client {
    /// Logs in to Swift's own accounts.
    ///
    /// # Errors
    /// When Swift does not let this user in.
    pub fn log_in(address: SocketAddr, user: &str, key: &str) -> Result<Self, String> {
        let fields = [("X-Auth-User", user), ("X-Auth-Key", key)];
        let answer = Connection::open(address)
            .and_then(|mut connection| connection.request("GET", "/auth/v1.0", &fields, b""))
            .and_then(|answer| answer.expect(200))
            .map_err(|error| format!("logging in as {user}: {error}"))?;
        let field = |name| answer.head.field(name).ok_or_else(|| format!("the login has no {name}"));
        Self::with_token(field("x-storage-url")?, field("x-auth-token")?)
    }

    /// A client for a storage URL, `http://ADDRESS/v1/ACCOUNT`, with a token that somebody got.
    ///
    /// # Errors
    /// When it is no such URL.
    pub fn with_token(storage_url: &str, token: &str) -> Result<Self, String> {
        let parts = storage_url.strip_prefix("http://").and_then(|rest| rest.split_once('/'));
        let address = parts.and_then(|(address, _)| address.parse().ok());
        match (parts, address) {
            (Some((_, path)), Some(address)) => {
                Ok(Self { address, account: format!("/{path}"), token: token.to_owned() })
            }
            (Some(_) | None, _) => Err(format!("not http://ADDRESS/v1/ACCOUNT: {storage_url}")),
        }
    }

    /// The same client, speaking to another address.
    #[must_use]
    pub fn through(self, address: SocketAddr) -> Self {
        Self { address, ..self }
    }

    /// The account's storage URL.
    pub fn storage_url(&self) -> String {
        format!("http://{}{}", self.address, self.account)
    }

    /// The path of the account, `/v1/AUTH_test`.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The name of an object in the storage servers, `/AUTH_test/CONTAINER/OBJECT`, of its path `/CONTAINER/OBJECT` here.
    pub fn stored_name(&self, path: &str) -> String {
        format!("{}{path}", self.account.trim_start_matches("/v1"))
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Sends a request for `path`, `/CONTAINER/OBJECT?QUERY` or part of it, and reads the answer.
    ///
    /// # Errors
    /// Whatever writing or reading fails with.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Response> {
        let mut all = vec![("X-Auth-Token", self.token.as_str())];
        all.extend_from_slice(fields);
        Connection::open(self.address)?.request(method, &format!("{}{path}", self.account), &all, body)
    }

    /// PUT.
    ///
    /// # Errors
    /// Whatever writing or reading fails with.
    pub fn put(&self, path: &str, body: &[u8]) -> io::Result<Response> {
        self.request("PUT", path, &[], body)
    }

    /// GET.
    ///
    /// # Errors
    /// Whatever writing or reading fails with.
    pub fn get(&self, path: &str) -> io::Result<Response> {
        self.request("GET", path, &[], b"")
    }

    /// HEAD.
    ///
    /// # Errors
    /// Whatever writing or reading fails with.
    pub fn head(&self, path: &str) -> io::Result<Response> {
        self.request("HEAD", path, &[], b"")
    }

    /// DELETE.
    ///
    /// # Errors
    /// Whatever writing or reading fails with.
    pub fn delete(&self, path: &str) -> io::Result<Response> {
        self.request("DELETE", path, &[], b"")
    }

    /// The names of the objects in a container that begin with `prefix`, as far as the first page.
    ///
    /// # Errors
    /// When the listing fails, or is none.
    pub fn names(&self, container: &str, prefix: &str) -> io::Result<Vec<String>> {
        let answer = self.get(&format!("/{container}?format=json&prefix={prefix}"))?.expect(200)?;
        let rows: Vec<Value> = serde_json::from_slice(&answer.body)?;
        Ok(rows.iter().filter_map(|row| row["name"].as_str()).map(str::to_owned).collect())
    }
}
