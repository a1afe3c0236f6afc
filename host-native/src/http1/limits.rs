use std::time::Duration;

/// What a client may use of the server before it is refused, waited out or cut off.
///
/// Most fields are settings of the host, which has defaults of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest request head, from the method to the empty line, in bytes.
    pub head_bytes_max: usize,
    /// Most header fields in one request.
    pub headers_max: usize,
    /// Time from the first byte of a head to its last.
    pub head_time: Duration,
    /// Time that a connection may wait for the first byte of its next request.
    pub idle_time: Duration,
    /// Time that somebody waits for the next 32 KiB of a request body, or for its end.
    pub body_idle_time: Duration,
    /// Time in which the client takes not a single byte of the reply.
    pub write_idle_time: Duration,
    /// Time that a closing connection keeps reading, so that the client gets to see the reply; also
    /// the time that the remainder of a body may take when the connection is to be used again.
    pub linger_time: Duration,
    /// Longest remainder of an unread body, in bytes, that is read and dropped to keep the connection.
    pub drain_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes_max: 32 * 1024,
            headers_max: 100,
            head_time: Duration::from_secs(20),
            idle_time: Duration::from_secs(75),
            body_idle_time: Duration::from_secs(60),
            write_idle_time: Duration::from_secs(60),
            linger_time: Duration::from_secs(3),
            drain_bytes_max: 256 * 1024,
        }
    }
}
