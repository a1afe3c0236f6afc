//! A server with one handler for each thing that a caller of the edge may do.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_lite::future;
use http::{HeaderMap, HeaderValue, StatusCode};
use smol::Task;
use smol::net::{TcpListener, TcpStream};
use wharfinger::http1::{
    BodyError, BodyLength, BodyReader, Connection, Filled, HeadRefusal, Limits, Next, ReplyError,
    ReplyLength, ReplyWriter, Request, conclude,
};

/// How long `/patient` waits for bytes.
const PATIENCE: Duration = Duration::from_millis(20);
/// Length of what `/file` sends.
pub const FILE_BYTES: usize = 48 * 1024 * 1024;

pub struct Server {
    pub address: SocketAddr,
    events: Receiver<Event>,
    _accepting: Task<()>,
}

/// What a connection tells the test about its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    Refused(HeadRefusal),
    /// The length of a body, or why there is none.
    Body(Result<usize, BodyError>),
    /// The `Debug` name of the error, if any.
    Reply(Result<u64, String>),
    ClientGone,
    /// `/patient` has waited in vain for the first time.
    Stalled,
    /// The connection is over.
    Ended,
}

struct Handler {
    events: Mutex<Sender<Event>>,
    file: File,
}

type Exchange = (Option<BodyReader>, ReplyWriter);

/// Limits short enough for tests that wait for them.
pub fn limits() -> Limits {
    Limits {
        head_bytes_max: 16 * 1024,
        headers_max: 50,
        head_time: Duration::from_millis(300),
        idle_time: Duration::from_millis(600),
        body_idle_time: Duration::from_millis(300),
        write_idle_time: Duration::from_millis(300),
        linger_time: Duration::from_millis(500),
        drain_bytes_max: 64 * 1024,
    }
}

/// Limits that no test reaches by being scheduled late.
pub fn generous() -> Limits {
    let time = Duration::from_secs(20);
    Limits { head_time: time, idle_time: time, body_idle_time: time, write_idle_time: time, ..limits() }
}

pub fn file_byte(at: usize) -> u8 {
    (at % 251) as u8
}

impl Server {
    pub fn start(limits: Limits) -> Self {
        let listener = smol::block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, events) = channel();
        let handler = Arc::new(Handler { events: Mutex::new(sender), file: make_file() });
        let limits = Arc::new(limits);
        let accepting = smol::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, limits) = (handler.clone(), limits.clone());
                smol::spawn(async move { handler.serve(stream, limits).await }).detach();
            }
        });
        Self { address, events, _accepting: accepting }
    }

    pub fn event(&self) -> Event {
        self.events.recv_timeout(Duration::from_secs(10)).expect("the server has nothing to tell")
    }
}

impl Handler {
    async fn serve(&self, stream: TcpStream, limits: Arc<Limits>) {
        let mut connection = Connection::new(stream, limits);
        loop {
            let (body, reply) = match connection.next().await {
                Next::Request { request, body, reply } => self.handle(request, body, reply).await,
                Next::Refused { refusal, mut reply } => {
                    self.tell(Event::Refused(refusal));
                    let _ = answer(&mut reply, refusal.status(), refusal.to_string().as_bytes()).await;
                    (None, reply)
                }
                Next::Closed => break,
            };
            match conclude(body, reply).await {
                Some(again) => connection = again,
                None => break,
            }
        }
        self.tell(Event::Ended);
    }

    async fn handle(&self, request: Request, body: BodyReader, reply: ReplyWriter) -> Exchange {
        match request.target.split('?').next().unwrap_or_default() {
            "/echo" => self.echo(body, reply).await,
            "/refuse" => refuse(body, reply).await,
            "/early" => self.answer_early(body, reply).await,
            "/relay" => self.relay(request.length, body, reply).await,
            "/patient" => self.tell_stall(body, reply).await,
            "/file" => self.send_file(body, reply).await,
            "/short" => self.send_short(body, reply).await,
            "/long" => send_long(body, reply).await,
            "/nothing" => (Some(body), reply),
            "/gone" => self.wait_for_leaving(body, reply).await,
            path if path.starts_with("/status/") => with_status(path, body, reply).await,
            _ => show(&request, body, reply).await,
        }
    }

