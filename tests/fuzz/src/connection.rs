//! Any bytes on a connection of the native server, on a directory that has something in it.

mod place;
mod replies;
mod requests;

use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _, future};
use smol::Async;
use wharfinger::serve::InProcess;
use wharfinger_core::upload::Secret;

use crate::fill::fill;
use place::Place;
use requests::Requests;

/// What is read at once.
const READ_BYTES: usize = 16 << 10;

/// So large the largest reply is, by far: what is pushed is no longer than an input.
const REPLIES_BYTES_MAX: usize = 4 << 20;

/// Sends the bytes after the first one, which tells in pieces of which size, and takes what comes back.
///
/// # Panics
/// Where a reply is not what HTTP, or OCI, wants; where a request is not answered, or what is none; where the connection
/// outlives its end.
pub fn run(bytes: &[u8]) {
    if let Some((first, rest)) = bytes.split_first() {
        hold(*first, rest);
    }
}

/// Returns the statuses of the replies.
fn hold(first: u8, rest: &[u8]) -> Vec<u16> {
    ignore_broken_pipes();
    let sent = fill(rest, &Secret::new(place::SECRET.as_bytes()));
    let requests = Requests::read(&sent);
    let place = Place::new(&sent);
    let server = InProcess::open(&place.settings()).expect("the directory can be used");
    let (ours, theirs) = UnixStream::pair().expect("there are sockets");
    // A pair needs no port, and the server asks nothing of a TCP socket that this is not.
    let theirs = TcpStream::from(OwnedFd::from(theirs));
    let piece = match first {
        0..=127 => sent.len().max(1),
        larger => usize::from(larger - 127) * 3,
    };
    let conversation = future::zip(server.serve(theirs), converse(ours, &sent, piece, &requests));
    let (served, received) = smol::block_on(conversation);
    served.expect("the socket can be used");
    replies::check(&received, &requests)
}

/// What comes back. No end is sent before all that is surely a request was answered: the server must not need it.
async fn converse(stream: UnixStream, sent: &[u8], piece: usize, requests: &Requests<'_>) -> Vec<u8> {
    let stream = Async::new(stream).expect("the socket can be used");
    let send = async {
        for piece in sent.chunks(piece) {
            if (&stream).write_all(piece).await.is_err() {
                return;
            }
            future::yield_now().await;
        }
    };
    let receive = async {
        let mut received = Vec::new();
        while replies::count(&received, requests) < requests.clear.len() && more(&stream, &mut received).await
        {
        }
        received
    };
    let ((), mut received) = future::zip(send, receive).await;
    let _ = stream.get_ref().shutdown(Shutdown::Write);
    while more(&stream, &mut received).await {}
    received
}

/// Reads what comes next; false at the end, be it a break.
async fn more(stream: &Async<UnixStream>, received: &mut Vec<u8>) -> bool {
    let length = received.len();
    assert!(length < REPLIES_BYTES_MAX, "replies without an end");
    received.resize(length + READ_BYTES, 0);
    let mut stream = stream;
    let count = stream.read(&mut received[length..]).await.unwrap_or(0);
    received.truncate(length + count);
    count > 0
}

/// As every program in Rust does that has a main function in Rust.
fn ignore_broken_pipes() {
    static PIPES: OnceLock<async_signal::Signals> = OnceLock::new();
    PIPES
        .get_or_init(|| async_signal::Signals::new([async_signal::Signal::Pipe]).expect("there are signals"));
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    /// All seeds together are answered with all that the registry answers.
    #[test]
    fn the_seeds_reach_far() {
        let seen = RefCell::new(BTreeSet::new());
        let count = crate::seeds::each("connection", |bytes| {
            let statuses = super::hold(bytes[0], &bytes[1..]);
            seen.borrow_mut().extend(statuses);
        });
        assert!(count > 20, "{count} seeds");
        let seen = seen.into_inner();
        let expected = [200, 201, 202, 204, 206, 304, 400, 404, 405, 413, 416];
        let missing: Vec<_> = expected.iter().filter(|status| !seen.contains(status)).collect();
        assert!(missing.is_empty(), "no seed reaches {missing:?}, only {seen:?}");
    }
}
