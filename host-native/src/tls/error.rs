use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why TLS cannot be served.
#[derive(Debug)]
pub enum TlsError {
    /// A file cannot be read.
    Unreadable {
        /// Its path.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file is longer than any of its kind.
    TooLarge {
        /// Its path.
        file: PathBuf,
    },
    /// A file holds no certificate, or a damaged one.
    NoCertificate {
        /// Its path.
        file: PathBuf,
    },
    /// A file holds no private key.
    NoKey {
        /// Its path.
        file: PathBuf,
    },
    /// A file holds a private key that only a passphrase opens.
    EncryptedKey {
        /// Its path.
        file: PathBuf,
    },
    /// The private key is not that of the certificate.
    Mismatch {
        /// The path of the certificate.
        certificate: PathBuf,
        /// The path of the key.
        key: PathBuf,
    },
    /// The certificate or the private key is of no use.
    Unusable {
        /// The path of the certificate.
        certificate: PathBuf,
        /// The path of the key.
        key: PathBuf,
        /// Why.
        error: rustls::Error,
    },
    /// A certificate cannot be one of an authority.
    Authority {
        /// The path of its file.
        file: PathBuf,
        /// Which one in it, from 1.
        number: usize,
        /// Why.
        error: rustls::Error,
    },
    /// The cryptography of this build does not do.
    Setup(String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => {
                write!(
                    f,
                    "{} cannot be read ({error}); name a PEM file that the registry's user may read",
                    file.display()
                )
            }
            Self::TooLarge { file } => {
                write!(f, "{} is too large; name a PEM file with what belongs there alone", file.display())
            }
            Self::NoCertificate { file } => {
                write!(
                    f,
                    "{} holds no sound certificate; name a PEM file with BEGIN CERTIFICATE in it",
                    file.display()
                )
            }
            Self::NoKey { file } => {
                write!(
                    f,
                    "{} holds no private key; name a PEM file with BEGIN PRIVATE KEY in it",
                    file.display()
                )
            }
            Self::EncryptedKey { file } => {
                write!(
                    f,
                    "the private key in {} is encrypted; decrypt it (openssl pkey -in FILE -out NEW) and let only the registry's user read it",
                    file.display()
                )
            }
            Self::Mismatch { certificate, key } => {
                write!(
                    f,
                    "the private key in {} is not that of the first certificate in {}; name two that belong together, the server's certificate first",
                    key.display(),
                    certificate.display()
                )
            }
            Self::Unusable { certificate, key, error } => {
                write!(
                    f,
                    "{} and {} cannot be served with ({error}); name an X.509 certificate of version 3 with a key of ECDSA, Ed25519 or RSA",
                    certificate.display(),
                    key.display()
                )
            }
            Self::Authority { file, number, error } => {
                write!(
                    f,
                    "certificate {number} in {} cannot be an authority's ({error}); correct or remove it",
                    file.display()
                )
            }
            Self::Setup(error) => {
                write!(f, "TLS cannot be set up ({error}); build the registry for this machine")
            }
        }
    }
}

impl std::error::Error for TlsError {}