    async fn echo(&self, mut body: BodyReader, mut reply: ReplyWriter) -> Exchange {
        match read_all(&mut body).await {
            Ok(bytes) => {
                let _ = answer(&mut reply, StatusCode::OK, &bytes).await;
            }
            Err(error) => {
                self.tell(Event::Body(Err(error)));
                let status = match error {
                    BodyError::Late => StatusCode::REQUEST_TIMEOUT,
                    BodyError::Malformed(_) | BodyError::Short => StatusCode::BAD_REQUEST,
                };
                assert_eq!(body.fill().await, Err(error));
                let _ = answer(&mut reply, status, error.to_string().as_bytes()).await;
            }
        }
        (Some(body), reply)
    }

    async fn answer_early(&self, mut body: BodyReader, mut reply: ReplyWriter) -> Exchange {
        let _ = answer(&mut reply, StatusCode::OK, b"early").await;
        self.tell(Event::Body(read_all(&mut body).await.map(|bytes| bytes.len())));
        (Some(body), reply)
    }

    /// Echoes byte by byte while the body is still coming, reading and writing at the same time.
    async fn relay(&self, length: BodyLength, mut body: BodyReader, mut reply: ReplyWriter) -> Exchange {
        let BodyLength::Exactly(length) = length else { return refuse(body, reply).await };
        let _ = reply.head(StatusCode::OK, &HeaderMap::new(), ReplyLength::Exactly(length));
        let (sender, receiver) = smol::channel::bounded::<Vec<u8>>(1);
        let reading = async {
            let sender = sender;
            loop {
                match body.fill().await? {
                    [] => return Ok(()),
                    bytes => {
                        let bytes = bytes.to_vec();
                        body.consume(bytes.len());
                        let _ = sender.send(bytes).await;
                    }
                }
            }
        };
        let writing = async {
            while let Ok(bytes) = receiver.recv().await {
                reply.write(&bytes).await?;
            }
            Ok::<_, ReplyError>(())
        };
        let (read, written): (Result<(), BodyError>, _) = future::zip(reading, writing).await;
        self.tell(Event::Body(read.map(|()| 0)));
        self.tell_reply(written, &reply);
        (Some(body), reply)
    }

    async fn send_file(&self, body: BodyReader, mut reply: ReplyWriter) -> Exchange {
        let length = FILE_BYTES as u64 - 3;
        let _ = reply.head(StatusCode::OK, &HeaderMap::new(), ReplyLength::Exactly(length + 1));
        let sent = reply.send_file(&self.file, 3, length).await;
        // Beyond the end nothing is there to be sent.
        let sent = match sent {
            Ok(_) => reply.send_file(&self.file, FILE_BYTES as u64, 1).await,
            Err(error) => Err(error),
        };
        let sent = match sent {
            Ok(_) => reply.write(b"!").await,
            Err(error) => Err(error),
        };
        self.tell_reply(sent, &reply);
        (Some(body), reply)
    }

    async fn send_short(&self, body: BodyReader, mut reply: ReplyWriter) -> Exchange {
        let _ = reply.head(StatusCode::OK, &HeaderMap::new(), ReplyLength::Exactly(10));
        let _ = reply.write(b"four").await;
        let finished = reply.finish().await;
        self.tell_reply(finished, &reply);
        (Some(body), reply)
    }

    async fn wait_for_leaving(&self, mut body: BodyReader, mut reply: ReplyWriter) -> Exchange {
        self.tell(Event::Body(read_all(&mut body).await.map(|bytes| bytes.len())));
        body.client_gone().await;
        self.tell(Event::ClientGone);
        reply.cut();
        (Some(body), reply)
    }

