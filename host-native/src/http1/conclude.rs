use std::net::Shutdown;
use std::time::Instant;

use futures_lite::future;

use super::socket::{Patience, Socket, Waited, after};
use super::{BodyReader, Connection, ReplyWriter};

/// Size of the buffer for bytes that are read only to be dropped.
const DROP_BYTES: usize = 16 * 1024;

/// Ends an exchange: finishes the reply, and returns the connection if it can be used again.
///
/// It can if the reply is whole, did not say `Connection: close`, and the body was read to its end or
/// has a remainder within `drain_bytes_max`, which is read and dropped. Else the connection is closed:
/// at once if the reply is not whole, so that the client sees it broken; otherwise after the client had
/// `linger_time` to read the reply, while what it still sends is dropped. There is no body to give after
/// a refused head.
pub async fn conclude(body: impl Into<Option<BodyReader>>, mut reply: ReplyWriter) -> Option<Connection> {
    let body = body.into();
    if reply.finish().await.is_err() {
        return None;
    }
    let closes = reply.closes();
    let wire = reply.into_wire();
    if let Some(body) = body.filter(|_| !closes)
        && let Some(read_ahead) = body.drain().await
    {
        return Some(Connection::again(wire.socket.clone(), wire.limits.clone(), read_ahead));
    }
    close(&wire.socket, after(Instant::now(), wire.limits.linger_time)).await;
    None
}

/// Ends what is sent, and reads until the client does the same or time is up.
pub(super) async fn close(socket: &Socket, until: Instant) {
    let mut patience = Patience::default();
    while let Ok(false) = socket.try_close() {
        match socket.writable(&mut patience, until).await {
            Ok(Waited::Ready) => {}
            Ok(Waited::Late) | Err(_) => break,
        }
    }
    socket.shut(Shutdown::Write);
    linger(socket, until).await;
}

/// Reads until the client closes or time is up. A socket closed over unread bytes would be reset, and
/// the client might lose the reply.
async fn linger(socket: &Socket, until: Instant) {
    // Not on the stack: that of a future is kept for the life of its task.
    let mut dropped = vec![0; DROP_BYTES];
    let mut patience = Patience::default();
    while Instant::now() < until {
        match socket.try_read_raw(&mut dropped) {
            Ok(Some(0)) | Err(_) => return,
            Ok(Some(_)) => future::yield_now().await,
            Ok(None) => match socket.readable(&mut patience, until).await {
                Ok(Waited::Ready) => {}
                Ok(Waited::Late) | Err(_) => return,
            },
        }
    }
}
