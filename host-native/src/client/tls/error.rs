use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why TLS cannot be set up.
#[derive(Debug)]
pub enum TlsError {
    /// A file cannot be read.
    Unreadable {
        /// Its path.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file holds no certificate, or a damaged one.
    NoCertificate {
        /// Its path.
        file: PathBuf,
    },
    /// A certificate is damaged, or cannot be one of an authority.
    Root {
        /// The path of its file.
        file: PathBuf,
        /// Which one in it, from 1.
        number: usize,
        /// Why.
        error: rustls::Error,
    },
    /// The system trusts nobody.
    NoSystemRoots {
        /// What went wrong when its certificates were looked for, if that is it.
        error: Option<String>,
    },
    /// A file holds no private key, or one that is encrypted.
    NoKey {
        /// Its path.
        file: PathBuf,
    },
    /// The private key and the certificate do not fit.
    Identity {
        /// The path of the certificate's file.
        certificates: PathBuf,
        /// Why.
        error: rustls::Error,
    },
    /// The cryptography of this build cannot speak any version of TLS.
    Setup(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => {
                write!(
                    f,
                    "{} cannot be read ({error}); name a PEM file that this user may read",
                    file.display()
                )
            }
            Self::NoCertificate { file } => {
                write!(
                    f,
                    "{} holds no sound certificate; name a PEM file with lines of BEGIN CERTIFICATE",
                    file.display()
                )
            }
            Self::Root { file, number, error } => {
                write!(f, "certificate {number} in {} is damaged", file.display())?;
                // What its words begin with is for certificates that a server shows.
                if let rustls::Error::InvalidCertificate(error) = error {
                    write!(f, " ({error})")?;
                } else {
                    write!(f, " ({error})")?;
                }
                f.write_str("; copy it again from where it came, or remove it from the file")
            }
            Self::NoSystemRoots { error } => {
                f.write_str("this system trusts no certificate authority")?;
                if let Some(error) = error {
                    write!(f, " ({error})")?;
                }
                f.write_str("; install ca-certificates, correct SSL_CERT_FILE, or name the authority's PEM file as cacert")
            }
            Self::NoKey { file } => {
                write!(
                    f,
                    "{} holds no private key that can be used; name a PEM file with one that is not encrypted",
                    file.display()
                )
            }
            Self::Identity { certificates, error } => {
                write!(
                    f,
                    "the private key does not fit the certificate in {} ({error}); name the two that belong together",
                    certificates.display()
                )
            }
            Self::Setup(error) => {
                write!(f, "TLS cannot be set up ({error}); build the registry for this machine")
            }
        }
    }
}

impl std::error::Error for TlsError {}
