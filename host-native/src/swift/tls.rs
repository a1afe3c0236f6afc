use super::StartError;
use crate::client::{Identity, Tls, Trust};
use crate::clouds::Cloud;

/// What the login needs of TLS.
pub(super) fn to_log_in(cloud: &Cloud) -> Result<Option<Tls>, StartError> {
    if wants_tls(&cloud.auth.auth_url) { set_up(cloud).map(Some) } else { Ok(None) }
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

fn wants_tls(url: &str) -> bool {
    url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}
