use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, PKCS_RSA_SHA256};

use super::*;

const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
const ENCRYPTED_BEFORE: &str = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
    DEK-Info: AES-128-CBC,00\n\nMAA=\n-----END RSA PRIVATE KEY-----\n";

fn files() -> Files {
    Files {
        certificate: PathBuf::from("/cert.pem"),
        key: PathBuf::from("/key.pem"),
        client_authorities: Some(PathBuf::from("/ca.pem")),
    }
}

fn pair_of(key: KeyPair) -> (String, String) {
    let params = CertificateParams::new(vec!["h.example".to_owned()]).expect("a name");
    (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
}

fn pair() -> (String, String) {
    pair_of(KeyPair::generate().expect("a key"))
}

fn check(certificate: &str, key: &str, authorities: Option<&str>) -> Result<ServerConfig, String> {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let material = Material {
        certificate: bytes(certificate),
        key: bytes(key),
        client_authorities: authorities.map(bytes),
    };
    material.check(&files()).map_err(|error| error.to_string())
}

#[test]
fn pairs_of_every_kind_of_key_do() {
    for kind in
        [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &PKCS_ED25519, &PKCS_RSA_SHA256]
    {
        let (certificate, key) = pair_of(KeyPair::generate_for(kind).expect("a key"));
        let config = check(&certificate, &key, None).expect("a pair");
        assert_eq!(config.alpn_protocols, [b"http/1.1"]);
        // In one file, as some tools make it.
        let both = format!("{key}{certificate}");
        check(&both, &both, Some(&certificate)).expect("a pair and an authority");
    }
}

#[test]
fn whatever_does_not_do_is_named_with_its_file() {
    let (certificate, key) = pair();
    let (other, other_key) = pair();
    let damaged = certificate.replace("\nM", "\n!");
    for (certificate, key, authorities, expected) in [
        ("", key.as_str(), None, "/cert.pem holds no sound certificate"),
        (&key, &key, None, "/cert.pem holds no sound certificate"),
        (&damaged, &key, None, "/cert.pem holds no sound certificate"),
        (&certificate, "", None, "/key.pem holds no private key"),
        (&certificate, &certificate, None, "/key.pem holds no private key"),
        (&certificate, ENCRYPTED, None, "the private key in /key.pem is encrypted; decrypt it"),
        (&certificate, ENCRYPTED_BEFORE, None, "the private key in /key.pem is encrypted; decrypt it"),
        (
            &certificate,
            &other_key,
            None,
            "the private key in /key.pem is not that of the first certificate in /cert.pem",
        ),
        (&other, &key, None, "the private key in /key.pem is not that of the first certificate in /cert.pem"),
        (&certificate, &key, Some(""), "/ca.pem holds no sound certificate"),
        (&certificate, &key, Some(&key), "/ca.pem holds no sound certificate"),
    ] {
        let error = check(certificate, key, authorities).err().unwrap_or_default();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("; "), "{error}");
    }
}

#[test]
fn an_authority_that_cannot_be_one_is_named_by_its_number() {
    let (certificate, key) = pair();
    let empty = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let error = check(&certificate, &key, Some(&format!("{certificate}{empty}"))).err().unwrap_or_default();
    assert!(error.starts_with("certificate 2 in /ca.pem cannot be an authority's"), "{error}");
    let error = check(empty, &key, None).err().unwrap_or_default();
    assert!(error.contains("/cert.pem and /key.pem cannot be served with"), "{error}");
}
