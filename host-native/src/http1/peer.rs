use std::net::SocketAddr;

use rustls::pki_types::CertificateDer;
use wharfinger_core::oci::{Algorithm, Digest};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

/// Who is at the other end of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Where it connects from; `None` if it left before that could be asked.
    pub address: Option<SocketAddr>,
    /// Whether TLS is spoken with it.
    pub secure: bool,
    /// What it has proved to be, if it showed a certificate.
    pub certificate: Option<ClientCertificate>,
}

/// A client's certificate that an authority of ours has signed, and whose key the client has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its names, each with its kind before it: `SHA256:` and the digest of the whole certificate in lower case hex, always
    /// the first; then, as far as it has them, `CN=`, `DNS:` (in lower case), `URI:` and `EMAIL:`.
    pub names: Vec<String>,
}

impl Peer {
    /// The names of the verified certificate; none without one.
    pub fn certificate_names(&self) -> &[String] {
        self.certificate.as_ref().map_or(&[], |certificate| &certificate.names)
    }
}

impl ClientCertificate {
    pub(super) fn read(der: &CertificateDer<'_>) -> Self {
        let digest = Digest::of(Algorithm::Sha256, der);
        let hex: String = digest.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut names = vec![format!("SHA256:{hex}")];
        // What does not read has that one name: whoever verified it has read what counts.
        if let Ok((_, certificate)) = X509Certificate::from_der(der) {
            let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
            names.extend(common.map(|name| format!("CN={name}")));
            if let Ok(Some(others)) = certificate.subject_alternative_name() {
                names.extend(others.value.general_names.iter().filter_map(alternative));
            }
        }
        Self { names }
    }
}

fn alternative(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(format!("DNS:{}", name.to_ascii_lowercase())),
        GeneralName::URI(name) => Some(format!("URI:{name}")),
        GeneralName::RFC822Name(name) => Some(format!("EMAIL:{name}")),
        GeneralName::OtherName(..)
        | GeneralName::X400Address(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::IPAddress(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

    #[test]
    fn a_certificate_goes_by_all_its_names() {
        let mut params = CertificateParams::new(vec!["CI.example.org".to_owned()]).expect("a name");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Harbour");
        params.distinguished_name.push(DnType::CommonName, "crane, no. 7");
        let text = |text: &str| text.try_into().expect("ASCII");
        params.subject_alt_names.push(SanType::URI(text("spiffe://example.org/ci")));
        params.subject_alt_names.push(SanType::Rfc822Name(text("Crane@example.org")));
        params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let hex = Digest::of(Algorithm::Sha256, certificate.der()).to_string().replace("sha256:", "SHA256:");
        let names = ClientCertificate::read(certificate.der()).names;
        let others = [
            "CN=crane, no. 7",
            "DNS:ci.example.org",
            "URI:spiffe://example.org/ci",
            "EMAIL:Crane@example.org",
        ];
        assert_eq!(names, [&[hex.as_str()], others.as_slice()].concat());
    }

    #[test]
    fn what_does_not_read_goes_by_its_digest() {
        let names = ClientCertificate::read(&CertificateDer::from(b"abc".to_vec())).names;
        let digest = "SHA256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(names, [digest]);
    }
}
