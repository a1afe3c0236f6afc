use std::future::poll_fn;

use futures_lite::AsyncBufReadExt as _;
use http::{HeaderMap, StatusCode};

use super::outgoing::Sending;
use super::wire::Beside;
use super::{AnswerLength, ClientError};

/// The answer to a request. Dropped before its end, it closes the connection, and breaks off what of the request has
/// not left.
#[derive(Debug)]
pub struct Response {
    /// The status as it was sent: any number from 200 to 599.
    pub status: StatusCode,
    /// The fields. A value may hold bytes that are not ASCII.
    pub headers: HeaderMap,
    /// Length of the body.
    pub length: AnswerLength,
    body: surf::Body,
    sending: Sending,
}

impl Response {
    pub(super) fn from_surf(response: surf::Response) -> Result<Self, ClientError> {
        let mut response: surf::http::Response = response.into();
        let Some(Beside { answer, sending }) = response.ext_mut().remove() else {
            return Err(ClientError::Request("surf lost its answer"));
        };
        let body = response.take_body();
        Ok(Self { status: answer.status, headers: answer.headers, length: answer.length, body, sending })
    }

    /// The bytes of the body left of the last call, or else the next ones. An empty slice is its proper end. What is
    /// left of the request goes on leaving; at the end of the answer it is broken off, for nobody takes it any more.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn fill(&mut self) -> Result<&[u8], ClientError> {
        self.body.fill_buf().await.map_err(ClientError::from_io)
    }

    /// Marks the first `count` bytes of the last fill as used.
    pub fn consume(&mut self, count: usize) {
        self.body.consume(count);
    }

    /// The whole body, at most `max` bytes.
    ///
    /// # Errors
    /// `TooLong`, and those of [`Response::fill`].
    pub async fn collect(&mut self, max: usize) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        loop {
            let piece = self.fill().await?;
            let count = piece.len();
            if count == 0 {
                return Ok(bytes);
            }
            if count > max - bytes.len() {
                return Err(ClientError::TooLong);
            }
            bytes.extend_from_slice(piece);
            self.consume(count);
        }
    }

    /// Goes on with a request whose answer came while it was leaving, until all of it has left.
    ///
    /// # Errors
    /// The rest was not taken, or could not be had.
    pub async fn sent(&self) -> Result<(), ClientError> {
        poll_fn(|cx| self.sending.poll(cx)).await
    }
}
