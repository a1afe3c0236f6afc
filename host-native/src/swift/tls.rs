use std::net::IpAddr;

use super::StartError;
use crate::client::{Identity, Tls, Trust};
use crate::clouds::Cloud;

/// What the login needs of TLS.
pub(super) fn to_log_in(cloud: &Cloud) -> Result<Option<Tls>, StartError> {
    let url = &cloud.auth.auth_url;
    if wants_tls(url) {
        return set_up(cloud).map(Some);
    }
    if !stays_here(url) {
        tracing::warn!(
            cloud = cloud.name,
            "the login is not behind https://, so passwords and tokens pass in the clear; give the cloud an auth_url \
             with https://"
        );
    }
    Ok(None)
}

/// What the object store needs of TLS, unless the login needed the same.
pub(super) fn to_store(cloud: &Cloud, storage_url: &str) -> Result<Option<Tls>, StartError> {
    match (wants_tls(&cloud.auth.auth_url), wants_tls(storage_url)) {
        (false, true) => set_up(cloud).map(Some),
        (true, false) => {
            tracing::warn!(
                url = storage_url,
                "the login is behind https://, but tokens and content go to Swift in the clear; correct the catalog, or \
                 give the cloud an object_store_endpoint_override with https://"
            );
            Ok(None)
        }
        (true, true) | (false, false) => Ok(None),
    }
}

fn set_up(cloud: &Cloud) -> Result<Tls, StartError> {
    let trust = match &cloud.cacert {
        _ if !cloud.verify => {
            tracing::warn!(
                cloud = cloud.name,
                "certificates are not checked, so anybody on the way can read and change everything; remove `verify: \
                 false` or `insecure`, and name the authority's PEM file as cacert"
            );
            Trust::Anybody
        }
        Some(file) => Trust::File(file.clone()),
        None => Trust::System,
    };
    let identity = cloud
        .cert
        .as_ref()
        .map(|cert| Identity { certificates: cert.clone(), key: cloud.key.as_ref().unwrap_or(cert).clone() });
    Tls::new(&trust, identity.as_ref()).map_err(|error| StartError::Tls { cloud: cloud.name.clone(), error })
}

/// Whether the URL's host is this machine.
fn stays_here(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn wants_tls(url: &str) -> bool {
    url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for url in
            ["http://127.0.0.1:5000/v3", "http://127.8.0.1", "http://[::1]:5000/v3", "http://LocalHost/v3"]
        {
            assert!(stays_here(url), "{url}");
        }
        for url in [
            "http://10.0.0.1/v3",
            "http://localhost.example/v3",
            "http://keystone:5000",
            "http://[::2]/",
            "x y",
        ] {
            assert!(!stays_here(url), "{url}");
        }
    }
}
