use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, ipproto, socket_with, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Open files beside those of a crowd.
const FILES_SPARE: u64 = 1000;
/// So many connections wait for a listener that is slow to accept them.
const WAITING_MAX: usize = 100;
/// How long the system may take to connect a crowd, and the registry to accept it.
const GATHER_MAX: Duration = Duration::from_secs(60);
/// So much a client that never reads lets the system keep for it.
const UNREAD_BYTES: usize = 4096;

/// Many connections that behave badly together; they end when it is dropped.
pub struct Crowd {
    members: Arc<Mutex<Vec<Member>>>,
    over: Arc<AtomicBool>,
    dripper: Option<JoinHandle<()>>,
}

struct Member {
    stream: TcpStream,
    first: Arc<[u8]>,
    sent: usize,
}

impl Crowd {
    /// Connects `count` clients that each begin with `first`, no more at once than the system lets wait.
    #[track_caller]
    pub fn gather(address: SocketAddr, count: usize, first: &[u8]) -> Self {
        raise_file_limit(count);
        let crowd = Self::flood(address, count.min(WAITING_MAX), first);
        crowd.settle();
        for from in (WAITING_MAX..count).step_by(WAITING_MAX) {
            let more = Self::flood(address, (count - from).min(WAITING_MAX), first);
            more.settle();
            let more = std::mem::take(&mut *more.members());
            crowd.members().extend(more);
        }
        crowd
    }

    /// Begins to connect `count` clients at once, which begin with `first` as soon as they are let in.
    pub fn flood(address: SocketAddr, count: usize, first: &[u8]) -> Self {
        raise_file_limit(count);
        let first: Arc<[u8]> = first.into();
        let member = |_| Member {
            stream: begin_to_connect(address).expect("a socket is to be had"),
            first: first.clone(),
            sent: 0,
        };
        let members = Arc::new(Mutex::new((0..count).map(member).collect()));
        Self { members, over: Arc::new(AtomicBool::new(false)), dripper: None }
    }

    /// Waits until the system has connected all, and has taken what they say first.
    #[track_caller]
    fn settle(&self) {
        let began = Instant::now();
        loop {
            let errors: Vec<_> =
                self.members().iter_mut().filter_map(|member| member.begin().err()).collect();
            if errors.is_empty() {
                return;
            }
            assert!(began.elapsed() < GATHER_MAX, "not all could say what they had to: {errors:?}");
            // There is nothing to wait on that tells of thousands of connections at once.
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// From here on, each sends one more byte a second.
    pub fn drip(&mut self) {
        let (members, over) = (self.members.clone(), self.over.clone());
        self.dripper = Some(std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                for member in members.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
                    if member.begin().is_ok() {
                        // One that was ended in the meantime is seen by `standing`.
                        let _ = member.stream.write(b"x");
                    }
                }
                std::thread::park_timeout(Duration::from_secs(1));
            }
        }));
    }

    /// How many are connected and have neither been answered nor ended.
    pub fn standing(&self) -> usize {
        let waits = |member: &mut Member| {
            member.begin().is_ok()
                && matches!(member.stream.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
        };
        self.members().iter_mut().filter_map(|member| waits(member).then_some(())).count()
    }

    /// How many have bytes of an answer that they do not read.
    pub fn answered(&self) -> usize {
        let has = |member: &Member| matches!(member.stream.peek(&mut [0]), Ok(1));
        self.members().iter().filter(|member| has(member)).count()
    }

    fn members(&self) -> MutexGuard<'_, Vec<Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(dripper) = self.dripper.take() {
            dripper.thread().unpark();
            let _ = dripper.join();
        }
    }
}

impl Member {
    /// Says what it says first, as far as it can; an error until all of it is said.
    fn begin(&mut self) -> io::Result<()> {
        while self.sent < self.first.len() {
            self.sent += self.stream.write(&self.first[self.sent..])?;
        }
        self.stream.peer_addr().map(|_| ())
    }
}

fn begin_to_connect(address: SocketAddr) -> io::Result<TcpStream> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    sockopt::set_socket_recv_buffer_size(&socket, UNREAD_BYTES)?;
    match connect(&socket, &address) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(TcpStream::from(socket)),
        Err(errno) => Err(errno.into()),
    }
}

fn raise_file_limit(count: usize) {
    let limit = getrlimit(Resource::Nofile);
    let wanted = count as u64 + FILES_SPARE;
    let enough = limit.maximum.is_none_or(|maximum| maximum >= wanted);
    assert!(enough, "{wanted} open files are needed: raise the hard limit (ulimit -Hn)");
    if limit.current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })
            .expect("the soft limit may be raised to the hard one");
    }
}
