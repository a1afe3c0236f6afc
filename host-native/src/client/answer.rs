use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Poll, ready};

use futures_lite::AsyncRead as _;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use smol::Timer;

use super::connect::Reading;
use super::outgoing::Sending;
use super::{AnswerLength, ClientError, Late, Settings};
use crate::http1::{
    BodyLength, HeadRefusal, HeadSearch, RawHead, asks_to_close, head_lines, split_field, stated_length,
};

/// Bytes that are read at once while a head arrives.
const HEAD_READ_BYTES: usize = 4 * 1024;
/// Interim answers that may come before the final one.
const INTERIM_MAX: usize = 16;
/// The first byte of what a server of TLS says to a request that it does not understand.
const TLS_ALERT: u8 = 0x15;
/// Fields whose meaning must not be guessed.
const FRAMING: [&str; 3] = ["content-length", "transfer-encoding", "connection"];

/// The head of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub length: AnswerLength,
    /// The connection cannot be used again.
    pub closes: bool,
}

/// Reads the head of the final answer while the request leaves; also the bytes that came behind it.
pub(super) async fn receive(
    reading: &mut Reading,
    sending: &Sending,
    to_head: bool,
    settings: &Settings,
) -> Result<(Answer, Vec<u8>), ClientError> {
    let mut arriving = Arriving { reading, sending, sent: false, timer: None, fault: None, came: false };
    let mut bytes = Vec::new();
    for _ in 0..=INTERIM_MAX {
        let mut search = HeadSearch::default();
        let (start, end) = loop {
            if bytes.first() == Some(&TLS_ALERT) {
                return Err(ClientError::SpeaksTls);
            }
            match search.advance(&bytes, settings.head_bytes_max).map_err(ClientError::Head)? {
                Some(found) => break found,
                None => arriving.read(&mut bytes, settings).await?,
            }
        };
        let answer = Answer::parse(&bytes[start..end], to_head, settings.headers_max)?;
        bytes.drain(..end);
        if answer.status == StatusCode::SWITCHING_PROTOCOLS {
            break;
        }
        if !answer.status.is_informational() {
            return Ok((answer, bytes));
        }
    }
    Err(ClientError::Interim)
}

struct Arriving<'a> {
    reading: &'a mut Reading,
    sending: &'a Sending,
    sent: bool,
    /// Runs from the last byte of the request.
    timer: Option<Timer>,
    /// Why the request did not leave whole. An answer that came all the same counts more.
    fault: Option<ClientError>,
    came: bool,
}

impl Arriving<'_> {
    async fn read(&mut self, bytes: &mut Vec<u8>, settings: &Settings) -> Result<(), ClientError> {
        let length = bytes.len();
        bytes.resize(length + HEAD_READ_BYTES, 0);
        let count = poll_fn(|cx| {
            if !self.sent
                && let Poll::Ready(sent) = self.sending.poll(cx)
            {
                match sent {
                    Err(error @ (ClientError::Source(_) | ClientError::Late(_))) => {
                        return Poll::Ready(Err(error));
                    }
                    sent => self.fault = sent.err(),
                }
                self.sent = true;
                self.timer = Some(Timer::after(settings.answer_time));
            }
            match Pin::new(&mut *self.reading).poll_read(cx, &mut bytes[length..]) {
                Poll::Ready(Ok(count @ 1..)) => Poll::Ready(Ok(count)),
                Poll::Ready(Ok(0)) => Poll::Ready(Err(self.end())),
                Poll::Ready(Err(error)) => {
                    Poll::Ready(Err(ClientError::tls_from_io(error).unwrap_or_else(|| self.end())))
                }
                Poll::Pending => {
                    let Some(timer) = &mut self.timer else { return Poll::Pending };
                    ready!(Pin::new(timer).poll(cx));
                    Poll::Ready(Err(self.fault.take().unwrap_or(ClientError::Late(Late::Answer))))
                }
            }
        })
        .await;
        bytes.truncate(length + count.as_ref().map_or(0, |&count| count));
        self.came = true;
        count.map(drop)
    }
}

impl Arriving<'_> {
    /// Why nothing more will come.
    fn end(&mut self) -> ClientError {
        match self.fault.take() {
            Some(fault) => fault,
            None if self.came => ClientError::Short,
            None => ClientError::Closed,
        }
    }
}

impl Answer {
    fn parse(head: &[u8], to_head: bool, headers_max: usize) -> Result<Self, ClientError> {
        let mut lines = head_lines(head);
        let (status, http10) = parse_status_line(lines.next().unwrap_or_default())?;
        let mut headers = HeaderMap::new();
        let mut plain = Vec::new();
        for (count, line) in lines.take_while(|line| !line.is_empty()).enumerate() {
            if count == headers_max {
                return Err(ClientError::Head(HeadRefusal::TooManyFields));
            }
            let (name, value) = split_field(line).map_err(ClientError::Head)?;
            match std::str::from_utf8(value) {
                Ok(text) if text.is_ascii() => plain.push((name, text)),
                Ok(_) | Err(_) if FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing)) => {
                    return Err(ClientError::Head(HeadRefusal::FieldValue));
                }
                Ok(_) | Err(_) => {}
            }
            append(&mut headers, name, value).map_err(ClientError::Head)?;
        }
        // Of the request's line there is nothing, and nothing of it is asked.
        let head = RawHead { method: "", target: "", http10, fields: plain };
        let stated = stated_length(&head).map_err(ClientError::Head)?;
        let length = match stated {
            _ if to_head || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED => {
                AnswerLength::Exactly(0)
            }
            Some(BodyLength::Exactly(length)) => AnswerLength::Exactly(length),
            Some(BodyLength::Chunked) => AnswerLength::Chunked,
            None => AnswerLength::UntilClose,
        };
        let closes = http10 || asks_to_close(&head) || length == AnswerLength::UntilClose;
        Ok(Self { status, headers, length, closes })
    }
}

fn append(headers: &mut HeaderMap, name: &str, value: &[u8]) -> Result<(), HeadRefusal> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeadRefusal::FieldName)?;
    let value = HeaderValue::from_bytes(value).map_err(|_| HeadRefusal::FieldValue)?;
    headers.try_append(name, value).map_err(|_| HeadRefusal::TooManyFields)?;
    Ok(())
}

/// The status, and whether the server speaks HTTP/1.0. The reason phrase means nothing (RFC 9112 section 4).
fn parse_status_line(line: &[u8]) -> Result<(StatusCode, bool), ClientError> {
    let (version, rest) = line.split_at_checked(9).ok_or(ClientError::StatusLine)?;
    let http10 = match version {
        b"HTTP/1.1 " => false,
        b"HTTP/1.0 " => true,
        _ => return Err(ClientError::StatusLine),
    };
    let (digits, reason) = rest.split_at_checked(3).ok_or(ClientError::StatusLine)?;
    if !(reason.is_empty() || reason.starts_with(b" ")) {
        return Err(ClientError::StatusLine);
    }
    match StatusCode::from_bytes(digits) {
        Ok(status) if status.as_u16() < 600 => Ok((status, http10)),
        Ok(_) | Err(_) => Err(ClientError::StatusLine),
    }
}
