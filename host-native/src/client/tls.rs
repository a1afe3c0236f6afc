mod error;
mod fault;
mod stream;
mod verifier;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use smol::net::TcpStream;

use super::ClientError;
use super::connect::Link;
pub use error::TlsError;
pub use fault::TlsFault;
use verifier::Anybody;

/// How servers behind `https://` prove who they are, and this client to them. A clone shares what is needed to resume
/// sessions.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

/// Whom a server's certificate has to come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that this system trusts; with the variables SSL_CERT_FILE or SSL_CERT_DIR, those alone.
    System,
    /// The certificates in a PEM file, and no others.
    File(PathBuf),
    /// Nobody: no certificate is checked.
    Anybody,
}

/// What this client proves with who it is: PEM files, which may be the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its certificate, and those of the authorities in between.
    pub certificates: PathBuf,
    /// Its private key, not encrypted.
    pub key: PathBuf,
}

impl Tls {
    /// Reads the certificates.
    ///
    /// # Errors
    /// A file cannot be read, or is not what it should be.
    pub fn new(trust: &Trust, identity: Option<&Identity>) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::Setup)?;
        let builder = match trust {
            Trust::System => builder.with_root_certificates(system_roots()?),
            Trust::File(path) => builder.with_root_certificates(roots_of(path)?),
            Trust::Anybody => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody::new())),
        };
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificates, key }) => {
                let chain = read_certificates(certificates)?;
                let private = match PrivateKeyDer::from_pem_file(key) {
                    Ok(private) => private,
                    Err(pem::Error::Io(error)) => {
                        return Err(TlsError::Unreadable { file: key.clone(), error });
                    }
                    Err(_) => return Err(TlsError::NoKey { file: key.clone() }),
                };
                let wrong = |error| TlsError::Identity { certificates: certificates.clone(), error };
                builder.with_client_auth_cert(chain, private).map_err(wrong)?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// Agrees with the server at the other end of `socket`, which must prove to be `host`.
    pub(super) async fn agree(&self, host: &str, socket: TcpStream) -> Result<Link, ClientError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| ClientError::Request("its host is neither a DNS name nor an IP address"))?;
        let connection = ClientConnection::new(self.0.clone(), name)
            .map_err(|error| ClientError::Tls(TlsFault::from_rustls(error)))?;
        stream::agree(connection, socket).await
    }
}

/// Two are equal if they share their sessions.
impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Tls {}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Systems carry certificates that are too odd to be trusted, and no harm comes of leaving them out.
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        return Err(TlsError::NoSystemRoots { error: found.errors.first().map(ToString::to_string) });
    }
    if let Some(error) = found.errors.first() {
        let count = found.errors.len();
        tracing::warn!(count, %error, "some of the system's certificates cannot be read; correct their files");
    }
    Ok(roots)
}

fn roots_of(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for (certificate, number) in read_certificates(file)?.into_iter().zip(1..) {
        let damaged = |error| TlsError::Root { file: file.to_owned(), number, error };
        roots.add(certificate).map_err(damaged)?;
    }
    Ok(roots)
}

/// All certificates of a PEM file: at least one.
fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let named = || file.to_owned();
    let certificates = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(TlsError::NoCertificate { file: named() }),
        Ok(certificates) => Ok(certificates),
        Err(pem::Error::Io(error)) => Err(TlsError::Unreadable { file: named(), error }),
        Err(_) => Err(TlsError::NoCertificate { file: named() }),
    }
}
