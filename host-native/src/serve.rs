//! The server: listens, serves connections on as many threads as there are cores, and ends in good order.

mod announce;
mod connection;
mod in_process;

pub use crate::doors::AccessError;
pub use crate::registry::SetUpError;
pub use in_process::InProcess;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_signal::{Signal, Signals};
use futures_lite::{FutureExt as _, StreamExt as _};
use smol::channel::{Receiver, Sender, bounded};
use smol::lock::{Semaphore, SemaphoreGuardArc};
use smol::net::{TcpListener, TcpStream};
use smol::{Executor, Timer};

use wharfinger_core::Bounds;
use wharfinger_core::upload::Secret;

use crate::config::{ConfigError, Driver, Settings, Sync};
use crate::doors::Doors;
use crate::files::{self, Files};
use crate::http1::Limits;
use crate::registry::{Registry, Store};
use crate::swift::{self, Swift};
use crate::tls::{Tls, TlsError};

/// Why the server did not start.
#[derive(Debug)]
pub enum ServeError {
    /// The store cannot be opened.
    Store(files::OpenError),
    /// Swift cannot be used.
    Swift(Box<swift::StartError>),
    /// TLS cannot be served.
    Tls(TlsError),
    /// The sealing secret cannot be had.
    Secret(io::Error),
    /// The registry cannot be set up.
    SetUp(SetUpError),
    /// It would be open to others, or is meant to be open and is locked.
    Exposure(ConfigError),
    /// Nobody may listen there.
    Listen(SocketAddr, io::Error),
    /// The system gives no threads or signals.
    System(io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Swift(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::Secret(error) => write!(f, "the sealing secret cannot be had: {error}"),
            Self::SetUp(error) => error.fmt(f),
            Self::Exposure(error) => error.fmt(f),
            Self::Listen(address, error) => {
                write!(f, "cannot listen on {address}: {error}; choose another address with --listen")
            }
            Self::System(error) => write!(f, "the system does not let the server start: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}

/// Never sent; a closed channel of it is a signal that reaches all who wait.
enum Never {}

/// What every connection knows of its server.
#[derive(Clone)]
struct Server {
    registry: Arc<Registry>,
    limits: Arc<Limits>,
    /// What connections begin with, unless they are plain.
    tls: Option<Arc<Tls>>,
    /// Closed when no new request is taken any more.
    drain: Receiver<Never>,
    /// Closed when those that run are to end as well.
    stop: Receiver<Never>,
    /// Each message asks one connection to go that waits for a request: a client waits for its place.
    crowded: Receiver<()>,
    /// Held by every connection; closed when all are gone.
    _alive: Sender<Never>,
    active: Arc<AtomicU64>,
}

/// Serves until a signal ends it, then lets finish what runs, within the limit that the settings give.
///
/// # Errors
/// The server did not start.
pub fn run(settings: &Settings) -> Result<(), ServeError> {
    raise_file_limit();
    settings.check_exposure().map_err(ServeError::Exposure)?;
    let doors = Doors::of(settings);
    // Whoever is in the file of users is looked at before anything is bound or written. Any secret does for that.
    doors.open(&Secret::new(b"")).map_err(|error| ServeError::SetUp(SetUpError::Access(error)))?;
    let address = settings.listen();
    let tls = settings.tls_files().map(|files| Tls::open(files, settings.tls.reload_time));
    let tls = tls.transpose().map_err(ServeError::Tls)?.map(Arc::new);
    // Before anything is written: a server that cannot listen leaves nothing behind.
    let listener =
        std::net::TcpListener::bind(address).map_err(|error| ServeError::Listen(address, error))?;
    // The standard library lets fewer clients wait than come in a burst, and who finds no room comes again after a second.
    rustix::net::listen(&listener, BACKLOG).map_err(|errno| ServeError::Listen(address, errno.into()))?;
    let (store, bounds) = open_store(settings)?;
    let registry = Registry::new(settings, store, &bounds).map_err(ServeError::SetUp)?;
    let registry = Arc::new(registry);
    let executor = Arc::new(Executor::new());
    if let Store::Swift(swift) = &registry.store {
        executor.spawn(swift.clone().keep_keys()).detach();
    }
    executor.spawn(doors.keep_fresh(registry.clone())).detach();
    if let Some(tls) = &tls {
        executor.spawn(tls.clone().keep_fresh()).detach();
    }
    let (_running, over) = bounded::<Never>(1);
    for at in 1..settings.threads {
        let (executor, over) = (executor.clone(), over.clone());
        let work = move || drop(smol::block_on(executor.run(over.recv())));
        std::thread::Builder::new().name(format!("serve-{at}")).spawn(work).map_err(ServeError::System)?;
    }
    smol::block_on(executor.run(listen(settings, listener, registry, tls, &executor)))
}

/// Opens the store, and tells what it takes.
pub(crate) fn open_store(settings: &Settings) -> Result<(Store, Bounds), ServeError> {
    let storage = &settings.storage;
    match storage.driver {
        Driver::Filesystem => {
            let sync = match storage.sync {
                Sync::Full => true,
                Sync::None => false,
            };
            let files = Files::open(&files::Settings { root: storage.root.clone(), sync });
            Ok((Store::Files(files.map_err(ServeError::Store)?), Bounds::none()))
        }
        Driver::Swift => {
            let swift = swift::Settings { redirect: redirect(settings)?, ..swift_settings(settings) };
            let (swift, bounds) =
                smol::block_on(Swift::start(&swift)).map_err(|error| ServeError::Swift(Box::new(error)))?;
            Ok((Store::Swift(swift), bounds))
        }
    }
}

/// How clients are sent to Swift, if they are.
fn redirect(settings: &Settings) -> Result<Option<swift::Redirect>, ServeError> {
    let storage = &settings.storage;
    if !storage.redirect {
        return Ok(None);
    }
    let secret = settings.sealing_secret().map_err(ServeError::Secret)?;
    let (life, key_period) = (storage.redirect_time, storage.redirect_key_time);
    Ok(Some(swift::Redirect { secret, url: storage.redirect_url.clone(), life, key_period }))
}

/// Which Swift the configuration names; clients are not sent there.
pub(crate) fn swift_settings(settings: &Settings) -> swift::Settings {
    let storage = &settings.storage;
    let container = storage.container.clone().unwrap_or_default();
    swift::Settings {
        cloud: storage.cloud.clone(),
        segments_container: storage.segments_container.clone().unwrap_or_else(|| container.clone()),
        container,
        call_time: settings.limits.store_time,
        redirect: None,
    }
}

async fn listen(
    settings: &Settings,
    listener: std::net::TcpListener,
    registry: Arc<Registry>,
    tls: Option<Arc<Tls>>,
    executor: &Arc<Executor<'static>>,
) -> Result<(), ServeError> {
    let mut signals = Signals::new([Signal::Term, Signal::Int]).map_err(ServeError::System)?;
    let listener = TcpListener::try_from(listener).map_err(ServeError::System)?;
    let bound = listener.local_addr().map_err(ServeError::System)?;
    announce::remark(settings);
    announce::announce(settings, &registry.config().access, bound);
    let (draining, drain) = bounded(1);
    let (stopping, stop) = bounded(1);
    let (alive, gone) = bounded(1);
    let (crowding, crowded) = bounded(1);
    let active = Arc::new(AtomicU64::new(0));
    let server = Server {
        registry,
        limits: Arc::new(limits(settings)),
        tls,
        drain,
        stop,
        crowded: crowded.clone(),
        _alive: alive,
        active: active.clone(),
    };
    let places =
        Arc::new(Semaphore::new(usize::try_from(settings.limits.connections).unwrap_or(usize::MAX >> 8)));
    let accept = async {
        loop {
            if let Some(stream) = accept(&listener).await {
                let place = find_place(&places, &crowding, &crowded).await;
                let server = server.clone();
                executor
                    .spawn(async move {
                        // Nothing here should panic. If it does, one connection is lost, not the thread under all.
                        if AssertUnwindSafe(connection::serve(stream, server)).catch_unwind().await.is_err() {
                            tracing::error!("a connection ended in a panic; please report this");
                        }
                        drop(place);
                    })
                    .detach();
            }
        }
    };
    accept.or(async { drop(signals.next().await) }).await;
    drop(listener);
    drop(draining);
    drop(server);
    finish(&mut signals, &gone, stopping, &active, settings.limits.drain_time).await;
    Ok(())
}

/// Lets finish what runs: until all connections are gone, or the time is over, or somebody insists.
async fn finish(
    signals: &mut Signals,
    gone: &Receiver<Never>,
    stopping: Sender<Never>,
    active: &AtomicU64,
    patience: Duration,
) {
    tracing::info!(requests = active.load(Ordering::Relaxed), "stopping: what runs may finish");
    let finished = async { drop(gone.recv().await) };
    let late = async {
        Timer::after(patience).await;
        let requests = active.load(Ordering::Relaxed);
        tracing::warn!(requests, "the time to finish is over; what still runs is broken off");
        drop(stopping);
        Timer::after(STOP_TIME).await;
    };
    let again = async {
        signals.next().await;
        tracing::warn!("a second signal: stopping at once");
        std::process::exit(i32::from(crate::cli::EXIT_FAILURE));
    };
    finished.or(late).or(again).await;
}

/// A place for a client that has come. When all are taken, the connection goes that has waited longest for a request; those
/// that are being served stay.
async fn find_place(
    places: &Arc<Semaphore>,
    crowding: &Sender<()>,
    crowded: &Receiver<()>,
) -> SemaphoreGuardArc {
    if let Some(place) = places.try_acquire_arc() {
        return place;
    }
    // It is empty: nobody else writes to it.
    let _ = crowding.try_send(());
    let place = places.acquire_arc().await;
    // The place of one that ended by itself: nobody has to go any more.
    let _ = crowded.try_recv();
    place
}

/// The next connection. Out of files or memory, it waits for others to give some back.
async fn accept(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => {
            // A reply leaves in one piece; there is nothing to wait for.
            let _ = stream.set_nodelay(true);
            Some(stream)
        }
        Err(error) => {
            tracing::warn!(%error, "a connection cannot be accepted");
            Timer::after(ACCEPT_PAUSE).await;
            None
        }
    }
}

fn limits(settings: &Settings) -> Limits {
    let limits = &settings.limits;
    Limits {
        head_bytes_max: usize::try_from(limits.head_bytes).unwrap_or(usize::MAX),
        head_time: limits.head_time,
        idle_time: limits.idle_time,
        body_idle_time: limits.body_idle_time,
        write_idle_time: limits.write_idle_time,
        drain_bytes_max: limits.drain_bytes,
        ..Limits::default()
    }
}

/// A connection is a file, and so is every blob on its way: the soft limit of many systems is far below what the
/// hard one allows.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit on open files stays as it is");
    }
}

/// So many clients may wait to be accepted, as far as the system allows.
const BACKLOG: i32 = 4096;

/// After a failure to accept, it is tried again after so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What was broken off has so long to tell its client.
const STOP_TIME: Duration = Duration::from_millis(500);
