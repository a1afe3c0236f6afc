use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Uri;
use sha2::Sha256;

use super::text::{hex, unescape};
use super::{Endpoint, SecretText};
use crate::store::Key;

/// A URL by which anybody can GET an object until `expires`, in seconds since 1970. It is signed with HMAC-SHA256.
///
/// The account or the container has `secret` as one of its keys, see [`super::TempUrlKeys`]. A key of the container opens
/// nothing outside of it: a large object whose segments stand in another container is answered with 409 then.
///
/// By such a URL Swift says that the content is an attachment, named by its hex: no browser shows what somebody pushed as
/// a page of that host. Clients of registries do not care.
pub fn temp_url(endpoint: &Endpoint, key: &Key, secret: &SecretText, expires: u64) -> Uri {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("GET\n{expires}\n").as_bytes());
    // What is signed is the path as Swift sees it: not escaped.
    mac.update(&unescape(endpoint.storage_url().path()));
    mac.update(endpoint.path_of(key).as_bytes());
    let signature = hex(&mac.finalize().into_bytes());
    endpoint.object_uri_with(key, &format!("?temp_url_sig={signature}&temp_url_expires={expires}"))
}
