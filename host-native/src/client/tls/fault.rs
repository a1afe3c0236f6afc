use std::fmt;

use rustls::{AlertDescription, CertificateError, Error};

/// Why a server was not believed, or did not go on.
#[derive(Clone, Debug, PartialEq)]
pub enum TlsFault {
    /// Its certificate comes from an authority that is not trusted.
    Issuer,
    /// Its certificate is for others.
    Name {
        /// For whom, as far as it says.
        presented: Vec<String>,
    },
    /// Its certificate is over.
    Expired,
    /// Its certificate does not hold yet.
    Early,
    /// Its certificate is an authority's own.
    Authority,
    /// Its certificate cannot be accepted for another reason.
    Certificate(String),
    /// It speaks something else.
    NotTls,
    /// It closed before all was agreed upon.
    Closed,
    /// It refused; by the name that TLS has for its reason.
    Refused(AlertDescription),
    /// What it sent breaks the rules of TLS, or was changed on its way.
    Broken(Error),
}

impl TlsFault {
    pub(super) fn from_rustls(error: Error) -> Self {
        if let Error::InvalidCertificate(error) = error {
            return Self::from_certificate(error);
        }
        if let Error::AlertReceived(alert) = error {
            return Self::Refused(alert);
        }
        Self::Broken(error)
    }

    /// What is wrong when the server has not said anything sound yet.
    pub(super) fn at_start(error: Error) -> Self {
        if matches!(error, Error::InvalidMessage(_)) { Self::NotTls } else { Self::from_rustls(error) }
    }

    /// Whether it can only happen before anything was sent.
    pub fn comes_first(&self) -> bool {
        match self {
            Self::Issuer
            | Self::Name { .. }
            | Self::Expired
            | Self::Early
            | Self::Authority
            | Self::Certificate(_)
            | Self::NotTls
            | Self::Closed => true,
            Self::Refused(_) | Self::Broken(_) => false,
        }
    }

    fn from_certificate(error: CertificateError) -> Self {
        // A bad signature is one by another authority of the same name.
        if matches!(error, CertificateError::UnknownIssuer | CertificateError::BadSignature) {
            return Self::Issuer;
        }
        if error == CertificateError::NotValidForName {
            return Self::Name { presented: Vec::new() };
        }
        if let CertificateError::NotValidForNameContext { presented, .. } = error {
            return Self::Name { presented: presented.iter().map(|name| bare(name)).collect() };
        }
        if matches!(error, CertificateError::Expired | CertificateError::ExpiredContext { .. }) {
            return Self::Expired;
        }
        if matches!(error, CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) {
            return Self::Early;
        }
        // rustls has no name of its own for it.
        if format!("{error:?}").contains("CaUsedAsEndEntity") {
            return Self::Authority;
        }
        Self::Certificate(error.to_string())
    }
}

/// `example.org` of `DnsName("example.org")`, which is how rustls shows the names of a certificate.
fn bare(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_owned()
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer => f.write_str(
                "its certificate comes from an authority that is not trusted here; name that authority's PEM file as cacert",
            ),
            Self::Name { presented } if presented.is_empty() => f.write_str(
                "its certificate is for no name that a URL can have; give it one with the URL's host as subjectAltName",
            ),
            Self::Name { presented } => write!(
                f,
                "its certificate is not for the host of the URL but for {}; write such a name into the URL, or give it another certificate",
                presented.join(", ")
            ),
            Self::Expired => f.write_str("its certificate has expired; renew it, or correct this machine's clock"),
            Self::Early => f.write_str("its certificate is not valid yet; wait, or correct this machine's clock"),
            Self::Authority => f.write_str(
                "its certificate is that of an authority; give it one of its own, with basicConstraints CA:FALSE",
            ),
            Self::Certificate(why) => write!(f, "its certificate cannot be accepted ({why}); give it another"),
            Self::NotTls => f.write_str("it does not speak TLS; use a URL with http://, or another port"),
            Self::Closed => f.write_str(
                "it closed the connection instead of agreeing on TLS; check its log, and that this port speaks TLS",
            ),
            Self::Refused(alert) => {
                write!(f, "it refused TLS with the alert {alert:?}; check its log")?;
                if let AlertDescription::CertificateRequired | AlertDescription::BadCertificate = alert {
                    f.write_str(", and whether it wants a certificate from this client (cert and key)")?;
                }
                Ok(())
            }
            Self::Broken(error) => write!(f, "TLS broke ({error}); check what answers there"),
        }
    }
}

impl std::error::Error for TlsFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_they_stand_in_urls() {
        for (shown, name) in [
            ("DnsName(\"example.org\")", "example.org"),
            ("IpAddress(127.0.0.1)", "127.0.0.1"),
            ("example.org", "example.org"),
        ] {
            assert_eq!(bare(shown), name);
        }
    }
}
