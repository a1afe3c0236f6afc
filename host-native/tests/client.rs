//! The outgoing client, against servers that mean it ill.

#[path = "client/answers.rs"]
mod answers;
#[path = "client/bodies.rs"]
mod bodies;
#[path = "client/certificates.rs"]
mod certificates;
#[path = "client/limits.rs"]
mod limits;
#[path = "client/over_tls.rs"]
mod over_tls;
#[path = "client/pool.rs"]
mod pool;
#[path = "client/requests.rs"]
mod requests;
#[path = "client/server.rs"]
mod server;
#[path = "client/tls.rs"]
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use wharfinger::client::{Body, Client, ClientError, Response, Settings};

const SCHEME: &str = "http";

/// Settings under which no test waits long, and none is late by chance.
fn settings() -> Settings {
    let long = Duration::from_secs(20);
    Settings {
        connect_time: long,
        answer_time: long,
        body_idle_time: long,
        write_idle_time: long,
        pool_idle_time: long,
        ..Settings::default()
    }
}

async fn send(client: &Client, method: &str, at: SocketAddr, body: Body) -> Result<Response, ClientError> {
    let request = http::Request::builder().method(method).uri(format!("{SCHEME}://{at}/a%2Fb?c"));
    client.send(request.body(()).expect("a sound request"), body).await
}

/// Status and whole body of the answer.
async fn ask(client: &Client, method: &str, at: SocketAddr) -> Result<(u16, Vec<u8>), ClientError> {
    let mut response = send(client, method, at, Body::Empty).await?;
    let body = response.collect(1 << 20).await?;
    Ok((response.status.as_u16(), body))
}
