use std::time::Duration;

use wasip2::io::poll;

use super::Client;
use super::timers::{after, is_past, ready_at};
use crate::wire::Piece;

/// Reads what the client still sends after it was told the reply, and drops it: a runtime closes a connection on which
/// something was left, and no head that this component may send announces that.
pub fn drain(client: &mut Client) {
    let deadline = after(DRAIN_TIME_MAX);
    let mut left = DRAIN_BYTES_MAX;
    while left > 0 && client.is_under_way() && !is_past(deadline) {
        match client.read(left.min(PIECE_BYTES_MAX)) {
            Piece::Bytes(bytes) => left = left.saturating_sub(bytes.len() as u64),
            Piece::End | Piece::Broke => return,
            Piece::NotYet => {
                if let Some(ready) = client.ready() {
                    poll::poll(&[&ready, &ready_at(deadline)]);
                }
            }
        }
    }
}

const DRAIN_BYTES_MAX: u64 = 16 << 20;

const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

const PIECE_BYTES_MAX: u64 = 1 << 20;
