use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use smol::channel::{Receiver, Sender, bounded};

use super::{Never, ServeError, Server, connection, limits, open_store};
use crate::config::Settings;
use crate::registry::Registry;

/// The server without its listener: connections are handed to it one by one, and no signal ends it.
///
/// For checks that have a connection of their own, such as one end of a pair of sockets.
pub struct InProcess {
    server: Server,
    /// Open as long as this is: nobody drains or stops the server.
    _signals: [Sender<Never>; 2],
    /// There is always room.
    _crowding: Sender<()>,
    _gone: Receiver<Never>,
}

impl InProcess {
    /// Opens the store.
    ///
    /// # Errors
    /// [`ServeError::Store`], [`ServeError::Swift`] or [`ServeError::SetUp`].
    pub fn open(settings: &Settings) -> Result<Self, ServeError> {
        let (store, bounds) = open_store(settings)?;
        let registry = Registry::new(settings, store, &bounds).map_err(ServeError::SetUp)?;
        let (draining, drain) = bounded(1);
        let (stopping, stop) = bounded(1);
        let (crowding, crowded) = bounded(1);
        let (alive, gone) = bounded(1);
        let server = Server {
            registry: Arc::new(registry),
            limits: Arc::new(limits(settings)),
            tls: None,
            drain,
            stop,
            crowded,
            _alive: alive,
            active: Arc::new(AtomicU64::new(0)),
        };
        Ok(Self { server, _signals: [draining, stopping], _crowding: crowding, _gone: gone })
    }

    /// Serves one request of a connection after the other until it ends, as the listening server does.
    ///
    /// # Errors
    /// The socket cannot be used without blocking.
    pub async fn serve(&self, stream: TcpStream) -> Result<(), ServeError> {
        let stream = smol::net::TcpStream::try_from(stream).map_err(ServeError::System)?;
        connection::serve(stream, self.server.clone()).await;
        Ok(())
    }
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}
