use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{InconsistentKeys, RootCertStore, ServerConfig};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::{Files, TlsError};

/// Largest file that is read, bytes: a bundle of all authorities of the world has a tenth.
const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// What the files hold, as it stands in them.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Material {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_authorities: Option<Vec<u8>>,
}

impl Material {
    pub fn read(files: &Files) -> Result<Self, TlsError> {
        let client_authorities = files.client_authorities.as_deref().map(read).transpose()?;
        Ok(Self { certificate: read(&files.certificate)?, key: read(&files.key)?, client_authorities })
    }

    /// What to agree on TLS with, if all of it is sound and fits.
    pub fn check(&self, files: &Files) -> Result<ServerConfig, TlsError> {
        let chain = certificates(&self.certificate, &files.certificate)?;
        let key = private_key(&self.key, &files.key)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let setup = |error: &dyn ToString| TlsError::Setup(error.to_string());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| setup(&error))?;
        let builder = match files.client_authorities.as_deref().zip(self.client_authorities.as_deref()) {
            None => builder.with_no_client_auth(),
            Some((file, bytes)) => {
                let roots = Arc::new(authorities(bytes, file)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let verifier = verifier.allow_unauthenticated().build().map_err(|error| setup(&error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let (certificate, named_key) = (files.certificate.clone(), files.key.clone());
        let mut config = builder.with_single_cert(chain, key).map_err(|error| {
            if error == rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) {
                TlsError::Mismatch { certificate, key: named_key }
            } else {
                TlsError::Unusable { certificate, key: named_key, error }
            }
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Tells what may be meant so, but hardly is.
    pub fn warn(&self, files: &Files) {
        let file = files.certificate.display();
        if let Ok(chain) = certificates(&self.certificate, &files.certificate)
            && let Some(Ok((_, certificate))) = chain.first().map(|der| X509Certificate::from_der(der))
            && !certificate.validity().is_valid()
        {
            let (from, to) = (&certificate.validity().not_before, &certificate.validity().not_after);
            tracing::warn!(%file, %from, %to, "the TLS certificate is not valid today, so clients will refuse it; renew it");
        }
        let file = files.key.display();
        if fs::metadata(&files.key).is_ok_and(|key| key.permissions().mode() & 0o004 != 0) {
            tracing::warn!(%file, "every user of this machine can read the private key; take that right away (chmod o-r)");
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| TlsError::Unreadable { file: file.to_owned(), error })?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(TlsError::TooLarge { file: file.to_owned() });
    }
    Ok(bytes)
}

/// All certificates of a PEM file: at least one.
fn certificates(bytes: &[u8], file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    match CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(TlsError::NoCertificate { file: file.to_owned() }),
    }
}

fn private_key(bytes: &[u8], file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let contains = |mark: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
    match PrivateKeyDer::from_pem_slice(bytes) {
        Ok(key) => Ok(key),
        // Both forms: PKCS #8, and the older one with a field of its own.
        Err(_) if contains(b"BEGIN ENCRYPTED PRIVATE KEY") || contains(b"Proc-Type: 4,ENCRYPTED") => {
            Err(TlsError::EncryptedKey { file: file.to_owned() })
        }
        Err(_) => Err(TlsError::NoKey { file: file.to_owned() }),
    }
}

fn authorities(bytes: &[u8], file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for (certificate, number) in certificates(bytes, file)?.into_iter().zip(1..) {
        roots.add(certificate).map_err(|error| TlsError::Authority {
            file: file.to_owned(),
            number,
            error,
        })?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests;
