//! Carries the exchanges of one client, one after the other.

use std::io::{self, BufReader, ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;

use super::message::{Body, Head, Piece};
use super::rule::{Action, stale};
use super::{Exchange, Shared};

/// How long a client that goes on sending after its answer is listened to, so that a reset does not take the answer away.
const LINGER_MAX: Duration = Duration::from_secs(2);

type Client<'a> = BufReader<&'a TcpStream>;

/// What becomes of the connection to the client after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// The next exchange.
    Keep,
    /// An orderly end.
    Close,
    /// A reset.
    Reset,
}

/// How the body of an answer is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Break {
    /// One bit is flipped.
    Flip,
    /// Nothing for so long.
    Pause(Duration),
    /// Nothing more.
    End(After),
}

/// Serves a client until one of the two has enough.
pub fn serve(stream: &TcpStream, shared: &Shared) {
    let mut client = BufReader::new(stream);
    loop {
        match exchange(&mut client, shared) {
            Ok(After::Keep) => {}
            Ok(After::Close) => break,
            Ok(After::Reset) | Err(_) => return reset(stream),
        }
    }
    // What is still being sent is read, for unread bytes would turn this end into a reset.
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(LINGER_MAX));
    let (mut rest, mut piece) = (Body::ToClose, Vec::new());
    while matches!(rest.next(&mut client, &mut piece), Ok(Some(_))) {}
}

fn exchange(client: &mut Client<'_>, shared: &Shared) -> io::Result<After> {
    let Some(head) = Head::read(client)? else { return Ok(After::Close) };
    let (number, action) = shared.begin(Exchange {
        method: head.word(0).to_owned(),
        target: head.word(1).to_owned(),
        fields: head.fields.clone(),
        status: None,
        request_bytes: 0,
        response_bytes: 0,
        fault: None,
        begun: Instant::now(),
        ended: None,
    });
    let after = carry_out(client, &head, number, action, shared);
    shared.note(number, |exchange| exchange.ended = Some(Instant::now()));
    after
}

fn carry_out(
    client: &mut Client<'_>,
    head: &Head,
    number: usize,
    action: Option<Action>,
    shared: &Shared,
) -> io::Result<After> {
    let note = |change: &dyn Fn(&mut Exchange)| shared.note(number, change);
    match action {
        Some(Action::EarlyStatus(status)) => {
            note(&|exchange| exchange.status = Some(status));
            answer(client.get_ref(), status, &[], b"")?;
            Ok(After::Close)
        }
        Some(Action::Status(status, fields)) => {
            if !head.expects_100() {
                let (mut body, mut piece) = (head.request_body(), Vec::new());
                while let Some(kind) = body.next(client, &mut piece)? {
                    note(&|exchange| exchange.request_bytes += content_bytes(kind, &piece));
                }
            }
            note(&|exchange| exchange.status = Some(status));
            answer(client.get_ref(), status, &fields, b"")?;
            Ok(if head.expects_100() || head.closes() { After::Close } else { After::Keep })
        }
        action => {
            if let Some(Action::Delay(time)) = action {
                shared.pause(time)?;
            }
            let upstream = shared.connect()?;
            Relay { head, action, upstream: &upstream, shared, number }.run(client)
        }
    }
}

/// An exchange that the server takes part in.
struct Relay<'a> {
    head: &'a Head,
    action: Option<Action>,
    upstream: &'a TcpStream,
    shared: &'a Shared,
    number: usize,
}

