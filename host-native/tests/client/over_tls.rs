//! The same tests, over TLS.
#![allow(clippy::duplicate_mod, reason = "what holds for a socket has to hold for TLS over it")]

#[path = "answers.rs"]
mod answers;
#[path = "bodies.rs"]
mod bodies;
#[path = "limits.rs"]
mod limits;
#[path = "pool.rs"]
mod pool;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use rustls::ServerConfig;
use wharfinger::client::{Body, Client, ClientError, Response, Settings, Tls};

use super::certificates::Authority;

const SCHEME: &str = "https";

/// What all servers and clients here speak with.
fn both() -> &'static (Arc<ServerConfig>, Tls) {
    static BOTH: OnceLock<(Arc<ServerConfig>, Tls)> = OnceLock::new();
    BOTH.get_or_init(|| {
        let authority = Authority::new();
        (authority.server(&["127.0.0.1"]), authority.client())
    })
}

fn settings() -> Settings {
    Settings { tls: Some(both().1.clone()), ..super::settings() }
}

async fn send(client: &Client, method: &str, at: SocketAddr, body: Body) -> Result<Response, ClientError> {
    let request = http::Request::builder().method(method).uri(format!("{SCHEME}://{at}/a%2Fb?c"));
    client.send(request.body(()).expect("a sound request"), body).await
}

async fn ask(client: &Client, method: &str, at: SocketAddr) -> Result<(u16, Vec<u8>), ClientError> {
    let mut response = send(client, method, at, Body::Empty).await?;
    let body = response.collect(1 << 20).await?;
    Ok((response.status.as_u16(), body))
}

mod server {
    use std::net::SocketAddr;

    use crate::server as plain;
    pub use crate::server::{Peer, Script, script};

    /// A server that takes one connection for each of its scripts, in this order.
    pub struct Server {
        pub at: SocketAddr,
        server: plain::Server,
    }

    impl Server {
        pub fn start(scripts: Vec<Script>) -> Self {
            let server = plain::Server::start_with(Some(super::both().0.clone()), scripts);
            Self { at: server.at, server }
        }

        pub fn answering(answer: impl Into<Vec<u8>>) -> Self {
            let answer = answer.into();
            Self::start(vec![script(move |peer| {
                peer.head();
                peer.say(&answer);
            })])
        }

        pub fn end(self) {
            self.server.end();
        }
    }
}
