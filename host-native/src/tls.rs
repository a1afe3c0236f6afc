//! TLS for this server's own clients: the certificate that it shows, whose certificates it takes, and how both are renewed
//! while it runs. Speaking TLS is the business of [`crate::http1`].
//!
//! ```text
//! files --read--> Material --check--> rustls::ServerConfig --Tls::config--> Connection::agree
//!   ^                                          |
//!   +---- looked at again, now and then -------+ kept as it is if the new ones do not do
//! ```

mod error;
mod material;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use smol::Timer;

pub use error::TlsError;
use material::Material;

/// Which files there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// PEM: the server's certificate first, then those of the authorities in between.
    pub certificate: PathBuf,
    /// PEM: its private key, not encrypted.
    pub key: PathBuf,
    /// PEM: the authorities whose clients may prove who they are; without it, no client is asked.
    pub client_authorities: Option<PathBuf>,
}

/// What connections agree on TLS with.
pub struct Tls {
    files: Files,
    reload_time: Duration,
    current: Mutex<Arc<ServerConfig>>,
    /// The content of the files that were tried last.
    tried: Material,
}

impl Tls {
    /// Reads the files and checks what they hold. What may be meant so is only warned of.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn open(files: Files, reload_time: Duration) -> Result<Self, TlsError> {
        let tried = Material::read(&files)?;
        let config = tried.check(&files)?;
        tried.warn(&files);
        Ok(Self { files, reload_time, current: Mutex::new(Arc::new(config)), tried })
    }

    /// What the next connection is to be agreed with.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the files again and again, and takes them when they have changed and are sound. Never ends.
    pub async fn keep_fresh(self: Arc<Self>) {
        let mut tried = self.tried.clone();
        let mut unreadable = None;
        loop {
            Timer::after(self.reload_time).await;
            let files = self.files.clone();
            match smol::unblock(move || Material::read(&files)).await {
                Ok(material) => {
                    unreadable = None;
                    if material != tried {
                        tried = material.clone();
                        self.take(material).await;
                    }
                }
                Err(error) => {
                    let error = error.to_string();
                    if unreadable.as_ref() != Some(&error) {
                        tell_kept(&error);
                        unreadable = Some(error);
                    }
                }
            }
        }
    }

    /// Has new connections begin with `material`, if it is sound.
    async fn take(&self, material: Material) {
        let files = self.files.clone();
        let checked = smol::unblock(move || {
            let config = material.check(&files)?;
            material.warn(&files);
            Ok::<_, TlsError>(config)
        });
        match checked.await {
            Ok(config) => {
                *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                let certificate = self.files.certificate.display();
                tracing::info!(%certificate, "the TLS certificate was read again");
            }
            Err(error) => tell_kept(&error.to_string()),
        }
    }
}

fn tell_kept(error: &str) {
    tracing::warn!(error, "the TLS files have changed and do not do; those from before are used on");
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tls({:?})", self.files)
    }
}