    /// Answers with the body, or why it broke, having told of the first stall.
    async fn tell_stall(&self, mut body: BodyReader, mut reply: ReplyWriter) -> Exchange {
        let (mut stalled, mut bytes) = (false, Vec::new());
        loop {
            let count = match body.fill_within(PATIENCE).await {
                Ok(Filled::Stalled) => {
                    if !stalled {
                        self.tell(Event::Stalled);
                    }
                    stalled = true;
                    continue;
                }
                Ok(Filled::Bytes(some)) => {
                    bytes.extend_from_slice(some);
                    some.len()
                }
                Ok(Filled::End) => break,
                Err(error) => {
                    bytes = format!("{error:?}").into_bytes();
                    break;
                }
            };
            body.consume(count);
        }
        let _ = answer(&mut reply, StatusCode::OK, &bytes).await;
        (Some(body), reply)
    }

    fn tell_reply(&self, result: Result<(), ReplyError>, reply: &ReplyWriter) {
        let name = |error| format!("{error:?}").split('(').next().unwrap_or_default().to_owned();
        self.tell(Event::Reply(result.map(|()| reply.body_bytes_sent()).map_err(name)));
    }

    fn tell(&self, event: Event) {
        // A test that is over listens no more.
        let _ = self.events.lock().unwrap().send(event);
    }
}

async fn answer(reply: &mut ReplyWriter, status: StatusCode, bytes: &[u8]) -> Result<(), ReplyError> {
    reply.head(status, &HeaderMap::new(), ReplyLength::Exactly(bytes.len() as u64))?;
    reply.write(bytes).await
}

async fn read_all(body: &mut BodyReader) -> Result<Vec<u8>, BodyError> {
    let mut all = Vec::new();
    loop {
        let bytes = body.fill().await?;
        // Half of it, so that what is left comes again.
        let count = bytes.len().div_ceil(2);
        if count == 0 {
            assert_eq!(body.remaining_known(), Some(0));
            return Ok(all);
        }
        all.extend_from_slice(&bytes[..count]);
        body.consume(count);
    }
}

async fn refuse(body: BodyReader, mut reply: ReplyWriter) -> Exchange {
    let _ = answer(&mut reply, StatusCode::UNAUTHORIZED, b"who are you?").await;
    (Some(body), reply)
}

async fn send_long(body: BodyReader, mut reply: ReplyWriter) -> Exchange {
    let early = reply.write(b"x").await;
    assert!(matches!(early, Err(ReplyError::OutOfOrder)));
    let _ = reply.head(StatusCode::OK, &HeaderMap::new(), ReplyLength::Exactly(4));
    assert!(matches!(reply.write(b"five!").await, Err(ReplyError::TooLong)));
    let _ = reply.write(b"four").await;
    assert!(matches!(reply.write(b"x").await, Err(ReplyError::TooLong)));
    let again = reply.head(StatusCode::OK, &HeaderMap::new(), ReplyLength::Exactly(4));
    assert!(matches!(again, Err(ReplyError::OutOfOrder)));
    (Some(body), reply)
}

async fn with_status(path: &str, body: BodyReader, mut reply: ReplyWriter) -> Exchange {
    let status = path.trim_start_matches("/status/").parse().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("content-length", HeaderValue::from_static("77"));
    headers.insert("x", HeaderValue::from_static("y"));
    let _ = reply.head(status, &headers, ReplyLength::None);
    (Some(body), reply)
}

/// Answers with the request as it was understood.
async fn show(request: &Request, body: BodyReader, mut reply: ReplyWriter) -> Exchange {
    let mut text = format!("{} {}\n", request.method, request.target);
    let mut names: Vec<_> = request.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    for name in names {
        for value in request.headers.get_all(name) {
            text += &format!("{name}: {}\n", value.to_str().unwrap());
        }
    }
    let _ = answer(&mut reply, StatusCode::OK, text.as_bytes()).await;
    (Some(body), reply)
}

/// A file without a name.
fn make_file() -> File {
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::memfd_create("http1-test", flags).unwrap());
    // Mostly a hole: only its two ends are ever compared byte by byte.
    file.set_len(FILE_BYTES as u64).unwrap();
    let edge: Vec<u8> = (0..100_000).map(file_byte).collect();
    file.write_all(&edge).unwrap();
    file.seek(SeekFrom::End(-(edge.len() as i64))).unwrap();
    file.write_all(&edge).unwrap();
    file
}
