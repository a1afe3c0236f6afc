use std::fmt;
use std::time::Duration;

use futures_lite::future;
use http::StatusCode;
use smol::Timer;
use wharfinger_core::access::{FetchError, FetchStep, FetchedKeys, Issuer, KeyFetch};

use crate::client::{Body, Client, ClientError};

/// Why there are no keys. The text says nothing of what was answered.
#[derive(Debug)]
pub(super) enum KeysError {
    /// An answer is of no use.
    Answer(FetchError),
    /// There is no answer.
    Client(ClientError),
    /// It takes too long.
    Late(Duration),
}

/// Fetches the keys of an issuer, once.
pub(super) async fn fetch(
    issuer: &Issuer,
    client: &Client,
    time_max: Duration,
) -> Result<FetchedKeys, KeysError> {
    let late = async {
        Timer::after(time_max).await;
        Err(KeysError::Late(time_max))
    };
    future::or(ask(issuer, client), late).await
}

async fn ask(issuer: &Issuer, client: &Client) -> Result<FetchedKeys, KeysError> {
    let mut fetch = KeyFetch::new(issuer).map_err(KeysError::Answer)?;
    loop {
        let request = fetch.render();
        tracing::debug!(issuer = %issuer.name, url = %request.uri(), "asking for the keys of an issuer");
        let mut response = client.send(request, Body::Empty).await.map_err(KeysError::Client)?;
        let body = match response.status {
            StatusCode::OK => response.collect(KeyFetch::ANSWER_BYTES_MAX as usize).await,
            // Its head says all.
            _ => Ok(Vec::new()),
        };
        let body = body.map_err(KeysError::Client)?;
        match fetch.answered(response.status, &response.headers, &body) {
            FetchStep::Ask => {}
            FetchStep::Over(outcome) => return outcome.map_err(KeysError::Answer),
        }
    }
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(error) => error.fmt(f),
            Self::Client(error) => error.fmt(f),
            Self::Late(limit) => {
                let seconds = limit.as_secs_f32();
                write!(
                    f,
                    "they do not come within {seconds} s; check the issuer's load, and the network to it"
                )
            }
        }
    }
}

impl std::error::Error for KeysError {}