impl Relay<'_> {
    /// Passes the request on and the answer back, both at the same time.
    fn run(&self, client: &mut Client<'_>) -> io::Result<After> {
        let mut upstream = self.upstream;
        upstream.write_all(&self.head.raw)?;
        let stream = *client.get_ref();
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| self.send(client));
            let after = self.receive(stream);
            match after {
                // The server has seen all of the request, or drains it.
                Ok(After::Keep) => {}
                Ok(After::Close) => {
                    stream.shutdown(Shutdown::Write)?;
                    stream.set_read_timeout(Some(LINGER_MAX))?;
                }
                // Only to wake the other half.
                Ok(After::Reset) | Err(_) => drop(stream.shutdown(Shutdown::Read)),
            }
            match sending.join() {
                Ok(Ok(())) => after,
                Ok(Err(error)) => after.and(Err(error)),
                Err(_) => Err(io::Error::other("the sending half panicked")),
            }
        })
    }

    /// Passes the request's body on. A server that no longer reads does not keep the client from sending.
    fn send(&self, client: &mut Client<'_>) -> io::Result<()> {
        let mut upstream = self.upstream;
        let mut limit = if let Some(Action::ResetRequest(limit)) = self.action { Some(limit) } else { None };
        let mut flip = if let Some(Action::CorruptRequest(at)) = self.action { Some(at) } else { None };
        let (mut body, mut piece, mut reads) = (self.head.request_body(), Vec::new(), true);
        loop {
            let kind = match body.next(client, &mut piece) {
                Ok(Some(kind)) => kind,
                Ok(None) => return Ok(()),
                Err(error) => {
                    // The server is to see that no more comes.
                    let _ = upstream.shutdown(Shutdown::Write);
                    return Err(error);
                }
            };
            let content = content_bytes(kind, &piece);
            self.note(|exchange| exchange.request_bytes += content);
            let resets = limit.is_some_and(|limit| kind == Piece::Content && content >= limit);
            if resets {
                piece.truncate(usize::try_from(limit.unwrap_or_default()).unwrap_or(usize::MAX));
            }
            limit = limit.map(|limit| limit.saturating_sub(content));
            if let Some(at) = flip.filter(|at| *at < content) {
                piece[usize::try_from(at).unwrap_or_default()] ^= 1;
            }
            flip = flip.and_then(|at| at.checked_sub(content));
            reads = reads && upstream.write_all(&piece).is_ok();
            if resets {
                reset(upstream);
                // To wake the other half; a FIN is not sent by this.
                let _ = upstream.shutdown(Shutdown::Read);
                return Err(ErrorKind::ConnectionReset.into());
            }
        }
    }

    /// Passes the answer back.
    fn receive(&self, client: &TcpStream) -> io::Result<After> {
        let mut upstream = BufReader::new(self.upstream);
        let mut continued = !self.head.expects_100();
        let head = loop {
            let head = Head::read(&mut upstream)?.ok_or(ErrorKind::UnexpectedEof)?;
            if head.status().is_none_or(|status| status >= 200) {
                break head;
            }
            continued = true;
            (&*client).write_all(&head.raw)?;
        };
        self.note(|exchange| exchange.status = head.status());
        let after =
            if continued && !head.closes() && !self.head.closes() { After::Keep } else { After::Close };
        let mut body = head.response_body(self.head.word(0));
        match &self.action {
            Some(Action::LostReply) => return Ok(After::Reset),
            Some(Action::DelayReply(time)) => self.shared.pause(*time)?,
            Some(Action::Lie503) => {
                answer(client, 503, &[], b"")?;
                return Ok(after);
            }
            Some(Action::StaleListing { hide, add }) if head.status() == Some(200) => {
                let listing = collect(&mut body, &mut upstream)?;
                let listing = stale(&listing, hide, add).unwrap_or(listing);
                self.note(|exchange| exchange.response_bytes += listing.len() as u64);
                let fields = [("Content-Type", "application/json; charset=utf-8".to_owned())];
                answer(client, 200, &fields, &listing)?;
                return Ok(after);
            }
            _ => {}
        }
        match &self.action {
            Some(Action::ReplaceField(name, value)) => (&*client).write_all(&head.replacing(name, value))?,
            _ => (&*client).write_all(&head.raw)?,
        }
        let to_close = body == Body::ToClose;
        match self.pass_body(&mut body, &mut upstream, client)? {
            Some(fault) => Ok(fault),
            None => Ok(if to_close { After::Close } else { after }),
        }
    }

    /// Passes the answer's body back; says how it was broken, if it was.
    fn pass_body(
        &self,
        body: &mut Body,
        upstream: &mut BufReader<&TcpStream>,
        mut client: &TcpStream,
    ) -> io::Result<Option<After>> {
        let mut piece = Vec::new();
        let mut passed = 0;
        while let Some(kind) = body.next(upstream, &mut piece)? {
            if let Some((at, fault)) = self.fault_within(passed, content_bytes(kind, &piece)) {
                if fault == Break::Flip {
                    piece[at] ^= 1;
                } else {
                    self.note(|exchange| exchange.response_bytes += at as u64);
                    client.write_all(&piece[..at])?;
                    passed += at as u64;
                    piece.drain(..at);
                }
                match fault {
                    Break::Flip => {}
                    Break::Pause(time) => self.shared.pause(time)?,
                    Break::End(after) => return Ok(Some(after)),
                }
            }
            let content = content_bytes(kind, &piece);
            self.note(|exchange| exchange.response_bytes += content);
            client.write_all(&piece)?;
            passed += content;
        }
        Ok(None)
    }

    /// Where the answer's body is to be broken and how, if that is within the next `content` bytes after `passed`.
    fn fault_within(&self, passed: u64, content: u64) -> Option<(usize, Break)> {
        let (at, fault) = match self.action.as_ref()? {
            Action::ResetResponse(at) => (*at, Break::End(After::Reset)),
            Action::CutResponse(at) => (*at, Break::End(After::Close)),
            Action::StallResponse(at, time) => (*at, Break::Pause(*time)),
            Action::CorruptResponse(at) => (*at, Break::Flip),
            Action::Status(..)
            | Action::EarlyStatus(_)
            | Action::LostReply
            | Action::Lie503
            | Action::ResetRequest(_)
            | Action::Delay(_)
            | Action::DelayReply(_)
            | Action::CorruptRequest(_)
            | Action::ReplaceField(..)
            | Action::StaleListing { .. } => return None,
        };
        let at = at.checked_sub(passed).filter(|at| *at < content)?;
        Some((usize::try_from(at).ok()?, fault))
    }

    fn note(&self, change: impl FnOnce(&mut Exchange)) {
        self.shared.note(self.number, change);
    }
}

/// Has the connection end with a reset when it is closed.
fn reset(stream: &TcpStream) {
    // It may be reset already.
    let _ = set_socket_linger(stream, Some(Duration::ZERO));
}

fn answer(mut client: &TcpStream, status: u16, fields: &[(&str, String)], body: &[u8]) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} Fault\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    client.write_all(&[head.as_bytes(), body].concat())
}

fn collect(body: &mut Body, from: &mut BufReader<&TcpStream>) -> io::Result<Vec<u8>> {
    let (mut all, mut piece) = (Vec::new(), Vec::new());
    while let Some(kind) = body.next(from, &mut piece)? {
        if kind == Piece::Content {
            all.extend_from_slice(&piece);
        }
    }
    Ok(all)
}

fn content_bytes(kind: Piece, piece: &[u8]) -> u64 {
    match kind {
        Piece::Content => piece.len() as u64,
        Piece::Framing => 0,
    }
}
